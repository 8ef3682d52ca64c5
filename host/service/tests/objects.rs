//! Objects of stores and folders, as what is written.

mod support;
#[path = "../../store/tests/support/vendor.rs"]
mod vendor;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
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
    let day = |id: u64| line(id).replace("1548752136", if id % 3 == 0 { "1548752136" } else { "1548838536" });
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

#[test]
fn case_25_a_wrong_secret_loses_nothing_and_is_told_by_ready() {
    for (vendor, scheme) in [(Vendor::Obs, "obs"), (Vendor::Oss, "oss")] {
        let server = Server::start(vendor);
        let (place, secret) = remote(&server, &format!("{scheme}://flows/to/"), "wrong");
        append(&place.log("a.log"), &lines(0..100));
        let run = place.start();
        let address = run.address("operation");
        let mut answer = (0, String::new());
        until("/ready fails", || {
            answer = request(address, "GET /ready HTTP/1.1", b"");
            answer.0 == 503
        });
        assert!(
            answer.1.contains("[sinks.out]") && answer.1.contains("SignatureDoesNotMatch"),
            "{}",
            answer.1
        );
        assert!(!answer.1.contains("wrong\""), "{}", answer.1);
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
