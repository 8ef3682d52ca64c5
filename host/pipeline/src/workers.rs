//! Threads that normalize what others feed them, for as long as there is something to feed.
//!
//! ```text
//!  source ─ framer ─▶ Feeder ──▶ queue ──▶ workers ──▶ parts ──▶ Outlet ─▶ consumer
//!                       │ (works too, where the queue is full)     ▲
//!                       └────────── turns of a lane, in order ─────┘
//! ```
//!
//! A source's thread frames what it reads and feeds the batches to a [lane](crate::lane) through its
//! [`Feeder`]. A feeder that works, too, hands a batch to the workers where their queue has room,
//! and else normalizes it itself, while it is in its cache.
//!
//! Each batch travels with a channel of its own for the parts that come of it, and the consumer of
//! the lane gets the receiving ends in the order in which the batches were fed. Batches of one lane
//! keep that order; those of different lanes have none. All channels are bounded, so the memory in
//! use does not depend on the size of the input or the speed of anybody.
//!
//! Nobody waits in a circle: a consumer waits for the earliest batch of its lane that it has not
//! taken. Whoever has that one waits for nobody but this consumer, who takes its parts. If it is still
//! in the queue, each batch before it is done or waits for the consumer of another lane; so
//! consumers must not wait for each other, and one that may wait long takes a lane whose
//! [`LaneOptions::parts`](crate::lane::LaneOptions::parts) are as many as its batches may make.

use std::{
    panic::{self, AssertUnwindSafe},
    sync::{Arc, atomic::Ordering},
    thread::{self, JoinHandle},
};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use weir_normalizer::{
    batch::Batch,
    framing::{Framer, Restart},
};

use crate::{
    Engine, Error, ErrorKind, Factory,
    delivery::{Delivery, Told},
    lane::{self, Lane, LaneOptions, Order, Outlet, RejectsAs, Stream, Turn},
    limits,
    outputs::Outputs,
};

/// The workers, to open lanes and to feed them. They go on until this and all feeders are
/// dropped, and the queue is empty.
pub struct Workers {
    factory: Arc<dyn Factory>,
    queue: Queue,
    outputs: Arc<Outputs>,
    threads: Vec<JoinHandle<()>>,
}

/// What feeders and workers hand each other.
#[derive(Clone)]
struct Queue {
    work_to: Sender<Work>,
    work: Receiver<Work>,
    /// The memory of batches that are done, to be used again.
    spare_to: Sender<Batch>,
    spare: Receiver<Batch>,
}

/// A batch on its way to a worker.
struct Work {
    batch: Batch,
    order: Order,
}

impl Workers {
    /// Starts so many threads. Each makes its engine when the first batch comes.
    pub fn start(factory: Arc<dyn Factory>, threads: usize) -> Result<Self, Error> {
        let threads = threads.min(limits::JOBS);
        let most = (threads + 1) * limits::BATCHES_PER_JOB;
        let (work_to, work) = bounded(threads * limits::BATCHES_WAITING);
        let (spare_to, spare) = bounded(most);
        let queue = Queue { work_to, work, spare_to, spare };
        let outputs = Arc::new(Outputs::new(most));
        let mut workers = Self { factory, queue, outputs, threads: Vec::with_capacity(threads) };
        for index in 1..=threads {
            let mut worker = workers.worker(None);
            let (work, spare) = (workers.queue.work.clone(), workers.queue.spare_to.clone());
            let body = move || {
                for one in work {
                    worker.take(one, &spare);
                }
            };
            workers.threads.push(spawn(format!("worker {index}"), body)?);
        }
        Ok(workers)
    }

    /// A feeder that waits where the queue is full.
    ///
    /// # Errors
    ///
    /// Where there are no threads, so that it would wait for ever.
    pub fn feeder(&self) -> Result<Feeder, Error> {
        match self.threads.is_empty() {
            true => Err(Error::failed("there is no worker; start one, or let the feeder work")),
            false => Ok(Feeder { queue: self.queue.clone(), worker: None }),
        }
    }

    /// A feeder that normalizes itself what the queue has no room for. Its engine is made here, so
    /// that one that can't be used is told before any input is read.
    pub fn working_feeder(&self) -> Result<Feeder, Error> {
        let engine = Arc::clone(&self.factory).engine()?;
        Ok(Feeder { queue: self.queue.clone(), worker: Some(self.worker(Some(engine))) })
    }

    /// A new lane: the end that is fed, and the end that is taken from.
    pub fn lane(&self, options: LaneOptions) -> (Lane, Outlet) {
        lane::open(options, Arc::clone(&self.outputs))
    }

    /// Waits until all that was fed is normalized, which is after all feeders are dropped.
    ///
    /// # Errors
    ///
    /// Where a worker stopped in the middle of its work.
    pub fn finish(self) -> Result<(), Error> {
        let Self { queue, threads, .. } = self;
        drop(queue);
        let ended = threads.into_iter().map(JoinHandle::join);
        // All of them, before the first that failed is told.
        let ended: Vec<_> = ended.collect();
        if ended.iter().all(Result::is_ok) { Ok(()) } else { Err(Error::stopped()) }
    }

    fn worker(&self, engine: Option<Box<dyn Engine>>) -> Worker {
        Worker { engine, factory: Arc::clone(&self.factory), outputs: Arc::clone(&self.outputs) }
    }
}

