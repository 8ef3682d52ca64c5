//! Other processes: the host as people start it, and other people's programs.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::resource::{UsageWho, getrusage},
    time::{ClockId, clock_gettime},
};
use weir_benches::records::{Maker, Order};

/// How long something took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Time {
    /// Of the clock on the wall.
    pub(crate) wall: Duration,
    /// Of all processors together.
    pub(crate) processor: Duration,
}

/// The time of something in this process.
pub(crate) fn timed(work: impl FnOnce()) -> Time {
    let processor = || -> Duration {
        clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).expect("every process has this clock").into()
    };
    let (begin, before) = (Instant::now(), processor());
    work();
    Time { wall: begin.elapsed(), processor: processor() - before }
}

/// A path below the top of the checkout.
pub(crate) fn path(below: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(below)
}

/// `weir normalize` with these arguments, to nowhere.
pub(crate) fn weir(arguments: &[&str]) -> Command {
    let program = path("target/release/weir");
    assert!(program.exists(), "{} is missing; `cargo xtask build` makes it", program.display());
    let mut command = Command::new(program);
    command.arg("normalize").args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// The time of a whole run over a file; the account of it has to say so many records normalized
/// and rejected.
pub(crate) fn run(arguments: &[&str], file: &Path, normalized: usize, rejected: usize) -> Time {
    let processor = || {
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("the system tells");
        let [user, system] = [usage.user_time(), usage.system_time()]
            .map(|t| Duration::new(t.tv_sec() as u64, t.tv_usec() as u32 * 1000));
        user + system
    };
    let mut command = weir(arguments);
    command.args(["--summary", "json"]).arg(file);
    let (begin, before) = (Instant::now(), processor());
    let output = command.output().expect("the host starts");
    let time = Time { wall: begin.elapsed(), processor: processor() - before };
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{told}");
    // Rejects that no file takes are told before.
    let summary = told.lines().last().unwrap_or_default();
    let summary: serde_json::Value = serde_json::from_str(summary).expect("a summary in JSON");
    let counts = ["normalized", "rejected"].map(|key| summary["records"][key].as_u64());
    assert_eq!(counts, [Some(normalized as u64), Some(rejected as u64)], "{command:?}");
    time
}

/// The time from before the process starts until its first record is there.
pub(crate) fn first_record(line: &[u8]) -> Duration {
    let begin = Instant::now();
    let mut child = weir(&["--summary", "none"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the host starts");
    // The input goes on, as of a stream.
    let mut input = child.stdin.take().expect("it is a pipe");
    input.write_all(line).expect("the host reads");
    let mut output = BufReader::new(child.stdout.take().expect("it is a pipe"));
    let mut record = Vec::new();
    output.read_until(b'\n', &mut record).expect("the host writes");
    let time = begin.elapsed();
    assert!(record.starts_with(b"{") && record.ends_with(b"}\n"));
    drop(input);
    assert!(child.wait().expect("it ends").success());
    time
}

/// The most resident memory, in bytes, of a run with one job over a stream of so many bytes:
/// after an eighth of it, and after all. Only Linux tells it of a process that still runs.
pub(crate) fn memory(order: Order, bytes: usize) -> Option<[u64; 2]> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    let mut child =
        weir(&["--jobs", "1", "--summary", "json"]).stdin(Stdio::piped()).spawn().expect("the host starts");
    let mut input = child.stdin.take().expect("it is a pipe");
    let status = format!("/proc/{}/status", child.id());
    let most = || -> u64 {
        let status = fs::read_to_string(&status).expect("the system tells");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak of memory");
        let kib = line.trim().strip_suffix(" kB").expect("a number of kB");
        kib.parse::<u64>().expect("a number of kB") << 10
    };
    let mut maker = Maker::new(order);
    let (mut piece, mut written, mut early) = (Vec::new(), 0, None);
    while written < bytes {
        piece.clear();
        while piece.len() < 1 << 20 && maker.make(&mut piece) {}
        assert!(!piece.is_empty(), "the order is for too few records");
        input.write_all(&piece).expect("the host reads");
        written += piece.len();
        if early.is_none() && written >= bytes / 8 {
            early = Some(most());
        }
    }
    // What is still in the pipe is less than a batch.
    let peaks = [early.unwrap_or_default(), most()];
    drop(input);
    let mut told = String::new();
    child.stderr.take().expect("it is a pipe").read_to_string(&mut told).expect("the host tells");
    assert!(child.wait().expect("it ends").success(), "{told}");
    Some(peaks)
}

/// Reads a file and counts its lines, which is as fast as anything can be.
pub(crate) fn count_lines(file: &Path) -> usize {
    let mut file = File::open(file).expect("it was written just now");
    let mut piece = vec![0; 256 << 10];
    let mut lines = 0;
    loop {
        match file.read(&mut piece).expect("it can be read") {
            0 => return lines,
            n => lines += memchr::memchr_iter(b'\n', &piece[..n]).count(),
        }
    }
}

/// A process that does what it is asked, over and over, so that its start is not counted.
///
/// It is asked by a line `WORKLOAD TAB FILE` and answers by `RECORDS SECONDS PROCESSOR_SECONDS`.
pub(crate) struct Peer {
    child: Child,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Peer {
    pub(crate) fn start(command: &mut Command) -> Self {
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        let questions = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().expect("it is a pipe"));
        Self { child, questions, answers }
    }

    /// Has a workload done, which must find so many records.
    pub(crate) fn ask(&mut self, workload: &str, file: &Path, records: usize) -> Time {
        let questions = self.questions.as_mut().expect("it is open until the end");
        writeln!(questions, "{workload}\t{}", file.display()).expect("the peer listens");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("the peer answers");
        let mut words = answer.split_whitespace();
        let count = words.next().and_then(|n| n.parse().ok());
        assert_eq!(count, Some(records), "{workload} answers {answer:?}");
        let mut seconds = || -> Duration {
            let seconds = words.next().and_then(|n| n.parse().ok()).expect("a time");
            Duration::from_secs_f64(seconds)
        };
        Time { wall: seconds(), processor: seconds() }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It ends when nobody asks any more.
        drop(self.questions.take());
        let _ = self.child.wait();
    }
}
