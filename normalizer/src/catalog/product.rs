//! What the table of a product is made of.

use crate::{
    bytes::{digits, scan},
    catalog::meaning::Meaning,
    record::fields::Field,
    value::{time::Unit, words::Word},
};

/// A kind of record that one product of one cloud writes.
#[derive(Debug)]
#[non_exhaustive]
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
    /// The text lines that it is known to have.
    pub lines: Lines,
    /// Log topics that tell it.
    pub topics: &'static [&'static str],
    /// The fields that a layout of it must begin with, as its vendor asks.
    pub layout_begins: &'static [&'static str],
    /// Every key of its records.
    pub entries: &'static [Entry],
}

impl Product {
    /// The fields that are the same in all of its records.
    pub(crate) fn words(&self) -> [(Field, &'static str); 3] {
        [(Field::Provider, self.provider), (Field::Product, self.product), (Field::Kind, self.kind)]
    }
}

/// The text lines of a product: how many of the first entries of its table are the columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lines {
    /// It has none, or in an order that somebody must say.
    None,
    /// They are known by what is in them.
    Detected(usize),
    /// They are read where it is said that they are of this product.
    Named(usize),
    /// They are written as one of these format strings says, with texts between the fields, and are
    /// known by that and by what is in them.
    Written(&'static [&'static str]),
}

impl Lines {
    /// How many columns there are with nothing but blanks between; 0 for none.
    pub const fn columns(self) -> usize {
        match self {
            Self::None | Self::Written(_) => 0,
            Self::Detected(n) | Self::Named(n) => n,
        }
    }
}

/// A key of a record: its spellings, and where its value goes.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Entry {
    /// The vendor's spelling first, then others; case, `-` and `_` make no difference.
    pub keys: &'static [&'static str],
    /// Where its value goes, and how it is read.
    pub to: To,
    /// Whether the key speaks for the product: [`ALONE`], or a bit for each set that it is in.
    pub tells: u16,
    /// What the value must be like for a line, or a record that only its keys tell, to be of this
    /// product.
    pub shape: Shape,
    /// What a value means that goes to `extra`, for schemas that have a place for it.
    pub means: Option<Meaning>,
    /// The words by which its vendor says that there is no value, beside those that all use;
    /// case makes no difference.
    pub absent: &'static [&'static str],
}

/// The key tells the product wherever it occurs: no record of anything else is known to have it.
pub const ALONE: u16 = 1;

// Sets of keys that only a product's records have together. Each product has its own.
pub(crate) const A: u16 = 1 << 1;

pub(crate) const B: u16 = 1 << 2;

pub(crate) const C: u16 = 1 << 3;

pub(crate) const D: u16 = 1 << 4;

pub(crate) const E: u16 = 1 << 5;

pub(crate) const F: u16 = 1 << 6;

pub(crate) const G: u16 = 1 << 7;

pub(crate) const H: u16 = 1 << 8;

pub(crate) const I: u16 = 1 << 9;

pub(crate) const J: u16 = 1 << 10;

