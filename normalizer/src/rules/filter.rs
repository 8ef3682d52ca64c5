//! Filters over the fields of flat records, in the manner of Wireshark's display filters.
//!
//! ```text
//! src_ip in {10.0.0.0/8, @private} and not (dst_port in {22, 8000..8099} or action == reject)
//! ```
//!
//! An expression is parsed into a tree and compiled into a predicate. A comparison with a field
//! that is absent is false, also with `!=`; `not` of it is true.

use std::{borrow::Cow, cmp::Ordering, collections::BTreeMap, net::IpAddr};

use regex_lite::{Regex, RegexBuilder};

use crate::{
    base::{error::Error, limits},
    bytes::{nearest, scan, sort},
    catalog::keys::same_key,
    record::{
        fault::clipped,
        fields::{Field, FieldType, Record, Value},
    },
    value::{
        addresses,
        double::Number,
        missing,
        networks::{self, Networks},
        raw::{Raw, RawKind},
        time,
        zone::Zone,
    },
};

/// What a test is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    Field(Field),
    Extra(String),
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
    regex: Regex,
    most: usize,
}

/// What the library says of that does not say what to do.
const TOO_LARGE: &str =
    "it is too large when its counted repetitions are written out; use + or *, or several tests";

impl Pattern {
    /// Time goes with the length of the value and the size of the compiled expression, which
    /// counted repetitions multiply. So the larger that is, the less of a long value is looked at.
    fn new(text: &str) -> Result<Self, String> {
        let compiled = |size| RegexBuilder::new(text).size_limit(size).build();
        let (mut size, mut most) = (limits::PATTERN, limits::MATCHED);
        let mut regex = compiled(size).map_err(|e| match e.to_string() {
            large if large.contains("size limit") => TOO_LARGE.to_owned(),
            other => other,
        })?;
        while let Ok(smaller) = compiled(size / 4)
            && most < limits::RECORD
        {
            (regex, size, most) = (smaller, size / 4, most * 4);
        }
        Ok(Self { regex, most })
    }

    fn is_match(&self, value: &str) -> bool {
        self.regex.is_match(clipped(value, self.most))
    }
}

/// An expression as it was written.
#[derive(Clone, Debug)]
pub(crate) enum Tree {
    And(Vec<Tree>),
    Or(Vec<Tree>),
    Not(Box<Tree>),
    Test(Subject, Test),
}

/// A compiled expression.
#[derive(Clone, Debug)]
pub struct Filter {
    node: Node,
    reads: Reads,
}

#[derive(Clone, Debug)]
enum Node {
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    Test(Subject, Check),
}

#[derive(Clone, Debug)]
enum Check {
    Plain(Test),
    Set { numbers: Vec<(u64, u64)>, networks: Networks, texts: Vec<String> },
}

/// Networks by the name that expressions use: the lists that the user gave, a network a line.
pub type Lists = BTreeMap<String, String>;

impl Filter {
    /// Parses and compiles an expression. Files must have been read into `lists`; times that
    /// name no zone are of `zone`.
    pub fn new(text: &str, lists: &Lists, zone: Option<&Zone>) -> Result<Self, Error> {
        let node = compile(parse(text, lists, zone)?);
        let mut reads = Reads::default();
        node.reads(&mut reads);
        Ok(Self { node, reads })
    }

    /// What of a record it looks at.
    pub(crate) fn reads(&self) -> &Reads {
        &self.reads
    }

    /// Whether a record passes.
    pub fn accepts(&self, record: &Record<'_>) -> bool {
        self.node.accepts(record)
    }
}

/// The paths of the files that an expression names, for somebody with IO to read them into
/// lists of that name.
pub fn files(text: &str) -> Vec<String> {
    let mut paths = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['@', '"']) {
        rest = &rest[at..];
        match list_name(rest) {
            Some((next, (name, true))) => {
                paths.push(name);
                rest = next;
            }
            _ => rest = string(rest).map_or(&rest[1..], |r| r.0),
        }
    }
    paths
}

/// Reads a list of networks into a set's ranges.
pub(crate) fn networks_of(name: &str, text: &str) -> Result<Vec<(IpAddr, IpAddr)>, Error> {
    let mut ranges = Vec::new();
    for (i, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let entry = line.split('#').next().unwrap_or_default().trim();
        if entry.is_empty() {
            continue;
        }
        let Some(range) = networks::network(entry) else {
            return Err(Error::new(format!(
                "the list @{name}, line {}: {entry:?} is no network; expected an address or a CIDR such as 10.0.0.0/8",
                i + 1
            )));
        };
        ranges.push(range);
    }
    Ok(ranges)
}

