//! From batches to pages.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde::Serialize;
use weir_normalizer::batch::{self, Batch};
use weir_pipeline::{Engine, Factory, rejects};

use crate::{
    outlet::Outlet,
    page::{Origin, Page, Piece, Places},
    route::{Route, Way},
    sinks::file::Said,
    tracker::Turn,
};

/// A page is sent when it has so many bytes, or at the end of its batch.
const PAGE: usize = 1 << 20;

/// Who normalizes for one pipeline, on one thread.
pub(crate) struct Worker {
    way: Way,
    /// Made when the first batch comes, and anew after an error or for another factory.
    engine: Option<(Arc<dyn Factory>, Box<dyn Engine>)>,
}

/// The stream that batches come from.
#[derive(Clone, Debug)]
pub(crate) struct Stream {
    pub(crate) source: Arc<str>,
    pub(crate) name: Arc<str>,
    pub(crate) identity: u64,
    /// It can be read again.
    pub(crate) can_replay: bool,
    /// Somebody waits for each page.
    pub(crate) is_awaited: bool,
}

/// A reject, for who sent the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Rejected {
    line: u64,
    offset: u64,
    code: String,
    reason: String,
}

/// How many rejects of a request its sender is told, and how much of each reason, in characters.
pub(crate) const TOLD: usize = 3;
const REASON: usize = 256;

/// What came of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) normalized: u64,
    pub(crate) filtered: u64,
    pub(crate) rejected: u64,
    /// The time of the latest record that came out, in epoch milliseconds.
    pub(crate) time: Option<i64>,
    /// The first rejects, where somebody waits for them.
    pub(crate) first: Vec<Rejected>,
}

impl Worker {
    pub(crate) fn new(way: Way) -> Self {
        Self { way, engine: None }
    }

    /// Another one for the same pipeline, on another thread.
    pub(crate) fn another(&self) -> Self {
        Self::new(self.way.clone())
    }

    /// Turns a batch into pages and sends them. The turn is released; on an error it fails.
    pub(crate) fn work(
        &mut self,
        stream: &Stream,
        batch: &Batch,
        turn: &Arc<Turn>,
    ) -> Result<Counts, weir_pipeline::Error> {
        let begin = Begin { offset: batch.offset, is_piece: false };
        self.end(turn, |worker| {
            if batch.elements.is_empty() {
                return Ok(Counts::default());
            }
            worker.make(stream, turn, |making, engine| making.take(engine, batch, begin))
        })
    }

    /// The same for batches of several pieces of the stream, such as messages: a page has records of as many as
    /// go in. `next` takes back the batch from before.
    #[cfg(feature = "kafka")]
    pub(crate) fn work_pieces(
        &mut self,
        stream: &Stream,
        turn: &Arc<Turn>,
        next: &mut dyn FnMut(Option<Batch>) -> Option<PieceOf>,
    ) -> Result<Counts, weir_pipeline::Error> {
        self.end(turn, |worker| {
            worker.make(stream, turn, |making, engine| {
                let mut piece = next(None);
                while let Some(PieceOf { offset, batch }) = piece {
                    if !batch.elements.is_empty() {
                        making.take(engine, &batch, Begin { offset, is_piece: true })?;
                    }
                    piece = next(Some(batch));
                }
                Ok(())
            })
        })
    }

    fn end(
        &mut self,
        turn: &Arc<Turn>,
        work: impl FnOnce(&mut Self) -> Result<Counts, weir_pipeline::Error>,
    ) -> Result<Counts, weir_pipeline::Error> {
        let result = work(self);
        if result.is_err() {
            self.engine = None;
            turn.fail();
        }
        turn.release();
        result
    }

