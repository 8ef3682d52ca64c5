//! Parquet files.

use std::io::{self, Write};

use parquet::{
    arrow::{ArrowWriter, arrow_writer::ArrowWriterOptions},
    basic::{Compression, Encoding, ZstdLevel},
    errors::ParquetError,
    file::{
        metadata::KeyValue,
        properties::{EnabledStatistics, WriterProperties, WriterVersion},
    },
    schema::types::ColumnPath,
};
use weir_normalizer::{record::Field, schema::VERSION};
use weir_pipeline::packers::Packer;

use crate::{ColumnType, Layout, Rows, layout::EXTRA};

/// A group of rows ends when it has this many bytes: it is held in memory until then.
const ROW_GROUP_BYTES: usize = 32 << 20;

/// A group of rows has at most this many.
const ROW_GROUP_ROWS: usize = 1 << 20;

/// How much a dictionary holds before a column's values are written as they are.
const DICTIONARY_BYTES: usize = 256 << 10;

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

    fn open(&mut self) -> io::Result<&mut ArrowWriter<Vec<u8>>> {
        if self.file.is_none() {
            let options = ArrowWriterOptions::new()
                .with_properties(properties(&self.layout))
                // A type of Arrow's that is not one of Parquet's would be seen by some readers only.
                .with_skip_arrow_metadata(true);
            let file = ArrowWriter::try_new_with_options(Vec::new(), self.rows.schema(), options);
            self.file = Some(file.map_err(failed)?);
        }
        self.file.as_mut().ok_or_else(|| io::ErrorKind::WriteZero.into())
    }

    /// Reads what came, and writes what is complete.
    fn read(&mut self, records: &[u8], out: &mut dyn Write) -> io::Result<()> {
        self.open()?;
        let Some(file) = &mut self.file else { return Ok(()) };
        self.rows.push(records, &mut |batch| file.write(&batch).map_err(failed))?;
        let written = out.write_all(file.inner());
        file.inner_mut().clear();
        written
    }
}

impl Packer for Parquet {
    fn push(&mut self, records: &[u8], out: &mut dyn Write) -> io::Result<()> {
        self.read(records, out)
    }

    fn pause(&mut self, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.read(if self.rows.is_whole() { b"" } else { b"\n" }, out)?;
        if let Some(batch) = self.rows.take()? {
            self.open()?.write(&batch).map_err(failed)?;
        }
        match self.file.take() {
            Some(file) => out.write_all(&file.into_inner().map_err(failed)?),
            None => Ok(()),
        }
    }
}

fn failed(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(error) => io::Error::other(error),
        error => io::Error::other(error),
    }
}

/// How each column is written. Numbers and times that go up and down a little are kept as differences,
/// texts of which there are few as numbers of a dictionary, and other texts as they are.
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
    let fields = layout.fields().map(|field| (field.key(), layout.column_type(field), has_few(field)));
    for (name, column_type, has_few) in fields.chain([(EXTRA, ColumnType::Json, false)]) {
        let column = ColumnPath::from(name);
        let encoding = match column_type {
            ColumnType::Int16 | ColumnType::Word => continue,
            ColumnType::Text if has_few => continue,
            ColumnType::Text | ColumnType::Json => Encoding::DELTA_LENGTH_BYTE_ARRAY,
            ColumnType::Int32 | ColumnType::Int64 | ColumnType::Timestamp => Encoding::DELTA_BINARY_PACKED,
            ColumnType::Address => Encoding::PLAIN,
        };
        properties = properties
            .set_column_dictionary_enabled(column.clone(), false)
            .set_column_encoding(column, encoding);
    }
    properties.build()
}

/// Whether the texts of a field are few, mostly.
fn has_few(field: Field) -> bool {
    !matches!(field, Field::SrcIp | Field::DstIp | Field::Url | Field::RecordId)
}
