//! Batches of elements in, records and rejects out.

use crate::{
    base::{
        error::{Error, ErrorKind},
        limits,
    },
    bytes::nearest,
    catalog::{envelopes::records_in, hint::Hint, products},
    engine::{
        context::{Context, Surroundings, Topic, numbered},
        finisher::Finisher,
        named_lines::{NamedLines, Rows, WrittenLines},
        observer::{Explained, Observer},
        own_lines::{Missed, OwnLines},
        peeling::{Core, Level, Peel, ReadBefore},
        refusals::{self, not_utf8, too_many_records},
        rejects::Rejects,
        sink::{Mark, Sink},
    },
    fast::plans::QuickPlan,
    framing::layout::Layout,
    json::members::Object,
    reading::{
        around::Around,
        fill::{Disposition, Memory},
        plan::Verdict,
        planner::Planner,
    },
    record::fields::Field,
    rules::{compiled::Rules, config::Config, ways::Ways},
    value::{missing, raw::Raw},
    wire::{
        batch::{self, BatchView, Outcome},
        framing_fault::FramingFault,
    },
};

/// A configured normalizer with the memory that it reuses.
#[derive(Debug)]
pub struct Normalizer {
    pub(super) core: Core,
    /// One for each depth.
    levels: Vec<Level>,
    surroundings: Vec<Surroundings>,
    pub(super) named: NamedLines,
    written: WrittenLines,
    pub(super) own: OwnLines,
    warnings: Vec<String>,
}

/// What is known about a text that no fast path could write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// It is a line that is cut into its columns, of these known lines, if of any.
    Line(Option<usize>),
    /// It is an object whose members were read.
    Members(ReadBefore),
    /// Nothing that the reference path may rely on.
    Anything,
}

impl From<Missed> for Next {
    fn from(missed: Missed) -> Self {
        match missed {
            Missed::Line(found) => Self::Line(found),
            Missed::Other => Self::Anything,
        }
    }
}

impl Normalizer {
    /// Checks and compiles the configuration.
    pub fn new(config: &Config) -> Result<Self, Error> {
        Self::with_wraps(config, limits::WRAPS, true)
    }

    /// The same for records that may be wrapped so often; `frames` where something may be kept from one
    /// to the next.
    pub(super) fn with_wraps(config: &Config, wraps: usize, frames: bool) -> Result<Self, Error> {
        let all = products::all();
        let from = match &config.from {
            None => None,
            Some(id) => Some(all.iter().position(|p| p.id == id).ok_or_else(|| unknown_product(id))?),
        };
        let layout = Layout::configured(config)?;
        let required = match &layout {
            Some(Layout { names, separation: None }) => &names[..],
            _ => &[],
        };
        let ways = Ways::without(&config.without)?;
        let memory = if frames && ways.frames { Memory::with_frames() } else { Memory::default() };
        let mut rules = Rules::new(config)?;
        // Without frames nothing but the reference path maps a record.
        rules.direct &= rules.to.is_flat() || memory.frames.is_some();
        let planner = Planner::new(from, required, ways);
        let mut warnings = Vec::new();
        let layout = match layout {
            None => None,
            Some(layout) => {
                let rows = Rows::new(layout, "the layout", &planner, config);
                warnings = rows.check(config, &planner)?;
                Some(rows)
            }
        };
        let of_text = Config {
            layout: config.layout.clone(),
            separator: config.separator.clone(),
            quote: config.quote.clone(),
            missing: config.missing.clone(),
            ..Config::default()
        };
        warnings.extend(unsaid_source(&rules, from));
        warnings.extend_from_slice(rules.warnings());
        let written = WrittenLines::new(from, &planner, &of_text)?;
        Ok(Self {
            named: NamedLines::new(layout, &of_text),
            written,
            core: Core {
                finisher: Finisher {
                    rules,
                    memory,
                    tallies: vec![0; all.len()],
                    rejects: Rejects::default(),
                },
                planner,
                from,
                config: of_text,
                topic: Topic::default(),
                keys: None,
                next_context: 1,
                in_compressed: false,
                wraps,
                compound: false,
                tallies_before: Vec::new(),
            },
            levels: made(wraps + 1),
            surroundings: made(wraps + 2),
            own: OwnLines::new(from, ways),
            warnings,
        })
    }

