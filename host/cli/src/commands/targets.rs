//! Where results are written, and that nothing is written to what is read.

use std::{
    fs::{self, File},
    io::{self, IsTerminal as _},
    os::{
        fd::AsFd,
        unix::fs::{FileTypeExt as _, MetadataExt as _},
    },
    path::{Path, PathBuf},
};

use weir_io::{Output, OutputFile, OutputObject, Source, Waiting};
use weir_printable::line;
use weir_store::{Address, Store};

use super::stores::{self, Stores};
use crate::{Error, error::shown};

/// Where something is written.
#[derive(Debug)]
pub(super) enum Target {
    Stdout,
    File(PathBuf),
    /// An object of a store.
    Object(Address, Store),
}

pub(super) type Writer = Box<dyn Output>;

/// What a file is, whatever it is called: its device and its number there.
type Identity = (u64, u64);

impl Target {
    /// What an option's value names. As for inputs, `-` is no file's name.
    pub(super) fn named(path: &Path) -> Self {
        match path.to_str() {
            Some("-") => Self::Stdout,
            _ => Self::File(path.to_owned()),
        }
    }

    /// [`Self::named`], or an object of a store.
    pub(super) fn of(path: &Path, stores: &Stores) -> Result<Self, Error> {
        match Stores::address(path).transpose()? {
            Some(address) if address.service() != weir_store::Service::Local => {
                if address.name().is_empty() {
                    return Err(Error::usage(format!(
                        "{}: this is the address of a folder; name an object, such as {}flat.jsonl.zst",
                        line(&address.to_string()),
                        line(&address.clone().into_folder().to_string())
                    )));
                }
                let store = stores.open(&address)?;
                Ok(Self::Object(address, store))
            }
            Some(address) => Ok(Self::named(Path::new(&address.to_string()))),
            None => Ok(Self::named(path)),
        }
    }

    /// What messages call it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Stdout => "standard output".into(),
            Self::File(path) => shown(path),
            Self::Object(address, _) => line(&address.to_string()).into_owned(),
        }
    }

    pub(super) fn is_stdout(&self) -> bool {
        matches!(self, Self::Stdout)
    }

    /// Whether it can be gone on with in another file of its name.
    pub(super) fn can_reopen(&self) -> bool {
        matches!(self, Self::File(_))
    }

    /// Whether a file of this name can be written.
    pub(super) fn check(&self) -> Result<(), Error> {
        match self {
            Self::Stdout => Ok(()),
            Self::File(path) => OutputFile::check(path).map_err(|e| Error::usage(e.to_string())),
            // What is wrong is told where it is opened, before anything is written.
            Self::Object(address, _) => {
                OutputFile::check(Path::new(&address.to_string())).map_err(|e| Error::usage(e.to_string()))
            }
        }
    }

    fn identity(&self) -> Option<Identity> {
        match self {
            Self::Stdout => behind(io::stdout()),
            Self::File(path) => regular(fs::metadata(path)),
            Self::Object(..) => None,
        }
    }

    /// Whether it is the device that keeps nothing of what is written to it, and mixes nothing up.
    fn keeps_nothing(&self) -> bool {
        match self {
            Self::File(path) => fs::metadata(path).is_ok_and(|metadata| is_null(&metadata)),
            Self::Stdout | Self::Object(..) => false,
        }
    }

    /// Refuses to empty a file where no input is named and standard input has none: its name was meant for the
    /// input, and stands where an option's value was forgotten.
    pub(super) fn refuse_forgotten(&self, option: &str) -> Result<(), Error> {
        let Self::File(path) = self else { return Ok(()) };
        let has_content = fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.len() > 0);
        if !has_content || !(io::stdin().is_terminal() || reads_nothing()) {
            return Ok(());
        }
        Err(Error::usage(format!(
            "{0}: there is something in this file, which {option} would empty, and no input is named; did you \
             mean `weir normalize {0} {option} FILE`? `-` as an input is standard input",
            shown(path)
        )))
    }

    /// Opens it, and tells what was opened where two names of it may be meant by mistake.
    fn open(&self) -> Result<(Writer, Option<Identity>), Error> {
        let path = match self {
            Self::Stdout => return Ok((Box::new(Waiting(io::stdout().lock())), None)),
            Self::Object(address, store) => {
                let object = stores::writer(store, address.name())?;
                return Ok((Box::new(OutputObject::new(&address.to_string(), object)?), None));
            }
            Self::File(path) => path,
        };
        let (file, metadata) = OutputFile::create(path)?;
        let metadata = metadata.filter(|m| m.is_file() || m.file_type().is_fifo());
        Ok((Box::new(file), metadata.map(|m| identity(&m))))
    }
}

