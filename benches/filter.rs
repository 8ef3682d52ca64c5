//! What a filter costs and what it saves: normalizing of framed Huawei VPC lines.
//!
//! A filter can't be run alone, because only the normalizer makes records. What
//! `keeps-everything` takes longer than `costs-nothing` is what its comparisons cost; what that
//! takes longer than `none` is the price of having whole records to look at.

use std::time::Duration;

use criterion::{Criterion, Throughput};
use weir_benches::{
    records::{Product, Source, sound},
    stages::{COSTS_NOTHING, Framing, KEEPS_EVERYTHING, KEEPS_ONE_PERCENT, Normalizing, filtered},
};
use weir_normalizer::Config;

const RECORDS: usize = 20_000;

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    let input = sound(Source::usual(Product::HuaweiVpc), RECORDS, 1);
    let batches = Framing::new().batches(&input.bytes);
    let mut group = criterion.benchmark_group("filter");
    group.throughput(Throughput::ElementsAndBytes {
        elements: RECORDS as u64,
        bytes: input.bytes.len() as u64,
    });
    for (name, config) in [
        ("none", Config::default()),
        ("costs-nothing", filtered(COSTS_NOTHING, 10)),
        ("keeps-everything", filtered(KEEPS_EVERYTHING, 10)),
        ("keeps-1-percent", filtered(KEEPS_ONE_PERCENT, 10)),
        ("list-of-10", filtered("src_ip in @list", 10)),
        ("list-of-100000", filtered("src_ip in @list", 100_000)),
    ] {
        let mut normalizing = Normalizing::new(&config);
        let expected = normalizing.batches(&batches);
        assert_eq!((expected.normalized + expected.filtered, expected.rejected), (RECORDS, 0), "{name}");
        group.bench_function(name, |b| b.iter(|| assert_eq!(normalizing.batches(&batches), expected)));
    }
    group.finish();
    criterion.final_summary();
}
