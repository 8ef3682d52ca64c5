//! What Weir reads: files and standard input, as they are or decompressed; files that it writes;
//! streams that are waited for; time zones.

mod error;
mod input;
pub mod limits;
mod output;
mod stop;
mod streams;
pub mod table;
mod zone;

pub use error::Error;
pub use input::{
    Again, Beginning, Each, Fetch, Fetched, Found, Input, MATCH, Source, Watch, beginning, found, is_hidden,
    is_pattern,
};
pub use output::{Compression, Encoder, Finish, Output, OutputFile, OutputObject};
pub use stop::{Stop, Stopper, stop};
pub use streams::{Waiting, say};
pub use zone::zone;
