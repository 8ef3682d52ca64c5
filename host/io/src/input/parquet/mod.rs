//! Parquet files as JSON lines: an object for each row, with the columns' names as keys and without what
//! is null. A file that Weir wrote gives its flat records back, with the words that the folders around it
//! say, as in `provider=huawei/`, where they are no columns.
//!
//! The reader of the Parquet project believes what a file says of its own sizes, and what is read here may be
//! anybody's. So all that it would allocate memory for is looked at before: the footer, and the headers of
//! all pages of a group of rows, which is held in memory then. What can't be bounded so is refused: nested
//! columns, and the two encodings of texts whose lengths stand inside of the compressed pages.

mod guard;
mod thrift;
mod values;

use std::{
    io::{self, Read, Seek, SeekFrom},
    sync::{Arc, atomic::Ordering},
};

use arrow_array::{Array as _, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use bytes::{Buf as _, Bytes, buf::Reader};
use parquet::{
    arrow::arrow_reader::{
        ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
    },
    basic::Compression,
    errors::{ParquetError, Result as ParquetResult},
    file::{
        metadata::{ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData},
        reader::{ChunkReader, Length},
    },
};
use percent_encoding::percent_decode_str;
use weir_printable::line;

use self::{guard::guarded, values::Meaning};
use super::{Watch, kinds};
use crate::{
    Error,
    limits::{
        PARQUET_COLUMNS, PARQUET_FOOTER, PARQUET_GROUP, PARQUET_LINE, PARQUET_PAGE, PARQUET_PAGES, PIECE,
    },
    table::{NOT_SAID, SAID_BY_FOLDERS},
};

/// The rows of a batch.
const BATCH_ROWS: usize = 1024;

/// Encodings whose lengths are inside of pages, and how they are called.
const UNBOUNDED: [(i64, &str); 2] = [(6, "DELTA_LENGTH_BYTE_ARRAY"), (7, "DELTA_BYTE_ARRAY")];

/// What a file of Weir's says of its records.
const OF_WEIR: (&str, &str) = ("weir.schema", "urn:weir:flat:");

/// Reads a Parquet file as JSON lines.
pub(super) struct Lines<R> {
    name: String,
    file: R,
    length: u64,
    watch: Watch,
    metadata: ArrowReaderMetadata,
    columns: Vec<Column>,
    /// Members that each row has, too: `"name":value,`
    said: Vec<u8>,
    /// The next group of rows.
    group: usize,
    batches: Option<ParquetRecordBatchReader>,
    batch: Option<RecordBatch>,
    /// The next row of the batch.
    row: usize,
    /// Lines, and how much of them was given.
    lines: Vec<u8>,
    given: usize,
}

/// How a column becomes members of objects.
struct Column {
    /// `"name":`
    key: Vec<u8>,
    meaning: Meaning,
}

impl<R: Read + Seek> Lines<R> {
    /// Reads the footer.
    pub(super) fn new(name: &str, mut file: R, watch: &Watch) -> Result<Self, Error> {
        let failed = |e: io::Error| Error::file(name, "read", e);
        let length = file.seek(SeekFrom::End(0)).map_err(failed)?;
        let mut end = [0; 8];
        let behind = length.checked_sub(12).ok_or_else(|| damaged(name, "it is cut short"))?;
        file.seek(SeekFrom::Start(length - 8)).and_then(|_| file.read_exact(&mut end)).map_err(failed)?;
        // It ends as it begins, behind the length of its footer.
        if &end[4..] != kinds::PARQUET.mark {
            return Err(damaged(name, "its end is missing"));
        }
        let footer = u64::from(u32::from_le_bytes([end[0], end[1], end[2], end[3]]));
        if footer > behind.min(PARQUET_FOOTER) {
            return Err(damaged(name, &format!("its footer of {footer} bytes is too long")));
        }
        let mut bytes = vec![0; usize::try_from(footer).unwrap_or_default()];
        file.seek(SeekFrom::Start(length - 8 - footer))
            .and_then(|_| file.read_exact(&mut bytes))
            .map_err(failed)?;
        thrift::look(&bytes, &mut |_, _| {}).map_err(|_| damaged(name, "its footer is none"))?;
        let metadata = guarded(|| ParquetMetaDataReader::decode_metadata(&bytes))
            .and_then(readable)
            .map_err(|e| damaged(name, &e.to_string()))?;
        refuse_compression(name, metadata.metadata())?;
        let is_flat = is_flat(&metadata);
        let columns = columns(name, &metadata, is_flat)?;
        let said = if is_flat { said_by_folders(name, &metadata) } else { Vec::new() };
        Ok(Self {
            name: name.to_owned(),
            file,
            length,
            watch: watch.clone(),
            metadata,
            columns,
            said,
            group: 0,
            batches: None,
            batch: None,
            row: 0,
            lines: Vec::new(),
            given: 0,
        })
    }

    /// Makes the next lines; false at the end.
    fn more(&mut self) -> Result<bool, Error> {
        self.lines.clear();
        self.given = 0;
        if let Some(batch) = &self.batch {
            while self.row < batch.num_rows() && self.lines.len() < PIECE {
                line_of(batch, self.row, &self.columns, &self.said, &mut self.lines)
                    .map_err(|e| damaged(&self.name, &e.to_string()))?;
                self.row += 1;
            }
            if !self.lines.is_empty() {
                return Ok(true);
            }
            self.batch = None;
        }
        if let Some(batches) = &mut self.batches {
            match guarded(|| batches.next().transpose().map_err(ParquetError::from)) {
                Ok(Some(batch)) => {
                    (self.batch, self.row) = (Some(batch), 0);
                    return Ok(true);
                }
                Ok(None) => self.batches = None,
                Err(e) => return Err(damaged(&self.name, &e.to_string())),
            }
        }
        if self.group == self.metadata.metadata().num_row_groups() {
            return Ok(false);
        }
        self.watch.stop.check().map_err(|e| Error::file(&self.name, "read", e))?;
        let group = self.read_group()?;
        let metadata = self.metadata.clone();
        let number = self.group;
        self.group += 1;
        let batches = guarded(|| {
            ParquetRecordBatchReaderBuilder::new_with_metadata(group, metadata)
                .with_row_groups(vec![number])
                .with_batch_size(BATCH_ROWS)
                .build()
        });
        self.batches = Some(batches.map_err(|e| damaged(&self.name, &e.to_string()))?);
        Ok(true)
    }

    /// Reads the next group of rows, and looks at all of its pages.
    fn read_group(&mut self) -> Result<Group, Error> {
        let name = &self.name;
        let metadata = Arc::clone(self.metadata.metadata());
        let group = metadata.row_group(self.group);
        let (start, end) = range(group, self.length).ok_or_else(|| damaged(name, "a column is nowhere"))?;
        if end - start > PARQUET_GROUP {
            return Err(Error::new(format!(
                "{}: a group of rows has {} MiB, and Weir reads up to {}; write the file again with smaller ones",
                line(name),
                (end - start) >> 20,
                PARQUET_GROUP >> 20
            )));
        }
        let mut bytes = vec![0; usize::try_from(end - start).unwrap_or_default()];
        self.file
            .seek(SeekFrom::Start(start))
            .and_then(|_| self.file.read_exact(&mut bytes))
            .map_err(|e| Error::file(name, "read", e))?;
        self.watch.read.fetch_add(end - start, Ordering::Relaxed);
        let group_of = Group { start, length: self.length, bytes: bytes.into() };
        let mut in_memory = 0;
        for column in group.columns() {
            let Some((from, to)) = range_of(column, self.length) else { continue };
            let pages = group_of.slice(from, to).map_err(|e| damaged(name, &e.to_string()))?;
            in_memory += look_at_pages(&pages, column.num_values()).map_err(|what| {
                Error::new(format!("{}: column {}: {what}", line(name), line(&column.column_path().string())))
            })?;
        }
        if in_memory > PARQUET_PAGES {
            return Err(damaged(name, "its pages are too large"));
        }
        Ok(group_of)
    }
}

impl<R: Read + Seek> Read for Lines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given == self.lines.len() {
            if !self.more()? {
                return Ok(0);
            }
        }
        let rest = &self.lines[self.given..];
        let n = rest.len().min(buffer.len());
        buffer[..n].copy_from_slice(&rest[..n]);
        self.given += n;
        Ok(n)
    }
}

