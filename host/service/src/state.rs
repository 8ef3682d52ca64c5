//! What is remembered from one start to the next: how far each stream is done.
//!
//! One file, `progress`, in the state directory: a line with the version and the hash of what
//! follows, and JSON. It is written beside the old one, synced, and put in its place. What can't be read
//! is put aside, and everything is read from its beginning: records are doubled, and none is lost.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use rustix::{
    fs::FlockOperation,
    process::{Pid, Signal},
};
use serde::{Deserialize, Serialize};
use weir_normalizer::framing::Restart;

use crate::{
    error::Error,
    tracker::{Mark, Print},
};

const NAME: &str = "progress";
/// What came of the last reload; nothing depends on it but who asked.
const RELOAD: &str = "reload";
const VERSION: &str = "weir progress 1 ";
/// What the progress is called where others must not be taken for it.
const ID: &str = "id";

/// How far one stream is done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stream {
    /// Its name among all streams, in hexadecimal digits.
    pub identity: String,
    /// Where it was last seen.
    pub path: PathBuf,
    /// Its device and number there.
    pub device: u64,
    /// See `device`.
    pub inode: u64,
    /// How often the same file was begun anew.
    pub generation: u32,
    /// How many bytes of its beginning are known again by `head_hash`.
    pub head_len: u32,
    /// See `head_len`.
    pub head_hash: u64,
    /// The bytes that are done.
    pub offset: u64,
    /// The line there.
    pub line: u64,
    /// Whether that is behind a document on the same line.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub behind_document: bool,
    /// The header row in force there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<Vec<u8>>,
    /// How many bytes in front of the place are known again by `before_hash`.
    pub before_len: u32,
    /// See `before_len`.
    pub before_hash: u64,
    /// It is an archive, and its place one in what is in it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_archive: bool,
    /// An archive that is done to its end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_archive_done: bool,
    /// When it was last seen, in seconds of Unix time.
    pub seen: u64,
    /// What an object is known by, besides its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<Object>,
    /// It is no stream but how far a store was gone through.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "shared")]
    pub listing: Option<Arc<Listing>>,
}

/// What is behind an `Arc`, as if it were not.
mod shared {
    use super::{Arc, Deserialize, Listing, Serialize};

    pub(super) fn serialize<S: serde::Serializer>(
        listing: &Option<Arc<Listing>>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        listing.as_deref().serialize(to)
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Arc<Listing>>, D::Error> {
        Ok(Option::deserialize(from)?.map(Arc::new))
    }
}

/// What an object is known by, besides its name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// Changes with its bytes.
    pub etag: Option<String>,
    /// Its length in bytes.
    pub size: u64,
    /// When it was written, in milliseconds of Unix time.
    pub modified: i64,
}

/// How far a store was gone through. It is gone through again and again, in the order of keys; objects that
/// were begun and are behind the place have streams of their own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// The folder.
    pub url: String,
    /// The key up to which all is done; empty before the first.
    pub after: String,
    /// Objects that were written before this time are done, in milliseconds of Unix time.
    pub since: i64,
    /// When the latest object was written that was there before this time through.
    pub before: i64,
    /// The same of this time through, as far as it is.
    pub latest: i64,
    /// Objects that are done and were written later than what is known to be done: the hash of their names
    /// and etags, and when they were written.
    pub done: Vec<(u64, i64)>,
}

impl Stream {
    /// Where to go on.
    pub fn mark(&self) -> Mark {
        Mark {
            restart: Restart {
                offset: self.offset,
                line: self.line,
                behind_document: self.behind_document,
                header: self.header.clone(),
            },
            before: Print { len: self.before_len, hash: self.before_hash },
            is_end: self.is_archive_done,
        }
    }

    /// The same stream at another place.
    #[must_use]
    pub fn at(self, mark: &Mark) -> Self {
        Self {
            offset: mark.restart.offset,
            line: mark.restart.line,
            behind_document: mark.restart.behind_document,
            header: mark.restart.header.clone(),
            before_len: mark.before.len,
            before_hash: mark.before.hash,
            is_archive_done: mark.is_end,
            ..self
        }
    }
}

