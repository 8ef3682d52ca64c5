//! The parts that run: they are built from a configuration, and a later one changes only what is
//! different in it.
//!
//! [`Parts::plan`] reads, opens and tries everything new, and touches nothing that runs; where it fails, all
//! goes on as it was. [`Parts::commit`] puts it in its place: pipelines take their new way from their
//! next batch on, sources that are the same never notice, and what is given up ends in its own time.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::TcpListener,
    path::PathBuf,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, bounded, unbounded};
use tokio::task::AbortHandle;
use weir_normalizer::Config as Rules;
use weir_pipeline::Factory;

use super::{
    Outside, Shared, conflicts, dead_letters_path, factories_of, measures::SeenParts, missing, now_ms,
    of_pipeline, rejects_path,
};
use crate::{
    buffered::{self, Behind, Gauge},
    config::{Config, places::Finding, refusal, values},
    error::Error,
    feed::{Ending, Feed, Shelf, Shelved},
    health::Health,
    operation,
    outlet::{Job, Lane, Outlet},
    route::{Route, Way},
    runner::{self, Make},
    seldom::Seldom,
    service::LOOK,
    sinks::{self, BufferOptions, Context, SinkOptions},
    sources::{self, SourceOptions, http::Door},
    state::{self, Progress},
    stop::{Stop, Stopper, stop},
    tracker::Tracker,
    worker::Worker,
};

/// How long a sink or a source that is given up gets for what it has; what is left is read again.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long it is looked for a moment in which a buffer is empty.
const EMPTY: Duration = Duration::from_secs(1);

/// How long a sink waits before it tries again to open its buffer.
const AGAIN: Duration = Duration::from_secs(1);

/// All that a sink is made of. Where it is the same, so is the sink.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Recipe {
    options: SinkOptions,
    buffer: Option<BufferOptions>,
    files: u64,
}

/// A sink that the configuration wants.
struct Wanted {
    /// Its name, or `rejects` or `dead_letters` and that of a pipeline.
    id: String,
    part: String,
    recipe: Recipe,
    /// It is closed behind the others, as they send to it.
    is_last: bool,
}

/// A sink that runs.
pub(super) struct Running {
    pub(super) id: String,
    pub(super) lane: Lane,
    pub(super) ends: Receiver<()>,
    pub(super) stopper: Stopper,
    pub(super) is_last: bool,
    pub(super) gauge: Option<Gauge>,
    health: Health,
    recipe: Recipe,
}

impl Running {
    pub(super) fn has_ended(&self) -> bool {
        self.ends.try_recv() == Err(TryRecvError::Disconnected)
    }
}

/// A sink that is opened and does not run yet.
struct Opened {
    wanted: Wanted,
    lane: Lane,
    queue: Receiver<Job>,
    make: Make,
    stopper: Stopper,
    health: Health,
    gauge: Option<Gauge>,
}

/// What becomes of what is not delivered in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It is read again.
    Replays,
    /// It is read again from where the source says, to those that it has it from, that it is done.
    Commits,
    /// It is lost.
    Once,
    /// Who sent it has no answer, and sends it again.
    Asks,
}

impl Kind {
    fn of(options: &SourceOptions) -> Self {
        match options {
            SourceOptions::File(_) | SourceOptions::ObjectStore(_) => Self::Replays,
            SourceOptions::Kafka(_) => Self::Commits,
            SourceOptions::Stdin(_) => Self::Once,
            SourceOptions::Http(_) => Self::Asks,
        }
    }

    /// Whether another source can go on with what this one did not deliver.
    fn is_read_again(self) -> bool {
        matches!(self, Self::Replays | Self::Commits)
    }
}

/// A source that runs in a pipeline.
pub(super) struct Reading {
    pub(super) key: String,
    pub(super) source: String,
    pub(super) shelf: Shelf,
    pub(super) kind: Kind,
    /// Closed when nothing more is read.
    pub(super) ends: Receiver<()>,
    pub(super) stopper: Stopper,
    pub(super) close: Close,
    health: Health,
    options: SourceOptions,
    files: u64,
    /// What cuts its stream into records.
    framing: Rules,
    /// Where it listens, as the configuration says it.
    listener: Option<(String, TcpListener)>,
    /// Closed when it takes no more connections.
    is_shut: Receiver<()>,
}

