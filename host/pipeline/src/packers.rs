//! Packers: what stands between records, which are JSON lines, and where they go.
//!
//! A format that is more than lines has a packer: it gathers records, and writes what is complete. A
//! new format is a type with [`Packer`], and a line in [`of`].

use std::io::{self, Write};

use weir_normalizer::schemas::{Schema, otel::Joiner};

/// Packs the records of one output.
pub trait Packer: Send {
    /// Takes the next bytes of the records, which may end inside one, and writes what is complete.
    fn push(&mut self, records: &[u8], out: &mut dyn Write) -> io::Result<()>;

    /// The input pauses behind a record: writes what only waits for others, as far as the format lets
    /// it. What is written in the end holds the same records.
    fn pause(&mut self, out: &mut dyn Write) -> io::Result<()>;

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
