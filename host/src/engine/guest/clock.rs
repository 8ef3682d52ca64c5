//! The clock that deadlines are measured with.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};
use wasmtime::Engine;

use crate::{error::Error, limits};

/// Counts an engine's epochs up until it is dropped. Deadlines count these ticks and not
/// the time of day, so that a process that was suspended does not find them all past.
pub(super) struct Clock {
    ticks: Arc<AtomicU64>,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Clock {
    pub(super) fn start(engine: &Engine) -> Result<Self, Error> {
        let ticks = Arc::new(AtomicU64::new(0));
        let (stop, stopped) = bounded(0);
        let (engine, counted) = (engine.clone(), Arc::clone(&ticks));
        let thread = thread::Builder::new()
            .name("clock".into())
            .spawn(move || {
                while stopped.recv_timeout(limits::TICK) == Err(RecvTimeoutError::Timeout) {
                    engine.increment_epoch();
                    counted.fetch_add(1, Ordering::Relaxed);
                }
            })
            .map_err(|e| Error::failed(format!("can't start a thread for the guest's clock: {e}")))?;
        Ok(Self { ticks, stop: Some(stop), thread: Some(thread) })
    }

    pub(super) fn now(&self) -> u64 {
        self.ticks.load(Ordering::Relaxed)
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // The thread only counts; it has nothing to report.
            let _ = thread.join();
        }
    }
}

/// A time in ticks, at least one.
pub(super) fn ticks(time: Duration) -> u64 {
    (time.as_millis() / limits::TICK.as_millis()).max(1).try_into().unwrap_or(u64::MAX / 2)
}
