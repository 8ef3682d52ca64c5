//! The members of an object, where they stand in its text.

use crate::value::raw::{Raw, Span};

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

/// The members of an object, the items of an array, or the columns of a line.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Object<'a> {
    pub(crate) text: &'a str,
    pub(crate) unescaped: &'a str,
    pub(crate) members: &'a [Member],
}

impl<'a> Object<'a> {
    /// The key of a member.
    #[inline]
    pub(crate) fn key(&self, index: usize) -> &'a str {
        self.members[index].key.of(self.text, self.unescaped)
    }

    /// The value of a member.
    #[inline]
    pub(crate) fn raw(&self, index: usize) -> Raw<'a> {
        self.members[index].value.raw(self.text, self.unescaped)
    }
}
