//! Text lines: of products that have lines of their own, and of columns that somebody named.

use std::mem;

use crate::{
    base::{error::Error, limits},
    catalog::{
        hint::Hint,
        product::{Entry, Lines, Product, Shape, To},
        products,
    },
    engine::observer::ToldBy,
    fast::{
        chunk::{KnownWord, is_known},
        lines::{Writer, writer},
        plans::QuickPlan,
    },
    framing::{
        columns::Columns,
        layout::{HEADER, Layout},
    },
    json::members::Object,
    reading::{
        fill::{Around, Disposition, Given, apply},
        plan::{Verdict, no_such},
        planner::Planner,
        source::{Line, NamedLine},
    },
    record::{
        fault::{Fault, clipped, code, push_number},
        fields::{Record, RecordMemory},
    },
    rules::config::Config,
    value::{
        addresses, missing,
        raw::Raw,
        time::{self, Time, Unit},
        zone::Zone,
    },
    wire::batch::Outcome,
};

use super::normalizer::{Context, Missed, Normalizer, Sink, other_line};

/// Lines whose columns somebody named.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) layout: Layout,
    quick: QuickPlan,
    missing: Option<String>,
}

/// The lines of a product that has a layout of its own.
#[derive(Debug)]
pub(super) struct KnownLines {
    product: usize,
    quick: QuickPlan,
    writer: Option<Writer>,
    columns: usize,
    /// Whether a line is told by what is in it.
    detected: bool,
    /// What is in those columns that tell something.
    shaped: Vec<(usize, &'static Entry, Vec<KnownWord>)>,
}

impl KnownLines {
    pub(super) fn new(product: usize) -> Self {
        let known: &Product = products::all()[product];
        let (lines, entries, writer) = (known.lines, known.entries, writer(known));
        let (columns, detected) = (lines.columns(), matches!(lines, Lines::Detected(_)));
        let shaped = entries[..columns].iter().enumerate().filter(|(_, e)| e.shape != Shape::Any);
        let shaped = shaped.map(|(i, entry)| match entry.shape {
            Shape::Word(words) => (i, entry, words.iter().filter_map(KnownWord::new).collect()),
            _ => (i, entry, Vec::new()),
        });
        Self {
            product,
            quick: QuickPlan::lines(product),
            writer,
            columns,
            detected,
            shaped: shaped.collect(),
        }
    }

