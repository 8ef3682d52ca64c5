//! Objects of a store, each read once.
//!
//! The store is listed again and again, and its ledger knows what of it is new. Each object is a stream:
//! it is known again by its name and etag, and gone on with where it was left. Objects that are read and not
//! delivered are remembered one by one, in the order in which they were listed; up to the first of them all
//! is done.

mod ledger;
mod one;

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use weir_io::{Source, is_hidden};
use weir_normalizer::framing::Restart;
use weir_store::{Kind, Object, Store};
use xxhash_rust::xxh3::xxh3_64;

use self::{ledger::Ledger, one::One};
use super::whole::{End, Whole, end};
use crate::{
    config::{fault::Fault, values::Span},
    feed::{Feed, Shelved},
    sinks::pauses,
    state,
    store::{Of, StoreAccess, StoreTrouble, reason, store_options, told},
    tracker::Tracker,
};

store_options! {
    /// `type = "object_store"`.
    pub struct Options {
        /// The folder whose objects are read, all below it but hidden ones: `s3://BUCKET/PREFIX/`, `oss://`,
        /// `obs://`, `bos://`, `gs://`, `az://CONTAINER/PREFIX/`, or a path of this machine
        url;
        own {
            /// How long after the end of a listing the next one begins
            poll: Span = Span(Duration::from_secs(60));
            /// By how much an object may come later than the time says at which it was written, as large ones do
            late: Span = Span(Duration::from_secs(3600));
        }
    }
}

impl super::Options for Options {
    fn check(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        self.access().check(&mut faults);
        if self.poll.0.is_zero() {
            faults.push(Fault::at(["poll"], "expected at least \"1ms\""));
        }
        faults
    }
}

/// How many objects are read and not delivered, at most: each is remembered.
const MOST_FLYING: usize = 4096;

/// How many new objects are listed before they are read.
const AHEAD: usize = 1000;

/// Where so many objects are remembered, they are shown only so often.
const MUCH: usize = 1000;
const SHOWN: Duration = Duration::from_secs(1);

/// How often it is looked how far everything is.
const LOOK: Duration = Duration::from_millis(100);

/// An object that was begun.
struct Flying {
    object: Object,
    hash: u64,
    written: i64,
    restart: Restart,
    tracker: Arc<Tracker>,
    /// It is not of a time through before this one.
    is_of_this: bool,
}

impl Flying {
    fn new(object: Object, hash: u64) -> Self {
        let written = written(&object);
        Self { object, hash, written, restart: Restart::default(), tracker: Arc::default(), is_of_this: true }
    }

    fn is_done(&self) -> bool {
        self.tracker.done().is_some_and(|mark| mark.is_end)
    }
}

/// When an object was written, in milliseconds of Unix time.
fn written(object: &Object) -> i64 {
    let since = object.modified.map(|time| time.duration_since(SystemTime::UNIX_EPOCH));
    match since {
        Some(Ok(since)) => since.as_millis() as i64,
        Some(Err(_)) => 0,
        // Then its etag alone tells.
        None => i64::MAX,
    }
}

/// Reads objects until it is told to stop, or once.
pub(crate) fn run(options: &Options, feed: Feed, remembered: &[state::Stream]) {
    let access = options.access();
    let of = Of::Source(Arc::clone(&feed.source));
    let trouble = Arc::new(StoreTrouble::new(&access, feed.health.clone(), of));
    let store = match access.open_for(&feed.stop, Arc::clone(&trouble)) {
        Ok(store) => store,
        Err(e) => return feed.alarm.ring(&format!("source {}: {e}", feed.source)),
    };
    let late = options.late.0.as_millis() as i64;
    let url = store.address().to_string();
    let known =
        remembered.iter().filter_map(|stream| stream.listing.as_ref()).find(|listing| listing.url == url);
    let mut objects = Objects {
        options,
        access,
        store,
        url,
        feed,
        ledger: known.map(|listing| Ledger::remembered(late, listing)),
        flying: VecDeque::new(),
        taken: HashSet::new(),
        trouble,
        pauses: Box::new(pauses()),
        shown: None,
    };
    if known.is_some() {
        remembered.iter().for_each(|stream| objects.remember(stream));
    }
    objects.show();
    objects.run();
    objects.settle();
    objects.show();
}

struct Objects<'a> {
    options: &'a Options,
    access: StoreAccess,
    store: Store,
    url: String,
    feed: Feed,
    /// None before the store was looked through.
    ledger: Option<Ledger>,
    /// In the order in which they were listed.
    flying: VecDeque<Flying>,
    /// The hashes of those.
    taken: HashSet<u64>,
    trouble: Arc<StoreTrouble>,
    /// How long is waited behind a failure.
    pauses: Box<dyn Iterator<Item = Duration>>,
    shown: Option<Instant>,
}

/// It is time to stop.
struct Stopped;

