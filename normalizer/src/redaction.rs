//! What is taken out of records before they leave: fields dropped, addresses cut to networks.

use crate::{
    Config, Error, nearest, networks,
    plan::same_key,
    products::Entry,
    record::{Field, FieldType, Record, Value},
};

/// What is to be taken out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Redaction {
    fields: Vec<Field>,
    extra: Vec<String>,
    all_extra: bool,
    masks: Vec<(Field, u8, u8)>,
}

impl Redaction {
    /// Reads `drop` and `mask` of the configuration.
    pub(crate) fn new(config: &Config) -> Result<Self, Error> {
        let mut made = Self::default();
        if config.keep_raw && !(config.drop.is_empty() && config.mask.is_empty()) {
            return Err(Error::new(
                "drop and mask: the record's text would still hold what they take out; leave --keep-raw out",
            ));
        }
        for name in &config.drop {
            match name.strip_prefix("extra.") {
                Some("*") => made.all_extra = true,
                _ if name == "extra" => made.all_extra = true,
                Some(key) => made.extra.push(extra_key(key)?),
                None => match field("drop", name)? {
                    f @ (Field::Provider | Field::Product | Field::Kind) => {
                        return Err(Error::new(format!(
                            "drop: every record has {}; it can't be taken out",
                            f.key()
                        )));
                    }
                    f => made.fields.push(f),
                },
            }
        }
        for text in &config.mask {
            let mut parts = text.split('/');
            let field = field("mask", parts.next().unwrap_or_default())?;
            if field.field_type() != FieldType::Address {
                return Err(Error::new(format!("mask: {} is no address", field.key())));
            }
            let mut prefix = |most: u8| parts.next().map(|p| p.parse().ok().filter(|p| *p <= most));
            let (v4, v6) = match (prefix(128), prefix(128), parts.next()) {
                (Some(Some(v4)), Some(Some(v6)), None) if v4 <= 32 => (v4, v6),
                (Some(Some(both)), None, None) if both <= 32 => (both, both),
                _ => {
                    return Err(Error::new(format!(
                        "mask: {text:?} is not FIELD/PREFIX, such as src_ip/24, or src_ip/24/64 where the second, up to 128, is for IPv6"
                    )));
                }
            };
            made.masks.push((field, v4, v6));
        }
        Ok(made)
    }

    /// Takes it out of a record, whose product has these keys.
    #[inline]
    pub(crate) fn apply(&self, record: &mut Record<'_>, entries: &[Entry]) {
        for &field in &self.fields {
            record.remove(field);
        }
        for &(field, v4, v6) in &self.masks {
            if let Some(Value::Address(a)) = record.get(field) {
                record.set(field, Value::Address(networks::masked(a, v4, v6)));
            }
        }
        if self.all_extra {
            record.extra.clear();
        } else if !(self.extra.is_empty() && self.fields.is_empty() && self.masks.is_empty()) {
            record.extra.retain(|(key, _)| !self.takes(key, entries));
        }
    }

    /// Whether a key of `extra` is to be taken out: by its name, or because it has the original
    /// of a field that is dropped or masked.
    fn takes(&self, key: &str, entries: &[Entry]) -> bool {
        if self.extra.iter().any(|k| same_key(k, key)) {
            return true;
        }
        let to = entries.iter().find(|e| e.keys.iter().any(|k| same_key(k, key))).and_then(|e| e.to.field());
        to.is_some_and(|f| self.fields.contains(&f) || self.masks.iter().any(|m| m.0 == f))
    }
}

/// A key of `extra` as it is written: in quotes, or without anything that could mean more.
fn extra_key(text: &str) -> Result<String, Error> {
    if let Some(key) = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')) {
        return Ok(key.to_owned());
    }
    if text.is_empty() || text.contains(['.', '*', '"']) {
        return Err(Error::new(format!(
            "drop: extra.{text} is none of extra.KEY, extra.* and extra.\"odd.key\"; a value inside of another can't be taken out alone"
        )));
    }
    Ok(text.to_owned())
}

fn field(what: &str, name: &str) -> Result<Field, Error> {
    if let Some(field) = Field::by_key(name) {
        return Ok(field);
    }
    let near = nearest::nearest(name, &mut Field::ALL.iter().map(|f| f.key()));
    let near = near.map_or(String::new(), |n| format!("; did you mean {n}?"));
    Err(Error::new(format!("{what}: no field is called {name:?}{near} (what has none is extra.KEY)")))
}
