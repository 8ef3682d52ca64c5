//! Peels an element until records are found: an object's members, a line's columns, and what an
//! envelope holds as a value. A plan then says what is done with each value.

use crate::{
    base::limits,
    bytes::scan,
    catalog::{envelopes::records_in, hint::Hint},
    engine::{
        context::{Context, EnvelopeColumns, Surroundings, Topic, numbered, topic},
        encoded,
        finisher::{Finisher, Found, Scratch},
        highlights::{is_highlighted, strip_highlights},
        line_refusals::nul_byte,
        named_lines::{Cutting, NamedLines, WrittenLines},
        own_lines::OwnLines,
        refusals::{
            self, NO_RECORDS, json_fault, no_payload, no_record, not_the_columns, not_utf8, records_twice,
            wrapped_too_often,
        },
        sink::Sink,
        stamp::{begins_record, stamped},
    },
    fast::plans::{Plans, QuickPlan},
    framing::{
        framer::Framer,
        keys::{Beside, Keys},
        layout::HEADER,
    },
    json::{
        members::{Member, Object},
        read as json,
    },
    reading::{
        around::{Around, EnvelopeFields, EnvelopeObject},
        plan::{Plan, Verdict},
        planner::Planner,
        source::NamedRow,
    },
    record::fault::{Fault, RejectCode},
    rules::config::Config,
    value::{raw::RawKind, time},
    wire::{
        batch::{Batch, Element},
        framing_fault::FramingFault,
    },
};

/// What peeling has at hand at every depth.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) finisher: Finisher,
    pub(super) planner: Planner,
    /// The one product that records may be of.
    pub(super) from: Option<usize>,
    /// What of the configuration is asked again, where something is framed inside of a record.
    pub(super) config: Config,
    /// The topic of the log that came last.
    pub(super) topic: Topic,
    /// Looks for records in arrays that stand beside one; none before the first of those.
    pub(super) keys: Option<Box<Keys>>,
    /// The number of the next context.
    pub(super) next_context: u64,
    /// Whether the text under way was compressed.
    pub(super) in_compressed: bool,
    /// How often a record may be wrapped; there is a level for each and one more.
    pub(super) wraps: usize,
    /// Whether the element under way holds several records, and the tallies before it.
    pub(super) compound: bool,
    pub(super) tallies_before: Vec<u32>,
}

impl Core {
    /// The first member beside a payload that has records in it.
    #[cold]
    #[inline(never)]
    fn records_beside(&mut self, payload: usize, object: Object<'_>) -> Option<usize> {
        // The configuration was checked when the normalizer was made.
        if self.keys.is_none() {
            self.keys = Keys::new(&self.config).ok().map(Box::new);
        }
        let keys = self.keys.as_mut()?;
        (0..object.members.len()).filter(|i| *i != payload && object.members[*i].value.is_nested()).find(
            |i| {
                let beside = Beside::of(object.key(*i));
                !keys.records_in(object.raw(*i).text.as_bytes(), beside).is_empty()
            },
        )
    }

    /// Numbers `contexts` contexts; returns the number of the first.
    pub(super) fn number_contexts(&mut self, contexts: usize) -> u64 {
        let first = self.next_context;
        self.next_context += contexts as u64;
        first
    }
}

/// The memory for one level of peeling.
#[derive(Debug, Default)]
pub(super) struct Level {
    pub(super) plans: Plans,
    pub(super) members: Vec<Member>,
    pub(super) unescaped: String,
    pub(super) scratch: Scratch,
    /// The columns of the rows in the envelope that came last.
    columns: EnvelopeColumns,
    pub(super) framer: Option<Box<Framer>>,
}

/// An object whose members a fast path has read, and whose record it could not write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ReadBefore {
    /// Whether arrays or objects may be among them.
    pub(super) nested: bool,
    /// Whether it was tried to write the record.
    pub(super) tried: bool,
}

