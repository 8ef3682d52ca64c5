//! Programs in VRL give what Weir gives: over each text line of the corpus, and over lines that have odd
//! values in each of their columns.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use serde_json::Value;
use weir_normalizer::{Config, Normalizer, vrl::program};
use weir_peers::Program;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus")
}

/// What becomes of a line.
#[derive(Debug, PartialEq)]
enum Came {
    Record(Value),
    Nothing,
    /// With the code of the reject, and the column where one is at fault.
    Rejected(String),
    /// Several records or rejects, of JSON that holds them.
    Several,
}

/// What Weir makes of a line that stands alone.
fn weir(normalizer: &mut Normalizer, line: &[u8]) -> Came {
    let mut input = line.to_vec();
    input.push(b'\n');
    let mut came = Vec::new();
    for result in normalizer.records(&input) {
        came.push(match result {
            Ok(record) => {
                let mut json = Vec::new();
                record.write_json(&mut json);
                Came::Record(serde_json::from_slice(&json).unwrap())
            }
            Err(rejected) => {
                let column = rejected.field().map_or(String::new(), |f| format!("{f}: "));
                Came::Rejected(format!("{}: {column}", rejected.code()))
            }
        });
    }
    if came.len() > 1 {
        return Came::Several;
    }
    came.pop().unwrap_or(Came::Nothing)
}

/// What a program makes of it.
fn vrl(program: &mut Program, line: &[u8]) -> Came {
    match program.run(Bytes::copy_from_slice(line)) {
        Err(message) => Came::Rejected(message),
        Ok((_, event)) => match serde_json::to_value(&event).unwrap() {
            Value::Array(events) if events.is_empty() => Came::Nothing,
            event => Came::Record(event),
        },
    }
}

/// What a program says that it can't read, though Weir can.
const UNREAD: &[&str] = &["which this program does not read", "out of range"];

/// Compares; gives what differs, and how often the program could not read what Weir can.
fn compare(config: &Config, lines: &[Vec<u8>], unread: &mut usize) -> Vec<String> {
    let mut normalizer = Normalizer::new(config).unwrap();
    let source = program(config).unwrap();
    let mut program = Program::new(&source).unwrap_or_else(|fault| panic!("{fault}\n{source}"));
    let mut different = Vec::new();
    for line in lines {
        let (want, got) = (weir(&mut normalizer, line), vrl(&mut program, line));
        let same = match (&want, &got) {
            // One message for both, with more behind it; whose column count is wrong, has no column.
            (Came::Rejected(want), Came::Rejected(got)) => {
                // Of JSON only that it is none is said the same.
                got.starts_with(want.as_str())
                    || line.starts_with(b"{")
                    || UNREAD.iter().any(|says| got.contains(says))
            }
            (Came::Record(_), Came::Rejected(got)) => {
                let stamped = line.starts_with(b"2024-") && got.starts_with("column-count: ");
                let known = stamped || UNREAD.iter().any(|says| got.contains(says));
                *unread += usize::from(known);
                known
            }
            (Came::Several, Came::Rejected(got)) => got.contains(UNREAD[0]),
            // A header row of other columns says how the lines below it are read, which no program knows.
            // Nothing is in an empty array.
            (Came::Nothing, Came::Rejected(got)) => {
                line.first().is_some_and(|b| b.is_ascii_lowercase() || *b == b'@')
                    || line == b"[]" && got.contains(UNREAD[0])
            }
            _ => want == got,
        };
        if !same {
            different.push(format!("{}\n  weir {want:?}\n  vrl  {got:?}", String::from_utf8_lossy(line)));
        }
    }
    different
}

