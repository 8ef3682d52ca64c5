//! From batches to records, whoever normalizes them: the trait of engines, the engine without a
//! sandbox, how rejects are told, and the account of every record and byte.
//!
//! Nothing here reads or writes a file, knows a sandbox or a command line.

mod engine;
mod error;
pub mod limits;
mod native;
pub mod rejects;
pub mod summary;

pub use engine::{Engine, Factory, Reply};
pub use error::{Error, ErrorKind};
pub use native::Native;
