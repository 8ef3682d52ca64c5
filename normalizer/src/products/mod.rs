//! The registry of products, and what a product's table is made of.
//!
//! A product is one file with one table. The table drives the reading of columns and of
//! keys, detection, and the documentation.

mod flat;
mod huawei_er;
mod huawei_vpc;

use crate::{record::Field, vocabulary::Word};

/// A kind of record that one product of one cloud writes.
#[derive(Debug)]
pub struct Product {
    /// What `--from` takes: `huawei-vpc`.
    pub id: &'static str,
    /// The flat record's `provider`.
    pub provider: &'static str,
    /// The flat record's `product`.
    pub product: &'static str,
    /// The flat record's `kind`.
    pub kind: &'static str,
    /// The vendor's name for these records.
    pub title: &'static str,
    /// How many of the first entries are the columns of its text lines; 0 if it has none.
    pub columns: usize,
    /// Whether text lines are known by their content; otherwise they need `--from`.
    pub detect_lines: bool,
    /// Every key of its records.
    pub entries: &'static [Entry],
}

/// A key of a record: its spellings, and where its value goes.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The vendor's spelling first, then every other one.
    pub keys: &'static [&'static str],
    /// Where its value goes, and how it is read.
    pub to: To,
    /// Whether this key alone tells the product.
    pub telling: bool,
    /// What the text in this column must be like for a line to be of this product.
    pub shape: Shape,
}

/// Where a value goes, and how it is read.
#[derive(Clone, Copy, Debug)]
pub enum To {
    /// The layout's version: not kept where it is this one.
    Version(&'static str),
    /// A string, as it is.
    Text(Field),
    /// An unsigned integer.
    Number(Field),
    /// An address.
    Address(Field),
    /// A protocol's number or keyword.
    Protocol,
    /// A time.
    Time(Field, Unit),
    /// One of these words.
    Word(Field, &'static [Word]),
    /// A field of a flat record, exactly as it stands there.
    Flat(Field),
    /// The `extra` of a flat record.
    FlatExtra,
    /// Something that has no field.
    Extra,
    /// Metadata of the log service.
    Envelope,
}

/// What a time counts, where it is a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Seconds since 1970.
    Seconds,
    /// Milliseconds since 1970.
    Millis,
    /// Seconds, or milliseconds where the number is too large for seconds.
    Guess,
}

/// What the text in a column is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Whatever the entry's target can read.
    Any,
    /// 32 hexadecimal digits.
    Hex32,
    /// A UUID.
    Uuid,
    /// A word for a direction.
    Direction,
    /// A word for a window's status.
    LogStatus,
}

impl Shape {
    /// Whether a text is like this.
    #[inline]
    pub(crate) fn fits(self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Hex32 => text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit()),
            Self::Uuid => {
                text.len() == 36
                    && text.bytes().enumerate().all(|(i, b)| match i {
                        8 | 13 | 18 | 23 => b == b'-',
                        _ => b.is_ascii_hexdigit(),
                    })
            }
            Self::Direction => crate::vocabulary::find(crate::vocabulary::DIRECTION, text).is_some(),
            Self::LogStatus => crate::vocabulary::find(crate::vocabulary::LOG_STATUS, text).is_some(),
        }
    }

    /// What a text should be, for people.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Any => "any value",
            Self::Hex32 => "32 hexadecimal digits",
            Self::Uuid => "a UUID",
            Self::Direction => "a direction",
            Self::LogStatus => "OK, NODATA or SKIPDATA",
        }
    }
}

const fn entry(keys: &'static [&'static str], to: To) -> Entry {
    Entry { keys, to, telling: false, shape: Shape::Any }
}

impl Entry {
    /// Tells the product wherever this key occurs.
    const fn telling(self) -> Self {
        Self { telling: true, ..self }
    }

    /// A line is of this product only if this column is like that.
    const fn shape(self, shape: Shape) -> Self {
        Self { shape, ..self }
    }
}

/// Every product, in the order of the documentation.
pub fn all() -> &'static [&'static Product] {
    &[&huawei_vpc::PRODUCT, &huawei_er::PRODUCT, &flat::PRODUCT]
}

/// The product with this id.
pub fn by_id(id: &str) -> Option<&'static Product> {
    all().iter().copied().find(|p| p.id == id)
}
