//! How rejected records are told: as JSON lines in a file, or the first few on standard error.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Serialize;
use weir_normalizer::{
    batch::{Place, Reject},
    limits::RAW_PREFIX,
};
use weir_printable::{line, steers};

use crate::limits;

/// A line of the file that `--rejects` names. An element's text stands in the line of its first
/// reject; those behind it have the same file and offset, and neither `raw` nor `raw_base64`, so
/// that a text with many bad records is not written once for each.
#[derive(Serialize)]
struct Line<'a> {
    file: &'a str,
    line: u64,
    offset: u64,
    length: u64,
    format: &'a str,
    field: &'a str,
    code: &'a str,
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw_base64: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
}

/// Appends a reject as a JSON line. `raw` is what was kept of the element at `place`, for the first
/// reject of it.
pub fn write_line(out: &mut Vec<u8>, file: &str, place: &Place, reject: &Reject<'_>, raw: Option<&[u8]>) {
    let raw = raw.map(|raw| &raw[..raw.len().min(RAW_PREFIX)]);
    let truncated = raw.is_some_and(|raw| (raw.len() as u64) < place.length);
    let text = raw.and_then(|raw| match std::str::from_utf8(raw) {
        Ok(text) => Some(text),
        // A prefix may end inside a character.
        Err(e) if truncated && e.error_len().is_none() => std::str::from_utf8(&raw[..e.valid_up_to()]).ok(),
        Err(_) => None,
    });
    let line = Line {
        file,
        line: place.line,
        offset: place.offset,
        length: place.length,
        format: reject.format,
        field: reject.field,
        code: reject.code,
        reason: reject.reason,
        raw: text,
        raw_base64: raw.filter(|_| text.is_none()).map(|raw| STANDARD.encode(raw)),
        truncated,
    };
    serde_json::to_writer(&mut *out, &line).expect("memory can be written to");
    out.push(b'\n');
}

/// A reject for people: where, why, and how the record begins.
pub fn describe(file: &str, place: &Place, reject: &Reject<'_>, raw: &[u8]) -> String {
    let most = limits::SHOWN_CHARS * 4;
    let start = String::from_utf8_lossy(&raw[..raw.len().min(most)]);
    let mut text = format!("{}:{}: {}\n    ", line(file), place.line, printable(reject.reason, usize::MAX));
    text.push_str(&printable(&start, limits::SHOWN_CHARS));
    if start.chars().count() > limits::SHOWN_CHARS || raw.len() > most {
        text.push_str(" ...");
    }
    text
}

/// Some characters of a text, with those that would steer a terminal replaced.
fn printable(text: &str, most: usize) -> String {
    text.chars().take(most).map(|c| if steers(c) { '\u{b7}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const REJECT: Reject<'_> = Reject { element: 0, format: "", field: "", code: "x", reason: "odd" };

    fn line(raw: &[u8], length: u64) -> String {
        let mut out = Vec::new();
        write_line(&mut out, "a.log", &Place { line: 3, offset: 70, length }, &REJECT, Some(raw));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn text_stays_text_and_the_rest_is_base64() {
        assert_eq!(
            line("1 \u{e9} 2".as_bytes(), 6),
            "{\"file\":\"a.log\",\"line\":3,\"offset\":70,\"length\":6,\"format\":\"\",\"field\":\"\",\"code\":\"x\",\"reason\":\"odd\",\"raw\":\"1 \u{e9} 2\"}\n"
        );
        assert_eq!(
            line(b"1\xff2", 3),
            "{\"file\":\"a.log\",\"line\":3,\"offset\":70,\"length\":3,\"format\":\"\",\"field\":\"\",\"code\":\"x\",\"reason\":\"odd\",\"raw_base64\":\"Mf8y\"}\n"
        );
        // The same bytes at the end of a whole record are no cut character.
        assert!(line(b"1\xc3", 2).contains("\"raw_base64\":\"McM=\"}"));
    }

    #[test]
    fn long_records_are_cut_between_characters() {
        let raw = format!("x{}", "\u{e9}".repeat(RAW_PREFIX));
        let text = line(raw.as_bytes(), raw.len() as u64);
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let kept = value["raw"].as_str().unwrap();
        assert_eq!(kept.len(), RAW_PREFIX - 1);
        assert!(raw.starts_with(kept));
        assert_eq!(value["truncated"], true);
        assert_eq!(value["length"], raw.len() as u64);
    }

    #[test]
    fn only_the_first_reject_of_a_text_carries_it() {
        let mut out = Vec::new();
        let place = Place { line: 3, offset: 70, length: 1 << 20 };
        write_line(&mut out, "a.log", &place, &REJECT, None);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "{\"file\":\"a.log\",\"line\":3,\"offset\":70,\"length\":1048576,\"format\":\"\",\"field\":\"\",\"code\":\"x\",\"reason\":\"odd\"}\n"
        );
    }

    #[test]
    fn what_is_shown_cannot_steer_a_terminal() {
        let text =
            describe("a.log", &Place { line: 3, offset: 70, length: 5 }, &REJECT, b"\x1b[2J\x07\xe2\x80\xae");
        assert_eq!(text, "a.log:3: odd\n    \u{b7}[2J\u{b7}\u{b7}");
        let text = describe("\x1b]0;a\x07", &Place { line: 3, offset: 70, length: 1 }, &REJECT, b"x");
        assert_eq!(text, "\\u{1b}]0;a\\u{7}:3: odd\n    x");
        let long = "x".repeat(1000);
        let text = describe("a.log", &Place { line: 3, offset: 70, length: 5 }, &REJECT, long.as_bytes());
        assert_eq!(text, format!("a.log:3: odd\n    {} ...", "x".repeat(limits::SHOWN_CHARS)));
    }
}
