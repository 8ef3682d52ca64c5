//! From batches, streams and events to records and rejects.

mod context;
mod encoded;
pub(crate) mod event;
pub mod explain;
mod finisher;
mod highlights;
mod line_refusals;
mod merge;
mod named_lines;
pub(crate) mod normalizer;
pub(crate) mod observer;
mod own_lines;
mod peeling;
pub(crate) mod records;
mod refusals;
mod rejects;
mod sink;
mod stamp;
pub(crate) mod stream;
