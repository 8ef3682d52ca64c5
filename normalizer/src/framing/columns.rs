//! The columns of one line.

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use crate::{
    bytes::scan::{self, Block, GROUP},
    json::members::{Member, Object},
    value::raw::Span,
};

/// How the columns of a line are told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Separation {
    /// By runs of blanks and tabs.
    Blanks,
    /// By one character; values that hold it are in quotes.
    Csv { separator: u8, quote: Option<u8> },
    /// By these texts: before the first column, between columns, behind the last.
    Literals(Vec<Literal>),
}

/// A text before, between or behind columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Literal {
    pub(crate) text: String,
    pub(crate) parts: Parts,
}

/// Where the text stands that parts two columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parts {
    /// At its first place.
    First,
    /// At its last place before the next text: an address may have colons, too.
    Last,
    /// At its first place before the next text, and it begins the next column, which is empty where
    /// there is none.
    Kept,
}

impl From<String> for Literal {
    fn from(text: String) -> Self {
        Self { text, parts: Parts::First }
    }
}

pub(super) fn reader(separator: u8, quote: Option<u8>) -> Reader {
    let mut builder = ReaderBuilder::new();
    builder.delimiter(separator).terminator(csv_core::Terminator::Any(b'\n'));
    match quote {
        Some(q) => builder.quote(q),
        None => builder.quoting(false),
    };
    builder.build()
}

/// How far a row has been followed.
pub(crate) enum RowEnd {
    /// Its line break is this number of bytes further on.
    Ends(usize),
    /// It goes on behind what there is.
    GoesOn,
}

/// Follows a row to its end; the reader keeps its place in it.
pub(crate) fn follow_row(reader: &mut Reader, bytes: &[u8]) -> RowEnd {
    let (mut output, mut ends) = ([0; 512], [0; 64]);
    let mut pos = 0;
    // An empty input would tell the reader that there is no more.
    while pos < bytes.len() {
        let (result, taken, _, _) = reader.read_record(&bytes[pos..], &mut output, &mut ends);
        pos += taken;
        if let ReadRecordResult::Record | ReadRecordResult::End = result {
            return RowEnd::Ends(pos - 1);
        }
    }
    RowEnd::GoesOn
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
    /// Where they are; those from `count` on are of earlier lines.
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
            // What stands behind the line is no part of it.
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
        // Runs of blanks made empty columns; splitting again removes them.
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

    fn split_literals(&mut self, line: &str, literals: &[Literal]) -> Result<(), usize> {
        self.own = false;
        self.plain = false;
        self.spans.clear();
        let mut pos = literals[0].text.len();
        if !line.starts_with(&literals[0].text) {
            return Err(0);
        }
        let last = literals.len() - 1;
        for (i, Literal { text, parts }) in literals.iter().enumerate().skip(1) {
            let rest = &line[pos..];
            // Up to the next text, which is the end where there is none.
            let near = || match literals.get(i + 1) {
                Some(next) if !next.text.is_empty() => &rest[..rest.find(&next.text).unwrap_or(rest.len())],
                _ => rest,
            };
            let len = match parts {
                _ if i == last => rest.len().checked_sub(text.len()).filter(|_| rest.ends_with(text)),
                Parts::First => rest.find(text),
                Parts::Last => near().rfind(text),
                Parts::Kept => Some(near().find(text).unwrap_or(near().len())),
            };
            let Some(len) = len else { return Err(i - 1) };
            self.spans.push(Member { value: Span::plain(pos, pos + len), ..Member::default() });
            pos += len + if *parts == Parts::Kept { 0 } else { text.len() };
        }
        self.count = self.spans.len();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let texts = |all: &[&str]| all.iter().map(|l| Literal::from((*l).to_owned())).collect::<Vec<_>>();
        let literals = Separation::Literals(texts(&["[", "] ", "."]));
        assert_eq!(split("[a] b.", &literals).unwrap(), ["a", "b"]);
        assert_eq!((split("a] b.", &literals), split("[a b.", &literals)), (Err(0), Err(0)));
        assert_eq!(split("[a] b", &literals), Err(1));
    }

    #[test]
    fn addresses_have_colons_and_hosts_no_slash() {
        let literals = ["", ":", " ", "://", "/", " ", ""].map(|l| Literal::from(l.to_owned()));
        let mut literals = literals.to_vec();
        (literals[1].parts, literals[4].parts) = (Parts::Last, Parts::Kept);
        let split = |line: &str| {
            let mut c = Columns::default();
            c.split(line, &Separation::Literals(literals.clone()))
                .map(|()| (0..c.len()).map(|i| c.get(line, i).to_owned()).collect::<Vec<_>>())
        };
        let cases = [
            ("10.0.0.1:80 http://a:8/b/c HTTP/1", ["10.0.0.1", "80", "http", "a:8", "/b/c", "HTTP/1"]),
            ("::1:80 http://[::1]/ HTTP/1", ["::1", "80", "http", "[::1]", "/", "HTTP/1"]),
            ("-:80 http://a* HTTP/1", ["-", "80", "http", "a*", "", "HTTP/1"]),
        ];
        for (line, want) in cases {
            assert_eq!(split(line).unwrap(), want, "{line}");
        }
        assert_eq!((split("a b://c/d"), split("a:b c://d")), (Err(0), Err(4)));
    }

    #[test]
    fn rows_end_where_their_quotes_do() {
        let mut r = reader(b',', Some(b'"'));
        assert!(matches!(follow_row(&mut r, b"a,\"b\n"), RowEnd::GoesOn));
        assert!(matches!(follow_row(&mut r, b"c\",d\r\nx"), RowEnd::Ends(5)));
    }
}
