//! Columns of records: each field's values in the narrowest integers that hold them.

use std::{cmp::Ordering, collections::HashMap, fmt::Write as _, net::IpAddr};

use weir_normalizer::record::{Field, FieldType, Value};

/// Unsigned integers, all as wide as the largest needs.
#[derive(Debug)]
pub(crate) enum Ints {
    Narrow(Vec<u8>),
    Half(Vec<u16>),
    Word(Vec<u32>),
    Wide(Vec<u64>),
}

impl Ints {
    pub(crate) fn new() -> Self {
        Self::Narrow(Vec::new())
    }

    fn len(&self) -> usize {
        match self {
            Self::Narrow(v) => v.len(),
            Self::Half(v) => v.len(),
            Self::Word(v) => v.len(),
            Self::Wide(v) => v.len(),
        }
    }

    /// 0 where there is none.
    pub(crate) fn get(&self, row: usize) -> u64 {
        let found = match self {
            Self::Narrow(v) => v.get(row).map(|n| u64::from(*n)),
            Self::Half(v) => v.get(row).map(|n| u64::from(*n)),
            Self::Word(v) => v.get(row).map(|n| u64::from(*n)),
            Self::Wide(v) => v.get(row).copied(),
        };
        found.unwrap_or(0)
    }

    /// Sets the value of a row that is behind the last; those between are 0.
    pub(crate) fn set(&mut self, row: usize, value: u64) {
        let most = match self {
            Self::Narrow(_) => u64::from(u8::MAX),
            Self::Half(_) => u64::from(u16::MAX),
            Self::Word(_) => u64::from(u32::MAX),
            Self::Wide(_) => u64::MAX,
        };
        if value > most {
            self.widen(value);
        }
        // No value is cut: the integers are wide enough by now.
        match self {
            Self::Narrow(v) => put(v, row, value as u8),
            Self::Half(v) => put(v, row, value as u16),
            Self::Word(v) => put(v, row, value as u32),
            Self::Wide(v) => put(v, row, value),
        }
    }

    fn widen(&mut self, value: u64) {
        let all = 0..self.len();
        *self = match value {
            0..=0xffff => Self::Half(all.map(|row| self.get(row) as u16).collect()),
            0x1_0000..=0xffff_ffff => Self::Word(all.map(|row| self.get(row) as u32).collect()),
            _ => Self::Wide(all.map(|row| self.get(row)).collect()),
        };
    }
}

#[inline]
fn put<T: Clone + Default>(values: &mut Vec<T>, row: usize, value: T) {
    if values.len() != row {
        values.resize(row, T::default());
    }
    values.push(value);
}

/// The values of one field. What stands for a value is a key: 0 for none, else one more than a number, or
/// than an index into `texts` or `long`, or an IPv4 address from [`FIRST_V4`] on.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) field: Field,
    keys: Ints,
    texts: Vec<Box<str>>,
    known: HashMap<Box<str>, u64, BuildMix>,
    long: Vec<IpAddr>,
    known_long: HashMap<(u64, u64), u64, BuildMix>,
    /// The key of the text that came last, which often comes again.
    last: u64,
    /// What is taken off times, so that they are narrow.
    base: u64,
}

/// 1.0.0.0. Addresses before it, and those of IPv6, are in a list, whose places are the keys before it.
const FIRST_V4: u64 = 1 << 24;

/// How far a time may be from the first one, in milliseconds: 24 days.
const NEAR: u64 = 1 << 31;

impl Column {
    pub(crate) fn new(field: Field) -> Self {
        Self {
            field,
            keys: Ints::new(),
            texts: Vec::new(),
            known: HashMap::default(),
            long: Vec::new(),
            known_long: HashMap::default(),
            last: 0,
            base: 0,
        }
    }

    /// The key of a row's value; 0 where it has none.
    #[inline]
    pub(crate) fn key(&self, row: usize) -> u64 {
        match self.keys.get(row) {
            0 => 0,
            key => key + self.base,
        }
    }

