//! What a pipeline does with records.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

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
const LEANING: [(&str, &[&str]); 4] = [
    ("lists", &["where", "own"]),
    ("from", &["layout", "separator"]),
    ("layout", &["separator"]),
    ("separator", &["layout"]),
];

/// The keys of which nothing can be told where the values of others can't be read.
pub(super) fn leaning(spoiled: &[Vec<String>]) -> Vec<Vec<String>> {
    let first = |keys: &Vec<String>| keys.first().cloned().unwrap_or_default();
    let mut all: Vec<String> = spoiled.iter().map(first).collect();
    for (key, others) in LEANING {
        if spoiled.iter().any(|keys| first(keys) == key) {
            all.extend(others.iter().map(|other| (*other).to_owned()));
        }
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
        for (name, path) in &self.lists {
            lists.insert(name.clone(), read_list(path)?);
        }
        for file in self.filter.iter().chain(&self.own).flat_map(|e| filter::files(e)) {
            let text = read_list(file.as_ref())?;
            lists.insert(file, text);
        }
        self.config_with(lists, now)
    }

    /// The same with lists that were read.
    fn config_with(&self, lists: Lists, now: u64) -> Result<weir_normalizer::Config, Error> {
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
        for (key, path) in [("rejects", &self.rejects), ("dead_letters", &self.dead_letters)] {
            if path.as_ref().is_some_and(|path| path.as_os_str().is_empty()) {
                let message = "the path is empty; leave the key out to have the file in `state_dir`";
                faults.push(Fault::at([key], message));
            }
        }
        let (lists, wrong) = self.read_lists();
        faults.extend(wrong);
        self.check_keys(&lists, &mut faults);
        // What only goes wrong together is told of the section.
        if faults.is_empty()
            && let Some(message) = self.wrong(&lists)
        {
            faults.push(Fault::at([], message));
        }
        faults
    }

    /// The lists that are named, and what is wrong with them. What can't be used is there without its networks.
    fn read_lists(&self) -> (Lists, Vec<Fault>) {
        let (mut lists, mut faults) = (Lists::new(), Vec::new());
        for (name, path) in &self.lists {
            let fault = |message: String| Fault::at(["lists", name], message);
            if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-')) {
                faults.push(fault("a list's name has letters, digits, `-` and `_`".into()));
                continue;
            }
            let text = read_list(path).map_err(|e| e.to_string()).and_then(|text| {
                // Whoever names it gets all of it.
                let named = Self { own: vec![format!("@{name}")], ..Self::default() };
                named.wrong(&Lists::from([(name.clone(), text.clone())])).map_or(Ok(text), Err)
            });
            faults.extend(text.as_ref().err().map(|message| fault(message.clone())));
            lists.insert(name.clone(), text.unwrap_or_default());
        }
        let own = self.own.iter().enumerate().map(|(item, text)| ("own", Some(item), text));
        for (key, item, text) in self.filter.iter().map(|text| ("where", None, text)).chain(own) {
            for file in filter::files(text) {
                let read = read_list(file.as_ref()).map_err(|e| e.to_string());
                if let Err(message) = &read {
                    let fault = Fault { item, ..Fault::at([key], message) };
                    tell(&mut faults, fault);
                }
                lists.insert(file, read.unwrap_or_default());
            }
        }
        (lists, faults)
    }

    /// What is wrong with each key by itself, and with each item of those that have several.
    fn check_keys(&self, lists: &Lists, faults: &mut Vec<Fault>) {
        let none = Lists::new();
        let alone = [
            ("from", Self { from: self.from.clone(), ..Self::default() }),
            ("where", Self { filter: self.filter.clone(), ..Self::default() }),
            ("quote", Self { quote: self.quote.clone(), ..Self::default() }),
        ];
        for (key, choices) in alone {
            if let Some(message) = choices.wrong(lists) {
                tell(faults, Fault::at([key], message));
            }
        }
        let of_items: [(&str, &Vec<String>, Chosen); 3] = [
            ("drop", &self.drop, |drop| Self { drop, ..Self::default() }),
            ("mask", &self.mask, |mask| Self { mask, ..Self::default() }),
            ("own", &self.own, |own| Self { own, ..Self::default() }),
        ];
        for (key, items, choices) in of_items {
            for (i, item) in items.iter().enumerate() {
                if let Some(message) = choices(vec![item.clone()]).wrong(lists) {
                    // The key stands in front of it already.
                    let message = message.strip_prefix(&format!("{key}: ")).unwrap_or(&message);
                    tell(faults, Fault::at([key], message).of_item(i));
                }
            }
        }
        let layout = Self { from: self.from.clone(), layout: self.layout.clone(), ..Self::default() };
        let separated = Self { separator: self.separator.clone(), ..layout.clone() };
        // One that is right, to see what is wrong with the separator.
        let right = Self {
            from: Some("aws-vpc".into()),
            layout: Some("${srcaddr}${dstaddr}".into()),
            ..separated.clone()
        };
        let of_separator = self.separator.as_ref().and_then(|_| right.wrong(&none));
        let is_right = of_separator.is_none();
        if let Some(message) = of_separator {
            tell(faults, Fault::at(["separator"], message));
        }
        match (layout.wrong(&none), separated.wrong(&none)) {
            (None, Some(message)) if is_right => tell(faults, Fault::at(["separator"], message)),
            (Some(message), Some(_)) => tell(faults, Fault::at(["layout"], message)),
            _ => {}
        }
        let taken = Self { drop: self.drop.clone(), mask: self.mask.clone(), ..Self::default() };
        for (key, is_kept, kept) in [
            ("keep_raw", self.keep_raw, Self { keep_raw: true, ..taken.clone() }),
            ("keep_envelope", self.keep_envelope, Self { keep_envelope: true, ..taken.clone() }),
        ] {
            if is_kept && let Some(message) = kept.wrong(&none).filter(|_| taken.wrong(&none).is_none()) {
                tell(faults, Fault::at([key], message));
            }
        }
    }

    /// Why these choices can't be used, if they can't.
    fn wrong(&self, lists: &Lists) -> Option<String> {
        let config = match self.config_with(lists.clone(), 0) {
            Ok(config) => config,
            Err(error) => return Some(error.to_string()),
        };
        let normalizer = Normalizer::new(&config).err();
        let error = normalizer.or_else(|| weir_normalizer::framing::Framer::new(&config).err())?;
        Some(error.to_string())
    }
}

/// Makes a pipeline that has nothing but the items of one key.
type Chosen = fn(Vec<String>) -> Pipeline;

fn read_list(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|e| Error::file(path, "read the list", &e))
}

/// Notes a fault, but what is wrong with a list is told once.
fn tell(faults: &mut Vec<Fault>, fault: Fault) {
    if !faults.iter().any(|other| other.message == fault.message) {
        faults.push(fault);
    }
}
