//! What the group of consumers tells a member, to be done by the thread that reads.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use rdkafka::{
    ClientContext, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer as _, ConsumerContext},
    error::{KafkaError, RDKafkaErrorCode as Code},
    types::RDKafkaRespErr,
};

use crate::{
    health::Trouble,
    kafka::client::{self, Meaning},
    metrics::SourceMetrics,
};

/// A consumer in a group.
pub(super) type Member = BaseConsumer<Group>;

/// What changes in what a member reads.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It reads these partitions from now on, and nothing before it says from where.
    Assigned(Vec<(String, i32)>),
    /// It reads nothing until it is told again; others wait until it says that it does not.
    Revoked,
}

/// Takes what the group tells.
pub(super) struct Group {
    source: String,
    metrics: SourceMetrics,
    trouble: Trouble,
    changes: Mutex<Vec<Change>>,
    /// It leaves, and takes nothing more.
    is_leaving: AtomicBool,
    /// The login was refused.
    is_denied: AtomicBool,
    /// Nobody answered.
    is_away: AtomicBool,
}

impl Group {
    pub(super) fn new(source: &str, metrics: SourceMetrics, trouble: Trouble) -> Self {
        Self {
            source: source.to_owned(),
            metrics,
            trouble,
            changes: Mutex::default(),
            is_leaving: AtomicBool::new(false),
            is_denied: AtomicBool::new(false),
            is_away: AtomicBool::new(false),
        }
    }

    pub(super) fn changes(&self) -> Vec<Change> {
        std::mem::take(&mut *self.changes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn leave(&self) {
        self.is_leaving.store(true, Ordering::Relaxed);
    }

    /// Whether the login was refused since this was asked.
    pub(super) fn was_denied(&self) -> bool {
        self.is_denied.swap(false, Ordering::Relaxed)
    }

    /// Whether nobody answered, and nobody has since.
    pub(super) fn is_away(&self) -> bool {
        self.is_away.load(Ordering::Relaxed)
    }

    /// Something went wrong, and is tried again.
    pub(super) fn fails(&self, code: Code, what: &str) {
        self.is_away.store(client::meaning(code) == Meaning::Again, Ordering::Relaxed);
        if client::is_denied(code) {
            self.is_denied.store(true, Ordering::Relaxed);
        }
        self.metrics.error(client::reason(code));
        if client::begins(&self.trouble, code, what) {
            tracing::warn!(source = self.source, "{what}; it is tried again");
        }
    }

    pub(super) fn works(&self) {
        self.is_away.store(false, Ordering::Relaxed);
        if self.trouble.ends() {
            tracing::info!(source = self.source, "the cluster answers again");
        }
    }
}

impl ClientContext for Group {
    fn log(&self, level: RDKafkaLogLevel, area: &str, text: &str) {
        // What matters comes as an error, too.
        tracing::debug!(source = self.source, ?level, area, "{}", client::said(text));
    }

    fn error(&self, error: KafkaError, text: &str) {
        let code = client::code(&error);
        if code == Code::PartitionEOF {
            return;
        }
        let what = match text.is_empty() {
            true => client::told(&error),
            false => client::said(text),
        };
        self.fails(code, &what);
    }
}

impl ConsumerContext for Group {
    fn rebalance(&self, member: &BaseConsumer<Self>, what: RDKafkaRespErr, list: &mut TopicPartitionList) {
        if self.is_leaving.load(Ordering::Relaxed) {
            // The group waits for that.
            if let Err(error) = member.unassign() {
                tracing::debug!(source = self.source, "{}", client::told(&error));
            }
            return;
        }
        let change = match what {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => {
                let name = |of: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>| {
                    (of.topic().to_owned(), of.partition())
                };
                Change::Assigned(list.elements().iter().map(name).collect())
            }
            _ => Change::Revoked,
        };
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).push(change);
    }
}

impl Group {
    /// Whether an error that a poll gives is the end of this client; all are told by [`ClientContext::error`].
    pub(super) fn is_fatal(error: &KafkaError) -> bool {
        matches!(error, KafkaError::MessageConsumptionFatal(_))
            || error.rdkafka_error_code().is_some_and(|code| client::meaning(code) == Meaning::Fatal)
    }
}
