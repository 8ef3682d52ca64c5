//! The long-running host: sources, pipelines, sinks, and what makes them lose nothing.
//!
//! A source's records become pages; each page goes to every sink of its pipeline, and is done
//! when all of them have it for good. Only then is its place in the source left behind.

pub mod alarm;
pub mod budget;
mod buffered;
pub mod config;
pub mod error;
mod feed;
pub mod health;
mod kafka;
pub mod metrics;
mod operation;
mod outlet;
pub mod page;
pub mod plane;
pub mod receipt;
mod route;
mod runner;
mod seldom;
pub mod service;
pub mod sinks;
pub mod sources;
pub mod state;
pub mod stop;
mod store;
pub mod tracker;
mod worker;
