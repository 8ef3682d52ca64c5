//! Where a stream is done: the longest run of batches from its beginning that are all delivered.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use weir_normalizer::framing::Restart;

use crate::receipt::{Answer, Answered};

/// Where a stream can be gone on with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// Where its framer begins again.
    pub restart: Restart,
    /// The bytes in front of that place, to know them again.
    pub before: Print,
    /// It is the end of a stream that does not grow.
    pub is_end: bool,
}

/// Bytes by their hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Print {
    /// How many they are.
    pub len: u32,
    /// Their hash.
    pub hash: u64,
}

impl Print {
    /// The print of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self { len: bytes.len() as u32, hash: xxhash_rust::xxh3::xxh3_64(bytes) }
    }
}

/// Records that came in and are neither delivered, nor filtered, nor kept as rejects; 0 at rest.
#[derive(Clone, Debug, Default)]
pub struct Balance(Arc<AtomicI64>);

impl Balance {
    /// So many records came in.
    pub fn add(&self, records: u64) {
        self.0.fetch_add(records.cast_signed(), Ordering::Relaxed);
    }

    /// So many records are at their end.
    pub fn settle(&self, records: u64) {
        self.0.fetch_sub(records.cast_signed(), Ordering::Relaxed);
    }

    /// How many are on their way.
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The batches of one stream that are on their way.
#[derive(Debug, Default)]
pub struct Tracker {
    inner: Mutex<Inner>,
    changed: Condvar,
    /// The same for tasks.
    told: tokio::sync::Notify,
}

#[derive(Debug, Default)]
struct Inner {
    /// The number of the first batch in `slots`.
    first: u64,
    slots: VecDeque<Slot>,
    /// Where the stream is done.
    done: Option<Mark>,
    /// Batches that will not be delivered by this process.
    failed: usize,
    /// Records of them that the balance still has.
    kept_back: u64,
    /// What is not delivered comes again as something else, or from who sent it.
    is_abandoned: bool,
}

#[derive(Debug)]
struct Slot {
    is_done: bool,
    begun: Instant,
    /// Where to go on behind it. `None` where that is in the middle of something.
    mark: Option<Mark>,
}

impl Tracker {
    /// The tracker of a stream that is done up to a place.
    pub fn new(done: Option<Mark>) -> Self {
        Self { inner: Mutex::new(Inner { done, ..Inner::default() }), ..Self::default() }
    }

    /// The tracker of what its sender keeps until it is delivered.
    pub fn of_sender() -> Self {
        Self { inner: Mutex::new(Inner { is_abandoned: true, ..Inner::default() }), ..Self::default() }
    }

    /// What is not delivered is read again, and is in the balance when it is: it is no longer in it
    /// because of this.
    pub fn abandon(&self, balance: &Balance) {
        let mut inner = self.lock();
        inner.is_abandoned = true;
        balance.settle(std::mem::take(&mut inner.kept_back));
    }

    /// The next batch of the stream sets out. `mark` is where to go on behind it.
    pub fn begin(self: &Arc<Self>, mark: Option<Mark>, balance: &Balance) -> Arc<Turn> {
        let mut inner = self.lock();
        let number = inner.first + inner.slots.len() as u64;
        inner.slots.push_back(Slot { is_done: false, begun: Instant::now(), mark });
        Arc::new(Turn {
            tracker: Arc::clone(self),
            number,
            pending: AtomicUsize::new(1),
            is_failed: AtomicBool::new(false),
            records: AtomicI64::new(0),
            balance: balance.clone(),
        })
    }

    /// Where the stream is done.
    pub fn done(&self) -> Option<Mark> {
        self.lock().done.clone()
    }

    /// How many batches are on their way, without those that failed.
    pub fn under_way(&self) -> usize {
        let inner = self.lock();
        inner.slots.iter().filter(|slot| !slot.is_done).count() - inner.failed
    }

    /// Whether a batch will not be delivered by this process.
    pub fn has_failed(&self) -> bool {
        self.lock().failed > 0
    }

    /// For how long the oldest batch has been on its way.
    pub fn oldest(&self) -> Option<Duration> {
        self.lock().slots.front().map(|slot| slot.begun.elapsed())
    }

    /// Waits, in a task, until nothing is on its way; gives whether nothing failed.
    pub async fn rests(&self) -> bool {
        loop {
            let told = self.told.notified();
            tokio::pin!(told);
            told.as_mut().enable();
            if self.under_way() == 0 {
                return !self.has_failed();
            }
            told.await;
        }
    }

