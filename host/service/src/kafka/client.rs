//! Clients of a cluster: what each of them is told, and what errors mean.

use rdkafka::{
    ClientConfig,
    config::RDKafkaLogLevel,
    error::{KafkaError, RDKafkaErrorCode as Code},
};

use super::Access;
use crate::{config::secret::Secret, error::Error, health::Trouble};

/// The password that a client was made with; none where nobody logs in.
pub(crate) type Password = Option<String>;

/// What a client of either kind is told. Reads the password.
pub(crate) fn client(access: &Access<'_>) -> Result<(ClientConfig, Password), Error> {
    let Access { brokers, auth, tls } = access;
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers.join(","));
    config.set("client.id", "weir");
    // What goes wrong is told as an error, once, and in these lines for every attempt.
    config.set("log.connection.close", "false");
    // Nobody asked for what librdkafka would tell brokers of itself.
    config.set("enable.metrics.push", "false");
    config.set_log_level(RDKafkaLogLevel::Notice);
    let protocol = match (tls, &auth.user) {
        (None, None) => "plaintext",
        (Some(_), None) => "ssl",
        (None, Some(_)) => "sasl_plaintext",
        (Some(_), Some(_)) => "sasl_ssl",
    };
    config.set("security.protocol", protocol);
    let password = auth.password.as_ref().map(Secret::read).transpose()?;
    if let (Some(user), Some(password)) = (&auth.user, &password) {
        config.set("sasl.mechanisms", &auth.mechanism);
        config.set("sasl.username", user);
        config.set("sasl.password", password.expose());
    }
    if let Some(tls) = tls {
        let files = [
            ("ssl.ca.location", &tls.ca_file),
            ("ssl.certificate.location", &tls.cert_file),
            ("ssl.key.location", &tls.key_file),
        ];
        for (key, path) in files {
            if let Some(path) = path {
                config.set(key, path.to_string_lossy());
            }
        }
        if !tls.check_host {
            config.set("ssl.endpoint.identification.algorithm", "none");
        }
    }
    Ok((config, password.map(|password| password.expose().to_owned())))
}

impl Access<'_> {
    /// Whether somebody has corrected the password since.
    pub(crate) fn has_changed(&self, password: &Password) -> bool {
        let now = self.auth.password.as_ref().and_then(|secret| secret.read().ok());
        now.is_some_and(|now| password.as_deref() != Some(now.expose()))
    }
}

/// What an error means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// It may go well later.
    Again,
    /// It goes well when somebody corrects the login, the topic or the cluster.
    Wrong,
    /// One of the messages will never be taken.
    Refused,
    /// This client is of no use any more.
    Fatal,
}

/// The table of errors.
pub(crate) fn meaning(code: Code) -> Meaning {
    match code {
        Code::MessageSizeTooLarge
        | Code::MessageBatchTooLarge
        | Code::InvalidMessageSize
        | Code::InvalidRecord
        | Code::InvalidTimestamp
        | Code::PolicyViolation => Meaning::Refused,
        Code::Fatal
        | Code::Fenced
        | Code::FencedInstanceId
        | Code::GaplessGuarantee
        | Code::Inconsistent
        | Code::OutOfOrderSequenceNumber
        | Code::UnknownProducerId
        | Code::InvalidProducerEpoch => Meaning::Fatal,
        _ if is_denied(code) => Meaning::Wrong,
        Code::SSL
        | Code::UnknownTopic
        | Code::UnknownPartition
        | Code::UnknownTopicOrPartition
        | Code::InvalidTopic
        | Code::InvalidGroupId
        | Code::InvalidRequiredAcks
        | Code::InvalidSessionTimeout
        | Code::InconsistentGroupProtocol
        | Code::UnsupportedVersion
        | Code::UnsupportedFeature
        | Code::UnsupportedForMessageFormat
        | Code::UnsupportedSASLMechanism
        | Code::UnsupportedCompressionType
        | Code::InvalidConfig => Meaning::Wrong,
        _ => Meaning::Again,
    }
}

/// Whether the login was refused, or does not allow it.
pub(crate) fn is_denied(code: Code) -> bool {
    matches!(
        code,
        Code::Authentication
            | Code::SaslAuthenticationFailed
            | Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::IllegalSASLState
    )
}

