//! Batches of elements in, records and rejects out.
//!
//! An element is peeled until a record is found: an object's members, a line's columns.
//! A plan then says what is done with each value.

use std::mem;

use crate::{
    base::{error::Error, limits},
    bytes::{nearest, scan, sort},
    catalog::{
        detection::KeyIndex,
        envelopes::{self, HIGHLIGHTS, KeyRole, Meta},
        hint::Hint,
        product::{Lines, To},
        products,
    },
    engine::{
        explain::Explained,
        observer::{Observer, ToldBy},
    },
    fast::plans::{Plans, QuickPlan},
    framing::{
        columns::Columns,
        framer::Framer,
        layout::{self, HEADER, Layout},
    },
    json::{
        members::{Member, Object},
        read as json,
        read::JsonFault,
    },
    reading::{
        fill::{Around, Disposition, Given, Memory, add_fields, is_kept_in_envelope, with_own_fields},
        plan::{Plan, Verdict},
        planner::Planner,
        source::{Row, Source},
    },
    record::fault::{Fault, clipped, code},
    rules::{compiled::Rules, config::Config},
    value::{
        missing,
        raw::{Raw, RawKind},
        time::{self, Time},
    },
    wire::{
        batch::{self, BatchView, Outcome, Reject},
        framing_fault::FramingFault,
    },
};

use super::lines::{Evidence, KnownLines, Rows, counted, evidence};

/// A configured normalizer with the memory that it reuses.
#[derive(Debug)]
pub struct Normalizer {
    /// What of the configuration is asked again: for the layout and for header rows.
    pub(super) config: Config,
    pub(super) rules: Rules,
    pub(super) from: Option<usize>,
    pub(super) planner: Planner,
    /// The products that have lines of their own.
    pub(super) lines: Vec<KnownLines>,
    /// Which of them the line before was of.
    pub(super) latest_line: usize,
    /// Where a line is copied to that has nothing behind it.
    pub(super) alone: Vec<u8>,
    /// The layout that was configured.
    pub(super) layout: Option<Rows>,
    /// The header row that was in force last, as its context.
    pub(super) header: (Known, Option<Rows>),
    /// The columns of the rows in the envelope that came last.
    pub(super) envelope_columns: EnvelopeColumns,
    /// The number of the next context.
    pub(super) next_context: u64,
    /// None while it is in use.
    pub(super) levels: [Option<Box<Level>>; limits::WRAPS + 1],
    /// How often a record may be wrapped; there is a level for each and one more.
    pub(super) wraps: usize,
    /// The topic of the log that came last.
    pub(super) topic: Topic,
    /// What stood around the element that came last.
    pub(super) surroundings: Surroundings,
    pub(super) columns: Columns,
    pub(super) memory: Memory,
    pub(super) tallies: Vec<u32>,
    /// Whether the element under way holds several records, and the tallies before it.
    pub(super) compound: bool,
    pub(super) tallies_before: Vec<u32>,
    pub(super) reason: String,
    /// Is told how records are read, if somebody asked for it.
    pub(super) observer: Option<Box<dyn Observer>>,
    /// Where the first fault lies, if somebody asked for it.
    pub(super) noted: Option<super::event::FaultPlace>,
    pub(super) warnings: Vec<String>,
}

/// The memory for one level of peeling.
#[derive(Debug, Default)]
pub(super) struct Level {
    pub(super) plans: Plans,
    pub(super) members: Vec<Member>,
    pub(super) unescaped: String,
    pub(super) inner: Vec<Member>,
    pub(super) inner_unescaped: String,
    pub(super) stripped: String,
    pub(super) framer: Option<Box<Framer>>,
}

/// What stands around an element. Its number is 0 for nothing, and else of no other context that
/// this normalizer comes to: contexts may be long, and their elements short and many.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Context<'c> {
    pub(super) bytes: &'c [u8],
    pub(super) number: u64,
}

/// The context that something was made of.
#[derive(Debug, Default)]
pub(super) struct Known {
    bytes: Vec<u8>,
    number: u64,
}

impl Known {
    /// Whether it is this one; if it is not, it becomes it.
    #[inline]
    pub(super) fn is(&mut self, context: Context<'_>) -> bool {
        self.number == context.number && context.number != 0 || self.compare(context)
    }

    #[cold]
    #[inline(never)]
    fn compare(&mut self, context: Context<'_>) -> bool {
        let same = self.bytes == context.bytes;
        if !same {
            self.bytes.clear();
            self.bytes.extend_from_slice(context.bytes);
        }
        self.number = context.number;
        same
    }
}

/// The columns of an envelope's rows.
#[derive(Debug, Default)]
pub(super) struct EnvelopeColumns {
    context: Known,
    names: Vec<String>,
    /// What is done with them; none if that was not asked yet.
    plan: Option<Box<QuickPlan>>,
}

/// What the envelope of an element says.
#[derive(Debug, Default)]
pub(super) struct Surroundings {
    /// The envelope, as its elements' context.
    context: Known,
    members: Vec<Member>,
    unescaped: String,
    log_time: Option<Time>,
    /// What its topic says.
    hint: Hint,
    /// The members that are kept with its records, if such are.
    kept: Vec<usize>,
}

