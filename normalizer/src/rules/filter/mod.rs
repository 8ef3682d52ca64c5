//! Filters over the fields of flat records, in the manner of Wireshark's display filters.
//!
//! ```text
//! src_ip in {10.0.0.0/8, @private} and not (dst_port in {22, 8000..8099} or action == reject)
//! ```
//!
//! An expression is parsed into a tree and compiled into a predicate. A comparison with a field
//! that is absent is false, also with `!=`; `not` of it is true.

pub use crate::rules::filter::lists::Lists;
use crate::{
    base::{
        error::{Error, ErrorKind},
        limits,
    },
    record::{fields::Record, owned::OwnedRecord},
    rules::filter::{
        compile::{Node, Reads, compile},
        lex::{list_name, meant_path, string},
        lists::named_networks,
        parse::{Parsed, host_bits},
    },
    value::{
        networks::{self, Networks},
        zone::Zone,
    },
};

mod compile;
mod hints;
mod lex;
mod lists;
mod parse;
pub(crate) mod tree;

pub(crate) use crate::rules::filter::parse::parse;

/// A compiled expression.
#[derive(Clone, Debug)]
pub struct Filter {
    node: Node,
    reads: Reads,
    warnings: Vec<String>,
}

impl Filter {
    /// Parses and compiles an expression. Files must have been read into `lists`; times that
    /// name no zone are of `zone`.
    pub fn new(text: &str, lists: &Lists, zone: Option<&Zone>) -> Result<Self, Error> {
        let Parsed { tree, warnings } = parse(text, lists, zone)?;
        let node = compile(tree);
        let mut reads = Reads::default();
        node.reads(&mut reads);
        Ok(Self { node, reads, warnings })
    }

    /// What in the expression may not be what was meant, a sentence each.
    pub(crate) fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// What of a record it looks at.
    pub(crate) fn reads(&self) -> &Reads {
        &self.reads
    }

    /// Whether a record meets the expression.
    pub fn matches(&self, record: &OwnedRecord) -> bool {
        self.accepts(&record.lend())
    }

