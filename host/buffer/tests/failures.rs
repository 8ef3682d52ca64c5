//! What breaks buffers, a test for each case by its name.

mod crash_disk;

use std::{
    collections::HashSet,
    fs,
    io::Write,
    process::{Command, Stdio},
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use weir_buffer::{Committer, Disk, Folder, Kind, Options, Page, Queue, check};

use crash_disk::CrashDisk;

fn small() -> Options {
    Options { limit: 1 << 20, segment: 1500, ..Options::default() }
}

fn open(disk: &CrashDisk, options: Options) -> Queue<CrashDisk> {
    Queue::open(disk.clone(), options).unwrap()
}

/// A page that can't be compressed much.
fn content(id: u64, len: usize) -> Vec<u8> {
    let mut dice = crash_disk::Dice::new(id);
    (0..len).map(|_| b'a' + dice.roll(26) as u8).collect()
}

fn append(queue: &Queue<impl Disk>, id: u64, len: usize) -> Result<u64, weir_buffer::Error> {
    queue.append(&id.to_le_bytes(), &content(id, len), 1)
}

fn id(page: &Page) -> u64 {
    u64::from_le_bytes(page.meta[..].try_into().unwrap())
}

/// All that come, each of them acknowledged.
fn drain(queue: &Queue<impl Disk>) -> Vec<u64> {
    let mut ids = Vec::new();
    while let Some(page) = queue.next().unwrap() {
        assert_eq!(page.bytes, content(id(&page), page.bytes.len()));
        queue.acknowledge(page.sequence);
        ids.push(id(&page));
    }
    ids
}

/// A disk with so many pages of 500 bytes, all durable, three in a segment.
fn filled(pages: u64) -> CrashDisk {
    let disk = CrashDisk::default();
    let queue = open(&disk, small());
    for id in 0..pages {
        append(&queue, id, 500).unwrap();
    }
    queue.commit().unwrap();
    assert_eq!(disk.segments().len() as u64, pages.div_ceil(3));
    drop(queue);
    disk.kill();
    disk
}

#[test]
fn case_18_what_is_durable_survives_a_crash_at_once() {
    for seed in 0..50 {
        let disk = CrashDisk::default();
        let queue = open(&disk, small());
        for id in 0..10 {
            append(&queue, id, 700).unwrap();
        }
        queue.commit().unwrap();
        disk.crash(seed);
        assert_eq!(drain(&open(&disk, small())), (0..10).collect::<Vec<_>>());
    }
}

#[test]
fn case_19_the_name_of_a_new_segment_is_durable_with_its_first_page() {
    let disk = CrashDisk::default();
    let queue = open(&disk, small());
    let before = disk.syncs().1;
    append(&queue, 0, 100).unwrap();
    queue.commit().unwrap();
    assert_eq!(disk.syncs().1, before + 1);
    // Only then: names cost a sync of their own.
    append(&queue, 1, 100).unwrap();
    queue.commit().unwrap();
    assert_eq!(disk.syncs().1, before + 1);
}

#[test]
fn case_20_a_crash_between_deleting_a_segment_and_saving_progress_loses_nothing() {
    let disk = filled(10);
    let queue = open(&disk, small());
    let segments = disk.segments().len();
    for _ in 0..4 {
        queue.acknowledge(queue.next().unwrap().unwrap().sequence);
    }
    assert!(disk.segments().len() < segments);
    // Progress was not saved.
    disk.kill();
    let ids = drain(&open(&disk, small()));
    assert_eq!(ids.last(), Some(&9));
    assert!(ids.windows(2).all(|pair| pair[0] + 1 == pair[1]) && ids[0] <= 4, "{ids:?}");
}

#[test]
fn case_26_a_flipped_byte_costs_its_page_which_is_counted_and_kept() {
    let reference = filled(10);
    let name = reference.segments()[1].clone();
    let len = reference.read(&name).len();
    for at in (0..len).step_by(7) {
        let disk = filled(10);
        let name = disk.segments()[1].clone();
        disk.edit(&name, |bytes| bytes[at] ^= 0x10);
        let queue = open(&disk, small());
        let ids = drain(&queue);
        assert_eq!(ids.len(), 9, "byte {at}: {ids:?}");
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(queue.stats().quarantined, 1, "byte {at}");
        assert_eq!(queue.stats().pages, 0);
        assert_eq!(disk.files().iter().filter(|name| name.ends_with(".bad")).count(), 1);
    }
}

#[test]
fn case_27_a_zero_length_or_zeroed_file_costs_only_its_pages() {
    for (segment, is_emptied) in [(0, true), (1, true), (2, true), (0, false), (1, false), (2, false)] {
        let disk = filled(9);
        let segments = disk.segments();
        assert_eq!(segments.len(), 3);
        disk.edit(&segments[segment], |bytes| if is_emptied { bytes.clear() } else { bytes.fill(0) });
        let queue = open(&disk, small());
        let ids = drain(&queue);
        let lost: Vec<u64> = (0..9).filter(|id| !ids.contains(id)).collect();
        assert_eq!(lost, (0..3).map(|id| id + 3 * segment as u64).collect::<Vec<_>>());
        // Nobody can tell how many pages the last one had.
        let stats = queue.stats();
        if segment < 2 {
            assert_eq!(stats.quarantined, 3);
        } else if !is_emptied {
            assert!(stats.truncated > 0);
        }
        // It goes on.
        append(&queue, 20, 100).unwrap();
        queue.commit().unwrap();
        assert_eq!(drain(&queue), [20]);
    }
    // The same for what is beside the segments.
    let disk = filled(3 * 3);
    disk.edit("progress", Vec::clear);
    assert_eq!(drain(&open(&disk, small())).len(), 9);
}

#[test]
fn case_28_without_progress_pages_come_again_and_nothing_else_happens() {
    for damage in 0..4 {
        let disk = filled(10);
        let queue = open(&disk, small());
        for _ in 0..5 {
            queue.acknowledge(queue.next().unwrap().unwrap().sequence);
        }
        queue.save_progress().unwrap();
        drop(queue);
        match damage {
            0 => disk.remove("progress").unwrap(),
            1 => disk.edit("progress", Vec::clear),
            2 => disk.edit("progress", |bytes| bytes.truncate(13)),
            _ => disk.edit("progress", |bytes| bytes.fill(0)),
        }
        let ids = drain(&open(&disk, small()));
        assert!(ids[0] <= 5);
        assert_eq!(ids, (ids[0]..10).collect::<Vec<_>>());
    }
    // And with it they don't.
    let disk = filled(10);
    let queue = open(&disk, small());
    for _ in 0..5 {
        queue.acknowledge(queue.next().unwrap().unwrap().sequence);
    }
    queue.save_progress().unwrap();
    drop(queue);
    assert_eq!(drain(&open(&disk, small())), [5, 6, 7, 8, 9]);
}

#[test]
fn case_29_a_full_disk_refuses_and_acknowledgements_make_room() {
    let disk = CrashDisk::default();
    let queue = open(&disk, small());
    disk.set_capacity(Some(disk.used() + 5000));
    let mut taken = Vec::new();
    let error = loop {
        let id = taken.len() as u64;
        match append(&queue, id, 500) {
            Ok(_) => taken.push(id),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), Kind::Full);
    assert!(error.to_string().contains("make room"), "{error}");
    queue.commit().unwrap();
    assert_eq!(append(&queue, 99, 500).unwrap_err().kind(), Kind::Full);
    // The disk has not a byte left, and still a segment is deleted.
    disk.set_capacity(Some(disk.used()));
    for _ in 0..taken.len() {
        queue.acknowledge(queue.next().unwrap().unwrap().sequence);
    }
    queue.save_progress().unwrap();
    append(&queue, 100, 500).unwrap();
    queue.commit().unwrap();
    disk.crash(1);
    assert_eq!(drain(&open(&disk, small())), [100]);
}

#[test]
fn case_29_the_limit_refuses_and_whoever_waits_goes_on_when_room_is_made() {
    let disk = CrashDisk::default();
    let queue = Arc::new(open(&disk, Options { limit: 4000, ..small() }));
    let mut taken = 0;
    while append(&queue, taken, 300).is_ok() {
        taken += 1;
    }
    let error = append(&queue, taken, 300).unwrap_err();
    assert_eq!(error.kind(), Kind::Full);
    assert!(error.to_string().contains("of its 4000 bytes"), "{error}");
    assert!(queue.stats().bytes <= 4000);
    queue.commit().unwrap();
    let waits = {
        let queue = Arc::clone(&queue);
        thread::spawn(move || {
            queue.append_within(&99_u64.to_le_bytes(), &content(99, 300), 1, Duration::MAX / 4)
        })
    };
    let page = queue.next().unwrap().unwrap();
    queue.acknowledge(page.sequence);
    // One or two of them make room, as several share a segment.
    while !waits.is_finished() {
        match queue.next().unwrap() {
            Some(page) => queue.acknowledge(page.sequence),
            None => thread::yield_now(),
        }
    }
    waits.join().unwrap().unwrap();
}

#[test]
fn case_30_a_limit_below_the_content_keeps_it_and_takes_no_more_until_there_is_room() {
    let disk = filled(10);
    let options = Options { limit: 1500, ..small() };
    let queue = open(&disk, options.clone());
    assert!(queue.stats().bytes > 1500);
    assert_eq!(append(&queue, 10, 500).unwrap_err().kind(), Kind::Full);
    assert_eq!(drain(&queue), (0..10).collect::<Vec<_>>());
    append(&queue, 10, 500).unwrap();
    // The same for one that is open.
    queue.set_limit(100);
    assert_eq!(append(&queue, 11, 500).unwrap_err().kind(), Kind::Full);
    queue.commit().unwrap();
    assert_eq!(drain(&queue), [10]);
}

#[test]
fn case_31_a_page_larger_than_a_segment_and_than_the_limit() {
    let disk = CrashDisk::default();
    let queue = open(&disk, Options { limit: 100_000, ..small() });
    append(&queue, 0, 100).unwrap();
    append(&queue, 1, 50_000).unwrap();
    append(&queue, 2, 100).unwrap();
    queue.commit().unwrap();
    assert_eq!(drain(&queue), [0, 1, 2]);
    // Alone it may have more than the limit, or it would wait for ever.
    append(&queue, 3, 500_000).unwrap();
    assert_eq!(append(&queue, 4, 10).unwrap_err().kind(), Kind::Full);
    queue.commit().unwrap();
    disk.crash(3);
    let queue = open(&disk, small());
    assert_eq!(drain(&queue), [3]);
    let error = queue.append(&[], &vec![b'\n'; weir_buffer::MAX_PAGE + 1], 1).unwrap_err();
    assert_eq!(error.kind(), Kind::TooLarge);
}

#[test]
fn case_32_a_queue_whose_sink_went_away_is_closed_at_once_and_keeps_its_pages() {
    let disk = filled(10);
    let queue = Arc::new(open(&disk, small()));
    let committer = Committer::start(Arc::clone(&queue), |_| {}).unwrap();
    // The sink holds a page that it never answers for, and somebody waits for the next one.
    let held = queue.next().unwrap().unwrap();
    append(&queue, 10, 500).unwrap();
    drop(committer);
    assert_eq!(append(&queue, 11, 500).unwrap_err().kind(), Kind::Closed);
    drop((held, queue));
    let report = check(&disk).unwrap();
    assert_eq!((report.pages, report.damaged, report.is_in_use), (11, 0, false));
    assert_eq!(drain(&open(&disk, small())), (0..11).collect::<Vec<_>>());
}

#[test]
fn case_33_a_check_names_what_is_damaged_and_changes_nothing() {
    let disk = filled(10);
    let sound = check(&disk).unwrap();
    assert_eq!((sound.pages, sound.records, sound.damaged, sound.torn), (10, 10, 0, 0));
    let segments = disk.segments();
    let len = disk.read(&segments[1]).len();
    disk.edit(&segments[0], |bytes| bytes[100] ^= 1);
    disk.edit(&segments[1], |bytes| bytes.truncate(len - 1));
    let files: Vec<_> = disk.files().iter().map(|name| disk.read(name)).collect();
    let report = check(&disk).unwrap();
    assert_eq!((report.pages, report.damaged), (8, 2));
    assert_eq!(report.damage[0].file, segments[0]);
    assert_eq!((report.damage[0].offset, &*report.damage[0].what), (0, "page 1 is not what was written"));
    assert_eq!(report.damage[1].file, segments[1]);
    assert_eq!(report.damage[1].what, "page 6 is cut short");
    assert_eq!(files, disk.files().iter().map(|name| disk.read(name)).collect::<Vec<_>>());
    // While it is in use, too.
    let _queue = open(&disk, small());
    assert!(check(&disk).unwrap().is_in_use);
}

/// The other process of the next test; alone it does nothing.
#[test]
fn case_34_the_second_process() {
    let Some(folder) = std::env::var_os("WEIR_BUFFER_FOLDER") else { return };
    let error = Queue::open(Folder::existing(folder), Options::default()).unwrap_err();
    assert_eq!(error.kind(), Kind::InUse);
    print!("{error}");
    std::io::stdout().flush().unwrap();
}

#[test]
fn case_34_a_second_process_is_refused_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let queue = Queue::open(Folder::create(folder.path().join("a/b")).unwrap(), Options::default()).unwrap();
    let second = Command::new(std::env::current_exe().unwrap())
        .args(["case_34_the_second_process", "--exact", "--nocapture", "--test-threads=1"])
        .env("WEIR_BUFFER_FOLDER", folder.path().join("a/b"))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&second.stdout);
    assert!(second.status.success() && told.contains("in use by another process"), "{told}");
    drop(queue);
    Queue::open(Folder::existing(folder.path().join("a/b")), Options::default()).unwrap();
}

