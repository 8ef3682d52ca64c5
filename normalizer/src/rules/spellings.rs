//! Addresses inside of texts: where one is written, in whatever form, and the text with what may
//! be told of it.
//!
//! What is looked for is known, so nothing is parsed that could be an address: at each place the
//! text is compared with the forms of it. A form that has more of its kind beside it, such as a
//! fifth number, is found as well, but can't be cut: it may be something else.

use std::net::{IpAddr, Ipv6Addr};

use crate::{
    bytes::digits,
    json::output::Output,
    value::{
        addresses,
        networks::masked,
        raw::{Raw, RawKind},
    },
};

/// An address that must not be told, and what may be told instead, if anything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hidden {
    pub(crate) address: IpAddr,
    pub(crate) cut: Option<IpAddr>,
}

/// What became of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Nothing is hidden in it.
    Clean,
    /// It was written anew.
    Written,
    /// It can't be told.
    Unsafe,
}

/// How an address is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Octets in decimal with this between them; host names have `-` or `_`.
    Octets(u8),
    /// Octets in the order of names for reverse look-ups: `77.113.0.203.in-addr.arpa`.
    Reversed,
    /// IPv6, also an IPv4-mapped address.
    Groups,
    /// One number, or a part of something longer.
    Other,
}

/// Writes a text with each hidden address cut, if there is one in it.
pub(crate) fn cut(text: &str, hidden: &[Hidden], out: &mut Output) -> Cut {
    let bytes = text.as_bytes();
    let start = out.len();
    let (mut at, mut copied) = (0, 0);
    while at < bytes.len() {
        let Some((found, len, form)) = found(bytes, at, hidden) else {
            at += 1;
            continue;
        };
        out.extend_from_slice(&bytes[copied..at]);
        match (form, found.cut) {
            (Form::Octets(between), Some(IpAddr::V4(address))) => {
                for (i, octet) in address.octets().into_iter().enumerate() {
                    if i > 0 {
                        out.push(between);
                    }
                    out.number(octet.into());
                }
            }
            (Form::Reversed, Some(IpAddr::V4(address))) => {
                for (i, octet) in address.octets().into_iter().rev().enumerate() {
                    if i > 0 {
                        out.push(b'.');
                    }
                    out.number(octet.into());
                }
            }
            (Form::Groups, Some(address)) => {
                if address.is_ipv4() {
                    out.extend_from_slice(b"::ffff:");
                }
                out.address(address);
            }
            _ => {
                out.truncate(start);
                return Cut::Unsafe;
            }
        }
        at += len;
        copied = at;
    }
    let escapes = bytes.contains(&b'\\');
    if copied == 0 && !escapes {
        return Cut::Clean;
    }
    out.extend_from_slice(&bytes[copied..]);
    let end = out.len();
    if escapes && is_behind_escapes(start, hidden, out) {
        out.truncate(start);
        return Cut::Unsafe;
    }
    out.truncate(if copied == 0 { start } else { end });
    if copied == 0 { Cut::Clean } else { Cut::Written }
}

/// Whether a hidden address is in a text in any form.
pub(crate) fn is_in(text: &str, hidden: &[Hidden]) -> bool {
    (0..text.len()).any(|at| found(text.as_bytes(), at, hidden).is_some())
}

/// Whether an address is hidden in what was written from `start` on, where escapes of JSON are
/// read. What is read is written behind it.
fn is_behind_escapes(start: usize, hidden: &[Hidden], out: &mut Output) -> bool {
    let end = out.len();
    let mut at = start;
    while at < end {
        let (mut byte, mut len) = (out[at], 1);
        if byte == b'\\' {
            let digits = out.get(at + 2..at + 6).and_then(|d| std::str::from_utf8(d).ok());
            (byte, len) = match out.get(at + 1) {
                Some(b'u') => (digits.and_then(|d| u8::from_str_radix(d, 16).ok()).unwrap_or(b' '), 6),
                // A letter for a blank of some kind, which is no digit of an address.
                Some(b) if b.is_ascii_alphabetic() => (b' ', 2),
                Some(b) => (*b, 2),
                None => (b' ', 1),
            };
        }
        out.push(byte);
        at += len;
    }
    let read = &out[end..];
    (0..read.len()).any(|at| found(read, at, hidden).is_some())
}

/// The hidden address that is written here, the length of its text, and its form.
#[inline]
fn found<'h>(text: &[u8], at: usize, hidden: &'h [Hidden]) -> Option<(&'h Hidden, usize, Form)> {
    let first = text[at];
    if !first.is_ascii_hexdigit() && first != b':' {
        return None;
    }
    hidden.iter().find_map(|h| spelled(text, at, h.address).map(|(len, form)| (h, len, form)))
}

