//! Where one record ends and the next begins.

pub(crate) mod framer;
mod keys;
pub(crate) mod layout;

pub use framer::{Framer, FramingFault};
