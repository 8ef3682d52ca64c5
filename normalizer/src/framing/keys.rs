//! What the members of a document say: whether the arrays in it hold records, or whether it is a
//! record that has arrays, or has one in a payload.

use std::{borrow::Cow, iter, mem, ops::Range};

use crate::{
    base::error::Error,
    catalog::envelopes::{self, KeyRole},
    framing::payloads::{self, FREE_LOOKS, Payloads},
    json::{
        members::{Member, Object},
        read as json,
    },
    rules::config::Config,
    value::raw::{Raw, RawKind},
};

/// Reads the keys of documents, with memory that is used again.
#[derive(Debug)]
pub(crate) struct Keys {
    members: Vec<Member>,
    unescaped: String,
    /// The keys that were asked about last, and the answer: documents of a stream have the same
    /// ones, and to find a product costs more than to read them.
    asked: String,
    is_record: bool,
    payloads: Payloads,
}

impl Keys {
    pub(crate) fn new(config: &Config) -> Result<Self, Error> {
        Ok(Self {
            members: Vec::new(),
            unescaped: String::new(),
            asked: String::new(),
            is_record: false,
            payloads: Payloads::new(config)?,
        })
    }

    /// Whether the members of an object that are no envelope's are those of a record, or a payload
    /// with one. The text may break off, and what is no good in it hides nothing.
    pub(super) fn is_record(&mut self, text: &[u8]) -> bool {
        let text = String::from_utf8_lossy(text);
        let (mut members, mut unescaped) = (mem::take(&mut self.members), mem::take(&mut self.unescaped));
        let (text, _) = read_what_there_is(text, &mut members, &mut unescaped);
        let object = Object { text: &text, unescaped: &unescaped, members: &members };
        let others = (0..members.len()).map(|i| (object.key(i), object.raw(i)));
        let others = others.filter(|(key, raw)| !envelopes::is_own(key, raw.kind == RawKind::Nested));
        let is_record = self.keys_tell(&mut others.clone().map(|(key, _)| key))
            || others
                .clone()
                .any(|(key, raw)| payloads::is_payload(key, raw) && self.payloads.tell(raw.text, false));
        (self.members, self.unescaped) = (members, unescaped);
        is_record
    }

    /// Where records stand in the text of an object that breaks off, such as an envelope in front of its
    /// array, but for the object itself; `None` if there are some, but the text is not good enough to say
    /// where, or whether.
    pub(super) fn records_in_members(&mut self, text: &[u8]) -> Option<Vec<Range<usize>>> {
        let text = String::from_utf8_lossy(text);
        let (mut members, mut unescaped) = (mem::take(&mut self.members), mem::take(&mut self.unescaped));
        let (read, mut is_known) = read_what_there_is(Cow::Borrowed(&text), &mut members, &mut unescaped);
        let is_good = matches!((&text, &read), (Cow::Borrowed(_), Cow::Borrowed(_)));
        let object = Object { text: &read, unescaped: &unescaped, members: &members };
        let mut found = Vec::new();
        let mut strings = StringPlaces::of(&read);
        for (i, member) in members.iter().enumerate() {
            let raw = object.raw(i);
            match raw.kind {
                RawKind::Nested => {
                    let place = member.value.place();
                    let beside = Beside::of(object.key(i));
                    let inside = self.records_in(read[place.clone()].as_bytes(), beside);
                    found.extend(inside.into_iter().map(|p| place.start + p.start..place.start + p.end));
                }
                RawKind::Text if self.payloads.tell(raw.text, true) => {
                    match member.value.string_place().or_else(|| strings.place(i)) {
                        Some(place) => found.push(place),
                        None => is_known = false,
                    }
                }
                _ => {}
            }
        }
        (self.members, self.unescaped) = (members, unescaped);
        ((is_good || found.is_empty()) && is_known).then_some(found)
    }

    /// Whether a member of an envelope, or of a section in it, has a record in its value.
    pub(super) fn has_hidden_record(&mut self, envelope: &str) -> bool {
        self.records_in_members(envelope.as_bytes()).is_none_or(|found| !found.is_empty())
    }