/// The end of a source that has read all.
pub(super) struct Close {
    /// Told when nothing more is delivered.
    stopper: Stopper,
    /// Closed when the source is gone.
    gone: Receiver<()>,
}

impl Close {
    /// Nothing more is delivered.
    pub(super) fn tell(&self) {
        self.stopper.stop();
    }

    /// Waits until the source is gone; whether it is.
    pub(super) fn wait(&self, until: Instant) -> bool {
        // Nothing is sent.
        self.gone.recv_deadline(until) == Err(RecvTimeoutError::Disconnected)
    }
}

impl Reading {
    pub(super) fn has_ended(&self) -> bool {
        self.ends.try_recv() == Err(TryRecvError::Disconnected)
    }
}

/// A pipeline that runs.
struct Line {
    rules: Rules,
    factory: Arc<dyn Factory>,
    way: Way,
}

/// A sink that gets no more than what is on its way to it.
pub(super) struct Retired {
    pub(super) running: Running,
    /// When it is told to stop, and when nothing more is sent to it.
    stops: Instant,
    closes: Instant,
    is_closed: bool,
    is_stopped: bool,
}

/// A source that reads no more.
pub(super) struct Left {
    pub(super) reading: Reading,
    until: Instant,
}

/// What runs now.
pub(super) struct Parts {
    pub(super) config: Config,
    pub(super) sinks: BTreeMap<String, Running>,
    pub(super) readings: BTreeMap<String, Reading>,
    pub(super) retired: Vec<Retired>,
    pub(super) left: Vec<Left>,
    lines: BTreeMap<String, Line>,
    operation: Option<(String, AbortHandle)>,
    /// Told when a source ends.
    ended: Sender<()>,
}

/// What a configuration needs that does not run yet.
pub(super) struct Plan {
    config: Config,
    opened: Vec<Opened>,
    lines: BTreeMap<String, (Rules, Arc<dyn Factory>)>,
    listeners: BTreeMap<String, (String, TcpListener)>,
    operation: Option<(String, TcpListener)>,
}

/// What a source goes on with: another that read the same before.
struct Before {
    kind: Kind,
    ends: Receiver<()>,
    close: Close,
    shelf: Shelf,
    until: Instant,
}

/// Rules with only what cuts a stream into records. What is not named here counts as that.
fn framing(rules: &Rules) -> Rules {
    Rules {
        filter: None,
        lists: Default::default(),
        drop: Vec::new(),
        mask: Vec::new(),
        own: Vec::new(),
        to: Default::default(),
        observed_at_ms: None,
        ..rules.clone()
    }
}

/// The time of records that have none is that of the start, and no difference.
fn is_same(a: &Rules, b: &Rules) -> bool {
    Rules { observed_at_ms: None, ..a.clone() } == Rules { observed_at_ms: None, ..b.clone() }
}

/// The sinks that a configuration wants.
fn wanted(config: &Config) -> Vec<Wanted> {
    let mut all = Vec::new();
    for (name, options) in &config.sinks {
        let files = options.print_of_files();
        let recipe = Recipe { options: options.clone(), buffer: config.buffers.get(name).cloned(), files };
        all.push(Wanted { id: name.clone(), part: format!("[sinks.{name}]"), recipe, is_last: false });
    }
    let mut keep = |kind: &str, name: &str, path: PathBuf| {
        let options = SinkOptions::File(sinks::file::Options::at(&path));
        all.push(Wanted {
            id: format!("{kind} {name}"),
            part: format!("`{kind}` of [pipelines.{name}]"),
            recipe: Recipe { options, buffer: None, files: 0 },
            is_last: true,
        });
    };
    for (name, pipeline) in &config.pipelines {
        keep("rejects", name, rejects_path(config, name, pipeline.rejects.as_deref()));
        keep("dead_letters", name, dead_letters_path(config, name, pipeline.dead_letters.as_deref()));
    }
    all
}

/// Whether two sinks would write to the same files.
fn share_files(a: &SinkOptions, b: &SinkOptions) -> bool {
    matches!((a, b), (SinkOptions::File(a), SinkOptions::File(b)) if a.path == b.path)
}