impl Surroundings {
    #[cold]
    fn new(context: &[u8], rules: &Rules) -> Self {
        let mut new = Self::default();
        // A context that was cut short still has its first members.
        let envelope = std::str::from_utf8(context).unwrap_or_default();
        let _ = json::read_members(envelope, &mut new.members, &mut new.unescaped);
        let source = Object { text: envelope, unescaped: &new.unescaped, members: &new.members };
        let members = (0..source.members.len()).map(|i| (source.key(i), source.raw(i)));
        for (key, raw) in members.clone() {
            if let Some(Meta::LogTime(unit)) = envelopes::meta(key, true)
                && !missing::is_missing(raw)
            {
                new.log_time =
                    time::better(new.log_time, time::read(raw.text, unit, rules.zone.as_ref()).ok());
            }
        }
        new.hint = topic(members, true);
        if rules.keep_envelope {
            new.kept = sort::last_of_each(source.members.len(), &|i| source.key(i));
            new.kept.retain(|&i| {
                let (key, raw) = (source.key(i), source.raw(i));
                !(raw.kind == RawKind::Nested && held_records(key, raw.text)) && is_kept_in_envelope(raw)
            });
        }
        new
    }
}

/// What is known about a text that could not go the short way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missed {
    /// It is a line that is cut into its columns, of these known lines, if of any.
    Line(Option<usize>),
    /// Nothing that the long way may rely on.
    Other,
}

/// Where what comes out goes.
pub(super) struct Sink<'o> {
    pub(super) out: &'o mut Outcome,
    pub(super) element: u32,
    /// How long output and rejects were before this element.
    pub(super) start: usize,
}

/// How far an outcome was before an element.
struct Mark {
    len: usize,
    output: usize,
    rejects: usize,
    counts: [u32; 3],
}

impl Mark {
    fn of(out: &Outcome) -> Self {
        let (output, rejects) = (out.output.len(), out.rejects.len());
        Self { len: output + rejects, output, rejects, counts: [out.normalized, out.filtered, out.rejected] }
    }

    fn made(&self, out: &Outcome) -> usize {
        out.output.len() + out.rejects.len() - self.len
    }

    fn restore(&self, out: &mut Outcome) {
        out.output.truncate(self.output);
        out.rejects.truncate(self.rejects);
        [out.normalized, out.filtered, out.rejected] = self.counts;
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
        let with_lines = |&p: &usize| match (from, all[p].lines) {
            (Some(f), lines) => p == f && lines.columns() > 0,
            (None, lines) => matches!(lines, Lines::Detected(_)),
        };
        let layout = Layout::configured(config)?;
        let required = match &layout {
            Some(Layout { names, separation: None }) => &names[..],
            _ => &[],
        };
        let planner = Planner::new(from, required);
        let mut warnings = Vec::new();
        let layout = match layout {
            None => None,
            Some(layout) => {
                let rows = Rows::new(layout, &planner, config);
                warnings = rows.check(config, &planner)?;
                Some(rows)
            }
        };
        Ok(Self {
            config: Config {
                layout: config.layout.clone(),
                separator: config.separator.clone(),
                quote: config.quote.clone(),
                missing: config.missing.clone(),
                ..Config::default()
            },
            rules: Rules::new(config)?,
            from,
            planner,
            lines: (0..all.len()).filter(with_lines).map(KnownLines::new).collect(),
            latest_line: 0,
            alone: Vec::new(),
            layout,
            header: (Known::default(), None),
            envelope_columns: EnvelopeColumns::default(),
            next_context: 1,
            levels: std::array::from_fn(|_| Some(Box::default())),
            wraps: limits::WRAPS,
            topic: Topic::default(),
            surroundings: Surroundings::default(),
            columns: Columns::default(),
            memory: Memory::with_frames(),
            tallies: vec![0; all.len()],
            compound: false,
            tallies_before: Vec::new(),
            reason: String::new(),
            observer: None,
            noted: None,
            warnings,
        })
    }

