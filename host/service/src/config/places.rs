//! Where things are in a configuration, for who finds something wrong with what they name.

use std::{collections::BTreeMap, fmt};

/// Something wrong with a configuration, and where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    line: usize,
    column: usize,
    told: String,
}

impl Finding {
    pub(super) fn new(file: &str, line: usize, column: usize, message: &str) -> Self {
        Self { line, column, told: format!("{file}:{line}:{column}: {message}") }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told)
    }
}

/// The lines and columns of sections and their keys.
#[derive(Clone, Debug, Default)]
pub struct Places {
    file: String,
    /// By the names of a section and a key, with dots between them.
    of: BTreeMap<String, (usize, usize)>,
}

impl Places {
    pub(super) fn new(file: &str) -> Self {
        Self { file: file.to_owned(), of: BTreeMap::new() }
    }

    pub(super) fn note(&mut self, names: String, place: (usize, usize)) {
        self.of.insert(names, place);
    }

    /// What is wrong with the value of a key of a section, `sinks.out` and `path`; the place is the section's
    /// where it does not have the key, and the file's beginning where there is no such section. The keys at the
    /// top are of the section without a name.
    pub fn finding(&self, section: &str, key: &str, message: &str) -> Finding {
        let names = if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") };
        let place = self.of.get(&names).or_else(|| self.of.get(section));
        let (line, column) = place.copied().unwrap_or((1, 1));
        Finding::new(&self.file, line, column, message)
    }
}
