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

use crate::{Error, limits, thread_time::Thread};

/// Counts ticks until it is dropped, and stops the guests that it watches at their deadlines.
/// Deadlines count these ticks and not the time of day, so that a process that was suspended
/// does not find them all past. At a deadline, the guest's own time is looked at where the system
/// tells it: a guest that waited for a processor gets what it missed.
pub struct Clock {
    face: Arc<Face>,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What a clock shows, and whom it watches.
#[derive(Debug, Default)]
struct Face {
    ticks: AtomicU64,
    /// Whether ticks are all that counts.
    by_hand: bool,
    watches: Mutex<Vec<Weak<Mutex<Watch>>>>,
}

/// What a clock knows of a guest.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// The address and the length of the memory that its polls store to, while there is one.
    pub(crate) polled: Option<(usize, usize)>,
    /// What holds while it runs.
    pub(crate) run: Option<Run>,
    /// Whether it was.
    pub(crate) stopped: bool,
}

/// What a guest may use while it runs.
#[derive(Debug)]
pub(crate) struct Run {
    /// The tick at which it is looked at: its deadline if it had a processor all the time.
    look: u64,
    /// The tick that it is stopped at in any case.
    latest: u64,
    /// Its own time.
    allowed: Duration,
    /// Whose time that is, unless ticks are all that counts.
    thread: Option<Thread>,
}

impl Run {
    /// Whether it is past at this tick; if not yet, it is looked at again.
    fn is_past(&mut self, now: u64) -> bool {
        if now < self.look {
            return false;
        }
        let left = match self.thread.as_ref().and_then(Thread::used) {
            Some(used) if now < self.latest => self.allowed.saturating_sub(used),
            _ => Duration::ZERO,
        };
        if left.is_zero() {
            return true;
        }
        self.look = self.latest.min(now + ticks(left));
        false
    }
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
            .map_err(|e| {
                Error::failed(format!("can't start a thread for the guest's clock: {e}")).with_source(e)
            })?;
        Ok(Self { face, stop: Some(stop), thread: Some(thread) })
    }

    /// A clock that ticks when it is told to.
    #[cfg(test)]
    pub(crate) fn by_hand() -> Self {
        Self { face: Arc::new(Face { by_hand: true, ..Face::default() }), stop: None, thread: None }
    }

    /// The same, but guests may use as much time of their own as those ticks stand for.
    #[cfg(test)]
    pub(crate) fn by_hand_with_thread_time() -> Self {
        Self { face: Arc::default(), stop: None, thread: None }
    }

    /// Lets a clock tick.
    #[cfg(test)]
    pub(crate) fn tick(&self) {
        self.face.tick();
    }

    /// The ticks so far.
    pub fn now(&self) -> u64 {
        self.face.ticks.load(Ordering::Relaxed)
    }

    /// What holds for a guest that the current thread runs from now on until the clock shows
    /// `deadline`.
    pub(crate) fn run_until(&self, deadline: u64) -> Run {
        let now = self.now();
        let allowed = deadline.saturating_sub(now);
        Run {
            look: deadline,
            latest: now.saturating_add(allowed.saturating_mul(limits::BUSY_MACHINE)),
            allowed: limits::TICK.saturating_mul(allowed.try_into().unwrap_or(u32::MAX)),
            thread: (!self.face.by_hand).then(Thread::current),
        }
    }

    /// A watch for one more guest.
    pub(crate) fn watch(&self) -> Arc<Mutex<Watch>> {
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
        if self.stopped || !self.run.as_mut().is_some_and(|run| run.is_past(now)) {
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
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A time in ticks, at least one.
pub(crate) fn ticks(time: Duration) -> u64 {
    (time.as_millis() / limits::TICK.as_millis()).max(1).try_into().unwrap_or(u64::MAX / 2)
}
