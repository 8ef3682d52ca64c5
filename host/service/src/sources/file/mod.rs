//! Files: those that grow, and archives.
//!
//! Files are looked at again and again, as no other way works on every file system. A stream is what
//! was written to one file from its first byte on, whatever the file is called now: it is known
//! again by its device and number, by how it begins, and by what lies in front of the place that was
//! reached. So a file that was renamed is gone on with; one that was cut, or whose number is used
//! again, is a new stream; and a copy of a file that was cut afterwards goes on where the file ended.
//!
//! The end of a live file is never taken for the end of its last line. That of a file that was renamed,
//! deleted or cut is, when nothing came for a while.

mod archive;
mod identity;
mod tail;

use std::{
    collections::{HashMap, HashSet},
    fs::{File, Metadata},
    io, iter,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant, SystemTime},
};

use crossbeam_channel::{Receiver, Sender, unbounded};
use schemars::JsonSchema;
use serde::Deserialize;
use weir_io::Beginning;

use self::{
    archive::{Archive, End, Original},
    identity::Inode,
    tail::{Look, Tail},
};
use crate::{
    config::{fault::Fault, values::Span},
    feed::{Feed, Shelved},
    state,
    tracker::Print,
};

/// `type = "file"`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Options {
    /// Patterns of paths, such as "/var/log/lts/*.log*"; `**` stands for any folders. Relative ones are of
    /// the folder that the process is started in
    pub paths: Vec<String>,
    /// Patterns of paths that are left out
    pub exclude: Vec<String>,
    /// How often files are looked at
    pub poll: Span,
    /// How long a file that was renamed or deleted is waited for, before its last line is taken for
    /// whole; and how long a file that looks like the copy of another one is held back
    pub rotate_wait: Span,
    /// How many files are kept open
    pub max_open: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            paths: Vec::new(),
            exclude: Vec::new(),
            poll: Span(Duration::from_millis(500)),
            rotate_wait: Span(Duration::from_secs(5)),
            max_open: 512,
        }
    }
}

impl super::Options for Options {
    fn check(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        if self.paths.is_empty() {
            faults.push(Fault::at(["paths"], "name at least one pattern, such as \"/var/log/flow/*.log*\""));
        }
        for (key, patterns) in [("paths", &self.paths), ("exclude", &self.exclude)] {
            for (item, pattern) in patterns.iter().enumerate() {
                let wrong = match glob::Pattern::new(pattern) {
                    Err(e) => format!("{pattern:?} is no pattern: {} at {}", e.msg, e.pos),
                    Ok(_) if pattern.is_empty() => "an empty pattern finds no file; leave it out".to_owned(),
                    Ok(_) => continue,
                };
                faults.push(Fault::at([key], wrong).of_item(item));
            }
        }
        if self.poll.0.is_zero() {
            faults.push(Fault::at(["poll"], "expected at least \"1ms\""));
        }
        if self.max_open == 0 {
            faults.push(Fault::at(["max_open"], "expected at least 1"));
        }
        faults
    }
}

/// A path that a pattern finds, or one that can't be looked into, and why.
type Named = Result<PathBuf, (PathBuf, io::Error)>;

/// The paths that a pattern finds; what is not there is none. Only one with `**` may go through links for
/// ever, so it follows none to folders.
fn paths(pattern: &str) -> Box<dyn Iterator<Item = Named> + '_> {
    let is_there = |found: &Named| !matches!(found, Err((_, e)) if e.kind() == io::ErrorKind::NotFound);
    if !pattern.contains("**") {
        let found = |found: glob::GlobResult| {
            found.map_err(|e| (e.path().to_owned(), io::Error::from(e.error().kind())))
        };
        return match glob::glob(pattern) {
            Ok(paths) => Box::new(paths.map(found).filter(is_there)),
            Err(_) => Box::new(std::iter::empty()),
        };
    }
    // As in patterns without `**`.
    let options = glob::MatchOptions { require_literal_separator: true, ..Default::default() };
    let found = move |found: Result<weir_io::Found, weir_io::Error>| match found {
        Ok(found) => Ok(found.path),
        Err(e) => Err((PathBuf::from(pattern), io::Error::new(kind_of(&e), e))),
    };
    match weir_io::found(pattern, options) {
        Ok(all) => Box::new(all.map(found).filter(is_there)),
        Err(_) => Box::new(std::iter::empty()),
    }
}

