//! Files that are written, as they are or compressed: that is told by how their name ends.

use std::{
    fs::{File, Metadata, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use flate2::write::GzEncoder;

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

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compression {
    None,
    Gzip,
    Zstd,
}

/// Endings that promise what is not written.
const OTHERS: [&str; 6] = ["bz2", "xz", "lz4", "sz", "snappy", "zip"];

impl Compression {
    fn of(path: &Path) -> Result<Self, Error> {
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

    fn encoder(self, file: File) -> io::Result<Encoder> {
        let file = Waiting(file);
        Ok(match self {
            Self::None => Encoder::Plain(file),
            Self::Gzip => Encoder::Gzip(GzEncoder::new(file, flate2::Compression::default())),
            Self::Zstd => {
                let mut encoder = zstd::Encoder::new(file, zstd::DEFAULT_COMPRESSION_LEVEL)?;
                encoder.include_checksum(true)?;
                Encoder::Zstd(encoder)
            }
        })
    }
}

enum Encoder {
    Plain(Waiting<File>),
    Gzip(GzEncoder<Waiting<File>>),
    Zstd(zstd::Encoder<'static, Waiting<File>>),
    /// Nothing is written any more.
    Ended,
}

/// A file that is written.
pub struct OutputFile {
    path: PathBuf,
    compression: Compression,
    encoder: Encoder,
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
            Ok((compression.encoder(file)?, metadata))
        });
        let (encoder, metadata) = opened.map_err(|e| Error::file(&path.to_string_lossy(), "create", e))?;
        Ok((Self { path: path.to_owned(), compression, encoder }, metadata))
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.encoder {
            Encoder::Plain(file) => file.write(bytes),
            Encoder::Gzip(encoder) => encoder.write(bytes),
            Encoder::Zstd(encoder) => encoder.write(bytes),
            Encoder::Ended => Err(io::ErrorKind::WriteZero.into()),
        }
    }

    /// What was written so far can be read, also of a compressed file.
    fn flush(&mut self) -> io::Result<()> {
        match &mut self.encoder {
            Encoder::Plain(file) => file.flush(),
            Encoder::Gzip(encoder) => encoder.flush(),
            Encoder::Zstd(encoder) => encoder.flush(),
            Encoder::Ended => Ok(()),
        }
    }
}

impl Output for OutputFile {
    fn finish(&mut self) -> io::Result<()> {
        match std::mem::replace(&mut self.encoder, Encoder::Ended) {
            Encoder::Plain(mut file) => file.flush(),
            Encoder::Gzip(encoder) => encoder.finish()?.flush(),
            Encoder::Zstd(encoder) => encoder.finish()?.flush(),
            Encoder::Ended => Ok(()),
        }
    }

    fn reopen(&mut self) -> io::Result<bool> {
        self.finish()?;
        // What is there by now is kept: frames and members follow each other in one file.
        let file = OpenOptions::new().append(true).create(true).open(&self.path)?;
        let is_empty = file.metadata()?.len() == 0;
        self.encoder = self.compression.encoder(file)?;
        Ok(is_empty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
