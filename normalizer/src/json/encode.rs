//! Writes JSON.
//!
//! Whoever writes takes a buffer and the place in it that comes next, and gives the place
//! behind what it wrote; or nothing where the buffer is too short. Then [`Output`] makes
//! it longer and all is written anew. So the place stays in a register, and short texts are
//! copied in blocks of fixed size, past their end.

use crate::{
    bytes::{
        put::{Written, byte, bytes},
        scan,
    },
    json::read as json,
    value::raw::{Raw, RawKind},
};

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

#[inline(always)]
pub(crate) fn quoted(
    buffer: &mut [u8],
    at: usize,
    write: impl FnOnce(&mut [u8], usize) -> Written,
) -> Written {
    let at = byte(buffer, at, b'"')?;
    let at = write(buffer, at)?;
    byte(buffer, at, b'"')
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
    use crate::json::output::Output;

    fn written(f: impl Fn(&mut [u8], usize) -> Written) -> String {
        let mut out = Output::default();
        out.write(f);
        String::from_utf8(out.to_vec()).unwrap()
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
    fn nothing_is_written_past_the_end() {
        let long = "y".repeat(300);
        for room in 0..300 {
            let mut buffer = vec![0; room];
            assert_eq!(string(&mut buffer, 0, &long), None);
            assert_eq!(bytes(&mut buffer, 0, long.as_bytes()), None);
        }
    }
}
