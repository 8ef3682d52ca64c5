//! The progress bar.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use indicatif::{ProgressBar, ProgressStyle};

/// Shows how much of the inputs was read, or nothing; several runs may share one. Goes away when the last
/// of its copies is dropped.
#[derive(Clone)]
pub struct Progress(Arc<Shown>);

struct Shown {
    says: Says,
    /// What the bar goes towards, which grows as inputs are read.
    read: Arc<AtomicU64>,
}

/// Prints lines on standard error, above the bar if there is one.
#[derive(Clone)]
pub(crate) struct Says(Option<ProgressBar>);

impl Progress {
    /// No bar.
    pub fn none() -> Self {
        Self::of(None)
    }

    /// A bar up to so many bytes.
    pub fn bar(total: u64) -> Self {
        Self::of(Some((total, "{bar:40} {bytes} of {total_bytes} ({bytes_per_sec}, {eta} left)")))
    }

    /// A bar up to so many bytes, with a message beside it.
    pub(crate) fn bar_with_message(total: u64) -> Self {
        Self::of(Some((total, "{bar:30} {bytes} of {total_bytes}, {msg} ({bytes_per_sec}, {eta} left)")))
    }

    fn of(bar: Option<(u64, &str)>) -> Self {
        let bar = bar.map(|(total, template)| {
            let style = ProgressStyle::with_template(template);
            ProgressBar::new(total).with_style(style.expect("the template is well-formed"))
        });
        Self(Arc::new(Shown { says: Says(bar), read: Arc::default() }))
    }

    /// What grows as inputs are read.
    pub(crate) fn read(&self) -> &Arc<AtomicU64> {
        &self.0.read
    }

    /// Moves the bar to where reading is.
    pub(crate) fn update(&self) {
        if let Some(bar) = &self.0.says.0 {
            bar.set_position(self.0.read.load(Ordering::Relaxed));
        }
    }

    /// Says something beside the bar, which is made only where there is one.
    pub(crate) fn tell(&self, message: impl FnOnce() -> String) {
        if let Some(bar) = &self.0.says.0 {
            bar.set_message(message());
        }
    }

    /// What prints beside it, also from other threads.
    pub(crate) fn says(&self) -> &Says {
        &self.0.says
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

impl Drop for Shown {
    fn drop(&mut self) {
        if let Some(bar) = &self.says.0 {
            bar.finish_and_clear();
        }
    }
}
