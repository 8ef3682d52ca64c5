//! The stages of the way from bytes to bytes, to be run one by one, and what they count.

use weir_normalizer::{
    Config, Normalizer,
    batch::{Batch, BatchView, Outcome, tallies},
    framing::Framer,
};

/// How many bytes the framing gets at once, as from a file.
const PIECE: usize = 64 << 10;

/// What came of an input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records that came out.
    pub normalized: usize,
    /// Records that the filter dropped.
    pub filtered: usize,
    /// Records that were rejected.
    pub rejected: usize,
    /// Bytes of records that came out.
    pub written: usize,
    /// Bytes of what is said about rejects, without their records.
    pub told: usize,
}

/// Cuts inputs into batches, with memory that it reuses.
#[derive(Debug)]
pub struct Framing(Framer);

impl Framing {
    /// For inputs that need no configuration.
    #[expect(clippy::new_without_default, reason = "nothing about it is a default")]
    pub fn new() -> Self {
        Self::with(&Config::default())
    }

    /// With this configuration, which must be a good one.
    pub fn with(config: &Config) -> Self {
        Self(Framer::new(config).unwrap_or_else(|e| panic!("{e}")))
    }

    /// Frames an input; `with` sees each batch.
    pub fn each(&mut self, input: &[u8], mut with: impl FnMut(&Batch)) {
        let framer = &mut self.0;
        framer.reset();
        let mut drain = |framer: &mut Framer| {
            while let Some(batch) = framer.next_batch() {
                with(&batch);
                framer.recycle(batch);
            }
        };
        for piece in input.chunks(PIECE) {
            framer.push(piece);
            drain(framer);
        }
        framer.finish();
        drain(framer);
    }

    /// Frames an input; counts its elements.
    pub fn count(&mut self, input: &[u8]) -> usize {
        let mut elements = 0;
        self.each(input, |batch| elements += batch.elements.len());
        elements
    }

    /// Frames an input and keeps everything.
    pub fn batches(&mut self, input: &[u8]) -> Vec<Batch> {
        let mut batches = Vec::new();
        self.each(input, |batch| batches.push(batch.clone()));
        batches
    }
}

/// Normalizes batches, with memory that it reuses.
#[derive(Debug)]
pub struct Normalizing {
    normalizer: Normalizer,
    head: Vec<u8>,
    outcome: Outcome,
}

impl Normalizing {
    /// With this configuration, which must be a good one.
    pub fn new(config: &Config) -> Self {
        let normalizer = Normalizer::new(config).unwrap_or_else(|e| panic!("{e}"));
        Self { normalizer, head: Vec::new(), outcome: Outcome::default() }
    }

    /// Normalizes what was framed before.
    pub fn batches(&mut self, batches: &[Batch]) -> Counts {
        let mut counts = Counts::default();
        for batch in batches {
            self.add(batch, &mut counts);
        }
        counts
    }

    /// Frames and normalizes, a batch after the other.
    pub fn input(&mut self, framing: &mut Framing, input: &[u8]) -> Counts {
        let mut counts = Counts::default();
        framing.each(input, |batch| self.add(batch, &mut counts));
        counts
    }

    /// The product of each record that comes out.
    pub fn products(&mut self, batches: &[Batch]) -> Vec<String> {
        let mut products = Vec::new();
        for batch in batches {
            self.run(batch, |outcome| {
                for tally in tallies(&outcome.tallies) {
                    let (product, n) = tally.expect("tallies were written just now");
                    products.extend(std::iter::repeat_n(product.to_owned(), n as usize));
                }
            });
        }
        products
    }

    fn add(&mut self, batch: &Batch, counts: &mut Counts) {
        self.run(batch, |outcome| {
            counts.normalized += outcome.normalized as usize;
            counts.filtered += outcome.filtered as usize;
            counts.rejected += outcome.rejected as usize;
            counts.written += outcome.output.len();
            counts.told += outcome.rejects.len();
        });
    }

    fn run(&mut self, batch: &Batch, mut with: impl FnMut(&Outcome)) {
        let all = 0..batch.elements.len();
        batch.encode_head(all.clone(), &mut self.head);
        let view = BatchView::split(&self.head, batch.window(all)).expect("the head was written just now");
        let mut first = 0;
        while first < view.len() {
            self.normalizer.run(&view, first, &mut self.outcome);
            first = self.outcome.next as usize;
            with(&self.outcome);
        }
    }
}

/// A filter that keeps about 1 % of the records.
pub const KEEPS_ONE_PERCENT: &str = "action == reject and dst_port in {22, 23, 445, 3389} or bytes >= 18MB";

/// A filter that looks at every record, and keeps every one.
pub const KEEPS_EVERYTHING: &str =
    "not src_ip in {198.51.100.0/24, 203.0.113.0/24} and not dst_port in {1, 7, 9000..9001}";

/// A filter that keeps no record of any product, and costs next to nothing.
pub const KEEPS_NOTHING: &str = "exists attack and exists subnet_id";

/// A filter that keeps every record of any product, and costs as little.
pub const COSTS_NOTHING: &str = "not (exists attack and exists subnet_id)";

/// A configuration with this filter; `@list` in it is a list of so many networks.
pub fn filtered(filter: &str, networks: usize) -> Config {
    let lists = [("list".to_owned(), crate::networks::list(networks))].into();
    Config { filter: Some(filter.to_owned()), lists, ..Config::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::{Product, Source, sound};

    const RECORDS: usize = 50_000;

    #[test]
    fn stages_make_the_same_one_by_one_and_together() {
        for source in Source::all() {
            let input = sound(source, 1500, 1);
            let config = source.config();
            let (mut framing, mut normalizing) = (Framing::with(&config), Normalizing::new(&config));
            let apart = normalizing.batches(&framing.batches(&input.bytes));
            assert_eq!(apart, normalizing.input(&mut framing, &input.bytes), "{}", source.name());
            assert_eq!(framing.count(&input.bytes), apart.normalized, "{}", source.name());
        }
    }

    #[test]
    fn the_filter_keeps_about_one_percent() {
        for product in [Product::HuaweiVpc, Product::AlibabaVpc] {
            let batches = Framing::new().batches(&sound(Source::usual(product), RECORDS, 1).bytes);
            let counts = Normalizing::new(&filtered(KEEPS_ONE_PERCENT, 10)).batches(&batches);
            assert_eq!(counts.normalized + counts.filtered, RECORDS);
            assert!((RECORDS / 140..RECORDS / 70).contains(&counts.normalized), "{counts:?}");
        }
    }

    #[test]
    fn lists_of_any_length_hold_the_same_one_percent() {
        let batches = Framing::new().batches(&sound(Source::usual(Product::HuaweiVpc), RECORDS, 1).bytes);
        let run = |networks| Normalizing::new(&filtered("src_ip in @list", networks)).batches(&batches);
        let counts = run(10);
        assert_eq!(run(100_000), counts);
        assert_eq!(counts.normalized + counts.filtered, RECORDS);
        assert!((RECORDS / 200..RECORDS / 50).contains(&counts.normalized), "{counts:?}");
    }
}
