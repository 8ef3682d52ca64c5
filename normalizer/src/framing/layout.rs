//! Layouts: the order of columns in text lines, and how the columns are told apart.
//!
//! A layout is written as Alibaba's `LogFormatString` is, `${srcaddr} ${dstaddr} ${bytes}`,
//! with any text between the fields, or as the names alone, like a CSV header.

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use nom::{
    IResult, Parser,
    branch::alt,
    bytes::complete::{is_not, tag, take_until},
    combinator::{map, recognize},
    multi::many1,
    sequence::{delimited, preceded},
};

use crate::{
    base::{error::Error, limits},
    bytes::scan::{self, Block, GROUP},
    catalog::envelopes::{self, Meta},
    reading::{
        plan::KeyIndex,
        source::{Member, Object, Span},
    },
    rules::config::Config,
};

/// How the columns of a line are told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Separation {
    /// By runs of blanks and tabs.
    Blanks,
    /// By one character; values that hold it are in quotes.
    Csv { separator: u8, quote: Option<u8> },
    /// By these texts: before the first column, between columns, behind the last.
    Literals(Vec<String>),
}

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
            Some(q) => return Err(Error::new(format!("quote: {q:?} is none of '\"', \"'\" and none"))),
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
                Some(_) => Err(Error::new("separator: there is no layout to separate; give --layout too")),
                None => Ok(None),
            };
        };
        let (names, literals) = if text.contains("${") {
            fields(text)?
        } else {
            let by = separator.and_then(|s| s.chars().next());
            let Some((names, by)) = names(text, by) else {
                return Err(Error::at(
                    text,
                    0,
                    "layout: expected ${field} or names with separators between them",
                ));
            };
            let mut literals = vec![by.to_string(); names.len() + 1];
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
        // Nearly every line is none, so look at its start only.
        let start = line.iter().find(|b| !matches!(b, b'"' | b'\'' | b' '));
        if start != self.names[0].as_bytes().first() {
            return false;
        }
        let Ok(line) = std::str::from_utf8(line) else { return false };
        names(line, Some(by)).is_some_and(|(names, _)| names.iter().eq(&self.names))
    }

    /// Whether its lines begin with this byte, though JSON does so too.
    pub(crate) fn begins_with(&self, byte: u8) -> bool {
        matches!(&self.separation, Some(Separation::Literals(l)) if l[0].as_bytes().first() == Some(&byte))
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

/// If a line is a header row: a context that tells its columns.
pub(crate) fn header(line: &[u8], quote: Option<u8>, keys: &KeyIndex) -> Option<Vec<u8>> {
    if line.len() + 3 > limits::CONTEXT || !begins_header(*line.first()?) {
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

/// The names in a header row, and what separates them.
fn names(text: &str, by: Option<char>) -> Option<(Vec<&str>, char)> {
    let text = text.trim();
    let by = by.or_else(|| [',', '\t', '|', ';', ' '].into_iter().find(|c| text.contains(*c)))?;
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
            return Err(Error::at(text, offset, message));
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
            return Err(Error::new("separator: it is empty"));
        }
        for l in literals[inner.clone()].iter_mut().filter(|l| l.is_empty()) {
            separator.clone_into(l);
        }
    }
    if literals[inner.clone()].iter().all(String::is_empty) && names.len() > 1 {
        return Ok(None);
    }
    if let Some(i) = inner.clone().find(|&i| literals[i].is_empty()) {
        let field = format!("${{{}}}", names[i]);
        let offset = text.find(&field).unwrap_or(0);
        return Err(Error::at(
            text,
            offset,
            format!("layout: nothing separates {field} from the field before it"),
        ));
    }
    let first = literals.get(1).cloned().unwrap_or_default();
    let alike = literals[inner].iter().all(|l| *l == first);
    let bounds = literals[0].is_empty() && literals[names.len()].is_empty();
    Ok(Some(match first.as_bytes() {
        _ if !alike || !bounds => Separation::Literals(literals),
        [b' '] => Separation::Blanks,
        [separator] if names.len() > 1 => Separation::Csv { separator: *separator, quote },
        _ => Separation::Literals(literals),
    }))
}

fn reader(separator: u8, quote: Option<u8>) -> Reader {
    let mut builder = ReaderBuilder::new();
    builder.delimiter(separator).terminator(csv_core::Terminator::Any(b'\n'));
    match quote {
        Some(q) => builder.quote(q),
        None => builder.quoting(false),
    };
    builder.build()
}

/// How far a row has been followed.
pub(crate) enum Row {
    /// Its line break is so many bytes on.
    Ends(usize),
    /// It goes on behind what there is.
    GoesOn,
}

/// Follows a row to its end; the reader keeps its place in it.
pub(crate) fn follow_row(reader: &mut Reader, bytes: &[u8]) -> Row {
    let (mut output, mut ends) = ([0; 512], [0; 64]);
    let mut pos = 0;
    // An empty input would tell the reader that there is no more.
    while pos < bytes.len() {
        let (result, taken, _, _) = reader.read_record(&bytes[pos..], &mut output, &mut ends);
        pos += taken;
        if let ReadRecordResult::Record | ReadRecordResult::End = result {
            return Row::Ends(pos - 1);
        }
    }
    Row::GoesOn
}

#[inline]
fn is_blank(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\r' | b'\n')
}

/// So many columns are cut in a turn.
const TURN: usize = 4;

/// The columns of one line.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    /// Their text, where it is not a part of the line.
    unquoted: String,
    /// Where they are; only so many.
    spans: Vec<Member>,
    count: usize,
    own: bool,
    /// Nothing in the line needs an escape in a JSON string.
    plain: bool,
    buffer: Vec<u8>,
    ends: Vec<usize>,
    /// The reader of the rows that came last; making one costs more than a row.
    reader: Option<(u8, Option<u8>, Box<Reader>)>,
}