/// What kind of error of the system led to this one.
fn kind_of(error: &(dyn std::error::Error + 'static)) -> io::ErrorKind {
    let mut led = iter::successors(Some(error), |error| error.source());
    led.find_map(|error| error.downcast_ref::<io::Error>()).map_or(io::ErrorKind::Other, io::Error::kind)
}

/// What is done with a folder of a pattern, as faults tell it.
const LOOK_INTO: &str = "look into";

/// What is read of a file at a time, in bytes.
const PIECE: usize = 256 << 10;

/// How many pieces of one file are read before it is the next one's turn.
const PIECES: usize = 16;

/// A file that is gone is remembered for so long, for its copies and archives.
const REMEMBERED: Duration = Duration::from_secs(24 * 3600);

/// How many files that are gone are remembered at most.
const MOST_REMEMBERED: usize = 10_000;

/// A copy appears at most so many times `rotate_wait` after its original was cut or went away.
const COPY_WAITS: u32 = 12;

/// Reads files until it is told to stop, or once.
pub(crate) fn run(options: &Options, feed: Feed, remembered: &[state::Stream]) {
    let reader = feed.another();
    let (jobs, work) = unbounded();
    let (done, ends) = unbounded();
    let archives =
        thread::Builder::new().name("archives".into()).spawn(move || read_archives(reader, &work, &done));
    let archives = match archives {
        Ok(handle) => handle,
        Err(e) => {
            feed.alarm.ring(&format!("can't start a thread: {e}"));
            return;
        }
    };
    let mut files = Files {
        options,
        tails: Vec::new(),
        archives: HashMap::new(),
        held: HashMap::new(),
        jobs: Some(jobs),
        ends,
        reading: HashMap::new(),
        generations: HashMap::new(),
        broken: HashSet::new(),
        feed,
    };
    for stream in remembered {
        if stream.is_archive {
            let archive = Archive::remembered(stream);
            files.archives.insert(archive.inode, Some(archive));
        } else {
            files.tails.push(Tail::remembered(stream));
        }
    }
    files.run();
    files.jobs = None;
    // It ends at its next look at the word to stop, or when it has no more to do.
    let _ = archives.join();
    files.collect();
    files.show();
}

type Job = (Archive, Vec<Original>);

fn read_archives(mut feed: Feed, jobs: &Receiver<Job>, done: &Sender<(Archive, End)>) {
    for (mut archive, originals) in jobs {
        let end = if feed.stop.is_told() { End::Stopped } else { archive.read(&mut feed, &originals) };
        if done.send((archive, end)).is_err() {
            return;
        }
    }
}

struct Files<'a> {
    options: &'a Options,
    feed: Feed,
    tails: Vec<Tail>,
    /// `None` while one is read.
    archives: HashMap<Inode, Option<Archive>>,
    /// Files that may be copies, and since when they are held back.
    held: HashMap<Inode, Instant>,
    jobs: Option<Sender<Job>>,
    ends: Receiver<(Archive, End)>,
    /// Archives that are read or wait for it, for the checkpoint.
    reading: HashMap<Inode, Shelved>,
    /// How often a file was begun anew, by its number.
    generations: HashMap<Inode, u32>,
    /// What can't be opened, and was told.
    broken: HashSet<PathBuf>,
}

