//! What a job reads, as it is listed.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use weir_io::Source;
use weir_lake::Input;
use weir_printable::line;
use weir_store::{Address, Object, Service};

use crate::{Error, commands::Stores, error::shown};

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
pub(crate) fn list(arguments: &[PathBuf], stores: &Stores) -> Result<Vec<Listed>, Error> {
    let no_stream =
        || Error::usage("a job reads files, which can be read again, and no standard input; name them");
    if arguments.is_empty() {
        return Err(no_stream());
    }
    let mut inputs = Vec::new();
    for argument in arguments {
        let path = match Stores::address(argument).transpose()? {
            Some(address) if address.service() == Service::Local => address.to_string().into(),
            Some(address) => {
                inputs.extend(stores.list(&address)?.into_iter().map(|(name, object)| of(name, object)));
                continue;
            }
            None => argument.clone(),
        };
        for source in Source::named(&path) {
            let Source::File(path) = source? else { return Err(no_stream()) };
            inputs.push(listed(&path).map_err(|e| Error::file(&path.to_string_lossy(), "read", e))?);
        }
    }
    Ok(inputs)
}

/// What stands for an etag where a store has none: no etag begins so.
const MODIFIED: &str = "modified ";

/// What is known of an object.
fn of(name: String, object: Object) -> Listed {
    let modified = object.modified.unwrap_or(SystemTime::UNIX_EPOCH);
    let etag = object.etag.unwrap_or_else(|| {
        let time = object.modified.and_then(|time| jiff::Timestamp::try_from(time).ok());
        format!("{MODIFIED}{}", time.map_or_else(String::new, |time| time.to_string()))
    });
    Listed { input: Input { name, size: object.size, etag }, modified }
}

/// Whether an input of a plan is an object of a store, and no file.
pub(crate) fn is_object(input: &Input) -> bool {
    Address::has_scheme(&input.name)
}

/// What is read for an input of a plan.
pub(crate) fn source(input: &Input, stores: &Stores) -> Result<Source, Error> {
    if !is_object(input) {
        return Ok(Source::File((&*input.name).into()));
    }
    let etag = Some(&input.etag).filter(|etag| !etag.starts_with(MODIFIED));
    stores.planned(&input.name, input.size, etag.cloned())
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
pub(crate) fn refuse_overlap(
    arguments: &[PathBuf],
    inputs: &[Listed],
    output: &Address,
) -> Result<(), Error> {
    if output.service() != Service::Local {
        return refuse_overlap_of_objects(arguments, inputs, output);
    }
    let output = &*output.to_string();
    let output = Path::new(if output.is_empty() { "." } else { output });
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
                line(&listed.input.name)
            )));
        }
    }
    Ok(())
}

fn refuse_overlap_of_objects(
    arguments: &[PathBuf],
    inputs: &[Listed],
    output: &Address,
) -> Result<(), Error> {
    let folder = output.to_string();
    let is_around = |argument: &&PathBuf| {
        matches!(Stores::address(argument), Some(Ok(address))
            if address.name().is_empty() && folder.starts_with(&address.to_string()))
    };
    if let Some(argument) = arguments.iter().find(is_around) {
        return Err(Error::usage(format!(
            "{}: this folder is in {}, so the job would read what it writes; write beside it",
            line(&folder),
            shown(argument)
        )));
    }
    match inputs.iter().find(|listed| listed.input.name.starts_with(&folder)) {
        Some(listed) => Err(Error::usage(format!(
            "{}: the input {} is in this folder, so the job would read what it writes; write elsewhere",
            line(&folder),
            line(&listed.input.name)
        ))),
        None => Ok(()),
    }
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
