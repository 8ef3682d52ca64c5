//! Writes batches, each until its objects are there.

use std::{
    collections::HashMap,
    io::{self, Write as _},
    ops::Range,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use weir_lake::{Format, Looker, Partition};
use weir_normalizer::schemas::Schema;
use weir_store::{Kind, Store};

use super::{Options, batch::Batch};
use crate::{
    error::Error,
    page::Page,
    receipt::Refusal,
    sinks::{Context, request::sender::pauses},
    store::{Of, StoreAccess, StoreTrouble, reason},
};

/// Records that follow each other in a page of a batch.
type Piece = (usize, Range<usize>);

/// The pages of a batch.
type Pages = [(Arc<Page>, crate::receipt::Receipt)];

/// Why an object is not there.
enum Fault {
    Store(weir_store::Error),
    /// Some of its records can't be written so.
    Records(io::Error),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        match error.get_ref().is_some_and(|inside| inside.is::<weir_store::Error>()) {
            true => match error.into_inner().map(|inside| inside.downcast::<weir_store::Error>()) {
                Some(Ok(inside)) => Self::Store(*inside),
                _ => Self::Records(io::ErrorKind::Other.into()),
            },
            false => Self::Records(error),
        }
    }
}

pub(super) struct Writer {
    options: Options,
    access: StoreAccess,
    /// Opened anew where it does not let anybody in: the secrets may be others by then.
    store: RwLock<Store>,
    context: Context,
    trouble: Arc<StoreTrouble>,
}

impl Writer {
    pub(super) fn new(options: &Options, context: Context) -> Result<Self, Error> {
        let access = options.access();
        let of = Of::Sink(Arc::clone(&context.name));
        let trouble = Arc::new(StoreTrouble::new(&access, context.health.clone(), of));
        Ok(Self {
            store: RwLock::new(access.open_for(&context.stop, Arc::clone(&trouble))?),
            options: options.clone(),
            access,
            trouble,
            context,
        })
    }

    /// Writes a batch. Where it is time to stop before it is there, its pages are given back.
    pub(super) fn write(&self, batch: Batch) {
        let Some((first, _)) = batch.pages.first() else { return };
        let schema = first.origin().schema;
        let Ok(format) = self.options.format(schema) else { return };
        let mut refusals: HashMap<usize, Vec<Refusal>> = HashMap::new();
        for (partition, mut pieces) in self.partitions(&batch.pages, schema) {
            let Context { name, state, .. } = &self.context;
            let key = format!("{}weir-{name}-{state}-{}{}", partition.folder, batch.name, format.ending());
            if !self.until_there(&key, format, &partition, &batch.pages, &mut pieces, &mut refusals) {
                return;
            }
        }
        for (at, (page, receipt)) in batch.pages.into_iter().enumerate() {
            match refusals.remove(&at) {
                None => {
                    // It counts against the process's memory, so it goes first.
                    drop(page);
                    receipt.delivered();
                }
                Some(mut refused) => {
                    refused.sort_by_key(|refusal| refusal.record);
                    receipt.refused(refused);
                    drop(page);
                }
            }
        }
    }

    /// The records of each partition, in their order.
    fn partitions(&self, pages: &Pages, schema: Schema) -> Vec<(Partition, Vec<Piece>)> {
        let partitioning = self.options.partitioning(schema).unwrap_or_default();
        let is_whole = partitioning.keys().is_empty();
        let mut looker = Looker::new(schema, partitioning);
        let mut pieces: Vec<Vec<Piece>> = Vec::new();
        for (at, (page, _)) in pages.iter().enumerate() {
            if is_whole {
                pieces.resize(1, Vec::new());
                pieces[0].push((at, 0..page.len()));
                continue;
            }
            for record in 0..page.len() {
                let number = looker.look(page.record(record));
                if number == pieces.len() {
                    pieces.push(Vec::new());
                }
                // Neighbours mostly go to the same one.
                match pieces[number].last_mut() {
                    Some((page, range)) if *page == at && range.end == record => range.end += 1,
                    _ => pieces[number].push((at, record..record + 1)),
                }
            }
        }
        looker.partitions().iter().cloned().zip(pieces).collect()
    }

