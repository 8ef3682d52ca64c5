//! Steps: a command that says in one line what it is about, and when it fails, what to try.

use std::{
    env, fmt,
    io::{self, IsTerminal, Read},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

/// Why a task stopped: what happened, and what to do about it.
#[derive(Debug)]
pub(crate) struct Failure {
    what: String,
    remedy: String,
}

impl Failure {
    pub(crate) fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { what: what.into(), remedy: remedy.into() }
    }

    /// For an operation on a file that the system refused.
    pub(crate) fn file(doing: &str, path: &Path, error: &io::Error) -> Self {
        Self::new(
            format!("{doing} {} failed: {error}", path.display()),
            "see that the checkout is writable and the disk has room",
        )
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  what to do: {}", self.what, self.remedy)
    }
}

/// Where everything lies.
pub(crate) struct Checkout {
    root: PathBuf,
}

impl Checkout {
    /// The checkout that this program was started from.
    pub(crate) fn find() -> Self {
        // cargo says it at run time; the compiled-in path is for a program started by hand.
        let xtask = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = xtask.parent().map(Path::to_path_buf).unwrap_or(xtask);
        Self { root }
    }

    /// A path below the top of the checkout.
    pub(crate) fn path(&self, below: impl AsRef<Path>) -> PathBuf {
        self.root.join(below)
    }

    /// The host's binary.
    pub(crate) fn weir(&self) -> PathBuf {
        self.path(format!("target/release/weir{}", env::consts::EXE_SUFFIX))
    }

    /// The guests, as the host embeds and loads them.
    pub(crate) fn plugins(&self) -> PathBuf {
        self.path("target/plugins")
    }

    /// Where guests are compiled: apart from the host's builds, so that neither waits for or
    /// invalidates the other.
    pub(crate) fn guests(&self) -> PathBuf {
        self.path("target/guests")
    }

    /// A command that runs at the top of the checkout.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root).stdin(Stdio::null());
        // Whatever the caller's settings, results are where the documentation says.
        command.env("CARGO_TARGET_DIR", self.path("target"));
        for moved in ["CARGO_BUILD_TARGET_DIR", "CARGO_BUILD_BUILD_DIR", "CARGO_BUILD_TARGET"] {
            command.env_remove(moved);
        }
        // Tests that rewrite what they should compare with prove nothing.
        command.env_remove("BLESS");
        command
    }

    /// The cargo that runs this program.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(arguments);
        command
    }

    /// [`Self::cargo`] for what prints only lines of progress: without them in a log.
    pub(crate) fn quiet_cargo(&self, arguments: &[&str]) -> Command {
        let mut command = self.cargo(arguments);
        quiet_in_logs(&mut command);
        command
    }
}

/// Spares a log the lines of progress that cargo prints for a person.
pub(crate) fn quiet_in_logs(cargo: &mut Command) {
    if !io::stderr().is_terminal() {
        cargo.arg("--quiet");
    }
}

/// Says what is being done.
pub(crate) fn say(what: &str) {
    eprintln!("weir: {what}");
}

/// How many steps the task has that is under way, and how many were begun.
static PLANNED: AtomicUsize = AtomicUsize::new(0);
static BEGUN: AtomicUsize = AtomicUsize::new(0);

/// Says how many steps follow, so that each can say how far the task has come.
pub(crate) fn plan(steps: usize) {
    PLANNED.store(steps, Ordering::Relaxed);
}

/// Fails where a task that is done had another number of steps than it said.
pub(crate) fn check_plan() -> Result<(), Failure> {
    let (planned, begun) = (PLANNED.load(Ordering::Relaxed), BEGUN.load(Ordering::Relaxed));
    match planned {
        0 => Ok(()),
        _ if planned == begun => Ok(()),
        _ => Err(Failure::new(
            format!("{planned} steps were announced, but there were {begun}"),
            "correct the number in xtask/src/tasks.rs",
        )),
    }
}

/// Counts a step that need not be run.
pub(crate) fn skip() {
    BEGUN.fetch_add(1, Ordering::Relaxed);
}

