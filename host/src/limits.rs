//! Every bound that the host keeps, in one place. Those of the parser itself are in
//! [`weir_normalizer::limits`].
//!
//! Together they hold a job to 64 MiB of resident memory for an input of any size: an
//! instance's memory, and per job a few batches in flight with parts of their output.

use std::time::Duration;

/// Bytes that are read from an input at a time.
pub const PIECE: usize = 64 << 10;

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

/// A guest's output is copied and counted in pieces of so many bytes.
pub const OUTPUT_PIECE: usize = 16 << 10;

/// Rendered rejects are handed to the writer when they hold this many bytes.
pub const REJECTS_PART: usize = 1 << 20;

/// The most jobs.
pub const JOBS: usize = 1024;

/// The base-2 logarithm of the largest Zstandard window that is accepted: 8 MiB.
pub const ZSTD_WINDOW_LOG: u32 = 23;

/// How much of a zip archive is read to find its members, in bytes: the directory of some 80,000
/// members. All of it is kept.
pub const ZIP_DIRECTORY: u64 = 8 << 20;

/// The largest guest that is compiled, in bytes. Compiling takes time and memory for each byte.
pub const GUEST_FILE: u64 = 16 << 20;

/// Rejects that are shown on standard error when no file takes them.
pub const REJECTS_SHOWN: usize = 10;

/// How much of a record is shown there, in characters.
pub const SHOWN_CHARS: usize = 160;

/// The different products, and the different reasons, that the summary counts apart.
/// Further ones, which only a faulty guest makes, are counted as `other`.
pub const SUMMARY_KEYS: usize = 256;

/// The longest product id, format or reason code of a guest, in bytes.
pub const GUEST_WORD: usize = 64;

/// The longest sentence of a guest that is kept, in bytes.
pub const GUEST_SENTENCE: usize = 4 << 10;

/// How often the deadline clock ticks. A deadline is exact to one tick and one instruction.
pub const TICK: Duration = Duration::from_millis(10);

/// How many times its deadline a guest may take by the clock, where a busy machine lets it wait.
pub const BUSY_MACHINE: u64 = 10;

/// How much time a guest's failed runs may take for each unit of time that its good runs take,
/// beyond [`SandboxLimits::lost_deadlines`]. Finding one bad record among 65,536 by halves
/// takes some 20 runs.
pub const LOST_TO_GOOD: u64 = 32;

/// The part of a deadline that is left to a guest with which patience is lost, as a divisor.
pub const IMPATIENCE: u32 = 16;

/// The part of a deadline that even the smallest part of a retried batch gets, as a divisor.
pub const DEADLINE_SHARES: u32 = 32;

/// The address space that is reserved for a memory of a guest, in bytes: all that it can name, so
/// that its code needs no bounds checks. An instance has two memories, its own and that of its polls.
pub const GUEST_ADDRESSES: u64 = 4 << 30;

/// The elements of a guest's table of functions.
pub const TABLE_ELEMENTS: usize = 64 << 10;

/// The wasm stack of a guest, in bytes.
pub const GUEST_STACK: usize = 512 << 10;

/// What a guest may use before it is stopped, and how often it may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SandboxLimits {
    /// The linear memory of one instance, in bytes. Each job has an instance.
    pub memory: usize,
    /// The time that the guest may spend on one batch: time on a processor, where the system
    /// tells it of a thread, and [`BUSY_MACHINE`] times as long by the clock. When a batch is
    /// retried in parts, each gets its share by its elements, but at least a 32nd; a single
    /// record gets all.
    pub deadline: Duration,
    /// So many records one after another that the guest fails on, and patience with it is lost:
    /// until it does one well, it gets a part of its deadline ([`IMPATIENCE`]).
    pub failures_in_a_row: u32,
    /// All instances together may lose so many deadlines in failed runs, and [`LOST_TO_GOOD`]
    /// times the time of good runs; beyond that, patience is lost, too.
    pub lost_deadlines: u32,
    /// So many deadlines, of whatever length, may be lost in the failed runs of one batch. Then
    /// what is left of it gets one run for each part, and the records of a part that the guest
    /// fails on are rejected untried.
    pub lost_per_batch: u32,
}

impl Default for SandboxLimits {
    fn default() -> Self {
        Self {
            memory: 44 << 20,
            deadline: Duration::from_secs(5),
            failures_in_a_row: 16,
            lost_deadlines: 8,
            lost_per_batch: 4,
        }
    }
}

/// How long the input may pause before records that wait for others go out.
pub const IDLE: Duration = Duration::from_secs(1);
