//! The values of a record by number, wherever they stand.

use crate::{catalog::product::Entry, framing::columns::Columns, json::members::Object, value::raw::Raw};

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
    /// The same values for the fast paths; `None` where those can't take them. Keys are the plan's.
    fn short(&self) -> Option<Object<'a>>;
}

/// An array whose values have the names of columns.
pub(crate) struct NamedRow<'a> {
    pub(crate) columns: &'a [String],
    pub(crate) values: Object<'a>,
}

impl<'a> Source<'a> for NamedRow<'a> {
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

impl<'a> Source<'a> for Object<'a> {
    #[inline]
    fn key(&self, index: usize) -> &'a str {
        self.key(index)
    }

    #[inline]
    fn raw(&self, index: usize) -> Raw<'a> {
        self.raw(index)
    }

    fn column(&self, _index: usize) -> usize {
        0
    }

    fn short(&self) -> Option<Object<'a>> {
        Some(*self)
    }
}