    /// What in the configuration may not be what was meant, a sentence each.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Normalizes elements from index `first` on, until the batch ends or
    /// [`limits::OUTPUT`] is reached; `out` is overwritten, [`Outcome::next`] says how far it came.
    pub fn run(&mut self, batch: &BatchView<'_>, first: usize, out: &mut Outcome) {
        out.output.clear();
        out.rejects.clear();
        out.tallies.clear();
        (out.normalized, out.filtered, out.rejected, out.filtered_bytes) = (0, 0, 0, 0);
        self.core.finisher.tallies.fill(0);
        let mut texts = batch.texts();
        let mut next = first;
        let contexts = self.core.number_contexts(batch.contexts());
        let from = self.begin_source(batch);
        while next < batch.len() && out.output.len() + out.rejects.len() < limits::OUTPUT {
            let (element, bytes) = batch.element(next);
            let start = element.start as usize;
            let text = texts.piece(start, bytes.len());
            let mut how = Next::Anything;
            self.core.finisher.memory.origin.offset = from.map(|from| from + u64::from(element.start));
            let context = numbered(batch.context(element.context), contexts, element.context);
            if let Some(text) = text
                && element.fault == 0
                && self.core.finisher.rules.direct
                && self.core.finisher.rejects.observer.is_none()
            {
                match self.as_it_stands(text, texts.tail(start), context, out) {
                    Ok(written) => {
                        if written == Disposition::Filtered {
                            out.filtered_bytes += bytes.len() as u32;
                        }
                        next += 1;
                        continue;
                    }
                    Err(why) if self.core.finisher.rules.ways.handover => how = why,
                    Err(_) => {}
                }
            }
            out.next = next as u32;
            let before = (out.normalized + out.rejected, out.filtered);
            let mark = Mark::of(out);
            self.core.compound = false;
            let mut sink = Sink { out, element: next as u32, start: mark.len };
            let mut peel = self.peel();
            match FramingFault::from_code(element.fault) {
                Some(fault) => peel.reject(&refusals::framing(fault, bytes), &mut sink),
                None => match (text.map_or_else(|| std::str::from_utf8(bytes), Ok), how) {
                    // Perhaps it is written in a format of a vendor's.
                    (Ok(text), Next::Line(None)) => {
                        peel.whole_line(text, context, Around::default(), &mut sink);
                    }
                    (Ok(text), Next::Line(found)) => {
                        peel.whole_line_of(found, false, text, Around::default(), &mut sink);
                    }
                    (Ok(text), Next::Members(read)) => {
                        peel.element(text, context, Around::default(), Some(read), &mut sink);
                    }
                    (Ok(text), Next::Anything) => {
                        peel.element(text, context, Around::default(), None, &mut sink);
                    }
                    (Err(e), _) => peel.reject(&not_utf8(bytes, e.valid_up_to()), &mut sink),
                },
            }
            if self.core.compound && mark.made(out) > limits::ELEMENT_OUTPUT {
                mark.restore(out);
                self.core.finisher.tallies.clone_from(&self.core.tallies_before);
                let mut sink = Sink { out, element: next as u32, start: mark.len };
                self.core.finisher.rejects.reject(&too_many_records(), &mut sink);
            }
            if out.filtered > before.1 && out.normalized + out.rejected == before.0 {
                out.filtered_bytes += bytes.len() as u32;
            }
            next += 1;
        }
        out.next = next as u32;
        out.output.settle();
        for (product, &count) in products::all().iter().zip(&self.core.finisher.tallies) {
            if count > 0 {
                batch::put_tally(&mut out.tallies, product.id, count);
            }
        }
    }

    /// Notes the input's name, where records are to say where they come from, and gives the offset in
    /// it of the batch's first byte.
    fn begin_source(&mut self, batch: &BatchView<'_>) -> Option<u64> {
        if !self.core.finisher.rules.source_name {
            return None;
        }
        let (offset, name) = batch.source()?;
        // It would not be read back.
        let name = if missing::is_missing(Raw::text(name)) { "" } else { name };
        self.core.finisher.memory.origin.rename(name);
        Some(offset)
    }

