//! What the tests of stores share.

pub(crate) mod contract;
pub(crate) mod moto;
pub(crate) mod vendor;
