//! Requests over HTTP: a POST of whatever `weir normalize` reads, as it is or compressed.
//!
//! A request is answered with 200 when all sinks have its records for good, and not before. Each is a
//! stream of its own, so the end of its body is the end of its last line. Tasks carry bytes; threads
//! of their own unpack and normalize them.

mod forms;
mod tls;

use std::{
    convert::Infallible,
    io::{self, Read},
    net::{SocketAddr, TcpListener},
    path::Path,
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
    HeaderMap, Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{self, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{Notify, Semaphore, oneshot},
};
use tokio_rustls::TlsAcceptor;
use weir_io::Beginning;
use weir_normalizer::framing::Framer;

use self::forms::{Form, Outcome};
pub use self::tls::Tls;
use crate::{
    alarm::Alarm,
    budget::{Budget, Permit},
    config::{
        fault::Fault,
        secret::Secret,
        values::{self, ByteSize, Span},
    },
    error::Error,
    feed::{Feed, Shelf, Shelved},
    metrics::SourceMetrics,
    plane::Plane,
    state,
    stop::Stop,
    tracker::{Balance, Tracker, Turn},
    worker::{Rejected, Stream, TOLD},
};

/// `type = "http"`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Options {
    /// The address to listen at, such as "127.0.0.1:8080"
    pub listen: String,
    /// The certificate of the listener; without it, requests are not secret
    pub tls: Option<Tls>,
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
    /// The token of `Authorization: Bearer`; Firehose's access key; the token of Splunk's collector
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
            tls: None,
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
        if let Some(tls) = &self.tls {
            tls.check(&mut faults);
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

    fn files(&self) -> Vec<&Path> {
        let secrets = self.auth.iter().flat_map(|auth| [&auth.bearer, &auth.password]);
        secrets.flatten().filter_map(|secret| secret.file.as_deref()).collect()
    }
}

/// Requests that wait for each thread that normalizes.
const WAITING: usize = 4;

/// The pause before a listener tries again that the system gave no connection.
const PAUSE: Duration = Duration::from_millis(100);

/// How long a connection's first request is waited for, when no other one is.
const GRACE: Duration = Duration::from_secs(1);

/// What whoever sends has to show.
enum Key {
    Nothing,
    /// The token, in the header that the form has for it.
    Token(Vec<u8>),
    /// The value of `Authorization`.
    Header(Vec<u8>),
}

impl Key {
    fn new(auth: Option<&Auth>) -> Result<Self, Error> {
        let Some(auth) = auth else { return Ok(Self::Nothing) };
        match (&auth.bearer, &auth.user, &auth.password) {
            (Some(bearer), ..) => Ok(Self::Token(bearer.read()?.expose().into())),
            (None, Some(user), Some(password)) => {
                let login = STANDARD.encode(format!("{user}:{}", password.read()?.expose()));
                Ok(Self::Header(format!("Basic {login}").into_bytes()))
            }
            _ => Err(Error::usage("`auth` is not complete")),
        }
    }

    /// Whether a request shows it: 401 where it shows nothing that it could be.
    fn fits(&self, form: &Form, headers: &HeaderMap) -> Result<(), StatusCode> {
        let header = |name: &str| headers.get(name).map(HeaderValue::as_bytes);
        let authorization = header("authorization");
        let (right, found) = match (self, form) {
            (Self::Nothing, _) => return Ok(()),
            (Self::Header(right), _) => (right, authorization.map(<[u8]>::to_vec)),
            (Self::Token(right), Form::Firehose(_)) => (
                right,
                header(forms::ACCESS_KEY).or_else(|| after(authorization?, "Bearer ")).map(<[u8]>::to_vec),
            ),
            (Self::Token(right), Form::Splunk) => {
                let token = authorization.and_then(|value| {
                    if let Some(login) = after(value, "Basic ") {
                        // Any user, and the token as the password.
                        let login = STANDARD.decode(login).ok()?;
                        let at = login.iter().position(|b| *b == b':')?;
                        return Some(login[at + 1..].to_vec());
                    }
                    after(value, "Splunk ").or_else(|| after(value, "Bearer ")).map(<[u8]>::to_vec)
                });
                (right, token)
            }
            (Self::Token(right), Form::Plain) => {
                (right, authorization.and_then(|value| after(value, "Bearer ")).map(<[u8]>::to_vec))
            }
        };
        match found {
            None => Err(StatusCode::UNAUTHORIZED),
            Some(found) if is_equal(right, &found) => Ok(()),
            Some(_) if *form == Form::Splunk => Err(StatusCode::FORBIDDEN),
            Some(_) => Err(StatusCode::UNAUTHORIZED),
        }
    }
}

fn after<'a>(value: &'a [u8], scheme: &str) -> Option<&'a [u8]> {
    let (found, rest) = value.split_at_checked(scheme.len())?;
    found.eq_ignore_ascii_case(scheme.as_bytes()).then_some(rest)
}

