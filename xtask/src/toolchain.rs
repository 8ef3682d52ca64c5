//! Finds something that compiles for wasm32, and fetches it if there is nothing.
//!
//! rustup's target is what everybody should use. Where rustup can't get it (no rustup, or no way
//! to its servers), Debian's Rust compiles the standard library for the target from source.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::{
    debian,
    step::{self, Checkout, Failure, Heard, say},
};

pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// Debian's packages, named for those who build web browsers: a Rust newer than the
/// distribution's own, its standard library's source, and a linker of the same LLVM.
const PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "lld-22"];
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_LINKER: &str = "/usr/bin/wasm-ld-22";
/// Below the sysroot; what `-Zbuild-std` starts from.
const STD_SOURCE: &str = "lib/rustlib/src/rust/library/std/Cargo.toml";

/// A download of some 20 MB over a slow line.
const RUSTUP_DEADLINE: Duration = Duration::from_secs(600);
/// A server that does not answer must not hold up the fallback, which is the next attempt
/// anyway: how many seconds of silence are borne, and how often.
const RUSTUP_PATIENCE: [(&str, &str); 2] = [("RUSTUP_DOWNLOAD_TIMEOUT", "20"), ("RUSTUP_MAX_RETRIES", "1")];

/// What compiles the guests.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Toolchain {
    /// The one that compiles everything else; it has the target.
    Active,
    /// Debian's, which builds the target's standard library along the way.
    Debian,
}

impl Toolchain {
    /// Finds one that works, after fetching what is missing. Quick, and silent, if nothing is.
    pub(crate) fn prepare(checkout: &Checkout) -> Result<Self, Failure> {
        let sysroot = active_sysroot(checkout);
        if sysroot.as_deref().is_some_and(|sysroot| has_target(sysroot, TARGET)) {
            return Ok(Self::Active);
        }
        // A machine where rustup failed once and the fallback is there is not asked again.
        let refusal = checkout.guests().join("rustup-refused");
        let refused_for = sysroot.as_ref().map_or_else(String::new, |s| s.display().to_string());
        let refused = fs::read_to_string(&refusal).is_ok_and(|text| text == refused_for);
        let debian = debian_is_ready(checkout);
        if refused && debian {
            return Ok(Self::Debian);
        }

        say(&format!("asking rustup for the target {TARGET}"));
        let rustup = step::listen(
            checkout.command("rustup").args(["target", "add", TARGET]).envs(RUSTUP_PATIENCE),
            RUSTUP_DEADLINE,
        );
        if active_sysroot(checkout).as_deref().is_some_and(|sysroot| has_target(sysroot, TARGET)) {
            return Ok(Self::Active);
        }
        let reason = rustup_reason(&rustup);
        if debian {
            say(&format!("rustup could not ({reason}); using Debian's Rust from now on"));
        } else {
            install_debian_packages(checkout, &reason)?;
        }
        fs::create_dir_all(checkout.guests())
            .and_then(|()| fs::write(&refusal, refused_for))
            .map_err(|error| Failure::file("writing", &refusal, &error))?;
        Ok(Self::Debian)
    }

    /// `cargo build` for the target, with these flags for the compiler.
    pub(crate) fn cargo_build(&self, checkout: &Checkout, rustflags: &str) -> Command {
        let mut cargo = match self {
            Self::Active => checkout.cargo(&["build"]),
            Self::Debian => {
                let mut cargo = checkout.command(DEBIAN_CARGO);
                cargo.args(["build", "-Zbuild-std=std,panic_abort"]);
                // What opens `-Z` to a stable compiler.
                cargo.env("RUSTC_BOOTSTRAP", "1");
                cargo.env("RUSTC", DEBIAN_RUSTC);
                cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", DEBIAN_LINKER);
                // The cargo that started this program points it at its own libraries.
                cargo.env_remove("LD_LIBRARY_PATH");
                cargo
            }
        };
        cargo.args(["--target", TARGET]);
        cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", rustflags);
        // These come before the target's own, and are meant for another machine.
        for flags in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"] {
            cargo.env_remove(flags);
        }
        cargo
    }
}

