//! Reads sections of the file and gathers all that is wrong, each with its place.

use std::borrow::Cow;

use schemars::{JsonSchema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde_ignored::Path;
use serde_json::Value;
use toml::{
    Spanned,
    de::{DeTable, DeValue, ValueDeserializer},
};

use super::{fault::Fault, nearest::nearest};

/// One table of the file.
pub(super) type Table<'i> = Spanned<DeTable<'i>>;

/// Something wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    offset: usize,
    message: String,
}

/// Gathers what is wrong with a text.
#[derive(Debug)]
pub(super) struct Reader<'i> {
    name: String,
    text: &'i str,
    findings: Vec<Finding>,
}

impl<'i> Reader<'i> {
    pub(super) fn new(name: impl Into<String>, text: &'i str) -> Self {
        Self { name: name.into(), text, findings: Vec::new() }
    }

    /// The whole file, as far as it is TOML.
    pub(super) fn document(&mut self) -> Option<Table<'i>> {
        let (document, errors) = DeTable::parse_recoverable(self.text);
        for error in &errors {
            self.add(error.span().map_or(0, |s| s.start), error.message());
        }
        errors.is_empty().then_some(document)
    }

    /// Notes what is wrong at an offset.
    pub(super) fn add(&mut self, offset: usize, message: impl Into<String>) {
        self.findings.push(Finding { offset, message: message.into() });
    }

    /// Notes what is wrong with the value of a key of a table, or with the table where it has none.
    pub(super) fn fault(&mut self, table: &Table<'_>, section: &str, fault: &Fault) {
        let key: Vec<&str> = fault.key.clone();
        self.add(place(table, &key, Place::Value), format!("{section}.{}: {}", key.join("."), fault.message));
    }

    /// Reads a section. `None` where a value of it is wrong. `more` are keys that it may have
    /// besides, and that were taken out of it.
    pub(super) fn section<T: DeserializeOwned + JsonSchema>(
        &mut self,
        table: &Table<'i>,
        section: &str,
        more: &[&str],
    ) -> Option<T> {
        let value = Spanned::new(table.span(), DeValue::Table(table.get_ref().clone()));
        let mut unknown = Vec::new();
        let read = serde_ignored::deserialize(ValueDeserializer::from(value), |path| {
            let mut keys = Vec::new();
            segments(&path, &mut keys);
            unknown.push(keys);
        });
        let known = SchemaGenerator::default().into_root_schema_for::<T>();
        for keys in unknown {
            let mut names = names(known.as_value(), &keys[..keys.len().saturating_sub(1)]);
            if keys.len() == 1 {
                names.extend(more.iter().map(|name| (*name).to_owned()));
            }
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            let inner: Vec<&str> = keys[..keys.len() - 1].to_vec();
            let section = [&[section][..], &inner].concat().join(".");
            self.unknown_key(
                place(table, &keys, Place::Key),
                keys.last().copied().unwrap_or_default(),
                section.trim_matches('.'),
                &names,
            );
        }
        read.map_err(|error: toml::de::Error| {
            let at = error.span().map_or(table.span().start, |s| s.start);
            let message = no_struct(error.message().trim_end());
            self.add(
                at,
                if section.is_empty() { message.into_owned() } else { format!("[{section}]: {message}") },
            );
        })
        .ok()
    }

    /// Notes that a key is not known.
    pub(super) fn unknown_key(&mut self, offset: usize, key: &str, section: &str, names: &[String]) {
        let place = if section.is_empty() { String::new() } else { format!(" in [{section}]") };
        let hint = match nearest(key, &mut names.iter().map(String::as_str)) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("known are {}", names.join(", ")),
        };
        self.add(offset, format!("the key `{key}` is not known{place}; {hint}"));
    }

    /// The hash of the text.
    pub(super) fn hash(&self) -> u64 {
        xxhash_rust::xxh3::xxh3_64(self.text.as_bytes())
    }

    /// Whether nothing was found.
    pub(super) fn is_content(&self) -> bool {
        self.findings.is_empty()
    }

    /// All that was found, a line or more each, in the order of the file.
    pub(super) fn findings(&self) -> Vec<String> {
        let mut findings = self.findings.clone();
        findings.sort();
        findings.dedup();
        findings
            .iter()
            .map(|finding| {
                let before = self.text.get(..finding.offset).unwrap_or(self.text);
                let line = before.matches('\n').count() + 1;
                let start = before.rfind('\n').map_or(0, |i| i + 1);
                let column = before[start..].chars().count() + 1;
                format!("{}:{line}:{column}: {}", self.name, finding.message)
            })
            .collect()
    }
}

