//! Parquet files.

use std::io::{self, Write};

use arrow_schema::SchemaRef;
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

use crate::{ColumnType, Layout, Rows, layout::EXTRA};

/// A group of rows ends when it has this many bytes, compressed: it is held in memory until then.
const ROW_GROUP_BYTES: usize = 16 << 20;

/// A group of rows has at most this many.
const ROW_GROUP_ROWS: usize = 1 << 20;

/// How much a dictionary holds before a column's values are written as they are.
const DICTIONARY_BYTES: usize = 1 << 20;

/// Packs flat records as one Parquet file.
pub struct Parquet {
    layout: Layout,
    rows: Rows,
    /// The file, from the first record on; what is in its memory is written away after each piece.
    file: Option<ArrowWriter<Vec<u8>>>,
}

impl Parquet {
    /// A file with these columns.
    pub fn new(layout: Layout) -> Self {
        let rows = Rows::new(&layout);
        Self { layout, rows, file: None }
    }

    /// Reads what came, and writes what is complete.
    fn read(&mut self, records: &[u8], takes_all: bool, out: &mut dyn Write) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(begin(&self.layout, self.rows.schema())?),
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

fn begin(layout: &Layout, schema: SchemaRef) -> io::Result<ArrowWriter<Vec<u8>>> {
    let options = ArrowWriterOptions::new()
        .with_properties(properties(layout))
        // A type of Arrow's that is not one of Parquet's would be seen by some readers only.
        .with_skip_arrow_metadata(true);
    ArrowWriter::try_new_with_options(Vec::new(), schema, options).map_err(io::Error::other)
}

/// How each column is written: as numbers of a dictionary, and where that becomes too large numbers and
/// times as differences, and texts as they are. Texts are in none of the newer encodings, as Spark 3 reads
/// wrong ones from them.
fn properties(layout: &Layout) -> WriterProperties {
    let metadata = [
        ("weir.version", env!("CARGO_PKG_VERSION").to_owned()),
        ("weir.schema", format!("urn:weir:flat:{VERSION}")),
    ];
    let metadata = metadata.into_iter().map(|(key, value)| KeyValue::new(key.into(), value)).collect();
    let mut properties = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_created_by(format!("weir {}", env!("CARGO_PKG_VERSION")))
        .set_key_value_metadata(Some(metadata))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_dictionary_page_size_limit(DICTIONARY_BYTES)
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_max_row_group_bytes(Some(ROW_GROUP_BYTES));
    for (name, column_type, _) in layout.columns() {
        let column = ColumnPath::from(name);
        let is_number = matches!(
            column_type,
            ColumnType::Int16 | ColumnType::Int32 | ColumnType::Int64 | ColumnType::Timestamp
        );
        let encoding = if is_number { Encoding::DELTA_BINARY_PACKED } else { Encoding::PLAIN };
        properties = properties.set_column_encoding(column.clone(), encoding);
        if has_no_order(name) {
            properties = properties.set_column_statistics_enabled(column.clone(), EnabledStatistics::None);
        }
        if is_ever_new(name) {
            properties = properties.set_column_dictionary_enabled(column, false);
        }
    }
    properties.build()
}

/// Whether the least and the greatest text of a column say nothing about the others.
fn has_no_order(name: &str) -> bool {
    [Field::SrcIp, Field::DstIp, Field::Url, Field::RecordId].iter().any(|f| f.key() == name) || name == EXTRA
}

/// Whether nearly each row has another value.
fn is_ever_new(name: &str) -> bool {
    name == Field::RecordId.key() || name == EXTRA
}
