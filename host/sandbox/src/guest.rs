//! The sandbox. A guest gets batches and nothing else; it is stopped where it oversteps a
//! bound, replaced, and its batch retried in halves until the record to blame is alone. Where it
//! fails again and again, a run goes on to its end all the same: with less time for the guest, and
//! for each batch a bound on what may be lost.

use std::{ops::Range, sync::Arc, time::Duration};

use weir_normalizer::{
    Output,
    batch::{Batch, Reject, put_reject},
};
use weir_pipeline::{Engine, Error, Reply};

use crate::{clock, fault::Fault, instance::Instance, limits, program::Program, thread_time};

/// A worker's instance of a guest.
pub(crate) struct Guest {
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
    /// The guest failed, after so much time. All elements before `reached` were delivered.
    /// `stale` tells that the instance had had other batches before.
    Fault { fault: Fault, reached: usize, stale: bool, lost: Duration },
    /// Nothing to retry.
    Error(Error),
}

impl Guest {
    pub(crate) fn new(program: Arc<Program>) -> Result<Self, Error> {
        let instance = Some(program.start()?);
        Ok(Self { program, instance, used: false, head: Vec::new(), failures: 0 })
    }

    /// Runs the guest over some elements within `deadline`.
    fn attempt(
        &mut self,
        batch: &Batch,
        elements: &Range<usize>,
        deadline: Duration,
        deliver: &mut dyn FnMut(Reply<'_>) -> Result<(), Error>,
    ) -> Result<(), Stop> {
        let program = &*self.program;
        let stale = self.instance.is_some() && self.used;
        self.used = true;
        let begun = thread_time::own();
        let instance = match &mut self.instance {
            Some(instance) => instance,
            none => none.insert(program.start().map_err(|e| Stop::Error(e.into()))?),
        };
        let started = thread_time::own() - begun;
        batch.encode_head(elements.clone(), &mut self.head);
        let bytes = batch.window(elements.clone());
        let len = (self.head.len() + bytes.len()) as u32;

        let mut spent = Duration::ZERO;
        let mut reached = elements.start;
        // One more tick than is left, because the one that is under way may end at once.
        let end = |spent| program.clock.now() + clock::ticks(deadline.saturating_sub(spent)) + 1;
        let begun = thread_time::own();
        let given = instance.give(&self.head, bytes, end(spent));
        spent += thread_time::own() - begun;
        let mut result = given;
        while result.is_ok() && reached < elements.end {
            let begun = thread_time::own();
            let run = instance.run(len, batch, elements, reached - elements.start, end(spent));
            // The time that the writer takes is not the guest's.
            spent += thread_time::own() - begun;
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
                let lost = started + spent;
                program.patience.lose(lost, &fault);
                Err(Stop::Fault { fault, reached, stale, lost })
            }
        }
    }

    /// The time that the guest gets for a batch: less where patience with it is lost, so that a run
    /// comes to its end.
    fn deadline(&self, last: Option<&Fault>) -> Duration {
        let limits = &self.program.limits;
        let why = if self.failures >= limits.failures_in_a_row {
            &format!("it failed on {} records one after another", self.failures)
        } else if self.program.patience.is_lost() {
            "too much time was lost with it"
        } else {
            return limits.deadline;
        };
        if let Some(fault) = last {
            self.program.patience.note(why, fault, 0);
        }
        limits.deadline / limits::IMPATIENCE
    }
}

impl Engine for Guest {
    fn process(
        &mut self,
        batch: &Batch,
        deliver: &mut dyn FnMut(Reply<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let len = batch.elements.len();
        let least = self.program.limits.deadline / limits::DEADLINE_SHARES;
        let mut all = self.deadline(None);
        let mut lost_here = Duration::ZERO;
        let mut todo: Vec<_> = std::iter::once(0..len).collect();
        while let Some(elements) = todo.pop() {
            if elements.is_empty() {
                continue;
            }
            let is_enough = lost_here > all.saturating_mul(self.program.limits.lost_per_batch);
            // A record alone has no later chance, so it gets all the time there is.
            let deadline = match elements.len() {
                _ if is_enough => least,
                n if n == len || n == 1 => all,
                n => all.mul_f64(n as f64 / len as f64).max(least).min(all),
            };
            let (fault, reached, stale) = match self.attempt(batch, &elements, deadline, deliver) {
                Ok(()) => continue,
                Err(Stop::Error(error)) => return Err(error),
                Err(Stop::Fault { fault, reached, stale, lost }) => {
                    lost_here += lost;
                    (fault, reached, stale)
                }
            };
            let left = reached..elements.end;
            if left.len() > 1 && is_enough {
                self.program.patience.note("too much time was lost with it", &fault, left.len() as u64);
                let reason = format!(
                    "the record was not tried, because the guest failed too often on those around it; \
                     the last time, {fault}"
                );
                deliver_rejected(left, UNTRIED, &reason, deliver)?;
            } else if left.len() > 1 || elements.len() > 1 {
                let middle = reached + left.len().div_ceil(2);
                todo.push(middle..elements.end);
                todo.push(reached..middle);
            } else if stale {
                // What an instance did before may be to blame; a fresh one gets another try.
                todo.push(elements);
            } else {
                deliver_rejected(left, fault.code(), &fault.to_string(), deliver)?;
                self.failures += 1;
            }
            all = self.deadline(Some(&fault));
        }
        Ok(())
    }
}

/// The code of records that the guest was not given again.
const UNTRIED: &str = "guest-untried";

/// Elements whose rejects are delivered at a time.
const REJECTED_AT_ONCE: usize = 1024;

/// Delivers, in the guest's stead, that elements are rejected.
fn deliver_rejected(
    elements: Range<usize>,
    code: &str,
    reason: &str,
    deliver: &mut dyn FnMut(Reply<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut rejects = Vec::new();
    for base in elements.clone().step_by(REJECTED_AT_ONCE) {
        let elements = base..elements.end.min(base + REJECTED_AT_ONCE);
        rejects.clear();
        for element in 0..elements.len() as u32 {
            put_reject(&mut rejects, &Reject { element, format: "", field: "", code, reason });
        }
        deliver(Reply {
            base,
            elements,
            normalized: 0,
            filtered: 0,
            filtered_bytes: 0,
            output: &mut Output::default(),
            more: &[],
            rejects: &rejects,
            tallies: &[],
        })?;
    }
    Ok(())
}
