//! The one rule for what stands for no value.

use crate::value::raw::{Raw, RawKind};

/// Whether a value stands for none: `-`, an empty string, `null`, `N/A`, or `-1`.
#[inline]
pub(crate) fn is_missing(raw: Raw<'_>) -> bool {
    match raw.kind {
        RawKind::Nested => false,
        RawKind::Literal => raw.text == "null",
        RawKind::Text | RawKind::Number => match raw.text.trim_ascii().as_bytes() {
            [] | b"-" | b"-1" => true,
            [b'n' | b'N', rest @ ..] => rest.eq_ignore_ascii_case(b"ull") || rest.eq_ignore_ascii_case(b"/a"),
            _ => false,
        },
    }
}

/// Whether a value is the `-` that stands for none. Of what has no field only this is left out:
/// what other texts mean there, nobody knows.
#[inline(always)]
pub(crate) fn is_dash(raw: Raw<'_>) -> bool {
    raw.text.len() == 1 && raw.text.as_bytes()[0] == b'-'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_values() {
        let missing = |kind, text| is_missing(Raw { kind, text });
        for text in ["-", "", "null", "NULL", "N/A", "n/a", " - ", "-1"] {
            assert!(missing(RawKind::Text, text), "{text:?}");
        }
        assert!(missing(RawKind::Literal, "null") && missing(RawKind::Number, "-1"));
        assert!(
            !missing(RawKind::Literal, "true")
                && !missing(RawKind::Nested, "[]")
                && !missing(RawKind::Text, "n")
        );
    }
}