fn damaged(name: &str, what: &str) -> Error {
    Error::new(format!(
        "{}: the Parquet file is damaged ({}); what came before is done, fetch the file again",
        line(name),
        line(what)
    ))
}

/// Refuses what is compressed in a way that Weir does not read.
fn refuse_compression(name: &str, metadata: &ParquetMetaData) -> Result<(), Error> {
    for column in metadata.row_groups().iter().flat_map(RowGroupMetaData::columns) {
        let how = match column.compression() {
            Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::GZIP(_) | Compression::ZSTD(_) => {
                continue;
            }
            Compression::LZ4 | Compression::LZ4_RAW => "lz4",
            Compression::BROTLI(_) => "brotli",
            Compression::LZO => "lzo",
        };
        return Err(Error::new(format!(
            "{}: column {} of the Parquet file is compressed with {how}, which Weir does not read; write the file \
             again with zstd or snappy, for instance with DuckDB",
            line(name),
            line(&column.column_path().string())
        )));
    }
    Ok(())
}

/// With each text in place.
fn readable(metadata: ParquetMetaData) -> ParquetResult<ArrowReaderMetadata> {
    let metadata = Arc::new(metadata);
    let options = || ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let plain = guarded(|| ArrowReaderMetadata::try_new(Arc::clone(&metadata), options()))?;
    let in_place = |field: &Arc<Field>| {
        let data_type = values::read_as(field.data_type()).unwrap_or_else(|| field.data_type().clone());
        Field::new(field.name(), data_type, field.is_nullable())
    };
    let schema = Schema::new(plain.schema().fields().iter().map(in_place).collect::<Vec<_>>());
    guarded(|| ArrowReaderMetadata::try_new(metadata, options().with_schema(Arc::new(schema))))
}

