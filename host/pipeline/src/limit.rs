//! The first records of a run, and nothing of what stands behind them.

use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use memchr::memchr_iter;
use weir_normalizer::{
    Output,
    batch::{self, Batch},
};

use crate::{Engine, Error, Factory, Reply};

/// Makes engines that let so many records out, all together. What stands behind the last of them is
/// not read, whatever the engine delivers at a time, so that the account is the same for each engine.
///
/// Batches are worked on in their order only where there is one engine, so this is for one worker.
pub struct Limit {
    factory: Arc<dyn Factory>,
    left: Arc<AtomicU64>,
}

impl Limit {
    /// Lets at most so many out.
    pub fn new(factory: Arc<dyn Factory>, most: u64) -> Self {
        Self { factory, left: Arc::new(AtomicU64::new(most)) }
    }

    /// Whether all of them are out.
    pub fn is_reached(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }
}

impl Factory for Limit {
    fn engine(self: Arc<Self>) -> Result<Box<dyn Engine>, Error> {
        let engine = Arc::clone(&self.factory).engine()?;
        Ok(Box::new(Limited { engine, left: Arc::clone(&self.left) }))
    }

    fn verdict(&self) -> Result<(), Error> {
        self.factory.verdict()
    }
}

struct Limited {
    engine: Box<dyn Engine>,
    left: Arc<AtomicU64>,
}

impl Engine for Limited {
    fn is_done(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }

    fn process(
        &mut self,
        batch: &Batch,
        deliver: &mut dyn FnMut(Reply<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut left = self.left.load(Ordering::Relaxed);
        // The elements among which the last record is.
        let mut last = None;
        let result = self.engine.process(batch, &mut |reply| {
            if u64::from(reply.normalized) >= left {
                last = Some(reply.elements.clone());
                return Err(Error::abandoned());
            }
            left -= u64::from(reply.normalized);
            deliver(reply)
        });
        let Some(among) = last else {
            self.left.store(left, Ordering::Relaxed);
            return result;
        };
        let start = among.start;
        let mut some = Piece::new(batch, start);
        // The fewest elements that make so many records.
        let (mut too_few, mut enough) = (start, among.end);
        while enough - too_few > 1 {
            let middle = too_few + (enough - too_few) / 2;
            match self.count(some.until(middle))? < left {
                true => too_few = middle,
                false => enough = middle,
            }
        }
        self.engine.process(some.until(enough), &mut |mut reply| {
            reply.elements = reply.elements.start + start..reply.elements.end + start;
            reply.base += start;
            let too_many = u64::from(reply.normalized).saturating_sub(left) as u32;
            left -= u64::from(reply.normalized - too_many);
            match too_many {
                0 => deliver(reply),
                _ => deliver_first(reply, too_many, deliver),
            }
        })?;
        self.left.store(0, Ordering::Relaxed);
        Ok(())
    }
}

impl Limited {
    /// How many records come of a batch.
    fn count(&mut self, batch: &Batch) -> Result<u64, Error> {
        let mut count = 0;
        self.engine.process(batch, &mut |reply| {
            count += u64::from(reply.normalized);
            Ok(())
        })?;
        Ok(count)
    }
}

/// A batch with some elements of another.
struct Piece<'a> {
    of: &'a Batch,
    start: usize,
    batch: Batch,
}

impl<'a> Piece<'a> {
    fn new(of: &'a Batch, start: usize) -> Self {
        Self { of, start, batch: of.clone() }
    }

    /// The elements up to this one.
    fn until(&mut self, end: usize) -> &Batch {
        let elements: Range<usize> = self.start..end;
        self.batch.elements.clear();
        self.batch.elements.extend_from_slice(&self.of.elements[elements]);
        self.batch.last_len = self.of.last_len.filter(|_| end == self.of.elements.len());
        &self.batch
    }
}

/// Delivers a reply without its last records: they are of one text with others, and left out as the
/// user asked. They count as of its last product, which they are unless a text holds several.
fn deliver_first(
    reply: Reply<'_>,
    too_many: u32,
    deliver: &mut dyn FnMut(Reply<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let normalized = reply.normalized - too_many;
    let mut records = reply.output.to_vec();
    records.extend_from_slice(reply.more);
    let end = match normalized {
        0 => 0,
        n => memchr_iter(b'\n', &records).nth(n as usize - 1).map_or(records.len(), |at| at + 1),
    };
    records.truncate(end);
    let mut counts: Vec<_> = batch::tallies(reply.tallies).filter_map(Result::ok).collect();
    let mut over = too_many;
    for (_, count) in counts.iter_mut().rev() {
        let less = over.min(*count);
        *count -= less;
        over -= less;
    }
    let mut tallies = Vec::new();
    for (product, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
        batch::put_tally(&mut tallies, product, count);
    }
    deliver(Reply {
        normalized,
        filtered: reply.filtered + too_many,
        output: &mut Output::default(),
        more: &records,
        tallies: &tallies,
        ..reply
    })
}
