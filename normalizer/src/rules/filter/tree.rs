//! A filter as it was written.

use std::net::IpAddr;

use regex_lite::{Regex, RegexBuilder};

use crate::{
    base::limits,
    record::{fault::clipped, fields::Field},
};

/// What a test is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    Field(Field),
    Extra(String),
}

impl Subject {
    /// As it stands in an expression.
    pub(super) fn written(&self) -> String {
        match self {
            Self::Field(field) => field.key().to_owned(),
            Self::Extra(key) if key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') => {
                format!("extra.{key}")
            }
            Self::Extra(key) => format!("extra.\"{key}\""),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// One member of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SetMember {
    Numbers(u64, u64),
    Addresses(IpAddr, IpAddr),
    Text(String),
}

#[derive(Clone, Debug)]
pub(crate) enum Test {
    Exists,
    Number(Comparison, u64),
    Address(Comparison, IpAddr),
    Text(Comparison, String),
    In(Vec<SetMember>),
    Contains(String),
    Matches(Pattern),
}

/// A regular expression, and how much of a value it looks at.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    pub(super) regex: Regex,
    pub(super) most: usize,
}

/// An expression as it was written.
#[derive(Clone, Debug)]
pub(crate) enum Tree {
    And(Vec<Tree>),
    Or(Vec<Tree>),
    Not(Box<Tree>),
    Test(Subject, Test),
}

/// What the library says of that does not say what to do.
const TOO_LARGE: &str =
    "it is too large when its counted repetitions are written out; use + or *, or several tests";

/// Stands behind the part of a value that is looked at: in no value, and no text means it.
const GOES_ON: &str = "\u{10ffff}";

impl Pattern {
    /// Time goes with the length of the value and the size of the compiled expression, which
    /// counted repetitions multiply. So the larger that is, the less of a long value is looked at.
    pub(super) fn new(text: &str) -> Result<Self, String> {
        let compiled = |size| RegexBuilder::new(text).size_limit(size).build();
        let regex = compiled(limits::PATTERN).map_err(|e| match e.to_string() {
            large if large.contains("size limit") => TOO_LARGE.to_owned(),
            other => other,
        })?;
        let smaller = limits::SMALLER_PATTERNS.iter().map_while(|&(size, most)| {
            let regex = compiled(size).ok()?;
            Some(Self { regex, most })
        });
        Ok(smaller.last().unwrap_or(Self { regex, most: limits::MATCHED }))
    }

    /// The expression as it was written.
    pub(crate) fn as_str(&self) -> &str {
        self.regex.as_str()
    }

    /// Whether it looks at all of a value of so many bytes.
    pub(crate) fn sees(&self, len: usize) -> bool {
        self.most >= len
    }

    pub(super) fn is_match(&self, value: &str) -> bool {
        match clipped(value, self.most) {
            all if all.len() == value.len() => self.regex.is_match(all),
            // What stands behind tells that the value does not end there.
            beginning => self.regex.is_match(&[beginning, GOES_ON].concat()),
        }
    }
}