/// The ranges of `@name`: a list that was given, or one that is built in.
pub(crate) fn named_networks(name: &str, lists: &Lists) -> Result<Vec<(IpAddr, IpAddr)>, Error> {
    if let Some(text) = lists.get(name) {
        return networks_of(name, text);
    }
    if let Some((_, networks)) = networks::BUILT_IN.iter().find(|b| b.0 == name) {
        return Ok(networks.iter().filter_map(|n| networks::network(n)).collect());
    }
    let known = || lists.keys().map(String::as_str).chain(networks::BUILT_IN.iter().map(|b| b.0));
    let near = nearest::nearest(name, &mut known());
    let known: Vec<_> = known().map(|n| format!("@{n}")).collect();
    Err(Error::new(match near {
        Some(near) => format!("no list is called @{name}; did you mean @{near}?"),
        None => format!(
            "no list is called @{name}; known are {}; give it with --list {name}=FILE",
            known.join(", ")
        ),
    }))
}

// ---- parsing

struct Parsing<'t> {
    text: &'t str,
    rest: &'t str,
    lists: &'t Lists,
    zone: Option<&'t Zone>,
    items: usize,
}

/// Parses an expression.
pub(crate) fn parse(text: &str, lists: &Lists, zone: Option<&Zone>) -> Result<Tree, Error> {
    if text.len() > limits::FILTER {
        return Err(Error::new(format!(
            "filter: it is longer than {} bytes; use lists (@NAME)",
            limits::FILTER
        )));
    }
    let mut p = Parsing { text, rest: text, lists, zone, items: 0 };
    let tree = p.or(0)?;
    if !p.skip().is_empty() {
        return Err(p.error("expected `and`, `or` or the end"));
    }
    Ok(tree)
}

