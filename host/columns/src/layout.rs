//! The table: which column each field of the flat record has, and of which type.

use std::{collections::HashMap, sync::Arc};

use arrow_schema::{DataType, Field as ArrowField, Schema, SchemaRef, TimeUnit};
use weir_normalizer::record::{Field, FieldType};

/// The column behind those of the fields.
pub(crate) const EXTRA: &str = "extra";

/// How addresses stand in a column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Addresses {
    /// As text, which every engine compares and shows.
    #[default]
    Text,
    /// As 16 bytes, IPv4 mapped into IPv6: smaller, and ordered as networks are.
    Binary,
}

/// The type of a column. All are signed, as half of the engines know no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// One of a few texts.
    Word,
    /// Any text.
    Text,
    /// An address as 16 bytes.
    Address,
    /// A number of 16 bits.
    Int16,
    /// A number of 32 bits.
    Int32,
    /// A number of 64 bits. What is above 2^63 - 1 is in `extra`.
    Int64,
    /// Microseconds since 1970-01-01T00:00:00Z.
    Timestamp,
    /// JSON as text.
    Json,
}

/// The columns of a table, in the order of the flat record's fields; the last one is `extra`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    addresses: Addresses,
    /// Fields that have no column, a bit each.
    without: u64,
    /// Fields whose columns have a bloom filter, a bit each.
    filtered: u64,
}

const _: () = assert!(Field::ALL.len() < 64, "each has a bit");

fn bits(fields: &[Field]) -> u64 {
    fields.iter().fold(0, |bits, field| bits | 1 << *field as usize)
}

impl Layout {
    /// A column for each field but these, which the names of folders tell, say.
    pub fn new(addresses: Addresses, without: &[Field]) -> Self {
        Self { addresses, without: bits(without), filtered: 0 }
    }

    /// The same without columns for these fields.
    #[must_use]
    pub fn without(self, fields: &[Field]) -> Self {
        Self { without: self.without | bits(fields), ..self }
    }

    /// The same with bloom filters for the columns of these fields in Parquet: a reader that looks for one
    /// value leaves out groups of rows that have it not.
    #[must_use]
    pub fn with_bloom_filters(self, fields: &[Field]) -> Self {
        Self { filtered: bits(fields), ..self }
    }

    /// How addresses stand in columns.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// The fields whose columns have a bloom filter.
    pub fn bloom_filters(&self) -> impl Iterator<Item = Field> {
        self.fields().filter(|field| self.filtered & bits(&[*field]) != 0)
    }

    /// The fields that have a column.
    pub fn fields(&self) -> impl Iterator<Item = Field> {
        Field::ALL.iter().copied().filter(|field| self.has(*field))
    }

    pub(crate) fn has(&self, field: Field) -> bool {
        self.without & bits(&[field]) == 0
    }

    /// The type of a field's column.
    pub fn column_type(&self, field: Field) -> ColumnType {
        match field.field_type() {
            FieldType::Word(_) => ColumnType::Word,
            FieldType::Text if matches!(field, Field::Product | Field::Transport) => ColumnType::Word,
            FieldType::Text => ColumnType::Text,
            FieldType::Address if self.addresses == Addresses::Binary => ColumnType::Address,
            FieldType::Address => ColumnType::Text,
            FieldType::Integer(most) if most <= 999 => ColumnType::Int16,
            FieldType::Integer(most) if most <= 65_535 => ColumnType::Int32,
            FieldType::Integer(_) => ColumnType::Int64,
            FieldType::Millis => ColumnType::Timestamp,
        }
    }

    /// Name, type and meaning of each column.
    pub fn columns(&self) -> impl Iterator<Item = (&'static str, ColumnType, &'static str)> {
        let fields = self.fields().map(|field| (field.key(), self.column_type(field), field.doc()));
        fields.chain([(
            EXTRA,
            ColumnType::Json,
            "What has no column, as a JSON object by the source's keys.",
        )])
    }

    /// The table's schema in Arrow.
    pub(crate) fn schema(&self) -> SchemaRef {
        let fields: Vec<_> = self
            .columns()
            .map(|(name, column_type, doc)| {
                let metadata = HashMap::from([("comment".to_owned(), doc.to_owned())]);
                ArrowField::new(name, column_type.arrow(), true).with_metadata(metadata)
            })
            .collect();
        Arc::new(Schema::new(fields))
    }
}

impl ColumnType {
    pub(crate) fn arrow(self) -> DataType {
        match self {
            Self::Word => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
            Self::Text | Self::Json => DataType::Utf8,
            Self::Address => DataType::FixedSizeBinary(16),
            Self::Int16 => DataType::Int16,
            Self::Int32 => DataType::Int32,
            Self::Int64 => DataType::Int64,
            // By offset, as names of zones are looked up by some readers.
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into())),
        }
    }
}
