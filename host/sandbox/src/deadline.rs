//! Guests that run only within deadlines, whoever stops them.

use std::sync::Arc;

use wasmtime::{
    AsContextMut as _, Engine, Instance, Memory, Module, Store, StoreContextMut, TypedFunc, WasmParams,
    WasmResults,
};

use crate::{
    clock::Clock,
    epoch_stopper::EpochStopper,
    poll_stopper::PollStopper,
    polls,
    stopper::{StoppedBy, Stopper},
};

/// A module that is compiled so that it can be stopped.
pub struct Stoppable {
    module: Module,
    by: StoppedBy,
}

impl Stoppable {
    /// Compiles a module, with an engine whose [`settings`](crate::settings) are for the same way to
    /// stop it.
    pub fn new(engine: &Engine, wasm: &[u8], by: StoppedBy) -> wasmtime::Result<Self> {
        let module = match by {
            StoppedBy::Polls => Module::new(engine, polls::insert(wasm)?)?,
            StoppedBy::Epochs => {
                polls::check(wasm)?;
                Module::new(engine, wasm)?
            }
        };
        Ok(Self { module, by })
    }

    /// The same of what was compiled before. What has no polls but should is refused when it is
    /// instantiated.
    pub(crate) fn trusted(module: Module, by: StoppedBy) -> Self {
        Self { module, by }
    }

    pub(crate) fn module(&self) -> &Module {
        &self.module
    }
}

/// A store whose guest runs only within deadlines.
pub struct Watched<T: 'static> {
    /// Has to go on for as long as the guest may run.
    clock: Arc<Clock>,
    by: StoppedBy,
    stopper: Box<dyn Stopper<T>>,
    is_instantiated: bool,
    /// Nobody gets it out of here, so its memories are unmapped after `drop` below.
    store: Store<T>,
}

/// Why a guest did not come to its end.
#[derive(Debug)]
pub enum Stopped {
    /// It ran past its deadline. Each further call ends so, too.
    Deadline,
    /// It stopped itself, or could not be called.
    Error(wasmtime::Error),
}

impl<T> Watched<T> {
    /// Takes a store that is empty, of an engine whose [`settings`](crate::settings) are for this way
    /// to stop a guest.
    pub fn new(mut store: Store<T>, clock: &Arc<Clock>, by: StoppedBy) -> Self {
        let stopper: Box<dyn Stopper<T>> = match by {
            StoppedBy::Polls => Box::new(PollStopper::new(clock)),
            StoppedBy::Epochs => Box::new(EpochStopper::new(&mut store, clock)),
        };
        Self { clock: Arc::clone(clock), by, stopper, is_instantiated: false, store }
    }

    /// Makes the one instance. Its start function may run until the clock shows `deadline`.
    pub fn instantiate(&mut self, module: &Stoppable, deadline: u64) -> Result<Instance, Stopped> {
        let failed = |message: &'static str| Stopped::Error(wasmtime::Error::msg(message));
        if self.is_instantiated {
            return Err(failed("it is instantiated already"));
        }
        if self.by != module.by {
            return Err(failed("it is compiled to be stopped in another way"));
        }
        // With polls this runs none of the guest's functions: its start function is an export by now.
        let instance = self.until(deadline, |store| Instance::new(store, module.module(), &[]))?;
        self.stopper.instantiated(&mut self.store, instance).map_err(Stopped::Error)?;
        self.is_instantiated = true;
        if let Ok(start) = self.function_of::<(), ()>(instance, polls::START) {
            self.call(deadline, &start, ())?;
        }
        Ok(instance)
    }

    /// Calls a function of the guest, which may run until the clock shows `deadline`.
    pub fn call<P: WasmParams, R: WasmResults>(
        &mut self,
        deadline: u64,
        function: &TypedFunc<P, R>,
        parameters: P,
    ) -> Result<R, Stopped> {
        self.until(deadline, |store| function.call(store, parameters))
    }

    fn until<R>(
        &mut self,
        deadline: u64,
        call: impl FnOnce(StoreContextMut<'_, T>) -> wasmtime::Result<R>,
    ) -> Result<R, Stopped> {
        self.stopper.begin(&mut self.store, self.clock.run_until(deadline));
        let result = call(self.store.as_context_mut());
        if self.stopper.end() { Err(Stopped::Deadline) } else { result.map_err(Stopped::Error) }
    }

    /// A memory that the guest exports; not that of its polls.
    pub fn memory_of(&mut self, instance: Instance, name: &str) -> Option<Memory> {
        if name.starts_with(polls::RESERVED) {
            return None;
        }
        instance.get_memory(&mut self.store, name)
    }

    /// A function that the guest exports.
    pub fn function_of<P: WasmParams, R: WasmResults>(
        &mut self,
        instance: Instance,
        name: &str,
    ) -> wasmtime::Result<TypedFunc<P, R>> {
        instance.get_typed_func(&mut self.store, name)
    }

    /// What is in a memory.
    pub fn content(&self, memory: Memory) -> &[u8] {
        memory.data(&self.store)
    }

    /// What is in a memory, to be written.
    pub fn content_mut(&mut self, memory: Memory) -> &mut [u8] {
        memory.data_mut(&mut self.store)
    }

    /// What the store was made with.
    pub fn data(&self) -> &T {
        self.store.data()
    }

    /// What the store was made with, to be changed.
    pub fn data_mut(&mut self) -> &mut T {
        self.store.data_mut()
    }
}

impl<T> Drop for Watched<T> {
    fn drop(&mut self) {
        self.stopper.forget();
    }
}

#[cfg(test)]
mod tests {
    use wasmtime::Trap;

