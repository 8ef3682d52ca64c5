//! What comes out is bounded by what goes in, whatever that is.

use serde_json::{Value, json};
use weir_normalizer::{
    Config, Normalizer, Stream,
    batch::{self, BatchView, Outcome},
    framing::Framer,
    limits,
    schemas::Schema,
};

/// The lines that came out, and the codes of what was rejected.
fn run(input: &str, config: &Config) -> (Vec<String>, Vec<String>) {
    let (mut lines, mut codes) = (Vec::new(), Vec::new());
    let mut stream = Stream::new(config).unwrap();
    let mut take = |_: &batch::Batch, o: &batch::Outcome| {
        lines.extend(std::str::from_utf8(&o.output).unwrap().lines().map(str::to_owned));
        codes.extend(batch::rejects(&o.rejects).map(|r| r.unwrap().code.to_owned()));
    };
    stream.push(input.as_bytes(), &mut take);
    stream.finish(&mut take);
    (lines, codes)
}

fn flat_with(extra: &str) -> String {
    format!(
        "{{\"provider\":\"huawei\",\"product\":\"waf_access\",\"kind\":\"access\",\"extra\":{{{extra}}}}}\n"
    )
}

/// As many members as there are keys of two letters.
fn shortest_members() -> String {
    let letters = || ('#'..='~').filter(|c| *c != '\\');
    let members = letters().flat_map(|a| letters().map(move |b| format!("\"{a}{b}\":0")));
    members.collect::<Vec<_>>().join(",")
}

/// The longest record of each kind that is small on its way in and large on its way out.
#[test]
fn what_a_record_becomes_is_bounded_by_its_length() {
    let columns = "${srcaddr} ${dstaddr} ${note}";
    let layout = |from: &str, layout: &str| Config {
        from: Some(from.into()),
        layout: Some(layout.into()),
        ..Config::default()
    };
    let name = |c: &str| c.repeat(7000);
    let header = format!("srcaddr dstaddr start end {} {}\n1.1.1.1 2.2.2.2 1 2 3 4\n", name("a"), name("b"));
    let rows = format!(
        "{{\"resultSet\":{{\"columns\":[\"srcaddr\",\"{}\",\"{}\"],\"rows\":[[\"10.0.0.1\",1,2],[\"10.0.0.2\",1,2]]}}}}",
        name("a"),
        name("b")
    );
    let escaped = |n: usize| format!("10.0.0.1 10.0.0.2 {}\n", "\u{1}".repeat(n));
    let cases = [
        ("short keys", flat_with(&shortest_members()), Config::default()),
        ("control characters", escaped(100_000), layout("huawei-vpc", columns)),
        ("them twice", escaped(100_000), Config { keep_raw: true, ..layout("huawei-vpc", columns) }),
        ("long names in a header", header, Config::default()),
        ("long names of rows", rows, Config { from: Some("alibaba-cen".into()), ..Config::default() }),
    ];
    let mut refused = Vec::new();
    for (what, input, config) in &cases {
        for &to in Schema::ALL {
            let (lines, codes) = run(input, &Config { to, ..config.clone() });
            assert!(!lines.is_empty() || !codes.is_empty(), "{what}");
            for line in lines {
                assert!(line.len() < input.len() * limits::GROWTH + limits::RECORD_OUTPUT, "{what}");
            }
            if codes.iter().any(|c| c == "too-much-output") {
                refused.push((*what, to.name()));
            }
        }
    }
    let all = |what| Schema::ALL.iter().map(move |s| (what, s.name()));
    let mut want = vec![("short keys", "otel")];
    want.extend(all("them twice"));
    assert_eq!(refused, want);
}

/// A record that becomes just what it may comes out in each way, and none that becomes more.
#[test]
fn the_bound_is_the_same_for_each_way() {
    let layout = |names: &str, keep_envelope| Config {
        from: Some("huawei-vpc".into()),
        layout: Some(format!("${{srcaddr}} ${{dstaddr}} ${{{names}}}")),
        // Takes the short way away, and nothing else.
        keep_envelope,
        ..Config::default()
    };
    let line = "10.0.0.1 10.0.0.2 3";
    let most = line.len() * limits::GROWTH + limits::RECORD_OUTPUT;
    let (short, _) = run(line, &layout("n", false));
    for more in [0, 1] {
        let name = "n".repeat(most + more - short[0].len());
        for keep_envelope in [false, true] {
            let (lines, codes) = run(line, &layout(&name, keep_envelope));
            let lengths: Vec<_> = lines.iter().map(|l| l.len() + 1).collect();
            match more {
                0 => assert_eq!((lengths, codes.len()), (vec![most], 0)),
                _ => assert_eq!((lengths.len(), &codes[..]), (0, &["too-much-output".to_owned()][..])),
            }
        }
    }
}

