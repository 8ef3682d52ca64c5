//! From inputs to output: a reader frames batches, it and other workers normalize them, and
//! the caller's thread writes what they made in the order of the input.
//!
//! The reader works, too: it hands a batch to the others where their queue has room, and
//! else normalizes it itself, while it is in its cache. With one job there are no others.
//!
//! Each batch travels with a channel of its own for the parts that come of it, and the
//! writer gets the receiving ends in the order of the input. All channels are bounded, so
//! the memory in use does not depend on the size of the input or the speed of anybody.
//!
//! Nobody waits in a circle: the writer waits for the earliest batch that is not written. Whoever
//! has that one waits for nobody but the writer, who takes its parts; and if it is still in
//! the queue, all before it are done, so a worker is free to take it, as the queue is in order.

use std::{
    io::Write,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Instant,
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use weir_normalizer::{
    Config, Output,
    batch::{self, Batch},
    framing::Framer,
};

use weir_io::Source;
use weir_pipeline::{
    Engine, Error as PipelineError, Factory, Reply, limits, rejects,
    summary::{self, Summary},
};

use crate::{Error, progress::Progress};

/// What is to be done.
pub struct Job {
    /// The inputs, in order.
    pub sources: Vec<Source>,
    /// What framing and normalizing depend on.
    pub config: Config,
    /// What normalizes.
    pub factory: Arc<dyn Factory>,
    /// How many threads normalize.
    pub jobs: usize,
    /// Show a bar for the progress towards this many bytes read.
    pub progress: Option<u64>,
}

/// Where something goes, and what messages call it.
pub struct Sink<'a> {
    /// What messages call it.
    pub name: &'a str,
    /// Where it goes.
    pub writer: &'a mut dyn Write,
}

/// Does a job. The summary accounts for what was delivered, also where the run failed.
/// Rejects go to `rejects`, or else the first few are told on standard error.
pub fn run(job: Job, output: Sink<'_>, rejects: Option<Sink<'_>>) -> (Summary, Result<(), Error>) {
    let begun = Instant::now();
    let mut summary = Summary::default();
    let factory = Arc::clone(&job.factory);
    let result = start(job, rejects.is_some())
        .and_then(|running| write(running, output, rejects, &mut summary))
        .and_then(|()| Ok(factory.verdict()?));
    summary.seconds = (begun.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
    (summary, result)
}

/// A batch on its way to a worker.
struct Work {
    file: Arc<str>,
    batch: Batch,
    parts: Sender<Part>,
}

/// The next place in the order of the writer, and where that is told.
type Turn<'a> = (&'a Sender<Receiver<Part>>, Receiver<Part>);

/// What a worker made, in the order in which it is to be written.
enum Part {
    Output(Output),
    /// Rejects as JSON lines.
    Rejects(Vec<u8>),
    /// Rejects for people.
    Shown(Vec<String>),
    /// The last one: what the parts before it and the batch's framing account for, and
    /// whether that is all of the batch.
    End(Box<Summary>, Result<(), PipelineError>),
}

/// Memory for output that is to be used again: first what was used last, as it is the
/// likeliest to be in a cache.
struct Spare {
    /// How many are kept.
    most: usize,
    outputs: Mutex<Vec<Output>>,
}

