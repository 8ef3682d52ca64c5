//! Records tell which input they are from, and where in it, where that is asked for.

use std::{fs, sync::Arc};

use serde_json::{Value, json};
use weir_normalizer::{
    Config, EventConfig, Events, Normalizer, Stream, Ways,
    batch::{BatchView, Outcome},
    framing::Framer,
    limits,
    schemas::Schema,
    vrl,
};

mod corpus;

const LINE: &str = "1 5f67944957444bd6bb4fe3b367de8f3d 1d515d18-1b36-47dc-a983-bd6512aed4bd \
    192.168.0.154 192.168.3.25 38929 53 17 1 96 1548752136 1548752736 ACCEPT OK";

fn asked() -> Config {
    Config { source_name: true, ..Config::default() }
}

/// What comes out of an input of this name that comes in pieces.
fn output(input: &str, name: &str, piece: usize, config: &Config) -> String {
    let (mut stream, mut output) = (Stream::new(config).unwrap(), Vec::new());
    if !name.is_empty() {
        stream.set_source(&name.into());
    }
    for piece in input.as_bytes().chunks(piece) {
        stream.push(piece, |_, made| output.extend_from_slice(&made.output));
    }
    stream.finish(|_, made| output.extend_from_slice(&made.output));
    String::from_utf8(output).unwrap()
}

