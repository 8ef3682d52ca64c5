//! Batches: records of several pages that are sent together.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{
    page::Page,
    receipt::{Receipt, Refusal},
    sinks::Delivery,
};

/// A page's receipt, until each of its records has come to its end.
#[derive(Debug)]
struct Pending(Mutex<State>);

#[derive(Debug)]
struct State {
    receipt: Option<Receipt>,
    left: usize,
    refusals: Vec<Refusal>,
    /// Where records were refused: whoever keeps them takes them from here.
    page: Option<Arc<Page>>,
}

impl Pending {
    /// So many records more have come to their end.
    fn settle(&self, records: usize, mut refusals: Vec<Refusal>, page: Option<Arc<Page>>) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !refusals.is_empty() {
            state.refusals.append(&mut refusals);
            state.page = page;
        }
        state.left -= records;
        if state.left > 0 {
            return;
        }
        let (receipt, mut refusals) = (state.receipt.take(), std::mem::take(&mut state.refusals));
        let page = state.page.take();
        drop(state);
        refusals.sort_by_key(|refusal| refusal.record);
        if let Some(receipt) = receipt {
            receipt.refused(refusals);
        }
        drop(page);
    }
}

/// What a batch has of one page.
#[derive(Debug)]
struct Part {
    /// Until no record of it is left.
    page: Option<Arc<Page>>,
    pending: Arc<Pending>,
    records: usize,
    left: usize,
    refusals: Vec<Refusal>,
}

/// A record in a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sinks) struct Item {
    part: u32,
    record: u32,
}

/// Records that are sent together. Dropped, it gives their pages back.
#[derive(Debug, Default)]
pub(in crate::sinks) struct Batch {
    parts: Vec<Part>,
    pub(in crate::sinks) items: Vec<Item>,
    pub(super) bytes: usize,
    pub(super) is_awaited: bool,
}

impl Batch {
    pub(in crate::sinks) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// A record that has not come to its end.
    pub(in crate::sinks) fn record(&self, item: Item) -> (&Page, usize) {
        let page = self.parts[item.part as usize].page.as_deref();
        (page.expect("it has not come to its end"), item.record as usize)
    }

    /// Bytes of some of the records.
    pub(in crate::sinks) fn bytes_of(&self, items: &[Item]) -> usize {
        items.iter().map(|item| self.record(*item)).map(|(page, index)| page.record(index).len() + 1).sum()
    }

    /// A record has come to its end: delivered, or refused for this reason.
    pub(in crate::sinks) fn end(&mut self, item: Item, refusal: Option<(String, String)>) {
        let part = &mut self.parts[item.part as usize];
        if let Some((code, reason)) = refusal {
            part.refusals.push(Refusal { record: item.record as usize, code, reason });
        }
        part.left -= 1;
        if part.left == 0 {
            // It counts against the process's memory, so where all is delivered it goes first.
            let page = part.page.take().filter(|_| !part.refusals.is_empty());
            part.pending.settle(part.records, std::mem::take(&mut part.refusals), page);
        }
    }
}

/// Makes batches of pages.
#[derive(Debug, Default)]
pub(in crate::sinks) struct Gatherer {
    batch: Batch,
}

impl Gatherer {
    /// Adds a page. Batches that are full go to `send`: no record makes one larger than `bytes` or
    /// `records`, but the first of a batch may be larger alone.
    pub(in crate::sinks) fn add(
        &mut self,
        delivery: Delivery,
        bytes: &dyn Fn() -> usize,
        records: usize,
        send: &mut dyn FnMut(Batch),
    ) {
        let Delivery { page, receipt } = delivery;
        let len = page.len();
        if len == 0 {
            drop(page);
            receipt.delivered();
            return;
        }
        let state = State { receipt: Some(receipt), left: len, refusals: Vec::new(), page: None };
        let pending = Arc::new(Pending(Mutex::new(state)));
        let mut most = bytes();
        let mut is_new = true;
        for record in 0..len {
            let size = page.record(record).len() + 1;
            let is_full = self.batch.bytes + size > most || self.batch.items.len() >= records;
            if is_full && !self.batch.is_empty() {
                send(std::mem::take(&mut self.batch));
                is_new = true;
                most = bytes();
            }
            if std::mem::take(&mut is_new) {
                self.batch.parts.push(Part {
                    page: Some(Arc::clone(&page)),
                    pending: Arc::clone(&pending),
                    records: 0,
                    left: 0,
                    refusals: Vec::new(),
                });
                self.batch.is_awaited |= page.is_awaited();
            }
            let part = self.batch.parts.len() - 1;
            self.batch.parts[part].records += 1;
            self.batch.parts[part].left += 1;
            self.batch.items.push(Item { part: part as u32, record: record as u32 });
            self.batch.bytes += size;
        }
    }

    /// What is gathered and not full.
    pub(in crate::sinks) fn rest(&mut self) -> Option<Batch> {
        (!self.batch.is_empty()).then(|| std::mem::take(&mut self.batch))
    }

    pub(in crate::sinks) fn is_awaited(&self) -> bool {
        self.batch.is_awaited
    }

    pub(in crate::sinks) fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }
}
