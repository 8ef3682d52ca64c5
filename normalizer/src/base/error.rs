//! The crate's one public error.

use std::fmt;

/// Something that the user gave could not be used: what, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    message: String,
    /// The text at fault, and the offset of the fault in it, in bytes.
    place: Option<(String, usize)>,
}

impl Error {
    #[cold]
    #[inline(never)]
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), place: None }
    }

    /// An error at an offset of a text that the user wrote.
    #[cold]
    #[inline(never)]
    pub(crate) fn at(text: &str, offset: usize, message: impl Into<String>) -> Self {
        Self { message: message.into(), place: Some((text.into(), offset)) }
    }

    /// The offset of the fault in the text that it is about, in bytes from 0.
    pub fn offset(&self) -> Option<usize> {
        self.place.as_ref().map(|p| p.1)
    }
}

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

impl std::error::Error for Error {}