    /// Whether a line is of this product, by what is in its columns. The tail begins with it.
    #[inline(always)]
    fn tell(&self, tail: &[u8], columns: &Columns) -> bool {
        if !self.detected || columns.len() != self.columns {
            return false;
        }
        for (i, entry, known) in &self.shaped {
            let (start, len) = columns.place(*i);
            let fits = match tail.get(start..).and_then(<[u8]>::first_chunk) {
                Some(chunk) if is_known(known, chunk, len) => true,
                _ => tail.get(start..start + len).is_some_and(|column| entry.fits(column)),
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
    ) -> Result<Disposition, Missed> {
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
        let KnownLines { product, quick, .. } = &self.lines[found];
        if columns.len() != self.lines[found].columns {
            return Err(Missed::Line(Some(found)));
        }
        self.latest_line = found;
        let written = quick.write(values, tail, None, &self.rules, &mut self.memory, out);
        let written = written.ok_or(Missed::Line(Some(found)))?;
        self.tallies[*product] += u32::from(written == Disposition::Normalized);
        Ok(written)
    }

    /// The same in the shortest way, for a line of the same product as the one before.
    #[inline]
    pub(super) fn line_like_the_last(
        &mut self,
        line: &str,
        tail: &[u8],
        out: &mut Outcome,
    ) -> Option<Disposition> {
        let KnownLines { product, quick, writer: Some(writer), .. } = self.lines.get(self.latest_line)?
        else {
            return None;
        };
        let start = out.output.len();
        if self.is_special(line)
            || !quick.program.as_ref()?.run_line(*writer, tail, line.len(), &mut out.output)
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
        let written = quick.filter(values, None, &self.rules, &mut self.memory, start, out);
        self.tallies[*product] += u32::from(written == Disposition::Normalized);
        Some(written)
    }

    /// Whether a line is no product's own, as others are.
    fn is_special(&self, line: &str) -> bool {
        self.layout.is_some()
            || matches!(line.as_bytes().first(), None | Some(b'[' | b' ' | b'\t' | b'\r' | b'\n'))
    }

    /// Normalizes a line; the context may be a header row.
    pub(super) fn line(
        &mut self,
        text: &str,
        depth: usize,
        context: Context<'_>,
        around: Around<'_>,
        sink: &mut Sink<'_>,
    ) {
        let mut columns = mem::take(&mut self.columns);
        self.line_in(text, depth, &mut columns, context, around, sink);
        self.columns = columns;
    }

    fn line_in(
        &mut self,
        text: &str,
        depth: usize,
        columns: &mut Columns,
        context: Context<'_>,
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
        } else if context.bytes.first() == Some(&HEADER) && self.header_speaks(text, context, columns) {
            if let Some(rows) = self.header.1.take() {
                self.named_line(&rows, "the header row", text, columns, around, sink);
                self.header.1 = Some(rows);
            }
        } else {
            self.known_line(text, depth, columns, around, sink);
        }
    }

    /// The long way of a line that missed the short one: what that found out is not asked again.
    #[cold]
    #[inline(never)]
    pub(super) fn line_at_length(&mut self, found: Option<usize>, text: &str, sink: &mut Sink<'_>) {
        let columns = mem::take(&mut self.columns);
        self.line_of(found, false, text, 0, &columns, Around::default(), sink);
        self.columns = columns;
    }

    /// A line in one of the products' own layouts.
    fn known_line(
        &mut self,
        text: &str,
        depth: usize,
        columns: &Columns,
        around: Around<'_>,
        sink: &mut Sink<'_>,
    ) {
        let is_told = |l: &KnownLines| self.from.is_some() || l.tell(text.as_bytes(), columns);
        let found = self.lines.iter().position(is_told);
        self.line_of(found, true, text, depth, columns, around, sink);
    }

    /// A line of these known lines, if of any.
    #[expect(clippy::too_many_arguments, reason = "a line, what is known of it, and where it goes")]
    fn line_of(
        &mut self,
        found: Option<usize>,
        short: bool,
        text: &str,
        depth: usize,
        columns: &Columns,
        around: Around<'_>,
        sink: &mut Sink<'_>,
    ) {
        let counts = found.is_some_and(|l| self.lines[l].columns == columns.len());
        if !counts && let Some((time, rest)) = stamped(text, self.rules.zone.as_ref(), begins_record) {
            let around = Around { log_time: time::better(Some(time), around.log_time), ..around };
            return self.line_behind_time(rest, depth, around, sink);
        }
        let Some(found) = found else { return self.unknown_line(text, columns, sink) };
        self.latest_line = found;
        let KnownLines { product: p, quick, .. } = &self.lines[found];
        let product = products::all()[*p];
        if columns.len() != product.lines.columns() {
            let fault = || column_count(product.id, &mut product_columns(product), columns.len());
            return self.reject(&other_line(text).unwrap_or_else(fault), sink);
        }
        let source = Line { text, columns, entries: product.entries };
        let given = Given {
            plan: &quick.plan,
            product,
            source: &source,
            flat_extra: Object::default(),
            around,
            text,
        };
        let written = match short {
            true => quick.write_any(&given, &self.rules, &mut self.memory, sink.out),
            false => given.write(&self.rules, &mut self.memory, sink.out),
        };
        let written = written.map_err(|fault| other_line(text).unwrap_or(fault));
        if let Some(observer) = &mut self.observer {
            observer.record(&given, &self.rules, ToldBy::Columns, &written, sink.out);
        }
        match written {
            Ok(Disposition::Normalized) => self.tallies[*p] += 1,
            Ok(Disposition::Filtered) => {}
            Err(fault) => self.put_reject(&fault, sink),
        }
    }

    /// What stands behind the time that a log service, or an agent, put in front of each line:
    /// JSON, or a line of a known layout.
    #[cold]
    #[inline(never)]
    fn line_behind_time(&mut self, text: &str, depth: usize, around: Around<'_>, sink: &mut Sink<'_>) {
        if text.starts_with('{') {
            return self.text(text, depth, Context::default(), around, sink);
        }
        let mut columns = Columns::default();
        columns.split_blanks(text, text.as_bytes());
        let is_told = |l: &KnownLines| match self.from {
            Some(_) => l.columns == columns.len(),
            None => l.tell(text.as_bytes(), &columns),
        };
        if let Some(observer) = &mut self.observer {
            observer.text(text);
        }
        match (self.lines.iter().position(is_told), self.from, self.lines.first()) {
            (Some(found), _, _) => self.line_of(Some(found), true, text, depth, &columns, around, sink),
            (None, Some(p), Some(_)) => {
                let product = products::all()[p];
                let fault = column_count(product.id, &mut product_columns(product), columns.len());
                self.reject(&fault, sink);
            }
            _ => self.unknown_line(text, &columns, sink),
        }
    }

    /// Rejects a line of no known layout.
    #[cold]
    #[inline(never)]
    fn unknown_line(&mut self, text: &str, columns: &Columns, sink: &mut Sink<'_>) {
        // Events are explained where there is more stack, and only if it is worth it.
        let fault = match self.noted {
            Some(_) => Fault::of_record(code::UNKNOWN_FORMAT, "a text line of no known format"),
            None => other_line(text).unwrap_or_else(|| self.explain_line(text, columns)),
        };
        self.reject(&fault, sink);
    }

    /// Whether the header row that stands above a line is about it. A stream may go on with
    /// lines of another product.
    #[inline(never)]
    fn header_speaks(&mut self, text: &str, context: Context<'_>, columns: &mut Columns) -> bool {
        if !self.header.0.is(context) {
            let layout = Layout::from_header(context.bytes);
            self.header.1 = layout.map(|l| Rows::new(l, &self.planner, &self.config));
        }
        let Some(rows) = &self.header.1 else { return false };
        let Some(separation) = &rows.layout.separation else { return false };
        if columns.split(text, separation).is_ok() && columns.len() == rows.layout.names.len() {
            let Verdict::Product(p) = rows.quick.plan.verdict else { return true };
            let entries = products::all()[p].entries;
            if rows.quick.plan.steps.iter().all(|&(i, e)| entries[e].fits(columns.get(text, i).as_bytes())) {
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
        let Rows { layout, quick, missing } = rows;
        let plan = &quick.plan;
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
                Ok(()) if columns.len() != layout.names.len() => {
                    Some(other_line(text).unwrap_or_else(|| {
                        let names = &mut layout.names.iter().map(String::as_str);
                        Fault { format: product, ..column_count(called, names, columns.len()) }
                    }))
                }
                Ok(()) => None,
            },
        };
        if let Some(fault) = fault {
            if let Some((time, rest)) = stamped(text, self.rules.zone.as_ref(), |_| true)
                && let Some(separation) = &layout.separation
                && columns.split(rest, separation).is_ok()
                && columns.len() == layout.names.len()
            {
                let around = Around { log_time: time::better(Some(time), around.log_time), ..around };
                return self.named_line(rows, called, rest, columns, around, sink);
            }
            return self.reject(&fault, sink);
        }
        let source = NamedLine { text, columns, names: &layout.names, missing: missing.as_deref() };
        let (mut inner, mut unescaped) = (Vec::new(), String::new());
        self.record(quick, &source, text, 0, around, (&mut inner, &mut unescaped), &mut String::new(), sink);
    }

    /// Rejects a line again that is of no product, with the reason.
    #[cold]
    #[inline(never)]
    pub(super) fn reject_explained(&mut self, text: &str, sink: &mut Sink<'_>) {
        let mut columns = mem::take(&mut self.columns);
        let text = stamped(text, None, begins_record).map_or(text, |(_, rest)| rest);
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
        let fits = |(i, entry, _): &&(usize, &Entry, Vec<KnownWord>)| {
            *i < columns.len()
                && !matches!(entry.shape, Shape::AtLeast(_))
                && columns.get(text, *i) != "-"
                && entry.fits(columns.get(text, *i).as_bytes())
        };
        self.lines.iter().any(|l| l.shaped.iter().filter(fits).count() >= 2)
    }

    /// Why a line is of no product: against the layout that it comes nearest to.
    #[cold]
    #[inline(never)]
    fn explain_line<'a>(&self, text: &'a str, columns: &'a Columns) -> Fault<'a> {
        let all = products::all();
        let raw = |i: usize| Raw::text(columns.get(text, i));
        let layout = |p: usize| &all[p].entries[..all[p].lines.columns()];
        let product_lines = |p: usize| all[p].lines;
        // How many columns speak for a product, and how many against it.
        let score = |p: usize| {
            let entries = layout(p).iter().zip(0..columns.len());
            let evidence = entries.map(|(e, i)| evidence(e, raw(i)));
            evidence.fold((0, 0), |(fit, odd), e| match e {
                Evidence::None => (fit, odd),
                Evidence::For => (fit + 1, odd),
                Evidence::Against => (fit, odd + 1),
            })
        };
        let is_good = |p: usize, same: bool, (fit, odd): (usize, usize)| match product_lines(p) {
            // Where nothing in a line tells, all of it must fit.
            Lines::Named(_) => same && fit == layout(p).iter().filter(|e| says_something(e)).count(),
            _ => fit >= odd && fit >= FEWEST_FITTING,
        };
        let asked = |p: &usize| self.from.is_none_or(|f| f == *p) && product_lines(*p) != Lines::None;
        let candidates = (0..all.len()).filter(asked);
        let scored = candidates.map(|p| {
            let (same, score) = (layout(p).len() == columns.len(), score(p));
            (is_good(p, same, score), same, score.0, std::cmp::Reverse(p))
        });
        let nearest = scored.max_by_key(|&(good, same, fit, p)| (good && same, good, fit, p));
        let Some((good, same, _, std::cmp::Reverse(p))) = nearest else {
            let text = match self.from {
                Some(p) => format!("a text line, but {} has none of its own; give --layout", all[p].id),
                None => "a text line of no known format".into(),
            };
            return Fault::of_record(code::UNKNOWN_FORMAT, text);
        };
        let product = all[p];
        let misfits = |(i, e): &(usize, &Entry)| !e.fits(raw(*i).text.as_bytes());
        let misfits = || layout(p).iter().enumerate().take(columns.len()).filter(misfits);
        // With two it is more likely something else's.
        if !good || misfits().count() > 1 {
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
            return column_count(product.id, &mut product_columns(product), columns.len());
        }
        // A value that can't be read says more than a shape that does not fit.
        let mut record = Record::new(&mut RecordMemory::default());
        for (i, entry) in layout(p).iter().enumerate() {
            if let Err(fault) = apply(&mut record, entry, raw(i), self.rules.zone.as_ref()) {
                return Fault { format: product.id, field: entry.keys[0], column: i + 1, ..fault };
            }
        }
        match misfits().next() {
            Some((i, entry)) => Fault {
                field: entry.keys[0],
                column: i + 1,
                found: raw(i).text,
                ..no_such(entry.shape, product.id)
            },
            None => Fault::of_record(code::UNKNOWN_FORMAT, "a line of no known format"),
        }
    }
}

/// The fewest columns that must fit for a product to be named as one that a line may be of.
const FEWEST_FITTING: usize = 5;

const NO_SEPARATORS: &str = "the layout has no separators, so a line can't be cut into its columns: \
with ${srcaddr}${dstaddr}${bytes}, 10.0.0.110.0.0.251200 is both 10.0.0.1 10.0.0.25 1200 and 10.0.0.11 0.0.0.25 1200";

impl Rows {
    pub(super) fn new(layout: Layout, planner: &Planner, config: &Config) -> Self {
        let names: Vec<&str> = layout.names.iter().map(String::as_str).collect();
        Self {
            quick: QuickPlan::new(planner, &names, Hint::Nothing),
            layout,
            missing: config.missing.clone(),
        }
    }

