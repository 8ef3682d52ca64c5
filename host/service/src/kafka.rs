//! Clusters of Kafka, as the sections of a configuration name them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    config::{fault::Fault, secret::Secret},
    error::Error,
};

#[cfg(feature = "kafka")]
pub(crate) mod client;

/// What is told where a configuration needs what this program does not have.
pub(crate) const MISSING: &str = "this weir was built without Kafka; build it with `--features kafka`";

/// `auth = { user = "weir", password = { file = "/run/secrets/kafka" } }`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(rename = "KafkaAuth")]
#[serde(default)]
pub struct Auth {
    /// The user, with `password`
    pub user: Option<String>,
    /// The user's password
    pub password: Option<Secret>,
    /// `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`
    pub mechanism: String,
}

impl Default for Auth {
    fn default() -> Self {
        Self { user: None, password: None, mechanism: "PLAIN".into() }
    }
}

/// `tls = { ca_file = "/etc/weir/ca.pem" }`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(rename = "KafkaTls")]
#[serde(default)]
pub struct Tls {
    /// Certificates in PEM that are trusted, in place of the system's
    pub ca_file: Option<PathBuf>,
    /// The certificate in PEM that Weir shows, with those that signed it
    pub cert_file: Option<PathBuf>,
    /// Its private key in PEM
    pub key_file: Option<PathBuf>,
    /// Whether a broker's certificate must have its name; `false` for those that do not
    pub check_host: bool,
}

impl Default for Tls {
    fn default() -> Self {
        Self { ca_file: None, cert_file: None, key_file: None, check_host: true }
    }
}

/// What a section says of a cluster.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Access<'a> {
    pub(crate) brokers: &'a [String],
    pub(crate) auth: &'a Auth,
    pub(crate) tls: Option<&'a Tls>,
}

impl<'a> Access<'a> {
    /// What is wrong with it. Reads files, and connects to nothing.
    pub(crate) fn check(&self, faults: &mut Vec<Fault>) {
        const EXPECTED: &str = "expected hosts with ports, such as [\"kafka-1:9092\", \"kafka-2:9092\"]";
        if self.brokers.is_empty() {
            faults.push(Fault::at(["brokers"], EXPECTED));
        }
        for (item, broker) in self.brokers.iter().enumerate() {
            let port = broker.rsplit_once(':').filter(|(host, _)| !host.is_empty()).map(|(_, port)| port);
            let is_plain = broker.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b',' | b'/'));
            if !is_plain || port.is_none_or(|port| port.parse::<u16>().is_err()) {
                let message = format!("{broker:?} is no broker; {EXPECTED}");
                faults.push(Fault::at(["brokers"], message).of_item(item));
            }
        }
        let Auth { user, password, mechanism } = self.auth;
        if user.is_some() != password.is_some() {
            faults.push(Fault::at(["auth"], "`user` and `password` go together"));
        }
        if !matches!(&**mechanism, "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512") {
            let message = format!(
                "{mechanism:?} is not known; expected \"PLAIN\", \"SCRAM-SHA-256\" or \"SCRAM-SHA-512\""
            );
            faults.push(Fault::at(["auth", "mechanism"], message));
        }
        if let Some(Err(error)) = password.as_ref().map(Secret::read) {
            faults.push(Fault::at(["auth", "password"], error.to_string()));
        }
        let Some(tls) = self.tls else { return };
        if tls.cert_file.is_some() != tls.key_file.is_some() {
            faults.push(Fault::at(["tls"], "`cert_file` and `key_file` go together"));
        }
        let files = [("ca_file", &tls.ca_file), ("cert_file", &tls.cert_file), ("key_file", &tls.key_file)];
        for (key, path) in files {
            let read = path.as_ref().map(|path| (path, fs::read(path)));
            if let Some((path, Err(e))) = read {
                faults.push(Fault::at(["tls", key], Error::file(path, "read", &e).to_string()));
            }
        }
    }

    /// Files that are read when a client is made, and not again. The password is.
    pub(crate) fn files(&self) -> Vec<&'a Path> {
        let files = self.tls.into_iter().flat_map(|tls| [&tls.ca_file, &tls.cert_file, &tls.key_file]);
        files.flatten().map(PathBuf::as_path).collect()
    }

    /// Whether a password goes where others can read it.
    #[cfg(feature = "kafka")]
    pub(crate) fn is_open(&self) -> bool {
        let is_loopback =
            |broker: &String| ["127.", "localhost:", "[::1]:"].iter().any(|start| broker.starts_with(start));
        self.auth.password.is_some() && self.tls.is_none() && !self.brokers.iter().all(is_loopback)
    }
}

/// What is wrong with the name of a topic.
pub(crate) fn check_topic(key: &'static str, topic: &str) -> Option<Fault> {
    let is_name = (1..=249).contains(&topic.len())
        && topic.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        && !matches!(topic, "." | "..");
    let message = "a topic has up to 249 letters, digits, `.`, `_` and `-`";
    (!is_name).then(|| Fault::at([key], message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_cluster_is_told_with_what_to_do() {
        let (auth, tls) = (Auth::default(), Tls::default());
        let told = |brokers: &[&str], auth: &Auth, tls: Option<&Tls>| {
            let brokers: Vec<String> = brokers.iter().map(|broker| (*broker).to_owned()).collect();
            let mut faults = Vec::new();
            Access { brokers: &brokers, auth, tls }.check(&mut faults);
            faults
                .into_iter()
                .map(|fault| format!("{}: {}", fault.key.join("."), fault.message))
                .collect::<Vec<_>>()
        };
        let good = ["kafka-1:9092", "[::1]:9092"];
        assert_eq!(told(&good, &auth, Some(&tls)), Vec::<String>::new());
        let user = Auth { user: Some("weir".into()), ..auth.clone() };
        let digest = Auth { mechanism: "DIGEST".into(), ..auth.clone() };
        let secret = Secret { file: Some("/nowhere/secret".into()), env: None };
        let password = Auth { password: Some(secret), ..user.clone() };
        let half = Tls { cert_file: Some("/nowhere/cert".into()), ..tls.clone() };
        for (faults, says) in [
            (told(&[], &auth, None), "brokers: expected hosts with ports"),
            (told(&["kafka"], &auth, None), "\"kafka\" is no broker"),
            (told(&["a:1,b:2"], &auth, None), "is no broker"),
            (told(&["kafka://a:1"], &auth, None), "is no broker"),
            (told(&[":9092"], &auth, None), "is no broker"),
            (told(&good, &user, None), "auth: `user` and `password` go together"),
            (told(&good, &digest, None), "auth.mechanism: \"DIGEST\" is not known"),
            (told(&good, &password, None), "auth.password: /nowhere/secret"),
            (told(&good, &auth, Some(&half)), "go together"),
        ] {
            assert!(faults.iter().any(|fault| fault.contains(says)), "{says}: {faults:?}");
        }
        assert!(told(&good, &auth, Some(&half)).iter().any(|fault| fault.contains("tls.cert_file: ")));
    }

    #[test]
    fn topics_have_the_letters_that_brokers_take() {
        for (topic, is_name) in [("lts-flows_1.x", true), ("", false), ("..", false), ("a b", false)] {
            assert_eq!(check_topic("topic", topic).is_none(), is_name, "{topic:?}");
        }
        assert!(check_topic("topic", &"x".repeat(250)).is_some());
    }
}
