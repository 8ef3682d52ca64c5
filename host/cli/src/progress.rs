//! The progress bar.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use indicatif::{ProgressBar, ProgressStyle};

/// Shows how much of the inputs was read, or nothing.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    read: Arc<AtomicU64>,
}

impl Progress {
    /// A bar up to `total` bytes, as `read` grows; none without a total.
    pub(crate) fn new(total: Option<u64>, read: Arc<AtomicU64>) -> Self {
        let bar = total.map(|total| {
            let style = ProgressStyle::with_template(
                "{bar:40} {bytes} of {total_bytes} ({bytes_per_sec}, {eta} left)",
            );
            ProgressBar::new(total).with_style(style.expect("the template is well-formed"))
        });
        Self { bar, read }
    }

    /// Moves the bar to where reading is.
    pub(crate) fn update(&self) {
        if let Some(bar) = &self.bar {
            bar.set_position(self.read.load(Ordering::Relaxed));
        }
    }

    /// Prints lines on standard error, above the bar.
    pub(crate) fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| weir_io::say(text)),
            None => weir_io::say(text),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
