//! Stores of objects on the command line: as what is read, and as what is written.

use std::{
    ffi::OsStr,
    io::{self, Read, Write},
    path::Path,
    sync::{Arc, Once, OnceLock},
};

use glob::Pattern;
use weir_io::{Again, Error as IoError, Fetch, Fetched, Finish, MATCH, Source, Stop, is_hidden, is_pattern};
use weir_printable::line;
use weir_store::{Address, Object, Options, Reader, Service, Store, Writer};

use crate::Error;

/// Where stores are. What credentials are is in the environment, as each vendor's own tools take it.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Object stores")]
pub(crate) struct StoreOptions {
    /// Where the service of s3://, oss://, obs:// and bos:// is, without the bucket, such as
    /// https://obs.cn-north-4.myhuaweicloud.com
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,

    /// The region, where the endpoint does not tell it
    #[arg(long, value_name = "NAME")]
    region: Option<String>,

    /// Name the bucket in the path of requests and not before the host; it always is where the host is an
    /// IP address
    #[arg(long)]
    path_style: bool,

    /// Send requests without a signature, for buckets that everybody may read
    #[arg(long)]
    anonymous: bool,
}

/// Opens stores.
pub(crate) struct Stores {
    options: Options,
    /// Known when signals are listened to; before, they end the process.
    stop: Arc<OnceLock<Stop>>,
}

impl Stores {
    pub(crate) fn new(options: &StoreOptions) -> Self {
        let stop: Arc<OnceLock<Stop>> = Arc::default();
        let (told, has_said) = (Arc::clone(&stop), Once::new());
        let StoreOptions { endpoint, region, path_style, anonymous } = options;
        let options = Options {
            endpoint: endpoint.clone(),
            region: region.clone(),
            path_style: *path_style,
            anonymous: *anonymous,
            credentials: None,
            stop: Some(Arc::new(move || told.get().is_some_and(Stop::is_told))),
            // Once says why nothing comes for a while.
            repeats: Some(Arc::new(move |error| {
                has_said.call_once(|| weir_io::say(&format!("weir: {error}; it is tried for some time")));
            })),
        };
        Self { options, stop }
    }

    /// From here on waits end when it is told to stop.
    pub(crate) fn heed(&self, stop: Stop) {
        let _ = self.stop.set(stop);
    }

    /// The address that an argument is, if it is no path.
    pub(crate) fn address(argument: &Path) -> Option<Result<Address, Error>> {
        let text = argument.to_str().filter(|text| Address::has_scheme(text) && !argument.exists())?;
        Some(Address::parse(text).map_err(|e| Error::usage(e.to_string())))
    }

    pub(crate) fn open(&self, address: &Address) -> Result<Store, Error> {
        Ok(Store::open(address, &self.options)?)
    }

    /// What an argument names, which is a path or an address.
    pub(crate) fn named(&self, argument: &Path) -> Vec<Result<Source, Error>> {
        let at = |path: &Path| Source::named(path).into_iter().map(|source| Ok(source?)).collect();
        match Self::address(argument) {
            None => at(argument),
            Some(Ok(address)) if address.service() == Service::Local => at(Path::new(&address.to_string())),
            Some(address) => {
                vec![address.and_then(|address| Ok(Source::Fetched(Arc::new(self.addressed(&address)?))))]
            }
        }
    }

    /// What an address names: with a `/` at its end all objects below it but hidden ones, with a pattern
    /// those that match it, as of paths; else an object, or all below it as if the `/` were there.
    fn addressed(&self, address: &Address) -> Result<Objects, Error> {
        let key = address.key();
        if is_pattern(&key) {
            return self.matching(address, &key);
        }
        let name = address.name();
        if !name.is_empty() {
            let store = self.open(address)?;
            if let Some(object) = store.stat(name)? {
                return Ok(Objects { address: address.clone(), store, what: What::Listed(vec![object]) });
            }
            if store.list(&format!("{name}/"), None)?.next().transpose()?.is_none() {
                return Err(Error::failed(format!(
                    "{}: there is no object of this name, and none below it; check the address",
                    line(&address.to_string())
                )));
            }
        }
        let folder = address.clone().into_folder();
        let store = self.open(&folder)?;
        Ok(Objects { address: folder, store, what: What::Folder })
    }

