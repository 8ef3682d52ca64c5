//! Files.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{fault::Fault, values::Span};

/// `type = "file"`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Options {
    /// Patterns of paths, such as "/var/log/lts/*.log*"; `**` stands for any folders
    pub paths: Vec<String>,
    /// Patterns of paths that are left out
    pub exclude: Vec<String>,
    /// How often files are looked at
    pub poll: Span,
    /// How long a file that was renamed or deleted is waited for, before its last line is taken for
    /// whole; and how long a file that looks like the copy of another one is held back
    pub rotate_wait: Span,
    /// How many files are kept open
    pub max_open: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            paths: Vec::new(),
            exclude: Vec::new(),
            poll: Span(Duration::from_millis(500)),
            rotate_wait: Span(Duration::from_secs(5)),
            max_open: 512,
        }
    }
}

impl super::Options for Options {
    fn check(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        if self.paths.is_empty() {
            faults.push(Fault::at(["paths"], "name at least one pattern, such as \"/var/log/flow/*.log*\""));
        }
        for (key, patterns) in [("paths", &self.paths), ("exclude", &self.exclude)] {
            for pattern in patterns {
                if let Err(e) = glob::Pattern::new(pattern) {
                    faults
                        .push(Fault::at([key], format!("{pattern:?} is no pattern: {} at {}", e.msg, e.pos)));
                }
            }
        }
        if self.poll.0.is_zero() {
            faults.push(Fault::at(["poll"], "expected at least \"1ms\""));
        }
        if self.max_open == 0 {
            faults.push(Fault::at(["max_open"], "expected at least 1"));
        }
        faults
    }
}
