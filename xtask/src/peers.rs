//! Other people's programs to compare with, below `target/peers`: they come from the registries
//! of Rust and Python, and no other build needs them.

use crate::step::{self, Checkout, Failure};

/// Builds and installs them. Quick if they are there.
pub(crate) fn prepare(checkout: &Checkout) -> Result<(), Failure> {
    let folder = checkout.path("target/peers");
    let mut cargo = checkout.quiet_cargo(&["build", "--release", "--locked"]);
    cargo
        .arg("--manifest-path")
        .arg(checkout.path("benches/peers/Cargo.toml"))
        .env("CARGO_TARGET_DIR", &folder);
    // As the readers of JSON among them ask for.
    cargo.env("RUSTFLAGS", "-C target-cpu=native");
    step::run(
        "building VRL and two readers of JSON, which takes some minutes the first time",
        &mut cargo,
        "read the compiler's message above; a C compiler (`cc`) is needed too",
    )?;
    let venv = folder.join("venv");
    let python = venv.join("bin/python");
    if !python.exists() {
        step::run(
            "making a virtual environment of Python",
            checkout.command("python3").args(["-m", "venv"]).arg(&venv),
            "install Python 3 with its module venv (Debian: python3-venv)",
        )?;
    }
    step::run(
        "installing DuckDB there",
        checkout
            .command(&python)
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"])
            .arg(checkout.path("benches/peers/requirements.txt")),
        "read the message above; a package index of Python must be reachable",
    )
}
