//! Every bound on jobs, in one place. Those that objects depend on are part of what a plan is made of:
//! whoever changes one changes [`crate::plan::LAYOUT`].

/// Bytes of inputs, as they are stored, in a shard that has several.
pub const SHARD: u64 = 256 << 20;

/// The most inputs of a shard.
pub const SHARD_INPUTS: usize = 10_000;

/// Bytes of records, as lines, behind which a file ends and another of its partition begins.
pub const FILE: u64 = 4 << 30;

/// Bytes of records, as lines, that wait for a file of their partition to be opened, in a shard.
pub const WAITING: usize = 64 << 20;

/// A compressor is given pieces of this size, whatever it was cut into before: what comes out may depend on
/// that.
pub const PIECE: usize = 128 << 10;

/// The longest value of a partition, in bytes as they stand in a path: names of files have 255.
pub const VALUE: usize = 160;

/// The longest manifest that is read.
pub const MANIFEST: u64 = 1 << 30;

/// How many names a message has at most.
pub const NAMES: usize = 3;
