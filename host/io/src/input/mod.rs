//! Inputs: files and standard input, read as they are or decompressed. What a file holds is
//! told by how it begins, not by its name.

mod fetched;
mod gzip;
mod kinds;
mod named;
mod parquet;
mod raw_snappy;

use std::{
    cell::Cell,
    fs::{self, File},
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom},
    ops::ControlFlow,
    path::PathBuf,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

#[cfg(unix)]
use std::os::fd::AsFd as _;

use weir_printable::line;

pub use self::{
    fetched::{Again, Fetch, Fetched},
    kinds::{Beginning, beginning},
    named::{Found, MATCH, found, is_hidden, is_pattern},
};

use self::{
    fetched::{Checked, Ranged},
    kinds::{Compression, Foreign, Kind},
};
#[cfg(unix)]
use crate::stop::Stoppable;
use crate::{Error, limits, stop::Stop, streams::Waiting};

/// What messages and rejects call standard input.
const STDIN: &str = "<stdin>";

/// Where input comes from.
#[derive(Clone, Debug)]
pub enum Source {
    /// Standard input.
    Stdin,
    /// A file, or several in one where it is an archive.
    File(PathBuf),
    /// Inputs that somebody else fetches.
    Fetched(Arc<dyn Fetch>),
}

impl Source {
    /// What messages and rejects call it.
    pub fn name(&self) -> String {
        match self {
            Self::Stdin => STDIN.into(),
            Self::File(path) => path.to_string_lossy().into_owned(),
            Self::Fetched(fetch) => fetch.name(),
        }
    }

    /// Checks that it is there, and gives its size if it is a regular file, or if who fetches it knows.
    pub fn check(&self) -> Result<Option<u64>, Error> {
        let path = match self {
            Self::Stdin => return Ok(None),
            Self::File(path) => path,
            Self::Fetched(fetch) => return Ok(fetch.size()),
        };
        let found = fs::metadata(path).and_then(|m| match m.is_dir() {
            true => Err(io::ErrorKind::IsADirectory.into()),
            false => Ok(m.is_file().then_some(m.len())),
        });
        found.map_err(|e| Error::file(&self.name(), "read", e))
    }

    /// Whether it ends by itself; a stream may have no end.
    pub fn ends(&self) -> bool {
        matches!(self, Self::Fetched(_)) || matches!(self.check(), Ok(Some(_)))
    }

    /// Opens it and hands on each input in it, which is one unless it is an archive or fetched, or why it
    /// can't be read: an input that is damaged does not stop those behind it, but `each` does, with an
    /// error or because nothing more of it is wanted.
    pub fn each<E>(&self, watch: &Watch, each: Each<'_, E>) -> Result<(), E> {
        let name = self.name();
        match self {
            Self::Stdin | Self::File(_) => {
                let raw = self.open(&watch.stop).map_err(|e| Error::file(&name, "read", e));
                let path = match self {
                    Self::File(path) if path.is_file() => Some(path),
                    _ => None,
                };
                let seekable = || path.map(File::open).transpose();
                one(&name, raw, seekable, watch, each).map(drop)
            }
            Self::Fetched(fetch) => {
                for fetched in fetch.fetch() {
                    if let Err(e) = watch.stop.check() {
                        return each(Err(Error::file(&name, "read", e))).map(drop);
                    }
                    let (name, raw, ranged) = match fetched {
                        Ok(fetched) => {
                            let Fetched { name, size, reader, again } = fetched;
                            let raw: Box<dyn Read> = Box::new(Checked::new(reader, watch.stop.clone()));
                            (name, Ok(raw), Some(Ranged::new(again, size)))
                        }
                        Err(e) => (name.clone(), Err(e), None),
                    };
                    if one(&name, raw, || Ok(ranged), watch, each)?.is_break() {
                        break;
                    }
                }
                Ok(())
            }
        }
    }
}

/// Hands on what is in one stream, which is read again from any place where it is an archive.
fn one<E, R: Read + Seek>(
    name: &str,
    raw: Result<Box<dyn Read + '_>, Error>,
    seekable: impl FnOnce() -> io::Result<Option<R>>,
    watch: &Watch,
    each: Each<'_, E>,
) -> Result<ControlFlow<()>, E> {
    let failed = |e: io::Error| Error::file(name, "read", e);
    let begun = raw.and_then(|raw| {
        let mut raw = Counted { inner: raw, count: &watch.read, is_over: false };
        kinds::start(&mut raw).map(|(start, kind)| (raw, start, kind)).map_err(failed)
    });
    let (raw, start, kind) = match begun {
        Ok(begun) => begun,
        Err(e) => return each(Err(e)),
    };
    let is_zip = kind == Kind::Compressed(Compression::Zip);
    if is_zip || kind == Kind::Foreign(&kinds::PARQUET) {
        match seekable() {
            Ok(Some(file)) if is_zip => return each_member(name, file, &watch.stop, each),
            Ok(Some(file)) => return hand_on(Input::of_parquet(name, file, watch), each),
            Ok(None) => {}
            Err(e) => return each(Err(failed(e))),
        }
    }
    let reader = BufReader::with_capacity(limits::PIECE, raw);
    hand_on(Input::new(name.to_owned(), &kind, io::Cursor::new(start).chain(reader)), each)
}

