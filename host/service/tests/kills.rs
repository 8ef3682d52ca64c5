//! The service as a process that is killed at any moment.
//!
//! The process is this program itself, which runs the service where the environment names a
//! configuration, and else the test. `cargo xtask soak --kills 200` runs it for longer: `WEIR_KILLS` says
//! how often the service is killed.

mod support;

use std::{
    collections::BTreeMap,
    env,
    fs::{self, OpenOptions},
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
};

use crossbeam_channel::bounded;
use support::{line, until};
use tempfile::TempDir;
use weir_pipeline::{Factory, Native};
use weir_service::{
    config::Config,
    service::{self, Outside, Signal},
    state::State,
};

const CONFIG: &str = "WEIR_TEST_CONFIG";
/// Where the sinks of the file source write.
const FOLDERS: [&str; 3] = ["plain", "packed", "objects"];

fn main() {
    match env::var_os(CONFIG) {
        Some(path) => serve(path.as_ref()),
        None => killed_again_and_again_nothing_is_lost(),
    }
}

/// What is killed.
fn serve(path: &Path) {
    let config = Config::load(path).unwrap();
    let (signals, from) = bounded(1);
    // It is to end when its standard input ends.
    thread::spawn(move || {
        let _ = io::stdin().read_to_end(&mut Vec::new());
        let _ = signals.send(Signal::End);
    });
    let (listens, addresses) = bounded(1);
    thread::spawn(move || {
        for (_, address) in addresses {
            println!("listens {address}");
        }
    });
    let native = |config: &weir_normalizer::Config| Ok(Arc::new(Native(config.clone())) as Arc<dyn Factory>);
    let reload = || Config::load(path);
    let outside = Outside {
        factories: &native,
        once: false,
        signals: &from,
        reload: &reload,
        supervisor: &service::Nobody,
        listens: Some(listens),
        reloads: None,
    };
    assert_eq!(service::run(config, &outside).unwrap(), Default::default());
}

/// How often each id is in the files of a folder.
fn delivered(folder: &Path) -> BTreeMap<u64, u64> {
    support::in_objects(folder)
}

/// A configuration with a file source and an HTTP source, and a file sink for each.
struct Place {
    folder: TempDir,
    config: PathBuf,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().display();
        let text = format!(
            "state_dir = \"{root}/state\"\ncheckpoint = \"20ms\"\n\
             [sources.files]\ntype = \"file\"\npaths = [\"{root}/logs/*.log*\"]\npoll = \"5ms\"\nrotate_wait = \"100ms\"\n\
             [sources.requests]\ntype = \"http\"\nlisten = \"127.0.0.1:0\"\n\
             [pipelines.files]\nsources = [\"files\"]\nsinks = [\"plain\", \"packed\", \"objects\"]\n\
             [pipelines.requests]\nsources = [\"requests\"]\nsinks = [\"requests\", \"kept\"]\n\
             [sinks.plain]\ntype = \"file\"\npath = \"{root}/plain/out.ndjson\"\nmax_size = \"1MiB\"\n\
             [sinks.packed]\ntype = \"file\"\npath = \"{root}/packed/{{date}}.ndjson.zst\"\n\
             [sinks.objects]\ntype = \"object_store\"\nurl = \"{root}/objects/\"\nbatch = {{ bytes = \"64KiB\", age = \"1s\" }}\n\
             [sinks.requests]\ntype = \"file\"\npath = \"{root}/requests/out.ndjson\"\nbuffer = false\n\
             [sinks.kept]\ntype = \"file\"\npath = \"{root}/kept/out.ndjson\"\n"
        );
        fs::create_dir(folder.path().join("logs")).unwrap();
        let config = folder.path().join("weir.toml");
        fs::write(&config, text).unwrap();
        Self { folder, config }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Whether the progress that is on disk has every log to its end.
    fn is_settled(&self) -> bool {
        let look = State::look(&self.path("state"), &mut |told| panic!("{told}")).unwrap();
        let streams = look.feeds.get("files/files").map_or(&[][..], Vec::as_slice);
        let is_done = |log: fs::Metadata| {
            log.len() == 0 || streams.iter().any(|s| s.inode == log.ino() && s.offset == log.len())
        };
        fs::read_dir(self.path("logs")).unwrap().all(|entry| is_done(entry.unwrap().metadata().unwrap()))
    }

    /// Starts it; gives where it listens.
    fn start(&self) -> (Child, SocketAddr) {
        let mut child = Command::new(env::current_exe().unwrap())
            .env(CONFIG, &self.config)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        let mut said = said.lines().map_while(Result::ok);
        let address = said.find_map(|line| line.strip_prefix("listens ")?.parse().ok()).expect("it listens");
        // What it says later is of no interest, and must not fill the pipe.
        thread::spawn(move || said.for_each(drop));
        (child, address)
    }
}

/// What one sink has, of which some is settled: the progress that is on disk says that it is done.
#[derive(Default)]
struct Account {
    /// Ids below this one are settled.
    settled: u64,
    /// How often each of them had come by then.
    found: BTreeMap<u64, u64>,
}