/// A message that names no type of this program where a table is missing, and does not show what stands
/// there instead: it may be a secret.
fn no_struct(message: &str) -> Cow<'_, str> {
    match message.strip_prefix("invalid type: ").filter(|found| found.contains(", expected struct ")) {
        Some(found) => {
            let kind = found.split([' ', ',']).next().unwrap_or_default();
            Cow::Owned(format!("expected a table, such as {{ key = \"value\" }}, and found a {kind}"))
        }
        None => Cow::Borrowed(message),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Key,
    Value,
}

/// The offset of the key, or of its value; the table's own where there is none.
pub(super) fn place(table: &Table<'_>, keys: &[&str], which: Place) -> usize {
    let mut here = table.get_ref();
    let mut offset = table.span().start;
    for (depth, key) in keys.iter().enumerate() {
        let Some((name, value)) = here.get_key_value(*key) else { break };
        offset = if which == Place::Key { name.span().start } else { value.span().start };
        match value.get_ref() {
            DeValue::Table(inner) => here = inner,
            DeValue::Array(items) => {
                // The next key is an index.
                let Some(item) = keys.get(depth + 1).and_then(|i| items.get(i.parse::<usize>().ok()?)) else {
                    break;
                };
                offset = item.span().start;
                match item.get_ref() {
                    DeValue::Table(inner) => here = inner,
                    _ => break,
                }
            }
            _ => break,
        }
    }
    offset
}

fn segments(path: &Path<'_>, keys: &mut Vec<String>) {
    match path {
        Path::Root => {}
        Path::Seq { parent, index } => {
            segments(parent, keys);
            keys.push(index.to_string());
        }
        Path::Map { parent, key } => {
            segments(parent, keys);
            keys.push(key.clone());
        }
        Path::Some { parent } | Path::NewtypeStruct { parent } | Path::NewtypeVariant { parent } => {
            segments(parent, keys);
        }
    }
}

/// The names that a schema has for the members of what these keys lead to.
pub(super) fn names(root: &Value, keys: &[String]) -> Vec<String> {
    let mut here = vec![root];
    for key in keys {
        let mut next = Vec::new();
        for schema in &here {
            each_object(root, schema, &mut |object| {
                next.extend(object.get("properties").and_then(|p| p.get(key)));
                next.extend(object.get("items"));
                next.extend(object.get("additionalProperties").filter(|a| a.is_object()));
            });
        }
        here = next;
    }
    let mut names = Vec::new();
    for schema in &here {
        each_object(root, schema, &mut |object| {
            if let Some(Value::Object(properties)) = object.get("properties") {
                names.extend(properties.keys().cloned());
            }
        });
    }
    names
}

/// The schema itself, and what it refers to.
fn each_object<'a>(root: &'a Value, schema: &'a Value, each: &mut dyn FnMut(&'a Value)) {
    each(schema);
    if let Some(target) = schema.get("$ref").and_then(Value::as_str)
        && let Some(found) = target.strip_prefix('#').and_then(|pointer| root.pointer(pointer))
    {
        each_object(root, found, each);
    }
    for word in ["anyOf", "oneOf", "allOf"] {
        for inner in schema.get(word).and_then(Value::as_array).into_iter().flatten() {
            each_object(root, inner, each);
        }
    }
}
