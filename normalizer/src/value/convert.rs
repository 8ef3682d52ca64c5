//! Reads values as sources write them: numbers, addresses, protocols, words.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::record::fields::{Raw, RawKind};

/// Whether a value stands for none: `-`, an empty string, `null`, `N/A`, or `-1`.
#[inline]
pub(crate) fn is_missing(raw: Raw<'_>) -> bool {
    match raw.kind {
        RawKind::Nested => false,
        RawKind::Literal => raw.text == "null",
        RawKind::Text | RawKind::Number => match raw.text.trim_ascii().as_bytes() {
            [] | b"-" | b"-1" => true,
            [b'n' | b'N', rest @ ..] => rest.eq_ignore_ascii_case(b"ull") || rest.eq_ignore_ascii_case(b"/a"),
            _ => false,
        },
    }
}

/// Whether a value is the `-` that stands for none. Of what has no field only this is left out:
/// what other texts mean there, nobody knows.
#[inline(always)]
pub(crate) fn is_dash(raw: Raw<'_>) -> bool {
    raw.text.len() == 1 && raw.text.as_bytes()[0] == b'-'
}

/// Why a number can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NumberFault {
    NotANumber,
    Negative,
    TooLarge,
}

/// Reads an unsigned integer; says whether it is exact, or a fraction was rounded half up.
#[inline]
pub(crate) fn unsigned(text: &str) -> Result<(u64, bool), NumberFault> {
    let bytes = text.as_bytes();
    // Floating-point numbers of some clouds are whole ones.
    match digits(bytes.strip_suffix(b".0").unwrap_or(bytes)) {
        Some(n) => Ok((n, true)),
        None => decimal(text, 0),
    }
}

/// Reads up to 19 digits and nothing else.
#[inline]
pub(crate) fn digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 19 {
        return None;
    }
    let (eights, rest) = text.as_chunks();
    let mut n = 0u64;
    for eight in eights {
        n = n * 100_000_000 + read_eight_digits(u64::from_le_bytes(*eight))?;
    }
    if let (Some(first), Some(last)) = (rest.first_chunk(), rest.last_chunk()) {
        // Four and four that overlap, behind zeros.
        let (behind, len) = (8 * (rest.len() as u32 - 4), rest.len() as u32);
        let word = u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << behind;
        let word = (word << (64 - 8 * len)) | (ZEROS >> (8 * len));
        return Some(n * 10u64.pow(len) + read_eight_digits(word)?);
    }
    for &b in rest {
        let d = b.wrapping_sub(b'0');
        if d > 9 {
            return None;
        }
        n = n * 10 + u64::from(d);
    }
    Some(n)
}

/// The digit 0, eight times.
pub(crate) const ZEROS: u64 = 0x3030_3030_3030_3030;

/// The number that eight characters make, the first in the lowest byte, if they are digits.
#[inline]
fn read_eight_digits(word: u64) -> Option<u64> {
    let digits = word ^ ZEROS;
    // No byte is above 9: its high half is empty, and stays so with 6 more.
    let more = (digits & 0x7f7f_7f7f_7f7f_7f7f) + 0x0606_0606_0606_0606;
    if (digits | more) & 0xf0f0_f0f0_f0f0_f0f0 != 0 {
        return None;
    }
    Some(number_of_digits(digits))
}

/// The number that eight digits make, the first in the lowest byte.
#[inline(always)]
pub(crate) fn number_of_digits(digits: u64) -> u64 {
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let high = (pairs & 0xff_0000_00ff).wrapping_mul(0x000f_4240_0000_0064);
    let low = (pairs >> 16 & 0xff_0000_00ff).wrapping_mul(0x0000_2710_0000_0001);
    high.wrapping_add(low) >> 32
}

/// The number so many times. Unlike `checked_mul` it is not a multiplication of 128 bits, for which
/// a sandbox calls a function.
#[inline(always)]
pub(crate) fn times<const BY: u64>(n: u64) -> Option<u64> {
    (n <= u64::MAX / BY).then(|| n * BY)
}

