//! `weir run`, `weir check`, `weir reload` and `weir state`: the service.

use std::{
    io::{self, IsTerminal as _},
    iter,
    path::PathBuf,
    process::{self, ExitCode},
    sync::Arc,
    thread,
    time::Duration,
};

use crossbeam_channel::{Receiver, unbounded};
use sd_notify::NotifyState;
use serde_json::json;
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2},
    iterator::Signals,
};
use weir_pipeline::{Factory, Native};
use weir_sandbox::{Program, SandboxLimits};
use weir_service::{
    config::{Config, Examined, refusal},
    service::{self, Note, Outside, Signal, Supervisor},
    state::{Progress, State, Stream},
};

use crate::Error;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
A first signal to end (SIGTERM, SIGINT) lets what is on its way be delivered, for as long as
`drain` says; a second one ends at once. Nothing is lost either way but what came from
standard input. At SIGHUP, which `weir reload` sends, the configuration is read again: what
is different in it changes while the rest goes on, and where something is wrong with it
nothing changes. At SIGUSR1 it tells the account of each pipeline in its log; SIGUSR2 does
nothing.

Exit status: 0 where it was told to end, and with --once where all was read and delivered,
also where some records are among the rejects or the dead letters; 1 where it could not go
on, or what came from standard input was lost; 2 where the configuration is wrong; 3 where a
pipeline of --once could read none of its records.

Examples:
  weir check weir.toml
  weir run weir.toml
  weir run --once weir.toml")]
pub(super) struct Args {
    /// The configuration
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// End when all that there is has been read and delivered; the last line of a file counts as whole
    #[arg(long)]
    once: bool,

    /// Normalize without the sandbox, to compare and to debug
    #[arg(long)]
    native: bool,
}

/// The exit status where a pipeline could read no record.
const UNREAD: u8 = 3;

/// How `check` is told of at the end of its help, and `reload`, which has the same argument.
pub(super) const CHECKED: &str = "\
Exit status: 0 where it is right, 1 where nothing but a path that can't be written is wrong, 2
where something else is.

What is tried: files that it names are read, certificates and secrets among them, and each
bucket is listed; where that fails it is told, and the exit status is 0. Not tried: to send
to sinks that speak HTTP, to write to a bucket, to listen at an address.

Example:
  weir check weir.toml";

pub(super) const RELOADED: &str = "\
Exit status: 0 where it is in force, 1 where the service refuses it and goes on as it was, 2
where the configuration is wrong, or no service runs.

Example:
  weir reload weir.toml";

#[derive(Debug, clap::Args)]
pub(super) struct CheckArgs {
    /// The configuration
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(super) struct StateArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Say how far each stream is done: the bytes that every sink has for good; `-` where it is done as a whole
    List {
        /// The configuration
        #[arg(value_name = "FILE")]
        file: PathBuf,

        /// Say it as JSON, a line for each stream
        #[arg(long)]
        json: bool,
    },
    /// Forget how far the streams of a source are done, so that they are read from their beginning
    Reset {
        /// The configuration
        #[arg(value_name = "FILE")]
        file: PathBuf,

        /// Only those of this source
        #[arg(long, value_name = "NAME")]
        source: Option<String>,
    },
}

fn factory(
    config: &weir_normalizer::Config,
    is_native: bool,
) -> Result<Arc<dyn Factory>, weir_pipeline::Error> {
    Ok(match is_native {
        true => Arc::new(Native(config.clone())),
        false => Arc::new(Program::built_in(config, SandboxLimits::default())?),
    })
}

/// systemd, where it has started the process; else nobody listens.
struct Systemd;

impl Supervisor for Systemd {
    fn note(&self, note: Note) {
        let state = match note {
            Note::Ready => vec![NotifyState::Ready],
            // It compares the time, to tell what is ready from what was ready before.
            Note::Reloading => {
                NotifyState::monotonic_usec_now().map_or(Vec::new(), |now| vec![NotifyState::Reloading, now])
            }
            Note::Stopping => vec![NotifyState::Stopping],
            Note::Alive => vec![NotifyState::Watchdog],
        };
        // Where the socket is gone, so is who listened.
        let _ = sd_notify::notify(&state);
    }

