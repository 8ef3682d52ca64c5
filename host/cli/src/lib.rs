//! The command line: it opens what is read and written, has it normalized, and tells what came of
//! it.

pub mod commands;
mod error;
pub mod hints;
mod inputs;
pub mod progress;
pub mod run;
mod shards;
mod signals;

pub use error::Error;