#[test]
fn a_torn_tail_costs_only_what_was_cut() {
    let whole = {
        let disk = filled(3);
        disk.read(&disk.segments()[0])
    };
    let lengths = {
        let frame = |from: usize| {
            let word = |at: usize| u32::from_le_bytes(whole[from + at..from + at + 4].try_into().unwrap());
            from + 8 + word(4) as usize + word(44) as usize
        };
        [frame(0), frame(frame(0))]
    };
    for cut in (0..whole.len()).step_by(11) {
        let disk = filled(3);
        let name = disk.segments()[0].clone();
        disk.edit(&name, |bytes| bytes.truncate(cut));
        let queue = open(&disk, small());
        let kept = lengths.iter().filter(|end| **end <= cut).count() as u64;
        assert_eq!(drain(&queue), (0..kept).collect::<Vec<_>>(), "cut at {cut}");
        let end = lengths.iter().rev().find(|end| **end <= cut).copied().unwrap_or(0);
        assert_eq!(queue.stats().truncated, (cut - end) as u64);
        assert_eq!(queue.stats().quarantined, 0);
    }
}

#[test]
fn records_that_look_like_pages_are_none() {
    let disk = CrashDisk::default();
    let queue = open(&disk, small());
    append(&queue, 7, 300).unwrap();
    queue.commit().unwrap();
    let forged = disk.read(&disk.segments()[0]);
    drop(queue);
    // Bytes of a page, as somebody could send them who has seen another queue, in a page that then
    // is damaged where it begins.
    let disk = CrashDisk::default();
    disk.salt();
    let queue = open(&disk, Options { segment: 1 << 20, limit: 1 << 30, ..small() });
    let mut hostile = content(1, 40);
    hostile.extend_from_slice(&forged);
    hostile.extend_from_slice(&content(2, 40));
    queue.append(&[], &hostile, 1).unwrap();
    append(&queue, 3, 300).unwrap();
    queue.commit().unwrap();
    drop(queue);
    let name = disk.segments()[0].clone();
    assert!(disk.read(&name).windows(8).filter(|window| window == b"WEIRPAGE").count() >= 2);
    disk.edit(&name, |bytes| bytes[20] ^= 1);
    let queue = open(&disk, small());
    assert_eq!(drain(&queue), [3]);
    assert_eq!(queue.stats().quarantined, 1);
}

