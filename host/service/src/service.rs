//! The service: it builds everything that a configuration says, runs it, and ends it so that
//! nothing is lost.

use std::{
    collections::BTreeMap,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant, SystemTime},
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, after, bounded, never, select, tick, unbounded};
use weir_pipeline::Factory;

use crate::{
    alarm::{Alarm, alarm},
    budget::Budget,
    buffered::{self, Graves},
    config::{Config, values},
    error::Error,
    feed::{Feed, Shelf},
    health::Board,
    metrics::Metrics,
    operation,
    outlet::{Job, Lane, Outlet},
    plane::Plane,
    runner,
    sinks::{self, Context, Options as _},
    sources::{self, SourceOptions},
    state::{Progress, State},
    stop::{Stop, Stopper, stop},
    tracker::Balance,
    worker::Worker,
};

/// Makes what normalizes for a pipeline.
pub type Factories<'a> =
    &'a dyn Fn(&weir_normalizer::Config) -> Result<Arc<dyn Factory>, weir_pipeline::Error>;

/// What the service is told from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// To deliver what is on its way, and end.
    End,
}

/// What a run gets from outside.
pub struct Outside<'a> {
    /// Makes what normalizes.
    pub factories: Factories<'a>,
    /// It ends when all that there is has been read and delivered.
    pub once: bool,
    /// Signals to it.
    pub signals: &'a Receiver<Signal>,
    /// Told where it listens, by the name of the source, or `operation`.
    pub listens: Option<Sender<(String, SocketAddr)>>,
}

impl Outside<'_> {
    fn tell(&self, name: &str, listener: &TcpListener) {
        let Ok(address) = listener.local_addr() else { return };
        tracing::info!(name, %address, "listening");
        if let Some(to) = &self.listens {
            let _ = to.send((name.to_owned(), address));
        }
    }
}

/// How a run ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// Records on their way that were not delivered in time.
    pub left: u64,
    /// What of them can't be read again is lost: it came from standard input.
    pub is_lost: bool,
    /// Why it could not go on, where it could not.
    pub alarm: Option<String>,
}

/// How often it is looked whether everything is delivered, when all is read.
const LOOK: Duration = Duration::from_millis(10);

/// How long sinks get to end after they were told to stop.
const GRACE: Duration = Duration::from_secs(2);

/// Tries everything that starting would need, and changes nothing.
pub fn check(config: &Config, factories: Factories<'_>) -> Result<(), Error> {
    let mut faults = Vec::new();
    for (name, pipeline) in &config.pipelines {
        let made = pipeline
            .config(now_ms())
            .and_then(|config| factories(&config).map(drop).map_err(|e| Error::usage(e.to_string())));
        if let Err(error) = made {
            faults.push(format!("[pipelines.{name}]: {error}"));
        }
    }
    // Nothing is written to what is read.
    let mut written = written_paths(config);
    written.sort();
    for pair in written.windows(2) {
        if pair[0].0 == pair[1].0 {
            faults.push(format!("{} is written by {} and by {}", pair[0].0.display(), pair[0].1, pair[1].1));
        }
    }
    for (name, options) in &config.sources {
        let SourceOptions::File(options) = options else { continue };
        let patterns: Vec<_> = options.paths.iter().filter_map(|p| glob::Pattern::new(p).ok()).collect();
        let excluded: Vec<_> = options.exclude.iter().filter_map(|p| glob::Pattern::new(p).ok()).collect();
        for (path, who) in &written {
            if patterns.iter().any(|p| p.matches_path(path)) && !excluded.iter().any(|p| p.matches_path(path))
            {
                faults.push(format!(
                    "{} is written by {who} and read by [sources.{name}]; name it in `exclude`, or choose another",
                    path.display()
                ));
            }
        }
    }
    match faults.is_empty() {
        true => Ok(()),
        false => Err(Error::usage(faults.join("\n"))),
    }
}

/// The files that have one name each, and who writes them.
fn written_paths(config: &Config) -> Vec<(PathBuf, String)> {
    let mut written = Vec::new();
    for (name, pipeline) in &config.pipelines {
        written.push((
            rejects_path(config, name, pipeline.rejects.as_deref()),
            format!("`rejects` of [pipelines.{name}]"),
        ));
        let path = dead_letters_path(config, name, pipeline.dead_letters.as_deref());
        written.push((path, format!("`dead_letters` of [pipelines.{name}]")));
    }
    for (name, options) in &config.sinks {
        if let sinks::SinkOptions::File(options) = options {
            written.push((options.path.clone().into(), format!("[sinks.{name}]")));
        }
    }
    written
}

