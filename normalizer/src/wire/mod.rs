//! What crosses between a host and whoever normalizes.

pub mod batch;
