//! Other people's programs to compare with, below `target/peers` and `target/python/peers`: they
//! come from the registries of Rust and Python, and no other build needs them.

use std::process::Command;

use crate::{
    python,
    step::{self, Checkout, Failure},
};

/// Builds and installs them. Quick if they are there.
pub(crate) fn prepare(checkout: &Checkout) -> Result<(), Failure> {
    step::run(
        "building VRL and two readers of JSON, which takes some minutes the first time",
        &mut cargo(checkout, "build"),
        "read the compiler's message above; a C compiler (`cc`) is needed too",
    )?;
    python::install(checkout, "peers", "benches/peers/requirements.txt")
}

/// Tries what is written for other people's programs with those.
pub(crate) fn test(checkout: &Checkout) -> Result<(), Failure> {
    step::run(
        "trying programs in VRL, which takes some minutes to build the first time",
        &mut cargo(checkout, "test"),
        "read the failed test's message above",
    )
}

/// Cargo, in the workspace of those that are of Rust.
fn cargo(checkout: &Checkout, command: &str) -> Command {
    let mut cargo = checkout.quiet_cargo(&[command, "--release", "--locked"]);
    cargo
        .arg("--manifest-path")
        .arg(checkout.path("benches/peers/Cargo.toml"))
        .env("CARGO_TARGET_DIR", checkout.path("target/peers"))
        // As the readers of JSON among them ask for.
        .env("RUSTFLAGS", "-C target-cpu=native");
    cargo
}
