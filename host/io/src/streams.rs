//! Streams that are waited for. Whether a stream is non-blocking belongs to what is behind its
//! descriptor on Unix, so any program that shares a terminal, a pipe or a socket may have made it so.
//! Elsewhere streams block.

use std::io::{self, Read, Write};
#[cfg(unix)]
use std::os::fd::AsFd;

#[cfg(unix)]
use rustix::event::{PollFd, PollFlags, poll};
use weir_printable::lines;

/// A stream whose reads and writes block, whatever is behind it.
pub struct Waiting<T>(pub T);

#[cfg(unix)]
impl<T: AsFd> Waiting<T> {
    fn until<R>(
        &mut self,
        ready: PollFlags,
        mut attempt: impl FnMut(&mut T) -> io::Result<R>,
    ) -> io::Result<R> {
        loop {
            match attempt(&mut self.0) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
            match poll(&mut [PollFd::new(&self.0, ready)], None) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(e) => return Err(e.into()),
            }
        }
    }
}

#[cfg(unix)]
impl<T: Read + AsFd> Read for Waiting<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.until(PollFlags::IN, |stream| stream.read(buffer))
    }
}

#[cfg(unix)]
impl<T: Write + AsFd> Write for Waiting<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.until(PollFlags::OUT, |stream| stream.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.until(PollFlags::OUT, T::flush)
    }
}

#[cfg(not(unix))]
impl<T: Read> Read for Waiting<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

#[cfg(not(unix))]
impl<T: Write> Write for Waiting<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Prints lines on standard error, without what would steer a terminal.
pub fn say(text: &str) {
    let text = format!("{}\n", lines(text));
    // Nobody can be told that standard error is closed.
    let _ = Waiting(io::stderr().lock()).write_all(text.as_bytes());
}

#[cfg(all(test, unix))]
mod tests {
    use std::{os::unix::net::UnixStream, thread};

    use super::*;

    #[test]
    fn non_blocking_streams_are_waited_for() {
        let (near, far) = UnixStream::pair().unwrap();
        near.set_nonblocking(true).unwrap();
        // More than a socket holds, so that it is full at times, and empty at first.
        let bytes = vec![b'x'; 4 << 20];
        let echo = thread::spawn(move || {
            let mut received = vec![0; 4 << 20];
            (&far).read_exact(&mut received).unwrap();
            (&far).write_all(b"done").unwrap();
            received
        });
        let mut near = Waiting(near);
        near.write_all(&bytes).unwrap();
        near.flush().unwrap();
        let mut answer = [0; 4];
        near.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"done");
        assert!(echo.join().unwrap() == bytes);
    }
}
