//! Events: what a log agent hands over one at a time, each a JSON object, and gets back as one.
//!
//! An event is a record itself, or it has a *payload*: a member whose value is a record, or an
//! envelope around records. What the payload becomes takes its place; the other members stay.

use std::{collections::BTreeSet, mem};

use crate::{
    base::{error::Error, limits},
    bytes::{scan, sort},
    catalog::{detection::KeyIndex, hint::Hint, products},
    engine::explain,
    fast::{lines, plans::QuickPlan},
    framing::layout::{self, Layout},
    json::{
        members::{Member, Object},
        output::Output,
        read as json,
    },
    reading::{
        fill::{Around, Memory},
        plan::Verdict,
    },
    record::fault::{Fault, code},
    rules::{
        config::{Config, choices},
        redaction,
        schema::Schema,
    },
    schemas,
    value::raw::{Raw, RawKind},
    wire::batch::{self, Outcome, Reject},
};

use super::normalizer::{Level, Normalizer, Sink, records_in, too_long, too_many_records, topic};

/// The key of several records that one event held.
const RECORDS: &str = "records";
/// The key of what is wrong with an event.
const ERROR: &str = "weir_error";
/// Stands before an event's own key where a record may have a member of that name.
const PREFIX: &str = "agent_";

choices! {
    /// What a user chooses for events.
    #[serde(default)]
    pub struct EventConfig {
        /// What is done with records.
        pub records: Config,
        /// Keep the payload beside what it became.
        pub keep_original: bool,
        /// Leave out the event's other members where a record came out.
        pub drop_others: bool,
    }
}

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
    keep_original: bool,
    drop_others: bool,
    /// Whether each payload is meant to be a record, as the configuration says.
    sure: bool,
    /// The names that members of a record may have.
    names: BTreeSet<String>,
    outcome: Outcome,
    /// The members that stay, by number.
    kept: Vec<usize>,
}

/// Where a fault lies, kept from one reject on.
#[derive(Debug, Default)]
pub(crate) struct FaultPlace {
    noted: bool,
    column: usize,
    offset: Option<usize>,
    field: String,
    found: String,
}

impl FaultPlace {
    /// Takes the first fault; later ones change nothing.
    pub(crate) fn note(&mut self, fault: &Fault<'_>) {
        if self.noted {
            return;
        }
        (self.noted, self.column, self.offset) = (true, fault.column, fault.offset);
        fault.field.clone_into(&mut self.field);
        fault.found.clone_into(&mut self.found);
    }

    /// The offset of the fault in the text that it is about.
    fn offset_in(&self, text: &str) -> Option<usize> {
        let fault = Fault {
            column: self.column,
            offset: self.offset,
            field: &self.field,
            found: &self.found,
            ..Fault::of_record("", "")
        };
        explain::place(text, &fault).map(|place| place.start)
    }
}

/// What an event holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    /// Nothing that Weir is for.
    Nothing,
    /// The event is a record.
    Record,
    /// The member with this number holds records.
    Payload(usize),
    /// A header row, which is no record.
    Header,
}

