//! What an argument of a command line names: a file, the files of a folder, or those that a pattern
//! matches.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
};

use glob::{MatchOptions, Pattern};
use walkdir::{DirEntry, WalkDir};
use weir_printable::line;

use super::Source;
use crate::Error;

/// As shells match: hidden names only where they are meant, and `*` within one name.
const MATCH: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

impl Source {
    /// What an argument names, in order, or why some of it can't be read. `-` is standard input. Of a
    /// folder it is all files under it but hidden ones, without following links; of a pattern with
    /// `*`, `?`, `[a-z]` or `**` for any folders, that no file has for its name, what matches it, and
    /// of folders that match it what is in them.
    pub fn named(argument: &Path) -> Vec<Result<Self, Error>> {
        match argument.to_str() {
            Some("-") => vec![Ok(Self::Stdin)],
            _ if argument.is_dir() => in_folder(argument),
            Some(pattern) if is_pattern(pattern) && fs::symlink_metadata(argument).is_err() => {
                matching(pattern)
            }
            _ => vec![Ok(Self::File(argument.to_owned()))],
        }
    }
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

fn in_folder(folder: &Path) -> Vec<Result<Source, Error>> {
    let entries = WalkDir::new(folder).sort_by_file_name().into_iter();
    let is_meant = |entry: &DirEntry| entry.depth() == 0 || !is_hidden(entry.file_name());
    let mut found = Vec::new();
    for entry in entries.filter_entry(is_meant) {
        match entry {
            Ok(entry) if entry.file_type().is_file() => found.push(Ok(Source::File(entry.into_path()))),
            Ok(_) => {}
            Err(e) => found.push(Err(unreadable(folder, e))),
        }
    }
    if found.is_empty() {
        found.push(Err(Error::new(format!(
            "{}: there is no file in this folder, but for hidden files and links; name them, or another folder",
            line(&folder.to_string_lossy())
        ))));
    }
    found
}

/// Whether a part of a path is a pattern.
fn is_pattern(part: &str) -> bool {
    part.contains(['*', '?', '['])
}

fn matching(text: &str) -> Vec<Result<Source, Error>> {
    // The folders that it names are where the search begins; links behind them are not followed, as
    // there may be more ways through them than anybody can go.
    let parts: Vec<_> = Path::new(text).iter().filter_map(OsStr::to_str).collect();
    let named = parts.iter().position(|part| is_pattern(part)).unwrap_or(parts.len());
    let base: PathBuf = parts[..named].iter().collect();
    let whole: PathBuf = parts.iter().collect();
    let pattern = match Pattern::new(&whole.to_string_lossy()) {
        Ok(pattern) => pattern,
        Err(e) => {
            let message = format!(
                "{}: this is neither a file nor a pattern: {}; write [*] for a * that is meant",
                line(text),
                e.msg
            );
            return vec![Err(Error::new(message).with_source(e))];
        }
    };
    let (here, is_here) = (Path::new("."), base.as_os_str().is_empty());
    let mut walk = WalkDir::new(if is_here { here } else { &base }).sort_by_file_name();
    if !parts.contains(&"**") {
        walk = walk.max_depth(parts.len() - named);
    }
    // What a folder and a pattern both name is read once.
    let (mut files, mut failed) = (BTreeSet::<PathBuf>::new(), Vec::new());
    for entry in walk {
        let entry = match entry {
            Ok(entry) => entry,
            Err(e) => {
                failed.push(Err(unreadable(&base, e)));
                continue;
            }
        };
        let path = entry.path();
        let path = if is_here { path.strip_prefix(here).unwrap_or(path) } else { path };
        if !pattern.matches_path_with(path, MATCH) {
            continue;
        }
        if entry.file_type().is_dir() {
            // Where one has none, another may.
            let found = in_folder(path).into_iter().flatten();
            files.extend(found.filter_map(|source| match source {
                Source::File(path) => Some(path),
                Source::Stdin => None,
            }));
        } else if path.is_file() {
            files.insert(path.to_owned());
        }
    }
    if files.is_empty() && failed.is_empty() {
        failed.push(Err(Error::new(format!(
            "{}: no file matches this pattern; check it with `ls`, and write ** for folders in folders",
            line(text)
        ))));
    }
    failed.into_iter().chain(files.into_iter().map(|path| Ok(Source::File(path)))).collect()
}

fn unreadable(folder: &Path, error: walkdir::Error) -> Error {
    let path = error.path().unwrap_or(folder).to_string_lossy().into_owned();
    Error::file(&path, "read the folder", io::Error::from(error))
}
