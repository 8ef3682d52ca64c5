//! `weir normalize` where `--output` is a folder: a job, in as many pieces as its plan has.

use std::{fmt::Write as _, path::Path, process::ExitCode, time::SystemTime};

use serde_json::{Value, json};
use weir_io::Compression;
use weir_lake::{
    Format, Key, Lake, Partitioning, Plan, Share, format::Shape, limits::SHARD, paths::REJECTS, plan::Options,
};
use weir_normalizer::{Config, Normalizer, record::Field, schemas::Schema};
use weir_pipeline::summary::{counted, grouped};
use weir_printable::line;
use weir_store::Address;

use crate::{Error, inputs, progress::Progress, run::Form, shards::Shards, signals};

use super::{
    choices::Table,
    normalize::{self, Args},
    stores::Stores,
};

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Jobs, whose --output is a folder")]
pub(super) struct JobArgs {
    /// Put records apart into folders as Hive names them, such as
    /// `provider=aws/product=vpc/date=2026-01-31/`: by any of provider, product, region, accountId, date,
    /// eventDay, class_uid, and NAME=VALUE for a folder that is the same for all
    ///
    /// The date is the day of the record's time in UTC: its start, else its end, else its envelope's; eventDay
    /// is the same day without hyphens. Amazon Security Lake asks for
    /// `--to ocsf-parquet --partition region=eu-central-1,accountId,eventDay`: each class of events has a folder
    /// around these, class_uid=4001, which is what a custom source is given.
    #[arg(long, value_name = "KEY,..")]
    partition: Option<Partitioning>,

    /// How the files are compressed: none, gzip or zstd; zstd without it
    #[arg(long, value_name = "HOW", value_parser = compression)]
    compression: Option<Compression>,

    /// Do only every Nth shard of the plan, from the Ith on, counted from 0: `3/16` is one of 16 pieces
    /// that others do elsewhere, in any order
    #[arg(long, value_name = "I/N")]
    shard: Option<Share>,

    /// The bytes of inputs in a shard of several, in MiB; 256 without it
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u32).range(1..))]
    shard_size: Option<u32>,

    /// Leave out the shards that are done, as their manifests and files show
    #[arg(long)]
    resume: bool,

    /// Print the plan, as --summary says, and do nothing
    #[arg(long)]
    dry_run: bool,
}

fn compression(text: &str) -> Result<Compression, String> {
    let known = Compression::ALL.iter().find(|(name, _)| *name == text);
    known.map(|(_, compression)| *compression).ok_or_else(|| "known are none, gzip and zstd".into())
}

impl JobArgs {
    /// The first option that only a job has.
    pub(super) fn given(&self) -> Option<&'static str> {
        [
            ("--partition", self.partition.is_some()),
            ("--compression", self.compression.is_some()),
            ("--shard", self.shard.is_some()),
            ("--shard-size", self.shard_size.is_some()),
            ("--resume", self.resume),
            ("--dry-run", self.dry_run),
        ]
        .into_iter()
        .find_map(|(name, is_given)| is_given.then_some(name))
    }
}

/// Whether an output is a folder.
pub(super) fn is_folder(output: &Path) -> bool {
    output.to_str().is_some_and(|text| text.ends_with('/')) || output.is_dir()
}

/// What is asked for.
struct Asked {
    lake: Lake,
    plan: Plan,
    config: Config,
    format: Format,
    partitioning: Partitioning,
    share: Share,
}

