//! Events of log agents: one JSON object in, one JSON object out.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use weir_normalizer::{Config, EventConfig, Events, Output, Stream, batch, limits, schemas::Schema};

const LINE: &str = "1 5f67944957444bd6bb4fe3b367de8f3d 1d515d18-1b36-47dc-a983-bd6512aed4bd \
    192.168.0.154 192.168.3.25 38929 53 17 1 96 1548752136 1548752736 ACCEPT OK";

/// Another one, with an address that is none.
fn bad_line() -> String {
    LINE.replace("192.168.3.25", "300.1.1.1")
}

fn with(config: &EventConfig, event: &str) -> String {
    let mut out = Output::from(b"what was there before".to_vec());
    Events::new(config).unwrap().normalize(event.as_bytes(), 1_700_000_000_123, &mut out);
    String::from_utf8(out.to_vec()).unwrap()
}

fn normalize(event: &str) -> String {
    with(&EventConfig::default(), event)
}

fn records(config: Config) -> EventConfig {
    EventConfig { records: config, ..EventConfig::default() }
}

/// What `weir normalize` makes of an input: records, and how many it rejects.
fn stream(config: &Config, input: &[u8]) -> (Vec<String>, usize) {
    let mut stream = Stream::new(config).unwrap();
    let (mut output, mut rejected) = (Vec::new(), 0);
    let mut take = |made: &batch::Outcome| {
        output.extend_from_slice(&made.output);
        rejected += made.rejected as usize;
    };
    stream.push(input, |_, made| take(made));
    stream.finish(|_, made| take(made));
    (String::from_utf8(output).unwrap().lines().map(str::to_owned).collect(), rejected)
}

fn flat(input: &str) -> String {
    let (records, rejected) = stream(&Config::default(), input.as_bytes());
    assert_eq!((records.len(), rejected), (1, 0), "{input}");
    records[0].clone()
}

fn log(payload: &str) -> String {
    json!({ "log": payload }).to_string()
}

/// Every file of the corpus; what stands beside the inputs is an input as good.
fn corpus() -> Vec<PathBuf> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    assert!(files.len() > 50);
    files.sort();
    files
}

/// What is in base64 is not looked into in an event.
fn is_in_base64(file: &Path) -> bool {
    file.to_string_lossy().contains("firehose.json")
}

#[test]
fn what_is_in_base64_stays() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus/aws-vpc/ok/firehose.json");
    for line in fs::read_to_string(file).unwrap().lines() {
        let made = normalize(line);
        let object: Value = serde_json::from_str(&made).unwrap();
        assert!(made == line || object["weir_error"]["reason"].is_string(), "{made}");
        let wrapped = log(line);
        assert!(normalize(&wrapped).starts_with(wrapped.strip_suffix('}').unwrap()));
    }
}

#[test]
fn a_text_record_becomes_the_flat_record() {
    for key in ["log", "message", "content", "MESSAGE", "payload"] {
        for end in ["", "\n", "\r\n"] {
            assert_eq!(normalize(&json!({ key: format!("{LINE}{end}") }).to_string()), flat(LINE), "{key}");
        }
    }
}

/// What comes of a payload is what comes of the same text in a file, for every line of the corpus
/// and for every file as a whole.
#[test]
fn payloads_of_the_corpus_become_what_files_do() {
    let mut compared = 0;
    for file in corpus() {
        let Ok(text) = fs::read_to_string(&file) else { continue };
        if is_in_base64(&file) {
            continue;
        }
        // A file of documents is an envelope more than a document, which is too many for some.
        let whole = (!text.starts_with(['{', '['])).then_some(text.as_str());
        for payload in text.lines().chain(whole) {
            let event = log(payload);
            if event.len() > limits::EVENT {
                continue;
            }
            let got = normalize(&event);
            let (records, rejected) = stream(&Config::default(), payload.as_bytes());
            let object: Value = serde_json::from_str(&got).unwrap_or_else(|e| panic!("{e}: {got}"));
            match (&records[..], rejected) {
                // An event may not be wrapped as often as a file.
                _ if object["weir_error"]["code"] == "nesting" || file.ends_with("wrapped.json") => {
                    assert_eq!(object["log"], payload);
                }
                ([one], 0) => assert_eq!(&got, one, "{}", file.display()),
                ([], _) if got == event => {}
                ([], _) => {
                    assert_eq!(object["log"], payload, "{}: {got}", file.display());
                    assert!(object["weir_error"]["reason"].is_string(), "{got}");
                }
                (many, 0) => {
                    assert_eq!(got, format!("{{\"records\":[{}]}}", many.join(",")), "{}", file.display());
                }
                // A document that is no good JSON is not looked into; all of it stays in the event.
                (_, _) if got == event => {
                    let deep = payload.contains(&"{\"b\":".repeat(limits::DEPTH));
                    let broken = serde_json::from_str::<Value>(payload).is_err();
                    let wrapped = file.ends_with("ok/wrapped.json");
                    assert!(deep || broken || wrapped, "{got}");
                }
                (some, n) => {
                    let start = format!("{{\"records\":[{}],\"log\":", some.join(","));
                    assert!(got.starts_with(&start), "{}: {got}", file.display());
                    assert_eq!(object["log"], payload);
                    let rejected = object["weir_error"]["rejected"].as_u64().unwrap_or(1);
                    assert_eq!(rejected, n as u64, "{got}");
                }
            }
            compared += records.len();
        }
    }
    assert!(compared > 400, "{compared}");
}

