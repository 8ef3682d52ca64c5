//! The word to stop reading, which also ends a wait for input.

use std::io;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
#[cfg(unix)]
use std::{
    io::{PipeReader, PipeWriter, Read},
    os::fd::AsFd,
};

#[cfg(unix)]
use rustix::event::{PollFd, PollFlags, poll};

#[cfg(unix)]
use crate::streams::Waiting;

/// Tells everybody who has a [`Stop`] of it to stop reading, also when it is dropped.
pub struct Stopper {
    told: Arc<AtomicBool>,
    /// Its other end is ready as soon as this one is closed.
    #[cfg(unix)]
    _pipe: PipeWriter,
}

/// Whether it is time to stop reading.
#[derive(Clone, Default)]
pub struct Stop {
    told: Arc<AtomicBool>,
    /// None where nobody tells.
    #[cfg(unix)]
    pipe: Option<Arc<PipeReader>>,
}

/// Both ends.
#[cfg(unix)]
pub fn stop() -> io::Result<(Stopper, Stop)> {
    let (reader, writer) = io::pipe()?;
    let told = Arc::new(AtomicBool::new(false));
    Ok((Stopper { told: Arc::clone(&told), _pipe: writer }, Stop { told, pipe: Some(Arc::new(reader)) }))
}

/// Both ends. A wait for input that has begun does not end by it here.
#[cfg(not(unix))]
pub fn stop() -> io::Result<(Stopper, Stop)> {
    let told = Arc::new(AtomicBool::new(false));
    Ok((Stopper { told: Arc::clone(&told) }, Stop { told }))
}

impl Drop for Stopper {
    fn drop(&mut self) {
        self.told.store(true, Ordering::Release);
    }
}

impl Stop {
    /// Whether it was told.
    pub fn is_told(&self) -> bool {
        self.told.load(Ordering::Acquire)
    }

    /// An error where it was told.
    pub(crate) fn check(&self) -> io::Result<()> {
        if self.is_told() { Err(io::Error::other("reading was told to stop")) } else { Ok(()) }
    }

    /// Waits until a stream can be read or it is told to stop. Gives whether it can be read, and whether
    /// it was told.
    #[cfg(unix)]
    fn wait(&self, stream: impl AsFd) -> io::Result<(bool, bool)> {
        let Some(pipe) = &self.pipe else { return Ok((true, false)) };
        let mut both = [PollFd::new(&stream, PollFlags::IN), PollFd::new(&**pipe, PollFlags::IN)];
        loop {
            match poll(&mut both, None) {
                Ok(_) => return Ok((!both[0].revents().is_empty(), !both[1].revents().is_empty())),
                Err(rustix::io::Errno::INTR) => {}
                Err(e) => return Err(e.into()),
            }
        }
    }
}

/// A stream that fails where it is told to stop, as that is not its end. What is there already is
/// still read: nobody else will.
#[cfg(unix)]
pub(crate) struct Stoppable<T> {
    stream: Waiting<T>,
    stop: Stop,
    /// How much is read after the word at most.
    drained: u64,
}

#[cfg(unix)]
impl<T> Stoppable<T> {
    pub(crate) fn new(stream: Waiting<T>, stop: Stop, drained: u64) -> Self {
        Self { stream, stop, drained }
    }
}

#[cfg(unix)]
impl<T: Read + AsFd> Read for Stoppable<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.stop.wait(&self.stream.0)? {
            (_, false) => self.stream.read(buffer),
            (true, true) if self.drained > 0 => {
                let n = self.stream.read(buffer)?;
                self.drained = self.drained.saturating_sub(n as u64);
                Ok(n)
            }
            (_, true) => self.stop.check().map(|()| 0),
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::{io::Write as _, thread};

    use super::*;

    #[test]
    fn a_wait_for_input_ends_where_it_is_told_to_stop() {
        for drained in [0, 2, 100] {
            let (input, mut to) = io::pipe().unwrap();
            let (stopper, told) = stop().unwrap();
            let mut stream = Stoppable::new(Waiting(input), told.clone(), drained);
            let mut byte = [0];
            to.write_all(b"abcd").unwrap();
            assert_eq!((stream.read(&mut byte).unwrap(), byte, told.is_told()), (1, *b"a", false));
            drop(stopper);
            assert!(told.is_told());
            let rest: Vec<_> = std::iter::from_fn(|| stream.read(&mut byte).ok()).collect();
            assert_eq!(rest.len(), drained.min(3) as usize);
        }
        let (input, _to) = io::pipe().unwrap();
        let (stopper, told) = stop().unwrap();
        let mut stream = Stoppable::new(Waiting(input), told, 100);
        let waiting = thread::spawn(move || stream.read(&mut [0]).unwrap_err());
        drop(stopper);
        waiting.join().unwrap();
    }

    #[test]
    fn the_end_of_a_stream_is_its_end_also_then() {
        let (input, to) = io::pipe().unwrap();
        let (stopper, told) = stop().unwrap();
        drop((to, stopper));
        assert_eq!(Stoppable::new(Waiting(input), told, 100).read(&mut [0]).unwrap(), 0);
    }
}
