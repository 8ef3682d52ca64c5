//! Guests that do wrong, each in one way. Whatever a guest does, a run ends, and its account
//! closes: no record is lost or made up.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock},
    time::Duration,
};

use serde_json::Value;
use weir_host::{
    Error,
    run::{self, Job, Sink},
};
use weir_io::Source;
use weir_normalizer::Config;
use weir_pipeline::{Factory as _, Failures, summary::Summary};
use weir_sandbox::{Program, SandboxLimits, StoppedBy};

const RECORDS: usize = 100_000;
/// The index of the record that some guests fail on; it is longer than the others.
const OFFENDER: usize = 42_424;

/// What comes of a run with a guest.
enum Expect {
    /// It is done; so many records are rejected, all of them with this code.
    Done { rejected: u64, code: &'static str },
    /// The guest fails on every record, and the message says this of it.
    Fails(&'static str),
    /// The guest fails on at least so many records and at most so many, and the message says this
    /// of it.
    FailsOnSome(RangeInclusive<u64>, &'static str),
    /// The guest is not even started, and the message says this of it.
    Refused(&'static str),
}
use Expect::{Done, Fails, FailsOnSome, Refused};

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
    traps_at_once => Fails("; the last time, the guest trapped: wasm `unreachable` instruction");
    traps_on_one_record => Done { rejected: 1, code: "guest-trap" };
    // The offender's seventh byte is odd, too.
    traps_on_every_second_record => Done { rejected: 50_001, code: "guest-trap" };
    // A run goes on behind them.
    traps_on_a_hundred_in_a_row => FailsOnSome(100..=100, "it failed on 100 records one after another; the last time, the guest trapped");
    // Some of their neighbours are not tried again, but those are of the same batch.
    loops_on_a_hundred_in_a_row => FailsOnSome(100..=32_768, "the last time, the guest ran past its deadline");
    traps_on_its_third_run => Done { rejected: 0, code: "" };
    recurses => Fails("call stack exhausted");
    recurses_broadly => Fails("ran past its deadline");
    loops_at_once => Fails("too much time was lost with it; the last time, the guest ran past its deadline");
    loops_on_one_record => Done { rejected: 1, code: "guest-timeout" };
    loops_in_input => Fails("ran past its deadline");
    loops_in_start => Refused("can't start the guest: the guest ran past its deadline");
    loops_in_configure => Refused("can't start the guest: the guest ran past its deadline");
    grows_at_once => Fails("needed more memory than its 8 MiB");
    grows_on_one_record => Done { rejected: 1, code: "guest-memory" };
    is_born_too_big => Refused("needed more memory than its 8 MiB");
    has_too_large_a_table => Refused("the guest trapped: table minimum size of 100000 elements exceeds table limits");
    has_no_room => Fails("needed more memory than its 8 MiB");
    input_outside_memory => Refused("bytes at 4294967280, lies outside the memory");
    refuses_batches => Fails("it refuses the batch");
    reply_outside_memory => Fails("its header at 4294967280 lies outside the memory");
    records_outside_memory => Fails("the records, 4294967295 bytes at 4294967295, lie outside the memory");
    rejects_outside_memory => Fails("the rejects, 2147483647 bytes at 16, lie outside the memory");
    absurd_counts => Fails("the guest's reply can't be true: 42949");
    absurd_filtered_bytes => Fails(" filtered records of 2147483647 bytes, and 0 rejected bytes, of ");
    no_progress => Fails("it came to element 0, from 0 of ");
    beyond_the_end => Fails("it came to element 2147483647, from 0 of ");
    claims_fewer_records => Fails("the guest's reply can't be true: 0 records in ");
    miscounts_records => Fails(" lines");
    unterminated_record => Fails("the last record does not end with a line break");
    miscounts_tallies => Fails("tallies of 123456 for ");
    names_a_product_badly => Fails("a tally names no proper product");
    rejects_beyond_the_end => Fails("reject 0 is of element 1000000");
    rejects_out_of_order => Fails(" is of element ");
    rejects_without_reasons => Fails(" reasons");
    reason_is_no_text => Fails("reject 0 is malformed");
    reason_is_cut => Fails("reject 0 is malformed");
    reason_is_endless => Fails("reject 0 has a text of over 4 KiB");
    imports => Refused("the guest imports `time` from `env`, but a guest gets nothing from its host");
    other_version => Refused("speaks version 2 of the ABI and this Weir speaks version 1;");
    lacks_run => Refused("does not export `weir_run: (i32, i32) -> i32`; version 1 of the ABI asks for it");
    lacks_version => Refused("speaks no ABI and this Weir speaks version 1;");
    refuses_configuration => Refused("not on Sundays");
    message_outside_memory => Refused("its message lies outside the memory");
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/guests")
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
    failures: Failures,
}

fn run(name: &str, jobs: usize, stopped_by: StoppedBy) -> Run {
    let text = fs::read_to_string(directory().join(name).with_extension("wat")).unwrap();
    let honest = fs::read_to_string(directory().join("honest.inc")).unwrap();
    let wasm = wat::parse_str(text.replace("(; honest.inc ;)", &honest)).unwrap();
    // What can be lost in failed runs depends on the deadline, and those who trap on some records
    // shall lose no other.
    let deadline = Duration::from_millis(if name.starts_with("traps_on") { 120_000 } else { 200 });
    let limits = SandboxLimits { memory: 8 << 20, deadline, stopped_by, ..SandboxLimits::default() };
    let config = Config::default();
    let program = match Program::load(&wasm, name, &config, limits) {
        Ok(program) => Arc::new(program),
        Err(e) => {
            let (summary, output, rejects, failures) = Default::default();
            return Run { summary, result: Err(e.into()), output, rejects, failures };
        }
    };
    let factory = Arc::clone(&program) as _;
    let job = Job { jobs, ..Job::new(vec![Source::File(INPUT.clone())], config, factory) };
    let (mut output, mut rejects) = (Vec::new(), Vec::new());
    let (summary, result) = run::run(
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
        failures: program.failures(),
    }
}

fn check(name: &str, expect: &Expect) {
    // The reader's own engine, and another worker's, too.
    for jobs in [1, 2] {
        check_run(name, run(name, jobs, StoppedBy::Polls), expect);
    }
    // How it is stopped makes no difference. Those that trap again and again take long, and are
    // stopped by nobody.
    if !name.starts_with("traps_on") {
        check_run(name, run(name, 2, StoppedBy::Epochs), expect);
    }
}

fn check_run(name: &str, run: Run, expect: &Expect) {
    let Run { summary, result, output, rejects, failures } = run;
    assert_eq!(failures.replaced, failures.traps + failures.deadlines);
    let (records, bytes) = (summary.records.clone(), summary.bytes.clone());
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
            let Failures { traps, deadlines, .. } = failures;
            match *code {
                // Another one did it.
                _ if *rejected == 0 => {}
                "guest-timeout" => assert!(deadlines >= *rejected && traps == 0, "{failures:?}"),
                _ => assert!(traps >= *rejected && deadlines == 0, "{failures:?}"),
            }
            if *rejected == 1 {
                let reject = &rejects[0];
                assert_eq!(reject["line"], OFFENDER as u64 + 1);
                assert_eq!(reject["offset"], OFFENDER as u64 * 8);
                assert_eq!(reject["raw"], "offender");
            }
        }
        Fails(why) => check_failed(name, result, summary, RECORDS as u64..=RECORDS as u64, why),
        FailsOnSome(rejected, why) => check_failed(name, result, summary, rejected.clone(), why),
        Refused(why) => {
            let error = result.unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
            assert_eq!(summary.records.r#in, 0);
        }
    }
}

/// Also a run that fails goes to the end of the input.
fn check_failed(
    name: &str,
    result: Result<(), Error>,
    summary: Summary,
    rejected: RangeInclusive<u64>,
    why: &str,
) {
    let error = result.unwrap_err();
    assert_eq!(error.exit_status(), 1);
    let error = error.to_string();
    assert!(error.starts_with(&format!("{name}: the guest failed again and again: ")), "{error}");
    assert!(error.contains(why), "{error}");
    let records = &summary.records;
    assert_eq!(records.r#in, RECORDS as u64, "{error}");
    assert!(rejected.contains(&records.rejected), "{records:?}");
    let untried = summary.rejects_by_reason.get("guest-untried").copied().unwrap_or(0);
    let told = format!("with {untried} more that were not tried");
    assert_eq!(error.contains(&told), untried > 0, "{error}");
}

#[test]
fn any_number_of_jobs_gives_the_same_output() {
    let one = run("traps_on_one_record", 1, StoppedBy::Polls);
    for jobs in [2, 5] {
        let many = run("traps_on_one_record", jobs, StoppedBy::Polls);
        assert!(one.output == many.output, "{jobs}");
        assert!(one.rejects == many.rejects, "{jobs}");
    }
}

/// The smallest guest is no evil one, but it is loaded and fed the same way.
#[test]
fn the_smallest_guest_is_complete() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/minimal/minimal.wat");
    let wasm = wat::parse_file(path).unwrap();
    let config = Config::default();
    let program = Program::load(&wasm, "minimal", &config, SandboxLimits::default()).unwrap();
    let input = Path::new(env!("CARGO_TARGET_TMPDIR")).join("minimal.log");
    let long = "x".repeat(70_000);
    fs::write(&input, format!("a\n\nbcd efg\r\n{long}\n{{\"logs\":[{{\"a\":1}}, \"text\"]}}\n1234567890"))
        .unwrap();
    let (mut output, mut rejects) = (Vec::new(), Vec::new());
    let (summary, result) = run::run(
        Job::new(vec![Source::File(input)], config, Arc::new(program)),
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
