//! Arrow's stream of record batches, which other programs read from a pipe.

use std::io::{self, Write};

use arrow_ipc::writer::StreamWriter;
use weir_pipeline::packers::Packer;

use crate::{Layout, Rows};

/// Packs flat records as a stream of Arrow's IPC format.
pub struct Stream {
    rows: Rows,
    /// The stream; what is in its memory is written away after each piece.
    writer: Option<StreamWriter<Vec<u8>>>,
}

impl Stream {
    /// A stream with these columns.
    pub fn new(layout: &Layout) -> Self {
        Self { rows: Rows::new(layout), writer: None }
    }

    fn read(&mut self, records: &[u8], takes_all: bool, out: &mut dyn Write) -> io::Result<()> {
        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => {
                none.insert(StreamWriter::try_new(Vec::new(), &self.rows.schema()).map_err(io::Error::other)?)
            }
        };
        self.rows.push(records, &mut |batch| writer.write(&batch).map_err(io::Error::other))?;
        if takes_all && let Some(batch) = self.rows.take()? {
            writer.write(&batch).map_err(io::Error::other)?;
        }
        let written = out.write_all(writer.get_ref());
        writer.get_mut().clear();
        written
    }
}

impl Packer for Stream {
    fn push(&mut self, records: &[u8], out: &mut dyn Write) -> io::Result<()> {
        self.read(records, false, out)
    }

    /// Rows go out that only wait for others.
    fn pause(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.read(b"", true, out)
    }

    fn can_reopen(&self) -> bool {
        false
    }

    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.read(if self.rows.is_whole() { b"" } else { b"\n" }, true, out)?;
        if let Some(mut writer) = self.writer.take() {
            writer.finish().map_err(io::Error::other)?;
            out.write_all(writer.get_ref())?;
        }
        Ok(())
    }
}
