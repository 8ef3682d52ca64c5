//! Records for programs: the same as go out as JSON, as values.

use std::{collections::VecDeque, error, fmt, iter::FusedIterator, mem, sync::Arc};

use crate::{
    base::{limits, place::Place},
    catalog::products,
    engine::{normalizer::Normalizer, peeling::new_framer},
    framing::framer::Framer,
    json::output::Output,
    reading::collector::{Collector, Taken},
    record::{
        fault::RejectCode,
        fields::{Field, Record, Value},
        owned::OwnedRecord,
    },
    rules::{
        compiled::{Rules, SchemaChoices},
        config::Config,
        schema::Schema,
    },
    schemas,
    value::raw::Raw,
    wire::batch::{self, Batch, BatchView, Outcome},
};

impl Normalizer {
    /// The records of a whole input and what is rejected of it, in the order of the input.
    ///
    /// These are the records that a [`Stream`](crate::Stream) of the same configuration writes: the
    /// filter has let them through, and what is to be dropped or masked is. The input is read as
    /// the iterator goes on, a part at a time.
    ///
    /// ```
    /// use weir_normalizer::{Config, Normalizer};
    ///
    /// let input = br#"{"version":"1","vpc-id":"vpc-1","srcaddr":"10.0.0.1","bytes":"840","action":"ACCEPT"}
    /// {"version":"1","vpc-id":"vpc-1","srcaddr":"10.0.0.1","bytes":"-5","action":"ACCEPT"}
    /// "#;
    /// let config = Config { from: Some("alibaba-vpc".into()), ..Config::default() };
    /// let mut normalizer = Normalizer::new(&config)?;
    /// let mut records = normalizer.records(input);
    ///
    /// let record = records.next().unwrap().unwrap();
    /// assert_eq!(record.bytes(), Some(840));
    ///
    /// let rejected = records.next().unwrap().unwrap_err();
    /// assert_eq!((rejected.code().as_str(), rejected.place().line), ("number", 2));
    /// assert!(records.next().is_none());
    /// # Ok::<(), weir_normalizer::Error>(())
    /// ```
    pub fn records<'n>(&'n mut self, input: &'n [u8]) -> Records<'n> {
        // What is framed inside of a record has no offset of its own, so that is not in there.
        let framer = new_framer(&Config {
            source_name: self.core.finisher.rules.source_name,
            ..self.core.config.clone()
        });
        // There is one: the configuration was checked.
        let intake = framer.map(|framer| Intake::new(*framer));
        Records { normalizer: self, intake, rest: input, finished: false }
    }

    /// Runs over elements as [`Normalizer::run`] does, and hands over the records. What else comes
    /// of them is in the outcome.
    fn collect(&mut self, batch: &BatchView<'_>, first: usize, out: &mut Outcome) -> Vec<Taken> {
        // The fast paths only write.
        let direct = mem::replace(&mut self.core.finisher.rules.direct, false);
        self.core.finisher.memory.collector = Some(Box::<Collected>::default());
        self.run(batch, first, out);
        self.core.finisher.rules.direct = direct;
        let mut taken = self.core.finisher.memory.collector.take().map(|mut c| c.taken()).unwrap_or_default();
        taken.truncate(out.normalized as usize);
        taken
    }
}

/// The records of an input, and what is rejected of it; see [`Normalizer::records`].
#[derive(Debug)]
pub struct Records<'n> {
    normalizer: &'n mut Normalizer,
    intake: Option<Intake>,
    /// What is not framed yet.
    rest: &'n [u8],
    finished: bool,
}

impl Records<'_> {
    /// How many records the filter has dropped so far.
    pub fn filtered(&self) -> u64 {
        self.intake.as_ref().map_or(0, |intake| intake.filtered)
    }
}

