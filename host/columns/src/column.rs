//! Columns while they are made. A row that has no value in one is only noted when a later one has, so a
//! column that is never there costs nothing for each row.

use std::{collections::HashMap, mem, net::IpAddr, sync::Arc};

use arrow_array::{
    ArrayRef, DictionaryArray, FixedSizeBinaryArray, PrimitiveArray, StringArray, new_null_array,
    types::{ArrowPrimitiveType, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType},
};
use arrow_buffer::{Buffer, NullBuffer, NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use arrow_schema::ArrowError;

use crate::layout::ColumnType;

/// Values of one column.
pub(crate) enum Column {
    /// Of a field that the table leaves out.
    None,
    Word(Words),
    Text(Texts),
    Address(Addresses),
    Int16(Numbers<Int16Type>),
    Int32(Numbers<Int32Type>),
    Int64(Numbers<Int64Type>),
    Timestamp(Numbers<TimestampMicrosecondType>),
}

/// A value that the column's type has no place for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Misfit;

impl Column {
    pub(crate) fn new(column_type: ColumnType) -> Self {
        match column_type {
            ColumnType::Word => Self::Word(Words::default()),
            ColumnType::Text | ColumnType::Json => Self::Text(Texts::default()),
            ColumnType::Address => Self::Address(Addresses::default()),
            ColumnType::Int16 => Self::Int16(Numbers::default()),
            ColumnType::Int32 => Self::Int32(Numbers::default()),
            ColumnType::Int64 => Self::Int64(Numbers::default()),
            ColumnType::Timestamp => Self::Timestamp(Numbers::default()),
        }
    }

    /// The rows up to the last one that has a value.
    fn rows(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Word(c) => c.validity.rows,
            Self::Text(c) => c.validity.rows,
            Self::Address(c) => c.validity.rows,
            Self::Int16(c) => c.validity.rows,
            Self::Int32(c) => c.validity.rows,
            Self::Int64(c) => c.validity.rows,
            Self::Timestamp(c) => c.validity.rows,
        }
    }

    /// Gives a row a text.
    #[inline(always)]
    pub(crate) fn text(&mut self, row: usize, text: &[u8]) -> Result<(), Misfit> {
        match self {
            Self::Word(c) => c.push(row, text),
            Self::Text(c) => c.push(row, text),
            Self::Address(c) => return c.push(row, text),
            _ => return Err(Misfit),
        }
        Ok(())
    }

    /// Gives a row a number; a time is in milliseconds.
    #[inline(always)]
    pub(crate) fn number(&mut self, row: usize, value: u64) -> Result<(), Misfit> {
        match self {
            Self::Int16(c) => c.push(row, value.try_into().map_err(|_| Misfit)?),
            Self::Int32(c) => c.push(row, value.try_into().map_err(|_| Misfit)?),
            Self::Int64(c) => c.push(row, value.try_into().map_err(|_| Misfit)?),
            Self::Timestamp(c) => {
                let micros = i64::try_from(value).ok().and_then(|ms| ms.checked_mul(1000));
                c.push(row, micros.ok_or(Misfit)?);
            }
            _ => return Err(Misfit),
        }
        Ok(())
    }

    /// The column of so many rows; it is empty afterwards.
    pub(crate) fn take(&mut self, column_type: ColumnType, rows: usize) -> Result<ArrayRef, ArrowError> {
        if self.rows() == 0 {
            return Ok(new_null_array(&column_type.arrow(), rows));
        }
        Ok(match self {
            Self::None => new_null_array(&column_type.arrow(), rows),
            Self::Word(c) => Arc::new(c.take(rows)?),
            Self::Text(c) => Arc::new(c.take(rows)?),
            Self::Address(c) => Arc::new(c.take(rows)?),
            Self::Int16(c) => Arc::new(c.take(rows)),
            Self::Int32(c) => Arc::new(c.take(rows)),
            Self::Int64(c) => Arc::new(c.take(rows)),
            Self::Timestamp(c) => Arc::new(c.take(rows).with_timezone("+00:00")),
        })
    }
}

/// Which rows have a value.
#[derive(Debug)]
struct Validity {
    rows: usize,
    nulls: NullBufferBuilder,
}

impl Default for Validity {
    fn default() -> Self {
        Self { rows: 0, nulls: NullBufferBuilder::new(0) }
    }
}

impl Validity {
    /// This row has a value; the rows before it without one come first. Gives their number.
    #[inline(always)]
    fn push(&mut self, row: usize) -> usize {
        let missing = self.pad(row);
        self.nulls.append_non_null();
        self.rows = row + 1;
        missing
    }

    /// The rows up to there without a value come first. Gives their number.
    #[inline(always)]
    fn pad(&mut self, rows: usize) -> usize {
        let missing = rows - self.rows;
        if missing > 0 {
            self.nulls.append_n_nulls(missing);
            self.rows = rows;
        }
        missing
    }

    /// Of so many rows: those without a value at the end are added, and one that was not finished is not
    /// among them.
    fn take(&mut self, rows: usize) -> Option<NullBuffer> {
        match self.rows > rows {
            true => self.nulls.truncate(rows),
            false => drop(self.pad(rows)),
        }
        self.rows = 0;
        self.nulls.finish()
    }
}

