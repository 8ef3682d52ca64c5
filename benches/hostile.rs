//! What input that is made to be slow costs, as times of a plain record's cost for each byte.
//!
//! None should be above 10; the input of each is of one kind. Framing counts, too.

use std::time::Instant;

use weir_benches::stages::{Framing, Normalizing};
use weir_normalizer::Config;

/// How many bytes an input has at least: few where nobody asks for a measurement.
fn bytes() -> usize {
    if std::env::args().any(|argument| argument == "--bench") { 2 << 20 } else { 32 << 10 }
}

/// Nanoseconds for each byte, the best of three.
fn cost(input: &str, config: &Config) -> f64 {
    let (mut framing, mut normalizing) = (Framing::with(config), Normalizing::new(config));
    let once = |_| {
        let begun = Instant::now();
        normalizing.input(&mut framing, input.as_bytes());
        begun.elapsed().as_nanos() as f64 / input.len() as f64
    };
    (0..3).map(once).fold(f64::INFINITY, f64::min)
}

/// Something again and again, as long as the inputs are; it may differ each time.
fn many(one: impl Fn(usize) -> String) -> String {
    let (mut all, mut i, bytes) = (String::new(), 0, bytes());
    while all.len() < bytes {
        all += &one(i);
        i += 1;
    }
    all
}

fn main() {
    let line = "1 5f67944957444bd6bb4fe3b367de8f3d 1d515d18-1b36-47dc-a983-bd6512aed4bd \
        192.168.0.154 192.168.3.25 38929 53 17 1 96 1548752136 1548752736 ACCEPT OK\n";
    let record = "\"cen-id\":\"cen-1\",\"srcaddr\":\"10.0.0.1\",\"dstaddr\":\"10.0.0.2\",\"bytes\":3";
    let columns = format!("\"cen-id\",\"srcaddr\",\"dstaddr\",\"bytes\",\"{}\"", "x".repeat(14_000));
    let rows = many(|_| "[\"c\",\"10.0.0.1\",\"10.0.0.2\",3,4],".into());
    let metadata = (0..1000).map(|i| format!("\"meta{i}\":{i},")).collect::<String>();
    let elements = many(|_| format!("{{{record}}},"));
    let header = format!("srcaddr dstaddr start end {}", "bytes ".repeat(2500));
    let quick = Config::default();
    let kept = Config { keep_envelope: true, ..Config::default() };
    let matching = |pattern: &str| Config {
        filter: Some(format!("extra.url matches \"{pattern}\"")),
        ..Config::default()
    };
    let url = |len: usize| format!("{{{record},\"url\":\"/{}\"}}\n", "abcdefghij".repeat(len / 10));
    let cases = [
        ("lines", many(|_| line.into()), &quick),
        ("keyed records", many(|_| format!("{{{record}}}\n")), &quick),
        (
            "rows under long names",
            format!("{{\"resultSet\":{{\"columns\":[{columns}],\"rows\":[{rows}[]]}}}}"),
            &quick,
        ),
        ("short lines under a long header", format!("{header}\n{}", many(|_| "1 2\n".into())), &quick),
        ("a new key in each record", many(|i| format!("{{{record},\"key{i}\":1}}\n")), &quick),
        (
            "new keys in each record, none known",
            many(|i| format!("{{\"a{i}\":1,\"b{i}\":1,\"c{i}\":1}}\n")),
            &quick,
        ),
        ("an empty array in each record", many(|_| format!("{{{record},\"data\":[]}}\n")), &quick),
        ("kept metadata", format!("{{{metadata}\"logs\":[{elements}{{}}]}}"), &kept),
        ("a pattern on long values", many(|_| url(1_000_000)), &matching("[a-z]{1,200}x")),
        ("a short pattern on long values", many(|_| url(1_000_000)), &matching("x[0-9]")),
    ];
    let plain = cases[..2].iter().map(|(_, input, config)| cost(input, config)).fold(0.0, f64::max);
    println!("plain: {plain:.2} ns for each byte");
    for (name, input, config) in &cases {
        let cost = cost(input, config);
        println!("{:8.1} times: {name} ({cost:.2} ns for each byte)", cost / plain);
    }
}
