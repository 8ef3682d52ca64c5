//! Plans: for a sequence of keys, which product it is, and what is done with each value.
//!
//! A plan is a decision: it follows from the keys and from what the topic of the log says, and
//! nothing in it is learned from records.

use crate::{
    catalog::{
        detection::Told,
        hint::Hint,
        product::{Entry, Shape},
    },
    reading::source::Source,
    record::fault::{Fault, RejectCode},
    value::{
        missing,
        raw::{Raw, RawKind},
        time::{self, Time, Unit},
        zone::Zone,
    },
};

/// What a sequence of keys turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Records of this product, by its index in the registry.
    Product(usize),
    /// An object around one record, which is this member's value.
    Payload(usize),
    /// An object around this member's value, which may be records in base64.
    Encoded(usize),
    /// The cloud's answer to a call that failed: its code and its message.
    ApiError { code: usize, message: usize },
    /// It may be any of these products.
    Ambiguous(Vec<usize>),
    /// The keys are this product's, but the topic of the log is of something else.
    OtherTopic(usize),
    /// None that is known.
    Unknown,
}

impl From<Told> for Verdict {
    fn from(told: Told) -> Self {
        match told {
            Told::Product(p) => Self::Product(p),
            Told::Ambiguous(products) => Self::Ambiguous(products),
            Told::OtherTopic(p) => Self::OtherTopic(p),
            Told::Unknown => Self::Unknown,
        }
    }
}

/// What is done with the values of a record with these keys.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) hint: Hint,
    keys: String,
    ends: Vec<u32>,
    pub(crate) verdict: Verdict,
    /// Member and entry, in the order of the product's table.
    pub(crate) steps: Vec<(usize, usize)>,
    /// Members that have no field, in the order of the record.
    pub(crate) extra: Vec<usize>,
    /// Members that are the log service's, in the order of the record.
    pub(crate) envelope: Vec<usize>,
    /// The member with the log's time.
    pub(crate) log_time: Option<(usize, Unit)>,
    /// Members that may have it as well.
    pub(crate) other_log_times: Vec<(usize, Unit)>,
    /// Whether several members are the time of one field.
    pub(crate) rival_times: bool,
    /// A key that the record must have and has not.
    pub(crate) lacks: Option<String>,
    /// The member that has the topic of the log, which may tell the product.
    pub(crate) topic: Option<usize>,
    /// Members whose values must be like this: where nobody said what the record is, and only its
    /// keys tell.
    pub(crate) shaped: Vec<(usize, &'static Entry)>,
}

