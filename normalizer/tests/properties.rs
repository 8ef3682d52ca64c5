//! What must hold for any input and any cut of it.

mod odd;

use odd::{AMAZON, LINE, ROUTER, odd_record};
use proptest::prelude::*;
use weir_normalizer::{Config, Stream, Zone, batch, framing::Framer, limits};

/// What came out of a whole input.
#[derive(Debug, Default, PartialEq)]
struct Made {
    output: Vec<u8>,
    rejects: Vec<(u64, u64, u64, Vec<u8>, String)>,
    elements: u64,
    consumed: u64,
    blank: u64,
    normalized: u32,
    /// What is in no element.
    framing: Vec<u8>,
}

fn run(pieces: &[&[u8]], config: &Config) -> Made {
    run_with_pauses(pieces, config, false)
}

/// The input may pause behind each piece.
fn run_with_pauses(pieces: &[&[u8]], config: &Config, pauses: bool) -> Made {
    let mut made = Made::default();
    let mut stream = Stream::new(config).unwrap();
    let mut last = None;
    let mut take = |b: &batch::Batch, o: &batch::Outcome| {
        assert_eq!(std::str::from_utf8(&o.output).unwrap().lines().count(), o.normalized as usize);
        made.output.extend_from_slice(&o.output);
        made.normalized += o.normalized;
        let mut from = None;
        for r in batch::rejects(&o.rejects) {
            let r = r.unwrap();
            let at = b.place(r.element as usize, from);
            from = Some(at);
            let raw = b.raw(r.element as usize).to_vec();
            made.rejects.push((at.line, at.offset, at.length, raw, r.reason.to_owned()));
        }
        // A batch comes several times where its output was handed on in parts.
        if last != Some(b.offset) {
            made.elements += b.elements.len() as u64;
            made.consumed += b.consumed;
            made.blank += b.blank;
            made.framing.extend(gaps(b).concat());
        }
        last = Some(b.offset);
    };
    for p in pieces {
        stream.push(p, &mut take);
        if pauses {
            stream.flush(&mut take);
        }
    }
    stream.finish(&mut take);
    made
}

/// The bytes of a batch that are in no element.
fn gaps(batch: &batch::Batch) -> Vec<&[u8]> {
    let mut from = 0;
    let mut gaps = Vec::new();
    for e in &batch.elements {
        gaps.push(&batch.bytes[from..e.start as usize]);
        from = (e.start + e.len) as usize;
    }
    gaps.push(&batch.bytes[from..]);
    gaps
}

/// Pieces of real and of broken inputs.
fn fragment() -> impl Strategy<Value = String> {
    let fixed = [
        LINE.to_owned() + "\n",
        LINE.to_owned() + "\r\n",
        ROUTER.to_owned() + "\n",
        LINE.replace("192.168.0.154", "300.1.1.1") + "\n",
        "\n".into(),
        "  \t\r\n".into(),
        "\u{feff}".into(),
        format!("{{\"content\":\"{LINE}\\n\",\"labels\":{{\"a\":\"{{[\\\"\"}}}}\n"),
        format!(
            "{{\"count\": 2, \"logs\": [\n {{\"content\":\"{LINE}\"}} ,\n {{\"content\":\"{ROUTER}\"}} ],\n \"isQueryComplete\": true}}\n"
        ),
        format!("[{{\"message\":\"{LINE}\",\"time\":1569825602303}},{{\"x\":[1,2,{{}}]}}]"),
        format!("{{\"content\":\"{{\\\"logs\\\":[{{\\\"content\\\":\\\"{LINE}\\\"}}]}}\"}}"),
        format!("{{\"logs\":[{{\"content\":\"{LINE}\"}},\n"),
        "{\"data\":{\"limit\":1,\"records\":[],\"total\":0}}".into(),
        "{\"result\":[],\"srcaddr\":\"10.0.0.1\",\"dstaddr\":\"10.0.0.2\",\"bytes\":1,\"cen-id\":\"x\"}\n".into(),
        "{\"logs\":[{\"a\":1},{}],\"srcaddr\":\"10.0.0.1\",\"dstaddr\":\"10.0.0.2\",\"bytes\":1,\"cen-id\":\"x\"}".into(),
        "{\"error_code\":\"A.1\",\"error_msg\":\"m\",\"data\":{\"records\":[]}}\n".into(),
        "{\"a\":\"b\",\"logs\":[ ],\"count\":0,\"data\":".into(),
        "{\"a\":\"b\n".into(),
        "{\"a\":[1}\n".into(),
        "{\"a\":\\\n".into(),
        "{\"a\":\n".into(),
        "{\"a\":[1,\n".into(),
        "{\"a\":[\n{},\n".into(),
        "\"\\\u{e9}\u{1f600}".into(),
        "]}".into(),
        ",".into(),
        format!("{}{}\n", "[".repeat(80), "]".repeat(80)),
        "{\"provider\":\"huawei\",\"product\":\"vpc\",\"kind\":\"flow\",\"extra\":{\"a\\u0000\":[1, 2]}}\n"
            .into(),
    ];
    let objects = prop::collection::vec(
        prop::sample::select(vec![
            "\"",
            "\"",
            "\\\\",
            "\\\"",
            "\\",
            "{",
            "}",
            "[",
            "]",
            ":",
            ",",
            "a",
            " ",
            "|",
            "é",
            "\r",
            "\"k\":\"v\",",
            "\"n\":-1.5e+3,",
            "\"n\":12345678901234567890,",
            "\"n\" : null ,",
            "\"a longer key than sixteen\":\"and a value that is longer than that, too\",",
            "\"x\":{\"y\":1},",
            "\u{1}",
        ]),
        0..24,
    );
    let objects = (objects, any::<bool>())
        .prop_map(|(inside, cr)| format!("{{{}\"z\":0}}{}\n", inside.concat(), if cr { "\r" } else { "" }));
    let wrapped = (objects.clone(), objects.clone(), 0..5_usize).prop_map(|(one, two, form)| match form {
        0 => format!("[{one},{two}]\n"),
        1 => format!("{{\"logs\":[{one} , {two}],\"count\":2}}\n"),
        2 => format!("{{\"data\":{{\"records\":[{one},{{\"in\":{two}}}],\"total\":2}}}}\n"),
        3 => {
            format!("{{\"logs\":[{}]}}\n", one.replace(',', " ,\n  ").replace(':', ": ").replace('}', "\n}"))
        }
        _ => format!("[{}, {two}]\n", one.replace("{\"", "{\n \"").replace(':', "\t:\n")),
    });
    prop_oneof![
        8 => prop::sample::select(fixed.to_vec()),
        3 => objects,
        3 => wrapped,
        1 => "[ -~\\n\\r\"{}\\[\\],:\\\\]{0,12}"
    ]
}

