//! A sink with a buffer, in the whole service.

mod support;

use std::fs;

use support::{Place, append, delivered, lines, until};
use weir_buffer::{Folder, check};

/// A place whose sink can't write until `heal` makes the folder that a file stands in for.
fn dead() -> Place {
    let mut place =
        Place::default().with("/out.ndjson", "/later/out.ndjson").with("drain = \"60s\"", "drain = \"50ms\"");
    place.config.push_str("buffer = { max = \"10MiB\" }\n");
    fs::write(place.path("later"), "a file where a folder should be").unwrap();
    place
}

fn heal(place: &mut Place) {
    fs::remove_file(place.path("later")).unwrap();
    place.config = place.config.replace("drain = \"50ms\"", "drain = \"60s\"");
}

/// Waits until the threads of a run that has ended are gone, too, as they are with a process.
fn is_free(place: &Place) {
    let folder = Folder::existing(place.path("state/buffers/out"));
    until("the end of the buffer", || !check(&folder).unwrap().is_in_use);
}

#[test]
fn case_40_a_source_goes_on_while_the_buffer_of_a_dead_sink_has_room() {
    let mut place = dead();
    let text = lines(0..3000);
    append(&place.log("a.log"), &text);
    let run = place.start();
    // All of it is done for the source, although the sink has none of it.
    place.done("a.log", text.len() as u64);
    assert_eq!(run.end(), Default::default());
    is_free(&place);
    assert!(delivered(&place.path("later/out.ndjson")).is_empty());
    // What comes later is behind it.
    append(&place.log("a.log"), &lines(3000..3100));
    heal(&mut place);
    place.once();
    let found = delivered(&place.path("later/out.ndjson"));
    assert_eq!(found.len(), 3100);
    assert!(found.values().all(|n| *n == 1));
}

#[test]
fn case_32_a_buffer_whose_sink_is_not_there_any_more_is_kept_and_named() {
    let mut place = dead();
    append(&place.log("a.log"), &lines(0..10));
    let run = place.start();
    place.done("a.log", lines(0..10).len() as u64);
    run.end();
    is_free(&place);
    let with = place.config.clone();
    place.config = with.replace("[sinks.out]", "[sinks.other]").replace("[\"out\"]", "[\"other\"]");
    let config = weir_service::config::Config::read("weir.toml", &place.config).unwrap();
    let found = weir_service::service::buffer_findings(&config);
    assert!(found.len() == 1 && found[0].contains("[sinks.out]"), "{found:?}");
    // It is no reason not to start, and it is still there afterwards.
    heal(&mut place);
    place.once();
    place.config = with;
    place.once();
    assert_eq!(delivered(&place.path("later/out.ndjson")).len(), 10);
}
