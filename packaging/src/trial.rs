//! Tries what was packed as somebody would who has just fetched it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail, ensure};
use sha2::{Digest as _, Sha256};

use crate::{CHECKSUMS, hex, output_of};

/// Checks the checksums, unpacks each package into a folder of its own, and runs what is there.
pub(crate) fn run(folder: &Path) -> Result<()> {
    let sums = fs::read_to_string(folder.join(CHECKSUMS)).context("can't read the checksums")?;
    let mut names = Vec::new();
    for line in sums.lines() {
        let (sum, name) = line.split_once("  ").context("a line of the checksums without a name")?;
        let bytes = fs::read(folder.join(name)).with_context(|| format!("can't read {name}"))?;
        ensure!(hex(&Sha256::digest(&bytes)) == sum, "{name} is not what the checksums say");
        names.push(name);
    }
    let find = |end: &str| {
        let name = names.iter().find(|name| name.ends_with(end));
        name.map(|name| folder.join(name)).with_context(|| format!("there is no file with {end} at its end"))
    };
    find(".cdx.json")?;
    let place = std::env::temp_dir().join(format!("weir-trial-{}", std::process::id()));
    let tried = try_each(&find(".tar.gz")?, &find(".deb")?, &place);
    // What is wrong with a package is worth more than what is wrong with tidying.
    let tidied = fs::remove_dir_all(&place);
    tried?;
    Ok(tidied?)
}

fn try_each(tarball: &Path, deb: &Path, place: &Path) -> Result<()> {
    let unpacked = place.join("tar");
    fs::create_dir_all(&unpacked)?;
    output_of(
        Command::new("tar").arg("--extract").arg("--file").arg(tarball).arg("--directory").arg(&unpacked),
    )?;
    let top = only_folder(&unpacked)?;
    program(&top.join("weir"), &top.join("samples"))?;
    pages(&top.join("man/man1"))?;
    completions(&[("bash", top.join("completions/weir.bash")), ("zsh", top.join("completions/_weir"))])?;
    for name in [
        "LICENSE",
        "THIRD-PARTY.txt",
        "README.md",
        "completions/weir.fish",
        "completions/_weir.ps1",
        "systemd/weir.service",
        "examples/http.toml",
    ] {
        ensure!(fs::metadata(top.join(name)).is_ok_and(|m| m.len() > 0), "{name} is not in the tarball");
    }
    eprintln!("weir: {} works", tarball.display());

    if Command::new("dpkg-deb").arg("--version").output().is_err() {
        eprintln!("weir: there is no dpkg-deb here, so that the Debian package is not tried");
        return Ok(());
    }
    let unpacked = place.join("deb");
    let told = String::from_utf8(output_of(Command::new("dpkg-deb").arg("--field").arg(deb))?)?;
    ensure!(told.contains("Package: weir\n"), "dpkg-deb does not know the package's name:\n{told}");
    output_of(Command::new("dpkg-deb").arg("--extract").arg(deb).arg(&unpacked))?;
    program(&unpacked.join("usr/bin/weir"), &unpacked.join("usr/share/doc/weir/samples"))?;
    pages(&unpacked.join("usr/share/man/man1"))?;
    completions(&[("bash", unpacked.join("usr/share/bash-completion/completions/weir"))])?;
    for name in ["lib/systemd/system/weir.service", "share/doc/weir/examples/http.toml"] {
        let path = unpacked.join("usr").join(name);
        ensure!(fs::metadata(&path).is_ok_and(|m| m.len() > 0), "{} is not there", path.display());
    }
    eprintln!("weir: {} works", deb.display());
    Ok(())
}

/// The binary normalizes a sample in its sandbox, and to the same natively.
fn program(weir: &Path, samples: &Path) -> Result<()> {
    output_of(Command::new(weir).arg("--version"))?;
    let normalize = |option: &[&str]| {
        let mut command = Command::new(weir);
        command.args(["normalize", "--summary", "none"]).args(option);
        output_of(command.arg(samples.join("huawei-vpc.log.gz")).arg(samples.join("huawei-waf.json")))
    };
    let records = normalize(&[])?;
    ensure!(records.iter().filter(|byte| **byte == b'\n').count() == 10, "the samples have 10 records");
    ensure!(records == normalize(&["--native"])?, "the sandbox and the native parser differ");
    Ok(())
}

/// Every man page can be shown, without a complaint.
fn pages(folder: &Path) -> Result<()> {
    let has = |program: &str| Command::new(program).arg("--version").output().is_ok();
    let mut seen = 0;
    for entry in fs::read_dir(folder).with_context(|| format!("no man pages in {}", folder.display()))? {
        let path = entry?.path();
        if has("man") && has("groff") {
            let mut man = Command::new("man");
            // `ww` has every warning told; pages in color would hide the words.
            man.args(["--warnings=w", "--local-file"]).arg(&path);
            man.envs([
                ("MANWIDTH", "100"),
                ("LC_ALL", "C.UTF-8"),
                ("GROFF_NO_SGR", "1"),
                ("MANPAGER", "cat"),
            ]);
            let shown = man.output()?;
            let text = String::from_utf8_lossy(&shown.stdout).into_owned();
            let complaint = String::from_utf8_lossy(&shown.stderr).into_owned();
            ensure!(shown.status.success() && complaint.is_empty(), "{}: {complaint}", path.display());
            ensure!(text.contains("SYNOPSIS") && text.contains("weir"), "{}:\n{text}", path.display());
        }
        seen += 1;
    }
    if !(has("man") && has("groff")) {
        eprintln!("weir: man or groff is not here, so that no man page is shown");
    }
    ensure!(seen > 3, "{seen} man pages, where each command should have one");
    Ok(())
}

/// The shells that are here read their completions.
fn completions(files: &[(&str, PathBuf)]) -> Result<()> {
    for (shell, path) in files {
        ensure!(path.exists(), "{} is not there", path.display());
        if Command::new(shell).arg("--version").output().is_err() {
            continue;
        }
        output_of(Command::new(shell).arg("-n").arg(path))?;
    }
    Ok(())
}

fn only_folder(folder: &Path) -> Result<PathBuf> {
    let mut entries = fs::read_dir(folder)?;
    match (entries.next().transpose()?, entries.next()) {
        (Some(entry), None) => Ok(entry.path()),
        _ => bail!("the tarball does not have everything in one folder"),
    }
}
