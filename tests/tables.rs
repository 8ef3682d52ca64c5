//! Tables: what other programs read in files of Parquet and streams of Arrow is what the records say.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Runs the script with the other readers. `None` where they are not installed, which is told.
fn read(arguments: &[&str]) -> Option<String> {
    let python = top().join("target/python/tables/bin/python");
    if !python.exists() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{} is missing", python.display());
        println!("skipped: DuckDB and pyarrow are not there; `cargo xtask test` installs them");
        return None;
    }
    let output =
        Command::new(python).arg(top().join("tests/tables/read.py")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

fn weir(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_weir")).args(arguments).stdin(Stdio::null()).output().unwrap()
}

/// Runs it on a standard input.
fn weir_of(arguments: &[&str], input: &[u8]) -> Output {
    let mut weir = Command::new(env!("CARGO_BIN_EXE_weir"));
    weir.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = weir.spawn().unwrap();
    // It may go away before all is read.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

/// Runs it, and fails where it does.
fn done(arguments: &[&str]) -> Vec<u8> {
    let output = weir(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// The records that come out in the corpus, of each product.
fn corpus() -> Vec<(String, Vec<String>)> {
    let mut products: Vec<_> = fs::read_dir(top().join("tests/corpus"))
        .unwrap()
        .map(|product| {
            let product = product.unwrap();
            let mut files: Vec<_> = fs::read_dir(product.path().join("ok"))
                .unwrap()
                .map(|file| file.unwrap().path().to_str().unwrap().to_owned())
                // Other schemas have their own names in them.
                .filter(|file| file.ends_with(".ndjson"))
                .filter(|file| fs::read(file).unwrap().starts_with(b"{\"provider\":"))
                .collect();
            files.sort();
            (product.file_name().into_string().unwrap(), files)
        })
        .collect();
    products.sort();
    assert!(products.len() > 10);
    products
}

#[test]
fn other_readers_find_what_the_records_say() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (mut pairs, mut counts) = (vec!["same".to_owned()], String::new());
    for (product, files) in corpus() {
        let records = path(&format!("{product}.ndjson"));
        let all: Vec<u8> = files.iter().flat_map(|file| fs::read(file).unwrap()).collect();
        fs::write(&records, &all).unwrap();
        let lines = all.iter().filter(|b| **b == b'\n').count();
        // Flat records are read as they are, and so the goldens tell the values.
        let flat = done(&["normalize", "--quiet", "--from", "flat", &records]);
        assert_eq!(flat.iter().filter(|b| **b == b'\n').count(), lines, "{product}");
        for form in ["parquet", "arrow"] {
            let table = path(&format!("{product}.{form}"));
            done(&["normalize", "--quiet", "--from", "flat", "--to", form, "-o", &table, &records]);
            pairs.extend([table, records.clone()]);
            counts += &format!("{lines} records\n");
        }
    }
    let pairs: Vec<_> = pairs.iter().map(String::as_str).collect();
    if let Some(said) = read(&pairs) {
        assert_eq!(said, counts);
    }
}

/// The events of one class of the corpus, as lines and as a table.
#[test]
fn other_readers_find_what_the_events_say() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let flat = path("flat.ndjson");
    let all: Vec<u8> =
        corpus().into_iter().flat_map(|(_, files)| files).flat_map(|file| fs::read(file).unwrap()).collect();
    fs::write(&flat, all).unwrap();
    let (mut pairs, mut counts) = (vec!["events".to_owned()], String::new());
    let web = "product in {waf, waf_access, elb, alb}";
    for (class, filter) in [("4001", &*format!("not ({web})")), ("4002", web)] {
        let (lines, table) = (path(&format!("{class}.ndjson")), path(&format!("{class}.parquet")));
        let asked =
            ["normalize", "--quiet", "--from", "flat", "--where", filter, "--observed-at", "1", "--to"];
        let made = |more: &[&str]| done(&[&asked[..], more, &[&flat]].concat());
        let events = made(&["ocsf"]);
        fs::write(&lines, &events).unwrap();
        made(&["ocsf", "-o", &table]);
        assert!(made(&["ocsf-parquet"]) == fs::read(&table).unwrap(), "{class}");
        counts += &format!("{} events\n", events.iter().filter(|b| **b == b'\n').count());
        pairs.extend([table, lines]);
    }
    let pairs: Vec<_> = pairs.iter().map(String::as_str).collect();
    if let Some(said) = read(&pairs) {
        assert_eq!(said, counts);
    }
    // A file has one class.
    let both =
        weir(&["normalize", "--quiet", "--from", "flat", "--to", "ocsf-parquet", "-o", &path("both"), &flat]);
    let told = String::from_utf8(both.stderr).unwrap();
    assert_eq!(both.status.code(), Some(1), "{told}");
    assert!(told.contains("a file of OCSF events has one class"), "{told}");
}

/// What Amazon Security Lake asks for, around which each class has its folder.
#[test]
fn events_lie_as_security_lake_asks() {
    let folder = tempfile::tempdir().unwrap();
    let lake = format!("{}/", folder.path().join("lake").display());
    let sample = |name: &str| top().join("samples").join(name).to_str().unwrap().to_owned();
    let keys = ["--partition", "region=eu-central-1,accountId,eventDay"];
    let inputs = [sample("huawei-vpc.log"), sample("huawei-waf.json")];
    let asked = ["normalize", "--quiet", "--to", "ocsf-parquet", "--output", &lake, &inputs[0], &inputs[1]];
    done(&[&asked[..], &keys].concat());
    let mut files: Vec<_> =
        glob::glob(&format!("{lake}class_uid=*/region=eu-central-1/accountId=*/eventDay=*/*"))
            .unwrap()
            .map(|file| file.unwrap().strip_prefix(&lake).unwrap().to_str().unwrap().to_owned())
            .collect();
    files.sort();
    let of = |class: &str| files.iter().filter(|f| f.starts_with(&format!("class_uid={class}/"))).count();
    assert!(of("4001") > 0 && of("4002") > 0 && of("4001") + of("4002") == files.len(), "{files:?}");
    assert!(files.iter().all(|file| file.ends_with(".parquet")), "{files:?}");
    done(&["manifest", "verify", &lake]);
    for (to, keys, told) in [
        ("flat", "class_uid", "only OCSF events have a class"),
        ("parquet", "region=eu", "the files have a column of this name"),
        ("ecs", "date", "only flat records and OCSF events are put apart"),
        ("ocsf", "date,a b=c", "NAME=VALUE"),
    ] {
        let refused = weir(&["normalize", "--to", to, "--partition", keys, "--output", &lake, &inputs[0]]);
        let text = String::from_utf8(refused.stderr).unwrap();
        assert!(refused.status.code() == Some(2) && text.contains(told), "{to} {keys}: {text}");
    }
    for (to, name) in [("ecs", "a.parquet"), ("ocsf", "a.csv"), ("otel", "a.arrows")] {
        let refused = weir(&["normalize", "--to", to, "-o", name, &inputs[0]]);
        let text = String::from_utf8(refused.stderr).unwrap();
        assert!(
            refused.status.code() == Some(2) && text.contains("there is no table of"),
            "{to} {name}: {text}"
        );
    }
}

/// Rows that two other writers wrote are the records of their lines.
#[test]
fn rows_of_parquet_are_records() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (lines, arrow, duck) = (path("lines.log"), path("arrow.parquet"), path("duck.parquet"));
    if read(&["aws", &lines, &arrow, &duck]).is_none() {
        return;
    }
    let wanted = done(&["normalize", "--quiet", &lines]);
    assert_eq!(wanted.iter().filter(|b| **b == b'\n').count(), 5000);
    for table in [&arrow, &duck] {
        assert!(done(&["normalize", "--quiet", table]) == wanted, "{table}");
        assert!(done(&["normalize", "--quiet", "--native", "--jobs", "3", table]) == wanted, "{table}");
    }
    // What Weir wrote comes back.
    for addresses in ["text", "binary"] {
        let table = path("weir.parquet");
        done(&["normalize", "--quiet", "--addresses", addresses, "-o", &table, &lines]);
        assert!(done(&["normalize", "--quiet", "--from", "flat", &table]) == wanted, "{addresses}");
    }
    // It is read from its end, which a pipe has not.
    let stream = weir_of(&["normalize", "--quiet"], &fs::read(&arrow).unwrap());
    let told = String::from_utf8(stream.stderr).unwrap();
    assert!(stream.status.code() == Some(1) && told.contains("a Parquet file in a stream"), "{told}");
}

/// What has no column is text in a table, and `extra` again in what is read of it.
#[test]
fn rows_of_csv_are_the_records_that_they_were() {
    let dir = tempfile::tempdir().unwrap();
    let table = dir.path().join("table.csv");
    let table = table.to_str().unwrap();
    for sample in ["huawei-waf.json", "alibaba-cfw.json", "aws-vpc.log", "huawei-vpc.log"] {
        let sample = top().join("samples").join(sample);
        let sample = sample.to_str().unwrap();
        done(&["normalize", sample, "--output", table]);
        let (records, again) = (done(&["normalize", sample]), done(&["normalize", table]));
        assert_eq!(String::from_utf8_lossy(&again), String::from_utf8_lossy(&records), "{sample}");
        std::fs::remove_file(table).unwrap();
    }
}

/// What another program copied, which knows nothing of how Weir marks its tables, is as good: its times are
/// written out.
#[test]
fn copies_of_a_table_are_the_records_that_it_had() {
    let folder = tempfile::tempdir().unwrap();
    let mut tables = Vec::new();
    for (product, files) in corpus() {
        let table = folder.path().join(format!("{product}.parquet")).to_str().unwrap().to_owned();
        let files = files.iter().map(String::as_str);
        let table_of = ["normalize", "--quiet", "--from", "flat", "-o", &table];
        done(&table_of.into_iter().chain(files).collect::<Vec<_>>());
        tables.push(table);
    }
    let copy: Vec<_> = std::iter::once("copies").chain(tables.iter().map(String::as_str)).collect();
    if read(&copy).is_none() {
        return;
    }
    for table in &tables {
        let records =
            |path: &str| String::from_utf8(done(&["normalize", "--quiet", "--from", "flat", path])).unwrap();
        for form in ["parquet", "csv", "json"] {
            assert_eq!(records(&format!("{table}.copy.{form}")), records(table), "{table}, {form}");
        }
    }
}

#[test]
fn another_parser_makes_the_same_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (lines, table) = (path("lines.log"), path("table.parquet"));
    if read(&["lines", &lines]).is_none() {
        return;
    }
    done(&["normalize", "--quiet", "--from", "huawei-vpc", "--to", "parquet", "-o", &table, &lines]);
    assert_eq!(read(&["parsed", &table, &lines]).as_deref(), Some("5000 rows\n"));
}