impl Spare {
    fn take(&self) -> Output {
        self.outputs.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    fn give(&self, mut output: Output) {
        output.clear();
        let mut outputs = self.outputs.lock().unwrap_or_else(PoisonError::into_inner);
        if outputs.len() < self.most {
            outputs.push(output);
        }
    }
}

/// The other threads, seen from the writer.
struct Running {
    turns: Receiver<Receiver<Part>>,
    spare: Arc<Spare>,
    shown_all: Arc<AtomicBool>,
    reader: thread::JoinHandle<Result<(), Error>>,
    progress: Progress,
}

fn start(job: Job, keep_rejects: bool) -> Result<Running, Error> {
    let Job { sources, config, factory, jobs, progress } = job;
    let jobs = jobs.clamp(1, limits::JOBS);
    // The first is made here, so that a guest that can't be used is told before any input is read.
    let engine = Arc::clone(&factory).engine()?;
    let (work_to, work) = bounded((jobs - 1) * limits::BATCHES_WAITING);
    let in_flight = jobs * limits::BATCHES_PER_JOB;
    let (turn_to, turns) = bounded(in_flight);
    let (spare_to, spare) = bounded(in_flight);
    let outputs = Arc::new(Spare { most: in_flight, outputs: Mutex::default() });
    let shown_all = Arc::new(AtomicBool::new(false));
    let worker = |engine| Worker {
        engine,
        factory: Arc::clone(&factory),
        keep_rejects,
        shown_all: Arc::clone(&shown_all),
        spare: Arc::clone(&outputs),
    };
    for index in 1..jobs {
        let (mut worker, work, spare) = (worker(None), work.clone(), spare_to.clone());
        spawn(format!("worker {index}"), move || worker.run(&work, &spare))?;
    }
    let read = Arc::new(AtomicU64::new(0));
    let progress = Progress::new(progress, Arc::clone(&read));
    let reader = Reader { config, worker: worker(Some(engine)), work: work_to, turns: turn_to, spare };
    let reader = spawn("reader".into(), move || reader.run(&sources, &read, &work, &spare_to))?;
    Ok(Running { turns, spare: outputs, shown_all, reader, progress })
}

fn spawn<T: Send + 'static>(
    name: String,
    body: impl FnOnce() -> T + Send + 'static,
) -> Result<thread::JoinHandle<T>, Error> {
    let failed =
        |e| Error::failed(format!("can't start the thread `{name}`: {e}; try fewer --jobs")).with_source(e);
    thread::Builder::new().name(name.clone()).spawn(body).map_err(failed)
}

struct Reader {
    config: Config,
    /// For the batches that the others have no room for.
    worker: Worker,
    /// To the other workers.
    work: Sender<Work>,
    turns: Sender<Receiver<Part>>,
    /// Batches of the other workers, to be used again.
    spare: Receiver<Batch>,
}

impl Reader {
    /// Reads all inputs, and then is a worker like the others, for what waits in their queue.
    fn run(
        mut self,
        sources: &[Source],
        count: &Arc<AtomicU64>,
        queue: &Receiver<Work>,
        spare: &Sender<Batch>,
    ) -> Result<(), Error> {
        let result = sources.iter().try_for_each(|source| self.read(source, count));
        let Self { work, mut worker, .. } = self;
        drop(work);
        worker.run(queue, spare);
        result
    }

    fn read(&mut self, source: &Source, count: &Arc<AtomicU64>) -> Result<(), Error> {
        source.each(count, &mut |input| {
            let mut framer = Framer::new(&self.config)?;
            let end = loop {
                let mut pauses = false;
                let read = framer.read(|room| {
                    // Less than asked for: the input pauses, and whoever waits should not.
                    input.read(room).inspect(|n| pauses = *n < room.len())
                });
                match read {
                    Ok(0) => break Ok(()),
                    Ok(_) if pauses => framer.flush(),
                    Ok(_) => {}
                    // What came before is still worth having.
                    Err(e) => break Err(Error::from(e)),
                }
                self.hand_on(&mut framer, input.name())?;
            };
            framer.finish();
            self.hand_on(&mut framer, input.name())?;
            end
        })
    }

    fn hand_on(&mut self, framer: &mut Framer, file: &Arc<str>) -> Result<(), Error> {
        while let Ok(batch) = self.spare.try_recv() {
            framer.recycle(batch);
        }
        while let Some(batch) = framer.next_batch() {
            let (parts, turn) = bounded(limits::PARTS_WAITING);
            let work = Work { file: Arc::clone(file), batch, parts };
            match self.work.try_send(work) {
                Ok(()) => tell(&self.turns, turn)?,
                Err(refused) => {
                    let batch = self.worker.work(refused.into_inner(), Some((&self.turns, turn)))?;
                    framer.recycle(batch);
                }
            }
        }
        Ok(())
    }
}

