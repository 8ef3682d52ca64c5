//! How much time a thread has had on a processor. A guest's deadline counts that, so that a
//! machine that is busy with other things does not make a guest look slow.

use std::time::Duration;

#[cfg(unix)]
use rustix::time::{ClockId, clock_gettime};

/// The time of the thread that asks, since an event of the past.
#[cfg(not(unix))]
pub(crate) fn own() -> Duration {
    // Nobody tells its own, so the time that it waits counts, too.
    static BEGUN: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
    BEGUN.elapsed()
}

/// The time of the thread that asks, since an event of the past.
#[cfg(unix)]
pub(crate) fn own() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap_or(0), time.tv_nsec.try_into().unwrap_or(0))
}

/// A thread that is looked at by others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Thread {
    #[cfg(target_os = "linux")]
    id: rustix::thread::Pid,
    /// Its time when it was the one that asked.
    begun: Duration,
}

impl Thread {
    /// The thread that asks, from now on.
    pub(crate) fn current() -> Self {
        Self {
            #[cfg(target_os = "linux")]
            id: rustix::thread::gettid(),
            begun: own(),
        }
    }

    /// The time that it has had since, where the system tells that of another thread.
    #[cfg(target_os = "linux")]
    pub(crate) fn used(&self) -> Option<Duration> {
        // Its first number is the time in nanoseconds; where the system does not count, it is 0.
        let path = format!("/proc/self/task/{}/schedstat", self.id.as_raw_nonzero());
        let text = std::fs::read_to_string(path).ok()?;
        let time = Duration::from_nanos(text.split(' ').next()?.parse().ok()?);
        time.checked_sub(self.begun)
    }

    /// The time that it has had since: nobody can tell.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn used(&self) -> Option<Duration> {
        None
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_another_thread_is_its_own() {
        let (to, from) = crossbeam_channel::bounded(0);
        let (done, end) = crossbeam_channel::bounded::<()>(0);
        let other = std::thread::spawn(move || {
            let thread = Thread::current();
            let begun = own();
            while own() - begun < Duration::from_millis(50) {}
            // It waits here, so all of its time is counted.
            to.send((thread, own() - begun)).unwrap();
            let _ = end.recv();
        });
        let (thread, least) = from.recv().unwrap();
        assert!(thread.used().unwrap() >= Duration::from_millis(50));
        // What passes while it waits is not its time.
        let begun = own();
        while own() - begun < Duration::from_millis(100) {}
        assert!(thread.used().unwrap() < least + Duration::from_millis(50));
        drop(done);
        other.join().unwrap();
    }
}
