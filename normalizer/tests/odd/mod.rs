//! Records of several products, and what may stand in them that is not as it nearly always is.

#![allow(dead_code, unreachable_pub, reason = "each test uses its part")]

use proptest::prelude::*;

pub const LINE: &str = "1 5f67944957444bd6bb4fe3b367de8f3d 1d515d18-1b36-47dc-a983-bd6512aed4bd 192.168.0.154 192.168.3.25 38929 53 17 1 96 1548752136 1548752736 ACCEPT OK";
pub const ROUTER: &str = "1 0605768ad980d5762f8ac010b919754c 9e00a67c-b21e-435f-9da6-20004b8392e9 a5cbd16c-7d99-4000-8f14-526ec48298ce 192.168.1.199 2001:db8::1 8 0 1 229 22442 1664007127 1664007727 egress";

pub const TRANSIT: &str = "6 TransitGateway 123456789012 tgw-0a1b2c3d tgw-attach-0a1b2c3d 123456789012 - vpc-0a1b2c3d vpc-4e5f6071 - subnet-4e5f6071 eni-0a1b2c3d - use1-az1 - tgw-attach-0f1e2d3c 10.0.0.62 10.1.0.5 43416 443 6 8 568 1718000340 1718000400 OK IPv4 0 0 0 0 2 us-east-1 egress - -";
pub const AMAZON: &str =
    "2 123456789012 eni-0a1b2c3d 10.0.0.1 10.0.0.2 443 49152 6 10 840 1718000000 1718000060 ACCEPT OK";

/// Values that are nearly, or not quite, what goes out as it came in.
pub fn odd_value() -> impl Strategy<Value = String> {
    let fixed = [
        "",
        "-",
        "-1",
        "0",
        "00",
        "007",
        "1",
        "255",
        "256",
        "65535",
        "65536",
        "99999",
        "1.5",
        "1e3",
        "+5",
        "-0",
        "18446744073709551615",
        "18446744073709551616",
        "9999999999999999",
        "10000000000000000",
        "n/a",
        "null",
        "N/A",
        "nat",
        "10.0.0.1",
        "010.0.0.1",
        "1.2.3.04",
        "255.255.255.255",
        "256.1.1.1",
        "1.2.3",
        "1.2.3.4.5",
        "1..2.3",
        ".1.2.3",
        "1.2.3.",
        "2001:DB8::1",
        "::ffff:1.2.3.4",
        "::",
        "1::2::3",
        "host.example",
        "ACCEPT",
        "accept",
        "AcCePt",
        "accept\0",
        "drop",
        "DENY",
        "in",
        "OUT2IN",
        "ok",
        "NoData",
        "js_challenge",
        "js\u{7f}challenge",
        "tcp",
        "TCP",
        "1548752136",
        "1548752136000",
        "0548752136",
        "154875213",
        "2022-04-21T15:26:01Z",
        "2022-04-21 15:26:01",
        "1970-01-01T00:00:00Z",
        "946684799",
        "946684800",
        "3999999999",
        "4102444799",
        "4102444800",
        "9999999999",
        "4102444800000",
        "1548752136000000",
        "1548752136.5",
        "é",
        "a\tb",
        "a\\b",
        "a\u{1}b",
        "\u{800}",
        "i-0123456789abcdef",
        "null0",
        "unknown",
        "UNKNOWN",
        "unknown ",
        "unknowns",
        "unknown\0",
        "x",
        "no",
    ];
    prop_oneof![4 => prop::sample::select(fixed.to_vec()).prop_map(str::to_owned), 1 => "[0-9.:a-f-]{0,18}"]
}

/// A record of several products, in which some values are others.
pub fn odd_record() -> impl Strategy<Value = String> {
    let text = |line: &'static str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let lines = prop::sample::select(vec![text(LINE), text(ROUTER), text(AMAZON), text(TRANSIT)]);
    let odd = prop::collection::vec((any::<prop::sample::Index>(), odd_value()), 0..3);
    let between = prop::sample::select(vec![" ", " ", " ", " ", " ", "  ", "\t"]);
    let cut = prop::option::weighted(0.1, any::<prop::sample::Index>());
    let lines = (lines, odd, between, cut).prop_map(|(mut columns, odd, between, cut)| {
        for (at, value) in odd {
            let at = at.index(columns.len());
            columns[at] = value;
        }
        let mut line = columns.join(between);
        if let Some(cut) = cut {
            let most = line.len() + 1;
            line.truncate(line.floor_char_boundary(cut.index(most)));
        }
        line
    });
    let keys = [
        ("__time__", "1718000400"),
        ("account-id", "1234567890123456"),
        ("eni-id", "eni-bp166tg9uk1ryf000000"),
        ("vm-id", "i-bp1a0000000000000000"),
        ("vswitch-id", "vsw-bp1b000000000000000"),
        ("vpc-id", "vpc-1"),
        ("type", "IPv4"),
        ("protocol", "6"),
        ("srcaddr", "10.0.0.1"),
        ("srcport", "53870"),
        ("dstaddr", "10.1.0.2"),
        ("dstport", "443"),
        ("direction", "out"),
        ("action", "ACCEPT"),
        ("packets", "12"),
        ("bytes", "4096"),
        ("start", "1718000340"),
        ("end", "1718000400"),
        ("log-status", "OK"),
        ("tcp-flags", "19"),
        ("more", "x"),
    ];
    let odd = prop::collection::vec((0..keys.len(), odd_value(), any::<bool>()), 0..3);
    let objects = (odd, 0..3, 0..keys.len()).prop_map(move |(odd, style, cut)| {
        let mut members: Vec<(&str, String)> = keys.iter().map(|(k, v)| (*k, format!("\"{v}\""))).collect();
        members.rotate_left(cut);
        for (at, value, quoted) in odd {
            let bare = serde_json::from_str::<serde_json::Value>(&value).is_ok();
            let quote = || serde_json::to_string(&value).unwrap();
            members[at].1 = if quoted || !bare { quote() } else { value };
        }
        let member = |(k, v): &(&str, String)| match style {
            0 => format!("\"{k}\":{v}"),
            1 => format!("\"{k}\": {v}"),
            _ => format!(" \"{k}\" : {v} "),
        };
        let members: Vec<_> = members.iter().map(member).collect();
        format!("{{{}}}", members.join(if style == 1 { ", " } else { "," }))
    });
    prop_oneof![lines, objects]
}