fn rejects_path(config: &Config, name: &str, path: Option<&Path>) -> PathBuf {
    path.map_or_else(
        || config.process.state_dir.join("rejects").join(format!("{name}.ndjson")),
        Path::to_owned,
    )
}

fn dead_letters_path(config: &Config, name: &str, path: Option<&Path>) -> PathBuf {
    let default = || config.process.state_dir.join("dead_letters").join(format!("{name}.ndjson"));
    path.map_or_else(default, Path::to_owned)
}

fn buffers_path(config: &Config) -> PathBuf {
    config.process.state_dir.join("buffers")
}

/// What somebody should know about the buffers on disk, a line each: damage, and what is in them for
/// sinks that are not in the configuration. Reads all of them.
pub fn buffer_findings(config: &Config) -> Vec<String> {
    let sinks: Vec<&str> = config.buffers.keys().map(String::as_str).collect();
    buffered::findings(&buffers_path(config), &sinks)
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64)
}

/// A sink that runs.
struct Running {
    name: String,
    queue: Sender<Job>,
    ends: Receiver<()>,
}

/// The parts that everything shares.
struct Shared {
    metrics: Metrics,
    board: Board,
    plane: Plane,
    budget: Budget,
    balance: Balance,
    alarm: Alarm,
    /// Told when the time to drain is over.
    stop: Stop,
    sync: Duration,
    /// When the progress was written last, or was found to be what is written.
    written: Arc<Mutex<Instant>>,
}

impl Shared {
    fn open(
        &self,
        name: &str,
        part: &str,
        open: impl FnOnce(Context) -> Result<Box<dyn sinks::Sink>, Error>,
    ) -> Result<(Lane, Running), Error> {
        let metrics = self.metrics.sink(name);
        let context = Context {
            name: name.into(),
            stop: self.stop.clone(),
            plane: self.plane.clone(),
            metrics: metrics.clone(),
            alarm: self.alarm.clone(),
            health: self.board.part(part),
        };
        let sink = open(context).map_err(|e| match e.is_usage() {
            true => Error::usage(format!("{part}: {e}")),
            false => Error::failed(format!("{part}: {e}")),
        })?;
        let (to, queue) = unbounded();
        let ends = runner::start(name, sink, queue, self.sync)?;
        Ok((
            Lane { name: name.into(), queue: to.clone(), metrics },
            Running { name: name.into(), queue: to, ends },
        ))
    }
}

/// What becomes of what is not delivered in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// It is read again.
    Replays,
    /// It is lost.
    Once,
    /// Who sent it has no answer, and sends it again.
    Asks,
}

/// A source that runs.
struct Reading {
    key: String,
    shelf: Shelf,
    kind: Kind,
    ends: Receiver<()>,
}

