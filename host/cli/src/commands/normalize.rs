//! `weir normalize`.

use std::{
    fs::File,
    io::{self, IsTerminal as _, Read as _},
    path::{Path, PathBuf},
    process::ExitCode,
    str::FromStr,
    sync::Arc,
    thread,
    time::Duration,
};

use clap::ValueEnum;
use weir_normalizer::{Config, Normalizer};

use weir_io::Source;
use weir_pipeline::{Factory, Native, limits::JOBS, summary::Records};
use weir_sandbox::{Program, SandboxLimits, limits::GUEST_FILE};

use crate::{
    Error,
    error::shown,
    run::{self, Job, Sink},
};

use super::{
    choices::Choices,
    targets::{self, Inputs, Target},
};

/// The exit status where there are more rejects than allowed.
const TOO_MANY_REJECTS: u8 = 3;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Files may be compressed with gzip, Zstandard, bzip2 or snappy (framed, or raw blocks), or be zip
archives of up to some 80,000 members; their names don't matter.

Examples:
  weir normalize flow.log.gz > flat.jsonl
  weir normalize --from huawei-vpc --rejects rejects.jsonl --max-rejects 1% - < flow.log")]
pub(super) struct Args {
    /// What to read; `-` is standard input, which is also read where no file is given
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,

    #[command(flatten)]
    choices: Choices,

    /// Write the records there instead of standard output, which is `-`
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Write records that can't be parsed there, with the reason, as JSON lines; `-` is standard
    /// output, where --output names a file for the records
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,

    /// End with status 3 if more records than this, or this share of them, are rejected
    #[arg(long, value_name = "N|N%")]
    max_rejects: Option<MaxRejects>,

    /// How many batches are normalized at a time; all cores without it
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=JOBS as i64))]
    jobs: Option<u32>,

    /// How the account of the run is told on standard error
    #[arg(long, value_name = "FORM", default_value = "human")]
    summary: Form,

    /// Normalize with this WebAssembly guest, of at most 16 MiB, instead of the built-in one
    #[arg(long, value_name = "FILE.wasm", conflicts_with = "native")]
    plugin: Option<PathBuf>,

    /// Normalize without the sandbox, to compare and to debug
    #[arg(long)]
    native: bool,

    /// The memory that a guest may use for each job, in MiB
    #[arg(long, value_name = "MIB", default_value_t = (SandboxLimits::default().memory >> 20) as u16,
          value_parser = clap::value_parser!(u16).range(1..=4096))]
    guest_memory: u16,

    /// The time on a processor that a guest may spend on a batch, in seconds
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

pub(super) fn run(args: Args) -> Result<ExitCode, Error> {
    let config = args.choices.config()?;
    let checked = Normalizer::new(&config)?;
    for warning in checked.warnings() {
        weir_io::say(&format!("weir: warning: {warning}"));
    }
    let sources = sources(&args.files);
    let sizes = sources.iter().map(Source::check).collect::<Result<Vec<_>, _>>()?;
    let target = args.output.as_deref().map_or(Target::Stdout, Target::named);
    let rejects_target = args.rejects.as_deref().map(Target::named);
    refuse_overlap(&args, &sources, &target, rejects_target.as_ref())?;
    let factory = factory(&args, &config)?;

    let (mut output, mut rejects) = targets::open(&target, rejects_target.as_ref())?;
    let output_name = target.name();
    let rejects_name = rejects_target.map_or(String::new(), |target| target.name());
    let output = Sink { name: &output_name, writer: &mut output };
    let rejects = rejects.as_mut().map(|file| Sink { name: &rejects_name, writer: &mut **file });

    // The bar would mix with records that are shown on the same terminal.
    let visible = io::stderr().is_terminal() && (target != Target::Stdout || !io::stdout().is_terminal());
    let total: Option<u64> = sizes.into_iter().sum();
    let jobs = match args.jobs {
        Some(jobs) => jobs as usize,
        None => thread::available_parallelism().map_or(1, usize::from),
    };
    let job = Job { sources, config, factory, jobs, progress: total.filter(|_| visible) };
    let (summary, result) = run::run(job, output, rejects);
    if result.as_ref().is_err_and(Error::is_output_closed) {
        return Ok(ExitCode::SUCCESS);
    }
    let told = match args.summary {
        Form::Human => summary.human(),
        Form::Json => summary.json(),
        Form::None => String::new(),
    };
    if !told.is_empty() {
        weir_io::say(told.trim_end());
    }
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

fn refuse_overlap(
    args: &Args,
    sources: &[Source],
    output: &Target,
    rejects: Option<&Target>,
) -> Result<(), Error> {
    let mut inputs = Inputs::default();
    sources.iter().for_each(|source| inputs.add_source(source));
    args.choices.files()?.iter().chain(&args.plugin).for_each(|path| inputs.add_file(path));
    targets::refuse_overlap(&inputs, output, "--output")?;
    rejects.map_or(Ok(()), |target| targets::refuse_overlap(&inputs, target, "--rejects"))
}

fn factory(args: &Args, config: &Config) -> Result<Arc<dyn Factory>, Error> {
    if args.native {
        return Ok(Arc::new(Native(config.clone())));
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
            let wasm = read_guest(path).map_err(|e| Error::file(&name, "read", e))?;
            if wasm.len() as u64 > GUEST_FILE {
                return Err(Error::failed(format!(
                    "{name}: the guest is larger than {} MiB; strip it of what it does not need",
                    GUEST_FILE >> 20
                )));
            }
            Program::load(&wasm, &name, config, limits)?
        }
    };
    Ok(Arc::new(program))
}

/// Reads at most one byte more than a guest may have.
fn read_guest(path: &Path) -> io::Result<Vec<u8>> {
    let mut wasm = Vec::new();
    File::open(path)?.take(GUEST_FILE + 1).read_to_end(&mut wasm)?;
    Ok(wasm)
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
