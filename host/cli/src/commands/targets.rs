//! Where results are written, and that nothing is written to what is read.

use std::{
    fs::{self, File},
    io,
    os::{
        fd::AsFd,
        unix::fs::{FileTypeExt as _, MetadataExt as _},
    },
    path::{Path, PathBuf},
};

use weir_io::{Output, OutputFile, Source, Waiting};

use crate::{Error, error::shown};

/// Where something is written.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    Stdout,
    File(PathBuf),
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

    /// What messages call it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Stdout => "standard output".into(),
            Self::File(path) => shown(path),
        }
    }

    /// Whether a file of this name can be written.
    pub(super) fn check(&self) -> Result<(), Error> {
        match self {
            Self::Stdout => Ok(()),
            Self::File(path) => OutputFile::check(path).map_err(|e| Error::usage(e.to_string())),
        }
    }

    fn identity(&self) -> Option<Identity> {
        match self {
            Self::Stdout => behind(io::stdout()),
            Self::File(path) => regular(fs::metadata(path)),
        }
    }

    /// Opens it, and tells what was opened where two names of it may be meant by mistake.
    fn open(&self) -> Result<(Writer, Option<Identity>), Error> {
        let Self::File(path) = self else { return Ok((Box::new(Waiting(io::stdout().lock())), None)) };
        let (file, metadata) = OutputFile::create(path)?;
        let metadata = metadata.filter(|m| m.is_file() || m.file_type().is_fifo());
        Ok((Box::new(file), metadata.map(|m| identity(&m))))
    }
}

/// What is read, for [`refuse_overlap`].
#[derive(Default)]
pub(super) struct Inputs(Vec<Identity>);

impl Inputs {
    /// Adds where records come from.
    pub(super) fn add_source(&mut self, source: &Source) {
        self.0.extend(match source {
            Source::Stdin => behind(io::stdin()),
            Source::File(path) => regular(fs::metadata(path)),
        });
    }

    /// Adds a file of another kind, such as a list.
    pub(super) fn add_file(&mut self, path: &Path) {
        self.0.extend(regular(fs::metadata(path)));
    }
}

/// An output that is also an input would be emptied before it is read, or feed itself.
pub(super) fn refuse_overlap(inputs: &Inputs, target: &Target, option: &str) -> Result<(), Error> {
    if !target.identity().is_some_and(|found| inputs.0.contains(&found)) {
        return Ok(());
    }
    let option = if *target == Target::Stdout { "standard output" } else { option };
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
    if output == rejects || (found.is_some() && found == rejects.identity()) {
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

/// What stands behind standard input or output.
fn behind(stream: impl AsFd) -> Option<Identity> {
    regular(stream.as_fd().try_clone_to_owned().map(File::from).and_then(|f| f.metadata()))
}
