//! A run: a reader feeds what it frames to the workers, and the caller's thread writes what they
//! made, in the order of the input. The reader works, too.

use std::{
    io::Write,
    sync::{Arc, atomic::AtomicU64},
    thread,
    time::Instant,
};

use weir_io::Source;
use weir_normalizer::{Config, framing::Framer};
use weir_pipeline::{
    Error as PipelineError, Factory, Feeder, Lane, LaneOptions, Next, Outlet, Part, RejectsAs, Stream, Turn,
    Workers, limits,
    packers::{self, Packer},
    spawn,
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

/// The other threads, seen from the writer.
struct Running {
    outlet: Outlet,
    packer: Box<dyn Packer>,
    reader: thread::JoinHandle<Result<(), Error>>,
    progress: Progress,
}

fn start(job: Job, keep_rejects: bool) -> Result<Running, Error> {
    let Job { sources, config, factory, jobs, progress } = job;
    let jobs = jobs.clamp(1, limits::JOBS);
    let workers = Workers::start(factory, jobs - 1)?;
    let feeder = workers.working_feeder()?;
    let (lane, outlet) = workers.lane(LaneOptions {
        window: jobs * limits::BATCHES_PER_JOB,
        rejects: if keep_rejects { RejectsAs::Lines } else { RejectsAs::Text },
        ..LaneOptions::default()
    });
    let packer = packers::of(config.to);
    let read = Arc::new(AtomicU64::new(0));
    let progress = Progress::new(progress, Arc::clone(&read));
    let reader = Reader { config, feeder, lane, inputs: 0 };
    let reader = spawn("reader".into(), move || reader.run(&sources, &read))?;
    Ok(Running { outlet, packer, reader, progress })
}

struct Reader {
    config: Config,
    feeder: Feeder,
    lane: Lane,
    /// How many there were.
    inputs: u64,
}

impl Reader {
    /// Reads all inputs, and then helps with what waits for the other workers.
    fn run(mut self, sources: &[Source], count: &Arc<AtomicU64>) -> Result<(), Error> {
        let result = sources.iter().try_for_each(|source| self.read(source, count));
        let Self { feeder, lane, .. } = self;
        drop(lane);
        feeder.finish();
        result
    }

    fn read(&mut self, source: &Source, count: &Arc<AtomicU64>) -> Result<(), Error> {
        source.each(count, &mut |input| {
            let mut framer = Framer::new(&self.config)?;
            let stream = Stream { id: self.inputs, name: Arc::clone(input.name()) };
            self.inputs += 1;
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
                self.feeder.feed_from(&mut framer, &mut self.lane, &stream)?;
            };
            framer.finish();
            self.feeder.feed_from(&mut framer, &mut self.lane, &stream)?;
            end
        })
    }
}

/// Writes what comes of all batches.
fn write(
    running: Running,
    output: Sink<'_>,
    rejects: Option<Sink<'_>>,
    summary: &mut Summary,
) -> Result<(), Error> {
    let Running { outlet, packer, reader, progress } = running;
    let mut writer = Writer { outlet, packer, output, rejects, progress, summary, shown: 0 };
    // Where this returns early, the other threads end as soon as they see the outlet
    // closed; the reader may be waiting for input, so nobody waits for it.
    match writer.write_all() {
        Ok(()) => writer.finish()?,
        Err(error) => {
            if !error.is_output_closed() {
                // What came before is still worth having, and the first error is the one to tell.
                let _ = writer.finish_output();
            }
            return Err(error);
        }
    }
    reader.join().unwrap_or_else(|_| Err(PipelineError::stopped().into()))
}

struct Writer<'a, 'o, 'r> {
    outlet: Outlet,
    packer: Box<dyn Packer>,
    output: Sink<'o>,
    rejects: Option<Sink<'r>>,
    progress: Progress,
    /// Accounts for what was written.
    summary: &'a mut Summary,
    /// Rejects that were shown.
    shown: usize,
}

impl Writer<'_, '_, '_> {
    /// Writes what comes of all batches.
    fn write_all(&mut self) -> Result<(), Error> {
        loop {
            match self.outlet.next_within(limits::IDLE) {
                Next::Turn(turn) => self.write(&turn)?,
                Next::Idle => {
                    // The input pauses; what waits for more of it should not.
                    self.pause_output()?;
                    match self.outlet.next() {
                        Some(turn) => self.write(&turn)?,
                        None => return Ok(()),
                    }
                }
                Next::Closed => return Ok(()),
            }
        }
    }

    /// Writes what comes of a batch.
    fn write(&mut self, turn: &Turn) -> Result<(), Error> {
        self.progress.update();
        loop {
            match turn.next()? {
                Part::Records(part) => {
                    let Sink { name, writer } = &mut self.output;
                    self.packer.push(&part, writer).map_err(|e| Error::output(name, e))?;
                    self.outlet.give_back(part);
                }
                Part::Rejects(lines) => {
                    if let Some(Sink { name, writer }) = &mut self.rejects {
                        writer.write_all(&lines).map_err(|e| Error::rejects(name, e))?;
                    }
                }
                Part::Shown(texts) => {
                    for text in texts.iter().take(limits::REJECTS_SHOWN - self.shown) {
                        self.progress.say(text);
                        self.shown += 1;
                    }
                    if self.shown == limits::REJECTS_SHOWN {
                        self.outlet.enough_shown();
                    }
                }
                Part::End(end) => {
                    self.summary.add(&end.summary);
                    return Ok(end.result?);
                }
            }
        }
    }

    fn pause_output(&mut self) -> Result<(), Error> {
        let Sink { name, writer } = &mut self.output;
        self.packer.pause(writer).and_then(|()| writer.flush()).map_err(|e| Error::output(name, e))
    }

    fn finish_output(&mut self) -> Result<(), Error> {
        let Sink { name, writer } = &mut self.output;
        self.packer.finish(writer).and_then(|()| writer.flush()).map_err(|e| Error::output(name, e))
    }

    /// Tells what was not shown, and flushes.
    fn finish(mut self) -> Result<(), Error> {
        let more = self.summary.records.rejected - self.shown as u64;
        if self.shown > 0 && more > 0 {
            let more = summary::grouped(more);
            self.progress.say(&format!("... and {more} more; use --rejects FILE to keep them"));
        }
        self.finish_output()?;
        match &mut self.rejects {
            Some(Sink { name, writer }) => writer.flush().map_err(|e| Error::rejects(name, e)),
            None => Ok(()),
        }
    }
}
