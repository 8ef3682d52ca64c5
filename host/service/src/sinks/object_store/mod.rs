//! Objects of a store, or files of a folder: lines of JSON, rows of CSV, tables of Parquet, in Hive's
//! folders.
//!
//! An object is there when it is finished, and not before, and so are its records: pages are gathered until
//! they are enough for an object, and are answered for when it is there. What a batch holds is of one
//! stream, and whole pages of it, so that a stream goes on behind an object. The names of a batch's objects
//! come from the stream and the place where it begins: read again from there, the same records or more of
//! them are written to the same names. So nothing of what was there is lost where it is written over, and
//! only what was delivered and is read again from elsewhere comes twice. What can't be read again is
//! gathered from all streams, under names that are never used again.

mod batch;
mod writer;

use std::{
    collections::HashMap,
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, SendTimeoutError, Sender, TrySendError, bounded};
use schemars::JsonSchema;
use serde::Deserialize;
use weir_columns::Layout;
use weir_io::Compression;
use weir_lake::{Format, Key, Partitioning, format::Shape};
use weir_normalizer::schemas::Schema;

use self::{
    batch::{Batch, Group},
    writer::Writer,
};
use super::{Context, Delivery, Sink, request::options::check_age};
use crate::{
    config::{
        fault::Fault,
        values::{ByteSize, Span},
    },
    error::Error,
    state,
    store::store_options,
};

store_options! {
    /// `type = "object_store"`.
    pub struct Options {
        /// The folder that objects are written to: `s3://BUCKET/PREFIX/`, `oss://`, `obs://`, `bos://`, `gs://`,
        /// `az://CONTAINER/PREFIX/`, or a path of this machine
        url;
        own {
            /// `ndjson`, a record on each line; `csv`, flat records as rows; or `parquet`, flat records or OCSF
            /// events as a table
            format: String = "ndjson".into();
            /// `zstd`, `gzip` or `none`; Parquet compresses by itself
            compression: Option<String> = None;
            /// Folders such as `provider=aws/product=vpc/date=2026-01-31/`, from outside to inside, of what jobs have
            /// for `--partition`: `provider`, `product`, `date`, which is the day of the record's time in UTC, and
            /// others
            partition: Vec<String> = Vec::new();
            /// What ends a batch, whichever comes first; each of its partitions is an object
            batch: BatchOptions = BatchOptions::default();
            /// How many batches are written at a time
            concurrency: u16 = 2;
        }
    }
}

/// `batch = { bytes = "64MiB", records = 1000000, age = "5m" }`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(rename = "ObjectBatchOptions")]
#[serde(default)]
pub struct BatchOptions {
    /// So many bytes of records, before they are compressed; less where a sixth of `memory` is gathered
    pub bytes: ByteSize,
    /// So many records
    pub records: u32,
    /// So long after the first record, of which a second may be missing, as it is looked once a second; an answer
    /// that somebody waits for is not held up
    pub age: Span,
}

impl Default for BatchOptions {
    fn default() -> Self {
        Self { bytes: ByteSize(64 << 20), records: 1_000_000, age: Span(Duration::from_secs(300)) }
    }
}

/// How records are written, but for their schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    Lines,
    Csv,
    Parquet,
}

impl Options {
    fn written(&self) -> Result<Written, String> {
        match &*self.format {
            "ndjson" => Ok(Written::Lines),
            "csv" => Ok(Written::Csv),
            "parquet" => Ok(Written::Parquet),
            other => Err(format!("{other:?} is not known; expected \"ndjson\", \"csv\" or \"parquet\"")),
        }
    }

    fn compression(&self) -> Result<Compression, String> {
        let is_parquet = self.written() == Ok(Written::Parquet);
        let Some(name) = &self.compression else {
            return Ok(if is_parquet { Compression::None } else { Compression::Zstd });
        };
        let known =
            Compression::ALL.iter().find(|(known, _)| known == name).map(|(_, compression)| *compression);
        match known {
            None => Err(format!("{name:?} is not known; expected \"zstd\", \"gzip\" or \"none\"")),
            Some(Compression::Gzip | Compression::Zstd) if is_parquet => {
                Err("Parquet compresses by itself, with zstd; leave this out".into())
            }
            Some(known) => Ok(known),
        }
    }

    /// The folders of records of a schema: a file of OCSF's columns has events of one class.
    fn partitioning(&self, schema: Schema) -> Result<Partitioning, String> {
        let chosen = match self.partition.is_empty() {
            true => Partitioning::default(),
            false => self.partition.join(",").parse()?,
        };
        let is_by_class = schema == Schema::Ocsf && self.written() == Ok(Written::Parquet);
        Ok(if is_by_class { chosen.below(Key::ClassUid) } else { chosen })
    }