/// A keyed record that is the event itself is the same as in a file.
#[test]
fn keyed_records_of_the_corpus_become_what_files_do() {
    let mut compared = 0;
    for file in corpus() {
        let Ok(text) = fs::read_to_string(&file) else { continue };
        if is_in_base64(&file) {
            continue;
        }
        for line in text.lines().filter(|l| serde_json::from_str::<Value>(l).is_ok_and(|v| v.is_object())) {
            let (records, rejected) = stream(&Config::default(), line.as_bytes());
            let got = normalize(line);
            let object: Value = serde_json::from_str(&got).unwrap();
            match (&records[..], rejected) {
                // What is around the record stays.
                ([one], 0) => assert!(got.starts_with(one.strip_suffix('}').unwrap()), "{got}\n{one}"),
                // What a payload would hide stays in the event.
                ([], _) if file.ends_with("mixed/err/records-under-two-keys.json") => {
                    assert!(
                        got.starts_with("{\"provider\":")
                            && (object["logs"].is_array() || object["data"].is_object())
                    );
                }
                ([], _) => assert!(got == line || object["weir_error"].is_object(), "{got}\n{line}"),
                (_, 1..) if line.contains(&"{\"b\":".repeat(limits::DEPTH)) => assert_eq!(got, line),
                (many, _) => {
                    let start = format!("{{\"records\":[{}]", many.join(","));
                    assert!(got.starts_with(&start), "{got}");
                }
            }
            compared += records.len();
        }
    }
    assert!(compared > 100, "{compared}");
}

