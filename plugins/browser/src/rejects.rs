//! Rejects as JSON lines, the same bytes as `weir normalize --rejects` writes.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Serialize;
use weir_normalizer::{
    batch::{Place, Reject},
    limits::RAW_PREFIX,
};

#[derive(Serialize)]
struct Line<'a> {
    file: &'a str,
    line: u64,
    offset: u64,
    length: u64,
    format: &'a str,
    field: &'a str,
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw_base64: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
}

/// Appends a reject. `raw` is what was kept of the element at `place`, for the first reject of it.
pub(crate) fn write_line(
    out: &mut Vec<u8>,
    file: &str,
    place: &Place,
    reject: &Reject<'_>,
    raw: Option<&[u8]>,
) {
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
        reason: reject.reason,
        raw: text,
        raw_base64: raw.filter(|_| text.is_none()).map(|raw| STANDARD.encode(raw)),
        truncated,
    };
    // Memory can be written to.
    let _ = serde_json::to_writer(&mut *out, &line);
    out.push(b'\n');
}
