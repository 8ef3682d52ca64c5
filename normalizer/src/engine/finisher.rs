//! The end of each way to a record: it is written, or rejected, and counted.

use crate::{
    catalog::{product::To, products},
    engine::{observer::ToldBy, refusals, rejects::Rejects, sink::Sink},
    fast::plans::QuickPlan,
    json::{
        members::{Member, Object},
        read as json,
    },
    reading::{
        around::Around,
        fill::{Disposition, Given, Memory},
        plan::Verdict,
        source::Source,
    },
    record::fault::{Fault, RejectCode},
    rules::compiled::Rules,
    value::raw::{Raw, RawKind},
};

/// Writes records whose product is known, and rejects what is no record.
#[derive(Debug)]
pub(super) struct Finisher {
    pub(super) rules: Rules,
    pub(super) memory: Memory,
    /// How many records of each product came out.
    pub(super) tallies: Vec<u32>,
    pub(super) rejects: Rejects,
}

/// Memory for what is inside of a record.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    pub(super) members: Vec<Member>,
    pub(super) unescaped: String,
    /// A payload without the marks of a log service.
    pub(super) stripped: String,
}

/// The values of a record, what stands around it, and its text.
#[derive(Clone, Copy)]
pub(super) struct Found<'s, 'a> {
    pub(super) source: &'s dyn Source<'a>,
    pub(super) around: Around<'a>,
    pub(super) text: &'a str,
    /// Whether the fast paths may be tried.
    pub(super) fast: bool,
}

impl Finisher {
    /// Writes a keyed record of a product, or a line whose columns somebody named.
    // Apart from what is called anew for each envelope around a record: runtimes for small places
    // have little stack.
    #[inline(never)]
    pub(super) fn keyed<'a>(
        &mut self,
        quick: &QuickPlan,
        found: Found<'_, 'a>,
        inner: (&'a mut Vec<Member>, &'a mut String),
        sink: &mut Sink<'_>,
    ) {
        let Verdict::Product(p) = quick.plan.verdict else { return };
        let product = products::all()[p];
        if let Some(key) = &quick.plan.lacks {
            let text = format!("the key {key} is missing; the layout says that every record has it");
            let fault = Fault { format: product.id, ..Fault::of_record(RejectCode::MissingKey, text) };
            return self.rejects.reject(&fault, sink);
        }
        let Found { source, around, text, fast } = found;
        let extra = quick.plan.steps.last().filter(|s| matches!(product.entries[s.1].to, To::FlatExtra));
        let extra = extra.map(|s| source.raw(s.0)).filter(|r| r.text.starts_with('{'));
        inner.0.clear();
        let extra_text = match extra {
            // It was checked as a part of the whole; in a table it is text, and may be anything.
            Some(Raw { kind: RawKind::Nested | RawKind::Text, text })
                if json::read_members(text, inner.0, inner.1).is_ok() =>
            {
                text
            }
            _ => {
                inner.0.clear();
                ""
            }
        };
        let flat_extra = Object { text: extra_text, unescaped: inner.1, members: inner.0 };
        let given = Given { plan: &quick.plan, product, source, flat_extra, around, text };
        self.finish(quick, &given, ToldBy::Keys, fast, sink);
    }

    /// Writes a record, or rejects it; `fast` where the fast paths were not tried yet.
    pub(super) fn finish(
        &mut self,
        quick: &QuickPlan,
        given: &Given<'_, '_>,
        told_by: ToldBy,
        fast: bool,
        sink: &mut Sink<'_>,
    ) {
        let written = match fast {
            true => quick.write_any(given, &self.rules, &mut self.memory, sink.out),
            false => given.write(&self.rules, &mut self.memory, sink.out),
        };
        let written = written.map_err(|fault| refusals::other_line(given.text).unwrap_or(fault));
        if let Some(observer) = &mut self.rejects.observer {
            sink.out.output.settle();
            observer.record(given, &self.rules, told_by, &written, sink.out);
        }
        match (written, &quick.plan.verdict) {
            (Ok(Disposition::Normalized), Verdict::Product(p)) => self.tallies[*p] += 1,
            (Ok(_), _) => {}
            (Err(fault), _) => self.rejects.put(&fault, sink),
        }
    }
}
