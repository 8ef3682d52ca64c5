//! What `/metrics` says.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU64},
    },
    time::{Duration, SystemTime},
};

use prometheus_client::{
    encoding::{EncodeLabelSet, prometheus_text, text},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};

use crate::seldom::Seldom;

/// The content type of Prometheus' text format.
pub const TEXT: &str = prometheus_text::CONTENT_TYPE;

/// The content type of OpenMetrics.
pub const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All metrics of a process.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Arc<Registry>,
    sinks: SinkFamilies,
    pipelines: PipelineFamilies,
    sources: SourceFamilies,
    process: ProcessMetrics,
    buffers: BufferFamilies,
    failed: Failed,
}

type Count = Counter<u64, AtomicU64>;
type Level = Gauge<i64, AtomicI64>;
type Seconds = Counter<f64, AtomicU64>;
type Latency = Family<OfSink, Histogram, fn() -> Histogram>;

/// Makes a struct of metrics, and what registers them, from a line for each: how it is made if that is
/// not by default, its name, and its help.
macro_rules! registered {
    ($(#[$about:meta])* $see:vis struct $name:ident {
        $($inside:vis $field:ident: $metric:ty $(= $made:expr)?, $id:literal, $help:literal;)*
    }) => {
        $(#[$about])*
        #[derive(Clone, Debug)]
        $see struct $name {
            $($inside $field: $metric,)*
        }

        impl $name {
            /// The type, the name and the help of each.
            const TABLE: &'static [(&'static str, &'static str, &'static str)] =
                &[$((stringify!($metric), $id, $help)),*];

            fn register(registry: &mut Registry) -> Self {
                let new = Self { $($field: registered!(@made $($made)?),)* };
                $(registry.register($id, $help, new.$field.clone());)*
                new
            }
        }
    };
    (@made) => { Default::default() };
    (@made $made:expr) => { $made };
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfSink {
    sink: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Status {
    sink: String,
    status: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    sink: String,
    reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reload {
    result: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfConfig {
    hash: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Dropped {
    sink: String,
    policy: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfPipeline {
    pipeline: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfSource {
    source: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ErrorOfSource {
    source: String,
    reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    pipeline: String,
    outcome: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RejectOf {
    pipeline: String,
    reason: String,
    product: String,
}

registered! {
    struct SinkFamilies {
        records: Family<OfSink, Count>, "weir_sink_records", "Records that the destination has";
        bytes: Family<OfSink, Count>, "weir_sink_bytes", "Bytes of them";
        requests: Family<Status, Count>, "weir_sink_requests", "Requests by their outcome";
        retries: Family<Reason, Count>, "weir_sink_retries", "What was tried again, by why";
        latency: Latency = Family::new_with_constructor(latency),
            "weir_sink_latency_seconds", "From a request to its answer";
        in_flight: Family<OfSink, Level>, "weir_sink_in_flight", "Requests without an answer yet";
        dropped: Family<Dropped, Count>,
            "weir_sink_dropped", "Records that were thrown away because of a policy that was chosen";
        dead_letters: Family<Reason, Count>,
            "weir_sink_dead_letters", "Records that the destination will never take";
        of_pipelines: Family<OfPipeline, Count>,
            "weir_pipeline_dead_letters", "Records that a destination of the pipeline will never take";
        last_success: Family<OfSink, Level>,
            "weir_sink_last_success_timestamp_seconds", "When it last had records";
    }
}

registered! {
    struct PipelineFamilies {
        records: Family<Outcome, Count>, "weir_pipeline_records", "Records by what became of them";
        rejects: Family<RejectOf, Count>, "weir_pipeline_rejects", "Records that can't be read, by why";
        guest_seconds: Family<OfPipeline, Seconds>, "weir_guest_seconds", "Time that normalizing took";
        guest_batches: Family<OfPipeline, Count>, "weir_guest_batches", "Batches that were normalized";
        guest_traps: Family<OfPipeline, Count>,
            "weir_guest_traps", "How often guests stopped themselves, or answered what can't be";
        guest_deadlines: Family<OfPipeline, Count>,
            "weir_guest_deadlines", "How often guests ran past their deadline";
        guest_replaced: Family<OfPipeline, Count>, "weir_guest_replaced", "Guests that others took the place of";
    }
}

registered! {
    struct SourceFamilies {
        records: Family<OfSource, Count>, "weir_source_records", "Records that were read";
        bytes: Family<OfSource, Count>, "weir_source_bytes", "Bytes that were read, after decompression";
        errors: Family<ErrorOfSource, Count>, "weir_source_errors", "What could not be read, by why";
        lag_seconds: Family<OfSource, Level>,
            "weir_source_lag_seconds", "The age of the latest record, by its own time, when it came out";
        lag_bytes: Family<OfSource, Level>, "weir_source_lag_bytes", "Bytes that wait to be read";
        lag_objects: Family<OfSource, Level>,
            "weir_source_lag_objects", "Objects that are listed and wait to be read";
        files_open: Family<OfSource, Level>, "weir_source_files_open", "Files that are open";
        deleted_open_bytes: Family<OfSource, Level>,
            "weir_source_deleted_open_bytes", "Bytes of deleted files that are open";
        paused: Family<OfSource, Seconds>,
            "weir_source_paused_seconds", "Time without room for more records";
        oldest_unacked: Family<OfSource, Level>,
            "weir_source_oldest_unacked_seconds", "For how long the oldest records have been on their way";
    }
}

registered! {
    /// What concerns the whole process.
    pub struct ProcessMetrics {
        pub(crate) balance: Level, "weir_balance_records", "Records on their way; 0 at rest";
        pub(crate) memory_used: Level, "weir_memory_used_bytes", "Bytes of records on their way";
        pub(crate) memory_limit: Level, "weir_memory_limit_bytes", "How many there may be";
        pub(crate) checkpoint_age: Level, "weir_checkpoint_age_seconds", "Time since progress was written";
        pub(crate) checkpoint_writes: Count, "weir_checkpoint_writes", "How often progress was written";
        pub(crate) checkpoint_errors: Count, "weir_checkpoint_errors", "How often it could not be";
        reloads: Family<Reload, Count>,
            "weir_config_reloads", "How often the configuration was read again, and what came of it";
        config: Family<OfConfig, Level>, "weir_config_info", "The configuration in force, by its hash";
    }
}

registered! {
    struct BufferFamilies {
        bytes: Family<OfSink, Level>, "weir_buffer_bytes", "Bytes of the buffer on disk";
        limit: Family<OfSink, Level>, "weir_buffer_limit_bytes", "How many there may be";
        pages: Family<OfSink, Level>, "weir_buffer_pages", "Pages in it that are not delivered";
        oldest: Family<OfSink, Level>, "weir_buffer_oldest_seconds", "The age of the oldest page on its way out of it";
        quarantined: Family<OfSink, Count>,
            "weir_buffer_quarantined", "Pages that were lost as their bytes were damaged";
        truncated: Family<OfSink, Count>,
            "weir_buffer_truncated_bytes", "Bytes of pages that a crash had cut off";
        sync: Latency = Family::new_with_constructor(latency),
            "weir_buffer_sync_seconds", "How long the disk took to make pages durable";
    }
}

fn latency() -> Histogram {
    // From 1 ms to 32 s.
    Histogram::new(exponential_buckets(0.001, 2.0, 16))
}

impl Metrics {
    /// Metrics that are all 0.
    pub fn new() -> Self {
        let mut registry = Registry::default();
        let sinks = SinkFamilies::register(&mut registry);
        let pipelines = PipelineFamilies::register(&mut registry);
        let sources = SourceFamilies::register(&mut registry);
        let process = ProcessMetrics::register(&mut registry);
        let buffers = BufferFamilies::register(&mut registry);
        for result in ["ok", "refused"] {
            drop(process.reloads.get_or_create(&Reload { result: result.into() }));
        }
        let failed = Failed::default();
        Self { registry: Arc::new(registry), sinks, pipelines, sources, process, buffers, failed }
    }

    /// What there is, also what nothing has counted yet: the name as `/metrics` has it, the kind, and
    /// the help.
    pub fn table() -> Vec<(String, &'static str, &'static str)> {
        let all = [
            SinkFamilies::TABLE,
            PipelineFamilies::TABLE,
            SourceFamilies::TABLE,
            ProcessMetrics::TABLE,
            BufferFamilies::TABLE,
        ];
        let one = |(metric, name, help): &(&str, &str, &'static str)| match *metric {
            m if m.contains("Level") => ((*name).to_owned(), "gauge", *help),
            m if m.contains("Latency") => ((*name).to_owned(), "histogram", *help),
            _ => (format!("{name}_total"), "counter", *help),
        };
        all.into_iter().flatten().map(one).collect()
    }

    /// Those of one pipeline.
    pub fn pipeline(&self, name: &str) -> PipelineMetrics {
        let of = |outcome: &str| {
            let label = Outcome { pipeline: name.into(), outcome: outcome.into() };
            self.pipelines.records.get_or_create(&label).clone()
        };
        let label = OfPipeline { pipeline: name.into() };
        for family in
            [&self.pipelines.guest_traps, &self.pipelines.guest_deadlines, &self.pipelines.guest_replaced]
        {
            drop(family.get_or_create(&label));
        }
        PipelineMetrics {
            normalized: of("normalized"),
            filtered: of("filtered"),
            rejected: of("rejected"),
            dead_letters: self.sinks.of_pipelines.get_or_create(&label).clone(),
            rejects: self.pipelines.rejects.clone(),
            guest_seconds: self.pipelines.guest_seconds.get_or_create(&label).clone(),
            guest_batches: self.pipelines.guest_batches.get_or_create(&label).clone(),
            pipeline: name.into(),
        }
    }

    /// Those of one source.
    pub fn source(&self, name: &str) -> SourceMetrics {
        let label = OfSource { source: name.into() };
        let f = &self.sources;
        SourceMetrics {
            records: f.records.get_or_create(&label).clone(),
            bytes: f.bytes.get_or_create(&label).clone(),
            lag_seconds: f.lag_seconds.get_or_create(&label).clone(),
            lag_bytes: f.lag_bytes.get_or_create(&label).clone(),
            lag_objects: f.lag_objects.get_or_create(&label).clone(),
            files_open: f.files_open.get_or_create(&label).clone(),
            deleted_open_bytes: f.deleted_open_bytes.get_or_create(&label).clone(),
            paused: f.paused.get_or_create(&label).clone(),
            oldest_unacked: f.oldest_unacked.get_or_create(&label).clone(),
            errors: f.errors.clone(),
            failed: Arc::clone(&self.failed),
            source: name.into(),
        }
    }

    /// The sources of which a file could not be read.
    pub(crate) fn failed_sources(&self) -> Vec<String> {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.iter().map(ToString::to_string).collect()
    }

    /// Those of the process.
    pub fn process(&self) -> &ProcessMetrics {
        &self.process
    }

    /// Those of one sink, which are there from now on, as far as nothing but its name tells them apart.
    pub fn sink(&self, name: &str) -> SinkMetrics {
        let label = OfSink { sink: name.into() };
        let f = &self.sinks;
        drop(f.records.get_or_create(&label));
        drop(f.bytes.get_or_create(&label));
        drop(f.in_flight.get_or_create(&label));
        drop(f.last_success.get_or_create(&label));
        SinkMetrics {
            families: f.clone(),
            buffers: self.buffers.clone(),
            sink: name.into(),
            told: Arc::default(),
        }
    }

    /// What a sink's buffer holds now.
    pub(crate) fn buffer(&self, sink: &str, stats: &weir_buffer::Stats) {
        let label = OfSink { sink: sink.into() };
        let f = &self.buffers;
        let level = |family: &Family<OfSink, Level>, n: u64| {
            family.get_or_create(&label).set(i64::try_from(n).unwrap_or(i64::MAX));
        };
        level(&f.bytes, stats.bytes);
        level(&f.limit, stats.limit);
        level(&f.pages, stats.pages);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let age =
            |since: u64| Duration::from_millis((now.as_millis() as u64).saturating_sub(since)).as_secs();
        level(&f.oldest, stats.oldest.map_or(0, age));
        // The queue counts these itself.
        let count = |family: &Family<OfSink, Count>, n| {
            family.get_or_create(&label).inner().store(n, std::sync::atomic::Ordering::Relaxed);
        };
        count(&f.quarantined, stats.quarantined);
        count(&f.truncated, stats.truncated);
    }

    /// How often the guests of a pipeline failed until now.
    pub(crate) fn guests(&self, pipeline: &str, failures: &weir_pipeline::Failures) {
        let label = OfPipeline { pipeline: pipeline.into() };
        let f = &self.pipelines;
        for (family, n) in [
            (&f.guest_traps, failures.traps),
            (&f.guest_deadlines, failures.deadlines),
            (&f.guest_replaced, failures.replaced),
        ] {
            // They are counted where they fail.
            family.get_or_create(&label).inner().store(n, std::sync::atomic::Ordering::Relaxed);
        }
    }

    /// The configuration was read again: `ok`, or `refused`.
    pub(crate) fn reloaded(&self, result: &str) {
        self.process.reloads.get_or_create(&Reload { result: result.into() }).inc();
    }

    /// The configuration in force has this hash.
    pub(crate) fn config(&self, hash: u64) {
        self.process.config.clear();
        self.process.config.get_or_create(&OfConfig { hash: format!("{hash:016x}") }).set(1);
    }

    /// All of them in the text format of Prometheus, [`TEXT`].
    pub fn text(&self) -> String {
        let mut text = String::new();
        prometheus_text::encode(&mut text, &self.registry).expect("a string can be written to");
        text
    }

    /// All of them in that of OpenMetrics, [`OPEN_METRICS`].
    pub fn open_metrics(&self) -> String {
        let mut text = String::new();
        text::encode(&mut text, &self.registry).expect("a string can be written to");
        text
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// What one pipeline counts.
#[derive(Clone, Debug)]
pub struct PipelineMetrics {
    normalized: Count,
    filtered: Count,
    rejected: Count,
    dead_letters: Count,
    rejects: Family<RejectOf, Count>,
    guest_seconds: Seconds,
    guest_batches: Count,
    pipeline: Arc<str>,
}

impl PipelineMetrics {
    /// Records so far: normalized, filtered, rejected, and how many of the first are dead letters.
    pub(crate) fn counts(&self) -> [u64; 4] {
        [&self.normalized, &self.filtered, &self.rejected, &self.dead_letters].map(|count| count.get())
    }

    pub(crate) fn records(&self, normalized: u64, filtered: u64, rejected: u64) {
        self.normalized.inc_by(normalized);
        self.filtered.inc_by(filtered);
        self.rejected.inc_by(rejected);
    }

    /// A batch was normalized in this time.
    pub(crate) fn batch(&self, time: Duration) {
        self.guest_batches.inc();
        self.guest_seconds.inc_by(time.as_secs_f64());
    }

    /// Reasons and products are words of the normalizer; a guest that makes up others is cut short.
    pub(crate) fn reject(&self, reason: &str, product: &str) {
        let label = RejectOf {
            pipeline: self.pipeline.to_string(),
            reason: reason.chars().take(64).collect(),
            product: product.chars().take(64).collect(),
        };
        self.rejects.get_or_create(&label).inc();
    }
}

/// What one source counts.
#[derive(Clone, Debug)]
pub struct SourceMetrics {
    pub(crate) records: Count,
    pub(crate) bytes: Count,
    lag_seconds: Level,
    pub(crate) lag_bytes: Level,
    pub(crate) lag_objects: Level,
    pub(crate) files_open: Level,
    pub(crate) deleted_open_bytes: Level,
    pub(crate) paused: Seconds,
    pub(crate) oldest_unacked: Level,
    errors: Family<ErrorOfSource, Count>,
    failed: Failed,
    source: Arc<str>,
}

/// The sources of which a file could not be read.
type Failed = Arc<Mutex<BTreeSet<Arc<str>>>>;

impl SourceMetrics {
    /// A record with this time of its own came out, in epoch milliseconds.
    pub(crate) fn lags(&self, time: i64) {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.lag_seconds.set((now.as_millis() as i64).saturating_sub(time) / 1000);
    }

    /// Something could not be read; few different reasons.
    pub(crate) fn error(&self, reason: &str) {
        let label = ErrorOfSource { source: self.source.to_string(), reason: reason.into() };
        self.errors.get_or_create(&label).inc();
    }

    /// The same of a file that may stay so.
    pub(crate) fn unreadable(&self, reason: &str) {
        self.error(reason);
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).insert(Arc::clone(&self.source));
    }
}

/// What one sink counts.
#[derive(Clone, Debug)]
pub struct SinkMetrics {
    families: SinkFamilies,
    buffers: BufferFamilies,
    sink: Arc<str>,
    /// When its dead letters were told.
    told: Arc<Seldom>,
}

impl SinkMetrics {
    fn label(&self) -> OfSink {
        OfSink { sink: self.sink.to_string() }
    }

    fn reason(&self, reason: &str) -> Reason {
        Reason { sink: self.sink.to_string(), reason: reason.into() }
    }

    /// The destination has so many records for good.
    pub fn delivered(&self, records: u64, bytes: u64) {
        let label = self.label();
        self.families.records.get_or_create(&label).inc_by(records);
        self.families.bytes.get_or_create(&label).inc_by(bytes);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.families.last_success.get_or_create(&label).set(now.as_secs().cast_signed());
    }

    /// It has a buffer, and perhaps a policy that throws records away.
    pub(crate) fn has_buffer(&self, policy: Option<&str>) {
        let (label, f) = (self.label(), &self.buffers);
        for level in [&f.bytes, &f.limit, &f.pages, &f.oldest] {
            drop(level.get_or_create(&label));
        }
        for count in [&f.quarantined, &f.truncated] {
            drop(count.get_or_create(&label));
        }
        if let Some(policy) = policy {
            self.dropped(policy, 0);
        }
    }

    /// The disk made pages of the buffer durable.
    pub(crate) fn synced(&self, after: Duration) {
        self.buffers.sync.get_or_create(&self.label()).observe(after.as_secs_f64());
    }

    /// A request was sent, and has no answer yet.
    pub fn sent(&self) {
        self.families.in_flight.get_or_create(&self.label()).inc();
    }

    /// It has come to its end: a status such as `200`, or a word such as `timeout`.
    pub fn answered(&self, status: &str, after: Duration) {
        let label = self.label();
        self.families.in_flight.get_or_create(&label).dec();
        self.families.latency.get_or_create(&label).observe(after.as_secs_f64());
        let status = Status { sink: label.sink, status: status.into() };
        self.families.requests.get_or_create(&status).inc();
    }

    /// Something is tried again; few different reasons, such as `429`, `timeout` or `dns`.
    pub fn retried(&self, reason: &str) {
        self.families.retries.get_or_create(&self.reason(reason)).inc();
    }

    /// So many records were thrown away by a policy that was chosen.
    pub fn dropped(&self, policy: &str, records: u64) {
        let label = Dropped { sink: self.sink.to_string(), policy: policy.into() };
        self.families.dropped.get_or_create(&label).inc_by(records);
    }

    /// A record of a pipeline will never be taken. The service counts it where it keeps the record, so sinks do
    /// not.
    pub fn dead_letter(&self, pipeline: &str, code: &str) {
        self.families.dead_letters.get_or_create(&self.reason(code)).inc();
        self.families.of_pipelines.get_or_create(&OfPipeline { pipeline: pipeline.into() }).inc();
    }

    /// How many dead letters there were since they were told, where they are to be told now.
    pub(crate) fn tells_dead_letters(&self, more: u64) -> Option<u64> {
        self.told.happens(more)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_configured_is_there_before_it_counts() {
        let metrics = Metrics::new();
        metrics.sink("es").has_buffer(Some("drop_newest"));
        metrics.source("in");
        metrics.pipeline("p");
        let text = metrics.text();
        for line in [
            "weir_sink_records_total{sink=\"es\"} 0",
            "weir_sink_bytes_total{sink=\"es\"} 0",
            "weir_sink_in_flight{sink=\"es\"} 0",
            "weir_sink_last_success_timestamp_seconds{sink=\"es\"} 0",
            "weir_sink_dropped_total{sink=\"es\",policy=\"drop_newest\"} 0",
            "weir_buffer_pages{sink=\"es\"} 0",
            "weir_buffer_quarantined_total{sink=\"es\"} 0",
            "weir_source_records_total{source=\"in\"} 0",
            "weir_source_lag_bytes{source=\"in\"} 0",
            "weir_pipeline_records_total{pipeline=\"p\",outcome=\"rejected\"} 0",
            "weir_guest_traps_total{pipeline=\"p\"} 0",
            "weir_config_reloads_total{result=\"refused\"} 0",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }

    #[test]
    fn what_a_sink_counts_has_the_names_that_are_documented() {
        let metrics = Metrics::new();
        let sink = metrics.sink("es");
        sink.delivered(3, 300);
        sink.sent();
        sink.answered("200", Duration::from_millis(3));
        sink.retried("429");
        sink.dead_letter("p", "400");
        sink.dropped("drop_newest", 7);
        let counted = Metrics::table().into_iter().map(|(name, kind, _)| (name, kind));
        let counted: std::collections::BTreeMap<_, _> = counted.collect();
        for line in metrics.text().lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
            let (name, kind) = line.split_once(' ').unwrap();
            assert_eq!(counted.get(name), Some(&kind), "{name}");
        }
        let failures = weir_pipeline::Failures { traps: 3, deadlines: 2, replaced: 5 };
        metrics.guests("p", &failures);
        let text = metrics.text();
        for line in [
            "weir_guest_traps_total{pipeline=\"p\"} 3",
            "weir_guest_deadlines_total{pipeline=\"p\"} 2",
            "weir_guest_replaced_total{pipeline=\"p\"} 5",
            "weir_sink_records_total{sink=\"es\"} 3",
            "weir_sink_bytes_total{sink=\"es\"} 300",
            "weir_sink_requests_total{sink=\"es\",status=\"200\"} 1",
            "weir_sink_retries_total{sink=\"es\",reason=\"429\"} 1",
            "weir_sink_latency_seconds_count{sink=\"es\"} 1",
            "weir_sink_in_flight{sink=\"es\"} 0",
            "weir_sink_dead_letters_total{sink=\"es\",reason=\"400\"} 1",
            "weir_pipeline_dead_letters_total{pipeline=\"p\"} 1",
            "weir_sink_dropped_total{sink=\"es\",policy=\"drop_newest\"} 7",
            "weir_sink_last_success_timestamp_seconds{sink=\"es\"} ",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
