//! Every bound on guests, in one place. Those of the parser itself are in
//! [`weir_normalizer::limits`], those of batches in flight in [`weir_pipeline::limits`].

use std::time::Duration;

use crate::stopper::StoppedBy;

/// A guest's output is copied and counted in pieces of so many bytes.
pub const OUTPUT_PIECE: usize = 16 << 10;

/// The largest guest that is compiled, in bytes. Compiling takes time and memory for each byte.
pub const GUEST_FILE: u64 = 16 << 20;

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
    /// How it is stopped.
    pub stopped_by: StoppedBy,
}

impl Default for SandboxLimits {
    fn default() -> Self {
        Self {
            memory: 44 << 20,
            deadline: Duration::from_secs(5),
            failures_in_a_row: 16,
            lost_deadlines: 8,
            lost_per_batch: 4,
            stopped_by: StoppedBy::default(),
        }
    }
}
