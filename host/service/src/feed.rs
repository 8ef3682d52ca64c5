//! What every source is given, and what it shows of its streams.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use crossbeam_channel::Sender;
use weir_normalizer::{Config, framing::Framer};

use crate::{
    alarm::Alarm,
    budget::Budget,
    health::Health,
    metrics::SourceMetrics,
    state,
    stop::Stop,
    tracker::{Balance, Mark, Tracker},
    worker::{Counts, Stream, Worker},
};

/// A source in a pipeline, as its thread has it.
pub(crate) struct Feed {
    pub(crate) source: Arc<str>,
    pub(crate) worker: Worker,
    pub(crate) config: Config,
    /// Told when no more is to be read.
    pub(crate) stop: Stop,
    pub(crate) metrics: SourceMetrics,
    pub(crate) health: Health,
    pub(crate) alarm: Alarm,
    /// It ends when all there is has been read.
    pub(crate) once: bool,
    pub(crate) shelf: Shelf,
    pub(crate) budget: Budget,
    pub(crate) balance: Balance,
}

/// How a source ends that is not over when it has read all: it tells when it has, and goes on until it is told
/// that nothing more is delivered.
pub(crate) struct Ending {
    reads: Option<Sender<()>>,
    ended: Sender<()>,
    close: Stop,
}

impl Ending {
    /// `reads` is dropped when nothing more is read, and `ended` is told of it; `close` is told when nothing
    /// more is delivered.
    pub(crate) fn new(reads: Sender<()>, ended: Sender<()>, close: Stop) -> Self {
        Self { reads: Some(reads), ended, close }
    }

    /// Nothing more is read.
    pub(crate) fn is_read(&mut self) {
        if self.reads.take().is_some() {
            let _ = self.ended.send(());
        }
    }

    /// Told when nothing more is delivered.
    pub(crate) fn close(&self) -> &Stop {
        &self.close
    }
}

/// A message: a document of its own.
#[cfg(feature = "kafka")]
pub(crate) struct Message<'a> {
    /// Its place in its stream.
    pub(crate) offset: u64,
    pub(crate) payload: &'a [u8],
}

/// The streams of a feed, for the checkpoint.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shelf(Arc<Mutex<Vec<Shelved>>>);

/// A stream, and how far it is done.
#[derive(Clone, Debug)]
pub(crate) struct Shelved {
    pub(crate) stream: state::Stream,
    pub(crate) tracker: Arc<Tracker>,
}

impl Shelf {
    pub(crate) fn put(&self, streams: Vec<Shelved>) {
        *self.lock() = streams;
    }

    /// Adds a stream that is soon at its end, and forgets those that are.
    pub(crate) fn add(&self, stream: Shelved) {
        let mut shelved = self.lock();
        shelved.retain(|s| s.tracker.under_way() > 0);
        shelved.push(stream);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Shelved>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far each stream is done now.
    pub(crate) fn progress(&self) -> Vec<state::Stream> {
        let at = |shelved: &Shelved| match shelved.tracker.done() {
            Some(mark) => shelved.stream.clone().at(&mark),
            None => shelved.stream.clone(),
        };
        self.lock().iter().map(at).collect()
    }

    /// For how long the oldest batch has been on its way.
    pub(crate) fn oldest(&self) -> Duration {
        self.lock().iter().filter_map(|s| s.tracker.oldest()).max().unwrap_or_default()
    }

    /// Whether nothing is on its way any more.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.lock().iter().all(|s| s.tracker.under_way() == 0)
    }

    /// The same streams, as they are now.
    pub(crate) fn share(&self, with: &Self) {
        let streams = self.lock().clone();
        with.put(streams);
    }

    /// Whether something will not be delivered unless it is read again.
    pub(crate) fn has_failed(&self) -> bool {
        self.lock().iter().any(|s| s.tracker.has_failed())
    }

    /// What is not delivered is read again by another.
    pub(crate) fn abandon(&self, balance: &Balance) {
        self.lock().iter().for_each(|s| s.tracker.abandon(balance));
    }

    /// Waits until nothing is on its way; gives whether all was delivered.
    pub(crate) fn wait(&self, until: Instant) -> bool {
        let trackers: Vec<_> = self.lock().iter().map(|s| Arc::clone(&s.tracker)).collect();
        // Each is waited for, also when one of them failed.
        let failed = trackers.iter().filter(|tracker| !tracker.wait(until)).count();
        failed == 0
    }
}

