//! `weir run`, `weir check`, `weir reload`, `weir state`: the service as the command line has it.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
    os::unix::net::UnixDatagram,
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

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

#[test]
fn signals_end_it_in_order_and_its_log_is_json() {
    for name in ["-TERM", "-INT"] {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().display();
        let config = folder.path().join("weir.toml");
        let text = format!(
            "state_dir = \"{root}/state\"\n[sources.in]\ntype = \"file\"\npaths = [\"{root}/*.log\"]\npoll = \"5ms\"\n\
             [pipelines.p]\nsources = [\"in\"]\nsinks = [\"out\"]\n\
             [sinks.out]\ntype = \"file\"\npath = \"{root}/out/out.ndjson\"\n"
        );
        fs::write(&config, text).unwrap();
        fs::write(folder.path().join("a.log"), line(1) + &line(2)[..50]).unwrap();
        let mut weir = weir();
        let mut child = weir.args(["run", "--native"]).arg(&config).stderr(Stdio::piped()).spawn().unwrap();
        until("the record", || delivered(&folder.path().join("out")).contains_key(&1));
        // None of these ends it.
        let mut log = BufReader::new(child.stderr.take().unwrap());
        signal(&child, "-USR2");
        signal(&child, "-USR1");
        let events = log
            .by_ref()
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(&line.unwrap()).unwrap());
        let mut accounts = events.filter(|event| event["message"] == "so far");
        let account = accounts.next().expect("an account");
        assert_eq!((&account["pipeline"], &account["normalized"]), (&"p".into(), &1.into()), "{account}");
        drop(accounts);
        signal(&child, name);
        let (status, mut rest) = (child.wait().unwrap(), String::new());
        log.read_to_string(&mut rest).unwrap();
        let log = rest;
        assert!(status.success(), "{name}: {log}");
        assert_eq!(log.lines().filter(|line| line.contains("\"ending; what was read")).count(), 1, "{log}");
        log.lines().for_each(|line| drop(serde_json::from_str::<serde_json::Value>(line).unwrap()));
        assert_eq!(delivered(&folder.path().join("out")), [(1, 1)].into());
    }
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
fn rejects_are_told_in_the_log_and_the_status_is_that_of_what_could_be_read() {
    for (text, code, rejected) in [
        (line(1), 0, 0),
        (format!("{}bad\nworse\n", line(1)), 0, 2),
        ("bad\nworse\n".to_owned(), 3, 2),
        (String::new(), 0, 0),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().display();
        let config = folder.path().join("weir.toml");
        let told = format!(
            "state_dir = \"{root}/state\"\n[sources.in]\ntype = \"file\"\npaths = [\"{root}/*.log\", \"{root}/no\"]\n\
             [pipelines.p]\nsources = [\"in\"]\nsinks = [\"out\"]\n\
             [sinks.out]\ntype = \"file\"\npath = \"{root}/out/out.ndjson\"\n"
        );
        fs::write(&config, told).unwrap();
        fs::write(folder.path().join("a.log"), &text).unwrap();
        let output = weir().args(["run", "--native", "--once"]).arg(&config).output().unwrap();
        let log = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{log}");
        let events: Vec<serde_json::Value> =
            log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let warned: Vec<_> = events
            .iter()
            .filter(|event| event["message"].as_str().unwrap().starts_with("records can't be read"))
            .collect();
        // Once, however many there are at a time.
        assert_eq!(warned.len(), usize::from(rejected > 0), "{log}");
        for event in warned {
            assert_eq!(
                (&event["level"], &event["pipeline"], &event["records"]),
                (&"WARN".into(), &"p".into(), &1.into())
            );
            assert!(event["stream"].as_str().unwrap().ends_with("/a.log"), "{log}");
            assert!(
                !event["reason"].as_str().unwrap().is_empty() && !event["code"].as_str().unwrap().is_empty()
            );
        }
        let ended = events.iter().find(|event| event["message"] == "ended").unwrap();
        assert_eq!((&ended["rejected"], &ended["dead_letters"]), (&rejected.into(), &0.into()), "{log}");
        assert_eq!(log.lines().any(|line| line.starts_with("weir: no record of p could be read")), code == 3);
        // Nothing is looked for again where it ends.
        assert!(log.contains("nothing is read of it") && !log.contains("again and again"), "{log}");
    }
}

