//! A guest in wasmtime itself, to take parts of the sandbox away one by one, which the host
//! never does. The settings are the host's but for what [`Guards`] leaves out.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use wasmtime::{Engine, Linker, Memory, Module, Store, StoreLimits, StoreLimitsBuilder, TypedFunc};
use weir_benches::stages::Counts;
use weir_host::{engine::guest::settings, limits};
use weir_normalizer::batch::Batch;

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
    store: Store<StoreLimits>,
    memory: Memory,
    input: TypedFunc<u32, u32>,
    run: TypedFunc<(u32, u32), u32>,
    head: Vec<u8>,
    /// What the host would write to a file.
    output: Vec<u8>,
    guards: Guards,
    _clock: Option<Clock>,
}

/// Ticks that a guest gets, as many as the host gives for its default of 5 s.
const DEADLINE: u64 = 501;

impl Sandbox {
    /// Compiles a guest, which is configured with nothing.
    pub(crate) fn new(wasm: &[u8], guards: Guards) -> Self {
        let mut config = settings();
        config.epoch_interruption(guards == Guards::On);
        let engine = Engine::new(&config).expect("settings that the host has, too");
        let module = Module::new(&engine, wasm).expect("a guest that was built");
        let limited = StoreLimitsBuilder::new().memory_size(44 << 20).build();
        let mut store = Store::new(&engine, limited);
        if guards == Guards::On {
            store.limiter(|limits| limits);
            store.set_epoch_deadline(DEADLINE);
        }
        let instance =
            Linker::new(&engine).instantiate(&mut store, &module).expect("a guest without imports");
        let memory = instance.get_memory(&mut store, "memory").expect("what the ABI asks for");
        let input = instance.get_typed_func(&mut store, "weir_input").expect("what the ABI asks for");
        let run = instance.get_typed_func(&mut store, "weir_run").expect("what the ABI asks for");
        let configure: TypedFunc<u32, u32> =
            instance.get_typed_func(&mut store, "weir_configure").expect("what the ABI asks for");
        let clock = (guards == Guards::On).then(|| Clock::start(&engine));
        let mut made =
            Self { store, memory, input, run, head: Vec::new(), output: Vec::new(), guards, _clock: clock };
        made.head.extend_from_slice(b"{}");
        made.give(&[]);
        assert_eq!(configure.call(&mut made.store, 2).expect("a guest that does not trap"), 0);
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
                self.watch();
                let reply = self.run.call(&mut self.store, (len, first)).expect("a guest that does not trap");
                let memory = self.memory.data(&self.store);
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
        self.watch();
        let (head, len) = (&self.head, self.head.len() + bytes.len());
        let at = self.input.call(&mut self.store, len as u32).expect("a guest that does not trap") as usize;
        let room = &mut self.memory.data_mut(&mut self.store)[at..at + len];
        let (first, rest) = room.split_at_mut(head.len());
        first.copy_from_slice(head);
        rest.copy_from_slice(bytes);
    }

    fn watch(&mut self) {
        if self.guards == Guards::On {
            self.store.set_epoch_deadline(DEADLINE);
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

/// Counts epochs up, as often as the host does.
struct Clock {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Clock {
    fn start(engine: &Engine) -> Self {
        let (engine, stop) = (engine.clone(), Arc::new(AtomicBool::new(false)));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                thread::park_timeout(limits::TICK);
                engine.increment_epoch();
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It has nothing to tell.
            let _ = thread.join();
        }
    }
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
