//! Why a record is rejected: what, where, what was found, what to do.

use std::{
    fmt::{self, Write as _},
    str::FromStr,
};

use crate::{
    base::error::{Error, ErrorKind},
    bytes::digits,
    value::words::Word,
};

/// Makes the kinds of fault from one list: the variant, its text, and what it means.
macro_rules! reject_codes {
    ($($name:ident $text:literal $doc:literal;)*) => {
        /// What kind of fault a record was rejected for: a word to count by, or to act on.
        ///
        /// The words are stable; more may come.
        ///
        /// ```
        /// use weir_normalizer::RejectCode;
        ///
        /// assert_eq!(RejectCode::ColumnCount.as_str(), "column-count");
        /// assert_eq!("column-count".parse(), Ok(RejectCode::ColumnCount));
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum RejectCode {
            $(#[doc = $doc] $name),*
        }

        impl RejectCode {
            /// Every code, in the order of the words.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The word for it, as rejects and summaries have it.
            pub const fn as_str(self) -> &'static str {
                const TEXTS: &[&str] = &[$($text),*];
                TEXTS[self as usize]
            }
        }
    };
}

reject_codes! {
    Action "action" "The action is none of the product's words.";
    Address "address" "A value that should be an IPv4 or IPv6 address is none.";
    Ambiguous "ambiguous" "It may be a record of several products, and nothing tells of which.";
    ApiError "api-error" "It is no record but what an API answered in place of records.";
    ColumnCount "column-count" "A line has more or fewer columns than its layout.";
    ControlMessage "control-message" "It is no record but a message by which a log service tries its subscription.";
    CutShort "cut-short" "The input, or what is compressed in it, ends inside of the record.";
    Header "header" "It is a header row and no record.";
    Json "json" "It is not valid JSON.";
    MissingKey "missing-key" "A key that the layout asks for is not there.";
    Nesting "nesting" "Arrays, objects or envelopes are nested too deep.";
    Nul "nul" "There is a NUL byte in a line.";
    Number "number" "A value that should be a number is none, or is out of range.";
    Protocol "protocol" "The number of the protocol is out of range.";
    Time "time" "A value that should be a time is none.";
    TooLong "too-long" "The record is longer than a record may be.";
    TooManyRecords "too-many-records" "The records inside of one element make more than one element may.";
    TooMuchOutput "too-much-output" "The record would become longer than one of its length may.";
    UnknownFormat "unknown-format" "It is like the records of no product.";
    Utf8 "utf-8" "There is a byte that is not UTF-8.";
    Word "word" "A value is none of the words that its field has.";
}

impl fmt::Display for RejectCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for RejectCode {
    type Err = Error;

    /// Reads the word.
    fn from_str(word: &str) -> Result<Self, Error> {
        let found = Self::ALL.iter().copied().find(|c| c.as_str() == word);
        found.ok_or_else(|| Error::new(ErrorKind::Word, format!("no reject has the code {}", Quoted(word))))
    }
}

/// A fault of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault<'a> {
    pub(crate) code: RejectCode,
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
    pub(crate) message: Message,
}

/// The rest of a fault's sentence. What is often wrong with a value is put into words only if
/// somebody reads them: the way that is tried next may still make something of the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// The words themselves.
    Fixed(&'static str),
    /// Words that were made up.
    Made(String),
    /// It is a number above this.
    Above(u64),
    /// It is not one of these words.
    NoneOf(&'static [Word]),
}

impl From<&'static str> for Message {
    fn from(text: &'static str) -> Self {
        Self::Fixed(text)
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::Made(text)
    }
}

impl Message {
    fn render(&self, out: &mut String) {
        match self {
            Self::Fixed(text) => out.push_str(text),
            Self::Made(text) => out.push_str(text),
            Self::Above(most) => {
                out.push_str("is too large; the highest is ");
                push_number(out, *most);
            }
            Self::NoneOf(words) => {
                let mut known: Vec<_> = words.iter().map(|w| w.0).collect();
                known.dedup();
                out.push_str("is not known; expected one of ");
                out.push_str(&known.join(", "));
            }
        }
    }
}

impl<'a> Fault<'a> {
    /// A fault of the record as a whole.
    #[cold]
    #[inline(never)]
    pub(crate) fn of_record(code: RejectCode, message: impl Into<Message>) -> Self {
        Self { code, format: "", field: "", column: 0, found: "", offset: None, message: message.into() }
    }

