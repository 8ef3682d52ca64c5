//! The queue.

mod reader;
mod state;
mod writer;

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use self::{
    reader::{Found, Reader},
    state::{Contents, State},
    writer::Pooled,
};
use crate::{
    disk::{Disk, DiskFile},
    error::{Error, Kind},
    frame::{HEAD, Head, MAX_META, MAX_PAGE},
    progress::{self, Progress},
    quarantine,
    segment::Name,
};

pub(crate) use self::state::segments;

/// The place of a page in its queue. Later pages have higher ones.
pub type Sequence = u64;

/// When a full disk is tried again: nobody tells when others make room.
const TRY_AGAIN: Duration = Duration::from_millis(250);

/// How a queue works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Bytes on disk from which on pages are refused. A page that is larger is taken where there is
    /// no other.
    pub limit: u64,
    /// Bytes from which on another segment begins; no more than an eighth of the limit. What is
    /// acknowledged takes room until its segment ends.
    pub segment: u64,
    /// Bytes of records that are enough for a commit.
    pub group_bytes: u64,
    /// How long a page waits for others to share a commit with.
    pub group_wait: Duration,
    /// Pages that may be read and not yet acknowledged.
    pub in_flight: usize,
    /// The level of zstd.
    pub level: i32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            limit: 10 << 30,
            segment: 32 << 20,
            group_bytes: 4 << 20,
            group_wait: Duration::from_millis(5),
            in_flight: 64,
            level: 1,
        }
    }
}

impl Options {
    fn segment(&self) -> u64 {
        self.segment.min(self.limit / 8)
    }
}

/// A page that is read.
#[derive(Clone, PartialEq, Eq)]
pub struct Page {
    /// Its place, to acknowledge it by.
    pub sequence: Sequence,
    /// Milliseconds since 1970 when it was appended.
    pub written: u64,
    /// How many records it has, as the caller said.
    pub records: u32,
    /// What the caller keeps beside the records.
    pub meta: Vec<u8>,
    /// The records.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page")
            .field("sequence", &self.sequence)
            .field("records", &self.records)
            .field("meta", &self.meta.len())
            .field("bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

/// What a queue holds, and what has happened since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Bytes of its segments.
    pub bytes: u64,
    /// Bytes from which on it refuses pages.
    pub limit: u64,
    /// Pages that are not acknowledged; of segments from before a restart, no fewer than there are.
    pub pages: u64,
    /// Those of them that are read.
    pub in_flight: usize,
    /// When the oldest page that is read and not acknowledged was appended, in milliseconds since
    /// 1970.
    pub oldest: Option<u64>,
    /// Pages that were lost because their bytes are damaged.
    pub quarantined: u64,
    /// Bytes that were written when the machine stopped, and were cut off.
    pub truncated: u64,
    /// Commits that the disk did not keep.
    pub failed_commits: u64,
    /// Segments that are acknowledged and could not be deleted yet.
    pub undeleted: usize,
}

/// A queue of pages on a disk.
pub struct Queue<D: Disk> {
    disk: D,
    state: Mutex<State<D::File>>,
    /// Something is to be committed, or the queue is closed.
    appended: Condvar,
    /// Something was committed, or failed to be, or the queue is closed.
    committed: Condvar,
    /// Room was made, or the queue is closed.
    freed: Condvar,
    /// Commits go one after another.
    committing: Mutex<()>,
    reader: Mutex<Reader<D::File>>,
    progress: Mutex<Progress<D::File>>,
    compressors: Mutex<Vec<Pooled>>,
    _lock: D::Lock,
}

impl<D: Disk> Queue<D> {
    /// Opens a queue, or makes one. Only another process, a disk that can't be read, and files of a
    /// later version keep it from opening.
    pub fn open(disk: D, options: Options) -> Result<Self, Error> {
        let lock = disk.lock().map_err(|e| Error::file("lock", "lock the buffer", &e))?.ok_or_else(|| {
            Error::new(
                Kind::InUse,
                "the buffer is in use by another process; stop that one, or use another state_dir",
            )
        })?;
        let mut progress = Progress::load(&disk);
        let found = Contents::look(&disk)?;
        let mut state = State {
            segments: VecDeque::new(),
            doomed: Vec::new(),
            stored: 0,
            next: 1,
            settled: 0,
            failures: Vec::new(),
            done: progress.saved().unwrap_or(0),
            in_flight: VecDeque::new(),
            are_names_dirty: false,
            waiting: 0,
            waiting_since: None,
            is_closed: false,
            frees: 0,
            quarantine_room: quarantine::LIMIT.saturating_sub(found.quarantined),
            quarantined: 0,
            truncated: 0,
            failed_commits: 0,
            options,
        };
        state.load(&disk, &found.segments)?;
        // Without it, pages would come again, which is no reason to refuse to start.
        let _ = progress.save(&disk, state.done);
        let skip = state.done;
        let queue = Self {
            disk,
            state: Mutex::new(state),
            appended: Condvar::new(),
            committed: Condvar::new(),
            freed: Condvar::new(),
            committing: Mutex::new(()),
            reader: Mutex::new(Reader { current: None, skip }),
            progress: Mutex::new(progress),
            compressors: Mutex::new(Vec::new()),
            _lock: lock,
        };
        queue.sweep();
        Ok(queue)
    }

