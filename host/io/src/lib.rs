//! What Weir reads: files and standard input, as they are or decompressed; files that it writes;
//! streams that are waited for; time zones.

mod error;
mod input;
pub mod limits;
mod output;
mod stop;
mod streams;
mod zone;

pub use error::Error;
pub use input::{Each, Found, Input, Source, Watch, found};
pub use output::{Compression, Encoder, Output, OutputFile};
pub use stop::{Stop, Stopper, stop};
pub use streams::{Waiting, say};
pub use zone::zone;
