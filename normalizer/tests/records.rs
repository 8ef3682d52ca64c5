//! Records as values are those that go out as JSON, and rejects are the same.

use std::fs;

use serde_json::{Value as Json, json};
use weir_normalizer::{
    Config, Normalizer, OwnedRecord, Place, Rejected, Stream, batch, limits,
    record::{Field, RawKind, Value},
    schemas::Schema,
};

mod corpus;

const OBSERVED_AT: u64 = 1_700_000_000_000;
const LINE: &str = "1 5f67944957444bd6bb4fe3b367de8f3d 1d515d18-1b36-47dc-a983-bd6512aed4bd \
    192.168.0.154 192.168.3.25 38929 53 17 1 96 1548752136 1548752736 ACCEPT OK\n";

/// What comes of an input.
#[derive(Debug, Default, PartialEq, Eq)]
struct Made {
    output: String,
    /// Code, format, field, reason, place and bytes of each.
    rejects: Vec<(String, String, String, String, Place, Vec<u8>)>,
    filtered: u64,
}

/// As a stream writes it.
fn streamed(input: &[u8], config: &Config) -> Made {
    let mut made = Made::default();
    let mut stream = Stream::new(config).unwrap();
    let mut take = |batch: &batch::Batch, outcome: &batch::Outcome| {
        made.output.push_str(std::str::from_utf8(&outcome.output).unwrap());
        made.filtered += u64::from(outcome.filtered);
        for reject in batch::rejects(&outcome.rejects) {
            let r = reject.unwrap();
            let (place, raw) = (batch.place(r.element as usize, None), batch.raw(r.element as usize));
            let [code, format, field, reason] = [r.code, r.format, r.field, r.reason].map(str::to_owned);
            made.rejects.push((code, format, field, reason, place, raw.to_vec()));
        }
    };
    stream.push(input, &mut take);
    stream.finish(&mut take);
    made
}

fn reject(r: Rejected) -> (String, String, String, String, Place, Vec<u8>) {
    let [format, field] = [r.format(), r.field()].map(|t| t.unwrap_or_default().to_owned());
    (r.code().to_string(), format, field, r.reason().to_owned(), r.place(), r.raw().to_vec())
}

/// As records have it; and the records.
fn collected(input: &[u8], config: &Config, normalizer: &mut Normalizer) -> (Made, Vec<OwnedRecord>) {
    let mut records = normalizer.records(input);
    let results: Vec<_> = records.by_ref().collect();
    told(results, records.filtered(), config)
}

/// As a stream has it that is given so many bytes at once, pauses, and whose records are asked for one by one.
fn in_pieces(input: &[u8], config: &Config, most: usize) -> (Made, Vec<OwnedRecord>) {
    let (mut stream, mut results) = (Stream::new(config).unwrap(), Vec::new());
    for (i, piece) in input.chunks(most).enumerate() {
        // The others are there the next time.
        results.extend(stream.push_records(piece).next());
        if i % 3 == 2 {
            results.extend(stream.flush_records().take(2));
        }
    }
    let mut rest = stream.finish_records();
    results.extend(rest.by_ref());
    told(results, rest.filtered(), config)
}

fn told(
    results: Vec<Result<OwnedRecord, Rejected>>,
    filtered: u64,
    config: &Config,
) -> (Made, Vec<OwnedRecord>) {
    let mut made = Made { filtered, ..Made::default() };
    let (mut output, mut all) = (Vec::new(), Vec::new());
    let mut last = Place::default();
    for result in results {
        let place = match result {
            Ok(record) => {
                record.write_json_in(config.to, config.observed_at_ms, &mut output);
                let place = record.place();
                all.push(record);
                place
            }
            Err(rejected) => {
                let place = rejected.place();
                made.rejects.push(reject(rejected));
                place
            }
        };
        let in_order = (last.line, last.offset) <= (place.line, place.offset);
        assert!(in_order, "{place:?} is behind {last:?}");
        last = place;
    }
    made.output = String::from_utf8(output).unwrap();
    (made, all)
}

/// Whether a record has just what its JSON has.
fn check_values(record: &OwnedRecord) {
    let mut line = Vec::new();
    record.write_json(&mut line);
    let json: Json = serde_json::from_slice(&line).unwrap();
    for &field in Field::ALL {
        let value = record.get(field).map(|value| match value {
            Value::Number(n) => json!(n),
            Value::Address(a) => json!(a.to_string()),
            Value::Text(t) => json!(t),
        });
        assert_eq!(value.as_ref(), json.get(field.key()), "{field:?} of {json}");
        assert_eq!(record.has(field), value.is_some());
    }
    let fields = record.fields().count() + usize::from(record.extra().len() > 0);
    assert_eq!(fields, json.as_object().unwrap().len(), "{json}");
    for (key, raw) in record.extra() {
        let want = &json["extra"][key];
        match raw.kind {
            RawKind::Text => assert_eq!(raw.text, want),
            _ => assert_eq!(serde_json::from_str::<Json>(raw.text).unwrap(), *want),
        }
    }
    // One of each type.
    assert_eq!(record.provider(), json["provider"].as_str());
    assert_eq!(record.action(), json["action"].as_str());
    assert_eq!(record.bytes(), json["bytes"].as_u64());
    assert_eq!(record.start_ms(), json["start_ms"].as_u64());
    assert_eq!(record.src_port().map(u64::from), json["src_port"].as_u64());
    assert_eq!(record.protocol().map(u64::from), json["protocol"].as_u64());
    assert_eq!(record.http_status().map(u64::from), json["http_status"].as_u64());
    assert_eq!(record.src_ip().map(|a| a.to_string()).as_deref(), json["src_ip"].as_str());
}

