//! What one value means, wherever it stands.

pub(crate) mod addresses;
pub(crate) mod community_id;
pub(crate) mod double;
pub(crate) mod missing;
pub(crate) mod networks;
pub(crate) mod numbers;
pub(crate) mod protocols;
pub(crate) mod raw;
pub(crate) mod time;
pub mod words;
pub(crate) mod zone;
