//! A job: the shards of a plan, several at a time, each a run of its own.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender, after, never, select, unbounded};
use weir_io::Stop;
use weir_lake::{
    Format, Input, Lake, Objects, Partitioning, Plan, Rejects, ShardWriter,
    manifest::{Account, InputAccount, ShardManifest},
    paths,
};
use weir_normalizer::Config;
use weir_pipeline::{
    Engine, Error as PipelineError, Factory,
    packers::Lines,
    summary::{Summary, grouped},
};

use crate::{
    Error,
    commands::Stores,
    inputs,
    progress::Progress,
    run::{self, Failures, Form, Job, Ledger, Sink, Word},
};

/// How often what is shown is brought up to date.
const TICK: Duration = Duration::from_millis(200);

/// What is to be done, and how.
pub(crate) struct Shards {
    pub(crate) lake: Lake,
    /// Where inputs are that are no files.
    pub(crate) stores: Stores,
    pub(crate) plan: Plan,
    /// The numbers of the shards.
    pub(crate) todo: Vec<usize>,
    /// Whether those that are done are left out.
    pub(crate) resume: bool,
    pub(crate) format: Format,
    pub(crate) partitioning: Partitioning,
    pub(crate) config: Config,
    pub(crate) factory: Arc<dyn Factory>,
    /// How many threads normalize, in all.
    pub(crate) jobs: usize,
    pub(crate) failures: Failures,
    pub(crate) stop: Stop,
    pub(crate) words: Receiver<Word>,
    pub(crate) form: Form,
    pub(crate) every: Option<Duration>,
    pub(crate) progress: Progress,
    pub(crate) is_verbose: bool,
}

/// What was done.
#[derive(Default)]
pub(crate) struct Done {
    /// The account of the shards that were done now.
    pub(crate) summary: Summary,
    /// How many they are.
    pub(crate) shards: u64,
    /// How many were done before.
    pub(crate) before: u64,
}

/// What comes of a shard.
enum Outcome {
    /// It was done before.
    Before(ShardManifest),
    Done(Summary),
}

/// What all threads share.
struct Shared {
    job: Shards,
    /// Threads that normalize a shard.
    jobs: usize,
    factory: Arc<dyn Factory>,
    /// What was read so far, also of shards that are not done yet.
    total: Arc<Mutex<Summary>>,
    /// Whether no more shards are begun.
    is_over: AtomicBool,
}

impl Shards {
    /// Does them. What is done for good is told also where it fails.
    pub(crate) fn run(self) -> (Done, Result<(), Error>) {
        let begun = Instant::now();
        let mut done = Done::default();
        let result = self.run_all(&mut done);
        done.summary.seconds = (begun.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
        (done, result)
    }

    fn run_all(self, done: &mut Done) -> Result<(), Error> {
        let begun = Instant::now();
        let at_once = self.jobs.min(self.todo.len()).max(1);
        let shared = Shared {
            jobs: (self.jobs / at_once).max(1),
            factory: Arc::new(Trusted(Arc::clone(&self.factory))),
            total: Arc::default(),
            is_over: AtomicBool::new(false),
            job: self,
        };
        let (todo_to, todo) = unbounded();
        for shard in &shared.job.todo {
            // The other end is here.
            let _ = todo_to.send(*shard);
        }
        drop(todo_to);
        let (to, outcomes) = unbounded();
        let result = thread::scope(|scope| {
            for index in 1..=at_once {
                let (shared, todo, to) = (&shared, todo.clone(), to.clone());
                let started = thread::Builder::new()
                    .name(format!("shards {index}"))
                    .spawn_scoped(scope, move || shared.work(&todo, &to));
                if let Err(e) = started {
                    shared.is_over.store(true, Ordering::Release);
                    return Err(Error::failed(format!("can't start a thread: {e}; try fewer --jobs")));
                }
            }
            drop(to);
            shared.wait(&outcomes, done, begun)
        });
        let job = &shared.job;
        result?;
        job.factory.verdict()?;
        if job.stop.is_told() && done.shards + done.before < job.todo.len() as u64 {
            return Err(Error::unfinished());
        }
        job.lake.finish(&job.plan)?;
        Ok(())
    }
}

impl Shared {
    /// Does shards until there are none, or something fails.
    fn work(&self, todo: &Receiver<usize>, to: &Sender<Result<Outcome, Error>>) {
        for shard in todo {
            if self.is_over.load(Ordering::Acquire) || self.job.stop.is_told() {
                return;
            }
            let outcome = self.shard(shard);
            if outcome.is_err() {
                self.is_over.store(true, Ordering::Release);
            }
            // Who waits is there until all of them end.
            let _ = to.send(outcome);
        }
    }

