//! Batches of elements in, records and rejects out.
//!
//! An element is peeled until a record is found: an object's members, a line's columns.
//! A plan then says what is done with each value.

use std::mem;

use crate::{
    Config, Error,
    batch::{self, BatchView, Outcome, Reject},
    convert::{self, NumberFault},
    encode,
    envelopes::{self, HIGHLIGHTS, KeyRole},
    fault::{Fault, code},
    framing::{Framer, FramingFault},
    json::{self, JsonFault, Member},
    limits, nearest,
    plan::{Plan, Planner, Plans, Verdict},
    products::{self, Entry, Shape, To},
    record::{Field, FieldType, Raw, RawKind, Record, Value, recycle},
    vocabulary,
};

/// A configured normalizer with the memory that it reuses.
#[derive(Debug)]
pub struct Normalizer {
    config: Config,
    from: Option<usize>,
    planner: Planner,
    plans: Plans,
    /// The products that have lines of their own, with their plans.
    layouts: Vec<(usize, Plan)>,
    levels: Vec<Level>,
    context: Level,
    columns: Vec<(u32, u32)>,
    memory: Memory,
    tallies: Vec<u32>,
    reason: String,
}

/// The memory for one level of peeling.
#[derive(Debug, Default)]
struct Level {
    members: Vec<Member>,
    unescaped: String,
    inner: Vec<Member>,
    inner_unescaped: String,
    stripped: String,
    framer: Option<Box<Framer>>,
}

/// The memory for one record.
#[derive(Debug, Default)]
struct Memory {
    extra: Vec<(&'static str, Raw<'static>)>,
    /// Members that have a field, but whose value must be kept beside it.
    kept: Vec<usize>,
}

/// What the envelopes around a record say.
#[derive(Clone, Copy, Debug, Default)]
struct Around<'a> {
    log_time: Option<u64>,
    /// Their fields, from the outermost to the innermost; only if they are to be kept.
    fields: &'a [(&'a str, Raw<'a>)],
}

/// Where what comes out goes.
struct Sink<'o> {
    out: &'o mut Outcome,
    element: u32,
}

/// The values of a record by number: an object's members, or a line's columns.
trait Source<'a> {
    fn key(&self, index: usize) -> &'a str;
    fn raw(&self, index: usize) -> Raw<'a>;
    /// The column's number, from 1; 0 where there are no columns.
    fn column(&self, index: usize) -> usize;
}

struct Object<'a> {
    text: &'a str,
    unescaped: &'a str,
    members: &'a [Member],
}

impl<'a> Source<'a> for Object<'a> {
    #[inline]
    fn key(&self, index: usize) -> &'a str {
        self.members[index].key.of(self.text, self.unescaped)
    }

    #[inline]
    fn raw(&self, index: usize) -> Raw<'a> {
        let m = &self.members[index];
        Raw { kind: m.kind, text: m.value.of(self.text, self.unescaped) }
    }

    fn column(&self, _index: usize) -> usize {
        0
    }
}

struct Line<'a, 'c> {
    text: &'a str,
    columns: &'c [(u32, u32)],
    entries: &'static [Entry],
}

impl<'a> Source<'a> for Line<'a, '_> {
    fn key(&self, index: usize) -> &'a str {
        self.entries[index].keys[0]
    }

    #[inline]
    fn raw(&self, index: usize) -> Raw<'a> {
        let (start, end) = self.columns[index];
        Raw::text(&self.text[start as usize..end as usize])
    }

    fn column(&self, index: usize) -> usize {
        index + 1
    }
}