impl Parts {
    /// Nothing runs yet.
    pub(super) fn none(ended: Sender<()>) -> Self {
        Self {
            config: Config::default(),
            sinks: BTreeMap::new(),
            readings: BTreeMap::new(),
            retired: Vec::new(),
            left: Vec::new(),
            lines: BTreeMap::new(),
            operation: None,
            ended,
        }
    }

    fn is_new(&self) -> bool {
        self.lines.is_empty()
    }

    /// Opens and tries everything that a configuration wants and that does not run yet.
    pub(super) fn plan(&self, config: Config, shared: &Shared, outside: &Outside<'_>) -> Result<Plan, Error> {
        let old = &self.config;
        if !self.is_new() && config.process.state_dir != old.process.state_dir {
            return Err(Error::usage(format!(
                "state_dir: a process keeps its own ({}); start another one for {}",
                old.process.state_dir.display(),
                config.process.state_dir.display()
            )));
        }
        let mut findings = conflicts(&config);
        findings.extend(missing(&config));
        let lines = self.factories(&config, outside, &mut findings);
        if !findings.is_empty() {
            return Err(refusal(&findings));
        }
        let wanted = wanted(&config);
        self.refuse_what_would_lose(&config, &wanted, &lines)?;
        let mut opened = Vec::new();
        for wanted in wanted {
            if self.sinks.get(&wanted.id).is_none_or(|running| running.recipe != wanted.recipe) {
                opened.push(self.open(wanted, &config, shared, outside)?);
            }
        }
        let listeners = self.listeners(&config)?;
        let operation = match &config.process.listen {
            Some(listen) if self.operation.as_ref().is_none_or(|(text, _)| text != listen) => {
                let address = values::address(listen).map_err(Error::usage)?;
                Some((listen.clone(), sources::http::bind(address)?))
            }
            _ => None,
        };
        Ok(Plan { config, opened, lines, listeners, operation })
    }

    /// What normalizes for each pipeline. What is the same is not made again, and what is new is tried.
    fn factories(
        &self,
        config: &Config,
        outside: &Outside<'_>,
        findings: &mut Vec<Finding>,
    ) -> BTreeMap<String, (Rules, Arc<dyn Factory>)> {
        let known = |name: &str, rules: &Rules| {
            let line = self.lines.get(name).filter(|line| is_same(&line.rules, rules))?;
            Some((line.rules.clone(), Arc::clone(&line.factory)))
        };
        let mut made = factories_of(config, outside.factories, now_ms(), &known, findings);
        if !self.is_new() {
            made.retain(|name, (_, factory)| {
                let is_known = self.lines.get(name).is_some_and(|line| Arc::ptr_eq(&line.factory, factory));
                let tried = if is_known { Ok(()) } else { Arc::clone(factory).engine().map(drop) };
                if let Err(error) = &tried {
                    findings.push(of_pipeline(config, name, error));
                }
                tried.is_ok()
            });
        }
        made
    }

