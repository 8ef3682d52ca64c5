//! Plans: for a sequence of keys, which product it is, and what is done with each value.
//!
//! Records of one stream repeat their keys, so a plan is made once and found again by
//! comparing keys. A plan follows from the keys alone: it is only a memory of work done.

use std::sync::LazyLock;

use crate::{
    base::limits,
    bytes::{nearest, sort},
    catalog::{
        envelopes::{self, Meta},
        products::{self, Entry, Lines, Product, Shape, To, Unit},
    },
    fast::{
        direct::Program,
        outline::{Outline, Place, Reading},
    },
    reading::source::Member,
    record::fields::Field,
};

/// What a sequence of keys turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Records of this product, by its index in the registry.
    Product(usize),
    /// An object around one record, which is this member's value.
    Payload(usize),
    /// An object around this member's value, which may be records in base64.
    Encoded(usize),
    /// The cloud's answer to a call that failed: its code and its message.
    ApiError { code: usize, message: usize },
    /// It may be any of these products.
    Ambiguous(Vec<usize>),
    /// The keys are this product's, but the topic of the log is of something else.
    OtherTopic(usize),
    /// None that is known.
    Unknown,
}

/// What the topic of a log says about the product of its records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Hint {
    /// Nothing.
    #[default]
    Nothing,
    /// They are of this product.
    Product(usize),
    /// They are of a product of the cloud whose log service it is, if of any.
    Provider(&'static str),
    /// They are of something that no product is.
    Other,
}

impl Hint {
    /// This one, or another where it says nothing.
    #[inline]
    pub(crate) fn or(self, other: Self) -> Self {
        if self == Self::Nothing { other } else { self }
    }

    fn allows(self, product: usize) -> bool {
        let provider = products::all()[product].provider;
        match self {
            Self::Nothing => true,
            // A flat record says itself what it is, wherever it is kept.
            _ if provider.is_empty() => true,
            // Somebody may have changed the topic; the keys of a neighbour are still its own.
            Self::Product(p) => products::all()[p].provider == provider,
            Self::Provider(p) => p == provider,
            Self::Other => false,
        }
    }
}

/// What is done with the values of a record with these keys.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) hint: Hint,
    keys: String,
    ends: Vec<u32>,
    pub(crate) verdict: Verdict,
    /// Member and entry, in the order of the product's table.
    pub(crate) steps: Vec<(usize, usize)>,
    /// Members that have no field, in the order of the record.
    pub(crate) extra: Vec<usize>,
    /// Members that are the log service's, in the order of the record.
    pub(crate) envelope: Vec<usize>,
    /// The member with the log's time.
    pub(crate) log_time: Option<(usize, Unit)>,
    /// Members that may have it as well.
    pub(crate) other_log_times: Vec<(usize, Unit)>,
    /// Whether several members are the time of one field.
    pub(crate) rival_times: bool,
    /// A key that the record must have and has not.
    pub(crate) lacks: Option<String>,
    /// The keys as an object has them.
    outline: Option<Outline>,
    /// The member that has the topic of the log, which may tell the product.
    pub(crate) topic: Option<usize>,
    /// Members whose values must be like this: where nobody said what the record is, and only its
    /// keys tell.
    pub(crate) shaped: Vec<(usize, &'static Entry)>,
    /// How records that are written in the simplest way go out.
    pub(crate) direct: Option<Program>,
    /// Its number among those that are kept.
    slot: usize,
    /// Whether the short way is prepared, if there is one: that is so from the second record on
    /// with these keys, as there may be no second one.
    prepared: bool,
}

impl Plan {
    fn matches<'a>(&self, keys: impl ExactSizeIterator<Item = &'a str>, hint: Hint) -> bool {
        if keys.len() != self.ends.len() || hint != self.hint {
            return false;
        }
        let mut start = 0;
        keys.zip(&self.ends).all(|(key, &end)| {
            let known = &self.keys[start..end as usize];
            start = end as usize;
            known == key
        })
    }
}

/// Every key of every product.
#[derive(Debug)]
pub(crate) struct KeyIndex {
    /// The key, folded, with product and entry; sorted.
    keys: Vec<(String, usize, usize)>,
    /// For each product, how many entries its sets of telling keys have.
    sets: Vec<Counts>,
}

