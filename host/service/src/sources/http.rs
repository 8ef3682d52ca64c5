//! Requests over HTTP: a POST of whatever `weir normalize` reads, as it is or compressed.
//!
//! A request is answered with 200 when all sinks have its records for good, and not before. Each is a
//! stream of its own, so the end of its body is the end of its last line. Tasks carry bytes; threads
//! of their own unpack and normalize them.

use std::{
    convert::Infallible,
    io::{self, Read},
    net::{SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::sync::{Semaphore, oneshot};
use weir_normalizer::framing::Framer;

use crate::{
    alarm::Alarm,
    budget::Permit,
    config::{
        fault::Fault,
        secret::Secret,
        values::{self, ByteSize, Span},
    },
    error::Error,
    feed::{Feed, Shelf, Shelved},
    metrics::SourceMetrics,
    outlet::Outlet,
    plane::Plane,
    state,
    stop::Stop,
    tracker::{Tracker, Turn},
    worker::Stream,
};

/// `type = "http"`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Options {
    /// The address to listen at, such as "127.0.0.1:8080"
    pub listen: String,
    /// Who may send
    pub auth: Option<Auth>,
    /// The longest body that is taken, as it is sent and again when it is unpacked
    pub max_body: ByteSize,
    /// How long a client may take for each piece of a request
    pub idle: Span,
    /// How long a client waits for its records to be safe before it is told to come back
    pub timeout: Span,
    /// How many connections there may be at a time
    pub max_connections: u32,
}

/// Who may send: one of `bearer`, or `user` and `password`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Auth {
    /// The token of `Authorization: Bearer`
    pub bearer: Option<Secret>,
    /// The user of `Authorization: Basic`
    pub user: Option<String>,
    /// The user's password
    pub password: Option<Secret>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: String::new(),
            auth: None,
            max_body: ByteSize(16 << 20),
            idle: Span(Duration::from_secs(10)),
            timeout: Span(Duration::from_secs(30)),
            max_connections: 1024,
        }
    }
}

impl super::Options for Options {
    fn check(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        if let Err(message) = values::address(&self.listen) {
            faults.push(Fault::at(["listen"], message));
        }
        if self.max_body.0 == 0 {
            faults.push(Fault::at(["max_body"], "expected at least one byte"));
        }
        if self.max_connections == 0 {
            faults.push(Fault::at(["max_connections"], "expected at least 1"));
        }
        let Some(auth) = &self.auth else { return faults };
        let mut secret = |key: &'static str, secret: &Secret| {
            if let Err(error) = secret.read() {
                faults.push(Fault::at(["auth", key], error.to_string()));
            }
        };
        match (&auth.bearer, &auth.user, &auth.password) {
            (Some(bearer), None, None) => secret("bearer", bearer),
            (None, Some(_), Some(password)) => secret("password", password),
            _ => faults
                .push(Fault::at(["auth"], "expected { bearer = .. } or { user = \"NAME\", password = .. }")),
        }
        faults
    }
}

/// Requests that wait for each thread that normalizes.
const WAITING: usize = 4;

/// The pause before a listener tries again that the system gave no connection.
const PAUSE: Duration = Duration::from_millis(100);

/// What may be sent, as the value of `Authorization`.
enum Key {
    Everybody,
    Header(Vec<u8>),
}

impl Key {
    fn new(auth: Option<&Auth>) -> Result<Self, Error> {
        let Some(auth) = auth else { return Ok(Self::Everybody) };
        let text = match (&auth.bearer, &auth.user, &auth.password) {
            (Some(bearer), ..) => format!("Bearer {}", bearer.read()?.expose()),
            (None, Some(user), Some(password)) => {
                format!("Basic {}", STANDARD.encode(format!("{user}:{}", password.read()?.expose())))
            }
            _ => return Err(Error::usage("`auth` is not complete")),
        };
        Ok(Self::Header(text.into_bytes()))
    }