    /// Refuses what would take records away that nobody has any more, or leave them where nobody
    /// looks for them.
    fn refuse_what_would_lose(
        &self,
        config: &Config,
        wanted: &[Wanted],
        lines: &BTreeMap<String, (Rules, Arc<dyn Factory>)>,
    ) -> Result<(), Error> {
        let mut faults = Vec::new();
        for (id, running) in &self.sinks {
            let is_buffered = wanted.iter().any(|w| w.id == *id && w.recipe.buffer.is_some());
            let Some(gauge) = running.gauge.as_ref().filter(|_| !is_buffered) else { continue };
            let until = Instant::now() + EMPTY;
            while let Some(pages) = gauge.stats().map(|stats| stats.pages).filter(|pages| *pages > 0) {
                if running.health.is_failing() || Instant::now() >= until {
                    faults.push(format!(
                        "[sinks.{id}]: its buffer holds {pages} pages of records, so that it can't be given up; \
                         keep it until it has delivered them, or end the process and remove the folder of the buffer"
                    ));
                    break;
                }
                thread::sleep(LOOK);
            }
        }
        for reading in self.readings.values().filter(|r| r.kind == Kind::Once && !r.has_ended()) {
            let pipeline = reading.key.split_once('/').map_or("", |(pipeline, _)| pipeline);
            let goes_on = config.pipelines.get(pipeline).is_some_and(|p| p.sources.contains(&reading.source))
                && config.sources.get(&reading.source) == Some(&reading.options)
                && lines.get(pipeline).is_some_and(|(rules, _)| framing(rules) == reading.framing);
            if !goes_on {
                faults.push(format!(
                    "[sources.{}] reads standard input, which can't be read again, so that it, and how \
                     [pipelines.{pipeline}] cuts it into records, stays as it is; start anew instead",
                    reading.source
                ));
            }
            let kept = ["rejects", "dead_letters"].map(|kind| format!("{kind} {pipeline}"));
            let sinks =
                self.config.pipelines.get(pipeline).map(|p| &p.sinks).into_iter().flatten().chain(&kept);
            for id in sinks {
                let Some(running) = self.sinks.get(id) else { continue };
                let is_same = wanted.iter().any(|w| w.id == *id && w.recipe == running.recipe);
                if !is_same && (running.gauge.is_none() || running.health.is_failing()) {
                    faults.push(format!(
                        "the sink {id} has records from standard input, which can't be read again, so that it stays \
                         as it is; give it a buffer, or start anew instead"
                    ));
                }
            }
        }
        match faults.is_empty() {
            true => Ok(()),
            false => Err(Error::usage(faults.join("\n"))),
        }
    }

    fn open(
        &self,
        wanted: Wanted,
        config: &Config,
        shared: &Shared,
        outside: &Outside<'_>,
    ) -> Result<Opened, Error> {
        let Wanted { id, part, recipe, .. } = &wanted;
        let metrics = shared.metrics.sink(id);
        if let Some(buffer) = &recipe.buffer {
            metrics.has_buffer((buffer.when_full == sinks::DROP_NEWEST).then_some(sinks::DROP_NEWEST));
        }
        let (stopper, told) = stop();
        let health = shared.board.part(part);
        let context = Context {
            name: id.as_str().into(),
            stop: told,
            plane: shared.plane.clone(),
            metrics: metrics.clone(),
            alarm: shared.alarm.clone(),
            health: health.clone(),
            budget: shared.budget.clone(),
            once: outside.once,
            state: shared.state.clone(),
        };
        let at_part = |e: Error| match e.is_usage() {
            true => Error::usage(format!("{part}: {e}")),
            false => Error::failed(format!("{part}: {e}")),
        };
        // Whoever has the same name, or the same files, is waited for.
        let before = self
            .sinks
            .values()
            .filter(|running| running.id == *id || share_files(&running.recipe.options, &recipe.options));
        let before: Vec<Receiver<()>> = before.map(|running| running.ends.clone()).collect();
        let wait = move || {
            for ends in before {
                // Nothing is sent.
                let _ = ends.recv();
            }
        };
        let (make, gauge): (Make, _) = match &recipe.buffer {
            None => {
                let sink = recipe.options.open(context).map_err(at_part)?;
                let make = move || {
                    wait();
                    Some(sink)
                };
                (Box::new(make), None)
            }
            Some(buffer) => {
                let (behind, told) = stop();
                let inner = Context { stop: told, ..context.clone() };
                let behind = Behind { sink: recipe.options.open(inner).map_err(at_part)?, stopper: behind };
                let folder = super::buffers_path(config).join(id);
                let is_in_use = self.sinks.get(id).is_some_and(|running| running.gauge.is_some());
                let queue = match is_in_use {
                    true => None,
                    false => Some(buffered::queue(&folder, buffer, &context).map_err(at_part)?),
                };
                let gauge = Gauge::default();
                let (buffer, budget, graves) =
                    (buffer.clone(), shared.budget.clone(), Arc::clone(&shared.graves));
                let of_sink = gauge.clone();
                let make = move || {
                    wait();
                    let queue = match queue {
                        Some(queue) => queue,
                        // What it holds is safe, and what comes meanwhile waits.
                        None => loop {
                            match buffered::queue(&folder, &buffer, &context) {
                                Ok(queue) => break queue,
                                Err(error) => {
                                    tracing::error!(sink = %context.name, %error, "the buffer can't be opened");
                                    context.health.fails(error.to_string());
                                    if context.stop.wait(AGAIN) {
                                        return None;
                                    }
                                }
                            }
                        },
                    };
                    let opened = buffered::open(
                        queue,
                        &context,
                        &budget,
                        &graves,
                        &of_sink,
                        &buffer.when_full,
                        behind,
                    );
                    opened.map_err(|e| context.alarm.ring(&e.to_string())).ok()
                };
                (Box::new(make), Some(gauge))
            }
        };
        let (to, queue) = unbounded();
        let lane = Lane::new(id, to, metrics);
        Ok(Opened { wanted, lane, queue, make, stopper, health, gauge })
    }

