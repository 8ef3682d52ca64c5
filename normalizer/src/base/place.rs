//! Where something stands in an input.

/// Where an element lies in its input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// From 1.
    pub line: u64,
    /// In bytes, from 0, after decompression.
    pub offset: u64,
    /// In bytes; more than was kept for an over-long record.
    pub length: u64,
}
