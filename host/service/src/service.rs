//! The service: it builds everything that a configuration says, runs it, and ends it so that
//! nothing is lost. A reload changes what is different in a later configuration.

mod checkpoint;
mod listeners;
mod measures;
mod parts;
mod paths;

use std::{
    collections::BTreeMap,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, after, never, select, tick, unbounded};
use weir_normalizer::{Config as Rules, Normalizer};
use weir_pipeline::Factory;

use self::{
    checkpoint::{Checkpoint, WrittenAt},
    measures::Seen,
    parts::{Kind, Parts, Running},
};
use crate::{
    alarm::{Alarm, alarm},
    budget::Budget,
    buffered::{self, Graves},
    config::{Config, places::Finding, refusal},
    error::Error,
    health::Board,
    kafka,
    metrics::Metrics,
    outlet::Job,
    plane::Plane,
    sinks::SinkOptions,
    sources::SourceOptions,
    state::{self, Reloaded, State},
    tracker::Balance,
};

use self::paths::conflicts;
pub use self::paths::{paths, silent_stores, unwritable};

/// Makes what normalizes for a pipeline.
pub type Factories<'a> =
    &'a dyn Fn(&weir_normalizer::Config) -> Result<Arc<dyn Factory>, weir_pipeline::Error>;

/// What the service is told from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// To deliver what is on its way, and end.
    End,
    /// To read its configuration again, and to go on with that.
    Reload,
    /// To tell in the log what has become of the records so far.
    Account,
}

/// What whoever watches over the process is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// Everything is built, also after a reload.
    Ready,
    /// The configuration is read again.
    Reloading,
    /// It ends.
    Stopping,
    /// It is not stuck.
    Alive,
}

/// Whoever watches over the process.
pub trait Supervisor {
    /// Tells it something.
    fn note(&self, note: Note);

    /// How often it wants to be told that the process is alive.
    fn patience(&self) -> Option<Duration>;
}

/// Nobody does.
#[derive(Clone, Copy, Debug)]
pub struct Nobody;

impl Supervisor for Nobody {
    fn note(&self, _: Note) {}

    fn patience(&self) -> Option<Duration> {
        None
    }
}

/// What a run gets from outside.
pub struct Outside<'a> {
    /// Makes what normalizes.
    pub factories: Factories<'a>,
    /// It ends when all that there is has been read and delivered.
    pub once: bool,
    /// Signals to it.
    pub signals: &'a Receiver<Signal>,
    /// Reads the configuration again.
    pub reload: &'a dyn Fn() -> Result<Config, Error>,
    /// Watches over it.
    pub supervisor: &'a dyn Supervisor,
    /// Told where it listens, by the name of the source, or `operation`.
    pub listens: Option<Sender<(String, SocketAddr)>>,
    /// Told what came of reading the configuration again: nothing, or why it was refused.
    pub reloads: Option<Sender<Result<(), String>>>,
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
    /// The pipelines that had records and could read none.
    pub unread: Vec<String>,
    /// The sources of which a file could not be read, or not all of it.
    pub failed: Vec<String>,
}

/// How often it is looked whether something has come to its end, while that is waited for.
const LOOK: Duration = Duration::from_millis(10);

/// How long sinks get to end after they were told to stop.
const GRACE: Duration = Duration::from_secs(2);

/// Tries everything that starting would need, and changes nothing.
pub fn check(config: &Config, factories: Factories<'_>) -> Result<(), Error> {
    let findings = findings(config, Some(factories));
    match findings.is_empty() {
        true => Ok(()),
        false => Err(refusal(&findings)),
    }
}

/// What is wrong with files that are written and read, with where it listens, and with what normalizes, where
/// that can be made.
pub fn findings(config: &Config, factories: Option<Factories<'_>>) -> Vec<Finding> {
    let mut findings = conflicts(config);
    findings.extend(listeners::shared(config));
    findings.extend(missing(config));
    if let Some(factories) = factories {
        factories_of(config, factories, now_ms(), &|_, _| None, &mut findings);
    }
    findings.sort();
    findings
}

/// What this program was built without.
fn missing(config: &Config) -> Vec<Finding> {
    if cfg!(feature = "kafka") {
        return Vec::new();
    }
    let is_source = |options: &SourceOptions| matches!(options, SourceOptions::Kafka(_));
    let is_sink = |options: &SinkOptions| matches!(options, SinkOptions::Kafka(_));
    let sources = config.sources.iter().filter(|(_, options)| is_source(options));
    let sources = sources.map(|(name, _)| format!("sources.{name}"));
    let sinks = config.sinks.iter().filter(|(_, options)| is_sink(options));
    let sinks = sinks.map(|(name, _)| format!("sinks.{name}"));
    let told = |section: String| {
        config.places.finding(&section, "type", &format!("[{section}]: {}", kafka::MISSING))
    };
    sources.chain(sinks).map(told).collect()
}

/// The rules of a pipeline, and what normalizes by them.
type Made = (Rules, Arc<dyn Factory>);

