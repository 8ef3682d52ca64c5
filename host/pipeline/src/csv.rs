//! CSV: a row for each flat record, under a row with the names of its fields.

use std::{
    borrow::Cow,
    fmt,
    io::{self, Write},
};

use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use weir_normalizer::record::Field;

use crate::packers::{Packer, WholeLines};

/// The last column: what has no field, as JSON.
const EXTRA: &str = "extra";

/// Flat records as rows. Values are quoted as RFC 4180 says where they must be; an absent one is empty,
/// which no value is.
#[derive(Default)]
pub struct Rows {
    /// Whether the names of the columns are written.
    is_begun: bool,
    lines: WholeLines,
    /// Rows that are to be written, in memory that is used again.
    rows: Vec<u8>,
}

impl Rows {
    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if std::mem::replace(&mut self.is_begun, true) {
            return Ok(());
        }
        let mut writer = csv::Writer::from_writer(&mut self.rows);
        writer.write_record(Field::ALL.iter().map(|f| f.key()).chain([EXTRA]))?;
        drop(writer);
        self.write(out)
    }

    fn write(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let written = out.write_all(&self.rows);
        self.rows.clear();
        written
    }
}

/// Adds the rows of whole lines.
fn add(lines: &[u8], rows: &mut Vec<u8>) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(rows);
    for line in lines.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
        let mut values: [Option<&RawValue>; COLUMNS] = [None; COLUMNS];
        let mut json = serde_json::Deserializer::from_slice(line);
        Values(&mut values).deserialize(&mut json)?;
        for (column, value) in values.iter().enumerate() {
            let raw = value.map_or("", RawValue::get);
            match raw.starts_with('"') && column < COLUMNS - 1 {
                true => writer.write_field(serde_json::from_str::<Text<'_>>(raw)?.0.as_bytes())?,
                false => writer.write_field(raw)?,
            }
        }
        writer.write_record(None::<&[u8]>)?;
    }
    writer.flush()
}

const COLUMNS: usize = Field::ALL.len() + 1;

/// A string, without a copy where it has no escapes.
#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Finds the value of each column.
struct Values<'v, 'de>(&'v mut [Option<&'de RawValue>; COLUMNS]);

impl<'de> DeserializeSeed<'de> for Values<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Values<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a flat record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(Text(key)) = members.next_key()? {
            let value: &RawValue = members.next_value()?;
            let column = match Field::by_key(&key) {
                Some(field) => field as usize,
                // A flat record has nothing else.
                None => COLUMNS - 1,
            };
            self.0[column] = Some(value);
        }
        Ok(())
    }
}

impl Packer for Rows {
    fn push(&mut self, records: &[u8], out: &mut dyn Write) -> io::Result<()> {
        self.begin(out)?;
        self.lines.push(records, |lines| add(lines, &mut self.rows))?;
        self.write(out)
    }

    fn pause(&mut self, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    /// The names of the columns stand in each file.
    fn reopened(&mut self) {
        self.is_begun = false;
    }

    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.push(if self.lines.is_whole() { b"" } else { b"\n" }, out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_has_its_column() {
        for (i, field) in Field::ALL.iter().enumerate() {
            assert_eq!(*field as usize, i);
        }
    }

    #[test]
    fn values_are_quoted_where_they_must_be() {
        let records = r#"{"provider":"aws","src_port":5,"src_ip":"::1","url":"a,\"b\"\nc","extra":{"k":"v\\","n":[1]}}
{"product":"vpc"}
"#;
        for size in [1, 7, 1000] {
            let (mut rows, mut out) = (Rows::default(), Vec::new());
            for piece in records.as_bytes().chunks(size) {
                rows.push(piece, &mut out).unwrap();
            }
            rows.finish(&mut out).unwrap();
            let text = String::from_utf8(out.clone()).unwrap();
            assert!(text.starts_with("provider,product,kind,"), "{text}");
            assert!(text.contains(",\"a,\"\"b\"\"\nc\","), "{text}");
            assert!(text.contains(r#","{""k"":""v\\"",""n"":[1]}""#), "{text}");
            let mut reader = csv::Reader::from_reader(&out[..]);
            let names = reader.headers().unwrap().clone();
            let read: Vec<_> = reader.records().map(Result::unwrap).collect();
            let value = |row: usize, name: &str| {
                read[row].get(names.iter().position(|n| n == name).unwrap()).unwrap().to_owned()
            };
            assert_eq!(read.len(), 2);
            assert_eq!((value(0, "src_port"), value(0, "src_ip")), ("5".into(), "::1".into()));
            assert_eq!((value(0, "url"), value(0, "product")), ("a,\"b\"\nc".into(), String::new()));
            assert_eq!((value(1, "product"), value(1, EXTRA)), ("vpc".into(), String::new()));
        }
        let (mut rows, mut out) = (Rows::default(), Vec::new());
        rows.finish(&mut out).unwrap();
        assert_eq!(out.iter().filter(|b| **b == b'\n').count(), 1);
    }
}