    /// What in the configuration may not be what was meant, a sentence each.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Normalizes elements from index `first` on, until the batch ends or
    /// [`limits::OUTPUT`] is reached; `out` is overwritten, [`Outcome::next`] says how far it came.
    pub fn run(&mut self, batch: &BatchView<'_>, first: usize, out: &mut Outcome) {
        out.output.clear();
        out.rejects.clear();
        out.tallies.clear();
        (out.normalized, out.filtered, out.rejected, out.filtered_bytes) = (0, 0, 0, 0);
        self.tallies.fill(0);
        let mut texts = batch.texts();
        let mut next = first;
        let contexts = self.number_contexts(batch.contexts());
        while next < batch.len() && out.output.len() + out.rejects.len() < limits::OUTPUT {
            let (element, bytes) = batch.element(next);
            let start = element.start as usize;
            let text = texts.piece(start, bytes.len());
            let mut missed = Missed::Other;
            let context = numbered(batch.context(element.context), contexts, element.context);
            if let Some(text) = text
                && element.fault == 0
                && self.rules.direct
                && self.observer.is_none()
            {
                match self.as_it_stands(text, texts.tail(start), context, out) {
                    Ok(written) => {
                        if written == Disposition::Filtered {
                            out.filtered_bytes += bytes.len() as u32;
                        }
                        next += 1;
                        continue;
                    }
                    Err(why) => missed = why,
                }
            }
            let before = (out.normalized + out.rejected, out.filtered);
            let mark = Mark::of(out);
            self.compound = false;
            let mut sink = Sink { out, element: next as u32, start: mark.len };
            match FramingFault::from_code(element.fault) {
                Some(fault) => self.framing_fault(fault, bytes, &mut sink),
                None => match text.map_or_else(|| std::str::from_utf8(bytes), Ok) {
                    Ok(text) if let Missed::Line(found) = missed => {
                        self.line_at_length(found, text, &mut sink);
                    }
                    Ok(text) => {
                        self.element(text, 0, context, Around::default(), &mut sink);
                    }
                    Err(e) => self.reject(&not_utf8(bytes, e.valid_up_to()), &mut sink),
                },
            }
            if self.compound && mark.made(out) > limits::ELEMENT_OUTPUT {
                mark.restore(out);
                self.tallies.clone_from(&self.tallies_before);
                let fault = too_many_records();
                self.reject(&fault, &mut Sink { out, element: next as u32, start: mark.len });
            }
            if out.filtered > before.1 && out.normalized + out.rejected == before.0 {
                out.filtered_bytes += bytes.len() as u32;
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

    /// Begins to tell how records are read.
    pub(crate) fn observe(&mut self, observer: Box<dyn Observer>) {
        self.observer = Some(observer);
    }

    /// What was noted.
    pub(crate) fn observed(&mut self) -> Vec<Explained> {
        self.observer.take().map(|mut o| o.take()).unwrap_or_default()
    }

    #[cold]
    #[inline(never)]
    pub(super) fn reject(&mut self, fault: &Fault<'_>, sink: &mut Sink<'_>) {
        if let Some(observer) = &mut self.observer {
            fault.render(&mut self.reason);
            observer.reject(fault, &self.reason);
        }
        self.put_reject(fault, sink);
    }

    #[cold]
    #[inline(never)]
    pub(super) fn put_reject(&mut self, fault: &Fault<'_>, sink: &mut Sink<'_>) {
        fault.render(&mut self.reason);
        let reject = Reject {
            element: sink.element,
            format: fault.format,
            field: clipped(fault.field, 100),
            code: fault.code,
            reason: clipped(&self.reason, limits::REASON),
        };
        if let Some(noted) = &mut self.noted {
            noted.note(fault);
        }
        batch::put_reject(&mut sink.out.rejects, &reject);
        sink.out.rejected += 1;
    }

    #[cold]
    #[inline(never)]
    pub(super) fn framing_fault(&mut self, fault: FramingFault, bytes: &[u8], sink: &mut Sink<'_>) {
        let fault = match fault {
            FramingFault::TooLong => too_long(),
            FramingFault::TooDeep => nested_too_deep(),
            FramingFault::CutShort if bytes.is_empty() => Fault::of_record(
                code::CUT_SHORT,
                "the input ends inside an envelope, between its records; fetch the rest of it",
            ),
            FramingFault::CutShort => {
                Fault::of_record(code::CUT_SHORT, "the input ends inside this record; fetch the rest of it")
            }
            FramingFault::BrokenJson if bytes.is_empty() => {
                Fault::of_record(code::JSON, "a JSON envelope breaks off here, between its records")
            }
            FramingFault::BrokenJson => match std::str::from_utf8(bytes) {
                Err(e) => not_utf8(bytes, e.valid_up_to()),
                Ok(text) => match json::read_members(text, &mut Vec::new(), &mut String::new()) {
                    Err(e) => json_fault(text, e),
                    Ok(()) => Fault::of_record(code::JSON, "it breaks the JSON envelope that it stands in"),
                },
            },
        };
        self.reject(&fault, sink);
    }

    /// Gives so many contexts their numbers, and says which is the first one's.
    fn number_contexts(&mut self, contexts: usize) -> u64 {
        let first = self.next_context;
        self.next_context += contexts as u64;
        first
    }

    /// Normalizes an element, with what its envelope's context says.
    fn element(
        &mut self,
        text: &str,
        depth: usize,
        context: Context<'_>,
        around: Around<'_>,
        sink: &mut Sink<'_>,
    ) {
        if matches!(context.bytes, [] | [HEADER, ..]) {
            return self.text(text, depth, context, around, sink);
        }
        self.look_around(context);
        let around_it = mem::take(&mut self.surroundings);
        let hint = around_it.hint.or(around.hint);
        let log_time = time::better(around_it.log_time, around.log_time);
        let mut around = Around { hint, log_time, ..around };
        let mut fields = Vec::new();
        if self.rules.keep_envelope {
            let envelope = std::str::from_utf8(context.bytes).unwrap_or_default();
            let source =
                Object { text: envelope, unescaped: &around_it.unescaped, members: &around_it.members };
            fields.extend_from_slice(around.fields);
            add_fields(&mut fields, &mut around_it.kept.iter().map(|&i| (source.key(i), source.raw(i))));
            around.fields = &fields;
        }
        self.text(text, depth, context, around, sink);
        self.surroundings = around_it;
    }

    /// Sees what an element's envelope says, if it is another one than before.
    #[inline]
    fn look_around(&mut self, context: Context<'_>) {
        if !self.surroundings.context.is(context) {
            let known = mem::take(&mut self.surroundings.context);
            let new = Surroundings::new(context.bytes, &self.rules);
            self.surroundings = Surroundings { context: known, ..new };
        }
    }

    /// Normalizes a text that holds a record, or several inside an envelope.
    pub(super) fn text(
        &mut self,
        text: &str,
        depth: usize,
        context: Context<'_>,
        around: Around<'_>,
        sink: &mut Sink<'_>,
    ) {
        if let Some(observer) = &mut self.observer {
            observer.text(text);
        }
        match text.trim_ascii_start().as_bytes().first() {
            Some(&b) if self.layout.as_ref().is_some_and(|rows| rows.layout.begins_with(b)) => {
                self.line(text, depth, context, around, sink);
            }
            Some(b'{') => self.object(text, depth, around, sink),
            Some(b'[') if context.bytes.first() == Some(&b'{') => {
                self.row(text, depth, context, around, sink)
            }
            Some(b'[') if depth > 0 => self.documents(text, depth, around, sink),
            Some(_) => self.line(text, depth, context, around, sink),
            None => self.reject(&Fault::of_record(code::UNKNOWN_FORMAT, "the record is empty"), sink),
        }
    }

    /// Normalizes a record like the one before in the short way, if nothing stands against it.
    /// Its text begins the tail.
    #[inline(always)]
    fn as_it_stands(
        &mut self,
        text: &str,
        tail: &[u8],
        context: Context<'_>,
        out: &mut Outcome,
    ) -> Result<Disposition, Missed> {
        let written = match (text.starts_with('{'), context.bytes) {
            (true, []) => self.object_as_it_stands(text, tail, Hint::Nothing, None, out),
            (true, [b'{', ..]) => {
                self.look_around(context);
                let Surroundings { hint, log_time, .. } = self.surroundings;
                self.object_as_it_stands(text, tail, hint, log_time.map(|t| t.ms), out)
            }
            (false, []) => return self.line_as_it_stands(text, tail, out),
            _ => None,
        };
        written.ok_or(Missed::Other)
    }

    pub(super) fn object_as_it_stands(
        &mut self,
        text: &str,
        tail: &[u8],
        hint: Hint,
        log_time: Option<u64>,
        out: &mut Outcome,
    ) -> Option<Disposition> {
        if self.layout.as_ref().is_some_and(|rows| rows.layout.begins_with(b'{')) {
            return None;
        }
        let Level { plans, members, unescaped, .. } = self.levels[0].as_deref_mut()?;
        let (quick, nested) = plans.read(text, tail, members, unescaped)?;
        let plan = &quick.plan;
        let (Verdict::Product(p), None) = (&plan.verdict, &plan.lacks) else { return None };
        let source = Object { text, unescaped, members };
        let topic = plan.topic.map_or(Hint::Nothing, |i| self.topic.tells(source.raw(i)));
        if topic.or(hint) != plan.hint || nested && records_in(source).is_some() {
            return None;
        }
        let written = quick.write(source, tail, log_time, &self.rules, &mut self.memory, out)?;
        self.tallies[*p] += u32::from(written == Disposition::Normalized);
        Some(written)
    }

    #[inline(never)]
    fn object(&mut self, text: &str, depth: usize, around: Around<'_>, sink: &mut Sink<'_>) {
        let Some(mut level) = self.levels.get_mut(depth).and_then(Option::take) else {
            return self.reject(&wrapped_too_often(self.wraps), sink);
        };
        self.object_in(text, depth, around, &mut level, sink);
        self.levels[depth] = Some(level);
    }

    fn object_in(
        &mut self,
        text: &str,
        depth: usize,
        around: Around<'_>,
        level: &mut Level,
        sink: &mut Sink<'_>,
    ) {
        let (members, unescaped) = (&mut level.members, &mut level.unescaped);
        let read = level.plans.read(text, text.as_bytes(), members, unescaped);
        let (known, nested) = (read.is_some(), read.is_none_or(|(_, nested)| nested));
        if !known && let Err(e) = json::read_members(text, &mut level.members, &mut level.unescaped) {
            // Several documents in one string, perhaps.
            if depth == 0
                || !text.trim_ascii().contains('\n')
                || !self.documents_in(text, depth, around, level, sink)
            {
                self.reject(&json_fault(text, e), sink);
            }
            return;
        }
        let source = Object { text, unescaped: &level.unescaped, members: &level.members };
        if nested && records_in(source).is_some() && self.documents_in(text, depth, around, level, sink) {
            return;
        }
        let source = Object { text, unescaped: &level.unescaped, members: &level.members };
        let members = (0..source.members.len()).map(|i| (source.key(i), source.raw(i)));
        let topic = match level.plans.latest() {
            Some(quick) if known => {
                quick.plan.topic.map_or(Hint::Nothing, |i| self.topic.tells(source.raw(i)))
            }
            _ => topic(members, false),
        };
        let around = Around { hint: topic.or(around.hint), ..around };
        let keys = || source.members.iter().map(|m| m.key.of(text, source.unescaped));
        let quick = match known {
            true => level.plans.get_again(&self.planner, keys, around.hint),
            false => level.plans.get(&self.planner, keys, around.hint),
        };
        let inner = (&mut level.inner, &mut level.inner_unescaped);
        self.record(quick, &source, text, depth, around, inner, &mut level.stripped, sink);
    }

    /// Normalizes an array whose values the envelope names.
    #[inline(never)]
    fn row(
        &mut self,
        text: &str,
        depth: usize,
        context: Context<'_>,
        around: Around<'_>,
        sink: &mut Sink<'_>,
    ) {
        let Some(mut level) = self.levels.get_mut(depth).and_then(Option::take) else {
            return self.reject(&wrapped_too_often(self.wraps), sink);
        };
        let mut columns = mem::take(&mut self.envelope_columns);
        if !columns.context.is(context) {
            (columns.names, columns.plan) = (envelope_columns(context.bytes), None);
        }
        let names = &columns.names;
        match json::read_members(text, &mut level.members, &mut level.unescaped) {
            Err(e) => self.reject(&json_fault(text, e), sink),
            Ok(()) if names.is_empty() || names.len() != level.members.len() => {
                self.reject(&not_the_columns(level.members.len(), names.len()), sink);
            }
            Ok(()) => {
                let values = Object { text, unescaped: &level.unescaped, members: &level.members };
                let source = Row { columns: names, values };
                let plan = match columns.plan.take().filter(|quick| quick.plan.hint == around.hint) {
                    Some(plan) => plan,
                    None => {
                        let names: Vec<_> = names.iter().map(String::as_str).collect();
                        Box::new(QuickPlan::new(&self.planner, &names, around.hint))
                    }
                };
                let inner = (&mut level.inner, &mut level.inner_unescaped);
                self.record(&plan, &source, text, depth, around, inner, &mut level.stripped, sink);
                columns.plan = Some(plan);
            }
        }
        self.envelope_columns = columns;
        self.levels[depth] = Some(level);
    }

    /// Does with a record what its plan says.
    #[expect(clippy::too_many_arguments, reason = "borrows parts of a level apart")]
    pub(super) fn record<'a>(
        &mut self,
        quick: &QuickPlan,
        source: &dyn Source<'a>,
        text: &'a str,
        depth: usize,
        around: Around<'_>,
        inner: (&'a mut Vec<Member>, &'a mut String),
        stripped: &mut String,
        sink: &mut Sink<'_>,
    ) {
        let plan = &quick.plan;
        match plan.verdict {
            Verdict::Product(p) => self.product_record(p, quick, source, text, around, inner, sink),
            Verdict::Payload(member) => {
                let own = plan.log_time_in(source, self.rules.zone.as_ref());
                let log_time = time::better(own.map(|o| o.1), around.log_time);
                let fields = match self.rules.keep_envelope {
                    true => with_own_fields(plan, source, around),
                    false => Vec::new(),
                };
                let around = Around { log_time, fields: &fields, ..around };
                let payload = source.raw(member);
                let told_depth = self.observer.as_mut().map(|o| o.enter(source.key(member)));
                match payload.kind {
                    RawKind::Text | RawKind::Nested if is_highlighted(payload.text) => {
                        let mut plain = mem::take(stripped);
                        strip_highlights(payload.text, &mut plain);
                        self.payload(&plain, depth + 1, around, sink);
                        *stripped = plain;
                    }
                    RawKind::Text | RawKind::Nested => self.payload(payload.text, depth + 1, around, sink),
                    RawKind::Number | RawKind::Literal => {
                        self.reject(&no_payload(source.key(member), payload), sink);
                    }
                }
                if let (Some(observer), Some(depth)) = (&mut self.observer, told_depth) {
                    observer.leave(depth);
                }
            }
            Verdict::Encoded(member) if self.encoded(plan, source, member, depth, around, sink) => {}
            _ => self.refuse(plan, source, text, sink),
        }
    }

    /// Writes a record of a product. Apart from what is called anew for each envelope around a
    /// record: runtimes for small places have little stack.
    #[inline(never)]
    #[expect(clippy::too_many_arguments, reason = "borrows parts of a level apart")]
    fn product_record<'a>(
        &mut self,
        p: usize,
        quick: &QuickPlan,
        source: &dyn Source<'a>,
        text: &'a str,
        around: Around<'_>,
        inner: (&'a mut Vec<Member>, &'a mut String),
        sink: &mut Sink<'_>,
    ) {
        let plan = &quick.plan;
        if let Some(key) = &plan.lacks {
            let text = format!("the key {key} is missing; the layout says that every record has it");
            let fault = Fault { format: products::all()[p].id, ..Fault::of_record(code::MISSING_KEY, text) };
            return self.reject(&fault, sink);
        }
        let extra = plan.steps.last().filter(|s| matches!(products::all()[p].entries[s.1].to, To::FlatExtra));
        let extra = extra.map(|s| source.raw(s.0)).filter(|r| r.kind == RawKind::Nested);
        let extra_text = extra.map_or("", |r| r.text);
        inner.0.clear();
        if extra_text.starts_with('{') {
            // It was checked as a part of the whole.
            let _ = json::read_members(extra_text, inner.0, inner.1);
        }
        let flat_extra = Object { text: extra_text, unescaped: inner.1, members: inner.0 };
        let given = Given { plan, product: products::all()[p], source, flat_extra, around, text };
        let written = quick
            .write_any(&given, &self.rules, &mut self.memory, sink.out)
            .map_err(|f| other_line(text).unwrap_or(f));
        if let Some(observer) = &mut self.observer {
            observer.record(&given, &self.rules, ToldBy::Keys, &written, sink.out);
        }
        match written {
            Ok(Disposition::Normalized) => self.tallies[p] += 1,
            Ok(Disposition::Filtered) => {}
            Err(fault) => self.put_reject(&fault, sink),
        }
    }

    /// Rejects what is no record.
    #[cold]
    #[inline(never)]
    fn refuse<'a>(&mut self, plan: &Plan, source: &dyn Source<'a>, text: &str, sink: &mut Sink<'_>) {
        match plan.verdict {
            // These are for others.
            Verdict::Product(_) | Verdict::Payload(_) => {}
            Verdict::ApiError { code, message } => {
                let (code, message) =
                    (clipped(source.raw(code).text, 100), clipped(source.raw(message).text, 400));
                let text = format!("this is no record but an API's error: {code}: {message}");
                self.reject(&Fault::of_record(code::API_ERROR, text), sink);
            }
            Verdict::Ambiguous(ref candidates) => {
                let candidates = candidates.iter().filter(|&&p| may_be(p, plan, source));
                let names: Vec<_> = candidates.map(|&p| products::all()[p].id).collect();
                let text = match names[..] {
                    [] => return self.refuse_keys(plan, sink),
                    [one] => {
                        format!("the keys fit {one}, but others have them too; if it is, say --from {one}")
                    }
                    _ => format!(
                        "the keys fit {}, and nothing tells which it is; say --from",
                        names.join(" or ")
                    ),
                };
                self.reject(&Fault::of_record(code::AMBIGUOUS, text), sink);
            }
            Verdict::Unknown | Verdict::Encoded(_) if text.starts_with('{') && envelopes::is_empty(text) => {
                self.reject(&Fault::of_record(code::UNKNOWN_FORMAT, NO_RECORDS), sink);
            }
            Verdict::OtherTopic(p) => {
                let id = products::all()[p].id;
                let text = format!(
                    "the keys are those of {id}, but the topic of the log is of something else; if it is, say --from {id}"
                );
                self.reject(&Fault::of_record(code::AMBIGUOUS, text), sink);
            }
            Verdict::Unknown | Verdict::Encoded(_) => self.refuse_keys(plan, sink),
        }
    }

