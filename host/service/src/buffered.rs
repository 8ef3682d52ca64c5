//! A queue on disk in front of a sink: a page is safe as soon as the queue has it, and the sink takes
//! it from there.

use std::{
    collections::{BTreeMap, VecDeque},
    path::Path,
    sync::{
        Arc, Condvar, Mutex, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender, unbounded};
use serde::{Deserialize, Serialize};
use weir_buffer::{Committer, Folder, Kind, Queue, Sequence, Stats};
use weir_normalizer::schemas::Schema;

use crate::{
    budget::Budget,
    error::Error,
    outlet::{Job, Lane, letters},
    page::{Origin, Page, Piece, Places},
    receipt::{Answer, Answered, Receipt},
    runner,
    sinks::{BufferOptions, Context, DROP_NEWEST, Delivery, Sink},
    stop::{Stop, Stopper},
};

/// How often progress is saved, and how long it takes at most to see that it is time to end.
const SAVE: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(100);

/// How long a sink that works may take to finish what it has, once it gets no more.
const GRACE: Duration = Duration::from_secs(1);

/// The ways to the dead letters of pipelines, once there are some.
#[derive(Debug, Default)]
pub(crate) struct Graves {
    lanes: Mutex<Option<BTreeMap<Arc<str>, Lane>>>,
    opened: Condvar,
}

impl Graves {
    /// From now on refused records can be kept.
    pub(crate) fn open(&self, lanes: BTreeMap<Arc<str>, Lane>) {
        *self.lanes.lock().unwrap_or_else(PoisonError::into_inner) = Some(lanes);
        self.opened.notify_all();
    }

    /// Waits for that; false where it is time to end.
    fn wait(&self, stop: &Stop) -> bool {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        while lanes.is_none() && !stop.is_told() {
            lanes = self.opened.wait_timeout(lanes, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
        lanes.is_some()
    }

    fn lane(&self, pipeline: &str) -> Option<Lane> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner).as_ref()?.get(pipeline).cloned()
    }
}

/// What somebody else sees of a queue, while it is open.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gauge(Arc<OnceLock<Weak<Queue<Folder>>>>);

impl Gauge {
    fn queue(&self) -> Option<Arc<Queue<Folder>>> {
        self.0.get()?.upgrade()
    }

    /// What it holds.
    pub(crate) fn stats(&self) -> Option<Stats> {
        Some(self.queue()?.stats())
    }

    /// Lets it take whatever still comes, as nobody takes it elsewhere.
    pub(crate) fn lift_limit(&self) {
        if let Some(queue) = self.queue() {
            queue.set_limit(u64::MAX);
        }
    }
}

/// Opens the queue of a sink.
pub(crate) fn queue(
    folder: &Path,
    options: &BufferOptions,
    context: &Context,
) -> Result<Arc<Queue<Folder>>, Error> {
    let options = weir_buffer::Options { limit: options.max.0, ..weir_buffer::Options::default() };
    let failed = |e: weir_buffer::Error| Error::failed(format!("{}: {e}", folder.display()));
    let disk = Folder::create(folder).map_err(|e| Error::file(folder, "make the buffer", &e))?;
    let queue = Arc::new(Queue::open(disk, options).map_err(failed)?);
    let stats = queue.stats();
    if stats.pages > 0 || stats.truncated > 0 {
        let Stats { pages, bytes, truncated, .. } = stats;
        tracing::info!(sink = %context.name, pages, bytes, truncated, "the buffer goes on with what it holds");
    }
    Ok(queue)
}

/// A sink that a queue is put in front of.
pub(crate) struct Behind {
    pub(crate) sink: Box<dyn Sink>,
    /// Tells the sink to stop.
    pub(crate) stopper: Stopper,
}

/// Puts a queue in front of a sink.
pub(crate) fn open(
    queue: Arc<Queue<Folder>>,
    context: &Context,
    budget: &Budget,
    graves: &Arc<Graves>,
    gauge: &Gauge,
    when_full: &str,
    Behind { sink, stopper }: Behind,
) -> Result<Box<dyn Sink>, Error> {
    // It is opened once.
    let _ = gauge.0.set(Arc::downgrade(&queue));
    let waiting = Arc::new(Waiting::default());
    let thread = |e| Error::failed(format!("can't start the thread of the buffer: {e}"));
    let committer = Committer::start(Arc::clone(&queue), {
        let (queue, waiting, name) = (Arc::clone(&queue), Arc::clone(&waiting), Arc::clone(&context.name));
        let metrics = context.metrics.clone();
        move |commit| {
            metrics.synced(commit.took);
            if let Err(error) = commit.result {
                tracing::error!(sink = %name, "{error}");
            }
            waiting.settle(&queue);
        }
    })
    .map_err(thread)?;
    let (to, jobs) = unbounded();
    let ends = runner::start(&context.name, Box::new(|| Some(sink)), jobs, SAVE)?;
    let is_closing = Arc::new(AtomicBool::new(false));
    let feeder = Feeder {
        queue: Arc::clone(&queue),
        sink: to,
        ends,
        stopper,
        context: context.clone(),
        budget: budget.clone(),
        graves: Arc::clone(graves),
        is_closing: Arc::clone(&is_closing),
    };
    let name = format!("buffer {}", context.name);
    let feeder = thread::Builder::new().name(name).spawn(move || feeder.run()).map_err(thread)?;
    Ok(Box::new(Buffered {
        queue,
        committer: Some(committer),
        waiting,
        context: context.clone(),
        is_closing,
        feeder: Some(feeder),
        drops: when_full == DROP_NEWEST,
        has_dropped: false,
    }))
}

/// Pages that are in the queue and not known to be durable.
#[derive(Debug, Default)]
struct Waiting(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    appended: VecDeque<(Sequence, Arc<Page>, Receipt)>,
    /// Those that the disk did not keep.
    again: VecDeque<(Arc<Page>, Receipt)>,
}

impl Waiting {
    /// Answers for pages that are durable now.
    fn settle(&self, queue: &Queue<Folder>) {
        loop {
            let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(result) = inner.appended.front().and_then(|(sequence, ..)| queue.is_durable(*sequence))
            else {
                return;
            };
            let Some((_, page, receipt)) = inner.appended.pop_front() else { return };
            if result.is_ok() {
                drop(inner);
                drop(page);
                receipt.delivered();
            } else {
                inner.again.push_back((page, receipt));
            }
        }
    }

    fn again(&self) -> Option<(Arc<Page>, Receipt)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).again.pop_front()
    }
}

