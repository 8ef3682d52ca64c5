//! What the benches share: records like real ones, and the stages that records go through.

pub mod networks;
pub mod random;
pub mod records;
pub mod stages;
pub mod table;