impl Normalizer {
    /// Checks and compiles the configuration.
    pub fn new(config: &Config) -> Result<Self, Error> {
        let all = products::all();
        let from = match &config.from {
            None => None,
            Some(id) => Some(all.iter().position(|p| p.id == id).ok_or_else(|| unknown_product(id))?),
        };
        let with_lines = |&p: &usize| match from {
            Some(f) => p == f && all[p].columns > 0,
            None => all[p].columns > 0 && all[p].detect_lines,
        };
        Ok(Self {
            config: config.clone(),
            from,
            planner: Planner::new(from),
            plans: Plans::default(),
            layouts: (0..all.len()).filter(with_lines).map(|p| (p, Planner::layout(p))).collect(),
            levels: (0..=limits::WRAPS).map(|_| Level::default()).collect(),
            context: Level::default(),
            columns: Vec::new(),
            memory: Memory::default(),
            tallies: vec![0; all.len()],
            reason: String::new(),
        })
    }

    /// Normalizes elements from index `first` on, until the batch ends or
    /// [`limits::OUTPUT`] is reached; `out` is overwritten, [`Outcome::next`] says how far it came.
    pub fn run(&mut self, batch: &BatchView<'_>, first: usize, out: &mut Outcome) {
        out.output.clear();
        out.rejects.clear();
        out.tallies.clear();
        (out.normalized, out.filtered, out.rejected, out.filtered_bytes) = (0, 0, 0, 0);
        self.tallies.fill(0);
        let mut next = first;
        while next < batch.len() && out.output.len() + out.rejects.len() < limits::OUTPUT {
            let (element, bytes) = batch.element(next);
            let mut sink = Sink { out, element: next as u32 };
            match FramingFault::from_code(element.fault) {
                Some(fault) => self.framing_fault(fault, bytes, &mut sink),
                None => match std::str::from_utf8(bytes) {
                    Ok(text) => self.element(text, batch.context(element.context), &mut sink),
                    Err(e) => self.reject(&not_utf8(bytes, e.valid_up_to()), &mut sink),
                },
            }
            next += 1;
        }
        out.next = next as u32;
        for (product, &count) in products::all().iter().zip(&self.tallies) {
            if count > 0 {
                batch::put_tally(&mut out.tallies, product.id, count);
            }
        }
    }

    fn reject(&mut self, fault: &Fault<'_>, sink: &mut Sink<'_>) {
        fault.render(&mut self.reason);
        let reject = Reject {
            element: sink.element,
            format: fault.format,
            field: fault.field,
            code: fault.code,
            reason: &self.reason,
        };
        batch::put_reject(&mut sink.out.rejects, &reject);
        sink.out.rejected += 1;
    }

    fn framing_fault(&mut self, fault: FramingFault, bytes: &[u8], sink: &mut Sink<'_>) {
        let fault = match fault {
            FramingFault::TooLong => Fault::of_record(
                code::TOO_LONG,
                format!(
                    "the record is longer than {} bytes, the most that a record may have",
                    limits::RECORD
                ),
            ),
            FramingFault::TooDeep => nested_too_deep(),
            FramingFault::CutShort if bytes.is_empty() => Fault::of_record(
                code::CUT_SHORT,
                "the input ends inside an envelope, between its records; fetch the rest of it",
            ),
            FramingFault::CutShort => {
                Fault::of_record(code::CUT_SHORT, "the input ends inside this record; fetch the rest of it")
            }
            FramingFault::BrokenJson => match std::str::from_utf8(bytes) {
                Err(e) => not_utf8(bytes, e.valid_up_to()),
                Ok(text) => {
                    let level = &mut self.levels[0];
                    match json::read_members(text, &mut level.members, &mut level.unescaped) {
                        Err(e) => json_fault(text, e),
                        Ok(()) => {
                            Fault::of_record(code::JSON, "it breaks the JSON envelope that it stands in")
                        }
                    }
                }
            },
        };
        self.reject(&fault, sink);
    }

    fn element(&mut self, text: &str, context: &[u8], sink: &mut Sink<'_>) {
        if context.is_empty() || !self.config.keep_envelope {
            return self.text(text, 0, Around::default(), sink);
        }
        let mut level = mem::take(&mut self.context);
        let context = std::str::from_utf8(context).unwrap_or_default();
        // A context that was cut short still has its first members.
        let _ = json::read_members(context, &mut level.members, &mut level.unescaped);
        let source = Object { text: context, unescaped: &level.unescaped, members: &level.members };
        let fields: Vec<_> = (0..source.members.len())
            .map(|i| (source.key(i), source.raw(i)))
            .filter(|(key, raw)| !(raw.kind == RawKind::Nested && holds_records(key, raw.text)))
            .collect();
        self.text(text, 0, Around { log_time: None, fields: &fields }, sink);
        self.context = level;
    }

