//! A filter as it is tested.

use std::{cmp::Ordering, net::IpAddr};

use crate::{
    bytes::{scan, sort},
    catalog::keys::same_key,
    record::fields::{Field, Record, Value},
    rules::filter::tree::{Comparison, SetMember, Subject, Test, Tree},
    value::{
        addresses,
        double::Number,
        missing,
        networks::{self, Networks},
        raw::{Raw, RawKind},
    },
};

#[derive(Clone, Debug)]
pub(super) enum Node {
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    Test(Subject, Check),
}

#[derive(Clone, Debug)]
pub(super) enum Check {
    Plain(Test),
    Set { numbers: Vec<(u64, u64)>, networks: Networks, texts: Vec<String> },
}

pub(super) fn compile(tree: Tree) -> Node {
    match tree {
        Tree::And(all) => Node::And(all.into_iter().map(compile).collect()),
        Tree::Or(any) => Node::Or(any.into_iter().map(compile).collect()),
        Tree::Not(inner) => Node::Not(Box::new(compile(*inner))),
        Tree::Test(subject, Test::In(items)) => {
            let (mut numbers, mut networks, mut texts) = (Vec::new(), Networks::default(), Vec::new());
            for item in items {
                match item {
                    SetMember::Numbers(a, b) => numbers.push((a, b)),
                    SetMember::Addresses(a, b) => {
                        networks.add(a, b);
                    }
                    SetMember::Text(t) => texts.push(t),
                }
            }
            networks::merge(&mut numbers, |n: u64| n.checked_add(1));
            networks.finish();
            sort::sort(&mut texts);
            texts.dedup();
            Node::Test(subject, Check::Set { numbers, networks, texts })
        }
        Tree::Test(subject, test) => Node::Test(subject, Check::Plain(test)),
    }
}

impl Node {
    pub(super) fn reads(&self, reads: &mut Reads) {
        match self {
            Self::And(inner) | Self::Or(inner) => inner.iter().for_each(|n| n.reads(reads)),
            Self::Not(inner) => inner.reads(reads),
            // The keyword is set with the number.
            Self::Test(Subject::Field(Field::Transport), _) => reads.add(Field::Protocol),
            Self::Test(Subject::Field(field), _) => reads.add(*field),
            Self::Test(Subject::Extra(_), _) => reads.extra = true,
        }
    }

    pub(super) fn accepts(&self, record: &Record<'_>) -> bool {
        match self {
            Self::And(all) => all.iter().all(|n| n.accepts(record)),
            Self::Or(any) => any.iter().any(|n| n.accepts(record)),
            Self::Not(inner) => !inner.accepts(record),
            // What stands for none is a text to compare with, but not there.
            Self::Test(Subject::Extra(key), Check::Plain(Test::Exists)) => {
                extra_of(key, record).is_some_and(|raw| !missing::is_missing(raw))
            }
            Self::Test(subject, check) => value_of(subject, record).is_some_and(|v| check.accepts(v)),
        }
    }
}

pub(super) fn value_of<'a>(subject: &Subject, record: &Record<'a>) -> Option<Value<'a>> {
    match subject {
        Subject::Field(field) => record.get(*field),
        Subject::Extra(key) => {
            let raw = extra_of(key, record)?;
            (raw.kind != RawKind::Literal || raw.text != "null").then_some(Value::Text(raw.text))
        }
    }
}

/// The member of `extra` with this key: as it is written, or else in another spelling.
pub(super) fn extra_of<'a>(key: &str, record: &Record<'a>) -> Option<Raw<'a>> {
    let members = || record.extra.iter().rev();
    let found = members().find(|(k, _)| *k == key).or_else(|| members().find(|(k, _)| same_key(k, key)));
    found.map(|m| m.1)
}

impl Check {
    #[inline]
    pub(super) fn accepts(&self, found: Value<'_>) -> bool {
        match self {
            Self::Plain(test) => test.accepts(found),
            Self::Set { numbers, networks, texts } => match found {
                Value::Number(n) => networks::within(numbers, n),
                Value::Address(a) => networks.contains(a),
                Value::Text(t) => {
                    texts.binary_search_by(|s| s.as_str().cmp(t)).is_ok()
                        || !networks.is_empty() && address(t).is_some_and(|a| networks.contains(a))
                        || !numbers.is_empty() && Number::read(t).is_some_and(|n| within(numbers, n))
                }
            },
        }
    }
}

/// The address that a value of `extra` is, if it is one.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    addresses::read(text.trim_ascii())
}

/// Whether a number is in one of these ranges, which are in their order.
pub(super) fn within(ranges: &[(u64, u64)], n: Number) -> bool {
    let behind = |bound: u64| n.order(bound) == Some(Ordering::Greater);
    let first = ranges.partition_point(|r| behind(r.1));
    ranges.get(first).is_some_and(|r| !matches!(n.order(r.0), None | Some(Ordering::Less)))
}

impl Comparison {
    pub(super) fn holds<T: PartialOrd>(self, a: T, b: T) -> bool {
        match self {
            Self::Equal => a == b,
            Self::NotEqual => a != b,
            Self::Less => a < b,
            Self::LessOrEqual => a <= b,
            Self::Greater => a > b,
            Self::GreaterOrEqual => a >= b,
        }
    }
}

impl Test {
    #[inline]
    pub(super) fn accepts(&self, found: Value<'_>) -> bool {
        match (self, found) {
            (Self::Exists, _) => true,
            (Self::Number(c, n), Value::Number(v)) => c.holds(v, *n),
            (Self::Number(c, n), Value::Text(v)) => {
                let order = Number::read(v).and_then(|v| v.order(*n));
                order.is_some_and(|order| c.holds(order, Ordering::Equal))
            }
            (Self::Address(c, a), Value::Address(v)) => c.holds(v, *a),
            (Self::Address(c, a), Value::Text(v)) => (*c == Comparison::Equal) == (address(v) == Some(*a)),
            // Texts have no order.
            (Self::Text(c, t), Value::Text(v)) => {
                (*c == Comparison::Equal) == scan::equal(v.as_bytes(), t.as_bytes())
            }
            (Self::Contains(t), Value::Text(v)) => v.contains(t.as_str()),
            (Self::Matches(r), Value::Text(v)) => r.is_match(v),
            (Self::In(items), v) => items.iter().any(|i| match (i, v) {
                (SetMember::Numbers(a, b), Value::Number(v)) => (a..=b).contains(&&v),
                (SetMember::Addresses(a, b), Value::Address(v)) => {
                    a.is_ipv4() == v.is_ipv4() && (a..=b).contains(&&v)
                }
                (SetMember::Text(t), Value::Text(v)) => t == v,
                (SetMember::Addresses(a, b), Value::Text(v)) => {
                    address(v).is_some_and(|v| a.is_ipv4() == v.is_ipv4() && (a..=b).contains(&&v))
                }
                (SetMember::Numbers(a, b), Value::Text(v)) => {
                    Number::read(v).is_some_and(|v| within(&[(*a, *b)], v))
                }
                _ => false,
            }),
            _ => false,
        }
    }
}

// ---- evaluating

/// What of a record a filter looks at.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reads {
    /// A bit for each field.
    fields: u64,
    pub(crate) extra: bool,
}

impl Reads {
    pub(super) fn add(&mut self, field: Field) {
        self.fields |= 1 << field as usize;
    }

    #[inline]
    pub(crate) fn has(&self, field: Field) -> bool {
        self.fields & 1 << field as usize != 0
    }
}
