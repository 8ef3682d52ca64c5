//! Sets of addresses: networks and ranges, as sorted ranges, so that a search costs the
//! logarithm of their number.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Subnets, Ipv6Subnets};

use crate::{bytes::sort, value::addresses};

/// A set of addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Networks {
    v4: Vec<(u32, u32)>,
    v6: Vec<(u128, u128)>,
}

/// Networks with a name of their own, as `@name`. Source: IANA's registries of special-purpose
/// addresses; the names are theirs, shortened.
pub(crate) const BUILT_IN: &[(&str, &[&str])] = &[
    ("private", &["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"]),
    ("loopback", &["127.0.0.0/8", "::1/128"]),
    ("link-local", &["169.254.0.0/16", "fe80::/10"]),
    ("multicast", &["224.0.0.0/4", "ff00::/8"]),
    ("shared", &["100.64.0.0/10"]),
    ("documentation", &["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20"]),
    ("broadcast", &["255.255.255.255/32"]),
    (
        "reserved",
        &[
            "0.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "240.0.0.0/4",
            "::/127",
            "64:ff9b:1::/48",
            "100::/64",
            "2001:2::/48",
            "2001:db8::/32",
            "3fff::/20",
            "5f00::/16",
            "fe80::/10",
        ],
    ),
];

/// Reads an address, or a network in CIDR form.
pub(crate) fn network(text: &str) -> Option<(IpAddr, IpAddr)> {
    if let Some(address) = addresses::read(text) {
        return Some((address, address));
    }
    let (address, prefix) = text.split_once('/')?;
    let v4 = addresses::read_ipv4(address.as_bytes()).map(IpAddr::V4);
    let address = v4.or_else(|| addresses::read_ipv6(address).map(IpAddr::V6))?;
    let digits = prefix.bytes().all(|b| b.is_ascii_digit());
    let net = IpNet::new(address, prefix.parse().ok().filter(|_| digits)?).ok()?;
    // As addresses are: an IPv4-mapped network is an IPv4 network.
    match (net.network(), net.broadcast()) {
        (IpAddr::V6(a), IpAddr::V6(b)) => match (a.to_ipv4_mapped(), b.to_ipv4_mapped()) {
            (Some(a), Some(b)) => Some((a.into(), b.into())),
            _ => Some((a.into(), b.into())),
        },
        range => Some(range),
    }
}

/// The network of a text in CIDR form that has more bits than those of its prefix, as it is read.
pub(crate) fn without_host_bits(text: &str) -> Option<String> {
    network(text)?;
    let net: IpNet = text.parse().ok()?;
    (net.addr() != net.network()).then(|| net.trunc().to_string())
}

impl Networks {
    /// Adds the addresses from the first to the last; false if they are of two kinds or the wrong way round.
    pub(crate) fn add(&mut self, first: IpAddr, last: IpAddr) -> bool {
        match (first, last) {
            (IpAddr::V4(a), IpAddr::V4(b)) if a <= b => self.v4.push((a.into(), b.into())),
            (IpAddr::V6(a), IpAddr::V6(b)) if a <= b => self.v6.push((a.into(), b.into())),
            _ => return false,
        }
        true
    }

    /// Makes the set ready to be searched.
    pub(crate) fn finish(&mut self) {
        merge(&mut self.v4, |n| n.checked_add(1));
        merge(&mut self.v6, |n| n.checked_add(1));
    }

    /// The set as networks in CIDR form, which must be ready.
    pub(crate) fn cidrs(&self) -> Vec<String> {
        let v4 = self.v4.iter().map(|&(a, b)| Ipv4Subnets::new(a.into(), b.into(), 0));
        let v6 = self.v6.iter().map(|&(a, b)| Ipv6Subnets::new(a.into(), b.into(), 0));
        let v4 = v4.flatten().map(|network| network.to_string());
        v4.chain(v6.flatten().map(|network| network.to_string())).collect()
    }

    /// Whether there is nothing in the set.
    pub(crate) fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// Whether an address is in the set, which must be ready.
    #[inline(always)]
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(a) => within(&self.v4, u32::from(a)),
            IpAddr::V6(a) => within(&self.v6, u128::from(a)),
        }
    }
}

