//! The fast paths. Each gives the bytes that the reference path gives, or nothing.

pub(crate) mod chunk;
pub(crate) mod lines;
pub(crate) mod outline;
pub(crate) mod plans;
pub(crate) mod program;