/// Where the active toolchain lies, if there is one.
fn active_sysroot(checkout: &Checkout) -> Option<PathBuf> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    step::answer(checkout.command(rustc).args(["--print", "sysroot"])).map(PathBuf::from)
}

/// Whether a toolchain has the target's compiled standard library.
fn has_target(sysroot: &Path, target: &str) -> bool {
    let libraries = sysroot.join("lib/rustlib").join(target).join("lib");
    fs::read_dir(libraries).is_ok_and(|mut entries| {
        entries.any(|entry| {
            entry.is_ok_and(|entry| {
                let name = entry.file_name();
                let name = name.to_string_lossy();
                name.starts_with("libcore-") && name.ends_with(".rlib")
            })
        })
    })
}

/// Whether the fallback is installed and new enough for this project.
fn debian_is_ready(checkout: &Checkout) -> bool {
    let installed = [DEBIAN_CARGO, DEBIAN_RUSTC, DEBIAN_LINKER].iter().all(|path| Path::new(path).exists());
    installed
        && step::answer(checkout.command(DEBIAN_RUSTC).arg("--version"))
            .is_some_and(|answer| version(&answer) >= version(env!("CARGO_PKG_RUST_VERSION")))
        && step::answer(checkout.command(DEBIAN_RUSTC).args(["--print", "sysroot"]))
            .is_some_and(|sysroot| Path::new(&sysroot).join(STD_SOURCE).exists())
}

/// Major and minor version, from `1.95` or `rustc 1.96.0 (...)`.
fn version(text: &str) -> Option<(u32, u32)> {
    let number = text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    let mut parts = number.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Why rustup did not help, in one line.
fn rustup_reason(heard: &Heard) -> String {
    if heard.success {
        return "it added the target to another toolchain than the active one".to_owned();
    }
    heard.reason().to_owned()
}

/// What compiles C for musl.
const MUSL_COMPILER: &str = "musl-gcc";
const MUSL_PACKAGES: [&str; 1] = ["musl-tools"];

/// A target whose binaries need no library of the machine that they run on, with what cargo has to
/// know to build for it.
pub(crate) struct Static {
    pub(crate) target: String,
}

impl Static {
    /// For this machine's processors, after fetching what is missing.
    pub(crate) fn prepare(checkout: &Checkout) -> Result<Self, Failure> {
        let target = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
        let ready = || active_sysroot(checkout).is_some_and(|sysroot| has_target(&sysroot, &target));
        if !ready() {
            say(&format!("asking rustup for the target {target}"));
            let rustup = step::listen(
                checkout.command("rustup").args(["target", "add", &target]).envs(RUSTUP_PATIENCE),
                RUSTUP_DEADLINE,
            );
            if !ready() {
                return Err(Failure::new(
                    format!("nothing here compiles for {target}; rustup: {}", rustup_reason(&rustup)),
                    format!("rustup target add {target}"),
                ));
            }
        }
        let has_compiler = || step::answer(checkout.command(MUSL_COMPILER).arg("--version")).is_some();
        if !has_compiler() {
            let why = "a static binary needs a C compiler for musl";
            let complaints = debian::install(checkout, &MUSL_PACKAGES, why)?;
            if !has_compiler() {
                return Err(Failure::new(format!("{why}{complaints}"), debian::command(&MUSL_PACKAGES)));
            }
        }
        Ok(Self { target })
    }

    /// Has a cargo build for the target.
    pub(crate) fn apply(&self, cargo: &mut Command) {
        cargo.args(["--target", &self.target]);
        cargo.env(format!("CC_{}", self.target.replace('-', "_")), MUSL_COMPILER);
    }
}

/// What the interpreter that Fluent Bit has is built with, from its C source: cmake, and the
/// library that reads its headers.
const WAMR_PACKAGES: [&str; 2] = ["cmake", "libclang-dev"];

/// Fetches what the tests of the guest for Fluent Bit are built with, if it is missing.
pub(crate) fn prepare_wamr(checkout: &Checkout) -> Result<(), Failure> {
    let cmake = || step::answer(checkout.command("cmake").arg("--version")).is_some();
    let ready = || cmake() && has_libclang();
    if ready() {
        return Ok(());
    }
    let missing = "the tests of the guest for Fluent Bit need cmake and libclang, to build its interpreter";
    let complaints = debian::install(checkout, &WAMR_PACKAGES, missing)?;
    if ready() {
        return Ok(());
    }
    Err(Failure::new(format!("{missing}{complaints}"), debian::command(&WAMR_PACKAGES)))
}

/// Whether the library is where distributions, or the user, put it.
fn has_libclang() -> bool {
    let mut folders: Vec<PathBuf> =
        std::env::var_os("LIBCLANG_PATH").map(PathBuf::from).into_iter().collect();
    let list = |folder: &str| fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path());
    folders.extend(list("/usr/lib").filter(|p| p.is_dir()).flat_map(|p| [p.join("lib"), p]));
    folders.extend(
        ["/usr/lib", "/usr/lib64", "/usr/local/lib", "/opt/homebrew/opt/llvm/lib"].map(PathBuf::from),
    );
    let is_libclang = |name: &str| {
        (name.starts_with("libclang.") || name.starts_with("libclang-"))
            && (name.contains(".so") || name.ends_with(".dylib"))
            && !name.starts_with("libclang-cpp")
    };
    folders.iter().any(|folder| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name()).any(|name| is_libclang(&name.to_string_lossy()))
    })
}

