//! Which product some keys are of.

use crate::{
    bytes::sort,
    catalog::{
        envelopes,
        hint::Hint,
        keys::{self, fold},
        product::{self, Entry, Lines, To},
        products,
    },
    record::fields::Field,
};
use std::sync::LazyLock;

/// Every key of every product.
#[derive(Debug)]
pub(crate) struct KeyIndex {
    /// The key, folded, with product and entry; sorted.
    keys: Vec<KeyEntry>,
    /// For each key, at a place that its hash says or behind, the number of its first of these, and how
    /// many it has; none where no key is.
    table: Vec<(u16, u16)>,
    /// How many entries the products before each have.
    before: Vec<usize>,
    /// What the key of an entry tells, for the entries of all products.
    telling: Vec<Telling>,
    /// For each product, whether it logs requests.
    logs_requests: Vec<bool>,
    /// For each product, how many entries its sets of telling keys have.
    sets: Vec<Counts>,
}

/// What the key of an entry tells about a record that has it.
#[derive(Clone, Copy, Debug)]
struct Telling {
    /// The sets of telling keys that it is in.
    sets: u16,
    is_traffic: bool,
}

/// A key, folded, with product and entry.
pub(crate) type KeyEntry = (String, usize, usize);

/// Where in a table of so many places a key may be, a power of two, in the order that it is looked for.
fn places(key: &str, len: usize) -> impl Iterator<Item = usize> {
    // FNV-1a.
    let hash = keys::folded(key).fold(0x811c_9dc5_u32, |h, b| (h ^ u32::from(b)).wrapping_mul(0x0100_0193));
    (0..len).map(move |step| ((hash ^ hash >> 15) as usize + step) & (len - 1))
}

/// A count for each set of telling keys, and for those that tell alone.
type Counts = [u16; u16::BITS as usize];

/// Counts an entry in the sets that it is in.
fn count(counts: &mut Counts, tells: u16) {
    let mut sets = tells;
    while sets != 0 {
        counts[sets.trailing_zeros() as usize] += 1;
        sets &= sets - 1;
    }
}

/// What an object's keys say about a product.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct KeyEvidence {
    /// How many of them it knows.
    pub(crate) known: usize,
    /// The sets of telling keys that are complete, and those keys that tell alone.
    pub(crate) told: u16,
    /// Whether any key speaks for it, if only together with others.
    pub(crate) speaks: bool,
    /// Whether any is of an end of a flow, counts what was sent, or says that nothing was. Without one
    /// there is no record of a flow or request, but an inventory, or a message about one.
    pub(crate) has_traffic: bool,
}

