//! Inputs that somebody else fetches, such as the objects of a store: this crate knows how they are
//! compressed, and not where they come from.

use std::{
    fmt,
    io::{self, Read, Seek, SeekFrom},
};

use crate::{Error, stop::Stop};

/// Who fetches inputs. What its readers fail with may have an [`Error`] inside, which is told as it is.
pub trait Fetch: Send + Sync + fmt::Debug {
    /// What messages call all of them.
    fn name(&self) -> String;

    /// How many bytes they have, where that is known.
    fn size(&self) -> Option<u64>;

    /// Whether an input of this name is one of them.
    fn has(&self, name: &str) -> bool;

    /// Each of them in turn, opened, or why it can't be read. No more than what is read next need be
    /// there.
    fn fetch(&self) -> Box<dyn Iterator<Item = Result<Fetched<'_>, Error>> + '_>;
}

/// An input that was opened.
pub struct Fetched<'a> {
    /// What messages and rejects call it.
    pub name: String,
    /// Its bytes.
    pub size: u64,
    /// All of it.
    pub reader: Box<dyn Read + 'a>,
    /// Opens it again; archives are read so.
    pub again: Again<'a>,
}

/// Opens an input from a place on.
pub type Again<'a> = Box<dyn Fn(u64) -> io::Result<Box<dyn Read + 'a>> + 'a>;

/// A reader that fails where it is told to stop.
pub(super) struct Checked<R> {
    inner: R,
    stop: Stop,
}

impl<R> Checked<R> {
    pub(super) fn new(inner: R, stop: Stop) -> Self {
        Self { inner, stop }
    }
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stop.check()?;
        self.inner.read(buffer)
    }
}

/// An input that is read from any place; it is opened where it is read and not where it goes to.
pub(super) struct Ranged<'a> {
    again: Again<'a>,
    size: u64,
    place: u64,
    /// None until it is read from here.
    reader: Option<Box<dyn Read + 'a>>,
}

impl<'a> Ranged<'a> {
    pub(super) fn new(again: Again<'a>, size: u64) -> Self {
        Self { again, size, place: 0, reader: None }
    }
}

impl Read for Ranged<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.place >= self.size {
            return Ok(0);
        }
        let reader = match &mut self.reader {
            Some(reader) => reader,
            None => self.reader.insert((self.again)(self.place)?),
        };
        let n = reader.read(buffer)?;
        self.place += n as u64;
        Ok(n)
    }
}

