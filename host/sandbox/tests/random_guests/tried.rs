//! What a host sees of a guest, whoever stops it.

use std::{fmt, sync::Arc};

use weir_normalizer::{
    Config,
    batch::{Batch, Element, rejects},
};
use weir_pipeline::Factory as _;
use weir_sandbox::{Program, SandboxLimits, StoppedBy, limits::TICK};

use crate::made::{ELEMENTS, Guest, HAS_TOO_MUCH, MEMORY};

/// What came of a guest.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was not ready for a batch, for this reason.
    Refused(String),
    /// It was given a batch: so many records are filtered, and others are rejected for these reasons.
    Ran(u32, Vec<String>),
}

impl Outcome {
    /// Whether it was stopped at its deadline.
    pub(crate) fn is_late(&self) -> bool {
        self.says("the guest ran past its deadline")
    }

    /// Whether it stopped itself.
    pub(crate) fn is_trap(&self) -> bool {
        self.says("the guest trapped: ") || self.says("the guest needed more memory")
    }

    /// Whether it did what it was asked for.
    pub(crate) fn is_good(&self) -> bool {
        *self == Self::Ran(ELEMENTS, Vec::new())
    }

    fn says(&self, words: &str) -> bool {
        match self {
            Self::Refused(why) => why.contains(words),
            Self::Ran(_, reasons) => reasons.iter().any(|why| why.contains(words)),
        }
    }
}

/// Lets a guest be stopped in both ways, which must make no difference, and says what came of it.
pub(crate) fn tried(guest: &Guest) -> Outcome {
    let [by_polls, by_epochs] = [StoppedBy::Polls, StoppedBy::Epochs].map(|by| {
        let outcome = outcome(&guest.wasm, by);
        assert!(!outcome.says(&HAS_TOO_MUCH.to_string()), "it has too much memory: {outcome:?}");
        if guest.never_ends {
            assert!(outcome.is_late() || outcome.is_trap(), "it never ends, but {by:?} say {outcome:?}");
        }
        outcome
    });
    // Nobody knows how far a guest came that was stopped.
    if !by_polls.is_late() && !by_epochs.is_late() {
        assert_eq!(by_polls, by_epochs);
    }
    by_polls
}

/// Loads a guest, and gives it a batch.
fn outcome(wasm: &[u8], by: StoppedBy) -> Outcome {
    let limits = SandboxLimits {
        memory: MEMORY as usize * (64 << 10),
        deadline: TICK,
        stopped_by: by,
        ..SandboxLimits::default()
    };
    let program = match Program::load(wasm, "it", &Config::default(), limits) {
        Ok(program) => Arc::new(program),
        Err(error) => return Outcome::Refused(error.to_string()),
    };
    let mut engine = match program.engine() {
        Ok(engine) => engine,
        Err(error) => return Outcome::Refused(error.to_string()),
    };
    let bytes = b"one\ntwo\n".to_vec();
    let elements = (0..ELEMENTS).map(|n| Element { start: 4 * n, len: 3, context: 0, fault: 0 }).collect();
    let batch = Batch { consumed: bytes.len() as u64, bytes, elements, line: 1, ..Batch::default() };
    let (mut reached, mut filtered, mut reasons) = (0, 0, Vec::new());
    let done = engine.process(&batch, &mut |reply| {
        assert_eq!(reply.elements.start, reached);
        reached = reply.elements.end;
        filtered += reply.filtered;
        reasons.extend(rejects(reply.rejects).map(|reject| reject.unwrap().reason.to_owned()));
        Ok(())
    });
    match done {
        Ok(()) => {
            assert_eq!(reached, ELEMENTS as usize);
            Outcome::Ran(filtered, reasons)
        }
        // An instance that takes the place of one that failed.
        Err(error) => Outcome::Refused(error.to_string()),
    }
}

/// What came of some guests, each counted once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count {
    /// Those that came to their ends well.
    pub(crate) good: u32,
    /// Those that were stopped at their deadline, among them some that never end.
    pub(crate) late: u32,
    /// Those that stopped themselves.
    pub(crate) trapped: u32,
    /// Those that answered what can't be.
    pub(crate) lied: u32,
    /// Those of which none of their functions was called.
    pub(crate) unused: u32,
    /// Those that never end, whatever came of them.
    pub(crate) endless: u32,
}

impl Count {
    /// That of no guest.
    pub(crate) const NONE: Self = Self { good: 0, late: 0, trapped: 0, lied: 0, unused: 0, endless: 0 };

    /// Counts one.
    pub(crate) fn add(&mut self, guest: &Guest, outcome: &Outcome) {
        self.endless += u32::from(guest.never_ends);
        *match outcome {
            _ if outcome.is_good() => &mut self.good,
            _ if outcome.is_late() => &mut self.late,
            _ if outcome.is_trap() => &mut self.trapped,
            Outcome::Refused(why) if why.contains("can't compile") => &mut self.unused,
            _ => &mut self.lied,
        } += 1;
    }

    /// How many they are.
    pub(crate) fn all(&self) -> u32 {
        self.good + self.late + self.trapped + self.lied + self.unused
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { good, late, trapped, lied, unused, endless } = self;
        write!(
            f,
            "{} guests: {good} did well, {late} were stopped, {trapped} trapped, {lied} lied, {unused} were \
             not run; {endless} never end",
            self.all()
        )
    }
}
