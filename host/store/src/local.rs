//! Folders as a store: a key is a path below the folder, with `/` between its parts.

use std::{
    fs::{self, File, Metadata, TryLockError},
    io::{self, BufWriter, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use same_file::Handle;
use walkdir::{DirEntry, WalkDir};

use crate::{Error, Object, Span};

/// What names of files that are not finished end in; they begin with a dot.
const UNFINISHED: &str = ".weir-unfinished";

/// How many files may be in the way of a new one that is not finished.
const WRITERS: u32 = 1000;

pub(crate) struct Folder {
    /// As it was written; empty for the working directory.
    pub(crate) folder: String,
}

impl Folder {
    fn root(&self) -> &Path {
        Path::new(if self.folder.is_empty() { "." } else { &self.folder })
    }

    /// The path of a key, which stays below the folder.
    fn path(&self, key: &str) -> Result<PathBuf, Error> {
        if key.split('/').any(is_no_part) || is_unfinished(key.rsplit('/').next().unwrap_or_default()) {
            return Err(Error::usage(format!(
                "{}: no file of a folder can have this key; write its parts with one / between them",
                weir_printable::line(key)
            )));
        }
        Ok(self.root().join(key))
    }

    pub(crate) fn list<'a>(
        &'a self,
        prefix: &str,
        after: Option<&str>,
    ) -> impl Iterator<Item = Result<Object, Error>> + Send + use<'a> {
        // The search begins in the last folder that the prefix names.
        let base = &prefix[..prefix.rfind('/').map_or(0, |at| at + 1)];
        // No key has such parts, and nothing outside of the folder is meant.
        let is_none = base.split_terminator('/').any(is_no_part);
        let start = self.root().join(base);
        let is_base = base.is_empty();
        let root = self.root().to_owned();
        let (prefix, after) = (prefix.to_owned(), after.unwrap_or_default().to_owned());
        let skipped = (prefix.clone(), after.clone(), root.clone());
        let walk = WalkDir::new(start)
            .sort_by(|a, b| in_order(a).cmp(&in_order(b)))
            .into_iter()
            .filter_entry(move |entry| {
                let (prefix, after, root) = &skipped;
                // What has no key is told when it is reached.
                let Some(key) = key(root, entry.path()).filter(|_| entry.depth() > 0) else { return true };
                if !entry.file_type().is_dir() {
                    return true;
                }
                let folder = format!("{key}/");
                let may_match = folder.starts_with(prefix) || prefix.starts_with(&folder);
                let is_before = *after > folder && !after.starts_with(&folder);
                may_match && !is_before
            });
        let walk = if is_none { None } else { Some(walk) };
        walk.into_iter().flatten().filter_map(move |entry| {
            let entry = match entry {
                Ok(entry) => entry,
                // As a prefix that no key has.
                Err(e) if e.depth() == 0 && !is_base && is_missing(&e) => return None,
                Err(e) => {
                    let path = e.path().unwrap_or(&root).to_string_lossy().into_owned();
                    return Some(Err(Error::file(&path, "read the folder", e.into())));
                }
            };
            if !entry.file_type().is_file() {
                return None;
            }
            let path = entry.path();
            let Some(key) = key(&root, path) else {
                let what = io::Error::other("its name is not UTF-8");
                return Some(Err(Error::file(&path.to_string_lossy(), "list", what)));
            };
            let is_meant = key.starts_with(&prefix)
                && (after.is_empty() || key > after)
                && !is_unfinished(&entry.file_name().to_string_lossy());
            if !is_meant {
                return None;
            }
            match entry.metadata() {
                Ok(metadata) => Some(Ok(object(key, &metadata))),
                Err(e) => Some(Err(Error::file(&path.to_string_lossy(), "list", e.into()))),
            }
        })
    }

    pub(crate) fn stat(&self, key: &str) -> Result<Option<Object>, Error> {
        let path = self.path(key)?;
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => Ok(None),
            Ok(metadata) => Ok(Some(object(key.into(), &metadata))),
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
            Err(e) => Err(Error::file(&path.to_string_lossy(), "read", e)),
        }
    }

    pub(crate) fn read(&self, key: &str, span: Span, etag: Option<&str>) -> Result<LocalReader, Error> {
        let path = self.path(key)?;
        let name = path.to_string_lossy().into_owned();
        let failed = |e| Error::file(&name, "read", e);
        let mut file = File::open(&path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if metadata.is_dir() {
            return Err(failed(io::ErrorKind::IsADirectory.into()));
        }
        let found = etag_of(&metadata);
        if etag.is_some_and(|etag| etag != found) {
            return Err(Error::changed(&name));
        }
        if span.start > 0 {
            file.seek(SeekFrom::Start(span.start)).map_err(failed)?;
        }
        Ok(LocalReader { file: file.take(span.len.unwrap_or(u64::MAX)), name, etag: found })
    }

    pub(crate) fn write(&self, key: &str) -> Result<LocalWriter, Error> {
        let path = self.path(key)?;
        let name = path.to_string_lossy().into_owned();
        let opened = (|| {
            let folder = path.parent().unwrap_or(Path::new("."));
            fs::create_dir_all(folder)?;
            if path.is_dir() {
                return Err(io::ErrorKind::IsADirectory.into());
            }
            unfinished(&path)
        })();
        let (file, temporary) = opened.map_err(|e| Error::file(&name, "write", e))?;
        Ok(LocalWriter { file: Some(BufWriter::with_capacity(1 << 16, file)), temporary, path, name })
    }

    pub(crate) fn delete(&self, key: &str) -> Result<(), Error> {
        let path = self.path(key)?;
        match fs::remove_file(&path) {
            Err(e) if !matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                Err(Error::file(&path.to_string_lossy(), "delete", e))
            }
            _ => Ok(()),
        }
    }
}