/// The arguments beside an input, as far as programs know them; `None` where they don't.
fn config(product: &str, arguments: &str) -> Option<Config> {
    let mut words = Vec::new();
    for (i, part) in arguments.trim_end().split('"').enumerate() {
        match i % 2 {
            1 => words.push(part.to_owned()),
            _ => words.extend(part.split_whitespace().map(str::to_owned)),
        }
    }
    let mut config = Config::builder().from(product).build();
    for pair in words.chunks(2) {
        let [option, value] = pair else { return None };
        let value = value.clone();
        match option.as_str() {
            "--from" => config.from = Some(value),
            "--layout" => config.layout = Some(value),
            "--separator" => config.separator = Some(value),
            "--missing" => config.missing = Some(value),
            "--where" => config.filter = Some(value),
            "--own" => config.own = vec![value],
            _ => return None,
        }
    }
    Some(config)
}

#[test]
fn every_line_of_the_corpus_comes_out_the_same() {
    let (mut inputs, mut lines_of, mut unread) = (0, BTreeMap::new(), 0);
    let mut different = Vec::new();
    for product in fs::read_dir(corpus()).unwrap().map(|folder| folder.unwrap().path()) {
        let id = product.file_name().unwrap().to_str().unwrap().to_owned();
        for folder in ["ok", "err"] {
            let Ok(files) = fs::read_dir(product.join(folder)) else { continue };
            for path in files.map(|file| file.unwrap().path()) {
                let end = path.extension().unwrap_or_default().to_str().unwrap();
                if !matches!(end, "log" | "csv") {
                    continue;
                }
                let arguments = fs::read_to_string(format!("{}.args", path.display())).unwrap_or_default();
                let Some(config) = config(&id, &arguments) else { continue };
                if program(&config).is_err() {
                    continue;
                }
                let text = fs::read(&path).unwrap();
                let lines: Vec<Vec<u8>> = text.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
                inputs += 1;
                *lines_of.entry(id.clone()).or_insert(0) += lines.len();
                let found = compare(&config, &lines, &mut unread);
                different.extend(found.into_iter().map(|d| format!("{}: {d}", path.display())));
            }
        }
    }
    assert!(different.is_empty(), "{} differ:\n{}", different.len(), different.join("\n"));
    assert!(inputs > 20 && lines_of.len() >= 6, "{inputs} inputs, {lines_of:?}");
}

/// What a value may be that is not written as nearly all are.
const ODD: &[&str] = &[
    "-",
    "-1",
    "null",
    "NULL",
    "N/A",
    "n/a",
    "none",
    "x",
    "0",
    "00",
    "007",
    "1",
    "6.0",
    "6.5",
    "+6",
    "-0",
    "-5",
    "1e3",
    "1E+2",
    "15e-1",
    "1.5e0",
    "0.5",
    "0.05",
    "9.5",
    "1e99999",
    "0e99999",
    "1e20",
    "1.",
    ".5",
    "0x10",
    "65535",
    "65536",
    "255",
    "256",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "99999999999999999999999",
    "1548752136",
    "1548752136.25",
    "1548752136000",
    "1548752136250000",
    "1.548752136E9",
    "1548752136123456789",
    "946684799",
    "946684800",
    "4102444799",
    "4102444800",
    "946684799999",
    "1000000000",
    "tcp",
    "TCP",
    "ICMPv6",
    "ipv6-icmp",
    "icmp:echo",
    "what",
    "what:ever",
    "a/n",
    "hopopt",
    "1.2.3.4",
    "1.2.3.04",
    "1.2.3",
    "1.2.3.400",
    "::",
    "::1",
    "::ffff:1.2.3.4",
    "::FFFF:1.2.3.4",
    "::1.2.3.4",
    "2001:DB8:0:0:0:0:0:1",
    "2001:db8::1:0:0:1",
    "1:2:3:4:5:6:7:8",
    "1:2:3:4:5:6:7::",
    "fe80::1%eth0",
    "12345::",
    "gw.example.com",
    "gw_1",
    "a/b",
    "ACCEPT",
    "accept",
    "Deny",
    "DROP",
    "alert",
    "captcha",
    "log",
    "bloc\u{212a}",
    "OK",
    "o\u{212a}",
    "NoData",
    "ingress",
    "OUT2IN",
    "in",
    "2",
    "unknown",
    "UNKNOWN",
    "un\u{212a}nown",
    "é",
    "a\"b",
    "{{a}}",
    "\\",
    "a\u{0}b",
    "a\u{c}b",
    "\u{c}1\u{c}",
    "\u{a0}1",
    "\u{feff}1",
    "1\u{feff}",
    "\u{fffd}",
];

