//! Files that are written, renamed, cut, copied, deleted and compressed while they are read, and while
//! nobody reads them.

mod support;

use std::{
    fs::{self, File, OpenOptions},
    io::{Seek as _, SeekFrom, Write as _},
    os::unix::fs::MetadataExt as _,
};

use support::{Place, append, gzip, line, lines, raw_snappy, until};

fn size(text: &str) -> u64 {
    text.len() as u64
}

#[test]
fn once_reads_everything_there_is_and_a_second_time_nothing() {
    let place = Place::default();
    append(&place.log("a.log"), &lines(0..1000));
    append(&place.log("b.log"), lines(1000..1500).trim_end());
    fs::write(place.log("c.log.gz"), gzip(&lines(1500..3000))).unwrap();
    fs::write(place.log("d.log.zst"), zstd::encode_all(lines(3000..3100).as_bytes(), 1).unwrap()).unwrap();
    place.once();
    place.expect(0..3100);
    place.once();
    place.expect(0..3100);
    append(&place.log("a.log"), &lines(3100..3101));
    place.once();
    place.expect(0..3101);
}

/// Also when a file is read in several goes, the last of them by another process.
#[test]
fn records_tell_which_file_they_are_from_and_where_in_it() {
    let place = Place::default().with("[pipelines.p]\n", "[pipelines.p]\nsource_name = true\n");
    append(&place.log("a.log"), &lines(0..10));
    fs::write(place.log("b.log.gz"), gzip(&lines(10..20))).unwrap();
    let run = place.start();
    place.expect(0..20);
    append(&place.log("a.log"), &lines(20..25));
    place.expect(0..25);
    run.end();
    append(&place.log("a.log"), &lines(25..30));
    place.once();
    place.expect(0..30);
    let text = fs::read_to_string(place.path("out.ndjson")).unwrap();
    for record in text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()) {
        let id = record["bytes"].as_u64().unwrap();
        let (file, offset) = match id {
            10..20 => ("b.log.gz", size(&lines(10..id))),
            20.. => ("a.log", size(&lines(0..10)) + size(&lines(20..id))),
            _ => ("a.log", size(&lines(0..id))),
        };
        assert_eq!(record["log_file"], place.log(file).to_str().unwrap(), "{record}");
        assert_eq!(record["log_offset"], offset, "{record}");
    }
}

#[test]
fn folders_that_link_to_each_other_have_an_end() {
    let place = Place::default();
    append(&place.log("a.log"), &lines(0..10));
    fs::create_dir(place.log("deep")).unwrap();
    append(&place.log("deep/b.log"), &lines(10..20));
    for link in ["one", "two", "three"] {
        std::os::unix::fs::symlink(place.path("logs"), place.log(link)).unwrap();
    }
    std::os::unix::fs::symlink(place.log("a.log"), place.log("deep/again.log")).unwrap();
    let config = place.config.replace("logs/*.log*", "logs/**/*.log");
    assert_ne!(config, place.config);
    let place = Place { config, ..place };
    place.once();
    place.expect(0..20);
}

#[test]
fn case_01_copytruncate_is_no_full_read_again() {
    let place = Place::default();
    append(&place.log("a.log"), &lines(0..100));
    let run = place.start();
    place.expect(0..100);
    // As logrotate does it: the copy is there before the file is cut.
    fs::copy(place.log("a.log"), place.log("a.log.1")).unwrap();
    File::create(place.log("a.log")).unwrap();
    append(&place.log("a.log"), &lines(100..120));
    place.expect(0..120);
    assert_eq!(run.end(), Default::default());
    place.once();
    place.expect(0..120);
}

#[test]
fn case_01_copytruncate_with_lines_that_only_the_copy_has() {
    let place = Place::default();
    append(&place.log("a.log"), &lines(0..100));
    let run = place.start();
    place.expect(0..100);
    run.end();
    // While nobody reads: a line is added, the copy is made, and the file is cut.
    append(&place.log("a.log"), &lines(100..101));
    fs::copy(place.log("a.log"), place.log("a.log.1")).unwrap();
    fs::write(place.log("a.log"), lines(101..103)).unwrap();
    place.once();
    place.expect(0..103);
}