    /// The time it takes does not tell how much of a guess is right.
    fn fits(&self, request: &Request<Incoming>) -> bool {
        let Self::Header(right) = self else { return true };
        let found = request.headers().get(header::AUTHORIZATION).map_or(&b""[..], |value| value.as_bytes());
        let differs = right.iter().zip(found).fold(0, |all, (a, b)| all | (a ^ b));
        differs == 0 && right.len() == found.len()
    }
}

/// The listener, which is made before anything starts.
pub(crate) fn listen(options: &Options) -> Result<TcpListener, Error> {
    let address = values::address(&options.listen).map_err(Error::usage)?;
    bind(address)
}

/// Binds an address.
pub(crate) fn bind(address: SocketAddr) -> Result<TcpListener, Error> {
    let failed = |e| Error::failed(format!("can't listen at {address}: {e}"));
    let listener = TcpListener::bind(address).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    Ok(listener)
}

/// A body on its way to who normalizes it.
struct Work {
    body: Bytes,
    coding: Coding,
    stream: Stream,
    tracker: Arc<Tracker>,
    /// Released when all of the request is on its way.
    whole: Arc<Turn>,
    answer: oneshot::Sender<Result<Counted, Refused>>,
    _permit: Permit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Plain,
    Gzip,
    Zstd,
}

/// Records of a request.
#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    normalized: u64,
    filtered: u64,
    rejected: u64,
}

#[derive(Debug)]
enum Refused {
    /// It can't be unpacked.
    Damaged(String),
    TooLong,
    /// Nothing can be normalized any more.
    Failed,
}

struct Shared {
    options: Options,
    key: Key,
    source: Arc<str>,
    outlet: Arc<Outlet>,
    stop: Stop,
    metrics: SourceMetrics,
    alarm: Alarm,
    shelf: Shelf,
    work: Sender<Work>,
    numbers: AtomicU64,
}

/// Serves until it is told to stop, and then what is under way.
pub(crate) fn run(options: &Options, feed: Feed, listener: TcpListener, plane: &Plane) {
    let jobs = thread::available_parallelism().map_or(1, usize::from);
    let (work, queue) = bounded(jobs * WAITING);
    let failed = |why: String| feed.alarm.ring(&format!("source {}: {why}", feed.source));
    let key = match Key::new(options.auth.as_ref()) {
        Ok(key) => key,
        Err(e) => return failed(e.to_string()),
    };
    let runtime = match plane.handle() {
        Ok(runtime) => runtime,
        Err(e) => return failed(e.to_string()),
    };
    for _ in 0..jobs {
        let (queue, feed, most) = (queue.clone(), feed.another(), options.max_body.0);
        let body = move || normalize(&queue, feed, most);
        if let Err(e) = thread::Builder::new().name("http".into()).spawn(body) {
            return failed(e.to_string());
        }
    }
    drop(queue);
    let shared = Arc::new(Shared {
        options: options.clone(),
        key,
        source: feed.source,
        outlet: Arc::clone(feed.worker.outlet()),
        stop: feed.stop,
        metrics: feed.metrics,
        alarm: feed.alarm,
        shelf: feed.shelf,
        work,
        numbers: state::nonce().into(),
    });
    runtime.block_on(serve(&shared, listener));
}