    /// Listeners of sources that do not run, or run with other options. One that listens at the same
    /// place already is shared, so that nobody finds it closed.
    fn listeners(&self, config: &Config) -> Result<BTreeMap<String, (String, TcpListener)>, Error> {
        let mut listeners = BTreeMap::new();
        for (name, options) in &config.sources {
            let SourceOptions::Http(options) = options else { continue };
            let known = self.readings.values().filter_map(|reading| reading.listener.as_ref());
            let listener = match known.into_iter().find(|(text, _)| *text == options.listen) {
                Some((_, listener)) => listener.try_clone().map_err(|e| {
                    Error::failed(format!("can't go on listening at {}: {e}", options.listen))
                })?,
                None => sources::http::listen(options)
                    .map_err(|e| Error::failed(format!("[sources.{name}]: {e}")))?,
            };
            listeners.insert(name.clone(), (options.listen.clone(), listener));
        }
        Ok(listeners)
    }

    /// Puts a plan in place of what runs. What can fail here ends the process as one that failed.
    pub(super) fn commit(
        &mut self,
        plan: Plan,
        progress: &mut Progress,
        shared: &Shared,
        outside: &Outside<'_>,
    ) -> Result<(), Error> {
        let Plan { config, opened, lines, mut listeners, operation } = plan;
        let memory = config.process.memory_of_records();
        shared.budget.set_limit(memory);
        shared.metrics.process().memory_limit.set(memory.cast_signed());
        let stays: BTreeSet<String> = {
            let replaced: BTreeSet<_> = opened.iter().map(|opened| opened.wanted.id.as_str()).collect();
            let wanted = wanted(&config);
            let ids = wanted.iter().map(|wanted| wanted.id.clone());
            ids.filter(|id| !replaced.contains(id.as_str())).collect()
        };
        for (id, running) in std::mem::take(&mut self.sinks) {
            if stays.contains(&id) {
                self.sinks.insert(id, running);
            } else {
                self.retired.push(Retired::new(running));
            }
        }
        for Opened { wanted, lane, queue, make, stopper, health, gauge } in opened {
            let ends = runner::start(&wanted.id, make, queue, config.process.checkpoint.0)?;
            let Wanted { id, recipe, is_last, .. } = wanted;
            let running = Running { id: id.clone(), lane, ends, stopper, is_last, gauge, health, recipe };
            self.sinks.insert(id, running);
        }
        self.lead(&config, lines, shared);
        let mut readings = std::mem::take(&mut self.readings);
        for (name, pipeline) in &config.pipelines {
            for source in &pipeline.sources {
                let key = format!("{name}/{source}");
                let options = &config.sources[source];
                let files = options.print_of_files();
                let line = &self.lines[name];
                let old = readings.remove(&key);
                let reading = match old {
                    Some(old)
                        if old.options == *options
                            && old.files == files
                            && old.framing == framing(&line.rules) =>
                    {
                        old
                    }
                    old => {
                        let listener = listeners.remove(source);
                        if let Some((_, listener)) = &listener {
                            outside.tell(source, listener);
                        }
                        let before = old.and_then(|old| self.leave(old));
                        let remembered = progress.feeds.get(&key).cloned().unwrap_or_default();
                        let asked = Asked { key, source, options, files, listener, before, remembered };
                        self.read(name, asked, shared, outside.once)?
                    }
                };
                self.readings.insert(reading.key.clone(), reading);
            }
        }
        for (_, reading) in readings {
            reading.stopper.stop();
            reading.health.retire();
            self.left.push(Left { reading, until: Instant::now() + PATIENCE });
        }
        self.operate(&config, operation, shared, outside)?;
        self.config = config;
        self.show(shared);
        Ok(())
    }

