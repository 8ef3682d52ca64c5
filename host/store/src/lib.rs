//! Objects: bytes under keys, in the stores of clouds and in folders of this machine. This crate knows
//! addresses and bytes, and nothing of logs.
//!
//! Its callers block: a small runtime of its own is started by the first store of a cloud that is opened,
//! and folders need none. They must not be tasks of another runtime.
//!
//! What it promises, of each service alike:
//! - A key is relative to the folder that the store was opened at, and never leaves it.
//! - A listing comes in the order of the keys' bytes, a page at a time, however long it is.
//! - What is read is one object: where a connection breaks, reading goes on from there, and only if the
//!   object is still the same.
//! - What is written is not there before it is finished, and whole then; what was there before is
//!   replaced in one step. What is dropped unfinished is never there.
//! - An attempt that fails for a while is repeated for some seconds. Errors say what to do, and hold no
//!   credentials.

mod address;
mod ahead;
mod error;
mod local;
mod object;
mod options;
mod remote;

use std::{
    fmt,
    io::{self, Read, Write},
    ops::{Bound, RangeBounds},
    sync::Arc,
};

pub use address::{Address, Service};
pub use error::{Error, Kind};
pub use object::{Listing, Object};
pub use options::{Credentials, Options, Repeats};

use local::{Folder, LocalReader, LocalWriter};
use remote::{Remote, RemoteReader, RemoteWriter};

/// A folder of a store, and all that is below it.
#[derive(Clone)]
pub struct Store {
    address: Address,
    backend: Arc<Backend>,
}

enum Backend {
    Local(Folder),
    Remote(Arc<Remote>),
}

/// Which bytes of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: u64,
    /// To its end without it.
    pub(crate) len: Option<u64>,
}

impl Span {
    fn of(range: impl RangeBounds<u64>) -> Self {
        let start = match range.start_bound() {
            Bound::Included(start) => *start,
            Bound::Excluded(before) => before.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(last) => last.checked_add(1),
            Bound::Excluded(end) => Some(*end),
            Bound::Unbounded => None,
        };
        Self { start, len: end.map(|end| end.saturating_sub(start)) }
    }
}

impl Store {
    /// Opens the folder of an address. Nothing is asked of a service yet, so that a bucket that is not
    /// there, or wrong credentials, are told by what is done first.
    pub fn open(address: &Address, options: &Options) -> Result<Self, Error> {
        let backend = match address.service() {
            Service::Local => Backend::Local(Folder { folder: address.folder().into() }),
            _ => Backend::Remote(Remote::open(address, options)?),
        };

        Ok(Self { address: address.of(""), backend: Arc::new(backend) })
    }

    /// The address of its folder.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// What messages call an object.
    pub fn name(&self, key: &str) -> String {
        self.address.of(key).to_string()
    }

    /// All objects whose keys begin with `prefix`, in the order of the keys' bytes, and only those behind
    /// `after`. Of a folder it is files, not links; markers of folders, whose keys end in `/`, are left
    /// out of what a store has.
    pub fn list(&self, prefix: &str, after: Option<&str>) -> Result<Listing<'_>, Error> {
        Ok(Listing(match &*self.backend {
            Backend::Local(folder) => Box::new(folder.list(prefix, after)),
            Backend::Remote(remote) => Box::new(remote.list(prefix, after)?),
        }))
    }

    /// What is known of an object, or nothing where there is none.
    pub fn stat(&self, key: &str) -> Result<Option<Object>, Error> {
        match &*self.backend {
            Backend::Local(folder) => folder.stat(key),
            Backend::Remote(remote) => remote.stat(key),
        }
    }

    /// Reads bytes of an object, from `..` for all to such as `4096..8192`; what is behind its end is
    /// left out. It is an error at once if there is no such object.
    pub fn read(&self, key: &str, range: impl RangeBounds<u64>) -> Result<Reader, Error> {
        self.read_if(key, Span::of(range), None)
    }

    /// Reads bytes of an object as it was listed: it is an error if it was replaced since, where the
    /// store says so.
    pub fn read_listed(&self, object: &Object, range: impl RangeBounds<u64>) -> Result<Reader, Error> {
        self.read_if(&object.key, Span::of(range), object.etag.as_deref())
    }

    fn read_if(&self, key: &str, span: Span, etag: Option<&str>) -> Result<Reader, Error> {
        Ok(Reader(match &*self.backend {
            Backend::Local(folder) => Reading::Local(folder.read(key, span, etag)?),
            Backend::Remote(remote) => Reading::Remote(remote.begin(key, span, etag)?.wait()?),
        }))
    }

    /// Reads objects as they were listed, one behind the other. The next few are asked for while one is
    /// read, so that many small ones don't wait for a network each.
    pub fn read_all<'a>(
        &'a self,
        objects: impl Iterator<Item = Result<Object, Error>> + 'a,
    ) -> impl Iterator<Item = Result<(Object, Reader), Error>> + 'a {
        ahead::Ahead::new(self, objects)
    }

    /// Writes an object, which is there when it is finished.
    pub fn write(&self, key: &str) -> Result<Writer, Error> {
        Ok(Writer(match &*self.backend {
            Backend::Local(folder) => Writing::Local(folder.write(key)?),
            Backend::Remote(remote) => Writing::Remote(remote.write(key)?),
        }))
    }

    /// Deletes an object; one that is not there is fine.
    pub fn delete(&self, key: &str) -> Result<(), Error> {
        match &*self.backend {
            Backend::Local(folder) => folder.delete(key),
            Backend::Remote(remote) => remote.delete(key),
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Store").field(&self.address).finish()
    }
}

/// An object that is read. Its errors have an [`Error`] inside.
pub struct Reader(Reading);

enum Reading {
    Local(LocalReader),
    Remote(RemoteReader),
}

impl Reader {
    /// The etag of what is read, where the store says it.
    pub fn etag(&self) -> Option<&str> {
        match &self.0 {
            Reading::Local(reader) => Some(&reader.etag),
            Reading::Remote(reader) => reader.etag(),
        }
    }
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Reading::Local(reader) => reader.read(buffer),
            Reading::Remote(reader) => reader.read(buffer),
        }
    }
}

/// An object that is written. Its errors have an [`Error`] inside. Dropped before it is finished, it is
/// given up, and nothing of it stays; in a process that is killed, parts of it may stay in the store,
/// where nobody sees them but the bill: a rule of the bucket ends uploads that are not finished.
pub struct Writer(Writing);

enum Writing {
    Local(LocalWriter),
    Remote(RemoteWriter),
}

impl Writer {
    /// Makes the object what was written.
    pub fn finish(self) -> Result<(), Error> {
        match self.0 {
            Writing::Local(writer) => writer.finish(),
            Writing::Remote(writer) => writer.finish(),
        }
    }
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Writing::Local(writer) => writer.write(bytes),
            Writing::Remote(writer) => writer.write(bytes),
        }
    }

    /// What was written may still wait to be sent: it can't be seen before the end.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
