//! How records are read, for people: the product and why, each value, and what is wrong where.

pub use crate::engine::observer::{Explained, ExplainedValue, Explanation};
use crate::{
    base::error::Error,
    bytes::sort,
    catalog::{
        detection::KeyIndex,
        hint::Hint,
        product::{Entry, Product, Shape, To},
    },
    engine::{
        normalizer::Normalizer,
        observer::{Observer, ToldBy},
        rejects::place,
    },
    framing::framer::Framer,
    reading::{
        fill::{self, Disposition, Given},
        plan::Verdict,
    },
    record::{
        fault::{Fault, clipped},
        fields::{Field, Record, RecordMemory, Value},
    },
    rules::{compiled::Rules, config::Config},
    schemas::flat,
    value::{raw::RawKind, time, zone::Zone},
    wire::batch::{BatchView, Outcome},
};

/// Explains every record of an input. `name` is what its records tell of it, where
/// [`Config::source_name`] asks for that.
pub fn explain(input: &[u8], name: &str, config: &Config) -> Result<Vec<Explained>, Error> {
    let mut framer = Framer::new(config)?;
    framer.set_source(&name.into());
    let mut normalizer = Normalizer::new(config)?;
    framer.push(input);
    framer.finish();
    let (mut head, mut outcome, mut all) = (Vec::new(), Outcome::default(), Vec::new());
    while let Some(batch) = framer.next_batch() {
        for i in 0..batch.elements.len() {
            batch.encode_head(i..i + 1, &mut head);
            let Ok(view) = BatchView::split(&head, batch.window(i..i + 1)) else { continue };
            normalizer.observe(Box::new(Trace { is_said: config.from.is_some(), ..Trace::default() }));
            normalizer.run(&view, 0, &mut outcome);
            let offset = batch.offset + u64::from(batch.elements[i].start);
            all.extend(normalizer.observed().into_iter().map(|e| Explained { offset, ..e }));
        }
    }
    Ok(all)
}

