//! Objects of stores as inputs and outputs of `weir normalize`, with a server that stands in for OSS and
//! OBS and takes no request that is not signed as the vendor asks.

#[path = "../host/store/tests/support/vendor.rs"]
mod vendor;

use std::{
    fs,
    io::Write as _,
    process::{Child, Command, Output, Stdio},
};

use vendor::{KEY, SECRET, Server, Vendor};

const LINE: &str = "1 5f67944957444bd6bb4fe3b367de8f3d 1d515d18-1b36-47dc-a983-bd6512aed4bd \
    192.168.0.154 192.168.3.25 38929 53 17 1 96 1548752136 1548752736 ACCEPT OK\n";

/// Different records, a bad one among them.
fn lines(first: usize, count: usize) -> String {
    let line = |i: usize| LINE.replace("38929", &(i % 65_536).to_string());
    let lines = (first..first + count).map(line);
    lines.collect::<String>() + "no record\n"
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn zip(members: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in members {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn command(server: &Server, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    command.args(["normalize", "--endpoint", &server.endpoint]).args(args);
    for (key, secret) in [
        ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"),
        ("HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK"),
    ] {
        command.env(key, KEY).env(secret, SECRET);
    }
    command.env_remove("HUAWEI_CLOUD_ACCESS_KEY_ID").env_remove("ALIBABA_CLOUD_SECURITY_TOKEN");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(server: &Server, args: &[&str]) -> Output {
    command(server, args).output().unwrap()
}

#[track_caller]
fn said(output: &Output, code: i32) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert!(!text.contains(SECRET), "{text}");
    text
}

/// Objects below `logs/`, compressed in several ways, and what is hidden or a marker among them.
fn logs(server: &Server) {
    for (key, bytes) in [
        ("logs/", Vec::new()),
        ("logs/.hidden", b"hidden\n".to_vec()),
        ("logs/.folder/a.log", b"hidden\n".to_vec()),
        ("logs/2026-01-30/a.log", lines(0, 10).into_bytes()),
        ("logs/2026-01-30/b.log.gz", gzip(&lines(100, 2000))),
        ("logs/2026-01-31/c", zstd::encode_all(lines(5000, 300).as_bytes(), 0).unwrap()),
        ("logs/2026-01-31/d.zip", zip(&[("x", &lines(1, 5)), ("y", &lines(50, 700))])),
        ("logs/2026-01-31/e.log", lines(7, 1).into_bytes()),
        ("other/f.log", lines(30_000, 3).into_bytes()),
    ] {
        server.put(key, bytes);
    }
}

/// The same as files of a folder.
fn folder(server: &Server) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for key in [
        "logs/.hidden",
        "logs/2026-01-30/a.log",
        "logs/2026-01-30/b.log.gz",
        "logs/2026-01-31/c",
        "logs/2026-01-31/d.zip",
        "logs/2026-01-31/e.log",
    ] {
        let path = folder.path().join(key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, server.get(key).unwrap()).unwrap();
    }
    folder
}

fn schemes() -> [(Server, &'static str); 2] {
    [(Server::start(Vendor::Oss), "oss"), (Server::start(Vendor::Obs), "obs")]
}

#[test]
fn objects_are_read_as_files_are() {
    for (server, scheme) in schemes() {
        logs(&server);
        let folder = folder(&server);
        let root = folder.path().to_str().unwrap();
        for (address, path) in [
            ("logs/", "logs/"),
            ("logs", "logs"),
            ("logs/2026-01-30/b.log.gz", "logs/2026-01-30/b.log.gz"),
            ("logs/2026-01-31/d.zip", "logs/2026-01-31/d.zip"),
            ("logs/**/*.log", "logs/**/*.log"),
            ("logs/2026-01-3?/[a-c]*", "logs/2026-01-3?/[a-c]*"),
            ("logs/*", "logs/*"),
        ] {
            for jobs in ["1", "3"] {
                let read = |from: &str| {
                    run(
                        &server,
                        &["--jobs", jobs, "--summary", "json", "--rejects", "-", "-o", "/dev/stderr", from],
                    )
                };
                let by = |prefix: &str, output: &Output| {
                    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
                    // The account has how long it took.
                    let lines = String::from_utf8(output.stderr.clone()).unwrap();
                    let records: Vec<_> = lines.lines().filter(|l| l.starts_with("{\"provider")).collect();
                    let rejects = String::from_utf8(output.stdout.clone()).unwrap().replace(prefix, "");
                    (records.join("\n"), rejects)
                };
                let bucket = format!("{scheme}://flows/");
                let of_objects = by(&bucket, &read(&format!("{bucket}{address}")));
                let of_files = by(&format!("{root}/"), &read(&format!("{root}/{path}")));
                assert!(!of_files.0.is_empty());
                assert_eq!(of_objects, of_files, "{address}");
            }
        }
    }
}

#[test]
fn a_bad_object_is_told_and_the_others_are_read() {
    let server = Server::start(Vendor::Obs);
    server.put("x/a.gz", gzip(&lines(0, 10)));
    let mut cut = gzip(&lines(0, 5000));
    cut.truncate(cut.len() / 2);
    server.put("x/b.gz", cut);
    server.put("x/c.parquet", b"PAR1\x15\x04\x15\0\0\0\x12\x34\0\0\0".to_vec());
    server.put("x/d.log", lines(0, 20));
    let output = run(&server, &["-o", "/dev/null", "--max-rejects", "100%", "obs://flows/x/"]);
    let text = said(&output, 1);
    for expected in [
        "obs://flows/x/b.gz: the gzip data is cut short",
        "obs://flows/x/c.parquet: the Parquet file is damaged (its end is missing)",
        "2 of 4 inputs could not be read to their end",
    ] {
        assert!(text.contains(expected), "{text}");
    }
    server.log();
    let output = run(&server, &["--fail-fast", "-o", "/dev/null", "obs://flows/x/"]);
    assert!(said(&output, 1).contains("x/b.gz: the gzip data is cut short"));
    assert!(!server.log().iter().any(|line| line.starts_with("GET x/e")));
}

#[test]
fn a_read_that_breaks_goes_on_where_it_broke() {
    let server = Server::start(Vendor::Oss);
    let plain = lines(0, 50_000);
    server.put("cut/a.log", plain.clone());
    server.put("cut/b.log.gz", gzip(&plain));
    for key in ["cut/a.log", "cut/b.log.gz"] {
        let whole = run(&server, &["-q", &format!("oss://flows/{key}")]);
        server.cut(3, false);
        let broken = run(&server, &["-q", &format!("oss://flows/{key}")]);
        assert!(whole.status.success() && broken.status.success());
        assert!(whole.stdout.len() > 1 << 20 && whole.stdout == broken.stdout, "{key}");
    }
    // It is no damage of what is compressed.
    server.cut(usize::MAX, true);
    let output = run(&server, &["-o", "/dev/null", "oss://flows/cut/b.log.gz"]);
    let text = said(&output, 1);
    assert!(text.contains("oss://flows/cut/b.log.gz: the object was replaced meanwhile"), "{text}");
}

#[test]
fn outputs_are_objects_that_are_there_at_the_end() {
    for (server, scheme) in schemes() {
        logs(&server);
        let from = format!("{scheme}://flows/logs/");
        let expected = run(&server, &["-q", &from]).stdout;
        let (out, rejects) =
            (format!("{scheme}://flows/out/a.jsonl.zst"), format!("{scheme}://flows/out/r.jsonl"));
        let output = run(&server, &["--output", &out, "--rejects", &rejects, &from]);
        said(&output, 0);
        assert!(output.stdout.is_empty());
        let written = zstd::decode_all(&server.get("out/a.jsonl.zst").unwrap()[..]).unwrap();
        assert!(written == expected);
        let rejects = String::from_utf8(server.get("out/r.jsonl").unwrap()).unwrap();
        assert_eq!(rejects.lines().count(), 6);
        assert!(
            rejects.contains(&format!("\"file\":\"{scheme}://flows/logs/2026-01-30/a.log\"")),
            "{rejects}"
        );
        assert_eq!(server.uploads(), 0);
    }
}

#[test]
fn what_can_not_be_is_told_before_anything_is_read() {
    let server = Server::start(Vendor::Obs);
    logs(&server);
    for (args, expected) in [
        (&["s4://flows/x"][..], "s4://flows/x: there is no scheme s4://; write s3://flows/x"),
        (&["https://host/x.log"], "https://host/x.log: this is a URL and no store's address"),
        (&["obs://flows/logs/[a"], "this is no pattern"),
        (&["-o", "obs://flows/out/", "--limit", "1", "obs://flows/logs/"], "--limit: this is a job"),
        (&["-o", "obs://flows/out.xz", "obs://flows/logs/"], "can't write what .xz stands for"),
        (
            &["-o", "obs://flows/logs/out.jsonl", "obs://flows/logs/"],
            "this is an input, so --output can't be written there",
        ),
        (&["-o", "obs://flows/logs/b.gz", "obs://flows/logs/*.gz"], "this is an input"),
        (
            &["-o", "obs://flows/o", "--rejects", "obs://flows/o", "obs://flows/logs/"],
            "the records and the rejects go to the same file",
        ),
    ] {
        let output = run(&server, args);
        let text = said(&output, 2);
        assert!(text.contains(expected), "{text}");
    }
    for (args, expected) in [
        (
            &["obs://flows/nothing"][..],
            "obs://flows/nothing: there is no object of this name, and none below it; check the address",
        ),
        (&["obs://flows/nothing/"], "obs://flows/nothing/: there is no object below this address"),
        (&["obs://flows/logs/*.csv"], "obs://flows/logs/*.csv: no object matches this pattern"),
        (&["obs://nobodys/logs/"], "there is no bucket obs://nobodys at http://127.0.0.1:"),
    ] {
        let output = run(&server, args);
        let text = said(&output, 1);
        assert!(text.contains(expected), "{text}");
    }
    assert_eq!(server.get("logs/out.jsonl"), None);
}

#[test]
fn sigterm_ends_a_wait_for_an_object() {
    let server = Server::start(Vendor::Obs);
    server.put("cut/a.log", lines(0, 40_000));
    server.put("cut/b.log", lines(0, 10));
    server.stall();
    let child: Child =
        command(&server, &["-o", "obs://flows/out.jsonl", "obs://flows/cut/"]).spawn().unwrap();
    server.wait_for("GET cut/a.log");
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let text = said(&output, 128 + 15);
    assert!(text.contains("SIGTERM: the run was told to end before its files were read"), "{text}");
    // What came before is written.
    assert!(server.get("out.jsonl").is_some());
}

#[test]
fn a_job_makes_a_table_of_objects() {
    for (server, scheme) in schemes() {
        logs(&server);
        let (from, to) = (format!("{scheme}://flows/logs/"), format!("{scheme}://flows/lake/"));
        let job = ["--partition", "provider,product,date", "--output", &to, &from];
        said(&run(&server, &job), 0);
        let told = said(&run(&server, &[&job[..], &["--resume"]].concat()), 0);
        assert!(told.starts_with("1 shard done before"), "{told}");
        let verify = |code| {
            let like = command(&server, &[]);
            let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
            command.args(["manifest", "verify", "--endpoint", &server.endpoint, &to]);
            command.envs(like.get_envs().filter_map(|(key, value)| Some((key, value?))));
            said(&command.output().unwrap(), code)
        };
        assert_eq!(verify(0), "");
        // Flat records are read as what they are.
        let records = |from: &str| {
            let output = run(&server, &["--quiet", from]);
            said(&output, 0);
            let mut lines: Vec<_> =
                String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        assert!(records(&format!("{to}provider=huawei/")) == records(&from));

        let told = said(&run(&server, &["--output", &format!("{from}lake/"), &from]), 2);
        assert!(told.contains("would read what it writes"), "{told}");
        server.put("logs/2026-01-31/e.log", lines(8, 1).into_bytes());
        let told = said(&run(&server, &job), 2);
        assert!(told.contains("logs/2026-01-31/e.log has changed"), "{told}");
    }
}
