//! What an argument of a command line names: a file, the files of a folder, or those that a pattern
//! matches.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
};

use glob::{MatchOptions, Pattern, PatternError};
use walkdir::{DirEntry, WalkDir};
use weir_printable::line;

use super::Source;
use crate::{
    Error,
    table::{PLANS, REJECTS},
};

/// As shells match: hidden names only where they are meant, and `*` within one name.
pub const MATCH: MatchOptions =
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

/// Whether a name begins with a dot, or is a folder's in which a job keeps its books.
pub fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
        || [PLANS, REJECTS].iter().any(|books| name == books.trim_end_matches('/'))
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
pub fn is_pattern(part: &str) -> bool {
    part.contains(['*', '?', '['])
}

/// A file or a folder that a pattern finds.
#[derive(Debug)]
pub struct Found {
    /// Where it is.
    pub path: PathBuf,
    /// Whether it is a folder, and no link to one.
    pub is_folder: bool,
}

/// What a pattern finds, in the order of names. Links are found, but those to folders are not
/// followed: there may be more ways through them than anybody can go.
pub fn found(
    text: &str,
    options: MatchOptions,
) -> Result<impl Iterator<Item = Result<Found, Error>>, PatternError> {
    // The folders that it names are where the search begins.
    let parts: Vec<_> = Path::new(text).iter().filter_map(OsStr::to_str).collect();
    let named = parts.iter().position(|part| is_pattern(part)).unwrap_or(parts.len());
    let base: PathBuf = parts[..named].iter().collect();
    let whole: PathBuf = parts.iter().collect();
    let pattern = Pattern::new(&whole.to_string_lossy())?;
    let is_here = base.as_os_str().is_empty();
    let mut walk = WalkDir::new(if is_here { Path::new(".") } else { &base }).sort_by_file_name();
    if !parts.contains(&"**") {
        walk = walk.max_depth(parts.len() - named);
    }
    Ok(walk.into_iter().filter_map(move |entry| match entry {
        Ok(entry) => {
            let is_folder = entry.file_type().is_dir();
            let path = entry.into_path();
            let path =
                if is_here { path.strip_prefix(".").map(Path::to_owned).unwrap_or(path) } else { path };
            pattern.matches_path_with(&path, options).then_some(Ok(Found { path, is_folder }))
        }
        Err(e) => Some(Err(unreadable(&base, e))),
    }))
}

fn matching(text: &str) -> Vec<Result<Source, Error>> {
    let all = match found(text, MATCH) {
        Ok(all) => all,
        Err(e) => {
            let message = format!(
                "{}: this is neither a file nor a pattern: {}; write [*] for a * that is meant",
                line(text),
                e.msg
            );
            return vec![Err(Error::new(message).with_source(e))];
        }
    };
    // What a folder and a pattern both name is read once.
    let (mut files, mut failed) = (BTreeSet::<PathBuf>::new(), Vec::new());
    for one in all {
        match one {
            // Where one has none, another may.
            Ok(one) if one.is_folder => {
                let found = in_folder(&one.path).into_iter().flatten();
                files.extend(found.filter_map(|source| match source {
                    Source::File(path) => Some(path),
                    Source::Stdin | Source::Fetched(_) => None,
                }));
            }
            Ok(one) if one.path.is_file() => {
                files.insert(one.path);
            }
            Ok(_) => {}
            Err(e) => failed.push(Err(e)),
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