    /// Waits for all of them, and tells meanwhile what is to be told. The first error is the one to tell.
    fn wait(
        &self,
        outcomes: &Receiver<Result<Outcome, Error>>,
        done: &mut Done,
        begun: Instant,
    ) -> Result<(), Error> {
        let job = &self.job;
        let mut result = Ok(());
        let mut words = job.words.clone();
        let mut account = job.every.map(|every| Instant::now() + every);
        loop {
            select! {
                recv(outcomes) -> outcome => match outcome {
                    Ok(Ok(Outcome::Done(summary))) => {
                        done.summary.add(&summary);
                        done.shards += 1;
                    }
                    Ok(Ok(Outcome::Before(manifest))) => {
                        let size = manifest.inputs.iter().map(|account| account.input.size).sum();
                        job.progress.read().fetch_add(size, Ordering::Relaxed);
                        done.before += 1;
                    }
                    Ok(Err(e)) => result = result.and(Err(e)),
                    Err(_) => return result,
                },
                recv(words) -> word => match word {
                    Ok(Word::Account) => self.tell_account(begun),
                    Ok(Word::Reopen) => {}
                    Err(_) => words = never(),
                },
                recv(after(TICK)) -> _ => {}
            }
            if let (Some(at), Some(every)) = (account, job.every)
                && Instant::now() >= at
            {
                account = Some(Instant::now() + every);
                self.tell_account(begun);
            }
            job.progress.update();
            job.progress.tell(|| {
                let records = self.total.lock().unwrap_or_else(PoisonError::into_inner).records.r#in;
                let shards = done.shards + done.before;
                format!("{shards} of {} shards, {} records", job.todo.len(), grouped(records))
            });
        }
    }

    fn tell_account(&self, begun: Instant) {
        let form = if self.job.form == Form::None { Form::Human } else { self.job.form };
        let mut summary = self.total.lock().unwrap_or_else(PoisonError::into_inner).clone();
        summary.seconds = begun.elapsed().as_secs_f64();
        self.job.progress.says().say(&form.tell(&summary));
    }

    fn shard(&self, shard: usize) -> Result<Outcome, Error> {
        let Shards { lake, plan, .. } = &self.job;
        if self.job.resume
            && let Some(manifest) = lake.done(plan, shard)?
        {
            return Ok(Outcome::Before(manifest));
        }
        let inputs = plan.inputs_of(shard);
        let objects: Arc<dyn Objects> = Arc::new(lake.store().clone());
        let stem = plan.stem(shard);
        let rejects_path = format!("{}{stem}.jsonl", paths::REJECTS);
        let (format, partitioning) = (self.job.format, self.job.partitioning.clone());
        let mut records = ShardWriter::new(Arc::clone(&objects), format, partitioning, &stem);
        let mut rejects = Rejects::new(objects, rejects_path.clone());
        let ledger = Arc::new(Ledger::new(inputs.len(), Arc::clone(&self.total)));
        let folder = lake.store().name("");
        let rejects_name = lake.store().name(&rejects_path);
        let (summary, result) = run::run(
            self.run(inputs, Arc::clone(&ledger))?,
            Sink { name: &folder, writer: &mut records },
            Some(Sink { name: &rejects_name, writer: &mut rejects }),
        );
        if let Err(error) = result {
            records.give_up();
            return Err(error);
        }
        for (index, input) in inputs.iter().enumerate() {
            if let Some(what) = changed(input) {
                self.job.failures.add(Error::failed(&*what), |text| self.job.progress.says().say(text))?;
                ledger.fail(index, &what);
            }
        }
        let failed = |e| Error::file(&folder, "write", e);
        let outputs = records.commit().map_err(failed)?;
        let rejects = rejects.commit().map_err(failed)?;
        let accounts = ledger.accounts();
        let mut summary = summary;
        summary.inputs.failed = accounts.iter().filter(|account| account.error.is_some()).count() as u64;
        summary.inputs.r#in = accounts.len() as u64;
        let accounts = inputs.iter().zip(accounts).map(|(input, account)| InputAccount {
            input: input.clone(),
            records: account.records,
            bytes: account.bytes,
            error: account.error,
        });
        let account = Account {
            records: summary.records.clone(),
            bytes: summary.bytes.clone(),
            by_product: summary.by_product.clone(),
            rejects_by_reason: summary.rejects_by_reason.clone(),
        };
        let manifest = ShardManifest::new(plan, shard, accounts.collect(), outputs, rejects, account);
        lake.commit(plan, &manifest)?;
        Ok(Outcome::Done(summary))
    }

    /// A run over the inputs of a shard.
    fn run(&self, of: &[Input], ledger: Arc<Ledger>) -> Result<Job, Error> {
        let sources = of.iter().map(|input| inputs::source(input, &self.job.stores));
        let sources = sources.collect::<Result<_, _>>()?;
        Ok(Job {
            jobs: self.jobs,
            failures: self.job.failures.clone(),
            // They are packed file by file.
            packer: Box::new(Lines),
            quiet: true,
            verbose: self.job.is_verbose,
            stop: self.job.stop.clone(),
            progress: self.job.progress.clone(),
            ledger: Some(ledger),
            ..Job::new(sources, self.job.config.clone(), Arc::clone(&self.factory))
        })
    }
}

/// Whether an input is not any more what was planned, and what to do then.
fn changed(input: &Input) -> Option<String> {
    if inputs::is_object(input) {
        // Reading it told.
        return None;
    }
    let now = inputs::listed(input.name.as_ref()).ok().map(|listed| listed.input);
    // One that is missing could not be read, which was told.
    let is_changed = now.is_some_and(|now| now != *input);
    is_changed.then(|| {
        let name = weir_printable::line(&input.name);
        format!("{name}: it has changed since it was listed; begin again when nobody writes it any more")
    })
}

/// Those who normalize, without the question whether they did their work: that is asked in the end.
struct Trusted(Arc<dyn Factory>);

impl Factory for Trusted {
    fn engine(self: Arc<Self>) -> Result<Box<dyn Engine>, PipelineError> {
        Arc::clone(&self.0).engine()
    }
}
