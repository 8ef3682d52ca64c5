//! An object that is written: in one request, or in parts that become an object when it is finished.

use std::{
    io::{self, Write},
    sync::Arc,
};

use super::{Remote, runtime};
use crate::{Error, Kind, Options};

/// Bytes of a part. A service takes 10,000 of them, so that an object may have 78 GiB.
const PART: usize = 8 << 20;

/// Parts that are sent at a time, while the next one is made.
const AT_A_TIME: usize = 2;

pub(crate) struct RemoteWriter {
    remote: Arc<Remote>,
    key: String,
    /// None when it is finished or given up.
    writer: Option<opendal::Writer>,
    part: Vec<u8>,
}

impl RemoteWriter {
    pub(super) fn open(remote: &Arc<Remote>, key: &str) -> Result<Self, Error> {
        let path = remote.path(key);
        let opened = async { remote.operator.writer_with(&path).chunk(PART).concurrent(AT_A_TIME).await };
        let writer = runtime::wait(&remote.options, remote.name(key), opened)?
            .map_err(|e| remote.error(remote.name(key), "write", &e))?;
        Ok(Self { remote: Arc::clone(remote), key: key.into(), writer: Some(writer), part: Vec::new() })
    }

    /// Sends what is there.
    fn send(&mut self) -> Result<(), Error> {
        let part = std::mem::take(&mut self.part);
        let name = self.remote.name(&self.key);
        let Some(writer) = self.writer.as_mut().filter(|_| !part.is_empty()) else { return Ok(()) };
        runtime::wait(&self.remote.options, name, writer.write(part))?
            .map_err(|e| self.remote.error(name, "write", &e))
    }

    pub(crate) fn finish(mut self) -> Result<(), Error> {
        self.send()?;
        let name = self.remote.name(&self.key);
        let Some(writer) = &mut self.writer else { return Ok(()) };
        runtime::wait(&self.remote.options, name, writer.close())?
            .map_err(|e| self.remote.error(name, "write", &e))?;
        self.writer = None;
        Ok(())
    }
}

impl Write for RemoteWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.writer.is_none() {
            return Err(Error::new(Kind::Other, "it is not written any more").into());
        }
        if self.part.capacity() == 0 {
            self.part.reserve_exact(PART.min(bytes.len().max(1 << 16)));
        }
        let taken = bytes.len().min(PART - self.part.len());
        self.part.extend_from_slice(&bytes[..taken]);
        if self.part.len() == PART {
            self.send()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for RemoteWriter {
    fn drop(&mut self) {
        if let Some(mut writer) = self.writer.take() {
            // Also where it is told to stop: parts that stay cost money.
            let name = self.remote.name(&self.key);
            let _ = runtime::wait(&Options::default(), name, writer.abort());
        }
    }
}
