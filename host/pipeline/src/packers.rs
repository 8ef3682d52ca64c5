//! Packers: what stands between records, which are JSON lines, and where they go.
//!
//! A format that is more than lines has a packer: it gathers records, and writes what is complete. A
//! new format is a type with [`Packer`], and a line in [`of`].

use std::io::{self, Write};

use memchr::{memchr, memrchr};
use weir_normalizer::schemas::{Schema, otel::Joiner};

/// Packs the records of one output.
pub trait Packer: Send {
    /// Takes the next bytes of the records, which may end inside one, and writes what is complete.
    fn push(&mut self, records: &[u8], out: &mut dyn Write) -> io::Result<()>;

    /// The input pauses behind a record: writes what only waits for others, as far as the format lets
    /// it. What is written in the end holds the same records.
    fn pause(&mut self, out: &mut dyn Write) -> io::Result<()>;

    /// Whether what follows may go to another file, so that each is whole.
    fn can_reopen(&self) -> bool {
        true
    }

    /// What follows goes to another file, which has nothing in it yet.
    fn reopened(&mut self) {}

    /// There are no more records: writes what is left. Called once, and nothing after it.
    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()>;
}

/// The packer for records of a schema.
pub fn of(schema: Schema) -> Box<dyn Packer> {
    match schema {
        Schema::Otel => Box::new(LogsData::default()),
        _ => Box::new(Lines),
    }
}

/// Records as they are, a line each.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lines;

impl Packer for Lines {
    fn push(&mut self, records: &[u8], out: &mut dyn Write) -> io::Result<()> {
        out.write_all(records)
    }

    fn pause(&mut self, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    fn finish(&mut self, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

/// Records that come in pieces, as whole lines.
#[derive(Debug, Default)]
pub struct WholeLines {
    /// The beginning of a line whose end has not come yet.
    rest: Vec<u8>,
}

impl WholeLines {
    /// Takes the next bytes of the records, which may end inside a line, and gives the lines that are
    /// whole now, with their breaks: in one piece or two.
    ///
    /// # Errors
    ///
    /// What `lines` fails with; those lines are not given again.
    pub fn push(
        &mut self,
        mut bytes: &[u8],
        mut lines: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        if !self.rest.is_empty() {
            let end = memchr(b'\n', bytes).map_or(bytes.len(), |at| at + 1);
            let (first, more) = bytes.split_at(end);
            self.rest.extend_from_slice(first);
            bytes = more;
            if !self.rest.ends_with(b"\n") {
                return Ok(());
            }
            let given = lines(&self.rest);
            self.rest.clear();
            given?;
        }
        let end = memrchr(b'\n', bytes).map_or(0, |at| at + 1);
        let (whole, rest) = bytes.split_at(end);
        self.rest.extend_from_slice(rest);
        if whole.is_empty() { Ok(()) } else { lines(whole) }
    }

    /// Whether no line waits for its end.
    pub fn is_whole(&self) -> bool {
        self.rest.is_empty()
    }
}

/// What another packer writes, as indented JSON for people.
pub struct Pretty {
    packer: Box<dyn Packer>,
    /// What that one wrote, in memory that is used again.
    written: Vec<u8>,
    indent: Indent,
}

impl Pretty {
    /// Indents what this one writes.
    pub fn new(packer: Box<dyn Packer>) -> Self {
        Self { packer, written: Vec::new(), indent: Indent::default() }
    }

    fn write(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let written = out.write_all(&self.indent.apply(&self.written));
        self.written.clear();
        written
    }
}

impl Packer for Pretty {
    fn push(&mut self, records: &[u8], out: &mut dyn Write) -> io::Result<()> {
        self.packer.push(records, &mut self.written)?;
        self.write(out)
    }

    fn pause(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.packer.pause(&mut self.written)?;
        self.write(out)
    }

    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.packer.finish(&mut self.written)?;
        self.write(out)
    }
}

/// Indents JSON without reading its values, so that they stay as they are; what comes may end
/// anywhere.
#[derive(Debug, Default)]
struct Indent {
    depth: usize,
    in_string: bool,
    is_escaped: bool,
    /// A container has just opened: it may turn out to be empty.
    is_open: bool,
}

impl Indent {
    fn apply(&mut self, json: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(json.len() * 2);
        for byte in json {
            self.byte(*byte, &mut out);
        }
        out
    }

    fn byte(&mut self, byte: u8, out: &mut Vec<u8>) {
        if self.in_string {
            out.push(byte);
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' => self.is_escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return;
        }
        let is_closing = matches!(byte, b'}' | b']');
        if is_closing {
            self.depth = self.depth.saturating_sub(1);
        }
        if is_closing != self.is_open {
            self.line(out);
        }
        self.is_open = matches!(byte, b'{' | b'[');
        out.push(byte);
        match byte {
            b'{' | b'[' => self.depth += 1,
            b',' => self.line(out),
            b':' => out.push(b' '),
            b'"' => self.in_string = true,
            _ => {}
        }
    }

    fn line(&self, out: &mut Vec<u8>) {
        out.push(b'\n');
        out.resize(out.len() + 2 * self.depth, b' ');
    }
}

/// OTLP/JSON: the records of many lines in one `LogsData`, as the collector's file exporter writes
/// it.
#[derive(Debug, Default)]
pub struct LogsData {
    joiner: Joiner,
    /// What is to be written, in memory that is used again.
    documents: Vec<u8>,
}

impl LogsData {
    fn write(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let written = out.write_all(&self.documents);
        self.documents.clear();
        written
    }
}

impl Packer for LogsData {
    fn push(&mut self, records: &[u8], out: &mut dyn Write) -> io::Result<()> {
        self.joiner.push(records, &mut self.documents);
        self.write(out)
    }

    fn pause(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.joiner.finish(&mut self.documents);
        self.write(out)
    }

    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.pause(out)
    }
}

#[cfg(test)]
mod tests {
    use weir_normalizer::{Config, Stream};

