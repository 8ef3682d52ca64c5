//! Networks to look addresses up in, beside the addresses that records have.
//!
//! Hosts live where the third octet is even (IPv6: the fourth group); networks that must not
//! hold any lie between them, where it is odd. So a search has to go all the way to tell.

use std::{
    fmt::Write as _,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use crate::random::mix;

/// Networks that hold the sources of about 1 % of the records.
const TALKING: &str = "172.16.0.0/12\nfd00:16::/32\n";

/// A list of so many networks, at least 10, a line each. Whatever its length, the same
/// addresses are in it.
pub fn list(networks: usize) -> String {
    let mut text = TALKING.to_owned();
    for i in TALKING.lines().count() as u32..networks as u32 {
        let _ = match i % 10 {
            0 => writeln!(text, "2a02:{:x}:{:x}:{:x}::/64", i >> 16, i & 0xffff, i % 7 * 2 + 1),
            _ => {
                // An odd factor scatters numbers of so many bits without any two becoming one.
                let at = i.wrapping_mul(0x9e37_79b1) % (1 << 22);
                let (a, b, c) = (20 + (at >> 15), at >> 7 & 255, (at & 127) * 2 + 1);
                let (d, prefix) = [(0, 24), (64, 26), (16, 28), (i % 256, 32)][i as usize % 4];
                writeln!(text, "{a}.{b}.{c}.{d}/{prefix}")
            }
        };
    }
    text
}

/// The address of a host, by its rank; one's own hosts have private ones.
pub(crate) fn host(rank: u64, own: bool, v6: bool) -> IpAddr {
    let h = mix(rank << 2 | u64::from(own) << 1 | u64::from(v6));
    let part = |shift: u32, bits: u32| (h >> shift & ((1 << bits) - 1)) as u32;
    if v6 {
        let a: [u16; 2] = match own {
            true => [0xfd00, if rank % 128 == 5 { 0x16 } else { 0x10 }],
            false => [0x2a02, part(0, 3) as u16],
        };
        // Long and short ones.
        let end = if part(3, 1) == 0 { [0; 3] } else { [part(4, 16), part(20, 8), part(28, 16)] };
        let [b, c, d] = end.map(|n| n as u16);
        let address = [a[0], a[1], part(44, 12) as u16, part(56, 6) as u16 * 2, b, c, d, part(4, 10) as u16];
        return Ipv6Addr::from(address).into();
    }
    let third = part(8, 7) * 2;
    let [a, b] = match own {
        true if rank % 128 == 5 => [172, 16 + part(16, 4)],
        true if rank % 4 == 1 => [192, 168],
        true => [10, part(16, 6)],
        false => [20 + part(24, 7), part(16, 8)],
    };
    Ipv4Addr::from(a << 24 | b << 16 | third << 8 | (1 + part(0, 8) % 254)).into()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn lists_are_as_long_as_they_are_called() {
        for networks in [10, 1000, 100_000] {
            let text = list(networks);
            assert_eq!(text.lines().collect::<BTreeSet<_>>().len(), networks);
            assert!(text.lines().all(|l| l.len() >= 10 && l.contains('/')), "{networks}");
        }
    }

    #[test]
    fn networks_do_not_touch() {
        // Where they did, they would become one, and the list shorter than it looks.
        let text = list(100_000);
        let v4 = text.lines().filter_map(|l| l.split('/').next()?.parse::<Ipv4Addr>().ok());
        let blocks: BTreeSet<u32> = v4.map(|a| u32::from(a) >> 8).collect();
        assert_eq!(blocks.len(), text.lines().filter(|l| !l.contains(':')).count());
        assert!(blocks.iter().filter(|b| *b >> 16 != 172).all(|b| b % 2 == 1));
    }
}
