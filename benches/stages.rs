//! Framing alone and normalizing alone, for each kind of input.

use std::time::Duration;

use criterion::{Criterion, Throughput};
use weir_benches::{
    records::{Source, sound},
    stages::{Framing, Normalizing},
};

const RECORDS: usize = 20_000;

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    for source in Source::all() {
        let input = sound(source, RECORDS, 1);
        let size = Throughput::ElementsAndBytes { elements: RECORDS as u64, bytes: input.bytes.len() as u64 };
        let mut framing = Framing::with(&source.config());
        let batches = framing.batches(&input.bytes);
        let mut normalizing = Normalizing::new(&source.config());
        let expected = normalizing.batches(&batches);
        assert_eq!((expected.normalized, expected.rejected), (RECORDS, 0), "{}", source.name());

        let mut group = criterion.benchmark_group("stages");
        group.throughput(size);
        group.bench_function(format!("framing/{}", source.name()), |b| {
            b.iter(|| assert_eq!(framing.count(&input.bytes), RECORDS));
        });
        group.bench_function(format!("normalizing/{}", source.name()), |b| {
            b.iter(|| assert_eq!(normalizing.batches(&batches), expected));
        });
        group.finish();
    }
    criterion.final_summary();
}
