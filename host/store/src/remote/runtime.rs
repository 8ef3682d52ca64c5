//! The runtime of the client, which callers that block wait for.

use std::{pin::pin, sync::OnceLock, time::Duration};

use tokio::{
    runtime::{Builder, Runtime},
    time::timeout,
};

use super::Name;
use crate::{Error, Kind, Options};

/// Threads that carry bytes, for all stores of the process.
const THREADS: usize = 2;

/// How often somebody who waits asks whether it is time to stop.
const ASKED: Duration = Duration::from_millis(50);

/// The one of the process; it is started by who asks first.
pub(super) fn runtime() -> Result<&'static Runtime, Error> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let built = Builder::new_multi_thread().worker_threads(THREADS).thread_name("store").enable_all().build();
    match built {
        // Where another thread was faster, this one ends again.
        Ok(runtime) => Ok(RUNTIME.get_or_init(|| runtime)),
        Err(e) => Err(Error::new(
            Kind::Other,
            format!("can't start the threads that speak to a store: {e}; raise the limit of processes"),
        )
        .with_source(e)),
    }
}

/// Waits for something of the runtime, unless it is told to stop.
pub(super) fn wait<T>(options: &Options, name: Name<'_>, what: impl Future<Output = T>) -> Result<T, Error> {
    let runtime = runtime()?;
    let Some(is_told) = &options.stop else { return Ok(runtime.block_on(what)) };
    runtime.block_on(async {
        let mut what = pin!(what);
        loop {
            match timeout(ASKED, what.as_mut()).await {
                Ok(done) => return Ok(done),
                Err(_) if is_told() => return Err(Error::stopped(&name.to_string())),
                Err(_) => {}
            }
        }
    })
}
