//! Turns flow logs of Huawei Cloud, Alibaba Cloud and Baidu AI Cloud into one schema.
//!
//! Pure: bytes in, bytes out; no IO, clock, environment, logging or threads. The same
//! source runs natively and inside every guest.

pub mod batch;
mod columns;
mod community_id;
mod config;
mod convert;
mod direct;
mod double;
mod encode;
mod envelopes;
mod error;
pub mod explain;
mod fault;
mod fill;
pub mod filter;
pub mod framing;
mod json;
mod layout;
pub mod limits;
pub mod meaning;
mod nearest;
mod networks;
mod normalizer;
mod outline;
mod output;
mod plan;
pub mod products;
pub mod record;
mod redaction;
mod rules;
mod scan;
pub mod schema;
pub mod schemas;
mod sort;
mod source;
mod spellings;
mod stream;
mod time;
pub mod vocabulary;

pub use config::{Config, Zone};
pub use error::Error;
pub use normalizer::{
    Normalizer,
    event::{EventConfig, Events},
};
pub use output::Output;
pub use stream::Stream;
