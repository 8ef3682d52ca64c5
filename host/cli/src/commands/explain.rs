//! `weir explain`.

use std::{
    borrow::Cow,
    convert::Infallible,
    ffi::{OsStr, OsString},
    io::{self, Write},
    ops::{ControlFlow, Range},
    path::Path,
    process::ExitCode,
};

use anstream::AutoStream;
use anstyle::{AnsiColor, Style};
use weir_normalizer::{
    Config,
    explain::{Explained, ExplainedValue, Explanation, explain},
    products,
};

use weir_io::{Source, Waiting, Watch};
use weir_printable::{json, line, steers};
use weir_store::Address;

use crate::Error;

use super::choices::{self, Choices};

/// The most input that is explained, in bytes; nobody reads more.
const MOST: usize = 1 << 20;

/// The exit status where a record is rejected.
const REJECTED: u8 = 3;

/// How much of a record is shown before and behind a fault, in characters.
const AROUND: usize = 60;

const TITLE: Style = Style::new().bold();
const FIELD: Style = AnsiColor::Green.on_default();
const DIM: Style = Style::new().dimmed();
const FAULT: Style = AnsiColor::Red.on_default().bold();

#[derive(Debug, clap::Args)]
#[command(mut_arg("to", choices::without_tables))]
#[command(after_help = "\
The exit status is 3 where a record is rejected.

Examples:
  weir explain '1 5f67944957444bd6bb4fe3b367de8f3d - - - - - - - - 1 2 - NODATA'
  weir explain --from baidu-flow export.log
  weir explain --rejected --limit 3 flow.log
  head -3 flow.log | weir explain -")]
pub(super) struct Args {
    #[command(flatten)]
    choices: Choices,

    /// A file, `-` for standard input, or a record itself; without it, standard input. The first MiB
    /// of each is explained
    #[arg(value_name = "FILE|RECORD", value_hint = clap::ValueHint::FilePath)]
    inputs: Vec<OsString>,

    /// Let records tell in `log_file` which input they are from, and in `log_offset` where in it their text begins,
    /// as those of `normalize --source-name` do; a record that is given itself has no name
    #[arg(long)]
    source_name: bool,

    /// Show at most so many records of each
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,

    /// Show only records that are rejected
    #[arg(long)]
    rejected: bool,
}

pub(super) fn run(args: Args) -> Result<ExitCode, Error> {
    args.choices.refuse_table()?;
    let config = Config { source_name: args.source_name, ..args.choices.config()? };
    let inputs = match args.inputs.is_empty() {
        true => vec!["-".into()],
        false => args.inputs,
    };
    inputs.iter().try_for_each(|input| refuse_address(input))?;
    let most = args.limit.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
    let stdout = io::stdout();
    let colours = AutoStream::choice(&stdout);
    let writer: Box<dyn Write> = Box::new(Waiting(stdout.lock()));
    let mut out = AutoStream::new(writer, colours);
    let failed = |e| Error::output("standard output", e);
    let (mut is_rejected, mut has_failed) = (false, false);
    for (i, input) in inputs.iter().enumerate() {
        let (mut text, mut is_damaged) = (Vec::new(), false);
        let name = read(input, &mut text, &mut |error| {
            is_damaged = true;
            weir_io::say(&format!("weir: {error}"));
        });
        has_failed |= is_damaged;
        if text.is_empty() && is_damaged {
            continue;
        }
        let records = explain(&text, name.as_deref().unwrap_or_default(), &config)?;
        if inputs.len() > 1 {
            let before = if i > 0 { "\n" } else { "" };
            let name = name.as_deref().map_or(Cow::Borrowed("the record given"), line);
            writeln!(out, "{before}{TITLE}==> {name} <=={TITLE:#}").map_err(failed)?;
        }
        let rejects = |r: &Explained| matches!(r.result, Explanation::Rejected { .. });
        let meant = records.iter().enumerate().filter(|(_, record)| !args.rejected || rejects(record));
        let shown: Vec<_> = meant.take(most).collect();
        let mut written = shown.iter().enumerate().try_for_each(|(i, (number, record))| {
            if i > 0 {
                writeln!(out)?;
            }
            write_record(&mut out, number + 1, record)
        });
        if shown.is_empty() {
            let name = match name.as_deref() {
                None => Cow::Borrowed("the record given"),
                Some("<stdin>") => Cow::Borrowed("standard input"),
                Some(name) => line(name),
            };
            written = match records.len() {
                0 if text.is_empty() => writeln!(out, "{name} is empty."),
                0 => writeln!(out, "There is no record in {name}."),
                1 => writeln!(out, "The record of {name} is not rejected."),
                n => writeln!(out, "None of the {n} records of {name} is rejected."),
            };
        }
        written.map_err(failed)?;
        is_rejected |= shown.iter().any(|(_, record)| rejects(record));
    }
    out.flush().map_err(failed)?;
    Ok(match is_rejected {
        _ if has_failed => ExitCode::FAILURE,
        true => ExitCode::from(REJECTED),
        false => ExitCode::SUCCESS,
    })
}

