//! The npm package for browsers and Node.js: the guest twice, with vectors and without, bound to
//! JavaScript and put beside the package's own files in `target/browser/weir-flow`.

use std::{
    env, fs,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    debian,
    guests::SMALL_NUMBERS,
    optimizer::Optimizer,
    step::{self, Checkout, Failure, say},
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

/// What names the page's packages, and their checksums.
const PINS: [&str; 3] = ["package.json", "package-lock.json", ".npmrc"];
/// A download of some 10 MB over a slow line.
const NPM_DEADLINE: Duration = Duration::from_secs(600);
/// What of `plugins/browser/demo` makes others, and is not part of the page.
const NO_PAGE: [&str; 4] = ["package.json", "package-lock.json", ".npmrc", "serve.mjs"];

/// Puts the page together, as static files; the answer is its folder.
pub(crate) fn page(checkout: &Checkout, package: &Path) -> Result<PathBuf, Failure> {
    let demo = checkout.path("plugins/browser/demo");
    let tools = install_packages(checkout, &demo)?;
    let page = checkout.path("target/browser/page");
    if page.exists() {
        fs::remove_dir_all(&page).map_err(|error| Failure::file("emptying", &page, &error))?;
    }
    for (from, to) in [(&demo, ""), (&package.to_path_buf(), NAME), (&checkout.path("samples"), "samples")] {
        let to = page.join(to);
        make_folder(&to)?;
        for entry in fs::read_dir(from).map_err(|error| Failure::file("listing", from, &error))? {
            let path = entry.map_err(|error| Failure::file("listing", from, &error))?.path();
            let name = path.file_name().unwrap_or_default();
            if path.is_file() && !(from == &demo && NO_PAGE.iter().any(|no| *name == **no)) {
                copy(&path, &to.join(name))?;
            }
        }
    }
    copy(&tools.join("node_modules/fzstd/esm/index.mjs"), &page.join("fzstd.js"))?;
    Ok(page)
}

/// Installs what the page is made of and tried with, if it is not there; the answer is where.
fn install_packages(checkout: &Checkout, demo: &Path) -> Result<PathBuf, Failure> {
    let tools = checkout.path("target/browser/tools");
    make_folder(&tools)?;
    let same = |name: &&str| fs::read(tools.join(name)).ok() == fs::read(demo.join(name)).ok();
    if PINS.iter().all(same) && tools.join("node_modules/.package-lock.json").exists() {
        return Ok(tools);
    }
    say("installing what the page is made of");
    for name in PINS {
        copy(&demo.join(name), &tools.join(name))?;
    }
    let mut npm = checkout.command("npm");
    npm.current_dir(&tools).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
    let heard = step::listen(&mut npm, NPM_DEADLINE);
    if heard.success {
        return Ok(tools);
    }
    Err(Failure::new(
        format!("installing what the page is made of failed: {}", heard.reason()),
        format!("see that npm reaches its registry: `npm ci` in {}", tools.display()),
    ))
}

/// Serves the page until somebody stops it.
pub(crate) fn serve(checkout: &Checkout, page: &Path) -> Result<(), Failure> {
    step::run(
        "serving the page, until Ctrl-C",
        checkout.command("node").arg(checkout.path("plugins/browser/demo/serve.mjs")).arg(page),
        "port 8080 may be taken; `node plugins/browser/demo/serve.mjs target/browser/page PORT` takes another",
    )
}

/// Tries the page in Chromium, where there is one or it can be installed. With `CI=true` there must be.
pub(crate) fn test_page(checkout: &Checkout) -> Result<(), Failure> {
    let chromium = || step::answer(checkout.command("chromium").arg("--version")).is_some();
    if !chromium()
        && let Err(failure) = debian::install(checkout, &["chromium"], "the page is tried in Chromium")
        && env::var_os("CI").is_some_and(|value| value == "true")
    {
        return Err(failure);
    }
    if !chromium() {
        if env::var_os("CI").is_some_and(|value| value == "true") {
            return Err(Failure::new(
                "there is no Chromium to try the page in",
                debian::command(&["chromium"]),
            ));
        }
        say("skipped the tests of the page: there is no Chromium, and it could not be installed");
        return Ok(());
    }
    run_tests(checkout, "trying the page in Chromium", "page")
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
