//! The crate's one public error.

use std::{error, fmt, io, path::Path};

use weir_pipeline::ErrorKind;
use weir_printable::{line, lines};

/// Why a run could not be done, in one sentence that says what to do about it.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    message: String,
    source: Option<Box<dyn error::Error + Send + Sync>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Usage,
    Failed,
    OutputClosed,
    Abandoned,
    Unfinished,
}

impl Error {
    fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// The command line asks for something that can't be.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// The run failed.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Kind::Failed, message)
    }

    /// The run was told to end before its files did.
    pub(crate) fn unfinished() -> Self {
        Self::new(
            Kind::Unfinished,
            "the run was told to end before its files were read; the account has what is done",
        )
    }

    /// A file could not be read or written.
    pub(crate) fn file(name: &str, doing: &str, error: io::Error) -> Self {
        weir_io::Error::file(name, doing, error).into()
    }

    /// The output could not be written; a pipe whose reader went away is no failure.
    pub(crate) fn output(name: &str, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::new(Kind::OutputClosed, "").with_source(error),
            _ => Self::file(name, "write", error),
        }
    }

    /// The rejects could not be written. Whoever reads the records does not know of it, so the run
    /// can't end as if it were done.
    pub(crate) fn rejects(name: &str, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::failed(format!(
                "{}: whoever reads the rejects went away, so the run ends in the middle; \
                 let them be read to their end, or name a file with --rejects",
                line(name)
            ))
            .with_source(error),
            _ => Self::file(name, "write", error),
        }
    }

    /// The same as another error says.
    fn from_source(kind: Kind, source: impl error::Error + Send + Sync + 'static) -> Self {
        Self::new(kind, source.to_string()).with_source(source)
    }

    /// The same error with what led to it.
    #[must_use]
    pub(crate) fn with_source(self, source: impl Into<Box<dyn error::Error + Send + Sync>>) -> Self {
        Self { source: Some(source.into()), ..self }
    }

    /// The exit status for it: 0 where the output's reader went away, 2 for usage, else 1.
    pub fn exit_status(&self) -> u8 {
        match self.kind {
            Kind::OutputClosed => 0,
            Kind::Failed | Kind::Abandoned | Kind::Unfinished => 1,
            Kind::Usage => 2,
        }
    }

    /// Whether the command line asks for something that can't be.
    pub(crate) fn is_usage(&self) -> bool {
        self.kind == Kind::Usage
    }

    /// Whether the run was told to end before its files did.
    pub(crate) fn is_unfinished(&self) -> bool {
        self.kind == Kind::Unfinished
    }

    /// Whether nobody reads the output any more, which is nothing to report.
    pub fn is_output_closed(&self) -> bool {
        self.kind == Kind::OutputClosed
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&lines(&self.message))
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl Kind {
    fn of(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Usage => Self::Usage,
            ErrorKind::Abandoned => Self::Abandoned,
            _ => Self::Failed,
        }
    }
}

impl From<weir_normalizer::Error> for Error {
    /// The configuration can't be used.
    fn from(error: weir_normalizer::Error) -> Self {
        Self::from_source(Kind::Usage, error)
    }
}

impl From<weir_pipeline::Error> for Error {
    fn from(error: weir_pipeline::Error) -> Self {
        Self::from_source(Kind::of(error.kind()), error)
    }
}

impl From<weir_sandbox::Error> for Error {
    fn from(error: weir_sandbox::Error) -> Self {
        Self::from_source(Kind::of(error.kind()), error)
    }
}

impl From<weir_service::error::Error> for Error {
    fn from(error: weir_service::error::Error) -> Self {
        let kind = if error.is_usage() { Kind::Usage } else { Kind::Failed };
        Self::from_source(kind, error)
    }
}

impl From<weir_lake::Error> for Error {
    fn from(error: weir_lake::Error) -> Self {
        let kind = match error.kind() {
            weir_lake::ErrorKind::Usage => Kind::Usage,
            _ => Kind::Failed,
        };
        Self::from_source(kind, error)
    }
}

impl From<weir_io::Error> for Error {
    fn from(error: weir_io::Error) -> Self {
        Self::from_source(Kind::Failed, error)
    }
}

impl From<weir_store::Error> for Error {
    fn from(error: weir_store::Error) -> Self {
        let kind = if error.kind() == weir_store::Kind::Usage { Kind::Usage } else { Kind::Failed };
        Self::from_source(kind, error)
    }
}

/// A path as messages show it.
pub(crate) fn shown(path: &Path) -> String {
    line(&path.to_string_lossy()).into_owned()
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    #[test]
    fn what_led_to_an_error_is_kept_through_all_crates() {
        let error = Error::file("a.log", "read", io::ErrorKind::PermissionDenied.into());
        assert_eq!((error.exit_status(), error.is_output_closed()), (1, false));
        let inner = error.source().unwrap();
        assert_eq!(inner.to_string(), error.to_string());
        assert!(inner.is::<weir_io::Error>());
        assert!(inner.source().unwrap().is::<io::Error>());

        let config = weir_normalizer::Config { filter: Some("bytes >".into()), ..Default::default() };
        let refused = weir_normalizer::Normalizer::new(&config).unwrap_err();
        let error = Error::from(weir_pipeline::Error::from(refused.clone()));
        assert_eq!((error.exit_status(), error.to_string()), (2, refused.to_string()));
        let inner = error.source().and_then(|e| e.source()).unwrap();
        assert!(inner.is::<weir_normalizer::Error>());

        let error = Error::output("-", io::ErrorKind::BrokenPipe.into());
        assert_eq!((error.exit_status(), error.is_output_closed()), (0, true));
    }
}
