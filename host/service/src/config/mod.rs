//! The configuration: one file in TOML.
//!
//! Reading it gathers all that is wrong at once: the syntax, unknown keys, values, and what
//! does not fit together. What only the file system and secrets can tell is found
//! by `weir check`, and when the service starts.

mod elsewhere;
pub mod fault;
mod nearest;
pub mod pipeline;
pub mod places;
mod reader;
pub mod schema;
pub mod secret;
pub(crate) mod types;
pub mod values;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use schemars::JsonSchema;
use serde::Deserialize;
use toml::de::{DeValue, ValueDeserializer};

use self::{
    fault::Fault,
    nearest::nearest,
    pipeline::Pipeline,
    places::{Finding, Places},
    reader::{Place, Reader, Section, Table, place},
    values::{ByteSize, Span},
};
use crate::{
    error::Error,
    sinks::{BufferOptions, SinkOptions},
    sources::{SourceOptions, kafka},
};

/// What a file says.
#[derive(Debug, Default)]
pub struct Config {
    /// What concerns the whole process.
    pub process: Process,
    /// Where records come from.
    pub sources: BTreeMap<String, SourceOptions>,
    /// What is done with them.
    pub pipelines: BTreeMap<String, Pipeline>,
    /// Where they go.
    pub sinks: BTreeMap<String, SinkOptions>,
    /// The buffers in front of sinks that have one: where it is asked for, and where a source can't be
    /// read again.
    pub buffers: BTreeMap<String, BufferOptions>,
    /// The hash of the text, to tell one configuration from another.
    pub hash: u64,
    /// Where all of it stands.
    pub places: Places,
}

/// A configuration, and what is wrong with it.
#[derive(Debug)]
pub struct Examined {
    /// As much of it as can be read, with defaults for the values that can't; nothing where not even its paths
    /// can be told.
    pub config: Option<Config>,
    /// What is wrong, in the order of the file.
    pub findings: Vec<Finding>,
}

impl Examined {
    /// The configuration, where nothing is wrong with it. The error has all that is wrong, a line each.
    pub fn content(self) -> Result<Config, Error> {
        match self.config {
            Some(config) if self.findings.is_empty() => Ok(config),
            _ => Err(refusal(&self.findings)),
        }
    }
}

/// An error that tells findings, a line each.
pub fn refusal(findings: &[Finding]) -> Error {
    let lines: Vec<_> = findings.iter().map(Finding::to_string).collect();
    Error::usage(lines.join("\n"))
}

/// The keys at the top of the file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Process {
    /// Where progress, buffers, and rejects without a place of their own are kept; a relative path, here as
    /// everywhere, is of the folder that the process is started in
    pub state_dir: PathBuf,
    /// About what the process may take, at least 8MiB: five eighths are for records on their way, the rest for
    /// what works on them, which takes more than that where it is less than 128MiB. Each compressed file of a path
    /// with placeholders takes some 3MiB more while it is open
    pub memory: ByteSize,
    /// How long records that are on their way are waited for at the end, before they are left to the next start
    pub drain: Span,
    /// How often progress is written
    pub checkpoint: Span,
    /// The address where /metrics, /health and /ready are served, such as "127.0.0.1:9464"
    pub listen: Option<String>,
}

impl Process {
    /// How many bytes of `memory` are for records on their way. What sinks and sandboxes need, and what the
    /// allocator keeps of pages that are gone, is the rest.
    pub fn memory_of_records(&self) -> u64 {
        self.memory.0 / 8 * 5
    }
}

impl Default for Process {
    fn default() -> Self {
        Self {
            state_dir: "/var/lib/weir".into(),
            memory: ByteSize(256 << 20),
            drain: Span(std::time::Duration::from_secs(30)),
            checkpoint: Span(std::time::Duration::from_secs(1)),
            listen: None,
        }
    }
}

/// The least memory that the service works with: some batches and what comes of them.
const LEAST_MEMORY: u64 = 8 << 20;

/// The tables that hold named sections.
const KINDS: [&str; 3] = ["sources", "pipelines", "sinks"];

