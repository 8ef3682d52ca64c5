//! An object of objects, written along the steps of a table.

use crate::{
    bytes::put,
    json::output::Output,
    record::fields::Field,
    schemas::{
        event::{Event, Item},
        extra::write_extra,
        frames::Notes,
        table::{AddressList, Cell, How, MOST_ADDRESSES, Step},
    },
};

/// Appends an event as an object of objects, and a line break.
pub(super) fn write(steps: &'static [Step], event: &Event<'_>, notes: &mut Notes<'_>, out: &mut Output) {
    out.push(b'{');
    let (mut open, mut keep) = (0, 0);
    for step in steps {
        keep = step.shared.min(keep);
        let item = step.cell.item(event);
        let members = matches!(step.cell.how, How::Extra) && event.extra().next().is_some();
        if item.is_none() && !members {
            notes.write(&step.cell, event, None, false, write_item, out);
            continue;
        }
        for _ in keep..open {
            out.push(b'}');
        }
        open = keep;
        while open < step.depth {
            member(step.part(open), event, out);
            out.push(b'{');
            open += 1;
        }
        keep = open;
        if item.is_some() {
            member(step.part(open), event, out);
        }
        let write = if members { write_members } else { write_item };
        notes.write(&step.cell, event, item, true, write, out);
    }
    for _ in 0..open {
        out.push(b'}');
    }
    out.extend_from_slice(b"}\n");
}

/// Appends a value as it is.
pub(super) fn write_item(cell: &Cell, event: &Event<'_>, item: Option<Item<'_>>, out: &mut Output) {
    match item {
        None => {}
        Some(Item::Addresses) => write_addresses(cell, event, out),
        Some(item) => item.write(out),
    }
}

/// Appends the addresses of a cell, each once.
pub(super) fn write_addresses(cell: &Cell, event: &Event<'_>, out: &mut Output) {
    let How::Addresses(&AddressList { fields, meanings, take }) = cell.how else { return };
    let (mut all, mut count) = ([None; MOST_ADDRESSES], 0);
    let fields = fields.iter().map(|f| event.address(*f));
    let extra = meanings.iter().map(|m| match take(event, event.meant(*m)?) {
        Some(Item::Address(address)) => Some(address),
        _ => None,
    });
    out.push(b'[');
    for address in fields.chain(extra).flatten() {
        if count < MOST_ADDRESSES && !all[..count].contains(&Some(address)) {
            out.separate();
            Item::Address(address).write(out);
            all[count] = Some(address);
            count += 1;
        }
    }
    out.push(b']');
}

/// Appends the members of `extra`.
pub(super) fn write_members(_: &Cell, event: &Event<'_>, _: Option<Item<'_>>, out: &mut Output) {
    for (key, value) in event.extra() {
        write_extra(key, value, event, out);
    }
}

/// Appends the key of a member.
#[inline(always)]
pub(super) fn member(key: &str, event: &Event<'_>, out: &mut Output) {
    if key.starts_with('{') {
        out.separate();
        out.push(b'"');
        words(key, event, out);
        return out.extend_from_slice(b"\":");
    }
    // All at once, as nearly every key is.
    let comma = !matches!(out.last(), Some(b'{' | b'['));
    out.write(|buffer, at| {
        let at = if comma { put::byte(buffer, at, b',')? } else { at };
        let at = put::byte(buffer, at, b'"')?;
        let at = put::bytes(buffer, at, key.as_bytes())?;
        put::bytes(buffer, at, b"\":")
    });
}

/// Appends a name between quotes, with the record's own words in it.
#[inline(always)]
pub(super) fn name(name: &str, event: &Event<'_>, out: &mut Output) {
    match name.starts_with('{') {
        true => words(name, event, out),
        false => out.extend_from_slice(name.as_bytes()),
    }
}

pub(super) fn words(name: &str, event: &Event<'_>, out: &mut Output) {
    for (i, part) in name.as_bytes().split(|b| *b == b'.').enumerate() {
        if i > 0 {
            out.push(b'.');
        }
        let field = match part {
            b"{provider}" => Field::Provider,
            b"{product}" => Field::Product,
            b"{kind}" => Field::Kind,
            _ => {
                out.extend_from_slice(part);
                continue;
            }
        };
        out.characters(event.text(field).unwrap_or("unknown"));
    }
}
