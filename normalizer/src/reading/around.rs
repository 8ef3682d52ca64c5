//! What stands around a record: what the envelopes say of it, and what of them is kept with it.

use std::borrow::Cow;

use crate::{
    base::limits,
    bytes::sort,
    catalog::hint::Hint,
    json::{encode, members::Object, output::Output, read as json},
    reading::{plan::Plan, source::Source},
    schemas::nested,
    value::{
        raw::{Raw, RawKind},
        time::Time,
    },
};

/// What the envelopes around a record say.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Around<'a> {
    pub(crate) log_time: Option<Time>,
    /// What a topic says about its product.
    pub(crate) hint: Hint,
    /// What is kept of them; nothing where nothing is to be.
    pub(crate) kept: Kept<'a>,
}

/// A field of an envelope: its name and value.
type Field<'a> = (&'a str, Raw<'a>);

/// The fields of the envelopes around a record that are kept with it, each name once, from the
/// outermost to the innermost.
pub(crate) type EnvelopeFields<'a> = Vec<Field<'a>>;

/// What is kept of the envelopes around a record.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kept<'a> {
    Fields(&'a [Field<'a>]),
    /// The fields of the only envelope, and those that stand in the record, of other names.
    Envelope(EnvelopeObject<'a>, &'a [Field<'a>]),
}

/// An envelope, and what may be kept of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EnvelopeObject<'a> {
    pub(crate) source: &'a Object<'a>,
    pub(crate) kept: &'a KeptMembers,
}

/// What may be kept of an envelope. Found and written once: an envelope may be long, and its records
/// many and short.
#[derive(Debug, Default)]
pub(crate) struct KeptMembers {
    members: Vec<usize>,
    /// Those of them that are kept where no envelope is around this one, in the order of their names.
    alone: Vec<usize>,
    /// What is left of [`limits::ENVELOPE`] then.
    room: usize,
    json: KeptJson<'static>,
}

/// What is kept, as JSON.
#[derive(Debug, Default)]
pub(crate) struct KeptJson<'a> {
    /// An object; empty where nothing is kept.
    pub(crate) text: Cow<'a, str>,
    /// Whether each reader can read it, where that is known.
    pub(crate) readable: Option<bool>,
}

impl KeptMembers {
    /// Those of an envelope that may be kept.
    pub(crate) fn new(envelope: &Object<'_>, may_be: impl Fn(&str, Raw<'_>) -> bool) -> Self {
        let mut members = sort::last_of_each(envelope.members.len(), &|i| envelope.key(i));
        members.retain(|&i| may_be(envelope.key(i), envelope.raw(i)) && can_be_read_back(envelope.raw(i)));
        let mut kept = Self { members, room: limits::ENVELOPE, ..Self::default() };
        let mut fields = EnvelopeFields::new();
        for &i in &kept.members {
            let field = (envelope.key(i), envelope.raw(i));
            if add_one(&mut fields, field, &mut kept.room) {
                kept.alone.push(i);
            }
        }
        sort::sort_by(&mut kept.alone, |&a, &b| envelope.key(a) < envelope.key(b));
        let text = object(&fields);
        kept.json = KeptJson { readable: Some(nested::is_readable(&text)), text: Cow::Owned(text) };
        kept
    }

    fn fields<'a>(&self, envelope: &Object<'a>) -> impl Iterator<Item = Field<'a>> {
        self.members.iter().map(|&i| (envelope.key(i), envelope.raw(i)))
    }
}

impl Default for Kept<'_> {
    fn default() -> Self {
        Self::Fields(&[])
    }
}

impl<'a> Kept<'a> {
    /// With those of an envelope inside of these; `fields` is memory for them.
    pub(crate) fn with(self, inner: EnvelopeObject<'a>, fields: &'a mut EnvelopeFields<'a>) -> Self {
        if matches!(self, Self::Fields([])) {
            return Self::Envelope(inner, &[]);
        }
        self.copy_to(fields);
        add(fields, &mut inner.kept.fields(inner.source));
        Self::Fields(fields)
    }

    /// With those that stand in a record, or beside a payload; `fields` is memory for them.
    pub(crate) fn with_own<'s: 'a>(
        self,
        plan: &Plan,
        source: &dyn Source<'s>,
        fields: &'a mut EnvelopeFields<'a>,
    ) -> Self {
        if plan.envelope.is_empty() {
            return self;
        }
        let own = plan.envelope.iter().map(|&i| (source.key(i), source.raw(i)));
        let mut own = own.filter(|(_, raw)| can_be_read_back(*raw));
        if let Self::Envelope(envelope, []) = self
            && own.clone().all(|(key, _)| !envelope.has(key))
        {
            let (mut room, most) = (envelope.kept.room, limits::ENVELOPE_FIELDS - envelope.kept.alone.len());
            own.for_each(|field| _ = fields.len() < most && add_one(fields, field, &mut room));
            return Self::Envelope(envelope, fields);
        }
        self.copy_to(fields);
        add(fields, &mut own);
        Self::Fields(fields)
    }

    /// As a JSON object.
    pub(crate) fn json(self) -> KeptJson<'a> {
        match self {
            Self::Fields(fields) => KeptJson { text: Cow::Owned(object(fields)), readable: None },
            Self::Envelope(EnvelopeObject { kept, .. }, own) => kept.json.with(own),
        }
    }

    #[cold]
    #[inline(never)]
    fn copy_to(self, to: &mut EnvelopeFields<'a>) {
        to.clear();
        match self {
            Self::Fields(fields) => to.extend_from_slice(fields),
            Self::Envelope(EnvelopeObject { source, kept }, own) => {
                add(to, &mut kept.fields(source));
                add(to, &mut own.iter().copied());
            }
        }
    }
}