/// All streams of each feed, which is a source in a pipeline: `edge/lts`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// By feed.
    pub feeds: BTreeMap<String, Vec<Stream>>,
}

/// What came of reading the configuration again, for who asked for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reloaded {
    /// Tells it from those before it.
    pub(crate) id: u64,
    /// The hash of the configuration; `None` where that could not be read.
    pub(crate) hash: Option<u64>,
    /// Why it was refused, if it was.
    pub(crate) refused: Option<String>,
}

/// The state directory, which is this process's alone.
#[derive(Debug)]
pub struct State {
    folder: PathBuf,
    /// The lock ends with it.
    _lock: File,
}

impl State {
    /// Takes the directory, and makes it if it is not there.
    pub fn take(folder: &Path) -> Result<Self, Error> {
        fs::create_dir_all(folder).map_err(|e| Error::file(folder, "make the state directory", &e))?;
        let path = folder.join("lock");
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|e| Error::file(&path, "open the lock of the state directory", &e))?;
        if rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            let mut who = String::new();
            let _ = (&mut lock).take(20).read_to_string(&mut who);
            return Err(Error::usage(format!(
                "{}: another process{} works with this state directory; end it, or give this one \
                 a `state_dir` of its own",
                folder.display(),
                if who.trim().is_empty() { String::new() } else { format!(" ({})", who.trim()) },
            )));
        }
        let written = lock.set_len(0).and_then(|()| write!(lock, "{}", std::process::id()));
        written.map_err(|e| Error::file(&path, "write", &e))?;
        Ok(Self { folder: folder.to_owned(), _lock: lock })
    }

    /// A name that no other state directory has, and that this one keeps.
    pub fn name(&self) -> Result<String, Error> {
        let path = self.folder.join(ID);
        match fs::read_to_string(&path) {
            Ok(name) if name.len() == 17 && name.trim_end().bytes().all(|b| b.is_ascii_hexdigit()) => {
                return Ok(name.trim_end().to_owned());
            }
            // Damaged, or not there.
            Ok(_) => {}
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidData) => {}
            Err(e) => return Err(Error::file(&path, "read", &e)),
        }
        let name = format!("{:016x}", nonce());
        let written = (|| {
            let new = self.folder.join(format!("{ID}.new"));
            let mut file = File::create(&new)?;
            writeln!(file, "{name}")?;
            file.sync_all()?;
            fs::rename(&new, &path)?;
            File::open(&self.folder)?.sync_all()
        })();
        written.map_err(|e| Error::file(&path, "write", &e))?;
        Ok(name)
    }

    /// Lets the process that works with a directory read its configuration again, by SIGHUP, and waits
    /// for what comes of that. `hash` is that of the configuration.
    pub fn reload(folder: &Path, hash: u64, within: Duration) -> Result<(), Error> {
        let before = Self::last_reload(folder).map(|told| told.id);
        let process = Self::hang_up(folder)?;
        let pid = process.as_raw_nonzero();
        let until = Instant::now() + within;
        loop {
            let told = Self::last_reload(folder).filter(|told| Some(told.id) != before);
            let is_another = told.as_ref().and_then(|told| told.hash).is_some_and(|found| found != hash);
            match told.filter(|_| !is_another) {
                Some(Reloaded { refused: None, .. }) => return Ok(()),
                Some(Reloaded { refused: Some(why), .. }) => {
                    return Err(Error::failed(format!(
                        "the process {pid} refuses the configuration, and goes on as it was: {why}"
                    )));
                }
                None => {}
            }
            if rustix::process::test_kill_process(process).is_err() {
                return Err(Error::failed(format!("the process {pid} has ended; its log says why")));
            }
            if Instant::now() >= until {
                return Err(Error::failed(match is_another {
                    true => format!(
                        "the process {pid} read another configuration than this one; name the file that it \
                         was started with"
                    ),
                    false => format!(
                        "the process {pid} did not say within {} s what came of it; its log does, and \
                         weir_config_reloads_total",
                        within.as_secs()
                    ),
                }));
            }
            thread::sleep(LOOK);
        }
    }

    /// Tells who asked what came of reading the configuration again.
    pub(crate) fn tell_reload(&self, told: &Reloaded) -> io::Result<()> {
        let path = self.folder.join(format!("{RELOAD}.new"));
        fs::write(&path, serde_json::to_vec(told)?)?;
        fs::rename(&path, self.folder.join(RELOAD))
    }

    fn last_reload(folder: &Path) -> Option<Reloaded> {
        serde_json::from_slice(&fs::read(folder.join(RELOAD)).ok()?).ok()
    }

    /// Sends SIGHUP to the process that works with a directory, if one does.
    fn hang_up(folder: &Path) -> Result<Pid, Error> {
        let process = Self::user(folder)?.ok_or_else(|| {
            let shown = folder.display();
            Error::usage(format!(
                "{shown}: no process works with this state directory; start one, or send SIGHUP to the \
                 process if `state_dir` is what changed"
            ))
        })?;
        rustix::process::kill_process(process, Signal::HUP).map_err(|e| {
            Error::failed(format!("can't send SIGHUP to the process {}: {e}", process.as_raw_nonzero()))
        })?;
        Ok(process)
    }

    fn user(folder: &Path) -> Result<Option<Pid>, Error> {
        let path = folder.join("lock");
        let mut lock = match File::open(&path) {
            Ok(lock) => lock,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Error::file(&path, "open the lock of the state directory", &e)),
        };
        if rustix::fs::flock(&lock, FlockOperation::NonBlockingLockShared).is_ok() {
            return Ok(None);
        }
        let mut who = String::new();
        let read = (&mut lock).take(20).read_to_string(&mut who);
        read.map_err(|e| Error::file(&path, "read who has the lock", &e))?;
        Ok(who.trim().parse().ok().and_then(Pid::from_raw))
    }

    /// The progress of the last time. What is damaged is put aside, and `told` why.
    pub fn load(&self, told: &mut dyn FnMut(String)) -> Result<Progress, Error> {
        let path = self.folder.join(NAME);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Progress::default()),
            Err(e) => return Err(Error::file(&path, "read the progress", &e)),
        };
        match parse(&bytes) {
            Ok(progress) => Ok(progress),
            Err(why) => {
                let aside = self.folder.join(format!("{NAME}.damaged"));
                let kept = match fs::rename(&path, &aside) {
                    Ok(()) => format!("it is kept as {}", aside.display()),
                    Err(e) => format!("it could not be kept: {e}"),
                };
                told(format!(
                    "{}: the progress is damaged ({why}); {kept}, and sources are read from their beginning, \
                     so that records may come twice",
                    path.display()
                ));
                Ok(Progress::default())
            }
        }
    }

    /// The progress as it is now, for who only looks: another process may be working with it.
    pub fn look(folder: &Path, told: &mut dyn FnMut(String)) -> Result<Progress, Error> {
        let path = folder.join(NAME);
        match fs::read(&path) {
            Ok(bytes) => Ok(parse(&bytes).unwrap_or_else(|why| {
                told(format!("{}: the progress is damaged: {why}", path.display()));
                Progress::default()
            })),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Progress::default()),
            Err(e) => Err(Error::file(&path, "read the progress", &e)),
        }
    }

    /// Writes the progress for the next start.
    pub fn store(&self, progress: &Progress) -> io::Result<()> {
        let text = serde_json::to_string(progress)?;
        let path = self.folder.join(format!("{NAME}.new"));
        let mut file = File::create(&path)?;
        write!(file, "{VERSION}{:016x}\n{text}\n", xxhash_rust::xxh3::xxh3_64(text.as_bytes()))?;
        file.sync_all()?;
        fs::rename(&path, self.folder.join(NAME))?;
        File::open(&self.folder)?.sync_all()
    }
}

