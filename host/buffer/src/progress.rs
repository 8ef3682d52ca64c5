//! What is acknowledged, in two places that are written in turn: a torn write costs the newer one,
//! and none needs room on a full disk.

use std::io;

use crate::disk::{Disk, DiskFile};

pub(crate) const FILE: &str = "progress";
/// From one place to the other; they share no sector.
const STRIDE: u64 = 4096;
const MAGIC: &[u8; 8] = b"WEIRDONE";
const LEN: usize = 28;

/// The file.
#[derive(Debug)]
pub(crate) struct Progress<F> {
    file: Option<F>,
    generation: u64,
    /// What is in it; `None` for nothing.
    saved: Option<u64>,
    /// That is durable, and the file's name is.
    is_durable: bool,
}

impl<F: DiskFile> Progress<F> {
    /// Reads it. What can't be read is as if it were not there.
    pub(crate) fn load<D: Disk<File = F>>(disk: &D) -> Self {
        let Ok(file) = disk.open(FILE) else {
            return Self { file: None, generation: 0, saved: None, is_durable: false };
        };
        let newest = (0..2).filter_map(|place| read(&file, place * STRIDE)).max();
        let (generation, saved) = newest.map_or((0, None), |(generation, done)| (generation, Some(done)));
        Self { file: Some(file), generation, saved, is_durable: false }
    }

    /// The last sequence that is known to be acknowledged, with all before it.
    pub(crate) fn saved(&self) -> Option<u64> {
        self.saved
    }

    /// Writes it durably.
    pub(crate) fn save<D: Disk<File = F>>(&mut self, disk: &D, done: u64) -> io::Result<()> {
        if self.is_durable && self.saved == Some(done) {
            return Ok(());
        }
        if self.file.is_none() {
            self.file = Some(disk.create(FILE).or_else(|_| disk.open(FILE))?);
        }
        let file = self.file.as_ref().expect("it is open");
        let generation = self.generation + 1;
        let mut bytes = [0; LEN];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..16].copy_from_slice(&generation.to_le_bytes());
        bytes[16..24].copy_from_slice(&done.to_le_bytes());
        let checksum = crc32fast::hash(&bytes[..24]);
        bytes[24..].copy_from_slice(&checksum.to_le_bytes());
        file.write_all_at(&bytes, generation % 2 * STRIDE)?;
        file.sync()?;
        if !self.is_durable {
            disk.sync_names()?;
            self.is_durable = true;
        }
        // After an error the same place is written again, and the other one stays as it is.
        self.generation = generation;
        self.saved = Some(done);
        Ok(())
    }
}

fn read(file: &impl DiskFile, at: u64) -> Option<(u64, u64)> {
    let mut bytes = [0; LEN];
    if file.read_full_at(&mut bytes, at).ok()? < LEN || bytes[..8] != *MAGIC {
        return None;
    }
    let number = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes"));
    let checksum = u32::from_le_bytes(bytes[24..].try_into().expect("4 bytes"));
    (crc32fast::hash(&bytes[..24]) == checksum).then(|| (number(8), number(16)))
}
