//! Standard input: one stream, which can't be read again.

use std::{
    io::{self, Read as _},
    os::fd::AsFd as _,
    sync::Arc,
    time::Duration,
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use schemars::JsonSchema;
use serde::Deserialize;
use weir_normalizer::framing::Framer;

use crate::{
    config::fault::Fault,
    feed::{Feed, Shelved},
    state,
    tracker::Tracker,
    worker::Stream,
};

/// `type = "stdin"`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct Options {}

impl super::Options for Options {
    fn check(&self) -> Vec<Fault> {
        Vec::new()
    }
}

/// How often it is looked whether it is time to stop, while nothing comes.
const LOOK: Duration = Duration::from_millis(100);

/// Reads until the end, or until it is told to stop.
pub(crate) fn run(mut feed: Feed) {
    let mut framer = match Framer::new(&feed.config) {
        Ok(framer) => framer,
        Err(e) => return feed.alarm.ring(&e.to_string()),
    };
    let tracker = Arc::new(Tracker::default());
    feed.shelf.put(vec![Shelved { stream: state::Stream::default(), tracker: Arc::clone(&tracker) }]);
    let identity = state::nonce();
    let stream = Stream {
        source: Arc::clone(&feed.source),
        name: "<stdin>".into(),
        identity,
        can_replay: false,
        is_awaited: false,
    };
    framer.set_source(&stream.name);
    let mut input = io::stdin().lock();
    let wait = Timespec::try_from(LOOK).ok();
    loop {
        if feed.stop.is_told() || !feed.has_room() {
            // What is read can't be read again, and nothing more is read: it is all there is.
            break;
        }
        match poll(&mut [PollFd::new(&input.as_fd(), PollFlags::IN)], wait.as_ref()) {
            Ok(0) | Err(rustix::io::Errno::INTR) => continue,
            Ok(_) => {}
            Err(e) => {
                feed.alarm.ring(&format!("standard input can't be read: {e}"));
                break;
            }
        }
        let mut pauses = false;
        match framer.read(|room| input.read(room).inspect(|n| pauses = *n < room.len())) {
            Ok(0) => break,
            Ok(_) if pauses => framer.flush(),
            Ok(_) => {}
            Err(e) if matches!(e.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => continue,
            Err(e) => {
                feed.alarm.ring(&format!("standard input can't be read: {e}"));
                break;
            }
        }
        if !feed.drain(&mut framer, &stream, &tracker, &mut |_| None) {
            return;
        }
    }
    framer.finish();
    feed.drain(&mut framer, &stream, &tracker, &mut |_| None);
}
