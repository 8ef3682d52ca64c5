//! Reads sections of the file and gathers all that is wrong, each with its place.

use std::borrow::Cow;

use schemars::{JsonSchema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde_ignored::Path;
use serde_json::Value;
use toml::{
    Spanned,
    de::{DeArray, DeTable, DeValue, ValueDeserializer},
};

use super::{
    elsewhere,
    fault::Fault,
    nearest::nearest,
    places::{Finding, Places},
};

/// One table of the file.
pub(super) type Table<'i> = Spanned<DeTable<'i>>;

/// Gathers what is wrong with a text.
#[derive(Debug)]
pub(super) struct Reader<'i> {
    name: String,
    text: &'i str,
    /// What is wrong, by the offset where it is.
    findings: Vec<(usize, String)>,
}

/// What a section says, as far as it can be read.
#[derive(Debug)]
pub(crate) struct Section<T> {
    pub(super) options: T,
    /// The keys whose values could not be read, each from the section's on. The options have their defaults.
    pub(super) spoiled: Vec<Vec<String>>,
}

impl<T> Section<T> {
    /// The same with other options.
    pub(crate) fn map<U>(self, to: impl FnOnce(T) -> U) -> Section<U> {
        Section { options: to(self.options), spoiled: self.spoiled }
    }

    /// Whether the value of a key of the section, or a part of it, could not be read.
    pub(super) fn is_spoiled(&self, key: &str) -> bool {
        self.spoiled.iter().any(|keys| keys.first().is_some_and(|first| first == key))
    }
}

impl<'i> Reader<'i> {
    pub(super) fn new(name: impl Into<String>, text: &'i str) -> Self {
        Self { name: name.into(), text, findings: Vec::new() }
    }

    /// The whole file, as far as it is TOML.
    pub(super) fn document(&mut self) -> Option<Table<'i>> {
        let (document, errors) = DeTable::parse_recoverable(self.text);
        if let (false, Some(told)) = (errors.is_empty(), elsewhere::other(self.text)) {
            self.add(0, told);
            return None;
        }
        for error in &errors {
            self.add(error.span().map_or(0, |s| s.start), error.message());
        }
        errors.is_empty().then_some(document)
    }

    /// Notes what is wrong at an offset.
    pub(super) fn add(&mut self, offset: usize, message: impl Into<String>) {
        self.findings.push((offset, message.into()));
    }

    /// Notes what is wrong with the value of a key of a table, or with the table where it has none.
    pub(super) fn fault(&mut self, table: &Table<'_>, section: &str, fault: &Fault) {
        let mut at: Vec<&str> = fault.key.iter().map(String::as_str).collect();
        let name = match at.is_empty() {
            true => format!("[{section}]"),
            false => format!("{section}.{}", at.join(".")),
        };
        let item = fault.item.map(|item| item.to_string());
        at.extend(item.as_deref());
        self.add(place(table, &at, Place::Value), format!("{name}: {}", fault.message));
    }

    /// Reads a section, without the values that are wrong. `None` where it can't be read without them. `more`
    /// are keys that it may have besides, and that were taken out of it.
    pub(super) fn section<T: DeserializeOwned + JsonSchema>(
        &mut self,
        table: &Table<'i>,
        section: &str,
        more: &[&str],
    ) -> Option<Section<T>> {
        let known = SchemaGenerator::default().into_root_schema_for::<T>();
        let mut rest = table.clone();
        let mut spoiled = Vec::new();
        loop {
            let value = Spanned::new(rest.span(), DeValue::Table(rest.get_ref().clone()));
            let mut unknown = Vec::new();
            let read = serde_ignored::deserialize(ValueDeserializer::from(value), |path| {
                let mut keys = Vec::new();
                segments(&path, &mut keys);
                unknown.push(keys);
            });
            let error: toml::de::Error = match read {
                Ok(options) => {
                    self.unknown_keys(table, section, more, known.as_value(), unknown);
                    return Some(Section { options, spoiled });
                }
                Err(error) => error,
            };
            let at = error.span().map(|span| span.start);
            let message = no_struct(error.message().trim_end());
            self.add(
                at.unwrap_or(table.span().start),
                if section.is_empty() { message.into_owned() } else { format!("[{section}]: {message}") },
            );
            // One is told at a time; without it the next one is.
            match at.and_then(|at| take_out(rest.get_mut(), at)) {
                Some(keys) => spoiled.push(keys),
                None => {
                    self.unknown_keys(table, section, more, known.as_value(), unknown);
                    return None;
                }
            }
        }
    }

    fn unknown_keys(
        &mut self,
        table: &Table<'_>,
        section: &str,
        more: &[&str],
        known: &Value,
        unknown: Vec<Vec<String>>,
    ) {
        for keys in unknown {
            let mut names = names(known, &keys[..keys.len().saturating_sub(1)]);
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
    }

    /// Notes that a key is not known.
    pub(super) fn unknown_key(&mut self, offset: usize, key: &str, section: &str, names: &[String]) {
        let place = if section.is_empty() { String::new() } else { format!(" in [{section}]") };
        let known = || names.iter().map(String::as_str);
        let meant = elsewhere::key(key, known());
        let hint = match meant.or_else(|| nearest(key, &mut known())) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("known are {}", names.join(", ")),
        };
        self.add(offset, format!("the key `{key}` is not known{place}; {hint}"));
    }

    /// The hash of the text.
    pub(super) fn hash(&self) -> u64 {
        xxhash_rust::xxh3::xxh3_64(self.text.as_bytes())
    }

    /// All that was found, in the order of the file.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let one = |(offset, message): &(usize, String)| {
            let (line, column) = self.position(*offset);
            Finding::new(&self.name, line, column, message)
        };
        let mut findings: Vec<_> = self.findings.iter().map(one).collect();
        findings.sort();
        findings.dedup();
        findings
    }

    /// Where the sections and their keys are.
    pub(super) fn places(&self, document: &Table<'_>) -> Places {
        let mut places = Places::new(&self.name);
        let mut note = |names: &[&str], at: usize| places.note(names.join("."), self.position(at));
        for (key, value) in document.get_ref() {
            let key_name = key.get_ref().as_ref();
            note(&[key_name], value.span().start);
            let Some(sections) = value.get_ref().as_table() else { continue };
            for (section, value) in sections {
                let section_name = section.get_ref().as_ref();
                note(&[key_name, section_name], section.span().start);
                for (key, value) in value.get_ref().as_table().into_iter().flatten() {
                    note(&[key_name, section_name, key.get_ref().as_ref()], value.span().start);
                }
            }
        }
        places
    }

    /// The line and the column of an offset, from 1 on.
    fn position(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let start = before.rfind('\n').map_or(0, |i| i + 1);
        (before.matches('\n').count() + 1, before[start..].chars().count() + 1)
    }
}

