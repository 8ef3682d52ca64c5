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

/// Where the parts of a flat record stand in its text.
#[derive(Debug)]
pub(crate) struct FlatPlaces {
    /// The fields that are there, a bit for each.
    pub(crate) present: u64,
    /// The value of each of them, without quotes.
    fields: [FlatPlace; 64],
    /// The members of `extra`, each with its key, and a number that says which it is.
    pub(crate) extra: Vec<(FlatPlace, u16)>,
    /// Where what is noted lies, if that is told from elsewhere on.
    pub(crate) base: u32,
}

/// A piece of the text.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FlatPlace {
    pub(crate) start: u32,
    pub(crate) len: u32,
}

impl FlatPlace {
    /// From one place to another.
    #[inline(always)]
    pub(crate) fn between(start: usize, end: usize) -> Self {
        Self { start: start as u32, len: end.wrapping_sub(start) as u32 }
    }

    #[inline(always)]
    pub(crate) fn of(self, text: &[u8]) -> Option<&[u8]> {
        text.get(self.start as usize..)?.get(..self.len as usize)
    }
}

impl Default for FlatPlaces {
    fn default() -> Self {
        Self { present: 0, fields: [FlatPlace::default(); 64], extra: Vec::new(), base: 0 }
    }
}

impl FlatPlaces {
    pub(crate) fn clear(&mut self) {
        (self.present, self.base) = (0, 0);
        self.extra.clear();
    }

    /// Notes a value; that it is there is noted apart, with all others.
    #[inline(always)]
    pub(crate) fn put(&mut self, field: Field, start: usize, len: usize) {
        self.fields[field as usize & 63] = FlatPlace { start: self.base + start as u32, len: len as u32 };
    }

    /// Notes a value that is there.
    #[inline(always)]
    pub(crate) fn note(&mut self, field: Field, start: usize, end: usize) {
        self.fields[field as usize & 63] = FlatPlace::between(start, end);
        self.present |= 1 << field as usize;
    }

    /// Notes the fields of some members, each with its comma; a string is the last. `expected` is the
    /// field of the first, mostly.
    #[inline(never)]
    pub(crate) fn note_members(&mut self, text: &[u8], mut at: usize, end: usize, expected: Field) {
        while at < end {
            let Some(member) = text.get(at..end) else { return };
            let (key, len) = expected.json_key();
            let field = match member.starts_with(&key[..usize::from(len)]) {
                true => Some(expected),
                false => Field::ALL.iter().copied().find(|f| {
                    let (key, len) = f.json_key();
                    member.starts_with(&key[..usize::from(len)])
                }),
            };
            let Some(field) = field else { return };
            let value = at + usize::from(field.json_key().1);
            if text.get(value) == Some(&b'"') {
                return self.note(field, value + 1, end - 2);
            }
            let digits = text[value..end].iter().position(|b| *b == b',').unwrap_or(0);
            self.note(field, value, value + digits);
            at = value + digits + 1;
        }
    }

    /// Where the value of a field is, if it is there.
    #[inline(always)]
    pub(crate) fn of_present(&self, field: Field) -> Option<FlatPlace> {
        (self.present >> field as usize & 1 != 0).then(|| self.of(field as usize))
    }

    /// Where the value of a field is that is there.
    #[inline(always)]
    pub(crate) fn of(&self, field: usize) -> FlatPlace {
        self.fields[field & 63]
    }
}

/// Appends the record and a line break.
pub(crate) fn write(record: &Record<'_>, out: &mut Output) {
    out.write(|buffer, at| write_at(record, buffer, at));
}

/// The same from the beginning on, and notes where its parts are.
pub(super) fn write_noting(record: &Record<'_>, places: &mut FlatPlaces, out: &mut Output) {
    places.clear();
    out.clear();
    out.push(b'{');
    for (field, value) in record.fields() {
        let start = out.len() + usize::from(field.json_key().1);
        out.write(|buffer, at| member(buffer, at, field, value));
        let quotes = usize::from(!matches!(value, Value::Number(_)));
        places.note(field, start + quotes, out.len() - 1 - quotes);
    }
    for (i, &(key, raw)) in record.extra.iter().enumerate() {
        let start = out.len();
        out.string(key);
        out.push(b':');
        out.raw(raw);
        places.extra.push((FlatPlace::between(start, out.len()), i as u16));
        out.push(b',');
    }
}

/// Moves members that were written behind a record, each with a comma in front, into it: behind its
/// fields, and in front of `extra`. The record begins at `start`, and its members end before `end`.
pub(crate) fn move_into(start: usize, end: usize, out: &mut Output) {
    const EXTRA: &[u8] = b",\"extra\":";
    // No other brace is behind such a key: the values of fields are no objects.
    let record = &out[start..end];
    let is_extra = |at: &usize| record[..*at].ends_with(EXTRA);
    let extra = memchr::memchr_iter(b'{', record).find(is_extra).map(|at| at - EXTRA.len());
    let at = extra.unwrap_or(record.len().saturating_sub(b"}\n".len()));
    let behind = record.len() - at;
    out.written_from(start + at).rotate_left(behind);
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