/// The queue as a sink.
struct Buffered {
    queue: Arc<Queue<Folder>>,
    committer: Option<Committer<Folder>>,
    waiting: Arc<Waiting>,
    context: Context,
    is_closing: Arc<AtomicBool>,
    feeder: Option<JoinHandle<()>>,
    /// What comes when it is full is thrown away.
    drops: bool,
    /// It was told that it does.
    has_dropped: bool,
}

impl Buffered {
    fn put(&mut self, page: Arc<Page>, receipt: Receipt) {
        let meta = encode(page.origin());
        let records = u32::try_from(page.len()).unwrap_or(u32::MAX);
        let mut told = None;
        loop {
            let most = if self.drops { Duration::ZERO } else { LOOK };
            let error = match self.queue.append_within(&meta, page.bytes(), records, most) {
                Ok(sequence) => {
                    if told.is_some() || std::mem::take(&mut self.has_dropped) {
                        tracing::info!(sink = %self.context.name, "the buffer takes records again");
                        self.context.health.works();
                    }
                    let mut inner = self.waiting.0.lock().unwrap_or_else(PoisonError::into_inner);
                    inner.appended.push_back((sequence, page, receipt));
                    drop(inner);
                    // It may have become durable before it was there.
                    self.waiting.settle(&self.queue);
                    return;
                }
                Err(error) => error,
            };
            if self.drops && error.kind() == Kind::Full {
                self.context.metrics.dropped(DROP_NEWEST, page.len() as u64);
                if !std::mem::replace(&mut self.has_dropped, true) {
                    tracing::warn!(sink = %self.context.name, "{error}; records are thrown away as `when_full` says");
                    self.context.health.fails(format!("{error}; records are thrown away"));
                }
                // Nobody is to wait for them, or to send them again.
                drop(page);
                receipt.delivered();
                return;
            }
            if told != Some(error.kind()) {
                tracing::warn!(sink = %self.context.name, "{error}");
                told = Some(error.kind());
                self.context.health.fails(error.to_string());
            }
            let is_over = match error.kind() {
                // It waited already.
                Kind::Full => self.context.stop.is_told(),
                Kind::TooLarge | Kind::Closed => true,
                _ => self.context.stop.wait(SAVE),
            };
            if is_over {
                return;
            }
        }
    }
}