    /// Normalizes a text that holds a record, or several inside an envelope.
    fn text(&mut self, text: &str, depth: usize, around: Around<'_>, sink: &mut Sink<'_>) {
        match text.trim_ascii_start().as_bytes().first() {
            Some(b'{') => self.object(text, depth, around, sink),
            Some(b'[') if depth > 0 => self.documents(text, depth, around, sink),
            Some(_) => self.line(text, depth, around, sink),
            None => self.reject(&Fault::of_record(code::UNKNOWN_FORMAT, "the record is empty"), sink),
        }
    }

    fn object(&mut self, text: &str, depth: usize, around: Around<'_>, sink: &mut Sink<'_>) {
        let Some(level) = self.levels.get_mut(depth) else {
            return self.reject(&wrapped_too_often(), sink);
        };
        let mut level = mem::take(level);
        self.object_in(text, depth, around, &mut level, sink);
        self.levels[depth] = level;
    }

    fn object_in(
        &mut self,
        text: &str,
        depth: usize,
        around: Around<'_>,
        level: &mut Level,
        sink: &mut Sink<'_>,
    ) {
        if let Err(e) = json::read_members(text, &mut level.members, &mut level.unescaped) {
            // Several documents in one string, perhaps.
            return if depth > 0 && text.trim_ascii().contains('\n') {
                self.documents_in(text, depth, around, level, sink)
            } else {
                self.reject(&json_fault(text, e), sink)
            };
        }
        let source = Object { text, unescaped: &level.unescaped, members: &level.members };
        let records = |m: &Member| {
            m.kind == RawKind::Nested
                && holds_records(m.key.of(text, &level.unescaped), m.value.of(text, &level.unescaped))
        };
        if depth > 0 && level.members.iter().any(records) {
            return self.documents_in(text, depth, around, level, sink);
        }
        let keys = || level.members.iter().map(|m| m.key.of(text, &level.unescaped));
        let plan = self.plans.get(&self.planner, keys, None);
        match plan.verdict {
            Verdict::Product(p) => {
                let extra = plan.steps.last().filter(|s| {
                    matches!(products::all()[p].entries[s.1].to, To::FlatExtra)
                        && source.raw(s.0).kind == RawKind::Nested
                });
                let inner_text = extra.map_or("", |s| source.raw(s.0).text);
                level.inner.clear();
                if inner_text.starts_with('{') {
                    // It was checked as a part of the whole.
                    let _ = json::read_members(inner_text, &mut level.inner, &mut level.inner_unescaped);
                }
                let inner =
                    Object { text: inner_text, unescaped: &level.inner_unescaped, members: &level.inner };
                let made = build(
                    plan,
                    p,
                    &source,
                    Some(&inner),
                    around,
                    &self.config,
                    &mut self.memory,
                    text,
                    sink.out,
                );
                match made {
                    Ok(()) => self.tallies[p] += 1,
                    Err(fault) => self.reject(&fault, sink),
                }
            }
            Verdict::Payload(member) => {
                let log_time = plan.log_time.and_then(|(i, unit)| {
                    let raw = source.raw(i);
                    convert::time(raw.text, unit).map(|t| t.0).filter(|_| !convert::is_missing(raw))
                });
                let mut fields = Vec::new();
                if self.config.keep_envelope {
                    fields.extend_from_slice(around.fields);
                    fields.extend(plan.envelope.iter().map(|&i| (source.key(i), source.raw(i))));
                }
                let around = Around { log_time: log_time.or(around.log_time), fields: &fields };
                let payload = source.raw(member);
                match payload.kind {
                    RawKind::Text if payload.text.contains(HIGHLIGHTS[0]) => {
                        let mut stripped = mem::take(&mut level.stripped);
                        strip_highlights(payload.text, &mut stripped);
                        self.payload(&stripped, depth + 1, around, sink);
                        level.stripped = stripped;
                    }
                    RawKind::Text | RawKind::Nested => self.payload(payload.text, depth + 1, around, sink),
                    RawKind::Number | RawKind::Literal => {
                        let fault = Fault {
                            field: source.key(member),
                            found: payload.text,
                            ..Fault::of_record(
                                code::UNKNOWN_FORMAT,
                                "is no record; a string or an object is expected",
                            )
                        };
                        self.reject(&fault, sink);
                    }
                }
            }
            Verdict::ApiError { code, message } => {
                let (code, message) = (source.raw(code).text, source.raw(message).text);
                let text = format!("this is no record but an API's error: {code}: {message}");
                self.reject(&Fault::of_record(code::API_ERROR, text), sink);
            }
            Verdict::Ambiguous(ref candidates) => {
                let names: Vec<_> = candidates.iter().map(|&p| products::all()[p].id).collect();
                let text =
                    format!("the keys fit {} alike; name the product with --from", names.join(" and "));
                self.reject(&Fault::of_record(code::AMBIGUOUS, text), sink);
            }
            Verdict::Unknown => {
                let keys: Vec<_> = keys().take(8).collect();
                let text = format!(
                    "no known record has these keys ({}{}); name the product with --from (`weir formats` lists them)",
                    keys.join(", "),
                    if level.members.len() > keys.len() { ", ..." } else { "" }
                );
                self.reject(&Fault::of_record(code::UNKNOWN_FORMAT, text), sink);
            }
        }
    }

