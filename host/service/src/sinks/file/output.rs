//! One file that is written: what is in it for good, what follows, and what a crash may have left.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write},
    os::unix::fs::{FileExt as _, MetadataExt as _},
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

/// How a file is compressed: frames or members, one behind the other, each whole when it is synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Zstd,
    Gzip,
}

enum Encoder {
    Plain(Vec<u8>),
    Zstd(Box<zstd::stream::write::Encoder<'static, Vec<u8>>>),
    Gzip(Box<flate2::write::GzEncoder<Vec<u8>>>),
}

/// A file under way.
pub(super) struct Output {
    pub(super) path: PathBuf,
    file: File,
    compression: Compression,
    /// Made when something is to be written; a frame ends with each sync, and its memory is freed.
    encoder: Option<Encoder>,
    /// Bytes of the file, as it was left.
    len: u64,
    /// What was written and is not answered for yet, from the beginning of a line or of a frame on.
    kept: Kept,
    /// The file is not as it was left: somebody cut it. Then nothing more is written to it.
    is_changed: bool,
    opened: Instant,
    /// How old it was then.
    age: Duration,
    pub(super) used: Instant,
    is_dirty: bool,
}

/// Pieces of a file, one behind the other.
#[derive(Debug, Default)]
pub(super) struct Kept(Vec<Vec<u8>>);

/// What became of a file that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is at its path, as it was left.
    Stays,
    /// It has another name.
    Moved,
    Deleted,
    /// It is at its path, but longer or shorter than it was left.
    Changed,
}

/// What is gathered before it is written, in bytes.
const GATHERED: usize = 256 << 10;

/// The base-2 logarithm of a frame's window; larger ones need much memory for each open file.
const WINDOW_LOG: u32 = 20;

impl Encoder {
    fn new(compression: Compression) -> io::Result<Self> {
        Ok(match compression {
            Compression::None => Self::Plain(Vec::new()),
            Compression::Zstd => {
                let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3)?;
                encoder.window_log(WINDOW_LOG)?;
                encoder.include_checksum(true)?;
                Self::Zstd(Box::new(encoder))
            }
            Compression::Gzip => {
                Self::Gzip(Box::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6))))
            }
        })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(out) => out.write_all(bytes),
            Self::Zstd(encoder) => encoder.write_all(bytes),
            Self::Gzip(encoder) => encoder.write_all(bytes),
        }
    }

    fn gathered(&mut self) -> &mut Vec<u8> {
        match self {
            Self::Plain(out) => out,
            Self::Zstd(encoder) => encoder.get_mut(),
            Self::Gzip(encoder) => encoder.get_mut(),
        }
    }

    fn finish(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Plain(out) => Ok(out),
            Self::Zstd(encoder) => encoder.finish(),
            Self::Gzip(encoder) => encoder.finish(),
        }
    }
}

/// What a file may have before another one follows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Most {
    pub(super) bytes: u64,
    pub(super) age: Option<Duration>,
}

/// What is done with an error of the disk: whether to try again.
pub(super) type Again<'a> = &'a mut dyn FnMut(&io::Error) -> bool;

/// Where in the name of a file its number stands, behind a dot: in front of its endings.
pub(crate) fn number_place(name: &str) -> usize {
    name.find('.').filter(|at| *at > 0).unwrap_or(name.len())
}

