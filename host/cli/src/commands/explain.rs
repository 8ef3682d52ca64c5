//! `weir explain`.

use std::{
    io::{self, Read as _, Write},
    ops::Range,
    process::ExitCode,
};

use anstream::AutoStream;
use anstyle::{AnsiColor, Style};
use weir_normalizer::{
    explain::{Explained, ExplainedValue, Explanation, explain},
    products,
};

use weir_io::Waiting;
use weir_printable::{json, line, steers};

use crate::Error;

use super::choices::Choices;

/// The most input that is explained, in bytes; nobody reads more.
const MOST: u64 = 1 << 20;

/// How much of a record is shown before and behind a fault, in characters.
const AROUND: usize = 60;

const TITLE: Style = Style::new().bold();
const FIELD: Style = AnsiColor::Green.on_default();
const DIM: Style = Style::new().dimmed();
const FAULT: Style = AnsiColor::Red.on_default().bold();

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  weir explain '1 5f67944957444bd6bb4fe3b367de8f3d - - - - - - - - 1 2 - NODATA'
  head -3 flow.log | weir explain --from huawei-vpc")]
pub(super) struct Args {
    #[command(flatten)]
    choices: Choices,

    /// The record, or an envelope with records; without it, the first MiB of standard input
    #[arg(value_name = "LINE")]
    line: Option<String>,
}

pub(super) fn run(args: Args) -> Result<ExitCode, Error> {
    let config = args.choices.config()?;
    let input = match args.line {
        Some(line) => line.into_bytes(),
        None => {
            let mut input = Vec::new();
            let read = Waiting(io::stdin().lock()).take(MOST).read_to_end(&mut input);
            read.map_err(|e| Error::file("standard input", "read", e))?;
            if input.len() as u64 == MOST {
                weir_io::say(&format!("weir: only the first {} KiB are explained", MOST >> 10));
                let whole = input.iter().rposition(|b| *b == b'\n').map_or(input.len(), |i| i + 1);
                input.truncate(whole);
            }
            input
        }
    };
    let records = explain(&input, &config)?;
    let stdout = io::stdout();
    let colours = AutoStream::choice(&stdout);
    let writer: Box<dyn Write> = Box::new(Waiting(stdout.lock()));
    let mut out = AutoStream::new(writer, colours);
    let written = records.iter().enumerate().try_for_each(|(i, r)| write_record(&mut out, i + 1, r));
    let written = match records.is_empty() {
        true => writeln!(out, "There is no record in it."),
        false => written,
    };
    written.and_then(|()| out.flush()).map_err(|e| Error::output("standard output", e))?;
    Ok(ExitCode::SUCCESS)
}

fn write_record(out: &mut impl Write, number: usize, record: &Explained) -> io::Result<()> {
    if number > 1 {
        writeln!(out)?;
    }
    let under = match record.under.is_empty() {
        true => String::new(),
        false => format!(", under {}", line(&record.under.join(" > "))),
    };
    writeln!(out, "{TITLE}record {number}{TITLE:#} at offset {}{under}", record.offset)?;
    if let Some(product) = products::by_id(record.product) {
        writeln!(out, "  product: {FIELD}{}{FIELD:#} ({})", product.id, product.title)?;
    }
    if !record.why.is_empty() {
        writeln!(out, "  because: {}", line(&record.why))?;
    }
    write_values(out, &record.values)?;
    match &record.result {
        Explanation::Record(record) => writeln!(out, "  record: {}", json(record)),
        Explanation::Filtered => writeln!(out, "  filtered: it does not meet --where"),
        Explanation::Rejected { code, reason, place } => {
            writeln!(out, "  {FAULT}rejected{FAULT:#} ({code}): {}", line(reason))?;
            match place {
                Some(place) => write_place(out, &record.text, place.clone()),
                None => Ok(()),
            }
        }
    }
}

/// A line for each value; cells stand under each other.
fn write_values(out: &mut impl Write, values: &[ExplainedValue]) -> io::Result<()> {
    let column = |v: &ExplainedValue| {
        if v.column > 0 { format!("{} {}", v.column, line(&v.key)) } else { line(&v.key).into_owned() }
    };
    let cells = |v: &ExplainedValue| [column(v), clip(&v.found), v.field.clone(), clip(&v.value)];
    let rows: Vec<_> = values.iter().map(cells).collect();
    let width = |i: usize| rows.iter().map(|r| r[i].chars().count()).max().unwrap_or(0);
    let [a, b, c, d] = std::array::from_fn(width);
    for ([key, found, field, value], v) in rows.iter().zip(values) {
        writeln!(
            out,
            "    {key:a$}  {found:b$}  {FIELD}{field:c$}{FIELD:#}  {value:d$}  {DIM}{}{DIM:#}",
            v.how
        )?;
    }
    Ok(())
}

/// The text around a fault, on one line, with carets under it.
fn write_place(out: &mut impl Write, text: &str, place: Range<usize>) -> io::Result<()> {
    let plain = |t: &str| -> String { t.chars().map(|c| if steers(c) { ' ' } else { c }).collect() };
    let before = plain(text.get(..place.start).unwrap_or(text));
    let fault = plain(text.get(place.clone()).unwrap_or_default());
    let behind = plain(text.get(place.end..).unwrap_or_default());
    let skipped = before.chars().count().saturating_sub(AROUND);
    let before: String = before.chars().skip(skipped).collect();
    let dots = if skipped > 0 { "..." } else { "" };
    let rest: String = behind.chars().take(AROUND).collect();
    writeln!(out, "    {dots}{before}{FAULT}{fault}{FAULT:#}{rest}")?;
    let indent = dots.len() + before.chars().count();
    writeln!(out, "    {:indent$}{FAULT}{}{FAULT:#}", "", "^".repeat(fault.chars().count().max(1)))
}

fn clip(text: &str) -> String {
    const SHOWN: usize = 40;
    let shown: String = text.chars().take(SHOWN).map(|c| if steers(c) { ' ' } else { c }).collect();
    if text.chars().count() > SHOWN { shown + "..." } else { shown }
}