/// Whether a file says that its rows are flat records of Weir's.
fn is_flat(metadata: &ArrowReaderMetadata) -> bool {
    let (key, schema) = OF_WEIR;
    let mut pairs = metadata.metadata().file_metadata().key_value_metadata().into_iter().flatten();
    pairs.any(|p| p.key == key && p.value.as_ref().is_some_and(|value| value.starts_with(schema)))
}

/// The members of flat records that folders say, which are no columns then.
fn said_by_folders(name: &str, metadata: &ArrowReaderMetadata) -> Vec<u8> {
    let mut said = Vec::new();
    for (key, value) in name.split('/').rev().skip(1).filter_map(|folder| folder.split_once('=')) {
        let has_column = metadata.schema().fields().iter().any(|field| field.name() == key);
        if has_column || !SAID_BY_FOLDERS.iter().any(|f| f.key() == key) || value == NOT_SAID {
            continue;
        }
        let Ok(value) = percent_decode_str(value).decode_utf8() else { continue };
        said.extend(serde_json::to_vec(key).unwrap_or_default());
        said.push(b':');
        said.extend(serde_json::to_vec(&value).unwrap_or_default());
        said.push(b',');
    }
    said
}

fn columns(name: &str, metadata: &ArrowReaderMetadata, is_flat: bool) -> Result<Vec<Column>, Error> {
    let fields = metadata.schema().fields();
    if fields.len() > PARQUET_COLUMNS {
        return Err(Error::new(format!(
            "{}: the Parquet file has {} columns, and Weir reads up to {PARQUET_COLUMNS}; write it again with \
             those of the log",
            line(name),
            fields.len()
        )));
    }
    if let Some(field) = fields.iter().find(|field| values::read_as(field.data_type()).is_none()) {
        return Err(Error::new(format!(
            "{}: column {} of the Parquet file is {}, which Weir does not read; write the file again without it, \
             or its rows as JSON lines, for instance with DuckDB",
            line(name),
            line(field.name()),
            kind_of(field.data_type())
        )));
    }
    let column = |field: &Arc<Field>| {
        let mut key = serde_json::to_vec(field.name()).unwrap_or_default();
        key.push(b':');
        let meaning = match field.name().as_str() {
            "extra" if is_flat => Meaning::Json,
            _ if is_flat => Meaning::Flat,
            _ => Meaning::Value,
        };
        Column { key, meaning }
    };
    Ok(fields.iter().map(column).collect())
}

fn kind_of(data_type: &DataType) -> String {
    match data_type.is_nested() {
        true => "nested".into(),
        false => format!("of type {data_type}"),
    }
}

