//! `weir manifest`.

use std::{path::PathBuf, process::ExitCode};

use clap::Subcommand;
use weir_lake::Lake;
use weir_pipeline::summary::grouped;
use weir_store::Address;

use crate::{Error, error::shown};

use super::stores::{StoreOptions, Stores};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check that a table has all that its manifests say, and nothing else of a job; 1 where it does not
    ///
    /// All files are read: their lengths and checksums must be those that were written. Each input of a
    /// plan must be in one shard, and of its records as many have come in as were normalized, filtered and
    /// rejected.
    #[command(after_help = "\
Example:
  weir manifest verify lake/")]
    Verify(VerifyArgs),
}

#[derive(Debug, clap::Args)]
struct VerifyArgs {
    /// The folder of a table, as --output named it
    #[arg(value_name = "FOLDER", value_hint = clap::ValueHint::DirPath)]
    folder: PathBuf,

    /// How many files are read at a time; as many as there are cores without it
    #[arg(long, short, value_name = "N", env = "WEIR_JOBS", value_parser = clap::value_parser!(u32).range(1..=256))]
    jobs: Option<u32>,

    #[command(flatten)]
    stores: StoreOptions,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, Error> {
    let Command::Verify(args) = &args.command;
    let Some(folder) = args.folder.to_str() else {
        return Err(Error::usage(format!(
            "{}: the name of a table's folder has to be UTF-8",
            shown(&args.folder)
        )));
    };
    let lake = Lake::new(Stores::new(&args.stores).open(&Address::parse(folder)?.into_folder())?);
    let found = lake.verify(super::threads(args.jobs), &mut |problem| weir_io::say(problem))?;
    match found.problems.len() as u64 {
        0 => super::print(&format!("{}\n", found.told())),
        1 => Err(Error::failed("1 problem was found, as told above")),
        n => Err(Error::failed(format!("{} problems were found, as told above", grouped(n)))),
    }
}