#[test]
fn whatever_stands_in_the_files_only_sound_pages_come_out() {
    for seed in 0..400 {
        let disk = filled(9);
        let mut dice = crash_disk::Dice::new(seed);
        let mut harmed = 0;
        for name in disk.files() {
            if name == "lock" {
                continue;
            }
            let other = disk.read(&disk.segments()[0]);
            for _ in 0..dice.roll(4) {
                harmed += 1;
                disk.edit(&name, |bytes| {
                    let at = dice.roll(bytes.len().max(1)).min(bytes.len());
                    let end = (at + dice.roll(400)).min(bytes.len());
                    match dice.roll(6) {
                        0 => bytes[at..end].fill(0),
                        1 => bytes[at..end].fill(0xff),
                        2 => drop(bytes.drain(at..end)),
                        // Pages of another segment, or of this one again.
                        3 => drop(bytes.splice(at..at, other.iter().copied())),
                        4 => bytes.truncate(at),
                        _ => bytes.extend((0..at).map(|at| at as u8)),
                    }
                });
            }
        }
        let before = check(&disk).unwrap();
        let queue = open(&disk, small());
        let ids = drain(&queue);
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "seed {seed}: {ids:?}");
        assert!(harmed > 0 || ids.len() == 9);
        assert!(ids.len() as u64 <= before.pages, "seed {seed}");
        // It goes on.
        append(&queue, 20, 100).unwrap();
        queue.commit().unwrap();
        assert_eq!(drain(&queue), [20], "seed {seed}");
        assert_eq!(queue.stats().pages, 0);
    }
}

