//! Guests that are stopped by their polls, which load from a memory of their own: the clock takes
//! that away, and the next poll traps.
//!
//! # What this rests on, and wasmtime does not promise
//!
//! Each is looked at again before another minor version of wasmtime is used; that is why the
//! manifest pins it. The tests of `deadline.rs` and the guests that loop have to pass with it, and
//! the gate is the fuzz target `guests`, which has random modules stopped in this way and in the other.
//!
//! * **A fault inside a memory is a trap.** The memory of the polls is protected while all of it is
//!   in bounds. The handler of signals has to take a fault at such an address for a trap of the guest,
//!   as it does for one behind the end, and not for a fault of the host.
//! * **A trap needs no bounds check.** The code of a poll loads, whether it compares before or not, and
//!   it is marked as code that may trap.
//! * **The compiler keeps each poll.** It takes an atomic load for more than its result, which is dropped,
//!   and neither leaves it out nor moves it, in a memory that is not shared either.
//! * **Memories are allocated on demand, not from a pool.** Each has a mapping of its own, which ends
//!   with the store. A pool would give a protected memory to the next guest, or reset it, which is
//!   a fault of the host. `settings` says so, and the feature for pools is not compiled in.
//! * **The memory stays where it is**, at whole pages of the system, from when it is made until its
//!   store is dropped, and it never grows.
//! * **Nobody else touches it.** wasmtime neither reads nor writes a memory unless it is told to: no
//!   core dumps of what trapped, no snapshots, no images that are reset, no debugger. All of those
//!   would be faults of the host.
//! * **Code is native.** wasmtime's interpreter would do a poll's load itself, where a fault is one of
//!   the host. `settings` asks for the compiler.
//! * **Protecting a memory is seen by a thread that runs**, at its next load. That is the system's
//!   promise, not wasmtime's.

use std::{
    ptr,
    sync::{Arc, Mutex},
};

use region::Protection;
use wasmtime::{Instance, Store};

use crate::{
    clock::{Clock, Run, Ticked, lock},
    polls,
    stopper::Stopper,
};

/// What the clock knows of a guest.
#[derive(Debug, Default)]
struct Watch {
    /// The address and the length of the memory that its polls load from, while there is one.
    polled: Option<(usize, usize)>,
    /// What holds while it runs.
    run: Option<Run>,
    /// Whether it was.
    stopped: bool,
}

impl Ticked for Mutex<Watch> {
    fn tick(&self, now: u64) {
        lock(self).stop_if_past(now);
    }
}

impl Watch {
    fn stop_if_past(&mut self, now: u64) {
        let Some((address, len)) = self.polled else { return };
        if self.stopped || !self.run.as_mut().is_some_and(|run| run.is_past(now)) {
            return;
        }
        // SAFETY: `polled` is a memory of its own that is mapped: `PollStopper` takes it from here,
        // under the same lock, before its store unmaps it. Only polls access it; the guest's own
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

/// Stops one guest.
pub(crate) struct PollStopper(Arc<Mutex<Watch>>);

impl PollStopper {
    pub(crate) fn new(clock: &Clock) -> Self {
        let watch = Arc::new(Mutex::new(Watch::default()));
        let ticked: Arc<dyn Ticked> = Arc::<Mutex<Watch>>::clone(&watch);
        clock.tell(&ticked);
        Self(watch)
    }
}

impl<T> Stopper<T> for PollStopper {
    fn instantiated(&mut self, store: &mut Store<T>, instance: Instance) -> wasmtime::Result<()> {
        let memory = instance.get_memory(&mut *store, polls::MEMORY);
        let memory = memory.ok_or_else(|| wasmtime::Error::msg("it has no polls"))?;
        lock(&self.0).polled = Some((memory.data_ptr(&*store).addr(), memory.data_size(&*store)));
        Ok(())
    }

    fn begin(&mut self, _: &mut Store<T>, run: Run) {
        lock(&self.0).run = Some(run);
    }

    fn end(&mut self) -> bool {
        let mut watch = lock(&self.0);
        watch.run = None;
        // It may have come to its end at the last moment, but it can't go on.
        watch.stopped
    }

    fn forget(&mut self) {
        lock(&self.0).polled = None;
    }
}
