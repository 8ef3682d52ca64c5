//! Records like real ones: skewed addresses, mixed protocols, 1 % without traffic, some IPv6,
//! lines of every length; the same bytes for the same seed.
//!
//! A flow is what happened; a product's members tell it in that product's words; a
//! [`Form`] is how such members lie in an input.

mod flow;
mod form;
mod products;

use weir_normalizer::Config;

use self::{
    flow::{BROKEN_BYTE, Fault, Flow},
    form::Position,
    products::Members,
};
pub use self::{form::Form, products::Product};
use crate::random::{Random, mix};

/// How many records an envelope holds that holds several.
pub const PAGE: usize = 1000;

/// Whose records, in which form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// Whose.
    pub product: Product,
    /// How they lie in the input.
    pub form: Form,
}

impl Source {
    /// The records of a product, in the form that they usually come in.
    pub const fn usual(product: Product) -> Self {
        Self { product, form: product.usual_form() }
    }

    /// Every one that there is.
    pub fn all() -> impl Iterator<Item = Self> {
        let forms = |product| Form::ALL.into_iter().map(move |form| Self { product, form });
        Product::ALL.into_iter().flat_map(forms).filter(|source| source.exists())
    }

    /// Whether this product's records come in this form.
    pub fn exists(self) -> bool {
        match self.form {
            Form::Lines => self.product.has_lines(),
            // A row has no room for the object in a flat record.
            Form::Csv => self.product != Product::Flat,
            _ => true,
        }
    }

    /// `huawei-vpc` for the usual form, `huawei-vpc/lts-query` for another.
    pub fn name(self) -> String {
        match self.form == self.product.usual_form() {
            true => self.product.id().to_owned(),
            false => format!("{}/{}", self.product.id(), self.form.name()),
        }
    }

    /// What has to be said to have them read.
    pub fn config(self) -> Config {
        Config { from: self.from().map(str::to_owned), ..Config::default() }
    }

    /// What `--from` has to be, for records that can't be told by themselves.
    pub fn from(self) -> Option<&'static str> {
        (self.product == Product::BaiduFlow).then(|| self.product.id())
    }
}

/// What is to be made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Order {
    /// Whose records, in which form.
    pub source: Source,
    /// How many.
    pub records: usize,
    /// Where the random numbers start.
    pub seed: u64,
    /// How many of a million are broken.
    pub broken_per_million: u64,
}

/// Makes an input piece by piece.
#[derive(Debug)]
pub struct Maker {
    order: Order,
    random: Random,
    faults: Random,
    made: usize,
    broken: usize,
    members: Members,
    body: Vec<u8>,
}

impl Maker {
    /// Nothing is made yet.
    pub fn new(order: Order) -> Self {
        Self {
            random: Random::new(order.seed),
            // A sequence of its own, so that the sound records stay the same.
            faults: Random::new(mix(order.seed ^ 1)),
            made: 0,
            broken: 0,
            members: Members::default(),
            body: Vec::new(),
            order,
        }
    }

    /// How many of the records that were made are broken.
    pub fn broken(&self) -> usize {
        self.broken
    }

    /// Appends one record, with what stands before and after it; false if all were made.
    pub fn make(&mut self, out: &mut Vec<u8>) -> bool {
        let Order { source: Source { product, form }, records, broken_per_million, .. } = self.order;
        if self.made == records {
            return false;
        }
        let mut flow = Flow::new(&mut self.random, self.made as u64);
        let is_broken = self.faults.below(1_000_000) < broken_per_million;
        let fault = is_broken.then(|| Fault::choose(&mut self.faults, product, form, &flow)).flatten();
        if let Some(fault) = fault {
            fault.before(&mut flow);
            self.broken += 1;
        }
        let members = &mut self.members;
        members.clear();
        product.tell(&flow, members);

        let place = Position {
            index: self.made,
            of_page: self.made % PAGE,
            page: PAGE.min(records - (self.made - self.made % PAGE)),
        };
        let start = out.len();
        form.before(product, place, members, out);
        let begin = out.len();
        self.body.clear();
        match form {
            Form::Csv => members.row(&mut self.body),
            _ if product.has_lines() && !form.is_keyed() => members.line(&mut self.body),
            _ => members.object(&mut self.body),
        }
        // Where the record's text is in quotes, it alone is cut short.
        if fault == Some(Fault::CutShort) && form.is_quoted() {
            self.body.truncate(flow::middle(&self.body));
        }
        form.wrap(product, &flow, place, &self.body, out);
        match fault {
            Some(Fault::CutShort) if !form.is_quoted() => out.truncate(begin + flow::middle(&out[begin..])),
            Some(Fault::NotUtf8) => {
                out[start..].iter_mut().filter(|b| **b == BROKEN_BYTE).for_each(|b| *b = 0xff);
            }
            _ => {}
        }
        form.after(place, records, out);
        self.made += 1;
        true
    }
}

/// An input, and what is known about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// The input as it is read from a file.
    pub bytes: Vec<u8>,
    /// How many records it holds, broken ones included.
    pub records: usize,
    /// How many of them are broken, each so that it is rejected and no other with it.
    pub broken: usize,
}

/// Makes an input without broken records.
pub fn sound(source: Source, records: usize, seed: u64) -> Input {
    all(Order { source, records, seed, broken_per_million: 0 })
}