impl Seek for Ranged<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
            SeekFrom::Current(by) => self.place.checked_add_signed(by),
        };
        let place = place.ok_or(io::ErrorKind::InvalidInput)?;
        if place != self.place {
            self.reader = None;
            self.place = place;
        }
        Ok(place)
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, io::Write as _, ops::ControlFlow, sync::Arc};

    use super::*;
    use crate::{Source, Watch};

    /// Inputs in memory; one of them breaks.
    #[derive(Debug)]
    struct Memory(Vec<(&'static str, Vec<u8>)>);

    impl Fetch for Memory {
        fn name(&self) -> String {
            "memory".into()
        }

        fn size(&self) -> Option<u64> {
            None
        }

        fn has(&self, name: &str) -> bool {
            self.0.iter().any(|(own, _)| *own == name)
        }

        fn fetch(&self) -> Box<dyn Iterator<Item = Result<Fetched<'_>, Error>> + '_> {
            Box::new(self.0.iter().map(|(name, bytes)| {
                if bytes.is_empty() {
                    return Err(Error::told(format!("{name}: it is gone; look for it")));
                }
                let breaks = bytes.len() - if *name == "breaks" { 9 } else { 0 };
                let open = move |from: u64| -> io::Result<Box<dyn Read + '_>> {
                    let end = io::Cursor::new(&bytes[from as usize..breaks]);
                    Ok(if breaks < bytes.len() { Box::new(end.chain(Broken)) } else { Box::new(end) })
                };
                let (name, size) = ((*name).to_owned(), bytes.len() as u64);
                Ok(Fetched { name, size, reader: open(0).unwrap(), again: Box::new(open) })
            }))
        }
    }

    struct Broken;

    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(Error::told("breaks: can't read: the line is cut; try again").into())
        }
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
        for (name, text) in members {
            writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            writer.write_all(text).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    /// The name and the text of each input, or the error; up to `most` of them.
    fn all(source: &Source, watch: &Watch, most: usize) -> Vec<(String, String)> {
        let mut found = Vec::new();
        let Ok(()) = source.each(watch, &mut |input| -> Result<_, std::convert::Infallible> {
            found.push(match input {
                Ok(input) => {
                    let (mut text, mut buffer) = (Vec::new(), [0; 100]);
                    let end = loop {
                        match input.read(&mut buffer) {
                            Ok(0) => break String::new(),
                            Ok(n) => text.extend_from_slice(&buffer[..n]),
                            Err(e) => break format!("|{e}"),
                        }
                    };
                    (input.name().to_string(), String::from_utf8(text).unwrap() + &end)
                }
                Err(e) => ("error".into(), e.to_string()),
            });
            Ok(if found.len() == most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        });
        found
    }

    fn owned(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(name, text)| ((*name).into(), (*text).into())).collect()
    }

    #[test]
    fn what_is_fetched_is_told_apart_by_its_bytes() {
        let long = "x".repeat(100_000);
        let source = Source::Fetched(Arc::new(Memory(vec![
            ("plain", b"one".to_vec()),
            ("gz", gzip(b"two")),
            ("gone", Vec::new()),
            ("breaks", gzip(b"three")),
            ("zip", zip(&[("a", b"four"), ("b", long.as_bytes())])),
            ("last", b"five".to_vec()),
        ])));
        let expected = [
            ("plain", "one"),
            ("gz", "two"),
            ("error", "gone: it is gone; look for it"),
            ("breaks", "three|breaks: can't read: the line is cut; try again"),
            ("zip/a", "four"),
            ("zip/b", &long),
            ("last", "five"),
        ];
        let found = all(&source, &Watch::default(), usize::MAX);
        // What came before a break may be any part of the text.
        assert!(found[3].1.ends_with("breaks: can't read: the line is cut; try again"), "{:?}", found[3]);
        let but_the_broken = |all: Vec<(String, String)>| [&all[..3], &all[4..]].concat();
        assert_eq!(but_the_broken(found), but_the_broken(owned(&expected)));
        for most in [1, 2, 5] {
            assert_eq!(all(&source, &Watch::default(), most).len(), most);
        }
        assert!(source.ends());
    }

    /// As a terminal does where somebody ends the input and goes on to write.
    #[test]
    fn the_first_end_of_an_input_is_its_end() {
        struct Ends(Vec<&'static [u8]>);
        impl Read for Ends {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let piece = self.0.pop().expect("nothing is waited for");
                buffer[..piece.len()].copy_from_slice(piece);
                Ok(piece.len())
            }
        }
        for pieces in [vec![&b""[..]], vec![b"", b"a"], vec![b"", b"b", b"a"]] {
            let want: Vec<u8> = pieces.iter().rev().copied().flatten().copied().collect();
            let (raw, mut text) = (Box::new(Ends(pieces)), Vec::new());
            let none = || Ok(None::<io::Cursor<Vec<u8>>>);
            let done = super::super::one("<stdin>", Ok(raw), none, &Watch::default(), &mut |input| {
                let (input, mut buffer) = (input.unwrap(), [0; 100]);
                loop {
                    match input.read(&mut buffer).unwrap() {
                        0 => return Ok::<_, std::convert::Infallible>(ControlFlow::Break(())),
                        n => text.extend_from_slice(&buffer[..n]),
                    }
                }
            });
            assert!(done.is_ok_and(|flow| flow.is_break()));
            assert_eq!(text, want);
        }
    }

    #[test]
    fn a_workbook_is_no_archive_of_logs() {
        let workbook = |other| zip(&[("[Content_Types].xml", b"<Types/>"), (other, b"<sheet/>")]);
        let source = Source::Fetched(Arc::new(Memory(vec![
            ("flow.xlsx", workbook("xl/workbook.xml")),
            ("other.zip", workbook("a/workbook.xml")),
        ])));
        let found = all(&source, &Watch::default(), 9);
        assert_eq!(found.len(), 3, "{found:?}");
        assert_eq!(
            found[0].1,
            "flow.xlsx: this is an Excel workbook, which Weir does not read; save it as CSV"
        );
    }

    #[test]
    fn nothing_is_fetched_behind_a_stop() {
        let (stopper, stop) = crate::stop().unwrap();
        let watch = Watch { stop, ..Watch::default() };
        let source = Source::Fetched(Arc::new(Memory(vec![("a", b"one".to_vec())])));
        assert_eq!(all(&source, &watch, 9), owned(&[("a", "one")]));
        drop(stopper);
        let found = all(&source, &watch, 9);
        assert!(found.len() == 1 && found[0].0 == "error", "{found:?}");
    }

    #[test]
    fn an_input_is_opened_again_only_where_it_is_read() {
        let opened = Cell::new(0);
        let bytes = *b"0123456789";
        let again = Box::new(|from: u64| -> io::Result<Box<dyn Read + '_>> {
            opened.set(opened.get() + 1);
            Ok(Box::new(&bytes[from as usize..]))
        });
        let mut ranged = Ranged::new(again, 10);
        let mut two = [0; 2];
        ranged.seek(SeekFrom::End(-3)).unwrap();
        ranged.seek(SeekFrom::Start(4)).unwrap();
        ranged.read_exact(&mut two).unwrap();
        assert_eq!(ranged.stream_position().unwrap(), 6);
        assert_eq!(&two, b"45");
        ranged.read_exact(&mut two).unwrap();
        assert_eq!((&two, opened.get()), (b"67", 1));
        ranged.seek(SeekFrom::Current(1)).unwrap();
        assert_eq!(ranged.read(&mut two).unwrap(), 1);
        assert_eq!((two[0], ranged.read(&mut two).unwrap(), opened.get()), (b'9', 0, 2));
        assert!(ranged.seek(SeekFrom::Current(-11)).is_err());
    }
}
