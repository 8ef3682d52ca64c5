//! Jobs: what they write, whatever pieces they are done in and however often they are killed.
//!
//! `cargo xtask soak` runs the kills for longer: `WEIR_KILLS` says how many there are.

use std::{
    collections::BTreeMap,
    env, fs,
    io::{BufRead, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{Duration, SystemTime},
};

use serde_json::Value;

/// A folder for one test's files, in which `weir` runs.
struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("jobs-{name}"));
        if path.exists() {
            fs::remove_dir_all(&path).unwrap();
        }
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
        command.args(args).current_dir(&self.0).stdin(Stdio::null());
        command
    }

    fn weir(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs it where it must end so, and gives what it says on standard error.
    #[track_caller]
    fn ends(&self, code: i32, args: &[&str]) -> String {
        let output = self.weir(args);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{told}");
        told
    }

    /// Runs a job that says nothing.
    #[track_caller]
    fn job(&self, args: &[&str]) {
        assert_eq!(self.ends(0, &[&["normalize", "--summary", "none"], args].concat()), "");
    }

    /// All files below a folder, by their paths there.
    fn files(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        fn walk(top: &Path, folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(top, &path, files);
                } else {
                    let name = path.strip_prefix(top).unwrap().to_str().unwrap().to_owned();
                    files.insert(name, fs::read(&path).unwrap());
                }
            }
        }
        let mut files = BTreeMap::new();
        let top = self.path(folder);
        walk(&top, &top, &mut files);
        files
    }

    /// The manifest of the one plan.
    fn manifest(&self, folder: &str) -> Value {
        let files = self.files(folder);
        let mut manifests = files.iter().filter(|(path, _)| path.ends_with("/manifest.json"));
        let (_, json) = manifests.next().expect("there is one");
        assert!(manifests.next().is_none());
        serde_json::from_slice(json).unwrap()
    }

    /// Files like those that clouds export: some compressed, of several products and days, with lines
    /// that are no records.
    fn exports(&self, count: usize, lines: usize) {
        for file in 0..count {
            let mut text = String::new();
            for line in 0..lines {
                let (n, time) = (file * lines + line, 1_548_752_136 + file / 50 * 40_000 + line * 60);
                match n % 40 {
                    7 => text.push_str(&format!("no record {n}\n")),
                    8 => text.push('\n'),
                    i if i % 3 == 0 => text.push_str(&format!(
                        "2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 {} 22 6 20 4249 {time} {} \
                         ACCEPT OK\n",
                        n % 65_536,
                        time + 60
                    )),
                    _ => text.push_str(&format!(
                        "1 5f67944957444bd6bb4fe3b367de8f3d 1d515d18-1b36-47dc-a983-bd6512aed4bd 192.168.0.154 \
                         192.168.3.25 {} 53 17 1 96 {time} {} ACCEPT OK\n",
                        n % 65_536,
                        time + 600
                    )),
                }
            }
            let name = format!("exports/{}/{file:04}.log", file % 7);
            match file % 3 {
                0 => self.write(&format!("{name}.gz"), gzip(text.as_bytes())),
                _ => self.write(&name, text),
            }
        }
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The lines of a table's files, decompressed, in order.
fn lines(files: &BTreeMap<String, Vec<u8>>, is_meant: impl Fn(&str) -> bool) -> Vec<String> {
    let mut lines = Vec::new();
    for (path, bytes) in files.iter().filter(|(path, _)| is_meant(path)) {
        let plain = match path.ends_with(".zst") {
            true => zstd::decode_all(&bytes[..]).unwrap(),
            false => bytes.clone(),
        };
        lines.extend(String::from_utf8(plain).unwrap().lines().map(str::to_owned));
    }
    lines.sort();
    lines
}

fn is_part(path: &str) -> bool {
    !path.starts_with('_')
}

const PARTITIONED: [&str; 6] =
    ["--partition", "provider,product,date", "--shard-size", "1", "--output", "lake/"];

fn partitioned(more: &[&str]) -> Vec<&'static str> {
    let all: Vec<&str> = [&["exports/"], &PARTITIONED[..], more].concat();
    all.into_iter().map(|arg| &*Box::leak(arg.to_owned().into_boxed_str())).collect()
}

