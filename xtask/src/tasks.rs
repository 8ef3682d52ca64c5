//! The tasks, as lists of steps.

use std::{fs, path::Path, time::Duration};

use crate::{
    args::{Bench, Browser, Task},
    book, browser,
    golden::{Snapshot, demo_files},
    guests, install, peers, python,
    step::{self, Checkout, Failure, say},
    tidy,
    toolchain::{self, Static},
};

const READ_ABOVE: &str = "read the message above";

/// The packages that are never built with the rest: what they are built with has features that would
/// have the sandbox's compiler compiled a second time. Fluent Bit's interpreter, and what packs a release.
const WAMR: &[&str] = &["--package", "weir-wamr"];
const PACKAGING: &[&str] = &["--package", "weir-packaging"];
const REST: &[&str] = &["--workspace", "--exclude", "weir-wamr", "--exclude", "weir-packaging"];

/// The steps of [`build`]: two for each guest, compiling one ahead of time, and the host.
const BUILD_STEPS: usize = 2 * guests::COUNT + 2;
/// The steps of [`test()`] besides those of the build.
const TEST_STEPS: usize = 13;
/// The steps of [`dist`]: the guests, compiling one ahead of time, the host, a package of the
/// normalizer, packing, and trying what was packed.
const DIST_STEPS: usize = 2 * guests::COUNT + 5;

pub(crate) fn run(task: &Task, checkout: &Checkout) -> Result<(), Failure> {
    step::plan(match task {
        Task::Build | Task::Install => BUILD_STEPS,
        Task::Demo => BUILD_STEPS + 1,
        Task::Test => BUILD_STEPS + browser::BUILD_STEPS + TEST_STEPS,
        Task::Dist => DIST_STEPS,
        // Their steps depend on what was asked for.
        Task::Tidy
        | Task::Browser(_)
        | Task::Book
        | Task::Bench(_)
        | Task::PeersTest
        | Task::BenchData(_)
        | Task::Size(_)
        | Task::Fuzz { .. }
        | Task::Soak(_)
        | Task::Lakes
        | Task::Kafka => 0,
    });
    match task {
        Task::Build => build(checkout),
        Task::Install => install(checkout),
        Task::Demo => demo(checkout),
        Task::Test => test(checkout),
        Task::Tidy => tidy(checkout),
        Task::Dist => dist(checkout),
        Task::Browser(options) => browser(checkout, options),
        Task::Book => book::build(checkout),
        Task::Bench(options) => bench(checkout, options),
        Task::PeersTest => peers::test(checkout),
        Task::BenchData(arguments) => bench_data(checkout, arguments),
        Task::Size(arguments) => size(checkout, arguments),
        Task::Fuzz { target, time } => fuzz(checkout, target.as_deref(), *time),
        Task::Soak(kills) => soak(checkout, *kills),
        Task::Lakes => lakes(checkout),
        Task::Kafka => kafka(checkout),
    }?;
    step::check_plan()
}

/// The guests, then the host with the guest inside.
fn build(checkout: &Checkout) -> Result<(), Failure> {
    if !checkout.weir().exists() {
        say(
            "the first build takes some minutes and 2 GB below target/, most of both for the sandbox's compiler",
        );
    }
    guests::build(checkout)?;
    guests::precompile(checkout, None)?;
    step::run(
        "building the host",
        &mut checkout.quiet_cargo(&["build", "--release", "--locked", "--package", "weir-host"]),
        "read the compiler's message above; a C compiler (`cc`) is needed too",
    )
}

/// Builds, and puts the host where cargo puts programs.
fn install(checkout: &Checkout) -> Result<(), Failure> {
    build(checkout)?;
    let weir = checkout.weir();
    let folder = install::folder().ok_or_else(|| {
        Failure::new(
            "neither CARGO_INSTALL_ROOT, CARGO_HOME nor a home folder is known",
            "set CARGO_INSTALL_ROOT",
        )
    })?;
    let placed =
        install::place(&weir, &folder).map_err(|error| Failure::file("installing to", &folder, &error))?;
    say(&format!("installed {}", placed.display()));
    if !install::is_on_path(&folder) {
        say(&format!("{} is not on your PATH; add it", folder.display()));
    }
    Ok(())
}

fn demo(checkout: &Checkout) -> Result<(), Failure> {
    build(checkout)?;
    let corpus = checkout.path("tests/corpus");
    let files = demo_files(&corpus).map_err(|error| Failure::file("listing", &corpus, &error))?;
    if files.is_empty() {
        return Err(Failure::new(
            format!("no sample records below {}", corpus.display()),
            "`git restore tests/corpus`",
        ));
    }
    let mut weir = checkout.command(checkout.weir());
    // Paths the way one would type them.
    let top = checkout.path("");
    weir.arg("normalize").args(files.iter().map(|file| file.strip_prefix(&top).unwrap_or(file)));
    step::run("normalizing the sample records", &mut weir, READ_ABOVE)
}

