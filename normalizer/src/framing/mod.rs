//! Where one record ends and the next begins.

pub(crate) mod columns;
pub(crate) mod framer;
mod keys;
pub(crate) mod layout;

pub use crate::wire::framing_fault::FramingFault;
pub use framer::{Framer, Restart};