impl Sink for Buffered {
    fn take(&mut self, delivery: Delivery) {
        let Delivery { page, receipt } = delivery;
        self.put(page, receipt);
    }

    fn sync(&mut self) {
        while let Some((page, receipt)) = self.waiting.again() {
            self.put(page, receipt);
        }
        self.waiting.settle(&self.queue);
    }

    fn close(mut self: Box<Self>) {
        // Whether it went well is what `settle` looks at.
        let _ = self.queue.commit();
        self.sync();
        let _ = self.queue.commit();
        self.waiting.settle(&self.queue);
        self.is_closing.store(true, Ordering::Release);
        if let Some(feeder) = self.feeder.take() {
            // It was told if it panicked.
            let _ = feeder.join();
        }
        drop(self.committer.take());
    }
}

/// Takes pages out of the queue and gives them to the sink.
struct Feeder {
    queue: Arc<Queue<Folder>>,
    sink: Sender<Job>,
    ends: Receiver<()>,
    stopper: Stopper,
    context: Context,
    budget: Budget,
    graves: Arc<Graves>,
    is_closing: Arc<AtomicBool>,
}

impl Feeder {
    fn run(self) {
        if self.graves.wait(&self.context.stop) {
            self.feed();
        }
        // Nothing is sent when the sink has closed, which it tells by that.
        let _ = self.sink.send(Job::Close);
        if !self.context.health.is_failing() {
            let _ = self.ends.recv_timeout(GRACE);
        }
        self.stopper.stop();
        let _ = self.ends.recv();
        self.save();
    }

    fn feed(&self) {
        let mut due = Instant::now() + SAVE;
        let mut lost = 0;
        while !self.context.stop.is_told() {
            let is_closing = self.is_closing.load(Ordering::Acquire);
            match self.queue.next_within(LOOK) {
                Ok(Some(page)) => self.give(page),
                Ok(None) if is_closing && self.queue.stats().pages == 0 => return,
                Ok(None) if is_closing => drop(self.sink.send(Job::Flush)),
                Ok(None) => {}
                Err(error) => {
                    tracing::error!(sink = %self.context.name, "{error}");
                    self.context.health.fails(error.to_string());
                    self.context.stop.wait(SAVE);
                }
            }
            if Instant::now() >= due {
                self.save();
                due = Instant::now() + SAVE;
            }
            let quarantined = self.queue.stats().quarantined;
            if quarantined > lost {
                let pages = quarantined - lost;
                tracing::error!(sink = %self.context.name, pages, "pages of the buffer are damaged and lost; the bytes are kept as *.bad beside it");
                lost = quarantined;
            }
        }
    }

