//! Bytes that are no page, kept for people.

use std::io;

use crate::disk::{Disk, DiskFile};

/// Bytes that are kept altogether. What comes later is only counted.
pub(crate) const LIMIT: u64 = 64 << 20;
const PIECE: usize = 64 << 10;

/// Whether a file is one of those.
pub(crate) fn is_quarantine(name: &str) -> bool {
    name.ends_with(".bad")
}

/// Copies bytes of a segment to a file of their own, as many as `room` lets; how many that were.
pub(crate) fn keep<D: Disk>(
    disk: &D,
    segment: &str,
    file: &D::File,
    from: u64,
    to: u64,
    room: u64,
) -> io::Result<u64> {
    let to = to.min(from.saturating_add(room));
    let mut piece = vec![0; PIECE];
    let mut copy = None;
    let mut at = from;
    while at < to {
        let len = PIECE.min((to - at) as usize);
        let read = file.read_full_at(&mut piece[..len], at)?;
        if read == 0 {
            break;
        }
        let copy = match &copy {
            Some(copy) => copy,
            // It is there already where the queue was opened before and the segment not yet deleted.
            None => copy.insert(disk.create(&format!("{segment}-{from}.bad"))?),
        };
        copy.write_all_at(&piece[..read], at - from)?;
        at += read as u64;
    }
    Ok(at - from)
}
