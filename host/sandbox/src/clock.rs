//! The clock that deadlines are measured with.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};
use wasmtime::{Engine, EngineWeak};

use crate::{Error, limits, thread_time::Thread};

/// Counts ticks until it is dropped, and tells those of them who stop guests at their deadlines.
/// Deadlines count these ticks and not the time of day, so that a process that was suspended
/// does not find them all past. At a deadline, the guest's own time is looked at where the system
/// tells it: a guest that waited for a processor gets what it missed.
pub struct Clock {
    face: Arc<Face>,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What a clock shows, and whom it tells.
#[derive(Default)]
struct Face {
    ticks: AtomicU64,
    /// Whether ticks are all that counts.
    by_hand: bool,
    told: Mutex<Vec<Weak<dyn Ticked>>>,
    /// Those whose epochs it counts.
    driven: Mutex<Vec<EngineWeak>>,
}

/// Who wants to know of each tick.
pub(crate) trait Ticked: Send + Sync {
    /// The clock shows `now`.
    fn tick(&self, now: u64);
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
    /// The tick at which it is looked at next.
    pub(crate) fn look(&self) -> u64 {
        self.look
    }

    /// Whether it is past at this tick; if not yet, it is looked at again.
    pub(crate) fn is_past(&mut self, now: u64) -> bool {
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

    /// How many engines it counts epochs of.
    #[cfg(test)]
    pub(crate) fn driven(&self) -> usize {
        lock(&self.face.driven).len()
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

    /// Tells somebody of each tick, as long as anybody else knows of them.
    pub(crate) fn tell(&self, who: &Arc<dyn Ticked>) {
        lock(&self.face.told).push(Arc::downgrade(who));
    }

    /// Counts an epoch of this engine with each tick, however often it is told to.
    pub(crate) fn drive(&self, engine: &Engine) {
        let mut driven = lock(&self.face.driven);
        driven.retain(|known| known.upgrade().is_some());
        if !driven.iter().filter_map(EngineWeak::upgrade).any(|known| Engine::same(&known, engine)) {
            driven.push(engine.weak());
        }
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
        lock(&self.told).retain(|told| {
            let told = told.upgrade();
            told.is_some_and(|told| {
                told.tick(now);
                true
            })
        });
        // Whoever comes to an epoch finds that the clock shows no less.
        for engine in lock(&self.driven).iter().filter_map(EngineWeak::upgrade) {
            engine.increment_epoch();
        }
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
