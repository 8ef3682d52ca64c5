//! Flat records as JSON lines.

use crate::{
    bytes::{
        digits,
        put::{Written, block, byte, bytes},
    },
    json::{
        encode::{object, quoted, string},
        output::Output,
    },
    record::fields::{Field, Record, Value},
    value::addresses,
};

/// Appends the record and a line break.
pub(crate) fn write(record: &Record<'_>, out: &mut Output) {
    out.write(|buffer, at| write_at(record, buffer, at));
}

#[inline]
fn write_at(record: &Record<'_>, buffer: &mut [u8], start: usize) -> Written {
    let mut at = byte(buffer, start, b'{')?;
    for (field, value) in record.fields() {
        at = member(buffer, at, field, value)?;
    }
    if !record.extra.is_empty() {
        at = bytes(buffer, at, b"\"extra\":")?;
        at = object(buffer, at, record.extra.iter().copied())?;
        at = byte(buffer, at, b',')?;
    }
    // No comma stands behind the last member.
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
        Value::Number(n) => digits::write(buffer, at, n),
        Value::Address(a) => quoted(buffer, at, |b, at| addresses::write(b, at, a)),
        Value::Text(t) => string(buffer, at, t),
    }
}

/// A value as JSON text.
pub(crate) fn value_text(value: Value<'_>) -> String {
    let mut out = Output::default();
    out.write(|buffer, at| self::value(buffer, at, value));
    String::from_utf8_lossy(&out).into_owned()
}