impl Config {
    /// Reads a file. The error has all that is wrong with it, a line each.
    pub fn load(path: &Path) -> Result<Self, Error> {
        Self::examine(path)?.content()
    }

    /// Reads a file, and tells what is wrong with it.
    ///
    /// # Errors
    ///
    /// Where there is no text to be read.
    pub fn examine(path: &Path) -> Result<Examined, Error> {
        let failed = |e: std::io::Error| match e.kind() {
            std::io::ErrorKind::InvalidData => {
                Error::usage(format!("{}: the configuration is no UTF-8", path.display()))
            }
            _ => {
                let error = Error::file(path, "read the configuration", &e);
                Error::usage(error.to_string())
            }
        };
        let text = fs::read_to_string(path).map_err(failed)?;
        Ok(Self::examine_text(&path.display().to_string(), &text))
    }

    /// Reads a text; `name` is what messages call it.
    pub fn read(name: &str, text: &str) -> Result<Self, Error> {
        Self::examine_text(name, text).content()
    }

    fn examine_text(name: &str, text: &str) -> Examined {
        let mut reader = Reader::new(name, text);
        let config = read(&mut reader);
        Examined { config, findings: reader.findings() }
    }
}

fn read(reader: &mut Reader<'_>) -> Option<Config> {
    let document = reader.document()?;
    let (hash, places) = (reader.hash(), reader.places(&document));
    // The sections that have values which can't be read.
    let mut spoiled = BTreeSet::new();
    let mut top = document.clone();
    let mut sections: BTreeMap<&str, Vec<(String, Table<'_>)>> = BTreeMap::new();
    for kind in KINDS {
        let Some(value) = top.get_mut().remove(kind) else { continue };
        let DeValue::Table(tables) = value.get_ref() else {
            reader.add(
                value.span().start,
                format!("`{kind}` holds a section for each name, such as [{kind}.name]"),
            );
            continue;
        };
        for (name, value) in tables {
            let at = name.span().start;
            let name = name.get_ref().to_string();
            if !is_name(&name) {
                reader.add(at, format!("{kind}.{name:?}: a name has up to 64 letters, digits, `-` and `_`"));
            } else if let DeValue::Table(table) = value.get_ref() {
                // The place of a section is that of its name, as it may have no header of its own.
                let end = value.span().end.max(at);
                sections.entry(kind).or_default().push((name, toml::Spanned::new(at..end, table.clone())));
            } else {
                reader.add(value.span().start, format!("{kind}.{name} is a section: [{kind}.{name}]"));
            }
        }
    }
    let process = read_process(reader, &top);
    let (mut sources, mut pipelines, mut sinks, mut buffers) =
        (BTreeMap::new(), BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    let mut unbuffered = Vec::new();
    for (name, table) in sections.get("sources").into_iter().flatten() {
        let section = format!("sources.{name}");
        if let Some(options) =
            read_typed(reader, table, &section, SourceOptions::TYPES, |reader, name, table| {
                SourceOptions::read(
                    name,
                    table,
                    &mut SectionOf { reader, section: &section, more: &["type"] },
                )
            })
        {
            faults(reader, table, &section, &options.options.check(), &options.spoiled);
            note(&mut spoiled, &section, &options);
            sources.insert(name.clone(), options.options);
        }
    }
    for (name, table) in sections.get("sinks").into_iter().flatten() {
        let section = format!("sinks.{name}");
        let mut table = table.clone();
        if let Some(value) = table.get_mut().remove("buffer") {
            match value.get_ref() {
                DeValue::Table(inner) => {
                    let inner = toml::Spanned::new(value.span(), inner.clone());
                    let section = format!("{section}.buffer");
                    if let Some(buffer) = reader.section::<BufferOptions>(&inner, &section, &[]) {
                        faults(reader, &inner, &section, &buffer.options.check(), &buffer.spoiled);
                        buffers.insert(name.clone(), buffer.options);
                    }
                }
                DeValue::Boolean(true) => drop(buffers.insert(name.clone(), BufferOptions::default())),
                DeValue::Boolean(false) => unbuffered.push(name.clone()),
                _ => reader.add(
                    value.span().start,
                    format!("{section}.buffer: expected {{ max = \"10GiB\" }}, or true or false"),
                ),
            }
        }
        if let Some(options) =
            read_typed(reader, &table, &section, SinkOptions::TYPES, |reader, name, table| {
                SinkOptions::read(
                    name,
                    table,
                    &mut SectionOf { reader, section: &section, more: &["type", "buffer"] },
                )
            })
        {
            faults(reader, &table, &section, &options.options.check(), &options.spoiled);
            if let Some(process) = &process {
                check_batch(reader, &table, &section, process);
            }
            note(&mut spoiled, &section, &options);
            sinks.insert(name.clone(), options.options);
        }
    }
    let named = |kind: &str| -> Vec<String> {
        sections.get(kind).into_iter().flatten().map(|(name, _)| name.clone()).collect()
    };
    let (source_names, sink_names) = (named("sources"), named("sinks"));
    for (name, table) in sections.get("pipelines").into_iter().flatten() {
        let section = format!("pipelines.{name}");
        if let Some(pipeline) = reader.section::<Pipeline>(table, &section, &[]) {
            for (key, names, known) in [
                ("sources", &pipeline.options.sources, &source_names),
                ("sinks", &pipeline.options.sinks, &sink_names),
            ] {
                refer(reader, table, &section, (key, pipeline.is_spoiled(key)), names, known);
            }
            let leaning = pipeline::leaning(&pipeline.spoiled);
            faults(reader, table, &section, &pipeline.options.check(), &leaning);
            note(&mut spoiled, &section, &pipeline);
            pipelines.insert(name.clone(), pipeline.options);
        }
    }
    if !sections.contains_key("pipelines") {
        reader.add(0, "there is no pipeline; add [pipelines.NAME] with `sources` and `sinks`");
    }
    // What can't be read again is kept, unless somebody says that it is not to be.
    for pipeline in pipelines.values() {
        let can_replay = |source| sources.get(source).is_none_or(SourceOptions::can_replay);
        if pipeline.sources.iter().all(can_replay) {
            continue;
        }
        for sink in pipeline.sinks.iter().filter(|sink| !unbuffered.contains(sink)) {
            buffers.entry(sink.clone()).or_default();
        }
    }
    let config = Config { process: process?, sources, pipelines, sinks, buffers, hash, places };
    used_once(reader, &document, &sections, &config, &spoiled);
    Some(config)
}

/// Notes a section that has values which can't be read.
fn note<T>(spoiled: &mut BTreeSet<String>, name: &str, section: &Section<T>) {
    if !section.spoiled.is_empty() {
        spoiled.insert(name.to_owned());
    }
}

fn read_process<'i>(reader: &mut Reader<'i>, top: &Table<'i>) -> Option<Process> {
    // A key at the top may be meant for one of the sections, too.
    let section = reader.section::<Process>(top, "", &KINDS)?;
    // Without it no path can be told.
    let mut has_state = !section.is_spoiled("state_dir");
    let process = section.options;
    if process.state_dir.as_os_str().is_empty() {
        has_state = false;
        let message = "state_dir: expected a folder, such as \"/var/lib/weir\"";
        reader.add(place(top, &["state_dir"], Place::Value), message);
    }
    if process.memory.0 < LEAST_MEMORY {
        let message = "memory: expected at least \"8MiB\"; below \"128MiB\" the process takes more than that";
        reader.add(place(top, &["memory"], Place::Value), message);
    }
    if process.checkpoint.0.is_zero() {
        reader.add(place(top, &["checkpoint"], Place::Value), "checkpoint: expected at least \"1ms\"");
    }
    if let Some(listen) = &process.listen
        && let Err(message) = values::address(listen)
    {
        reader.add(place(top, &["listen"], Place::Value), format!("listen: {message}"));
    }
    has_state.then_some(process)
}

/// Reads a section whose other keys depend on its `type`.
fn read_typed<'i, T>(
    reader: &mut Reader<'i>,
    table: &Table<'i>,
    section: &str,
    types: &[&str],
    read: impl FnOnce(&mut Reader<'i>, &str, &Table<'i>) -> Option<Section<T>>,
) -> Option<Section<T>> {
    let mut rest = table.clone();
    let Some(kind) = rest.get_mut().remove("type") else {
        reader
            .add(table.span().start, format!("[{section}] has no `type`; it is one of {}", types.join(", ")));
        return None;
    };
    let known = kind.get_ref().as_str().filter(|name| types.contains(name));
    let Some(known) = known else {
        let found = kind.get_ref().as_str().unwrap_or(kind.get_ref().type_str());
        let meant = elsewhere::kind(found, types.iter().copied());
        let near = meant.or_else(|| nearest(found, &mut types.iter().copied()));
        let hint = match near {
            Some(name) => format!("did you mean \"{name}\"?"),
            None => format!("known are {}", types.join(", ")),
        };
        reader.add(kind.span().start, format!("{section}.type: {found:?} is not known; {hint}"));
        // What else is wrong with it is told as of what is meant.
        let mut section = read(reader, near?, &rest)?;
        section.spoiled.push(vec!["type".to_owned()]);
        return Some(section);
    };
    read(reader, known, &rest)
}