#[test]
fn a_sync_that_fails_keeps_its_promise_to_nobody() {
    let disk = CrashDisk::default();
    let queue = open(&disk, small());
    let first = append(&queue, 0, 100).unwrap();
    queue.commit().unwrap();
    let second = append(&queue, 1, 100).unwrap();
    disk.fail_syncs(Some(5));
    assert_eq!(queue.commit().unwrap_err().kind(), Kind::NotKept);
    assert!(queue.wait_durable(first).is_ok());
    assert_eq!(queue.wait_durable(second).unwrap_err().kind(), Kind::NotKept);
    // A second sync of the same file would succeed, and say nothing about what is missing.
    disk.fail_syncs(None);
    assert_eq!(append(&queue, 2, 100).unwrap(), second + 1);
    queue.commit().unwrap();
    assert_eq!(queue.stats().failed_commits, 1);
    disk.crash(9);
    let queue = open(&disk, small());
    let ids = drain(&queue);
    assert!(ids.contains(&0) && ids.contains(&2), "{ids:?}");
    assert_eq!(queue.stats().quarantined, 0);
}

#[test]
fn no_more_are_given_out_than_may_be_in_flight_and_what_is_not_acknowledged_comes_again() {
    let disk = filled(10);
    let queue = open(&disk, Options { in_flight: 3, ..small() });
    let pages: Vec<Page> = std::iter::from_fn(|| queue.next().unwrap()).collect();
    assert_eq!(pages.iter().map(id).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!((queue.stats().pages, queue.stats().in_flight), (10, 3));
    assert_eq!(queue.stats().oldest, Some(1_700_000_000_000));
    // In any order; twice is once.
    queue.acknowledge(pages[2].sequence);
    queue.acknowledge(pages[2].sequence);
    assert!(queue.next().unwrap().is_none(), "the first is still held");
    queue.acknowledge(pages[0].sequence);
    assert_eq!(id(&queue.next().unwrap().unwrap()), 3);
    queue.rewind();
    assert_eq!(drain(&queue), (1..10).collect::<Vec<_>>());
}

#[test]
fn a_group_shares_a_commit_and_an_acknowledgement_waits_for_it() {
    let disk = CrashDisk::default();
    // Only the bytes make a group here, never the time.
    let options = Options { group_bytes: 3000, group_wait: Duration::from_secs(1 << 30), ..small() };
    let queue = Arc::new(open(&disk, Options { segment: 1 << 20, limit: 1 << 30, ..options }));
    let (tell, told) = mpsc::channel();
    let committer = Committer::start(Arc::clone(&queue), move |commit| {
        // The receiver is gone at the end.
        let _ = tell.send(commit.result.map_err(|error| error.kind()));
    })
    .unwrap();
    let before = disk.syncs().0;
    for id in 0..3 {
        append(&queue, id, 999).unwrap();
    }
    assert!(queue.is_durable(1).is_none());
    append(&queue, 3, 3).unwrap();
    queue.wait_durable(4).unwrap();
    assert_eq!(told.recv().unwrap(), Ok(4));
    assert_eq!(disk.syncs().0, before + 1);
    // What is not enough for a group is not forgotten at the end.
    append(&queue, 4, 10).unwrap();
    drop(committer);
    assert!(queue.is_durable(5).unwrap().is_ok());
}

#[test]
fn time_makes_a_group_too() {
    let disk = CrashDisk::default();
    let queue = Arc::new(open(&disk, Options { group_wait: Duration::from_millis(1), ..small() }));
    let _committer = Committer::start(Arc::clone(&queue), |_| {}).unwrap();
    let sequence = append(&queue, 0, 10).unwrap();
    queue.wait_durable(sequence).unwrap();
    let page = queue.next_within(Duration::MAX / 4).unwrap().unwrap();
    assert_eq!(id(&page), 0);
}

#[test]
fn many_threads_append_while_one_reads() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { segment: 64 << 10, ..Options::default() };
    let queue = Arc::new(Queue::open(Folder::create(folder.path()).unwrap(), options).unwrap());
    let committer = Committer::start(Arc::clone(&queue), |commit| assert!(commit.result.is_ok())).unwrap();
    let mut writers = Vec::new();
    for writer in 0..4 {
        let queue = Arc::clone(&queue);
        writers.push(thread::spawn(move || {
            for page in 0..100 {
                let sequence = append(&queue, writer * 1000 + page, 2000).unwrap();
                if page % 25 == 0 {
                    queue.wait_durable(sequence).unwrap();
                }
            }
        }));
    }
    let mut ids = HashSet::new();
    while ids.len() < 400 {
        let page = queue.next_within(Duration::MAX / 4).unwrap().expect("there are more");
        assert_eq!(page.bytes, content(id(&page), 2000));
        assert!(ids.insert(id(&page)));
        queue.acknowledge(page.sequence);
    }
    for writer in writers {
        writer.join().unwrap();
    }
    assert_eq!(queue.stats().pages, 0);
    drop(committer);
}

