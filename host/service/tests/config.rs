//! What is wrong with a configuration is told all at once, each with its place.

use std::fs;

use weir_service::config::{Config, schema};

const GOOD: &str = r#"
state_dir = "/var/lib/weir"
memory = "256MiB"
[sources.lts]
type = "file"
paths = ["/var/log/lts/*.log*"]
[pipelines.edge]
sources = ["lts"]
where = "action == reject or bytes > 10MB"
to = "ecs"
sinks = ["archive", "out"]
rejects = "/var/lib/weir/rejects"
[sinks.archive]
type = "file"
path = "/srv/flows/{provider}/{date}/{hour}.ndjson.zst"
buffer = { max = "10GiB", when_full = "block" }
[sinks.out]
type = "stdout"
"#;

fn findings(text: &str) -> Vec<String> {
    let error = Config::read("weir.toml", text).unwrap_err();
    assert!(error.is_usage());
    error.to_string().lines().map(str::to_owned).collect()
}

#[test]
fn a_configuration_is_read() {
    let config = Config::read("weir.toml", GOOD).unwrap();
    assert_eq!(config.process.memory.0, 256 << 20);
    assert_eq!(config.buffers["archive"].max.0, 10 << 30);
    assert_eq!(config.pipelines["edge"].sinks, ["archive", "out"]);
    assert_ne!(config.hash, Config::read("weir.toml", &GOOD.replace("256", "128")).unwrap().hash);
}

#[test]
fn what_can_not_be_read_again_is_buffered_unless_that_is_refused() {
    let text = |source: &str, sink: &str| {
        format!(
            "[sources.in]\n{source}\n[sources.files]\ntype = \"file\"\npaths = [\"/x\"]\n\
             [pipelines.a]\nsources = [\"in\"]\nsinks = [\"one\"]\n\
             [pipelines.b]\nsources = [\"files\"]\nsinks = [\"other\"]\n\
             [sinks.one]\ntype = \"stdout\"\n{sink}\n[sinks.other]\ntype = \"file\"\npath = \"/y\"\n"
        )
    };
    let (stdin, http) = ("type = \"stdin\"", "type = \"http\"\nlisten = \"127.0.0.1:1\"");
    for (source, sink, max) in [
        (stdin, "", Some(1 << 30)),
        (http, "", Some(1 << 30)),
        (http, "buffer = true", Some(1 << 30)),
        (http, "buffer = { max = \"1MiB\" }", Some(1 << 20)),
        (http, "buffer = false", None),
        ("type = \"file\"\npaths = [\"/z\"]", "", None),
    ] {
        let config = Config::read("weir.toml", &text(source, sink)).unwrap();
        assert_eq!(config.buffers.get("one").map(|buffer| buffer.max.0), max, "{source} {sink}");
        assert!(!config.buffers.contains_key("other"));
    }
}

#[test]
fn case_47_what_looks_like_a_variable_is_text_and_values_may_hold_anything() {
    let text = GOOD
        .replace("memory", "# ${NO_SUCH} `$(nor this)` %NOR% {nor} \"\nmemory")
        .replace("to = \"ecs\"", "to = \"ecs\"\nmissing = \"${HOME}\\n\\u0041'\\\"\\\\\"")
        .replace("rejects = \"/var/lib/weir/rejects\"", "rejects = '''/var/${HOME}/\"a\"'''");
    let config = Config::read("weir.toml", &text).unwrap();
    assert_eq!(config.pipelines["edge"].rejects.as_deref().unwrap().to_str(), Some("/var/${HOME}/\"a\""));
    assert_eq!(config.pipelines["edge"].missing.as_deref(), Some("${HOME}\nA'\"\\"));
}

