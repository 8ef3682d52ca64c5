//! The IO plane: the one runtime of everything that speaks HTTP. Who has only files never
//! starts it.

use std::sync::{Arc, OnceLock};

use tokio::runtime::{Builder, Handle, Runtime};

use crate::error::Error;

/// The runtime, which the first who asks for it starts.
#[derive(Clone, Debug, Default)]
pub struct Plane(Arc<OnceLock<Runtime>>);

impl Plane {
    /// Threads of the runtime: it carries bytes, and computes little.
    const THREADS: usize = 2;

    /// The runtime.
    pub fn handle(&self) -> Result<Handle, Error> {
        if let Some(runtime) = self.0.get() {
            return Ok(runtime.handle().clone());
        }
        let made = Builder::new_multi_thread()
            .worker_threads(Self::THREADS)
            .thread_name("io")
            .enable_all()
            .build()
            .map_err(|e| Error::failed(format!("can't start the threads for HTTP: {e}")))?;
        // Where another was faster, this one has nothing to do and ends.
        Ok(self.0.get_or_init(|| made).handle().clone())
    }
}
