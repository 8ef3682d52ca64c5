//! Layouts: the order of columns in text lines, and how the columns are told apart.
//!
//! A layout is written as Alibaba's `LogFormatString` is, `${srcaddr} ${dstaddr} ${bytes}`,
//! with any text between the fields, or as the names alone, like a CSV header.

use nom::{
    IResult, Parser,
    branch::alt,
    bytes::complete::{is_not, tag, take_until},
    combinator::{map, recognize},
    multi::many1,
    sequence::{delimited, preceded},
};

use crate::{
    base::{
        error::{Error, ErrorKind},
        limits,
    },
    catalog::{
        detection::KeyIndex,
        envelopes::{self, Meta},
        product::{Lines, Product},
        products,
    },
    framing::columns::{Literal, Parts, Separation, reader},
    record::fields::Field,
    rules::config::Config,
};
use csv_core::Reader;

/// The order of columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) names: Vec<String>,
    /// `None` where nothing tells them apart: then it is a set of keys.
    pub(crate) separation: Option<Separation>,
}

impl Layout {
    /// The layout that was configured, if there is one.
    pub(crate) fn configured(config: &Config) -> Result<Option<Self>, Error> {
        let quote = match config.quote.as_deref() {
            None => Some(b'"'),
            Some("none") => None,
            Some(q @ ("\"" | "'")) => Some(q.as_bytes()[0]),
            Some(q) => {
                return Err(Error::new(
                    ErrorKind::Layout,
                    format!("quote: {q:?} is none of '\"', \"'\" and none"),
                ));
            }
        };
        let separator = config.separator.as_deref().map(|s| match s {
            "tab" | "\\t" => "\t",
            "blank" | "space" => " ",
            "comma" => ",",
            "pipe" => "|",
            s => s,
        });
        let Some(text) = &config.layout else {
            return match separator {
                Some(_) => Err(Error::new(
                    ErrorKind::Layout,
                    "separator: there is no layout to separate; give --layout too",
                )),
                None => Ok(None),
            };
        };
        let (names, literals) = if text.contains("${") {
            fields(text)?
        } else {
            // The names may be apart by something else than the columns.
            let by = separator.and_then(|s| s.chars().next());
            let by = by.filter(|by| text.contains(*by) || !text.contains(BETWEEN_NAMES));
            let Some((names, by)) = names(text, by) else {
                return Err(Error::at(
                    ErrorKind::Layout,
                    text,
                    0,
                    "layout: expected ${field} or names with separators between them",
                ));
            };
            let between = separator.map_or_else(|| by.to_string(), str::to_owned);
            let mut literals = vec![between; names.len() + 1];
            literals[0].clear();
            literals[names.len()].clear();
            (names.into_iter().map(str::to_owned).collect(), literals)
        };
        let mut separation = separation(text, &names, literals, separator, quote)?;
        if config.quote.is_some() && quote.is_some() && separation == Some(Separation::Blanks) {
            separation = Some(Separation::Csv { separator: b' ', quote });
        }
        Ok(Some(Self { names, separation }))
    }

    /// The formats that vendors have written down, all or those of one product; none beside a layout, which
    /// is for each line.
    pub(crate) fn written(
        config: &Config,
        from: Option<&Product>,
    ) -> Result<Vec<(&'static Product, Self)>, Error> {
        let mut written = Vec::new();
        for &product in products::all() {
            let Lines::Written(texts) = product.lines else { continue };
            if config.layout.is_some() || from.is_some_and(|from| from.id != product.id) {
                continue;
            }
            for text in texts {
                let config = Config { layout: Some((*text).to_owned()), ..config.clone() };
                written.extend(Self::configured(&config)?.map(|layout| (product, layout)));
            }
        }
        Ok(written)
    }

