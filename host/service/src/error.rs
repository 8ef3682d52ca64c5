//! The crate's one public error.

use std::{fmt, io, path::Path};

/// Why something could not be done: what, where, what was found, and what to do about it.
#[derive(Debug)]
pub struct Error {
    message: String,
    is_usage: bool,
}

impl Error {
    /// The configuration or the command line asks for something that can't be.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { message: message.into(), is_usage: true }
    }

    /// It failed.
    pub fn failed(message: impl Into<String>) -> Self {
        Self { message: message.into(), is_usage: false }
    }

    /// A file could not be read, written or whatever `doing` says.
    pub fn file(path: &Path, doing: &str, error: &io::Error) -> Self {
        let remedy = match error.kind() {
            io::ErrorKind::NotFound => "; check the path",
            io::ErrorKind::PermissionDenied => "; check the permissions",
            io::ErrorKind::StorageFull => "; make room",
            _ => "",
        };
        Self::failed(format!("{}: can't {doing}: {error}{remedy}", path.display()))
    }

    /// Whether the configuration or the command line is to blame.
    pub fn is_usage(&self) -> bool {
        self.is_usage
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