#[test]
fn no_records_are_an_empty_table() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let records = path("none.ndjson");
    fs::write(&records, "").unwrap();
    for form in ["parquet", "arrow"] {
        let table = path(&format!("none.{form}"));
        done(&["normalize", "--quiet", "--to", form, "-o", &table, &records]);
        if let Some(said) = read(&["same", &table, &records]) {
            assert_eq!(said, "0 records\n");
        }
    }
}

/// The same bytes whatever normalizes, and however many do.
#[test]
fn a_table_is_the_same_from_each_engine() {
    let samples: Vec<_> = fs::read_dir(top().join("samples"))
        .unwrap()
        .map(|file| file.unwrap().path().to_str().unwrap().to_owned())
        .filter(|file| file.ends_with(".json") || file.ends_with(".log"))
        .collect();
    let samples: Vec<_> = samples.iter().map(String::as_str).collect();
    for form in ["parquet", "arrow"] {
        let run =
            |more: &[&str]| done(&[&["normalize", "--quiet", "--to", form], more, &samples[..]].concat());
        let table = run(&["--jobs", "1"]);
        assert!(table.len() > 1000);
        assert!(run(&["--native"]) == table && run(&["--jobs", "2"]) == table, "{form}");
    }
}

/// What `weir schema` tells DuckDB finds the rows of a lake, with what the folders tell.
#[test]
fn the_statement_for_duckdb_finds_a_lake() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake").to_str().unwrap().to_owned() + "/";
    let samples = ["huawei-vpc.log", "aws-vpc.log"].map(|name| top().join("samples").join(name));
    let samples = samples.each_ref().map(|path| path.to_str().unwrap());
    let keys = ["--partition", "provider,product,date", "--to", "parquet", "--output", &lake];
    done(&[&["normalize", "--quiet"], &keys[..], &samples].concat());
    let sql = String::from_utf8(done(&["schema", "--to", "parquet", "--ddl", "duckdb"])).unwrap();
    let Some(said) = read(&["view", lake.trim_end_matches('/'), &sql]) else { return };
    let flat = String::from_utf8(done(&[&["normalize", "--quiet"], &samples[..]].concat())).unwrap();
    let count: usize =
        said.lines().map(|row| row.rsplit(' ').next().unwrap().parse::<usize>().unwrap()).sum();
    assert_eq!(count, flat.lines().count(), "{said}");
    assert!(said.contains("huawei vpc 20") && said.contains("aws vpc 20"), "{said}");
}

