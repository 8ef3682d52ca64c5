//! What a user chooses, as it travels to a guest: one JSON object, given once.

use serde::{Deserialize, Serialize};

/// The choices that alter what comes out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The product that every record is of (`huawei-vpc`); without it, each record is detected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Keep the envelope's own fields under `extra.envelope`.
    pub keep_envelope: bool,
    /// Keep the record's text under `extra.raw`.
    pub keep_raw: bool,
}
