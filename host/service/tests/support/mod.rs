//! Runs the service in this process, and counts what came out: an id for each record.

#![allow(dead_code, unreachable_pub)]

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use tempfile::TempDir;
use weir_pipeline::{Factory, Native};
use weir_service::{
    config::Config,
    service::{self, Ended, Outside, Signal},
};

/// How long anything may take before a test fails; nothing comes near it.
const PATIENCE: Duration = Duration::from_secs(120);

/// Looks until something is so.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "it never came: {what}");
        thread::park_timeout(Duration::from_millis(2));
    }
}

/// The line of a record.
pub fn line(id: u64) -> String {
    format!(
        "1 5f67944957444bd6bb4fe3b367de8f3d 1d515d18-1b36-47dc-a983-bd6512aed4bd 192.168.0.154 192.168.3.25 \
         38929 53 17 1 {id} 1548752136 1548752736 ACCEPT OK\n"
    )
}

pub fn lines(ids: Range<u64>) -> String {
    ids.map(line).collect()
}

/// Adds to a file.
pub fn append(path: &Path, text: &str) {
    let mut file = OpenOptions::new().append(true).create(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// A raw block of snappy, of literals alone.
pub fn raw_snappy(text: &str) -> Vec<u8> {
    let mut block = Vec::new();
    let mut left = text.len();
    while left > 127 {
        block.push((left & 127) as u8 | 128);
        left >>= 7;
    }
    block.push(left as u8);
    for piece in text.as_bytes().chunks(60) {
        block.push((piece.len() as u8 - 1) << 2);
        block.extend_from_slice(piece);
    }
    block
}

pub fn gzip(text: &(impl AsRef<[u8]> + ?Sized)) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(text.as_ref()).unwrap();
    out.finish().unwrap()
}

/// How often each id is in a file of records, or in those that follow it.
pub fn delivered(path: &Path) -> BTreeMap<u64, u64> {
    let mut counts = BTreeMap::new();
    let raw = fs::read(path).unwrap_or_default();
    let mut text = String::new();
    match path.extension().and_then(|e| e.to_str()) {
        Some("zst") => {
            let _ = zstd::stream::read::Decoder::new(&raw[..]).unwrap().read_to_string(&mut text);
        }
        Some("gz") => {
            let _ = flate2::read::MultiGzDecoder::new(&raw[..]).read_to_string(&mut text);
        }
        _ => text = String::from_utf8(raw).unwrap(),
    }
    // A line may be under way.
    for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        *counts.entry(record["bytes"].as_u64().unwrap()).or_default() += 1;
    }
    counts
}

/// How often each id is in the objects below a folder, compressed or not; without those that are not whole.
pub fn in_objects(folder: &Path) -> BTreeMap<u64, u64> {
    let mut counts = BTreeMap::new();
    let Ok(entries) = fs::read_dir(folder) else { return counts };
    for entry in entries.map(Result::unwrap) {
        let path = entry.path();
        let found = match path.is_dir() {
            true => in_objects(&path),
            false if entry.file_name().as_encoded_bytes().starts_with(b".") => continue,
            false => delivered(&path),
        };
        found.into_iter().for_each(|(id, n)| *counts.entry(id).or_default() += n);
    }
    counts
}

/// A place with a configuration of one file source, one pipeline and one file sink.
pub struct Place {
    pub folder: TempDir,
    pub config: String,
}

impl Default for Place {
    fn default() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().display();
        let config = format!(
            "state_dir = \"{root}/state\"\ncheckpoint = \"5ms\"\ndrain = \"60s\"\n\
             [sources.in]\ntype = \"file\"\npaths = [\"{root}/logs/*.log*\"]\npoll = \"5ms\"\nrotate_wait = \"80ms\"\n\
             [pipelines.p]\nsources = [\"in\"]\nsinks = [\"out\"]\n\
             [sinks.out]\ntype = \"file\"\npath = \"{root}/out.ndjson\"\n"
        );
        fs::create_dir(folder.path().join("logs")).unwrap();
        Self { folder, config }
    }
}

/// A service that runs.
pub struct Run {
    signals: Sender<Signal>,
    ended: Receiver<Result<Ended, String>>,
    addresses: Receiver<(String, SocketAddr)>,
    reloads: Receiver<Result<(), String>>,
}

impl Place {
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn log(&self, name: &str) -> PathBuf {
        self.folder.path().join("logs").join(name)
    }

    pub fn with(mut self, from: &str, to: &str) -> Self {
        assert!(self.config.contains(from), "{from}\n{}", self.config);
        self.config = self.config.replace(from, to);
        self
    }