#[test]
fn other_keys_stay_behind_the_record() {
    let event = format!(r#"{{"stream":"stdout","log":"{LINE}","n":1.50,"k":{{"a": [1, null]}},"t":true}}"#);
    let record = flat(LINE);
    let open = record.strip_suffix('}').unwrap();
    assert_eq!(
        normalize(&event),
        format!(r#"{open},"stream":"stdout","n":1.50,"k":{{"a":[1,null]}},"t":true}}"#)
    );
    let drop_others = EventConfig { drop_others: true, ..EventConfig::default() };
    assert_eq!(with(&drop_others, &event), record);
    let original = EventConfig { keep_original: true, ..drop_others };
    assert_eq!(with(&original, &event), format!(r#"{open},"log":"{LINE}"}}"#));
    let both = EventConfig { keep_original: true, ..EventConfig::default() };
    assert_eq!(
        with(&both, &event),
        format!(r#"{open},"stream":"stdout","log":"{LINE}","n":1.50,"k":{{"a":[1,null]}},"t":true}}"#)
    );
    // The payload alone is the event.
    assert_eq!(with(&both, &log(LINE)), format!(r#"{open},"log":"{LINE}"}}"#));
}

#[test]
fn a_key_that_a_record_may_have_is_renamed() {
    let event = format!(
        r#"{{"log":"{LINE}","host":"node-1","agent_host":"x","extra":1,"records":2,"weir_error":3,"bytes":4}}"#
    );
    let record = flat(LINE);
    // `host` is no field of this record, but it is one of others: its meaning does not change.
    assert_eq!(
        normalize(&event),
        format!(
            r#"{},"agent_agent_host":"node-1","agent_host":"x","agent_extra":1,"agent_records":2,"agent_weir_error":3,"agent_bytes":4}}"#,
            record.strip_suffix('}').unwrap()
        )
    );
}

/// No key of a record, in any schema, can be one that stays.
#[test]
fn no_key_comes_twice() {
    for schema in [Schema::Flat, Schema::Ecs, Schema::Ocsf] {
        let config = records(Config { to: schema, ..Config::default() });
        let mut seen = 0;
        for file in corpus() {
            let Ok(text) = fs::read_to_string(&file) else { continue };
            if is_in_base64(&file) {
                continue;
            }
            for line in text.lines() {
                let plain = with(&config, &log(line));
                let Ok(Value::Object(object)) = serde_json::from_str(&plain) else { panic!("{plain}") };
                if object.contains_key("log") || object.contains_key("records") {
                    continue;
                }
                for key in object.keys() {
                    // One key at a time: many of them would tell a product themselves.
                    let event = json!({ "log": line, key: "own" }).to_string();
                    let want = format!("{},\"agent_{key}\":\"own\"}}", plain.strip_suffix('}').unwrap());
                    assert_eq!(with(&config, &event), want, "{schema:?}");
                }
                seen += 1;
            }
        }
        assert!(seen > 50, "{seen}");
    }
}

#[test]
fn of_a_key_that_comes_twice_the_last_counts() {
    let event = format!(r#"{{"a":1,"log":"x","log":"{LINE}","a":2}}"#);
    assert_eq!(normalize(&event), format!(r#"{},"a":2}}"#, flat(LINE).strip_suffix('}').unwrap()));
    // With so many keys that they are sorted.
    let many: String = (0..40).map(|i| format!(r#""k{i}":{i},"#)).collect();
    let got = normalize(&format!(r#"{{{many}{many}"log":"{LINE}"}}"#));
    assert_eq!(got, format!(r#"{},{}}}"#, flat(LINE).strip_suffix('}').unwrap(), many.trim_end_matches(',')));
}

#[test]
fn a_bad_record_stays_as_it_was_with_the_reason() {
    let bad = bad_line();
    let event = format!(r#"{{"log":"{bad}\n","host":"node-1"}}"#);
    assert_eq!(
        normalize(&event),
        format!(
            r#"{{"log":"{bad}\n","host":"node-1","weir_error":{{"reason":"column 5 (dstaddr): \"300.1.1.1\" is not an IPv4 or IPv6 address","code":"address","format":"huawei-vpc","field":"dstaddr","offset":{}}}}}"#,
            bad.find("300").unwrap()
        )
    );
    // A second pass gives the same.
    assert_eq!(normalize(&normalize(&event)), normalize(&event));
    // Dropping other keys is about records that came out.
    let config = EventConfig { drop_others: true, ..EventConfig::default() };
    assert_eq!(with(&config, &event), normalize(&event));
}

#[test]
fn a_record_that_was_normalized_stays_as_it_is() {
    let record = flat(LINE);
    assert_eq!(normalize(&record), record);
    assert_eq!(normalize(&log(&record)), record);
}

#[test]
fn what_holds_no_record_stays_byte_for_byte() {
    for event in [
        r#"{}"#,
        r#"{ "log" : "GET /index.html 200" , "b":1.0e5 }"#,
        r#"{"log":""}"#,
        r#"{"log":null}"#,
        r#"{"log":7}"#,
        r#"{"log":[1,2]}"#,
        r#"{"log":{"level":"info","msg":"started"}}"#,
        r#"{"log":"{\"level\":\"info\",\"msg\":\"started\"}"}"#,
        r#"{"log":"{not json"}"#,
        r#"{"log":"a\u0000b"}"#,
        r#"{"message":"several words that are about nothing in particular, fourteen of them perhaps"}"#,
        r#"{"error_code":"7","error_msg":"the database is away"}"#,
        r#"{"metric":1}"#,
        // No JSON objects, or no JSON.
        "",
        "null",
        "[]",
        "[{\"log\":\"x\"}]",
        "{\"log\":\"x\"",
        "{\"log\":\"x\"}}",
        "{\"log\":\"\\ud800\"}",
        "{\"log\":\"\u{1}\"}",
        "\0",
    ] {
        assert_eq!(normalize(event), event);
    }
    let mut out = Output::default();
    Events::new(&EventConfig::default()).unwrap().normalize(b"{\"log\":\"\xff\"}", 0, &mut out);
    assert_eq!(*out, *b"{\"log\":\"\xff\"}");
    let deep = format!("{{\"log\":{}{}}}", "[".repeat(5000), "]".repeat(5000));
    assert_eq!(normalize(&deep), deep);
}

/// Where the configuration says what payloads are, a payload that is none is a bad record.
#[test]
fn a_fixed_product_makes_every_payload_a_record() {
    let config = records(Config { from: Some("huawei-vpc".into()), ..Config::default() });
    let got: Value = serde_json::from_str(&with(&config, r#"{"log":"hello"}"#)).unwrap();
    assert_eq!(got["log"], "hello");
    assert!(got["weir_error"]["reason"].is_string(), "{got}");
    for event in [r#"{"metric":1}"#, r#"{}"#] {
        assert_eq!(with(&config, event), event, "an event without a payload");
    }
}

/// Keys that a payload may have are not always the payload's.
#[test]
fn the_payload_is_found_among_several_keys() {
    let event = json!({ "event": "login", "content": {"a": 1}, "log": LINE, "message": "hello" });
    let rest = r#""content":{"a":1},"event":"login","message":"hello"}"#;
    assert_eq!(normalize(&event.to_string()), format!("{},{rest}", flat(LINE).strip_suffix('}').unwrap()));
    let event = json!({ "event": "login", "log": "hello", "message": bad_line() }).to_string();
    let got: Value = serde_json::from_str(&normalize(&event)).unwrap();
    assert_eq!((&got["event"], &got["weir_error"]["field"]), (&json!("login"), &json!("dstaddr")));
    let event = json!({ "event": "login", "log": "hello" }).to_string();
    assert_eq!(normalize(&event), event);
}

#[test]
fn several_records_stand_in_an_array() {
    let (record, other) = (flat(LINE), flat(&LINE.replace(" 53 ", " 54 ")));
    let two = format!("{LINE}\n{}", LINE.replace(" 53 ", " 54 "));
    let event = json!({ "log": two, "host": "a" }).to_string();
    assert_eq!(normalize(&event), format!(r#"{{"records":[{record},{other}],"agent_host":"a"}}"#));
    // One that is bad: nothing of the event is lost, nor the good one.
    let mixed = format!("{LINE}\n{}", bad_line());
    let got: Value = serde_json::from_str(&normalize(&log(&mixed))).unwrap();
    assert_eq!(got["records"], json!([serde_json::from_str::<Value>(&record).unwrap()]));
    assert_eq!(got["log"], mixed);
    assert_eq!(got["weir_error"]["field"], "dstaddr");
    // An envelope that is the event itself.
    let event = json!({ "total": 2, "logs": [{ "content": LINE }, { "content": LINE }] }).to_string();
    assert_eq!(normalize(&event), format!(r#"{{"records":[{record},{record}],"total":2}}"#));
    let event = json!({ "total": 1, "logs": [{ "content": LINE }] }).to_string();
    assert_eq!(normalize(&event), format!(r#"{},"total":1}}"#, record.strip_suffix('}').unwrap()));
}

#[test]
fn too_many_records_are_refused() {
    // Each makes much more than it takes.
    let lines = format!("{LINE}\n").repeat(limits::EVENT / (LINE.len() + 2));
    let config = records(Config { keep_raw: true, ..Config::default() });
    let event = log(&lines);
    assert!(event.len() <= limits::EVENT);
    let big = with(&config, &event);
    assert!(big.starts_with("{\"records\":["), "{}", &big[..100]);
    let (flood, want) = (r#"{"a":[1],"b":2}"#, event.len());
    assert!(want > flood.len());
    // What is longer than an event may be is not looked into.
    let long = log(&format!("{lines}{lines}"));
    assert_eq!(normalize(&long), long);
}

#[test]
fn what_the_filter_drops_is_nothing() {
    let config = records(Config { filter: Some("dst_port == 53".into()), ..Config::default() });
    assert_eq!(with(&config, &log(LINE)), flat(LINE));
    assert_eq!(with(&config, &log(&LINE.replace(" 53 ", " 54 "))), "");
    let two = format!("{LINE}\n{}", LINE.replace(" 53 ", " 54 "));
    assert_eq!(with(&config, &log(&two)), flat(LINE), "one of two");
    // What is no record is not the filter's business.
    assert_eq!(with(&config, &log("hello")), log("hello"));
    assert!(with(&config, &log(&bad_line())).contains("weir_error"));
}

#[test]
fn header_rows() {
    let names = "srcaddr,dstaddr,bytes,cen-id,start,end,action,protocol,srcport,dstport,packets,log-status";
    let got: Value = serde_json::from_str(&normalize(&log(names))).unwrap();
    assert_eq!((&got["log"], &got["weir_error"]["code"]), (&json!(names), &json!("header")));
    let config =
        records(Config { from: Some("alibaba-cen".into()), layout: Some(names.into()), ..Config::default() });
    assert_eq!(with(&config, &log(names)), "", "the header row of the layout is no record");
    let row = "10.0.0.1,10.0.0.2,1200,cen-a,1548752136,1548752736,ACCEPT,6,1,2,3,OK";
    let (want, _) = stream(&config.records, format!("{names}\n{row}\n").as_bytes());
    assert_eq!([with(&config, &log(row))], want[..]);
}

/// An event's time stands in where a schema needs one and the record has none.
#[test]
fn the_time_of_an_event_is_the_observed_time() {
    let line = json!({ "provider": "huawei", "product": "vpc", "kind": "flow", "src_ip": "10.0.0.1" });
    let config = Config { to: Schema::Ecs, from: Some("flat".into()), ..Config::default() };
    let got: Value = serde_json::from_str(&with(&records(config), &line.to_string())).unwrap();
    assert_eq!(got["@timestamp"], "2023-11-14T22:13:20.123Z");
}

/// A time that not every schema can write is none.
#[test]
fn an_event_of_a_time_too_late_has_none() {
    let line = json!({ "provider": "huawei", "product": "vpc", "kind": "flow", "src_ip": "10.0.0.1" });
    let config = Config { to: Schema::Ecs, from: Some("flat".into()), ..Config::default() };
    let (mut events, mut out) = (Events::new(&records(config)).unwrap(), Output::default());
    for (time, source) in
        [(limits::LATEST_MS, "observed"), (limits::LATEST_MS + 1, "unknown"), (u64::MAX, "unknown")]
    {
        events.normalize(line.to_string().as_bytes(), time, &mut out);
        let got: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(got["weir"]["time_source"], source, "{time}: {got}");
    }
}

#[test]
fn choices_that_can_not_be() {
    let otel = records(Config { to: Schema::Otel, ..Config::default() });
    assert!(Events::new(&otel).unwrap_err().to_string().starts_with("to: otel"));
    assert!(Events::new(&records(Config { from: Some("x".into()), ..Config::default() })).is_err());
}

/// What comes out of one event does not depend on those before it.
#[test]
fn events_know_nothing_of_each_other() {
    let mut events = Events::new(&EventConfig::default()).unwrap();
    let (mut out, mut seen) = (Output::default(), 0);
    for file in corpus() {
        let Ok(text) = fs::read_to_string(&file) else { continue };
        if is_in_base64(&file) {
            continue;
        }
        for line in text.lines() {
            for event in [log(line), line.to_owned()] {
                events.normalize(event.as_bytes(), 1_700_000_000_123, &mut out);
                assert_eq!(String::from_utf8_lossy(&out), normalize(&event));
                seen += 1;
            }
        }
    }
    assert!(seen > 1000, "{seen}");
}

/// The short way for lines, and the long one that takes a field away which is not there.
#[test]
fn both_ways_trim_the_same() {
    let long = records(Config { drop: vec!["extra.not-there".into()], ..Config::default() });
    let blanks = " ".repeat(limits::RECORD);
    let tails = [
        "", "\n", "\r\n", " ", "\t", "\u{b}", "\u{c}", "\n ", "\n\t", "\n \n", "\r", "\0", "\u{a0}", &blanks,
    ];
    for tail in tails {
        for event in [log(&format!("{LINE}{tail}")), log(&format!("{tail}{LINE}"))] {
            assert_eq!(normalize(&event), with(&long, &event), "{tail:.8?}");
        }
    }
}

/// What other makers' agents and devices write passes as it is, also inside of an agent's event.
#[test]
fn records_of_neighbours_pass_unchanged() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus/mixed/err");
    let mut events = 0;
    for file in fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()) {
        let name = file.file_name().unwrap().to_str().unwrap();
        let is_input = name.starts_with("neighbours-") && (name.ends_with(".json") || name.ends_with(".log"));
        if !is_input || name.contains("lines") {
            continue;
        }
        for event in fs::read_to_string(&file).unwrap().lines() {
            assert_eq!(normalize(event), event, "{name}");
            assert_eq!(normalize(&log(event)), log(event), "{name}");
            events += 1;
        }
    }
    assert!(events > 30);
}

#[test]
fn a_time_in_front_of_a_line_is_the_logs_time() {
    let record: Value =
        serde_json::from_str(&normalize(&log(&format!("2024-02-07 11:25:40 {LINE}")))).unwrap();
    let mut plain: Value = serde_json::from_str(&normalize(&log(LINE))).unwrap();
    plain["log_time_ms"] = json!(1_707_305_140_000_u64);
    assert_eq!(record, plain);
    // Once: what stands behind a second time is nobody's.
    let twice = log(&format!("2024-02-07 11:25:40 2024-02-07 11:25:40 {LINE}"));
    assert_eq!(normalize(&twice), twice);
}
