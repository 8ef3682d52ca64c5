//! Packs what `cargo xtask dist` has built, and tries it.
//!
//! ```text
//! weir-packaging pack --weir BINARY --target TRIPLE --output FOLDER
//! weir-packaging try FOLDER
//! ```
//!
//! Packing the same twice gives the same bytes.

mod archives;
mod contents;
mod debian;
mod dependencies;
mod licences;
mod materials;
mod trial;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};

use self::{contents::Contents, dependencies::Dependencies};

/// What is packed, and where it runs.
struct Release {
    /// Below which everything is found.
    top: PathBuf,
    version: &'static str,
    target: String,
}

impl Release {
    fn new(target: &str) -> Self {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let top = here.parent().unwrap_or(here).to_owned();
        Self { top, version: env!("CARGO_PKG_VERSION"), target: target.to_owned() }
    }

    /// What a folder, and files, of this release are called.
    fn name(&self) -> String {
        format!("weir-{}-{}", self.version, self.target)
    }

    fn tarball(&self) -> String {
        format!("{}.tar.gz", self.name())
    }

    /// The Debian package, as Debian names them.
    fn deb(&self) -> Result<String> {
        Ok(format!("weir_{}-1_{}.deb", self.version, debian::architecture(&self.target)?))
    }

    fn materials(&self) -> String {
        format!("{}.cdx.json", self.name())
    }
}

/// What lists the others with their checksums.
const CHECKSUMS: &str = "SHA256SUMS";

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        ["pack", "--weir", weir, "--target", target, "--output", output] => {
            pack(Path::new(weir), target, Path::new(output))
        }
        ["try", folder] => trial::run(Path::new(folder)),
        _ => {
            eprintln!(
                "usage: weir-packaging pack --weir BINARY --target TRIPLE --output FOLDER, or try FOLDER"
            );
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("weir: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Packs a binary that is built, and what belongs to it, into a folder, which is emptied first.
fn pack(weir: &Path, target: &str, output: &Path) -> Result<()> {
    let release = Release::new(target);
    if output.exists() {
        // Only what is plainly an earlier release's is taken away.
        if !output.join(CHECKSUMS).exists() && fs::read_dir(output)?.next().is_some() {
            bail!("{} holds something else; empty it, or name another folder", output.display());
        }
        fs::remove_dir_all(output).with_context(|| format!("can't empty {}", output.display()))?;
    }
    fs::create_dir_all(output).with_context(|| format!("can't make {}", output.display()))?;

    let dependencies = Dependencies::find(&release)?;
    let contents = Contents::gather(&release, weir, &dependencies)?;
    let mut files = vec![
        (release.tarball(), archives::tar_gz(&release.name(), &contents.for_a_tarball())?),
        (release.deb()?, debian::package(&release, &contents)?),
        (release.materials(), materials::bill(&release, &dependencies)?),
    ];
    let sums: String =
        files.iter().map(|(name, bytes)| format!("{}  {name}\n", hex(&Sha256::digest(bytes)))).collect();
    files.push((CHECKSUMS.to_owned(), sums.into_bytes()));
    for (name, bytes) in &files {
        let path = output.join(name);
        fs::write(&path, bytes).with_context(|| format!("can't write {}", path.display()))?;
        eprintln!("weir: {} ({} bytes)", path.display(), bytes.len());
    }
    // What the Containerfile copies.
    let image = output.join("image");
    for file in contents.for_a_tarball() {
        let path = image.join(&file.path);
        fs::create_dir_all(path.parent().unwrap_or(&image))?;
        fs::write(&path, &file.bytes)?;
        set_mode(&path, file.mode)?;
    }
    Ok(())
}

fn set_mode(path: &Path, mode: u32) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a command writes on standard output, which must succeed.
fn output_of(command: &mut Command) -> Result<Vec<u8>> {
    let shown = format!("{command:?}");
    let output = command.output().with_context(|| format!("can't run {shown}"))?;
    if !output.status.success() {
        bail!("{shown} failed ({}): {}", output.status, String::from_utf8_lossy(&output.stderr).trim_end());
    }
    Ok(output.stdout)
}