impl Source {
    /// Standard input goes around the standard library's buffer, behind which nobody sees whether there
    /// is something to read.
    #[cfg(unix)]
    fn open(&self, stop: &Stop) -> io::Result<Box<dyn Read>> {
        let file = match self {
            Self::Stdin => File::from(io::stdin().as_fd().try_clone_to_owned()?),
            Self::File(path) => File::open(path)?,
            Self::Fetched(_) => return Ok(Box::new(io::empty())),
        };
        let is_file = file.metadata().is_ok_and(|m| m.is_file());
        let drained = if is_file { 0 } else { limits::DRAINED };
        Ok(Box::new(Stoppable::new(Waiting(file), stop.clone(), drained)))
    }

    #[cfg(not(unix))]
    fn open(&self, _: &Stop) -> io::Result<Box<dyn Read>> {
        Ok(match self {
            Self::Stdin => Box::new(Waiting(io::stdin().lock())),
            Self::File(path) => Box::new(Waiting(File::open(path)?)),
            Self::Fetched(_) => Box::new(io::empty()),
        })
    }
}

/// Who watches inputs being read.
#[derive(Clone, Default)]
pub struct Watch {
    /// Grows by the bytes that are read, before decompression.
    pub read: Arc<AtomicU64>,
    /// Tells to stop. What then comes of an input is an error, unless it ends.
    pub stop: Stop,
}