/// A count for each set of telling keys, and for those that tell alone.
type Counts = [u16; u16::BITS as usize];

/// Counts an entry in the sets that it is in.
fn count(counts: &mut Counts, tells: u16) {
    for (set, count) in counts.iter_mut().enumerate() {
        *count += tells >> set & 1;
    }
}

/// What an object's keys say about a product.
#[derive(Clone, Copy, Debug, Default)]
struct Evidence {
    /// How many of them it knows.
    known: usize,
    /// The sets of telling keys that are complete, and those keys that tell alone.
    told: u16,
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
        Self { keys, sets: sets.collect() }
    }

    /// What some keys say about each product.
    #[inline(never)]
    fn evidence<'k>(&self, keys: impl Iterator<Item = &'k str>) -> Vec<Evidence> {
        let mut evidence = vec![Evidence::default(); products::all().len()];
        let mut found = Vec::new();
        for key in keys {
            for &(_, product, entry) in self.entries(key) {
                evidence[product].known += 1;
                found.push((product, entry));
            }
        }
        // Two spellings of a key are one key of a set.
        sort::sort(&mut found);
        found.dedup();
        let mut counts = vec![Counts::default(); evidence.len()];
        for (product, entry) in found {
            count(&mut counts[product], products::all()[product].entries[entry].tells);
        }
        for ((e, counts), sets) in evidence.iter_mut().zip(&counts).zip(&self.sets) {
            for (set, (count, all)) in counts.iter().zip(sets).enumerate() {
                let complete = *count > 0 && (count == all || 1 << set == products::ALONE);
                e.told |= u16::from(complete) << set;
            }
        }
        evidence
    }

    /// Those of some keys that tell a product.
    pub(crate) fn telling<'k>(&self, product: usize, keys: &[&'k str]) -> Vec<&'k str> {
        let told = self.evidence(keys.iter().copied())[product].told;
        let entries = products::all()[product].entries;
        let tells =
            |k: &&str| self.entries(k).iter().any(|e| e.1 == product && entries[e.2].tells & told != 0);
        keys.iter().copied().filter(|k| tells(k)).collect()
    }

    fn entries(&self, key: &str) -> &[(String, usize, usize)] {
        self.find(key, &mut String::new())
    }

    /// The product and the entry of a key, for each product that has it. The memory is for the key
    /// as it is looked up.
    pub(crate) fn find(&self, key: &str, folded: &mut String) -> &[(String, usize, usize)] {
        // `__time__` is the log service's, and not a record's `time`.
        if key.starts_with("__") {
            return &[];
        }
        folded.clear();
        folded.extend(self::folded(key));
        let start = self.keys.partition_point(|e| e.0 < *folded);
        let len = self.keys[start..].partition_point(|e| e.0 == *folded);
        &self.keys[start..start + len]
    }

    /// Whether some product has the address of a flow's end under such a key.
    pub(crate) fn is_address(&self, key: &str) -> bool {
        let is_end = |to: To| matches!(to.field(), Some(Field::SrcIp | Field::DstIp));
        self.entries(key).iter().any(|e| is_end(products::all()[e.1].entries[e.2].to))
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

/// Makes plans.
#[derive(Debug)]
pub(crate) struct Planner {
    index: &'static KeyIndex,
    /// The one product that records may be of.
    from: Option<usize>,
    /// Keys that every keyed record must have.
    required: Vec<String>,
    /// Whether what is planned for may be an agent's event.
    events: bool,
}

impl Planner {
    /// The fewest known keys that a record is taken for a product by; with fewer it could be
    /// anything.
    const FEWEST_KEYS: usize = 4;
    /// The fewest known keys by which a product is named as one that it may be.
    const FEWEST_TO_NAME: usize = 3;

    pub(crate) fn new(from: Option<usize>, required: &[String]) -> Self {
        Self { index: KeyIndex::get(), from, required: required.to_vec(), events: false }
    }

    /// Plans for events of log agents, too.
    pub(crate) fn expect_events(&mut self) {
        self.events = true;
    }

    /// Whether an object with this key may be wrapped around a record.
    pub(crate) fn may_be_payload(&self, key: &str) -> bool {
        envelopes::is_payload(key) || self.events && key == envelopes::EVENT_PAYLOAD
    }

    /// The plan for lines in a product's own layout.
    pub(crate) fn lines(product: usize) -> Plan {
        let p: &Product = products::all()[product];
        let mut plan = Plan::empty(Hint::Nothing);
        plan.verdict = Verdict::Product(product);
        for (i, entry) in p.entries[..p.lines.columns()].iter().enumerate() {
            plan.add_key(entry.keys[0]);
            match entry.to {
                To::Extra if entry.absent.is_empty() => plan.extra.push(i),
                _ => plan.steps.push((i, i)),
            }
        }
        plan.direct = Program::new(&plan);
        plan
    }

    /// The names that a product does not know, each with the one that may be meant.
    pub(crate) fn unknown<'a>(
        &self,
        product: usize,
        names: &'a [String],
    ) -> Vec<(&'a str, Option<&'static str>)> {
        let known = || products::all()[product].entries.iter().flat_map(|e| e.keys.iter().copied());
        let unknown = names.iter().filter(|n| {
            self.index.entries(n).iter().all(|e| e.1 != product) && envelopes::meta(n, false).is_none()
        });
        unknown.map(|n| (n.as_str(), nearest::nearest(n, &mut known()))).collect()
    }

    /// Makes the plan for an object's keys.
    // Its parts stand beside each other: one inside another would take more stack than runtimes
    // for small places have.
    pub(crate) fn plan(&self, keys: &[&str], hint: Hint) -> Plan {
        let mut plan = self.decide(keys, hint);
        plan.prepare(&mut keys.iter().copied());
        plan
    }

    /// Finds the product, and what is done with each value.
    #[inline(never)]
    fn decide(&self, keys: &[&str], hint: Hint) -> Plan {
        let mut plan = Plan::empty(hint);
        for key in keys {
            plan.add_key(key);
        }
        // Of keys that occur more than once only the last counts.
        let live = sort::last_of_each(keys.len(), &|i| keys[i]);
        let payload = || live.iter().copied().find(|&i| self.may_be_payload(keys[i]));
        let evidence = self.index.evidence(live.iter().map(|&i| keys[i]));
        plan.verdict = match self.from {
            // A key or two may be the envelope's.
            Some(p) if self.speaks(p, keys, &live) || evidence[p].known >= Self::FEWEST_KEYS => {
                Verdict::Product(p)
            }
            Some(p) => match (Self::api_error(keys, &live, true), payload()) {
                (Some(error), _) => error,
                (None, Some(i)) => Verdict::Payload(i),
                (None, None) if evidence[p].known > 0 => Verdict::Product(p),
                (None, None) => Self::api_error(keys, &live, false).unwrap_or(Verdict::Unknown),
            },
            None => match Self::detect(&evidence, hint) {
                Verdict::Unknown => match (Self::api_error(keys, &live, true), payload()) {
                    (Some(error), _) => error,
                    (None, Some(i)) => Verdict::Payload(i),
                    (None, None) => {
                        let error = Self::api_error(keys, &live, false);
                        error.unwrap_or_else(|| Self::candidates(&evidence, Self::own(keys, &live)))
                    }
                },
                found => found,
            },
        };
        if plan.verdict == Verdict::Unknown
            && !self.events
            && let Some(i) = keys.iter().position(|key| *key == envelopes::ENCODED)
            && live.iter().all(|&j| j == i || envelopes::BESIDE_ENCODED.contains(&keys[j]))
        {
            plan.verdict = Verdict::Encoded(i);
        }
        let product = match plan.verdict {
            Verdict::Product(p) => Some(p),
            _ => None,
        };
        let times = || {
            live.iter()
                .copied()
                .filter(|&i| matches!(envelopes::meta(keys[i], product.is_none()), Some(Meta::LogTime(_))))
        };
        let log_time = times().find(|&i| keys[i] != envelopes::TIME).or_else(|| times().next());
        for &i in &live {
            let own = self.index.entries(keys[i]).iter().find(|e| Some(e.1) == product).map(|e| e.2);
            let to = own.map(|e| products::all()[product.unwrap_or(0)].entries[e].to);
            let absent =
                own.is_some_and(|e| !products::all()[product.unwrap_or(0)].entries[e].absent.is_empty());
            match (own, to) {
                (Some(e), Some(To::Extra)) if absent => plan.steps.push((i, e)),
                (_, Some(To::Envelope)) => plan.envelope.push(i),
                (_, Some(To::Extra)) => plan.extra.push(i),
                (Some(e), _) => plan.steps.push((i, e)),
                _ if matches!(plan.verdict, Verdict::Payload(p) | Verdict::Encoded(p) if p == i) => {}
                _ => match envelopes::meta(keys[i], product.is_none()) {
                    Some(Meta::LogTime(unit)) if Some(i) == log_time => plan.log_time = Some((i, unit)),
                    Some(Meta::LogTime(unit)) => {
                        plan.other_log_times.push((i, unit));
                        // The log's time is another one, so this is the record's own.
                        match product.is_some() && keys[i] == envelopes::TIME {
                            true => plan.extra.push(i),
                            false => plan.envelope.push(i),
                        }
                    }
                    Some(Meta::Field) => plan.envelope.push(i),
                    None if product.is_none() => plan.envelope.push(i),
                    None => plan.extra.push(i),
                },
            }
        }
        sort::sort_by(&mut plan.steps, |a, b| (a.1, a.0) < (b.1, b.0));
        plan.rival_times = has_rival_times(&plan);
        if let (Some(p), None) = (product, self.from) {
            let shaped = plan.steps.iter().map(|&(i, e)| (i, &products::all()[p].entries[e]));
            // A word that is none of the known is a fault of its own.
            plan.shaped = shaped.filter(|s| !matches!(s.1.shape, Shape::Any | Shape::Word(_))).collect();
        }
        let entry = |key: &str| self.index.entries(key).iter().find(|e| Some(e.1) == product).map(|e| e.2);
        let has = |name: &String| {
            live.iter().any(|&i| {
                fold(keys[i]) == fold(name) || entry(name).is_some() && entry(keys[i]) == entry(name)
            })
        };
        plan.topic = keys.iter().position(|key| envelopes::is_topic(key, false));
        plan.lacks = self.required.iter().find(|n| product.is_some() && !has(n)).cloned();
        plan
    }

    /// Whether these keys tell a product.
    pub(crate) fn tells(&self, keys: &[&str]) -> bool {
        matches!(self.decide(keys, Hint::Nothing).verdict, Verdict::Product(_))
    }

    /// The error body that these keys are of; only one that has no other keys, where that is asked.
    fn api_error(keys: &[&str], live: &[usize], only: bool) -> Option<Verdict> {
        let find = |name: &str| live.iter().copied().find(|&i| keys[i] == name);
        envelopes::API_ERRORS.iter().filter(|e| e.only.is_some() == only).find_map(|e| {
            let found = Verdict::ApiError { code: find(e.code)?, message: find(e.message)? };
            let is_own = |key: &str| key == e.code || key == e.message || e.also == Some(key);
            let all_known = |others: &[&str]| keys.iter().all(|key| is_own(key) || others.contains(key));
            (e.also.is_none_or(|also| find(also).is_some()) && e.only.is_none_or(all_known)).then_some(found)
        })
    }

    /// Whether a key speaks for a product, if only together with others.
    fn speaks(&self, product: usize, keys: &[&str], live: &[usize]) -> bool {
        let speaks =
            |e: &(String, usize, usize)| e.1 == product && products::all()[product].entries[e.2].tells != 0;
        live.iter().any(|&i| self.index.entries(keys[i]).iter().any(speaks))
    }

    /// How many of the keys are not the log service's.
    fn own(keys: &[&str], live: &[usize]) -> usize {
        live.iter().filter(|&&i| envelopes::meta(keys[i], false).is_none()).count()
    }

    /// The products that know most of the keys, where nothing tells one of them. One that does not
    /// know half of them is none.
    fn candidates(evidence: &[Evidence], keys: usize) -> Verdict {
        match evidence.iter().map(|e| e.known).max() {
            Some(best) if best >= Self::FEWEST_TO_NAME && best * 2 >= keys => {
                let found: Vec<_> = (0..evidence.len()).filter(|&p| evidence[p].known == best).collect();
                // Keys that nobody confirms are no evidence by themselves.
                let unconfirmed = |p: &usize| matches!(products::all()[*p].lines, Lines::Named(_));
                if found.iter().all(unconfirmed) { Verdict::Unknown } else { Verdict::Ambiguous(found) }
            }
            _ => Verdict::Unknown,
        }
    }

    /// Among the products that telling keys, or the envelope, speak for: the one that knows most
    /// of the keys.
    fn detect(evidence: &[Evidence], hint: Hint) -> Verdict {
        let told = |p: usize| match hint {
            Hint::Product(h) if h == p => evidence[p].known > 0,
            _ => evidence[p].told != 0 && evidence[p].known >= Self::FEWEST_KEYS,
        };
        let told: Vec<bool> = (0..evidence.len()).map(told).collect();
        let Some(best) = (0..told.len()).filter(|&p| told[p]).map(|p| evidence[p].known).max() else {
            return Verdict::Unknown;
        };
        let is_best = |p: usize| told[p] && evidence[p].known == best;
        // A product that no key speaks for, but that knows more of them, may be meant as well.
        let is_other = |p: usize| !told[p] && evidence[p].known > best;
        let all = 0..told.len();
        let found: Vec<usize> = all.filter(|&p| is_best(p) || is_other(p)).collect();
        match (hint, &found[..]) {
            (Hint::Product(p), _) if is_best(p) => Verdict::Product(p),
            (_, &[p]) if hint.allows(p) => Verdict::Product(p),
            (_, &[p]) => Verdict::OtherTopic(p),
            _ => Verdict::Ambiguous(found),
        }
    }
}

