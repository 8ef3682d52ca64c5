//! Lanes as a service uses them: several sources, workers that all share, a consumer for each.

use std::{sync::Arc, thread, time::Instant};

use crossbeam_channel::{Receiver, Sender, never, unbounded};
use weir_normalizer::{Config, Output, batch::Batch, framing::Framer};
use weir_pipeline::{
    Engine, Error, ErrorKind, Factory, Feeder, Heard, Lane, LaneOptions, Made, Native, Next, Outlet, Part,
    RejectsAs, Reply, Stream, Workers,
};

/// Makes engines that give each batch back as it is, and obey the words in it.
struct Obedient {
    /// `wait` waits here for a `go`, which is another batch's word.
    go: (Sender<()>, Receiver<()>),
    /// Told when it begins to wait.
    waits: Sender<()>,
}

struct Obeys(Arc<Obedient>);

impl Factory for Obedient {
    fn engine(self: Arc<Self>) -> Result<Box<dyn Engine>, Error> {
        Ok(Box::new(Obeys(self)))
    }
}

impl Engine for Obeys {
    fn process(
        &mut self,
        batch: &Batch,
        deliver: &mut dyn FnMut(Reply<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let text = std::str::from_utf8(&batch.bytes).unwrap();
        match text.trim_end() {
            "wait" => {
                // Nobody has to know.
                let _ = self.0.waits.send(());
                self.0.go.1.recv().unwrap();
            }
            "panic" => panic!("told to"),
            "fail" => return Err(Error::failed("told to")),
            _ => {}
        }
        let mut output = Output::from(batch.bytes.clone());
        deliver(Reply {
            elements: 0..batch.elements.len(),
            base: 0,
            normalized: batch.elements.len() as u32,
            filtered: 0,
            filtered_bytes: 0,
            output: &mut output,
            more: &[],
            rejects: &[],
            tallies: &[],
        })?;
        if text.trim_end() == "go" {
            self.0.go.0.send(()).unwrap();
        }
        Ok(())
    }
}

fn obedient(threads: usize) -> Workers {
    Workers::start(Arc::new(Obedient { go: unbounded(), waits: unbounded().0 }), threads).unwrap()
}

fn stream(id: u64) -> Stream {
    Stream { id, name: format!("stream {id}").into() }
}

/// A batch of one line.
fn batch(line: &str) -> Batch {
    let mut framer = Framer::new(&Config::default()).unwrap();
    framer.push(format!("{line}\n").as_bytes());
    framer.finish();
    framer.next_batch().unwrap()
}

fn feed(feeder: &mut Feeder, lane: &mut Lane, line: &str) {
    feeder.feed(batch(line), lane, &stream(0), None).unwrap();
}

fn take(outlet: &Outlet) -> Made {
    outlet.next().unwrap().whole(outlet).unwrap()
}

#[test]
fn batches_of_a_lane_keep_their_order_however_long_each_takes() {
    let workers = obedient(2);
    let (mut lane, outlet) = workers.lane(LaneOptions::default());
    let mut feeder = workers.feeder().unwrap();
    // The first is done after the second.
    for line in ["wait", "go", "last"] {
        feed(&mut feeder, &mut lane, line);
    }
    for (sequence, line) in ["wait\n", "go\n", "last\n"].into_iter().enumerate() {
        let made = take(&outlet);
        assert_eq!((made.origin.sequence, &made.records[..]), (sequence as u64, line.as_bytes()));
        made.end.result.unwrap();
    }
    drop(lane);
    assert!(outlet.next().is_none());
    feeder.finish();
    workers.finish().unwrap();
}

#[test]
fn a_consumer_that_takes_nothing_stops_its_own_lane_alone() {
    let workers = obedient(1);
    let options = LaneOptions { window: 2, parts: 2, ..LaneOptions::default() };
    let (mut slow, untaken) = workers.lane(options);
    let (mut quick, taken) = workers.lane(options);
    let mut feeder = workers.feeder().unwrap();
    while slow.has_room() {
        feed(&mut feeder, &mut slow, "slow");
    }
    for n in 0..50 {
        assert!(quick.has_room());
        feed(&mut feeder, &mut quick, "quick");
        assert_eq!(take(&taken).origin.sequence, n);
    }
    assert!(!slow.has_room());
    for n in 0..2 {
        assert_eq!(take(&untaken).origin.sequence, n);
    }
    assert!(matches!(untaken.try_next(), Next::Idle));
    assert!(slow.has_room());
}

#[test]
fn a_lane_without_a_consumer_can_not_be_fed_and_the_others_can() {
    for threads in [0, 1] {
        let workers = obedient(threads);
        let (mut left, outlet) = workers.lane(LaneOptions::default());
        let (mut other, taken) = workers.lane(LaneOptions::default());
        let mut feeder = workers.working_feeder().unwrap();
        drop(outlet);
        let error = feeder.feed(batch("left"), &mut left, &stream(0), None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Abandoned);
        feed(&mut feeder, &mut other, "other");
        assert_eq!(take(&taken).records, b"other\n");
    }
}

#[test]
fn what_fails_fails_alone() {
    let workers = obedient(1);
    let (mut lane, outlet) = workers.lane(LaneOptions::default());
    let mut feeder = workers.feeder().unwrap();
    for line in ["fail", "good", "panic", "good"] {
        feed(&mut feeder, &mut lane, line);
    }
    let message = || take(&outlet).end.result.map_or_else(|error| error.to_string(), |()| String::new());
    assert_eq!([message(), message()], ["told to", ""]);
    assert!(message().starts_with("a thread stopped in the middle of its work"));
    assert_eq!(message(), "");
    drop(feeder);
    workers.finish().unwrap();
}

#[test]
fn without_threads_a_feeder_works_or_is_refused() {
    let workers = obedient(0);
    assert!(workers.feeder().is_err());
    let (mut lane, outlet) = workers.lane(LaneOptions::default());
    let mut feeder = workers.working_feeder().unwrap();
    let memory = feeder.feed(batch("mine"), &mut lane, &stream(0), None).unwrap();
    assert!(memory.is_some());
    assert_eq!(take(&outlet).records, b"mine\n");
}

#[test]
fn a_slow_engine_is_no_pause_of_the_input() {
    let (go, (waits_to, waits)) = (unbounded(), unbounded());
    let factory = Obedient { go: go.clone(), waits: waits_to };
    let workers = Workers::start(Arc::new(factory), 0).unwrap();
    let (mut lane, outlet) = workers.lane(LaneOptions::default());
    let mut feeder = workers.working_feeder().unwrap();
    let next = |until| outlet.next_or(&never::<()>(), until);
    assert!(matches!(next(Some(Instant::now())), Heard::Idle) && !outlet.is_feeding());
    let source = thread::spawn(move || feed(&mut feeder, &mut lane, "wait"));
    waits.recv().unwrap();
    assert!(matches!(next(Some(Instant::now())), Heard::Idle) && outlet.is_feeding());
    go.0.send(()).unwrap();
    // Held until all is fed, as a feeder whose turn is dropped ends with `Abandoned`.
    let turn = next(None);
    assert!(matches!(turn, Heard::Turn(_)));
    source.join().unwrap();
}

#[test]
fn a_word_is_heard_while_a_batch_is_awaited() {
    let workers = obedient(1);
    let (mut lane, outlet) = workers.lane(LaneOptions::default());
    let (to, words) = unbounded();
    to.send("word").unwrap();
    assert!(matches!(outlet.next_or(&words, None), Heard::Word("word")));
    // Who says nothing any more does not keep batches from coming.
    drop(to);
    assert!(matches!(outlet.next_or(&words, Some(Instant::now())), Heard::Idle));
    feed(&mut workers.feeder().unwrap(), &mut lane, "good");
    assert!(matches!(outlet.next_or(&words, None), Heard::Turn(_)));
    drop(lane);
    assert!(matches!(outlet.next_or(&words, None), Heard::Closed));
}

const GOOD: &str = "2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 20641 22 6 20 4249 \
    1418530010 1418530070 ACCEPT OK\n";

/// Feeds a text in pieces, and gives what came of it.
fn normalize(config: Config, text: &str, options: LaneOptions) -> Vec<Made> {
    let workers = Workers::start(Arc::new(Native(config.clone())), 2).unwrap();
    let (mut lane, outlet) = workers.lane(options);
    let mut feeder = workers.feeder().unwrap();
    let text = text.to_owned();
    let source = thread::spawn(move || {
        let mut framer = Framer::new(&config).unwrap();
        for piece in text.as_bytes().chunks(1000) {
            framer.push(piece);
            framer.flush();
            feeder.feed_from(&mut framer, &mut lane, &stream(7)).unwrap();
        }
        framer.finish();
        feeder.feed_from(&mut framer, &mut lane, &stream(7)).unwrap();
    });
    let mut all = Vec::new();
    while let Some(turn) = outlet.next() {
        all.push(turn.whole(&outlet).unwrap());
    }
    source.join().unwrap();
    workers.finish().unwrap();
    all
}

#[test]
fn origins_say_up_to_where_everything_is_made() {
    let text = format!("{GOOD}\nodd\n{GOOD}").repeat(40);
    let options = LaneOptions { offsets: true, ..LaneOptions::default() };
    let all = normalize(Config::default(), &text, options);
    assert!(all.len() > 3);
    let (mut end, mut offsets, mut rejects) = (0, Vec::new(), 0);
    for (sequence, made) in all.into_iter().enumerate() {
        made.end.result.unwrap();
        let origin = &made.origin;
        assert_eq!((origin.sequence, origin.start, origin.stream.id), (sequence as u64, end, 7));
        end = origin.end;
        // Between its lines, a text can be read again from each end.
        let restart = made.origin.restart.as_ref().unwrap();
        assert_eq!((restart.offset, restart.behind_document), (end, false));
        assert_eq!(restart.line, 1 + text[..end as usize].matches('\n').count() as u64);
        assert_eq!(made.end.summary.bytes.r#in, origin.end - origin.start);
        let told = made.end.offsets.unwrap();
        assert_eq!(told.len(), made.records.iter().filter(|b| **b == b'\n').count());
        offsets.extend(told);
        let lines = std::str::from_utf8(&made.rejects).unwrap();
        assert!(lines.lines().all(|line| line.starts_with(r#"{"file":"stream 7","line":"#)), "{lines}");
        rejects += lines.lines().count();
    }
    let starts = text.match_indices(GOOD).map(|(start, _)| start as u64);
    assert!(offsets.into_iter().eq(starts));
    assert_eq!((end, rejects), (text.len() as u64, 40));
}

#[test]
fn offsets_are_told_where_each_is_known() {
    let two = format!("{GOOD}{GOOD}");
    let known = |config: Config, options| -> Vec<bool> {
        normalize(config, &two, options).iter().map(|made| made.end.offsets.is_some()).collect()
    };
    let asked = LaneOptions { offsets: true, ..LaneOptions::default() };
    assert_eq!(known(Config::default(), asked), [true]);
    assert_eq!(known(Config::default(), LaneOptions::default()), [false]);
    let filter = Config { filter: Some("bytes > 1MB".into()), ..Config::default() };
    assert_eq!(known(filter, asked), [false]);
}

#[test]
fn rejects_are_told_as_the_lane_asks() {
    let told = |rejects| {
        let workers = Workers::start(Arc::new(Native(Config::default())), 0).unwrap();
        let (mut lane, outlet) = workers.lane(LaneOptions { rejects, ..LaneOptions::default() });
        let mut feeder = workers.working_feeder().unwrap();
        let mut parts = || {
            feed(&mut feeder, &mut lane, "odd");
            let turn = outlet.next().unwrap();
            let (mut lines, mut shown) = (0, 0);
            loop {
                match turn.next().unwrap() {
                    Part::Records(_) => panic!("there are none"),
                    Part::Rejects(text) => lines += text.iter().filter(|b| **b == b'\n').count(),
                    Part::Shown(texts) => shown += texts.len(),
                    Part::End(end) => return (lines, shown, end.summary.records.rejected),
                }
            }
        };
        let first = parts();
        outlet.enough_shown();
        [first, parts()]
    };
    assert_eq!(told(RejectsAs::Lines), [(1, 0, 1), (1, 0, 1)]);
    assert_eq!(told(RejectsAs::Text), [(0, 1, 1), (0, 0, 1)]);
    assert_eq!(told(RejectsAs::Counts), [(0, 0, 1), (0, 0, 1)]);
}