    fn patience(&self) -> Option<Duration> {
        // Twice in its time, as its manual says.
        Some(sd_notify::watchdog_enabled()? / 2)
    }
}

pub(super) fn run(args: &Args) -> Result<ExitCode, Error> {
    let config = Config::load(&args.file)?;
    log();
    let signals = signals()?;
    let factories = |config: &weir_normalizer::Config| factory(config, args.native);
    let reload = || Config::load(&args.file);
    let outside = Outside {
        factories: &factories,
        once: args.once,
        signals: &signals,
        reload: &reload,
        supervisor: &Systemd,
        listens: None,
        reloads: None,
    };
    let ended = service::run(config, &outside)?;
    if let Some(why) = ended.alarm {
        return Err(Error::failed(why));
    }
    if ended.is_lost {
        return Err(Error::failed(format!(
            "{} records were not delivered in time; those from standard input are lost",
            ended.left
        )));
    }
    if args.once && !ended.failed.is_empty() {
        return Err(Error::failed(format!(
            "not all of {} could be read; the log tells what and why",
            ended.failed.join(", ")
        )));
    }
    if args.once && ended.left > 0 {
        return Err(Error::failed(format!("{} records were not delivered in time", ended.left)));
    }
    if args.once && !ended.unread.is_empty() {
        weir_io::say(&format!(
            "weir: no record of {} could be read, all are among the rejects; `weir explain FILE` tells why",
            ended.unread.join(", ")
        ));
        return Ok(ExitCode::from(UNREAD));
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn check(args: &CheckArgs) -> Result<ExitCode, Error> {
    let Examined { config, mut findings } = Config::examine(&args.file)?;
    let is_content = findings.is_empty();
    if let Some(config) = &config {
        // What normalizes is only made of what is right.
        let make = |config: &weir_normalizer::Config| factory(config, false);
        findings.extend(service::findings(config, is_content.then_some(&make)));
    }
    let is_usage = !findings.is_empty();
    findings.extend(config.iter().flat_map(service::unwritable));
    findings.sort();
    let config = match config {
        Some(config) if findings.is_empty() => config,
        _ if is_usage => return Err(refusal(&findings).into()),
        _ => return Err(Error::failed(refusal(&findings).to_string())),
    };
    // Nothing of it keeps the service from starting.
    for warning in service::warnings(&config) {
        weir_io::say(&warning.to_string());
    }
    for finding in service::buffer_findings(&config).into_iter().chain(service::silent_stores(&config)) {
        weir_io::say(&finding);
    }
    let mut text = format!("{}: the configuration is right, and names these paths:\n", args.file.display());
    for (who, path) in service::paths(&config) {
        text.push_str(&format!("  {who:<34} {}\n", weir_printable::line(&path.to_string_lossy())));
    }
    super::print(&text)
}

/// How long it is waited for what comes of a reload.
const RELOAD: Duration = Duration::from_secs(60);

/// Tells the service that works with the state directory of a configuration to read that again.
pub(super) fn reload(args: &CheckArgs) -> Result<ExitCode, Error> {
    let config = Config::load(&args.file)?;
    service::check(&config, &|config| factory(config, false))?;
    State::reload(&config.process.state_dir, config.hash, RELOAD)?;
    super::print(&format!("{}: the configuration is in force\n", args.file.display()))
}

pub(super) fn state(args: &StateArgs) -> Result<ExitCode, Error> {
    let (file, reset) = match &args.what {
        What::List { file, .. } => (file, None),
        What::Reset { file, source } => (file, Some(source)),
    };
    let config = Config::load(file)?;
    let told = &mut |told: String| weir_io::say(&told);
    let folder = &config.process.state_dir;
    let Some(source) = reset else {
        let progress = State::look(folder, told)?;
        if progress.feeds.values().all(Vec::is_empty) {
            let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.clone());
            weir_io::say(&format!("weir: {}: no progress is remembered here", folder.display()));
            return Ok(ExitCode::SUCCESS);
        }
        return super::print(&match args.what {
            What::List { json: true, .. } => lines(&progress),
            _ => table(&progress),
        });
    };
    let state = State::take(folder)?;
    let mut progress = state.load(told)?;
    let before = progress.feeds.len();
    progress.feeds.retain(|feed, _| {
        source.as_ref().is_some_and(|source| feed.split_once('/').is_none_or(|(_, name)| name != source))
    });
    if let Some(source) = source
        && before == progress.feeds.len()
    {
        return Err(Error::usage(format!(
            "nothing is remembered of the source {source}; see `weir state list`"
        )));
    }
    state.store(&progress).map_err(|e| Error::file(&folder.to_string_lossy(), "write the progress in", e))?;
    super::print("forgotten; records that were read before come again\n")
}

/// The streams under a heading. Paths come last, as they may be of any length.
fn table(progress: &Progress) -> String {
    let heading = ["pipeline/source".to_owned(), "bytes".to_owned(), "path".to_owned()];
    let streams = progress.feeds.iter().flat_map(|(feed, streams)| streams.iter().map(move |s| (feed, s)));
    let row = |(feed, stream): (&String, &Stream)| {
        let path = weir_printable::line(&stream.path.to_string_lossy()).into_owned();
        let end = if stream.is_archive_done { " (done)" } else { "" };
        [feed.clone(), bytes(stream).map_or("-".into(), |bytes| bytes.to_string()), path + end]
    };
    let rows: Vec<_> = iter::once(heading).chain(streams.map(row)).collect();
    let width = |i: usize| rows.iter().map(|row| row[i].chars().count()).max().unwrap_or(0);
    let (a, b) = (width(0), width(1));
    rows.iter().map(|[feed, bytes, path]| format!("{feed:a$}  {bytes:>b$}  {path}\n")).collect()
}

/// The bytes of a stream that are done, where they are known: of a store it is remembered which objects are
/// done, and of an archive behind its end that it is.
fn bytes(stream: &Stream) -> Option<u64> {
    let is_known = stream.offset > 0 || !(stream.is_archive_done || stream.listing.is_some());
    is_known.then_some(stream.offset)
}

/// The streams as lines of JSON.
fn lines(progress: &Progress) -> String {
    let mut text = String::new();
    for (feed, streams) in &progress.feeds {
        let (pipeline, source) = feed.split_once('/').unwrap_or(("", feed));
        for stream in streams {
            let line = json!({
                "pipeline": pipeline,
                "source": source,
                "path": stream.path.to_string_lossy(),
                "bytes": bytes(stream),
                "done": stream.is_archive_done,
            });
            text.push_str(&format!("{line}\n"));
        }
    }
    text
}

/// Human lines on a terminal, JSON elsewhere.
fn log() {
    let builder = tracing_subscriber::fmt().with_writer(io::stderr).with_target(false);
    // Where a program that this one is part of logs already, it goes on.
    let _ = match io::stderr().is_terminal() {
        true => builder.without_time().try_init(),
        false => builder.json().flatten_event(true).try_init(),
    };
}

fn signals() -> Result<Receiver<Signal>, Error> {
    let failed = |e: io::Error| Error::failed(format!("can't wait for signals: {e}"));
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2]).map_err(failed)?;
    let (to, from) = unbounded();
    let body = move || {
        let mut is_told = false;
        for signal in signals.forever() {
            let told = match signal {
                SIGHUP => Signal::Reload,
                SIGUSR1 => Signal::Account,
                // Who sends it to each process of a machine means no end of this one.
                SIGUSR2 => continue,
                _ if std::mem::replace(&mut is_told, true) => process::exit(128 + signal),
                _ => Signal::End,
            };
            let _ = to.send(told);
        }
    };
    thread::Builder::new().name("signals".into()).spawn(body).map_err(failed)?;
    Ok(from)
}