#[test]
fn a_job_makes_a_table_of_all_records() {
    let dir = Dir::new("table");
    dir.exports(30, 2000);
    dir.job(&partitioned(&[]));
    let files = dir.files("lake");
    let output = dir.weir(&["normalize", "--summary", "json", "--rejects", "rejects.jsonl", "exports/"]);
    let mut expected: Vec<_> = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    expected.sort();
    assert!(lines(&files, is_part) == expected);
    let mut rejects: Vec<_> =
        fs::read_to_string(dir.path("rejects.jsonl")).unwrap().lines().map(str::to_owned).collect();
    rejects.sort();
    assert!(lines(&files, |path| path.starts_with("_rejects/")) == rejects);
    // Each record is where its values say.
    let paths: Vec<_> = files.keys().filter(|path| is_part(path)).collect();
    assert!(paths.len() > 5, "{paths:?}");
    for path in paths {
        let (provider, date) = match path.split('/').collect::<Vec<_>>()[..] {
            ["provider=aws", "product=vpc", date, _] => ("aws", date),
            ["provider=huawei", "product=vpc", date, _] => ("huawei", date),
            _ => panic!("{path}"),
        };
        let day: jiff::civil::Date = date.strip_prefix("date=").unwrap().parse().unwrap();
        let start = day.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp().as_millisecond();
        for line in lines(&files, |other| other == path) {
            let record: Value = serde_json::from_str(&line).unwrap();
            assert_eq!(record["provider"], provider);
            let time = record["start_ms"].as_i64().unwrap();
            assert!((start..start + 86_400_000).contains(&time), "{path}: {line}");
        }
    }
    // The account is that of one run, and closes.
    let summary: Value = serde_json::from_slice(&output.stderr).unwrap();
    let manifest = dir.manifest("lake");
    for part in ["records", "bytes", "by_product", "rejects_by_reason"] {
        assert_eq!(manifest[part], summary[part], "{part}");
    }
    assert_eq!(manifest["inputs"]["in"], 30);
    assert!(manifest["shards"].as_array().unwrap().len() > 1);
    assert_eq!(dir.ends(0, &["manifest", "verify", "lake/"]), "");
}

#[test]
fn records_of_a_job_tell_which_input_they_are_from() {
    let dir = Dir::new("sources");
    dir.exports(6, 1000);
    let run = ["--source-name", "--where", "log_offset > 0", "exports/"];
    dir.job(&[&run[..], &["--compression", "none", "--shard-size", "1", "--output", "lake/"]].concat());
    let output =
        dir.weir(&[&["normalize", "--summary", "none", "--rejects", "rejects.jsonl"], &run[..]].concat());
    let mut expected: Vec<_> = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    expected.sort();
    assert!(expected.len() > 5000 && expected.iter().all(|line| line.contains("\"log_file\":\"exports/")));
    assert!(lines(&dir.files("lake"), is_part) == expected);
}

#[test]
fn a_job_in_pieces_is_the_job_in_one() {
    let dir = Dir::new("pieces");
    dir.exports(40, 1500);
    dir.job(&partitioned(&["--jobs", "1"]));
    let whole = dir.files("lake");
    fs::remove_dir_all(dir.path("lake")).unwrap();
    for (piece, jobs) in [("2/3", "1"), ("0/3", "2"), ("1/3", "5")] {
        assert!(!dir.files(".").keys().any(|path| path.ends_with("/manifest.json")));
        dir.job(&partitioned(&["--shard", piece, "--jobs", jobs]));
    }
    assert!(dir.files("lake") == whole);
    // What is there is written over with the same bytes, and with --resume it is not touched.
    dir.job(&partitioned(&[]));
    assert!(dir.files("lake") == whole);
    let part = whole.keys().find(|path| is_part(path)).unwrap();
    let written = || fs::metadata(dir.path("lake").join(part)).unwrap().modified().unwrap();
    let before = written();
    dir.job(&partitioned(&["--resume"]));
    assert_eq!(written(), before);
    assert!(dir.files("lake") == whole);
}