/// Runs a configuration until a signal, or until all sources have ended, which those of files only do
/// with `once`.
pub fn run(config: &Config, outside: &Outside<'_>) -> Result<Ended, Error> {
    let Outside { factories, once, signals, .. } = *outside;
    check(config, factories)?;
    let state = State::take(&config.process.state_dir)?;
    let progress = state.load(&mut |told| tracing::warn!("{told}"))?;
    let (stopper, sinks_stop) = stop();
    let (sources_stopper, sources_stop) = stop();
    let (alarm, alarms) = alarm();
    let shared = Shared {
        metrics: Metrics::new(),
        board: Board::default(),
        plane: Plane::default(),
        budget: Budget::new(config.process.memory.0),
        balance: Balance::default(),
        alarm,
        stop: sinks_stop,
        sync: config.process.checkpoint.0,
        written: Arc::new(Mutex::new(Instant::now())),
    };
    shared.metrics.process().memory_limit.set(config.process.memory.0.cast_signed());
    let mut lanes = BTreeMap::new();
    let (mut first, mut last) = (Vec::new(), Vec::new());
    let graves = Arc::new(Graves::default());
    let mut graves_of = BTreeMap::new();
    for (name, options) in &config.sinks {
        let (lane, running) =
            shared.open(name, &format!("[sinks.{name}]"), |context| match config.buffers.get(name) {
                None => options.open(context),
                Some(buffer) => {
                    let sink = options.open(context.clone())?;
                    let folder = buffers_path(config).join(name);
                    buffered::open(&folder, buffer, &context, &shared.budget, &graves, sink)
                }
            })?;
        lanes.insert(name.clone(), lane);
        first.push(running);
    }
    let (ended_to, ended) = unbounded();
    let mut readings = Vec::new();
    for (name, pipeline) in &config.pipelines {
        let mut keep = |kind: &str, path: PathBuf| {
            let options = sinks::file::Options::at(&path);
            let (lane, running) =
                shared.open(&format!("{kind} {name}"), &format!("`{kind}` of [pipelines.{name}]"), |c| {
                    options.open(c)
                })?;
            last.push(running);
            Ok::<_, Error>(lane)
        };
        let rejects = keep("rejects", rejects_path(config, name, pipeline.rejects.as_deref()))?;
        let dead_letters =
            keep("dead_letters", dead_letters_path(config, name, pipeline.dead_letters.as_deref()))?;
        graves_of.insert(name.as_str().into(), dead_letters.clone());
        let normalizer = pipeline.config(now_ms())?;
        let factory = factories(&normalizer).map_err(|e| Error::usage(format!("[pipelines.{name}]: {e}")))?;
        let outlet = Arc::new(Outlet {
            pipeline: name.as_str().into(),
            schema: pipeline.schema(),
            sinks: pipeline.sinks.iter().filter_map(|sink| lanes.get(sink).cloned()).collect(),
            rejects,
            dead_letters,
            budget: shared.budget.clone(),
            balance: shared.balance.clone(),
            metrics: shared.metrics.pipeline(name),
        });
        for source in &pipeline.sources {
            let feed = Feed {
                source: source.as_str().into(),
                worker: Worker::new(Arc::clone(&outlet), Arc::clone(&factory)),
                config: normalizer.clone(),
                stop: sources_stop.clone(),
                metrics: shared.metrics.source(source),
                health: shared.board.part(&format!("[sources.{source}]")),
                alarm: shared.alarm.clone(),
                once,
                shelf: Shelf::default(),
            };
            let key = format!("{name}/{source}");
            let remembered = progress.feeds.get(&key).cloned().unwrap_or_default();
            readings.push(read(
                &key,
                &config.sources[source],
                feed,
                remembered,
                &ended_to,
                (&shared.plane, outside),
            )?);
        }
    }
    drop(ended_to);
    graves.open(graves_of);
    if let Some(listen) = &config.process.listen {
        let listener = sources::http::bind(values::address(listen).map_err(Error::usage)?)?;
        outside.tell("operation", &listener);
        let measures = Measures::of(&shared, &readings);
        let (metrics, board) = (shared.metrics.clone(), shared.board.clone());
        operation::serve(listener, &shared.plane, metrics, board, Box::new(move || measures.take()))?;
    }
    let checkpoint =
        Checkpoint { state: &state, old: progress, metrics: &shared.metrics, written_at: &shared.written };
    let ticks = tick(config.process.checkpoint.0);
    let mut written = None;
    let mut running = readings.len();
    let mut alarm = None;
    tracing::info!(sources = running, sinks = first.len(), "running");
    // What was read is delivered before the end, however long that takes, if nobody is in a hurry.
    let nobody = never();
    while running > 0 || !readings.iter().all(|reading| reading.shelf.is_at_rest()) {
        let looks = if running > 0 { never() } else { after(LOOK) };
        let ended = if running > 0 { &ended } else { &nobody };
        select! {
            recv(looks) -> _ => {}
            recv(ended) -> _ => running -= 1,
            recv(alarms) -> why => {
                alarm = why.ok();
                break;
            }
            recv(signals) -> _ => break,
            recv(ticks) -> _ => {
                checkpoint.write(&readings, &mut written);
            }
        }
    }
    let ended = drain(
        config,
        &shared,
        &stopper,
        &sources_stopper,
        readings,
        first,
        last,
        &checkpoint,
        &mut written,
        alarm.or_else(|| alarms.try_recv().ok()),
    );
    Ok(ended)
}

/// What is measured only when somebody asks.
struct Measures {
    metrics: Metrics,
    balance: Balance,
    budget: Budget,
    shelves: Vec<(String, Shelf)>,
    written: Arc<Mutex<Instant>>,
}

impl Measures {
    fn of(shared: &Shared, readings: &[Reading]) -> Self {
        let shelves = readings.iter().map(|reading| {
            let source = reading.key.split_once('/').map_or("", |(_, source)| source);
            (source.to_owned(), reading.shelf.clone())
        });
        Self {
            metrics: shared.metrics.clone(),
            balance: shared.balance.clone(),
            budget: shared.budget.clone(),
            shelves: shelves.collect(),
            written: Arc::clone(&shared.written),
        }
    }

    fn take(&self) {
        let process = self.metrics.process();
        process.balance.set(self.balance.get());
        process.memory_used.set(self.budget.used().cast_signed());
        let age = self.written.lock().unwrap_or_else(PoisonError::into_inner).elapsed();
        process.checkpoint_age.set(age.as_secs().cast_signed());
        let mut oldest: BTreeMap<&str, Duration> = BTreeMap::new();
        for (source, shelf) in &self.shelves {
            let age = oldest.entry(source).or_default();
            *age = (*age).max(shelf.oldest());
        }
        for (source, age) in oldest {
            self.metrics.source(source).oldest_unacked.set(age.as_secs().cast_signed());
        }
    }
}