/// Waits until there is room for more records; `false` where it is time to stop instead.
pub(crate) fn wait_for_room(budget: &Budget, stop: &Stop, metrics: &SourceMetrics) -> bool {
    /// How often it is looked whether it is time to stop.
    const LOOK: Duration = Duration::from_millis(50);
    if budget.used() < budget.limit() {
        return true;
    }
    let begun = Instant::now();
    while budget.used() >= budget.limit() && !stop.is_told() {
        budget.wait(LOOK);
    }
    metrics.paused.inc_by(begun.elapsed().as_secs_f64());
    !stop.is_told()
}

impl Feed {
    /// The same for another thread.
    pub(crate) fn another(&self) -> Self {
        Self {
            source: Arc::clone(&self.source),
            worker: self.worker.another(),
            config: self.config.clone(),
            stop: self.stop.clone(),
            metrics: self.metrics.clone(),
            health: self.health.clone(),
            alarm: self.alarm.clone(),
            once: self.once,
            shelf: self.shelf.clone(),
            budget: self.budget.clone(),
            balance: self.balance.clone(),
        }
    }

    /// Waits until there is room for more records; `false` where it is time to stop instead.
    pub(crate) fn has_room(&self) -> bool {
        wait_for_room(&self.budget, &self.stop, &self.metrics)
    }

    /// Normalizes what a framer has complete and sends it. `mark` tells where to go on behind all of
    /// it. `false` where nothing more can be normalized.
    pub(crate) fn drain(
        &mut self,
        framer: &mut Framer,
        stream: &Stream,
        tracker: &Arc<Tracker>,
        mark: &mut dyn FnMut(&Framer) -> Option<Mark>,
    ) -> bool {
        self.drain_counted(framer, stream, tracker, mark, &mut |_| ())
    }

    /// The same, and tells what came of each batch.
    pub(crate) fn drain_counted(
        &mut self,
        framer: &mut Framer,
        stream: &Stream,
        tracker: &Arc<Tracker>,
        mark: &mut dyn FnMut(&Framer) -> Option<Mark>,
        told: &mut dyn FnMut(Counts),
    ) -> bool {
        let mut next = framer.next_batch();
        while let Some(batch) = next {
            next = framer.next_batch();
            let mark = if next.is_none() { mark(framer) } else { None };
            let turn = tracker.begin(mark, &self.balance);
            self.metrics.bytes.inc_by(batch.consumed);
            match self.worker.work(stream, &batch, &turn) {
                Ok(counts) => {
                    self.metrics.records.inc_by(counts.normalized + counts.filtered + counts.rejected);
                    if let Some(time) = counts.time {
                        self.metrics.lags(time);
                    }
                    told(counts);
                }
                Err(error) => return self.fails(&error),
            }
            framer.recycle(batch);
        }
        true
    }

    /// Normalizes messages, each of which is a document of its own, and sends what comes of them. They are
    /// done together; `mark` says where to go on behind them. `false` where nothing more can be normalized.
    #[cfg(feature = "kafka")]
    pub(crate) fn take_messages(
        &mut self,
        framer: &mut Framer,
        stream: &Stream,
        tracker: &Arc<Tracker>,
        mark: Mark,
        messages: &mut dyn Iterator<Item = Message<'_>>,
    ) -> bool {
        use crate::worker::PieceOf;
        let turn = tracker.begin(Some(mark), &self.balance);
        let (mut current, mut bytes) = (None, 0);
        let is_named = self.config.source_name;
        let mut next = |used: Option<weir_normalizer::batch::Batch>| {
            used.into_iter().for_each(|batch| framer.recycle(batch));
            loop {
                if let Some(offset) = current
                    && let Some(batch) = framer.next_batch()
                {
                    bytes += batch.consumed;
                    return Some(PieceOf { offset, batch });
                }
                let Message { offset, payload } = messages.next()?;
                framer.reset();
                if is_named {
                    framer.set_source(&stream.piece(offset).into());
                }
                framer.push(payload);
                framer.finish();
                current = Some(offset);
            }
        };
        let result = self.worker.work_pieces(stream, &turn, &mut next);
        self.metrics.bytes.inc_by(bytes);
        match result {
            Ok(counts) => {
                self.metrics.records.inc_by(counts.normalized + counts.filtered + counts.rejected);
                if let Some(time) = counts.time {
                    self.metrics.lags(time);
                }
                true
            }
            Err(error) => self.fails(&error),
        }
    }

    fn fails(&self, error: &weir_pipeline::Error) -> bool {
        self.health.fails(error.to_string());
        self.alarm.ring(&format!("source {}: {error}", self.source));
        false
    }
}
