//! Lines in the layouts that products have of their own.

use crate::{
    catalog::{
        product::{Entry, Lines, Product, Shape},
        products::{self, aws_vpc},
    },
    engine::{
        finisher::Finisher,
        line_refusals::{
            Evidence, FEWEST_FITTING, Names, STRING, column_count, counted, custom_format, evidence,
            is_string, says_something,
        },
        observer::ToldBy,
        refusals::other_line,
        sink::Sink,
        stamp::{begins_record, stamped},
    },
    fast::{
        chunk::{KnownWord, is_known},
        lines::{Writer, writer},
        plans::QuickPlan,
    },
    framing::columns::Columns,
    json::members::Object,
    reading::{
        around::Around,
        fill::{Disposition, Given, apply},
        plan::no_such,
        source::Line,
    },
    record::{
        fault::{Fault, RejectCode},
        fields::{Record, RecordMemory},
    },
    rules::ways::Ways,
    value::{raw::Raw, zone::Zone},
    wire::batch::Outcome,
};

/// The lines of a product that has a layout of its own.
#[derive(Debug)]
pub(super) struct KnownLines {
    product: usize,
    quick: QuickPlan,
    writer: Option<Writer>,
    columns: usize,
    names: Names,
    /// Whether a line is told by what is in it.
    detected: bool,
    /// What is in those columns that tell something.
    shaped: Vec<(usize, &'static Entry, Vec<KnownWord>)>,
}

impl KnownLines {
    pub(super) fn new(product: usize, ways: Ways) -> Self {
        let known: &Product = products::all()[product];
        let (lines, entries) = (known.lines, known.entries);
        let writer = if ways.lines { writer(known) } else { None };
        let (columns, detected) = (lines.columns(), matches!(lines, Lines::Detected(_)));
        let shaped = entries[..columns].iter().enumerate().filter(|(_, e)| e.shape != Shape::Any);
        let shaped = shaped.map(|(i, entry)| match entry.shape {
            Shape::Word(words) => (i, entry, words.iter().filter_map(KnownWord::new).collect()),
            _ => (i, entry, Vec::new()),
        });
        Self {
            product,
            quick: QuickPlan::lines(product, ways),
            writer,
            columns,
            names: Names::of_product(known),
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

/// What is known about a text that no fast path could write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missed {
    /// It is a line that is cut into its columns, of these known lines, if of any.
    Line(Option<usize>),
    /// Nothing that the reference path may rely on.
    Other,
}

/// The lines in the layouts that products have of their own.
#[derive(Debug)]
pub(super) struct OwnLines {
    /// The one product that lines may be of.
    from: Option<usize>,
    known: Vec<KnownLines>,
    /// Which of them the line before was of.
    latest: usize,
    pub(super) columns: Columns,
}

impl OwnLines {
    pub(super) fn new(from: Option<usize>, ways: Ways) -> Self {
        let all = products::all();
        let with_lines = |&p: &usize| match (from, all[p].lines) {
            (Some(f), lines) => p == f && lines.columns() > 0,
            (None, lines) => matches!(lines, Lines::Detected(_)),
        };
        let known = (0..all.len()).filter(with_lines).map(|p| KnownLines::new(p, ways)).collect();
        Self { from, known, latest: 0, columns: Columns::default() }
    }

    /// Normalizes a line by a fast path, if nothing stands against it. The tail begins with the line,
    /// and may go on behind it.
    #[inline(never)]
    pub(super) fn as_it_stands(
        &mut self,
        line: &str,
        tail: &[u8],
        finisher: &mut Finisher,
        out: &mut Outcome,
    ) -> Result<Disposition, Missed> {
        if let Some(written) = self.like_the_last(line, tail, finisher, out) {
            return Ok(written);
        }
        if is_special(line) {
            return Err(Missed::Other);
        }
        let columns = &mut self.columns;
        columns.split_blanks(line, tail);
        let Some(values) = columns.plain(line) else { return Err(Missed::Other) };
        let told = self.from.is_some();
        let Some(found) = self.known.iter().position(|l| told || l.tell(tail, columns)) else {
            return Err(Missed::Line(None));
        };
        let KnownLines { product, quick, .. } = &self.known[found];
        if columns.len() != self.known[found].columns {
            return Err(Missed::Line(Some(found)));
        }
        self.latest = found;
        let Finisher { rules, memory, tallies, .. } = finisher;
        let written = quick.write(values, tail, None, rules, memory, out);
        let written = written.ok_or(Missed::Line(Some(found)))?;
        tallies[*product] += u32::from(written == Disposition::Normalized);
        Ok(written)
    }

    /// The same by the function that is made for the product of the line before.
    #[inline]
    pub(super) fn like_the_last(
        &mut self,
        line: &str,
        tail: &[u8],
        finisher: &mut Finisher,
        out: &mut Outcome,
    ) -> Option<Disposition> {
        let KnownLines { product, quick, writer: Some(writer), .. } = self.known.get(self.latest)? else {
            return None;
        };
        let start = out.output.len();
        if is_special(line) {
            return None;
        }
        let Finisher { rules, memory, tallies, .. } = finisher;
        let program = quick.program.as_ref()?;
        let to_flat = rules.to.is_flat();
        let wrote = match &mut memory.frames {
            _ if to_flat => program.run_line(*writer, tail, line.len(), &mut memory.places, &mut out.output),
            Some(frames) => {
                let (flat, places) = program.noting(frames);
                program.run_line(*writer, tail, line.len(), places, flat)
            }
            None => false,
        };
        if !wrote {
            return None;
        }
        let mut values = Object { text: line, ..Object::default() };
        if rules.filter().is_some() {
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
        let written = match to_flat {
            true => quick.filter(values, None, rules, memory, start, out),
            false => quick.map(values, None, rules, memory, out)?,
        };
        tallies[*product] += u32::from(written == Disposition::Normalized);
        Some(written)
    }

    /// Cuts a line at its blanks.
    pub(super) fn cut(&mut self, text: &str) {
        self.columns.split_blanks(text, text.as_bytes());
    }

    /// Whether something in the line that was cut last tells that it is of a product.
    pub(super) fn is_told(&self, text: &str) -> bool {
        self.known.iter().any(|l| l.tell(text.as_bytes(), &self.columns))
    }

    /// Which of the known lines the line is that was cut last, if of any.
    pub(super) fn tell(&self, text: &str) -> Option<usize> {
        let is_told = |l: &KnownLines| self.from.is_some() || l.tell(text.as_bytes(), &self.columns);
        self.known.iter().position(is_told)
    }

    /// Whether the line that was cut last has the columns of these known lines.
    pub(super) fn has_columns_of(&self, found: Option<usize>) -> bool {
        found.is_some_and(|l| self.known[l].columns == self.columns.len())
    }

    /// Normalizes the line that was cut last; it is of these known lines, if of any. `fast` where the
    /// fast paths were not tried yet.
    pub(super) fn finish(
        &mut self,
        found: Option<usize>,
        fast: bool,
        text: &str,
        around: Around<'_>,
        finisher: &mut Finisher,
        sink: &mut Sink<'_>,
    ) {
        let Some(found) = found else { return self.refuse(text, finisher, sink) };
        self.latest = found;
        let (KnownLines { product: p, quick, names, .. }, columns) = (&self.known[found], &self.columns);
        let product = products::all()[*p];
        if columns.len() != product.lines.columns() {
            let fault = || column_count(product.id, names, columns.len());
            return finisher.rejects.reject(&other_line(text).unwrap_or_else(fault), sink);
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
        finisher.finish(quick, &given, ToldBy::Columns, fast, sink);
    }

    /// Normalizes a line that stood behind a time.
    #[cold]
    #[inline(never)]
    pub(super) fn finish_behind_time(
        &mut self,
        text: &str,
        around: Around<'_>,
        finisher: &mut Finisher,
        sink: &mut Sink<'_>,
    ) {
        self.cut(text);
        let is_told = |l: &KnownLines| match self.from {
            Some(_) => l.columns == self.columns.len(),
            None => l.tell(text.as_bytes(), &self.columns),
        };
        if let Some(observer) = &mut finisher.rejects.observer {
            observer.text(text);
        }
        match (self.known.iter().position(is_told), self.from, self.known.first()) {
            (Some(found), _, _) => self.finish(Some(found), true, text, around, finisher, sink),
            (None, Some(p), Some(_)) => {
                let product = products::all()[p];
                let fault = column_count(product.id, &Names::of_product(product), self.columns.len());
                finisher.rejects.reject(&fault, sink);
            }
            _ => self.refuse(text, finisher, sink),
        }
    }

    /// Rejects a line of no known layout.
    #[cold]
    #[inline(never)]
    fn refuse(&self, text: &str, finisher: &mut Finisher, sink: &mut Sink<'_>) {
        // Events are explained where there is more stack, and only if it is worth it.
        let fault = match finisher.rejects.noted {
            Some(_) => Fault::of_record(RejectCode::UnknownFormat, "a text line of no known format"),
            None if is_string(text) => Fault::of_record(RejectCode::UnknownFormat, STRING),
            None => other_line(text).unwrap_or_else(|| self.explain_line(text, finisher.rules.zone.as_ref())),
        };
        finisher.rejects.reject(&fault, sink);
    }

    /// Rejects a line again that is of no product, with the reason.
    #[cold]
    #[inline(never)]
    pub(super) fn reject_explained(&mut self, text: &str, finisher: &mut Finisher, sink: &mut Sink<'_>) {
        let text = stamped(text, None, begins_record).map_or(text, |(_, rest)| rest);
        self.cut(text);
        let fault = match self.from.is_some() || self.resembles(text) {
            true => self.explain_line(text, finisher.rules.zone.as_ref()),
            false => Fault::of_record(RejectCode::UnknownFormat, "a text line of no known format"),
        };
        finisher.rejects.reject(&fault, sink);
    }

    /// Whether a line has something of a product's, where it stands there.
    fn resembles(&self, text: &str) -> bool {
        let columns = &self.columns;
        let fits = |(i, entry, _): &&(usize, &Entry, Vec<KnownWord>)| {
            *i < columns.len()
                && !matches!(entry.shape, Shape::AtLeast(_))
                && columns.get(text, *i) != "-"
                && entry.fits(columns.get(text, *i).as_bytes())
        };
        self.known.iter().any(|l| l.shaped.iter().filter(fits).count() >= 2)
    }

    /// Why a line is of no product: against the layout that it comes nearest to.
    #[cold]
    #[inline(never)]
    fn explain_line<'a>(&'a self, text: &'a str, zone: Option<&Zone>) -> Fault<'a> {
        let columns = &self.columns;
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
        // Of so few columns no number is enough, but where all of a line must fit.
        let may_be_good = |p: usize| match product_lines(p) {
            Lines::Named(_) => layout(p).len() == columns.len(),
            _ => columns.len() >= FEWEST_FITTING,
        };
        let is_good = |p: usize, same: bool, (fit, odd): (usize, usize)| match product_lines(p) {
            // Where nothing in a line tells, all of it must fit.
            Lines::Named(_) => same && fit == layout(p).iter().filter(|e| says_something(e)).count(),
            _ => fit >= odd && fit >= FEWEST_FITTING,
        };
        let asked = |p: &usize| self.from.is_none_or(|f| f == *p) && product_lines(*p).columns() > 0;
        let candidates = (0..all.len()).filter(asked);
        if self.from.is_none() && !candidates.clone().any(may_be_good) {
            return self.like_none(text);
        }
        let scored = candidates.map(|p| {
            let (same, score) = (layout(p).len() == columns.len(), score(p));
            (is_good(p, same, score), same, score.0, std::cmp::Reverse(p))
        });
        let nearest = scored.max_by_key(|&(good, same, fit, p)| (good && same, good, fit, p));
        let Some((good, same, _, std::cmp::Reverse(p))) = nearest else {
            let text = match self.from {
                Some(p) if matches!(product_lines(p), Lines::Written(_)) => {
                    format!(
                        "a text line that is not in the format of {}; give its columns with --layout",
                        all[p].id
                    )
                }
                Some(p) => format!("a text line, but {} has none of its own; give --layout", all[p].id),
                None => "a text line of no known format".into(),
            };
            return Fault::of_record(RejectCode::UnknownFormat, text);
        };
        let product = all[p];
        let misfits = |(i, e): &(usize, &Entry)| !e.fits(raw(*i).text.as_bytes());
        let misfits = || layout(p).iter().enumerate().take(columns.len()).filter(misfits);
        // With two it is more likely something else's.
        if !good || misfits().count() > 1 {
            return self.like_none(text);
        }
        if same && matches!(product.lines, Lines::Named(_)) {
            let text =
                format!("this may be {0}, but nothing in it tells; if it is, say --from {0}", product.id);
            return Fault::of_record(RejectCode::Ambiguous, text);
        }
        if !same {
            return column_count(product.id, &Names::of_product(product), columns.len());
        }
        // A value that can't be read says more than a shape that does not fit.
        let mut record = Record::new(&mut RecordMemory::default());
        for (i, entry) in layout(p).iter().enumerate() {
            if let Err(fault) = apply(&mut record, entry, raw(i), zone) {
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
            None => Fault::of_record(RejectCode::UnknownFormat, "a line of no known format"),
        }
    }

    /// Why the line that was cut last is of no product, where it comes near to none.
    fn like_none(&self, text: &str) -> Fault<'static> {
        let columns = &self.columns;
        let is_asked = self.from.is_none_or(|f| products::all()[f].id == aws_vpc::PRODUCT.id);
        if is_asked && aws_vpc::is_custom(&mut (0..columns.len()).map(|i| columns.get(text, i))) {
            return custom_format(columns.len());
        }
        let text = [
            "a line of ",
            &counted(columns.len()),
            " that is like no known record; name the product with --from (`weir formats` lists them), and the columns with --layout",
        ];
        Fault::of_record(RejectCode::UnknownFormat, text.concat())
    }
}

/// Whether a line is no product's own, as others are.
fn is_special(line: &str) -> bool {
    matches!(line.as_bytes().first(), None | Some(b'[' | b' ' | b'\t' | b'\r' | b'\n'))
}
