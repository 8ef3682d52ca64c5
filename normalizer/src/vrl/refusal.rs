//! Why something is not written in VRL.

use crate::base::error::{Error, ErrorKind};

/// What can't be done, and what can be done instead.
pub(super) fn refused(why: &str) -> Error {
    Error::new(
        ErrorKind::Configuration,
        format!(
            "no program in VRL can do this: {why}; or let `weir run` send to Vector's source `http_server`"
        ),
    )
}