/// Refuses what is no file: nobody waits for a store here.
fn refuse_address(input: &OsStr) -> Result<(), Error> {
    match input.to_str() {
        Some(text) if Address::has_scheme(text) && !Path::new(text).exists() => Err(Error::usage(format!(
            "{}: explain reads files and standard input, and no stores; copy the object to a file first. \
             `weir normalize {0} --limit 10 --rejects rejects.jsonl` reads it, and tells why records are rejected",
            line(text)
        ))),
        _ => Ok(()),
    }
}

/// Reads what an argument stands for, and gives its name where it is no record itself. What can't be
/// read is told; what came before it is still worth explaining, and so are the other inputs.
fn read(input: &OsStr, text: &mut Vec<u8>, failed: &mut dyn FnMut(weir_io::Error)) -> Option<String> {
    let source = match input.to_str() {
        Some("-") => Source::Stdin,
        _ if Path::new(input).exists() => Source::File(input.into()),
        // A record has more than one value.
        Some(record) if record.contains(|c: char| c.is_whitespace() || "{}[],|\"".contains(c)) => {
            text.extend_from_slice(record.as_bytes());
            return None;
        }
        _ => Source::File(input.into()),
    };
    if let Err(error) = source.check() {
        failed(error);
        return Some(source.name());
    }
    if matches!(source, Source::Stdin) {
        super::say_who_waits("give a file or a record");
    }
    let mut is_cut = false;
    let Ok(()) = source.each(&Watch::default(), &mut |input| -> Result<_, Infallible> {
        // A little at a time, so that no more is taken from a stream.
        let mut piece = [0; 4096];
        let input = match input {
            Ok(input) => input,
            Err(error) => {
                failed(error);
                return Ok(ControlFlow::Continue(()));
            }
        };
        while !is_cut {
            match input.read(&mut piece) {
                Ok(0) => break,
                Ok(n) => text.extend_from_slice(&piece[..n]),
                Err(error) => {
                    failed(error);
                    break;
                }
            }
            is_cut = text.len() > MOST;
        }
        Ok(if is_cut { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    });
    if is_cut {
        weir_io::say(&format!(
            "weir: {}: only the first {} KiB are explained",
            line(&source.name()),
            MOST >> 10
        ));
        text.truncate(MOST);
        let whole = text.iter().rposition(|b| *b == b'\n').map_or(text.len(), |i| i + 1);
        text.truncate(whole);
    }
    Some(source.name())
}

fn write_record(out: &mut impl Write, number: usize, record: &Explained) -> io::Result<()> {
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
    let digits = values.iter().map(|v| v.column).max().unwrap_or(0).to_string().len();
    let column = |v: &ExplainedValue| {
        if v.column > 0 {
            format!("{:>digits$} {}", v.column, line(&v.key))
        } else {
            line(&v.key).into_owned()
        }
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
