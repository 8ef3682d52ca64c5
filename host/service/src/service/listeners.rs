//! Where a configuration listens.

use std::net::{IpAddr, SocketAddr};

use crate::{
    config::{Config, places::Finding, values},
    sources::SourceOptions,
};

/// Listeners that are in each other's way: one address is one listener's.
pub(super) fn shared(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut all: Vec<(String, &str, SocketAddr)> = Vec::new();
    let top = config.process.listen.as_deref().map(|text| (String::new(), text));
    let sources = config.sources.iter().filter_map(|(name, options)| match options {
        SourceOptions::Http(options) => Some((format!("sources.{name}"), options.listen.as_str())),
        _ => None,
    });
    let told = |section: &str| match section {
        "" => "`listen` at the top".to_owned(),
        section => format!("[{section}]"),
    };
    for (section, text) in top.into_iter().chain(sources) {
        let Ok(address) = values::address(text) else { continue };
        // The system chooses a port for each that asks for 0.
        let before = all.iter().find(|(.., other)| address.port() != 0 && overlap(address, *other));
        if let Some((other, other_text, _)) = before {
            let message = format!(
                "{text} of {} is where {} listens, at {other_text}; choose another port",
                told(&section),
                told(other)
            );
            findings.push(config.places.finding(&section, "listen", &message));
        }
        all.push((section, text, address));
    }
    findings
}

/// Whether two listeners are in each other's way.
fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let is_all = |all: IpAddr, ip: IpAddr| all.is_unspecified() && (all.is_ipv6() || ip.is_ipv4());
    let (a, b) = (one.ip(), other.ip());
    one.port() == other.port() && (a == b || is_all(a, b) || is_all(b, a))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_do_not_listen_at_one_address() {
        let faults = |top: &str, first: &str, second: &str| {
            let source = |name: &str, listen: &str| {
                format!("[sources.{name}]\ntype = \"http\"\nlisten = \"{listen}\"\n")
            };
            let text = format!(
                "state_dir = \"state\"\nlisten = \"{top}\"\n{}{}[pipelines.p]\nsources = [\"a\", \"b\"]\n\
                 sinks = [\"out\"]\n[sinks.out]\ntype = \"stdout\"\n",
                source("a", first),
                source("b", second)
            );
            let faults = shared(&Config::read("weir.toml", &text).unwrap());
            faults.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        for (top, first, second, wanted) in [
            ("127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3", &[][..]),
            ("127.0.0.1:0", "127.0.0.1:0", "0.0.0.0:0", &[]),
            ("127.0.0.1:1", "127.0.0.2:1", "[::1]:1", &[]),
            ("0.0.0.0:1", "[::1]:1", "[::1]:2", &[]),
            (
                "127.0.0.1:1",
                "127.0.0.1:2",
                "127.0.0.1:2",
                &["weir.toml:8:10: 127.0.0.1:2 of [sources.b] is where [sources.a] listens, at 127.0.0.1:2"],
            ),
            (
                "127.0.0.1:1",
                "0.0.0.0:1",
                "127.0.0.1:2",
                &["0.0.0.0:1 of [sources.a] is where `listen` at the top listens, at 127.0.0.1:1"],
            ),
            ("[::]:1", "127.0.0.1:1", "127.0.0.1:2", &["where `listen` at the top listens, at [::]:1"]),
        ] {
            let found = faults(top, first, second);
            assert_eq!(found.len(), wanted.len(), "{found:?}");
            assert!(found.iter().zip(wanted).all(|(found, wanted)| found.contains(wanted)), "{found:?}");
        }
    }
}