impl KeyIndex {
    /// The index, which is made once.
    pub(crate) fn get() -> &'static Self {
        static INDEX: LazyLock<KeyIndex> = LazyLock::new(KeyIndex::new);
        &INDEX
    }

    fn new() -> Self {
        let mut keys = Vec::new();
        for (p, product) in products::all().iter().enumerate() {
            for (e, entry) in product.entries.iter().enumerate() {
                keys.extend(entry.keys.iter().map(|k| (fold(k), p, e)));
            }
        }
        sort::sort(&mut keys);
        keys.dedup();
        let sets = products::all().iter().map(|product| {
            let mut counts = Counts::default();
            product.entries.iter().for_each(|e| count(&mut counts, e.tells));
            counts
        });
        let mut before = vec![0];
        for product in products::all() {
            before.push(before[before.len() - 1] + product.entries.len());
        }
        // Half of it stays free.
        let mut table = vec![(0, 0); (2 * keys.len()).next_power_of_two()];
        let mut first = 0;
        for same in keys.chunk_by(|a, b| a.0 == b.0) {
            let free = places(&same[0].0, table.len()).find(|&at| table[at].1 == 0);
            table[free.unwrap_or_default()] = (first as u16, same.len() as u16);
            first += same.len();
        }
        let entries = products::all().iter().flat_map(|product| product.entries);
        let telling = entries.map(|e| Telling { sets: e.tells, is_traffic: e.is_traffic() });
        let status = |e: &Entry| e.to.field() == Some(Field::HttpStatus);
        let logs_requests = products::all().iter().map(|product| product.entries.iter().any(status));
        Self {
            sets: sets.collect(),
            table,
            before,
            telling: telling.collect(),
            logs_requests: logs_requests.collect(),
            keys,
        }
    }

    /// What some keys, by their entries, say about each product.
    #[inline(never)]
    pub(crate) fn evidence<'k>(&self, keys: impl Iterator<Item = &'k [KeyEntry]>) -> Vec<KeyEvidence> {
        let mut evidence = vec![KeyEvidence::default(); products::all().len()];
        let mut counts = vec![Counts::default(); evidence.len()];
        // Two spellings of a key are one key of a set.
        let mut seen = vec![0_u64; self.before[evidence.len()].div_ceil(64)];
        for &(_, product, entry) in keys.flatten() {
            let number = self.before[product] + entry;
            let Telling { sets, is_traffic } = self.telling[number];
            evidence[product].known += 1;
            evidence[product].has_traffic |= is_traffic;
            let (seen, bit) = (&mut seen[number / 64], 1 << (number % 64));
            if sets != 0 && *seen & bit == 0 {
                *seen |= bit;
                count(&mut counts[product], sets);
            }
        }
        for ((e, counts), sets) in evidence.iter_mut().zip(&counts).zip(&self.sets) {
            // Most products know none of the keys.
            let sets = if e.known > 0 { &sets[..] } else { &[] };
            for (set, (count, all)) in counts.iter().zip(sets).enumerate() {
                let complete = *count > 0 && (count == all || 1 << set == product::ALONE);
                e.speaks |= *count > 0;
                e.told |= u16::from(complete) << set;
            }
        }
        evidence
    }

    /// Whether these keys tell a product, where the object has others, too.
    pub(crate) fn tells(&self, keys: &[&str]) -> bool {
        let live = sort::last_of_each(keys.len(), &|i| keys[i]);
        let mut evidence = self.evidence(live.iter().map(|&i| self.entries(keys[i])));
        // It may come behind them.
        evidence.iter_mut().for_each(|e| e.has_traffic = true);
        matches!(detect(&evidence, Hint::Nothing), Told::Product(_))
    }

    /// Those of some keys that tell a product.
    pub(crate) fn telling<'k>(&self, product: usize, keys: &[&'k str]) -> Vec<&'k str> {
        let told = self.evidence(keys.iter().map(|key| self.entries(key)))[product].told;
        let entries = products::all()[product].entries;
        let tells =
            |k: &&str| self.entries(k).iter().any(|e| e.1 == product && entries[e.2].tells & told != 0);
        keys.iter().copied().filter(|k| tells(k)).collect()
    }

    /// The product and the entry of a key, for each product that has it.
    pub(crate) fn entries(&self, key: &str) -> &[KeyEntry] {
        // `__time__` is the log service's, and not a record's `time`.
        if key.starts_with("__") {
            return &[];
        }
        for at in places(key, self.table.len()) {
            let (first, count) = self.table[at];
            match self.keys[usize::from(first)..].get(..usize::from(count)) {
                Some(same @ [known, ..]) if keys::folded(key).eq(known.0.bytes()) => return same,
                Some([_, ..]) => {}
                _ => break,
            }
        }
        &[]
    }

    /// Whether some product has the address of a flow's end under such a key.
    pub(crate) fn is_address(&self, key: &str) -> bool {
        let is_end = |to: To| matches!(to.field(), Some(Field::SrcIp | Field::DstIp));
        self.entries(key).iter().any(|e| is_end(products::all()[e.1].entries[e.2].to))
    }

    /// Whether keys say of a flow who had it, and with whom or how much: one end alone, with its port or without, may
    /// be whose request something is an answer to.
    pub(crate) fn tell_traffic(&self, keys: &[&str]) -> bool {
        let mut first = None;
        let mut others = false;
        for field in keys.iter().filter_map(|key| self.end_or_counter(key)) {
            others |= *first.get_or_insert(field) != field;
        }
        others && keys.iter().any(|key| self.is_address(key))
    }

    /// The field of a flow's end, or of what was counted, that some product has under such a key.
    fn end_or_counter(&self, key: &str) -> Option<Field> {
        use Field::{Bytes, BytesIn, BytesOut, DstIp, Packets, PacketsIn, PacketsOut, SrcIp};
        let mut fields =
            self.entries(key).iter().filter_map(|e| products::all()[e.1].entries[e.2].to.field());
        fields.find(|field| {
            matches!(field, SrcIp | DstIp | Bytes | Packets | BytesIn | BytesOut | PacketsIn | PacketsOut)
        })
    }

    /// Whether some product has such a key for a field.
    pub(crate) fn has_field(&self, key: &str, field: Field) -> bool {
        self.entries(key).iter().any(|e| products::all()[e.1].entries[e.2].to.field() == Some(field))
    }

    /// A product's entry for a key.
    pub(crate) fn entry(&self, product: usize, key: &str) -> Option<&'static Entry> {
        let found = self.entries(key).iter().find(|e| e.1 == product)?;
        Some(&products::all()[product].entries[found.2])
    }

    /// Whether some product, or some log service, has such a key.
    pub(crate) fn knows(&self, key: &str) -> bool {
        !self.entries(key).is_empty() || envelopes::meta(key, true).is_some() || envelopes::is_payload(key)
    }
}