    /// The layout that a header row gives, from what [`header`] made of it.
    pub(crate) fn from_header(context: &[u8]) -> Option<Self> {
        let [HEADER, separator, quote, rest @ ..] = context else { return None };
        let text = std::str::from_utf8(rest).ok()?;
        let (names, _) = names(text, Some(char::from(*separator)))?;
        let separation = match separator {
            b' ' => Separation::Blanks,
            _ => Separation::Csv { separator: *separator, quote: (*quote != 0).then_some(*quote) },
        };
        Some(Self { names: names.into_iter().map(str::to_owned).collect(), separation: Some(separation) })
    }

    /// Whether a line is the layout's own header row.
    pub(crate) fn is_header(&self, line: &[u8]) -> bool {
        let by = match &self.separation {
            Some(Separation::Blanks) => ' ',
            Some(Separation::Csv { separator, .. }) => char::from(*separator),
            _ => return false,
        };
        // Nearly no line is a header, so its start is looked at first.
        let start = line.iter().find(|b| !matches!(b, b'"' | b'\'' | b' '));
        if start != self.names[0].as_bytes().first() {
            return false;
        }
        let Ok(line) = std::str::from_utf8(line) else { return false };
        names(line, Some(by)).is_some_and(|(names, _)| names.iter().eq(&self.names))
    }

    /// Whether its lines begin with this byte, though JSON does so too.
    pub(crate) fn begins_with(&self, byte: u8) -> bool {
        matches!(&self.separation, Some(Separation::Literals(l)) if l[0].text.as_bytes().first() == Some(&byte))
    }

    /// A byte that each of its lines has, and few others: of the texts beside its columns the first that
    /// is no blank. `None` where no text has to be there.
    pub(crate) fn mark(&self) -> Option<u8> {
        let Some(Separation::Literals(literals)) = &self.separation else { return None };
        let mut texts = literals.iter().filter(|l| l.parts != Parts::Kept).flat_map(|l| l.text.bytes());
        texts.find(|b| *b != b' ')
    }

    /// A reader that finds the ends of rows, where values in quotes may hold line breaks.
    pub(crate) fn row_reader(&self) -> Option<Box<Reader>> {
        match self.separation {
            Some(Separation::Csv { separator, quote: Some(quote) }) => {
                Some(Box::new(reader(separator, Some(quote))))
            }
            _ => None,
        }
    }
}

/// Marks a context that is a header row.
pub(crate) const HEADER: u8 = b'h';

/// What stands in front of the row in such a context: the mark, its separator and its quote, in bytes.
pub(crate) const HEADER_LEN: usize = 3;

/// If a line is a header row: a context that tells its columns.
pub(crate) fn header(line: &[u8], quote: Option<u8>, keys: &KeyIndex) -> Option<Vec<u8>> {
    if line.len() + HEADER_LEN > limits::CONTEXT || !begins_header(*line.first()?) {
        return None;
    }
    let text = std::str::from_utf8(line).ok()?;
    let (names, separator) = names(text, None)?;
    let named = names.iter().all(|n| {
        n.starts_with(|c: char| c.is_ascii_alphabetic() || c == '@' || c == '_')
            && n.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-@.:".contains(&b))
    });
    let known = names.iter().filter(|n| keys.knows(n)).count();
    // CloudWatch exports a time and the line, which is enough if nothing else can stand so.
    let is_time = |n: &&str| matches!(envelopes::meta(n, true), Some(Meta::LogTime(_)));
    let pair = separator == ','
        && matches!(names[..], [time, line] if is_time(&time) && envelopes::is_payload(line));
    if !named || !pair && (known < 3 || known * 2 < names.len()) {
        return None;
    }
    let mut context = vec![HEADER, separator as u8, quote.unwrap_or(0)];
    context.extend_from_slice(line);
    Some(context)
}

/// Whether a header row may begin with this byte.
#[inline]
pub(crate) fn begins_header(first: u8) -> bool {
    first.is_ascii_alphabetic() || matches!(first, b'"' | b'\'' | b'@' | b'_')
}