/// What is noted while records are read.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    records: Vec<Explained>,
    under: Vec<String>,
    text: String,
    /// Whether the product was said, so that nothing of a line tells it.
    is_said: bool,
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
        written: &Result<Disposition, Fault<'_>>,
        out: &Outcome,
    ) {
        let result = match written {
            Ok(Disposition::Normalized) => {
                let text = out.output.strip_suffix(b"\n").unwrap_or(&out.output);
                let start = memchr::memrchr(b'\n', text).map_or(0, |i| i + 1);
                Explanation::Record(String::from_utf8_lossy(&text[start..]).into_owned())
            }
            Ok(Disposition::Filtered) => Explanation::Filtered,
            Err(fault) => {
                let mut reason = String::new();
                fault.render(&mut reason);
                Explanation::Rejected { code: fault.code, reason, place: place(&self.text, fault) }
            }
        };
        let why = match told_by {
            ToldBy::Keys => given.keys_tell(),
            ToldBy::Columns if self.is_said => FROM_TELLS.into(),
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

/// What tells where nothing in a record does.
const FROM_TELLS: &str = "it is said so, with --from";

/// Why a line is of its product.
fn line_tells(product: &Product) -> String {
    let entries = product.entries[..product.lines.columns()].iter().enumerate();
    let shaped = entries.filter(|(_, e)| e.shape != Shape::Any);
    let each: Vec<_> =
        shaped.map(|(i, e)| format!("column {} ({}) is {}", i + 1, e.keys[0], e.shape.describe())).collect();
    match each.is_empty() {
        true => FROM_TELLS.into(),
        false => format!("{} columns, and {}", product.lines.columns(), each.join("; ")),
    }
}

impl Given<'_, '_> {
    /// Why a keyed record is of its product.
    fn keys_tell(&self) -> String {
        let Verdict::Product(product) = self.plan.verdict else { return String::new() };
        let (all, _) = self.plan.first_keys(usize::MAX);
        let keys: Vec<_> =
            KeyIndex::get().telling(product, &all).into_iter().map(|k| clipped(k, 40)).collect();
        match keys.is_empty() {
            true if self.plan.hint == Hint::Nothing => FROM_TELLS.into(),
            true => "the topic of the log tells it".into(),
            false => format!("these keys tell it: {}", keys.join(", ")),
        }
    }

    fn values(&self, rules: &Rules) -> Vec<ExplainedValue> {
        let zone = rules.zone.as_ref();
        let mut record = Record::new(&mut RecordMemory::default());
        let _ = self.fill(&mut record, zone, true, &mut Vec::new());
        let plan = self.plan;
        let steps = plan.steps.iter().map(|&(member, entry)| (member, Some(&self.product.entries[entry])));
        let others = plan.extra.iter().chain(plan.log_time.iter().map(|(member, _)| member));
        let mut all: Vec<_> = steps.chain(others.map(|&member| (member, None))).collect();
        sort::sort_by(&mut all, |a, b| a.0 < b.0);
        let mut values: Vec<_> =
            all.into_iter().map(|(member, entry)| self.value(member, entry, &record, zone)).collect();
        values.extend(plan.envelope.iter().map(|&member| match self.log_time_of(member, &record, zone) {
            Some(value) => value,
            None => ExplainedValue {
                field: "envelope".into(),
                how: "metadata of the log service".into(),
                ..self.found(member)
            },
        }));
        values
    }

    /// A value as it stands there, of which nothing is known yet.
    fn found(&self, member: usize) -> ExplainedValue {
        let raw = self.source.raw(member);
        let found = match raw.kind {
            RawKind::Text => raw.text.to_owned(),
            _ => clipped(raw.text, 200).to_owned(),
        };
        ExplainedValue {
            column: self.source.column(member),
            key: self.source.key(member).to_owned(),
            found,
            field: String::new(),
            value: String::new(),
            how: String::new(),
        }
    }

    /// How a value of the record was read.
    fn value(
        &self,
        member: usize,
        entry: Option<&Entry>,
        record: &Record<'_>,
        zone: Option<&Zone>,
    ) -> ExplainedValue {
        if let Some(value) = self.log_time_of(member, record, zone) {
            return value;
        }
        let kept = record.extra.iter().any(|(key, _)| *key == self.source.key(member));
        let Some(entry) = entry else {
            let how = "not in the product's table".into();
            return ExplainedValue { field: "extra".into(), how, ..self.found(member) };
        };
        let mut how = entry.describe();
        if let To::Time(_, unit) = entry.to
            && let Ok(time) = time::read(self.source.value(member).text.trim_ascii(), unit, zone)
            && let Some(other) = time.other_unit
        {
            how.push_str(&format!("; only in {other} it is of the years 2000 to 2099"));
        }
        let own = self.alone(member, entry, record, zone);
        let field = own.map(|o| o.0).or(entry.to.field());
        let used = own.filter(|o| record.get(o.0) == Some(o.1));
        if let (Some((field, _)), None, true) = (own, used, kept)
            && let Some(other) = self.who_set(field, record, zone)
        {
            let zoned = match entry.to {
                To::Time(..) if !time::states_zone(self.source.value(member).text) => {
                    ", which states its zone"
                }
                _ => "",
            };
            how.push_str(&format!("; {} is from {}{zoned}", field.key(), clipped(other, 40)));
        }
        let field = match (field, used) {
            (Some(f), None) if kept => format!("extra, not {}", f.key()),
            (Some(f), Some(_)) if kept => format!("{}, extra", f.key()),
            (Some(f), _) => f.key().to_owned(),
            (None, _) if matches!(entry.to, To::Version(_)) && !kept => String::new(),
            (None, _) => "extra".to_owned(),
        };
        let value = used.map(|o| flat::value_text(o.1)).unwrap_or_default();
        ExplainedValue { field, value, how, ..self.found(member) }
    }

    /// The field that a value goes to where no other has it, and what comes out.
    fn alone(
        &self,
        member: usize,
        entry: &Entry,
        record: &Record<'_>,
        zone: Option<&Zone>,
    ) -> Option<(Field, Value<'_>)> {
        let is_direction = entry.to.field() == Some(Field::Direction);
        let mut one = Record::new(&mut RecordMemory::default());
        // Counters depend on it.
        let direction = record.get(Field::Direction).filter(|_| !is_direction);
        if let Some(Value::Text(word)) = direction {
            one.set(Field::Direction, Value::Text(if word == "ingress" { "ingress" } else { "egress" }));
        }
        let _ = fill::apply(&mut one, entry, self.source.value(member), zone);
        one.fields().find(|(field, _)| is_direction || *field != Field::Direction)
    }

    /// The key whose value a field has.
    fn who_set(&self, field: Field, record: &Record<'_>, zone: Option<&Zone>) -> Option<&str> {
        let steps = self.plan.steps.iter().map(|&(member, entry)| (member, &self.product.entries[entry]));
        let has = |(member, entry): &(usize, &Entry)| {
            self.alone(*member, entry, record, zone)
                .is_some_and(|o| o.0 == field && record.get(field) == Some(o.1))
        };
        steps.into_iter().find(has).map(|(member, _)| self.source.key(member))
    }

    /// A member that has the log's time, or is asked for it first.
    fn log_time_of(&self, member: usize, record: &Record<'_>, zone: Option<&Zone>) -> Option<ExplainedValue> {
        let (first, _) = self.plan.log_time?;
        let used = self.plan.log_time_in(self.source, zone).filter(|o| o.0 == member);
        let used = used.filter(|o| record.get(Field::LogTimeMs) == Some(Value::Number(o.1.ms)));
        if used.is_none() && member != first {
            return None;
        }
        let kept = record.extra.iter().any(|(key, _)| *key == self.source.key(member));
        let field = match (used, kept) {
            (Some(_), true) => "log_time_ms, extra",
            (None, true) => "extra, not log_time_ms",
            (_, false) => "log_time_ms",
        };
        let value = used.map(|o| o.1.ms.to_string()).unwrap_or_default();
        let how = "time of the log".into();
        Some(ExplainedValue { field: field.into(), value, how, ..self.found(member) })
    }
}
