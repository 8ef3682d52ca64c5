//! The products' tables, and that no record is taken for another product's.

use std::{fs, path::Path};

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use weir_normalizer::{
    Config, Stream, batch,
    products::{self, Entry, Lines, Product, Shape, To, Unit},
    record::{Field, FieldType},
};

/// The records and the rejects that come of a text.
fn run(text: &str, from: Option<&str>) -> (Vec<Value>, Vec<(String, String)>) {
    let (mut records, mut rejects) = (Vec::new(), Vec::new());
    let config = Config { from: from.map(Into::into), ..Config::default() };
    let mut stream = Stream::new(&config).unwrap();
    let mut take = |_: &batch::Batch, o: &batch::Outcome| {
        let lines = std::str::from_utf8(&o.output).unwrap().lines();
        records.extend(lines.map(|l| serde_json::from_str(l).unwrap()));
        rejects
            .extend(batch::rejects(&o.rejects).map(|r| r.unwrap()).map(|r| (r.code.into(), r.reason.into())));
    };
    stream.push(text.as_bytes(), &mut take);
    stream.finish(&mut take);
    (records, rejects)
}

fn id(record: &Value) -> &'static str {
    let is = |p: &&&Product| record["provider"] == p.provider && record["product"] == p.product;
    products::all().iter().find(is).unwrap_or_else(|| panic!("{record}")).id
}

/// A value that an entry can read, and what comes of it.
fn sample(entry: &Entry) -> (String, Value) {
    match entry.to {
        To::Version(v) => (v.into(), Value::Null),
        To::Text(_) | To::Extra | To::Silences(..) | To::Envelope | To::FlatExtra => {
            ("text".into(), json!("text"))
        }
        To::Number(_) | To::Counter(..) => ("200".into(), json!(200)),
        To::Address(_) | To::AddressOrName(_) => ("10.0.0.1".into(), json!("10.0.0.1")),
        To::Protocol => ("17".into(), json!(17)),
        To::Time(_, Unit::Millis) => ("1718000340001".into(), json!(1_718_000_340_001u64)),
        To::Time(..) => ("1718000340".into(), json!(1_718_000_340_000u64)),
        To::Word(_, words) => (words[0].0.to_uppercase(), json!(words[0].1)),
        To::Flat(Field::Product) => ("vpc".into(), json!("vpc")),
        To::Flat(field) => match field.field_type() {
            FieldType::Word(words) => (words[0].into(), json!(words[0])),
            FieldType::Text => ("text".into(), json!("text")),
            FieldType::Integer(_) | FieldType::Millis => ("200".into(), json!(200)),
            FieldType::Address => ("10.0.0.1".into(), json!("10.0.0.1")),
        },
        other => panic!("no sample for {other:?}"),
    }
}

#[test]
fn every_key_of_every_table_reaches_its_field() {
    let mut entries = 0;
    for product in products::all() {
        for entry in product.entries {
            for key in entry.keys {
                let (text, want) = sample(entry);
                let mut record = Map::from_iter([(key.to_string(), json!(text))]);
                if matches!(entry.to, To::Counter(..)) {
                    record.insert("direction".into(), json!("in"));
                }
                let (records, rejects) = run(&Value::from(record).to_string(), Some(product.id));
                assert!(rejects.is_empty(), "{} {key}: {rejects:?}", product.id);
                let got = &records[0];
                match (entry.to, entry.to.field()) {
                    (To::Version(_) | To::Envelope, _) => assert!(got.get("extra").is_none(), "{got}"),
                    (_, Some(field)) => assert_eq!(got[field.key()], want, "{} {key}: {got}", product.id),
                    (_, None) => assert_eq!(got["extra"][key], want, "{} {key}: {got}", product.id),
                }
                entries += 1;
            }
        }
    }
    assert!(entries > 200);
}