/// Peeling at some depth.
#[derive(Debug)]
pub(super) struct Peel<'p> {
    pub(super) core: &'p mut Core,
    /// The levels that are left, for this depth and those below it.
    pub(super) levels: &'p mut [Level],
    /// What stood around the elements that came last, at this depth and below.
    pub(super) surroundings: &'p mut [Surroundings],
    /// Lines whose columns somebody named; `None` inside of one.
    pub(super) named: Option<&'p mut NamedLines>,
    /// Lines in formats of vendors; `None` inside of one.
    pub(super) written: Option<&'p mut WrittenLines>,
    pub(super) own: &'p mut OwnLines,
    /// Whether it is inside of another record.
    pub(super) inside: bool,
}

/// What a record holds as a payload, to be peeled with what it says of it.
pub(super) struct Inner<'p> {
    peel: Peel<'p>,
    payload: &'p str,
    around: Around<'p>,
    /// What [`Rejects::leave`] wants at the end.
    entered: Option<usize>,
}

impl Inner<'_> {
    /// Peels it to the end.
    #[inline(always)]
    fn peel(self, sink: &mut Sink<'_>) {
        let Self { mut peel, payload, around, entered } = self;
        peel.through(payload, None, around, sink);
        peel.core.finisher.rejects.leave(entered);
    }
}