#[test]
fn case_48_unknown_keys_are_told_all_at_once_with_line_and_nearest_name() {
    let text = GOOD
        .replace("state_dir", "statedir")
        .replace("paths = [", "path = [")
        .replace("where =", "were =")
        .replace("max = ", "maxi = ")
        .replace("[sinks.out]", "[sink.out]");
    let found = findings(&text);
    for (line, says) in [
        ("weir.toml:2:1:", "`statedir` is not known; did you mean `state_dir`?"),
        ("weir.toml:6:1:", "`path` is not known in [sources.lts]; did you mean `paths`?"),
        ("weir.toml:9:1:", "`were` is not known in [pipelines.edge]; did you mean `where`?"),
        ("weir.toml:16:12:", "`maxi` is not known in [sinks.archive.buffer]; did you mean `max`?"),
        ("weir.toml:17:2:", "`sink` is not known; did you mean `sinks`?"),
    ] {
        assert!(found.iter().any(|f| f.starts_with(line) && f.contains(says)), "{line} {says}\n{found:#?}");
    }
}

#[test]
fn what_stands_where_a_table_belongs_is_not_shown() {
    let text =
        GOOD.replacen("type = \"stdout\"", "type = \"http\"\nurl = \"http://a/\"\nauth = \"hunter2\"", 1);
    assert_ne!(text, GOOD);
    let found = findings(&text).join("\n");
    assert!(found.contains("expected a table") && found.contains("found a string"), "{found}");
    assert!(!found.contains("hunter2") && !found.contains("struct"), "{found}");
}

