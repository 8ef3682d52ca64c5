//! What only ends with the process: a reader that went away, an engine that can't be started.

use crossbeam_channel::{Receiver, Sender, bounded};

/// Where a part says that the process can't go on.
#[derive(Clone, Debug)]
pub struct Alarm(Sender<String>);

/// Both ends. The first alarm counts.
pub fn alarm() -> (Alarm, Receiver<String>) {
    let (to, from) = bounded(1);
    (Alarm(to), from)
}

impl Alarm {
    /// Says that the process can't go on, and why. It drains what it can, and ends as failed.
    pub fn ring(&self, why: &str) {
        // Where one rang before, this process ends anyway.
        let _ = self.0.try_send(why.to_owned());
    }
}
