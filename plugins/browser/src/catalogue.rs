//! What there is: products with their keys, and schemas.

use serde::Serialize;
use weir_normalizer::{
    products::{self, Lines, To},
    schema,
    schemas::{self, Schema},
};

use crate::{fault::Fault, json};

#[derive(Debug, Serialize)]
pub(crate) struct Format {
    id: &'static str,
    provider: &'static str,
    product: &'static str,
    kind: &'static str,
    title: &'static str,
    lines: &'static str,
    columns: usize,
    keys: Vec<Key>,
}

#[derive(Debug, Serialize)]
struct Key {
    names: &'static [&'static str],
    field: &'static str,
    value: String,
}

/// Every product, in the order of the documentation.
pub(crate) fn formats() -> Vec<Format> {
    let format = |p: &&products::Product| Format {
        id: p.id,
        provider: p.provider,
        product: p.product,
        kind: p.kind,
        title: p.title,
        lines: match p.lines {
            Lines::None => "layout",
            Lines::Detected(_) | Lines::Written(_) => "detected",
            Lines::Named(_) => "from",
        },
        columns: p.lines.columns(),
        keys: p.entries.iter().map(key).collect(),
    };
    products::all().iter().map(format).collect()
}

fn key(entry: &products::Entry) -> Key {
    let field = match entry.to {
        To::Extra | To::Silences(..) => "extra",
        to => to.field().map_or("", |f| f.key()),
    };
    Key { names: entry.keys, field, value: entry.describe() }
}

#[derive(Serialize)]
struct Row {
    from: String,
    path: String,
    note: &'static str,
}

/// The JSON Schema of the flat record, or the mapping to another schema.
pub(crate) fn schema(name: &str) -> Result<String, Fault> {
    match Schema::by_name(name) {
        None => {
            let known: Vec<_> = Schema::ALL.iter().map(|s| s.name()).collect();
            Err(Fault::of_schema(name, &known.join(", ")))
        }
        Some(Schema::Flat) => Ok(schema::flat()),
        Some(other) => {
            let row = |m: schemas::Mapping| Row { from: m.from, path: m.path, note: m.note };
            Ok(json(&schemas::describe(other).into_iter().map(row).collect::<Vec<_>>()))
        }
    }
}