impl Iterator for Records<'_> {
    type Item = Result<OwnedRecord, Rejected>;

    fn next(&mut self) -> Option<Self::Item> {
        let intake = self.intake.as_mut()?;
        loop {
            if let Some(result) = intake.next(self.normalizer) {
                return Some(result);
            }
            if !self.rest.is_empty() {
                let (piece, rest) = self.rest.split_at(self.rest.len().min(limits::PIECE));
                intake.framer.push(piece);
                self.rest = rest;
            } else if !self.finished {
                intake.framer.finish();
                self.finished = true;
            } else {
                return None;
            }
        }
    }
}

impl FusedIterator for Records<'_> {}

/// Reads records as values out of what a framer has taken.
#[derive(Debug)]
pub(super) struct Intake {
    pub(super) framer: Framer,
    /// The batch that is under way, and the first of its elements that was not read.
    batch: Batch,
    next: usize,
    /// The element that was looked for last, and where it lies.
    latest: Option<(usize, Place)>,
    head: Vec<u8>,
    outcome: Outcome,
    ready: VecDeque<Result<OwnedRecord, Rejected>>,
    /// How many records the filter has dropped.
    pub(super) filtered: u64,
}

impl Intake {
    /// So many elements are read at once at most, so that what is ready stays small.
    const ELEMENTS: usize = 256;

    pub(super) fn new(framer: Framer) -> Self {
        Self {
            framer,
            batch: Batch::default(),
            next: 0,
            latest: None,
            head: Vec::new(),
            outcome: Outcome::default(),
            ready: VecDeque::new(),
            filtered: 0,
        }
    }

    /// The next record or reject; `None` when the framer has no more.
    pub(super) fn next(&mut self, normalizer: &mut Normalizer) -> Option<Result<OwnedRecord, Rejected>> {
        while self.ready.is_empty() && self.read_on(normalizer) {}
        self.ready.pop_front()
    }

    /// Reads on; false if the framer has nothing more.
    fn read_on(&mut self, normalizer: &mut Normalizer) -> bool {
        if self.next == self.batch.elements.len() {
            let Some(batch) = self.framer.next_batch() else { return false };
            self.framer.recycle(mem::replace(&mut self.batch, batch));
            (self.next, self.latest) = (0, None);
        }
        let first = self.next;
        let range = first..self.batch.elements.len().min(first + Self::ELEMENTS);
        self.batch.encode_head(range.clone(), &mut self.head);
        let Ok(view) = BatchView::split(&self.head, self.batch.window(range)) else {
            // The head was written just now, so it can be read.
            return false;
        };
        let mut outcome = mem::take(&mut self.outcome);
        let taken = normalizer.collect(&view, 0, &mut outcome);
        self.next = first + outcome.next as usize;
        self.filtered += u64::from(outcome.filtered);
        let mut rejects = 0;
        for Taken { mut record, element, rejects: before } in taken {
            self.reject(first, &outcome.rejects[rejects..before]);
            rejects = before;
            record.place = self.place(first + element as usize);
            self.ready.push_back(Ok(record));
        }
        self.reject(first, &outcome.rejects[rejects..]);
        self.outcome = outcome;
        true
    }

    /// Makes rejects ready, whose elements are counted from this one.
    fn reject(&mut self, first: usize, rejects: &[u8]) {
        // Many may be of one long element.
        let mut latest: Option<(u32, Arc<[u8]>)> = None;
        // They were written just now, so each can be read, and its code is known.
        for reject in batch::rejects(rejects).flatten() {
            let index = first + reject.element as usize;
            let (_, raw) = match latest.take().filter(|l| l.0 == reject.element) {
                Some(same) => same,
                None => (reject.element, self.batch.raw(index).into()),
            };
            latest = Some((reject.element, raw.clone()));
            let rejected = Rejected {
                code: reject.code.parse().unwrap_or(RejectCode::UnknownFormat),
                format: products::by_id(reject.format).map(|p| p.id),
                field: reject.field.into(),
                reason: reject.reason.into(),
                place: self.place(index),
                raw,
            };
            self.ready.push_back(Err(rejected));
        }
    }

    /// Where an element of the batch lies. They are asked for in their order.
    fn place(&mut self, index: usize) -> Place {
        let place = match self.latest {
            Some((same, place)) if same == index => place,
            latest => self.batch.place(index, latest.map(|l| l.1)),
        };
        self.latest = Some((index, place));
        place
    }
}

