//! Objects of stores and folders, as what is written.

mod support;
#[path = "../../store/tests/support/vendor.rs"]
mod vendor;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use arrow_array::{Array as _, Int64Array, cast::AsArray as _};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use support::{Place, append, in_objects, line, lines, request, until};
use vendor::{KEY, SECRET, Server, Vendor};

/// A place whose sink writes objects to a folder, with more keys.
fn place(keys: &str) -> Place {
    let place = Place::default();
    let (file, url) = (place.path("out.ndjson"), place.path("objects"));
    let from = format!("type = \"file\"\npath = {file:?}\n");
    place.with(&from, &format!("type = \"object_store\"\nurl = {url:?}\n{keys}\n"))
}

/// The objects below a folder, by their paths in it.
fn objects(folder: &Path) -> Vec<String> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).into_iter().flatten() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => found.push(path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned()),
            }
        }
    }
    found.sort();
    found
}

fn each_once(found: &BTreeMap<u64, u64>, count: u64) {
    let others: Vec<_> = found.iter().filter(|(id, n)| **id >= count || **n != 1).take(9).collect();
    assert!(found.len() as u64 == count && others.is_empty(), "{} of {count}: {others:?}", found.len());
}

/// Lines of two days.
fn of_two_days(count: u64) -> String {
    let day = |id: u64| {
        line(id).replace("1548752136", if id.is_multiple_of(3) { "1548752136" } else { "1548838536" })
    };
    (0..count).map(day).collect()
}

#[test]
fn records_are_in_hives_folders_once_and_at_the_end_nothing_waits_for_more() {
    for (keys, ending) in [
        ("", ".jsonl.zst"),
        ("compression = \"gzip\"", ".jsonl.gz"),
        ("compression = \"none\"", ".jsonl"),
        ("batch = { bytes = \"20KiB\" }", ".jsonl.zst"),
        ("batch = { records = 100 }\nconcurrency = 5", ".jsonl.zst"),
    ] {
        let place = place(&format!("partition = [\"provider\", \"date\"]\n{keys}"));
        append(&place.log("a.log"), &of_two_days(3000));
        append(&place.log("b.log"), &line(3000));
        place.once();
        let folder = place.path("objects");
        each_once(&in_objects(&folder), 3001);
        let (names, mut folders) = (objects(&folder), BTreeSet::new());
        for name in &names {
            let (folder, file) = name.rsplit_once('/').unwrap();
            folders.insert(folder);
            assert!(file.starts_with("weir-out-") && file.ends_with(ending), "{name}");
        }
        let days = ["2019-01-29", "2019-01-30"].map(|day| format!("provider=huawei/date={day}"));
        assert!(folders.iter().eq(days.iter()), "{folders:?}");
        assert!(names.len() >= 3, "{names:?}");
    }
}

#[test]
fn tables_have_the_columns_that_their_folders_do_not_tell() {
    let place = place("format = \"parquet\"\npartition = [\"provider\", \"product\", \"date\"]");
    append(&place.log("a.log"), &of_two_days(2000));
    place.once();
    let (folder, mut ids) = (place.path("objects"), Vec::new());
    let names = objects(&folder);
    assert_eq!(names.len(), 2, "{names:?}");
    for name in names {
        assert!(name.starts_with("provider=huawei/product=vpc/date=2019-01-") && name.ends_with(".parquet"));
        let file = bytes::Bytes::from(fs::read(folder.join(name)).unwrap());
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        assert!(reader.schema().field_with_name("provider").is_err());
        assert!(reader.schema().field_with_name("action").is_ok());
        for batch in reader.build().unwrap() {
            let batch = batch.unwrap();
            let column: &Int64Array = batch.column_by_name("bytes").unwrap().as_primitive();
            assert_eq!(column.null_count(), 0);
            ids.extend(column.values().iter().map(|id| *id as u64));
        }
    }
    ids.sort_unstable();
    assert!(ids.into_iter().eq(0..2000));
    let place = self::place("format = \"csv\"\ncompression = \"none\"");
    append(&place.log("a.log"), &lines(0..10));
    place.once();
    let folder = place.path("objects");
    let [name] = &objects(&folder)[..] else { panic!() };
    assert!(name.ends_with(".csv"));
    assert_eq!(fs::read_to_string(folder.join(name)).unwrap().lines().count(), 11);
}

/// A pipeline with objects and a sink that can't write until a folder is there.
fn with_a_dead_one(keys: &str) -> Place {
    let place = place(keys).with("drain = \"60s\"", "drain = \"50ms\"");
    let place = place.with("sinks = [\"out\"]", "sinks = [\"out\", \"dead\"]");
    fs::write(place.path("later"), "a file where a folder should be").unwrap();
    let path = place.path("later/out.ndjson");
    let config = format!("{}[sinks.dead]\ntype = \"file\"\npath = {path:?}\n", place.config);
    Place { config, ..place }
}