async fn serve(shared: &Arc<Shared>, listener: TcpListener) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(e) => return shared.alarm.ring(&e.to_string()),
    };
    let most = shared.options.max_connections;
    let room = Arc::new(Semaphore::new(most as usize));
    let stop = &shared.stop;
    loop {
        // Who has no place yet waits in the system's queue.
        let place = tokio::select! {
            () = stop.told() => break,
            place = Arc::clone(&room).acquire_owned() => place,
        };
        let connection = tokio::select! {
            () = stop.told() => break,
            connection = listener.accept() => connection,
        };
        let Ok((connection, peer)) = connection else {
            shared.metrics.error("accept");
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let shared = Arc::clone(shared);
        tokio::spawn(async move {
            let _place = place;
            let service = service_fn(|request| answer(&shared, request, peer));
            let served = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(shared.options.idle.0)
                .max_buf_size(64 << 10)
                .serve_connection(TokioIo::new(connection), service);
            tokio::pin!(served);
            tokio::select! {
                _ = served.as_mut() => return,
                () = shared.stop.told() => served.as_mut().graceful_shutdown(),
            }
            let _ = served.await;
        });
    }
    drop(listener);
    // When all places are free again, nothing is under way.
    let _ = room.acquire_many(most).await;
}

fn say(status: StatusCode, text: impl Into<String>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text.into() + "\n")));
    *response.status_mut() = status;
    if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
    }
    if status == StatusCode::OK {
        let json = header::HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
    }
    response
}

async fn answer(
    shared: &Shared,
    request: Request<Incoming>,
    peer: SocketAddr,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let response = take(shared, request, peer).await;
    if !response.status().is_success() {
        shared.metrics.error(response.status().as_str());
    }
    Ok(response)
}

async fn take(shared: &Shared, request: Request<Incoming>, peer: SocketAddr) -> Response<Full<Bytes>> {
    if !shared.key.fits(&request) {
        let mut response = say(StatusCode::UNAUTHORIZED, "this needs the right `Authorization`");
        let how = header::HeaderValue::from_static("Bearer, Basic realm=\"weir\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, how);
        return response;
    }
    if request.method() != Method::POST {
        return say(StatusCode::METHOD_NOT_ALLOWED, "POST the records");
    }
    let coding = match request.headers().get(header::CONTENT_ENCODING).map(|value| value.as_bytes()) {
        None | Some(b"" | b"identity") => None,
        Some(b"gzip" | b"x-gzip") => Some(Coding::Gzip),
        Some(b"zstd") => Some(Coding::Zstd),
        Some(_) => return say(StatusCode::UNSUPPORTED_MEDIA_TYPE, "compress it with gzip or zstd, or not"),
    };
    let budget = &shared.outlet.budget;
    if shared.stop.is_told() || budget.used() >= budget.limit() {
        return say(StatusCode::SERVICE_UNAVAILABLE, "there is no room for more records now");
    }
    let most = shared.options.max_body.0;
    let too_long =
        || say(StatusCode::PAYLOAD_TOO_LARGE, format!("a body has at most {most} bytes; send several"));
    let body = match body(request.into_body(), most, shared.options.idle.0).await {
        Ok(body) => body,
        Err(StatusCode::PAYLOAD_TOO_LARGE) => return too_long(),
        Err(status) => return say(status, "the body came too slowly, or broke off"),
    };
    let coding = coding.unwrap_or(match &body[..] {
        [0x1f, 0x8b, 0x08, ..] => Coding::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Coding::Zstd,
        _ => Coding::Plain,
    });
    let tracker = Arc::new(Tracker::default());
    let (to, counted) = oneshot::channel();
    let work = Work {
        _permit: budget.take(body.len() as u64),
        body,
        coding,
        stream: Stream {
            source: Arc::clone(&shared.source),
            name: format!("http {}", peer.ip()).into(),
            identity: shared.numbers.fetch_add(1, Ordering::Relaxed),
            is_awaited: true,
        },
        whole: tracker.begin(None, &shared.outlet.balance),
        tracker: Arc::clone(&tracker),
        answer: to,
    };
    shared.shelf.add(Shelved { stream: state::Stream::default(), tracker: Arc::clone(&tracker) });
    match shared.work.try_send(work) {
        Ok(()) => {
            let safe = async {
                let counted = counted.await;
                (counted, tracker.rests().await)
            };
            match tokio::time::timeout(shared.options.timeout.0, safe).await {
                Ok((Ok(Ok(counted)), true)) => {
                    let Counted { normalized, filtered, rejected } = counted;
                    let text = format!(
                        "{{\"normalized\":{normalized},\"filtered\":{filtered},\"rejected\":{rejected}}}"
                    );
                    say(StatusCode::OK, text)
                }
                Ok((Ok(Err(Refused::TooLong)), _)) => too_long(),
                Ok((Ok(Err(Refused::Damaged(why))), _)) => say(StatusCode::BAD_REQUEST, why),
                Ok(_) => say(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "it ends before the records are safe; send them again",
                ),
                Err(_) => {
                    say(StatusCode::SERVICE_UNAVAILABLE, "the records are not safe yet; send them again")
                }
            }
        }
        Err(refused) => {
            let is_full = matches!(refused, TrySendError::Full(_));
            refused.into_inner().whole.release();
            match is_full {
                true => say(StatusCode::TOO_MANY_REQUESTS, "too many requests wait"),
                false => say(StatusCode::SERVICE_UNAVAILABLE, "it ends"),
            }
        }
    }
}

/// Reads a body; a client that is too slow for one of its pieces is given up.
async fn body(body: Incoming, most: u64, idle: Duration) -> Result<Bytes, StatusCode> {
    let mut body = Limited::new(body, usize::try_from(most).unwrap_or(usize::MAX));
    let mut bytes = Vec::new();
    loop {
        match tokio::time::timeout(idle, body.frame()).await {
            Err(_) => return Err(StatusCode::REQUEST_TIMEOUT),
            Ok(None) => return Ok(bytes.into()),
            Ok(Some(Ok(frame))) => bytes.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data)),
            Ok(Some(Err(e))) if e.is::<LengthLimitError>() => return Err(StatusCode::PAYLOAD_TOO_LARGE),
            Ok(Some(Err(_))) => return Err(StatusCode::BAD_REQUEST),
        }
    }
}

