//! Inputs that do not grow, such as archives and objects: they are read once, from a place on.

use std::{error::Error as _, io, ops::ControlFlow, sync::Arc};

use weir_io::{Source, Watch};
use weir_normalizer::framing::{Framer, Restart};

use crate::{
    feed::Feed,
    tracker::{Balance, Mark, Tracker},
    worker::Stream,
};

/// What came of reading one.
#[derive(Debug)]
pub(super) enum End {
    Done,
    CutShort,
    Damaged(String),
    Stopped,
}

/// Why one is not read to its end.
pub(super) enum Fault {
    Read(weir_io::Error),
    Stopped,
    /// Enough was read.
    Enough,
}

impl From<weir_io::Error> for Fault {
    fn from(error: weir_io::Error) -> Self {
        Self::Read(error)
    }
}

impl Fault {
    pub(super) fn end(&self) -> End {
        let Self::Read(error) = self else { return End::Stopped };
        let mut cause = error.source();
        while let Some(inner) = cause {
            if inner.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::UnexpectedEof) {
                return End::CutShort;
            }
            cause = inner.source();
        }
        End::Damaged(error.to_string())
    }
}

/// Marks a stream as one that is at its end, when all before that is done.
pub(super) fn end(tracker: &Arc<Tracker>, restart: &Restart) {
    let mark = Mark { restart: restart.clone(), is_end: true, ..Mark::default() };
    tracker.begin(Some(mark), &Balance::default()).release();
}

/// An input, which may be an archive of several.
pub(super) struct Whole<'a> {
    pub(super) source: Source,
    pub(super) name: Arc<str>,
    pub(super) identity: u64,
    pub(super) tracker: &'a Arc<Tracker>,
}

impl Whole<'_> {
    /// Reads what is in it from a place on, and tells how far it came.
    pub(super) fn read(&self, feed: &mut Feed, restart: &mut Restart) -> End {
        let Ok(mut framer) = Framer::new(&feed.config) else { return End::Stopped };
        framer.resume(restart.clone());
        let skip = restart.offset;
        let (mut position, mut inputs) = (0, 0);
        let mut buffer = vec![0; 64 << 10];
        let mut is_archive = false;
        // A place in one of several inputs can't be gone on with.
        let mark = |framer: &Framer, is_archive: bool| {
            let restart = framer.restart().clone();
            (!is_archive).then(|| Mark { restart, ..Mark::default() })
        };
        let mut stream = Stream {
            source: Arc::clone(&feed.source),
            name: Arc::clone(&self.name),
            identity: self.identity,
            can_replay: true,
            is_awaited: false,
        };
        let result = self.source.each::<Fault>(&Watch::default(), &mut |input| {
            let input = input?;
            inputs += 1;
            is_archive |= **input.name() != *self.name;
            if inputs > 1 {
                framer.reset();
                stream.identity = self.identity.wrapping_add(inputs);
            }
            stream.name = Arc::clone(input.name());
            framer.set_source(&stream.name);
            loop {
                if feed.stop.is_told() || !feed.has_room() {
                    return Err(Fault::Stopped);
                }
                let n = input.read(&mut buffer)?;
                if n == 0 {
                    break;
                }
                let known = u64::min(skip.saturating_sub(position), n as u64) as usize;
                position += n as u64;
                framer.push(&buffer[known..n]);
                if !feed.drain(&mut framer, &stream, self.tracker, &mut |framer| mark(framer, is_archive)) {
                    return Err(Fault::Stopped);
                }
            }
            framer.finish();
            match feed.drain(&mut framer, &stream, self.tracker, &mut |_| None) {
                true => Ok(ControlFlow::Continue(())),
                false => Err(Fault::Stopped),
            }
        });
        let Err(fault) = result else { return End::Done };
        let end = fault.end();
        if !matches!(end, End::Stopped) {
            // What came before is worth having.
            framer.flush();
            if !feed.drain(&mut framer, &stream, self.tracker, &mut |framer| mark(framer, is_archive)) {
                return End::Stopped;
            }
            if !is_archive {
                *restart = framer.restart().clone();
            }
        }
        end
    }
}
