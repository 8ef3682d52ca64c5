//! Records as columns: Arrow arrays and Parquet files.
//!
//! Records come as the JSON lines that an engine wrote, as all that is known of a record has passed the
//! engine's checks there. [`Rows`] reads them: it expects the keys of the record before, and takes
//! the long way wherever it is mistaken, so that it is right for whatever a guest may write.
//! [`parquet::Parquet`] and [`arrow::Stream`] are packers of what it reads; the former has OCSF events,
//! too.

pub mod arrow;
mod column;
mod error;
mod layout;
mod line;
pub mod ocsf;
pub mod parquet;
mod rows;
mod scan;

pub use self::{
    error::Error,
    layout::{Addresses, ColumnType, Layout},
    rows::{BATCH_ROWS, Rows},
};