#[test]
fn zstd_prints_the_records_of_a_segment() {
    let folder = tempfile::tempdir().unwrap();
    let queue = Queue::open(Folder::create(folder.path()).unwrap(), Options::default()).unwrap();
    queue.append(b"beside the records", b"{\"a\":1}\n{\"a\":2}\n", 2).unwrap();
    queue.append(&[], b"", 0).unwrap();
    queue.append(b"more", b"{\"a\":3}\n", 1).unwrap();
    queue.commit().unwrap();
    let segment = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "zst"))
        .unwrap();
    let records = "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n";
    assert_eq!(zstd::decode_all(fs::File::open(&segment).unwrap()).unwrap(), records.as_bytes());
    // The real program, where it is there.
    if let Ok(printed) = Command::new("zstd").arg("-dc").arg(&segment).stderr(Stdio::inherit()).output() {
        assert_eq!(String::from_utf8(printed.stdout).unwrap(), records);
    }
    let page = queue.next().unwrap().unwrap();
    assert_eq!((page.records, &page.meta[..]), (2, &b"beside the records"[..]));
}

#[test]
fn a_later_versions_segment_is_refused_by_name_and_left_alone() {
    let disk = filled(3);
    let name = disk.segments()[0].clone();
    disk.edit(&name, |bytes| {
        bytes[16] = 2;
        let salt = u64::from_str_radix(&name[21..37], 16).unwrap();
        let mut sealed = salt.to_le_bytes().to_vec();
        sealed.extend_from_slice(&bytes[..56]);
        let checksum = crc32fast::hash(&sealed).to_le_bytes();
        bytes[56..60].copy_from_slice(&checksum);
    });
    let before = disk.read(&name);
    let error = Queue::open(disk.clone(), small()).unwrap_err();
    assert_eq!(error.kind(), Kind::Newer);
    assert!(error.to_string().contains(&name) && error.to_string().contains("format 2"), "{error}");
    assert_eq!(disk.read(&name), before);
}