/// Starts a thread.
pub fn spawn<T: Send + 'static>(
    name: String,
    body: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, Error> {
    let failed =
        |e| Error::failed(format!("can't start the thread `{name}`: {e}; try fewer --jobs")).with_source(e);
    thread::Builder::new().name(name.clone()).spawn(body).map_err(failed)
}

/// Feeds lanes; each thread that reads has one, whatever number of lanes it feeds.
pub struct Feeder {
    queue: Queue,
    /// For the batches that the workers have no room for, unless it waits until they have.
    worker: Option<Worker>,
}

impl Feeder {
    /// Feeds all batches that are ready in a framer.
    ///
    /// # Errors
    ///
    /// As for [`Self::feed`].
    pub fn feed_from(&mut self, framer: &mut Framer, lane: &mut Lane, stream: &Stream) -> Result<(), Error> {
        while let Some(batch) = self.spare() {
            framer.recycle(batch);
        }
        let mut next = framer.next_batch();
        while let Some(batch) = next {
            next = framer.next_batch();
            // The framer speaks of the last one.
            let restart = next.is_none().then(|| framer.restart().clone());
            if let Some(batch) = self.feed(batch, lane, stream, restart)? {
                framer.recycle(batch);
            }
        }
        Ok(())
    }

    /// Feeds the next batch of a lane; `restart` is what [`Origin::restart`](lane::Origin::restart)
    /// says. Where the feeder normalized it itself, it gives its memory
    /// back. It waits while the lane has no room ([`Lane::has_room`]), and for its consumer where
    /// it normalizes.
    ///
    /// # Errors
    ///
    /// Where the lane has no consumer any more, or all workers stopped. What goes wrong with the
    /// batch itself is told to the consumer.
    pub fn feed(
        &mut self,
        batch: Batch,
        lane: &mut Lane,
        stream: &Stream,
        restart: Option<Restart>,
    ) -> Result<Option<Batch>, Error> {
        let (order, turn) = lane.next(&batch, stream, restart);
        let work = match self.queue.work_to.try_send(Work { batch, order }) {
            Ok(()) => return lane.tell(turn).map(|()| None),
            Err(TrySendError::Full(work) | TrySendError::Disconnected(work)) => work,
        };
        if let Some(worker) = &mut self.worker {
            lane.is_feeding(true);
            let done = worker.work(work, Some((lane, turn)));
            lane.is_feeding(false);
            return done.map(Some);
        }
        self.queue.work_to.send(work).map_err(|_| Error::stopped())?;
        lane.tell(turn).map(|()| None)
    }

    /// The memory of a batch that is done, if some waits to be used again.
    pub fn spare(&self) -> Option<Batch> {
        self.queue.spare.try_recv().ok()
    }

    /// Ends feeding. One that works helps with what waits in the queue now.
    pub fn finish(self) {
        if let Some(mut worker) = self.worker {
            while let Ok(work) = self.queue.work.try_recv() {
                worker.take(work, &self.queue.spare_to);
            }
        }
    }
}

struct Worker {
    /// Made when the first batch comes, if not before.
    engine: Option<Box<dyn Engine>>,
    factory: Arc<dyn Factory>,
    outputs: Arc<Outputs>,
}

impl Worker {
    /// Works on a batch of the queue.
    fn take(&mut self, work: Work, spare: &Sender<Batch>) {
        // Where nobody takes what is made, the next batch may be of another lane.
        if let Ok(batch) = self.work(work, None) {
            // Where there are enough spare ones already, this one is dropped.
            let _ = spare.try_send(batch);
        }
    }

    /// Works on one batch and gives its memory back; an error only where nobody takes what is
    /// made. The consumer is told of the batch here if it does not know of it yet.
    fn work(&mut self, work: Work, turn: Option<(&Lane, Turn)>) -> Result<Batch, Error> {
        let Work { batch, order } = work;
        let told = match order.lane.rejects {
            RejectsAs::Lines => Told::All,
            // What is shown is the first of the lane, so nothing of a later batch is, either.
            RejectsAs::Text if !order.lane.shown_all.load(Ordering::Relaxed) => Told::First,
            RejectsAs::Text | RejectsAs::Counts => Told::None,
        };
        let mut delivery = Delivery::new(&order, &batch, told, turn, &self.outputs);
        let result = match &mut self.engine {
            Some(engine) => Ok(engine),
            none => Arc::clone(&self.factory).engine().map(|engine| none.insert(engine)),
        };
        let result = result.and_then(|engine| {
            // A worker outlives whatever a batch does to its engine, as others wait for it.
            if engine.is_done() {
                return Ok(());
            }
            let process = AssertUnwindSafe(|| engine.process(&batch, &mut |reply| delivery.deliver(reply)));
            panic::catch_unwind(process).unwrap_or_else(|_| Err(Error::stopped()))
        });
        if result.as_ref().is_err_and(|e| e.kind() != ErrorKind::Abandoned) {
            // Nobody knows what state it is in.
            self.engine = None;
        }
        let is_done = self.engine.as_ref().is_some_and(|engine| engine.is_done());
        delivery.end(result, is_done)?;
        Ok(batch)
    }
}
