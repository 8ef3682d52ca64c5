//! Guests that are stopped by wasmtime's epochs. Each tick of the clock is an epoch; when a guest
//! comes to the epoch of its deadline, it asks whether it may go on.

use std::sync::{Arc, Mutex};

use wasmtime::{Instance, Store, UpdateDeadline};

use crate::{
    clock::{Clock, Run, lock},
    stopper::Stopper,
};

/// What a guest asks for.
#[derive(Debug, Default)]
struct Allowance {
    /// What holds while it runs.
    run: Option<Run>,
    /// Whether it was stopped.
    stopped: bool,
}

impl Allowance {
    /// Whether it is past, from this tick on for ever.
    fn is_past(&mut self, now: u64) -> bool {
        self.stopped |= self.run.as_mut().is_none_or(|run| run.is_past(now));
        self.stopped
    }

    /// After how many ticks more it has to ask.
    fn left(&self, now: u64) -> u64 {
        self.run.as_ref().map_or(0, |run| run.look().saturating_sub(now))
    }
}

/// Stops one guest.
pub(crate) struct EpochStopper {
    clock: Arc<Clock>,
    allowance: Arc<Mutex<Allowance>>,
}

impl EpochStopper {
    pub(crate) fn new<T>(store: &mut Store<T>, clock: &Arc<Clock>) -> Self {
        clock.drive(store.engine());
        let allowance = Arc::new(Mutex::new(Allowance::default()));
        let (asked, time) = (Arc::clone(&allowance), Arc::clone(clock));
        store.epoch_deadline_callback(move |_| {
            let (mut allowance, now) = (lock(&asked), time.now());
            Ok(match allowance.is_past(now) {
                true => UpdateDeadline::Interrupt,
                false => UpdateDeadline::Continue(allowance.left(now).max(1)),
            })
        });
        Self { clock: Arc::clone(clock), allowance }
    }
}

impl<T> Stopper<T> for EpochStopper {
    fn instantiated(&mut self, _: &mut Store<T>, _: Instance) -> wasmtime::Result<()> {
        Ok(())
    }

    fn begin(&mut self, store: &mut Store<T>, run: Run) {
        let mut allowance = lock(&self.allowance);
        allowance.run = Some(run);
        let ticks = if allowance.stopped { 0 } else { allowance.left(self.clock.now()) };
        store.set_epoch_deadline(ticks);
    }

    fn end(&mut self) -> bool {
        let mut allowance = lock(&self.allowance);
        // It may have come to its end between two questions.
        let is_past = allowance.is_past(self.clock.now());
        allowance.run = None;
        is_past
    }

    fn forget(&mut self) {}
}
