//! The configuration is read again while everything goes on.

mod support;

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

use support::{Place, append, delivered, line, lines, request, until};

/// A place that tells its metrics.
fn place() -> Place {
    Place::default().with("drain", "listen = \"127.0.0.1:0\"\ndrain")
}

/// The same with a source of requests in place of the files.
fn http() -> Place {
    let place = place();
    let start = place.config.find("[sources.in]").unwrap();
    let end = place.config.find("[pipelines.p]").unwrap();
    let source = "[sources.in]\ntype = \"http\"\nlisten = \"127.0.0.1:0\"\n";
    let config = format!("{}{source}{}buffer = false\n", &place.config[..start], &place.config[end..]);
    Place { config, ..place }
}

/// A folder that can't be made, for a sink that is dead until `heal`.
fn dead(place: Place) -> Place {
    fs::write(place.path("later"), "a file where a folder should be").unwrap();
    place.with("/out.ndjson", "/later/out.ndjson")
}

fn heal(place: &Place) {
    fs::remove_file(place.path("later")).unwrap();
}

fn metrics(address: SocketAddr) -> String {
    request(address, "GET /metrics HTTP/1.1", b"").1
}

fn comes_to_rest(address: SocketAddr) {
    until("the balance closes", || metrics(address).contains("weir_balance_records 0\n"));
}

/// Everything that is in the file of a sink and those that follow it.
fn all(place: &Place, names: &[&str]) -> BTreeMap<u64, u64> {
    let mut all = BTreeMap::new();
    for name in names {
        for (id, n) in delivered(&place.path(name)) {
            *all.entry(id).or_default() += n;
        }
    }
    all
}

#[test]
fn what_is_different_changes_and_the_rest_goes_on() {
    let place = place();
    append(&place.log("a.log"), &lines(0..10));
    let run = place.start();
    let address = run.address("operation");
    place.expect(0..10);
    let place = place.with("sinks = [\"out\"]", "sinks = [\"out\", \"more\"]\nwhere = \"bytes < 15\"");
    let more = place.path("more.ndjson");
    let config = format!("{}[sinks.more]\ntype = \"file\"\npath = {more:?}\n", place.config);
    let place = Place { config, ..place };
    let before = metrics(address);
    run.reload(&place).unwrap();
    append(&place.log("a.log"), &lines(10..20));
    // The file was read on where it was, and only what came afterwards goes the new way.
    place.expect(0..15);
    until("the new sink", || delivered(&more).keys().copied().eq(10..15));
    comes_to_rest(address);
    let after = metrics(address);
    assert!(after.contains("weir_config_reloads_total{result=\"ok\"} 1\n"), "{after}");
    assert!(
        after.contains("weir_pipeline_records_total{pipeline=\"p\",outcome=\"filtered\"} 5\n"),
        "{after}"
    );
    let hash = |text: &str| {
        let lines: Vec<_> = text.lines().filter(|line| line.starts_with("weir_config_info{")).collect();
        assert!(lines.len() == 1 && lines[0].ends_with(" 1"), "{lines:?}");
        lines[0].to_owned()
    };
    assert_ne!(hash(&before), hash(&after));
    // And back.
    let place = place.with("sinks = [\"out\", \"more\"]\nwhere = \"bytes < 15\"", "sinks = [\"out\"]");
    let config = place.config[..place.config.find("[sinks.more]").unwrap()].to_owned();
    let place = Place { config, ..place };
    run.reload(&place).unwrap();
    append(&place.log("a.log"), &lines(20..30));
    until("the rest", || place.delivered().keys().copied().eq((0..15).chain(20..30)));
    assert_eq!(delivered(&more).len(), 5);
    assert_eq!(run.end(), Default::default());
}

