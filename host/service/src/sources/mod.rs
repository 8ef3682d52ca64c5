//! Sources: where records come from.

pub mod file;
pub mod http;
pub mod stdin;

use schemars::{JsonSchema, SchemaGenerator};
use serde::de::DeserializeOwned;

use crate::config::{SectionOf, SectionTable, fault::Fault};

/// The options of one type of source: what stands in `[sources.NAME]` besides `type`. As for
/// [sinks](crate::sinks::Options), there is no `flatten`, `untagged` or `tag`.
pub trait Options: DeserializeOwned + JsonSchema + Send {
    /// What is wrong with values that are each of the right type.
    fn check(&self) -> Vec<Fault>;
}

/// The options of a source.
#[derive(Clone, Debug)]
pub enum SourceOptions {
    /// Files that grow, and archives.
    File(file::Options),
    /// Standard input.
    Stdin(stdin::Options),
    /// Requests.
    Http(http::Options),
}

impl SourceOptions {
    /// The names of the types.
    pub const TYPES: &'static [&'static str] = &["file", "stdin", "http"];

    pub(crate) fn read<'i>(
        name: &str,
        table: &SectionTable<'i>,
        section: &mut SectionOf<'_, 'i>,
    ) -> Option<Self> {
        match name {
            "file" => section.read(table).map(Self::File),
            "stdin" => section.read(table).map(Self::Stdin),
            "http" => section.read(table).map(Self::Http),
            _ => None,
        }
    }

    pub(crate) fn check(&self) -> Vec<Fault> {
        match self {
            Self::File(options) => options.check(),
            Self::Stdin(options) => options.check(),
            Self::Http(options) => options.check(),
        }
    }

    /// The schema of each type's options.
    pub(crate) fn schemas(generator: &mut SchemaGenerator) -> Vec<(&'static str, schemars::Schema)> {
        vec![
            ("file", file::Options::json_schema(generator)),
            ("stdin", stdin::Options::json_schema(generator)),
            ("http", http::Options::json_schema(generator)),
        ]
    }

    /// Whether several pipelines may read it, each for itself.
    pub fn can_be_shared(&self) -> bool {
        matches!(self, Self::File(_))
    }
}