#[test]
fn wrong_values_say_what_is_expected() {
    for (from, to, line, says) in [
        ("\"256MiB\"", "\"lots\"", 3, "a number of bytes with a unit"),
        ("\"256MiB\"", "\"1MiB\"", 3, "at least \"8MiB\"; below \"128MiB\" the process takes more than that"),
        ("state_dir = \"/var/lib/weir\"", "state_dir = \"\"", 2, "state_dir: expected a folder"),
        ("[\"/var/log/lts/*.log*\"]", "[\"/a\", \"\"]", 6, "an empty pattern finds no file"),
        ("rejects = \"/var/lib/weir/rejects\"", "rejects = \"\"", 12, "edge.rejects: the path is empty"),
        ("rejects = \"/var/lib", "dead_letters = \"\"\nrejects = \"/var/lib", 12, "leave the key out"),
        ("{ max = \"10GiB\"", "{ max = \"1B\"", 16, "sinks.archive.buffer.max: expected at least \"1MiB\""),
        (
            "type = \"stdout\"",
            "type = \"object_store\"\nurl = \"/x\"\nbatch = { bytes = \"1TB\" }",
            20,
            "sinks.out.batch.bytes: expected at most \"256MiB\", which is `memory`",
        ),
        (
            "type = \"stdout\"",
            "type = \"object_store\"\nurl = \"/x\"\nbatch = { age = \"0s\" }",
            20,
            "sinks.out.batch.age: expected at least \"1ms\"",
        ),
        (
            "type = \"stdout\"",
            "type = \"http\"\nurl = \"http://a/\"\nbatch = { age = \"0s\" }",
            20,
            "sinks.out.batch.age: expected at least \"1ms\"",
        ),
        ("type = \"file\"\npaths", "type = \"fiel\"\npaths", 5, "did you mean \"file\"?"),
        ("type = \"stdout\"", "", 17, "[sinks.out] has no `type`; it is one of file, stdout"),
        ("paths = [\"/var/log/lts/*.log*\"]", "paths = []", 6, "name at least one pattern"),
        (
            "paths = [\"/var/log/lts/*.log*\"]",
            "paths = \"x\"",
            6,
            "expected a list, which stands in brackets: [\"x\"]",
        ),
        ("paths = [\"/var/log/lts/*.log*\"]", "paths = 3", 6, "expected a sequence"),
        ("type = \"stdout\"", "type = \"console\"", 18, "did you mean \"stdout\"?"),
        ("type = \"stdout\"", "type = \"s3\"\nurl = \"s3://b/\"", 18, "did you mean \"object_store\"?"),
        ("type = \"file\"\npaths", "type = \"http_server\"\npaths", 5, "did you mean \"http\"?"),
        ("paths = [", "include = [", 6, "`include` is not known in [sources.lts]; did you mean `paths`?"),
        ("where = ", "filter = ", 9, "`filter` is not known in [pipelines.edge]; did you mean `where`?"),
        ("to = \"ecs\"", "schema = \"ecs\"", 10, "did you mean `to`?"),
        ("sources = [", "inputs = [", 8, "did you mean `sources`?"),
        ("sinks = [", "outputs = [", 11, "did you mean `sinks`?"),
        (
            "type = \"stdout\"",
            "type = \"elasticsearch\"\nendpoints = [\"http://a/\"]",
            19,
            "`endpoints` is not known in [sinks.out]; did you mean `url`?",
        ),
        (
            "action == reject",
            "src_ip in @office",
            9,
            "or in a configuration with lists = { office = \"FILE\" }",
        ),
        ("paths = [\"/var/log/lts/*.log*\"]", "paths = [\"a/**b\"]", 6, "is no pattern"),
        ("\"lts\"]", "\"ltss\"]", 8, "there is no [sources.ltss]; did you mean \"lts\"?"),
        (
            "\"ecs\"",
            "\"parquet\"",
            10,
            "a form of files, which is `format` of a sink of type \"object_store\"",
        ),
        ("\"ecs\"", "\"esc\"", 10, "no schema is called \"esc\"; known are flat, ocsf, ecs, otel"),
        ("\"ecs\"", "\"otel\"", 13, "[sinks.archive] can't be used by [pipelines.edge]"),
        ("action == reject", "acton == reject", 9, "did you mean action?"),
        (
            "{hour}.ndjson",
            "{hour}.csv",
            15,
            "this sink writes lines of JSON, and .csv promises something else",
        ),
        ("{hour}", "{year}", 15, "what is in braces is one of"),
        ("\"10GiB\"", "\"10 gigs\"", 16, "such as \"256MiB\""),
        ("\"block\"", "\"drop\"", 16, "expected \"block\" or \"drop_newest\""),
        ("{ max = \"10GiB\", when_full = \"block\" }", "3", 16, "or true or false"),
        (", \"out\"", "", 17, "[sinks.out] is used by no pipeline"),
        ("[sources.lts]", "[sources.\"l/ts\"]", 4, "a name has up to 64 letters"),
        ("sources = [\"lts\"]", "sources = [\"lts\", \"lts\"]", 8, "stands twice"),
        ("memory = ", "memory ", 3, ""),
        ("[sinks.out]", "[sinks.archive]", 17, "duplicate key"),
        ("type = \"stdout\"", "type = \"object_store\"", 17, "expected the address of a folder"),
        ("type = \"stdout\"", "type = \"object_store\"\nurl = \"s3://\"", 19, "there is no bucket"),
        ("type = \"stdout\"", "type = \"object_store\"\nurl = \"/x\"\nformat = \"orc\"", 20, "\"parquet\""),
        (
            "type = \"stdout\"",
            "type = \"object_store\"\nurl = \"/x\"\nformat = \"parquet\"",
            17,
            "`parquet` is made of flat records; leave `to` of the pipeline out",
        ),
        (
            "type = \"stdout\"",
            "type = \"object_store\"\nurl = \"/x\"\nformat = \"parquet\"\ncompression = \"gzip\"",
            21,
            "Parquet compresses by itself",
        ),
        ("type = \"stdout\"", "type = \"object_store\"\nurl = \"/x\"\npartition = [\"hour\"]", 20, "hour"),
        (
            "type = \"stdout\"",
            "type = \"object_store\"\nurl = \"oss://b/\"\nauth = { access_key = { env = \"PATH\" } }",
            20,
            "`access_key` and `secret_key` go together",
        ),
        (
            "type = \"stdout\"",
            "type = \"object_store\"\nurl = \"obs://b/\"\nendpoint = \"ftp://x\"",
            19,
            "this is no endpoint",
        ),
        ("to = \"ecs\"", "to = \"ecs\"\ntimezone = \"Mars/Olympus\"", 11, "is no time zone"),
        ("to = \"ecs\"", "to = \"ecs\"\nown = [\"10.0.0.0/99\"]", 11, "10.0.0.0/99"),
        ("to = \"ecs\"", "to = \"ecs\"\nfrom = \"huawei-vcp\"", 11, "huawei-vpc"),
        ("to = \"ecs\"", "to = \"ecs\"\nlists = { office = \"/no/such/file\" }", 11, "/no/such/file"),
    ] {
        let text = GOOD.replacen(from, to, 1);
        assert_ne!(text, GOOD, "{from}");
        let found = findings(&text);
        let place = format!("weir.toml:{line}:");
        assert!(found.iter().any(|f| f.starts_with(&place)), "{to}: {found:#?}");
        assert!(found.join("\n").contains(says), "{to}: {says}\n{found:#?}");
    }
}

