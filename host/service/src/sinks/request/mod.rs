//! What all sinks have in common that send requests over HTTP: options, batches, and what becomes of
//! a batch.
//!
//! A batch is sent until each of its records is delivered or refused for good. What an answer means
//! is one table, in [`outcome`]; only what stands in the body of an answer is the protocol's own.

pub(super) mod batch;
mod client;
mod compression;
pub(super) mod options;
pub(super) mod outcome;
pub(super) mod sender;

#[cfg(test)]
mod failures;
#[cfg(test)]
pub(super) mod stand_in;