/// The name of the file that follows another one: `14.ndjson.zst`, `14.1.ndjson.zst`, ...
fn numbered(path: &Path, number: u32) -> PathBuf {
    if number == 0 {
        return path.to_owned();
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let (stem, endings) = name.split_at(number_place(&name));
    path.with_file_name(format!("{stem}.{number}{endings}"))
}

/// The numbers of the files of a path that are there, in order. One far above those before it is of
/// somebody else, such as a date.
fn numbers(path: &Path) -> io::Result<Vec<u32>> {
    const GAP: u32 = 100;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let (stem, endings) = name.split_at(number_place(&name));
    let of = |found: &str| {
        if *found == *name {
            return Some(0);
        }
        let number = found.strip_prefix(stem)?.strip_prefix('.')?.strip_suffix(endings)?;
        // No other text is a number's name, such as one with zeros in front.
        number.parse().ok().filter(|n: &u32| *n > 0 && n.to_string() == number)
    };
    let mut all = Vec::new();
    for entry in fs::read_dir(folder(path))? {
        all.extend(entry?.file_name().to_str().and_then(of));
    }
    all.sort_unstable();
    let own = all.windows(2).take_while(|pair| pair[1] - pair[0] <= GAP).count() + 1;
    all.truncate(own);
    Ok(all)
}

/// The highest number of the files of a path.
pub(super) fn newest(path: &Path) -> Option<u32> {
    numbers(path).ok()?.last().copied()
}

/// Deletes the files of a path whose numbers are lower, the lowest first. Where one can't be deleted that is
/// told, and the others stay until it can.
pub(super) fn delete_before(path: &Path, number: u32) {
    let found = numbers(path).unwrap_or_default();
    for old in found.into_iter().filter(|old| *old < number).map(|old| numbered(path, old)) {
        match fs::remove_file(&old) {
            Ok(()) => tracing::info!(path = %old.display(), "deleted a file that newer ones have followed"),
            Err(e) => {
                tracing::warn!(path = %old.display(), error = %e, "can't delete a file that is not kept");
                break;
            }
        }
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Whether it is an error of a path at which there is no file.
fn leads_nowhere(error: &io::Error) -> bool {
    use rustix::io::Errno;
    matches!(Errno::from_io_error(error), Some(Errno::NOENT | Errno::NOTDIR | Errno::LOOP))
}

/// Whether an error of opening a file stays until somebody changes what is there. A full disk, too many open files
/// and errors of a device may go away.
pub(super) fn stays(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    use rustix::io::Errno;
    let is_of_path = matches!(
        error.kind(),
        Kind::IsADirectory
            | Kind::NotADirectory
            | Kind::AlreadyExists
            | Kind::NotFound
            | Kind::PermissionDenied
            | Kind::ReadOnlyFilesystem
            | Kind::Unsupported
    );
    let errno = Errno::from_io_error(error);
    is_of_path || matches!(errno, Some(Errno::LOOP | Errno::NAMETOOLONG | Errno::NXIO))
}

/// How old a file is, where the file system tells that.
fn age(file: &File) -> Duration {
    let begun = file.metadata().and_then(|metadata| metadata.created());
    begun.ok().and_then(|begun| SystemTime::now().duration_since(begun).ok()).unwrap_or_default()
}

/// The parent's entry of a file is on the disk only when the folder is synced, too.
fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder(path))?.sync_all()
}

impl Output {
    /// Opens the file at this path, or one that follows it, for appending: the first that has room,
    /// from the number on, which becomes that of the file. A torn end of a crash is cut off.
    pub(super) fn open(
        path: &Path,
        number: &mut u32,
        compression: Compression,
        most: Most,
    ) -> io::Result<Self> {
        if let Some(folder) = path.parent()
            && !folder.as_os_str().is_empty()
            && !folder.is_dir()
        {
            fs::create_dir_all(folder)?;
            sync_folder(folder)?;
        }
        loop {
            let path = numbered(path, *number);
            let is_new = !path.exists();
            // Always written at its end, as somebody may cut it at any time.
            let file = OpenOptions::new().read(true).append(true).create(true).open(&path)?;
            let size = file.metadata()?.len();
            if !file.metadata()?.is_file() {
                return Err(io::Error::new(io::ErrorKind::Unsupported, "this is no regular file"));
            }
            let whole = if size == 0 { 0 } else { whole(&file, compression, size)? };
            // What has nothing whole was not written by this sink, so it is left alone.
            let age = if size == 0 { Duration::ZERO } else { age(&file) };
            let is_old = size > 0 && most.age.is_some_and(|most| age >= most);
            if size >= most.bytes || is_old || size > 0 && whole == 0 {
                *number += 1;
                continue;
            }
            if whole < size {
                tracing::warn!(path = %path.display(), bytes = size - whole, "cut off the torn end of a file");
                file.set_len(whole)?;
            }
            if is_new {
                sync_folder(&path)?;
            }
            let now = Instant::now();
            return Ok(Self {
                path,
                file,
                compression,
                encoder: None,
                len: whole,
                kept: Kept::default(),
                is_changed: false,
                opened: now,
                age,
                used: now,
                is_dirty: false,
            });
        }
    }

    /// Adds records. `false` where the disk refuses them and it is not tried again; then the file has
    /// no say any more. What is gathered next goes to a buffer of `spare`, if it has one.
    pub(super) fn write(&mut self, bytes: &[u8], spare: &mut Vec<Vec<u8>>, again: Again<'_>) -> bool {
        self.used = Instant::now();
        self.is_dirty = true;
        let result = match &mut self.encoder {
            Some(encoder) => encoder.write(bytes),
            none => Encoder::new(self.compression).and_then(|encoder| none.insert(encoder).write(bytes)),
        };
        // Memory can be written to.
        debug_assert!(result.is_ok());
        let Some(encoder) = self.encoder.as_mut().filter(|_| result.is_ok()) else { return false };
        if encoder.gathered().len() < GATHERED {
            return true;
        }
        let gathered = std::mem::replace(encoder.gathered(), spare.pop().unwrap_or_default());
        self.put(gathered, again)
    }

    /// Writes to the file what is kept from now on.
    fn put(&mut self, bytes: Vec<u8>, again: Again<'_>) -> bool {
        let is_written = self.append(&bytes, again);
        self.kept.0.push(bytes);
        is_written
    }

    /// Writes to the end of the file, and goes on where it failed. Where that is not the end that it had, what
    /// was written is taken back: it would be a torn line, or a piece of a frame that nobody can read.
    fn append(&mut self, bytes: &[u8], again: Again<'_>) -> bool {
        let mut done = 0;
        while done < bytes.len() && !self.is_changed {
            match (&self.file).write(&bytes[done..]) {
                Ok(0) if !again(&io::ErrorKind::WriteZero.into()) => return false,
                Ok(n) => {
                    let end = (&self.file).stream_position();
                    done += n;
                    self.len += n as u64;
                    self.is_changed = !end.as_ref().is_ok_and(|end| *end == self.len);
                    if let Ok(end) = end
                        && self.is_changed
                        && let Err(e) = self.file.set_len(end.saturating_sub(n as u64))
                        && !again(&e)
                    {
                        return false;
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if again(&e) => {}
                Err(_) => return false,
            }
        }
        true
    }

    /// Ends the frame, and brings everything to the disk. An error of the sync itself is final:
    /// nobody knows what the disk has after it.
    pub(super) fn sync(&mut self, again: Again<'_>) -> bool {
        if !self.is_dirty {
            return true;
        }
        if let Some(encoder) = self.encoder.take() {
            let Ok(gathered) = encoder.finish() else { return false };
            if !self.put(gathered, again) {
                return false;
            }
        }
        match self.file.sync_data() {
            Ok(()) => self.is_dirty = false,
            Err(e) => {
                tracing::error!(path = %self.path.display(), error = %e, "can't sync a file; its records are read again after the next start");
                return false;
            }
        }
        self.is_changed |= self.file.metadata().is_ok_and(|metadata| metadata.len() != self.len);
        true
    }

    /// Whether something was written that is not on the disk yet.
    pub(super) fn is_dirty(&self) -> bool {
        self.is_dirty
    }

    /// What became of it.
    pub(super) fn fate(&self) -> Fate {
        let own = self.file.metadata();
        let has_name = own.as_ref().is_ok_and(|own| own.nlink() > 0);
        let is_gone = match (&own, fs::metadata(&self.path)) {
            (Ok(own), Ok(found)) => (own.dev(), own.ino()) != (found.dev(), found.ino()),
            // Without a name it is gone, whatever its path leads to. With one, it is known to be gone only where
            // the path ends somewhere else; who may not look does not know.
            (Ok(_), Err(e)) => !has_name || leads_nowhere(&e),
            (Err(_), Err(e)) => leads_nowhere(&e),
            (Err(_), Ok(_)) => false,
        };
        match (is_gone, self.is_changed) {
            (true, _) if !has_name => Fate::Deleted,
            (_, true) => Fate::Changed,
            (true, false) => Fate::Moved,
            (false, false) => Fate::Stays,
        }
    }

    /// How much is kept as it is not answered for, in bytes.
    pub(super) fn kept(&self) -> u64 {
        self.kept.0.iter().map(|piece| piece.len() as u64).sum()
    }

    /// All that was written and synced is answered for. The buffers that had it are spare.
    pub(super) fn is_answered_for(&mut self, spare: &mut Vec<Vec<u8>>) {
        spare.extend(self.kept.0.drain(..).map(|mut piece| {
            piece.clear();
            piece
        }));
    }

    /// Gives what is not answered for. It is synced, so that it ends with a line or a frame.
    pub(super) fn into_kept(self) -> Kept {
        debug_assert!(self.encoder.is_none());
        self.kept
    }

    /// Writes what another file was to have, which is compressed alike. It is not synced yet.
    pub(super) fn write_again(&mut self, kept: Kept, again: Again<'_>) -> bool {
        debug_assert!(self.encoder.is_none());
        self.is_dirty = true;
        kept.0.into_iter().all(|piece| self.put(piece, again))
    }

    /// How long ago the file was begun, as far as that is known.
    pub(super) fn age(&self) -> Duration {
        self.age + self.opened.elapsed()
    }

    /// Bytes of the file, with what was gathered so far.
    pub(super) fn len(&mut self) -> u64 {
        self.len + self.encoder.as_mut().map_or(0, |encoder| encoder.gathered().len() as u64)
    }
}

/// How much of a file is whole lines, frames or members.
fn whole(file: &File, compression: Compression, size: u64) -> io::Result<u64> {
    match compression {
        Compression::None => {
            let mut buffer = vec![0; 64 << 10];
            let mut end = size;
            while end > 0 {
                let start = end.saturating_sub(buffer.len() as u64);
                let piece = &mut buffer[..(end - start) as usize];
                file.read_exact_at(piece, start)?;
                if let Some(at) = memchr::memrchr(b'\n', piece) {
                    return Ok(start + at as u64 + 1);
                }
                end = start;
            }
            Ok(0)
        }
        Compression::Zstd | Compression::Gzip => {
            let mut raw = file.try_clone()?;
            raw.seek(SeekFrom::Start(0))?;
            let mut raw = Counted { inner: BufReader::with_capacity(256 << 10, raw), consumed: 0 };
            let mut whole = 0;
            while whole < size {
                let read = match compression {
                    Compression::Gzip => {
                        io::copy(&mut flate2::bufread::GzDecoder::new(&mut raw), &mut io::sink())
                    }
                    _ => zstd::stream::read::Decoder::with_buffer(&mut raw)
                        .and_then(|decoder| io::copy(&mut decoder.single_frame(), &mut io::sink())),
                };
                if read.is_err() || raw.consumed == whole {
                    break;
                }
                whole = raw.consumed;
            }
            Ok(whole)
        }
    }
}

struct Counted<R> {
    inner: R,
    consumed: u64,
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.consumed += n as u64;
        Ok(n)
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, n: usize) {
        self.inner.consume(n);
        self.consumed += n as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &Path, compression: Compression) -> String {
        let raw = fs::read(path).unwrap();
        let mut text = String::new();
        match compression {
            Compression::None => text = String::from_utf8(raw).unwrap(),
            Compression::Zstd => {
                zstd::stream::read::Decoder::new(&raw[..]).unwrap().read_to_string(&mut text).unwrap();
            }
            Compression::Gzip => {
                flate2::read::MultiGzDecoder::new(&raw[..]).read_to_string(&mut text).unwrap();
            }
        }
        text
    }

    #[test]
    fn what_a_crash_tore_is_cut_off_and_the_file_goes_on() {
        for (compression, name) in [
            (Compression::None, "a.ndjson"),
            (Compression::Zstd, "a.ndjson.zst"),
            (Compression::Gzip, "a.gz"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("deep/er").join(name);
            let open = |number: &mut u32| {
                Output::open(&path, number, compression, Most { bytes: 1 << 20, age: None }).unwrap()
            };
            let never: Again<'_> = &mut |e| panic!("{e}");
            let mut output = open(&mut 0);
            assert!(output.write(b"one\n", &mut Vec::new(), never) && output.sync(never));
            assert!(output.write(b"two\n", &mut Vec::new(), never) && output.sync(never));
            drop(output);
            let whole = fs::read(&path).unwrap();
            let mut output = open(&mut 0);
            assert!(
                output.write(b"three, which is long enough to be torn\n", &mut Vec::new(), never)
                    && output.sync(never)
            );
            drop(output);
            let all = fs::read(&path).unwrap();
            for cut in whole.len()..all.len() {
                fs::write(&path, &all[..cut]).unwrap();
                let mut number = 0;
                let mut output = open(&mut number);
                assert!(output.write(b"four\n", &mut Vec::new(), never) && output.sync(never));
                assert_eq!(
                    (lines(&path, compression), number),
                    ("one\ntwo\nfour\n".into(), 0),
                    "{name} {cut}"
                );
            }
        }
    }

    #[test]
    fn a_file_of_somebody_else_is_left_alone_and_a_full_one_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("14.ndjson.zst");
        fs::write(&path, "a text of somebody else").unwrap();
        let mut number = 0;
        let output =
            Output::open(&path, &mut number, Compression::Zstd, Most { bytes: 1 << 20, age: None }).unwrap();
        assert_eq!((output.path.file_name().unwrap(), number), ("14.1.ndjson.zst".as_ref(), 1));
        assert_eq!(fs::read(&path).unwrap(), b"a text of somebody else");
        let path = folder.path().join("full");
        fs::write(&path, "full\n").unwrap();
        let output = Output::open(&path, &mut 0, Compression::None, Most { bytes: 5, age: None }).unwrap();
        assert_eq!(output.path.file_name().unwrap(), "full.1");
    }

    #[test]
    fn a_file_that_was_begun_long_ago_is_followed_also_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.ndjson");
        fs::write(&path, "one\n").unwrap();
        for (age, name) in
            [(None, "a.ndjson"), (Some(Duration::MAX), "a.ndjson"), (Some(Duration::ZERO), "a.1.ndjson")]
        {
            let most = Most { bytes: 1 << 20, age };
            let output = Output::open(&path, &mut 0, Compression::None, most).unwrap();
            assert_eq!(output.path.file_name().unwrap(), name, "{age:?}");
        }
    }

    #[test]
    fn older_files_of_a_path_are_deleted_and_no_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.ndjson.gz");
        let of_others = [
            "out.x.ndjson.gz",
            "out.01.ndjson.gz",
            "out.0.ndjson.gz",
            "out.2.ndjson",
            "other.1.ndjson.gz",
            "out.20240101.ndjson.gz",
        ];
        for name in of_others.iter().chain(&[
            "out.ndjson.gz",
            "out.1.ndjson.gz",
            "out.7.ndjson.gz",
            "out.10.ndjson.gz",
        ]) {
            fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(newest(&path), Some(10));
        delete_before(&path, 7);
        assert_eq!(numbers(&path).unwrap(), [7, 10]);
        assert!(of_others.iter().all(|name| folder.path().join(name).exists()));
        for (name, with) in [("plain", "plain.3"), (".hidden", ".hidden.3")] {
            fs::write(folder.path().join(with), "").unwrap();
            let path = folder.path().join(name);
            assert_eq!((newest(&path), numbered(&path, 3)), (Some(3), folder.path().join(with)));
        }
        assert_eq!(newest(&folder.path().join("none")), None);
    }
}