#[test]
fn secrets_are_in_files_or_the_environment_and_in_no_message() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("token");
    fs::write(&secret, "hunter2\n").unwrap();
    let http = |auth: &str| {
        format!(
            "[sources.in]\ntype = \"http\"\nlisten = \"127.0.0.1:8080\"\nauth = {auth}\n\
             [pipelines.p]\nsources = [\"in\"]\nsinks = [\"out\"]\n[sinks.out]\ntype = \"stdout\"\n"
        )
    };
    let config = Config::read("w", &http(&format!("{{ bearer = {{ file = {secret:?} }} }}"))).unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
    for (auth, says) in [
        ("{ bearer = \"hunter2\" }", "a secret is not written here, but named: expected { file"),
        ("{ bearer = 12345 }", "a secret is not written here, but named"),
        ("{ bearer = { text = \"hunter2\" } }", "`text` is not known in [sources.in.auth.bearer]"),
        ("{ bearer = { file = \"/no/such\" } }", "/no/such"),
        ("{ bearer = { env = \"NO_SUCH_VARIABLE\" } }", "NO_SUCH_VARIABLE"),
        ("{ user = \"a\" }", "expected { bearer"),
    ] {
        let found = findings(&http(auth)).join("\n");
        assert!(
            found.contains(says) && found.contains("w:4:") || found.contains("weir.toml:4:"),
            "{auth}: {found}"
        );
        assert!(!found.contains("hunter2") && !found.contains("12345"), "{auth}: {found}");
    }
}

/// Each in one sentence, and not a line for each line of it.
#[test]
fn what_is_no_configuration_is_told_so() {
    for (text, says) in [
        ("sources:\n  lts:\n    type: file\n    paths: [\"/a\"]\n", "this looks like YAML"),
        ("# ours\n---\nsources: {}\n", "this looks like YAML"),
        ("2 123456789010 eni-1 10.0.0.1 10.0.0.2 1 2 6 20 4249 1 2 ACCEPT OK\n", "`weir normalize FILE`"),
        ("{\"provider\":\"aws\",\"bytes\":1}\n{\"provider\":\"aws\"}\n", "`weir normalize FILE`"),
        ("[2024-01-01] a=1\n2024-01-01 12:00:00 b=2\n", "`weir normalize FILE`"),
    ] {
        let found = findings(text);
        assert!(found.len() == 1 && found[0].contains(says), "{text}: {found:#?}");
    }
    // A fault in a configuration is told where it is.
    for text in ["[sources.a]\ntype: file\n", "state_dir = x\n", "[sources.a\ntype = \"file\"\n"] {
        let found = findings(text).join("\n");
        assert!(!found.contains("YAML") && !found.contains("`weir normalize FILE`"), "{text}: {found}");
    }
}