#[test]
fn other_outputs_are_jobs_too() {
    let dir = Dir::new("outputs");
    dir.exports(6, 200);
    for (args, ending) in [
        (&["--to", "csv", "--compression", "none", "--partition", "date"][..], ".csv"),
        (&["--to", "ocsf"], ".jsonl.zst"),
        (&["--to", "otel", "--compression", "gzip"], ".jsonl.gz"),
        (&["--to", "parquet", "--partition", "provider,product,date"], ".parquet"),
        (&["--to", "parquet", "--addresses", "binary", "--native"], ".parquet"),
    ] {
        let output = format!("lake{}/", args.join(""));
        let job = [&["exports/", "--output", &output], args].concat();
        dir.job(&job);
        let files = dir.files(&output);
        let parts: Vec<_> = files.keys().filter(|path| is_part(path)).collect();
        assert!(!parts.is_empty() && parts.iter().all(|path| path.ends_with(ending)), "{parts:?}");
        dir.ends(0, &["manifest", "verify", &output]);
        // Also where records have no time of their own, it is the same when it is repeated.
        dir.job(&job);
        assert!(dir.files(&output) == files);
    }
}

/// Random enough, and the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

#[test]
fn a_job_that_is_killed_again_and_again_makes_the_same() {
    let kills: u64 = env::var("WEIR_KILLS").ok().map_or(5, |kills| kills.parse().unwrap());
    let count = if kills > 5 { 2000 } else { 300 };
    let dir = Dir::new("kills");
    dir.exports(count, 200);
    dir.job(&partitioned(&["--jobs", "2"]));
    let whole = dir.files("lake");
    let shards = dir.manifest("lake")["shards"].as_array().unwrap().len() as u64;
    assert!(shards > 5, "{shards}");
    let mut random = Random(kills);
    let mut killed = 0;
    while killed < kills {
        fs::remove_dir_all(dir.path("lake")).unwrap();
        // Until a job comes to its end.
        loop {
            let mut child = dir
                .command(
                    &[&["normalize", "--verbose"], &partitioned(&["--resume", "--jobs", "2"])[..]].concat(),
                )
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let mut told = BufReader::new(child.stderr.take().unwrap()).lines();
            // It tells each input before it reads it.
            let left = 1 + random.below(count as u64 / 4);
            let is_at_its_end =
                (0..left).any(|_| !told.next().is_some_and(|line| line.unwrap().contains("reading")));
            if is_at_its_end || killed == kills {
                assert!(told.all(|line| line.is_ok()));
                assert_eq!(child.wait().unwrap().code(), Some(0));
                break;
            }
            child.kill().unwrap();
            child.wait().unwrap();
            killed += 1;
        }
        let files: BTreeMap<_, _> =
            dir.files("lake").into_iter().filter(|(path, _)| !path.contains("unfinished")).collect();
        let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&files), names(&whole));
        assert!(files == whole);
        assert_eq!(dir.ends(0, &["manifest", "verify", "lake/"]), "");
    }
}

