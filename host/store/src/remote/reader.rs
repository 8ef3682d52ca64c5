//! An object that is read: a task of the runtime fetches it, a little ahead of who reads, and goes on
//! where a connection broke.

use std::{
    io::{self, Read},
    sync::Arc,
    time::Duration,
};

use backon::{BackoffBuilder as _, ExponentialBuilder};
use opendal::{Buffer, BytesRange, ErrorKind, Metadata, options::ReaderOptions, raw::oio};
use tokio::sync::{mpsc, oneshot};

use super::{Remote, runtime};
use crate::{Error, Span};

/// Pieces that wait to be read; a piece is what the connection had, some hundred KiB at most.
const AHEAD: usize = 8;

/// Attempts that fail behind one another, without a byte between them, before it is given up.
const ATTEMPTS: usize = 6;

/// The first wait between two attempts; each is twice as long as the one before.
const WAIT: Duration = Duration::from_millis(100);

type Stream = Box<dyn oio::ReadStreamDyn>;

/// What is left of an object, and how far it is.
struct Fetch {
    remote: Arc<Remote>,
    key: String,
    span: Span,
    etag: Option<String>,
}

pub(crate) struct RemoteReader {
    remote: Arc<Remote>,
    key: String,
    etag: Option<String>,
    pieces: mpsc::Receiver<Result<Buffer, Error>>,
    piece: Buffer,
}

/// An object that is asked for, and whose bytes may be on their way.
pub(crate) struct Opening {
    remote: Arc<Remote>,
    key: String,
    /// Its etag, when it is known to be there.
    opened: oneshot::Receiver<Result<Option<String>, Error>>,
    pieces: mpsc::Receiver<Result<Buffer, Error>>,
}

impl Opening {
    /// Begins to fetch, and waits for nothing.
    pub(super) fn begin(
        remote: &Arc<Remote>,
        key: &str,
        span: Span,
        etag: Option<&str>,
    ) -> Result<Self, Error> {
        let fetch =
            Fetch { remote: Arc::clone(remote), key: key.into(), span, etag: etag.map(str::to_owned) };
        let (opens, opened) = oneshot::channel();
        let (sender, pieces) = mpsc::channel(AHEAD);
        runtime::runtime()?.spawn(fetch.fetch(opens, sender));
        Ok(Self { remote: Arc::clone(remote), key: key.into(), opened, pieces })
    }

    /// Waits until it is known whether the object is there.
    pub(crate) fn wait(self) -> Result<RemoteReader, Error> {
        let Self { remote, key, opened, pieces } = self;
        let etag = match runtime::wait(&remote.options, remote.name(&key), opened)? {
            Ok(opened) => opened?,
            Err(_) => return Err(Error::stopped(&remote.name(&key).to_string())),
        };
        Ok(RemoteReader { remote, key, etag, pieces, piece: Buffer::new() })
    }
}

impl RemoteReader {
    pub(crate) fn etag(&self) -> Option<&str> {
        self.etag.as_deref()
    }

    /// The next piece; none at the end.
    fn next(&mut self) -> Result<Option<Buffer>, Error> {
        match self.pieces.try_recv() {
            Ok(piece) => piece.map(Some),
            Err(mpsc::error::TryRecvError::Disconnected) => Ok(None),
            Err(mpsc::error::TryRecvError::Empty) => {
                let name = self.remote.name(&self.key);
                runtime::wait(&self.remote.options, name, self.pieces.recv())?.transpose()
            }
        }
    }
}

impl Read for RemoteReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        while self.piece.is_empty() {
            match self.next()? {
                Some(piece) => self.piece = piece,
                None => return Ok(0),
            }
        }
        self.piece.read(buffer)
    }
}

impl Fetch {
    /// Tells whether the object is there, and reads it.
    async fn fetch(
        mut self,
        opens: oneshot::Sender<Result<Option<String>, Error>>,
        pieces: mpsc::Sender<Result<Buffer, Error>>,
    ) {
        // Without anything to read, too, it must be there.
        let opened = match self.span.len {
            Some(0) => self.remote.found(&self.key).await.and_then(|found| match found {
                Some(found) => {
                    self.etag = found.etag().map(str::to_owned);
                    Ok(None)
                }
                None => Err(self.failed(&no_object())),
            }),
            _ => self.open().await,
        };
        match opened {
            Ok(stream) => {
                // Nobody may want it any more.
                let is_wanted = opens.send(Ok(self.etag.clone())).is_ok();
                if let Some(stream) = stream.filter(|_| is_wanted) {
                    self.run(stream, pieces).await;
                }
            }
            Err(e) => {
                let _ = opens.send(Err(e));
            }
        }
    }

