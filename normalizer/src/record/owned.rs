//! A record that owns its values, for programs that go on with them.

use std::{fmt, net::IpAddr};

use crate::{
    base::place::Place,
    record::fields::{Field, Record, RecordMemory, Value, table},
    value::raw::{Raw, RawKind},
};

/// A record: what the source says in fields of one schema, and what has no field in
/// [`extra`](Self::extra).
///
/// There is a method for each [`Field`]. What a field can be, and what it means, is the same for
/// all products; `weir schema` writes it as a JSON Schema.
#[derive(Clone, PartialEq, Eq)]
pub struct OwnedRecord {
    /// Which fields are set, a bit for each.
    present: u64,
    /// Their values, in the order of the fields.
    values: Box<[Stored]>,
    extra: Box<[StoredExtra]>,
    /// All texts, one behind the other.
    text: Box<str>,
    pub(crate) place: Place,
}

/// Where a text stands in the record's: the start and the length, in bytes.
type TextSpan = (u32, u32);

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stored {
    Number(u64),
    Address(IpAddr),
    Text(TextSpan),
}

/// A value that has no field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct StoredExtra {
    key: TextSpan,
    kind: RawKind,
    value: TextSpan,
}

impl OwnedRecord {
    /// Copies a record that borrows from the input.
    pub(crate) fn new(record: &Record<'_>) -> Self {
        let in_field = |(_, value): (Field, Value<'_>)| match value {
            Value::Text(text) => text.len(),
            _ => 0,
        };
        let in_extra = record.extra.iter().map(|(key, raw)| key.len() + raw.text.len());
        let mut text = String::with_capacity(record.fields().map(in_field).chain(in_extra).sum());
        // No record's texts have as many bytes as 32 bits can count.
        let mut put = |part: &str| {
            let start = text.len() as u32;
            text.push_str(part);
            (start, part.len() as u32)
        };
        let stored = |(_, value): (Field, Value<'_>)| match value {
            Value::Number(n) => Stored::Number(n),
            Value::Address(a) => Stored::Address(a),
            Value::Text(text) => Stored::Text(put(text)),
        };
        let values = record.fields().map(stored).collect();
        let extra = record.extra.iter();
        let extra =
            extra.map(|(key, raw)| StoredExtra { key: put(key), kind: raw.kind, value: put(raw.text) });
        let (present, extra) = (record.present(), extra.collect());
        Self { present, values, extra, text: text.into_boxed_str(), place: Place::default() }
    }

    /// It as a record that borrows from this one.
    pub(crate) fn lend(&self) -> Record<'_> {
        let mut record = Record::new(&mut RecordMemory::default());
        self.fields().for_each(|(field, value)| record.set(field, value));
        record.extra.extend(self.extra());
        record
    }

    /// Where the element lies that held the record: the line or the JSON document, or the item of
    /// an envelope's array.
    pub fn place(&self) -> Place {
        self.place
    }

    /// Whether it has a field.
    pub fn has(&self, field: Field) -> bool {
        self.present & 1 << field as usize != 0
    }

    /// The value of a field; `None` where the record does not have it.
    pub fn get(&self, field: Field) -> Option<Value<'_>> {
        let before = self.present & ((1 << field as usize) - 1);
        let stored = || self.values.get(before.count_ones() as usize);
        if self.has(field) { stored().map(|v| self.value(*v)) } else { None }
    }

    /// The fields that it has, in the order of [`Field::ALL`].
    pub fn fields(&self) -> impl Iterator<Item = (Field, Value<'_>)> {
        let has = Field::ALL.iter().filter(|f| self.has(**f));
        has.zip(&self.values).map(|(field, value)| (*field, self.value(*value)))
    }

    /// What has no field: the source's key, and the value as the source wrote it, in the order of
    /// the source.
    pub fn extra(&self) -> impl ExactSizeIterator<Item = (&str, Raw<'_>)> {
        self.extra.iter().map(|e| (self.stretch(e.key), Raw { kind: e.kind, text: self.stretch(e.value) }))
    }

    fn stretch(&self, (start, len): TextSpan) -> &str {
        self.text.get(start as usize..(start + len) as usize).unwrap_or_default()
    }

    fn value(&self, stored: Stored) -> Value<'_> {
        match stored {
            Stored::Number(n) => Value::Number(n),
            Stored::Address(a) => Value::Address(a),
            Stored::Text(text) => Value::Text(self.stretch(text)),
        }
    }

    fn number(&self, field: Field) -> Option<u64> {
        match self.get(field) {
            Some(Value::Number(n)) => Some(n),
            _ => None,
        }
    }

    fn address(&self, field: Field) -> Option<IpAddr> {
        match self.get(field) {
            Some(Value::Address(a)) => Some(a),
            _ => None,
        }
    }

    fn text(&self, field: Field) -> Option<&str> {
        match self.get(field) {
            Some(Value::Text(t)) => Some(t),
            _ => None,
        }
    }
}

/// The reading of one field.
macro_rules! accessor {
    ($name:ident $key:ident Word $of:tt, $doc:literal) => { accessor!($name $key Text, $doc); };
    ($name:ident $key:ident Text, $doc:literal) => {
        #[doc = $doc]
        pub fn $key(&self) -> Option<&str> {
            self.text(Field::$name)
        }
    };
    ($name:ident $key:ident Address, $doc:literal) => {
        #[doc = $doc]
        pub fn $key(&self) -> Option<IpAddr> {
            self.address(Field::$name)
        }
    };
    ($name:ident $key:ident Millis, $doc:literal) => {
        #[doc = concat!($doc, " In milliseconds since 1970-01-01T00:00:00Z.")]
        pub fn $key(&self) -> Option<u64> {
            self.number(Field::$name)
        }
    };
    ($name:ident $key:ident Integer(u64::MAX), $doc:literal) => {
        accessor!($name $key Number(u64), $doc);
    };
    ($name:ident $key:ident Integer(i64::MAX as u64), $doc:literal) => {
        accessor!($name $key Number(u64), $doc);
    };
    ($name:ident $key:ident Integer(255), $doc:literal) => { accessor!($name $key Number(u8), $doc); };
    ($name:ident $key:ident Integer(999), $doc:literal) => { accessor!($name $key Number(u16), $doc); };
    ($name:ident $key:ident Integer(65535), $doc:literal) => { accessor!($name $key Number(u16), $doc); };
    ($name:ident $key:ident Number($number:ty), $doc:literal) => {
        #[doc = $doc]
        pub fn $key(&self) -> Option<$number> {
            // It is no more than its type lets, so nothing is cut.
            self.number(Field::$name).map(|n| n as $number)
        }
    };
}

macro_rules! accessors {
    ($($name:ident $key:ident $ty:ident $(($($of:tt)*))?, $doc:literal;)*) => {
        /// A method for each field; `None` where the record does not have it.
        impl OwnedRecord {
            $(accessor!($name $key $ty $(($($of)*))?, $doc);)*
        }
    };
}
table!(accessors);

/// As a map from keys to values.
impl fmt::Debug for OwnedRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (field, value) in self.fields() {
            let key = field.key();
            match value {
                Value::Number(n) => map.entry(&key, &n),
                Value::Address(a) => map.entry(&key, &a),
                Value::Text(t) => map.entry(&key, &t),
            };
        }
        map.entries(self.extra().map(|(key, raw)| (key, raw.text))).finish()
    }
}