    /// Leads pipelines to the sinks that there are now.
    fn lead(&mut self, config: &Config, lines: BTreeMap<String, (Rules, Arc<dyn Factory>)>, shared: &Shared) {
        let mut graves = BTreeMap::new();
        let mut old = std::mem::take(&mut self.lines);
        for (name, (rules, factory)) in lines {
            let pipeline = &config.pipelines[&name];
            let lane = |id: &str| self.sinks[id].lane.clone();
            let dead_letters = lane(&format!("dead_letters {name}"));
            graves.insert(name.as_str().into(), dead_letters.clone());
            let outlet = Arc::new(Outlet {
                pipeline: name.as_str().into(),
                schema: pipeline.schema(),
                sinks: pipeline.sinks.iter().map(|sink| lane(sink)).collect(),
                rejects: lane(&format!("rejects {name}")),
                dead_letters,
                budget: shared.budget.clone(),
                balance: shared.balance.clone(),
                metrics: shared.metrics.pipeline(&name),
                told: Seldom::default(),
            });
            let route = Route { outlet, factory: Arc::clone(&factory) };
            let way = match old.remove(&name) {
                Some(line) => {
                    line.way.lead(route);
                    line.way
                }
                None => Way::new(route),
            };
            self.lines.insert(name, Line { rules, factory, way });
        }
        shared.graves.open(graves);
    }

    /// A source is to be read by another one; gives what that one goes on with, if it can.
    fn leave(&mut self, old: Reading) -> Option<Before> {
        old.stopper.stop();
        old.health.retire();
        let until = Instant::now() + PATIENCE;
        if old.kind.is_read_again() {
            return Some(Before::of(old, until));
        }
        // Who connects from now on meets the new one; what this one has, it answers.
        let _ = old.is_shut.recv_timeout(PATIENCE);
        self.left.push(Left { reading: old, until });
        None
    }

    fn operate(
        &mut self,
        config: &Config,
        listener: Option<(String, TcpListener)>,
        shared: &Shared,
        outside: &Outside<'_>,
    ) -> Result<(), Error> {
        if (listener.is_some() || config.process.listen.is_none())
            && let Some((_, task)) = self.operation.take()
        {
            task.abort();
        }
        if let Some((text, listener)) = listener {
            outside.tell("operation", &listener);
            let seen = shared.seen.clone();
            let measure = Box::new(move || seen.measure());
            let (metrics, board) = (shared.metrics.clone(), shared.board.clone());
            let task = operation::serve(listener, &shared.plane, metrics, board, measure)?;
            self.operation = Some((text, task));
        }
        Ok(())
    }

    /// Shows what there is now to who measures.
    fn show(&self, shared: &Shared) {
        let left = self.left.iter().map(|left| &left.reading);
        let shelves = self.readings.values().chain(left);
        let lines = self.lines.iter();
        let parts = SeenParts {
            shelves: shelves.map(|reading| (reading.source.clone(), reading.shelf.clone())).collect(),
            gauges: self.sinks.values().filter_map(|r| Some((r.id.clone(), r.gauge.clone()?))).collect(),
            factories: lines.map(|(name, line)| (name.clone(), Arc::clone(&line.factory))).collect(),
        };
        shared.seen.show(parts, self.config.hash);
    }

