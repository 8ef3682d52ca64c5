//! The sandbox: guests in wasmtime. A guest gets batches and nothing else; whatever it does, it
//! is stopped in time, and nothing it says is believed unchecked.

mod bake;
mod clock;
mod deadline;
mod epoch_stopper;
mod error;
mod fault;
pub mod fingerprint;
mod guest;
mod instance;
pub mod limits;
mod poll_stopper;
mod polls;
mod program;
mod reply;
mod stopper;
mod thread_time;

pub use bake::{Agent, bake, show};
pub use clock::Clock;
pub use deadline::{Stoppable, Stopped, Watched};
pub use error::Error;
pub use limits::SandboxLimits;
pub use program::{ABI_VERSION, Program, is_loadable, precompile, settings};
pub use stopper::StoppedBy;