#[test]
fn a_stream_is_read_by_one_pipeline() {
    let text = "[sources.in]\ntype = \"stdin\"\n[sinks.out]\ntype = \"stdout\"\n\
        [pipelines.a]\nsources = [\"in\"]\nsinks = [\"out\"]\n[pipelines.b]\nsources = [\"in\"]\nsinks = [\"out\"]\n";
    assert!(
        findings(text)
            .join("\n")
            .contains("weir.toml:1:10: [sources.in] is used by several pipelines (a, b)")
    );
    assert!(findings("").join("\n").contains("there is no pipeline"));
}

#[test]
fn the_schema_knows_each_key_of_each_section() {
    let schema: serde_json::Value = serde_json::from_str(&schema::config()).unwrap();
    let at = |pointer: &str| schema.pointer(pointer).unwrap_or_else(|| panic!("{pointer}\n{schema:#}"));
    assert_eq!(at("/additionalProperties"), false);
    // Defaults are there as they are written.
    assert_eq!(at("/properties/memory/default"), "256MiB");
    assert_eq!(at("/properties/drain/default"), "30s");
    assert!(at("/properties/pipelines/additionalProperties/properties").get("where").is_some());
    for (kind, types) in [("sources", vec!["file", "stdin", "http"]), ("sinks", vec!["file", "stdout"])] {
        let each = at(&format!("/properties/{kind}/additionalProperties/oneOf")).as_array().unwrap();
        let names: Vec<_> = each.iter().map(|s| s["properties"]["type"]["const"].as_str().unwrap()).collect();
        assert!(types.iter().all(|t| names.contains(t)), "{names:?}");
        assert!(each.iter().all(|s| s["additionalProperties"] == false && s["required"][0] == "type"));
    }
}

/// Each value that is wrong is told, also where several of them are in one section, and what is wrong
/// besides them; what follows only from them is not.
#[test]
fn all_that_is_wrong_with_a_section_is_told_at_once() {
    let text = r#"
memory = "lots"
checkpoint = "0s"
drain = 3
[sources.lts]
type = "fiel"
paths = ["/var/log/*.log", 3, 4]
poll = "often"
max_open = 0
[sources.push]
type = "http"
listen = "nowhere"
max_body = "big"
auth = { bearer = "hunter2", user = "a" }
[pipelines.edge]
sources = "lts"
sinks = ["out", "outt"]
were = "action == reject"
where = "acton == reject"
timezone = "Mars/Olympus"
to = 3
keep_raw = "yes"
drop = ["srcaddr"]
own = ["@office"]
lists = ["office"]
[sinks.out]
type = "http"
url = "nowhere"
compression = "rar"
concurrency = "many"
timeout = "0ms"
batch = { bytes = "0B", records = true }
tls = { ca_file = "/no/such/ca" }
buffer = { max = "0B", when_full = 3 }
"#;
    let found = findings(text);
    for (place, says) in [
        ("2:10", "a number of bytes with a unit"),
        ("3:14", "checkpoint: expected at least"),
        ("4:9", "a time span with a unit"),
        ("6:8", "did you mean \"file\"?"),
        ("7:28", "expected a string"),
        ("7:31", "expected a string"),
        ("8:8", "a time span with a unit"),
        ("9:12", "sources.lts.max_open: expected at least 1"),
        ("12:10", "is no address to listen at"),
        ("13:12", "a number of bytes with a unit"),
        ("14:19", "a secret is not written here, but named"),
        ("16:11", "expected a list, which stands in brackets: [\"lts\"]"),
        ("17:17", "there is no [sinks.outt]; did you mean \"out\"?"),
        ("18:1", "the key `were` is not known in [pipelines.edge]; did you mean `where`?"),
        ("20:12", "is no time zone"),
        ("21:6", "expected a string"),
        ("22:12", "expected a boolean"),
        ("23:9", "did you mean src_ip?"),
        ("25:9", "expected a map"),
        ("28:7", "sinks.out.url"),
        ("29:15", "\"rar\" is not known; expected one of"),
        ("30:15", "expected a whole number"),
        ("31:11", "expected at least \"1ms\""),
        ("32:19", "expected from 1 byte"),
        ("32:35", "invalid type: boolean"),
        ("33:19", "/no/such/ca"),
        ("34:18", "sinks.out.buffer.max: expected at least \"1MiB\""),
        ("34:36", "expected a string"),
    ] {
        let place = format!("weir.toml:{place}: ");
        assert!(
            found.iter().any(|line| line.starts_with(&place) && line.contains(says)),
            "{place}{says}\n{found:#?}"
        );
    }
    // The filter and one's own networks may name a list that could not be read.
    assert!(found.iter().all(|line| !line.contains("hunter2") && !line.contains("acton")), "{found:#?}");
    assert!(
        found.iter().all(|line| !line.contains("name at least") && !line.contains("office")),
        "{found:#?}"
    );
    assert!(found.iter().all(|line| !line.contains("is used by no pipeline")), "{found:#?}");
    assert_eq!(found.len(), 28, "{found:#?}");
}

