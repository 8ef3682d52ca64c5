//! The README's tables are generated, its commands and those of the book run, and the samples are what
//! the corpus has.

#[path = "book/pages.rs"]
mod book;
#[path = "../host/store/tests/support/vendor.rs"]
mod vendor;

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use book::top;
use vendor::{KEY, SECRET, Server, Vendor};

fn readme() -> PathBuf {
    top().join("README.md")
}

#[test]
fn the_table_of_formats_is_the_commands() {
    let path = readme();
    let text = fs::read_to_string(&path).unwrap();
    let (begin, end) = ("<!-- formats -->\n", "<!-- /formats -->");
    let from = text.find(begin).unwrap() + begin.len();
    let to = text.find(end).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_weir")).arg("formats").output().unwrap();
    let table = String::from_utf8(output.stdout).unwrap();
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, format!("{}{table}{}", &text[..from], &text[to..])).unwrap();
    } else {
        assert_eq!(&text[from..to], table, "run with BLESS=1 to rewrite it");
    }
}

/// The samples, and what of the corpus each is a copy of.
const SAMPLES: [(&str, &str); 22] = [
    ("alibaba-alb.json", "alibaba-alb/ok/samples.json"),
    ("alibaba-cen.json", "alibaba-cen/ok/samples.json"),
    ("alibaba-cen.log", "alibaba-cen/ok/layout.log"),
    ("alibaba-cfw.json", "alibaba-cfw/ok/samples.json"),
    ("alibaba-nat.json", "alibaba-nat/ok/samples.json"),
    ("alibaba-vpc.json", "alibaba-vpc/ok/samples.json"),
    ("alibaba-waf.json", "alibaba-waf/ok/samples.json"),
    ("aws-tgw.log", "aws-tgw/ok/samples.log"),
    ("aws-vpc.log", "aws-vpc/ok/samples.log"),
    ("baidu-flow.csv", "baidu-flow/ok/layout.csv"),
    ("baidu-flow.log", "baidu-flow/ok/assumed.log"),
    ("flat.json", "flat/ok/records.ndjson.json"),
    ("huawei-cfw-access.json", "huawei-cfw-access/ok/samples.json"),
    ("huawei-cfw-attack.json", "huawei-cfw-attack/ok/samples.json"),
    ("huawei-cfw-url.json", "huawei-cfw-url/ok/samples.json"),
    ("huawei-cfw.json", "huawei-cfw/ok/samples.json"),
    ("huawei-elb.log", "huawei-elb/ok/samples.log"),
    ("huawei-er.log", "huawei-er/ok/samples.log"),
    ("huawei-vpc.log", "huawei-vpc/ok/samples.log"),
    ("huawei-waf-access.json", "huawei-waf-access/ok/samples.json"),
    ("huawei-waf.csv", "huawei-waf/ok/export.csv"),
    ("huawei-waf.json", "huawei-waf/ok/samples.json"),
];

/// What else lies beside them: their description, one of them compressed, and a list of networks.
const BESIDE: [&str; 3] = ["README.md", "huawei-vpc.log.gz", "office.txt"];

#[test]
fn the_samples_are_the_corpus() {
    let (samples, corpus) = (top().join("samples"), top().join("tests/corpus"));
    for (name, from) in SAMPLES {
        let content = fs::read(corpus.join(from)).unwrap();
        if std::env::var_os("BLESS").is_some() {
            fs::write(samples.join(name), content).unwrap();
        } else {
            assert!(
                fs::read(samples.join(name)).unwrap() == content,
                "{name} differs; run with BLESS=1 to rewrite it"
            );
        }
    }
    let mut plain = Vec::new();
    let compressed = fs::File::open(samples.join("huawei-vpc.log.gz")).unwrap();
    flate2::read::GzDecoder::new(compressed).read_to_end(&mut plain).unwrap();
    assert!(plain == fs::read(samples.join("huawei-vpc.log")).unwrap(), "pack huawei-vpc.log again");

    let mut found: Vec<_> = fs::read_dir(&samples)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    found.sort();
    let mut known: Vec<_> = SAMPLES.iter().map(|(name, _)| *name).chain(BESIDE).collect();
    known.sort();
    assert_eq!(found, known);
}

/// Each product has a sample of its name, and it is read as that product's.
#[test]
fn every_product_has_a_sample() {
    for product in weir_normalizer::products::all() {
        let mut samples = SAMPLES.iter().filter(|(name, _)| {
            name.rsplit_once('.').is_some_and(|(stem, end)| stem == product.id && end != "csv")
        });
        let (name, _) = samples.next().unwrap_or_else(|| panic!("{}: there is no sample", product.id));
        let mut weir = Command::new(env!("CARGO_BIN_EXE_weir"));
        weir.current_dir(top()).args(["normalize", "--native", "--summary", "json"]);
        weir.arg(format!("samples/{name}"));
        if let weir_normalizer::products::Lines::Named(_) = product.lines {
            weir.args(["--from", product.id]);
        }
        let output = weir.output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{name}: {stderr}");
        let summary: serde_json::Value = serde_json::from_str(&stderr).expect(&stderr);
        assert_eq!(summary["records"]["rejected"], 0, "{name}");
        assert!(summary["by_product"][product.id].as_u64() > Some(0), "{name}: {summary}");
    }
}

