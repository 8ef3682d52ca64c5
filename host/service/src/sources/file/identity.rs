//! What a file is known by: where it is, how it begins, and what lies in front of what is to be
//! read next. Names are given to other files, numbers are used again, and files are cut and copied.

use std::{
    fs::{File, Metadata},
    io,
    os::unix::fs::{FileExt as _, MetadataExt as _},
};

use weir_io::{Beginning, limits};

use crate::tracker::Print;

/// How much of its beginning a file is known by, in bytes.
pub(super) const HEAD: u64 = 1024;

/// How much in front of a place is looked at, in bytes.
pub(super) const BEFORE: u64 = 256;

/// Where a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Inode {
    pub(super) device: u64,
    pub(super) number: u64,
}

impl Inode {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), number: metadata.ino() }
    }
}

fn read(file: &File, start: u64, end: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; (end - start) as usize];
    let mut done = 0;
    while done < bytes.len() {
        match file.read_at(&mut bytes[done..], start + done as u64) {
            Ok(0) => break,
            Ok(n) => done += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    bytes.truncate(done);
    Ok(bytes)
}

/// How a file begins.
pub(super) fn start(file: &File) -> io::Result<Vec<u8>> {
    read(file, 0, HEAD)
}

/// The print of the beginning of a file, up to a place.
pub(super) fn head(file: &File, end: u64) -> io::Result<Print> {
    Ok(Print::of(&read(file, 0, end.min(HEAD))?))
}

/// The print of what lies in front of a place.
pub(super) fn before(file: &File, offset: u64) -> io::Result<Print> {
    Ok(Print::of(&read(file, offset.saturating_sub(BEFORE), offset)?))
}

/// Whether a file begins so.
pub(super) fn has_head(file: &File, head: Print) -> io::Result<bool> {
    Ok(Print::of(&read(file, 0, u64::from(head.len))?) == head)
}

/// Whether these bytes lie in front of a place.
pub(super) fn has_before(file: &File, offset: u64, before: Print) -> io::Result<bool> {
    let start = offset.saturating_sub(u64::from(before.len));
    Ok(Print::of(&read(file, start, offset)?) == before)
}

/// What a file is that begins so. `is_all` says that it is not waited for more of it.
pub(super) fn beginning(file: &File, is_all: bool) -> io::Result<Beginning> {
    Ok(weir_io::beginning(&read(file, 0, limits::BEGINNING as u64)?, is_all))
}

/// A name for a file among all that are and were on this machine: that of a number that is used
/// again differs in the time when it was made.
pub(super) fn identity(source: &str, metadata: &Metadata, generation: u32, head: Print) -> u64 {
    let made = metadata.created().ok().and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok());
    let mut key = Vec::from(source.as_bytes());
    key.extend(metadata.dev().to_le_bytes());
    key.extend(metadata.ino().to_le_bytes());
    key.extend(generation.to_le_bytes());
    match made {
        Some(made) => key.extend(made.as_nanos().to_le_bytes()),
        None => key.extend(head.hash.to_le_bytes()),
    }
    xxhash_rust::xxh3::xxh3_64(&key)
}
