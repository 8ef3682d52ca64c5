//! The command line of `cargo xtask`.

use std::{ffi::OsString, time::Duration};

/// What `cargo xtask help` prints, and a wrong command line is answered with.
pub(crate) const USAGE: &str = "\
Usage: cargo xtask COMMAND

Commands:
  build   prepare what is missing, build the guests and the host
          (target/release/weir with the guest inside, the guests in target/plugins)
  install build, then put weir where cargo puts programs ($CARGO_INSTALL_ROOT/bin, or
          $CARGO_HOME/bin, or ~/.cargo/bin)
  demo    build, then normalize the sample records that ship with the project
  test    build, then run every check and every test
  tidy    check the order of the normalizer's source: what imports what, and names
  dist    build a static binary, and pack what a release has into target/dist: a tarball, a
          Debian package, a bill of materials and checksums; then try them
  browser [--test] [--serve]
          build the npm package weir-flow and the page (target/browser). --test packs the
          package, installs it into an empty project, and tries both; --serve shows the page
  book    build the documentation into target/book, to be read in a browser; the first one takes
          some minutes, for mdBook
  bench [--peers] [--table] [--rounds N] [--records N]
          run the benchmarks; a table of ratios comes last. --peers compares with other
          people's programs too, and then the README gets the table, unless it is a quick
          one: --rounds and --records say how much is measured. --table makes nothing else
  peers-test
          try the programs in VRL that `weir bake vector` writes with Vector's own compiler
          against the corpus; the first one takes some minutes, for VRL
  bench-data [OPTIONS]
          write records like real ones to standard output; --help says which
  size [--functions N]
          tell what the bytes of the guest are spent on, and its N largest functions
  fuzz [TARGET] [--seconds N]
          fuzz TARGET, or every target in turn, for N seconds each (default 60); the target
          guests takes some minutes to build, for wasmtime
  soak [--kills N]
          kill the service N times (default 200) at any moment, while its files are written and
          rotated, and count what came out; then a job as often, and compare what it made
  lakes   let DuckDB, Spark, Iceberg and Delta Lake read a lake that weir writes, and compare; the
          first time they are installed into target/python/lakes (1 GB), and Spark needs Java
  kafka   build with Kafka, which compiles OpenSSL and librdkafka and takes some ten minutes the first
          time, and run its tests: on librdkafka's mock of a cluster, and on a real one where
          WEIR_KAFKA_BROKERS names its brokers
  help    print this text

Exit status: 0 done, 1 a step failed (the message names it and what to try), 2 usage";

/// How long a fuzz target runs when nobody says otherwise.
const FUZZ_TIME: Duration = Duration::from_secs(60);

/// How often the service is killed when nobody says otherwise.
const KILLS: u32 = 200;

/// A command line that makes sense.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Help,
    Run(Task),
}

/// What there is to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Task {
    Build,
    Install,
    Demo,
    Test,
    Tidy,
    Dist,
    Browser(Browser),
    Book,
    Bench(Bench),
    PeersTest,
    /// With the generator's own arguments.
    BenchData(Vec<String>),
    /// With the arguments of the program that tells it.
    Size(Vec<String>),
    Fuzz {
        /// Every target if absent.
        target: Option<String>,
        /// For each target.
        time: Duration,
    },
    /// So many kills.
    Soak(u32),
    Lakes,
    Kafka,
}

/// What is to be done with the package for browsers, once it is built.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Browser {
    /// Run every test of it.
    pub(crate) test: bool,
    /// Serve the page.
    pub(crate) serve: bool,
}

/// What the benchmarks are to do.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Bench {
    /// Compare with other people's programs.
    pub(crate) peers: bool,
    /// The table alone.
    pub(crate) table: bool,
    /// How much is measured, as options of the table's program; nothing for as much as it likes.
    pub(crate) size: Vec<String>,
}