    fn give(&self, page: weir_buffer::Page) {
        let sequence = page.sequence;
        let Some(origin) = decode(&page.meta) else {
            // A later version may have written it. It stays, and so does what is behind it.
            let what = "a page of the buffer can't be read by this version; run a later one";
            tracing::error!(sink = %self.context.name, "{what}");
            self.context.health.fails(what);
            return;
        };
        let page = Page::new(page.bytes, origin).within(&self.budget);
        // A sink that puts off what it does would be waited for, by the pages behind this one or by
        // who closes it.
        let is_awaited = self.queue.awaits_acknowledgement() || self.is_closing.load(Ordering::Acquire);
        let page = Arc::new(if is_awaited { page.awaited() } else { page });
        let taken = Taken {
            queue: Arc::downgrade(&self.queue),
            sequence,
            page: Arc::downgrade(&page),
            graves: Arc::clone(&self.graves),
            context: self.context.clone(),
        };
        let receipt = Receipt::new(Arc::clone(&self.context.name), Arc::new(taken));
        // Where the sink has ended, the page comes again after the next start.
        let _ = self.sink.send(Job::Take(Delivery { page, receipt }));
    }

    fn save(&self) {
        if let Err(error) = self.queue.save_progress() {
            tracing::warn!(sink = %self.context.name, "{error}");
        }
    }
}

/// Takes the sink's answer about a page of the queue, as long as this is open.
struct Taken {
    queue: Weak<Queue<Folder>>,
    sequence: Sequence,
    /// The sink has it as long as it may refuse some of it.
    page: Weak<Page>,
    graves: Arc<Graves>,
    context: Context,
}

impl Answered for Taken {
    fn answered(&self, sink: &str, answer: Answer) {
        match answer {
            Answer::Delivered => acknowledge(&self.queue, self.sequence),
            Answer::Refused(refusals) => {
                let buried = self.page.upgrade().and_then(|page| {
                    let lane = self.graves.lane(&page.origin().pipeline)?;
                    Some((lane, letters(&page, sink, &refusals, &self.context.metrics)?))
                });
                let Some((lane, page)) = buried else {
                    tracing::error!(
                        sink,
                        "refused records could not be kept, as their pipeline is gone; they stay in the buffer"
                    );
                    return;
                };
                let buried = Buried { queue: Weak::clone(&self.queue), sequence: self.sequence };
                lane.send(Arc::new(page), Arc::new(buried));
            }
            // It comes again after the next start.
            Answer::Returned => {}
        }
    }
}

fn acknowledge(queue: &Weak<Queue<Folder>>, sequence: Sequence) {
    // Once it is closed, the page comes again after the next start.
    if let Some(queue) = queue.upgrade() {
        queue.acknowledge(sequence);
    }
}

/// Takes the answer about dead letters.
struct Buried {
    queue: Weak<Queue<Folder>>,
    sequence: Sequence,
}

impl Answered for Buried {
    fn answered(&self, _: &str, answer: Answer) {
        if answer == Answer::Delivered {
            acknowledge(&self.queue, self.sequence);
        }
    }
}

/// What is kept beside the records of a page: this as JSON with its length in front of it, then where
/// the records lie.
#[derive(Serialize, Deserialize)]
struct Meta<'a> {
    source: &'a str,
    pipeline: &'a str,
    schema: &'a str,
    #[serde(borrow)]
    stream: std::borrow::Cow<'a, str>,
    identity: u64,
    #[serde(default)]
    can_replay: bool,
}

const EACH: u8 = 0;
const PIECE: u8 = 1;
const PIECES: u8 = 2;

fn encode(origin: &Origin) -> Vec<u8> {
    let meta = Meta {
        source: &origin.source,
        pipeline: &origin.pipeline,
        schema: origin.schema.name(),
        stream: (&*origin.stream).into(),
        identity: origin.identity,
        can_replay: origin.can_replay,
    };
    let json = serde_json::to_vec(&meta).expect("texts and a number are JSON");
    let mut bytes = (json.len() as u32).to_le_bytes().to_vec();
    bytes.extend_from_slice(&json);
    match &origin.places {
        Places::Each(offsets) => {
            bytes.push(EACH);
            let mut before = 0_u64;
            for offset in offsets {
                push_number(&mut bytes, offset.wrapping_sub(before));
                before = *offset;
            }
        }
        Places::Piece(offset, records) => {
            bytes.push(PIECE);
            push_number(&mut bytes, *offset);
            push_number(&mut bytes, u64::from(*records));
        }
        Places::Pieces(pieces) => {
            bytes.push(PIECES);
            let mut last = Piece { first: 0, offset: 0, before: 0 };
            for piece in pieces {
                push_number(&mut bytes, u64::from(piece.first.wrapping_sub(last.first)));
                push_number(&mut bytes, piece.offset.wrapping_sub(last.offset));
                push_number(&mut bytes, u64::from(piece.before));
                last = *piece;
            }
        }
    }
    bytes
}

