//! One table of ratios of times, each measured side by side in this one run.
//!
//! In a round everything runs once, so that whatever else the machine does meets all of it.
//! A ratio is that of two times of the same round; the table has their median, their middle
//! half, which tells how steady they are, and the range of all.

use std::{
    env,
    process::ExitCode,
    time::{Duration, Instant},
};

use weir_benches::{
    records::{Input, Product, Source, sound, with_broken},
    stages::{Counts, Framing, KEEPS_ONE_PERCENT, Normalizing, filtered},
};
use weir_normalizer::Config;

const USAGE: &str = "\
Usage: ratios [--smoke | --bench]

  --bench  measure, and print a table; `cargo bench` passes it
  --smoke  run everything once with little, to see that it works; the default";

/// How much is measured.
struct Size {
    records: usize,
    rounds: usize,
}

const MEASURED: Size = Size { records: 100_000, rounds: 31 };
/// What is measured beside each other.
const SOURCES: [Source; 3] = [
    Source::usual(Product::HuaweiVpc),
    Source::usual(Product::HuaweiCfw),
    Source::usual(Product::AlibabaVpc),
];
const SMOKE: Size = Size { records: 2_000, rounds: 1 };

fn main() -> ExitCode {
    let (mut bench, mut smoke) = (false, false);
    for argument in env::args().skip(1) {
        match argument.as_str() {
            "--bench" => bench = true,
            "--smoke" => smoke = true,
            _ => {
                eprintln!("ratios: there is no argument {argument:?}\n\n{USAGE}");
                return ExitCode::from(2);
            }
        }
    }
    if bench && !smoke {
        print!("{}", measure(&MEASURED));
    } else {
        measure(&SMOKE);
        println!("ratios: everything gave what it should; nothing was measured");
    }
    ExitCode::SUCCESS
}

/// Something to be measured.
struct Workload<'a> {
    /// What its time is divided by.
    per: f64,
    /// Does all of it, and checks what came of it.
    run: Box<dyn FnMut() + 'a>,
    /// A time for each round.
    times: Vec<Duration>,
}

/// What is measured, by the number of the workload.
#[derive(Default)]
struct Workloads<'a>(Vec<Workload<'a>>);

impl<'a> Workloads<'a> {
    /// Adds something whose time counts per unit of `per`.
    fn add(&mut self, per: usize, run: impl FnMut() + 'a) -> usize {
        self.0.push(Workload { per: per as f64, run: Box::new(run), times: Vec::new() });
        self.0.len() - 1
    }

    /// Normalizing alone, of this configuration.
    fn normalizing(
        &mut self,
        input: &'a Framed,
        config: &Config,
        check: impl FnOnce(&Counts) -> bool,
    ) -> usize {
        let mut normalizing = Normalizing::new(config);
        let expected = normalizing.batches(&input.batches);
        let balance = expected.normalized + expected.filtered + expected.rejected;
        assert!(balance == input.input.records && check(&expected), "{expected:?}");
        self.add(input.input.records, move || assert_eq!(normalizing.batches(&input.batches), expected))
    }

    fn round(&mut self, number: usize) {
        let n = self.0.len();
        // Each time another one is the first.
        for i in 0..n {
            let workload = &mut self.0[(i + number) % n];
            let begin = Instant::now();
            (workload.run)();
            workload.times.push(begin.elapsed());
        }
    }

    /// The ratios of two workloads, one for each round, in order.
    fn ratios(&self, of: usize, against: usize) -> Vec<f64> {
        let (of, against) = (&self.0[of], &self.0[against]);
        let time = |w: &Workload<'_>, i: usize| w.times[i].as_secs_f64() / w.per;
        let mut ratios: Vec<f64> = (0..of.times.len()).map(|i| time(of, i) / time(against, i)).collect();
        ratios.sort_by(f64::total_cmp);
        ratios
    }
}

/// An input with its batches.
struct Framed {
    input: Input,
    batches: Vec<weir_normalizer::batch::Batch>,
}