    /// The same for a record that borrows.
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

/// The networks of CIDRs, addresses and `@names`.
pub(crate) fn own_networks(texts: &[String], lists: &Lists) -> Result<Networks, Error> {
    let mut all = Networks::default();
    for text in texts {
        let ranges = match list_name(text) {
            Some(("", (name, _))) => named_networks(&name, lists)?,
            _ => match networks::network(text) {
                Some(range) => vec![range],
                None => {
                    let path = meant_path(text, list_name(text).map(|(rest, _)| rest));
                    let hint = path.map_or(String::new(), |p| format!("; a file stands in quotes: @\"{p}\""));
                    return Err(Error::new(
                        ErrorKind::Networks,
                        format!("own: {text:?} is no network and no @LIST{hint}"),
                    ));
                }
            },
        };
        for (first, last) in ranges {
            all.add(first, last);
        }
    }
    all.finish();
    Ok(all)
}

/// What of one's own networks may not be what was meant, a sentence each.
pub(crate) fn own_warnings(texts: &[String]) -> Vec<String> {
    let cut = |text: &String| Some(host_bits(text, &networks::without_host_bits(text)?));
    texts.iter().filter_map(cut).take(limits::WARNINGS).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        record::fields::{Field, RecordMemory, Value},
        rules::filter::{
            compile::value_of,
            tree::{Pattern, Subject, Test, Tree},
        },
        value::raw::{Raw, RawKind},
    };

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
        assert_eq!((sees("[a-z]{1,20}x"), sees(&words(5))), (32 << 10, 32 << 10));
        assert_eq!((sees("[a-z]{1,200}x"), sees(&words(900))), (limits::MATCHED, limits::MATCHED));
        for (text, want) in [("a{1,1000}{1,1000}", "too large"), (&words(3000), "too large"), ("(", "group")]
        {
            let error = Pattern::new(text).unwrap_err();
            assert!(error.contains(want), "{error}");
        }
        let pattern = Pattern::new("[a-z]{1,200}0").unwrap();
        let long = |n: usize| "é".repeat(n) + "x0";
        assert!(pattern.is_match(&long((2 << 10) - 1)) && !pattern.is_match(&long(2 << 10)));
        // A value does not end where the look at it does.
        let ends = Pattern::new("[a-z]{1,200}$").unwrap();
        let letters = "a".repeat(limits::MATCHED);
        assert!(ends.is_match(&letters) && !ends.is_match(&format!("{letters}!")));
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
    fn what_may_not_be_meant_is_warned_of() {
        let read_as = |text: &str, network: &str, address: &str| {
            format!("{text} is read as the network {network}; write that, or {address} for the one address")
        };
        for (text, warnings) in [
            ("src_ip in 10.0.0.5/8", vec![read_as("10.0.0.5/8", "10.0.0.0/8", "10.0.0.5")]),
            (
                "src_ip in {10.0.0.0/8, 2001:db8::1/64} or extra.a in 10.1.1.1/24",
                vec![
                    read_as("2001:db8::1/64", "2001:db8::/64", "2001:db8::1"),
                    read_as("10.1.1.1/24", "10.1.1.0/24", "10.1.1.1"),
                ],
            ),
            (
                "host == null",
                vec![
                    "host == null compares with this text; `not exists host` finds records without a value"
                        .into(),
                ],
            ),
            ("src_ip in 10.0.0.0/8 and extra.a == \"10.0.0.5/8\" and host == \"null\"", vec![]),
            (
                "start_ms > 1700000000 or end_ms < \"2019\"",
                vec![
                    "1700000000 is read as epoch milliseconds of start_ms, which is before the year 2000; if these are \
                     seconds, write 1700000000000"
                        .into(),
                    "2019 is read as epoch milliseconds of end_ms, which is before the year 2000; a date is written in \
                     quotes, as in \"2024-02-07\""
                        .into(),
                ],
            ),
            ("start_ms > 0 and start_ms < 1700000000000 and end_ms in \"2019-01-01\"..\"2020-01-01\"", vec![]),
            ("src_ip == 10.0.0.5 or src_ip in 10.0.0.5/32 or src_ip in @private", vec![]),
        ] {
            assert_eq!(Filter::new(text, &lists(), None).unwrap().warnings(), warnings, "{text}");
        }
        // A long expression is not told in a longer one.
        let many = vec!["10.0.0.5/8"; 1000].join(", ");
        let filter = Filter::new(&format!("src_ip in {{{many}}}"), &lists(), None).unwrap();
        assert_eq!(filter.warnings().len(), limits::WARNINGS);
        let error = Filter::new(&format!("src_ip in {{{many}}} or 10.0.0.1"), &lists(), None).unwrap_err();
        assert!(error.to_string().contains("did you mean src_ip in {.., 10.0.0.1}?"), "{error}");
        assert!(error.to_string().len() < 400, "{error}");
        let own = ["10.0.0.5/8".to_owned(), "10.0.0.0/8".to_owned(), "@office".to_owned()];
        assert_eq!(own_warnings(&own), [read_as("10.0.0.5/8", "10.0.0.0/8", "10.0.0.5")]);
    }

    #[test]
    fn a_comparison_behind_another_one_is_no_bare_value() {
        for text in [
            "host == a or app == b",
            "host == a or not app == b",
            "host == a or (app == b)",
            "host == a or !exists app",
            "host == a or extra.x == 1",
            "bytes > 1 and exists host or bytes < 3",
            "host == exists or exists host",
        ] {
            Filter::new(text, &lists(), None).unwrap_or_else(|e| panic!("{e}"));
        }
    }