    fn read(&self, pipeline: &str, asked: Asked<'_>, shared: &Shared, once: bool) -> Result<Reading, Error> {
        let Asked { key, source, options, files, listener, before, remembered } = asked;
        let line = &self.lines[pipeline];
        let (stopper, told) = stop();
        let health = shared.board.part(&format!("[sources.{source}]"));
        let shelf = Shelf::default();
        if let Some(before) = &before {
            before.shelf.share(&shelf);
        }
        let feed = Feed {
            source: source.into(),
            worker: Worker::new(line.way.clone()),
            config: line.rules.clone(),
            stop: told,
            metrics: shared.metrics.source(source),
            health: health.clone(),
            alarm: shared.alarm.clone(),
            once,
            shelf: shelf.clone(),
            budget: shared.budget.clone(),
            balance: shared.balance.clone(),
        };
        let (to, ends) = bounded::<()>(0);
        let (is_there, gone) = bounded::<()>(0);
        let (close_stopper, close) = stop();
        let (is_open, is_shut) = bounded::<()>(0);
        let of_thread = match &listener {
            Some((_, listener)) => Some(
                listener
                    .try_clone()
                    .map_err(|e| Error::failed(format!("[sources.{source}]: can't listen: {e}")))?,
            ),
            None => None,
        };
        let (plane, ended, of_source) = (shared.plane.clone(), self.ended.clone(), options.clone());
        let body = move || {
            let _is_there = is_there;
            let mut ending = Ending::new(to, ended, close);
            let remembered = match before {
                Some(before) => before.end(&feed, &mut ending),
                None => Some(remembered),
            };
            if let Some(remembered) = remembered {
                match (of_source, of_thread) {
                    (SourceOptions::File(options), _) => sources::file::run(&options, feed, &remembered),
                    (SourceOptions::ObjectStore(options), _) => {
                        sources::object_store::run(&options, feed, &remembered);
                    }
                    (SourceOptions::Stdin(_), _) => sources::stdin::run(feed),
                    (SourceOptions::Http(options), Some(listener)) => {
                        sources::http::run(&options, feed, Door { listener, is_open }, &plane);
                    }
                    (SourceOptions::Http(_), None) => {}
                    #[cfg(feature = "kafka")]
                    (SourceOptions::Kafka(options), _) => {
                        sources::kafka::run(&options, feed, &mut ending);
                    }
                    // It was refused.
                    #[cfg(not(feature = "kafka"))]
                    (SourceOptions::Kafka(_), _) => {}
                }
            }
            ending.is_read();
        };
        let named = thread::Builder::new().name(format!("source {key}"));
        named
            .spawn(body)
            .map_err(|e| Error::failed(format!("can't start the thread of the source {key}: {e}")))?;
        Ok(Reading {
            key,
            source: source.into(),
            shelf,
            kind: Kind::of(options),
            ends,
            stopper,
            close: Close { stopper: close_stopper, gone },
            health,
            options: options.clone(),
            files,
            framing: framing(&line.rules),
            listener,
            is_shut,
        })
    }

    /// Lets sinks send what they gathered: nothing more is read.
    pub(super) fn flush(&self) {
        for running in self.sinks.values().chain(self.retired.iter().map(|retired| &retired.running)) {
            let _ = running.lane.queue.send(Job::Flush);
        }
    }

    /// Whether something is on its way out.
    pub(super) fn is_changing(&self) -> bool {
        !self.retired.is_empty() || self.left.iter().any(|left| left.reading.kind.is_read_again())
    }

    /// Whether everything that there is has been read and delivered.
    pub(super) fn is_over(&self) -> bool {
        self.is_read()
            && self.readings.values().all(|reading| reading.shelf.is_at_rest())
            && !self.is_changing()
    }

    /// Whether nothing more is read.
    pub(super) fn is_read(&self) -> bool {
        self.readings.values().all(Reading::has_ended)
    }

    /// Ends what is to end, as far as it is time for that.
    pub(super) fn look_after(
        &mut self,
        progress: &mut Progress,
        shared: &Shared,
        once: bool,
    ) -> Result<(), Error> {
        let mut has_given_back = false;
        let mut ended = Vec::new();
        let before = self.retired.len() + self.left.len();
        self.retired.retain_mut(|retired| {
            let goes_on = retired.look();
            if !goes_on {
                has_given_back |= retired.is_stopped;
                ended.push(retired.running.id.clone());
            }
            goes_on
        });
        self.left.retain(|Left { reading, until }| {
            let now = Instant::now();
            let is_read = reading.has_ended() && (reading.shelf.is_at_rest() || now >= *until);
            if !is_read {
                return true;
            }
            reading.close.tell();
            // Who does not answer it does not keep the others from what is to be done.
            if !reading.close.wait(now) && now < *until + PATIENCE {
                return true;
            }
            if reading.kind.is_read_again() {
                reading.shelf.abandon(&shared.balance);
            }
            if reading.kind == Kind::Replays {
                // Should it be wanted again, it goes on from there.
                progress.feeds.insert(reading.key.clone(), reading.shelf.progress());
            }
            false
        });
        if before != self.retired.len() + self.left.len() {
            self.show(shared);
        }
        if has_given_back {
            self.read_again(shared, once)?;
        }
        Ok(())
    }

