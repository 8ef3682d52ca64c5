//! What the members of a document say: whether the arrays in it hold records, or whether it is a
//! record that has arrays, or has one in a payload.

use std::mem;

use crate::{
    catalog::{
        detection::KeyIndex,
        envelopes,
        product::{Entry, Lines, Shape},
        products,
    },
    framing::columns::Columns,
    json::{
        members::{Member, Object},
        read as json,
    },
    value::raw::RawKind,
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
    /// with one. The text may break off.
    pub(super) fn is_record(&mut self, text: &[u8]) -> bool {
        let text = std::str::from_utf8(text).unwrap_or_default();
        let (mut members, mut unescaped) = (mem::take(&mut self.members), mem::take(&mut self.unescaped));
        let _ = json::read_members(text, &mut members, &mut unescaped);
        let object = Object { text, unescaped: &unescaped, members: &members };
        let others = (0..members.len()).map(|i| (object.key(i), object.raw(i)));
        let others = others.filter(|(key, raw)| !envelopes::is_own(key, raw.kind == RawKind::Nested));
        let is_record = self.keys_tell(&mut others.clone().map(|(key, _)| key))
            || others.clone().any(|(key, raw)| {
                envelopes::is_payload(key) && raw.kind == RawKind::Text && self.payload_tells(raw.text)
            });
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

    /// Whether a text is a record of a product, or has one in its lines.
    #[cold]
    fn payload_tells(&mut self, text: &str) -> bool {
        let text = text.trim_ascii();
        if text.starts_with('{') {
            let (mut members, mut unescaped) = (Vec::new(), String::new());
            let _ = json::read_members(text, &mut members, &mut unescaped);
            let keys: Vec<&str> = members.iter().map(|m| m.key.of(text, &unescaped)).collect();
            return are_of_a_record(&keys);
        }
        text.lines().any(|line| is_of_a_product(line, &mut self.columns))
    }
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
            (r#"{"message":"{\"srcaddr\":1}","logs":["#, true),
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
