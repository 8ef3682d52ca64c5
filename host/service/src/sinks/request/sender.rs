//! The sink that all of them are: gathers batches, and sends each until it has come to its end.

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use bytes::Bytes;
use jiff::Timestamp;
use reqwest::{
    Client, Url,
    dns::Resolve,
    header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER},
};
use tokio::{runtime::Handle, sync::Semaphore};

use super::{
    batch::{Batch, Gatherer, Item},
    client::{self, Names, causes, client, is_loopback},
    compression::Compression,
    options::{BatchOptions, Headers, Tls},
    outcome::{Fate, Meaning, Taken, meaning, retry_after, said},
};
use crate::{
    error::Error,
    health::Trouble,
    page::Page,
    sinks::{Context, Delivery, Sink},
};

/// The first and the longest pause before something is tried again; jitter comes on top.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(60));
/// How often a batch is halved to find the records that are refused. One bad record in 10,000 takes
/// 14; where it is not enough, what is left goes to the dead letters in larger pieces.
const HALVINGS: usize = 400;
/// A destination that finds batches too large gets smaller ones, but not below this.
const LEAST_BYTES: usize = 16 << 10;
/// The longest answer that is read: so much, and so much for each record.
const ANSWER: (usize, usize) = (64 << 10, 4 << 10);
/// No answer is longer, whatever the number of records.
const LONGEST_ANSWER: usize = 32 << 20;

/// What is different from one kind of destination to another.
pub(in crate::sinks) trait Protocol: Send + Sync + 'static {
    /// The `Content-Type` of requests.
    fn content_type(&self) -> &'static str;

    /// Writes the body for some records, each of which is one of a page.
    fn write(&self, records: &mut dyn Iterator<Item = (&Page, usize)>, body: &mut Vec<u8>);

    /// What an answer of 2xx says about the records of the request. Without a body where
    /// [`Protocol::reads_answers`] is false.
    fn taken(&self, body: &[u8], records: usize) -> Taken;

    /// Whether the body of an answer of 2xx says anything.
    fn reads_answers(&self) -> bool {
        true
    }

    /// Whether an answer of 400 or 422 is about the configuration, not about a record.
    fn is_wrong(&self, body: &[u8]) -> bool {
        let _ = body;
        false
    }
}

/// How requests are made.
pub(in crate::sinks) struct Settings {
    pub(in crate::sinks) url: Url,
    pub(in crate::sinks) headers: Headers,
    pub(in crate::sinks) tls: Tls,
    pub(in crate::sinks) compression: Compression,
    pub(in crate::sinks) concurrency: u16,
    pub(in crate::sinks) timeout: Duration,
    pub(in crate::sinks) batch: BatchOptions,
}

/// Makes a sink.
pub(in crate::sinks) fn open(
    protocol: impl Protocol,
    settings: Settings,
    context: Context,
) -> Result<Box<dyn Sink>, Error> {
    Ok(Box::new(Requests::new(protocol, settings, context, Arc::new(Names), Pauses::Real)?))
}

