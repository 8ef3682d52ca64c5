//! What happened, whoever tells it; and what may be wrong with the telling.

use std::net::IpAddr;

use super::{Form, Product};
use crate::{networks::host, random::Random};

/// What a record tells. What may be broken is text.
#[derive(Clone, Debug)]
pub(super) struct Flow {
    /// Whether there was traffic in the window.
    pub(super) traffic: bool,
    pub(super) src: String,
    pub(super) dst: String,
    pub(super) src_port: String,
    pub(super) dst_port: String,
    pub(super) v6: bool,
    pub(super) protocol: Protocol,
    pub(super) app: &'static str,
    pub(super) outward: bool,
    pub(super) accepted: bool,
    pub(super) packets: String,
    pub(super) bytes: u64,
    /// Epoch seconds.
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) tcp_flags: u8,
    /// Ranks of what the names of things are made from.
    pub(super) account: u64,
    pub(super) interface: u64,
    pub(super) place: Option<&'static (&'static str, &'static str)>,
    pub(super) host: Option<&'static str>,
    pub(super) id: u64,
}

/// The number and the firewall's word for it.
type Protocol = (u8, &'static str);

const TCP: Protocol = (6, "TCP");
const UDP: Protocol = (17, "UDP");
const ICMP: Protocol = (1, "ICMP");
const ICMPV6: Protocol = (58, "ICMPv6");
const GRE: Protocol = (47, "GRE");

/// The most frequent first.
const TCP_SERVICES: &[(u16, &str)] = &[
    (443, "HTTPS"),
    (80, "HTTP"),
    (3306, "MySQL"),
    (22, "SSH"),
    (6379, "Redis"),
    (8080, "HTTP"),
    (9092, "Kafka"),
    (3389, "RDP"),
    (445, "SMB"),
    (25, "SMTP"),
    (5432, "PostgreSQL"),
    (23, "Telnet"),
    (9200, "Elasticsearch"),
    (21, "FTP"),
    (10250, "Unknown"),
];

const UDP_SERVICES: &[(u16, &str)] = &[
    (53, "DNS"),
    (123, "NTP"),
    (443, "QUIC"),
    (161, "SNMP"),
    (514, "Syslog"),
    (1900, "SSDP"),
    (4789, "VXLAN"),
];

const PLACES: &[(&str, &str)] =
    &[("CN", "中国"), ("US", "United States"), ("SG", "Singapore"), ("DE", "Germany"), ("BR", "Brasil")];

const HOSTS: &[&str] = &["www.example.com", "api.example.org", "cdn-7.assets.example.net", "db.example"];

impl Flow {
    pub(super) fn new(r: &mut Random, i: u64) -> Self {
        let v6 = r.per_mille(50);
        let protocol = match r.below(100) {
            0..75 => TCP,
            75..95 => UDP,
            95..99 if v6 => ICMPV6,
            95..99 => ICMP,
            _ => GRE,
        };
        let service = match protocol {
            TCP => Some(r.one_of(TCP_SERVICES)),
            UDP => Some(r.one_of(UDP_SERVICES)),
            _ => None,
        };
        let mut src = (host(r.zipf(12), true, v6), service.map_or(0, |_| 32_768 + r.below(28_232)));
        // Half of the traffic leaves the network.
        let inside = r.per_mille(500);
        let mut dst =
            (host(r.zipf(14), inside, v6), service.map_or(0, |(port, _): (u16, _)| u64::from(port)));
        let outward = r.per_mille(550);
        if !outward {
            (src, dst) = (dst, src);
        }
        let packets = 1 + r.zipf(14);
        let start = 1_718_000_000 + i / 200;
        let text = |address: IpAddr| address.to_string();
        Self {
            traffic: !r.per_mille(10),
            src: text(src.0),
            dst: text(dst.0),
            src_port: src.1.to_string(),
            dst_port: dst.1.to_string(),
            v6,
            protocol,
            app: service.map_or("Unknown", |s| s.1),
            outward,
            accepted: !r.per_mille(80),
            packets: packets.to_string(),
            bytes: packets * (40 + r.below(1421)),
            start,
            end: start + 1 + r.below(600),
            tcp_flags: if protocol == TCP { [2, 18, 19, 24, 27][r.below(5) as usize] } else { 0 },
            account: r.zipf(4),
            interface: r.zipf(10),
            place: r.per_mille(200).then(|| &PLACES[r.below(PLACES.len() as u64) as usize]),
            host: r.per_mille(100).then(|| r.one_of(HOSTS)),
            id: r.any(),
        }
    }
}

/// Stands where a byte goes that is not UTF-8. It is like any letter to every form.
pub(super) const BROKEN_BYTE: u8 = 0x7f;

/// What is wrong with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Address,
    Port,
    Counter,
    NotUtf8,
    CutShort,
}

impl Fault {
    /// One that takes this record and no other with it, if there is one.
    pub(super) fn choose(r: &mut Random, product: Product, form: Form, flow: &Flow) -> Option<Self> {
        let can = |fault: &Self| match fault {
            Self::Address | Self::Port | Self::Counter | Self::NotUtf8 => {
                (flow.traffic || !product.has_no_data()) && product.minds(*fault)
            }
            Self::CutShort => form.can_be_cut(),
        };
        let all = [Self::Address, Self::Port, Self::Counter, Self::NotUtf8, Self::CutShort];
        let (mut faults, mut n) = (all, 0);
        for fault in all.into_iter().filter(can) {
            faults[n] = fault;
            n += 1;
        }
        (n > 0).then(|| faults[r.below(n as u64) as usize])
    }

    /// Breaks a value.
    pub(super) fn before(self, flow: &mut Flow) {
        match self {
            Self::Address => flow.src = "300.1.1.1".into(),
            Self::Port => {
                flow.src_port = "70000".into();
                flow.dst_port = "70000".into();
            }
            Self::Counter => flow.packets = "-5".into(),
            Self::NotUtf8 => flow.src = char::from(BROKEN_BYTE).into(),
            Self::CutShort => {}
        }
    }
}

/// Where to cut a record short: in the middle, and where it is JSON, within a string, because
/// elsewhere it might go on with the next line.
pub(super) fn middle(record: &[u8]) -> usize {
    let half = record.len() / 2;
    if record.first() != Some(&b'{') {
        return half;
    }
    let (mut inside, mut escaped) = (false, false);
    for (i, &byte) in record.iter().enumerate() {
        if inside && i >= half {
            return i;
        }
        inside ^= byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
    }
    half
}
