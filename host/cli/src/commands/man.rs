//! `weir man`.

use std::{fs, path::PathBuf, process::ExitCode};

use clap::CommandFactory as _;

use crate::{Error, error::shown};

use super::Weir;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  weir man ~/.local/share/man/man1")]
pub(super) struct Args {
    /// The folder, which is made where it is missing
    #[arg(value_name = "FOLDER", value_hint = clap::ValueHint::DirPath)]
    folder: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, Error> {
    let failed = |e| Error::file(&shown(&args.folder), "write man pages", e);
    fs::create_dir_all(&args.folder).map_err(failed)?;
    // `weir help` has a page for each command already: these.
    let command = Weir::command().disable_help_subcommand(true);
    clap_mangen::generate_to(command, &args.folder).map_err(failed)?;
    Ok(ExitCode::SUCCESS)
}