#[test]
fn case_02_copytruncate_with_the_same_beginning_is_read_on() {
    // The first 1024 bytes of both are the same, which is more than the head that is looked at.
    let place = Place::default();
    let head = lines(0..8);
    assert!(head.len() > 1024);
    append(&place.log("a.log"), &(head.clone() + &lines(8..20)));
    let run = place.start();
    place.expect(0..20);
    let file = OpenOptions::new().write(true).open(place.log("a.log")).unwrap();
    file.set_len(0).unwrap();
    drop(file);
    append(&place.log("a.log"), &(head + &lines(20..40)));
    until("the same beginning twice, and all that follows", || {
        let found = place.delivered();
        (0..8).all(|id| found.get(&id) == Some(&2)) && (8..40).all(|id| found.get(&id) == Some(&1))
    });
    run.end();
}

#[test]
fn case_03_truncated_and_filled_at_once_nothing_is_read_from_the_old_place() {
    let place = Place::default();
    append(&place.log("a.log"), &lines(0..50));
    let run = place.start();
    place.expect(0..50);
    // Longer than before, in one go: to look at the length alone does not tell it.
    let mut file = OpenOptions::new().write(true).open(place.log("a.log")).unwrap();
    let new = lines(50..150);
    file.write_all(new.as_bytes()).unwrap();
    place.expect(0..150);
    run.end();
}

#[test]
fn case_04_truncated_while_down_and_grown_past_the_offset() {
    let place = Place::default();
    let head = lines(0..8);
    append(&place.log("a.log"), &(head.clone() + &lines(8..20)));
    place.once();
    place.expect(0..20);
    fs::write(place.log("a.log"), head + &lines(20..60)).unwrap();
    place.once();
    let found = place.delivered();
    assert!((0..60).all(|id| found.contains_key(&id)), "{found:?}");
    assert!((8..60).all(|id| found[&id] == 1), "{found:?}");
}

#[test]
fn case_05_renamed_out_of_the_patterns_while_it_is_written() {
    let place = Place::default();
    append(&place.log("a.log"), &lines(0..10));
    let run = place.start();
    place.expect(0..10);
    let mut writer = OpenOptions::new().append(true).open(place.log("a.log")).unwrap();
    fs::rename(place.log("a.log"), place.path("elsewhere")).unwrap();
    writer.write_all(lines(10..20).as_bytes()).unwrap();
    place.expect(0..20);
    run.end();
}

#[test]
fn case_06_rotation_while_down_is_no_read_again() {
    let place = Place::default();
    append(&place.log("a.log"), &lines(0..100));
    place.once();
    append(&place.log("a.log"), &lines(100..110));
    fs::rename(place.log("a.log"), place.log("a.log.1")).unwrap();
    append(&place.log("a.log"), &lines(110..120));
    place.once();
    place.expect(0..120);
}

#[test]
fn case_07_the_number_of_a_file_is_used_again() {
    for name in ["a.log", "b.log"] {
        let place = Place::default();
        append(&place.log("a.log"), &lines(0..100));
        place.once();
        let before = fs::metadata(place.log("a.log")).unwrap().ino();
        // The same number for sure: the file gets another content, which begins as the old one did.
        let mut file = OpenOptions::new().write(true).open(place.log("a.log")).unwrap();
        file.set_len(0).unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        file.write_all(lines(100..300).as_bytes()).unwrap();
        if name != "a.log" {
            fs::rename(place.log("a.log"), place.log(name)).unwrap();
        }
        assert_eq!(fs::metadata(place.log(name)).unwrap().ino(), before);
        place.once();
        place.expect(0..300);
    }
}

#[test]
fn case_08_a_remembered_offset_beyond_the_new_file() {
    let place = Place::default();
    append(&place.log("a.log"), &lines(0..100));
    place.once();
    fs::write(place.log("a.log"), lines(100..105)).unwrap();
    place.once();
    place.expect(0..105);
}

