//! Elasticsearch and OpenSearch: `_bulk`, with `create` and an `_id` of source and offset, so that what
//! is sent twice is there once.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{
    Context, Sink,
    request::{
        options::{self, BatchOptions},
        outcome::{Fate, Taken, said},
        sender::{self, Protocol, Settings},
    },
};
use crate::{
    config::{fault::Fault, values::ByteSize},
    error::Error,
    page::Page,
};

options::request_options! {
    /// `type = "elasticsearch"`, and `type = "opensearch"`.
    pub struct Options {
        /// Where the cluster is, such as "https://es:9200"
        url;
        own {
            /// The index or data stream that records are created in
            index: String = "weir".into();
            /// The ingest pipeline that records go through
            pipeline: Option<String> = None;
        }
        /// `gzip` or `none`
        compression: "gzip" of ["none", "gzip"];
        login: auth, headers, secret_headers;
        batch: BatchOptions { bytes: ByteSize(5 << 20), ..BatchOptions::default() };
    }
}

/// What an answer is cut down to, on the server.
const FILTER: &str = "errors,items.*.status,items.*.error.type,items.*.error.reason";

/// Errors of an item that are about the cluster or the login, not about the record.
const WRONG: [&str; 3] = ["security_exception", "index_not_found_exception", "cluster_block_exception"];

impl Options {
    pub(super) fn settings(&self) -> Result<Settings, Error> {
        let mut url = options::url(&self.url).map_err(Error::usage)?;
        url.path_segments_mut()
            .map_err(|()| Error::usage("the URL has no path"))?
            .pop_if_empty()
            .push(&self.index)
            .push("_bulk");
        url.query_pairs_mut().append_pair("filter_path", FILTER);
        if let Some(pipeline) = &self.pipeline {
            url.query_pairs_mut().append_pair("pipeline", pipeline);
        }
        self.settings_for(url)
    }
}

impl super::Options for Options {
    fn check(&self) -> Vec<Fault> {
        let mut faults = self.check_shared();
        if options::url(&self.url).is_ok_and(|url| url.query().is_some()) {
            faults.push(Fault::at(["url"], "expected no `?`; the sink adds `_bulk` and its parameters"));
        }
        if let Err(message) = check_index(&self.index) {
            faults.push(Fault::at(["index"], message));
        }
        faults
    }

    fn files(&self) -> Vec<&std::path::Path> {
        self.read_once()
    }

    fn open(&self, context: Context) -> Result<Box<dyn Sink>, Error> {
        sender::open(Bulk, self.settings()?, context)
    }
}

/// What Elasticsearch demands of the names of indices.
fn check_index(name: &str) -> Result<(), String> {
    let bad = |c: char| c.is_uppercase() || c.is_whitespace() || "\\/*?\"<>|,#:".contains(c);
    if name.is_empty() || name == "." || name == ".." || name.len() > 255 {
        return Err("expected the name of an index or a data stream".into());
    }
    if let Some(c) = name.chars().find(|c| bad(*c)) {
        return Err(format!(
            "a name of an index has no {c:?}; expected lower case, digits, `-`, `_` and `.`"
        ));
    }
    match name.starts_with(['-', '_', '+']) {
        true => Err("a name of an index does not begin with `-`, `_` or `+`".into()),
        false => Ok(()),
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Bulk;

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    errors: Option<bool>,
    #[serde(default)]
    items: Vec<BTreeMap<String, Done>>,
}

#[derive(Deserialize)]
struct Done {
    status: u16,
    #[serde(default)]
    error: Option<ItemError>,
}

#[derive(Deserialize)]
struct ItemError {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    reason: Option<String>,
}

impl Protocol for Bulk {
    fn content_type(&self) -> &'static str {
        "application/x-ndjson"
    }

    fn write(&self, records: &mut dyn Iterator<Item = (&Page, usize)>, body: &mut Vec<u8>) {
        for (page, index) in records {
            // An id has nothing that JSON escapes.
            body.extend_from_slice(b"{\"create\":{\"_id\":\"");
            body.extend_from_slice(page.id(index).as_bytes());
            body.extend_from_slice(b"\"}}\n");
            body.extend_from_slice(page.record(index));
            body.push(b'\n');
        }
    }

    fn taken(&self, body: &[u8], records: usize) -> Taken {
        let answer: Answer = match serde_json::from_slice(body) {
            Ok(answer) => answer,
            Err(e) => return Taken::Garbage(format!("expected JSON of _bulk: {e}; found {}", said(body))),
        };
        if answer.errors.is_none() || answer.items.len() != records {
            let found = answer.items.len();
            return Taken::Garbage(format!("it has {found} items for {records} records: {}", said(body)));
        }
        let mut fates = Vec::with_capacity(records);
        for item in answer.items {
            let mut done = item.into_values();
            let (Some(done), None) = (done.next(), done.next()) else {
                return Taken::Garbage("an item of it has not one action".into());
            };
            fates.push(fate(done));
        }
        match fates.iter().all(|fate| *fate == Fate::Delivered) {
            true => Taken::All,
            false => Taken::Each(fates),
        }
    }
}

fn fate(done: Done) -> Fate {
    let (kind, reason) = done.error.map_or_else(Default::default, |e| (e.kind, e.reason));
    let what = || {
        let reason = reason.as_deref().unwrap_or("no reason");
        said(if kind.is_empty() { reason.to_owned() } else { format!("{kind}: {reason}") }.as_bytes())
    };
    match done.status {
        // 409: it was sent before.
        200..=299 | 409 => Fate::Delivered,
        408 | 429 | 500..=599 => Fate::Again(done.status),
        401 | 403 | 404 if WRONG.contains(&&*kind) => Fate::Wrong(done.status, what()),
        400..=499 => Fate::Refused(done.status.to_string(), what()),
        // No such server says that, so nobody knows.
        other => Fate::Again(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_that_is_refused_for_the_login_is_not_the_records_fault() {
        let taken = |status: u16, kind: &str| {
            let body = format!(
                r#"{{"errors":true,"items":[{{"create":{{"status":{status},"error":{{"type":"{kind}","reason":"r"}}}}}}]}}"#
            );
            match Bulk.taken(body.as_bytes(), 1) {
                Taken::Each(fates) => fates[0].clone(),
                Taken::All => Fate::Delivered,
                Taken::Garbage(what) => panic!("{what}"),
            }
        };
        assert_eq!(taken(201, ""), Fate::Delivered);
        assert_eq!(taken(409, "version_conflict_engine_exception"), Fate::Delivered);
        assert_eq!(taken(429, "es_rejected_execution_exception"), Fate::Again(429));
        assert_eq!(taken(503, "unavailable_shards_exception"), Fate::Again(503));
        let refused = Fate::Refused("400".into(), "document_parsing_exception: r".into());
        assert_eq!(taken(400, "document_parsing_exception"), refused);
        assert!(matches!(taken(403, "security_exception"), Fate::Wrong(403, _)));
        assert!(matches!(taken(404, "index_not_found_exception"), Fate::Wrong(404, _)));
        assert!(matches!(taken(404, "document_missing_exception"), Fate::Refused(..)));
    }

    #[test]
    fn names_of_indices_are_those_that_the_cluster_takes() {
        for name in ["weir", "logs-weir.flows-default", ".ds", "a+b"] {
            assert_eq!(check_index(name), Ok(()), "{name}");
        }
        for name in ["", ".", "..", "Weir", "a b", "a/b", "_bulk", "-a", "a*", "a,b", "a:b"] {
            assert!(check_index(name).is_err(), "{name}");
        }
    }
}
