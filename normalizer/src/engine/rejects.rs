//! Rejects on their way out, and who wants to know of them.

use std::ops::Range;

use crate::{
    base::limits,
    engine::{observer::Observer, sink::Sink},
    record::fault::{Fault, RejectCode, clipped},
    wire::batch::{self, Reject},
};

/// Puts rejects out, and tells who asked for it.
#[derive(Debug, Default)]
pub(super) struct Rejects {
    reason: String,
    /// Is told how records are read, if somebody asked for it.
    pub(super) observer: Option<Box<dyn Observer>>,
    /// Where the first fault lies, if somebody asked for it.
    pub(super) noted: Option<FaultPlace>,
}

impl Rejects {
    /// Rejects something, and tells the observer.
    #[cold]
    #[inline(never)]
    pub(super) fn reject(&mut self, fault: &Fault<'_>, sink: &mut Sink<'_>) {
        if let Some(observer) = &mut self.observer {
            fault.render(&mut self.reason);
            observer.reject(fault, &self.reason);
        }
        self.put(fault, sink);
    }

    /// Rejects something of which the observer knows.
    #[cold]
    #[inline(never)]
    pub(super) fn put(&mut self, fault: &Fault<'_>, sink: &mut Sink<'_>) {
        fault.render(&mut self.reason);
        let reject = Reject {
            element: sink.element,
            format: fault.format,
            field: clipped(fault.field, 100),
            code: fault.code.as_str(),
            reason: clipped(&self.reason, limits::REASON),
        };
        if let Some(noted) = &mut self.noted {
            noted.note(fault);
        }
        batch::put_reject(&mut sink.out.rejects, &reject);
        sink.out.rejected += 1;
    }

    /// Tells the observer that what follows is under a key. The answer is for [`Self::leave`].
    pub(super) fn enter(&mut self, key: &str) -> Option<usize> {
        self.observer.as_mut().map(|o| o.enter(key))
    }

    /// Tells the observer the end of what [`Self::enter`] began.
    pub(super) fn leave(&mut self, entered: Option<usize>) {
        if let (Some(observer), Some(depth)) = (&mut self.observer, entered) {
            observer.leave(depth);
        }
    }
}

/// Where a fault lies, kept from one reject on.
#[derive(Debug, Default)]
pub(super) struct FaultPlace {
    pub(super) noted: bool,
    column: usize,
    offset: Option<usize>,
    field: String,
    found: String,
}

impl FaultPlace {
    /// Takes the first fault; later ones change nothing.
    fn note(&mut self, fault: &Fault<'_>) {
        if self.noted {
            return;
        }
        (self.noted, self.column, self.offset) = (true, fault.column, fault.offset);
        fault.field.clone_into(&mut self.field);
        fault.found.clone_into(&mut self.found);
    }

    /// The offset of the fault in the text that it is about.
    pub(super) fn offset_in(&self, text: &str) -> Option<usize> {
        let fault = Fault {
            column: self.column,
            offset: self.offset,
            field: &self.field,
            found: &self.found,
            ..Fault::of_record(RejectCode::UnknownFormat, "")
        };
        place(text, &fault).map(|place| place.start)
    }
}

/// Where the fault is in the record's text.
pub(crate) fn place(text: &str, fault: &Fault<'_>) -> Option<Range<usize>> {
    if let Some(at) = fault.offset {
        return Some(at..(at + 1).min(text.len()).max(at));
    }
    if fault.found.is_empty() {
        return None;
    }
    // A value is behind its key, or it is the so-many-th between blanks.
    let from = match fault.column {
        0 => text.find(&format!("\"{}\"", fault.field)).map_or(0, |at| at + fault.field.len() + 2),
        n => {
            let columns = text.split_ascii_whitespace().nth(n - 1).filter(|c| *c == fault.found);
            columns.map_or(0, |c| c.as_ptr() as usize - text.as_ptr() as usize)
        }
    };
    let start = from + text.get(from..)?.find(fault.found)?;
    Some(start..start + fault.found.len())
}
