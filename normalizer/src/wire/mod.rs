//! What crosses between a host and whoever normalizes.

pub mod batch;
pub(crate) mod framing_fault;