    /// What is wrong with the folders, each item by itself.
    fn wrong_partition(&self) -> Vec<Fault> {
        let mut right: Vec<&str> = Vec::new();
        let mut faults = Vec::new();
        for (item, key) in self.partition.iter().enumerate() {
            right.push(key);
            if let Err(message) = right.join(",").parse::<Partitioning>() {
                right.pop();
                faults.push(Fault::at(["partition"], message).of_item(item));
            }
        }
        faults
    }

    /// What objects are, if their records are of this schema.
    fn format(&self, schema: Schema) -> Result<Format, String> {
        let shape = match self.written()? {
            Written::Lines => Shape::Lines(schema),
            Written::Csv => Shape::Csv,
            Written::Parquet if schema == Schema::Ocsf => Shape::OcsfParquet,
            Written::Parquet => Shape::Parquet(Layout::default()),
        };
        Ok(Format { shape, compression: self.compression()? })
    }
}

impl super::Options for Options {
    fn check(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        self.access().check(&mut faults);
        let results = [
            ("format", self.written().err()),
            ("compression", self.compression().err().filter(|_| self.written().is_ok())),
        ];
        faults.extend(results.into_iter().filter_map(|(key, fault)| Some(Fault::at([key], fault?))));
        faults.extend(self.wrong_partition());
        if self.batch.bytes.0 == 0 {
            faults.push(Fault::at(["batch", "bytes"], "expected at least 1 byte, such as \"64MiB\""));
        }
        if self.batch.records == 0 {
            faults.push(Fault::at(["batch", "records"], "expected at least 1"));
        }
        faults.extend(check_age(self.batch.age));
        if !(1..=64).contains(&self.concurrency) {
            faults.push(Fault::at(["concurrency"], "expected from 1 to 64"));
        }
        faults
    }

    fn refuses(&self, schema: Schema) -> Option<String> {
        let written = self.written().ok()?;
        if schema != Schema::Flat
            && (written == Written::Csv || written == Written::Parquet && schema != Schema::Ocsf)
        {
            return Some(format!(
                "`{}` is made of flat records; leave `to` of the pipeline out, or write \"ndjson\"",
                self.format
            ));
        }
        let (format, partitioning) = (self.format(schema).ok()?, self.partitioning(schema).ok()?);
        partitioning
            .keys()
            .iter()
            .find_map(|key| Some(format!("`{key}` in `partition`: {}", format.refuses(key)?)))
    }

    fn open(&self, context: Context) -> Result<Box<dyn Sink>, Error> {
        let writer = Writer::new(self, context.clone())?;
        let (to, batches) = bounded(0);
        Ok(Box::new(Objects {
            writer: Arc::new(writer),
            context,
            options: self.batch.clone(),
            concurrency: self.concurrency.into(),
            gathered: HashMap::new(),
            bytes: 0,
            run: state::nonce(),
            count: 0,
            to: Some(to),
            batches,
            threads: Vec::new(),
        }))
    }
}

/// The streams that are gathered at a time; the one that waits for the longest time is written.
const MOST_STREAMS: usize = 1000;

/// How often it is looked whether it is time to stop, while all threads have something to write.
const LOOK: Duration = Duration::from_millis(50);

struct Objects {
    writer: Arc<Writer>,
    context: Context,
    options: BatchOptions,
    concurrency: usize,
    gathered: HashMap<Group, Batch>,
    /// Bytes of records of all that is gathered.
    bytes: u64,
    /// Tells this sink from itself after another start, for names that are never used again.
    run: u64,
    /// How many batches had such names.
    count: u64,
    to: Option<Sender<Batch>>,
    batches: Receiver<Batch>,
    threads: Vec<JoinHandle<()>>,
}

impl Objects {
    /// Writes what is gathered of a group, as soon as a thread has time.
    fn send(&mut self, group: &Group) {
        let Some(mut batch) = self.gathered.remove(group) else { return };
        self.bytes -= batch.bytes;
        if !group.can_replay() {
            batch.name = batch::name(self.run, self.count, 0);
            self.count += 1;
        }
        let Some(to) = &self.to else { return };
        let mut batch = match to.try_send(batch) {
            Ok(()) => return,
            Err(TrySendError::Full(batch) | TrySendError::Disconnected(batch)) => batch,
        };
        if self.threads.len() < self.concurrency {
            let (writer, batches) = (Arc::clone(&self.writer), self.batches.clone());
            let name = format!("objects {}", self.context.name);
            let body = move || batches.iter().for_each(|batch| writer.write(batch));
            match thread::Builder::new().name(name).spawn(body) {
                Ok(thread) => self.threads.push(thread),
                Err(e) if self.threads.is_empty() => {
                    drop(batch);
                    return self.context.alarm.ring(&format!("can't start a thread: {e}"));
                }
                // Those that are there do it.
                Err(_) => {}
            }
        }
        while !self.context.stop.is_told() {
            match to.send_timeout(batch, LOOK) {
                Ok(()) => return,
                Err(SendTimeoutError::Timeout(back) | SendTimeoutError::Disconnected(back)) => batch = back,
            }
        }
        // It is time to end, and the batch gives its pages back.
    }

