//! The plans that were needed lately.

use crate::{
    base::limits,
    catalog::{hint::Hint, products},
    fast::{
        outline::{Outline, Progress, Reading},
        program::Program,
    },
    json::members::{Member, Object},
    reading::{
        fill::{Disposition, Given, Memory, quickly},
        plan::{Plan, Verdict},
        planner::Planner,
    },
    record::{
        fault::Fault,
        fields::{Field, Record, Value},
    },
    rules::{compiled::Rules, filter::Filter, ways::Ways},
    schemas,
    value::{missing, zone::Zone},
    wire::batch::Outcome,
};

/// A plan, and the fast paths for records with its keys.
#[derive(Clone, Debug)]
pub(crate) struct QuickPlan {
    pub(crate) plan: Plan,
    /// How records that are written in the simplest way go out.
    pub(crate) program: Option<Program>,
    /// The keys as an object has them.
    outline: Option<Outline>,
    /// Its number among those that are kept.
    slot: usize,
    /// Whether the fast paths are prepared, if there are any: that is so from the second record on
    /// with these keys, as there may be no second one.
    prepared: bool,
}

impl QuickPlan {
    /// A plan whose fast paths are not prepared.
    fn unprepared(plan: Plan) -> Self {
        Self { plan, program: None, outline: None, slot: 0, prepared: false }
    }

    /// The plan for values with these names.
    // Its parts stand beside each other: one inside another would take more stack than runtimes
    // for small places have.
    pub(crate) fn new(planner: &Planner, keys: &[&str], hint: Hint) -> Self {
        let mut quick = Self::unprepared(planner.plan(keys, hint));
        quick.prepare(planner.ways, &mut keys.iter().copied());
        quick
    }

    /// The plan for lines in a product's own layout.
    pub(crate) fn lines(product: usize, ways: Ways) -> Self {
        let plan = Planner::lines(product);
        let program = if ways.program { Program::new(&plan) } else { None };
        Self { program, ..Self::unprepared(plan) }
    }

    /// Whether records with its keys may go a fast path.
    pub(crate) fn has_program(&self) -> bool {
        self.program.is_some()
    }

    /// Prepares the fast paths for more records with these keys.
    #[inline(never)]
    fn prepare(&mut self, ways: Ways, keys: &mut dyn Iterator<Item = &str>) {
        self.prepared = true;
        // What has more keys is no stream of records, and its plan is large enough.
        if self.plan.len() <= limits::QUICK_KEYS && self.plan.key_bytes() <= limits::QUICK_KEY_BYTES {
            self.program = if ways.program { Program::new(&self.plan) } else { None };
            self.outline = if ways.outline { Outline::new(keys) } else { None };
        }
    }

