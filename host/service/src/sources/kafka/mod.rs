//! Topics of Kafka, read as a member of a group of consumers.
//!
//! The cluster keeps how far the group is in each partition, and nothing of it is in the state directory. A
//! place is committed when all before it is delivered, so that what was not is read again, by this process or
//! by another member of the group.

#[cfg(feature = "kafka")]
mod group;
#[cfg(feature = "kafka")]
mod partition;
#[cfg(feature = "kafka")]
mod reader;

use std::{path::Path, time::Duration};

#[cfg(feature = "kafka")]
pub(crate) use self::reader::run;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    config::{fault::Fault, values::Span},
    kafka::{Access, Auth, Tls, check_topic},
};

/// `type = "kafka"`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(rename = "KafkaSource")]
#[serde(default)]
pub struct Options {
    /// Brokers that are asked for all others: a host and a port each
    pub brokers: Vec<String>,
    /// The topics that are read
    pub topics: Vec<String>,
    /// The group of consumers; its members share the partitions, and the cluster keeps how far it is
    pub group: String,
    /// Where a partition is begun in which the group has no place: `earliest` or `latest`
    pub start: String,
    /// How long the group hears nothing of a member before others get its partitions, from 6 seconds on
    pub session: Span,
    /// The login
    pub auth: Auth,
    /// Encrypts connections, also where it is empty, and says whom to trust
    pub tls: Option<Tls>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            brokers: Vec::new(),
            topics: Vec::new(),
            group: String::new(),
            start: "earliest".into(),
            session: Span(Duration::from_secs(45)),
            auth: Auth::default(),
            tls: None,
        }
    }
}

impl Options {
    pub(crate) fn access(&self) -> Access<'_> {
        Access { brokers: &self.brokers, auth: &self.auth, tls: self.tls.as_ref() }
    }
}

impl super::Options for Options {
    fn check(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        self.access().check(&mut faults);
        if self.topics.is_empty() {
            faults.push(Fault::at(["topics"], "expected the topics to read, such as [\"lts-flows\"]"));
        }
        let topics = self.topics.iter().enumerate();
        faults.extend(topics.filter_map(|(i, topic)| Some(check_topic("topics", topic)?.of_item(i))));
        if self.group.is_empty() || self.group.len() > 255 || self.group.contains(char::is_control) {
            let message =
                "expected the name of a group of consumers that nobody else has, such as \"weir-flows\"";
            faults.push(Fault::at(["group"], message));
        }
        if !matches!(&*self.start, "earliest" | "latest") {
            let message = format!("{:?} is not known; expected \"earliest\" or \"latest\"", self.start);
            faults.push(Fault::at(["start"], message));
        }
        if !(Duration::from_secs(6)..=Duration::from_secs(1800)).contains(&self.session.0) {
            faults.push(Fault::at(["session"], "expected from \"6s\" to \"30m\""));
        }
        faults
    }

    fn files(&self) -> Vec<&Path> {
        self.access().files()
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Options as _, *};

    #[test]
    fn what_is_wrong_with_a_source_is_told_of_its_key() {
        let good = Options {
            brokers: vec!["kafka:9092".into()],
            topics: vec!["flows".into()],
            group: "weir".into(),
            ..Options::default()
        };
        assert_eq!(good.check(), []);
        for (options, key) in [
            (Options { brokers: Vec::new(), ..good.clone() }, "brokers"),
            (Options { topics: Vec::new(), ..good.clone() }, "topics"),
            (Options { topics: vec!["a b".into()], ..good.clone() }, "topics"),
            (Options { group: String::new(), ..good.clone() }, "group"),
            (Options { start: "newest".into(), ..good.clone() }, "start"),
            (Options { session: Span(Duration::ZERO), ..good.clone() }, "session"),
        ] {
            let faults = options.check();
            assert!(faults.len() == 1 && faults[0].key == [key], "{key}: {faults:?}");
        }
    }
}