/// Many bad lines in one string: their reasons are as many, but short.
#[test]
fn a_reason_does_not_repeat_long_names() {
    let names = (0..12).map(|i| format!("srcaddr{i}{}", "x".repeat(1000))).collect::<Vec<_>>().join(" ");
    let input = format!("srcaddr dstaddr start end bytes {names}\n{}", "1 2\n".repeat(100));
    let mut stream = Stream::new(&Config::default()).unwrap();
    let (mut rejects, mut longest) = (0, 0);
    let mut take = |_: &batch::Batch, o: &batch::Outcome| {
        for reject in batch::rejects(&o.rejects) {
            rejects += 1;
            longest = longest.max(reject.unwrap().reason.len());
        }
    };
    stream.push(input.as_bytes(), &mut take);
    stream.finish(&mut take);
    assert!(rejects >= 100 && longest < 1000, "{rejects} {longest}");
}

/// The words that keys are made of are known ones, whatever a record says.
#[test]
fn a_flat_record_is_of_a_known_product() {
    let record = |p: &str, product: &str, kind: &str| {
        format!(
            "{{\"provider\":\"{p}\",\"product\":\"{product}\",\"kind\":\"{kind}\",\"src_ip\":\"10.0.0.1\"}}\n"
        )
    };
    for config in [Config::default(), Config { from: Some("flat".into()), ..Config::default() }] {
        for (line, want) in [
            (record("huawei", "vpc", "flow"), 1),
            (record("baidu", "flow", "flow"), 1),
            (record("huawei", &"P".repeat(10_000), "flow"), 0),
            (record("huawei", "cen", "flow"), 0),
            (record("alibaba", "cen", "attack"), 0),
            (record("aws", "vpc-", "flow"), 0),
        ] {
            let (lines, codes) = run(&line, &config);
            assert_eq!((lines.len(), codes.len()), (want, 1 - want), "{line} {codes:?}");
            assert!(codes.iter().all(|c| c == "word"));
        }
    }
}

/// What one normalizer makes of inputs that each come in batches of their own.
fn run_each(inputs: &[String], config: &Config, normalizer: &mut Normalizer) -> Vec<Vec<u8>> {
    let mut made = Vec::new();
    let (mut head, mut outcome) = (Vec::new(), Outcome::default());
    for input in inputs {
        let mut framer = Framer::new(config).unwrap();
        framer.push(input.as_bytes());
        framer.finish();
        let mut all = Vec::new();
        while let Some(batch) = framer.next_batch() {
            let range = 0..batch.elements.len();
            batch.encode_head(range.clone(), &mut head);
            let view = BatchView::split(&head, batch.window(range)).unwrap();
            normalizer.run(&view, 0, &mut outcome);
            all.extend_from_slice(&outcome.output);
            all.extend_from_slice(&outcome.rejects);
        }
        made.push(all);
    }
    made
}

