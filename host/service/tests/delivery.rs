//! What is answered for, what is told, and how it ends.

mod support;

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    time::Duration,
};

use support::{Place, append, delivered, gzip, line, lines, raw_snappy, request, until};

/// A place whose sink can't write until `heal` makes the folder that a file stands in for.
fn broken() -> Place {
    let place = Place::default().with("/out.ndjson", "/later/out.ndjson");
    fs::write(place.path("later"), "a file where a folder should be").unwrap();
    place
}

fn heal(place: &Place) {
    fs::remove_file(place.path("later")).unwrap();
}

#[test]
fn case_21_a_signal_to_end_drains_and_then_writes_the_progress() {
    let place = Place::default().with("checkpoint = \"5ms\"", "checkpoint = \"1h\"");
    let text = lines(0..5000);
    append(&place.log("a.log"), &text);
    let run = place.start();
    until("it is under way", || place.path("out.ndjson").exists());
    assert_eq!(run.end(), Default::default());
    let found = place.delivered();
    assert!(found.values().all(|n| *n == 1), "{found:?}");
    // However far it came: what was delivered is done, and only that.
    let read: u64 = found.keys().map(|id| line(*id).len() as u64).sum();
    place.done("a.log", read);
    place.once();
    place.expect(0..5000);
}

#[test]
fn case_22_it_ends_in_time_with_a_dead_sink() {
    let place = broken().with("drain = \"60s\"", "drain = \"50ms\"");
    append(&place.log("a.log"), &lines(0..10));
    let run = place.start();
    until("the reading", || place.path("state/progress").exists());
    let ended = run.end();
    assert!(ended.left == 10 && !ended.is_lost && ended.alarm.is_none(), "{ended:?}");
    heal(&place);
    place.once();
    assert_eq!(delivered(&place.path("later/out.ndjson")).len(), 10);
}

#[test]
fn case_23_what_can_not_be_written_is_not_answered_for() {
    let place = broken();
    let text = lines(0..10);
    append(&place.log("a.log"), &text);
    let run = place.start();
    place.progress("it is read, and not done", |streams| {
        streams.iter().any(|s| s.offset == 0 && s.head_len > 0)
    });
    heal(&place);
    place.done("a.log", text.len() as u64);
    assert_eq!(delivered(&place.path("later/out.ndjson")).len(), 10);
    assert_eq!(run.end(), Default::default());
}

#[test]
fn case_40_one_dead_sink_does_not_stop_the_others() {
    let place = broken().with("sinks = [\"out\"]", "sinks = [\"out\", \"good\"]");
    let good = place.path("good.ndjson.zst");
    let config = format!("{}[sinks.good]\ntype = \"file\"\npath = {good:?}\n", place.config);
    let place = Place { config, ..place };
    append(&place.log("a.log"), &lines(0..10));
    let run = place.start();
    until("the first", || delivered(&good).len() == 10);
    append(&place.log("a.log"), &lines(10..20));
    until("all in the good one", || delivered(&good).len() == 20);
    place.progress("nothing is done", |streams| streams.iter().all(|s| s.offset == 0));
    heal(&place);
    until("all in the other one", || delivered(&place.path("later/out.ndjson")).len() == 20);
    assert_eq!(run.end(), Default::default());
    assert!(delivered(&good).values().all(|n| *n == 1));
}

