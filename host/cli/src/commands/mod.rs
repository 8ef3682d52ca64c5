//! The command line, a file for each command.

mod bake;
mod choices;
mod completions;
mod explain;
pub mod formats;
mod job;
mod man;
mod manifest;
mod normalize;
mod run;
mod schema;
mod stores;
mod targets;

use std::{
    io::{self, IsTerminal as _},
    process::ExitCode,
    thread,
};

use anstream::ColorChoice;
use clap::{Parser, Subcommand, ValueEnum};

use weir_io::Waiting;

use crate::Error;

pub(crate) use stores::Stores;

/// Normalizes flow logs of Huawei Cloud, Alibaba Cloud, Baidu AI Cloud and AWS into one schema.
#[derive(Debug, Parser)]
#[command(name = "weir", version, arg_required_else_help = true, max_term_width = 100, after_help = EXIT)]
pub struct Weir {
    /// Whether what people read is in colors; NO_COLOR and CLICOLOR_FORCE are heeded without it
    #[arg(long, value_name = "WHEN", default_value = "auto", global = true)]
    color: Color,

    #[command(subcommand)]
    command: Command,
}

const EXIT: &str = "\
Exit status: 0 done, 1 failed, also where an input could not be read while others were, or a
guest failed again and again and its records are among the rejects, 2 wrong usage, 3 more
rejects than --max-rejects allows, nothing but rejects, also of run --once, or a record that
explain finds to be rejected.

Example:
  weir normalize --output flat.jsonl --rejects rejects.jsonl flow.log.gz";

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Color {
    /// On terminals
    Auto,
    /// Also in pipes and files
    Always,
    /// Nowhere
    Never,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read records and write them in one schema, as JSON lines or as a table
    Normalize(Box<normalize::Args>),
    /// Run as a service: read from sources, and forward to sinks, until it is told to end
    Run(run::Args),
    /// Check a configuration of `run` without starting anything
    #[command(after_help = run::CHECKED)]
    Check(run::CheckArgs),
    /// Let the service that runs read its configuration again, without ending it, and say what came of it
    #[command(after_help = run::RELOADED)]
    Reload(run::CheckArgs),
    /// Show or reset how far `run` has read its sources
    State(run::StateArgs),
    /// Say how records are read: the product and why, each value, and what is wrong where
    Explain(explain::Args),
    /// List the products that can be read, or the keys of one
    Formats(formats::Args),
    /// Print the JSON Schema of the records that `normalize` writes, or a mapping to another schema
    Schema(schema::Args),
    /// Check what jobs have written
    Manifest(manifest::Args),
    /// Write a plugin for a log agent that carries its configuration
    Bake(bake::Args),
    /// Print what a shell completes command lines of `weir` by
    Completions(completions::Args),
    /// Write the man pages of `weir` and its commands into a folder
    Man(man::Args),
}

impl Weir {
    /// Does what the command line asks for.
    pub fn run(self) -> Result<ExitCode, Error> {
        let choice = match self.color {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        };
        choice.write_global();
        match self.command {
            Command::Normalize(args) => normalize::run(*args),
            Command::Run(args) => run::run(&args),
            Command::Check(args) => run::check(&args),
            Command::Reload(args) => run::reload(&args),
            Command::State(args) => run::state(&args),
            Command::Explain(args) => explain::run(args),
            Command::Formats(args) => formats::run(&args),
            Command::Schema(args) => schema::run(&args),
            Command::Manifest(args) => manifest::run(&args),
            Command::Bake(args) => bake::run(&args),
            Command::Completions(args) => completions::run(&args),
            Command::Man(args) => man::run(&args),
        }
    }
}

/// As many threads as are asked for, or as the machine has processors.
fn threads(jobs: Option<u32>) -> usize {
    match jobs {
        Some(jobs) => jobs as usize,
        None => thread::available_parallelism().map_or(1, usize::from),
    }
}

/// Says that it is waited for records, where they come from a terminal; or else somebody may do something.
fn say_who_waits(or: &str) {
    if io::stdin().is_terminal() {
        weir_io::say(&format!(
            "weir: waiting for records on standard input, which is this terminal; end them with Ctrl-D, or {or}"
        ));
    }
}

/// Prints on standard output.
fn print(text: &str) -> Result<ExitCode, Error> {
    use std::io::Write as _;
    let mut out = Waiting(std::io::stdout().lock());
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|e| Error::output("standard output", e))?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    /// What is wrapped already is not wrapped again, which would leave lone words.
    #[test]
    fn what_stands_behind_the_options_fits_into_a_terminal() {
        const MOST: usize = 94;
        let top = Weir::command();
        let inner = top.get_subcommands().flat_map(|command| command.get_subcommands());
        for command in [&top].into_iter().chain(top.get_subcommands()).chain(inner) {
            let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            for line in text.lines() {
                assert!(line.chars().count() <= MOST, "{}: {line}", command.get_name());
            }
        }
    }
}