    /// Rejects what has the keys of no product.
    #[cold]
    #[inline(never)]
    fn refuse_keys(&mut self, plan: &Plan, sink: &mut Sink<'_>) {
        let (mut keys, more) = plan.first_keys(8);
        keys.iter_mut().for_each(|k| *k = clipped(k, 40));
        let keys = format!("{}{}", keys.join(", "), if more { ", ..." } else { "" });
        let text = match self.from {
            _ if keys.is_empty() => "an object without keys".into(),
            Some(p) => format!("{} has none of these keys ({keys})", products::all()[p].id),
            None => format!(
                "no known record has these keys ({keys}); name the product with --from (`weir formats` lists them)"
            ),
        };
        self.reject(&Fault::of_record(code::UNKNOWN_FORMAT, text), sink);
    }

    /// Normalizes what an envelope holds as a value.
    pub(super) fn payload(&mut self, text: &str, depth: usize, around: Around<'_>, sink: &mut Sink<'_>) {
        // Blanks may be separators of columns, so only line breaks are taken away.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim_matches(['\n', '\r']);
        if !text.trim_ascii_start().starts_with('{') && scan::has(text.as_bytes(), b'\n') {
            self.documents(text, depth, around, sink);
        } else {
            self.text(text, depth, Context::default(), around, sink);
        }
    }

