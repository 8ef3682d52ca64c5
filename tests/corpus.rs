//! The corpus: each input beside what comes out of it, through every engine.
//!
//! `tests/corpus/<product>/ok/` has inputs without a reject, `err/` inputs with at least one.
//! Beside `NAME` stand `NAME.ndjson`, the records, and `NAME.rejects`; `NAME.args` has more
//! arguments for the command. `BLESS=1` rewrites the results.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;

/// The ways through which every case goes; the bytes must be the same.
const ENGINES: &[&[&str]] = &[
    &["--native", "--jobs", "1"],
    &["--jobs", "1"],
    &["--jobs", "2"],
    &["--jobs", "1", "--without", "outline,program,lines,handover,plain,frames"],
];

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus")
}

fn inputs(folder: &str) -> Vec<PathBuf> {
    let mut inputs = Vec::new();
    for product in fs::read_dir(corpus()).unwrap() {
        let Ok(files) = fs::read_dir(product.unwrap().path().join(folder)) else { continue };
        let result =
            |p: &PathBuf| p.extension().is_some_and(|e| e == "ndjson" || e == "rejects" || e == "args");
        inputs.extend(files.map(|f| f.unwrap().path()).filter(|p| !result(p)));
    }
    inputs.sort();
    assert!(inputs.len() > 10, "no corpus in {}", corpus().display());
    inputs
}

fn beside(input: &Path, extension: &str) -> PathBuf {
    let mut name = input.as_os_str().to_owned();
    name.push(extension);
    name.into()
}

