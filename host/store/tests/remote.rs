//! Stores of clouds: moto's server as S3, and one that stands in for OSS and OBS and checks how they
//! sign.
//!
//! Credentials come from the environment, which belongs to a process: this program starts itself for
//! each part.

mod support;

use std::{
    env,
    io::Read as _,
    process::{Command, ExitCode},
};

use support::{
    contract,
    moto::{Moto, ask, make_bucket},
    vendor::{self, BUCKET, Server, Vendor},
};
use weir_store::{Address, Kind, Options, Store};

/// A part of the tests, in a process of its own.
struct Part {
    name: &'static str,
    run: fn(),
    needs: Needs,
    variables: &'static [(&'static str, &'static str)],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Needs {
    Moto,
    Nothing,
}

const AWS: &[(&str, &str)] =
    &[("AWS_ACCESS_KEY_ID", "weir"), ("AWS_SECRET_ACCESS_KEY", "weir-secret"), ("AWS_REGION", "us-east-1")];
const ALIBABA: &[(&str, &str)] =
    &[("ALIBABA_CLOUD_ACCESS_KEY_ID", vendor::KEY), ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", vendor::SECRET)];
const OSS: &[(&str, &str)] = &[("OSS_ACCESS_KEY_ID", vendor::KEY), ("OSS_ACCESS_KEY_SECRET", vendor::SECRET)];
const HUAWEI: &[(&str, &str)] =
    &[("HUAWEI_CLOUD_ACCESS_KEY_ID", vendor::KEY), ("HUAWEI_CLOUD_SECRET_ACCESS_KEY", vendor::SECRET)];
const OBS: &[(&str, &str)] = &[("OBS_ACCESS_KEY_ID", vendor::KEY), ("OBS_SECRET_ACCESS_KEY", vendor::SECRET)];
const WRONG_ALIBABA: &[(&str, &str)] =
    &[("ALIBABA_CLOUD_ACCESS_KEY_ID", vendor::KEY), ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "not-the-secret")];
const WRONG_HUAWEI: &[(&str, &str)] =
    &[("HUAWEICLOUD_SDK_AK", vendor::KEY), ("HUAWEICLOUD_SDK_SK", "not-the-secret")];

const PARTS: &[Part] = &[
    Part { name: "s3_holds", run: s3_holds, needs: Needs::Moto, variables: AWS },
    Part { name: "s3_lists_many", run: s3_lists_many, needs: Needs::Moto, variables: AWS },
    Part { name: "s3_refuses", run: s3_refuses, needs: Needs::Moto, variables: AWS },
    Part { name: "s3_stops", run: s3_stops, needs: Needs::Nothing, variables: AWS },
    Part { name: "oss_holds", run: oss_holds, needs: Needs::Nothing, variables: ALIBABA },
    Part { name: "oss_takes_its_own_variables", run: oss_holds, needs: Needs::Nothing, variables: OSS },
    Part { name: "obs_holds", run: obs_holds, needs: Needs::Nothing, variables: HUAWEI },
    Part { name: "obs_takes_its_own_variables", run: obs_holds, needs: Needs::Nothing, variables: OBS },
    Part { name: "oss_breaks", run: || breaks(Vendor::Oss), needs: Needs::Nothing, variables: ALIBABA },
    Part { name: "obs_breaks", run: || breaks(Vendor::Obs), needs: Needs::Nothing, variables: HUAWEI },
    Part {
        name: "oss_refuses",
        run: || refuses(Vendor::Oss),
        needs: Needs::Nothing,
        variables: WRONG_ALIBABA,
    },
    Part {
        name: "obs_refuses",
        run: || refuses(Vendor::Obs),
        needs: Needs::Nothing,
        variables: WRONG_HUAWEI,
    },
    Part { name: "nothing_is_signed", run: nothing_is_signed, needs: Needs::Nothing, variables: &[] },
];

/// The part that is asked for, and where moto's server is.
const PART: &str = "WEIR_STORE_PART";
const ENDPOINT: &str = "WEIR_STORE_ENDPOINT";