impl Plan {
    fn empty(hint: Hint) -> Self {
        Self {
            hint,
            keys: String::new(),
            ends: Vec::new(),
            verdict: Verdict::Unknown,
            steps: Vec::new(),
            extra: Vec::new(),
            envelope: Vec::new(),
            log_time: None,
            other_log_times: Vec::new(),
            rival_times: false,
            lacks: None,
            outline: None,
            topic: None,
            shaped: Vec::new(),
            direct: None,
            slot: 0,
            prepared: false,
        }
    }

    /// Prepares the short way for more records with these keys.
    #[inline(never)]
    fn prepare(&mut self, keys: &mut dyn Iterator<Item = &str>) {
        self.prepared = true;
        // What has more keys is no stream of records, and its plan is large enough.
        if self.ends.len() <= limits::QUICK_KEYS && self.keys.len() <= limits::QUICK_KEY_BYTES {
            self.direct = Program::new(self);
            self.outline = Outline::new(keys);
        }
    }

    /// The first keys, and whether there are more.
    pub(crate) fn first_keys(&self, most: usize) -> (Vec<&str>, bool) {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let keys = starts.zip(&self.ends).map(|(a, &b)| &self.keys[a as usize..b as usize]);
        (keys.take(most).collect(), self.ends.len() > most)
    }