#[test]
fn case_09_two_files_with_the_same_beginning_are_both_read() {
    let place = Place::default();
    let same = lines(0..10);
    append(&place.log("a.log"), &(same.clone() + &lines(10..20)));
    append(&place.log("b.log"), &(same.clone() + &lines(20..30)));
    append(&place.log("c.log"), &same);
    let run = place.start();
    until("the same beginning three times", || {
        let found = place.delivered();
        (0..10).all(|id| found.get(&id) == Some(&3)) && (10..30).all(|id| found.get(&id) == Some(&1))
    });
    run.end();
}

#[test]
fn case_10_the_end_of_a_line_is_waited_for_and_comes_out_at_rotation() {
    let place = Place::default();
    let whole = lines(0..5);
    let (begun, rest) = (line(5)[..30].to_owned(), line(5)[30..].to_owned());
    append(&place.log("a.log"), &(whole.clone() + &begun));
    let run = place.start();
    place.expect(0..5);
    place.done("a.log", size(&whole));
    run.end();
    // The place is in front of the line, so that it is whole after a restart, too.
    append(&place.log("a.log"), &rest);
    let run = place.start();
    place.expect(0..6);
    append(&place.log("a.log"), line(6).trim_end());
    fs::rename(place.log("a.log"), place.log("a.log.1")).unwrap();
    place.expect(0..7);
    run.end();
}

#[test]
fn case_11_an_archive_in_the_middle_of_a_rotation_doubles_nothing() {
    let place = Place::default();
    let text = lines(0..500);
    append(&place.log("a.log"), &text);
    let run = place.start();
    place.expect(0..500);
    fs::rename(place.log("a.log"), place.log("a.log.1")).unwrap();
    append(&place.log("a.log"), &lines(500..510));
    // The archive grows beside the file, then the file goes.
    let archive = gzip(&text);
    let mut writer = File::create(place.log("a.log.1.gz")).unwrap();
    writer.write_all(&archive[..archive.len() / 2]).unwrap();
    place.expect(0..510);
    writer.write_all(&archive[archive.len() / 2..]).unwrap();
    drop(writer);
    fs::remove_file(place.log("a.log.1")).unwrap();
    place.progress("the archive is known", |streams| streams.iter().any(|s| s.is_archive_done));
    place.expect(0..510);
    run.end();
    place.once();
    place.expect(0..510);
}

#[test]
fn case_11_an_archive_of_a_file_that_was_not_read_to_its_end_goes_on() {
    let place = Place::default();
    append(&place.log("a.log"), &lines(0..100));
    place.once();
    place.expect(0..100);
    // While nobody reads, it grows, is compressed and deleted.
    fs::write(place.log("a.log.1.gz"), gzip(&lines(0..150))).unwrap();
    fs::remove_file(place.log("a.log")).unwrap();
    place.once();
    place.expect(0..150);
}

#[test]
fn case_12_an_archive_that_is_cut_short_and_then_completed() {
    let place = Place::default();
    let archive = gzip(&lines(0..3000));
    fs::write(place.log("a.log.gz"), &archive[..archive.len() * 2 / 3]).unwrap();
    let run = place.start();
    until("the first part", || place.delivered().len() > 500);
    append_bytes(&place, "a.log.gz", &archive[archive.len() * 2 / 3..]);
    place.expect(0..3000);
    run.end();
    place.once();
    place.expect(0..3000);
}

/// As log services write them into stores: a block has no mark at its beginning.
#[test]
fn a_raw_block_of_snappy_is_read_as_other_archives_are() {
    for count in [1, 3000] {
        let place = Place::default();
        let block = raw_snappy(&lines(0..count));
        fs::write(place.log("a.log"), &block[..block.len() * 2 / 3]).unwrap();
        let run = place.start();
        if count > 1 {
            until("the first part", || place.delivered().len() > 500);
        } else {
            place.progress("it is seen", |streams| streams.iter().any(|s| s.is_archive));
        }
        append_bytes(&place, "a.log", &block[block.len() * 2 / 3..]);
        place.expect(0..count);
        run.end();
        place.once();
        place.expect(0..count);
        assert_eq!(fs::read(place.path("state/rejects/p.ndjson")).unwrap_or_default(), b"");
    }
}