/// How often it is looked what came of a reload.
const LOOK: Duration = Duration::from_millis(20);

/// A number that no other process and no other moment has.
pub(crate) fn nonce() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let key = [now.as_nanos().to_le_bytes(), u128::from(std::process::id()).to_le_bytes()].concat();
    xxhash_rust::xxh3::xxh3_64(&key)
}

fn parse(bytes: &[u8]) -> Result<Progress, &'static str> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is no text")?;
    let text = text.strip_prefix(VERSION).ok_or("it is empty, zeros, or of another version")?;
    let (hash, json) = text.split_once('\n').ok_or("it is cut short")?;
    let json = json.strip_suffix('\n').ok_or("it is cut short")?;
    if u64::from_str_radix(hash, 16) != Ok(xxhash_rust::xxh3::xxh3_64(json.as_bytes())) {
        return Err("its bytes are not those that were written");
    }
    serde_json::from_str(json).map_err(|_| "it is of another version")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Progress {
        let stream = Stream { path: "/var/log/a.log".into(), offset: 10, line: 2, ..Stream::default() };
        Progress { feeds: [("edge/lts".to_owned(), vec![stream])].into() }
    }

    #[test]
    fn case_17_damaged_progress_is_told_and_put_aside() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::take(folder.path()).unwrap();
        let path = folder.path().join(NAME);
        assert_eq!(state.load(&mut |told| panic!("{told}")).unwrap(), Progress::default());
        state.store(&some()).unwrap();
        assert_eq!(state.load(&mut |told| panic!("{told}")).unwrap(), some());
        let good = fs::read(&path).unwrap();
        let mut damaged = vec![Vec::new(), vec![0; 4096], b"weir progress 9 x\n{}\n".to_vec()];
        damaged.extend((1..good.len()).map(|cut| good[..cut].to_vec()));
        damaged.extend((0..good.len()).map(|at| {
            let mut flipped = good.clone();
            flipped[at] ^= 4;
            flipped
        }));
        for bytes in damaged {
            fs::write(&path, &bytes).unwrap();
            let mut said = Vec::new();
            assert_eq!(state.load(&mut |told| said.push(told)).unwrap(), Progress::default(), "{bytes:?}");
            assert!(said.len() == 1 && said[0].contains("may come twice"), "{said:?}");
            assert_eq!(fs::read(folder.path().join("progress.damaged")).unwrap(), bytes);
        }
    }

    #[test]
    fn a_state_directory_keeps_a_name_of_its_own() {
        let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let [one, other] =
            folders.each_ref().map(|folder| State::take(folder.path()).unwrap().name().unwrap());
        assert_ne!(one, other);
        assert_eq!(State::take(folders[0].path()).unwrap().name().unwrap(), one);
        fs::write(folders[0].path().join(ID), [0; 17]).unwrap();
        let state = State::take(folders[0].path()).unwrap();
        let new = state.name().unwrap();
        assert_ne!(new, one);
        assert_eq!(state.name().unwrap(), new);
    }

    #[test]
    fn case_34_a_second_process_on_the_same_state_is_refused_and_told() {
        let folder = tempfile::tempdir().unwrap();
        let first = State::take(&folder.path().join("deep/er")).unwrap();
        let error = State::take(&folder.path().join("deep/er")).unwrap_err();
        assert!(error.is_usage() && error.to_string().contains(&std::process::id().to_string()), "{error}");
        let user = || State::user(&folder.path().join("deep/er")).unwrap();
        assert_eq!(user().map(|pid| pid.as_raw_nonzero().get().cast_unsigned()), Some(std::process::id()));
        drop(first);
        assert!(user().is_none() && State::user(folder.path()).unwrap().is_none());
        State::take(&folder.path().join("deep/er")).unwrap();
    }
}
