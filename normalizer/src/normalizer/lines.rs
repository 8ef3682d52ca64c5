//! Text lines: of products that have lines of their own, and of columns that somebody named.

use std::mem;

use crate::{
    Config, Error,
    batch::Outcome,
    columns::Writer,
    direct::{Known, is_known},
    explain::ToldBy,
    fault::{Fault, clipped, code, push_number},
    fill::{Around, Given, Written, apply},
    layout::{Columns, HEADER, Layout},
    limits,
    plan::{Plan, Planner, Verdict},
    products::{self, Entry, Lines, Product, Shape, To},
    record::{Raw, Record, RecordMemory},
    source::{Line, NamedLine, Object},
};

use super::{Missed, Normalizer, Sink, other_line};

/// Lines whose columns somebody named.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) layout: Layout,
    plan: Plan,
    missing: Option<String>,
}

/// The lines of a product that has a layout of its own.
#[derive(Debug)]
pub(super) struct KnownLines {
    product: usize,
    plan: Plan,
    writer: Option<Writer>,
    columns: usize,
    /// Whether a line is told by what is in it.
    detected: bool,
    /// What is in those columns that tell something.
    shapes: Vec<(usize, Shape, Vec<Known>)>,
}

impl KnownLines {
    pub(super) fn new(product: usize) -> Self {
        let Product { lines, entries, writer, .. } = *products::all()[product];
        let (columns, detected) = (lines.columns(), matches!(lines, Lines::Detected(_)));
        let shapes = entries[..columns].iter().map(|e| e.shape).enumerate();
        let shapes = shapes.filter(|(_, shape)| *shape != Shape::Any).map(|(i, shape)| match shape {
            Shape::Word(words) => (i, shape, words.iter().filter_map(Known::new).collect()),
            _ => (i, shape, Vec::new()),
        });
        Self { product, plan: Planner::lines(product), writer, columns, detected, shapes: shapes.collect() }
    }

    /// Whether a line is of this product, by what is in its columns. The tail begins with it.
    #[inline(always)]
    fn tell(&self, tail: &[u8], columns: &Columns) -> bool {
        if !self.detected || columns.len() != self.columns {
            return false;
        }
        for (i, shape, known) in &self.shapes {
            let (start, len) = columns.place(*i);
            let fits = match tail.get(start..).and_then(<[u8]>::first_chunk) {
                Some(chunk) if is_known(known, chunk, len) => true,
                _ => tail.get(start..start + len).is_some_and(|column| shape.fits(column)),
            };
            if !fits {
                return false;
            }
        }
        true
    }
}

impl Normalizer {
    /// Normalizes a line of a known layout in the short way, if nothing stands against it. The
    /// tail begins with the line, and may go on behind it.
    #[inline(never)]
    pub(super) fn line_as_it_stands(
        &mut self,
        line: &str,
        tail: &[u8],
        out: &mut Outcome,
    ) -> Result<Written, Missed> {
        if let Some(written) = self.line_like_the_last(line, tail, out) {
            return Ok(written);
        }
        if self.is_special(line) {
            return Err(Missed::Other);
        }
        let columns = &mut self.columns;
        columns.split_blanks(line, tail);
        let Some(values) = columns.plain(line) else { return Err(Missed::Other) };
        let told = self.from.is_some();
        let Some(found) = self.lines.iter().position(|l| told || l.tell(tail, columns)) else {
            return Err(Missed::Line(None));
        };
        let KnownLines { product, plan, .. } = &self.lines[found];
        if columns.len() != self.lines[found].columns {
            return Err(Missed::Line(Some(found)));
        }
        self.latest_line = found;
        let written = plan.write(values, tail, None, &self.rules, &mut self.memory, out);
        let written = written.ok_or(Missed::Line(Some(found)))?;
        self.tallies[*product] += u32::from(written == Written::Normalized);
        Ok(written)
    }

