//! The writer: what comes of all batches, in the order of the input, goes out.

use std::thread;

use weir_pipeline::{
    Next, Outlet, Part, Turn, limits,
    packers::Packer,
    summary::{self, Summary},
};

use crate::{Error, progress::Progress};

use super::Sink;

/// The other threads, seen from the writer.
pub(super) struct Running {
    pub(super) outlet: Outlet,
    pub(super) packer: Box<dyn Packer>,
    pub(super) reader: thread::JoinHandle<Result<(), Error>>,
    pub(super) progress: Progress,
}

pub(super) struct Writer<'a, 'o, 'r> {
    pub(super) outlet: Outlet,
    pub(super) packer: Box<dyn Packer>,
    pub(super) output: Sink<'o>,
    pub(super) rejects: Option<Sink<'r>>,
    pub(super) progress: Progress,
    /// Accounts for what was written.
    pub(super) summary: &'a mut Summary,
    /// Rejects that were shown.
    pub(super) shown: usize,
}

impl Writer<'_, '_, '_> {
    /// Writes what comes of all batches.
    pub(super) fn write_all(&mut self) -> Result<(), Error> {
        loop {
            match self.outlet.next_within(limits::IDLE) {
                Next::Turn(turn) => self.write(&turn)?,
                Next::Idle => {
                    // The input pauses; what waits for more of it should not.
                    self.pause_output()?;
                    match self.outlet.next() {
                        Some(turn) => self.write(&turn)?,
                        None => return Ok(()),
                    }
                }
                Next::Closed => return Ok(()),
            }
        }
    }

    /// Writes what comes of a batch.
    fn write(&mut self, turn: &Turn) -> Result<(), Error> {
        self.progress.update();
        loop {
            match turn.next()? {
                Part::Records(part) => {
                    let Sink { name, writer } = &mut self.output;
                    self.packer.push(&part, writer).map_err(|e| Error::output(name, e))?;
                    self.outlet.give_back(part);
                }
                Part::Rejects(lines) => {
                    if let Some(Sink { name, writer }) = &mut self.rejects {
                        writer.write_all(&lines).map_err(|e| Error::rejects(name, e))?;
                    }
                }
                Part::Shown(texts) => {
                    for text in texts.iter().take(limits::REJECTS_SHOWN - self.shown) {
                        self.progress.says().say(text);
                        self.shown += 1;
                    }
                    if self.shown == limits::REJECTS_SHOWN {
                        self.outlet.enough_shown();
                    }
                }
                Part::End(end) => {
                    self.summary.add(&end.summary);
                    return Ok(end.result?);
                }
            }
        }
    }

    fn pause_output(&mut self) -> Result<(), Error> {
        let Sink { name, writer } = &mut self.output;
        self.packer.pause(writer).and_then(|()| writer.flush()).map_err(|e| Error::output(name, e))
    }

    /// Ends what is written.
    pub(super) fn finish_output(&mut self) -> Result<(), Error> {
        let Sink { name, writer } = &mut self.output;
        self.packer.finish(writer).and_then(|()| writer.finish()).map_err(|e| Error::output(name, e))
    }

    pub(super) fn finish_rejects(&mut self) -> Result<(), Error> {
        match &mut self.rejects {
            Some(Sink { name, writer }) => writer.finish().map_err(|e| Error::rejects(name, e)),
            None => Ok(()),
        }
    }

    /// Tells what was not shown, and flushes.
    pub(super) fn finish(mut self) -> Result<(), Error> {
        let more = self.summary.records.rejected - self.shown as u64;
        if self.shown > 0 && more > 0 {
            let more = summary::grouped(more);
            self.progress.says().say(&format!("... and {more} more; use --rejects FILE to keep them"));
        }
        self.finish_output()?;
        self.finish_rejects()
    }
}
