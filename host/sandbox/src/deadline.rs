//! Guests that are stopped at a deadline: their polls store to a memory of their own, and the
//! clock takes that away.

use std::sync::{Arc, Mutex};

use wasmtime::{
    AsContextMut as _, Instance, Memory, Store, StoreContextMut, TypedFunc, WasmParams, WasmResults,
};

use crate::{
    clock::{Clock, Watch, lock},
    polls::{self, Polled},
};

/// A store whose guest runs only within deadlines.
pub struct Watched<T: 'static> {
    /// Has to go on for as long as the guest may run.
    clock: Arc<Clock>,
    watch: Arc<Mutex<Watch>>,
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
    /// Takes a store that is empty.
    pub fn new(store: Store<T>, clock: &Arc<Clock>) -> Self {
        Self { watch: clock.watch(), clock: Arc::clone(clock), store }
    }

    /// Makes the one instance. Its start function may run until the clock shows `deadline`.
    pub fn instantiate(&mut self, module: &Polled, deadline: u64) -> Result<Instance, Stopped> {
        let failed = |message: &'static str| Stopped::Error(wasmtime::Error::msg(message));
        if lock(&self.watch).polled.is_some() {
            return Err(failed("it is instantiated already"));
        }
        // Runs none of the guest's functions: its start function is an export by now.
        let instance = Instance::new(&mut self.store, module.compiled(), &[]).map_err(Stopped::Error)?;
        let memory = instance.get_memory(&mut self.store, polls::MEMORY);
        let memory = memory.ok_or_else(|| failed("it has no polls"))?;
        let polled = (memory.data_ptr(&self.store).addr(), memory.data_size(&self.store));
        lock(&self.watch).polled = Some(polled);
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
        let run = self.clock.run_until(deadline);
        lock(&self.watch).run = Some(run);
        let result = call(self.store.as_context_mut());
        let mut watch = lock(&self.watch);
        watch.run = None;
        // It may have come to its end at the last moment, but it can't go on.
        if watch.stopped { Err(Stopped::Deadline) } else { result.map_err(Stopped::Error) }
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
        lock(&self.watch).polled = None;
    }
}

#[cfg(test)]
mod tests {
    use wasmtime::{Engine, Module, Trap};

    use super::*;
    use crate::{limits, settings, thread_time};

    fn watched(clock: &Arc<Clock>) -> (Engine, Watched<()>) {
        let engine = Engine::new(&settings()).unwrap();
        let store = Store::new(&engine, ());
        (engine, Watched::new(store, clock))
    }

    /// A guest, and its function `run`.
    fn guest(text: &str, clock: &Arc<Clock>) -> (Watched<()>, TypedFunc<(), ()>) {
        let (engine, mut guest) = watched(clock);
        let module = Polled::new(&engine, &wat::parse_str(text).unwrap()).unwrap();
        let instance = guest.instantiate(&module, clock.now() + 1).unwrap();
        let run = guest.function_of(instance, "run").unwrap();
        (guest, run)
    }

    const HONEST: &str = r#"(module (func (export "run")))"#;

    #[test]
    fn a_guest_is_stopped_at_its_deadline_and_not_before() {
        let clock = Arc::new(Clock::by_hand());
        let (mut guest, run) = guest(HONEST, &clock);
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

    /// On a busy machine, time passes while a guest waits for a processor.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_guest_gets_the_time_that_it_missed() {
        let clock = Arc::new(Clock::by_hand_with_thread_time());
        let (mut guest, run) = guest(HONEST, &clock);
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

    #[cfg(target_os = "linux")]
    #[test]
    fn a_guest_that_had_its_time_gets_no_more() {
        let clock = Arc::new(Clock::by_hand_with_thread_time());
        let (mut guest, run) = guest(HONEST, &clock);
        let result = guest.until(clock.now() + 2, |store| {
            let begun = thread_time::own();
            // The system may be some milliseconds behind with what it tells of a thread.
            while thread_time::own() - begun < limits::TICK * 10 {}
            (0..2).for_each(|_| clock.tick());
            run.call(store, ())
        });
        assert!(matches!(result, Err(Stopped::Deadline)));
    }

    #[test]
    fn a_guest_that_ends_too_late_is_stopped_all_the_same() {
        let clock = Arc::new(Clock::by_hand());
        let (mut guest, run) = guest(HONEST, &clock);
        let result = guest.until(clock.now() + 1, |mut store| {
            run.call(&mut store, ())?;
            clock.tick();
            Ok(())
        });
        assert!(matches!(result, Err(Stopped::Deadline)));
    }

    #[test]
    fn guests_are_stopped_one_by_one_and_their_traps_are_their_own() {
        let clock = Arc::new(Clock::by_hand());
        let (mut honest, run) = guest(HONEST, &clock);
        let (mut stray, astray) = guest(
            r#"(module (memory 1) (func (export "run") (i32.store (i32.const -9) (i32.const 1))))"#,
            &clock,
        );
        let trap = stray.call(clock.now() + 1, &astray, ());
        let Err(Stopped::Error(error)) = trap else { panic!("{trap:?}") };
        assert_eq!(error.downcast_ref(), Some(&Trap::MemoryOutOfBounds));
        drop(stray);
        let (mut late, too_late) = guest(HONEST, &clock);
        let result = late.until(clock.now() + 1, |store| {
            clock.tick();
            too_late.call(store, ())
        });
        assert!(matches!(result, Err(Stopped::Deadline)));
        drop(late);
        clock.tick();
        honest.call(clock.now() + 1, &run, ()).unwrap();
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
            let (mut guest, run) = guest(&text, &clock);
            let result = guest.call(clock.now() + 1, &run, ());
            assert!(matches!(result, Err(Stopped::Deadline)), "{body}: {result:?}");
        }
    }

    #[test]
    fn start_functions_are_watched_and_may_trap() {
        let start = |body: &str, clock: Clock| {
            let clock = Arc::new(clock);
            let (engine, mut guest) = watched(&clock);
            let text = format!("(module (start 0) (func {body}))");
            let module = Polled::new(&engine, &wat::parse_str(text).unwrap()).unwrap();
            guest.instantiate(&module, clock.now() + 1).map(|_| ())
        };
        start("", Clock::by_hand()).unwrap();
        assert!(matches!(start("(loop (br 0))", Clock::start().unwrap()), Err(Stopped::Deadline)));
        let trap = start("unreachable", Clock::by_hand());
        let Err(Stopped::Error(error)) = trap else { panic!("{trap:?}") };
        assert_eq!(error.downcast_ref(), Some(&Trap::UnreachableCodeReached));
    }

    #[test]
    fn a_store_has_one_instance_with_polls() {
        let clock = Arc::new(Clock::by_hand());
        let (engine, mut guest) = watched(&clock);
        let bare = Polled::trusted(Module::new(&engine, wat::parse_str(HONEST).unwrap()).unwrap());
        assert!(matches!(guest.instantiate(&bare, 1), Err(Stopped::Error(_))));
        let module = Polled::new(&engine, &wat::parse_str(HONEST).unwrap()).unwrap();
        let instance = guest.instantiate(&module, 1).unwrap();
        assert!(matches!(guest.instantiate(&module, 1), Err(Stopped::Error(_))));
        // What the clock may protect is nobody's to look at.
        assert!(guest.memory_of(instance, polls::MEMORY).is_none());
    }
}
