//! Any order of what a queue is asked for and of what a disk does to it, against what must hold:
//! nothing that was said to be durable is lost, nothing unknown comes out, in their order, and
//! twice only what was not acknowledged, or whose acknowledgement was not saved.

mod crash_disk;

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use weir_buffer::{Kind, Options, Page, Queue};

use crash_disk::{CrashDisk, Dice};

#[derive(Clone, Debug)]
enum Step {
    Append { len: usize, meta: usize },
    Commit,
    Next,
    Acknowledge(usize),
    SaveProgress,
    Rewind,
    Kill,
    Crash(u64),
    Room(Option<usize>),
    Limit(u64),
    WriteAtMost(Option<usize>),
    FailSyncs(Option<u64>),
    FailRemovals(bool),
    FailCuts(bool),
    Flip(u64),
}

/// What happens does not depend on what happened before; what must hold is found in the test.
#[derive(Clone, Debug)]
struct Anything;

impl ReferenceStateMachine for Anything {
    type State = ();
    type Transition = Step;

    fn init_state() -> BoxedStrategy<()> {
        Just(()).boxed()
    }

    fn transitions((): &()) -> BoxedStrategy<Step> {
        prop_oneof![
            20 => (prop_oneof![0..300_usize, 1000..4000_usize], 0..40_usize)
                .prop_map(|(len, meta)| Step::Append { len, meta }),
            8 => Just(Step::Commit),
            12 => Just(Step::Next),
            10 => (0..4_usize).prop_map(Step::Acknowledge),
            4 => Just(Step::SaveProgress),
            1 => Just(Step::Rewind),
            2 => Just(Step::Kill),
            4 => any::<u64>().prop_map(Step::Crash),
            2 => proptest::option::of(0..6000_usize).prop_map(Step::Room),
            1 => prop_oneof![1000..4000_u64, Just(30_000)].prop_map(Step::Limit),
            1 => proptest::option::of(1..700_usize).prop_map(Step::WriteAtMost),
            1 => proptest::option::of(any::<u64>()).prop_map(Step::FailSyncs),
            1 => any::<bool>().prop_map(Step::FailRemovals),
            1 => any::<bool>().prop_map(Step::FailCuts),
            1 => any::<u64>().prop_map(Step::Flip),
        ]
        .boxed()
    }

    fn apply((): (), _: &Step) {}
}

/// What is known of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Was never taken.
    Refused,
    /// Was taken, and may be lost.
    Waiting(u64),
    /// May be there or not.
    Unknown,
    /// Was said to be durable.
    Durable,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    len: usize,
    meta: usize,
    fate: Fate,
    /// It came out at least once.
    came: bool,
    acknowledged: bool,
    /// It was since the last restart, so that the queue knows.
    is_known: bool,
    /// Its acknowledgement was saved.
    saved: bool,
}

struct Test {
    disk: CrashDisk,
    queue: Option<Queue<CrashDisk>>,
    pages: BTreeMap<u64, Known>,
    next_id: u64,
    /// Read and not acknowledged: sequences and ids.
    in_flight: Vec<(u64, u64)>,
    last: Option<u64>,
    flips: u64,
    /// Since the last restart; what is saved after that may not be written again.
    is_progress_lost: bool,
    /// What was told of losses.
    counted: u64,
}

/// Half of the pages can't be compressed.
fn content(id: u64, len: usize) -> Vec<u8> {
    let mut dice = Dice::new(id);
    (0..len)
        .map(|at| if id.is_multiple_of(2) { dice.roll(256) as u8 } else { (at / 97) as u8 ^ id as u8 })
        .collect()
}

fn meta(id: u64, len: usize) -> Vec<u8> {
    let mut meta = id.to_le_bytes().to_vec();
    meta.resize(8 + len, 7);
    meta
}

fn options() -> Options {
    Options { limit: 30_000, segment: 6000, in_flight: 4, ..Options::default() }
}

impl Test {
    fn queue(&self) -> &Queue<CrashDisk> {
        self.queue.as_ref().unwrap()
    }

    fn append(&mut self, len: usize, meta_len: usize) {
        let id = self.next_id;
        self.next_id += 1;
        let fate = match self.queue().append(&meta(id, meta_len), &content(id, len), 1) {
            Ok(sequence) => Fate::Waiting(sequence),
            Err(error) => {
                assert!(matches!(error.kind(), Kind::Full | Kind::Disk), "{error}");
                Fate::Refused
            }
        };
        let known = Known {
            len,
            meta: meta_len,
            fate,
            came: false,
            acknowledged: false,
            is_known: false,
            saved: false,
        };
        self.pages.insert(id, known);
    }

    fn commit(&mut self) {
        let result = self.queue().commit();
        if let Err(error) = &result {
            assert_eq!(error.kind(), Kind::NotKept, "{error}");
        }
        let kept = |sequence| self.queue.as_ref().unwrap().is_durable(sequence).unwrap().is_ok();
        for known in self.pages.values_mut() {
            if let Fate::Waiting(sequence) = known.fate {
                assert_eq!(kept(sequence), result.is_ok());
                known.fate = if result.is_ok() { Fate::Durable } else { Fate::Unknown };
            }
        }
    }

