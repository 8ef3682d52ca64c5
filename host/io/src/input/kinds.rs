//! What a file is, told by how it begins: compressed, or of a kind that has no lines.

use std::io::{self, Read};

use super::raw_snappy;
use crate::limits;

/// How much is looked at behind a mark that could be the beginning of a text.
const BEHIND_MARK: usize = 16;

/// Where archives of tar have their mark, and what it is.
const TAR: (usize, &[u8]) = (257, b"ustar");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Gzip,
    Zstd,
    Bzip2,
    Snappy,
    /// A raw block of snappy, without frames.
    RawSnappy,
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

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::None => "plain",
            Self::Gzip => "gzip",
            Self::Zstd => "Zstandard",
            Self::Bzip2 => "bzip2",
            Self::Snappy | Self::RawSnappy => "snappy",
            Self::Zip => "zip",
        }
    }
}

/// A kind of files that Weir does not read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Foreign {
    pub(super) mark: &'static [u8],
    /// Whether the mark could begin a text, so that what is behind it must be none.
    is_word: bool,
    /// What it is, and what to do with it.
    pub(super) what: &'static str,
    pub(super) remedy: &'static str,
}

const fn mark(mark: &'static [u8], what: &'static str, remedy: &'static str) -> Foreign {
    Foreign { mark, is_word: false, what, remedy }
}

const fn word(mark: &'static [u8], what: &'static str, remedy: &'static str) -> Foreign {
    Foreign { mark, is_word: true, what, remedy }
}

const TO_LINES: &str = "write its rows as JSON lines first, for instance with DuckDB";
const NO_LOG: &str = "give the file that has the log";
const PACKETS: &str = "Weir reads flow logs and no packets";

/// Its end says where all else is.
pub(super) const PARQUET: Foreign =
    word(b"PAR1", "a Parquet file in a stream", "give it as a file of its own, as its end is read first");

