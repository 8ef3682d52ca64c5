//! What a pipeline does with records.

use std::{collections::BTreeMap, fs, path::PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;
use weir_normalizer::{
    Normalizer,
    filter::{self, Lists},
    schemas::Schema,
};

use super::fault::Fault;
use crate::error::Error;

/// `[pipelines.NAME]`. What it shares with `weir normalize` means the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Pipeline {
    /// The sources that records come from
    pub sources: Vec<String>,
    /// The sinks that they all go to
    pub sinks: Vec<String>,
    /// The format of every record (see `weir formats`); without it, each record's is detected
    pub from: Option<String>,
    /// The columns of text lines: `${srcaddr} ${dstaddr} ${bytes}`, or their names alone
    pub layout: Option<String>,
    /// What stands between the columns of the layout; also `tab`, `blank`, `comma`, `pipe`
    pub separator: Option<String>,
    /// The quotes of CSV values: `"` (without this key), `'` or `none`
    pub quote: Option<String>,
    /// A text that stands for a missing value in columns, besides `-`, `null` and the like
    pub missing: Option<String>,
    /// The zone of times that name none: an IANA name or an offset; UTC without it
    pub timezone: Option<String>,
    /// Let only records through that meet this expression
    #[serde(rename = "where")]
    pub filter: Option<String>,
    /// Files with a network a line, by the names that expressions call them
    pub lists: BTreeMap<String, PathBuf>,
    /// Take these fields out of the records, such as `extra.cookie` or `extra.*`
    pub drop: Vec<String>,
    /// Cut addresses to their network: `src_ip/24/64`, of which the second is for IPv6; without it IPv6 is cut to
    /// the first, as in `src_ip/24`
    pub mask: Vec<String>,
    /// One's own networks, as CIDR or `@list`; they give a direction to records that have none
    pub own: Vec<String>,
    /// The schema to write: flat, ocsf, ecs or otel
    pub to: Option<String>,
    /// Keep the fields of envelopes under `extra.envelope`
    pub keep_envelope: bool,
    /// Keep the text of each record under `extra.raw`
    pub keep_raw: bool,
    /// Leave the Community ID out of schemas that have one
    pub no_community_id: bool,
    /// Tell of each record, in `log_file` and `log_offset`, which file, object or sender it is from, as rejects
    /// name it, and where its text begins in that
    pub source_name: bool,
    /// The file for records that can't be read; in `state_dir` without it
    pub rejects: Option<PathBuf>,
    /// The file for records that a sink's destination will never take; in `state_dir` without it
    pub dead_letters: Option<PathBuf>,
}

/// Keys, each with those that may be wrong only as its value can't be read.
const LEANING: [(&str, &[&str]); 3] =
    [("lists", &["where", "own"]), ("from", &["layout"]), ("layout", &["separator", "quote", "missing"])];

/// The keys of which nothing can be told where the values of others can't be read.
pub(super) fn leaning(spoiled: &[Vec<String>]) -> Vec<Vec<String>> {
    let first = |keys: &Vec<String>| keys.first().cloned().unwrap_or_default();
    let mut all: Vec<String> = spoiled.iter().map(first).collect();
    for (key, others) in LEANING {
        if all.iter().any(|known| known == key) {
            all.extend(others.iter().map(|other| (*other).to_owned()));
        }
    }
    // `separator` and the like are told as faults of `layout`.
    if all.iter().any(|key| matches!(&**key, "separator" | "quote" | "missing")) {
        all.push("layout".to_owned());
    }
    all.into_iter().map(|key| vec![key]).collect()
}

impl Pipeline {
    /// The schema that records are written in.
    pub fn schema(&self) -> Schema {
        self.to.as_deref().and_then(Schema::by_name).unwrap_or_default()
    }

