//! One stream of a file that grows.

use std::{
    fs::{File, Metadata},
    io,
    os::unix::fs::{FileExt as _, MetadataExt as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use weir_normalizer::framing::{Framer, Restart};

use super::identity::{self, HEAD, Inode};
use crate::{
    feed::{Feed, Shelved},
    state,
    tracker::{Mark, Print, Tracker},
    worker::Stream,
};

/// One stream: from the first byte of a file on, under whatever name.
pub(super) struct Tail {
    pub(super) identity: u64,
    pub(super) path: PathBuf,
    /// The name that it was found under; a file that has another one now was rotated.
    first_path: PathBuf,
    name: Arc<str>,
    pub(super) inode: Inode,
    pub(super) generation: u32,
    pub(super) head: Print,
    /// `None` while it is closed, and when it is gone.
    pub(super) file: Option<File>,
    /// Up to where it is read.
    pub(super) offset: u64,
    /// What lies in front of `offset`.
    pub(super) before: Print,
    /// `None` where nothing is begun: the stream goes on at `restart`, which is at `offset`.
    framer: Option<Box<Framer>>,
    /// Whether all that is complete went out.
    is_flushed: bool,
    restart: Restart,
    pub(super) tracker: Arc<Tracker>,
    /// When it last grew, or changed its place.
    pub(super) changed: Instant,
    modified: (i64, i64),
    /// It was renamed out of the patterns, deleted, or cut.
    pub(super) is_gone: bool,
    pub(super) seen: u64,
}

/// What came of a look at a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// There is nothing new.
    Nothing,
    /// Something was read; whether there may be more at once.
    Read(bool),
    /// What was read before is not in it any more.
    Cut,
    /// Nothing more can be normalized.
    Stopped,
}

impl Tail {
    /// A stream from the beginning of a file.
    pub(super) fn new(
        source: &str,
        path: &Path,
        file: File,
        metadata: &Metadata,
        generation: u32,
    ) -> io::Result<Self> {
        let head = identity::head(&file, metadata.len())?;
        Ok(Self {
            identity: identity::identity(source, metadata, generation, head),
            path: path.to_owned(),
            first_path: path.to_owned(),
            name: path.to_string_lossy().into(),
            inode: Inode::of(metadata),
            generation,
            head,
            file: Some(file),
            offset: 0,
            before: Print::of(&[]),
            framer: None,
            is_flushed: true,
            restart: Restart::default(),
            tracker: Arc::default(),
            changed: Instant::now(),
            modified: (0, 0),
            is_gone: false,
            seen: 0,
        })
    }

    /// A stream of the last time, whose file is not found yet.
    pub(super) fn remembered(stream: &state::Stream) -> Self {
        let mark = stream.mark();
        Self {
            identity: u64::from_str_radix(&stream.identity, 16).unwrap_or_default(),
            path: stream.path.clone(),
            first_path: stream.path.clone(),
            name: stream.path.to_string_lossy().into(),
            inode: Inode { device: stream.device, number: stream.inode },
            generation: stream.generation,
            head: Print { len: stream.head_len, hash: stream.head_hash },
            file: None,
            offset: stream.offset,
            before: mark.before,
            framer: None,
            is_flushed: true,
            restart: mark.restart.clone(),
            tracker: Arc::new(Tracker::new(Some(mark))),
            changed: Instant::now(),
            modified: (0, 0),
            is_gone: true,
            seen: stream.seen,
        }
    }

    /// Whether a file goes on with what was read of this stream.
    pub(super) fn is_continued_by(&self, file: &File, metadata: &Metadata) -> io::Result<bool> {
        Ok(metadata.len() >= self.offset
            && identity::has_head(file, self.head)?
            && identity::has_before(file, self.offset, self.before)?)
    }

    /// Goes on in this file.
    pub(super) fn attach(&mut self, path: &Path, file: File, metadata: &Metadata) {
        self.inode = Inode::of(metadata);
        self.file = Some(file);
        self.is_gone = false;
        self.moved(path);
    }

    /// Its file is another one's now, or was cut; a copy of it may turn up.
    pub(super) fn lose(&mut self) {
        self.file = None;
        self.inode = Inode { device: 0, number: 0 };
        self.is_gone = true;
        self.changed = Instant::now();
    }

    /// The file is found under this name.
    pub(super) fn moved(&mut self, path: &Path) {
        if self.path != path {
            self.path = path.to_owned();
            self.name = path.to_string_lossy().into();
            self.changed = Instant::now();
        }
    }

    /// Whether its last line may be waited for in vain.
    pub(super) fn is_rotated(&self) -> bool {
        self.is_gone || self.path != self.first_path
    }

    /// Whether the end of a line or document is waited for.
    pub(super) fn is_partial(&self) -> bool {
        self.framer.is_some()
    }

    /// Bytes of the file that are not read yet.
    pub(super) fn lag(&self) -> u64 {
        let size = self.file.as_ref().and_then(|file| file.metadata().ok()).map_or(0, |m| m.len());
        size.saturating_sub(self.offset)
    }

    fn stream(&self, feed: &Feed) -> Stream {
        Stream {
            source: Arc::clone(&feed.source),
            name: Arc::clone(&self.name),
            identity: self.identity,
            can_replay: true,
            is_awaited: false,
        }
    }

    /// Reads on, once.
    pub(super) fn look(&mut self, feed: &mut Feed, buffer: &mut [u8]) -> io::Result<Look> {
        let Some(file) = &self.file else { return Ok(Look::Nothing) };
        let metadata = file.metadata()?;
        let modified = (metadata.mtime(), metadata.mtime_nsec());
        let is_modified = std::mem::replace(&mut self.modified, modified) != modified;
        if metadata.len() < self.offset {
            return Ok(Look::Cut);
        }
        if metadata.len() == self.offset && !is_modified {
            return self.flush(feed);
        }
        let n = file.read_at(buffer, self.offset)?;
        // Only now: what was read belongs to the stream if what was in front of it still is there.
        if !identity::has_before(file, self.offset, self.before)? || !identity::has_head(file, self.head)? {
            return Ok(Look::Cut);
        }
        if n == 0 {
            return self.flush(feed);
        }
        let offset = self.offset + n as u64;
        let head = match u64::from(self.head.len) < HEAD {
            true => identity::head(file, offset)?,
            false => self.head,
        };
        (self.head, self.before, self.offset) = (head, identity::before(file, offset)?, offset);
        self.changed = Instant::now();
        let mut framer = match self.framer.take() {
            Some(framer) => framer,
            None => match Framer::new(&feed.config) {
                Ok(mut framer) => {
                    framer.resume(self.restart.clone());
                    framer.set_source(&self.name);
                    Box::new(framer)
                }
                Err(e) => {
                    feed.alarm.ring(&e.to_string());
                    return Ok(Look::Stopped);
                }
            },
        };
        framer.push(&buffer[..n]);
        self.is_flushed = n < buffer.len();
        if self.is_flushed {
            // The writer pauses; what is complete goes out.
            framer.flush();
        }
        let is_well = self.drain(feed, framer);
        Ok(if is_well { Look::Read(!self.is_flushed) } else { Look::Stopped })
    }

    fn flush(&mut self, feed: &mut Feed) -> io::Result<Look> {
        if self.is_flushed {
            return Ok(Look::Nothing);
        }
        self.is_flushed = true;
        let Some(mut framer) = self.framer.take() else { return Ok(Look::Nothing) };
        framer.flush();
        Ok(if self.drain(feed, framer) { Look::Read(false) } else { Look::Stopped })
    }

    fn drain(&mut self, feed: &mut Feed, mut framer: Box<Framer>) -> bool {
        let stream = self.stream(feed);
        let tracker = Arc::clone(&self.tracker);
        let is_well = feed.drain(&mut framer, &stream, &tracker, &mut |framer| self.mark(framer.restart()));
        self.restart = framer.restart().clone();
        let is_idle = self.is_flushed && self.restart.offset == self.offset;
        self.framer = (!is_idle).then_some(framer);
        is_well
    }

    /// Where to go on at this place.
    fn mark(&self, restart: &Restart) -> Option<Mark> {
        let before = match &self.file {
            _ if restart.offset == self.offset => self.before,
            Some(file) => identity::before(file, restart.offset).ok()?,
            None => return None,
        };
        Some(Mark { restart: restart.clone(), before, is_end: false })
    }

    /// Nothing more comes: what was waited for is taken as it is. `false` where nothing more can be
    /// normalized.
    pub(super) fn finish(&mut self, feed: &mut Feed) -> bool {
        let Some(mut framer) = self.framer.take() else { return true };
        framer.finish();
        let stream = self.stream(feed);
        let tracker = Arc::clone(&self.tracker);
        let is_well = feed.drain(&mut framer, &stream, &tracker, &mut |framer| self.mark(framer.restart()));
        self.restart = framer.restart().clone();
        is_well
    }

    /// For an archive that may be its copy.
    pub(super) fn original(&self) -> super::Original {
        super::Original {
            head: self.head,
            offset: self.offset,
            before: self.before,
            is_open: self.file.is_some(),
            restart: self.restart.clone(),
            identity: self.identity,
        }
    }

    /// For the checkpoint.
    pub(super) fn shelved(&self) -> Shelved {
        let stream = state::Stream {
            identity: format!("{:016x}", self.identity),
            path: self.path.clone(),
            device: self.inode.device,
            inode: self.inode.number,
            generation: self.generation,
            head_len: self.head.len,
            head_hash: self.head.hash,
            before_len: 0,
            before_hash: Print::of(&[]).hash,
            seen: self.seen,
            ..state::Stream::default()
        };
        Shelved { stream, tracker: Arc::clone(&self.tracker) }
    }
}
