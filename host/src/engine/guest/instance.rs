//! One instance of a guest, with its memory.

use std::ops::Range;

use wasmtime::{Memory, ResourceLimiter, Store, Trap, TypedFunc};
use weir_normalizer::{Output, batch::Batch};

use super::{fault::Fault, program::Program, reply};
use crate::{engine::Reply, limits};

/// A guest that is configured and ready for batches.
pub(super) struct Instance {
    store: Store<Limiter>,
    memory: Memory,
    input: TypedFunc<u32, u32>,
    run: TypedFunc<(u32, u32), u32>,
    /// Takes a reply's records out of the guest's memory.
    output: Output,
}

impl Instance {
    /// The version of the ABI that a guest says it speaks, if it does.
    pub(super) fn version(program: &Program, deadline: u64) -> Result<Option<i32>, Fault> {
        let (mut store, instance) = instantiate(program, deadline)?;
        let Ok(version) = instance.get_typed_func::<(), i32>(&mut store, "weir_abi_version") else {
            return Ok(None);
        };
        version.call(&mut store, ()).map(Some).map_err(|e| fault(&store, &e))
    }

    /// A fresh instance, which may spend `deadline` ticks on its start.
    pub(super) fn new(program: &Program, deadline: u64) -> Result<Self, Fault> {
        let (mut store, instance) = instantiate(program, deadline)?;
        let Some(memory) = instance.get_memory(&mut store, "memory") else {
            return Err(Fault::reply("it has no memory"));
        };
        let mut function = |name| instance.get_typed_func(&mut store, name);
        let functions = (|| Ok((function("weir_input")?, function("weir_configure")?)))();
        let (input, configure) = functions.map_err(|e| fault(&store, &e))?;
        let run = instance.get_typed_func(&mut store, "weir_run").map_err(|e| fault(&store, &e))?;

        let mut made = Self { store, memory, input, run, output: Output::default() };
        made.write(&[&program.config])?;
        let answer = configure.call(&mut made.store, program.config.len() as u32);
        match answer.map_err(|e| fault(&made.store, &e))? {
            0 => Ok(made),
            address => Err(made.refusal(address)),
        }
    }

    /// The guest's own words on why it does not take its configuration.
    fn refusal(&self, address: u32) -> Fault {
        let memory = self.memory.data(&self.store);
        let message = reply::words(memory, address).and_then(|[at, len]| reply::slice(memory, at, len));
        match message {
            Some(message) => {
                let kept = &message[..message.len().min(limits::GUEST_SENTENCE)];
                Fault::Configuration(String::from_utf8_lossy(kept).into_owned())
            }
            None => Fault::reply("its message lies outside the memory"),
        }
    }

    /// Gives the guest a batch; it may spend `deadline` ticks on taking it.
    pub(super) fn give(&mut self, head: &[u8], bytes: &[u8], deadline: u64) -> Result<(), Fault> {
        self.store.set_epoch_deadline(deadline);
        self.store.data_mut().refused = false;
        self.write(&[head, bytes])
    }

    /// Runs over the batch that was given last, the elements `given` of `batch`, from the
    /// element `first` of them on, for at most `deadline` ticks.
    pub(super) fn run(
        &mut self,
        len: u32,
        batch: &Batch,
        given: &Range<usize>,
        first: usize,
        deadline: u64,
    ) -> Result<Reply<'_>, Fault> {
        self.store.set_epoch_deadline(deadline);
        let answer = self.run.call(&mut self.store, (len, first as u32));
        let address = answer.map_err(|e| fault(&self.store, &e))?;
        reply::read(self.memory.data(&self.store), address, batch, given, first, &mut self.output)
    }

    /// Writes to the guest's input, one piece after another.
    fn write(&mut self, pieces: &[&[u8]]) -> Result<(), Fault> {
        let len: usize = pieces.iter().map(|p| p.len()).sum();
        let len = u32::try_from(len).map_err(|_| self.store.data().fault())?;
        let answer = self.input.call(&mut self.store, len);
        let address = answer.map_err(|e| fault(&self.store, &e))?;
        if address == 0 {
            return Err(self.store.data().fault());
        }
        let start = address as usize;
        let memory = self.memory.data_mut(&mut self.store);
        let Some(mut room) = memory.get_mut(start..start + len as usize) else {
            return Err(Fault::reply(format!(
                "its input, {len} bytes at {address}, lies outside the memory"
            )));
        };
        for piece in pieces {
            let (here, rest) = room.split_at_mut(piece.len());
            here.copy_from_slice(piece);
            room = rest;
        }
        Ok(())
    }
}

fn instantiate(program: &Program, deadline: u64) -> Result<(Store<Limiter>, wasmtime::Instance), Fault> {
    let limiter = Limiter { memory: program.limits.memory, refused: false };
    let mut store = Store::new(&program.engine, limiter);
    store.limiter(|limiter| limiter);
    store.set_epoch_deadline(deadline);
    let instance = program.pre.instantiate(&mut store).map_err(|e| fault(&store, &e))?;
    Ok((store, instance))
}

/// What a call's error says about the guest.
fn fault(store: &Store<Limiter>, error: &wasmtime::Error) -> Fault {
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => Fault::Timeout,
        _ if store.data().refused => store.data().fault(),
        Some(trap) => Fault::Trap(trap.to_string().trim_start_matches("wasm trap: ").to_owned()),
        None => Fault::Trap(error.to_string()),
    }
}

/// Keeps a guest within its memory.
pub(super) struct Limiter {
    memory: usize,
    /// Whether it asked for more since it was last given a batch.
    refused: bool,
}

impl Limiter {
    fn fault(&self) -> Fault {
        Fault::Memory { limit: self.memory }
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let granted = desired <= self.memory;
        self.refused |= !granted;
        Ok(granted)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= limits::TABLE_ELEMENTS)
    }

    fn instances(&self) -> usize {
        1
    }

    fn memories(&self) -> usize {
        1
    }

    fn tables(&self) -> usize {
        4
    }
}
