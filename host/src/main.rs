//! `weir`: maps what came of a command to an exit status.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use clap::Parser as _;
use weir_host::commands::Weir;

fn main() -> ExitCode {
    match Weir::parse().run() {
        Ok(code) => code,
        Err(error) => {
            if !error.is_output_closed() {
                // Nobody can be told that standard error is closed.
                let _ = writeln!(io::stderr(), "weir: {error}");
            }
            ExitCode::from(error.exit_status())
        }
    }
}