impl Account {
    /// Checks what has come against what may: nothing that is settled comes again, and another record
    /// once more with each kill since it was written. `kills` has how many records were written at each.
    fn check(&self, what: &str, found: &BTreeMap<u64, u64>, kills: &[u64]) {
        for (&id, &times) in found {
            if id < self.settled {
                assert_eq!(self.found.get(&id), Some(&times), "{what}: {id} was settled");
            } else {
                let since = kills.iter().filter(|written| id < **written).count() as u64;
                assert!(times <= 1 + since, "{what}: {id} came {times} times, with {since} kills since");
            }
        }
        assert!(self.found.keys().all(|id| found.contains_key(id)), "{what}: something settled is gone");
    }
}

/// Sends records; gives whether they are safe.
fn post(address: SocketAddr, body: &str) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else { return false };
    let head = format!(
        "POST / HTTP/1.1\r\nhost: weir\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut answer = String::new();
    let sent = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
    sent.and_then(|()| stream.read_to_string(&mut answer)).is_ok() && answer.starts_with("HTTP/1.1 200 ")
}

/// Tells it to end, and waits for that.
fn end(mut child: Child) {
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

/// Numbers without order, the same in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// Cases 18, 19 and 24: killed at any moment, with files that are written and rotated meanwhile, and
/// with requests. Everything that was written or answered for comes out, and only what the progress on
/// disk did not have comes again.
fn killed_again_and_again_nothing_is_lost() {
    let kills: u64 = env::var("WEIR_KILLS").ok().map_or(6, |n| n.parse().unwrap());
    let place = Place::new();
    let log = place.path("logs/a.log");
    let mut random = Random(kills);
    let (mut written, mut sent, mut safe) = (0, 1_000_000_000, Vec::new());
    let (mut accounts, mut written_at) = ([(); 3].map(|()| Account::default()), Vec::new());
    for kill in 0..kills {
        let (mut child, address) = place.start();
        for _ in 0..=random.below(20) {
            let mut file = OpenOptions::new().append(true).create(true).open(&log).unwrap();
            for _ in 0..random.below(200) {
                file.write_all(line(written).as_bytes()).unwrap();
                written += 1;
            }
            if random.below(8) == 0 {
                fs::rename(&log, place.path(&format!("logs/a.log.{kill}.{written}"))).unwrap();
            }
            let ids = sent..sent + random.below(50);
            sent = ids.end;
            if post(address, &ids.clone().map(line).collect::<String>()) {
                safe.extend(ids);
            }
        }
        // The moment depends on how far it came: after some of the last records, or before.
        let wait = random.below(3) * written / 3;
        until("some of it", || random.below(4) == 0 || delivered(&place.path("plain")).len() as u64 >= wait);
        if random.below(3) == 0 {
            until("all of it on disk", || place.is_settled());
            for (account, folder) in accounts.iter_mut().zip(FOLDERS) {
                *account = Account { settled: written, found: delivered(&place.path(folder)) };
                assert!(account.found.keys().copied().eq(0..written), "{folder}: settled, and not there");
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        written_at.push(written);
        for (account, folder) in accounts.iter().zip(FOLDERS) {
            account.check(folder, &delivered(&place.path(folder)), &written_at);
        }
        let found = delivered(&place.path("requests"));
        assert!(
            safe.iter().all(|id| found.contains_key(id)),
            "kill {kill}: what was answered with 200 is lost"
        );
    }
    let (child, address) = place.start();
    for (account, folder) in accounts.iter().zip(FOLDERS) {
        until(&format!("all of {written} in {folder}"), || {
            delivered(&place.path(folder)).len() as u64 >= written
        });
        let found = delivered(&place.path(folder));
        assert!(found.keys().copied().eq(0..written), "{folder}: nothing unknown, nothing lost");
        account.check(folder, &found, &written_at);
        let twice: u64 = found.values().map(|n| n - 1).sum();
        println!("{folder}: {written} records, {twice} of them again after {kills} kills");
    }
    // A fresh record gets through, and the end is in order.
    assert!(post(address, &line(sent)));
    safe.push(sent);
    end(child);
    // With a buffer in front of it, and without.
    for folder in ["requests", "kept"] {
        let found = delivered(&place.path(folder));
        assert!(safe.iter().all(|id| found.contains_key(id)), "{folder}: what was answered with 200 is lost");
        assert!(found.keys().all(|id| (1_000_000_000..=sent).contains(id)));
    }
    // After an end in order nothing comes again.
    let before = delivered(&place.path("plain"));
    let (child, _) = place.start();
    let mut file = OpenOptions::new().append(true).create(true).open(&log).unwrap();
    file.write_all(line(written).as_bytes()).unwrap();
    until("the fresh record", || delivered(&place.path("plain")).contains_key(&written));
    end(child);
    let mut after = delivered(&place.path("plain"));
    assert_eq!(after.remove(&written), Some(1));
    assert_eq!(after, before);
}
