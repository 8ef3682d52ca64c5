//! Why a line is no record.

use crate::{
    base::limits,
    catalog::{
        product::{Entry, Product, Shape, To},
        products::{self, aws_vpc},
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

/// The names of a layout's columns as rejects tell them: how many there are, and the first ones. Made
/// once, as there may be many names, and a reject for each line.
#[derive(Debug)]
pub(super) struct Names {
    told: String,
}

impl Names {
    pub(super) fn new<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> Self {
        let (count, dots) = (names.len(), if names.len() > limits::NAMES { " ..." } else { "" });
        let first: Vec<_> = names.take(limits::NAMES).map(|name| clipped(name, limits::NAME)).collect();
        Self { told: format!("{count}: {}{dots}", first.join(" ")) }
    }

    /// The columns of a product's own lines.
    pub(super) fn of_product(product: &Product) -> Self {
        Self::new(product.entries[..product.lines.columns()].iter().map(|e| e.keys[0]))
    }
}

#[cold]
#[inline(never)]
pub(super) fn nul_byte(at: usize) -> Fault<'static> {
    Fault::of_record(RejectCode::Nul, format!("a NUL byte at offset {at}; is this a binary file?"))
}

#[cold]
#[inline(never)]
pub(super) fn column_count(layout: &'static str, names: &Names, found: usize) -> Fault<'static> {
    let is_product = products::by_id(layout).is_some();
    let other = if is_product { "; name other columns in a header row, or with --layout" } else { "" };
    let format = if is_product { layout } else { "" };
    let text = [&counted(found), ", but ", layout, " has ", &names.told, other].concat();
    Fault { format, ..Fault::of_record(RejectCode::ColumnCount, text) }
}

/// What is said of a text that is a string of JSON, as one is that stands beside the records of an envelope.
pub(super) const STRING: &str = "a string in quotes, which is no record by itself; if there is one in it, take it out of the quotes, and out of the envelope that it may stand in";

/// Whether a text is one string of JSON.
pub(super) fn is_string(text: &str) -> bool {
    let inside = text.trim_ascii().strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inside.is_some_and(|inside| {
        let mut is_escaped = false;
        inside.bytes().all(|byte| {
            let was_escaped = is_escaped;
            is_escaped = byte == b'\\' && !was_escaped;
            byte != b'"' || was_escaped
        }) && !is_escaped
    })
}

/// A line of AWS in a format that somebody chose.
#[cold]
#[inline(never)]
pub(super) fn custom_format(found: usize) -> Fault<'static> {
    let text = [
        "a line of ",
        &counted(found),
        " with an interface of AWS, but not in the order of aws-vpc: a custom format; give its fields with --layout, as in '${version} ${vpc-id} ...', or put a header row in front",
    ];
    Fault { format: aws_vpc::PRODUCT.id, ..Fault::of_record(RejectCode::ColumnCount, text.concat()) }
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