    /// Writes an object until it is there, without the records that can't be written so; `false` where it is
    /// time to stop.
    fn until_there(
        &self,
        key: &str,
        format: Format,
        partition: &Partition,
        pages: &Pages,
        pieces: &mut Vec<Piece>,
        refusals: &mut HashMap<usize, Vec<Refusal>>,
    ) -> bool {
        let mut pauses = pauses();
        while !pieces.is_empty() {
            if self.context.stop.is_told() {
                return false;
            }
            let begun = Instant::now();
            self.context.metrics.sent();
            let answered = |status: &str| self.context.metrics.answered(status, begun.elapsed());
            let error = match self.put(key, format, partition, pages, pieces) {
                Ok((records, bytes)) => {
                    answered("ok");
                    self.context.metrics.delivered(records, bytes);
                    self.trouble.ends();
                    return true;
                }
                Err(Fault::Records(error)) => {
                    answered("records");
                    // At least one goes, so that this ends.
                    refuse(&error, format, partition, pages, pieces, refusals);
                    continue;
                }
                Err(Fault::Store(error)) => error,
            };
            answered(reason(error.kind()));
            if error.kind() == Kind::Stopped {
                return false;
            }
            self.trouble.begins(&error);
            self.context.metrics.retried(reason(error.kind()));
            if self.context.stop.wait(pauses.next().unwrap_or(Duration::from_secs(60))) {
                return false;
            }
            if error.kind() == Kind::Denied
                && let Ok(store) = self.access.open_for(&self.context.stop, Arc::clone(&self.trouble))
            {
                *self.store.write().unwrap_or_else(PoisonError::into_inner) = store;
            }
        }
        true
    }

    /// Writes an object; how many records and bytes of records it has.
    fn put(
        &self,
        key: &str,
        format: Format,
        partition: &Partition,
        pages: &Pages,
        pieces: &[Piece],
    ) -> Result<(u64, u64), Fault> {
        let store = self.store.read().unwrap_or_else(PoisonError::into_inner).clone();
        let mut packer = format.packer(&partition.said);
        let mut out = format.compression.encoder(store.write(key).map_err(Fault::Store)?)?;
        let (mut records, mut bytes) = (0, 0);
        for (at, range) in pieces {
            let lines = lines(&pages[*at].0, range);
            packer.push(lines, &mut out)?;
            records += range.len() as u64;
            bytes += lines.len() as u64;
        }
        packer.finish(&mut out)?;
        out.flush()?;
        out.finish()?.finish().map_err(Fault::Store)?;
        Ok((records, bytes))
    }
}

/// Records as lines.
fn lines<'p>(page: &'p Page, range: &Range<usize>) -> &'p [u8] {
    let start = range.start.checked_sub(1).map_or(0, |before| page.end(before));
    &page.bytes()[start..page.end(range.end - 1)]
}

/// Takes records out that can't be written so: each that can't be alone, and where there is none, all.
fn refuse(
    error: &io::Error,
    format: Format,
    partition: &Partition,
    pages: &Pages,
    pieces: &mut Vec<Piece>,
    refusals: &mut HashMap<usize, Vec<Refusal>>,
) {
    let mut left: Vec<Piece> = Vec::new();
    let mut bad = Vec::new();
    for (at, range) in pieces.iter() {
        for record in range.clone() {
            let mut packer = format.packer(&partition.said);
            let mut alone = packer.push(lines(&pages[*at].0, &(record..record + 1)), &mut io::sink());
            alone = alone.and_then(|()| packer.finish(&mut io::sink()));
            match (alone, left.last_mut()) {
                (Err(error), _) => bad.push((*at, record, error.to_string())),
                (Ok(()), Some((page, range))) if page == at && range.end == record => range.end += 1,
                (Ok(()), _) => left.push((*at, record..record + 1)),
            }
        }
    }
    if bad.is_empty() {
        let all = pieces.iter().flat_map(|(at, range)| range.clone().map(|record| (*at, record)));
        bad = all.map(|(at, record)| (at, record, error.to_string())).collect();
        left.clear();
    }
    for (at, record, reason) in bad {
        refusals.entry(at).or_default().push(Refusal { record, code: "format".into(), reason });
    }
    *pieces = left;
}