/// How long pauses are.
pub(super) enum Pauses {
    Real,
    /// None, and each is told with what it is for.
    #[cfg(test)]
    Told(std::sync::mpsc::Sender<(&'static str, Duration)>),
}

/// The sink.
pub(super) struct Requests<P> {
    shared: Arc<Shared<P>>,
    plane: Handle,
    permits: Arc<Semaphore>,
    concurrency: u16,
    batch: BatchOptions,
    gatherer: Gatherer,
    since: Option<Instant>,
}

/// What tasks share.
struct Shared<P> {
    protocol: P,
    url: Url,
    source: Headers,
    headers: RwLock<HeaderMap>,
    client: Client,
    compression: Compression,
    timeout: Duration,
    context: Context,
    pauses: Pauses,
    /// The most bytes of a batch, which 413 makes smaller.
    most_bytes: AtomicUsize,
    trouble: Trouble,
}

/// What became of a request.
enum Outcome {
    Taken(Taken),
    Again { reason: String, after: Option<Duration>, what: String },
    Wrong { status: u16, what: String },
    TooLarge { what: String },
    Bad { status: u16, what: String },
}

impl<P: Protocol> Requests<P> {
    pub(super) fn new(
        protocol: P,
        settings: Settings,
        context: Context,
        resolver: Arc<dyn Resolve>,
        pauses: Pauses,
    ) -> Result<Self, Error> {
        let Settings { url, headers, tls, compression, concurrency, timeout, batch } = settings;
        if url.scheme() == "http" && headers.has_secret() && !is_loopback(&url) {
            tracing::warn!(
                sink = %context.name,
                "a login goes to {} without encryption; use https",
                url.host_str().unwrap_or_default()
            );
        }
        let plane = context.plane.handle()?;
        let shared = Shared {
            protocol,
            client: client(&url, &tls, resolver)?,
            url,
            headers: RwLock::new(headers.read()?),
            source: headers,
            compression,
            timeout,
            trouble: Trouble::new(context.health.clone()),
            context,
            pauses,
            most_bytes: AtomicUsize::new(usize::try_from(batch.bytes.0).unwrap_or(usize::MAX)),
        };
        let permits = Arc::new(Semaphore::new(concurrency.into()));
        let gatherer = Gatherer::default();
        Ok(Self { shared: Arc::new(shared), plane, permits, concurrency, batch, gatherer, since: None })
    }

    /// Sends a batch as soon as another may be on its way.
    fn send(shared: &Arc<Shared<P>>, plane: &Handle, permits: &Arc<Semaphore>, batch: Batch) {
        let stop = &shared.context.stop;
        let permit = plane.block_on(async {
            tokio::select! {
                biased;
                () = stop.told() => None,
                permit = Arc::clone(permits).acquire_owned() => permit.ok(),
            }
        });
        // Without one it is time to end, and the batch gives its pages back.
        let Some(permit) = permit else { return };
        // The plane carries bytes, and this thread has time.
        let body = shared.body(&batch, &batch.items);
        let shared = Arc::clone(shared);
        plane.spawn(async move {
            let stop = shared.context.stop.clone();
            tokio::select! {
                biased;
                () = stop.told() => {}
                () = shared.deliver(batch, body) => {}
            }
            drop(permit);
        });
    }

    fn send_rest(&mut self) {
        self.since = None;
        if let Some(batch) = self.gatherer.rest() {
            Self::send(&self.shared, &self.plane, &self.permits, batch);
        }
    }
}

impl<P: Protocol> Sink for Requests<P> {
    fn take(&mut self, delivery: Delivery) {
        let shared = &self.shared;
        let (plane, permits) = (&self.plane, &self.permits);
        let most = || shared.most_bytes.load(Ordering::Relaxed);
        let mut is_sent = false;
        self.gatherer.add(delivery, &most, self.batch.records as usize, &mut |batch| {
            is_sent = true;
            Self::send(shared, plane, permits, batch);
        });
        if is_sent || self.since.is_none() {
            self.since = (!self.gatherer.is_empty()).then(Instant::now);
        }
    }

    fn sync(&mut self) {
        let age = self.since.map(|since| since.elapsed());
        // This comes once a second, so who wants them younger than that gets them at once.
        let is_due = age.is_some_and(|age| age + Duration::from_secs(1) > self.batch.age.0);
        if is_due || self.gatherer.is_awaited() {
            self.send_rest();
        }
    }

    fn close(mut self: Box<Self>) {
        self.send_rest();
        // Tasks end by themselves when the sink is told to stop.
        let all = self.plane.block_on(self.permits.acquire_many(self.concurrency.into()));
        drop(all);
    }
}

impl<P: Protocol> Shared<P> {
    fn body(&self, batch: &Batch, items: &[Item]) -> Bytes {
        let mut body = Vec::with_capacity(batch.bytes_of(items) + 64 * items.len().min(1024));
        self.protocol.write(&mut items.iter().map(|item| batch.record(*item)), &mut body);
        // Memory is all that compression can lack.
        self.compression.apply(body).expect("memory can be written to").into()
    }

    /// Sends a batch until each of its records has come to its end.
    async fn deliver(&self, mut batch: Batch, body: Bytes) {
        let mut pieces = vec![(std::mem::take(&mut batch.items), Some(body))];
        let mut halvings = HALVINGS;
        while let Some((items, body)) = pieces.pop() {
            let (mut items, mut body) = (items, body);
            let mut pauses = pauses();
            while !items.is_empty() {
                let sent = body.get_or_insert_with(|| self.body(&batch, &items)).clone();
                match self.exchange(sent, items.len()).await {
                    Outcome::Taken(Taken::All) => {
                        self.works();
                        self.delivered(&mut batch, &items);
                        items.clear();
                    }
                    Outcome::Taken(Taken::Each(fates)) => {
                        let before = items.len();
                        let again = self.sort(&mut batch, &mut items, fates);
                        if items.len() < before {
                            // Others had no room only because of these.
                            pauses = self::pauses();
                        }
                        body = None;
                        if let Some((reason, after)) = again {
                            self.pause(reason, after, &mut pauses).await;
                        }
                    }
                    Outcome::Taken(Taken::Garbage(what)) => {
                        self.trouble(&format!("an answer makes no sense: {what}"), false);
                        self.pause("garbage", None, &mut pauses).await;
                    }
                    Outcome::Again { reason, after, what } => {
                        self.trouble(&what, false);
                        self.pause(&reason, after, &mut pauses).await;
                    }
                    Outcome::Wrong { status, what } => {
                        self.trouble(&what, true);
                        self.pause(&status.to_string(), None, &mut pauses).await;
                        if matches!(status, 401 | 403) {
                            self.read_secrets().await;
                        }
                    }
                    Outcome::TooLarge { what } => {
                        self.answers();
                        if items.len() == 1 {
                            self.refused(&mut batch, &items, "413", &what);
                        } else {
                            let most = (batch.bytes_of(&items) / 2).max(LEAST_BYTES);
                            self.most_bytes.fetch_min(most, Ordering::Relaxed);
                            self.context.metrics.retried("413");
                            halve(&mut pieces, &items);
                        }
                        items.clear();
                    }
                    Outcome::Bad { status, what } => {
                        self.answers();
                        if items.len() == 1 || halvings == 0 {
                            self.refused(&mut batch, &items, &status.to_string(), &what);
                        } else {
                            halvings -= 1;
                            self.context.metrics.retried(&status.to_string());
                            halve(&mut pieces, &items);
                        }
                        items.clear();
                    }
                }
            }
        }
    }

    /// One request and its answer.
    async fn exchange(&self, body: Bytes, records: usize) -> Outcome {
        let mut headers = self.headers.read().unwrap_or_else(PoisonError::into_inner).clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.protocol.content_type()));
        if let Some(encoding) = self.compression.encoding() {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        let request = self.client.post(self.url.clone()).headers(headers).timeout(self.timeout).body(body);
        let sent = InFlight::new(&self.context);
        let mut response = match request.send().await {
            Ok(response) => response,
            Err(error) => return self.failed(sent, &error),
        };
        let status = response.status().as_u16();
        let meaning = meaning(status);
        let after = header(response.headers(), &RETRY_AFTER).and_then(|v| retry_after(v, Timestamp::now()));
        let most = (ANSWER.0 + ANSWER.1.saturating_mul(records)).min(LONGEST_ANSWER);
        let mut answer = Vec::new();
        let is_read = meaning != Meaning::Taken || self.protocol.reads_answers();
        let mut is_whole = true;
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if answer.len() + chunk.len() <= most => answer.extend_from_slice(&chunk),
                Ok(Some(_)) => {
                    is_whole = false;
                    break;
                }
                Ok(None) => break,
                // The status says it all where nothing else is asked for.
                Err(_) if meaning != Meaning::Taken || !is_read => break,
                Err(error) => return self.failed(sent, &error),
            }
        }
        sent.answered(&status.to_string());
        let what = || format!("{} answers {status}: {}", self.place(), said(&answer));
        match meaning {
            Meaning::Taken if !is_whole && is_read => {
                Outcome::Taken(Taken::Garbage(format!("it has more than {most} bytes")))
            }
            Meaning::Taken => Outcome::Taken(self.protocol.taken(&answer, records)),
            Meaning::Again => Outcome::Again { reason: status.to_string(), after, what: what() },
            Meaning::Wrong => Outcome::Wrong { status, what: what() },
            Meaning::TooLarge => Outcome::TooLarge { what: said(&answer) },
            Meaning::Bad if self.protocol.is_wrong(&answer) => Outcome::Wrong { status, what: what() },
            Meaning::Bad => Outcome::Bad { status, what: said(&answer) },
        }
    }

    fn failed(&self, sent: InFlight<'_>, error: &reqwest::Error) -> Outcome {
        let reason = client::reason(error);
        sent.answered(reason);
        let what = format!("{} can't be reached: {}", self.place(), causes(error));
        Outcome::Again { reason: reason.into(), after: None, what }
    }

    /// The destination as messages show it.
    fn place(&self) -> String {
        let port = self.url.port().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}://{}{port}", self.url.scheme(), self.url.host_str().unwrap_or_default())
    }

    /// Ends the records that have come to their end, and leaves the others; why they are sent again.
    fn sort(
        &self,
        batch: &mut Batch,
        items: &mut Vec<Item>,
        fates: Vec<Fate>,
    ) -> Option<(&'static str, Option<Duration>)> {
        let (mut delivered, mut left) = (Vec::new(), Vec::new());
        let (mut wrong, mut busy) = (None, None);
        let all = std::mem::take(items);
        for (item, fate) in all.into_iter().zip(fates) {
            match fate {
                Fate::Delivered => delivered.push(item),
                Fate::Again(status) => {
                    busy = Some(status);
                    left.push(item);
                }
                Fate::Wrong(status, what) => {
                    wrong = Some((status, what));
                    left.push(item);
                }
                Fate::Refused(code, reason) => batch.end(item, Some((code, reason))),
            }
        }
        self.delivered(batch, &delivered);
        *items = left;
        match (wrong, busy) {
            (None, None) => {
                self.works();
                None
            }
            (Some((status, what)), _) => {
                self.trouble(&format!("{} answers {status} for records: {what}", self.place()), true);
                Some(("item_wrong", None))
            }
            (None, Some(status)) => {
                self.trouble(&format!("{} answers {status} for some records", self.place()), false);
                Some((if status == 429 { "item_429" } else { "item_5xx" }, None))
            }
        }
    }

    fn delivered(&self, batch: &mut Batch, items: &[Item]) {
        if items.is_empty() {
            return;
        }
        self.context.metrics.delivered(items.len() as u64, batch.bytes_of(items) as u64);
        for item in items {
            batch.end(*item, None);
        }
    }

    fn refused(&self, batch: &mut Batch, items: &[Item], code: &str, reason: &str) {
        for item in items {
            batch.end(*item, Some((code.into(), reason.into())));
        }
    }

    async fn pause(&self, reason: &str, after: Option<Duration>, pauses: &mut ExponentialBackoff) {
        self.context.metrics.retried(reason);
        // Who was asked to wait comes a little later, as all others were asked, too.
        let pause = pauses.next().unwrap_or(PAUSES.1);
        let pause = after.map_or(pause, |after| after + pause.min(Duration::from_secs(1)));
        match &self.pauses {
            Pauses::Real => tokio::time::sleep(pause).await,
            #[cfg(test)]
            Pauses::Told(to) => {
                let reasons = ["401", "403", "404", "429", "503", "dns", "tls", "timeout", "connect"];
                let more = ["connection", "garbage", "item_429", "item_5xx", "item_wrong", "400"];
                let known = reasons.iter().chain(&more).find(|known| **known == reason);
                let _ = to.send((known.copied().unwrap_or("other"), pause));
                tokio::task::yield_now().await;
            }
        }
    }

    /// Reads the secrets again: somebody may have corrected them.
    async fn read_secrets(&self) {
        let source = self.source.clone();
        let read = tokio::task::spawn_blocking(move || source.read()).await;
        // Where they can't be read, the old ones are tried again.
        if let Ok(Ok(headers)) = read {
            *self.headers.write().unwrap_or_else(PoisonError::into_inner) = headers;
        }
    }

    /// Tells what is wrong, once; `is_wrong` where somebody has to correct it.
    fn trouble(&self, what: &str, is_wrong: bool) {
        if self.trouble.begins(what, is_wrong) {
            tracing::warn!(sink = %self.context.name, "{what}; it is tried again");
        }
    }

    fn works(&self) {
        if self.trouble.ends() {
            tracing::info!(sink = %self.context.name, "{} takes records again", self.place());
        }
    }

    /// It refuses records, so that it is there.
    fn answers(&self) {
        if self.trouble.ends() {
            tracing::info!(sink = %self.context.name, "{} answers again", self.place());
        }
    }
}

/// Half of the records each, of which the first are sent first.
fn halve(pieces: &mut Vec<(Vec<Item>, Option<Bytes>)>, items: &[Item]) {
    let (first, second) = items.split_at(items.len() / 2);
    pieces.push((second.to_vec(), None));
    pieces.push((first.to_vec(), None));
}

/// How long to wait before the next attempt, and the one after that.
pub(crate) fn pauses() -> ExponentialBackoff {
    ExponentialBuilder::new()
        .with_min_delay(PAUSES.0)
        .with_max_delay(PAUSES.1)
        .with_jitter()
        .without_max_times()
        .build()
}

fn header<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// A request that is on its way, also one that is given up.
struct InFlight<'c> {
    context: &'c Context,
    since: Instant,
    is_answered: bool,
}

impl<'c> InFlight<'c> {
    fn new(context: &'c Context) -> Self {
        context.metrics.sent();
        Self { context, since: Instant::now(), is_answered: false }
    }

    fn answered(mut self, status: &str) {
        self.is_answered = true;
        self.context.metrics.answered(status, self.since.elapsed());
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        if !self.is_answered {
            self.context.metrics.answered("stopped", self.since.elapsed());
        }
    }
}