/// A run that ends tells whoever waits for it that something is missing.
#[test]
fn what_can_not_be_read_is_told_and_fails_a_run_that_ends() {
    let mut cut = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    cut.write_all(line(2).as_bytes()).unwrap();
    let cut = cut.finish().unwrap();
    for (name, bytes, told) in [
        ("b.log", line(2).as_bytes(), None),
        ("b.log.xz", b"\xfd7zXZ\0\0\x04", Some("compressed with xz, which is not read here; unpack it")),
        ("b.log.gz", &cut[..cut.len() - 16], Some("the archive is cut short; what is whole of it is read")),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().display();
        let config = folder.path().join("weir.toml");
        let text = format!(
            "state_dir = \"{root}/state\"\n[sources.in]\ntype = \"file\"\npaths = [\"{root}/*.log*\"]\n\
             [pipelines.p]\nsources = [\"in\"]\nsinks = [\"out\"]\n\
             [sinks.out]\ntype = \"file\"\npath = \"{root}/out/out.ndjson\"\n"
        );
        fs::write(&config, text).unwrap();
        fs::write(folder.path().join("a.log"), line(1)).unwrap();
        fs::write(folder.path().join(name), bytes).unwrap();
        let output = weir().args(["run", "--native", "--once"]).arg(&config).output().unwrap();
        let log = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(i32::from(told.is_some())), "{log}");
        let is_told = log.contains("weir: not all of in could be read");
        assert!(told.is_none_or(|told| is_told && log.contains(told)), "{log}");
        let records = fs::read_to_string(folder.path().join("out/out.ndjson")).unwrap();
        assert_eq!(records.lines().count(), if told.is_some() { 1 } else { 2 }, "{log}");
    }
}

#[test]
fn dead_letters_are_told_in_the_log() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let (mut head, mut length) = (String::new(), 0);
            while stream.read_line(&mut head).unwrap() > 2 {
                let line = head.to_ascii_lowercase();
                length = line.strip_prefix("content-length: ").map_or(length, |n| n.trim().parse().unwrap());
                head.clear();
            }
            stream.read_exact(&mut vec![0; length]).unwrap();
            let answer = "HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno";
            stream.get_mut().write_all(answer.as_bytes()).unwrap();
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().display();
    let config = folder.path().join("weir.toml");
    let text = format!(
        "state_dir = \"{root}/state\"\n[sources.in]\ntype = \"file\"\npaths = [\"{root}/*.log\"]\n\
         [pipelines.p]\nsources = [\"in\"]\nsinks = [\"out\"]\n\
         [sinks.out]\ntype = \"http\"\nurl = \"http://{address}/\"\n"
    );
    fs::write(&config, text).unwrap();
    fs::write(folder.path().join("a.log"), line(1) + &line(2)).unwrap();
    let output = weir().args(["run", "--native", "--once"]).arg(&config).output().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{log}");
    let events = || log.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let warned: Vec<_> =
        events().filter(|e| e["message"].as_str().unwrap().contains("will never take")).collect();
    let [event] = &warned[..] else { panic!("{log}") };
    assert_eq!(
        (&event["sink"], &event["code"], &event["reason"]),
        (&"out".into(), &"400".into(), &"no".into())
    );
    let ended = events().find(|event| event["message"] == "ended").unwrap();
    assert_eq!((&ended["normalized"], &ended["dead_letters"]), (&2.into(), &2.into()), "{log}");
}