/// Its records.
fn run(input: &str, name: &str, piece: usize, config: &Config) -> Vec<Value> {
    let text = output(input, name, piece, config);
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn place(record: &Value) -> (Option<&str>, Option<u64>) {
    (record["log_file"].as_str(), record["log_offset"].as_u64())
}

/// Lines, objects, records of an envelope, lines in a string and a payload; and where each record's
/// text begins.
fn input() -> (String, Vec<u64>) {
    let (mut text, mut offsets) = (String::new(), Vec::new());
    let mut add = |text: &mut String, element: &str, records: usize, behind: &str| {
        offsets.extend(vec![text.len() as u64; records]);
        text.push_str(element);
        text.push_str(behind);
    };
    let payload = json!({ "content": LINE, "labels": {} }).to_string();
    let three = [LINE; 3].join("\n");
    let lines = json!({ "message": three }).to_string();
    for _ in 0..3 {
        add(&mut text, LINE, 1, "\n\r\n  \n");
        add(&mut text, "no record", 0, "\n");
        add(&mut text, &payload, 1, "\n");
        add(&mut text, &lines, 3, " ");
        text.push_str("{\"count\":2,\"logs\":[");
        add(&mut text, &payload, 1, " ,\n ");
        add(&mut text, &payload, 1, "]}\n");
    }
    (text, offsets)
}

#[test]
fn records_tell_where_their_text_begins() {
    let (input, offsets) = input();
    for piece in [1, 7, 1000, usize::MAX] {
        let records = run(&input, "a/b.log", piece, &asked());
        let places: Vec<_> = records.iter().map(place).collect();
        let want: Vec<_> = offsets.iter().map(|at| (Some("a/b.log"), Some(*at))).collect();
        assert_eq!(places, want, "in pieces of {piece}");
        // There is nothing else new.
        let plain = run(&input, "a/b.log", piece, &Config::default());
        assert_eq!(plain.len(), records.len());
        for (mut record, plain) in records.into_iter().zip(plain) {
            let members = record.as_object_mut().unwrap();
            members.remove("log_file");
            members.remove("log_offset");
            assert_eq!(record, plain);
        }
    }
}

#[test]
fn many_batches_and_any_part_of_one_tell_the_same() {
    let input = format!("{LINE}\n").repeat(5000);
    let offsets: Vec<_> = (0..5000).map(|i| i * (LINE.len() as u64 + 1)).collect();
    let told = |records: &[Value]| records.iter().map(|r| place(r).1.unwrap()).collect::<Vec<_>>();
    assert_eq!(told(&run(&input, "x", 1 << 16, &asked())), offsets);

    let (mut framer, mut normalizer) = (Framer::new(&asked()).unwrap(), Normalizer::new(&asked()).unwrap());
    framer.set_source(&"x".into());
    framer.push(input.as_bytes());
    framer.finish();
    let (mut head, mut out, mut found) = (Vec::new(), Outcome::default(), Vec::new());
    while let Some(batch) = framer.next_batch() {
        assert_eq!(batch.source.as_deref(), Some("x"));
        for start in (0..batch.elements.len()).step_by(77) {
            let part = start..batch.elements.len().min(start + 77);
            batch.encode_head(part.clone(), &mut head);
            let view = BatchView::split(&head, batch.window(part)).unwrap();
            normalizer.run(&view, 0, &mut out);
            let records = std::str::from_utf8(&out.output).unwrap().lines();
            found.extend(records.map(|line| serde_json::from_str::<Value>(line).unwrap()));
        }
    }
    assert_eq!(told(&found), offsets);
}

#[test]
fn records_as_values_tell_their_offset() {
    let (input, offsets) = input();
    let mut normalizer = Normalizer::new(&asked()).unwrap();
    let records: Vec<_> = normalizer.records(input.as_bytes()).filter_map(Result::ok).collect();
    let told: Vec<_> = records.iter().map(|r| r.log_offset().unwrap()).collect();
    assert_eq!(told, offsets);
    assert!(records.iter().all(|r| r.log_offset() == Some(r.place().offset) && r.log_file().is_none()));
}

#[test]
fn an_input_without_a_name_has_offsets() {
    let records = run(&format!("\n{LINE}\n"), "", 1000, &asked());
    assert_eq!(place(&records[0]), (None, Some(1)));
}

/// What a vendor's record says under these keys is the vendor's; what a flat record says is Weir's, and
/// gives way.
#[test]
fn keys_of_these_names_are_others() {
    let keyed = json!({
        "version": 1, "project-id": "p", "interface-id": "1d515d18-1b36-47dc-a983-bd6512aed4bd",
        "srcaddr": "10.0.0.1", "dstaddr": "10.0.0.2", "bytes": 4, "action": "ACCEPT", "logStatus": "OK",
        "log_file": "theirs", "log_offset": 7,
    });
    for (config, want) in [(asked(), (Some("ours"), Some(0))), (Config::default(), (None, None))] {
        let config = Config { from: Some("huawei-vpc".into()), ..config };
        let records = run(&keyed.to_string(), "ours", 1000, &config);
        assert_eq!(place(&records[0]), want);
        let extra = &records[0]["extra"];
        assert_eq!((&extra["log_file"], &extra["log_offset"]), (&json!("theirs"), &json!(7)));
    }

    let flat = run(LINE, "first", 1000, &asked())[0].to_string();
    let again = |config: Config, name: &str| {
        run(&format!(" {flat}\n"), name, 1000, &Config { from: Some("flat".into()), ..config })
    };
    assert_eq!(place(&again(Config::default(), "second")[0]), (Some("first"), Some(0)));
    assert_eq!(place(&again(asked(), "second")[0]), (Some("second"), Some(1)));
    // A file of one, and an offset in another, are of no input.
    assert_eq!(place(&again(asked(), "")[0]), (None, Some(1)));
}

#[test]
fn each_schema_has_its_place() {
    for (to, name, offset) in [
        (Schema::Flat, "/log_file", "/log_offset"),
        (Schema::Ecs, "/log/file/path", "/log/offset"),
        (Schema::Ocsf, "/metadata/log_source", "/unmapped/weir/log_offset"),
    ] {
        let records = run(&format!("\n{LINE}\n"), "a.log", 1000, &Config { to, ..asked() });
        assert_eq!(records[0].pointer(name), Some(&json!("a.log")), "{records:?}");
        assert_eq!(records[0].pointer(offset), Some(&json!(1)), "{records:?}");
    }
    let record = &run(&format!("\n{LINE}\n"), "a.log", 1000, &Config { to: Schema::Otel, ..asked() })[0];
    let attributes = &record["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]["attributes"];
    for (key, value) in [
        ("log.file.path", json!({ "stringValue": "a.log" })),
        ("log.file.record_offset", json!({ "intValue": "1" })),
    ] {
        assert!(attributes.as_array().unwrap().contains(&json!({ "key": key, "value": value })), "{key}");
    }
}

#[test]
fn they_are_fields_as_others_are() {
    let input = format!("{LINE}\n").repeat(3);
    let run = |config: Config| run(&input, "10.0.0.0/a.log", 1000, &Config { source_name: true, ..config });
    let filtered = |text: &str| run(Config { filter: Some(text.into()), ..Config::default() }).len();
    assert_eq!(filtered("log_file matches \"a[.]log$\""), 3);
    assert_eq!(filtered("log_file == \"b\" or log_offset > 0"), 2);

    let dropped = run(Config { drop: vec!["log_file".into()], ..Config::default() });
    assert_eq!(place(&dropped[1]), (None, Some(LINE.len() as u64 + 1)));
    let dropped = run(Config { drop: vec!["log_offset".into()], ..Config::default() });
    assert_eq!(place(&dropped[1]), (Some("10.0.0.0/a.log"), None));
    // With the text beside them, and what stands around that.
    let kept = run(Config { keep_raw: true, keep_envelope: true, ..Config::default() });
    assert_eq!(place(&kept[0]), (Some("10.0.0.0/a.log"), Some(0)));
    assert_eq!(kept[0]["extra"]["raw"], LINE);
}

/// What a fast path wrote is completed to what the reference path writes.
#[test]
fn a_fast_path_says_what_the_reference_path_does() {
    let all: Vec<String> = Ways::NAMES.iter().map(|way| (*way).to_owned()).collect();
    let mut told = 0;
    for file in ["ok", "err"].into_iter().flat_map(corpus::inputs) {
        let Ok(text) = fs::read_to_string(&file) else { continue };
        // Often enough that each fast path is tried.
        let text = format!("{}\n", text.trim_end()).repeat(4);
        for filter in [None, Some("bytes > 100 or extra.x == 1")] {
            let config = corpus::config(&file);
            let filter = filter.map(str::to_owned).or(config.filter.clone());
            let fast = Config { source_name: true, filter, ..config };
            let slow = Config { without: all.clone(), ..fast.clone() };
            for name in ["", "a \"b\" {é.log"] {
                let [fast, slow] = [&fast, &slow].map(|config| output(&text, name, 1000, config));
                assert_eq!(fast, slow, "{file:?} {name}");
                told += fast.lines().filter(|line| line.contains("\"log_offset\":")).count();
            }
        }
    }
    assert!(told > 5000, "{told}");
}

/// Of what may be hidden a name may tell, too.
#[test]
fn a_name_tells_no_address_that_is_masked() {
    let config = Config { mask: vec!["src_ip/24".into()], ..asked() };
    let records = run(LINE, "192.168.0.154", 1000, &config);
    assert_eq!(place(&records[0]), (Some("192.168.0.0"), Some(0)));
    let records = run(LINE, "flows-192.168.0.154.log", 1000, &config);
    assert!(!records[0].to_string().contains("192.168.0.154"), "{}", records[0]);
}

/// Flat records that are read again are the same, whatever their input is called.
#[test]
fn names_are_read_back() {
    for name in ["a", " a b ", "\t", "-", "--", "null", "-1", "N/A", "none", "0", "\"", "\u{0}"] {
        let record = &run(LINE, name, 1000, &asked())[0];
        let stands_for_none = ["\t", "-", "null", "-1", "N/A"].contains(&name);
        assert_eq!(place(record).0, Some(name).filter(|_| !stands_for_none));
        let once = record.to_string();
        let again = run(&once, "b", 1000, &Config { from: Some("flat".into()), ..Config::default() });
        assert_eq!(again[0].to_string(), once, "{name:?}");
    }
}

/// A name is untrusted: an archive says what its members are called.
#[test]
fn names_are_escaped_and_bounded() {
    let name = "\"\\\u{0}\u{1b}[31m\u{202e}\n\u{1f600}";
    for &to in Schema::ALL {
        let records = run(LINE, name, 1000, &Config { to, ..asked() });
        assert_eq!(records.len(), 1);
        assert!(to != Schema::Flat || place(&records[0]).0 == Some(name));
    }
    // As long as it may be and in no schema too much for a short record, and cut between characters.
    let short = "1 5f67944957444bd6bb4fe3b367de8f3d 1d515d18-1b36-47dc-a983-bd6512aed4bd - - - - - - - 1431280876 1431280934 - NODATA\n";
    for long in ["\u{1}".repeat(limits::SOURCE_NAME), "\u{20ac}".repeat(limits::SOURCE_NAME)] {
        for &to in Schema::ALL {
            assert_eq!(run(short, &long, 1000, &Config { to, ..asked() }).len(), 1, "{to:?}");
        }
        let records = run(short, &long, 1000, &asked());
        let told = place(&records[0]).0.unwrap();
        assert!(long.starts_with(told) && limits::SOURCE_NAME - told.len() < 3, "{}", told.len());
    }
}

#[test]
fn one_framer_reads_several_inputs() {
    let mut framer = Framer::new(&asked()).unwrap();
    let mut sources = Vec::new();
    for name in ["a", "b"] {
        framer.reset();
        framer.set_source(&name.into());
        framer.push(LINE.as_bytes());
        framer.finish();
        sources.extend(std::iter::from_fn(|| framer.next_batch()).map(|batch| batch.source));
    }
    assert_eq!(sources, [Some(Arc::from("a")), Some(Arc::from("b"))]);
    // Nobody asked.
    let mut framer = Framer::new(&Config::default()).unwrap();
    framer.set_source(&"a".into());
    framer.push(LINE.as_bytes());
    framer.finish();
    assert_eq!(framer.next_batch().unwrap().source, None);
}

#[test]
fn who_has_no_input_refuses() {
    let events = EventConfig { records: asked(), ..EventConfig::default() };
    let error = Events::new(&events).unwrap_err().to_string();
    assert!(error.starts_with("source_name: an event is of no input"), "{error}");
    let config = Config { from: Some("huawei-vpc".into()), ..asked() };
    let error = vrl::program(&config).unwrap_err().to_string();
    assert!(error.contains("--source-name"), "{error}");
}

#[test]
fn a_filter_for_what_nothing_says_is_warned_of() {
    let filtered = |text: &str, config: Config| {
        let config = Config { filter: Some(text.into()), ..config };
        Normalizer::new(&config).unwrap().warnings().to_vec()
    };
    assert_eq!(
        filtered("not (bytes > 1 and log_offset == 3)", Config::default()),
        [
            "where: log_offset is only in flat records that were made with --source-name; without it here, none else has it"
        ]
    );
    assert!(filtered("log_file == a", asked()).is_empty());
    let flat = Config { from: Some("flat".into()), ..Config::default() };
    assert!(filtered("log_file == a", flat).is_empty());
    assert!(filtered("extra.log_file == a", Config::default()).is_empty());
}