    /// Checks a configured layout; gives the warnings about it.
    pub(super) fn check(&self, config: &Config, planner: &Planner) -> Result<Vec<String>, Error> {
        let text = config.layout.as_deref().unwrap_or_default();
        let p = match self.quick.plan.verdict {
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

/// The first of some names. There may be many, and a reject for each line.
fn first_names(names: &mut dyn ExactSizeIterator<Item = &str>) -> String {
    let dots = if names.len() > limits::NAMES { " ..." } else { "" };
    let first: Vec<_> = names.take(limits::NAMES).map(|name| clipped(name, limits::NAME)).collect();
    format!("{}{dots}", first.join(" "))
}

/// The columns of a product's own lines.
fn product_columns(product: &'static Product) -> impl ExactSizeIterator<Item = &'static str> {
    product.entries[..product.lines.columns()].iter().map(|e| e.keys[0])
}

#[cold]
#[inline(never)]
fn nul_byte(at: usize) -> Fault<'static> {
    Fault::of_record(code::NUL, format!("a NUL byte at offset {at}; is this a binary file?"))
}

#[cold]
#[inline(never)]
fn column_count(
    layout: &'static str,
    names: &mut dyn ExactSizeIterator<Item = &str>,
    found: usize,
) -> Fault<'static> {
    let text = format!("{}, but {layout} has {}: {}", counted(found), names.len(), first_names(names));
    let is_product = products::by_id(layout).is_some();
    let other = if is_product { "; name other columns in a header row, or with --layout" } else { "" };
    let format = if is_product { layout } else { "" };
    let text = text + other;
    Fault { format, ..Fault::of_record(code::COLUMN_COUNT, text) }
}

/// What a value says about whether its record is of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Evidence {
    /// Nothing: any text may stand there, or nothing does.
    None,
    For,
    Against,
}

/// What a value says about whether its record is of the product that the entry is of.
pub(super) fn evidence(entry: &Entry, raw: Raw<'_>) -> Evidence {
    let text = raw.text.trim_ascii();
    let fits = match entry.to {
        _ if missing::is_missing(raw) => return Evidence::None,
        _ if !says_something(entry) => return Evidence::None,
        _ if entry.shape != Shape::Any => entry.fits(raw.text.as_bytes()),
        To::Version(v) => v == raw.text,
        To::Address(_) | To::AddressOrName(_) => addresses::read(text).is_some(),
        _ => {
            let mut record = Record::new(&mut RecordMemory::default());
            apply(&mut record, entry, raw, None).is_ok()
        }
    };
    if fits { Evidence::For } else { Evidence::Against }
}

/// Whether a value of an entry is evidence, and not any text.
fn says_something(entry: &Entry) -> bool {
    let any = matches!(entry.to, To::Text(_) | To::Extra | To::Envelope | To::FlatExtra | To::Flat(_));
    entry.shape != Shape::Any || !any
}

/// The time that a line begins with, and what stands behind it: `2024-02-07T11:25:40.000Z `, or
/// with a blank between date and time of day, and one in front of the zone.
#[cold]
#[inline(never)]
fn stamped<'a>(text: &'a str, zone: Option<&Zone>, begins: fn(u8) -> bool) -> Option<(Time, &'a str)> {
    // A year, so that no number is taken for a time.
    let [year @ .., b'-' | b'/'] = text.as_bytes().first_chunk::<5>()? else { return None };
    if !year.iter().all(u8::is_ascii_digit) {
        return None;
    }
    // The parts of a time begin with a digit or a sign.
    let mut part = text.as_bytes().first();
    let blanks = text.bytes().enumerate().take(LONGEST_STAMP).filter(|(_, b)| *b == b' ').take(3);
    let ends = blanks.map(|(end, _)| end).take_while(|end| {
        let before = part;
        part = text.as_bytes().get(end + 1);
        before.is_some_and(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b' '))
    });
    ends.filter_map(|end| {
        let rest = text[end..].trim_ascii_start();
        begins(*rest.as_bytes().first()?).then_some(())?;
        Some((time::read(&text[..end], Unit::Guess, zone).ok()?, rest))
    })
    .last()
}

/// Whether what stands behind a time may be JSON, or a line of a product's own layout, which begins
/// with its version.
fn begins_record(first: u8) -> bool {
    first == b'{' || first.is_ascii_digit()
}

/// No time in front of a line is longer: `2024-02-07 11:25:40.123456789 +08:00`.
const LONGEST_STAMP: usize = 40;