    fn begin(&self, once: bool) -> Run {
        let config = Config::read("weir.toml", &self.config).unwrap();
        let (signals, from) = bounded(1);
        let (to, ended) = bounded(1);
        let (listens, addresses) = unbounded();
        let (told, reloads) = unbounded();
        let path = self.path("weir.toml");
        thread::spawn(move || {
            let native =
                |config: &weir_normalizer::Config| Ok(Arc::new(Native(config.clone())) as Arc<dyn Factory>);
            let reload = || Config::load(&path);
            let outside = Outside {
                factories: &native,
                once,
                signals: &from,
                reload: &reload,
                supervisor: &service::Nobody,
                listens: Some(listens),
                reloads: Some(told),
            };
            let result = service::run(config, &outside).map_err(|e| e.to_string());
            let _ = to.send(result);
        });
        Run { signals, ended, addresses, reloads }
    }

    /// Why it does not start.
    pub fn start_error(&self) -> String {
        self.begin(false).ended.recv_timeout(PATIENCE).unwrap().unwrap_err()
    }

    pub fn start(&self) -> Run {
        self.begin(false)
    }

    /// Runs to the end of the input.
    pub fn once(&self) {
        let run = self.begin(true);
        let ended = run.ended.recv_timeout(PATIENCE).unwrap().unwrap();
        assert_eq!(ended, Ended::default());
    }

    /// Runs to the end of the input, which it may not come to.
    pub fn once_ended(&self) -> Ended {
        self.begin(true).ended()
    }

    pub fn delivered(&self) -> BTreeMap<u64, u64> {
        delivered(&self.path("out.ndjson"))
    }

    /// Waits until exactly these records have come, each once.
    pub fn expect(&self, ids: Range<u64>) {
        let all: BTreeMap<u64, u64> = ids.map(|id| (id, 1)).collect();
        until(&format!("{all:?}, but {:?}", self.delivered()), || {
            let found = self.delivered();
            assert!(found.iter().all(|(id, n)| all.get(id) == Some(n)), "{found:?}");
            found == all
        });
    }

    /// Waits until the progress that is written says so about the streams.
    pub fn progress(&self, what: &str, is_so: impl Fn(&[weir_service::state::Stream]) -> bool) {
        until(what, || {
            let look = weir_service::state::State::look(&self.path("state"), &mut |told| panic!("{told}"));
            look.is_ok_and(|progress| is_so(progress.feeds.get("p/in").map_or(&[], Vec::as_slice)))
        });
    }

    /// Waits until this much of a file is done.
    pub fn done(&self, name: &str, offset: u64) {
        let path = self.log(name);
        self.progress(&format!("{name} done to {offset}"), |streams| {
            streams.iter().any(|s| s.path == path && s.offset == offset)
        });
    }
}

impl Run {
    /// Where it listens.
    pub fn address(&self, name: &str) -> SocketAddr {
        let (found, address) = self.addresses.recv_timeout(PATIENCE).unwrap();
        assert_eq!(found, name);
        address
    }

    /// Tells it to read the configuration of a place again; gives what came of it.
    pub fn reload(&self, place: &Place) -> Result<(), String> {
        fs::write(place.path("weir.toml"), &place.config).unwrap();
        self.signals.send(Signal::Reload).unwrap();
        let told = self.reloads.recv_timeout(PATIENCE);
        told.unwrap_or_else(|error| panic!("{error}; the service: {:?}", self.ended.try_recv()))
    }

    /// Tells it to end, and does not wait.
    pub fn signal(&self) {
        self.signals.send(Signal::End).unwrap();
    }

    /// Waits for its end.
    pub fn ended(&self) -> Ended {
        self.ended.recv_timeout(PATIENCE).unwrap().unwrap()
    }

    /// Whether it has ended.
    pub fn has_ended(&self) -> bool {
        !self.ended.is_empty()
    }

    /// Tells it to end, and waits for that.
    pub fn end(self) -> Ended {
        self.signals.send(Signal::End).unwrap();
        self.ended.recv_timeout(PATIENCE).unwrap().unwrap()
    }
}

/// Sends a request as it is, and gives the status and all of the answer.
pub fn request(address: SocketAddr, head: &str, body: &[u8]) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let length = body.len();
    let head = format!("{head}\r\nhost: weir\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    // Who refuses a body may close before it has all of it.
    let _ = stream.write_all(body);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap_or_else(|| panic!("{answer:?}")).parse().unwrap();
    (status, answer)
}
