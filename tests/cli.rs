//! The command line as a user meets it: what comes out where, and the exit status.

use std::{
    fs,
    io::{BufRead, BufReader, Cursor, Read as _, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread,
};

use serde_json::{Value, json};

const LINE: &str = "1 5f67944957444bd6bb4fe3b367de8f3d 1d515d18-1b36-47dc-a983-bd6512aed4bd \
    192.168.0.154 192.168.3.25 38929 53 17 1 96 1548752136 1548752736 ACCEPT OK\n";

const FLAT: &str = "{\"provider\":\"huawei\",\"product\":\"vpc\",\"kind\":\"flow\",\
    \"start_ms\":1548752136000,\"end_ms\":1548752736000,\"src_ip\":\"192.168.0.154\",\"src_port\":38929,\
    \"dst_ip\":\"192.168.3.25\",\"dst_port\":53,\"protocol\":17,\"transport\":\"udp\",\"action\":\"accept\",\
    \"log_status\":\"ok\",\"packets\":1,\"bytes\":96,\"account_id\":\"5f67944957444bd6bb4fe3b367de8f3d\",\
    \"interface_id\":\"1d515d18-1b36-47dc-a983-bd6512aed4bd\"}\n";

/// The reader alone, with one other worker, and with several.
const JOBS: [&str; 3] = ["1", "2", "5"];

/// A directory for one test's files.
struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cli-{name}"));
        if path.exists() {
            fs::remove_dir_all(&path).unwrap();
        }
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// A path in it, as an argument.
    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path
    }
}

fn spawn(args: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_weir"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Runs `weir` to its end.
fn weir(args: &[&str], input: impl AsRef<[u8]>) -> Output {
    let mut child = spawn(args);
    let mut stdin = child.stdin.take().unwrap();
    let input = input.as_ref();
    thread::scope(|scope| {
        scope.spawn(move || {
            // Not every run reads its input.
            let _ = stdin.write_all(input);
        });
        child.wait_with_output().unwrap()
    })
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[track_caller]
fn status(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "stderr: {}", String::from_utf8_lossy(&output.stderr));
}

/// Runs it where it must succeed without a word, and gives its output.
#[track_caller]
fn normalize(args: &[&str], input: impl AsRef<[u8]>) -> Vec<u8> {
    let output = weir(&[&["normalize", "--summary", "none"], args].concat(), input);
    assert_eq!(text(&output.stderr), "");
    status(&output, 0);
    output.stdout
}

/// Runs it where it must fail, and gives its message.
#[track_caller]
fn fail(code: i32, args: &[&str], input: impl AsRef<[u8]>) -> String {
    let output = weir(args, input);
    status(&output, code);
    text(&output.stderr).to_owned()
}

/// A stream of different records, bad ones among them.
fn mixture(records: usize) -> String {
    let mut out = String::new();
    for i in 0..records {
        match i % 50 {
            7 => out.push_str(&format!("no record {i}\n")),
            8 => out.push('\n'),
            _ => out.push_str(&LINE.replace("38929", &(i % 65_536).to_string())),
        }
    }
    out
}

#[test]
fn a_line_is_normalized() {
    assert_eq!(text(&normalize(&[], LINE)), FLAT);
    assert_eq!(text(&normalize(&["-"], LINE)), FLAT);
    assert_eq!(text(&normalize(&["--native"], LINE)), FLAT);
    assert_eq!(text(&normalize(&["--from", "huawei-vpc"], LINE)), FLAT);
    assert_eq!(text(&normalize(&[], "")), "");
}

/// Where other limits hold for a process, the message says what to do.
#[cfg(target_os = "linux")]
#[test]
fn a_process_may_have_too_little_address_space() {
    let dir = Dir::new("address-space");
    let file = dir.write("line.log", LINE);
    let run = |more: &str| {
        let weir = env!("CARGO_BIN_EXE_weir");
        let script = format!("ulimit -v 4000000 && exec '{weir}' normalize --summary none {more} '{file}'");
        Command::new("sh").args(["-c", &script]).output().unwrap()
    };
    let failed = run("--jobs 1");
    assert_eq!(failed.status.code(), Some(1));
    let message = String::from_utf8(failed.stderr).unwrap();
    assert!(message.contains("each job takes 8 GiB of address space"), "{message}");
    assert_eq!(text(&run("--native --jobs 1").stdout), FLAT);
}

#[test]
fn files_are_read_in_order() {
    let dir = Dir::new("order");
    let one = dir.write("one", mixture(7));
    let two = dir.write("two", LINE.trim_end());
    let output = normalize(&[&one, "-", &two], LINE.repeat(2));
    assert_eq!(text(&output).lines().count(), 10);
    assert_eq!(output, [normalize(&[&one], ""), FLAT.repeat(3).into()].concat());
    let there = dir.path("there");
    assert_eq!(normalize(&["--output", &there, &two], ""), b"");
    assert_eq!(fs::read(&there).unwrap(), FLAT.as_bytes());
}

fn gzip(content: &str) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    out.write_all(content.as_bytes()).unwrap();
    out.finish().unwrap()
}

fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in members {
        out.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        out.write_all(content).unwrap();
    }
    out.finish().unwrap().into_inner()
}

#[test]
fn compressed_inputs_are_told_by_their_content() {
    let dir = Dir::new("compressed");
    let (one, two) = (LINE.repeat(500), LINE.repeat(300));
    let plain = FLAT.repeat(800);
    let zstd = |s: &str| zstd::encode_all(s.as_bytes(), 3).unwrap();
    let bzip2 = |s: &str| {
        let mut out = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        out.write_all(s.as_bytes()).unwrap();
        out.finish().unwrap()
    };
    let snappy = |s: &str| {
        let mut out = snap::write::FrameEncoder::new(Vec::new());
        out.write_all(s.as_bytes()).unwrap();
        out.into_inner().unwrap()
    };
    for (name, parts) in [
        ("gz", [gzip(&one), gzip(&two)]),
        ("zst", [zstd(&one), zstd(&two)]),
        ("bz2", [bzip2(&one), bzip2(&two)]),
        ("sz", [snappy(&one), snappy(&two)]),
    ] {
        let content = parts.concat();
        assert_eq!(text(&normalize(&[], &content)), plain, "{name}");
        let path = dir.write(&format!("{name}.log"), &content);
        assert_eq!(text(&normalize(&[&path], "")), plain, "{name}");
    }

    let archive = zip(&[("a.log", one.as_bytes()), ("b/c.gz", &gzip(&two)), ("bad", b"no record")]);
    let path = dir.write("archive", &archive);
    let rejects = dir.path("rejects");
    assert_eq!(text(&normalize(&[&path, "--rejects", &rejects], "")), plain);
    let reject: Value = serde_json::from_slice(&fs::read(&rejects).unwrap()).unwrap();
    assert_eq!(reject["file"], format!("{path}/bad"));
    let message = fail(1, &["normalize", "--summary", "none"], &archive);
    assert_eq!(
        message,
        "weir: <stdin>: a zip archive can only be read from a file of its own; unpack it first\n"
    );
    assert_eq!(text(&normalize(&[&dir.write("none.zip", zip(&[]))], "")), "");
}