fn read(
    key: &str,
    options: &SourceOptions,
    feed: Feed,
    remembered: Vec<crate::state::Stream>,
    ended: &Sender<()>,
    (plane, outside): (&Plane, &Outside<'_>),
) -> Result<Reading, Error> {
    let listener = match options {
        SourceOptions::Http(options) => {
            let listener = sources::http::listen(options)?;
            outside.tell(&feed.source, &listener);
            Some((listener, plane.clone()))
        }
        _ => None,
    };
    let (options, ended, shelf) = (options.clone(), ended.clone(), feed.shelf.clone());
    let kind = match options {
        SourceOptions::File(_) => Kind::Replays,
        SourceOptions::Stdin(_) => Kind::Once,
        SourceOptions::Http(_) => Kind::Asks,
    };
    let (to, ends) = bounded::<()>(0);
    let body = move || {
        let _ends = to;
        match options {
            SourceOptions::File(options) => sources::file::run(&options, feed, &remembered),
            SourceOptions::Stdin(_) => sources::stdin::run(feed),
            SourceOptions::Http(options) => {
                if let Some((listener, plane)) = listener {
                    sources::http::run(&options, feed, listener, &plane);
                }
            }
        }
        let _ = ended.send(());
    };
    thread::Builder::new()
        .name(format!("source {key}"))
        .spawn(body)
        .map_err(|e| Error::failed(format!("can't start the thread of the source {key}: {e}")))?;
    Ok(Reading { key: key.into(), shelf, kind, ends })
}

struct Checkpoint<'a> {
    state: &'a State,
    /// What the state said at the start: feeds that run no more keep their progress.
    old: Progress,
    metrics: &'a Metrics,
    written_at: &'a Mutex<Instant>,
}

impl Checkpoint<'_> {
    /// Writes how far everything is, if that has changed.
    fn write(&self, readings: &[Reading], written: &mut Option<Progress>) {
        let mut progress = self.old.clone();
        for reading in readings {
            progress.feeds.insert(
                reading.key.clone(),
                match reading.kind {
                    Kind::Replays => reading.shelf.progress(),
                    Kind::Once | Kind::Asks => Vec::new(),
                },
            );
        }
        progress.feeds.retain(|_, streams| !streams.is_empty());
        let now = || *self.written_at.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        if written.as_ref() == Some(&progress) {
            return now();
        }
        match self.state.store(&progress) {
            Ok(()) => {
                self.metrics.process().checkpoint_writes.inc();
                *written = Some(progress);
                now();
            }
            Err(error) => {
                self.metrics.process().checkpoint_errors.inc();
                tracing::error!(%error, "the progress can't be written; after a crash more records would come twice");
            }
        }
    }
}

#[allow(clippy::too_many_arguments)]
fn drain(
    config: &Config,
    shared: &Shared,
    stopper: &Stopper,
    sources_stopper: &Stopper,
    readings: Vec<Reading>,
    first: Vec<Running>,
    last: Vec<Running>,
    checkpoint: &Checkpoint<'_>,
    written: &mut Option<Progress>,
    alarm: Option<String>,
) -> Ended {
    let until = Instant::now() + config.process.drain.0;
    sources_stopper.stop();
    for reading in &readings {
        // Nothing is sent: the channel is closed when the thread ends.
        let _ = reading.ends.recv_deadline(until);
    }
    // What is left when the time is over is read again after the next start.
    let mut is_lost = false;
    for reading in &readings {
        let is_delivered = reading.shelf.wait(until);
        is_lost |= !is_delivered && reading.kind == Kind::Once;
    }
    if shared.balance.get() > 0 {
        stopper.stop();
    }
    let end = until.max(Instant::now()) + GRACE;
    // Dead letters come from sinks, so their files are closed behind them.
    for group in [first, last] {
        for running in &group {
            let _ = running.queue.send(Job::Close);
        }
        for running in group {
            if running.ends.recv_deadline(until) == Err(RecvTimeoutError::Timeout) {
                // What a buffer holds is on disk, and nobody waits for it.
                stopper.stop();
            }
            if running.ends.recv_deadline(end) == Err(RecvTimeoutError::Timeout) {
                tracing::warn!(sink = running.name, "the sink does not end; it is left behind");
            }
        }
    }
    checkpoint.write(&readings, written);
    stopper.stop();
    let left = u64::try_from(shared.balance.get()).unwrap_or_default();
    if left > 0 {
        tracing::warn!(
            records = left,
            "not everything was delivered in time; it is read again after the next start"
        );
    }
    Ended { left, is_lost, alarm }
}
