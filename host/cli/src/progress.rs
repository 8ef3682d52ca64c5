//! The progress bar.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use indicatif::{ProgressBar, ProgressStyle};

/// Shows how much of the inputs was read, or nothing. Goes away when it is dropped.
pub(crate) struct Progress {
    says: Says,
    read: Arc<AtomicU64>,
}

/// Prints lines on standard error, above the bar if there is one.
#[derive(Clone)]
pub(crate) struct Says(Option<ProgressBar>);

impl Progress {
    /// A bar up to `total` bytes, as `read` grows; none without a total.
    pub(crate) fn new(total: Option<u64>, read: Arc<AtomicU64>) -> Self {
        let bar = total.map(|total| {
            let style = ProgressStyle::with_template(
                "{bar:40} {bytes} of {total_bytes} ({bytes_per_sec}, {eta} left)",
            );
            ProgressBar::new(total).with_style(style.expect("the template is well-formed"))
        });
        Self { says: Says(bar), read }
    }

    /// Moves the bar to where reading is.
    pub(crate) fn update(&self) {
        if let Some(bar) = &self.says.0 {
            bar.set_position(self.read.load(Ordering::Relaxed));
        }
    }

    /// What prints beside it, also from other threads.
    pub(crate) fn says(&self) -> &Says {
        &self.says
    }
}

impl Says {
    pub(crate) fn say(&self, text: &str) {
        match &self.0 {
            Some(bar) => bar.suspend(|| weir_io::say(text)),
            None => weir_io::say(text),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.says.0 {
            bar.finish_and_clear();
        }
    }
}
