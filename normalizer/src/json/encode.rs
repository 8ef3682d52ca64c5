//! Writes JSON.
//!
//! Whoever writes takes a buffer and the place in it that comes next, and gives the place
//! behind what it wrote; or nothing where the buffer is too short. Then [`Output`] makes
//! it longer and all is written anew. So the place stays in a register, and short texts are
//! copied in blocks of fixed size, past their end.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::{
    bytes::scan,
    json::{output::Output, read as json},
    record::fields::{Field, Raw, RawKind, Record, Value},
    value::convert::ZEROS,
};

/// The place behind what was written; none where there was no room.
pub(crate) type Written = Option<usize>;

/// Appends the record and a line break.
pub(crate) fn flat(record: &Record<'_>, out: &mut Output) {
    out.write(|buffer, at| flat_at(record, buffer, at));
}

#[inline]
fn flat_at(record: &Record<'_>, buffer: &mut [u8], start: usize) -> Written {
    let mut at = byte(buffer, start, b'{')?;
    for (field, value) in record.fields() {
        at = member(buffer, at, field, value)?;
    }
    if !record.extra.is_empty() {
        at = bytes(buffer, at, b"\"extra\":")?;
        at = object(buffer, at, record.extra.iter().copied())?;
        at = byte(buffer, at, b',')?;
    }
    // The last comma is none.
    let end = if at == start + 1 { at } else { at - 1 };
    bytes(buffer, end, b"}\n")
}

/// Writes a field, with a comma behind it.
#[inline]
pub(crate) fn member(buffer: &mut [u8], at: usize, field: Field, value: Value<'_>) -> Written {
    let (key, len) = field.json_key();
    block(buffer, at, key)?;
    let end = self::value(buffer, at + usize::from(len), value)?;
    byte(buffer, end, b',')
}

#[inline]
fn value(buffer: &mut [u8], at: usize, value: Value<'_>) -> Written {
    match value {
        Value::Number(n) => number(buffer, at, n),
        Value::Address(a) => quoted(buffer, at, |b, at| address(b, at, a)),
        Value::Text(t) => string(buffer, at, t),
    }
}

/// A value as JSON text.
pub(crate) fn value_text(value: Value<'_>) -> String {
    let mut out = Output::default();
    out.write(|buffer, at| self::value(buffer, at, value));
    String::from_utf8_lossy(&out).into_owned()
}

/// Writes an object.
pub(crate) fn object<'a>(
    buffer: &mut [u8],
    at: usize,
    members: impl Iterator<Item = (&'a str, Raw<'a>)>,
) -> Written {
    let mut at = byte(buffer, at, b'{')?;
    for (i, (key, value)) in members.enumerate() {
        if i > 0 {
            at = byte(buffer, at, b',')?;
        }
        at = string(buffer, at, key)?;
        at = byte(buffer, at, b':')?;
        at = raw(buffer, at, value)?;
    }
    byte(buffer, at, b'}')
}

/// Writes a value as the source wrote it.
pub(crate) fn raw(buffer: &mut [u8], at: usize, value: Raw<'_>) -> Written {
    match value.kind {
        RawKind::Text => string(buffer, at, value.text),
        RawKind::Number | RawKind::Literal => bytes(buffer, at, value.text.as_bytes()),
        RawKind::Nested => json::compact(value.text, buffer, at),
    }
}

/// Writes bytes of a fixed number.
#[inline(always)]
pub(crate) fn block<const N: usize>(buffer: &mut [u8], at: usize, block: &[u8; N]) -> Option<()> {
    *buffer.get_mut(at..)?.first_chunk_mut()? = *block;
    Some(())
}

/// Writes a byte.
#[inline(always)]
pub(crate) fn byte(buffer: &mut [u8], at: usize, byte: u8) -> Written {
    *buffer.get_mut(at)? = byte;
    Some(at + 1)
}