    /// The same in the shortest way, for a line of the same product as the one before.
    #[inline]
    pub(super) fn line_like_the_last(
        &mut self,
        line: &str,
        tail: &[u8],
        out: &mut Outcome,
    ) -> Option<Written> {
        let KnownLines { product, plan, writer: Some(writer), .. } = self.lines.get(self.latest_line)? else {
            return None;
        };
        let start = out.output.len();
        if self.is_special(line)
            || !plan.direct.as_ref()?.run_line(*writer, tail, line.len(), &mut out.output)
        {
            return None;
        }
        let mut values = Object::default();
        if self.rules.filter().is_some() {
            // It is good; what the filter looks at is found now.
            self.columns.split_blanks(line, tail);
            match self.columns.plain(line) {
                Some(found) => values = found,
                None => {
                    out.output.truncate(start);
                    return None;
                }
            }
        }
        let written = plan.filter(values, None, &self.rules, &mut self.memory, start, out);
        self.tallies[*product] += u32::from(written == Written::Normalized);
        Some(written)
    }

    /// Whether a line is no product's own, as others are.
    fn is_special(&self, line: &str) -> bool {
        self.layout.is_some()
            || matches!(line.as_bytes().first(), None | Some(b'[' | b' ' | b'\t' | b'\r' | b'\n'))
    }

    /// Normalizes a line; the context may be a header row.
    pub(super) fn line(&mut self, text: &str, context: &[u8], around: Around<'_>, sink: &mut Sink<'_>) {
        let mut columns = mem::take(&mut self.columns);
        self.line_in(text, &mut columns, context, around, sink);
        self.columns = columns;
    }

    fn line_in(
        &mut self,
        text: &str,
        columns: &mut Columns,
        context: &[u8],
        around: Around<'_>,
        sink: &mut Sink<'_>,
    ) {
        columns.split_blanks(text, text.as_bytes());
        // A plain line has no control characters.
        if !columns.is_plain()
            && let Some(at) = memchr::memchr(0, text.as_bytes())
        {
            return self.reject(&nul_byte(at), sink);
        }
        if let Some(rows) = self.layout.take() {
            // What the framing has not seen is in a payload.
            if rows.layout.is_header(text.as_bytes()) {
                self.reject(
                    &Fault::of_record(code::HEADER, "this is the layout's header row and no record"),
                    sink,
                );
                self.layout = Some(rows);
                return;
            }
            self.named_line(&rows, "the layout", text, columns, around, sink);
            self.layout = Some(rows);
        } else if context.first() == Some(&HEADER) && self.header_speaks(text, context, columns) {
            if let Some(rows) = self.header.1.take() {
                self.named_line(&rows, "the header row", text, columns, around, sink);
                self.header.1 = Some(rows);
            }
        } else {
            self.known_line(text, columns, around, sink);
        }
    }

    /// The long way of a line that missed the short one: what that found out is not asked again.
    #[cold]
    #[inline(never)]
    pub(super) fn line_at_length(&mut self, found: Option<usize>, text: &str, sink: &mut Sink<'_>) {
        let columns = mem::take(&mut self.columns);
        self.line_of(found, false, text, &columns, Around::default(), sink);
        self.columns = columns;
    }

    /// A line in one of the products' own layouts.
    fn known_line(&mut self, text: &str, columns: &Columns, around: Around<'_>, sink: &mut Sink<'_>) {
        let is_told = |l: &KnownLines| self.from.is_some() || l.tell(text.as_bytes(), columns);
        let found = self.lines.iter().position(is_told);
        self.line_of(found, true, text, columns, around, sink);
    }