/// Who takes inputs, or why one can't be read, and says whether more of them are wanted.
pub type Each<'a, E> = &'a mut dyn FnMut(Result<&mut Input<'_>, Error>) -> Result<ControlFlow<()>, E>;

fn hand_on<E>(input: Result<Input<'_>, Error>, each: Each<'_, E>) -> Result<ControlFlow<()>, E> {
    match input {
        Ok(mut input) => each(Ok(&mut input)),
        Err(error) => each(Err(error)),
    }
}

/// Hands on the members of a zip archive.
fn each_member<E>(
    name: &str,
    file: impl Read + Seek,
    stop: &Stop,
    each: Each<'_, E>,
) -> Result<ControlFlow<()>, E> {
    let mut archive = match archive(name, file, stop) {
        Ok(archive) if is_workbook(&archive) => {
            return each(Err(Error::new(format!(
                "{}: this is an Excel workbook, which Weir does not read; save it as CSV",
                line(name)
            ))));
        }
        Ok(archive) => archive,
        Err(error) => return each(Err(error)),
    };
    for index in 0..archive.len() {
        let mut member = match archive.by_index(index) {
            Ok(member) if member.is_dir() => continue,
            Ok(member) => member,
            Err(e) => {
                if each(Err(damaged(name, e)))?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
                continue;
            }
        };
        let name = format!("{name}/{}", String::from_utf8_lossy(member.name_raw()));
        let input = match kinds::start(&mut member) {
            Ok((start, kind)) => {
                let reader = BufReader::with_capacity(limits::PIECE, member);
                Input::new(name, &kind, io::Cursor::new(start).chain(reader))
            }
            Err(e) => Err(Error::file(&name, "read", e)),
        };
        if hand_on(input, each)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// Whether an archive is a workbook of Excel's.
fn is_workbook<R: Read + Seek>(archive: &zip::ZipArchive<R>) -> bool {
    archive.index_for_name("[Content_Types].xml").is_some()
        && archive.file_names().flatten().any(|name| name.starts_with("xl/"))
}

/// Reads the directory of a zip archive.
fn archive<R: Read + Seek>(
    name: &str,
    file: R,
    stop: &Stop,
) -> Result<zip::ZipArchive<BufReader<Bounded<R>>>, Error> {
    let left = Rc::new(Cell::new(limits::ZIP_DIRECTORY));
    let archive =
        zip::ZipArchive::new(BufReader::new(Bounded { file, left: Rc::clone(&left), stop: stop.clone() }));
    // Members are of any length.
    if left.replace(u64::MAX) == 0 {
        return Err(Error::new(format!(
            "{}: the zip archive's directory is longer than {} MiB, as it has too many members; unpack it first",
            line(name),
            limits::ZIP_DIRECTORY >> 20
        )));
    }
    archive.map_err(|e| damaged(name, e))
}

fn damaged(name: &str, error: zip::result::ZipError) -> Error {
    let error = match error {
        zip::result::ZipError::Io(e) if Error::is_inside(&e) => return Error::file(name, "read", e),
        other => other,
    };
    Error::new(format!(
        "{}: can't read the zip archive: {error}; it may be cut short, fetch it again",
        line(name)
    ))
    .with_source(error)
}

/// A file that ends where no more of it may be read.
struct Bounded<R> {
    file: R,
    left: Rc<Cell<u64>>,
    stop: Stop,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stop.check()?;
        let most = usize::try_from(self.left.get()).unwrap_or(usize::MAX).min(buffer.len());
        let n = self.file.read(&mut buffer[..most])?;
        self.left.set(self.left.get() - n as u64);
        Ok(n)
    }
}

impl<R: Seek> Seek for Bounded<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

/// One stream of records.
pub struct Input<'a> {
    name: Arc<str>,
    compression: Compression,
    reader: Box<dyn Read + 'a>,
}

impl<'a> Input<'a> {
    fn new(name: String, kind: &Kind, raw: impl BufRead + 'a) -> Result<Self, Error> {
        let compression = match kind {
            Kind::Foreign(foreign) => return Err(foreign_file(&name, foreign)),
            Kind::Compressed(Compression::Zip) => {
                return Err(Error::new(format!(
                    "{}: a zip archive can only be read from a file of its own; unpack it first",
                    line(&name)
                )));
            }
            Kind::Compressed(compression) | Kind::Unclear(compression) => *compression,
        };
        let reader = decompressor(compression, raw).map_err(|e| Error::file(&name, "read", e))?;
        let mut input = Self { name: name.into(), compression, reader };
        if compression != Compression::None {
            input.look_inside()?;
        }
        Ok(input)
    }

    /// The rows of a Parquet file.
    fn of_parquet(name: &str, file: impl Read + Seek + 'a, watch: &Watch) -> Result<Self, Error> {
        let reader = Box::new(parquet::Lines::new(name, file, watch)?);
        Ok(Self { name: name.into(), compression: Compression::None, reader })
    }

    /// What is compressed is text, too, and not compressed twice.
    fn look_inside(&mut self) -> Result<(), Error> {
        let how = self.compression.name();
        let (start, kind) = match kinds::start(&mut self.reader) {
            Ok(found) => found,
            // Damaged at once: nothing came before it.
            Err(e) => return Err(self.error(e)),
        };
        match kind {
            Kind::Foreign(foreign) => return Err(foreign_file(&self.name, foreign)),
            Kind::Compressed(Compression::None) | Kind::Unclear(_) => {}
            Kind::Compressed(inner) => {
                return Err(Error::new(format!(
                    "{}: there is {} data inside the {how} data; unpack one of them first",
                    line(&self.name),
                    inner.name()
                )));
            }
        }
        let reader = std::mem::replace(&mut self.reader, Box::new(io::empty()));
        self.reader = Box::new(io::Cursor::new(start).chain(reader));
        Ok(())
    }

    /// What messages and rejects call it.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The name of what it is compressed with, if it is.
    pub fn compression(&self) -> Option<&'static str> {
        (self.compression != Compression::None).then(|| self.compression.name())
    }

    /// Reads some bytes after decompression; 0 at the end.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        loop {
            match self.reader.read(buffer) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                result => return result.map_err(|e| self.error(e)),
            }
        }
    }

    fn error(&self, error: io::Error) -> Error {
        let (name, how) = (line(&self.name), self.compression.name());
        let is_read = error.raw_os_error().is_some() || Error::is_inside(&error);
        if self.compression == Compression::None || is_read {
            return Error::file(&self.name, "read", error);
        }
        Error::new(if error.kind() == io::ErrorKind::UnexpectedEof {
            format!("{name}: the {how} data is cut short; what came before is done, fetch the file again")
        } else if self.compression == Compression::Zstd && error.to_string().contains("too much memory") {
            let most = (1 << limits::ZSTD_WINDOW_LOG) >> 20;
            format!("{name}: the {how} data needs a window over {most} MiB; unpack it with `zstd -d` first")
        } else {
            format!(
                "{name}: the {how} data is damaged ({error}); what came before is done, fetch the file again"
            )
        })
        .with_source(error)
    }
}

/// All concatenated members, frames or blocks, one after the other.
fn decompressor<'a>(compression: Compression, raw: impl BufRead + 'a) -> io::Result<Box<dyn Read + 'a>> {
    Ok(match compression {
        Compression::None | Compression::Zip => Box::new(raw),
        Compression::Gzip => Box::new(gzip::Members::new(raw)),
        Compression::Zstd => {
            let mut reader = zstd::stream::read::Decoder::with_buffer(raw)?;
            reader.window_log_max(limits::ZSTD_WINDOW_LOG)?;
            Box::new(reader)
        }
        Compression::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(raw)),
        Compression::Snappy => Box::new(snap::read::FrameDecoder::new(raw)),
        Compression::RawSnappy => Box::new(raw_snappy::Decoder::new(raw)),
    })
}

fn foreign_file(name: &str, foreign: &Foreign) -> Error {
    Error::new(format!(
        "{}: this is {}, which Weir does not read; {}",
        line(name),
        foreign.what,
        foreign.remedy
    ))
}

/// Counts what is read, for the progress bar. Its end is told once and is its end: what comes of a terminal
/// behind that would be waited for.
struct Counted<'a, R> {
    inner: R,
    count: &'a AtomicU64,
    is_over: bool,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.is_over {
            return Ok(0);
        }
        let n = self.inner.read(buffer)?;
        self.is_over = n == 0 && !buffer.is_empty();
        self.count.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}
