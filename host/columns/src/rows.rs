use std::{borrow::Cow, io, sync::Arc};

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::SchemaRef;
use memchr::memchr;
use weir_pipeline::packers::WholeLines;

use crate::{
    ColumnType, Error, Layout,
    layout::EXTRA,
    line::{EXTRA_COLUMN, Reader},
    parquet::Batches,
};

/// The rows of a batch.
pub const BATCH_ROWS: usize = 16 << 10;

/// A batch is taken as soon as its lines have so many bytes, too.
const BATCH_BYTES: usize = 8 << 20;

/// The longest record, in bytes: the texts of a batch are told by 32 bits.
const RECORD_BYTES: usize = 1 << 30;

/// Reads flat records, a JSON line each, and makes batches of rows of them.
///
/// ```
/// use weir_columns::{Layout, Rows};
///
/// let mut rows = Rows::new(&Layout::default());
/// let lines = "{\"provider\":\"aws\",\"src_port\":443}\n{\"provider\":\"aws\",\"extra\":{\"a\":1}}\n";
/// rows.push(lines.as_bytes(), &mut |_| unreachable!("two are not enough for a batch"))?;
/// let batch = rows.take()?.expect("two rows");
/// assert_eq!(batch.num_rows(), 2);
/// assert_eq!(batch.column_by_name("src_port").expect("a column").null_count(), 1);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Rows {
    lines: WholeLines,
    batch: Batch,
}

/// The batch that is being made.
struct Batch {
    schema: SchemaRef,
    /// The place among all columns of those that the table has, and their types.
    columns: Vec<(usize, ColumnType)>,
    reader: Reader,
    rows: usize,
    /// Of their lines.
    bytes: usize,
    /// Records of the batches before.
    records: u64,
}

impl Batches for Rows {
    fn schema(&self) -> SchemaRef {
        Self::schema(self)
    }

    fn push(
        &mut self,
        records: &[u8],
        batch: &mut dyn FnMut(RecordBatch) -> io::Result<()>,
    ) -> io::Result<()> {
        Self::push(self, records, batch)
    }

    fn take(&mut self) -> io::Result<Option<RecordBatch>> {
        Self::take(self)
    }

    fn is_whole(&self) -> bool {
        Self::is_whole(self)
    }
}

impl Rows {
    /// For a table with these columns.
    pub fn new(layout: &Layout) -> Self {
        let of_fields = layout.fields().map(|field| (field as usize, layout.column_type(field)));
        let columns: Vec<_> = of_fields.chain([(EXTRA_COLUMN, ColumnType::Json)]).collect();
        debug_assert_eq!(layout.columns().last().map(|c| c.0), Some(EXTRA));
        let schema = layout.schema();
        let batch = Batch { schema, columns, reader: Reader::new(layout), rows: 0, bytes: 0, records: 0 };
        Self { lines: WholeLines::default(), batch }
    }

    /// The table's schema.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.batch.schema)
    }

    /// Reads the next bytes of the records, which may end inside one. Whole batches are given away.
    ///
    /// # Errors
    ///
    /// An [`Error`] where a line is no flat record, and what `batch` fails with.
    pub fn push(
        &mut self,
        records: &[u8],
        batch: &mut dyn FnMut(RecordBatch) -> io::Result<()>,
    ) -> io::Result<()> {
        self.lines.push(records, |lines| self.batch.read(lines, batch))
    }

    /// The rows so far, if there are any; behind an error those before it.
    ///
    /// # Errors
    ///
    /// Where memory ends.
    pub fn take(&mut self) -> io::Result<Option<RecordBatch>> {
        self.batch.take()
    }

    /// Whether the last record is whole.
    pub(crate) fn is_whole(&self) -> bool {
        self.lines.is_whole()
    }
}

impl Batch {
    /// Reads whole lines.
    fn read(&mut self, lines: &[u8], full: &mut dyn FnMut(RecordBatch) -> io::Result<()>) -> io::Result<()> {
        let text = str::from_utf8(lines).map_or_else(|error| error.valid_up_to(), str::len);
        let mut at = 0;
        while let Some(len) = memchr(b'\n', &lines[at..]) {
            let number = self.records + self.rows as u64 + 1;
            let fault = |(offset, what): (usize, Cow<'static, str>)| Error::new(number, offset, what);
            if at + len > text {
                return Err(fault((text - at, "a byte that is not UTF-8".into())).into());
            }
            if len > RECORD_BYTES {
                return Err(fault((RECORD_BYTES, "a record of more than 1 GiB".into())).into());
            }
            let line = &lines[at..at + len];
            at += len + 1;
            if line.is_empty() {
                continue;
            }
            self.reader.read(line, self.rows).map_err(fault)?;
            self.rows += 1;
            self.bytes += len;
            if self.rows == BATCH_ROWS || self.bytes >= BATCH_BYTES {
                self.take()?.map_or(Ok(()), &mut *full)?;
            }
        }
        Ok(())
    }

    fn take(&mut self) -> io::Result<Option<RecordBatch>> {
        if self.rows == 0 {
            return Ok(None);
        }
        let rows = std::mem::take(&mut self.rows);
        self.bytes = 0;
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.columns.len());
        for (place, column_type) in &self.columns {
            if let Some(column) = self.reader.columns.get_mut(*place) {
                let array = column.take(*column_type, rows);
                arrays.push(array.map_err(io::Error::other)?);
            }
        }
        self.records += rows as u64;
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays);
        batch.map(Some).map_err(io::Error::other)
    }
}
