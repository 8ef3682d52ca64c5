//! A queue of pages on disk, for one sink.
//!
//! Who appends a page may tell its source that the page is safe as soon as it is durable; who
//! reads pages acknowledges each when its destination has it. In between the page survives crashes
//! of the process and of the machine.
//!
//! **Files.** A queue is a folder. Segments are ordinary `.zst` files: `zstd -dc` prints the
//! records of one. Each page is a skippable frame, which says the page's sequence, lengths and
//! checksum and carries what the caller keeps beside the records, then a frame with the records.
//! `progress` has what is acknowledged; without it pages come again, and nothing else happens.
//! `*.bad` are bytes that could not be read as pages, for people.
//!
//! **Faults.** A page is durable after one `fdatasync` of its segment and, for a new segment, one
//! `fsync` of the folder; many pages share one commit. Only what was not durable can be torn by a
//! crash, and is cut off. A damaged page costs that page, which is counted. A full disk or a reached
//! limit refuses pages until acknowledged segments are deleted, which needs no room. Segments are
//! never appended to after a restart.
//!
//! **Threads.** All methods take `&self` and block. [`Queue::append`] may be called by many threads;
//! pages are compressed in the caller's. [`Queue::commit`] makes everything appended durable;
//! [`Committer`] is the thread that calls it in time. [`Queue::next`] is for one reader at a time,
//! others wait. [`Queue::acknowledge`] may be called by any thread, in any order.
//! [`Queue::save_progress`] is for a thread that has a clock; each second is usual. No lock is held
//! during a sync of the disk that appending or acknowledging needs.

mod check;
mod committer;
mod disk;
mod error;
mod frame;
mod progress;
mod quarantine;
mod queue;
mod segment;

pub use check::{Damage, Report, check};
pub use committer::{Commit, Committer};
pub use disk::{Disk, DiskFile, Entry, Folder};
pub use error::{Error, Kind};
pub use frame::{MAX_META, MAX_PAGE};
pub use queue::{Options, Page, Queue, Sequence, Stats};
