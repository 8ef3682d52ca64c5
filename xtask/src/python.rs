//! Programs of Python that tests and benchmarks talk to, each in a virtual environment below `target/python`.

use std::{env, fs, time::Duration};

use crate::{
    debian,
    step::{self, Checkout, Failure, say},
};

/// An installation downloads some 30 MB.
const DEADLINE: Duration = Duration::from_secs(600);

/// What Debian calls Python with what makes a virtual environment.
const PACKAGES: &[&str] = &["python3", "python3-venv"];

/// Installs what a file of pinned versions names, into an environment with a name. Quick if it is
/// there. What can't be installed is told, and tests go without it; with `CI=true` it must be there.
pub(crate) fn prepare(checkout: &Checkout, name: &str, requirements: &str) -> Result<(), Failure> {
    match install(checkout, name, requirements) {
        Err(failure) if env::var_os("CI").is_none_or(|value| value != "true") => {
            say(&format!("skipping the tests that need {name}: {failure}"));
            Ok(())
        }
        result => result,
    }
}

/// Installs the same, and fails where that can't be.
pub(crate) fn install(checkout: &Checkout, name: &str, requirements: &str) -> Result<(), Failure> {
    let requirements = checkout.path(requirements);
    let wanted =
        fs::read_to_string(&requirements).map_err(|e| Failure::file("reading", &requirements, &e))?;
    let folder = checkout.path("target/python").join(name);
    // Written last, so that one that is not whole is made again.
    let (python, mark) = (folder.join("bin/python"), folder.join("installed.txt"));
    if fs::read_to_string(&mark).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    say(&format!("installing {name} into target/python"));
    let make = || {
        let mut command = checkout.command("python3");
        step::listen(command.args(["-m", "venv", "--clear"]).arg(&folder), DEADLINE)
    };
    let mut made = make();
    let mut complaint = String::new();
    if !made.success {
        complaint = debian::install(checkout, PACKAGES, "there is no Python 3 with its module venv")?;
        made = make();
    }
    if !made.success {
        return Err(Failure::new(
            format!("no virtual environment of Python could be made: {}{complaint}", made.reason()),
            debian::command(PACKAGES),
        ));
    }
    let mut pip = checkout.command(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
    let installed = step::listen(pip.arg(&requirements), DEADLINE);
    if !installed.success {
        return Err(Failure::new(
            format!("{name} could not be installed: {}", installed.reason()),
            "a package index of Python must be reachable",
        ));
    }
    fs::write(&mark, wanted).map_err(|e| Failure::file("writing", &mark, &e))
}
