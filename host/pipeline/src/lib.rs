//! From batches to records, whoever normalizes them: the trait of engines, the engine without a
//! sandbox, workers that are fed by several sources, lanes that keep the order of each, how rejects
//! are told, packers of formats that are more than lines, and the account of every record and byte.
//!
//! Nothing here reads or writes a file, knows a sandbox or a command line. A run over one input:
//!
//! ```
//! use std::{sync::Arc, thread};
//!
//! use weir_normalizer::{Config, framing::Framer};
//! use weir_pipeline::{Error, LaneOptions, Native, Stream, Workers};
//!
//! const INPUT: &[u8] = b"2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 20641 22 6 20 \
//!     4249 1418530010 1418530070 ACCEPT OK\nodd\n";
//! let config = Config::default();
//! let mut framer = Framer::new(&config)?;
//! let workers = Workers::start(Arc::new(Native(config)), 2)?;
//! let (mut lane, outlet) = workers.lane(LaneOptions::default());
//! let mut feeder = workers.feeder()?;
//!
//! // A thread for each source: it reads, frames and feeds.
//! let source = thread::spawn(move || {
//!     let stream = Stream { id: 0, name: "flow.log".into() };
//!     framer.push(INPUT);
//!     framer.finish();
//!     feeder.feed_from(&mut framer, &mut lane, &stream)?;
//!     feeder.finish();
//!     Ok::<(), Error>(())
//! });
//!
//! // A consumer for each lane.
//! while let Some(turn) = outlet.next() {
//!     let made = turn.whole(&outlet)?;
//!     made.end.result?;
//!     assert_eq!(made.records.iter().filter(|b| **b == b'\n').count(), 1);
//!     assert_eq!(made.end.summary.records.rejected, 1);
//!     // When the records are kept for good, so is the stream up to here.
//!     assert_eq!(made.origin.end, INPUT.len() as u64);
//! }
//! source.join().expect("it does not panic")?;
//! workers.finish()?;
//! # Ok::<(), Error>(())
//! ```

pub mod csv;
mod delivery;
mod engine;
mod error;
pub mod lane;
mod limit;
pub mod limits;
mod native;
mod outputs;
pub mod packers;
pub mod rejects;
pub mod summary;
mod workers;

pub use engine::{Engine, Factory, Failures, Reply};
pub use error::{Error, ErrorKind};
pub use lane::{End, Heard, Lane, LaneOptions, Made, Next, Origin, Outlet, Part, RejectsAs, Stream, Turn};
pub use limit::Limit;
pub use native::Native;
pub use workers::{Feeder, Workers, spawn};
