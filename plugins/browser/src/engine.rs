//! Framing and normalizing one input, and the account of it.

use std::convert::Infallible;

use weir_normalizer::{
    Config, Error, Normalizer, Output,
    batch::{self, Batch, BatchView, Outcome, Place},
    framing::Framer,
    schemas::{Schema, otel::Joiner},
};
use weir_pipeline::rejects;

use crate::account::{Account, Told};

/// One input, and what was made of its last bytes.
#[derive(Debug)]
pub(crate) struct Engine {
    framer: Framer,
    normalizer: Normalizer,
    /// Only where records are grouped.
    joiner: Option<Joiner>,
    head: Vec<u8>,
    outcome: Outcome,
    output: Output,
    joined: Vec<u8>,
    /// What rejects call the input; where it is absent they are only counted.
    name: Option<String>,
    rejects: Vec<u8>,
    account: Account,
}

impl Engine {
    pub(crate) fn new(config: &Config, name: String, tells_rejects: bool) -> Result<Self, Error> {
        let mut framer = Framer::new(config)?;
        framer.set_source(&name.as_str().into());
        Ok(Self {
            framer,
            normalizer: Normalizer::new(config)?,
            joiner: (config.to == Schema::Otel).then(Joiner::default),
            head: Vec::new(),
            outcome: Outcome::default(),
            output: Output::default(),
            joined: Vec::new(),
            name: tells_rejects.then_some(name),
            rejects: Vec::new(),
            account: Account::default(),
        })
    }

    /// Forgets what was made.
    pub(crate) fn clear(&mut self) {
        self.output.clear();
        self.joined.clear();
        self.rejects.clear();
    }

    /// Takes the next bytes: `read` gets room to put some, and gives how many they are.
    pub(crate) fn read(&mut self, read: impl FnOnce(&mut [u8]) -> usize) -> usize {
        let taken = self.framer.read(|room| Ok::<_, Infallible>(read(room)));
        self.drain();
        match taken {
            Ok(n) => n,
            Err(never) => match never {},
        }
    }

    /// Takes what is complete, and ends a line of grouped records.
    pub(crate) fn flush(&mut self) {
        self.framer.flush();
        self.drain();
        self.end_group();
    }

    /// Ends the input.
    pub(crate) fn finish(&mut self) {
        self.framer.finish();
        self.drain();
        self.end_group();
    }

    /// The records that were made.
    pub(crate) fn output(&self) -> &[u8] {
        if self.joiner.is_some() { &self.joined } else { &self.output }
    }

    /// The rejects that were made, as lines of JSON.
    pub(crate) fn rejects(&self) -> &[u8] {
        &self.rejects
    }

    pub(crate) fn summary(&self) -> Told<'_> {
        self.account.told()
    }

    pub(crate) fn warnings(&self) -> &[String] {
        self.normalizer.warnings()
    }

    fn end_group(&mut self) {
        if let Some(joiner) = &mut self.joiner {
            joiner.finish(&mut self.joined);
        }
    }

    fn drain(&mut self) {
        while let Some(batch) = self.framer.next_batch() {
            self.normalize(&batch);
            self.framer.recycle(batch);
        }
    }

    fn normalize(&mut self, batch: &Batch) {
        let all = 0..batch.elements.len();
        let accounted = self.account.bytes();
        batch.encode_head(all.clone(), &mut self.head);
        // The head was written just now, so it can be read.
        let Ok(view) = BatchView::split(&self.head, batch.window(all)) else { return };
        let (mut first, mut place) = (0, None);
        while first < view.len() {
            self.normalizer.run(&view, first, &mut self.outcome);
            let next = self.outcome.next as usize;
            let rejected = tell(batch, &self.outcome, &mut place, self.name.as_deref(), &mut self.rejects);
            self.account.add(&self.outcome, batch.length_of(first..next), rejected);
            first = next;
            if let Some(joiner) = &mut self.joiner {
                joiner.push(&self.outcome.output, &mut self.joined);
            } else if self.output.is_empty() {
                // The first of a call need not be copied.
                std::mem::swap(&mut self.output, &mut self.outcome.output);
            } else {
                self.output.extend_from_slice(&self.outcome.output);
            }
        }
        self.account.end(batch.consumed, batch.blank, self.account.bytes() - accounted);
    }
}

/// Tells the rejects of a run; the answer is how many bytes their elements have.
fn tell(
    batch: &Batch,
    outcome: &Outcome,
    place: &mut Option<Place>,
    name: Option<&str>,
    lines: &mut Vec<u8>,
) -> u64 {
    let (mut bytes, mut last) = (0, None);
    // They were written just now, so all can be read.
    for reject in batch::rejects(&outcome.rejects).flatten() {
        let index = reject.element as usize;
        let first = last != Some(index);
        if first {
            bytes += batch.length(index);
            last = Some(index);
        }
        if let Some(name) = name {
            let at = batch.place(index, *place);
            *place = Some(at);
            rejects::write_line(lines, name, &at, &reject, first.then(|| batch.raw(index)));
        }
    }
    bytes
}
