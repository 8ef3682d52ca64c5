//! Community ID: the same short name for a flow in the output of every tool.
//!
//! Specification: "Community ID Flow Hashing", version 1, with the seed 0. The exact handling
//! of ICMP is that of Zeek and of the reference implementation.

use std::net::IpAddr;

/// `1:` and the hash in base64.
pub(crate) type CommunityId = [u8; 30];

const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const IPV6_ICMP: u8 = 58;
const SCTP: u8 = 132;

/// The same with ports as they may be in a record.
#[inline(always)]
pub(crate) fn of_flow(
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    source_port: Option<u64>,
    destination_port: Option<u64>,
) -> Option<CommunityId> {
    let port = |port: Option<u64>| u16::try_from(port?).ok();
    v1(source, destination, protocol, port(source_port).zip(port(destination_port)))
}

/// The ID of a flow; with ICMP the ports are the message's type and code. None where a port
/// is missing, the addresses are of two families, or the ports can't be a type and a code.
#[inline(never)]
pub(crate) fn v1(
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    ports: Option<(u16, u16)>,
) -> Option<CommunityId> {
    if source.is_ipv4() != destination.is_ipv4() {
        return None;
    }
    let mut one_way = false;
    let ports = match protocol {
        TCP | UDP | SCTP => Some(ports?),
        ICMP | IPV6_ICMP => {
            let (kind, code) = ports?;
            let (kind, code) = (u8::try_from(kind).ok()?, u8::try_from(code).ok()?);
            let answer = if protocol == ICMP { icmp_counterpart(kind) } else { ipv6_icmp_counterpart(kind) };
            one_way = answer.is_none();
            Some((u16::from(kind), u16::from(answer.unwrap_or(code))))
        }
        _ => None,
    };
    let (from, to) = ports.unwrap_or_default();
    // The smaller end comes first, so that both directions have one ID.
    let in_order = one_way || (source, from) < (destination, to);
    let ends =
        if in_order { [(source, from), (destination, to)] } else { [(destination, to), (source, from)] };

    // Seed, addresses, protocol, padding, ports.
    let mut bytes = [0; 2 + 16 + 16 + 2 + 4];
    let mut at = 2;
    let mut put = |part: &[u8]| {
        bytes[at..at + part.len()].copy_from_slice(part);
        at += part.len();
    };
    for (address, _) in ends {
        match address {
            IpAddr::V4(a) => put(&a.octets()),
            IpAddr::V6(a) => put(&a.octets()),
        }
    }
    put(&[protocol, 0]);
    if ports.is_some() {
        for (_, port) in ends {
            put(&port.to_be_bytes());
        }
    }
    Some(spelled(sha1(&bytes[..at])?))
}

/// `1:` and the hash in base64. Libraries do it for texts of any length, and 20 bytes are always 28
/// characters.
fn spelled(hash: [u8; 20]) -> CommunityId {
    const CHARACTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut id = *b"1:                            ";
    let mut padded = [0; 21];
    padded[..20].copy_from_slice(&hash);
    for (four, three) in id[2..].as_chunks_mut::<4>().0.iter_mut().zip(padded.as_chunks::<3>().0) {
        let bits = u32::from_be_bytes([0, three[0], three[1], three[2]]);
        *four = [18, 12, 6, 0].map(|by| CHARACTERS[(bits >> by & 63) as usize]);
    }
    id[29] = b'=';
    id
}

