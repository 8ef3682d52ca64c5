//! Partitions as Hive has them: `provider=aws/product=vpc/date=2026-01-31/`.

use std::{fmt::Write as _, str::FromStr};

use weir_normalizer::record::Field;

use crate::limits::VALUE;

/// What stands in a path where a record does not say the value.
pub(crate) const DEFAULT: &str = "__HIVE_DEFAULT_PARTITION__";

/// What records are put apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// The cloud.
    Provider,
    /// Its product.
    Product,
    /// The day of the record's time, in UTC.
    Date,
}

impl Key {
    /// All of them, as a table has them that is put apart by each.
    pub const ALL: [Self; 3] = [Self::Provider, Self::Product, Self::Date];

    /// The field that it is. `None` where it is made of one.
    pub fn field(self) -> Option<Field> {
        match self {
            Self::Provider => Some(Field::Provider),
            Self::Product => Some(Field::Product),
            Self::Date => None,
        }
    }

    /// Its name in paths, and in records where they have it.
    pub fn name(self) -> &'static str {
        self.field().map_or("date", Field::key)
    }
}

/// The folders of a table, from outside to inside; none where all is in one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Partitioning(Vec<Key>);

impl FromStr for Partitioning {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut keys = Vec::new();
        for name in text.split(',').map(str::trim) {
            let Some(key) = Key::ALL.into_iter().find(|key| key.name() == name) else {
                let known: Vec<_> = Key::ALL.iter().map(|key| key.name()).collect();
                return Err(format!("records are put apart by {}; found {name:?}", known.join(", ")));
            };
            if keys.contains(&key) {
                return Err(format!("{name} is given twice"));
            }
            keys.push(key);
        }
        Ok(Self(keys))
    }
}

impl Partitioning {
    /// From outside to inside.
    pub fn keys(&self) -> &[Key] {
        &self.0
    }

    pub(crate) fn has(&self, key: Key) -> bool {
        self.0.contains(&key)
    }
}

/// Adds the folder of one value to a path.
pub(crate) fn push(path: &mut String, key: Key, value: Option<&str>) {
    path.push_str(key.name());
    path.push('=');
    let start = path.len();
    match value {
        Some(value) if !value.is_empty() => push_value(path, value),
        _ => path.push_str(DEFAULT),
    }
    // A part of a value would be another value.
    if path.len() - start > VALUE {
        path.truncate(start);
        path.push_str(DEFAULT);
    }
    path.push('/');
}

/// Whether a value has a name of its own in a path.
pub(crate) fn is_said(value: &str) -> bool {
    let mut path = String::new();
    push(&mut path, Key::Provider, Some(value));
    !path.ends_with(&format!("={DEFAULT}/"))
}

/// Escapes what Hive escapes, and what terminals and stores stumble over.
fn push_value(path: &mut String, value: &str) {
    for c in value.chars() {
        let is_escaped = weir_printable::steers(c)
            || matches!(
                c,
                '"' | '#' | '%' | '\'' | '*' | '/' | ':' | '=' | '?' | '\\' | '{' | '}' | '[' | ']' | '^'
            );
        if is_escaped {
            let mut utf8 = [0; 4];
            for byte in c.encode_utf8(&mut utf8).bytes() {
                let _ = write!(path, "%{byte:02X}");
            }
        } else {
            path.push(c);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_named_once() {
        let keys: Partitioning = "date, provider".parse().unwrap();
        assert_eq!(keys.keys(), [Key::Date, Key::Provider]);
        for wrong in ["", "date,", "hour", "date,date"] {
            assert!(wrong.parse::<Partitioning>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn whatever_a_value_holds_it_is_one_name_and_no_other_value_has_it() {
        let long = "x".repeat(VALUE + 1);
        for (value, name) in [
            ("vpc", "vpc"),
            ("..", ".."),
            ("../../etc", "..%2F..%2Fetc"),
            ("/etc/passwd", "%2Fetc%2Fpasswd"),
            ("a=b", "a%3Db"),
            ("a%2Fb", "a%252Fb"),
            ("a\u{0}b\nc\u{7f}", "a%00b%0Ac%7F"),
            ("\u{202e}x", "%E2%80%AEx"),
            ("\u{e9} {b}", "\u{e9} %7Bb%7D"),
            (r#"\"'#*?:[]^"#, "%5C%22%27%23%2A%3F%3A%5B%5D%5E"),
            ("", DEFAULT),
            (&long, DEFAULT),
        ] {
            let mut path = String::new();
            push(&mut path, Key::Product, Some(value));
            assert_eq!(path, format!("product={name}/"));
            assert_eq!(is_said(value), name != DEFAULT);
        }
        let mut path = String::new();
        push(&mut path, Key::Date, None);
        assert_eq!(path, format!("date={DEFAULT}/"));
    }
}
