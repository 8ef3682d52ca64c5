//! From inputs to output: a reader frames batches, workers normalize them, and the caller's
//! thread writes what they made in the order of the input.
//!
//! Each batch travels with a channel of its own for the parts that come of it, and the
//! writer gets the receiving ends in the order of the input. All channels are bounded, so
//! the memory in use does not depend on the size of the input or the speed of anybody.

use std::{
    io::Write,
    sync::{Arc, atomic::AtomicU64},
    thread,
    time::Instant,
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use weir_normalizer::{
    Config,
    batch::{self, Batch},
    framing::Framer,
};

use crate::{
    engine::{Engine, Factory, Reply},
    error::Error,
    input::Source,
    limits,
    progress::Progress,
    rejects,
    summary::{self, Summary},
};

/// What is to be done.
pub struct Job {
    /// The inputs, in order.
    pub sources: Vec<Source>,
    /// What framing and normalizing depend on.
    pub config: Config,
    /// What normalizes.
    pub factory: Factory,
    /// How many workers normalize.
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
    let result =
        start(job, rejects.is_some()).and_then(|running| write(running, output, rejects, &mut summary));
    summary.seconds = (begun.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
    (summary, result)
}

/// A batch on its way to a worker.
struct Work {
    file: Arc<str>,
    batch: Batch,
    parts: Sender<Part>,
}

/// What a worker made, in the order in which it is to be written.
enum Part {
    Output(Vec<u8>),
    /// Rejects as JSON lines.
    Rejects(Vec<u8>),
    /// Rejects for people.
    Shown(Vec<String>),
    /// What the parts before it, or the batch's framing, account for.
    Account(Box<Summary>),
    Failed(Error),
    /// The batch is done.
    End,
}

/// The other threads, seen from the writer.
struct Running {
    turns: Receiver<Receiver<Part>>,
    /// Output buffers to be used again.
    buffers: Sender<Vec<u8>>,
    reader: thread::JoinHandle<Result<(), Error>>,
    progress: Progress,
}

fn start(job: Job, keep_rejects: bool) -> Result<Running, Error> {
    let Job { sources, config, factory, jobs, progress } = job;
    let jobs = jobs.clamp(1, limits::JOBS);
    // The first is made here, so that a guest that can't be used is told before any input is read.
    let mut engine = Some(factory.engine()?);
    let in_flight = jobs * limits::BATCHES_PER_JOB;
    let (work_to, work) = bounded(in_flight);
    let (turn_to, turns) = bounded(in_flight);
    let (spare_to, spare) = bounded(in_flight);
    let (buffers, free) = bounded(in_flight);
    for index in 0..jobs {
        let (work, spare, free) = (work.clone(), spare_to.clone(), free.clone());
        let (factory, engine) = (factory.clone(), engine.take());
        let worker = Worker { engine, factory, keep_rejects, spare, free };
        spawn(format!("worker {index}"), move || worker.run(&work))?;
    }
    let read = Arc::new(AtomicU64::new(0));
    let progress = Progress::new(progress, Arc::clone(&read));
    let reader = Reader { config, work: work_to, turns: turn_to, spare };
    let reader = spawn("reader".into(), move || sources.iter().try_for_each(|s| reader.read(s, &read)))?;
    Ok(Running { turns, buffers, reader, progress })
}

fn spawn<T: Send + 'static>(
    name: String,
    body: impl FnOnce() -> T + Send + 'static,
) -> Result<thread::JoinHandle<T>, Error> {
    let failed = |e| Error::failed(format!("can't start the thread `{name}`: {e}; try fewer --jobs"));
    thread::Builder::new().name(name.clone()).spawn(body).map_err(failed)
}

struct Reader {
    config: Config,
    work: Sender<Work>,
    turns: Sender<Receiver<Part>>,
    spare: Receiver<Batch>,
}

impl Reader {
    fn read(&self, source: &Source, count: &Arc<AtomicU64>) -> Result<(), Error> {
        let mut piece = vec![0; limits::PIECE];
        source.each(count, &mut |input| {
            let mut framer = Framer::new(&self.config).map_err(|e| Error::usage(e.to_string()))?;
            let end = loop {
                match input.read(&mut piece) {
                    Ok(0) => break Ok(()),
                    Ok(n) => {
                        framer.push(&piece[..n]);
                        // Less than asked for: the input pauses, and whoever waits should not.
                        if n < piece.len() {
                            framer.flush();
                        }
                    }
                    // What came before is still worth having.
                    Err(e) => break Err(e),
                }
                self.hand_on(&mut framer, input.name())?;
            };
            framer.finish();
            self.hand_on(&mut framer, input.name())?;
            end
        })
    }

    fn hand_on(&self, framer: &mut Framer, file: &Arc<str>) -> Result<(), Error> {
        while let Ok(batch) = self.spare.try_recv() {
            framer.recycle(batch);
        }
        while let Some(batch) = framer.next_batch() {
            let (parts, turn) = bounded(limits::PARTS_WAITING);
            let work = Work { file: Arc::clone(file), batch, parts };
            // Nobody receives any more only after another thread has ended with an error.
            self.work.send(work).map_err(|_| Error::abandoned())?;
            self.turns.send(turn).map_err(|_| Error::abandoned())?;
        }
        Ok(())
    }
}

struct Worker {
    /// Made when the first batch comes.
    engine: Option<Box<dyn Engine>>,
    factory: Factory,
    keep_rejects: bool,
    spare: Sender<Batch>,
    free: Receiver<Vec<u8>>,
}

impl Worker {
    fn run(mut self, work: &Receiver<Work>) {
        for Work { file, batch, parts } in work {
            let last = match self.process(&file, &batch, &parts) {
                Ok(()) => Part::End,
                Err(error) => Part::Failed(error),
            };
            if parts.send(last).is_err() {
                return;
            }
            // Where there are enough already, this one is dropped.
            let _ = self.spare.try_send(batch);
        }
    }

    fn process(&mut self, file: &str, batch: &Batch, parts: &Sender<Part>) -> Result<(), Error> {
        let engine = match &mut self.engine {
            Some(engine) => engine,
            none => none.insert(self.factory.engine()?),
        };
        let mut delivery = Delivery { file, batch, parts, free: &self.free, place: None };
        engine.process(batch, &mut |reply| delivery.deliver(reply, self.keep_rejects))?;
        let elements: u64 = (0..batch.elements.len()).map(|i| batch.length(i)).sum();
        let mut summary = Box::new(Summary::default());
        summary.bytes.r#in = batch.consumed - elements;
        summary.bytes.blank = batch.blank;
        summary.bytes.framing = batch.consumed - elements - batch.blank;
        delivery.send(Part::Account(summary))
    }
}

/// Turns an engine's replies into parts for the writer.
struct Delivery<'a> {
    file: &'a str,
    batch: &'a Batch,
    parts: &'a Sender<Part>,
    free: &'a Receiver<Vec<u8>>,
    /// The latest rejected element's.
    place: Option<batch::Place>,
}