    /// Normalizes a text with several lines or documents, or with an envelope that the framing opens.
    #[inline(never)]
    pub(super) fn documents(&mut self, text: &str, depth: usize, around: Around<'_>, sink: &mut Sink<'_>) {
        let Some(mut level) = self.levels.get_mut(depth).and_then(Option::take) else {
            return self.reject(&wrapped_too_often(self.wraps), sink);
        };
        let held = self.documents_in(text, depth, around, &mut level, sink);
        self.levels[depth] = Some(level);
        match text.trim_ascii() {
            _ if held => {}
            array if array.starts_with('[') => {
                let text = "an array that holds no records";
                self.reject(&Fault::of_record(code::UNKNOWN_FORMAT, text), sink);
            }
            // One line, and blanks on others.
            line => self.text(line, depth, Context::default(), around, sink),
        }
    }

    /// False, and nothing done, where the text is one element and no envelope.
    pub(super) fn documents_in(
        &mut self,
        text: &str,
        depth: usize,
        around: Around<'_>,
        level: &mut Level,
        sink: &mut Sink<'_>,
    ) -> bool {
        let mut framer = match level.framer.take() {
            Some(framer) => framer,
            None => match self.new_framer() {
                Some(framer) => framer,
                None => return false,
            },
        };
        framer.reset();
        framer.push(text.as_bytes());
        framer.finish();
        if !self.compound {
            self.compound = true;
            self.tallies_before.clone_from(&self.tallies);
        }
        let mut any = false;
        while let Some(batch) = framer.next_batch() {
            let whole = |e: &batch::Element| e.len as usize == text.trim_ascii().len() && e.context == 0;
            if batch.elements.len() == 1 && batch.elements.iter().all(whole) {
                framer.recycle(batch);
                level.framer = Some(framer);
                return false;
            }
            let contexts = self.number_contexts(batch.contexts.len());
            for i in 0..batch.elements.len() {
                any = true;
                if sink.out.output.len() + sink.out.rejects.len() - sink.start > limits::ELEMENT_OUTPUT {
                    // All of it is taken back when the element is done.
                    break;
                }
                self.element_of(&batch, contexts, i, depth + 1, around, sink);
            }
            framer.recycle(batch);
        }
        if !any {
            self.reject(&Fault::of_record(code::UNKNOWN_FORMAT, NO_RECORDS), sink);
        }
        level.framer = Some(framer);
        true
    }