/// The length and the form of an address that is written here.
fn spelled(text: &[u8], at: usize, address: IpAddr) -> Option<(usize, Form)> {
    let rest = &text[at..];
    let before = |n: usize| at.checked_sub(n).map_or(b' ', |i| text[i]);
    let behind = |n: usize| rest.get(n).copied().unwrap_or(b' ');
    let groups = match address {
        IpAddr::V4(a) => {
            if before(1).is_ascii_digit() {
                return None;
            }
            if let Some((len, between)) = octets(rest, a.octets()) {
                let longer = before(1) == between && before(2).is_ascii_digit()
                    || behind(len) == between && behind(len + 1).is_ascii_digit();
                return Some((len, if longer { Form::Other } else { Form::Octets(between) }));
            }
            let mut reversed = a.octets();
            reversed.reverse();
            if let Some((len, b'.')) = octets(rest, reversed)
                && begins_so(&rest[len..], b".in-addr.arpa")
            {
                // More of them in front is another name.
                let longer = before(1) == b'.' && before(2).is_ascii_digit();
                return Some((len, if longer { Form::Other } else { Form::Reversed }));
            }
            let number = u32::from(a);
            let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
            // Smaller numbers count something else.
            if number >> 24 > 0 && digits > 7 && digits::read(&rest[..digits]) == Some(number.into()) {
                return Some((digits, Form::Other));
            }
            // Some count with a sign.
            let negative = number.cast_signed().min(0).unsigned_abs();
            if before(1) == b'-' && digits > 7 && digits::read(&rest[..digits]) == Some(negative.into()) {
                return Some((digits, Form::Other));
            }
            if number >> 24 > 0
                && let Some((len, with_exponent)) = with_exponent(rest, digits)
                && let with_exponent = with_exponent.trunc()
                && (with_exponent == f64::from(number)
                    || before(1) == b'-' && negative > 0 && with_exponent == f64::from(negative))
            {
                return Some((len, Form::Other));
            }
            a.to_ipv6_mapped()
        }
        IpAddr::V6(a) => {
            if let Some(len) = reversed_digits(rest, a) {
                return Some((len, Form::Other));
            }
            a
        }
    };
    if before(1).is_ascii_hexdigit() {
        return None;
    }
    let len = self::groups(rest, groups)?;
    let is_part = |b: u8| b.is_ascii_hexdigit() || b == b':';
    if rest[..len].ends_with(b"::") && behind(len).is_ascii_hexdigit() {
        return None;
    }
    let longer = before(1) == b':' && is_part(before(2))
        || behind(len) == b':' && is_part(behind(len + 1))
        || behind(len) == b'.' && behind(len + 1).is_ascii_digit();
    Some((len, if longer { Form::Other } else { Form::Groups }))
}

/// The length and the value of a number with an exponent that a text begins with, behind so many digits.
fn with_exponent(text: &[u8], digits: usize) -> Option<(usize, f64)> {
    let count =
        |at: usize| text.get(at..).unwrap_or_default().iter().take_while(|b| b.is_ascii_digit()).count();
    let mut at = digits;
    if digits > 0 && text.get(at) == Some(&b'.') {
        at += 1 + count(at + 1);
    }
    if !matches!(text.get(at), Some(b'e' | b'E')) {
        return None;
    }
    at += 1 + usize::from(matches!(text.get(at + 1), Some(b'+' | b'-')));
    at += count(at);
    Some((at, std::str::from_utf8(&text[..at]).ok()?.parse().ok()?))
}

/// Whether a text begins with these lower-case letters; case makes no difference.
fn begins_so(text: &[u8], start: &[u8]) -> bool {
    text.get(..start.len()).is_some_and(|t| t.eq_ignore_ascii_case(start))
}

/// The length of an IPv6 address's name for reverse look-ups at the begin of a text: its digits from
/// the last on, and `ip6.arpa`.
fn reversed_digits(text: &[u8], address: Ipv6Addr) -> Option<usize> {
    let all = u128::from(address);
    for i in 0..32 {
        let digit = (*text.get(2 * i)? as char).to_digit(16)?;
        if text.get(2 * i + 1) != Some(&b'.') || u128::from(digit) != all >> (4 * i) & 15 {
            return None;
        }
    }
    begins_so(text.get(64..)?, b"ip6.arpa").then_some(64 + 8)
}

