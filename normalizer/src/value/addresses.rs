//! IPv4 and IPv6 addresses, read as sources write them and written as RFC 5952 asks.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::bytes::{
    put::{self, Written},
    scan::Block,
};

/// Reads an address; an IPv4-mapped IPv6 address is an IPv4 address.
#[inline]
pub(crate) fn read(text: &str) -> Option<IpAddr> {
    if let Some(a) = read_ipv4(text.as_bytes()) {
        return Some(IpAddr::V4(a));
    }
    let a = read_ipv6(text)?;
    Some(a.to_ipv4_mapped().map_or(IpAddr::V6(a), IpAddr::V4))
}

/// Reads an IPv6 address, as the standard library does.
pub(crate) fn read_ipv6(text: &str) -> Option<Ipv6Addr> {
    let mut rest = text.as_bytes();
    let (mut groups, mut count, mut gap) = ([0u16; 8], 0, None);
    if let Some(behind) = rest.strip_prefix(b"::") {
        (gap, rest) = (Some(0), behind);
    }
    while !rest.is_empty() || gap != Some(count) {
        let mut group = 0;
        let mut digits = 0;
        while let Some(digit) = rest.get(digits).and_then(|b| (*b as char).to_digit(16)) {
            group = group << 4 | digit as u16;
            digits += 1;
            if digits > 4 {
                return None;
            }
        }
        if rest.get(digits) == Some(&b'.') {
            // The last two groups are in decimals.
            for pair in read_ipv4(rest)?.octets().chunks_exact(2) {
                *groups.get_mut(count)? = u16::from_be_bytes([pair[0], pair[1]]);
                count += 1;
            }
            break;
        }
        *groups.get_mut(count).filter(|_| digits > 0)? = group;
        count += 1;
        rest = match &rest[digits..] {
            [] => break,
            [b':', b':', rest @ ..] if gap.is_none() => {
                gap = Some(count);
                rest
            }
            // Not at the end.
            [b':', rest @ ..] if !rest.is_empty() => rest,
            _ => return None,
        };
    }
    match gap {
        // It stands for one group at least.
        Some(gap) if count < 8 => groups[gap..].rotate_right(8 - count),
        None if count == 8 => {}
        _ => return None,
    }
    Some(Ipv6Addr::from(groups))
}

/// The address that the first bytes are, of which it is known that they are one as it goes out.
#[inline(always)]
pub(crate) fn known(text: &[u8], len: usize) -> Option<IpAddr> {
    let first: &[u8; Block::LEN] = text.first_chunk()?;
    let mut dots = Block::new(first).equal(b'.').mask();
    if len < Block::LEN && first[..len].contains(&b'.') {
        let (mut begin, mut octets) = (0, [0; 4]);
        for (i, octet) in octets.iter_mut().enumerate() {
            let end = if i < 3 { dots.trailing_zeros() as usize } else { len };
            dots &= dots.wrapping_sub(1);
            let digits = u32::from_le_bytes(*first.get(begin..)?.first_chunk()?) & 0x0f0f_0f0f;
            // The last of up to three in the highest byte.
            let digits = digits << ((8 * (begin + 4).wrapping_sub(end)) & 31);
            *octet = ((digits >> 24) + (digits >> 16 & 15) * 10 + (digits >> 8 & 15) * 100) as u8;
            begin = end + 1;
        }
        return Some(IpAddr::V4(Ipv4Addr::from(octets)));
    }
    read(str::from_utf8(text.get(..len)?).ok()?)
}

/// Reads four octets without leading zeros.
#[inline(always)]
pub(crate) fn read_ipv4(text: &[u8]) -> Option<Ipv4Addr> {
    let mut octets = [0u8; 4];
    let (mut octet, mut digits, mut at) = (0u32, 0, 0);
    for &b in text {
        match b {
            b'0'..=b'9' => {
                if digits == 3 || digits > 0 && octet == 0 {
                    return None;
                }
                octet = octet * 10 + u32::from(b - b'0');
                digits += 1;
            }
            b'.' if digits > 0 && at < 3 => {
                octets[at] = u8::try_from(octet).ok()?;
                at += 1;
                (octet, digits) = (0, 0);
            }
            _ => return None,
        }
    }
    if at != 3 || digits == 0 {
        return None;
    }
    octets[3] = u8::try_from(octet).ok()?;
    Some(Ipv4Addr::from(octets))
}

/// Writes an address as RFC 5952 asks.
#[inline(always)]
pub(crate) fn write(buffer: &mut [u8], at: usize, address: IpAddr) -> Written {
    match address {
        IpAddr::V4(a) => write_ipv4(buffer, at, a),
        IpAddr::V6(a) => write_ipv6(buffer, at, a),
    }
}

/// Each octet in decimal with a dot behind it, and how long that is.
static OCTETS: [([u8; 4], u8); 256] = {
    let mut all = [([b'.'; 4], 0); 256];
    let mut n = 0;
    while n < 256 {
        let digits = [n / 100, n / 10 % 10, n % 10];
        let len = if n >= 100 {
            3
        } else if n >= 10 {
            2
        } else {
            1
        };
        let mut i = 0;
        while i < len {
            all[n].0[i] = b'0' + digits[3 - len + i] as u8;
            i += 1;
        }
        all[n].1 = len as u8 + 1;
        n += 1;
    }
    all
};

#[inline]
fn write_ipv4(buffer: &mut [u8], mut at: usize, address: Ipv4Addr) -> Written {
    for octet in address.octets() {
        let (digits, len) = &OCTETS[usize::from(octet)];
        put::block(buffer, at, digits)?;
        at += usize::from(*len);
    }
    // Without the last dot.
    Some(at - 1)
}