#[test]
fn a_bad_input_does_not_end_the_job_and_is_done_again_when_it_is_good() {
    let dir = Dir::new("bad");
    dir.exports(30, 2000);
    let (name, time) = ("exports/0/0021.log.gz", SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000));
    let put = |bytes: &[u8]| {
        dir.write(name, bytes);
        fs::File::options().write(true).open(dir.path(name)).unwrap().set_modified(time).unwrap();
    };
    let good = fs::read(dir.path(name)).unwrap();
    put(&good);
    dir.job(&partitioned(&[]));
    let whole = dir.files("lake");
    fs::remove_dir_all(dir.path("lake")).unwrap();

    let mut bad = good.clone();
    let middle = bad.len() / 2;
    bad[middle..].fill(0);
    put(&bad);
    let told = dir.ends(1, &[&["normalize", "--summary", "none"], &partitioned(&[])[..]].concat());
    assert!(told.contains("0021.log.gz") && told.contains("1 of 30 inputs"), "{told}");
    assert_eq!(dir.manifest("lake")["inputs"]["failed"], 1);
    let told = dir.ends(1, &["manifest", "verify", "lake/"]);
    assert!(told.contains("0021.log.gz: the gzip data is"), "{told}");

    put(&good);
    dir.job(&partitioned(&["--resume"]));
    assert!(dir.files("lake") == whole);
    dir.ends(0, &["manifest", "verify", "lake/"]);

    // Some are too many.
    fs::remove_dir_all(dir.path("lake")).unwrap();
    put(&bad);
    for (args, words) in [(&["--max-failed", "0"][..], "gzip"), (&["--fail-fast"], "gzip")] {
        let told = dir.ends(1, &[&["normalize", "--summary", "none"], &partitioned(args)[..]].concat());
        assert!(told.contains(words), "{told}");
        assert!(!dir.files("lake").keys().any(|path| path.ends_with("/manifest.json")));
    }
    dir.ends(1, &[&["normalize", "--summary", "none"], &partitioned(&["--max-failed", "1"])[..]].concat());
    assert!(dir.files("lake").keys().any(|path| path.ends_with("/manifest.json")));
}

#[test]
fn another_plan_with_the_same_inputs_is_refused_and_told() {
    let dir = Dir::new("changed");
    dir.exports(9, 100);
    dir.job(&partitioned(&[]));
    let files = dir.files("lake");
    let refused = |args: &[&str], words: &[&str]| {
        for resume in [&[][..], &["--resume"]] {
            let told = dir.ends(2, &[&["normalize"], &partitioned(args)[..], resume].concat());
            for word in words {
                assert!(told.contains(word), "{word}: {told}");
            }
        }
        assert!(dir.files("lake") == files);
    };
    refused(&["--where", "bytes > 5"], &["where is \"bytes > 5\" and was nothing", "the same 9 inputs"]);
    refused(&["--compression", "gzip"], &["compression is \"gzip\" and was \"zstd\""]);
    dir.write("exports/0/new.log", "x\n");
    refused(&[], &["exports/0/new.log is new", "twice"]);
    fs::remove_file(dir.path("exports/0/new.log")).unwrap();
    let first = fs::read(dir.path("exports/1/0001.log")).unwrap();
    dir.write("exports/1/0001.log", [&first[..], b"x\n"].concat());
    refused(&[], &["exports/1/0001.log has changed"]);
    // What is new alone is a plan of its own, in the same table.
    dir.write("later/a.log", &first);
    dir.job(&["later/", "--output", "lake/", "--partition", "provider,product,date"]);
    assert!(dir.files("lake").len() > files.len());
    dir.ends(0, &["manifest", "verify", "lake/"]);
}

#[test]
fn a_folder_has_one_table() {
    let dir = Dir::new("one-table");
    dir.exports(2, 100);
    let job = |input: &str, more: &[&str]| dir.weir(&[&["normalize", input, "-o", "lake/"], more].concat());
    let files = || dir.files("lake").len();
    assert!(job("exports/0", &["--partition", "date"]).status.success());
    let before = files();
    for (more, told) in [
        (&["--to", "parquet", "--partition", "date"][..], "--to flat and not parquet"),
        (&["--partition", "date", "--to", "ecs"], "--to flat"),
        (&["--partition", "provider"], "--partition date and not provider"),
        (&[], "--partition date and not none"),
    ] {
        let output = job("exports/1", more);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(told) || said.contains("only flat records"), "{said}");
    }
    assert_eq!(files(), before);
    assert!(job("exports/1", &["--partition", "date", "--compression", "gzip"]).status.success());
}

/// A file of a table, what it is made instead or that it is deleted, and what is told of that.
type Case<'a> = (&'a str, Option<Vec<u8>>, &'a [&'a str]);