/// The stores of the README, with samples in them; nothing is asked of a real one.
fn stores() -> [(&'static str, Server); 2] {
    let sample = |name: &str| fs::read(top().join("samples").join(name)).unwrap();
    let (obs, oss) = (Server::start(Vendor::Obs), Server::start(Vendor::Oss));
    obs.put("LogTanks/a.log", sample("huawei-vpc.log"));
    oss.put("2026/01/31/a.gz", sample("huawei-vpc.log.gz"));
    [("obs://", obs), ("oss://", oss)]
}

/// A command whose store is one of those.
fn at_stores(line: &str, stores: &[(&str, Server)]) -> String {
    let Some((_, server)) = stores.iter().find(|(scheme, _)| line.contains(scheme)) else {
        return line.to_owned();
    };
    let (before, after) = line.split_once("--endpoint https://").expect("an endpoint");
    let (_, after) = after.split_once(' ').unwrap();
    format!("{before}--endpoint {} {after}", server.endpoint)
}

/// Whether an account is of records of which none came out.
fn gives_nothing(stderr: &str) -> bool {
    let count = |name: &str| {
        let mut counts = stderr.lines().filter_map(|line| line.strip_prefix(name)?.split_whitespace().next());
        counts.next().map(|records| records == "0")
    };
    (count("in "), count("normalized ")) == (Some(false), Some(true))
}

#[test]
fn an_account_of_nothing_is_known() {
    for (filter, is_nothing) in [("bytes > 0", false), ("bytes > 1GB", true)] {
        let mut weir = Command::new(env!("CARGO_BIN_EXE_weir"));
        weir.current_dir(top()).args(["normalize", "--native", "--where", filter, "samples/huawei-vpc.log"]);
        let output = weir.env_remove("WEIR_SUMMARY").output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(gives_nothing(&stderr), is_nothing, "{stderr}");
    }
}

/// Every line of every shell block that calls `weir`, as it stands, beside the samples.
#[test]
fn the_commands_run() {
    let dir = tempfile::tempdir().unwrap();
    for folder in ["samples", "examples"] {
        fs::create_dir(dir.path().join(folder)).unwrap();
        for entry in fs::read_dir(top().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, dir.path().join(folder).join(path.file_name().unwrap())).unwrap();
        }
    }
    let stores = stores();
    let weir = Path::new(env!("CARGO_BIN_EXE_weir"));
    let path = format!("{}:{}", weir.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let mut pages = vec![("README.md".to_owned(), 15), ("samples/README.md".to_owned(), 6)];
    pages.extend(book::names().into_iter().map(|name| (format!("book/src/{name}"), 0)));
    let mut of_book = 0;
    for (page, least) in pages {
        let text = fs::read_to_string(top().join(&page)).unwrap();
        let mut commands = 0;
        for block in text.split("```sh\n").skip(1) {
            let block = block.split("```").next().unwrap();
            for line in block.lines().filter(|l| l.contains("weir ")) {
                let output = Command::new("sh")
                    .args(["-c", &at_stores(line, &stores)])
                    .current_dir(dir.path())
                    .env("PATH", &path)
                    .env("ALIBABA_CLOUD_ACCESS_KEY_ID", KEY)
                    .env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", SECRET)
                    .env("HUAWEI_CLOUD_ACCESS_KEY_ID", KEY)
                    .env("HUAWEI_CLOUD_SECRET_ACCESS_KEY", SECRET)
                    .stdin(Stdio::null())
                    .output()
                    .unwrap();
                let stderr = String::from_utf8_lossy(&output.stderr);
                // To explain a record that is rejected is what one of them is for.
                let rejected = line.starts_with("weir explain") && output.status.code() == Some(3);
                assert!(output.status.success() || rejected, "{page}: {line}\n{stderr}");
                assert!(!stderr.contains("warning"), "{page}: {line}\n{stderr}");
                // Who tries a filter wants to see what it lets through.
                assert!(!gives_nothing(&stderr), "{page}: {line}\n{stderr}");
                commands += 1;
            }
        }
        assert!(commands >= least, "{page}: {commands}");
        of_book += if least == 0 { commands } else { 0 };
    }
    assert!(of_book >= 30, "{of_book}");
    assert!(stores[1].1.get("flat.jsonl.zst").is_some());
}

#[test]
fn the_record_shown_is_what_comes_out() {
    let text = fs::read_to_string(readme()).unwrap();
    let shown = text.split("```json\n").nth(1).unwrap().lines().next().unwrap();
    let command = text.lines().find(|l| l.starts_with("printf ")).unwrap();
    let weir = Path::new(env!("CARGO_BIN_EXE_weir")).display().to_string();
    let command = command.replace("| weir", &format!("| '{weir}'"));
    let output = Command::new("sh").args(["-c", &command]).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{shown}\n"));
}
