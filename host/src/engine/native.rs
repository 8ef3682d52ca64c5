//! The normalizer without a sandbox, fed through the same bytes as a guest.

use weir_normalizer::{
    Config, Normalizer, Output,
    batch::{Batch, BatchView, Outcome},
};

use super::{Engine, Reply};
use crate::{error::Error, limits};

pub(super) struct Native {
    normalizer: Normalizer,
    head: Vec<u8>,
    outcome: Outcome,
}

impl Native {
    pub(super) fn new(config: &Config) -> Result<Self, Error> {
        let normalizer = Normalizer::new(config).map_err(|e| Error::usage(e.to_string()))?;
        Ok(Self { normalizer, head: Vec::new(), outcome: Outcome::default() })
    }
}

impl Engine for Native {
    fn process(
        &mut self,
        batch: &Batch,
        deliver: &mut dyn FnMut(Reply<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let all = 0..batch.elements.len();
        batch.encode_head(all.clone(), &mut self.head);
        let view = BatchView::split(&self.head, batch.window(all.clone()))
            .expect("a head that was just encoded is well-formed");
        let mut first = 0;
        while first < all.end {
            self.normalizer.run(&view, first, &mut self.outcome);
            let out = &mut self.outcome;
            let next = out.next as usize;
            let mut none = Output::default();
            let (output, more) = match out.output.len() {
                0..=limits::OUTPUT_PART => (&mut out.output, &[][..]),
                _ => (&mut none, &out.output[..]),
            };
            deliver(Reply {
                elements: first..next,
                base: 0,
                normalized: out.normalized,
                filtered: out.filtered,
                filtered_bytes: out.filtered_bytes,
                output,
                more,
                rejects: &out.rejects,
                tallies: &out.tallies,
            })?;
            first = next;
        }
        Ok(())
    }
}