/// An error in a word, for counting.
pub(crate) fn reason(code: Code) -> &'static str {
    match code {
        Code::Resolve => "dns",
        Code::SSL => "tls",
        Code::BrokerTransportFailure | Code::AllBrokersDown | Code::NetworkException => "connection",
        Code::MessageTimedOut | Code::OperationTimedOut | Code::RequestTimedOut | Code::TimedOutQueue => {
            "timeout"
        }
        Code::UnknownTopic | Code::UnknownPartition | Code::UnknownTopicOrPartition | Code::InvalidTopic => {
            "topic"
        }
        Code::MessageSizeTooLarge | Code::MessageBatchTooLarge | Code::InvalidMessageSize => "too_large",
        Code::NotEnoughReplicas | Code::NotEnoughReplicasAfterAppend => "replicas",
        _ if is_denied(code) => "denied",
        _ => match meaning(code) {
            Meaning::Refused => "refused",
            Meaning::Fatal => "fatal",
            Meaning::Wrong => "wrong",
            Meaning::Again => "failed",
        },
    }
}

/// The code of an error, where it has one.
pub(crate) fn code(error: &KafkaError) -> Code {
    error.rdkafka_error_code().unwrap_or(Code::Fail)
}

/// What a cluster said, short enough for people, on one line.
pub(crate) fn said(text: &str) -> String {
    const LONGEST: usize = 300;
    let words: Vec<&str> = text.split_whitespace().collect();
    let short: String = words.join(" ").chars().take(LONGEST).collect();
    weir_printable::line(&short).into_owned()
}

/// What is wrong, for whoever reads the log.
pub(crate) fn told(error: &KafkaError) -> String {
    said(&error.to_string())
}

/// Tells what is wrong, where that is new; whether it is.
pub(crate) fn begins(trouble: &Trouble, code: Code, what: &str) -> bool {
    trouble.begins(what, matches!(meaning(code), Meaning::Wrong))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::{Auth, Tls};

    #[test]
    fn a_client_is_told_what_a_section_says() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        std::fs::write(&path, "hunter 2\n").unwrap();
        let brokers = ["a:9092".to_owned(), "b:9092".to_owned()];
        let secret = Secret { file: Some(path.clone()), env: None };
        let login =
            Auth { user: Some("weir".into()), password: Some(secret), mechanism: "SCRAM-SHA-512".into() };
        let tls = Tls { ca_file: Some("/ca.pem".into()), check_host: false, ..Tls::default() };
        for (auth, tls, protocol) in [
            (Auth::default(), None, "plaintext"),
            (Auth::default(), Some(&tls), "ssl"),
            (login.clone(), None, "sasl_plaintext"),
            (login.clone(), Some(&tls), "sasl_ssl"),
        ] {
            let access = Access { brokers: &brokers, auth: &auth, tls };
            let (config, password) = client(&access).unwrap();
            assert_eq!(config.get("bootstrap.servers"), Some("a:9092,b:9092"));
            assert_eq!(config.get("security.protocol"), Some(protocol));
            let has_login = auth.user.is_some();
            assert_eq!(config.get("sasl.password"), has_login.then_some("hunter 2"));
            assert_eq!(config.get("sasl.mechanisms"), has_login.then_some("SCRAM-SHA-512"));
            assert_eq!(config.get("ssl.ca.location"), tls.map(|_| "/ca.pem"));
            assert_eq!(config.get("ssl.endpoint.identification.algorithm"), tls.map(|_| "none"));
            assert_eq!(password.is_some(), has_login);
            assert!(!access.has_changed(&password));
            // librdkafka knows each of these keys.
            let config = if tls.is_some() { ClientConfig::new() } else { config };
            assert!(config.create_native_config().is_ok());
        }
        let access = Access { brokers: &brokers, auth: &login, tls: None };
        let (_, password) = client(&access).unwrap();
        std::fs::write(&path, "hunter 3").unwrap();
        assert!(access.has_changed(&password));
        // What can't be read is not tried.
        std::fs::remove_file(&path).unwrap();
        assert!(!access.has_changed(&password));
        assert!(client(&access).is_err());
    }

    #[test]
    fn each_error_has_one_meaning() {
        for (code, expected, word) in [
            (Code::MessageSizeTooLarge, Meaning::Refused, "too_large"),
            (Code::InvalidRecord, Meaning::Refused, "refused"),
            (Code::Authentication, Meaning::Wrong, "denied"),
            (Code::TopicAuthorizationFailed, Meaning::Wrong, "denied"),
            (Code::UnknownTopicOrPartition, Meaning::Wrong, "topic"),
            (Code::UnsupportedVersion, Meaning::Wrong, "wrong"),
            (Code::AllBrokersDown, Meaning::Again, "connection"),
            (Code::NotEnoughReplicas, Meaning::Again, "replicas"),
            (Code::PurgeQueue, Meaning::Again, "failed"),
            (Code::Fatal, Meaning::Fatal, "fatal"),
        ] {
            assert_eq!((meaning(code), reason(code)), (expected, word), "{code:?}");
        }
        assert_eq!(said(" a\n \u{1b}[2J "), "a \\u{1b}[2J");
    }
}