    /// Begins to tell how records are read.
    pub(crate) fn observe(&mut self, observer: Box<dyn Observer>) {
        self.core.finisher.rejects.observer = Some(observer);
    }

    /// What was noted.
    pub(crate) fn observed(&mut self) -> Vec<Explained> {
        self.core.finisher.rejects.observer.take().map(|mut o| o.take()).unwrap_or_default()
    }

    /// Peeling from an element on.
    pub(super) fn peel(&mut self) -> Peel<'_> {
        Peel {
            core: &mut self.core,
            levels: &mut self.levels,
            surroundings: &mut self.surroundings,
            named: Some(&mut self.named),
            written: Some(&mut self.written),
            own: &mut self.own,
            inside: false,
        }
    }

    /// Normalizes a record like the one before by a fast path, if nothing stands against it.
    /// Its text begins the tail.
    #[inline(always)]
    fn as_it_stands(
        &mut self,
        text: &str,
        tail: &[u8],
        context: Context<'_>,
        out: &mut Outcome,
    ) -> Result<Disposition, Next> {
        match (text.starts_with('{'), context.bytes) {
            (true, []) => self.object_as_it_stands(text, tail, Hint::Nothing, None, out),
            (true, [b'{', ..]) => {
                let Some(around) = self.surroundings.first_mut() else { return Err(Next::Anything) };
                around.look_around(context, &self.core.finisher.rules);
                let (hint, log_time) = (around.hint, around.log_time);
                self.object_as_it_stands(text, tail, hint, log_time.map(|t| t.ms), out)
            }
            (false, []) if self.named.layout.is_none() => {
                Ok(self.own.as_it_stands(text, tail, &mut self.core.finisher, out)?)
            }
            _ => Err(Next::Anything),
        }
    }

    fn object_as_it_stands(
        &mut self,
        text: &str,
        tail: &[u8],
        hint: Hint,
        log_time: Option<u64>,
        out: &mut Outcome,
    ) -> Result<Disposition, Next> {
        let Some(Level { plans, members, unescaped, .. }) = self.levels.first_mut() else {
            return Err(Next::Anything);
        };
        // An object whose keys no program is for is read once, by the reference path.
        if self.named.begins_with(b'{') || !plans.latest().is_some_and(QuickPlan::has_program) {
            return Err(Next::Anything);
        }
        let (quick, nested) = plans.read(text, tail, members, unescaped).ok_or(Next::Anything)?;
        let missed = |tried| Next::Members(ReadBefore { nested, tried });
        let plan = &quick.plan;
        let (Verdict::Product(p), None) = (&plan.verdict, &plan.lacks) else { return Err(missed(false)) };
        let source = Object { text, unescaped, members };
        let topic = plan.topic.map_or(Hint::Nothing, |i| self.core.topic.tells(source.raw(i)));
        if topic.or(hint) != plan.hint || nested && records_in(source).is_some() {
            return Err(missed(false));
        }
        let Finisher { rules, memory, tallies, .. } = &mut self.core.finisher;
        let written = quick.write(source, tail, log_time, rules, memory, out).ok_or(missed(true))?;
        tallies[*p] += u32::from(written == Disposition::Normalized);
        Ok(written)
    }
}

/// A warning of a filter that looks at what records say only where that is asked for.
fn unsaid_source(rules: &Rules, from: Option<usize>) -> Option<String> {
    let may_say = rules.source_name || from.is_some_and(|p| products::all()[p].id == "flat");
    let reads = rules.filter().filter(|_| !may_say)?.reads();
    let field = [Field::LogFile, Field::LogOffset].into_iter().find(|f| reads.has(*f))?;
    Some(format!(
        "where: {} is only in flat records that were made with --source-name; without it here, none \
         else has it",
        field.key()
    ))
}

fn unknown_product(id: &str) -> Error {
    let known: Vec<_> = products::all().iter().map(|p| p.id).collect();
    let near = nearest::nearest(id, &mut known.iter().copied());
    Error::new(
        ErrorKind::Product,
        match near {
            Some(n) => format!("no product is called {id:?}; did you mean {n:?}? `weir formats` lists them"),
            None => format!("no product is called {id:?}; known are {}", known.join(", ")),
        },
    )
}

fn made<T: Default>(count: usize) -> Vec<T> {
    (0..count).map(|_| T::default()).collect()
}
