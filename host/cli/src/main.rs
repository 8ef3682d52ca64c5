//! `weir`: maps what came of a command to an exit status.

use std::process::ExitCode;

use clap::Parser as _;
use weir_host::commands::Weir;

fn main() -> ExitCode {
    match Weir::parse().run() {
        Ok(code) => code,
        Err(error) => {
            if !error.is_output_closed() {
                weir_io::say(&format!("weir: {error}"));
            }
            ExitCode::from(error.exit_status())
        }
    }
}
