//! Records like real ones: skewed addresses, mixed protocols, 1 % without traffic, some IPv6,
//! lines of every length; the same bytes for the same seed.

use std::{fmt::Write as _, net::IpAddr};

use crate::{
    networks::host,
    random::{Random, mix},
};

/// Whose records, in which form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Huawei VPC flow log lines.
    HuaweiVpc,
    /// Huawei Cloud Firewall flow logs as its API answers: pages of records, a page a line.
    HuaweiCfw,
    /// Alibaba VPC flow logs as SLS delivers them: a JSON object a line.
    AlibabaVpc,
}

impl Source {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::HuaweiVpc, Self::HuaweiCfw, Self::AlibabaVpc];

    /// The product's id.
    pub fn id(self) -> &'static str {
        match self {
            Self::HuaweiVpc => "huawei-vpc",
            Self::HuaweiCfw => "huawei-cfw",
            Self::AlibabaVpc => "alibaba-vpc",
        }
    }
}

/// How many records one page of the firewall's API holds.
const PAGE: usize = 1000;

/// An input, and what is known about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// The input as it is read from a file.
    pub bytes: Vec<u8>,
    /// How many records it holds, broken ones included.
    pub records: usize,
    /// How many of them are broken, each so that it is rejected and no other with it.
    pub broken: usize,
}

/// Makes an input without broken records.
pub fn sound(source: Source, records: usize, seed: u64) -> Input {
    make(source, records, seed, 0)
}

/// Makes the same input, but with about 1 % of the records broken.
pub fn with_broken(source: Source, records: usize, seed: u64) -> Input {
    make(source, records, seed, 10)
}

fn make(source: Source, records: usize, seed: u64, per_mille: u64) -> Input {
    let mut random = Random::new(seed);
    // A sequence of its own, so that the sound records stay the same.
    let mut faults = Random::new(mix(seed ^ 1));
    let mut input = Input { bytes: Vec::new(), records, broken: 0 };
    for i in 0..records {
        let mut flow = Flow::new(&mut random, i as u64);
        let fault = faults.per_mille(per_mille).then(|| Fault::choose(&mut faults, source, &flow));
        if let Some(fault) = fault {
            fault.before(&mut flow);
            input.broken += 1;
        }
        let mut text = String::new();
        match source {
            Source::HuaweiVpc => huawei_vpc(&flow, &mut text),
            Source::HuaweiCfw => huawei_cfw(&flow, &mut text),
            Source::AlibabaVpc => alibaba_vpc(&flow, &mut text),
        }
        let mut record = text.into_bytes();
        if let Some(fault) = fault {
            fault.after(&mut record);
        }
        let out = &mut input.bytes;
        match source {
            Source::HuaweiVpc | Source::AlibabaVpc => {
                out.extend_from_slice(&record);
                out.push(b'\n');
            }
            Source::HuaweiCfw => {
                let begins: &[u8] = match i % PAGE {
                    0 => b"{\"data\":{\"limit\":1000,\"records\":[",
                    _ => b",",
                };
                out.extend_from_slice(begins);
                out.extend_from_slice(&record);
                if i % PAGE == PAGE - 1 || i == records - 1 {
                    out.extend_from_slice(format!("],\"total\":{records}}}}}\n").as_bytes());
                }
            }
        }
    }
    input
}

/// What a record tells. What may be broken is text.
#[derive(Clone, Debug)]
struct Flow {
    /// Whether there was traffic in the window.
    traffic: bool,
    src: String,
    dst: String,
    src_port: String,
    dst_port: String,
    v6: bool,
    protocol: Protocol,
    app: &'static str,
    outward: bool,
    accepted: bool,
    packets: String,
    bytes: u64,
    /// Epoch seconds.
    start: u64,
    end: u64,
    tcp_flags: u8,
    /// Ranks of what the names of things are made from.
    account: u64,
    interface: u64,
    place: Option<&'static (&'static str, &'static str)>,
    host: Option<&'static str>,
    id: u64,
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
    fn new(r: &mut Random, i: u64) -> Self {
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

/// What is wrong with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Address,
    Port,
    Counter,
    NotUtf8,
    CutShort,
}

impl Fault {
    fn choose(r: &mut Random, source: Source, flow: &Flow) -> Self {
        // A record cut short would take its page with it.
        let faults = match source {
            Source::HuaweiCfw => &[Self::Address, Self::Port, Self::Counter, Self::NotUtf8][..],
            _ if !flow.traffic => &[Self::CutShort],
            _ => &[Self::Address, Self::Port, Self::Counter, Self::NotUtf8, Self::CutShort],
        };
        faults[r.below(faults.len() as u64) as usize]
    }