#[test]
fn rejects_are_kept_and_the_balance_closes() {
    let place = Place::default().with("sinks = [\"out\"]", "sinks = [\"out\"]\nwhere = \"bytes < 5\"");
    let place = place.with("drain", "listen = \"127.0.0.1:0\"\ndrain");
    append(&place.log("a.log"), &(lines(0..10) + "nonsense 1\nnonsense 2\n"));
    let run = place.start();
    let address = run.address("operation");
    place.expect(0..5);
    let rejects = place.path("state/rejects/p.ndjson");
    until("the rejects", || fs::read_to_string(&rejects).is_ok_and(|text| text.lines().count() == 2));
    let text = fs::read_to_string(&rejects).unwrap();
    let reject: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!((reject["raw"].as_str(), reject["line"].as_u64()), (Some("nonsense 1"), Some(11)));
    let mut metrics = String::new();
    until("the balance closes", || {
        metrics = request(address, "GET /metrics HTTP/1.1", b"").1;
        metrics.contains("weir_balance_records 0\n")
    });
    for line in [
        "weir_pipeline_records_total{pipeline=\"p\",outcome=\"normalized\"} 5\n",
        "weir_pipeline_records_total{pipeline=\"p\",outcome=\"filtered\"} 5\n",
        "weir_pipeline_records_total{pipeline=\"p\",outcome=\"rejected\"} 2\n",
        "weir_source_records_total{source=\"in\"} 12\n",
        "weir_sink_records_total{sink=\"out\"} 5\n",
        "weir_source_files_open{source=\"in\"} 1\n",
        "weir_guest_traps_total{pipeline=\"p\"} 0\n",
        "weir_guest_deadlines_total{pipeline=\"p\"} 0\n",
        "weir_guest_replaced_total{pipeline=\"p\"} 0\n",
    ] {
        assert!(metrics.contains(line), "{line}{metrics}");
    }
    let value = |name: &str| -> f64 {
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{name}: {metrics}")).parse().unwrap()
    };
    assert!(value("weir_guest_batches_total{pipeline=\"p\"}") >= 1.0);
    assert!(value("weir_guest_seconds_total{pipeline=\"p\"}") > 0.0);
    // Its records are of 2019.
    assert!(value("weir_source_lag_seconds{source=\"in\"}") > 2.0e8);
    assert_eq!(request(address, "GET /health HTTP/1.1", b"").0, 200);
    assert_eq!(request(address, "GET /ready HTTP/1.1", b"").0, 200);
    assert_eq!(request(address, "GET /other HTTP/1.1", b"").0, 404);
    assert_eq!(request(address, "POST /ready HTTP/1.1", b"").0, 405);
    run.end();
}

#[test]
fn ready_says_which_sink_fails_and_why() {
    let place = broken().with("drain", "listen = \"127.0.0.1:0\"\ndrain");
    append(&place.log("a.log"), &lines(0..1));
    let run = place.start();
    let address = run.address("operation");
    let mut answer = (0, String::new());
    until("it is not ready", || {
        answer = request(address, "GET /ready HTTP/1.1", b"");
        answer.0 == 503
    });
    assert!(answer.1.contains("[sinks.out]") && answer.1.contains("later"), "{}", answer.1);
    assert_eq!(request(address, "GET /health HTTP/1.1", b"").0, 200);
    heal(&place);
    until("it is ready", || request(address, "GET /ready HTTP/1.1", b"").0 == 200);
    run.end();
}

#[test]
fn partitions_follow_each_record() {
    let place = Place::default().with("/out.ndjson", "/{provider}/{date}/{hour}.ndjson.gz");
    append(
        &place.log("a.log"),
        &(lines(0..3) + &line(3).replace("1548752136", "1548838536").replace("1548752736", "1548838996")),
    );
    place.once();
    assert_eq!(delivered(&place.path("huawei/2019-01-29/08.ndjson.gz")).len(), 3);
    assert_eq!(delivered(&place.path("huawei/2019-01-30/08.ndjson.gz")).len(), 1);
}

#[test]
fn files_are_rotated_by_size() {
    let place = Place::default().with("/out.ndjson\"", "/out.ndjson\"\nmax_size = \"4KiB\"");
    let run = place.start();
    for part in 0..5 {
        append(&place.log("a.log"), &lines(part * 20..(part + 1) * 20));
        let count = || -> usize { (0..9).map(|n| delivered(&numbered(&place, n)).len()).sum() };
        until("the part", || count() as u64 == (part + 1) * 20);
    }
    run.end();
    assert!(numbered(&place, 3).exists());
    let mut all = Vec::new();
    (0..9).for_each(|n| all.extend(delivered(&numbered(&place, n)).into_keys()));
    assert_eq!(all, (0..100).collect::<Vec<_>>());
}