    /// A line of these known lines, if of any.
    fn line_of(
        &mut self,
        found: Option<usize>,
        short: bool,
        text: &str,
        columns: &Columns,
        around: Around<'_>,
        sink: &mut Sink<'_>,
    ) {
        let Some(found) = found else {
            // Events are explained where there is more stack, and only if it is worth it.
            let fault = match self.noted {
                Some(_) => Fault::of_record(code::UNKNOWN_FORMAT, "a text line of no known format"),
                None => other_line(text).unwrap_or_else(|| self.explain_line(text, columns)),
            };
            return self.reject(&fault, sink);
        };
        self.latest_line = found;
        let KnownLines { product: p, plan, .. } = &self.lines[found];
        let product = products::all()[*p];
        if columns.len() != product.lines.columns() {
            let fault = || column_count(product.id, plan.first_keys(usize::MAX).0, columns.len());
            return self.reject(&other_line(text).unwrap_or_else(fault), sink);
        }
        let source = Line { text, columns, entries: product.entries };
        let given = Given { plan, product, source: &source, flat_extra: Object::default(), around, text };
        let written = match short {
            true => given.write(&self.rules, &mut self.memory, sink.out),
            false => given.write_at_length(&self.rules, &mut self.memory, sink.out),
        };
        let written = written.map_err(|fault| other_line(text).unwrap_or(fault));
        if let Some(observer) = &mut self.observer {
            observer.record(&given, &self.rules, ToldBy::Columns, &written, sink.out);
        }
        match written {
            Ok(Written::Normalized) => self.tallies[*p] += 1,
            Ok(Written::Filtered) => {}
            Err(fault) => self.put_reject(&fault, sink),
        }
    }

    /// Whether the header row that stands above a line is about it. A stream may go on with
    /// lines of another product.
    #[inline(never)]
    fn header_speaks(&mut self, text: &str, context: &[u8], columns: &mut Columns) -> bool {
        if self.header.0 != context {
            self.header.0.clear();
            self.header.0.extend_from_slice(context);
            self.header.1 = Layout::from_header(context).map(|l| Rows::new(l, &self.planner, &self.config));
        }
        let Some(rows) = &self.header.1 else { return false };
        let Some(separation) = &rows.layout.separation else { return false };
        if columns.split(text, separation).is_ok() && columns.len() == rows.layout.names.len() {
            let Verdict::Product(p) = rows.plan.verdict else { return true };
            let entries = products::all()[p].entries;
            if rows.plan.steps.iter().all(|&(i, e)| entries[e].shape.fits(columns.get(text, i).as_bytes())) {
                return true;
            }
        }
        columns.split_blanks(text, text.as_bytes());
        !self.lines.iter().any(|l| l.tell(text.as_bytes(), columns))
    }

    /// A line whose columns a layout or a header row names.
    #[inline(never)]
    fn named_line(
        &mut self,
        rows: &Rows,
        called: &'static str,
        text: &str,
        columns: &mut Columns,
        around: Around<'_>,
        sink: &mut Sink<'_>,
    ) {
        let Rows { layout, plan, missing } = rows;
        let product = match plan.verdict {
            Verdict::Product(p) => products::all()[p].id,
            _ => "",
        };
        let fault = match &layout.separation {
            None => Some(Fault {
                format: product,
                ..Fault::of_record(
                    code::AMBIGUOUS,
                    format!("{NO_SEPARATORS}; give --separator, or write separators into the layout"),
                )
            }),
            Some(separation) => match columns.split(text, separation) {
                Err(i) => Some(Fault {
                    format: product,
                    column: i + 1,
                    ..Fault::of_record(
                        code::COLUMN_COUNT,
                        "the text that the layout has beside this column is not there",
                    )
                }),
                Ok(())
                    if columns.len() != layout.names.len()
                        && let Some(fault) = other_line(text) =>
                {
                    Some(fault)
                }
                Ok(()) if columns.len() != layout.names.len() => {
                    let names = layout.names.iter().map(String::as_str).collect();
                    Some(Fault { format: product, ..column_count(called, names, columns.len()) })
                }
                Ok(()) => None,
            },
        };
        if let Some(fault) = fault {
            return self.reject(&fault, sink);
        }
        let source = NamedLine { text, columns, names: &layout.names, missing: missing.as_deref() };
        let (mut inner, mut unescaped) = (Vec::new(), String::new());
        self.record(plan, &source, text, 0, around, (&mut inner, &mut unescaped), &mut String::new(), sink);
    }

