//! What is known about the clouds, as data: products, envelopes, keys.

pub(crate) mod detection;
pub(crate) mod envelopes;
pub(crate) mod hint;
pub(crate) mod keys;
pub mod meaning;
pub(crate) mod meanings;
pub(crate) mod product;
pub mod products;
