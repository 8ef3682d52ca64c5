//! Files that are written, as they are or compressed: that is told by how their name ends.

use std::{
    fs::{File, Metadata, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use flate2::write::GzEncoder;
use weir_printable::line;

use crate::{Error, streams::Waiting};

/// Something that is written until it is ended.
pub trait Output: Write {
    /// Ends what was written, so that it is whole. Nothing is written after it, unless it is reopened.
    fn finish(&mut self) -> io::Result<()>;

    /// Ends what was written, and goes on in the file that has the name now. Says whether that has
    /// nothing in it yet.
    fn reopen(&mut self) -> io::Result<bool>;
}

/// Memory is whole at any time.
impl Output for Vec<u8> {
    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn reopen(&mut self) -> io::Result<bool> {
        Ok(false)
    }
}

/// A stream has no name.
impl Output for Waiting<io::StdoutLock<'_>> {
    fn finish(&mut self) -> io::Result<()> {
        self.flush()
    }

    fn reopen(&mut self) -> io::Result<bool> {
        Ok(false)
    }
}

/// How what is written is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// It is not.
    None,
    /// With gzip.
    Gzip,
    /// With Zstandard.
    Zstd,
}

/// Endings that promise what is not written.
const OTHERS: [&str; 9] = ["bz2", "xz", "lz4", "sz", "snappy", "zip", "br", "7z", "rar"];

impl Compression {
    /// All there are, by their names.
    pub const ALL: [(&'static str, Self); 3] =
        [("none", Self::None), ("gzip", Self::Gzip), ("zstd", Self::Zstd)];

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, one)| *one == self).map_or("", |(name, _)| name)
    }

    /// What the names of files that are compressed so end with.
    pub fn ending(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gzip => ".gz",
            Self::Zstd => ".zst",
        }
    }

    /// How a file with this name is compressed; an error where that is a way that is not written.
    pub fn of(path: &Path) -> Result<Self, Error> {
        let ending = path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
        match ending.as_deref() {
            Some("gz") => Ok(Self::Gzip),
            Some("zst" | "zstd") => Ok(Self::Zstd),
            Some(other) if OTHERS.contains(&other) => Err(Error::new(format!(
                "{}: can't write what .{other} stands for; choose .gz, .zst, or a name without such an ending",
                weir_printable::line(&path.to_string_lossy())
            ))),
            _ => Ok(Self::None),
        }
    }

    /// Compresses what it is given into `out`.
    pub fn encoder<W: Write>(self, out: W) -> io::Result<Encoder<W>> {
        Ok(Encoder(match self {
            Self::None => Way::Plain(out),
            Self::Gzip => Way::Gzip(GzEncoder::new(out, flate2::Compression::default())),
            Self::Zstd => {
                let mut encoder = zstd::Encoder::new(out, zstd::DEFAULT_COMPRESSION_LEVEL)?;
                encoder.include_checksum(true)?;
                Way::Zstd(encoder)
            }
        }))
    }
}

/// Compresses what is written to it, or not.
pub struct Encoder<W: Write>(Way<W>);

enum Way<W: Write> {
    Plain(W),
    Gzip(GzEncoder<W>),
    Zstd(zstd::Encoder<'static, W>),
}

impl<W: Write> Encoder<W> {
    /// Ends what was written, so that it is whole, and gives back where it went.
    pub fn finish(self) -> io::Result<W> {
        match self.0 {
            Way::Plain(out) => Ok(out),
            Way::Gzip(encoder) => encoder.finish(),
            Way::Zstd(encoder) => encoder.finish(),
        }
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Way::Plain(out) => out.write(bytes),
            Way::Gzip(encoder) => encoder.write(bytes),
            Way::Zstd(encoder) => encoder.write(bytes),
        }
    }

    /// What was written so far can be read, also where it is compressed.
    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Way::Plain(out) => out.flush(),
            Way::Gzip(encoder) => encoder.flush(),
            Way::Zstd(encoder) => encoder.flush(),
        }
    }
}

/// A file that is written.
pub struct OutputFile {
    path: PathBuf,
    compression: Compression,
    /// None where nothing is written any more.
    encoder: Option<Encoder<Waiting<File>>>,
}

impl OutputFile {
    /// Whether a file of this name can be written.
    pub fn check(path: &Path) -> Result<(), Error> {
        Compression::of(path).map(drop)
    }

    /// Creates it, or empties it, and tells what was opened.
    pub fn create(path: &Path) -> Result<(Self, Option<Metadata>), Error> {
        let compression = Compression::of(path)?;
        let opened = File::create(path).and_then(|file| {
            let metadata = file.metadata().ok();
            Ok((compression.encoder(Waiting(file))?, metadata))
        });
        let (encoder, metadata) = opened.map_err(|e| not_created(path, e))?;
        Ok((Self { path: path.to_owned(), compression, encoder: Some(encoder) }, metadata))
    }
}

