//! Builds the guests.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    imports::imports,
    optimizer::Optimizer,
    step::{self, Checkout, Failure},
    toolchain::{Static, TARGET, Toolchain},
};

/// A crate that is compiled to WebAssembly.
struct Guest {
    package: &'static str,
    /// The file that comes out, without `.wasm`.
    name: &'static str,
    rustflags: &'static str,
    /// The optimizer's, beyond those of every guest.
    optimizer_flags: &'static [&'static str],
    /// Compiled ahead of time for the host, which embeds it.
    precompiled: bool,
}

impl Guest {
    fn file(&self) -> String {
        format!("{}.wasm", self.name)
    }

    fn flags(&self) -> String {
        format!("{} {SMALL_NUMBERS}", self.rustflags)
    }
}

/// Every guest's: without this, each number that the linker fills in takes five bytes, however
/// small it is.
pub(crate) const SMALL_NUMBERS: &str = "-C link-arg=--compress-relocations";

/// How many guests there are.
pub(crate) const COUNT: usize = GUESTS.len();

/// Every guest; nothing else lists them.
const GUESTS: [Guest; 2] = [
    Guest {
        package: "weir-batch",
        name: "weir_batch",
        // The runtimes that take batches have vectors. What must go inline says so itself: what else
        // the compiler would put inline, at its limits of 225 and 325, is some 30 KB for a few percent of
        // the time of `matches` and of the schemas.
        rustflags: "-C target-feature=+simd128 -C llvm-args=--inline-threshold=50 \
                    -C llvm-args=--inlinehint-threshold=100",
        optimizer_flags: &["--enable-simd"],
        precompiled: true,
    },
    Guest {
        package: "weir-fluent-bit",
        name: "weir_fluent_bit",
        // Fluent Bit's interpreter is built without vectors.
        rustflags: "",
        // A function that goes into its only caller has its locals on the stack for as long as that
        // one runs, and Fluent Bit's interpreter has 8 KiB.
        optimizer_flags: &["--one-caller-inline-max-function-size=0"],
        precompiled: false,
    },
];

/// Builds every guest into `target/plugins`, and proves that none imports anything.
pub(crate) fn build(checkout: &Checkout) -> Result<(), Failure> {
    let toolchain = Toolchain::prepare(checkout)?;
    let optimizer = Optimizer::prepare(checkout)?;
    for guest in &GUESTS {
        let cargo = toolchain.cargo_build(checkout, &guest.flags());
        let built = compile(guest, cargo, &checkout.guests())?;
        let built = optimizer.run(checkout, &built, guest.optimizer_flags)?;
        let module = fs::read(&built).map_err(|error| Failure::file("reading", &built, &error))?;
        check_imports(guest, &module)?;
        if install(&module, &checkout.plugins().join(guest.file()))? {
            remove_compiled(guest.name, &checkout.plugins())?;
        }
    }
    Ok(())
}

/// A guest twice.
pub(crate) struct WithNames {
    /// With the names of its functions.
    pub(crate) named: PathBuf,
    /// As it is shipped.
    pub(crate) shipped: PathBuf,
}

/// Builds the guest that the host embeds, and a copy that keeps the names of its functions.
pub(crate) fn with_names(checkout: &Checkout) -> Result<WithNames, Failure> {
    build(checkout)?;
    let guest = &GUESTS[0];
    let mut cargo = Toolchain::prepare(checkout)?.cargo_build(checkout, &guest.flags());
    cargo.env("CARGO_PROFILE_GUEST_STRIP", "debuginfo");
    // Apart from the one that is shipped, which has the same file name.
    let named = compile(guest, cargo, &checkout.path("target/guests-with-names"))?;
    let flags = [guest.optimizer_flags, &["--debuginfo"]].concat();
    let named = Optimizer::prepare(checkout)?.run(checkout, &named, &flags)?;
    Ok(WithNames { named, shipped: checkout.plugins().join(guest.file()) })
}

/// Runs this cargo for a guest; the answer is the file that comes out.
fn compile(guest: &Guest, mut cargo: Command, target: &Path) -> Result<PathBuf, Failure> {
    step::quiet_in_logs(&mut cargo);
    cargo.args(["--locked", "--profile", "guest", "--package", guest.package, "--target-dir"]).arg(target);
    step::run(
        &format!("building the guest {}", guest.name),
        &mut cargo,
        "read the compiler's message above; if a crate or the lock file is at fault, \
         `cargo update --workspace` brings Cargo.lock up to date",
    )?;
    Ok(target.join(TARGET).join("guest").join(guest.file()))
}

