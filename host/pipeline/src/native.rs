//! The normalizer without a sandbox, fed through the same bytes as a guest.

use std::sync::Arc;

use weir_normalizer::{
    Config, Normalizer, Output,
    batch::{Batch, BatchView, Outcome},
};

use crate::{Engine, Error, Factory, Reply, limits};

/// Makes engines that are the normalizer itself, without a sandbox.
#[derive(Clone, Debug)]
pub struct Native(pub Config);

impl Factory for Native {
    fn engine(self: Arc<Self>) -> Result<Box<dyn Engine>, Error> {
        Ok(Box::new(NativeEngine::new(&self.0)?))
    }
}

struct NativeEngine {
    normalizer: Normalizer,
    head: Vec<u8>,
    outcome: Outcome,
}

impl NativeEngine {
    fn new(config: &Config) -> Result<Self, Error> {
        Ok(Self { normalizer: Normalizer::new(config)?, head: Vec::new(), outcome: Outcome::default() })
    }
}

impl Engine for NativeEngine {
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
