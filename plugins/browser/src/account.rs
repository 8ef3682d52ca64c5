//! The account of an input: every record and every byte is somewhere in it.

use std::collections::BTreeMap;

use serde::Serialize;
use weir_normalizer::batch::{self, Outcome};
use weir_pipeline::summary::{self, Bytes, Records, Summary};

/// What became of the records and bytes so far.
#[derive(Debug, Default)]
pub(crate) struct Account(Summary);

/// As JavaScript gets it: the host's summary without its time, which nobody took here.
#[derive(Debug, Serialize)]
pub(crate) struct Told<'a> {
    records: &'a Records,
    bytes: &'a Bytes,
    by_product: &'a BTreeMap<String, u64>,
    rejects_by_reason: &'a BTreeMap<String, u64>,
}

impl Account {
    /// Adds a run over elements of so many bytes, of which so many are of elements with rejects.
    pub(crate) fn add(&mut self, outcome: &Outcome, bytes: u64, rejected: u64) {
        let Summary { records, bytes: sums, by_product, rejects_by_reason, .. } = &mut self.0;
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
            summary::count(by_product, product, u64::from(n));
        }
        for reject in batch::rejects(&outcome.rejects).flatten() {
            summary::count(rejects_by_reason, reject.code, 1);
        }
    }

    /// Ends a batch that stands for so many bytes, of which `elements` are accounted for.
    pub(crate) fn end(&mut self, consumed: u64, blank: u64, elements: u64) {
        let sums = &mut self.0.bytes;
        sums.r#in += consumed - elements;
        sums.blank += blank;
        sums.framing += consumed - elements - blank;
    }

    /// How many bytes are accounted for.
    pub(crate) fn bytes(&self) -> u64 {
        self.0.bytes.r#in
    }

    pub(crate) fn told(&self) -> Told<'_> {
        let Summary { records, bytes, by_product, rejects_by_reason, .. } = &self.0;
        Told { records, bytes, by_product, rejects_by_reason }
    }
}
