//! How guests are stopped: what those who stop one have to do.

use wasmtime::{Instance, Store};

use crate::clock::Run;

/// How a guest is stopped at its deadline. Both give the same results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoppedBy {
    /// By polls in its code, which the clock makes trap. This costs the guest least, and rests on
    /// what wasmtime does not promise; see `poll_stopper.rs`.
    #[default]
    Polls,
    /// By wasmtime's own epochs: its code compares a counter with a deadline.
    Epochs,
}

/// Stops the guest of one store.
pub(crate) trait Stopper<T>: Send {
    /// The one instance of the store is made; none of its functions has run but, where the
    /// compiler leaves it to wasmtime, its start function.
    fn instantiated(&mut self, store: &mut Store<T>, instance: Instance) -> wasmtime::Result<()>;

    /// From now on the guest may use what this allows.
    fn begin(&mut self, store: &mut Store<T>, run: Run);

    /// It came to its end, or was stopped: whether the latter. Once it was, it always is.
    fn end(&mut self) -> bool;

    /// The store is about to be dropped.
    fn forget(&mut self);
}
