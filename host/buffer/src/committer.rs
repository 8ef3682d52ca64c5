//! The thread that makes pages durable in time.

use std::{
    io,
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::{
    disk::Disk,
    error::Error,
    queue::{Queue, Sequence},
};

/// What one commit did.
#[derive(Debug)]
pub struct Commit {
    /// Pages up to this one are durable, but those of commits that failed; or why these are not.
    pub result: Result<Sequence, Error>,
    /// How long the disk took.
    pub took: Duration,
}

/// Commits a queue's pages in groups, until it is dropped; it closes the queue then.
pub struct Committer<D: Disk> {
    queue: Arc<Queue<D>>,
    thread: Option<JoinHandle<()>>,
}

impl<D: Disk> Committer<D> {
    /// Starts the thread, which tells of each commit; what it calls should not wait.
    pub fn start(queue: Arc<Queue<D>>, mut tell: impl FnMut(Commit) + Send + 'static) -> io::Result<Self> {
        let of_thread = Arc::clone(&queue);
        let thread = thread::Builder::new().name("buffer".into()).spawn(move || {
            while of_thread.wait_for_work() {
                let start = Instant::now();
                let result = of_thread.commit();
                tell(Commit { result, took: start.elapsed() });
            }
            // Pages that were appended before the queue was closed.
            let start = Instant::now();
            let result = of_thread.commit();
            tell(Commit { result, took: start.elapsed() });
        })?;
        Ok(Self { queue, thread: Some(thread) })
    }
}

impl<D: Disk> Drop for Committer<D> {
    fn drop(&mut self) {
        // What is wrong with the disk is told by the thread's last commit, too.
        let _ = self.queue.close();
        if let Some(thread) = self.thread.take() {
            // It panics only where `tell` does, which was reported.
            let _ = thread.join();
        }
    }
}

impl<D: Disk> std::fmt::Debug for Committer<D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Committer").field("queue", &self.queue).finish_non_exhaustive()
    }
}
