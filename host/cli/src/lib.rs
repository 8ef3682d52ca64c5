//! The command line: it opens what is read and written, has it normalized, and tells what came of
//! it.

pub mod commands;
mod error;
mod otel;
pub mod pipeline;
mod progress;

pub use error::Error;
