//! A disk in memory that does what disks and systems may do: it forgets or tears what was not
//! synced, in any order, is full, fails to sync, writes less than it was asked to, flips bytes.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    sync::{Arc, Mutex, MutexGuard},
};

use weir_buffer::{Disk, DiskFile, Entry};

/// Bytes that are written whole or not at all.
const SECTOR: usize = 512;

#[derive(Clone, Default)]
pub(crate) struct CrashDisk(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    files: HashMap<u64, Content>,
    names: BTreeMap<String, u64>,
    durable_names: BTreeMap<String, u64>,
    name_changes: Vec<(String, Option<u64>)>,
    last_inode: u64,
    /// Files and locks of before a restart are dead.
    boot: u64,
    locked: Option<u64>,
    capacity: Option<usize>,
    most_per_write: Option<usize>,
    failing_syncs: Option<u64>,
    are_removals_failing: bool,
    are_cuts_failing: bool,
    salt: u64,
    syncs: u64,
    name_syncs: u64,
}

#[derive(Default)]
struct Content {
    now: Vec<u8>,
    durable: Vec<u8>,
    changes: Vec<Change>,
}

#[derive(Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Cut(usize),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write(at, new) => {
                let end = at + new.len();
                if bytes.len() < end {
                    bytes.resize(end, 0);
                }
                bytes[*at..end].copy_from_slice(new);
            }
            // A cut that was overtaken by an earlier write's loss cuts nothing.
            Self::Cut(len) => bytes.truncate(*len),
        }
    }
}

/// Numbers from a seed.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((x ^ (x >> 31)) % sides as u64) as usize
    }
}

#[allow(dead_code, reason = "each test uses some of it")]
impl CrashDisk {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    /// The process is killed: what it wrote stays.
    pub(crate) fn kill(&self) {
        let mut inner = self.inner();
        inner.boot += 1;
        inner.locked = None;
        inner.failing_syncs = None;
        inner.are_removals_failing = false;
        inner.are_cuts_failing = false;
        inner.most_per_write = None;
    }

    /// The machine stops: of what was not synced anything may be left.
    pub(crate) fn crash(&self, seed: u64) {
        self.kill();
        let mut dice = Dice::new(seed);
        let mut inner = self.inner();
        let inner = &mut *inner;
        let mut names = inner.durable_names.clone();
        for (name, inode) in inner.name_changes.drain(..) {
            if dice.roll(2) == 0 {
                match inode {
                    Some(inode) => names.insert(name, inode),
                    None => names.remove(&name),
                };
            }
        }
        inner.names.clone_from(&names);
        inner.durable_names = names;
        let mut inodes: Vec<u64> = inner.files.keys().copied().collect();
        inodes.sort_unstable();
        for inode in inodes {
            let content = inner.files.get_mut(&inode).unwrap();
            let mood = dice.roll(4);
            for change in std::mem::take(&mut content.changes) {
                match if mood < 2 { mood } else { dice.roll(5) } {
                    0 => {}
                    1 => change.apply(&mut content.durable),
                    luck => tear(&change, luck, &mut dice).apply(&mut content.durable),
                }
            }
            content.now.clone_from(&content.durable);
        }
        let named: Vec<u64> = inner.names.values().copied().collect();
        inner.files.retain(|inode, _| named.contains(inode));
    }

    /// No more than this fits altogether.
    pub(crate) fn set_capacity(&self, capacity: Option<usize>) {
        self.inner().capacity = capacity;
    }

    pub(crate) fn used(&self) -> usize {
        self.inner().used()
    }

    pub(crate) fn set_most_per_write(&self, most: Option<usize>) {
        self.inner().most_per_write = most;
    }

    /// Syncs fail, and forget some of what they should have kept.
    pub(crate) fn fail_syncs(&self, seed: Option<u64>) {
        self.inner().failing_syncs = seed;
    }

    pub(crate) fn fail_removals(&self, fail: bool) {
        self.inner().are_removals_failing = fail;
    }

    pub(crate) fn fail_cuts(&self, fail: bool) {
        self.inner().are_cuts_failing = fail;
    }