fn decode(bytes: &[u8]) -> Option<Origin> {
    let (len, rest) = bytes.split_first_chunk::<4>()?;
    let (json, places) = rest.split_at_checked(u32::from_le_bytes(*len) as usize)?;
    let meta: Meta<'_> = serde_json::from_slice(json).ok()?;
    let (kind, mut rest) = places.split_first()?;
    let mut numbers = Vec::new();
    while !rest.is_empty() {
        numbers.push(take_number(&mut rest)?);
    }
    let places = match (*kind, &numbers[..]) {
        (EACH, _) => {
            let mut before = 0_u64;
            for number in &mut numbers {
                before = before.wrapping_add(*number);
                *number = before;
            }
            Places::Each(numbers)
        }
        (PIECE, [offset, records]) => Places::Piece(*offset, u32::try_from(*records).ok()?),
        (PIECES, numbers) if numbers.len().is_multiple_of(3) => {
            let mut last = Piece { first: 0, offset: 0, before: 0 };
            let pieces = numbers.chunks_exact(3).map(|numbers| {
                last = Piece {
                    first: last.first.wrapping_add(u32::try_from(numbers[0]).ok()?),
                    offset: last.offset.wrapping_add(numbers[1]),
                    before: u32::try_from(numbers[2]).ok()?,
                };
                Some(last)
            });
            Places::Pieces(pieces.collect::<Option<_>>()?)
        }
        _ => return None,
    };
    Some(Origin {
        source: meta.source.into(),
        pipeline: meta.pipeline.into(),
        schema: Schema::by_name(meta.schema)?,
        stream: meta.stream.into(),
        identity: meta.identity,
        can_replay: meta.can_replay,
        places,
    })
}