#[test]
fn what_is_read_again_is_written_over() {
    let place = with_a_dead_one("batch = { bytes = \"1MiB\", age = \"1h\" }");
    append(&place.log("a.log"), &lines(0..20_000));
    let folder = place.path("objects");
    let run = place.start();
    until("some objects", || objects(&folder).iter().filter(|name| name.ends_with(".zst")).count() > 1);
    let ended = run.end();
    assert!(ended.left > 0, "{ended:?}");
    fs::remove_file(place.path("later")).unwrap();
    place.once();
    each_once(&in_objects(&folder), 20_000);
    each_once(&support::delivered(&place.path("later/out.ndjson")), 20_000);
    // Another state directory never writes over what this one wrote.
    let root = place.folder.path().display().to_string();
    let other = place.with(&format!("{root}/state"), &format!("{root}/other"));
    other.once();
    assert!(in_objects(&folder).values().all(|n| *n == 2));
}

#[test]
fn two_pipelines_of_one_source_do_not_write_over_each_other() {
    let place =
        place("").with("[sinks.out]", "[pipelines.q]\nsources = [\"in\"]\nsinks = [\"out\"]\n[sinks.out]");
    append(&place.log("a.log"), &lines(0..100));
    place.once();
    let found = in_objects(&place.path("objects"));
    assert!(found.len() == 100 && found.values().all(|n| *n == 2), "{found:?}");
}

#[test]
fn a_request_is_answered_when_its_object_is_there() {
    for buffer in ["buffer = false\n", ""] {
        let place = place(&format!("{buffer}batch = {{ age = \"1h\" }}"));
        let source = format!(
            "type = \"file\"\npaths = [{:?}]\npoll = \"5ms\"\nrotate_wait = \"80ms\"",
            place.log("*.log*")
        );
        let place = place.with(&source, "type = \"http\"\nlisten = \"127.0.0.1:0\"");
        let folder = place.path("objects");
        let run = place.start();
        let address = run.address("in");
        for id in 0..5 {
            assert_eq!(request(address, "POST / HTTP/1.1", line(id).as_bytes()).0, 200);
            if buffer.is_empty() {
                continue;
            }
            each_once(&in_objects(&folder), id + 1);
        }
        assert_eq!(run.end(), Default::default());
        each_once(&in_objects(&folder), 5);
        // With a buffer they are together.
        assert_eq!(objects(&folder).len(), if buffer.is_empty() { 1 } else { 5 });
    }
}

/// A place whose sink writes to a server that stands in for a cloud's; the secret is in a file.
fn remote(server: &Server, url: &str, secret: &str) -> (Place, PathBuf) {
    let place = Place::default().with("drain", "listen = \"127.0.0.1:0\"\ndrain");
    let (file, path) = (place.path("out.ndjson"), place.path("secret"));
    fs::write(&path, secret).unwrap();
    fs::write(place.path("key"), KEY).unwrap();
    let keys = format!(
        "type = \"object_store\"\nurl = \"{url}\"\nendpoint = \"{}\"\nbatch = {{ age = \"1s\" }}\n\
         auth = {{ access_key = {{ file = {:?} }}, secret_key = {{ file = {path:?} }} }}\n",
        server.endpoint,
        place.path("key"),
    );
    (place.with(&format!("type = \"file\"\npath = {file:?}\n"), &keys), path)
}

fn ids(server: &Server, keys: &[String]) -> Vec<u64> {
    let mut ids = Vec::new();
    for key in keys {
        let text = zstd::decode_all(&server.get(key).unwrap()[..]).unwrap();
        let records = text.split(|b| *b == b'\n').filter(|line| !line.is_empty());
        ids.extend(
            records
                .map(|r| serde_json::from_slice::<serde_json::Value>(r).unwrap()["bytes"].as_u64().unwrap()),
        );
    }
    ids.sort_unstable();
    ids
}

fn keys(server: &Server, url: &str) -> Vec<String> {
    let credentials = weir_store::Credentials { id: KEY.into(), secret: SECRET.into(), token: None };
    let options = weir_store::Options {
        endpoint: Some(server.endpoint.clone()),
        credentials: Some(credentials),
        ..weir_store::Options::default()
    };
    let store = weir_store::Store::open(&weir_store::Address::parse(url).unwrap(), &options).unwrap();
    store.list("", None).unwrap().map(|object| object.unwrap().key).collect()
}

/// What `/ready` says when it fails, which is because a part was let in nowhere.
fn refused(address: SocketAddr, part: &str) -> String {
    let mut answer = (0, String::new());
    until("/ready fails", || {
        answer = request(address, "GET /ready HTTP/1.1", b"");
        answer.0 == 503
    });
    assert!(answer.1.contains(part) && answer.1.contains("SignatureDoesNotMatch"), "{}", answer.1);
    answer.1
}