fn test(checkout: &Checkout) -> Result<(), Failure> {
    // First what fails fast.
    tidy(checkout)?;
    ensure_components(checkout)?;
    step::run(
        "checking the format of the source",
        &mut checkout.cargo(&["fmt", "--all", "--check"]),
        "`cargo fmt --all`",
    )?;
    build(checkout)?;
    toolchain::prepare_wamr(checkout)?;
    python::prepare(checkout, "moto", "host/store/tests/requirements.txt")?;
    python::prepare(checkout, "tables", "tests/tables/requirements.txt")?;
    for packages in [REST, WAMR, PACKAGING] {
        step::run(
            "linting",
            checkout
                .quiet_cargo(&["clippy", "--release", "--locked", "--all-targets"])
                .args(packages)
                .args(["--", "--deny", "warnings"]),
            "correct what clippy names above",
        )?;
        step::run(
            "building the documentation",
            checkout
                .quiet_cargo(&["doc", "--release", "--locked", "--no-deps"])
                .args(packages)
                .env("RUSTDOCFLAGS", "--deny warnings"),
            "correct what rustdoc names above",
        )?;
    }
    for (what, packages) in [
        ("running every test of the other packages", REST),
        ("running the guest for Fluent Bit in its interpreter", WAMR),
        ("running the tests of what packs a release", PACKAGING),
    ] {
        step::run(
            what,
            checkout.cargo(&["test", "--release", "--locked"]).args(packages),
            "read the failed test's message above; it can be run alone with \
             `cargo test --release -p PACKAGE NAME`",
        )?;
    }
    browser::build(checkout)?;
    browser::test(checkout)?;
    step::run(
        "running every benchmark once, with little",
        // Unlike `cargo bench`, this asks for no measurement.
        checkout
            .cargo(&["test", "--release", "--locked"])
            .args(REST)
            .args(["--bench", "stages", "--bench", "filter", "--bench", "hostile", "--bench", "ratios"]),
        READ_ABOVE,
    )?;
    bless_changes_nothing(checkout)
}

/// What a release has, in `target/dist`, tried.
fn dist(checkout: &Checkout) -> Result<(), Failure> {
    let target = Static::prepare(checkout)?;
    say(
        "a release is built apart from other builds; the first one takes some minutes and 1 GB below target/",
    );
    guests::build(checkout)?;
    guests::precompile(checkout, Some(&target))?;
    let mut cargo = checkout.quiet_cargo(&["build", "--release", "--locked", "--package", "weir-host"]);
    target.apply(&mut cargo);
    step::run("building the host, static", &mut cargo, READ_ABOVE)?;
    step::run(
        "packing the normalizer, which must build by itself",
        &mut checkout.quiet_cargo(&["package", "--locked", "--allow-dirty", "--package", "weir-normalizer"]),
        READ_ABOVE,
    )?;
    let weir = checkout.path("target").join(&target.target).join("release/weir");
    pack(checkout, &weir, &target.target, &checkout.path("target/dist"))
}

/// Packs a binary with all that belongs to it, and tries the packages.
fn pack(checkout: &Checkout, weir: &Path, target: &str, folder: &Path) -> Result<(), Failure> {
    let packaging = || {
        let mut cargo =
            checkout.quiet_cargo(&["run", "--release", "--locked", "--package", "weir-packaging"]);
        cargo.arg("--");
        cargo
    };
    let mut cargo = packaging();
    cargo.args(["pack", "--weir"]).arg(weir).args(["--target", target, "--output"]).arg(folder);
    step::run("packing it", &mut cargo, READ_ABOVE)?;
    step::run("trying the packages", packaging().arg("try").arg(folder), READ_ABOVE)
}

/// The order of the normalizer's source.
fn tidy(checkout: &Checkout) -> Result<(), Failure> {
    let top = checkout.path("");
    let problems = tidy::check(&top).map_err(|error| Failure::file("reading the source in", &top, &error))?;
    problems.iter().for_each(|problem| say(problem));
    match problems.len() {
        0 => Ok(()),
        n => Err(Failure::new(
            format!("the normalizer's source is out of order in {n} places"),
            "mend what is told above; ARCHITECTURE.md has the order",
        )),
    }
}