    /// Syncs of files and of names so far.
    pub(crate) fn syncs(&self) -> (u64, u64) {
        let inner = self.inner();
        (inner.syncs, inner.name_syncs)
    }

    pub(crate) fn files(&self) -> Vec<String> {
        self.inner().names.keys().cloned().collect()
    }

    pub(crate) fn segments(&self) -> Vec<String> {
        self.files().into_iter().filter(|name| name.ends_with(".zst")).collect()
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        let inner = self.inner();
        inner.files[&inner.names[name]].now.clone()
    }

    /// Changes a file behind everybody's back.
    pub(crate) fn edit(&self, name: &str, edit: impl FnOnce(&mut Vec<u8>)) {
        let mut inner = self.inner();
        let inode = inner.names[name];
        let content = inner.files.get_mut(&inode).unwrap();
        for change in std::mem::take(&mut content.changes) {
            change.apply(&mut content.durable);
        }
        edit(&mut content.now);
        content.durable.clone_from(&content.now);
    }

    /// Flips one bit somewhere, in what is durable and in what is seen; which file it was.
    pub(crate) fn flip(&self, seed: u64) -> Option<String> {
        let mut dice = Dice::new(seed);
        let mut inner = self.inner();
        let names: Vec<(String, u64)> =
            inner.names.iter().map(|(name, inode)| (name.clone(), *inode)).collect();
        let (name, inode) = names.get(dice.roll(names.len().max(1)))?.clone();
        let content = inner.files.get_mut(&inode).unwrap();
        if content.durable.is_empty() {
            return None;
        }
        let at = dice.roll(content.durable.len());
        let bit = 1 << dice.roll(8);
        content.durable[at] ^= bit;
        if let Some(byte) = content.now.get_mut(at) {
            *byte ^= bit;
        }
        Some(name)
    }
}

/// What may be left of a write.
fn tear(change: &Change, luck: usize, dice: &mut Dice) -> Change {
    let Change::Write(at, bytes) = change else { return change.clone() };
    match luck {
        // The length arrived, the bytes did not.
        2 => Change::Write(*at, vec![0; bytes.len()]),
        // The beginning.
        3 => Change::Write(*at, bytes[..dice.roll(bytes.len() + 1)].to_vec()),
        // Some sectors.
        _ => {
            let mut bytes = bytes.clone();
            for (index, byte) in bytes.iter_mut().enumerate() {
                if Dice::new(((at + index) / SECTOR) as u64 ^ luck as u64).roll(2) == 0 {
                    *byte = 0;
                }
            }
            Change::Write(*at, bytes)
        }
    }
}

impl Inner {
    fn used(&self) -> usize {
        self.files.values().map(|content| content.now.len()).sum()
    }

    fn alive(&self, boot: u64) -> io::Result<()> {
        if self.boot == boot { Ok(()) } else { Err(io::Error::other("the process was killed")) }
    }
}

pub(crate) struct OpenFile {
    disk: CrashDisk,
    inode: u64,
    boot: u64,
}

pub(crate) struct Held {
    disk: CrashDisk,
    boot: u64,
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut inner = self.disk.inner();
        if inner.locked == Some(self.boot) {
            inner.locked = None;
        }
    }
}

impl Disk for CrashDisk {
    type File = OpenFile;
    type Lock = Held;

    fn lock(&self) -> io::Result<Option<Held>> {
        let mut inner = self.inner();
        if inner.locked.is_some() {
            return Ok(None);
        }
        let boot = inner.boot;
        inner.locked = Some(boot);
        Ok(Some(Held { disk: self.clone(), boot }))
    }

    fn list(&self) -> io::Result<Vec<Entry>> {
        let inner = self.inner();
        let len = |inode| inner.files[inode].now.len() as u64;
        Ok(inner.names.iter().map(|(name, inode)| Entry { name: name.clone(), len: len(inode) }).collect())
    }

