//! `weir`: maps what came of a command to an exit status.

use std::{env, process::ExitCode};

use clap::Parser as _;
use weir_host::{commands::Weir, hints};

fn main() -> ExitCode {
    let args: Vec<_> = env::args_os().collect();
    let weir = Weir::try_parse_from(&args).unwrap_or_else(|error| hints::better(error, &args).exit());
    match weir.run() {
        Ok(code) => code,
        Err(error) => {
            if !error.is_output_closed() {
                weir_io::say(&format!("weir: {error}"));
            }
            ExitCode::from(error.exit_status())
        }
    }
}
