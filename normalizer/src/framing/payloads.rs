//! Whether a text under a payload's key has a record in it. It need not be one that is read: what only
//! looks like one is rejected then, with its bytes, and not passed over.

use std::{borrow::Cow, iter};

use crate::{
    base::error::Error,
    bytes::scan,
    catalog::{
        detection::{FEWEST_KEYS, KeyIndex},
        envelopes::{self, HIGHLIGHTS, holds_records},
        product::{Entry, Lines, Product, Shape},
        products::{self, aws_vpc},
    },
    framing::{
        columns::Columns,
        layout::{self, Layout},
    },
    json::{
        members::{Member, Object},
        read as json,
    },
    rules::config::Config,
    value::{
        addresses,
        raw::{Raw, RawKind},
        words::{self, LOG_STATUS},
    },
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

/// No record is shorter, in bytes.
const SHORTEST: usize = 8;

/// No layout that tells a line has fewer columns.
const FEWEST_COLUMNS: usize = 3;

/// Looks into payloads, with memory that is used again.
#[derive(Debug)]
pub(super) struct Payloads {
    members: Vec<Member>,
    unescaped: String,
    lines: TellingLines,
}

/// What lines tell that they are records.
#[derive(Debug)]
struct TellingLines {
    columns: Columns,
    /// The product that all lines are of.
    from: Option<&'static Product>,
    /// The layout that was configured, or the formats that vendors have written down; each behind a byte that
    /// its lines have, if one is known.
    layouts: Vec<(Option<u8>, Layout)>,
    /// Whether somebody configured the layout, so that texts which are no records may fit it.
    is_configured: bool,
}

impl Payloads {
    pub(super) fn new(config: &Config) -> Result<Self, Error> {
        let from = config.from.as_deref().and_then(products::by_id);
        let configured = Layout::configured(config)?;
        let is_configured = configured.is_some();
        let written = Layout::written(config, from)?.into_iter().map(|(_, layout)| layout);
        let layouts = configured.into_iter().chain(written).map(|layout| (layout.mark(), layout));
        let lines =
            TellingLines { columns: Columns::default(), from, layouts: layouts.collect(), is_configured };
        Ok(Self { members: Vec::new(), unescaped: String::new(), lines })
    }

    /// Whether a text is a record of a product, or has one in its lines or in payloads of its own; with
    /// `addresses` also where only its keys of addresses tell that.
    #[cold]
    #[inline(never)]
    pub(super) fn tell(&mut self, text: &str, addresses: bool) -> bool {
        let Self { members, unescaped, lines } = self;
        if text.len() < SHORTEST {
            return false;
        }
        // A list, so that payloads in payloads cost no stack.
        let mut texts = vec![Cow::Borrowed(text)];
        for _ in 0..TEXTS {
            let Some(text) = texts.pop() else { break };
            let text = text.trim_start_matches('\u{feff}').trim_ascii();
            if !text.starts_with(['{', '[']) {
                let mut rest = text.lines();
                while let Some(line) = rest.next() {
                    if let Some(json) = json_in(line) {
                        texts.push(json.to_owned().into());
                    } else if lines.tell(line)
                        // Without a row it is only a list of names.
                        || names_columns(line) && rest.clone().any(|row| !row.trim_ascii().is_empty())
                    {
                        return true;
                    }
                }
                continue;
            }
            let (object, whole) = first_object(text, members, unescaped);
            let keys: Vec<&str> = (0..object.members.len()).map(|i| object.key(i)).collect();
            if are_of_a_record(&keys, addresses) || is_encoded(&keys, object) {
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

/// Whether keys are those of a record. No envelope has the address of a flow and what else a flow has, but what
/// an application logs may.
pub(super) fn are_of_a_record(keys: &[&str], addresses: bool) -> bool {
    let index = KeyIndex::get();
    let known = keys.iter().filter(|key| !index.entries(key).is_empty()).count();
    known >= FEWEST_KEYS && index.tells(keys) || addresses && known > 0 && index.tell_traffic(keys)
}

/// Whether an object is one that Firehose hands on, with a record in base64.
pub(super) fn is_encoded(keys: &[&str], object: Object<'_>) -> bool {
    let Some(i) = keys.iter().position(|key| *key == envelopes::ENCODED) else { return false };
    let Raw { kind, text } = object.raw(i);
    let is_base64 = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=');
    kind == RawKind::Text
        && text.len() >= 16
        && text.len().is_multiple_of(4)
        && text.bytes().all(is_base64)
        && keys.iter().all(|key| *key == envelopes::ENCODED || envelopes::BESIDE_ENCODED.contains(key))
}

/// Whether a line is a header row.
pub(super) fn names_columns(line: &str) -> bool {
    layout::header(line.as_bytes(), None, KeyIndex::get()).is_some()
}

/// JSON behind a time in front of it.
fn json_in(line: &str) -> Option<&str> {
    let at = line.find('{').filter(|at| *at < BYTES_BEFORE)?;
    line.starts_with(|c: char| c.is_ascii_digit()).then(|| &line[at..])
}

impl TellingLines {
    /// Whether a line is a record.
    fn tell(&mut self, line: &str) -> bool {
        let plain;
        let line = match HIGHLIGHTS.iter().any(|mark| line.contains(mark)) {
            true => {
                plain = HIGHLIGHTS.iter().fold(line.to_owned(), |line, mark| line.replace(mark, ""));
                &plain
            }
            false => line,
        };
        // Times in front of it have blanks in them.
        let behind_time = || {
            line.bytes().next().filter(u8::is_ascii_digit).into_iter().flat_map(|_| {
                memchr::memchr_iter(b' ', line.as_bytes()).take(COLUMNS_BEFORE).map(|at| &line[at + 1..])
            })
        };
        let Self { columns, from, layouts, is_configured } = self;
        // A sentence may have as many words as a record has columns. A record of no flow has no address.
        let has_address = |columns: &Columns, line: &str| {
            let says_none = |text: &str| words::find(LOG_STATUS, text).is_some_and(|status| status.0 != "ok");
            let is_one = |text: &str| addresses::read(text).is_some() || says_none(text);
            (0..columns.len()).any(|i| is_one(columns.get(line, i)))
        };
        let mut is_of_layout = |(mark, layout): &(Option<u8>, Layout), line: &str| {
            mark.is_none_or(|mark| scan::has(line.as_bytes(), mark))
                && (*is_configured || layout.names.len() >= FEWEST_COLUMNS)
                && layout
                    .separation
                    .as_ref()
                    .is_some_and(|by| columns.split(line, by).is_ok() && columns.len() == layout.names.len())
                && (!*is_configured || has_address(columns, line))
        };
        if layouts
            .iter()
            .any(|layout| iter::once(line).chain(behind_time()).any(|line| is_of_layout(layout, line)))
        {
            return true;
        }
        // No product has fewer.
        if memchr::memchr2_iter(b' ', b'\t', line.as_bytes()).count() < FEWEST_COLUMNS {
            return false;
        }
        columns.split_blanks(line, line.as_bytes());
        let custom = from.is_none_or(|from| from.id == aws_vpc::PRODUCT.id)
            && aws_vpc::is_custom(&mut (0..columns.len()).map(|i| columns.get(line, i)));
        if custom {
            return true;
        }
        let tells = |product: &&Product| {
            let own = &product.entries[..product.lines.columns()];
            let Some(before) = columns.len().checked_sub(own.len()) else { return false };
            let fits = |(i, entry): (usize, &Entry)| {
                entry.shape == Shape::Any || entry.fits(columns.get(line, before + i).as_bytes())
            };
            before <= COLUMNS_BEFORE
                && match *from {
                    Some(from) => {
                        from.id == product.id && own.len() >= FEWEST_COLUMNS && has_address(columns, line)
                    }
                    None => matches!(product.lines, Lines::Detected(_)) && own.iter().enumerate().all(fits),
                }
        };
        products::all().iter().any(tells)
    }
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
        let mut payloads = Payloads::new(&Config::default()).unwrap();
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
            assert!(payloads.tell(text, false), "{text}");
        }
        for text in [
            "",
            "success",
            "1 2 3 4",
            r#"{"a":1}"#,
            r#"{"client_ip":1}"#,
            "[]",
            "[1]",
            "srcaddr,dstaddr,bytes,packets",
            "srcaddr dstaddr bytes packets start end\n\n",
            &LINE.replace(" OK", ""),
            &format!("a b c d {LINE}"),
            &string("foo", LINE),
        ] {
            assert!(!payloads.tell(text, false), "{text}");
        }
    }

    #[test]
    fn lines_tell_as_far_as_the_configuration_says() {
        let elb = include_str!("../../../samples/huawei-elb.log").lines().next().unwrap_or_default();
        let from = |id: &str| Config { from: Some(id.into()), ..Config::default() };
        let layout = Config {
            layout: Some("srcaddr|dstaddr|bytes".into()),
            separator: Some("|".into()),
            ..from("baidu-flow")
        };
        let pair = Config { layout: Some("${srcaddr} ${dstaddr}".into()), ..from("aws-vpc") };
        let nodata = "1 5f67944957444bd6bb4fe3b367de8f3d 1d515d18-1b36-47dc-a983-bd6512aed4bd - - - - - - - 1431280876 1431280934 - NODATA";
        let baidu = include_str!("../../../samples/baidu-flow.log").lines().next().unwrap_or_default();
        for (config, line, tells) in [
            (&Config::default(), elb, true),
            (&from("huawei-elb"), elb, true),
            (&from("aws-vpc"), elb, false),
            (&Config::default(), baidu, false),
            (&from("baidu-flow"), baidu, true),
            (
                &from("huawei-vpc"),
                "1 my-project 1d515d18-1b36-47dc-a983-bd6512aed4bd 192.168.0.154 192.168.3.25 38929 53 17 1 96 1548752136 1548752736 ACCEPT OK",
                true,
            ),
            (&layout, "10.0.0.1|10.0.0.2|5", true),
            (&layout, "success", false),
            (&pair, "10.0.0.1 10.0.0.2", true),
            (&pair, "it ended", false),
            (&from("huawei-vpc"), nodata, true),
            (&Config::default(), &LINE.replace(' ', "\t"), true),
            (&Config::default(), &LINE.replace("443", "<HighLightTag>443</HighLightTag>"), true),
            (&Config::default(), &format!("{} vpc-1", LINE.replace("eni-0abc", "eni-0abc1234")), true),
            (&Config::default(), "the interface eni-0abc1234 of 10.0.0.1 is detached", false),
            (&from("baidu-flow"), "no such bucket", false),
            (&layout, "a|b|c", false),
            (
                &from("huawei-vpc"),
                "a sentence of fourteen words has as many as a line of that product has",
                false,
            ),
        ] {
            assert_eq!(Payloads::new(config).unwrap().tell(line, false), tells, "{line}");
        }
        let address = r#"{"client_ip":1,"dstaddr":2}"#;
        assert!(Payloads::new(&Config::default()).unwrap().tell(address, true));
    }
}