    /// Reads again what was on its way to a sink that is gone.
    fn read_again(&mut self, shared: &Shared, once: bool) -> Result<(), Error> {
        let failed = |r: &&Reading| r.kind.is_read_again() && r.shelf.has_failed();
        let keys: Vec<String> = self.readings.values().filter(failed).map(|r| r.key.clone()).collect();
        for key in keys {
            let Some(mut old) = self.readings.remove(&key) else { continue };
            old.stopper.stop();
            old.health.retire();
            let (source, options) = (old.source.clone(), old.options.clone());
            let pipeline = key.split_once('/').map_or("", |(pipeline, _)| pipeline).to_owned();
            let asked = Asked {
                key: key.clone(),
                source: &source,
                options: &options,
                files: old.files,
                listener: old.listener.take(),
                before: Some(Before::of(old, Instant::now() + PATIENCE)),
                remembered: Vec::new(),
            };
            let reading = self.read(&pipeline, asked, shared, once)?;
            tracing::info!(source, "what a sink had not delivered is read again");
            self.readings.insert(key, reading);
        }
        self.show(shared);
        Ok(())
    }
}

/// A source that is to be read.
struct Asked<'a> {
    key: String,
    source: &'a str,
    options: &'a SourceOptions,
    files: u64,
    listener: Option<(String, TcpListener)>,
    before: Option<Before>,
    remembered: Vec<state::Stream>,
}

impl Before {
    fn of(old: Reading, until: Instant) -> Self {
        Self { kind: old.kind, ends: old.ends, close: old.close, shelf: old.shelf, until }
    }

    /// Waits for its end, and for what it has under way; gives how far it came, and `None` where it is
    /// time to stop.
    fn end(self, feed: &Feed, ending: &mut Ending) -> Option<Vec<state::Stream>> {
        let stop: &Stop = &feed.stop;
        while self.ends.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
            if stop.is_told() {
                return self.give_up(ending);
            }
        }
        // What failed does not get better by waiting.
        while !self.shelf.is_at_rest() && Instant::now() < self.until {
            if stop.wait(LOOK) {
                return self.give_up(ending);
            }
        }
        self.close.tell();
        self.close.wait(self.until + PATIENCE);
        self.shelf.abandon(&feed.balance);
        if self.kind == Kind::Commits {
            feed.shelf.put(Vec::new());
            return Some(Vec::new());
        }
        let streams = self.shelf.progress();
        let fresh = streams.iter().cloned();
        feed.shelf
            .put(fresh.map(|stream| Shelved { stream, tracker: Arc::new(Tracker::new(None)) }).collect());
        Some(streams)
    }

    /// It is time to stop, and nothing goes on with it. What it still delivers it commits, where it does that.
    fn give_up(self, ending: &mut Ending) -> Option<Vec<state::Stream>> {
        ending.is_read();
        if self.kind == Kind::Commits {
            while !ending.close().wait(PATIENCE) {}
            self.close.tell();
            self.close.wait(Instant::now() + PATIENCE);
        }
        None
    }
}

impl Retired {
    fn new(running: Running) -> Self {
        let now = Instant::now();
        let until = if running.health.is_failing() { now } else { now + PATIENCE };
        // What is in a buffer stays there.
        let stops = if running.gauge.is_some() { now } else { until };
        if let Some(gauge) = &running.gauge {
            gauge.lift_limit();
        }
        running.health.retire();
        Self { running, stops, closes: until, is_closed: false, is_stopped: false }
    }

    /// Ends it as far as it is time for that; whether it goes on.
    fn look(&mut self) -> bool {
        let now = Instant::now();
        if !self.is_stopped && now >= self.stops {
            self.is_stopped = true;
            self.running.stopper.stop();
        }
        if !self.is_closed && (self.running.lane.is_only_one() || now >= self.closes) {
            self.is_closed = true;
            let _ = self.running.lane.queue.send(Job::Close);
        }
        !self.running.has_ended()
    }
}