fn input() -> impl Strategy<Value = Vec<u8>> {
    let text = prop::collection::vec(fragment(), 0..12).prop_map(|f| f.concat().into_bytes()).boxed();
    let damaged = (text.clone(), any::<prop::sample::Index>(), any::<u8>()).prop_map(|(mut t, i, b)| {
        if !t.is_empty() {
            let i = i.index(t.len());
            t[i] = b;
        }
        t
    });
    prop_oneof![4 => text, 2 => damaged, 1 => prop::collection::vec(any::<u8>(), 0..200)]
}

fn cut<'a>(input: &'a [u8], at: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut at: Vec<usize> = at.iter().map(|i| i.index(input.len() + 1)).collect();
    at.sort_unstable();
    let mut pieces = Vec::new();
    let mut from = 0;
    for to in at.into_iter().chain([input.len()]) {
        pieces.push(&input[from..to]);
        from = to;
    }
    pieces
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_cut_gives_the_same(input in input(), at in prop::collection::vec(any::<prop::sample::Index>(), 0..8), keep in any::<bool>()) {
        let config = Config { keep_envelope: keep, keep_raw: keep, source_name: keep, ..Config::default() };
        let whole = run(&[&input], &config);
        prop_assert_eq!(whole.consumed, input.len() as u64);
        prop_assert_eq!(&run_with_pauses(&cut(&input, &at), &config, keep), &whole);
        let bytes: Vec<&[u8]> = input.chunks(1).collect();
        prop_assert_eq!(&run_with_pauses(&bytes, &config, !keep), &whole);
        // A reject's bytes are where it says, and its line too.
        for (line, offset, length, raw, _) in &whole.rejects {
            let (from, to) = (*offset as usize, (*offset + *length) as usize);
            prop_assert_eq!(&input[from..to], &raw[..]);
            let before = input[..from].iter().filter(|b| **b == b'\n').count() as u64;
            prop_assert_eq!(*line, before + 1);
        }
    }

    #[test]
    fn flat_records_read_back_to_the_same_bytes(input in input(), keep in any::<bool>()) {
        let config = Config { keep_envelope: keep, keep_raw: keep, source_name: keep, ..Config::default() };
        let once = run(&[&input], &config);
        for from in [None, Some("flat".to_owned())] {
            let twice = run(&[&once.output], &Config { from, ..Config::default() });
            prop_assert_eq!(&twice.rejects, &vec![]);
            prop_assert_eq!(twice.output, once.output.clone());
        }
    }
}

