//! What comes out is bounded by what goes in, whatever that is.

use weir_normalizer::{Config, Stream, batch, limits, schemas::Schema};

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
        "{{\"result\":{{\"columns\":[\"srcaddr\",\"{}\",\"{}\"],\"records\":[[\"10.0.0.1\",1,2],[\"10.0.0.2\",1,2]]}}}}",
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
