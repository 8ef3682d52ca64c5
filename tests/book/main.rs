//! The book: what is generated in it is what the code says, its links lead somewhere, and each
//! configuration in it is right. Its commands are run beside those of the README.

mod configuration;
mod links;
mod pages;
mod parts;

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use self::pages::{source, top};
use weir_normalizer::{products, schemas::Schema};

/// The pages, by their paths, with their texts.
fn pages() -> Vec<(String, String)> {
    let read = |name: String| {
        let text = fs::read_to_string(source().join(&name)).unwrap();
        (name, text)
    };
    pages::names().into_iter().map(read).collect()
}

#[test]
fn the_generated_parts_are_what_the_code_says() {
    let mut generated = 0;
    for (name, text) in pages() {
        let (fresh, parts) = parts::renew(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
        generated += parts;
        if std::env::var_os("BLESS").is_some() {
            fs::write(source().join(&name), fresh).unwrap();
        } else {
            assert!(fresh == text, "{name} is not what the code says; run with BLESS=1 to rewrite it");
        }
    }
    assert!(generated > 2 * products::all().len(), "{generated}");
}

#[test]
fn every_page_and_product_and_schema_has_its_place() {
    let pages = pages();
    let (_, summary) = pages.iter().find(|(name, _)| name == "SUMMARY.md").unwrap();
    let mut listed: Vec<String> = links::of(summary).into_iter().map(|link| link.target).collect();
    listed.sort();
    let there: Vec<&str> =
        pages.iter().map(|(name, _)| name.as_str()).filter(|n| *n != "SUMMARY.md").collect();
    assert_eq!(listed, there, "SUMMARY.md and the pages that there are");
    for product in products::all() {
        let page = format!("products/{}.md", product.id);
        let (_, text) = pages.iter().find(|(name, _)| *name == page).unwrap_or_else(|| panic!("no {page}"));
        for part in ["sample", "product", "places"] {
            assert!(text.contains(&format!("<!-- part: {part} {} -->", product.id)), "{page}: {part}");
        }
    }
    for schema in Schema::ALL {
        assert!(there.contains(&&*format!("schemas/{}.md", schema.name())), "{}", schema.name());
    }
}

#[test]
fn links_lead_somewhere() {
    let pages = pages();
    let mut checked = 0;
    for (name, text) in &pages {
        for link in links::of(text) {
            if link.target.contains("://") || link.target.starts_with("mailto:") {
                continue;
            }
            let (path, anchor) = link.target.split_once('#').unwrap_or((&link.target, ""));
            let page = match path {
                "" => name.clone(),
                _ => links::join(name, path),
            };
            let found = pages.iter().find(|(name, _)| *name == page);
            if anchor.is_empty() {
                // What is no page is a picture or the like, in the book's folder.
                assert!(found.is_some() || source().join(&page).is_file(), "{name}: there is no {path}");
            } else {
                let (_, text) = found.unwrap_or_else(|| panic!("{name}: there is no page {path}"));
                let anchors = links::anchors(text);
                assert!(anchors.iter().any(|a| a == anchor), "{name}: {path} has no #{anchor}: {anchors:?}");
            }
            checked += 1;
        }
    }
    assert!(checked > pages.len(), "{checked}");
}

/// What Vector runs: it ends when Vector tells it, and leaves nobody behind.
#[test]
fn the_exec_source_of_vector_ends_in_time() {
    let page = fs::read_to_string(source().join("run/vector.md")).unwrap();
    let command = page.lines().find_map(|line| line.trim().strip_prefix("- exec weir ")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("flow.log");
    fs::copy(top().join("samples/huawei-vpc.log"), &log).unwrap();
    let command = command.replace("/var/log/flow.log", log.to_str().unwrap());
    let command = format!("exec {} {command}", env!("CARGO_BIN_EXE_weir"));
    let mut vector = Command::new("bash");
    let mut child = vector.args(["-c", &command]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let records = fs::read_to_string(&log).unwrap().lines().count();
    assert_eq!(lines.by_ref().take(records).map(Result::unwrap).count(), records);
    let users = || {
        let processes = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path().join("cmdline"));
        let named = |process: &Vec<u8>| String::from_utf8_lossy(process).contains(log.to_str().unwrap());
        processes.filter_map(|path| fs::read(path).ok()).filter(named).count()
    };
    assert!(users() > 0, "`tail` reads the file");
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    assert!(child.wait().unwrap().success());
    assert!(lines.next().is_none());
    let end = Instant::now() + Duration::from_secs(120);
    while users() > 0 {
        assert!(Instant::now() < end, "`tail` is left behind");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

/// A block of TOML that has a pipeline is a whole configuration.
#[test]
fn each_configuration_is_right() {
    let mut checked = 0;
    for (name, text) in pages() {
        for block in text.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()) {
            if block.contains("[pipelines.") {
                weir_service::config::Config::read(&name, block).unwrap_or_else(|e| panic!("{e}\n{block}"));
                checked += 1;
            }
        }
    }
    assert!(checked >= 4, "{checked}");
}
