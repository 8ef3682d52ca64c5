//! The account of a run: every record and every byte is somewhere in it.

use std::{collections::BTreeMap, fmt::Write as _};

use serde::{Deserialize, Serialize};

use crate::limits;

/// What became of the records and bytes of a run. It closes at any time:
/// `in = normalized + filtered + rejected (+ blank + framing)`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// How many files, streams and members of archives there were.
    pub inputs: Inputs,
    /// How many.
    pub records: Records,
    /// After decompression.
    pub bytes: Bytes,
    /// Normalized records of each product.
    pub by_product: BTreeMap<String, u64>,
    /// Rejected records by the kind of fault.
    pub rejects_by_reason: BTreeMap<String, u64>,
    /// How long the run took, in seconds.
    pub seconds: f64,
}

/// Inputs that were begun.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Inputs {
    /// All of them.
    pub r#in: u64,
    /// Those that could not be read, or not to their end. What came before is in the account.
    pub failed: u64,
}

/// Records by what became of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Records {
    /// The sum of the others.
    pub r#in: u64,
    /// Written to the output.
    pub normalized: u64,
    /// Left out as the user asked.
    pub filtered: u64,
    /// Not understood.
    pub rejected: u64,
}

/// Bytes of the input by what became of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bytes {
    /// The sum of the others.
    pub r#in: u64,
    /// Those of records that were written to the output.
    pub normalized: u64,
    /// Those of records that were left out.
    pub filtered: u64,
    /// Those of records that were not understood.
    pub rejected: u64,
    /// Blank lines.
    pub blank: u64,
    /// Separators, envelopes, headers.
    pub framing: u64,
}

impl Records {
    /// Adds others.
    pub fn add(&mut self, other: &Self) {
        self.r#in += other.r#in;
        self.normalized += other.normalized;
        self.filtered += other.filtered;
        self.rejected += other.rejected;
    }

    /// Whether each is somewhere.
    pub fn is_closed(&self) -> bool {
        let parts = [self.normalized, self.filtered, self.rejected];
        parts.iter().try_fold(0u64, |sum, n| sum.checked_add(*n)) == Some(self.r#in)
    }
}

impl Bytes {
    /// Adds others.
    pub fn add(&mut self, other: &Self) {
        self.r#in += other.r#in;
        self.normalized += other.normalized;
        self.filtered += other.filtered;
        self.rejected += other.rejected;
        self.blank += other.blank;
        self.framing += other.framing;
    }

    /// Whether each is somewhere.
    pub fn is_closed(&self) -> bool {
        let parts = [self.normalized, self.filtered, self.rejected, self.blank, self.framing];
        parts.iter().try_fold(0u64, |sum, n| sum.checked_add(*n)) == Some(self.r#in)
    }
}

impl Summary {
    /// Adds what another accounts for; its time is not added.
    pub fn add(&mut self, other: &Self) {
        self.inputs.r#in += other.inputs.r#in;
        self.inputs.failed += other.inputs.failed;
        self.records.add(&other.records);
        self.bytes.add(&other.bytes);
        for (key, n) in &other.by_product {
            count(&mut self.by_product, key, *n);
        }
        for (key, n) in &other.rejects_by_reason {
            count(&mut self.rejects_by_reason, key, *n);
        }
    }

    /// One line of JSON, without a line break.
    pub fn json(&self) -> String {
        serde_json::to_string(self).expect("a summary can be written")
    }

    /// Some lines for people.
    pub fn human(&self) -> String {
        let (r, b) = (&self.records, &self.bytes);
        let rows = [
            ("in", Some(r.r#in), b.r#in),
            ("normalized", Some(r.normalized), b.normalized),
            ("filtered", Some(r.filtered), b.filtered),
            ("rejected", Some(r.rejected), b.rejected),
            ("blank", None, b.blank),
            ("framing", None, b.framing),
        ];
        let mut text = format!("{:<12}{:>16}{:>20}\n", "", "records", "bytes");
        for (name, records, bytes) in rows {
            let records = records.map_or(String::new(), grouped);
            let _ = writeln!(text, "{name:<12}{records:>16}{:>20}", grouped(bytes));
        }
        for (title, counts) in [("normalized", &self.by_product), ("rejected", &self.rejects_by_reason)] {
            if !counts.is_empty() {
                let counts: Vec<_> = counts.iter().map(|(k, n)| format!("{k} {}", grouped(*n))).collect();
                let _ = writeln!(text, "{title}: {}", counts.join(", "));
            }
        }
        if self.inputs.failed > 0 {
            let (failed, all) = (grouped(self.inputs.failed), grouped(self.inputs.r#in));
            let _ = writeln!(text, "failed inputs: {failed} of {all}");
        }
        let rate = (r.r#in as f64 / self.seconds.max(0.001)) as u64;
        let _ = writeln!(text, "{:.3} s, {} records/s", self.seconds, grouped(rate));
        text
    }
}

/// Adds to a count, but keeps the number of different keys within its bound.
pub fn count(counts: &mut BTreeMap<String, u64>, key: &str, n: u64) {
    if let Some(sum) = counts.get_mut(key) {
        *sum += n;
        return;
    }
    let key = if counts.len() < limits::SUMMARY_KEYS { key } else { "other" };
    *counts.entry(key.to_owned()).or_default() += n;
}

/// So many of something: `1 file`, `1,234 files`.
pub fn counted(n: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(n), if n == 1 { "" } else { "s" })
}

/// A number with a comma before every third digit from the right.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (n, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(n), text);
        }
        assert_eq!([counted(1, "file"), counted(2000, "file")], ["1 file", "2,000 files"]);
    }

    #[test]
    fn a_flood_of_keys_is_counted_as_other() {
        let mut counts = BTreeMap::new();
        for i in 0..1000 {
            count(&mut counts, &format!("k{i}"), 2);
        }
        assert_eq!(counts.len(), limits::SUMMARY_KEYS + 1);
        assert_eq!(counts["other"], 2 * (1000 - limits::SUMMARY_KEYS as u64));
    }
}