/// The golden files are exactly what the code writes today.
fn bless_changes_nothing(checkout: &Checkout) -> Result<(), Failure> {
    let folder = checkout.path("tests");
    let snapshot = || Snapshot::take(&folder).map_err(|error| Failure::file("reading", &folder, &error));
    let before = snapshot()?;
    step::run(
        "blessing the corpus, which must change nothing",
        // The same selection as for all tests, so that nothing is compiled again.
        checkout
            .cargo(&["test", "--release", "--locked"])
            .args(REST)
            .args(["--test", "corpus", "--test", "schemas"])
            .env("BLESS", "1"),
        READ_ABOVE,
    )?;
    let after = snapshot()?;
    let changed = before.differences(&after);
    if changed.is_empty() {
        return Ok(());
    }
    let names: String = changed.iter().map(|path| format!("\n  {}", shorten(checkout, path))).collect();
    Err(Failure::new(
        format!("blessing changed the corpus, so these files were not what the code writes:{names}"),
        "look at `git diff tests`: commit it if the new output is right, else correct the code",
    ))
}

fn shorten(checkout: &Checkout, path: &Path) -> String {
    path.strip_prefix(checkout.path("")).unwrap_or(path).display().to_string()
}

/// rustfmt and clippy; a minimal installation of Rust lacks them.
fn ensure_components(checkout: &Checkout) -> Result<(), Failure> {
    for (component, subcommand) in [("rustfmt", "fmt"), ("clippy", "clippy")] {
        let is_there = || step::answer(&mut checkout.cargo(&[subcommand, "--version"])).is_some();
        if is_there() {
            continue;
        }
        say(&format!("asking rustup for {component}"));
        let rustup = step::listen(
            checkout.command("rustup").args(["component", "add", component]),
            Duration::from_secs(300),
        );
        if !is_there() {
            return Err(Failure::new(
                format!("cargo {subcommand} is missing\n{}", rustup.complaint),
                format!("rustup component add {component}"),
            ));
        }
    }
    Ok(())
}

/// The package for browsers, and the page.
fn browser(checkout: &Checkout, options: &Browser) -> Result<(), Failure> {
    let package = browser::build(checkout)?;
    let page = browser::page(checkout, &package)?;
    if options.test {
        browser::test(checkout)?;
        browser::test_consumers(checkout)?;
        browser::test_page(checkout)?;
    }
    say(&format!("the package is {}", package.display()));
    say(&format!("the page is {}", page.display()));
    if options.serve { browser::serve(checkout, &page) } else { Ok(()) }
}

/// The benchmarks run the host too, and the guest inside it.
fn bench(checkout: &Checkout, options: &Bench) -> Result<(), Failure> {
    build(checkout)?;
    if options.peers {
        peers::prepare(checkout)?;
    }
    let cargo = |targets: &[&str]| {
        let mut cargo = checkout.cargo(&["bench", "--locked"]);
        cargo.args(REST);
        cargo.args(targets.iter().flat_map(|target| ["--bench", target]));
        cargo
    };
    if !options.table {
        step::run("running the benchmarks", &mut cargo(&["stages", "filter", "hostile"]), READ_ABOVE)?;
        toolchain::prepare_wamr(checkout)?;
        let mut rate = checkout.quiet_cargo(&["run", "--release", "--locked"]);
        rate.args(WAMR).args(["--example", "rate"]);
        step::run("measuring the guest for Fluent Bit in its interpreter", &mut rate, READ_ABOVE)?;
    }
    // By itself and last, so that its table stands at the end.
    let mut ratios = cargo(&["ratios"]);
    ratios.arg("--").args(&options.size);
    if options.peers {
        ratios.arg("--peers");
        if options.size.is_empty() {
            ratios.arg("--write");
        }
    }
    step::run("measuring ratios", &mut ratios, READ_ABOVE)
}

/// What engines of others read of a lake.
fn lakes(checkout: &Checkout) -> Result<(), Failure> {
    build(checkout)?;
    python::install(checkout, "lakes", "tests/tables/lakes.txt")?;
    let mut python = checkout.command(checkout.path("target/python/lakes/bin/python"));
    python.arg(checkout.path("tests/tables/lakes.py")).arg(checkout.weir());
    python.args(["huawei-vpc.log", "aws-vpc.log"].map(|name| checkout.path("samples").join(name)));
    step::run("letting engines read a lake", &mut python, READ_ABOVE)
}

/// Writes records to standard output.
fn bench_data(checkout: &Checkout, arguments: &[String]) -> Result<(), Failure> {
    let mut cargo = checkout.cargo(&["run", "--quiet", "--release", "--locked", "--package", "weir-benches"]);
    cargo.args(["--bin", "bench-data", "--"]).args(arguments);
    step::run("making records", &mut cargo, READ_ABOVE)
}