/// A line of each product, its layout where it has none of its own, and what stands between its columns.
const LINES: &[(&str, &str, &str, char)] = &[
    (
        "huawei-vpc",
        "",
        "1 5f67944957444bd6bb4fe3b367de8f3d 1d515d18-1b36-47dc-a983-bd6512aed4bd 192.168.0.154 192.168.3.25 38929 53 17 1 96 1548752136 1548752736 ACCEPT OK",
        ' ',
    ),
    (
        "huawei-er",
        "",
        "1 0605768ad980d5762f8ac010b919754c 9e00a67c-b21e-435f-9da6-20004b8392e9 a5cbd16c-7d99-4000-8f14-526ec48298ce 192.168.1.199 1.1.1.1 8 0 1 229 22442 1664007127 1664007727 egress",
        ' ',
    ),
    (
        "baidu-flow",
        "",
        "1 a1b2c3 nat nat-b1x2y3 192.168.0.4 203.0.113.9 53870 443 6 12 4096 1718000340 1718000400 allow OK",
        ' ',
    ),
    (
        "aws-vpc",
        "",
        "2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK",
        ' ',
    ),
    (
        "aws-tgw",
        "",
        "6 TransitGateway 123456789012 tgw-0a1b2c3d4e5f60718 tgw-attach-0a1b2c3d4e5f60718 123456789012 210987654321 vpc-0a1b2c3d vpc-4e5f6071 subnet-0a1b2c3d subnet-4e5f6071 eni-0a1b2c3d eni-4e5f6071 use1-az1 use1-az2 tgw-attach-0f1e2d3c4b5a69788 10.0.0.62 10.1.0.5 43416 443 6 8 568 1718000340 1718000400 OK IPv4 0 0 0 0 2 us-east-1 egress - -",
        ' ',
    ),
    (
        "aws-vpc",
        "${version} ${vpc-id} ${srcaddr} ${dstaddr} ${pkt-srcaddr} ${bytes} ${flow-direction} ${start}",
        "5 vpc-1 10.0.0.1 10.0.0.2 10.0.0.9 568 egress 1418530010",
        ' ',
    ),
    (
        "alibaba-vpc",
        "version|eni-id|srcaddr|dstaddr|protocol|bytes|start|action|odd 'key'",
        "1|eni-1|10.0.0.1|10.0.0.2|6|7|1718000400|ACCEPT|x",
        '|',
    ),
    (
        "alibaba-cen",
        "${srcaddr},${dstaddr},${bytes},${protocol},${direction},${start}",
        "10.0.0.1,10.1.0.2,4096,6,in,1718000340",
        ',',
    ),
    ("alibaba-cen", "${srcaddr}\t${dstaddr}\t${bytes}\t${packets}", "10.0.0.1\t10.1.0.2\t4096\t6", '\t'),
    (
        "alibaba-nat",
        "instance,vpc_id,protocol,pri_ip,pri_port,pub_ip,pub_port,nat_ip,start_time",
        "ngw-1,vpc-1,6,10.0.0.1,53870,203.0.113.9,443,198.51.100.4,1718000340",
        ',',
    ),
];