/// With many files, in batches that different workers take.
#[test]
fn records_tell_which_input_they_are_from_and_where_in_it() {
    let dir = Dir::new("sources");
    let payload = json!({ "content": LINE.trim(), "labels": {} }).to_string();
    let lines = json!({ "message": LINE.repeat(3) }).to_string();
    // Each text, and the records in it; some span several batches.
    let long: Vec<_> = (0..9000).map(|i| (LINE.replace("38929", &(i % 65_536).to_string()), 1)).collect();
    let wrapped = vec![("{\"logs\":[".to_owned(), 0), (payload.clone(), 1), (",".into(), 0), (payload, 1)];
    let mixed =
        vec![(LINE.into(), 1), ("no record\n\n".into(), 0), (lines, 3), ("\n".into(), 0), (LINE.into(), 1)];
    let ended = [wrapped, vec![("]}\n".to_owned(), 0)]].concat();
    let content = |parts: &[(String, usize)]| parts.iter().map(|p| &*p.0).collect::<String>();
    let archive = zip(&[("a.log", content(&mixed).as_bytes()), ("b/\u{1b}[31m.gz", &gzip(&content(&ended)))]);
    let inputs = [
        dir.write("long.log", content(&long)),
        dir.write("mixed.log.gz", gzip(&content(&mixed))),
        dir.write("archive.zip", archive),
        dir.write("envelope.json", content(&ended)),
        "-".to_owned(),
    ];
    let members = [format!("{}/a.log", inputs[2]), format!("{}/b/\u{1b}[31m.gz", inputs[2])];
    let mut want = Vec::new();
    for (name, parts) in [
        (&inputs[0], &long),
        (&inputs[1], &mixed),
        (&members[0], &mixed),
        (&members[1], &ended),
        (&inputs[3], &ended),
        (&"<stdin>".to_owned(), &mixed),
    ] {
        let mut offset = 0;
        for (text, records) in parts {
            want.extend(vec![(name.clone(), offset); *records]);
            offset += text.len() as u64;
        }
    }
    let rejects = dir.path("rejects");
    let args = |more: &[&'static str]| {
        let files: Vec<_> = inputs.iter().map(String::as_str).collect();
        let run = [&["--rejects", &rejects, "--source-name"], more, &files].concat();
        normalize(&run, content(&mixed))
    };
    let first = args(&["--jobs", "1"]);
    let records: Vec<Value> = text(&first).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<_> = records
        .iter()
        .map(|r| (r["log_file"].as_str().unwrap().to_owned(), r["log_offset"].as_u64().unwrap()))
        .collect();
    assert!(told == want, "{:?}", told.iter().zip(&want).find(|(told, want)| told != want));
    // Rejects call inputs so, too.
    let names: Vec<_> = fs::read_to_string(&rejects)
        .unwrap()
        .lines()
        .map(|line| {
            let reject: Value = serde_json::from_str(line).unwrap();
            assert_eq!(reject["offset"], LINE.len());
            reject["file"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(names, [&*inputs[1], &*members[0], "<stdin>"]);

    for more in [&["--jobs", "4"][..], &["--native", "--jobs", "1"], &["--native", "--jobs", "4"]] {
        assert!(args(more) == first, "{more:?}");
    }
    let some: Vec<_> = text(&first).split_inclusive('\n').take(9002).collect();
    assert!(args(&["--limit", "9002"]) == some.concat().as_bytes());
    let rows = args(&["--to", "csv", "--jobs", "4"]);
    // No value of theirs has a comma.
    let mut rows = text(&rows).lines().map(|row| row.split(',').collect::<Vec<_>>());
    let names = rows.next().unwrap();
    let column = |name: &str| names.iter().position(|n| *n == name).unwrap();
    let (file, offset) = (column("log_file"), column("log_offset"));
    let told = rows.map(|row| (row[file].to_owned(), row[offset].parse().unwrap()));
    assert!(told.eq(want.iter().cloned()));
    // Nobody asked.
    let plain = normalize(&[&inputs[0]], "");
    assert!(!text(&plain).contains("log_file"));
}

#[test]
fn a_compressed_file_cut_short_fails_after_what_came_before() {
    let dir = Dir::new("cut");
    // Some members whole, and half of another.
    let input = mixture(30_000);
    for (name, how, whole) in
        [("gz", "gzip", gzip(&input)), ("zst", "Zstandard", zstd::encode_all(input.as_bytes(), 3).unwrap())]
    {
        let path = dir.write(name, [&whole[..], &whole[..whole.len() / 2]].concat());
        let output = weir(&["normalize", "--summary", "json", &path, "--rejects", &dir.path("rejects")], "");
        status(&output, 1);
        let (message, summary) = text(&output.stderr).split_once('\n').unwrap();
        assert_eq!(
            message,
            format!(
                "weir: {path}: the {how} data is cut short; what came before is done, fetch the file again"
            )
        );
        let summary: Value = serde_json::from_str(summary).unwrap();
        let normalized = summary["records"]["normalized"].as_u64().unwrap();
        assert_eq!(normalized, text(&output.stdout).lines().count() as u64);
        assert!(normalized > 28_800, "{normalized}");
        balance(&summary);
    }

    let mut damaged = gzip(&input);
    let middle = damaged.len() / 2;
    damaged[middle..middle + 64].fill(0xff);
    let message = fail(1, &["normalize", "--summary", "none", &dir.write("bad.gz", damaged)], "");
    assert!(message.contains("bad.gz: the gzip data is damaged ("), "{message}");
}

/// The last column of a line that is not whole may be the beginning of another number.
#[test]
fn half_a_line_of_a_damaged_input_is_no_record() {
    let dir = Dir::new("half");
    let input = "srcaddr dstaddr bytes\n10.0.0.1 10.0.0.2 51\n10.0.0.1 10.0.0.2 421244779\n";
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    out.write_all(input.as_bytes()).unwrap();
    let stored = out.finish().unwrap();
    let text_at = stored.windows(7).position(|bytes| bytes == b"srcaddr").unwrap();
    for (cut, layout) in [(4, false), (9, false), (1, false), (4, true)] {
        let end = text_at + input.len() - cut;
        let layout: &[&str] =
            if layout { &["--quote", "\"", "--layout", "srcaddr dstaddr bytes"] } else { &[] };
        let path = dir.write("half.gz", &stored[..end]);
        let rejects = dir.path("rejects");
        let output =
            weir(&[&["normalize", "--from", "aws-vpc", &path, "--rejects", &rejects], layout].concat(), "");
        status(&output, 1);
        assert_eq!(text(&output.stdout).lines().count(), 1, "{cut}");
        let rejects = std::fs::read_to_string(&rejects).unwrap();
        assert!(rejects.lines().any(|reject| reject.contains("\"code\":\"cut-short\"")), "{cut}: {rejects}");
    }
}

#[test]
fn a_window_over_the_limit_is_refused_and_one_within_it_is_not() {
    let compress = |window_log| {
        let mut out = zstd::Encoder::new(Vec::new(), 3).unwrap();
        out.window_log(window_log).unwrap();
        out.write_all(LINE.as_bytes()).unwrap();
        out.finish().unwrap()
    };
    assert_eq!(text(&normalize(&[], compress(23))), FLAT);
    let message = fail(1, &["normalize", "--summary", "none"], compress(24));
    assert_eq!(
        message,
        "weir: <stdin>: the Zstandard data needs a window over 8 MiB; unpack it with `zstd -d` first\n"
    );
}

#[test]
fn unreadable_inputs_are_told_before_anything_is_written() {
    let dir = Dir::new("missing");
    let (missing, output) = (dir.path("missing.log"), dir.path("output"));
    let there = dir.write("there", LINE);
    // A single one, several, and the first of them where that ends the run.
    for args in [&[&missing][..], &[&missing, &missing], &[&there, &missing, &"--fail-fast".into()]] {
        let args =
            [&["normalize", "--output", &output], &args.iter().map(|a| a.as_str()).collect::<Vec<_>>()[..]];
        let message = fail(1, &args.concat(), "");
        assert!(message.starts_with(&format!("weir: {missing}: can't read: ")), "{message}");
        assert!(message.ends_with("; check the path\n"), "{message}");
        assert!(!Path::new(&output).exists());
    }
    let message = fail(1, &["explain", &dir.path("")], "");
    assert!(message.ends_with("; name the files in it\n"), "{message}");
    let message = fail(1, &["normalize", &there, "--output", &dir.path("no/such/directory")], "");
    assert!(message.contains("no/such/directory: can't create: "), "{message}");
}

#[test]
fn outputs_are_compressed_as_their_names_say() {
    let dir = Dir::new("packed");
    let input = dir.write("input", mixture(5000));
    let plain = normalize(&[&input, "--rejects", &dir.path("plain")], "");
    let rejects = fs::read(dir.path("plain")).unwrap();
    let unpack = |path: &str| {
        let file = fs::File::open(path).unwrap();
        let mut content = Vec::new();
        match path.ends_with(".gz") {
            // A single member, which is whole.
            true => flate2::read::GzDecoder::new(file).read_to_end(&mut content).unwrap(),
            false => zstd::Decoder::new(file).unwrap().read_to_end(&mut content).unwrap(),
        };
        content
    };
    let foreign = dir.write("foreign", b"PAR1\x15\x04\x15\x10");
    for ending in ["gz", "zst"] {
        let (output, kept) = (dir.path(&format!("out.{ending}")), dir.path(&format!("rejects.{ending}")));
        assert_eq!(normalize(&[&input, "-o", &output, "--rejects", &kept], ""), b"");
        assert!(unpack(&output) == plain && unpack(&kept) == rejects, "{ending}");
        assert!(fs::metadata(&output).unwrap().len() * 4 < plain.len() as u64);
        // Also what is written in front of a failure is whole, and an empty output is one.
        status(&weir(&["normalize", "--fail-fast", &input, &foreign, "-o", &output], ""), 1);
        assert!(unpack(&output) == plain, "{ending}");
        normalize(&["-o", &output], "");
        assert_eq!(unpack(&output), b"");
    }
    let message = fail(2, &["normalize", &input, "-o", &dir.path("out.bz2")], "");
    assert!(message.contains("out.bz2: can't write what .bz2 stands for; choose .gz, .zst"), "{message}");
    // Nor are JSON lines written to a name that promises something else, unless they are asked for.
    for (name, args, hint) in [
        ("x.arrow", &[][..], "ends in .arrows"),
        ("x.feather", &[], "ends in .arrows"),
        ("x.tsv", &[], "name a .csv"),
        ("x.TSV.gz", &[], "name a .csv"),
        ("x.xlsx", &["--to", "ocsf"], "name a .csv"),
        ("x.orc", &[], "name a .parquet"),
    ] {
        let path = dir.path(name);
        let message = fail(2, &[&["normalize", &input, "-o", &path], args].concat(), "");
        assert!(message.contains(&format!("{path}: ")) && message.contains(hint), "{message}");
        assert!(!Path::new(&path).exists());
    }
    for args in [["--to", "flat"], ["--to", "arrow"]] {
        status(&weir(&[&["normalize", &input, "-o", &dir.path("y.arrow")], &args[..]].concat(), ""), 0);
    }
}

#[test]
fn a_limit_ends_the_run_behind_its_last_record() {
    let dir = Dir::new("limit");
    let input = mixture(20_000);
    let path = dir.write("input", &input);
    let all = normalize(&[&path, "--rejects", "/dev/null"], "");
    let run = |args: &[&str], input: &str| {
        let rejects = dir.path("rejects");
        let args = [&["normalize", "--summary", "json", "--rejects", &rejects], args].concat();
        let output = weir(&args, input);
        status(&output, 0);
        let mut summary: Value = serde_json::from_slice(&output.stderr).unwrap();
        balance(&summary);
        summary["seconds"].take();
        (text(&output.stdout).to_owned(), fs::read_to_string(&rejects).unwrap(), summary)
    };
    for limit in [1, 7, 8, 3000, 19_199, 19_200, 50_000] {
        let number = limit.to_string();
        let first: Vec<_> = text(&all).split_inclusive('\n').take(limit).collect();
        let (output, rejects, summary) = run(&[&path, "--limit", &number], "");
        assert!(output == first.concat(), "{limit}");
        assert_eq!(summary["records"]["normalized"], first.len());
        // What is behind is not read, so that the account is that of the beginning alone.
        let length = summary["bytes"]["in"].as_u64().unwrap() as usize;
        let last = if limit < 19_200 { input[..length].lines().last().unwrap() } else { LINE.trim_end() };
        assert!(
            last.ends_with("ACCEPT OK") && (limit > 19_200 || !input[..length].ends_with('\n')),
            "{limit}"
        );
        assert_eq!(rejects.lines().count(), input[..length].matches("no record").count());
        for args in [&["--jobs", "5"][..], &["--native"]] {
            let args = [&[path.as_str(), "--limit", &number], args].concat();
            assert!(
                run(&args, "") == (output.clone(), rejects.clone(), summary.clone()),
                "{limit}, {args:?}"
            );
        }
    }

    // Filtered records don't count; several inputs do, together.
    let (output, _, summary) = run(&["--limit", "2", "--where", "src_port in {20, 30, 40}", &path], "");
    assert_eq!(output.lines().count(), 2);
    // Up to port 30, but for a bad line and a blank one.
    assert_eq!(summary["records"]["filtered"], 27);
    let (one, two) = (dir.write("one", LINE.repeat(2)), dir.write("two", LINE.repeat(2)));
    let (output, _, summary) = run(&["--limit", "3", &one, &two, &path], "");
    assert_eq!((output, &summary["inputs"]["in"]), (FLAT.repeat(3), &json!(2)));

    // The second text holds several records, all of which are read with the first of them.
    let firehose = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus/aws-vpc/ok/firehose.json");
    let whole = fs::read_to_string(firehose.with_added_extension("ndjson")).unwrap();
    let (output, _, summary) = run(&["--limit", "2", firehose.to_str().unwrap()], "");
    assert_eq!(output, whole.split_inclusive('\n').take(2).collect::<String>());
    assert_eq!(summary["records"], json!({"in": 3, "normalized": 2, "filtered": 1, "rejected": 0}));
    assert_eq!(summary["by_product"], json!({"aws-vpc": 2}));

    // An input that goes on is not waited for.
    let mut child = spawn(&["normalize", "--limit", "1"]);
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(LINE.repeat(2).as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    status(&output, 0);
    assert_eq!(output.stdout, FLAT.as_bytes());
    assert!(
        std::str::from_utf8(&output.stderr)
            .unwrap()
            .contains("--limit 1 is reached; what follows was not read")
    );
    drop(stdin);
}

#[test]
fn flat_records_may_be_rows() {
    let dir = Dir::new("csv");
    let input = dir.write("input", mixture(2000));
    let run = |args: &[&str]| normalize(&[&[input.as_str(), "--rejects", "/dev/null"], args].concat(), "");
    let (rows, records) = (run(&["--to", "csv"]), run(&[]));
    let (names, rows) = text(&rows).split_once('\n').unwrap();
    let names: Vec<_> = names.split(',').collect();
    assert_eq!((names[0], names[names.len() - 1]), ("provider", "extra"));
    // No value of these has a comma or a quote.
    for (row, record) in rows.lines().zip(text(&records).lines()) {
        let record: Value = serde_json::from_str(record).unwrap();
        for (name, value) in names.iter().zip(row.split(',')) {
            let expected = match &record[*name] {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            assert_eq!(value, expected, "{name}");
        }
    }
    assert_eq!(rows.lines().count(), text(&records).lines().count());
    assert_eq!(text(&normalize(&["--to", "csv"], "")).trim_end(), names.join(","));
    for (args, part) in [
        (&["normalize", "--to", "csv", "--pretty"][..], "a table can't be indented"),
        (&["normalize", "--pretty", "-o", "x.csv"], "a table can't be indented"),
        (&["explain", "--to", "csv", LINE], "only `weir normalize` writes tables"),
        (&["bake", "fluent-bit", "--to", "csv", "-o", "x"], "only `weir normalize` writes tables"),
        (
            &["normalize", "--to", "xml"],
            "[possible values: flat, ocsf, ecs, otel, csv, parquet, arrow, ocsf-parquet]",
        ),
        (
            &["schema", "--to", "xml"],
            "[possible values: flat, ocsf, ecs, otel, csv, parquet, arrow, ocsf-parquet]",
        ),
        (&["schema", "--to", "parquet", "--ddl", "duckbd"], "a similar value exists: 'duckdb'"),
    ] {
        let message = fail(2, args, "");
        assert!(message.contains(part), "{message}");
    }
}

/// As those expect whose tools tell what a file is by its name.
#[test]
fn rows_are_written_to_files_that_are_named_so() {
    let dir = Dir::new("named-csv");
    let rows = normalize(&["--to", "csv"], LINE);
    for (name, args, is_rows) in [
        ("a.csv", &[][..], true),
        ("a.CSV", &[], true),
        ("a.csv.zst", &[], true),
        ("a.csv.gz", &[], true),
        ("b.csv", &["--to", "flat"], false),
        ("a.jsonl", &[], false),
        ("csv", &[], false),
        ("a.csv.jsonl", &[], false),
        ("a.arrow", &["--to", "flat"], false),
    ] {
        let path = dir.path(name);
        normalize(&[&["-o", &path], args].concat(), LINE);
        let mut content = fs::read(&path).unwrap();
        if name.ends_with(".zst") {
            content = zstd::decode_all(&content[..]).unwrap();
        } else if name.ends_with(".gz") {
            let packed = std::mem::take(&mut content);
            flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut content).unwrap();
        }
        assert_eq!(text(&content), if is_rows { text(&rows) } else { FLAT }, "{name}");
    }
    let path = dir.path("a.parquet");
    normalize(&["-o", &path], LINE);
    assert!(fs::read(&path).unwrap().starts_with(b"PAR1"));
}

#[test]
fn people_may_have_it_pretty() {
    for schema in ["flat", "ocsf", "ecs", "otel"] {
        let args = ["--to", schema, "--observed-at", "0"];
        let plain: Value = serde_json::from_slice(&normalize(&args, LINE)).unwrap();
        let pretty = normalize(&[&args[..], &["--pretty"]].concat(), LINE);
        assert!(text(&pretty).starts_with("{\n  \"") && pretty.ends_with(b"\n}\n"), "{}", text(&pretty));
        assert_eq!(serde_json::from_slice::<Value>(&pretty).unwrap(), plain);
    }
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args(["-s", name, &child.id().to_string()]).status();
    assert!(status.unwrap().success());
}

/// Sends SIGUSR1, and gives the account that comes.
fn account(child: &Child, stderr: &mut impl BufRead) -> Value {
    signal(child, "USR1");
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    let summary = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{line}: {e}"));
    balance(&summary);
    summary
}

/// What is whole comes out, half a line does not, and the account is of what came out.
#[test]
fn a_stream_is_told_to_end() {
    for (name, jobs) in ["TERM", "INT"].iter().flat_map(|name| JOBS.map(|jobs| (name, jobs))) {
        let mut child = spawn(&["normalize", "--summary", "json", "--jobs", jobs]);
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(LINE.repeat(3).as_bytes()).unwrap();
        stdin.write_all(&LINE.as_bytes()[..140]).unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        stdout.read_line(&mut first).unwrap();
        signal(&child, name);
        let output = child.wait_with_output().unwrap();
        status(&output, 0);
        let mut rest = String::new();
        stdout.read_to_string(&mut rest).unwrap();
        assert_eq!(first + &rest, FLAT.repeat(3));
        let summary: Value = serde_json::from_slice(&output.stderr).unwrap();
        balance(&summary);
        assert_eq!((&summary["records"]["in"], &summary["bytes"]["in"]), (&json!(3), &json!(3 * LINE.len())));
        drop(stdin);
    }
}

/// Whoever waits for all of a file must not take its beginning for it.
#[test]
fn a_run_over_a_file_that_is_told_to_end_says_so() {
    let dir = Dir::new("told");
    let records = 300_000;
    let path = dir.write("input", LINE.repeat(records));
    for (name, code) in [("TERM", 143), ("INT", 130)] {
        let mut child = spawn(&["normalize", "--summary", "json", &path]);
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        // The output is full, so the run waits.
        let mut out = String::new();
        stdout.read_line(&mut out).unwrap();
        signal(&child, name);
        stdout.read_to_string(&mut out).unwrap();
        let output = child.wait_with_output().unwrap();
        status(&output, code);
        let (summary, message) = text(&output.stderr).split_once('\n').unwrap();
        let told = format!("weir: SIG{name}: the run was told to end before its files were read; ");
        assert!(message.starts_with(&told), "{message}");
        let summary: Value = serde_json::from_str(summary).unwrap();
        balance(&summary);
        let count = out.lines().count();
        assert!(count < records && summary["records"]["normalized"] == count, "{count}: {summary}");
        assert!(out == FLAT.repeat(count));
    }
}

#[test]
fn a_second_signal_ends_at_once() {
    let dir = Dir::new("at-once");
    let path = dir.write("input", LINE.repeat(100_000));
    let mut child = spawn(&["normalize", &path]);
    let mut first = [0];
    // Nobody reads what follows, so the run can't end.
    child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    signal(&child, "TERM");
    signal(&child, "INT");
    let code = child.wait().unwrap().code();
    assert!(code == Some(143) || code == Some(130), "{code:?}");
}

#[test]
fn the_account_is_told_when_asked_for() {
    let mut child = spawn(&["normalize", "--summary", "json"]);
    let mut stdin = child.stdin.take().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    for records in 1..4 {
        stdin.write_all(LINE.as_bytes()).unwrap();
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        assert_eq!(account(&child, &mut stderr)["records"]["normalized"], records);
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());

    let mut child = spawn(&["normalize", "--summary", "json", "--summary-every", "10ms"]);
    let stdin = child.stdin.take();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    for line in stderr.lines().take(3) {
        balance(&serde_json::from_str(&line.unwrap()).unwrap());
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
    let message = fail(2, &["normalize", "--summary-every", "60"], "");
    assert!(message.contains("give a time with its unit, such as 60s or 5m"), "{message}");
}

/// As what rotates logs asks for it.
#[test]
fn outputs_are_reopened() {
    let unpack = |path: &str| {
        let content = fs::read(path).unwrap();
        let mut plain = String::new();
        match path.contains(".gz") {
            true => flate2::read::MultiGzDecoder::new(&content[..]).read_to_string(&mut plain).unwrap(),
            false => (&content[..]).read_to_string(&mut plain).unwrap(),
        };
        plain
    };
    for ending in ["jsonl", "jsonl.gz"] {
        let dir = Dir::new(&format!("reopened-{ending}"));
        let (output, rejects) = (dir.path(&format!("out.{ending}")), dir.path(&format!("rejects.{ending}")));
        let (old, old_rejects) =
            (dir.path(&format!("out.1.{ending}")), dir.path(&format!("rejects.1.{ending}")));
        let mut child = spawn(&["normalize", "--summary", "json", "-o", &output, "--rejects", &rejects]);
        let mut stdin = child.stdin.take().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut until = |child: &Child, done: &dyn Fn(&Value) -> bool| {
            let is_done = (0..10_000).any(|_| done(&account(child, &mut stderr)));
            assert!(is_done, "{ending}");
        };
        stdin.write_all(format!("{LINE}bad\n").as_bytes()).unwrap();
        // Signals are listened for before anything is opened.
        while !Path::new(&rejects).exists() {
            assert_eq!(child.try_wait().unwrap(), None);
            thread::yield_now();
        }
        until(&child, &|summary| summary["records"]["in"] == 2);
        fs::rename(&output, &old).unwrap();
        fs::rename(&rejects, &old_rejects).unwrap();
        signal(&child, "HUP");
        until(&child, &|_| Path::new(&rejects).exists());
        // What has been ended is whole already.
        assert_eq!(unpack(&old), FLAT);
        // Without a rename what is there is kept.
        signal(&child, "HUP");
        stdin.write_all(format!("{LINE}{LINE}worse\n").as_bytes()).unwrap();
        until(&child, &|summary| summary["records"]["in"] == 5);
        signal(&child, "HUP");
        drop(stdin);
        assert!(child.wait().unwrap().success());
        assert_eq!(unpack(&output), FLAT.repeat(2), "{ending}");
        assert!(unpack(&old_rejects).contains("\"raw\":\"bad\""));
        assert!(unpack(&rejects).contains("\"raw\":\"worse\"") && unpack(&rejects).lines().count() == 1);
    }
}

#[test]
fn a_run_is_as_quiet_or_verbose_as_asked() {
    let dir = Dir::new("quiet");
    let (plain, packed, bad) =
        (dir.write("plain", LINE), dir.write("packed", gzip(LINE)), dir.write("bad", "bad\n"));
    let output = weir(&["normalize", "-q", &plain, &packed, &bad], "");
    status(&output, 0);
    assert_eq!((text(&output.stdout), text(&output.stderr)), (&*FLAT.repeat(2), ""));
    // Errors are told all the same.
    let message = fail(3, &["normalize", "--quiet", &bad], "");
    assert!(
        message.starts_with("weir: no record could be read") && message.lines().count() == 1,
        "{message}"
    );
    let output = weir(&["normalize", "-v", "--summary", "none", &plain, &packed, "-"], "");
    let told = format!("weir: reading {plain}\nweir: reading {packed} as gzip\nweir: reading <stdin>\n");
    assert_eq!(text(&output.stderr), told);
    fail(2, &["normalize", "-q", "-v"], "");
}

#[test]
fn defaults_come_from_the_environment() {
    let dir = Dir::new("environment");
    let path = dir.write("input", LINE);
    let run = |name: &str, value: &str, args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
        command.args(["normalize", &path]).args(args).env(name, value).output().unwrap()
    };
    assert_eq!(text(&run("WEIR_SUMMARY", "none", &[]).stderr), "");
    assert!(text(&run("WEIR_SUMMARY", "none", &["--summary", "json"]).stderr).starts_with('{'));
    let output = run("WEIR_JOBS", "none", &[]);
    assert!(output.status.code() == Some(2) && text(&output.stderr).contains("'none'"));
    status(&run("WEIR_JOBS", "none", &["--jobs", "1"]), 0);
    assert_eq!(run("WEIR_TIMEZONE", "Nowhere/At_All", &[]).status.code(), Some(2));
}

/// As those expect who search with ripgrep: in order, without what is hidden, and without links.
#[test]
fn folders_and_patterns_are_read() {
    let dir = Dir::new("folders");
    let line = |port: u16| LINE.replace("38929", &port.to_string());
    for folder in ["logs/b/deep", "logs/.hidden", "logs/_weir", "logs/_rejects", "empty"] {
        fs::create_dir_all(dir.path(folder)).unwrap();
    }
    for (name, port) in [
        ("logs/b/deep/z.gz", 3),
        ("logs/a.log", 1),
        ("logs/b/b.log", 2),
        ("logs/c.gz", 4),
        ("logs/.hidden/x.gz", 99),
        ("logs/_weir/x.gz", 99),
        ("logs/_rejects/x.gz", 99),
        ("logs/.x.gz", 99),
        ("logs/odd[1].log", 5),
    ] {
        dir.write(name, line(port));
    }
    // More ways through these than anybody could go.
    for link in ["logs/loop", "logs/b/loop", "logs/b/deep/loop"] {
        std::os::unix::fs::symlink(dir.path("logs"), dir.path(link)).unwrap();
    }
    std::os::unix::fs::symlink(dir.path("logs/a.log"), dir.path("logs/link.gz")).unwrap();
    let ports = |args: &[&str]| -> Vec<u64> {
        let args: Vec<_> = args.iter().map(|name| dir.path(name)).collect();
        let output = normalize(&args.iter().map(String::as_str).collect::<Vec<_>>(), "");
        let port = |line: &str| serde_json::from_str::<Value>(line).unwrap()["src_port"].as_u64().unwrap();
        text(&output).lines().map(port).collect()
    };
    assert_eq!(ports(&["logs"]), [1, 2, 3, 4, 5]);
    assert_eq!(ports(&["logs/b/", "logs/a.log"]), [2, 3, 1]);
    // What is named is read, also through a link.
    assert_eq!(ports(&["logs/link.gz", "logs/b/deep/loop/b", "logs/.x.gz"]), [1, 2, 3, 99]);
    assert_eq!(ports(&["logs/*.log"]), [1, 5]);
    assert_eq!(ports(&["logs/b/**/*.gz"]), [3]);
    assert_eq!(ports(&["logs/?.gz", "logs/odd[1].log"]), [4, 5]);
    assert_eq!(ports(&["lo[f-h]s/[a-b]*"]), [1, 2, 3]);
    assert_eq!(ports(&["logs/**/[bz]*.*"]), [2, 3]);
    assert_eq!(ports(&["logs/link*"]), [1]);
    // Beside the process.
    let mut here = Command::new(env!("CARGO_BIN_EXE_weir"));
    here.args(["normalize", "--summary", "none", "*.log", "b/d*"]).current_dir(dir.path("logs"));
    assert_eq!(text(&here.output().unwrap().stdout).lines().count(), 3);

    let (pattern, empty, wrong) = (dir.path("logs/*.zst"), dir.path("empty"), dir.path("logs/***"));
    for (args, told) in [
        (&pattern, "logs/*.zst: no file matches this pattern; check it with `ls`"),
        (&empty, "empty: there is no file in this folder, but for hidden files and links;"),
        (&wrong, "logs/***: this is neither a file nor a pattern: "),
    ] {
        let message = fail(1, &["normalize", args], "");
        assert!(message.contains(told), "{message}");
        // It stops the others no more than a file does.
        let output = weir(&["normalize", "--summary", "none", args, &dir.path("logs/a.log")], "");
        status(&output, 1);
        assert_eq!(text(&output.stdout).lines().count(), 1);
    }
    let message = fail(2, &["normalize", &dir.path("logs"), "-o", &dir.path("logs/a.log")], "");
    assert!(message.contains("this is an input, so --output can't be written there"), "{message}");
}

/// Each is told and counted, and the exit status says it.
#[test]
fn a_bad_input_does_not_stop_the_others() {
    let dir = Dir::new("others");
    let (one, two, missing) = (dir.write("one", LINE), dir.write("two", LINE.repeat(2)), dir.path("missing"));
    let whole = gzip(&mixture(30_000));
    let cut = dir.write("cut.gz", &whole[..whole.len() / 2]);
    let foreign = dir.write("foreign", b"PAR1\x15\x04\x15\x10");
    let mut damaged =
        zip(&[("a", LINE.as_bytes()), ("b", LINE.repeat(9).as_bytes()), ("c", LINE.as_bytes())]);
    // The second member's own header is none any more.
    let headers: Vec<_> =
        damaged.windows(4).enumerate().filter(|(_, w)| *w == b"PK\x03\x04").map(|(at, _)| at).collect();
    damaged[headers[1]] = b'?';
    let archive = dir.write("archive.zip", damaged);
    let rejects = dir.path("rejects");
    let args = ["normalize", "--summary", "json", "--rejects", &rejects];
    for jobs in JOBS {
        let inputs = [&one, &cut, &missing, &foreign, &archive, &two].map(String::as_str);
        let output = weir(&[&args[..], &["--jobs", jobs], &inputs[..]].concat(), "");
        status(&output, 1);
        let told: Vec<_> = text(&output.stderr).lines().collect();
        for (line, part) in [
            (0, "missing: can't read: "),
            (1, "cut.gz: the gzip data is cut short; what came before is done"),
            (2, "foreign: the Parquet file is damaged (it is cut short)"),
            (3, "archive.zip: can't read the zip archive: "),
            (5, "weir: 4 of 8 inputs could not be read to their end, as told above; the others are done"),
        ] {
            assert!(told[line].contains(part), "{part}: {told:?}");
        }
        assert_eq!(told.len(), 6, "{told:?}");
        let summary: Value = serde_json::from_str(told[4]).unwrap();
        balance(&summary);
        assert_eq!(summary["inputs"], json!({"in": 8, "failed": 4}));
        let records = text(&output.stdout);
        assert_eq!(records.lines().count() as u64, summary["records"]["normalized"].as_u64().unwrap());
        assert!(records.starts_with(FLAT) && records.ends_with(&FLAT.repeat(4)));

        let output = weir(&[&args[..], &["--jobs", jobs, "--fail-fast", &one, &cut, &two]].concat(), "");
        status(&output, 1);
        let told: Vec<_> = text(&output.stderr).lines().collect();
        assert!(told.len() == 2 && told[1].contains("cut.gz: the gzip data is cut short"), "{told:?}");
        let summary: Value = serde_json::from_str(told[0]).unwrap();
        assert_eq!(summary["inputs"], json!({"in": 2, "failed": 1}));
        assert!(!text(&output.stdout).ends_with(&FLAT.repeat(2)));
    }
    let output = weir(&["normalize", "--summary", "human", &missing, &one], "");
    assert!(text(&output.stderr).lines().any(|line| line == "failed inputs: 1 of 2"));

    let output = weir(&["explain", &missing, &one], "");
    status(&output, 1);
    assert!(text(&output.stderr).starts_with(&format!("weir: {missing}: can't read: ")));
    assert!(text(&output.stdout).contains("product: huawei-vpc"));
    // Also of a damaged input, what came before is worth explaining.
    let whole = gzip(&mixture(2000));
    let output = weir(&["explain", &dir.write("short.gz", &whole[..whole.len() / 2])], "");
    status(&output, 1);
    assert!(text(&output.stderr).contains("cut short") && text(&output.stdout).contains("record 2"));
}

#[test]
fn wrong_usage_ends_with_2() {
    let dir = Dir::new("usage");
    let wasm = dir.path("guest.wasm");
    for (args, part) in [
        (&["normalise"][..], "'normalize'"),
        (&["normalize", "--form", "x"], "a similar argument exists: '--from'"),
        (&["normalize", "--max-rejects", "some"], "give a number of records, such as 100, or a share"),
        (&["normalize", "--jobs", "0"], "0 is not in 1..=1024"),
        (&["normalize", "--guest-deadline", "0"], "give seconds between 0.01 and 3600"),
        (&["normalize", "--native", "--plugin", &wasm], "cannot be used with"),
        (&["normalize", "--drop", "host", "--keep-raw"], "leave --keep-raw out"),
        (&["normalize", "--mask", "src_ip/24", "--keep-envelope"], "leave --keep-envelope out"),
        (&["normalize", "--where", "exists extra.az-id"], "stands in quotes: extra.\"az-id\""),
        (&["normalize", "--from", "huawei-vcp"], "a similar value exists: 'huawei-vpc'"),
        (&["normalize", "--from", "x"], "huawei-vpc, huawei-er,"),
        (&["formats", "huawei-efw"], "a similar value exists: 'huawei-cfw'"),
        (&["explain", "--to", "osf"], "a similar value exists: 'ocsf'"),
        (&["normalize", "--where", ""], "it is empty; leave it out to let every record through"),
        (&["normalize", "--where", "dst_port in 22, 53"], "several values stand in braces: in {22, ..}"),
        (&["normalize", "--where", "src_ip in @samples/office.txt"], "in quotes: @\"samples/office.txt\""),
        (&["normalize", "--where", "bytes = 5"], "expected ==, which compares"),
        (&["normalize", "--where", "action == DENY"], "did you mean reject?"),
        (&["normalize", "--drop", "srcaddr"], "did you mean src_ip?"),
        (&[], "Usage: weir"),
    ] {
        let message = fail(2, args, "");
        assert!(message.contains(part), "{args:?}: {message}");
    }
}

#[test]
fn an_input_is_never_overwritten() {
    let dir = Dir::new("overlap");
    let input = dir.write("input", LINE);
    let link = dir.path("link");
    fs::hard_link(&input, &link).unwrap();
    for (option, path) in [("--output", &input), ("--output", &link), ("--rejects", &input)] {
        let message = fail(2, &["normalize", &input, option, path], "");
        assert!(
            message.contains(&format!("this is an input, so {option} can't be written there")),
            "{message}"
        );
        assert_eq!(fs::read(&input).unwrap(), LINE.as_bytes());
    }
    let both = dir.path("both");
    let message = fail(2, &["normalize", &input, "--output", &both, "--rejects", &both], "");
    assert!(message.contains("the same file"), "{message}");
}

#[test]
fn a_closed_output_ends_the_run_quietly() {
    let dir = Dir::new("closed");
    let path = dir.write("input", LINE.repeat(100_000));
    for jobs in JOBS {
        let mut child = spawn(&["normalize", &path, "--jobs", jobs]);
        let mut first = vec![0; FLAT.len()];
        let mut stdout = child.stdout.take().unwrap();
        stdout.read_exact(&mut first).unwrap();
        assert_eq!(text(&first), FLAT);
        drop(stdout);
        let output = child.wait_with_output().unwrap();
        assert_eq!(text(&output.stderr), "");
        status(&output, 0);
    }
}

#[test]
fn a_closed_output_ends_the_run_also_while_input_is_awaited() {
    for jobs in JOBS {
        let mut child = spawn(&["normalize", "--jobs", jobs]);
        let mut stdin = child.stdin.take().unwrap();
        drop(child.stdout.take());
        // Enough for some batches; then the input stays open and silent.
        let _ = stdin.write_all(LINE.repeat(10_000).as_bytes());
        let output = child.wait_with_output().unwrap();
        assert_eq!(text(&output.stderr), "");
        status(&output, 0);
        drop(stdin);
    }
}

#[test]
fn too_many_rejects_end_with_3() {
    let input = format!("{}bad\n", LINE.repeat(3));
    for (most, code) in [("0", 3), ("1", 0), ("24%", 3), ("25%", 0)] {
        let output = weir(&["normalize", "--summary", "none", "--max-rejects", most], &input);
        status(&output, code);
        assert_eq!(text(&output.stdout), FLAT.repeat(3));
        let told = format!(
            "weir: 1 of 4 records were rejected, more than --max-rejects {most} allows; --rejects FILE keeps them"
        );
        assert_eq!(text(&output.stderr).contains(&told), code == 3, "{}", text(&output.stderr));
    }
}

/// Whoever named the wrong product, or the wrong file, is told so.
#[test]
fn nothing_but_rejects_ends_with_3() {
    let told = "weir: no record could be read, all 2 were rejected; ";
    for (args, input, code) in [
        (&[][..], "bad\nworse\n", 3),
        (&["--max-rejects", "100%"], "bad\nworse\n", 0),
        (&["--max-rejects", "2"], "bad\nworse\n", 0),
        (&[], "", 0),
        (&[], "\n\n", 0),
    ] {
        let output = weir(&[&["normalize", "--summary", "none"], args].concat(), input);
        status(&output, code);
        assert_eq!(text(&output.stderr).contains(told), code == 3, "{}", text(&output.stderr));
    }
    let output = weir(&["normalize", "--where", "bytes > 1GB"], format!("bad\n{LINE}"));
    status(&output, 0);
}

#[track_caller]
fn balance(summary: &Value) {
    for (kind, parts) in [
        ("records", &["normalized", "filtered", "rejected"][..]),
        ("bytes", &["normalized", "filtered", "rejected", "blank", "framing"]),
    ] {
        let sum: u64 = parts.iter().map(|part| summary[kind][part].as_u64().unwrap()).sum();
        assert_eq!(summary[kind]["in"], sum, "{summary}");
    }
}

#[test]
fn the_summary_accounts_for_every_byte() {
    let input = format!("{LINE}\n \n{LINE}bad\r\n{{\"logs\":[]}}\n");
    let args = ["normalize", "--summary", "json", "--rejects", "/dev/null"];
    let output = weir(&args, &input);
    status(&output, 0);
    let line = text(&output.stderr);
    assert!(line.ends_with('\n') && line.lines().count() == 1, "{line}");
    let mut summary: Value = serde_json::from_str(line).unwrap();
    balance(&summary);
    assert!(summary["seconds"].take().is_f64());
    let rejects = summary["rejects_by_reason"].take();
    assert_eq!(rejects.as_object().unwrap().values().collect::<Vec<_>>(), [1]);
    let line = LINE.len() as u64 - 1;
    assert_eq!(
        summary,
        json!({
            "inputs": {"in": 1, "failed": 0},
            "records": {"in": 3, "normalized": 2, "filtered": 0, "rejected": 1},
            "bytes": {
                "in": input.len(), "normalized": 2 * line, "filtered": 0, "rejected": 3, "blank": 3,
                "framing": input.len() as u64 - 2 * line - 6,
            },
            "by_product": {"huawei-vpc": 2},
            "rejects_by_reason": null,
            "seconds": null,
        })
    );

    let output = weir(&["normalize"], LINE.repeat(1000));
    let told = text(&output.stderr);
    for line in ["normalized             1,000             147,000", "normalized: huawei-vpc 1,000"] {
        assert!(told.lines().any(|l| l == line), "{told}");
    }
}

#[test]
fn the_first_rejects_are_shown() {
    let input: String = (1..=13).map(|i| format!("bad {i}\n")).collect();
    let output = weir(&["normalize", "--summary", "none", "--max-rejects", "13"], &input);
    status(&output, 0);
    let told: Vec<_> = text(&output.stderr).lines().collect();
    assert_eq!(told.len(), 21);
    for i in 0..10 {
        assert!(told[2 * i].starts_with(&format!("<stdin>:{}: ", i + 1)), "{told:?}");
        assert_eq!(told[2 * i + 1], format!("    bad {}", i + 1));
    }
    assert_eq!(told[20], "... and 3 more; use --rejects FILE to keep them");
}

/// A text among the inputs leaves room for the rejects of the others.
#[test]
fn of_each_of_several_inputs_few_rejects_are_shown() {
    let dir = Dir::new("shown");
    let bad =
        |name: &str, n: usize| dir.write(name, (1..=n).map(|i| format!("bad {i}\n")).collect::<String>());
    let (text_file, fine, few) = (bad("README.md", 23), dir.write("fine.log", LINE), bad("few.log", 2));
    let told = |files: &[&str]| -> Vec<String> {
        let output =
            weir(&[&["normalize", "--summary", "none", "--max-rejects", "100%"], files].concat(), "");
        status(&output, 0);
        // Beside each reject stands how its record begins.
        text(&output.stderr).lines().filter(|l| !l.starts_with("    ")).map(str::to_owned).collect()
    };
    let lines = told(&[&text_file, &fine, &few]);
    assert_eq!(lines.len(), 7, "{lines:?}");
    assert_eq!(lines.iter().filter(|l| l.contains("README.md:")).count(), 3, "{lines:?}");
    assert!(lines[3].starts_with("... and 20 more in ") && lines[3].ends_with("README.md"), "{lines:?}");
    assert!(lines[4].contains("few.log:1: ") && lines[5].contains("few.log:2: "), "{lines:?}");
    assert_eq!(lines[6], "5 of 25 rejects are shown; use --rejects FILE to keep them");
    // All of them together are no flood, either.
    let lines = told(&[text_file.as_str(); 5]);
    assert_eq!(lines.iter().filter(|l| l.contains("README.md:")).count(), 10, "{lines:?}");
    assert_eq!(lines.last().unwrap(), "10 of 115 rejects are shown; use --rejects FILE to keep them");
}

#[test]
fn rejects_keep_place_reason_and_bytes() {
    let dir = Dir::new("rejects");
    let (kept, record) = (64 << 10, 1 << 20);
    let mut input = Vec::new();
    input.extend_from_slice(LINE.as_bytes());
    input.extend_from_slice(b"\nb\xc3\xa4d\r\n\xffbad\n");
    input.extend_from_slice(format!("x{}\n", "\u{e4}".repeat(kept)).as_bytes());
    input.extend_from_slice("y".repeat(record + 1).as_bytes());
    input.extend_from_slice(format!("\n{LINE}bad").as_bytes());
    let path = dir.write("input", &input);
    let rejects = dir.path("rejects");
    assert_eq!(text(&normalize(&[&path, "--rejects", &rejects], "")), FLAT.repeat(2));

    let lines: Vec<Value> =
        text(&fs::read(&rejects).unwrap()).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let numbers: Vec<_> = lines.iter().map(|l| l["line"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [3, 4, 5, 6, 8]);
    for line in &lines {
        assert_eq!(line["file"], path);
        assert!(!line["reason"].as_str().unwrap().is_empty());
        let offset = line["offset"].as_u64().unwrap() as usize;
        let raw = &input[offset..offset + line["length"].as_u64().unwrap() as usize];
        match line["raw"].as_str() {
            Some(text) if line["truncated"] == true => assert!(raw.starts_with(text.as_bytes())),
            Some(text) => assert_eq!(raw, text.as_bytes()),
            None => assert_eq!(raw, b"\xffbad"),
        }
    }
    assert_eq!(lines[0]["raw"], "b\u{e4}d");
    assert_eq!(lines[1]["raw_base64"], "/2JhZA==");
    assert_eq!(lines[2]["raw"].as_str().unwrap().len(), kept - 1);
    assert_eq!(lines[3]["length"], record + 1);
    assert_eq!(lines[3]["raw"].as_str().unwrap().len(), kept);
    assert_eq!(lines[4]["raw"], "bad");
    let keys: Vec<_> = lines[4].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["code", "field", "file", "format", "length", "line", "offset", "raw", "reason"]);
    assert_eq!(lines[4]["code"], "unknown-format");
}

#[test]
fn any_number_of_jobs_gives_the_same_bytes() {
    let dir = Dir::new("jobs");
    let path = dir.write("input", mixture(60_000));
    let run = |args: &[&str]| {
        let rejects = dir.path("rejects");
        let output = normalize(&[&[path.as_str(), "--rejects", &rejects], args].concat(), "");
        (output, fs::read(&rejects).unwrap())
    };
    let one = run(&["--jobs", "1"]);
    assert_eq!(text(&one.0).lines().count(), 60_000 / 50 * 48);
    assert_eq!(text(&one.1).lines().count(), 60_000 / 50);
    for jobs in JOBS {
        assert!(run(&["--jobs", jobs]) == one, "{jobs}");
        assert!(run(&["--jobs", jobs, "--native"]) == one, "{jobs}, native");
    }
    // Here a batch makes more than one part of output holds, of 1 MiB.
    let wide = run(&["--to", "otel", "--jobs", "1"]);
    assert!(wide.0.len() / (mixture(60_000).len() >> 18) > 1 << 20);
    for jobs in JOBS {
        assert!(run(&["--to", "otel", "--jobs", jobs]) == wide, "{jobs}");
        assert!(run(&["--to", "otel", "--jobs", jobs, "--native"]) == wide, "{jobs}, native");
    }
}

#[test]
fn another_guest_can_be_used() {
    let dir = Dir::new("plugin");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let wasm = |path: &str| wat::parse_file(root.join(path)).unwrap();
    let minimal = dir.write("minimal.wasm", wasm("plugins/minimal/minimal.wat"));
    assert_eq!(text(&normalize(&["--plugin", &minimal], "a\nbcd\n")), "{\"length\":1}\n{\"length\":3}\n");

    let imports = dir.write("imports.wasm", wasm("tests/guests/imports.wat"));
    let message = fail(1, &["normalize", "--plugin", &imports], LINE);
    assert!(message.contains("imports.wasm: the guest imports `time` from `env`"), "{message}");
    let message = fail(1, &["normalize", "--plugin", &dir.write("text.wasm", LINE)], LINE);
    assert!(message.contains("text.wasm: this is no WebAssembly module; give a .wasm file"), "{message}");
    let message = fail(1, &["normalize", "--plugin", &dir.path("missing.wasm")], LINE);
    assert!(message.contains("missing.wasm: can't read: "), "{message}");

    let looping = dir.write("loops.wasm", wasm("tests/guests/loops_in_start.wat"));
    let message = fail(1, &["normalize", "--plugin", &looping, "--guest-deadline", "0.05"], LINE);
    assert!(
        message.contains("loops.wasm: can't start the guest: the guest ran past its deadline"),
        "{message}"
    );
    let message = fail(1, &["normalize", "--guest-memory", "1"], LINE);
    assert!(message.contains("the guest needed more memory than its 1 MiB"), "{message}");
}

#[test]
fn formats_and_schema_are_printed() {
    let formats = weir(&["formats"], "");
    status(&formats, 0);
    assert!(text(&formats.stdout).lines().any(|line| line.starts_with("| `huawei-vpc`")));
    let schema = weir(&["schema"], "");
    status(&schema, 0);
    let schema: Value = serde_json::from_slice(&schema.stdout).unwrap();
    assert_eq!(schema["properties"]["src_port"]["type"], "integer");
}

/// What a shell's redirections name is protected like what the options name.
#[test]
fn a_redirected_file_is_not_overwritten() {
    let dir = Dir::new("redirected");
    let log = dir.write("flow.log", LINE);
    let run = |args: &[&str], stdout: Option<&str>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
        command.arg("normalize").args(args).stdin(fs::File::open(&log).unwrap()).stderr(Stdio::piped());
        if let Some(path) = stdout {
            command.stdout(fs::OpenOptions::new().append(true).create(true).open(path).unwrap());
        }
        command.output().unwrap()
    };
    let same = dir.path("same");
    for (args, stdout) in [
        (&["-o", &log][..], None),
        (&["--rejects", &log], None),
        (&[], Some(log.as_str())),
        (&["--rejects", &same], Some(same.as_str())),
    ] {
        let output = run(args, stdout);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(text(&output.stderr).contains("choose"), "{args:?}: {}", text(&output.stderr));
        assert_eq!(fs::read_to_string(&log).unwrap(), LINE, "{args:?}");
    }
    let output = run(&["-o", "-"], None);
    assert_eq!(text(&output.stdout), FLAT);
}

/// Whoever waits for a record gets it while the input only pauses.
#[test]
fn a_pause_of_the_input_holds_nothing_back() {
    for (schema, jobs) in ["flat", "otel"].iter().flat_map(|schema| JOBS.map(|jobs| (schema, jobs))) {
        let mut child = spawn(&["normalize", "--summary", "none", "--to", schema, "--jobs", jobs]);
        let mut stdin = child.stdin.take().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        // The input stays open until the records are there, also where it went on after a pause.
        for records in [1, 300, 2] {
            stdin.write_all(LINE.repeat(records).as_bytes()).unwrap();
            stdin.flush().unwrap();
            let mut seen = 0;
            while seen < records {
                let mut line = String::new();
                stdout.read_line(&mut line).unwrap();
                seen += line.matches("1d515d18-1b36-47dc-a983-bd6512aed4bd").count();
            }
            assert_eq!(seen, records, "{schema}, {jobs}");
        }
        drop(stdin);
        assert!(child.wait().unwrap().success());
    }
}

/// A name of a file or of an archive's member can't steer the terminal that it is shown on.
#[test]
fn names_cannot_steer_a_terminal() {
    let dir = Dir::new("names");
    let odd = "\u{1b}]0;x\u{7}\u{202e}gol.\n";
    let told = "\\u{1b}]0;x\\u{7}\\u{202e}gol.\\n";
    let message = fail(1, &["normalize", &dir.path(odd)], "");
    assert!(message.contains(&format!("/{told}: can't read: ")), "{message}");
    let file = dir.write(odd, "bad\n");
    let output = weir(&["normalize", "--summary", "none", &file], "");
    assert!(text(&output.stderr).contains(&format!("/{told}:1: ")), "{}", text(&output.stderr));
    let archive = dir.write("a.zip", zip(&[(odd, b"bad\n"), (odd.trim_end(), b"\x7fELF")]));
    let rejects = dir.path("rejects");
    let message = fail(1, &["normalize", "--summary", "none", &archive, "--rejects", &rejects], "");
    assert!(
        message.contains(&format!("a.zip/{}: this is a program (ELF)", told.trim_end_matches("\\n"))),
        "{message}"
    );
    // Programs that read the rejects get the name as it is.
    let reject: Value = serde_json::from_slice(&fs::read(&rejects).unwrap()).unwrap();
    assert_eq!(reject["file"], format!("{archive}/{odd}"));
}

/// What the object stores of Alibaba's log service get.
#[test]
fn raw_snappy_blocks_are_read() {
    let dir = Dir::new("raw-snappy");
    let raw = |s: &str| snap::raw::Encoder::new().compress_vec(s.as_bytes()).unwrap();
    for records in [1, 500, 20_000] {
        let lines = LINE.repeat(records);
        let block = raw(&lines);
        assert!(normalize(&[], &block) == FLAT.repeat(records).into_bytes(), "{records}");
        let path = dir.write("block", &block);
        assert!(normalize(&[&path, &path], "") == FLAT.repeat(2 * records).into_bytes(), "{records}");
        let member = dir.write("zip", zip(&[("block", &block)]));
        assert!(normalize(&[&member], "") == FLAT.repeat(records).into_bytes(), "{records}");
    }
    let block = raw(&mixture(30_000));
    let cut = dir.write("cut", &block[..block.len() / 2]);
    let output = weir(&["normalize", "--summary", "none", &cut, "--rejects", "/dev/null"], "");
    status(&output, 1);
    assert!(text(&output.stderr).contains("cut: the snappy data is cut short; what came before is done"));
    assert!(text(&output.stdout).lines().count() > 10_000);
}

#[test]
fn zeros_behind_gzip_are_no_member() {
    let padded = [gzip(LINE), gzip(LINE), vec![0; 5000]].concat();
    assert_eq!(text(&normalize(&[], &padded)), FLAT.repeat(2));
}

/// They have no lines, so they are not cut into any.
#[test]
fn foreign_files_are_refused() {
    let dir = Dir::new("foreign");
    let mut tar = vec![0; 1536];
    tar[..8].copy_from_slice(b"flow.log");
    tar[257..263].copy_from_slice(b"ustar\0");
    tar[512..512 + LINE.len()].copy_from_slice(LINE.as_bytes());
    let gzipped = |bytes: &[u8]| {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    };
    for (name, content, sentence) in [
        (
            "a.avro",
            b"Obj\x01\x04\x14".to_vec(),
            "this is an Avro file, which Weir does not read; write its records as JSON lines first, with `avro-tools tojson`",
        ),
        (
            "a.xz",
            b"\xfd7zXZ\0\0\x04".to_vec(),
            "this is compressed with xz, which Weir does not read; unpack it with `xz -d` first",
        ),
        (
            "a.tar",
            tar.clone(),
            "this is a tar archive, which Weir does not read; unpack it with `tar -x` first",
        ),
        (
            "a.tgz",
            gzipped(&tar),
            "this is a tar archive, which Weir does not read; unpack it with `tar -x` first",
        ),
        (
            "a.gz.gz",
            gzipped(&gzip(LINE)),
            "there is gzip data inside the gzip data; unpack one of them first",
        ),
    ] {
        let path = dir.write(name, &content);
        let archive = dir.write("archive.zip", zip(&[("first", LINE.as_bytes()), ("second", &content)]));
        for (args, shown, records) in [
            (vec![path.as_str()], path.clone(), 0),
            (vec![], "<stdin>".into(), 0),
            (vec![&archive], format!("{archive}/second"), 1),
        ] {
            let output = weir(&[&["normalize", "--summary", "none"], &args[..]].concat(), &content);
            status(&output, 1);
            let end = match records {
                0 => "",
                _ => {
                    "weir: 1 of 2 inputs could not be read to their end, as told above; the others are done\n"
                }
            };
            assert_eq!(text(&output.stderr), format!("weir: {shown}: {sentence}\n{end}"));
            assert_eq!(text(&output.stdout), FLAT.repeat(records));
        }
    }
}

#[test]
fn an_archive_of_too_many_members_is_refused() {
    let dir = Dir::new("members");
    // Stored members without content, made by hand because it is quick.
    let archive = |members: u32, name: usize| {
        let (mut out, mut directory) = (Vec::new(), Vec::new());
        for i in 0..members {
            let name = format!("{i:0name$}");
            directory.extend_from_slice(b"PK\x01\x02\x14\0\x14\0\0\0\0\0\0\0\x21\0");
            directory.extend_from_slice(&[0; 12]);
            directory.extend_from_slice(&(name.len() as u16).to_le_bytes());
            directory.extend_from_slice(&[0; 12]);
            directory.extend_from_slice(&(out.len() as u32).to_le_bytes());
            directory.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b"PK\x03\x04\x14\0\0\0\0\0\0\0\x21\0");
            out.extend_from_slice(&[0; 12]);
            out.extend_from_slice(&(name.len() as u16).to_le_bytes());
            out.extend_from_slice(&[0; 2]);
            out.extend_from_slice(name.as_bytes());
        }
        let start = out.len() as u32;
        out.extend_from_slice(&directory);
        out.extend_from_slice(b"PK\x05\x06\0\0\0\0");
        out.extend_from_slice(&[(members as u16).to_le_bytes(); 2].concat());
        out.extend_from_slice(&(directory.len() as u32).to_le_bytes());
        out.extend_from_slice(&start.to_le_bytes());
        out.extend_from_slice(&[0; 2]);
        dir.write(&format!("{members}.zip"), out)
    };
    assert_eq!(text(&normalize(&[&archive(5000, 20)], "")), "");
    let message = fail(1, &["normalize", "--summary", "none", &archive(60_000, 120)], "");
    assert!(message.contains("60000.zip: the zip archive's directory is longer than 8 MiB"), "{message}");
}

/// Whoever reads the records does not know that the rejects went nowhere.
#[test]
fn rejects_that_nobody_reads_fail_the_run() {
    let dir = Dir::new("rejects-closed");
    let fifo = dir.path("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let input = dir.write("input", mixture(100_000));
    for jobs in JOBS {
        // Standard output is read only afterwards, and would fill first.
        let output = ["--output", "/dev/null", "--rejects", &fifo];
        let child =
            spawn(&[&["normalize", "--summary", "none", &input, "--jobs", jobs], &output[..]].concat());
        let mut first = String::new();
        BufReader::new(fs::File::open(&fifo).unwrap()).read_line(&mut first).unwrap();
        assert!(first.starts_with('{'), "{first}");
        let output = child.wait_with_output().unwrap();
        status(&output, 1);
        assert!(
            text(&output.stderr).starts_with(&format!("weir: {fifo}: whoever reads the rejects went away")),
            "{}",
            text(&output.stderr)
        );
    }
}

/// Where a program that shares a pipe, a socket or a terminal made it non-blocking.
#[test]
fn non_blocking_streams_are_waited_for() {
    use std::os::{fd::OwnedFd, unix::net::UnixStream};
    let pair = || {
        let (near, far) = UnixStream::pair().unwrap();
        far.set_nonblocking(true).unwrap();
        (near, Stdio::from(OwnedFd::from(far)))
    };
    let ((mut to, stdin), (mut from, stdout), (mut told, stderr)) = (pair(), pair(), pair());
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    command.args(["normalize", "--native", "--summary", "json", "--rejects", "/dev/null"]);
    let mut child = command.stdin(stdin).stdout(stdout).stderr(stderr).spawn().unwrap();
    // The other ends are the child's alone.
    drop(command);
    let records = 20_000;
    let (output, summary) = thread::scope(|scope| {
        scope.spawn(move || {
            to.write_all(LINE.as_bytes()).unwrap();
            to.write_all(LINE.repeat(records - 1).as_bytes()).unwrap();
            to.shutdown(std::net::Shutdown::Both).unwrap();
        });
        let output = scope.spawn(move || {
            let mut output = Vec::new();
            from.read_to_end(&mut output).unwrap();
            output
        });
        let mut summary = String::new();
        told.read_to_string(&mut summary).unwrap();
        (output.join().unwrap(), summary)
    });
    assert!(child.wait().unwrap().success(), "{summary}");
    assert!(output == FLAT.repeat(records).into_bytes());
    let summary: Value = serde_json::from_str(&summary).unwrap();
    assert_eq!(summary["records"]["normalized"], records);
}

#[test]
fn one_file_under_two_names_is_refused() {
    let dir = Dir::new("spellings");
    let input = dir.write("input", LINE);
    let (plain, dotted) = (dir.path("new"), dir.path("./new"));
    std::os::unix::fs::symlink(&plain, dir.path("link")).unwrap();
    for (output, rejects) in [(&plain, &dotted), (&dotted, &plain), (&dir.path("link"), &plain)] {
        let message = fail(2, &["normalize", &input, "--output", output, "--rejects", rejects], "");
        assert!(message.contains("the records and the rejects go to the same file; choose two"), "{message}");
        // Nothing is left behind, and the link is still there.
        assert!(!Path::new(&plain).exists());
        assert!(fs::symlink_metadata(dir.path("link")).unwrap().is_symlink());
    }
    // What keeps nothing may have both, and what keeps something may not.
    let nothing = ["--output", "/dev/null", "--rejects", "/dev/null", "--summary", "none"];
    let output = weir(&[&["normalize"], &nothing[..]].concat(), format!("{LINE}bad\n"));
    status(&output, 0);
    assert!(output.stdout.is_empty());
    let message = fail(2, &["normalize", &input, "--output", &plain, "--rejects", &plain], "");
    assert!(message.contains("the records and the rejects go to the same file"), "{message}");
    let message = fail(2, &["normalize", &input, "--rejects", "-"], "");
    assert!(message.starts_with("weir: standard output: the records and the rejects go"), "{message}");
    let output = weir(
        &["normalize", "--summary", "none", "--output", &plain, "--rejects", "-"],
        format!("{LINE}bad\n"),
    );
    status(&output, 0);
    assert!(text(&output.stdout).starts_with("{\"file\":\"<stdin>\",\"line\":2,"));
    assert_eq!(fs::read_to_string(&plain).unwrap(), FLAT);
    assert!(!Path::new("-").exists());
}

/// Also lists and guests are read, and so not written to.
#[test]
fn lists_and_guests_are_never_overwritten() {
    let dir = Dir::new("lists");
    let list = dir.write("list", "10.0.0.0/8\n");
    let named = format!("own={list}");
    let filter = format!("src_ip in @{list}");
    for args in [
        &["normalize", "--list", &named, "--output", &list][..],
        &["normalize", "--list", &named, "--rejects", &list],
        &["normalize", "--where", &filter, "--output", &list],
        &["normalize", "--plugin", &list, "--output", &list],
        &["bake", "fluent-bit", "--where", &filter, "--output", &list],
    ] {
        let message = fail(2, args, LINE);
        assert!(message.contains("list: this is an input, so --"), "{args:?}: {message}");
        assert_eq!(fs::read_to_string(&list).unwrap(), "10.0.0.0/8\n");
    }
}

#[test]
fn plugins_are_written_where_links_and_fifos_lead() {
    let dir = Dir::new("bake");
    let names = || {
        let mut names: Vec<_> =
            fs::read_dir(&dir.0).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    let bake = |path: &str| weir(&["bake", "fluent-bit", "-o", path], "");
    let real = dir.write("real.wasm", "old");
    let link = dir.path("link.wasm");
    std::os::unix::fs::symlink("real.wasm", &link).unwrap();
    status(&bake(&link), 0);
    let wasm = fs::read(&real).unwrap();
    assert!(wasm.starts_with(b"\0asm"));
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    fs::remove_file(&real).unwrap();
    status(&bake(&link), 0);
    assert!(fs::read(&real).unwrap() == wasm);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());

    let fifo = dir.path("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let child = spawn(&["bake", "fluent-bit", "-o", &fifo]);
    assert!(fs::read(&fifo).unwrap() == wasm);
    status(&child.wait_with_output().unwrap(), 0);
    assert!(bake("-").stdout == wasm);

    // What can't be written leaves nothing behind.
    fs::create_dir(dir.path("folder")).unwrap();
    status(&bake(&dir.path("folder")), 1);
    assert_eq!(names(), ["fifo", "folder", "link.wasm", "real.wasm"]);
}

#[test]
fn a_guest_that_is_too_large_is_not_compiled() {
    let dir = Dir::new("large-guest");
    let path = dir.path("large.wasm");
    fs::File::create(&path).unwrap().set_len((16 << 20) + 1).unwrap();
    let message = fail(1, &["normalize", "--plugin", &path], LINE);
    assert!(message.contains("large.wasm: the guest is larger than 16 MiB"), "{message}");
}

/// Every shell gets a script that knows each command, and each command has its man page.
#[test]
fn completions_and_man_pages_have_every_command() {
    let help = weir(&["--help"], "");
    let listed = text(&help.stdout).split_once("Commands:\n").unwrap().1;
    let commands: Vec<_> = listed
        .lines()
        .take_while(|line| line.starts_with("  "))
        .filter(|line| !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(commands.contains(&"normalize") && commands.contains(&"man"), "{commands:?}");
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let output = weir(&["completions", shell], "");
        status(&output, 0);
        // PowerShell's has no values.
        let values = if shell == "powershell" { &[][..] } else { &["huawei-waf-access", "ocsf", "csv"] };
        for word in commands.iter().chain(&["max-rejects"]).chain(values) {
            assert!(text(&output.stdout).contains(word), "{shell}: {word}");
        }
    }
    let dir = Dir::new("man");
    let folder = dir.path("share/man/man1");
    status(&weir(&["man", &folder], ""), 0);
    let mut pages: Vec<_> =
        fs::read_dir(&folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    pages.sort();
    let mut expected: Vec<_> = commands.iter().map(|name| format!("weir-{name}.1")).collect();
    expected.push("weir.1".into());
    expected.sort();
    // A command inside of a command has a page, too: `weir-state-list.1`.
    pages.retain(|page| !commands.iter().any(|name| page.starts_with(&format!("weir-{name}-"))));
    assert_eq!(pages, expected);
    let page = fs::read_to_string(Path::new(&folder).join("weir-normalize.1")).unwrap();
    assert!(page.contains("\n.TH weir-normalize 1"), "{page}");
    let message = fail(1, &["man", "/dev/null/man1"], "");
    assert!(message.contains("/dev/null/man1: can't write man pages"), "{message}");
}

#[test]
fn explain_reads_files_standard_input_and_records() {
    let dir = Dir::new("explain-files");
    let (good, bad) = (dir.write("good.gz", gzip(LINE)), dir.write("bad.log", "no record at all\n"));
    let output = weir(&["explain", &good], "");
    status(&output, 0);
    let alone = text(&output.stdout).to_owned();
    assert!(alone.contains("product: huawei-vpc"), "{alone}");
    assert_eq!(text(&weir(&["explain", "-"], LINE).stdout), alone);
    assert_eq!(text(&weir(&["explain", LINE], "").stdout), alone);
    // The numbers of columns stand under each other.
    assert!(alone.contains("\n     9 packets") && alone.contains("\n    10 bytes"), "{alone}");
    let output = weir(&["explain", &good, &bad, "-", LINE], LINE);
    status(&output, 3);
    let shown = text(&output.stdout);
    for title in [&good, &bad, "<stdin>", "the record given"] {
        assert!(shown.contains(&format!("==> {title} <==\n")), "{title}: {shown}");
    }
    // Where a record is from is told as `normalize` tells it.
    let output = weir(&["explain", "--source-name", "-"], format!("\n{LINE}{LINE}"));
    status(&output, 0);
    for offset in [1, 1 + LINE.len()] {
        let told = format!("\"log_file\":\"<stdin>\",\"log_offset\":{offset}");
        assert!(text(&output.stdout).contains(&told), "{output:?}");
    }
    let output = weir(&["explain", "--source-name", LINE], "");
    assert!(text(&output.stdout).contains("\"log_offset\":0") && !text(&output.stdout).contains("log_file"));
    let message = fail(2, &["bake", "fluent-bit", "--source-name", "-o", "x.wasm"], "");
    assert!(message.contains("an event is of no file that Weir reads"), "{message}");
    status(&weir(&["explain", "a record that is none"], ""), 3);
    // What nothing of a line tells is not said to.
    let output = weir(&["explain", "--from", "aws-vpc", LINE], "");
    assert!(text(&output.stdout).contains("because: it is said so, with --from\n"), "{output:?}");
    let message = fail(1, &["explain", &dir.path("none.log")], "");
    assert!(message.contains("none.log: can't read: ") && message.contains("check the path"), "{message}");
    // An empty input is called so.
    let empty = dir.write("empty.log", "");
    for (args, told) in
        [(&["explain"][..], "standard input is empty.\n"), (&["explain", &empty], "empty.log is empty.\n")]
    {
        let output = weir(args, "");
        status(&output, 0);
        assert!(text(&output.stdout).ends_with(told), "{output:?}");
    }
    let message = fail(2, &["explain", "s3://bucket/flows/a.log"], "");
    assert!(
        message.contains("no stores") && message.contains("weir normalize s3://bucket/flows/a.log"),
        "{message}"
    );
}

#[test]
fn explain_shows_as_many_records_as_asked_and_only_rejects_where_asked() {
    let input = format!("bad\n{}worse\n{LINE}", LINE.repeat(3));
    for (args, numbers, code) in [
        (&[][..], &[1, 2, 3, 4, 5, 6][..], 3),
        (&["--limit", "2"], &[1, 2], 3),
        (&["--rejected"], &[1, 5], 3),
        (&["--rejected", "--limit", "1"], &[1], 3),
    ] {
        let output = weir(&[&["explain", "-"], args].concat(), &input);
        status(&output, code);
        let shown = text(&output.stdout);
        let found: Vec<u32> = shown
            .lines()
            .filter_map(|line| line.strip_prefix("record ")?.split(' ').next()?.parse().ok())
            .collect();
        assert_eq!(found, numbers, "{shown}");
        assert!(!shown.starts_with('\n'));
    }
    let output = weir(&["explain", "-", "--rejected"], LINE.repeat(2));
    status(&output, 0);
    assert_eq!(text(&output.stdout), "None of the 2 records of standard input is rejected.\n");
}

#[test]
fn a_variable_that_is_wrong_is_named() {
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
        let output = command.args(args).env("WEIR_JOBS", "x").stdin(Stdio::null()).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, told) = run(&["normalize"]);
    assert!(code == Some(2) && told.contains("the variable WEIR_JOBS of the environment"), "{told}");
    let (code, told) = run(&["normalize", "--jobs", "x"]);
    assert!(code == Some(2) && !told.contains("WEIR_JOBS of"), "{told}");
}

#[test]
fn a_program_for_vector_goes_to_standard_output_and_a_plugin_to_a_file() {
    let dir = Dir::new("bake-vector");
    let path = dir.path("a.vrl");
    let args = ["bake", "vector", "--from", "aws-vpc"];
    status(&weir(&[&args[..], &["-o", &path]].concat(), ""), 0);
    let output = weir(&args, "");
    status(&output, 0);
    assert_eq!(text(&output.stdout), fs::read_to_string(&path).unwrap());
    let message = fail(2, &["bake", "fluent-bit"], "");
    assert!(message.contains("--output FILE.wasm"), "{message}");
    // Tables are refused, and not listed.
    for command in [&["explain", "--help"][..], &["bake", "--help"]] {
        let output = weir(command, "");
        status(&output, 0);
        assert!(text(&output.stdout).contains("ecs") && !text(&output.stdout).contains("ocsf-parquet"));
    }
}

#[test]
fn colors_are_as_asked() {
    let colored = |args: &[&str]| {
        let output = weir(&[&["explain", LINE], args].concat(), "");
        text(&output.stdout).contains('\x1b')
    };
    assert!(!colored(&[]) && !colored(&["--color", "auto"]) && !colored(&["--color=never"]));
    assert!(colored(&["--color", "always"]));
    fail(2, &["--color", "sometimes", "formats"], "");
}

/// Options, values and commands of other programs are answered by what Weir has for them.
#[test]
fn what_other_programs_call_it_is_told() {
    let has = |args: &[&str], tip: &str| {
        let message = fail(2, args, "");
        let tips: Vec<_> = message.lines().filter_map(|line| line.trim().strip_prefix("tip: ")).collect();
        assert!(tips.len() == 1 && tips[0].contains(tip), "{args:?}: {tip}\n{message}");
        message
    };
    let form = "--from PRODUCT says what records are read as, --to SCHEMA what they are written as";
    for (args, tip) in [
        (&["normalize", "--format", "ecs"][..], form),
        (&["bake", "fluent-bit", "--format=ecs"], form),
        (&["schema", "--format", "ecs"], "--to SCHEMA"),
        (&["normalize", "--filter", "bytes > 1"], "--where EXPR"),
        (&["explain", "--select", "x"], "--where EXPR lets only records through that meet it, --drop FIELD"),
        (&["normalize", "--select", "src_ip,dst_ip"], "--drop FIELD,.. takes fields out"),
        (&["normalize", "--force", "x"], "written over without an option"),
        (&["normalize", "--overwrite", "x"], "written over without an option"),
        (&["bake", "fluent-bit", "--force"], "written over without an option"),
        (&["normalize", "--encoding", "gbk"], "`iconv -f GBK -t UTF-8 FILE | weir normalize`"),
        (&["normalize", "--encoding=json"], "--to SCHEMA"),
        (&["explain", "--json"], "`weir normalize --rejects FILE`"),
        (&["explain", "-json"], "`weir normalize --rejects FILE`"),
        (&["formats", "--json"], "`weir schema` prints the fields of records as JSON"),
        (&["schema", "--json"], "without --to it is JSON"),
        (&["check", "--json", "x"], "FILE:LINE:COLUMN"),
        (&["state", "list", "-json", "x"], "'--json' has two dashes"),
        (&["normalize", "-where", "bytes > 1"], "'--where' has two dashes"),
        (&["normalize", "--input", "x"], "arguments without an option"),
        (&["normalize", "-f", "x"], "arguments without an option"),
        (&["normalize", "--out", "x"], "--output FILE"),
        (&["normalize", "--schema", "x"], "--to SCHEMA"),
        (&["normalize", "--output_format", "x"], "--to SCHEMA"),
        (&["normalize", "--product", "x"], "--from PRODUCT"),
        (&["normalize", "--json"], "JSON lines"),
        (&["normalize", "-json"], "JSON lines"),
        (&["normalize", "--ndjson"], "JSON lines"),
        (&["normalize", "--threads", "4"], "--jobs N"),
        (&["manifest", "verify", "--threads", "4"], "--jobs N"),
        (&["normalize", "--compress", "gzip"], "ends in .gz or .zst"),
        (&["normalize", "-n", "3"], "--limit N"),
        (&["explain", "-n", "3"], "--limit N"),
        (&["normalize", "--count"], "--summary json"),
        (&["normalize", "--fields", "src_ip"], "--drop FIELD"),
        (&["schema", "--fields"], "`weir schema` prints the fields"),
        (&["explain", "--rejects", "x"], "--rejected"),
        (&["normalize", "--tail", "3"], "`weir run` follows files"),
        (&["normalize", "--config", "weir.toml"], "`weir run FILE`"),
        (&["run", "--config", "weir.toml"], "without an option, such as `weir run weir.toml`"),
        (&["state", "list", "-c", "weir.toml"], "without an option"),
        (&["--config", "weir.toml"], "`weir run FILE`"),
        (&["--where", "bytes > 1"], "options stand behind a command"),
        (&["normalize", "--to", "json"], "`flat`"),
        (&["normalize", "--from", "aws"], "aws-vpc, aws-tgw"),
        (&["formats", "waf"], "huawei-waf, huawei-waf-access, alibaba-waf"),
        (&["schema", "ocsf"], "`weir schema --to SCHEMA`"),
        (&["validate", "weir.toml"], "`weir check FILE`"),
        (&["samples/flow.log"], "`weir normalize samples/flow.log`"),
        (&["weir.toml"], "`weir run weir.toml`"),
        (&["tail", "x.log"], "`tail -F FILE | weir normalize`"),
        (&["follow", "x.log"], "with a source of type `file`"),
        (
            &["normalize", "--where", "bytes > 1", "--where", "bytes < 9"],
            "joined in one: --where 'bytes > 1MB and ",
        ),
    ] {
        let message = has(args, tip);
        assert!(!message.contains("a similar"), "{message}");
    }
    // The usage is not that of what was guessed.
    let usage = has(&["normalize", "--format", "ecs"], form);
    assert!(usage.contains("Usage: weir normalize [OPTIONS] [FILE]..."), "{usage}");
    // What is spelled alike is still guessed, and what is not is not.
    has(&["normalize", "--timezon", "UTC"], "a similar argument exists: '--timezone'");
    has(&["normalize", "--max-rej", "1"], "a similar argument exists: '--max-rejects'");
    // Nor is it said how what is no option might be an argument.
    let message = fail(2, &["normalize", "--speed", "3"], "");
    assert!(!message.contains("a similar") && !message.contains("tip"), "{message}");
    assert!(message.contains("Usage: weir normalize [OPTIONS] [FILE]..."), "{message}");
    // A terminal is not steered by what was written.
    let message = fail(2, &["a\x1b[2J.log"], "");
    assert!(!message.contains('\x1b'), "{message:?}");
}

/// A file whose name stands where an option's value was forgotten is not emptied.
#[test]
fn a_forgotten_value_empties_no_file() {
    let dir = Dir::new("forgotten");
    let (log, other) = (dir.write("day.log", LINE), dir.path("other.jsonl"));
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
        command.arg("normalize").args(args).stdin(Stdio::null()).output().unwrap()
    };
    for (args, option) in [
        (&["--rejects", &log][..], "--rejects"),
        (&["-o", &log], "--output"),
        (&["-o", &other, "--rejects", &log], "--rejects"),
    ] {
        let output = run(args);
        status(&output, 2);
        let told = format!("no input is named; did you mean `weir normalize {log} {option} FILE`?");
        assert!(text(&output.stderr).contains(&told), "{output:?}");
        assert_eq!(fs::read_to_string(&log).unwrap(), LINE);
        assert!(!Path::new(&other).exists());
    }
    // Where somebody says that it is read, or it is empty, nothing is refused.
    status(&run(&["-", "-o", &log]), 0);
    assert_eq!(fs::read_to_string(&log).unwrap(), "");
    status(&run(&["--rejects", &log]), 0);
    assert_eq!(text(&normalize(&["-o", &log], LINE)), "");
    assert_eq!(text(&normalize(&["-o", &log], LINE)), "");
    assert_eq!(fs::read_to_string(&log).unwrap(), FLAT);
}

/// Who sits at a terminal is told what is waited for. `script` has one, whose input ends as this one's does.
#[cfg(target_os = "linux")]
#[test]
fn who_is_waited_for_is_told() {
    let at_terminal = |args: &str| {
        let weir = env!("CARGO_BIN_EXE_weir");
        let mut command = Command::new("script");
        command.args(["-qec", &format!("'{weir}' {args}"), "/dev/null"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(LINE.as_bytes()).unwrap();
        String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
    };
    let told = "waiting for records on standard input, which is this terminal";
    for (args, is_told) in [("normalize", true), ("normalize -q", false), ("explain", true)] {
        let shown = at_terminal(args);
        assert_eq!(shown.contains(told), is_told, "{args}: {shown}");
        assert!(shown.contains("192.168.0.154"), "{args}: {shown}");
    }
}

/// What is no file, and looks like a filter, is none that is not there.
#[test]
fn a_filter_is_no_input() {
    let dir = Dir::new("filter-as-input");
    let log = dir.write("a == b.log", LINE);
    for args in [
        &["action == reject", &log][..],
        &["--where", "bytes > 1", "and", "bytes < 9"],
        &["not exists app"],
        &["bytes>1MB"],
    ] {
        let message = fail(2, &[&["normalize"], args].concat(), "");
        assert!(message.contains("a filter is --where"), "{args:?}: {message}");
    }
    assert_eq!(text(&normalize(&[&log], "")), FLAT);
    for name in ["no where.log", "not here.log", "what is in.log", "and", "x=y.log"] {
        let missing = dir.path(name);
        fail(1, &["normalize", &missing], "");
    }
}

#[test]
fn a_table_and_the_name_of_its_file_say_the_same() {
    let dir = Dir::new("endings");
    for (to, name) in
        [("parquet", "x.csv"), ("csv", "x.parquet"), ("arrow", "x.csv.gz"), ("ocsf-parquet", "x.csv")]
    {
        let path = dir.path(name);
        let message = fail(2, &["normalize", "--to", to, "-o", &path], LINE);
        assert!(message.contains("leave out --to"), "{message}");
        assert!(!Path::new(&path).exists());
    }
    for (to, name) in [("csv", "x.csv"), ("csv", "x.txt"), ("parquet", "x.parquet"), ("arrow", "x.arrows")] {
        normalize(&["--to", to, "-o", &dir.path(name)], LINE);
    }
}

#[test]
fn a_folder_that_is_not_there_is_told() {
    let dir = Dir::new("no-folder");
    let message = fail(1, &["normalize", "-o", &dir.path("nodir/out.jsonl")], LINE);
    assert!(
        message.contains("there is no folder ") && message.contains("/nodir; make it first"),
        "{message}"
    );
}

#[test]
fn the_columns_of_rows_are_listed() {
    let listed = weir(&["schema", "--to", "csv"], "");
    status(&listed, 0);
    let listed = text(&listed.stdout);
    let names: Vec<_> = listed
        .lines()
        .skip(2)
        .filter_map(|line| line.strip_prefix("| "))
        .filter_map(|line| line.split(' ').next())
        .collect();
    let rows = normalize(&["--to", "csv"], LINE);
    assert_eq!(names.join(","), text(&rows).lines().next().unwrap());
    fail(2, &["schema", "--to", "csv", "--ddl", "duckdb"], "");
    fail(2, &["schema", "--to", "csv", "--addresses", "text"], "");
}
