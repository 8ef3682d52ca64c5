//! The values of a record by number, wherever they stand.

use crate::{
    catalog::products::Entry,
    framing::layout::Columns,
    record::fields::{Raw, RawKind},
};

/// A piece of text, of the input or of the memory for unescaped strings, and how it is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    start: u32,
    /// The length, and above it the form.
    len: u32,
}

impl Span {
    /// Not a string: a number, `true`, `false` or `null`.
    pub(crate) const BARE: u32 = 1 << 30;
    /// A string that had escapes, and lies unescaped elsewhere.
    const UNESCAPED: u32 = 1 << 31;
    /// An array or object.
    const NESTED: u32 = Self::BARE | Self::UNESCAPED;

    /// A column, or a string without escapes.
    #[inline(always)]
    pub(crate) fn plain(start: usize, end: usize) -> Self {
        Self { start: start as u32, len: (end - start) as u32 }
    }

    /// A number or a word.
    #[inline(always)]
    pub(crate) fn bare(start: usize, end: usize) -> Self {
        Self { start: start as u32, len: (end - start) as u32 | Self::BARE }
    }

    /// A string in the memory for unescaped ones.
    pub(crate) fn unescaped(start: usize, end: usize) -> Self {
        Self { start: start as u32, len: (end - start) as u32 | Self::UNESCAPED }
    }

    /// An array or object.
    pub(crate) fn nested(start: usize, end: usize) -> Self {
        Self { start: start as u32, len: (end - start) as u32 | Self::NESTED }
    }

    /// The same so much further on, modulo 2^32.
    #[inline(always)]
    fn moved(self, by: usize) -> Self {
        Self { start: self.start.wrapping_add(by as u32), ..self }
    }

    /// Where it starts.
    #[inline(always)]
    pub(crate) fn start(self) -> usize {
        self.start as usize
    }

    /// The length and the form: only of what is plain it is the length alone, and less than
    /// [`Self::BARE`].
    #[inline(always)]
    pub(crate) fn form(self) -> u32 {
        self.len
    }

    #[inline(always)]
    pub(crate) fn of<'a>(self, input: &'a str, unescaped: &'a str) -> &'a str {
        let text = if self.len & Self::NESTED == Self::UNESCAPED { unescaped } else { input };
        text.get(self.start()..self.start() + (self.len & !Self::NESTED) as usize).unwrap_or_default()
    }

    #[inline(always)]
    fn kind(self, text: &str) -> RawKind {
        match self.len & Self::NESTED {
            Self::NESTED => RawKind::Nested,
            Self::BARE if matches!(text.as_bytes().first(), Some(b't' | b'f' | b'n')) => RawKind::Literal,
            Self::BARE => RawKind::Number,
            _ => RawKind::Text,
        }
    }

    /// Whether it is an array or object.
    pub(crate) fn is_nested(self) -> bool {
        self.len & Self::NESTED == Self::NESTED
    }

    /// It as a value.
    #[inline(always)]
    pub(crate) fn raw<'a>(self, input: &'a str, unescaped: &'a str) -> Raw<'a> {
        let text = self.of(input, unescaped);
        Raw { kind: self.kind(text), text }
    }
}

/// A member of an object, or an item of an array or a column of a line, whose key is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) key: Span,
    pub(crate) value: Span,
}

impl Member {
    /// The same so much further on in the text, modulo 2^32.
    #[inline(always)]
    pub(crate) fn moved(self, by: usize) -> Self {
        Self { key: self.key.moved(by), value: self.value.moved(by) }
    }
}

/// The values of a record by number: an object's members, or a line's columns.
pub(crate) trait Source<'a> {
    /// The value's key.
    fn key(&self, index: usize) -> &'a str;
    /// The value as it stands there.
    fn raw(&self, index: usize) -> Raw<'a>;
    /// The value for its field: nothing, where it is what stands for none here.
    #[inline]
    fn value(&self, index: usize) -> Raw<'a> {
        self.raw(index)
    }
    /// The column's number, from 1; 0 where there are no columns.
    fn column(&self, index: usize) -> usize;
    /// The same values for the short way, if they can go it. It asks the plan for keys.
    fn short(&self) -> Option<Object<'a>>;
}

/// The members of an object, the items of an array, or the columns of a line.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Object<'a> {
    pub(crate) text: &'a str,
    pub(crate) unescaped: &'a str,
    pub(crate) members: &'a [Member],
}

impl<'a> Source<'a> for Object<'a> {
    #[inline]
    fn key(&self, index: usize) -> &'a str {
        self.members[index].key.of(self.text, self.unescaped)
    }

    #[inline]
    fn raw(&self, index: usize) -> Raw<'a> {
        self.members[index].value.raw(self.text, self.unescaped)
    }

    fn column(&self, _index: usize) -> usize {
        0
    }

    fn short(&self) -> Option<Object<'a>> {
        Some(*self)
    }
}

/// An array whose values have the names of columns.
pub(crate) struct Row<'a> {
    pub(crate) columns: &'a [String],
    pub(crate) values: Object<'a>,
}

impl<'a> Source<'a> for Row<'a> {
    fn key(&self, index: usize) -> &'a str {
        &self.columns[index]
    }

    fn raw(&self, index: usize) -> Raw<'a> {
        self.values.raw(index)
    }

    fn column(&self, index: usize) -> usize {
        index + 1
    }

    fn short(&self) -> Option<Object<'a>> {
        Some(self.values)
    }
}

/// A line in a product's own layout.
#[derive(Clone, Copy)]
pub(crate) struct Line<'a> {
    pub(crate) text: &'a str,
    pub(crate) columns: &'a Columns,
    pub(crate) entries: &'static [Entry],
}

impl<'a> Source<'a> for Line<'a> {
    fn key(&self, index: usize) -> &'a str {
        self.entries[index].keys[0]
    }

    #[inline(always)]
    fn raw(&self, index: usize) -> Raw<'a> {
        Raw::text(self.columns.get(self.text, index))
    }

    fn column(&self, index: usize) -> usize {
        index + 1
    }

    fn short(&self) -> Option<Object<'a>> {
        self.columns.plain(self.text)
    }
}

/// A line in a layout or under a header row.
pub(crate) struct NamedLine<'a> {
    pub(crate) text: &'a str,
    pub(crate) columns: &'a Columns,
    pub(crate) names: &'a [String],
    pub(crate) missing: Option<&'a str>,
}

impl<'a> Source<'a> for NamedLine<'a> {
    fn key(&self, index: usize) -> &'a str {
        &self.names[index]
    }

    #[inline(always)]
    fn raw(&self, index: usize) -> Raw<'a> {
        Raw::text(self.columns.get(self.text, index))
    }

    #[inline]
    fn value(&self, index: usize) -> Raw<'a> {
        let raw = self.raw(index);
        if self.missing == Some(raw.text) { Raw::text("") } else { raw }
    }

    fn column(&self, index: usize) -> usize {
        index + 1
    }

    fn short(&self) -> Option<Object<'a>> {
        self.columns.plain(self.text).filter(|_| self.missing.is_none())
    }
}
