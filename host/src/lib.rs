//! The host: the only place with input, output, threads and a clock. It frames inputs,
//! has them normalized in a sandbox, and accounts for every record and byte.

pub mod bake;
pub mod commands;
pub mod engine;
pub mod error;
pub mod input;
pub mod limits;
pub mod otel;
pub mod pipeline;
mod printable;
mod progress;
pub mod rejects;
pub mod streams;
pub mod summary;
pub mod zone;