/// Makes what normalizes for each pipeline, but where it is `known` already.
fn factories_of(
    config: &Config,
    factories: Factories<'_>,
    now: u64,
    known: &dyn Fn(&str, &Rules) -> Option<Made>,
    faults: &mut Vec<Finding>,
) -> BTreeMap<String, Made> {
    let mut all = BTreeMap::new();
    for (name, pipeline) in &config.pipelines {
        let made = pipeline.config(now).and_then(|rules| {
            if let Some(known) = known(name, &rules) {
                return Ok(known);
            }
            let factory = factories(&rules).map_err(|e| Error::usage(e.to_string()))?;
            Ok((rules, factory))
        });
        match made {
            Ok(made) => drop(all.insert(name.clone(), made)),
            Err(error) => faults.push(of_pipeline(config, name, &error)),
        }
    }
    all
}

/// What is wrong with a pipeline as a whole.
fn of_pipeline(config: &Config, name: &str, error: &dyn std::fmt::Display) -> Finding {
    let section = format!("pipelines.{name}");
    config.places.finding(&section, "", &format!("[{section}]: {error}"))
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

/// What of pipelines may not be what was meant, such as a filter's network that is cut to its prefix.
pub fn warnings(config: &Config) -> Vec<Finding> {
    let mut warnings = Vec::new();
    for (name, pipeline) in &config.pipelines {
        // What is wrong is told elsewhere.
        let Ok(rules) = pipeline.config(now_ms()) else { continue };
        let Ok(normalizer) = Normalizer::new(&rules) else { continue };
        let section = format!("pipelines.{name}");
        warnings.extend(normalizer.warnings().iter().map(|told| {
            let key = told.split(':').next().unwrap_or_default();
            config.places.finding(&section, key, &format!("warning: [{section}]: {told}"))
        }));
    }
    warnings.sort();
    warnings
}

fn log_warnings(config: &Config) {
    warnings(config).iter().for_each(|told| tracing::warn!("{told}"));
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

/// What all parts share.
struct Shared {
    metrics: Metrics,
    board: Board,
    plane: Plane,
    budget: Budget,
    balance: Balance,
    alarm: Alarm,
    graves: Arc<Graves>,
    seen: Seen,
    /// The name of the progress.
    state: Arc<str>,
}

/// Runs a configuration until a signal to end, or until all sources have ended, which those of files
/// only do with `once`.
pub fn run(config: Config, outside: &Outside<'_>) -> Result<Ended, Error> {
    check(&config, outside.factories)?;
    log_warnings(&config);
    let state = State::take(&config.process.state_dir)?;
    let progress = state.load(&mut |told| tracing::warn!("{told}"))?;
    let (alarm, alarms) = alarm();
    let (metrics, balance) = (Metrics::new(), Balance::default());
    let (budget, written) = (Budget::new(config.process.memory_of_records()), WrittenAt::now());
    let shared = Shared {
        seen: Seen::new(metrics.clone(), balance.clone(), budget.clone(), written.clone()),
        board: Board::default(),
        plane: Plane::default(),
        graves: Arc::default(),
        state: state.name()?.into(),
        metrics,
        budget,
        balance,
        alarm,
    };
    let mut checkpoint = Checkpoint::new(&state, progress, shared.metrics.clone(), written);
    let (ended_to, ended) = unbounded();
    let mut parts = Parts::none(ended_to);
    let plan = parts.plan(config, &shared, outside)?;
    parts.commit(plan, &mut checkpoint.rest, &shared, outside)?;
    let mut ticks = tick(parts.config.process.checkpoint.0);
    let mut alarm = None;
    let (mut is_to_reload, mut was_read) = (false, false);
    let lives = outside.supervisor.patience().map_or_else(never, tick);
    outside.supervisor.note(Note::Ready);
    let signals = outside.signals;
    tracing::info!(sources = parts.readings.len(), sinks = parts.config.sinks.len(), "running");
    // What was read is delivered before the end, however long that takes, if nobody is in a hurry.
    while !parts.is_over() {
        let looks = if parts.is_read() || parts.is_changing() { after(LOOK) } else { never() };
        select! {
            recv(looks) -> _ => {}
            recv(ended) -> _ => {}
            recv(alarms) -> why => {
                alarm = why.ok();
                break;
            }
            recv(signals) -> signal => match signal {
                Ok(Signal::Reload) => is_to_reload = true,
                Ok(Signal::Account) => tell_account(&parts, &shared),
                Ok(Signal::End) | Err(_) => break,
            },
            recv(ticks) -> _ => checkpoint.write(&parts),
            recv(lives) -> _ => outside.supervisor.note(Note::Alive),
        }
        parts.look_after(&mut checkpoint.rest, &shared, outside.once)?;
        let is_read = parts.is_read();
        if is_read && !was_read {
            parts.flush();
        }
        was_read = is_read;
        // One change after the other: what is given up ends within a bounded time.
        if is_to_reload && !parts.is_changing() {
            is_to_reload = false;
            reload(&mut parts, &mut checkpoint, &shared, outside, &state)?;
            ticks = tick(parts.config.process.checkpoint.0);
        }
    }
    outside.supervisor.note(Note::Stopping);
    let mut ended = drain(parts, &shared, &mut checkpoint);
    // What rang at the very end counts as well.
    ended.alarm = alarm.or_else(|| alarms.try_recv().ok());
    Ok(ended)
}

/// Goes on with what the configuration says now. What is wrong with it is told, and then nothing
/// changes.
fn reload(
    parts: &mut Parts,
    checkpoint: &mut Checkpoint<'_>,
    shared: &Shared,
    outside: &Outside<'_>,
    state: &State,
) -> Result<(), Error> {
    outside.supervisor.note(Note::Reloading);
    let config = (outside.reload)();
    let hash = config.as_ref().ok().map(|config| config.hash);
    let planned = config.and_then(|config| parts.plan(config, shared, outside));
    let result = match planned {
        Ok(plan) => {
            parts.commit(plan, &mut checkpoint.rest, shared, outside)?;
            shared.metrics.reloaded("ok");
            tracing::info!("the configuration was read again, and is in force");
            log_warnings(&parts.config);
            Ok(())
        }
        Err(error) => {
            shared.metrics.reloaded("refused");
            for line in error.to_string().lines() {
                tracing::error!("{line}");
            }
            tracing::error!("the configuration was read again and is refused; all goes on as it was");
            Err(error.to_string())
        }
    };
    let told = Reloaded { id: state::nonce(), hash, refused: result.clone().err() };
    if let Err(error) = state.tell_reload(&told) {
        tracing::error!(%error, "what came of it can't be written to the state directory");
    }
    outside.supervisor.note(Note::Ready);
    if let Some(to) = &outside.reloads {
        let _ = to.send(result);
    }
    Ok(())
}

/// Tells what has become of the records of each pipeline so far; `left` are those of all that are on their way.
fn tell_account(parts: &Parts, shared: &Shared) {
    let left = u64::try_from(shared.balance.get()).unwrap_or_default();
    for pipeline in parts.config.pipelines.keys() {
        let [normalized, filtered, rejected, dead_letters] = shared.metrics.pipeline(pipeline).counts();
        tracing::info!(pipeline, normalized, filtered, rejected, dead_letters, left, "so far");
    }
}

/// Delivers what was read. Whether an alarm rang is not looked at.
fn drain(mut parts: Parts, shared: &Shared, checkpoint: &mut Checkpoint<'_>) -> Ended {
    let until = Instant::now() + parts.config.process.drain.0;
    let within = parts.config.process.drain.0.as_secs();
    let records = shared.balance.get();
    tracing::info!(records, within, "ending; what was read is delivered first");
    let readings = || parts.readings.values().chain(parts.left.iter().map(|left| &left.reading));
    readings().for_each(|reading| reading.stopper.stop());
    for reading in readings() {
        // Nothing is sent: the channel is closed when the thread ends.
        let _ = reading.ends.recv_deadline(until);
    }
    parts.flush();
    // What is left when the time is over is read again after the next start.
    let mut is_lost = false;
    for reading in readings() {
        let is_delivered = reading.shelf.wait(until);
        is_lost |= !is_delivered && reading.kind == Kind::Once;
    }
    let mut sinks: Vec<Running> = std::mem::take(&mut parts.sinks).into_values().collect();
    sinks.extend(std::mem::take(&mut parts.retired).into_iter().map(|retired| retired.running));
    if shared.balance.get() > 0 {
        sinks.iter().for_each(|running| running.stopper.stop());
    }
    let end = until.max(Instant::now()) + GRACE;
    // Dead letters come from sinks, so their files are closed behind them.
    for is_last in [false, true] {
        let group: Vec<&Running> = sinks.iter().filter(|running| running.is_last == is_last).collect();
        for running in &group {
            let _ = running.lane.queue.send(Job::Close);
        }
        for running in group {
            if running.ends.recv_deadline(until) == Err(RecvTimeoutError::Timeout) {
                // What a buffer holds is on disk, and nobody waits for it.
                sinks.iter().for_each(|running| running.stopper.stop());
            }
            if running.ends.recv_deadline(end) == Err(RecvTimeoutError::Timeout) {
                tracing::warn!(sink = running.id, "the sink does not end; it is left behind");
            }
        }
    }
    checkpoint.write(&parts);
    // All that is delivered is known now.
    readings().for_each(|reading| reading.close.tell());
    let end = end.max(Instant::now() + GRACE);
    for reading in readings() {
        if !reading.close.wait(end) {
            tracing::warn!(source = reading.source, "the source does not end; it is left behind");
        }
    }
    let left = u64::try_from(shared.balance.get()).unwrap_or_default();
    if left > 0 {
        tracing::warn!(
            records = left,
            "not everything was delivered in time; it is read again after the next start"
        );
    }
    let mut unread = Vec::new();
    for pipeline in parts.config.pipelines.keys() {
        let [normalized, filtered, rejected, dead_letters] = shared.metrics.pipeline(pipeline).counts();
        tracing::info!(pipeline, normalized, filtered, rejected, dead_letters, left, "ended");
        if normalized + filtered == 0 && rejected > 0 {
            unread.push(pipeline.clone());
        }
    }
    Ended { left, is_lost, alarm: None, unread, failed: shared.metrics.failed_sources() }
}
