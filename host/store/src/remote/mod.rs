//! Stores of clouds, over OpenDAL.

mod failure;
mod reader;
mod runtime;
mod services;
mod transport;
mod writer;

use std::{fmt, sync::Arc};

use opendal::{
    ErrorKind, Metadata, Operator,
    layers::RetryLayer,
    options::{ListOptions, StatOptions},
    raw::oio,
};
use weir_printable::line;

use crate::{Address, Error, Object, Options, Span, options};

pub(crate) use self::{reader::RemoteReader, writer::RemoteWriter};

/// A bucket.
pub(crate) struct Remote {
    /// The folder that keys are relative to.
    address: Address,
    options: Options,
    endpoint: String,
    /// Repeats attempts.
    operator: Operator,
    /// Does not: what is read goes on where it broke.
    reads: Operator,
}

/// What messages call an object, or all of a store.
#[derive(Clone, Copy)]
struct Name<'a> {
    address: &'a Address,
    key: &'a str,
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.of(self.key).fmt(f)
    }
}

impl Remote {
    pub(crate) fn open(address: &Address, options: &Options) -> Result<Arc<Self>, Error> {
        let env = &options::environment;
        let place = options::place(address, options, env)?;
        // What OpenDAL builds may ask for the runtime that it is in.
        let _entered = runtime::runtime()?.enter();
        let reads = services::operator(address, &place, options, env)?;
        let operator = reads.clone().layer(RetryLayer::new().with_max_times(5).with_jitter());
        Ok(Arc::new(Self {
            address: address.of(""),
            options: options.clone(),
            endpoint: place.endpoint.to_string(),
            operator,
            reads,
        }))
    }

    fn name<'a>(&'a self, key: &'a str) -> Name<'a> {
        Name { address: &self.address, key }
    }

    /// The whole key, as OpenDAL's services take it: they have another word for the empty one.
    fn path(&self, key: &str) -> String {
        let path = format!("{}{key}", self.address.folder());
        if path.is_empty() { "/".into() } else { path }
    }

    /// Whether requests for a key say what it is: a client takes `.` and `..` out of a path.
    fn check(&self, key: &str) -> Result<(), Error> {
        let path = self.path(key);
        let what = if path.starts_with('/') {
            "begins with /"
        } else if path.split('/').any(|part| matches!(part, "." | "..")) {
            "has . or .. for a part"
        } else if key.is_empty() || key.ends_with('/') {
            "ends in /"
        } else {
            return Ok(());
        };
        Err(Error::usage(format!(
            "{}: Weir can't reach an object whose key {what}; copy it to another key",
            line(&self.name(key).to_string())
        )))
    }

    pub(crate) fn list(
        self: &Arc<Self>,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<impl Iterator<Item = Result<Object, Error>> + Send + use<>, Error> {
        let (prefix, after) = (self.path(prefix), after.map(|after| self.path(after)));
        let options = ListOptions { recursive: true, start_after: after.clone(), ..ListOptions::default() };
        let (context, service) = (self.operator.context(), self.operator.service());
        let lister = service
            .list_dyn(context, &prefix, options.into())
            .map_err(|e| self.error(self.name(""), "list", &e))?;
        Ok(Entries { remote: Arc::clone(self), lister: Some(lister), after })
    }

    /// What a service says of an object.
    async fn found(&self, key: &str) -> Result<Option<Metadata>, Error> {
        let (context, service) = (self.operator.context(), self.operator.service());
        match service.stat_dyn(context, &self.path(key), StatOptions::default().into()).await {
            Ok(found) => Ok(Some(found.into_metadata())),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(self.error(self.name(key), "read", &e)),
        }
    }

    pub(crate) fn stat(&self, key: &str) -> Result<Option<Object>, Error> {
        self.check(key)?;
        let found = runtime::wait(&self.options, self.name(key), self.found(key))??;
        Ok(found.map(|found| object(key.into(), &found)))
    }

    pub(crate) fn read(
        self: &Arc<Self>,
        key: &str,
        span: Span,
        etag: Option<&str>,
    ) -> Result<RemoteReader, Error> {
        self.check(key)?;
        RemoteReader::open(self, key, span, etag)
    }

    /// A key that is written or deleted is one that OpenDAL leaves as it is.
    fn check_plain(&self, key: &str) -> Result<(), Error> {
        self.check(key)?;
        let path = self.path(key);
        if path != path.trim() || path.contains("//") {
            return Err(Error::usage(format!(
                "{}: Weir does not write objects whose keys have // in them, or a blank at an end; choose another \
                 key",
                line(&self.name(key).to_string())
            )));
        }
        Ok(())
    }

    pub(crate) fn write(self: &Arc<Self>, key: &str) -> Result<RemoteWriter, Error> {
        self.check_plain(key)?;
        RemoteWriter::open(self, key)
    }

    pub(crate) fn delete(&self, key: &str) -> Result<(), Error> {
        self.check_plain(key)?;
        let path = self.path(key);
        runtime::wait(&self.options, self.name(key), self.operator.delete(&path))?
            .map_err(|e| self.error(self.name(key), "delete", &e))
    }
}

fn object(key: String, found: &Metadata) -> Object {
    Object {
        key,
        size: found.content_length(),
        etag: found.etag().map(str::to_owned),
        modified: found.last_modified().map(Into::into),
    }
}

/// A listing, of which a page is there at a time.
struct Entries {
    remote: Arc<Remote>,
    /// None behind its end, or an error.
    lister: Option<oio::Lister>,
    /// Not every service leaves out what comes before.
    after: Option<String>,
}

impl Iterator for Entries {
    type Item = Result<Object, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let remote = &self.remote;
            let name = remote.name("");
            let next = runtime::wait(&remote.options, name, self.lister.as_mut()?.next_dyn());
            let entry = match next {
                Ok(Ok(Some(entry))) => entry,
                Ok(Ok(None)) => {
                    self.lister = None;
                    return None;
                }
                Ok(Err(e)) => {
                    self.lister = None;
                    return Some(Err(remote.error(name, "list", &e)));
                }
                Err(e) => {
                    self.lister = None;
                    return Some(Err(e));
                }
            };
            let (path, found) = entry.into_parts();
            let is_before = self.after.as_ref().is_some_and(|after| path <= *after);
            // A marker of a folder, or the folder itself.
            if is_before || path.ends_with('/') {
                continue;
            }
            let Some(key) = path.strip_prefix(remote.address.folder()) else { continue };
            return Some(Ok(object(key.into(), &found)));
        }
    }
}