#[inline(never)]
fn write_ipv6(buffer: &mut [u8], mut at: usize, address: Ipv6Addr) -> Written {
    let groups = address.segments();
    // The longest run of zeros, the first of equals, at least two.
    let (mut first, mut len, mut run) = (0, 1, 0);
    for (i, group) in groups.iter().enumerate() {
        run = if *group == 0 { run + 1 } else { 0 };
        if run > len {
            (first, len) = (i + 1 - run, run);
        }
    }
    let mut i = 0;
    while i < 8 {
        if len > 1 && i == first {
            at = put::bytes(buffer, at, b"::")?;
            i += len;
            continue;
        }
        if i > 0 && !(len > 1 && i == first + len) {
            at = put::byte(buffer, at, b':')?;
        }
        let digits = 4 - (groups[i] | 1).leading_zeros() / 4;
        for place in (0..digits).rev() {
            let digit = (groups[i] >> (4 * place)) as u8 & 15;
            at = put::byte(buffer, at, if digit < 10 { b'0' + digit } else { b'a' + digit - 10 })?;
        }
        i += 1;
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(address: IpAddr) -> String {
        let mut buffer = [0; 64];
        let end = super::write(&mut buffer, 0, address).unwrap();
        str::from_utf8(&buffer[..end]).unwrap().to_owned()
    }

    #[test]
    fn addresses() {
        let good = [
            ("10.0.0.1", "10.0.0.1"),
            ("0.0.0.0", "0.0.0.0"),
            ("255.255.255.255", "255.255.255.255"),
            ("::FFFF:10.0.0.1", "10.0.0.1"),
            ("2001:DB8::0:1", "2001:db8::1"),
        ];
        for (text, want) in good {
            assert_eq!(read(text).map(|a| a.to_string()).as_deref(), Some(want), "{text:?}");
        }
        for text in [
            "",
            "10.0.0",
            "10.0.0.256",
            "10.0.0.1.",
            "010.0.0.1",
            "10.0.0.1 ",
            "1.2.3.4.5",
            "fe80::1%eth0",
            ":",
        ] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }

    #[test]
    fn addresses_are_canonical() {
        for (given, want) in
            [("2001:DB8:0:0:1::1", "2001:db8::1:0:0:1"), ("::", "::"), ("10.0.0.1", "10.0.0.1")]
        {
            assert_eq!(written(given.parse().unwrap()), want);
        }
        // Every choice of groups that are zero.
        for zeros in 0..256u32 {
            let group = |i: u16| if zeros >> i & 1 == 1 { 0 } else { 0xf << (4 * (i % 4)) };
            let a = Ipv6Addr::from([0, 1, 2, 3, 4, 5, 6, 7].map(group));
            if a.to_ipv4_mapped().is_none() {
                assert_eq!(written(a.into()), a.to_string());
            }
        }
    }

    #[test]
    fn ipv6_agrees_with_std() {
        let texts = [
            "2001:db8::1",
            "::",
            "::1",
            "1::",
            "1:2:3:4:5:6:7:8",
            "1:2:3:4:5:6:7::",
            "::2:3:4:5:6:7:8",
            "1::8",
            "::ffff:10.0.0.1",
            "64:ff9b::1.2.3.4",
            "FE80::ABCD",
            "0:0:0:0:0:0:0:0",
            "1:2:3:4:5:6:1.2.3.4",
            "1:2:3:4:5::1.2.3.4",
            "::2:3:4:5:6:1.2.3.4",
            "::1.2.3.4",
            "10.0.0.1",
            "1.2.3.4:5:6:7:8:9:10",
            "1.2.3.4::",
        ];
        let mut all: Vec<String> = texts.iter().map(|t| (*t).to_owned()).collect();
        // Each with one character more, less or another.
        for text in texts {
            for at in 0..=text.len() {
                for odd in [":", "::", "0", "f", "g", ".", "%", "12345", " ", "é", ""] {
                    all.push(format!("{}{odd}{}", &text[..at], &text[at..]));
                    all.push(format!("{}{odd}{}", &text[..at], &text[(at + 1).min(text.len())..]));
                }
            }
        }
        for text in all {
            assert_eq!(read_ipv6(&text), text.parse().ok(), "{text:?}");
        }
    }

    #[test]
    fn known_addresses() {
        let octets = [0, 1, 9, 10, 99, 100, 127, 255];
        let all = octets.iter().flat_map(|a| octets.map(|b| (*a, b)));
        let v4 =
            all.clone().flat_map(|(a, b)| [[a, b, 1, 255], [255, a, b, 0], [7, 200, a, b], [b, 0, 99, a]]);
        let v6 = ["::", "::1", "fd00:10:5fa:6e:5577:5f:3d95:177", "1::", "::a", "64:ff9b::102:304"];
        let texts = v4.map(|o| Ipv4Addr::from(o).to_string()).chain(v6.map(str::to_owned));
        for text in texts {
            for behind in ["                ", "\",\"x\":\"1.2.3.4.5", ".9.9.9.9.9.9.9.9"] {
                let address = known(format!("{text}{behind}").as_bytes(), text.len());
                assert_eq!(address, text.parse().ok(), "{text}{behind}");
            }
        }
    }

    #[test]
    fn ipv4_agrees_with_std() {
        for text in [
            "1.2.3.4",
            "1..3.4",
            "1.2.3",
            ".1.2.3",
            "00.0.0.0",
            "1.2.3.0",
            "300.1.1.1",
            "1.2.3.1000",
            "a.b.c.d",
        ] {
            assert_eq!(read_ipv4(text.as_bytes()), text.parse().ok(), "{text:?}");
        }
    }
}
