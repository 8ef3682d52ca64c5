//! `weir normalize`.

use std::{
    fmt,
    fs::File,
    io::{self, IsTerminal as _, Read as _},
    path::{Path, PathBuf},
    process::ExitCode,
    str::FromStr,
    sync::Arc,
    time::Duration,
};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use weir_columns::{Addresses, Layout, arrow::Stream as ArrowStream, parquet::Parquet};
use weir_io::{Compression, Source};
use weir_normalizer::{Config, Normalizer, record::Field, schemas::Schema};
use weir_pipeline::{
    Factory, Native,
    csv::Rows,
    limits::JOBS,
    packers::{self, Packer, Pretty},
    summary::{Records, Summary, grouped},
};
use weir_sandbox::{Program, SandboxLimits, limits::GUEST_FILE};

use crate::{
    Error,
    error::shown,
    progress::Progress,
    run::{self, Failures, Form, Job, Sink},
    signals,
};

use super::{
    choices::{Choices, Table},
    job::{self, JobArgs},
    stores::{StoreOptions, Stores},
    targets::{self, Inputs, Target},
};

/// The exit status where there are more rejects than allowed.
const TOO_MANY_REJECTS: u8 = 3;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Files may be compressed with gzip, Zstandard, bzip2 or snappy (framed, or raw blocks), or be
zip archives of up to some 80,000 members; their names don't matter.

Of a folder all files are read, and of those in it, in the order of their names, but for
hidden files, links, and what jobs keep in _weir and _rejects. A pattern such as
'exports/**/*.gz' is matched where the shell has left it as it is.

s3://BUCKET/KEY is an object of a store, and with a / at its end, with a pattern, or where no
object has this name, several in the order of their keys; so are oss:// (Alibaba Cloud),
obs:// (Huawei Cloud), bos:// (Baidu AI Cloud), gs:// (Google Cloud) and az:// (Azure).
Credentials are taken from the environment, as the vendors' own tools take them. An object
that is written is there at the end of the run, and not before.

Signals: SIGTERM and SIGINT end the run behind what is there to be read, with its account, and
status 0, or 128 and the signal where a file was not read to its end; a second one ends it at
once. SIGUSR1 prints the account. SIGHUP reopens the files of --output and --rejects, where
there are any, but for a table, which is one file.

Examples:
  weir normalize flow.log.gz > flat.jsonl
  weir normalize --limit 3 --pretty flow.log.gz
  weir normalize logs/ 'exports/**/*.gz' -o flat.jsonl.zst
  weir normalize obs://bucket/LogTanks/ --region cn-north-4 -o flat.jsonl.zst
  weir normalize logs/ --to parquet --partition provider,date --output lake/
  weir normalize --rejects rejects.jsonl --max-rejects 1% flow.log > flat.jsonl")]