/// The length of these octets in decimal at the begin of a text, and what stands between them.
fn octets(text: &[u8], octets: [u8; 4]) -> Option<(usize, u8)> {
    let (mut at, mut between) = (0, 0);
    for (i, octet) in octets.into_iter().enumerate() {
        if i > 0 {
            let found = *text.get(at)?;
            if i == 1 && matches!(found, b'.' | b'-' | b'_') {
                between = found;
            }
            if found != between {
                return None;
            }
            at += 1;
        }
        let digits = text[at..].iter().take_while(|b| b.is_ascii_digit()).count();
        if digits == 0 || digits > 3 || digits::read(&text[at..at + digits]) != Some(octet.into()) {
            return None;
        }
        at += digits;
    }
    Some((at, between))
}

/// The length of an IPv6 address at the begin of a text.
fn groups(text: &[u8], address: Ipv6Addr) -> Option<usize> {
    let groups = address.segments();
    if !text.starts_with(b"::") && group(text, groups[0]).is_none() {
        return None;
    }
    // How many groups of zeros `::` is for.
    (0..=groups.len()).find_map(|zeros| groups_with(text, groups, zeros))
}

fn groups_with(text: &[u8], groups: [u16; 8], mut zeros: usize) -> Option<usize> {
    let (mut at, mut i) = (0, 0);
    while i < groups.len() {
        if text[at..].starts_with(b"::") {
            if zeros == 0 || groups.get(i..i + zeros)?.iter().any(|g| *g != 0) {
                return None;
            }
            i += zeros;
            (at, zeros) = (at + 2, 0);
            if i == groups.len() {
                break;
            }
        } else if i > 0 {
            (text.get(at) == Some(&b':')).then_some(())?;
            at += 1;
        }
        // The last two may be in decimal.
        if i == 6 {
            let [[a, b], [c, d]] = [groups[6].to_be_bytes(), groups[7].to_be_bytes()];
            if let Some((len, b'.')) = octets(&text[at..], [a, b, c, d]) {
                at += len;
                break;
            }
        }
        at += group(&text[at..], groups[i])?;
        i += 1;
    }
    (zeros == 0).then_some(at)
}

/// The length of a group.
fn group(text: &[u8], group: u16) -> Option<usize> {
    let digits = text.iter().take_while(|b| b.is_ascii_hexdigit()).count();
    let digit = |n: u16, b: &u8| n << 4 | (*b as char).to_digit(16).unwrap_or(0) as u16;
    ((1..=4).contains(&digits) && text[..digits].iter().fold(0, digit) == group).then_some(digits)
}

/// Writes a value with each address in it cut to its network, or to less if it is hidden; false
/// where it is anything but addresses, with ports or without.
pub(crate) fn cut_all(raw: Raw<'_>, v4: u8, v6: u8, hidden: &[Hidden], out: &mut Output) -> bool {
    let text = raw.text;
    // What is in an array of strings; anything else that is nested has other things in it.
    let inner = match raw.kind {
        RawKind::Text => text,
        RawKind::Nested => match text.strip_prefix('[').and_then(|t| t.strip_suffix(']')) {
            Some(inner) => inner,
            None => return false,
        },
        RawKind::Number | RawKind::Literal => return false,
    };
    let start = out.len();
    if inner.len() < text.len() {
        out.push(b'[');
    }
    for piece in inner.split_inclusive([',', ';', ' ', '\t', '\n', '\r', '"']) {
        let address = piece.trim_end_matches([',', ';', ' ', '\t', '\n', '\r', '"']);
        if !cut_one(address, v4, v6, hidden, out) {
            out.truncate(start);
            return false;
        }
        out.extend_from_slice(&piece.as_bytes()[address.len()..]);
    }
    if inner.len() < text.len() {
        out.push(b']');
    }
    true
}

/// Writes an address, which may have a port.
fn cut_one(text: &str, v4: u8, v6: u8, hidden: &[Hidden], out: &mut Output) -> bool {
    // What proxies write for one that they don't know.
    if matches!(text, "" | "-" | "unknown") {
        out.extend_from_slice(text.as_bytes());
        return true;
    }
    let bracketed = text.strip_prefix('[').and_then(|t| t.split_once(']'));
    let (address, port) = match (bracketed, addresses::read(text)) {
        (Some((address, port)), _) => (addresses::read_ipv6(address).map(IpAddr::V6), port),
        (None, None) => {
            let (address, _) = text.split_once(':').unwrap_or_default();
            (addresses::read_ipv4(address.as_bytes()).map(IpAddr::V4), &text[address.len()..])
        }
        (None, whole) => (whole, ""),
    };
    let digits = |p: &str| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit());
    let Some(address) = address.filter(|_| port.is_empty() || port.strip_prefix(':').is_some_and(digits))
    else {
        return false;
    };
    let mut told = masked(address, v4, v6);
    for h in hidden.iter().filter(|h| h.address == address) {
        match h.cut {
            // Of two networks of an address the wider is the lower number.
            Some(cut) => told = told.min(cut),
            None => return false,
        }
    }
    if bracketed.is_some() {
        out.push(b'[');
    }
    out.address(told);
    if bracketed.is_some() {
        out.push(b']');
    }
    out.extend_from_slice(port.as_bytes());
    true
}

