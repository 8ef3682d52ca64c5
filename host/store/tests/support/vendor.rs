//! A server that stands in for OSS and OBS. It takes no request whose signature is not the vendor's, as
//! their documentation has it:
//!
//! - OSS, version 1: `OSS KEY:SIGNATURE`, over the object's name as it is;
//! - OBS: `OBS KEY:SIGNATURE`, over the object's name as it stands in the URL.
//!
//! Both sign the method, Content-MD5, Content-Type, Date, their own headers and the resource with
//! HMAC-SHA1. The bucket stands in the path, as the host is an address.

// Several tests use it, each some of it.
#![allow(dead_code)]

use std::{
    collections::{BTreeMap, HashMap},
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread,
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

pub(crate) const BUCKET: &str = "flows";
pub(crate) const KEY: &str = "weir";
pub(crate) const SECRET: &str = "weir-secret";

/// Keys of a page, fewer than are asked for.
const PAGE: usize = 5;

/// Objects whose keys begin so are cut short a few times.
const CUT: &str = "cut/";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Vendor {
    Oss,
    Obs,
}

impl Vendor {
    fn scheme(self) -> &'static str {
        match self {
            Self::Oss => "OSS",
            Self::Obs => "OBS",
        }
    }

    fn header(self) -> &'static str {
        match self {
            Self::Oss => "x-oss-",
            Self::Obs => "x-obs-",
        }
    }

    /// What of a query is signed, of what this server knows.
    fn is_signed(self, name: &str) -> bool {
        matches!(name, "uploads" | "uploadId" | "partNumber" | "delete")
            || (self == Self::Oss && matches!(name, "continuation-token" | "versionId"))
    }
}

#[derive(Default)]
struct State {
    objects: BTreeMap<String, (Vec<u8>, String)>,
    /// The parts of uploads that are not finished.
    uploads: HashMap<String, BTreeMap<usize, Vec<u8>>>,
    /// How often answers are still cut.
    cuts: usize,
    /// Whether the object is replaced with each cut.
    replaces: bool,
    /// Whether what is cut is never ended, as if the network were gone.
    stalls: bool,
    /// Whether each answer is 503.
    is_down: bool,
    /// What was asked for, a line each.
    log: Vec<String>,
    /// Counts objects and uploads.
    count: usize,
}

#[derive(Clone)]
pub(crate) struct Server {
    vendor: Vendor,
    pub(crate) endpoint: String,
    state: Arc<Mutex<State>>,
    asked: Arc<Condvar>,
}