/// Appends a row as a line.
fn line_of(
    batch: &RecordBatch,
    row: usize,
    columns: &[Column],
    said: &[u8],
    to: &mut Vec<u8>,
) -> io::Result<()> {
    let start = to.len();
    to.push(b'{');
    to.extend_from_slice(said);
    for (array, column) in batch.columns().iter().zip(columns) {
        if array.is_null(row) {
            continue;
        }
        to.extend_from_slice(&column.key);
        values::write(array, row, column.meaning, to)?;
        if to.len() - start > PARQUET_LINE {
            return Err(io::Error::other(format!("a row has more than {} MiB", PARQUET_LINE >> 20)));
        }
        to.push(b',');
    }
    // No comma stands behind the last member.
    to.truncate(to.len() - usize::from(to.last() == Some(&b',')));
    to.extend_from_slice(b"}\n");
    Ok(())
}

/// Where a column of a group of rows is, if it is in the file.
fn range_of(column: &ColumnChunkMetaData, length: u64) -> Option<(u64, u64)> {
    let data = u64::try_from(column.data_page_offset()).ok()?;
    let start = match column.dictionary_page_offset() {
        Some(dictionary) => u64::try_from(dictionary).ok()?,
        None => data,
    };
    let end = start.checked_add(u64::try_from(column.compressed_size()).ok()?)?;
    (end <= length).then_some((start, end))
}

/// Where all of them are.
fn range(group: &RowGroupMetaData, length: u64) -> Option<(u64, u64)> {
    let mut range: Option<(u64, u64)> = None;
    for column in group.columns() {
        let (start, end) = range_of(column, length)?;
        range = Some(range.map_or((start, end), |(first, last)| (first.min(start), last.max(end))));
    }
    Some(range.unwrap_or((0, 0)))
}

/// Looks at the headers of the pages of a column, and gives the bytes of it that are in memory at a time.
fn look_at_pages(mut pages: &[u8], values: i64) -> Result<u64, String> {
    let wrong = |what: &str| format!("{what}; the Parquet file is damaged, fetch it again");
    let (mut dictionary, mut largest) = (0, 0);
    let mut left = values;
    while !pages.is_empty() && left > 0 {
        let header = Header::of(pages).ok_or_else(|| wrong("a page has no header"))?;
        if let Some((_, encoding)) = UNBOUNDED.iter().find(|(number, _)| header.encoding == *number) {
            return Err(format!(
                "its texts are encoded as {encoding}, which Weir does not read; write the file again in version 1 \
                 of Parquet, for instance with DuckDB"
            ));
        }
        let size = u64::try_from(header.uncompressed).map_err(|_| wrong("a page has no size"))?;
        if size > PARQUET_PAGE {
            return Err(format!(
                "a page has {} MiB, and Weir reads up to {}; write the file again with smaller pages",
                size >> 20,
                PARQUET_PAGE >> 20
            ));
        }
        let end = usize::try_from(header.compressed).ok().and_then(|bytes| header.length.checked_add(bytes));
        let end = end.filter(|end| *end <= pages.len()).ok_or_else(|| wrong("a page is cut short"))?;
        match header.is_dictionary {
            // Each of its values has a byte at least.
            true if u64::try_from(header.values).map_or(true, |values| values > size.max(1)) => {
                return Err(wrong("a dictionary has more values than bytes"));
            }
            true => dictionary += size,
            false => {
                largest = largest.max(size);
                left = left.checked_sub(header.values.max(0)).unwrap_or_default();
            }
        }
        pages = &pages[end..];
    }
    Ok(dictionary + largest)
}

/// What of a page's header is looked at.
#[derive(Default)]
struct Header {
    /// Bytes of the header itself.
    length: usize,
    uncompressed: i64,
    compressed: i64,
    values: i64,
    encoding: i64,
    is_dictionary: bool,
}

impl Header {
    fn of(bytes: &[u8]) -> Option<Self> {
        let mut header = Self { uncompressed: -1, compressed: -1, ..Self::default() };
        let length = thrift::look(bytes, &mut |path, value| match path {
            [1] => header.is_dictionary = value == 2,
            [2] => header.uncompressed = value,
            [3] => header.compressed = value,
            [5 | 7 | 8, 1] => header.values = value,
            [5, 2] | [8, 4] => header.encoding = value,
            _ => {}
        });
        header.length = length.ok()?;
        Some(header)
    }
}

/// A group of rows in memory, as the part of a file that it is.
struct Group {
    start: u64,
    /// Of the whole file.
    length: u64,
    bytes: Bytes,
}

