//! The files below `tests/`: inputs, and the golden outputs that blessing rewrites.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

/// Every file below a folder with its content.
pub(crate) struct Snapshot(BTreeMap<PathBuf, Vec<u8>>);

impl Snapshot {
    pub(crate) fn take(folder: &Path) -> io::Result<Self> {
        files_below(folder)?
            .into_iter()
            .map(|path| fs::read(&path).map(|content| (path, content)))
            .collect::<io::Result<_>>()
            .map(Self)
    }

    /// The files that were added, removed or changed since then.
    pub(crate) fn differences<'a>(&'a self, later: &'a Self) -> Vec<&'a Path> {
        let (old, new) = (&self.0, &later.0);
        let changed = old.iter().filter(|(path, content)| new.get(*path) != Some(content));
        let added = new.iter().filter(|(path, _)| !old.contains_key(*path));
        changed.chain(added).map(|(path, _)| path.as_path()).collect()
    }
}

/// What the demo reads: the inputs of the corpus that normalize as they are. Beside an input lie
/// its golden outputs, and its arguments if it needs any: `tests/corpus.rs` has the rules.
pub(crate) fn demo_files(corpus: &Path) -> io::Result<Vec<PathBuf>> {
    let files = files_below(corpus)?;
    let is_input = |path: &Path| {
        path.parent().is_some_and(|folder| folder.ends_with("ok"))
            && !path.extension().is_some_and(|end| ["ndjson", "rejects", "args"].iter().any(|e| end == *e))
    };
    let needs_arguments = |path: &Path| {
        let mut beside = path.as_os_str().to_owned();
        beside.push(".args");
        files.iter().any(|file| *file == beside)
    };
    Ok(files.iter().filter(|path| is_input(path) && !needs_arguments(path)).cloned().collect())
}

/// Every file below a folder, in the order of their paths.
fn files_below(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of this test's own, with a small corpus in it.
    fn corpus(test: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("weir-xtask-{test}-{}", std::process::id()));
        for (path, content) in [
            ("huawei-vpc/ok/lines.log", "1 2 3"),
            ("huawei-vpc/ok/lines.log.ndjson", "{}"),
            ("huawei-vpc/ok/lines.log.rejects", ""),
            ("huawei-vpc/ok/layout.log", "2 1"),
            ("huawei-vpc/ok/layout.log.args", "--layout b,a"),
            ("huawei-vpc/err/bad.log", "?"),
            ("huawei-er/ok/body.json", "{}"),
        ] {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder for the test");
            fs::write(path, content).expect("a file for the test");
        }
        folder
    }

    #[test]
    fn the_demo_reads_inputs_that_need_no_arguments() {
        let folder = corpus("demo");
        let names: Vec<_> = demo_files(&folder).expect("the corpus");
        let expected = ["huawei-er/ok/body.json", "huawei-vpc/ok/lines.log"].map(|path| folder.join(path));
        assert_eq!(names, expected);
        fs::remove_dir_all(folder).expect("the test's own folder");
    }

    #[test]
    fn every_kind_of_difference_is_seen() {
        let folder = corpus("snapshot");
        let before = Snapshot::take(&folder).expect("the corpus");
        let same = Snapshot::take(&folder).expect("the corpus");
        assert!(before.differences(&same).is_empty());

        let paths = ["huawei-er/ok/body.json", "huawei-vpc/err/bad.log", "huawei-vpc/err/new.log"];
        let [removed, changed, added] = paths.map(|path| folder.join(path));
        fs::remove_file(&removed).expect("a file of the test");
        fs::write(&changed, "!").expect("a file of the test");
        fs::write(&added, "").expect("a file of the test");
        let after = Snapshot::take(&folder).expect("the corpus");
        assert_eq!(before.differences(&after), [&removed, &changed, &added]);
        fs::remove_dir_all(folder).expect("the test's own folder");
    }
}
