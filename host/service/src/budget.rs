//! One budget of bytes for everything that is on its way through the process.

use std::sync::{
    Arc, Condvar, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

/// The bytes that may be on their way.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limit: AtomicU64,
    used: Mutex<u64>,
    freed: Condvar,
}

/// Some bytes of the budget, until it is dropped.
#[derive(Debug)]
pub struct Permit {
    shared: Arc<Shared>,
    bytes: u64,
}

impl Budget {
    /// A budget of so many bytes.
    pub fn new(limit: u64) -> Self {
        Self(Arc::new(Shared { limit: limit.into(), used: Mutex::new(0), freed: Condvar::new() }))
    }

    /// How many bytes there are.
    pub fn limit(&self) -> u64 {
        self.0.limit.load(Ordering::Relaxed)
    }

    /// There are so many from now on. What is in use stays so.
    pub fn set_limit(&self, bytes: u64) {
        self.0.limit.store(bytes, Ordering::Relaxed);
        self.0.freed.notify_all();
    }

    /// How many of them are in use.
    pub fn used(&self) -> u64 {
        *self.0.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes so many bytes if they are there. What is larger than the whole budget is let through
    /// alone, so that nothing waits for ever.
    pub fn try_take(&self, bytes: u64) -> Option<Permit> {
        let mut used = self.0.used.lock().unwrap_or_else(PoisonError::into_inner);
        if *used > 0 && used.saturating_add(bytes) > self.limit() {
            return None;
        }
        *used += bytes;
        Some(Permit { shared: Arc::clone(&self.0), bytes })
    }

    /// Waits until something is given back, but no longer than this.
    pub fn wait(&self, most: std::time::Duration) {
        let used = self.0.used.lock().unwrap_or_else(PoisonError::into_inner);
        if *used > 0 {
            let _ = self.0.freed.wait_timeout(used, most);
        }
    }

    /// Takes bytes that are in use already, whether they fit or not.
    pub fn take(&self, bytes: u64) -> Permit {
        *self.0.used.lock().unwrap_or_else(PoisonError::into_inner) += bytes;
        Permit { shared: Arc::clone(&self.0), bytes }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut used = self.shared.used.lock().unwrap_or_else(PoisonError::into_inner);
        *used -= self.bytes;
        drop(used);
        self.shared.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_there_is_waits_and_what_never_fits_goes_alone() {
        let budget = Budget::new(100);
        let most = budget.try_take(90).unwrap();
        assert!(budget.try_take(11).is_none());
        let rest = budget.try_take(10).unwrap();
        drop(most);
        assert_eq!(budget.used(), 10);
        assert!(budget.try_take(1000).is_none());
        drop(rest);
        let huge = budget.try_take(1000).unwrap();
        assert!(budget.try_take(1).is_none());
        drop(huge);
        assert_eq!(budget.used(), 0);
        let _some = budget.try_take(50).unwrap();
        assert!(budget.try_take(100).is_none());
        budget.set_limit(150);
        assert!(budget.try_take(100).is_some());
    }
}