/// Also where several items or keys of a pipeline are wrong, each is told where it stands.
#[test]
fn what_is_wrong_with_a_pipeline_is_told_of_each_item_and_key() {
    let folder = tempfile::tempdir().unwrap();
    let (good, bad) = (folder.path().join("good"), folder.path().join("bad"));
    fs::write(&good, "10.0.0.0/8\n").unwrap();
    fs::write(&bad, "10.0.0.0/8\nhost\n").unwrap();
    let text = |keys: &str| {
        format!(
            "[sources.in]\ntype = \"stdin\"\n[sinks.out]\ntype = \"object_store\"\nurl = \"/x\"\n\
             partition = [\"date\", \"hour\", \"provider\", \"date\"]\n\
             [pipelines.p]\nsources = [\"in\"]\nsinks = [\"out\"]\n{keys}"
        )
    };
    // Of the sink, in each.
    let of_sink = [
        ("6:22", "sinks.out.partition: records are put apart by"),
        ("6:42", "sinks.out.partition: date is given twice"),
    ];
    let good = good.display();
    let bad = bad.display();
    for (keys, wanted) in [
        (
            format!(
                "lists = {{ a = \"/no/such\", b = \"{bad}\", c = \"{good}\", \"d e\" = \"{good}\" }}\n\
                 drop = [\"srcaddr\", \"host\", \"bytez\"]\nmask = [\"src_ip/24\", \"src_ip\", \"bytes/8\"]\n\
                 own = [\"10.0.0.0/99\", \"@a\", \"@b\", \"@c\", \"@nobody\", \"@\\\"/no/such/b\\\"\"]\n\
                 where = \"src_ip in {{@a, @b, @c, @/no/such/d}} and dst_ip in @else\"\n"
            ),
            &[
                ("10:15", "pipelines.p.lists.a: /no/such: can't read the list"),
                ("10:31", "pipelines.p.lists.b: the list @b, line 2: \"host\" is no network"),
                ("", "pipelines.p.lists.d e: a list's name has letters"),
                ("11:9", "pipelines.p.drop: no field is called \"srcaddr\"; did you mean src_ip?"),
                ("11:28", "pipelines.p.drop: no field is called \"bytez\"; did you mean bytes?"),
                ("12:22", "pipelines.p.mask: \"src_ip\" is not FIELD/PREFIX"),
                ("12:32", "pipelines.p.mask: bytes is no address"),
                ("13:8", "pipelines.p.own: \"10.0.0.0/99\" is no network"),
                ("13:41", "pipelines.p.own: no list is called @nobody"),
                ("13:52", "pipelines.p.own: /no/such/b: can't read the list"),
                ("14:9", "pipelines.p.where: /no/such/d: can't read the list"),
                ("14:9", "pipelines.p.where: filter: no list is called @else"),
            ][..],
        ),
        (
            "from = \"aws-vpc\"\nlayout = \"${srcaddr\"\nseparator = \"\"\nquote = \"x\"\n".into(),
            &[
                ("11:10", "pipelines.p.layout: layout: this field has no '}'"),
                ("12:13", "pipelines.p.separator: separator: it is empty"),
                ("13:9", "pipelines.p.quote: quote: \"x\" is none of"),
            ],
        ),
        (
            "from = \"aws-vpc\"\nlayout = \"${srcaddr} ${dstaddr}\"\nseparator = \"\"\n".into(),
            &[("12:13", "pipelines.p.separator: separator: it is empty")],
        ),
        ("separator = \",\"\n".into(), &[("10:13", "pipelines.p.separator: separator: there is no layout")]),
        // Only with it can the names be told apart.
        ("from = \"aws-vpc\"\nlayout = \"srcaddr^dstaddr\"\nseparator = \"^\"\n".into(), &[]),
        (
            "from = \"aws-vpc\"\nlayout = \"srcaddr^dstaddr\"\n".into(),
            &[("11:10", "pipelines.p.layout: layout: expected ${field}")],
        ),
        (
            "drop = [\"host\"]\nkeep_raw = true\nkeep_envelope = true\n".into(),
            &[
                ("11:12", "pipelines.p.keep_raw: drop and mask: the record's text would still tell"),
                ("12:17", "pipelines.p.keep_envelope: drop and mask: the fields of envelopes"),
            ],
        ),
    ] {
        let found = findings(&text(&keys));
        for (place, says) in of_sink.iter().chain(wanted) {
            let is_told = |line: &String| {
                line.starts_with("weir.toml:") && line.contains(&format!("{place}: ")) && line.contains(says)
            };
            assert!(found.iter().any(is_told), "{place} {says}\n{found:#?}");
        }
        // Some are of several lines.
        let count = found.iter().filter(|line| line.starts_with("weir.toml:")).count();
        assert_eq!(count, of_sink.len() + wanted.len(), "{found:#?}");
    }
}

