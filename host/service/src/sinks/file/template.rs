//! Paths that records choose a part of.

use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::value::RawValue;
use weir_normalizer::schemas::Schema;

/// A path, with places for what a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Key(Key),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Provider,
    Product,
    Date,
    Hour,
}

/// What stands in a path where a record does not say it.
const UNKNOWN: &str = "unknown";

/// The longest value in a path, in bytes.
const LONGEST: usize = 64;

impl Key {
    const ALL: [(&str, Self); 4] = [
        ("provider", Self::Provider),
        ("product", Self::Product),
        ("date", Self::Date),
        ("hour", Self::Hour),
    ];
}

impl Template {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.ends_with('/') {
            return Err("expected the path of a file, such as \"/srv/flows/{date}/{hour}.ndjson.zst\"".into());
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let inside = rest[at..].strip_prefix('{').and_then(|inside| inside.split_once('}'));
            let found = inside.and_then(|(name, _)| Key::ALL.iter().find(|(key, _)| *key == name));
            let (Some((_, key)), Some((_, behind))) = (found, inside) else {
                let names: Vec<_> = Key::ALL.iter().map(|(name, _)| format!("{{{name}}}")).collect();
                // The rest of the path is right, as far as that is known.
                let found = inside.map_or(&rest[at..], |(name, _)| &rest[at..at + name.len() + 2]);
                return Err(format!("what is in braces is one of {}; found {found:?}", names.join(", ")));
            };
            parts.push(Part::Text(rest[..at].to_owned()));
            parts.push(Part::Key(*key));
            rest = behind;
        }
        parts.push(Part::Text(rest.to_owned()));
        parts.retain(|part| *part != Part::Text(String::new()));
        Ok(Self(parts))
    }

    /// The path, where it is the same for all records.
    pub(super) fn constant(&self) -> Option<&str> {
        match &self.0[..] {
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// Writes the path for what a record says.
    pub(super) fn fill(&self, said: &Said, path: &mut String) {
        path.clear();
        for part in &self.0 {
            match part {
                Part::Text(text) => path.push_str(text),
                Part::Key(Key::Provider) => push_value(path, &said.provider),
                Part::Key(Key::Product) => push_value(path, &said.product),
                Part::Key(Key::Date) => match said.time() {
                    Some(time) => {
                        let _ = write!(path, "{:04}-{:02}-{:02}", time.year(), time.month(), time.day());
                    }
                    None => path.push_str(UNKNOWN),
                },
                Part::Key(Key::Hour) => match said.time() {
                    Some(time) => {
                        let _ = write!(path, "{:02}", time.hour());
                    }
                    None => path.push_str(UNKNOWN),
                },
            }
        }
    }
}

/// Puts a value in a path. Whatever it holds, it is one name in one folder: no separator, no step
/// upwards, nothing hidden.
fn push_value(path: &mut String, value: &str) {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let start = path.len();
    path.extend(value.chars().take(LONGEST).map(|c| if is_name(c) { c } else { '_' }));
    if path.len() == start {
        path.push_str(UNKNOWN);
    } else if path[start..].starts_with('.') {
        path.replace_range(start..=start, "_");
    }
}

/// What a record says that paths are made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Said {
    provider: String,
    product: String,
    /// Its time, in epoch milliseconds.
    pub(crate) millis: Option<i64>,
}

#[derive(Deserialize)]
struct Flat<'a> {
    #[serde(borrow)]
    provider: Option<&'a RawValue>,
    #[serde(borrow)]
    product: Option<&'a RawValue>,
    start_ms: Option<i64>,
    time_ms: Option<i64>,
    end_ms: Option<i64>,
    log_time_ms: Option<i64>,
}

#[derive(Deserialize)]
struct Ocsf<'a> {
    time: Option<i64>,
    #[serde(borrow)]
    cloud: Option<Cloud<'a>>,
    #[serde(borrow)]
    metadata: Option<Metadata<'a>>,
}

#[derive(Deserialize)]
struct Metadata<'a> {
    #[serde(borrow)]
    product: Option<Named<'a>>,
}

#[derive(Deserialize)]
struct Cloud<'a> {
    #[serde(borrow)]
    provider: Option<&'a RawValue>,
    #[serde(borrow)]
    service: Option<Named<'a>>,
}

#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    name: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Ecs<'a> {
    #[serde(rename = "@timestamp", borrow)]
    timestamp: Option<&'a RawValue>,
    #[serde(borrow)]
    cloud: Option<Cloud<'a>>,
}

