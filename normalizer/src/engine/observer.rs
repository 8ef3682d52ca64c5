//! Who is told how records are read.

use crate::{
    engine::explain::Explained,
    reading::fill::{Disposition, Given},
    record::fault::Fault,
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
