//! The README's tables are generated, and its commands run.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

fn readme() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md")
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

/// Every line of every shell block that calls `weir`, in a folder that has the files it names.
#[test]
fn the_commands_run() {
    let text = fs::read_to_string(readme()).unwrap();
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus");
    let dir = tempfile::tempdir().unwrap();
    let sample = |from: &str| fs::read(corpus.join(from)).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&sample("huawei-vpc/ok/samples.log")).unwrap();
    for (name, content) in [
        ("flow.log", sample("huawei-vpc/ok/samples.log")),
        ("flow.log.gz", gzip.finish().unwrap()),
        ("waf.json", sample("huawei-waf/ok/samples.json")),
        ("waf-events.csv", sample("huawei-waf/ok/export.csv")),
        ("export.csv", b"10.0.0.1,10.0.0.2,443,tcp,4096,1718000340,allow\n".to_vec()),
        ("export.tsv", b"10.0.0.1\t10.0.0.2\t4096\n".to_vec()),
        ("office.txt", b"192.168.0.0/16\n".to_vec()),
    ] {
        fs::write(dir.path().join(name), content).unwrap();
    }
    let weir = Path::new(env!("CARGO_BIN_EXE_weir"));
    let path = format!("{}:{}", weir.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let mut commands = 0;
    for block in text.split("```sh\n").skip(1) {
        let block = block.split("```").next().unwrap();
        for line in block.lines().filter(|l| l.contains("weir ")) {
            let output = Command::new("sh")
                .args(["-c", line])
                .current_dir(dir.path())
                .env("PATH", &path)
                .stdin(Stdio::null())
                .output()
                .unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(0), "{line}\n{stderr}");
            assert!(!stderr.contains("warning"), "{line}\n{stderr}");
            commands += 1;
        }
    }
    assert!(commands >= 10, "{commands}");
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