/// Of any two keys for the time of one field, in any order.
#[test]
fn a_time_that_states_its_zone_goes_before_one_that_does_not() {
    const LOCAL: &str = "2024-02-07 19:25:40";
    let mut pairs = 0;
    for product in products::all() {
        for field in [Field::StartMs, Field::EndMs] {
            let times = product.entries.iter().filter(|e| matches!(e.to, To::Time(f, _) if f == field));
            let keys: Vec<&str> = times.flat_map(|e| e.keys.iter().copied()).collect();
            for (local, zoned) in keys.iter().flat_map(|a| keys.iter().map(move |b| (*a, *b))) {
                if local == zoned {
                    continue;
                }
                for time in ["2024-02-07T19:25:40+08:00", "2024-02-07T11:25:40Z", "1707305140000"] {
                    let members = [format!("\"{local}\":\"{LOCAL}\""), format!("\"{zoned}\":\"{time}\"")];
                    for text in [members.join(","), format!("{},{}", members[1], members[0])] {
                        let (records, rejects) = run(&format!("{{{text}}}"), Some(product.id));
                        assert!(rejects.is_empty(), "{} {text}: {rejects:?}", product.id);
                        let got = &records[0];
                        assert_eq!(got[field.key()], 1_707_305_140_000_u64, "{} {text}: {got}", product.id);
                        assert_eq!(got["extra"][local], LOCAL, "{} {text}: {got}", product.id);
                        pairs += 1;
                    }
                }
            }
        }
    }
    assert!(pairs >= 60, "{pairs}");
}

#[test]
fn tables_are_sound() {
    let fold = |k: &str| k.replace(['-', '_'], "").to_lowercase();
    for product in products::all() {
        let mut keys: Vec<_> = product.entries.iter().flat_map(|e| e.keys).map(|k| fold(k)).collect();
        let all = keys.len();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), all, "{} has a key twice", product.id);
        assert!(product.lines.columns() <= product.entries.len());
        if let Lines::Detected(n) = product.lines {
            let shaped = product.entries[..n].iter().filter(|e| !matches!(e.shape, products::Shape::Any));
            assert!(shaped.count() >= 2, "nothing tells the lines of {}", product.id);
        }
        // A set of one key is no set.
        for set in (1..u16::BITS).map(|set| 1 << set) {
            let keys = product.entries.iter().filter(|e| e.tells & set != 0).count();
            assert!(keys == 0 || keys > 1, "{} has a set of one key", product.id);
        }
        for name in product.layout_begins {
            assert!(product.entries.iter().any(|e| e.keys[0] == *name));
        }
    }
    assert_eq!(Field::by_key("src_ip"), Some(Field::SrcIp));
}

/// Single keyed records of the corpus with their product.
fn keyed_samples() -> Vec<(String, Map<String, Value>)> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus");
    let mut samples = Vec::new();
    for product in products::all() {
        let folder = corpus.join(product.id).join("ok");
        let texts = ["samples.json", "kafka.json", "keyed.json"].map(|f| fs::read_to_string(folder.join(f)));
        for line in texts.iter().flatten().flat_map(|t| t.lines()) {
            let (records, _) = run(line, None);
            let Ok(Value::Object(record)) = serde_json::from_str::<Value>(line) else { continue };
            // Not the envelopes.
            if records.len() == 1
                && !["data", "logs", "content", "message"].iter().any(|k| record.contains_key(*k))
            {
                assert_eq!(id(&records[0]), product.id);
                samples.push((product.id.into(), record));
            }
        }
    }
    assert!(samples.len() > 15);
    samples
}

#[test]
fn a_key_less_makes_no_other_product() {
    for (product, record) in keyed_samples() {
        for key in record.keys() {
            // All that a URL log has beside what access control logs have.
            if product == "huawei-cfw-url" && key == "url" {
                continue;
            }
            // Without the address of the client there is no record of a request.
            if product == "huawei-waf" && key == "sip" {
                continue;
            }
            let mut less = record.clone();
            less.remove(key);
            let text = Value::from(less).to_string();
            let (records, rejects) = run(&text, None);
            match (&records[..], &rejects[..]) {
                ([one], []) => assert_eq!(id(one), product, "without {key}"),
                ([], [(code, reason)]) => {
                    assert_eq!(code, "ambiguous", "{product} without {key}: {reason}");
                    assert!(reason.contains(&product), "{product} without {key}: {reason}");
                }
                got => panic!("{product} without {key}: {got:?}"),
            }
        }
    }
}

