//! The crate's one public error.

use std::{error, fmt};

/// Why batches could not be normalized, in one sentence that says what to do about it.
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
    /// A thread ends because another has ended with an error; nobody gets to see this one.
    Abandoned,
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

    /// Nobody takes any more what is made.
    pub fn abandoned() -> Self {
        Self { kind: ErrorKind::Abandoned, message: "the run was abandoned".into(), source: None }
    }

    /// A thread panicked.
    pub fn stopped() -> Self {
        Self::failed("a thread stopped in the middle of its work; this is a defect of Weir, report it")
    }

    /// The same as another error says, such as that of an engine.
    pub fn from_source(kind: ErrorKind, source: impl error::Error + Send + Sync + 'static) -> Self {
        Self { kind, message: source.to_string(), source: Some(Box::new(source)) }
    }

    /// The same error with what led to it.
    #[must_use]
    pub fn with_source(self, source: impl Into<Box<dyn error::Error + Send + Sync>>) -> Self {
        Self { source: Some(source.into()), ..self }
    }

    /// Who has to do something about it.
    pub fn kind(&self) -> ErrorKind {
        self.kind
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

impl From<weir_normalizer::Error> for Error {
    /// The configuration can't be used.
    fn from(error: weir_normalizer::Error) -> Self {
        Self::from_source(ErrorKind::Usage, error)
    }
}
