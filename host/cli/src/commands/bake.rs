//! `weir bake`.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::{self, ExitCode},
};

use weir_normalizer::{EventConfig, Events, Normalizer, vrl};

use weir_io::Waiting;
use weir_sandbox::Agent;

use crate::{Error, error::shown};

use super::{
    choices::{self, Choices},
    targets::{self, Inputs, Target},
};

#[derive(Debug, clap::Args)]
#[command(mut_arg("to", choices::without_tables))]
#[command(after_help = "\
Examples:
  weir bake fluent-bit --from huawei-vpc --where 'action == reject' -o rejected.wasm
  weir bake fluent-bit --to ecs --keep-original -o ecs.wasm
  weir bake vector --from aws-vpc --where 'action == reject' -o rejected.vrl
  weir bake --show ecs.wasm")]
pub(super) struct Args {
    /// What it is for: fluent-bit, a plugin; vector, a program in VRL for text lines
    #[arg(value_name = "AGENT", required_unless_present = "show", value_parser = agent)]
    agent: Option<For>,

    #[command(flatten)]
    choices: Choices,

    /// Keep the key that held the record, such as `log`, beside what it became; not with --drop or --mask
    #[arg(long)]
    keep_original: bool,

    /// Leave the event's other keys out where a record came out of it
    #[arg(long)]
    drop_other_keys: bool,

    /// Where to write it; `-` is standard output, where a program goes without this option
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Print what a plugin was baked with instead
    #[arg(long, value_name = "FILE", exclusive = true)]
    show: Option<PathBuf>,
}

/// What something is baked for.
#[derive(Clone, Copy, Debug)]
enum For {
    /// A log agent that runs plugins.
    Agent(Agent),
    /// Vector, which runs programs in its own language.
    Vector,
}

/// What `bake` calls Vector.
const VECTOR: &str = "vector";

fn agent(name: &str) -> Result<For, String> {
    if name == VECTOR {
        return Ok(For::Vector);
    }
    let found = Agent::ALL.iter().copied().find(|a| a.name() == name).map(For::Agent);
    let known: Vec<_> = Agent::ALL.iter().map(|a| a.name()).chain([VECTOR]).collect();
    found.ok_or_else(|| format!("no agent is called {name}; known are {}", known.join(", ")))
}

pub(super) fn run(args: &Args) -> Result<ExitCode, Error> {
    if let Some(path) = &args.show {
        let wasm = fs::read(path).map_err(|e| Error::file(&shown(path), "read the plugin", e))?;
        if vrl::is_program(&wasm) {
            return Err(Error::failed(format!(
                "{}: this is a program for Vector, whose first lines say what it was baked with; give a plugin",
                shown(path)
            )));
        }
        return super::print(&(weir_sandbox::show(&wasm, &shown(path))? + "\n"));
    }
    let Some(agent) = args.agent else {
        return Err(Error::usage("bake: name the agent, such as `weir bake fluent-bit`"));
    };
    let path = match (&args.output, agent) {
        (Some(path), _) => path.as_path(),
        // Text, that a terminal can show.
        (None, For::Vector) => Path::new("-"),
        (None, For::Agent(_)) => {
            return Err(Error::usage("bake: a plugin is a binary file; name it with --output FILE.wasm"));
        }
    };
    if args.choices.observed_at().is_some() {
        return Err(Error::usage(
            "--observed-at: an agent gives each event its time, which is taken for records that have none; leave it out",
        ));
    }
    args.choices.refuse_table()?;
    let mut records = args.choices.config()?;
    records.observed_at_ms = None;
    let config = EventConfig::builder()
        .records(records)
        .keep_original(args.keep_original)
        .drop_others(args.drop_other_keys)
        .build();
    match agent {
        For::Agent(_) => warn(Events::new(&config)?.warnings()),
        For::Vector if args.keep_original || args.drop_other_keys => {
            return Err(Error::usage(
                "--keep-original, --drop-other-keys: a program for Vector makes the whole event the record; leave them out",
            ));
        }
        For::Vector => warn(Normalizer::new(&config.records)?.warnings()),
    }
    let target = Target::named(path);
    let mut inputs = Inputs::default();
    args.choices.files()?.iter().for_each(|path| inputs.add_file(path));
    targets::refuse_overlap(&inputs, &target, "--output")?;
    let baked = match agent {
        For::Agent(agent) => weir_sandbox::bake(agent, &config)?,
        For::Vector => vrl::program(&config.records)?.into_bytes(),
    };
    let written = match &target {
        Target::Stdout => Waiting(io::stdout().lock()).write_all(&baked).and_then(|()| io::stdout().flush()),
        Target::File(path) => write(path, &baked),
        Target::Object(..) => Err(io::Error::other("what is baked is a file")),
    };
    written.map_err(|e| Error::file(&target.name(), "write what was baked", e))?;
    Ok(ExitCode::SUCCESS)
}

fn warn(warnings: &[String]) {
    for warning in warnings {
        weir_io::say(&format!("weir: warning: {warning}"));
    }
}

/// What is there is whole, as an agent may be about to read it: a file is replaced at
/// once, where a link leads to it as well. What is no file, such as a FIFO, is written to.
fn write(path: &Path, baked: &[u8]) -> io::Result<()> {
    // It may not be there yet.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if fs::symlink_metadata(path).is_ok_and(|found| !found.is_file()) {
        return Waiting(File::create(path)?).write_all(baked);
    }
    let part = path.with_added_extension(format!("{}.part", process::id()));
    let mut file = File::create_new(&part)?;
    file.write_all(baked).and_then(|()| fs::rename(&part, path)).inspect_err(|_| {
        // The first error is the one to tell.
        let _ = fs::remove_file(&part);
    })
}
