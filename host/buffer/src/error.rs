//! The crate's one public error.

use std::{fmt, io};

/// Why a queue could not do something: what, where, and what to do about it.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    message: String,
}

/// What a caller may do about an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// There is no room: the limit is reached, or the disk is full. The page was not taken; it may
    /// be later, when pages were acknowledged. For a client that is a 503.
    Full,
    /// Another process has the queue.
    InUse,
    /// The page is larger than any may be. It will never be taken.
    TooLarge,
    /// The disk failed to keep pages that were written: they may be there after a crash or not, and
    /// count as not taken.
    NotKept,
    /// The files are of a later version of the program.
    Newer,
    /// The queue was closed.
    Closed,
    /// The disk failed in another way.
    Disk,
}

impl Error {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// A file could not be read, written or whatever `doing` says.
    pub(crate) fn file(name: &str, doing: &str, error: &io::Error) -> Self {
        if is_full(error) {
            return Self::new(Kind::Full, format!("{name}: can't {doing}: {error}; make room on the disk"));
        }
        let remedy = match error.kind() {
            io::ErrorKind::PermissionDenied => "; check the permissions of the folder and its files",
            io::ErrorKind::ReadOnlyFilesystem => "; mount it for writing",
            _ => "; check the disk",
        };
        Self::new(Kind::Disk, format!("{name}: can't {doing}: {error}{remedy}"))
    }

    /// What a caller may do about it.
    pub fn kind(&self) -> Kind {
        self.kind
    }
}

/// Whether there was no room for what was written.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
