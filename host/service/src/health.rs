//! What `/ready` says: each part tells whether it works, and if not, why.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

/// The state of all parts.
#[derive(Clone, Debug, Default)]
pub struct Board(Arc<Mutex<BTreeMap<String, Failure>>>);

/// What a part that does not work tells.
#[derive(Clone, Debug)]
struct Failure {
    why: String,
    /// Somebody has to correct something before it goes on; else it may go on by itself.
    is_wrong: bool,
}

/// Where one part tells its state.
#[derive(Clone, Debug)]
pub struct Health {
    board: Board,
    part: Arc<str>,
    /// Another one has its place on the board.
    is_retired: Arc<AtomicBool>,
}

/// What is wrong with a part that tries again until that is over.
#[derive(Debug)]
pub(crate) struct Trouble {
    health: Health,
    /// So that it is told once.
    what: Mutex<Option<String>>,
}

impl Trouble {
    /// Nothing is wrong yet with the part whose health this is.
    pub(crate) fn new(health: Health) -> Self {
        Self { health, what: Mutex::new(None) }
    }

    /// Something is wrong, `is_wrong` where somebody has to correct it; whether it is to be told.
    pub(crate) fn begins(&self, what: &str, is_wrong: bool) -> bool {
        self.health.tell(what.into(), is_wrong);
        let mut known = self.what.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = known.as_deref() != Some(what);
        if is_new {
            *known = Some(what.to_owned());
        }
        is_new
    }

    /// It works; whether that is to be told, as something was wrong.
    pub(crate) fn ends(&self) -> bool {
        let was_wrong = self.what.lock().unwrap_or_else(PoisonError::into_inner).take().is_some();
        if was_wrong {
            self.health.works();
        }
        was_wrong
    }
}

impl Board {
    /// The place of a part, such as `sink es`.
    pub fn part(&self, name: &str) -> Health {
        Health { board: self.clone(), part: name.into(), is_retired: Arc::default() }
    }

    /// The parts that fail, and why.
    pub fn failing(&self) -> BTreeMap<String, String> {
        let parts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        parts.iter().map(|(part, failure)| (part.clone(), failure.why.clone())).collect()
    }
}

impl Health {
    /// It works.
    pub fn works(&self) {
        let mut parts = self.board.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.is_retired.load(Ordering::Relaxed) {
            parts.remove(&*self.part);
        }
    }

    /// Whether it told that it does not work, and will not before somebody corrects something: it is no use
    /// to wait for it.
    pub fn is_failing(&self) -> bool {
        let parts = self.board.0.lock().unwrap_or_else(PoisonError::into_inner);
        parts.get(&*self.part).is_some_and(|failure| failure.is_wrong)
    }

    /// The part is given up, or another one takes its place: what it says from now on does not count.
    pub fn retire(&self) {
        let mut parts = self.board.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.is_retired.swap(true, Ordering::Relaxed) {
            parts.remove(&*self.part);
        }
    }

    /// It does not, so that somebody should look after it; the reason has no secret.
    pub fn fails(&self, why: impl Into<String>) {
        self.tell(why.into(), true);
    }

    fn tell(&self, why: String, is_wrong: bool) {
        let mut parts = self.board.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.is_retired.load(Ordering::Relaxed) {
            parts.insert(self.part.to_string(), Failure { why, is_wrong });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_is_told_once_when_it_begins_and_when_it_ends() {
        let board = Board::default();
        let (trouble, health) = (Trouble::new(board.part("[sinks.es]")), board.part("[sinks.es]"));
        assert!(!trouble.ends());
        assert!(trouble.begins("503", false) && !trouble.begins("503", false));
        // Who looks at `/ready` learns of it, and who waits for it waits on.
        assert_eq!(board.failing()["[sinks.es]"], "503");
        assert!(!health.is_failing());
        assert!(trouble.begins("401", true) && !trouble.begins("401", true));
        assert_eq!(board.failing()["[sinks.es]"], "401");
        assert!(health.is_failing());
        assert!(trouble.ends() && !trouble.ends());
        assert!(board.failing().is_empty());
    }

    #[test]
    fn who_is_retired_does_not_speak_for_who_comes_after() {
        let board = Board::default();
        let (old, new) = (board.part("[sinks.es]"), board.part("[sinks.es]"));
        old.fails("401");
        assert!(new.is_failing());
        old.retire();
        assert!(board.failing().is_empty());
        old.fails("401");
        assert!(board.failing().is_empty());
        new.fails("no such host");
        old.works();
        old.retire();
        assert_eq!(board.failing()["[sinks.es]"], "no such host");
        new.works();
        assert!(board.failing().is_empty());
    }
}
