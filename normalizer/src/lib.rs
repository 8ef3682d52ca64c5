//! Flow logs of Huawei Cloud, Alibaba Cloud, Baidu AI Cloud and AWS as records of one schema.
//!
//! The clouds write what passed their networks, gateways and firewalls as text lines, as JSON, and
//! inside of the envelopes of their log services. This crate finds the records, tells which product
//! wrote each, checks every value, and gives them as values or as JSON in one of four
//! [schemas](schemas::Schema). A record in is a record that comes out, one that the filter dropped, or
//! a reject that says what is wrong, where, and what to do.
//!
//! ```
//! use weir_normalizer::{Config, Normalizer};
//!
//! let log = b"2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 20641 22 6 20 4249 \
//!     1418530010 1418530070 ACCEPT OK
//! 2 123456789010 eni-1235b8ca123456789 172.31.9.69 172.31.9.12 49761 93389 6 20 4249 \
//!     1418530010 1418530070 REJECT OK
//! ";
//! let config = Config::builder().filter("bytes > 1kB").build();
//! let mut normalizer = Normalizer::new(&config)?;
//! let mut json = Vec::new();
//! for result in normalizer.records(log) {
//!     match result {
//!         Ok(record) => {
//!             assert_eq!((record.provider(), record.product()), (Some("aws"), Some("vpc")));
//!             assert_eq!((record.dst_port(), record.bytes()), (Some(22), Some(4249)));
//!             record.write_json(&mut json);
//!         }
//!         Err(rejected) => {
//!             assert_eq!(rejected.code().as_str(), "number");
//!             assert_eq!(rejected.field(), Some("dstport"));
//!             assert_eq!(rejected.place().line, 2);
//!         }
//!     }
//! }
//! assert!(json.starts_with(br#"{"provider":"aws","product":"vpc","kind":"flow","start_ms":"#));
//! # Ok::<(), weir_normalizer::Error>(())
//! ```
//!
//! - [`Normalizer::records`] reads a whole input into [`OwnedRecord`]s and [`Rejected`]s.
//! - [`Stream`] takes an input in pieces and writes JSON lines, without allocating for each record; or it
//!   gives [records](Stream::push_records).
//! - [`Events`] takes JSON objects one at a time, as log agents hand them over.
//! - [`Config`] has what is done with records: the [filter](Config::filter), what is dropped and
//!   masked, the schema, and the product or the columns where they are not to be detected.
//! - [`explain`] says how records were read, for people; [`products`] has all formats, a table each.
//!
//! It is pure: bytes in, bytes out; no IO, clock, environment, logging or threads, and no `unsafe`. The
//! same source runs natively and in WebAssembly. Whatever the input is, memory and time are bounded;
//! [`limits`] has by what.
//!
//! # Words
//!
//! What the names in this crate mean, in the order in which an input meets them.
//!
//! - **Framing** finds where one record ends and the next begins; what it passes over, separators and
//!   brackets and header rows, is framing, too.
//! - An **element** is a piece of the input that holds one record, or several where it is wrapped: a
//!   line, a JSON document, or an item of an envelope's array.
//! - An **envelope** is JSON around records, with what a log service or an API says about them.
//! - A **context** is what stands around an element: its envelope without the records, or the header
//!   row above it.
//! - A **layout** is the order of the columns in text lines, and what stands between them.
//! - A **batch** is a contiguous window of the input with its elements and their contexts, all that is
//!   needed to normalize it anywhere.
//! - **Peeling** takes an element apart until a record is found, or nothing is.
//! - A **payload** is a value of an envelope that is, or holds, the record: a line of text in
//!   `content`, an object in `message`.
//! - A **hint** is what the topic of a log says about the product of its records.
//! - A **product** is a kind of record that one product of one cloud writes, and its table.
//! - An **entry** is a line of that table: a key in all its spellings, and where its value goes.
//! - A **field** is a place in the flat record; what has none goes to **extra**, as it came.
//! - A **plan** says, for a sequence of keys, which product it is and what is done with each value; it
//!   is a decision, and learns nothing.
//! - The **reference path** reads a record by its plan, value by value, into a record that is then
//!   written; what it does is right by definition.
//! - A **fast path** writes a record without that: the same bytes, or nothing.
//! - A **program** is a plan made into checks and copies, for values that are written the way they go
//!   out.
//! - An **outline** is what an object is expected to look like after those before it, so that it is
//!   compared and not read.
//! - A **frame** is a record of a rich schema after which others with the same fields and words are
//!   written.
//! - A **reject** is a record that can't be read, with its **code**, the sentence that is its reason, and
//!   its bytes; what is wrong with it is a **fault**.
//! - The **rules** are the configuration, compiled: what is done with a record between its fields and its
//!   output.

mod base;
mod bytes;
mod catalog;
mod engine;
mod fast;
pub mod framing;
mod json;
mod reading;
pub mod record;
mod rules;
pub mod schemas;
mod value;
pub mod vrl;
mod wire;

pub use base::{
    error::{Error, ErrorKind},
    limits,
    place::Place,
};
pub use catalog::{meaning, products};
pub use engine::{
    event::Events,
    explain,
    normalizer::Normalizer,
    records::{Records, Rejected},
    stream::{Stream, StreamRecords},
};
pub use json::output::Output;
pub use record::schema;
#[doc(inline)]
pub use record::{OwnedRecord, RejectCode};
#[doc(hidden)]
pub use rules::ways::Ways;
pub use rules::{
    config::{Config, ConfigBuilder, EventConfig, EventConfigBuilder},
    filter,
};
pub use value::{words, zone::Zone};
pub use wire::batch;

/// The example of the README, which is tried like those of this crate.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