/// Normalizes what comes, on a thread.
fn normalize(queue: &Receiver<Work>, mut feed: Feed, most: u64) {
    let Ok(mut framer) = Framer::new(&feed.config) else { return };
    for work in queue {
        let result = unpack(&work.body, work.coding, most).and_then(|unpacked| {
            framer.reset();
            framer.push(unpacked.as_deref().unwrap_or(&work.body));
            framer.finish();
            let mut counted = Counted::default();
            let is_well =
                feed.drain_counted(&mut framer, &work.stream, &work.tracker, &mut |_| None, &mut |c| {
                    counted.normalized += c.normalized;
                    counted.filtered += c.filtered;
                    counted.rejected += c.rejected;
                });
            if is_well { Ok(counted) } else { Err(Refused::Failed) }
        });
        work.whole.release();
        // The client may be gone; its records are on their way all the same.
        let _ = work.answer.send(result);
    }
}

/// What is in a body; `None` where that is the body itself.
fn unpack(body: &[u8], coding: Coding, most: u64) -> Result<Option<Vec<u8>>, Refused> {
    let read = |reader: &mut dyn Read| {
        let mut unpacked = Vec::new();
        reader.take(most + 1).read_to_end(&mut unpacked).map(|_| unpacked)
    };
    let result: io::Result<Vec<u8>> = match coding {
        Coding::Plain => return Ok(None),
        Coding::Gzip => read(&mut flate2::read::MultiGzDecoder::new(body)),
        Coding::Zstd => zstd::stream::read::Decoder::new(body).and_then(|mut decoder| {
            decoder.window_log_max(weir_io::limits::ZSTD_WINDOW_LOG)?;
            read(&mut decoder)
        }),
    };
    match result {
        Ok(unpacked) if unpacked.len() as u64 > most => Err(Refused::TooLong),
        Ok(unpacked) => Ok(Some(unpacked)),
        Err(e) => Err(Refused::Damaged(format!("the body can't be unpacked: {e}; nothing of it was taken"))),
    }
}
