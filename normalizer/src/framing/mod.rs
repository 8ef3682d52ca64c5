//! Where one record ends and the next begins.
//!
//! **Not stable**: it is for hosts, which frame an input once and normalize its batches in many
//! places. [`Stream`](crate::Stream) does both.

pub(crate) mod columns;
pub(crate) mod framer;
pub(crate) mod keys;
pub(crate) mod layout;
mod payloads;

pub use crate::wire::framing_fault::FramingFault;
pub use framer::{Framer, Restart};