impl Asked {
    fn of(args: &Args, output: &Path, stores: &Stores) -> Result<Self, Error> {
        for (option, is_given, why) in [
            ("--limit", args.limit.is_some(), "it reads all of its inputs"),
            ("--pretty", args.pretty, "its files are for programs"),
            ("--rejects", args.rejects.is_some(), "its rejects go to _rejects/ in that folder"),
        ] {
            if is_given {
                return Err(Error::usage(format!(
                    "{option}: this is a job, as --output is a folder; {why}. Leave the option out, or name a \
                     file"
                )));
            }
        }
        let Some(output) = output.to_str() else {
            return Err(Error::usage("--output: the name of a job's folder has to be UTF-8"));
        };
        let mut config = args.config()?;
        let format = format(args, config.to)?;
        let mut partitioning = args.job.partition.clone().unwrap_or_default();
        partitioning.keys().iter().try_for_each(|key| refuse_key(key, format))?;
        if format.shape == Shape::OcsfParquet {
            partitioning = partitioning.below(Key::ClassUid);
        }
        let address = Address::parse(output)?.into_folder();
        let listed = inputs::list(&args.files, stores)?;
        inputs::refuse_overlap(&args.files, &listed, &address)?;
        if config.to != Schema::Flat && args.choices.observed_at().is_none() {
            // It must be the same when the job is repeated.
            config.observed_at_ms = Some(newest(listed.iter().map(|listed| listed.modified)));
        }
        let size = args.job.shard_size.map_or(SHARD, |mib| u64::from(mib) << 20);
        let guest = match &args.plugin {
            Some(path) => Some(weir_lake::sha256(&normalize::read_guest(path)?)),
            None => None,
        };
        let options = options(&config, format, &partitioning, guest);
        let plan = Plan::new(listed.into_iter().map(|listed| listed.input).collect(), options, size)?;
        let lake = Lake::new(stores.open(&address)?);
        Ok(Self { lake, plan, config, format, partitioning, share: args.job.shard.unwrap_or(Share::ALL) })
    }

    /// What is to be said where its share has nothing to do.
    fn no_shard(&self) -> Option<String> {
        let Share { index, of } = self.share;
        (index >= self.plan.shards().len()).then(|| {
            let shards = counted(self.plan.shards().len() as u64, "shard");
            format!("--shard {index}/{of}: the plan has {shards}, so that there is none for this piece")
        })
    }

    fn form(&self) -> String {
        let keys: Vec<_> = self.partitioning.keys().iter().map(Key::to_string).collect();
        let by = if keys.is_empty() { String::new() } else { format!(" by {}", keys.join(", ")) };
        format!("{}{by}", self.format.name())
    }
}

/// Refuses what files of this format can't be put apart by.
fn refuse_key(key: &Key, format: Format) -> Result<(), Error> {
    match format.refuses(key) {
        Some(why) => Err(Error::usage(format!("--partition {key}: {why}"))),
        None => Ok(()),
    }
}

/// What the files are.
fn format(args: &Args, schema: Schema) -> Result<Format, Error> {
    let table = args.choices.table(None)?;
    args.refuse_options_of_tables(table)?;
    let shape = match table {
        None => Shape::Lines(schema),
        Some(Table::Csv) => Shape::Csv,
        Some(Table::Parquet) => Shape::Parquet(args.layout()),
        Some(Table::OcsfParquet) => Shape::OcsfParquet,
        Some(Table::Arrow) => {
            return Err(Error::usage(
                "--to arrow: that is a stream and no file of a table; choose --to parquet, or name a file",
            ));
        }
    };
    let format = Format { shape, compression: Compression::None };
    if !format.is_parquet() {
        return Ok(Format { compression: args.job.compression.unwrap_or(Compression::Zstd), ..format });
    }
    match args.job.compression {
        Some(_) => Err(Error::usage("--compression: Parquet is compressed inside; leave it out")),
        None => Ok(format),
    }
}