    /// Writes a record by a fast path, or else by the reference path.
    pub(crate) fn write_any<'a>(
        &self,
        given: &Given<'_, 'a>,
        rules: &Rules,
        memory: &mut Memory,
        out: &mut Outcome,
    ) -> Result<Disposition, Fault<'a>> {
        if rules.direct
            && let Some(values) = given.source.short()
            && let tail = values.text.as_bytes()
            && let log_time = given.around.log_time.map(|t| t.ms)
            && let Some(written) = self.write(values, tail, log_time, rules, memory, out)
        {
            return Ok(written);
        }
        given.write(rules, memory, out)
    }

    /// Writes a record by the program; `None` where it can't. The tail begins with the
    /// record's text, and may go on behind it.
    #[inline]
    pub(crate) fn write(
        &self,
        values: Object<'_>,
        tail: &[u8],
        log_time: Option<u64>,
        rules: &Rules,
        memory: &mut Memory,
        out: &mut Outcome,
    ) -> Option<Disposition> {
        let zone = rules.zone.as_ref();
        let start = out.output.len();
        if !self.plan.shaped.is_empty() && self.plan.misfits(&values)
            || memory.origin.offset.is_some() && self.may_say_its_origin()
        {
            return None;
        }
        if !rules.to.is_flat() {
            return self.write_mapped(values, tail, log_time, rules, memory, out);
        }
        let program = self.program.as_ref()?;
        if !program.run(values, tail, log_time, zone, &mut memory.record, None, &mut out.output) {
            return None;
        }
        if out.output.len() - start > limits::output(values.text.len()) {
            // The reference path rejects it, with the reason.
            out.output.truncate(start);
            return None;
        }
        Some(self.filter(values, log_time, rules, memory, start, out))
    }

    /// The same in another schema than the flat one.
    #[inline(never)]
    fn write_mapped(
        &self,
        values: Object<'_>,
        tail: &[u8],
        log_time: Option<u64>,
        rules: &Rules,
        memory: &mut Memory,
        out: &mut Outcome,
    ) -> Option<Disposition> {
        let program = self.program.as_ref()?;
        let (flat, places) = program.noting(memory.frames.as_mut()?);
        let zone = rules.zone.as_ref();
        if !program.run(values, tail, log_time, zone, &mut memory.record, Some(places), flat) {
            return None;
        }
        self.map(values, log_time, rules, memory, out)
    }

    /// Writes the record in another schema that was written flat, and noted, unless the filter drops it.
    #[inline(never)]
    pub(crate) fn map(
        &self,
        values: Object<'_>,
        log_time: Option<u64>,
        rules: &Rules,
        memory: &mut Memory,
        out: &mut Outcome,
    ) -> Option<Disposition> {
        if let Some(filter) = rules.filter()
            && !self.passes(values, log_time, rules.zone.as_ref(), filter, memory)
        {
            out.filtered += 1;
            return Some(Disposition::Filtered);
        }
        let program = self.program.as_ref()?;
        let mapped = schemas::mapped(rules.to, rules.choices)?;
        let member = |number: usize| {
            let (member, meaning) = program.extra(number)?;
            Some((self.plan.key(member), values.raw(member), meaning))
        };
        let (start, most) = (out.output.len(), limits::output(values.text.len()));
        out.output.begin(most);
        let Memory { record, frames, .. } = memory;
        let written = frames.as_mut()?.put(&mapped, &member, record, &mut out.output);
        // What is too long the reference path rejects, with the reason.
        if !out.output.end(start, most) || !written {
            return None;
        }
        out.normalized += 1;
        Some(Disposition::Normalized)
    }

    /// Takes the record back that was written from `start` on, if the filter drops it.
    #[inline(always)]
    pub(crate) fn filter(
        &self,
        values: Object<'_>,
        log_time: Option<u64>,
        rules: &Rules,
        memory: &mut Memory,
        start: usize,
        out: &mut Outcome,
    ) -> Disposition {
        if let Some(filter) = rules.filter()
            && !self.passes(values, log_time, rules.zone.as_ref(), filter, memory)
        {
            out.output.truncate(start);
            out.filtered += 1;
            return Disposition::Filtered;
        }
        out.normalized += 1;
        if let Some(offset) = memory.origin.offset {
            memory.origin.add_to(offset, start, &mut out.output);
        }
        Disposition::Normalized
    }

    /// Whether its records may say which input they are from: those that are flat already.
    fn may_say_its_origin(&self) -> bool {
        let Verdict::Product(p) = self.plan.verdict else { return false };
        let product = products::all()[p];
        let says = |s: &(usize, usize)| {
            matches!(product.entries[s.1].to.field(), Some(Field::LogFile | Field::LogOffset))
        };
        product.provider.is_empty() && self.plan.steps.iter().any(says)
    }

    /// Whether a record passes, of which only the fields are read that the filter looks at. It
    /// has been written, so each value is good, and is in its field.
    #[inline(never)]
    fn passes(
        &self,
        values: Object<'_>,
        log_time: Option<u64>,
        zone: Option<&Zone>,
        filter: &Filter,
        memory: &mut Memory,
    ) -> bool {
        let Verdict::Product(product) = self.plan.verdict else { return true };
        let reads = filter.reads();
        let product = products::all()[product];
        let mut record = Record::new(&mut memory.record);
        for (field, word) in product.words() {
            if reads.has(field) {
                record.set(field, Value::Text(word));
            }
        }
        for &(member, entry) in &self.plan.steps {
            let entry = &product.entries[entry];
            if entry.to.field().is_some_and(|f| reads.has(f)) {
                let _ = quickly(&mut record, entry, values.raw(member), zone);
            }
        }
        if reads.has(Field::LogTimeMs)
            && let Some(time) = self.plan.log_time_in(&values, zone).map(|t| t.1.ms).or(log_time)
        {
            record.set(Field::LogTimeMs, Value::Number(time));
        }
        if reads.extra {
            let extra = self.plan.extra.iter().map(|&i| (self.plan.key(i), values.raw(i)));
            record.extra.extend(extra.filter(|m| !missing::is_dash(m.1)));
        }
        let passes = filter.accepts(&record);
        record.recycle(&mut memory.record);
        passes
    }
}

