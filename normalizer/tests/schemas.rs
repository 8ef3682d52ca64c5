//! The schemas: golden outputs of the whole corpus, the rules of OCSF, which value lands
//! where for each product, and the joining of OTLP lines.
//!
//! `tests/corpus-schemas/<product>.<schema>.ndjson` is what the corpus' good inputs give.
//! `BLESS=1` rewrites these files.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs,
    path::Path,
};

use proptest::prelude::*;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Value, json};
use weir_normalizer::{
    Config, Stream, batch, products,
    record::Field,
    schemas::{
        self, Schema,
        otel::{BYTES_PER_LINE, Joiner, RECORDS_PER_LINE},
    },
};

mod corpus;

use corpus::{config, inputs};

const OBSERVED_AT: u64 = 1_700_000_000_000;

/// What comes out of a text; nothing may be rejected.
fn run(text: &str, config: &Config) -> String {
    let mut output = Vec::new();
    let mut stream = Stream::new(config).unwrap();
    let mut take = |_: &batch::Batch, o: &batch::Outcome| {
        assert_eq!(o.rejected, 0, "{text}: {}", String::from_utf8_lossy(&o.rejects));
        output.extend_from_slice(&o.output);
    };
    stream.push(text.as_bytes(), &mut take);
    stream.finish(&mut take);
    String::from_utf8(output).unwrap()
}

fn to(schema: Schema) -> Config {
    Config { to: schema, observed_at_ms: Some(OBSERVED_AT), ..Config::default() }
}

/// A flat record in a schema.
fn convert(flat: &Value, schema: Schema) -> Value {
    let lines = run(&flat.to_string(), &Config { from: Some("flat".into()), ..to(schema) });
    serde_json::from_str(&lines).unwrap_or_else(|e| panic!("{flat}: {e}: {lines}"))
}

/// The good inputs of the corpus with their choices, by folder.
fn corpus() -> BTreeMap<String, Vec<(String, Config)>> {
    let mut corpus: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for file in inputs("ok") {
        if file.extension().is_some_and(|e| e == "log" || e == "json" || e == "csv") {
            let text = fs::read_to_string(&file).unwrap();
            let folder = file.parent().and_then(Path::parent).and_then(Path::file_name);
            let product = folder.unwrap().to_str().unwrap().to_owned();
            corpus.entry(product).or_default().push((text, config(&file)));
        }
    }
    assert!(corpus.len() > 12);
    corpus
}

/// Every record of the corpus in a schema, by folder.
fn records(schema: Schema) -> BTreeMap<String, String> {
    let convert = |(text, config): &(String, Config)| {
        run(text, &Config { to: schema, observed_at_ms: Some(OBSERVED_AT), ..config.clone() })
    };
    corpus().into_iter().map(|(product, inputs)| (product, inputs.iter().map(convert).collect())).collect()
}

/// JSON in which no object has a key twice.
struct Strict;

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Strict;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Strict, A::Error> {
                let mut keys = BTreeSet::new();
                while let Some((key, Strict)) = map.next_entry::<String, Strict>()? {
                    if let Some(key) = keys.replace(key) {
                        return Err(serde::de::Error::custom(format!("{key} stands there twice")));
                    }
                }
                Ok(Strict)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Strict, A::Error> {
                while seq.next_element::<Strict>()?.is_some() {}
                Ok(Strict)
            }
            fn visit_str<E>(self, _: &str) -> Result<Strict, E> {
                Ok(Strict)
            }
            fn visit_u64<E>(self, _: u64) -> Result<Strict, E> {
                Ok(Strict)
            }
            fn visit_i64<E>(self, _: i64) -> Result<Strict, E> {
                Ok(Strict)
            }
            fn visit_f64<E>(self, _: f64) -> Result<Strict, E> {
                Ok(Strict)
            }
            fn visit_bool<E>(self, _: bool) -> Result<Strict, E> {
                Ok(Strict)
            }
            fn visit_unit<E>(self) -> Result<Strict, E> {
                Ok(Strict)
            }
        }
        deserializer.deserialize_any(Keys)
    }
}

#[test]
fn goldens_of_the_whole_corpus() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus-schemas");
    let bless = std::env::var_os("BLESS").is_some();
    let mut differ = Vec::new();
    let mut golden = BTreeSet::new();
    let flat = records(Schema::Flat);
    for &schema in Schema::ALL {
        for (product, got) in records(schema) {
            assert!(!got.is_empty());
            for line in got.lines() {
                serde_json::from_str::<Strict>(line).unwrap_or_else(|e| panic!("{product}: {e}: {line}"));
            }
            // An archive of flat records gives the same.
            let again = run(&flat[&product], &Config { from: Some("flat".into()), ..to(schema) });
            assert_eq!(again, got, "{product} {}", schema.name());
            if schema == Schema::Flat {
                continue;
            }
            let path = root.join(format!("{product}.{}.ndjson", schema.name()));
            if bless {
                fs::write(&path, &got).unwrap();
            } else if fs::read_to_string(&path).unwrap_or_default() != got {
                differ.push(path.display().to_string());
            }
            golden.insert(path);
        }
    }
    assert!(differ.is_empty(), "{} differ; BLESS=1 keeps what came: {differ:#?}", differ.len());
    for file in fs::read_dir(root).unwrap() {
        let file = file.unwrap().path();
        assert!(golden.contains(&file), "{file:?} belongs to nothing");
    }
}

/// What an event of OCSF breaks.
fn faults(event: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let mut check = |fine: bool, what: &str| {
        if !fine {
            faults.push(what.to_owned());
        }
    };
    let is = |path: &str| event.pointer(path).is_some_and(|v| !v.is_null());
    for path in [
        "/activity_id",
        "/category_uid",
        "/class_uid",
        "/type_uid",
        "/time",
        "/severity_id",
        "/metadata/version",
        "/metadata/product/name",
        "/cloud/provider",
        "/connection_info/direction_id",
    ] {
        check(is(path), path);
    }
    let number = |path: &str| event.pointer(path).and_then(Value::as_u64);
    let (class, activity) = (number("/class_uid").unwrap(), number("/activity_id").unwrap());
    check(class == 4001 || class == 4002, "class_uid");
    check(number("/type_uid") == Some(class * 100 + activity), "type_uid");
    check(event["metadata"]["version"] == "1.8.0", "version");
    let profiles = event["metadata"]["profiles"].as_array().cloned().unwrap_or_default();
    check(profiles.contains(&json!("cloud")), "profile cloud");
    let controlled = profiles.contains(&json!("security_control"));
    for key in ["action_id", "action", "disposition_id", "disposition", "is_alert", "firewall_rule"] {
        check(controlled || event.get(key).is_none(), key);
    }
    check(!controlled || (is("/action_id") && is("/disposition_id")), "an action");
    for key in if class == 4001 { &["http_request", "http_response"][..] } else { &["url"][..] } {
        check(event.get(key).is_none(), key);
    }
    check(is("/src_endpoint") || is("/dst_endpoint"), "an endpoint");
    for endpoint in ["src_endpoint", "dst_endpoint", "network_observation_point"] {
        if let Some(endpoint) = event.get(endpoint) {
            let names = ["ip", "uid", "name", "hostname", "instance_uid", "interface_uid"];
            check(names.iter().any(|n| endpoint.get(n).is_some()), "what an endpoint is");
            check(endpoint.get("port").is_none_or(|p| p.as_u64().is_some_and(|p| p < 65536)), "port");
        }
    }
    for (path, one_of) in [
        ("/url", ["url_string", "path"]),
        ("/http_request/url", ["url_string", "path"]),
        ("/firewall_rule", ["uid", "name"]),
        ("/cloud/account", ["uid", "name"]),
    ] {
        if let Some(object) = event.pointer(path) {
            check(one_of.iter().any(|k| object.get(k).is_some()), path);
        }
    }
    check(event.get("http_response").is_none_or(|r| r["code"].is_u64()), "http_response");
    let methods = ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"];
    let method = event.pointer("/http_request/http_method");
    check(method.is_none_or(|m| methods.iter().any(|known| m == known)), "http_method");
    check(number("/connection_info/protocol_ver_id").is_none_or(|v| v == 4 || v == 6), "protocol_ver_id");
    check(number("/connection_info/boundary_id").is_none_or(|v| v <= 11), "boundary_id");
    for key in ["start_time", "end_time", "duration"] {
        check(event.get(key).is_none_or(Value::is_u64), key);
    }
    for object in ["traffic", "connection_info"] {
        for (key, value) in event.get(object).and_then(Value::as_object).into_iter().flatten() {
            let text = ["direction", "protocol_name", "community_uid"].contains(&key.as_str());
            check(if text { value.is_string() } else { value.is_u64() }, key);
        }
    }
    for (id, caption, captions) in CAPTIONS {
        let Some(id) = number(id) else { continue };
        let known = captions.iter().find(|c| c.0 == (id, class) || c.0 == (id, 0));
        check(known.is_some() || id == 99, caption);
        if let (Some((_, want)), Some(got)) = (known, event.pointer(caption)) {
            check(got == want, caption);
        }
    }
    fn dash(value: &Value) -> bool {
        match value {
            Value::String(s) => s == "-",
            Value::Array(a) => a.iter().any(dash),
            Value::Object(o) => o.values().any(dash),
            _ => false,
        }
    }
    check(!dash(event), "a dash");
    faults
}

