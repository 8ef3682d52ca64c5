//! `weir formats`.

use std::{fmt::Write as _, process::ExitCode};

use clap::builder::TypedValueParser;
use weir_normalizer::{
    products::{self, Entry, Lines, Product},
    record::Field,
};

use crate::Error;

use super::choices;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  weir formats
  weir formats huawei-cfw")]
pub(super) struct Args {
    /// Show the keys of one product's records: spellings, field, and how values are read
    #[arg(value_name = "PRODUCT", value_parser = product(), hide_possible_values = true)]
    product: Option<&'static Product>,
}

fn product() -> impl TypedValueParser<Value = &'static Product> {
    choices::product().try_map(|id| products::by_id(&id).ok_or_else(|| format!("no product is called {id}")))
}

pub(super) fn run(args: &Args) -> Result<ExitCode, Error> {
    let text = args.product.map_or_else(table, keys);
    super::print(&text)
}

/// The table of products, in Markdown.
pub fn table() -> String {
    let rows = products::all().iter().map(|p| {
        let lines = match p.lines {
            Lines::None => "with a layout or a header",
            Lines::Detected(_) | Lines::Written(_) => "detected",
            Lines::Named(_) => "with `--from`",
        };
        [format!("`{}`", p.id), p.title.into(), p.kind.into(), lines.into()]
    });
    markdown(["`--from`", "records", "kind", "text lines"], rows)
}

/// A product's keys.
fn keys(product: &Product) -> String {
    let mut text = format!("{}: {}\n", product.id, product.title);
    if !product.layout_begins.is_empty() {
        let _ = writeln!(text, "A layout begins with {}.", product.layout_begins.join(", "));
    }
    match product.lines {
        Lines::None => {}
        Lines::Written(formats) => {
            text.push_str("A text line is in one of these formats:\n\n");
            formats.iter().for_each(|format| {
                let _ = writeln!(text, "    {format}");
            });
            text.push('\n');
        }
        lines => {
            let _ = writeln!(text, "A text line has the first {} keys, in this order.", lines.columns());
        }
    }
    text.push_str("Case, - and _ make no difference in keys.\n");
    if product.entries.iter().any(|e| e.tells & !products::ALONE != 0) {
        text.push_str("All keys with one letter tell the product together.\n");
    }
    text.push('\n');
    let rows = product.entries.iter().map(|e| {
        let field = e.to.field().map_or("", Field::key);
        let field = match e.to {
            products::To::Extra | products::To::Silences(..) => "extra",
            _ => field,
        };
        [e.keys.join(", "), field.into(), e.describe(), tells(e)]
    });
    text + &markdown(["key", "field", "value", "tells the product"], rows)
}

/// Whether a key tells the product: alone, or with all others that have one of its letters.
fn tells(entry: &Entry) -> String {
    if entry.tells & products::ALONE != 0 {
        return "yes".into();
    }
    let sets = ('A'..='Z').zip(1..u16::BITS).filter(|(_, set)| entry.tells >> set & 1 == 1);
    let sets: Vec<String> = sets.map(|(letter, _)| letter.into()).collect();
    sets.join(", ")
}

/// A Markdown table whose columns stand under each other.
pub(super) fn markdown<const N: usize>(head: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let rows: Vec<[String; N]> = rows.collect();
    let width =
        |i: usize| rows.iter().map(|r| r[i].chars().count()).chain([head[i].len()]).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |cells: [&str; N]| {
        let cells: Vec<_> = cells.iter().zip(widths).map(|(c, w)| format!(" {c:w$} ")).collect();
        format!("|{}|\n", cells.join("|"))
    };
    let rule: String = widths.iter().map(|w| format!("|{}", "-".repeat(w + 2))).collect();
    let body: String = rows.iter().map(|r| line(std::array::from_fn(|i| r[i].as_str()))).collect();
    format!("{}{rule}|\n{body}", line(head))
}
