//! What a job reads, as it is listed.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use weir_io::Source;
use weir_lake::Input;

use crate::{Error, error::shown};

/// An input, and when it was written.
pub(crate) struct Listed {
    pub(crate) input: Input,
    pub(crate) modified: SystemTime,
}

/// All inputs that arguments name.
///
/// # Errors
///
/// Where some of them can't be told: a plan holds all or is none.
pub(crate) fn list(arguments: &[PathBuf]) -> Result<Vec<Listed>, Error> {
    let no_stream =
        || Error::usage("a job reads files, which can be read again, and no standard input; name them");
    if arguments.is_empty() {
        return Err(no_stream());
    }
    let mut inputs = Vec::new();
    for source in arguments.iter().flat_map(|argument| Source::named(argument)) {
        match source? {
            Source::File(path) => {
                inputs.push(listed(&path).map_err(|e| Error::file(&path.to_string_lossy(), "read", e))?);
            }
            Source::Stdin | Source::Fetched(_) => return Err(no_stream()),
        }
    }
    Ok(inputs)
}

/// What is known of a file without reading it.
pub(crate) fn listed(path: &Path) -> io::Result<Listed> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is no file that can be read again"));
    }
    let name =
        path.to_str().ok_or_else(|| io::Error::other("its name is not UTF-8, which a plan can't have"))?;
    let modified = metadata.modified()?;
    let etag = jiff::Timestamp::try_from(modified).map_err(io::Error::other)?.to_string();
    Ok(Listed { input: Input { name: name.into(), size: metadata.len(), etag }, modified })
}

/// Refuses a job that would read what it writes.
pub(crate) fn refuse_overlap(arguments: &[PathBuf], inputs: &[Listed], output: &Path) -> Result<(), Error> {
    let Some(output_now) = there(output) else { return Ok(()) };
    let folders = arguments.iter().filter(|argument| argument.is_dir());
    if let Some(argument) = folders
        .into_iter()
        .find(|argument| fs::canonicalize(argument).is_ok_and(|argument| output_now.starts_with(argument)))
    {
        return Err(Error::usage(format!(
            "{}: this folder is in {}, so the job would read what it writes; write beside it",
            shown(output),
            shown(argument)
        )));
    }
    let mut last = None;
    for listed in inputs {
        let folder = Path::new(&listed.input.name).parent();
        if folder == last {
            continue;
        }
        last = folder;
        let folder = folder.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if fs::canonicalize(folder).is_ok_and(|folder| folder.starts_with(&output_now)) {
            return Err(Error::usage(format!(
                "{}: the input {} is in this folder, so the job would read what it writes; write elsewhere",
                shown(output),
                weir_printable::line(&listed.input.name)
            )));
        }
    }
    Ok(())
}

/// Where a folder is, or will be when it is made.
fn there(folder: &Path) -> Option<PathBuf> {
    let existing = folder.ancestors().find_map(|ancestor| {
        let ancestor = if ancestor.as_os_str().is_empty() { Path::new(".") } else { ancestor };
        Some((ancestor.to_owned(), fs::canonicalize(ancestor).ok()?))
    });
    let (ancestor, canonical) = existing?;
    match folder.strip_prefix(&ancestor) {
        Ok(rest) if !rest.as_os_str().is_empty() => Some(canonical.join(rest)),
        Ok(_) => Some(canonical),
        // The working directory.
        Err(_) => Some(canonical.join(folder)),
    }
}