/// Reads the arguments after the program's name; the error is one line for a person.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Request, String> {
    let mut arguments = arguments.into_iter().map(|argument| {
        argument.into_string().map_err(|bad| format!("the argument {bad:?} is not valid Unicode"))
    });
    let command = arguments.next().ok_or("no command given")??;
    let task = match command.as_str() {
        "build" => Task::Build,
        "install" => Task::Install,
        "demo" => Task::Demo,
        "test" => Task::Test,
        "tidy" => Task::Tidy,
        "dist" => Task::Dist,
        "browser" => Task::Browser(browser(&mut arguments)?),
        "book" => Task::Book,
        "bench" => Task::Bench(bench(&mut arguments)?),
        "peers-test" => Task::PeersTest,
        "bench-data" => Task::BenchData(arguments.by_ref().collect::<Result<_, _>>()?),
        "size" => Task::Size(arguments.by_ref().collect::<Result<_, _>>()?),
        "fuzz" => fuzz(&mut arguments)?,
        "soak" => Task::Soak(soak(&mut arguments)?),
        "lakes" => Task::Lakes,
        "kafka" => Task::Kafka,
        "help" | "--help" | "-h" => return Ok(Request::Help),
        other => return Err(format!("there is no command `{other}`")),
    };
    match arguments.next().transpose()?.as_deref() {
        None => Ok(Request::Run(task)),
        Some("--help" | "-h") => Ok(Request::Help),
        Some(extra) => Err(format!("`{command}` does not take the argument `{extra}`")),
    }
}

/// Reads what follows `browser`, all of it.
fn browser(arguments: &mut impl Iterator<Item = Result<String, String>>) -> Result<Browser, String> {
    let mut browser = Browser::default();
    while let Some(argument) = arguments.next().transpose()? {
        match argument.as_str() {
            "--test" => browser.test = true,
            "--serve" => browser.serve = true,
            _ => return Err(format!("`browser` does not take the argument `{argument}`")),
        }
    }
    Ok(browser)
}

/// Reads what follows `bench`, all of it.
fn bench(arguments: &mut impl Iterator<Item = Result<String, String>>) -> Result<Bench, String> {
    let mut bench = Bench::default();
    while let Some(argument) = arguments.next().transpose()? {
        match argument.as_str() {
            "--peers" => bench.peers = true,
            "--table" => bench.table = true,
            "--rounds" | "--records" => {
                let number = arguments.next().transpose()?.unwrap_or_default();
                if number.parse::<u32>().is_err() {
                    return Err(format!("`{argument}` needs a number after it, not `{number}`"));
                }
                bench.size.extend([argument, number]);
            }
            _ => return Err(format!("`bench` does not take the argument `{argument}`")),
        }
    }
    Ok(bench)
}

/// Reads what follows `soak`, all of it.
fn soak(arguments: &mut impl Iterator<Item = Result<String, String>>) -> Result<u32, String> {
    let mut kills = KILLS;
    while let Some(argument) = arguments.next().transpose()? {
        if argument != "--kills" {
            return Err(format!("`soak` does not take the argument `{argument}`"));
        }
        let number = arguments.next().transpose()?.unwrap_or_default();
        kills = number.parse().map_err(|_| format!("`--kills` needs a number after it, not `{number}`"))?;
    }
    Ok(kills)
}