/// Why a file can't be created. What is told of a file that is not there would be strange of one that is made.
fn not_created(path: &Path, error: io::Error) -> Error {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists());
    match folder {
        Some(folder) if error.kind() == io::ErrorKind::NotFound => Error::new(format!(
            "{}: can't create: there is no folder {}; make it first, or choose another path",
            line(&path.to_string_lossy()),
            line(&folder.to_string_lossy())
        ))
        .with_source(error),
        _ => Error::file(&path.to_string_lossy(), "create", error),
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.encoder {
            Some(encoder) => encoder.write(bytes),
            None => Err(io::ErrorKind::WriteZero.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.encoder.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Output for OutputFile {
    fn finish(&mut self) -> io::Result<()> {
        self.encoder.take().map_or(Ok(()), |encoder| encoder.finish()?.flush())
    }

    fn reopen(&mut self) -> io::Result<bool> {
        self.finish()?;
        // What is there by now is kept: frames and members follow each other in one file.
        let file = OpenOptions::new().append(true).create(true).open(&self.path)?;
        let is_empty = file.metadata()?.len() == 0;
        self.encoder = Some(self.compression.encoder(Waiting(file))?);
        Ok(is_empty)
    }
}

/// Something that is there when it is finished, and not before, such as an object of a store.
pub trait Finish: Write + Send {
    /// Makes it what was written.
    fn finish(self: Box<Self>) -> io::Result<()>;
}

/// What is written in one piece, compressed as its name says.
pub struct OutputObject {
    /// None where it is finished.
    encoder: Option<Encoder<Box<dyn Finish>>>,
}

impl OutputObject {
    /// Writes to `object`, whose name tells how.
    pub fn new(name: &str, object: Box<dyn Finish>) -> Result<Self, Error> {
        let encoder = Compression::of(Path::new(name))?.encoder(object);
        Ok(Self { encoder: Some(encoder.map_err(|e| Error::file(name, "write", e))?) })
    }
}

impl Write for OutputObject {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.encoder {
            Some(encoder) => encoder.write(bytes),
            None => Err(io::ErrorKind::WriteZero.into()),
        }
    }

    /// Nobody can read it yet.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Output for OutputObject {
    fn finish(&mut self) -> io::Result<()> {
        self.encoder.take().map_or(Ok(()), |encoder| encoder.finish()?.finish())
    }

    /// It can't be added to later.
    fn reopen(&mut self) -> io::Result<bool> {
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Memory that is there at the end.
    #[derive(Default)]
    struct Memory(Vec<u8>, Arc<Mutex<Option<Vec<u8>>>>);

    impl Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            panic!("nobody can read it yet")
        }
    }

    impl Finish for Memory {
        fn finish(self: Box<Self>) -> io::Result<()> {
            *self.1.lock().unwrap() = Some(self.0);
            Ok(())
        }
    }

    #[test]
    fn an_object_is_there_when_it_is_finished() {
        for (name, start) in
            [("s3://b/a", &b"text"[..]), ("s3://b/a.zst", b"\x28\xb5\x2f\xfd"), ("a.gz", b"\x1f\x8b")]
        {
            let memory = Memory::default();
            let there = Arc::clone(&memory.1);
            let mut output = OutputObject::new(name, Box::new(memory)).unwrap();
            output.write_all(b"text").unwrap();
            output.flush().unwrap();
            assert!(!output.reopen().unwrap());
            assert_eq!(*there.lock().unwrap(), None);
            output.finish().unwrap();
            assert!(there.lock().unwrap().as_ref().unwrap().starts_with(start), "{name}");
            output.finish().unwrap();
        }
        assert!(OutputObject::new("s3://b/a.xz", Box::<Memory>::default()).is_err());
    }

    #[test]
    fn the_ending_of_a_name_tells_the_compression() {
        for (name, compression) in [
            ("a.jsonl", Some(Compression::None)),
            ("a", Some(Compression::None)),
            (".gz", Some(Compression::None)),
            ("gz/a", Some(Compression::None)),
            ("a.jsonl.gz", Some(Compression::Gzip)),
            ("a.GZ", Some(Compression::Gzip)),
            ("a.zst", Some(Compression::Zstd)),
            ("a.b.zstd", Some(Compression::Zstd)),
            ("a.bz2", None),
        ] {
            assert_eq!(Compression::of(Path::new(name)).ok(), compression, "{name}");
        }
    }

    #[test]
    fn a_file_is_reopened_with_or_without_a_rename() {
        let folder = tempfile::tempdir().unwrap();
        let (path, old) = (folder.path().join("a"), folder.path().join("a.1"));
        let (mut output, _) = OutputFile::create(&path).unwrap();
        output.write_all(b"1").unwrap();
        assert!(!output.reopen().unwrap());
        output.write_all(b"2").unwrap();
        std::fs::rename(&path, &old).unwrap();
        assert!(output.reopen().unwrap());
        output.write_all(b"3").unwrap();
        output.finish().unwrap();
        let read = |path| std::fs::read_to_string(path).unwrap();
        assert_eq!((read(&old), read(&path)), ("12".into(), "3".into()));
    }
}