    /// What framing and normalizing depend on, with the lists read. `now` is the time of records
    /// that have none, in epoch milliseconds, for schemas that need one.
    pub fn config(&self, now: u64) -> Result<weir_normalizer::Config, Error> {
        let mut lists = Lists::new();
        let mut read = |name: &str, path: &str| {
            let text =
                fs::read_to_string(path).map_err(|e| Error::file(path.as_ref(), "read the list", &e))?;
            lists.insert(name.to_owned(), text);
            Ok::<(), Error>(())
        };
        for (name, path) in &self.lists {
            read(name, &path.to_string_lossy())?;
        }
        for file in self.filter.iter().chain(&self.own).flat_map(|e| filter::files(e)) {
            read(&file, &file)?;
        }
        let zone = self.timezone.as_deref().map(weir_io::zone).transpose().map_err(Error::usage)?;
        let to = self.schema();
        Ok(weir_normalizer::Config {
            from: self.from.clone(),
            layout: self.layout.clone(),
            separator: self.separator.clone(),
            quote: self.quote.clone(),
            missing: self.missing.clone(),
            zone,
            filter: self.filter.clone(),
            lists,
            drop: self.drop.clone(),
            mask: self.mask.clone(),
            own: self.own.clone(),
            keep_envelope: self.keep_envelope,
            keep_raw: self.keep_raw,
            no_community_id: self.no_community_id,
            source_name: self.source_name,
            observed_at_ms: (to != Schema::Flat).then_some(now),
            to,
            ..weir_normalizer::Config::default()
        })
    }

    /// What is wrong with values that are each of the right type.
    pub(super) fn check(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        if let Some(to) = &self.to
            && Schema::by_name(to).is_none()
        {
            let names: Vec<_> = Schema::ALL.iter().map(|s| s.name()).collect();
            let names = names.join(", ");
            let message = match &**to {
                "csv" | "parquet" | "ocsf-parquet" => format!(
                    "{to:?} is no schema but a form of files, which is `format` of a sink of type \"object_store\"; \
                     known here are {names}"
                ),
                "arrow" => format!(
                    "{to:?} is no schema but a stream, which the service does not write; known here are {names}"
                ),
                _ => format!("no schema is called {to:?}; known are {names}"),
            };
            faults.push(Fault::at(["to"], message));
        }
        if let Some(zone) = &self.timezone
            && let Err(message) = weir_io::zone(zone)
        {
            faults.push(Fault::at(["timezone"], message));
        }
        // One key at a time tells which of them is wrong; what only goes wrong together is told
        // of the section.
        let base = Self { timezone: None, to: None, ..Self::default() };
        let lists = Self { lists: self.lists.clone(), ..base.clone() };
        let alone: [(&'static str, Self); 7] = [
            ("lists", lists.clone()),
            ("from", Self { from: self.from.clone(), ..base.clone() }),
            ("where", Self { filter: self.filter.clone(), ..lists.clone() }),
            ("drop", Self { drop: self.drop.clone(), ..base.clone() }),
            ("mask", Self { mask: self.mask.clone(), ..base.clone() }),
            ("own", Self { own: self.own.clone(), ..lists }),
            (
                "layout",
                Self {
                    from: self.from.clone(),
                    layout: self.layout.clone(),
                    separator: self.separator.clone(),
                    quote: self.quote.clone(),
                    missing: self.missing.clone(),
                    ..base
                },
            ),
        ];
        let try_out = |choices: &Self| -> Result<(), String> {
            let config = choices.config(0).map_err(|e| e.to_string())?;
            Normalizer::new(&config).map(drop).map_err(|e| e.to_string())?;
            weir_normalizer::framing::Framer::new(&config).map(drop).map_err(|e| e.to_string())
        };
        let before = faults.len();
        for (key, choices) in alone {
            // Whatever is wrong with a list is told once.
            if let Err(message) = try_out(&choices)
                && !faults.iter().any(|f| f.message == message)
            {
                faults.push(Fault::at([key], message));
            }
        }
        if faults.len() == before
            && faults.is_empty()
            && let Err(message) = try_out(self)
        {
            faults.push(Fault { key: Vec::new(), message });
        }
        faults
    }
}
