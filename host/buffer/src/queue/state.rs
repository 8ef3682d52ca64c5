//! What a queue knows of its pages and segments.

use std::{collections::VecDeque, io, sync::Arc, time::Instant};

use super::{Options, Sequence};
use crate::{
    disk::{Disk, DiskFile},
    error::{Error, Kind},
    quarantine,
    segment::{Name, Step, Walk},
};

/// Ranges of pages that the disk did not keep; more are remembered less exactly.
const FAILURES: usize = 64;

pub(super) struct State<F> {
    pub(super) options: Options,
    /// In their order. The last one is written to if it is not sealed.
    pub(super) segments: VecDeque<Segment<F>>,
    /// Acknowledged, and to be deleted.
    pub(super) doomed: Vec<Doomed>,
    /// Bytes of all segments, also of the doomed.
    pub(super) stored: u64,
    pub(super) next: Sequence,
    /// Nothing up to here is waited for any more.
    pub(super) settled: Sequence,
    /// Pages up to `settled` that the disk did not keep.
    pub(super) failures: Vec<(Sequence, Sequence)>,
    /// All up to here are acknowledged, or lost.
    pub(super) done: Sequence,
    pub(super) in_flight: VecDeque<InFlight>,
    /// A segment's name is not durable.
    pub(super) are_names_dirty: bool,
    /// Bytes of records that are not durable, and since when.
    pub(super) waiting: u64,
    pub(super) waiting_since: Option<Instant>,
    pub(super) is_closed: bool,
    /// How often room was made.
    pub(super) frees: u64,
    pub(super) quarantine_room: u64,
    pub(super) quarantined: u64,
    pub(super) truncated: u64,
    pub(super) failed_commits: u64,
}

pub(super) struct Segment<F> {
    pub(super) name: Name,
    /// The sequence behind its last page.
    pub(super) end: Sequence,
    pub(super) len: u64,
    /// How much of it is durable, which is what may be read.
    pub(super) durable: u64,
    /// Nothing more is written to it.
    pub(super) is_sealed: bool,
    /// While it is written or synced.
    pub(super) file: Option<Arc<F>>,
}

pub(super) struct Doomed {
    pub(super) name: String,
    pub(super) len: u64,
}

pub(super) struct InFlight {
    pub(super) sequence: Sequence,
    /// The page, and what was lost behind it.
    pub(super) through: Sequence,
    pub(super) written: u64,
    pub(super) is_done: bool,
}

impl<F: DiskFile> State<F> {
    /// Takes over the segments that are there.
    pub(super) fn load<D: Disk<File = F>>(&mut self, disk: &D, found: &[(Name, u64)]) -> Result<(), Error> {
        for (index, &(name, len)) in found.iter().enumerate() {
            let text = name.text();
            self.next = self.next.max(name.first);
            let mut segment =
                Segment { name, end: name.first, len, durable: len, is_sealed: true, file: None };
            // A segment without a page, which was deleted, may have come back by a crash beside the
            // one that was begun in its place.
            let before = index.checked_sub(1).map(|before| found[before].0.first);
            let next = found.get(index + 1).map(|(next, _)| next.first);
            let is_alone = before != Some(name.first) && next != Some(name.first);
            match next {
                Some(next) if is_alone => segment.end = next,
                _ if len > 0 => {
                    let file = disk.open(&text).map_err(|e| Error::file(&text, "open a segment", &e))?;
                    let (end, good) = survey(&file, name, len)
                        .map_err(|e| Error::file(&text, "read a segment", &e))?
                        .map_err(|version| newer(&text, version))?;
                    segment.end = end;
                    if good < len {
                        self.cut(disk, &text, &file, good, len);
                        segment.len = good;
                        segment.durable = good;
                    }
                    // What is seen now must be there after the next crash, too.
                    file.sync().map_err(|e| Error::file(&text, "sync a segment", &e))?;
                }
                _ => {}
            }
            self.next = self.next.max(segment.end);
            self.stored += segment.len;
            if segment.len == 0 {
                self.quarantined += segment.end.saturating_sub(name.first.max(self.done + 1));
            }
            if segment.len == 0 || segment.end <= self.done + 1 {
                self.doomed.push(Doomed { name: text, len: segment.len });
            } else {
                self.segments.push_back(segment);
            }
        }
        // Also what was deleted: sequences may be used again that only deleted segments had, and
        // these must not come back then.
        disk.sync_names().map_err(|e| Error::file("buffer", "sync the folder", &e))?;
        self.done = match self.segments.front() {
            // Deleted before that was noted.
            Some(first) => self.done.max(first.name.first - 1),
            None => self.done.max(self.next - 1),
        };
        self.next = self.next.max(self.done + 1);
        self.settled = self.next - 1;
        Ok(())
    }

    /// Cuts off what was being written when the machine stopped. Nothing is appended to the segment
    /// later, so it does no harm where that fails.
    pub(super) fn cut<D: Disk<File = F>>(&mut self, disk: &D, text: &str, file: &F, good: u64, len: u64) {
        self.truncated += len - good;
        if let Ok(kept) = quarantine::keep(disk, text, file, good, len, self.quarantine_room) {
            self.quarantine_room = self.quarantine_room.saturating_sub(kept);
        }
        let _ = file.cut(good);
    }

    pub(super) fn has_room(&self, total: u64) -> bool {
        self.stored == 0 || self.stored + total <= self.options.limit
    }

    /// Whether every page is acknowledged.
    pub(super) fn is_empty(&self) -> bool {
        self.pages() == 0
    }

    pub(super) fn pages(&self) -> u64 {
        let left = |segment: &Segment<F>| segment.end.saturating_sub(segment.name.first.max(self.done + 1));
        self.segments.iter().map(left).sum()
    }