/// What stands around an element is known by its number, which in each batch, and in each text that
/// is framed inside of a record, begins anew.
#[test]
fn contexts_of_the_same_number_are_told_apart() {
    let rows = |columns: &str, rows: &str| {
        format!("{{\"resultSet\":{{\"columns\":[{columns}],\"rows\":[{rows}]}}}}")
    };
    let cen = "\"cen-id\",\"srcaddr\",\"dstaddr\",\"bytes\"";
    let turned = "\"bytes\",\"dstaddr\",\"srcaddr\",\"cen-id\"";
    let row = "[\"c\",\"10.0.0.1\",\"10.0.0.2\",3]";
    let back = "[3,\"10.0.0.1\",\"10.0.0.2\",\"c\"]";
    let keyed = |time: u32| {
        let record = "{\"cen-id\":\"c\",\"srcaddr\":\"10.0.0.1\",\"dstaddr\":\"10.0.0.2\",\"bytes\":3}";
        format!("{{\"__time__\":{time},\"logs\":[{record},{record}]}}")
    };
    let headed = |header: &str| format!("{header}\n10.0.0.1 10.0.0.2 1718000000 1718000060 3 4\n5 6\n");
    let plain = [
        rows(cen, &[row; 3].join(",")),
        rows(turned, &[back; 3].join(",")),
        rows(cen, row) + &rows(turned, back),
        keyed(1_718_000_000),
        keyed(1_718_000_001),
        keyed(1_718_000_002) + &keyed(1_718_000_003),
        headed("srcaddr dstaddr start end bytes packets"),
        headed("dstaddr srcaddr start end packets bytes"),
    ];
    let wrapped = plain.iter().map(|text| format!("{{\"content\":{}}}\n", json!(text)));
    let inputs: Vec<String> = plain.iter().cloned().chain(wrapped).collect();
    let inputs: Vec<String> =
        inputs.iter().flat_map(|a| [a.clone(), inputs[0].clone(), a.repeat(2)]).collect();
    for from in ["alibaba-cen", "huawei-vpc"] {
        for (to, keep_envelope) in [(Schema::Flat, false), (Schema::Flat, true), (Schema::Ecs, false)] {
            let config = Config { from: Some(from.into()), to, keep_envelope, ..Config::default() };
            let together = run_each(&inputs, &config, &mut Normalizer::new(&config).unwrap());
            for (input, got) in inputs.iter().zip(together) {
                let alone =
                    run_each(std::slice::from_ref(input), &config, &mut Normalizer::new(&config).unwrap());
                assert!(!got.is_empty());
                if from == "alibaba-cen"
                    && !keep_envelope
                    && to == Schema::Flat
                    && input.starts_with("{\"resultSet")
                {
                    let record = "\"src_ip\":\"10.0.0.1\",\"dst_ip\":\"10.0.0.2\",\"bytes\":3";
                    let turned = "\"src_ip\":\"10.0.0.2\",\"dst_ip\":\"10.0.0.1\",\"bytes\":3";
                    let got = String::from_utf8_lossy(&got);
                    assert!(got.contains(record) || got.contains(turned), "{got}");
                }
                assert_eq!(String::from_utf8_lossy(&got), String::from_utf8_lossy(&alone[0]), "{input}");
            }
        }
    }
}

/// Metadata is kept with each record, so it is bounded; of each name the innermost counts.
#[test]
fn envelopes_that_are_kept_are_bounded() {
    let record = "{\"cen-id\":\"c\",\"srcaddr\":\"10.0.0.1\",\"dstaddr\":\"10.0.0.2\",\"bytes\":3,\"__source__\":\"in\"}";
    let fields = |n: usize| (0..n).map(|i| format!("\"k{i}\":{i}")).collect::<Vec<_>>().join(",");
    let config = Config { keep_envelope: true, from: Some("alibaba-cen".into()), ..Config::default() };
    for (metadata, most) in [
        (fields(10), 11),
        (fields(1000), limits::ENVELOPE_FIELDS),
        (format!("\"long\":\"{}\"", "x".repeat(limits::ENVELOPE)), 1),
        (format!("\"long\":\"{}\"", "x".repeat(limits::ENVELOPE / 2)), 2),
    ] {
        let input = format!("{{{metadata},\"__source__\":\"out\",\"logs\":[{record},{record}]}}");
        let (lines, codes) = run(&input, &config);
        assert_eq!((lines.len(), codes.len()), (2, 0));
        let line: Value = serde_json::from_str(&lines[0]).unwrap();
        let envelope = line["extra"]["envelope"].as_object().unwrap();
        assert_eq!(envelope.len(), most);
        assert!(envelope.get("__source__").is_none_or(|source| source == "in"), "{envelope:?}");
        assert!(lines[0].len() < record.len() + 3 * limits::ENVELOPE);
    }
}

/// Behind the bytes that are waited for, what an envelope has said of its records counts for all.
#[test]
fn envelopes_name_columns_for_any_number_of_rows() {
    let row = r#"[1567374000000,"1 a1b2c3 nat nat-b1x2y3 192.168.0.4 203.0.113.9 53870 443 6 12 4096 1718000340 1718000400 allow OK"]"#;
    let rows = 3 * limits::LOOK_AHEAD / row.len();
    let rows = [row].repeat(rows).join(",");
    let names = r#""columns":["@timestamp","@raw"]"#;
    let config = Config { from: Some("baidu-flow".into()), ..Config::default() };
    let (one, _) = run(&format!(r#"{{"resultSet":{{{names},"rows":[{row}]}}}}"#), &config);
    for around in [
        format!(r#"{{"resultSet":{{{names},"rows":[{rows}]}}}}"#),
        format!(
            r#"{{"resultSet":{{"queryType":"match",{names},"columnTypes":["long","string"],"rows":[{rows}],"more":1}},"x":[]}}"#
        ),
        format!(r#"{{"a":[],"resultSet":{{"rows":[],{names},"rows":[{rows}]}}}}"#),
    ] {
        let (lines, codes) = run(&around, &config);
        assert_eq!((lines.len(), codes.len()), (rows.split("],[").count(), 0), "{}", &around[..200]);
        assert!(lines.iter().all(|line| *line == one[0]));
    }
}
