//! A guest in wasmtime itself, to take parts of the sandbox away one by one, which the host
//! never does. The settings are the host's but for what [`Guards`] leaves out.

use std::sync::Arc;

use wasmtime::{
    Engine, Instance, Memory, Module, Store, StoreLimits, StoreLimitsBuilder, TypedFunc, WasmParams,
    WasmResults,
};
use weir_benches::stages::Counts;
use weir_normalizer::batch::Batch;
use weir_sandbox::{Clock, Stoppable, StoppedBy, Watched, settings};

/// What watches over a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guards {
    /// A deadline and a limit of memory.
    On,
    /// Nothing but the sandbox itself.
    Off,
}

/// An instance of a guest.
pub(crate) struct Sandbox {
    guest: Guest,
    memory: Memory,
    input: TypedFunc<u32, u32>,
    run: TypedFunc<(u32, u32), u32>,
    head: Vec<u8>,
    /// What the host would write to a file.
    output: Vec<u8>,
}

/// A guest with its guards, or without.
enum Guest {
    On(Watched<StoreLimits>, Arc<Clock>),
    Off(Store<StoreLimits>),
}

/// Ticks that a guest gets, as many as the host gives for its default of 5 s.
const DEADLINE: u64 = 501;

impl Sandbox {
    /// Compiles a guest, which is configured with nothing.
    pub(crate) fn new(wasm: &[u8], guards: Guards) -> Self {
        let engine = Engine::new(&settings(StoppedBy::Polls)).expect("settings that the host has, too");
        let limited = StoreLimitsBuilder::new().memory_size(44 << 20).build();
        let mut store = Store::new(&engine, limited);
        let (mut guest, instance) = match guards {
            Guards::On => {
                store.limiter(|limits| limits);
                let module = Stoppable::new(&engine, wasm, StoppedBy::Polls).expect("a guest that was built");
                let clock = Arc::new(Clock::start().expect("a thread"));
                let mut guest = Watched::new(store, &clock, StoppedBy::Polls);
                let instance = guest.instantiate(&module, DEADLINE).expect("a guest that does not trap");
                (Guest::On(guest, clock), instance)
            }
            Guards::Off => {
                let module = Module::new(&engine, wasm).expect("a guest that was built");
                let instance = Instance::new(&mut store, &module, &[]).expect("a guest that does not trap");
                (Guest::Off(store), instance)
            }
        };
        let mut made = Self {
            memory: guest.memory_of(instance, "memory"),
            input: guest.function_of(instance, "weir_input"),
            run: guest.function_of(instance, "weir_run"),
            head: b"{}".to_vec(),
            output: Vec::new(),
            guest,
        };
        made.give(&[]);
        let configure = made.guest.function_of::<u32, u32>(instance, "weir_configure");
        assert_eq!(made.guest.call(&configure, 2), 0);
        made
    }

    /// Has batches normalized.
    pub(crate) fn batches(&mut self, batches: &[Batch]) -> Counts {
        let mut counts = Counts::default();
        for batch in batches {
            let all = 0..batch.elements.len();
            batch.encode_head(all.clone(), &mut self.head);
            let bytes = batch.window(all.clone());
            self.give(bytes);
            let len = (self.head.len() + bytes.len()) as u32;
            let mut first = 0;
            while first < all.end as u32 {
                let reply = self.guest.call(&self.run, (len, first));
                let memory = self.guest.content_mut(self.memory);
                let [next, normalized, filtered, rejected, _, at, len] = words(memory, reply);
                assert!((first + 1..=all.end as u32).contains(&next), "{next} after {first}");
                first = next;
                counts.normalized += normalized as usize;
                counts.filtered += filtered as usize;
                counts.rejected += rejected as usize;
                counts.written += len as usize;
                // As the host does on the way to its writer.
                self.output.clear();
                self.output.extend_from_slice(&memory[at as usize..(at + len) as usize]);
            }
        }
        counts
    }

    /// Writes the head and these bytes to the guest's input.
    fn give(&mut self, bytes: &[u8]) {
        let (head, len) = (&self.head, self.head.len() + bytes.len());
        let at = self.guest.call(&self.input, len as u32) as usize;
        let room = &mut self.guest.content_mut(self.memory)[at..at + len];
        let (first, rest) = room.split_at_mut(head.len());
        first.copy_from_slice(head);
        rest.copy_from_slice(bytes);
    }
}

impl Guest {
    fn call<P: WasmParams, R: WasmResults>(&mut self, function: &TypedFunc<P, R>, parameters: P) -> R {
        match self {
            Self::On(guest, clock) => {
                guest.call(clock.now() + DEADLINE, function, parameters).expect("a guest that does not trap")
            }
            Self::Off(store) => function.call(store, parameters).expect("a guest that does not trap"),
        }
    }

    fn function_of<P: WasmParams, R: WasmResults>(
        &mut self,
        instance: Instance,
        name: &str,
    ) -> TypedFunc<P, R> {
        match self {
            Self::On(guest, _) => guest.function_of(instance, name),
            Self::Off(store) => instance.get_typed_func(store, name),
        }
        .expect("what the ABI asks for")
    }

    fn memory_of(&mut self, instance: Instance, name: &str) -> Memory {
        match self {
            Self::On(guest, _) => guest.memory_of(instance, name),
            Self::Off(store) => instance.get_memory(store, name),
        }
        .expect("what the ABI asks for")
    }

    fn content_mut(&mut self, memory: Memory) -> &mut [u8] {
        match self {
            Self::On(guest, _) => guest.content_mut(memory),
            Self::Off(store) => memory.data_mut(store),
        }
    }
}

/// The first numbers of a reply.
fn words(memory: &[u8], at: u32) -> [u32; 7] {
    std::array::from_fn(|i| {
        let at = at as usize + 4 * i;
        u32::from_le_bytes(memory[at..at + 4].try_into().expect("four bytes"))
    })
}

/// A guest that gives back what it got, as many records as there are elements, and does
/// nothing: what is left is the way there and back.
pub(crate) fn echo() -> Vec<u8> {
    let text = r#"(module
      (memory (export "memory") 1)
      (func (export "weir_abi_version") (result i32) i32.const 1)
      (func (export "weir_input") (param $len i32) (result i32)
        (local $missing i32)
        (local.set $missing
          (i32.sub (i32.add (i32.const 2) (i32.shr_u (local.get $len) (i32.const 16))) (memory.size)))
        (if (i32.gt_s (local.get $missing) (i32.const 0))
          (then (drop (memory.grow (local.get $missing)))))
        i32.const 65536)
      (func (export "weir_configure") (param i32) (result i32) i32.const 0)
      (func (export "weir_run") (param $len i32) (param $first i32) (result i32)
        (i32.store (i32.const 16) (i32.load (i32.const 65536)))
        (i32.store (i32.const 20) (i32.sub (i32.load (i32.const 65536)) (local.get $first)))
        (i32.store (i32.const 36) (i32.const 65536))
        (i32.store (i32.const 40) (local.get $len))
        i32.const 16))"#;
    wat::parse_str(text).expect("a module without errors")
}
