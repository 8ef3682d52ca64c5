//! Sinks: where pages go.
//!
//! # The life of a page at a sink
//!
//! The service gives each sink a thread of its own, and calls it on that thread alone: [`Sink::take`]
//! for each page in the order of its stream, [`Sink::sync`] in between, [`Sink::close`] at the end. A
//! sink that has more to do at a time starts tasks in [`Context::plane`], and answers from there.
//!
//! Each page comes with a [`Receipt`], and each receipt is answered once:
//!
//! * `delivered` when the destination has every record for good. A file has it when it is synced, not
//!   when it is written; a server when its answer says so.
//! * `refused` with the records that the destination will never take; the service keeps them in the
//!   pipeline's dead letters. The sink finds out which they are (halves a refused batch) and
//!   delivers all others first.
//! * `returned`, or dropped, only after [`Context::stop`] has been told.
//!
//! Everything else is retried by the sink itself, for ever: time-outs, names that don't resolve,
//! 429, 5xx, and wrong passwords, too. In the mean time pages wait in front of it; they are in the
//! process's budget of memory, and once that is used up the sources pause. Nothing is
//! thrown away, so a sink needs no bound on how often it retries, but on how much it holds itself.
//!
//! A sink must not need more pages to answer for those that it has: what it gathers it sends, at the
//! latest, at the next [`Sink::sync`] or a bounded time after the first of it came.

pub mod elasticsearch;
pub mod file;
pub mod http;
pub mod kafka;
pub mod object_store;
pub mod otlp;
mod request;
pub(crate) use self::request::sender::pauses;
pub mod splunk_hec;
pub mod stdout;

use std::{path::Path, sync::Arc};

use schemars::JsonSchema;
use serde::Deserialize;
use weir_normalizer::schemas::Schema;

use crate::{
    alarm::Alarm,
    budget::Budget,
    config::{fault::Fault, types::types, values::ByteSize},
    error::Error,
    health::Health,
    metrics::SinkMetrics,
    page::Page,
    plane::Plane,
    receipt::Receipt,
    stop::Stop,
};

/// A page for a sink, and the right to answer for it.
#[derive(Debug)]
pub struct Delivery {
    /// The same page goes to the other sinks; a sink that needs it no longer drops it before it
    /// answers, as it is counted against the process's memory. Only where it refuses records it holds
    /// the page until it has answered: whoever keeps them takes them from there.
    pub page: Arc<Page>,
    /// Answered once.
    pub receipt: Receipt,
}

/// Where pages go. See the [module](self) for the contract.
pub trait Sink: Send {
    /// Takes a page. It may take its time: the next one comes when it returns. It returns soon,
    /// with the receipt dropped or kept, once [`Context::stop`] was told.
    fn take(&mut self, delivery: Delivery);

    /// Makes what was taken durable and answers for it, as far as that can be done now: it is called
    /// once a second, and when a page is awaited and no other one waits. A sink whose tasks do
    /// this by themselves has nothing to do here but to send what it gathered.
    fn sync(&mut self) {}

    /// Sends what was gathered, as nothing more is read for now. A sink that never gathers for longer than
    /// a second has nothing to do here.
    fn flush(&mut self) {}

    /// Does the same for the last time: no more pages come. Returns when all are answered, or when
    /// [`Context::stop`] was told; what has no answer then is dropped.
    fn close(self: Box<Self>);
}

/// What the service gives a sink.
#[derive(Clone, Debug)]
pub struct Context {
    /// Its name in the configuration.
    pub name: Arc<str>,
    /// Told when the time to drain is over: no more retries.
    pub stop: Stop,
    /// The runtime for sinks that speak HTTP.
    pub plane: Plane,
    /// What it counts.
    pub metrics: SinkMetrics,
    /// Rung where the sink will never work again in this process.
    pub alarm: Alarm,
    /// Whether it works. A refused login is told here as well, and goes on being retried.
    pub health: Health,
    /// The bytes that may be on their way through the process: who gathers much looks how many are.
    pub budget: Budget,
    /// The process ends when all that there is has been delivered. Then nobody may be there to change what keeps it
    /// from that.
    pub once: bool,
    /// The name of the progress that is kept in the state directory, which nobody else has.
    pub state: Arc<str>,
}

