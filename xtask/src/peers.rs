//! Other people's programs to compare with, below `target/peers` and `target/python/peers`: they
//! come from the registries of Rust and Python, and no other build needs them.

use crate::{
    python,
    step::{self, Checkout, Failure},
};

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
    python::install(checkout, "peers", "benches/peers/requirements.txt")
}
