//! Members of `extra` in an object of a rich schema.

use std::ptr;

use crate::{
    json::output::Output,
    schemas::{event::Event, nested},
    value::raw::{Raw, RawKind},
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
        _ if is_readable(value, event) => out.raw(value),
        RawKind::Nested => nested::write_as_text(value, out),
        _ => out.string(value.text),
    }
}

/// Whether a member of `extra` is written as in a flat record.
pub(super) fn is_as_in_flat(key: &str, value: Raw<'_>, event: &Event<'_>) -> bool {
    key != OWN && is_readable(value, event)
}

/// Whether each reader can read a value as it came. Others are written as text.
fn is_readable(value: Raw<'_>, event: &Event<'_>) -> bool {
    match value.kind {
        RawKind::Number => nested::is_typed(value.text),
        RawKind::Nested => match event.record.readable {
            Some((known, readable)) if ptr::eq(known, value.text) => readable,
            _ => nested::is_readable(value.text),
        },
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

/// The object with the fields that a schema has no place for.
pub(super) const OWN: &str = "weir";