#[test]
fn two_pipelines_do_not_share_what_one_group_of_consumers_reads() {
    let source = |name: &str, broker: &str, group: &str, topics: &str| {
        format!(
            "[sources.{name}]\ntype = \"kafka\"\nbrokers = [\"{broker}:9092\"]\ntopics = {topics}\ngroup = \"{group}\"\n"
        )
    };
    let pipeline =
        |name: &str, source: &str| format!("[pipelines.{name}]\nsources = [{source}]\nsinks = [\"out\"]\n");
    let text = |second: &str, pipelines: &str| {
        let first = source("one", "k", "weir", "[\"flows\", \"waf\"]");
        format!("{first}{second}[sinks.out]\ntype = \"stdout\"\n{pipelines}")
    };
    let two = pipeline("a", "\"one\"") + &pipeline("b", "\"two\"");
    let found = findings(&text(&source("two", "k", "weir", "[\"waf\"]"), &two));
    let told = "weir.toml:10:9: sources.two.group: [sources.one] of another pipeline is of the same group";
    assert!(found.len() == 1 && found[0].starts_with(told), "{found:#?}");
    for (second, pipelines) in [
        (source("two", "k", "other", "[\"waf\"]"), two.clone()),
        (source("two", "k", "weir", "[\"else\"]"), two.clone()),
        (source("two", "m", "weir", "[\"waf\"]"), two),
        // The pipeline has all of it.
        (source("two", "k", "weir", "[\"waf\"]"), pipeline("a", "\"one\", \"two\"")),
    ] {
        Config::read("weir.toml", &text(&second, &pipelines)).unwrap();
    }
}