/// The options of one type of sink: what stands in `[sinks.NAME]` besides `type` and `buffer`.
///
/// The names of its fields are the keys, so `JsonSchema` has to see the same names as serde; unknown
/// keys are found by who reads the configuration, so there is no need for `deny_unknown_fields`,
/// and no use of `flatten`, `untagged` or `tag`, behind which they can't be found.
pub trait Options: Send {
    /// What is wrong with values that are each of the right type: a fault names its key. Reads files
    /// (certificates, secrets), and connects to nothing.
    fn check(&self) -> Vec<Fault>;

    /// Why it can't take records of a schema, if it can't. A record of `otel` is a line of OTLP/JSON
    /// of its own.
    fn refuses(&self, schema: Schema) -> Option<String> {
        let _ = schema;
        None
    }

    /// Files that are read when the sink is made, and not again: where one has changed, a reload makes
    /// the sink anew.
    fn files(&self) -> Vec<&Path> {
        Vec::new()
    }

    /// Makes the sink. A destination that does not answer is no error here but retried.
    fn open(&self, context: Context) -> Result<Box<dyn Sink>, Error>;
}

/// `buffer = { .. }` of a sink: a queue on disk in front of it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct BufferOptions {
    /// How much it may hold, from 1MiB on
    pub max: ByteSize,
    /// What is done when it holds so much: `block` lets sources wait, `drop_newest` throws away what comes
    /// then, and counts it
    pub when_full: String,
}

/// The least that a buffer holds: some pages, so that it is more than a delay.
const LEAST_BUFFER: ByteSize = ByteSize(1 << 20);

/// The policy that throws away what comes when a buffer is full.
pub(crate) const DROP_NEWEST: &str = "drop_newest";

impl Default for BufferOptions {
    fn default() -> Self {
        Self { max: ByteSize(1 << 30), when_full: "block".into() }
    }
}

impl BufferOptions {
    pub(crate) fn check(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        if self.max < LEAST_BUFFER {
            faults.push(Fault::at(["max"], "expected at least \"1MiB\", such as \"10GiB\""));
        }
        if !matches!(&*self.when_full, "block" | DROP_NEWEST) {
            faults.push(Fault::at(
                ["when_full"],
                format!("{:?} is not known; expected \"block\" or {DROP_NEWEST:?}", self.when_full),
            ));
        }
        faults
    }
}

types! {
    /// The options of a sink.
    pub enum SinkOptions: Options;
    /// Files, with rotation and partitions.
    "file" => File(file::Options),
    /// Standard output.
    "stdout" => Stdout(stdout::Options),
    /// Objects of a store, or of a folder.
    "object_store" => ObjectStore(object_store::Options),
    /// A topic of Kafka.
    "kafka" => Kafka(kafka::Options),
    /// Any HTTP endpoint.
    "http" => Http(http::Options),
    /// Elasticsearch.
    "elasticsearch" => Elasticsearch(elasticsearch::Options),
    /// OpenSearch, which takes the same.
    "opensearch" => Opensearch(elasticsearch::Options),
    /// Splunk's HTTP Event Collector.
    "splunk_hec" => SplunkHec(splunk_hec::Options),
    /// OTLP over HTTP.
    "otlp" => Otlp(otlp::Options),
}

impl SinkOptions {
    /// Makes the sink.
    pub fn open(&self, context: Context) -> Result<Box<dyn Sink>, Error> {
        self.options().open(context)
    }

    /// Why it can't take records of a schema, if it can't.
    pub(crate) fn refuses(&self, schema: Schema) -> Option<String> {
        self.options().refuses(schema)
    }
}