    /// Sets a row's value from what stands in JSON, without quotes. The row is not before the last.
    pub(crate) fn set(&mut self, row: usize, text: &str) {
        let key = match self.field.field_type() {
            FieldType::Integer(_) => text.parse::<u64>().map_or(0, |n| n.saturating_add(1)),
            FieldType::Millis => match text.parse::<u64>() {
                Ok(time) => self.time_key(time),
                Err(_) => 0,
            },
            FieldType::Address => match text.parse() {
                Ok(IpAddr::V4(address)) if u64::from(u32::from(address)) >= FIRST_V4 => {
                    u32::from(address).into()
                }
                Ok(other) => self.long_key(other),
                Err(_) => 0,
            },
            FieldType::Word(_) | FieldType::Text => self.text_key(text),
        };
        if key != 0 {
            self.keys.set(row, key);
        }
    }

    fn time_key(&mut self, time: u64) -> u64 {
        if self.keys.len() == 0 {
            self.base = time.saturating_sub(NEAR);
        }
        if time < self.base {
            let mut whole = Ints::new();
            (0..self.keys.len()).for_each(|row| whole.set(row, self.key(row)));
            (self.keys, self.base) = (whole, 0);
        }
        (time - self.base).saturating_add(1)
    }

    /// The key of an address that is none by itself; 0 where there are too many.
    #[cold]
    fn long_key(&mut self, address: IpAddr) -> u64 {
        let bits = match address {
            IpAddr::V4(short) => (1, u64::from(u32::from(short))),
            IpAddr::V6(long) => ((long.to_bits() >> 64) as u64, long.to_bits() as u64),
        };
        if self.long.len() as u64 + 1 == FIRST_V4 {
            return self.known_long.get(&bits).copied().unwrap_or(0);
        }
        *self.known_long.entry(bits).or_insert_with(|| {
            self.long.push(address);
            self.long.len() as u64
        })
    }

    fn text_key(&mut self, text: &str) -> u64 {
        let last = self.last.checked_sub(1).and_then(|i| self.texts.get(i as usize));
        if last.is_none_or(|last| **last != *text) {
            self.last = match self.known.get(text) {
                Some(key) => *key,
                None => {
                    self.texts.push(text.into());
                    let key = self.texts.len() as u64;
                    self.known.insert(text.into(), key);
                    key
                }
            };
        }
        self.last
    }

    /// The value that a key stands for.
    pub(crate) fn value(&self, key: u64) -> Option<Value<'_>> {
        let index = usize::try_from(key.checked_sub(1)?).unwrap_or(usize::MAX);
        match self.field.field_type() {
            FieldType::Integer(_) | FieldType::Millis => Some(Value::Number(key - 1)),
            FieldType::Address if key >= FIRST_V4 => Some(Value::Address(IpAddr::V4((key as u32).into()))),
            FieldType::Address => self.long.get(index).copied().map(Value::Address),
            FieldType::Word(_) | FieldType::Text => self.texts.get(index).map(|t| Value::Text(t)),
        }
    }

    /// The key of a text that some row has.
    pub(crate) fn key_of(&self, text: &str) -> Option<u64> {
        self.known.get(text).copied()
    }

    /// A number; 0 where there is none.
    pub(crate) fn number(&self, row: usize) -> u64 {
        self.key(row).saturating_sub(1)
    }

    /// Appends a value as people, and filters, write it.
    pub(crate) fn show(&self, key: u64, out: &mut String) {
        // Strings can be written to.
        let _ = match self.value(key) {
            Some(Value::Number(n)) => write!(out, "{n}"),
            Some(Value::Address(address)) => write!(out, "{address}"),
            Some(Value::Text(text)) => write!(out, "{text}"),
            None => Ok(()),
        };
    }

    /// For each key the place that it sorts at.
    pub(crate) fn ranks(&self) -> Ranks {
        let by = |len: usize, order: &dyn Fn(usize, usize) -> Ordering| {
            let mut all: Vec<usize> = (0..len).collect();
            all.sort_unstable_by(|a, b| order(*a, *b));
            let mut ranks = vec![0; len + 1];
            all.iter().enumerate().for_each(|(rank, i)| ranks[i + 1] = rank as u64 + 1);
            ranks
        };
        match self.field.field_type() {
            FieldType::Integer(_) | FieldType::Millis => Ranks::Keys,
            FieldType::Address => {
                let mut ranks = by(self.long.len(), &|a, b| self.long[a].cmp(&self.long[b]));
                let long = ranks.iter_mut().skip(1).zip(&self.long).filter(|(_, a)| a.is_ipv6());
                long.for_each(|(rank, _)| *rank |= 1 << 32);
                Ranks::Long(ranks)
            }
            FieldType::Word(_) | FieldType::Text => {
                Ranks::Texts(by(self.texts.len(), &|a, b| self.texts[a].cmp(&self.texts[b])))
            }
        }
    }
}