fn newest(times: impl Iterator<Item = SystemTime>) -> u64 {
    let newest = times.max().and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
    newest.map_or(0, |time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

/// What objects depend on besides the inputs.
fn options(config: &Config, format: Format, keys: &Partitioning, guest: Option<String>) -> Options {
    let mut options = Options::new();
    if let Ok(Value::Object(members)) = serde_json::to_value(config) {
        options.extend(members.into_iter().filter(|(_, value)| *value != Value::Bool(false)));
    }
    // Lists may be long.
    if let Some(Value::Object(lists)) = options.get_mut("lists") {
        for list in lists.values_mut() {
            *list = json!(format!("sha256 {}", weir_lake::sha256(list.to_string().as_bytes())));
        }
    }
    options.insert("to".into(), json!(format.name()));
    if let Shape::Parquet(layout) = format.shape {
        options.insert("addresses".into(), json!(format!("{:?}", layout.addresses()).to_lowercase()));
        let filtered: Vec<_> = layout.bloom_filters().map(Field::key).collect();
        if !filtered.is_empty() {
            options.insert("bloom_filter".into(), json!(filtered));
        }
    } else {
        options.insert("compression".into(), json!(format.compression.name()));
    }
    if !keys.keys().is_empty() {
        options.insert("partition".into(), keys.keys().iter().map(Key::to_string).collect());
    }
    if let Some(guest) = guest {
        options.insert("plugin".into(), json!(format!("sha256 {guest}")));
    }
    options
}

pub(super) fn run(args: &Args, output: &Path) -> Result<ExitCode, Error> {
    let stores = Stores::new(&args.stores);
    normalize::refuse_filter(&args.files)?;
    let asked = Asked::of(args, output, &stores)?;
    let Asked { lake, plan, .. } = &asked;
    let state = lake.check(plan)?;
    if args.job.dry_run {
        return print_plan(&asked, args);
    }
    let checked = Normalizer::new(&asked.config)?;
    for warning in checked.warnings().iter().filter(|_| !args.quiet) {
        weir_io::say(&format!("weir: warning: {warning}"));
    }
    let factory = normalize::factory(args, &asked.config)?;
    let signals = signals::listen(false)?;
    stores.heed(signals.stop.clone());
    if state == weir_lake::State::New {
        lake.begin(plan)?;
    }
    let todo: Vec<_> = asked.share.shards(plan).collect();
    if let Some(told) = asked.no_shard().filter(|_| !args.quiet) {
        weir_io::say(&format!("weir: {told}"));
    }
    let total = todo.iter().map(|shard| plan.shards()[*shard].size).sum();
    let is_visible = !args.quiet && std::io::IsTerminal::is_terminal(&std::io::stderr());
    let progress = if is_visible { Progress::bar_with_message(total) } else { Progress::none() };
    let Asked { lake, plan, config, format, partitioning, .. } = asked;
    let shards = Shards {
        lake,
        stores,
        plan,
        todo,
        resume: args.job.resume,
        format,
        partitioning,
        config,
        factory,
        jobs: args.jobs(),
        failures: args.failures(),
        stop: signals.stop.clone(),
        words: signals.words.clone(),
        form: args.summary,
        every: args.summary_every,
        progress,
        is_verbose: args.verbose,
    };
    let rejects = line(&shards.lake.store().name(REJECTS)).into_owned();
    let (done, result) = shards.run();
    if args.summary == Form::Human && done.before > 0 {
        weir_io::say(&format!("{} done before, not in this account", counted(done.before, "shard")));
    }
    normalize::conclude(args, Some(&rejects), &done.summary, result, &signals)
}

/// Prints what would be done.
fn print_plan(asked: &Asked, args: &Args) -> Result<ExitCode, Error> {
    let Asked { lake, plan, share, .. } = asked;
    let mut shards = Vec::new();
    for shard in share.shards(plan) {
        let is_done = args.job.resume && lake.done(plan, shard)?.is_some();
        shards.push((shard, is_done));
    }
    let text = match args.summary {
        Form::None => String::new(),
        Form::Json => {
            let shards: Vec<_> = shards
                .iter()
                .map(|(shard, is_done)| {
                    let inputs = plan.inputs_of(*shard);
                    json!({"shard": shard, "size": plan.shards()[*shard].size, "done": is_done, "inputs": inputs})
                })
                .collect();
            let all = json!({
                "plan": plan.id(), "options": plan.options(), "of": plan.shards().len(), "shards": shards,
            });
            format!("{all}\n")
        }
        Form::Human => {
            let inputs = counted(plan.inputs().len() as u64, "input");
            let (size, all) = (counted(plan.size(), "byte"), counted(plan.shards().len() as u64, "shard"));
            let mut text = format!("plan {}: {inputs}, {size}, {all}\n", plan.id());
            let folder = lake.store().name("");
            let _ = writeln!(text, "to {}: {}\n", line(&folder), asked.form());
            let _ = writeln!(text, "{:>7}{:>10}{:>18}  from", "shard", "inputs", "bytes");
            for (shard, is_done) in shards {
                let (inputs, size) = (plan.shards()[shard].inputs as u64, plan.shards()[shard].size);
                let first = plan.inputs_of(shard).first().map_or("", |input| &input.name);
                let done = if is_done { "  (done)" } else { "" };
                let (inputs, size) = (grouped(inputs), grouped(size));
                let _ = writeln!(text, "{shard:>7}{inputs:>10}{size:>18}  {}{done}", line(first));
            }
            if let Some(told) = asked.no_shard() {
                let _ = writeln!(text, "{told}");
            }
            text
        }
    };
    super::print(&text)
}
