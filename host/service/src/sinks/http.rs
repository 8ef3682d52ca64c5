//! Any HTTP endpoint: JSON lines or a JSON array.

use super::{
    Context, Sink,
    request::{
        options::{self, BatchOptions},
        outcome::Taken,
        sender::{self, Protocol, Settings},
    },
};
use crate::{config::fault::Fault, error::Error, page::Page};

options::request_options! {
    /// `type = "http"`.
    pub struct Options {
        /// Where records are posted
        url;
        own {
            /// `ndjson`, a record on each line, or `json`, an array of records
            format: String = "ndjson".into();
        }
        /// `gzip`, `zstd` or `none`
        compression: "none" of ["none", "gzip", "zstd"];
        login: auth, headers, secret_headers;
        batch: BatchOptions::default();
    }
}

impl Options {
    fn format(&self) -> Option<Format> {
        match &*self.format {
            "ndjson" => Some(Format::Lines),
            "json" => Some(Format::Array),
            _ => None,
        }
    }

    pub(super) fn settings(&self) -> Result<(Format, Settings), Error> {
        let format = self.format().ok_or_else(|| Error::usage("no such format"))?;
        let settings = self.settings_for(options::url(&self.url).map_err(Error::usage)?)?;
        Ok((format, settings))
    }
}

impl super::Options for Options {
    fn check(&self) -> Vec<Fault> {
        let mut faults = self.check_shared();
        if self.format().is_none() {
            let message = format!("{:?} is not known; expected \"ndjson\" or \"json\"", self.format);
            faults.push(Fault::at(["format"], message));
        }
        faults
    }

    fn files(&self) -> Vec<&std::path::Path> {
        self.read_once()
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