    fn create(&self, name: &str) -> io::Result<OpenFile> {
        let mut inner = self.inner();
        if inner.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if inner.capacity.is_some_and(|capacity| inner.used() >= capacity) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        inner.last_inode += 1;
        let inode = inner.last_inode;
        inner.names.insert(name.into(), inode);
        inner.name_changes.push((name.into(), Some(inode)));
        inner.files.insert(inode, Content::default());
        Ok(OpenFile { disk: self.clone(), inode, boot: inner.boot })
    }

    fn open(&self, name: &str) -> io::Result<OpenFile> {
        let inner = self.inner();
        let inode = *inner.names.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(OpenFile { disk: self.clone(), inode, boot: inner.boot })
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut inner = self.inner();
        if inner.are_removals_failing {
            return Err(io::Error::other("can't be removed"));
        }
        let inode = inner.names.remove(name).ok_or(io::ErrorKind::NotFound)?;
        inner.name_changes.push((name.into(), None));
        // What may come back after a crash is kept for that, but takes no room.
        if let Some(content) = inner.files.get_mut(&inode) {
            for change in std::mem::take(&mut content.changes) {
                change.apply(&mut content.durable);
            }
            content.now = Vec::new();
        }
        Ok(())
    }

    fn sync_names(&self) -> io::Result<()> {
        let mut inner = self.inner();
        if inner.failing_syncs.is_some() {
            return Err(io::Error::other("can't be synced"));
        }
        inner.name_syncs += 1;
        inner.name_changes.clear();
        inner.durable_names = inner.names.clone();
        let named: Vec<u64> = inner.names.values().copied().collect();
        inner.files.retain(|inode, _| named.contains(inode));
        Ok(())
    }

    fn now(&self) -> u64 {
        1_700_000_000_000
    }

    fn salt(&self) -> u64 {
        let mut inner = self.inner();
        inner.salt += 1;
        inner.salt.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

impl DiskFile for OpenFile {
    fn len(&self) -> io::Result<u64> {
        let inner = self.disk.inner();
        inner.alive(self.boot)?;
        Ok(inner.files.get(&self.inode).map_or(0, |content| content.now.len() as u64))
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let inner = self.disk.inner();
        inner.alive(self.boot)?;
        let Some(content) = inner.files.get(&self.inode) else { return Ok(0) };
        let rest = content.now.get(offset as usize..).unwrap_or_default();
        let len = rest.len().min(buffer.len());
        buffer[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let mut inner = self.disk.inner();
        inner.alive(self.boot)?;
        let mut len = bytes.len().min(inner.most_per_write.unwrap_or(usize::MAX));
        let content = inner.files.get(&self.inode).ok_or(io::ErrorKind::NotFound)?;
        if let Some(capacity) = inner.capacity {
            let inside = content.now.len().saturating_sub(offset as usize);
            len = len.min(inside + capacity.saturating_sub(inner.used()));
            if len == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
        }
        let change = Change::Write(offset as usize, bytes[..len].to_vec());
        let content = inner.files.get_mut(&self.inode).ok_or(io::ErrorKind::NotFound)?;
        change.apply(&mut content.now);
        content.changes.push(change);
        Ok(len)
    }

    fn cut(&self, len: u64) -> io::Result<()> {
        let mut inner = self.disk.inner();
        inner.alive(self.boot)?;
        if inner.are_cuts_failing {
            return Err(io::Error::other("can't be cut"));
        }
        let content = inner.files.get_mut(&self.inode).ok_or(io::ErrorKind::NotFound)?;
        let change = Change::Cut(len as usize);
        change.apply(&mut content.now);
        content.changes.push(change);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut inner = self.disk.inner();
        inner.alive(self.boot)?;
        let failing = inner.failing_syncs;
        inner.syncs += 1;
        let content = inner.files.get_mut(&self.inode).ok_or(io::ErrorKind::NotFound)?;
        if let Some(seed) = failing {
            let mut dice = Dice::new(seed);
            content.changes.retain(|_| dice.roll(2) == 0);
            return Err(io::Error::other("can't be synced"));
        }
        for change in std::mem::take(&mut content.changes) {
            change.apply(&mut content.durable);
        }
        Ok(())
    }
}