/// A value that is as a product's are.
fn fitting(entry: &Entry) -> String {
    match entry.shape {
        Shape::Hex(n) => "0a".repeat(n / 2),
        Shape::Digits(n) => "1".repeat(n),
        Shape::AtLeast(n) => n.to_string(),
        Shape::Uuid => "1d515d18-1b36-47dc-a983-bd6512aed4bd".into(),
        Shape::Prefix(p) => format!("{p}1"),
        _ => sample(entry).0,
    }
}

/// What an object of these entries comes to, each with a value that fits.
fn of_entries<'e>(entries: impl Iterator<Item = &'e Entry>) -> (Vec<Value>, Vec<(String, String)>) {
    let members = entries.map(|e| (e.keys[0].to_string(), json!(fitting(e))));
    run(&Value::from(members.collect::<Map<_, _>>()).to_string(), None)
}

/// A key that tells alone, and each set of keys that tell together, do so among any others of
/// the product; without them nothing does.
#[test]
fn telling_keys_tell() {
    let products = || products::all().iter().filter(|p| !p.provider.is_empty());
    let mut sets = 0;
    for product in products() {
        // Keys that say nothing, so that there are enough.
        let silent = || product.entries.iter().filter(|e| e.tells == 0);
        assert!(of_entries(silent()).0.is_empty(), "{}: keys tell it that should not", product.id);
        for set in (0..u16::BITS).map(|set| 1 << set) {
            let of_set: Vec<&Entry> = product.entries.iter().filter(|e| e.tells & set != 0).collect();
            let tellers: Vec<Vec<&Entry>> = match set {
                products::ALONE => of_set.into_iter().map(|e| vec![e]).collect(),
                _ if of_set.is_empty() => continue,
                _ => vec![of_set],
            };
            for telling in tellers {
                let (records, rejects) = of_entries(telling.iter().copied().chain(silent().take(40)));
                let keys: Vec<_> = telling.iter().map(|e| e.keys[0]).collect();
                assert!(rejects.is_empty(), "{} {keys:?}: {rejects:?}", product.id);
                assert_eq!(id(&records[0]), product.id, "{keys:?}");
                sets += 1;
            }
        }
    }
    assert!(sets > 40);
}

/// Where only keys tell a product, a value that is not as the product's are speaks against it, in
/// the short way and in the long one, and with `--from` it does not.
#[test]
fn values_speak_against_keys() {
    let mut shaped = 0;
    for product in products::all() {
        let is_shaped = |e: &&Entry| !matches!(e.shape, Shape::Any | Shape::Word(_) | Shape::Said);
        for odd in product.entries.iter().filter(is_shaped) {
            // Enough columns of a product that has its own lines, or all keys of another.
            let columns = Some(product.lines.columns()).filter(|n| *n > 0);
            let entries = &product.entries[..columns.unwrap_or(product.entries.len())];
            let object = |odd_value: Option<&str>| {
                let value = |e: &Entry| match odd_value {
                    Some(odd_value) if std::ptr::eq(e, odd) => odd_value.to_owned(),
                    _ => fitting(e),
                };
                let members = entries.iter().map(|e| (e.keys[0].to_string(), json!(value(e))));
                Value::from(members.collect::<Map<_, _>>()).to_string()
            };
            for missing in ["-", "", "null"] {
                assert_eq!(run(&object(Some(missing)), None).0.len(), 1, "{} {missing:?}", product.id);
            }
            // The first of a kind goes the long way, those behind it the short one.
            let (good, bad) = (object(None), object(Some("x1")));
            let (records, rejects) = run(&[&*good, &*good, &*bad, &*bad, &*good].join("\n"), None);
            assert_eq!((records.len(), rejects.len()), (3, 2), "{} {}", product.id, odd.keys[0]);
            for (code, reason) in rejects {
                assert_eq!(code, "unknown-format");
                let says = |what: &str| reason.contains(what);
                let from = format!("--from {}", product.id);
                assert!(says(odd.keys[0]) && says("\"x1\"") && says(&odd.shape.describe()) && says(&from));
            }
            assert_eq!(run(&bad, Some(product.id)).0.len(), 1);
            shaped += 1;
        }
    }
    assert!(shaped > 5);
}

