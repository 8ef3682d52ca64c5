//! A run: a reader feeds what it frames to the workers, and the caller's thread writes what they
//! made, in the order of the input. The reader works, too.

mod account;
mod ledger;
mod reader;
mod writer;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, never};

use weir_io::{Output, Source, Stop, Watch};
use weir_normalizer::Config;
use weir_pipeline::{
    Error as PipelineError, Factory, LaneOptions, Limit, RejectsAs, Workers, limits,
    packers::{self, Packer},
    spawn,
    summary::Summary,
};

use crate::{Error, progress::Progress};

pub use self::{
    account::Form,
    ledger::{Failures, Ledger},
};

use self::{
    account::Account,
    reader::{Reader, Reading},
    writer::{Running, Writer},
};

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
    /// How many inputs that can't be read end the run. Those before are told on standard error, and
    /// counted in the summary.
    pub failures: Failures,
    /// The most records that come out, of one thread then.
    pub limit: Option<u64>,
    /// What stands between the records and the output.
    pub packer: Box<dyn Packer>,
    /// Told to end before the inputs do.
    pub stop: Stop,
    /// What else is told to the run.
    pub words: Receiver<Word>,
    /// How the account is told while the run goes on.
    pub form: Form,
    /// How often it is told without being asked for.
    pub every: Option<Duration>,
    /// Whether rejects are not shown where no file takes them.
    pub quiet: bool,
    /// Whether each input is told when it is begun.
    pub verbose: bool,
    /// What shows how far it is.
    pub progress: Progress,
    /// Who wants to know what became of each source.
    pub ledger: Option<Arc<Ledger>>,
}

impl Job {
    /// A job for one thread, without a bar, whose records are written as their schema is.
    pub fn new(sources: Vec<Source>, config: Config, factory: Arc<dyn Factory>) -> Self {
        Self {
            packer: packers::of(config.to),
            sources,
            config,
            factory,
            jobs: 1,
            failures: Failures::default(),
            limit: None,
            stop: Stop::default(),
            words: never(),
            form: Form::None,
            every: None,
            quiet: false,
            verbose: false,
            progress: Progress::none(),
            ledger: None,
        }
    }
}

/// What a run is told while it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// To print the account so far.
    Account,
    /// To end the files that are written, and go on in those that have their names now.
    Reopen,
}

/// Where something goes, and what messages call it.
pub struct Sink<'a> {
    /// What messages call it.
    pub name: &'a str,
    /// Where it goes.
    pub writer: &'a mut dyn Output,
}

/// Does a job. The summary accounts for what was delivered, also where the run failed.
/// Rejects go to `rejects`, or else the first few are told on standard error.
pub fn run(job: Job, output: Sink<'_>, rejects: Option<Sink<'_>>) -> (Summary, Result<(), Error>) {
    let begun = Instant::now();
    let factory = Arc::clone(&job.factory);
    let watch = Watch { stop: job.stop.clone(), read: Arc::clone(job.progress.read()) };
    let reading = Arc::new(Reading::new(watch));
    let mut account = Account { summary: Summary::default(), reading: Arc::clone(&reading), begun };
    let result = start(job, rejects.is_some(), &reading)
        .and_then(|running| write(running, output, rejects, &mut account))
        .and_then(|()| Ok(factory.verdict()?));
    (account.so_far(), result)
}

fn start(job: Job, keep_rejects: bool, reading: &Arc<Reading>) -> Result<Running, Error> {
    let Job {
        sources,
        config,
        mut factory,
        mut jobs,
        limit,
        packer,
        words,
        form,
        every,
        progress,
        ledger,
        ..
    } = job;
    let limit = limit.map(|most| Arc::new(Limit::new(Arc::clone(&factory), most)));
    if let Some(limit) = &limit {
        factory = Arc::clone(limit) as _;
        jobs = 1;
    }
    let jobs = jobs.clamp(1, limits::JOBS);
    let workers = Workers::start(factory, jobs - 1)?;
    let feeder = workers.working_feeder()?;
    let (lane, outlet) = workers.lane(LaneOptions {
        window: jobs * limits::BATCHES_PER_JOB,
        rejects: match keep_rejects {
            true => RejectsAs::Lines,
            false if job.quiet => RejectsAs::Counts,
            false => RejectsAs::Text,
        },
        ..LaneOptions::default()
    });
    let reader = Reader {
        config,
        feeder,
        lane,
        limit,
        failures: job.failures,
        ledger: ledger.clone(),
        says: progress.says().clone(),
        reading: Arc::clone(reading),
        is_verbose: job.verbose,
        is_stopped: false,
        is_cut: false,
    };
    let has_several = sources.len() > 1;
    let reader = spawn("reader".into(), move || reader.run(&sources))?;
    Ok(Running { outlet, packer, reader, progress, words, form, every, has_several, ledger })
}

/// Writes what comes of all batches.
fn write(
    running: Running,
    output: Sink<'_>,
    rejects: Option<Sink<'_>>,
    account: &mut Account,
) -> Result<(), Error> {
    let (reader, mut writer) = Writer::new(running, output, rejects, account);
    // Where this returns early, the other threads end as soon as they see the outlet
    // closed; the reader may be waiting for input, so nobody waits for it.
    match writer.write_all() {
        Ok(()) => writer.finish()?,
        Err(error) => {
            if !error.is_output_closed() {
                // What came before is still worth having, and the first error is the one to tell.
                let _ = writer.finish_output();
                let _ = writer.finish_rejects();
            }
            return Err(error);
        }
    }
    reader.join().unwrap_or_else(|_| Err(PipelineError::stopped().into()))
}
