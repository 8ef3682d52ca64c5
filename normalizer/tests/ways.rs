//! Each fast path gives what the reference path gives, alone and with the others: for many records of
//! a kind, so that it is learned what they are like, for strange ones between them, and again for many.

mod corpus;
mod odd;

use std::{fs, path::PathBuf};

use odd::odd_record;
use proptest::prelude::*;
use weir_normalizer::{Config, Stream, Ways, batch, schemas::Schema};

/// What came out, record by record and reject by reject.
#[derive(Debug, Default, PartialEq)]
struct Made {
    output: Vec<u8>,
    rejects: Vec<(u64, String)>,
    counts: [u32; 3],
    tallies: Vec<(String, u32)>,
}

fn run(input: &[u8], config: &Config) -> Made {
    let mut made = Made::default();
    let mut stream = Stream::new(config).unwrap();
    let mut take = |b: &batch::Batch, o: &batch::Outcome| {
        made.output.extend_from_slice(&o.output);
        for r in batch::rejects(&o.rejects).map(Result::unwrap) {
            let offset = b.offset + u64::from(b.elements[r.element as usize].start);
            made.rejects.push((offset, format!("{} {} {} {}", r.format, r.field, r.code, r.reason)));
        }
        let counts = [o.normalized, o.filtered, o.rejected];
        made.counts.iter_mut().zip(counts).for_each(|(all, n)| *all += n);
        made.tallies.extend(batch::tallies(&o.tallies).map(Result::unwrap).map(|(p, n)| (p.to_owned(), n)));
    };
    stream.push(input, &mut take);
    stream.finish(&mut take);
    made
}

/// Fails where a fast path gives something else than the reference path.
fn check(what: &str, input: &[u8], config: &Config) {
    let all: Vec<String> = Ways::NAMES.iter().map(|name| (*name).to_owned()).collect();
    let reference = run(input, &Config { without: all.clone(), ..config.clone() });
    let mut sets = vec![Vec::new()];
    // Each alone, and all but each.
    sets.extend(all.iter().map(|one| all.iter().filter(|name| *name != one).cloned().collect()));
    sets.extend(all.iter().map(|one| vec![one.clone()]));
    for without in sets {
        let made = run(input, &Config { without: without.clone(), ..config.clone() });
        if made == reference {
            continue;
        }
        let differ = |(a, b): &(&[u8], &[u8])| a != b;
        let lines = |made: &Made| made.output.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>();
        let (got, want) = (lines(&made), lines(&reference));
        let first = got.iter().zip(&want).map(|(a, b)| (&a[..], &b[..])).find(differ);
        let first = first.map(|(a, b)| [a, b].map(|line| String::from_utf8_lossy(line).into_owned()));
        panic!(
            "{what}, without {without:?}: {:?} and not {:?}; the first line that differs: {first:#?}; rejects {:#?} and not {:#?}",
            made.counts,
            reference.counts,
            made.rejects.iter().find(|r| !reference.rejects.contains(r)),
            reference.rejects.iter().find(|r| !made.rejects.contains(r)),
        );
    }
}

fn in_schema(config: &Config, to: Schema) -> Config {
    Config { to, observed_at_ms: Some(1_718_000_500_000), ..config.clone() }
}

/// Each input of the corpus so often that its records are learned, then another, and again.
#[test]
fn the_corpus_over_and_over() {
    let all = ["ok", "err"].into_iter().flat_map(corpus::inputs);
    let read = |path: PathBuf| (corpus::config(&path), fs::read(&path).unwrap(), path);
    // Compressed inputs are the host's, and long ones take long.
    let is_short = |input: &[u8]| std::str::from_utf8(input).is_ok() && input.len() < 8 << 10;
    let inputs: Vec<_> = all.map(read).filter(|(_, input, _)| is_short(input)).collect();
    assert!(inputs.len() > 100, "the corpus is not where it was");
    for (i, (config, input, path)) in inputs.iter().enumerate() {
        let (_, other, _) = &inputs[(i + 7) % inputs.len()];
        let mut all = Vec::new();
        for (bytes, times) in [(input, 20), (other, 1), (input, 20)] {
            for _ in 0..times {
                all.extend_from_slice(bytes);
                all.push(b'\n');
            }
        }
        let name = path.display().to_string();
        check(&name, &all, config);
        check(&name, &all, &in_schema(config, [Schema::Ocsf, Schema::Ecs, Schema::Otel][i % 3]));
    }
}

/// The same record with other digits: many of them keep their lengths, some are no longer good.
fn turned(record: &str, by: usize) -> String {
    let turn = |(at, c): (usize, char)| match c.to_digit(10) {
        Some(d) if at * 7 % 5 == by % 5 => char::from_digit((d + by as u32) % 10, 10).unwrap_or(c),
        _ => c,
    };
    record.chars().enumerate().map(turn).collect()
}

/// Records as they stand in lines and in the envelopes of log services.
fn wrapped(records: &[String], envelope: usize) -> String {
    let text = |record: &String| serde_json::to_string(record).unwrap();
    match envelope {
        0 => records.join("\n"),
        1 => records.iter().map(|r| format!("{{\"content\":{}}}\n", text(r))).collect(),
        2 => records.iter().map(|r| format!("{{\"message\":{},\"time\":1718000400}}\n", text(r))).collect(),
        _ => {
            let content = |r: &String| format!("{{\"content\":{},\"line_num\":\"1\"}}", text(r));
            let logs: Vec<String> = records.iter().map(content).collect();
            logs.chunks(50).map(|logs| format!("{{\"count\":50,\"logs\":[{}]}}\n", logs.join(","))).collect()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn runs_of_records(
        records in prop::collection::vec(odd_record(), 1..5),
        runs in prop::collection::vec((any::<prop::sample::Index>(), 1..80_usize), 4..12),
        turn in any::<bool>(),
        envelope in 0..4_usize,
        to in prop::sample::select(vec![Schema::Flat, Schema::Flat, Schema::Ocsf, Schema::Ecs, Schema::Otel]),
        filter in prop::option::weighted(0.4, prop::sample::select(vec![
            "provider == huawei", "bytes > 100", "not src_ip in {10.0.0.0/8}", "extra.more == x", "action == accept",
        ])),
        from in prop::option::weighted(0.2, prop::sample::select(vec!["huawei-vpc", "alibaba-vpc", "aws-vpc"])),
    ) {
        let mut all = Vec::new();
        for (which, times) in runs {
            let record = which.get(&records);
            all.extend((0..times).map(|by| turned(record, if turn { by } else { 0 })));
        }
        let config = Config {
            filter: filter.map(str::to_owned),
            from: from.map(str::to_owned),
            ..in_schema(&Config::default(), to)
        };
        check("generated records", wrapped(&all, envelope).as_bytes(), &config);
    }
}