/// Reads a decimal number times a power of ten, as an integer; exact, or rounded half up.
pub(crate) fn decimal(text: &str, shift: i32) -> Result<(u64, bool), NumberFault> {
    // Sign, digits, a fraction, an exponent. Without combinators, because many numbers come here.
    let (negative, rest) = signed(text.as_bytes());
    let (whole, mut rest) = leading_digits(rest);
    if whole.is_empty() {
        return Err(NumberFault::NotANumber);
    }
    let mut fraction: &[u8] = &[];
    if let [b'.', after @ ..] = rest {
        (fraction, rest) = leading_digits(after);
        if fraction.is_empty() {
            return Err(NumberFault::NotANumber);
        }
    }
    let mut exponent = 0;
    if let [b'e' | b'E', after @ ..] = rest {
        let (below, after) = signed(after);
        let (power, after) = leading_digits(after);
        if power.is_empty() || !after.is_empty() {
            return Err(NumberFault::NotANumber);
        }
        rest = after;
        // No number of interest has an exponent of more digits.
        if power.len() > 4 {
            return Err(NumberFault::TooLarge);
        }
        exponent = power.iter().fold(0, |n, b| n * 10 + i64::from(b - b'0'));
        if below {
            exponent = -exponent;
        }
    }
    if !rest.is_empty() {
        return Err(NumberFault::NotANumber);
    }
    // Behind the last digit there are zeros.
    let count = whole.len() + fraction.len();
    let digit = |i: usize| {
        let digit = if i < whole.len() { whole.get(i) } else { fraction.get(i - whole.len()) };
        digit.map_or(0, |b| b - b'0')
    };
    let leading = (0..count).take_while(|i| digit(*i) == 0).count();
    if leading == count {
        return Ok((0, true));
    }
    if negative {
        return Err(NumberFault::Negative);
    }
    // How many of the significant digits stand before the point.
    let before = whole.len() as i64 + exponent + i64::from(shift) - leading as i64;
    if before > 20 {
        return Err(NumberFault::TooLarge);
    }
    let mut n = 0u64;
    let next = leading + before.max(0) as usize;
    for i in leading..next {
        n = times::<10>(n).and_then(|n| n.checked_add(digit(i).into())).ok_or(NumberFault::TooLarge)?;
    }
    if before >= 0 && digit(next) >= 5 {
        n = n.checked_add(1).ok_or(NumberFault::TooLarge)?;
    }
    Ok((n, (next..count).all(|i| digit(i) == 0)))
}

/// Takes a sign off; whether it is a minus.
fn signed(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [sign @ (b'+' | b'-'), rest @ ..] => (*sign == b'-', rest),
        _ => (false, text),
    }
}

/// Splits behind the digits that a text begins with.
fn leading_digits(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(text.iter().take_while(|b| b.is_ascii_digit()).count())
}

/// Reads an address; an IPv4-mapped IPv6 address is an IPv4 address.
#[inline]
pub(crate) fn address(text: &str) -> Option<IpAddr> {
    if let Some(a) = ipv4(text.as_bytes()) {
        return Some(IpAddr::V4(a));
    }
    let a = ipv6(text)?;
    Some(a.to_ipv4_mapped().map_or(IpAddr::V6(a), IpAddr::V4))
}