    use super::*;

    const LINE: &str = "2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 20641 22 6 20 \
        4249 1418530010 1418530070 ACCEPT OK\n";

    /// The records of some lines.
    fn records(to: Schema, count: usize) -> Vec<u8> {
        let config = Config { to, observed_at_ms: Some(1_418_530_100_000), ..Config::default() };
        let mut stream = Stream::new(&config).unwrap();
        let mut records = Vec::new();
        let lines = LINE.repeat(count);
        stream.push(lines.as_bytes(), |_, outcome| records.extend_from_slice(&outcome.output));
        stream.finish(|_, outcome| records.extend_from_slice(&outcome.output));
        records
    }

    #[test]
    fn lines_are_whole_whatever_the_pieces() {
        let text = b"a\n\nbcd\nefghijk\nl\n";
        for size in 1..=text.len() {
            let (mut whole, mut given) = (WholeLines::default(), Vec::new());
            for piece in text.chunks(size) {
                let took = whole.push(piece, |lines| {
                    assert!(lines.ends_with(b"\n"), "{lines:?}");
                    given.extend_from_slice(lines);
                    Ok(())
                });
                took.unwrap();
            }
            assert!(whole.is_whole());
            assert_eq!(given, text);
        }
    }

    #[test]
    fn lines_that_could_not_be_taken_do_not_come_again() {
        let mut whole = WholeLines::default();
        whole.push(b"a", |_| panic!("a line that is not whole")).unwrap();
        assert!(!whole.is_whole());
        assert!(whole.push(b"b\nc", |_| Err(io::ErrorKind::Other.into())).is_err());
        let mut given = Vec::new();
        whole
            .push(b"c\n", |lines| {
                given.extend_from_slice(lines);
                Ok(())
            })
            .unwrap();
        assert_eq!(given, b"c\n");
    }

    #[test]
    fn lines_stay_as_they_are() {
        let records = records(Schema::Ecs, 2);
        let (mut packer, mut out) = (of(Schema::Ecs), Vec::new());
        for piece in records.chunks(7) {
            packer.push(piece, &mut out).unwrap();
        }
        packer.pause(&mut out).unwrap();
        assert_eq!(out, records);
        packer.finish(&mut out).unwrap();
        assert_eq!(out, records);
    }

    #[test]
    fn pretty_json_is_the_same_json() {
        let samples = [
            r#"{"a":{},"b":[],"c":[1,{"d":"x,{\"}\\"}],"e":{"f":null}}"#.to_owned(),
            String::from_utf8(records(Schema::Ecs, 1)).unwrap().trim_end().to_owned(),
        ];
        for sample in samples {
            for size in [1, 3, 1000] {
                let (mut packer, mut out) = (Pretty::new(Box::new(Lines)), Vec::new());
                for piece in format!("{sample}\n{sample}\n").as_bytes().chunks(size) {
                    packer.push(piece, &mut out).unwrap();
                }
                packer.finish(&mut out).unwrap();
                let value: serde_json::Value = serde_json::from_str(&sample).unwrap();
                let mut pretty = String::from_utf8(out).unwrap();
                // Keys of that tree are sorted.
                let lines = |text: &str| {
                    let mut lines: Vec<_> =
                        text.lines().map(|l| l.trim_end_matches(',').to_owned()).collect();
                    lines.sort();
                    lines
                };
                let expected = serde_json::to_string_pretty(&value).unwrap();
                assert_eq!(lines(&pretty), lines(&format!("{expected}\n{expected}")));
                pretty.truncate(pretty.len() / 2);
                assert_eq!(serde_json::from_str::<serde_json::Value>(&pretty).unwrap(), value);
            }
        }
    }

    #[test]
    fn documents_are_joined_until_the_input_pauses() {
        let records = records(Schema::Otel, 2);
        let documents = |out: &[u8]| out.iter().filter(|b| **b == b'\n').count();
        assert_eq!(documents(&records), 2);
        let (mut packer, mut out) = (of(Schema::Otel), Vec::new());
        for piece in records.chunks(7) {
            packer.push(piece, &mut out).unwrap();
        }
        assert_eq!(documents(&out), 0);
        packer.pause(&mut out).unwrap();
        assert_eq!(documents(&out), 1);
        packer.push(&records, &mut out).unwrap();
        packer.finish(&mut out).unwrap();
        assert_eq!(documents(&out), 2);
        let both = String::from_utf8(out).unwrap();
        assert_eq!(both.matches("timeUnixNano").count(), 4, "{both}");
    }
}
