//! Where what comes out goes, and how to take it back.

use crate::wire::batch::Outcome;

/// Where what comes out goes.
pub(super) struct Sink<'o> {
    pub(super) out: &'o mut Outcome,
    pub(super) element: u32,
    /// How long output and rejects were before this element.
    pub(super) start: usize,
}

/// How far an outcome was before an element.
pub(super) struct Mark {
    pub(super) len: usize,
    output: usize,
    rejects: usize,
    counts: [u32; 3],
}

impl Mark {
    pub(super) fn of(out: &Outcome) -> Self {
        let (output, rejects) = (out.output.len(), out.rejects.len());
        Self { len: output + rejects, output, rejects, counts: [out.normalized, out.filtered, out.rejected] }
    }

    pub(super) fn made(&self, out: &Outcome) -> usize {
        out.output.len() + out.rejects.len() - self.len
    }

    pub(super) fn restore(&self, out: &mut Outcome) {
        out.output.truncate(self.output);
        out.rejects.truncate(self.rejects);
        [out.normalized, out.filtered, out.rejected] = self.counts;
    }
}