/// Objects of what envelopes say and of what they don't, which has a mark in it. Records in an
/// array stand only beside members of records.
fn marked_object() -> impl Strategy<Value = String> {
    let own = [
        "\"count\":1",
        "\"isQueryComplete\" : true",
        "\"limit\":0,\"offset\":3",
        "\"tags\":{\"any\":[1]}",
        "\"meta\":{}",
        "\"logs\":[]",
        "\"logs\": [ ]",
        "\"data\":[]",
        "\"data\":{\"records\":[],\"total\":0}",
        "\"data\":{}",
        "\"result\":[]",
        "\"resultSet\":{\"columns\":[\"a\"],\"rows\":[]}",
    ];
    let data = [
        "\"MARK\":1",
        "\"MARK\":[{}]",
        "\"srcaddr\":\"MARK\"",
        "\"error_code\":\"MARK\"",
        "\"data\":{\"MARK\":1,\"records\":[]}",
        "\"data\":\"MARK\"",
        "\"logs\":[\"MARK\"]",
        "\"logs\":[[\"MARK\"]]",
        "\"logs\":\"MARK\"",
        "\"rows\":[\"MARK\"]",
        "\"resultSet\":{\"records\":[[\"MARK\"]]}",
    ];
    let any = prop::sample::select([&own[..], &data[..]].concat());
    let records = prop::sample::select(
        [
            &own[..],
            &[
                "\"srcaddr\":\"MARK\",\"bytes\":1",
                "\"logs\":[{\"MARK\":1}]",
                "\"data\":{\"records\":[{},7,{\"MARK\":1}]}",
                "\"foo\":{\"srcaddr\":\"MARK\",\"bytes\":1}",
                "\"tags\":[{},{\"dstaddr\":[\"MARK\"],\"bytes\":1}]",
                "\"meta\":{\"srcaddr\":\"MARK\",\"bytes\":1}",
                "\"records\":{\"srcaddr\":\"MARK\",\"bytes\":1}",
                "\"rows\":[{\"srcaddr\":\"MARK\",\"bytes\":1}]",
                "\"resultSet\":{\"srcaddr\":\"MARK\",\"bytes\":1}",
                "\"foo\":[null,{\"srcaddr\":\"MARK\",\"bytes\":1}]",
                "\"foo\":{\"a\":[[{\"srcaddr\":\"MARK\",\"bytes\":1}]]}",
                "\"foo\":\"{\\\"srcaddr\\\":\\\"MARK\\\",\\\"bytes\\\":1}\"",
                "\"tags\":[{\"data\":\"MARKMARKMARKMARK\"},\"x\"]",
                "\"data\":{\"foo\":[{\"srcaddr\":\"MARK\",\"bytes\":1}],\"records\":[{\"MARK\":1}]}",
                "\"data\":{\"records\":[{\"MARK\":1}],\"tags\":{\"srcaddr\":\"MARK\",\"bytes\":1}}",
            ],
        ]
        .concat(),
    );
    let object = |members: Vec<&str>| format!("{{{}}}", members.join(","));
    prop_oneof![
        prop::collection::vec(any, 0..6).prop_map(object),
        prop::collection::vec(records, 0..6).prop_map(object),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Framing holds nothing but separators, brackets and what is known to be an envelope's.
    #[test]
    fn framing_holds_no_data(
        objects in prop::collection::vec((marked_object(), prop::sample::select(vec!["\n", " ", "", "\n\n"])), 1..4),
        array in any::<bool>(),
        at in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        end in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut text: String = match array {
            true => format!("[{}]", objects.iter().map(|o| o.0.as_str()).collect::<Vec<_>>().join(" , ")),
            false => objects.iter().map(|o| format!("{}{}", o.0, o.1)).collect(),
        };
        // What breaks off behind a record is an envelope's as far as it is there.
        if !text.contains("{\"MARK\"")
            && let Some(end) = end
        {
            text.truncate(end.index(text.len()));
        }
        let made = run_with_pauses(&cut(text.as_bytes(), &at), &Config::default(), true);
        let framing = String::from_utf8(made.framing).unwrap();
        prop_assert!(!framing.contains("MARK"), "{} in {}", framing, text);
        prop_assert!(made.elements > 0 || !text.contains("MARK"), "{}", text);
    }
}

/// A value beside an array that is too long to look into is a reject, and nothing behind it is lost.
#[test]
fn a_long_value_beside_records_is_rejected() {
    let record = r#"{"cen-id":"c","srcaddr":"10.0.0.1","dstaddr":"10.0.0.2","bytes":1,"packets":1}"#;
    let long = "x".repeat(3 << 20);
    let text = format!("{{\"logs\":[{record}],\"foo\":{{\"a\":\"{long}\"}},\"tags\":{record}}}\n{record}\n");
    for pieces in [cut(text.as_bytes(), &[]), text.as_bytes().chunks(70_001).collect()] {
        let made = run(&pieces, &Config::default());
        assert_eq!((made.normalized, made.rejects.len()), (3, 1));
    }
}

/// What framing comes to: the place of each element, and what is around it.
fn framed(pieces: &[&[u8]]) -> Vec<(u64, u64, u32, Vec<u8>)> {
    let mut framer = Framer::new(&Config::default()).unwrap();
    let mut all = Vec::new();
    let mut take = |framer: &mut Framer| {
        while let Some(batch) = framer.next_batch() {
            for (i, e) in batch.elements.iter().enumerate() {
                let place = batch.place(i, None);
                let context = (e.context as usize).checked_sub(1).map(|c| batch.contexts[c].clone());
                all.push((place.offset, place.length, e.fault, context.unwrap_or_default()));
            }
        }
    };
    for piece in pieces {
        framer.push(piece);
        framer.flush();
        take(&mut framer);
    }
    framer.finish();
    take(&mut framer);
    all
}

/// Every document of the corpus, with a pause at each byte.
#[test]
fn a_pause_alters_nothing() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/corpus");
    let mut inputs = vec![
        b"line\n{\"result\":[],\"srcaddr\":\"10.0.0.1\",\"cen-id\":\"x\"}\n[]\n{\"logs\":[],\"a\":{}".to_vec(),
        b"a\n{\"logs\":[{\"a\":1},{\"b\":2}],\"data\":[],\"dstaddr\":\"10.0.0.2\"} {\"count\":1,\"logs\":[{}]}".to_vec(),
        // What tells of the first envelope's end is empty, and in front of the second.
        b"{\"logs\":[{\"a\":1}\n{\"logs\":[{\"b\":2}],\"dstaddr\":\"10.0.0.2\"}\n".to_vec(),
    ];
    for product in std::fs::read_dir(corpus).unwrap() {
        for kind in ["ok", "err"] {
            let Ok(files) = std::fs::read_dir(product.as_ref().unwrap().path().join(kind)) else { continue };
            let files = files.map(|f| f.unwrap().path());
            let documents = files.filter(|f| f.extension().is_some_and(|e| e == "json"));
            inputs.extend(documents.map(|f| std::fs::read(f).unwrap()).filter(|text| text.len() < 4000));
        }
    }
    assert!(inputs.len() > 30, "{}", inputs.len());
    for input in inputs {
        let whole = framed(&[&input]);
        for at in 0..input.len() {
            assert_eq!(
                framed(&[&input[..at], &input[at..]]),
                whole,
                "{at}: {}",
                String::from_utf8_lossy(&input)
            );
        }
    }
}

