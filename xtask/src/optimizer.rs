//! Makes guests smaller and faster with Binaryen's `wasm-opt`.
//!
//! What LLVM writes has locals and branches that a compiler of WebAssembly does not see through:
//! without them a guest is a twentieth smaller, and up to a tenth faster in the sandbox.
//!
//! Binaryen comes from the registry of npm, as the one build of it that runs wherever Node.js
//! does; `xtask/binaryen` pins it, and it is kept below `target`.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    debian,
    step::{self, Checkout, Failure, say},
};

/// What names the version, and its checksum.
const PINS: [&str; 3] = ["package.json", "package-lock.json", ".npmrc"];
/// What npm writes when all is there.
const INSTALLED: &str = "node_modules/.package-lock.json";
const WASM_OPT: &str = "node_modules/binaryen/bin/wasm-opt";
/// What brings Node.js and npm to Debian.
const PACKAGES: [&str; 2] = ["nodejs", "npm"];
/// A download of some 20 MB over a slow line.
const NPM_DEADLINE: Duration = Duration::from_secs(600);

/// What rustc lets every guest use; `wasm-opt` must use nothing else.
const FEATURES: [&str; 8] = [
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-call-indirect-overlong",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// Binaryen, installed.
pub(crate) struct Optimizer {
    wasm_opt: PathBuf,
    /// What pins it.
    version: Vec<u8>,
}

impl Optimizer {
    /// Fetches what is missing. Quick, and silent, if nothing is.
    pub(crate) fn prepare(checkout: &Checkout) -> Result<Self, Failure> {
        let folder = checkout.path("target/binaryen");
        let mut pins = Vec::new();
        for name in PINS {
            let path = checkout.path("xtask/binaryen").join(name);
            let content = fs::read(&path).map_err(|error| Failure::file("reading", &path, &error))?;
            pins.push((name, content));
        }
        let is_pinned = pins.iter().all(|(name, pin)| fs::read(folder.join(name)).is_ok_and(|c| c == *pin));
        if !is_pinned || !folder.join(INSTALLED).exists() {
            install(checkout, &folder, &pins)?;
        }
        let version = pins.into_iter().flat_map(|(_, content)| content).collect();
        Ok(Self { wasm_opt: folder.join(WASM_OPT), version })
    }

    /// Optimizes a module that was just built, and says where the result is: in a folder beside
    /// it. Does nothing if that module was its last.
    pub(crate) fn run(&self, checkout: &Checkout, built: &Path, flags: &[&str]) -> Result<PathBuf, Failure> {
        let folder = built.with_file_name("optimized");
        let optimized = folder.join(built.file_name().unwrap_or_default());
        let made_from = optimized.with_extension("from");
        let module = fs::read(built).map_err(|error| Failure::file("reading", built, &error))?;
        let mut arguments = vec!["-O3"];
        arguments.extend(FEATURES);
        arguments.extend(flags);
        let from = [arguments.join(" ").as_bytes(), &self.version[..], &module[..]].concat();
        if optimized.exists() && fs::read(&made_from).is_ok_and(|last| last == from) {
            step::skip();
            return Ok(optimized);
        }
        // Nothing that was made from something else stays behind if this is interrupted.
        fs::create_dir_all(&folder)
            .and_then(|()| fs::write(&made_from, ""))
            .map_err(|error| Failure::file("writing", &made_from, &error))?;
        let name = built.file_stem().unwrap_or_default().to_string_lossy();
        step::run(
            &format!("optimizing the guest {name}"),
            checkout
                .command("node")
                .arg(&self.wasm_opt)
                .args(&arguments)
                .arg(built)
                .arg("--output")
                .arg(&optimized),
            "read the message above; if Node.js is at fault, install a newer one (16 is enough)",
        )?;
        fs::write(&made_from, from).map_err(|error| Failure::file("writing", &made_from, &error))?;
        Ok(optimized)
    }
}

fn install(checkout: &Checkout, folder: &Path, pins: &[(&str, Vec<u8>)]) -> Result<(), Failure> {
    let is_there =
        || ["node", "npm"].iter().all(|name| step::answer(checkout.command(name).arg("--version")).is_some());
    if !is_there() {
        let why = "optimizing guests needs Node.js with npm";
        let complaints = debian::install(checkout, &PACKAGES, why)?;
        if !is_there() {
            let remedy = format!("install Node.js with npm; on Debian: {}", debian::command(&PACKAGES));
            return Err(Failure::new(format!("{why}{complaints}"), remedy));
        }
    }
    say("installing Binaryen, which optimizes the guests");
    fs::create_dir_all(folder).map_err(|error| Failure::file("making", folder, &error))?;
    for (name, content) in pins {
        let path = folder.join(name);
        fs::write(&path, content).map_err(|error| Failure::file("writing", &path, &error))?;
    }
    let mut npm = checkout.command("npm");
    npm.current_dir(folder).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
    let heard = step::listen(&mut npm, NPM_DEADLINE);
    if heard.success && folder.join(WASM_OPT).exists() {
        return Ok(());
    }
    Err(Failure::new(
        format!("installing Binaryen failed: {}", heard.reason()),
        format!("see that npm reaches its registry: `npm ci` in {}", folder.display()),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_optimized_once_and_again_when_anything_changed() {
        let folder = std::env::temp_dir().join(format!("weir-xtask-optimizer-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder for the test");
        let (wasm_opt, built, runs) =
            (folder.join("wasm-opt"), folder.join("guest.wasm"), folder.join("runs"));
        // Copies like an optimizer that finds nothing, unless the module is a bad one.
        let program = "const fs = require('fs'), [from, , to] = process.argv.slice(-3);\n\
                       fs.appendFileSync(__dirname + '/runs', '.');\n\
                       fs.copyFileSync(from, to);\n\
                       if (fs.readFileSync(from) == 'bad') process.exit(1);\n";
        fs::write(&wasm_opt, program).expect("a program for the test");
        let checkout = Checkout::find();
        let run = |module: &str, version: &str, flags: &[&str]| {
            fs::write(&built, module).expect("a module for the test");
            let optimizer = Optimizer { wasm_opt: wasm_opt.clone(), version: version.into() };
            let optimized = optimizer.run(&checkout, &built, flags);
            (optimized, fs::read(&runs).expect("what the program writes").len())
        };
        let steps: [(&str, &str, &[&str], usize); 7] = [
            ("one", "1", &[], 1),
            ("one", "1", &[], 1),
            ("two", "1", &[], 2),
            ("two", "2", &[], 3),
            ("two", "2", &["--more"], 4),
            ("bad", "2", &["--more"], 5),
            ("two", "2", &["--more"], 6),
        ];
        for (module, version, flags, expected) in steps {
            let (optimized, ran) = run(module, version, flags);
            assert_eq!(ran, expected, "{module} {version} {flags:?}");
            match optimized {
                Ok(path) => assert_eq!(fs::read_to_string(path).expect("the result"), module),
                Err(failure) => assert!(module == "bad", "{failure}"),
            }
        }
        fs::remove_dir_all(&folder).expect("the test's own folder");
    }
}
