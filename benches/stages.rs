//! Each stage of the way alone, and all of them together, for each product.
//!
//! - `framing`: bytes to batches.
//! - `parsing`: batches to records that a filter throws away. Nothing shorter can be had
//!   through the crate's interface; the filter only looks for two fields that no record has both of.
//! - `parsing-and-encoding`: the same with a filter that keeps every record. What it takes longer
//!   than `parsing` is the encoding, which can't be had alone.
//! - `normalizing`: batches to bytes without a filter, when values may be written as they are read.
//! - `boundary`: batches into a guest that gives them back as they are, and out again.
//! - `guest`: batches to bytes in the host's sandbox.
//! - `end-to-end`: bytes to bytes, natively; `end-to-end-guest`: in the sandbox.
//!
//! What a filter costs is measured by itself.

mod engines;
#[expect(dead_code, reason = "what is compared with it is measured elsewhere")]
mod sandbox;

use std::time::Duration;

use criterion::{Criterion, Throughput};
use weir_benches::{
    records::{Product, Source, sound},
    stages::{COSTS_NOTHING, Counts, Framing, KEEPS_NOTHING},
};
use weir_normalizer::Config;

use self::{
    engines::Normalizing,
    sandbox::{Guards, Sandbox, echo},
};

const RECORDS: usize = 20_000;

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(20)
        .configure_from_args();
    let echo = echo();
    for source in Product::ALL.map(Source::usual) {
        let (name, config) = (source.name(), source.config());
        let input = sound(source, RECORDS, 1);
        let mut framing = Framing::with(&config);
        let batches = framing.batches(&input.bytes);
        let mut native = Normalizing::native(&config);
        let expected = native.batches(&batches);
        assert_eq!((expected.normalized, expected.rejected), (RECORDS, 0), "{name}");

        let mut group = criterion.benchmark_group(&name);
        group.throughput(Throughput::ElementsAndBytes {
            elements: RECORDS as u64,
            bytes: input.bytes.len() as u64,
        });
        group.bench_function("framing", |b| {
            b.iter(|| assert_eq!(framing.count(&input.bytes), RECORDS));
        });
        let none = Counts { filtered: RECORDS, ..Counts::default() };
        for (stage, filter, expected) in
            [("parsing", KEEPS_NOTHING, none), ("parsing-and-encoding", COSTS_NOTHING, expected)]
        {
            let config = Config { filter: Some(filter.to_owned()), ..config.clone() };
            let mut engine = Normalizing::native(&config);
            group.bench_function(stage, |b| b.iter(|| assert_eq!(engine.batches(&batches), expected)));
        }
        group.bench_function("normalizing", |b| b.iter(|| assert_eq!(native.batches(&batches), expected)));
        let mut boundary = Sandbox::new(&echo, Guards::On);
        let there_and_back = boundary.batches(&batches);
        assert_eq!(there_and_back.normalized, RECORDS, "{name}");
        group.bench_function("boundary", |b| {
            b.iter(|| assert_eq!(boundary.batches(&batches), there_and_back));
        });
        let mut guest = Normalizing::guest(&config);
        group.bench_function("guest", |b| b.iter(|| assert_eq!(guest.batches(&batches), expected)));
        group.bench_function("end-to-end", |b| {
            b.iter(|| assert_eq!(native.input(&mut framing, &input.bytes), expected));
        });
        group.bench_function("end-to-end-guest", |b| {
            b.iter(|| assert_eq!(guest.input(&mut framing, &input.bytes), expected));
        });
        group.finish();
    }
    criterion.final_summary();
}