/// A record that was rejected: why, and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    code: RejectCode,
    format: Option<&'static str>,
    field: Box<str>,
    reason: Box<str>,
    place: Place,
    raw: Arc<[u8]>,
}

impl Rejected {
    /// What kind of fault it has.
    pub fn code(&self) -> RejectCode {
        self.code
    }

    /// The id of the product that it was taken for: `huawei-vpc`; `None` where that is not known.
    pub fn format(&self) -> Option<&'static str> {
        self.format
    }

    /// The key or the column at fault, as the source writes it; `None` where it is no single one.
    pub fn field(&self) -> Option<&str> {
        Some(&*self.field).filter(|f| !f.is_empty())
    }

    /// What is wrong, what was found, and what to do, as a sentence.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Where the element lies that holds it.
    pub fn place(&self) -> Place {
        self.place
    }

    /// The bytes of that element; of an over-long one, the first [`limits::RAW_PREFIX`].
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }
}

/// `line 2 (offset 86): number: bytes: "-5" is negative; ...`
impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { line, offset, .. } = self.place;
        write!(f, "line {line} (offset {offset}): {}: {}", self.code, self.reason)
    }
}

impl error::Error for Rejected {}

impl OwnedRecord {
    /// Appends it as the JSON line that a [`Stream`](crate::Stream) writes for it in the flat schema,
    /// the line break included.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        self.write_json_in(Schema::Flat, None, out);
    }

    /// The same in any schema. `observed_at_ms` is the time of records that have none, in epoch
    /// milliseconds, for schemas that need one.
    pub fn write_json_in(&self, schema: Schema, observed_at_ms: Option<u64>, out: &mut Vec<u8>) {
        // Room for most records, so that few are written anew.
        let mut output = Output::from(vec![0; 1 << 10]);
        output.clear();
        let choices = SchemaChoices::observed_at(observed_at_ms);
        schemas::encode(schema, &self.lend(), choices, None, ANY_LENGTH, &mut output);
        out.extend_from_slice(&output);
    }
}

/// As long as it takes: what comes of a record was bounded before.
const ANY_LENGTH: usize = usize::MAX >> 1;

/// Records as they are taken.
#[derive(Debug, Default)]
struct Collected {
    taken: Vec<Taken>,
    /// The element that may hold several records.
    compound: Option<u32>,
}

impl Collector for Collected {
    fn take(&mut self, record: &Record<'_>, rules: &Rules, most: usize, out: &mut Outcome) -> bool {
        // It is written only where its length counts, and may be too much.
        let is_short = rules.to == Schema::Flat && flat_length(record) <= most;
        if (!is_short || self.compound == Some(out.next))
            && !schemas::encode(rules.to, record, rules.choices, None, most, &mut out.output)
        {
            return false;
        }
        // What was taken back again is not counted.
        self.taken.truncate(out.normalized as usize);
        let record = OwnedRecord::new(record);
        self.taken.push(Taken { record, element: out.next, rejects: out.rejects.len() });
        true
    }

    fn compound(&mut self, element: u32) {
        self.compound = Some(element);
    }

    fn taken(&mut self) -> Vec<Taken> {
        mem::take(&mut self.taken)
    }
}

/// A length that the record does not exceed in the flat schema, in bytes.
fn flat_length(record: &Record<'_>) -> usize {
    // Each byte as an escape, between quotes, and a comma or a colon.
    let text = |len: usize| len * 6 + 3;
    let field = |(field, value): (Field, Value<'_>)| {
        text(field.key().len())
            + match value {
                Value::Text(t) => text(t.len()),
                // A number has 20 digits at most, an address 39 characters.
                Value::Number(_) | Value::Address(_) => 48,
            }
    };
    let extra = |(key, raw): &(&str, Raw<'_>)| text(key.len()) + text(raw.text.len());
    let braces = "{\"extra\":{},}\n".len();
    braces + record.fields().map(field).sum::<usize>() + record.extra.iter().map(extra).sum::<usize>()
}