fn install_debian_packages(checkout: &Checkout, rustup_reason: &str) -> Result<(), Failure> {
    let nothing_compiles = format!("nothing here compiles for {TARGET}; rustup: {rustup_reason}");
    if step::answer(checkout.command("apt-get").arg("--version")).is_none() {
        return Err(Failure::new(nothing_compiles, format!("rustup target add {TARGET}")));
    }
    let complaints = debian::install(checkout, &PACKAGES, &nothing_compiles)?;
    if debian_is_ready(checkout) {
        return Ok(());
    }
    let what = format!(
        "{nothing_compiles}{complaints}\n\
         Debian's packages do not give a Rust from {} on with its source and linker",
        env!("CARGO_PKG_RUST_VERSION")
    );
    Err(Failure::new(what, format!("rustup target add {TARGET}, or {}", debian::command(&PACKAGES))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(version("rustc 1.96.0 (abc 2026-05-01) (built from a source tarball)"), Some((1, 96)));
        assert_eq!(version("1.95"), Some((1, 95)));
        assert!(version("rustc 1.100.0-nightly") > version("1.95"));
        assert!(version("rustc 1.85.0") < version("1.95"));
        assert_eq!(version("no number here"), None);
        assert!(version("no number here") < version("1.95"), "an unknown version is not new enough");
        assert!(version(env!("CARGO_PKG_RUST_VERSION")).is_some());
    }

    #[test]
    fn only_a_compiled_core_counts_as_the_target() {
        let sysroot = std::env::temp_dir().join(format!("weir-xtask-sysroot-{}", std::process::id()));
        let libraries = sysroot.join("lib/rustlib").join(TARGET).join("lib");
        assert!(!has_target(&sysroot, TARGET));
        fs::create_dir_all(&libraries).expect("a folder for the test");
        // What `cargo check` alone would leave.
        fs::write(libraries.join("libcore-0123.rmeta"), "").expect("a file for the test");
        assert!(!has_target(&sysroot, TARGET));
        fs::write(libraries.join("libcore-0123.rlib"), "").expect("a file for the test");
        assert!(has_target(&sysroot, TARGET));
        assert!(!has_target(&sysroot, "another"));
        fs::remove_dir_all(&sysroot).expect("the test's own folder");
    }
}
