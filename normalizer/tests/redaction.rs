//! Drops and masks leave nothing behind: records that differ only in what is taken out come out as
//! the same bytes, whatever the product, the key, the value and the schema, from the source's own
//! records and from archives of flat ones.
//!
//! The tables of products say which keys and fields there are, so a new line in one is tried, too.

use std::net::IpAddr;

use serde_json::{Map, Value, json};
use weir_normalizer::{
    Config, EventConfig, Events, Normalizer, Output, Stream,
    products::{self, Entry, Product, To, Unit},
    record::{Field, FieldType},
    schemas::Schema,
};

/// What becomes of records, a line each; none may be rejected.
fn run(records: &[String], config: &Config) -> Vec<String> {
    let mut output = Vec::new();
    let mut stream = Stream::new(config).unwrap();
    let mut take = |_: &_, o: &weir_normalizer::batch::Outcome| {
        assert_eq!(o.rejected, 0, "{records:#?}: {}", String::from_utf8_lossy(&o.rejects));
        output.extend_from_slice(&o.output);
    };
    stream.push((records.join("\n") + "\n").as_bytes(), &mut take);
    stream.finish(&mut take);
    let lines: Vec<_> = String::from_utf8(output).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), records.len(), "{records:#?}");
    lines
}

/// Values of which each can be read where this goes, and says something else.
fn values(to: To) -> Vec<Value> {
    let nested = json!({"of": ["what", "it", "is"]});
    match to {
        To::Number(_) | To::Counter(..) => vec![json!(61), json!("62"), json!(61.5), nested],
        To::Address(_) => vec![json!("203.0.113.77"), json!("2001:db8::78"), nested],
        To::AddressOrName(_) => vec![json!("203.0.113.77"), json!("2001:db8::78"), json!("web-1"), nested],
        To::Protocol => vec![json!(6), json!("udp"), json!("unheard-of"), nested],
        To::Time(_, unit) => {
            let epoch = if unit == Unit::Millis { 1_611_111_111_222_u64 } else { 1_611_111_111 };
            vec![json!(epoch), json!("2021-01-21T02:51:51.5Z"), json!("2021-01-22T02:51:51.123456Z"), nested]
        }
        To::Word(_, words) => words.iter().map(|w| json!(w.0)).chain([nested]).collect(),
        To::Flat(field) => match field.field_type() {
            FieldType::Word(words) => words.iter().map(|w| json!(w)).collect(),
            FieldType::Text => vec![json!("this one"), json!("that one")],
            FieldType::Integer(_) => vec![json!(61), json!("62")],
            FieldType::Millis => vec![json!(1_611_111_111_222_u64), json!(1_611_111_111_333_u64)],
            FieldType::Address => vec![json!("203.0.113.77"), json!("2001:db8::78")],
        },
        To::FlatExtra => vec![json!({})],
        To::Text(_) | To::Version(_) | To::Extra | To::Silences(..) | To::Envelope => {
            vec![json!("this one"), json!("that one"), json!(63), nested]
        }
        other => panic!("no values for {other:?}"),
    }
}

/// A record with every key of a product's table, in the vendor's spelling.
fn whole(product: &Product) -> Map<String, Value> {
    let value = |e: &Entry| match e.to {
        To::Flat(Field::Provider) => json!("huawei"),
        To::Flat(Field::Product) => json!("vpc"),
        To::Flat(Field::Kind) => json!("flow"),
        // Not one of those that are looked for.
        to if to.field().is_some_and(|f| f.field_type() == FieldType::Address) => json!("192.0.2.9"),
        to => values(to).swap_remove(0),
    };
    product.entries.iter().map(|e| (e.keys[0].to_owned(), value(e))).collect()
}

