//! Why a line is no record.

use crate::{
    base::limits,
    catalog::{
        product::{Entry, Product, Shape, To},
        products,
    },
    reading::fill::apply,
    record::{
        fault::{Fault, RejectCode, clipped, push_number},
        fields::{Record, RecordMemory},
    },
    value::{addresses, missing, raw::Raw},
};

/// The fewest columns that must fit for a product to be named as one that a line may be of.
pub(super) const FEWEST_FITTING: usize = 5;

pub(super) fn counted(columns: usize) -> String {
    let mut text = String::new();
    push_number(&mut text, columns as u64);
    text.push_str(if columns == 1 { " column" } else { " columns" });
    text
}

/// The first of some names. There may be many, and a reject for each line.
pub(super) fn first_names(names: &mut dyn ExactSizeIterator<Item = &str>) -> String {
    let dots = if names.len() > limits::NAMES { " ..." } else { "" };
    let first: Vec<_> = names.take(limits::NAMES).map(|name| clipped(name, limits::NAME)).collect();
    format!("{}{dots}", first.join(" "))
}

/// The columns of a product's own lines.
pub(super) fn product_columns(product: &'static Product) -> impl ExactSizeIterator<Item = &'static str> {
    product.entries[..product.lines.columns()].iter().map(|e| e.keys[0])
}

#[cold]
#[inline(never)]
pub(super) fn nul_byte(at: usize) -> Fault<'static> {
    Fault::of_record(RejectCode::Nul, format!("a NUL byte at offset {at}; is this a binary file?"))
}

#[cold]
#[inline(never)]
pub(super) fn column_count(
    layout: &'static str,
    names: &mut dyn ExactSizeIterator<Item = &str>,
    found: usize,
) -> Fault<'static> {
    let text = format!("{}, but {layout} has {}: {}", counted(found), names.len(), first_names(names));
    let is_product = products::by_id(layout).is_some();
    let other = if is_product { "; name other columns in a header row, or with --layout" } else { "" };
    let format = if is_product { layout } else { "" };
    let text = text + other;
    Fault { format, ..Fault::of_record(RejectCode::ColumnCount, text) }
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
pub(super) fn says_something(entry: &Entry) -> bool {
    let any = matches!(entry.to, To::Text(_) | To::Extra | To::Envelope | To::FlatExtra | To::Flat(_));
    entry.shape != Shape::Any || !any
}
