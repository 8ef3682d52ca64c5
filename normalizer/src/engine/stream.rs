//! One input in pieces: framing and normalizing in one, for whoever reads streams itself.

use std::sync::Arc;

use crate::{
    base::error::Error,
    engine::normalizer::Normalizer,
    framing::framer::Framer,
    rules::config::Config,
    wire::batch::{Batch, BatchView, Outcome},
};

/// Normalizes one input that comes in pieces.
///
/// ```
/// use weir_normalizer::{Config, Stream};
///
/// let line = b"1 5f67944957444bd6bb4fe3b367de8f3d 1d515d18-1b36-47dc-a983-bd6512aed4bd \
///     192.168.0.154 192.168.3.25 38929 53 17 1 96 1548752136 1548752736 ACCEPT OK\n";
/// let mut stream = Stream::new(&Config::default())?;
/// let mut output = Vec::new();
/// let (head, tail) = line.split_at(50);
/// stream.push(head, |_, made| output.extend_from_slice(&made.output));
/// stream.push(tail, |_, made| output.extend_from_slice(&made.output));
/// stream.finish(|_, made| output.extend_from_slice(&made.output));
/// assert!(output.starts_with(br#"{"provider":"huawei","product":"vpc","kind":"flow","#));
/// # Ok::<(), weir_normalizer::Error>(())
/// ```
#[derive(Debug)]
pub struct Stream {
    framer: Framer,
    normalizer: Normalizer,
    head: Vec<u8>,
    outcome: Outcome,
}

impl Stream {
    /// A stream with this configuration.
    pub fn new(config: &Config) -> Result<Self, Error> {
        Ok(Self {
            framer: Framer::new(config)?,
            normalizer: Normalizer::new(config)?,
            head: Vec::new(),
            outcome: Outcome::default(),
        })
    }

    /// Says what the input is called, as [`Framer::set_source`] does.
    pub fn set_source(&mut self, name: &Arc<str>) {
        self.framer.set_source(name);
    }

    /// Takes the next bytes; `made` gets each part of what comes out, with its batch.
    pub fn push(&mut self, bytes: &[u8], made: impl FnMut(&Batch, &Outcome)) {
        self.framer.push(bytes);
        self.drain(made);
    }

    /// Takes what is complete, for an input that pauses. What comes out stays the same.
    pub fn flush(&mut self, made: impl FnMut(&Batch, &Outcome)) {
        self.framer.flush();
        self.drain(made);
    }

    /// Ends the input; `made` gets what is left.
    pub fn finish(&mut self, made: impl FnMut(&Batch, &Outcome)) {
        self.framer.finish();
        self.drain(made);
    }

    fn drain(&mut self, mut made: impl FnMut(&Batch, &Outcome)) {
        while let Some(batch) = self.framer.next_batch() {
            let all = 0..batch.elements.len();
            batch.encode_head(all.clone(), &mut self.head);
            // The head was written just now, so it can be read.
            if let Ok(view) = BatchView::split(&self.head, batch.window(all)) {
                let mut first = 0;
                loop {
                    self.normalizer.run(&view, first, &mut self.outcome);
                    first = self.outcome.next as usize;
                    made(&batch, &self.outcome);
                    if first >= view.len() {
                        break;
                    }
                }
            }
            self.framer.recycle(batch);
        }
    }
}
