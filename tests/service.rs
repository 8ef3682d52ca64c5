//! The service as a process: killed at any moment, told to end, checked.
//!
//! `cargo xtask soak --kills 200` runs the loop for longer: `WEIR_KILLS` says how often it is killed.

use std::{
    collections::BTreeMap,
    env,
    fs::{self, OpenOptions},
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// How long anything may take before a test fails; nothing comes near it.
const PATIENCE: Duration = Duration::from_secs(120);

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "it never came: {what}");
        thread::park_timeout(Duration::from_millis(2));
    }
}

fn weir() -> Command {
    Command::new(env!("CARGO_BIN_EXE_weir"))
}

fn line(id: u64) -> String {
    format!(
        "1 5f67944957444bd6bb4fe3b367de8f3d 1d515d18-1b36-47dc-a983-bd6512aed4bd 192.168.0.154 192.168.3.25 \
         38929 53 17 1 {id} 1548752136 1548752736 ACCEPT OK\n"
    )
}

/// How often each id is in files of records.
fn delivered(folder: &Path) -> BTreeMap<u64, u64> {
    let mut counts = BTreeMap::new();
    let Ok(entries) = fs::read_dir(folder) else { return counts };
    for entry in entries {
        let path = entry.unwrap().path();
        let raw = fs::read(&path).unwrap();
        let mut text = Vec::new();
        match path.extension().and_then(|e| e.to_str()) {
            // What a kill tore is behind what is whole.
            Some("zst") => drop(zstd::stream::read::Decoder::new(&raw[..]).unwrap().read_to_end(&mut text)),
            _ => text = raw,
        }
        for line in text.split_inclusive(|b| *b == b'\n').filter(|line| line.ends_with(b"\n")) {
            let record: serde_json::Value = serde_json::from_slice(line).unwrap();
            *counts.entry(record["bytes"].as_u64().unwrap()).or_default() += 1;
        }
    }
    counts
}

/// A configuration with a file source and an HTTP source, and a file sink for each.
struct Place {
    folder: TempDir,
    config: PathBuf,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().display();
        let text = format!(
            "state_dir = \"{root}/state\"\ncheckpoint = \"20ms\"\n\
             [sources.files]\ntype = \"file\"\npaths = [\"{root}/logs/*.log*\"]\npoll = \"5ms\"\nrotate_wait = \"100ms\"\n\
             [sources.requests]\ntype = \"http\"\nlisten = \"127.0.0.1:0\"\n\
             [pipelines.files]\nsources = [\"files\"]\nsinks = [\"plain\", \"packed\"]\n\
             [pipelines.requests]\nsources = [\"requests\"]\nsinks = [\"requests\"]\n\
             [sinks.plain]\ntype = \"file\"\npath = \"{root}/plain/out.ndjson\"\nmax_size = \"1MiB\"\n\
             [sinks.packed]\ntype = \"file\"\npath = \"{root}/packed/{{date}}.ndjson.zst\"\n\
             [sinks.requests]\ntype = \"file\"\npath = \"{root}/requests/out.ndjson\"\n"
        );
        fs::create_dir(folder.path().join("logs")).unwrap();
        let config = folder.path().join("weir.toml");
        fs::write(&config, text).unwrap();
        Self { folder, config }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts it; gives where it listens.
    fn start(&self) -> (Child, SocketAddr) {
        let log = self.path("log");
        let errors = fs::File::create(&log).unwrap();
        let mut child = weir()
            .args(["run", "--native"])
            .arg(&self.config)
            .stdin(Stdio::null())
            .stderr(errors)
            .spawn()
            .unwrap();
        let mut address = None;
        until("it listens", || {
            let text = fs::read_to_string(&log).unwrap();
            assert!(child.try_wait().unwrap().is_none(), "{text}");
            // JSON, as it is no terminal.
            let lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
            let mut lines = lines.map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
            address = lines.find_map(|line| line["address"].as_str()?.parse().ok());
            address.is_some()
        });
        (child, address.unwrap())
    }
}

