//! The account of an input: every record and every byte is somewhere in it.

use std::collections::BTreeMap;

use serde::Serialize;
use weir_normalizer::batch::{self, Outcome};

/// What became of the records and bytes so far: `in = normalized + filtered + rejected`, and for bytes
/// also `+ blank + framing`.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Account {
    pub(crate) records: Records,
    pub(crate) bytes: Bytes,
    by_product: BTreeMap<String, u64>,
    rejects_by_reason: BTreeMap<String, u64>,
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct Records {
    r#in: u64,
    normalized: u64,
    filtered: u64,
    rejected: u64,
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct Bytes {
    pub(crate) r#in: u64,
    normalized: u64,
    filtered: u64,
    rejected: u64,
    blank: u64,
    framing: u64,
}

impl Account {
    /// Adds a run over elements of so many bytes, of which so many are of elements with rejects.
    pub(crate) fn add(&mut self, outcome: &Outcome, bytes: u64, rejected: u64) {
        let (records, sums) = (&mut self.records, &mut self.bytes);
        records.normalized += u64::from(outcome.normalized);
        records.filtered += u64::from(outcome.filtered);
        records.rejected += u64::from(outcome.rejected);
        records.r#in = records.normalized + records.filtered + records.rejected;
        let filtered = u64::from(outcome.filtered_bytes);
        sums.r#in += bytes;
        sums.filtered += filtered;
        sums.rejected += rejected;
        sums.normalized += bytes - filtered - rejected;
        // Both were written just now, so all can be read.
        for (product, n) in batch::tallies(&outcome.tallies).flatten() {
            count(&mut self.by_product, product, u64::from(n));
        }
        for reject in batch::rejects(&outcome.rejects).flatten() {
            count(&mut self.rejects_by_reason, reject.code, 1);
        }
    }

    /// Ends a batch that stands for so many bytes, of which `elements` are accounted for.
    pub(crate) fn end(&mut self, consumed: u64, blank: u64, elements: u64) {
        self.bytes.r#in += consumed - elements;
        self.bytes.blank += blank;
        self.bytes.framing += consumed - elements - blank;
    }
}

fn count(counts: &mut BTreeMap<String, u64>, key: &str, n: u64) {
    match counts.get_mut(key) {
        Some(sum) => *sum += n,
        None => {
            counts.insert(key.to_owned(), n);
        }
    }
}
