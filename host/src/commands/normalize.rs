//! `weir normalize`.

use std::{
    fs::{self, File},
    io::{self, IsTerminal as _, Write},
    os::fd::AsFd,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::ExitCode,
    str::FromStr,
    sync::Arc,
    thread,
    time::Duration,
};

use clap::ValueEnum;
use weir_normalizer::{Config, Normalizer, schemas::Schema};

use crate::{
    engine::{Factory, guest::Program},
    error::{Error, shown},
    input::Source,
    limits::{self, SandboxLimits},
    otel::LogsData,
    pipeline::{self, Job, Sink},
    summary::Records,
};

use super::choices::Choices;

/// The exit status where there are more rejects than allowed.
const TOO_MANY_REJECTS: u8 = 3;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Files may be compressed with gzip, Zstandard, bzip2 or snappy (framed), or be zip archives;
their names don't matter.

Examples:
  weir normalize flow.log.gz > flat.jsonl
  weir normalize --from huawei-vpc --rejects rejects.jsonl --max-rejects 1% - < flow.log")]
pub(super) struct Args {
    /// What to read; `-` is standard input, which is also read where no file is given
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,

    #[command(flatten)]
    choices: Choices,

    /// Write the records there instead of standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Write records that can't be parsed there, with the reason, as JSON lines
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,

    /// End with status 3 if more records than this, or this share of them, are rejected
    #[arg(long, value_name = "N|N%")]
    max_rejects: Option<MaxRejects>,

    /// How many batches are normalized at a time; all cores without it
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=limits::JOBS as i64))]
    jobs: Option<u32>,

    /// How the account of the run is told on standard error
    #[arg(long, value_name = "FORM", default_value = "human")]
    summary: Form,

    /// Normalize with this WebAssembly guest instead of the built-in one
    #[arg(long, value_name = "FILE.wasm", conflicts_with = "native")]
    plugin: Option<PathBuf>,

    /// Normalize without the sandbox, to compare and to debug
    #[arg(long)]
    native: bool,

    /// The memory that a guest may use for each job, in MiB
    #[arg(long, value_name = "MIB", default_value_t = (SandboxLimits::default().memory >> 20) as u16,
          value_parser = clap::value_parser!(u16).range(1..=4096))]
    guest_memory: u16,

    /// The time that a guest may spend on a batch, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    guest_deadline: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// Some lines for people
    Human,
    /// One line of JSON
    Json,
    /// Nothing
    None,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let wrong = || "give seconds between 0.01 and 3600, such as 0.5".to_owned();
    let seconds: f64 = text.parse().map_err(|_| wrong())?;
    match (0.01..=3600.0).contains(&seconds) {
        true => Ok(Duration::from_secs_f64(seconds)),
        false => Err(wrong()),
    }
}

/// How many rejects are fine.
#[derive(Clone, Copy, Debug, PartialEq)]
enum MaxRejects {
    Records(u64),
    Percent(f64),
}

impl FromStr for MaxRejects {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = match text.strip_suffix('%') {
            Some(percent) => percent.parse().ok().filter(|p| (0.0..=100.0).contains(p)).map(Self::Percent),
            None => text.parse().ok().map(Self::Records),
        };
        parsed.ok_or_else(|| "give a number of records, such as 100, or a share of them, such as 0.5%".into())
    }
}

impl MaxRejects {
    fn is_exceeded(self, records: &Records) -> bool {
        match self {
            Self::Records(most) => records.rejected > most,
            Self::Percent(most) => records.rejected as f64 * 100.0 > most * records.r#in as f64,
        }
    }
}

pub(super) fn run(mut args: Args) -> Result<ExitCode, Error> {
    // As for inputs, `-` is no file's name.
    args.output = args.output.filter(|path| path.as_os_str() != "-");
    let config = args.choices.config()?;
    let checked = Normalizer::new(&config).map_err(|e| Error::usage(e.to_string()))?;
    for warning in checked.warnings() {
        eprintln!("weir: warning: {warning}");
    }
    let sources = sources(&args.files);
    let sizes = sources.iter().map(Source::check).collect::<Result<Vec<_>, _>>()?;
    refuse_overlap(&args, &sources)?;
    let factory = factory(&args, &config)?;

    let mut output: Box<dyn Write> = match &args.output {
        Some(path) => Box::new(create(path)?),
        None => Box::new(io::stdout().lock()),
    };
    let mut rejects = args.rejects.as_deref().map(create).transpose()?;
    let output_name = args.output.as_deref().map_or("standard output".into(), shown);
    let rejects_name = args.rejects.as_deref().map_or(String::new(), shown);
    let mut joined = None;
    let writer: &mut dyn Write = match config.to {
        Schema::Otel => joined.insert(LogsData::new(output)),
        _ => &mut output,
    };
    let output = Sink { name: &output_name, writer };
    let rejects = rejects.as_mut().map(|file| Sink { name: &rejects_name, writer: file as &mut dyn Write });

    // The bar would mix with records that are shown on the same terminal.
    let visible = io::stderr().is_terminal() && (args.output.is_some() || !io::stdout().is_terminal());
    let total: Option<u64> = sizes.into_iter().sum();
    let jobs = match args.jobs {
        Some(jobs) => jobs as usize,
        None => thread::available_parallelism().map_or(1, usize::from),
    };
    let job = Job { sources, config, factory, jobs, progress: total.filter(|_| visible) };
    let (summary, mut result) = pipeline::run(job, output, rejects);
    if let Some(joined) = joined
        && !result.as_ref().is_err_and(Error::is_output_closed)
    {
        let finished = joined.finish().map_err(|e| Error::output(&output_name, &e));
        result = result.and(finished);
    }
    if result.as_ref().is_err_and(Error::is_output_closed) {
        return Ok(ExitCode::SUCCESS);
    }
    let told = match args.summary {
        Form::Human => summary.human(),
        Form::Json => summary.json() + "\n",
        Form::None => String::new(),
    };
    // Nobody can be told that standard error is closed.
    let _ = io::stderr().write_all(told.as_bytes());
    result?;
    match args.max_rejects {
        Some(most) if most.is_exceeded(&summary.records) => Ok(ExitCode::from(TOO_MANY_REJECTS)),
        _ => Ok(ExitCode::SUCCESS),
    }
}

