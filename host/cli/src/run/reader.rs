//! The reader: it reads all inputs, frames them, and works on what it feeds.

use std::{
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use weir_io::{Input, Source, Watch};
use weir_normalizer::{Config, framing::Framer};
use weir_pipeline::{Feeder, Lane, Limit, Stream, summary::Inputs};
use weir_printable::line;

use crate::{Error, progress::Says};

use super::ledger::{Failures, Ledger};

/// How far the reader is, for others to see.
#[derive(Default)]
pub(super) struct Reading {
    pub(super) watch: Watch,
    /// Inputs begun.
    begun: AtomicU64,
    /// Those of them that could not be read to their end.
    failed: AtomicU64,
}

impl Reading {
    pub(super) fn new(watch: Watch) -> Self {
        Self { watch, ..Self::default() }
    }

    pub(super) fn inputs(&self) -> Inputs {
        Inputs { r#in: self.begun.load(Ordering::Relaxed), failed: self.failed.load(Ordering::Relaxed) }
    }
}

pub(super) struct Reader {
    pub(super) config: Config,
    pub(super) feeder: Feeder,
    pub(super) lane: Lane,
    pub(super) limit: Option<Arc<Limit>>,
    pub(super) failures: Failures,
    pub(super) ledger: Option<Arc<Ledger>>,
    pub(super) says: Says,
    pub(super) reading: Arc<Reading>,
    /// Whether each input is told when it is begun.
    pub(super) is_verbose: bool,
    /// Whether it has stopped because it was told to.
    pub(super) is_stopped: bool,
    /// Whether it did so before a file ended.
    pub(super) is_cut: bool,
}

impl Reader {
    /// Reads all inputs, and then helps with what waits for the other workers.
    pub(super) fn run(mut self, sources: &[Source]) -> Result<(), Error> {
        let result = sources.iter().enumerate().try_for_each(|(index, source)| {
            if self.is_enough() {
                return Ok(());
            }
            self.is_stopped |= self.reading.watch.stop.is_told();
            if !self.is_stopped {
                self.read(index, source)?;
            }
            // A stream may have no end; a file has one.
            self.is_cut |= self.is_stopped && source.ends();
            Ok(())
        });
        let Self { feeder, lane, is_cut, .. } = self;
        drop(lane);
        feeder.finish();
        result.and_then(|()| if is_cut { Err(Error::unfinished()) } else { Ok(()) })
    }

    fn read(&mut self, index: usize, source: &Source) -> Result<(), Error> {
        let reading = Arc::clone(&self.reading);
        source.each(&reading.watch, &mut |input| {
            // Another member of an archive, or another object.
            if self.is_enough() || self.is_stopped {
                return Ok(ControlFlow::Break(()));
            }
            // Told between two of them; the next one is not begun.
            if input.is_err() && self.reading.watch.stop.is_told() {
                self.is_stopped = true;
                return Ok(ControlFlow::Break(()));
            }
            let number = self.reading.begun.fetch_add(1, Ordering::Relaxed);
            if let Some(ledger) = &self.ledger {
                ledger.begin(index);
            }
            let Err(error) = (match input {
                Ok(input) => self.frame(number, input)?,
                Err(error) => Err(error),
            }) else {
                return Ok(ControlFlow::Continue(()));
            };
            // A wait for input ends with an error then.
            if self.reading.watch.stop.is_told() {
                self.is_stopped = true;
                return Ok(ControlFlow::Break(()));
            }
            self.reading.failed.fetch_add(1, Ordering::Relaxed);
            if let Some(ledger) = &self.ledger {
                ledger.fail(index, &error.to_string());
            }
            self.failures.add(error, |text| self.says.say(text))?;
            Ok(ControlFlow::Continue(()))
        })
    }

    /// Whether all records are out that are wanted.
    fn is_enough(&self) -> bool {
        self.limit.as_ref().is_some_and(|limit| limit.is_reached())
    }

    /// Feeds what is in an input. What is wrong with the input itself is given in the inner result; what
    /// came before is still worth having.
    fn frame(&mut self, number: u64, input: &mut Input<'_>) -> Result<Result<(), weir_io::Error>, Error> {
        if self.is_verbose {
            let how = input.compression().map_or(String::new(), |how| format!(" as {how}"));
            self.says.say(&format!("weir: reading {}{how}", line(input.name())));
        }
        let mut framer = Framer::new(&self.config)?;
        framer.set_source(input.name());
        let stream = Stream { id: number, name: Arc::clone(input.name()) };
        let end = loop {
            let mut pauses = false;
            let read = framer.read(|room| {
                // Less than asked for: the input pauses, and whoever waits should not.
                input.read(room).inspect(|n| pauses = *n < room.len())
            });
            match read {
                Ok(0) => break Ok(()),
                Ok(_) if pauses => framer.flush(),
                Ok(_) => {}
                // What is not whole may be wrong, and is not read.
                Err(_) if self.reading.watch.stop.is_told() => {
                    self.is_stopped = true;
                    framer.flush();
                    self.feeder.feed_from(&mut framer, &mut self.lane, &stream)?;
                    return Ok(Ok(()));
                }
                Err(e) => break Err(e),
            }
            self.feeder.feed_from(&mut framer, &mut self.lane, &stream)?;
            if self.is_enough() {
                return Ok(Ok(()));
            }
        };
        match end {
            Ok(()) => framer.finish(),
            Err(_) => framer.break_off(),
        }
        self.feeder.feed_from(&mut framer, &mut self.lane, &stream)?;
        Ok(end)
    }
}