    /// Breaks a value.
    fn before(self, flow: &mut Flow) {
        match self {
            Self::Address => flow.src = "300.1.1.1".into(),
            Self::Port => flow.dst_port = "70000".into(),
            Self::Counter => flow.packets = "-5".into(),
            // Marks the place.
            Self::NotUtf8 => flow.dst = "\0".into(),
            Self::CutShort => {}
        }
    }

    /// Breaks the text.
    fn after(self, record: &mut Vec<u8>) {
        match self {
            Self::NotUtf8 => record.iter_mut().filter(|b| **b == 0).for_each(|b| *b = 0xff),
            Self::CutShort => record.truncate(record.len() / 2),
            Self::Address | Self::Port | Self::Counter => {}
        }
    }
}

fn huawei_vpc(f: &Flow, out: &mut String) {
    let (account, interface) = (mix(f.account), mix(f.interface));
    // Writing to a string can't fail.
    let _ = write!(
        out,
        "1 {account:016x}{:016x} {:08x}-{:04x}-4{:03x}-8{:03x}-{:012x} ",
        mix(account),
        interface >> 32,
        interface >> 16 & 0xffff,
        interface >> 4 & 0xfff,
        interface & 0xfff,
        mix(interface) >> 16,
    );
    let (start, end) = (f.start, f.end);
    let _ = match f.traffic {
        false => write!(out, "- - - - - - - {start} {end} - NODATA"),
        true => write!(
            out,
            "{} {} {} {} {} {} {} {start} {end} {} OK",
            f.src,
            f.dst,
            f.src_port,
            f.dst_port,
            f.protocol.0,
            f.packets,
            f.bytes,
            if f.accepted { "ACCEPT" } else { "REJECT" }
        ),
    };
}

fn huawei_cfw(f: &Flow, out: &mut String) {
    let direction = if f.outward { "in2out" } else { "out2in" };
    let _ = write!(
        out,
        r#"{{"app":"{}","bytes":{}.0,"direction":"{direction}","dst_ip":"{}","dst_port":{},"#,
        f.app, f.bytes, f.dst, f.dst_port
    );
    if let Some(host) = f.host {
        let _ = write!(out, r#""dst_host":"{host}","#);
    }
    if let Some((id, name)) = f.place {
        let _ = write!(out, r#""dst_region_id":"{id}","dst_region_name":"{name}","#);
    }
    let _ = write!(
        out,
        r#""end_time":{},"log_id":"{:x}","packets":{},"protocol":"{}","src_ip":"{}","src_port":{},"start_time":{}}}"#,
        f.end * 1000 + f.id % 1000,
        f.id,
        f.packets,
        f.protocol.1,
        f.src,
        f.src_port,
        f.start * 1000
    );
}

fn alibaba_vpc(f: &Flow, out: &mut String) {
    let (interface, subnet) = (mix(f.interface), mix(f.interface % 16));
    let _ = write!(
        out,
        r#"{{"__time__":"{}","__topic__":"flow_log","__source__":"","__tag__:__receive_time__":"{}","version":"1","account-id":"{:016}","eni-id":"eni-bp{:018x}","#,
        f.end,
        f.end + 12,
        mix(f.account) >> 14,
        interface,
    );
    let (start, end) = (f.start, f.end);
    if !f.traffic {
        let _ = write!(out, r#""start":"{start}","end":"{end}","log-status":"NODATA"}}"#);
        return;
    }
    let _ = write!(
        out,
        r#""vm-id":"i-bp{:018x}","vswitch-id":"vsw-bp{subnet:019x}","vpc-id":"vpc-bp{:019x}","type":"{}","protocol":"{}","srcaddr":"{}","srcport":"{}","dstaddr":"{}","dstport":"{}","direction":"{}","action":"{}","packets":"{}","bytes":"{}","start":"{start}","end":"{end}","log-status":"OK","tcp-flags":"{}","traffic_path":"{}"}}"#,
        mix(interface),
        mix(subnet % 4),
        if f.v6 { "IPv6" } else { "IPv4" },
        f.protocol.0,
        f.src,
        f.src_port,
        f.dst,
        f.dst_port,
        if f.outward { "out" } else { "in" },
        if f.accepted { "ACCEPT" } else { "REJECT" },
        f.packets,
        f.bytes,
        f.tcp_flags,
        1 + f.id % 22,
    );
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use weir_normalizer::Config;

    use super::*;
    use crate::stages::{Counts, Framing, Normalizing};

    const RECORDS: usize = 20_000;

    fn normalized(input: &Input) -> Counts {
        Normalizing::new(&Config::default()).batches(&Framing::new().batches(&input.bytes))
    }

    #[test]
    fn the_same_seed_makes_the_same_bytes() {
        for source in Source::ALL {
            for make in [sound, with_broken] {
                assert_eq!(make(source, 2500, 7), make(source, 2500, 7), "{source:?}");
                assert_ne!(make(source, 2500, 7).bytes, make(source, 2500, 8).bytes, "{source:?}");
            }
        }
    }

    #[test]
    fn everything_sound_is_normalized() {
        for source in Source::ALL {
            let input = sound(source, RECORDS, 1);
            let counts = normalized(&input);
            assert_eq!((counts.normalized, counts.rejected), (RECORDS, 0), "{source:?}");
        }
    }

    #[test]
    fn everything_broken_is_rejected_and_nothing_else() {
        for source in Source::ALL {
            let input = with_broken(source, RECORDS, 1);
            assert!((RECORDS / 125..RECORDS / 80).contains(&input.broken), "{source:?}: {}", input.broken);
            let counts = normalized(&input);
            let expected = (RECORDS - input.broken, input.broken);
            assert_eq!((counts.normalized, counts.rejected), expected, "{source:?}");
        }
    }

    #[test]
    fn each_record_is_an_element() {
        for source in Source::ALL {
            for input in [sound(source, RECORDS, 1), with_broken(source, RECORDS, 1)] {
                let elements: usize =
                    Framing::new().batches(&input.bytes).iter().map(|b| b.elements.len()).sum();
                assert_eq!(elements, RECORDS, "{source:?}");
            }
        }
    }

    #[test]
    fn breaking_some_leaves_the_others() {
        for source in [Source::HuaweiVpc, Source::AlibabaVpc] {
            let (a, b) = (sound(source, 5000, 3), with_broken(source, 5000, 3));
            let lines = |input: &'_ Input| -> Vec<Vec<u8>> {
                input.bytes.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect()
            };
            let differ = lines(&a).iter().zip(&lines(&b)).filter(|(a, b)| a != b).count();
            assert_eq!(differ, b.broken, "{source:?}");
        }
    }

    #[test]
    fn records_are_like_real_ones() {
        let input = sound(Source::HuaweiVpc, RECORDS, 1);
        let text = String::from_utf8(input.bytes).unwrap();
        let share = |is: &dyn Fn(&[&str]) -> bool| {
            let rows = text.lines().map(|l| l.split(' ').collect::<Vec<_>>());
            rows.filter(|row| is(row)).count() * 1000 / RECORDS
        };
        // In a thousand.
        for (what, found, expected) in [
            ("no data", share(&|row| row[13] == "NODATA"), 7..14),
            ("IPv6", share(&|row| row[3].contains(':')), 40..60),
            ("TCP", share(&|row| row[7] == "6"), 700..790),
            ("UDP", share(&|row| row[7] == "17"), 160..240),
            ("rejected", share(&|row| row[12] == "REJECT"), 60..100),
        ] {
            assert!(expected.contains(&found), "{what}: {found}");
        }
        let lengths: BTreeSet<usize> = text.lines().map(str::len).collect();
        assert!(lengths.len() > 40, "{lengths:?}");
        let sources: BTreeSet<&str> = text.lines().filter_map(|l| l.split(' ').nth(3)).collect();
        assert!((2000..RECORDS / 2).contains(&sources.len()), "{}", sources.len());
    }
}