/// Runs a command as a step, its output going to the terminal.
pub(crate) fn run(what: &str, command: &mut Command, remedy: &str) -> Result<(), Failure> {
    let step = BEGUN.fetch_add(1, Ordering::Relaxed) + 1;
    match PLANNED.load(Ordering::Relaxed) {
        0 => say(what),
        planned => say(&format!("step {step} of {planned}: {what}")),
    }
    let ended = match command.status() {
        Ok(status) if status.success() => return Ok(()),
        Ok(status) => match status.code() {
            Some(code) => format!("exit code {code}"),
            None => status.to_string(),
        },
        Err(error) => not_started(&error),
    };
    Err(Failure::new(format!("{what} failed ({ended}): {}", shown(command)), remedy))
}

/// What a command printed on standard error, or why there is nothing.
pub(crate) struct Heard {
    pub(crate) success: bool,
    pub(crate) complaint: String,
}

impl Heard {
    /// The first line that tells of an error, or else the last line.
    pub(crate) fn reason(&self) -> &str {
        let error = self.complaint.lines().find_map(|line| {
            let line = line.trim();
            ["error:", "E:", "npm error", "npm ERR!"].into_iter().find_map(|start| line.strip_prefix(start))
        });
        error.or(self.complaint.lines().last()).unwrap_or("it did not say why").trim()
    }
}

/// Runs a command without showing its output, for at most `deadline`.
pub(crate) fn listen(command: &mut Command, deadline: Duration) -> Heard {
    let failed = |complaint: String| Heard { success: false, complaint };
    let mut child = match command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn() {
        Ok(child) => child,
        Err(error) => return failed(not_started(&error)),
    };
    let (sender, receiver) = mpsc::channel();
    if let Some(mut stderr) = child.stderr.take() {
        thread::spawn(move || {
            let mut bytes = Vec::new();
            // What was read before an error is still worth showing.
            let _ = stderr.read_to_end(&mut bytes);
            // Nobody listens any more after the deadline.
            let _ = sender.send(String::from_utf8_lossy(&bytes).trim_end().to_owned());
        });
    }
    // Standard error ends when the command does.
    let complaint = match receiver.recv_timeout(deadline) {
        Ok(complaint) => complaint,
        Err(RecvTimeoutError::Timeout) => {
            // It may just have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
            return failed(format!("gave no result in {} s", deadline.as_secs()));
        }
        Err(RecvTimeoutError::Disconnected) => String::new(),
    };
    match child.wait() {
        Ok(status) => Heard { success: status.success(), complaint },
        Err(error) => failed(error.to_string()),
    }
}

fn not_started(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "not found".to_owned(),
        _ => format!("could not be started: {error}"),
    }
}

/// What a command prints on standard output, if it succeeds.
pub(crate) fn answer(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// A command the way one would type it at the top of the checkout.
fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_stem().unwrap_or(program.as_os_str());
    let mut line = name.to_string_lossy().into_owned();
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_step_the_command_and_the_remedy() {
        let checkout = Checkout { root: env::temp_dir() };
        let mut command = checkout.command("/nowhere/bin/cargo");
        command.args(["build", "--locked"]);
        let failure = run("building the host", &mut command, "do this").expect_err("no such program");
        let text = failure.to_string();
        assert!(text.starts_with("building the host failed (not found"), "{text}");
        assert!(text.ends_with("): cargo build --locked\n  what to do: do this"), "{text}");
    }

    #[test]
    fn a_complaint_becomes_one_line() {
        let reason = |text: &str| Heard { success: false, complaint: text.into() }.reason().to_owned();
        let rustup =
            "info: downloading component rust-std\nerror: could not download\n\nCaused by:\n  no route";
        assert_eq!(reason(rustup), "could not download");
        let apt = "Reading lists\nE: Unable to locate package lld-22";
        assert_eq!(reason(apt), "Unable to locate package lld-22");
        assert_eq!(reason("npm warn old\nnpm error code EINTEGRITY\nnpm error more"), "code EINTEGRITY");
        assert_eq!(reason("one\ntwo\n"), "two");
        assert_eq!(reason(""), "it did not say why");
    }

    #[test]
    fn results_stay_where_the_documentation_says() {
        let checkout = Checkout { root: PathBuf::from("top") };
        let command = checkout.cargo(&["build"]);
        let set = |name: &str| command.get_envs().find(|(key, _)| *key == name).map(|(_, value)| value);
        assert_eq!(set("CARGO_TARGET_DIR"), Some(Some(checkout.path("target").as_os_str())));
        assert_eq!(set("CARGO_BUILD_TARGET"), Some(None));
        assert_eq!(set("BLESS"), Some(None));
    }
}