    /// Rejects a line again that is of no product, with the reason.
    #[cold]
    #[inline(never)]
    pub(super) fn reject_explained(&mut self, text: &str, sink: &mut Sink<'_>) {
        let mut columns = mem::take(&mut self.columns);
        columns.split_blanks(text, text.as_bytes());
        let fault = match self.from.is_some() || self.resembles(text, &columns) {
            true => self.explain_line(text, &columns),
            false => Fault::of_record(code::UNKNOWN_FORMAT, "a text line of no known format"),
        };
        self.reject(&fault, sink);
        self.columns = columns;
    }

    /// Whether a line has something of a product's, where it stands there.
    fn resembles(&self, text: &str, columns: &Columns) -> bool {
        let fits = |(i, shape, _): &&(usize, Shape, Vec<Known>)| {
            *i < columns.len() && shape.fits(columns.get(text, *i).as_bytes())
        };
        self.lines.iter().any(|l| l.shapes.iter().filter(fits).count() >= 2)
    }

    /// Why a line is of no product: against the layout that it comes nearest to.
    #[cold]
    #[inline(never)]
    fn explain_line<'a>(&self, text: &'a str, columns: &'a Columns) -> Fault<'a> {
        let all = products::all();
        let raw = |i: usize| Raw::text(columns.get(text, i));
        let layout = |p: usize| &all[p].entries[..all[p].lines.columns()];
        let mut memory = RecordMemory::default();
        let mut score = |p: usize| {
            let entries = layout(p).iter().zip(0..columns.len());
            entries.filter(|(e, i)| plausible(e, raw(*i), &mut memory)).count()
        };
        let asked = |p: &usize| self.from.is_none_or(|f| f == *p) && all[*p].lines != Lines::None;
        let candidates = (0..all.len()).filter(asked);
        let scored = candidates.map(|p| (score(p), layout(p).len() == columns.len(), p));
        let nearest = scored.max_by_key(|(score, same, p)| {
            (*same && score * 2 >= layout(*p).len(), *score, std::cmp::Reverse(*p))
        });
        let Some((score, same, p)) = nearest else {
            let text = match self.from {
                Some(p) => format!("a text line, but {} has none of its own; give --layout", all[p].id),
                None => "a text line of no known format".into(),
            };
            return Fault::of_record(code::UNKNOWN_FORMAT, text);
        };
        let product = all[p];
        if score * 2 < layout(p).len() {
            let text = [
                "a line of ",
                &counted(columns.len()),
                " that is like no known record; name the product with --from (`weir formats` lists them), and the columns with --layout",
            ];
            return Fault::of_record(code::UNKNOWN_FORMAT, text.concat());
        }
        if same && matches!(product.lines, Lines::Named(_)) {
            let text =
                format!("this may be {0}, but nothing in it tells; if it is, say --from {0}", product.id);
            return Fault::of_record(code::AMBIGUOUS, text);
        }
        if !same {
            let names = layout(p).iter().map(|e| e.keys[0]).collect();
            return column_count(product.id, names, columns.len());
        }
        // A value that can't be read says more than a shape that does not fit.
        let mut record = Record::new(&mut RecordMemory::default());
        for (i, entry) in layout(p).iter().enumerate() {
            if let Err(fault) = apply(&mut record, entry, raw(i), self.rules.zone.as_ref()) {
                return Fault { format: product.id, field: entry.keys[0], column: i + 1, ..fault };
            }
        }
        match layout(p).iter().enumerate().find(|(i, e)| !e.shape.fits(raw(*i).text.as_bytes())) {
            Some((i, entry)) => Fault {
                format: product.id,
                field: entry.keys[0],
                column: i + 1,
                found: raw(i).text,
                ..Fault::of_record(
                    code::UNKNOWN_FORMAT,
                    format!(
                        "is not {}, so this may be no {}; if it is, say --from {}",
                        entry.shape.describe(),
                        product.id,
                        product.id
                    ),
                )
            },
            None => Fault::of_record(code::UNKNOWN_FORMAT, "a line of no known format"),
        }
    }
}