impl Columns {
    /// How many there are.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// A column of the line that was split last.
    #[inline(always)]
    pub(crate) fn get<'a>(&'a self, line: &'a str, index: usize) -> &'a str {
        self.spans[index].value.of(if self.own { &self.unquoted } else { line }, "")
    }

    /// Where a column lies in the line, and how long it is. Of columns of the line itself.
    #[inline]
    pub(crate) fn place(&self, index: usize) -> (usize, usize) {
        let span = self.spans[index].value;
        (span.start(), span.form() as usize)
    }

    /// The columns of the line that was split last, if nothing in it needs an escape in JSON.
    #[inline]
    pub(crate) fn plain<'a>(&'a self, line: &'a str) -> Option<Object<'a>> {
        let members = self.spans.get(..self.count)?;
        self.plain.then_some(Object { text: line, unescaped: "", members })
    }

    /// Whether it is known that no control character is in the line that was split last.
    pub(crate) fn is_plain(&self) -> bool {
        self.plain
    }

    /// Splits at runs of blanks. The line begins its tail, which may go on behind it.
    #[inline(never)]
    pub(crate) fn split_blanks(&mut self, line: &str, tail: &[u8]) {
        self.own = false;
        // Room for each column that there can be, and for what is written past them.
        let most = line.len() / 2 + 1 + TURN;
        if self.spans.len() < most {
            self.spans.resize(most, Member::default());
        }
        let (mut count, mut start, mut at) = (0, 0, 0);
        let (mut escaped, mut doubled, mut behind_blank) = (0, 0, 1);
        while at < line.len() {
            let padded;
            let group: &[u8; GROUP] = match tail.get(at..).and_then(<[u8]>::first_chunk) {
                Some(group) => group,
                None => {
                    padded = scan::padded(tail.get(at..).unwrap_or_default());
                    &padded
                }
            };
            // What stands behind the line is none of its.
            let inside = match line.len() - at {
                left @ 0..GROUP => (1 << left) - 1,
                _ => u64::MAX,
            };
            let blanks = scan::mask_of(group, Block::blanks) & inside;
            escaped |= scan::mask_of(group, Block::escaped) & inside;
            doubled |= blanks & (blanks << 1 | behind_blank);
            behind_blank = blanks >> (GROUP - 1);
            // A few at a time, and more than there are: a branch for each, and in a sandbox a look
            // at the clock, would cost more.
            let (mut bits, mut next) = (blanks, count);
            while bits != 0 {
                let Some(turn) = self.spans.get_mut(next..).and_then(<[Member]>::first_chunk_mut::<TURN>)
                else {
                    break;
                };
                for column in turn {
                    let end = at + bits.trailing_zeros() as usize;
                    column.value = Span::plain(start, end.max(start));
                    start = end + 1;
                    bits &= bits.wrapping_sub(1);
                }
                next += TURN;
            }
            count += blanks.count_ones() as usize;
            if blanks != 0 {
                start = at + GROUP - blanks.leading_zeros() as usize;
            }
            at += GROUP;
        }
        // Runs of blanks make columns that there are not, which are no more once it is split anew.
        if start < line.len()
            && let Some(last) = self.spans.get_mut(count)
        {
            last.value = Span::plain(start, line.len());
            count += 1;
        }
        self.count = count;
        self.plain = escaped == 0;
        if doubled | escaped != 0 {
            self.split_any_blanks(line);
        }
    }

    /// The same for lines with runs of blanks, control characters or what needs an escape.
    #[cold]
    fn split_any_blanks(&mut self, line: &str) {
        self.spans.clear();
        let mut start = 0;
        let blanks = line.bytes().enumerate().filter(|(_, b)| is_blank(*b)).map(|(at, _)| at);
        for end in blanks.chain([line.len()]) {
            if start < end {
                self.spans.push(Member { value: Span::plain(start, end), ..Member::default() });
            }
            start = end + 1;
        }
        self.count = self.spans.len();
    }

