//! Partitions as Hive has them: `provider=aws/product=vpc/date=2026-01-31/`.

use std::{
    fmt::{self, Write as _},
    str::FromStr,
};

pub(crate) use weir_io::table::NOT_SAID as DEFAULT;
use weir_normalizer::record::Field;

use crate::limits::VALUE;

/// What records are put apart by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// The cloud.
    Provider,
    /// Its product.
    Product,
    /// The region that the record tells.
    Region,
    /// The account that the record is of, as Amazon Security Lake names the key.
    AccountId,
    /// The day of the record's time, in UTC: `2026-01-31`.
    Date,
    /// The same day as Amazon Security Lake writes it: `20260131`.
    EventDay,
    /// The class of an OCSF event.
    ClassUid,
    /// The same for all records: a name and a value.
    Fixed(String, String),
}

impl Key {
    /// Those that records have values of.
    const OF_RECORDS: [Self; 7] = [
        Self::Provider,
        Self::Product,
        Self::Region,
        Self::AccountId,
        Self::Date,
        Self::EventDay,
        Self::ClassUid,
    ];

    /// The field that it is. `None` where it is made of one.
    pub(crate) fn field(&self) -> Option<Field> {
        match self {
            Self::Provider => Some(Field::Provider),
            Self::Product => Some(Field::Product),
            Self::Region => Some(Field::Region),
            _ => None,
        }
    }

    /// Its name in paths, and in flat records where they have it.
    pub fn name(&self) -> &str {
        match self {
            Self::AccountId => "accountId",
            Self::Date => "date",
            Self::EventDay => "eventDay",
            Self::ClassUid => "class_uid",
            Self::Fixed(name, _) => name,
            Self::Provider | Self::Product | Self::Region => self.field().map_or("", Field::key),
        }
    }
}

/// As it is parsed.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::Fixed(_, value) => write!(f, "={value}"),
            _ => Ok(()),
        }
    }
}

impl FromStr for Key {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some((name, value)) = text.split_once('=') {
            let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            if !is_name || !is_said(value) {
                return Err(format!(
                    "{text:?}: a key with a value of its own is NAME=VALUE, the name of letters, digits and _"
                ));
            }
            return Ok(Self::Fixed(name.into(), value.into()));
        }
        Self::OF_RECORDS.into_iter().find(|key| key.name() == text).ok_or_else(|| {
            let known: Vec<_> = Self::OF_RECORDS.iter().map(|key| key.name().to_owned()).collect();
            format!("records are put apart by {}, or by NAME=VALUE; found {text:?}", known.join(", "))
        })
    }
}

/// The folders of a table, from outside to inside; none where all is in one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Partitioning(Vec<Key>);

impl FromStr for Partitioning {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut keys: Vec<Key> = Vec::new();
        for text in text.split(',').map(str::trim) {
            let key: Key = text.parse()?;
            if keys.iter().any(|other| other.name() == key.name()) {
                return Err(format!("{} is given twice", key.name()));
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

    /// The same with this key outside of all others, unless it is among them.
    #[must_use]
    pub fn below(mut self, key: Key) -> Self {
        if !self.0.contains(&key) {
            self.0.insert(0, key);
        }
        self
    }
}

/// Adds the folder of one value to a path.
pub(crate) fn push(path: &mut String, key: &Key, value: Option<&str>) {
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
    push(&mut path, &Key::Provider, Some(value));
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

    /// What the files of a table lack, because folders say it, is read from these again.
    #[test]
    fn whoever_reads_a_table_knows_what_folders_say() {
        let fields: Vec<_> = Key::OF_RECORDS.iter().filter_map(Key::field).collect();
        assert_eq!(fields, weir_io::table::SAID_BY_FOLDERS);
    }

    #[test]
    fn keys_are_named_once() {
        let keys: Partitioning = "date, provider".parse().unwrap();
        assert_eq!(keys.keys(), [Key::Date, Key::Provider]);
        let keys: Partitioning = "region=eu-central-1,accountId,eventDay".parse().unwrap();
        let texts: Vec<_> = keys.below(Key::ClassUid).keys().iter().map(Key::to_string).collect();
        assert_eq!(texts, ["class_uid", "region=eu-central-1", "accountId", "eventDay"]);
        for wrong in ["", "date,", "hour", "date,date", "region,region=x", "a b=c", "=c", "a="] {
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
            push(&mut path, &Key::Product, Some(value));
            assert_eq!(path, format!("product={name}/"));
            assert_eq!(is_said(value), name != DEFAULT);
        }
        let mut path = String::new();
        push(&mut path, &Key::Date, None);
        assert_eq!(path, format!("date={DEFAULT}/"));
    }
}