#[test]
fn check_tells_everything_and_starts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().display();
    let config = folder.path().join("weir.toml");
    let text = format!(
        "state_dir = \"{root}/state\"\n[sources.in]\ntype = \"file\"\npaths = [\"{root}/*.log\"]\npol = \"5ms\"\n\
         [pipelines.p]\nsources = [\"in\"]\nsinks = [\"out\"]\n\
         [sinks.out]\ntype = \"file\"\npath = \"{root}/out.ndjson\"\nmaxsize = \"1MiB\"\n"
    );
    fs::write(&config, &text).unwrap();
    let run = |args: &[&str]| {
        let output = weir().args(args).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    };
    let config = config.to_str().unwrap();
    let (code, told) = run(&["check", config]);
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("weir.toml:5:1: ") && told.contains("did you mean `poll`?"), "{told}");
    assert!(told.contains("did you mean `max_size`?"), "{told}");
    assert!(!folder.path().join("state").exists());
    let (code, told) = run(&["run", "--native", config]);
    assert!(code == Some(2) && told.contains("did you mean `poll`?"), "{told}");
    // So are paths, also where something else of the same section is wrong.
    let wrong = text
        .replace("pol = \"5ms\"", "poll = 5")
        .replace("maxsize = \"1MiB\"", "max_size = true")
        .replace("/out.ndjson", "/weir.toml/deep/out.ndjson")
        .replace("sinks = [\"out\"]", &format!("sinks = [\"out\"]\nrejects = \"{root}/a.log\""));
    fs::write(config, wrong).unwrap();
    let (code, told) = run(&["check", config]);
    assert_eq!(code, Some(2), "{told}");
    let lines: Vec<_> = told.lines().collect();
    for (line, (place, says)) in lines.iter().zip([
        ("5:8", "expected a time span"),
        ("9:11", "a.log is written by `rejects` of [pipelines.p] and read by [sources.in]"),
        ("12:8", "/weir.toml is no folder; choose another path"),
        ("13:12", "expected a number of bytes"),
    ]) {
        assert!(
            line.contains(&format!("weir.toml:{place}: ")) && line.contains(says),
            "{place} {says}: {told}"
        );
    }
    assert_eq!(lines.len(), 4, "{told}");
    // What is right as far as it is read may still be where nothing can be written.
    let text = text.replace("pol = \"5ms\"\n", "").replace("maxsize = \"1MiB\"\n", "");
    fs::write(config, text.replace("/out.ndjson", "/weir.toml/deep/out.ndjson")).unwrap();
    let (code, told) = run(&["check", config]);
    assert!(code == Some(1) && told.contains("[sinks.out]: "), "{told}");
    assert!(told.contains("/weir.toml is no folder; choose another path"), "{told}");
    // What may not be meant is told and keeps nothing from starting.
    fs::write(
        config,
        text.replace("sinks = [\"out\"]", "sinks = [\"out\"]\nwhere = \"src_ip in 10.0.0.5/8\""),
    )
    .unwrap();
    let (code, told) = run(&["check", config]);
    assert_eq!(code, Some(0), "{told}");
    let warning =
        "weir.toml:8:9: warning: [pipelines.p]: where: 10.0.0.5/8 is read as the network 10.0.0.0/8";
    assert!(told.contains(warning), "{told}");
    // Relative paths are of the folder that it is run in.
    fs::write(config, text.replace(&format!("{root}/"), "")).unwrap();
    let output = weir().args(["check", config]).current_dir("/").output().unwrap();
    let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    for path in ["state_dir", "[sources.in]", "[sinks.out]", "`rejects` of [pipelines.p]"] {
        assert!(told.lines().any(|l| l.trim_start().starts_with(path)), "{told}");
    }
    for path in [" /state\n", " /*.log\n", " /out.ndjson\n", " /state/dead_letters/p.ndjson\n"] {
        assert!(told.contains(path), "{told}");
    }
    assert!(!folder.path().join("state").exists());
    let (code, told) = run(&["check", "/no/such/file"]);
    assert!(code == Some(2) && told.contains("check the path"), "{told}");
    let (code, told) = run(&["schema", "config"]);
    assert!(code == Some(0) && serde_json::from_str::<serde_json::Value>(&told).is_ok());
}

