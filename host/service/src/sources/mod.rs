//! Sources: where records come from.

pub mod file;
pub mod http;
pub mod stdin;

use crate::config::{fault::Fault, types::types};

/// The options of one type of source: what stands in `[sources.NAME]` besides `type`. As for
/// [sinks](crate::sinks::Options), there is no `flatten`, `untagged` or `tag`.
pub trait Options: Send {
    /// What is wrong with values that are each of the right type.
    fn check(&self) -> Vec<Fault>;
}

types! {
    /// The options of a source.
    pub enum SourceOptions: Options;
    /// Files that grow, and archives.
    "file" => File(file::Options),
    /// Standard input.
    "stdin" => Stdin(stdin::Options),
    /// Requests.
    "http" => Http(http::Options),
}

impl SourceOptions {
    /// Whether several pipelines may read it, each for itself.
    pub fn can_be_shared(&self) -> bool {
        matches!(self, Self::File(_))
    }
}