/// A document that breaks off costs the line that it breaks off in, and no other.
#[test]
fn a_document_that_breaks_off_keeps_no_line_behind_it() {
    let object = format!("{{\"content\":\"{LINE}\",\"a\":[1]}}");
    let envelope = format!("{{\"logs\":[{object}]}}");
    for head in [
        "{\"a\":",
        "{\"a\":[",
        "{\"a\":[1,",
        "{\"a\":{\"b\":",
        "{\"a\"",
        "{\"a\":1",
        "{\"a\":1,",
        "{",
        "{\"a\":\"b",
        "{\n\"a\":",
    ] {
        for line in [LINE, AMAZON, &object, &envelope] {
            for behind in ["", "\n", "\r\n", "\nx", "\n{\"b\":1}", "\n{\n\"b\":\n1}\n"] {
                let input = format!("{head}\n{line}{behind}");
                let made = run(&[input.as_bytes()], &Config::default());
                assert_eq!(made.normalized, 1, "{input}");
                let (_, offset, _, raw, reason) = &made.rejects[0];
                assert_eq!((*offset, raw.as_slice()), (0, head.as_bytes()), "{input}");
                assert!(reason.starts_with("no valid JSON"), "{reason}");
            }
        }
    }
    let pretty = format!("{{\n\"a\": [\n1,\n{{\"b\": 2}}\n,\n{{}}],\n\"content\":\n\"{LINE}\"}}\n");
    let made = run(&[pretty.as_bytes()], &Config::default());
    assert_eq!((made.normalized, made.elements), (1, 1));
}

/// Documents that begin inside of others that do not end are followed once more, and not again.
#[test]
fn documents_that_never_end_take_no_more_time_each() {
    for part in
        ["{\"a\":[\n{},\n{}\n,", "{\"a\":\n{}\n", "{\"a\":[[[\n", "[{\"a\":\n{}\n,\n", "{\"a\":\n1 1\n"]
    {
        let input = part.repeat(300_000 / part.len());
        let made = run(&[input.as_bytes()], &Config::default());
        assert_eq!(made.consumed, input.len() as u64);
        assert!(made.elements > 0);
    }
}

