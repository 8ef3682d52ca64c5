//! `weir bake`.

use std::{fs, io::Write as _, path::PathBuf, process::ExitCode};

use weir_normalizer::{EventConfig, Events};

use crate::{
    bake::{self, Agent},
    error::{Error, shown},
};

use super::choices::Choices;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  weir bake fluent-bit --from huawei-vpc --where 'action == reject' -o rejected.wasm
  weir bake fluent-bit --to ecs --keep-original -o ecs.wasm
  weir bake --show ecs.wasm")]
pub(super) struct Args {
    /// The log agent that the plugin is for: fluent-bit
    #[arg(value_name = "AGENT", required_unless_present = "show", value_parser = agent)]
    agent: Option<Agent>,

    #[command(flatten)]
    choices: Choices,

    /// Keep the key that held the record, such as `log`, beside what it became
    #[arg(long)]
    keep_original: bool,

    /// Leave the event's other keys out where a record came out of it
    #[arg(long)]
    drop_other_keys: bool,

    /// Where to write the plugin
    #[arg(short, long, value_name = "FILE", required_unless_present = "show")]
    output: Option<PathBuf>,

    /// Print what a plugin was baked with instead
    #[arg(long, value_name = "FILE", exclusive = true)]
    show: Option<PathBuf>,
}

fn agent(name: &str) -> Result<Agent, String> {
    let known: Vec<_> = Agent::ALL.iter().map(|a| a.name()).collect();
    let found = Agent::ALL.iter().copied().find(|a| a.name() == name);
    found.ok_or_else(|| format!("no agent is called {name}; known are {}", known.join(", ")))
}

pub(super) fn run(args: &Args) -> Result<ExitCode, Error> {
    if let Some(path) = &args.show {
        let wasm = fs::read(path).map_err(|e| Error::file(&shown(path), "read the plugin", &e))?;
        return super::print(&(bake::show(&wasm, &shown(path))? + "\n"));
    }
    let (Some(agent), Some(path)) = (args.agent, &args.output) else {
        return Err(Error::usage("bake: name the agent, and a file with --output"));
    };
    if args.choices.observed_at().is_some() {
        return Err(Error::usage(
            "--observed-at: an agent gives each event its time, which is taken for records that have none; leave it out",
        ));
    }
    let mut records = args.choices.config()?;
    records.observed_at_ms = None;
    let config =
        EventConfig { records, keep_original: args.keep_original, drop_others: args.drop_other_keys };
    let events = Events::new(&config).map_err(|e| Error::usage(e.to_string()))?;
    for warning in events.warnings() {
        // Nobody can be told that standard error is closed.
        let _ = writeln!(std::io::stderr(), "weir: warning: {warning}");
    }
    let wasm = bake::bake(agent, &config)?;
    // A plugin that is there is whole: an agent may be about to read it.
    let part = path.with_added_extension("part");
    fs::write(&part, &wasm)
        .and_then(|()| fs::rename(&part, path))
        .map_err(|e| Error::file(&shown(path), "write the plugin", &e))?;
    Ok(ExitCode::SUCCESS)
}
