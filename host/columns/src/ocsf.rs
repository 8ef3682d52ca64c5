//! OCSF events as columns: a struct for each object of the schema, and what is unmapped as JSON.
//!
//! Which attributes there are is said by the mapping of the normalizer. Their types are those of OCSF's
//! dictionary, where an attribute's name has one type wherever it stands; only lengths and times have 64
//! bits where the dictionary has fewer, as nothing may be lost. Times stay numbers, milliseconds since
//! 1970, as the dictionary has them.

use std::{borrow::Cow, collections::BTreeSet, fmt, io, mem, sync::Arc};

use arrow_array::RecordBatch;
use arrow_json::reader::{Decoder, ReaderBuilder};
use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use weir_normalizer::schemas::{self, Schema as RecordSchema};
use weir_pipeline::packers::WholeLines;

use crate::{Error, line::Text, parquet::Batches};

/// The rows of a batch, which are long.
const BATCH_ROWS: usize = 4 << 10;

/// What has no attribute.
const UNMAPPED: &str = "unmapped";

/// What tells the class.
const CLASS: &str = "class_uid";

/// The schema of all attributes that Weir writes, whatever the class.
pub(crate) fn schema() -> SchemaRef {
    let mappings = schemas::describe(RecordSchema::Ocsf);
    let paths: Vec<Vec<&str>> = mappings
        .iter()
        .map(|mapping| mapping.path.split('.').collect::<Vec<_>>())
        .map(|path| if path[0] == UNMAPPED { vec![UNMAPPED] } else { path })
        .collect();
    Arc::new(Schema::new(fields(&paths, 0)))
}

/// The columns of the table: the path of each, with the names of its objects, and its type as Arrow calls it.
pub fn columns() -> Vec<(String, String)> {
    let mut columns = Vec::new();
    add("", schema().fields(), &mut columns);
    columns
}

fn add(before: &str, fields: &Fields, columns: &mut Vec<(String, String)>) {
    for field in fields {
        let path = format!("{before}{}", field.name());
        match field.data_type() {
            DataType::Struct(inside) => add(&format!("{path}."), inside, columns),
            DataType::List(of) => {
                let kind = if of.data_type().is_nested() { "objects" } else { "texts" };
                columns.push((path, format!("List of {kind}")));
            }
            DataType::Utf8 if path == UNMAPPED => columns.push((path, "Json".into())),
            DataType::Utf8 => columns.push((path, "Text".into())),
            data_type => columns.push((path, data_type.to_string())),
        }
    }
}

/// The fields of the paths that have the same beginning, `depth` names long, in their order.
fn fields(paths: &[Vec<&str>], depth: usize) -> Fields {
    let mut names = BTreeSet::new();
    let first = paths.iter().filter_map(|path| path.get(depth)).filter(|name| names.insert(**name));
    let field = |name: &&str| {
        let below: Vec<_> = paths.iter().filter(|path| path.get(depth) == Some(name)).cloned().collect();
        let data_type = match below.iter().any(|path| path.len() > depth + 1) {
            true => DataType::Struct(fields(&below, depth + 1)),
            false => data_type(name),
        };
        Field::new(*name, data_type, true)
    };
    first.map(field).collect()
}

/// The type of the attribute of a name.
fn data_type(name: &str) -> DataType {
    match name {
        "time" | "start_time" | "end_time" | "logged_time" | "duration" | "type_uid" | "bytes"
        | "bytes_in" | "bytes_out" | "packets" | "packets_in" | "packets_out" | "length" | "body_length"
        | "latency" => DataType::Int64,
        "category_uid" | CLASS | "port" | "protocol_num" | "tcp_flags" | "code" => DataType::Int32,
        "is_alert" => DataType::Boolean,
        "profiles" | "intermediate_ips" | "x_forwarded_for" | "match_details" => list(DataType::Utf8),
        "packet_list" => {
            let id = Field::new("encoding_id", DataType::Int32, true);
            let texts = ["encoding", "value"].map(|name| Field::new(name, DataType::Utf8, true));
            list(DataType::Struct([id].into_iter().chain(texts).collect()))
        }
        _ if name.ends_with("_id") => DataType::Int32,
        _ => DataType::Utf8,
    }
}

fn list(of: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("element", of, true)))
}

/// Reads OCSF events, a JSON line each, and makes batches of rows of them.
pub(crate) struct Events {
    lines: WholeLines,
    batch: Batch,
}

/// The batch that is being made.
struct Batch {
    schema: SchemaRef,
    decoder: Option<Decoder>,
    /// A line as the decoder takes it, in memory that is used again.
    line: Vec<u8>,
    rows: usize,
    /// Events of the batches before.
    events: u64,
    /// The class of all of them, as JSON.
    class: Option<Box<str>>,
}

impl Events {
    pub(crate) fn new() -> Self {
        let schema = schema();
        let batch = Batch { schema, decoder: None, line: Vec::new(), rows: 0, events: 0, class: None };
        Self { lines: WholeLines::default(), batch }
    }
}

impl Batches for Events {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.batch.schema)
    }

    fn push(
        &mut self,
        records: &[u8],
        batch: &mut dyn FnMut(RecordBatch) -> io::Result<()>,
    ) -> io::Result<()> {
        self.lines.push(records, |lines| {
            for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                self.batch.read(line)?;
                if self.batch.rows == BATCH_ROWS {
                    self.batch.take()?.map_or(Ok(()), &mut *batch)?;
                }
            }
            Ok(())
        })
    }

    fn take(&mut self) -> io::Result<Option<RecordBatch>> {
        self.batch.take()
    }

    fn is_whole(&self) -> bool {
        self.lines.is_whole()
    }
}

