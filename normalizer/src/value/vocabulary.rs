//! The words that sources use for enumerated fields, and IANA's protocol numbers.

/// A word of a source, what it means, and whether that loses something worth keeping.
pub type Word = (&'static str, &'static str, bool);

/// Words for an action, compared without regard to case.
pub const ACTION: &[Word] = &[
    ("accept", "accept", false),
    ("reject", "reject", false),
    ("allow", "accept", false),
    ("permit", "accept", false),
    ("pass", "accept", false),
    ("deny", "reject", false),
    ("block", "reject", false),
    // Discarded without an answer.
    ("drop", "reject", true),
    ("log", "log", false),
    ("alert", "log", true),
    ("challenge", "challenge", false),
    ("captcha", "challenge", true),
    ("js_challenge", "challenge", true),
];

/// Words for an action, where it may be a number too.
pub const NUMBERED_ACTION: &[Word] = &{
    let mut words = [("0", "accept", false); ACTION.len() + 2];
    words[1] = ("1", "reject", false);
    let mut i = 0;
    while i < ACTION.len() {
        words[i + 2] = ACTION[i];
        i += 1;
    }
    words
};

/// What a web application firewall does, beside the general words. An answer that was cut off is
/// a denial. One that came from a cache, or in which something was hidden, reached the client: the
/// event was seen and let through, which is `log`.
pub const WAF_ACTION: &[Word] = &{
    let mut words = [("cache", "log", true); ACTION.len() + 5];
    let mut i = 0;
    while i < ACTION.len() {
        words[i] = ACTION[i];
        i += 1;
    }
    words[i] = ("mask", "log", true);
    words[i + 1] = ("desensitize", "log", true);
    words[i + 2] = ("abort_response", "reject", true);
    words[i + 3] = ("advanced_captcha", "challenge", true);
    words
};

/// Words for a direction, compared without regard to case.
pub const DIRECTION: &[Word] = &[
    ("ingress", "ingress", false),
    ("egress", "egress", false),
    ("in", "ingress", false),
    ("out", "egress", false),
    ("out2in", "ingress", false),
    ("in2out", "egress", false),
    ("inbound", "ingress", false),
    ("outbound", "egress", false),
];

/// Words for what became of a window, compared without regard to case.
pub const LOG_STATUS: &[Word] =
    &[("ok", "ok", false), ("nodata", "nodata", false), ("skipdata", "skipdata", false)];

/// Looks a word up.
pub(crate) fn find(words: &'static [Word], text: &str) -> Option<(&'static str, bool)> {
    let word = words.iter().find(|w| w.0.eq_ignore_ascii_case(text))?;
    Some((word.1, word.2))
}

/// IANA's keyword of a protocol number, in lower case; empty where there is none.
/// Source: "Assigned Internet Protocol Numbers".
pub(crate) fn transport(number: u8) -> &'static str {
    TRANSPORTS.get(usize::from(number)).copied().unwrap_or_default()
}

/// The protocol number of a word; `icmpv6` is a common spelling of `ipv6-icmp`.
pub(crate) fn protocol(word: &str) -> Option<u8> {
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
            assert_eq!(protocol(&word.to_uppercase()), Some(n));
        }
        assert_eq!((transport(61), transport(255)), ("", ""));
        assert_eq!((protocol("ICMPv6"), protocol(""), protocol("x")), (Some(58), None, None));
    }
}
