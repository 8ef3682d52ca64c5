//! OTLP/JSON output: the records of many lines in one `LogsData`, as the collector's file
//! exporter writes it.

use std::io::{self, Write};

use weir_normalizer::schemas::otel::Joiner;

/// Joins the records that are written to it, and writes them on.
pub(crate) struct LogsData<W: Write> {
    writer: W,
    joiner: Joiner,
    lines: Vec<u8>,
}

impl<W: Write> LogsData<W> {
    /// Writes to `writer`.
    pub(crate) fn new(writer: W) -> Self {
        Self { writer, joiner: Joiner::default(), lines: Vec::new() }
    }

    /// Writes the records that still wait for others.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.flush()
    }
}

impl<W: Write> Write for LogsData<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.joiner.push(bytes, &mut self.lines);
        self.writer.write_all(&self.lines)?;
        self.lines.clear();
        Ok(bytes.len())
    }

    /// Writes also the records that wait for others.
    fn flush(&mut self) -> io::Result<()> {
        self.joiner.finish(&mut self.lines);
        self.writer.write_all(&self.lines)?;
        self.lines.clear();
        self.writer.flush()
    }
}
