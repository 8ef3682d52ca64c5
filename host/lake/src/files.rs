//! The files of a shard, many at a time.
//!
//! Only so many are open. Records of a partition that has no open file wait in memory, and when too many
//! wait, the partition with most of them gets a file in place of the one whose last record is the longest
//! ago. So partitions that records go to and fro between make some files each, and not one for each
//! record. All of that depends on the sequence of records alone, and not on how it is cut into pieces, so
//! that a shard makes the same files whenever it is repeated.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
    io,
    sync::Arc,
};

use memchr::{memchr, memchr_iter};
use serde::{Deserialize, Serialize};
use weir_io::Encoder;
use weir_pipeline::packers::Packer;

use crate::{
    Format,
    limits::{FILE, PIECE, WAITING},
    look::Partition,
    objects::{Even, Objects, Sum, Summed},
};

/// A file of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// Its path below the table's folder.
    pub path: String,
    /// The records in it.
    pub records: u64,
    /// Its length and checksum.
    #[serde(flatten)]
    pub sum: Sum,
}

/// Bounds, which tests make small.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    /// Files that are open at a time.
    pub(crate) open: usize,
    /// Bytes that wait.
    pub(crate) waiting: usize,
    /// Bytes of records behind which a file ends.
    pub(crate) file: u64,
}

impl Bounds {
    pub(crate) fn of(format: Format) -> Self {
        Self { open: format.open(), waiting: WAITING, file: FILE }
    }
}

pub(crate) struct Files {
    objects: Arc<dyn Objects>,
    format: Format,
    bounds: Bounds,
    /// What names of files begin with: `part-PLAN-SHARD`.
    stem: String,
    open: HashMap<usize, Open>,
    /// Whole lines of partitions without an open file.
    waiting: BTreeMap<usize, Vec<u8>>,
    waiting_bytes: usize,
    /// How many files each partition has had.
    parts: HashMap<usize, u32>,
    /// Records so far.
    records: u64,
    written: Vec<Written>,
}

struct Open {
    path: String,
    packer: Box<dyn Packer>,
    out: Even<Encoder<Summed>>,
    /// Bytes and numbers of its records.
    pushed: u64,
    records: u64,
    /// How many records there were in the shard at its last one.
    used: u64,
}

impl Files {
    pub(crate) fn new(objects: Arc<dyn Objects>, format: Format, bounds: Bounds, stem: String) -> Self {
        Self {
            objects,
            format,
            bounds,
            stem,
            open: HashMap::new(),
            waiting: BTreeMap::new(),
            waiting_bytes: 0,
            parts: HashMap::new(),
            records: 0,
            written: Vec::new(),
        }
    }

    /// Takes whole lines of the partition with this number.
    pub(crate) fn write(
        &mut self,
        number: usize,
        partitions: &[Partition],
        mut lines: &[u8],
    ) -> io::Result<()> {
        while !lines.is_empty() {
            if !self.open.contains_key(&number) && self.open.len() < self.bounds.open {
                self.open(number, &partitions[number])?;
            }
            let room = match self.open.get(&number) {
                Some(open) => self.bounds.file - open.pushed,
                None => (self.bounds.waiting - self.waiting_bytes) as u64,
            };
            let (now, later) = lines.split_at(reaching(lines, room));
            lines = later;
            let records = memchr_iter(b'\n', now).count() as u64;
            self.records += records;
            match self.open.get_mut(&number) {
                Some(open) => {
                    open.push(now, records, self.records)?;
                    if open.pushed >= self.bounds.file {
                        self.close(number)?;
                    }
                }
                None => {
                    self.waiting.entry(number).or_default().extend_from_slice(now);
                    self.waiting_bytes += now.len();
                    if self.waiting_bytes >= self.bounds.waiting {
                        self.release(partitions)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Gives the partition of which most waits a file, in place of another if there are too many.
    fn release(&mut self, partitions: &[Partition]) -> io::Result<()> {
        let most = self.waiting.iter().max_by_key(|(number, lines)| (lines.len(), Reverse(**number)));
        let Some(number) = most.map(|(number, _)| *number) else { return Ok(()) };
        let lines = self.waiting.remove(&number).unwrap_or_default();
        self.waiting_bytes -= lines.len();
        let longest = self.open.iter().min_by_key(|(number, open)| (open.used, **number));
        if let Some(longest) =
            longest.map(|(number, _)| *number).filter(|_| self.open.len() >= self.bounds.open)
        {
            self.close(longest)?;
        }
        // They were counted when they came.
        self.records -= memchr_iter(b'\n', &lines).count() as u64;
        self.write(number, partitions, &lines)
    }

    /// Ends all files, and gives what was written in the order of paths.
    pub(crate) fn finish(&mut self, partitions: &[Partition]) -> io::Result<Vec<Written>> {
        while !self.waiting.is_empty() {
            self.release(partitions)?;
        }
        let mut open: Vec<_> = self.open.keys().copied().collect();
        open.sort_unstable();
        open.into_iter().try_for_each(|number| self.close(number))?;
        let mut written = std::mem::take(&mut self.written);
        written.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(written)
    }

    /// The files that are there by now.
    pub(crate) fn written(&self) -> impl Iterator<Item = &str> {
        self.written.iter().map(|file| &*file.path)
    }

    fn open(&mut self, number: usize, partition: &Partition) -> io::Result<()> {
        let part = self.parts.entry(number).or_default();
        let path = format!("{}{}-{part:03}{}", partition.folder, self.stem, self.format.ending());
        *part += 1;
        let object = Summed::new(self.objects.create(&path)?);
        let out = Even::new(self.format.compression.encoder(object)?, PIECE);
        let packer = self.format.packer(&partition.said);
        self.open.insert(number, Open { path, packer, out, pushed: 0, records: 0, used: 0 });
        Ok(())
    }

    fn close(&mut self, number: usize) -> io::Result<()> {
        let Some(Open { path, mut packer, mut out, records, .. }) = self.open.remove(&number) else {
            return Ok(());
        };
        packer.finish(&mut out)?;
        let sum = out.finish()?.finish()?.finish()?;
        self.written.push(Written { path, records, sum });
        Ok(())
    }
}

impl Open {
    fn push(&mut self, lines: &[u8], records: u64, used: u64) -> io::Result<()> {
        self.packer.push(lines, &mut self.out)?;
        self.pushed += lines.len() as u64;
        self.records += records;
        self.used = used;
        Ok(())
    }
}

/// Where the first line ends that makes so many bytes full, or all of the lines.
fn reaching(lines: &[u8], bytes: u64) -> usize {
    let before = usize::try_from(bytes).unwrap_or(usize::MAX).saturating_sub(1);
    match lines.get(before..) {
        Some(rest) => memchr(b'\n', rest).map_or(lines.len(), |at| before + at + 1),
        None => lines.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_behind_the_one_that_makes_it_full() {
        let lines = b"ab\ncd\nef\n";
        for (bytes, end) in [(0, 3), (1, 3), (2, 3), (3, 3), (4, 6), (6, 6), (7, 9), (9, 9), (10, 9), (99, 9)]
        {
            assert_eq!(reaching(lines, bytes), end, "{bytes}");
        }
    }
}
