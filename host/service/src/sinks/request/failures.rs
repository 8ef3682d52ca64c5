//! What breaks sinks, a test for each case by its name.

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error as StdError,
    fs,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use weir_normalizer::schemas::Schema;

use super::{
    client::{Names, NotResolved},
    sender::{Pauses, Protocol, Requests, Settings},
    stand_in::{Reply, Request, StandIn, Surroundings},
};
use crate::{
    config::{
        secret::Secret,
        values::{ByteSize, Span},
    },
    receipt::Answer,
    sinks::{Options as _, Sink, elasticsearch, http, otlp, request::options::Auth, splunk_hec},
};

type Told = mpsc::Receiver<(&'static str, Duration)>;

/// A sink that makes no pauses but tells them.
fn sink((protocol, settings): (impl Protocol, Settings), around: &Surroundings) -> (Box<dyn Sink>, Told) {
    sink_with((protocol, settings), around, Arc::new(Names))
}

fn sink_with(
    (protocol, settings): (impl Protocol, Settings),
    around: &Surroundings,
    resolver: Arc<dyn Resolve>,
) -> (Box<dyn Sink>, Told) {
    let (tell, told) = mpsc::channel();
    let requests =
        Requests::new(protocol, settings, around.context.clone(), resolver, Pauses::Told(tell)).unwrap();
    (Box::new(requests), told)
}

fn lines(url: String) -> http::Options {
    http::Options { url, concurrency: 1, ..http::Options::default() }
}

fn bulk(url: String) -> (elasticsearch::Bulk, Settings) {
    let options = elasticsearch::Options { url, concurrency: 1, ..elasticsearch::Options::default() };
    assert_eq!(options.check(), []);
    (elasticsearch::Bulk, options.settings().unwrap())
}

fn reasons(told: &Told) -> Vec<&'static str> {
    told.try_iter().map(|(reason, _)| reason).collect()
}

fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{{\"n\":{n}}}")).collect()
}

fn refs(records: &[String]) -> Vec<&str> {
    records.iter().map(|record| &**record).collect()
}

/// What a cluster checks of a request; the ids and the documents.
fn bulk_items(request: &Request) -> Vec<(String, String)> {
    assert_eq!(request.header("content-type"), "application/x-ndjson");
    assert!(request.target.starts_with("/weir/_bulk?filter_path="), "{}", request.target);
    assert_eq!(request.body.last(), Some(&b'\n'), "a bulk request ends in a line break");
    let lines = request.lines();
    assert_eq!(lines.len() % 2, 0);
    let mut items = Vec::new();
    for pair in lines.chunks(2) {
        let action: serde_json::Value = serde_json::from_str(&pair[0]).unwrap();
        let action = action.as_object().unwrap();
        assert_eq!(action.keys().collect::<Vec<_>>(), ["create"]);
        let id = action["create"]["_id"].as_str().unwrap();
        assert!(!id.is_empty() && id.len() <= 512);
        assert!(serde_json::from_str::<serde_json::Value>(&pair[1]).unwrap().is_object());
        items.push((id.to_owned(), pair[1].clone()));
    }
    items
}