impl<'t> Parsing<'t> {
    fn skip(&mut self) -> &'t str {
        self.rest = self.rest.trim_start();
        self.rest
    }

    fn error(&self, message: impl AsRef<str>) -> Error {
        self.error_at(self.rest, message)
    }

    fn error_at(&self, rest: &str, message: impl AsRef<str>) -> Error {
        Error::at(self.text, self.text.len() - rest.len(), format!("filter: {}", message.as_ref()))
    }

    /// Takes a symbol.
    fn symbol(&mut self, symbol: &str) -> bool {
        let found = self.skip().strip_prefix(symbol);
        self.rest = found.unwrap_or(self.rest);
        found.is_some()
    }

    /// Takes a word, which no other letter follows.
    fn word(&mut self, word: &str) -> bool {
        let rest = self.skip();
        match name(rest) {
            Some((next, found)) if found.eq_ignore_ascii_case(word) => {
                self.rest = next;
                true
            }
            _ => false,
        }
    }

    fn or(&mut self, depth: usize) -> Result<Tree, Error> {
        let mut all = vec![self.and(depth)?];
        while self.word("or") || self.symbol("||") {
            all.push(self.and(depth)?);
        }
        Ok(if all.len() == 1 { all.swap_remove(0) } else { Tree::Or(all) })
    }

    fn and(&mut self, depth: usize) -> Result<Tree, Error> {
        let mut all = vec![self.unary(depth)?];
        while self.word("and") || self.symbol("&&") {
            all.push(self.unary(depth)?);
        }
        Ok(if all.len() == 1 { all.swap_remove(0) } else { Tree::And(all) })
    }

    fn unary(&mut self, depth: usize) -> Result<Tree, Error> {
        if depth > limits::FILTER_DEPTH {
            return Err(self.error(format!("nested deeper than {}", limits::FILTER_DEPTH)));
        }
        if self.word("not") || (!self.skip().starts_with("!=") && self.symbol("!")) {
            return Ok(Tree::Not(Box::new(self.unary(depth + 1)?)));
        }
        if self.symbol("(") {
            let inner = self.or(depth + 1)?;
            if !self.symbol(")") {
                return Err(self.error("expected `)`"));
            }
            return Ok(inner);
        }
        self.test()
    }

    fn test(&mut self) -> Result<Tree, Error> {
        if self.word("exists") {
            let subject = self.subject()?;
            return Ok(Tree::Test(subject, Test::Exists));
        }
        let subject = self.subject()?;
        let negated = self.word("not");
        if self.word("in") {
            let test = Tree::Test(subject.clone(), Test::In(self.set(&subject)?));
            return Ok(if negated { Tree::Not(Box::new(test)) } else { test });
        }
        if negated {
            return Err(self.error("expected `in` behind `not`"));
        }
        let start = self.skip();
        if self.word("contains") {
            self.expect_text(&subject, start, "contains")?;
            return Ok(Tree::Test(subject, Test::Contains(self.text()?)));
        }
        if self.word("matches") {
            self.expect_text(&subject, start, "matches")?;
            let at = self.skip();
            let pattern = self.text()?;
            let pattern = Pattern::new(&pattern)
                .map_err(|e| self.error_at(at, format!("bad regular expression: {e}")))?;
            return Ok(Tree::Test(subject, Test::Matches(pattern)));
        }
        const COMPARISONS: [(&str, Comparison); 6] = [
            ("==", Comparison::Equal),
            ("!=", Comparison::NotEqual),
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::GreaterOrEqual),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
        ];
        let Some((_, comparison)) = COMPARISONS.into_iter().find(|(s, _)| self.symbol(s)) else {
            return Err(self.error("expected ==, !=, <, <=, >, >=, in, contains or matches"));
        };
        let at = self.skip();
        let test = match self.literal(&subject)? {
            SetMember::Numbers(a, b) if a == b => Test::Number(comparison, a),
            SetMember::Addresses(a, b) if a == b => Test::Address(comparison, a),
            SetMember::Text(text) => Test::Text(comparison, text),
            _ if matches!(subject, Subject::Extra(_)) => {
                return Err(self
                    .error_at(at, "a network is compared with `in`; in quotes it is the text of the value"));
            }
            _ => return Err(self.error_at(at, "a network or a range is compared with `in`")),
        };
        let ordered = !matches!(comparison, Comparison::Equal | Comparison::NotEqual);
        if ordered && !matches!(test, Test::Number(..)) {
            return Err(self.error_at(start, "only numbers and times have an order; use == or !="));
        }
        Ok(Tree::Test(subject, test))
    }

    fn subject(&mut self) -> Result<Subject, Error> {
        let at = self.skip();
        let Some((rest, word)) = name(at) else { return Err(self.error("expected a field")) };
        self.rest = rest;
        if word == "extra" && self.rest.starts_with('.') {
            self.rest = &self.rest[1..];
            let key = || name(self.rest).map(|(rest, key)| (rest, key.to_owned()));
            let Some((rest, key)) = string(self.rest).or_else(key) else {
                return Err(self.error("expected a key of extra, in quotes if it is odd"));
            };
            if let Some((_, odd)) = run(at, |c| c.is_alphanumeric() || "_-.:@/$#".contains(c))
                && odd.len() > at.len() - rest.len()
            {
                let key = &odd["extra.".len()..];
                return Err(self.error_at(at, format!("{odd}: an odd key stands in quotes: extra.\"{key}\"")));
            }
            self.rest = rest;
            return Ok(Subject::Extra(key));
        }
        if let Some(field) = Field::by_key(word) {
            return Ok(Subject::Field(field));
        }
        let near = nearest::nearest(word, &mut Field::ALL.iter().map(|f| f.key()));
        let near = near.map_or("; `weir schema` lists them".to_owned(), |n| format!("; did you mean {n}?"));
        Err(self.error_at(at, format!("no field is called {word}{near}")))
    }

    fn expect_text(&self, subject: &Subject, at: &str, what: &str) -> Result<(), Error> {
        match subject {
            Subject::Extra(_) => Ok(()),
            Subject::Field(f) if matches!(f.field_type(), FieldType::Text | FieldType::Word(_)) => Ok(()),
            Subject::Field(f) => {
                Err(self.error_at(at, format!("{} is no text, so it can't have `{what}`", f.key())))
            }
        }
    }

    fn text(&mut self) -> Result<String, Error> {
        let rest = self.skip();
        let (rest, text) = string(rest).ok_or_else(|| self.error("expected a string in double quotes"))?;
        self.rest = rest;
        Ok(text)
    }

    fn set(&mut self, subject: &Subject) -> Result<Vec<SetMember>, Error> {
        let mut items = Vec::new();
        if !self.symbol("{") {
            self.item(subject, &mut items)?;
            return Ok(items);
        }
        loop {
            self.item(subject, &mut items)?;
            if self.symbol("}") {
                return Ok(items);
            }
            if !self.symbol(",") {
                return Err(self.error("expected `,` or `}`"));
            }
        }
    }

    fn item(&mut self, subject: &Subject, items: &mut Vec<SetMember>) -> Result<(), Error> {
        let at = self.skip();
        if at.starts_with('@') {
            let may_be_address = match subject {
                Subject::Field(f) => f.field_type() == FieldType::Address,
                Subject::Extra(_) => true,
            };
            let Some((rest, (name, _))) = list_name(at) else {
                return Err(self.error("expected the name of a list"));
            };
            if !may_be_address {
                return Err(self.error("a list of networks can only hold addresses, and this field is none"));
            }
            let ranges = named_networks(&name, self.lists).map_err(|e| self.error_at(at, e.to_string()))?;
            self.items += ranges.len();
            items.extend(ranges.into_iter().map(|(a, b)| SetMember::Addresses(a, b)));
            self.rest = rest;
        } else {
            let first = self.literal(subject)?;
            self.items += 1;
            if let Subject::Extra(_) = subject {
                // Which of them is meant, the value tells.
                let written = &at[..at.len() - self.rest.len()];
                match &first {
                    SetMember::Text(text) if text.contains('/') => {
                        items.extend(networks::network(text).map(|(a, b)| SetMember::Addresses(a, b)));
                    }
                    SetMember::Addresses(..) if written.contains('/') => {
                        items.push(SetMember::Text(written.to_owned()))
                    }
                    _ => {}
                }
            }
            items.push(if self.symbol("..") {
                let last = self.literal(subject)?;
                match (first, last) {
                    (SetMember::Numbers(a, _), SetMember::Numbers(_, b)) if a <= b => {
                        SetMember::Numbers(a, b)
                    }
                    (SetMember::Addresses(a, c), SetMember::Addresses(d, b))
                        if a == c && d == b && a.is_ipv4() == b.is_ipv4() && a <= b =>
                    {
                        SetMember::Addresses(a, b)
                    }
                    _ => {
                        return Err(
                            self.error_at(at, "a range goes from a lower to a higher number or address")
                        );
                    }
                }
            } else {
                first
            });
        }
        if self.items > limits::FILTER_ITEMS {
            return Err(self.error(format!("the sets hold more than {} items", limits::FILTER_ITEMS)));
        }
        Ok(())
    }

    fn literal(&mut self, subject: &Subject) -> Result<SetMember, Error> {
        let at = self.skip();
        let quoted = string(at);
        let (rest, text): (&str, Cow<'_, str>) = match quoted {
            Some((rest, text)) => (rest, text.into()),
            None => match bare(at) {
                Some((rest, text)) => (rest, text.into()),
                None if at.starts_with('"') => {
                    return Err(self.error("a string that has no '\"' at its end"));
                }
                None if at.starts_with('\'') => {
                    return Err(self.error("expected a value; strings are in double quotes"));
                }
                None => return Err(self.error("expected a value")),
            },
        };
        let quoted_text = at.starts_with('"');
        let fail = |message: String| Err(self.error_at(at, message));
        let item = match subject {
            // Its values have no type; a number, an address or a network without quotes is compared
            // as one.
            Subject::Extra(_) if quoted_text => SetMember::Text(text.into_owned()),
            Subject::Extra(_) => match (size(&text), networks::network(&text)) {
                (Some(n), _) => SetMember::Numbers(n, n),
                (None, Some((a, b))) => SetMember::Addresses(a, b),
                (None, None) => SetMember::Text(text.into_owned()),
            },
            Subject::Field(field) => match field.field_type() {
                FieldType::Text => SetMember::Text(text.into_owned()),
                FieldType::Word(words) => match words.iter().find(|w| **w == text) {
                    Some(word) => SetMember::Text((*word).to_owned()),
                    None => {
                        return fail(format!(
                            "{} is one of {}, never {text:?}",
                            field.key(),
                            words.join(", ")
                        ));
                    }
                },
                FieldType::Integer(_) => match size(&text) {
                    Some(n) => SetMember::Numbers(n, n),
                    None => {
                        return fail(format!(
                            "{} is a number, such as 443, 10k or 1.5MiB, not {text:?}",
                            field.key()
                        ));
                    }
                },
                FieldType::Millis => match time::bound(&text, self.zone) {
                    Some(t) => SetMember::Numbers(t, t),
                    None => {
                        let key = field.key();
                        return fail(format!(
                            "{key} is epoch milliseconds, or a time in quotes, not {text:?}"
                        ));
                    }
                },
                FieldType::Address => match networks::network(&text) {
                    Some((a, b)) => SetMember::Addresses(a, b),
                    None => {
                        return fail(format!("{text:?} is no address and no network such as 10.0.0.0/8"));
                    }
                },
            },
        };
        self.rest = rest;
        Ok(item)
    }
}

