//! The clock that deadlines are measured with, and what it does to a guest that misses its own.

use std::{
    ptr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};
use region::Protection;

use crate::{error::Error, limits};

/// Counts ticks until it is dropped, and stops the guests that it watches at their deadlines.
/// Deadlines count these ticks and not the time of day, so that a process that was suspended
/// does not find them all past.
pub struct Clock {
    face: Arc<Face>,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What a clock shows, and whom it watches.
#[derive(Debug, Default)]
struct Face {
    ticks: AtomicU64,
    watches: Mutex<Vec<Weak<Mutex<Watch>>>>,
}

/// What a clock knows of a guest.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// The address and the length of the memory that its polls store to, while there is one.
    pub(super) polled: Option<(usize, usize)>,
    /// The tick that it is stopped at, while it runs.
    pub(super) deadline: Option<u64>,
    /// Whether it was.
    pub(super) stopped: bool,
}

impl Clock {
    /// Starts a clock.
    pub fn start() -> Result<Self, Error> {
        let face = Arc::new(Face::default());
        let (stop, stopped) = bounded(0);
        let shown = Arc::clone(&face);
        let thread = thread::Builder::new()
            .name("clock".into())
            .spawn(move || {
                while stopped.recv_timeout(limits::TICK) == Err(RecvTimeoutError::Timeout) {
                    shown.tick();
                }
            })
            .map_err(|e| Error::failed(format!("can't start a thread for the guest's clock: {e}")))?;
        Ok(Self { face, stop: Some(stop), thread: Some(thread) })
    }

    /// A clock that ticks when it is told to.
    #[cfg(test)]
    pub(super) fn by_hand() -> Self {
        Self { face: Arc::default(), stop: None, thread: None }
    }

    /// Lets a clock tick.
    #[cfg(test)]
    pub(super) fn tick(&self) {
        self.face.tick();
    }

    /// The ticks so far.
    pub fn now(&self) -> u64 {
        self.face.ticks.load(Ordering::Relaxed)
    }

    /// A watch for one more guest.
    pub(super) fn watch(&self) -> Arc<Mutex<Watch>> {
        let watch = Arc::new(Mutex::new(Watch::default()));
        lock(&self.face.watches).push(Arc::downgrade(&watch));
        watch
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // The thread has nothing to report.
            let _ = thread.join();
        }
    }
}

impl Face {
    fn tick(&self) {
        let now = self.ticks.fetch_add(1, Ordering::Relaxed) + 1;
        lock(&self.watches).retain(|watch| {
            let watch = watch.upgrade();
            watch.is_some_and(|watch| {
                lock(&watch).stop_if_past(now);
                true
            })
        });
    }
}

impl Watch {
    fn stop_if_past(&mut self, now: u64) {
        let Some((address, len)) = self.polled else { return };
        if self.stopped || self.deadline.is_none_or(|deadline| now < deadline) {
            return;
        }
        // SAFETY: `polled` is a memory of its own that is mapped: `Watched` takes it from here,
        // under the same lock, before it unmaps it. Only polls access it; the guest's own
        // instructions can't name it (see `polls`), and `Watched` gives nobody its content. A poll
        // that finds it protected is an access within a memory's reservation, by an instruction
        // that may trap, so the sandbox makes a trap of it. Where the system refuses, the next
        // tick tries again.
        #[allow(unsafe_code)]
        let protected =
            unsafe { region::protect(ptr::without_provenance::<u8>(address), len, Protection::NONE) };
        self.stopped = protected.is_ok();
    }
}

/// Each change under these locks is whole, whatever panics.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A time in ticks, at least one.
pub(super) fn ticks(time: Duration) -> u64 {
    (time.as_millis() / limits::TICK.as_millis()).max(1).try_into().unwrap_or(u64::MAX / 2)
}