impl Framed {
    fn new(input: Input) -> Self {
        Self { batches: Framing::new().batches(&input.bytes), input }
    }
}

fn measure(size: &Size) -> String {
    let inputs = SOURCES.map(|s| Framed::new(sound(s, size.records, 1)));
    let broken = SOURCES.map(|s| Framed::new(with_broken(s, size.records, 1)));
    let plain = Config::default();
    let mut workloads = Workloads::default();
    // What is asked, the goal, and the two workloads.
    let mut rows: Vec<(String, &str, usize, usize)> = Vec::new();

    let [vpc, cfw, alibaba] = inputs
        .each_ref()
        .map(|input| workloads.normalizing(input, &plain, |c| c.normalized == input.input.records));
    for (input, all, source) in [(&inputs[0], vpc, SOURCES[0]), (&inputs[2], alibaba, SOURCES[2])] {
        let few = workloads.normalizing(input, &filtered(KEEPS_ONE_PERCENT, 10), |c| {
            c.rejected == 0 && c.normalized * 40 < c.filtered && c.normalized > 0
        });
        let what = format!("a filter that drops 99 % / writing everything, {}", source.name());
        rows.push((what, "", few, all));
    }
    let lists = [10, 100_000].map(|networks| {
        workloads.normalizing(&inputs[0], &filtered("src_ip in @list", networks), |c| {
            c.rejected == 0 && c.normalized * 40 < c.filtered && c.normalized > 0
        })
    });
    let what = format!("a list of 100,000 networks / one of 10, {}", SOURCES[0].name());
    rows.push((what, "at most 2", lists[1], lists[0]));
    for (i, sound) in [vpc, cfw, alibaba].into_iter().enumerate() {
        let input = &broken[i].input;
        let some = workloads.normalizing(&broken[i], &plain, |c| c.rejected == input.broken);
        let what = format!("1 % broken records / none, {}", SOURCES[i].name());
        rows.push((what, "at most 1.1", some, sound));
    }
    let whole = inputs.each_ref().map(|input| {
        let (mut framing, mut normalizing) = (Framing::new(), Normalizing::new(&Config::default()));
        let expected = normalizing.batches(&input.batches);
        let bytes = &input.input.bytes;
        workloads.add(bytes.len(), move || assert_eq!(normalizing.input(&mut framing, bytes), expected))
    });
    for (i, name) in [(2, "JSON lines, alibaba-vpc"), (1, "JSON pages, huawei-cfw")] {
        let what = format!("framing and normalizing a byte: {name} / text lines, huawei-vpc");
        rows.push((what, "", whole[i], whole[0]));
    }
    for (i, input) in inputs.iter().enumerate() {
        let mut framing = Framing::new();
        let Input { bytes, records, .. } = &input.input;
        let alone = workloads.add(bytes.len(), move || assert_eq!(framing.count(bytes), *records));
        let what = format!("framing alone / framing and normalizing, {}", SOURCES[i].name());
        rows.push((what, "", alone, whole[i]));
    }

    for round in 0..size.rounds {
        workloads.round(round);
    }
    let mut table = String::from(
        "| time of one / of the other | goal | median | middle half | range |\n|---|---|---|---|---|\n",
    );
    for (what, goal, of, against) in rows {
        let ratios = workloads.ratios(of, against);
        // The one that so many quarters of all do not exceed.
        let at = |quarters: usize| ratios[(ratios.len() - 1) * quarters / 4];
        let [least, low, median, high, most] = [0, 1, 2, 3, 4].map(at);
        table +=
            &format!("| {what} | {goal} | {median:.2} | {low:.2} to {high:.2} | {least:.2} to {most:.2} |\n");
    }
    table
        + &format!(
            "\nNative code, one thread, {} records each, {} rounds. Where framing is not named, the time \
         is that of normalizing records that were framed before.\n",
            size.records, size.rounds
        )
}
