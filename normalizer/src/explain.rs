//! How records are read, for people: the product and why, each value, and what is wrong where.

use std::ops::Range;

use crate::{
    Config, Error, Normalizer,
    batch::{BatchView, Outcome},
    encode,
    fault::{Fault, clipped},
    fill::{Given, Written},
    framing::Framer,
    products::{Product, Shape, To},
    record::{Raw, RawKind, Record, RecordMemory},
    rules::Rules,
    sort,
};

/// How one record was read.
#[derive(Clone, Debug, Default)]
pub struct Explained {
    /// The offset of the element that held it in the input, in bytes.
    pub offset: u64,
    /// The record's own text, without the envelopes around it.
    pub text: String,
    /// The keys of the envelopes that it was under, the outermost first.
    pub under: Vec<String>,
    /// The product's id; empty where none was found.
    pub product: &'static str,
    /// Why it is of that product.
    pub why: String,
    /// Its values, in the order of the record.
    pub values: Vec<ExplainedValue>,
    /// What came of it.
    pub result: Explanation,
}

/// How one value was read.
#[derive(Clone, Debug)]
pub struct ExplainedValue {
    /// The column's number from 1; 0 for a keyed record.
    pub column: usize,
    /// The key or the column's name.
    pub key: String,
    /// The value as it stands there.
    pub found: String,
    /// The field that it went to; `extra`, or `envelope` for the log service's own.
    pub field: String,
    /// What came out, as JSON; empty where nothing did.
    pub value: String,
    /// How it is read, and its unit.
    pub how: String,
}

/// What came of a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Explanation {
    /// The record as it goes out.
    Record(String),
    /// The filter dropped it.
    #[default]
    Filtered,
    /// It was rejected.
    Rejected {
        /// The kind of fault.
        code: &'static str,
        /// The sentence.
        reason: String,
        /// Where the fault is in [`Explained::text`], in bytes.
        place: Option<Range<usize>>,
    },
}

/// Explains every record of an input.
pub fn explain(input: &[u8], config: &Config) -> Result<Vec<Explained>, Error> {
    let mut framer = Framer::new(config)?;
    let mut normalizer = Normalizer::new(config)?;
    framer.push(input);
    framer.finish();
    let (mut head, mut outcome, mut all) = (Vec::new(), Outcome::default(), Vec::new());
    while let Some(batch) = framer.next_batch() {
        for i in 0..batch.elements.len() {
            batch.encode_head(i..i + 1, &mut head);
            let Ok(view) = BatchView::split(&head, batch.window(i..i + 1)) else { continue };
            normalizer.observe(Box::<Trace>::default());
            normalizer.run(&view, 0, &mut outcome);
            let offset = batch.offset + u64::from(batch.elements[i].start);
            all.extend(normalizer.observed().into_iter().map(|e| Explained { offset, ..e }));
        }
    }
    Ok(all)
}

/// Who is told how records are read, if somebody asked for it. The guest has no such observer,
/// and so none of the explanations.
pub(crate) trait Observer: std::fmt::Debug + Send + Sync {
    /// Is told the text that is read next.
    fn text(&mut self, text: &str);
    /// Is told that what follows is under a key.
    fn enter(&mut self, key: &str) -> usize;
    /// Is told the end of what [`Self::enter`] began.
    fn leave(&mut self, depth: usize);
    /// Is told a record whose product was found.
    fn record(
        &mut self,
        given: &Given<'_, '_>,
        rules: &Rules,
        told_by: ToldBy,
        written: &Result<Written, Fault<'_>>,
        out: &Outcome,
    );
    /// Is told a reject.
    fn reject(&mut self, fault: &Fault<'_>, reason: &str);
    /// What was noted.
    fn take(&mut self) -> Vec<Explained>;
}

/// What tells the product of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ToldBy {
    /// Its keys.
    Keys,
    /// What is in its columns.
    Columns,
}

/// What is noted while records are read.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    records: Vec<Explained>,
    under: Vec<String>,
    text: String,
}

impl Trace {
    fn push(&mut self, explained: Explained) {
        let (text, under) = (self.text.clone(), self.under.clone());
        self.records.push(Explained { text, under, ..explained });
    }
}

impl Observer for Trace {
    fn text(&mut self, text: &str) {
        text.clone_into(&mut self.text);
    }

    fn take(&mut self) -> Vec<Explained> {
        std::mem::take(&mut self.records)
    }

    fn enter(&mut self, key: &str) -> usize {
        self.under.push(key.to_owned());
        self.under.len() - 1
    }

    fn leave(&mut self, depth: usize) {
        self.under.truncate(depth);
    }