    /// How many keys there are.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// A key by its number.
    pub(crate) fn key(&self, index: usize) -> &str {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.keys[start as usize..self.ends[index] as usize]
    }

    /// With how many keys both begin.
    fn shared_with(&self, other: &Self) -> u16 {
        let most = self.ends.len().min(other.ends.len());
        (0..most).take_while(|&i| self.key(i) == other.key(i)).count() as u16
    }

    fn add_key(&mut self, key: &str) {
        self.keys.push_str(key);
        self.ends.push(self.keys.len() as u32);
    }
}

/// Whether several members are the time of one field.
fn has_rival_times(plan: &Plan) -> bool {
    let Verdict::Product(p) = plan.verdict else { return false };
    let mut seen = 0_u64;
    plan.steps.iter().any(|s| match products::all()[p].entries[s.1].to {
        To::Time(field, _) => {
            let before = seen;
            seen |= 1 << field as usize;
            before == seen
        }
        _ => false,
    })
}

/// A key without what spellings differ in: case, `-` and `_`. Case is that of ASCII, as every
/// known key is; the tables for other letters would be a twentieth of the guest.
fn folded(key: &str) -> impl Iterator<Item = char> {
    key.chars().filter(|c| !matches!(c, '-' | '_')).map(|c| c.to_ascii_lowercase())
}