/// The SHA-1 (FIPS 180-4) of what fits into one block with its length, so of up to 55 bytes. Libraries
/// spell all of its 80 rounds out, for long texts: that would be 4 KB more in the guest.
fn sha1(bytes: &[u8]) -> Option<[u8; 20]> {
    const LEN: usize = 64 - 8;
    let mut block = [0; 64];
    block[..LEN].get_mut(..bytes.len())?.copy_from_slice(bytes);
    *block[..LEN].get_mut(bytes.len())? = 0x80;
    block[LEN..].copy_from_slice(&(bytes.len() as u64 * 8).to_be_bytes());
    let mut words = [0; 16];
    for (word, bytes) in words.iter_mut().zip(block.as_chunks().0) {
        *word = u32::from_be_bytes(*bytes);
    }
    let start = [0x6745_2301u32, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    let words = &mut words;
    let end = rounds::<0>(start, words, 0x5a82_7999, |b, c, d| d ^ (b & (c ^ d)));
    let end = rounds::<20>(end, words, 0x6ed9_eba1, |b, c, d| b ^ c ^ d);
    let end = rounds::<40>(end, words, 0x8f1b_bcdc, |b, c, d| (b & c) | (d & (b ^ c)));
    let end = rounds::<60>(end, words, 0xca62_c1d6, |b, c, d| b ^ c ^ d);
    let mut hash = [0; 20];
    for ((out, start), end) in hash.as_chunks_mut::<4>().0.iter_mut().zip(start).zip(end) {
        *out = start.wrapping_add(end).to_be_bytes();
    }
    Some(hash)
}

/// A quarter of the rounds, from one on, which mix three of the words in one way. Five are spelled out,
/// behind which all words are where they were. The last sixteen words make the next.
#[inline(always)]
fn rounds<const FROM: usize>(
    [mut a, mut b, mut c, mut d, mut e]: [u32; 5],
    words: &mut [u32; 16],
    constant: u32,
    mix: impl Fn(u32, u32, u32) -> u32,
) -> [u32; 5] {
    let mut round = |n: usize, a: u32, b: &mut u32, c: u32, d: u32, e: &mut u32| {
        if FROM > 0 || n >= 16 {
            let next = words[(n + 13) & 15] ^ words[(n + 8) & 15] ^ words[(n + 2) & 15] ^ words[n & 15];
            words[n & 15] = next.rotate_left(1);
        }
        // What is known first is summed first.
        let sum = e.wrapping_add(constant.wrapping_add(words[n & 15])).wrapping_add(mix(*b, c, d));
        *b = b.rotate_left(30);
        *e = sum.wrapping_add(a.rotate_left(5));
    };
    // Spelled out, all of them would be as many bytes as in a library.
    for five in 0..std::hint::black_box(4) {
        let n = FROM + 5 * five;
        round(n, a, &mut b, c, d, &mut e);
        round(n + 1, e, &mut a, b, c, &mut d);
        round(n + 2, d, &mut e, a, b, &mut c);
        round(n + 3, c, &mut d, e, a, &mut b);
        round(n + 4, b, &mut c, d, e, &mut a);
    }
    [a, b, c, d, e]
}

/// The type of message that answers this one, or that this one answers.
fn icmp_counterpart(kind: u8) -> Option<u8> {
    Some(match kind {
        0 => 8,
        8 => 0,
        9 => 10,
        10 => 9,
        13 => 14,
        14 => 13,
        15 => 16,
        16 => 15,
        17 => 18,
        18 => 17,
        _ => return None,
    })
}

fn ipv6_icmp_counterpart(kind: u8) -> Option<u8> {
    Some(match kind {
        128 => 129,
        129 => 128,
        130 => 131,
        131 => 130,
        133 => 134,
        134 => 133,
        135 => 136,
        136 => 135,
        139 => 140,
        140 => 139,
        144 => 145,
        145 => 144,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sha1::{Digest as _, Sha1};

    use super::*;

    fn id(source: &str, destination: &str, protocol: u8, ports: Option<(u16, u16)>) -> Option<String> {
        let id = v1(source.parse().unwrap(), destination.parse().unwrap(), protocol, ports)?;
        Some(String::from_utf8(id.to_vec()).unwrap())
    }

    /// The vectors of the reference implementation.
    #[test]
    fn known_flows() {
        let ports = |a, b| Some((a, b));
        for (source, destination, protocol, ports, want) in [
            ("128.232.110.120", "66.35.250.204", TCP, ports(34855, 80), "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
            ("66.35.250.204", "128.232.110.120", TCP, ports(80, 34855), "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
            ("10.0.0.1", "10.0.0.2", TCP, ports(10, 11569), "1:SXBGMX1lBOwhhoDrZynfROxnhnM="),
            ("1.2.3.4", "5.6.7.8", TCP, ports(1122, 3344), "1:wCb3OG7yAFWelaUydu0D+125CLM="),
            ("192.168.1.52", "8.8.8.8", UDP, ports(54585, 53), "1:d/FP5EW3wiY1vCndhwleRRKHowQ="),
            ("8.8.8.8", "192.168.1.52", UDP, ports(53, 54585), "1:d/FP5EW3wiY1vCndhwleRRKHowQ="),
            ("192.168.170.8", "192.168.170.56", SCTP, ports(7, 80), "1:jQgCxbku+pNGw8WPbEc/TS/uTpQ="),
            ("192.168.170.56", "192.168.170.8", SCTP, ports(80, 7), "1:jQgCxbku+pNGw8WPbEc/TS/uTpQ="),
            ("192.168.0.89", "192.168.0.1", ICMP, ports(8, 0), "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="),
            ("192.168.0.1", "192.168.0.89", ICMP, ports(0, 8), "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="),
            // The code of a reply makes no difference; that of a message without reply does.
            ("192.168.0.1", "192.168.0.89", ICMP, ports(0, 20), "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="),
            ("192.168.0.89", "192.168.0.1", ICMP, ports(20, 0), "1:3o2RFccXzUgjl7zDpqmY7yJi8rI="),
            ("192.168.0.89", "192.168.0.1", ICMP, ports(20, 1), "1:tz/fHIDUHs19NkixVVoOZywde+I="),
            (
                "fe80::200:86ff:fe05:80da",
                "fe80::260:97ff:fe07:69ea",
                58,
                ports(135, 0),
                "1:dGHyGvjMfljg6Bppwm3bg0LO8TY=",
            ),
            (
                "fe80::260:97ff:fe07:69ea",
                "fe80::200:86ff:fe05:80da",
                58,
                ports(136, 0),
                "1:dGHyGvjMfljg6Bppwm3bg0LO8TY=",
            ),
            ("fe80::260:97ff:fe07:69ea", "ff02::1", 58, ports(134, 0), "1:pkvHqCL88/tg1k4cPigmZXUtL00="),
            (
                "3ffe:507:0:1:260:97ff:fe07:69ea",
                "3ffe:507:0:1:200:86ff:fe05:80da",
                58,
                ports(3, 0),
                "1:NdobDX8PQNJbAyfkWxhtL2Pqp5w=",
            ),
            (
                "3ffe:507:0:1:200:86ff:fe05:80da",
                "3ffe:507:0:1:260:97ff:fe07:69ea",
                58,
                ports(3, 0),
                "1:/OGBt9BN1ofenrmSPWYicpij2Vc=",
            ),
            ("10.1.24.4", "10.1.12.1", 46, None, "1:/nQI4Rh/TtY3mf0R2gJFBkVlgS4="),
            ("10.1.12.1", "10.1.24.4", 46, ports(0, 0), "1:/nQI4Rh/TtY3mf0R2gJFBkVlgS4="),
        ] {
            assert_eq!(
                id(source, destination, protocol, ports).as_deref(),
                Some(want),
                "{source} {destination}"
            );
        }
    }

    proptest! {
        #[test]
        fn the_hash_is_that_of_the_library(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let want: [u8; 20] = Sha1::digest(&bytes).into();
            prop_assert_eq!(sha1(&bytes), (bytes.len() <= 55).then_some(want));
        }
    }

    #[test]
    fn no_id_without_what_it_is_made_of() {
        assert_eq!(id("10.0.0.1", "10.0.0.2", TCP, None), None);
        assert_eq!(id("10.0.0.1", "10.0.0.2", ICMP, None), None);
        assert_eq!(id("10.0.0.1", "::1", UDP, Some((1, 2))), None);
        // Some products put other numbers there.
        assert_eq!(id("10.0.0.1", "10.0.0.2", ICMP, Some((24954, 59))), None);
    }

    #[test]
    fn equal_addresses_are_ordered_by_port() {
        let (a, b) = (id("::1", "::1", TCP, Some((1, 2))), id("::1", "::1", TCP, Some((2, 1))));
        assert_eq!(a, b);
        assert!(a.is_some());
    }
}
