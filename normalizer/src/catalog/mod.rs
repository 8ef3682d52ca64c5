//! What is known about the clouds, as data.

pub(crate) mod envelopes;
pub mod meaning;
pub mod products;