    /// Normalizes what an envelope holds as a value.
    fn payload(&mut self, text: &str, depth: usize, around: Around<'_>, sink: &mut Sink<'_>) {
        let text = text.trim_ascii();
        if !text.starts_with('{') && text.contains('\n') {
            self.documents(text, depth, around, sink);
        } else {
            self.text(text, depth, around, sink);
        }
    }

    /// Normalizes a text with several lines or documents, or with an envelope that the framing opens.
    fn documents(&mut self, text: &str, depth: usize, around: Around<'_>, sink: &mut Sink<'_>) {
        let Some(level) = self.levels.get_mut(depth) else {
            return self.reject(&wrapped_too_often(), sink);
        };
        let mut level = mem::take(level);
        self.documents_in(text, depth, around, &mut level, sink);
        self.levels[depth] = level;
    }

    fn documents_in(
        &mut self,
        text: &str,
        depth: usize,
        around: Around<'_>,
        level: &mut Level,
        sink: &mut Sink<'_>,
    ) {
        let mut framer = match level.framer.take() {
            Some(framer) => framer,
            None => match Framer::new(&self.config) {
                Ok(framer) => Box::new(framer),
                Err(e) => return self.reject(&Fault::of_record(code::UNKNOWN_FORMAT, e.to_string()), sink),
            },
        };
        framer.reset();
        framer.push(text.as_bytes());
        framer.finish();
        let mut any = false;
        while let Some(batch) = framer.next_batch() {
            for (i, element) in batch.elements.iter().enumerate() {
                any = true;
                let bytes = batch.raw(i);
                match (FramingFault::from_code(element.fault), std::str::from_utf8(bytes)) {
                    (Some(fault), _) => self.framing_fault(fault, bytes, sink),
                    (None, Ok(text)) => self.text(text, depth + 1, around, sink),
                    (None, Err(e)) => self.reject(&not_utf8(bytes, e.valid_up_to()), sink),
                }
            }
            framer.recycle(batch);
        }
        if !any {
            self.reject(&Fault::of_record(code::UNKNOWN_FORMAT, "the envelope in it holds no records"), sink);
        }
        level.framer = Some(framer);
    }

