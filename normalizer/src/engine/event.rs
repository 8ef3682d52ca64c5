//! Events: what a log agent hands over one at a time, each a JSON object, and gets back as one.
//!
//! An event is a record itself, or it has a *payload*: a member whose value is a record, or an
//! envelope around records. What the payload becomes takes its place; the other members stay.

use std::mem;

use crate::{
    base::{
        error::{Error, ErrorKind},
        limits,
    },
    bytes::scan,
    catalog::{detection::KeyIndex, envelopes::records_in, hint::Hint},
    engine::{
        context::topic,
        finisher::{Found, Scratch},
        merge::{Held, Merge, is_ours, unchanged},
        named_lines::Rows,
        normalizer::Normalizer,
        peeling::{Core, Level, Peel},
        refusals::{too_long, too_many_records},
        rejects::FaultPlace,
        sink::Sink,
    },
    fast::{lines, plans::QuickPlan},
    framing::layout,
    json::{members::Object, output::Output, read as json},
    reading::{around::Around, plan::Verdict},
    record::fault::{Fault, RejectCode},
    rules::{config::EventConfig, redaction, schema::Schema},
    value::raw::{Raw, RawKind},
    wire::batch::{self, Outcome},
};

/// Normalizes events.
///
/// ```
/// use weir_normalizer::{EventConfig, Events, Output};
///
/// let mut events = Events::new(&EventConfig::default())?;
/// let mut out = Output::default();
/// events.normalize(br#"{"log":"nothing that Weir knows"}"#, 0, &mut out);
/// assert_eq!(*out, *br#"{"log":"nothing that Weir knows"}"#);
/// # Ok::<(), weir_normalizer::Error>(())
/// ```
#[derive(Debug)]
pub struct Events {
    normalizer: Normalizer,
    merge: Merge,
    /// The memory for the events themselves.
    level: Level,
    /// Where a line is copied to that has nothing behind it.
    alone: Vec<u8>,
    outcome: Outcome,
}

impl Events {
    /// Checks and compiles the configuration.
    pub fn new(config: &EventConfig) -> Result<Self, Error> {
        let records = &config.records;
        if records.to == Schema::Otel {
            return Err(Error::new(
                ErrorKind::Schema,
                "to: otel has a document around each record, which an event can't have; \
                 take flat, ocsf or ecs, and the agent's own output for OpenTelemetry",
            ));
        }
        if config.keep_original && records.redacts() {
            return Err(redaction::still_there("the key that held the record", "--keep-original"));
        }
        if records.source_name {
            return Err(Error::new(
                ErrorKind::Configuration,
                "source_name: an event is of no input that Weir reads, so its record has no offset in one; \
                 leave it out, and let the agent tell the file's name",
            ));
        }
        // Nothing is kept from one event to the next.
        let mut normalizer = Normalizer::with_wraps(records, limits::EVENT_WRAPS, false)?;
        normalizer.core.finisher.rejects.noted = Some(FaultPlace::default());
        normalizer.core.planner.expect_events();
        Ok(Self {
            normalizer,
            merge: Merge::new(config),
            level: Level::default(),
            alone: Vec::new(),
            outcome: Outcome::default(),
        })
    }

    /// What in the configuration may not be what was meant, a sentence each.
    pub fn warnings(&self) -> &[String] {
        self.normalizer.warnings()
    }

    /// Normalizes an event that came at `time`, in epoch milliseconds.
    ///
    /// `out` is overwritten: with one JSON object, or with nothing if the filter lets the event's
    /// records not through. What is no JSON object, or holds no record, comes out as it is.
    pub fn normalize(&mut self, event: &[u8], time: u64, out: &mut Output) {
        let text = match std::str::from_utf8(event) {
            Ok(text) if text.len() <= limits::EVENT => text,
            _ => return unchanged(event, out),
        };
        // The record is written where it is wanted.
        mem::swap(&mut self.outcome.output, out);
        let held = self.event(text, time);
        mem::swap(&mut self.outcome.output, out);
        let source = Object { text, unescaped: &self.level.unescaped, members: &self.level.members };
        self.merge.finish(held, source, &self.outcome, &self.normalizer.core.finisher, out);
    }