/// How keys sort.
pub(crate) enum Ranks {
    /// As they are.
    Keys,
    /// IPv4 addresses as they are, those of IPv6 behind them.
    Long(Vec<u64>),
    Texts(Vec<u64>),
}

impl Ranks {
    pub(crate) fn of(&self, key: u64) -> u64 {
        match self {
            Self::Keys => key,
            Self::Long(_) if key >= FIRST_V4 => key,
            Self::Long(ranks) | Self::Texts(ranks) => ranks.get(key as usize).copied().unwrap_or(0),
        }
    }
}

pub(crate) type BuildMix = std::hash::BuildHasherDefault<Mix>;

/// Mixes keys and texts. Who chooses them so that they meet slows down the page that has them.
#[derive(Default)]
pub(crate) struct Mix(u64);

impl std::hash::Hasher for Mix {
    fn write(&mut self, bytes: &[u8]) {
        for eight in bytes.chunks(8) {
            let mut padded = [0; 8];
            padded[..eight.len()].copy_from_slice(eight);
            self.write_u64(u64::from_le_bytes(padded));
        }
    }

    fn write_u64(&mut self, n: u64) {
        self.0 = (self.0.rotate_left(26) ^ n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 ^= self.0 >> 32;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_what_is_shown() {
        let cases: [(Field, &[&str]); 5] = [
            (
                Field::StartMs,
                &["1548752136000", "1548752136001", "0", "1548752136002", "18446744073709551614"],
            ),
            (Field::Bytes, &["0", "254", "255", "65535", "65536", "4294967296", "7", "18446744073709551614"]),
            (Field::SrcIp, &["0.0.0.0", "255.255.255.255", "::1", "2001:db8::1", "::1", "10.0.0.1"]),
            (Field::Action, &["accept", "reject", "accept"]),
            (Field::Host, &["a", "", "\u{20ac}", "a"]),
        ];
        for (field, values) in cases {
            let mut column = Column::new(field);
            for (i, value) in values.iter().enumerate() {
                // Every other row has none.
                column.set(2 * i + 1, value);
            }
            for (i, value) in values.iter().enumerate() {
                let mut shown = String::new();
                column.show(column.key(2 * i + 1), &mut shown);
                assert_eq!(shown, *value);
                assert_eq!(column.key(2 * i), 0);
            }
            assert_eq!(column.key(99), 0);
        }
    }

    #[test]
    fn addresses_sort_as_numbers_and_texts_as_letters() {
        let sorted = |field, values: &[&str]| {
            let mut column = Column::new(field);
            values.iter().enumerate().for_each(|(row, value)| column.set(row, value));
            let ranks = column.ranks();
            let mut rows: Vec<usize> = (0..values.len()).collect();
            rows.sort_by_key(|row| ranks.of(column.key(*row)));
            rows.into_iter().map(|row| values[row].to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(
            sorted(Field::SrcIp, &["::2", "10.0.0.10", "9.0.0.1", "::1"]),
            ["9.0.0.1", "10.0.0.10", "::1", "::2"]
        );
        assert_eq!(sorted(Field::Host, &["b", "a", "c", "a"]), ["a", "a", "b", "c"]);
        assert_eq!(sorted(Field::Bytes, &["10", "9"]), ["9", "10"]);
    }
}
