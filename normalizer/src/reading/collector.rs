//! Who takes records as they are, where they are not written.

use std::fmt;

use crate::{
    record::{fields::Record, owned::OwnedRecord},
    rules::compiled::Rules,
    wire::batch::Outcome,
};

/// Takes checked records in place of the encoder, if somebody asked for them. Guests have no such
/// collector, and so nothing of what one needs.
pub(crate) trait Collector: fmt::Debug + Send + Sync {
    /// Takes the next record of the outcome; false, and nothing taken, where the record would be
    /// longer than `most` bytes in the schema of the rules.
    fn take(&mut self, record: &Record<'_>, rules: &Rules, most: usize, out: &mut Outcome) -> bool;
    /// Is told that an element may hold several records, whose length together is bounded too.
    fn compound(&mut self, element: u32);
    /// Hands over what was taken.
    fn taken(&mut self) -> Vec<Taken>;
}

/// A record that was taken.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) record: OwnedRecord,
    /// The number of the element that held it.
    pub(crate) element: u32,
    /// How many bytes of rejects there were before it.
    pub(crate) rejects: usize,
}