#[test]
fn case_25_a_wrong_secret_loses_nothing_and_is_told_by_ready() {
    for (vendor, scheme) in [(Vendor::Obs, "obs"), (Vendor::Oss, "oss")] {
        let server = Server::start(vendor);
        let (place, secret) = remote(&server, &format!("{scheme}://flows/to/"), "wrong");
        append(&place.log("a.log"), &lines(0..100));
        let run = place.start();
        let address = run.address("operation");
        let said = refused(address, "[sinks.out]");
        assert!(!said.contains("wrong\""), "{said}");
        let metrics = request(address, "GET /metrics HTTP/1.1", b"").1;
        assert!(metrics.contains("weir_sink_retries_total{sink=\"out\",reason=\"denied\"}"), "{metrics}");
        place.progress("nothing is done", |streams| streams.iter().all(|s| s.offset == 0));
        fs::write(secret, SECRET).unwrap();
        place.done("a.log", lines(0..100).len() as u64);
        until("/ready", || request(address, "GET /ready HTTP/1.1", b"").0 == 200);
        let keys = keys(&server, &format!("{scheme}://flows/"));
        assert!(keys.iter().all(|key| key.starts_with("to/weir-out-")), "{keys:?}");
        assert!(ids(&server, &keys).into_iter().eq(0..100));
        assert_eq!(run.end(), Default::default());
    }
}

#[test]
fn a_store_that_does_not_answer_is_told_by_ready_before_it_is_given_up_for_a_while() {
    for (vendor, scheme) in [(Vendor::Obs, "obs"), (Vendor::Oss, "oss")] {
        let server = Server::start(vendor);
        let (place, _) = remote(&server, &format!("{scheme}://flows/to/"), SECRET);
        append(&place.log("a.log"), &lines(0..100));
        server.set_down(true);
        let run = place.start();
        let address = run.address("operation");
        let mut told = String::new();
        until("/ready fails", || {
            let (status, answer) = request(address, "GET /ready HTTP/1.1", b"");
            told = answer;
            status == 503
        });
        // The store itself tries six times, over half a minute or more.
        assert!(server.log().len() < 6);
        assert!(told.contains("[sinks.out]") && told.contains(&format!("{scheme}://flows/to/: ")), "{told}");
        server.set_down(false);
        place.done("a.log", lines(0..100).len() as u64);
        until("/ready", || request(address, "GET /ready HTTP/1.1", b"").0 == 200);
        assert_eq!(run.end(), Default::default());
    }
}

#[test]
fn a_bucket_that_is_not_there_is_waited_for_and_the_end_comes_in_time() {
    let server = Server::start(Vendor::Oss);
    let (place, _) = remote(&server, "oss://nowhere/to/", SECRET);
    let place = place.with("drain = \"60s\"", "drain = \"50ms\"");
    append(&place.log("a.log"), &lines(0..100));
    let run = place.start();
    let address = run.address("operation");
    until("/ready fails", || {
        request(address, "GET /ready HTTP/1.1", b"").1.contains("there is no bucket oss://nowhere")
    });
    let ended = run.end();
    assert!(ended.left == 100 && !ended.is_lost, "{ended:?}");
    let place = place.with("oss://nowhere/", "oss://flows/").with("drain = \"50ms\"", "drain = \"60s\"");
    place.once();
    let keys = keys(&server, "oss://flows/");
    assert!(ids(&server, &keys).into_iter().eq(0..100));
}

/// A place whose source reads the objects of a folder.
fn source(keys: &str) -> Place {
    let place = Place::default();
    let (logs, url) = (place.log("*.log*"), place.path("logs"));
    let from = format!("type = \"file\"\npaths = [{logs:?}]\npoll = \"5ms\"\nrotate_wait = \"80ms\"\n");
    place.with(&from, &format!("type = \"object_store\"\nurl = {url:?}\npoll = \"5ms\"\n{keys}\n"))
}

/// Puts an object into the folder, which is there when it is whole.
fn put(place: &Place, key: &str, bytes: &[u8]) {
    let store = weir_store::Store::open(
        &weir_store::Address::parse(place.path("logs/").to_str().unwrap()).unwrap(),
        &weir_store::Options::default(),
    )
    .unwrap();
    let mut writer = store.write(key).unwrap();
    std::io::Write::write_all(&mut writer, bytes).unwrap();
    writer.finish().unwrap();
}