/// An id and the class that it is of, or 0 for both; its caption.
type Caption = ((u64, u64), &'static str);

/// Where an id and its caption are, and the captions.
const CAPTIONS: &[(&str, &str, &[Caption])] = &[
    ("/category_uid", "/category_name", &[((4, 0), "Network Activity")]),
    ("/class_uid", "/class_name", &[((4001, 0), "Network Activity"), ((4002, 0), "HTTP Activity")]),
    (
        "/activity_id",
        "/activity_name",
        &[
            ((0, 0), "Unknown"),
            ((5, 4001), "Refuse"),
            ((6, 4001), "Traffic"),
            ((1, 4002), "Connect"),
            ((2, 4002), "Delete"),
            ((3, 4002), "Get"),
            ((4, 4002), "Head"),
            ((5, 4002), "Options"),
            ((6, 4002), "Post"),
            ((7, 4002), "Put"),
            ((8, 4002), "Trace"),
            ((9, 4002), "Patch"),
        ],
    ),
    (
        "/severity_id",
        "/severity",
        &[
            ((1, 0), "Informational"),
            ((2, 0), "Low"),
            ((3, 0), "Medium"),
            ((4, 0), "High"),
            ((5, 0), "Critical"),
            ((6, 0), "Fatal"),
        ],
    ),
    ("/status_id", "/status", &[((0, 0), "Unknown"), ((1, 0), "Success"), ((2, 0), "Failure")]),
    (
        "/action_id",
        "/action",
        &[
            ((0, 0), "Unknown"),
            ((1, 0), "Allowed"),
            ((2, 0), "Denied"),
            ((3, 0), "Observed"),
            ((4, 0), "Modified"),
        ],
    ),
    (
        "/disposition_id",
        "/disposition",
        &[
            ((0, 0), "Unknown"),
            ((1, 0), "Allowed"),
            ((2, 0), "Blocked"),
            ((6, 0), "Dropped"),
            ((17, 0), "Logged"),
            ((19, 0), "Alert"),
            ((22, 0), "Captcha"),
            ((23, 0), "Challenge"),
        ],
    ),
    (
        "/connection_info/direction_id",
        "/connection_info/direction",
        &[((0, 0), "Unknown"), ((1, 0), "Inbound"), ((2, 0), "Outbound")],
    ),
    ("/cloud/account/type_id", "/cloud/account/type", &[((0, 0), "Unknown"), ((10, 0), "AWS Account")]),
];

#[test]
fn the_corpus_keeps_the_rules_of_ocsf() {
    let check = |product: &str, lines: &str| {
        for line in lines.lines() {
            let faults = faults(&serde_json::from_str(line).unwrap());
            assert!(faults.is_empty(), "{product}: {faults:?}: {line}");
        }
        lines.lines().count()
    };
    let events: usize = records(Schema::Ocsf).iter().map(|(product, lines)| check(product, lines)).sum();
    assert!(events > 80, "{events}");
    // The good records of bad inputs, from their flat form.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus");
    let config = Config { from: Some("flat".into()), ..to(Schema::Ocsf) };
    let mut more = 0;
    for folder in fs::read_dir(root).unwrap() {
        for file in fs::read_dir(folder.unwrap().path().join("err")).unwrap() {
            let file = file.unwrap().path();
            if file.extension().is_some_and(|e| e == "ndjson") {
                let flat = fs::read_to_string(&file).unwrap();
                more += check(&file.display().to_string(), &run(&flat, &config));
            }
        }
    }
    assert!(more > 0);
}

#[test]
fn the_checker_of_ocsf_finds_faults() {
    let good = convert(
        &json!({"provider": "huawei", "product": "vpc", "kind": "flow", "src_ip": "10.0.0.1"}),
        Schema::Ocsf,
    );
    assert!(faults(&good).is_empty());
    for (path, value) in [
        ("/type_uid", json!(400_101)),
        ("/activity_name", json!("Deny")),
        ("/src_endpoint", json!({"port": 1})),
        ("/src_endpoint", Value::Null),
        ("/connection_info", json!({"tcp_flags": "2", "direction_id": 0})),
        ("/connection_info", json!({"protocol_num": 6})),
        ("/metadata/profiles", json!([])),
        ("/class_name", json!("-")),
        ("/time", Value::Null),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(path).unwrap() = value.clone();
        assert!(!faults(&bad).is_empty(), "{path} {value}");
    }
}

/// A string for a field, or a number, from few values, so that they meet.
fn value(field: Field) -> BoxedStrategy<Value> {
    use weir_normalizer::record::FieldType;
    match field.field_type() {
        FieldType::Word(words) => prop::sample::select(words).prop_map(Value::from).boxed(),
        FieldType::Text => {
            let texts = vec![
                "waf",
                "waf_access",
                "vpc",
                "GET",
                "get",
                "PROPFIND",
                "HIGH",
                "3",
                "/a?b=c",
                "https://x/",
                "\"\\\n",
                "é",
                "9",
            ];
            prop::sample::select(texts).prop_map(Value::from).boxed()
        }
        FieldType::Integer(most) => {
            prop::sample::select(vec![0, 1, 8, 200, 500.min(most), most.min(i64::MAX as u64)])
                .prop_map(Value::from)
                .boxed()
        }
        FieldType::Millis => prop::sample::select(vec![0u64, 1_548_752_136_000, 1_548_752_736_000])
            .prop_map(Value::from)
            .boxed(),
        FieldType::Address => prop::sample::select(vec!["10.0.0.1", "203.0.113.9", "2001:db8::1", "::"])
            .prop_map(Value::from)
            .boxed(),
    }
}

/// Any flat record.
fn flat_record() -> impl Strategy<Value = Value> {
    let named = products::all().iter().filter(|p| !p.provider.is_empty()).copied().collect::<Vec<_>>();
    let words = [Field::Provider, Field::Product, Field::Kind].map(Field::key);
    let entries = named.iter().flat_map(|p| p.entries).filter(|e| e.means.is_some());
    let mut keys = vec!["a", "weir", "action", "raw", "time_source", "x.y", "\"", "huawei"];
    keys.extend(entries.map(|e| e.keys[0]));
    let named = prop::sample::select(named);
    let fields: Vec<_> = Field::ALL
        .iter()
        .map(|f| prop::option::weighted(0.4, value(*f)).prop_map(|v| v.map(|v| (f.key().to_owned(), v))))
        .collect();
    let extra = prop::collection::btree_map(
        prop::sample::select(keys),
        prop_oneof![
            Just(json!("drop")),
            Just(json!("captcha")),
            Just(json!("-")),
            Just(json!("198.51.100.4")),
            Just(json!("TLSv1.2")),
            Just(json!("CN")),
            Just(json!(1)),
            Just(json!(-1.5)),
            Just(json!(true)),
            Just(Value::Null),
            Just(json!({"b": ["\\\"", {"c": "\n"}]})),
            Just(json!(18_446_744_073_709_551_615u64)),
            Just(json!(1e300)),
        ],
        0..5,
    );
    (fields, extra, named).prop_map(move |(fields, extra, named)| {
        let mut record: serde_json::Map<_, _> = fields.into_iter().flatten().collect();
        // Whatever of the product's words is there is one product's.
        for (key, word) in words.into_iter().zip([named.provider, named.product, named.kind]) {
            if let Some(value) = record.get_mut(key) {
                *value = json!(word);
            }
        }
        // An object without keys is no record.
        if !extra.is_empty() || record.is_empty() {
            record.insert("extra".into(), json!(extra));
        }
        Value::from(record)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is in a record, what comes out is an event of its schema.
    #[test]
    fn any_record_makes_a_sound_event(record in flat_record()) {
        for &schema in Schema::ALL {
            let line = run(&record.to_string(), &Config { from: Some("flat".into()), ..to(schema) });
            prop_assert!(line.ends_with('\n') && line.lines().count() == 1, "{}", line);
            if let Err(e) = serde_json::from_str::<Strict>(&line) {
                prop_assert!(false, "{e}: {line}");
            }
            let event: Value = serde_json::from_str(&line).unwrap();
            match schema {
                Schema::Flat => {}
                Schema::Ocsf => {
                    let faults = faults(&event);
                    prop_assert!(faults.is_empty(), "{faults:?}: {line}");
                }
                Schema::Ecs => prop_assert!(event["@timestamp"].as_str().is_some_and(|t| t.len() == 24)),
                Schema::Otel => {
                    let (resources, records) = log_records(&line);
                    prop_assert_eq!((resources.len(), records.len()), (1, 1));
                    let mut keys: Vec<_> = attributes(&records[0]).into_iter().map(|a| a.0).collect();
                    let all = keys.len();
                    keys.sort();
                    keys.dedup();
                    prop_assert_eq!(keys.len(), all, "{}", line);
                }
                other => panic!("{other:?} is not looked at"),
            }
        }
    }
}

/// A number that no reader has a type for takes nothing of the rest of its line.
#[test]
fn numbers_without_a_type_are_strings() {
    let record = r#"{"provider":"huawei","product":"vpc","kind":"flow","extra":{"inf":1.5e400,"less":-2E+999,"tiny":1.5e-400,"zero":0.0e5,"half":0.5e0,"long":9223372036854775807,"more":9223372036854775808,"least":-9223372036854775808,"below":-9223372036854775809,"digits":1000000000000000000000000000000.5}}"#;
    let config = |schema| Config { from: Some("flat".into()), ..to(schema) };
    for (schema, place) in [(Schema::Ocsf, "/unmapped"), (Schema::Ecs, "/huawei/vpc")] {
        let event: Value = serde_json::from_str(&run(record, &config(schema))).unwrap();
        let mut extra = event.pointer(place).unwrap().clone();
        extra.as_object_mut().unwrap().remove("weir");
        let want = json!({
            "inf": "1.5e400", "less": "-2E+999", "tiny": 0.0, "zero": 0.0, "half": 0.5,
            "long": i64::MAX, "more": "9223372036854775808",
            "least": i64::MIN, "below": "-9223372036854775809",
            "digits": 1e30,
        });
        assert_eq!(extra, want);
    }
    let attributes = by_name(&run(record, &config(Schema::Otel)))["attributes"].clone();
    for (key, want) in [
        ("inf", json!({"stringValue": "1.5e400"})),
        ("less", json!({"stringValue": "-2E+999"})),
        ("tiny", json!({"stringValue": "1.5e-400"})),
        ("zero", json!({"doubleValue": 0.0})),
        ("half", json!({"doubleValue": 0.5})),
        ("long", json!({"intValue": "9223372036854775807"})),
        ("more", json!({"stringValue": "9223372036854775808"})),
        ("least", json!({"intValue": "-9223372036854775808"})),
        ("below", json!({"stringValue": "-9223372036854775809"})),
        ("digits", json!({"stringValue": "1000000000000000000000000000000.5"})),
    ] {
        assert_eq!(attributes[format!("huawei.vpc.flow.extra.{key}")], want, "{key}");
    }
}

/// Nor does one in an array or an object, nor a key that stands twice in one.
#[test]
fn nested_values_that_no_reader_takes_are_texts() {
    for (value, is_text) in [
        (r#"{"a" : [1, 9223372036854775807, 1.5e300]}"#, false),
        (r#"{"a" : [1, 9223372036854775808]}"#, true),
        (r#"[{"n": -1e400}]"#, true),
        (r#"{"a":{"b":1,"c":2,"b":3}}"#, true),
        (r#"[{"b":1},{"\u0062":1,"b":3}]"#, true),
    ] {
        let record =
            format!(r#"{{"provider":"huawei","product":"vpc","kind":"flow","extra":{{"x":{value}}}}}"#);
        let compact: String = value.split(' ').collect();
        for (schema, place) in [(Schema::Ocsf, "/unmapped/x"), (Schema::Ecs, "/huawei/vpc/x")] {
            // The second goes the short way.
            let lines = run(&[&*record, &*record, &*record].join("\n"), &to(schema));
            for line in lines.lines() {
                serde_json::from_str::<Strict>(line).unwrap_or_else(|e| panic!("{e}: {line}"));
                let event: Value = serde_json::from_str(line).unwrap();
                let got = event.pointer(place).unwrap();
                match is_text {
                    true => assert_eq!(got, &json!(compact), "{line}"),
                    false => assert!(got.is_object(), "{line}"),
                }
            }
        }
    }
}

/// Takes the Community IDs out of a value; gives how many.
fn without_community_ids(value: &mut Value) -> usize {
    let is_id = |v: &Value| v["key"] == "network.community_id";
    let (own, inner) = match value {
        Value::Object(members) => {
            let own = ["community_uid", "community_id"].iter().filter_map(|key| members.remove(*key)).count();
            (own, members.values_mut().map(without_community_ids).sum())
        }
        Value::Array(items) => {
            let all = items.len();
            items.retain(|item| !is_id(item));
            (all - items.len(), items.iter_mut().map(without_community_ids).sum())
        }
        _ => (0, 0),
    };
    own + inner
}

/// Whoever wants no Community ID gets everything else.
#[test]
fn community_ids_can_be_left_out() {
    for schema in [Schema::Ocsf, Schema::Ecs, Schema::Otel] {
        let mut taken = 0;
        for (text, config) in corpus().into_values().flatten() {
            let with = Config { to: schema, observed_at_ms: Some(OBSERVED_AT), ..config };
            let without = Config { no_community_id: true, ..with.clone() };
            let (with, without) = (run(&text, &with), run(&text, &without));
            assert_eq!(with.lines().count(), without.lines().count());
            for (with, without) in with.lines().zip(without.lines()) {
                let [mut with, mut without] = [with, without].map(|l| serde_json::from_str(l).unwrap());
                taken += without_community_ids(&mut with);
                assert_eq!(without_community_ids(&mut without), 0, "{without}");
                assert_eq!(with, without);
            }
        }
        assert!(taken > 100, "{schema:?}: {taken}");
    }
}

/// Whatever keys a record has twice, no object that comes out has.
#[test]
fn no_key_comes_out_twice() {
    let keys = ["a", "weir", "extra.weir", "extra.extra.weir", "raw", "envelope", "src_ip", "action"];
    let members = |n: u32| keys.map(|key| format!("\"{key}\":\"{n}\"")).join(",");
    let record = format!(
        "{{\"provider\":\"huawei\",\"product\":\"vpc\",\"kind\":\"flow\",\"a\":0,\"raw\":0,\"extra\":{{{},{}}}}}",
        members(1),
        members(2)
    );
    for keep_raw in [false, true] {
        for &schema in Schema::ALL {
            let line = run(&record, &Config { from: Some("flat".into()), keep_raw, ..to(schema) });
            serde_json::from_str::<Strict>(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
            if schema == Schema::Otel {
                let mut keys: Vec<_> =
                    attributes(&log_records(&line).1[0]).into_iter().map(|a| a.0).collect();
                let all = keys.len();
                keys.sort();
                keys.dedup();
                assert_eq!(keys.len(), all, "{line}");
            }
            // The last of each counts.
            assert!(!line.contains("\"1\"") && line.matches("\"2\"").count() >= keys.len() - 1, "{line}");
        }
    }
}

/// The resources of a line of OTLP, and its log records with theirs.
fn log_records(line: &str) -> (Vec<Value>, Vec<Value>) {
    let data: Value = serde_json::from_str(line).unwrap();
    assert_eq!(data.as_object().unwrap().len(), 1);
    let (mut resources, mut records) = (Vec::new(), Vec::new());
    for group in data["resourceLogs"].as_array().unwrap() {
        resources.push(group["resource"].clone());
        for scope in group["scopeLogs"].as_array().unwrap() {
            assert_eq!(scope["scope"], json!({"name": "weir"}));
            for record in scope["logRecords"].as_array().unwrap() {
                let mut record = record.clone();
                record["resource"] = group["resource"].clone();
                records.push(record);
            }
        }
    }
    (resources, records)
}

fn attributes(object: &Value) -> Vec<(String, Value)> {
    let attribute = |a: &Value| {
        assert_eq!(a.as_object().unwrap().len(), 2);
        // Each value has one type.
        assert!(a["value"].as_object().unwrap().len() <= 1);
        (a["key"].as_str().unwrap().to_owned(), a["value"].clone())
    };
    object["attributes"].as_array().unwrap().iter().map(attribute).collect()
}

/// A log record as one object: attributes of its resource and its own by name.
fn by_name(line: &str) -> Value {
    let mut record = log_records(line).1.remove(0);
    let attributes: serde_json::Map<_, _> =
        attributes(&record["resource"]).into_iter().chain(attributes(&record)).collect();
    record["attributes"] = attributes.into();
    record
}

/// A record of a product, and where its values land: a pointer into the event and the value.
/// Of OpenTelemetry, the attributes are an object.
struct Landing {
    product: &'static str,
    record: &'static str,
    ocsf: &'static [(&'static str, &'static str)],
    ecs: &'static [(&'static str, &'static str)],
    otel: &'static [(&'static str, &'static str)],
}

/// Pointers at what must not be there have an empty value.
const LANDINGS: &[Landing] = &[
    Landing {
        product: "huawei-vpc",
        record: "1 5f67944957444bd6bb4fe3b367de8f3d 1d515d18-1b36-47dc-a983-bd6512aed4bd 192.168.0.154 192.168.3.25 38929 53 17 1 96 1548752136 1548752736 ACCEPT OK",
        ocsf: &[
            ("/class_uid", "4001"),
            ("/activity_id", "6"),
            ("/type_uid", "400106"),
            ("/time", "1548752136000"),
            ("/start_time", "1548752136000"),
            ("/end_time", "1548752736000"),
            ("/duration", "600000"),
            ("/action_id", "1"),
            ("/disposition_id", "1"),
            ("/status_id", "1"),
            ("/status_code", "\"OK\""),
            ("/status_detail", ""),
            ("/severity_id", "1"),
            ("/metadata/product/name", "\"vpc\""),
            ("/metadata/product/vendor_name", "\"Huawei Cloud\""),
            ("/metadata/profiles", "[\"cloud\",\"security_control\"]"),
            ("/metadata/log_name", "\"flow\""),
            ("/cloud/provider", "\"huawei\""),
            ("/cloud/account/uid", "\"5f67944957444bd6bb4fe3b367de8f3d\""),
            ("/cloud/account/type_id", "99"),
            ("/src_endpoint/ip", "\"192.168.0.154\""),
            ("/src_endpoint/port", "38929"),
            ("/src_endpoint/interface_uid", ""),
            ("/dst_endpoint/ip", "\"192.168.3.25\""),
            ("/dst_endpoint/port", "53"),
            ("/network_observation_point/interface_uid", "\"1d515d18-1b36-47dc-a983-bd6512aed4bd\""),
            ("/connection_info/direction_id", "0"),
            ("/connection_info/protocol_num", "17"),
            ("/connection_info/protocol_name", "\"udp\""),
            ("/connection_info/protocol_ver_id", "4"),
            ("/connection_info/community_uid", "\"1:nXgVNKLO/TB7jd8/UVlmvKBZwpc=\""),
            ("/traffic/bytes", "96"),
            ("/traffic/packets", "1"),
            ("/traffic/start_time", "1548752136000"),
            ("/traffic/end_time", "1548752736000"),
            ("/unmapped", ""),
        ],
        ecs: &[
            ("/@timestamp", "\"2019-01-29T09:05:36.000Z\""),
            ("/ecs/version", "\"9.0.0\""),
            ("/event/kind", "\"event\""),
            ("/event/category", "[\"network\"]"),
            ("/event/type", "[\"connection\",\"allowed\"]"),
            ("/event/outcome", "\"success\""),
            ("/event/action", "\"accept\""),
            ("/event/start", "\"2019-01-29T08:55:36.000Z\""),
            ("/event/end", "\"2019-01-29T09:05:36.000Z\""),
            ("/event/duration", "600000000000"),
            ("/source/ip", "\"192.168.0.154\""),
            ("/source/address", "\"192.168.0.154\""),
            ("/source/port", "38929"),
            ("/destination/ip", "\"192.168.3.25\""),
            ("/destination/port", "53"),
            ("/network/type", "\"ipv4\""),
            ("/network/iana_number", "\"17\""),
            ("/network/transport", "\"udp\""),
            ("/network/direction", "\"unknown\""),
            ("/network/bytes", "96"),
            ("/network/packets", "1"),
            ("/network/community_id", "\"1:nXgVNKLO/TB7jd8/UVlmvKBZwpc=\""),
            ("/cloud/provider", "\"huawei\""),
            ("/cloud/account/id", "\"5f67944957444bd6bb4fe3b367de8f3d\""),
            ("/observer/vendor", "\"Huawei Cloud\""),
            ("/observer/product", "\"vpc\""),
            ("/observer/type", "\"sensor\""),
            ("/related/ip", "[\"192.168.0.154\",\"192.168.3.25\"]"),
            ("/weir/log_status", "\"ok\""),
            ("/weir/interface_id", "\"1d515d18-1b36-47dc-a983-bd6512aed4bd\""),
        ],
        otel: &[
            ("/timeUnixNano", "\"1548752736000000000\""),
            ("/observedTimeUnixNano", ""),
            ("/eventName", "\"huawei.vpc.flow\""),
            ("/attributes/cloud.provider/stringValue", "\"huawei_cloud\""),
            ("/attributes/cloud.account.id/stringValue", "\"5f67944957444bd6bb4fe3b367de8f3d\""),
            ("/attributes/source.address/stringValue", "\"192.168.0.154\""),
            ("/attributes/source.port/intValue", "\"38929\""),
            ("/attributes/destination.address/stringValue", "\"192.168.3.25\""),
            ("/attributes/destination.port/intValue", "\"53\""),
            ("/attributes/network.transport/stringValue", "\"udp\""),
            ("/attributes/network.type/stringValue", "\"ipv4\""),
            ("/attributes/network.community_id/stringValue", "\"1:nXgVNKLO/TB7jd8/UVlmvKBZwpc=\""),
            ("/attributes/huawei.vpc.flow.start_ms/intValue", "\"1548752136000\""),
            ("/attributes/huawei.vpc.flow.action/stringValue", "\"accept\""),
            ("/attributes/huawei.vpc.flow.log_status/stringValue", "\"ok\""),
            ("/attributes/huawei.vpc.flow.bytes/intValue", "\"96\""),
        ],
    },
    Landing {
        product: "huawei-vpc",
        record: "1 5f67944957444bd6bb4fe3b367de8f3d 1d515d18-1b36-47dc-a983-bd6512aed4bd - - - - - - - 1431280876 1431280934 - NODATA",
        ocsf: &[
            ("/activity_id", "0"),
            ("/activity_name", "\"Unknown\""),
            ("/status_id", "0"),
            ("/status_code", "\"NODATA\""),
            ("/status_detail", "\"There was no traffic in the window.\""),
            ("/src_endpoint/interface_uid", "\"1d515d18-1b36-47dc-a983-bd6512aed4bd\""),
            ("/src_endpoint/name", ""),
            ("/dst_endpoint", ""),
            ("/network_observation_point", ""),
            ("/action_id", ""),
            ("/metadata/profiles", "[\"cloud\"]"),
            ("/traffic", ""),
        ],
        ecs: &[
            ("/event/type", "[\"info\"]"),
            ("/event/outcome", ""),
            ("/weir/log_status", "\"nodata\""),
            ("/related", ""),
        ],
        otel: &[("/attributes/huawei.vpc.flow.log_status/stringValue", "\"nodata\"")],
    },
    Landing {
        product: "huawei-er",
        record: "1 0605768ad980d5762f8ac010b919754c 9e00a67c-b21e-435f-9da6-20004b8392e9 a5cbd16c-7d99-4000-8f14-526ec48298ce 192.168.1.199 1.1.1.1 8 0 1 229 22442 1664007127 1664007727 egress",
        ocsf: &[
            ("/class_uid", "4001"),
            ("/activity_id", "6"),
            ("/action_id", ""),
            ("/status_id", ""),
            ("/metadata/profiles", "[\"cloud\"]"),
            ("/network_observation_point/uid", "\"9e00a67c-b21e-435f-9da6-20004b8392e9\""),
            ("/network_observation_point/instance_uid", "\"a5cbd16c-7d99-4000-8f14-526ec48298ce\""),
            ("/connection_info/direction_id", "2"),
            ("/connection_info/direction", "\"Outbound\""),
            ("/connection_info/protocol_name", "\"icmp\""),
            // The ports are an ICMP type and code.
            ("/connection_info/community_uid", "\"1:mE0yq3BPS4HP1AWQZEwPsEV+f6s=\""),
            ("/traffic/bytes", "22442"),
        ],
        ecs: &[
            ("/event/type", "[\"connection\"]"),
            ("/network/direction", "\"egress\""),
            ("/cloud/instance/id", "\"a5cbd16c-7d99-4000-8f14-526ec48298ce\""),
            ("/observer/type", "\"router\""),
            ("/weir/resource_id", "\"9e00a67c-b21e-435f-9da6-20004b8392e9\""),
        ],
        otel: &[
            ("/attributes/network.io.direction/stringValue", "\"transmit\""),
            (
                "/attributes/huawei.er.flow.instance_id/stringValue",
                "\"a5cbd16c-7d99-4000-8f14-526ec48298ce\"",
            ),
        ],
    },
    Landing {
        product: "huawei-cfw",
        record: r#"{"app":"HTTPS","bytes":4608,"direction":"out2in","dst_host":"www.example.com","dst_ip":"124.71.130.22","dst_port":443,"dst_vpc":"v2","end_time":1640771819436,"log_id":"9vef","packets":21,"protocol":"TCP","src_ip":"89.248.172.16","src_port":17340,"src_region_id":"CN","src_region_name":"Elsewhere","src_province_name":"Guangdong","src_city_name":"Shenzhen","dst_region_id":"cn-north-4","src_vpc":"v1","start_time":1640771810000,"to_c_bytes":4096,"to_s_bytes":512,"to_c_pkts":12,"to_s_pkts":9}"#,
        ocsf: &[
            ("/class_uid", "4001"),
            ("/app_protocol_name", "\"HTTPS\""),
            ("/metadata/original_event_uid", "\"9vef\""),
            ("/src_endpoint/vpc_uid", "\"v1\""),
            ("/dst_endpoint/vpc_uid", "\"v2\""),
            ("/dst_endpoint/hostname", "\"www.example.com\""),
            ("/connection_info/direction_id", "1"),
            ("/traffic/bytes", "4608"),
            ("/traffic/bytes_out", "512"),
            ("/traffic/bytes_in", "4096"),
            ("/traffic/packets_out", "9"),
            ("/traffic/packets_in", "12"),
            ("/src_endpoint/location/country", "\"CN\""),
            ("/src_endpoint/location/city", "\"Shenzhen\""),
            ("/dst_endpoint/location", ""),
            ("/unmapped/src_region_name", "\"Elsewhere\""),
            ("/unmapped/src_region_id", ""),
            ("/unmapped/dst_region_id", "\"cn-north-4\""),
        ],
        ecs: &[
            ("/event/id", "\"9vef\""),
            ("/source/bytes", "512"),
            ("/source/packets", "9"),
            ("/destination/bytes", "4096"),
            ("/destination/packets", "12"),
            ("/destination/address", "\"124.71.130.22\""),
            ("/destination/domain", "\"www.example.com\""),
            ("/network/protocol", "\"https\""),
            ("/network/bytes", "4608"),
            ("/network/direction", "\"ingress\""),
            ("/observer/type", "\"firewall\""),
            ("/source/geo/country_iso_code", "\"CN\""),
            ("/source/geo/region_name", "\"Guangdong\""),
            ("/source/geo/city_name", "\"Shenzhen\""),
            ("/destination/geo", ""),
            ("/huawei/cfw/src_region_name", "\"Elsewhere\""),
            ("/huawei/cfw/src_city_name", ""),
            ("/huawei/cfw/dst_region_id", "\"cn-north-4\""),
            ("/weir/src_vpc_id", "\"v1\""),
        ],
        otel: &[
            ("/attributes/network.protocol.name/stringValue", "\"https\""),
            ("/attributes/server.address/stringValue", "\"www.example.com\""),
            ("/attributes/log.record.uid/stringValue", "\"9vef\""),
            ("/attributes/huawei.cfw.flow.bytes_in/intValue", "\"4096\""),
            ("/attributes/huawei.cfw.flow.extra.src_region_name/stringValue", "\"Elsewhere\""),
        ],
    },
    Landing {
        product: "huawei-cfw-access",
        record: r#"{"action":"drop","app":"PING","dst_ip":"100.85.216.211","dst_port":59,"hit_time":1664164255000,"log_id":"46032","protocol":"ICMP: ECHO_REQUEST","rule_id":"c755be1c","rule_name":"default_deny","src_ip":"100.95.148.49","src_port":24954}"#,
        ocsf: &[
            ("/class_uid", "4001"),
            ("/activity_id", "5"),
            ("/activity_name", "\"Refuse\""),
            ("/type_uid", "400105"),
            ("/time", "1664164255000"),
            ("/end_time", ""),
            ("/action_id", "2"),
            ("/action", "\"Denied\""),
            ("/disposition_id", "6"),
            ("/disposition", "\"Dropped\""),
            ("/status_id", "2"),
            ("/is_alert", ""),
            ("/firewall_rule/uid", "\"c755be1c\""),
            ("/firewall_rule/name", "\"default_deny\""),
            // These are no ICMP type and code.
            ("/connection_info/community_uid", ""),
            ("/unmapped/action", "\"drop\""),
        ],
        ecs: &[
            ("/event/kind", "\"event\""),
            ("/event/type", "[\"connection\",\"denied\"]"),
            ("/event/outcome", "\"failure\""),
            ("/event/action", "\"reject\""),
            ("/rule/id", "\"c755be1c\""),
            ("/rule/name", "\"default_deny\""),
            ("/huawei/cfw_access/action", "\"drop\""),
        ],
        otel: &[
            ("/eventName", "\"huawei.cfw_access.access\""),
            ("/attributes/security_rule.uuid/stringValue", "\"c755be1c\""),
            ("/attributes/security_rule.name/stringValue", "\"default_deny\""),
            ("/attributes/huawei.cfw_access.access.extra.action/stringValue", "\"drop\""),
        ],
    },
    Landing {
        product: "huawei-cfw-attack",
        record: r#"{"action":"deny","app":"HTTP","attack_rule":"Tomcat path traversal","attack_rule_id":"336154","attack_type":"Web Attack","direction":"out2in","dst_ip":"100.95.148.49","dst_port":8080,"event_time":1664164255000,"level":"HIGH","log_id":"46033","packet":"R0VUIC8=","protocol":"TCP","source":"0","src_ip":"100.93.27.17","src_port":49634}"#,
        ocsf: &[
            ("/class_uid", "4001"),
            ("/activity_id", "5"),
            ("/severity_id", "4"),
            ("/severity", "\"High\""),
            ("/is_alert", "true"),
            ("/firewall_rule/uid", "\"336154\""),
            ("/firewall_rule/name", "\"Tomcat path traversal\""),
            ("/firewall_rule/category", "\"Web Attack\""),
            ("/unmapped/weir", ""),
            ("/packet_list", "[{\"encoding_id\":1,\"encoding\":\"Base64\",\"value\":\"R0VUIC8=\"}]"),
            ("/unmapped/packet", ""),
        ],
        ecs: &[
            ("/event/kind", "\"alert\""),
            ("/event/category", "[\"intrusion_detection\",\"network\"]"),
            ("/event/type", "[\"connection\",\"denied\"]"),
            ("/rule/category", "\"Web Attack\""),
            ("/weir/severity", "\"HIGH\""),
        ],
        otel: &[
            ("/severityNumber", "17"),
            ("/severityText", "\"HIGH\""),
            ("/attributes/security_rule.category/stringValue", "\"Web Attack\""),
            ("/attributes/huawei.cfw_attack.attack.extra.packet/stringValue", "\"R0VUIC8=\""),
        ],
    },
    Landing {
        product: "huawei-cfw-url",
        record: r#"{"action":"deny","app":"HTTP","dst_ip":"203.0.113.80","dst_port":80,"hit_time":1718936272648,"log_id":"5","protocol":"TCP","rule_id":"c755be1c","rule_name":"no-shopping","src_ip":"192.168.3.25","src_port":38929,"url":"www.example.com/cart?a=b","vgw_id":"-"}"#,
        ocsf: &[
            ("/class_uid", "4001"),
            ("/activity_name", "\"Refuse\""),
            ("/time", "1718936272648"),
            ("/url/query_string", "\"a=b\""),
            ("/firewall_rule/uid", "\"c755be1c\""),
            ("/firewall_rule/name", "\"no-shopping\""),
            ("/unmapped", ""),
        ],
        ecs: &[
            ("/event/kind", "\"event\""),
            ("/event/type", "[\"connection\",\"denied\"]"),
            ("/url/original", "\"www.example.com/cart?a=b\""),
            ("/rule/name", "\"no-shopping\""),
            ("/observer/type", "\"firewall\""),
        ],
        otel: &[
            ("/eventName", "\"huawei.cfw_url.access\""),
            ("/attributes/security_rule.name/stringValue", "\"no-shopping\""),
            ("/attributes/huawei.cfw_url.access.extra.vgw_id", ""),
        ],
    },
    Landing {
        product: "aws-tgw",
        record: "6 TransitGateway unknown tgw-0a1b2c3d tgw-attach-0a1b2c3d - - vpc-0a1b2c3d vpc-4e5f6071 subnet-1 - eni-1 eni-2 use1-az1 - - 10.0.0.62 10.1.0.5 43416 443 6 8 568 1718000340 1718000400 OK IPv4 3 0 0 0 2 us-east-1 egress - AMAZON",
        ocsf: &[
            ("/class_uid", "4001"),
            ("/activity_name", "\"Traffic\""),
            ("/action_id", ""),
            ("/cloud/account", ""),
            ("/cloud/region", "\"us-east-1\""),
            ("/src_endpoint/vpc_uid", "\"vpc-0a1b2c3d\""),
            ("/dst_endpoint/vpc_uid", "\"vpc-4e5f6071\""),
            ("/network_observation_point/instance_uid", "\"tgw-0a1b2c3d\""),
            ("/network_observation_point/uid", "\"tgw-attach-0a1b2c3d\""),
            ("/connection_info/direction_id", "2"),
            ("/unmapped/packets-lost-no-route", "\"3\""),
            ("/src_endpoint/interface_uid", "\"eni-1\""),
            ("/src_endpoint/subnet_uid", "\"subnet-1\""),
            ("/src_endpoint/zone", "\"use1-az1\""),
            ("/dst_endpoint/interface_uid", "\"eni-2\""),
            ("/dst_endpoint/subnet_uid", ""),
            ("/unmapped/tgw-src-eni", ""),
        ],
        ecs: &[
            ("/event/type", "[\"connection\"]"),
            ("/cloud/account", ""),
            ("/observer/type", "\"router\""),
            ("/weir/src_vpc_id", "\"vpc-0a1b2c3d\""),
            ("/aws/tgw/tgw-src-az-id", "\"use1-az1\""),
            ("/source/bytes", "568"),
            ("/aws/tgw/pkt-src-aws-service", ""),
        ],
        otel: &[
            ("/eventName", "\"aws.tgw.flow\""),
            ("/attributes/aws.tgw.flow.instance_id/stringValue", "\"tgw-0a1b2c3d\""),
            ("/attributes/aws.tgw.flow.extra.tgw-dst-eni/stringValue", "\"eni-2\""),
        ],
    },
    Landing {
        product: "huawei-waf",
        record: r#"{"id":"04-1","time":1650525961000,"policyid":"25f1","http_host":"www.example.com","url":"/a.php?b=c","attack":"lfi","rule":"040002","payload":" file=../../../../etc/passwd","payload_location":"params","sip":"203.0.113.77","sport":4711,"hport":443,"action":"captcha","method":"GET","level":"2","status":"418","body":{"x" : ["\"", 1]},"response_time":1.5,"response_size":3318,"remote_ip":"198.51.100.4","enterprise_project_id":"0","enterprise_project_name":"default"}"#,
        ocsf: &[
            ("/class_uid", "4002"),
            ("/class_name", "\"HTTP Activity\""),
            ("/activity_id", "3"),
            ("/activity_name", "\"Get\""),
            ("/type_uid", "400203"),
            ("/severity_id", "1"),
            ("/severity", "\"Informational\""),
            ("/action_id", "4"),
            ("/action", "\"Modified\""),
            ("/disposition_id", "22"),
            ("/disposition", "\"Captcha\""),
            ("/status_id", "0"),
            ("/is_alert", "true"),
            ("/metadata/original_event_uid", "\"04-1\""),
            ("/src_endpoint/ip", "\"203.0.113.77\""),
            ("/src_endpoint/port", "4711"),
            ("/dst_endpoint/hostname", "\"www.example.com\""),
            ("/dst_endpoint/port", "443"),
            ("/http_request/http_method", "\"GET\""),
            ("/http_request/url/path", "\"/a.php\""),
            ("/http_request/url/query_string", "\"b=c\""),
            ("/http_request/url/hostname", "\"www.example.com\""),
            ("/http_request/url/url_string", ""),
            ("/http_response/code", "418"),
            ("/url", ""),
            ("/firewall_rule/uid", "\"040002\""),
            ("/firewall_rule/category", "\"lfi\""),
            ("/firewall_rule/match_details", "[\" file=../../../../etc/passwd\"]"),
            ("/firewall_rule/match_location", "\"params\""),
            ("/policy/uid", "\"25f1\""),
            ("/unmapped/policyid", ""),
            ("/src_endpoint/intermediate_ips", "[\"198.51.100.4\"]"),
            ("/cloud/project_uid", "\"0\""),
            ("/unmapped/enterprise_project_name", "\"default\""),
            ("/http_response/body_length", "3318"),
            ("/http_response/latency", ""),
            ("/unmapped/response_time", "1.5"),
            ("/unmapped/body", "{\"x\":[\"\\\"\",1]}"),
            ("/unmapped/action", "\"captcha\""),
        ],
        ecs: &[
            ("/event/kind", "\"alert\""),
            ("/event/category", "[\"intrusion_detection\",\"web\"]"),
            ("/event/type", "[\"access\"]"),
            ("/event/outcome", "\"unknown\""),
            ("/event/action", "\"challenge\""),
            ("/http/request/method", "\"GET\""),
            ("/http/response/status_code", "418"),
            ("/url/original", "\"/a.php?b=c\""),
            ("/url/path", "\"/a.php\""),
            ("/url/query", "\"b=c\""),
            ("/url/domain", "\"www.example.com\""),
            ("/rule/id", "\"040002\""),
            ("/rule/category", "\"lfi\""),
            ("/observer/type", "\"proxy\""),
            ("/http/response/body/bytes", "3318"),
            ("/http/request/body", ""),
            ("/cloud/project/id", "\"0\""),
            ("/cloud/project/name", "\"default\""),
            ("/related/ip", "[\"203.0.113.77\",\"198.51.100.4\"]"),
            ("/huawei/waf/payload_location", "\"params\""),
            ("/huawei/waf/response_size", ""),
        ],
        otel: &[
            ("/severityNumber", ""),
            ("/severityText", ""),
            ("/attributes/http.request.method/stringValue", "\"GET\""),
            ("/attributes/http.response.status_code/intValue", "\"418\""),
            ("/attributes/url.original/stringValue", "\"/a.php?b=c\""),
            ("/attributes/url.query/stringValue", "\"b=c\""),
            ("/attributes/huawei.waf.attack.extra.body/stringValue", r#""{\"x\":[\"\\\"\",1]}""#),
            ("/attributes/huawei.waf.attack.extra.response_time/doubleValue", "1.5"),
            ("/attributes/network.peer.address/stringValue", "\"198.51.100.4\""),
            ("/attributes/http.response.body.size/intValue", "\"3318\""),
            ("/attributes/huawei.waf.attack.extra.remote_ip", ""),
        ],
    },
    Landing {
        product: "huawei-waf-access",
        record: r#"{"waf-time":"2022-04-21T07:26:01Z","remote_ip":"203.0.113.77","remote_port":"51312","upstream_addr":"10.0.0.8:80, 10.0.0.9:80","request_length":"512","bytes_send":"1024","body_bytes_sent":"800","response_code":"503","method":"PROPFIND","http_host":"www.example.com","url":"/index.html","scheme":"https","args":"a=1","tls_version":"TLSv1.2","user_agent":"curl/8","x_forwarded_for":"203.0.113.1, 203.0.113.2"}"#,
        ocsf: &[
            ("/class_uid", "4002"),
            ("/activity_id", "99"),
            ("/activity_name", "\"PROPFIND\""),
            ("/type_uid", "400299"),
            ("/status_id", "2"),
            ("/action_id", ""),
            ("/metadata/profiles", "[\"cloud\"]"),
            ("/http_request/http_method", ""),
            ("/http_request/url/path", "\"/index.html\""),
            ("/http_response/code", "503"),
            ("/traffic/bytes", "1536"),
            ("/traffic/bytes_out", "512"),
            ("/traffic/bytes_in", "1024"),
            ("/http_request/args", "\"a=1\""),
            ("/http_request/user_agent", "\"curl/8\""),
            ("/http_request/x_forwarded_for", "[\"203.0.113.1\",\"203.0.113.2\"]"),
            ("/http_request/url/scheme", "\"https\""),
            ("/http_request/length", "512"),
            ("/http_response/length", "1024"),
            ("/http_response/body_length", "800"),
            ("/tls/version", "\"TLSv1.2\""),
            ("/unmapped/upstream_addr", "\"10.0.0.8:80, 10.0.0.9:80\""),
            ("/unmapped/weir", ""),
        ],
        ecs: &[
            ("/event/kind", "\"event\""),
            ("/event/category", "[\"web\"]"),
            ("/event/type", "[\"access\"]"),
            ("/event/outcome", "\"failure\""),
            ("/http/request/method", "\"PROPFIND\""),
            ("/network/bytes", "1536"),
            ("/http/request/bytes", "512"),
            ("/http/response/bytes", "1024"),
            ("/http/response/body/bytes", "800"),
            ("/url/scheme", "\"https\""),
            ("/url/query", "\"a=1\""),
            ("/tls/version", "\"1.2\""),
            ("/tls/version_protocol", "\"tls\""),
            ("/user_agent/original", "\"curl/8\""),
            ("/network/forwarded_ip", ""),
            ("/huawei/waf_access/x_forwarded_for", "\"203.0.113.1, 203.0.113.2\""),
            ("/huawei/waf_access/scheme", ""),
        ],
        otel: &[
            ("/attributes/http.response.status_code/intValue", "\"503\""),
            ("/attributes/huawei.waf_access.access.bytes_out/intValue", "\"512\""),
            ("/attributes/url.scheme/stringValue", "\"https\""),
            ("/attributes/url.query/stringValue", "\"a=1\""),
            ("/attributes/tls.protocol.version/stringValue", "\"1.2\""),
            ("/attributes/user_agent.original/stringValue", "\"curl/8\""),
            (
                "/attributes/http.request.header.x-forwarded-for/arrayValue/values",
                "[{\"stringValue\":\"203.0.113.1, 203.0.113.2\"}]",
            ),
        ],
    },
    Landing {
        product: "huawei-elb",
        record: r#"1644819836.370 eb11c5a9-93a7-4c48-80fc-03f61f638595 [2022-02-14T14:23:56+08:00] elb_01 192.168.1.1:888 200 "POST https://www.test.com/example/?a=1 HTTP/1.1" 1411 251 3 0.011 "200" "0.000" "0.011" "0.011" "192.168.1.2:8080" "okhttp/3.13.1" "-" "203.0.113.1" loadbalancer_295a listener_2067 3333fd44 pool_8954 "-" f2bc 121.64.212.1:443 "10.1.1.2:8080" - TLSv1.2 ECDHE www.test.com 56704 -"#,
        ocsf: &[
            ("/class_uid", "4002"),
            ("/type_uid", "400206"),
            ("/time", "1644819836370"),
            ("/src_endpoint/ip", "\"192.168.1.1\""),
            ("/src_endpoint/port", "888"),
            ("/dst_endpoint/port", "443"),
            ("/dst_endpoint/ip", ""),
            ("/dst_endpoint/hostname", "\"www.test.com\""),
            ("/network_observation_point/instance_uid", "\"loadbalancer_295a\""),
            ("/cloud/account/uid", "\"f2bc\""),
            ("/http_request/url/path", "\"/example/\""),
            ("/http_request/url/query_string", "\"a=1\""),
            ("/http_request/url/scheme", "\"https\""),
            ("/http_request/user_agent", "\"okhttp/3.13.1\""),
            ("/http_request/x_forwarded_for", "[\"203.0.113.1\"]"),
            ("/http_response/code", "200"),
            ("/http_response/body_length", "3"),
            ("/traffic/bytes_in", "251"),
            ("/tls/version", "\"TLSv1.2\""),
            ("/unmapped/eip_address", "\"121.64.212.1\""),
        ],
        ecs: &[
            ("/event/category", "[\"web\"]"),
            ("/observer/type", "\"proxy\""),
            ("/http/request/bytes", "1411"),
            ("/http/response/bytes", "251"),
            ("/url/path", "\"/example/\""),
            ("/url/domain", "\"www.test.com\""),
            ("/huawei/elb/pool_name", "\"pool_8954\""),
        ],
        otel: &[
            ("/eventName", "\"huawei.elb.access\""),
            ("/attributes/server.address/stringValue", "\"www.test.com\""),
            ("/attributes/huawei.elb.access.bytes_out/intValue", "\"1411\""),
        ],
    },
    Landing {
        product: "alibaba-waf",
        record: r#"{"__topic__":"waf_access_log","start_time":"1707305140","time":"2024-02-07T19:25:40+08:00","src_ip":"198.51.100.20","src_port":"51312","real_client_ip":"203.0.113.7","dst_port":"443","host":"www.example.com","matched_host":"www.example.com-waf","request_method":"GET","request_uri":"/item?id=1","querystring":"id=1","status":"405","final_action":"captcha","final_rule_id":"115341","final_rule_type":"sqli","request_traceid":"781b","request_time_msec":"4","user_id":"1234567890123456"}"#,
        ocsf: &[
            ("/class_uid", "4002"),
            ("/time", "1707305140000"),
            ("/src_endpoint/ip", "\"198.51.100.20\""),
            ("/src_endpoint/intermediate_ips", "[\"203.0.113.7\"]"),
            ("/dst_endpoint/port", "443"),
            ("/firewall_rule/uid", "\"115341\""),
            ("/firewall_rule/category", ""),
            ("/metadata/original_event_uid", "\"781b\""),
            ("/http_request/args", "\"id=1\""),
            ("/http_response/latency", "4"),
            ("/unmapped/final_rule_type", "\"sqli\""),
            ("/unmapped/final_action", "\"captcha\""),
        ],
        ecs: &[
            ("/event/kind", "\"event\""),
            ("/event/action", "\"challenge\""),
            ("/client/ip", "\"203.0.113.7\""),
            ("/rule/id", "\"115341\""),
            ("/observer/type", "\"proxy\""),
        ],
        otel: &[
            ("/eventName", "\"alibaba.waf.access\""),
            ("/attributes/security_rule.uuid/stringValue", "\"115341\""),
        ],
    },
    Landing {
        product: "alibaba-alb",
        record: r#"{"time":"2024-02-07T11:25:40Z","app_lb_id":"alb-1","client_ip":"203.0.113.7","client_port":"51312","vip_addr":"10.0.0.100","slb_vport":"443","scheme":"https","http_host":"www.example.com","request_method":"GET","request_uri":"/index.html?a=1","status":"200","request_length":"311","body_bytes_sent":"612","ssl_protocol":"TLSv1.2"}"#,
        ocsf: &[
            ("/class_uid", "4002"),
            ("/dst_endpoint/ip", "\"10.0.0.100\""),
            ("/dst_endpoint/port", "443"),
            ("/network_observation_point/instance_uid", "\"alb-1\""),
            ("/traffic/bytes_out", "311"),
            ("/http_response/body_length", "612"),
            ("/http_request/url/query_string", "\"a=1\""),
        ],
        ecs: &[
            ("/event/category", "[\"web\"]"),
            ("/cloud/instance/id", "\"alb-1\""),
            ("/http/response/body/bytes", "612"),
            ("/tls/version", "\"1.2\""),
        ],
        otel: &[
            ("/eventName", "\"alibaba.alb.access\""),
            ("/attributes/url.scheme/stringValue", "\"https\""),
        ],
    },
    Landing {
        product: "alibaba-cen",
        record: r#"{"__time__":"1718000400","account-id":"1234567890123456","cen-id":"cen-7q","attachment-id":"tr-attach-1","src-region-id":"us-east-1","dst-region-id":"us-west-1","srcaddr":"10.0.0.1","srcport":"53870","dstaddr":"10.1.0.2","dstport":"443","protocol":"6","packets":"12","bytes":"4096","start":"1718000340","end":"1718000400","direction":"out","dscp":"0"}"#,
        ocsf: &[
            ("/class_uid", "4001"),
            ("/metadata/product/vendor_name", "\"Alibaba Cloud\""),
            ("/metadata/logged_time", "1718000400000"),
            ("/network_observation_point/instance_uid", "\"cen-7q\""),
            ("/network_observation_point/uid", "\"tr-attach-1\""),
            ("/connection_info/boundary_id", "8"),
            ("/connection_info/direction_id", "2"),
            ("/unmapped/weir/src_region", "\"us-east-1\""),
            ("/unmapped/weir/dst_region", "\"us-west-1\""),
            ("/unmapped/dscp", "\"0\""),
        ],
        ecs: &[
            ("/event/created", "\"2024-06-10T06:20:00.000Z\""),
            ("/cloud/instance/id", "\"cen-7q\""),
            ("/weir/src_region", "\"us-east-1\""),
            ("/weir/dst_region", "\"us-west-1\""),
            ("/alibaba/cen/dscp", "\"0\""),
        ],
        otel: &[
            ("/observedTimeUnixNano", "\"1718000400000000000\""),
            ("/attributes/cloud.provider/stringValue", "\"alibaba_cloud\""),
            ("/attributes/alibaba.cen.flow.src_region/stringValue", "\"us-east-1\""),
        ],
    },
    Landing {
        product: "alibaba-vpc",
        record: r#"{"version":"1","account-id":"1234567890123456","eni-id":"eni-1","vm-id":"i-1","vswitch-id":"vsw-1","vpc-id":"vpc-1","region":"cn-hangzhou","type":"IPv4","protocol":"6","srcaddr":"10.0.0.1","srcport":"53870","dstaddr":"10.1.0.2","dstport":"443","direction":"in","action":"REJECT","packets":"12","bytes":"4096","start":"1718000340","end":"1718000400","log-status":"OK","tcp-flags":"19","traffic_path":"2"}"#,
        ocsf: &[
            ("/activity_id", "5"),
            ("/action_id", "2"),
            ("/disposition_id", "2"),
            ("/status_id", "2"),
            ("/cloud/region", "\"cn-hangzhou\""),
            ("/dst_endpoint/interface_uid", "\"eni-1\""),
            ("/dst_endpoint/instance_uid", "\"i-1\""),
            ("/dst_endpoint/subnet_uid", "\"vsw-1\""),
            ("/dst_endpoint/vpc_uid", "\"vpc-1\""),
            ("/src_endpoint/vpc_uid", ""),
            ("/observation_point_id", "2"),
            ("/network_observation_point", ""),
            ("/connection_info/direction_id", "1"),
            ("/connection_info/tcp_flags", "19"),
            ("/connection_info/boundary_id", "4"),
            ("/unmapped/weir/traffic_path", "\"2\""),
            ("/unmapped/type", "\"IPv4\""),
        ],
        ecs: &[
            ("/event/type", "[\"connection\",\"denied\"]"),
            ("/cloud/region", "\"cn-hangzhou\""),
            ("/cloud/instance/id", "\"i-1\""),
            ("/network/direction", "\"ingress\""),
            ("/weir/tcp_flags", "19"),
            ("/weir/subnet_id", "\"vsw-1\""),
            ("/weir/vpc_id", "\"vpc-1\""),
            ("/alibaba/vpc/type", "\"IPv4\""),
        ],
        otel: &[
            ("/attributes/cloud.region/stringValue", "\"cn-hangzhou\""),
            ("/attributes/network.io.direction/stringValue", "\"receive\""),
            ("/attributes/alibaba.vpc.flow.tcp_flags/intValue", "\"19\""),
            ("/attributes/alibaba.vpc.flow.traffic_path/stringValue", "\"2\""),
        ],
    },
    Landing {
        product: "alibaba-nat",
        record: r#"{"instance":"ngw-1","vpc_id":"vpc-1","protocol":"6","pri_ip":"10.0.0.1","pri_port":"53870","pub_ip":"203.0.113.9","pub_port":"443","nat_ip":"198.51.100.4","nat_port":"1033","bytes_from_pub":"4096","pkts_from_pub":"12","bytes_from_vpc":"512","pkts_from_vpc":"9","start_time":"1718000340","end_time":"1718000400"}"#,
        ocsf: &[
            ("/metadata/log_name", "\"session\""),
            ("/network_observation_point/instance_uid", "\"ngw-1\""),
            ("/network_observation_point/vpc_uid", "\"vpc-1\""),
            ("/traffic/bytes", "4608"),
            ("/traffic/packets", "21"),
            ("/traffic/bytes_out", "512"),
            ("/traffic/bytes_in", "4096"),
            ("/src_endpoint/proxy_endpoint/ip", "\"198.51.100.4\""),
            ("/src_endpoint/proxy_endpoint/port", "1033"),
            ("/src_endpoint/proxy_endpoint/uid", "\"ngw-1\""),
            ("/unmapped", ""),
        ],
        ecs: &[
            ("/source/bytes", "512"),
            ("/destination/bytes", "4096"),
            ("/network/bytes", "4608"),
            ("/network/packets", "21"),
            ("/weir/kind", "\"session\""),
            ("/source/nat/ip", "\"198.51.100.4\""),
            ("/source/nat/port", "1033"),
            ("/related/ip", "[\"10.0.0.1\",\"203.0.113.9\",\"198.51.100.4\"]"),
            ("/alibaba", ""),
        ],
        otel: &[
            ("/eventName", "\"alibaba.nat.session\""),
            ("/attributes/alibaba.nat.session.packets_in/intValue", "\"12\""),
            ("/attributes/alibaba.nat.session.extra.nat_ip/stringValue", "\"198.51.100.4\""),
        ],
    },
    Landing {
        product: "alibaba-cfw",
        record: r#"{"aliuid":"1234567890123456","log_type":"internet_log","direction":"in","ip_protocol":"tcp","src_ip":"203.0.113.9","src_port":"53870","dst_ip":"10.1.0.2","dst_port":"443","in_packet_bytes":"4096","in_packet_count":"12","out_packet_bytes":"512","out_packet_count":"9","total_packet_bytes":"4608","total_packet_count":"21","start_time":"1718000340","end_time":"1718000400","rule_result":"alert","app_name":"HTTPS","domain":"www.example.com","url":"https://www.example.com/?a","region_id":"cn-hangzhou","acl_rule_id":"r-1"}"#,
        ocsf: &[
            ("/class_uid", "4001"),
            ("/activity_id", "6"),
            ("/action_id", "3"),
            ("/action", "\"Observed\""),
            ("/disposition_id", "19"),
            ("/disposition", "\"Alert\""),
            ("/status_id", "1"),
            ("/traffic/bytes_out", "4096"),
            ("/traffic/bytes_in", "512"),
            ("/url/url_string", "\"https://www.example.com/?a\""),
            ("/url/path", ""),
            ("/url/hostname", "\"www.example.com\""),
            ("/http_request", ""),
            ("/firewall_rule/uid", "\"r-1\""),
            ("/unmapped/rule_result", "\"alert\""),
        ],
        ecs: &[
            ("/event/type", "[\"connection\",\"allowed\"]"),
            ("/event/outcome", "\"success\""),
            ("/event/action", "\"log\""),
            ("/url/original", "\"https://www.example.com/?a\""),
            ("/url/path", ""),
            ("/url/domain", "\"www.example.com\""),
            ("/observer/type", "\"firewall\""),
        ],
        otel: &[("/attributes/url.path", ""), ("/attributes/security_rule.uuid/stringValue", "\"r-1\"")],
    },
    Landing {
        product: "baidu-flow",
        record: "1 a1b2c3 nat nat-b1x2y3 2001:db8::4 2001:db8::9 53870 443 6 12 4096 1718000340 1718000400 allow OK",
        ocsf: &[
            ("/metadata/product/vendor_name", "\"Baidu AI Cloud\""),
            ("/cloud/account/type", "\"Baidu AI Cloud Account\""),
            ("/network_observation_point/uid", "\"nat-b1x2y3\""),
            ("/connection_info/protocol_ver_id", "6"),
            ("/src_endpoint/ip", "\"2001:db8::4\""),
            ("/unmapped/resource-type", "\"nat\""),
        ],
        ecs: &[
            ("/network/type", "\"ipv6\""),
            ("/weir/resource_id", "\"nat-b1x2y3\""),
            ("/baidu/flow/resource-type", "\"nat\""),
        ],
        otel: &[
            ("/attributes/cloud.provider/stringValue", "\"baidu_cloud\""),
            ("/attributes/network.type/stringValue", "\"ipv6\""),
            ("/attributes/baidu.flow.flow.resource_id/stringValue", "\"nat-b1x2y3\""),
        ],
    },
    Landing {
        product: "aws-vpc",
        record: r#"{"version":"5","account-id":"123456789010","interface-id":"eni-1","srcaddr":"10.0.0.62","dstaddr":"52.213.180.42","srcport":"5001","dstport":"43416","protocol":"6","packets":"8","bytes":"568","start":"1566848875","end":"1566848933","action":"ACCEPT","log-status":"OK","vpc-id":"vpc-1","subnet-id":"subnet-1","instance-id":"i-1","tcp-flags":"18","pkt-srcaddr":"10.0.0.63","pkt-dstaddr":"52.213.180.42","pkt-dst-aws-service":"S3","az-id":"euw1-az1","reject-reason":"BPA","region":"eu-west-1","flow-direction":"egress","traffic-path":"8"}"#,
        ocsf: &[
            ("/metadata/product/vendor_name", "\"AWS\""),
            ("/cloud/provider", "\"aws\""),
            ("/cloud/account/uid", "\"123456789010\""),
            ("/cloud/account/type_id", "10"),
            ("/cloud/account/type", "\"AWS Account\""),
            ("/cloud/region", "\"eu-west-1\""),
            ("/src_endpoint/interface_uid", "\"eni-1\""),
            ("/src_endpoint/instance_uid", "\"i-1\""),
            ("/src_endpoint/subnet_uid", "\"subnet-1\""),
            ("/src_endpoint/vpc_uid", "\"vpc-1\""),
            ("/observation_point_id", "1"),
            ("/connection_info/direction_id", "2"),
            ("/connection_info/boundary_id", "11"),
            ("/connection_info/tcp_flags", "18"),
            ("/src_endpoint/intermediate_ips", "[\"10.0.0.63\"]"),
            ("/dst_endpoint/intermediate_ips", "[\"52.213.180.42\"]"),
            ("/dst_endpoint/svc_name", "\"S3\""),
            ("/cloud/zone", "\"euw1-az1\""),
            ("/status_detail", "\"BPA\""),
            ("/unmapped/pkt-srcaddr", ""),
            ("/unmapped/weir/traffic_path", "\"8\""),
        ],
        ecs: &[
            ("/cloud/provider", "\"aws\""),
            ("/observer/vendor", "\"AWS\""),
            ("/observer/type", "\"sensor\""),
            ("/aws/vpc/pkt-srcaddr", "\"10.0.0.63\""),
            ("/related/ip", "[\"10.0.0.62\",\"52.213.180.42\",\"10.0.0.63\"]"),
            ("/cloud/availability_zone", "\"euw1-az1\""),
            ("/event/reason", "\"BPA\""),
            ("/source/bytes", "568"),
            ("/source/packets", "8"),
        ],
        otel: &[
            ("/attributes/cloud.provider/stringValue", "\"aws\""),
            ("/attributes/aws.vpc.flow.extra.pkt-srcaddr/stringValue", "\"10.0.0.63\""),
            ("/attributes/cloud.availability_zone/stringValue", "\"euw1-az1\""),
        ],
    },
    // No time, no address, and the names that clash.
    Landing {
        product: "flat",
        record: r#"{"provider":"aws","product":"vpc","kind":"flow","account_id":"1","vpc_id":"v","bytes":18446744073709551615,"extra":{"weir":1,"raw":"as it \"came\"","none":"-","n":null,"big":18446744073709551615}}"#,
        ocsf: &[
            ("/time", "1700000000000"),
            ("/unmapped/weir/time_source", "\"observed\""),
            ("/unmapped/extra.weir", "1"),
            ("/unmapped/none", ""),
            ("/unmapped/raw", ""),
            ("/raw_data", "\"as it \\\"came\\\"\""),
            ("/cloud/account/type_id", "10"),
            ("/cloud/account/type", "\"AWS Account\""),
            ("/src_endpoint/uid", "\"v\""),
            ("/src_endpoint/vpc_uid", "\"v\""),
        ],
        ecs: &[
            ("/@timestamp", "\"2023-11-14T22:13:20.000Z\""),
            ("/weir/time_source", "\"observed\""),
            ("/event/original", "\"as it \\\"came\\\"\""),
            ("/aws/vpc/n", "null"),
        ],
        otel: &[
            ("/timeUnixNano", ""),
            ("/observedTimeUnixNano", "\"1700000000000000000\""),
            ("/body/stringValue", "\"as it \\\"came\\\"\""),
            ("/attributes/aws.vpc.flow.bytes/stringValue", "\"18446744073709551615\""),
            ("/attributes/aws.vpc.flow.extra.n", "{}"),
            ("/attributes/aws.vpc.flow.extra.weir/intValue", "\"1\""),
            ("/attributes/aws.vpc.flow.extra.big/stringValue", "\"18446744073709551615\""),
        ],
    },
];

#[test]
fn every_product_lands_where_it_should() {
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    for landing in LANDINGS {
        seen.insert(landing.product);
        for (schema, wants) in
            [(Schema::Ocsf, landing.ocsf), (Schema::Ecs, landing.ecs), (Schema::Otel, landing.otel)]
        {
            let config = Config { from: Some(landing.product.into()), ..to(schema) };
            let line = run(landing.record, &config);
            let event =
                if schema == Schema::Otel { by_name(&line) } else { serde_json::from_str(&line).unwrap() };
            for (pointer, want) in wants {
                let want: Option<Value> = (!want.is_empty()).then(|| serde_json::from_str(want).unwrap());
                if event.pointer(pointer) != want.as_ref() {
                    wrong.push(format!(
                        "{} {} {pointer}: {:?}, not {want:?}",
                        landing.product,
                        schema.name(),
                        event.pointer(pointer)
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let all: BTreeSet<_> = weir_normalizer::products::all().iter().map(|p| p.id).collect();
    assert_eq!(seen, all);
}

/// What a schema has a place for goes there or stays among the source's keys, and not both.
#[test]
fn what_means_something_is_there_once() {
    let values = [
        json!("198.51.100.4"),
        json!("198.51.100.4, 2001:db8::7"),
        json!("198.51.100.4, unknown"),
        json!("443"),
        json!(443),
        json!(70_000),
        json!(18_446_744_073_709_551_615u64),
        json!("TLSv1.2"),
        json!("CN"),
        json!("R0VUIC8="),
        json!("any \"text\""),
        json!(1.5),
        json!(true),
        json!(null),
        json!(["198.51.100.4"]),
    ];
    let own = |event: &Value, schema: Schema, record: &Value, key: &str| {
        let of = |name: &str| record[name].as_str().unwrap().to_owned();
        let (provider, product) = (of("provider"), of("product"));
        match schema {
            Schema::Ocsf => event["unmapped"].get(key).is_some(),
            Schema::Ecs => event[provider][product].get(key).is_some(),
            _ => {
                event["attributes"].get(format!("{provider}.{product}.{}.extra.{key}", of("kind"))).is_some()
            }
        }
    };
    let event = |record: &Value, schema: Schema, key: &str| {
        if schema != Schema::Otel {
            let mut event = convert(record, schema);
            let (whole, provider, product) = (event.clone(), &record["provider"], &record["product"]);
            if schema == Schema::Ecs {
                event["related"] = Value::Null;
                let own = event
                    .get_mut(provider.as_str().unwrap())
                    .and_then(|o| o.get_mut(product.as_str().unwrap()));
                own.and_then(Value::as_object_mut).map(|o| o.remove(key));
            } else if let Some(own) = event.get_mut("unmapped").and_then(Value::as_object_mut) {
                own.remove(key);
            }
            return (event, whole);
        }
        let config = Config { from: Some("flat".into()), ..to(schema) };
        let whole = by_name(&run(&record.to_string(), &config));
        let mut event = whole.clone();
        event["resource"] = Value::Null;
        event["attributes"].as_object_mut().unwrap().retain(|k, _| !k.ends_with(&format!("extra.{key}")));
        (event, whole)
    };
    let (mut moved, mut stayed) = (0, 0);
    for product in products::all() {
        for entry in product.entries.iter().filter(|e| e.means.is_some()) {
            for key in
                entry.keys.iter().map(|k| k.to_uppercase().replace('-', "_")).chain([entry.keys[0].into()])
            {
                for value in &values {
                    let mut record = json!({
                        "provider": product.provider, "product": product.product, "kind": product.kind,
                        "start_ms": 1, "src_ip": "10.0.0.1", "dst_ip": "10.0.0.2", "action": "accept",
                        "instance_id": "i-1", "rule_id": "r", "url": "/x", "http_status": 200,
                        "extra": {"another": 1},
                    });
                    for schema in [Schema::Ocsf, Schema::Ecs, Schema::Otel] {
                        let (before, _) = event(&record, schema, &key);
                        record["extra"][&key] = value.clone();
                        let (after, whole) = event(&record, schema, &key);
                        let stays = own(&whole, schema, &record, &key);
                        assert_eq!(stays, before == after, "{key} {value} {}: {whole}", schema.name());
                        (moved, stayed) = (moved + u32::from(!stays), stayed + u32::from(stays));
                        record["extra"].as_object_mut().unwrap().remove(&key);
                    }
                }
            }
        }
    }
    assert!(moved > 500 && stayed > 500, "{moved} {stayed}");
}

/// Where the object that a value belongs into would lack what it must have, the value stays.
#[test]
fn no_object_is_made_of_a_part() {
    let lacking = [
        (json!({"provider": "alibaba", "product": "nat"}), json!({"nat_ip": "198.51.100.4", "nat_port": 7})),
        (
            json!({"provider": "aws", "product": "vpc"}),
            json!({"pkt-srcaddr": "10.0.0.1", "pkt-dstaddr": "10.0.0.2"}),
        ),
        (
            json!({"provider": "huawei", "product": "cfw"}),
            json!({"src_city_name": "x", "dst_region_id": "CN"}),
        ),
        (
            json!({"provider": "huawei", "product": "waf"}),
            json!({
                "policyid": "p", "payload": "x", "payload_location": "y", "response_size": 1, "remote_ip": "10.0.0.1",
            }),
        ),
        (json!({"provider": "huawei", "product": "waf_access"}), json!({"scheme": "https"})),
    ];
    for (mut record, extra) in lacking {
        record["extra"] = extra.clone();
        let event = convert(&record, Schema::Ocsf);
        assert_eq!(faults(&event), Vec::<String>::new());
        for (key, value) in extra.as_object().unwrap() {
            assert_eq!(&event["unmapped"][key], value, "{event}");
        }
    }
}

/// Two keys of one meaning, and more keys than are looked at.
#[test]
fn a_place_holds_one_value() {
    let mut extra: serde_json::Map<_, _> = (0..63).map(|i| (format!("k{i:02}"), json!(i))).collect();
    extra.insert("natIp".into(), json!("198.51.100.4"));
    let mut record = json!({"provider": "alibaba", "product": "nat", "src_ip": "10.0.0.1", "extra": extra});
    let event = convert(&record, Schema::Ecs);
    assert_eq!(
        (&event["source"]["nat"]["ip"], &event["alibaba"]["nat"]["natIp"]),
        (&json!("198.51.100.4"), &Value::Null)
    );
    record["extra"]["nat_ip"] = json!("198.51.100.5");
    let event = convert(&record, Schema::Ecs);
    assert_eq!(event["source"]["nat"]["ip"], "198.51.100.4");
    assert_eq!(event["alibaba"]["nat"]["nat_ip"], "198.51.100.5");
    record["extra"].as_object_mut().unwrap().remove("k00");
    let event = convert(&record, Schema::Ecs);
    assert_eq!(event["source"]["nat"]["ip"], "198.51.100.5");
    assert_eq!(event["alibaba"]["nat"]["natIp"], "198.51.100.4");
    assert_eq!(event["related"]["ip"], json!(["10.0.0.1", "198.51.100.5"]));
}

/// A total is what the source sent only where a record is about one direction.
#[test]
fn totals_are_of_the_source_in_one_way_flows() {
    for (provider, product, kind, one_way) in [
        ("huawei", "vpc", "flow", true),
        ("huawei", "er", "flow", true),
        ("alibaba", "cen", "flow", true),
        ("aws", "vpc", "flow", true),
        ("huawei", "cfw", "flow", false),
        ("alibaba", "nat", "session", false),
        ("baidu", "flow", "flow", false),
    ] {
        let mut record =
            json!({"provider": provider, "product": product, "kind": kind, "bytes": 7, "packets": 1});
        let event = convert(&record, Schema::Ecs);
        let got = (event.pointer("/source/bytes").is_some(), event.pointer("/source/packets").is_some());
        assert_eq!(got, (one_way, one_way), "{provider} {product}");
        assert_eq!(event["network"]["bytes"], 7);
        record["bytes_in"] = json!(3);
        assert_eq!(convert(&record, Schema::Ecs).pointer("/source/bytes"), None);
    }
}

#[test]
fn a_time_in_the_record_needs_no_observation() {
    let record = json!({"provider": "huawei", "product": "vpc", "kind": "flow", "log_time_ms": 5, "src_ip": "10.0.0.1"});
    let event = convert(&record, Schema::Ocsf);
    assert_eq!((&event["time"], event.get("unmapped")), (&json!(5), None));
    // Without either, the event says so.
    let config = Config { from: Some("flat".into()), to: Schema::Ocsf, ..Config::default() };
    let event: Value = serde_json::from_str(&run(r#"{"src_ip":"10.0.0.1"}"#, &config)).unwrap();
    assert_eq!((&event["time"], &event["unmapped"]["weir"]["time_source"]), (&json!(0), &json!("unknown")));
}

#[test]
fn the_configuration_travels() {
    let config = to(Schema::Ecs);
    let text = serde_json::to_value(&config).unwrap();
    assert_eq!((&text["to"], &text["observed_at_ms"]), (&json!("ecs"), &json!(OBSERVED_AT)));
    assert_eq!(serde_json::from_value::<Config>(text).unwrap(), config);
    assert!(serde_json::to_value(Config::default()).unwrap().get("to").is_none());
}

/// What is described is what comes out: each path of an event is a row's.
#[test]
fn descriptions_cover_what_comes_out() {
    for &schema in Schema::ALL {
        let rows = schemas::describe(schema);
        for field in Field::ALL {
            let names = |from: &str| from.split(", ").any(|f| f == field.key());
            assert!(rows.iter().any(|r| names(&r.from)), "{} {}", schema.name(), field.key());
        }
        let paths: BTreeSet<_> = rows.iter().map(|r| r.path.as_str()).collect();
        assert_eq!(paths.len(), rows.len(), "{}: a path stands there twice", schema.name());
    }
    fn leaves(value: &Value, path: String, found: &mut BTreeSet<String>) {
        match value.as_object() {
            Some(object) => {
                for (key, value) in object {
                    leaves(value, if path.is_empty() { key.clone() } else { format!("{path}.{key}") }, found);
                }
            }
            None => {
                found.insert(path);
            }
        }
    }
    for schema in [Schema::Ocsf, Schema::Ecs] {
        let rows = schemas::describe(schema);
        let mut found = BTreeSet::new();
        for lines in records(schema).values() {
            for line in lines.lines() {
                leaves(&serde_json::from_str(line).unwrap(), String::new(), &mut found);
            }
        }
        let described = |path: &str| {
            let own = ["unmapped.", "huawei.", "alibaba.", "baidu.", "aws.", "unknown."];
            rows.iter().any(|r| r.path == path)
                || (own.iter().any(|o| path.starts_with(o)) && !path.starts_with("unmapped.weir."))
        };
        let missing: Vec<_> = found.iter().filter(|p| !described(p)).collect();
        assert!(missing.is_empty(), "{}: {missing:?}", schema.name());
    }
}

fn joined(pieces: &[&[u8]]) -> String {
    let (mut joiner, mut out) = (Joiner::default(), Vec::new());
    for piece in pieces {
        joiner.push(piece, &mut out);
    }
    joiner.finish(&mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn joined_lines_hold_every_record_once() {
    let all: String = records(Schema::Otel).into_values().collect();
    let single: Vec<_> = all.lines().flat_map(|l| log_records(l).1).collect();
    let many = all.repeat(10);
    let out = joined(&[many.as_bytes()]);
    let mut got = Vec::new();
    for (i, line) in out.lines().enumerate() {
        serde_json::from_str::<Strict>(line).unwrap();
        let (resources, records) = log_records(line);
        let different: BTreeSet<_> = resources.iter().map(Value::to_string).collect();
        assert_eq!(different.len(), resources.len(), "equal resources are together");
        // The last line may have few records, each of another resource.
        if i + 1 < out.lines().count() {
            assert!(resources.len() < records.len());
            assert_eq!(records.len(), RECORDS_PER_LINE);
        }
        got.extend(records);
    }
    // Records of a resource come together within a line.
    let sorted = |mut records: Vec<Value>| {
        records.sort_by_key(Value::to_string);
        records
    };
    let want = single.iter().cycle().take(single.len() * 10).cloned().collect();
    assert_eq!(sorted(got), sorted(want));
    assert_eq!(out.lines().count(), (single.len() * 10).div_ceil(RECORDS_PER_LINE));
}

#[test]
fn joined_records_of_a_resource_keep_their_order() {
    let line = |account: u32, n: u32| json!({"provider": "huawei", "account_id": account.to_string(), "start_ms": n});
    let flat: String = (0..9).map(|n| line(n % 2, n).to_string() + "\n").collect();
    let out = joined(&[run(&flat, &Config { from: Some("flat".into()), ..to(Schema::Otel) }).as_bytes()]);
    let (resources, records) = log_records(out.trim_end());
    assert_eq!(resources.len(), 2);
    let times: Vec<_> = records.iter().map(|r| r["timeUnixNano"].as_str().unwrap()).collect();
    let want = ["0", "2000000", "4000000", "6000000", "8000000", "1000000", "3000000", "5000000", "7000000"];
    assert_eq!(times, want);
}

#[test]
fn joined_lines_are_bounded() {
    let long = json!({"provider": "huawei", "extra": {"x": "y".repeat(1_000_000)}}).to_string() + "\n";
    let lines = run(&long.repeat(12), &Config { from: Some("flat".into()), ..to(Schema::Otel) });
    let out = joined(&[lines.as_bytes()]);
    assert!(out.lines().count() > 1);
    assert!(out.lines().all(|l| l.len() < BYTES_PER_LINE + 1_100_000));
}

#[test]
fn what_is_no_log_record_passes() {
    let record = run(
        r#"{"provider":"huawei","src_ip":"10.0.0.1"}"#,
        &Config { from: Some("flat".into()), ..to(Schema::Otel) },
    );
    let text = format!("{record}{{\"a\":1}}\n{record}{record}");
    let out = joined(&[text.as_bytes()]);
    let lines: Vec<_> = out.lines().collect();
    assert_eq!((lines.len(), lines[1]), (3, "{\"a\":1}"));
    assert_eq!(log_records(lines[2]).1.len(), 2);
    assert_eq!(joined(&[]), "");
    // The last line may lack its end.
    assert_eq!(joined(&[record.trim_end().as_bytes()]), joined(&[record.as_bytes()]));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn joined_lines_do_not_depend_on_the_cuts(cut in 1usize..5000, times in 1usize..5) {
        let lines: String = records(Schema::Otel).into_values().collect::<String>().repeat(times);
        let pieces: Vec<_> = lines.as_bytes().chunks(cut).collect();
        prop_assert_eq!(joined(&pieces), joined(&[lines.as_bytes()]));
    }
}
