//! What runs write down for others: what became of each source, and how many failed.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use weir_pipeline::summary::{Bytes, Records, Summary, grouped};

use crate::Error;

/// What became of each source of a run, and of all runs that share a total.
#[derive(Default)]
pub struct Ledger {
    sources: Mutex<Sources>,
    total: Arc<Mutex<Summary>>,
}

#[derive(Default)]
struct Sources {
    /// The source of each stream, by the stream's number.
    of_stream: Vec<usize>,
    accounts: Vec<OfSource>,
}

/// What became of a source, or of all that is in it if it is an archive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OfSource {
    pub(crate) records: Records,
    pub(crate) bytes: Bytes,
    /// Why it could not be read, or not to its end.
    pub(crate) error: Option<String>,
}

impl Ledger {
    /// For so many sources.
    pub(crate) fn new(sources: usize, total: Arc<Mutex<Summary>>) -> Self {
        let accounts = vec![OfSource::default(); sources];
        Self { sources: Mutex::new(Sources { of_stream: Vec::new(), accounts }), total }
    }

    /// A stream is begun; they come in the order of their numbers.
    pub(super) fn begin(&self, source: usize) {
        lock(&self.sources).of_stream.push(source);
    }

    /// Something was written of a stream.
    pub(super) fn add(&self, stream: u64, summary: &Summary) {
        lock(&self.total).add(summary);
        let sources = &mut *lock(&self.sources);
        let source = usize::try_from(stream).ok().and_then(|stream| sources.of_stream.get(stream));
        if let Some(account) = source.and_then(|source| sources.accounts.get_mut(*source)) {
            account.records.add(&summary.records);
            account.bytes.add(&summary.bytes);
        }
    }

    /// A source could not be read, or not to its end; the first error of several is kept.
    pub(crate) fn fail(&self, source: usize, error: &str) {
        if let Some(account) = lock(&self.sources).accounts.get_mut(source) {
            account.error.get_or_insert_with(|| error.to_owned());
        }
    }

    /// What became of each source, in their order.
    pub(crate) fn accounts(&self) -> Vec<OfSource> {
        lock(&self.sources).accounts.clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many inputs may fail before a run ends, or several that share it.
#[derive(Clone, Default)]
pub struct Failures {
    count: Arc<AtomicU64>,
    /// Any number without it.
    most: Option<u64>,
}

impl Failures {
    /// At most so many.
    pub fn at_most(most: u64) -> Self {
        Self { count: Arc::default(), most: Some(most) }
    }

    /// So many have failed before.
    pub(crate) fn with(self, failed: u64) -> Result<Self, Error> {
        self.count.store(failed, Ordering::Relaxed);
        self.check().map(|()| self)
    }

    /// An error where there are too many.
    fn check(&self) -> Result<(), Error> {
        match self.most {
            Some(most) if self.is_too_many() => Err(Error::failed(format!(
                "more than {} inputs could not be read, as told above, which is as many as --max-failed lets \
                 pass",
                grouped(most)
            ))),
            _ => Ok(()),
        }
    }

    /// Whether the run ends, as there were too many.
    fn is_too_many(&self) -> bool {
        self.most.is_some_and(|most| self.count.load(Ordering::Relaxed) > most)
    }

    /// One more has failed, which is told unless it ends the run by itself.
    pub(crate) fn add(&self, error: impl Into<Error>, say: impl FnOnce(&str)) -> Result<(), Error> {
        let error = error.into();
        self.count.fetch_add(1, Ordering::Relaxed);
        if self.most == Some(0) {
            return Err(error);
        }
        say(&format!("weir: {error}"));
        self.check()
    }
}
