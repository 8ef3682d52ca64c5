//! Which objects of a store are new, however many there are.
//!
//! A store is gone through in the order of keys, again and again, and no list of keys tells what is new: an
//! object may come anywhere among them. What tells is when it was written, by the store's clock. All that
//! was written well before the latest object that was there when the store was gone through the last time
//! is done; of what was written later it is remembered what is done. *Well before* is the time by which an
//! object may come later than its time says: stores have it from when an upload was begun.

use std::collections::HashMap;

use crate::state::Listing;

/// The most that is remembered of a time through, and of those before it.
pub(super) const MOST: usize = 1 << 18;

/// Which objects are done. Times are in milliseconds of Unix time.
#[derive(Debug)]
pub(super) struct Ledger {
    late: i64,
    most: usize,
    /// The key up to which all is done, of this time through.
    pub(super) after: String,
    since: i64,
    before: i64,
    latest: i64,
    /// What is done since, by its hash: from before this time through, and of it.
    old: HashMap<u64, i64>,
    new: HashMap<u64, i64>,
}

impl Ledger {
    /// One that knows of nothing. `latest` is when the latest object was written that is there.
    pub(super) fn begin(late: i64, latest: i64) -> Self {
        Self {
            late,
            most: MOST,
            after: String::new(),
            since: i64::MIN,
            before: latest,
            latest: i64::MIN,
            old: HashMap::new(),
            new: HashMap::new(),
        }
    }

    /// What was remembered.
    pub(super) fn remembered(late: i64, listing: &Listing) -> Self {
        Self {
            after: listing.after.clone(),
            since: listing.since,
            latest: listing.latest,
            old: listing.done.iter().copied().collect(),
            ..Self::begin(late, listing.before)
        }
    }

    /// To be remembered.
    pub(super) fn listing(&self, url: &str) -> Listing {
        let mut done: Vec<_> = self.old.iter().chain(&self.new).map(|(hash, time)| (*hash, *time)).collect();
        done.sort_unstable();
        let Self { since, before, latest, .. } = *self;
        Listing { url: url.into(), after: self.after.clone(), since, before, latest, done }
    }

    /// An object is listed; whether it is new.
    pub(super) fn meet(&mut self, hash: u64, written: i64) -> bool {
        self.latest = self.latest.max(written);
        written >= self.since && !self.old.contains_key(&hash) && !self.new.contains_key(&hash)
    }

    /// An object is done.
    pub(super) fn done(&mut self, hash: u64, written: i64) {
        if written >= self.floor() {
            self.new.insert(hash, written);
        }
        if self.new.len() > self.most {
            // Those that come later than this are taken for done: it is that, or no end of memory.
            let least = cut(&mut self.new, self.most / 2);
            self.before = self.before.max(least.saturating_add(self.late));
        }
    }

    /// What was written before this is done when the store was gone through.
    fn floor(&self) -> i64 {
        self.since.max(self.before.saturating_sub(self.late))
    }

    /// The store was gone through.
    pub(super) fn end(&mut self) {
        self.since = self.floor();
        self.before = self.before.max(self.latest);
        self.latest = i64::MIN;
        self.after.clear();
        self.old.extend(self.new.drain());
        self.old.retain(|_, written| *written >= self.since);
        if self.old.len() > self.most {
            self.since = cut(&mut self.old, self.most / 2);
        }
    }

    /// How many objects are remembered.
    pub(super) fn len(&self) -> usize {
        self.old.len() + self.new.len()
    }
}

/// Forgets all but about so many of the latest; gives the time from which on all are there.
fn cut(done: &mut HashMap<u64, i64>, most: usize) -> i64 {
    let mut times: Vec<i64> = done.values().copied().collect();
    let at = times.len().saturating_sub(most);
    let (_, least, _) = times.select_nth_unstable(at);
    let least = least.saturating_add(1);
    done.retain(|_, written| *written >= least);
    least
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashSet};

    use super::*;

    /// Numbers without order, the same in each run.
    struct Random(u64);

    impl Random {
        fn below(&mut self, n: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % n
        }
    }

    const LATE: i64 = 1000;

    /// Objects that come at any place, later than they say, while the store is gone through, and a process
    /// that is killed: each is read once.
    #[test]
    fn each_object_is_read_once_wherever_and_however_late_it_comes() {
        for seed in 1..40 {
            let mut random = Random(seed);
            let (mut now, mut store, mut read) = (0_i64, BTreeMap::new(), HashSet::new());
            for _ in 0..random.below(300) {
                store.insert(random.below(1 << 40), random.below(5000) as i64);
                now = 5000;
            }
            let mut ledger = Ledger::begin(LATE, store.values().copied().max().unwrap_or_default());
            for _ in 0..30 {
                let mut after = 0;
                while let Some((key, written)) = store.range(after + 1..).next().map(|(k, w)| (*k, *w)) {
                    after = key;
                    if ledger.meet(key, written) {
                        assert!(read.insert(key), "{seed}: twice");
                        ledger.done(key, written);
                    }
                    ledger.after = key.to_string();
                    now += random.below(100) as i64;
                    if random.below(3) == 0 {
                        store.insert(random.below(1 << 40) + 1, now - random.below(LATE as u64) as i64);
                    }
                    if random.below(20) == 0 {
                        ledger = Ledger::remembered(LATE, &ledger.listing(""));
                        after = ledger.after.parse().unwrap();
                    }
                    if store.len() > 3000 {
                        break;
                    }
                }
                if store.len() > 3000 {
                    break;
                }
                ledger.end();
                now += random.below(5000) as i64;
            }
            if store.len() <= 3000 {
                // Nothing comes any more.
                for (key, written) in &store {
                    if ledger.meet(*key, *written) {
                        assert!(read.insert(*key), "{seed}: twice");
                    }
                }
                assert_eq!(read.len(), store.len(), "{seed}");
            }
        }
    }

    #[test]
    fn case_52_a_million_objects_take_bounded_memory() {
        const COUNT: u64 = 1_000_000;
        // Written long ago, or all of them within the time that is remembered.
        for (apart, most) in [(10, LATE as usize / 10 + 1), (0, MOST)] {
            let written = |key: u64| (key * apart) as i64;
            let mut ledger = Ledger::begin(LATE, written(COUNT - 1));
            let mut most_found = 0;
            for pass in 0..3 {
                let mut read = 0;
                for key in 0..COUNT {
                    if ledger.meet(key.wrapping_mul(0x9e37_79b9_7f4a_7c15), written(key)) {
                        read += 1;
                        ledger.done(key.wrapping_mul(0x9e37_79b9_7f4a_7c15), written(key));
                    }
                    most_found = most_found.max(ledger.len());
                }
                ledger.end();
                assert_eq!(read, if pass == 0 { COUNT } else { 0 }, "{apart}: time {pass}");
            }
            assert!(most_found <= most, "{apart}: {most_found}");
            // What comes next is read.
            assert!(ledger.meet(1, written(COUNT) + 1));
        }
    }
}
