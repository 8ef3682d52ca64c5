//! What the keys of a document say: whether the arrays in it hold records, or whether it is a
//! record that has arrays.

use crate::{
    catalog::{detection::KeyIndex, envelopes},
    json::{members::Member, read as json},
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
}

impl Keys {
    /// Whether the members of an object that are no envelope's are those of a record. The text
    /// may break off.
    pub(super) fn is_record(&mut self, text: &[u8]) -> bool {
        let text = std::str::from_utf8(text).unwrap_or_default();
        let _ = json::read_members(text, &mut self.members, &mut self.unescaped);
        let keys = self.members.iter().map(|m| m.key.of(text, &self.unescaped));
        let others = || keys.clone().filter(|key| !envelopes::is_own(key));
        if others().next().is_none() {
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
        let plain = !others().any(|key| key.contains('\0'));
        if plain && others().all(same) && asked.is_empty() {
            return self.is_record;
        }
        let others: Vec<&str> = others().collect();
        // No envelope has the address of a flow.
        let has_address = others.iter().any(|key| KeyIndex::get().is_address(key));
        self.is_record = has_address || KeyIndex::get().tells(&others);
        self.asked.clear();
        for key in others.into_iter().filter(|_| plain) {
            self.asked.push_str(key);
            self.asked.push('\0');
        }
        self.is_record
    }
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