/// Sends records; gives whether they are safe.
fn post(address: SocketAddr, body: &str) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else { return false };
    let head = format!(
        "POST / HTTP/1.1\r\nhost: weir\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut answer = String::new();
    let sent = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
    sent.and_then(|()| stream.read_to_string(&mut answer)).is_ok() && answer.starts_with("HTTP/1.1 200 ")
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

/// Numbers without order, the same in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// Cases 18, 19 and 24: killed at any moment, with files that are written and rotated meanwhile, and
/// with requests. Everything that was written or answered for comes out; what comes twice is bounded by
/// what can be under way.
#[test]
fn case_18_and_24_killed_again_and_again_nothing_is_lost() {
    let kills: u64 = env::var("WEIR_KILLS").ok().map_or(6, |n| n.parse().unwrap());
    let place = Place::new();
    let log = place.path("logs/a.log");
    let mut random = Random(kills);
    let (mut written, mut sent, mut safe) = (0, 1_000_000_000, Vec::new());
    for kill in 0..kills {
        let (mut child, address) = place.start();
        for _ in 0..=random.below(20) {
            let mut file = OpenOptions::new().append(true).create(true).open(&log).unwrap();
            for _ in 0..random.below(200) {
                file.write_all(line(written).as_bytes()).unwrap();
                written += 1;
            }
            if random.below(8) == 0 {
                fs::rename(&log, place.path(&format!("logs/a.log.{kill}.{written}"))).unwrap();
            }
            let ids = sent..sent + random.below(50);
            sent = ids.end;
            if post(address, &ids.clone().map(line).collect::<String>()) {
                safe.extend(ids);
            }
        }
        // The moment depends on how far it came: after some of the last records, or before.
        let wait = random.below(3) * written / 3;
        until("some of it", || random.below(4) == 0 || delivered(&place.path("plain")).len() as u64 >= wait);
        child.kill().unwrap();
        child.wait().unwrap();
        let found = delivered(&place.path("requests"));
        assert!(
            safe.iter().all(|id| found.contains_key(id)),
            "kill {kill}: what was answered with 200 is lost"
        );
    }
    let (mut child, address) = place.start();
    for folder in ["plain", "packed"] {
        until(&format!("all of {written} in {folder}"), || {
            delivered(&place.path(folder)).len() as u64 >= written
        });
        let found = delivered(&place.path(folder));
        assert!(found.keys().copied().eq(0..written), "{folder}: nothing unknown, nothing lost");
        let twice: u64 = found.values().map(|n| n - 1).sum();
        assert!(twice <= written, "{folder}: {twice} of {written} came again");
        println!("{folder}: {written} records, {twice} of them again after {kills} kills");
    }
    // A fresh record gets through, and the end is in order.
    assert!(post(address, &line(sent)));
    safe.push(sent);
    signal(&child, "-TERM");
    assert!(child.wait().unwrap().success());
    let found = delivered(&place.path("requests"));
    assert!(safe.iter().all(|id| found.contains_key(id)));
    assert!(found.keys().all(|id| (1_000_000_000..=sent).contains(id)));
    // After an end in order nothing comes again.
    let before = delivered(&place.path("plain"));
    let (mut child, _) = place.start();
    let mut file = OpenOptions::new().append(true).create(true).open(&log).unwrap();
    file.write_all(line(written).as_bytes()).unwrap();
    until("the fresh record", || delivered(&place.path("plain")).contains_key(&written));
    signal(&child, "-INT");
    assert!(child.wait().unwrap().success());
    let mut after = delivered(&place.path("plain"));
    assert_eq!(after.remove(&written), Some(1));
    assert_eq!(after, before);
}

#[test]
fn a_stream_goes_through_standard_input_and_output() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("weir.toml");
    let text = format!(
        "state_dir = {:?}\n[sources.in]\ntype = \"stdin\"\n[pipelines.p]\nsources = [\"in\"]\nsinks = [\"out\"]\n\
         where = \"bytes >= 2\"\n[sinks.out]\ntype = \"stdout\"\n",
        folder.path().join("state")
    );
    fs::write(&config, text).unwrap();
    let mut child = weir()
        .args(["run", "--native"])
        .arg(&config)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all((0..5).map(line).collect::<String>().trim_end().as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    let ids: Vec<u64> = lines
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["bytes"].as_u64().unwrap())
        .collect();
    assert_eq!(ids, [2, 3, 4]);
}

#[test]
fn check_tells_everything_and_starts_nothing() {
    let place = Place::new();
    // `check` tries the built-in guest, too.
    let run = |args: &[&str]| {
        let output = weir().args(args).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    };
    let config = place.config.to_str().unwrap();
    let text = fs::read_to_string(config).unwrap();
    fs::write(config, text.replace("poll", "pol").replace("max_size", "maxsize")).unwrap();
    let (code, told) = run(&["check", config]);
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("weir.toml:6:1: ") && told.contains("did you mean `poll`?"), "{told}");
    assert!(told.contains("did you mean `max_size`?"), "{told}");
    assert!(!place.path("state").exists());
    let (code, told) = run(&["run", "--native", config]);
    assert!(code == Some(2) && told.contains("did you mean `poll`?"), "{told}");
    let (code, told) = run(&["check", "/no/such/file"]);
    assert!(code == Some(2) && told.contains("check the path"), "{told}");
    let (code, told) = run(&["schema", "config"]);
    assert!(code == Some(0) && serde_json::from_str::<serde_json::Value>(&told).is_ok());
}