pub(super) struct Args {
    /// What to read: files, folders, patterns in quotes, and objects such as s3://bucket/prefix/; `-` is
    /// standard input, which is also read where nothing is given
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::AnyPath)]
    pub(super) files: Vec<PathBuf>,

    #[command(flatten)]
    pub(super) choices: Choices,

    /// Write the records there instead of standard output, which is `-`: into a file or an object;
    /// compressed where the name ends in .gz or .zst, as rows where it ends in .csv before that. A folder,
    /// or a name that ends in `/`, makes it a job
    #[arg(long, short, value_name = "FILE|FOLDER/")]
    output: Option<PathBuf>,

    /// Write records that can't be parsed there, with the reason, as JSON lines; `-` is standard
    /// output, where --output names a file for the records
    #[arg(long, value_name = "FILE")]
    pub(super) rejects: Option<PathBuf>,

    /// End with status 3 if more records than this, or this share of them, are rejected; without it,
    /// if all are
    #[arg(long, value_name = "N|N%")]
    max_rejects: Option<MaxRejects>,

    /// End at the first input that is missing or damaged; without it that is told, the others are read,
    /// and the exit status is 1
    #[arg(long)]
    fail_fast: bool,

    /// End behind so many inputs that are missing or damaged; without it they end nothing
    #[arg(long, value_name = "N", conflicts_with = "fail_fast")]
    max_failed: Option<u64>,

    /// Tell of each record which input it is from, in `log_file`, and at which offset of that its text begins,
    /// in `log_offset`
    ///
    /// The name is the one that rejects have: a file's path as it was given or found, an object's address,
    /// an archive with its member, `<stdin>`. The offset counts bytes of what was decompressed;
    /// records of one text have the same. It takes longer, as records are not copied then.
    #[arg(long)]
    source_name: bool,

    /// Write at most so many records, and read nothing behind the last of them
    ///
    /// The account has what was read up to there. It takes one job, whatever --jobs says.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) limit: Option<u64>,

    /// Write records as indented JSON for people, not a line each
    #[arg(long)]
    pub(super) pretty: bool,

    /// How addresses stand in the columns of Parquet and Arrow: as text, or as 16 bytes with IPv4 mapped
    /// into IPv6
    #[arg(long, value_name = "FORM")]
    pub(super) addresses: Option<AddressForm>,

    /// Write bloom filters for the columns of these fields in Parquet: a search for one value leaves out the
    /// groups of rows that have it not
    #[arg(long, value_name = "FIELD,..", value_delimiter = ',', value_parser = field())]
    bloom_filter: Vec<Field>,

    /// How many batches are normalized at a time; all cores without it
    #[arg(long, short, value_name = "N", env = "WEIR_JOBS",
          value_parser = clap::value_parser!(u32).range(1..=JOBS as i64))]
    jobs: Option<u32>,

    /// How the account of the run is told on standard error
    #[arg(long, value_name = "FORM", default_value = "human", env = "WEIR_SUMMARY")]
    pub(super) summary: Form,

    /// Tell the account also while the run goes on, every so often, such as 60s or 5m
    #[arg(long, value_name = "TIME", value_parser = interval)]
    pub(super) summary_every: Option<Duration>,

    /// Print only errors on standard error: no account, no rejects, no warnings, no progress
    #[arg(long, short, conflicts_with_all = ["verbose", "summary_every"])]
    pub(super) quiet: bool,

    /// Print each input on standard error when it is begun, and how it is compressed
    #[arg(long, short)]
    pub(super) verbose: bool,

    /// Normalize with this WebAssembly guest, of at most 16 MiB, instead of the built-in one
    #[arg(long, value_name = "FILE.wasm", conflicts_with = "native")]
    pub(super) plugin: Option<PathBuf>,

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

    #[command(flatten)]
    pub(super) job: JobArgs,

    #[command(flatten)]
    pub(super) stores: StoreOptions,
}

impl Args {
    /// How many threads normalize.
    pub(super) fn jobs(&self) -> usize {
        super::threads(self.jobs)
    }

    /// What framing and normalizing depend on.
    pub(super) fn config(&self) -> Result<Config, Error> {
        Ok(Config { source_name: self.source_name, ..self.choices.config()? })
    }

    /// The columns of tables of flat records.
    pub(super) fn layout(&self) -> Layout {
        Layout::new(self.addresses.unwrap_or_default().into(), &[]).with_bloom_filters(&self.bloom_filter)
    }

    /// Refuses what only some tables have.
    pub(super) fn refuse_options_of_tables(&self, table: Option<Table>) -> Result<(), Error> {
        let has_types = matches!(table, Some(Table::Parquet | Table::Arrow));
        if self.addresses.is_some() && !has_types {
            return Err(Error::usage(
                "--addresses: only the columns of --to parquet and --to arrow have types",
            ));
        }
        if !self.bloom_filter.is_empty() && table != Some(Table::Parquet) {
            return Err(Error::usage("--bloom-filter: only the columns of --to parquet have such filters"));
        }
        Ok(())
    }

