//! The writer: what comes of all batches, in the order of the input, goes out.

use std::{
    sync::Arc,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use crossbeam_channel::Receiver;
use weir_pipeline::{Heard, Outlet, Part, Stream, Turn, limits, packers::Packer, summary};
use weir_printable::line;

use crate::{Error, progress::Progress};

use super::{
    Form, Sink, Word,
    account::{Account, Clock, Due},
    ledger::Ledger,
};

/// The other threads, seen from the writer.
pub(super) struct Running {
    pub(super) outlet: Outlet,
    pub(super) packer: Box<dyn Packer>,
    pub(super) reader: JoinHandle<Result<(), Error>>,
    pub(super) progress: Progress,
    pub(super) words: Receiver<Word>,
    pub(super) form: Form,
    pub(super) every: Option<Duration>,
    /// Whether there are several inputs, so that one of them shows only a few rejects.
    pub(super) has_several: bool,
    pub(super) ledger: Option<Arc<Ledger>>,
}

/// The rejects of one input.
struct OfInput {
    stream: Stream,
    shown: usize,
    rejected: u64,
}

pub(super) struct Writer<'a, 'o, 'r> {
    outlet: Outlet,
    packer: Box<dyn Packer>,
    output: Sink<'o>,
    rejects: Option<Sink<'r>>,
    progress: Progress,
    words: Receiver<Word>,
    form: Form,
    clock: Clock,
    /// Accounts for what was written.
    account: &'a mut Account,
    ledger: Option<Arc<Ledger>>,
    /// Rejects that were shown.
    shown: usize,
    /// The most of them that are shown of one input.
    most_of_input: usize,
    of_input: Option<OfInput>,
}

impl<'a, 'o, 'r> Writer<'a, 'o, 'r> {
    pub(super) fn new(
        running: Running,
        output: Sink<'o>,
        rejects: Option<Sink<'r>>,
        account: &'a mut Account,
    ) -> (JoinHandle<Result<(), Error>>, Self) {
        let Running { outlet, packer, reader, progress, words, form, every, has_several, ledger } = running;
        let writer = Self {
            outlet,
            packer,
            output,
            rejects,
            progress,
            words,
            form,
            clock: Clock::new(every, Instant::now()),
            account,
            ledger,
            shown: 0,
            most_of_input: match has_several {
                true => limits::REJECTS_SHOWN_OF_INPUT,
                false => limits::REJECTS_SHOWN,
            },
            of_input: None,
        };
        (reader, writer)
    }

    /// Writes what comes of all batches, and does what it is told meanwhile.
    pub(super) fn write_all(&mut self) -> Result<(), Error> {
        // When what waits for more of the input goes out, unless more comes before.
        let mut pause = Some(Instant::now() + limits::IDLE);
        loop {
            let until = pause.into_iter().chain(self.clock.next()).min();
            match self.outlet.next_or(&self.words, until) {
                Heard::Turn(turn) => {
                    self.write(&turn)?;
                    pause = Some(Instant::now() + limits::IDLE);
                }
                Heard::Word(Word::Account) => self.tell_account(),
                Heard::Word(Word::Reopen) => self.reopen()?,
                Heard::Idle => {}
                Heard::Closed => return Ok(()),
            }
            let now = Instant::now();
            if pause.is_some_and(|at| now >= at) {
                // One that is being normalized is no pause, however long that takes.
                pause = self.outlet.is_feeding().then(|| now + limits::IDLE);
                if pause.is_none() {
                    self.pause_output()?;
                }
            }
            for due in self.clock.due(&self.account.summary, now) {
                match due {
                    Due::Account => self.tell_account(),
                    Due::Rejects(text) => self.progress.says().say(&text),
                }
            }
        }
    }

    /// Tells the account so far. Who asks for it gets it, whatever is told in the end.
    fn tell_account(&self) {
        let form = if self.form == Form::None { Form::Human } else { self.form };
        self.progress.says().say(&form.tell(&self.account.so_far()));
    }

    /// Goes on in other files, between two records.
    fn reopen(&mut self) -> Result<(), Error> {
        self.pause_output()?;
        let Sink { name, writer } = &mut self.output;
        if !self.packer.can_reopen() {
            self.progress.says().say(&format!(
                "weir: SIGHUP: {} is not reopened, as a table is one file; the rejects are",
                line(name)
            ));
        } else if writer.reopen().map_err(|e| Error::file(name, "reopen", e))? {
            self.packer.reopened();
        }
        if let Some(Sink { name, writer }) = &mut self.rejects {
            writer.reopen().map_err(|e| Error::file(name, "reopen", e))?;
        }
        Ok(())
    }

    /// Writes what comes of a batch.
    fn write(&mut self, turn: &Turn) -> Result<(), Error> {
        self.progress.update();
        let stream = &turn.origin().stream;
        if self.of_input.as_ref().is_none_or(|of| of.stream.id != stream.id) {
            self.end_input();
            self.of_input = Some(OfInput { stream: stream.clone(), shown: 0, rejected: 0 });
        }
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
                Part::Shown(texts) => self.show(&texts),
                Part::End(end) => {
                    self.account.summary.add(&end.summary);
                    if let Some(of) = &mut self.of_input {
                        of.rejected += end.summary.records.rejected;
                    }
                    if let Some(ledger) = &self.ledger {
                        ledger.add(turn.origin().stream.id, &end.summary);
                    }
                    return Ok(end.result?);
                }
            }
        }
    }

    /// Shows rejects, as far as there is room for them.
    fn show(&mut self, texts: &[String]) {
        let Some(of) = &mut self.of_input else { return };
        let room = (limits::REJECTS_SHOWN - self.shown).min(self.most_of_input - of.shown);
        for text in texts.iter().take(room) {
            self.progress.says().say(text);
            self.shown += 1;
            of.shown += 1;
        }
        if self.shown == limits::REJECTS_SHOWN {
            self.outlet.enough_shown();
        }
        if of.shown == self.most_of_input || self.shown == limits::REJECTS_SHOWN {
            self.clock.enough_shown(&self.account.summary, Instant::now());
        }
    }

    /// Tells how many rejects of an input were not shown, where some were.
    fn end_input(&mut self) {
        if let Some(OfInput { stream, shown, rejected }) = self.of_input.take()
            && self.most_of_input < limits::REJECTS_SHOWN
            && shown > 0
            && rejected > shown as u64
        {
            let more = summary::grouped(rejected - shown as u64);
            self.progress.says().say(&format!("... and {more} more in {}", line(&stream.name)));
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
        self.end_input();
        let rejected = self.account.summary.records.rejected;
        let more = rejected - self.shown as u64;
        if self.shown > 0 && more > 0 {
            let told = match self.most_of_input < limits::REJECTS_SHOWN {
                true => format!("{} of {} rejects are shown", self.shown, summary::grouped(rejected)),
                false => format!("... and {} more", summary::grouped(more)),
            };
            self.progress.says().say(&format!("{told}; use --rejects FILE to keep them"));
        }
        self.finish_output()?;
        self.finish_rejects()
    }
}