    fn came(&mut self, page: &Page) {
        let id = u64::from_le_bytes(page.meta[..8].try_into().unwrap());
        let known = self.pages.get_mut(&id).expect("a page that was appended");
        assert_ne!(known.fate, Fate::Refused, "{page:?}");
        assert!(!matches!(known.fate, Fate::Waiting(_)), "nothing is read before it is durable");
        assert!(page.bytes == content(id, known.len) && page.meta == meta(id, known.meta), "{page:?}");
        assert!(self.last.is_none_or(|last| last < id), "pages come in their order");
        assert!(!known.saved, "what is acknowledged and saved does not come again");
        known.came = true;
        self.last = Some(id);
        self.in_flight.push((page.sequence, id));
    }

    fn next(&mut self) {
        if let Some(page) = self.queue().next().unwrap() {
            self.came(&page);
        }
        assert!(self.in_flight.len() <= options().in_flight);
    }

    fn acknowledge(&mut self, index: usize) {
        if self.in_flight.is_empty() {
            return;
        }
        let (sequence, id) = self.in_flight.remove(index % self.in_flight.len());
        self.queue().acknowledge(sequence);
        let known = self.pages.get_mut(&id).unwrap();
        known.acknowledged = true;
        known.is_known = true;
    }

    fn save_progress(&mut self) {
        if self.queue().save_progress().is_ok() {
            // What lies behind a page that is in flight is not saved.
            let first = self.first_in_flight();
            for known in self.pages.range_mut(..first).map(|(_, known)| known) {
                known.saved |= known.is_known;
            }
        }
    }

    fn first_in_flight(&self) -> u64 {
        self.in_flight.iter().map(|(_, id)| *id).min().unwrap_or(u64::MAX)
    }

    fn rewind(&mut self) {
        self.queue().rewind();
        let first = self.first_in_flight();
        for known in self.pages.range_mut(first..).map(|(_, known)| known) {
            known.is_known = false;
        }
        self.in_flight.clear();
        self.last = None;
    }

    fn restart(&mut self, seed: Option<u64>) {
        self.count();
        match seed {
            Some(seed) => self.disk.crash(seed),
            None => self.disk.kill(),
        }
        drop(self.queue.take());
        for known in self.pages.values_mut() {
            if matches!(known.fate, Fate::Waiting(_)) {
                known.fate = Fate::Unknown;
            }
            known.is_known = false;
            known.saved &= !self.is_progress_lost;
        }
        self.is_progress_lost = false;
        self.in_flight.clear();
        self.last = None;
        self.queue = Some(Queue::open(self.disk.clone(), options()).unwrap());
    }

    fn count(&mut self) {
        let stats = self.queue().stats();
        self.counted += stats.quarantined + u64::from(stats.truncated > 0);
    }

    /// Takes everything out.
    fn drain(&mut self) {
        loop {
            if let Some(page) = self.queue().next().unwrap() {
                self.came(&page);
            } else if self.in_flight.is_empty() {
                break;
            }
            self.acknowledge(0);
        }
        self.count();
        let durable = self.pages.values().filter(|known| known.fate == Fate::Durable && !known.acknowledged);
        let lost = durable.filter(|known| !known.came).count() as u64;
        assert!(lost <= self.flips, "{lost} pages are lost, {} bits are flipped", self.flips);
        assert!(lost == 0 || self.counted > 0, "what is lost is told");
        assert_eq!(self.queue().stats().pages, 0);
    }
}

impl StateMachineTest for Test {
    type SystemUnderTest = Self;
    type Reference = Anything;

    fn init_test((): &()) -> Self {
        let disk = CrashDisk::default();
        let queue = Some(Queue::open(disk.clone(), options()).unwrap());
        Self {
            disk,
            queue,
            pages: BTreeMap::new(),
            next_id: 0,
            in_flight: Vec::new(),
            last: None,
            flips: 0,
            is_progress_lost: false,
            counted: 0,
        }
    }

    fn apply(mut test: Self, (): &(), step: Step) -> Self {
        match step {
            Step::Append { len, meta } => test.append(len, meta),
            Step::Commit => test.commit(),
            Step::Next => test.next(),
            Step::Acknowledge(index) => test.acknowledge(index),
            Step::SaveProgress => test.save_progress(),
            Step::Rewind => test.rewind(),
            Step::Kill => test.restart(None),
            Step::Crash(seed) => test.restart(Some(seed)),
            Step::Room(room) => {
                let used = test.disk.used();
                test.disk.set_capacity(room.map(|room| used + room));
            }
            Step::Limit(limit) => test.queue().set_limit(limit),
            Step::WriteAtMost(most) => test.disk.set_most_per_write(most),
            Step::FailSyncs(seed) => test.disk.fail_syncs(seed),
            Step::FailRemovals(fail) => test.disk.fail_removals(fail),
            Step::FailCuts(fail) => test.disk.fail_cuts(fail),
            Step::Flip(seed) => {
                if let Some(name) = test.disk.flip(seed) {
                    test.flips += 1;
                    test.is_progress_lost |= name == "progress";
                }
            }
        }
        test
    }

    fn teardown(mut test: Self, (): ()) {
        test.commit();
        test.drain();
        // And once more after a crash: what is left is what was not saved.
        test.restart(Some(1));
        test.drain();
        // The queue is still one.
        test.disk.set_capacity(None);
        test.append(100, 3);
        test.commit();
        let id = test.next_id - 1;
        assert_eq!(test.pages[&id].fate, Fate::Durable);
        test.drain();
        assert!(test.pages[&id].came);
    }
}

prop_state_machine! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_and_nothing_is_invented(sequential 1..120 => Test);
}