/// Lines do not wait for the end of an envelope behind them.
#[test]
fn complete_lines_come_out_when_the_input_pauses() {
    let mut framer = Framer::new(&Config::default()).unwrap();
    framer.push(format!("{LINE}\n{LINE}\n{{\"logs\":[{{\"content\":\"{LINE}\"}},").as_bytes());
    framer.flush();
    let batch = framer.next_batch().unwrap();
    assert_eq!((batch.elements.len(), batch.consumed as usize), (2, 2 * LINE.len() + 2));
    assert!(framer.next_batch().is_none());
    framer.push(b"{\"a\":1}],\"count\":2}\n");
    framer.flush();
    let batch = framer.next_batch().unwrap();
    assert_eq!(batch.elements.len(), 2);
    for e in &batch.elements {
        assert_eq!(batch.contexts[e.context as usize - 1], b"{\"logs\":[],\"count\":2}");
    }
}

/// Lines, objects and documents of every kind, in many batches, with a reject here and there.
fn mixture() -> String {
    let mut text = String::new();
    for i in 0..30_000 {
        match i % 1000 {
            0 => text.push_str(&format!("no record {i}\n")),
            1 => text.push_str("\r\n\n"),
            2 => text.push_str(&format!("{{\"content\":\"{LINE}\"}}\r\n")),
            3 => text.push_str(&format!("{{\"logs\":[\n{{\"content\":\"{LINE}\"}},\n{{\"a\":{i}}}\n]}}\n")),
            4 => text.push_str(&format!("  {LINE}\n{{\"broken\n")),
            5 if i < 3000 => text.push_str(&format!("1 {}\n", "x".repeat(limits::RECORD + i))),
            6 => text.push_str("1 2 3\n"),
            7 => text.push_str("{\"x\":1,\n\"y\":2}\n"),
            _ => text.push_str(&format!("{}\n", LINE.replace("38929", &(i % 65_536).to_string()))),
        }
    }
    text
}

#[test]
fn places_are_right_in_all_batches_of_an_input() {
    let text = mixture();
    let input = text.as_bytes();
    let config = Config::default();
    let whole = run(&[input], &config);
    let starts = memchr::memchr_iter(b'\n', input).map(|at| at + 1);
    let starts: Vec<usize> = std::iter::once(0).chain(starts).collect();
    assert!(whole.rejects.len() > 150, "{}", whole.rejects.len());
    for (line, offset, length, raw, reason) in &whole.rejects {
        let offset = *offset as usize;
        assert_eq!(*line as usize, starts.partition_point(|start| *start <= offset), "{reason}");
        let kept = raw.len();
        assert_eq!(&input[offset..offset + kept], &raw[..]);
        assert!(kept as u64 == *length || kept == limits::RAW_PREFIX);
    }
    for size in [1 << 10, 10_007, 64 << 10] {
        let pieces: Vec<_> = input.chunks(size).collect();
        assert!(run(&pieces, &config) == whole, "{size}");
    }
}

