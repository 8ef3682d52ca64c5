//! Standard input: one stream, which can't be read again.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::fault::Fault;

/// `type = "stdin"`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct Options {}

impl super::Options for Options {
    fn check(&self) -> Vec<Fault> {
        Vec::new()
    }
}