impl Objects<'_> {
    /// Goes on with an object that was begun before.
    fn remember(&mut self, stream: &state::Stream) {
        let (Some(known), Some(name)) = (&stream.object, stream.path.to_str()) else { return };
        let Some(key) = name.strip_prefix(&self.url) else { return };
        let modified = u64::try_from(known.modified).ok().filter(|_| known.modified != i64::MAX);
        let modified = modified.map(|millis| SystemTime::UNIX_EPOCH + Duration::from_millis(millis));
        let object = Object { key: key.into(), size: known.size, etag: known.etag.clone(), modified };
        let hash = self.hash(&object);
        let mark = stream.mark();
        self.taken.insert(hash);
        self.flying.push_back(Flying {
            restart: mark.restart.clone(),
            tracker: Arc::new(Tracker::new(Some(mark))),
            ..Flying::new(object, hash)
        });
    }

    /// Tells an object from all others, and from what it was before it was replaced.
    fn hash(&self, object: &Object) -> u64 {
        let etag = object.etag.clone().unwrap_or_else(|| format!("{} {}", object.size, written(object)));
        xxh3_64([self.store.name(&object.key).as_bytes(), &[0], etag.as_bytes()].concat().as_slice())
    }

    fn run(&mut self) {
        let result = self.begin();
        let result = result.and_then(|()| {
            loop {
                self.go_through()?;
                if self.feed.once {
                    return Ok(());
                }
                self.rest(self.options.poll.0)?;
            }
        });
        // It was told.
        let (Ok(()) | Err(Stopped)) = result;
    }

    /// Ends what was begun before, and looks through a store that is not known yet.
    fn begin(&mut self) -> Result<(), Stopped> {
        for at in 0..self.flying.len() {
            if !self.flying[at].is_done() {
                self.read(at)?;
            }
        }
        if self.ledger.is_some() {
            return Ok(());
        }
        let (mut latest, mut after, mut found) = (i64::MIN, None, 0_u64);
        loop {
            let mut next = None;
            let listed = self.list(after.as_deref(), &mut |_, object| {
                latest = latest.max(written(&object));
                found += 1;
                next = Some(object.key);
                true
            });
            match listed {
                Ok(()) => break,
                Err(error) => {
                    // It goes on where it broke.
                    after = next.or(after);
                    self.wait(error.kind(), &told(&error))?;
                }
            }
        }
        tracing::info!(source = %self.feed.source, objects = found, "{} is read for the first time", self.url);
        self.ledger = Some(Ledger::begin(self.options.late.0.as_millis() as i64, latest));
        Ok(())
    }

    /// Lists what is behind a key, but hidden objects, as long as that is wanted.
    fn list(
        &mut self,
        after: Option<&str>,
        each: &mut dyn FnMut(&mut Self, Object) -> bool,
    ) -> Result<(), weir_store::Error> {
        let store = self.store.clone();
        for object in store.list("", after)? {
            let object = object?;
            let is_seen = !object.key.split('/').any(|part| is_hidden(part.as_ref()));
            if is_seen && !each(self, object) {
                break;
            }
        }
        self.works();
        Ok(())
    }

    /// Reads all that is new, in the order of keys.
    fn go_through(&mut self) -> Result<(), Stopped> {
        let mut after = self.ledger.as_ref().map_or(String::new(), |ledger| ledger.after.clone());
        loop {
            let (mut found, mut is_all) = (Vec::new(), true);
            let mut last = after.clone();
            let listed = self.list(
                Some(&after).filter(|after| !after.is_empty()).map(String::as_str),
                &mut |all, object| {
                    let hash = all.hash(&object);
                    last.clone_from(&object.key);
                    let is_new =
                        all.ledger.as_mut().is_some_and(|ledger| ledger.meet(hash, written(&object)));
                    if is_new && !all.taken.contains(&hash) {
                        found.push((object, hash));
                    }
                    is_all = found.len() < AHEAD;
                    is_all && !all.feed.stop.is_told()
                },
            );
            if self.feed.stop.is_told() {
                // Nobody knows whether that was all.
                return Err(Stopped);
            }
            let bytes: u64 = found.iter().map(|(object, _)| object.size).sum();
            self.feed.metrics.lag_objects.set(found.len() as i64);
            self.feed.metrics.lag_bytes.set(bytes.cast_signed());
            for (object, hash) in found {
                while self.flying.len() >= MOST_FLYING {
                    self.rest(LOOK)?;
                }
                let size = object.size;
                self.taken.insert(hash);
                self.flying.push_back(Flying::new(object, hash));
                self.show_often();
                self.read(self.flying.len() - 1)?;
                self.feed.metrics.lag_objects.dec();
                self.feed.metrics.lag_bytes.dec_by(size.cast_signed());
                self.settle();
                self.show_often();
            }
            after = last;
            self.passed(&after);
            match listed {
                Ok(()) if is_all => break,
                Ok(()) => {}
                Err(error) => self.wait(error.kind(), &told(&error))?,
            }
        }
        self.settle();
        if let Some(ledger) = &mut self.ledger {
            ledger.end();
        }
        self.flying.iter_mut().for_each(|flying| flying.is_of_this = false);
        self.show();
        Ok(())
    }

    /// All up to a key was read; it is done where nothing is on its way.
    fn passed(&mut self, key: &str) {
        if self.flying.iter().all(|flying| !flying.is_of_this)
            && let Some(ledger) = &mut self.ledger
        {
            ledger.after = key.into();
        }
    }

    /// Reads an object that was begun, to its end.
    fn read(&mut self, at: usize) -> Result<(), Stopped> {
        let flying = &self.flying[at];
        let (object, tracker) = (flying.object.clone(), Arc::clone(&flying.tracker));
        let mut restart = flying.restart.clone();
        let name = self.store.name(&object.key);
        let key = [self.feed.source.as_bytes(), &[0], &flying.hash.to_le_bytes()].concat();
        let identity = xxh3_64(&key);
        loop {
            let one = Arc::new(One::new(self.store.clone(), object.clone()));
            let whole = Whole {
                source: Source::Fetched(Arc::clone(&one) as _),
                name: name.as_str().into(),
                identity,
                tracker: &tracker,
            };
            let why = match whole.read(&mut self.feed, &mut restart) {
                End::Done => break self.works(),
                End::Stopped => return Err(Stopped),
                End::CutShort => "it is cut short".to_owned(),
                End::Damaged(why) => why,
            };
            match one.failure() {
                None => {
                    tracing::warn!(source = %self.feed.source, "{name}: {why}; it is not read any further");
                    break self.feed.metrics.error("damaged");
                }
                Some((Kind::Stopped, _)) => return Err(Stopped),
                Some((kind @ (Kind::NotFound | Kind::Changed), why)) => {
                    // Replaced, it is another one, which is listed.
                    tracing::warn!(source = %self.feed.source, "{why}");
                    break self.feed.metrics.error(reason(kind));
                }
                Some((kind, why)) => self.wait(kind, &why)?,
            }
        }
        end(&tracker, &restart);
        self.flying[at].restart = restart;
        Ok(())
    }

    /// Forgets what is done up to the first that is not.
    fn settle(&mut self) {
        while self.flying.front().is_some_and(Flying::is_done)
            && let (Some(ledger), Some(flying)) = (&mut self.ledger, self.flying.pop_front())
        {
            self.taken.remove(&flying.hash);
            ledger.done(flying.hash, flying.written);
            if flying.is_of_this {
                ledger.after = flying.object.key;
            }
        }
    }

    /// Shows how far everything is, but not too often where that is much: after a crash what was done
    /// since is read again.
    fn show_often(&mut self) {
        let is_much = self.ledger.as_ref().is_some_and(|ledger| ledger.len() > MUCH);
        if !is_much || self.shown.is_none_or(|shown| shown.elapsed() >= SHOWN) {
            self.show();
        }
    }

    /// Shows how far everything is.
    fn show(&mut self) {
        self.shown = Some(Instant::now());
        let flying = self.flying.iter().map(|flying| {
            let Object { key, size, etag, .. } = &flying.object;
            let object = state::Object { etag: etag.clone(), size: *size, modified: flying.written };
            let stream = state::Stream {
                identity: format!("{:016x}", flying.hash),
                path: self.store.name(key).into(),
                is_archive: true,
                object: Some(object),
                ..state::Stream::default()
            };
            Shelved { stream, tracker: Arc::clone(&flying.tracker) }
        });
        let listing = self.ledger.as_ref().map(|ledger| {
            let stream = state::Stream {
                path: self.store.name(&ledger.after).into(),
                listing: Some(Arc::new(ledger.listing(&self.url))),
                ..state::Stream::default()
            };
            Shelved { stream, tracker: Arc::default() }
        });
        self.feed.shelf.put(listing.into_iter().chain(flying).collect());
    }

    /// Waits for so long, and looks meanwhile how far everything is.
    fn rest(&mut self, most: Duration) -> Result<(), Stopped> {
        let until = Instant::now() + most;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if self.feed.stop.wait(left.min(LOOK)) {
                return Err(Stopped);
            }
            let before = self.flying.len();
            self.settle();
            if self.flying.len() != before {
                self.show_often();
            }
            if left <= LOOK {
                return Ok(());
            }
        }
    }

    /// Waits a while behind a failure of the store.
    fn wait(&mut self, kind: Kind, why: &str) -> Result<(), Stopped> {
        if kind == Kind::Stopped {
            return Err(Stopped);
        }
        self.feed.metrics.error(reason(kind));
        self.trouble.tell(why, kind);
        let pause = self.pauses.next().unwrap_or(Duration::from_secs(60));
        self.rest(pause)?;
        if kind == Kind::Denied
            && let Ok(store) = self.access.open_for(&self.feed.stop, Arc::clone(&self.trouble))
        {
            // The secrets may be others by now.
            self.store = store;
        }
        Ok(())
    }

    fn works(&mut self) {
        self.pauses = Box::new(pauses());
        self.trouble.ends();
    }
}
