//! What signals tell a run.

use std::{
    io, process,
    sync::{
        Arc,
        atomic::{AtomicI32, Ordering},
    },
    thread,
};

use crossbeam_channel::{Receiver, bounded};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1},
    iterator::Signals,
};
use weir_io::Stop;

use crate::{Error, run::Word};

/// Words that may wait; who sends more does not wait for an answer to each.
const WORDS: usize = 16;

/// What comes of the signals to a process.
pub(crate) struct Told {
    pub(crate) words: Receiver<Word>,
    /// Told by the first signal to end. A second one ends the process at once.
    pub(crate) stop: Stop,
    end: Arc<AtomicI32>,
}

impl Told {
    /// The signal that told to end.
    pub(crate) fn end(&self) -> Option<i32> {
        Some(self.end.load(Ordering::Acquire)).filter(|signal| *signal != 0)
    }
}

/// The exit status where a signal ended something.
pub(crate) fn status(signal: i32) -> u8 {
    u8::try_from(128 + signal).unwrap_or(1)
}

/// The name of a signal to end.
pub(crate) fn name(signal: i32) -> &'static str {
    if signal == SIGINT { "SIGINT" } else { "SIGTERM" }
}

/// Listens from now on. Where there is nothing to reopen, SIGHUP ends the process as it always does.
pub(crate) fn listen(can_reopen: bool) -> Result<Told, Error> {
    let failed = |e: io::Error| Error::failed(format!("can't wait for signals: {e}"));
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGUSR1]).map_err(failed)?;
    if can_reopen {
        signals.add_signal(SIGHUP).map_err(failed)?;
    }
    let (stopper, stop) = weir_io::stop().map_err(failed)?;
    let (to, words) = bounded(WORDS);
    let end = Arc::new(AtomicI32::new(0));
    let told = Told { words, stop, end: Arc::clone(&end) };
    let body = move || {
        let mut stopper = Some(stopper);
        for signal in signals.forever() {
            let word = match signal {
                SIGUSR1 => Word::Account,
                SIGHUP => Word::Reopen,
                _ => {
                    end.store(signal, Ordering::Release);
                    if stopper.take().is_none() {
                        process::exit(128 + signal);
                    }
                    continue;
                }
            };
            // Where many wait already, one more says nothing new.
            let _ = to.try_send(word);
        }
    };
    thread::Builder::new().name("signals".into()).spawn(body).map_err(failed)?;
    Ok(told)
}