/// What a cluster answers for items with these statuses.
fn bulk_answer(statuses: &[u16]) -> Vec<u8> {
    let items: Vec<String> = statuses
        .iter()
        .map(|status| match status {
            200..=299 => format!(r#"{{"create":{{"status":{status}}}}}"#),
            _ => format!(
                r#"{{"create":{{"status":{status},"error":{{"type":"an_exception","reason":"because of {status}"}}}}}}"#
            ),
        })
        .collect();
    let errors = statuses.iter().any(|status| *status >= 300);
    format!(r#"{{"errors":{errors},"items":[{}]}}"#, items.join(",")).into_bytes()
}

/// A cluster that has each document once; `status` tells what it answers for others than known ones.
struct Cluster {
    documents: Mutex<BTreeMap<String, String>>,
}

impl Cluster {
    fn create(&self, request: &Request, status: impl Fn(&str) -> u16) -> Reply {
        let mut documents = self.documents.lock().unwrap();
        let mut statuses = Vec::new();
        for (id, document) in bulk_items(request) {
            let status = if documents.contains_key(&id) { 409 } else { status(&document) };
            if status == 201 {
                documents.insert(id, document);
            }
            statuses.push(status);
        }
        Reply::body(200, bulk_answer(&statuses))
    }
}

#[test]
fn pages_are_sent_together_in_their_order_and_as_the_options_say() {
    for (format, content_type, body) in [
        ("ndjson", "application/x-ndjson", "{\"n\":0}\n{\"n\":1}\n{\"n\":2}\n"),
        ("json", "application/json", "[{\"n\":0},{\"n\":1},{\"n\":2}]"),
    ] {
        for compression in ["none", "gzip", "zstd"] {
            let server = StandIn::start(|_, _| Reply::status(204));
            let around = Surroundings::new();
            let options = http::Options {
                format: format.into(),
                compression: compression.into(),
                headers: [("X-Tenant".into(), "edge".into())].into(),
                ..lines(format!("{}/in?a=b", server.url()))
            };
            assert_eq!(options.check(), []);
            let (mut sink, _) = sink(options.settings().unwrap(), &around);
            sink.take_all(&around, &[&["{\"n\":0}", "{\"n\":1}"], &["{\"n\":2}"]]);
            sink.sync();
            assert_eq!(around.answers(2), [Answer::Delivered, Answer::Delivered]);
            let requests = server.requests();
            assert_eq!(requests.len(), 1);
            assert_eq!(String::from_utf8_lossy(&requests[0].body), body);
            assert_eq!(requests[0].target, "/in?a=b");
            assert_eq!(requests[0].header("content-type"), content_type);
            assert_eq!(requests[0].header("content-encoding"), compression.trim_start_matches("none"));
            assert_eq!(requests[0].header("x-tenant"), "edge");
            assert!(requests[0].header("user-agent").starts_with("weir/"));
            assert_eq!(around.metric("weir_sink_records_total{sink=\"out\"}"), 3);
            assert_eq!(around.budget.used(), 0);
            sink.close();
        }
    }
}

trait TakeAll {
    fn take_all(&mut self, around: &Surroundings, pages: &[&[&str]]);
}

impl TakeAll for Box<dyn Sink> {
    fn take_all(&mut self, around: &Surroundings, pages: &[&[&str]]) {
        for records in pages {
            around.deliver(&mut **self, around.page(Schema::Flat, records));
        }
    }
}

#[test]
fn a_batch_is_full_at_so_many_bytes_or_records_and_a_page_may_be_in_several() {
    let server = StandIn::start(|_, _| Reply::status(200));
    let around = Surroundings::new();
    let mut options = lines(server.url());
    options.batch.records = 3;
    options.batch.bytes = ByteSize(30);
    let (mut sink, _) = sink(options.settings().unwrap(), &around);
    let records = numbered(7);
    let long = format!("{{\"long\":\"{}\"}}", "x".repeat(50));
    sink.take_all(&around, &[&refs(&records), &[&long, "{}"]]);
    // What is full is sent without more.
    assert_eq!(around.answers(1), [Answer::Delivered]);
    sink.close();
    let sizes: Vec<usize> = server.requests().iter().map(|request| request.lines().len()).collect();
    assert_eq!(sizes, [3, 3, 1, 1, 1]);
    assert_eq!(around.answers(2), [Answer::Delivered, Answer::Delivered]);
}

#[test]
fn a_page_without_records_is_delivered_and_one_that_is_awaited_is_not_held_up() {
    let server = StandIn::start(|_, _| Reply::status(200));
    let around = Surroundings::new();
    let mut options = lines(server.url());
    options.batch.age = Span(Duration::from_secs(3600));
    let (mut sink, _) = sink(options.settings().unwrap(), &around);
    let empty = crate::page::Page::new(Vec::new(), around.page(Schema::Flat, &["{}"]).origin().clone());
    around.deliver(&mut *sink, empty);
    assert_eq!(around.answers(1), [Answer::Delivered]);
    sink.take_all(&around, &[&["{}"]]);
    // It may wait an hour for more.
    sink.sync();
    assert!(server.requests().is_empty());
    around.deliver(&mut *sink, around.page(Schema::Flat, &["{}"]).awaited());
    sink.sync();
    assert_eq!(around.answers(3).len(), 3);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn case_35_a_batch_that_is_too_large_is_split_and_a_single_record_is_a_dead_letter() {
    let server = StandIn::start(|_, request| match request.body.len() {
        0..=40 => Reply::status(200),
        _ => Reply::body(413, "too large"),
    });
    let around = Surroundings::new();
    let (mut sink, _) = sink(lines(server.url()).settings().unwrap(), &around);
    let mut records = numbered(20);
    records[7] = format!("{{\"long\":\"{}\"}}", "x".repeat(50));
    sink.take_all(&around, &[&refs(&records)]);
    sink.close();
    let answers = around.answers(1);
    let [Answer::Refused(refusals)] = &answers[..] else { panic!("{answers:?}") };
    assert_eq!(refusals.len(), 1);
    assert_eq!((refusals[0].record, &*refusals[0].code, &*refusals[0].reason), (7, "413", "too large"));
    // All others arrived once, in their order.
    let arrived: Vec<String> = server
        .requests()
        .iter()
        .filter(|request| request.body.len() <= 40)
        .flat_map(Request::lines)
        .collect();
    records.remove(7);
    assert_eq!(arrived, records);
    assert_eq!(around.metric("weir_sink_records_total{sink=\"out\"}"), 19);
}

#[test]
fn case_35_later_batches_are_made_smaller() {
    let server = StandIn::start(|_, request| match request.body.len() {
        0..=50_000 => Reply::status(200),
        _ => Reply::status(413),
    });
    let around = Surroundings::new();
    let (mut sink, _) = sink(lines(server.url()).settings().unwrap(), &around);
    let records = vec![format!("{{\"x\":\"{}\"}}", "x".repeat(989)); 400];
    sink.take_all(&around, &[&refs(&records)]);
    sink.sync();
    around.answers(1);
    let refused = |requests: &[Request]| requests.iter().filter(|r| r.body.len() > 50_000).count();
    let before = refused(&server.requests());
    assert!(before > 0);
    sink.take_all(&around, &[&refs(&records)]);
    sink.sync();
    around.answers(2);
    assert_eq!(refused(&server.requests()), before);
}

#[test]
fn case_36_a_record_that_is_refused_for_ever_is_a_dead_letter_and_the_others_arrive() {
    for status in [400, 422] {
        let server = StandIn::start(move |_, request| {
            match request.lines().iter().any(|line| line.contains("poison")) {
                true => Reply::body(status, "I don't like\n poison"),
                false => Reply::status(200),
            }
        });
        let around = Surroundings::new();
        let (mut sink, told) = sink(lines(server.url()).settings().unwrap(), &around);
        let mut records = numbered(1000);
        for at in [3, 500, 999] {
            records[at] = "{\"poison\":1}".into();
        }
        sink.take_all(&around, &[&refs(&records[..600]), &refs(&records[600..])]);
        sink.close();
        let code = status.to_string();
        let mut found = Vec::new();
        for answer in around.answers(2) {
            let Answer::Refused(refusals) = answer else { panic!("{answer:?}") };
            found.extend(refusals.into_iter().map(|refusal| {
                assert_eq!((&*refusal.code, &*refusal.reason), (&*code, "I don't like poison"));
                refusal.record
            }));
        }
        assert_eq!(found, [3, 500, 399]);
        let requests = server.requests();
        let arrived: Vec<String> = requests
            .iter()
            .filter(|request| !request.lines().iter().any(|line| line.contains("poison")))
            .flat_map(Request::lines)
            .collect();
        records.retain(|record| !record.contains("poison"));
        assert_eq!(arrived, records);
        assert!(requests.len() < 3 * 2 * 11, "{}", requests.len());
        assert_eq!(reasons(&told), [""; 0], "nothing is waited for");
    }
}

#[test]
fn case_36_a_server_that_refuses_everything_is_asked_a_bounded_number_of_times() {
    let server = StandIn::start(|_, _| Reply::status(400));
    let around = Surroundings::new();
    let (mut sink, _) = sink(lines(server.url()).settings().unwrap(), &around);
    let records = numbered(3000);
    sink.take_all(&around, &[&refs(&records)]);
    sink.close();
    let answers = around.answers(1);
    let [Answer::Refused(refusals)] = &answers[..] else { panic!() };
    assert_eq!(refusals.len(), 3000);
    assert!(refusals.iter().enumerate().all(|(index, refusal)| refusal.record == index));
    assert!(server.requests().len() <= 2 * 400 + 1);
}

#[test]
fn case_37_only_the_items_that_were_too_many_are_sent_again() {
    let cluster = Arc::new(Cluster { documents: Mutex::default() });
    let server = StandIn::start({
        let cluster = Arc::clone(&cluster);
        move |number, request| {
            cluster.create(request, |document| match number {
                0 if ["{\"n\":2}", "{\"n\":5}"].contains(&document) => 429,
                1 if document == "{\"n\":5}" => 503,
                _ => 201,
            })
        }
    });
    let around = Surroundings::new();
    let (mut sink, told) = sink(bulk(server.url()), &around);
    let records = numbered(8);
    sink.take_all(&around, &[&refs(&records)]);
    sink.close();
    assert_eq!(around.answers(1), [Answer::Delivered]);
    let requests: Vec<Vec<(String, String)>> = server.requests().iter().map(bulk_items).collect();
    let id = |n: usize| (format!("00000000000000ab-{:x}", n * 100), format!("{{\"n\":{n}}}"));
    assert_eq!(requests[0], (0..8).map(id).collect::<Vec<_>>());
    assert_eq!(requests[1], [id(2), id(5)]);
    assert_eq!(requests[2], [id(5)]);
    assert_eq!(requests.len(), 3);
    assert_eq!(reasons(&told), ["item_429", "item_5xx"]);
    assert_eq!(cluster.documents.lock().unwrap().len(), 8);
    assert_eq!(around.metric("weir_sink_records_total{sink=\"out\"}"), 8);
}

#[test]
fn case_37_what_was_created_before_an_answer_got_lost_is_delivered() {
    let cluster = Arc::new(Cluster { documents: Mutex::default() });
    let server = StandIn::start({
        let cluster = Arc::clone(&cluster);
        move |number, request| match (cluster.create(request, |_| 201), number) {
            (_, 0) => Reply::Cut,
            (Reply::Answer { body, .. }, 1) => Reply::CutBody(200, body),
            (reply, _) => reply,
        }
    });
    let around = Surroundings::new();
    let (mut sink, told) = sink(bulk(server.url()), &around);
    let records = numbered(4);
    sink.take_all(&around, &[&refs(&records)]);
    sink.close();
    assert_eq!(around.answers(1), [Answer::Delivered]);
    assert_eq!(server.requests().len(), 3);
    assert_eq!(reasons(&told), ["connection", "connection"]);
    assert_eq!(cluster.documents.lock().unwrap().len(), 4);
}

#[test]
fn case_38_counts_of_a_partial_failure_are_exact() {
    let server = StandIn::start(|number, request| {
        let status = |document: &str| match document {
            "{\"n\":1}" => 400,
            "{\"n\":3}" => 409,
            "{\"n\":4}" if number == 0 => 429,
            "{\"n\":6}" => 404,
            _ => 201,
        };
        let statuses: Vec<u16> = bulk_items(request).iter().map(|(_, document)| status(document)).collect();
        Reply::body(200, bulk_answer(&statuses))
    });
    let around = Surroundings::new();
    let (mut sink, _) = sink(bulk(server.url()), &around);
    let records = numbered(9);
    // The second page is whole.
    sink.take_all(&around, &[&refs(&records[..7]), &refs(&records[7..])]);
    sink.close();
    let answers = around.answers(2);
    let refused = answers.iter().find_map(|answer| match answer {
        Answer::Refused(refusals) => Some(refusals),
        _ => None,
    });
    let refused: Vec<(usize, &str, &str)> =
        refused.unwrap().iter().map(|r| (r.record, &*r.code, &*r.reason)).collect();
    assert_eq!(
        refused,
        [(1, "400", "an_exception: because of 400"), (6, "404", "an_exception: because of 404")]
    );
    assert!(answers.contains(&Answer::Delivered));
    assert_eq!(around.metric("weir_sink_records_total{sink=\"out\"}"), 7);
    let bytes: usize = records.iter().map(|record| record.len() + 1).sum();
    assert_eq!(around.metric("weir_sink_bytes_total{sink=\"out\"}"), (bytes - 2 * 8) as u64);
    assert_eq!(around.metric("weir_sink_requests_total{sink=\"out\",status=\"200\"}"), 2);
    assert_eq!(around.metric("weir_sink_in_flight{sink=\"out\"}"), 0);
}

/// A name that is away for some time, or elsewhere.
struct Away {
    left: AtomicUsize,
    meanwhile: Option<[u8; 4]>,
}

impl Resolve for Away {
    fn resolve(&self, _: Name) -> Resolving {
        let left = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        let found = if left.is_ok() { self.meanwhile } else { Some([127, 0, 0, 1]) };
        Box::pin(async move {
            match found {
                Some(ip) => Ok(Box::new([SocketAddr::from((ip, 0))].into_iter()) as Addrs),
                None => Err(Box::new(NotResolved("no such host".into())) as Box<dyn StdError + Send + Sync>),
            }
        })
    }
}

#[test]
fn case_39_a_name_that_is_away_and_comes_back() {
    let server = StandIn::start(|_, _| Reply::status(200));
    let around = Surroundings::new();
    let options = lines(format!("http://flows.example:{}/", server.port));
    let away = Arc::new(Away { left: AtomicUsize::new(3), meanwhile: None });
    let (mut sink, told) = sink_with(options.settings().unwrap(), &around, away);
    sink.take_all(&around, &[&["{}"]]);
    sink.close();
    assert_eq!(around.answers(1), [Answer::Delivered]);
    assert_eq!(reasons(&told), ["dns"; 3]);
    assert_eq!(around.metric("weir_sink_retries_total{sink=\"out\",reason=\"dns\"}"), 3);
    assert_eq!(around.metric("weir_sink_requests_total{sink=\"out\",status=\"dns\"}"), 3);
    // Nobody has to do anything about it here.
    assert!(around.board.failing().is_empty());
}

#[test]
fn case_40_a_sink_that_is_dead_does_not_stop_the_others() {
    let dead = StandIn::start(|_, _| Reply::Silence);
    let well = StandIn::start(|_, _| Reply::status(200));
    let around = Surroundings::new();
    let others = Surroundings::new();
    // As in the service, both are on the same runtime.
    let mut context = others.context.clone();
    context.plane = around.context.plane.clone();
    let mut options = lines(dead.url());
    options.concurrency = 3;
    options.batch.records = 1;
    let mut held = options.open(context).unwrap();
    // It has as many on their way as it may.
    held.take_all(&others, &[&["{}"], &["{}"], &["{}"]]);
    held.sync();
    let (mut sink, _) = sink(lines(well.url()).settings().unwrap(), &around);
    for page in 1..=50 {
        sink.take_all(&around, &[&["{}"]]);
        sink.sync();
        around.answers(page);
    }
    assert_eq!(others.answered(), 0);
    // And it ends at once when it is told to.
    others.stopper.stop();
    held.take_all(&others, &[&["{}"]]);
    held.close();
    assert_eq!(others.answers(4), vec![Answer::Returned; 4]);
    assert_eq!(others.metric("weir_sink_in_flight{sink=\"out\"}"), 0);
    assert_eq!(others.budget.used(), 0);
}

#[test]
fn case_25_a_refused_login_is_retried_and_told_until_the_secret_is_corrected() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("password");
    fs::write(&path, "wrong\n").unwrap();
    let (ask, asked) = (mpsc::channel(), mpsc::channel());
    let (ask_to, ask_from) = ask;
    let (go, wait) = asked;
    let wait = Mutex::new(wait);
    let server = StandIn::start(move |number, request| {
        if number == 3 {
            // Now somebody looks.
            ask_to.send(()).unwrap();
            let () = wait.lock().unwrap().recv().unwrap();
        }
        match request.header("authorization") {
            // weir:right
            "Basic d2VpcjpyaWdodA==" => Reply::status(200),
            _ => Reply::body([401, 403, 404][number % 3], "who are you?"),
        }
    });
    let around = Surroundings::new();
    let password = Some(Secret { file: Some(path.clone()), env: None });
    let auth = Auth { user: Some("weir".into()), password, ..Auth::default() };
    let options = http::Options { auth, ..lines(server.url()) };
    assert_eq!(options.check(), []);
    let (mut sink, told) = sink(options.settings().unwrap(), &around);
    sink.take_all(&around, &[&["{}"]]);
    sink.sync();
    ask_from.recv().unwrap();
    let failing = around.board.failing();
    assert!(failing["sink out"].contains("404: who are you?"), "{failing:?}");
    assert!(!failing["sink out"].contains("wrong"));
    assert_eq!(around.answered(), 0);
    fs::write(&path, "right\n").unwrap();
    go.send(()).unwrap();
    assert_eq!(around.answers(1), [Answer::Delivered]);
    assert!(around.board.failing().is_empty());
    let reasons = reasons(&told);
    assert_eq!(reasons[..3], ["401", "403", "404"]);
    sink.close();
}

#[test]
fn who_says_retry_after_is_left_alone_for_so_long() {
    let server = StandIn::start(|number, _| match number {
        0 => Reply::status(429).with("retry-after", "7"),
        1 => Reply::status(503).with("retry-after", "Thu, 01 Jan 1970 00:00:00 GMT"),
        2 => Reply::status(503).with("retry-after", "999999999"),
        _ => Reply::status(200),
    });
    let around = Surroundings::new();
    let (mut sink, told) = sink(lines(server.url()).settings().unwrap(), &around);
    sink.take_all(&around, &[&["{}"]]);
    sink.close();
    assert_eq!(around.answers(1), [Answer::Delivered]);
    let pauses: Vec<(&str, u64)> = told.try_iter().map(|(reason, pause)| (reason, pause.as_secs())).collect();
    let [("429", first), ("503", second), ("503", third)] = pauses[..] else { panic!("{pauses:?}") };
    assert!((7..=8).contains(&first) && second <= 1 && (900..=901).contains(&third), "{pauses:?}");
}

#[test]
fn pauses_grow_up_to_a_bound_and_differ() {
    let pauses = || -> Vec<Duration> {
        let around = Surroundings::new();
        let server = StandIn::start(|number, _| Reply::status(if number < 30 { 500 } else { 200 }));
        let (mut sink, told) = sink(lines(server.url()).settings().unwrap(), &around);
        sink.take_all(&around, &[&["{}"]]);
        sink.close();
        told.try_iter().map(|(_, pause)| pause).collect()
    };
    let (some, others) = (pauses(), pauses());
    assert_eq!(some.len(), 30);
    assert!(some[0] >= Duration::from_millis(500) && some[0] <= Duration::from_secs(1));
    assert!(some[20..].iter().all(|pause| (60..=120).contains(&pause.as_secs())), "{some:?}");
    assert_ne!(some, others);
}

#[test]
fn answers_that_make_no_sense_deliver_nothing() {
    let garbage: Vec<Reply> = vec![
        Reply::body(200, "<html>welcome to the hotel</html>"),
        Reply::body(200, ""),
        Reply::body(200, "{}"),
        Reply::body(200, bulk_answer(&[201])),
        Reply::body(200, bulk_answer(&[201, 201, 201])),
        Reply::body(200, "[".repeat(10_000)),
        Reply::body(200, r#"{"errors":false,"items":[{},{}]}"#),
        Reply::body(200, vec![b' '; 1 << 20]),
        Reply::body(200, b"\xff\xfe\0".to_vec()),
        Reply::Raw(b"SSH-2.0-OpenSSH\r\n".to_vec()),
        Reply::Cut,
        Reply::CutBody(200, bulk_answer(&[201, 201])),
        Reply::CutBody(503, Vec::new()),
    ];
    let count = garbage.len();
    let server = StandIn::start(move |number, _| match garbage.get(number) {
        Some(reply) => reply.clone(),
        None => Reply::body(200, bulk_answer(&[201, 409])),
    });
    let around = Surroundings::new();
    let (mut sink, told) = sink(bulk(server.url()), &around);
    sink.take_all(&around, &[&["{\"n\":0}", "{\"n\":1}"]]);
    sink.close();
    assert_eq!(around.answers(1), [Answer::Delivered]);
    assert_eq!(server.requests().len(), count + 1);
    let first = bulk_items(&server.requests()[0]);
    assert!(server.requests().iter().all(|request| bulk_items(request) == first));
    let reasons = reasons(&told);
    assert_eq!(reasons[..9], ["garbage"; 9]);
    assert_eq!(reasons[9..], ["connection", "connection", "connection", "503"]);
    assert_eq!(around.metric("weir_sink_records_total{sink=\"out\"}"), 2);
}

#[test]
fn ready_tells_of_a_sink_from_its_first_attempt_that_fails_until_it_works() {
    let failures: [fn() -> Reply; 6] = [
        || Reply::status(503),
        || Reply::status(429),
        || Reply::status(401),
        || Reply::Cut,
        || Reply::Raw(b"nonsense".to_vec()),
        || Reply::CutBody(200, b"{".to_vec()),
    ];
    for fails in failures {
        // Those that are refused in the end tell that it is there as well.
        for (last, answer) in [(200, Answer::Delivered), (400, Answer::Refused(Vec::new()))] {
            let is_well = Arc::new(AtomicBool::new(false));
            let looked = Arc::clone(&is_well);
            let server = StandIn::start(move |_, _| match looked.load(Ordering::Relaxed) {
                true if last == 200 => Reply::Answer {
                    status: 200,
                    headers: Vec::new(),
                    body: br#"{"errors":false,"items":[{"create":{"status":201}}]}"#.to_vec(),
                },
                true => Reply::status(last),
                false => fails(),
            });
            let around = Surroundings::new();
            let (mut sink, told) = sink(bulk(server.url()), &around);
            around.deliver(&mut *sink, around.page(Schema::Ecs, &["{}"]));
            sink.sync();
            sink.sync();
            told.recv_timeout(Duration::from_secs(120)).unwrap();
            assert!(around.board.failing().contains_key("sink out"));
            is_well.store(true, Ordering::Relaxed);
            sink.close();
            let given = &around.answers(1)[0];
            assert_eq!(std::mem::discriminant(given), std::mem::discriminant(&answer), "{given:?}");
            assert!(around.board.failing().is_empty(), "{:?}", around.board.failing());
        }
    }
}

#[test]
fn a_server_that_says_nothing_is_asked_again() {
    let server = StandIn::start(|number, _| if number == 0 { Reply::Silence } else { Reply::status(200) });
    let around = Surroundings::new();
    let mut options = lines(server.url());
    options.timeout = Span(Duration::from_millis(200));
    let (mut sink, told) = sink(options.settings().unwrap(), &around);
    sink.take_all(&around, &[&["{}"]]);
    sink.close();
    assert_eq!(around.answers(1), [Answer::Delivered]);
    assert_eq!(reasons(&told)[0], "timeout");
    assert!(around.metric("weir_sink_requests_total{sink=\"out\",status=\"timeout\"}") >= 1);
}

#[test]
fn an_address_where_nobody_listens_is_tried_until_somebody_does() {
    let server = StandIn::start(|_, _| Reply::status(200));
    let around = Surroundings::new();
    let options = lines(format!("http://flows.example:{}/", server.port));
    // Of this machine as well, but the server does not listen there.
    let away = Away { left: AtomicUsize::new(2), meanwhile: Some([127, 0, 0, 9]) };
    let (mut sink, told) = sink_with(options.settings().unwrap(), &around, Arc::new(away));
    sink.take_all(&around, &[&["{}"]]);
    sink.close();
    assert_eq!(around.answers(1), [Answer::Delivered]);
    assert_eq!(reasons(&told), ["connect"; 2]);
}

/// Someone who signs certificates.
struct Authority {
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
    certificate: rcgen::Certificate,
}

impl Authority {
    fn new() -> Self {
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { issuer: rcgen::Issuer::new(params, key), certificate }
    }

    fn sign(&self, name: &str) -> (rcgen::Certificate, rcgen::KeyPair) {
        let params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }

    /// What a server of this name needs; it asks for clients' certificates where `is_mutual`.
    fn server(&self, name: &str, is_mutual: bool) -> Arc<rustls::ServerConfig> {
        let (certificate, key) = self.sign(name);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = if is_mutual {
            let mut roots = rustls::RootCertStore::empty();
            roots.add(self.certificate.der().clone()).unwrap();
            let verifier =
                rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        } else {
            builder.with_no_client_auth()
        };
        let key = rustls::pki_types::PrivateKeyDer::Pkcs8(key.serialize_der().into());
        Arc::new(builder.with_single_cert(vec![certificate.der().clone()], key).unwrap())
    }
}

#[test]
fn only_a_server_with_a_trusted_certificate_of_its_name_gets_anything() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let ca = folder.path().join("ca.pem");
    fs::write(&ca, authority.certificate.pem()).unwrap();
    let other = folder.path().join("other.pem");
    fs::write(&other, Authority::new().certificate.pem()).unwrap();
    for (trusted, name, is_delivered) in
        [(&ca, "127.0.0.1", true), (&other, "127.0.0.1", false), (&ca, "elsewhere.example", false)]
    {
        let server = StandIn::start_tls(authority.server(name, false), |_, _| Reply::status(200));
        let around = Surroundings::new();
        let mut options = lines(format!("https://127.0.0.1:{}/", server.port));
        options.tls.ca_file = Some(trusted.clone());
        assert_eq!(options.check(), []);
        let (mut sink, told) = sink(options.settings().unwrap(), &around);
        sink.take_all(&around, &[&["{}"]]);
        sink.sync();
        if is_delivered {
            assert_eq!(around.answers(1), [Answer::Delivered]);
        } else {
            assert_eq!(told.recv().unwrap().0, "tls");
            around.stopper.stop();
            sink.close();
            assert_eq!(around.answers(1), [Answer::Returned]);
            assert!(server.requests().is_empty());
        }
    }
}

#[test]
fn weir_shows_its_own_certificate_to_who_asks_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let (certificate, key) = authority.sign("weir.example");
    let write = |name: &str, pem: String| {
        let path = folder.path().join(name);
        fs::write(&path, pem).unwrap();
        Some(path)
    };
    let server = StandIn::start_tls(authority.server("127.0.0.1", true), |_, _| Reply::status(200));
    let around = Surroundings::new();
    let mut options = lines(format!("https://127.0.0.1:{}/", server.port));
    options.tls.ca_file = write("ca.pem", authority.certificate.pem());
    options.tls.cert_file = write("weir.pem", certificate.pem());
    assert_eq!(options.check().len(), 1, "the key is missing");
    options.tls.key_file = write("weir.key", key.serialize_pem());
    assert_eq!(options.check(), []);
    let (mut sink, _) = sink(options.settings().unwrap(), &around);
    sink.take_all(&around, &[&["{}"]]);
    sink.close();
    assert_eq!(around.answers(1), [Answer::Delivered]);
    // What is no certificate is told before anything starts.
    options.tls.ca_file = write("ca.pem", "hello".into());
    assert_eq!(options.check().len(), 1);
}

#[test]
fn a_server_that_never_ends_its_greeting_is_left_after_the_timeout() {
    // It takes the connection and says nothing.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let around = Surroundings::new();
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    fs::write(&ca, Authority::new().certificate.pem()).unwrap();
    let mut options = lines(format!("https://{}/", listener.local_addr().unwrap()));
    options.tls.ca_file = Some(ca);
    options.timeout = Span(Duration::from_millis(50));
    let (mut sink, told) = sink(options.settings().unwrap(), &around);
    sink.take_all(&around, &[&["{}"]]);
    sink.sync();
    assert_eq!(told.recv().unwrap().0, "timeout");
    assert_eq!(told.recv().unwrap().0, "timeout");
    around.stopper.stop();
    sink.close();
    assert_eq!(around.answers(1), [Answer::Returned]);
}

#[test]
fn redirects_are_told_and_not_followed() {
    let other = StandIn::start(|_, _| Reply::status(200));
    let elsewhere = other.url();
    let is_corrected = Arc::new(AtomicBool::new(false));
    let server = StandIn::start({
        let is_corrected = Arc::clone(&is_corrected);
        move |_, _| match is_corrected.load(Ordering::Relaxed) {
            true => Reply::status(200),
            false => Reply::status(307).with("location", elsewhere.clone()),
        }
    });
    let around = Surroundings::new();
    let (mut sink, told) = sink(lines(server.url()).settings().unwrap(), &around);
    sink.take_all(&around, &[&["{}"]]);
    sink.sync();
    told.recv().unwrap();
    assert!(around.board.failing()["sink out"].contains("307"));
    is_corrected.store(true, Ordering::Relaxed);
    assert_eq!(around.answers(1), [Answer::Delivered]);
    assert!(other.requests().is_empty());
}

#[test]
fn several_requests_are_on_their_way_at_a_time_and_no_more_than_may_be() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (come, came) = mpsc::channel();
    let gate = Arc::new((Mutex::new(false), std::sync::Condvar::new()));
    let server = StandIn::start({
        let (now, most, gate) = (Arc::clone(&now), Arc::clone(&most), Arc::clone(&gate));
        move |_, _| {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            come.send(()).unwrap();
            drop(gate.1.wait_while(gate.0.lock().unwrap(), |is_open| !*is_open).unwrap());
            now.fetch_sub(1, Ordering::SeqCst);
            Reply::status(200)
        }
    });
    let around = Arc::new(Surroundings::new());
    let mut options = lines(server.url());
    options.concurrency = 3;
    options.batch.records = 1;
    let (mut sink, _) = sink(options.settings().unwrap(), &around);
    let feeder = std::thread::scope(|scope| {
        let around = &around;
        let feeder = scope.spawn(move || {
            for _ in 0..10 {
                sink.take_all(around, &[&["{}"]]);
            }
            sink.close();
        });
        for _ in 0..3 {
            came.recv().unwrap();
        }
        *gate.0.lock().unwrap() = true;
        gate.1.notify_all();
        feeder.join()
    });
    feeder.unwrap();
    assert_eq!(around.answers(10), vec![Answer::Delivered; 10]);
    assert_eq!(most.load(Ordering::SeqCst), 3);
}