/// Tells the writer of the next batch. Nobody receives any more only after another thread has
/// ended with an error.
fn tell(turns: &Sender<Receiver<Part>>, turn: Receiver<Part>) -> Result<(), PipelineError> {
    turns.send(turn).map_err(|_| PipelineError::abandoned())
}

struct Worker {
    /// Made when the first batch comes, if not before.
    engine: Option<Box<dyn Engine>>,
    factory: Arc<dyn Factory>,
    keep_rejects: bool,
    /// Whether the writer has shown as many rejects as it will.
    shown_all: Arc<AtomicBool>,
    spare: Arc<Spare>,
}

impl Worker {
    /// Works on what comes until nothing does any more, or nobody takes what is made.
    fn run(&mut self, queue: &Receiver<Work>, spare: &Sender<Batch>) {
        for work in queue {
            let Ok(batch) = self.work(work, None) else { return };
            // Where there are enough already, this one is dropped.
            let _ = spare.try_send(batch);
        }
    }

    /// Works on one batch and gives its memory back; an error only where nobody takes what is
    /// made. The writer is told of the batch here if it does not know of it yet.
    fn work(&mut self, work: Work, turn: Option<Turn<'_>>) -> Result<Batch, PipelineError> {
        let Work { file, batch, parts } = work;
        let mut delivery = Delivery {
            file: &file,
            batch: &batch,
            parts: &parts,
            turn,
            spare: &self.spare,
            place: None,
            summary: Box::default(),
        };
        let result = match &mut self.engine {
            Some(engine) => Ok(engine),
            none => Arc::clone(&self.factory).engine().map(|engine| none.insert(engine)),
        };
        let told = match self.keep_rejects {
            true => Told::All,
            // What is shown is the first of the input, so nothing of a later batch is, either.
            false if self.shown_all.load(Ordering::Relaxed) => Told::None,
            false => Told::First,
        };
        let result =
            result.and_then(|engine| engine.process(&batch, &mut |reply| delivery.deliver(reply, told)));
        delivery.end(result)?;
        Ok(batch)
    }
}

/// Which rejects of a batch the writer is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// All, as JSON lines.
    All,
    /// The first few, for people.
    First,
    None,
}

/// Turns an engine's replies into parts for the writer.
struct Delivery<'a> {
    file: &'a str,
    batch: &'a Batch,
    parts: &'a Sender<Part>,
    turn: Option<Turn<'a>>,
    spare: &'a Spare,
    /// The latest rejected element's.
    place: Option<batch::Place>,
    /// Accounts for what was delivered.
    summary: Box<Summary>,
}