/// What the bytes of the guest are spent on.
fn size(checkout: &Checkout, arguments: &[String]) -> Result<(), Failure> {
    let guest = guests::with_names(checkout)?;
    let mut cargo = checkout.cargo(&["run", "--quiet", "--release", "--locked", "--package", "weir-benches"]);
    cargo.args(["--bin", "guest-size", "--"]).arg(guest.named).arg(guest.shipped).args(arguments);
    step::run("measuring the guest", &mut cargo, READ_ABOVE)
}

/// Kills the service again and again, and counts what came out.
fn soak(checkout: &Checkout, kills: u32) -> Result<(), Failure> {
    let mut cargo = checkout.cargo(&["test", "--release", "--locked", "--package", "weir-service"]);
    cargo.args(["--test", "kills"]);
    cargo.env("WEIR_KILLS", kills.to_string());
    step::run(&format!("killing the service {kills} times"), &mut cargo, READ_ABOVE)?;
    let mut cargo = checkout.cargo(&["test", "--release", "--locked", "--package", "weir-host"]);
    cargo.args(["--test", "jobs", "killed"]);
    cargo.env("WEIR_KILLS", kills.to_string());
    step::run(&format!("killing a job {kills} times"), &mut cargo, READ_ABOVE)
}

/// Builds with Kafka, and tries that on clusters.
fn kafka(checkout: &Checkout) -> Result<(), Failure> {
    let remedy = "read the message above; librdkafka and OpenSSL need a C compiler, make and Perl";
    for (what, which) in [("the parts", ["--lib", "kafka"]), ("a cluster", ["--test", "kafka"])] {
        let mut cargo = checkout.cargo(&["test", "--release", "--locked", "--package", "weir-service"]);
        cargo.args(["--features", "kafka"]).args(which);
        step::run(&format!("trying Kafka: {what}"), &mut cargo, remedy)?;
    }
    Ok(())
}

/// The fuzz targets that run guests, for which the sandbox's compiler is compiled as the fuzzer needs it.
const WITH_SANDBOX: &[&str] = &["guests"];

/// Fuzzes one target, or each in turn.
fn fuzz(checkout: &Checkout, target: Option<&str>, time: Duration) -> Result<(), Failure> {
    let folder = checkout.path("fuzz/fuzz_targets");
    let mut targets: Vec<String> = fs::read_dir(&folder)
        .map_err(|error| Failure::file("listing the fuzz targets in", &folder, &error))?
        .filter_map(|entry| Some(entry.ok()?.file_name().to_str()?.strip_suffix(".rs")?.to_owned()))
        .collect();
    targets.sort();
    if let Some(target) = target {
        if !targets.iter().any(|name| name == target) {
            return Err(Failure::new(
                format!("there is no fuzz target `{target}`"),
                format!("name one of: {}", targets.join(", ")),
            ));
        }
        targets = vec![target.to_owned()];
    }
    if step::answer(&mut checkout.cargo(&["fuzz", "--version"])).is_none() {
        step::run(
            "installing cargo-fuzz",
            // Its build is not one of this project's results.
            checkout.quiet_cargo(&["install", "cargo-fuzz", "--locked"]).env_remove("CARGO_TARGET_DIR"),
            "`cargo install cargo-fuzz --locked`",
        )?;
    }
    let runs_guests = |target: &str| WITH_SANDBOX.contains(&target);
    if targets.iter().any(|target| runs_guests(target)) {
        // The sandbox has them inside.
        guests::build(checkout)?;
    }
    for target in targets {
        // What the fuzzer finds worth keeping goes to the first folder; the second is a start.
        let corpus = checkout.path("fuzz/corpus").join(&target);
        fs::create_dir_all(&corpus).map_err(|error| Failure::file("making", &corpus, &error))?;
        let mut cargo = checkout.cargo(&["fuzz", "run"]);
        if runs_guests(&target) {
            cargo.args(["--features", "sandbox", &target]).arg(corpus);
            // What is not stopped is a fault, and is told.
            cargo.args(["--", "-timeout=60"]);
        } else {
            cargo.arg(&target).args([corpus, checkout.path("tests/corpus")]).arg("--");
        }
        cargo.arg(format!("-max_total_time={}", time.as_secs()));
        // The words of a language that no record of the corpus has.
        let words = checkout.path("fuzz/words").join(&target).with_extension("dict");
        if words.exists() {
            cargo.arg(format!("-dict={}", words.display()));
        }
        // Opens the instrumentation to a stable compiler.
        cargo.env("RUSTC_BOOTSTRAP", "1");
        cargo.env("CARGO_TARGET_DIR", checkout.path("target/fuzz"));
        step::run(
            &format!("fuzzing {target} for {} s", time.as_secs()),
            &mut cargo,
            "the input that failed is named above; make it a case of tests/corpus and correct the code",
        )?;
    }
    Ok(())
}
