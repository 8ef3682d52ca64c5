//! How many records a second the guest for Fluent Bit makes in Fluent Bit's interpreter, alone:
//! `cargo run --release -p weir-wamr --example rate [PLUGIN.wasm]`.

use std::{env, path::PathBuf, time::Instant};

use weir_wamr::Filter;

const LINE: &str = "1 5f67944957444bd6bb4fe3b367de8f3d 1d515d18-1b36-47dc-a983-bd6512aed4bd \
    192.168.0.154 192.168.3.25 38929 53 17 1 96 1548752136 1548752736 ACCEPT OK";
const RECORDS: u32 = 100_000;

fn main() {
    let built = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/plugins/weir_fluent_bit.wasm");
    let path = env::args_os().nth(1).map_or_else(|| PathBuf::from(built), PathBuf::from);
    let filter = Filter::load(&path);
    println!("| Fluent Bit's interpreter, one core | records/s |\n|---|---|");
    for (name, event) in [
        ("a line", format!(r#"{{"log":"{LINE}"}}"#)),
        ("a line among other keys", format!(r#"{{"log":"{LINE}","stream":"stdout","pod":{{"a":"b"}}}}"#)),
        ("a line of something else", r#"{"log":"2026-01-01T00:00:00Z INFO a service started"}"#.to_owned()),
    ] {
        let start = Instant::now();
        for _ in 0..RECORDS {
            filter.filter("flow", 1, 2, event.as_bytes()).expect("no record is lost");
        }
        println!("| {name} | {:.0} |", f64::from(RECORDS) / start.elapsed().as_secs_f64());
    }
}