/// Takes the innermost value that stands at this offset out of a table, and gives the keys that lead to it; of
/// an array that is one item, and the keys lead to the array.
fn take_out(table: &mut DeTable<'_>, at: usize) -> Option<Vec<String>> {
    let mut found = None;
    for (key, value) in table.iter_mut() {
        let name = key.get_ref().to_string();
        let span = value.span();
        let is_here = span.contains(&at) || span.start == at || key.span().contains(&at);
        let inside = match value.get_mut() {
            DeValue::Table(inner) => take_out(inner, at),
            DeValue::Array(items) => take_out_of_array(items, at).then(Vec::new),
            _ => None,
        };
        if let Some(mut keys) = inside {
            keys.insert(0, name);
            return Some(keys);
        }
        if is_here {
            found = Some(name);
        }
    }
    let name = found?;
    table.remove(name.as_str());
    Some(vec![name])
}

/// The same of an array.
fn take_out_of_array(items: &mut DeArray<'_>, at: usize) -> bool {
    for item in items.iter_mut() {
        let is_taken = match item.get_mut() {
            DeValue::Table(inner) => take_out(inner, at).is_some(),
            DeValue::Array(inner) => take_out_of_array(inner, at),
            _ => false,
        };
        if is_taken {
            return true;
        }
    }
    let is_here = |item: &Spanned<DeValue<'_>>| item.span().contains(&at);
    if !items.iter().any(is_here) {
        return false;
    }
    let mut rest = DeArray::new();
    items.iter().filter(|item| !is_here(item)).for_each(|item| rest.push(item.clone()));
    *items = rest;
    true
}

/// A message that names no type of this program where a table is missing, and does not show what stands
/// there instead: it may be a secret.
fn no_struct(message: &str) -> Cow<'_, str> {
    match message.strip_prefix("invalid type: ").filter(|found| found.contains(", expected struct ")) {
        Some(found) => {
            let kind = found.split([' ', ',']).next().unwrap_or_default();
            Cow::Owned(format!("expected a table, such as {{ key = \"value\" }}, and found a {kind}"))
        }
        None => match message.rsplit_once(", expected ") {
            Some((found, "u8" | "u16" | "u32" | "u64" | "usize")) => {
                Cow::Owned(format!("{found}, expected a whole number"))
            }
            Some((found, "a sequence")) => match found.strip_prefix("invalid type: string ") {
                Some(text) => Cow::Owned(format!("expected a list, which stands in brackets: [{text}]")),
                None => Cow::Borrowed(message),
            },
            _ => Cow::Borrowed(message),
        },
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
