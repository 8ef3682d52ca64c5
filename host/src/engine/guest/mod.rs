//! The sandbox. A guest gets batches and nothing else; it is stopped where it oversteps a
//! bound, replaced, and its batch retried in halves until the record to blame is alone.

mod clock;
mod deadline;
mod fault;
mod instance;
mod polls;
mod program;
mod reply;

use std::{ops::Range, sync::Arc};

use weir_normalizer::{
    Output,
    batch::{Batch, Reject, put_reject},
};

pub use self::{
    clock::Clock,
    deadline::{Stopped, Watched},
    polls::Polled,
    program::{ABI_VERSION, Program, is_loadable, precompile, settings},
};
use self::{fault::Fault, instance::Instance};
use super::{Engine, Reply};
use crate::{error::Error, limits};

/// A worker's instance of a guest.
pub(super) struct Guest {
    program: Arc<Program>,
    /// None after it failed, until the next batch needs it.
    instance: Option<Instance>,
    /// Whether it has had a batch before.
    used: bool,
    head: Vec<u8>,
    /// Records that it failed on, one after another.
    failures: u32,
}

/// Why a run over some elements ended before their end.
enum Stop {
    /// The guest failed. All elements before `reached` were delivered. `stale` tells that
    /// the instance had had other batches before.
    Fault { fault: Fault, reached: usize, stale: bool },
    /// Nothing to retry.
    Error(Error),
}

impl Guest {
    pub(super) fn new(program: Arc<Program>) -> Result<Self, Error> {
        let instance = Some(program.start()?);
        Ok(Self { program, instance, used: false, head: Vec::new(), failures: 0 })
    }

    /// Runs the guest over some elements within `deadline` ticks.
    fn attempt(
        &mut self,
        batch: &Batch,
        elements: &Range<usize>,
        deadline: u64,
        deliver: &mut dyn FnMut(Reply<'_>) -> Result<(), Error>,
    ) -> Result<(), Stop> {
        let program = &*self.program;
        let stale = self.instance.is_some() && self.used;
        self.used = true;
        let instance = match &mut self.instance {
            Some(instance) => instance,
            none => none.insert(program.start().map_err(Stop::Error)?),
        };
        batch.encode_head(elements.clone(), &mut self.head);
        let bytes = batch.window(elements.clone());
        let len = (self.head.len() + bytes.len()) as u32;

        let mut spent = 0;
        let mut reached = elements.start;
        let begun = program.clock.now();
        // One more tick than is left, because the one that is under way may end at once.
        let given = instance.give(&self.head, bytes, begun + deadline + 1);
        spent += program.clock.now() - begun;
        let mut result = given;
        while result.is_ok() && reached < elements.end {
            let begun = program.clock.now();
            let end = begun + deadline.saturating_sub(spent) + 1;
            let run = instance.run(len, batch, elements, reached - elements.start, end);
            // The time that the writer takes is not the guest's.
            spent += program.clock.now() - begun;
            match run {
                Ok(reply) => {
                    reached = reply.elements.end;
                    self.failures = 0;
                    deliver(reply).map_err(Stop::Error)?;
                }
                Err(fault) => result = Err(fault),
            }
        }
        match result {
            Ok(()) => {
                program.patience.earn(spent);
                Ok(())
            }
            Err(fault) => {
                self.instance = None;
                if !program.patience.lose(spent) {
                    return Err(Stop::Error(self.given_up(&fault, "too much time was lost with it")));
                }
                Err(Stop::Fault { fault, reached, stale })
            }
        }
    }

    fn given_up(&self, fault: &Fault, why: &str) -> Error {
        Error::failed(format!(
            "{}: the guest is given up, because {why}; the last time, {fault}. \
             What was written so far is good; use another guest, or mend this one",
            self.program.name
        ))
    }
}

impl Engine for Guest {
    fn process(
        &mut self,
        batch: &Batch,
        deliver: &mut dyn FnMut(Reply<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let len = batch.elements.len();
        let all = self.program.deadline();
        let mut todo: Vec<_> = std::iter::once(0..len).collect();
        while let Some(elements) = todo.pop() {
            if elements.is_empty() {
                continue;
            }
            // A record alone has no later chance, so it gets all the time there is.
            let deadline = match elements.len() {
                n if n == len || n == 1 => all,
                n => (all * n as u64 / len as u64).max(all / limits::DEADLINE_SHARES).max(1),
            };
            match self.attempt(batch, &elements, deadline, deliver) {
                Ok(()) => {}
                Err(Stop::Error(error)) => return Err(error),
                Err(Stop::Fault { reached, .. }) if elements.len() > 1 => {
                    let middle = reached + (elements.end - reached).div_ceil(2);
                    todo.push(middle..elements.end);
                    todo.push(reached..middle);
                }
                // What an instance did before may be to blame; a fresh one gets another try.
                Err(Stop::Fault { stale: true, .. }) => todo.push(elements),
                Err(Stop::Fault { fault, .. }) => {
                    deliver_rejected(elements, &fault, deliver)?;
                    self.failures += 1;
                    if self.failures >= self.program.limits.failures_in_a_row {
                        let why = format!("it failed on {} records one after another", self.failures);
                        return Err(self.given_up(&fault, &why));
                    }
                }
            }
        }
        Ok(())
    }
}

/// Delivers, in the guest's stead, that it fails on an element.
fn deliver_rejected(
    elements: Range<usize>,
    fault: &Fault,
    deliver: &mut dyn FnMut(Reply<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut rejects = Vec::new();
    let reason = fault.to_string();
    let reject = Reject { element: 0, format: "", field: "", code: fault.code(), reason: &reason };
    put_reject(&mut rejects, &reject);
    deliver(Reply {
        base: elements.start,
        elements,
        normalized: 0,
        filtered: 0,
        filtered_bytes: 0,
        output: &mut Output::default(),
        more: &[],
        rejects: &rejects,
        tallies: &[],
    })
}