/// What is read, for [`refuse_overlap`].
#[derive(Default)]
pub(super) struct Inputs {
    files: Vec<Identity>,
    sources: Vec<Source>,
}

impl Inputs {
    /// Adds where records come from.
    pub(super) fn add_source(&mut self, source: &Source) {
        self.files.extend(match source {
            Source::Stdin => behind(io::stdin()),
            Source::File(path) => regular(fs::metadata(path)),
            Source::Fetched(_) => {
                self.sources.push(source.clone());
                None
            }
        });
    }

    /// Adds a file of another kind, such as a list.
    pub(super) fn add_file(&mut self, path: &Path) {
        self.files.extend(regular(fs::metadata(path)));
    }

    /// Whether an object is read, or would be the next time.
    fn has(&self, address: &Address) -> bool {
        let name = address.to_string();
        self.sources.iter().any(|source| matches!(source, Source::Fetched(fetch) if fetch.has(&name)))
    }
}

/// An output that is also an input would be emptied before it is read, or feed itself.
pub(super) fn refuse_overlap(inputs: &Inputs, target: &Target, option: &str) -> Result<(), Error> {
    let is_input = match target {
        Target::Object(address, _) => inputs.has(address),
        _ => target.identity().is_some_and(|found| inputs.files.contains(&found)),
    };
    if !is_input {
        return Ok(());
    }
    let option = if target.is_stdout() { "standard output" } else { option };
    Err(Error::usage(format!(
        "{}: this is an input, so {option} can't be written there; choose another file",
        target.name()
    )))
}

/// Opens where the records and the rejects go, which are not the same.
pub(super) fn open(output: &Target, rejects: Option<&Target>) -> Result<(Writer, Option<Writer>), Error> {
    let same = || {
        Err(Error::usage(format!(
            "{}: the records and the rejects go to the same file; choose two",
            output.name()
        )))
    };
    let Some(rejects) = rejects else { return Ok((output.open()?.0, None)) };
    let found = output.identity();
    let is_one = output.is_stdout() == rejects.is_stdout() && output.name() == rejects.name();
    if is_one && !output.keeps_nothing() || (found.is_some() && found == rejects.identity()) {
        return same();
    }
    let (writer, opened) = output.open()?;
    let (rejects_writer, rejects_opened) = rejects.open()?;
    if opened.is_some() && opened == rejects_opened {
        // Two spellings of a file that was not there before; nobody misses it.
        if let (None, Target::File(path)) = (found, output)
            && let Ok(path) = fs::canonicalize(path)
            && fs::symlink_metadata(&path).is_ok_and(|m| m.is_file() && m.len() == 0)
        {
            let _ = fs::remove_file(path);
        }
        return same();
    }
    Ok((writer, Some(rejects_writer)))
}

fn identity(metadata: &fs::Metadata) -> Identity {
    (metadata.dev(), metadata.ino())
}

/// Nothing for what is no regular file.
fn regular(metadata: io::Result<fs::Metadata>) -> Option<Identity> {
    metadata.ok().filter(fs::Metadata::is_file).map(|m| identity(&m))
}

/// Whether a file is the device that has nothing.
fn is_null(metadata: &fs::Metadata) -> bool {
    let device = |m: &fs::Metadata| m.file_type().is_char_device().then(|| m.rdev());
    device(metadata).is_some()
        && fs::metadata("/dev/null").is_ok_and(|null| device(&null) == device(metadata))
}

/// Whether standard input is that device.
fn reads_nothing() -> bool {
    let stdin = io::stdin().as_fd().try_clone_to_owned().map(File::from);
    stdin.and_then(|file| file.metadata()).is_ok_and(|metadata| is_null(&metadata))
}

/// What stands behind standard input or output.
fn behind(stream: impl AsFd) -> Option<Identity> {
    regular(stream.as_fd().try_clone_to_owned().map(File::from).and_then(|f| f.metadata()))
}