/// Sorts ranges and joins those that touch.
pub(crate) fn merge<T: Ord + Copy>(ranges: &mut Vec<(T, T)>, next: impl Fn(T) -> Option<T>) {
    sort::sort(ranges);
    ranges.dedup_by(|later, earlier| {
        let touches = next(earlier.1).is_none_or(|n| later.0 <= n);
        if touches && later.1 > earlier.1 {
            earlier.1 = later.1;
        }
        touches
    });
}

/// Whether a value is in one of these sorted ranges.
#[inline]
pub(crate) fn within<T: Ord + Copy>(ranges: &[(T, T)], value: T) -> bool {
    let after = ranges.partition_point(|r| r.0 <= value);
    after > 0 && value <= ranges[after - 1].1
}

/// The address with all but the first bits cleared.
pub(crate) fn masked(address: IpAddr, v4: u8, v6: u8) -> IpAddr {
    match address {
        IpAddr::V4(a) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(v4.min(32))).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from(u32::from(a) & mask))
        }
        IpAddr::V6(a) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(v6.min(128))).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from(u128::from(a) & mask))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_joined_and_found() {
        let mut set = Networks::default();
        for text in [
            "10.0.0.0/25",
            "::ffff:10.0.0.128/121",
            "10.0.1.0/24",
            "192.168.1.1",
            "2001:db8::/32",
            "255.255.255.255",
        ] {
            let (a, b) = network(text).unwrap();
            assert!(set.add(a, b));
        }
        set.finish();
        assert_eq!((set.v4.len(), set.v6.len()), (3, 1));
        for (text, want) in [
            ("10.0.1.255", true),
            ("10.0.2.0", false),
            ("9.255.255.255", false),
            ("192.168.1.1", true),
            ("255.255.255.255", true),
            ("2001:db8:ffff::", true),
            ("2001:db9::", false),
        ] {
            assert_eq!(set.contains(text.parse().unwrap()), want, "{text}");
        }
    }

    #[test]
    fn networks_are_read_as_they_are_written() {
        for (text, first, last) in [
            ("10.1.2.3/8", "10.0.0.0", "10.255.255.255"),
            ("0.0.0.0/0", "0.0.0.0", "255.255.255.255"),
            ("10.1.2.3/32", "10.1.2.3", "10.1.2.3"),
            ("2001:db8::1/32", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("::ffff:10.0.0.1/104", "10.0.0.0", "10.255.255.255"),
        ] {
            assert_eq!(network(text), Some((first.parse().unwrap(), last.parse().unwrap())), "{text}");
        }
        for text in [
            "",
            "/",
            "10.0.0.0/",
            "/8",
            "10.0.0.0/33",
            "10.0.0.0/+8",
            "10.0.0.0/-1",
            "10.0.0.0/8/8",
            "::/129",
            "10.0.0/8",
            "010.0.0.0/8",
            "10.0.0.0/ 8",
            "10.0.0.0/256",
            "x/8",
        ] {
            assert_eq!(network(text), None, "{text}");
        }
    }

    #[test]
    fn host_bits_are_seen() {
        for (text, network) in [
            ("10.0.0.5/8", Some("10.0.0.0/8")),
            ("2001:DB8::1/32", Some("2001:db8::/32")),
            ("10.0.0.0/8", None),
            ("10.0.0.5/32", None),
            ("10.0.0.5", None),
            ("::/0", None),
            ("10.0.0.5/33", None),
            ("x/8", None),
        ] {
            assert_eq!(without_host_bits(text).as_deref(), network, "{text}");
        }
    }

    #[test]
    fn built_in_networks_can_be_read() {
        for (name, networks) in BUILT_IN {
            assert!(networks.iter().all(|n| network(n).is_some()), "{name}");
        }
    }

    #[test]
    fn masks() {
        let a = |t: &str| t.parse::<IpAddr>().unwrap();
        assert_eq!(masked(a("10.1.2.3"), 24, 48), a("10.1.2.0"));
        assert_eq!(masked(a("10.1.2.3"), 0, 0), a("0.0.0.0"));
        assert_eq!(masked(a("10.1.2.3"), 32, 128), a("10.1.2.3"));
        assert_eq!(masked(a("2001:db8:1:2::3"), 24, 48), a("2001:db8:1::"));
        assert_eq!(masked(a("2001:db8::"), 0, 0), a("::"));
    }
}
