//! The guest for Fluent Bit, in Fluent Bit's interpreter, against the normalizer without it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::json;
use wasmparser::{Parser, Payload, Validator, WasmFeatures};
use weir_normalizer::{EventConfig, Events, Output, limits};
use weir_wamr::{DEFAULT_SIZE, Filter};

const LINE: &str = "1 5f67944957444bd6bb4fe3b367de8f3d 1d515d18-1b36-47dc-a983-bd6512aed4bd \
    192.168.0.154 192.168.3.25 38929 53 17 1 96 1548752136 1548752736 ACCEPT OK";

/// An instant in what 32 bits hold.
const TIME: (u32, u32) = (1_700_000_000, 123_456_789);

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn guest() -> Vec<u8> {
    let path = top().join("target/plugins/weir_fluent_bit.wasm");
    fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}; `cargo xtask build` makes it", path.display()))
}

fn filter() -> Filter {
    Filter::with_stack(&guest(), DEFAULT_SIZE)
}

/// What the filter gives, through a tag that is long now and then.
fn through(filter: &Filter, event: &[u8]) -> Vec<u8> {
    let tag =
        if event.len().is_multiple_of(7) { "kube.var.log.containers.flow".repeat(20) } else { "flow".into() };
    filter.filter(&tag, TIME.0, TIME.1, event).unwrap_or_else(|lost| {
        panic!("{lost:?}: {}", String::from_utf8_lossy(&event[..event.len().min(300)]))
    })
}

/// What the normalizer gives without WebAssembly.
struct Native(Events, Output);

impl Native {
    fn new(config: &EventConfig) -> Self {
        Self(Events::new(config).unwrap(), Output::default())
    }

    fn normalize(&mut self, event: &[u8]) -> &[u8] {
        let time = u64::from(TIME.0) * 1000 + u64::from(TIME.1) / 1_000_000;
        self.0.normalize(event, time, &mut self.1);
        &self.1
    }
}

fn log(payload: &str) -> Vec<u8> {
    json!({ "log": payload, "stream": "stdout" }).to_string().into_bytes()
}

/// Every text of the corpus: line by line, and whole.
fn texts() -> Vec<String> {
    let mut folders = vec![top().join("tests/corpus")];
    let mut texts = Vec::new();
    while let Some(folder) = folders.pop() {
        let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(text) = fs::read_to_string(&path) {
                texts.extend(text.lines().map(str::to_owned));
                texts.push(text);
            }
        }
    }
    assert!(texts.len() > 500);
    texts
}

#[test]
fn the_corpus_comes_out_as_without_a_guest() {
    let filter = filter();
    let mut native = Native::new(&EventConfig::default());
    for text in texts() {
        for event in [log(&text), text.clone().into_bytes()] {
            // Fluent Bit measures what it hands over.
            if event.contains(&0) {
                continue;
            }
            let got = through(&filter, &event);
            let want = native.normalize(&event);
            assert_eq!(String::from_utf8_lossy(&got), String::from_utf8_lossy(want));
        }
    }
}

