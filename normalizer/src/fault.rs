//! Why a record is rejected: what, where, what was found, what to do.

use std::{borrow::Cow, fmt::Write as _};

/// The kinds of fault, as `rejects_by_reason` counts them.
pub(crate) mod code {
    pub(crate) const ACTION: &str = "action";
    pub(crate) const ADDRESS: &str = "address";
    pub(crate) const AMBIGUOUS: &str = "ambiguous";
    pub(crate) const API_ERROR: &str = "api-error";
    pub(crate) const COLUMN_COUNT: &str = "column-count";
    pub(crate) const CUT_SHORT: &str = "cut-short";
    pub(crate) const HEADER: &str = "header";
    pub(crate) const JSON: &str = "json";
    pub(crate) const MISSING_KEY: &str = "missing-key";
    pub(crate) const NESTING: &str = "nesting";
    pub(crate) const NUL: &str = "nul";
    pub(crate) const NUMBER: &str = "number";
    pub(crate) const PROTOCOL: &str = "protocol";
    pub(crate) const TIME: &str = "time";
    pub(crate) const TOO_LONG: &str = "too-long";
    pub(crate) const TOO_MANY_RECORDS: &str = "too-many-records";
    pub(crate) const UNKNOWN_FORMAT: &str = "unknown-format";
    pub(crate) const UTF8: &str = "utf-8";
    pub(crate) const WORD: &str = "word";
}

/// A fault of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault<'a> {
    pub(crate) code: &'static str,
    /// The id of the product that the record was taken for, or empty.
    pub(crate) format: &'static str,
    /// The key or column's name as the source writes it, or empty.
    pub(crate) field: &'a str,
    /// From 1; 0 for none.
    pub(crate) column: usize,
    /// The value at fault, or empty.
    pub(crate) found: &'a str,
    /// Where in the record's text the fault is, if no value is at fault.
    pub(crate) offset: Option<usize>,
    /// The rest of the sentence.
    pub(crate) message: Cow<'static, str>,
}

impl<'a> Fault<'a> {
    /// A fault of the record as a whole.
    #[cold]
    #[inline(never)]
    pub(crate) fn of_record(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, format: "", field: "", column: 0, found: "", offset: None, message: message.into() }
    }

    /// Writes it as a sentence.
    pub(crate) fn render(&self, out: &mut String) {
        out.clear();
        if self.column > 0 {
            let _ = write!(out, "column {}", self.column);
            if !self.field.is_empty() {
                let _ = write!(out, " ({})", clipped(self.field, 100));
            }
            out.push_str(": ");
        } else if !self.field.is_empty() {
            let _ = write!(out, "{}: ", clipped(self.field, 100));
        }
        if !self.found.is_empty() {
            let _ = write!(out, "{} ", Quoted(self.found));
        }
        out.push_str(&self.message);
    }
}

/// The first bytes of a text, so many at most.
pub(crate) fn clipped(text: &str, most: usize) -> &str {
    match text.len() > most {
        true => &text[..text.floor_char_boundary(most)],
        false => text,
    }
}

/// A value in quotes, cut where it is long, with what can't be shown escaped.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl std::fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const SHOWN: usize = 60;
        f.write_char('"')?;
        let mut chars = self.0.chars();
        for c in chars.by_ref().take(SHOWN) {
            if c.is_control() || c == '"' || c == '\\' {
                write!(f, "{}", c.escape_default())?;
            } else {
                f.write_char(c)?;
            }
        }
        f.write_str(if chars.next().is_some() { "\"..." } else { "\"" })
    }
}