impl Group {
    fn slice(&self, from: u64, to: u64) -> ParquetResult<Bytes> {
        let within = |place: u64| place.checked_sub(self.start).and_then(|place| usize::try_from(place).ok());
        match (within(from), within(to)) {
            (Some(from), Some(to)) if from <= to && to <= self.bytes.len() => Ok(self.bytes.slice(from..to)),
            _ => Err(ParquetError::EOF("it reaches beyond its group of rows".into())),
        }
    }
}

impl Length for Group {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for Group {
    type T = Reader<Bytes>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        Ok(self.slice(start, self.start + self.bytes.len() as u64)?.reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        self.slice(start, start.saturating_add(length as u64))
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::{
        ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, FixedSizeBinaryArray,
        Float64Array, Int32Array, Int64Array, StringArray, StructArray, TimestampMicrosecondArray,
        TimestampNanosecondArray,
    };
    use parquet::{
        arrow::ArrowWriter,
        basic::{BrotliLevel, Encoding, GzipLevel, ZstdLevel},
        file::{
            metadata::{KeyValue, ParquetMetaDataWriter},
            properties::{WriterProperties, WriterPropertiesBuilder},
        },
    };

    use super::*;

    fn file(columns: &[(&str, ArrayRef)], properties: WriterPropertiesBuilder) -> Vec<u8> {
        let columns = columns.iter().map(|(name, array)| (*name, Arc::clone(array), true));
        let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
        let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties.build())).unwrap();
        writer.write(&batch).unwrap();
        writer.into_inner().unwrap()
    }

    fn read(file: &[u8]) -> Result<String, Error> {
        let mut lines = Lines::new("a.parquet", io::Cursor::new(file), &Watch::default())?;
        let mut text = Vec::new();
        lines.read_to_end(&mut text).map_err(|e| Error::file("a.parquet", "read", e))?;
        Ok(String::from_utf8(text).unwrap())
    }

    fn plain() -> WriterPropertiesBuilder {
        WriterProperties::builder()
    }

    /// Each type once, and a row of nothing.
    fn columns() -> Vec<(&'static str, ArrayRef)> {
        let ip = std::net::Ipv4Addr::new(10, 0, 0, 1).to_ipv6_mapped().octets();
        let fixed = FixedSizeBinaryArray::try_from_sparse_iter_with_size([Some(ip), None].into_iter(), 16);
        vec![
            ("text", Arc::new(StringArray::from(vec![Some("a \"b\"\n\u{e9}"), None]))),
            ("int", Arc::new(Int32Array::from(vec![Some(-7), None]))),
            ("long", Arc::new(Int64Array::from(vec![Some(i64::MAX), None]))),
            ("double", Arc::new(Float64Array::from(vec![Some(1.5), None]))),
            ("nan", Arc::new(Float64Array::from(vec![Some(f64::NAN), None]))),
            ("bool", Arc::new(BooleanArray::from(vec![Some(true), None]))),
            ("bytes", Arc::new(BinaryArray::from(vec![Some(&b"abc"[..]), None]))),
            ("raw", Arc::new(BinaryArray::from(vec![Some(&b"\xff\x00"[..]), None]))),
            ("date", Arc::new(Date32Array::from(vec![Some(17_925), None]))),
            ("local", Arc::new(TimestampNanosecondArray::from(vec![Some(1_548_752_136_000_000_001), None]))),
            (
                "utc",
                Arc::new(
                    TimestampMicrosecondArray::from(vec![Some(1_548_752_136_000_000), None])
                        .with_timezone("UTC"),
                ),
            ),
            (
                "decimal",
                Arc::new(
                    Decimal128Array::from(vec![Some(12_345), None]).with_precision_and_scale(10, 2).unwrap(),
                ),
            ),
            ("fixed", Arc::new(fixed.unwrap())),
        ]
    }