#[inline(always)]
fn quoted(buffer: &mut [u8], at: usize, write: impl FnOnce(&mut [u8], usize) -> Written) -> Written {
    let at = byte(buffer, at, b'"')?;
    let at = write(buffer, at)?;
    byte(buffer, at, b'"')
}

/// Writes bytes as they are.
#[inline(always)]
pub(crate) fn bytes(buffer: &mut [u8], at: usize, bytes: &[u8]) -> Written {
    // Two pieces of fixed size that may overlap, where a call would cost more than the copy.
    #[inline(always)]
    fn ends<const N: usize>(buffer: &mut [u8], at: usize, bytes: &[u8]) -> Option<()> {
        block::<N>(buffer, at, bytes.first_chunk()?)?;
        block::<N>(buffer, at + bytes.len() - N, bytes.last_chunk()?)
    }
    match bytes.len() {
        0 => {}
        1 => block::<1>(buffer, at, bytes.first_chunk()?)?,
        2..4 => ends::<2>(buffer, at, bytes)?,
        4..8 => ends::<4>(buffer, at, bytes)?,
        8..16 => ends::<8>(buffer, at, bytes)?,
        16..=32 => ends::<16>(buffer, at, bytes)?,
        _ => buffer.get_mut(at..at + bytes.len())?.copy_from_slice(bytes),
    }
    Some(at + bytes.len())
}

/// Eight decimal digits of a number below 10^8, a byte each, the first lowest.
#[inline(always)]
fn eight_digits(n: u64) -> u64 {
    let fours = (n / 10_000) | ((n % 10_000) << 32);
    let hundreds = ((fours * 10_486) >> 20) & 0x7f_0000_007f;
    let pairs = hundreds | (fours - hundreds * 100) << 16;
    let tens = ((pairs * 103) >> 10) & 0x000f_000f_000f_000f;
    tens | (pairs - tens * 10) << 8
}

/// Writes a number in decimal.
#[inline(always)]
pub(crate) fn number(buffer: &mut [u8], at: usize, n: u64) -> Written {
    const EIGHT: u64 = 100_000_000;
    if n >= EIGHT {
        let end = large(buffer, at, n / EIGHT)?;
        block(buffer, end, &(eight_digits(n % EIGHT) | ZEROS).to_le_bytes())?;
        return Some(end + 8);
    }
    let digits = eight_digits(n);
    // The last digit is there, even if it is 0.
    let skipped = (digits | 1 << 56).trailing_zeros() / 8;
    block(buffer, at, &((digits | ZEROS) >> (8 * skipped)).to_le_bytes())?;
    Some(at + 8 - skipped as usize)
}

/// The digits in front of the last eight.
#[inline(never)]
fn large(buffer: &mut [u8], at: usize, n: u64) -> Written {
    number(buffer, at, n)
}

/// Writes an address as RFC 5952 asks.
#[inline(always)]
pub(crate) fn address(buffer: &mut [u8], at: usize, address: IpAddr) -> Written {
    match address {
        IpAddr::V4(a) => ipv4(buffer, at, a),
        IpAddr::V6(a) => ipv6(buffer, at, a),
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
fn ipv4(buffer: &mut [u8], mut at: usize, address: Ipv4Addr) -> Written {
    for octet in address.octets() {
        let (digits, len) = &OCTETS[usize::from(octet)];
        block(buffer, at, digits)?;
        at += usize::from(*len);
    }
    // Without the last dot.
    Some(at - 1)
}

#[inline(never)]
fn ipv6(buffer: &mut [u8], mut at: usize, address: Ipv6Addr) -> Written {
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
            at = bytes(buffer, at, b"::")?;
            i += len;
            continue;
        }
        if i > 0 && !(len > 1 && i == first + len) {
            at = byte(buffer, at, b':')?;
        }
        let digits = 4 - (groups[i] | 1).leading_zeros() / 4;
        for place in (0..digits).rev() {
            let digit = (groups[i] >> (4 * place)) as u8 & 15;
            at = byte(buffer, at, if digit < 10 { b'0' + digit } else { b'a' + digit - 10 })?;
        }
        i += 1;
    }
    Some(at)
}

