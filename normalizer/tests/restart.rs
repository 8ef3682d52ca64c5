//! An input can be read again from where its framer says, and the same comes out of what follows.

mod corpus;

use std::fs;

use weir_normalizer::{
    Config,
    framing::{Framer, Restart},
};

/// An element: where it lies in its input, how it is at fault, and what its envelope says.
type Found = (u64, u32, u32, Vec<u8>);

fn take(framer: &mut Framer, found: &mut Vec<Found>) {
    while let Some(batch) = framer.next_batch() {
        for e in &batch.elements {
            let context =
                (e.context as usize).checked_sub(1).map_or(Vec::new(), |i| batch.contexts[i].clone());
            found.push((batch.offset + u64::from(e.start), e.len, e.fault, context));
        }
        framer.recycle(batch);
    }
}

fn read_from(config: &Config, input: &[u8], restart: Restart) -> Vec<Found> {
    let mut framer = Framer::new(config).unwrap();
    let rest = &input[restart.offset as usize..];
    framer.resume(restart);
    let mut found = Vec::new();
    framer.push(rest);
    framer.finish();
    take(&mut framer, &mut found);
    found
}

/// Reads an input in pieces with pauses between them, and again from each place where it may be;
/// gives how many different ones there were.
fn check(config: &Config, input: &[u8], piece: usize, what: &str) -> usize {
    let whole = read_from(config, input, Restart::default());
    let mut framer = Framer::new(config).unwrap();
    let (mut found, mut places) = (Vec::new(), Vec::new());
    for bytes in input.chunks(piece) {
        framer.push(bytes);
        framer.flush();
        take(&mut framer, &mut found);
        let restart = framer.restart().clone();
        if places.last() == Some(&restart) {
            continue;
        }
        let line = 1 + input[..restart.offset as usize].iter().filter(|b| **b == b'\n').count() as u64;
        assert!(restart == Restart::default() || restart.line == line, "{what}: {restart:?}");
        // What lies before it was given.
        let before = whole.partition_point(|e| e.0 < restart.offset);
        assert_eq!(found[..before], whole[..before], "{what}: before {restart:?}");
        let again = read_from(config, input, restart.clone());
        assert_eq!(again, whole[before..], "{what}: from {restart:?}");
        places.push(restart);
    }
    framer.finish();
    take(&mut framer, &mut found);
    assert_eq!(found, whole, "{what}");
    let end = framer.restart();
    assert_eq!((end.offset, end.behind_document), (input.len() as u64, false), "{what}");
    places.len()
}

#[test]
fn every_input_of_the_corpus_can_be_read_again_from_between() {
    let (mut inputs, mut places) = (0, 0);
    for path in ["ok", "err"].into_iter().flat_map(corpus::inputs) {
        let input = fs::read(&path).unwrap();
        // The long ones take long.
        if input.len() > 20_000 {
            continue;
        }
        inputs += 1;
        places += check(&corpus::config(&path), &input, 61, &path.display().to_string());
    }
    assert!(inputs > 100 && places > inputs, "{inputs} inputs, {places} places");
}

#[test]
fn headers_stay_in_force_and_open_envelopes_are_read_again() {
    let config = Config::default();
    let rows = "srcaddr,dstaddr,bytes\n1.1.1.1,2.2.2.2,3\n1.1.1.1,2.2.2.2,4\n\n\"1.1.1.1\",\"2.2\n.2.2\",5\n"
        .repeat(3);
    assert!(check(&config, rows.as_bytes(), 7, "rows") > 10);
    let envelope = r#"{"owner":"a","logs":[{"x":1},{"x":2}],"more":1}, {"x":3} {"x":4}"#.to_owned() + "\n";
    check(&config, envelope.repeat(3).as_bytes(), 5, "envelopes");
    check(&config, envelope.trim_end().as_bytes(), 5, "a document without a line break");
    // An envelope that is longer than what is looked ahead for, after some lines.
    let item = format!(r#"{{"x":"{}"}}"#, "y".repeat(50_000));
    let long = format!("a b\n{{\"owner\":1,\"logs\":[{}],\"z\":2}}\na b c\n", vec![item; 60].join(","));
    assert!(check(&config, long.as_bytes(), 150_000, "a long envelope") > 1);
    let broken = "{\"a\":[1,\n{\"b\":2}\n{\"c\":3}\nx y\n{\"d\":\n".repeat(3);
    check(&config, broken.as_bytes(), 3, "broken documents");
    let quote = Config {
        from: Some("baidu-flow".into()),
        layout: Some("srcaddr,dstaddr,bytes".into()),
        ..Config::default()
    };
    check(&quote, b"\"1\n2\",3,4\n\"never ends\n1,2,3\n4,5,6\n", 4, "quotes");
}