    /// What an address names, as the plan of a job has it: each object's address, and what is known of it.
    pub(crate) fn list(&self, address: &Address) -> Result<Vec<(String, Object)>, Error> {
        let Objects { store, what, .. } = self.addressed(address)?;
        let prefix = match &what {
            What::Listed(objects) => {
                return Ok(objects.iter().map(|object| (store.name(&object.key), object.clone())).collect());
            }
            What::Folder => "",
            What::Matching { prefix, .. } => prefix,
        };
        let mut found = Vec::new();
        for object in store.list(prefix, None)? {
            let object = object?;
            if what.is_meant(&object.key) {
                found.push((store.name(&object.key), object));
            }
        }
        match found.is_empty() {
            true => Err(Error::failed(what.nothing(&address.to_string()))),
            false => Ok(found),
        }
    }

    /// The source of an object of a plan, which is an error if it is another one by now.
    pub(crate) fn planned(&self, name: &str, size: u64, etag: Option<String>) -> Result<Source, Error> {
        let address = Address::parse(name)?;
        let key = address.key();
        Ok(listed(&self.open(&address.into_bucket())?, vec![Object { key, size, etag, modified: None }]))
    }

    fn matching(&self, address: &Address, key: &str) -> Result<Objects, Error> {
        let pattern = Pattern::new(key).map_err(|e| {
            Error::usage(format!(
                "{}: this is no pattern: {}; write [*] for a * that is meant",
                line(&address.to_string()),
                e.msg
            ))
        })?;
        // No more is listed than what begins as the pattern does.
        let prefix = key.find(['*', '?', '[']).map_or(key, |at| &key[..at]).to_owned();
        let what = What::Matching { pattern, prefix };
        Ok(Objects { address: address.clone(), store: self.open(&address.clone().into_bucket())?, what })
    }
}

/// A source of some objects of a store that were listed, in this order.
pub(crate) fn listed(store: &Store, objects: Vec<Object>) -> Source {
    let address = match &objects[..] {
        [one] => store.address().of(&one.key),
        _ => store.address().clone(),
    };
    Source::Fetched(Arc::new(Objects { address, store: store.clone(), what: What::Listed(objects) }))
}

/// Objects that are read.
#[derive(Debug)]
struct Objects {
    /// As messages show it.
    address: Address,
    store: Store,
    what: What,
}

/// Which of a store's objects.
#[derive(Debug)]
enum What {
    Listed(Vec<Object>),
    /// All but hidden ones.
    Folder,
    Matching {
        pattern: Pattern,
        prefix: String,
    },
}

impl What {
    /// What is told where there is nothing.
    fn nothing(&self, name: &str) -> String {
        let what = match self {
            Self::Matching { .. } => "no object matches this pattern; check it, and write ** for any folders",
            _ => "there is no object below this address, but for hidden ones; check it",
        };
        format!("{}: {what}", line(name))
    }

    fn is_meant(&self, key: &str) -> bool {
        match self {
            Self::Listed(_) => true,
            Self::Folder => is_seen(key),
            // As of paths, what is below a folder that matches is meant, too.
            Self::Matching { pattern, .. } => {
                pattern.matches_with(key, MATCH)
                    || key
                        .match_indices('/')
                        .any(|(at, _)| pattern.matches_with(&key[..at], MATCH) && is_seen(&key[at + 1..]))
            }
        }
    }
}

/// Whether no part of a key is hidden.
fn is_seen(key: &str) -> bool {
    !key.split('/').any(|part| is_hidden(OsStr::new(part)))
}

impl Fetch for Objects {
    fn name(&self) -> String {
        self.address.to_string()
    }