/// Seven bits a byte, the lowest first.
fn push_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn take_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// What is wrong with the buffers below a folder, a line each: damage, and buffers of sinks that are
/// not among these names and still hold pages.
pub(crate) fn findings(folder: &Path, sinks: &[&str]) -> Vec<String> {
    let mut findings = Vec::new();
    // Without the folder there is no buffer.
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    paths.sort();
    for path in paths {
        let shown = path.display();
        match weir_buffer::check(&Folder::existing(&path)) {
            Err(error) => findings.push(format!("{shown}: {error}")),
            Ok(report) => {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                if !sinks.contains(&name) && report.pages > 0 {
                    let (pages, records) = (report.pages, report.records);
                    findings.push(format!(
                        "{shown}: holds {records} records in {pages} pages for a sink that is not in the \
                         configuration; add [sinks.{name}] until it has them, or remove the folder"
                    ));
                }
                for damage in &report.damage {
                    let weir_buffer::Damage { file, offset, len, what } = damage;
                    findings.push(format!("{shown}/{file}: damaged: {what} ({len} bytes at {offset})"));
                }
                if report.damaged > report.damage.len() as u64 {
                    findings.push(format!("{shown}: {} damaged places in all", report.damaged));
                }
                if report.torn > 0 && !report.is_in_use {
                    findings.push(format!(
                        "{shown}: the last {} bytes are no whole page; the next start cuts them off",
                        report.torn
                    ));
                }
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::{
        alarm::alarm,
        config::values::ByteSize,
        health::Board,
        metrics::Metrics,
        plane::Plane,
        receipt::Refusal,
        stop::{Stopper, stop},
    };

    fn origin(places: Places) -> Origin {
        Origin {
            source: "in".into(),
            pipeline: "p".into(),
            schema: Schema::Ecs,
            stream: "/var/log/\"a\".log".into(),
            identity: u64::MAX - 1,
            can_replay: true,
            places,
        }
    }

    fn page(at: u64) -> Page {
        Page::new(format!("{{\"n\":{at}}}\n{{\"m\":{at}}}\n").into(), origin(Places::Each(vec![at, at + 50])))
    }

    /// A sink that does what it is told about each page.
    struct Scripted(Box<dyn FnMut(Delivery) + Send>);

    impl Sink for Scripted {
        fn take(&mut self, delivery: Delivery) {
            (self.0)(delivery);
        }

        fn close(self: Box<Self>) {}
    }

    struct Around {
        folder: tempfile::TempDir,
        context: Context,
        stopper: Stopper,
        graves: Arc<Graves>,
        budget: Budget,
        board: Board,
        metrics: Metrics,
    }

    impl Around {
        fn new() -> Self {
            Self::in_folder(tempfile::tempdir().unwrap())
        }

        fn in_folder(folder: tempfile::TempDir) -> Self {
            let (stopper, stop) = stop();
            let (board, metrics) = (Board::default(), Metrics::new());
            let context = Context {
                name: "es".into(),
                stop,
                plane: Plane::default(),
                metrics: metrics.sink("es"),
                alarm: alarm().0,
                health: board.part("[sinks.es]"),
                budget: Budget::new(1 << 30),
                once: false,
                state: "51a7e".into(),
            };
            let graves = Arc::new(Graves::default());
            graves.open(BTreeMap::new());
            Self { folder, context, stopper, graves, budget: Budget::new(1 << 20), board, metrics }
        }

        fn open(&self, max: u64, take: impl FnMut(Delivery) + Send + 'static) -> Box<dyn Sink> {
            self.open_with(BufferOptions { max: ByteSize(max), ..BufferOptions::default() }, take)
        }

        fn open_with(
            &self,
            options: BufferOptions,
            take: impl FnMut(Delivery) + Send + 'static,
        ) -> Box<dyn Sink> {
            let sink = Box::new(Scripted(Box::new(take)));
            let folder = self.folder.path().join("buffers/es");
            let queue = queue(&folder, &options, &self.context).unwrap();
            let behind = Behind { sink, stopper: stop().0 };
            let gauge = Gauge::default();
            open(queue, &self.context, &self.budget, &self.graves, &gauge, &options.when_full, behind)
                .unwrap()
        }
    }

    struct Told(mpsc::Sender<Answer>);

    impl Answered for Told {
        fn answered(&self, _: &str, answer: Answer) {
            // Who no longer listens knows enough.
            let _ = self.0.send(answer);
        }
    }

    fn give(sink: &mut dyn Sink, page: Page, to: &mpsc::Sender<Answer>) {
        let receipt = Receipt::new("es".into(), Arc::new(Told(to.clone())));
        sink.take(Delivery { page: Arc::new(page), receipt });
    }

    #[test]
    fn where_records_come_from_is_kept_with_them() {
        for places in [
            Places::Each(vec![0, 17, 300, 16, u64::MAX]),
            Places::Each(Vec::new()),
            Places::Piece(u64::MAX, u32::MAX),
            Places::Pieces(vec![
                Piece { first: 0, offset: 300, before: 9 },
                Piece { first: 4, offset: 301, before: 0 },
                Piece { first: 4, offset: u64::MAX, before: u32::MAX },
            ]),
        ] {
            let bytes = encode(&origin(places.clone()));
            assert_eq!(decode(&bytes), Some(origin(places.clone())));
            if matches!(places, Places::Piece(..)) {
                for cut in 0..bytes.len() {
                    assert_eq!(decode(&bytes[..cut]), None);
                }
            }
        }
        assert_eq!(decode(&[0xff; 40]), None);
    }

    #[test]
    fn a_page_that_others_wait_behind_is_awaited() {
        let around = Around::new();
        let (to, answers) = mpsc::channel();
        // The sink never answers.
        let (keep, kept) = mpsc::channel();
        let mut sink = around.open(1 << 20, move |delivery| keep.send(delivery).unwrap());
        let most = weir_buffer::Options::default().in_flight;
        for at in 0..most as u64 + 6 {
            give(&mut *sink, page(at * 100), &to);
            assert_eq!(answers.recv().unwrap(), Answer::Delivered);
        }
        let held: Vec<Delivery> = kept.iter().take(most).collect();
        let awaited: Vec<usize> = (0..most).filter(|i| held[*i].page.is_awaited()).collect();
        assert_eq!(awaited, [most - 1]);
        around.stopper.stop();
        sink.close();
    }

    #[test]
    fn case_24_a_page_is_answered_for_when_it_is_on_disk_and_comes_again_after_a_crash() {
        let around = Around::new();
        let (to, answers) = mpsc::channel();
        // The sink never answers.
        let (keep, kept) = mpsc::channel();
        let mut sink = around.open(1 << 20, move |delivery| keep.send(delivery).unwrap());
        for at in 0..3 {
            give(&mut *sink, page(at * 100), &to);
            assert_eq!(answers.recv().unwrap(), Answer::Delivered);
        }
        let ids = |delivery: &Delivery| (0..2).map(|n| delivery.page.id(n)).collect::<Vec<_>>();
        let held: Vec<Delivery> = kept.iter().take(3).collect();
        let first: Vec<_> = held.iter().map(ids).collect();
        around.stopper.stop();
        sink.close();
        drop(held);
        // The next process has the same pages, with the same names.
        let around = Around::in_folder(around.folder);
        let (keep, kept) = mpsc::channel();
        let sink = around.open(1 << 20, move |delivery| keep.send(delivery).unwrap());
        let again: Vec<_> = kept
            .iter()
            .take(3)
            .map(|delivery| {
                let ids = ids(&delivery);
                delivery.receipt.delivered();
                ids
            })
            .collect();
        assert_eq!(first, again);
        assert_eq!(again[2], ["fffffffffffffffe-c8", "fffffffffffffffe-fa"]);
        sink.close();
        // And the one after that has none.
        let sink = around.open(1 << 20, |delivery| panic!("{delivery:?}"));
        sink.close();
    }

    #[test]
    fn case_40_a_dead_sink_takes_pages_until_its_buffer_is_full_and_waits_then() {
        let around = Around::new();
        let (to, answers) = mpsc::channel();
        let (keep, kept) = mpsc::channel();
        let mut sink = around.open(2000, move |delivery| keep.send(delivery).unwrap());
        let (full, is_full) = mpsc::channel();
        let feeder = thread::spawn(move || {
            for at in 0..30 {
                give(&mut *sink, page(at), &to);
                full.send(at).unwrap();
            }
            sink
        });
        // Pages take about 200 bytes each, so some go in, and one waits.
        while !around.board.failing().contains_key("[sinks.es]") {
            thread::yield_now();
        }
        assert!(around.board.failing()["[sinks.es]"].contains("no room"));
        let taken = is_full.try_iter().count();
        assert!((3..15).contains(&taken), "{taken}");
        assert!(answers.iter().take(taken).all(|answer| answer == Answer::Delivered));
        assert!(answers.try_recv().is_err(), "one waits");
        // The destination comes back.
        for _ in 0..30 {
            let Delivery { page, receipt } = kept.recv().unwrap();
            drop(page);
            receipt.delivered();
        }
        feeder.join().unwrap().close();
        assert!(around.board.failing().is_empty());
        assert_eq!(taken + answers.try_iter().filter(|answer| *answer == Answer::Delivered).count(), 30);
        assert_eq!(around.budget.used(), 0);
    }

    #[test]
    fn what_does_not_fit_is_thrown_away_and_counted_where_that_was_chosen() {
        let around = Around::new();
        let (to, answers) = mpsc::channel();
        let (keep, kept) = mpsc::channel();
        let options = BufferOptions { max: ByteSize(2000), when_full: DROP_NEWEST.into() };
        let mut sink = around.open_with(options, move |delivery| keep.send(delivery).unwrap());
        for at in 0..30 {
            give(&mut *sink, page(at), &to);
        }
        // Nobody waits.
        assert!(answers.iter().take(30).all(|answer| answer == Answer::Delivered));
        assert!(around.board.failing()["[sinks.es]"].contains("thrown away"));
        let dropped = || {
            let text = around.metrics.text();
            let name = "weir_sink_dropped_total{sink=\"es\",policy=\"drop_newest\"} ";
            text.lines().find_map(|line| line.strip_prefix(name)?.parse::<u64>().ok()).unwrap()
        };
        let lost = dropped();
        assert!(lost % 2 == 0 && (30..54).contains(&lost), "{lost}");
        // All others come, and when there is room again so does what comes later.
        for at in 0..30 - lost / 2 {
            let Delivery { page: found, receipt } = kept.recv().unwrap();
            assert_eq!(found.bytes(), page(at).bytes());
            drop(found);
            receipt.delivered();
        }
        sink.sync();
        while around.board.failing().contains_key("[sinks.es]") {
            give(&mut *sink, page(99), &to);
            answers.recv().unwrap();
            if let Ok(Delivery { page: found, receipt }) = kept.try_recv() {
                assert_eq!(found.bytes(), page(99).bytes());
                receipt.delivered();
            }
        }
        around.stopper.stop();
        sink.close();
    }

    #[test]
    fn what_is_refused_leaves_the_buffer_when_it_is_kept() {
        let around = Around::new();
        let (queue, dead) = unbounded();
        let lane = Lane::new("dead_letters p", queue, Metrics::new().sink("dead"));
        around.graves.open([("p".into(), lane)].into());
        let refusal = |record| Refusal { record, code: "400".into(), reason: "no".into() };
        let mut sink = around.open(1 << 20, move |delivery| delivery.receipt.refused(vec![refusal(1)]));
        let (to, answers) = mpsc::channel();
        give(&mut *sink, page(7), &to);
        assert_eq!(answers.recv().unwrap(), Answer::Delivered);
        let Ok(Job::Take(letter)) = dead.recv() else { panic!() };
        let line = String::from_utf8_lossy(letter.page.bytes()).into_owned();
        assert!(line.contains("\"record\":{\"m\":7}") && line.contains("\"sink\":\"es\""), "{line}");
        // Not yet kept, it would come again.
        around.stopper.stop();
        sink.close();
        let path = around.folder.path().join("buffers");
        let found = findings(&path, &[]);
        assert!(found.len() == 1 && found[0].contains("holds 2 records in 1 pages"), "{found:?}");
        assert!(findings(&path, &["es"]).is_empty());
        // Kept, it does not.
        let around = Around::in_folder(around.folder);
        let (queue, dead) = unbounded();
        let lane = Lane::new("dead_letters p", queue, Metrics::new().sink("dead"));
        around.graves.open([("p".into(), lane)].into());
        let sink = around.open(1 << 20, move |delivery| delivery.receipt.refused(vec![refusal(0)]));
        let Ok(Job::Take(letter)) = dead.recv() else { panic!() };
        letter.receipt.delivered();
        sink.close();
        assert!(findings(&path, &[]).is_empty());
    }

    #[test]
    fn case_33_damage_is_named_by_its_file() {
        let around = Around::new();
        let (to, answers) = mpsc::channel();
        let mut sink = around.open(1 << 20, drop);
        give(&mut *sink, page(7), &to);
        answers.recv().unwrap();
        around.stopper.stop();
        sink.close();
        let path = around.folder.path().join("buffers");
        let segment = std::fs::read_dir(path.join("es"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| path.extension().is_some_and(|extension| extension == "zst"))
            .unwrap();
        let mut bytes = std::fs::read(&segment).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&segment, bytes).unwrap();
        let found = findings(&path, &["es"]);
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with(&segment.display().to_string()), "{found:?}");
        assert!(found[0].contains("page 1 is not what was written"), "{found:?}");
        // It starts all the same.
        let around = Around::in_folder(around.folder);
        around.open(1 << 20, |delivery| panic!("{delivery:?}")).close();
    }
}
