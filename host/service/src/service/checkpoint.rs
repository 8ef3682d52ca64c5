//! Writes how far everything is.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::parts::{Kind, Parts};
use crate::{
    metrics::Metrics,
    seldom::Seldom,
    state::{Progress, State},
};

/// When the progress was written last, or was found to be what is written.
#[derive(Clone, Debug)]
pub(super) struct WrittenAt(Arc<Mutex<Instant>>);

impl WrittenAt {
    pub(super) fn now() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    fn set(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    pub(super) fn age(&self) -> Duration {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }
}

/// The progress on disk.
pub(super) struct Checkpoint<'a> {
    state: &'a State,
    /// That of feeds that do not run: what the state said at the start, or how far they came.
    pub(super) rest: Progress,
    written: Option<Progress>,
    metrics: Metrics,
    at: WrittenAt,
    /// That it can't be written is told of: it is tried each second.
    failing: Option<Seldom>,
}

impl<'a> Checkpoint<'a> {
    pub(super) fn new(state: &'a State, rest: Progress, metrics: Metrics, at: WrittenAt) -> Self {
        Self { state, rest, written: None, metrics, at, failing: None }
    }

    /// Writes how far everything is, if that has changed.
    pub(super) fn write(&mut self, parts: &Parts) {
        let mut progress = self.rest.clone();
        let left = parts.left.iter().map(|left| &left.reading);
        for reading in left.chain(parts.readings.values()) {
            let streams = match reading.kind {
                Kind::Replays => reading.shelf.progress(),
                Kind::Commits | Kind::Once | Kind::Asks => Vec::new(),
            };
            progress.feeds.insert(reading.key.clone(), streams);
        }
        progress.feeds.retain(|_, streams| !streams.is_empty());
        if self.written.as_ref() == Some(&progress) {
            return self.at.set();
        }
        match self.state.store(&progress) {
            Ok(()) => {
                self.metrics.process().checkpoint_writes.inc();
                if self.failing.take().is_some() {
                    tracing::info!("the progress is written again");
                }
                self.written = Some(progress);
                self.at.set();
            }
            Err(error) => {
                self.metrics.process().checkpoint_errors.inc();
                if let Some(tries) = self.failing.get_or_insert_default().happens(1) {
                    tracing::error!(%error, tries, "the progress can't be written; after a crash more records would come twice");
                }
            }
        }
    }
}
