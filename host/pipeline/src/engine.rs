//! Whoever turns batches into records: a guest in its sandbox, or the normalizer itself.

use std::{ops::Range, sync::Arc};

use weir_normalizer::{Output, batch::Batch};

use crate::Error;

/// What came of some elements of a batch.
#[derive(Debug)]
pub struct Reply<'a> {
    /// The elements, by their index in the batch.
    pub elements: Range<usize>,
    /// The index in the batch that the element numbers in `rejects` count from.
    pub base: usize,
    /// Records that came out.
    pub normalized: u32,
    /// Records that the filter dropped.
    pub filtered: u32,
    /// Bytes of the elements all of whose records were filtered.
    pub filtered_bytes: u32,
    /// The records, a JSON line each, in memory that may be taken in exchange for other memory;
    /// at most [`limits::OUTPUT_PART`](crate::limits::OUTPUT_PART) bytes of them.
    pub output: &'a mut Output,
    /// What goes on behind that.
    pub more: &'a [u8],
    /// As [`weir_normalizer::batch::rejects`] reads it.
    pub rejects: &'a [u8],
    /// As [`weir_normalizer::batch::tallies`] reads it.
    pub tallies: &'a [u8],
}

/// Normalizes batches, one at a time.
pub trait Engine: Send {
    /// Whether it is to have no more batches: those that are fed all the same are not read.
    fn is_done(&self) -> bool {
        false
    }

    /// Normalizes a batch and hands on replies that cover its elements in order,
    /// without a gap. An error of `deliver` ends it. Elements behind those of the last reply are not
    /// read, which only an engine that is done then may leave.
    fn process(
        &mut self,
        batch: &Batch,
        deliver: &mut dyn FnMut(Reply<'_>) -> Result<(), Error>,
    ) -> Result<(), Error>;
}

/// How often guests failed, and were replaced for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    /// They stopped themselves, asked for too much memory, or answered what can't be.
    pub traps: u64,
    /// They ran past their deadline.
    pub deadlines: u64,
    /// Others took their place.
    pub replaced: u64,
}

/// Makes an engine for each worker, of which the reader is one.
pub trait Factory: Send + Sync {
    /// A fresh engine.
    fn engine(self: Arc<Self>) -> Result<Box<dyn Engine>, Error>;

    /// How often those who normalize failed until now.
    fn failures(&self) -> Failures {
        Failures::default()
    }

    /// Whether those who normalized did their work, asked when they are done.
    fn verdict(&self) -> Result<(), Error> {
        Ok(())
    }
}