#[test]
fn what_is_wrong_leaves_everything_as_it_was_and_is_told() {
    let mut place = http();
    let run = place.start();
    let (input, address) = (run.address("in"), run.address("operation"));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let good = place.config.clone();
    let state = place.path("state").display().to_string();
    let mut id = 0;
    let more = format!(
        "[sinks.other]\ntype = \"http\"\nurl = \"https://127.0.0.1:1/\"\ntls = {{ ca_file = {:?} }}\n",
        place.path("no-such-ca")
    );
    for (wrong, says) in [
        ("nonsense".to_owned(), "weir.toml:1:"),
        (good.replace("type = \"file\"", "type = \"fiel\""), "did you mean \"file\"?"),
        (good.replace("sinks = [\"out\"]", "sinks = [\"out\"]\nwhere = \"byte > 1\""), "bytes"),
        (
            good.replace("listen = \"127.0.0.1:0\"\n[pipe", &format!("listen = {taken:?}\n[pipe")),
            "[sources.in]: can't listen at",
        ),
        (good.replace(&state, &format!("{state}2")), "state_dir: a process keeps its own"),
        (good.replace("sinks = [\"out\"]", "sinks = [\"out\", \"other\"]") + &more, "no-such-ca"),
        (good.replace("/out.ndjson", "/state/rejects/p.ndjson"), "is written by"),
    ] {
        assert_ne!(wrong, good, "{says}");
        place.config = wrong;
        let refused = run.reload(&place).unwrap_err();
        assert!(refused.contains(says), "{says}: {refused}");
        assert_eq!(request(input, "POST / HTTP/1.1", line(id).as_bytes()).0, 200);
        id += 1;
    }
    place.expect(0..id);
    comes_to_rest(address);
    let text = metrics(address);
    assert!(text.contains(&format!("weir_config_reloads_total{{result=\"refused\"}} {id}\n")), "{text}");
    assert!(request(address, "GET /ready HTTP/1.1", b"").0 == 200);
    place.config = good;
    run.reload(&place).unwrap();
    assert_eq!(run.end(), Default::default());
}

#[test]
fn case_42_the_same_port_with_new_options_and_nobody_is_turned_away() {
    let place = http();
    let secret = place.path("secret");
    fs::write(&secret, "hunter2\n").unwrap();
    let run = place.start();
    let (address, operation) = (run.address("in"), run.address("operation"));
    let (sent, ends) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let client = thread::spawn({
        let (sent, ends) = (Arc::clone(&sent), Arc::clone(&ends));
        move || {
            while !ends.load(Ordering::Relaxed) {
                let id = sent.load(Ordering::Relaxed);
                let head = "POST / HTTP/1.1\r\nauthorization: Bearer hunter2";
                let (status, answer) = request(address, head, line(id).as_bytes());
                assert_eq!(status, 200, "{answer}");
                sent.store(id + 1, Ordering::Relaxed);
            }
        }
    });
    let open = place.config.clone();
    let mut place = place;
    for round in 0..20 {
        let auth = format!("type = \"http\"\nauth = {{ bearer = {{ file = {secret:?} }} }}");
        place.config = if round % 2 == 0 { open.replacen("type = \"http\"", &auth, 1) } else { open.clone() };
        run.reload(&place).unwrap();
        assert_eq!(run.address("in"), address);
        let status = request(address, "POST / HTTP/1.1", b"").0;
        assert_eq!(status, if round % 2 == 0 { 401 } else { 200 });
        let before = sent.load(Ordering::Relaxed);
        until("another request", || sent.load(Ordering::Relaxed) > before + 1);
    }
    ends.store(true, Ordering::Relaxed);
    client.join().unwrap();
    place.expect(0..sent.load(Ordering::Relaxed));
    comes_to_rest(operation);
    // A secret that is another one now is a difference, too.
    place.config = open.replacen(
        "type = \"http\"",
        &format!("type = \"http\"\nauth = {{ bearer = {{ file = {secret:?} }} }}"),
        1,
    );
    run.reload(&place).unwrap();
    fs::write(&secret, "hunter3\n").unwrap();
    run.reload(&place).unwrap();
    assert_eq!(request(address, "POST / HTTP/1.1\r\nauthorization: Bearer hunter2", b"").0, 401);
    assert_eq!(request(address, "POST / HTTP/1.1\r\nauthorization: Bearer hunter3", b"").0, 200);
    assert_eq!(run.end(), Default::default());
}