#[test]
fn so_many_rotated_files_are_kept_as_is_said() {
    let place = Place::default().with("/out.ndjson\"", "/out.ndjson\"\nmax_size = \"4KiB\"\nkeep = 2");
    let mut newest = 0;
    // Each time it is started it goes on behind the newest file.
    for part in 0..4 {
        append(&place.log("a.log"), &lines(part * 40..(part + 1) * 40));
        place.once();
        let found: Vec<u32> = (0..30).filter(|n| numbered(&place, *n).exists()).collect();
        let last = *found.last().unwrap();
        assert!(last > newest || part == 0, "{found:?}");
        assert!(found.len() <= 3 && found.len() as u32 == last - found[0] + 1, "{found:?}");
        newest = last;
    }
    assert!(!numbered(&place, 0).exists() && newest >= 3);
    let mut all: Vec<u64> = Vec::new();
    (0..30).for_each(|n| all.extend(delivered(&numbered(&place, n)).into_keys()));
    // What is kept are the newest records, each once.
    assert_eq!(all, (160 - all.len() as u64..160).collect::<Vec<_>>());
}

fn numbered(place: &Place, number: u32) -> std::path::PathBuf {
    place.path(&if number == 0 { "out.ndjson".to_owned() } else { format!("out.{number}.ndjson") })
}

/// Whoever tidies up does not know what is open; what was answered for is in a file that has a name.
#[test]
fn a_file_that_somebody_moved_or_deleted_is_followed_by_a_new_one() {
    for name in ["deep/out.ndjson", "deep/out.ndjson.gz", "deep/out.ndjson.zst"] {
        let place = Place::default().with("out.ndjson", name);
        let (log, out, moved) =
            (place.log("a.log"), place.path(name), place.path(&format!("moved.{}", &name[9..])));
        let run = place.start();
        let mut last = 0;
        let mut add = |more: u64| {
            append(&log, &lines(last..last + more));
            last += more;
            place.done("a.log", fs::metadata(&log).unwrap().len());
        };
        add(20);
        fs::rename(&out, &moved).unwrap();
        add(20);
        add(20);
        let mut all = delivered(&moved);
        all.extend(delivered(&out));
        assert_eq!(all, (0..60).map(|id| (id, 1)).collect(), "{name}");
        assert!(delivered(&out).keys().any(|id| *id >= 40), "{name}");
        fs::remove_file(&out).unwrap();
        add(20);
        assert_eq!(delivered(&out), (60..80).map(|id| (id, 1)).collect(), "{name}");
        fs::remove_dir_all(out.parent().unwrap()).unwrap();
        add(20);
        assert_eq!(delivered(&out), (80..100).map(|id| (id, 1)).collect(), "{name}");
        run.end();
    }
}

/// What logrotate does with `copytruncate`: what was answered for before is in its copy.
#[test]
fn a_file_that_somebody_copied_and_cut_goes_on_at_its_new_end() {
    for name in ["out.ndjson", "out.ndjson.gz", "out.ndjson.zst"] {
        let place = Place::default().with("out.ndjson", name);
        let (log, out, copy) =
            (place.log("a.log"), place.path(name), place.path(&format!("copy{}", &name[3..])));
        let run = place.start();
        let mut last = 0;
        for _ in 0..3 {
            append(&log, &lines(last..last + 20));
            last += 20;
            place.done("a.log", fs::metadata(&log).unwrap().len());
            assert_eq!(delivered(&out), (last - 20..last).map(|id| (id, 1)).collect(), "{name}");
            fs::copy(&out, &copy).unwrap();
            assert_eq!(delivered(&copy), (last - 20..last).map(|id| (id, 1)).collect(), "{name}");
            fs::OpenOptions::new().write(true).open(&out).unwrap().set_len(0).unwrap();
        }
        run.end();
    }
}