    use super::*;
    use crate::{limits, settings, thread_time};

    /// Each test is one of all ways to stop a guest.
    const WAYS: [StoppedBy; 2] = [StoppedBy::Polls, StoppedBy::Epochs];

    fn watched(clock: &Arc<Clock>, by: StoppedBy) -> (Engine, Watched<()>) {
        let engine = Engine::new(&settings(by)).unwrap();
        let store = Store::new(&engine, ());
        (engine, Watched::new(store, clock, by))
    }

    fn compiled(text: &str, engine: &Engine, by: StoppedBy) -> Stoppable {
        Stoppable::new(engine, &wat::parse_str(text).unwrap(), by).unwrap()
    }

    /// A guest, and its function `run`.
    fn guest(text: &str, clock: &Arc<Clock>, by: StoppedBy) -> (Watched<()>, TypedFunc<(), ()>) {
        let (engine, mut guest) = watched(clock, by);
        let module = compiled(text, &engine, by);
        let instance = guest.instantiate(&module, clock.now() + 1).unwrap();
        let run = guest.function_of(instance, "run").unwrap();
        (guest, run)
    }

    const HONEST: &str = r#"(module (func (export "run")))"#;

    #[test]
    fn a_guest_is_stopped_at_its_deadline_and_not_before() {
        for by in WAYS {
            let clock = Arc::new(Clock::by_hand());
            let (mut guest, run) = guest(HONEST, &clock, by);
            let mut run_after = |ticks: u64| {
                guest.until(clock.now() + 3, |store| {
                    (0..ticks).for_each(|_| clock.tick());
                    run.call(store, ())
                })
            };
            run_after(0).unwrap();
            run_after(2).unwrap();
            // The time between calls is not the guest's.
            (0..10).for_each(|_| clock.tick());
            run_after(2).unwrap();
            assert!(matches!(run_after(3), Err(Stopped::Deadline)));
            assert!(matches!(run_after(0), Err(Stopped::Deadline)));
        }
    }

    /// On a busy machine, time passes while a guest waits for a processor.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_guest_gets_the_time_that_it_missed() {
        for by in WAYS {
            let clock = Arc::new(Clock::by_hand_with_thread_time());
            let (mut guest, run) = guest(HONEST, &clock, by);
            let second = 100;
            let mut run_after = |ticks: u64| {
                guest.until(clock.now() + second, |store| {
                    (0..ticks).for_each(|_| clock.tick());
                    run.call(store, ())
                })
            };
            run_after(second).unwrap();
            run_after(second * limits::BUSY_MACHINE - 1).unwrap();
            // But not for ever.
            assert!(matches!(run_after(second * limits::BUSY_MACHINE), Err(Stopped::Deadline)));
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_guest_that_had_its_time_gets_no_more() {
        for by in WAYS {
            let clock = Arc::new(Clock::by_hand_with_thread_time());
            let (mut guest, run) = guest(HONEST, &clock, by);
            let result = guest.until(clock.now() + 2, |store| {
                let begun = thread_time::own();
                // The system may be some milliseconds behind with what it tells of a thread.
                while thread_time::own() - begun < limits::TICK * 10 {}
                (0..2).for_each(|_| clock.tick());
                run.call(store, ())
            });
            assert!(matches!(result, Err(Stopped::Deadline)));
        }
    }

    #[test]
    fn a_guest_that_ends_too_late_is_stopped_all_the_same() {
        for by in WAYS {
            let clock = Arc::new(Clock::by_hand());
            let (mut guest, run) = guest(HONEST, &clock, by);
            let result = guest.until(clock.now() + 1, |mut store| {
                run.call(&mut store, ())?;
                clock.tick();
                Ok(())
            });
            assert!(matches!(result, Err(Stopped::Deadline)));
        }
    }

    #[test]
    fn guests_are_stopped_one_by_one_and_their_traps_are_their_own() {
        for by in WAYS {
            let clock = Arc::new(Clock::by_hand());
            let (mut honest, run) = guest(HONEST, &clock, by);
            let (mut stray, astray) = guest(
                r#"(module (memory 1) (func (export "run") (i32.store (i32.const -9) (i32.const 1))))"#,
                &clock,
                by,
            );
            let trap = stray.call(clock.now() + 1, &astray, ());
            let Err(Stopped::Error(error)) = trap else { panic!("{trap:?}") };
            assert_eq!(error.downcast_ref(), Some(&Trap::MemoryOutOfBounds));
            drop(stray);
            let (mut late, too_late) = guest(HONEST, &clock, by);
            let result = late.until(clock.now() + 1, |store| {
                clock.tick();
                too_late.call(store, ())
            });
            assert!(matches!(result, Err(Stopped::Deadline)));
            drop(late);
            clock.tick();
            honest.call(clock.now() + 1, &run, ()).unwrap();
        }
    }

    /// None of these would ever end. Whether the compiler keeps enough polls depends on how loops
    /// and branches lie.
    #[test]
    fn loops_of_all_shapes_are_stopped() {
        let clock = Arc::new(Clock::start().unwrap());
        for body in [
            "(loop (br 0))",
            "(loop (loop (br 1)))",
            "(loop (loop (loop (br 2))))",
            "(loop (loop (br_if 0 (local.get 0))) (br 0))",
            "(loop (br_if 0 (local.get 0))) (loop (br 0))",
            "(loop (if (local.get 0) (then (br 1)) (else (br 1))))",
            "(loop (if (i32.eqz (local.get 0)) (then (loop (br_if 0 (local.get 0))))) (br 0))",
            "(loop (block (br_table 0 1 (local.get 0))) (br 0))",
            "(loop (block (block (br_table 0 1 2 (local.get 0))) (br 1)) (br 0))",
            "(loop (local.set 0 (i32.add (local.get 0) (i32.const 1))) (br 0))",
            "(loop (i32.store (i32.const 0) (local.get 0)) (br 0))",
            "(loop (drop (i32.load (i32.const 0))) (br 0))",
            "(loop (memory.fill (i32.const 0) (i32.const 1) (i32.const 9)) (br 0))",
            "(loop (table.fill (i32.const 0) (ref.null func) (i32.const 1)) (br 0))",
            "(loop (call 0) (br 0))",
            "(loop (call_indirect (i32.const 0)) (br 0))",
        ] {
            let text = format!(
                r#"(module (memory 1) (table 1 funcref) (elem (i32.const 0) 0) (func)
                (func (export "run") (local i32) {body}))"#
            );
            for by in WAYS {
                let (mut guest, run) = guest(&text, &clock, by);
                let result = guest.call(clock.now() + 1, &run, ());
                assert!(matches!(result, Err(Stopped::Deadline)), "{body} by {by:?}: {result:?}");
            }
        }
    }