    /// Appends a page, which is not durable before the next commit. `meta` is kept beside the
    /// records. Where it fails, the page was not taken.
    pub fn append(&self, meta: &[u8], bytes: &[u8], records: u32) -> Result<Sequence, Error> {
        if bytes.len() > MAX_PAGE || meta.len() > MAX_META {
            return Err(Error::new(
                Kind::TooLarge,
                format!(
                    "a page of {} bytes with {} bytes beside them is larger than the {MAX_PAGE} and \
                     {MAX_META} that a buffer takes",
                    bytes.len(),
                    meta.len()
                ),
            ));
        }
        let mut pooled = self.compressor()?;
        let result = pooled.frame(meta, bytes).and_then(|stored| {
            let total = HEAD + meta.len() + stored;
            let head = Head {
                sequence: 0,
                written: self.disk.now(),
                records,
                plain: bytes.len() as u32,
                stored: stored as u32,
                meta: meta.len() as u32,
                checksum: crc32fast::hash(&pooled.bytes[HEAD..total]),
            };
            self.write(head, &mut pooled.bytes[..total])
        });
        self.give_back(pooled);
        result
    }

    /// Makes durable what was appended before. All up to the sequence it returns are, but those
    /// that an earlier commit failed for.
    pub fn commit(&self) -> Result<Sequence, Error> {
        let _turn = self.committing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = self.state();
        let through = state.next - 1;
        let waiting = state.waiting;
        let names = state.are_names_dirty;
        let files: Vec<(Name, u64, Arc<D::File>)> = state
            .segments
            .iter()
            .filter(|segment| segment.durable < segment.len)
            .filter_map(|segment| Some((segment.name, segment.len, Arc::clone(segment.file.as_ref()?))))
            .collect();
        if files.is_empty() {
            state.settled = through;
            state.waiting = 0;
            state.waiting_since = None;
            return Ok(through);
        }
        state.are_names_dirty = false;
        // Of what comes from now on the oldest is no older than this.
        state.waiting_since = Some(Instant::now());
        drop(state);
        let mut result = Ok(());
        for (name, _, file) in &files {
            result = file.sync().map_err(|e| Error::file(&name.text(), "sync the buffer", &e));
            if result.is_err() {
                break;
            }
        }
        if result.is_ok() && names {
            result = self.disk.sync_names().map_err(|e| Error::file("buffer", "sync the folder", &e));
        }
        let mut state = self.state();
        let result = match result {
            Ok(()) => {
                state.keep(&files);
                state.waiting -= waiting;
                if state.waiting == 0 {
                    state.waiting_since = None;
                }
                state.settled = through;
                Ok(through)
            }
            Err(error) => {
                state.are_names_dirty |= names;
                state.give_up(&error)
            }
        };
        drop(state);
        self.committed.notify_all();
        if result.is_err() {
            self.sweep();
        }
        result
    }

    /// Waits until a page is durable; [`Kind::NotKept`] where the disk failed to keep it.
    pub fn wait_durable(&self, sequence: Sequence) -> Result<(), Error> {
        let mut state = self.state();
        while state.settled < sequence {
            if state.is_closed {
                return Err(closed());
            }
            state = self.committed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.is_kept(sequence)
    }

    /// Whether a page is durable; `None` as long as that is not known.
    pub fn is_durable(&self, sequence: Sequence) -> Option<Result<(), Error>> {
        let state = self.state();
        (state.settled >= sequence).then(|| state.is_kept(sequence))
    }

    /// The next durable page; `None` where there is none now, or too many are not acknowledged.
    pub fn next(&self) -> Result<Option<Page>, Error> {
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let found = self.read(&mut reader)?;
            self.sweep();
            match found {
                Found::Page(page) => return Ok(Some(page)),
                Found::Nothing => {}
                Found::Empty => return Ok(None),
            }
        }
    }

