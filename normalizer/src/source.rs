//! The values of a record by number, wherever they stand.

use crate::{
    json::Member,
    layout::Columns,
    products::Entry,
    record::{Raw, RawKind},
};

/// A value, and what stands behind it: reading on behind its end lets it be
/// checked and copied in blocks of fixed size, which need no branch for each length.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece<'a> {
    /// From its start to the end of the whole text.
    pub(crate) tail: &'a [u8],
    pub(crate) len: usize,
    pub(crate) form: Form,
}

/// How a piece is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// A column, or a string, in which nothing needs an escape in JSON.
    Plain,
    /// A JSON number, `true`, `false` or `null`.
    Bare,
    /// Anything else.
    Other,
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
    /// Whether [`Self::piece`] may be asked.
    #[inline(always)]
    fn has_pieces(&self) -> bool {
        true
    }
    /// The value with what stands behind it.
    #[inline(always)]
    fn piece(&self, _index: usize) -> Option<Piece<'a>> {
        None
    }
    /// The column's number, from 1; 0 where there are no columns.
    fn column(&self, index: usize) -> usize;
    /// The same values for the short way.
    fn short(&self) -> Short<'a>;
}

/// What the short way is made for. It asks the plan for keys, so a source with other keys is
/// one of these too, and the guest has the short way only twice.
pub(crate) enum Short<'a> {
    Object(Object<'a>),
    Line(Line<'a>),
}

/// The members of an object, or the items of an array.
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
        let m = &self.members[index];
        Raw { kind: m.kind, text: m.value.of(self.text, self.unescaped) }
    }

    #[inline(always)]
    fn piece(&self, index: usize) -> Option<Piece<'a>> {
        let m = self.members.get(index)?;
        let form = match m.kind {
            RawKind::Text => Form::Plain,
            RawKind::Number | RawKind::Literal => Form::Bare,
            RawKind::Nested => Form::Other,
        };
        Some(match m.value.as_it_stands(self.text) {
            Some((tail, len)) => Piece { tail, len, form },
            None => Piece { tail: &[], len: 0, form: Form::Other },
        })
    }

    fn column(&self, _index: usize) -> usize {
        0
    }

    fn short(&self) -> Short<'a> {
        Short::Object(*self)
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

    fn short(&self) -> Short<'a> {
        Short::Object(self.values)
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

    #[inline]
    fn raw(&self, index: usize) -> Raw<'a> {
        Raw::text(self.columns.get(self.text, index))
    }

    #[inline(always)]
    fn has_pieces(&self) -> bool {
        self.columns.is_plain()
    }

    #[inline(always)]
    fn piece(&self, index: usize) -> Option<Piece<'a>> {
        self.columns.piece(self.text, index)
    }

    fn column(&self, index: usize) -> usize {
        index + 1
    }

    fn short(&self) -> Short<'a> {
        Short::Line(*self)
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

    #[inline]
    fn raw(&self, index: usize) -> Raw<'a> {
        Raw::text(self.columns.get(self.text, index))
    }

    #[inline]
    fn value(&self, index: usize) -> Raw<'a> {
        let raw = self.raw(index);
        if self.missing == Some(raw.text) { Raw::text("") } else { raw }
    }

    #[inline(always)]
    fn has_pieces(&self) -> bool {
        self.missing.is_none() && self.columns.is_plain()
    }

    fn column(&self, index: usize) -> usize {
        index + 1
    }

    fn short(&self) -> Short<'a> {
        Short::Line(Line { text: self.text, columns: self.columns, entries: &[] })
    }
}
