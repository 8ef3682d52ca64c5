//! Whoever turns batches into records: the guest in its sandbox, or the same crate natively.

pub mod fingerprint;
pub mod guest;
mod native;

use std::{ops::Range, sync::Arc};

use weir_normalizer::{Config, Output, batch::Batch};

use crate::error::Error;

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
    /// Normalizes a batch and hands on replies that cover its elements in order,
    /// without a gap. An error of `deliver` ends it.
    fn process(
        &mut self,
        batch: &Batch,
        deliver: &mut dyn FnMut(Reply<'_>) -> Result<(), Error>,
    ) -> Result<(), Error>;
}

/// Makes an engine for each worker, of which the reader is one.
#[derive(Clone)]
pub enum Factory {
    /// The crate itself, without a sandbox.
    Native(Box<Config>),
    /// A guest.
    Guest(Arc<guest::Program>),
}

impl Factory {
    /// Whether those who normalized did their work, asked when they are done.
    pub fn verdict(&self) -> Result<(), Error> {
        match self {
            Self::Native(_) => Ok(()),
            Self::Guest(program) => program.verdict(),
        }
    }

    /// A fresh engine.
    pub fn engine(&self) -> Result<Box<dyn Engine>, Error> {
        Ok(match self {
            Self::Native(config) => Box::new(native::Native::new(config)?),
            Self::Guest(program) => Box::new(guest::Guest::new(Arc::clone(program))?),
        })
    }
}
