//! What a user chooses, and what that does to a record.

pub(crate) mod compiled;
pub(crate) mod config;
pub mod filter;
mod meant;
pub(crate) mod redaction;
pub(crate) mod schema;
mod spellings;
pub(crate) mod ways;
