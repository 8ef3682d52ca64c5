//! Any HTTP endpoint: JSON lines or a JSON array.

use std::{collections::BTreeMap, time::Duration};

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    Context, Sink,
    request::{
        options::{self, Auth, BatchOptions, Headers, Tls},
        outcome::Taken,
        sender::{self, Protocol, Settings},
    },
};
use crate::{
    config::{fault::Fault, secret::Secret, values::Span},
    error::Error,
    page::Page,
};

/// `type = "http"`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Options {
    /// Where records are posted
    pub url: String,
    /// `ndjson`, a record on each line, or `json`, an array of records
    pub format: String,
    /// `gzip`, `zstd` or `none`
    pub compression: String,
    /// Requests that may be on their way at a time; with 1 the order of records is kept
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
            format: "ndjson".into(),
            compression: "none".into(),
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

    fn format(&self) -> Option<Format> {
        match &*self.format {
            "ndjson" => Some(Format::Lines),
            "json" => Some(Format::Array),
            _ => None,
        }
    }

    pub(super) fn settings(&self) -> Result<(Format, Settings), Error> {
        let format = self.format().ok_or_else(|| Error::usage("no such format"))?;
        let settings = Settings {
            url: options::url(&self.url).map_err(Error::usage)?,
            headers: self.headers(),
            tls: self.tls.clone(),
            compression: options::compression(&self.compression)?,
            concurrency: self.concurrency,
            timeout: self.timeout.0,
            batch: self.batch.clone(),
        };
        Ok((format, settings))
    }
}

impl super::Options for Options {
    fn check(&self) -> Vec<Fault> {
        let mut faults = options::check_common(
            &self.url,
            &self.tls,
            &self.compression,
            &["none", "gzip", "zstd"],
            self.concurrency,
            self.timeout,
        );
        if self.format().is_none() {
            let message = format!("{:?} is not known; expected \"ndjson\" or \"json\"", self.format);
            faults.push(Fault::at(["format"], message));
        }
        self.headers().check(&mut faults);
        self.batch.check(&mut faults);
        faults
    }

    fn open(&self, context: Context) -> Result<Box<dyn Sink>, Error> {
        let (format, settings) = self.settings()?;
        sender::open(format, settings, context)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Lines,
    Array,
}

impl Protocol for Format {
    fn content_type(&self) -> &'static str {
        match self {
            Self::Lines => "application/x-ndjson",
            Self::Array => "application/json",
        }
    }

    fn write(&self, records: &mut dyn Iterator<Item = (&Page, usize)>, body: &mut Vec<u8>) {
        match self {
            Self::Lines => {
                for (page, index) in records {
                    body.extend_from_slice(page.record(index));
                    body.push(b'\n');
                }
            }
            Self::Array => {
                let mut separator = b'[';
                for (page, index) in records {
                    body.push(separator);
                    body.extend_from_slice(page.record(index));
                    separator = b',';
                }
                body.push(b']');
            }
        }
    }

    fn taken(&self, _: &[u8], _: usize) -> Taken {
        Taken::All
    }

    fn reads_answers(&self) -> bool {
        false
    }
}