/// The plans that were needed lately.
#[derive(Debug, Default)]
pub(crate) struct Plans {
    /// Those that are needed often come first.
    #[expect(clippy::vec_box, reason = "they are large, and move")]
    plans: Vec<Box<QuickPlan>>,
    /// The one that was needed last.
    latest: usize,
    /// With how many keys any two of those begin alike that are prepared.
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
    ) -> Option<(&QuickPlan, bool)> {
        unescaped.clear();
        let (mut place, mut tried, mut before) = (Progress::default(), 0, 0);
        let mut found = None;
        for (i, plan) in self.plans.iter_mut().enumerate() {
            let Some(outline) = &mut plan.outline else { continue };
            // One that begins with the keys that were read goes on with the next.
            if place.members > usize::from(self.shared[before][plan.slot]) {
                if tried == Self::TRIED {
                    continue;
                }
                unescaped.clear();
                place = Progress::default();
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
    pub(crate) fn latest(&self) -> Option<&QuickPlan> {
        self.plans.get(self.latest).map(Box::as_ref)
    }

    /// The plan for these keys, which are those of the plan that was needed last.
    pub(crate) fn get_again<'a, I>(
        &mut self,
        planner: &Planner,
        keys: impl Fn() -> I,
        hint: Hint,
    ) -> &QuickPlan
    where
        I: ExactSizeIterator<Item = &'a str> + DoubleEndedIterator,
    {
        if self.plans.get(self.latest).is_some_and(|p| p.plan.hint == hint) {
            return &self.plans[self.latest];
        }
        self.get(planner, keys, hint)
    }

    /// The plan for these keys.
    pub(crate) fn get<'a, I>(&mut self, planner: &Planner, keys: impl Fn() -> I, hint: Hint) -> &QuickPlan
    where
        I: ExactSizeIterator<Item = &'a str> + DoubleEndedIterator,
    {
        self.latest = 0;
        match self.plans.iter().position(|p| p.plan.matches(keys(), hint)) {
            Some(i) => {
                if i > 0 {
                    self.plans[..=i].rotate_right(1);
                }
                if !self.plans[0].prepared {
                    self.plans[0].prepare(planner.ways, &mut keys());
                    self.compare();
                }
            }
            None => {
                let all: Vec<&str> = keys().collect();
                let free = self.plans.len();
                let (slot, memory) = match self.plans.pop_if(|_| free == Self::KEPT) {
                    Some(old) => (old.slot, old.plan),
                    None => (free, Plan::empty(hint)),
                };
                let plan = QuickPlan::unprepared(planner.plan_in(memory, &all, hint));
                self.plans.insert(0, Box::new(QuickPlan { slot, ..plan }));
            }
        }
        &self.plans[0]
    }

    /// Compares the first plan, which is prepared now, with the others that are.
    fn compare(&mut self) {
        let [plan, others @ ..] = &self.plans[..] else { return };
        for other in others.iter().filter(|other| other.prepared) {
            let shared = plan.plan.shared_with(&other.plan);
            self.shared[plan.slot][other.slot] = shared;
            self.shared[other.slot][plan.slot] = shared;
        }
    }
}
