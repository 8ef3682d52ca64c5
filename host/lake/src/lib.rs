//! Batch jobs over any number of files: a table in a folder or a bucket, made in one piece or many.
//!
//! A job lists its inputs, and groups them into *shards*: a [`Plan`], which depends on nothing but the
//! inputs and the options. A shard makes the same objects, byte for byte and by the same names, whenever
//! it is repeated. So a job that is killed is begun again where its manifests say, and what an attempt
//! left behind is written over; no store has to promise anything for that.
//!
//! ```text
//!  inputs ─▶ Plan ─▶ shard ─▶ records ─▶ Router ─▶ Files ─▶ objects, rejects ─▶ manifest of the shard
//!                                                                                  └ last: of the plan
//! ```
//!
//! Nothing here normalizes, or knows where objects are: see [`Objects`].

pub mod ddl;
mod error;
mod files;
pub mod format;
mod hive;
mod lake;
pub mod limits;
mod look;
pub mod manifest;
mod objects;
pub mod paths;
pub mod plan;
mod router;
mod shard;
mod verify;

pub use error::{Error, ErrorKind};
pub use files::Written;
pub use format::Format;
pub use hive::{Key, Partitioning};
pub use lake::{Lake, State};
pub use look::{Looker, Partition};
pub use objects::{Objects, Sum, sha256};
pub use plan::{Input, Plan, Share};
pub use shard::{Rejects, ShardWriter};
pub use verify::Found;
