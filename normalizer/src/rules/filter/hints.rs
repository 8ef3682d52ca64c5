//! What somebody may have meant whose filter is of another language: SQL, jq, Wireshark, tcpdump, a shell.

use crate::{
    record::fields::{Field, FieldType},
    rules::{
        filter::{
            lex::{bare, name, run, size},
            tree::Subject,
        },
        meant,
    },
    value::networks,
};

/// The longest value that an error repeats, in bytes.
pub(super) const SHOWN: usize = 60;

/// What Wireshark calls fields, and what they are here.
const FIELDS: [(&str, &str); 9] = [
    ("ip.src ipv6.src", "src_ip"),
    ("ip.dst ipv6.dst", "dst_ip"),
    ("ip.addr ipv6.addr", "src_ip or dst_ip"),
    ("tcp.srcport udp.srcport", "src_port"),
    ("tcp.dstport udp.dstport", "dst_port"),
    ("tcp.port udp.port", "src_port or dst_port"),
    ("ip.proto", "protocol"),
    ("tcp.flags", "tcp_flags"),
    ("http.host", "host"),
];

/// What is meant where no field is.
pub(super) fn field(at: &str) -> Option<String> {
    if let Some(behind) = at.strip_prefix('.') {
        let (_, word) = name(behind)?;
        return Some(format!("a field has no dot in front of it: {word}"));
    }
    let (_, dotted) = run(at, |c| c.is_ascii_alphanumeric() || "_.".contains(c))?;
    let wireshark = FIELDS.iter().find(|(names, _)| names.split(' ').any(|name| name == dotted));
    let (called, meant) = match wireshark {
        Some((_, meant)) => (dotted, (*meant).to_owned()),
        None => (name(at)?.1, primitive(at)?),
    };
    Some(format!("no field is called {called}; did you mean {meant}?"))
}

/// What a primitive of tcpdump is here.
fn primitive(at: &str) -> Option<String> {
    let (behind, word) = name(at)?;
    if meant::is_transport(word) && !behind.starts_with('.') {
        return Some(format!("transport == {word}"));
    }
    let next = name(behind.trim_start());
    let value = |behind: &str| {
        bare(behind.trim_start()).map_or(String::from(".."), |(_, value)| shown(value).to_owned())
    };
    Some(match (word, next) {
        ("src" | "dst", Some((behind, "port"))) => format!("{word}_port == {}", value(behind)),
        ("src" | "dst", Some((behind, "net"))) => format!("{word}_ip in {}", value(behind)),
        ("src" | "dst", Some((behind, "host"))) => format!("{word}_ip == {}", value(behind)),
        ("src" | "dst", _) => format!("{word}_ip"),
        ("port", _) => format!("dst_port == {}", value(behind)),
        ("net", _) => {
            let network = value(behind);
            format!("src_ip in {network} or dst_ip in {network}")
        }
        _ => return None,
    })
}

/// What is long is told where it stands.
pub(super) fn shown(text: &str) -> &str {
    if text.len() > SHOWN { ".." } else { text }
}

/// What is said where an expression ends in a word, or goes on without comparing it; `whole` is all of it.
pub(super) fn alone(word: &str, rest: &str, whole: &str) -> String {
    let ends = rest.is_empty() || rest.starts_with([')', '&', '|']);
    let goes_on =
        name(rest).is_some_and(|(_, next)| ["and", "or"].iter().any(|w| next.eq_ignore_ascii_case(w)));
    match () {
        () if rest.is_empty() && whole.trim() == word => {
            "; on a command line the whole filter stands in quotes, as in --where 'action == reject'".into()
        }
        () if ends || goes_on => {
            format!("; `exists {word}` or `not exists {word}` tells whether it is there")
        }
        () => String::new(),
    }
}

/// The network that is meant by an address with a `*`, or with nothing, for its last numbers.
pub(super) fn wildcard(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split('.').collect();
    let known = parts.iter().take_while(|part| part.parse::<u8>().is_ok()).count();
    let are_open = parts[known..].iter().all(|part| matches!(*part, "*" | ""));
    if !(1..=3).contains(&known) || parts.len() > 4 || parts.len() == known || !are_open {
        return None;
    }
    let numbers: Vec<&str> = parts[..known].iter().copied().chain(["0"; 4]).take(4).collect();
    Some(format!("; did you mean {}/{}, behind `in`?", numbers.join("."), 8 * known))
}