impl Delivery<'_> {
    fn deliver(&mut self, reply: Reply<'_>, told: Told) -> Result<(), PipelineError> {
        if !reply.output.is_empty() {
            let output = std::mem::replace(reply.output, self.spare.take());
            self.send(Part::Output(output))?;
        }
        for piece in reply.more.chunks(limits::OUTPUT_PART) {
            let mut output = self.spare.take();
            output.extend_from_slice(piece);
            self.send(Part::Output(output))?;
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
        for reject in batch::rejects(reply.rejects) {
            let reject = reject.map_err(|_| malformed())?;
            let index = reply.base + reject.element as usize;
            records.rejected += 1;
            summary::count(&mut summary.rejects_by_reason, reject.code, 1);
            let first = last != Some(index);
            if first {
                bytes.rejected += self.batch.length(index);
                last = Some(index);
            }
            if told == Told::None || told == Told::First && shown.len() == limits::REJECTS_SHOWN {
                continue;
            }
            let place = self.batch.place(index, self.place);
            self.place = Some(place);
            let raw = self.batch.raw(index);
            if told == Told::All {
                rejects::write_line(&mut lines, self.file, &place, &reject, first.then_some(raw));
                if lines.len() >= limits::REJECTS_PART {
                    self.send(Part::Rejects(std::mem::take(&mut lines)))?;
                }
            } else {
                shown.push(rejects::describe(self.file, &place, &reject, raw));
            }
        }
        if !lines.is_empty() {
            self.send(Part::Rejects(lines))?;
        }
        if !shown.is_empty() {
            self.send(Part::Shown(shown))?;
        }
        records.r#in = records.normalized + records.filtered + records.rejected;
        bytes.r#in = self.batch.length_of(reply.elements.clone());
        bytes.filtered = u64::from(reply.filtered_bytes);
        bytes.normalized = bytes.r#in - bytes.rejected - bytes.filtered;
        self.summary.add(&summary);
        Ok(())
    }

    /// Tells that nothing more comes of the batch.
    fn end(mut self, result: Result<(), PipelineError>) -> Result<(), PipelineError> {
        if result.is_ok() {
            let bytes = &mut self.summary.bytes;
            bytes.blank = self.batch.blank;
            bytes.framing = self.batch.consumed - bytes.r#in - bytes.blank;
            bytes.r#in = self.batch.consumed;
        }
        let summary = std::mem::take(&mut self.summary);
        self.send(Part::End(summary, result))
    }

    fn send(&mut self, part: Part) -> Result<(), PipelineError> {
        self.parts.send(part).map_err(|_| PipelineError::abandoned())?;
        // Only now, so that the writer is not woken up for nothing: the first part has room.
        match self.turn.take() {
            Some((turns, turn)) => tell(turns, turn),
            None => Ok(()),
        }
    }
}

/// A guest's replies were checked before; this is the native engine's own.
fn malformed() -> PipelineError {
    PipelineError::failed("the normalizer's reply is malformed; this is a defect of Weir, report it")
}

fn write(
    running: Running,
    output: Sink<'_>,
    mut rejects: Option<Sink<'_>>,
    summary: &mut Summary,
) -> Result<(), Error> {
    let Running { turns, spare, shown_all, reader, progress } = running;
    let mut shown = 0;
    // Where this returns early, the other threads end as soon as they see the channels
    // closed; the reader may be waiting for input, so nobody waits for it.
    loop {
        let parts = match turns.recv_timeout(limits::IDLE) {
            Ok(parts) => parts,
            Err(RecvTimeoutError::Timeout) => {
                // The input pauses; what waits for more of it should not.
                output.writer.flush().map_err(|e| Error::output(output.name, e))?;
                match turns.recv() {
                    Ok(parts) => parts,
                    Err(_) => break,
                }
            }
            Err(RecvTimeoutError::Disconnected) => break,
        };
        progress.update();
        loop {
            match parts.recv() {
                Ok(Part::Output(part)) => {
                    output.writer.write_all(&part).map_err(|e| Error::output(output.name, e))?;
                    spare.give(part);
                }
                Ok(Part::Rejects(lines)) => {
                    if let Some(sink) = &mut rejects {
                        sink.writer.write_all(&lines).map_err(|e| Error::rejects(sink.name, e))?;
                    }
                }
                Ok(Part::Shown(texts)) => {
                    for text in texts.iter().take(limits::REJECTS_SHOWN - shown) {
                        progress.say(text);
                        shown += 1;
                    }
                    shown_all.store(shown == limits::REJECTS_SHOWN, Ordering::Relaxed);
                }
                Ok(Part::End(part, result)) => {
                    summary.add(&part);
                    result?;
                    break;
                }
                Err(_) => return Err(stopped()),
            }
        }
    }
    let more = summary.records.rejected - shown as u64;
    if shown > 0 && more > 0 {
        progress.say(&format!("... and {} more; use --rejects FILE to keep them", summary::grouped(more)));
    }
    output.writer.flush().map_err(|e| Error::output(output.name, e))?;
    if let Some(sink) = rejects {
        sink.writer.flush().map_err(|e| Error::rejects(sink.name, e))?;
    }
    reader.join().unwrap_or_else(|_| Err(stopped()))
}

fn stopped() -> Error {
    Error::failed("a thread stopped in the middle of its work; this is a defect of Weir, report it")
}
