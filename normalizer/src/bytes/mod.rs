//! Bytes without any knowledge of logs.

pub(crate) mod digits;
pub(crate) mod nearest;
pub(crate) mod put;
pub(crate) mod scan;
pub(crate) mod sort;
