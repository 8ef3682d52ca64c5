//! Turns flow logs of Huawei Cloud, Alibaba Cloud and Baidu AI Cloud into one schema.
//!
//! Pure: bytes in, bytes out; no IO, clock, environment, logging or threads. The same
//! source runs natively and inside every guest.

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
mod wire;

pub use base::{error::Error, limits, place::Place};
pub use catalog::{meaning, products};
pub use engine::{
    event::Events,
    explain,
    normalizer::Normalizer,
    records::{Records, Rejected},
    stream::Stream,
};
pub use json::output::Output;
pub use record::{OwnedRecord, RejectCode, schema};
#[doc(hidden)]
pub use rules::ways::Ways;
pub use rules::{
    config::{Config, EventConfig},
    filter,
};
pub use value::{words, zone::Zone};
pub use wire::batch;

/// The example of the README, which is tried like those of this crate.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
