//! One input in pieces: framing and normalizing in one, for whoever reads streams itself.

use std::{iter::FusedIterator, sync::Arc};

use crate::{
    base::error::Error,
    engine::{
        normalizer::Normalizer,
        records::{Intake, Rejected},
    },
    framing::framer::Framer,
    record::owned::OwnedRecord,
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
///
/// [`push_records`](Self::push_records) and its like give the same records as values:
///
/// ```
/// use weir_normalizer::{Config, Stream};
///
/// let mut stream = Stream::new(&Config::default())?;
/// let line = b"2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 20641 22 6 20 4249 \
///     1418530010 1418530070 ACCEPT OK\nno record\n";
/// let (head, tail) = line.split_at(50);
/// assert_eq!(stream.push_records(head).count(), 0);
/// assert_eq!(stream.push_records(tail).count(), 0);
/// // The input pauses.
/// for result in stream.flush_records() {
///     match result {
///         Ok(record) => assert_eq!(record.bytes(), Some(4249)),
///         Err(rejected) => assert_eq!((rejected.place().line, rejected.raw()), (2, &b"no record"[..])),
///     }
/// }
/// assert_eq!(stream.finish_records().count(), 0);
/// # Ok::<(), weir_normalizer::Error>(())
/// ```
#[derive(Debug)]
pub struct Stream {
    normalizer: Normalizer,
    intake: Intake,
    head: Vec<u8>,
    outcome: Outcome,
}

impl Stream {
    /// A stream with this configuration.
    pub fn new(config: &Config) -> Result<Self, Error> {
        Ok(Self {
            normalizer: Normalizer::new(config)?,
            intake: Intake::new(Framer::new(config)?),
            head: Vec::new(),
            outcome: Outcome::default(),
        })
    }

    /// Says what the input is called, as [`Framer::set_source`] does.
    pub fn set_source(&mut self, name: &Arc<str>) {
        self.intake.framer.set_source(name);
    }

    /// Takes the next bytes; `made` gets each part of what comes out, with its batch.
    pub fn push(&mut self, bytes: &[u8], made: impl FnMut(&Batch, &Outcome)) {
        self.intake.framer.push(bytes);
        self.drain(made);
    }

    /// Takes what is complete, for an input that pauses. What comes out stays the same.
    pub fn flush(&mut self, made: impl FnMut(&Batch, &Outcome)) {
        self.intake.framer.flush();
        self.drain(made);
    }

    /// Ends the input; `made` gets what is left.
    pub fn finish(&mut self, made: impl FnMut(&Batch, &Outcome)) {
        self.intake.framer.finish();
        self.drain(made);
    }

    /// Takes the next bytes, and gives what came before them as records and rejects: a batch at a time, so
    /// that the latest are there when a batch is full, or with [`flush_records`](Self::flush_records). What is
    /// not asked for comes first the next time; [`push`](Self::push) and its like don't have it.
    pub fn push_records(&mut self, bytes: &[u8]) -> StreamRecords<'_> {
        self.intake.framer.push(bytes);
        StreamRecords(self)
    }

    /// Gives all records that are complete, for an input that pauses.
    pub fn flush_records(&mut self) -> StreamRecords<'_> {
        self.intake.framer.flush();
        StreamRecords(self)
    }

    /// Ends the input, and gives the records that are left.
    pub fn finish_records(&mut self) -> StreamRecords<'_> {
        self.intake.framer.finish();
        StreamRecords(self)
    }

    fn drain(&mut self, mut made: impl FnMut(&Batch, &Outcome)) {
        while let Some(batch) = self.intake.framer.next_batch() {
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
            self.intake.framer.recycle(batch);
        }
    }
}

/// The records of a piece of an input, and what is rejected of it; see [`Stream::push_records`].
#[derive(Debug)]
pub struct StreamRecords<'s>(&'s mut Stream);

impl StreamRecords<'_> {
    /// How many records the filter has dropped so far, of all pieces that were read as values.
    pub fn filtered(&self) -> u64 {
        self.0.intake.filtered
    }
}

impl Iterator for StreamRecords<'_> {
    type Item = Result<OwnedRecord, Rejected>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.intake.next(&mut self.0.normalizer)
    }
}

impl FusedIterator for StreamRecords<'_> {}
