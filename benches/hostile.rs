//! What input that is made to be slow costs, as times of a plain record's cost for each byte, in the
//! same schema.
//!
//! Each is told for the bytes that go in, and for those that go in or come out, as some inputs are slow by
//! making much: a reject says why, however short its line is, and each record may have a long name or what
//! its envelope says. Where little comes out, none should be above 10 in the first, and else in the second. The
//! input of each is of one kind. Framing counts, too.

use std::time::Instant;

use weir_benches::stages::{Framing, Normalizing};
use weir_normalizer::{Config, schemas::Schema};

/// How many bytes an input has at least: few where nobody asks for a measurement.
fn bytes() -> usize {
    if std::env::args().any(|argument| argument == "--bench") { 2 << 20 } else { 32 << 10 }
}

/// What an input is normalized with, again and again.
struct Bench<'i> {
    input: &'i str,
    framing: Framing,
    normalizing: Normalizing,
    /// Nanoseconds, the least so far.
    time: f64,
    /// Bytes that come out.
    out: usize,
}

impl<'i> Bench<'i> {
    fn new(input: &'i str, config: &Config) -> Self {
        let (framing, normalizing) = (Framing::with(config), Normalizing::new(config));
        Self { input, framing, normalizing, time: f64::INFINITY, out: 0 }
    }

    fn run(&mut self) {
        let begun = Instant::now();
        let counts = self.normalizing.input(&mut self.framing, self.input.as_bytes());
        self.time = self.time.min(begun.elapsed().as_nanos() as f64);
        self.out = counts.written + counts.told;
    }

    /// Nanoseconds for each byte that goes in, and for each that goes in or comes out.
    fn costs(&self) -> [f64; 2] {
        [self.input.len(), self.input.len() + self.out].map(|bytes| self.time / bytes as f64)
    }
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
    let with_blanks = (0..1000).map(|i| format!("\"meta{i}\":\"a {i}\",")).collect::<String>();
    let elements = many(|_| format!("{{{record}}},"));
    let header = format!("srcaddr dstaddr start end {}", "bytes ".repeat(2500));
    let quick = Config::default();
    let kept = Config { keep_envelope: true, ..Config::default() };
    let with_own = many(|_| format!("{{{record},\"__tag__:host\":\"a\",\"__time__\":1700000000}},"));
    let around = |metadata: &str, elements: &str| format!("{{{metadata}\"logs\":[{elements}{{}}]}}");
    let kept_in = [Schema::Ocsf, Schema::Ecs, Schema::Otel].map(|to| Config { to, ..kept.clone() });
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
        ("short lines", many(|_| "1 2\n".into()), &quick),
        ("a new key in each record", many(|i| format!("{{{record},\"key{i}\":1}}\n")), &quick),
        (
            "new keys in each record, none known",
            many(|i| format!("{{\"a{i}\":1,\"b{i}\":1,\"c{i}\":1}}\n")),
            &quick,
        ),
        ("an empty array in each record", many(|_| format!("{{{record},\"data\":[]}}\n")), &quick),
        ("kept metadata", around(&metadata, &elements), &kept),
        ("kept metadata with blanks", around(&with_blanks, &elements), &kept),
        ("kept metadata, and each record's own", around(&metadata, &with_own), &kept),
        ("kept metadata in OCSF", around(&metadata, &elements), &kept_in[0]),
        ("kept metadata in ECS", around(&metadata, &elements), &kept_in[1]),
        ("kept metadata in OTLP", around(&metadata, &elements), &kept_in[2]),
        ("kept metadata with blanks in OTLP", around(&with_blanks, &elements), &kept_in[2]),
        ("a pattern on long values", many(|_| url(1_000_000)), &matching("[a-z]{1,200}x")),
        ("a short pattern on long values", many(|_| url(1_000_000)), &matching("x[0-9]")),
    ];
    for (name, input, config) in &cases {
        let plain = Config { to: config.to, ..Config::default() };
        let mut all = vec![Bench::new(input, config)];
        all.extend(cases[..2].iter().map(|(_, input, _)| Bench::new(input, &plain)));
        // In turn: the machine may be busy for a while.
        for _ in 0..5 {
            all.iter_mut().for_each(Bench::run);
        }
        let costs: Vec<_> = all.iter().map(Bench::costs).collect();
        // Of the plain inputs, the one that costs more.
        let times = [0, 1].map(|i| costs[0][i] / costs[1][i].max(costs[2][i]));
        println!("{:8.1} times, {:5.1} with what comes out: {name}", times[0], times[1]);
    }
}