    fn record(
        &mut self,
        given: &Given<'_, '_>,
        rules: &Rules,
        told_by: ToldBy,
        written: &Result<Written, Fault<'_>>,
        out: &Outcome,
    ) {
        let result = match written {
            Ok(Written::Normalized) => {
                let text = out.output.strip_suffix(b"\n").unwrap_or(&out.output);
                let start = memchr::memrchr(b'\n', text).map_or(0, |i| i + 1);
                Explanation::Record(String::from_utf8_lossy(&text[start..]).into_owned())
            }
            Ok(Written::Filtered) => Explanation::Filtered,
            Err(fault) => {
                let mut reason = String::new();
                fault.render(&mut reason);
                Explanation::Rejected { code: fault.code, reason, place: place(&self.text, fault) }
            }
        };
        let why = match told_by {
            ToldBy::Keys => given.keys_tell(),
            ToldBy::Columns => line_tells(given.product),
        };
        let values = given.values(rules);
        self.push(Explained { product: given.product.id, why, values, result, ..Explained::default() });
    }

    fn reject(&mut self, fault: &Fault<'_>, reason: &str) {
        let place = place(&self.text, fault);
        let result = Explanation::Rejected { code: fault.code, reason: reason.to_owned(), place };
        self.push(Explained { product: fault.format, result, ..Explained::default() });
    }
}

/// Where the fault is in the record's text.
pub(crate) fn place(text: &str, fault: &Fault<'_>) -> Option<Range<usize>> {
    if let Some(at) = fault.offset {
        return Some(at..(at + 1).min(text.len()).max(at));
    }
    if fault.found.is_empty() {
        return None;
    }
    // A value is behind its key, or it is the so-many-th between blanks.
    let from = match fault.column {
        0 => text.find(&format!("\"{}\"", fault.field)).map_or(0, |at| at + fault.field.len() + 2),
        n => {
            let columns = text.split_ascii_whitespace().nth(n - 1).filter(|c| *c == fault.found);
            columns.map_or(0, |c| c.as_ptr() as usize - text.as_ptr() as usize)
        }
    };
    let start = from + text.get(from..)?.find(fault.found)?;
    Some(start..start + fault.found.len())
}

/// Why a line is of its product.
fn line_tells(product: &Product) -> String {
    let entries = product.entries[..product.lines.columns()].iter().enumerate();
    let shaped = entries.filter(|(_, e)| e.shape != Shape::Any);
    let each: Vec<_> =
        shaped.map(|(i, e)| format!("column {} ({}) is {}", i + 1, e.keys[0], e.shape.describe())).collect();
    format!("{} columns, and {}", product.lines.columns(), each.join("; "))
}

impl Given<'_, '_> {
    /// Why a keyed record is of its product.
    fn keys_tell(&self) -> String {
        let steps = self.plan.steps.iter().filter(|s| self.product.entries[s.1].telling);
        let keys: Vec<_> = steps.map(|s| clipped(self.source.key(s.0), 40)).collect();
        match keys.is_empty() {
            true => "the topic of the log tells it".into(),
            false => format!("these keys tell it: {}", keys.join(", ")),
        }
    }

    fn values(&self, rules: &Rules) -> Vec<ExplainedValue> {
        let mut record = Record::new(&mut RecordMemory::default());
        let _ = self.fill(&mut record, rules.zone.as_ref(), &mut Vec::new());
        let steps =
            self.plan.steps.iter().map(|&(member, entry)| (member, Some(&self.product.entries[entry])));
        let extra = self.plan.extra.iter().map(|&member| (member, None));
        let mut all: Vec<_> = steps.chain(extra).collect();
        sort::sort_by(&mut all, |a, b| a.0 < b.0);
        let shown = |raw: Raw<'_>| match raw.kind {
            RawKind::Text => raw.text.to_owned(),
            _ => clipped(raw.text, 200).to_owned(),
        };
        let value = |(member, entry): (usize, Option<&crate::products::Entry>)| {
            let key = self.source.key(member);
            let kept = record.extra.iter().any(|(k, _)| *k == key);
            let field = entry.and_then(|e| e.to.field());
            let value = field.and_then(|f| record.get(f)).map(encode::value_text).unwrap_or_default();
            let field = match (field, entry.map(|e| e.to)) {
                (Some(f), _) if kept && value.is_empty() => format!("extra, not {}", f.key()),
                (Some(f), _) if kept => format!("{}, extra", f.key()),
                (Some(f), _) => f.key().to_owned(),
                (None, Some(To::Version(_))) if !kept => String::new(),
                (None, _) => "extra".to_owned(),
            };
            ExplainedValue {
                column: self.source.column(member),
                key: key.to_owned(),
                found: shown(self.source.raw(member)),
                field,
                value,
                how: entry.map_or("not in the product's table".into(), |e| e.to.describe()),
            }
        };
        let mut values: Vec<_> = all.into_iter().map(value).collect();
        values.extend(self.plan.envelope.iter().map(|&i| ExplainedValue {
            column: self.source.column(i),
            key: self.source.key(i).to_owned(),
            found: shown(self.source.raw(i)),
            field: "envelope".into(),
            value: String::new(),
            how: "metadata of the log service".into(),
        }));
        values
    }
}
