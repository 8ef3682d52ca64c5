//! The crate's one public error.

use std::{error, fmt, io};

use weir_printable::line;

/// What kind of failure it is, where a caller acts on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// There is no such object, bucket or folder.
    NotFound,
    /// Credentials are missing, wrong, or not allowed to do it.
    Denied,
    /// The object is another one than before.
    Changed,
    /// It was told to stop.
    Stopped,
    /// The address or an option can't be right, whatever the store says.
    Usage,
    /// Anything else.
    Other,
}

/// Why a store could not do something, in one sentence that says what to do about it. No credential
/// stands in it.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    message: String,
    /// Where in it stands what is wrong, behind the name of what it is about.
    why: usize,
    source: Option<Box<dyn error::Error + Send + Sync>>,
}

impl Error {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), why: 0, source: None }
    }

    /// Something can't be done with what has this name; `doing` goes on behind "can't".
    pub(crate) fn about(name: &str, doing: &str, kind: Kind, why: &str) -> Self {
        let before = format!("{}: can't {doing}: ", line(name));
        Self { why: before.len(), ..Self::new(kind, before + why) }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    pub(crate) fn stopped(name: &str) -> Self {
        Self::new(Kind::Stopped, format!("{}: told to stop", line(name)))
    }

    pub(crate) fn changed(name: &str) -> Self {
        let name = line(name);
        Self::new(Kind::Changed, format!("{name}: the object was replaced meanwhile; read it again"))
    }

    /// A file could not be read or written; `doing` goes on behind "can't".
    pub(crate) fn file(name: &str, doing: &str, error: io::Error) -> Self {
        let (kind, remedy) = match error.kind() {
            io::ErrorKind::NotFound => (Kind::NotFound, "; check the path"),
            io::ErrorKind::PermissionDenied => (Kind::Denied, "; check the permissions"),
            io::ErrorKind::IsADirectory => (Kind::Other, "; it is a folder, name a file in it"),
            io::ErrorKind::NotADirectory => (Kind::Other, "; a part of the path is a file and no folder"),
            io::ErrorKind::StorageFull => (Kind::Other, "; make room, then run it again"),
            _ => (Kind::Other, ""),
        };
        Self::new(kind, format!("{}: can't {doing}: {error}{remedy}", line(name))).with_source(error)
    }

    #[must_use]
    pub(crate) fn with_source(self, source: impl Into<Box<dyn error::Error + Send + Sync>>) -> Self {
        Self { source: Some(source.into()), ..self }
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What is wrong, without the object that it is about where another one would have the same fault; for who
    /// tells of many.
    pub fn why(&self) -> &str {
        &self.message[self.why..]
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

/// As readers and writers give it; it is inside, and can be taken out again.
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match error.kind {
            Kind::NotFound => io::ErrorKind::NotFound,
            Kind::Denied => io::ErrorKind::PermissionDenied,
            _ => io::ErrorKind::Other,
        };
        io::Error::new(kind, error)
    }
}