/// What is read into the framer's own memory is framed as what is given to it.
#[test]
fn reading_gives_the_same_as_giving() {
    let elements = |framer: &mut Framer, all: &mut Vec<(u64, u64, Vec<u8>)>| {
        while let Some(batch) = framer.next_batch() {
            for i in 0..batch.elements.len() {
                let place = batch.place(i, None);
                all.push((place.line, place.offset, batch.raw(i).to_vec()));
            }
            framer.recycle(batch);
        }
    };
    let input = mixture().as_bytes()[..3 << 20].to_vec();
    let (mut given, mut framer) = (Vec::new(), Framer::new(&Config::default()).unwrap());
    for piece in input.chunks(5000) {
        framer.push(piece);
        elements(&mut framer, &mut given);
    }
    framer.finish();
    elements(&mut framer, &mut given);
    for size in [4096, usize::MAX] {
        let (mut read, mut rest) = (Vec::new(), &input[..]);
        framer.reset();
        loop {
            let got = framer.read(|room| {
                let n = room.len().min(size);
                std::io::Read::read(&mut rest, &mut room[..n])
            });
            if got.unwrap() == 0 {
                break;
            }
            elements(&mut framer, &mut read);
        }
        let failed = framer.read(|_| Err::<usize, _>("no more"));
        assert_eq!(failed, Err("no more"));
        framer.finish();
        elements(&mut framer, &mut read);
        assert!(read == given, "{size}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5000, failure_persistence: None, ..ProptestConfig::default() })]

    /// The short way from a source to a flat record, and the long one that takes a field away
    /// which is not there.
    #[test]
    fn both_ways_give_the_same(
        records in prop::collection::vec(odd_record(), 1..6),
        filter in prop::option::of(prop::sample::select(vec![
            "provider == huawei", "kind == flow", "bytes > 100", "not src_ip in {10.0.0.0/8}", "transport == tcp",
            "protocol in {6, 17}", "log_time_ms > 1718000300000", "extra.more == x", "not direction == egress",
            "action == accept or dst_port == 53", "start_ms >= 1548752136000", "interface_id contains \"eni-\"",
        ])),
        from in prop::option::weighted(0.3, prop::sample::select(vec!["huawei-vpc", "aws-vpc", "baidu-flow", "flat"])),
    ) {
        let input = records.join("\n").into_bytes();
        let (filter, from) = (filter.map(str::to_owned), from.map(str::to_owned));
        let config = Config { filter, from, ..Config::default() };
        let short = run(&[&input], &config);
        let drop = vec!["extra.not-there".to_owned()];
        let long = run(&[&input], &Config { drop, ..config });
        prop_assert_eq!(String::from_utf8(short.output.clone()), String::from_utf8(long.output.clone()));
        prop_assert_eq!(short, long);
    }
}

/// Times as sources might write them, many of them near the ends of what is believed.
fn odd_time() -> impl Strategy<Value = String> {
    let near = prop::sample::select(vec![0_u64, 1, 946_684_800, 1_718_000_340, 4_000_000_000, 4_102_444_800]);
    let near = (near, -2..3_i64, 0..4_u32, 0..1000_u64).prop_map(|(n, by, unit, rest)| {
        let n = n.saturating_add_signed(by);
        if unit == 0 { n.to_string() } else { (n * 1000_u64.pow(unit) + rest).to_string() }
    });
    let written = prop::sample::select(vec![
        "2024-02-07 19:25:40",
        "2024-02-07 11:25:40",
        "2024-02-07T19:25:40+08:00",
        "2024-02-07T11:25:40Z",
        "2024-02-07T11:25:40.0001Z",
        "2024-02-30T11:25:40Z",
        "1999-12-31T23:59:59",
        "2000-01-01T00:00:00",
        "2100-01-01T00:00:00-01:00",
        "2099-12-31T23:59:59.999Z",
        "1707305140.5",
        "07/Feb/2024:11:25:40 +0000",
        "-",
        "-1",
        "",
        "x",
    ]);
    prop_oneof![4 => near, 2 => "[0-9]{1,20}", 1 => "[1-4]0{8,18}", 3 => written.prop_map(str::to_owned)]
}

/// What an integer is as a time in milliseconds, and whether the unit is the product's.
fn expected(text: &str, units: &[u32]) -> Option<(u64, bool)> {
    let n: u128 = text.parse().ok()?;
    (0..4).find_map(|unit| {
        let nanos = n * 1_000_000_000 / 1000_u128.pow(unit);
        let ms = (nanos + if unit > 1 { 500_000 } else { 0 }) / 1_000_000;
        let believed = (946_684_800_000..4_102_444_800_000).contains(&ms);
        believed.then(|| (ms as u64, units.contains(&unit)))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    /// In whichever unit a time is, and however a record with it goes: the field, or the reject, and
    /// what is kept beside it.
    #[test]
    fn times_are_the_same_every_way(
        form in 0..7_usize,
        times in prop::collection::vec(odd_time(), 3),
        bare in any::<bool>(),
        zone in prop::option::weighted(0.2, -12..14_i32),
    ) {
        let [a, b, c] = &times[..] else { unreachable!() };
        let quoted = |t: &String| match bare && serde_json::from_str::<serde_json::Number>(t).is_ok() {
            true => t.clone(),
            false => format!("\"{t}\""),
        };
        let column = |t: &String| if t.is_empty() || t.contains(' ') { "-".to_owned() } else { t.clone() };
        let (seconds, millis, both) = (&[0_u32][..], &[1_u32][..], &[0, 1][..]);
        let in_line = |line: &str, start: &str, end: &str| line.replace(start, &column(a)).replace(end, &column(b));
        let (record, key, units) = match form {
            0 => (in_line(LINE, "1548752136", "1548752736"), "", seconds),
            1 => (in_line(ROUTER, "1664007127", "1664007727"), "", seconds),
            2 => (in_line(AMAZON, "1718000000", "1718000060"), "", seconds),
            3 => (format!("{{\"eni-id\":\"eni-1\",\"vm-id\":\"i-1\",\"start\":{},\"end\":{},\"srcaddr\":\"10.0.0.1\",\"__time__\":{}}}", quoted(a), quoted(b), quoted(c)), "start", seconds),
            4 => (format!("{{\"pri_ip\":\"10.0.0.1\",\"pub_ip\":\"10.0.0.2\",\"pri_port\":1,\"pub_port\":2,\"pkts_from_vpc\":1,\"start_time\":{},\"end_time\":{},\"time\":{}}}", quoted(a), quoted(b), quoted(c)), "start_time", both),
            5 => (format!("{{\"app\":\"x\",\"log_id\":\"1\",\"src_ip\":\"10.0.0.1\",\"vsys\":1,\"to_s_pkts\":1,\"start_time\":{},\"end_time\":{},\"@timestamp\":{}}}", quoted(a), quoted(b), quoted(c)), "start_time", millis),
            _ => (format!("{{\"attack\":\"x\",\"sip\":\"10.0.0.1\",\"id\":1,\"uri\":\"/\",\"hport\":80,\"http_host\":\"h\",\"time\":{},\"attack-time\":{},\"time_iso8601\":{}}}", quoted(a), quoted(b), quoted(c)), "time", both),
        };
        let zone = zone.map(|hours| Zone { offset: hours * 3600, changes: Vec::new() });
        let config = Config { zone, ..Config::default() };
        // The second goes like the first.
        let input = format!("{record}\n{record}\n");
        let short = run(&[input.as_bytes()], &config);
        let drop = vec!["extra.not-there".to_owned()];
        let long = run(&[input.as_bytes()], &Config { drop, ..config.clone() });
        prop_assert_eq!(String::from_utf8(short.output.clone()), String::from_utf8(long.output.clone()));
        prop_assert_eq!(&short, &long);
        let filtered = run(&[input.as_bytes()], &Config { filter: Some("start_ms >= 0 or not exists start_ms".into()), ..config.clone() });
        prop_assert_eq!(&short, &filtered);
        // Within a string no block is read behind it.
        let wrapped = serde_json::json!({ "content": record }).to_string();
        let wrapped = run(&[wrapped.as_bytes()], &config);
        prop_assert_eq!(&wrapped.output[..], &short.output[..short.output.len() / 2]);

        let first = if form < 3 { column(a) } else { a.clone() };
        if first.parse::<u128>().is_ok() && form < 6 {
            let made = short.output.split(|b| *b == b'\n').next().unwrap();
            match (expected(&first, units), serde_json::from_slice::<serde_json::Value>(made)) {
                (Some((ms, own)), Ok(made)) => {
                    prop_assert_eq!(&made["start_ms"], &serde_json::json!(ms));
                    let key = if key.is_empty() { "start" } else { key };
                    prop_assert_eq!(made["extra"].get(key).is_some(), !own, "{}", made);
                }
                // The other time may be none.
                (expected, made) => {
                    prop_assert!(made.is_err());
                    prop_assert_eq!(short.rejects.len(), 2);
                    let field = if short.rejects[0].4.contains("end") { b } else { a };
                    prop_assert!(expected.is_none() || field == b, "{:?}", short.rejects);
                }
            }
        }
    }
}

/// An array with the name of an envelope's is looked at again and again in what is a record.
#[test]
fn arrays_in_a_record_take_no_more_time_each() {
    let head = "{\"eni-id\":\"eni-1\",\"vm-id\":\"y\",\"vswitch-id\":\"z\",\"srcaddr\":\"10.0.0.1\",\"dstaddr\":\"10.0.0.2\"";
    let input = format!("{head}{}}}", ",\"logs\":[{}]".repeat(60_000));
    let made = run(&[input.as_bytes()], &Config::default());
    assert_eq!((made.normalized, made.elements), (1, 1), "{:?}", made.rejects);
}

/// A line in a string, with blank lines around it.
#[test]
fn blank_lines_around_a_line_in_a_string_are_none() {
    let plain = run(&[LINE.as_bytes()], &Config::default());
    for (before, behind) in
        [("", "\\n "), ("", "\\n\\t\\r\\n"), (" \\n", ""), ("\\n", " \\n \\n"), ("", "\\n")]
    {
        let input = format!("{{\"message\":\"{before}{LINE}{behind}\"}}");
        let made = run(&[input.as_bytes()], &Config::default());
        assert_eq!((made.output, made.rejects), (plain.output.clone(), vec![]), "{input}");
    }
}

/// Elements around the limit, in envelopes and out of them, with cuts near their ends.
#[test]
fn long_records_are_cut_the_same_way_everywhere() {
    for len in
        [limits::RECORD - 1, limits::RECORD, limits::RECORD + 1, limits::RECORD + 2, 3 * limits::RECORD]
    {
        let inputs = [
            format!("{LINE}\n{}\r\n{LINE}\n", "x".repeat(len)),
            format!("{LINE}\n{}", " ".repeat(len)),
            format!("{{\"a\":\"{}\"}}\n{LINE}\n", "x".repeat(len - 8)),
            format!(
                "{{\"logs\":[{{\"a\":\"{}\"}},{{\"content\":\"{LINE}\"}}],\"b\":1}}{LINE}",
                "x".repeat(len - 8)
            ),
            format!("{{\"a\":{}\n{{\"content\":\"{LINE}\"}}", " ".repeat(len - 5)),
            format!("{{\"a\":\"{}\",\"logs\":[{{\"content\":\"{LINE}\"}}]}}", "x".repeat(len - 8)),
            format!("[{}]", "1,".repeat(limits::BATCH_RECORDS * 2)),
        ];
        for input in inputs {
            let input = input.as_bytes();
            let config = Config { keep_envelope: true, ..Config::default() };
            let whole = run(&[input], &config);
            assert_eq!(whole.consumed, input.len() as u64);
            for (_, offset, length, raw, _) in &whole.rejects {
                let kept = if *length > limits::RECORD as u64 { limits::RAW_PREFIX as u64 } else { *length };
                assert_eq!(raw[..], input[*offset as usize..(*offset + kept) as usize]);
            }
            let line_break = input.windows(2).position(|pair| pair == b"\r\n").unwrap_or_default();
            let halves = input.split_at(line_break + 1);
            assert!(run(&[halves.0, halves.1], &config) == whole, "{len}, in the middle of a line break");
            for size in [4096, 65_536, limits::RECORD - 1, limits::RECORD + 7] {
                let pieces: Vec<&[u8]> = input.chunks(size).collect();
                assert!(
                    run(&pieces, &config) == whole,
                    "{len} in pieces of {size}: {}",
                    &String::from_utf8_lossy(input)[..80]
                );
            }
        }
    }
}

/// Many records in one string must not make output without bound.
#[test]
fn an_element_with_too_many_records_is_rejected_once() {
    let few = format!("{{\"message\":\"{}\"}}\n", "bad\\n".repeat(1000));
    assert_eq!(run(&[few.as_bytes()], &Config::default()).rejects.len(), 1000);
    let many = format!("{{\"message\":\"{LINE}\\n{}\"}}\n{LINE}\n", "bad\\n".repeat(100_000));
    let made = run(&[many.as_bytes()], &Config::default());
    assert_eq!((made.rejects.len(), made.normalized), (1, 1));
    assert!(made.rejects[0].4.contains("split it"), "{}", made.rejects[0].4);
}

/// A reason is for people, whatever the record is like.
#[test]
fn reasons_are_short() {
    let long = "k".repeat(100_000);
    for input in [
        format!("{{\"{long}\":1}}"),
        format!("{{\"error_code\":\"{long}\",\"error_msg\":\"{long}\"}}"),
        long.clone(),
    ] {
        let made = run(&[input.as_bytes()], &Config::default());
        assert_eq!(made.rejects.len(), 1);
        assert!(made.rejects[0].4.len() <= limits::REASON, "{}", made.rejects[0].4.len());
    }
}

/// An envelope's metadata counts for all of its records if it ends soon enough, and for none
/// that came before it if not; batches alter nothing.
#[test]
fn metadata_behind_the_records_is_looked_ahead_for() {
    let item = format!("{{\"content\":\"{LINE}\"}}");
    for (records, kept) in [(100, true), (5000, true), (20_000, false)] {
        let body = format!("{{\"logs\":[{}],\"nextMarker\":\"m\"}}", vec![item.as_str(); records].join(","));
        let config = Config { keep_envelope: true, ..Config::default() };
        let whole = run(&[body.as_bytes()], &config);
        assert_eq!(whole.normalized as usize, records);
        let text = String::from_utf8(whole.output.clone()).unwrap();
        let with = text.matches("\"envelope\":{\"nextMarker\":\"m\"}").count();
        assert_eq!(with, if kept { records } else { 0 });
        let pieces: Vec<&[u8]> = body.as_bytes().chunks(10_007).collect();
        assert!(run(&pieces, &config) == whole);
    }
}

/// Of a long key only the end is at hand where a batch ended in it.
#[test]
fn a_long_key_is_the_same_wherever_a_batch_ends() {
    let record = r#"{"srcaddr":"10.0.0.1","dstaddr":"10.0.1.2","bytes":1,"packets":1,"cen-id":"cen-1"}"#;
    let many = vec![record; limits::LOOK_AHEAD / record.len() + 2].join(",");
    let key = format!(",\"{}", "x".repeat(30));
    let line =
        "2 111122223333 eni-0abc1234 10.0.0.5 10.0.0.6 443 40000 6 3 180 1707305100 1707305160 ACCEPT OK";
    for end in [format!("meta\":{{\"highlights\":[{record}]}}}}\n"), format!("message\":\"{line}\"}}\n")] {
        let counts: Vec<_> = (20..25)
            .map(|pieces| {
                let envelope = format!("{{\"data\":[{many}]");
                let blanks = pieces * limits::PIECE - envelope.len() - key.len();
                let whole = format!("{envelope}{}{key}{end}", " ".repeat(blanks));
                let mut stream = Stream::new(&Config::default()).unwrap();
                let mut counts = (0, 0);
                let mut count = |_: &batch::Batch, made: &batch::Outcome| {
                    counts.0 += made.normalized;
                    counts.1 += batch::rejects(&made.rejects).count();
                };
                whole.as_bytes().chunks(limits::PIECE).for_each(|piece| stream.push(piece, &mut count));
                stream.finish(&mut count);
                counts
            })
            .collect();
        assert!(counts.iter().all(|c| *c == counts[0]), "{counts:?} {end}");
    }
}
