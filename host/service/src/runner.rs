//! The thread of a sink.

use std::{
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use crate::{error::Error, outlet::Job, sinks::Sink};

/// How often a sink makes durable what it has.
const SYNC: Duration = Duration::from_secs(1);

/// Makes a sink where it works; `None` where it is time to end instead.
pub(crate) type Make = Box<dyn FnOnce() -> Option<Box<dyn Sink>> + Send>;

/// Starts the thread of a sink. It ends when it is told that no more pages come; what is given is
/// closed then, and nothing is sent.
pub(crate) fn start(
    name: &str,
    make: Make,
    queue: Receiver<Job>,
    sync: Duration,
) -> Result<Receiver<()>, Error> {
    let failed = |e| Error::failed(format!("can't start the thread of the sink {name}: {e}"));
    let sync = sync.min(SYNC);
    let (to, ends) = bounded(0);
    let body = move || {
        let _ends: Sender<()> = to;
        // Without it, what waits is dropped, which gives it back.
        if let Some(sink) = make() {
            run(sink, &queue, sync);
        }
    };
    thread::Builder::new().name(format!("sink {name}")).spawn(body).map_err(failed)?;
    Ok(ends)
}

fn run(mut sink: Box<dyn Sink>, queue: &Receiver<Job>, sync: Duration) {
    let mut due = Instant::now() + sync;
    let mut is_awaited = false;
    loop {
        let job = queue.recv_deadline(due);
        match job {
            Ok(Job::Take(delivery)) => {
                is_awaited |= delivery.page.is_awaited();
                sink.take(delivery);
            }
            Ok(Job::Flush) => sink.flush(),
            Ok(Job::Close) | Err(RecvTimeoutError::Disconnected) => return sink.close(),
            Err(RecvTimeoutError::Timeout) => {}
        }
        // Those that wait together are made durable together.
        if is_awaited && queue.is_empty() || Instant::now() >= due {
            sink.sync();
            is_awaited = false;
            due = Instant::now() + sync;
        }
    }
}
