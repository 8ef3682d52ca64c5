//! What the members of a document say: whether the arrays in it hold records, or whether it is a
//! record that has arrays, or has one in a payload.

use std::{borrow::Cow, iter, mem, ops::Range};

use crate::{
    catalog::{detection::KeyIndex, envelopes},
    framing::payloads::{self, Payloads},
    json::{
        members::{Member, Object},
        read as json,
    },
    value::raw::{RawKind, Span},
};

/// Reads the keys of documents, with memory that is used again.
#[derive(Debug, Default)]
pub(super) struct Keys {
    members: Vec<Member>,
    unescaped: String,
    /// The keys that were asked about last, and the answer: documents of a stream have the same
    /// ones, and to find a product costs more than to read them.
    asked: String,
    is_record: bool,
    payloads: Payloads,
}

impl Keys {
    /// Whether the members of an object that are no envelope's are those of a record, or a payload
    /// with one. The text may break off, and what is no good in it hides nothing.
    pub(super) fn is_record(&mut self, text: &[u8]) -> bool {
        let text = String::from_utf8_lossy(text);
        let (mut members, mut unescaped) = (mem::take(&mut self.members), mem::take(&mut self.unescaped));
        let text = read_what_there_is(text, &mut members, &mut unescaped);
        let object = Object { text: &text, unescaped: &unescaped, members: &members };
        let others = (0..members.len()).map(|i| (object.key(i), object.raw(i)));
        let others = others.filter(|(key, raw)| !envelopes::is_own(key, raw.kind == RawKind::Nested));
        let is_record = self.keys_tell(&mut others.clone().map(|(key, _)| key))
            || others
                .clone()
                .any(|(key, raw)| payloads::is_payload(key, raw) && self.payloads.tell(raw.text));
        (self.members, self.unescaped) = (members, unescaped);
        is_record
    }

    /// Where values with records stand in the text of an object that breaks off, such as an envelope in
    /// front of its array; `None` if there are some, but the text is not good enough to say where.
    pub(super) fn records_in_members(&mut self, text: &[u8]) -> Option<Vec<Range<usize>>> {
        let text = String::from_utf8_lossy(text);
        let (mut members, mut unescaped) = (mem::take(&mut self.members), mem::take(&mut self.unescaped));
        let read = read_what_there_is(Cow::Borrowed(&text), &mut members, &mut unescaped);
        let is_good = matches!((&text, &read), (Cow::Borrowed(_), Cow::Borrowed(_)));
        let nested = members.iter().map(|m| m.value).filter(|value| value.is_nested());
        let found: Vec<_> =
            nested.map(Span::place).filter(|value| self.has_record(read[value.clone()].as_bytes())).collect();
        (self.members, self.unescaped) = (members, unescaped);
        (is_good || found.is_empty()).then_some(found)
    }

    /// Whether a member of an envelope, or of a section in it, has a record in its value.
    pub(super) fn has_hidden_record(&mut self, envelope: &str) -> bool {
        let (mut members, mut unescaped) = (Vec::new(), String::new());
        let _ = json::read_members(envelope, &mut members, &mut unescaped);
        let sections = members.iter().map(|m| m.value).filter(|value| value.is_nested());
        let sections = sections.map(|value| value.of(envelope, ""));
        sections
            .chain([envelope])
            .any(|level| self.records_in_members(level.as_bytes()).is_none_or(|found| !found.is_empty()))
    }

    /// Whether an object is a record, an item of an array is one, or a payload in them has one.
    pub(super) fn has_record(&mut self, value: &[u8]) -> bool {
        let value = String::from_utf8_lossy(value);
        let items = items(value.as_bytes());
        let mut objects = items.iter().take(ITEMS).map(|item| &value[item.clone()]);
        objects.any(|object| {
            let (mut members, mut unescaped) = (mem::take(&mut self.members), mem::take(&mut self.unescaped));
            let read = read_what_there_is(object.into(), &mut members, &mut unescaped);
            let read_object = Object { text: &read, unescaped: &unescaped, members: &members };
            let mut keys = (0..members.len()).map(|i| read_object.key(i));
            let tells = self.keys_tell(&mut keys) || self.payloads.tell(object);
            (self.members, self.unescaped) = (members, unescaped);
            tells
        })
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
        self.is_record = are_of_a_record(&keys);
        self.asked.clear();
        for key in keys.into_iter().filter(|_| plain) {
            self.asked.push_str(key);
            self.asked.push('\0');
        }
        self.is_record
    }
}

/// Into how many items of an array is looked.
const ITEMS: usize = 16;

/// Where the items of an array stand that are objects and arrays, all of them; anything else is one item by
/// itself.
pub(super) fn items(value: &[u8]) -> Vec<Range<usize>> {
    let (mut members, mut unescaped) = (Vec::new(), String::new());
    let mut read = |text: &str| json::read_members(text, &mut members, &mut unescaped).is_ok();
    let is_good = value.starts_with(b"[") && std::str::from_utf8(value).is_ok_and(&mut read);
    if !is_good || members.is_empty() || !members.iter().all(|m| m.value.is_nested()) {
        return iter::once(0..value.len()).collect();
    }
    members.iter().map(|m| m.value.place()).collect()
}

