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

use crate::{catalog::product::{A, Entry, Lines, Product, Shape, To, entry}, record::fields::Field};

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
        // These three are in every flat record, and say something; with fewer it may be anything.
        if matches!(Field::ALL[i], Field::Provider | Field::Product | Field::Kind) {
            entries[i] = entries[i].shape(Shape::Said).with(A);
        }
        i += 1;
    }
    entries
};

pub(crate) const PRODUCT: Product = Product {
    id: "flat",
    provider: "",
    product: "",
    kind: "",
    title: "Weir: flat records",
    lines: Lines::None,
    topics: &[],
    layout_begins: &[],
    entries: ENTRIES,
};