/// Reads what follows `fuzz`, all of it.
fn fuzz(arguments: &mut impl Iterator<Item = Result<String, String>>) -> Result<Task, String> {
    let (mut target, mut time) = (None, FUZZ_TIME);
    while let Some(argument) = arguments.next().transpose()? {
        let seconds = match argument.strip_prefix("--seconds") {
            Some("") => Some(arguments.next().transpose()?.ok_or("`--seconds` needs a number after it")?),
            Some(rest) => rest.strip_prefix('=').map(str::to_owned),
            None => None,
        };
        if let Some(seconds) = seconds {
            // 0 would mean "for ever" to the fuzzer.
            time = match seconds.parse() {
                Ok(n) if n > 0 => Duration::from_secs(n),
                _ => return Err(format!("`--seconds` takes a number from 1 up, not `{seconds}`")),
            };
        } else if argument.starts_with('-') {
            return Err(format!("`fuzz` has no option `{argument}`"));
        } else if let Some(first) = target.replace(argument) {
            return Err(format!("`fuzz` takes one target; the second one follows `{first}`"));
        }
    }
    Ok(Task::Fuzz { target, time })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Request, String> {
        parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn every_command_is_read() {
        assert_eq!(read("build"), Ok(Request::Run(Task::Build)));
        assert_eq!(read("install"), Ok(Request::Run(Task::Install)));
        assert_eq!(read("demo"), Ok(Request::Run(Task::Demo)));
        assert_eq!(read("test"), Ok(Request::Run(Task::Test)));
        assert_eq!(read("tidy"), Ok(Request::Run(Task::Tidy)));
        assert_eq!(read("dist"), Ok(Request::Run(Task::Dist)));
        assert_eq!(read("peers-test"), Ok(Request::Run(Task::PeersTest)));
        assert_eq!(read("browser"), Ok(Request::Run(Task::Browser(Browser::default()))));
        assert_eq!(read("book"), Ok(Request::Run(Task::Book)));
        let both = Browser { test: true, serve: true };
        assert_eq!(read("browser --serve --test"), Ok(Request::Run(Task::Browser(both))));
        assert_eq!(read("bench"), Ok(Request::Run(Task::Bench(Bench::default()))));
        let quick = Bench {
            peers: true,
            table: true,
            size: ["--rounds", "3", "--records", "5000"].map(str::to_owned).to_vec(),
        };
        assert_eq!(
            read("bench --peers --rounds 3 --table --records 5000"),
            Ok(Request::Run(Task::Bench(quick)))
        );
        let options = ["--seed", "1", "--help"].map(str::to_owned).to_vec();
        assert_eq!(read("bench-data --seed 1 --help"), Ok(Request::Run(Task::BenchData(options))));
        let options = ["--functions", "9"].map(str::to_owned).to_vec();
        assert_eq!(read("size --functions 9"), Ok(Request::Run(Task::Size(options))));
        assert_eq!(read("lakes"), Ok(Request::Run(Task::Lakes)));
        assert_eq!(read("kafka"), Ok(Request::Run(Task::Kafka)));
        assert_eq!(read("soak"), Ok(Request::Run(Task::Soak(200))));
        assert_eq!(read("soak --kills 5"), Ok(Request::Run(Task::Soak(5))));
        for help in ["help", "--help", "-h", "build --help"] {
            assert_eq!(read(help), Ok(Request::Help), "{help}");
        }
    }

    #[test]
    fn the_usage_names_every_command() {
        for command in [
            "build",
            "install",
            "demo",
            "test",
            "tidy",
            "dist",
            "browser",
            "book",
            "bench",
            "bench-data",
            "size",
            "fuzz",
            "soak",
            "lakes",
            "kafka",
            "help",
        ] {
            assert!(USAGE.contains(&format!("\n  {command} ")), "{command}");
        }
    }

    #[test]
    fn fuzz_takes_a_target_and_a_time_in_any_order() {
        let fuzz = |target: Option<&str>, seconds| {
            let time = Duration::from_secs(seconds);
            Ok(Request::Run(Task::Fuzz { target: target.map(str::to_owned), time }))
        };
        assert_eq!(read("fuzz"), fuzz(None, 60));
        assert_eq!(read("fuzz framing"), fuzz(Some("framing"), 60));
        assert_eq!(read("fuzz --seconds 5"), fuzz(None, 5));
        assert_eq!(read("fuzz framing --seconds=5"), fuzz(Some("framing"), 5));
        assert_eq!(read("fuzz --seconds 5 framing"), fuzz(Some("framing"), 5));
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        for (line, says) in [
            ("", "no command"),
            ("biuld", "`biuld`"),
            ("build host", "`host`"),
            ("test --seconds 5", "`--seconds`"),
            ("browser --tset", "`--tset`"),
            ("bench --rounds", "needs a number"),
            ("bench --rounds ten", "`ten`"),
            ("bench --peer", "`--peer`"),
            ("fuzz --seconds", "needs a number"),
            ("fuzz --seconds 0", "`0`"),
            ("fuzz --seconds=ten", "`ten`"),
            ("fuzz --secondsx", "`--secondsx`"),
            ("fuzz --jobs", "`--jobs`"),
            ("fuzz one two", "`one`"),
            ("soak --kill 5", "`--kill`"),
            ("soak --kills many", "`many`"),
        ] {
            let problem = read(line).expect_err(line);
            assert!(problem.contains(says), "{line}: {problem}");
        }
    }
}
