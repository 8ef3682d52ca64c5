//! Splunk's HTTP Event Collector: events in JSON, one behind the other.

use std::io::Write as _;

use serde::Deserialize;
use weir_normalizer::schemas::Schema;

use super::{
    Context, Sink,
    request::{
        options::{self, BatchOptions, Headers},
        outcome::{Taken, said},
        sender::{self, Protocol, Settings},
    },
};
use crate::{
    config::{fault::Fault, secret::Secret},
    error::Error,
    page::Page,
};

options::request_options! {
    /// `type = "splunk_hec"`.
    pub struct Options {
        /// Where Splunk listens, such as "https://splunk:8088"
        url;
        own {
            /// The token
            token: Option<Secret> = None;
            /// The index, in place of the token's
            index: Option<String> = None;
            /// The source type, in place of the token's
            sourcetype: Option<String> = None;
            /// The source, in place of the token's
            source: Option<String> = None;
            /// The host, in place of the connection's
            host: Option<String> = None;
        }
        /// `gzip` or `none`
        compression: "gzip" of ["none", "gzip"];
        batch: BatchOptions::default();
    }
}

impl Options {
    fn headers(&self) -> Headers {
        let scheme = self.token.clone().map(|token| ("Splunk", token));
        Headers { scheme, ..Headers::default() }
    }

    pub(super) fn settings(&self) -> Result<(Events, Settings), Error> {
        let mut url = options::url(&self.url).map_err(Error::usage)?;
        // A path that is there is the collector's own.
        if matches!(url.path(), "" | "/") {
            url.set_path("/services/collector/event");
        }
        let settings = self.settings_for(url)?;
        let mut metadata = Vec::new();
        for (key, value) in [
            ("host", &self.host),
            ("source", &self.source),
            ("sourcetype", &self.sourcetype),
            ("index", &self.index),
        ] {
            if let Some(value) = value {
                let value = serde_json::Value::from(&**value);
                write!(metadata, "\"{key}\":{value},").expect("memory can be written to");
            }
        }
        Ok((Events { metadata }, settings))
    }
}

impl super::Options for Options {
    fn check(&self) -> Vec<Fault> {
        let mut faults = self.check_shared();
        match self.token.as_ref().map(Secret::read) {
            None => {
                let message = "expected the collector's token, such as { file = \"/run/secrets/hec\" }";
                faults.push(Fault::at(["token"], message));
            }
            Some(Err(error)) => faults.push(Fault::at(["token"], error.to_string())),
            Some(Ok(_)) => {}
        }
        faults
    }

    fn files(&self) -> Vec<&std::path::Path> {
        self.read_once()
    }

    fn open(&self, context: Context) -> Result<Box<dyn Sink>, Error> {
        let (events, settings) = self.settings()?;
        sender::open(events, settings, context)
    }
}

#[derive(Clone, Debug)]
pub(super) struct Events {
    /// What is the same in each event, with a comma behind each key.
    metadata: Vec<u8>,
}

#[derive(Deserialize)]
struct Answer {
    code: i64,
}

/// Codes of 400 that are about an event or what is in a request: no data, an invalid format, no or a
/// blank event, an event that can't be indexed. Others are about tokens, indices and channels.
const OF_EVENTS: [i64; 5] = [5, 6, 12, 13, 15];

impl Protocol for Events {
    fn content_type(&self) -> &'static str {
        "application/json"
    }

    fn write(&self, records: &mut dyn Iterator<Item = (&Page, usize)>, body: &mut Vec<u8>) {
        for (page, index) in records {
            let record = page.record(index);
            body.push(b'{');
            if let Some(millis) = millis(record, page.origin().schema) {
                // Seconds, with as many decimals as there are.
                let (seconds, rest) = (millis.div_euclid(1000), millis.rem_euclid(1000));
                let written = if seconds < 0 {
                    // Splunk knows no time before 1970.
                    Ok(())
                } else {
                    write!(body, "\"time\":{seconds}.{rest:03},")
                };
                written.expect("memory can be written to");
            }
            body.extend_from_slice(&self.metadata);
            body.extend_from_slice(b"\"event\":");
            body.extend_from_slice(record);
            body.extend_from_slice(b"}\n");
        }
    }

    fn taken(&self, body: &[u8], _: usize) -> Taken {
        match serde_json::from_slice::<Answer>(body) {
            Ok(Answer { code: 0 }) => Taken::All,
            _ => {
                Taken::Garbage(format!("expected {{\"text\":\"Success\",\"code\":0}}; found {}", said(body)))
            }
        }
    }

    fn is_wrong(&self, body: &[u8]) -> bool {
        serde_json::from_slice::<Answer>(body).is_ok_and(|answer| !OF_EVENTS.contains(&answer.code))
    }
}

#[derive(Deserialize)]
struct Times<'a> {
    #[serde(rename = "@timestamp", borrow)]
    timestamp: Option<&'a str>,
    time: Option<i64>,
    start_ms: Option<i64>,
    time_ms: Option<i64>,
    end_ms: Option<i64>,
    log_time_ms: Option<i64>,
}

/// When a record happened, in milliseconds since 1970; `None` where it does not say.
fn millis(record: &[u8], schema: Schema) -> Option<i64> {
    if schema == Schema::Otel {
        return None;
    }
    let times: Times<'_> = serde_json::from_slice(record).ok()?;
    match schema {
        Schema::Flat => times.start_ms.or(times.time_ms).or(times.end_ms).or(times.log_time_ms),
        Schema::Ocsf => times.time,
        Schema::Ecs => {
            let at: jiff::Timestamp = times.timestamp?.parse().ok()?;
            Some(at.as_millisecond())
        }
        _ => None,
    }
}
