//! The npm package for browsers and Node.js: the guest twice, with vectors and without, bound to
//! JavaScript and put beside the package's own files in `target/browser/weir-flow`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    guests::SMALL_NUMBERS,
    optimizer::Optimizer,
    step::{self, Checkout, Failure},
    toolchain::{TARGET, Toolchain},
};

/// The package's name.
const NAME: &str = "weir-flow";
const CRATE: &str = "weir-browser";

/// A build of the guest.
struct Build {
    /// Its file in the package, without `.wasm`.
    name: &'static str,
    rustflags: &'static str,
    /// The optimizer's.
    flags: &'static [&'static str],
}

const BUILDS: [Build; 2] = [
    Build {
        name: "weir",
        // As for the guest that hosts run.
        rustflags: "-C target-feature=+simd128 -C llvm-args=--inline-threshold=50 \
                    -C llvm-args=--inlinehint-threshold=100",
        flags: &["--enable-simd"],
    },
    // For engines without vectors.
    Build {
        name: "weir-nosimd",
        rustflags: "-C llvm-args=--inline-threshold=50 -C llvm-args=--inlinehint-threshold=100",
        flags: &[],
    },
];

/// What of `plugins/browser` is in the package as it stands.
const FILES: [&str; 9] = [
    "js/core.js",
    "js/error.js",
    "js/index.d.ts",
    "js/index.js",
    "js/node.js",
    "js/options.js",
    "js/zone.js",
    "package.json",
    "README.md",
];

/// The steps of [`build`]: two for each build of the guest, two for the bindings, and the types.
pub(crate) const BUILD_STEPS: usize = 2 * BUILDS.len() + 3;

/// Builds the package; the answer is its folder.
pub(crate) fn build(checkout: &Checkout) -> Result<PathBuf, Failure> {
    let toolchain = Toolchain::prepare(checkout)?;
    let optimizer = Optimizer::prepare(checkout)?;
    let top = checkout.path("target/browser");
    let compiled = top.join("compiled");
    make_folder(&compiled)?;
    let mut modules = Vec::new();
    for build in &BUILDS {
        let target = checkout.guests();
        let mut cargo = toolchain.cargo_build(checkout, &format!("{} {SMALL_NUMBERS}", build.rustflags));
        step::quiet_in_logs(&mut cargo);
        cargo.args(["--locked", "--profile", "guest", "--package", CRATE, "--target-dir"]).arg(&target);
        // What the bindings are made from says which features the module uses; all but that goes later.
        cargo.env("CARGO_PROFILE_GUEST_STRIP", "debuginfo");
        step::run(
            &format!("building the guest {}", build.name),
            &mut cargo,
            "read the compiler's message above; `rustup target add wasm32-unknown-unknown` may be missing",
        )?;
        let module = compiled.join(build.name).with_extension("wasm");
        copy(&target.join(TARGET).join("guest/weir_browser.wasm"), &module)?;
        modules.push(module);
    }

    let bindgen = checkout.path("target/bindgen");
    step::run(
        "building what binds it to JavaScript, which takes a minute the first time",
        checkout
            .quiet_cargo(&["build", "--locked"])
            .arg("--manifest-path")
            .arg(checkout.path("xtask/bindgen/Cargo.toml"))
            .env("CARGO_TARGET_DIR", &bindgen),
        "read the compiler's message above",
    )?;
    let bound = top.join("bound");
    let program = bindgen.join(format!("debug/weir-bindgen{}", std::env::consts::EXE_SUFFIX));
    step::run(
        "binding it",
        checkout.command(program).arg(&bound).args(&modules),
        "xtask/bindgen must pin the very version of wasm-bindgen that Cargo.lock has",
    )?;

    let package = top.join(NAME);
    // Nothing of an earlier build stays behind.
    if package.exists() {
        fs::remove_dir_all(&package).map_err(|error| Failure::file("emptying", &package, &error))?;
    }
    make_folder(&package)?;
    for build in &BUILDS {
        let file = format!("{}.wasm", build.name);
        let optimized = optimizer.run(checkout, &bound.join(&file), build.flags)?;
        copy(&optimized, &package.join(file))?;
    }
    copy(&bound.join("bindings.js"), &package.join("bindings.js"))?;
    for file in FILES {
        let path = checkout.path("plugins/browser").join(file);
        copy(&path, &package.join(path.file_name().unwrap_or_default()))?;
    }
    copy(&checkout.path("LICENSE"), &package.join("LICENSE"))?;
    step::run(
        "writing the types of its records",
        checkout.command("node").arg(checkout.path("plugins/browser/types.mjs")).arg(&package),
        "read the message above; Node.js 18 or newer is needed",
    )?;
    Ok(package)
}

/// Runs the tests that need nothing but Node.js: the corpus, cut at random, and the package's own.
pub(crate) fn test(checkout: &Checkout) -> Result<(), Failure> {
    run_tests(checkout, "running the package for JavaScript in Node.js", "node")
}

/// Packs the package, installs it into an empty project, and tries it with what people bundle with.
pub(crate) fn test_consumers(checkout: &Checkout) -> Result<(), Failure> {
    run_tests(checkout, "installing the package, and bundling its example", "consumers")
}

/// Runs the tests in a folder.
fn run_tests(checkout: &Checkout, what: &str, folder: &str) -> Result<(), Failure> {
    let folder = checkout.path("plugins/browser/tests").join(folder);
    let entries = fs::read_dir(&folder).map_err(|error| Failure::file("listing", &folder, &error))?;
    let mut files: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|path| path.to_string_lossy().ends_with(".test.mjs"));
    files.sort();
    step::run(
        what,
        checkout.command("node").arg("--test").args(files),
        "read the failed test's message above; `node --test FILE` runs one alone",
    )
}

fn make_folder(path: &Path) -> Result<(), Failure> {
    fs::create_dir_all(path).map_err(|error| Failure::file("making", path, &error))
}

fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    fs::copy(from, to).map(drop).map_err(|error| Failure::file("copying", from, &error))
}
