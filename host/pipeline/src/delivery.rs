//! Turns what an engine replies into parts for the consumer.

use std::mem;

use weir_normalizer::batch::{self, Batch, Place};

use crate::{
    Error, Reply,
    lane::{End, Lane, Order, Part, Turn},
    limits,
    outputs::Outputs,
    rejects,
    summary::{self, Summary},
};

/// Which rejects of a batch the consumer is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// All, as JSON lines.
    All,
    /// The first few, for people.
    First,
    None,
}

pub(crate) struct Delivery<'a> {
    order: &'a Order,
    batch: &'a Batch,
    told: Told,
    /// Where the consumer does not know of the batch yet.
    turn: Option<(&'a Lane, Turn)>,
    outputs: &'a Outputs,
    /// The elements up to which there was a reply.
    reached: usize,
    /// The latest rejected element's.
    place: Option<Place>,
    /// Accounts for what was delivered.
    summary: Summary,
    /// Of the records that were delivered, as long as they are known.
    offsets: Option<Vec<u64>>,
}

impl<'a> Delivery<'a> {
    pub(crate) fn new(
        order: &'a Order,
        batch: &'a Batch,
        told: Told,
        turn: Option<(&'a Lane, Turn)>,
        outputs: &'a Outputs,
    ) -> Self {
        let offsets = order.lane.offsets.then(Vec::new);
        Self {
            order,
            batch,
            told,
            turn,
            outputs,
            reached: 0,
            place: None,
            summary: Summary::default(),
            offsets,
        }
    }

    pub(crate) fn deliver(&mut self, reply: Reply<'_>) -> Result<(), Error> {
        if !reply.output.is_empty() {
            let output = mem::replace(reply.output, self.outputs.take());
            self.send(Part::Records(output))?;
        }
        for piece in reply.more.chunks(limits::OUTPUT_PART) {
            let mut output = self.outputs.take();
            output.extend_from_slice(piece);
            self.send(Part::Records(output))?;
        }
        let mut summary = Summary::default();
        for tally in batch::tallies(reply.tallies) {
            let (product, n) = tally.map_err(|_| malformed())?;
            summary::count(&mut summary.by_product, product, u64::from(n));
        }
        let (records, bytes) = (&mut summary.records, &mut summary.bytes);
        records.normalized = u64::from(reply.normalized);
        records.filtered = u64::from(reply.filtered);
        let (mut lines, mut shown) = (Vec::new(), Vec::new());
        let mut last = None;
        // The first element that is not known to be rejected.
        let mut next = reply.elements.start;
        for reject in batch::rejects(reply.rejects) {
            let reject = reject.map_err(|_| malformed())?;
            let index = reply.base + reject.element as usize;
            records.rejected += 1;
            summary::count(&mut summary.rejects_by_reason, reject.code, 1);
            let first = last != Some(index);
            if first {
                bytes.rejected += self.batch.length(index);
                last = Some(index);
                self.add_offsets(next..index);
                next = index + 1;
            }
            if self.told == Told::None || self.told == Told::First && shown.len() == limits::REJECTS_SHOWN {
                continue;
            }
            let place = self.batch.place(index, self.place);
            self.place = Some(place);
            let raw = self.batch.raw(index);
            if self.told == Told::All {
                rejects::write_line(&mut lines, &self.order.name, &place, &reject, first.then_some(raw));
                if lines.len() >= limits::REJECTS_PART {
                    self.send(Part::Rejects(mem::take(&mut lines)))?;
                }
            } else {
                shown.push(rejects::describe(&self.order.name, &place, &reject, raw));
            }
        }
        self.add_offsets(next..reply.elements.end);
        if !lines.is_empty() {
            self.send(Part::Rejects(lines))?;
        }
        if !shown.is_empty() {
            self.send(Part::Shown(shown))?;
        }
        self.reached = reply.elements.end;
        records.r#in = records.normalized + records.filtered + records.rejected;
        bytes.r#in = self.batch.length_of(reply.elements.clone());
        bytes.filtered = u64::from(reply.filtered_bytes);
        bytes.normalized = bytes.r#in - bytes.rejected - bytes.filtered;
        // Each element made one record or one reject.
        let is_one_each = records.filtered == 0 && records.r#in == reply.elements.len() as u64;
        self.summary.add(&summary);
        let normalized = self.summary.records.normalized;
        self.offsets.take_if(|all| !is_one_each || all.len() as u64 != normalized);
        Ok(())
    }

    /// Adds where these elements lie, if somebody wants to know.
    fn add_offsets(&mut self, elements: std::ops::Range<usize>) {
        if let Some(all) = &mut self.offsets {
            let elements = self.batch.elements.get(elements).unwrap_or_default();
            all.extend(elements.iter().map(|e| self.batch.offset + u64::from(e.start)));
        }
    }

    /// Tells that nothing more comes of the batch; `is_done` is [`Engine::is_done`](crate::Engine::is_done).
    pub(crate) fn end(mut self, result: Result<(), Error>, is_done: bool) -> Result<(), Error> {
        if result.is_ok() {
            let (consumed, blank) = match is_done {
                false => (self.batch.consumed, self.batch.blank),
                // Blank lines are not told apart there.
                true => (self.consumed(), 0),
            };
            let bytes = &mut self.summary.bytes;
            bytes.blank = blank;
            bytes.framing = consumed - bytes.r#in - blank;
            bytes.r#in = consumed;
        }
        let end = End { summary: mem::take(&mut self.summary), offsets: self.offsets.take(), result };
        self.send(Part::End(Box::new(end)))
    }

    /// How far into the batch the elements reach that there was a reply for.
    fn consumed(&self) -> u64 {
        match self.reached.checked_sub(1) {
            Some(last) => u64::from(self.batch.elements[last].start) + self.batch.length(last),
            None => 0,
        }
    }

    fn send(&mut self, part: Part) -> Result<(), Error> {
        self.order.parts.send(part).map_err(|_| Error::abandoned())?;
        // Only now, so that the consumer is not woken up for nothing: the first part has room.
        match self.turn.take() {
            Some((lane, turn)) => lane.tell(turn),
            None => Ok(()),
        }
    }
}

/// A guest's replies were checked before; this is the native engine's own.
fn malformed() -> Error {
    Error::failed("the normalizer's reply is malformed; this is a defect of Weir, report it")
}
