//! Who is told how records are read.

use std::ops::Range;

use crate::{
    reading::fill::{Disposition, Given},
    record::fault::{Fault, RejectCode},
    rules::compiled::Rules,
    wire::batch::Outcome,
};

/// Who is told how records are read, if somebody asked for it. The guest has no such observer,
/// and so none of the explanations.
pub(crate) trait Observer: std::fmt::Debug + Send + Sync {
    /// Is told the text that is read next.
    fn text(&mut self, text: &str);
    /// Is told that what follows is under a key.
    fn enter(&mut self, key: &str) -> usize;
    /// Is told the end of what [`Self::enter`] began.
    fn leave(&mut self, depth: usize);
    /// Is told a record whose product was found.
    fn record(
        &mut self,
        given: &Given<'_, '_>,
        rules: &Rules,
        told_by: ToldBy,
        written: &Result<Disposition, Fault<'_>>,
        out: &Outcome,
    );
    /// Is told a reject.
    fn reject(&mut self, fault: &Fault<'_>, reason: &str);
    /// What was noted.
    fn take(&mut self) -> Vec<Explained>;
}

/// What tells the product of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ToldBy {
    /// Its keys.
    Keys,
    /// What is in its columns.
    Columns,
}

/// How one record was read.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Explained {
    /// The offset of the element that held it in the input, in bytes.
    pub offset: u64,
    /// The record's own text, without the envelopes around it.
    pub text: String,
    /// The keys of the envelopes that it was under, the outermost first.
    pub under: Vec<String>,
    /// The product's id; empty where none was found.
    pub product: &'static str,
    /// Why it is of that product.
    pub why: String,
    /// Its values, in the order of the record.
    pub values: Vec<ExplainedValue>,
    /// What came of it.
    pub result: Explanation,
}

/// How one value was read.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ExplainedValue {
    /// The column's number from 1; 0 for a keyed record.
    pub column: usize,
    /// The key or the column's name.
    pub key: String,
    /// The value as it stands there.
    pub found: String,
    /// The field that it went to; `extra`, or `envelope` for the log service's own.
    pub field: String,
    /// What came out, as JSON; empty where nothing did.
    pub value: String,
    /// How it is read, and its unit.
    pub how: String,
}

/// What came of a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Explanation {
    /// The record as it goes out.
    Record(String),
    /// The filter dropped it.
    #[default]
    Filtered,
    /// It was rejected.
    Rejected {
        /// The kind of fault.
        code: RejectCode,
        /// The sentence.
        reason: String,
        /// Where the fault is in [`Explained::text`], in bytes.
        place: Option<Range<usize>>,
    },
}
