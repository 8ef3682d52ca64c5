//! The crate's one public error.

use std::{error, fmt, io};

use weir_printable::line;

/// Why a job can't be done, in one sentence that says what to do about it.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn error::Error + Send + Sync>>,
}

/// Who has to do something about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// What was asked for can't be.
    Usage,
    /// It failed.
    Failed,
}

impl Error {
    /// What was asked for can't be.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Usage, message: message.into(), source: None }
    }

    /// It failed.
    pub fn failed(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Failed, message: message.into(), source: None }
    }

    /// An object could not be read or written.
    pub fn object(path: &str, doing: &str, error: io::Error) -> Self {
        let message = format!("{}: can't {doing}: {error}", line(path));
        Self { kind: ErrorKind::Failed, message, source: Some(error.into()) }
    }

    /// Who has to do something about it.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl From<weir_store::Error> for Error {
    fn from(error: weir_store::Error) -> Self {
        let kind = match error.kind() {
            weir_store::Kind::Usage => ErrorKind::Usage,
            _ => ErrorKind::Failed,
        };
        Self { kind, message: error.to_string(), source: Some(error.into()) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
