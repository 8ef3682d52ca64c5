//! The configuration: one file in TOML.

pub mod fault;
pub mod secret;
pub mod values;
