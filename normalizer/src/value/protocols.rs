//! IANA's protocol numbers and keywords.

use crate::value::numbers::{self, NumberFault};

/// What a protocol's text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// A number, and whether the text says more than that.
    Number(u8, bool),
    /// A number that is no protocol's.
    OutOfRange,
    /// A name that IANA does not know.
    Name,
}

/// Reads a protocol's number or keyword.
pub(crate) fn read(text: &str) -> Protocol {
    match numbers::unsigned(text) {
        Ok((n, true)) => return u8::try_from(n).map_or(Protocol::OutOfRange, |n| Protocol::Number(n, false)),
        Ok(_) | Err(NumberFault::Negative | NumberFault::TooLarge) => return Protocol::OutOfRange,
        Err(NumberFault::NotANumber) => {}
    }
    if let Some(n) = number(text) {
        return Protocol::Number(n, false);
    }
    // `ICMP: ECHO_REQUEST`
    let word = text.split_once(':').map_or("", |(word, _)| word.trim_end());
    number(word).map_or(Protocol::Name, |n| Protocol::Number(n, true))
}

/// IANA's keyword of a protocol number, in lower case; empty where there is none.
/// Source: "Assigned Internet Protocol Numbers".
pub(crate) fn transport(number: u8) -> &'static str {
    TRANSPORTS.get(usize::from(number)).copied().unwrap_or_default()
}

/// The protocol number of a word; `icmpv6` is a common spelling of `ipv6-icmp`.
pub(crate) fn number(word: &str) -> Option<u8> {
    if word.eq_ignore_ascii_case("icmpv6") || word.eq_ignore_ascii_case("icmp6") {
        return Some(58);
    }
    let n = TRANSPORTS.iter().position(|t| !t.is_empty() && t.eq_ignore_ascii_case(word))?;
    u8::try_from(n).ok()
}

#[rustfmt::skip]
pub(crate) const TRANSPORTS: &[&str] = &[
    "hopopt", "icmp", "igmp", "ggp", "ipv4", "st", "tcp", "cbt", "egp", "igp", "bbn-rcc-mon", "nvp-ii",
    "pup", "argus", "emcon", "xnet", "chaos", "udp", "mux", "dcn-meas", "hmp", "prm", "xns-idp", "trunk-1",
    "trunk-2", "leaf-1", "leaf-2", "rdp", "irtp", "iso-tp4", "netblt", "mfe-nsp", "merit-inp", "dccp",
    "3pc", "idpr", "xtp", "ddp", "idpr-cmtp", "tp++", "il", "ipv6", "sdrp", "ipv6-route", "ipv6-frag",
    "idrp", "rsvp", "gre", "dsr", "bna", "esp", "ah", "i-nlsp", "swipe", "narp", "min-ipv4", "tlsp", "skip",
    "ipv6-icmp", "ipv6-nonxt", "ipv6-opts", "", "cftp", "", "sat-expak", "kryptolan", "rvd", "ippc", "",
    "sat-mon", "visa", "ipcv", "cpnx", "cphb", "wsn", "pvp", "br-sat-mon", "sun-nd", "wb-mon", "wb-expak",
    "iso-ip", "vmtp", "secure-vmtp", "vines", "iptm", "nsfnet-igp", "dgp", "tcf", "eigrp", "ospfigp",
    "sprite-rpc", "larp", "mtp", "ax.25", "ipip", "micp", "scc-sp", "etherip", "encap", "", "gmtp", "ifmp",
    "pnni", "pim", "aris", "scps", "qnx", "a/n", "ipcomp", "snp", "compaq-peer", "ipx-in-ip", "vrrp", "pgm",
    "", "l2tp", "ddx", "iatp", "stp", "srp", "uti", "smp", "sm", "ptp", "isis over ipv4", "fire", "crtp",
    "crudp", "sscopmce", "iplt", "sps", "pipe", "sctp", "fc", "rsvp-e2e-ignore", "mobility header",
    "udplite", "mpls-in-ip", "manet", "hip", "shim6", "wesp", "rohc", "ethernet", "aggfrag", "nsh", "homa",
    "bit-emu",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_stand_at_their_numbers() {
        let known =
            [(1, "icmp"), (6, "tcp"), (17, "udp"), (41, "ipv6"), (47, "gre"), (50, "esp"), (51, "ah")];
        let more =
            [(58, "ipv6-icmp"), (88, "eigrp"), (89, "ospfigp"), (103, "pim"), (112, "vrrp"), (132, "sctp")];
        let last = [(136, "udplite"), (137, "mpls-in-ip"), (143, "ethernet"), (147, "bit-emu")];
        for (n, word) in known.into_iter().chain(more).chain(last) {
            assert_eq!(transport(n), word);
            assert_eq!(number(&word.to_uppercase()), Some(n));
        }
        assert_eq!((transport(61), transport(255)), ("", ""));
        assert_eq!((number("ICMPv6"), number(""), number("x")), (Some(58), None, None));
    }

    #[test]
    fn protocols() {
        use Protocol::{Name, Number, OutOfRange};
        let cases = [
            ("6", Number(6, false)),
            ("6.0", Number(6, false)),
            ("TCP", Number(6, false)),
            ("ICMPv6", Number(58, false)),
            ("ICMP: ECHO_REQUEST", Number(1, true)),
            ("256", OutOfRange),
            ("-5", OutOfRange),
            ("6.5", OutOfRange),
            ("what", Name),
            ("what: ever", Name),
        ];
        for (text, want) in cases {
            assert_eq!(read(text), want, "{text:?}");
        }
    }
}