/// Reads the members of an object as far as they are there; gives the text that they are in. What no
/// reader takes stands as something else in it then.
fn read_what_there_is<'t>(
    text: Cow<'t, str>,
    members: &mut Vec<Member>,
    unescaped: &mut String,
) -> Cow<'t, str> {
    match json::read_members(&text, members, unescaped) {
        Err(e) if e.offset + 1 < text.len() => {
            let mended = mended(&text);
            let _ = json::read_members(&mended, members, unescaped);
            mended.into()
        }
        _ => text,
    }
}

/// A text in which no control character, escape or word stops a reader.
#[cold]
#[inline(never)]
fn mended(text: &str) -> String {
    let mut in_string = false;
    let mut escaped = false;
    let mend = |c: char| {
        let was_escaped = mem::take(&mut escaped);
        match c {
            '"' if !was_escaped => {
                in_string = !in_string;
                c
            }
            // A quote in a string ends nothing; backslashes are left out.
            '"' => '\'',
            '\\' if in_string => {
                escaped = !was_escaped;
                ' '
            }
            '\0'..' ' if in_string => ' ',
            c if in_string => c,
            '{' | '}' | '[' | ']' | ',' | ':' | ' ' | '\t' | '\r' | '\n' => c,
            _ => '1',
        }
    };
    text.chars().map(mend).collect()
}

/// No envelope has the address of a flow.
fn are_of_a_record(keys: &[&str]) -> bool {
    let index = KeyIndex::get();
    keys.iter().any(|key| index.is_address(key)) || index.tells(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_found_beside_the_array_of_an_envelope() {
        let record = r#"{"srcaddr":1}"#;
        for (text, found) in [
            (format!("{{\"foo\":{record},\"logs\":["), Some(vec![record])),
            (
                format!("{{\"n\":\"é\\n\",\"foo\":[{{}},{record}],\"logs\":["),
                Some(vec![&*format!("[{{}},{record}]")]),
            ),
            (format!("{{\"foo\":{{\"message\":{record:?}}},\"logs\":["), Some(vec![])),
            (format!("{{\"n\":\"\t\",\"foo\":{record},\"logs\":["), None),
            ("{\"n\":\"\t\",\"foo\":{},\"logs\":[".into(), Some(vec![])),
            ("{\"foo\":{\"a\":1},\"bar\":[\"x\",1],\"logs\":[".into(), Some(vec![])),
            ("[".into(), Some(vec![])),
        ] {
            let places = Keys::default().records_in_members(text.as_bytes());
            let texts = places.map(|places| places.into_iter().map(|p| &text[p]).collect::<Vec<_>>());
            assert_eq!(texts, found, "{text}");
        }
        for (value, parts) in [
            ("{}", vec!["{}"]),
            ("[{} , [1]]", vec!["{}", "[1]"]),
            ("[{},1]", vec!["[{},1]"]),
            ("[]", vec!["[]"]),
        ] {
            assert_eq!(items(value.as_bytes()).into_iter().map(|p| &value[p]).collect::<Vec<_>>(), parts);
        }
    }

    #[test]
    fn no_answer_is_that_of_other_keys() {
        let texts = [
            (r#"{"a\u0000srcaddr":1}"#, false),
            (r#"{"a":1,"srcaddr":1}"#, true),
            (r#"{"a\u0000srcaddr":1}"#, false),
            (r#"{"a":1,"":1,"srcaddr":1}"#, true),
            (r#"{"":1}"#, false),
            (r#"{"count":1,"source":2,"logs":["#, false),
            (r#"{"a":1,"count":1,"srcaddr":1,"logs":["#, true),
            (r#"{"a":1}"#, false),
            (r#"{"":1}"#, false),
            (r#"{"a":1,"srcaddr":1,"b":2}"#, true),
            (r#"{"a":1,"dst-port":1,"b":2}"#, false),
            (r#"{"count":{"srcaddr":1},"logs":["#, false),
            (r#"{"count":{},"srcaddr":1,"logs":["#, true),
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
            ("{\"n\":\"\\t\",\"srcaddr\":1,\"logs\":[", true),
            ("{\"n\":\"\t\",\"srcaddr\":1,\"logs\":[", true),
            ("{\"n\":\"\t\",\"a\":1,\"logs\":[", false),
            (r#"{"n":"\q\ud800\"","m":01,"o":nope,"srcaddr":1,"logs":["#, true),
            (r#"{"n":"\q\",\"srcaddr\":1","logs":["#, false),
            (r#"{"message":"{\"client_ip\":1}","logs":["#, false),
            (r#"{"eni-id":1,"vm-id":1,"vswitch-id":2,"vpc-id":2}"#, true),
            ("[", false),
        ];
        let mut keys = Keys::default();
        for (text, is_record) in texts {
            assert_eq!(keys.is_record(text.as_bytes()), is_record, "{text}");
            assert_eq!(keys.is_record(text.as_bytes()), is_record, "{text}, again");
            assert_eq!(Keys::default().is_record(text.as_bytes()), is_record, "{text}, alone");
        }
    }
}
