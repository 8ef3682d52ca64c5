//! What Weir reads: files and standard input, as they are or decompressed; streams that are waited
//! for; time zones.

mod error;
mod input;
pub mod limits;
mod streams;
mod zone;

pub use error::Error;
pub use input::{Each, Input, Source};
pub use streams::{Waiting, say};
pub use zone::zone;