fn fold(key: &str) -> String {
    folded(key).collect()
}

/// Whether two keys differ in spelling at most.
pub(crate) fn same_key(a: &str, b: &str) -> bool {
    folded(a).eq(folded(b))
}

/// The plans that were needed lately.
#[derive(Debug, Default)]
pub(crate) struct Plans {
    /// Those that are needed often come first.
    #[expect(clippy::vec_box, reason = "they are large, and move")]
    plans: Vec<Box<Plan>>,
    /// The one that was needed last.
    latest: usize,
    /// With how many keys any two of them begin alike.
    shared: [[u16; Plans::KEPT]; Plans::KEPT],
}

impl Plans {
    const KEPT: usize = 8;
    /// So many are tried before the keys are read; most that do not fit fail at an early key.
    const TRIED: usize = 3;

    /// Reads an object that has the keys of a plan that was needed lately, if it has them. The
    /// object begins the tail. Says too whether there are arrays or objects in it.
    pub(crate) fn read(
        &mut self,
        text: &str,
        tail: &[u8],
        members: &mut Vec<Member>,
        unescaped: &mut String,
    ) -> Option<(&Plan, bool)> {
        unescaped.clear();
        let (mut place, mut tried, mut before) = (Place::default(), 0, 0);
        let mut found = None;
        for (i, plan) in self.plans.iter_mut().enumerate() {
            let Some(outline) = &mut plan.outline else { continue };
            // One that begins with the keys that were read goes on with the next.
            if place.members > usize::from(self.shared[before][plan.slot]) {
                if tried == Self::TRIED {
                    continue;
                }
                unescaped.clear();
                place = Place::default();
            }
            tried += 1;
            before = plan.slot;
            match outline.read(text, tail, members, unescaped, &mut place) {
                Reading::Done => {
                    found = Some(i);
                    break;
                }
                Reading::OtherKey => {}
                Reading::NotSo => return None,
            }
        }
        self.latest = found?;
        if self.latest > 0 {
            self.plans.swap(self.latest - 1, self.latest);
            self.latest -= 1;
        }
        self.latest().map(|plan| (plan, place.nested))
    }

