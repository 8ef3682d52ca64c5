//! How pages come into a queue's segments, and how these are deleted.

use std::{
    io,
    sync::{Arc, MutexGuard, PoisonError},
    time::Instant,
};

use zstd::{
    bulk::Compressor,
    zstd_safe::{CParameter, compress_bound},
};

use super::{
    Queue, Sequence, closed,
    state::{Segment, State},
};
use crate::{
    disk::{Disk, DiskFile},
    error::{Error, Kind},
    frame::{HEAD, Head},
    segment::Name,
};

/// Compressors that are kept for the next page, and the most bytes one keeps.
const POOLED: usize = 4;
const POOLED_BYTES: usize = 8 << 20;
pub(super) struct Pooled {
    pub(super) compressor: Compressor<'static>,
    pub(super) bytes: Vec<u8>,
}

impl<D: Disk> Queue<D> {
    pub(super) fn compressor(&self) -> Result<Pooled, Error> {
        if let Some(pooled) = self.compressors.lock().unwrap_or_else(PoisonError::into_inner).pop() {
            return Ok(pooled);
        }
        let level = self.state().options.level;
        let make = || {
            let mut compressor = Compressor::new(level)?;
            compressor.set_parameter(CParameter::ChecksumFlag(true))?;
            Ok(Pooled { compressor, bytes: Vec::new() })
        };
        make().map_err(|e: io::Error| Error::new(Kind::Disk, format!("can't compress a page: {e}")))
    }

    pub(super) fn give_back(&self, mut pooled: Pooled) {
        if pooled.bytes.len() > POOLED_BYTES {
            pooled.bytes = Vec::new();
        }
        let mut compressors = self.compressors.lock().unwrap_or_else(PoisonError::into_inner);
        if compressors.len() < POOLED {
            compressors.push(pooled);
        }
    }

    /// Writes a page, whose head is still missing in `bytes`.
    pub(super) fn write(&self, mut head: Head, bytes: &mut [u8]) -> Result<Sequence, Error> {
        let mut state = self.state();
        if state.is_closed {
            return Err(closed());
        }
        let total = bytes.len() as u64;
        if !state.has_room(total) {
            // Deleting is tried again, too, where it failed before.
            state = self.empty(state);
            if !state.has_room(total) {
                return Err(Error::new(
                    Kind::Full,
                    format!(
                        "the buffer has {} of its {} bytes, and no room for a page of {total}; it goes on \
                         when its sink takes records, or raise the limit",
                        state.stored, state.options.limit
                    ),
                ));
            }
        }
        if let Err(error) = self.try_write(&mut state, &mut head, bytes) {
            if error.kind() != Kind::Full {
                return Err(error);
            }
            let before = state.stored;
            state = self.empty(state);
            if state.stored == before {
                return Err(error);
            }
            self.try_write(&mut state, &mut head, bytes)?;
        }
        state.next = head.sequence + 1;
        state.stored += total;
        // An empty page has to be committed, too.
        state.waiting += u64::from(head.plain).max(1);
        let now = Instant::now();
        state.waiting_since.get_or_insert(now);
        drop(state);
        self.appended.notify_all();
        Ok(head.sequence)
    }

    /// Makes room where everything is acknowledged, although the last segment is not full.
    pub(super) fn empty<'a>(
        &'a self,
        mut state: MutexGuard<'a, State<D::File>>,
    ) -> MutexGuard<'a, State<D::File>> {
        if state.is_empty() && state.segments.back().is_some_and(|last| last.len > 0) {
            state.seal();
            state.doom();
        }
        drop(state);
        self.sweep();
        self.state()
    }

    pub(super) fn try_write(
        &self,
        state: &mut State<D::File>,
        head: &mut Head,
        bytes: &mut [u8],
    ) -> Result<(), Error> {
        let total = bytes.len() as u64;
        let most = state.options.segment();
        if state.segments.back().is_some_and(|last| last.len > 0 && last.len + total > most) {
            state.seal();
        }
        head.sequence = state.next;
        if state.segments.back().is_none_or(|last| last.is_sealed) {
            let name = Name { first: state.next, salt: self.disk.salt() };
            let text = name.text();
            let file = self.disk.create(&text).map_err(|e| Error::file(&text, "make a segment", &e))?;
            state.are_names_dirty = true;
            state.segments.push_back(Segment {
                name,
                end: state.next,
                len: 0,
                durable: 0,
                is_sealed: false,
                file: Some(Arc::new(file)),
            });
        }
        let last = state.segments.back_mut().expect("there is one");
        let file = Arc::clone(last.file.as_ref().expect("it is written to"));
        head.encode(last.name.salt, bytes);
        match file.write_all_at(bytes, last.len) {
            Ok(()) => {
                last.len += total;
                last.end = head.sequence + 1;
                Ok(())
            }
            Err(e) => {
                let error = Error::file(&last.name.text(), "write", &e);
                // What was written of it would lie between two pages.
                if file.cut(last.len).is_err() {
                    state.abandon();
                }
                Err(error)
            }
        }
    }

    /// Deletes what is acknowledged.
    pub(super) fn sweep(&self) {
        let doomed = std::mem::take(&mut self.state().doomed);
        if doomed.is_empty() {
            return;
        }
        let (mut freed, mut left) = (0, Vec::new());
        for segment in doomed {
            match self.disk.remove(&segment.name) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => left.push(segment),
                _ => freed += segment.len,
            }
        }
        let mut state = self.state();
        state.stored -= freed;
        state.frees += 1;
        state.doomed.append(&mut left);
        drop(state);
        self.freed.notify_all();
    }
}

impl Pooled {
    /// Puts `meta` and a frame with `bytes` behind the room for a head; how long the frame is.
    pub(super) fn frame(&mut self, meta: &[u8], bytes: &[u8]) -> Result<usize, Error> {
        let start = HEAD + meta.len();
        let most = start + compress_bound(bytes.len());
        if self.bytes.len() < most {
            self.bytes.resize(most, 0);
        }
        self.bytes[HEAD..start].copy_from_slice(meta);
        self.compressor
            .compress_to_buffer(bytes, &mut self.bytes[start..])
            .map_err(|e| Error::new(Kind::Disk, format!("can't compress a page: {e}")))
    }
}