impl Files<'_> {
    fn run(&mut self) {
        for pattern in self.options.paths.iter().filter(|pattern| paths(pattern).next().is_none()) {
            let what = match self.feed.once {
                true => "no file matches this pattern, so that nothing is read of it; check the path",
                false => "no file matches this pattern yet; it is looked for again and again",
            };
            tracing::warn!(source = %self.feed.source, pattern, "{what}");
        }
        let mut buffer = vec![0; PIECE];
        let mut next_scan = Instant::now();
        while !self.feed.stop.is_told() {
            if Instant::now() >= next_scan {
                self.scan();
                next_scan = Instant::now() + self.options.poll.0;
            }
            let Some(is_busy) = self.read(&mut buffer) else { break };
            self.collect();
            if is_busy {
                continue;
            }
            if self.feed.once && self.held.is_empty() && self.reading.is_empty() {
                self.scan();
                if self.read(&mut buffer) == Some(false) && self.reading.is_empty() {
                    for at in 0..self.tails.len() {
                        if !self.tails[at].finish(&mut self.feed) {
                            break;
                        }
                    }
                    break;
                }
                continue;
            }
            self.settle();
            self.show();
            let pause = next_scan.saturating_duration_since(Instant::now());
            if self.reading.is_empty() || !self.feed.once {
                self.feed.stop.wait(pause);
            } else if let Ok((archive, end)) = self.ends.recv_timeout(pause) {
                self.take_back(archive, end);
            }
        }
    }

    /// Reads some of each file; whether there may be more at once. `None` where it is time to stop.
    fn read(&mut self, buffer: &mut [u8]) -> Option<bool> {
        let mut is_busy = false;
        let mut cut = Vec::new();
        for at in 0..self.tails.len() {
            for _ in 0..PIECES {
                if !self.feed.has_room() {
                    return None;
                }
                let tail = &mut self.tails[at];
                match tail.look(&mut self.feed, buffer) {
                    Ok(Look::Nothing) => break,
                    Ok(Look::Read(true)) => is_busy = true,
                    Ok(Look::Read(false)) => break,
                    Ok(Look::Cut) => {
                        cut.push(at);
                        break;
                    }
                    Ok(Look::Stopped) => return None,
                    Err(e) => {
                        let path = tail.path.clone();
                        self.tell(&path, "read", &e);
                        break;
                    }
                }
            }
        }
        for at in cut {
            is_busy = true;
            self.begin_anew(at);
        }
        Some(is_busy)
    }

    /// A file was cut: what was read of it is a stream that is gone, and the file is a new one.
    fn begin_anew(&mut self, at: usize) {
        let tail = &mut self.tails[at];
        let Some(file) = tail.file.take() else { return };
        tail.lose();
        let (path, generation) = (tail.path.clone(), tail.generation + 1);
        tracing::info!(source = %self.feed.source, path = %path.display(), "the file was cut; it is read from its beginning");
        let new = file.metadata().and_then(|m| Tail::new(&self.feed.source, &path, file, &m, generation));
        match new {
            Ok(new) => self.tails.push(new),
            Err(e) => self.tell(&path, "read", &e),
        }
    }

    fn tell(&mut self, path: &Path, doing: &str, error: &io::Error) {
        if self.broken.len() < MOST_REMEMBERED && self.broken.insert(path.to_owned()) {
            let what = if doing == LOOK_INTO { "folder" } else { "file" };
            tracing::warn!(source = %self.feed.source, path = %path.display(), %error, "can't {doing} a {what}");
        }
        self.feed.metrics.unreadable(doing);
    }

    /// The files that the patterns find, each once.
    fn found(&mut self) -> Vec<(PathBuf, Metadata)> {
        let mut found = Vec::new();
        let mut inodes = HashSet::new();
        let excluded: Vec<_> =
            self.options.exclude.iter().filter_map(|p| glob::Pattern::new(p).ok()).collect();
        for pattern in &self.options.paths {
            for path in paths(pattern) {
                let path = match path {
                    Ok(path) => path,
                    Err((path, e)) => {
                        self.tell(&path, LOOK_INTO, &e);
                        continue;
                    }
                };
                if excluded.iter().any(|pattern| pattern.matches_path(&path)) {
                    continue;
                }
                let Ok(metadata) = path.metadata() else { continue };
                if metadata.is_file() && inodes.insert(Inode::of(&metadata)) {
                    found.push((path, metadata));
                }
            }
        }
        found
    }

    /// Finds what is new, what has another name, and what is gone.
    fn scan(&mut self) {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_secs());
        // By the hour, so that the progress of files that rest stays as it is written.
        let now = now - now % 3600;
        let found = self.found();
        let inodes: HashMap<Inode, &Path> =
            found.iter().map(|(path, metadata)| (Inode::of(metadata), path.as_path())).collect();
        for tail in self.tails.iter_mut().filter(|tail| tail.file.is_some() || !tail.is_gone) {
            match inodes.get(&tail.inode) {
                Some(path) => {
                    tail.is_gone = false;
                    tail.moved(path);
                    tail.seen = now;
                }
                None if !tail.is_gone => {
                    tail.is_gone = true;
                    tail.changed = Instant::now();
                }
                None => {}
            }
        }
        for archive in self.archives.values_mut().flatten() {
            archive.is_missing = !inodes.contains_key(&archive.inode);
            if !archive.is_missing {
                archive.seen = now;
            }
        }
        self.held.retain(|inode, _| inodes.contains_key(inode));
        self.generations.retain(|inode, _| inodes.contains_key(inode));
        // First those that are known by their numbers, as the others may be copies of what they were.
        let mut others = Vec::new();
        for (path, metadata) in &found {
            if !self.is_known(path, metadata, now) {
                others.push((path, metadata));
            }
        }
        for (path, metadata) in others {
            if let Err(e) = self.meet(path, metadata, now) {
                self.tell(path, "read", &e);
            }
        }
        self.forget(now);
    }

    /// Whether a file is one that was met before; a closed one is opened where it has grown.
    fn is_known(&mut self, path: &Path, metadata: &Metadata, now: u64) -> bool {
        let inode = Inode::of(metadata);
        if let Some(known) = self.archives.get_mut(&inode) {
            // `None` is being read.
            let Some(archive) = known else { return true };
            let head = File::open(path).and_then(|file| identity::has_head(&file, archive.head));
            if matches!(head, Ok(true)) {
                archive.path = path.to_owned();
                let at = (metadata.len(), metadata.mtime(), metadata.mtime_nsec());
                if !archive.is_done && archive.cut_at != Some(at) {
                    archive.begun_at = Some(at);
                    self.start(inode);
                }
                return true;
            }
            self.archives.remove(&inode);
            *self.generations.entry(inode).or_default() += 1;
        }
        if self.tails.iter().any(|tail| tail.inode == inode && tail.file.is_some()) {
            return true;
        }
        let Some(at) = self.tails.iter().position(|tail| tail.inode == inode) else { return false };
        let tail = &mut self.tails[at];
        if !tail.is_gone && metadata.len() == tail.offset {
            // It is closed, and rests.
            return true;
        }
        let opened = File::open(path).and_then(|file| Ok((tail.is_continued_by(&file, metadata)?, file)));
        match opened {
            Ok((true, file)) => {
                tail.attach(path, file, metadata);
                tail.seen = now;
                true
            }
            Ok((false, _)) => {
                // The number is used again, or the file was cut; a copy may go on with it.
                self.generations.insert(inode, tail.generation + 1);
                tail.lose();
                false
            }
            Err(e) => {
                self.tell(path, "open", &e);
                true
            }
        }
    }

    /// Meets a file that is not known by its number.
    fn meet(&mut self, path: &Path, metadata: &Metadata, now: u64) -> io::Result<()> {
        let inode = Inode::of(metadata);
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if Inode::of(&metadata) != inode {
            // It was replaced just now; the next look finds what is there.
            return Ok(());
        }
        let generation = self.generations.get(&inode).copied().unwrap_or_default();
        let since = self.held.get(&inode).copied();
        let has_waited =
            self.feed.once || since.is_some_and(|since| since.elapsed() >= self.options.rotate_wait.0);
        match identity::beginning(&file, has_waited)? {
            Beginning::Compressed(_) => {
                self.held.remove(&inode);
                let mut archive = Archive::new(&self.feed.source, path, &file, &metadata, generation)?;
                archive.seen = now;
                archive.begun_at = Some((metadata.len(), metadata.mtime(), metadata.mtime_nsec()));
                self.archives.insert(inode, Some(archive));
                self.start(inode);
                return Ok(());
            }
            // It may become one, or is text of very few letters.
            Beginning::Unclear if metadata.len() > 0 => {
                self.held.entry(inode).or_insert_with(Instant::now);
                return Ok(());
            }
            Beginning::Foreign { what, remedy } => {
                self.held.remove(&inode);
                return Err(io::Error::other(format!("this is {what}, which is not read here; {remedy}")));
            }
            Beginning::Text | Beginning::Unclear => {}
        }
        let start = identity::start(&file)?;
        let window = self.options.rotate_wait.0 * COPY_WAITS;
        let mut may_be_copy = false;
        let mut original = None;
        for (at, tail) in self.tails.iter().enumerate() {
            // Most are told apart by how they begin, which needs no look at the file.
            let has_head = start.get(..tail.head.len as usize).map(Print::of) == Some(tail.head);
            if tail.offset == 0 || !has_head || !tail.is_continued_by(&file, &metadata)? {
                continue;
            }
            match (&tail.file, tail.is_gone) {
                (None, true) if tail.changed.elapsed() <= window => original = Some(at),
                (Some(_), _) => may_be_copy = true,
                _ => {}
            }
        }
        if let Some(at) = original {
            self.held.remove(&inode);
            tracing::info!(source = %self.feed.source, path = %path.display(), "the file goes on with one that is gone");
            let tail = &mut self.tails[at];
            tail.attach(path, file, &metadata);
            tail.seen = now;
            return Ok(());
        }
        if may_be_copy && !has_waited {
            // If the other one is cut soon, this is its copy; if not, it is a file of its own.
            self.held.entry(inode).or_insert_with(Instant::now);
            return Ok(());
        }
        self.held.remove(&inode);
        let mut tail = Tail::new(&self.feed.source, path, file, &metadata, generation)?;
        tail.seen = now;
        self.tails.push(tail);
        Ok(())
    }

    /// Hands an archive to who reads them.
    fn start(&mut self, inode: Inode) {
        let originals = self.tails.iter().filter(|tail| tail.offset > 0).map(Tail::original).collect();
        let Some(archive) = self.archives.get_mut(&inode).and_then(Option::take) else { return };
        self.reading.insert(inode, archive.shelved());
        if let Some(jobs) = &self.jobs {
            let _ = jobs.send((archive, originals));
        }
    }

    /// Takes back archives that were read.
    fn collect(&mut self) {
        while let Ok((archive, end)) = self.ends.try_recv() {
            self.take_back(archive, end);
        }
    }

    fn take_back(&mut self, mut archive: Archive, end: End) {
        {
            self.reading.remove(&archive.inode);
            match end {
                End::Done | End::Stopped => {}
                End::Copy => {
                    tracing::info!(source = %self.feed.source, path = %archive.path.display(), "the archive holds what was read before");
                }
                End::Continues(identity) => self.tails.retain(|tail| tail.identity != identity),
                End::CutShort => {
                    if self.feed.once {
                        tracing::warn!(source = %self.feed.source, path = %archive.path.display(), "the archive is cut short; what is whole of it is read");
                    } else if archive.cut_at.is_none() {
                        tracing::info!(source = %self.feed.source, path = %archive.path.display(), "the archive is cut short; it is waited for");
                    }
                    // What it was before it was read: it may be longer by now.
                    archive.cut_at = archive.begun_at;
                    self.feed.metrics.unreadable("cut");
                }
                End::Damaged(why) => {
                    tracing::warn!(source = %self.feed.source, "{why}");
                    self.feed.metrics.unreadable("damaged");
                }
            }
            self.archives.insert(archive.inode, Some(archive));
        }
    }

    /// Takes the last lines of files that are rotated and rest for whole, and closes what need not be
    /// open.
    fn settle(&mut self) {
        let wait = self.options.rotate_wait.0;
        for at in 0..self.tails.len() {
            let tail = &mut self.tails[at];
            if !tail.is_rotated() || tail.changed.elapsed() < wait {
                continue;
            }
            if tail.is_partial() && !tail.finish(&mut self.feed) {
                return;
            }
            if self.tails[at].is_gone {
                self.tails[at].file = None;
            }
        }
        let open = self.tails.iter().filter(|tail| tail.file.is_some()).count();
        let most = self.options.max_open as usize;
        if open > most {
            // Those that rest for the longest time, and can be opened again under their names.
            let mut resting: Vec<&mut Tail> =
                self.tails.iter_mut().filter(|t| t.file.is_some() && !t.is_gone && t.lag() == 0).collect();
            resting.sort_by_key(|tail| tail.changed);
            for tail in resting.into_iter().take(open - most) {
                tail.file = None;
            }
        }
    }

    /// Forgets what has been gone for long.
    fn forget(&mut self, now: u64) {
        let is_old = |seen: u64| now.saturating_sub(seen) > REMEMBERED.as_secs();
        self.tails.retain(|tail| {
            let is_over =
                tail.file.is_none() && tail.is_gone && !tail.is_partial() && tail.tracker.under_way() == 0;
            !(is_over && is_old(tail.seen))
        });
        let gone = self.tails.iter().filter(|tail| tail.file.is_none() && tail.is_gone).count();
        if gone > MOST_REMEMBERED {
            let mut left = gone - MOST_REMEMBERED;
            self.tails.retain(|tail| {
                let goes = left > 0 && tail.file.is_none() && tail.is_gone && tail.tracker.under_way() == 0;
                left -= usize::from(goes);
                !goes
            });
        }
        self.archives.retain(|_, archive| archive.as_ref().is_none_or(|a| !a.is_missing || !is_old(a.seen)));
    }

    /// Shows how far everything is.
    fn show(&self) {
        let streams = self.tails.iter().map(Tail::shelved);
        let archives = self.archives.values().flatten().map(Archive::shelved);
        let reading = self.reading.values().cloned();
        self.feed.shelf.put(streams.chain(archives).chain(reading).collect());
        let metrics = &self.feed.metrics;
        let open = self.tails.iter().filter(|tail| tail.file.is_some());
        metrics.files_open.set(open.clone().count().cast_signed() as i64);
        metrics.lag_bytes.set(open.clone().map(Tail::lag).sum::<u64>().cast_signed());
        let deleted = open.filter_map(|tail| tail.file.as_ref()?.metadata().ok()).filter(|m| m.nlink() == 0);
        metrics.deleted_open_bytes.set(deleted.map(|m| m.len()).sum::<u64>().cast_signed());
    }
}