impl Delivery<'_> {
    fn deliver(&mut self, reply: &Reply<'_>, keep_rejects: bool) -> Result<(), Error> {
        for piece in reply.output.chunks(limits::OUTPUT_PART) {
            let mut buffer = self.free.try_recv().unwrap_or_default();
            buffer.extend_from_slice(piece);
            self.send(Part::Output(buffer))?;
        }
        let mut summary = Box::new(Summary::default());
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
            if last != Some(index) {
                bytes.rejected += self.batch.length(index);
                last = Some(index);
            }
            if !keep_rejects && shown.len() == limits::REJECTS_SHOWN {
                continue;
            }
            let place = self.batch.place(index, self.place);
            self.place = Some(place);
            let raw = self.batch.raw(index);
            if keep_rejects {
                rejects::write_line(&mut lines, self.file, &place, &reject, raw);
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
        bytes.r#in = reply.elements.clone().map(|i| self.batch.length(i)).sum();
        bytes.filtered = u64::from(reply.filtered_bytes);
        bytes.normalized = bytes.r#in - bytes.rejected - bytes.filtered;
        self.send(Part::Account(summary))
    }

    fn send(&self, part: Part) -> Result<(), Error> {
        self.parts.send(part).map_err(|_| Error::abandoned())
    }
}

/// A guest's replies were checked before; this is the native engine's own.
fn malformed() -> Error {
    Error::failed("the normalizer's reply is malformed; this is a defect of Weir, report it")
}

fn write(
    running: Running,
    mut output: Sink<'_>,
    mut rejects: Option<Sink<'_>>,
    summary: &mut Summary,
) -> Result<(), Error> {
    let Running { turns, buffers, reader, progress } = running;
    let mut shown = 0;
    let put = |sink: &mut Sink<'_>, bytes: &[u8]| {
        sink.writer.write_all(bytes).map_err(|e| Error::output(sink.name, &e))
    };
    // Where this returns early, the other threads end as soon as they see the channels
    // closed; the reader may be waiting for input, so nobody waits for it.
    loop {
        let parts = match turns.recv_timeout(limits::IDLE) {
            Ok(parts) => parts,
            Err(RecvTimeoutError::Timeout) => {
                // The input pauses; what waits for more of it should not.
                output.writer.flush().map_err(|e| Error::output(output.name, &e))?;
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
                Ok(Part::Output(mut buffer)) => {
                    put(&mut output, &buffer)?;
                    buffer.clear();
                    // Where there are enough already, this one is dropped.
                    let _ = buffers.try_send(buffer);
                }
                Ok(Part::Rejects(lines)) => {
                    if let Some(sink) = &mut rejects {
                        put(sink, &lines)?;
                    }
                }
                Ok(Part::Shown(texts)) => {
                    for text in texts.iter().take(limits::REJECTS_SHOWN - shown) {
                        progress.say(text);
                        shown += 1;
                    }
                }
                Ok(Part::Account(part)) => summary.add(&part),
                Ok(Part::Failed(error)) => return Err(error),
                Ok(Part::End) => break,
                Err(_) => return Err(stopped()),
            }
        }
    }
    let more = summary.records.rejected - shown as u64;
    if shown > 0 && more > 0 {
        progress.say(&format!("... and {} more; use --rejects FILE to keep them", summary::grouped(more)));
    }
    output.writer.flush().map_err(|e| Error::output(output.name, &e))?;
    if let Some(sink) = rejects {
        sink.writer.flush().map_err(|e| Error::output(sink.name, &e))?;
    }
    reader.join().unwrap_or_else(|_| Err(stopped()))
}

fn stopped() -> Error {
    Error::failed("a thread stopped in the middle of its work; this is a defect of Weir, report it")
}
