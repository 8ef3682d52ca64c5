//! Guests that do wrong, each in one way. Whatever a guest does, a run ends, and its account
//! closes: no record is lost or made up.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock},
    time::Duration,
};

use serde_json::Value;
use weir_host::{
    engine::{Factory, guest::Program},
    error::Error,
    input::Source,
    limits::SandboxLimits,
    pipeline::{self, Job, Sink},
    summary::Summary,
};
use weir_normalizer::Config;

const RECORDS: usize = 100_000;
/// The index of the record that some guests fail on; it is longer than the others.
const OFFENDER: usize = 42_424;

/// What comes of a run with a guest.
enum Expect {
    /// It is done; so many records are rejected, all of them with this code.
    Done { rejected: u64, code: &'static str },
    /// The guest is given up, and the message says this of it.
    GivenUp(&'static str),
    /// The guest is not even started, and the message says this of it.
    Refused(&'static str),
}
use Expect::{Done, GivenUp, Refused};

/// Declares a test for each guest, and the roll they are called by.
macro_rules! guests {
    ($($name:ident => $expect:expr;)*) => {
        const ROLL: &[&str] = &[$(stringify!($name)),*];
        $(#[test]
        fn $name() {
            check(stringify!($name), &$expect);
        })*
    };
}

guests! {
    traps_at_once => GivenUp("failed on 16 records one after another; the last time, the guest trapped: wasm `unreachable` instruction");
    traps_on_one_record => Done { rejected: 1, code: "guest-trap" };
    // The offender's seventh byte is odd, too.
    traps_on_every_second_record => Done { rejected: 50_001, code: "guest-trap" };
    traps_on_its_third_run => Done { rejected: 0, code: "" };
    recurses => GivenUp("call stack exhausted");
    recurses_broadly => GivenUp("ran past its deadline");
    loops_at_once => GivenUp("too much time was lost with it; the last time, the guest ran past its deadline");
    loops_on_one_record => Done { rejected: 1, code: "guest-timeout" };
    loops_in_input => GivenUp("ran past its deadline");
    loops_in_start => Refused("can't start the guest: the guest ran past its deadline");
    loops_in_configure => Refused("can't start the guest: the guest ran past its deadline");
    grows_at_once => GivenUp("needed more memory than its 8 MiB");
    grows_on_one_record => Done { rejected: 1, code: "guest-memory" };
    is_born_too_big => Refused("needed more memory than its 8 MiB");
    has_too_large_a_table => Refused("the guest trapped: table minimum size of 100000 elements exceeds table limits");
    has_no_room => GivenUp("needed more memory than its 8 MiB");
    input_outside_memory => Refused("bytes at 4294967280, lies outside the memory");
    refuses_batches => GivenUp("it refuses the batch");
    reply_outside_memory => GivenUp("its header at 4294967280 lies outside the memory");
    records_outside_memory => GivenUp("the records, 4294967295 bytes at 4294967295, lie outside the memory");
    rejects_outside_memory => GivenUp("the rejects, 2147483647 bytes at 16, lie outside the memory");
    absurd_counts => GivenUp("4294967296 records in 1 elements of 7 bytes");
    absurd_filtered_bytes => GivenUp("1 filtered records of 2147483647 bytes, and 0 rejected bytes, of 7");
    no_progress => GivenUp("it came to element 0, from 0 of 1");
    beyond_the_end => GivenUp("it came to element 2147483647, from 0 of 1");
    claims_fewer_records => GivenUp("0 records in 1 elements of 7 bytes");
    miscounts_records => GivenUp("2 records in 1 lines");
    unterminated_record => GivenUp("the last record does not end with a line break");
    miscounts_tallies => GivenUp("tallies of 123456 for 1 records");
    names_a_product_badly => GivenUp("a tally names no proper product");
    rejects_beyond_the_end => GivenUp("reject 0 is of element 1000000");
    rejects_out_of_order => GivenUp("reject 0 is of element 1");
    rejects_without_reasons => GivenUp("2 records rejected, with 1 reasons");
    reason_is_no_text => GivenUp("reject 0 is malformed");
    reason_is_cut => GivenUp("reject 0 is malformed");
    reason_is_endless => GivenUp("reject 0 has a text of over 4 KiB");
    imports => Refused("the guest imports `time` from `env`, but a guest gets nothing from its host");
    other_version => Refused("speaks version 2 of the ABI and this Weir speaks version 1;");
    lacks_run => Refused("does not export `weir_run: (i32, i32) -> i32`; version 1 of the ABI asks for it");
    lacks_version => Refused("speaks no ABI and this Weir speaks version 1;");
    refuses_configuration => Refused("not on Sundays");
    message_outside_memory => Refused("its message lies outside the memory");
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/guests")
}

#[test]
fn every_guest_is_on_the_roll() {
    let files = fs::read_dir(directory()).unwrap().map(|entry| entry.unwrap().path());
    let found: BTreeSet<_> = files
        .filter(|path| path.extension().is_some_and(|e| e == "wat"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(found, ROLL.iter().map(|name| (*name).to_owned()).collect());
}

/// The input that all guests get: records without a known format, told apart by a number.
static INPUT: LazyLock<PathBuf> = LazyLock::new(|| {
    let line = |i| if i == OFFENDER { "offender\n".into() } else { format!("r{i:06}\n") };
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("evil_guests.log");
    fs::write(&path, (0..RECORDS).map(line).collect::<String>()).unwrap();
    path
});

struct Run {
    summary: Summary,
    result: Result<(), Error>,
    output: String,
    rejects: Vec<Value>,
}

fn run(name: &str, jobs: usize) -> Run {
    let text = fs::read_to_string(directory().join(name).with_extension("wat")).unwrap();
    let honest = fs::read_to_string(directory().join("honest.inc")).unwrap();
    let wasm = wat::parse_str(text.replace("(; honest.inc ;)", &honest)).unwrap();
    let limits =
        SandboxLimits { memory: 8 << 20, deadline: Duration::from_millis(500), ..SandboxLimits::default() };
    let config = Config::default();
    let program = match Program::load(&wasm, name, &config, limits) {
        Ok(program) => Arc::new(program),
        Err(e) => {
            let (summary, output, rejects) = Default::default();
            return Run { summary, result: Err(e), output, rejects };
        }
    };
    let job = Job {
        sources: vec![Source::File(INPUT.clone())],
        config,
        factory: Factory::Guest(program),
        jobs,
        progress: None,
    };
    let (mut output, mut rejects) = (Vec::new(), Vec::new());
    let (summary, result) = pipeline::run(
        job,
        Sink { name: "the output", writer: &mut output },
        Some(Sink { name: "the rejects", writer: &mut rejects }),
    );
    let rejects = String::from_utf8(rejects).unwrap();
    Run {
        summary,
        result,
        output: String::from_utf8(output).unwrap(),
        rejects: rejects.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
    }
}

fn check(name: &str, expect: &Expect) {
    // The reader's own engine, and another worker's, too.
    for jobs in [1, 2] {
        check_run(name, run(name, jobs), expect);
    }
}

fn check_run(name: &str, run: Run, expect: &Expect) {
    let Run { summary, result, output, rejects } = run;
    let (records, bytes) = (&summary.records, &summary.bytes);
    assert_eq!(records.r#in, records.normalized + records.filtered + records.rejected);
    assert_eq!(bytes.r#in, bytes.normalized + bytes.filtered + bytes.rejected + bytes.blank + bytes.framing);
    assert_eq!(output.lines().count() as u64, records.normalized);
    assert_eq!(rejects.len() as u64, records.rejected);
    assert_eq!(summary.by_product.values().sum::<u64>(), records.normalized);
    assert_eq!(summary.rejects_by_reason.values().sum::<u64>(), records.rejected);
    assert_eq!(records.filtered, 0);
    // Also where a batch makes more parts than may wait for the writer.
    assert!(rejects.is_sorted_by_key(|reject| reject["offset"].as_u64()));

    match expect {
        Done { rejected, code } => {
            result.unwrap();
            assert_eq!(records.r#in, RECORDS as u64);
            assert_eq!(bytes.r#in, fs::metadata(&*INPUT).unwrap().len());
            assert_eq!(bytes.framing, RECORDS as u64);
            let reasons = BTreeMap::from_iter((*rejected > 0).then(|| ((*code).to_owned(), *rejected)));
            assert_eq!(summary.rejects_by_reason, reasons);
            if *rejected == 1 {
                let reject = &rejects[0];
                assert_eq!(reject["line"], OFFENDER as u64 + 1);
                assert_eq!(reject["offset"], OFFENDER as u64 * 8);
                assert_eq!(reject["raw"], "offender");
            }
        }
        GivenUp(why) => {
            let error = result.unwrap_err();
            assert_eq!(error.exit_status(), 1);
            let error = error.to_string();
            assert!(error.starts_with(&format!("{name}: the guest is given up, because ")), "{error}");
            assert!(error.contains(why), "{error}");
            assert!(records.r#in <= 17, "{records:?}");
        }
        Refused(why) => {
            let error = result.unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
            assert_eq!(summary.records.r#in, 0);
        }
    }
}

#[test]
fn any_number_of_jobs_gives_the_same_output() {
    let one = run("traps_on_one_record", 1);
    for jobs in [2, 5] {
        let many = run("traps_on_one_record", jobs);
        assert!(one.output == many.output, "{jobs}");
        assert!(one.rejects == many.rejects, "{jobs}");
    }
}

/// The smallest guest is no evil one, but it is loaded and fed the same way.
#[test]
fn the_smallest_guest_is_complete() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins/minimal/minimal.wat");
    let wasm = wat::parse_file(path).unwrap();
    let config = Config::default();
    let program = Program::load(&wasm, "minimal", &config, SandboxLimits::default()).unwrap();
    let input = Path::new(env!("CARGO_TARGET_TMPDIR")).join("minimal.log");
    let long = "x".repeat(70_000);
    fs::write(&input, format!("a\n\nbcd efg\r\n{long}\n{{\"logs\":[{{\"a\":1}}, \"text\"]}}\n1234567890"))
        .unwrap();
    let (mut output, mut rejects) = (Vec::new(), Vec::new());
    let (summary, result) = pipeline::run(
        Job {
            sources: vec![Source::File(input)],
            config,
            factory: Factory::Guest(Arc::new(program)),
            jobs: 1,
            progress: None,
        },
        Sink { name: "the output", writer: &mut output },
        Some(Sink { name: "the rejects", writer: &mut rejects }),
    );
    result.unwrap();
    let lengths: Vec<u64> = String::from_utf8(output)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["length"].as_u64().unwrap())
        .collect();
    assert_eq!(lengths, [1, 7, 70_000, 7, 6, 10]);
    assert_eq!(summary.bytes.normalized, lengths.iter().sum::<u64>());
    assert_eq!(summary.by_product, BTreeMap::from([("minimal".to_owned(), 6)]));
    assert!(rejects.is_empty());
}