impl Said {
    /// Reads a record; what can't be read says nothing.
    pub(crate) fn read(&mut self, record: &[u8], schema: Schema) {
        let text = |raw: Option<&RawValue>| -> String {
            raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
        };
        *self = match schema {
            Schema::Flat => match serde_json::from_slice::<Flat<'_>>(record) {
                Ok(r) => Self {
                    provider: text(r.provider),
                    product: text(r.product),
                    millis: r.start_ms.or(r.time_ms).or(r.end_ms).or(r.log_time_ms),
                },
                Err(_) => Self::default(),
            },
            Schema::Ocsf => match serde_json::from_slice::<Ocsf<'_>>(record) {
                Ok(r) => Self {
                    provider: text(r.cloud.and_then(|c| c.provider)),
                    product: text(r.metadata.and_then(|m| m.product).and_then(|p| p.name)),
                    millis: r.time,
                },
                Err(_) => Self::default(),
            },
            Schema::Ecs => match serde_json::from_slice::<Ecs<'_>>(record) {
                Ok(r) => {
                    let time: Option<jiff::Timestamp> = text(r.timestamp).parse().ok();
                    let (provider, service) = r.cloud.map_or((None, None), |c| (c.provider, c.service));
                    Self {
                        provider: text(provider),
                        product: text(service.and_then(|s| s.name)),
                        millis: time.map(jiff::Timestamp::as_millisecond),
                    }
                }
                Err(_) => Self::default(),
            },
            _ => Self::default(),
        };
    }

    fn time(&self) -> Option<jiff::civil::DateTime> {
        let time = jiff::Timestamp::from_millisecond(self.millis?).ok()?;
        Some(jiff::tz::Offset::UTC.to_datetime(time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_names_what_it_knows() {
        for wrong in ["", "/srv/", "/srv/{year}.log", "/srv/{date", "/srv/date}", "{}"] {
            assert!(Template::parse(wrong).is_err(), "{wrong}");
        }
        let told = Template::parse("/srv/{date}/{minute}/{hour}.log").unwrap_err();
        assert!(told.ends_with("found \"{minute}\""), "{told}");
        assert_eq!(Template::parse("a/b.log").unwrap().constant(), Some("a/b.log"));
        assert_eq!(Template::parse("{date}").unwrap().constant(), None);
    }

    #[test]
    fn records_of_each_schema_say_the_same() {
        let template = Template::parse("/srv/{provider}/{product}/{date}/{hour}.log").unwrap();
        let flat =
            br#"{"provider":"huawei","product":"vpc","kind":"flow","start_ms":1548752136000,"end_ms":1}"#;
        let ecs = br#"{"@timestamp":"2019-01-29T08:55:36.000Z","cloud":{"provider":"huawei","service":{"name":"vpc"}}}"#;
        let ocsf =
            br#"{"time":1548752136000,"metadata":{"product":{"name":"vpc"}},"cloud":{"provider":"huawei"}}"#;
        let mut path = String::new();
        for (record, schema) in [(&flat[..], Schema::Flat), (ecs, Schema::Ecs), (ocsf, Schema::Ocsf)] {
            let mut said = Said::default();
            said.read(record, schema);
            template.fill(&said, &mut path);
            assert_eq!(path, "/srv/huawei/vpc/2019-01-29/08.log", "{schema:?}");
        }
    }

    #[test]
    fn case_50_a_hostile_value_in_a_path_stays_inside() {
        let template = Template::parse("/srv/{provider}/{product}.log").unwrap();
        let mut path = String::new();
        for (hostile, harmless) in [
            ("../../etc", "_._.._etc"),
            ("..", "_."),
            (".", "_"),
            ("", "unknown"),
            ("/etc/passwd", "_etc_passwd"),
            ("a\u{0}b\nc", "a_b_c"),
            ("\u{202e}x", "_x"),
            (".ssh", "_ssh"),
        ] {
            let record = serde_json::json!({"provider": hostile, "product": hostile}).to_string();
            let mut said = Said::default();
            said.read(record.as_bytes(), Schema::Flat);
            template.fill(&said, &mut path);
            assert_eq!(path, format!("/srv/{harmless}/{harmless}.log"), "{hostile:?}");
        }
        let mut said = Said::default();
        said.read(br#"{"provider":7,"product":["a"],"start_ms":99999999999999999}"#, Schema::Flat);
        Template::parse("{provider}{product}{date}{hour}").unwrap().fill(&said, &mut path);
        assert_eq!(path, "unknownunknownunknownunknown");
        said.read("x".repeat(10).as_bytes(), Schema::Flat);
        let long = Said { provider: "x".repeat(1000), ..said };
        template.fill(&long, &mut path);
        assert!(path.len() < 100);
    }
}
