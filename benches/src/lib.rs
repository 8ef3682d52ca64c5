//! Records like real ones, made from a seed, and what is measured with them.

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use weir_normalizer::{
    Config, Normalizer,
    batch::{Batch, BatchView, Outcome},
    framing::Framer,
};

/// Numbers that look random and are the same for the same seed (SplitMix64).
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `end`.
    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// Below `end`, the small ones far more often, as talkers are in a network.
    fn skewed(&mut self, end: u64) -> u64 {
        let bits = self.below(u64::from(end.ilog2()) + 1);
        self.below((2 << bits).min(end))
    }

    fn address(&mut self) -> String {
        let host = self.skewed(1 << 20);
        match self.below(20) {
            0 => format!("2001:db8::{:x}:{:x}", host >> 16, host & 0xffff),
            1 | 2 => format!("{}.{}.{}.{}", 20 + self.below(80), host >> 16, host >> 8 & 255, host & 255),
            _ => format!("10.{}.{}.{}", host >> 16, host >> 8 & 255, host & 255),
        }
    }
}

/// Huawei VPC flow log lines: 1 % without traffic, and so many in a thousand broken.
pub fn huawei_vpc(records: usize, broken: u64, seed: u64) -> String {
    let mut r = Random(seed);
    let mut text = String::new();
    for i in 0..records {
        let (project, interface) = (r.skewed(64), r.skewed(256));
        let start = 1_548_752_136 + i as u64 / 50;
        let ids = format!("{project:032x} {interface:08x}-1b36-47dc-a983-bd6512aed4bd");
        let line = if r.below(100) == 0 {
            format!("1 {ids} - - - - - - - {start} {} - NODATA", start + 600)
        } else {
            let (src, dst) = (r.address(), r.address());
            let (port, service) = (1024 + r.below(60_000), [53, 80, 443, 22, 3389][r.below(5) as usize]);
            let protocol = [6, 6, 6, 17, 1][r.below(5) as usize];
            let (packets, bytes) = (1 + r.skewed(5000), 40 + r.skewed(5_000_000));
            let action = if r.below(10) == 0 { "REJECT" } else { "ACCEPT" };
            let end = start + 600;
            format!(
                "1 {ids} {src} {dst} {port} {service} {protocol} {packets} {bytes} {start} {end} {action} OK"
            )
        };
        let line = if r.below(1000) < broken { line.replace([':', '.'], "?") } else { line };
        let _ = writeln!(text, "{line}");
    }
    text
}

/// Alibaba VPC flow log records as SLS delivers them, a JSON object a line.
pub fn alibaba_vpc(records: usize, seed: u64) -> String {
    let mut r = Random(seed);
    let mut text = String::new();
    for i in 0..records {
        let start = 1_718_000_340 + i as u64 / 50;
        let (src, dst, eni) = (r.address(), r.address(), r.skewed(1 << 16));
        let (port, packets, bytes) = (1024 + r.below(60_000), 1 + r.skewed(5000), 40 + r.skewed(5_000_000));
        let _ = writeln!(
            text,
            r#"{{"__time__":"{end}","__topic__":"flow_log","__source__":"","version":"1","account-id":"1234567890123456","eni-id":"eni-bp{eni:018x}","vm-id":"i-bp{eni:018x}","vswitch-id":"vsw-bp1b000000000000000","vpc-id":"vpc-bp1c0000000000000000","type":"IPv4","protocol":"6","srcaddr":"{src}","srcport":"{port}","dstaddr":"{dst}","dstport":"443","direction":"out","action":"ACCEPT","packets":"{packets}","bytes":"{bytes}","start":"{start}","end":"{end}","log-status":"OK","tcp-flags":"19","traffic_path":"8"}}"#,
            end = start + 60,
        );
    }
    text
}

/// A list of so many networks, a line each; the generated addresses are in none of them.
pub fn networks(count: usize) -> String {
    (0..count).map(|i| format!("172.{}.{}.{}/32\n", 16 + (i >> 16), i >> 8 & 255, i & 255)).collect()
}

/// What is measured: an input in batches, and what is done with it.
#[derive(Debug)]
pub struct Case {
    /// What the table calls it.
    pub name: &'static str,
    batches: Vec<Batch>,
    normalizer: Normalizer,
    /// How many records must come out, and how many must be filtered or rejected.
    expected: (u32, u32),
}