#[test]
fn case_43_a_dead_sink_is_replaced_and_what_it_had_is_read_again() {
    let place = dead(place());
    append(&place.log("a.log"), &lines(0..10));
    let run = place.start();
    let address = run.address("operation");
    until("it fails", || request(address, "GET /ready HTTP/1.1", b"").0 == 503);
    let place = place.with("/later/out.ndjson", "/out.ndjson");
    run.reload(&place).unwrap();
    place.expect(0..10);
    append(&place.log("a.log"), &lines(10..20));
    place.expect(0..20);
    place.done("a.log", lines(0..20).len() as u64);
    comes_to_rest(address);
    assert_eq!(request(address, "GET /ready HTTP/1.1", b"").0, 200);
    assert_eq!(run.end(), Default::default());
}

#[test]
fn case_43_a_dead_sink_of_requests_is_replaced_and_they_are_sent_again() {
    let place = dead(http());
    let run = place.start();
    let (address, operation) = (run.address("in"), run.address("operation"));
    let client = thread::spawn(move || request(address, "POST / HTTP/1.1", line(0).as_bytes()));
    until("it fails", || request(operation, "GET /ready HTTP/1.1", b"").0 == 503);
    let place = place.with("/later/out.ndjson", "/out.ndjson");
    run.reload(&place).unwrap();
    let (status, answer) = client.join().unwrap();
    assert!(status == 503 && answer.to_lowercase().contains("retry-after"), "{answer}");
    assert_eq!(request(address, "POST / HTTP/1.1", line(0).as_bytes()).0, 200);
    place.expect(0..1);
    comes_to_rest(operation);
    assert_eq!(run.end(), Default::default());
}

#[test]
fn case_43_a_buffer_is_handed_over_with_other_options() {
    let mut place = dead(place());
    place.config.push_str("buffer = { max = \"10MiB\" }\n");
    let text = lines(0..2000);
    append(&place.log("a.log"), &text);
    let run = place.start();
    let address = run.address("operation");
    place.done("a.log", text.len() as u64);
    until("it fails", || request(address, "GET /ready HTTP/1.1", b"").0 == 503);
    until("the buffer is measured", || {
        let text = metrics(address);
        let pages = text.lines().find_map(|l| l.strip_prefix("weir_buffer_pages{sink=\"out\"} "));
        pages.is_some_and(|pages| pages.parse::<u64>().unwrap() > 0)
            && text.contains("weir_buffer_limit_bytes{sink=\"out\"} 10485760\n")
            && text.contains("weir_buffer_sync_seconds_count{sink=\"out\"}")
    });
    // Neither another destination nor another limit loses what is in it.
    let place = place.with("/later/out.ndjson", "/out.ndjson").with("10MiB", "20MiB");
    run.reload(&place).unwrap();
    append(&place.log("a.log"), &lines(2000..2100));
    place.expect(0..2100);
    assert!(metrics(address).contains("weir_buffer_limit_bytes{sink=\"out\"} 20971520\n"));
    comes_to_rest(address);
    assert_eq!(run.end(), Default::default());
}

#[test]
fn case_32_a_sink_whose_buffer_holds_records_is_not_given_up() {
    let mut place = dead(place());
    place.config.push_str("buffer = { max = \"10MiB\" }\n");
    append(&place.log("a.log"), &lines(0..10));
    let run = place.start();
    let address = run.address("operation");
    place.done("a.log", lines(0..10).len() as u64);
    until("it fails", || request(address, "GET /ready HTTP/1.1", b"").0 == 503);
    let with = place.config.clone();
    let without = with.replace("[sinks.out]", "[sinks.other]").replace("[\"out\"]", "[\"other\"]");
    place.config = without.replace("/later/out.ndjson", "/out.ndjson");
    let refused = run.reload(&place).unwrap_err();
    assert!(refused.contains("[sinks.out]: its buffer holds 1 pages"), "{refused}");
    let unbuffered = with.replace("buffer = { max = \"10MiB\" }\n", "");
    let refused = Place { config: unbuffered, folder: tempfile::tempdir().unwrap() };
    fs::write(place.path("weir.toml"), &refused.config).unwrap();
    let refused = std::mem::replace(&mut place.config, refused.config.clone());
    assert!(run.reload(&place).unwrap_err().contains("its buffer holds"));
    place.config = refused;
    // When it has delivered them, it is.
    heal(&place);
    until("it has delivered", || delivered(&place.path("later/out.ndjson")).len() == 10);
    run.reload(&place).unwrap();
    append(&place.log("a.log"), &lines(10..20));
    place.expect(10..20);
    comes_to_rest(address);
    assert_eq!(run.end(), Default::default());
}