    fn line(&mut self, text: &str, depth: usize, around: Around<'_>, sink: &mut Sink<'_>) {
        let _ = depth;
        if let Some(at) = memchr::memchr(0, text.as_bytes()) {
            let text = format!("a NUL byte at offset {at}; is this a binary file?");
            return self.reject(&Fault::of_record(code::NUL, text), sink);
        }
        split_blanks(text, &mut self.columns);
        let all = products::all();
        let columns = &self.columns[..];
        let column = |i: usize| &text[columns[i].0 as usize..columns[i].1 as usize];
        let tells = |(i, e): (usize, &Entry)| e.shape == Shape::Any || e.shape.fits(column(i));
        let fits = |p: usize| {
            let layout = &all[p].entries[..all[p].columns];
            layout.len() == columns.len() && (self.from.is_some() || layout.iter().enumerate().all(tells))
        };
        let Some((p, plan)) = self.layouts.iter().find(|(p, _)| fits(*p)) else {
            let fault = self.explain_line(text);
            return self.reject(&fault, sink);
        };
        let source = Line { text, columns, entries: all[*p].entries };
        match build(plan, *p, &source, None, around, &self.config, &mut self.memory, text, sink.out) {
            Ok(()) => self.tallies[*p] += 1,
            Err(fault) => self.reject(&fault, sink),
        }
    }

    /// Why a line is of no product: against the layout that it comes nearest to.
    fn explain_line<'a>(&self, text: &'a str) -> Fault<'a> {
        let all = products::all();
        let columns = &self.columns[..];
        let raw = |i: usize| Raw::text(&text[columns[i].0 as usize..columns[i].1 as usize]);
        let score = |p: usize| {
            let layout = &all[p].entries[..all[p].columns];
            layout.iter().zip(0..columns.len()).filter(|(e, i)| plausible(e, raw(*i))).count()
        };
        let scored = self.layouts.iter().map(|(p, _)| (score(*p), all[*p].columns == columns.len(), *p));
        let nearest = scored.max_by_key(|(score, same, p)| (*score, *same, std::cmp::Reverse(*p)));
        let Some((score, same, p)) = nearest else {
            return Fault::of_record(
                code::UNKNOWN_FORMAT,
                match self.from {
                    Some(p) => format!("a text line, but {} has no text lines of its own", all[p].id),
                    None => "a text line of no known format".into(),
                },
            );
        };
        let product = all[p];
        let layout = &product.entries[..product.columns];
        if self.from.is_none() && score * 2 < layout.len() {
            let text = format!(
                "a line of {} columns that is like no known record; name the product with --from (`weir formats` lists them)",
                columns.len()
            );
            return Fault::of_record(code::UNKNOWN_FORMAT, text);
        }
        if !same {
            let names: Vec<_> = layout.iter().map(|e| e.keys[0]).collect();
            let text = format!(
                "{} columns, but {} has {}: {}",
                columns.len(),
                product.id,
                layout.len(),
                names.join(" ")
            );
            return Fault { format: product.id, ..Fault::of_record(code::COLUMN_COUNT, text) };
        }
        // A value that can't be read says more than a shape that does not fit.
        let mut record = Record::with_memory(Vec::new());
        for (i, entry) in layout.iter().enumerate() {
            if let Err(fault) = apply(&mut record, entry, raw(i)) {
                return Fault { format: product.id, field: entry.keys[0], column: i + 1, ..fault };
            }
        }
        let odd = layout.iter().enumerate().find(|(i, e)| !e.shape.fits(raw(*i).text));
        match odd {
            Some((i, entry)) => Fault {
                format: product.id,
                field: entry.keys[0],
                column: i + 1,
                found: raw(i).text,
                ..Fault::of_record(
                    code::UNKNOWN_FORMAT,
                    format!(
                        "is not {}, so this may be no {}; if it is, say --from {}",
                        entry.shape.describe(),
                        product.id,
                        product.id
                    ),
                )
            },
            None => Fault::of_record(code::UNKNOWN_FORMAT, "a line of no known format"),
        }
    }
}