/// Keys whose values stand for none tell no flat record; with `--from` one is read without them.
#[test]
fn words_of_flat_records_say_something() {
    for missing in ["null", "\"\"", "\"-\"", "{}"] {
        for key in ["provider", "product", "kind"] {
            let word = |k: &str, word: &str| match k == key {
                true => format!("\"{k}\":{missing}"),
                false => format!("\"{k}\":\"{word}\""),
            };
            let words = [word("provider", "huawei"), word("product", "vpc"), word("kind", "flow")].join(",");
            let (good, odd) = (
                r#"{"provider":"huawei","product":"vpc","kind":"flow","src_ip":"192.0.2.1"}"#,
                format!("{{{words},\"src_ip\":\"192.0.2.1\"}}"),
            );
            // The first goes the long way, those behind it the short one.
            let (records, rejects) = run(&[good, good, good, &odd, &odd, good].join("\n"), None);
            assert_eq!((records.len(), rejects.len()), (4, 2), "{odd}");
            assert!(rejects.iter().all(|r| r.0 == "unknown-format" && r.1.contains(key)), "{rejects:?}");
            assert_eq!(run(&odd, Some("flat")).0.len(), 1);
        }
    }
}

/// For each pair of products with text lines: neither's lines are taken for the other's.
#[test]
fn lines_that_look_alike_are_told_apart() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus");
    let detected = products::all().iter().filter(|p| matches!(p.lines, Lines::Detected(_)));
    for product in detected {
        let text = fs::read_to_string(corpus.join(product.id).join("ok/samples.log")).unwrap();
        for line in text.lines() {
            let (records, rejects) = run(line, None);
            assert!(rejects.is_empty() && id(&records[0]) == product.id, "{line}: {rejects:?}");
            // With as many columns, but not what is in them, it is of no product.
            let other: Vec<_> = line.split(' ').map(|_| "7").collect();
            assert!(run(&other.join(" "), None).0.is_empty());
        }
    }
}

/// Pieces of the corpus, each a whole input of its own.
fn pieces() -> Vec<(String, Vec<Value>)> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus");
    let mut pieces = Vec::new();
    for product in products::all() {
        let Ok(files) = fs::read_dir(corpus.join(product.id).join("ok")) else { continue };
        let mut files: Vec<_> = files.map(|f| f.unwrap().path()).collect();
        files.sort();
        for file in files {
            let plain = file.extension().is_some_and(|e| e == "log" || e == "json" || e == "csv");
            if !plain || file.with_extension(format!("{}.args", file.extension().unwrap().display())).exists()
            {
                continue;
            }
            let mut text = fs::read_to_string(&file).unwrap().trim_start_matches('\u{feff}').to_owned();
            text.push('\n');
            let (records, rejects) = run(&text, None);
            assert!(rejects.is_empty(), "{file:?}: {rejects:?}");
            pieces.push((text, records));
        }
    }
    assert!(pieces.len() > 15);
    pieces
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_mixture_gives_what_each_gives_alone(
        order in Just((0..pieces().len()).collect::<Vec<_>>()).prop_shuffle(),
        cut in 1usize..5000,
    ) {
        let pieces = pieces();
        let text: String = order.iter().map(|&i| pieces[i].0.as_str()).collect();
        let want: Vec<&Value> = order.iter().flat_map(|&i| &pieces[i].1).collect();
        let mut stream = Stream::new(&Config::default()).unwrap();
        let mut got: Vec<Value> = Vec::new();
        let mut take = |_: &batch::Batch, o: &batch::Outcome| {
            assert_eq!(o.rejected, 0, "{}", String::from_utf8_lossy(&o.rejects));
            let lines = std::str::from_utf8(&o.output).unwrap().lines();
            got.extend(lines.map(|l| serde_json::from_str(l).unwrap()));
        };
        for piece in text.as_bytes().chunks(cut) {
            stream.push(piece, &mut take);
        }
        stream.finish(&mut take);
        prop_assert_eq!(got.iter().collect::<Vec<_>>(), want);
    }
}
