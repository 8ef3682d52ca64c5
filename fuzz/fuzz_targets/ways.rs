//! Any input gives the same with the fast paths and without them, in each schema: so often that its
//! records are learned, broken by another, and again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use weir_normalizer::{Config, Stream, Ways, batch, schemas::Schema};

/// What came out, what was rejected where and why, and the counts.
#[derive(Debug, Default, PartialEq)]
struct Made {
    output: Vec<u8>,
    rejects: Vec<(u32, String)>,
    counts: [u32; 3],
}

fn run(input: &[u8], config: &Config) -> Made {
    let mut made = Made::default();
    let mut stream = Stream::new(config).unwrap();
    let mut take = |_: &batch::Batch, o: &batch::Outcome| {
        made.output.extend_from_slice(&o.output);
        let rejects = batch::rejects(&o.rejects).map(Result::unwrap);
        made.rejects.extend(rejects.map(|r| (r.element, format!("{} {} {}", r.field, r.code, r.reason))));
        let counts = [o.normalized, o.filtered, o.rejected];
        made.counts.iter_mut().zip(counts).for_each(|(all, n)| *all += n);
    };
    stream.push(input, &mut take);
    stream.finish(&mut take);
    made
}

fuzz_target!(|data: &[u8]| {
    let [schema, choice, times, input @ ..] = data else { return };
    let (input, other) = input.split_at(input.iter().position(|b| *b == 0).unwrap_or(input.len()));
    if input.len() > 4 << 10 {
        return;
    }
    let mut all = Vec::new();
    for (bytes, times) in [(input, times % 40), (other.get(1..).unwrap_or_default(), 1), (input, times % 40)] {
        for _ in 0..times {
            all.extend_from_slice(bytes);
            all.push(b'\n');
        }
    }
    let filter = ["", "bytes > 100", "action == accept and not src_ip in @private", "provider == huawei"];
    let filter = filter[usize::from(choice >> 1 & 3)];
    let config = Config {
        to: [Schema::Flat, Schema::Ocsf, Schema::Ecs, Schema::Otel][usize::from(schema & 3)],
        observed_at_ms: Some(1_718_000_500_000),
        keep_raw: choice & 1 != 0,
        filter: (!filter.is_empty()).then(|| filter.into()),
        ..Config::default()
    };
    let without = Ways::NAMES.iter().map(|name| (*name).to_owned()).collect();
    let reference = run(&all, &Config { without, ..config.clone() });
    assert_eq!(run(&all, &config), reference);
});
