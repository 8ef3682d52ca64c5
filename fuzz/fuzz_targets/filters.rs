//! Any filter is refused with a place in it, or parts any records in two: those that it lets through
//! and those that its negation does.
#![no_main]

use libfuzzer_sys::fuzz_target;
use weir_normalizer::{Config, Stream};

/// Records that came through, and that did not.
fn run(input: &[u8], filter: &str) -> Result<[u32; 3], weir_normalizer::Error> {
    let config = Config { filter: Some(filter.into()), ..Config::default() };
    let mut stream = Stream::new(&config)?;
    let mut counts = [0; 3];
    let mut take = |_: &_, o: &weir_normalizer::batch::Outcome| {
        let more = [o.normalized, o.filtered, o.rejected];
        counts.iter_mut().zip(more).for_each(|(all, n)| *all += n);
    };
    stream.push(input, &mut take);
    stream.finish(&mut take);
    Ok(counts)
}

fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(2, |b| *b == 0);
    let Some(Ok(filter)) = parts.next().map(std::str::from_utf8) else { return };
    // Sample records where the input has none of its own.
    let input = parts.next().unwrap_or(include_bytes!("../../tests/corpus/huawei-vpc/ok/samples.log"));
    match run(input, filter) {
        Err(e) => assert!(!e.to_string().is_empty() && e.offset().is_none_or(|o| o <= filter.len())),
        Ok([passed, filtered, rejected]) => {
            // A negation may be too deep or too long where the filter was not.
            let Ok(other) = run(input, &format!("not ({filter})")) else { return };
            assert_eq!(other, [filtered, passed, rejected], "{filter}");
        }
    }
});