impl Events {
    /// Checks and compiles the configuration.
    pub fn new(config: &EventConfig) -> Result<Self, Error> {
        let records = &config.records;
        if records.to == Schema::Otel {
            return Err(Error::new(
                "to: otel has a document around each record, which an event can't have; \
                 take flat, ocsf or ecs, and the agent's own output for OpenTelemetry",
            ));
        }
        if config.keep_original && records.redacts() {
            return Err(redaction::still_there("the key that held the record", "--keep-original"));
        }
        let mut normalizer = Normalizer::new(records)?;
        normalizer.noted = Some(FaultPlace::default());
        normalizer.planner.expect_events();
        // Nothing is kept from one event to the next.
        normalizer.memory = Memory::default();
        normalizer.wraps = limits::EVENT_WRAPS;
        normalizer.levels[limits::EVENT_WRAPS + 1..].fill_with(|| None);
        Ok(Self {
            normalizer,
            keep_original: config.keep_original,
            drop_others: config.drop_others,
            sure: records.from.is_some() || records.layout.is_some(),
            names: names(records.to),
            outcome: Outcome::default(),
            kept: Vec::new(),
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
        let mut level = self.normalizer.levels[0].take().unwrap_or_default();
        // The record is written where it is wanted.
        mem::swap(&mut self.outcome.output, out);
        let held = self.normalizer.event(text, time, &mut level, &mut self.outcome);
        mem::swap(&mut self.outcome.output, out);
        let source = Object { text, unescaped: &level.unescaped, members: &level.members };
        self.finish(held, source, out);
        self.normalizer.levels[0] = Some(level);
    }

    /// Makes one object of what came of an event; `out` has the records, a line each.
    #[inline(never)]
    fn finish(&mut self, held: Held, source: Object<'_>, out: &mut Output) {
        let payload = match held {
            Held::Nothing => return unchanged(source.text.as_bytes(), out),
            Held::Header => return out.clear(),
            Held::Record => None,
            Held::Payload(i) => Some(i),
        };
        let made = &self.outcome;
        if made.rejected > 0 {
            if self.sure || is_ours(made) {
                return self.put_error(payload, source, out);
            }
            return unchanged(source.text.as_bytes(), out);
        }
        if made.normalized == 0 {
            return match made.filtered {
                0 => unchanged(source.text.as_bytes(), out),
                _ => out.clear(),
            };
        }
        if made.normalized > 1 {
            into_array(out);
        } else {
            // The line break is none of the object's.
            out.truncate(out.len() - 1);
        }
        let (Some(payload), false) = (payload, self.drop_others && !self.keep_original) else { return };
        if source.members.len() == 1 && !self.keep_original {
            return;
        }
        live_members(source, &mut self.kept);
        let stays = |i: usize| if i == payload { self.keep_original } else { !self.drop_others };
        let rules = &self.normalizer.rules;
        self.kept.retain(|i| stays(*i) && rules.spares(source.key(*i), source.raw(*i)));
        self.put_kept(source, out);
    }

    /// Puts the members that stay behind those of the object in `out`.
    #[inline(never)]
    fn put_kept(&self, source: Object<'_>, out: &mut Output) {
        // The brace comes back at the end.
        out.truncate(out.len() - 1);
        for &i in &self.kept {
            if out.last() != Some(&b'{') {
                out.push(b',');
            }
            let key = source.key(i);
            if self.names.contains(key) {
                out.string(&renamed(key, source));
            } else {
                out.string(key);
            }
            out.push(b':');
            out.raw(source.raw(i));
        }
        out.push(b'}');
    }

    /// Puts the event as it came with what is wrong with it, and the records that came of it
    /// all the same.
    #[cold]
    #[inline(never)]
    fn put_error(&mut self, payload: Option<usize>, source: Object<'_>, out: &mut Output) {
        let made = &self.outcome;
        let records = made.normalized > 0;
        if records {
            into_array(out);
            // The brace comes back at the end.
            out.truncate(out.len() - 1);
        } else {
            out.clear();
            out.push(b'{');
        }
        live_members(source, &mut self.kept);
        for &i in &self.kept {
            let key = source.key(i);
            // An earlier error is about the same event.
            if key == ERROR {
                continue;
            }
            if out.last() != Some(&b'{') {
                out.push(b',');
            }
            match records && key == RECORDS {
                true => out.string(&renamed(key, source)),
                false => out.string(key),
            }
            out.push(b':');
            out.raw(source.raw(i));
        }
        let Some(Ok(reject)) = batch::rejects(&made.rejects).next() else { return out.push(b'}') };
        if out.last() != Some(&b'{') {
            out.push(b',');
        }
        out.string(ERROR);
        out.extend_from_slice(b":{\"reason\":");
        out.string(reject.reason);
        for (key, value) in [("code", reject.code), ("format", reject.format), ("field", reject.field)] {
            if !value.is_empty() {
                out.push(b',');
                out.string(key);
                out.push(b':');
                out.string(value);
            }
        }
        let raw = payload.map(|i| source.raw(i));
        let text = raw.filter(|r| r.kind == RawKind::Text).map(|r| r.text);
        let place = self.normalizer.noted.as_ref();
        if let Some(offset) = text.and_then(|text| place?.offset_in(text)) {
            out.extend_from_slice(b",\"offset\":");
            out.number(offset as u64);
        }
        if made.rejected > 1 {
            out.extend_from_slice(b",\"rejected\":");
            out.number(u64::from(made.rejected));
        }
        out.extend_from_slice(b"}}");
    }
}

/// The faults of what may not be a record at all: a log agent carries other things, too.
const CODES_OF_OTHERS: [&str; 9] = [
    code::AMBIGUOUS,
    code::API_ERROR,
    code::CONTROL_MESSAGE,
    code::CUT_SHORT,
    code::JSON,
    code::NUL,
    code::TOO_LONG,
    code::UNKNOWN_FORMAT,
    code::UTF8,
];

/// Whether records came out, or what was rejected is known to be one.
fn is_ours(made: &Outcome) -> bool {
    let known = |reject: Reject<'_>| !reject.format.is_empty() || !CODES_OF_OTHERS.contains(&reject.code);
    made.normalized + made.filtered > 0 || batch::rejects(&made.rejects).flatten().any(known)
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

impl Normalizer {
    /// Normalizes what an event holds; `level` has the event's members then.
    #[inline(never)]
    fn event(&mut self, text: &str, time: u64, level: &mut Level, out: &mut Outcome) -> Held {
        self.begin(out);
        self.rules.observed_at = Some(time).filter(|t| *t <= limits::LATEST_MS);
        self.tallies.fill(0);
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
        let held = self.held(text, level, sink);
        if self.compound && sink.out.output.len() + sink.out.rejects.len() > limits::ELEMENT_OUTPUT {
            self.begin(sink.out);
            self.reject(&too_many_records(), sink);
        }
        held
    }

    /// Forgets what was made.
    fn begin(&mut self, out: &mut Outcome) {
        out.output.clear();
        out.rejects.clear();
        (out.normalized, out.filtered, out.rejected) = (0, 0, 0);
        self.compound = false;
        if let Some(noted) = &mut self.noted {
            noted.noted = false;
        }
    }

    /// Finds what an event holds and normalizes it.
    #[inline(always)]
    fn held(&mut self, text: &str, level: &mut Level, sink: &mut Sink<'_>) -> Held {
        let source = Object { text, unescaped: &level.unescaped, members: &level.members };
        let members = || (0..source.members.len()).map(|i| (source.key(i), source.raw(i)));
        let envelope = records_in(source);
        let hint = topic(members(), false);
        if let Some(i) = envelope
            && self.documents_in(text, 0, Around::default(), level, sink)
        {
            return Held::Payload(i);
        }
        let source = Object { text, unescaped: &level.unescaped, members: &level.members };
        let keys = || source.members.iter().map(|m| m.key.of(text, source.unescaped));
        let quick = level.plans.get(&self.planner, keys, hint);
        let plan = &quick.plan;
        let around = Around { hint, ..Around::default() };
        if let Verdict::Payload(i) = plan.verdict
            && self.rules.direct
            && plan.log_time.is_none()
            && let raw = source.raw(i)
            && raw.kind == RawKind::Text
            && raw.text.len() <= limits::RECORD
            // As a payload is trimmed.
            && let line = raw.text.trim_matches(['\n', '\r'])
            && !line.starts_with('{')
            && !scan::has(line.as_bytes(), b'<')
            && self.line_alone(line, sink.out)
        {
            return Held::Payload(i);
        }
        let inner = (&mut level.inner, &mut level.inner_unescaped);
        let Verdict::Payload(first) = plan.verdict else {
            if matches!(plan.verdict, Verdict::ApiError { .. } | Verdict::Unknown) {
                return Held::Nothing;
            }
            self.record(quick, &source, text, 0, around, inner, &mut level.stripped, sink);
            return Held::Record;
        };
        if self.is_layout_header(source.raw(first)) {
            return Held::Header;
        }
        self.payload_of(quick, source, first, around, inner, &mut level.stripped, sink);
        if is_ours(sink.out) {
            return Held::Payload(first);
        }
        // Nothing says that the first key of a payload's name has it.
        let is_other = |i: usize| i != first && self.planner.may_be_payload(source.key(i));
        match (0..source.members.len()).any(is_other) {
            true => self.another_payload(first, text, level, hint, sink),
            false => Held::Payload(first),
        }
    }

    /// Normalizes a line in the short way, if nothing stands against it. It is copied to where
    /// something stands behind it, so that it can be read in blocks.
    #[inline(never)]
    fn line_alone(&mut self, line: &str, out: &mut Outcome) -> bool {
        let mut tail = mem::take(&mut self.alone);
        tail.clear();
        tail.extend_from_slice(line.as_bytes());
        tail.extend_from_slice(&[b'\n'; lines::BEHIND]);
        let written = match self.rules.filter() {
            // What this can't do is tried once more with what is around the payload.
            None => self.line_like_the_last(line, &tail, out).is_some(),
            Some(_) => self.line_as_it_stands(line, &tail, out).is_ok(),
        };
        self.alone = tail;
        written
    }

    /// Finds the payload under another key than the first that may have it.
    #[cold]
    #[inline(never)]
    fn another_payload(
        &mut self,
        first: usize,
        text: &str,
        level: &mut Level,
        hint: Hint,
        sink: &mut Sink<'_>,
    ) -> Held {
        let source = Object { text, unescaped: &level.unescaped, members: &level.members };
        let keys = || source.members.iter().map(|m| m.key.of(text, source.unescaped));
        let mut quick = level.plans.get(&self.planner, keys, hint).clone();
        let around = Around { hint, ..Around::default() };
        let is_other = |i: &usize| *i != first && self.planner.may_be_payload(source.key(*i));
        let others = (0..source.members.len()).filter(is_other).take(limits::WRAPS);
        // If it is under none of them, what is said is about the first.
        let candidates: Vec<usize> = others.chain([first]).collect();
        for i in candidates {
            quick.plan.verdict = Verdict::Payload(i);
            self.begin(sink.out);
            let inner = (&mut level.inner, &mut level.inner_unescaped);
            self.payload_of(&quick, source, i, around, inner, &mut level.stripped, sink);
            if is_ours(sink.out) {
                return Held::Payload(i);
            }
        }
        Held::Payload(first)
    }

    /// Normalizes what a payload holds.
    #[inline(always)]
    #[expect(clippy::too_many_arguments, reason = "borrows parts of a level apart")]
    fn payload_of<'a>(
        &mut self,
        quick: &QuickPlan,
        source: Object<'a>,
        member: usize,
        around: Around<'_>,
        inner: (&'a mut Vec<Member>, &'a mut String),
        stripped: &mut String,
        sink: &mut Sink<'_>,
    ) {
        let payload = source.raw(member);
        if payload.text.len() > limits::RECORD && payload.kind == RawKind::Text && is_line(payload.text) {
            return self.reject(&too_long(), sink);
        }
        self.record(quick, &source, source.text, 0, around, inner, stripped, sink);
        if sink.out.rejected == 1 && sink.out.normalized + sink.out.filtered == 0 {
            self.reject_better(payload, sink);
        }
    }

    /// Says more about a line that was rejected, where there is more to say.
    #[cold]
    #[inline(never)]
    fn reject_better(&mut self, payload: Raw<'_>, sink: &mut Sink<'_>) {
        let line = payload.text.trim_matches(['\n', '\r']);
        if payload.kind != RawKind::Text || self.layout.is_some() || !is_line(line) || has_format(sink.out) {
            return;
        }
        self.begin(sink.out);
        if layout::header(line.trim_ascii().as_bytes(), None, KeyIndex::get()).is_some() {
            let text = "this is a header row; an event says nothing about the next one, so give its columns with --layout";
            self.reject(&Fault::of_record(code::HEADER, text), sink);
        } else {
            self.reject_explained(line, sink);
        }
    }

    /// Whether a payload is the header row of the configured layout.
    fn is_layout_header(&self, payload: Raw<'_>) -> bool {
        let is_header = |l: &Layout| l.is_header(payload.text.trim_ascii().as_bytes());
        payload.kind == RawKind::Text && self.layout.as_ref().is_some_and(|rows| is_header(&rows.layout))
    }
}

/// The names that members of an event's result may have.
fn names(schema: Schema) -> BTreeSet<String> {
    let paths = schemas::describe(schema);
    let tops = paths.iter().map(|m| m.path.split('.').next().unwrap_or_default());
    // ECS has what is a provider's own under its name.
    let providers = products::all().iter().map(|p| p.provider);
    tops.chain(providers).chain([RECORDS, ERROR]).map(str::to_owned).collect()
}

/// A name for an event's own member that nothing else in it has.
fn renamed(key: &str, source: Object<'_>) -> String {
    let mut name = format!("{PREFIX}{key}");
    while (0..source.members.len()).any(|i| source.key(i) == name) {
        name.insert_str(0, PREFIX);
    }
    name
}

/// Of members of the same key only the last counts.
fn live_members(source: Object<'_>, live: &mut Vec<usize>) {
    live.clear();
    live.extend(0..source.members.len());
    // As agents write them.
    if !sort::few_and_each_once(live.len(), &|i| source.key(i)) {
        *live = sort::last_of_each(live.len(), &|i| source.key(i));
    }
}

/// Makes one object with an array of what is an object in each line.
fn into_array(out: &mut Output) {
    let lines = mem::take(out);
    out.extend_from_slice(b"{\"records\":[");
    let start = out.len();
    out.extend_from_slice(&lines);
    // A line break in a value is escaped, and the last one makes room for the bracket.
    out.written_from(start).iter_mut().filter(|b| **b == b'\n').for_each(|b| *b = b',');
    out.truncate(out.len() - 1);
    out.extend_from_slice(b"]}");
}

fn unchanged(event: &[u8], out: &mut Output) {
    out.clear();
    out.extend_from_slice(event);
}
