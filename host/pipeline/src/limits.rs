//! Every bound on batches in flight, in one place. Those of the parser itself are in
//! [`weir_normalizer::limits`].
//!
//! Together with the sandbox's they hold a job to 64 MiB of resident memory for an input of any
//! size: an instance's memory, and per job a few batches in flight with parts of their output.

use std::time::Duration;

/// Batches in flight for each job: one that is worked on and some that wait, for a worker or
/// for the writer.
pub const BATCHES_PER_JOB: usize = 4;

/// Batches that wait for each worker but the reader: enough for as long as the reader
/// normalizes one itself.
pub const BATCHES_WAITING: usize = 2;

/// Parts of one batch's output that may wait for the writer: all that a usual batch makes, so
/// that a worker goes on with the next one.
pub const PARTS_WAITING: usize = 4;

/// Output is handed to the writer in parts of at most this many bytes.
pub const OUTPUT_PART: usize = 1 << 20;

/// Rendered rejects are handed to the writer when they hold this many bytes.
pub const REJECTS_PART: usize = 1 << 20;

/// The most jobs.
pub const JOBS: usize = 1024;

/// Rejects that are shown on standard error when no file takes them.
pub const REJECTS_SHOWN: usize = 10;

/// Those of them that are of one input, where there are several.
pub const REJECTS_SHOWN_OF_INPUT: usize = 3;

/// How much of a record is shown there, in characters.
pub const SHOWN_CHARS: usize = 160;

/// The different products, and the different reasons, that the summary counts apart.
/// Further ones, which only a faulty guest makes, are counted as `other`.
pub const SUMMARY_KEYS: usize = 256;

/// How long the input may pause before records that wait for others go out.
pub const IDLE: Duration = Duration::from_secs(1);