    /// How many inputs may fail.
    pub(super) fn failures(&self) -> Failures {
        match self.max_failed {
            _ if self.fail_fast => Failures::at_most(0),
            most => most.map_or_else(Failures::default, Failures::at_most),
        }
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let wrong = || "give seconds between 0.01 and 3600, such as 0.5".to_owned();
    let seconds: f64 = text.parse().map_err(|_| wrong())?;
    match (0.01..=3600.0).contains(&seconds) {
        true => Ok(Duration::from_secs_f64(seconds)),
        false => Err(wrong()),
    }
}

/// A time between two accounts.
fn interval(text: &str) -> Result<Duration, String> {
    let time = text.parse().ok().and_then(|time: jiff::SignedDuration| Duration::try_from(time).ok());
    time.filter(|time| !time.is_zero()).ok_or_else(|| "give a time with its unit, such as 60s or 5m".into())
}

/// A field that has a column.
fn field() -> impl TypedValueParser<Value = Field> {
    PossibleValuesParser::new(Field::ALL.iter().map(|field| field.key()))
        .try_map(|key| Field::by_key(&key).ok_or_else(|| format!("no field is called {key}")))
}

/// How addresses stand in columns.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
pub(super) enum AddressForm {
    #[default]
    Text,
    Binary,
}

impl From<AddressForm> for Addresses {
    fn from(form: AddressForm) -> Self {
        match form {
            AddressForm::Text => Self::Text,
            AddressForm::Binary => Self::Binary,
        }
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

impl fmt::Display for MaxRejects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Records(most) => write!(f, "{most}"),
            Self::Percent(most) => write!(f, "{most}%"),
        }
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

/// What is to be said where there are more rejects than allowed. `kept` is the file or the folder that has them.
fn excess(most: Option<MaxRejects>, summary: &Summary, kept: Option<&str>) -> Option<String> {
    let Records { r#in, rejected, .. } = summary.records;
    let why = match kept {
        Some(kept) => format!("{kept} has them with their reasons"),
        None => "--rejects FILE keeps them with their reasons".into(),
    };
    match most {
        Some(most) if most.is_exceeded(&summary.records) => Some(format!(
            "{} of {} records were rejected, more than --max-rejects {most} allows; {why}, and `weir explain FILE` \
             shows where",
            grouped(rejected),
            grouped(r#in)
        )),
        None if rejected > 0 && rejected == r#in => Some(format!(
            "no record could be read, all {} were rejected; {why}, `weir explain FILE` shows where, --from names a \
             product that is not detected, and --max-rejects 100% lets it pass",
            grouped(rejected)
        )),
        _ => None,
    }
}

/// The inputs that are there.
struct Present {
    sources: Vec<Source>,
    /// The bytes in them, where all are files.
    total: Option<u64>,
    /// How many are not there, which was told.
    missing: u64,
}

/// Looks for the inputs. What is wrong with some is told, unless nothing is left or the first one is to
/// end the run.
fn present(named: Vec<Result<Source, Error>>, fail_fast: bool) -> Result<Present, Error> {
    let mut present = Present { sources: Vec::new(), total: Some(0), missing: 0 };
    let mut missing = Vec::new();
    for source in named {
        match source.and_then(|source| Ok((source.check()?, source))) {
            Ok((size, source)) => {
                present.total = present.total.zip(size).map(|(total, size)| total + size);
                present.sources.push(source);
            }
            // What is wrong with the command line is no matter of one input.
            Err(error) if fail_fast || error.is_usage() => return Err(error),
            Err(error) => missing.push(error),
        }
    }
    present.missing = missing.len() as u64;
    let last = if present.sources.is_empty() { missing.pop() } else { None };
    missing.iter().for_each(|error| weir_io::say(&format!("weir: {error}")));
    match last {
        Some(error) => Err(error),
        None => Ok(present),
    }
}

pub(super) fn run(mut args: Args) -> Result<ExitCode, Error> {
    if args.quiet {
        args.summary = Form::None;
    }
    if let Some(output) = args.output.clone().filter(|output| job::is_folder(output)) {
        return job::run(&args, &output);
    }
    if let Some(option) = args.job.given() {
        return Err(Error::usage(format!(
            "{option}: only a job has this, whose --output is a folder; end its name in `/`"
        )));
    }
    let config = args.config()?;
    let packer = packer(&args, config.to)?;
    let checked = Normalizer::new(&config)?;
    for warning in checked.warnings().iter().filter(|_| !args.quiet) {
        weir_io::say(&format!("weir: warning: {warning}"));
    }
    let stores = Stores::new(&args.stores);
    let target = args.output.as_deref().map_or(Ok(Target::Stdout), |path| Target::of(path, &stores))?;
    let rejects_target = args.rejects.as_deref().map(|path| Target::of(path, &stores)).transpose()?;
    refuse_filter(&args.files)?;
    if args.files.is_empty() {
        target.refuse_forgotten("--output")?;
        rejects_target.as_ref().map_or(Ok(()), |target| target.refuse_forgotten("--rejects"))?;
    }
    let Present { sources, total, missing } = present(named(&args.files, &stores), args.fail_fast)?;
    target.check()?;
    rejects_target.as_ref().map_or(Ok(()), Target::check)?;
    refuse_overlap(&args, &sources, &target, rejects_target.as_ref())?;
    let factory = factory(&args, &config)?;

    let can_reopen = [Some(&target), rejects_target.as_ref()].into_iter().flatten().any(Target::can_reopen);
    let signals = signals::listen(can_reopen)?;
    stores.heed(signals.stop.clone());
    let (mut output, mut rejects) = targets::open(&target, rejects_target.as_ref())?;
    let output_name = target.name();
    let rejects_name = rejects_target.map_or(String::new(), |target| target.name());
    let output = Sink { name: &output_name, writer: &mut *output };
    let rejects = rejects.as_mut().map(|file| Sink { name: &rejects_name, writer: &mut **file });

    if !args.quiet && sources.iter().any(|source| matches!(source, Source::Stdin)) {
        super::say_who_waits("name a file");
    }
    // The bar would mix with records that are shown on the same terminal.
    let visible =
        !args.quiet && io::stderr().is_terminal() && (!target.is_stdout() || !io::stdout().is_terminal());
    let progress = total.filter(|_| visible).map_or_else(Progress::none, Progress::bar);
    let job = Job {
        jobs: args.jobs(),
        failures: args.failures().with(missing)?,
        limit: args.limit,
        packer,
        quiet: args.quiet,
        verbose: args.verbose,
        stop: signals.stop.clone(),
        words: signals.words.clone(),
        form: args.summary,
        every: args.summary_every,
        progress,
        ..Job::new(sources, config, factory)
    };
    let (mut summary, result) = run::run(job, output, rejects);
    summary.inputs.r#in += missing;
    summary.inputs.failed += missing;
    if result.as_ref().is_err_and(Error::is_output_closed) {
        return Ok(ExitCode::SUCCESS);
    }
    let kept = args.rejects.as_deref().map(shown);
    conclude(&args, kept.as_deref(), &summary, result, &signals)
}

/// Tells what a run or a job has done, and how it ends. `kept` is what has the rejects.
pub(super) fn conclude(
    args: &Args,
    kept: Option<&str>,
    summary: &Summary,
    result: Result<(), Error>,
    signals: &signals::Told,
) -> Result<ExitCode, Error> {
    let told = args.summary.tell(summary);
    if !told.is_empty() {
        weir_io::say(&told);
    }
    if let Some(signal) = signals.end()
        && let Err(error) = &result
        && error.is_unfinished()
    {
        weir_io::say(&format!("weir: {}: {error}", signals::name(signal)));
        return Ok(ExitCode::from(signals::status(signal)));
    }
    result?;
    if args.summary == Form::Human
        && let Some(limit) = args.limit.filter(|limit| summary.records.normalized >= *limit)
    {
        weir_io::say(&format!("--limit {limit} is reached; what follows was not read"));
    }
    let excess = excess(args.max_rejects, summary, kept);
    if let Some(excess) = &excess {
        weir_io::say(&format!("weir: {excess}"));
    } else if let (Form::Human, Some(kept), None) = (args.summary, kept, &args.rejects)
        && summary.records.rejected > 0
    {
        // Who named a file knows.
        weir_io::say(&format!("{kept} has the rejects with their reasons"));
    }
    match summary.inputs.failed {
        0 if excess.is_some() => Ok(ExitCode::from(TOO_MANY_REJECTS)),
        0 => Ok(ExitCode::SUCCESS),
        // The one was told.
        1 if summary.inputs.r#in == 1 => Ok(ExitCode::FAILURE),
        failed => Err(Error::failed(format!(
            "{} of {} inputs could not be read to their end, as told above; the others are done",
            grouped(failed),
            grouped(summary.inputs.r#in)
        ))),
    }
}

/// What writes records of a schema as the options ask.
fn packer(args: &Args, schema: Schema) -> Result<Box<dyn Packer>, Error> {
    let table = args.choices.table(args.output.as_deref())?;
    args.refuse_options_of_tables(table)?;
    let Some(table) = table else {
        let packer = packers::of(schema);
        return Ok(if args.pretty { Box::new(Pretty::new(packer)) } else { packer });
    };
    let name = table.name();
    if args.pretty {
        return Err(Error::usage(format!(
            "--pretty: a table can't be indented; leave it out, or choose another --to than {name}"
        )));
    }
    let layout = args.layout();
    let packer: Box<dyn Packer> = match table {
        Table::Csv => return Ok(Box::new(Rows::default())),
        Table::Parquet => Box::new(Parquet::new(&layout)),
        Table::OcsfParquet => Box::new(Parquet::ocsf()),
        Table::Arrow => Box::new(ArrowStream::new(&layout)),
    };
    let output = args.output.as_deref().map_or(Target::Stdout, Target::named);
    if output.is_stdout() && io::stdout().is_terminal() {
        return Err(Error::usage(format!(
            "--to {name}: that is no text for a terminal; name a file by --output"
        )));
    }
    if let (true, Target::File(path)) = (table.is_parquet(), &output)
        && Compression::of(path).is_ok_and(|compression| compression != Compression::None)
    {
        return Err(Error::usage(format!(
            "{}: Parquet is compressed inside, and read by nobody through another compression; name a file \
             that ends in .parquet",
            shown(path)
        )));
    }
    Ok(packer)
}

/// What is to be read, or why some of it can't be.
fn named(files: &[PathBuf], stores: &Stores) -> Vec<Result<Source, Error>> {
    if files.is_empty() {
        return vec![Ok(Source::Stdin)];
    }
    files.iter().flat_map(|path| stores.named(path)).collect()
}

/// Refuses a filter, or a part of one, among the inputs.
pub(super) fn refuse_filter(files: &[PathBuf]) -> Result<(), Error> {
    const SIGNS: [&str; 9] = ["==", "!=", "<", "<=", ">", ">=", "=", "&&", "||"];
    let is_joint = |word: &&str| matches!(*word, "and" | "or" | "not" | "exists" | "&&" | "||" | "!");
    let is_field = |text: &str| {
        let text = text.trim_start_matches(['(', '!']);
        let key =
            text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).map_or(text, |end| &text[..end]);
        Field::by_key(key).is_some() || text.starts_with("extra.")
    };
    let is_of_filter = |text: &str| {
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let behind = words.iter().position(|word| !is_joint(word)).unwrap_or(words.len());
        match &words[behind..] {
            // Blanks make no part of a filter that a shell has taken apart.
            [] => !words.is_empty(),
            [one] if behind == 0 => SIGNS.contains(one) || is_field(one) && one.contains(['=', '<', '>']),
            [first, rest @ ..] => {
                let goes_on =
                    rest.first().is_some_and(|word| matches!(*word, "not" | "in" | "contains" | "matches"));
                is_field(first) && (behind > 0 || goes_on) || rest.iter().any(|word| SIGNS.contains(word))
            }
        }
    };
    let is_missing = |path: &Path| std::fs::symlink_metadata(path).is_err();
    let mut texts = files.iter().filter_map(|path| path.to_str().filter(|_| is_missing(path)));
    match texts.find(|text| is_of_filter(text)) {
        Some(text) => Err(Error::usage(format!(
            "{}: there is no such file; a filter is --where, and all of it stands in quotes: --where 'action == \
             reject'",
            weir_printable::line(text)
        ))),
        None => Ok(()),
    }
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

pub(super) fn factory(args: &Args, config: &Config) -> Result<Arc<dyn Factory>, Error> {
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
        Some(path) => Program::load(&read_guest(path)?, &shown(path), config, limits)?,
    };
    Ok(Arc::new(program))
}

/// Reads a guest.
pub(super) fn read_guest(path: &Path) -> Result<Vec<u8>, Error> {
    let name = shown(path);
    let mut wasm = Vec::new();
    File::open(path)
        .and_then(|file| file.take(GUEST_FILE + 1).read_to_end(&mut wasm))
        .map_err(|e| Error::file(&name, "read", e))?;
    if wasm.len() as u64 > GUEST_FILE {
        return Err(Error::failed(format!(
            "{name}: the guest is larger than {} MiB; strip it of what it does not need",
            GUEST_FILE >> 20
        )));
    }
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