/// The time it takes does not tell how much of a guess is right.
fn is_equal(right: &[u8], found: &[u8]) -> bool {
    let differs = right.iter().zip(found).fold(0, |all, (a, b)| all | (a ^ b));
    differs == 0 && right.len() == found.len()
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
#[derive(Clone, Debug, Default)]
struct Counted {
    normalized: u64,
    filtered: u64,
    rejected: u64,
    /// The first rejects.
    first: Vec<Rejected>,
}

#[derive(Debug)]
enum Refused {
    /// It can't be unpacked.
    Damaged(String),
    TooLong,
    /// It is something else than text.
    Unread(String),
    /// Nothing can be normalized any more.
    Failed,
}

struct Shared {
    options: Options,
    key: Key,
    acceptor: Option<TlsAcceptor>,
    source: Arc<str>,
    budget: Budget,
    balance: Balance,
    stop: Stop,
    metrics: SourceMetrics,
    alarm: Alarm,
    shelf: Shelf,
    work: Sender<Work>,
    numbers: AtomicU64,
}

/// A listener, and what is closed when no more connections are taken from it.
pub(crate) struct Door {
    pub(crate) listener: TcpListener,
    pub(crate) is_open: Sender<()>,
}

/// Serves until it is told to stop, and then what is under way.
pub(crate) fn run(options: &Options, feed: Feed, door: Door, plane: &Plane) {
    let jobs = thread::available_parallelism().map_or(1, usize::from);
    let (work, queue) = bounded(jobs * WAITING);
    let failed = |why: String| feed.alarm.ring(&format!("source {}: {why}", feed.source));
    let key = match Key::new(options.auth.as_ref()) {
        Ok(key) => key,
        Err(e) => return failed(e.to_string()),
    };
    let tls = options.tls.as_ref().map(|tls| tls.acceptor(feed.metrics.clone(), feed.health.clone()));
    let acceptor = match tls.transpose() {
        Ok(acceptor) => acceptor,
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
        acceptor,
        source: feed.source,
        budget: feed.budget,
        balance: feed.balance,
        stop: feed.stop,
        metrics: feed.metrics,
        alarm: feed.alarm,
        shelf: feed.shelf,
        work,
        numbers: state::nonce().into(),
    });
    runtime.block_on(serve(&shared, door));
}

async fn serve(shared: &Arc<Shared>, door: Door) {
    let Door { listener, is_open } = door;
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
            biased;
            () = stop.told() => break,
            place = Arc::clone(&room).acquire_owned() => place,
        };
        let connection = tokio::select! {
            biased;
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
            let Some(acceptor) = &shared.acceptor else { return attend(&shared, connection, peer).await };
            // Whoever begins to be secret and does not go on has no place for long.
            match tokio::time::timeout(shared.options.idle.0, acceptor.accept(connection)).await {
                Ok(Ok(connection)) => attend(&shared, connection, peer).await,
                Ok(Err(_)) | Err(_) => shared.metrics.error("tls"),
            }
        });
    }
    drop((listener, is_open));
    // When all places are free again, nothing is under way.
    let _ = room.acquire_many(most).await;
}

