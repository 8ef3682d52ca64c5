//! Every bound on what is read.

/// Bytes that are read from an input at a time.
pub const PIECE: usize = 64 << 10;

/// How much of an input is looked at, at most, to tell what it is, in bytes.
pub const BEGINNING: usize = 4096;

/// Bytes that are still read from a stream when it is told to stop, of those that are there already: as
/// much as a pipe holds.
pub const DRAINED: u64 = 1 << 20;

/// The base-2 logarithm of the largest Zstandard window that is accepted: 8 MiB.
pub const ZSTD_WINDOW_LOG: u32 = 23;

/// How much of a zip archive is read to find its members, in bytes: the directory of some 80,000
/// members. All of it is kept.
pub const ZIP_DIRECTORY: u64 = 8 << 20;

/// The longest footer of a Parquet file, in bytes. What is made of it in memory may be 20 times that.
pub const PARQUET_FOOTER: u64 = 8 << 20;

/// The most columns of a Parquet file.
pub const PARQUET_COLUMNS: usize = 1024;

/// The largest group of rows of a Parquet file, compressed, in bytes: it is held in memory.
pub const PARQUET_GROUP: u64 = 512 << 20;

/// The largest page of a Parquet file, in bytes without its compression; writers make them of 1 MiB.
pub const PARQUET_PAGE: u64 = 32 << 20;

/// How many bytes the pages of all columns may have that are read at a time, without their compression.
pub const PARQUET_PAGES: u64 = 512 << 20;

/// The longest row of a Parquet file, as JSON, in bytes.
pub const PARQUET_LINE: usize = 64 << 20;
