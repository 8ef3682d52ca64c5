//! A topic of Kafka: a message for each record.

#[cfg(feature = "kafka")]
mod producer;
#[cfg(feature = "kafka")]
mod writer;

use std::path::Path;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Context, Sink, request::options::BatchOptions};
use crate::{
    config::fault::Fault,
    error::Error,
    kafka::{Access, Auth, Tls, check_topic},
};

/// `type = "kafka"`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(rename = "KafkaSink")]
#[serde(default)]
pub struct Options {
    /// Brokers that are asked for all others: a host and a port each
    pub brokers: Vec<String>,
    /// The topic, with a message for each record
    pub topic: String,
    /// `lz4`, `zstd`, `snappy`, `gzip` or `none`
    pub compression: String,
    /// Number what is sent, so that brokers take nothing twice that is sent again; `false` for services that
    /// speak the protocol and can't do that
    pub idempotent: bool,
    /// The login
    pub auth: Auth,
    /// Encrypts connections, also where it is empty, and says whom to trust
    pub tls: Option<Tls>,
    /// What is sent together
    pub batch: BatchOptions,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            brokers: Vec::new(),
            topic: String::new(),
            compression: "lz4".into(),
            idempotent: true,
            auth: Auth::default(),
            tls: None,
            batch: BatchOptions::default(),
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
        faults.extend(check_topic("topic", &self.topic));
        if !matches!(&*self.compression, "lz4" | "zstd" | "snappy" | "gzip" | "none") {
            let message = format!(
                "{:?} is not known; expected \"lz4\", \"zstd\", \"snappy\", \"gzip\" or \"none\"",
                self.compression
            );
            faults.push(Fault::at(["compression"], message));
        }
        self.batch.check(&mut faults);
        faults
    }

    fn files(&self) -> Vec<&Path> {
        self.access().files()
    }

    #[cfg(feature = "kafka")]
    fn open(&self, context: Context) -> Result<Box<dyn Sink>, Error> {
        Ok(Box::new(writer::Writer::open(self.clone(), context)?))
    }

    #[cfg(not(feature = "kafka"))]
    fn open(&self, _: Context) -> Result<Box<dyn Sink>, Error> {
        Err(Error::usage(crate::kafka::MISSING))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Options as _, *};

    #[test]
    fn what_is_wrong_with_a_sink_is_told_of_its_key() {
        let good =
            Options { brokers: vec!["kafka:9092".into()], topic: "flows".into(), ..Options::default() };
        assert_eq!(good.check(), []);
        for (options, key) in [
            (Options { brokers: Vec::new(), ..good.clone() }, "brokers"),
            (Options { topic: String::new(), ..good.clone() }, "topic"),
            (Options { compression: "brotli".into(), ..good.clone() }, "compression"),
            (
                Options { batch: BatchOptions { records: 0, ..BatchOptions::default() }, ..good.clone() },
                "batch",
            ),
        ] {
            let faults = options.check();
            assert!(faults.len() == 1 && faults[0].key[0] == key, "{key}: {faults:?}");
        }
    }
}
