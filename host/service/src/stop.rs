//! The word that it is time to end.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::watch;

/// Tells everybody who has a [`Stop`] of it to end.
#[derive(Debug)]
pub struct Stopper {
    tasks: watch::Sender<bool>,
    threads: Arc<Word>,
}

/// Whether it is time to end.
#[derive(Clone, Debug)]
pub struct Stop {
    tasks: watch::Receiver<bool>,
    threads: Arc<Word>,
}

#[derive(Debug, Default)]
struct Word {
    is_told: Mutex<bool>,
    told: Condvar,
}

/// Both ends.
pub fn stop() -> (Stopper, Stop) {
    let (to, from) = watch::channel(false);
    let word = Arc::new(Word::default());
    (Stopper { tasks: to, threads: Arc::clone(&word) }, Stop { tasks: from, threads: word })
}

impl Stopper {
    /// Tells it. It can't be taken back.
    pub fn stop(&self) {
        *self.threads.is_told.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.threads.told.notify_all();
        self.tasks.send_replace(true);
    }
}

impl Drop for Stopper {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Stop {
    /// Whether it was told; also where nobody can tell it any more.
    pub fn is_told(&self) -> bool {
        *self.threads.is_told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it is told, in a task. Ends at once where it was told before.
    pub async fn told(&self) {
        // An error means that nobody can tell it any more.
        let _ = self.tasks.clone().wait_for(|told| *told).await;
    }

    /// Waits until it is told, in a thread, but no longer than this. Gives whether it was told.
    pub fn wait(&self, most: Duration) -> bool {
        let until = Instant::now() + most;
        let mut is_told = self.threads.is_told.lock().unwrap_or_else(PoisonError::into_inner);
        while !*is_told {
            let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
            else {
                return false;
            };
            is_told = self.threads.told.wait_timeout(is_told, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_is_told_once_and_for_all() {
        let (stopper, told) = stop();
        assert!(!told.is_told() && !told.wait(Duration::ZERO));
        let waiting = std::thread::spawn({
            let told = told.clone();
            move || told.wait(Duration::from_secs(60))
        });
        stopper.stop();
        assert!(waiting.join().unwrap() && told.is_told() && told.wait(Duration::ZERO));
        let (stopper, told) = stop();
        drop(stopper);
        assert!(told.is_told());
    }
}