#[test]
fn the_corpus_is_the_same_as_values_and_as_json() {
    let (mut records, mut rejects, mut filtered) = (0, 0, 0);
    let mut seen = 0_u64;
    for input in corpus::inputs("ok").into_iter().chain(corpus::inputs("err")) {
        let bytes = fs::read(&input).unwrap();
        for &to in Schema::ALL {
            let config = Config { to, observed_at_ms: Some(OBSERVED_AT), ..corpus::config(&input) };
            let (want, mut normalizer) = (streamed(&bytes, &config), Normalizer::new(&config).unwrap());
            let (made, all) = collected(&bytes, &config, &mut normalizer);
            assert_eq!(made, want, "{input:?} {to:?}");
            let most = [1 << 20, 1000, 7][records % 3].max(bytes.len() / 500);
            assert_eq!(in_pieces(&bytes, &config, most).0, want, "{input:?} {to:?} by {most} bytes");
            all.iter().for_each(check_values);
            all.iter().flat_map(OwnedRecord::fields).for_each(|(field, _)| seen |= 1 << field as usize);
            records += all.len();
            rejects += made.rejects.len();
            filtered += made.filtered;
        }
    }
    assert!(records > 1000 && rejects > 100 && filtered > 3, "{records} {rejects} {filtered}");
    assert_eq!(seen.count_ones() as usize, Field::ALL.len(), "the corpus has each field");
}

/// Long inputs, many of whose elements are in one batch and not in another; twice by the same
/// normalizer, which writes JSON in between.
#[test]
fn many_batches_are_the_same_as_values_and_as_json() {
    let mut input = Vec::new();
    for i in 0..3000 {
        let port = if i % 100 == 7 { 70_000 } else { i };
        input.extend_from_slice(LINE.replace("38929", &port.to_string()).as_bytes());
    }
    let config = Config { filter: Some("src_port != 5".into()), ..Config::default() };
    let want = streamed(&input, &config);
    assert_eq!((want.rejects.len(), want.filtered), (30, 1));
    let mut normalizer = Normalizer::new(&config).unwrap();
    for _ in 0..2 {
        let (made, all) = collected(&input, &config, &mut normalizer);
        assert!(made == want, "they differ");
        assert_eq!((all[5].src_port(), all[5].place().line), (Some(6), 7));
    }
}

/// What is bounded by the length of its JSON is so where there is none: a record, and those of one
/// element together.
#[test]
fn what_would_be_too_long_is_rejected() {
    let layout = |n: usize| Config {
        from: Some("huawei-vpc".into()),
        layout: Some(format!("${{srcaddr}} ${{dstaddr}} ${{{}}}", "n".repeat(n))),
        ..Config::default()
    };
    let line = "10.0.0.1 10.0.0.2 3\n";
    let kept = Config { keep_envelope: true, ..Config::default() };
    let wrapped = |n: usize| {
        let around = "e".repeat(limits::ENVELOPE - 100);
        let inside = json!({ "message": LINE.repeat(n), "around": around });
        format!("{LINE}{inside}\n{LINE}{LINE}")
    };
    let cases = [
        (line.to_owned(), layout(15_000), 1, ""),
        (line.to_owned(), layout(20_000), 0, "too-much-output"),
        (wrapped(100), kept.clone(), 103, ""),
        (wrapped(2300), kept, 3, "too-many-records"),
        (wrapped(0), Config::default(), 3, "unknown-format"),
    ];
    for (input, config, records, code) in cases {
        let want = streamed(input.as_bytes(), &config);
        let (made, all) = collected(input.as_bytes(), &config, &mut Normalizer::new(&config).unwrap());
        assert!(made == want, "{:?} and not {:?}", made.rejects, want.rejects);
        let codes: Vec<_> = made.rejects.iter().map(|r| r.0.as_str()).collect();
        assert_eq!((all.len(), codes.concat().as_str()), (records, code));
    }
}

#[test]
fn rejects_say_what_and_where() {
    let input = b"\n{\"provider\":\"aws\",\"product\":\"vpc\",\"kind\":\"flow\",\"bytes\":-1}\n";
    let mut normalizer = Normalizer::new(&Config::default()).unwrap();
    let rejected = normalizer.records(input).next().unwrap().unwrap_err();
    assert_eq!(
        rejected.to_string(),
        "line 2 (offset 1): number: bytes: \"-1\" is negative; expected a number from 0"
    );
    assert_eq!((rejected.format(), rejected.field()), (Some("flat"), Some("bytes")));
    assert_eq!(rejected.raw(), input[1..].trim_ascii_end());
}