impl EnvelopeObject<'_> {
    /// Whether one of the fields that are kept has this name.
    fn has(&self, name: &str) -> bool {
        self.kept.alone.binary_search_by(|&i| self.source.key(i).cmp(name)).is_ok()
    }
}

impl KeptJson<'_> {
    /// With fields of other names.
    fn with<'s>(&'s self, own: &[Field<'_>]) -> KeptJson<'s> {
        let own = object(own);
        match (self.text.strip_suffix('}'), own.strip_prefix('{')) {
            (_, None) => KeptJson { text: Cow::Borrowed(&self.text), readable: self.readable },
            (None, _) => KeptJson { readable: Some(nested::is_readable(&own)), text: Cow::Owned(own) },
            (Some(before), Some(behind)) => KeptJson {
                text: Cow::Owned([before, ",", behind].concat()),
                readable: self.readable.map(|before| before && nested::is_readable(&own)),
            },
        }
    }
}

/// Fields as an object; empty where there are none.
fn object(fields: &[Field<'_>]) -> String {
    if fields.is_empty() {
        return String::new();
    }
    let mut json = Output::default();
    json.write(|buffer, at| encode::object(buffer, at, fields.iter().copied()));
    String::from_utf8_lossy(&json).into_owned()
}

/// Whether a field of an envelope could be read back: in `extra.envelope` it is one deeper than in
/// `extra`.
fn can_be_read_back(raw: Raw<'_>) -> bool {
    raw.kind != RawKind::Nested || !json::is_deeper(raw.text, limits::EXTRA_DEPTH - 1)
}

/// Adds the fields of an envelope, which has each once, to those of the envelopes around it; the
/// innermost of a name wins. Leaves out what exceeds [`limits::ENVELOPE`], so that many records
/// can't multiply it.
fn add<'f>(fields: &mut EnvelopeFields<'f>, new: &mut dyn Iterator<Item = Field<'f>>) {
    let mut around = fields.len();
    let mut room = limits::ENVELOPE.saturating_sub(fields.iter().map(size).sum());
    for field in new {
        if let Some(i) = fields[..around].iter().position(|f| f.0 == field.0) {
            room += size(&fields.remove(i));
            around -= 1;
        }
        add_one(fields, field, &mut room);
    }
}

/// Adds a field, where there is room for it.
fn add_one<'f>(fields: &mut EnvelopeFields<'f>, field: Field<'f>, room: &mut usize) -> bool {
    let fits = size(&field) <= *room && fields.len() < limits::ENVELOPE_FIELDS;
    if fits {
        *room -= size(&field);
        fields.push(field);
    }
    fits
}

fn size((key, raw): &Field<'_>) -> usize {
    key.len() + raw.text.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::json::members::Member;

    #[derive(Default)]
    struct Parsed {
        text: String,
        unescaped: String,
        members: Vec<Member>,
    }

    impl Parsed {
        fn new(fields: &[(String, String)]) -> Self {
            let fields = fields.iter().map(|(name, value)| format!("\"{name}\":{value}"));
            let text = format!("{{{}}}", fields.collect::<Vec<_>>().join(","));
            let mut parsed = Self { text, ..Self::default() };
            json::read_members(&parsed.text, &mut parsed.members, &mut parsed.unescaped).unwrap();
            parsed
        }

        fn object(&self) -> Object<'_> {
            Object { text: &self.text, unescaped: &self.unescaped, members: &self.members }
        }
    }

    fn field() -> impl Strategy<Value = (String, String)> {
        let long = (1..2000_usize).prop_map(|len| format!("\"{}\"", "a b\\\"".repeat(len / 4)));
        let value = prop_oneof![
            Just("1".to_owned()),
            Just("1e999".to_owned()),
            Just("[ 1, {\"a\" : \"b c\"} ]".to_owned()),
            long
        ];
        ("[a-p]{1,2}", value)
    }

    proptest! {
        #[test]
        fn what_is_written_once_is_what_would_be_written_each_time(
            around in prop::collection::vec(field(), 0..300),
            own in prop::collection::vec(field(), 0..6),
        ) {
            let (around, own) = (Parsed::new(&around), Parsed::new(&own));
            let (source, own) = (around.object(), own.object());
            let kept = KeptMembers::new(&source, |key, _| key != "b");
            let (mut unused, mut fields) = (Vec::new(), Vec::new());
            let once = Kept::default().with(EnvelopeObject { source: &source, kept: &kept }, &mut unused);
            once.copy_to(&mut fields);
            let each = Kept::Fields(&fields);
            let mut plan = Plan::empty(Hint::Nothing);
            plan.envelope = sort::last_of_each(own.members.len(), &|i| own.key(i));

            let (mut once_fields, mut each_fields) = (Vec::new(), Vec::new());
            let once = once.with_own(&plan, &own, &mut once_fields).json();
            let each = each.with_own(&plan, &own, &mut each_fields).json();
            prop_assert_eq!(&once.text, &each.text);
            if let Some(readable) = once.readable {
                prop_assert_eq!(readable, nested::is_readable(&each.text));
            }
        }
    }
}
