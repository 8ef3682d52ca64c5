//! A value as the source wrote it, and where it stands.

use std::ops::Range;

/// How a raw value was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RawKind {
    /// A column of a text line, or a JSON string without its quotes and escapes.
    Text,
    /// A JSON number.
    Number,
    /// `true`, `false` or `null`.
    Literal,
    /// An array or an object, as JSON text.
    Nested,
}

/// A value as the source wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raw<'a> {
    /// How it was written.
    pub kind: RawKind,
    /// Its text.
    pub text: &'a str,
}

impl<'a> Raw<'a> {
    /// A column or a string.
    pub fn text(text: &'a str) -> Self {
        Self { kind: RawKind::Text, text }
    }
}

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
    pub(crate) fn moved(self, by: usize) -> Self {
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

    /// Where an array or object stands in the input.
    pub(crate) fn place(self) -> Range<usize> {
        self.start()..self.start() + (self.len & !Self::NESTED) as usize
    }

    /// Where a string without escapes stands in the input, with its quotes.
    pub(crate) fn string_place(self) -> Option<Range<usize>> {
        let len = (self.len & !Self::NESTED) as usize;
        (self.len & Self::NESTED == 0).then(|| self.start() - 1..self.start() + len + 1)
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