    fn send_those(&mut self, is_meant: impl Fn(&Batch) -> bool) {
        let groups: Vec<Group> = self
            .gathered
            .iter()
            .filter(|(_, batch)| is_meant(batch))
            .map(|(group, _)| group.clone())
            .collect();
        groups.iter().for_each(|group| self.send(group));
    }

    fn send_first(&mut self, order: impl Fn(&Batch) -> u64) {
        let first =
            self.gathered.iter().min_by_key(|(_, batch)| order(batch)).map(|(group, _)| group.clone());
        if let Some(group) = first {
            self.send(&group);
        }
    }
}

impl Sink for Objects {
    fn take(&mut self, delivery: Delivery) {
        if delivery.page.is_empty() {
            drop(delivery.page);
            return delivery.receipt.delivered();
        }
        let group = Group::of(&delivery.page);
        self.bytes += delivery.page.bytes().len() as u64;
        let batch = self.gathered.entry(group.clone()).or_insert_with(|| Batch::new(&delivery.page));
        batch.add(delivery);
        if batch.bytes >= self.options.bytes.0 || batch.records >= u64::from(self.options.records) {
            self.send(&group);
        }
        // A quarter of what records have is about a sixth of `memory`. What is written still counts, up to
        // `concurrency` times.
        while self.bytes > self.context.budget.limit() / 4 {
            self.send_first(|batch| u64::MAX - batch.bytes);
        }
        if self.gathered.len() > MOST_STREAMS {
            let now = Instant::now();
            self.send_first(|batch| u64::MAX - now.duration_since(batch.since).as_nanos() as u64);
        }
    }

    fn sync(&mut self) {
        let age = self.options.age.0;
        // This comes once a second, so who wants them younger than that gets them at once.
        self.send_those(|batch| batch.is_awaited || batch.since.elapsed() + Duration::from_secs(1) > age);
    }

    fn flush(&mut self) {
        self.send_those(|_| true);
    }

    fn close(mut self: Box<Self>) {
        self.flush();
        self.to = None;
        for thread in self.threads.drain(..) {
            // It was told if it panicked; what it had is given back.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{receipt::Answer, sinks::request::stand_in::Surroundings};

    #[test]
    fn what_can_not_be_written_so_is_refused_and_the_rest_is_there() {
        let around = Surroundings::new();
        let folder = tempfile::tempdir().unwrap();
        let url = folder.path().to_str().unwrap().to_owned();
        let options = Options { url, format: "parquet".into(), ..Options::default() };
        let mut sink = super::super::Options::open(&options, around.context.clone()).unwrap();
        let good = r#"{"provider":"aws","product":"vpc"}"#;
        around.deliver(&mut *sink, around.page(Schema::Flat, &[good, "[1]", good, "no json"]));
        around.deliver(&mut *sink, around.page(Schema::Flat, &[good]));
        assert_eq!(around.answered(), 0);
        sink.close();
        let answers = around.answers(2);
        let Answer::Refused(refused) = &answers[0] else { panic!("{answers:?}") };
        assert_eq!(refused.iter().map(|refusal| refusal.record).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(answers[1], Answer::Delivered);
        assert_eq!(around.metric("weir_sink_records_total{sink=\"out\"}"), 3);
        assert_eq!(around.budget.used(), 0);
        let name = fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().file_name();
        let name = name.to_str().unwrap();
        assert!(name.starts_with("weir-out-51a7e-") && name.ends_with("-000000000000.parquet"), "{name}");
    }

    #[test]
    fn a_quarter_of_the_memory_is_gathered_at_most() {
        let around = Surroundings::new();
        around.context.budget.set_limit(4000);
        let folder = tempfile::tempdir().unwrap();
        let options = Options { url: folder.path().to_str().unwrap().to_owned(), ..Options::default() };
        let mut sink = super::super::Options::open(&options, around.context.clone()).unwrap();
        let record = format!("{{\"provider\":\"{}\"}}", "x".repeat(385));
        for sent in 1..=9 {
            around.deliver(&mut *sink, around.page(Schema::Flat, &[&record]));
            // Three are too many.
            around.answers(sent / 3 * 3);
        }
        sink.close();
        assert_eq!(around.answers(9), [const { Answer::Delivered }; 9]);
    }
}
