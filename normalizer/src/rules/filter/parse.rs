//! Reads expressions.

use std::borrow::Cow;

use crate::{
    base::{
        error::{Error, ErrorKind},
        limits,
    },
    record::fields::{Field, FieldType},
    rules::{
        filter::{
            hints::{absent, alone, dashed, field, listed, meant_sign, shown, wildcard, without_text},
            lex::{bare, list_name, meant_path, name, run, size, string},
            lists::{Lists, named_networks},
            tree::{Comparison, Pattern, SetMember, Subject, Test, Tree},
        },
        meant,
    },
    value::{networks, numbers, time, zone::Zone},
};

// ---- parsing

pub(super) struct Parsing<'t> {
    pub(super) text: &'t str,
    pub(super) rest: &'t str,
    pub(super) lists: &'t Lists,
    pub(super) zone: Option<&'t Zone>,
    pub(super) items: usize,
    /// The comparison that was read last: its field, the sign, and the value as it is written.
    last: Option<(Subject, &'static str, &'t str)>,
    warnings: Vec<String>,
}

/// What an expression says.
#[derive(Clone, Debug)]
pub(crate) struct Parsed {
    pub(crate) tree: Tree,
    /// What in it may not be what was meant, a sentence each.
    pub(super) warnings: Vec<String>,
}

/// Parses an expression.
pub(crate) fn parse(text: &str, lists: &Lists, zone: Option<&Zone>) -> Result<Parsed, Error> {
    if text.len() > limits::FILTER {
        return Err(Error::new(
            ErrorKind::Filter,
            format!("filter: it is longer than {} bytes; use lists (@NAME)", limits::FILTER),
        ));
    }
    let mut p = Parsing { text, rest: text, lists, zone, items: 0, last: None, warnings: Vec::new() };
    if text.trim().is_empty() {
        return Err(p.error(
            "it is empty; leave it out to let every record through, or write one such as `bytes >= 1MB`",
        ));
    }
    let tree = p.or(0)?;
    if !p.skip().is_empty() {
        let several =
            if p.rest.starts_with(',') { "; several values stand in braces: in {A, B}" } else { "" };
        return Err(p.error(format!("expected `and`, `or` or the end{several}{}", p.unit())));
    }
    Ok(Parsed { tree, warnings: p.warnings })
}