struct Request {
    method: String,
    /// As it stands in the request.
    path: String,
    query: Vec<(String, String)>,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Request {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = tail.get(..2).filter(|_| *first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).unwrap()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

impl Server {
    pub(crate) fn start(vendor: Vendor) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let server = Self { vendor, endpoint, state: Arc::default(), asked: Arc::default() };
        let all = server.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let server = all.clone();
                thread::spawn(move || server.serve(stream.unwrap()));
            }
        });
        server
    }

    /// Has that many answers of objects below `cut/` end in the middle, and the objects replaced then.
    pub(crate) fn cut(&self, times: usize, replaces: bool) {
        let mut state = self.state.lock().unwrap();
        (state.cuts, state.replaces) = (times, replaces);
    }

    /// Has objects below `cut/` come to half, and no end.
    pub(crate) fn stall(&self) {
        let mut state = self.state.lock().unwrap();
        (state.cuts, state.stalls) = (usize::MAX, true);
    }

    /// From now on has no answer but 503, or has answers again.
    pub(crate) fn set_down(&self, is_down: bool) {
        self.state.lock().unwrap().is_down = is_down;
    }

    /// Waits until something that begins so was asked for.
    pub(crate) fn wait_for(&self, start: &str) {
        let state = self.state.lock().unwrap();
        drop(
            self.asked
                .wait_while(state, |state| !state.log.iter().any(|line| line.starts_with(start)))
                .unwrap(),
        );
    }

    /// An object that is there already.
    pub(crate) fn put(&self, key: &str, bytes: impl Into<Vec<u8>>) {
        let mut state = self.state.lock().unwrap();
        state.count += 1;
        let etag = format!("\"{}\"", state.count);
        state.objects.insert(key.into(), (bytes.into(), etag));
    }

    pub(crate) fn get(&self, key: &str) -> Option<Vec<u8>> {
        self.state.lock().unwrap().objects.get(key).map(|(bytes, _)| bytes.clone())
    }

    /// What was asked for since the last time.
    pub(crate) fn log(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().log)
    }

    pub(crate) fn uploads(&self) -> usize {
        self.state.lock().unwrap().uploads.len()
    }

    fn serve(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut stream = stream;
        while let Some(request) = request(&mut reader) {
            let Answer { status, headers, body, is_cut } = self.answer(&request);
            let mut head = format!("HTTP/1.1 {status}\r\n");
            let len = headers.iter().find(|(name, _)| *name == "Content-Length");
            if len.is_none() {
                head += &format!("Content-Length: {}\r\n", body.len());
            }
            headers.iter().for_each(|(name, value)| head += &format!("{name}: {value}\r\n"));
            let body = if request.method == "HEAD" { &[] } else { &body[..] };
            let sent = if is_cut { &body[..body.len() / 2] } else { body };
            let is_sent = stream.write_all(&[format!("{head}\r\n").as_bytes(), sent].concat()).is_ok();
            if is_cut && self.state.lock().unwrap().stalls {
                // Until the other side has had enough.
                let _ = reader.read_to_end(&mut Vec::new());
            }
            if !is_sent || is_cut {
                return;
            }
        }
    }

    /// Says what is wrong with the signature.
    fn refusal(&self, request: &Request) -> Option<&'static str> {
        let (scheme, prefix) = (self.vendor.scheme(), self.vendor.header());
        let Some(given) = request.header("authorization").strip_prefix(&format!("{scheme} ")) else {
            return Some("AccessDenied");
        };
        let Some((key, signature)) = given.split_once(':') else { return Some("AccessDenied") };
        if key != KEY {
            return Some("InvalidAccessKeyId");
        }
        let mut text = format!(
            "{}\n{}\n{}\n{}\n",
            request.method,
            request.header("content-md5"),
            request.header("content-type"),
            request.header("date")
        );
        for (name, value) in request.headers.iter().filter(|(name, _)| name.starts_with(prefix)) {
            text += &format!("{name}:{value}\n");
        }
        text += &match self.vendor {
            Vendor::Oss => decoded(&request.path),
            Vendor::Obs => request.path.clone(),
        };
        let mut signed: Vec<_> =
            request.query.iter().filter(|(name, _)| self.vendor.is_signed(name)).collect();
        signed.sort();
        for (i, (name, value)) in signed.into_iter().enumerate() {
            text.push(if i == 0 { '?' } else { '&' });
            text += name;
            if !value.is_empty() {
                text += &format!("={value}");
            }
        }
        let mut mac = Hmac::<Sha1>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(text.as_bytes());
        let expected = BASE64.encode(mac.finalize().into_bytes());
        (signature != expected).then_some("SignatureDoesNotMatch")
    }

    fn answer(&self, request: &Request) -> Answer {
        let (bucket, key) = request.path[1..].split_once('/').unwrap_or((&request.path[1..], ""));
        let key = decoded(key);
        let mut state = self.state.lock().unwrap();
        let extra = ["range", "if-match"].map(|name| match request.header(name) {
            "" => String::new(),
            value => format!(" {name} {value}"),
        });
        state.log.push(format!("{} {key}{}{}", request.method, extra[0], extra[1]));
        self.asked.notify_all();
        if state.is_down {
            return Answer::refused(503, "ServiceUnavailable");
        }
        if let Some(code) = self.refusal(request) {
            return Answer::refused(403, code);
        }
        if bucket != BUCKET {
            return Answer::refused(404, "NoSuchBucket");
        }
        let upload = request.query("uploadId").map(str::to_owned);
        match (request.method.as_str(), upload) {
            ("GET", _) if key.is_empty() => self.listing(&state, request),
            ("GET" | "HEAD", _) => {
                let Some((bytes, etag)) = state.objects.get(&key).cloned() else {
                    return Answer::refused(404, "NoSuchKey");
                };
                let answer = object(self.vendor, request, bytes.clone(), etag);
                let is_got = request.method == "GET" && answer.status < 300;
                let is_cut = is_got && key.starts_with(CUT) && state.cuts > 0;
                state.cuts -= usize::from(is_cut);
                if is_cut && state.replaces {
                    state.objects.insert(key, (bytes, "\"another\"".into()));
                }
                Answer { is_cut, ..answer }
            }
            ("PUT", None) => {
                state.count += 1;
                let etag = format!("\"{}\"", state.count);
                state.objects.insert(key, (request.body.clone(), etag.clone()));
                Answer::ok(vec![("ETag", etag)], Vec::new())
            }
            ("POST", None) if request.query("uploads").is_some() => {
                state.count += 1;
                let id = format!("upload-{}", state.count);
                state.uploads.insert(id.clone(), BTreeMap::new());
                let body = format!(
                    "<InitiateMultipartUploadResult><Bucket>{BUCKET}</Bucket><Key>{}</Key>\
                     <UploadId>{id}</UploadId></InitiateMultipartUploadResult>",
                    escaped(&key)
                );
                Answer::ok(Vec::new(), body.into_bytes())
            }
            ("PUT", Some(id)) => {
                let number: usize = request.query("partNumber").unwrap().parse().unwrap();
                let Some(parts) = state.uploads.get_mut(&id) else {
                    return Answer::refused(404, "NoSuchUpload");
                };
                parts.insert(number, request.body.clone());
                Answer::ok(vec![("ETag", format!("\"{id}-{number}\""))], Vec::new())
            }
            ("POST", Some(id)) => {
                let Some(parts) = state.uploads.remove(&id) else {
                    return Answer::refused(404, "NoSuchUpload");
                };
                // Those that it names, and all of them.
                let body = String::from_utf8_lossy(&request.body).into_owned();
                assert!(parts.keys().all(|number| body.contains(&format!("<PartNumber>{number}<"))));
                let etag = format!("\"{id}\"");
                state.objects.insert(key, (parts.into_values().flatten().collect(), etag.clone()));
                let body = format!(
                    "<CompleteMultipartUploadResult><ETag>{}</ETag></CompleteMultipartUploadResult>",
                    escaped(&etag)
                );
                Answer::ok(Vec::new(), body.into_bytes())
            }
            ("DELETE", Some(id)) => {
                state.uploads.remove(&id);
                Answer { status: 204, ..Answer::ok(Vec::new(), Vec::new()) }
            }
            ("DELETE", None) => {
                state.objects.remove(&key);
                Answer { status: 204, ..Answer::ok(Vec::new(), Vec::new()) }
            }
            _ => Answer::refused(405, "MethodNotAllowed"),
        }
    }

    fn listing(&self, state: &State, request: &Request) -> Answer {
        let prefix = request.query("prefix").unwrap_or_default();
        let after = match self.vendor {
            Vendor::Oss => request.query("continuation-token").or(request.query("start-after")),
            Vendor::Obs => request.query("marker"),
        };
        let after = decoded(after.unwrap_or_default());
        let keys = state.objects.iter().filter(|(key, _)| key.starts_with(prefix) && **key > after);
        let page: Vec<_> = keys.clone().take(PAGE).collect();
        let is_truncated = keys.count() > page.len();
        let mut body = format!("<ListBucketResult><IsTruncated>{is_truncated}</IsTruncated>");
        body += &format!("<Name>{BUCKET}</Name><Prefix>{}</Prefix><Marker></Marker>", escaped(prefix));
        if let Some((last, _)) = page.last().filter(|_| is_truncated) {
            let name = if self.vendor == Vendor::Oss { "NextContinuationToken" } else { "NextMarker" };
            body += &format!("<{name}>{}</{name}>", escaped(last));
        }
        for (key, (bytes, etag)) in page {
            body += &format!(
                "<Contents><Key>{}</Key><LastModified>2026-01-31T12:00:00.000Z</LastModified><ETag>{}</ETag>\
                 <Size>{}</Size></Contents>",
                escaped(key),
                escaped(etag),
                bytes.len()
            );
        }
        Answer::ok(Vec::new(), (body + "</ListBucketResult>").into_bytes())
    }
}

struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    /// Whether it ends in the middle.
    is_cut: bool,
}

impl Answer {
    fn ok(headers: Vec<(&'static str, String)>, body: Vec<u8>) -> Self {
        Self { status: 200, headers, body, is_cut: false }
    }

    fn refused(status: u16, code: &str) -> Self {
        let body = format!("<Error><Code>{code}</Code><Message>{code} says the server</Message></Error>");
        Self { status, ..Self::ok(Vec::new(), body.into_bytes()) }
    }
}

/// An object, or the part of it that is asked for.
fn object(vendor: Vendor, request: &Request, bytes: Vec<u8>, etag: String) -> Answer {
    if !matches!(request.header("if-match"), "" | "*") && request.header("if-match") != etag {
        return Answer::refused(412, "PreconditionFailed");
    }
    let mut headers = vec![
        ("ETag", etag),
        ("Last-Modified", "Sat, 31 Jan 2026 12:00:00 GMT".to_owned()),
        ("Content-Type", "application/octet-stream".to_owned()),
    ];
    let len = bytes.len();
    if request.method == "HEAD" {
        headers.push(("Content-Length", len.to_string()));
        return Answer::ok(headers, Vec::new());
    }
    let Some(range) = request.header("range").strip_prefix("bytes=") else {
        return Answer::ok(headers, bytes);
    };
    let (start, end) = range.split_once('-').unwrap();
    let start: usize = start.parse().unwrap();
    let last: Option<usize> = end.parse().ok();
    if vendor == Vendor::Oss && (start >= len || last.is_some_and(|last| last >= len)) {
        // As it does unless it is asked to do as others.
        return Answer::ok(headers, bytes);
    }
    let end = last.map_or(len, |last| last.saturating_add(1).min(len));
    if start >= len {
        return Answer::refused(416, "InvalidRange");
    }
    headers.push(("Content-Range", format!("bytes {start}-{}/{len}", end - 1)));
    Answer { status: 206, ..Answer::ok(headers, bytes[start..end].to_vec()) }
}

fn request(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
    let mut words = line.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (path, query) = (path.to_owned(), query.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let len = headers.get("content-length").map_or(0, |len: &String| len.parse().unwrap());
    let mut body = vec![0; len];
    reader.read_exact(&mut body).ok()?;
    let query = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    });
    Some(Request { method, path, query: query.collect(), headers, body })
}