#[test]
fn each_object_is_read_once_also_after_another_start() {
    let place = source("");
    put(&place, "2026/01/31/a.log", lines(0..300).as_bytes());
    put(&place, "2026/01/31/b.gz", &support::gzip(&lines(300..9000)));
    put(&place, "2026/02/01/c", &zstd::encode_all(lines(9000..9100).as_bytes(), 0).unwrap());
    put(&place, "2026/.hidden/d", line(1_000_000).as_bytes());
    place.once();
    place.expect(0..9100);
    place.once();
    place.expect(0..9100);
    let run = place.start();
    // Before and behind what was read, and in place of it.
    put(&place, "2025/e", lines(9100..9200).as_bytes());
    put(&place, "2027/f", lines(9200..9300).as_bytes());
    place.expect(0..9300);
    put(&place, "2026/01/31/a.log", lines(9300..9310).as_bytes());
    place.expect(0..9310);
    assert_eq!(run.end(), Default::default());
    place.once();
    place.expect(0..9310);
}

#[test]
fn case_53_two_sources_of_one_store_do_not_forget_for_each_other() {
    let place = source("");
    let url = place.path("logs");
    let other = place.path("other.ndjson");
    let more = format!(
        "[sources.two]\ntype = \"object_store\"\nurl = {url:?}\npoll = \"5ms\"\n\
         [pipelines.q]\nsources = [\"two\"]\nsinks = [\"other\"]\n[sinks.other]\ntype = \"file\"\npath = {other:?}\n"
    );
    let one = place.config.clone();
    let mut place = Place { config: format!("{}{more}", place.config), ..place };
    put(&place, "a", lines(0..10).as_bytes());
    place.once();
    place.expect(0..10);
    each_once(&support::delivered(&other), 10);
    // Without the other, and with it again.
    let both = std::mem::replace(&mut place.config, one);
    put(&place, "b", lines(10..20).as_bytes());
    place.once();
    place.expect(0..20);
    place.config = both;
    place.once();
    place.expect(0..20);
    each_once(&support::delivered(&other), 20);
}

#[test]
fn case_54_what_takes_long_is_not_begun_again() {
    let place =
        source("").with("/out.ndjson", "/later/out.ndjson").with("drain = \"60s\"", "drain = \"50ms\"");
    fs::write(place.path("later"), "a file where a folder should be").unwrap();
    put(&place, "b", lines(0..100).as_bytes());
    let run = place.start();
    let is_known = |streams: &[weir_service::state::Stream], key: &str| {
        streams.iter().any(|s| s.object.is_some() && s.path.ends_with(key) && !s.is_archive_done)
    };
    place.progress("the first is under way", |streams| is_known(streams, "b"));
    // Later listings come while it is.
    put(&place, "a", lines(100..110).as_bytes());
    place.progress("the second as well", |streams| is_known(streams, "b") && is_known(streams, "a"));
    put(&place, "c", lines(110..120).as_bytes());
    place.progress("the third as well", |streams| is_known(streams, "c"));
    let ended = run.end();
    assert_eq!(ended.left, 120);
    fs::remove_file(place.path("later")).unwrap();
    place.once();
    each_once(&support::delivered(&place.path("later/out.ndjson")), 120);
}

#[test]
fn a_store_that_lets_nobody_in_or_breaks_off_is_read_to_its_end() {
    for (vendor, scheme) in [(Vendor::Obs, "obs"), (Vendor::Oss, "oss")] {
        let server = Server::start(vendor);
        for (key, ids) in
            [("logs/a", 0..1000), ("logs/cut/b", 1000..20_000), ("other/c", 1_000_000..1_000_001)]
        {
            server.put(key, lines(ids).into_bytes());
        }
        let place = Place::default().with("drain", "listen = \"127.0.0.1:0\"\ndrain");
        let (logs, secret) = (place.log("*.log*"), place.path("secret"));
        fs::write(&secret, "wrong").unwrap();
        fs::write(place.path("key"), KEY).unwrap();
        let from = format!("type = \"file\"\npaths = [{logs:?}]\npoll = \"5ms\"\nrotate_wait = \"80ms\"\n");
        let keys = format!(
            "type = \"object_store\"\nurl = \"{scheme}://flows/logs/\"\nendpoint = \"{}\"\npoll = \"5ms\"\n\
             auth = {{ access_key = {{ file = {:?} }}, secret_key = {{ file = {secret:?} }} }}\n",
            server.endpoint,
            place.path("key"),
        );
        let place = place.with(&from, &keys);
        let run = place.start();
        let address = run.address("operation");
        refused(address, "[sources.in]");
        fs::write(secret, SECRET).unwrap();
        until("all", || place.delivered().len() == 20_000);
        until("/ready", || request(address, "GET /ready HTTP/1.1", b"").0 == 200);
        server.put("logs/0", line(20_000));
        place.expect(0..20_001);
        assert_eq!(run.end(), Default::default());
        place.once();
        place.expect(0..20_001);
    }
}