    /// Waits until nothing is on its way, or this time; gives whether nothing is, and nothing failed.
    pub fn wait(&self, until: Instant) -> bool {
        let mut inner = self.lock();
        loop {
            let under_way = inner.slots.iter().filter(|slot| !slot.is_done).count() - inner.failed;
            if under_way == 0 {
                return inner.failed == 0;
            }
            let Some(left) = until.checked_duration_since(Instant::now()) else { return false };
            inner = self.changed.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, number: u64, is_failed: bool, records: u64, balance: &Balance) {
        let mut inner = self.lock();
        if is_failed && !inner.is_abandoned {
            inner.kept_back += records;
        } else {
            balance.settle(records);
        }
        if is_failed {
            inner.failed += 1;
        } else {
            let at = (number - inner.first) as usize;
            inner.slots[at].is_done = true;
            while inner.slots.front().is_some_and(|slot| slot.is_done) {
                let mark = inner.slots.pop_front().and_then(|slot| slot.mark);
                inner.first += 1;
                if mark.is_some() {
                    inner.done = mark;
                }
            }
        }
        drop(inner);
        self.changed.notify_all();
        self.told.notify_waiters();
    }
}

/// One batch on its way. It is done when whoever made it and all that it was split into are.
#[derive(Debug)]
pub struct Turn {
    tracker: Arc<Tracker>,
    number: u64,
    /// What is not answered yet; one of them is whoever makes the pages.
    pending: AtomicUsize,
    is_failed: AtomicBool,
    /// What of the balance is settled when it is done.
    records: AtomicI64,
    balance: Balance,
}

impl Turn {
    /// Something more is to be answered for.
    pub fn expect(&self) {
        self.pending.fetch_add(1, Ordering::Relaxed);
    }

    /// So many of its records are at their end when it is done.
    pub fn settles(&self, records: u64) {
        self.records.fetch_add(records.cast_signed(), Ordering::Relaxed);
    }

    /// It can't be done in this process.
    pub fn fail(&self) {
        self.is_failed.store(true, Ordering::Relaxed);
    }

    /// Something of it is answered for.
    pub fn release(&self) {
        if self.pending.fetch_sub(1, Ordering::AcqRel) > 1 {
            return;
        }
        let is_failed = self.is_failed.load(Ordering::Relaxed);
        let records = self.records.load(Ordering::Relaxed).cast_unsigned();
        self.tracker.end(self.number, is_failed, records, &self.balance);
    }
}

impl Answered for Turn {
    fn answered(&self, _: &str, answer: Answer) {
        if answer != Answer::Delivered {
            self.fail();
        }
        self.release();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(offset: u64) -> Option<Mark> {
        Some(Mark { restart: Restart { offset, ..Restart::default() }, ..Mark::default() })
    }

    fn offset(tracker: &Tracker) -> Option<u64> {
        tracker.done().map(|m| m.restart.offset)
    }

    #[test]
    fn only_what_is_done_from_the_beginning_on_is_left_behind() {
        let balance = Balance::default();
        let tracker = Arc::new(Tracker::new(mark(5)));
        let turns = [mark(10), None, mark(30), mark(40)].map(|mark| tracker.begin(mark, &balance));
        balance.add(4);
        turns.iter().for_each(|turn| turn.settles(1));
        turns[2].release();
        turns[1].expect();
        turns[1].release();
        assert_eq!((offset(&tracker), tracker.under_way()), (Some(5), 3));
        turns[0].release();
        assert_eq!(offset(&tracker), Some(10));
        turns[1].answered("es", Answer::Delivered);
        assert_eq!((offset(&tracker), balance.get()), (Some(30), 1));
        // What is given back is never left behind, whatever comes after it.
        turns[3].answered("es", Answer::Returned);
        let last = tracker.begin(mark(50), &balance);
        last.release();
        assert_eq!((offset(&tracker), tracker.under_way()), (Some(30), 0));
        assert!(tracker.has_failed() && !tracker.wait(Instant::now()));
        assert_eq!(balance.get(), 1);
        // Who reads it again counts it again.
        tracker.abandon(&balance);
        assert_eq!(balance.get(), 0);
        let late = tracker.begin(None, &balance);
        balance.add(2);
        late.settles(2);
        late.fail();
        late.release();
        tracker.abandon(&balance);
        assert_eq!(balance.get(), 0);
    }

    #[test]
    fn who_waits_is_woken_when_all_is_done() {
        let tracker = Arc::new(Tracker::default());
        let turn = tracker.begin(None, &Balance::default());
        let waiting = std::thread::spawn({
            let tracker = Arc::clone(&tracker);
            move || tracker.wait(Instant::now() + Duration::from_secs(60))
        });
        turn.release();
        assert!(waiting.join().unwrap());
    }
}
