//! The reference path from a source to a record.

pub(crate) mod around;
pub(crate) mod collector;
pub(crate) mod fill;
mod origin;
pub(crate) mod plan;
pub(crate) mod planner;
pub(crate) mod source;