/// Numbers and times.
pub(crate) struct Numbers<T: ArrowPrimitiveType> {
    values: Vec<T::Native>,
    validity: Validity,
}

impl<T: ArrowPrimitiveType> Default for Numbers<T> {
    fn default() -> Self {
        Self { values: Vec::new(), validity: Validity::default() }
    }
}

impl<T: ArrowPrimitiveType> Numbers<T> {
    #[inline]
    fn push(&mut self, row: usize, value: T::Native) {
        if self.validity.push(row) > 0 {
            self.values.resize(row, T::Native::default());
        }
        self.values.push(value);
    }

    fn take(&mut self, rows: usize) -> PrimitiveArray<T> {
        self.values.resize(rows, T::Native::default());
        let values = ScalarBuffer::from(mem::take(&mut self.values));
        PrimitiveArray::new(values, self.validity.take(rows))
    }
}

/// Texts, one behind the other.
pub(crate) struct Texts {
    bytes: Vec<u8>,
    offsets: Vec<i32>,
    validity: Validity,
}

impl Default for Texts {
    fn default() -> Self {
        Self { bytes: Vec::new(), offsets: vec![0], validity: Validity::default() }
    }
}

impl Texts {
    #[inline]
    fn push(&mut self, row: usize, text: &[u8]) {
        if self.validity.push(row) > 0 {
            self.offsets.resize(row + 1, self.end());
        }
        self.bytes.extend_from_slice(text);
        self.offsets.push(self.end());
    }

    /// Where the last text ends; [`Rows`](crate::Rows) are taken long before that is too much.
    #[inline]
    fn end(&self) -> i32 {
        self.bytes.len() as i32
    }

    fn take(&mut self, rows: usize) -> Result<StringArray, ArrowError> {
        self.offsets.resize(rows + 1, self.end());
        let offsets = OffsetBuffer::new(mem::replace(&mut self.offsets, vec![0]).into());
        let bytes = Buffer::from_vec(mem::take(&mut self.bytes));
        StringArray::try_new(offsets, bytes, self.validity.take(rows))
    }
}

/// How many words are looked through, one by one.
const COMPARED: i32 = 4;

/// Texts of which there are few.
#[derive(Default)]
pub(crate) struct Words {
    keys: Vec<i32>,
    words: Texts,
    numbers: HashMap<Box<[u8]>, i32>,
    last: i32,
    validity: Validity,
}

impl Words {
    #[inline]
    fn push(&mut self, row: usize, word: &[u8]) {
        if self.validity.push(row) > 0 {
            self.keys.resize(row, 0);
        }
        if self.word(self.last) != Some(word) {
            self.last = self.number(word);
        }
        self.keys.push(self.last);
    }

    fn number(&mut self, word: &[u8]) -> i32 {
        // The first few are compared sooner than one is hashed.
        if let Some(number) = (0..COMPARED).find(|number| self.word(*number) == Some(word)) {
            return number;
        }
        if let Some(number) = self.numbers.get(word) {
            return *number;
        }
        let number = self.numbers.len();
        self.words.push(number, word);
        self.numbers.insert(word.into(), number as i32);
        number as i32
    }

    #[inline]
    fn word(&self, number: i32) -> Option<&[u8]> {
        let number = number as usize;
        let (start, end) = (self.words.offsets.get(number)?, self.words.offsets.get(number + 1)?);
        self.words.bytes.get(*start as usize..*end as usize)
    }

    fn take(&mut self, rows: usize) -> Result<DictionaryArray<Int32Type>, ArrowError> {
        self.keys.resize(rows, 0);
        let keys = PrimitiveArray::new(mem::take(&mut self.keys).into(), self.validity.take(rows));
        let words = self.words.take(self.numbers.len())?;
        self.numbers.clear();
        self.last = 0;
        DictionaryArray::try_new(keys, Arc::new(words))
    }
}

/// Addresses as 16 bytes.
#[derive(Default)]
pub(crate) struct Addresses {
    bytes: Vec<u8>,
    validity: Validity,
}

impl Addresses {
    fn push(&mut self, row: usize, text: &[u8]) -> Result<(), Misfit> {
        let address: IpAddr = str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(Misfit)?;
        let address = match address {
            IpAddr::V4(v4) => v4.to_ipv6_mapped(),
            IpAddr::V6(v6) => v6,
        };
        if self.validity.push(row) > 0 {
            self.bytes.resize(row * WIDTH, 0);
        }
        self.bytes.extend_from_slice(&address.octets());
        Ok(())
    }

    fn take(&mut self, rows: usize) -> Result<FixedSizeBinaryArray, ArrowError> {
        self.bytes.resize(rows * WIDTH, 0);
        let bytes = Buffer::from_vec(mem::take(&mut self.bytes));
        FixedSizeBinaryArray::try_new(WIDTH as i32, bytes, self.validity.take(rows))
    }
}

/// Bytes of an address.
const WIDTH: usize = 16;