#[test]
fn the_state_is_listed_and_reset() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("weir.toml");
    let root = folder.path().display();
    let text = format!(
        "state_dir = \"{root}/state\"\n[sources.in]\ntype = \"file\"\npaths = [\"{root}/*.log\"]\n\
         [pipelines.p]\nsources = [\"in\"]\nsinks = [\"out\"]\n[sinks.out]\ntype = \"file\"\npath = \"{root}/out/out.ndjson\"\n"
    );
    fs::write(&config, text).unwrap();
    fs::write(folder.path().join("a.log"), line(7)).unwrap();
    let run = |args: &[&str]| {
        let output = weir().args(args).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    };
    let config = config.to_str().unwrap();
    let once = ["run", "--native", "--once", config];
    for _ in 0..2 {
        let (code, told) = run(&once);
        assert_eq!(code, Some(0), "{told}");
    }
    assert_eq!(delivered(&folder.path().join("out")), [(7, 1)].into());
    let (code, told) = run(&["state", "list", config]);
    assert_eq!((code, told), (Some(0), format!("p/in\t{root}/a.log\t{}\n", line(7).len())));
    let (code, told) = run(&["state", "reset", config, "--source", "other"]);
    assert!(code == Some(2) && told.contains("nothing is remembered of the source other"), "{told}");
    assert_eq!(run(&["state", "reset", config, "--source", "in"]).0, Some(0));
    assert_eq!(run(&["state", "list", config]), (Some(0), String::new()));
    assert_eq!(run(&once).0, Some(0));
    assert_eq!(delivered(&folder.path().join("out")), [(7, 2)].into());
}

/// A folder with the samples and the examples, as in the checkout.
fn beside_the_samples() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let top = package.ancestors().find(|folder| folder.join("ARCHITECTURE.md").exists()).unwrap();
    for name in ["samples", "examples"] {
        fs::create_dir(folder.path().join(name)).unwrap();
        for entry in fs::read_dir(top.join(name)).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, folder.path().join(name).join(path.file_name().unwrap())).unwrap();
        }
    }
    folder
}

#[test]
fn the_example_of_an_archive_runs() {
    let folder = beside_the_samples();
    let run = || {
        let mut weir = weir();
        weir.args(["run", "--once", "--native", "examples/archive.toml"]).current_dir(folder.path());
        let output = weir.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    run();
    let mut found = Vec::new();
    let mut folders = vec![folder.path().join("archive")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = String::from_utf8(zstd::decode_all(fs::File::open(&path).unwrap()).unwrap()).unwrap();
            let provider = path.parent().unwrap().parent().unwrap().file_name().unwrap().to_owned();
            for line in text.lines() {
                let record: serde_json::Value = serde_json::from_str(line).unwrap();
                assert_eq!(record["provider"].as_str(), provider.to_str());
                assert!(record["action"] == "reject" || record["bytes"].as_u64() > Some(1000), "{record}");
                found.push(line.to_owned());
            }
        }
    }
    let mut weir = weir();
    weir.args(["normalize", "--native", "--summary", "none", "--where", "action == reject or bytes > 1kB"]);
    weir.args(["aws-vpc.log", "huawei-vpc.log", "huawei-vpc.log.gz"].map(|name| format!("samples/{name}")));
    let output = weir.current_dir(folder.path()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut right: Vec<_> = text.lines().map(str::to_owned).collect();
    (found.sort(), right.sort());
    assert!(!right.is_empty() && found == right, "{found:#?}\n{right:#?}");
}

#[test]
fn the_examples_are_right() {
    let folder = beside_the_samples();
    let mut checked = 0;
    for entry in fs::read_dir(folder.path().join("examples")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "toml") {
            continue;
        }
        let config = weir_service::config::Config::load(&path).unwrap_or_else(|e| panic!("{e}"));
        let native = |config: &weir_normalizer::Config| {
            Ok(std::sync::Arc::new(weir_pipeline::Native(config.clone()))
                as std::sync::Arc<dyn weir_pipeline::Factory>)
        };
        weir_service::service::check(&config, &native).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        checked += 1;
    }
    assert!(checked >= 2);
}