    #[test]
    fn faults_have_a_place_and_a_remedy() {
        let cases = [
            ("src_op == 10.0.0.1", 0, "did you mean src_ip?"),
            ("bytes > many", 8, "bytes is a number"),
            ("action == maybe", 10, "action is one of accept"),
            ("transport == UDP", 13, "transport is never \"UDP\"; did you mean udp?"),
            ("product == huawei-vpc", 11, "did you mean vpc beside provider == huawei?"),
            ("src_ip in private", 10, "did you mean @private?"),
            ("start_ms > \"2019-01\"", 11, "such as \"2024-02-07T11:25:40Z\" or \"2024-02-07\""),
            ("src_ip contains \"10.\"", 7, "; a network is `src_ip in 10.0.0.0/8`"),
            ("bytes matches \"1\"", 6, "; compare it, as in `bytes == 443`"),
            ("start_ms contains \"2024\"", 9, "as in `start_ms >= \"2024-02-07\"`"),
            ("bytes between 1 and 5", 6, "a range is `bytes in A..B`"),
            ("host is null", 5, "did you mean `not exists host`?"),
            ("extra.\"a-b\" IS NOT NULL", 12, "did you mean `exists extra.\"a-b\"`?"),
            ("bytes == null", 9, "; `not exists bytes` finds records without it"),
            ("dst_ip != NULL", 10, "; `not exists dst_ip` finds records without it"),
            ("host like \"%.com\"", 5, "its end `host matches \"TEXT$\"`"),
            ("src_ip like \"10.%\"", 7, "src_ip is no text; a network is `src_ip in 10.0.0.0/8`"),
            ("host startswith \"a\"", 5, "its beginning `host matches \"^TEXT\"`"),
            ("host =~ \"a\"", 5, "expected matches, which is what =~ means elsewhere"),
            ("bytes => 5", 6, "expected >="),
            ("bytes <> 5", 6, "expected !="),
            ("bytes gt 5", 6, "expected >, which is what gt means elsewhere"),
            ("dst_port == 22, 3389", 14, "several values stand in braces: in {A, B}"),
            ("dst_port == 22 or 3389", 18, "did you mean dst_port in {22, 3389}?"),
            ("(dst_port == 22 or 3389) and bytes > 1", 19, "did you mean dst_port in {22, 3389}?"),
            ("dst_port == 22 || 3389 || 80", 18, "did you mean dst_port in {22, 3389}?"),
            ("action == reject or challenge", 20, "did you mean action in {reject, challenge}?"),
            ("src_ip == 10.0.0.1 or 10.0.0.2", 22, "did you mean src_ip in {10.0.0.1, 10.0.0.2}?"),
            ("host == \"a\" or \"b c\"", 15, "did you mean host in {\"a\", \"b c\"}?"),
            ("dst_port != 22 and 3389", 19, "did you mean dst_port not in {22, 3389}?"),
            (
                "src_ip in {10.0.0.1, @private} or 10.0.0.3",
                34,
                "did you mean src_ip in {10.0.0.1, @private, 10.0.0.3}?",
            ),
            ("dst_port not in 22 and 80", 23, "did you mean dst_port not in {22, 80}?"),
            ("dst_port in {22} and 80", 21, "did you mean dst_port in 80?"),
            ("bytes > 5 and 10", 14, "did you mean bytes > 10?"),
            ("host == a or srcaddr == 10.0.0.1", 13, "did you mean src_ip?"),
            ("action == DENY", 10, "did you mean reject?"),
            ("action == rejct", 10, "did you mean reject?"),
            ("direction in {inbound}", 14, "did you mean ingress?"),
            ("srcaddr == 10.0.0.1", 0, "did you mean src_ip?"),
            ("pkt_count > 1", 0, "; `weir schema` lists them"),
            ("bytes = 5", 6, "expected ==, which compares"),
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
            ("bytes ~ 1", 6, "bytes is no text; compare it"),
            ("src_ip ~ \"10.\"", 7, "src_ip is no text; a network is `src_ip in 10.0.0.0/8`"),
            ("host ~ \"a\"", 5, "expected matches, which is what ~ means elsewhere"),
            ("host !~ \"a\"", 5, "expected `not host matches`"),
            // What a shell takes apart, or as a redirection.
            ("action", 6, "contains or matches; on a command line the whole filter stands in quotes"),
            ("not", 3, "expected a field; on a command line the whole filter stands in quotes"),
            ("exists", 6, "expected a field; on a command line the whole filter stands in quotes"),
            ("!action", 7, "matches; `exists action` or `not exists action` tells"),
            ("(action) and bytes > 1", 7, "; `exists action` or `not exists action` tells"),
            ("action and bytes > 1", 7, "; `exists action` or `not exists action` tells"),
            ("action exists", 7, "did you mean `exists action`?"),
            ("action not exists", 7, "did you mean `not exists action`?"),
            ("action == null", 10, "challenge, never \"null\"; `not exists action` finds records without it"),
            // jq, Wireshark, tcpdump.
            (".action == \"reject\"", 0, "expected a field; a field has no dot in front of it: action"),
            ("bytes > 1 and .", 14, "expected a field"),
            ("ip.src == 10.0.0.1", 0, "no field is called ip.src; did you mean src_ip?"),
            ("tcp.dstport == 22", 0, "did you mean dst_port?"),
            ("tcp", 0, "did you mean transport == tcp?"),
            ("tcp and dst_port == 22", 0, "did you mean transport == tcp?"),
            ("host 10.0.0.1", 5, "did you mean src_ip in 10.0.0.1 or dst_ip in 10.0.0.1?"),
            ("src host 10.0.0.1", 0, "no field is called src; did you mean src_ip == 10.0.0.1?"),
            ("src net 10.0.0.0/8", 0, "did you mean src_ip in 10.0.0.0/8?"),
            ("dst port 53", 0, "did you mean dst_port == 53?"),
            ("bytes > 1 and port 53", 14, "did you mean dst_port == 53?"),
            ("net 10.0.0.0/8", 0, "did you mean src_ip in 10.0.0.0/8 or dst_ip in 10.0.0.0/8?"),
            ("src == 10.0.0.1", 0, "did you mean src_ip?"),
            // Ranges, networks, lists, units.
            ("dst_port == 1..1024", 12, "a range is compared with `in`, as in `dst_port in 1..1024`"),
            ("(src_ip != 10.0.0.1..10.0.0.9)", 11, "as in `src_ip in 10.0.0.1..10.0.0.9`"),
            ("start_ms == \"2024-01-01\"..\"2024-02-01\"", 12, "as in `start_ms in A..B`"),
            ("dst_port in 1-1024", 12, "; a range is `in 1..1024`"),
            ("src_ip in 10.0.0.1-10.0.0.9", 10, "; a range is `in 10.0.0.1..10.0.0.9`"),
            ("src_ip == 192.168.*", 10, "; did you mean 192.168.0.0/16, behind `in`?"),
            ("src_ip in {10.*.*.*}", 11, "; did you mean 10.0.0.0/8, behind `in`?"),
            ("src_ip == @office", 10, "a list is compared with `in`, as in `src_ip in @office`"),
            ("src_ip in hq", 10, "; a list of networks of this name is @hq"),
            ("src_ip in office", 10, "did you mean @office?"),
            ("bytes > 1 KB", 10, "or the end; a unit stands directly behind its number: 1KB"),
            ("(bytes > 1 MiB)", 11, "expected `)`; a unit stands directly behind its number: 1MiB"),
            (
                "src_ip in @hq",
                10,
                "give it with --list hq=FILE, or in a configuration with lists = { hq = \"FILE\" }",
            ),
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
            ("", 0, "it is empty; leave it out"),
            (" \t", 0, "it is empty; leave it out"),
            ("not ", 4, "expected a field"),
            ("dst_port in 22, 53", 12, "in {22, ..}"),
            ("bytes > 1 and src_ip in @private , 10.0.0.1", 24, "in {@private, ..}"),
            ("dst_port in (22, 53)", 12, "stand in braces"),
            ("dst_port in [22, 53]", 12, "stand in braces"),
            ("src_ip in @samples/office.txt", 10, "in quotes: @\"samples/office.txt\""),
            ("src_ip in {@private, @./office}", 21, "in quotes: @\"./office\""),
            ("src_ip in @office.txt or bytes > 1", 10, "in quotes: @\"office.txt\""),
            ("src_ip in @", 10, "the name of a list, or a file in quotes"),
            ("bytes > 18446744073709551616", 8, "bytes is a number"),
            ("protocol == tcp", 12, "names of protocols are in transport"),
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
    fn own_networks_that_are_a_path_without_quotes_are_told_how() {
        let error = own_networks(&["@nets/a.txt".to_owned()], &lists()).unwrap_err().to_string();
        assert!(error.contains("stands in quotes: @\"nets/a.txt\""), "{error}");
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
            let tree = parse(&text, &Lists::new(), None).unwrap().tree;
            prop_assert_eq!(compile(tree.clone()).accepts(&record), interpret(&tree, &record), "{}", text);
        }

        #[test]
        fn any_text_is_parsed_or_refused(text in "\\PC{0,60}") {
            let _ = Filter::new(&text, &Lists::new(), None);
            let _ = files(&text);
        }
    }
}
