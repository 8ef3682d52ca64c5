//! Members of `extra` in an object of a rich schema.

use crate::{
    json::output::Output,
    schemas::{event::Event, nested},
    value::{
        double,
        raw::{Raw, RawKind},
    },
};

/// Appends a member of `extra`.
pub(super) fn write_extra(key: &str, value: Raw<'_>, event: &Event<'_>, out: &mut Output) {
    out.separate();
    match key {
        OWN => own_key(event, out),
        _ => out.string(key),
    }
    out.push(b':');
    match value.kind {
        _ if is_readable(value) => out.raw(value),
        RawKind::Nested => nested::write_as_text(value, out),
        _ => out.string(value.text),
    }
}

/// Whether a member of `extra` is written as in a flat record.
pub(super) fn is_as_in_flat(key: &str, value: Raw<'_>) -> bool {
    key != OWN && is_readable(value)
}

/// Whether each reader can read a value as it came. Others are written as text.
fn is_readable(value: Raw<'_>) -> bool {
    match value.kind {
        RawKind::Number => is_typed(value.text),
        RawKind::Nested => nested::is_readable(value.text),
        RawKind::Text | RawKind::Literal => true,
    }
}

/// Appends the one key that would stand there twice as another, which none of the others is.
#[cold]
#[inline(never)]
pub(super) fn own_key(event: &Event<'_>, out: &mut Output) {
    let mut key = format!("extra.{OWN}");
    while event.extra().any(|(other, _)| other == key) {
        key.insert_str(0, "extra.");
    }
    out.string(&key);
}

/// Whether a number is one that readers have a type for: an integer of 64 bits with a sign, or a
/// double. Others are written as strings.
#[inline]
pub(super) fn is_typed(number: &str) -> bool {
    // Most are short and have no exponent.
    let plain = number.bytes().all(|b| b.is_ascii_digit());
    plain && number.len() <= 18 || is_typed_at_length(number, plain)
}

#[inline(never)]
pub(super) fn is_typed_at_length(number: &str, plain: bool) -> bool {
    match plain || !number.contains(['.', 'e', 'E']) {
        true => number.parse::<i64>().is_ok(),
        false => double::finite(number).is_some(),
    }
}

/// The object with the fields that a schema has no place for.
pub(super) const OWN: &str = "weir";