fn with(record: &Map<String, Value>, members: &[(&str, Value)]) -> String {
    let mut record = record.clone();
    record.extend(members.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
    Value::Object(record).to_string()
}

fn from(product: &Product) -> Config {
    Config { from: Some(product.id.into()), ..Config::default() }
}

/// Checks that these records of a product come out alike, in each schema, straight and from an
/// archive that has kept all it can; and that they don't without the redaction.
fn are_alike(product: &Product, records: &[String], drop: &[&str], mask: &[&str], what: &str) {
    let own = |texts: &[&str]| texts.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
    let redaction = Config { drop: own(drop), mask: own(mask), ..from(product) };
    let plain = run(records, &from(product));
    assert!(
        plain.iter().any(|line| *line != plain[0]),
        "{}: {what}: nothing to take out: {plain:?}",
        product.id
    );
    let archive = run(records, &Config { keep_raw: true, keep_envelope: true, ..from(product) });
    for schema in Schema::ALL {
        let to = Config { to: *schema, observed_at_ms: Some(1_700_000_000_000), ..redaction.clone() };
        let flat = Config { from: Some("flat".into()), ..to.clone() };
        for (input, config) in [(records, to), (archive.as_slice(), flat)] {
            let lines = run(input, &config);
            for (line, record) in lines.iter().zip(input) {
                assert_eq!(
                    *line,
                    lines[0],
                    "{}: {what}, to {}:\n{record}\n{}",
                    product.id,
                    schema.name(),
                    input[0]
                );
            }
        }
    }
}

fn same_key(a: &str, b: &str) -> bool {
    let folded = |key: &str| key.to_lowercase().replace(['-', '_'], "");
    folded(a) == folded(b)
}

fn can_be_dropped(field: Field) -> bool {
    !matches!(field, Field::Provider | Field::Product | Field::Kind)
}

#[test]
fn a_dropped_field_is_gone_whichever_key_it_came_under() {
    for product in products::all() {
        for entry in product.entries {
            let Some(field) = entry.to.field().filter(|f| can_be_dropped(*f)) else { continue };
            let mut base = whole(product);
            base.remove(entry.keys[0]);
            if field == Field::Direction {
                // Where their values go tells the direction again.
                for other in product.entries.iter().filter(|e| matches!(e.to, To::Counter(..))) {
                    base.remove(other.keys[0]);
                }
            }
            let mut records = vec![with(&base, &[])];
            for key in entry.keys {
                records.extend(values(entry.to).into_iter().map(|value| with(&base, &[(key, value)])));
            }
            let each: Vec<_> = entry.keys.iter().copied().zip(values(entry.to).into_iter().cycle()).collect();
            records.push(with(&base, &each));
            // What has the field's own name, and is no key of the product.
            let named = field.key().to_uppercase().replace('_', "-");
            if !product.entries.iter().any(|e| e.keys.iter().any(|k| same_key(k, &named))) {
                records.push(with(&base, &[(&named, json!("other"))]));
            }
            let To::Counter(ingress, egress) = entry.to else {
                are_alike(product, &records, &[field.key()], &[], entry.keys[0]);
                continue;
            };
            are_alike(product, &records, &[ingress.key(), egress.key()], &[], entry.keys[0]);
            // Without a direction nobody knows which of the two it is.
            let direction = product.entries.iter().find(|e| e.to.field() == Some(Field::Direction)).unwrap();
            base.remove(direction.keys[0]);
            let records: Vec<_> =
                values(entry.to).into_iter().map(|v| with(&base, &[(entry.keys[0], v)])).collect();
            for field in [ingress, egress] {
                are_alike(product, &records, &[field.key()], &[], entry.keys[0]);
            }
        }
    }
}

#[test]
fn a_dropped_key_of_extra_is_gone_in_every_spelling() {
    for product in products::all() {
        for entry in product.entries {
            if !matches!(entry.to, To::Extra | To::Silences(..) | To::Version(_)) {
                continue;
            }
            let base = whole(product);
            for key in entry.keys {
                let mut base = base.clone();
                base.remove(entry.keys[0]);
                let mut records = vec![with(&base, &[])];
                records.extend(values(entry.to).into_iter().map(|value| with(&base, &[(key, value)])));
                let other = key.to_uppercase().replace('-', "_");
                are_alike(product, &records, &[&format!("extra.\"{other}\"")], &[], key);
                are_alike(product, &records, &["extra.*"], &[], key);
            }
        }
        let base = whole(product);
        let records: Vec<_> =
            values(To::Extra).into_iter().map(|v| with(&base, &[("Brand-New.key", v)])).collect();
        are_alike(product, &records, &["extra.\"brand_new.KEY\""], &[], "unknown key");
    }
}

/// An address in each form that it may have in a value.
fn forms(address: &str) -> Vec<Value> {
    let a: IpAddr = address.parse().unwrap();
    let mut all = vec![
        json!(address),
        json!(format!("{address}, 192.0.2.1")),
        json!(format!("http://[{address}]:80/")),
        json!({"a": {"b": ["192.0.2.1", address]}}),
        json!({ address: 1 }),
        json!(format!("{{\"X-Forwarded-For\":\"{address}\"}}")),
        json!(format!("a\\b {address}")),
    ];
    match a {
        IpAddr::V4(v4) => {
            let [b, c] = v4.to_ipv6_mapped().segments()[6..] else { unreachable!() };
            all.extend([
                json!(format!("ip-{}.internal", address.replace('.', "-"))),
                json!(format!("::ffff:{address}")),
                json!(format!("::FFFF:{b:x}:{c:x}")),
                json!(u32::from(v4)),
                json!(u32::from(v4).to_string()),
                json!(format!("1.{address}")),
            ]);
        }
        IpAddr::V6(v6) => {
            all.extend([
                json!(address.to_uppercase()),
                json!(v6.segments().map(|s| format!("{s:04x}")).join(":")),
                json!(format!("{address}:443")),
            ]);
        }
    }
    all
}

#[test]
fn no_other_spelling_of_a_masked_address_is_left() {
    for product in products::all() {
        for entry in product.entries {
            let Some(field) = entry.to.field().filter(|f| f.field_type() == FieldType::Address) else {
                continue;
            };
            for hosts in [["203.0.113.77", "203.0.113.178"], ["2001:db8::77", "2001:db8::7:178"]] {
                let records = hosts.map(|host| {
                    let mut record = whole(product);
                    record.insert(entry.keys[0].to_owned(), json!(host));
                    let mut forms = forms(host).into_iter().cycle();
                    for other in product.entries {
                        let value = match other.to {
                            To::Text(Field::Url) | To::Flat(Field::Url) => continue,
                            To::Text(_) => json!(format!("at {host}:80")),
                            To::Flat(f) if f.field_type() == FieldType::Text && f != Field::Product => {
                                json!(format!("at {host}:80"))
                            }
                            To::Extra => forms.next().unwrap(),
                            _ => continue,
                        };
                        record.insert(other.keys[0].to_owned(), value);
                    }
                    for (i, form) in self::forms(host).into_iter().enumerate() {
                        record.insert(format!("unknown-{i}"), form);
                    }
                    record.insert(format!("seen {host}"), json!(1));
                    Value::Object(record).to_string()
                });
                let mask = format!("{}/24/64", field.key());
                are_alike(product, &records, &[], &[&mask], field.key());
                are_alike(product, &records, &[field.key()], &[], field.key());
                let config = Config { mask: vec![mask], ..from(product) };
                let flat: Value = serde_json::from_str(&run(&records, &config)[0]).unwrap();
                let network = if hosts[0].contains(':') { "2001:db8::" } else { "203.0.113.0" };
                // It is another key's where that one goes first.
                let first = product.entries.iter().find(|e| e.to.field() == Some(field)).unwrap();
                if first.keys == entry.keys {
                    assert_eq!(flat[field.key()], network);
                }
                assert_eq!(flat["extra"]["unknown-0"], network);
                assert_eq!(flat["extra"]["unknown-1"], format!("{network}, 192.0.2.1"));
                assert_eq!(flat["extra"]["unknown-3"]["a"]["b"], json!(["192.0.2.1", network]));
            }
        }
    }
}

#[test]
fn an_address_in_extra_is_masked() {
    for product in products::all() {
        let keys = product
            .entries
            .iter()
            .filter(|e| matches!(e.to, To::Extra | To::Silences(..)))
            .flat_map(|e| e.keys);
        for key in keys.copied().chain(["unknown-key"]) {
            for hosts in [["203.0.113.77", "203.0.113.178"], ["2001:db8::99", "2001:db8::7:178"]] {
                for list in [false, true] {
                    let records = hosts.map(|host| {
                        let other =
                            if host.contains(':') { format!("[{host}]:443") } else { format!("{host}:443") };
                        let value = if list { format!("{host}, -, {other}") } else { host.to_owned() };
                        with(&whole(product), &[(key, json!(value))])
                    });
                    let mask = format!("extra.\"{}\"/24/64", key.to_uppercase().replace('-', "_"));
                    are_alike(product, &records, &[], &[&mask], key);
                    let config = Config { mask: vec![mask], ..from(product) };
                    assert!(run(&records, &config)[0].contains(&format!("\"{key}\":\"2")), "{key}");
                }
            }
        }
        let records = ["web-1", "10.0.0.8 (web)", "10.0.0.8"]
            .map(|v| with(&whole(product), &[("unknown-key", json!(v))]));
        let config = Config { mask: vec!["extra.unknown_key/24".into()], ..from(product) };
        let lines = run(&records, &config).into_iter().map(|l| l.contains("unknown-key")).collect::<Vec<_>>();
        assert_eq!(lines, [false, false, true]);
    }
}

#[test]
fn a_dropped_log_time_is_gone_from_envelopes_and_records() {
    const KEYS: [&str; 7] =
        ["__time__", "@lh_time", "@timestamp", "time", "timestamp", "__time_ns_part__", "@time_ns"];
    for product in products::all() {
        let record = whole(product);
        let mut inner = record.clone();
        inner.remove("log_time_ms");
        for key in KEYS {
            let own =
                |e: &&Entry| e.keys.iter().any(|k| k.replace(['-', '_'], "") == key.replace(['-', '_'], ""));
            let own = product.entries.iter().find(own).and_then(|e| e.to.field());
            let times = [json!(1_611_111_111), json!(1_611_222_222), json!("no time")];
            let drop = ["log_time_ms", own.map_or("log_time_ms", Field::key)];
            let inside: Vec<_> = times[..2].iter().map(|t| with(&inner, &[(key, t.clone())])).collect();
            // With another one, the record's own may stay in `extra`.
            let beside: Vec<_> = times[..2]
                .iter()
                .map(|t| with(&inner, &[(key, t.clone()), ("__time__", times[0].clone())]))
                .collect();
            let around: Vec<_> = times
                .iter()
                .take(if key == "timestamp" { 2 } else { 3 })
                .map(|t| json!({"content": with(&inner, &[]), key: t.clone()}).to_string())
                .collect();
            for records in [inside, beside, around] {
                // Not all of these are told by all records.
                if run(&records, &from(product)).iter().any(|l| *l != run(&records[..1], &from(product))[0]) {
                    are_alike(product, &records, &drop, &[], key);
                }
            }
        }
    }
}

#[test]
fn what_may_be_the_text_of_the_record_is_gone() {
    for product in products::all() {
        for key in [
            "raw",
            "envelope",
            "__raw__",
            "__raw_log__",
            "content",
            "log_content",
            "message",
            "@raw",
            "event",
            "contents",
            "log",
            "MESSAGE",
            "payload",
            "data",
        ] {
            if product.entries.iter().any(|e| e.keys.iter().any(|k| k.eq_ignore_ascii_case(key))) {
                continue;
            }
            let records = ["1 2 3", "4 5 6"].map(|text| with(&whole(product), &[(key, json!(text))]));
            // What envelopes have does not come out anyway.
            if run(&records[..1], &from(product)) != run(&records[1..], &from(product)) {
                are_alike(product, &records, &["bytes"], &[], key);
                are_alike(product, &records, &[], &["src_ip/24"], key);
            }
        }
    }
}

#[test]
fn an_extra_that_is_no_object_is_gone() {
    let flat = products::by_id("flat").unwrap();
    let records: Vec<_> =
        [json!("bytes=1"), json!(["bytes", 2])].map(|v| with(&whole(flat), &[("extra", v)])).into();
    are_alike(flat, &records, &["bytes"], &[], "extra");
}

/// What envelopes say of themselves, in each place that they have for it.
#[test]
fn nothing_of_an_envelope_comes_out() {
    let record = r#"{"version":2,"account-id":"123456789010","interface-id":"eni-1235b8ca123456789","srcaddr":"10.0.0.1","dstaddr":"10.0.0.2","bytes":5,"start":1611111111,"end":1611111171,"action":"ACCEPT","log-status":"OK"}"#;
    let text = json!(record).to_string();
    let around = [
        r#"{"result":"MARK","logs":[{"content":TEXT,"line_num":"MARK","labels":{"a":"MARK"}}],"count":1}"#,
        r#"{"meta":{"progress":"MARK"},"data":[RECORD]}"#,
        r#"{"data":{"total":"MARK","limit":"MARK","records":[RECORD]}}"#,
        r#"{"topic":"MARK","source":"MARK","tags":{"a":"MARK"},"logs":[{"time":1611111111,"contents":RECORD,"a":"MARK"}]}"#,
        r#"{"isTruncated":false,"nextMarker":"MARK","result":[{"message":TEXT,"logStreamName":"MARK","@stream":"MARK"}]}"#,
        r#"{"__source__":"MARK","__tag__:host":"MARK","__raw__":"MARK","__pack_id__":"MARK","content":TEXT,"log_content":"MARK"}"#,
        r#"{"owner":"MARK","logGroup":"MARK","messageType":"DATA_MESSAGE","logEvents":[{"id":"MARK","timestamp":1611111111000,"message":TEXT}]}"#,
        r#"{"events":[{"logStreamName":"MARK","timestamp":1611111111000,"message":TEXT,"eventId":"MARK"}],"nextToken":"MARK"}"#,
    ];
    for around in around {
        let input = around.replace("RECORD", record).replace("TEXT", &text);
        for schema in Schema::ALL {
            let config = Config {
                to: *schema,
                observed_at_ms: Some(1_700_000_000_000),
                drop: vec!["bytes".into(), "log_time_ms".into()],
                ..Config::default()
            };
            let line = &run(std::slice::from_ref(&input), &config)[0];
            assert!(
                line.contains("10.0.0.1") && !line.contains("MARK") && !line.contains(":5,"),
                "{input}: {line}"
            );
        }
    }
}

#[test]
fn what_keeps_the_original_is_refused_beside_a_redaction() {
    let drop = Config { drop: vec!["host".into()], ..Config::default() };
    let mask = Config { mask: vec!["extra.nat_ip/24".into()], ..Config::default() };
    for config in [drop, mask] {
        let raw = Config { keep_raw: true, ..config.clone() };
        let envelope = Config { keep_envelope: true, ..config.clone() };
        let original = EventConfig { records: config.clone(), keep_original: true, ..EventConfig::default() };
        let refused = [
            (Normalizer::new(&raw).map(drop_it), "--keep-raw"),
            (Normalizer::new(&envelope).map(drop_it), "--keep-envelope"),
            (Events::new(&original).map(drop_it), "--keep-original"),
            (
                Events::new(&EventConfig { records: envelope, ..EventConfig::default() }).map(drop_it),
                "--keep-envelope",
            ),
        ];
        for (made, option) in refused {
            let error = made.unwrap_err().to_string();
            assert!(error.contains(&format!("leave {option} out")), "{error}");
        }
        assert!(Normalizer::new(&config).is_ok());
        assert!(Events::new(&EventConfig { keep_original: false, ..original }).is_ok());
    }
}

fn drop_it<T>(_: T) {}

#[test]
fn choices_that_can_not_be_honoured_say_why() {
    let cases = [
        ("", "src_ip", "is not FIELD/PREFIX"),
        ("", "src_ip/33", "is not FIELD/PREFIX"),
        ("", "src_port/8", "src_port is no address"),
        ("", "scr_ip/24", "did you mean src_ip?"),
        ("", "extra.a.b/24", "mask: extra.a.b is none of extra.KEY and extra.\"odd.key\""),
        ("", "extra.*/24", "mask: extra.* is none of extra.KEY and"),
        ("", "extra.\"a/b\"", "is not FIELD/PREFIX"),
        ("extra.a.b", "", "drop: extra.a.b is none of extra.KEY, extra.* and extra.\"odd.key\""),
        ("product", "", "every record has product"),
    ];
    for (drop, mask, message) in cases {
        let own = |text: &str| if text.is_empty() { vec![] } else { vec![text.to_owned()] };
        let error =
            Normalizer::new(&Config { drop: own(drop), mask: own(mask), ..Config::default() }).unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
    }
    let odd =
        Config { mask: vec!["extra.\"a/b\"/8/32".into(), "extra.nat-ip/0".into()], ..Config::default() };
    assert!(Normalizer::new(&odd).is_ok());
}

#[test]
fn other_members_of_an_event_tell_nothing_either() {
    let line = |host: u8, bytes: u8| {
        format!(
            "1 5f67944957444bd6bb4fe3b367de8f3d 1d515d18-1b36-47dc-a983-bd6512aed4bd 203.0.113.{host} 192.168.3.25 38929 53 17 1 {bytes} 1548752136 1548752736 ACCEPT OK"
        )
    };
    let event = |host: u8, bytes: u8| {
        let text = line(host, bytes);
        json!({"log": text, "stream": "stdout", "message": text, "__raw__": text, "payload": text, "MESSAGE": text,
            "bytes": bytes, "numbers": {"src": format!("203.0.113.{host}")}, "time": "2024-01-01T00:00:00Z"})
        .to_string()
    };
    let out = |config: &EventConfig, event: &str| {
        let mut out = Output::default();
        Events::new(config).unwrap().normalize(event.as_bytes(), 1_700_000_000_000, &mut out);
        String::from_utf8(out.to_vec()).unwrap()
    };
    for to in [Schema::Flat, Schema::Ocsf, Schema::Ecs] {
        let records =
            Config { to, drop: vec!["bytes".into()], mask: vec!["src_ip/24".into()], ..Config::default() };
        let config = EventConfig { records, ..EventConfig::default() };
        let (one, two) = (out(&config, &event(77, 96)), out(&config, &event(178, 97)));
        assert_eq!(one, two);
        assert!(
            one.contains(r#","stream":"stdout","#) && one.ends_with(r#"time":"2024-01-01T00:00:00Z"}"#),
            "{one}"
        );
        assert!(one.contains("203.0.113.0"), "{one}");
        let plain = EventConfig { records: Config { to, ..Config::default() }, ..EventConfig::default() };
        assert!(out(&plain, &event(77, 96)).contains("203.0.113.77"));
    }
}
