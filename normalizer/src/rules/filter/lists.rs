//! Lists of networks that expressions name.

use std::{collections::BTreeMap, net::IpAddr};

use crate::{
    base::error::{Error, ErrorKind},
    bytes::nearest,
    value::networks,
};

/// Networks by the name that expressions use: the lists that the user gave, a network a line.
pub type Lists = BTreeMap<String, String>;

/// Reads a list of networks into a set's ranges.
pub(crate) fn networks_of(name: &str, text: &str) -> Result<Vec<(IpAddr, IpAddr)>, Error> {
    let mut ranges = Vec::new();
    for (i, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let entry = line.split('#').next().unwrap_or_default().trim();
        if entry.is_empty() {
            continue;
        }
        let Some(range) = networks::network(entry) else {
            return Err(Error::new(
                ErrorKind::Networks,
                format!(
                    "the list @{name}, line {}: {entry:?} is no network; expected an address or a CIDR such as 10.0.0.0/8",
                    i + 1
                ),
            ));
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
    Err(Error::new(
        ErrorKind::Networks,
        match near {
            Some(near) => format!("no list is called @{name}; did you mean @{near}?"),
            None => format!(
                "no list is called @{name}; known are {}; give it with --list {name}=FILE, or in a configuration with \
                 lists = {{ {name} = \"FILE\" }}",
                known.join(", ")
            ),
        },
    ))
}
