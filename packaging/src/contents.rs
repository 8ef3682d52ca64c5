//! What a release has in it.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result};

use crate::{Release, archives::Packed, dependencies::Dependencies, licences, output_of};

/// What a release has in it, by what it is: each kind of package has its own places.
pub(crate) struct Contents {
    weir: Vec<u8>,
    /// The guests, by the names of their files.
    plugins: Vec<(String, Vec<u8>)>,
    samples: Vec<(String, Vec<u8>)>,
    /// Man pages of section 1.
    pages: Vec<(String, Vec<u8>)>,
    completions: Vec<(Shell, Vec<u8>)>,
    /// The unit of systemd.
    unit: Vec<u8>,
    /// Configurations of the service.
    examples: Vec<(String, Vec<u8>)>,
    /// Texts for people.
    documents: Vec<(String, Vec<u8>)>,
    /// Weir's own licence, and those of what is inside it.
    pub(crate) licences: [(&'static str, Vec<u8>); 2],
}

/// A shell that completes command lines.
#[derive(Clone, Copy)]
struct Shell {
    /// What `weir completions` calls it.
    name: &'static str,
    /// What the file is called, in a tarball.
    file: &'static str,
    /// Where Debian's packages have it; `None` where the shell knows no such place.
    debian: Option<&'static str>,
}

const SHELLS: [Shell; 4] = [
    Shell { name: "bash", file: "weir.bash", debian: Some("usr/share/bash-completion/completions/weir") },
    Shell { name: "zsh", file: "_weir", debian: Some("usr/share/zsh/vendor-completions/_weir") },
    Shell { name: "fish", file: "weir.fish", debian: Some("usr/share/fish/vendor_completions.d/weir.fish") },
    Shell { name: "powershell", file: "_weir.ps1", debian: None },
];

/// The unit of systemd, in the checkout.
pub(crate) const UNIT: &str = "packaging/weir.service";

const PROGRAM: u32 = 0o755;
const FILE: u32 = 0o644;

impl Contents {
    /// Takes the binary, asks it for its man pages and completions, and reads the rest.
    pub(crate) fn gather(release: &Release, weir: &Path, dependencies: &Dependencies) -> Result<Self> {
        let read = |path: &Path| fs::read(path).with_context(|| format!("can't read {}", path.display()));
        let pages = std::env::temp_dir().join(format!("weir-man-{}", std::process::id()));
        fs::create_dir_all(&pages)?;
        output_of(Command::new(weir).arg("man").arg(&pages))?;
        let man = files(&pages)?;
        fs::remove_dir_all(&pages)?;
        let completions = SHELLS
            .into_iter()
            .map(|shell| Ok((shell, output_of(Command::new(weir).args(["completions", shell.name]))?)))
            .collect::<Result<_>>()?;
        let plugins = release.top.join("target/plugins");
        let named =
            |folder: &Path, name: &str| read(&folder.join(name)).map(|bytes| (name.to_owned(), bytes));
        Ok(Self {
            weir: read(weir)?,
            plugins: vec![named(&plugins, "weir_batch.wasm")?, named(&plugins, "weir_fluent_bit.wasm")?],
            samples: files(&release.top.join("samples"))?,
            pages: man,
            unit: read(&release.top.join(UNIT))?,
            examples: files(&release.top.join("examples"))?,
            completions,
            documents: vec![named(&release.top, "README.md")?, named(&release.top, "CHANGELOG.md")?],
            licences: [
                ("LICENSE", read(&release.top.join("LICENSE"))?),
                ("THIRD-PARTY.txt", licences::notice(dependencies)?.into_bytes()),
            ],
        })
    }

    /// As they lie in a folder that somebody unpacks.
    pub(crate) fn for_a_tarball(&self) -> Vec<Packed> {
        let mut packed = vec![file("weir".into(), PROGRAM, &self.weir)];
        let licences = self.licences.iter().map(|(name, bytes)| file((*name).into(), FILE, bytes));
        packed.extend(licences);
        packed.extend(self.documents.iter().map(|(name, bytes)| file(name.clone(), FILE, bytes)));
        for (folder, found) in
            [("plugins", &self.plugins), ("samples", &self.samples), ("man/man1", &self.pages)]
        {
            packed.extend(found.iter().map(|(name, bytes)| file(format!("{folder}/{name}"), FILE, bytes)));
        }
        let completion =
            |(shell, bytes): &(Shell, Vec<u8>)| file(format!("completions/{}", shell.file), FILE, bytes);
        packed.extend(self.completions.iter().map(completion));
        packed.push(file("systemd/weir.service".into(), FILE, &self.unit));
        packed
            .extend(self.examples.iter().map(|(name, bytes)| file(format!("examples/{name}"), FILE, bytes)));
        packed
    }

    /// As Debian's policy has them, but for the licences, which it wants in one file.
    pub(crate) fn for_debian(&self) -> Result<Vec<Packed>> {
        let mut packed = vec![file("usr/bin/weir".into(), PROGRAM, &self.weir)];
        let beside = |folder: &'static str| {
            move |(name, bytes): &(String, Vec<u8>)| file(format!("{folder}/{name}"), FILE, bytes)
        };
        packed.extend(self.plugins.iter().map(beside("usr/share/weir/plugins")));
        packed.extend(self.samples.iter().map(beside("usr/share/doc/weir/samples")));
        packed.extend(self.examples.iter().map(beside("usr/share/doc/weir/examples")));
        // It is not enabled: it has no configuration yet.
        packed.push(file("usr/lib/systemd/system/weir.service".into(), FILE, &self.unit));
        packed.extend(self.documents.iter().map(beside("usr/share/doc/weir")));
        for (name, bytes) in &self.pages {
            let bytes = crate::archives::gzip(bytes)?;
            packed.push(Packed { path: format!("usr/share/man/man1/{name}.gz"), mode: FILE, bytes });
        }
        for (shell, bytes) in &self.completions {
            packed.extend(shell.debian.map(|path| file(path.into(), FILE, bytes)));
        }
        Ok(packed)
    }
}

fn file(path: String, mode: u32, bytes: &[u8]) -> Packed {
    Packed { path, mode, bytes: bytes.to_vec() }
}

/// The files in a folder, by their names.
fn files(folder: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let list = || -> std::io::Result<_> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            found.push((entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path())?));
        }
        found.sort();
        Ok(found)
    };
    list().with_context(|| format!("can't read what is in {}", folder.display()))
}