    fn size(&self) -> Option<u64> {
        match &self.what {
            What::Listed(objects) => Some(objects.iter().map(|object| object.size).sum()),
            What::Folder | What::Matching { .. } => None,
        }
    }

    fn has(&self, name: &str) -> bool {
        let Some(key) = name.strip_prefix(&self.store.address().to_string()) else { return false };
        match &self.what {
            What::Listed(objects) => objects.iter().any(|object| object.key == key),
            what => what.is_meant(key),
        }
    }

    fn fetch(&self) -> Box<dyn Iterator<Item = Result<Fetched<'_>, IoError>> + '_> {
        let prefix = match &self.what {
            What::Listed(objects) => {
                let objects = objects.iter().map(|object| Ok(object.clone()));
                return Box::new(self.store.read_all(objects).map(|read| self.fetched(read)));
            }
            What::Folder => "",
            What::Matching { prefix, .. } => prefix,
        };
        let listing = match self.store.list(prefix, None) {
            Ok(listing) => listing,
            Err(e) => return Box::new(std::iter::once(Err(told(&e)))),
        };
        let meant = listing.filter(|object| object.as_ref().map_or(true, |o| self.what.is_meant(&o.key)));
        let mut read = self.store.read_all(meant).map(|read| self.fetched(read)).peekable();
        if read.peek().is_some() {
            return Box::new(read);
        }
        Box::new(std::iter::once(Err(IoError::told(self.what.nothing(&self.name())))))
    }
}

impl Objects {
    fn fetched(&self, read: Result<(Object, Reader), weir_store::Error>) -> Result<Fetched<'_>, IoError> {
        let (object, reader) = read.map_err(|e| told(&e))?;
        let (name, size) = (self.store.name(&object.key), object.size);
        let again: Again<'_> = Box::new(move |from| {
            let reader = self.store.read_listed(&object, from..).map_err(|e| told(&e))?;
            Ok(Box::new(Told(reader)))
        });
        Ok(Fetched { name, size, reader: Box::new(Told(reader)), again })
    }
}

/// What a store says, as inputs and outputs tell it.
fn told(error: &weir_store::Error) -> IoError {
    IoError::told(error.to_string())
}

/// Something of a store, whose errors are told as they are.
struct Told<T>(T);

fn as_told(error: io::Error) -> io::Error {
    match error.get_ref().and_then(|inside| inside.downcast_ref::<weir_store::Error>()) {
        Some(inside) => told(inside).into(),
        None => error,
    }
}

impl Read for Told<Reader> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(as_told)
    }
}

impl Write for Told<Writer> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(as_told)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(as_told)
    }
}

impl Finish for Told<Writer> {
    fn finish(self: Box<Self>) -> io::Result<()> {
        self.0.finish().map_err(|e| told(&e).into())
    }
}

/// An object that is there when it is finished.
pub(crate) fn writer(store: &Store, key: &str) -> Result<Box<dyn Finish>, Error> {
    Ok(Box::new(Told(store.write(key)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_keys_as_they_match_paths() {
        for (pattern, key, expected) in [
            ("logs/*.gz", "logs/a.gz", true),
            ("logs/*.gz", "logs/b/a.gz", false),
            ("logs/**/*.gz", "logs/b/c/a.gz", true),
            ("logs/**/*.gz", "logs/a.gz", true),
            ("logs/*", "logs/b/a.gz", true),
            ("logs/*", "logs/b/.hidden", false),
            ("logs/*", "logs/.b/a.gz", false),
            ("logs/[*]", "logs/*", true),
            ("logs/[*]", "logs/a", false),
            ("2026-0?/a", "2026-01/a", true),
        ] {
            let what = What::Matching { pattern: Pattern::new(pattern).unwrap(), prefix: String::new() };
            assert_eq!(what.is_meant(key), expected, "{pattern} {key}");
        }
        assert!(What::Folder.is_meant("a/b") && !What::Folder.is_meant("a/.b"));
    }
}