    #[test]
    fn start_functions_are_watched_and_may_trap() {
        for by in WAYS {
            let start = |body: &str, clock: Clock| {
                let clock = Arc::new(clock);
                let (engine, mut guest) = watched(&clock, by);
                let module = compiled(&format!("(module (start 0) (func {body}))"), &engine, by);
                guest.instantiate(&module, clock.now() + 1).map(|_| ())
            };
            start("", Clock::by_hand()).unwrap();
            assert!(matches!(start("(loop (br 0))", Clock::start().unwrap()), Err(Stopped::Deadline)));
            let trap = start("unreachable", Clock::by_hand());
            let Err(Stopped::Error(error)) = trap else { panic!("{trap:?}") };
            assert_eq!(error.downcast_ref(), Some(&Trap::UnreachableCodeReached));
        }
    }

    #[test]
    fn a_store_has_one_instance_that_can_be_stopped() {
        for by in WAYS {
            let clock = Arc::new(Clock::by_hand());
            let (engine, mut guest) = watched(&clock, by);
            let refusal = |result| match result {
                Err(Stopped::Error(error)) => error.to_string(),
                other => panic!("{other:?}"),
            };
            let other = WAYS.into_iter().find(|other| *other != by).unwrap();
            let other = compiled(HONEST, &Engine::new(&settings(other)).unwrap(), other);
            let refused = refusal(guest.instantiate(&other, 1));
            assert_eq!(refused, "it is compiled to be stopped in another way");
            let module = compiled(HONEST, &engine, by);
            let instance = guest.instantiate(&module, 1).unwrap();
            assert_eq!(refusal(guest.instantiate(&module, 1)), "it is instantiated already");
            // What the clock may protect is nobody's to look at.
            assert!(guest.memory_of(instance, polls::MEMORY).is_none());
        }
    }

    #[test]
    fn what_lacks_polls_is_not_run() {
        let by = StoppedBy::Polls;
        let (engine, mut guest) = watched(&Arc::new(Clock::by_hand()), by);
        let bare = Module::new(&engine, wat::parse_str(HONEST).unwrap()).unwrap();
        let refused = guest.instantiate(&Stoppable::trusted(bare, by), 1);
        assert!(matches!(refused, Err(Stopped::Error(e)) if e.to_string() == "it has no polls"));
    }

    /// Else the more guests there are, the faster epochs would pass.
    #[test]
    fn guests_of_an_engine_are_one_engine_to_the_clock() {
        let clock = Arc::new(Clock::by_hand());
        let (engine, guest) = watched(&clock, StoppedBy::Epochs);
        let more = [(); 2].map(|()| Watched::new(Store::new(&engine, ()), &clock, StoppedBy::Epochs));
        assert_eq!(clock.driven(), 1);
        let (other, _guest) = watched(&clock, StoppedBy::Epochs);
        assert_eq!(clock.driven(), 2);
        drop((engine, guest, more));
        clock.drive(&other);
        assert_eq!(clock.driven(), 1);
    }
}
