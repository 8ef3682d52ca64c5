//! Servers on loopback that stand in for real ones.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, Weak, mpsc},
    thread,
    time::Duration,
};

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use weir_normalizer::schemas::Schema;

use crate::{
    alarm::alarm,
    budget::Budget,
    health::Board,
    metrics::Metrics,
    page::{Origin, Page, Places},
    plane::Plane,
    receipt::{Answer, Answered, Receipt},
    sinks::{Context, Delivery, Sink},
    stop::{Stopper, stop},
};

/// What a server was asked.
#[derive(Clone, Debug, Default)]
pub(in crate::sinks) struct Request {
    /// With the query.
    pub(in crate::sinks) target: String,
    /// By their names in lower case.
    pub(in crate::sinks) headers: BTreeMap<String, String>,
    /// Not compressed any more.
    pub(in crate::sinks) body: Vec<u8>,
}

impl Request {
    pub(in crate::sinks) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value)
    }

    pub(in crate::sinks) fn lines(&self) -> Vec<String> {
        String::from_utf8(self.body.clone()).unwrap().lines().map(str::to_owned).collect()
    }
}

/// What it answers.
#[derive(Clone, Debug)]
pub(in crate::sinks) enum Reply {
    Answer {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: Vec<u8>,
    },
    /// Closes the connection without a word.
    Cut,
    /// Announces more bytes than it sends, then closes the connection.
    CutBody(u16, Vec<u8>),
    /// Bytes that are no HTTP.
    Raw(Vec<u8>),
    /// Says nothing, and keeps the connection.
    Silence,
}

impl Reply {
    pub(in crate::sinks) fn status(status: u16) -> Self {
        Self::Answer { status, headers: Vec::new(), body: Vec::new() }
    }

    pub(in crate::sinks) fn body(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::Answer { status, headers: Vec::new(), body: body.into() }
    }

    pub(in crate::sinks) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        if let Self::Answer { headers, .. } = &mut self {
            headers.push((name, value.into()));
        }
        self
    }
}

/// A server.
pub(in crate::sinks) struct StandIn {
    pub(in crate::sinks) port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl StandIn {
    /// Starts one; it is asked with the number of the request.
    pub(in crate::sinks) fn start(reply: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_over(reply, |stream| stream)
    }

    /// Starts one that speaks TLS.
    pub(in crate::sinks) fn start_tls(
        config: Arc<ServerConfig>,
        reply: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::start_over(reply, move |stream| {
            StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), stream)
        })
    }

    fn start_over<S: Read + Write>(
        reply: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static,
        over: impl Fn(TcpStream) -> S + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (reply, over, seen) = (Arc::new(reply), Arc::new(over), Arc::clone(&requests));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (reply, over, seen) = (Arc::clone(&reply), Arc::clone(&over), Arc::clone(&seen));
                let stream = stream.unwrap();
                thread::spawn(move || serve(over(stream), &*reply, &seen));
            }
        });
        Self { port, requests }
    }

    pub(in crate::sinks) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// All requests so far.
    pub(in crate::sinks) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

fn serve(stream: impl Read + Write, reply: &dyn Fn(usize, &Request) -> Reply, seen: &Mutex<Vec<Request>>) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader) {
        let number = {
            let mut seen = seen.lock().unwrap();
            seen.push(request.clone());
            seen.len() - 1
        };
        let answer = reply(number, &request);
        let stream = reader.get_mut();
        match answer {
            Reply::Answer { status, headers, body } => {
                let mut head = format!("HTTP/1.1 {status} Said\r\ncontent-length: {}\r\n", body.len());
                for (name, value) in headers {
                    head.push_str(&format!("{name}: {value}\r\n"));
                }
                head.push_str("\r\n");
                // Who gave up reads no answer.
                let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
                let _ = stream.flush();
            }
            Reply::Cut => return,
            Reply::CutBody(status, body) => {
                let head = format!("HTTP/1.1 {status} Said\r\ncontent-length: {}\r\n\r\n", body.len() + 10);
                let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
                return;
            }
            Reply::Raw(bytes) => {
                let _ = stream.write_all(&bytes);
                return;
            }
            Reply::Silence => {
                // Until the other side closes it.
                let _ = reader.read(&mut [0]);
                return;
            }
        }
    }
}

