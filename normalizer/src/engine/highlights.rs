//! The marks that LTS puts around the words that a query found.

use crate::{bytes::scan, catalog::envelopes::HIGHLIGHTS};

/// Whether LTS has marked words in a text. Few records have a `<` at all.
pub(super) fn is_highlighted(text: &str) -> bool {
    scan::has(text.as_bytes(), b'<') && text.contains(HIGHLIGHTS[0])
}

pub(super) fn strip_highlights(text: &str, out: &mut String) {
    out.clear();
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let mark = HIGHLIGHTS.iter().find_map(|m| rest.strip_prefix(m));
        rest = mark.unwrap_or_else(|| {
            out.push('<');
            &rest[1..]
        });
    }
    out.push_str(rest);
}
