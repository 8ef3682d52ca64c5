//! OTLP over HTTP, in JSON: what `to = "otel"` makes.

use std::{collections::BTreeMap, time::Duration};

use schemars::JsonSchema;
use serde::Deserialize;
use weir_normalizer::schemas::Schema;

use super::{
    Context, Sink,
    request::{
        options::{self, Auth, BatchOptions, Headers, Tls},
        outcome::{Fate, Taken, said},
        sender::{self, Protocol, Settings},
    },
};
use crate::{
    config::{fault::Fault, secret::Secret, values::Span},
    error::Error,
    page::Page,
};

/// `type = "otlp"`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Options {
    /// Where the receiver is, such as "http://collector:4318"
    pub url: String,
    /// `gzip` or `none`
    pub compression: String,
    /// Requests that may be on their way at a time
    pub concurrency: u16,
    /// How long an answer may take
    pub timeout: Span,
    /// The login
    pub auth: Auth,
    /// Other headers
    pub headers: BTreeMap<String, String>,
    /// Other headers whose values are secret
    pub secret_headers: BTreeMap<String, Secret>,
    /// Whom to trust
    pub tls: Tls,
    /// What is sent together
    pub batch: BatchOptions,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            url: String::new(),
            compression: "gzip".into(),
            concurrency: 4,
            timeout: Span(Duration::from_secs(60)),
            auth: Auth::default(),
            headers: BTreeMap::new(),
            secret_headers: BTreeMap::new(),
            tls: Tls::default(),
            batch: BatchOptions::default(),
        }
    }
}

impl Options {
    fn headers(&self) -> Headers {
        Headers {
            auth: self.auth.clone(),
            scheme: None,
            plain: self.headers.clone(),
            secret: self.secret_headers.clone(),
        }
    }

    pub(super) fn settings(&self) -> Result<Settings, Error> {
        let mut url = options::url(&self.url).map_err(Error::usage)?;
        // A path that is there is the receiver's own.
        if matches!(url.path(), "" | "/") {
            url.set_path("/v1/logs");
        }
        Ok(Settings {
            url,
            headers: self.headers(),
            tls: self.tls.clone(),
            compression: options::compression(&self.compression)?,
            concurrency: self.concurrency,
            timeout: self.timeout.0,
            batch: self.batch.clone(),
        })
    }
}

impl super::Options for Options {
    fn check(&self) -> Vec<Fault> {
        let mut faults = options::check_common(
            &self.url,
            &self.tls,
            &self.compression,
            &["none", "gzip"],
            self.concurrency,
            self.timeout,
        );
        self.headers().check(&mut faults);
        self.batch.check(&mut faults);
        faults
    }

    fn refuses(&self, schema: Schema) -> Option<String> {
        (schema != Schema::Otel).then(|| "it takes records of `to = \"otel\"` alone".to_owned())
    }

    fn open(&self, context: Context) -> Result<Box<dyn Sink>, Error> {
        sender::open(Logs, self.settings()?, context)
    }
}

/// How each line begins and ends.
const LINE: (&[u8], &[u8]) = (b"{\"resourceLogs\":[", b"]}");

#[derive(Clone, Copy, Debug)]
pub(super) struct Logs;

#[derive(Deserialize)]
struct Answer {
    #[serde(default, rename = "partialSuccess")]
    partial: Option<Partial>,
}

#[derive(Deserialize)]
struct Partial {
    /// A number, which JSON of protobuf writes as a text.
    #[serde(default, rename = "rejectedLogRecords")]
    rejected: serde_json::Value,
    #[serde(default, rename = "errorMessage")]
    message: String,
}

impl Protocol for Logs {
    fn content_type(&self) -> &'static str {
        "application/json"
    }

    fn write(&self, records: &mut dyn Iterator<Item = (&Page, usize)>, body: &mut Vec<u8>) {
        body.extend_from_slice(LINE.0);
        let start = body.len();
        for (page, index) in records {
            let line = page.record(index);
            let inside = line.strip_prefix(LINE.0).and_then(|line| line.strip_suffix(LINE.1));
            if body.len() > start {
                body.push(b',');
            }
            // What is no such line is refused by the receiver, which tells why.
            body.extend_from_slice(inside.unwrap_or(line));
        }
        body.extend_from_slice(LINE.1);
    }

    fn taken(&self, body: &[u8], records: usize) -> Taken {
        // An empty body is an empty message.
        let answer: Answer = match body {
            [] => return Taken::All,
            _ => match serde_json::from_slice(body) {
                Ok(answer) => answer,
                Err(e) => return Taken::Garbage(format!("expected JSON of OTLP: {e}; found {}", said(body))),
            },
        };
        let Some(partial) = answer.partial else { return Taken::All };
        let rejected = match &partial.rejected {
            serde_json::Value::String(text) => text.parse().ok(),
            other => other.as_u64(),
        };
        if rejected.unwrap_or(0) == 0 {
            return Taken::All;
        }
        // OTLP does not tell which ones, and forbids to send them again: nothing is lost if all are kept.
        let what = said(partial.message.as_bytes());
        let reason =
            format!("{} of the {records} records of a request were rejected: {what}", rejected.unwrap_or(0));
        Taken::Each(vec![Fate::Refused("partial_success".into(), reason); records])
    }
}