    #[cold]
    #[inline(never)]
    fn new_framer(&self) -> Option<Box<Framer>> {
        // The configuration was checked when this was made.
        Framer::new(&self.config).ok().map(Box::new)
    }

    /// Normalizes an element of what was framed inside of a record.
    #[inline(never)]
    pub(super) fn element_of(
        &mut self,
        batch: &batch::Batch,
        contexts: u64,
        index: usize,
        depth: usize,
        around: Around<'_>,
        sink: &mut Sink<'_>,
    ) {
        let (element, bytes) = (&batch.elements[index], batch.raw(index));
        match (FramingFault::from_code(element.fault), std::str::from_utf8(bytes)) {
            (Some(fault), _) => self.framing_fault(fault, bytes, sink),
            (None, Ok(text)) => {
                let context = (element.context as usize).checked_sub(1).and_then(|c| batch.contexts.get(c));
                let bytes = context.map_or(&[][..], Vec::as_slice);
                self.element(text, depth, numbered(bytes, contexts, element.context), around, sink);
            }
            (None, Err(e)) => self.reject(&not_utf8(bytes, e.valid_up_to()), sink),
        }
    }
}

/// The fault of a line that is known to be no record, though it stands where one should. Nobody
/// can say that the lines behind it are about the columns that a header row in a payload names.
#[cold]
#[inline(never)]
pub(super) fn other_line(text: &str) -> Option<Fault<'static>> {
    if text.starts_with(envelopes::CONTROL_MESSAGE) {
        let text = "this is no record but a message by which CloudWatch Logs tries its subscription";
        return Some(Fault::of_record(code::CONTROL_MESSAGE, text));
    }
    let is_header = layout::header(text.trim_ascii().as_bytes(), None, KeyIndex::get()).is_some();
    let text = "this is a header row and no record; here it names the columns of no other line, so give them with --layout";
    is_header.then(|| Fault::of_record(code::HEADER, text))
}