impl Case {
    /// Frames the input; the first run tells what every other one must make.
    pub fn new(name: &'static str, input: &str, config: &Config) -> Self {
        let mut framer = Framer::new(config).expect("a good configuration");
        framer.push(input.as_bytes());
        framer.finish();
        let batches = std::iter::from_fn(|| framer.next_batch()).collect();
        let normalizer = Normalizer::new(config).expect("a good configuration");
        let mut case = Self { name, batches, normalizer, expected: (0, 0) };
        case.expected = case.normalize();
        case
    }

    /// How many records come out.
    pub fn normalized(&self) -> u32 {
        self.expected.0
    }

    fn normalize(&mut self) -> (u32, u32) {
        let (mut head, mut outcome, mut made) = (Vec::new(), Outcome::default(), (0, 0));
        for batch in &self.batches {
            let all = 0..batch.elements.len();
            batch.encode_head(all.clone(), &mut head);
            let view = BatchView::split(&head, batch.window(all)).expect("the head was written just now");
            let mut first = 0;
            while first < view.len() {
                self.normalizer.run(&view, first, &mut outcome);
                first = outcome.next as usize;
                made.0 += outcome.normalized;
                made.1 += outcome.filtered + outcome.rejected;
            }
        }
        made
    }

    /// Normalizes all of it; the result is checked every time.
    pub fn time(&mut self) -> Duration {
        let begun = Instant::now();
        let made = self.normalize();
        let took = begun.elapsed();
        assert_eq!(made, self.expected, "{}", self.name);
        took
    }
}

/// The time of one case against another's, side by side: the median of the rounds, and the range.
pub fn ratio(a: &mut Case, b: &mut Case, rounds: usize) -> (f64, f64, f64) {
    let mut ratios: Vec<f64> = (0..rounds).map(|_| a.time().as_secs_f64() / b.time().as_secs_f64()).collect();
    ratios.sort_by(f64::total_cmp);
    (ratios[rounds / 2], ratios[0], ratios[rounds - 1])
}

/// A row of the table: what is against what, the goal, and the two.
pub type Row = (&'static str, &'static str, Case, Case);

/// Everything that is measured, with so many records each.
pub fn rows(records: usize) -> Vec<Row> {
    let vpc = huawei_vpc(records, 0, 1);
    let plain = |name| Case::new(name, &vpc, &Config::default());
    let filtered = |name, filter: &str, list: Option<usize>| {
        let lists = list.map(|n| ("office".to_owned(), networks(n))).into_iter().collect();
        Case::new(name, &vpc, &Config { filter: Some(filter.into()), lists, ..Config::default() })
    };
    // The addresses are skewed, so one port in sixty thousand is what 1 % is made of.
    let few = "src_port in {1024..1624}";
    let listed = "not src_ip in @office";
    vec![
        (
            "a filter that drops 99 %, against writing everything",
            "less",
            filtered("few", few, None),
            plain("all"),
        ),
        (
            "a list of 100,000 networks, against one of 10",
            "at most 2",
            filtered("many", listed, Some(100_000)),
            filtered("ten", listed, Some(10)),
        ),
        (
            "1 % broken records, against none",
            "at most 1.1",
            Case::new("broken", &huawei_vpc(records, 10, 1), &Config::default()),
            plain("sound"),
        ),
        (
            "Alibaba VPC as JSON, against Huawei VPC lines, per record",
            "",
            Case::new("json", &alibaba_vpc(records, 1), &Config::default()),
            plain("lines"),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same() {
        assert_eq!(huawei_vpc(100, 10, 7), huawei_vpc(100, 10, 7));
        assert_ne!(huawei_vpc(100, 10, 7), huawei_vpc(100, 10, 8));
    }

    /// Every case runs, and does what its row says.
    #[test]
    fn cases_are_what_they_are_called() {
        const RECORDS: u32 = 10_000;
        for (what, _, mut a, mut b) in rows(RECORDS as usize) {
            assert_eq!(b.normalized(), RECORDS, "{what}");
            let share = match a.name {
                "few" => 50..200,
                "broken" => 9800..9990,
                _ => RECORDS..RECORDS + 1,
            };
            assert!(share.contains(&a.normalized()), "{what}: {}", a.normalized());
            let (median, least, most) = ratio(&mut a, &mut b, 1);
            assert!(least <= median && median <= most);
        }
    }
}