/// What stands between names, the first that does.
const BETWEEN_NAMES: [char; 5] = [',', '\t', '|', ';', ' '];

/// The names in a header row, and what separates them.
fn names(text: &str, by: Option<char>) -> Option<(Vec<&str>, char)> {
    let text = text.trim();
    let by = by.or_else(|| BETWEEN_NAMES.into_iter().find(|c| text.contains(*c)))?;
    let names: Vec<&str> = match by {
        ' ' => text.split_ascii_whitespace().collect(),
        _ => text.split(by).collect(),
    };
    let names: Vec<&str> = names.into_iter().map(|n| n.trim().trim_matches(['"', '\''])).collect();
    (!names.is_empty() && names.iter().all(|n| !n.is_empty())).then_some((names, by))
}

/// Reads `${name}` fields and the texts before, between and behind them.
fn fields(text: &str) -> Result<(Vec<String>, Vec<String>), Error> {
    enum Piece<'a> {
        Field(&'a str),
        Literal(&'a str),
    }
    fn field(text: &str) -> IResult<&str, Piece<'_>> {
        map(delimited(tag("${"), is_not("${}"), tag("}")), Piece::Field).parse(text)
    }
    fn literal(text: &str) -> IResult<&str, Piece<'_>> {
        // A dollar sign that begins no field is text.
        let dollar = preceded(nom::combinator::not(tag("${")), tag("$"));
        map(recognize(many1(alt((is_not("$"), dollar)))), Piece::Literal).parse(text)
    }
    let (mut names, mut literals) = (Vec::new(), vec![String::new()]);
    let mut rest = text;
    while !rest.is_empty() {
        let offset = text.len() - rest.len();
        let Ok((next, piece)) = alt((field, literal)).parse(rest) else {
            let open: IResult<&str, &str> = take_until("}").parse(rest);
            let message = match open {
                Ok((_, "${")) => "layout: a field without a name; write ${name}",
                _ => "layout: this field has no '}' at its end; write ${name}",
            };
            return Err(Error::at(ErrorKind::Layout, text, offset, message));
        };
        match piece {
            Piece::Field(name) => {
                names.push(name.trim().to_owned());
                literals.push(String::new());
            }
            Piece::Literal(l) => {
                if let Some(last) = literals.last_mut() {
                    last.push_str(l);
                }
            }
        }
        rest = next;
    }
    Ok((names, literals))
}

fn separation(
    text: &str,
    names: &[String],
    mut literals: Vec<String>,
    separator: Option<&str>,
    quote: Option<u8>,
) -> Result<Option<Separation>, Error> {
    let inner = 1..names.len();
    if let Some(separator) = separator {
        if separator.is_empty() {
            return Err(Error::new(ErrorKind::Layout, "separator: it is empty"));
        }
        for l in literals[inner.clone()].iter_mut().filter(|l| l.is_empty()) {
            separator.clone_into(l);
        }
    }
    if literals[inner.clone()].iter().all(String::is_empty) && names.len() > 1 {
        return Ok(None);
    }
    let parts = |i: usize| parts(names, &literals, i);
    if let Some(i) = inner.clone().find(|&i| literals[i].is_empty() && parts(i) == Parts::First) {
        let field = format!("${{{}}}", names[i]);
        let offset = text.find(&field).unwrap_or(0);
        return Err(Error::at(
            ErrorKind::Layout,
            text,
            offset,
            format!("layout: nothing separates {field} from the field before it"),
        ));
    }
    let first = literals.get(1).cloned().unwrap_or_default();
    let alike = literals[inner.clone()].iter().all(|l| *l == first);
    let bounds = literals[0].is_empty() && literals[names.len()].is_empty();
    Ok(Some(match first.as_bytes() {
        [b' '] if alike && bounds => Separation::Blanks,
        [separator] if alike && bounds && names.len() > 1 => Separation::Csv { separator: *separator, quote },
        _ => {
            let each = (0..literals.len()).map(|i| match parts(i) {
                Parts::Kept => Literal { text: "/".into(), parts: Parts::Kept },
                parts => Literal { text: literals[i].clone(), parts },
            });
            Separation::Literals(each.collect())
        }
    }))
}

