//! The word that it is time to end.

use tokio::sync::watch;

/// Tells everybody who has a [`Stop`] of it to end.
#[derive(Debug)]
pub struct Stopper(watch::Sender<bool>);

/// Whether it is time to end.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<bool>);

/// Both ends.
pub fn stop() -> (Stopper, Stop) {
    let (to, from) = watch::channel(false);
    (Stopper(to), Stop(from))
}

impl Stopper {
    /// Tells it. It can't be taken back.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Whether it was told; also where nobody can tell it any more.
    pub fn is_told(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    /// Waits until it is told, in a task. Ends at once where it was told before.
    pub async fn told(&self) {
        // An error means that nobody can tell it any more.
        let _ = self.0.clone().wait_for(|told| *told).await;
    }
}
