//! How pages come out of a queue.

use std::io;

use zstd::bulk::Decompressor;

use super::{
    Page, Queue, Sequence,
    state::{InFlight, newer},
};
use crate::{
    disk::{Disk, DiskFile},
    error::Error,
    frame::{HEAD, Head},
    quarantine,
    segment::{Name, Step, Walk},
};

pub(super) struct Reader<F> {
    pub(super) current: Option<Current<F>>,
    /// Pages up to here are not given out.
    pub(super) skip: Sequence,
}

/// The segment that is read.
pub(super) struct Current<F> {
    name: Name,
    file: F,
    walk: Walk,
    /// Behind the last page is something else than a page.
    is_damaged: bool,
}

impl<F> Current<F> {
    fn new(name: Name, file: F) -> Self {
        Self { name, file, walk: Walk::new(name), is_damaged: false }
    }

    /// How many pages are missing before this sequence. Without damage they are those that the disk
    /// did not keep, and that nobody counted on.
    fn missing(&mut self, before: Sequence, skip: Sequence) -> u64 {
        let is_damaged = std::mem::take(&mut self.is_damaged);
        if is_damaged { before.saturating_sub(self.walk.expected.max(skip + 1)) } else { 0 }
    }
}

/// What a reader found in one go.
pub(super) enum Found {
    Page(Page),
    /// Go on.
    Nothing,
    /// There is no page.
    Empty,
}

impl<D: Disk> Queue<D> {
    pub(super) fn read(&self, reader: &mut Reader<D::File>) -> Result<Found, Error> {
        let mut state = self.state();
        if state.in_flight.len() >= state.options.in_flight {
            return Ok(Found::Empty);
        }
        // The segment that is being read, or the first one behind it.
        let at = reader.current.as_ref().map(|current| current.name);
        let Some(index) =
            state.segments.iter().position(|segment| at.is_none_or(|name| segment.name >= name))
        else {
            return Ok(Found::Empty);
        };
        let segment = &state.segments[index];
        let (name, end, durable) = (segment.name, segment.end, segment.durable);
        let is_whole = segment.durable == segment.len;
        if at != Some(name) {
            if durable == 0 && !segment.is_sealed {
                return Ok(Found::Empty);
            }
            drop(state);
            self.open_segment(reader, name)?;
            return Ok(Found::Nothing);
        }
        let current = reader.current.as_mut().expect("it is the one at hand");
        if current.walk.at >= durable {
            if !is_whole {
                return Ok(Found::Empty);
            }
            // A page may be missing at the end.
            state.quarantined += current.missing(end, reader.skip);
            state.pass(end - 1);
            current.walk.expected = end;
            // Some of them may just have been given up, so the next one has another index now.
            let next = state.segments.iter().map(|segment| segment.name).find(|next| *next > name);
            drop(state);
            let Some(next) = next else { return Ok(Found::Empty) };
            self.open_segment(reader, next)?;
            return Ok(Found::Nothing);
        }
        drop(state);
        self.read_page(current, reader.skip, durable)
    }

    fn open_segment(&self, reader: &mut Reader<D::File>, name: Name) -> Result<(), Error> {
        let text = name.text();
        let file = self.disk.open(&text).map_err(|e| Error::file(&text, "open a segment", &e))?;
        reader.current = Some(Current::new(name, file));
        Ok(())
    }

    fn read_page(
        &self,
        current: &mut Current<D::File>,
        skip: Sequence,
        durable: u64,
    ) -> Result<Found, Error> {
        let text = current.name.text();
        let failed = |e: io::Error| Error::file(&text, "read", &e);
        let from = current.walk.at;
        match current.walk.step(&current.file, durable).map_err(failed)? {
            Step::End => Ok(Found::Nothing),
            Step::Newer(version) => Err(newer(&text, version)),
            Step::Damaged { from, to, .. } => {
                // How many pages it was is known from the next one's sequence.
                current.is_damaged = true;
                self.keep(&text, &current.file, from, to);
                Ok(Found::Nothing)
            }
            Step::Page(head) => {
                let missing = current.missing(head.sequence, skip);
                current.walk.pass(&head);
                if missing > 0 {
                    let mut state = self.state();
                    state.quarantined += missing;
                    state.pass(head.sequence - 1);
                }
                if head.sequence <= skip {
                    return Ok(Found::Nothing);
                }
                let Some((meta, bytes)) = load(&current.file, from, &head).map_err(failed)? else {
                    self.keep(&text, &current.file, from, from + head.total());
                    let mut state = self.state();
                    state.quarantined += 1;
                    state.pass(head.sequence);
                    return Ok(Found::Nothing);
                };
                let Head { sequence, written, records, .. } = head;
                let mut state = self.state();
                state.in_flight.push_back(InFlight { sequence, through: sequence, written, is_done: false });
                Ok(Found::Page(Page { sequence, written, records, meta, bytes }))
            }
        }
    }

    /// Keeps damaged bytes for people, if that can be done.
    fn keep(&self, segment: &str, file: &D::File, from: u64, to: u64) {
        let room = self.state().quarantine_room;
        if let Ok(kept) = quarantine::keep(&self.disk, segment, file, from, to, room) {
            let mut state = self.state();
            state.quarantine_room = state.quarantine_room.saturating_sub(kept);
        }
    }
}

/// What a page holds; `None` where it is damaged.
fn load(file: &impl DiskFile, at: u64, head: &Head) -> io::Result<Option<(Vec<u8>, Vec<u8>)>> {
    // No more than the segment has.
    let mut meta = vec![0; head.body() as usize];
    if file.read_full_at(&mut meta, at + HEAD as u64)? < meta.len() || crc32fast::hash(&meta) != head.checksum
    {
        return Ok(None);
    }
    let stored = meta.split_off(head.meta as usize);
    let mut bytes = vec![0; head.plain as usize];
    let len = Decompressor::new()?.decompress_to_buffer(&stored, &mut bytes[..]);
    Ok(len.is_ok_and(|len| len == bytes.len()).then_some((meta, bytes)))
}