/// Whether some address is in a text.
pub(crate) fn has_address(text: &str) -> bool {
    let mut runs = text.split(|c: char| !c.is_ascii_hexdigit() && c != ':' && c != '.');
    runs.any(|run| {
        let run = run.trim_matches('.');
        addresses::read(run).is_some()
            || run.split(':').any(|part| addresses::read_ipv4(part.as_bytes()).is_some())
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hide(address: &str, cut: Option<&str>) -> Hidden {
        Hidden { address: address.parse().unwrap(), cut: cut.map(|c| c.parse().unwrap()) }
    }

    /// The text that may be told; none where nothing may.
    fn told(text: &str, hidden: &[Hidden]) -> Option<String> {
        let mut out = Output::default();
        out.push(b'!');
        let told = cut(text, hidden, &mut out);
        assert_eq!(told == Cut::Written, out.len() > 1, "{text}");
        assert!(!is_in(text, hidden) || told != Cut::Clean, "{text}");
        match told {
            Cut::Clean => Some(text.to_owned()),
            Cut::Written => Some(std::str::from_utf8(&out[1..]).unwrap().to_owned()),
            Cut::Unsafe => None,
        }
    }

    #[test]
    fn each_form_of_an_address_is_cut_or_can_not_be_told() {
        let hidden = [hide("203.0.113.77", Some("203.0.113.0")), hide("2001:db8::7:77", Some("2001:db8::"))];
        let same = [
            "203.0.113.7",
            "203.0.113.770",
            "1203.0.113.77",
            "203.0-113.77",
            "203.0.113.0",
            "2001:db8::7:78",
            "2001:db8::8:77",
            "2001:db8:7:77::",
            "2001:db8::7:777",
            "::2001:db8:7:77",
            "34058038530",
            "3.405803854e9",
            "-889163442",
            "-8.89163442e8",
            "77.113.0.203",
            "77.113.0.203.example",
            "78.113.0.203.in-addr.arpa",
            "8.7.0.0.7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
            "",
            "\\",
            "a\\u00",
        ];
        for text in same {
            assert_eq!(told(text, &hidden).as_deref(), Some(text));
        }
        let cut = [
            ("203.0.113.77", "203.0.113.0"),
            ("203.000.113.077", "203.0.113.0"),
            ("203.0.113.77:80, 203.0.113.78", "203.0.113.0:80, 203.0.113.78"),
            ("x203.0.113.77.", "x203.0.113.0."),
            ("::ffff:203.0.113.77", "::ffff:203.0.113.0"),
            ("[::ffff:cb00:714d]:80", "[::ffff:203.0.113.0]:80"),
            ("0:0:0:0:0:FFFF:CB00:714D", "::ffff:203.0.113.0"),
            ("ip-203-0-113-77.internal", "ip-203-0-113-0.internal"),
            ("ip_203_0_113_77", "ip_203_0_113_0"),
            ("77.113.0.203.in-addr.arpa", "0.113.0.203.in-addr.arpa"),
            ("a 77.113.0.203.IN-ADDR.ARPA.", "a 0.113.0.203.IN-ADDR.ARPA."),
            (r#"{"a":["203.0.113.77","203.0.113.77\n"]}"#, r#"{"a":["203.0.113.0","203.0.113.0\n"]}"#),
            ("2001:DB8:0:0::07:0077", "2001:db8::"),
            ("[2001:db8::7:77]:443", "[2001:db8::]:443"),
            ("ip:2001:db8:0:0:0:0:7:77/128", "ip:2001:db8::/128"),
            ("2001:db8::0.7.0.119 2001:db8:0:0:0:0:0.7.0.119", "2001:db8:: 2001:db8::"),
            ("2001:db8::7:77: no", "2001:db8::: no"),
        ];
        for (text, want) in cut {
            assert_eq!(told(text, &hidden).as_deref(), Some(want));
        }
        let not_told = [
            "-889163443",
            "-8.89163443e8",
            "x=-8.89163443E+08;",
            "-8891634430e-1",
            "1.203.0.113.77",
            "203.0.113.77.1",
            "203-0-113-77-1",
            "3405803853",
            "3.405803853e9",
            "340580385.3E+1",
            "3405803853e0",
            "34058038530e-1",
            "1.77.113.0.203.in-addr.arpa",
            "7.7.0.0.7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
            "\"ip\":3405803853}",
            "2001:db8::7:77:443",
            "a:2001:db8::7:77",
            r"203.0.113.7\u0037",
            r"2001\u003adb8::7:77",
            r"\f2001:db8::7:77",
            r"203.0.113.77 \u0032\u00303.0.113.77",
        ];
        for text in not_told {
            assert_eq!(told(text, &hidden), None, "{text}");
        }
        let gone = [hide("203.0.113.77", None)];
        assert_eq!(told("x 203.0.113.77", &gone), None);
        assert_eq!(told("x 203.0.113.78", &gone).as_deref(), Some("x 203.0.113.78"));
    }

    #[test]
    fn values_that_are_addresses_are_cut() {
        let hidden = [hide("203.0.113.77", Some("203.0.0.0")), hide("192.0.2.9", None)];
        let cut = |kind, text| {
            let mut out = Output::default();
            let done = cut_all(Raw { kind, text }, 24, 64, &hidden, &mut out);
            assert!(done || out.is_empty());
            done.then(|| std::str::from_utf8(&out).unwrap().to_owned())
        };
        for (text, want) in [
            ("10.0.0.8", "10.0.0.0"),
            ("10.0.0.8:80, 10.0.0.9:80", "10.0.0.0:80, 10.0.0.0:80"),
            ("203.0.113.77;unknown", "203.0.0.0;unknown"),
            ("2001:db8::1, -, [2001:db8::2]:443", "2001:db8::, -, [2001:db8::]:443"),
        ] {
            assert_eq!(cut(RawKind::Text, text).as_deref(), Some(want));
        }
        assert_eq!(
            cut(RawKind::Nested, r#"["10.0.0.8", "10.0.1.9"]"#).as_deref(),
            Some(r#"["10.0.0.0", "10.0.1.0"]"#)
        );
        for text in ["web", "10.0.0.8:x", "10.0.0.8:", "10.0.0", "for=10.0.0.8", "192.0.2.9", "[10.0.0.8]"] {
            assert_eq!(cut(RawKind::Text, text), None, "{text}");
        }
        for text in [r#"{"a":"10.0.0.8"}"#, r#"["10.0.0.\u0038"]"#, r#"[["10.0.0.8"]]"#, "[1]"] {
            assert_eq!(cut(RawKind::Nested, text), None, "{text}");
        }
        assert_eq!(cut(RawKind::Number, "167772168"), None);
    }

    #[test]
    fn some_address_is_seen() {
        for text in ["10.0.0.5", "at 10.0.0.5.", "x=10.0.0.5:80", "[2001:db8::1]:2", "a \"::1\""] {
            assert!(has_address(text), "{text}");
        }
        for text in ["", "12:30:45", "1.2.3", "aa:bb:cc:dd:ee:ff", "2024-01-01T00:00:00Z", "v1.2.3.4.5"] {
            assert!(!has_address(text), "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_written_as_an_address_is_found(
            groups in prop::array::uniform8(prop_oneof![Just(0u16), any::<u16>()]),
            before in "[ \"=\\[g-z]{0,2}",
            behind in "[ \"/%\\]]{0,2}",
            upper in any::<bool>(),
        ) {
            let address = Ipv6Addr::from(groups);
            prop_assume!(address.to_ipv4_mapped().is_none());
            let full = groups.map(|g| format!("{g:x}")).join(":");
            for mut written in [address.to_string(), full] {
                if upper {
                    written = written.to_uppercase();
                }
                let text = format!("{before}{written}{behind}");
                let hidden = [Hidden { address: address.into(), cut: Some("2001:db8::".parse().unwrap()) }];
                prop_assert_eq!(told(&text, &hidden), Some(format!("{before}2001:db8::{behind}")));
            }
        }

        #[test]
        fn any_text_is_cut_or_not(text in "[0-9a-f:.\\\\u\\-]{0,40}") {
            let hidden = [hide("1.1.1.1", Some("1.1.0.0")), hide("::1", Some("::")), hide("0:1::", None)];
            told(&text, &hidden);
        }
    }
}