/// Reads one section's options, for the lists of types in `sources` and `sinks`.
pub(crate) struct SectionOf<'a, 'i> {
    reader: &'a mut Reader<'i>,
    section: &'a str,
    /// The keys that were taken out of it before.
    more: &'a [&'a str],
}

/// What a section says.
pub(crate) type SectionRead<T> = Section<T>;

/// The table of a section.
pub(crate) type SectionTable<'i> = Table<'i>;

impl<'i> SectionOf<'_, 'i> {
    /// Reads it as options of this type.
    pub(crate) fn read<T: serde::de::DeserializeOwned + JsonSchema>(
        &mut self,
        table: &SectionTable<'i>,
    ) -> Option<Section<T>> {
        self.reader.section(table, self.section, self.more)
    }
}

/// Notes faults, but what is only wrong as a value is not there that could not be read.
fn faults(
    reader: &mut Reader<'_>,
    table: &Table<'_>,
    section: &str,
    faults: &[Fault],
    spoiled: &[Vec<String>],
) {
    for fault in faults {
        let is_of = |keys: &Vec<String>| keys.iter().zip(&fault.key).all(|(spoiled, key)| spoiled == key);
        if !spoiled.iter().any(is_of) {
            reader.fault(table, section, fault);
        }
    }
}

/// A batch is gathered in memory, so that who asks for a larger one than that would never get it.
fn check_batch(reader: &mut Reader<'_>, sink: &Table<'_>, section: &str, process: &Process) {
    let bytes = || {
        let value = sink.get_ref().get("batch")?.get_ref().as_table()?.get("bytes")?;
        ByteSize::deserialize(ValueDeserializer::from(value.clone())).ok()
    };
    if bytes().is_some_and(|bytes| bytes > process.memory) {
        let message =
            format!("expected at most \"{}\", which is `memory`: a batch is gathered there", process.memory);
        reader.fault(sink, section, &Fault::at(["batch", "bytes"], message));
    }
}