#[test]
fn the_configuration_is_read_again_at_sighup_and_standard_input_stays() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().display();
    let config = folder.path().join("weir.toml");
    let text = |more: &str, sink: &str| {
        format!(
            "state_dir = \"{root}/state\"\n[sources.in]\ntype = \"stdin\"\n\
             [pipelines.p]\nsources = [\"in\"]\nsinks = [\"out\"]\n{more}\
             [sinks.out]\ntype = \"file\"\npath = \"{root}/{sink}/out.ndjson\"\nbuffer = {{ max = \"1MiB\" }}\n"
        )
    };
    let write = |more: &str, sink: &str| fs::write(&config, text(more, sink)).unwrap();
    let reload = || {
        let output = weir().arg("reload").arg(&config).output().unwrap();
        let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (output.status.code(), told)
    };
    write("", "one");
    let (code, told) = reload();
    assert!(code == Some(2) && told.contains("no process works with this state directory"), "{told}");
    let mut weir = weir();
    weir.args(["run", "--native"]).arg(&config).stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut child = weir.spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut said = move |what: &str| {
        let mut lines = String::new();
        while !lines.contains(what) {
            assert!(log.read_line(&mut lines).unwrap() > 0, "{what}: {lines}");
        }
        lines
    };
    let mut stdin = child.stdin.take().unwrap();
    // A line that is cut in two by what follows.
    let cut = line(1);
    stdin.write_all((line(0) + &cut[..50]).as_bytes()).unwrap();
    until("the first", || delivered(&folder.path().join("one")).len() == 1);
    write("where = \"bytes != 2\"\n", "two");
    let (code, told) = reload();
    assert!(code == Some(0) && told.contains("weir.toml: the configuration is in force"), "{told}");
    said("is in force");
    stdin.write_all((cut[50..].to_owned() + &line(2) + &line(3)).as_bytes()).unwrap();
    until("what follows", || delivered(&folder.path().join("two")).keys().copied().eq([1, 3]));
    // What is wrong is told by the command, and by the service where only that knows it.
    write("where = \"byte != 2\"\n", "two");
    let (code, told) = reload();
    assert!(code == Some(2) && told.contains("weir.toml:7:"), "{told}");
    signal(&child, "-HUP");
    assert!(said("all goes on as it was").contains("weir.toml:7:"));
    write("quote = \"none\"\n", "two");
    let (code, told) = reload();
    assert!(
        code == Some(1) && told.contains("goes on as it was: [sources.in] reads standard input"),
        "{told}"
    );
    assert!(said("all goes on as it was").contains("which can't be read again"));
    stdin.write_all(line(4).as_bytes()).unwrap();
    drop(stdin);
    assert!(child.wait().unwrap().success());
    assert_eq!(delivered(&folder.path().join("one")), [(0, 1)].into());
    assert_eq!(delivered(&folder.path().join("two")), [(1, 1), (3, 1), (4, 1)].into());
}

#[test]
fn systemd_is_told_how_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().display();
    let config = folder.path().join("weir.toml");
    let text = format!(
        "state_dir = \"{root}/state\"\n[sources.in]\ntype = \"file\"\npaths = [\"{root}/*.log\"]\n\
         [pipelines.p]\nsources = [\"in\"]\nsinks = [\"out\"]\n[sinks.out]\ntype = \"stdout\"\n"
    );
    fs::write(&config, text).unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let told = || {
        let mut bytes = [0; 256];
        let len = socket.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..len]).trim_end().to_owned()
    };
    let mut weir = weir();
    weir.args(["run", "--native"]).arg(&config).stderr(Stdio::null()).stdout(Stdio::null());
    // 20 ms between signs of life.
    let mut child = weir.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "40000").spawn().unwrap();
    assert_eq!(told(), "READY=1");
    // It is alive again and again.
    assert_eq!([told(), told()], ["WATCHDOG=1", "WATCHDOG=1"]);
    let next = || loop {
        match told() {
            told if told == "WATCHDOG=1" => {}
            told => return told,
        }
    };
    signal(&child, "-HUP");
    let reloading = next();
    let time = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").expect(&reloading);
    assert!(time.parse::<u64>().unwrap() > 0);
    assert_eq!(next(), "READY=1");
    signal(&child, "-TERM");
    assert_eq!(next(), "STOPPING=1");
    assert!(child.wait().unwrap().success());
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
        assert!(told.contains("\"message\":\"ended\""), "{told}");
    }
    assert_eq!(delivered(&folder.path().join("out")), [(7, 1)].into());
    let (code, told) = run(&["state", "list", config]);
    let bytes = line(7).len();
    let table = format!("pipeline/source  bytes  path\np/in               {bytes}  {root}/a.log\n");
    assert_eq!((code, told), (Some(0), table));
    // What is done as a whole has no place in it.
    let archive = folder.path().join("b.log");
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(line(8).as_bytes()).unwrap();
    fs::write(&archive, encoder.finish().unwrap()).unwrap();
    assert_eq!(run(&once).0, Some(0));
    let (code, told) = run(&["state", "list", config]);
    assert!(
        code == Some(0) && told.lines().any(|line| line.ends_with(&format!("  -  {root}/b.log (done)"))),
        "{told}"
    );
    fs::remove_file(archive).unwrap();
    assert_eq!(run(&["state", "reset", config, "--source", "in"]).0, Some(0));
    fs::remove_dir_all(folder.path().join("out")).unwrap();
    assert_eq!(run(&once).0, Some(0));
    let (code, told) = run(&["state", "list", "--json", config]);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    let wanted = serde_json::json!({
        "pipeline": "p", "source": "in", "path": format!("{root}/a.log"), "bytes": bytes, "done": false
    });
    assert_eq!((code, told), (Some(0), wanted));
    let (code, told) = run(&["state", "reset", config, "--source", "other"]);
    assert!(code == Some(2) && told.contains("nothing is remembered of the source other"), "{told}");
    assert_eq!(run(&["state", "reset", config, "--source", "in"]).0, Some(0));
    let (code, told) = run(&["state", "list", config]);
    assert!(code == Some(0) && told.contains("/state: no progress is remembered here"), "{told}");
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