    /// Where records stand in a value: objects that are one, or have one in a payload, and whatever else
    /// is in an array with such an object, or in the innermost value with a string that has one. In a
    /// section also what is in arrays under the keys that records are under.
    pub(crate) fn records_in(&mut self, value: &[u8], beside: Beside) -> Vec<Range<usize>> {
        let value = match std::str::from_utf8(value) {
            Ok(value) => value,
            // Where it stands is not known then.
            Err(_) => {
                let readable = String::from_utf8_lossy(value);
                let has_some = !self.records_in(readable.as_bytes(), beside).is_empty();
                return iter::once(0..value.len()).filter(|_| has_some).collect();
            }
        };
        if value.starts_with('"') {
            return if self.string_tells(value) { iter::once(0..value.len()).collect() } else { Vec::new() };
        }
        let (mut members, mut unescaped) = (mem::take(&mut self.members), mem::take(&mut self.unescaped));
        let mut found = Vec::new();
        // A list, so that values in values cost no stack.
        let mut left = vec![(0..value.len(), 0, false)];
        let mut looks = LOOKS * (value.len() + FREE_LOOKS);
        while let Some((place, depth, is_held)) = left.pop() {
            let text = &value[place.clone()];
            // Each level is read again. Nobody has looked into what is left then.
            let Some(rest) = looks.checked_sub(text.len()) else {
                found.push(place);
                continue;
            };
            looks = rest;
            let (read, _) = read_what_there_is(text.into(), &mut members, &mut unescaped);
            let inside = Object { text: &read, unescaped: &unescaped, members: &members };
            let is_whole = matches!(read, Cow::Borrowed(_));
            let tells = if text.starts_with('{') {
                self.object_tells(inside)
            } else {
                // The rows may be the strings behind a header row.
                let is_one = |text: &str| payloads::names_columns(text) || self.payloads.tell(text, true);
                (0..members.len())
                    .map(|i| inside.raw(i))
                    .filter(|raw| raw.kind == RawKind::Text)
                    .map(|raw| raw.text)
                    .any(is_one)
            };
            if tells || !is_whole || depth == DEEPEST {
                found.push(place);
                continue;
            }
            let holds_records = |i: usize| {
                let role = envelopes::key_role(inside.key(i).as_bytes());
                beside == Beside::Section && depth == 0 && role != KeyRole::Other
            };
            let says_again =
                |i: usize| beside == Beside::Meta && depth == 0 && inside.key(i) == envelopes::FOUND_WORDS;
            let nested: Vec<_> = (0..members.len())
                .filter(|i| members[*i].value.is_nested() && !says_again(*i))
                .map(|i| (members[i].value.place(), holds_records(i)))
                .map(|(p, held)| (place.start + p.start..place.start + p.end, held))
                .collect();
            let items = nested.iter().map(|(place, _)| place.clone());
            if is_held
                || text.starts_with('[')
                    && self.has_record_among(value, items.clone(), &mut members, &mut unescaped)
            {
                found.extend(items);
            } else {
                left.extend(nested.into_iter().rev().map(|(place, is_held)| (place, depth + 1, is_held)));
            }
        }
        (self.members, self.unescaped) = (members, unescaped);
        found
    }

    /// Whether one of an array's items is an object that is a record.
    fn has_record_among(
        &mut self,
        value: &str,
        mut items: impl Iterator<Item = Range<usize>>,
        members: &mut Vec<Member>,
        unescaped: &mut String,
    ) -> bool {
        items.any(|place| {
            let item = &value[place];
            let (read, _) = read_what_there_is(item.into(), members, unescaped);
            item.starts_with('{') && self.object_tells(Object { text: &read, unescaped, members })
        })
    }

    /// Whether an object is a record, or has one in a string.
    fn object_tells(&mut self, object: Object<'_>) -> bool {
        let all = || (0..object.members.len()).map(|i| (object.key(i), object.raw(i)));
        let has_rows = |(key, raw): (&str, Raw<'_>)| {
            let rows = raw.text.strip_prefix('[').filter(|rest| rest.trim_ascii_start() != "]");
            envelopes::key_role(key.as_bytes()) == KeyRole::Rows && rows.is_some()
        };
        let keys: Vec<&str> = all().map(|(key, _)| key).collect();
        self.keys_tell(&mut keys.iter().copied())
            || all().any(has_rows)
            || payloads::is_encoded(&keys, object)
            || self.payloads.are_told_otherwise(&keys, object)
            || all().any(|(key, raw)| {
                (raw.kind == RawKind::Text || payloads::is_payload(key, raw))
                    && self.payloads.tell(raw.text, true)
            })
    }

