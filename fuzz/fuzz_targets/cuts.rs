//! Any cut of any input gives the same; the balance closes; what comes out is flat records
//! that read back to the same bytes; a reject's bytes are where it says.
#![no_main]

use libfuzzer_sys::fuzz_target;
use weir_normalizer::{Config, Stream, batch, limits};

#[derive(Debug, Default, PartialEq)]
struct Made {
    output: Vec<u8>,
    rejects: Vec<(u64, u64, u64, String)>,
    consumed: u64,
}

fn run<'a>(pieces: impl Iterator<Item = &'a [u8]>, input: &[u8], config: &Config) -> Made {
    let mut made = Made::default();
    let mut last = None;
    let mut stream = Stream::new(config).unwrap();
    let mut take = |b: &batch::Batch, o: &batch::Outcome| {
        made.output.extend_from_slice(&o.output);
        let mut from = None;
        for r in batch::rejects(&o.rejects) {
            let r = r.unwrap();
            let at = b.place(r.element as usize, from);
            from = Some(at);
            let raw = b.raw(r.element as usize);
            assert_eq!(raw, &input[at.offset as usize..at.offset as usize + raw.len()]);
            assert!(raw.len() as u64 == at.length || raw.len() == limits::RAW_PREFIX);
            made.rejects.push((at.line, at.offset, at.length, r.reason.into()));
        }
        if last != Some(b.offset) {
            made.consumed += b.consumed;
        }
        last = Some(b.offset);
    };
    for piece in pieces {
        stream.push(piece, &mut take);
    }
    stream.finish(&mut take);
    made
}

fuzz_target!(|data: &[u8]| {
    let [choice, size, input @ ..] = data else { return };
    let from = ["", "huawei-vpc", "baidu-flow", "huawei-waf"][usize::from(choice & 3)];
    let keep = choice & 4 != 0;
    let config = Config {
        from: (!from.is_empty()).then(|| from.into()),
        keep_envelope: keep,
        keep_raw: keep,
        source_name: keep,
        ..Config::default()
    };
    let whole = run(std::iter::once(input), input, &config);
    assert_eq!(whole.consumed, input.len() as u64);
    let cut = run(input.chunks(usize::from(*size).max(1)), input, &config);
    assert_eq!(cut, whole);
    for line in std::str::from_utf8(&whole.output).unwrap().lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
    let again = run(std::iter::once(&whole.output[..]), &whole.output, &Config::default());
    assert_eq!((again.rejects, again.output), (Vec::new(), whole.output));
});
