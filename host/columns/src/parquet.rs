//! Parquet files.

use std::io::{self, Write};

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Fields, SchemaRef};
use parquet::{
    arrow::{ArrowWriter, arrow_writer::ArrowWriterOptions},
    basic::{Compression, Encoding, ZstdLevel},
    file::{
        metadata::KeyValue,
        properties::{EnabledStatistics, WriterProperties, WriterVersion},
    },
    schema::types::ColumnPath,
};
use weir_normalizer::{record::Field, schema::VERSION};
use weir_pipeline::packers::Packer;

use crate::{Layout, Rows, layout::EXTRA, ocsf::Events};

/// A group of rows ends when it has this many bytes, compressed: it is held in memory until then.
const ROW_GROUP_BYTES: usize = 16 << 20;

/// A group of rows has at most this many.
const ROW_GROUP_ROWS: usize = 1 << 20;

/// How much a dictionary holds before a column's values are written as they are.
const DICTIONARY_BYTES: usize = 1 << 20;

/// Makes batches of rows of records.
pub(crate) trait Batches: Send {
    /// The table's schema.
    fn schema(&self) -> SchemaRef;

    /// Reads the next bytes of the records, which may end inside one. Whole batches are given away.
    fn push(
        &mut self,
        records: &[u8],
        batch: &mut dyn FnMut(RecordBatch) -> io::Result<()>,
    ) -> io::Result<()>;

    /// The rows so far, if there are any.
    fn take(&mut self) -> io::Result<Option<RecordBatch>>;

    /// Whether the last record is whole.
    fn is_whole(&self) -> bool;
}

/// Packs records as one Parquet file.
pub struct Parquet {
    rows: Box<dyn Batches>,
    /// What records are, as the file tells.
    records: String,
    /// Columns that have a bloom filter.
    filtered: Vec<&'static str>,
    /// The file, from the first record on; what is in its memory is written away after each piece.
    file: Option<ArrowWriter<Vec<u8>>>,
}

impl Parquet {
    /// A file of flat records with these columns.
    pub fn new(layout: &Layout) -> Self {
        let records = format!("urn:weir:flat:{VERSION}");
        let filtered = layout.bloom_filters().map(Field::key).collect();
        Self { rows: Box::new(Rows::new(layout)), records, filtered, file: None }
    }

    /// A file of OCSF events, which have to be of one class.
    pub fn ocsf() -> Self {
        Self { rows: Box::new(Events::new()), records: "ocsf".into(), filtered: Vec::new(), file: None }
    }

    /// Reads what came, and writes what is complete.
    fn read(&mut self, records: &[u8], takes_all: bool, out: &mut dyn Write) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(begin(self.rows.schema(), &self.records, &self.filtered)?),
        };
        self.rows.push(records, &mut |batch| file.write(&batch).map_err(io::Error::other))?;
        if takes_all && let Some(batch) = self.rows.take()? {
            file.write(&batch).map_err(io::Error::other)?;
        }
        let written = out.write_all(file.inner());
        file.inner_mut().clear();
        written
    }
}

impl Packer for Parquet {
    fn push(&mut self, records: &[u8], out: &mut dyn Write) -> io::Result<()> {
        self.read(records, false, out)
    }

    fn pause(&mut self, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    fn can_reopen(&self) -> bool {
        false
    }

    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.read(if self.rows.is_whole() { b"" } else { b"\n" }, true, out)?;
        match self.file.take() {
            Some(file) => out.write_all(&file.into_inner().map_err(io::Error::other)?),
            None => Ok(()),
        }
    }
}

fn begin(schema: SchemaRef, records: &str, filtered: &[&str]) -> io::Result<ArrowWriter<Vec<u8>>> {
    let options = ArrowWriterOptions::new()
        .with_properties(properties(schema.fields(), records, filtered))
        // A type of Arrow's that is not one of Parquet's would be seen by some readers only.
        .with_skip_arrow_metadata(true);
    ArrowWriter::try_new_with_options(Vec::new(), schema, options).map_err(io::Error::other)
}

/// How each column is written: as numbers of a dictionary, and where that becomes too large numbers and
/// times as differences, and texts as they are. Texts are in none of the newer encodings, as Spark 3 reads
/// wrong ones from them.
fn properties(fields: &Fields, records: &str, filtered: &[&str]) -> WriterProperties {
    let metadata = [("weir.version", env!("CARGO_PKG_VERSION")), ("weir.schema", records)];
    let metadata = metadata.map(|(key, value)| KeyValue::new(key.into(), value.to_owned())).to_vec();
    let mut properties = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_created_by(format!("weir {}", env!("CARGO_PKG_VERSION")))
        .set_key_value_metadata(Some(metadata))
        .set_encoding(Encoding::PLAIN)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_dictionary_page_size_limit(DICTIONARY_BYTES)
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_max_row_group_bytes(Some(ROW_GROUP_BYTES));
    let mut columns = Vec::new();
    add_columns(&mut Vec::new(), fields, &mut columns);
    for (path, data_type) in columns {
        let name = path.last().cloned().unwrap_or_default();
        let column = ColumnPath::new(path);
        if data_type.is_integer() || data_type.is_temporal() {
            properties = properties.set_column_encoding(column.clone(), Encoding::DELTA_BINARY_PACKED);
        }
        if has_no_order(&name) {
            properties = properties.set_column_statistics_enabled(column.clone(), EnabledStatistics::None);
        }
        if filtered.contains(&&*name) {
            properties = properties.set_column_bloom_filter_enabled(column.clone(), true);
        }
        if is_ever_new(&name) {
            properties = properties.set_column_dictionary_enabled(column, false);
        }
    }
    properties.build()
}

/// Adds each column with its path; those of lists are all texts, and written as others are.
fn add_columns<'f>(
    path: &mut Vec<String>,
    fields: &'f Fields,
    columns: &mut Vec<(Vec<String>, &'f DataType)>,
) {
    for field in fields {
        path.push(field.name().clone());
        match field.data_type() {
            DataType::Struct(inside) => add_columns(path, inside, columns),
            DataType::List(_) => {}
            data_type => columns.push((path.clone(), data_type)),
        }
        path.pop();
    }
}

/// Whether the least and the greatest text of a column say nothing about the others.
fn has_no_order(name: &str) -> bool {
    [Field::SrcIp, Field::DstIp, Field::Url, Field::RecordId].iter().any(|f| f.key() == name)
        || [EXTRA, "ip", "url_string", "path", "query_string", "user_agent"].contains(&name)
        || is_ever_new(name)
}

/// Whether nearly each row has another value.
fn is_ever_new(name: &str) -> bool {
    name == Field::RecordId.key()
        || [EXTRA, "unmapped", "raw_data", "original_event_uid", "community_uid"].contains(&name)
}
