//! The fast paths: how records that are written as they nearly always are become flat records without
//! being taken apart first.
//!
//! # The contract
//!
//! A fast path is given a text that may be a record, and `tail`, the bytes of the batch from the text
//! on. It either appends exactly the bytes that the reference path (`reading/`) appends for this text,
//! and says so, or it appends nothing, and the reference path is asked. So
//!
//! - a fast path may refuse any record, for any reason; it never rejects one;
//! - it never guesses: whatever it accepts it has checked, byte for byte, in this record;
//! - what it has learned from other records may make it faster, and never changes what comes out;
//! - it reads past the end of the text only to load whole blocks, and looks at no byte there;
//! - it does not allocate.
//!
//! Each can be turned off by its name in `rules/ways.rs`; `tests/ways.rs` holds each, alone and with
//! the others, against the reference path.
//!
//! # An example
//!
//! `{"srcport":"443","action":"ACCEPT"}` is the third object of its kind in a stream.
//!
//! 1. At the first, [`plans`] found no plan for the keys `srcport`, `action`. The planner made one:
//!    which product, and for each member the entry of its table. The reference path wrote the record.
//! 2. At the second the keys were met again, so the fast paths were prepared: [`outline`] keeps
//!    `{"srcport":` and `,"action":` as they stand; [`program`] keeps the start of the flat record and
//!    for each field what is checked: at most 65535, one of these words.
//! 3. At the third, the outline compares the keys with the text and finds the places of `443` and
//!    `ACCEPT` without reading the JSON. The program checks that `443` are digits without a leading
//!    zero, and copies sixteen bytes from there into the output behind `"src_port":`; the next member is
//!    written over what is too much. `ACCEPT` is looked up, and `"accept"` is written.
//! 4. A fourth object has `"srcport":"0443"`. The program refuses it, the output is as before, and the
//!    reference path reads 443 and writes what it always writes for that.
//!
//! [`chunk`] has the checks of one value; [`lines`] does the same for text lines whose columns are known
//! when Weir is compiled, as one function for each product.

pub(crate) mod chunk;
pub(crate) mod lines;
pub(crate) mod outline;
pub(crate) mod plans;
pub(crate) mod program;
