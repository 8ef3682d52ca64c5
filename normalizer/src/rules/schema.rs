//! The schemas that a user may choose.

use serde::{Deserialize, Serialize};

/// A schema that records can be written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Schema {
    /// Weir's own flat record.
    #[default]
    Flat,
    /// Open Cybersecurity Schema Framework 1.8.0: Network Activity and HTTP Activity.
    Ocsf,
    /// Elastic Common Schema 9.
    Ecs,
    /// OpenTelemetry logs as OTLP/JSON; `otel::Joiner` puts many into a line.
    Otel,
}

impl Schema {
    /// Every schema, in the order of the documentation.
    pub const ALL: &'static [Self] = &[Self::Flat, Self::Ocsf, Self::Ecs, Self::Otel];

    /// What `--to` takes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Flat => "flat",
            Self::Ocsf => "ocsf",
            Self::Ecs => "ecs",
            Self::Otel => "otel",
        }
    }

    /// The schema with this name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|s| s.name() == name)
    }

    pub(crate) fn is_flat(&self) -> bool {
        *self == Self::Flat
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for schema in Schema::ALL {
            assert_eq!(Schema::by_name(schema.name()), Some(*schema));
            assert_eq!(serde_json::to_value(schema).unwrap(), schema.name());
        }
        assert_eq!(Schema::by_name("OCSF"), None);
    }
}