    /// Splits as a layout says. The error is the number of the column that has no end, from 0.
    pub(crate) fn split(&mut self, line: &str, separation: &Separation) -> Result<(), usize> {
        match separation {
            Separation::Blanks => self.split_blanks(line, line.as_bytes()),
            Separation::Csv { separator, quote } => self.split_csv(line, *separator, *quote),
            Separation::Literals(literals) => return self.split_literals(line, literals),
        }
        Ok(())
    }

    fn split_csv(&mut self, line: &str, separator: u8, quote: Option<u8>) {
        let reader = match &mut self.reader {
            Some((s, q, reader)) if (*s, *q) == (separator, quote) => reader,
            other => &mut other.insert((separator, quote, Box::new(reader(separator, quote)))).2,
        };
        reader.reset();
        self.buffer.resize(line.len() + 1, 0);
        self.ends.resize(line.len() + 2, 0);
        let (mut taken, mut written, mut columns) = (0, 0, 0);
        loop {
            let (result, i, o, e) = reader.read_record(
                &line.as_bytes()[taken..],
                &mut self.buffer[written..],
                &mut self.ends[columns..],
            );
            taken += i;
            written += o;
            columns += e;
            // With the input at its end the reader ends the record; the buffers hold all of it.
            if let ReadRecordResult::Record | ReadRecordResult::End = result {
                break;
            }
        }
        self.own = true;
        self.plain = false;
        self.unquoted.clear();
        // Taking quotes away leaves UTF-8 what it is.
        self.unquoted.push_str(std::str::from_utf8(&self.buffer[..written]).unwrap_or_default());
        self.spans.clear();
        let mut start = 0;
        for &end in &self.ends[..columns] {
            self.spans.push(Member { value: Span::plain(start, end), ..Member::default() });
            start = end;
        }
        self.count = columns;
    }

    fn split_literals(&mut self, line: &str, literals: &[String]) -> Result<(), usize> {
        self.own = false;
        self.plain = false;
        self.spans.clear();
        let mut pos = literals[0].len();
        if !line.starts_with(&literals[0]) {
            return Err(0);
        }
        let last = literals.len() - 1;
        for (i, literal) in literals.iter().enumerate().skip(1) {
            let rest = &line[pos..];
            let len =
                if i == last { rest.len().checked_sub(literal.len()) } else { rest.find(literal.as_str()) };
            let Some(len) = len.filter(|&n| rest.get(n..).is_some_and(|r| r.starts_with(literal.as_str())))
            else {
                return Err(i - 1);
            };
            self.spans.push(Member { value: Span::plain(pos, pos + len), ..Member::default() });
            pos += len + literal.len();
        }
        self.count = self.spans.len();
        Ok(())
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
        let cases = [
            ("${a} ${b}", None, Some(Separation::Blanks)),
            ("${a},${b}", None, csv(b',')),
            ("${a}${b}", None, None),
            ("${a}${b}", Some("tab"), csv(b'\t')),
            ("a|b", None, csv(b'|')),
            ("a b", None, Some(Separation::Blanks)),
            ("[${a}] $ ${b}", None, Some(Separation::Literals(vec!["[".into(), "] $ ".into(), "".into()]))),
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
    fn faults_in_layouts_have_a_place() {
        for (text, offset) in [("${a} ${b", 5), ("${a} ${}", 5), ("${a},${b}${c}", 9), ("", 0)] {
            let error = layout(text, None).unwrap_err();
            assert_eq!(error.offset(), Some(offset), "{error}");
        }
        assert!(layout("${a} ${b", None).unwrap_err().to_string().ends_with("\n  ${a} ${b\n       ^"));
    }

    #[test]
    fn lines_are_split() {
        let split = |line: &str, s: &Separation| {
            let mut c = Columns::default();
            c.split(line, s).map(|()| (0..c.len()).map(|i| c.get(line, i).to_owned()).collect::<Vec<_>>())
        };
        let csv = Separation::Csv { separator: b',', quote: Some(b'"') };
        assert_eq!(split("a,\"b,\"\"c\", ,d", &csv).unwrap(), ["a", "b,\"c", " ", "d"]);
        assert_eq!(split("", &csv).unwrap().len(), 0);
        assert_eq!(split(",", &csv).unwrap(), ["", ""]);
        assert_eq!(split(" a\t b ", &Separation::Blanks).unwrap(), ["a", "b"]);
        let literals = Separation::Literals(vec!["[".into(), "] ".into(), ".".into()]);
        assert_eq!(split("[a] b.", &literals).unwrap(), ["a", "b"]);
        assert_eq!((split("a] b.", &literals), split("[a b.", &literals)), (Err(0), Err(0)));
        assert_eq!(split("[a] b", &literals), Err(1));
    }

    #[test]
    fn rows_end_where_their_quotes_do() {
        let mut r = reader(b',', Some(b'"'));
        assert!(matches!(follow_row(&mut r, b"a,\"b\n"), Row::GoesOn));
        assert!(matches!(follow_row(&mut r, b"c\",d\r\nx"), Row::Ends(5)));
    }
}
