//! Objects that are read one behind the other, and asked for a little ahead of that.

use std::collections::VecDeque;

use crate::{Backend, Error, Object, Reader, Reading, Span, Store, remote::Opening};

/// How many objects are asked for before they are read. The bytes of each that are there by then are
/// some MiB at most.
const AHEAD: usize = 3;

const ALL: Span = Span { start: 0, len: None };

/// An object that comes next.
enum Next {
    Asked(Object, Result<Opening, Error>),
    /// One that is opened when it is read.
    Local(Object),
    Failed(Error),
}

pub(crate) struct Ahead<'a, I> {
    store: &'a Store,
    objects: I,
    next: VecDeque<Next>,
}

impl<'a, I: Iterator<Item = Result<Object, Error>>> Ahead<'a, I> {
    pub(crate) fn new(store: &'a Store, objects: I) -> Self {
        Self { store, objects, next: VecDeque::new() }
    }

    fn ask(&mut self) -> Option<Next> {
        Some(match (self.objects.next()?, &*self.store.backend) {
            (Err(e), _) => Next::Failed(e),
            (Ok(object), Backend::Local(_)) => Next::Local(object),
            (Ok(object), Backend::Remote(remote)) => {
                let asked = remote.begin(&object.key, ALL, object.etag.as_deref());
                Next::Asked(object, asked)
            }
        })
    }
}

impl<I: Iterator<Item = Result<Object, Error>>> Iterator for Ahead<'_, I> {
    type Item = Result<(Object, Reader), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.next.len() <= AHEAD
            && let Some(next) = self.ask()
        {
            self.next.push_back(next);
        }
        Some(match self.next.pop_front()? {
            Next::Failed(e) => Err(e),
            Next::Local(object) => self.store.read_listed(&object, ..).map(|reader| (object, reader)),
            Next::Asked(object, asked) => {
                let opened = asked.and_then(Opening::wait);
                opened.map(|reader| (object, Reader(Reading::Remote(reader))))
            }
        })
    }
}