fn read(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = || -> Option<String> {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|len| *len > 0)?;
        Some(line.trim_end().to_owned())
    };
    let start = line()?;
    let target = start.strip_prefix("POST ").and_then(|rest| rest.strip_suffix(" HTTP/1.1"));
    let mut request = Request { target: target.expect(&start).to_owned(), ..Request::default() };
    loop {
        let line = line()?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').unwrap();
        request.headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let mut body = vec![0; request.header("content-length").parse().unwrap()];
    reader.read_exact(&mut body).ok()?;
    request.body = match request.header("content-encoding") {
        "" => body,
        "gzip" => {
            let mut plain = Vec::new();
            flate2::read::GzDecoder::new(&body[..]).read_to_end(&mut plain).unwrap();
            plain
        }
        "zstd" => zstd::decode_all(&body[..]).unwrap(),
        other => panic!("{other}"),
    };
    Some(request)
}

/// What stands around a sink in the service.
pub(in crate::sinks) struct Surroundings {
    pub(in crate::sinks) context: Context,
    pub(in crate::sinks) metrics: Metrics,
    pub(in crate::sinks) board: Board,
    pub(in crate::sinks) stopper: Stopper,
    pub(in crate::sinks) budget: Budget,
    answers: Arc<Answers>,
    told: Mutex<mpsc::Receiver<()>>,
}

struct Answers {
    /// With whether the page was still there.
    given: Mutex<Vec<(Answer, bool)>>,
    tell: Mutex<mpsc::Sender<()>>,
}

/// Takes the answer about one page.
struct OfPage {
    answers: Arc<Answers>,
    page: Weak<Page>,
}

impl Answered for OfPage {
    fn answered(&self, _: &str, answer: Answer) {
        let is_held = self.page.upgrade().is_some();
        self.answers.given.lock().unwrap().push((answer, is_held));
        // Nobody may wait for it.
        let _ = self.answers.tell.lock().unwrap().send(());
    }
}

impl Surroundings {
    pub(in crate::sinks) fn new() -> Self {
        let (stopper, stop) = stop();
        let (metrics, board, budget) = (Metrics::new(), Board::default(), Budget::new(1 << 30));
        let context = Context {
            name: "out".into(),
            stop,
            plane: Plane::default(),
            metrics: metrics.sink("out"),
            alarm: alarm().0,
            health: board.part("sink out"),
            budget: budget.clone(),
            once: false,
            state: "51a7e".into(),
        };
        let (tell, told) = mpsc::channel();
        let answers = Arc::new(Answers { given: Mutex::default(), tell: Mutex::new(tell) });
        Self { context, metrics, board, stopper, budget, answers, told: Mutex::new(told) }
    }

    /// A page with these records, at the offsets 0, 100, 200 and so on.
    pub(in crate::sinks) fn page(&self, schema: Schema, records: &[&str]) -> Page {
        let mut bytes = records.join("\n").into_bytes();
        bytes.push(b'\n');
        let origin = Origin {
            source: "in".into(),
            pipeline: "p".into(),
            schema,
            stream: "s".into(),
            identity: 0xab,
            can_replay: true,
            places: Places::Each((0..records.len() as u64).map(|index| index * 100).collect()),
        };
        Page::new(bytes, origin).within(&self.budget)
    }

    pub(in crate::sinks) fn deliver(&self, sink: &mut dyn Sink, page: Page) {
        let page = Arc::new(page);
        let of_page = OfPage { answers: Arc::clone(&self.answers), page: Arc::downgrade(&page) };
        sink.take(Delivery { page, receipt: Receipt::new("out".into(), Arc::new(of_page)) });
    }

    /// Waits until there are so many answers, and gives all of them.
    pub(in crate::sinks) fn answers(&self, count: usize) -> Vec<Answer> {
        while self.answers.given.lock().unwrap().len() < count {
            self.told.lock().unwrap().recv_timeout(Duration::from_secs(120)).expect("an answer");
        }
        let given = self.answers.given.lock().unwrap().clone();
        given
            .into_iter()
            .map(|(answer, is_held)| {
                // Who keeps what is refused takes it from the page; else the page gives its memory back.
                let is_refused = matches!(answer, Answer::Refused(_));
                assert!(answer == Answer::Returned || is_refused == is_held, "{answer:?}");
                answer
            })
            .collect()
    }

    /// How many answers there are now.
    pub(in crate::sinks) fn answered(&self) -> usize {
        self.answers.given.lock().unwrap().len()
    }

    /// The value of a metric; 0 where it is not there.
    pub(in crate::sinks) fn metric(&self, name: &str) -> u64 {
        let text = self.metrics.text();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.map_or(0, |value| value.parse().unwrap())
    }
}
