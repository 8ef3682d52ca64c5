//! Debian's packages, for what a machine lacks.

use std::time::Duration;

use crate::step::{self, Checkout, Failure, say};

/// apt has time limits of its own; this is for one that is stuck.
const APT_DEADLINE: Duration = Duration::from_secs(1200);

/// The one command that installs Debian packages.
pub(crate) fn command(packages: &[&str]) -> String {
    format!("apt-get update && apt-get install --yes --no-install-recommends {}", packages.join(" "))
}

/// Installs Debian packages; gives what apt complained about, or says what somebody with more
/// rights should do.
pub(crate) fn install(checkout: &Checkout, packages: &[&str], why: &str) -> Result<String, Failure> {
    if step::answer(checkout.command("apt-get").arg("--version")).is_none() {
        return Err(Failure::new(why, format!("install what Debian calls {}", packages.join(" and "))));
    }
    if step::answer(checkout.command("id").arg("-u")).as_deref() != Some("0") {
        let command = format!("sudo sh -c '{}'", command(packages));
        return Err(Failure::new(why, command));
    }
    say(&format!("{why}; installing Debian's {}", packages.join(", ")));
    let apt = |arguments: &[&str]| {
        let mut command = checkout.command("apt-get");
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        step::listen(&mut command, APT_DEADLINE)
    };
    let update = apt(&["update"]);
    let mut arguments = vec![
        "install",
        "--yes",
        "--no-install-recommends",
        // Rather fail than take somebody's own packages away.
        "--no-remove",
        // Another installation may be running.
        "--option=DPkg::Lock::Timeout=300",
    ];
    arguments.extend(packages);
    let install = apt(&arguments);
    let failed = [(update, "update"), (install, "install")].into_iter().filter(|(heard, _)| !heard.success);
    Ok(failed.map(|(heard, name)| format!("\napt-get {name} failed: {}", heard.reason())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_names_every_package() {
        let command = command(&["one", "two"]);
        assert!(command.ends_with(" one two"), "{command}");
    }
}