fn sources(files: &[PathBuf]) -> Vec<Source> {
    if files.is_empty() {
        return vec![Source::Stdin];
    }
    let source = |path: &PathBuf| match path.to_str() {
        Some("-") => Source::Stdin,
        _ => Source::File(path.clone()),
    };
    files.iter().map(source).collect()
}

/// What a file is, whatever it is called; nothing for what is no regular file.
fn identity(metadata: io::Result<fs::Metadata>) -> Option<(u64, u64)> {
    metadata.ok().filter(fs::Metadata::is_file).map(|m| (m.dev(), m.ino()))
}

/// What stands behind standard input or output.
fn behind(stream: impl AsFd) -> Option<(u64, u64)> {
    identity(stream.as_fd().try_clone_to_owned().map(File::from).and_then(|f| f.metadata()))
}

/// An output that is also an input, or the other output, would be emptied before it is read,
/// or feed itself.
fn refuse_overlap(args: &Args, sources: &[Source]) -> Result<(), Error> {
    let inputs: Vec<_> = sources
        .iter()
        .filter_map(|source| match source {
            Source::Stdin => behind(io::stdin()),
            Source::File(path) => identity(fs::metadata(path)),
        })
        .collect();
    let output = match &args.output {
        Some(path) => ("--output", shown(path), identity(fs::metadata(path))),
        None => ("standard output", "standard output".into(), behind(io::stdout())),
    };
    let rejects = args.rejects.as_ref().map(|path| ("--rejects", shown(path), identity(fs::metadata(path))));
    for (option, name, found) in [Some(&output), rejects.as_ref()].into_iter().flatten() {
        if found.is_some_and(|f| inputs.contains(&f)) {
            return Err(Error::usage(format!(
                "{name}: this is an input, so {option} can't be written there; choose another file"
            )));
        }
    }
    let same_name = args.output.is_some() && args.output == args.rejects;
    let same_file = |r: &(&str, String, Option<(u64, u64)>)| r.2.is_some() && r.2 == output.2;
    if same_name || rejects.as_ref().is_some_and(same_file) {
        return Err(Error::usage(format!(
            "{}: the records and the rejects go to the same file; choose two",
            output.1
        )));
    }
    Ok(())
}

fn factory(args: &Args, config: &Config) -> Result<Factory, Error> {
    if args.native {
        return Ok(Factory::Native(Box::new(config.clone())));
    }
    let limits = SandboxLimits {
        memory: usize::from(args.guest_memory) << 20,
        deadline: args.guest_deadline,
        ..SandboxLimits::default()
    };
    let program = match &args.plugin {
        None => Program::built_in(config, limits)?,
        Some(path) => {
            let name = shown(path);
            let wasm = fs::read(path).map_err(|e| Error::file(&name, "read", &e))?;
            Program::load(&wasm, &name, config, limits)?
        }
    };
    Ok(Factory::Guest(Arc::new(program)))
}

fn create(path: &Path) -> Result<File, Error> {
    File::create(path).map_err(|e| Error::file(&shown(path), "create", &e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn max_rejects_is_a_number_or_a_share() {
        let records = |rejected| Records { r#in: 200, rejected, ..Records::default() };
        for (text, fine, too_many) in
            [("0", 0, 1), ("7", 7, 8), ("0%", 0, 1), ("0.5%", 1, 2), ("100%", 200, 201)]
        {
            let most: MaxRejects = text.parse().unwrap();
            assert!(!most.is_exceeded(&records(fine)), "{text}");
            assert!(most.is_exceeded(&records(too_many)), "{text}");
        }
        for text in ["", "%", "-1", "1.5", "101%", "NaN%", "x"] {
            assert!(text.parse::<MaxRejects>().is_err(), "{text}");
        }
    }
}
