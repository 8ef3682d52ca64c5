//! What everything else stands on: bounds, and the one public error.

pub(crate) mod error;
pub mod limits;
pub(crate) mod place;