/// The range that is meant by two values with a `-` between them.
pub(super) fn dashed(text: &str) -> Option<String> {
    let (first, last) = text.split_once('-')?;
    let is_value = |part: &str| size(part).is_some() || networks::network(part).is_some_and(|(a, b)| a == b);
    (is_value(first) && is_value(last)).then(|| format!("; a range is `in {first}..{last}`"))
}

/// The list that is meant by a word.
pub(super) fn listed(text: &str) -> Option<String> {
    let (rest, _) = run(text, |c| c.is_alphanumeric() || c == '_' || c == '-')?;
    let is_word = rest.is_empty() && text.starts_with(char::is_alphabetic) && !is_null(text);
    is_word.then(|| format!("; a list of networks of this name is @{text}"))
}

fn is_null(text: &str) -> bool {
    ["null", "nil", "none", "undefined"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// What is written where somebody looks for no value at all.
pub(super) fn absent(text: &str, key: &str) -> String {
    if is_null(text) { format!("; `not exists {key}` finds records without it") } else { String::new() }
}

/// What is written where somebody looks for a part of what is no text.
pub(super) fn without_text(field: Field) -> String {
    let key = field.key();
    match field.field_type() {
        FieldType::Address => {
            format!("a network is `{key} in 10.0.0.0/8`, a range `{key} in 10.0.0.1..10.0.0.9`")
        }
        FieldType::Millis => format!("compare it, as in `{key} >= \"2024-02-07\"`"),
        _ => format!("compare it, as in `{key} == 443`, or `{key} in {{22, 8000..8099}}`"),
    }
}

/// What is written where other languages have another sign or word.
pub(super) fn meant_sign(subject: &Subject, rest: &str) -> Option<String> {
    const SIGNS: [(&str, &str); 8] = [
        ("=~", "matches"),
        ("=>", ">="),
        ("=<", "<="),
        ("<>", "!="),
        ("===", "=="),
        ("~=", "matches"),
        ("~", "matches"),
        ("!~", "matches"),
    ];
    const WORDS: [(&str, &str); 11] = [
        ("eq", "=="),
        ("ne", "!="),
        ("gt", ">"),
        ("ge", ">="),
        ("gte", ">="),
        ("lt", "<"),
        ("le", "<="),
        ("lte", "<="),
        ("equals", "=="),
        ("regexp", "matches"),
        ("regex", "matches"),
    ];
    let key = subject.written();
    if let (Subject::Field(Field::Host), Some((_, address))) = (subject, bare(rest))
        && networks::network(address).is_some()
    {
        return Some(format!("host is a name; did you mean src_ip in {address} or dst_ip in {address}?"));
    }
    if let Some((sign, meant)) = SIGNS.iter().find(|(sign, _)| rest.starts_with(sign)) {
        return Some(match subject {
            Subject::Field(f)
                if *meant == "matches" && !matches!(f.field_type(), FieldType::Text | FieldType::Word(_)) =>
            {
                format!("{key} is no text; {}", without_text(*f))
            }
            _ if *sign == "!~" => format!("expected `not {key} matches`, which is what !~ means elsewhere"),
            _ => format!("expected {meant}, which is what {sign} means elsewhere"),
        });
    }
    if rest.starts_with('=') && !rest.starts_with("==") {
        return Some("expected ==, which compares".into());
    }
    let (behind, word) = name(rest)?;
    let word = word.to_ascii_lowercase();
    if let Some((word, meant)) = WORDS.iter().find(|(known, _)| *known == word) {
        return Some(format!("expected {meant}, which is what {word} means elsewhere"));
    }
    match &*word {
        "exists" => Some(format!("did you mean `exists {key}`?")),
        "between" => Some(format!("a range is `{key} in A..B`, with both of its ends")),
        "is" => {
            let is_not = name(behind.trim_start()).is_some_and(|(_, word)| word.eq_ignore_ascii_case("not"));
            let (there, gone) = (format!("`exists {key}`"), format!("`not exists {key}`"));
            let (first, second) = if is_not { (there, gone) } else { (gone, there) };
            Some(format!("did you mean {first}? The other way round it is {second}"))
        }
        "like" | "ilike" | "rlike" | "glob" | "startswith" | "starts_with" | "endswith" | "ends_with"
        | "has" | "includes" | "include" => Some(match subject {
            Subject::Field(f) if !matches!(f.field_type(), FieldType::Text | FieldType::Word(_)) => {
                format!("{key} is no text; {}", without_text(*f))
            }
            _ => format!(
                "a part of a text is `{key} contains \"TEXT\"`, its beginning `{key} matches \"^TEXT\"`, its end \
                 `{key} matches \"TEXT$\"`"
            ),
        }),
        _ => None,
    }
}
