//! The host's engines, fed as its workers feed them.

use std::{io, sync::Arc};

use weir_benches::stages::{Counts, Framing};
use weir_normalizer::{Config, batch::Batch};
use weir_pipeline::{
    Engine, Factory, Native,
    packers::{self, Packer},
};
use weir_sandbox::{Program, SandboxLimits};

/// An engine, and the buffer for what goes to the writer.
pub(crate) struct Normalizing {
    engine: Box<dyn Engine>,
    output: Vec<u8>,
    packer: Box<dyn Packer>,
}

impl Normalizing {
    /// The crate itself.
    pub(crate) fn native(config: &Config) -> Self {
        Self::new(Arc::new(Native(config.clone())), config)
    }

    /// The guest inside the host.
    pub(crate) fn guest(config: &Config) -> Self {
        let program = Program::built_in(config, SandboxLimits::default()).unwrap_or_else(|e| panic!("{e}"));
        Self::new(Arc::new(program), config)
    }

    fn new(factory: Arc<dyn Factory>, config: &Config) -> Self {
        let engine = factory.engine().unwrap_or_else(|e| panic!("{e}"));
        Self { engine, output: Vec::new(), packer: packers::of(config.to) }
    }

    /// Normalizes what was framed before.
    pub(crate) fn batches(&mut self, batches: &[Batch]) -> Counts {
        let mut counts = Counts::default();
        batches.iter().for_each(|batch| self.add(batch, &mut counts));
        counts
    }

    /// Frames and normalizes, a batch after the other.
    pub(crate) fn input(&mut self, framing: &mut Framing, input: &[u8]) -> Counts {
        let mut counts = Counts::default();
        framing.each(input, |batch| self.add(batch, &mut counts));
        counts
    }

    fn add(&mut self, batch: &Batch, counts: &mut Counts) {
        let (output, packer) = (&mut self.output, &mut self.packer);
        let done = self.engine.process(batch, &mut |reply| {
            counts.normalized += reply.normalized as usize;
            counts.filtered += reply.filtered as usize;
            counts.rejected += weir_normalizer::batch::rejects(reply.rejects).count();
            counts.written += reply.output.len() + reply.more.len();
            output.clear();
            output.extend_from_slice(reply.output);
            output.extend_from_slice(reply.more);
            packer.push(output, &mut io::sink()).unwrap_or_else(|e| panic!("{e}"));
            Ok(())
        });
        done.unwrap_or_else(|e| panic!("{e}"));
    }
}
