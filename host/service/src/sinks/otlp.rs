//! OTLP over HTTP, in JSON: what `to = "otel"` makes.

use serde::Deserialize;
use weir_normalizer::schemas::Schema;

use super::{
    Context, Sink,
    request::{
        options::{self, BatchOptions},
        outcome::{Fate, Taken, said},
        sender::{self, Protocol, Settings},
    },
};
use crate::{config::fault::Fault, error::Error, page::Page};

options::request_options! {
    /// `type = "otlp"`.
    pub struct Options {
        /// Where the receiver is, such as "http://collector:4318"
        url;
        own {}
        /// `gzip` or `none`
        compression: "gzip" of ["none", "gzip"];
        login: auth, headers, secret_headers;
        batch: BatchOptions::default();
    }
}

impl Options {
    pub(super) fn settings(&self) -> Result<Settings, Error> {
        let mut url = options::url(&self.url).map_err(Error::usage)?;
        // A path that is there is the receiver's own.
        if matches!(url.path(), "" | "/") {
            url.set_path("/v1/logs");
        }
        self.settings_for(url)
    }
}

impl super::Options for Options {
    fn check(&self) -> Vec<Fault> {
        self.check_shared()
    }

    fn refuses(&self, schema: Schema) -> Option<String> {
        (schema != Schema::Otel).then(|| "it takes records of `to = \"otel\"` alone".to_owned())
    }

    fn files(&self) -> Vec<&std::path::Path> {
        self.read_once()
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
