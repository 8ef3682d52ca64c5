//! What one value means, wherever it stands.

pub(crate) mod community_id;
pub(crate) mod convert;
pub(crate) mod double;
pub(crate) mod networks;
pub(crate) mod time;
pub mod vocabulary;