fn main() -> ExitCode {
    if let Ok(part) = env::var(PART) {
        let part = PARTS.iter().find(|p| p.name == part).expect("a part of that name");
        (part.run)();
        return ExitCode::SUCCESS;
    }
    // As with other tests, words choose among them.
    let words: Vec<String> = env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let moto = Moto::start();
    let is_ci = env::var_os("CI").is_some_and(|ci| ci == "true");
    let mut failed = 0;
    if moto.is_none() {
        println!("skipped what needs moto_server, which `cargo xtask test` installs into target/python");
        failed += u8::from(is_ci);
    }
    let chosen =
        |part: &&Part| words.is_empty() || words.iter().any(|word| part.name.contains(word.as_str()));
    for part in PARTS.iter().filter(chosen) {
        if part.needs == Needs::Moto && moto.is_none() {
            continue;
        }
        let mut command = Command::new(env::current_exe().unwrap());
        // Nobody's own credentials, and no other place where some may be.
        for (name, _) in env::vars_os() {
            let text = name.to_string_lossy().to_uppercase();
            if ["AWS_", "OSS_", "OBS_", "ALIBABA_", "HUAWEI", "HTTP_PROXY", "ALL_PROXY"]
                .iter()
                .any(|start| text.starts_with(start))
            {
                command.env_remove(&name);
            }
        }
        command.env("HOME", "/nonexistent").env(PART, part.name);
        command.env(ENDPOINT, moto.as_ref().map_or("", |moto| &moto.endpoint));
        let status = command.envs(part.variables.iter().copied()).status().unwrap();
        println!("{} ... {}", part.name, if status.success() { "ok" } else { "FAILED" });
        failed += u8::from(!status.success());
    }
    ExitCode::from(failed)
}

fn moto() -> String {
    env::var(ENDPOINT).unwrap()
}

fn options(endpoint: &str) -> Options {
    Options { endpoint: Some(endpoint.into()), ..Options::default() }
}

fn open(endpoint: &str, address: &str) -> Store {
    Store::open(&Address::parse(address).unwrap(), &options(endpoint)).unwrap()
}

fn s3_holds() {
    make_bucket(&moto(), "holds");
    contract::holds(&open(&moto(), "s3://holds/"));
    contract::holds(&open(&moto(), "s3://holds/a/folder=1/"));
    // Baidu's speaks the same protocol.
    contract::holds(&open(&moto(), "bos://holds/bos/"));
}

fn s3_lists_many() {
    make_bucket(&moto(), "many");
    let host = moto();
    // More than two pages; each part of a key is as long as the others, so that they are in order.
    let keys: Vec<String> = (0..2345).map(|n| format!("logs/{:02}/{n:05}.gz", n / 100)).collect();
    for key in &keys {
        let answer = ask(&host, "PUT", &format!("/many/{key}"), key);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    let store = open(&host, "s3://many/");
    assert_eq!(contract::listed(&store, "", None), keys);
    assert_eq!(contract::listed(&store, "", Some(&keys[1100])), keys[1101..]);
    assert_eq!(contract::listed(&store, "logs/07/", None), keys[700..800]);
    // Who wants only the first gets it without the others.
    let first = store.list("", None).unwrap().next().unwrap().unwrap();
    assert_eq!((first.key.as_str(), first.size), (keys[0].as_str(), keys[0].len() as u64));
    // Objects that are asked for ahead come in order.
    let objects = store.list("logs/0", None).unwrap().take(50);
    for ((read, key), n) in store.read_all(objects).zip(&keys).zip(0..) {
        let (object, mut reader) = read.unwrap();
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!((&object.key, text.as_str(), n < 50), (key, key.as_str(), true));
    }
}

fn s3_refuses() {
    let error = open(&moto(), "s3://nobodys/x/").list("", None).unwrap().next().unwrap().unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound);
    let text = error.to_string();
    assert!(
        text.starts_with("s3://nobodys/x/: can't list: there is no bucket s3://nobodys at http://"),
        "{text}"
    );
    assert!(text.ends_with("check its name, --endpoint and --region"), "{text}");
    let error = open(&moto(), "s3://nobodys/").write("x").and_then(weir_store::Writer::finish).unwrap_err();
    assert!(error.to_string().contains("there is no bucket s3://nobodys"), "{error}");
    // From here on moto asks who it is.
    ask(&moto(), "POST", "/moto-api/reset-auth", "0");
    let error = open(&moto(), "s3://holds/").list("", None).unwrap().next().unwrap().unwrap_err();
    let text = error.to_string();
    assert_eq!(error.kind(), Kind::Denied, "{text}");
    assert!(text.contains("S3 does not accept the credentials (InvalidAccessKeyId: "), "{text}");
    assert!(text.ends_with("check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"), "{text}");
    assert!(!text.contains("weir-secret"), "{text}");
    ask(&moto(), "POST", "/moto-api/reset-auth", "1000000");
}

