//! Lanes: batches in order, from who reads them to who takes what comes of them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use crossbeam_channel::{Receiver, RecvError, Sender, TryRecvError, at, bounded, never, select};
use weir_normalizer::{Output, batch::Batch, framing::Restart};

use crate::{Error, limits, outputs::Outputs, summary::Summary};

/// How a lane is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneOptions {
    /// Batches that may be fed before the consumer takes the earliest of them. Who feeds waits.
    pub window: usize,
    /// Parts that may come of a batch, each of some 1 MiB at most, before the consumer takes the
    /// earliest of them. The worker waits, and nothing else is done by it meanwhile: where several
    /// lanes share workers, this should be as many as a batch may make.
    pub parts: usize,
    /// How rejects are told.
    pub rejects: RejectsAs,
    /// Whether [`End::offsets`] is wanted.
    pub offsets: bool,
}

impl Default for LaneOptions {
    /// For a lane that has its workers alone.
    fn default() -> Self {
        Self {
            window: limits::BATCHES_PER_JOB,
            parts: limits::PARTS_WAITING,
            rejects: RejectsAs::Lines,
            offsets: false,
        }
    }
}

/// How rejects are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectsAs {
    /// All, as JSON lines.
    Lines,
    /// The first few, for people, until [`Outlet::enough_shown`].
    Text,
    /// Only their numbers.
    Counts,
}

/// Where batches come from: a file, a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Tells it from the other streams of its lane.
    pub id: u64,
    /// What messages and rejects call it.
    pub name: Arc<str>,
}

/// What a batch is of its stream and its lane.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Origin {
    /// The stream that the batch is a piece of.
    pub stream: Stream,
    /// Its place in the lane, from 0, without gaps.
    pub sequence: u64,
    /// The offset in the stream of its first byte.
    pub start: u64,
    /// The offset in the stream up to where everything is in this batch and those before it.
    pub end: u64,
    /// Where to read the stream again from when this batch and all before it are done: at
    /// [`Self::end`], or before it where an envelope is open there. `None` where it is not known; what
    /// an earlier batch says then still holds, and more is read again.
    pub restart: Option<Restart>,
}

/// What all batches of a lane share.
pub(crate) struct Shared {
    pub(crate) rejects: RejectsAs,
    pub(crate) offsets: bool,
    /// Whether the consumer has shown as many rejects as it will.
    pub(crate) shown_all: AtomicBool,
    /// Whether a batch is fed that the consumer may not know of yet.
    pub(crate) is_feeding: AtomicBool,
}

/// What a worker needs to know of a batch besides its content.
pub(crate) struct Order {
    pub(crate) lane: Arc<Shared>,
    pub(crate) name: Arc<str>,
    pub(crate) parts: Sender<Part>,
}

/// The end of a lane that is fed. When it is dropped, the outlet ends behind what was fed.
pub struct Lane {
    turns: Sender<Turn>,
    sequence: u64,
    parts: usize,
    shared: Arc<Shared>,
}

pub(crate) fn open(options: LaneOptions, outputs: Arc<Outputs>) -> (Lane, Outlet) {
    let (to, turns) = bounded(options.window.max(1));
    let shared = Arc::new(Shared {
        rejects: options.rejects,
        offsets: options.offsets,
        shown_all: AtomicBool::new(false),
        is_feeding: AtomicBool::new(false),
    });
    let lane = Lane { turns: to, sequence: 0, parts: options.parts.max(1), shared: Arc::clone(&shared) };
    (lane, Outlet { turns, outputs, shared })
}

impl Lane {
    /// Whether the next batch can be fed without a wait for the consumer. Who feeds several lanes
    /// reads for those that have room, so that a slow consumer does not stop the others.
    pub fn has_room(&self) -> bool {
        !self.turns.is_full()
    }

    /// What the next batch travels with: to the worker, and to the consumer.
    pub(crate) fn next(&mut self, batch: &Batch, stream: &Stream, restart: Option<Restart>) -> (Order, Turn) {
        let origin = Origin {
            stream: stream.clone(),
            sequence: self.sequence,
            start: batch.offset,
            end: batch.offset + batch.consumed,
            restart,
        };
        self.sequence += 1;
        let (to, parts) = bounded(self.parts);
        let order = Order { lane: Arc::clone(&self.shared), name: Arc::clone(&stream.name), parts: to };
        (order, Turn { origin, parts })
    }

    /// A batch is fed from now on, or no more.
    pub(crate) fn is_feeding(&self, is_feeding: bool) {
        self.shared.is_feeding.store(is_feeding, Ordering::Relaxed);
    }

    /// Tells the consumer of the next batch.
    pub(crate) fn tell(&self, turn: Turn) -> Result<(), Error> {
        self.turns.send(turn).map_err(|_| Error::abandoned())
    }
}

/// The end of a lane that is taken from: its batches in the order in which they were fed. When it is
/// dropped, feeding the lane fails.
pub struct Outlet {
    turns: Receiver<Turn>,
    outputs: Arc<Outputs>,
    shared: Arc<Shared>,
}

