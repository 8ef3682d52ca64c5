//! Stores of clouds, over OpenDAL.

mod failure;
mod obs;
mod reader;
mod runtime;
mod services;
mod transport;
mod writer;

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Weak},
};

use backon::Retryable as _;

use opendal::{
    ErrorKind, Metadata, Operator,
    layers::{RetryEvent, RetryInterceptor, RetryLayer},
    options::{ListOptions, StatOptions},
    raw::oio,
};
use weir_printable::line;

use crate::{Address, Error, Object, Options, Span, options};

pub(crate) use self::{
    reader::{Opening, RemoteReader},
    writer::RemoteWriter,
};

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
    /// Who lists objects, where it is not the operator.
    lister: Option<obs::Lister>,
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
        let services::Bucket { operator: reads, lister } = services::bucket(address, &place, options, env)?;
        Ok(Arc::new_cyclic(|remote| {
            let retries =
                RetryLayer::new().with_max_times(5).with_jitter().with_notify(Repeats(remote.clone()));
            Self {
                address: address.of(""),
                options: options.clone(),
                endpoint: place.endpoint.to_string(),
                operator: reads.clone().layer(retries),
                reads,
                lister,
            }
        }))
    }

    /// An attempt failed, and is repeated.
    fn repeats(&self, error: &opendal::Error) {
        if let Some(repeats) = &self.options.repeats {
            repeats(&self.error(self.name(""), "reach it", error));
        }
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
        let pages = if self.lister.is_some() {
            let prefix = if prefix == "/" { String::new() } else { prefix };
            Pages::Obs { prefix, next: Some(after.clone().unwrap_or_default()), page: VecDeque::new() }
        } else {
            let options =
                ListOptions { recursive: true, start_after: after.clone(), ..ListOptions::default() };
            let (context, service) = (self.operator.context(), self.operator.service());
            let lister = service
                .list_dyn(context, &prefix, options.into())
                .map_err(|e| self.error(self.name(""), "list", &e))?;
            Pages::OpenDal(lister)
        };
        Ok(Entries { remote: Arc::clone(self), pages: Some(pages), after })
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

    /// Begins to read, and waits for nothing.
    pub(crate) fn begin(
        self: &Arc<Self>,
        key: &str,
        span: Span,
        etag: Option<&str>,
    ) -> Result<Opening, Error> {
        self.check(key)?;
        Opening::begin(self, key, span, etag)
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

/// Who is told of attempts that the operator repeats.
struct Repeats(Weak<Remote>);

impl RetryInterceptor for Repeats {
    fn intercept(&self, event: RetryEvent<'_>) {
        if let Some(remote) = self.0.upgrade() {
            remote.repeats(event.err);
        }
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
    pages: Option<Pages>,
    /// Not every service leaves out what comes before.
    after: Option<String>,
}

enum Pages {
    OpenDal(oio::Lister),
    Obs {
        prefix: String,
        /// Where the next page begins; none behind the last one.
        next: Option<String>,
        page: VecDeque<Object>,
    },
}

impl Pages {
    /// The next object, with its whole key.
    async fn next(&mut self, remote: &Remote) -> opendal::Result<Option<Object>> {
        match self {
            Self::OpenDal(lister) => {
                let Some(entry) = lister.next_dyn().await? else { return Ok(None) };
                let (path, found) = entry.into_parts();
                Ok(Some(object(path, &found)))
            }
            Self::Obs { prefix, next, page } => loop {
                if let Some(object) = page.pop_front() {
                    return Ok(Some(object));
                }
                let (Some(marker), Some(lister)) = (next.take(), &remote.lister) else { return Ok(None) };
                let found = (|| lister.page(prefix, &marker))
                    .retry(reader::waits())
                    .sleep(tokio::time::sleep)
                    .when(opendal::Error::is_temporary)
                    .notify(|error, _| remote.repeats(error))
                    .await?;
                if found.next.as_ref().is_some_and(|next| *next <= marker) {
                    let what = "the listing does not go on";
                    return Err(opendal::Error::new(ErrorKind::Unexpected, what));
                }
                page.extend(found.objects);
                *next = found.next;
            },
        }
    }
}

impl Iterator for Entries {
    type Item = Result<Object, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let remote = &self.remote;
        let name = remote.name("");
        loop {
            let next = runtime::wait(&remote.options, name, self.pages.as_mut()?.next(remote));
            let mut object = match next {
                Ok(Ok(Some(object))) => object,
                Ok(Ok(None)) => {
                    self.pages = None;
                    return None;
                }
                Ok(Err(e)) => {
                    self.pages = None;
                    return Some(Err(remote.error(name, "list", &e)));
                }
                Err(e) => {
                    self.pages = None;
                    return Some(Err(e));
                }
            };
            let is_before = self.after.as_ref().is_some_and(|after| object.key <= *after);
            // A marker of a folder, or the folder itself.
            if is_before || object.key.ends_with('/') {
                continue;
            }
            let Some(key) = object.key.strip_prefix(remote.address.folder()) else { continue };
            object.key = key.to_owned();
            return Some(Ok(object));
        }
    }
}
