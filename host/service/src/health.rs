//! What `/ready` says: each part tells whether it works, and if not, why.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// The state of all parts.
#[derive(Clone, Debug, Default)]
pub struct Board(Arc<Mutex<BTreeMap<String, String>>>);

/// Where one part tells its state.
#[derive(Clone, Debug)]
pub struct Health {
    board: Board,
    part: Arc<str>,
}

impl Board {
    /// The place of a part, such as `sink es`.
    pub fn part(&self, name: &str) -> Health {
        Health { board: self.clone(), part: name.into() }
    }

    /// The parts that fail, and why.
    pub fn failing(&self) -> BTreeMap<String, String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Health {
    /// It works.
    pub fn works(&self) {
        self.board.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&*self.part);
    }

    /// It does not, so that somebody should look after it; the reason has no secret.
    pub fn fails(&self, why: impl Into<String>) {
        let mut parts = self.board.0.lock().unwrap_or_else(PoisonError::into_inner);
        parts.insert(self.part.to_string(), why.into());
    }
}
