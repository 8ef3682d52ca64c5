//! Whether a text under a payload's key has a record in it. It need not be one that is read: what only
//! looks like one is rejected then, with its bytes, and not passed over.

use std::borrow::Cow;

use crate::{
    catalog::{
        detection::KeyIndex,
        envelopes::{self, holds_records, records_in},
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

/// Into how many texts of a payload is looked.
const TEXTS: usize = 16;

/// How many columns, and how many bytes in front of JSON, whatever stands in front of a record may have:
/// a time mostly.
const COLUMNS_BEFORE: usize = 3;
const BYTES_BEFORE: usize = 40;

/// Whether a member may be a payload, by its key and what its value is.
pub(super) fn is_payload(key: &str, raw: Raw<'_>) -> bool {
    envelopes::is_payload(key) && matches!(raw.kind, RawKind::Text | RawKind::Nested)
}

/// Looks into payloads, with memory that is used again.
#[derive(Debug, Default)]
pub(super) struct Payloads {
    members: Vec<Member>,
    unescaped: String,
    columns: Columns,
}

impl Payloads {
    /// Whether a text is a record of a product, or has one in its lines or in payloads of its own.
    #[cold]
    #[inline(never)]
    pub(super) fn tell(&mut self, text: &str) -> bool {
        let Self { members, unescaped, columns } = self;
        // A list, so that payloads in payloads cost no stack.
        let mut texts = vec![Cow::Borrowed(text)];
        for _ in 0..TEXTS {
            let Some(text) = texts.pop() else { break };
            let text = text.trim_start_matches('\u{feff}').trim_ascii();
            if !text.starts_with(['{', '[']) {
                for line in text.lines() {
                    if let Some(json) = json_in(line) {
                        texts.push(json.to_owned().into());
                    } else if is_of_a_product(line, columns)
                        || layout::header(line.as_bytes(), None, KeyIndex::get()).is_some()
                    {
                        return true;
                    }
                }
                continue;
            }
            let (object, whole) = first_object(text, members, unescaped);
            if keys_tell(object) {
                return true;
            }
            let inner = (0..object.members.len()).map(|i| (object.key(i), object.raw(i)));
            let inner = inner.filter(|(key, raw)| {
                is_payload(key, *raw) || raw.kind == RawKind::Nested && holds_records(key, raw.text)
            });
            texts.extend(inner.map(|(_, raw)| raw.text.to_owned().into()));
            // Several documents.
            if !whole && text.starts_with('{') {
                texts.extend(text.lines().skip(1).take(TEXTS).map(|line| line.to_owned().into()));
            }
        }
        false
    }
}

/// Whether the first object in an array, or in the array of a section, is a record, by its keys.
#[cold]
#[inline(never)]
pub(crate) fn begins_with_record(array: &str) -> bool {
    let (mut members, mut unescaped) = (Vec::new(), String::new());
    let (object, _) = first_object(array, &mut members, &mut unescaped);
    if keys_tell(object) {
        return true;
    }
    let Some(inner) = records_in(object) else { return false };
    // It is nested, so nothing in it is unescaped.
    let array = object.members[inner].value.of(object.text, "");
    keys_tell(first_object(array, &mut Vec::new(), &mut String::new()).0)
}

/// The object that a text begins with, or an array in it, as far as it is read; and whether nothing else
/// is in the text.
fn first_object<'a>(
    text: &'a str,
    members: &'a mut Vec<Member>,
    unescaped: &'a mut String,
) -> (Object<'a>, bool) {
    let text = text.trim_start_matches(['[', ' ', '\t', '\r', '\n']);
    let whole = json::read_members(text, members, unescaped).is_ok();
    (Object { text, unescaped, members }, whole)
}

fn keys_tell(object: Object<'_>) -> bool {
    let keys: Vec<&str> = (0..object.members.len()).map(|i| object.key(i)).collect();
    KeyIndex::get().tells(&keys)
}

/// JSON behind a time in front of it.
fn json_in(line: &str) -> Option<&str> {
    let at = line.find('{').filter(|at| *at < BYTES_BEFORE)?;
    line.starts_with(|c: char| c.is_ascii_digit()).then(|| &line[at..])
}

/// Whether what is in the columns of a line tells a product.
fn is_of_a_product(line: &str, columns: &mut Columns) -> bool {
    columns.split_blanks(line, line.as_bytes());
    products::all().iter().any(|product| {
        let Lines::Detected(_) = product.lines else { return false };
        let own = &product.entries[..product.lines.columns()];
        let Some(before) = columns.len().checked_sub(own.len()) else { return false };
        let fits = |(i, entry): (usize, &Entry)| {
            entry.shape == Shape::Any || entry.fits(columns.get(line, before + i).as_bytes())
        };
        before <= COLUMNS_BEFORE && own.iter().enumerate().all(fits)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str =
        "2 111122223333 eni-0abc 10.0.0.5 10.0.0.6 443 40000 6 3 180 1707305100 1707305160 ACCEPT OK";
    const RECORD: &str = r#"{"eni-id":1,"vm-id":1,"vswitch-id":2,"vpc-id":2,"srcaddr":3}"#;

    #[test]
    fn a_record_tells_however_it_is_wrapped() {
        let string = |key: &str, text: &str| serde_json::json!({ key: text }).to_string();
        let array = format!("[{{\"content\":{:?}}}]", LINE);
        let mut payloads = Payloads::default();
        for text in [
            LINE,
            &format!("x\n{LINE}\n"),
            &format!("\u{feff}2024-02-07 11:25:40 {LINE}"),
            RECORD,
            &format!("2024-02-07T11:25:40Z {RECORD}"),
            &format!("{{\"a\":1}}\n{RECORD}"),
            &format!("[{RECORD},{{}}]"),
            &array,
            &string("message", LINE),
            &string("log", &string("message", &array)),
            &format!("{{\"data\":{{\"records\":[{RECORD}]}}}}"),
            "srcaddr dstaddr bytes packets start end\n1 2",
        ] {
            assert!(payloads.tell(text), "{text}");
        }
        for text in [
            "",
            "success",
            "1 2 3 4",
            r#"{"a":1}"#,
            r#"{"client_ip":1}"#,
            "[]",
            "[1]",
            &LINE.replace(" OK", ""),
            &format!("a b c d {LINE}"),
            &string("foo", LINE),
        ] {
            assert!(!payloads.tell(text), "{text}");
        }
    }

    #[test]
    fn an_array_begins_with_a_record_or_not() {
        let one = format!("[ {RECORD},{{}}]");
        for (array, begins) in [
            (&*one, true),
            (&format!("{{\"total\":1,\"records\":{one}}}"), true),
            ("[{\"k\":1}]", false),
            ("[]", false),
            ("{\"records\":[]}", false),
        ] {
            assert_eq!(begins_with_record(array), begins, "{array}");
        }
    }
}