    /// Writes no more to the last segment.
    pub(super) fn seal(&mut self) {
        if let Some(last) = self.segments.back_mut() {
            last.is_sealed = true;
            if last.durable == last.len {
                last.file = None;
            }
        }
    }

    /// Seals the last segment, which has something behind its last page. Without a page it would have
    /// the same sequence as the next one, so it is given up.
    pub(super) fn abandon(&mut self) {
        match self.segments.pop_back_if(|last| last.len == 0) {
            Some(last) => self.doomed.push(Doomed { name: last.name.text(), len: 0 }),
            None => self.seal(),
        }
    }

    /// Pages up to this one are lost, or there are none.
    pub(super) fn pass(&mut self, through: Sequence) {
        match self.in_flight.back_mut() {
            Some(page) => page.through = page.through.max(through),
            None => self.done = self.done.max(through),
        }
        self.doom();
    }

    /// Gives up segments that are wholly acknowledged.
    pub(super) fn doom(&mut self) {
        let is_empty = self.is_empty();
        if is_empty {
            // What the disk did not keep is in no segment.
            self.done = self.next - 1;
        }
        let half = self.options.segment() / 2;
        while let Some(first) = self.segments.front() {
            let is_settled = first.durable == first.len;
            // The last one is given up, too, when there is nothing else and it is worth it.
            let is_over = first.is_sealed || (is_empty && first.len > half);
            if first.end > self.done + 1 || !is_settled || !is_over {
                break;
            }
            let segment = self.segments.pop_front().expect("there is one");
            self.doomed.push(Doomed { name: segment.name.text(), len: segment.len });
        }
    }

    /// What was synced is durable.
    pub(super) fn keep(&mut self, synced: &[(Name, u64, Arc<F>)]) {
        for (name, len, _) in synced {
            if let Some(segment) = self.segments.iter_mut().find(|segment| segment.name == *name) {
                segment.durable = *len;
                if segment.is_sealed && segment.durable == segment.len {
                    segment.file = None;
                }
            }
        }
        self.doom();
    }

    /// After a sync that failed the system may have forgotten what was not written, and a second
    /// sync says nothing about it. So nothing that was waiting counts, and another file is begun.
    pub(super) fn give_up(&mut self, error: &Error) -> Result<Sequence, Error> {
        let from = self.settled + 1;
        let through = self.next - 1;
        self.settled = through;
        self.failed_commits += 1;
        if self.failures.len() == FAILURES {
            // Those between them count as failed, too, which only has them sent twice.
            let (first, _) = self.failures.remove(0);
            self.failures[0].0 = first;
        }
        self.failures.push((from, through));
        self.waiting = 0;
        self.waiting_since = None;
        let mut kept = VecDeque::new();
        for mut segment in std::mem::take(&mut self.segments) {
            if segment.durable < segment.len {
                let file = segment.file.take();
                // So that it does not come up again after a restart.
                let _ = file.map(|file| file.cut(segment.durable));
                if segment.durable == 0 {
                    self.doomed.push(Doomed { name: segment.name.text(), len: segment.len });
                    continue;
                }
                self.stored -= segment.len - segment.durable;
                segment.len = segment.durable;
                segment.end = from;
            }
            segment.is_sealed = true;
            segment.file = None;
            kept.push_back(segment);
        }
        self.segments = kept;
        self.doom();
        Err(Error::new(
            Kind::NotKept,
            format!(
                "pages {from} to {through} of the buffer were not kept and have to be sent again: {error}"
            ),
        ))
    }

    pub(super) fn is_kept(&self, sequence: Sequence) -> Result<(), Error> {
        match self.failures.iter().find(|(from, through)| (*from..=*through).contains(&sequence)) {
            None => Ok(()),
            Some((from, through)) => Err(Error::new(
                Kind::NotKept,
                format!("pages {from} to {through} of the buffer were not kept and have to be sent again"),
            )),
        }
    }
}

/// The segments and what else is in the folder.
pub(super) struct Contents {
    pub(super) segments: Vec<(Name, u64)>,
    pub(super) quarantined: u64,
}

impl Contents {
    pub(super) fn look<D: Disk>(disk: &D) -> Result<Self, Error> {
        let entries = disk.list().map_err(|e| Error::file("buffer", "list the folder", &e))?;
        let quarantined = entries
            .iter()
            .filter(|entry| quarantine::is_quarantine(&entry.name))
            .map(|entry| entry.len)
            .sum();
        Ok(Self { segments: segments(&entries), quarantined })
    }
}

/// The segments of a folder in their order, with their lengths.
pub(crate) fn segments(entries: &[crate::disk::Entry]) -> Vec<(Name, u64)> {
    let mut segments: Vec<(Name, u64)> =
        entries.iter().filter_map(|entry| Some((Name::parse(&entry.name)?, entry.len))).collect();
    segments.sort_by_key(|(name, _)| (name.first, name.salt));
    segments
}

/// The sequence behind a segment's last page, and where that page ends.
fn survey(file: &impl DiskFile, name: Name, len: u64) -> io::Result<Result<(Sequence, u64), u16>> {
    let mut walk = Walk::new(name);
    let (mut end, mut good) = (name.first, 0);
    loop {
        match walk.step(file, len)? {
            Step::Page(head) => {
                walk.pass(&head);
                (end, good) = (head.sequence + 1, walk.at);
            }
            Step::Newer(version) => return Ok(Err(version)),
            Step::Damaged { .. } => {}
            Step::End => return Ok(Ok((end, good))),
        }
    }
}

pub(super) fn newer(name: &str, version: u16) -> Error {
    Error::new(
        Kind::Newer,
        format!(
            "{name}: written by a later version of Weir (format {version}); run that one, or another state_dir"
        ),
    )
}
