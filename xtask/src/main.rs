//! The builds that cargo alone can't do: `cargo xtask help` says which.
//!
//! A guest has to be compiled for wasm32 before the host that embeds it, and some machines
//! first need a toolchain for that. Everything native is built with `--release`, so that the
//! sandbox's compiler is itself compiled only once.

mod args;
mod book;
mod browser;
mod debian;
mod golden;
mod guests;
mod imports;
mod install;
mod optimizer;
mod peers;
mod python;
mod step;
mod tasks;
mod tidy;
mod toolchain;

use std::{io::Write, process::ExitCode};

use args::Request;

fn main() -> ExitCode {
    let request = match args::parse(std::env::args_os().skip(1)) {
        Ok(request) => request,
        Err(problem) => {
            eprintln!("weir: {problem}\n\n{}", args::USAGE);
            return ExitCode::from(2);
        }
    };
    let task = match request {
        Request::Help => {
            // Who closes the pipe has read enough.
            let _ = writeln!(std::io::stdout(), "{}", args::USAGE);
            return ExitCode::SUCCESS;
        }
        Request::Run(task) => task,
    };
    match tasks::run(&task, &step::Checkout::find()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("weir: {failure}");
            ExitCode::FAILURE
        }
    }
}