    #[test]
    fn each_type_has_its_json() {
        let wanted = "{\"text\":\"a \\\"b\\\"\\n\u{e9}\",\"int\":-7,\"long\":9223372036854775807,\"double\":1.5,\
            \"nan\":\"NaN\",\"bool\":true,\"bytes\":\"abc\",\"raw\":\"ff00\",\"date\":\"2019-01-29\",\
            \"local\":\"2019-01-29T08:55:36.000000001\",\"utc\":\"2019-01-29T08:55:36Z\",\"decimal\":123.45,\
            \"fixed\":\"00000000000000000000ffff0a000001\"}\n{}\n";
        let wanted = wanted.replace("\"fixed\":\"00000000000000000000ffff0a000001\"", "\"fixed\":FIXED");
        for compression in [
            Compression::UNCOMPRESSED,
            Compression::SNAPPY,
            Compression::GZIP(GzipLevel::default()),
            Compression::ZSTD(ZstdLevel::default()),
        ] {
            let found = read(&file(&columns(), plain().set_compression(compression))).unwrap();
            // Sixteen bytes that are text by chance are text.
            let (before, behind) = found.split_once("\"fixed\":").unwrap();
            let (fixed, rest) = behind.split_once('}').unwrap();
            assert_eq!(format!("{before}\"fixed\":FIXED}}{rest}"), wanted, "{compression:?}");
            assert!(fixed.contains("ffff") || fixed.contains("\\u"), "{fixed}");
        }
        assert_eq!(
            read(&file(&[("a", Arc::new(Int32Array::from(Vec::<i32>::new())))], plain())).unwrap(),
            ""
        );
    }

    #[test]
    fn many_groups_and_pages_are_read_in_order() {
        let numbers: Vec<i32> = (0..5000).collect();
        let texts: Vec<_> = numbers.iter().map(|n| format!("text {}", n % 7)).collect();
        let columns: [(&str, ArrayRef); 2] =
            [("n", Arc::new(Int32Array::from(numbers.clone()))), ("t", Arc::new(StringArray::from(texts)))];
        let small = plain().set_max_row_group_row_count(Some(1500)).set_data_page_row_count_limit(100);
        let wanted: String =
            numbers.iter().map(|n| format!("{{\"n\":{n},\"t\":\"text {}\"}}\n", n % 7)).collect();
        assert_eq!(read(&file(&columns, small.clone())).unwrap(), wanted);
        assert_eq!(read(&file(&columns, small.set_dictionary_enabled(false))).unwrap(), wanted);
    }

    #[test]
    fn a_file_of_weir_gives_its_records_back() {
        let said = vec![KeyValue::new("weir.schema".into(), "urn:weir:flat:1".to_owned())];
        let columns = columns();
        let column = |name: &str| columns.iter().find(|c| c.0 == name).unwrap().1.clone();
        let extra: ArrayRef = Arc::new(StringArray::from(vec![Some("{\"a\":\n[1]}"), Some("no json")]));
        let columns = [("start_ms", column("utc")), ("src_ip", column("fixed")), ("extra", extra)];
        let found = read(&file(&columns, plain().set_key_value_metadata(Some(said)))).unwrap();
        assert_eq!(
            found,
            "{\"start_ms\":1548752136000,\"src_ip\":\"10.0.0.1\",\"extra\":{\"a\": [1]}}\n{\"extra\":\"no json\"}\n"
        );
    }

    #[test]
    fn folders_say_what_is_no_column() {
        let said = vec![KeyValue::new("weir.schema".into(), "urn:weir:flat:1".to_owned())];
        let kind: ArrayRef = Arc::new(StringArray::from(vec![Some("flow"), None]));
        let file = |columns: &[(&str, ArrayRef)], said| file(columns, plain().set_key_value_metadata(said));
        let of_weir = file(&[("kind", kind.clone())], Some(said.clone()));
        let name = |folders: &str| format!("s3://lake/{folders}part.parquet");
        let read = |file: &[u8], folders: &str| {
            let mut lines = Lines::new(&name(folders), io::Cursor::new(file), &Watch::default()).unwrap();
            let mut text = String::new();
            lines.read_to_string(&mut text).unwrap();
            text
        };
        assert_eq!(
            read(
                &of_weir,
                "provider=huawei/product=a%22b/date=2019-01-29/region=__HIVE_DEFAULT_PARTITION__/"
            ),
            "{\"product\":\"a\\\"b\",\"provider\":\"huawei\",\"kind\":\"flow\"}\n\
             {\"product\":\"a\\\"b\",\"provider\":\"huawei\"}\n"
        );
        assert_eq!(read(&of_weir, "kind=x/product=%FF/"), "{\"kind\":\"flow\"}\n{}\n");
        // What is a column says more, and what others wrote has keys of its own.
        let with_column = file(&[("provider", kind.clone())], Some(said));
        assert_eq!(read(&with_column, "provider=huawei/"), "{\"provider\":\"flow\"}\n{}\n");
        assert_eq!(read(&file(&[("kind", kind)], None), "provider=huawei/"), "{\"kind\":\"flow\"}\n{}\n");
    }

