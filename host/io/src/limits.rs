//! Every bound on what is read.

/// Bytes that are read from an input at a time.
pub const PIECE: usize = 64 << 10;

/// Bytes that are still read from a stream when it is told to stop, of those that are there already: as
/// much as a pipe holds.
pub const DRAINED: u64 = 1 << 20;

/// The base-2 logarithm of the largest Zstandard window that is accepted: 8 MiB.
pub const ZSTD_WINDOW_LOG: u32 = 23;

/// How much of a zip archive is read to find its members, in bytes: the directory of some 80,000
/// members. All of it is kept.
pub const ZIP_DIRECTORY: u64 = 8 << 20;
