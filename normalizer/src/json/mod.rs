//! JSON, read and written without a tree.

pub(crate) mod encode;
pub(crate) mod output;
pub(crate) mod read;
