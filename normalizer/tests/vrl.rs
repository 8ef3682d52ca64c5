//! The programs in VRL as they are written. That they do what this crate does, `cargo xtask peers-test` tries,
//! with Vector's own compiler; here is only seen that they are still those. `BLESS=1` writes them.

use std::{fs, path::Path};

use weir_normalizer::{Config, schemas::Schema, vrl::program};

fn of(product: &str) -> Config {
    Config::builder().from(product).build()
}

#[test]
fn programs_are_written_as_they_were() {
    let layout = |product: &str, layout: &str| Config { layout: Some(layout.into()), ..of(product) };
    let filter =
        "src_ip in @private and (dst_port in {22, 8000..8099} or bytes >= 1MB) and not action == accept";
    let cases = [
        ("huawei-vpc", of("huawei-vpc")),
        ("huawei-er", of("huawei-er")),
        ("baidu-flow", of("baidu-flow")),
        ("aws-vpc", Config { filter: Some(filter.into()), own: vec!["10.0.0.0/8".into()], ..of("aws-vpc") }),
        ("aws-tgw", of("aws-tgw")),
        (
            "alibaba-vpc-csv",
            layout("alibaba-vpc", "version|eni-id|srcaddr|dstaddr|protocol|bytes|start|action"),
        ),
        (
            "alibaba-cen-literals",
            layout("alibaba-cen", "[${srcaddr} -> ${dstaddr}] ${bytes} bytes, new=${new}"),
        ),
    ];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vrl");
    let mut failures = Vec::new();
    for (name, config) in cases {
        let path = folder.join(name).with_extension("vrl");
        let got = program(&config).unwrap();
        if std::env::var_os("BLESS").is_some() {
            fs::create_dir_all(&folder).unwrap();
            fs::write(&path, &got).unwrap();
        }
        if fs::read_to_string(&path).unwrap_or_default() != got {
            failures.push(path.display().to_string());
        }
    }
    assert!(failures.is_empty(), "these are no more what is written: {failures:?}");
}

/// What a program can't do is refused with why, and with what can.
#[test]
fn what_no_program_can_do_is_refused() {
    let with = |change: fn(&mut Config)| {
        let mut config = of("aws-vpc");
        change(&mut config);
        config
    };
    let cases: &[(Config, &str)] = &[
        (Config::default(), "name it with --from"),
        (of("huawei-waf"), "huawei-waf has no text lines of its own, and JSON is not read there"),
        (of("flat"), "no text lines of its own"),
        (with(|c| c.to = Schema::Ecs), "--to ecs: a program writes flat records only"),
        (
            with(|c| c.mask = vec!["src_ip/24".into()]),
            "--drop and --mask look for addresses in all of a record",
        ),
        (with(|c| c.keep_raw = true), "the event has the line"),
        (with(|c| c.quote = Some("'".into())), "double quotes"),
        (with(|c| c.layout = Some("${srcaddr}${dstaddr}${bytes}".into())), "no separators"),
        (with(|c| c.layout = Some("srcaddr,dstaddr,__time__".into())), "the time of a log service"),
        (with(|c| c.layout = Some("srcaddr,sourceaddress,bytes".into())), "several columns are src_ip"),
        (with(|c| c.filter = Some("extra.type == IPv4".into())), "VRL compares extra.type as a text only"),
        (with(|c| c.filter = Some("vpc_id matches \"\\d\"".into())), "write classes such as [0-9]"),
        (with(|c| c.filter = Some("vpc_id matches \"(?i)a\"".into())), "write out what you mean"),
        (with(|c| c.filter = Some("bytes >".into())), "expected a value"),
        (
            Config { layout: Some("src_ip,direction,in_packet_bytes".into()), ..of("alibaba-cfw") },
            "the column in_packet_bytes (number, of the protected side",
        ),
    ];
    for (config, why) in cases {
        let Err(error) = program(config) else { panic!("{why}: a program was written") };
        let error = error.to_string();
        assert!(error.contains(why), "{error}");
    }
}