fn append_bytes(place: &Place, name: &str, bytes: &[u8]) {
    OpenOptions::new().append(true).open(place.log(name)).unwrap().write_all(bytes).unwrap();
}

#[test]
fn case_13_deleted_files_are_read_to_their_end_and_closed() {
    let place = Place::default();
    append(&place.log("a.log"), &lines(0..10));
    let run = place.start();
    place.expect(0..10);
    append(&place.log("a.log"), &lines(10..2000));
    let held = File::open(place.log("a.log")).unwrap();
    let inode = held.metadata().unwrap().ino();
    drop(held);
    fs::remove_file(place.log("a.log")).unwrap();
    place.expect(0..2000);
    let is_open = || {
        fs::read_dir("/proc/self/fd")
            .unwrap()
            .filter_map(|fd| fs::metadata(fd.ok()?.path()).ok())
            .any(|m| m.ino() == inode)
    };
    until("it is closed", || !is_open());
    run.end();
}

#[test]
fn case_13_no_more_files_are_open_than_may_be() {
    let place = Place::default().with("poll = \"5ms\"", "poll = \"5ms\"\nmax_open = 3");
    for id in 0..20 {
        append(&place.log(&format!("{id}.log")), &line(id));
    }
    let run = place.start();
    place.expect(0..20);
    let logs = place.path("logs");
    let open = || {
        let links = fs::read_dir("/proc/self/fd").unwrap();
        links
            .filter_map(|fd| fs::read_link(fd.ok()?.path()).ok())
            .filter(|path| path.starts_with(&logs))
            .count()
    };
    until("at most three are open", || open() <= 3);
    for id in 20..40 {
        append(&place.log(&format!("{}.log", id - 20)), &line(id));
    }
    place.expect(0..40);
    run.end();
}

#[test]
fn case_14_and_15_rotation_while_there_is_no_room() {
    // Less than what comes of the files, so that reading waits again and again.
    let place = Place::default().with("checkpoint", "memory = \"8MiB\"\ncheckpoint");
    append(&place.log("a.log"), &lines(0..15_000));
    let run = place.start();
    until("it is under way", || place.path("out.ndjson").metadata().is_ok_and(|m| m.len() > 0));
    fs::rename(place.log("a.log"), place.log("a.log.1")).unwrap();
    append(&place.log("a.log"), &lines(15_000..20_000));
    until("all is written", || place.delivered().len() == 20_000);
    place.expect(0..20_000);
    run.end();
}

#[test]
fn case_16_a_file_of_a_few_bytes_is_read() {
    let place = Place::default();
    append(&place.log("a.log"), &line(0));
    let run = place.start();
    place.expect(0..1);
    run.end();
}

#[test]
fn case_17_damaged_progress_starts_from_the_beginning() {
    for damage in [&[0_u8; 4096][..], b"", b"weir progress 1 0\n{"] {
        let place = Place::default();
        append(&place.log("a.log"), &lines(0..10));
        place.once();
        fs::write(place.path("state/progress"), damage).unwrap();
        place.once();
        let found = place.delivered();
        assert!(found.len() == 10 && found.values().all(|n| *n == 2), "{found:?}");
    }
}

#[test]
fn a_header_row_stays_in_force_after_a_restart() {
    let place = Place::default();
    append(&place.log("a.log"), "srcaddr,dstaddr,protocol,bytes,start,end,action,vpc_id,eni_id\n");
    let row = |id: u64| format!("10.0.0.1,10.0.0.2,6,{id},1548752136,1548752736,accept,vpc-a,eni-b\n");
    let place = place.with("sinks = [\"out\"]", "sinks = [\"out\"]\nfrom = \"alibaba-vpc\"");
    append(&place.log("a.log"), &row(0));
    place.once();
    place.expect(0..1);
    append(&place.log("a.log"), &row(1));
    place.once();
    place.expect(0..2);
}
