//! One compressed file, which is read once.

use std::{
    fs::{File, Metadata},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use weir_io::{Source, Watch};
use weir_normalizer::framing::Restart;

use super::identity::{self, BEFORE, HEAD, Inode};
use crate::{
    feed::{Feed, Shelved},
    sources::whole::{self, Fault, Whole, end},
    state,
    tracker::{Print, Tracker},
};

/// One archive.
pub(super) struct Archive {
    pub(super) identity: u64,
    pub(super) path: PathBuf,
    pub(super) inode: Inode,
    /// As it is compressed.
    pub(super) head: Print,
    /// Where it is gone on with, in what is in it.
    restart: Restart,
    tracker: Arc<Tracker>,
    pub(super) is_done: bool,
    /// Its size and time before it was read the last time.
    pub(super) begun_at: Option<(u64, i64, i64)>,
    /// The same of the time when it turned out to be cut short.
    pub(super) cut_at: Option<(u64, i64, i64)>,
    pub(super) is_missing: bool,
    pub(super) seen: u64,
}

/// Something that was read before and may be what is in an archive.
#[derive(Clone, Debug)]
pub(super) struct Original {
    pub(super) head: Print,
    pub(super) offset: u64,
    pub(super) before: Print,
    /// The file is still at hand, so that it is read to its end without the archive.
    pub(super) is_open: bool,
    pub(super) restart: Restart,
    pub(super) identity: u64,
}

/// What came of reading an archive.
#[derive(Debug)]
pub(super) enum End {
    Done,
    /// It is a copy of this one, whose file is at hand or was read to its end.
    Copy,
    /// It is a copy of this one, and goes on where that was lost.
    Continues(u64),
    CutShort,
    Damaged(String),
    Stopped,
}

impl From<whole::End> for End {
    fn from(end: whole::End) -> Self {
        match end {
            whole::End::Done => Self::Done,
            whole::End::CutShort => Self::CutShort,
            whole::End::Damaged(why) => Self::Damaged(why),
            whole::End::Stopped => Self::Stopped,
        }
    }
}

impl Archive {
    pub(super) fn new(
        source: &str,
        path: &Path,
        file: &File,
        metadata: &Metadata,
        generation: u32,
    ) -> io::Result<Self> {
        let head = identity::head(file, metadata.len())?;
        Ok(Self {
            identity: identity::identity(source, metadata, generation, head),
            path: path.to_owned(),
            inode: Inode::of(metadata),
            head,
            restart: Restart::default(),
            tracker: Arc::default(),
            is_done: false,
            begun_at: None,
            cut_at: None,
            is_missing: false,
            seen: 0,
        })
    }

    pub(super) fn remembered(stream: &state::Stream) -> Self {
        let mark = stream.mark();
        Self {
            identity: u64::from_str_radix(&stream.identity, 16).unwrap_or_default(),
            path: stream.path.clone(),
            inode: Inode { device: stream.device, number: stream.inode },
            head: Print { len: stream.head_len, hash: stream.head_hash },
            restart: mark.restart.clone(),
            is_done: mark.is_end,
            tracker: Arc::new(Tracker::new(Some(mark))),
            begun_at: None,
            cut_at: None,
            is_missing: true,
            seen: stream.seen,
        }
    }

    /// Reads all that is in it and was not read before.
    pub(super) fn read(&mut self, feed: &mut Feed, originals: &[Original]) -> End {
        if self.restart == Restart::default() {
            match self.find(originals) {
                Ok(None) => {}
                Ok(Some(original)) if original.is_open => {
                    self.end();
                    return End::Copy;
                }
                Ok(Some(original)) => {
                    // What was lost of it goes on here, as the same stream.
                    self.restart = original.restart.clone();
                    let end = self.read_on(feed);
                    return if matches!(end, End::Done) { End::Continues(original.identity) } else { end };
                }
                Err(fault) => return fault.end().into(),
            }
        }
        self.read_on(feed)
    }

    fn end(&mut self) {
        self.is_done = true;
        end(&self.tracker, &self.restart);
    }

    fn read_on(&mut self, feed: &mut Feed) -> End {
        let whole = Whole {
            source: Source::File(self.path.clone()),
            name: self.path.to_string_lossy().into(),
            identity: self.identity,
            tracker: &self.tracker,
        };
        let end = whole.read(feed, &mut self.restart);
        // What is cut short may be longer later.
        if matches!(end, whole::End::Done | whole::End::Damaged(_)) {
            self.end();
        }
        end.into()
    }

    /// Which of them is what is in it, or its beginning.
    fn find<'a>(&self, originals: &'a [Original]) -> Result<Option<&'a Original>, Fault> {
        if originals.is_empty() {
            return Ok(None);
        }
        let mut found = vec![false; originals.len()];
        let result = Source::File(self.path.clone()).each::<Fault>(&Watch::default(), &mut |input| {
            let input = input?;
            let mut buffer = vec![0; 64 << 10];
            // The last bytes that were seen, at least as many as are looked at.
            let mut window: Vec<u8> = Vec::new();
            let mut start = 0_u64;
            let mut open: Vec<usize> = (0..originals.len()).collect();
            let mut head: Vec<u8> = Vec::new();
            loop {
                let n = input.read(&mut buffer)?;
                window.extend_from_slice(&buffer[..n]);
                head.extend_from_slice(&buffer[..n.min(HEAD as usize - head.len())]);
                let end = start + window.len() as u64;
                open.retain(|index| {
                    let original = &originals[*index];
                    if original.offset > end {
                        return n > 0;
                    }
                    let at = (original.offset - start) as usize;
                    let from = at.saturating_sub(original.before.len as usize);
                    let has_head =
                        head.get(..original.head.len as usize).map(Print::of) == Some(original.head);
                    found[*index] = has_head && Print::of(&window[from..at]) == original.before;
                    false
                });
                if open.is_empty() || n == 0 {
                    return Err(Fault::Enough);
                }
                let keep = window.len().min(BEFORE as usize);
                start += (window.len() - keep) as u64;
                window.drain(..window.len() - keep);
            }
        });
        match result {
            // A copy is known by the most that it has in common.
            Ok(()) | Err(Fault::Enough) => Ok(originals
                .iter()
                .zip(found)
                .filter(|(_, found)| *found)
                .map(|(original, _)| original)
                .max_by_key(|original| original.offset)),
            Err(fault) => Err(fault),
        }
    }

    /// For the checkpoint.
    pub(super) fn shelved(&self) -> Shelved {
        let stream = state::Stream {
            identity: format!("{:016x}", self.identity),
            path: self.path.clone(),
            device: self.inode.device,
            inode: self.inode.number,
            head_len: self.head.len,
            head_hash: self.head.hash,
            is_archive: true,
            seen: self.seen,
            ..state::Stream::default()
        };
        Shelved { stream, tracker: Arc::clone(&self.tracker) }
    }
}