#[test]
fn splunk_gets_events_with_their_time_and_tells_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    fs::write(&path, "c0ffee").unwrap();
    let replies = [
        Reply::body(503, r#"{"text":"Server is busy","code":9}"#),
        Reply::body(400, r#"{"text":"Incorrect index","code":7,"invalid-event-number":0}"#),
        Reply::body(200, "<html>"),
    ];
    let server = StandIn::start(move |number, request| match replies.get(number) {
        Some(reply) => reply.clone(),
        None if request.body.windows(6).any(|window| window == b"poison") => {
            Reply::body(400, r#"{"text":"Invalid data format","code":6,"invalid-event-number":1}"#)
        }
        None => Reply::body(200, r#"{"text":"Success","code":0}"#),
    });
    let around = Surroundings::new();
    let options = splunk_hec::Options {
        url: server.url(),
        token: Some(Secret { file: Some(path), env: None }),
        sourcetype: Some("weir:\"flow\"".into()),
        index: Some("net".into()),
        concurrency: 1,
        ..splunk_hec::Options::default()
    };
    assert_eq!(options.check(), []);
    let (mut sink, told) = sink(options.settings().unwrap(), &around);
    sink.take_all(&around, &[&["{\"start_ms\":1700000000005,\"a\":1}", "{\"poison\":1}"]]);
    around.deliver(&mut *sink, around.page(Schema::Ocsf, &["{\"time\":1700000000999}"]));
    around.deliver(&mut *sink, around.page(Schema::Ecs, &["{\"@timestamp\":\"2026-11-29T01:02:03.456Z\"}"]));
    sink.close();
    let mut answers = around.answers(3);
    answers.sort_by_key(|answer| *answer == Answer::Delivered);
    let Answer::Refused(refusals) = &answers[0] else { panic!("{answers:?}") };
    assert_eq!((refusals.len(), refusals[0].record, &*refusals[0].code), (1, 1, "400"));
    assert_eq!(answers[1..], [Answer::Delivered, Answer::Delivered]);
    assert_eq!(reasons(&told), ["503", "400", "garbage"]);
    let requests = server.requests();
    assert_eq!(requests[0].target, "/services/collector/event");
    assert_eq!(requests[0].header("authorization"), "Splunk c0ffee");
    assert_eq!(requests[0].header("content-type"), "application/json");
    let metadata = r#""sourcetype":"weir:\"flow\"","index":"net","#;
    let events = [
        format!(r#"{{"time":1700000000.005,{metadata}"event":{{"start_ms":1700000000005,"a":1}}}}"#),
        format!(r#"{{{metadata}"event":{{"poison":1}}}}"#),
        format!(r#"{{"time":1700000000.999,{metadata}"event":{{"time":1700000000999}}}}"#),
        format!(r#"{{"time":1795914123.456,{metadata}"event":{{"@timestamp":"2026-11-29T01:02:03.456Z"}}}}"#),
    ];
    assert_eq!(requests[0].lines(), events);
    for event in &events {
        serde_json::from_str::<serde_json::Value>(event).unwrap();
    }
}

#[test]
fn otlp_gets_one_message_and_what_it_rejects_is_kept() {
    let server = StandIn::start(|number, _| match number {
        0 => Reply::body(200, "{}"),
        1 => Reply::body(200, ""),
        2 => Reply::body(200, r#"{"partialSuccess":{}}"#),
        _ => Reply::body(200, r#"{"partialSuccess":{"rejectedLogRecords":"1","errorMessage":"too old"}}"#),
    });
    let around = Surroundings::new();
    let options = otlp::Options { url: server.url(), concurrency: 1, ..otlp::Options::default() };
    assert_eq!(options.check(), []);
    assert!(options.refuses(Schema::Ecs).is_some() && options.refuses(Schema::Otel).is_none());
    let (mut sink, _) = sink((otlp::Logs, options.settings().unwrap()), &around);
    for page in 1..=4 {
        let lines = ["{\"resourceLogs\":[{\"a\":1}]}", "{\"resourceLogs\":[{\"b\":[2]}]}"];
        around.deliver(&mut *sink, around.page(Schema::Otel, &lines));
        sink.sync();
        around.answers(page);
    }
    let answers = around.answers(4);
    assert_eq!(answers[..3], vec![Answer::Delivered; 3]);
    let Answer::Refused(refusals) = &answers[3] else { panic!("{answers:?}") };
    assert_eq!(refusals.len(), 2);
    assert_eq!(refusals[0].reason, "1 of the 2 records of a request were rejected: too old");
    let request = &server.requests()[0];
    assert_eq!(request.target, "/v1/logs");
    assert_eq!(request.header("content-type"), "application/json");
    assert_eq!(String::from_utf8_lossy(&request.body), "{\"resourceLogs\":[{\"a\":1},{\"b\":[2]}]}");
}

#[test]
fn what_is_wrong_with_options_is_told_by_key() {
    let keys = |faults: Vec<crate::config::fault::Fault>| -> BTreeSet<String> {
        faults.into_iter().map(|fault| fault.key.join(".")).collect()
    };
    assert_eq!(keys(http::Options::default().check()), ["url".to_owned()].into());
    let mut options = lines("ftp://weir:hunter2@a".into());
    options.format = "xml".into();
    options.compression = "lzma".into();
    options.concurrency = 0;
    options.timeout = Span(Duration::ZERO);
    options.batch.bytes = ByteSize(0);
    options.batch.records = 0;
    options.batch.age = Span(Duration::ZERO);
    options.headers = [("Content-Type".into(), "text/plain".into())].into();
    options.secret_headers = [("a b".into(), Secret { env: Some("PATH".into()), file: None })].into();
    options.auth.user = Some("u".into());
    options.auth.bearer = Some(Secret::default());
    options.tls.ca_file = Some("/nowhere/ca.pem".into());
    let faults = options.check();
    assert!(!format!("{faults:?}").contains("hunter2"));
    let expected = [
        "auth",
        "auth.bearer",
        "batch.age",
        "batch.bytes",
        "batch.records",
        "compression",
        "concurrency",
        "format",
        "headers",
        "secret_headers",
        "timeout",
        "tls.ca_file",
        "url",
    ];
    assert_eq!(keys(faults), expected.map(str::to_owned).into());
    let mut options = elasticsearch::Options { url: "https://a?x=1".into(), ..Default::default() };
    options.index = "Weir".into();
    options.compression = "zstd".into();
    let expected = ["compression", "index", "url"].map(str::to_owned);
    assert_eq!(keys(options.check()), expected.into());
    assert_eq!(keys(splunk_hec::Options::default().check()), ["token", "url"].map(str::to_owned).into());
}
