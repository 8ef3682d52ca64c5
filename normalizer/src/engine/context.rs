//! What stands around an element: its envelope, the topic of its log, the names of its columns.

use std::mem;

use crate::{
    bytes::scan,
    catalog::{
        envelopes::{self, KeyRole, Meta},
        hint::Hint,
    },
    fast::plans::QuickPlan,
    json::{
        members::{Member, Object},
        read as json,
    },
    reading::{around::KeptMembers, planner::Planner},
    rules::compiled::Rules,
    value::{
        missing,
        raw::{Raw, RawKind},
        time::{self, Time},
    },
};

/// What stands around an element. Its number is 0 for nothing, and else of no other context that
/// this normalizer comes to: contexts may be long, and their elements short and many.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Context<'c> {
    pub(super) bytes: &'c [u8],
    pub(super) number: u64,
}

/// The context that something was made of.
#[derive(Debug, Default)]
pub(super) struct SeenContext {
    bytes: Vec<u8>,
    number: u64,
}

impl SeenContext {
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
    pub(super) context: SeenContext,
    pub(super) names: Vec<String>,
    /// What is done with them; none if that was not asked yet.
    pub(super) plan: Option<Box<QuickPlan>>,
}

/// What the envelope of an element says.
#[derive(Debug, Default)]
pub(super) struct Surroundings {
    /// The envelope, as its elements' context.
    pub(super) context: SeenContext,
    pub(super) members: Vec<Member>,
    pub(super) unescaped: String,
    pub(super) log_time: Option<Time>,
    /// What its topic says.
    pub(super) hint: Hint,
    /// What is kept with its records, if something is.
    pub(super) kept: KeptMembers,
}

impl Surroundings {
    /// Sees what an element's envelope says, if it is another one than before.
    #[inline]
    pub(super) fn look_around(&mut self, context: Context<'_>, rules: &Rules) {
        if !self.context.is(context) {
            let known = mem::take(&mut self.context);
            *self = Self { context: known, ..Self::new(context.bytes, rules) };
        }
    }

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
            let kept = |key: &str, raw: Raw<'_>| raw.kind != RawKind::Nested || !held_records(key, raw.text);
            new.kept = KeptMembers::new(&source, kept);
        }
        new
    }
}

/// A context of a batch whose first has this number.
#[inline]
pub(super) fn numbered(bytes: &[u8], first: u64, in_batch: u32) -> Context<'_> {
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
    pub(super) fn tells(&mut self, topic: Raw<'_>) -> Hint {
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

/// The names of the columns of an envelope's rows, from its context. Where that ends in the middle of
/// the rows' own section, as behind [`LOOK_AHEAD`](crate::base::limits::LOOK_AHEAD), the names are in
/// what there is of it.
#[cold]
#[inline(never)]
pub(super) fn envelope_columns(context: &[u8]) -> Vec<String> {
    let text = json::closed(std::str::from_utf8(context).unwrap_or_default());
    let text = &*text;
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

/// Whether a member of a context, where arrays are without their records, may have held them.
fn held_records(key: &str, value: &str) -> bool {
    match envelopes::key_role(key.as_bytes()) {
        KeyRole::Records => value.starts_with('['),
        KeyRole::Section => value.starts_with('{'),
        KeyRole::RecordsOrSection => true,
        KeyRole::Rows | KeyRole::Other => false,
    }
}

impl EnvelopeColumns {
    /// Reads the names from an envelope's context, if it is another one than before.
    pub(super) fn see(&mut self, context: Context<'_>) {
        if !self.context.is(context) {
            (self.names, self.plan) = (envelope_columns(context.bytes), None);
        }
    }

    /// The names, and the plan for them.
    pub(super) fn plan(&mut self, planner: &Planner, hint: Hint) -> (&[String], &QuickPlan) {
        if self.plan.as_ref().is_some_and(|quick| quick.plan.hint != hint) {
            self.plan = None;
        }
        let names = &self.names;
        let quick = self.plan.get_or_insert_with(|| {
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            Box::new(QuickPlan::new(planner, &names, hint))
        });
        (names, quick)
    }
}