    fn make(
        &mut self,
        stream: &Stream,
        turn: &Arc<Turn>,
        fill: impl FnOnce(&mut Making<'_>, &mut dyn Engine) -> Result<(), weir_pipeline::Error>,
    ) -> Result<Counts, weir_pipeline::Error> {
        let Route { outlet, factory } = self.way.route();
        let (_, engine) = match &mut self.engine {
            Some(made) if Arc::ptr_eq(&made.0, &factory) => made,
            other => {
                // Before there is another: it has memory of its own.
                *other = None;
                let engine = Arc::clone(&factory).engine()?;
                other.insert((factory, engine))
            }
        };
        let mut making = Making {
            outlet: &outlet,
            stream,
            turn,
            bytes: Vec::new(),
            records: 0,
            places: Vec::new(),
            is_each: true,
            pieces: Vec::new(),
            offset: 0,
            sent: 0,
            lines: Vec::new(),
            place: None,
            last: None,
            counts: Counts::default(),
            said: Said::default(),
        };
        let result = fill(&mut making, &mut **engine);
        making.send();
        making.send_rejects();
        result?;
        Ok(making.counts)
    }
}

/// A batch of a piece of a stream.
#[cfg(feature = "kafka")]
pub(crate) struct PieceOf {
    /// Where it lies in the stream.
    pub(crate) offset: u64,
    pub(crate) batch: Batch,
}

/// What a batch is of that comes next.
#[derive(Clone, Copy)]
struct Begin {
    /// Where it lies, or the piece that it is of.
    offset: u64,
    is_piece: bool,
}

impl Stream {
    /// What a piece of it is called where its records are told of.
    pub(crate) fn piece(&self, offset: u64) -> String {
        format!("{}/{offset}", self.name)
    }
}

struct Making<'a> {
    outlet: &'a Arc<Outlet>,
    stream: &'a Stream,
    turn: &'a Arc<Turn>,
    bytes: Vec<u8>,
    /// How many records are in `bytes`.
    records: u32,
    /// The offset of each record in `bytes`, as long as each element made one.
    places: Vec<u64>,
    is_each: bool,
    /// The pieces that these are of, where the stream has pieces.
    pieces: Vec<Piece>,
    /// Where the batch lies, or its piece.
    offset: u64,
    /// Records of it that were sent before those in `bytes`.
    sent: u32,
    lines: Vec<u8>,
    /// The latest rejected element's.
    place: Option<batch::Place>,
    last: Option<usize>,
    counts: Counts,
    said: Said,
}

