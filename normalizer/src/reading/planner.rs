//! Makes plans.

use crate::{
    bytes::{nearest, sort},
    catalog::{
        detection::{self, FEWEST_KEYS, KeyEntry, KeyIndex, Told},
        envelopes::{self, Meta},
        hint::Hint,
        keys::same_key,
        product::{Product, Shape, To},
        products,
    },
    reading::plan::{Plan, Verdict},
    rules::ways::Ways,
};

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
    /// Which fast paths may be prepared for a plan.
    pub(crate) ways: Ways,
}

impl Planner {
    pub(crate) fn new(from: Option<usize>, required: &[String], ways: Ways) -> Self {
        Self { index: KeyIndex::get(), from, required: required.to_vec(), events: false, ways }
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

    /// Makes the plan for an object's keys: finds the product, and what is done with each value.
    pub(crate) fn plan(&self, keys: &[&str], hint: Hint) -> Plan {
        self.plan_in(Plan::empty(hint), keys, hint)
    }

    /// The same in the memory of a plan that is not needed any more.
    #[inline(never)]
    pub(crate) fn plan_in(&self, memory: Plan, keys: &[&str], hint: Hint) -> Plan {
        let mut plan = Plan::of_keys(keys, hint, memory);
        let entries: Vec<&[KeyEntry]> = keys.iter().map(|key| self.index.entries(key)).collect();
        // Of keys that occur more than once only the last counts.
        let live = sort::last_of_each(keys.len(), &|i| keys[i]);
        let payload = || live.iter().copied().find(|&i| self.may_be_payload(keys[i]));
        let evidence = self.index.evidence(live.iter().map(|&i| entries[i]));
        plan.verdict = match self.from {
            // A key or two may be the envelope's.
            Some(p) if evidence[p].speaks || evidence[p].known >= FEWEST_KEYS => Verdict::Product(p),
            Some(p) => match (Self::api_error(keys, &live, true), payload()) {
                (Some(error), _) => error,
                (None, Some(i)) => Verdict::Payload(i),
                (None, None) if evidence[p].known > 0 => Verdict::Product(p),
                (None, None) => Self::api_error(keys, &live, false).unwrap_or(Verdict::Unknown),
            },
            None => match detection::detect(&evidence, hint) {
                Told::Unknown => match (Self::api_error(keys, &live, true), payload()) {
                    (Some(error), _) => error,
                    (None, Some(i)) => Verdict::Payload(i),
                    (None, None) => {
                        let error = Self::api_error(keys, &live, false);
                        error.unwrap_or_else(|| {
                            detection::candidates(self.index, &evidence, Self::own(keys, &live)).into()
                        })
                    }
                },
                found => found.into(),
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
            let own = entries[i].iter().find(|e| Some(e.1) == product).map(|e| e.2);
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
            let own = |i: usize| entries[i].iter().find(|e| e.1 == p);
            let shaped = live.iter().filter_map(|&i| Some((i, &products::all()[p].entries[own(i)?.2])));
            // An unknown word is a fault of its own.
            plan.shaped.extend(shaped.filter(|s| !matches!(s.1.shape, Shape::Any | Shape::Word(_))));
        }
        let entry = |found: &[KeyEntry]| found.iter().find(|e| Some(e.1) == product).map(|e| e.2);
        let has = |name: &String| {
            let wanted = entry(self.index.entries(name));
            live.iter().any(|&i| same_key(keys[i], name) || wanted.is_some() && entry(entries[i]) == wanted)
        };
        plan.topic = keys.iter().position(|key| envelopes::is_topic(key, false));
        plan.lacks = self.required.iter().find(|n| product.is_some() && !has(n)).cloned();
        plan
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

    /// How many of the keys are not the log service's.
    fn own(keys: &[&str], live: &[usize]) -> usize {
        live.iter().filter(|&&i| envelopes::meta(keys[i], false).is_none()).count()
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