    /// Whether a string, with its quotes, has a record in it.
    fn string_tells(&mut self, string: &str) -> bool {
        let (mut members, mut unescaped) = (Vec::new(), String::new());
        let array = format!("[{string}]");
        let (read, is_whole) = read_what_there_is(array.into(), &mut members, &mut unescaped);
        !is_whole || members.first().is_some_and(|m| self.payloads.tell(m.value.of(&read, &unescaped), true))
    }

    /// Whether keys are those of a record.
    fn keys_tell<'k>(&mut self, keys: &mut (impl Iterator<Item = &'k str> + Clone)) -> bool {
        if keys.clone().next().is_none() {
            return false;
        }
        let mut asked = self.asked.as_str();
        let same = |key: &str| match asked.strip_prefix(key).and_then(|rest| rest.strip_prefix('\0')) {
            Some(rest) => {
                asked = rest;
                true
            }
            None => false,
        };
        // A key with what separates them would be taken for two.
        let plain = !keys.clone().any(|key| key.contains('\0'));
        if plain && keys.clone().all(same) && asked.is_empty() {
            return self.is_record;
        }
        let keys: Vec<&str> = keys.collect();
        self.is_record = payloads::are_of_a_record(&keys, true);
        self.asked.clear();
        for key in keys.into_iter().filter(|_| plain) {
            self.asked.push_str(key);
            self.asked.push('\0');
        }
        self.is_record
    }
}

/// How many values around each other are looked into.
const DEEPEST: usize = 16;

/// How often each byte of a value is looked at, on average.
const LOOKS: usize = 6;

/// What a value is that stands beside the records of an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beside {
    /// A section, that has arrays of records, too.
    Section,
    /// What is told of a query.
    Meta,
    Other,
}

impl Beside {
    /// What it is by its key at the top of a document.
    pub(crate) fn of(key: &str) -> Self {
        match key {
            envelopes::META => Self::Meta,
            key if envelopes::key_role(key.as_bytes()).is_section() => Self::Section,
            _ => Self::Other,
        }
    }
}

/// Finds where the strings stand that are values of an object's members.
struct StringPlaces<'t> {
    bytes: iter::Enumerate<std::slice::Iter<'t, u8>>,
    depth: usize,
    /// The member that is reached, and whether its key is passed.
    member: usize,
    is_value: bool,
}

impl<'t> StringPlaces<'t> {
    fn of(object: &'t str) -> Self {
        Self { bytes: object.as_bytes().iter().enumerate(), depth: 0, member: 0, is_value: false }
    }

    /// Where the value of a member, which is a string, stands in the text of an object that was read up to
    /// there, with its quotes; `None` where it does not end. They are asked for in their order.
    fn place(&mut self, member: usize) -> Option<Range<usize>> {
        let mut string: Option<usize> = None;
        let mut is_escaped = false;
        for (at, byte) in self.bytes.by_ref() {
            if let Some(begun) = string {
                match byte {
                    _ if is_escaped => is_escaped = false,
                    b'\\' => is_escaped = true,
                    b'"' if self.is_value && self.depth == 1 && self.member == member => {
                        return Some(begun..at + 1);
                    }
                    b'"' => string = None,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => string = Some(at),
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                b',' if self.depth == 1 => (self.member, self.is_value) = (self.member + 1, false),
                b':' if self.depth == 1 => self.is_value = true,
                _ => {}
            }
        }
        None
    }
}

/// Reads the members of an object or an array as far as they are there; gives the text that they are in, and
/// whether they are all that it has. What no reader takes stands as something else in it then.
fn read_what_there_is<'t>(
    text: Cow<'t, str>,
    members: &mut Vec<Member>,
    unescaped: &mut String,
) -> (Cow<'t, str>, bool) {
    let mut goes_on = |text: &str| match json::read_members(text, members, unescaped) {
        Err(e) => e.offset + 1 < text.len(),
        Ok(()) => false,
    };
    if !goes_on(&text) {
        return (text, true);
    }
    let mended = mended(&text);
    let is_whole = !goes_on(&mended);
    (mended.into(), is_whole)
}