impl<'t> Parsing<'t> {
    pub(super) fn skip(&mut self) -> &'t str {
        self.rest = self.rest.trim_start();
        self.rest
    }

    pub(super) fn error(&self, message: impl AsRef<str>) -> Error {
        self.error_at(self.rest, message)
    }

    pub(super) fn error_at(&self, rest: &str, message: impl AsRef<str>) -> Error {
        Error::at(
            ErrorKind::Filter,
            self.text,
            self.text.len() - rest.len(),
            format!("filter: {}", message.as_ref()),
        )
    }

    fn warn(&mut self, told: String) {
        if self.warnings.len() < limits::WARNINGS {
            self.warnings.push(told);
        }
    }

    /// What is said where the unit of a number stands behind a blank.
    fn unit(&self) -> String {
        let Some((_, _, number)) = self.last.as_ref() else { return String::new() };
        match name(self.rest.trim_start()) {
            Some((_, unit)) if size(number).is_some() && size(&format!("{number}{unit}")).is_some() => {
                format!("; a unit stands directly behind its number: {number}{unit}")
            }
            _ => String::new(),
        }
    }

    /// Takes a symbol.
    pub(super) fn symbol(&mut self, symbol: &str) -> bool {
        let found = self.skip().strip_prefix(symbol);
        self.rest = found.unwrap_or(self.rest);
        found.is_some()
    }

    /// Takes a word, which no other letter follows.
    pub(super) fn word(&mut self, word: &str) -> bool {
        let rest = self.skip();
        match name(rest) {
            Some((next, found)) if found.eq_ignore_ascii_case(word) => {
                self.rest = next;
                true
            }
            _ => false,
        }
    }

    pub(super) fn or(&mut self, depth: usize) -> Result<Tree, Error> {
        let mut all = vec![self.and(depth)?];
        while self.word("or") || self.symbol("||") {
            self.refuse_bare_value("or")?;
            all.push(self.and(depth)?);
        }
        Ok(if all.len() == 1 { all.swap_remove(0) } else { Tree::Or(all) })
    }

    pub(super) fn and(&mut self, depth: usize) -> Result<Tree, Error> {
        let mut all = vec![self.unary(depth)?];
        while self.word("and") || self.symbol("&&") {
            self.refuse_bare_value("and")?;
            all.push(self.unary(depth)?);
        }
        Ok(if all.len() == 1 { all.swap_remove(0) } else { Tree::And(all) })
    }

    /// Refuses a value that is compared with nothing, as in `dst_port == 22 or 3389`.
    fn refuse_bare_value(&mut self, word: &str) -> Result<(), Error> {
        let at = self.skip();
        let Some((subject, sign, first)) = self.last.clone() else { return Ok(()) };
        let is_field = name(at).is_some_and(|(_, n)| Field::by_key(n).is_some() || is_keyword(n));
        if is_field || at.starts_with(['(', '!']) || self.literal(&subject).is_err() {
            self.rest = at;
            return Ok(());
        }
        let value = at[..at.len() - self.rest.len()].trim_end();
        let ends = self.skip();
        let goes_on =
            name(ends).is_some_and(|(_, n)| ["and", "or"].iter().any(|w| n.eq_ignore_ascii_case(w)));
        self.rest = at;
        if !(goes_on || ends.is_empty() || ends.starts_with([')', '&', '|'])) {
            return Ok(());
        }
        let (name, value) = (subject.written(), shown(value));
        let first = shown(first.trim_matches(['{', '}', ' ']));
        let meant = match (sign, word) {
            ("==" | "in", "or") => format!("{name} in {{{first}, {value}}}"),
            ("!=" | "not in", "and") => format!("{name} not in {{{first}, {value}}}"),
            _ => format!("{name} {sign} {value}"),
        };
        Err(self.error_at(at, format!("behind `{word}` stands a whole comparison; did you mean {meant}?")))
    }

    pub(super) fn unary(&mut self, depth: usize) -> Result<Tree, Error> {
        if depth > limits::FILTER_DEPTH {
            return Err(self.error(format!("nested deeper than {}", limits::FILTER_DEPTH)));
        }
        if self.word("not") || (!self.skip().starts_with("!=") && self.symbol("!")) {
            return Ok(Tree::Not(Box::new(self.unary(depth + 1)?)));
        }
        if self.symbol("(") {
            let inner = self.or(depth + 1)?;
            if !self.symbol(")") {
                return Err(self.error(format!("expected `)`{}", self.unit())));
            }
            return Ok(inner);
        }
        self.test()
    }

    pub(super) fn test(&mut self) -> Result<Tree, Error> {
        self.last = None;
        if self.word("exists") {
            let subject = self.subject()?;
            return Ok(Tree::Test(subject, Test::Exists));
        }
        let subject = self.subject()?;
        let behind = self.skip();
        let negated = self.word("not");
        if self.word("in") {
            let at = self.skip();
            let test = Tree::Test(subject.clone(), Test::In(self.set(&subject)?));
            let set = at[..at.len() - self.rest.len()].trim_end();
            self.last = Some((subject, if negated { "not in" } else { "in" }, set));
            return Ok(if negated { Tree::Not(Box::new(test)) } else { test });
        }
        if negated && self.word("exists") {
            let key = subject.written();
            return Err(self.error_at(behind, format!("did you mean `not exists {key}`?")));
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
        if let Some(meant) = meant_sign(&subject, start) {
            return Err(self.error(meant));
        }
        let Some((sign, comparison)) = COMPARISONS.into_iter().find(|(s, _)| self.symbol(s)) else {
            let hint = alone(&subject.written(), start, self.text);
            return Err(self.error(format!("expected ==, !=, <, <=, >, >=, in, contains or matches{hint}")));
        };
        let at = self.skip();
        if let Some((_, (list, _))) = list_name(at) {
            let told =
                format!("a list is compared with `in`, as in `{} in @{}`", subject.written(), shown(&list));
            return Err(self.error_at(at, told));
        }
        let literal = self.literal(&subject)?;
        let value = &at[..at.len() - self.rest.len()];
        if self.rest.starts_with("..") {
            let range =
                run(at, |c| !c.is_whitespace() && !"\"){},".contains(c)).map(|(_, range)| shown(range));
            let told = format!(
                "a range is compared with `in`, as in `{} in {}`",
                subject.written(),
                range.unwrap_or("A..B")
            );
            return Err(self.error_at(at, told));
        }
        if value.eq_ignore_ascii_case("null") {
            self.warn(format!(
                "{0} {sign} {value} compares with this text; `not exists {0}` finds records without a value",
                subject.written()
            ));
        }
        self.last = Some((subject.clone(), sign, value));
        let test = match literal {
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

    pub(super) fn subject(&mut self) -> Result<Subject, Error> {
        let at = self.skip();
        let Some((rest, word)) = name(at) else {
            let before = self.text[..self.text.len() - at.len()].trim();
            let hint = match at {
                "" if is_keyword(before) => alone(before, at, self.text),
                _ => field(at).map_or(String::new(), |meant| format!("; {meant}")),
            };
            return Err(self.error(format!("expected a field{hint}")));
        };
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
        if let Some(meant) = field(at) {
            return Err(self.error_at(at, meant));
        }
        let near = meant::field(word);
        let near = near.map_or("; `weir schema` lists them".to_owned(), |n| format!("; did you mean {n}?"));
        Err(self.error_at(at, format!("no field is called {word}{near}")))
    }

    pub(super) fn expect_text(&self, subject: &Subject, at: &str, what: &str) -> Result<(), Error> {
        match subject {
            Subject::Extra(_) => Ok(()),
            Subject::Field(f) if matches!(f.field_type(), FieldType::Text | FieldType::Word(_)) => Ok(()),
            Subject::Field(f) => Err(self.error_at(
                at,
                format!("{} is no text, so it can't have `{what}`; {}", f.key(), without_text(*f)),
            )),
        }
    }

    pub(super) fn text(&mut self) -> Result<String, Error> {
        let rest = self.skip();
        let (rest, text) = string(rest).ok_or_else(|| self.error("expected a string in double quotes"))?;
        self.rest = rest;
        Ok(text)
    }

    pub(super) fn set(&mut self, subject: &Subject) -> Result<Vec<SetMember>, Error> {
        let mut items = Vec::new();
        let at = self.skip();
        if !self.symbol("{") {
            if at.starts_with(['(', '[']) {
                return Err(self.error("several values stand in braces: in {A, B}"));
            }
            self.item(subject, &mut items)?;
            if self.skip().starts_with(',') {
                let first = at[..at.len() - self.rest.len()].trim_end();
                return Err(self.error_at(at, format!("several values stand in braces: in {{{first}, ..}}")));
            }
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

    pub(super) fn item(&mut self, subject: &Subject, items: &mut Vec<SetMember>) -> Result<(), Error> {
        let at = self.skip();
        if at.starts_with('@') {
            let may_be_address = match subject {
                Subject::Field(f) => f.field_type() == FieldType::Address,
                Subject::Extra(_) => true,
            };
            let found = list_name(at);
            if let Some(path) = meant_path(at, found.as_ref().map(|(rest, _)| *rest)) {
                return Err(self.error_at(
                    at,
                    format!("a file that does not begin with / stands in quotes: @\"{path}\""),
                ));
            }
            let Some((rest, (name, _))) = found else {
                return Err(self.error("expected the name of a list, or a file in quotes: @\"PATH\""));
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

    pub(super) fn literal(&mut self, subject: &Subject) -> Result<SetMember, Error> {
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
        if let (false, Some(network)) = (quoted_text, networks::without_host_bits(&text)) {
            self.warn(host_bits(&text, &network));
        }
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
                FieldType::Text => match meant::text(*field, &text) {
                    Some(meant) => {
                        let key = field.key();
                        return fail(format!("{key} is never {text:?}; did you mean {meant}?"));
                    }
                    None => SetMember::Text(text.into_owned()),
                },
                FieldType::Word(words) => match words.iter().find(|w| **w == text) {
                    Some(word) => SetMember::Text((*word).to_owned()),
                    None => {
                        let meant = meant::word(words, &text);
                        let absent = || absent(&text, field.key());
                        let meant = meant.map_or_else(absent, |w| format!("; did you mean {w}?"));
                        return fail(format!(
                            "{} is one of {}, never {text:?}{meant}",
                            field.key(),
                            words.join(", ")
                        ));
                    }
                },
                FieldType::Integer(_) => match size(&text) {
                    Some(n) => SetMember::Numbers(n, n),
                    None => {
                        let meant = match field {
                            Field::Protocol => "; names of protocols are in transport",
                            _ => "",
                        };
                        let key = field.key();
                        return fail(format!(
                            "{key} is a number, such as 443, 10k or 1.5MiB, not {text:?}{meant}{}",
                            dashed(&text).unwrap_or_else(|| absent(&text, key))
                        ));
                    }
                },
                FieldType::Millis => match time::bound(&text, self.zone) {
                    Some(t) => {
                        if numbers::unsigned(&text).is_ok() && (1..time::MILLIS.start).contains(&t) {
                            self.warn(too_early(*field, t));
                        }
                        SetMember::Numbers(t, t)
                    }
                    None => {
                        let key = field.key();
                        return fail(format!(
                            "{key} is epoch milliseconds, or a time in quotes such as \"2024-02-07T11:25:40Z\" or \"2024-02-07\", not {text:?}{}",
                            absent(&text, key)
                        ));
                    }
                },
                FieldType::Address => match networks::network(&text) {
                    Some((a, b)) => SetMember::Addresses(a, b),
                    None => {
                        let is_list = named_networks(&text, self.lists).is_ok();
                        let meant = match is_list {
                            true => format!("; did you mean @{text}?"),
                            false => wildcard(&text)
                                .or_else(|| dashed(&text))
                                .or_else(|| listed(&text))
                                .unwrap_or_else(|| absent(&text, field.key())),
                        };
                        return fail(format!(
                            "{text:?} is no address and no network such as 10.0.0.0/8{meant}"
                        ));
                    }
                },
            },
        };
        self.rest = rest;
        Ok(item)
    }
}

/// Whether a word means something where a comparison may begin.
fn is_keyword(word: &str) -> bool {
    word == "extra" || ["not", "exists"].iter().any(|known| word.eq_ignore_ascii_case(known))
}

/// What is said of a network that was cut to its prefix.
pub(super) fn host_bits(written: &str, network: &str) -> String {
    let address = written.split('/').next().unwrap_or(written);
    format!("{written} is read as the network {network}; write that, or {address} for the one address")
}

/// What is said of a number that is a time before any log, as one in seconds is.
fn too_early(field: Field, ms: u64) -> String {
    let key = field.key();
    let meant = match time::SECONDS.contains(&ms) {
        true => format!("if these are seconds, write {ms}000"),
        false => "a date is written in quotes, as in \"2024-02-07\"".to_owned(),
    };
    format!("{ms} is read as epoch milliseconds of {key}, which is before the year 2000; {meant}")
}