/// What of a text is like that, if anything, and what is left.
fn run(text: &str, allowed: fn(char) -> bool) -> Option<(&str, &str)> {
    let end = text.find(|c| !allowed(c)).unwrap_or(text.len());
    (end > 0).then(|| (&text[end..], &text[..end]))
}

/// A field's name or a keyword.
fn name(text: &str) -> Option<(&str, &str)> {
    run(text, |c| c.is_ascii_alphanumeric() || c == '_')
}

/// A value without quotes: a word, a number, an address, a network. `..` ends it.
fn bare(text: &str) -> Option<(&str, &str)> {
    let (_, all) = run(text, |c| c.is_alphanumeric() || "_.:/+-%*".contains(c))?;
    let end = all.find("..").unwrap_or(all.len());
    (end > 0).then(|| (&text[end..], &text[..end]))
}

/// A string in double quotes; a backslash keeps a quote or a backslash from ending it, and
/// stands for itself before anything else, as regular expressions have it.
fn string(text: &str) -> Option<(&str, String)> {
    let mut out = String::new();
    let mut chars = text.strip_prefix('"')?.chars();
    loop {
        match chars.next()? {
            '"' => return Some((chars.as_str(), out)),
            '\\' => match chars.next()? {
                '"' => out.push('"'),
                c => out.extend(['\\', c]),
            },
            c => out.push(c),
        }
    }
}

