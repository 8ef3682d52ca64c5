use std::{fmt, io};

/// A line that is no record of the table, which only a faulty guest writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The record's number among those of the output, from 1.
    record: u64,
    /// Where in its line, in bytes from 0.
    offset: usize,
    what: String,
}

impl Error {
    pub(crate) fn new(record: u64, offset: usize, what: impl Into<String>) -> Self {
        Self { record, offset, what: what.into() }
    }

    /// The record's number among those of the output, from 1.
    pub fn record(&self) -> u64 {
        self.record
    }

    /// Where in its line, in bytes from 0.
    pub fn offset(&self) -> usize {
        self.offset
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { record, offset, what } = self;
        write!(
            f,
            "record {record} of the output, byte {offset}: {what}; what wrote it is no normalizer of such \
             records"
        )
    }
}

impl std::error::Error for Error {}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}