    /// Normalizes what an event holds; the level has the event's members then.
    #[inline(never)]
    fn event(&mut self, text: &str, time: u64) -> Held {
        let Self { normalizer, level, alone, outcome: out, .. } = self;
        begin(&mut normalizer.core, out);
        normalizer.core.finisher.rules.choices.observed_at = Some(time).filter(|t| *t <= limits::LATEST_MS);
        normalizer.core.finisher.tallies.fill(0);
        // Keyed records of one stream have the same keys; a line's event is read as fast without.
        let event = text.as_bytes();
        let keyed = level.plans.latest().is_some_and(|p| matches!(p.plan.verdict, Verdict::Product(_)));
        if !keyed || level.plans.read(text, event, &mut level.members, &mut level.unescaped).is_none() {
            let is_object = text.trim_ascii_start().starts_with('{');
            if !is_object || json::read_members(text, &mut level.members, &mut level.unescaped).is_err() {
                return Held::Nothing;
            }
        }
        let sink = &mut Sink { out, element: 0, start: 0 };
        let peel = &mut Peel { inside: true, ..normalizer.peel() };
        let held = held(text, level, alone, peel, sink);
        if peel.core.compound && sink.out.output.len() + sink.out.rejects.len() > limits::ELEMENT_OUTPUT {
            begin(peel.core, sink.out);
            peel.reject(&too_many_records(), sink);
        }
        held
    }
}

/// Forgets what was made.
fn begin(core: &mut Core, out: &mut Outcome) {
    out.output.clear();
    out.rejects.clear();
    (out.normalized, out.filtered, out.rejected) = (0, 0, 0);
    core.compound = false;
    if let Some(noted) = &mut core.finisher.rejects.noted {
        noted.noted = false;
    }
}

/// Finds what an event holds and normalizes it. What is inside of the event is peeled.
#[inline(always)]
fn held(
    text: &str,
    level: &mut Level,
    alone: &mut Vec<u8>,
    peel: &mut Peel<'_>,
    sink: &mut Sink<'_>,
) -> Held {
    let Level { plans, members, unescaped, scratch, framer, .. } = level;
    let source = Object { text, unescaped, members };
    let members = || (0..source.members.len()).map(|i| (source.key(i), source.raw(i)));
    let hint = topic(members(), false);
    if let Some(i) = records_in(source)
        && peel.documents_in(text, Around::default(), framer, sink)
    {
        return Held::Payload(i);
    }
    let keys = || source.members.iter().map(|m| m.key.of(text, source.unescaped));
    let quick = plans.get(&peel.core.planner, keys, hint);
    let plan = &quick.plan;
    let around = Around { hint, ..Around::default() };
    if let Verdict::Payload(i) = plan.verdict
        && peel.core.finisher.rules.direct
        && plan.log_time.is_none()
        && let raw = source.raw(i)
        && raw.kind == RawKind::Text
        && raw.text.len() <= limits::RECORD
        // As a payload is trimmed.
        && let line = raw.text.trim_matches(['\n', '\r'])
        && !line.starts_with('{')
        && !scan::has(line.as_bytes(), b'<')
        && line_alone(line, alone, peel, sink.out)
    {
        return Held::Payload(i);
    }
    let found = Found { source: &source, around, text, fast: true };
    let Verdict::Payload(first) = plan.verdict else {
        if matches!(plan.verdict, Verdict::ApiError { .. } | Verdict::Unknown) {
            return Held::Nothing;
        }
        peel.whole_record(quick, found, scratch, sink);
        return Held::Record;
    };
    if is_layout_header(peel, source.raw(first)) {
        return Held::Header;
    }
    payload_of(quick, found, first, scratch, peel, sink);
    if is_ours(sink.out) {
        return Held::Payload(first);
    }
    // Nothing says that the first key of a payload's name has it.
    let is_other = |i: usize| i != first && peel.core.planner.may_be_payload(source.key(i));
    match (0..source.members.len()).any(is_other) {
        true => another_payload(first, text, level, hint, peel, sink),
        false => Held::Payload(first),
    }
}