/// Compiles the guests that the host embeds to machine code beside them, by a host for this machine
/// or for another target that runs on it: the code is the same.
pub(crate) fn precompile(checkout: &Checkout, target: Option<&Static>) -> Result<(), Failure> {
    let plugins = checkout.plugins();
    for guest in GUESTS.iter().filter(|guest| guest.precompiled) {
        let mut cargo = checkout.quiet_cargo(&["run", "--release", "--locked", "--package", "weir-host"]);
        if let Some(target) = target {
            target.apply(&mut cargo);
        }
        cargo.args(["--example", "precompile", "--"]);
        cargo.arg(plugins.join(guest.file())).arg(&plugins);
        // The records of the demo are alone on standard output.
        cargo.stdout(Stdio::null());
        step::run(
            &format!("compiling the guest {} ahead of time", guest.name),
            &mut cargo,
            "read the message above; `cargo xtask build` starts over after \
             target/plugins is deleted",
        )?;
    }
    Ok(())
}

/// A guest that imports nothing can reach nothing: that is its sandbox.
fn check_imports(guest: &Guest, module: &[u8]) -> Result<(), Failure> {
    match imports(module) {
        Ok(None) => Ok(()),
        Ok(Some(found)) => Err(Failure::new(
            format!("the guest {} imports {} ({} in all)", guest.name, found.first, found.count),
            "a guest must not need anything from its host: find the crate that asks for this \
             (`cargo tree --target wasm32-unknown-unknown -p` and the guest's package), and do without",
        )),
        Err(malformed) => Err(Failure::new(
            format!("the guest {} was built to {malformed}", guest.name),
            "delete target/guests and run this again",
        )),
    }
}

/// Writes a file if that changes it, and says whether: cargo rebuilds the host when its time
/// changes.
fn install(content: &[u8], to: &Path) -> Result<bool, Failure> {
    if fs::read(to).is_ok_and(|old| old == content) {
        return Ok(false);
    }
    let failed = |error| Failure::file("writing", to, &error);
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    // A file that is there is whole, even if this is interrupted.
    let part = to.with_extension("part");
    fs::write(&part, content).and_then(|()| fs::rename(&part, to)).map_err(failed)?;
    Ok(true)
}

/// Removes what earlier builds of a guest were compiled to: `NAME-HASH.cwasm`.
fn remove_compiled(name: &str, plugins: &Path) -> Result<(), Failure> {
    let failed = |error| Failure::file("tidying", plugins, &error);
    for entry in fs::read_dir(plugins).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let is_compiled = path.extension().is_some_and(|end| end == "cwasm");
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        if is_compiled && stem.rsplit_once('-').is_some_and(|(guest, _)| guest == name) {
            fs::remove_file(&path).map_err(failed)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_with_an_import_is_refused_by_name() {
        let free = b"\0asm\x01\0\0\0";
        check_imports(&GUESTS[0], free).expect("no imports");
        let module = [&free[..], b"\x02\x0b\x01\x03env\x03now\0\0"].concat();
        let text = check_imports(&GUESTS[0], &module).expect_err("an import").to_string();
        assert!(text.starts_with("the guest weir_batch imports env.now (1 in all)"), "{text}");
        check_imports(&GUESTS[0], b"").expect_err("not a module");
    }

    #[test]
    fn an_unchanged_guest_keeps_its_time() {
        let folder = std::env::temp_dir().join(format!("weir-xtask-install-{}", std::process::id()));
        let file = folder.join("a.wasm");
        let modified = || fs::metadata(&file).and_then(|m| m.modified()).expect("the installed file");
        assert!(install(b"one", &file).expect("a new file"));
        let long_ago = std::time::SystemTime::UNIX_EPOCH;
        fs::File::options().write(true).open(&file).and_then(|f| f.set_modified(long_ago)).expect("its time");
        assert!(!install(b"one", &file).expect("the same content"));
        assert_eq!(modified(), long_ago);
        assert!(install(b"two", &file).expect("other content"));
        assert_ne!(modified(), long_ago);
        assert_eq!(fs::read(&file).expect("the file"), b"two");
        assert_eq!(fs::read_dir(&folder).expect("the folder").count(), 1, "nothing else is left");
        fs::remove_dir_all(&folder).expect("the test's own folder");
    }

    #[test]
    fn only_a_guest_s_own_earlier_builds_are_removed() {
        let folder = std::env::temp_dir().join(format!("weir-xtask-compiled-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder for the test");
        let kept = ["weir_batch-more-0a.cwasm", "weir_batch.wasm", "weir_record-0a.cwasm"];
        for name in kept.iter().chain(&["weir_batch-0a.cwasm", "weir_batch-1b.cwasm"]) {
            fs::write(folder.join(name), "").expect("a file for the test");
        }
        remove_compiled("weir_batch", &folder).expect("a folder to tidy");
        let mut left: Vec<_> = fs::read_dir(&folder)
            .expect("the folder")
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        left.sort();
        assert_eq!(left, kept);
        fs::remove_dir_all(&folder).expect("the test's own folder");
    }
}