/// Keys in a folder come before those that have a character above `/` where the folder's name ends.
fn in_order(entry: &DirEntry) -> Vec<u8> {
    let mut name = entry.file_name().as_encoded_bytes().to_vec();
    if entry.file_type().is_dir() {
        name.push(b'/');
    }
    name
}

fn key(root: &Path, path: &Path) -> Option<String> {
    path.strip_prefix(root).ok()?.to_str().map(str::to_owned)
}

fn is_missing(error: &walkdir::Error) -> bool {
    let kind = error.io_error().map(io::Error::kind);
    matches!(kind, Some(io::ErrorKind::NotFound | io::ErrorKind::NotADirectory))
}

fn is_no_part(part: &str) -> bool {
    matches!(part, "" | "." | "..") || part.contains('\0')
}

fn is_unfinished(name: &str) -> bool {
    name.starts_with('.') && name.ends_with(UNFINISHED)
}

/// Makes durable which files there are in a folder. Only Unix can be asked for it.
fn sync_names_in(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(unix)]
fn etag_of(metadata: &Metadata) -> String {
    use std::os::unix::fs::MetadataExt as _;

    let (seconds, nanoseconds) = (metadata.mtime(), metadata.mtime_nsec());
    format!("{:x}-{seconds:x}.{nanoseconds:x}-{:x}", metadata.len(), metadata.ino())
}

/// Without a number of the file, which Windows tells only of files that are open.
#[cfg(windows)]
fn etag_of(metadata: &Metadata) -> String {
    use std::os::windows::fs::MetadataExt as _;

    format!("{:x}-{:x}", metadata.len(), metadata.last_write_time())
}

fn object(key: String, metadata: &Metadata) -> Object {
    Object { key, size: metadata.len(), etag: Some(etag_of(metadata)), modified: metadata.modified().ok() }
}

/// A file beside `path` that is not finished, and that nobody else writes. What somebody left there who
/// was killed is taken over, so that no more than one stays behind.
fn unfinished(path: &Path) -> io::Result<(File, PathBuf)> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    for writer in 0..WRITERS {
        let writer = if writer == 0 { String::new() } else { format!(".{writer}") };
        let temporary = path.with_file_name(format!(".{name}{writer}{UNFINISHED}"));
        let file = File::options().write(true).create(true).truncate(false).open(&temporary)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => continue,
            Err(TryLockError::Error(e)) => return Err(e),
        }
        // Whoever had it may have finished it since it was opened: then it has another name by now.
        if fs::symlink_metadata(&temporary).is_ok_and(|there| !there.is_symlink())
            && Handle::from_path(&temporary).ok() == Some(Handle::from_file(file.try_clone()?)?)
        {
            file.set_len(0)?;
            return Ok((file, temporary));
        }
    }
    Err(io::Error::other("too many others write it"))
}

pub(crate) struct LocalReader {
    file: io::Take<File>,
    name: String,
    pub(crate) etag: String,
}

impl Read for LocalReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer).map_err(|e| match e.kind() {
            io::ErrorKind::Interrupted => e,
            _ => Error::file(&self.name, "read", e).into(),
        })
    }
}

pub(crate) struct LocalWriter {
    /// None when it is finished.
    file: Option<BufWriter<File>>,
    temporary: PathBuf,
    path: PathBuf,
    name: String,
}

impl LocalWriter {
    fn error(&self, error: io::Error) -> Error {
        Error::file(&self.name, "write", error)
    }

    pub(crate) fn finish(mut self) -> Result<(), Error> {
        self.put().map_err(|e| self.error(e))
    }

    fn put(&mut self) -> io::Result<()> {
        let Some(writer) = &mut self.file else { return Ok(()) };
        writer.flush()?;
        writer.get_ref().sync_all()?;
        // It stays locked until it has its name.
        fs::rename(&self.temporary, &self.path)?;
        self.file = None;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        sync_names_in(folder.unwrap_or(Path::new(".")))
    }
}

impl Write for LocalWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.file {
            Some(file) => file.write(bytes).map_err(|e| match e.kind() {
                io::ErrorKind::Interrupted => e,
                _ => Error::file(&self.name, "write", e).into(),
            }),
            None => Ok(0),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for LocalWriter {
    fn drop(&mut self) {
        if let Some(file) = self.file.take() {
            // What is buffered is not written any more.
            let (_locked, _) = file.into_parts();
            let _ = fs::remove_file(&self.temporary);
        }
    }
}