/// Where something else took the place of a deleted file, that has what came since, and nobody else: it waits.
#[test]
fn what_stands_in_the_way_of_a_deleted_file_is_waited_for() {
    type Put = fn(&Path);
    let cases: [(&str, Put, Put); 3] = [
        (
            "a file in place of its folder",
            |out| {
                fs::remove_dir_all(out.parent().unwrap()).unwrap();
                fs::write(out.parent().unwrap(), "").unwrap();
            },
            |out| fs::remove_file(out.parent().unwrap()).unwrap(),
        ),
        (
            "a link to itself",
            |out| {
                fs::remove_file(out).unwrap();
                std::os::unix::fs::symlink(out, out).unwrap();
            },
            |out| fs::remove_file(out).unwrap(),
        ),
        (
            "a folder",
            |out| {
                fs::remove_file(out).unwrap();
                fs::create_dir(out).unwrap();
            },
            |out| fs::remove_dir(out).unwrap(),
        ),
    ];
    for (what, put, take_away) in cases {
        let place = Place::default().with("out.ndjson", "deep/out.ndjson");
        let place = place.with("drain", "listen = \"127.0.0.1:0\"\ndrain");
        let (log, out) = (place.log("a.log"), place.path("deep/out.ndjson"));
        let run = place.start();
        let address = run.address("operation");
        append(&log, &lines(0..20));
        let first = fs::metadata(&log).unwrap().len();
        place.done("a.log", first);
        put(&out);
        append(&log, &lines(20..40));
        let mut answer = (0, String::new());
        until(what, || {
            answer = request(address, "GET /ready HTTP/1.1", b"");
            answer.0 == 503
        });
        assert!(answer.1.contains("can't write"), "{what}: {}", answer.1);
        place.progress(what, |streams| streams.iter().all(|s| s.offset == first));
        take_away(&out);
        place.done("a.log", fs::metadata(&log).unwrap().len());
        assert_eq!(delivered(&out), (20..40).map(|id| (id, 1)).collect(), "{what}");
        run.end();
    }
}

/// What is in the way and stays there ends a run that is to have an end.
#[test]
fn once_does_not_wait_for_what_stays_in_the_way() {
    for (name, why) in [("later/out.ndjson", "exists"), ("{provider}.ndjson", "directory")] {
        let place = Place::default().with("out.ndjson", name).with("drain = \"60s\"", "drain = \"1h\"");
        fs::write(place.path("later"), "a file where a folder should be").unwrap();
        fs::create_dir(place.path("huawei.ndjson")).unwrap();
        append(&place.log("a.log"), &lines(0..10));
        let ended = place.once_ended();
        let alarm = ended.alarm.unwrap();
        assert!(alarm.starts_with("sink out: ") && alarm.contains("can't write"), "{alarm}");
        assert!(alarm.contains(why) && ended.left == 10, "{alarm}");
        // The records come when it is gone.
        fs::remove_file(place.path("later")).unwrap();
        fs::remove_dir(place.path("huawei.ndjson")).unwrap();
        place.once();
        assert_eq!(delivered(&place.path(&name.replace("{provider}", "huawei"))).len(), 10);
    }
}

#[test]
fn what_is_no_file_is_a_fault_before_anything_is_read() {
    for (name, more) in [("logs", ""), ("out.ndjson", "rejects = \"/dev/full\"\n")] {
        let place = Place::default().with("out.ndjson", name);
        let place = place.with("[sinks.out]", &format!("{more}[sinks.out]"));
        let error = place.start_error();
        assert!(error.contains("this is no regular file"), "{error}");
    }
}

#[test]
fn what_is_written_is_not_what_is_read() {
    let place = Place::default().with("/out.ndjson", "/logs/out.log");
    let error = place.start_error();
    assert!(error.contains("is written by [sinks.out] and read by [sources.in]"), "{error}");
    let place = Place::default();
    let run = place.start();
    until("it runs", || place.path("state/progress").exists() || place.path("state/lock").exists());
    let error = place.start_error();
    assert!(error.contains("another process"), "{error}");
    run.end();
}

