//! What is measured only when somebody asks.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use weir_pipeline::Factory;

use super::checkpoint::WrittenAt;
use crate::{budget::Budget, buffered::Gauge, feed::Shelf, metrics::Metrics, tracker::Balance};

/// What there is to be measured.
#[derive(Clone)]
pub(super) struct Seen {
    metrics: Metrics,
    balance: Balance,
    budget: Budget,
    written: WrittenAt,
    parts: Arc<Mutex<SeenParts>>,
}

#[derive(Default)]
pub(super) struct SeenParts {
    /// By the name of their source.
    pub(super) shelves: Vec<(String, Shelf)>,
    /// By the name of their sink.
    pub(super) gauges: Vec<(String, Gauge)>,
    /// By the name of their pipeline.
    pub(super) factories: Vec<(String, Arc<dyn Factory>)>,
}

impl Seen {
    pub(super) fn new(metrics: Metrics, balance: Balance, budget: Budget, written: WrittenAt) -> Self {
        Self { metrics, balance, budget, written, parts: Arc::default() }
    }

    /// What there is from now on.
    pub(super) fn show(&self, parts: SeenParts, hash: u64) {
        *self.parts.lock().unwrap_or_else(PoisonError::into_inner) = parts;
        self.metrics.config(hash);
    }

    pub(super) fn measure(&self) {
        let process = self.metrics.process();
        process.balance.set(self.balance.get());
        process.memory_used.set(self.budget.used().cast_signed());
        process.checkpoint_age.set(self.written.age().as_secs().cast_signed());
        let parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut oldest: BTreeMap<&str, Duration> = BTreeMap::new();
        for (source, shelf) in &parts.shelves {
            let age = oldest.entry(source).or_default();
            *age = (*age).max(shelf.oldest());
        }
        for (source, age) in oldest {
            self.metrics.source(source).oldest_unacked.set(age.as_secs().cast_signed());
        }
        for (pipeline, factory) in &parts.factories {
            self.metrics.guests(pipeline, &factory.failures());
        }
        for (sink, gauge) in &parts.gauges {
            if let Some(stats) = gauge.stats() {
                self.metrics.buffer(sink, &stats);
            }
        }
    }
}
