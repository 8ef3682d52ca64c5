//! Writes a flat record as a JSON line.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr};

use crate::{
    json,
    record::{Raw, RawKind, Record, Value},
};

/// Appends the record and a line break.
pub(crate) fn flat(record: &Record<'_>, out: &mut Vec<u8>) {
    let start = out.len();
    for (field, value) in record.fields() {
        short(field.json_key(), out);
        match value {
            Value::Number(n) => number(n, out),
            Value::Address(a) => {
                out.push(b'"');
                address(a, out);
                out.push(b'"');
            }
            Value::Text(t) if field.is_word() => {
                out.push(b'"');
                out.extend_from_slice(t.as_bytes());
                out.push(b'"');
            }
            Value::Text(t) => string(t, out),
        }
    }
    if !record.extra.is_empty() {
        out.extend_from_slice(b",\"extra\":");
        object(record.extra.iter().copied(), out);
    }
    out.extend_from_slice(b"}\n");
    // Each member came with a comma in front; the first one's is the brace.
    match out.get_mut(start) {
        Some(first @ b',') => *first = b'{',
        _ => out.insert(start, b'{'),
    }
}

/// A value as JSON text.
pub(crate) fn value_text(value: Value<'_>) -> String {
    let mut out = Vec::new();
    match value {
        Value::Number(n) => number(n, &mut out),
        Value::Address(a) => {
            out.push(b'"');
            address(a, &mut out);
            out.push(b'"');
        }
        Value::Text(t) => string(t, &mut out),
    }
    String::from_utf8(out).unwrap_or_default()
}

/// Appends an object.
pub(crate) fn object<'a>(members: impl Iterator<Item = (&'a str, Raw<'a>)>, out: &mut Vec<u8>) {
    out.push(b'{');
    for (i, (key, value)) in members.enumerate() {
        if i > 0 {
            out.push(b',');
        }
        string(key, out);
        out.push(b':');
        raw(value, out);
    }
    out.push(b'}');
}

/// Appends a value as the source wrote it.
pub(crate) fn raw(value: Raw<'_>, out: &mut Vec<u8>) {
    match value.kind {
        RawKind::Text => string(value.text, out),
        RawKind::Number | RawKind::Literal => out.extend_from_slice(value.text.as_bytes()),
        RawKind::Nested => json::compact(value.text, out),
    }
}

const DIGIT_PAIRS: &[u8; 200] = b"0001020304050607080910111213141516171819\
2021222324252627282930313233343536373839\
4041424344454647484950515253545556575859\
6061626364656667686970717273747576777879\
8081828384858687888990919293949596979899";

/// Appends a text of at most 16 bytes that comes with what pads it to 16: a copy of fixed
/// size needs no call.
#[inline]
fn short((padded, len): (&[u8; 16], u8), out: &mut Vec<u8>) {
    let end = out.len() + usize::from(len);
    out.extend_from_slice(padded);
    out.truncate(end);
}

/// Appends a number in decimal.
#[inline]
pub(crate) fn number(mut n: u64, out: &mut Vec<u8>) {
    // The digits end at 20; what is behind them only makes the copy's size fixed.
    let mut digits = [0; 40];
    let mut at = 20;
    while n >= 100 {
        let pair = (n % 100) as usize * 2;
        n /= 100;
        at -= 2;
        digits[at..at + 2].copy_from_slice(&DIGIT_PAIRS[pair..pair + 2]);
    }
    if n >= 10 {
        let pair = n as usize * 2;
        at -= 2;
        digits[at..at + 2].copy_from_slice(&DIGIT_PAIRS[pair..pair + 2]);
    } else {
        at -= 1;
        digits[at] = b'0' + n as u8;
    }
    let end = out.len() + 20 - at;
    out.extend_from_slice(&digits[at..at + 20]);
    out.truncate(end);
}

/// Appends an address as RFC 5952 asks.
pub(crate) fn address(address: IpAddr, out: &mut Vec<u8>) {
    match address {
        IpAddr::V4(a) => ipv4(a, out),
        IpAddr::V6(a) => {
            // Writing to a vector can't fail.
            let _ = write!(out, "{a}");
        }
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
fn ipv4(address: Ipv4Addr, out: &mut Vec<u8>) {
    let mut text = [0; 19];
    let mut at = 0;
    for octet in address.octets() {
        let (digits, len) = &OCTETS[usize::from(octet)];
        text[at..at + 4].copy_from_slice(digits);
        at += usize::from(*len);
    }
    // Without the last dot.
    let end = out.len() + at - 1;
    out.extend_from_slice(&text[..16]);
    out.truncate(end);
}

/// Appends a string in quotes, with the shortest escapes.
#[inline]
pub(crate) fn string(text: &str, out: &mut Vec<u8>) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    characters(text, out);
    out.push(b'"');
}

/// Appends what stands between the quotes of a string.
#[inline]
pub(crate) fn characters(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    match first_escaped(bytes) {
        None => out.extend_from_slice(bytes),
        Some(first) => escaped(bytes, first, out),
    }
}

/// The first byte that can't stand in a string as it is.
#[inline]
fn first_escaped(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let plain = |b: u8| b >= 0x20 && b != b'"' && b != b'\\';
    let mut chunks = bytes.chunks_exact(8);
    let mut at = 0;
    for chunk in chunks.by_ref() {
        let word = u64::from_le_bytes([
            chunk[0], chunk[1], chunk[2], chunk[3], chunk[4], chunk[5], chunk[6], chunk[7],
        ]);
        // A high bit is set where a byte is below 0x20, or nought after the exclusive or; a
        // borrow may set one too many, which the search for the byte puts right.
        let below = |w: u64, n: u64| w.wrapping_sub(ONES * n) & !w & HIGHS;
        let quote = below(word ^ (ONES * u64::from(b'"')), 1);
        let backslash = below(word ^ (ONES * u64::from(b'\\')), 1);
        if below(word, 0x20) | quote | backslash != 0
            && let Some(i) = chunk.iter().position(|b| !plain(*b))
        {
            return Some(at + i);
        }
        at += 8;
    }
    chunks.remainder().iter().position(|b| !plain(*b)).map(|i| at + i)
}

#[cold]
fn escaped(bytes: &[u8], first: usize, out: &mut Vec<u8>) {
    let mut copied = 0;
    for (i, &b) in bytes.iter().enumerate().skip(first) {
        if b >= 0x20 && b != b'"' && b != b'\\' {
            continue;
        }
        out.extend_from_slice(&bytes[copied..i]);
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
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&[HEX[usize::from(b >> 4)], HEX[usize::from(b & 15)]]);
                continue;
            }
        };
        out.extend_from_slice(&[b'\\', short]);
    }
    out.extend_from_slice(&bytes[copied..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(f: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        f(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers() {
        for n in [0, 9, 10, 99, 100, 101, 65535, 1_548_752_136_000, u64::MAX] {
            assert_eq!(written(|o| number(n, o)), n.to_string());
        }
    }

    #[test]
    fn strings_are_escaped_like_serde_json() {
        let all: String = (0..0x80u8).map(char::from).chain(['é', '😀']).collect();
        assert_eq!(written(|o| string(&all, o)), serde_json::to_string(&all).unwrap());
    }

    #[test]
    fn addresses_are_canonical() {
        for (given, want) in
            [("2001:DB8:0:0:1::1", "2001:db8::1:0:0:1"), ("::", "::"), ("10.0.0.1", "10.0.0.1")]
        {
            assert_eq!(written(|o| address(given.parse().unwrap(), o)), want);
        }
    }
}