/// Makes the same input, but with about 1 % of the records broken.
pub fn with_broken(source: Source, records: usize, seed: u64) -> Input {
    all(Order { source, records, seed, broken_per_million: 10_000 })
}

fn all(order: Order) -> Input {
    let mut maker = Maker::new(order);
    let mut bytes = Vec::new();
    while maker.make(&mut bytes) {}
    Input { bytes, records: order.records, broken: maker.broken() }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use weir_normalizer::products;

    use super::*;
    use crate::stages::{Counts, Framing, Normalizing};

    /// Several pages, and one that is not full.
    const RECORDS: usize = 2 * PAGE + PAGE / 2;

    fn normalized(source: Source, input: &Input) -> Counts {
        let config = source.config();
        Normalizing::new(&config).batches(&Framing::with(&config).batches(&input.bytes))
    }

    #[test]
    fn every_product_of_the_registry_is_made() {
        let registry: Vec<_> = products::all().iter().map(|p| p.id).collect();
        assert_eq!(Product::ALL.map(Product::id)[..], registry[..]);
        for (product, known) in Product::ALL.into_iter().zip(products::all()) {
            assert_eq!(product.has_lines(), known.lines.columns() > 0, "{}", known.id);
        }
    }

    #[test]
    fn the_same_seed_makes_the_same_bytes() {
        for source in Source::all() {
            for make in [sound, with_broken] {
                assert_eq!(make(source, 1100, 7), make(source, 1100, 7), "{}", source.name());
                assert_ne!(make(source, 1100, 7).bytes, make(source, 1100, 8).bytes, "{}", source.name());
            }
        }
    }

    #[test]
    fn everything_sound_is_normalized() {
        for source in Source::all() {
            let input = sound(source, RECORDS, 1);
            let counts = normalized(source, &input);
            assert_eq!((counts.normalized, counts.rejected), (RECORDS, 0), "{}", source.name());
        }
    }

    #[test]
    fn everything_broken_is_rejected_and_nothing_else() {
        for source in Source::all() {
            let input = with_broken(source, RECORDS, 1);
            let few = RECORDS / 200..RECORDS / 60;
            assert!(few.contains(&input.broken), "{}: {}", source.name(), input.broken);
            let counts = normalized(source, &input);
            let expected = (RECORDS - input.broken, input.broken);
            assert_eq!((counts.normalized, counts.rejected), expected, "{}", source.name());
        }
    }

    #[test]
    fn records_are_of_the_product_that_they_are_called() {
        for source in Source::all() {
            let config = source.config();
            let mut normalizing = Normalizing::new(&config);
            let batches = Framing::with(&config).batches(&sound(source, 50, 3).bytes);
            let products: BTreeSet<String> = normalizing.products(&batches).into_iter().collect();
            // A flat record counts for the product that it tells of.
            let product = source.product.id().to_owned();
            assert_eq!(products, BTreeSet::from([product]), "{}", source.name());
        }
    }

    #[test]
    fn each_record_is_an_element() {
        for source in Source::all() {
            for input in [sound(source, RECORDS, 1), with_broken(source, RECORDS, 1)] {
                let batches = Framing::with(&source.config()).batches(&input.bytes);
                let elements: usize = batches.iter().map(|b| b.elements.len()).sum();
                assert_eq!(elements, RECORDS, "{}", source.name());
            }
        }
    }

    #[test]
    fn breaking_some_leaves_the_others() {
        for product in Product::ALL {
            let source = Source { product, form: Form::Keyed };
            let (a, b) = (sound(source, RECORDS, 3), with_broken(source, RECORDS, 3));
            let lines = |input: &'_ Input| -> Vec<Vec<u8>> {
                input.bytes.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect()
            };
            let differ = lines(&a).iter().zip(&lines(&b)).filter(|(a, b)| a != b).count();
            assert_eq!(differ, b.broken, "{}", source.name());
        }
    }

    #[test]
    fn records_are_like_real_ones() {
        const RECORDS: usize = 20_000;
        let input = sound(Source::usual(Product::HuaweiVpc), RECORDS, 1);
        let text = String::from_utf8(input.bytes).unwrap();
        let share = |is: &dyn Fn(&[&str]) -> bool| {
            let rows = text.lines().map(|l| l.split(' ').collect::<Vec<_>>());
            rows.filter(|row| is(row)).count() * 1000 / RECORDS
        };
        // In a thousand.
        for (what, found, expected) in [
            ("no data", share(&|row| row[13] == "NODATA"), 7..14),
            ("IPv6", share(&|row| row[3].contains(':')), 40..60),
            ("TCP", share(&|row| row[7] == "6"), 700..790),
            ("UDP", share(&|row| row[7] == "17"), 160..240),
            ("rejected", share(&|row| row[12] == "REJECT"), 60..100),
        ] {
            assert!(expected.contains(&found), "{what}: {found}");
        }
        let sources: BTreeSet<&str> = text.lines().filter_map(|l| l.split(' ').nth(3)).collect();
        assert!((2000..RECORDS / 2).contains(&sources.len()), "{}", sources.len());
    }

    #[test]
    fn lines_are_of_every_length() {
        for product in Product::ALL {
            let input = sound(Source { product, form: Form::Keyed }, RECORDS, 1);
            let lengths: BTreeSet<usize> = input.bytes.split(|b| *b == b'\n').map(<[u8]>::len).collect();
            assert!(lengths.len() > 25, "{}: {lengths:?}", product.id());
        }
    }
}
