//! One object of what came of an event, and of what else was in it.

use std::{collections::BTreeSet, mem};

use crate::{
    bytes::sort,
    catalog::products,
    engine::{finisher::Finisher, rejects::FaultPlace},
    json::{members::Object, output::Output},
    record::fault::RejectCode,
    rules::{config::EventConfig, schema::Schema},
    schemas,
    value::raw::RawKind,
    wire::batch::{self, Outcome, Reject},
};

/// How what came of an event is put together with the rest of it.
#[derive(Debug)]
pub(super) struct Merge {
    pub(super) keep_original: bool,
    pub(super) drop_others: bool,
    /// Whether each payload is meant to be a record, as the configuration says.
    pub(super) sure: bool,
    /// The names that members of a record may have.
    names: BTreeSet<String>,
    /// The members that stay, by number.
    kept: Vec<usize>,
}

impl Merge {
    pub(super) fn new(config: &EventConfig) -> Self {
        let records = &config.records;
        Self {
            keep_original: config.keep_original,
            drop_others: config.drop_others,
            sure: records.from.is_some() || records.layout.is_some(),
            names: names(records.to),
            kept: Vec::new(),
        }
    }

    /// Makes one object of what came of an event; `out` has the records, a line each.
    #[inline(never)]
    pub(super) fn finish(
        &mut self,
        held: Held,
        source: Object<'_>,
        made: &Outcome,
        finisher: &Finisher,
        out: &mut Output,
    ) {
        let payload = match held {
            Held::Nothing => return unchanged(source.text.as_bytes(), out),
            Held::Header => return out.clear(),
            Held::Record => None,
            Held::Payload(i) => Some(i),
        };
        if made.rejected > 0 {
            if self.sure || is_ours(made) {
                return self.put_error(payload, source, made, finisher.rejects.noted.as_ref(), out);
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
            // The line break is no part of the object.
            out.truncate(out.len() - 1);
        }
        let (Some(payload), false) = (payload, self.drop_others && !self.keep_original) else { return };
        if source.members.len() == 1 && !self.keep_original {
            return;
        }
        live_members(source, &mut self.kept);
        let stays = |i: usize| if i == payload { self.keep_original } else { !self.drop_others };
        let rules = &finisher.rules;
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
    fn put_error(
        &mut self,
        payload: Option<usize>,
        source: Object<'_>,
        made: &Outcome,
        place: Option<&FaultPlace>,
        out: &mut Output,
    ) {
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

/// The key of several records that one event held.
const RECORDS: &str = "records";

/// The key of what is wrong with an event.
const ERROR: &str = "weir_error";

/// Stands before an event's own key where a record may have a member of that name.
const PREFIX: &str = "agent_";

/// What an event holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// Nothing that Weir is for.
    Nothing,
    /// The event is a record.
    Record,
    /// The member with this number holds records.
    Payload(usize),
    /// A header row, which is no record.
    Header,
}

/// The faults of what may not be a record at all: a log agent carries other things, too.
const CODES_OF_OTHERS: [RejectCode; 9] = [
    RejectCode::Ambiguous,
    RejectCode::ApiError,
    RejectCode::ControlMessage,
    RejectCode::CutShort,
    RejectCode::Json,
    RejectCode::Nul,
    RejectCode::TooLong,
    RejectCode::UnknownFormat,
    RejectCode::Utf8,
];

/// Whether records came out, or what was rejected is known to be one.
pub(super) fn is_ours(made: &Outcome) -> bool {
    let known = |reject: Reject<'_>| {
        !reject.format.is_empty() || !CODES_OF_OTHERS.iter().any(|c| c.as_str() == reject.code)
    };
    made.normalized + made.filtered > 0 || batch::rejects(&made.rejects).flatten().any(known)
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

pub(super) fn unchanged(event: &[u8], out: &mut Output) {
    out.clear();
    out.extend_from_slice(event);
}
