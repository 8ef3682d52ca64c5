//! Programs in VRL, the language of Vector, that read the text lines of one product as this crate does:
//! for who can't run another process beside Vector.
//!
//! A program is made of the plan by which lines are read here, and of the tree of the filter, so that
//! no list of fields stands twice. What a program can't do like this crate is refused when it is made;
//! what a line has that a program can't read aborts, and is nothing else than a reject.

mod filter;
mod program;
mod quoting;
mod refusal;
mod values;

pub use program::{is_program, program};
