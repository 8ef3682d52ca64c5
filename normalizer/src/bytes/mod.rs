//! Bytes without any knowledge of logs.

pub(crate) mod nearest;
pub(crate) mod scan;
pub(crate) mod sort;
