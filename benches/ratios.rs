//! One table of ratios of times, each measured side by side in this one run.
//!
//! In a round everything runs once, so that whatever else the machine does meets all of it.
//! A ratio is that of two times of the same round; the table has their median and their
//! range, and the median of the same ratio of processor times, which counts every thread, and
//! not what else the machine does. `weir_benches::table` says what is measured; here is how.
//!
//! `cargo xtask bench --table` runs it with the guest and the host of today's source; by itself it
//! takes those that were built last.

mod engines;
mod process;
mod sandbox;

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    thread,
};

use clap::Parser;
use weir_benches::{
    records::{Form, Input, Maker, Order, Product, Source, sound, with_broken},
    stages::{COSTS_NOTHING, Counts, Framing, KEEPS_NOTHING, KEEPS_ONE_PERCENT, filtered},
    table::{self, Figure, ROWS, Rows, Unit},
};
use weir_normalizer::{Config, batch::Batch, schemas::Schema};

use self::{
    engines::Normalizing,
    process::{Peer, Time, path, timed},
    sandbox::{Guards, Sandbox, echo},
};

/// Measure ratios side by side, and print a table of them
#[derive(Debug, Parser)]
struct Args {
    /// Measure; `cargo bench` passes it. Without it, everything runs once, with little
    #[arg(long)]
    bench: bool,

    /// How many rounds
    #[arg(long, value_name = "N", default_value = "11", value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,

    /// How many records a file has; what is measured within this process gets a tenth
    #[arg(long, value_name = "N", default_value = "1000000",
          value_parser = clap::value_parser!(u32).range(1000..))]
    records: u32,

    /// How much is streamed to see how much memory it takes, in MB
    #[arg(long, value_name = "MB", default_value = "1000")]
    stream: usize,

    /// Compare with other people's programs too, which have to be there
    #[arg(long)]
    peers: bool,

    /// Tell the median times on standard error, too
    #[arg(long)]
    times: bool,

    /// Put the table into the README, if every row was measured
    #[arg(long)]
    write: bool,
}

/// How much is measured.
struct Size {
    /// Of a file.
    records: usize,
    rounds: usize,
    /// Bytes.
    stream: usize,
    /// Whether times are told.
    times: bool,
}

const SMOKE: Size = Size { records: 20_000, rounds: 1, stream: 8_000_000, times: false };