#[test]
fn hostile_events_come_back() {
    let filter = filter();
    let mut native = Native::new(&EventConfig::default());
    let long = "x".repeat(limits::RECORD);
    let line = format!("{LINE} ").repeat(limits::RECORD / LINE.len());
    let quotes = "\"".repeat(limits::RECORD / 2);
    let keys: String = (0..20_000).map(|i| format!("\"k{i}\":{i},")).collect();
    let events: Vec<Vec<u8>> = vec![
        b"{}".to_vec(),
        b"".to_vec(),
        b"{".to_vec(),
        b"[]".to_vec(),
        b"null".to_vec(),
        b"{\"log\":\"\xff\xfe\"}".to_vec(),
        b"\xff".to_vec(),
        b"{\"log\":\"\\u0000\"}".to_vec(),
        b"{\"log\":\"\\ud800\"}".to_vec(),
        log(&long),
        log(&line),
        log(&quotes),
        log(&format!("{LINE}\n").repeat(6000)),
        log(&json!({ "content": LINE }).to_string()),
        format!("{{{keys}\"log\":\"{LINE}\"}}").into_bytes(),
        format!("{{{}\"a\":1{}}}", "\"a\":{".repeat(3000), "}".repeat(3000)).into_bytes(),
        format!("{{\"log\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000)).into_bytes(),
        log(&"[".repeat(100_000)),
        log(&"{\"records\":[".repeat(60)),
        vec![b'{'; 100_000],
        vec![b' '; 3 << 20],
    ];
    let sample = log(LINE);
    for event in &events {
        let got = through(&filter, event);
        let want = native.normalize(event).to_vec();
        assert!(!want.is_empty() || event.is_empty(), "nothing is dropped without a filter");
        assert!(got == want, "{}", String::from_utf8_lossy(&event[..event.len().min(300)]));
        // The next record is none the worse for it.
        assert!(through(&filter, &sample).starts_with(b"{\"provider\":\"huawei\""));
    }
}

/// Bakes a plugin as a user does; gives it with what `--show` says is inside.
fn bake(arguments: &[String]) -> (Filter, EventConfig) {
    let weir = top().join(format!("target/release/weir{}", std::env::consts::EXE_SUFFIX));
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("baked.wasm");
    let run = |arguments: &[String]| {
        let output = Command::new(&weir).arg("bake").args(arguments).output();
        let output =
            output.unwrap_or_else(|e| panic!("{}: {e}; `cargo xtask build` makes it", weir.display()));
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let path_text = path.to_str().unwrap().to_owned();
    run(&[&["fluent-bit".into()], arguments, &["--output".into(), path_text.clone()]].concat());
    let shown: serde_json::Value = serde_json::from_slice(&run(&["--show".into(), path_text])).unwrap();
    let config = serde_json::from_value(shown["config"].clone()).unwrap();
    (Filter::load(&path), config)
}

/// Splits the text of an argument file; double quotes keep blanks together.
fn arguments(text: &str) -> Vec<String> {
    let parts = text.trim_end().split('"').enumerate();
    let split = |(i, part): (usize, &str)| -> Vec<String> {
        match i % 2 {
            1 => vec![part.to_owned()],
            _ => part.split_whitespace().map(str::to_owned).collect(),
        }
    };
    parts.flat_map(split).collect()
}

/// Every choice that the corpus makes, baked: what comes out is what comes out without a guest.
#[test]
fn baked_choices_come_out_as_without_a_guest() {
    let mut cases: Vec<(Vec<String>, String)> = Vec::new();
    let sample = fs::read_to_string(top().join("tests/corpus/huawei-vpc/ok/samples.log")).unwrap();
    for more in ["--to ecs", "--to ocsf", "--keep-original --drop-other-keys", "--where \"bytes > 90\""] {
        cases.push((arguments(more), sample.clone()));
    }
    for product in fs::read_dir(top().join("tests/corpus")).unwrap() {
        let Ok(files) = fs::read_dir(product.unwrap().path().join("ok")) else { continue };
        for path in files.map(|f| f.unwrap().path()).filter(|p| p.extension().is_some_and(|e| e == "args")) {
            let text = fs::read_to_string(path.with_extension("")).unwrap_or_default();
            cases.push((arguments(&fs::read_to_string(&path).unwrap()), text));
        }
    }
    assert!(cases.len() > 20);
    let mut records = 0;
    for (arguments, text) in cases {
        let (filter, config) = bake(&arguments);
        let mut native = Native::new(&config);
        for payload in text.lines().chain([text.as_str()]) {
            for event in [log(payload), payload.as_bytes().to_vec()] {
                let got = through(&filter, &event);
                let want = native.normalize(&event);
                assert_eq!(String::from_utf8_lossy(&got), String::from_utf8_lossy(want), "{arguments:?}");
                records += usize::from(want != &event[..]);
            }
        }
    }
    assert!(records > 100, "{records}");
}

/// A text in envelopes, some as deep as a record may be: what needs the most stack.
fn wrapped(text: &str) -> [Vec<u8>; 10] {
    let string = |key: &str, text: &str| json!({ key: text }).to_string();
    let array = |text: &str| json!({ "result": [{ "message": text }] });
    let export = format!("timestamp,message\n1644819836370,\"{}\"\n", text.replace('"', "\"\""));
    [
        log(&string("message", text)),
        log(&string("result", text)),
        log(&string("log", &string("result", text))),
        log(&array(text).to_string()),
        log(&array(&array(text).to_string()).to_string()),
        log(&string("log", &array(text).to_string())),
        json!({ "log": array(text) }).to_string().into_bytes(),
        log(&format!("{text}\n{text}")),
        log(&export),
        log(&array(&export).to_string()),
    ]
}

/// A record in envelopes needs no more stack than Fluent Bit gives, whatever is written of it.
#[test]
fn what_envelopes_hold_comes_out_as_without_a_guest() {
    let mut records = 0;
    for more in ["", "--keep-envelope", "--to ocsf", "--to ecs"] {
        let (filter, config) = bake(&arguments(more));
        let mut native = Native::new(&config);
        for text in texts().iter().filter(|t| t.len() < 20_000 && !t.contains('\0')) {
            for event in wrapped(text) {
                let got = through(&filter, &event);
                let want = native.normalize(&event);
                assert_eq!(String::from_utf8_lossy(&got), String::from_utf8_lossy(want), "{more}");
                records += usize::from(want != &event[..]);
            }
        }
    }
    assert!(records > 10_000, "{records}");
}

/// Where memory ran out the agent passes 0 for an address, with the length all the same.
#[test]
fn an_address_that_can_not_be_gets_an_object_back() {
    let filter = filter();
    let outside = filter.memory() as u32;
    for arguments in [
        [0, 0, 0, 0, 0, 0],
        [0, 4, 0, 0, 0, 100],
        [1, 4, 0, 0, outside - 1, 100],
        [1, 4, 0, 0, u32::MAX, u32::MAX],
        [1, 4, 0, 0, 8, u32::MAX],
    ] {
        let got = filter.raw(arguments).unwrap();
        let object: serde_json::Value = serde_json::from_slice(&got).unwrap();
        assert_eq!(object["weir_error"]["code"], "no-memory");
    }
    assert!(through(&filter, &log(LINE)).starts_with(b"{\"provider\":\"huawei\""));
}

/// After records of every kind have sized what is reused, nothing grows any more. That takes two
/// rounds: where a buffer that grew in the first round finds room depends on where the heap begins.
#[test]
fn memory_is_flat() {
    let filter = filter();
    let events: Vec<Vec<u8>> = texts().iter().map(|t| log(t)).filter(|e| e.len() < 100_000).collect();
    let rounds = |n| {
        for event in (0..n).flat_map(|_| &events) {
            through(&filter, event);
        }
        filter.memory()
    };
    let before = rounds(2);
    assert_eq!(rounds(10), before);
    assert!(before < 8 << 20, "{before} bytes");
}

/// The features that Fluent Bit builds its runtime with, and no other.
#[test]
fn the_module_needs_nothing_that_fluent_bit_lacks() {
    let features = WasmFeatures::MUTABLE_GLOBAL
        | WasmFeatures::SATURATING_FLOAT_TO_INT
        | WasmFeatures::SIGN_EXTENSION
        | WasmFeatures::MULTI_VALUE
        | WasmFeatures::BULK_MEMORY
        | WasmFeatures::REFERENCE_TYPES
        | WasmFeatures::CALL_INDIRECT_OVERLONG
        | WasmFeatures::FLOATS
        | WasmFeatures::GC_TYPES;
    let guest = guest();
    Validator::new_with_features(features).validate_all(&guest).unwrap();
    let mut exports = Vec::new();
    for payload in Parser::new(0).parse_all(&guest) {
        match payload.unwrap() {
            Payload::ImportSection(imports) => assert_eq!(imports.count(), 0, "it imports something"),
            Payload::StartSection { .. } => panic!("a start function, which Fluent Bit calls with no limit"),
            Payload::ExportSection(all) => exports.extend(all.into_iter().map(|e| e.unwrap().name)),
            _ => {}
        }
    }
    for name in ["memory", "malloc", "free", "weir_filter"] {
        assert!(exports.contains(&name), "{name} is not among {exports:?}");
    }
    // The test can tell: a vector is refused.
    let vector = b"\0asm\x01\0\0\0\x01\x05\x01\x60\0\x01\x7b\x03\x02\x01\0\x0a\x16\x01\x14\0\xfd\x0c\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x0b";
    let refused = Validator::new_with_features(features).validate_all(vector).err().expect("a vector");
    assert!(refused.to_string().contains("SIMD"), "{refused}");
}