#[test]
fn what_is_wrong_with_a_table_is_found() {
    let dir = Dir::new("verify");
    dir.exports(30, 2000);
    dir.job(&partitioned(&[]));
    let files = dir.files("lake");
    let path = |is_meant: fn(&str) -> bool| files.keys().find(|path| is_meant(path)).unwrap().clone();
    let part = path(is_part);
    let rejects = path(|path| path.starts_with("_rejects/"));
    let shard = path(|path| path.contains("/shard-00001-of-"));
    let plan = path(|path| path.ends_with("/plan.json"));
    let manifest = path(|path| path.ends_with("/manifest.json"));
    let flipped = |path: &str| {
        let mut bytes = files[path].clone();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        Some(bytes)
    };
    let edited = |path: &str, from: &str, to: &str| {
        let text = String::from_utf8(files[path].clone()).unwrap();
        assert!(text.contains(from));
        Some(text.replacen(from, to, 1).into_bytes())
    };
    let stray =
        format!("date=1/{}-007.jsonl.zst", part.rsplit('/').next().unwrap().rsplit_once('-').unwrap().0);
    let cases: [Case<'_>; 9] = [
        (&part, flipped(&part), &[&part, "not those that were written; delete it"]),
        (&part, Some(files[&part][1..].to_vec()), &[&part, "it has ", "--resume"]),
        (&part, None, &[&part, "is missing; run the job again with --resume"]),
        (&rejects, None, &[&rejects, "is missing"]),
        (&shard, None, &["1 of ", "are not done (1)"]),
        (
            &shard,
            edited(&shard, "\"normalized\":", "\"normalized\":1"),
            &["shard-00001", "in is not normalized"],
        ),
        (&plan, edited(&plan, "\"size\":", "\"size\":1"), &["plan.json", "not the plan"]),
        (&manifest, None, &["manifest.json", "is missing"]),
        (&stray, Some(Vec::new()), &[&stray, "no manifest has this file"]),
    ];
    for (name, bytes, words) in cases {
        let at = dir.path("lake").join(name);
        match &bytes {
            Some(bytes) => dir.write(&format!("lake/{name}"), bytes),
            None => fs::remove_file(&at).unwrap(),
        }
        let told = dir.ends(1, &["manifest", "verify", "lake/"]);
        assert!(words.iter().all(|word| told.contains(word)), "{words:?}: {told}");
        match files.get(name) {
            Some(bytes) => dir.write(&format!("lake/{name}"), bytes),
            None => fs::remove_file(&at).unwrap(),
        }
    }
    dir.ends(0, &["manifest", "verify", "lake/"]);
    // What is missing is made again, the rest is left.
    for gone in [&part, &manifest, &shard] {
        fs::remove_file(dir.path("lake").join(gone)).unwrap();
    }
    dir.job(&partitioned(&["--resume"]));
    assert!(dir.files("lake") == files);
    let told = dir.ends(1, &["manifest", "verify", "exports/"]);
    assert!(told.contains("no plan") && told.contains("the service"), "{told}");
}

#[test]
fn a_plan_is_printed_and_nothing_is_done() {
    let dir = Dir::new("dry");
    dir.exports(30, 2000);
    let run = |args: &[&str]| {
        let output = dir.weir(&[&["normalize", "--dry-run"], &partitioned(args)[..]].concat());
        assert_eq!((output.status.code(), &output.stderr[..]), (Some(0), &b""[..]));
        String::from_utf8(output.stdout).unwrap()
    };
    let human = run(&[]);
    assert!(human.contains("30 inputs") && human.contains("flat by provider, product, date"), "{human}");
    let json: Value = serde_json::from_str(&run(&["--summary", "json"])).unwrap();
    assert!(human.starts_with(&format!("plan {}: ", json["plan"].as_str().unwrap())));
    let shards = json["shards"].as_array().unwrap();
    assert_eq!(human.lines().count(), 4 + shards.len());
    let names: Vec<_> = shards.iter().flat_map(|shard| shard["inputs"].as_array().unwrap()).collect();
    assert_eq!(names.len(), 30);
    assert!(!dir.path("lake").exists());
    // A piece that has nothing to do says so.
    let shards = shards.len();
    let share = format!("{shards}/{}", shards + 1);
    let told = format!("--shard {share}: the plan has {shards} shards, so that there is none for this piece");
    assert!(run(&["--shard", &share]).ends_with(&format!("{told}\n")));
    assert!(dir.ends(0, &[&["normalize"], &partitioned(&["--shard", &share])[..]].concat()).contains(&told));
    dir.job(&partitioned(&["--shard", "1/2"]));
    let json: Value = serde_json::from_str(&run(&["--summary", "json", "--resume"])).unwrap();
    for shard in json["shards"].as_array().unwrap() {
        assert_eq!(shard["done"], shard["shard"].as_u64().unwrap() % 2 == 1);
    }
}