/// `@name`, `@"path"` or `@/path`; whether it is a path.
fn list_name(text: &str) -> Option<(&str, (String, bool))> {
    let text = text.strip_prefix('@')?;
    if text.starts_with('"') {
        return string(text).map(|(rest, path)| (rest, (path, true)));
    }
    let is_path = text.starts_with('/');
    let (rest, name) = match is_path {
        true => run(text, |c| !c.is_whitespace() && !"\"){},".contains(c)),
        false => run(text, |c| c.is_alphanumeric() || c == '_' || c == '-'),
    }?;
    Some((rest, (name.to_owned(), is_path)))
}

/// A number with an optional unit: `k M G` in thousands, `Ki Mi Gi` in 1024s, and `B`.
pub(crate) fn size(text: &str) -> Option<u64> {
    let end = text.find(|c: char| c != '.' && !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let factor = match unit.strip_suffix('B').unwrap_or(unit) {
        "" => 1,
        "k" | "K" => 1000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if whole.is_empty() || fraction.is_empty() {
        return None;
    }
    // A second point is no digit.
    let digits = whole.bytes().chain(fraction.bytes());
    let number = digits.clone().try_fold(0u128, |n, b| {
        let digit = b.is_ascii_digit().then(|| u128::from(b - b'0'))?;
        n.checked_mul(10)?.checked_add(digit)
    })?;
    // A fraction must come out even.
    let scale = 10u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let number = number.checked_mul(factor)?;
    let size = number / scale;
    (size * scale == number).then_some(size).and_then(|n| u64::try_from(n).ok())
}

/// The networks of CIDRs, addresses and `@names`.
pub(crate) fn own_networks(texts: &[String], lists: &Lists) -> Result<Networks, Error> {
    let mut all = Networks::default();
    for text in texts {
        let ranges = match list_name(text) {
            Some(("", (name, _))) => named_networks(&name, lists)?,
            _ => match networks::network(text) {
                Some(range) => vec![range],
                None => return Err(Error::new(format!("own: {text:?} is no network and no @LIST"))),
            },
        };
        for (first, last) in ranges {
            all.add(first, last);
        }
    }
    all.finish();
    Ok(all)
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
    fn add(&mut self, field: Field) {
        self.fields |= 1 << field as usize;
    }

    #[inline]
    pub(crate) fn has(&self, field: Field) -> bool {
        self.fields & 1 << field as usize != 0
    }
}

fn compile(tree: Tree) -> Node {
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
    fn reads(&self, reads: &mut Reads) {
        match self {
            Self::And(inner) | Self::Or(inner) => inner.iter().for_each(|n| n.reads(reads)),
            Self::Not(inner) => inner.reads(reads),
            // The keyword is set with the number.
            Self::Test(Subject::Field(Field::Transport), _) => reads.add(Field::Protocol),
            Self::Test(Subject::Field(field), _) => reads.add(*field),
            Self::Test(Subject::Extra(_), _) => reads.extra = true,
        }
    }

    fn accepts(&self, record: &Record<'_>) -> bool {
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

fn value_of<'a>(subject: &Subject, record: &Record<'a>) -> Option<Value<'a>> {
    match subject {
        Subject::Field(field) => record.get(*field),
        Subject::Extra(key) => {
            let raw = extra_of(key, record)?;
            (raw.kind != RawKind::Literal || raw.text != "null").then_some(Value::Text(raw.text))
        }
    }
}

/// The member of `extra` with this key: as it is written, or else in another spelling.
fn extra_of<'a>(key: &str, record: &Record<'a>) -> Option<Raw<'a>> {
    let members = || record.extra.iter().rev();
    let found = members().find(|(k, _)| *k == key).or_else(|| members().find(|(k, _)| same_key(k, key)));
    found.map(|m| m.1)
}

