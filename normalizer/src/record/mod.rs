//! The flat record, and what can be wrong with one.

pub(crate) mod fault;
pub(crate) mod fields;
pub(crate) mod owned;
pub mod schema;

pub use crate::value::raw::{Raw, RawKind};
pub use fault::RejectCode;
pub use fields::{Field, FieldType, Record, Value};
pub use owned::OwnedRecord;