/// Splits the text of an argument file; double quotes keep blanks together.
fn arguments(input: &Path) -> Vec<String> {
    let text = fs::read_to_string(beside(input, ".args")).unwrap_or_default();
    let mut arguments = Vec::new();
    for (i, part) in text.trim_end().split('"').enumerate() {
        if i % 2 == 1 {
            arguments.push(part.to_owned());
        } else {
            arguments.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    arguments
}

struct Ran {
    output: Output,
    rejects: String,
}

fn run(input: &Path, more: &[&str]) -> Ran {
    let dir = tempfile::tempdir().unwrap();
    let rejects = dir.path().join("rejects");
    let output = Command::new(env!("CARGO_BIN_EXE_weir"))
        .arg("normalize")
        .args(more)
        .args(arguments(input))
        .args(["--summary", "json", "--max-rejects", "100%", "--rejects"])
        .arg(&rejects)
        .arg(input.file_name().unwrap())
        .current_dir(input.parent().unwrap())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Ran { output, rejects: fs::read_to_string(rejects).unwrap_or_default() }
}

/// Compares with what is kept, or keeps it.
fn golden(path: &Path, got: &str, failures: &mut Vec<String>) {
    if std::env::var_os("BLESS").is_some() {
        if got.is_empty() {
            let _ = fs::remove_file(path);
        } else {
            fs::write(path, got).unwrap();
        }
        return;
    }
    let want = fs::read_to_string(path).unwrap_or_default();
    if want != got {
        failures.push(format!("{}\n--- want\n{want}--- got\n{got}", path.display()));
    }
}

fn check_balance(input: &Path, stderr: &str) {
    let line = stderr.lines().last().unwrap_or_default();
    let summary: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{stderr}: {e}"));
    let sum =
        |part: &str, keys: &[&str]| -> u64 { keys.iter().map(|k| summary[part][k].as_u64().unwrap()).sum() };
    let parts = ["normalized", "filtered", "rejected"];
    assert_eq!(sum("records", &["in"]), sum("records", &parts), "{input:?}: {summary}");
    let all = ["normalized", "filtered", "rejected", "blank", "framing"];
    assert_eq!(sum("bytes", &["in"]), sum("bytes", &all), "{input:?}: {summary}");
    if input.extension().is_none_or(|e| e != "gz" && e != "snappy") {
        assert_eq!(sum("bytes", &["in"]), fs::metadata(input).unwrap().len(), "{input:?}: {summary}");
    }
}

/// What of a record the schema forbids. Knows the keywords that the schema uses, and no other.
fn violations(schema: &Value, record: &Value) -> Vec<String> {
    const KNOWN: &[&str] =
        &["type", "enum", "minLength", "minimum", "maximum", "anyOf", "description", "minProperties"];
    let mut found = Vec::new();
    let record = record.as_object().unwrap();
    for required in schema["required"].as_array().unwrap() {
        if !record.contains_key(required.as_str().unwrap()) {
            found.push(format!("{required} is missing"));
        }
    }
    for (key, value) in record {
        let Some(rule) = schema["properties"].get(key) else {
            found.push(format!("{key} is not in the schema"));
            continue;
        };
        assert!(rule.as_object().unwrap().keys().all(|k| KNOWN.contains(&k.as_str())), "{rule}");
        let fine = match rule["type"].as_str().unwrap() {
            "integer" => {
                value.as_u64().is_some_and(|n| rule.get("maximum").is_none_or(|m| n <= m.as_u64().unwrap()))
            }
            "object" => value.as_object().is_some_and(|o| !o.is_empty()),
            "string" => value.as_str().is_some_and(|s| {
                !s.is_empty()
                    && rule.get("enum").is_none_or(|e| e.as_array().unwrap().contains(value))
                    && rule
                        .get("anyOf")
                        .is_none_or(|_| s.parse::<std::net::IpAddr>().is_ok_and(|a| a.to_string() == s))
            }),
            other => panic!("{other}"),
        };
        if !fine {
            found.push(format!("{key} is {value}, but {rule}"));
        }
    }
    found
}

fn check(folder: &str) {
    let schema: Value = serde_json::from_str(&weir_normalizer::schema::flat()).unwrap();
    let mut failures = Vec::new();
    for input in inputs(folder) {
        for engine in ENGINES {
            let Ran { output, rejects } = run(&input, engine);
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(0), "{input:?} {engine:?}: {stderr}");
            check_balance(&input, &stderr);
            assert_eq!(rejects.is_empty(), folder == "ok", "{input:?} {engine:?}: {rejects}{stderr}");
            let records = String::from_utf8(output.stdout).unwrap();
            golden(&beside(&input, ".ndjson"), &records, &mut failures);
            golden(&beside(&input, ".rejects"), &rejects, &mut failures);
            for line in records.lines() {
                let record: Value = serde_json::from_str(line).unwrap();
                failures
                    .extend(violations(&schema, &record).iter().map(|v| format!("{input:?}: {v}: {line}")));
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{} differ; BLESS=1 keeps what came\n{}",
        failures.len(),
        failures.join("\n")
    );
}

#[test]
fn good_inputs() {
    check("ok");
}

#[test]
fn bad_inputs() {
    check("err");
}

/// Every schema comes out of the sandbox as it does without it.
#[test]
fn schemas_are_the_same_in_the_guest() {
    for input in inputs("ok") {
        for schema in ["ocsf", "ecs", "otel"] {
            let to = ["--to", schema, "--observed-at", "2026-01-01T00:00:00Z"];
            let native = run(&input, &[&to[..], &["--native"]].concat());
            let guest = run(&input, &[&to[..], &["--jobs", "2"]].concat());
            assert_eq!(native.output.status.code(), Some(0), "{input:?} {schema}");
            assert_eq!(native.output.stdout, guest.output.stdout, "{input:?} {schema}");
            check_balance(&input, &String::from_utf8_lossy(&guest.output.stderr));
        }
    }
}

/// What `weir explain` says, for a sample of each product and for what is wrong with lines,
/// documents and rows.
#[test]
fn explanations() {
    let folder = corpus().join("../corpus-explain");
    fs::create_dir_all(&folder).unwrap();
    let mut failures = Vec::new();
    let faulty = ["huawei-vpc/err/columns.log", "huawei-vpc/err/broken.json", "huawei-waf/err/export.csv"];
    let samples = inputs("ok").into_iter().filter(|i| i.file_stem().is_some_and(|s| s == "samples"));
    for input in samples.chain(faulty.map(|f| corpus().join(f))) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
        let output =
            command.arg("explain").args(arguments(&input)).stdin(fs::File::open(&input).unwrap()).output();
        let output = output.unwrap();
        let is_faulty = input.parent().is_some_and(|folder| folder.ends_with("err"));
        let status = if is_faulty { 3 } else { 0 };
        assert_eq!(output.status.code(), Some(status), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(!text.contains('\x1b'), "colours in a pipe");
        let product = input.parent().unwrap().parent().unwrap().file_name().unwrap().to_str().unwrap();
        let name = input.file_name().unwrap().to_str().unwrap();
        golden(&folder.join(format!("{product}-{name}.txt")), &text, &mut failures);
    }
    assert!(
        failures.is_empty(),
        "{} differ; BLESS=1 keeps what came\n{}",
        failures.len(),
        failures.join("\n")
    );
}