    /// The plan that was needed last.
    pub(crate) fn latest(&self) -> Option<&Plan> {
        self.plans.get(self.latest).map(Box::as_ref)
    }

    /// The plan for these keys, which are those of the plan that was needed last.
    pub(crate) fn get_again<'a, I>(&mut self, planner: &Planner, keys: impl Fn() -> I, hint: Hint) -> &Plan
    where
        I: ExactSizeIterator<Item = &'a str>,
    {
        if self.plans.get(self.latest).is_some_and(|p| p.hint == hint) {
            return &self.plans[self.latest];
        }
        self.get(planner, keys, hint)
    }

    /// The plan for these keys.
    pub(crate) fn get<'a, I>(&mut self, planner: &Planner, keys: impl Fn() -> I, hint: Hint) -> &Plan
    where
        I: ExactSizeIterator<Item = &'a str>,
    {
        self.latest = 0;
        match self.plans.iter().position(|p| p.matches(keys(), hint)) {
            Some(i) => {
                if i > 0 {
                    self.plans[..=i].rotate_right(1);
                }
                if !self.plans[0].prepared {
                    self.plans[0].prepare(&mut keys());
                }
            }
            None => {
                let all: Vec<&str> = keys().collect();
                let mut plan = Box::new(planner.decide(&all, hint));
                plan.slot = match self.plans.len() {
                    Self::KEPT => self.plans.pop().map_or(0, |old| old.slot),
                    free => free,
                };
                for other in &self.plans {
                    let shared = plan.shared_with(other);
                    self.shared[plan.slot][other.slot] = shared;
                    self.shared[other.slot][plan.slot] = shared;
                }
                self.plans.insert(0, plan);
            }
        }
        &self.plans[0]
    }
}