/// Normalizes a line by a fast path, if nothing stands against it. It is copied to where something
/// stands behind it, so that it can be read in blocks.
#[inline(never)]
fn line_alone(line: &str, alone: &mut Vec<u8>, peel: &mut Peel<'_>, out: &mut Outcome) -> bool {
    if peel.named.as_ref().is_some_and(|named| named.layout.is_some()) {
        return false;
    }
    alone.clear();
    alone.extend_from_slice(line.as_bytes());
    alone.extend_from_slice(&[b'\n'; lines::BEHIND]);
    let finisher = &mut peel.core.finisher;
    match finisher.rules.filter() {
        // What this can't do is tried once more with what is around the payload.
        None => peel.own.like_the_last(line, alone, finisher, out).is_some(),
        Some(_) => peel.own.as_it_stands(line, alone, finisher, out).is_ok(),
    }
}

/// Finds the payload under another key than the first that may have it.
#[cold]
#[inline(never)]
fn another_payload(
    first: usize,
    text: &str,
    level: &mut Level,
    hint: Hint,
    peel: &mut Peel<'_>,
    sink: &mut Sink<'_>,
) -> Held {
    let Level { plans, members, unescaped, scratch, .. } = level;
    let source = Object { text, unescaped, members };
    let keys = || source.members.iter().map(|m| m.key.of(text, source.unescaped));
    let quick = plans.get(&peel.core.planner, keys, hint);
    let around = Around { hint, ..Around::default() };
    let is_other = |i: &usize| *i != first && peel.core.planner.may_be_payload(source.key(*i));
    let others = (0..source.members.len()).filter(is_other).take(limits::WRAPS);
    // If it is under none of them, what is said is about the first.
    let candidates: Vec<usize> = others.chain([first]).collect();
    for i in candidates {
        begin(peel.core, sink.out);
        let found = Found { source: &source, around, text, fast: true };
        payload_of(quick, found, i, scratch, peel, sink);
        if is_ours(sink.out) {
            return Held::Payload(i);
        }
    }
    Held::Payload(first)
}

/// Normalizes what a payload holds.
#[inline(always)]
fn payload_of<'a>(
    quick: &QuickPlan,
    found: Found<'_, 'a>,
    member: usize,
    scratch: &'a mut Scratch,
    peel: &mut Peel<'_>,
    sink: &mut Sink<'_>,
) {
    let payload = found.source.raw(member);
    if payload.text.len() > limits::RECORD && payload.kind == RawKind::Text && is_line(payload.text) {
        return peel.reject(&too_long(), sink);
    }
    peel.whole_payload(&quick.plan, found, member, &mut scratch.stripped, sink);
    if sink.out.rejected == 1 && sink.out.normalized + sink.out.filtered == 0 {
        reject_better(payload, peel, sink);
    }
}

/// Says more about a line that was rejected, where there is more to say.
#[cold]
#[inline(never)]
fn reject_better(payload: Raw<'_>, peel: &mut Peel<'_>, sink: &mut Sink<'_>) {
    let line = payload.text.trim_matches(['\n', '\r']);
    let has_layout = peel.named.as_ref().is_some_and(|named| named.layout.is_some());
    if payload.kind != RawKind::Text || has_layout || !is_line(line) || has_format(sink.out) {
        return;
    }
    begin(peel.core, sink.out);
    if layout::header(line.trim_ascii().as_bytes(), None, KeyIndex::get()).is_some() {
        let text = "this is a header row; an event says nothing about the next one, so give its columns with --layout";
        peel.reject(&Fault::of_record(RejectCode::Header, text), sink);
    } else {
        peel.own.reject_explained(line, &mut peel.core.finisher, sink);
    }
}

/// Whether a payload is the header row of the configured layout.
fn is_layout_header(peel: &Peel<'_>, payload: Raw<'_>) -> bool {
    let is_header = |rows: &Rows| rows.layout.is_header(payload.text.trim_ascii().as_bytes());
    let named = peel.named.as_ref();
    payload.kind == RawKind::Text && named.is_some_and(|n| n.layout.as_ref().is_some_and(is_header))
}

/// Whether the first reject is of a known product.
fn has_format(made: &Outcome) -> bool {
    batch::rejects(&made.rejects).flatten().next().is_some_and(|r| !r.format.is_empty())
}

/// Whether a payload is one line of text.
fn is_line(text: &str) -> bool {
    let line = text.trim_ascii();
    !line.is_empty() && !line.starts_with(['{', '[']) && !line.contains('\n')
}
