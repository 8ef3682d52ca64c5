//! What a guest can do wrong.

use std::fmt;

use crate::limits;

/// Why a guest was stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It stopped itself: unreachable code, an address outside its memory, a deep recursion.
    Trap(String),
    /// It ran past its deadline.
    Timeout,
    /// It asked for more memory than it may have, and could not go on.
    Memory { limit: usize },
    /// The system has no room for it.
    Setup(String),
    /// It does not take its configuration, in its own words.
    Configuration(String),
    /// What it answered can't be true.
    Reply(String),
}

impl Fault {
    pub(crate) fn reply(message: impl Into<String>) -> Self {
        Self::Reply(message.into())
    }

    /// The reason code that a record is rejected with.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            // No record is to blame for the latter, and none is rejected with it.
            Self::Trap(_) | Self::Setup(_) => "guest-trap",
            Self::Timeout => "guest-timeout",
            Self::Memory { .. } => "guest-memory",
            Self::Configuration(_) => "guest-configuration",
            Self::Reply(_) => "guest-reply",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trap(trap) => write!(f, "the guest trapped: {trap}"),
            Self::Timeout => f.write_str("the guest ran past its deadline"),
            Self::Memory { limit } => {
                write!(f, "the guest needed more memory than its {} MiB", limit >> 20)
            }
            Self::Setup(why) => write!(
                f,
                "{why}; each job takes {} GiB of address space, though little memory: allow that \
                 (`ulimit -v`), run fewer jobs, or use `--native`",
                (2 * limits::GUEST_ADDRESSES) >> 30
            ),
            Self::Configuration(message) => f.write_str(message),
            Self::Reply(what) => write!(f, "the guest's reply can't be true: {what}"),
        }
    }
}
