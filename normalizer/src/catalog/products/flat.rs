//! Weir's own flat records, to filter or convert an archive of them.
//!
//! Specification: `weir schema`.
//!
//! ```text
//! {"provider":"huawei","product":"vpc","kind":"flow","start_ms":1548752136000,"src_ip":"192.168.0.154"}
//! ```
//!
//! Its table is the table of fields. A record that is normalized again has the same bytes. The
//! words that name a record's product are those of a product that Weir reads, and no others: keys
//! of the other schemas are made of them.

use super::{A, Entry, Lines, Product, To, entry};
use crate::record::{fault::{Fault, code}, fields::{Field, Record, Value}};

const KEYS: [&str; Field::ALL.len()] = {
    let mut keys = [""; Field::ALL.len()];
    let mut i = 0;
    while i < keys.len() {
        keys[i] = Field::ALL[i].key();
        i += 1;
    }
    keys
};

const ENTRIES: &[Entry] = &{
    let mut entries = [entry(&["extra"], To::FlatExtra); Field::ALL.len() + 1];
    let mut i = 0;
    while i < Field::ALL.len() {
        let keys: &'static [&'static str; Field::ALL.len()] = &KEYS;
        entries[i] = entry(keys.split_at(i).1.split_at(1).0, To::Flat(Field::ALL[i]));
        // These three are in every flat record; with fewer it may be anything.
        if matches!(Field::ALL[i], Field::Provider | Field::Product | Field::Kind) {
            entries[i] = entries[i].with(A);
        }
        i += 1;
    }
    entries
};

/// The word of a flat record that is none of the product that the others tell: its field, and what
/// is wrong with it.
pub(super) fn odd_word(record: &Record<'_>) -> Option<(Field, Fault<'static>)> {
    let words = [Field::Provider, Field::Product, Field::Kind];
    let told = words.map(|f| match record.get(f) {
        Some(Value::Text(word)) => word,
        _ => "",
    });
    let fits = |p: &Product, some: usize| {
        p.words().iter().zip(told).take(some).all(|(w, told)| told.is_empty() || w.1 == told)
    };
    let products = || super::all().iter().filter(|p| p.id != PRODUCT.id);
    if products().any(|p| fits(p, words.len())) {
        return None;
    }
    // The first word that no product has behind those before it.
    let odd = (0..words.len()).find(|i| !products().any(|p| fits(p, i + 1)))?;
    Some((words[odd], unknown(&mut products().filter(|p| fits(p, odd)).map(|p| p.words()[odd].1))))
}

#[cold]
#[inline(never)]
fn unknown(known: &mut dyn Iterator<Item = &'static str>) -> Fault<'static> {
    let mut words: Vec<_> = known.collect();
    crate::bytes::sort::sort(&mut words);
    words.dedup();
    let text = format!("is not what Weir writes there; expected one of {}", words.join(", "));
    Fault { format: PRODUCT.id, ..Fault::of_record(code::WORD, text) }
}

pub(super) const PRODUCT: Product = Product {
    id: "flat",
    provider: "",
    product: "",
    kind: "",
    title: "Weir: flat records",
    lines: Lines::None,
    writer: None,
    topics: &[],
    layout_begins: &[],
    entries: ENTRIES,
};