/// Whether a column looks like what its entry says.
fn plausible(entry: &Entry, raw: Raw<'_>) -> bool {
    let mut record = Record::with_memory(Vec::new());
    match entry.to {
        To::Version(v) => v == raw.text,
        _ if entry.shape != Shape::Any => entry.shape.fits(raw.text),
        To::Text(_) | To::Extra | To::Envelope => true,
        _ => apply(&mut record, entry, raw).is_ok(),
    }
}

/// Fills a record by its plan and writes it.
#[expect(clippy::too_many_arguments, reason = "borrows parts of the normalizer apart")]
fn build<'a>(
    plan: &Plan,
    product: usize,
    source: &impl Source<'a>,
    flat_extra: Option<&Object<'a>>,
    around: Around<'_>,
    config: &Config,
    memory: &mut Memory,
    text: &'a str,
    out: &mut Outcome,
) -> Result<(), Fault<'a>> {
    let product = products::all()[product];
    let mut record = Record::with_memory(recycle(mem::take(&mut memory.extra)));
    for (field, word) in
        [(Field::Provider, product.provider), (Field::Product, product.product), (Field::Kind, product.kind)]
    {
        if !word.is_empty() {
            record.set(field, Value::Text(word));
        }
    }
    let kept = &mut memory.kept;
    kept.clear();
    let mut fault = None;
    for &(member, entry) in &plan.steps {
        let entry = &product.entries[entry];
        match apply(&mut record, entry, source.raw(member)) {
            Ok(Applied::Done) => {}
            Ok(Applied::Keep) => kept.push(member),
            Err(f) => {
                let (field, column) = (source.key(member), source.column(member));
                fault = Some(Fault { format: product.id, field, column, ..f });
                break;
            }
        }
    }
    let made = match fault {
        Some(fault) => Err(fault),
        None => {
            if kept.is_empty() {
                record.extra.extend(plan.extra.iter().map(|&i| (source.key(i), source.raw(i))));
            } else {
                kept.extend_from_slice(&plan.extra);
                kept.sort_unstable();
                record.extra.extend(kept.iter().map(|&i| (source.key(i), source.raw(i))));
            }
            if let Some(inner) = flat_extra {
                record.extra.extend((0..inner.members.len()).map(|i| (inner.key(i), inner.raw(i))));
            }
            let own_time = plan.log_time.map(|(i, unit)| (source.raw(i), unit));
            let own_time = own_time.filter(|(raw, _)| !convert::is_missing(*raw));
            if let Some(t) = own_time
                .and_then(|(raw, unit)| convert::time(raw.text, unit))
                .map(|t| t.0)
                .or(around.log_time)
            {
                record.set(Field::LogTimeMs, Value::Number(t));
            }
            finish(record, plan, source, around, config, text, out, memory);
            return Ok(());
        }
    };
    memory.extra = recycle(record.extra);
    made
}

