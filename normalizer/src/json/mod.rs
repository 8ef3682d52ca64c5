//! JSON, read and written without a tree.

pub(crate) mod encode;
pub(crate) mod members;
pub(crate) mod output;
pub(crate) mod read;