fn main() -> ExitCode {
    let args = Args::parse();
    if !args.bench {
        measure(&SMOKE, false);
        println!("ratios: everything gave what it should; nothing was measured");
        return ExitCode::SUCCESS;
    }
    let size = Size {
        records: args.records as usize,
        rounds: args.rounds.into(),
        stream: args.stream * 1_000_000,
        times: args.times,
    };
    let figures = measure(&size, args.peers);
    let caption = caption(&size);
    print!("{}{caption}", table::write(&figures, Rows::All));
    if args.write {
        if figures.len() < ROWS.len() {
            eprintln!("weir: README.md stays as it is, because some rows need --peers");
            return ExitCode::SUCCESS;
        }
        let table = table::write(&figures, Rows::Readme) + &caption;
        let readme = path("README.md");
        let replaced = fs::read_to_string(&readme).ok().and_then(|text| table::replaced(&text, &table));
        if replaced.and_then(|text| fs::write(&readme, text).ok()).is_none() {
            eprintln!("weir: README.md can't be written, or has no place for the table");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn caption(size: &Size) -> String {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    format!(
        "\nA machine with {cores} cores; {} rounds. Files have {} records and are read from the page \
         cache; all output goes to `/dev/null`. One job is one busy thread, which reads and \
         normalizes, beside which one writes; the ratio of processor times counts both. Batches were \
         framed before. DuckDB and VRL are asked when they have started, and addresses stay text to them.\n",
        size.rounds, size.records
    )
}

/// Something to be measured.
struct Workload<'a> {
    /// Does all of it, checks what came of it, and says how long it took.
    run: Box<dyn FnMut() -> Time + 'a>,
    /// A time for each round.
    times: Vec<Time>,
}

/// A row that is a ratio of two workloads, which it names by their numbers.
struct Ratio {
    id: &'static str,
    of: usize,
    against: usize,
}

/// What is measured, and what is made of it.
#[derive(Default)]
struct Plan<'a> {
    workloads: Vec<Workload<'a>>,
    ratios: Vec<Ratio>,
}

impl<'a> Plan<'a> {
    /// Adds something that takes its own time; its number is the answer.
    fn add(&mut self, run: impl FnMut() -> Time + 'a) -> usize {
        self.workloads.push(Workload { run: Box::new(run), times: Vec::new() });
        self.workloads.len() - 1
    }

    /// Adds something that this process does, which has to make the same each time.
    fn counting(&mut self, mut run: impl FnMut() -> Counts + 'a) -> (usize, Counts) {
        let expected = run();
        (self.add(move || timed(|| assert_eq!(run(), expected))), expected)
    }

    /// Batches to bytes.
    fn normalizing(&mut self, mut engine: Normalizing, input: &'a Framed) -> (usize, Counts) {
        let (number, counts) = self.counting(move || engine.batches(&input.batches));
        assert_eq!(counts.normalized + counts.filtered + counts.rejected, input.input.records);
        (number, counts)
    }

    /// The same, in a sandbox of one's own.
    fn sandboxed(&mut self, mut sandbox: Sandbox, input: &'a Framed) -> usize {
        let (number, counts) = self.counting(move || sandbox.batches(&input.batches));
        assert_eq!(counts.normalized, input.input.records);
        number
    }

    /// The same with a filter that keeps few records.
    fn filtering(&mut self, filter: &str, networks: usize, input: &'a Framed) -> usize {
        let engine = Normalizing::native(&filtered(filter, networks));
        let (number, counts) = self.normalizing(engine, input);
        assert!(counts.normalized > 0 && counts.normalized * 40 < counts.filtered, "{filter}: {counts:?}");
        number
    }

    /// Bytes to bytes, natively.
    fn bytes_to_bytes(&mut self, bytes: &'a [u8]) -> usize {
        let (mut framing, mut engine) = (Framing::new(), Normalizing::native(&Config::default()));
        self.counting(move || engine.input(&mut framing, bytes)).0
    }

    /// Something that another program does.
    fn peer(&mut self, mut peer: Peer, workload: String, records: &'a Records) -> usize {
        self.add(move || peer.ask(&workload, &records.path, records.sound))
    }

    /// A row: the time of one workload divided by that of another.
    fn ratio(&mut self, id: &'static str, of: usize, against: usize) {
        self.ratios.push(Ratio { id, of, against });
    }

    fn round(&mut self, number: usize) {
        let n = self.workloads.len();
        // Each time another one is the first.
        for i in 0..n {
            let workload = &mut self.workloads[(i + number) % n];
            let time = (workload.run)();
            workload.times.push(time);
        }
    }

    fn tell_times(&self) {
        let median = |number: usize| {
            let mut times: Vec<_> = self.workloads[number].times.iter().map(|t| t.wall).collect();
            times.sort();
            times[(times.len() - 1) / 2].as_secs_f64() * 1e3
        };
        for row in &self.ratios {
            eprintln!("weir: {}: {:.2} ms / {:.2} ms", row.id, median(row.of), median(row.against));
        }
    }

    fn figures(&self) -> Vec<Figure> {
        let figure = |row: &Ratio| {
            let rounds = self.workloads[row.of].times.iter().zip(&self.workloads[row.against].times);
            let ratios = |time: fn(&Time) -> f64| rounds.clone().map(|(a, b)| time(a) / time(b)).collect();
            Figure {
                id: row.id,
                samples: ratios(|t| t.wall.as_secs_f64()),
                processor: ratios(|t| t.processor.as_secs_f64()),
            }
        };
        self.ratios.iter().map(figure).collect()
    }
}

/// An input with its batches.
struct Framed {
    input: Input,
    batches: Vec<Batch>,
}

impl Framed {
    fn new(input: Input) -> Self {
        Self { batches: Framing::new().batches(&input.bytes), input }
    }
}

/// A file of records, which is removed at the end.
struct Records {
    path: PathBuf,
    sound: usize,
    broken: usize,
}

impl Records {
    fn new(name: &str, order: Order) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        let mut file = File::create(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let (mut maker, mut piece) = (Maker::new(order), Vec::new());
        while maker.make(&mut piece) {
            if piece.len() >= 1 << 20 {
                file.write_all(&piece).expect("there is room for the records");
                piece.clear();
            }
        }
        file.write_all(&piece).expect("there is room for the records");
        Self { path, sound: order.records - maker.broken(), broken: maker.broken() }
    }

    /// The time of a run of the host over it.
    fn run(&self, arguments: &[&str]) -> Time {
        process::run(arguments, &self.path, self.sound, self.broken)
    }
}

impl Drop for Records {
    fn drop(&mut self) {
        // What can't be removed is below the build's folder.
        let _ = fs::remove_file(&self.path);
    }
}

/// Text lines, keyed JSON and pages of JSON.
const SOURCES: [Source; 3] = [
    Source::usual(Product::HuaweiVpc),
    Source::usual(Product::AlibabaVpc),
    Source::usual(Product::HuaweiCfw),
];

/// Other forms, which are compared with keyed JSON, and their rows.
const FORMS: [(&str, Source); 6] = [
    ("form-lts-query", Source { product: Product::HuaweiVpc, form: Form::LtsQuery }),
    ("form-lts-structured", Source { product: Product::HuaweiVpc, form: Form::LtsStructured }),
    ("form-lts-transfer", Source { product: Product::HuaweiVpc, form: Form::LtsTransfer }),
    ("form-waf-access", Source::usual(Product::HuaweiWafAccess)),
    ("form-loong-collector", Source { product: Product::AlibabaVpc, form: Form::LoongCollector }),
    ("form-flat", Source::usual(Product::Flat)),
];

/// The schemas that are compared with the flat one.
const RICH: [Schema; 3] = [Schema::Ocsf, Schema::Ecs, Schema::Otel];

/// All that the workloads work on.
struct Inputs {
    size: usize,
    framed: [Framed; 3],
    forms: [Framed; FORMS.len()],
    broken: [Framed; 3],
    waf: Input,
    lines: Records,
    broken_lines: Records,
    guest: Vec<u8>,
    others: Option<Others>,
}

/// What only other people's programs need.
struct Others {
    keyed: Records,
    /// Of SLS and of CFW, on disk and in memory. A page a line would be one tree for a thousand
    /// records, so here a record is a line.
    trees: [(Records, Vec<u8>); 2],
}

impl Inputs {
    fn new(records: usize, peers: bool) -> Self {
        let write = |name, source, broken_per_million| {
            Records::new(name, Order { source, records, seed: 1, broken_per_million })
        };
        let keyed = |product| Source { product, form: Form::Keyed };
        let tree = |name, product| {
            let records = write(name, keyed(product), 0);
            let bytes = fs::read(&records.path).expect("it was written just now");
            (records, bytes)
        };
        Self {
            size: records / 10,
            framed: SOURCES.map(|s| Framed::new(sound(s, records / 10, 1))),
            forms: FORMS.map(|(_, source)| Framed::new(sound(source, records / 10, 1))),
            broken: SOURCES.map(|s| Framed::new(with_broken(s, records / 10, 1))),
            waf: sound(Source::usual(Product::HuaweiWaf), records / 10, 1),
            lines: write("lines", SOURCES[0], 0),
            broken_lines: write("broken-lines", SOURCES[0], 10_000),
            guest: fs::read(path("target/plugins/weir_batch.wasm")).expect("`cargo xtask build` makes it"),
            others: peers.then(|| Others {
                keyed: write("keyed", SOURCES[1], 0),
                trees: [tree("sls", Product::AlibabaVpc), tree("cfw", Product::HuaweiCfw)],
            }),
        }
    }
}

fn measure(size: &Size, peers: bool) -> Vec<Figure> {
    let inputs = Inputs::new(size.records, peers);
    let mut plan = Plan::default();
    plan.batches(&inputs);
    plan.schemas(&inputs);
    let whole = plan.processes(&inputs);
    if let Some(others) = &inputs.others {
        plan.peers(&inputs.lines, &whole, others);
    }
    let line = sound(SOURCES[0], 1, 1).bytes;
    let mut first = Vec::new();
    for round in 0..size.rounds {
        eprintln!("weir: round {} of {}", round + 1, size.rounds);
        plan.round(round);
        first.push(process::first_record(&line).as_secs_f64() * 1e3);
    }
    if size.times {
        plan.tell_times();
    }
    let mut figures = plan.figures();
    let mut put = |id, samples| figures.push(Figure { id, samples, processor: Vec::new() });
    put("first", first);
    let stream = Order { source: SOURCES[0], records: usize::MAX, seed: 1, broken_per_million: 0 };
    let memory = process::memory(stream, size.stream);
    if let Some(peaks) = memory {
        let [early, late] = peaks.map(|bytes| bytes as f64 / f64::from(1 << 20));
        put("memory", vec![late]);
        put("memory-growth", vec![late - early]);
    }
    put("size", vec![inputs.guest.len() as f64 / 1000.0]);

    let is_row = |figure: &Figure| ROWS.iter().any(|row| row.id == figure.id);
    assert!(figures.iter().all(is_row), "a figure without a row");
    for row in ROWS {
        let can_be = (peers || !row.peers) && (memory.is_some() || row.unit != Unit::Mebibytes);
        assert_eq!(figures.iter().any(|figure| figure.id == row.id), can_be, "{}", row.id);
    }
    figures
}

/// Runs of the host over text lines, by the number of the workload.
struct Whole {
    one: usize,
    one_native: usize,
    two: usize,
}

impl<'a> Plan<'a> {
    /// What this process does by itself.
    fn batches(&mut self, inputs: &'a Inputs) {
        let plain = Config::default();
        let framed = &inputs.framed;
        let native = framed.each_ref().map(|input| self.normalizing(Normalizing::native(&plain), input).0);
        for (i, id) in ["guest-lines", "guest-keyed", "guest-pages"].into_iter().enumerate() {
            let (guest, _) = self.normalizing(Normalizing::guest(&plain), &framed[i]);
            self.ratio(id, guest, native[i]);
        }
        for ((id, _), input) in FORMS.into_iter().zip(&inputs.forms) {
            let (form, counts) = self.normalizing(Normalizing::native(&plain), input);
            assert_eq!(counts.normalized, inputs.size, "{id}");
            self.ratio(id, form, native[1]);
        }
        let mut unguarded = [0; 2];
        for (i, id) in ["guards-lines", "guards-keyed"].into_iter().enumerate() {
            let [on, off] =
                [Guards::On, Guards::Off].map(|g| self.sandboxed(Sandbox::new(&inputs.guest, g), &framed[i]));
            unguarded[i] = off;
            self.ratio(id, on, off);
        }
        let boundary = self.sandboxed(Sandbox::new(&echo(), Guards::Off), &framed[0]);
        self.ratio("boundary", boundary, unguarded[0]);
        for (i, id) in ["broken-lines", "broken-keyed", "broken-pages"].into_iter().enumerate() {
            let input = &inputs.broken[i];
            let (some, counts) = self.normalizing(Normalizing::native(&plain), input);
            assert_eq!(counts.rejected, input.input.broken, "{id}");
            self.ratio(id, some, native[i]);
        }
        for (i, id) in [(0, "filter-lines"), (1, "filter-keyed")] {
            let few = self.filtering(KEEPS_ONE_PERCENT, 10, &framed[i]);
            self.ratio(id, few, native[i]);
        }
        let lists = [100_000, 10].map(|n| self.filtering("src_ip in @list", n, &framed[0]));
        self.ratio("lists", lists[0], lists[1]);
        for (i, id) in [(0, "parsing-lines"), (1, "parsing-keyed")] {
            let [(parsing, nothing), (both, all)] = [KEEPS_NOTHING, COSTS_NOTHING]
                .map(|filter| self.normalizing(Normalizing::native(&filtered(filter, 10)), &framed[i]));
            assert_eq!((nothing.filtered, all.normalized), (inputs.size, inputs.size), "{id}");
            self.ratio(id, parsing, both);
        }
        for (i, id) in ["framing-lines", "framing-keyed", "framing-pages"].into_iter().enumerate() {
            let bytes = &framed[i].input.bytes;
            let whole = self.bytes_to_bytes(bytes);
            let mut framing = Framing::new();
            let records = inputs.size;
            let alone = self.add(move || timed(|| assert_eq!(framing.count(bytes), records)));
            self.ratio(id, alone, whole);
        }
    }

    /// Bytes to bytes in the guest, in each schema against the flat one.
    fn schemas(&mut self, inputs: &'a Inputs) {
        let [lines, keyed, cfw] = inputs.framed.each_ref().map(|framed| &framed.input);
        let mut run = |config: Config, input: &'a Input| {
            let (mut framing, mut engine) = (Framing::new(), Normalizing::guest(&config));
            let (number, counts) = self.counting(move || engine.input(&mut framing, &input.bytes));
            assert_eq!(counts.normalized + counts.filtered, input.records);
            number
        };
        let in_schema = |to| Config { to, ..Config::default() };
        let mut ratios = Vec::new();
        for (input, ids) in [
            (lines, ["ocsf-lines", "ecs-lines", "otel-lines"]),
            (keyed, ["ocsf-keyed", "ecs-keyed", "otel-keyed"]),
            (&inputs.waf, ["ocsf-waf", "ecs-waf", "otel-waf"]),
            (cfw, ["ocsf-cfw", "ecs-cfw", "otel-cfw"]),
        ] {
            let flat = run(in_schema(Schema::Flat), input);
            for (to, id) in RICH.into_iter().zip(ids) {
                ratios.push((id, run(in_schema(to), input), flat));
            }
        }
        for (to, id) in RICH.into_iter().zip(["filter-ocsf", "filter-ecs", "filter-otel"]) {
            let few = run(Config { to, ..filtered(KEEPS_ONE_PERCENT, 10) }, lines);
            ratios.push((id, few, run(in_schema(to), lines)));
        }
        for (id, of, against) in ratios {
            self.ratio(id, of, against);
        }
    }

    /// The host as people start it.
    fn processes(&mut self, inputs: &'a Inputs) -> Whole {
        let Inputs { lines, broken_lines, .. } = inputs;
        let one = self.add(|| lines.run(&["--jobs", "1"]));
        let one_native = self.add(|| lines.run(&["--jobs", "1", "--native"]));
        let two = self.add(|| lines.run(&["--jobs", "2"]));
        let one_broken = self.add(|| broken_lines.run(&["--jobs", "1"]));
        let limit = self.add(|| timed(|| assert_eq!(process::count_lines(&lines.path), lines.sound)));
        self.ratio("guest-process", one, one_native);
        self.ratio("jobs", one, two);
        self.ratio("broken-process", one_broken, one);
        self.ratio("limit", one, limit);
        Whole { one, one_native, two }
    }

    /// Other people's programs beside it.
    fn peers(&mut self, lines: &'a Records, whole: &Whole, others: &'a Others) {
        let duckdb = || {
            let python = path("target/python/peers/bin/python");
            Peer::start(Command::new(python).arg(path("benches/peers/duckdb_peer.py")))
        };
        for (id, threads, weir) in [
            ("duckdb-guest", 1, whole.one),
            ("duckdb-native", 1, whole.one_native),
            ("duckdb-2", 2, whole.two),
        ] {
            let theirs = self.peer(duckdb(), format!("huawei-vpc {threads} json"), lines);
            self.ratio(id, theirs, weir);
        }
        let theirs = self.peer(duckdb(), "alibaba-vpc 1 json".into(), &others.keyed);
        let ours = self.add(|| others.keyed.run(&["--jobs", "1"]));
        self.ratio("duckdb-keyed", theirs, ours);
        let theirs = self.peer(duckdb(), "huawei-vpc 1 parquet".into(), lines);
        let ours = self.add(|| lines.run(&["--jobs", "1", "--to", "parquet"]));
        self.ratio("duckdb-parquet", theirs, ours);

        let parsers = || Peer::start(&mut Command::new(path("target/peers/release/weir-peers")));
        let theirs = self.peer(parsers(), "vrl".into(), lines);
        self.ratio("vrl", theirs, whole.one);
        let baked = self.peer(parsers(), "baked-vrl".into(), lines);
        self.ratio("vrl-baked", baked, theirs);
        let ids = [["simd-json-sls", "sonic-rs-sls"], ["simd-json-cfw", "sonic-rs-cfw"]];
        for ((records, bytes), ids) in others.trees.iter().zip(ids) {
            let ours = self.bytes_to_bytes(bytes);
            for (id, parser) in ids.into_iter().zip(["simd-json", "sonic-rs"]) {
                let theirs = self.peer(parsers(), parser.into(), records);
                self.ratio(id, ours, theirs);
            }
        }
    }
}