impl Making<'_> {
    /// Normalizes a batch.
    fn take(
        &mut self,
        engine: &mut dyn Engine,
        batch: &Batch,
        begin: Begin,
    ) -> Result<(), weir_pipeline::Error> {
        (self.place, self.last) = (None, None);
        if begin.is_piece && (self.pieces.is_empty() || self.offset != begin.offset) {
            self.pieces.push(Piece { first: self.records, offset: begin.offset, before: 0 });
            self.sent = 0;
        }
        self.offset = begin.offset;
        let (begun, mut elsewhere) = (Instant::now(), Duration::ZERO);
        let result = engine.process(batch, &mut |reply| {
            let begun = Instant::now();
            let result = self.deliver(batch, begin, &reply);
            elsewhere += begun.elapsed();
            result
        });
        self.outlet.metrics.batch(begun.elapsed().saturating_sub(elsewhere));
        result
    }

    fn deliver(
        &mut self,
        batch: &Batch,
        begin: Begin,
        reply: &weir_pipeline::Reply<'_>,
    ) -> Result<(), weir_pipeline::Error> {
        let malformed = |_| weir_pipeline::Error::failed("the normalizer's reply is malformed; report it");
        let metrics = &self.outlet.metrics;
        let (normalized, filtered) = (u64::from(reply.normalized), u64::from(reply.filtered));
        let mut rejected = 0;
        for reject in batch::rejects(reply.rejects) {
            let reject = reject.map_err(malformed)?;
            rejected += 1;
            metrics.reject(reject.code, reject.format);
            let index = reply.base + reject.element as usize;
            let is_first = self.last != Some(index);
            self.last = Some(index);
            let place = batch.place(index, self.place);
            self.place = Some(place);
            let piece;
            let name = match begin.is_piece {
                true => {
                    piece = self.stream.piece(begin.offset);
                    &*piece
                }
                false => &*self.stream.name,
            };
            self.outlet.rejects(name, place.line, &reject);
            if self.stream.is_awaited && self.counts.first.len() < TOLD {
                self.counts.first.push(Rejected {
                    line: place.line,
                    offset: place.offset,
                    code: reject.code.chars().take(REASON).collect(),
                    reason: reject.reason.chars().take(REASON).collect(),
                });
            }
            let raw = is_first.then(|| batch.raw(index));
            rejects::write_line(&mut self.lines, name, &place, &reject, raw);
        }
        let all = normalized + filtered + rejected;
        self.outlet.balance.add(all);
        self.outlet.balance.settle(filtered);
        self.turn.settles(normalized + rejected);
        metrics.records(normalized, filtered, rejected);
        self.counts.normalized += normalized;
        self.counts.filtered += filtered;
        self.counts.rejected += rejected;
        self.records += reply.normalized;
        if begin.is_piece {
            // Their places are those of the pieces.
        } else if reply.normalized as usize == reply.elements.len() && all == normalized {
            let starts = batch.elements[reply.elements.clone()].iter().map(|e| u64::from(e.start));
            self.places.extend(starts.map(|start| batch.offset + start));
        } else {
            self.is_each = false;
        }
        self.bytes.extend_from_slice(reply.output);
        self.bytes.extend_from_slice(reply.more);
        if self.bytes.len() >= PAGE {
            self.send();
        }
        if self.lines.len() >= PAGE {
            self.send_rejects();
        }
        Ok(())
    }

    fn origin(&self, places: Places) -> Origin {
        Origin {
            source: Arc::clone(&self.stream.source),
            pipeline: Arc::clone(&self.outlet.pipeline),
            schema: self.outlet.schema,
            stream: Arc::clone(&self.stream.name),
            identity: self.stream.identity,
            can_replay: self.stream.can_replay,
            places,
        }
    }

    fn send(&mut self) {
        let (bytes, places) = (std::mem::take(&mut self.bytes), std::mem::take(&mut self.places));
        let is_each = std::mem::replace(&mut self.is_each, true);
        if bytes.is_empty() {
            return;
        }
        let mut pieces = std::mem::take(&mut self.pieces);
        let records = std::mem::take(&mut self.records);
        // How many of them are of the piece that may go on.
        let mut of_last = records;
        let places = match pieces.last() {
            Some(last) => {
                of_last -= last.first;
                // Where several are of one piece, or of none, the last of them has the records.
                pieces.dedup_by(|next, piece| {
                    let is_empty = next.first == piece.first;
                    if is_empty {
                        *piece = *next;
                    }
                    is_empty
                });
                Places::Pieces(pieces)
            }
            None if is_each => Places::Each(places),
            None => Places::Piece(self.offset, self.sent),
        };
        let mut page = Page::new(bytes, self.origin(places));
        self.sent += of_last;
        if matches!(page.origin().places, Places::Pieces(_)) {
            self.pieces.push(Piece { first: 0, offset: self.offset, before: self.sent });
        }
        if let Some(last) = page.len().checked_sub(1) {
            self.said.read(page.record(last), self.outlet.schema);
            self.counts.time = self.said.millis;
        }
        if self.stream.is_awaited {
            page = page.awaited();
        }
        self.outlet.send(page, self.turn);
    }

    fn send_rejects(&mut self) {
        let lines = std::mem::take(&mut self.lines);
        if lines.is_empty() {
            return;
        }
        let mut page = Page::new(lines, self.origin(Places::Piece(self.offset, 0)));
        if self.stream.is_awaited {
            page = page.awaited();
        }
        self.outlet.reject(page, self.turn);
    }
}
