//! Whether a text under a payload's key has a record in it. It need not be one that is read: what only
//! looks like one is rejected then, with its bytes, and not passed over.

use std::{borrow::Cow, iter};

use crate::{
    base::error::Error,
    bytes::scan,
    catalog::{
        detection::{FEWEST_KEYS, KeyEvidence, KeyIndex, Told, detect},
        envelopes::{self, HIGHLIGHTS},
        hint::Hint,
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

/// How often each byte of a text is looked at, on average, and how many bytes more of a small one.
const LOOKS: usize = 16;
pub(super) const FREE_LOOKS: usize = 4096;

/// How many columns whatever stands in front of a record may have: a time mostly.
const COLUMNS_BEFORE: usize = 3;

/// How many keys a record of the configured product has at least, where all of them are its own.
const FEWEST_ALONE: usize = 2;

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
    /// The product that all records are of, by its index in the registry.
    from: Option<usize>,
    /// The layout that was configured, or the formats that vendors have written down; each behind a byte that
    /// its lines have, if one is known.
    layouts: Vec<(Option<u8>, Layout)>,
    /// Whether somebody configured the layout, so that texts which are no records may fit it.
    is_configured: bool,
}

impl Payloads {
    pub(super) fn new(config: &Config) -> Result<Self, Error> {
        let from = config.from.as_deref();
        let from = from.and_then(|id| products::all().iter().position(|product| product.id == id));
        let configured = Layout::configured(config)?;
        let is_configured = configured.is_some();
        let written =
            Layout::written(config, from.map(|p| products::all()[p]))?.into_iter().map(|(_, layout)| layout);
        let layouts = configured.into_iter().chain(written).map(|layout| (layout.mark(), layout));
        let lines =
            TellingLines { columns: Columns::default(), from, layouts: layouts.collect(), is_configured };
        Ok(Self { members: Vec::new(), unescaped: String::new(), lines })
    }

    /// Whether a text is a record of a product, or has one in its lines, in objects anywhere in it, or in their
    /// strings; with `addresses` also where only keys of addresses tell that. Where that is not found out in a
    /// time that is bounded by its length, it has.
    #[cold]
    #[inline(never)]
    pub(super) fn tell(&mut self, text: &str, addresses: bool) -> bool {
        if text.len() < SHORTEST {
            return false;
        }
        let Self { members, unescaped, lines } = self;
        // A list, so that texts in texts cost no stack.
        let mut texts = vec![Cow::Borrowed(text)];
        let mut looks = LOOKS * (text.len() + FREE_LOOKS);
        while let Some(text) = texts.pop() {
            let text = text.trim_start_matches('\u{feff}').trim_ascii();
            let mut rest = text.lines();
            while let Some(line) = rest.next() {
                // Without a row a header row is only a list of names.
                let has_rows = || rest.clone().any(|row| !row.trim_ascii().is_empty());
                if lines.tell(line) || names_columns(line) && has_rows() {
                    return true;
                }
            }
            for at in memchr::memchr2_iter(b'{', b'[', text.as_bytes()) {
                let text = &text[at..];
                // Values in it are read again when their brackets come.
                let read =
                    json::read_members(text, members, unescaped).map_or_else(|e| e.offset, |()| text.len());
                let Some(left) = looks.checked_sub(read + 1) else { return true };
                looks = left;
                let object = Object { text, unescaped, members };
                let keys: Vec<&str> = (0..members.len()).map(|i| object.key(i)).collect();
                if text.starts_with('{')
                    && (are_of_a_record(&keys, addresses)
                        || are_told_otherwise(&keys, object, lines.from)
                        || is_encoded(&keys, object))
                {
                    return true;
                }
                let strings =
                    (0..members.len()).map(|i| object.raw(i)).filter(|raw| raw.kind == RawKind::Text);
                let strings = strings.filter(|raw| raw.text.len() >= SHORTEST);
                texts.extend(strings.map(|raw| raw.text.to_owned().into()));
            }
        }
        false
    }

    /// Whether an object is a record that the configuration tells, or the topic that stands in it.
    pub(super) fn are_told_otherwise(&self, keys: &[&str], object: Object<'_>) -> bool {
        are_told_otherwise(keys, object, self.lines.from)
    }
}

/// Whether the keys of an object are those of a record by what is configured, or by the topic that is among them.
fn are_told_otherwise(keys: &[&str], object: Object<'_>, from: Option<usize>) -> bool {
    let index = KeyIndex::get();
    let evidence = || index.evidence(keys.iter().map(|key| index.entries(key)));
    if let Some(p) = from {
        let KeyEvidence { known, speaks, .. } = evidence()[p];
        return known >= FEWEST_KEYS || speaks || known >= FEWEST_ALONE && known == keys.len();
    }
    let topic = keys.iter().position(|key| envelopes::is_topic(key, false));
    match topic.map(|i| envelopes::hint(keys[i], object.raw(i))) {
        Some(hint @ Hint::Product(_)) => matches!(detect(&evidence(), hint), Told::Product(_)),
        _ => false,
    }
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
        let Self { columns, layouts, is_configured, .. } = self;
        let from = self.from.map(|p| products::all()[p]);
        // A sentence may have as many words as a record has columns. A record of no flow has no address.
        let has_address = |columns: &Columns, line: &str| {
            let says_none = |text: &str| words::find(LOG_STATUS, text).is_some_and(|status| status.0 != "ok");
            let is_one = |text: &str| addresses::read(text).is_some() || says_none(text);
            (0..columns.len()).any(|i| is_one(columns.get(line, i)))
        };
        let names_address =
            |layout: &Layout| layout.names.iter().any(|name| KeyIndex::get().is_address(name));
        let mut is_of_layout = |(mark, layout): &(Option<u8>, Layout), line: &str| {
            mark.is_none_or(|mark| scan::has(line.as_bytes(), mark))
                && (*is_configured || layout.names.len() >= FEWEST_COLUMNS)
                && layout
                    .separation
                    .as_ref()
                    .is_some_and(|by| columns.split(line, by).is_ok() && columns.len() == layout.names.len())
                && (!*is_configured || !names_address(layout) || has_address(columns, line))
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
                && match from {
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
            &string("foo", LINE),
            &format!("x\n{RECORD}"),
            &format!("[INFO]\n{LINE}"),
            &format!("[1]\n{LINE}"),
            &format!("[{{}},{RECORD}]"),
            &format!("[{LINE:?}]"),
            &format!("{{\"a\":{RECORD}}}"),
            &format!("{{}} {RECORD}"),
            &format!("{{\"logs\":[{{\"a\":1}},{RECORD}]}}"),
            &format!("{}{LINE}", "{}\n".repeat(17)),
            &format!("a {} b", string("c", &string("d", RECORD))),
            r#"{"__topic__":"waf_access_log","src_ip":"10.0.0.9"}"#,
            // It is not looked into to the end.
            &"[".repeat(3000),
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
        let waf = Config {
            layout: Some("time|host|url|attack".into()),
            separator: Some("|".into()),
            ..from("huawei-waf")
        };
        assert!(Payloads::new(&waf).unwrap().tell("1650525961000|h|/a|sqli", false));
        for (id, text, tells) in [
            ("huawei-vpc", r#"{"srcaddr":"10.0.0.9","start":1548752136}"#, true),
            ("huawei-vpc", r#"{"start":1548752136}"#, false),
            (
                "huawei-waf",
                r#"{"attack":"sqli","url":"/","host":"h","time":1650525961000,"action":"block"}"#,
                true,
            ),
            ("huawei-vpc", r#"{"attack":"sqli","url":"/","host":"h"}"#, false),
        ] {
            assert_eq!(Payloads::new(&from(id)).unwrap().tell(text, false), tells, "{id} {text}");
        }
        let address = r#"{"client_ip":1,"dstaddr":2}"#;
        assert!(Payloads::new(&Config::default()).unwrap().tell(address, true));
    }
}
