//! Memory that records are written to, used again and again.

use std::sync::{Mutex, PoisonError};

use weir_normalizer::Output;

/// Memory for output that is to be used again: first what was used last, as it is the
/// likeliest to be in a cache.
pub(crate) struct Outputs {
    /// How many are kept.
    most: usize,
    kept: Mutex<Vec<Output>>,
}

impl Outputs {
    /// Keeps so many.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, kept: Mutex::default() }
    }

    pub(crate) fn take(&self) -> Output {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    pub(crate) fn give(&self, mut output: Output) {
        output.clear();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < self.most {
            kept.push(output);
        }
    }
}
