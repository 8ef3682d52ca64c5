//! Puts the guest, and its compiled form where there is one, where the crate includes them.

use std::{env, fs, path::PathBuf};

// The crate has it as a public module.
#[allow(unreachable_pub)]
#[path = "src/fingerprint.rs"]
mod fingerprint;

fn main() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let plugins = root.join("../../target/plugins");
    let wasm = plugins.join("weir_batch.wasm");
    println!("cargo::rerun-if-changed={}", wasm.display());
    println!("cargo::rustc-env=WEIR_TARGET={}", env::var("TARGET").expect("cargo sets it"));
    let Ok(bytes) = fs::read(&wasm) else {
        println!("cargo::error=the guest is missing; run `cargo xtask build` first");
        return;
    };
    let compiled = plugins.join(fingerprint::compiled_name("weir_batch", &bytes));
    // Watching a file that is not there would build the crate anew each time.
    let watched = if compiled.exists() { &compiled } else { &plugins };
    println!("cargo::rerun-if-changed={}", watched.display());
    let agent = plugins.join("weir_fluent_bit.wasm");
    println!("cargo::rerun-if-changed={}", agent.display());
    let Ok(agent) = fs::read(&agent) else {
        println!("cargo::error=the guest for Fluent Bit is missing; run `cargo xtask build` first");
        return;
    };
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let code = fs::read(&compiled).unwrap_or_default();
    for (name, content) in [("guest.wasm", bytes), ("guest.cwasm", code), ("fluent_bit.wasm", agent)] {
        fs::write(out.join(name), content).expect("the build's own directory can be written");
    }
}