impl<'p> Peel<'p> {
    /// The same for a shorter time.
    fn reborrow(&mut self) -> Peel<'_> {
        Peel {
            core: self.core,
            levels: self.levels,
            surroundings: self.surroundings,
            named: self.named.as_deref_mut(),
            written: self.written.as_deref_mut(),
            own: self.own,
            inside: self.inside,
        }
    }

    pub(super) fn reject(&mut self, fault: &Fault<'_>, sink: &mut Sink<'_>) {
        self.core.finisher.rejects.reject(fault, sink);
    }

    fn observe(&mut self, text: &str) {
        if let Some(observer) = &mut self.core.finisher.rejects.observer {
            observer.text(text);
        }
    }

    /// Takes the level of this depth; what is left peels one deeper. The same again where none is left.
    fn descend(mut self) -> Result<(&'p mut Level, Self), Self> {
        match std::mem::take(&mut self.levels).split_first_mut() {
            Some((level, levels)) => Ok((level, Self { levels, inside: true, ..self })),
            None => Err(self),
        }
    }

    /// Normalizes an element, with what its envelope's context says; `read` where it is an object whose
    /// members are in the first level.
    pub(super) fn element(
        &mut self,
        text: &str,
        context: Context<'_>,
        around: Around<'_>,
        read: Option<ReadBefore>,
        sink: &mut Sink<'_>,
    ) {
        if matches!(context.bytes, [] | [HEADER, ..]) {
            return self.text_or_members(text, context, around, read, sink);
        }
        let Some((envelope, surroundings)) = self.surroundings.split_first_mut() else {
            return self.reject_wraps(sink);
        };
        envelope.look_around(context, &self.core.finisher.rules);
        let hint = envelope.hint.or(around.hint);
        let log_time = time::better(envelope.log_time, around.log_time);
        let mut around = Around { hint, log_time, ..around };
        let (mut fields, mut source) = (EnvelopeFields::new(), Object::default());
        if self.core.finisher.rules.keep_envelope {
            source.text = std::str::from_utf8(context.bytes).unwrap_or_default();
            (source.unescaped, source.members) = (&envelope.unescaped, &envelope.members);
            let inner = EnvelopeObject { source: &source, kept: &envelope.kept };
            around.kept = around.kept.with(inner, &mut fields);
        }
        let mut peel = Peel {
            core: self.core,
            levels: self.levels,
            surroundings,
            named: self.named.as_deref_mut(),
            written: self.written.as_deref_mut(),
            own: self.own,
            inside: self.inside,
        };
        peel.text_or_members(text, context, around, read, sink);
    }

    fn text_or_members(
        &mut self,
        text: &str,
        context: Context<'_>,
        around: Around<'_>,
        read: Option<ReadBefore>,
        sink: &mut Sink<'_>,
    ) {
        let Some(read) = read.filter(|_| !self.levels.is_empty()) else {
            return self.text(text, context, around, sink);
        };
        let mut fields = EnvelopeFields::new();
        if let Ok((level, deeper)) = self.reborrow().descend()
            && let Some(inner) =
                deeper.members(text, Some(read), read.nested, around, level, &mut fields, sink)
        {
            inner.peel(sink);
        }
    }

    /// Normalizes a text that holds a record, or several inside an envelope.
    #[inline]
    pub(super) fn text(&mut self, text: &str, context: Context<'_>, around: Around<'_>, sink: &mut Sink<'_>) {
        self.through(text, Some(context), around, sink);
    }

    /// Normalizes a text with its context, or a payload, which has none, through every payload in a
    /// payload. A loop, so that how often a record is wrapped costs no stack: runtimes for small places
    /// have little.
    #[inline(never)]
    fn through(&mut self, text: &str, context: Option<Context<'_>>, around: Around<'_>, sink: &mut Sink<'_>) {
        // Each text but the last takes a level, and there is one more level than a record may have wraps.
        let mut fields: [EnvelopeFields<'_>; limits::WRAPS + 2] = Default::default();
        let mut fields = fields.iter_mut();
        let (mut peel, mut text, mut context, mut around) = (self.reborrow(), text, context, around);
        let mut entered = None;
        loop {
            if context.is_none() {
                // Blanks may be separators of columns, so only line breaks are taken away.
                text = text.strip_prefix('\u{feff}').unwrap_or(text).trim_matches(['\n', '\r']);
                if !text.trim_ascii_start().starts_with('{') && scan::has(text.as_bytes(), b'\n') {
                    peel.documents(text, around, sink);
                    break;
                }
            }
            let Some(fields) = fields.next() else {
                peel.reject_wraps(sink);
                break;
            };
            let inner = peel.step(text, context.unwrap_or_default(), around, fields, sink);
            let Some(inner) = inner else { break };
            entered = entered.or(inner.entered);
            (peel, text, context, around) = (inner.peel, inner.payload, None, inner.around);
        }
        self.core.finisher.rejects.leave(entered);
    }

    /// Normalizes a text up to a payload, whose peeling is left to the caller.
    #[inline(always)]
    fn step(
        mut self,
        text: &'p str,
        context: Context<'_>,
        around: Around<'p>,
        fields: &'p mut EnvelopeFields<'p>,
        sink: &mut Sink<'_>,
    ) -> Option<Inner<'p>> {
        self.observe(text);
        match text.trim_ascii_start().as_bytes().first() {
            Some(&b) if self.named.as_ref().is_some_and(|named| named.begins_with(b)) => {
                return self.line(text, context, around, fields, sink);
            }
            Some(b'{') => return self.object(text, around, fields, sink),
            Some(b'[') if context.bytes.first() == Some(&b'{') => {
                return self.row(text, context, around, fields, sink);
            }
            Some(b'[') if self.inside => self.documents(text, around, sink),
            Some(_) => return self.line(text, context, around, fields, sink),
            None => self.reject(&Fault::of_record(RejectCode::UnknownFormat, "the record is empty"), sink),
        }
        None
    }

    #[inline(never)]
    fn object(
        self,
        text: &'p str,
        around: Around<'p>,
        fields: &'p mut EnvelopeFields<'p>,
        sink: &mut Sink<'_>,
    ) -> Option<Inner<'p>> {
        let outermost = !self.inside;
        let (level, mut deeper) = self.descend().map_err(|mut same| same.reject_wraps(sink)).ok()?;
        let (members, unescaped) = (&mut level.members, &mut level.unescaped);
        let read = level.plans.read(text, text.as_bytes(), members, unescaped);
        let (known, nested) = (read.is_some(), read.is_none_or(|(_, nested)| nested));
        if !known && let Err(e) = json::read_members(text, &mut level.members, &mut level.unescaped) {
            // Several documents in one string, perhaps.
            if outermost
                || !text.trim_ascii().contains('\n')
                || !deeper.documents_in(text, around, &mut level.framer, sink)
            {
                deeper.reject(&json_fault(text, e), sink);
            }
            return None;
        }
        let read = known.then_some(ReadBefore { nested, tried: false });
        deeper.members(text, read, nested, around, level, fields, sink)
    }

    fn reject_wraps(&mut self, sink: &mut Sink<'_>) {
        self.reject(&wrapped_too_often(self.core.wraps), sink);
    }

    /// Normalizes an object whose members are in the level above; `read` where they are those of the
    /// plan that was needed last, `nested` where arrays or objects may be among them.
    #[expect(clippy::too_many_arguments)]
    fn members(
        mut self,
        text: &'p str,
        read: Option<ReadBefore>,
        nested: bool,
        around: Around<'p>,
        level: &'p mut Level,
        fields: &'p mut EnvelopeFields<'p>,
        sink: &mut Sink<'_>,
    ) -> Option<Inner<'p>> {
        let Level { plans, members, unescaped, scratch, framer, .. } = level;
        let source = Object { text, unescaped, members };
        let array = if nested { records_in(source) } else { None };
        if array.is_some() && self.documents_in(text, around, framer, sink) {
            return None;
        }
        let members = (0..source.members.len()).map(|i| (source.key(i), source.raw(i)));
        let topic = match plans.latest() {
            Some(quick) if read.is_some() => {
                quick.plan.topic.map_or(Hint::Nothing, |i| self.core.topic.tells(source.raw(i)))
            }
            _ => topic(members, false),
        };
        let around = Around { hint: topic.or(around.hint), ..around };
        let keys = || source.members.iter().map(|m| m.key.of(text, source.unescaped));
        let quick = match read.is_some() {
            true => plans.get_again(&self.core.planner, keys, around.hint),
            false => plans.get(&self.core.planner, keys, around.hint),
        };
        let fast = !read.is_some_and(|read| read.tried);
        if let (Verdict::Payload(payload), Some(_)) = (&quick.plan.verdict, array)
            && let Some(other) = self.core.records_beside(*payload, source)
        {
            let keys = [*payload, other].map(|i| source.key(i));
            self.reject(&records_twice(keys), sink);
            return None;
        }
        self.record(quick, Found { source: &source, around, text, fast }, scratch, fields, sink)
    }

    /// Normalizes an array whose values the envelope names.
    #[inline(never)]
    fn row(
        self,
        text: &'p str,
        context: Context<'_>,
        around: Around<'p>,
        fields: &'p mut EnvelopeFields<'p>,
        sink: &mut Sink<'_>,
    ) -> Option<Inner<'p>> {
        let (level, mut deeper) = self.descend().map_err(|mut same| same.reject_wraps(sink)).ok()?;
        let Level { members, unescaped, scratch, columns, .. } = level;
        columns.see(context);
        let read = json::read_members(text, members, unescaped);
        if let Err(e) = read {
            deeper.reject(&json_fault(text, e), sink);
            return None;
        }
        if columns.names.is_empty() || columns.names.len() != members.len() {
            deeper.reject(&not_the_columns(members.len(), columns.names.len()), sink);
            return None;
        }
        let (names, quick) = columns.plan(&deeper.core.planner, around.hint);
        let source = NamedRow { columns: names, values: Object { text, unescaped, members } };
        deeper.record(quick, Found { source: &source, around, text, fast: true }, scratch, fields, sink)
    }

    /// Normalizes a line; the context may be a header row.
    pub(super) fn whole_line(
        &mut self,
        text: &str,
        context: Context<'_>,
        around: Around<'_>,
        sink: &mut Sink<'_>,
    ) {
        let mut fields = EnvelopeFields::new();
        if let Some(inner) = self.reborrow().line(text, context, around, &mut fields, sink) {
            inner.peel(sink);
        }
    }

    /// Does so up to a payload, whose peeling is left to the caller.
    #[inline(never)]
    fn line(
        mut self,
        text: &'p str,
        context: Context<'_>,
        around: Around<'p>,
        fields: &'p mut EnvelopeFields<'p>,
        sink: &mut Sink<'_>,
    ) -> Option<Inner<'p>> {
        self.own.cut(text);
        // A plain line has no control characters.
        if !self.own.columns.is_plain()
            && let Some(at) = memchr::memchr(0, text.as_bytes())
        {
            self.reject(&nul_byte(at), sink);
            return None;
        }
        // What the framing has not seen is in a payload.
        let has_header = |named: &NamedLines| {
            named.layout.as_ref().is_some_and(|rows| rows.layout.is_header(text.as_bytes()))
        };
        if self.named.as_deref().is_some_and(has_header) {
            let fault = Fault::of_record(RejectCode::Header, "this is the layout's header row and no record");
            self.reject(&fault, sink);
            return None;
        }
        let planner = &self.core.planner;
        let is_row = self.named.as_deref_mut().is_some_and(|named| {
            named.speak_for(text, context, self.own, self.written.as_deref_mut(), planner)
        });
        let cutting = match is_row {
            true => self.named.take().and_then(NamedLines::get),
            false => match self.written.as_deref_mut().and_then(|written| written.find(text)) {
                Some(format) => self.written.take().map(|written| written.get(format)),
                None => None,
            },
        };
        match cutting {
            Some(cutting) => self.cut_line(cutting, text, around, fields, sink),
            None => {
                let found = self.own.tell(text);
                self.line_of(found, true, text, around, sink)
            }
        }
    }

    /// Normalizes a line whose columns somebody named. What a column holds is one deeper.
    #[inline(never)]
    fn cut_line(
        self,
        cutting: Cutting<'p>,
        text: &'p str,
        around: Around<'p>,
        fields: &'p mut EnvelopeFields<'p>,
        sink: &mut Sink<'_>,
    ) -> Option<Inner<'p>> {
        let Cutting { rows, columns, scratch } = cutting;
        let (time, text) = match rows.cut(text, columns, self.core.finisher.rules.zone.as_ref()) {
            Ok(cut) => cut,
            Err(fault) => {
                self.core.finisher.rejects.reject(&fault, sink);
                return None;
            }
        };
        let log_time = if time.is_some() { time::better(time, around.log_time) } else { around.log_time };
        let source = rows.source(text, columns);
        let found = Found { source: &source, around: Around { log_time, ..around }, text, fast: true };
        let used = usize::from(!self.inside).min(self.levels.len());
        let inside = Self { levels: &mut self.levels[used..], named: None, inside: true, ..self };
        inside.record(&rows.quick, found, scratch, fields, sink)
    }

    /// A line of these known lines, if of any. It was cut at its blanks; `fast` where the fast paths
    /// were not tried yet.
    pub(super) fn whole_line_of(
        &mut self,
        found: Option<usize>,
        fast: bool,
        text: &str,
        around: Around<'_>,
        sink: &mut Sink<'_>,
    ) {
        if let Some(inner) = self.reborrow().line_of(found, fast, text, around, sink) {
            inner.peel(sink);
        }
    }

    /// Does so up to JSON behind a time, whose peeling is left to the caller.
    fn line_of(
        self,
        found: Option<usize>,
        fast: bool,
        text: &'p str,
        around: Around<'p>,
        sink: &mut Sink<'_>,
    ) -> Option<Inner<'p>> {
        let finisher = &mut self.core.finisher;
        let stamp = match self.own.has_columns_of(found) {
            true => None,
            false => stamped(text, finisher.rules.zone.as_ref(), begins_record),
        };
        let Some((time, rest)) = stamp else {
            self.own.finish(found, fast, text, around, finisher, sink);
            return None;
        };
        let around = Around { log_time: time::better(Some(time), around.log_time), ..around };
        if rest.starts_with('{') {
            return Some(Inner { peel: self, payload: rest, around, entered: None });
        }
        // A line of a known layout, perhaps.
        self.own.finish_behind_time(rest, around, finisher, sink);
        None
    }

    /// Does with a record what its plan says; what is inside of it goes on at this depth.
    pub(super) fn whole_record<'a>(
        &mut self,
        quick: &QuickPlan,
        found: Found<'_, 'a>,
        scratch: &'a mut Scratch,
        sink: &mut Sink<'_>,
    ) {
        let mut fields = EnvelopeFields::new();
        if let Some(inner) = self.reborrow().record(quick, found, scratch, &mut fields, sink) {
            inner.peel(sink);
        }
    }

    /// Does so up to a payload, whose peeling is left to the caller.
    fn record<'a: 'p>(
        mut self,
        quick: &QuickPlan,
        found: Found<'_, 'a>,
        scratch: &'a mut Scratch,
        fields: &'p mut EnvelopeFields<'p>,
        sink: &mut Sink<'_>,
    ) -> Option<Inner<'p>> {
        match quick.plan.verdict {
            Verdict::Product(_) => {
                let inner = (&mut scratch.members, &mut scratch.unescaped);
                self.core.finisher.keyed(quick, found, inner, sink);
            }
            Verdict::Payload(member) => {
                return self.payload_member(&quick.plan, found, member, &mut scratch.stripped, fields, sink);
            }
            Verdict::Encoded(member) if self.encoded(&quick.plan, found, member, sink) => {}
            _ => {
                let fault = no_record(&quick.plan, found.source, found.text, self.core.from);
                self.reject(&fault, sink);
            }
        }
        None
    }

    /// Normalizes what a member holds.
    pub(super) fn whole_payload<'a>(
        &mut self,
        plan: &Plan,
        found: Found<'_, 'a>,
        member: usize,
        stripped: &'a mut String,
        sink: &mut Sink<'_>,
    ) {
        let mut fields = EnvelopeFields::new();
        let inner = self.reborrow().payload_member(plan, found, member, stripped, &mut fields, sink);
        if let Some(inner) = inner {
            inner.peel(sink);
        }
    }

    /// What a member holds, if that may be peeled.
    fn payload_member<'a: 'p>(
        mut self,
        plan: &Plan,
        found: Found<'_, 'a>,
        member: usize,
        stripped: &'p mut String,
        fields: &'p mut EnvelopeFields<'p>,
        sink: &mut Sink<'_>,
    ) -> Option<Inner<'p>> {
        let Found { source, around, .. } = found;
        let rules = &self.core.finisher.rules;
        let own = plan.log_time_in(source, rules.zone.as_ref());
        let log_time = time::better(own.map(|o| o.1), around.log_time);
        let mut around = Around { log_time, ..around };
        if rules.keep_envelope {
            around.kept = around.kept.with_own(plan, source, fields);
        }
        let (key, payload) = (source.key(member), source.raw(member));
        let payload = match payload.kind {
            RawKind::Text | RawKind::Nested if is_highlighted(payload.text) => {
                strip_highlights(payload.text, stripped);
                stripped
            }
            RawKind::Text | RawKind::Nested => payload.text,
            RawKind::Number | RawKind::Literal => {
                let entered = self.core.finisher.rejects.enter(key);
                self.reject(&no_payload(key, payload), sink);
                self.core.finisher.rejects.leave(entered);
                return None;
            }
        };
        let entered = self.core.finisher.rejects.enter(key);
        Some(Inner { peel: self, payload, around, entered })
    }

    /// Normalizes the text that a member has in base64; false where it has none. Apart from what is
    /// called anew for each envelope around a record.
    #[cold]
    #[inline(never)]
    fn encoded(&mut self, plan: &Plan, found: Found<'_, '_>, member: usize, sink: &mut Sink<'_>) -> bool {
        let Found { source, around, .. } = found;
        let in_compressed = self.core.in_compressed;
        match encoded::text(source.raw(member), in_compressed) {
            None => return false,
            Some(Err(fault)) => self.reject(&fault, sink),
            Some(Ok((text, compressed))) => {
                self.core.in_compressed |= compressed;
                let entered = self.core.finisher.rejects.enter(source.key(member));
                let mut fields = EnvelopeFields::new();
                let kept = match self.core.finisher.rules.keep_envelope {
                    true => around.kept.with_own(plan, source, &mut fields),
                    false => around.kept,
                };
                let around = Around { kept, ..around };
                Inner { peel: self.reborrow(), payload: &text, around, entered }.peel(sink);
                self.core.in_compressed = in_compressed;
            }
        }
        true
    }

    /// Normalizes a text with several lines or documents, or with an envelope that the framing opens.
    #[inline(never)]
    fn documents(&mut self, text: &str, around: Around<'_>, sink: &mut Sink<'_>) {
        let (level, mut deeper) = match self.reborrow().descend() {
            Ok(descended) => descended,
            Err(mut same) => return same.reject_wraps(sink),
        };
        let held = deeper.documents_in(text, around, &mut level.framer, sink);
        match text.trim_ascii() {
            _ if held => {}
            array if array.starts_with('[') => {
                let text = "an array that holds no records";
                self.reject(&Fault::of_record(RejectCode::UnknownFormat, text), sink);
            }
            // One line, and blanks on others.
            line => self.text(line, Context::default(), around, sink),
        }
    }

    /// Normalizes the elements of a text, each at this depth. False, and nothing done, where the text
    /// is one element and no envelope.
    pub(super) fn documents_in(
        &mut self,
        text: &str,
        around: Around<'_>,
        framer: &mut Option<Box<Framer>>,
        sink: &mut Sink<'_>,
    ) -> bool {
        if framer.is_none() {
            *framer = new_framer(&self.core.config);
        }
        let Some(framer) = framer else { return false };
        framer.reset();
        framer.push(text.as_bytes());
        framer.finish();
        if !self.core.compound {
            self.core.compound = true;
            if let Some(collector) = &mut self.core.finisher.memory.collector {
                collector.compound(sink.element);
            }
            self.core.tallies_before.clone_from(&self.core.finisher.tallies);
        }
        let mut any = false;
        while let Some(batch) = framer.next_batch() {
            let whole = |e: &Element| e.len as usize == text.trim_ascii().len() && e.context == 0;
            if batch.elements.len() == 1 && batch.elements.iter().all(whole) {
                framer.recycle(batch);
                return false;
            }
            let contexts = self.core.number_contexts(batch.contexts.len());
            for i in 0..batch.elements.len() {
                any = true;
                if sink.out.output.len() + sink.out.rejects.len() - sink.start > limits::ELEMENT_OUTPUT {
                    // All of it is taken back when the element is done.
                    break;
                }
                self.element_of(&batch, contexts, i, around, sink);
            }
            framer.recycle(batch);
        }
        if !any {
            self.reject(&Fault::of_record(RejectCode::UnknownFormat, NO_RECORDS), sink);
        }
        true
    }

    /// Normalizes an element of what was framed inside of a record.
    #[inline(never)]
    fn element_of(
        &mut self,
        batch: &Batch,
        contexts: u64,
        index: usize,
        around: Around<'_>,
        sink: &mut Sink<'_>,
    ) {
        let (element, bytes) = (&batch.elements[index], batch.raw(index));
        match (FramingFault::from_code(element.fault), std::str::from_utf8(bytes)) {
            (Some(fault), _) => self.reject(&refusals::framing(fault, bytes), sink),
            (None, Ok(text)) => {
                let context = (element.context as usize).checked_sub(1).and_then(|c| batch.contexts.get(c));
                let bytes = context.map_or(&[][..], Vec::as_slice);
                self.element(text, numbered(bytes, contexts, element.context), around, None, sink);
            }
            (None, Err(e)) => self.reject(&not_utf8(bytes, e.valid_up_to()), sink),
        }
    }
}

#[cold]
#[inline(never)]
pub(super) fn new_framer(config: &Config) -> Option<Box<Framer>> {
    // The configuration was checked when the normalizer was made.
    Framer::new(config).ok().map(Box::new)
}