fn http(more: &str) -> Place {
    let place = Place::default();
    let start = place.config.find("[sources.in]").unwrap();
    let end = place.config.find("[pipelines.p]").unwrap();
    let source = format!("[sources.in]\ntype = \"http\"\nlisten = \"127.0.0.1:0\"\n{more}\n");
    let config = format!("{}{source}{}buffer = false\n", &place.config[..start], &place.config[end..]);
    Place { config, ..place }
}

#[test]
fn a_request_is_answered_when_its_records_are_safe() {
    let place = http("").with("[pipelines.p]\n", "[pipelines.p]\nsource_name = true\n");
    let run = place.start();
    let address = run.address("in");
    let post = "POST /anything HTTP/1.1";
    let zstd = zstd::encode_all(lines(20..30).as_bytes(), 1).unwrap();
    let requests = [
        (post.to_owned(), lines(0..10).into_bytes(), 10),
        (format!("{post}\r\ncontent-encoding: gzip"), gzip(&lines(10..20)), 20),
        (format!("{post}\r\ncontent-encoding: zstd"), zstd, 30),
        (post.to_owned(), gzip(&lines(30..40)), 40),
        // The end of the body ends its last line.
        (post.to_owned(), lines(40..50).trim_end().as_bytes().to_vec(), 50),
    ];
    for (head, body, all) in requests {
        let (status, answer) = request(address, &head, &body);
        assert!(
            status == 200 && answer.contains("{\"normalized\":10,\"filtered\":0,\"rejected\":0}"),
            "{answer}"
        );
        // No need to wait.
        assert_eq!(place.delivered().len(), all, "{head}");
    }
    // Each body is an input.
    let written = fs::read_to_string(place.path("out.ndjson")).unwrap();
    let first = "\"log_file\":\"http 127.0.0.1\",\"log_offset\":0}";
    assert_eq!(written.lines().filter(|line| line.ends_with(first)).count(), 5, "{written}");
    let (status, answer) = request(address, post, b"nonsense\n");
    assert!(status == 200 && answer.contains("\"rejected\":1"), "{answer}");
    // Who sent it learns what is wrong with the first of them, and where.
    let bad = lines(50..51) + "a\nb\nc\nd\n" + &"x".repeat(70_000);
    let (status, answer) = request(address, post, bad.as_bytes());
    let body: serde_json::Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!((status, &body["normalized"], &body["rejected"]), (200, &1.into(), &5.into()), "{body}");
    let rejects = body["rejects"].as_array().unwrap();
    assert_eq!(rejects.len(), 3, "{body}");
    for (i, reject) in rejects.iter().enumerate() {
        assert_eq!(reject["line"], 2 + i, "{body}");
        assert_eq!(reject["offset"], lines(50..51).len() + 2 * i, "{body}");
        assert_eq!(reject["code"], "unknown-format", "{body}");
        assert!(reject["reason"].as_str().unwrap().contains("--from"), "{body}");
    }
    assert!(answer.len() < 4096, "{}", answer.len());
    assert!(fs::read_to_string(place.path("state/rejects/p.ndjson")).unwrap().contains("http 127.0.0.1"));
    assert_eq!(request(address, post, b"").0, 200);
    assert_eq!(run.end(), Default::default());
}

#[test]
fn case_18_with_a_buffer_a_request_is_safe_when_that_has_it() {
    let mut place = http("").with("buffer = false\n", "").with("/out.ndjson", "/later/out.ndjson");
    place = place.with("drain = \"60s\"", "drain = \"50ms\"");
    fs::write(place.path("later"), "a file where a folder should be").unwrap();
    let run = place.start();
    assert_eq!(request(run.address("in"), "POST / HTTP/1.1", lines(0..10).as_bytes()).0, 200);
    assert_eq!(run.end(), Default::default());
    until("the end of the buffer", || {
        let folder = weir_buffer::Folder::existing(place.path("state/buffers/out"));
        !weir_buffer::check(&folder).unwrap().is_in_use
    });
    heal(&place);
    let run = place.start();
    until("all of it", || delivered(&place.path("later/out.ndjson")).len() == 10);
    run.end();
}