/// Answers the requests of a connection.
async fn attend<S: AsyncRead + AsyncWrite + Unpin>(shared: &Shared, connection: S, peer: SocketAddr) {
    let asked = Notify::new();
    let service = service_fn(|request| {
        asked.notify_one();
        answer(shared, request, peer)
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(shared.options.idle.0)
        .max_buf_size(64 << 10)
        .serve_connection(TokioIo::new(connection), service);
    tokio::pin!(served);
    tokio::select! {
        _ = served.as_mut() => return,
        () = shared.stop.told() => {}
    }
    // One that was just taken is closed without an answer where its request is still to come.
    tokio::select! {
        _ = served.as_mut() => return,
        () = asked.notified() => {}
        () = tokio::time::sleep(GRACE) => {}
    }
    served.as_mut().graceful_shutdown();
    let _ = served.await;
}

async fn answer(
    shared: &Shared,
    request: Request<Incoming>,
    peer: SocketAddr,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let form = Form::of(request.uri().path(), request.headers());
    let mut response = match form.asked(request.method(), request.uri().path()) {
        Some(response) => response,
        None => form.answer(&take(shared, &form, request, peer).await),
    };
    if response.status() == StatusCode::UNAUTHORIZED {
        let how = HeaderValue::from_static("Bearer, Basic realm=\"weir\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, how);
    }
    if !response.status().is_success() {
        shared.metrics.error(response.status().as_str());
    }
    Ok(response)
}

/// Why what is in a body is not read, which was unpacked before or not.
fn unread(text: &[u8], coding: Coding) -> Option<String> {
    Some(match (weir_io::beginning(text, true), coding) {
        (Beginning::Foreign { what, remedy }, Coding::Plain) => {
            format!("this is {what}, which is not read here; {remedy}")
        }
        (Beginning::Foreign { what, remedy }, _) => {
            format!("what is compressed here is {what}, which is not read; {remedy}")
        }
        (Beginning::Compressed("zip"), Coding::Plain) => {
            "this is a zip archive, which is not read here; send its files, one by one".to_owned()
        }
        (Beginning::Compressed(how), Coding::Plain) => {
            format!("this is compressed with {how}, which is not read here; send it with gzip or zstd")
        }
        (Beginning::Compressed(how), _) => {
            format!("this is compressed twice, with {how} inside; unpack that first")
        }
        (Beginning::Text | Beginning::Unclear, _) => return None,
    })
}

async fn take(shared: &Shared, form: &Form, request: Request<Incoming>, peer: SocketAddr) -> Outcome {
    let not = |status, why: &str| Outcome::Not(status, why.to_owned());
    if let Err(status) = shared.key.fits(form, request.headers()) {
        return not(status, "this needs the right `Authorization`");
    }
    if request.method() != Method::POST {
        return not(StatusCode::METHOD_NOT_ALLOWED, "POST the records");
    }
    let coding = request.headers().get(header::CONTENT_ENCODING).map(HeaderValue::as_bytes);
    // Codings have no case.
    let coding = match coding.map(<[u8]>::to_ascii_lowercase).as_deref() {
        None | Some(b"" | b"identity") => None,
        Some(b"gzip" | b"x-gzip") => Some(Coding::Gzip),
        Some(b"zstd") => Some(Coding::Zstd),
        Some(_) => return not(StatusCode::UNSUPPORTED_MEDIA_TYPE, "compress it with gzip or zstd, or not"),
    };
    let kind = request.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    if kind.to_ascii_lowercase().starts_with(b"multipart/") {
        let why = "send the file as the body, as `curl --data-binary @FILE` does, and not as a form";
        return not(StatusCode::UNSUPPORTED_MEDIA_TYPE, why);
    }
    let budget = &shared.budget;
    if budget.used() >= budget.limit() {
        return not(StatusCode::SERVICE_UNAVAILABLE, "there is no room for more records now");
    }
    let most = shared.options.max_body.0;
    let too_long = || {
        Outcome::Not(StatusCode::PAYLOAD_TOO_LARGE, format!("a body has at most {most} bytes; send several"))
    };
    let body = match body(request.into_body(), most, shared.options.idle.0).await {
        Ok(body) => body,
        Err(StatusCode::PAYLOAD_TOO_LARGE) => return too_long(),
        Err(status) => return not(status, "the body came too slowly, or broke off"),
    };
    let coding = coding.unwrap_or(match &body[..] {
        [0x1f, 0x8b, 0x08, ..] => Coding::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Coding::Zstd,
        _ => Coding::Plain,
    });
    if coding == Coding::Plain
        && let Some(why) = unread(&body, coding)
    {
        return Outcome::Not(StatusCode::UNSUPPORTED_MEDIA_TYPE, why);
    }
    let tracker = Arc::new(Tracker::of_sender());
    let (to, counted) = oneshot::channel();
    let work = Work {
        _permit: budget.take(body.len() as u64),
        body,
        coding,
        stream: Stream {
            source: Arc::clone(&shared.source),
            name: format!("http {}", peer.ip()).into(),
            identity: shared.numbers.fetch_add(1, Ordering::Relaxed),
            can_replay: false,
            is_awaited: true,
        },
        whole: tracker.begin(None, &shared.balance),
        tracker: Arc::clone(&tracker),
        answer: to,
    };
    shared.shelf.add(Shelved { stream: state::Stream::default(), tracker: Arc::clone(&tracker) });
    if let Err(refused) = shared.work.try_send(work) {
        let is_full = matches!(refused, TrySendError::Full(_));
        refused.into_inner().whole.release();
        return match is_full {
            true => not(StatusCode::TOO_MANY_REQUESTS, "too many requests wait"),
            false => not(StatusCode::SERVICE_UNAVAILABLE, "it ends"),
        };
    }
    let safe = async {
        let counted = counted.await;
        (counted, tracker.rests().await)
    };
    match tokio::time::timeout(shared.options.timeout.0, safe).await {
        Ok((Ok(Ok(Counted { normalized, filtered, rejected, first })), true)) => {
            Outcome::Safe { normalized, filtered, rejected, first }
        }
        Ok((Ok(Err(Refused::TooLong)), _)) => too_long(),
        Ok((Ok(Err(Refused::Unread(why))), _)) => Outcome::Not(StatusCode::UNSUPPORTED_MEDIA_TYPE, why),
        Ok((Ok(Err(Refused::Damaged(why))), _)) => Outcome::Not(StatusCode::BAD_REQUEST, why),
        Ok(_) => not(StatusCode::SERVICE_UNAVAILABLE, "it ends before the records are safe; send them again"),
        Err(_) => not(StatusCode::SERVICE_UNAVAILABLE, "the records are not safe yet; send them again"),
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
            framer.set_source(&work.stream.name);
            framer.push(unpacked.as_deref().unwrap_or(&work.body));
            framer.finish();
            let mut counted = Counted::default();
            let is_well =
                feed.drain_counted(&mut framer, &work.stream, &work.tracker, &mut |_| None, &mut |c| {
                    counted.normalized += c.normalized;
                    counted.filtered += c.filtered;
                    counted.rejected += c.rejected;
                    let room = TOLD - counted.first.len();
                    counted.first.extend(c.first.into_iter().take(room));
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
        Ok(unpacked) => match unread(&unpacked, coding) {
            Some(why) => Err(Refused::Unread(why)),
            None => Ok(Some(unpacked)),
        },
        Err(e) => Err(Refused::Damaged(format!("the body can't be unpacked: {e}; nothing of it was taken"))),
    }
}