/// Where the rejects are is told as they are: there is no option that says it.
#[test]
fn a_job_tells_where_its_rejects_are() {
    let dir = Dir::new("told");
    dir.exports(1, 5);
    dir.write("bad/a.log", "no record\n");
    let job = |code, args: &[&str]| dir.ends(code, &[&["normalize", "--output"], args].concat());
    let told = job(0, &["some/", "exports/", "bad/"]);
    assert!(told.ends_with("\nsome/_rejects/ has the rejects with their reasons\n"), "{told}");
    let told = job(3, &["all/", "bad/"]);
    assert!(told.contains("all 1 were rejected; all/_rejects/ has them"), "{told}");
    assert!(!told.contains("--rejects FILE") && told.matches("_rejects/").count() == 1, "{told}");
    assert_eq!(job(0, &["quiet/", "exports/", "bad/", "-q"]), "");
    let told = job(0, &["none/", "exports/"]);
    assert!(!told.contains("_rejects/"), "{told}");
}

#[test]
fn what_can_be_no_job_is_refused() {
    let dir = Dir::new("refused");
    dir.exports(3, 10);
    for (args, words) in [
        (&["exports/", "--partition", "date"][..], "only a job has this"),
        (&["exports/", "--output", "a.jsonl", "--resume"], "only a job has this"),
        (&["--output", "lake/"], "standard input"),
        (&["exports/", "--output", "lake/", "--limit", "3"], "--limit: this is a job"),
        (&["exports/", "--output", "lake/", "--to", "arrow"], "--to arrow: that is a stream"),
        (&["exports/", "--output", "lake/", "--to", "parquet", "--compression", "gzip"], "compressed inside"),
        (&["exports/", "--output", "lake/", "--to", "ecs", "--partition", "date"], "only flat records"),
        (
            &["exports/", "--output", "lake/", "--partition", "hour"],
            "provider, product, region, accountId, date",
        ),
        (&["exports/", "--output", "lake/", "--shard", "3/3"], "the last 2/3"),
        (&["exports/", "--output", "exports/lake/"], "would read what it writes"),
        (&["exports/0/0000.log.gz", "--output", "exports/"], "would read what it writes"),
    ] {
        let told = dir.ends(2, &[&["normalize"], args].concat());
        assert!(told.contains(words), "{args:?}: {told}");
    }
    let told = dir.ends(1, &["normalize", "exports/", "missing.log", "--output", "lake/"]);
    assert!(told.contains("missing.log: can't read"), "{told}");
    assert!(!dir.path("lake").exists());
}

#[test]
fn hostile_values_stay_inside_of_the_folder() {
    let dir = Dir::new("hostile");
    // A guest that writes what it wants is not needed: what is in the way comes from records without values.
    let flat = r#"{"provider":"aws","kind":"flow","src_ip":"192.0.2.1","dst_ip":"192.0.2.2","bytes":5}"#;
    dir.write("in/flat.json", flat.replace(r#","kind""#, r#","product":"","kind""#));
    dir.job(&["in/", "--from", "flat", "--output", "lake/", "--partition", "provider,product,date"]);
    let files = dir.files("lake");
    let part = files.keys().find(|path| is_part(path)).unwrap();
    let folder = "provider=aws/product=__HIVE_DEFAULT_PARTITION__/date=__HIVE_DEFAULT_PARTITION__/part-";
    assert!(part.starts_with(folder), "{part}");
    assert_eq!(lines(&files, is_part), [flat]);
}