const NO_RECORDS: &str = "the envelope in it holds no records";

/// Whether a record may be of a product: it has the key of an address, and nothing among its
/// values speaks against it.
#[cold]
#[inline(never)]
fn may_be<'a>(product: usize, plan: &Plan, source: &dyn Source<'a>) -> bool {
    let index = KeyIndex::get();
    let entry = |i: usize| index.entry(product, source.key(i));
    let is_address =
        |i: usize| entry(i).is_some_and(|e| matches!(e.to, To::Address(_) | To::AddressOrName(_)));
    let against = |i: usize| entry(i).is_some_and(|e| evidence(e, source.value(i)) == Evidence::Against);
    (0..plan.len()).any(is_address) && !(0..plan.len()).any(against)
}

/// A context of a batch whose first has this number.
#[inline]
fn numbered(bytes: &[u8], first: u64, in_batch: u32) -> Context<'_> {
    Context { bytes, number: if in_batch == 0 { 0 } else { first + u64::from(in_batch) - 1 } }
}

/// What a topic among these keys says; `wrapper` where they are an envelope's.
pub(super) fn topic<'a>(mut members: impl Iterator<Item = (&'a str, Raw<'a>)>, wrapper: bool) -> Hint {
    match members.find(|(key, _)| envelopes::is_topic(key, wrapper)) {
        Some((key, topic)) => envelopes::hint(key, topic),
        None => Hint::Nothing,
    }
}

/// A topic of a log, and what it says.
#[derive(Debug, Default)]
pub(super) struct Topic {
    text: String,
    hint: Hint,
}

impl Topic {
    /// No product's topic is longer.
    const LONGEST: usize = 64;

    /// What a topic says, which most often is the one before.
    #[inline]
    fn tells(&mut self, topic: Raw<'_>) -> Hint {
        let same = scan::equal(self.text.as_bytes(), topic.text.as_bytes());
        if topic.kind == RawKind::Text && same { self.hint } else { self.learn(topic) }
    }

    #[cold]
    #[inline(never)]
    fn learn(&mut self, topic: Raw<'_>) -> Hint {
        let hint = envelopes::hint(envelopes::TOPIC, topic);
        if topic.kind == RawKind::Text && topic.text.len() <= Self::LONGEST {
            topic.text.clone_into(&mut self.text);
            self.hint = hint;
        }
        hint
    }
}

/// The names of the columns of an envelope's rows, from its context.
#[cold]
#[inline(never)]
fn envelope_columns(context: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(context).unwrap_or_default();
    let (mut members, mut unescaped) = (Vec::new(), String::new());
    let _ = json::read_members(text, &mut members, &mut unescaped);
    let source = Object { text, unescaped: &unescaped, members: &members };
    let all = (0..members.len()).map(|i| (source.key(i), source.raw(i).text));
    let sections = all.filter(|(key, _)| envelopes::key_role(key.as_bytes()) == KeyRole::Section);
    sections.flat_map(|(_, section)| columns_of(section)).collect()
}