/// What a lane has next.
#[derive(Debug)]
pub enum Next {
    /// What comes of a batch.
    Turn(Turn),
    /// Nothing so far.
    Idle,
    /// Nothing any more.
    Closed,
}

/// What is heard first.
#[derive(Debug)]
pub enum Heard<T> {
    /// What comes of a batch.
    Turn(Turn),
    /// A word from elsewhere.
    Word(T),
    /// Nothing in that time.
    Idle,
    /// There are no more batches.
    Closed,
}

impl Outlet {
    /// The next batch, as soon as it is fed. `None` when the lane is closed.
    pub fn next(&self) -> Option<Turn> {
        self.turns.recv().ok()
    }

    /// The next batch, or a word from elsewhere, whatever comes first; until then, if it is given.
    pub fn next_or<T>(&self, words: &Receiver<T>, until: Option<Instant>) -> Heard<T> {
        let timer = until.map_or_else(never, at);
        let turn = |turn: Result<Turn, RecvError>| turn.map_or(Heard::Closed, Heard::Turn);
        select! {
            recv(self.turns) -> next => turn(next),
            recv(words) -> word => match word {
                Ok(word) => Heard::Word(word),
                // Nobody says anything any more.
                Err(_) => select! {
                    recv(self.turns) -> next => turn(next),
                    recv(timer) -> _ => Heard::Idle,
                },
            },
            recv(timer) -> _ => Heard::Idle,
        }
    }

    /// Whether a batch is being normalized by its feeder, so that it may be about to come.
    pub fn is_feeding(&self) -> bool {
        self.shared.is_feeding.load(Ordering::Relaxed)
    }

    /// The next batch, if it is fed already.
    pub fn try_next(&self) -> Next {
        match self.turns.try_recv() {
            Ok(turn) => Next::Turn(turn),
            Err(TryRecvError::Empty) => Next::Idle,
            Err(TryRecvError::Disconnected) => Next::Closed,
        }
    }

    /// Gives the memory of records back to the workers.
    pub fn give_back(&self, records: Output) {
        self.outputs.give(records);
    }

    /// Tells that no more rejects are shown, so none have to be described.
    pub fn enough_shown(&self) {
        self.shared.shown_all.store(true, Ordering::Relaxed);
    }
}

/// A batch in its turn: what comes of it, while it is made.
#[derive(Debug)]
pub struct Turn {
    origin: Origin,
    parts: Receiver<Part>,
}

/// A part of what came of a batch, in the order in which it is to be written.
#[derive(Debug)]
pub enum Part {
    /// Records, a JSON line each.
    Records(Output),
    /// Rejects as JSON lines.
    Rejects(Vec<u8>),
    /// Rejects for people.
    Shown(Vec<String>),
    /// The last one.
    End(Box<End>),
}

/// What is known of a batch when all of it is made.
#[derive(Debug)]
pub struct End {
    /// What the parts before it and the batch's framing account for.
    pub summary: Summary,
    /// Where the text of each record begins in the stream, in the order of the records. `None` where
    /// that is not known of each, as one text made several, or some are filtered; or where the lane
    /// was not asked for it.
    pub offsets: Option<Vec<u64>>,
    /// Whether that is all of the batch. Else nothing more comes of it.
    pub result: Result<(), Error>,
}

/// All that came of a batch.
#[derive(Debug)]
pub struct Made {
    /// Where the batch comes from. When this is kept for good, and all before it, the stream need
    /// not be read again up to [`Origin::end`].
    pub origin: Origin,
    /// Its records, a JSON line each.
    pub records: Vec<u8>,
    /// Its rejects, as JSON lines.
    pub rejects: Vec<u8>,
    /// The rest.
    pub end: End,
}

impl Turn {
    /// Where the batch comes from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The next part, as soon as it is made. There is none behind [`Part::End`].
    ///
    /// # Errors
    ///
    /// Where the worker stopped in the middle of its work.
    pub fn next(&self) -> Result<Part, Error> {
        self.parts.recv().map_err(|_| Error::stopped())
    }

    /// All that comes of the batch, when it is made.
    ///
    /// # Errors
    ///
    /// Where the worker stopped in the middle of its work; what goes wrong otherwise is in
    /// [`End::result`].
    pub fn whole(self, outlet: &Outlet) -> Result<Made, Error> {
        let (mut records, mut rejects) = (Vec::new(), Vec::new());
        loop {
            match self.next()? {
                Part::Records(part) => {
                    records.extend_from_slice(&part);
                    outlet.give_back(part);
                }
                Part::Rejects(part) if rejects.is_empty() => rejects = part,
                Part::Rejects(part) => rejects.extend_from_slice(&part),
                Part::Shown(_) => {}
                Part::End(end) => return Ok(Made { origin: self.origin, records, rejects, end: *end }),
            }
        }
    }
}
