//! From batches, streams and events to records and rejects.

mod encoded;
pub(crate) mod event;
pub mod explain;
mod lines;
pub(crate) mod normalizer;
pub(crate) mod observer;
pub(crate) mod stream;