const NO_SEPARATORS: &str = "the layout has no separators, so a line can't be cut into its columns: \
with ${srcaddr}${dstaddr}${bytes}, 10.0.0.110.0.0.251200 is both 10.0.0.1 10.0.0.25 1200 and 10.0.0.11 0.0.0.25 1200";

impl Rows {
    pub(super) fn new(layout: Layout, planner: &Planner, config: &Config) -> Self {
        let names: Vec<&str> = layout.names.iter().map(String::as_str).collect();
        Self { plan: planner.plan(&names, None), layout, missing: config.missing.clone() }
    }

    /// Checks a configured layout; gives the warnings about it.
    pub(super) fn check(&self, config: &Config, planner: &Planner) -> Result<Vec<String>, Error> {
        let text = config.layout.as_deref().unwrap_or_default();
        let p = match self.plan.verdict {
            Verdict::Product(p) => p,
            Verdict::Payload(_) => return Ok(Vec::new()),
            _ => {
                return Err(Error::at(
                    text,
                    0,
                    "layout: its fields do not tell the product; name it with --from",
                ));
            }
        };
        let product = products::all()[p];
        for (i, &want) in product.layout_begins.iter().enumerate() {
            let found = self.layout.names.get(i).map_or("its end", String::as_str);
            if found != want {
                let offset = text.match_indices("${").nth(i).map_or(text.len(), |m| m.0);
                return Err(Error::at(
                    text,
                    offset,
                    format!(
                        "layout: InvalidParameter.LogFormatString: it must begin with {}; found {found} instead of {want}",
                        product.layout_begins.iter().map(|n| format!("${{{n}}}")).collect::<String>()
                    ),
                ));
            }
        }
        let warning = |(name, near): (&str, Option<&str>)| {
            let near = near.map_or(String::new(), |n| format!("; did you mean {n}?"));
            format!("layout: {name} is no field of {}, so its values go to extra{near}", product.id)
        };
        Ok(planner.unknown(p, &self.layout.names).into_iter().map(warning).collect())
    }
}

pub(super) fn counted(columns: usize) -> String {
    let mut text = String::new();
    push_number(&mut text, columns as u64);
    text.push_str(if columns == 1 { " column" } else { " columns" });
    text
}

fn first_names(names: &[&str]) -> String {
    let dots = if names.len() > limits::NAMES { " ..." } else { "" };
    let first: Vec<_> = names.iter().take(limits::NAMES).map(|name| clipped(name, limits::NAME)).collect();
    format!("{}{dots}", first.join(" "))
}

#[cold]
#[inline(never)]
fn nul_byte(at: usize) -> Fault<'static> {
    Fault::of_record(code::NUL, format!("a NUL byte at offset {at}; is this a binary file?"))
}

#[cold]
#[inline(never)]
fn column_count(layout: &'static str, names: Vec<&str>, found: usize) -> Fault<'static> {
    let text = format!("{}, but {layout} has {}: {}", counted(found), names.len(), first_names(&names));
    let format = if products::by_id(layout).is_some() { layout } else { "" };
    Fault { format, ..Fault::of_record(code::COLUMN_COUNT, text) }
}

/// Whether a column looks like what its entry says.
fn plausible(entry: &Entry, raw: Raw<'_>, memory: &mut RecordMemory) -> bool {
    match entry.to {
        To::Version(v) => v == raw.text,
        _ if entry.shape != Shape::Any => entry.shape.fits(raw.text.as_bytes()),
        To::Text(_) | To::Extra | To::Envelope => true,
        _ => {
            let mut record = Record::new(memory);
            let is_read = apply(&mut record, entry, raw, None).is_ok();
            record.recycle(memory);
            is_read
        }
    }
}