#[test]
fn a_source_that_was_taken_out_goes_on_where_it_was() {
    let place = place();
    let logs = place.path("logs").display().to_string();
    append(&place.log("a.log"), &lines(0..10));
    let run = place.start();
    place.expect(0..10);
    let with = place.config.clone();
    let mut place = place.with(&format!("{logs}/*.log*"), &format!("{logs}/*.other"));
    run.reload(&place).unwrap();
    append(&place.log("b.other"), &lines(10..20));
    place.expect(0..20);
    append(&place.log("a.log"), &lines(20..30));
    // Another name is another source.
    place.config = with
        .replace("[sources.in]", "[sources.new]")
        .replace("[\"in\"]", "[\"new\"]")
        .replace("*.log*", "none");
    run.reload(&place).unwrap();
    place.config = with;
    run.reload(&place).unwrap();
    place.expect(0..30);
    assert_eq!(run.end(), Default::default());
}

#[test]
fn case_44_a_thousand_reloads_under_load() {
    let folder = Place::default();
    let root = folder.folder.path().display().to_string();
    let config = |round: u64| {
        let [body, size, poll] = [4096 + round % 3, (1 << 20) + round % 2, 5 + round % 2];
        let more = match round % 4 {
            3 => format!("where = \"bytes < {}\"\n", u64::MAX),
            _ => String::new(),
        };
        format!(
            "state_dir = \"{root}/state\"\ncheckpoint = \"5ms\"\ndrain = \"60s\"\nlisten = \"127.0.0.1:0\"\n\
             [sources.requests]\ntype = \"http\"\nlisten = \"127.0.0.1:0\"\nmax_body = {body}\n\
             [sources.files]\ntype = \"file\"\npaths = [\"{root}/logs/*.log\"]\npoll = \"{poll}ms\"\n\
             [pipelines.p]\nsources = [\"requests\", \"files\"]\nsinks = [\"out\", \"buffered\"]\n{more}\
             [sinks.out]\ntype = \"file\"\npath = \"{root}/out.ndjson\"\nmax_size = {size}\n\
             [sinks.buffered]\ntype = \"file\"\npath = \"{root}/buffered.ndjson\"\nbuffer = {{ max = {size} }}\n"
        )
    };
    let mut place = Place { config: config(0), ..folder };
    let run = place.start();
    // Of the file source first, then of the other.
    let address = run.address("requests");
    let operation = run.address("operation");
    let (sent, ends) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let log = place.log("a.log");
    let client = thread::spawn({
        let (sent, ends) = (Arc::clone(&sent), Arc::clone(&ends));
        move || {
            while !ends.load(Ordering::Relaxed) {
                let id = sent.load(Ordering::Relaxed);
                append(&log, &line(id + 1));
                assert_eq!(request(address, "POST / HTTP/1.1", line(id).as_bytes()).0, 200);
                sent.store(id + 2, Ordering::Relaxed);
            }
        }
    });
    let rounds = 1000;
    for round in 1..=rounds {
        place.config = config(round);
        run.reload(&place).unwrap();
    }
    ends.store(true, Ordering::Relaxed);
    client.join().unwrap();
    let sent = sent.load(Ordering::Relaxed);
    assert!(sent > 100, "{sent}");
    for name in ["out", "buffered"] {
        let names = [format!("{name}.ndjson"), format!("{name}.1.ndjson"), format!("{name}.2.ndjson")];
        let names = names.each_ref().map(String::as_str);
        until(name, || all(&place, &names).len() as u64 == sent);
        let found = all(&place, &names);
        assert!(found.keys().copied().eq(0..sent));
    }
    comes_to_rest(operation);
    assert!(metrics(operation).contains(&format!("weir_config_reloads_total{{result=\"ok\"}} {rounds}\n")));
    assert_eq!(run.end(), Default::default());
}