#[test]
fn choices_that_make_no_table_are_refused() {
    let sample = top().join("samples/huawei-vpc.log");
    let sample = sample.to_str().unwrap();
    for (arguments, message) in [
        (&["--to", "parquet", "--pretty"][..], "a table can't be indented"),
        (&["--to", "parquet", "-o", "x.parquet.gz"], "Parquet is compressed inside"),
        (&["--addresses", "binary"], "only the columns of --to parquet and --to arrow"),
        (&["--to", "csv", "--addresses", "binary"], "only the columns of --to parquet and --to arrow"),
        (
            &["--to", "arrow", "--bloom-filter", "src_ip"],
            "only the columns of --to parquet have such filters",
        ),
    ] {
        let output = weir(&[&["normalize", sample], arguments].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && said.contains(message), "{arguments:?}: {said}");
    }
}

#[test]
fn the_schema_tells_columns_and_statements() {
    let text = String::from_utf8(done(&["schema", "--to", "parquet"])).unwrap();
    assert!(text.contains("| src_port     | Int32     | Source port."), "{text}");
    for engine in ["duckdb", "spark", "trino", "athena", "clickhouse", "iceberg"] {
        let sql = String::from_utf8(done(&["schema", "--to", "parquet", "--ddl", engine])).unwrap();
        assert!(sql.contains("flows") && sql.contains("LAKE"), "{sql}");
        assert!(text.contains(engine), "{text}");
    }
    let output = weir(&["schema", "--ddl", "spark"]);
    assert_eq!(output.status.code(), Some(2));
}