/// Adds what was asked to be kept, and writes the record.
#[expect(clippy::too_many_arguments, reason = "borrows parts of the normalizer apart")]
fn finish<'a>(
    mut record: Record<'a>,
    plan: &Plan,
    source: &impl Source<'a>,
    around: Around<'_>,
    config: &Config,
    text: &'a str,
    out: &mut Outcome,
    memory: &mut Memory,
) {
    if config.keep_raw {
        record.extra.push(("raw", Raw::text(text)));
    }
    let mut envelope = String::new();
    if config.keep_envelope {
        let mut fields: Vec<(&str, Raw<'_>)> = around.fields.to_vec();
        fields.extend(plan.envelope.iter().map(|&i| (source.key(i), source.raw(i))));
        // The innermost of a name wins.
        let last = |i: usize| fields[i + 1..].iter().all(|f| f.0 != fields[i].0);
        let kept: Vec<_> = (0..fields.len()).filter(|&i| last(i)).map(|i| fields[i]).collect();
        if !kept.is_empty() {
            let mut json = Vec::new();
            encode::object(kept.into_iter(), &mut json);
            envelope = String::from_utf8(json).unwrap_or_default();
        }
    }
    let mut record: Record<'_> = record;
    if !envelope.is_empty() {
        record.extra.push(("envelope", Raw { kind: RawKind::Nested, text: &envelope }));
    }
    encode::flat(&record, &mut out.output);
    out.normalized += 1;
    memory.extra = recycle(record.extra);
}

enum Applied {
    Done,
    /// The value must be kept as it came.
    Keep,
}

/// Reads a value and sets its field.
#[inline]
fn apply<'a>(record: &mut Record<'a>, entry: &Entry, raw: Raw<'a>) -> Result<Applied, Fault<'a>> {
    let field = match entry.to {
        To::Version(v) => return Ok(if raw.text == v { Applied::Done } else { Applied::Keep }),
        To::Extra | To::Envelope => return Ok(Applied::Keep),
        To::FlatExtra => {
            return Ok(if raw.kind == RawKind::Nested && raw.text.starts_with('{') {
                Applied::Done
            } else {
                Applied::Keep
            });
        }
        To::Protocol => Field::Protocol,
        To::Text(f) | To::Number(f) | To::Address(f) | To::Time(f, _) | To::Word(f, _) | To::Flat(f) => f,
    };
    if convert::is_missing(raw) {
        // `-1` stands for any protocol, which is not quite the same as none.
        let any = matches!(entry.to, To::Protocol) && raw.text == "-1";
        return Ok(if any { Applied::Keep } else { Applied::Done });
    }
    if record.has(field) || raw.kind == RawKind::Nested {
        return Ok(Applied::Keep);
    }
    let bad = |code, message: &'static str| Err(Fault { found: raw.text, ..Fault::of_record(code, message) });
    let (value, exact) = match entry.to {
        To::Flat(f) => (flat_value(f, raw)?, true),
        To::Number(f) => number(f, raw)?,
        To::Address(_) => match convert::address(raw.text) {
            Some(a) => (Value::Address(a), true),
            None => return bad(code::ADDRESS, "is not an IPv4 or IPv6 address"),
        },
        To::Protocol => match convert::protocol(raw.text) {
            Some((n, more)) => {
                let word = vocabulary::transport(n);
                if !word.is_empty() {
                    record.set(Field::Transport, Value::Text(word));
                }
                (Value::Number(u64::from(n)), !more)
            }
            None if raw.text.bytes().all(|b| b.is_ascii_digit()) => {
                return bad(code::PROTOCOL, "is no protocol number; they end at 255");
            }
            // A name that IANA does not know is kept as it came.
            None => return Ok(Applied::Keep),
        },
        To::Time(_, unit) => match convert::time(raw.text, unit) {
            Some((t, exact)) => (Value::Number(t), exact),
            None => {
                return bad(
                    code::TIME,
                    "is not a time that is known here: epoch seconds or milliseconds, or ISO 8601",
                );
            }
        },
        To::Word(f, words) => match vocabulary::find(words, raw.text) {
            Some((word, more)) => (Value::Text(word), !more),
            None => {
                let mut known: Vec<_> = words.iter().map(|w| w.0).collect();
                known.dedup();
                let code = if f == Field::Action { code::ACTION } else { code::WORD };
                let message = format!("is none of the words known here: {}", known.join(", "));
                return Err(Fault { found: raw.text, ..Fault::of_record(code, message) });
            }
        },
        _ => (Value::Text(raw.text), true),
    };
    record.set(field, value);
    Ok(if exact { Applied::Done } else { Applied::Keep })
}

fn number<'a>(field: Field, raw: Raw<'a>) -> Result<(Value<'a>, bool), Fault<'a>> {
    let most = match field.field_type() {
        FieldType::Integer(most) => most,
        _ => u64::MAX,
    };
    let message = match convert::unsigned(raw.text) {
        Ok((n, exact)) if n <= most => return Ok((Value::Number(n), exact)),
        Err(NumberFault::NotANumber) => "is not a number".into(),
        Err(NumberFault::Negative) => "is negative; a count can't be".into(),
        Ok(_) | Err(NumberFault::TooLarge) => format!("is too large; the highest is {most}"),
    };
    Err(Fault { found: raw.text, ..Fault::of_record(code::NUMBER, message) })
}

/// Reads a field of a flat record, which is there exactly as it goes out.
fn flat_value<'a>(field: Field, raw: Raw<'a>) -> Result<Value<'a>, Fault<'a>> {
    let fault = |code, message: String| Err(Fault { found: raw.text, ..Fault::of_record(code, message) });
    match field.field_type() {
        FieldType::Text => Ok(Value::Text(raw.text)),
        FieldType::Word(words) => match words.iter().find(|w| **w == raw.text) {
            Some(word) => Ok(Value::Text(word)),
            None => fault(code::WORD, format!("is none of {}", words.join(", "))),
        },
        FieldType::Address => match convert::address(raw.text) {
            Some(a) => Ok(Value::Address(a)),
            None => fault(code::ADDRESS, "is not an IPv4 or IPv6 address".into()),
        },
        FieldType::Integer(_) | FieldType::Millis => match number(field, raw)? {
            (value, true) => Ok(value),
            (_, false) => fault(code::NUMBER, "is not an integer".into()),
        },
    }
}