impl Check {
    #[inline]
    fn accepts(&self, found: Value<'_>) -> bool {
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
fn address(text: &str) -> Option<IpAddr> {
    addresses::read(text.trim_ascii())
}

/// Whether a number is in one of these ranges, which are in their order.
fn within(ranges: &[(u64, u64)], n: Number) -> bool {
    let behind = |bound: u64| n.order(bound) == Some(Ordering::Greater);
    let first = ranges.partition_point(|r| behind(r.1));
    ranges.get(first).is_some_and(|r| !matches!(n.order(r.0), None | Some(Ordering::Less)))
}

impl Comparison {
    fn holds<T: PartialOrd>(self, a: T, b: T) -> bool {
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
    fn accepts(&self, found: Value<'_>) -> bool {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{record::fields::RecordMemory, value::raw::Raw};

    fn record() -> Record<'static> {
        let mut r = Record::new(&mut RecordMemory::default());
        r.set(Field::SrcIp, Value::Address("10.1.2.3".parse().unwrap()));
        r.set(Field::DstIp, Value::Address("2001:db8::5".parse().unwrap()));
        r.set(Field::DstPort, Value::Number(443));
        r.set(Field::Bytes, Value::Number(1_500_000));
        r.set(Field::StartMs, Value::Number(1_700_000_000_000));
        r.set(Field::Action, Value::Text("accept"));
        r.set(Field::Host, Value::Text("www.example.com"));
        r.extra.push(("odd-key", Raw::text("a \"b\"")));
        r.extra.push(("size", Raw { kind: RawKind::Number, text: "34" }));
        r.extra.push(("ratio", Raw { kind: RawKind::Number, text: "1.5" }));
        r.extra.push(("large", Raw { kind: RawKind::Number, text: "9007199254740993" }));
        r.extra.push(("huge", Raw { kind: RawKind::Number, text: "18446744073709551616" }));
        r.extra.push(("below", Raw { kind: RawKind::Number, text: "-3" }));
        r.extra.push(("nat_ip", Raw::text("10.1.2.3")));
        r.extra.push(("Pkt-SrcAddr", Raw::text("2001:DB8::5")));
        r.extra.push(("none", Raw::text("-")));
        r.extra.push(("empty", Raw::text("")));
        r.extra.push(("cidr", Raw::text("10.1.0.0/16")));
        r.extra.push(("two_ways", Raw::text("a")));
        r.extra.push(("two-ways", Raw::text("b")));
        r.extra.push(("nothing", Raw { kind: RawKind::Literal, text: "null" }));
        r
    }

    fn lists() -> Lists {
        Lists::from([
            ("office".to_owned(), "# ours\n10.1.0.0/16 # main\n\n2001:db8::/64\n".to_owned()),
            ("/etc/nets".to_owned(), "192.0.2.1\n".to_owned()),
        ])
    }

    /// The larger an expression is, the less of a long value it looks at; but a small one at all of it.
    #[test]
    fn expressions_look_at_as_much_as_they_can_bear() {
        let sees = |pattern: &str| Pattern::new(pattern).unwrap().most;
        let words = |n: usize| (0..n).map(|i| format!("word{i:04}")).collect::<Vec<_>>().join("|");
        assert_eq!((sees("x"), sees("(?i)union.*select")), (limits::RECORD, limits::RECORD));
        assert_eq!((sees("[a-z]{1,200}x"), sees(&words(50))), (64 << 10, 64 << 10));
        assert!(sees(&words(900)) == limits::MATCHED);
        for (text, want) in [("a{1,1000}{1,1000}", "too large"), (&words(3000), "too large"), ("(", "group")]
        {
            let error = Pattern::new(text).unwrap_err();
            assert!(error.contains(want), "{error}");
        }
        let pattern = Pattern::new("[a-z]{1,200}0").unwrap();
        let long = |n: usize| "é".repeat(n) + "x0";
        assert!(pattern.is_match(&long((32 << 10) - 1)) && !pattern.is_match(&long(32 << 10)));
    }

    #[test]
    fn expressions_hold_or_not() {
        let cases = [
            ("src_ip in 10.0.0.0/8", true),
            ("src_ip == 10.1.2.3", true),
            ("src_ip != 10.1.2.3", false),
            ("src_ip in {192.168.0.0/16, 10.1.2.0..10.1.2.9}", true),
            ("src_ip in @private", true),
            ("src_ip in {@office} && dst_ip in @office", true),
            ("src_ip in {@/etc/nets}", false),
            ("src_ip not in @private", false),
            ("not dst_ip in @private", true),
            ("dst_ip in @documentation", true),
            ("dst_port in {22, 3389, 400..500}", true),
            ("dst_port in 22", false),
            ("dst_port < 443 or dst_port >= 443", true),
            ("bytes >= 1MB and bytes <= 1.5MB", true),
            ("bytes < 1Mi", false),
            ("bytes == 1500k", true),
            ("start_ms == \"2023-11-14T22:13:20Z\"", true),
            ("start_ms == 1700000000000", true),
            ("start_ms in \"2023-11-14\u{20}00:00:00\"..\"2023-11-15 00:00:00\"", true),
            ("action == accept", true),
            ("action == \"accept\"", true),
            ("action in {reject, challenge}", false),
            ("host contains \"example\"", true),
            ("host matches \"^www\\.\"", true),
            ("host matches \"^ww\\\\.\"", false),
            ("exists host and !exists app", true),
            // An absent field makes a comparison false, and `not` of it true.
            ("app != http", false),
            ("not app == http", true),
            ("app in {http}", false),
            ("not app in {http}", true),
            ("extra.\"odd-key\" == \"a \\\"b\\\"\"", true),
            ("extra.size > 30 and extra.size in {1..34}", true),
            ("extra.size == \"34\"", true),
            ("extra.large == 9007199254740993 and extra.large > 9007199254740992", true),
            (
                "extra.large == 9007199254740992 or extra.large in {1..9007199254740992, 9007199254740994}",
                false,
            ),
            ("extra.large in {7, 9007199254740993..9007199254740995}", true),
            ("extra.huge > 18446744073709551615 and extra.huge != 18446744073709551615", true),
            ("extra.huge in {0..18446744073709551615}", false),
            ("extra.ratio in {0..1}", false),
            ("extra.ratio in {1..2} and extra.ratio < 2 and extra.ratio > 1", true),
            ("extra.ratio > 1 and extra.ratio in {1..2} and extra.below < 5", true),
            (
                "exists extra.nothing or exists extra.none or exists extra.empty or exists extra.no_such",
                false,
            ),
            ("exists extra.size and exists extra.below and exists extra.nat_ip", true),
            ("extra.none == \"-\" and extra.none != a", true),
            ("extra.nat_ip in 10.0.0.0/8 and extra.nat_ip in @private and extra.nat_ip == 10.1.2.3", true),
            ("extra.nat_ip in \"10.0.0.0/8\" and extra.nat_ip in {x, 10.1.2.0..10.1.2.9}", true),
            ("extra.nat_ip in {@office} and extra.pkt_srcaddr in @office", true),
            ("extra.nat_ip in {192.168.0.0/16, @/etc/nets} or extra.nat_ip != 10.1.2.3", false),
            ("not extra.nat_ip in @private or extra.nat_ip not in 10.0.0.0/8", false),
            ("extra.pktsrcaddr == 2001:db8::5 and extra.\"PKT-srcaddr\" in 2001:db8::/32", true),
            (
                "extra.cidr in 10.1.0.0/16 and extra.cidr == \"10.1.0.0/16\" and extra.cidr in {\"10.1.0.0/16\"}",
                true,
            ),
            ("extra.size in @private or extra.none in 0.0.0.0/0 or extra.no_such in @private", false),
            ("extra.ODD_KEY contains \"b\" and extra.Size == 34", true),
            ("extra.two_ways == a and extra.\"two-ways\" == b and extra.TwoWays == b", true),
            ("dst_port == 1 and dst_port == 2 or dst_port == 443", true),
            ("dst_port == 443 or dst_port == 1 and dst_port == 2", true),
            ("(dst_port == 443 or dst_port == 1) and dst_port == 2", false),
            ("not not dst_port == 443", true),
            ("!(dst_port == 443)", false),
        ];
        for (text, want) in cases {
            let filter = Filter::new(text, &lists(), None).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(filter.accepts(&record()), want, "{text}");
        }
    }

    #[test]
    fn faults_have_a_place_and_a_remedy() {
        let cases = [
            ("src_op == 10.0.0.1", 0, "did you mean src_ip?"),
            ("bytes > many", 8, "bytes is a number"),
            ("action == maybe", 10, "action is one of accept"),
            ("src_ip in 10.0.0.0/33", 10, "no address and no network"),
            ("src_ip == 10.0.0.0/8", 10, "compared with `in`"),
            ("src_ip < 10.0.0.1", 7, "only numbers and times"),
            ("bytes contains \"1\"", 6, "is no text"),
            ("host matches \"(\"", 13, "bad regular expression"),
            ("host contains example", 14, "double quotes"),
            ("dst_port in {1, 2", 17, "expected `,` or `}`"),
            ("dst_port in {5..1}", 13, "lower to a higher"),
            ("(bytes > 1", 10, "expected `)`"),
            ("bytes > 1 bytes > 2", 10, "expected `and`"),
            ("bytes ~ 1", 6, "expected =="),
            ("src_ip in @prviate", 10, "did you mean @private?"),
            ("host == \"x", 8, "no '\"' at its end"),
            ("src_ip in 10.0.0.0/8..10.1.0.0", 10, "lower to a higher"),
            (
                "extra.pkt-srcaddr == a",
                0,
                "extra.pkt-srcaddr: an odd key stands in quotes: extra.\"pkt-srcaddr\"",
            ),
            ("exists extra.backend.host", 7, "extra.\"backend.host\""),
            ("extra.nat_ip == 10.0.0.0/8", 16, "compared with `in`"),
            ("extra.nat_ip < 10.0.0.1", 13, "only numbers and times"),
            ("extra.nat_ip in @prviate", 16, "did you mean @private?"),
            ("extra.nat_ip in 10.0.0.9..10.0.0.1", 16, "lower to a higher"),
            ("dst_port in @private", 12, "can only hold addresses"),
            ("", 0, "expected a field"),
            ("bytes > 18446744073709551616", 8, "bytes is a number"),
        ];
        for (text, offset, message) in cases {
            let error = Filter::new(text, &lists(), None).unwrap_err();
            assert_eq!(error.offset(), Some(offset), "{error}");
            assert!(error.to_string().contains(message), "{error}");
        }
        let deep = "(".repeat(100) + "bytes > 1";
        assert!(Filter::new(&deep, &lists(), None).unwrap_err().to_string().contains("deeper"));
        let long = format!("host contains \"{}\"", "x".repeat(limits::FILTER));
        assert!(Filter::new(&long, &lists(), None).unwrap_err().to_string().contains("longer"));
        let bad = Lists::from([("x".to_owned(), "10.0.0.0/8\nhost\n".to_owned())]);
        let error = Filter::new("src_ip in @x", &bad, None).unwrap_err().to_string();
        assert!(error.contains("@x, line 2: \"host\""), "{error}");
    }

    #[test]
    fn files_are_found_for_who_reads_them() {
        let text = "src_ip in {@/etc/a.txt, @\"my list\", @private} and host == \"@/no\" or dst_ip in @/b)";
        assert_eq!(files(text), ["/etc/a.txt", "my list", "/b"]);
    }

    /// What an expression means, without anything made ready.
    fn interpret(tree: &Tree, record: &Record<'_>) -> bool {
        match tree {
            Tree::And(all) => all.iter().all(|t| interpret(t, record)),
            Tree::Or(any) => any.iter().any(|t| interpret(t, record)),
            Tree::Not(inner) => !interpret(inner, record),
            Tree::Test(Subject::Extra(key), Test::Exists) => {
                record.extra.iter().any(|(k, raw)| k == key && raw.text != "-")
            }
            Tree::Test(subject, test) => value_of(subject, record).is_some_and(|v| test.accepts(v)),
        }
    }

    fn expression() -> impl Strategy<Value = String> {
        let number = prop_oneof!["[0-9]{1,2}", "[0-9]\\.\\.1[0-9]"];
        let address =
            prop_oneof!["10\\.0\\.0\\.[0-9]", "10\\.0\\.0\\.[0-9]/3[0-2]", "::[0-9a-f]", "::/12[0-8]"];
        let set = |item: BoxedStrategy<String>| {
            prop::collection::vec(item, 1..6).prop_map(|items| format!("{{{}}}", items.join(", ")))
        };
        let test = prop_oneof![
            ("dst_port|bytes", "==|!=|<|<=|>|>=", "[0-9]{1,2}").prop_map(|(f, o, n)| format!("{f} {o} {n}")),
            ("src_port|dst_port|bytes", set(number.boxed())).prop_map(|(f, s)| format!("{f} in {s}")),
            ("src_ip|dst_ip", set(address.clone().boxed())).prop_map(|(f, s)| format!("{f} in {s}")),
            ("app|extra\\.a", set("[a-c]|[0-9]".boxed())).prop_map(|(f, s)| format!("{f} in {s}")),
            ("extra\\.b", set(address.boxed())).prop_map(|(f, s)| format!("{f} in {s}")),
            "exists (app|bytes|src_ip|extra\\.a|extra\\.b)",
        ];
        test.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 2..4).prop_map(|all| format!("({})", all.join(" and "))),
                prop::collection::vec(inner.clone(), 2..4).prop_map(|any| format!("({})", any.join(" or "))),
                inner.prop_map(|t| format!("not ({t})")),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn compiled_is_what_is_written(
            text in expression(),
            ports in prop::array::uniform3(prop::option::of(0u64..20)),
            hosts in prop::array::uniform2(prop::option::of((any::<bool>(), 0u8..20))),
            app in prop::option::of("[a-c]"),
            a in prop::option::of("[a-c]|[0-9]|-"),
            b in prop::option::of("10\\.0\\.0\\.[0-9]|::[0-9a-f]|-"),
        ) {
            let mut record = Record::new(&mut RecordMemory::default());
            for (field, value) in [Field::SrcPort, Field::DstPort, Field::Bytes].into_iter().zip(ports) {
                if let Some(n) = value {
                    record.set(field, Value::Number(n));
                }
            }
            for (field, value) in [Field::SrcIp, Field::DstIp].into_iter().zip(hosts) {
                if let Some((v4, n)) = value {
                    let address = if v4 { format!("10.0.0.{n}") } else { format!("::{n:x}") };
                    record.set(field, Value::Address(address.parse().unwrap()));
                }
            }
            if let Some(app) = &app {
                record.set(Field::App, Value::Text(app));
            }
            if let Some(a) = &a {
                record.extra.push(("a", Raw::text(a)));
            }
            if let Some(b) = &b {
                record.extra.push(("b", Raw::text(b)));
            }
            let tree = parse(&text, &Lists::new(), None).unwrap();
            prop_assert_eq!(compile(tree.clone()).accepts(&record), interpret(&tree, &record), "{}", text);
        }

        #[test]
        fn any_text_is_parsed_or_refused(text in "\\PC{0,60}") {
            let _ = Filter::new(&text, &Lists::new(), None);
            let _ = files(&text);
        }
    }
}
