//! The filter's tree as an expression of VRL.

use crate::{
    base::{
        error::{Error, ErrorKind},
        limits,
    },
    record::fields::{Field, FieldType},
    rules::filter::tree::{Comparison, Pattern, SetMember, Subject, Test, Tree},
    value::networks::Networks,
    vrl::quoting,
};

/// More networks than these are not written into a program, which would look at one after another.
const NETWORKS: usize = 1000;

/// What a filter becomes.
#[derive(Debug, Default)]
pub(super) struct Condition {
    /// The fields that it looks at, each in a variable of its own.
    pub(super) fields: Vec<Field>,
    /// The expression.
    pub(super) text: String,
}

/// The variable that has a field's value, or what no value is: an empty text, or a number below 0.
pub(super) fn variable(field: Field) -> String {
    format!("the_{}", field.key())
}

/// Makes a condition of a tree.
pub(super) fn condition(tree: &Tree) -> Result<Condition, Error> {
    let mut condition = Condition::default();
    let text = condition.write(tree)?;
    condition.text = text;
    Ok(condition)
}

/// The networks of a set as an expression that is true for an address in them.
pub(super) fn within(networks: &Networks, address: &str) -> Result<String, Error> {
    let cidrs = networks.cidrs();
    if cidrs.len() > NETWORKS {
        return Err(refused(&format!(
            "VRL looks at one network after another, and these are {}, more than {NETWORKS}",
            cidrs.len()
        )));
    }
    let list: Vec<String> = cidrs.iter().map(|c| quoting::string(c)).collect();
    Ok(format!("(ip_cidr_contains([{}], {address}) ?? false)", list.join(", ")))
}

impl Condition {
    fn write(&mut self, tree: &Tree) -> Result<String, Error> {
        let mut all = |trees: &[Tree], word: &str| -> Result<String, Error> {
            let texts = trees.iter().map(|t| self.write(t)).collect::<Result<Vec<_>, _>>()?;
            Ok(format!("({})", texts.join(word)))
        };
        match tree {
            Tree::And(trees) => all(trees, " && "),
            Tree::Or(trees) => all(trees, " || "),
            Tree::Not(inner) => Ok(format!("!{}", self.write(inner)?)),
            Tree::Test(Subject::Extra(key), _) => Err(refused(&format!(
                "values of extra have no type, and VRL compares extra.{key} as a text only"
            ))),
            Tree::Test(Subject::Field(field), test) => {
                if !self.fields.contains(field) {
                    self.fields.push(*field);
                }
                test_of(*field, test)
            }
        }
    }
}

/// A test of a field.
fn test_of(field: Field, test: &Test) -> Result<String, Error> {
    let name = variable(field);
    let is_number = matches!(field.field_type(), FieldType::Integer(_) | FieldType::Millis);
    let is_there = if is_number { format!("{name} >= 0") } else { format!("{name} != \"\"") };
    Ok(match test {
        Test::Exists => format!("({is_there})"),
        Test::Number(comparison, n) => match i64::try_from(*n) {
            Ok(n) => format!("({is_there} && {name} {} {n})", sign(*comparison)),
            // No number of a record that VRL has is as large.
            Err(_) => match comparison {
                Comparison::NotEqual | Comparison::Less | Comparison::LessOrEqual => format!("({is_there})"),
                _ => "false".to_owned(),
            },
        },
        Test::Address(comparison, address) => {
            format!("({is_there} && {name} {} {})", sign(*comparison), quoting::string(&address.to_string()))
        }
        Test::Text(comparison, text) => {
            format!("({is_there} && {name} {} {})", sign(*comparison), quoting::string(text))
        }
        Test::Contains(text) => format!("({is_there} && contains({name}, {}))", quoting::string(text)),
        Test::Matches(pattern) => format!("({is_there} && match({name}, {}))", pattern_of(pattern)?),
        Test::In(members) => {
            let (mut networks, mut tests) = (Networks::default(), Vec::new());
            for member in members {
                match member {
                    SetMember::Addresses(first, last) => {
                        networks.add(*first, *last);
                    }
                    SetMember::Numbers(first, last) => {
                        if let Ok(first) = i64::try_from(*first) {
                            let last = i64::try_from(*last).unwrap_or(i64::MAX);
                            tests.push(match first == last {
                                true => format!("{name} == {first}"),
                                false => format!("({name} >= {first} && {name} <= {last})"),
                            });
                        }
                    }
                    SetMember::Text(text) => tests.push(format!("{name} == {}", quoting::string(text))),
                }
            }
            networks.finish();
            if !networks.is_empty() {
                tests.push(within(&networks, &name)?);
            }
            match tests.is_empty() {
                true => "false".to_owned(),
                false => format!("({is_there} && ({}))", tests.join(" || ")),
            }
        }
    })
}

fn sign(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Equal => "==",
        Comparison::NotEqual => "!=",
        Comparison::Less => "<",
        Comparison::LessOrEqual => "<=",
        Comparison::Greater => ">",
        Comparison::GreaterOrEqual => ">=",
    }
}

/// A pattern that means the same in VRL, whose classes have letters of all scripts.
fn pattern_of(pattern: &Pattern) -> Result<String, Error> {
    let text = pattern.as_str();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == '\\' && chars.next().is_some_and(|c| "dDwWsSbB".contains(c)) {
            return Err(refused(
                "in VRL \\d, \\w, \\s and \\b have the letters of all scripts; write classes such as [0-9]",
            ));
        }
    }
    if text.contains("(?") || text.contains("[:") {
        return Err(refused("in VRL flags and classes with names mean more; write out what you mean"));
    }
    if !pattern.sees(limits::RECORD) {
        return Err(refused(
            "so large a pattern looks at the beginning of long values only, but at all in VRL",
        ));
    }
    Ok(quoting::regex(text))
}

fn refused(why: &str) -> Error {
    Error::new(
        ErrorKind::Filter,
        format!("filter: it can't be written in VRL: {why}; or filter with `weir run` or `weir normalize`"),
    )
}