/// An archive of one file.
fn tar(text: &str) -> Vec<u8> {
    let mut archive = vec![0; 512];
    archive[..5].copy_from_slice(b"a.log");
    archive[257..265].copy_from_slice(b"ustar\x0000");
    archive.extend_from_slice(text.as_bytes());
    archive.resize(archive.len().next_multiple_of(512), 0);
    archive
}

#[test]
fn requests_that_can_not_be_taken_say_why() {
    let place = http("max_body = \"10KB\"");
    let run = place.start();
    let address = run.address("in");
    let post = "POST / HTTP/1.1";
    let large = lines(0..1000);
    for (head, body, status) in [
        ("GET / HTTP/1.1".to_owned(), Vec::new(), 405),
        (post.to_owned(), large.clone().into_bytes(), 413),
        // Small as it is sent.
        (post.to_owned(), gzip(&large), 413),
        (format!("{post}\r\ncontent-encoding: br"), Vec::new(), 415),
        (format!("{post}\r\ncontent-type: multipart/form-data; boundary=x"), b"--x\r\n".to_vec(), 415),
        (post.to_owned(), b"\xfd7zXZ\0\0\x04".to_vec(), 415),
        (post.to_owned(), b"BZh91AY&SY\0".to_vec(), 415),
        (post.to_owned(), b"PK\x03\x04".to_vec(), 415),
        // A zip archive of nothing.
        (post.to_owned(), [&b"PK\x05\x06"[..], &[0; 18]].concat(), 415),
        (post.to_owned(), b"\xff\x06\0\0sNaPpY\0".to_vec(), 415),
        (post.to_owned(), raw_snappy(&lines(0..10)), 415),
        // What is not read is not read inside of gzip, either.
        (post.to_owned(), gzip(b"\xfd7zXZ\0\0\x04"), 415),
        (post.to_owned(), gzip(&tar(&lines(0..10))), 415),
        (format!("{post}\r\ncontent-encoding: gzip"), gzip(b"PK\x03\x04"), 415),
        (post.to_owned(), gzip(&gzip(&lines(0..10))), 415),
        (post.to_owned(), gzip(&raw_snappy(&lines(0..10))), 415),
        (post.to_owned(), zstd::encode_all(&gzip(&lines(0..10))[..], 1).unwrap(), 415),
        (format!("{post}\r\ncontent-encoding: gzip"), b"no gzip".to_vec(), 400),
        (post.to_owned(), gzip(&lines(0..10))[..50].to_vec(), 400),
        ("nonsense".to_owned(), Vec::new(), 400),
    ] {
        let (found, answer) = request(address, &head, &body);
        assert_eq!(found, status, "{head:?}: {answer}");
    }
    assert!(place.delivered().is_empty());
    assert_eq!(request(address, post, line(0).as_bytes()).0, 200);
    place.expect(0..1);
    run.end();
}

#[test]
fn only_who_may_send_does() {
    for (auth, right, wrong) in [
        ("bearer = { file = \"SECRET\" }", "Bearer hunter2", ["Bearer hunter", "Bearer hunter22", "hunter2"]),
        (
            "user = \"weir\", password = { file = \"SECRET\" }",
            "Basic d2VpcjpodW50ZXIy",
            ["Basic d2VpcjpodW50ZXI=", "Bearer hunter2", "Basic"],
        ),
    ] {
        let place = http("auth = {  }");
        let secret = place.path("secret");
        fs::write(&secret, "hunter2\n").unwrap();
        let place = place.with(
            "auth = {  }",
            &format!("auth = {{ {} }}", auth.replace("SECRET", secret.to_str().unwrap())),
        );
        let run = place.start();
        let address = run.address("in");
        let post = "POST / HTTP/1.1";
        assert_eq!(request(address, post, line(0).as_bytes()).0, 401);
        for wrong in wrong {
            let (status, answer) =
                request(address, &format!("{post}\r\nauthorization: {wrong}"), line(0).as_bytes());
            assert!(status == 401 && answer.to_lowercase().contains("www-authenticate"), "{wrong}: {answer}");
        }
        let (status, answer) =
            request(address, &format!("{post}\r\nauthorization: {right}"), line(0).as_bytes());
        assert_eq!(status, 200, "{answer}");
        place.expect(0..1);
        run.end();
    }
}

