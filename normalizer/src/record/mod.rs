//! The flat record, and what can be wrong with one.

pub(crate) mod fault;
pub(crate) mod fields;
pub mod schema;

pub use fields::{Field, FieldType, Raw, RawKind, Record, Value};