/// Checks that a pipeline names what there is.
fn refer(
    reader: &mut Reader<'_>,
    table: &Table<'_>,
    section: &str,
    (key, is_spoiled): (&str, bool),
    names: &[String],
    known: &[String],
) {
    if names.is_empty() && !is_spoiled {
        reader.add(
            place(table, &[key], Place::Value),
            format!("{section}.{key}: name at least one of [{key}]"),
        );
    }
    for (index, name) in names.iter().enumerate() {
        let at = place(table, &[key, &index.to_string()], Place::Value);
        if names[..index].contains(name) {
            reader.add(at, format!("{section}.{key}: {name:?} stands twice"));
        } else if !known.contains(name) {
            let hint = match nearest(name, &mut known.iter().map(String::as_str)) {
                Some(near) => format!("did you mean {near:?}?"),
                None => format!("add [{key}.{name}]"),
            };
            reader.add(at, format!("{section}.{key}: there is no [{key}.{name}]; {hint}"));
        }
    }
}

/// A stream can be read once, and what nothing uses is a mistake.
fn used_once(
    reader: &mut Reader<'_>,
    document: &Table<'_>,
    sections: &BTreeMap<&str, Vec<(String, Table<'_>)>>,
    config: &Config,
    spoiled: &BTreeSet<String>,
) {
    let Config { pipelines, sources, sinks, .. } = config;
    let is_whole = |kind: &str, name: &String| !spoiled.contains(&format!("{kind}.{name}"));
    let all_read = pipelines.len() == sections.get("pipelines").map_or(0, Vec::len)
        && pipelines.keys().all(|name| is_whole("pipelines", name));
    let users = |name: &String| -> Vec<&str> {
        pipelines.iter().filter(|(_, p)| p.sources.contains(name)).map(|(n, _)| n.as_str()).collect()
    };
    for (name, options) in sources {
        let users = users(name);
        let at = place(document, &["sources", name], Place::Key);
        if users.is_empty() && all_read {
            reader.add(at, format!("[sources.{name}] is used by no pipeline; name it in `sources` of one"));
        }
        if users.len() > 1 && is_whole("sources", name) && !options.can_be_shared() {
            reader.add(
                at,
                format!(
                    "[sources.{name}] is used by several pipelines ({}), but can be read only once; \
                     give each a source of its own",
                    users.join(", ")
                ),
            );
        }
    }
    read_by_one_group(reader, document, config, &is_whole);
    for (name, options) in sinks {
        let users: Vec<_> = pipelines.iter().filter(|(_, p)| p.sinks.contains(name)).collect();
        let at = place(document, &["sinks", name], Place::Key);
        if users.is_empty() && all_read {
            reader.add(at, format!("[sinks.{name}] is used by no pipeline; name it in `sinks` of one"));
        }
        let users = users.into_iter().filter(|(pipeline, _)| is_whole("pipelines", pipeline));
        for (pipeline, choices) in users.filter(|_| is_whole("sinks", name)) {
            if let Some(why) = options.refuses(choices.schema()) {
                reader.add(at, format!("[sinks.{name}] can't be used by [pipelines.{pipeline}]: {why}"));
            }
        }
    }
}

/// Members of a group of consumers share what is read, so that two pipelines whose sources are members of one
/// would have some of the records each.
fn read_by_one_group(
    reader: &mut Reader<'_>,
    document: &Table<'_>,
    Config { pipelines, sources, .. }: &Config,
    is_whole: &dyn Fn(&str, &String) -> bool,
) {
    let members = sources.iter().filter_map(|(name, options)| match options {
        SourceOptions::Kafka(options) if is_whole("sources", name) => Some((name, options)),
        _ => None,
    });
    let members: Vec<_> = members.collect();
    let users = |name: &String| -> BTreeSet<&String> {
        pipelines.iter().filter(|(_, p)| p.sources.contains(name)).map(|(pipeline, _)| pipeline).collect()
    };
    for (i, (name, options)) in members.iter().enumerate() {
        let shares = |(other, others): &&(&String, &kafka::Options)| {
            options.group == others.group
                && options.topics.iter().any(|topic| others.topics.contains(topic))
                && options.brokers.iter().any(|broker| others.brokers.contains(broker))
                && !users(name).is_empty()
                && !users(other).is_empty()
                && users(name) != users(other)
        };
        if let Some((other, _)) = members[..i].iter().find(shares) {
            reader.add(
                place(document, &["sources", name, "group"], Place::Value),
                format!(
                    "sources.{name}.group: [sources.{other}] of another pipeline is of the same group and reads \
                     the same topic, so that each would have some of the records; choose two groups"
                ),
            );
        }
    }
}

fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}
