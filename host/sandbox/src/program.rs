//! A guest as it is loaded: compiled, checked, and ready to be instantiated by each worker.

use std::{
    borrow::Cow,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use wasmtime::{
    Config as EngineConfig, Engine, ExternType, InstanceAllocationStrategy, Module, OptLevel, Strategy,
    ValType,
};
use weir_normalizer::Config;
use weir_pipeline::{Engine as Normalizes, Factory, Failures};

use crate::{
    Error,
    clock::{self, Clock},
    deadline::Stoppable,
    fault::Fault,
    guest::Guest,
    instance::Instance,
    limits::{self, SandboxLimits},
    polls,
    stopper::StoppedBy,
};

/// The version of the ABI that this host speaks; `plugins/ABI.md` is its contract.
pub const ABI_VERSION: i32 = 1;

/// The functions of the ABI, with how many parameters each takes. All are `i32`, as is
/// the one result.
const FUNCTIONS: [(&str, usize); 3] = [("weir_input", 1), ("weir_configure", 1), ("weir_run", 2)];

/// The guest that was there when this crate was built.
const BUILT_IN: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/guest.wasm"));

/// The same in machine code, or empty.
const BUILT_IN_COMPILED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/guest.cwasm"));

/// A loaded guest, shared by all workers.
pub struct Program {
    pub(crate) engine: Engine,
    pub(crate) module: Stoppable,
    pub(crate) limits: SandboxLimits,
    /// What the guest is configured with, as it travels.
    pub(crate) config: Vec<u8>,
    pub(crate) clock: Arc<Clock>,
    pub(crate) patience: Patience,
    /// What messages call it.
    pub(crate) name: String,
}

impl Program {
    /// The guest inside this binary.
    pub fn built_in(config: &Config, limits: SandboxLimits) -> Result<Self, Error> {
        let by = limits.stopped_by;
        let engine = engine(None, by)?;
        // What was compiled before has polls.
        let module = match load_compiled(&engine, BUILT_IN_COMPILED) {
            Some(module) if by == StoppedBy::Polls => module,
            _ => compile(&engine, BUILT_IN, "the built-in guest", by)?,
        };
        Self::new(engine, module, "the built-in guest".into(), config, limits)
    }

    /// A guest from its bytes, which are WebAssembly in its binary form.
    pub fn load(wasm: &[u8], name: &str, config: &Config, limits: SandboxLimits) -> Result<Self, Error> {
        let engine = engine(None, limits.stopped_by)?;
        let module = compile(&engine, wasm, name, limits.stopped_by)?;
        Self::new(engine, module, name.into(), config, limits)
    }

    fn new(
        engine: Engine,
        module: Stoppable,
        name: String,
        config: &Config,
        limits: SandboxLimits,
    ) -> Result<Self, Error> {
        check_imports(module.module(), &name)?;
        let config = serde_json::to_vec(config).expect("a configuration can be written");
        let clock = Arc::new(Clock::start()?);
        let patience = Patience::new(limits.deadline.saturating_mul(limits.lost_deadlines));
        let program = Self { engine, module, limits, config, clock, patience, name };
        program.check_version()?;
        check_exports(program.module.module(), &program.name)?;
        Ok(program)
    }

    /// When an instance that is started now has to be ready.
    fn start_deadline(&self) -> u64 {
        // One more, because the tick that is under way may end at once.
        self.clock.now() + clock::ticks(self.limits.deadline) + 1
    }

    /// A configured instance.
    pub(crate) fn start(&self) -> Result<Instance, Error> {
        Instance::new(self, self.start_deadline()).map_err(|fault| match fault {
            Fault::Configuration(message) => Error::usage(message),
            fault => Error::failed(format!("{}: can't start the guest: {fault}", self.name)),
        })
    }

    /// Asks before anything else is looked at, because all else may differ between versions.
    fn check_version(&self) -> Result<(), Error> {
        let version = Instance::version(self, self.start_deadline())
            .map_err(|fault| Error::failed(format!("{}: can't start the guest: {fault}", self.name)))?;
        if version != Some(ABI_VERSION) {
            let version = version.map_or("no".into(), |v| format!("version {v} of the"));
            return Err(Error::failed(format!(
                "{}: the guest speaks {version} ABI and this Weir speaks version {ABI_VERSION}; \
                 build the guest for version {ABI_VERSION}",
                self.name
            )));
        }
        Ok(())
    }
}

impl Factory for Program {
    fn engine(self: Arc<Self>) -> Result<Box<dyn Normalizes>, weir_pipeline::Error> {
        Ok(Box::new(Guest::new(self)?))
    }

    fn failures(&self) -> Failures {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (traps, deadlines) = (count(&self.patience.traps), count(&self.patience.deadlines));
        // An instance that failed is not used again.
        Failures { traps, deadlines, replaced: traps + deadlines }
    }

    /// Whether the guest did its work.
    fn verdict(&self) -> Result<(), weir_pipeline::Error> {
        let trouble = clock::lock(&self.patience.trouble);
        let Some(last) = &trouble.last else { return Ok(()) };
        let untried = match trouble.untried {
            0 => String::new(),
            n => format!(", with {n} more that were not tried"),
        };
        Err(weir_pipeline::Error::failed(format!(
            "{}: the guest failed again and again: {last}. The records that it failed on are among the \
             rejects{untried}; all others are done. Use another guest, or mend this one",
            self.name
        )))
    }
}

/// How much time the guest's instances may still lose in failed runs, and how it went.
pub(crate) struct Patience {
    /// What may be lost beyond what good runs earn.
    grace: Duration,
    /// In nanoseconds.
    good: AtomicU64,
    lost: AtomicU64,
    /// How often runs failed.
    traps: AtomicU64,
    deadlines: AtomicU64,
    trouble: Mutex<Trouble>,
}

/// What makes a run fail that came to its end.
#[derive(Default)]
struct Trouble {
    /// Why patience was lost, and what the guest did last.
    last: Option<String>,
    /// Records that are rejected untried.
    untried: u64,
}

impl Patience {
    fn new(grace: Duration) -> Self {
        let [good, lost, traps, deadlines] = [0; 4].map(AtomicU64::new);
        Self { grace, good, lost, traps, deadlines, trouble: Mutex::default() }
    }

    pub(crate) fn earn(&self, time: Duration) {
        self.good.fetch_add(nanoseconds(time), Ordering::Relaxed);
    }

    pub(crate) fn lose(&self, time: Duration, fault: &Fault) {
        let counter = if matches!(fault, Fault::Timeout) { &self.deadlines } else { &self.traps };
        counter.fetch_add(1, Ordering::Relaxed);
        self.lost.fetch_add(nanoseconds(time), Ordering::Relaxed);
    }

    /// Whether more was lost than may be.
    pub(crate) fn is_lost(&self) -> bool {
        let earned = self.good.load(Ordering::Relaxed).saturating_mul(limits::LOST_TO_GOOD);
        self.lost.load(Ordering::Relaxed) > nanoseconds(self.grace).saturating_add(earned)
    }

    /// Keeps why the run fails at its end.
    pub(crate) fn note(&self, why: &str, fault: &Fault, untried: u64) {
        let mut trouble = clock::lock(&self.trouble);
        trouble.untried += untried;
        trouble.last = Some(format!("{why}; the last time, {fault}"));
    }
}

fn nanoseconds(time: Duration) -> u64 {
    time.as_nanos().try_into().unwrap_or(u64::MAX)
}

/// Compiles a guest ahead of time, for the baseline of the processors that this build runs on.
pub fn precompile(wasm: &[u8]) -> Result<Vec<u8>, Error> {
    let engine = engine(Some(env!("WEIR_TARGET")), StoppedBy::Polls)?;
    let compiled = polls::insert(wasm).and_then(|wasm| engine.precompile_module(&wasm));
    compiled.map_err(|e| Error::failed(format!("can't compile the guest: {e:#}")).with_source(e))
}

/// Whether this machine can run what [`precompile`] once made.
pub fn is_loadable(compiled: &[u8]) -> bool {
    engine(None, StoppedBy::Polls).is_ok_and(|engine| load_compiled(&engine, compiled).is_some())
}

/// How every guest is compiled and run, for the processor at hand.
pub fn settings(stopped_by: StoppedBy) -> EngineConfig {
    let mut config = EngineConfig::new();
    config
        // Polls rest on native code, and on memories that are nobody else's before and after.
        .strategy(Strategy::Cranelift)
        .allocation_strategy(InstanceAllocationStrategy::OnDemand)
        .epoch_interruption(stopped_by == StoppedBy::Epochs)
        .cranelift_opt_level(OptLevel::Speed)
        .max_wasm_stack(limits::GUEST_STACK)
        .memory_reservation(limits::GUEST_ADDRESSES)
        .memory_may_move(false)
        // A poll that is stopped is a signal, as are accesses outside the memory.
        .signals_based_traps(true)
        // A trap's name is all that is reported.
        .wasm_backtrace_max_frames(None)
        .generate_address_map(false)
        // A poll is an atomic instruction; a guest has none of its own (see `polls`).
        .wasm_threads(stopped_by == StoppedBy::Polls)
        .wasm_simd(true)
        .wasm_relaxed_simd(false)
        // One is the guest's, and one is for its polls.
        .wasm_multi_memory(true)
        .wasm_memory64(false)
        .wasm_gc(false)
        .wasm_tail_call(false);
    config
}

/// An engine for the processor at hand, or one that only compiles, for the baseline of a target.
fn engine(target: Option<&str>, by: StoppedBy) -> Result<Engine, Error> {
    let failed =
        |e: wasmtime::Error| Error::failed(format!("can't set up the sandbox: {e:#}")).with_source(e);
    let mut config = settings(by);
    if let Some(target) = target {
        config.target(target).map_err(failed)?;
        if target.starts_with("x86_64") {
            // What x86-64-v2 has, which is every server of the last fifteen years.
            for flag in ["has_sse3", "has_ssse3", "has_sse41", "has_sse42", "has_popcnt"] {
                // SAFETY: these only name instructions that the code may use; whoever loads
                // the code compares them with the processor and refuses it where they lack.
                #[allow(unsafe_code)]
                unsafe {
                    config.cranelift_flag_enable(flag)
                };
            }
        }
    }
    Engine::new(&config).map_err(failed)
}

fn compile(engine: &Engine, wasm: &[u8], name: &str, by: StoppedBy) -> Result<Stoppable, Error> {
    if !wasm.starts_with(b"\0asm") {
        return Err(Error::failed(format!("{name}: this is no WebAssembly module; give a .wasm file")));
    }
    Stoppable::new(engine, wasm, by)
        .map_err(|e| Error::failed(format!("{name}: can't compile the guest: {e:#}")).with_source(e))
}

/// The module in compiled bytes, unless there are none, or they are another version's or
/// need another processor.
fn load_compiled(engine: &Engine, compiled: &[u8]) -> Option<Stoppable> {
    if compiled.is_empty() {
        return None;
    }
    // SAFETY: the bytes are what `precompile` made in this project's own build; whoever can
    // change those can change this program as well.
    #[allow(unsafe_code)]
    unsafe { Module::deserialize(engine, compiled) }
        .ok()
        .map(|module| Stoppable::trusted(module, StoppedBy::Polls))
}

fn check_imports(module: &Module, name: &str) -> Result<(), Error> {
    if let Some(import) = module.imports().next() {
        return Err(Error::failed(format!(
            "{name}: the guest imports `{}` from `{}`, but a guest gets nothing from its host; \
             build it without imports",
            import.name(),
            import.module()
        )));
    }
    Ok(())
}

fn check_exports(module: &Module, name: &str) -> Result<(), Error> {
    let lacks = |what: Cow<'_, str>| {
        Err(Error::failed(format!(
            "{name}: the guest does not export {what}; version {ABI_VERSION} of the ABI asks for it"
        )))
    };
    match module.get_export("memory") {
        Some(ExternType::Memory(m)) if !m.is_64() && !m.is_shared() => {}
        _ => return lacks("a 32-bit memory named `memory`".into()),
    }
    for (function, parameters) in FUNCTIONS {
        let fits = match module.get_export(function) {
            Some(ExternType::Func(f)) => {
                f.params().len() == parameters
                    && f.results().len() == 1
                    && f.params().chain(f.results()).all(|t| matches!(t, ValType::I32))
            }
            _ => false,
        };
        if !fits {
            let parameters = vec!["i32"; parameters].join(", ");
            return lacks(format!("`{function}: ({parameters}) -> i32`").into());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compiled_guests_load_and_others_are_compiled_anew() {
        assert!(is_loadable(&precompile(BUILT_IN).unwrap()));
        let engine = engine(None, StoppedBy::Polls).unwrap();
        assert!(load_compiled(&engine, b"").is_none());
        assert!(load_compiled(&engine, BUILT_IN).is_none());
    }
}