    /// Begins to read at the place where it is. Nothing where that is the end.
    async fn open(&mut self) -> Result<Option<Stream>, Error> {
        let mut waits = waits().build();
        let mut is_sized = false;
        loop {
            let error = match self.attempt().await {
                Ok(stream) => return Ok(Some(stream)),
                Err(e) => e,
            };
            if is_range(&error) && !is_sized {
                // Each service has its own answer to a range that is not in the object.
                is_sized = true;
                match self.remote.found(&self.key).await? {
                    Some(found) => self.meet(&found),
                    None => return Err(self.failed(&no_object())),
                }
                if self.span.len == Some(0) {
                    return Ok(None);
                }
                continue;
            }
            match waits.next().filter(|_| error.is_temporary()) {
                Some(wait) => {
                    self.remote.repeats(&error);
                    tokio::time::sleep(wait).await;
                }
                None => return Err(self.failed(&error)),
            }
        }
    }

    async fn attempt(&mut self) -> opendal::Result<Stream> {
        let (context, service) = (self.remote.reads.context(), self.remote.reads.service());
        let if_match = self.etag.clone().filter(|_| service.capability_dyn().read_with_if_match);
        let (args, _) = ReaderOptions { if_match, ..ReaderOptions::default() }.into();
        let reader = service.read_dyn(context, &self.remote.path(&self.key), args)?;
        let range = BytesRange::new(self.span.start, self.span.len);
        let (answer, stream) = reader.open_dyn(range).await?;
        if let Some(found) = answer.metadata() {
            self.meet(found);
        }
        Ok(stream)
    }

    /// From here on it is this object, and no more of it is read than there is.
    fn meet(&mut self, found: &Metadata) {
        let left = found.content_length().saturating_sub(self.span.start);
        self.span.len = Some(self.span.len.map_or(left, |len| len.min(left)));
        self.etag = self.etag.take().or_else(|| found.etag().map(str::to_owned));
    }

    /// Reads to the end, or as long as somebody wants it.
    async fn run(mut self, first: Stream, pieces: mpsc::Sender<Result<Buffer, Error>>) {
        let mut stream = first;
        let mut waits = waits().build();
        while self.span.len != Some(0) {
            let error = match stream.read_dyn().await {
                Ok(piece) if piece.is_empty() && self.span.len.is_none() => return,
                Ok(piece) if piece.is_empty() => cut_short(),
                Ok(piece) => {
                    let read = piece.len() as u64;
                    self.span.start += read;
                    self.span.len = self.span.len.map(|len| len.saturating_sub(read));
                    if pieces.send(Ok(piece)).await.is_err() {
                        return;
                    }
                    waits = self::waits().build();
                    continue;
                }
                Err(e) => e,
            };
            // Whatever breaks an answer that had begun, the next one may be whole.
            let again = match waits.next() {
                None => Err(self.failed(&error)),
                Some(wait) => {
                    tokio::time::sleep(wait).await;
                    self.open().await
                }
            };
            match again {
                Ok(Some(again)) => stream = again,
                Ok(None) => return,
                Err(e) => {
                    let _ = pieces.send(Err(e)).await;
                    return;
                }
            }
        }
    }

    fn failed(&self, error: &opendal::Error) -> Error {
        self.remote.error(self.remote.name(&self.key), "read", error)
    }
}

/// Whether a range is not in the object.
fn is_range(error: &opendal::Error) -> bool {
    error.kind() == ErrorKind::RangeNotSatisfied || error.message().contains("\"InvalidRange\"")
}

fn no_object() -> opendal::Error {
    opendal::Error::new(ErrorKind::NotFound, "")
}

fn cut_short() -> opendal::Error {
    opendal::Error::new(ErrorKind::Unexpected, "the answer is cut short")
}

/// The waits between attempts.
pub(super) fn waits() -> ExponentialBuilder {
    ExponentialBuilder::default().with_min_delay(WAIT).with_max_times(ATTEMPTS).with_jitter()
}
