//! A producer, and what it says became of each message.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rdkafka::{
    ClientContext,
    config::RDKafkaLogLevel,
    error::{KafkaError, RDKafkaErrorCode as Code},
    producer::{BaseRecord, DeliveryResult, ProducerContext, ThreadedProducer},
};

use super::Options;
use crate::{
    error::Error,
    health::Trouble,
    kafka::client::{self, Meaning, Password},
};

/// The most bytes of a batch of the protocol that brokers take unless they are told otherwise.
const LEAST_MOST: u64 = 1_000_000;
/// The most that a client can be told.
const MOST: u64 = 1_000_000_000;
/// How often it is looked whether it is time for something else.
const LOOK: Duration = Duration::from_millis(50);

/// What became of a message: nothing yet, delivered, or an error.
pub(super) type Said = Option<Result<(), Code>>;

/// Takes what a producer says.
#[derive(Clone)]
pub(super) struct Reports(Arc<Shared>);

struct Shared {
    sink: String,
    trouble: Arc<Trouble>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    said: Vec<Said>,
    left: usize,
    is_denied: bool,
    is_dead: bool,
}

impl Reports {
    pub(super) fn new(sink: &str, trouble: Arc<Trouble>) -> Self {
        Self(Arc::new(Shared {
            sink: sink.to_owned(),
            trouble,
            state: Mutex::default(),
            changed: Condvar::new(),
        }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn say(&self, index: usize, said: Result<(), Code>) {
        let mut state = self.lock();
        let state = &mut *state;
        if let Some(place) = state.said.get_mut(index)
            && place.replace(said).is_none()
        {
            state.left -= 1;
        }
        if state.left == 0 {
            self.0.changed.notify_all();
        }
    }

    /// Something went wrong, and is tried again.
    pub(super) fn fails(&self, code: Code, what: &str) {
        if client::begins(&self.0.trouble, code, what) {
            tracing::warn!(sink = self.0.sink, "{what}; it is tried again");
        }
    }
}

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, area: &str, text: &str) {
        // What matters comes as an error, too.
        tracing::debug!(sink = self.0.sink, ?level, area, "{}", client::said(text));
    }

    fn error(&self, error: KafkaError, text: &str) {
        let code = client::code(&error);
        {
            let mut state = self.lock();
            state.is_denied |= client::is_denied(code);
            state.is_dead |= client::meaning(code) == Meaning::Fatal;
        }
        self.0.changed.notify_all();
        let what = match text.is_empty() {
            true => client::told(&error),
            false => client::said(text),
        };
        self.fails(code, &what);
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, index: usize) {
        let said = result.as_ref().map(drop).map_err(|(error, _)| client::code(error));
        self.say(index, said);
    }
}

/// A producer of one topic.
pub(super) struct Producer {
    client: ThreadedProducer<Reports>,
    reports: Reports,
    password: Password,
    topic: String,
}

/// What came of sending messages.
pub(super) enum Sent {
    /// What became of each.
    Each(Vec<Said>),
    /// The same, and another producer is needed.
    Dead(Vec<Said>),
    /// It was time to stop.
    Stopped,
}

impl Producer {
    /// Makes one. Nobody is asked anything yet.
    pub(super) fn new(options: &Options, reports: Reports) -> Result<Self, Error> {
        let (mut config, password) = client::client(&options.access())?;
        let most = options.batch.bytes.0.clamp(LEAST_MOST, MOST).to_string();
        config.set("acks", "all");
        config.set("enable.idempotence", if options.idempotent { "true" } else { "false" });
        if !options.idempotent {
            // Else what is sent again would come behind what was sent after it.
            config.set("max.in.flight.requests.per.connection", "1");
        }
        config.set("compression.type", &options.compression);
        config.set("message.max.bytes", &most);
        config.set("batch.size", &most);
        // Batches are made here, and wait for nothing more.
        config.set("linger.ms", "1");
        // It is tried for as long as it takes.
        config.set("message.timeout.ms", "0");
        config.set("socket.keepalive.enable", "true");
        let client: ThreadedProducer<Reports> =
            config.create_with_context(reports.clone()).map_err(|e| Error::failed(client::told(&e)))?;
        *reports.lock() = State::default();
        Ok(Self { client, reports, password, topic: options.topic.clone() })
    }

    /// Sends messages, and waits until it is known what became of each. It may take for ever, but for `is_over`.
    pub(super) fn send<'a>(
        &self,
        messages: impl ExactSizeIterator<Item = &'a [u8]>,
        options: &Options,
        is_over: &dyn Fn() -> bool,
    ) -> Sent {
        {
            let mut state = self.reports.lock();
            state.left = messages.len();
            state.said.clear();
            state.said.resize(messages.len(), None);
        }
        'messages: for (index, message) in messages.enumerate() {
            let mut record =
                BaseRecord::<(), [u8], usize>::with_opaque_to(&self.topic, index).payload(message);
            loop {
                match self.client.send(record) {
                    Ok(()) => continue 'messages,
                    Err((error, again)) if client::code(&error) == Code::QueueFull => record = again,
                    Err((error, _)) => {
                        self.reports.say(index, Err(client::code(&error)));
                        continue 'messages;
                    }
                }
                if let Some(sent) = self.look(options, is_over) {
                    return sent;
                }
                let state = self.reports.lock();
                drop(self.reports.0.changed.wait_timeout(state, LOOK));
            }
        }
        loop {
            if let Some(sent) = self.look(options, is_over) {
                return sent;
            }
            let state = self.reports.lock();
            if state.left > 0 {
                drop(self.reports.0.changed.wait_timeout(state, LOOK));
            }
        }
    }

    /// Whether it is time to return, and with what.
    fn look(&self, options: &Options, is_over: &dyn Fn() -> bool) -> Option<Sent> {
        let mut state = self.reports.lock();
        if state.left == 0 && !state.is_dead {
            return Some(Sent::Each(std::mem::take(&mut state.said)));
        }
        // A client keeps its password, so that one that is corrected needs another client.
        let was_denied = std::mem::take(&mut state.is_denied);
        if state.is_dead || was_denied && options.access().has_changed(&self.password) {
            return Some(Sent::Dead(std::mem::take(&mut state.said)));
        }
        drop(state);
        is_over().then_some(Sent::Stopped)
    }
}