/// A server that takes a request and never answers.
fn s3_stops() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let told = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let asked = told.clone();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let options = Options {
        stop: Some(std::sync::Arc::new(move || asked.load(std::sync::atomic::Ordering::Relaxed))),
        ..options(&endpoint)
    };
    let store = Store::open(&Address::parse("s3://b/").unwrap(), &options).unwrap();
    let waiting = std::thread::spawn(move || {
        [store.read("x", ..).err().unwrap(), store.list("", None).unwrap().next().unwrap().unwrap_err()]
    });
    let connection = listener.accept().unwrap();
    told.store(true, std::sync::atomic::Ordering::Relaxed);
    for error in waiting.join().unwrap() {
        assert_eq!(error.kind(), Kind::Stopped, "{error}");
    }
    drop(connection);
}

fn vendor(vendor: Vendor) -> (Server, Store) {
    let server = Server::start(vendor);
    let scheme = if vendor == Vendor::Oss { "oss" } else { "obs" };
    let store = open(&server.endpoint, &format!("{scheme}://{BUCKET}/"));
    (server, store)
}

fn oss_holds() {
    let (server, store) = vendor(Vendor::Oss);
    contract::holds(&store);
    contract::holds(&open(&server.endpoint, "oss://flows/a b/folder=1/"));
    assert_eq!(server.uploads(), 0);
}

fn obs_holds() {
    let (server, store) = vendor(Vendor::Obs);
    contract::holds(&store);
    contract::holds(&open(&server.endpoint, "obs://flows/a b/folder=1/"));
    assert_eq!(server.uploads(), 0);
}

fn breaks(of: Vendor) {
    let (server, store) = vendor(of);
    let all = contract::bytes(3 << 20, 5);
    contract::put(&store, "cut/a", &all);
    server.log();
    server.cut(4, false);
    assert!(contract::got(&store, "cut/a") == all);
    let log = server.log();
    assert_eq!(log.len(), 5, "{log:?}");
    // Each goes on where the one before broke, and only if it is still the same object.
    assert_eq!(log[0], "GET cut/a");
    assert!(
        log[1..].iter().all(|line| line.contains("range bytes=") && line.contains("if-match \"")),
        "{log:?}"
    );
    assert!(log[1].contains(&format!("bytes={}-", all.len() / 2)), "{log:?}");
    // A range is gone on with to its own end.
    server.cut(2, false);
    let mut part = Vec::new();
    store.read("cut/a", 1000..2_000_000).unwrap().read_to_end(&mut part).unwrap();
    assert!(part == all[1000..2_000_000]);
    // What is replaced meanwhile is not joined.
    server.cut(1, true);
    let error = store.read("cut/a", ..).unwrap().read_to_end(&mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("replaced meanwhile; read it again"), "{error}");
}

fn refuses(of: Vendor) {
    let (server, store) = vendor(of);
    let service = if of == Vendor::Oss { "Alibaba Cloud OSS" } else { "Huawei Cloud OBS" };
    let listed = store.list("", None).unwrap().next().unwrap().unwrap_err();
    let written = store.write("x").and_then(weir_store::Writer::finish).unwrap_err();
    for error in [listed, store.read("x", ..).err().unwrap(), written] {
        let text = error.to_string();
        assert_eq!(error.kind(), Kind::Denied, "{text}");
        assert!(
            text.contains(&format!("{service} does not accept the credentials (SignatureDoesNotMatch: ")),
            "{text}"
        );
        assert!(!text.contains("not-the-secret") && !text.contains(vendor::SECRET), "{text}");
    }
    drop(server);
}

/// Without credentials nothing is sent, unless that is meant.
fn nothing_is_signed() {
    for (of, scheme, variables) in [
        (Vendor::Oss, "oss", "ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET"),
        (Vendor::Obs, "obs", "HUAWEI_CLOUD_ACCESS_KEY_ID and HUAWEI_CLOUD_SECRET_ACCESS_KEY"),
        (Vendor::Obs, "s3", "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"),
    ] {
        let server = Server::start(of);
        let address = Address::parse(&format!("{scheme}://flows/")).unwrap();
        let store = Store::open(&address, &options(&server.endpoint)).unwrap();
        let error = store.list("", None).unwrap().next().unwrap().unwrap_err();
        let text = error.to_string();
        assert_eq!(error.kind(), Kind::Denied, "{text}");
        let expected = format!("there are no credentials that can be used; set {variables}, or --anonymous");
        assert!(text.contains(&expected), "{text}");
        assert!(server.log().is_empty());
        let anonymous = Options { anonymous: true, ..options(&server.endpoint) };
        let store = Store::open(&address, &anonymous).unwrap();
        let error = store.list("", None).unwrap().next().unwrap().unwrap_err();
        assert!(error.to_string().contains("access is denied (AccessDenied: "), "{error}");
        assert_eq!(server.log().len(), 1, "{scheme}");
    }
}