    /// As [`Queue::next`], and waits for a page no longer than this. Acknowledgements wake it, too.
    pub fn next_within(&self, most: Duration) -> Result<Option<Page>, Error> {
        let end = Instant::now() + most;
        loop {
            let before = {
                let state = self.state();
                (state.settled, state.in_flight.len(), state.is_closed)
            };
            if let Some(page) = self.next()? {
                return Ok(Some(page));
            }
            let mut state = self.state();
            while (state.settled, state.in_flight.len(), state.is_closed) == before {
                let left = end.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Ok(None);
                }
                state = self.committed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
            }
            if state.is_closed {
                return Ok(None);
            }
        }
    }

    /// Whether no page is read before one that was is acknowledged.
    pub fn awaits_acknowledgement(&self) -> bool {
        let state = self.state();
        state.in_flight.len() >= state.options.in_flight
    }

    /// A page's destination has it for good, or will never take it.
    pub fn acknowledge(&self, sequence: Sequence) {
        let mut state = self.state();
        let Ok(index) = state.in_flight.binary_search_by_key(&sequence, |page| page.sequence) else {
            // It was acknowledged before, or is to be read again.
            return;
        };
        state.in_flight[index].is_done = true;
        while state.in_flight.front().is_some_and(|page| page.is_done) {
            let page = state.in_flight.pop_front().expect("there is one");
            state.done = page.through;
        }
        state.doom();
        drop(state);
        self.sweep();
        self.committed.notify_all();
    }

    /// Gives out again what is not acknowledged, as after a restart.
    pub fn rewind(&self) {
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = self.state();
        state.in_flight.clear();
        *reader = Reader { current: None, skip: state.done };
        drop(state);
        self.committed.notify_all();
    }

    /// Makes durable what is acknowledged. What is acknowledged later comes again after a crash.
    pub fn save_progress(&self) -> Result<(), Error> {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let done = self.state().done;
        self.sweep();
        progress
            .save(&self.disk, done)
            .map_err(|e| Error::file(progress::FILE, "save what is acknowledged", &e))
    }

    /// As [`Queue::append`], and where there is no room waits for some, no longer than this.
    pub fn append_within(
        &self,
        meta: &[u8],
        bytes: &[u8],
        records: u32,
        most: Duration,
    ) -> Result<Sequence, Error> {
        let end = Instant::now() + most;
        loop {
            let before = self.state().frees;
            let error = match self.append(meta, bytes, records) {
                Err(error) if error.kind() == Kind::Full => error,
                result => return result,
            };
            let left = end.saturating_duration_since(Instant::now()).min(TRY_AGAIN);
            if left.is_zero() {
                return Err(error);
            }
            let state = self.state();
            let is_full = |state: &mut State<D::File>| state.frees == before && !state.is_closed;
            drop(self.freed.wait_timeout_while(state, left, is_full));
        }
    }

    /// Another limit. What is more than that stays, and no more is taken.
    pub fn set_limit(&self, limit: u64) {
        let mut state = self.state();
        state.options.limit = limit;
        state.frees += 1;
        drop(state);
        self.freed.notify_all();
    }

    /// What it holds.
    pub fn stats(&self) -> Stats {
        let state = self.state();
        Stats {
            bytes: state.stored,
            limit: state.options.limit,
            pages: state.pages(),
            in_flight: state.in_flight.len(),
            oldest: state.in_flight.front().map(|page| page.written),
            quarantined: state.quarantined,
            truncated: state.truncated,
            failed_commits: state.failed_commits,
            undeleted: state.doomed.len(),
        }
    }

    /// Takes no more pages, makes durable what it has, and ends all waiting. What is in it stays.
    pub fn close(&self) -> Result<(), Error> {
        self.state().is_closed = true;
        let committed = self.commit();
        self.appended.notify_all();
        self.committed.notify_all();
        self.freed.notify_all();
        let saved = self.save_progress();
        committed.and(saved)
    }

    /// Waits until a commit is due; false where the queue is closed.
    pub(crate) fn wait_for_work(&self) -> bool {
        let mut state = self.state();
        loop {
            if state.is_closed {
                return false;
            }
            let Some(since) = state.waiting_since.filter(|_| state.waiting > 0) else {
                state = self.appended.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = state.options.group_wait.saturating_sub(since.elapsed());
            if left.is_zero() || state.waiting >= state.options.group_bytes {
                return true;
            }
            state = self.appended.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn state(&self) -> MutexGuard<'_, State<D::File>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<D: Disk> fmt::Debug for Queue<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Queue").field(&self.stats()).finish()
    }
}

fn closed() -> Error {
    Error::new(Kind::Closed, "the buffer is closed")
}
