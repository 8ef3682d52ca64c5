//! What the members of a document say: whether the arrays in it hold records, or whether it is a
//! record that has arrays, or has one in a payload.

use std::{borrow::Cow, mem};

use crate::{
    catalog::{
        detection::KeyIndex,
        envelopes::{self, KeyRole},
        product::{Entry, Lines, Shape},
        products,
    },
    framing::{columns::Columns, layout},
    json::{
        members::{Member, Object},
        read as json,
    },
    value::raw::{Raw, RawKind},
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
    columns: Columns,
}

/// Into how many columns a time in front of a line is cut, at most.
const STAMP_COLUMNS: usize = 3;

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
            || others.clone().any(|(key, raw)| is_payload(key, raw) && self.payload_tells(raw.text));
        (self.members, self.unescaped) = (members, unescaped);
        is_record
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

    /// Whether a text is a record of a product, or has one in its lines or in payloads of its own.
    #[cold]
    #[inline(never)]
    fn payload_tells(&mut self, text: &str) -> bool {
        // A list, so that payloads in payloads cost no stack.
        let mut texts = vec![text.to_owned()];
        let mut looked_at = 0;
        while let Some(text) = texts.pop() {
            looked_at += 1;
            if looked_at > PAYLOADS {
                break;
            }
            let text = text.trim_start_matches('\u{feff}').trim_ascii();
            if !text.starts_with(['{', '[']) {
                for line in text.lines() {
                    let rest = line
                        .find('{')
                        .filter(|at| *at < STAMP && line.starts_with(|c: char| c.is_ascii_digit()));
                    if let Some(at) = rest {
                        texts.push(line[at..].to_owned());
                    } else if is_of_a_product(line, &mut self.columns)
                        || layout::header(line.as_bytes(), None, KeyIndex::get()).is_some()
                    {
                        return true;
                    }
                }
                continue;
            }
            let (mut members, mut unescaped) = (Vec::new(), String::new());
            let first = text.trim_start_matches(['[', ' ', '\t', '\r', '\n']);
            let read = json::read_members(first, &mut members, &mut unescaped);
            let object = Object { text: first, unescaped: &unescaped, members: &members };
            let keys: Vec<&str> = (0..members.len()).map(|i| object.key(i)).collect();
            if KeyIndex::get().tells(&keys) {
                return true;
            }
            let inner = (0..members.len()).map(|i| (object.key(i), object.raw(i)));
            let inner = inner.filter(|(key, raw)| is_payload(key, *raw) || holds_records(key, *raw));
            texts.extend(inner.map(|(_, raw)| raw.text.to_owned()));
            // Several documents.
            if read.is_err() && text.starts_with('{') {
                texts.extend(text.lines().skip(1).take(PAYLOADS).map(str::to_owned));
            }
        }
        false
    }
}

/// Into how many texts of a payload is looked.
const PAYLOADS: usize = 16;

/// Before this many bytes a time in front of JSON ends.
const STAMP: usize = 40;

fn is_payload(key: &str, raw: Raw<'_>) -> bool {
    envelopes::is_payload(key) && matches!(raw.kind, RawKind::Text | RawKind::Nested)
}

fn holds_records(key: &str, raw: Raw<'_>) -> bool {
    raw.kind == RawKind::Nested && envelopes::key_role(key.as_bytes()) != KeyRole::Other
}

/// Whether the first object in an array, or in the array of a section, is a record, by its keys.
#[cold]
#[inline(never)]
pub(crate) fn begins_with_record(array: &str) -> bool {
    let (mut members, mut unescaped) = (Vec::new(), String::new());
    let mut array = array;
    for _ in 0..2 {
        let first = array.trim_start_matches(['[', ' ', '\t', '\r', '\n']);
        let _ = json::read_members(first, &mut members, &mut unescaped);
        let object = Object { text: first, unescaped: &unescaped, members: &members };
        let keys: Vec<&str> = (0..members.len()).map(|i| object.key(i)).collect();
        if KeyIndex::get().tells(&keys) {
            return true;
        }
        let Some(inner) = (0..members.len()).find(|&i| holds_records(object.key(i), object.raw(i))) else {
            break;
        };
        // Nothing in it is unescaped.
        array = members[inner].value.of(first, "");
    }
    false
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

/// A text of the same length in which no control character, escape or word stops a reader.
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
            // A quote stays what it is; of other escapes nothing is left.
            '"' => '\'',
            '\\' if in_string => {
                escaped = !was_escaped;
                ' '
            }
            c if in_string => {
                if c < ' ' {
                    ' '
                } else {
                    c
                }
            }
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

/// Whether what is in the columns of a line tells a product, with a time in front of them or not.
fn is_of_a_product(line: &str, columns: &mut Columns) -> bool {
    columns.split_blanks(line, line.as_bytes());
    products::all().iter().any(|product| {
        let Lines::Detected(_) = product.lines else { return false };
        let own = &product.entries[..product.lines.columns()];
        let Some(stamp) = columns.len().checked_sub(own.len()) else { return false };
        let fits = |(i, entry): (usize, &Entry)| {
            entry.shape == Shape::Any || entry.fits(columns.get(line, stamp + i).as_bytes())
        };
        stamp <= STAMP_COLUMNS && own.iter().enumerate().all(fits)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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
            (r#"{"message":"success","logs":["#, false),
            (r#"{"message":1,"logs":["#, false),
            (r#"{"message":"{\"a\":1}","logs":["#, false),
            (
                r#"{"message":"{\"eni-id\":1,\"vm-id\":1,\"vswitch-id\":2,\"vpc-id\":2,\"srcaddr\":3}","logs":["#,
                true,
            ),
            (
                r#"{"message":"x\n2 111122223333 eni-0abc 10.0.0.5 10.0.0.6 443 40000 6 3 180 1707305100 1707305160 ACCEPT OK","#,
                true,
            ),
            (
                r#"{"log":"2024-02-07 11:25:40 2 111122223333 eni-0abc 10.0.0.5 10.0.0.6 443 40000 6 3 180 1707305100 1707305160 ACCEPT OK","#,
                true,
            ),
            (
                r#"{"foo":"2 111122223333 eni-0abc 10.0.0.5 10.0.0.6 443 40000 6 3 180 1707305100 1707305160 ACCEPT OK","#,
                false,
            ),
            (
                r#"{"log":"2 111122223333 eni-0abc 10.0.0.5 10.0.0.6 443 40000 6 3 180 1707305100 1707305160 ACCEPT","#,
                false,
            ),
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