    /// Writes it as a sentence. Without the machinery for formats, which costs more than the rest.
    pub(crate) fn render(&self, out: &mut String) {
        out.clear();
        let field = clipped(self.field, 100);
        if self.column > 0 {
            out.push_str("column ");
            push_number(out, self.column as u64);
            if !field.is_empty() {
                out.push_str(" (");
                out.push_str(field);
                out.push(')');
            }
            out.push_str(": ");
        } else if !field.is_empty() {
            out.push_str(field);
            out.push_str(": ");
        }
        if !self.found.is_empty() {
            Quoted(self.found).push_to(out);
            out.push(' ');
        }
        self.message.render(out);
    }
}

/// Appends a number in decimal digits.
pub(crate) fn push_number(out: &mut String, n: u64) {
    let mut digits = [0; 32];
    let len = digits::write(&mut digits, 0, n).unwrap_or_default();
    out.push_str(std::str::from_utf8(&digits[..len]).unwrap_or_default());
}

/// The first bytes of a text, at most `most`.
pub(crate) fn clipped(text: &str, most: usize) -> &str {
    match text.len() > most {
        true => &text[..text.floor_char_boundary(most)],
        false => text,
    }
}

/// A value in quotes, cut where it is long, with what can't be shown escaped.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl Quoted<'_> {
    /// How many characters are shown.
    const SHOWN: usize = 60;

    fn push_to(&self, out: &mut String) {
        let plain = |b: u8| matches!(b, b' '..=b'~') && !matches!(b, b'"' | b'\\');
        if self.0.len() <= Self::SHOWN && self.0.bytes().all(plain) {
            out.push('"');
            out.push_str(self.0);
            out.push('"');
        } else {
            let _ = write!(out, "{self}");
        }
    }
}

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        let mut chars = self.0.chars();
        for c in chars.by_ref().take(Self::SHOWN) {
            if c.is_control() || c == '"' || c == '\\' {
                write!(f, "{}", c.escape_default())?;
            } else {
                f.write_char(c)?;
            }
        }
        f.write_str(if chars.next().is_some() { "\"..." } else { "\"" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_words_in_order_and_are_read_back() {
        let words: Vec<_> = RejectCode::ALL.iter().map(|c| c.as_str()).collect();
        assert!(words.is_sorted_by(|a, b| a < b), "{words:?}");
        for (i, code) in RejectCode::ALL.iter().enumerate() {
            assert_eq!((*code as usize, words[i].parse()), (i, Ok(*code)));
            assert_eq!(format!("{code:>20}").trim_start(), words[i]);
        }
        assert!("Action".parse::<RejectCode>().is_err() && "".parse::<RejectCode>().is_err());
    }

    #[test]
    fn faults_are_sentences() {
        let fault = Fault {
            field: "srcport",
            column: 6,
            found: "70000",
            ..Fault::of_record(RejectCode::Number, Message::Above(65535))
        };
        let rendered = |fault: &Fault<'_>| {
            let mut text = "old".to_owned();
            fault.render(&mut text);
            text
        };
        assert_eq!(rendered(&fault), "column 6 (srcport): \"70000\" is too large; the highest is 65535");
        let fault = Fault { column: 0, message: "is odd".into(), ..fault };
        assert_eq!(rendered(&fault), "srcport: \"70000\" is odd");
        let fault = Fault { field: "", column: 10, found: "", ..fault };
        assert_eq!(rendered(&fault), "column 10: is odd");
        assert_eq!(
            rendered(&Fault::of_record(RejectCode::Number, Message::Above(0))),
            "is too large; the highest is 0"
        );
    }

    #[test]
    fn values_are_quoted_alike_whether_they_are_plain_or_not() {
        let long = "x".repeat(Quoted::SHOWN);
        for text in [
            "",
            " a~",
            "\"",
            "\\",
            "\t",
            "\u{7f}",
            "é",
            &long,
            &format!("{long}y"),
            &format!("é{}", &long[1..]),
        ] {
            let mut pushed = String::new();
            Quoted(text).push_to(&mut pushed);
            assert_eq!(pushed, Quoted(text).to_string());
        }
    }
}