const FOREIGN: &[Foreign] = &[
    PARQUET,
    word(b"PARE", "an encrypted Parquet file", "decrypt it, and write its rows as JSON lines first"),
    mark(b"Obj\x01", "an Avro file", "write its records as JSON lines first, with `avro-tools tojson`"),
    word(b"ORC", "an ORC file", "write its rows as JSON lines first, with `orc-contents`"),
    mark(b"ARROW1\0\0", "an Arrow file", TO_LINES),
    mark(b"SQLite format 3\0", "a SQLite database", "write its rows as JSON lines first, with `sqlite3`"),
    mark(b"\xfd7zXZ\0", "compressed with xz", "unpack it with `xz -d` first"),
    mark(b"\x5d\0\0", "compressed with lzma", "unpack it with `xz -d` first"),
    mark(b"LZIP\x01", "compressed with lzip", "unpack it with `lzip -d` first"),
    mark(b"\x89LZO\0\r\n\x1a\n", "compressed with lzop", "unpack it with `lzop -d` first"),
    mark(b"\x04\x22\x4d\x18", "compressed with lz4", "unpack it with `lz4 -d` first"),
    mark(b"\x1f\x9d", "compressed with compress", "unpack it with `gzip -d` first"),
    mark(b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it with `7z x` first"),
    mark(b"Rar!\x1a\x07", "a RAR archive", "unpack it with `unrar x` first"),
    mark(b"\xff\xfe", "text in UTF-16", "convert it with `iconv -f UTF-16 -t UTF-8` first"),
    mark(b"\xfe\xff", "text in UTF-16", "convert it with `iconv -f UTF-16 -t UTF-8` first"),
    mark(b"\xd4\xc3\xb2\xa1", "a capture of packets (pcap)", PACKETS),
    mark(b"\xa1\xb2\xc3\xd4", "a capture of packets (pcap)", PACKETS),
    mark(b"\x4d\x3c\xb2\xa1", "a capture of packets (pcap)", PACKETS),
    mark(b"\xa1\xb2\x3c\x4d", "a capture of packets (pcap)", PACKETS),
    word(b"\n\r\r\n", "a capture of packets (pcapng)", PACKETS),
    mark(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Office document", "save its sheet as CSV first"),
    mark(b"%PDF-", "a PDF document", NO_LOG),
    mark(b"\x89PNG\r\n\x1a\n", "a PNG image", NO_LOG),
    mark(b"\xff\xd8\xff", "a JPEG image", NO_LOG),
    mark(b"GIF87a", "a GIF image", NO_LOG),
    mark(b"GIF89a", "a GIF image", NO_LOG),
    mark(b"\x7fELF", "a program (ELF)", NO_LOG),
    word(b"MZ", "a program (Windows)", NO_LOG),
    mark(b"\xcf\xfa\xed\xfe", "a program (Mach-O)", NO_LOG),
    mark(b"\xca\xfe\xba\xbe", "a program (Mach-O or Java)", NO_LOG),
    mark(b"\0asm", "a program (WebAssembly)", NO_LOG),
];

const TARRED: Foreign = mark(TAR.1, "a tar archive", "unpack it with `tar -x` first");

/// What the beginning of a file tells.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Compressed(Compression),
    Foreign(&'static Foreign),
    /// More has to be seen; without more, this is what it is.
    Unclear(Compression),
}

/// What a file is that begins so.
pub(super) fn kind(start: &[u8]) -> Kind {
    if start.is_empty() {
        return Kind::Unclear(Compression::None);
    }
    let mut is_unclear = false;
    for (compression, mark) in Compression::STARTS {
        if start.starts_with(mark) {
            return Kind::Compressed(compression);
        }
        is_unclear |= mark.starts_with(start);
    }
    for foreign in FOREIGN {
        let Some(behind) = start.strip_prefix(foreign.mark) else {
            is_unclear |= foreign.mark.starts_with(start);
            continue;
        };
        let behind = &behind[..behind.len().min(BEHIND_MARK)];
        if !foreign.is_word || behind.iter().any(|b| raw_snappy::is_binary(*b)) {
            return Kind::Foreign(foreign);
        }
        is_unclear |= behind.len() < BEHIND_MARK;
    }
    let (place, mark) = TAR;
    // The name of the first member has zeros behind it.
    if start.contains(&0) {
        match start.get(place..place + mark.len()) {
            Some(found) if found == mark => return Kind::Foreign(&TARRED),
            Some(_) => {}
            None => is_unclear = true,
        }
    }
    match raw_snappy::is_block(start) {
        Some(true) => Kind::Compressed(Compression::RawSnappy),
        None => Kind::Unclear(Compression::RawSnappy),
        Some(false) if is_unclear => Kind::Unclear(Compression::None),
        Some(false) => Kind::Compressed(Compression::None),
    }
}

/// What an input is that begins so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beginning {
    /// It may be text.
    Text,
    /// It is compressed, or an archive; by the name of what it is compressed with.
    Compressed(&'static str),
    /// It is something that Weir does not read.
    Foreign {
        /// What it is, such as "a PDF document".
        what: &'static str,
        /// What to do with it.
        remedy: &'static str,
    },
    /// More has to be seen.
    Unclear,
}

/// Tells what an input is by its beginning, of which [`limits::BEGINNING`] bytes are enough. `is_all` says that no
/// more of it is to come; then it is not unclear.
pub fn beginning(start: &[u8], is_all: bool) -> Beginning {
    let start = &start[..start.len().min(limits::BEGINNING)];
    match kind(start) {
        Kind::Foreign(&PARQUET) => {
            Beginning::Foreign { what: "a Parquet file", remedy: "`weir normalize` does" }
        }
        Kind::Foreign(Foreign { what, remedy, .. }) => Beginning::Foreign { what, remedy },
        Kind::Unclear(_) if !is_all && start.len() < limits::BEGINNING => Beginning::Unclear,
        Kind::Compressed(Compression::None) | Kind::Unclear(Compression::None) => Beginning::Text,
        Kind::Compressed(compression) | Kind::Unclear(compression) => {
            Beginning::Compressed(compression.name())
        }
    }
}

/// Reads what comes first, and on where more is needed to tell what it is. What is read at first is as long as
/// all other pieces, so that a file does not seem to pause behind it.
pub(super) fn start(reader: &mut dyn Read) -> io::Result<(Vec<u8>, Kind)> {
    let mut start = vec![0; limits::PIECE];
    let mut len = 0;
    let kind = loop {
        match kind(&start[..len.min(limits::BEGINNING)]) {
            Kind::Unclear(compression) if len >= limits::BEGINNING => break Kind::Compressed(compression),
            Kind::Unclear(compression) => match reader.read(&mut start[len..]) {
                Ok(0) => break Kind::Compressed(compression),
                Ok(n) => len += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            },
            clear => break clear,
        }
    };
    start.truncate(len);
    Ok((start, kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reader that gives one byte at a time.
    struct Drop<'a>(&'a [u8]);

    impl Read for Drop<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let n = self.0.len().min(buffer.len()).min(1);
            buffer[..n].copy_from_slice(&self.0[..n]);
            self.0 = &self.0[n..];
            Ok(n)
        }
    }

    fn told(mut bytes: &[u8]) -> Kind {
        let slowly = start(&mut Drop(bytes)).unwrap();
        let whole = bytes;
        let (start, kind) = start(&mut bytes).unwrap();
        assert_eq!(slowly.1, kind, "{whole:?}");
        assert_eq!([&start, bytes].concat(), whole);
        kind
    }

    #[test]
    fn foreign_files_are_known_by_their_marks() {
        for foreign in FOREIGN {
            let file = [foreign.mark, b"\x15\x04\x15\0\0\0\x12\x34\0\0\0"].concat();
            assert_eq!(told(&file), Kind::Foreign(foreign), "{}", foreign.what);
        }
        let mut tar = vec![0; 1024];
        tar[..8].copy_from_slice(b"flow.log");
        tar[257..262].copy_from_slice(b"ustar");
        // Its name alone would be text that nobody waits behind.
        assert_eq!(kind(&tar), Kind::Foreign(&TARRED));
        assert_eq!(start(&mut &tar[..]).unwrap().1, Kind::Foreign(&TARRED));
    }

    #[test]
    fn a_beginning_is_told_as_far_as_it_is_seen() {
        let line = b"1 5f67944957444bd6bb4fe3b367de8f3d 1d515d18-1b36-47dc-a983-bd6512aed4bd\n";
        for (compression, mark) in Compression::STARTS {
            let is_all = [false, true].map(|is_all| beginning(&[mark, b"\0\x01"].concat(), is_all));
            assert_eq!(is_all, [Beginning::Compressed(compression.name()); 2]);
            assert_eq!(beginning(&mark[..1], false), Beginning::Unclear);
        }
        // A raw block has no mark, and what is cut short may be one.
        let block = snap::raw::Encoder::new().compress_vec(&line.repeat(20)).unwrap();
        assert_eq!(beginning(&block, false), Beginning::Compressed("snappy"));
        assert_eq!(beginning(&block[..block.len() - 1], false), Beginning::Unclear);
        assert_eq!(beginning(&block[..block.len() - 1], true), Beginning::Compressed("snappy"));
        for (start, is_all) in [(&line[..], false), (b"", true), (b"P", true), (b"\xfd", true)] {
            assert_eq!(beginning(start, is_all), Beginning::Text, "{start:?}");
        }
        assert_eq!(beginning(b"", false), Beginning::Unclear);
        assert!(
            matches!(beginning(b"\xfd7zXZ\0", false), Beginning::Foreign { what, .. } if what.contains("xz"))
        );
        assert!(matches!(beginning(b"PAR1\x15\0", true), Beginning::Foreign { what: "a Parquet file", .. }));
    }

    #[test]
    fn text_is_text_whatever_word_it_begins_with() {
        let line = b" 5f67944957444bd6bb4fe3b367de8f3d 1d515d18-1b36-47dc-a983-bd6512aed4bd\n";
        let plain = Kind::Compressed(Compression::None);
        for word in
            ["", "PAR1", "PARE", "ORC", "MZ", "P", "PK", "Obj", "GIF", "LZIP", "ARROW1", "\n\r\r\n", "%PDF"]
        {
            assert_eq!(told(&[word.as_bytes(), line].concat()), plain, "{word}");
            assert_eq!(told(word.as_bytes()), plain, "{word}");
        }
        // A zero in a line makes no archive.
        assert_eq!(told(&[&b"a\0b"[..], line].concat()), plain);
        assert_eq!(told(&[&b"a\0b"[..], &line.repeat(100)].concat()), plain);
    }

    #[test]
    fn no_more_is_read_than_is_needed() {
        /// Would wait for ever.
        struct Pause;
        impl Read for Pause {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                panic!("nothing more comes");
            }
        }
        for first in [&b"1"[..], b"{", b"srcaddr", b"\x1f\x8b\x08", b"\xef\xbb\xbf"] {
            assert_eq!(start(&mut first.chain(Pause)).unwrap().0, first);
        }
    }
}