#[test]
fn odd_values_in_every_column_come_out_the_same() {
    let (mut different, mut unread, mut all) = (Vec::new(), 0, 0);
    for &(product, layout, line, by) in LINES {
        let mut config = Config::builder().from(product).missing("none").build();
        config.layout = (!layout.is_empty()).then(|| layout.to_owned());
        let columns: Vec<&str> = line.split(by).collect();
        let mut lines =
            vec![line.to_owned(), format!("{line}\r"), format!(" {line} "), format!("\u{feff}{line}")];
        for i in 0..columns.len() {
            let with = |value: &str| {
                let mut columns = columns.clone();
                columns[i] = value;
                columns.join(&by.to_string())
            };
            lines.extend(ODD.iter().map(|odd| with(odd)));
            // Blanks around a value, quotes around it, two columns in one, and none.
            let around =
                [format!(" {}", columns[i]), format!("{}\t", columns[i]), format!("\"{}\"", columns[i])];
            lines.extend(around.iter().map(|odd| with(odd)));
            lines.extend([with(""), with("a b"), with("a\"\"b"), with("\"a"), with("a\rb")]);
        }
        lines.extend(["", " ", "\t", "-", "[]", "{}", " {}", "x"].map(str::to_owned));
        let mut lines: Vec<Vec<u8>> = lines.into_iter().map(String::into_bytes).collect();
        lines.push([line.as_bytes(), b"\xff"].concat());
        lines.push([b"\xc3", line.as_bytes()].concat());
        all += lines.len();
        let found = compare(&config, &lines, &mut unread);
        different.extend(found.into_iter().map(|d| format!("{product} {layout}: {d}")));
    }
    assert!(different.is_empty(), "{} of {all} differ:\n{}", different.len(), different.join("\n"));
    // Numbers above VRL's, a time in front, and little else.
    assert!(unread < all / 50, "{unread} of {all} lines can't be read");
}

#[test]
fn filters_let_the_same_records_through() {
    let text = fs::read(corpus().join("aws-vpc/ok/samples.log")).unwrap();
    let mut lines: Vec<Vec<u8>> = text.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
    for odd in ["::1 2001:db8::5 8000 65535", "10.1.2.3 8.8.8.8 1 0", "- - - -", "1.1.1.1 - - 22"] {
        let line = format!("2 123456789010 eni-1 {odd} 6 20 4249 1418530010 1418530070 REJECT OK");
        lines.push(line.into_bytes());
    }
    let mut unread = 0;
    for filter in [
        "action == reject",
        "not action == reject or log_status == nodata",
        "bytes > 4k and bytes <= 4249 or not exists bytes",
        "bytes != 4249",
        "not bytes != 4249",
        "bytes < 18446744073709551615",
        "dst_port in {22, 3000..4000} or src_port in {8000..18446744073709551615}",
        "src_ip in @private and dst_ip not in {172.31.9.0/24}",
        "src_ip in {10.1.2.0..10.1.2.9, ::/64}",
        "dst_ip == 2001:db8::5 or src_ip != 1.1.1.1",
        "interface_id contains \"8ca\" and provider == aws and transport == \"tcp\"",
        "interface_id matches \"^eni-[0-9a-f']+$\" or account_id matches \"it\\'s|\\.\"",
        "start_ms >= \"2014-12-14 04:06:50\" and exists src_ip and kind in {flow, attack}",
        "app == http or host contains \"\" or vpc_id in {a, \"b{{c}}\"} or tcp_flags < 5",
        "!(exists src_ip && (dst_port == 22 || dst_port >= 3389))",
    ] {
        let config = Config::builder().from("aws-vpc").filter(filter).build();
        let different = compare(&config, &lines, &mut unread);
        assert!(different.is_empty(), "{filter}:\n{}", different.join("\n"));
        let config = Config { own: vec!["172.31.16.0/24".into(), "10.0.0.0/8".into()], ..config };
        let different = compare(&config, &lines, &mut unread);
        assert!(different.is_empty(), "{filter}, own:\n{}", different.join("\n"));
    }
    assert_eq!(unread, 0);
}
