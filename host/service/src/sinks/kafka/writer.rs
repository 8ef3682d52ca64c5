//! The sink: gathers batches, and sends each until it has come to its end.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use super::{
    Options,
    producer::{Producer, Reports, Said, Sent},
};
use crate::{
    error::Error,
    health::Trouble,
    kafka::client::{self, Meaning},
    sinks::{
        Context, Delivery, Sink,
        request::{
            batch::{Batch, Gatherer, Item},
            sender::pauses,
        },
    },
};

/// How often a batch is halved to find the records that are refused; where it is not enough, what is left goes to
/// the dead letters in larger pieces.
const HALVINGS: usize = 400;
/// The longest pause.
const PAUSE: Duration = Duration::from_secs(60);

/// Writes to one topic.
pub(super) struct Writer {
    options: Options,
    context: Context,
    trouble: Arc<Trouble>,
    /// None where another one is needed.
    producer: Option<Producer>,
    gatherer: Gatherer,
    since: Option<Instant>,
}

/// What became of some records.
#[derive(Default)]
struct Sorted {
    refused: Vec<Item>,
    again: Vec<Item>,
    /// Why the first of them was not taken.
    why: Option<Code>,
}

impl Writer {
    pub(super) fn open(options: Options, context: Context) -> Result<Self, Error> {
        if options.access().is_open() {
            tracing::warn!(sink = %context.name, "a login goes to the cluster without encryption; add `tls`");
        }
        let trouble = Arc::new(Trouble::new(context.health.clone()));
        let producer = Producer::new(&options, Reports::new(&context.name, Arc::clone(&trouble)))?;
        Ok(Self {
            options,
            context,
            trouble,
            producer: Some(producer),
            gatherer: Gatherer::default(),
            since: None,
        })
    }

    fn send_rest(&mut self) {
        self.since = None;
        if let Some(batch) = self.gatherer.rest() {
            self.deliver(batch);
        }
    }

    /// Sends a batch until each of its records has come to its end, or until it is told to stop, which gives its
    /// pages back.
    fn deliver(&mut self, mut batch: Batch) {
        let mut pieces = vec![std::mem::take(&mut batch.items)];
        let mut halvings = HALVINGS;
        let mut pauses = pauses();
        while let Some(items) = pieces.pop() {
            let Some(said) = self.send(&batch, &items) else { return };
            let Sorted { refused, again, why } = self.sort(&mut batch, &items, said);
            if !refused.is_empty() {
                let code = why.unwrap_or(Code::InvalidRecord);
                // With others in one batch of the protocol, any of them is refused.
                if items.len() == 1 || halvings == 0 {
                    for item in refused {
                        let reason = client::told(&KafkaError::MessageProduction(code));
                        batch.end(item, Some((client::reason(code).into(), reason)));
                    }
                } else {
                    halvings -= 1;
                    self.context.metrics.retried(client::reason(code));
                    let (first, second) = refused.split_at(refused.len() / 2);
                    pieces.extend(
                        [second, first].into_iter().filter(|half| !half.is_empty()).map(<[_]>::to_vec),
                    );
                }
            }
            if again.is_empty() {
                continue;
            }
            if again.len() < items.len() {
                // It goes on.
                pauses = self::pauses();
            }
            pieces.push(again);
            if self.context.stop.wait(pauses.next().unwrap_or(PAUSE)) {
                return;
            }
        }
    }

    /// Sends records, and gives what was said of each; none where it is time to stop.
    fn send(&mut self, batch: &Batch, items: &[Item]) -> Option<Vec<Said>> {
        let mut pauses = pauses();
        let producer = loop {
            if let Some(producer) = &self.producer {
                break producer;
            }
            let reports = Reports::new(&self.context.name, Arc::clone(&self.trouble));
            match Producer::new(&self.options, reports) {
                Ok(producer) => self.producer = Some(producer),
                Err(error) => {
                    self.context.health.fails(error.to_string());
                    if self.context.stop.wait(pauses.next().unwrap_or(PAUSE)) {
                        return None;
                    }
                }
            }
        };
        let messages = items.iter().map(|item| {
            let (page, index) = batch.record(*item);
            page.record(index)
        });
        let begun = Instant::now();
        self.context.metrics.sent();
        let sent = producer.send(messages, &self.options, &|| self.context.stop.is_told());
        let status = match &sent {
            Sent::Each(said) => {
                said.iter().find_map(|said| said.and_then(Result::err)).map_or("ok", client::reason)
            }
            Sent::Dead(_) => "fatal",
            Sent::Stopped => "stopped",
        };
        self.context.metrics.answered(status, begun.elapsed());
        match sent {
            Sent::Each(said) => {
                let is_fatal = |said: &Said| {
                    said.and_then(Result::err).is_some_and(|code| client::meaning(code) == Meaning::Fatal)
                };
                if said.iter().any(is_fatal) {
                    self.producer = None;
                }
                Some(said)
            }
            Sent::Dead(said) => {
                // What it has it gives up, so that nothing of it comes later.
                self.producer = None;
                Some(said)
            }
            Sent::Stopped => {
                self.producer = None;
                None
            }
        }
    }