/// The files below a folder.
fn files_below(folder: PathBuf) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![folder]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { &mut folders } else { &mut files }.push(path);
        }
    }
    files
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
    for path in files_below(folder.path().join("archive")) {
        let text = String::from_utf8(zstd::decode_all(fs::File::open(&path).unwrap()).unwrap()).unwrap();
        let provider = path.parent().unwrap().parent().unwrap().file_name().unwrap().to_owned();
        for line in text.lines() {
            let record: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(record["provider"].as_str(), provider.to_str());
            assert!(record["action"] == "reject" || record["bytes"].as_u64() > Some(1000), "{record}");
            found.push(line.to_owned());
        }
    }
    let mut weir = weir();
    weir.args(["normalize", "--native", "--summary", "none", "--where", "action == reject or bytes > 1kB"]);
    weir.args(["aws-vpc.log", "huawei-vpc.log"].map(|name| format!("samples/{name}")));
    let output = weir.current_dir(folder.path()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut right: Vec<_> = text.lines().map(str::to_owned).collect();
    found.sort();
    right.sort();
    assert!(!right.is_empty() && found == right, "{found:#?}\n{right:#?}");
}

#[test]
fn the_example_of_a_lake_runs() {
    let folder = beside_the_samples();
    let mut weir = weir();
    weir.args(["run", "--once", "--native", "examples/lake.toml"]).current_dir(folder.path());
    let output = weir.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tables = files_below(folder.path().join("lake"));
    for path in &tables {
        let parent = path.parent().unwrap().to_str().unwrap();
        assert!(parent.contains("/lake/provider=") && parent.contains("/product=vpc/date="), "{parent}");
        assert!(fs::read(path).unwrap().ends_with(b"PAR1"), "{}", path.display());
    }
    assert!(tables.len() >= 2, "{tables:?}");
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
        let checked_so = weir_service::service::check(&config, &native);
        if path.ends_with("kafka.toml") && cfg!(not(feature = "kafka")) {
            // It is right, and needs another build.
            let told = checked_so.unwrap_err().to_string();
            assert_eq!(told.lines().count(), 2, "{told}");
            for (line, section) in [(7, "sources.dms"), (20, "sinks.normalized")] {
                let wanted = format!("kafka.toml:{line}:");
                let wanted = |told: &str| told.contains(&wanted) && told.contains(section);
                assert!(told.lines().any(|told| wanted(told) && told.contains("--features kafka")), "{told}");
            }
        } else {
            checked_so.unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        }
        checked += 1;
    }
    assert!(checked >= 2);
}