/// What the keys of a record tell about its product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// It is this one, by its index in the registry.
    Product(usize),
    /// It may be any of these.
    Ambiguous(Vec<usize>),
    /// The keys are this product's, but the topic of the log is of something else.
    OtherTopic(usize),
    /// None that is known.
    Unknown,
}

/// The fewest known keys that a record is taken for a product by; with fewer it could be
/// anything.
pub(crate) const FEWEST_KEYS: usize = 4;
/// The fewest known keys by which a product is named as one that it may be.
const FEWEST_TO_NAME: usize = 3;

/// The products that know most of the keys, where nothing tells one of them. One that does not
/// know half of them is left out, and one that logs requests where none of the keys speaks for it:
/// what web servers write is known to whatever stands in front of them.
pub(crate) fn candidates(index: &KeyIndex, evidence: &[KeyEvidence], keys: usize) -> Told {
    let may_be = |p: &usize| evidence[*p].speaks || !index.logs_requests[*p];
    match (0..evidence.len()).filter(may_be).map(|p| evidence[p].known).max() {
        Some(best) if best >= FEWEST_TO_NAME && best * 2 >= keys => {
            let is_best = |p: &usize| may_be(p) && evidence[*p].known == best;
            let found: Vec<_> = (0..evidence.len()).filter(is_best).collect();
            // Keys that nobody confirms are no evidence by themselves.
            let unconfirmed = |p: &usize| matches!(products::all()[*p].lines, Lines::Named(_));
            if found.iter().all(unconfirmed) { Told::Unknown } else { Told::Ambiguous(found) }
        }
        _ => Told::Unknown,
    }
}

/// Among the products that telling keys, or the envelope, speak for: the one that knows most
/// of the keys.
pub(crate) fn detect(evidence: &[KeyEvidence], hint: Hint) -> Told {
    let told = |p: usize| {
        let KeyEvidence { known, told, has_traffic, .. } = evidence[p];
        match hint {
            Hint::Product(h) if h == p => has_traffic || known >= FEWEST_KEYS,
            _ => has_traffic && told != 0 && known >= FEWEST_KEYS,
        }
    };
    let all = 0..evidence.len();
    let Some(best) = all.clone().filter(|&p| told(p)).map(|p| evidence[p].known).max() else {
        return Told::Unknown;
    };
    let is_best = |p: usize| told(p) && evidence[p].known == best;
    // A product that no key speaks for, but that knows more of them, may be meant as well.
    let is_other = |p: usize| !told(p) && evidence[p].known > best;
    let found: Vec<usize> = all.filter(|&p| is_best(p) || is_other(p)).collect();
    match (hint, &found[..]) {
        (Hint::Product(p), _) if is_best(p) => Told::Product(p),
        (_, &[p]) if hint.allows(p) => Told::Product(p),
        (_, &[p]) => Told::OtherTopic(p),
        _ => Told::Ambiguous(found),
    }
}
