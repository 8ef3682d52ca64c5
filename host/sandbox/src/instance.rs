//! One instance of a guest, with its memory.

use std::ops::Range;

use wasmtime::{Memory, ResourceLimiter, Store, Trap, TypedFunc};
use weir_normalizer::{Output, batch::Batch};
use weir_pipeline::Reply;

use crate::{
    deadline::{Stopped, Watched},
    fault::Fault,
    limits,
    program::Program,
    reply,
};

/// A guest that is configured and ready for batches.
pub(crate) struct Instance {
    guest: Watched<Limiter>,
    memory: Memory,
    input: TypedFunc<u32, u32>,
    run: TypedFunc<(u32, u32), u32>,
    /// Takes a reply's records out of the guest's memory.
    output: Output,
}

impl Instance {
    /// The version of the ABI that a guest says it speaks, if it does.
    pub(crate) fn version(program: &Program, deadline: u64) -> Result<Option<i32>, Fault> {
        let (mut guest, instance) = instantiate(program, deadline)?;
        let Ok(version) = guest.function_of::<(), i32>(instance, "weir_abi_version") else {
            return Ok(None);
        };
        let answer = guest.call(deadline, &version, ());
        answer.map(Some).map_err(|stopped| fault(&guest, stopped))
    }

    /// A fresh instance, which is ready before the clock shows `deadline`.
    pub(crate) fn new(program: &Program, deadline: u64) -> Result<Self, Fault> {
        let (mut guest, instance) = instantiate(program, deadline)?;
        let Some(memory) = guest.memory_of(instance, "memory") else {
            return Err(Fault::reply("it has no memory"));
        };
        let lacks = |e: wasmtime::Error| Fault::Trap(e.to_string());
        let input = guest.function_of(instance, "weir_input").map_err(lacks)?;
        let configure = guest.function_of::<u32, u32>(instance, "weir_configure").map_err(lacks)?;
        let run = guest.function_of(instance, "weir_run").map_err(lacks)?;

        let mut made = Self { guest, memory, input, run, output: Output::default() };
        made.write(&[&program.config], deadline)?;
        let len = program.config.len() as u32;
        let answer = made.guest.call(deadline, &configure, len);
        match answer.map_err(|stopped| fault(&made.guest, stopped))? {
            0 => Ok(made),
            address => Err(made.refusal(address)),
        }
    }

    /// The guest's own words on why it does not take its configuration.
    fn refusal(&self, address: u32) -> Fault {
        let memory = self.guest.content(self.memory);
        let message = reply::words(memory, address).and_then(|[at, len]| reply::slice(memory, at, len));
        match message {
            Some(message) => {
                let kept = &message[..message.len().min(limits::GUEST_SENTENCE)];
                Fault::Configuration(String::from_utf8_lossy(kept).into_owned())
            }
            None => Fault::reply("its message lies outside the memory"),
        }
    }

    /// Gives the guest a batch; it may take it until `deadline`.
    pub(crate) fn give(&mut self, head: &[u8], bytes: &[u8], deadline: u64) -> Result<(), Fault> {
        self.guest.data_mut().refused = false;
        self.write(&[head, bytes], deadline)
    }

    /// Runs over the batch that was given last, the elements `given` of `batch`, from the
    /// element `first` of them on, until `deadline` at most.
    pub(crate) fn run(
        &mut self,
        len: u32,
        batch: &Batch,
        given: &Range<usize>,
        first: usize,
        deadline: u64,
    ) -> Result<Reply<'_>, Fault> {
        let answer = self.guest.call(deadline, &self.run, (len, first as u32));
        let address = answer.map_err(|stopped| fault(&self.guest, stopped))?;
        reply::read(self.guest.content(self.memory), address, batch, given, first, &mut self.output)
    }

    /// Writes to the guest's input, one piece after another; it may make room for them until
    /// `deadline`.
    fn write(&mut self, pieces: &[&[u8]], deadline: u64) -> Result<(), Fault> {
        let len: usize = pieces.iter().map(|p| p.len()).sum();
        let len = u32::try_from(len).map_err(|_| self.guest.data().fault())?;
        let answer = self.guest.call(deadline, &self.input, len);
        let address = answer.map_err(|stopped| fault(&self.guest, stopped))?;
        if address == 0 {
            return Err(self.guest.data().fault());
        }
        let start = address as usize;
        let memory = self.guest.content_mut(self.memory);
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

fn instantiate(program: &Program, deadline: u64) -> Result<(Watched<Limiter>, wasmtime::Instance), Fault> {
    let limiter = Limiter { memory: program.limits.memory, refused: false };
    let mut store = Store::new(&program.engine, limiter);
    store.limiter(|limiter| limiter);
    let mut guest = Watched::new(store, &program.clock, program.limits.stopped_by);
    let instance = guest.instantiate(&program.module, deadline).map_err(|stopped| fault(&guest, stopped))?;
    Ok((guest, instance))
}

/// What it says about the guest that it stopped.
fn fault(guest: &Watched<Limiter>, stopped: Stopped) -> Fault {
    let error = match stopped {
        Stopped::Deadline => return Fault::Timeout,
        Stopped::Error(error) => error,
    };
    match error.downcast_ref::<Trap>() {
        _ if guest.data().refused => guest.data().fault(),
        Some(trap) => Fault::Trap(trap.to_string().trim_start_matches("wasm trap: ").to_owned()),
        // What the system refuses has a cause beyond the sandbox.
        None if error.chain().nth(1).is_some() => Fault::Setup(format!("{error:#}")),
        None => Fault::Trap(error.to_string()),
    }
}

/// Keeps a guest within its memory.
pub(crate) struct Limiter {
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

    /// The guest's own, and that of its polls.
    fn memories(&self) -> usize {
        2
    }

    fn tables(&self) -> usize {
        4
    }
}