    #[test]
    fn what_can_not_be_bounded_is_refused() {
        let inner: ArrayRef = Arc::new(Int32Array::from(vec![1]));
        let nested = StructArray::from(vec![(Arc::new(Field::new("x", DataType::Int32, false)), inner)]);
        let text: ArrayRef = Arc::new(StringArray::from(vec!["a"]));
        let delta = |encoding| plain().set_dictionary_enabled(false).set_encoding(encoding);
        for (columns, properties, told) in [
            ([("n", Arc::new(nested) as ArrayRef)], plain(), "column n of the Parquet file is nested"),
            (
                [("t", Arc::clone(&text))],
                delta(Encoding::DELTA_BYTE_ARRAY),
                "column t: its texts are encoded as DELTA_BYTE_ARRAY",
            ),
            (
                [("t", text)],
                delta(Encoding::DELTA_LENGTH_BYTE_ARRAY),
                "column t: its texts are encoded as DELTA_LENGTH_BYTE_ARRAY",
            ),
        ] {
            let error = read(&file(&columns, properties)).unwrap_err().to_string();
            assert!(error.starts_with("a.parquet: ") && error.contains(told), "{error}");
        }
        let many: Vec<_> = (0..=PARQUET_COLUMNS).map(|n| format!("c{n}")).collect();
        let many: Vec<_> = many
            .iter()
            .map(|name| (name.as_str(), Arc::new(BooleanArray::from(vec![true])) as ArrayRef))
            .collect();
        let error = read(&file(&many, plain())).unwrap_err().to_string();
        assert!(error.contains("1025 columns"), "{error}");
    }

    #[test]
    fn another_compression_is_told_by_its_name() {
        // The footer says it: the writer has none of these.
        let file = file(&[("n", Arc::new(Int32Array::from(vec![1])))], plain());
        let end = file.len() - 8;
        let footer = u32::from_le_bytes(file[end..end + 4].try_into().unwrap()) as usize;
        let metadata = ParquetMetaDataReader::decode_metadata(&file[end - footer..end]).unwrap();
        assert_eq!(metadata.row_group(0).column(0).compression(), Compression::UNCOMPRESSED);
        refuse_compression("a.parquet", &metadata).unwrap();
        for (compression, told) in [
            (Compression::LZ4, "lz4"),
            (Compression::LZ4_RAW, "lz4"),
            (Compression::BROTLI(BrotliLevel::default()), "brotli"),
            (Compression::LZO, "lzo"),
        ] {
            let mut builder = metadata.clone().into_builder();
            let group = builder.take_row_groups().remove(0);
            let mut columns = group.columns().to_vec();
            let column = columns.remove(0).into_builder().set_compression(compression).build().unwrap();
            columns.insert(0, column);
            let group = group.into_builder().set_column_metadata(columns).build().unwrap();
            let altered = builder.add_row_group(group).build();
            let mut bytes = Vec::new();
            ParquetMetaDataWriter::new(&mut bytes, &altered).finish().unwrap();
            let altered = [&file[..end - footer], &bytes[..]].concat();
            let error = read(&altered).unwrap_err().to_string();
            let expected =
                format!("a.parquet: column n of the Parquet file is compressed with {told}, which");
            assert!(error.starts_with(&expected) && error.contains("zstd or snappy"), "{error}");
        }
    }

    #[test]
    fn what_is_cut_or_altered_is_told_or_read() {
        let whole = file(&columns(), plain().set_compression(Compression::SNAPPY));
        for end in 0..whole.len() {
            let error = read(&whole[..end]).unwrap_err().to_string();
            assert!(error.contains("fetch the file again"), "{error}");
        }
        for place in 0..whole.len() {
            for altered in [0, 0xff, whole[place] ^ 1, whole[place] ^ 0x80] {
                let mut file = whole.clone();
                file[place] = altered;
                // Whatever it is, it ends.
                let _ = read(&file).map_err(|e| assert!(e.to_string().starts_with("a.parquet: "), "{e}"));
            }
        }
    }
}