/// A text in which no control character, escape or word stops a reader.
#[cold]
#[inline(never)]
fn mended(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut in_string = false;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let escape = if in_string && c == '\\' { length_of_escape(rest.as_bytes()) } else { None };
        if let Some(len) = escape {
            let (escape, behind) = rest.split_at(len);
            out.push_str(escape);
            rest = behind;
            continue;
        }
        rest = &rest[c.len_utf8()..];
        in_string ^= c == '"';
        out.push(match c {
            '\0'..' ' | '\\' if in_string => ' ',
            '{' | '}' | '[' | ']' | ',' | ':' | '"' | ' ' | '\t' | '\r' | '\n' => c,
            _ if in_string => c,
            _ => '1',
        });
    }
    out
}

/// The length of the escape that a text begins with, both halves of a character's; `None` where it is none.
fn length_of_escape(text: &[u8]) -> Option<usize> {
    let unit = |text: &[u8]| {
        let digits = text.strip_prefix(b"\\u")?.get(..4).filter(|d| d.iter().all(u8::is_ascii_hexdigit))?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    match text.get(1)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(2),
        b'u' => match unit(text)? {
            0xd800..0xdc00 => unit(&text[6..]).filter(|low| (0xdc00..0xe000).contains(low)).map(|_| 12),
            0xdc00..0xe000 => None,
            _ => Some(6),
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Keys {
        Keys::new(&Config::default()).unwrap()
    }

    #[test]
    fn the_place_of_a_string_is_found_whatever_is_in_it() {
        let text = r#"{ "a" : {"b":[",",1]} , "c\",:" :"x\"y,", "d":"\\" }"#;
        let mut strings = StringPlaces::of(text);
        for (member, value) in [(1, Some(r#""x\"y,""#)), (2, Some(r#""\\""#)), (3, None)] {
            assert_eq!(strings.place(member).map(|place| &text[place]), value, "{member}");
        }
        assert_eq!(StringPlaces::of(text).place(2).map(|place| &text[place]), Some(r#""\\""#));
        assert_eq!(StringPlaces::of(r#"{"a":"b"#).place(0), None);
    }

    const LINE: &str =
        "2 111122223333 eni-0abc 10.0.0.5 10.0.0.6 443 40000 6 3 180 1707305100 1707305160 ACCEPT OK";

    #[test]
    fn records_are_found_beside_the_array_of_an_envelope() {
        let record = r#"{"srcaddr":1,"bytes":1}"#;
        let escaped = format!("{record:?}");
        let line = format!("\"{LINE}\"");
        for (text, found) in [
            (format!("{{\"foo\":{record},\"logs\":["), Some(vec![record])),
            (format!("{{\"n\":\"é\\n\",\"foo\":[{{}},{record}],\"logs\":["), Some(vec!["{}", record])),
            (format!("{{\"foo\":{{\"message\":{record:?}}},\"logs\":["), None),
            (format!("{{\"foo\":{record:?},\"logs\":["), Some(vec![&escaped])),
            (format!("{{\"foo\":{line},\"marker\":{line},\"logs\":["), Some(vec![&line, &line])),
            (format!("{{\"n\":\"\t\",\"foo\":{record},\"logs\":["), None),
            ("{\"n\":\"\t\",\"foo\":{},\"logs\":[".into(), Some(vec![])),
            ("{\"foo\":{\"a\":1},\"bar\":[\"x\",1],\"logs\":[".into(), Some(vec![])),
            ("[".into(), Some(vec![])),
        ] {
            let found = found
                .or_else(|| text.starts_with("{\"foo\":{\"message").then(|| vec![&text[7..text.len() - 9]]));
            let places = keys().records_in_members(text.as_bytes());
            let texts = places.map(|places| places.into_iter().map(|p| &text[p]).collect::<Vec<_>>());
            assert_eq!(texts, found, "{text}");
        }
    }

    #[test]
    fn records_are_found_wherever_they_stand_in_a_value() {
        let record = r#"{"srcaddr":1,"bytes":1}"#;
        let line = format!("\"{LINE}\"");
        let many = format!("[{}{record}]", "{\"a\":1},".repeat(40));
        let deep = format!("{}{record}{}", "[".repeat(10), "]".repeat(10));
        let encoded = r#"{"data":"bGluZSBsaW5lIGxpbmU="}"#;
        for (value, wanted) in [
            (record.to_owned(), vec![record]),
            (format!("{{\"a\":{{\"b\":{record}}},\"c\":[[{record}]]}}"), vec![record, record]),
            (format!("[null,\"x\",{record}]"), vec![record]),
            (format!("[{record},{{\"k\":1}},[1]]"), vec![record, "{\"k\":1}", "[1]"]),
            (deep, vec![record]),
            (format!("{{\"records\":[{{\"a\":1}},{record}]}}"), vec!["{\"a\":1}", record]),
            (line.clone(), vec![&line]),
            (format!("{{\"a\":[{line}]}}"), vec![&*format!("[{line}]")]),
            (format!("{{\"a\":{{\"b\":{line}}}}}"), vec![&*format!("{{\"b\":{line}}}")]),
            (format!("{{\"a\":{encoded}}}"), vec![encoded]),
            ("{\"rows\":[[1]]}".into(), vec!["{\"rows\":[[1]]}"]),
            ("\"x\"".into(), vec![]),
            ("[1,\"a\",null,{\"a\":{\"b\":[]}}]".into(), vec![]),
            ("{\"data\":\"not a text in base64\"}".into(), vec![]),
        ] {
            let found: Vec<_> =
                keys().records_in(value.as_bytes(), Beside::Other).into_iter().map(|p| &value[p]).collect();
            assert_eq!(found, wanted, "{value}");
        }
        let found = keys().records_in(many.as_bytes(), Beside::Other);
        assert_eq!((found.len(), &many[found[40].clone()]), (41, record));
        let too_deep = format!("{}{}", "[".repeat(40), "]".repeat(40));
        assert_eq!(keys().records_in(too_deep.as_bytes(), Beside::Other).len(), 1);
    }

    #[test]
    fn no_answer_is_that_of_other_keys() {
        let texts = [
            (r#"{"a\u0000srcaddr":1}"#, false),
            (r#"{"a":1,"srcaddr":1,"bytes":1}"#, true),
            (r#"{"a\u0000srcaddr":1}"#, false),
            (r#"{"a":1,"":1,"srcaddr":1,"bytes":1}"#, true),
            (r#"{"":1}"#, false),
            (r#"{"count":1,"source":2,"logs":["#, false),
            (r#"{"a":1,"count":1,"srcaddr":1,"bytes":1,"logs":["#, true),
            (r#"{"a":1}"#, false),
            // Whose request it is an answer to.
            (r#"{"a":1,"srcaddr":1,"client_ip":2}"#, false),
            (r#"{"host":"a","region":"b","client_ip":2,"client_port":3,"url":"c"}"#, false),
            (r#"{"a":1,"srcaddr":1,"dstaddr":2}"#, true),
            (r#"{"":1}"#, false),
            (r#"{"a":1,"srcaddr":1,"bytes":1,"b":2}"#, true),
            (r#"{"a":1,"dst-port":1,"b":2}"#, false),
            (r#"{"count":{"srcaddr":1,"bytes":1},"logs":["#, false),
            (r#"{"count":{},"srcaddr":1,"bytes":1,"logs":["#, true),
            (r#"{"message":1,"logs":["#, false),
            (r#"{"message":"success","logs":["#, false),
            (
                r#"{"message":"2 111122223333 eni-0abc 10.0.0.5 10.0.0.6 443 40000 6 3 180 1707305100 1707305160 ACCEPT OK","#,
                true,
            ),
            (
                r#"{"foo":"2 111122223333 eni-0abc 10.0.0.5 10.0.0.6 443 40000 6 3 180 1707305100 1707305160 ACCEPT OK","#,
                false,
            ),
            ("{\"n\":\"\\t\",\"srcaddr\":1,\"bytes\":1,\"logs\":[", true),
            ("{\"n\":\"\t\",\"srcaddr\":1,\"bytes\":1,\"logs\":[", true),
            ("{\"n\":\"\t\",\"a\":1,\"logs\":[", false),
            (r#"{"n":"\q\ud800\"","m":01,"o":nope,"srcaddr":1,"bytes":1,"logs":["#, true),
            (r#"{"n":"\q\",\"srcaddr\":1,\"bytes\":1","logs":["#, false),
            (r#"{"message":"{\"client_ip\":1}","logs":["#, false),
            (r#"{"eni-id":1,"vm-id":1,"vswitch-id":2,"vpc-id":2}"#, true),
            ("[", false),
        ];
        let mut all = keys();
        for (text, is_record) in texts {
            assert_eq!(all.is_record(text.as_bytes()), is_record, "{text}");
            assert_eq!(all.is_record(text.as_bytes()), is_record, "{text}, again");
            assert_eq!(keys().is_record(text.as_bytes()), is_record, "{text}, alone");
        }
    }
}
