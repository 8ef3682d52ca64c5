//! Sources: where records come from.

pub mod file;
pub mod http;
pub mod kafka;
pub mod object_store;
pub mod stdin;
mod whole;

use std::path::Path;

use crate::config::{fault::Fault, types::types};

/// The options of one type of source: what stands in `[sources.NAME]` besides `type`. As for
/// [sinks](crate::sinks::Options), there is no `flatten`, `untagged` or `tag`.
pub trait Options: Send {
    /// What is wrong with values that are each of the right type.
    fn check(&self) -> Vec<Fault>;

    /// Files that are read when the source starts, and not again: where one has changed, a reload
    /// starts the source anew.
    fn files(&self) -> Vec<&Path> {
        Vec::new()
    }
}

types! {
    /// The options of a source.
    pub enum SourceOptions: Options;
    /// Files that grow, and archives.
    "file" => File(file::Options),
    /// Objects of a store, or of a folder.
    "object_store" => ObjectStore(object_store::Options),
    /// Standard input.
    "stdin" => Stdin(stdin::Options),
    /// Requests.
    "http" => Http(http::Options),
    /// Topics of Kafka.
    "kafka" => Kafka(kafka::Options),
}

impl SourceOptions {
    /// Whether it can be read again, so that what is on its way need not be kept.
    pub fn can_replay(&self) -> bool {
        matches!(self, Self::File(_) | Self::ObjectStore(_) | Self::Kafka(_))
    }

    /// Whether several pipelines may read it, each for itself.
    pub fn can_be_shared(&self) -> bool {
        matches!(self, Self::File(_) | Self::ObjectStore(_))
    }
}
