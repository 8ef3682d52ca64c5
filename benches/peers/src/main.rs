//! Does what it is asked on standard input, once for each line `WORKLOAD TAB FILE`, and
//! answers with a line `RECORDS SECONDS PROCESSOR_SECONDS`.
//!
//! A file is read before the clock starts, and what comes of a record is dropped: nothing is
//! written anywhere. That is less than Weir does, on purpose.

use std::{
    collections::HashMap,
    hint::black_box,
    io::{self, BufRead as _, Write as _},
    time::{Duration, Instant},
};

use bytes::Bytes;
use nix::time::{ClockId, clock_gettime};
use vrl::value::Value;
use weir_normalizer::Config;
use weir_peers::Program;

fn main() {
    let mut files = HashMap::new();
    let mut function = Program::new("parse_aws_vpc_flow_log!(.message)").expect("a program without errors");
    let baked = weir_normalizer::vrl::program(&Config::builder().from("huawei-vpc").build());
    let mut baked = Program::new(&baked.expect("its lines are known")).expect("a program without errors");
    for line in io::stdin().lock().lines() {
        let line = line.expect("the input can be read");
        let (workload, file) = line.split_once('\t').expect("WORKLOAD TAB FILE");
        let text = files.entry(file.to_owned()).or_insert_with(|| {
            Bytes::from(std::fs::read(file).unwrap_or_else(|error| panic!("{file}: {error}")))
        });
        let (records, wall, processor) = match workload {
            "nothing" => timed(|| 0),
            "vrl" => timed(|| vrl(&mut function, text)),
            "baked-vrl" => timed(|| vrl(&mut baked, text)),
            "simd-json" => {
                // It parses in place.
                let mut copy = text.to_vec();
                timed(|| simd_json(&mut copy))
            }
            "sonic-rs" => timed(|| sonic_rs(text)),
            _ => panic!("there is no workload {workload:?}"),
        };
        println!("{records} {} {}", wall.as_secs_f64(), processor.as_secs_f64());
        io::stdout().flush().expect("the output can be written");
    }
}

fn timed(work: impl FnOnce() -> usize) -> (usize, Duration, Duration) {
    let processor = || -> Duration {
        clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).expect("every process has this clock").into()
    };
    let (begin, before) = (Instant::now(), processor());
    let records = work();
    (records, begin.elapsed(), processor() - before)
}

/// How many lines a program parses. A line is a piece of the file's bytes, not a copy.
fn vrl(program: &mut Program, text: &Bytes) -> usize {
    let mut records = 0;
    for line in lines(text) {
        let (value, event) = program.run(text.slice_ref(line)).expect("a line that it can read");
        assert!(matches!(black_box(&value), Value::Object(_)));
        black_box(&event);
        records += 1;
    }
    records
}

fn simd_json(text: &mut [u8]) -> usize {
    let mut buffers = simd_json::Buffers::default();
    let mut records = 0;
    let mut rest = text;
    while let Some(end) = memchr::memchr(b'\n', rest) {
        let (line, after) = rest.split_at_mut(end + 1);
        let record = simd_json::borrowed::to_value_with_buffers(&mut line[..end], &mut buffers);
        assert!(black_box(&record).is_ok());
        records += 1;
        rest = after;
    }
    records
}

fn sonic_rs(text: &[u8]) -> usize {
    let mut records = 0;
    for line in lines(text) {
        let record = sonic_rs::from_slice::<sonic_rs::Value>(line);
        assert!(black_box(&record).is_ok());
        records += 1;
    }
    records
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut begin = 0;
    memchr::memchr_iter(b'\n', text).map(move |end| &text[std::mem::replace(&mut begin, end + 1)..end])
}
