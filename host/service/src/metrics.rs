//! What `/metrics` says.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64},
    },
    time::{Duration, SystemTime},
};

use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};

/// All metrics of a process.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Arc<Registry>,
    sinks: SinkFamilies,
}

type Count = Counter<u64, AtomicU64>;
type Level = Gauge<i64, AtomicI64>;

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

#[derive(Clone, Debug)]
struct SinkFamilies {
    records: Family<OfSink, Count>,
    bytes: Family<OfSink, Count>,
    requests: Family<Status, Count>,
    retries: Family<Reason, Count>,
    latency: Family<OfSink, Histogram, fn() -> Histogram>,
    in_flight: Family<OfSink, Level>,
    dead_letters: Family<Reason, Count>,
    last_success: Family<OfSink, Level>,
}

fn latency() -> Histogram {
    // From 1 ms to 32 s.
    Histogram::new(exponential_buckets(0.001, 2.0, 16))
}

impl Metrics {
    /// Metrics that are all 0.
    pub fn new() -> Self {
        let mut registry = Registry::default();
        let sinks = SinkFamilies {
            records: Family::default(),
            bytes: Family::default(),
            requests: Family::default(),
            retries: Family::default(),
            latency: Family::new_with_constructor(latency),
            in_flight: Family::default(),
            dead_letters: Family::default(),
            last_success: Family::default(),
        };
        let r = &mut registry;
        r.register("weir_sink_records", "Records that the destination has", sinks.records.clone());
        r.register("weir_sink_bytes", "Bytes of them", sinks.bytes.clone());
        r.register("weir_sink_requests", "Requests by their outcome", sinks.requests.clone());
        r.register("weir_sink_retries", "What was tried again, by why", sinks.retries.clone());
        r.register("weir_sink_latency_seconds", "From a request to its answer", sinks.latency.clone());
        r.register("weir_sink_in_flight", "Requests without an answer yet", sinks.in_flight.clone());
        r.register(
            "weir_sink_dead_letters",
            "Records that the destination will never take",
            sinks.dead_letters.clone(),
        );
        r.register(
            "weir_sink_last_success_timestamp_seconds",
            "When it last had records",
            sinks.last_success.clone(),
        );
        Self { registry: Arc::new(registry), sinks }
    }

    /// Those of one sink.
    pub fn sink(&self, name: &str) -> SinkMetrics {
        SinkMetrics { families: self.sinks.clone(), sink: name.into() }
    }

    /// All of them in the text format of Prometheus.
    pub fn text(&self) -> String {
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

/// What one sink counts.
#[derive(Clone, Debug)]
pub struct SinkMetrics {
    families: SinkFamilies,
    sink: Arc<str>,
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

    /// A record will never be taken. The service counts it where it keeps the record, so sinks do not.
    pub fn dead_letter(&self, reason: &str) {
        self.families.dead_letters.get_or_create(&self.reason(reason)).inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_sink_counts_has_the_names_that_are_documented() {
        let metrics = Metrics::new();
        let sink = metrics.sink("es");
        sink.delivered(3, 300);
        sink.sent();
        sink.answered("200", Duration::from_millis(3));
        sink.retried("429");
        sink.dead_letter("400");
        let text = metrics.text();
        for line in [
            "weir_sink_records_total{sink=\"es\"} 3",
            "weir_sink_bytes_total{sink=\"es\"} 300",
            "weir_sink_requests_total{sink=\"es\",status=\"200\"} 1",
            "weir_sink_retries_total{sink=\"es\",reason=\"429\"} 1",
            "weir_sink_latency_seconds_count{sink=\"es\"} 1",
            "weir_sink_in_flight{sink=\"es\"} 0",
            "weir_sink_dead_letters_total{sink=\"es\",reason=\"400\"} 1",
            "weir_sink_last_success_timestamp_seconds{sink=\"es\"} ",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
