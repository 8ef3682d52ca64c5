//! One flat record: its members are read into the columns.

use std::{borrow::Cow, ops::Range};

use memchr::memmem;
use serde_json::value::RawValue;
use weir_normalizer::record::Field;

use crate::{
    Layout,
    column::{Column, Misfit},
    layout::EXTRA,
    scan::{integer, quote_or_escape},
};

/// Fields, and `extra` behind them.
pub(crate) const COLUMNS: usize = Field::ALL.len() + 1;
pub(crate) const EXTRA_COLUMN: usize = COLUMNS - 1;
/// What a key leads to that has no column.
const NO_COLUMN: usize = COLUMNS;
const _: () = assert!(NO_COLUMN < 64, "each has a bit");

/// What is wrong with a line, and where in it.
pub(crate) type Fault = (usize, Cow<'static, str>);

/// Reads lines into columns.
pub(crate) struct Reader {
    /// The column of each field, and of `extra`.
    pub(crate) columns: Vec<Column>,
    /// The key of each column, ready to be compared.
    keys: Vec<Key>,
    /// The column whose key came behind that of each column the last time; the first one's is last.
    next: [u8; COLUMNS + 1],
    /// The columns that the record has, a bit each.
    seen: u64,
    /// Members of the record that have no column, or don't fit theirs.
    strays: Vec<Stray>,
    /// The value of `extra`, without its braces.
    extra: Option<Range<usize>>,
    /// An `extra` that is put together.
    made: Vec<u8>,
}

/// A member of a line.
#[derive(Clone, Copy)]
struct Member {
    column: usize,
    /// Where its key begins.
    start: usize,
    /// Where its value begins.
    value: usize,
}

/// A member that goes into `extra`, by its place in the line.
struct Stray {
    /// Its key, with the quotes.
    key: Range<usize>,
    end: usize,
}

/// `"key":` as bytes.
struct Key {
    text: Box<[u8]>,
    /// Its first bytes as a number, and which bits of it count.
    head: u128,
    mask: u128,
}

impl Key {
    fn new(name: &str) -> Self {
        let text = format!("\"{name}\":").into_bytes();
        let mut head = [0; 16];
        let len = text.len().min(16);
        head[..len].copy_from_slice(&text[..len]);
        let mask = if len == 16 { u128::MAX } else { (1 << (8 * len)) - 1 };
        Self { text: text.into(), head: u128::from_le_bytes(head), mask }
    }

    #[inline]
    fn begins(&self, line: &[u8], at: usize) -> bool {
        if let Some(chunk) = line.get(at..at + 16)
            && self.text.len() <= 16
        {
            let mut head = [0; 16];
            head.copy_from_slice(chunk);
            return u128::from_le_bytes(head) & self.mask == self.head;
        }
        line.get(at..).is_some_and(|rest| rest.starts_with(&self.text))
    }
}

impl Reader {
    pub(crate) fn new(layout: &Layout) -> Self {
        let mut columns: Vec<_> = Field::ALL
            .iter()
            .map(|field| match layout.has(*field) {
                true => Column::new(layout.column_type(*field)),
                false => Column::None,
            })
            .collect();
        columns.push(Column::new(crate::ColumnType::Json));
        let mut next = [0; COLUMNS + 1];
        for (column, next) in next.iter_mut().enumerate() {
            *next = ((column + 1) % COLUMNS) as u8;
        }
        next[COLUMNS] = 0;
        Self {
            columns,
            keys: Field::ALL.iter().map(|f| f.key()).chain([EXTRA]).map(Key::new).collect(),
            next,
            seen: 0,
            strays: Vec::new(),
            extra: None,
            made: Vec::new(),
        }
    }

    /// Reads a line, without its break, as that row.
    pub(crate) fn read(&mut self, line: &[u8], row: usize) -> Result<(), Fault> {
        self.strays.clear();
        self.extra = None;
        self.seen = 0;
        let mut at = expect(line, 0, b'{', "an object")?;
        at = skip_blanks(line, at);
        if line.get(at) == Some(&b'}') {
            return end(line, at + 1);
        }
        let mut before = COLUMNS;
        loop {
            let start = at;
            let expected = usize::from(self.next[before]);
            let column = match self.keys.get(expected) {
                Some(key) if key.begins(line, at) => {
                    at = skip_blanks(line, at + key.text.len());
                    expected
                }
                _ => {
                    let column;
                    (column, at) = self.key(line, at)?;
                    if column < COLUMNS {
                        self.next[before] = column as u8;
                    }
                    column
                }
            };
            at = self.value(line, row, Member { column, start, value: at })?;
            if column < COLUMNS {
                before = column;
            }
            match line.get(skip_blanks(line, at)) {
                Some(b',') => at = skip_blanks(line, skip_blanks(line, at) + 1),
                Some(b'}') => {
                    at = skip_blanks(line, at) + 1;
                    break;
                }
                _ => return Err((at, "a comma or a closing brace is missing".into())),
            }
        }
        self.finish(line, row)?;
        end(line, at)
    }

    /// Reads a key that is another one than before, up to its value.
    #[cold]
    fn key(&self, line: &[u8], at: usize) -> Result<(usize, usize), Fault> {
        let start = skip_blanks(line, at);
        let (text, end) = string(line, start)?;
        let colon = expect(line, skip_blanks(line, end), b':', "a colon")?;
        let column = match &*text {
            EXTRA => EXTRA_COLUMN,
            key => Field::by_key(key).map_or(NO_COLUMN, |field| field as usize),
        };
        Ok((column, skip_blanks(line, colon)))
    }

    /// Reads the value of a member, and gives where it ends.
    #[inline]
    fn value(&mut self, line: &[u8], row: usize, member: Member) -> Result<usize, Fault> {
        let Member { column, start, value: at } = member;
        let bit = 1 << column;
        if column < COLUMNS && self.seen & bit != 0 {
            let name = Field::ALL.get(column).map_or(EXTRA, |field| field.key());
            return Err((start, format!("a second {name}").into()));
        }
        self.seen |= bit;
        if column < EXTRA_COLUMN
            && let Some(to) = self.columns.get_mut(column)
        {
            match line.get(at) {
                Some(b'"') => {
                    if let Some(end) = quote_or_escape(line, at + 1)
                        && line[end] == b'"'
                        && to.text(row, &line[at + 1..end]).is_ok()
                    {
                        return Ok(end + 1);
                    }
                }
                Some(b'0'..=b'9') => {
                    if let Some((value, end)) = integer(line, at)
                        && to.number(row, value).is_ok()
                    {
                        return Ok(end);
                    }
                }
                _ => {}
            }
        }
        self.other_value(line, row, member)
    }

    /// Reads a value in the long way.
    #[cold]
    fn other_value(&mut self, line: &[u8], row: usize, member: Member) -> Result<usize, Fault> {
        let Member { column, .. } = member;
        let (start, at) = (skip_blanks(line, member.start), skip_blanks(line, member.value));
        let (raw, end) = any(line, at)?;
        if column == EXTRA_COLUMN {
            if raw.starts_with('{') {
                self.extra = Some(at + 1..end - 1);
                return Ok(end);
            }
        } else if let Some(to) = self.columns.get_mut(column) {
            // What has no column here is told elsewhere.
            if matches!(to, Column::None) || raw == "null" {
                return Ok(end);
            }
            if raw.starts_with('"') {
                let (text, _) = string(line, at)?;
                if to.text(row, text.as_bytes()).is_ok() {
                    return Ok(end);
                }
            }
        }
        let (_, key) = any(line, start)?;
        self.strays.push(Stray { key: start..key, end });
        Ok(end)
    }

    /// Gives the row its `extra`.
    #[inline]
    fn finish(&mut self, line: &[u8], row: usize) -> Result<(), Fault> {
        let Some(to) = self.columns.get_mut(EXTRA_COLUMN) else { return Ok(()) };
        let misfit = |Misfit| (0, Cow::Borrowed("an extra that is no text"));
        if self.strays.is_empty() {
            return match &self.extra {
                Some(extra) => to.text(row, &line[extra.start - 1..extra.end + 1]).map_err(misfit),
                None => Ok(()),
            };
        }
        let extra = self.extra.take().map_or(&line[..0], |extra| line[extra].trim_ascii());
        self.made.clear();
        with_strays(line, &self.strays, extra, &mut self.made);
        to.text(row, &self.made).map_err(misfit)
    }
}

/// An `extra` with strays before its own members; no key stands there twice, and neither value is lost.
fn with_strays(line: &[u8], strays: &[Stray], extra: &[u8], to: &mut Vec<u8>) {
    to.push(b'{');
    for (index, stray) in strays.iter().enumerate() {
        if index > 0 {
            to.push(b',');
        }
        let (key, rest) = (&line[stray.key.clone()], &line[stray.key.end..stray.end]);
        // One that stands deeper in `extra` is taken for its own, too: that does no harm.
        if memmem::find(extra, key).is_some() {
            to.extend_from_slice(b"\"weir.");
            to.extend_from_slice(&key[1..]);
        } else {
            to.extend_from_slice(key);
        }
        to.extend_from_slice(rest);
    }
    if !extra.is_empty() {
        to.push(b',');
        to.extend_from_slice(extra);
    }
    to.push(b'}');
}

fn skip_blanks(line: &[u8], at: usize) -> usize {
    let mut at = at;
    while matches!(line.get(at), Some(b' ' | b'\t' | b'\r')) {
        at += 1;
    }
    at
}

fn expect(line: &[u8], at: usize, byte: u8, what: &'static str) -> Result<usize, Fault> {
    match line.get(at) {
        Some(found) if *found == byte => Ok(at + 1),
        _ => Err((at, format!("{what} is missing").into())),
    }
}

fn end(line: &[u8], at: usize) -> Result<(), Fault> {
    match line[at..].trim_ascii().is_empty() {
        true => Ok(()),
        false => Err((at, "something behind the record".into())),
    }
}

/// Any value, checked, and where it ends.
fn any(line: &[u8], at: usize) -> Result<(&str, usize), Fault> {
    let rest = line.get(at..).unwrap_or_default();
    let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<&RawValue>();
    match values.next() {
        Some(Ok(raw)) => Ok((raw.get(), at + values.byte_offset())),
        Some(Err(error)) => {
            let what = error.to_string();
            let what = what.split(" at line ").next().unwrap_or_default();
            Err((at + error.column().saturating_sub(1), format!("no JSON: {what}").into()))
        }
        None => Err((at, "a value is missing".into())),
    }
}

/// A string without its escapes, and where it ends.
fn string(line: &[u8], at: usize) -> Result<(Cow<'_, str>, usize), Fault> {
    let (raw, end) = any(line, at)?;
    match serde_json::from_str::<Text<'_>>(raw) {
        Ok(text) => Ok((text.0, end)),
        Err(_) => Err((at, "a string is missing".into())),
    }
}

/// A string, without a copy where it has no escapes.
#[derive(serde::Deserialize)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);