impl Batch {
    /// Reads one line.
    fn read(&mut self, line: &[u8]) -> io::Result<()> {
        let number = self.events + self.rows as u64 + 1;
        let members: Members<'_> = serde_json::from_slice(line)
            .map_err(|e| Error::new(number, e.column().saturating_sub(1), format!("no JSON object: {e}")))?;
        let class = members.0.iter().find(|(key, _)| key == CLASS).map_or("none", |(_, class)| class.get());
        let first = self.class.get_or_insert_with(|| class.into());
        if **first != *class {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!(
                    "a file of OCSF events has one class: event {number} is of {class}, those before of \
                     {first}. Name a folder as --output, which has files for each class, or choose one by \
                     --where, such as `product == waf`"
                ),
            ));
        }
        self.line.clear();
        members.write(&mut self.line)?;
        let schema = &self.schema;
        let decoder = match &mut self.decoder {
            Some(decoder) => decoder,
            none => {
                let builder = ReaderBuilder::new(Arc::clone(schema))
                    .with_batch_size(BATCH_ROWS)
                    // What has no column must not get lost.
                    .with_strict_mode(true);
                none.insert(builder.build_decoder().map_err(io::Error::other)?)
            }
        };
        let taken = decoder.decode(&self.line).map_err(|e| Error::new(number, 0, e.to_string()))?;
        if taken < self.line.len() {
            return Err(io::Error::other("more rows than a batch has; this is a defect of Weir, report it"));
        }
        self.rows += 1;
        Ok(())
    }

    fn take(&mut self) -> io::Result<Option<RecordBatch>> {
        let rows = mem::take(&mut self.rows);
        let first = self.events + 1;
        self.events += rows as u64;
        match &mut self.decoder {
            Some(decoder) => {
                Ok(decoder.flush().map_err(|e| Error::new(first, 0, format!("at or behind it: {e}")))?)
            }
            None => Ok(None),
        }
    }
}

/// The members of an object, in their order.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an OCSF event")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((Text(key), value)) = map.next_entry()? {
                    members.push((key, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Each)
    }
}

impl Members<'_> {
    /// Writes them as an object again, with what is unmapped as a text.
    fn write(&self, to: &mut Vec<u8>) -> io::Result<()> {
        for (index, (key, value)) in self.0.iter().enumerate() {
            to.push(if index == 0 { b'{' } else { b',' });
            serde_json::to_writer(&mut *to, key)?;
            to.push(b':');
            if key == UNMAPPED {
                serde_json::to_writer(&mut *to, value.get())?;
            } else {
                to.extend_from_slice(value.get().as_bytes());
            }
        }
        to.extend_from_slice(if self.0.is_empty() { b"{}\n" } else { b"}\n" });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batches(lines: &str) -> io::Result<Vec<RecordBatch>> {
        let (mut events, mut batches) = (Events::new(), Vec::new());
        for piece in lines.as_bytes().chunks(1000) {
            events.push(piece, &mut |batch| {
                batches.push(batch);
                Ok(())
            })?;
        }
        batches.extend(events.take()?);
        Ok(batches)
    }

    #[test]
    fn names_of_objects_are_structs_and_stand_once() {
        let schema = schema();
        let DataType::Struct(source) = schema.field_with_name("src_endpoint").unwrap().data_type() else {
            panic!("{schema:?}")
        };
        assert_eq!(source.find("port").unwrap().1.data_type(), &DataType::Int32);
        assert_eq!(schema.field_with_name(UNMAPPED).unwrap().data_type(), &DataType::Utf8);
        assert_eq!(schema.fields().iter().filter(|field| field.name() == "metadata").count(), 1);
    }

    #[test]
    fn columns_are_told_with_their_types() {
        let columns = columns();
        for (path, wanted) in [
            ("time", "Int64"),
            ("src_endpoint.port", "Int32"),
            ("is_alert", "Boolean"),
            ("metadata.profiles", "List of texts"),
            ("packet_list", "List of objects"),
            ("unmapped", "Json"),
            ("cloud.account.uid", "Text"),
        ] {
            let found = columns.iter().find(|column| column.0 == path).map(|column| &*column.1);
            assert_eq!(found, Some(wanted), "{path}");
        }
    }

    #[test]
    fn batches_end_and_begin() {
        let line =
            "{\"class_uid\":4001,\"src_endpoint\":{\"ip\":\"10.0.0.1\"},\"unmapped\":{\"a\":[1,\"x\"]}}\n";
        let found = batches(&line.repeat(BATCH_ROWS + 1)).unwrap();
        assert_eq!(found.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [BATCH_ROWS, 1]);
        let unmapped: &arrow_array::StringArray =
            arrow_array::cast::AsArray::as_string(found[1].column_by_name(UNMAPPED).unwrap());
        assert_eq!(unmapped.value(0), "{\"a\":[1,\"x\"]}");
        assert!(batches("").unwrap().is_empty());
    }

    #[test]
    fn what_a_table_has_no_place_for_is_an_error() {
        for (lines, told) in [
            ("{\"class_uid\":4001,\"new\":1}\n", "new"),
            ("{\"class_uid\":4001,\"src_endpoint\":{\"new\":1}}\n", "new"),
            ("{\"class_uid\":4001,\"src_endpoint\":{\"port\":4294967296}}\n", "4294967296"),
            ("{\"class_uid\":4001,\"src_endpoint\":7}\n", "record 1 "),
            ("[]\n", "record 1 "),
            ("{\"class_uid\":4001}\n{\"class_uid\":\n", "record 2 "),
            ("{\"class_uid\":4001}\n{\"class_uid\":4002}\n", "event 2 is of 4002"),
        ] {
            let error = batches(lines).expect_err(lines).to_string();
            assert!(error.contains(told), "{lines}: {error}");
        }
    }
}