    /// Ends what is delivered.
    fn sort(&self, batch: &mut Batch, items: &[Item], said: Vec<Said>) -> Sorted {
        let mut sorted = Sorted::default();
        let mut delivered = Vec::with_capacity(items.len());
        let mut error = None;
        for (item, said) in items.iter().zip(said) {
            match said {
                Some(Ok(())) => delivered.push(*item),
                Some(Err(code)) if client::meaning(code) == Meaning::Refused => {
                    sorted.why.get_or_insert(code);
                    sorted.refused.push(*item);
                }
                Some(Err(code)) => {
                    error.get_or_insert(code);
                    sorted.again.push(*item);
                }
                None => {
                    error.get_or_insert(Code::PurgeQueue);
                    sorted.again.push(*item);
                }
            }
        }
        if !delivered.is_empty() {
            let bytes = batch.bytes_of(&delivered) as u64;
            self.context.metrics.delivered(delivered.len() as u64, bytes);
            delivered.into_iter().for_each(|item| batch.end(item, None));
        }
        match error {
            Some(code) => {
                self.context.metrics.retried(client::reason(code));
                let what = format!(
                    "the topic {} does not take records: {}",
                    self.options.topic,
                    client::told(&KafkaError::MessageProduction(code))
                );
                if client::begins(&self.trouble, code, &what) {
                    tracing::warn!(sink = %self.context.name, "{what}; it is tried again");
                }
            }
            None if self.trouble.ends() => {
                tracing::info!(sink = %self.context.name, "the topic {} takes records again", self.options.topic);
            }
            None => {}
        }
        sorted
    }
}

impl Sink for Writer {
    fn take(&mut self, delivery: Delivery) {
        let bytes = usize::try_from(self.options.batch.bytes.0).unwrap_or(usize::MAX);
        let mut full = Vec::new();
        self.gatherer
            .add(delivery, &|| bytes, self.options.batch.records as usize, &mut |batch| full.push(batch));
        if !full.is_empty() || self.since.is_none() {
            self.since = (!self.gatherer.is_empty()).then(Instant::now);
        }
        for batch in full {
            self.deliver(batch);
        }
    }

    fn sync(&mut self) {
        let age = self.since.map(|since| since.elapsed());
        // This comes once a second, so who wants them younger than that gets them at once.
        let is_due = age.is_some_and(|age| age + Duration::from_secs(1) > self.options.batch.age.0);
        if is_due || self.gatherer.is_awaited() {
            self.send_rest();
        }
    }

    fn flush(&mut self) {
        self.send_rest();
    }

    fn close(mut self: Box<Self>) {
        self.send_rest();
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::{
        ClientConfig, Message as _,
        consumer::{BaseConsumer, Consumer as _},
        mocking::MockCluster,
        producer::DefaultProducerContext,
        types::{RDKafkaApiKey, RDKafkaRespErr},
    };
    use weir_normalizer::schemas::Schema;

    use super::*;
    use crate::{
        config::values::Span,
        receipt::Answer,
        sinks::{Options as _, request::stand_in::Surroundings},
    };

    const TOPIC: &str = "flows";

    fn cluster() -> MockCluster<'static, DefaultProducerContext> {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic(TOPIC, 2, 1).unwrap();
        cluster
    }

    fn options(brokers: String) -> Options {
        let mut options = Options { brokers: vec![brokers], topic: TOPIC.into(), ..Options::default() };
        options.batch.age = Span(Duration::ZERO);
        assert_eq!(options.check(), []);
        options
    }