/// Where a value goes, and how it is read.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum To {
    /// The layout's version: not kept where it is this one.
    Version(&'static str),
    /// A string, as it is.
    Text(Field),
    /// An unsigned integer.
    Number(Field),
    /// An unsigned integer that counts what comes to, or leaves, the side that a firewall
    /// protects: the first field if that is the destination, the second if it is the source.
    Counter(Field, Field),
    /// An address.
    Address(Field),
    /// An address; a host's name is kept as it came.
    AddressOrName(Field),
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
    /// The same. Where it is this word, the record's value of that field, whose entry stands
    /// ahead of this one, says nothing and is left out.
    Silences(&'static str, Field),
    /// Metadata of the log service.
    Envelope,
}

impl To {
    /// The field, or the first of them.
    pub fn field(self) -> Option<Field> {
        match self {
            Self::Text(f)
            | Self::Number(f)
            | Self::Counter(f, _)
            | Self::Address(f)
            | Self::AddressOrName(f)
            | Self::Time(f, _)
            | Self::Word(f, _)
            | Self::Flat(f) => Some(f),
            Self::Protocol => Some(Field::Protocol),
            Self::Version(_) | Self::FlatExtra | Self::Extra | Self::Silences(..) | Self::Envelope => None,
        }
    }

    /// Whether the value, as the source wrote it, may tell what is in a field.
    pub(crate) fn may_tell(self, field: Field) -> bool {
        match self {
            Self::Counter(ingress, egress) => field == ingress || field == egress,
            Self::Protocol => matches!(field, Field::Protocol | Field::Transport),
            other => other.field() == Some(field),
        }
    }

    /// How the value is read, and its unit, for people.
    pub fn describe(self) -> String {
        match self {
            Self::Version(v) => format!("implied where it is {v}"),
            Self::Text(_) => "text".into(),
            Self::Number(_) => "number".into(),
            Self::Counter(ingress, egress) => {
                format!("number, of the protected side: {} inbound, {} outbound", ingress.key(), egress.key())
            }
            Self::Address(_) => "address".into(),
            Self::AddressOrName(_) => "address, or a host name, which goes to extra".into(),
            Self::Protocol => "protocol number or keyword".into(),
            Self::Time(_, Unit::Seconds) => "time, epoch seconds or written".into(),
            Self::Time(_, Unit::Millis) => "time, epoch milliseconds or written".into(),
            Self::Time(_, Unit::Guess) => {
                "time, epoch seconds or milliseconds by magnitude, or written".into()
            }
            Self::Word(_, words) => {
                let words: Vec<_> = words.iter().map(|w| w.0).collect();
                format!("one of {}", words.join(", "))
            }
            Self::Flat(_) => "as it is".into(),
            Self::FlatExtra | Self::Extra => "as it came".into(),
            Self::Silences(word, field) => {
                format!("as it came; {} is left out where it is {word}", field.key())
            }
            Self::Envelope => "metadata of the log service".into(),
        }
    }
}

/// What the text in a column is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shape {
    /// Whatever the entry's target can read.
    Any,
    /// So many hexadecimal digits.
    Hex(usize),
    /// So many decimal digits.
    Digits(usize),
    /// A whole number from this one on.
    AtLeast(u64),
    /// A UUID.
    Uuid,
    /// An id that begins so, or `-` for none.
    Prefix(&'static str),
    /// One of these words.
    Word(&'static [Word]),
    /// Some word, and none that stands for no value.
    Said,
}

impl Shape {
    /// Whether a text is like this.
    #[inline]
    pub fn fits(self, text: &[u8]) -> bool {
        match self {
            Self::Any => true,
            Self::Hex(n) => text.len() == n && scan::is_hexadecimal(text),
            Self::Digits(n) => text.len() == n && text.iter().all(u8::is_ascii_digit),
            Self::AtLeast(least) => digits::read(text).is_some_and(|n| n >= least),
            Self::Uuid => scan::is_uuid(text),
            Self::Prefix(p) => text.starts_with(p.as_bytes()) || text == b"-",
            Self::Word(words) => words.iter().any(|w| w.0.as_bytes().eq_ignore_ascii_case(text)),
            Self::Said => !text.is_empty(),
        }
    }

    /// What a text should be, for people.
    pub fn describe(self) -> String {
        match self {
            Self::Any => "any value".into(),
            Self::Hex(n) => format!("{n} hexadecimal digits"),
            Self::Digits(1) => "one digit".into(),
            Self::Digits(n) => format!("{n} digits"),
            Self::AtLeast(least) => format!("a number from {least}"),
            Self::Uuid => "a UUID".into(),
            Self::Prefix(p) => format!("an id that begins with {p}"),
            Self::Said => "a word".into(),
            Self::Word(words) => {
                let words: Vec<_> = words.iter().map(|w| w.0).collect();
                format!("one of {}", words.join(", "))
            }
        }
    }
}

pub(crate) const fn entry(keys: &'static [&'static str], to: To) -> Entry {
    Entry { keys, to, tells: 0, shape: Shape::Any, means: None, absent: &[] }
}

impl Entry {
    /// Whether it is of an end of a flow, counts what was sent, or says that nothing was. Of flat records
    /// each is, as they say themselves what they are.
    pub(crate) fn is_traffic(&self) -> bool {
        use Field::{
            Bytes, BytesIn, BytesOut, DstIp, DstPort, LogStatus, Packets, PacketsIn, PacketsOut, SrcIp,
            SrcPort,
        };
        let is_one = |field| {
            matches!(
                field,
                LogStatus
                    | SrcIp
                    | DstIp
                    | SrcPort
                    | DstPort
                    | Bytes
                    | BytesOut
                    | BytesIn
                    | Packets
                    | PacketsOut
                    | PacketsIn
            )
        };
        matches!(self.to, To::Flat(_)) || self.to.field().is_some_and(is_one)
    }

    /// Speaks for the product wherever this key occurs.
    pub(crate) const fn telling(self) -> Self {
        self.with(ALONE)
    }

    /// Is in these sets of keys, each of which tells the product where all of it occurs.
    pub(crate) const fn with(self, sets: u16) -> Self {
        Self { tells: self.tells | sets, ..self }
    }

    /// What the value means where it goes to `extra`.
    pub(crate) const fn means(self, meaning: Meaning) -> Self {
        Self { means: Some(meaning), ..self }
    }

    /// A line is of this product only if this column is like that, and so is a record that only
    /// its keys tell.
    pub(crate) const fn shape(self, shape: Shape) -> Self {
        Self { shape, ..self }
    }

    /// These words stand for no value.
    pub(crate) const fn absent(self, words: &'static [&'static str]) -> Self {
        Self { absent: words, ..self }
    }

    /// Whether a text is one of the words that stand for no value.
    #[inline]
    pub(crate) fn is_absent(&self, text: &[u8]) -> bool {
        self.absent.iter().any(|w| w.as_bytes().eq_ignore_ascii_case(text))
    }

    /// Whether a text is what a record of the product may have here: it is of the shape, or a word
    /// for none.
    #[inline]
    pub(crate) fn fits(&self, text: &[u8]) -> bool {
        self.shape.fits(text) || self.is_absent(text)
    }

    /// How the value is read, for people.
    pub fn describe(&self) -> String {
        let mut text = self.to.describe();
        for word in self.absent {
            text.push_str("; none where it is ");
            text.push_str(word);
        }
        text
    }
}

/// Two tables in one, for products that share keys.
pub(crate) const fn join<const N: usize>(a: &[Entry], b: &[Entry]) -> [Entry; N] {
    let mut all = [entry(&[], To::Extra); N];
    let mut i = 0;
    while i < N {
        all[i] = if i < a.len() { a[i] } else { b[i - a.len()] };
        i += 1;
    }
    all
}