/// Reads an IPv6 address, as the standard library does.
pub(crate) fn ipv6(text: &str) -> Option<Ipv6Addr> {
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
            for pair in ipv4(rest)?.octets().chunks_exact(2) {
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

/// Reads four octets without leading zeros.
#[inline(always)]
pub(crate) fn ipv4(text: &[u8]) -> Option<Ipv4Addr> {
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

/// What a protocol's text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// A number, and whether the text says more than that.
    Number(u8, bool),
    /// A number that is no protocol's.
    OutOfRange,
    /// A name that IANA does not know.
    Name,
}

/// Reads a protocol's number or keyword.
pub(crate) fn protocol(text: &str) -> Protocol {
    match unsigned(text) {
        Ok((n, true)) => return u8::try_from(n).map_or(Protocol::OutOfRange, |n| Protocol::Number(n, false)),
        Ok(_) | Err(NumberFault::Negative | NumberFault::TooLarge) => return Protocol::OutOfRange,
        Err(NumberFault::NotANumber) => {}
    }
    if let Some(n) = crate::value::vocabulary::protocol(text) {
        return Protocol::Number(n, false);
    }
    // `ICMP: ECHO_REQUEST`
    let word = text.split_once(':').map_or("", |(word, _)| word.trim_end());
    crate::value::vocabulary::protocol(word).map_or(Protocol::Name, |n| Protocol::Number(n, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsigned_numbers() {
        use NumberFault::{Negative, NotANumber, TooLarge};
        let cases = [
            ("0", Ok((0, true))),
            ("007", Ok((7, true))),
            ("18446744073709551615", Ok((u64::MAX, true))),
            ("18446744073709551616", Err(TooLarge)),
            ("87.0", Ok((87, true))),
            ("34.5", Ok((35, false))),
            ("34.4999", Ok((34, false))),
            ("0.5", Ok((1, false))),
            ("0.05", Ok((0, false))),
            ("0.049", Ok((0, false))),
            ("9.5", Ok((10, false))),
            ("1.5E3", Ok((1500, true))),
            ("15e-1", Ok((2, false))),
            ("1e-9999", Ok((0, false))),
            ("1e20", Err(TooLarge)),
            ("1e99999", Err(TooLarge)),
            ("0e99999", Err(TooLarge)),
            ("0e99", Ok((0, true))),
            ("-0", Ok((0, true))),
            ("-5", Err(Negative)),
            ("+5", Ok((5, true))),
            ("", Err(NotANumber)),
            ("1.", Err(NotANumber)),
            (".5", Err(NotANumber)),
            ("1,5", Err(NotANumber)),
            ("0x10", Err(NotANumber)),
            ("1e", Err(NotANumber)),
            ("1e+", Err(NotANumber)),
            ("1.e5", Err(NotANumber)),
            ("1E+2", Ok((100, true))),
            ("-1e2", Err(Negative)),
            ("1-", Err(NotANumber)),
            ("--1", Err(NotANumber)),
            ("1 ", Err(NotANumber)),
            ("1é", Err(NotANumber)),
            ("-", Err(NotANumber)),
            ("1e00002", Err(TooLarge)),
            ("1e99999999999999999999", Err(TooLarge)),
            ("٣", Err(NotANumber)),
        ];
        for (text, want) in cases {
            assert_eq!(unsigned(text), want, "{text:?}");
        }
    }

    #[test]
    fn whole_numbers_with_a_point_are_read_as_others_are() {
        for text in [
            "0.0",
            "7.0",
            "007.0",
            ".0",
            "-.0",
            "-5.0",
            "+3.0",
            "1.0.0",
            "1.00",
            "9999999999999999999.0",
            "18446744073709551615.0",
            "18446744073709551616.0",
        ] {
            assert_eq!(unsigned(text), decimal(text, 0), "{text}");
        }
    }

    #[test]
    fn products_that_are_too_large_are_none() {
        let most = u64::MAX / 1000;
        assert_eq!(
            [0, 1, most, most + 1].map(super::times::<1000>),
            [Some(0), Some(1000), Some(most * 1000), None]
        );
        assert_eq!(super::times::<1>(u64::MAX), Some(u64::MAX));
    }

    /// Wherever the point stands, and whatever the exponent makes of that.
    #[test]
    fn points_and_exponents() {
        for n in [1_u64, 5, 49, 50, 405, 499, 1_718_000_388, 9_999_999_995, u64::MAX] {
            let digits = n.to_string();
            for point in 0..=digits.len() {
                for (exponent, shift) in (-22..=22).flat_map(|e| [(e, 0), (e, 3)]) {
                    let (whole, fraction) = digits.split_at(point);
                    let text = match (whole, fraction) {
                        ("", fraction) => format!("00.{fraction}e{exponent}"),
                        (whole, "") => format!("{whole}e{exponent}"),
                        (whole, fraction) => format!("{whole}.{fraction}e{exponent}"),
                    };
                    let power = exponent + shift - fraction.len() as i32;
                    let tens = |n: i32| 10_u128.checked_pow(n.unsigned_abs()).unwrap_or(u128::MAX);
                    let want = match power {
                        0.. => (u128::from(n).saturating_mul(tens(power)), true),
                        _ => {
                            let (whole, rest) = (u128::from(n) / tens(power), u128::from(n) % tens(power));
                            (whole + u128::from(rest >= tens(power).div_ceil(2)), rest == 0)
                        }
                    };
                    let want = u64::try_from(want.0).map(|n| (n, want.1)).map_err(|_| NumberFault::TooLarge);
                    assert_eq!(decimal(&text, shift), want, "{text} {shift}");
                }
            }
        }
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
            assert_eq!(address(text).map(|a| a.to_string()).as_deref(), Some(want), "{text:?}");
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
            assert_eq!(address(text), None, "{text:?}");
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
            assert_eq!(ipv6(&text), text.parse().ok(), "{text:?}");
        }
    }

    #[test]
    fn digits_of_any_number() {
        for text in ["0", "7", "42", "999", "1234", "65535", "000001", "9999999", "12345678", "1548752136"] {
            assert_eq!(digits(text.as_bytes()), text.parse().ok(), "{text}");
        }
        let longest = "9876543210123456789";
        for len in 0..longest.len() + 1 {
            let text = &longest[..len];
            assert_eq!(digits(text.as_bytes()), text.parse().ok(), "{text}");
            // Anything else at any place.
            for at in 0..len {
                for byte in (0..=255u8).filter(|b| !b.is_ascii_digit()) {
                    let mut text = text.as_bytes().to_vec();
                    text[at] = byte;
                    assert_eq!(digits(&text), None, "{text:?}");
                }
            }
        }
        assert_eq!(digits(b"00000000000000000001"), None, "twenty digits");
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
            assert_eq!(ipv4(text.as_bytes()), text.parse().ok(), "{text:?}");
        }
    }

    #[test]
    fn protocols() {
        use Protocol::{Name, Number, OutOfRange};
        let cases = [
            ("6", Number(6, false)),
            ("6.0", Number(6, false)),
            ("TCP", Number(6, false)),
            ("ICMPv6", Number(58, false)),
            ("ICMP: ECHO_REQUEST", Number(1, true)),
            ("256", OutOfRange),
            ("-5", OutOfRange),
            ("6.5", OutOfRange),
            ("what", Name),
            ("what: ever", Name),
        ];
        for (text, want) in cases {
            assert_eq!(protocol(text), want, "{text:?}");
        }
    }

    #[test]
    fn missing_values() {
        let missing = |kind, text| is_missing(Raw { kind, text });
        for text in ["-", "", "null", "NULL", "N/A", "n/a", " - ", "-1"] {
            assert!(missing(RawKind::Text, text), "{text:?}");
        }
        assert!(missing(RawKind::Literal, "null") && missing(RawKind::Number, "-1"));
        assert!(
            !missing(RawKind::Literal, "true")
                && !missing(RawKind::Nested, "[]")
                && !missing(RawKind::Text, "n")
        );
    }
}
