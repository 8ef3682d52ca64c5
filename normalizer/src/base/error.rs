//! The crate's one public error.

use std::{error, fmt, str::Utf8Error};

/// What an [`Error`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The configuration is not JSON, or has a key or a value that is none of it.
    Configuration,
    /// No product is called so.
    Product,
    /// The layout, or its separator or quotes.
    Layout,
    /// The filter.
    Filter,
    /// A list of networks, or one's own networks.
    Networks,
    /// What is to be dropped or masked.
    Redaction,
    /// The schema can't be had there.
    Schema,
    /// The time of observation.
    ObservedAt,
    /// A text is none of the words that it may be.
    Word,
}

/// Something that the user gave could not be used: what, where, and what to do.
///
/// As text it shows the line with the fault, too, where there is one.
#[derive(Clone, Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    /// The text at fault, and the offset of the fault in it, in bytes.
    place: Option<(String, usize)>,
    source: Option<Utf8Error>,
}

impl Error {
    #[cold]
    #[inline(never)]
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), place: None, source: None }
    }

    /// An error at an offset of a text that the user wrote.
    #[cold]
    #[inline(never)]
    pub(crate) fn at(kind: ErrorKind, text: &str, offset: usize, message: impl Into<String>) -> Self {
        Self { place: Some((text.into(), offset)), ..Self::new(kind, message) }
    }

    /// The same with what it comes from.
    pub(crate) fn because(self, source: Utf8Error) -> Self {
        Self { source: Some(source), ..self }
    }

    /// What it is about.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The offset of the fault in the text that it is about, in bytes from 0.
    pub fn offset(&self) -> Option<usize> {
        self.place.as_ref().map(|p| p.1)
    }
}

impl PartialEq for Error {
    fn eq(&self, other: &Self) -> bool {
        (self.kind, &self.message, &self.place) == (other.kind, &other.message, &other.place)
    }
}

impl Eq for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some((text, offset)) = &self.place {
            // The line with the fault, and of that what is near it.
            const AROUND: usize = 60;
            let start = text.get(..*offset).and_then(|t| t.rfind('\n')).map_or(0, |i| i + 1);
            let line = text[start..].lines().next().unwrap_or_default();
            let before = line.get(..offset - start).unwrap_or(line).chars().count();
            let skipped = before.saturating_sub(AROUND);
            let shown: String = line.chars().skip(skipped).take(2 * AROUND).collect();
            let (dots, indent) = if skipped > 0 { ("...", before - skipped + 3) } else { ("", before) };
            write!(f, "\n  {dots}{shown}\n  {:indent$}^", "")?;
        }
        Ok(())
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.source.as_ref().map(|s| s as _)
    }
}
