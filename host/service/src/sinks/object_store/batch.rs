//! Pages that are written together.

use std::{sync::Arc, time::Instant};

use xxhash_rust::xxh3::xxh3_64;

use crate::{page::Page, receipt::Receipt, sinks::Delivery};

/// What is gathered together: a stream of a pipeline, or all that a pipeline can't read again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Group {
    pipeline: Arc<str>,
    stream: Option<u64>,
}

impl Group {
    pub(super) fn of(page: &Page) -> Self {
        let origin = page.origin();
        let stream = origin.can_replay.then_some(origin.identity);
        Self { pipeline: Arc::clone(&origin.pipeline), stream }
    }

    pub(super) fn can_replay(&self) -> bool {
        self.stream.is_some()
    }
}

/// Pages of one group, in their order. Dropped, it gives them back.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) pages: Vec<(Arc<Page>, Receipt)>,
    pub(super) bytes: u64,
    pub(super) records: u64,
    /// When the first of them came.
    pub(super) since: Instant,
    pub(super) is_awaited: bool,
    /// What its objects are called: the stream, and where in it they begin.
    pub(super) name: String,
}

impl Batch {
    /// One that begins with this page.
    pub(super) fn new(first: &Page) -> Self {
        let origin = first.origin();
        let key = [origin.pipeline.as_bytes(), &[0], &origin.identity.to_le_bytes()].concat();
        let (offset, before) = first.place();
        Self {
            pages: Vec::new(),
            bytes: 0,
            records: 0,
            since: Instant::now(),
            is_awaited: false,
            name: name(xxh3_64(&key), offset, before),
        }
    }

    pub(super) fn add(&mut self, Delivery { page, receipt }: Delivery) {
        self.bytes += page.bytes().len() as u64;
        self.records += page.len() as u64;
        self.is_awaited |= page.is_awaited();
        self.pages.push((page, receipt));
    }
}

/// A name of a place in a stream, in the order of places.
pub(super) fn name(stream: u64, offset: u64, before: u32) -> String {
    match before {
        0 => format!("{stream:016x}-{offset:012x}"),
        _ => format!("{stream:016x}-{offset:012x}_{before:x}"),
    }
}
