//! The crate's one public error.

use std::{fmt, io, path::Path};

use crate::printable::{line, lines};

/// Why a run could not be done, in one sentence that says what to do about it.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Usage,
    Failed,
    OutputClosed,
    Abandoned,
}

impl Error {
    /// The command line asks for something that can't be.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { kind: Kind::Usage, message: message.into() }
    }

    /// The run failed.
    pub fn failed(message: impl Into<String>) -> Self {
        Self { kind: Kind::Failed, message: message.into() }
    }

    /// A thread ends because another has ended with an error; nobody gets to see this one.
    pub(crate) fn abandoned() -> Self {
        Self { kind: Kind::Abandoned, message: "the run was abandoned".into() }
    }

    /// A file could not be read or written.
    pub(crate) fn file(name: &str, doing: &str, error: &io::Error) -> Self {
        let remedy = match error.kind() {
            io::ErrorKind::NotFound => "; check the path",
            io::ErrorKind::PermissionDenied => "; check the permissions",
            io::ErrorKind::IsADirectory => "; name the files in it",
            io::ErrorKind::StorageFull => "; make room, then run it again",
            _ => "",
        };
        Self::failed(format!("{}: can't {doing}: {error}{remedy}", line(name)))
    }

    /// The output could not be written; a pipe whose reader went away is no failure.
    pub(crate) fn output(name: &str, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self { kind: Kind::OutputClosed, message: String::new() },
            _ => Self::file(name, "write", error),
        }
    }

    /// The rejects could not be written. Whoever reads the records does not know of it, so the run
    /// can't end as if it were done.
    pub(crate) fn rejects(name: &str, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::failed(format!(
                "{}: whoever reads the rejects went away, so the run ends in the middle; \
                 let them be read to their end, or name a file with --rejects",
                line(name)
            )),
            _ => Self::file(name, "write", error),
        }
    }

    /// The exit status for it: 0 where the output's reader went away, 2 for usage, else 1.
    pub fn exit_status(&self) -> u8 {
        match self.kind {
            Kind::OutputClosed => 0,
            Kind::Failed | Kind::Abandoned => 1,
            Kind::Usage => 2,
        }
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

impl std::error::Error for Error {}

/// A path as messages show it.
pub(crate) fn shown(path: &Path) -> String {
    line(&path.to_string_lossy()).into_owned()
}