/// Where a text stands between two fields. A port is behind the last colon, for an address of
/// version 6 has colons, too; a path that follows a host with nothing between begins with its slash.
fn parts(names: &[String], literals: &[String], i: usize) -> Parts {
    if i == 0 || i >= names.len() {
        return Parts::First;
    }
    let keys = KeyIndex::get();
    match literals[i].as_str() {
        ":" if keys.is_address(&names[i - 1]) => Parts::Last,
        "" if keys.has_field(&names[i - 1], Field::Host) && keys.has_field(&names[i], Field::Url) => {
            Parts::Kept
        }
        _ => Parts::First,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(text: &str, separator: Option<&str>) -> Result<Option<Layout>, Error> {
        let config =
            Config { layout: Some(text.into()), separator: separator.map(Into::into), ..Config::default() };
        Layout::configured(&config)
    }

    #[test]
    fn layouts_are_read() {
        let csv = |separator| Some(Separation::Csv { separator, quote: Some(b'"') });
        let texts = |all: &[&str]| all.iter().map(|l| Literal::from((*l).to_owned())).collect::<Vec<_>>();
        let cases = [
            ("${a} ${b}", None, Some(Separation::Blanks)),
            ("${a},${b}", None, csv(b',')),
            ("${a}${b}", None, None),
            ("${a}${b}", Some("tab"), csv(b'\t')),
            ("a|b", None, csv(b'|')),
            ("a b", None, Some(Separation::Blanks)),
            ("a b", Some("tab"), csv(b'\t')),
            ("a,b", Some("blank"), Some(Separation::Blanks)),
            ("[${a}] $ ${b}", None, Some(Separation::Literals(texts(&["[", "] $ ", ""])))),
        ];
        for (text, separator, want) in cases {
            let got = layout(text, separator).unwrap().unwrap();
            assert_eq!((got.names, got.separation), (vec!["a".into(), "b".into()], want), "{text}");
        }
    }

    #[test]
    fn few_names_are_a_header_only_where_nothing_else_is_like_it() {
        let is_header = |line: &str| header(line.as_bytes(), None, KeyIndex::get()).is_some();
        for line in
            ["timestamp,message", "@timestamp,@message", "srcaddr dstaddr bytes", "\"timestamp\",\"message\""]
        {
            assert!(is_header(line), "{line}");
        }
        for line in [
            "timestamp message",
            "message,timestamp",
            "time,lines",
            "content,message",
            "srcaddr,dstaddr",
            "log event",
        ] {
            assert!(!is_header(line), "{line}");
        }
    }

    #[test]
    fn addresses_and_hosts_end_where_they_do() {
        let got = layout("${srcaddr}:${srcport} ${http_host}${url}", None).unwrap().unwrap();
        let Some(Separation::Literals(literals)) = got.separation else { panic!("{got:?}") };
        let found: Vec<_> = literals.iter().map(|l| (&l.text[..], l.parts)).collect();
        let want = [
            ("", Parts::First),
            (":", Parts::Last),
            (" ", Parts::First),
            ("/", Parts::Kept),
            ("", Parts::First),
        ];
        assert_eq!(found, want);
    }

    #[test]
    fn faults_in_layouts_have_a_place() {
        for (text, offset) in [("${a} ${b", 5), ("${a} ${}", 5), ("${a},${b}${c}", 9), ("", 0)] {
            let error = layout(text, None).unwrap_err();
            assert_eq!(error.offset(), Some(offset), "{error}");
        }
        assert!(layout("${a} ${b", None).unwrap_err().to_string().ends_with("\n  ${a} ${b\n       ^"));
    }
}