#[test]
fn a_client_that_takes_its_time_is_given_up() {
    let place = http("idle = \"50ms\"\nmax_connections = 2");
    let run = place.start();
    let address = run.address("in");
    for part in ["POST / HT", "POST / HTTP/1.1\r\nhost: weir\r\ncontent-length: 100\r\n\r\nsome of it"] {
        // More of them than there are places.
        let streams: Vec<_> = (0..5)
            .map(|_| {
                let mut stream = TcpStream::connect(address).unwrap();
                stream.write_all(part.as_bytes()).unwrap();
                stream.set_read_timeout(Some(Duration::from_secs(100))).unwrap();
                stream
            })
            .collect();
        for mut stream in streams {
            let mut answer = String::new();
            let _ = stream.read_to_string(&mut answer);
            assert!(answer.is_empty() || answer.contains(" 408 "), "{answer}");
        }
    }
    assert_eq!(request(address, "POST / HTTP/1.1", line(0).as_bytes()).0, 200);
    place.expect(0..1);
    run.end();
}

#[test]
fn a_request_whose_records_are_not_safe_is_to_be_sent_again() {
    let place = http("timeout = \"50ms\"").with("/out.ndjson", "/later/out.ndjson");
    fs::write(place.path("later"), "a file where a folder should be").unwrap();
    let run = place.start();
    let address = run.address("in");
    let (status, answer) = request(address, "POST / HTTP/1.1", line(0).as_bytes());
    assert!(status == 503 && answer.to_lowercase().contains("retry-after: 1"), "{answer}");
    heal(&place);
    until("it is delivered all the same", || !delivered(&place.path("later/out.ndjson")).is_empty());
    assert_eq!(request(address, "POST / HTTP/1.1", line(1).as_bytes()).0, 200);
    assert_eq!(run.end(), Default::default());
}

#[test]
fn without_room_a_request_is_to_come_back() {
    let place = http("timeout = \"20ms\"\nmax_body = \"7MB\"").with("/out.ndjson", "/later/out.ndjson");
    let place = place.with("checkpoint", "memory = \"8MiB\"\ncheckpoint");
    fs::write(place.path("later"), "a file where a folder should be").unwrap();
    let run = place.start();
    let address = run.address("in");
    let body = lines(0..10_000);
    let mut sent = 0;
    until("there is no room", || {
        let (status, answer) = request(address, "POST / HTTP/1.1", body.as_bytes());
        assert_eq!(status, 503, "{answer}");
        sent += 1;
        answer.contains("no room")
    });
    assert!(sent < 20);
    heal(&place);
    until("there is room again", || request(address, "POST / HTTP/1.1", line(0).as_bytes()).0 == 200);
    run.end();
}

#[test]
fn a_request_under_way_is_answered_before_the_end() {
    let place = http("").with("/out.ndjson", "/later/out.ndjson");
    let place = place.with("drain", "listen = \"127.0.0.1:0\"\ndrain");
    fs::write(place.path("later"), "a file where a folder should be").unwrap();
    let run = place.start();
    let (address, operation) = (run.address("in"), run.address("operation"));
    let client = std::thread::spawn(move || request(address, "POST / HTTP/1.1", line(0).as_bytes()));
    until("it is under way", || {
        request(operation, "GET /metrics HTTP/1.1", b"").1.contains("weir_balance_records 1\n")
    });
    run.signal();
    assert!(!run.has_ended());
    heal(&place);
    assert_eq!(client.join().unwrap().0, 200);
    assert_eq!(run.ended(), Default::default());
    assert_eq!(delivered(&place.path("later/out.ndjson")).len(), 1);
}