/// Writes a string in quotes, with the shortest escapes.
#[inline]
pub(crate) fn string(buffer: &mut [u8], at: usize, text: &str) -> Written {
    quoted(buffer, at, |buffer, at| characters(buffer, at, text))
}

/// Writes what stands between the quotes of a string.
#[inline(always)]
pub(crate) fn characters(buffer: &mut [u8], at: usize, text: &str) -> Written {
    let text = text.as_bytes();
    match scan::first_escaped(text) {
        None => bytes(buffer, at, text),
        Some(first) => escaped(buffer, at, text, first),
    }
}

#[cold]
fn escaped(buffer: &mut [u8], mut at: usize, text: &[u8], first: usize) -> Written {
    let mut copied = 0;
    for (i, &b) in text.iter().enumerate().skip(first) {
        if b >= 0x20 && b != b'"' && b != b'\\' {
            continue;
        }
        at = bytes(buffer, at, &text[copied..i])?;
        copied = i + 1;
        let short = match b {
            b'"' | b'\\' => b,
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x08 => b'b',
            0x0c => b'f',
            _ => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                at = bytes(buffer, at, b"\\u00")?;
                at = bytes(buffer, at, &[HEX[usize::from(b >> 4)], HEX[usize::from(b & 15)]])?;
                continue;
            }
        };
        at = bytes(buffer, at, &[b'\\', short])?;
    }
    bytes(buffer, at, &text[copied..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(f: impl Fn(&mut [u8], usize) -> Written) -> String {
        let mut out = Output::default();
        out.write(f);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn numbers() {
        let powers = (0..20).map(|e| 10u64.pow(e));
        let near = powers.flat_map(|p| [p - 1, p, p + 1, p / 3]);
        for n in near.chain([65535, 1_548_752_136_000, 12_345_678, u64::MAX]) {
            assert_eq!(written(|b, at| number(b, at, n)), n.to_string());
        }
    }

    #[test]
    fn strings_are_escaped_like_serde_json() {
        let all: String = (0..0x80u8).map(char::from).chain(['é', '😀']).collect();
        assert_eq!(written(|b, at| string(b, at, &all)), serde_json::to_string(&all).unwrap());
        for len in 0..100 {
            let text = "x".repeat(len) + "\"";
            assert_eq!(written(|b, at| string(b, at, &text)), serde_json::to_string(&text).unwrap());
            let text = "x".repeat(len);
            assert_eq!(written(|b, at| bytes(b, at, text.as_bytes())), text);
        }
    }

    #[test]
    fn addresses_are_canonical() {
        for (given, want) in
            [("2001:DB8:0:0:1::1", "2001:db8::1:0:0:1"), ("::", "::"), ("10.0.0.1", "10.0.0.1")]
        {
            assert_eq!(written(|b, at| address(b, at, given.parse().unwrap())), want);
        }
        // Every choice of groups that are zero.
        for zeros in 0..256u32 {
            let group = |i: u16| if zeros >> i & 1 == 1 { 0 } else { 0xf << (4 * (i % 4)) };
            let a = Ipv6Addr::from([0, 1, 2, 3, 4, 5, 6, 7].map(group));
            if a.to_ipv4_mapped().is_none() {
                assert_eq!(written(|b, at| address(b, at, a.into())), a.to_string());
            }
        }
    }

    #[test]
    fn nothing_is_written_past_the_end() {
        let long = "y".repeat(300);
        for room in 0..300 {
            let mut buffer = vec![0; room];
            assert_eq!(string(&mut buffer, 0, &long), None);
            assert_eq!(bytes(&mut buffer, 0, long.as_bytes()), None);
        }
    }
}