/// Finds the columns of a line with runs of blanks between them.
#[inline]
fn split_blanks(text: &str, columns: &mut Vec<(u32, u32)>) {
    columns.clear();
    let bytes = text.as_bytes();
    let mut pos = 0;
    loop {
        while pos < bytes.len() && bytes[pos].is_ascii_whitespace() {
            pos += 1;
        }
        if pos == bytes.len() {
            return;
        }
        let start = pos;
        while pos < bytes.len() && !bytes[pos].is_ascii_whitespace() {
            pos += 1;
        }
        columns.push((start as u32, pos as u32));
    }
}

fn strip_highlights(text: &str, out: &mut String) {
    out.clear();
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let mark = HIGHLIGHTS.iter().find_map(|m| rest.strip_prefix(m));
        rest = mark.unwrap_or_else(|| {
            out.push('<');
            &rest[1..]
        });
    }
    out.push_str(rest);
}

/// Whether a member of an object makes it an envelope that the framing opens.
fn holds_records(key: &str, value: &str) -> bool {
    match envelopes::key_role(key.as_bytes()) {
        KeyRole::Records => value.starts_with('['),
        KeyRole::Section => value.starts_with('{'),
        KeyRole::RecordsOrSection => true,
        KeyRole::Rows | KeyRole::Other => false,
    }
}

fn not_utf8(bytes: &[u8], at: usize) -> Fault<'static> {
    let byte = bytes.get(at).copied().unwrap_or_default();
    let text = format!("byte 0x{byte:02x} at offset {at} is not UTF-8; convert the input to UTF-8");
    Fault::of_record(code::UTF8, text)
}

fn nested_too_deep() -> Fault<'static> {
    let text = format!("arrays and objects are nested deeper than {}", limits::DEPTH);
    Fault::of_record(code::NESTING, text)
}

fn wrapped_too_often() -> Fault<'static> {
    let text = format!("envelopes are nested deeper than {}", limits::WRAPS);
    Fault::of_record(code::NESTING, text)
}

fn json_fault(text: &str, fault: JsonFault) -> Fault<'static> {
    if fault.what == "nested too deep" {
        return nested_too_deep();
    }
    let found = match text[fault.offset..].chars().next() {
        Some(c) => format!("found {c:?}"),
        None => "the text ends".into(),
    };
    Fault::of_record(code::JSON, format!("no valid JSON at offset {}: {}, {found}", fault.offset, fault.what))
}

fn unknown_product(id: &str) -> Error {
    let known: Vec<_> = products::all().iter().map(|p| p.id).collect();
    let near = nearest::nearest(id, known.iter().copied());
    Error::new(match near {
        Some(n) => format!("no product is called {id:?}; did you mean {n:?}? `weir formats` lists them"),
        None => format!("no product is called {id:?}; known are {}", known.join(", ")),
    })
}
