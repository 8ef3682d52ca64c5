//! The crates that are inside the binary and the guests, as cargo tells them.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    env,
    path::PathBuf,
    process::Command,
};

use anyhow::{Context as _, Result};
use serde::Deserialize;

use crate::{Release, output_of};

/// What is inside, by name and version.
pub(crate) struct Dependencies {
    pub(crate) crates: BTreeMap<(String, String), Crate>,
}

/// A crate that is inside.
pub(crate) struct Crate {
    /// Whether it is one of this project's.
    pub(crate) own: bool,
    /// An SPDX expression; empty where the crate names none.
    pub(crate) licence: String,
    /// Where its source lies.
    pub(crate) folder: PathBuf,
    pub(crate) description: String,
    /// What of the others it needs.
    pub(crate) needs: BTreeSet<(String, String)>,
    /// What the registry says its archive is, in hexadecimal digits.
    pub(crate) checksum: Option<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    description: Option<String>,
    manifest_path: PathBuf,
    source: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    dependencies: Vec<String>,
}

/// What is shipped, and for which target each is built; `None` is the release's own.
const SHIPPED: [(&str, Option<&str>); 3] = [
    ("weir-host", None),
    ("weir-batch", Some("wasm32-unknown-unknown")),
    ("weir-fluent-bit", Some("wasm32-unknown-unknown")),
];

impl Dependencies {
    /// Asks cargo.
    pub(crate) fn find(release: &Release) -> Result<Self> {
        let cargo = || {
            let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
            cargo.current_dir(&release.top);
            cargo
        };
        // `cargo metadata` has every feature that anybody in the workspace asks for, so that what is
        // really inside is told by `cargo tree`.
        let mut inside = BTreeSet::new();
        for (package, target) in SHIPPED {
            let tree = output_of(cargo().args([
                "tree",
                "--locked",
                "--edges=normal,no-proc-macro",
                "--prefix=none",
                "--format={p}",
                "--package",
                package,
                "--target",
                target.unwrap_or(&release.target),
            ]))?;
            inside.extend(crates_of(&String::from_utf8(tree)?));
        }
        let metadata = output_of(cargo().args(["metadata", "--locked", "--format-version=1"]))?;
        let metadata: Metadata = serde_json::from_slice(&metadata).context("cargo metadata")?;
        let lock = std::fs::read_to_string(release.top.join("Cargo.lock"))?;
        let checksums = checksums(&lock);
        let names: HashMap<&str, (String, String)> = metadata
            .packages
            .iter()
            .map(|package| (package.id.as_str(), (package.name.clone(), package.version.clone())))
            .collect();
        let mut needs: HashMap<&str, BTreeSet<(String, String)>> = HashMap::new();
        for node in &metadata.resolve.nodes {
            let found = node.dependencies.iter().filter_map(|id| names.get(id.as_str()));
            let found = found.filter(|key| inside.contains(*key)).cloned().collect();
            needs.insert(&node.id, found);
        }
        let crates = metadata
            .packages
            .iter()
            .map(|package| ((package.name.clone(), package.version.clone()), package))
            .filter(|(key, _)| inside.contains(key))
            .map(|(key, package)| {
                let found = Crate {
                    own: package.source.is_none(),
                    // As it was once written, `/` stands for `OR`.
                    licence: package.license.as_deref().unwrap_or_default().replace('/', " OR "),
                    folder: package.manifest_path.parent().map(PathBuf::from).unwrap_or_default(),
                    description: package.description.clone().unwrap_or_default(),
                    needs: needs.remove(package.id.as_str()).unwrap_or_default(),
                    checksum: checksums.get(&key).cloned(),
                };
                (key, found)
            })
            .collect();
        Ok(Self { crates })
    }
}

/// The names and versions in the lines of `cargo tree`, such as `serde v1.0.229`.
fn crates_of(tree: &str) -> impl Iterator<Item = (String, String)> {
    tree.lines().filter_map(|line| {
        let mut words = line.split(' ');
        let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
        Some((name.to_owned(), version.to_owned()))
    })
}

/// The checksums in a lock file, by name and version.
fn checksums(lock: &str) -> HashMap<(String, String), String> {
    let value = |block: &str, key: &str| {
        let start = format!("{key} = \"");
        let line = block.lines().find_map(|line| line.strip_prefix(&start))?;
        Some(line.trim_end_matches('"').to_owned())
    };
    lock.split("[[package]]")
        .filter_map(|block| {
            Some(((value(block, "name")?, value(block, "version")?), value(block, "checksum")?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trees_and_lock_files_are_read() {
        let tree = "weir-host v0.1.0 (/somewhere/host)\nserde v1.0.2\nserde v1.0.2 (*)\n\n";
        let found: BTreeSet<_> = crates_of(tree).collect();
        let expected = [("serde", "1.0.2"), ("weir-host", "0.1.0")];
        assert!(found.iter().map(|(a, b)| (a.as_str(), b.as_str())).eq(expected), "{found:?}");
        let lock = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"x\"\n\
                    checksum = \"0a\"\ndependencies = [\n \"b\",\n]\n\n[[package]]\nname = \"b\"\nversion = \"2.0.0\"\n";
        let found = checksums(lock);
        assert_eq!(found.len(), 1);
        assert_eq!(found[&("a".to_owned(), "1.0.0".to_owned())], "0a");
    }
}