    /// All that is in the topic, in any order.
    fn content(brokers: &str, count: usize) -> Vec<String> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", brokers).set("group.id", "test").set("enable.auto.commit", "false");
        let consumer: BaseConsumer = config.create().unwrap();
        let mut all = rdkafka::TopicPartitionList::new();
        for number in 0..2 {
            all.add_partition_offset(TOPIC, number, rdkafka::Offset::Beginning).unwrap();
        }
        consumer.assign(&all).unwrap();
        let mut found = Vec::new();
        let until = Instant::now() + Duration::from_secs(60);
        while found.len() < count {
            assert!(Instant::now() < until, "{found:?}");
            if let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) {
                found.push(String::from_utf8(message.payload().unwrap().to_vec()).unwrap());
            }
        }
        found.sort();
        found
    }

    fn numbered(count: usize) -> Vec<String> {
        (100..100 + count).map(|n| format!("{{\"n\":{n}}}")).collect()
    }

    fn refs(records: &[String]) -> Vec<&str> {
        records.iter().map(String::as_str).collect()
    }

    #[test]
    fn records_are_messages_in_each_compression() {
        for (compression, idempotent) in
            [("none", true), ("lz4", false), ("zstd", true), ("gzip", true), ("snappy", true)]
        {
            let cluster = cluster();
            let around = Surroundings::new();
            let brokers = cluster.bootstrap_servers();
            let options = Options { compression: compression.into(), idempotent, ..options(brokers.clone()) };
            let mut sink = options.open(around.context.clone()).unwrap();
            let records = numbered(300);
            around.deliver(&mut *sink, around.page(Schema::Flat, &refs(&records[..200])));
            around.deliver(&mut *sink, around.page(Schema::Flat, &refs(&records[200..])));
            sink.sync();
            assert_eq!(around.answers(2), [Answer::Delivered, Answer::Delivered]);
            assert_eq!(content(&brokers, 300), records);
            assert_eq!(around.metric("weir_sink_records_total{sink=\"out\"}"), 300);
            assert_eq!(around.metric("weir_sink_in_flight{sink=\"out\"}"), 0);
            assert_eq!(around.budget.used(), 0);
            sink.close();
        }
    }

    #[test]
    fn a_record_that_is_refused_is_found_and_takes_no_other_with_it() {
        let cluster = cluster();
        let around = Surroundings::new();
        let brokers = cluster.bootstrap_servers();
        let mut sink = options(brokers.clone()).open(around.context.clone()).unwrap();
        let mut records = numbered(20);
        let long = format!("{{\"long\":\"{}\"}}", "x".repeat(1_100_000));
        records.insert(7, long);
        around.deliver(&mut *sink, around.page(Schema::Flat, &refs(&records)));
        sink.sync();
        let answers = around.answers(1);
        let Answer::Refused(refused) = &answers[0] else { panic!("{answers:?}") };
        assert!(
            refused.len() == 1 && refused[0].record == 7 && refused[0].code == "too_large",
            "{refused:?}"
        );
        records.remove(7);
        assert_eq!(content(&brokers, 20), records);
        // A broker that refuses the whole of a batch once takes its halves.
        let error = RDKafkaRespErr::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
        cluster.request_errors(RDKafkaApiKey::Produce, &[error]);
        let more: Vec<String> = (200..220).map(|n| format!("{{\"n\":{n}}}")).collect();
        around.deliver(&mut *sink, around.page(Schema::Flat, &refs(&more)));
        sink.sync();
        assert_eq!(around.answers(2)[1], Answer::Delivered);
        records.extend(more);
        assert_eq!(content(&brokers, 40), records);
        assert_eq!(around.metric("weir_sink_retries_total{sink=\"out\",reason=\"too_large\"}"), 1);
        sink.close();
    }

    #[test]
    fn what_a_cluster_does_not_take_now_it_takes_later_and_a_stop_gives_it_back() {
        let cluster = cluster();
        let around = Surroundings::new();
        let brokers = cluster.bootstrap_servers();
        let mut sink = options(brokers.clone()).open(around.context.clone()).unwrap();
        // Who may not write now may when somebody has corrected that.
        let error = RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
        cluster.request_errors(RDKafkaApiKey::Produce, &[error]);
        let records = numbered(5);
        around.deliver(&mut *sink, around.page(Schema::Flat, &refs(&records)));
        sink.sync();
        assert_eq!(around.answers(1), [Answer::Delivered]);
        assert_eq!(content(&brokers, 5), records);
        assert_eq!(around.metric("weir_sink_retries_total{sink=\"out\",reason=\"denied\"}"), 1);
        assert!(around.board.failing().is_empty());
        cluster.broker_down(-1).unwrap();
        around.stopper.stop();
        around.deliver(&mut *sink, around.page(Schema::Flat, &refs(&records)));
        sink.close();
        assert_eq!(around.answers(2)[1], Answer::Returned);
        assert_eq!(around.budget.used(), 0);
    }
}
