//! The crate's one public error.

use std::{error, fmt, io};

use weir_printable::line;

/// Why something could not be read or written, in one sentence that says what to do about it.
#[derive(Debug)]
pub struct Error {
    message: String,
    source: Option<Box<dyn error::Error + Send + Sync>>,
}

impl Error {
    /// What is read is not what it should be.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), source: None }
    }

    /// A file could not be read or written, unless an error of this kind is inside, which tells it
    /// already. `name` is what messages call it; `doing` goes on behind "can't".
    pub fn file(name: &str, doing: &str, error: io::Error) -> Self {
        let error = match error.downcast::<Self>() {
            Ok(told) => return told,
            Err(error) => error,
        };
        let remedy = match error.kind() {
            io::ErrorKind::NotFound => "; check the path",
            io::ErrorKind::PermissionDenied => "; check the permissions",
            io::ErrorKind::IsADirectory => "; name the files in it",
            io::ErrorKind::StorageFull => "; make room, then run it again",
            _ => "",
        };
        Self::new(format!("{}: can't {doing}: {error}{remedy}", line(name))).with_source(error)
    }

    /// What somebody says who reads or writes on behalf of this crate: the whole sentence, with what it is
    /// about and what to do.
    pub fn told(message: impl Into<String>) -> Self {
        Self::new(message)
    }

    /// Whether an error of reading is one of these.
    pub(crate) fn is_inside(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|inside| inside.is::<Self>())
    }

    /// The same error with what led to it.
    #[must_use]
    pub(crate) fn with_source(self, source: impl Into<Box<dyn error::Error + Send + Sync>>) -> Self {
        Self { source: Some(source.into()), ..self }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// As readers and writers give it; it is inside, and can be taken out again.
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        Self::other(error)
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    #[test]
    fn what_led_to_an_error_is_kept() {
        let error = crate::Source::File("no\nwhere.log".into()).check().unwrap_err();
        assert!(error.to_string().starts_with("no\\nwhere.log: can't read: "), "{error}");
        assert!(error.to_string().ends_with("; check the path"), "{error}");
        let source = error.source().and_then(|e| e.downcast_ref::<io::Error>());
        assert_eq!(source.map(io::Error::kind), Some(io::ErrorKind::NotFound));
    }
}
