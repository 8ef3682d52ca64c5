//! The fast paths. Each gives the bytes that the reference path gives, or nothing.

pub(crate) mod columns;
pub(crate) mod direct;
pub(crate) mod outline;