fn columns_of(section: &str) -> Vec<String> {
    let (mut members, mut unescaped) = (Vec::new(), String::new());
    let (mut names, mut names_unescaped) = (Vec::new(), String::new());
    let _ = json::read_members(section, &mut members, &mut unescaped);
    let Some(columns) = members.iter().find(|m| m.key.of(section, &unescaped) == envelopes::COLUMNS) else {
        return Vec::new();
    };
    let text = columns.value.of(section, &unescaped);
    let _ = json::read_members(text, &mut names, &mut names_unescaped);
    names.iter().map(|m| m.value.of(text, &names_unescaped).to_owned()).collect()
}

/// Whether LTS has marked words in a text. Few records have a `<` at all.
fn is_highlighted(text: &str) -> bool {
    scan::has(text.as_bytes(), b'<') && text.contains(HIGHLIGHTS[0])
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

/// The member that makes an object an envelope that the framing opens.
pub(super) fn records_in(object: Object<'_>) -> Option<usize> {
    let mut members = object.members.iter().enumerate().filter(|(_, m)| m.value.is_nested());
    members.find(|(i, _)| holds_records(object.key(*i), object.raw(*i).text)).map(|(i, _)| i)
}

/// Whether a member of a context, where arrays are without their records, may have held them.
fn held_records(key: &str, value: &str) -> bool {
    match envelopes::key_role(key.as_bytes()) {
        KeyRole::Records => value.starts_with('['),
        KeyRole::Section => value.starts_with('{'),
        KeyRole::RecordsOrSection => true,
        KeyRole::Rows | KeyRole::Other => false,
    }
}

/// Whether a member of an object may make it an envelope that the framing opens. Its array does
/// not, if no record begins in it.
fn holds_records(key: &str, value: &str) -> bool {
    let records = || value.strip_prefix('[').is_some_and(|rest| rest.trim_ascii_start().starts_with('{'));
    match envelopes::key_role(key.as_bytes()) {
        KeyRole::Records => records(),
        KeyRole::Section => value.starts_with('{'),
        KeyRole::RecordsOrSection => value.starts_with('{') || records(),
        KeyRole::Rows | KeyRole::Other => false,
    }
}

#[cold]
#[inline(never)]
fn not_utf8(bytes: &[u8], at: usize) -> Fault<'static> {
    let byte = bytes.get(at).copied().unwrap_or_default();
    let text = format!("byte 0x{byte:02x} at offset {at} is not UTF-8; convert the input to UTF-8");
    Fault { offset: Some(at), ..Fault::of_record(code::UTF8, text) }
}

#[cold]
#[inline(never)]
fn no_payload<'a>(field: &'a str, payload: Raw<'a>) -> Fault<'a> {
    let text = "is no record; a string or an object is expected";
    Fault { field, found: payload.text, ..Fault::of_record(code::UNKNOWN_FORMAT, text) }
}

/// An array whose values the envelope does not name.
#[cold]
#[inline(never)]
fn not_the_columns(values: usize, columns: usize) -> Fault<'static> {
    if columns == 0 {
        let text = "an array, and the envelope does not name its columns";
        return Fault::of_record(code::UNKNOWN_FORMAT, text);
    }
    let text = format!("{values} values, but the envelope names {}", counted(columns));
    Fault::of_record(code::COLUMN_COUNT, text)
}

#[cold]
#[inline(never)]
pub(super) fn too_long() -> Fault<'static> {
    let text = format!("the record is longer than {} bytes, the most that a record may have", limits::RECORD);
    Fault::of_record(code::TOO_LONG, text)
}

#[cold]
#[inline(never)]
pub(super) fn too_many_records() -> Fault<'static> {
    let text = format!("the records in it make more than {} bytes; split it before", limits::ELEMENT_OUTPUT);
    Fault::of_record(code::TOO_MANY_RECORDS, text)
}

#[cold]
#[inline(never)]
fn nested_too_deep() -> Fault<'static> {
    let text = format!("arrays and objects are nested deeper than {}", limits::DEPTH);
    Fault::of_record(code::NESTING, text)
}

#[cold]
#[inline(never)]
fn wrapped_too_often(wraps: usize) -> Fault<'static> {
    Fault::of_record(code::NESTING, format!("envelopes are nested deeper than {wraps}"))
}

#[cold]
#[inline(never)]
fn json_fault(text: &str, fault: JsonFault) -> Fault<'static> {
    if fault.what == "nested too deep" {
        return nested_too_deep();
    }
    let found = match text[fault.offset..].chars().next() {
        Some(c) => format!("found {c:?}"),
        None => "the text ends".into(),
    };
    let text = format!("no valid JSON at offset {}: {}, {found}", fault.offset, fault.what);
    Fault { offset: Some(fault.offset), ..Fault::of_record(code::JSON, text) }
}

fn unknown_product(id: &str) -> Error {
    let known: Vec<_> = products::all().iter().map(|p| p.id).collect();
    let near = nearest::nearest(id, &mut known.iter().copied());
    Error::new(match near {
        Some(n) => format!("no product is called {id:?}; did you mean {n:?}? `weir formats` lists them"),
        None => format!("no product is called {id:?}; known are {}", known.join(", ")),
    })
}
