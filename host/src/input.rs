//! Inputs: files and standard input, read as they are or decompressed. What a file holds is
//! told by how it begins, not by its name.

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{
    error::{Error, shown},
    limits,
};

/// What messages and rejects call standard input.
const STDIN: &str = "<stdin>";

/// Where input comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Standard input.
    Stdin,
    /// A file, or several in one where it is an archive.
    File(PathBuf),
}

impl Source {
    /// What messages and rejects call it.
    pub fn name(&self) -> String {
        match self {
            Self::Stdin => STDIN.into(),
            Self::File(path) => shown(path),
        }
    }

    /// Checks that it is there, and gives its size if it is a regular file.
    pub fn check(&self) -> Result<Option<u64>, Error> {
        let Self::File(path) = self else { return Ok(None) };
        let found = fs::metadata(path).and_then(|m| match m.is_dir() {
            true => Err(io::ErrorKind::IsADirectory.into()),
            false => Ok(m.is_file().then_some(m.len())),
        });
        found.map_err(|e| Error::file(&self.name(), "read", &e))
    }

    /// Opens it and hands on each input in it, which is one unless it is an archive.
    /// `count` grows by the bytes that are read from it.
    pub fn each(
        &self,
        count: &Arc<AtomicU64>,
        each: &mut dyn FnMut(&mut Input<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let name = self.name();
        let failed = |e: io::Error| Error::file(&name, "read", &e);
        let raw: Box<dyn Read> = match self {
            Self::Stdin => Box::new(io::stdin().lock()),
            Self::File(path) => Box::new(File::open(path).map_err(failed)?),
        };
        let mut raw = Counted { inner: raw, count };
        let start = Compression::start(&mut raw).map_err(failed)?;
        let compression = Compression::of(&start);
        match (compression, self) {
            (Compression::Zip, Self::File(path)) if path.is_file() => each_member(&name, path, each),
            _ => {
                let reader = BufReader::with_capacity(limits::PIECE, raw);
                each(&mut Input::new(name.clone(), compression, io::Cursor::new(start).chain(reader))?)
            }
        }
    }
}

/// Hands on the members of a zip archive.
fn each_member(
    name: &str,
    path: &Path,
    each: &mut dyn FnMut(&mut Input<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let damaged = |e: zip::result::ZipError| {
        Error::failed(format!("{name}: can't read the zip archive: {e}; it may be cut short, fetch it again"))
    };
    let file = File::open(path).map_err(|e| Error::file(name, "read", &e))?;
    let mut archive = zip::ZipArchive::new(BufReader::new(file)).map_err(damaged)?;
    for index in 0..archive.len() {
        let mut member = archive.by_index(index).map_err(damaged)?;
        if member.is_dir() {
            continue;
        }
        let name = format!("{name}/{}", String::from_utf8_lossy(member.name_raw()));
        let start = Compression::start(&mut member).map_err(|e| Error::file(&name, "read", &e))?;
        let compression = Compression::of(&start);
        let reader = io::Cursor::new(start).chain(BufReader::with_capacity(limits::PIECE, member));
        each(&mut Input::new(name, compression, reader)?)?;
    }
    Ok(())
}

/// One stream of records.
pub struct Input<'a> {
    name: Arc<str>,
    compression: Compression,
    reader: Box<dyn Read + 'a>,
}

impl<'a> Input<'a> {
    fn new(name: String, compression: Compression, raw: impl BufRead + 'a) -> Result<Self, Error> {
        if compression == Compression::Zip {
            return Err(Error::failed(format!(
                "{name}: a zip archive can only be read from a file of its own; unpack it first"
            )));
        }
        let reader = compression.reader(raw).map_err(|e| Error::file(&name, "read", &e))?;
        Ok(Self { name: name.into(), compression, reader })
    }

    /// What messages and rejects call it.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Reads some bytes after decompression; 0 at the end.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        loop {
            match self.reader.read(buffer) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                result => return result.map_err(|e| self.error(&e)),
            }
        }
    }

    fn error(&self, error: &io::Error) -> Error {
        let (name, how) = (&self.name, self.compression.name());
        if self.compression == Compression::None || error.raw_os_error().is_some() {
            return Error::file(name, "read", error);
        }
        Error::failed(if error.kind() == io::ErrorKind::UnexpectedEof {
            format!("{name}: the {how} data is cut short; what came before is done, fetch the file again")
        } else if self.compression == Compression::Zstd && error.to_string().contains("too much memory") {
            let most = (1 << limits::ZSTD_WINDOW_LOG) >> 20;
            format!("{name}: the {how} data needs a window over {most} MiB; unpack it with `zstd -d` first")
        } else {
            format!(
                "{name}: the {how} data is damaged ({error}); what came before is done, fetch the file again"
            )
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compression {
    None,
    Gzip,
    Zstd,
    Bzip2,
    Snappy,
    Zip,
}

impl Compression {
    /// How each begins.
    const STARTS: [(Self, &[u8]); 6] = [
        (Self::Gzip, b"\x1f\x8b\x08"),
        (Self::Zstd, b"\x28\xb5\x2f\xfd"),
        (Self::Bzip2, b"BZh"),
        (Self::Snappy, b"\xff\x06\x00\x00sNaPpY"),
        (Self::Zip, b"PK\x03\x04"),
        // An archive without members.
        (Self::Zip, b"PK\x05\x06"),
    ];

    /// Reads no more than is needed to tell.
    fn start(reader: &mut impl Read) -> io::Result<Vec<u8>> {
        let mut start = Vec::new();
        while Self::STARTS.iter().any(|(_, s)| s.len() > start.len() && s.starts_with(&start)) {
            if reader.take(1).read_to_end(&mut start)? == 0 {
                break;
            }
        }
        Ok(start)
    }

    fn of(start: &[u8]) -> Self {
        Self::STARTS.iter().find(|(_, s)| start.starts_with(s)).map_or(Self::None, |(c, _)| *c)
    }

    fn name(self) -> &'static str {
        match self {
            Self::None => "plain",
            Self::Gzip => "gzip",
            Self::Zstd => "Zstandard",
            Self::Bzip2 => "bzip2",
            Self::Snappy => "snappy",
            Self::Zip => "zip",
        }
    }

    /// All concatenated members or frames, one after the other.
    fn reader<'a>(self, raw: impl BufRead + 'a) -> io::Result<Box<dyn Read + 'a>> {
        Ok(match self {
            Self::None | Self::Zip => Box::new(raw),
            Self::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(raw)),
            Self::Zstd => {
                let mut reader = zstd::stream::read::Decoder::with_buffer(raw)?;
                reader.window_log_max(limits::ZSTD_WINDOW_LOG)?;
                Box::new(reader)
            }
            Self::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(raw)),
            Self::Snappy => Box::new(snap::read::FrameDecoder::new(raw)),
        })
    }
}

/// Counts what is read, for the progress bar.
struct Counted<'a, R> {
    inner: R,
    count: &'a AtomicU64,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.count.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}
