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
    page::{Origin, Page, Places},
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
        let result = self.make(stream, batch, turn);
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
        batch: &Batch,
        turn: &Arc<Turn>,
    ) -> Result<Counts, weir_pipeline::Error> {
        if batch.elements.is_empty() {
            return Ok(Counts::default());
        }
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
            batch,
            turn,
            bytes: Vec::new(),
            places: Vec::new(),
            is_each: true,
            sent: 0,
            lines: Vec::new(),
            place: None,
            last: None,
            counts: Counts::default(),
            said: Said::default(),
        };
        let (begun, mut elsewhere) = (Instant::now(), Duration::ZERO);
        let result = engine.process(batch, &mut |reply| {
            let begun = Instant::now();
            let result = making.deliver(&reply);
            elsewhere += begun.elapsed();
            result
        });
        outlet.metrics.batch(begun.elapsed().saturating_sub(elsewhere));
        making.send();
        making.send_rejects();
        result?;
        Ok(making.counts)
    }
}

struct Making<'a> {
    outlet: &'a Arc<Outlet>,
    stream: &'a Stream,
    batch: &'a Batch,
    turn: &'a Arc<Turn>,
    bytes: Vec<u8>,
    /// The offset of each record in `bytes`, as long as each element made one.
    places: Vec<u64>,
    is_each: bool,
    /// Records that were sent before those in `bytes`.
    sent: u32,
    lines: Vec<u8>,
    /// The latest rejected element's.
    place: Option<batch::Place>,
    last: Option<usize>,
    counts: Counts,
    said: Said,
}

impl Making<'_> {
    fn deliver(&mut self, reply: &weir_pipeline::Reply<'_>) -> Result<(), weir_pipeline::Error> {
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
            let place = self.batch.place(index, self.place);
            self.place = Some(place);
            self.outlet.rejects(&self.stream.name, place.line, &reject);
            if self.stream.is_awaited && self.counts.first.len() < TOLD {
                self.counts.first.push(Rejected {
                    line: place.line,
                    offset: place.offset,
                    code: reject.code.chars().take(REASON).collect(),
                    reason: reject.reason.chars().take(REASON).collect(),
                });
            }
            let raw = is_first.then(|| self.batch.raw(index));
            rejects::write_line(&mut self.lines, &self.stream.name, &place, &reject, raw);
        }
        let all = normalized + filtered + rejected;
        self.outlet.balance.add(all);
        self.outlet.balance.settle(filtered);
        self.turn.settles(normalized + rejected);
        metrics.records(normalized, filtered, rejected);
        self.counts.normalized += normalized;
        self.counts.filtered += filtered;
        self.counts.rejected += rejected;
        if reply.normalized as usize == reply.elements.len() && all == normalized {
            let starts = self.batch.elements[reply.elements.clone()].iter().map(|e| u64::from(e.start));
            self.places.extend(starts.map(|start| self.batch.offset + start));
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
        let places = match is_each {
            true => Places::Each(places),
            false => Places::Piece(self.batch.offset, self.sent),
        };
        let mut page = Page::new(bytes, self.origin(places));
        self.sent += page.len() as u32;
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
        let mut page = Page::new(lines, self.origin(Places::Piece(self.batch.offset, 0)));
        if self.stream.is_awaited {
            page = page.awaited();
        }
        self.outlet.reject(page, self.turn);
    }
}