impl Plan {
    /// Whether it is for these keys, and was made under this hint.
    pub(crate) fn matches<'a>(
        &self,
        keys: impl ExactSizeIterator<Item = &'a str> + DoubleEndedIterator,
        hint: Hint,
    ) -> bool {
        // From behind: keys that are in few records stand behind those that are in all.
        keys.len() == self.ends.len()
            && hint == self.hint
            && keys.enumerate().rev().all(|(i, key)| self.key(i) == key)
    }

    /// A plan without keys.
    pub(crate) fn empty(hint: Hint) -> Self {
        Self {
            hint,
            keys: String::new(),
            ends: Vec::new(),
            verdict: Verdict::Unknown,
            steps: Vec::new(),
            extra: Vec::new(),
            envelope: Vec::new(),
            log_time: None,
            other_log_times: Vec::new(),
            rival_times: false,
            lacks: None,
            topic: None,
            shaped: Vec::new(),
        }
    }

    /// A plan in which nothing is decided yet, in the memory of another.
    pub(super) fn of_keys(keys: &[&str], hint: Hint, memory: Self) -> Self {
        fn cleared<T>(mut list: Vec<T>) -> Vec<T> {
            list.clear();
            list
        }
        let mut plan = Self {
            keys: memory.keys,
            ends: cleared(memory.ends),
            steps: cleared(memory.steps),
            extra: cleared(memory.extra),
            envelope: cleared(memory.envelope),
            other_log_times: cleared(memory.other_log_times),
            shaped: cleared(memory.shaped),
            ..Self::empty(hint)
        };
        plan.keys.clear();
        keys.iter().for_each(|key| plan.add_key(key));
        plan
    }

    /// The first keys, and whether there are more.
    pub(crate) fn first_keys(&self, most: usize) -> (Vec<&str>, bool) {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let keys = starts.zip(&self.ends).map(|(a, &b)| &self.keys[a as usize..b as usize]);
        (keys.take(most).collect(), self.ends.len() > most)
    }

    /// How many bytes its keys have.
    pub(crate) fn key_bytes(&self) -> usize {
        self.keys.len()
    }

    /// How many keys there are.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// A key by its number.
    pub(crate) fn key(&self, index: usize) -> &str {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.keys[start as usize..self.ends[index] as usize]
    }

    /// With how many keys both begin.
    pub(crate) fn shared_with(&self, other: &Self) -> u16 {
        let most = self.ends.len().min(other.ends.len());
        (0..most).take_while(|&i| self.key(i) == other.key(i)).count() as u16
    }

    pub(super) fn add_key(&mut self, key: &str) {
        self.keys.push_str(key);
        self.ends.push(self.keys.len() as u32);
    }

    /// Whether a value is not as it must be where only the keys tell the product.
    #[inline(never)]
    pub(crate) fn misfits<'a>(&self, source: &dyn Source<'a>) -> bool {
        let mut any = false;
        for (i, entry) in &self.shaped {
            let raw = source.value(*i);
            any |= !missing::is_missing(raw);
            if misfits(entry, raw) {
                return true;
            }
        }
        // Where each of several stands for none, nothing says whose the record is.
        !any && self.shaped.len() > 1
    }

    /// What is wrong then.
    #[inline(never)]
    pub(crate) fn misfit<'a>(&self, source: &dyn Source<'a>, product: &'static str) -> Option<Fault<'a>> {
        let mut odd = self.shaped.iter().filter(|(i, entry)| misfits(entry, source.value(*i)));
        let fits = |(i, entry): &(usize, &Entry)| {
            !missing::is_missing(source.value(*i)) && !misfits(entry, source.value(*i))
        };
        let any = self.shaped.iter().any(fits);
        let (i, entry) =
            *odd.next().or_else(|| self.shaped.first().filter(|_| !any && self.shaped.len() > 1))?;
        Some(Fault {
            // With two, or where none is as it must be, it is more likely something else's.
            format: if odd.next().is_some() || !any { "" } else { product },
            field: source.key(i),
            column: source.column(i),
            found: source.raw(i).text,
            ..no_such(entry.shape, product)
        })
    }

    /// The log's time that stands among the values, and the member that has it: the first that
    /// states its zone, or else the first.
    #[inline(never)]
    pub(crate) fn log_time_in<'a>(
        &self,
        source: &dyn Source<'a>,
        zone: Option<&Zone>,
    ) -> Option<(usize, Time)> {
        let mut found = None;
        for &(i, unit) in self.log_time.iter().chain(&self.other_log_times) {
            let raw = source.raw(i);
            if let Ok(time) = time::read(raw.text, unit, zone)
                && !missing::is_missing(raw)
            {
                if time.zoned {
                    return Some((i, time));
                }
                found = found.or(Some((i, time)));
            }
        }
        found
    }
}

/// Whether a value is something else than what a record of the product has. One that stands for
/// none is not, unless there must be one.
#[inline]
fn misfits(entry: &Entry, raw: Raw<'_>) -> bool {
    let text = raw.text.trim_ascii().as_bytes();
    let text = match entry.shape {
        Shape::Said => return raw.kind == RawKind::Nested || missing::is_missing(raw),
        // Whole numbers are written so by some.
        Shape::AtLeast(_) => text.strip_suffix(b".0").unwrap_or(text),
        _ => text,
    };
    !entry.fits(text) && !missing::is_missing(raw)
}

/// A value that is not as a product's are.
#[cold]
#[inline(never)]
pub(crate) fn no_such(shape: Shape, product: &'static str) -> Fault<'static> {
    let shape = shape.describe();
    let text = ["is not ", &shape, ", so this may be no ", product, "; if it is, say --from ", product];
    Fault { format: product, ..Fault::of_record(RejectCode::UnknownFormat, text.concat()) }
}
