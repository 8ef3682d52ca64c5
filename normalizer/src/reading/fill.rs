//! Fills a record by its plan, value by value, and writes it.

use crate::{
    base::limits,
    bytes::{digits, sort},
    catalog::{
        product::{Entry, Product, To},
        products,
    },
    json::{members::Object, read as json},
    reading::{
        around::{Around, EnvelopeFields, KeptJson},
        collector::Collector,
        origin::Origin,
        plan::Plan,
        source::Source,
    },
    record::{
        fault::{Fault, Message, RejectCode},
        fields::{Field, FieldType, Record, RecordMemory, Value},
    },
    rules::{compiled::Rules, redaction::Cuts},
    schemas::{self, flat::FlatPlaces, frames::Frames},
    value::{
        addresses, missing,
        numbers::{self, NumberFault},
        protocols::{self, Protocol},
        raw::{Raw, RawKind},
        time::{self, Time},
        words,
        zone::Zone,
    },
    wire::batch::Outcome,
};

/// The memory for one record.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) record: RecordMemory,
    /// Members that have a field, but whose value must be kept beside it.
    kept: Vec<usize>,
    cuts: Cuts,
    /// Where what is read comes from, where records are to say so.
    pub(crate) origin: Origin,
    /// What a fast path notes where nobody asks.
    pub(crate) places: FlatPlaces,
    /// None where nothing is kept from one record to the next.
    pub(crate) frames: Option<Frames>,
    /// Takes the records, if they are not to be written.
    pub(crate) collector: Option<Box<dyn Collector>>,
}

impl Memory {
    /// With frames.
    pub(crate) fn with_frames() -> Self {
        Self { frames: Some(Frames::default()), ..Self::default() }
    }
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disposition {
    Normalized,
    Filtered,
}

/// A record's plan, its values, and what stands around it.
pub(crate) struct Given<'p, 'a> {
    pub(crate) plan: &'p Plan,
    pub(crate) product: &'static Product,
    /// Through a trait object: the reference path is compiled once for all sources.
    pub(crate) source: &'p dyn Source<'a>,
    /// The members of a flat record's `extra`, with its text; empty where that is no object.
    pub(crate) flat_extra: Object<'a>,
    pub(crate) around: Around<'p>,
    /// The record's text.
    pub(crate) text: &'a str,
}

impl<'a> Given<'_, 'a> {
    /// Makes a record and writes it.
    // Apart from the fast paths, so that neither's variables take the other's stack.
    #[inline(never)]
    pub(crate) fn write(
        &self,
        rules: &Rules,
        memory: &mut Memory,
        out: &mut Outcome,
    ) -> Result<Disposition, Fault<'a>> {
        // Ahead of the record, which may borrow it.
        let mut fields = EnvelopeFields::new();
        let envelope = if rules.keep_envelope {
            self.around.kept.with_own(self.plan, self.source, &mut fields).json()
        } else {
            KeptJson::default()
        };
        if let Some(fault) = self.plan.misfit(self.source, self.product.id) {
            return Err(fault);
        }
        let Memory { record: used, kept, cuts, origin, frames, collector, .. } = memory;
        let mut record = Record::new(used);
        let filled = self.fill(&mut record, rules.zone.as_ref(), rules.ways.plain, kept);
        let written = filled.and_then(|()| {
            if rules.keep_raw {
                // A value of that name is in the text too.
                record.extra.retain(|(key, _)| *key != "raw");
                record.extra.push(("raw", Raw::text(self.text)));
            }
            if !envelope.text.is_empty() && record.extra.iter().all(|(key, _)| *key != "envelope") {
                record.extra.push(("envelope", Raw { kind: RawKind::Nested, text: &envelope.text }));
                record.readable = envelope.readable.map(|readable| (&*envelope.text, readable));
            }
            let mut added = envelope.text.len();
            if let Some(offset) = origin.offset {
                origin.put(offset, &mut record);
                added += origin.name().len();
            }
            if !rules.apply(&mut record, self.product, cuts) {
                out.filtered += 1;
                return Ok(Disposition::Filtered);
            }
            let (frames, most) = (frames.as_mut(), limits::output(self.text.len() + added));
            let fits = match collector {
                None => schemas::encode(rules.to, &record, rules.choices, frames, most, &mut out.output),
                Some(collector) => collector.take(&record, rules, most, out),
            };
            if !fits {
                return Err(too_much_output(self.product, most));
            }
            out.normalized += 1;
            Ok(Disposition::Normalized)
        });
        record.recycle(used);
        written
    }

    #[inline(never)]
    pub(crate) fn fill<'r>(
        &self,
        record: &mut Record<'r>,
        zone: Option<&Zone>,
        plain: bool,
        kept: &mut Vec<usize>,
    ) -> Result<(), Fault<'a>>
    where
        'a: 'r,
    {
        let Self { plan, product, source, .. } = self;
        for (field, word) in product.words() {
            if !word.is_empty() {
                record.set(field, Value::Text(word));
            }
        }
        kept.clear();
        if plan.rival_times {
            self.put_zoned_times_first(record, zone);
        }
        for &(member, entry) in &plan.steps {
            let (entry, value) = (&product.entries[entry], source.value(member));
            if matches!(entry.to, To::FlatExtra) && !self.flat_extra.text.is_empty() {
                continue;
            }
            let applied =
                if plain { quickly(record, entry, value, zone) } else { apply(record, entry, value, zone) };
            match applied {
                Ok(Applied::Done) => {}
                Ok(Applied::Keep) => kept.push(member),
                Err(fault) => {
                    let (field, column) = (source.key(member), source.column(member));
                    return Err(Fault { format: product.id, field, column, ..fault });
                }
            }
        }
        if let Some((field, fault)) = products::odd_word(product, record) {
            return Err(self.odd(field, fault));
        }
        let (log_time, used) = match plan.log_time {
            Some((first, _)) => self.log_time(first, zone, kept),
            None => (self.around.log_time, None),
        };
        if let Some(time) = log_time {
            record.set(Field::LogTimeMs, Value::Number(time.ms));
        }
        let extra = match kept.is_empty() && used.is_none() {
            true => &plan.extra,
            false => {
                kept.extend(plan.extra.iter().filter(|i| Some(**i) != used));
                sort::sort(kept);
                kept
            }
        };
        let flat = &self.flat_extra;
        let deep = extra.iter().find(|&&i| is_too_deep(source.raw(i))).map(|&i| source.key(i));
        let deep = deep.or_else(|| {
            let in_flat = (0..flat.members.len()).find(|&i| is_too_deep(flat.raw(i)));
            in_flat.map(|i| flat.key(i))
        });
        if let Some(key) = deep {
            return Err(too_deep(product, key));
        }
        let said = |m: &(&str, Raw<'_>)| !missing::is_dash(m.1);
        record.extra.extend(extra.iter().map(|&i| (source.key(i), source.raw(i))).filter(said));
        record.extra.extend((0..flat.members.len()).map(|i| (flat.key(i), flat.raw(i))));
        if !flat.members.is_empty() {
            last_of_each_key(&mut record.extra);
            record.extra.retain(said);
        }
        Ok(())
    }

    /// Where the first of several times for a field states no zone, sets the field to the first
    /// that does. Then that one goes before the others, of which each is compared with it.
    #[inline(never)]
    fn put_zoned_times_first(&self, record: &mut Record<'_>, zone: Option<&Zone>) {
        let (mut zoneless, mut settled) = (0_u64, 0_u64);
        for &(member, entry) in &self.plan.steps {
            let To::Time(field, unit) = self.product.entries[entry].to else { continue };
            let (raw, bit) = (self.source.value(member), 1 << field as usize);
            if settled & bit != 0 || raw.kind == RawKind::Nested || missing::is_missing(raw) {
                continue;
            }
            let text = raw.text.trim_ascii();
            if !time::states_zone(text) {
                zoneless |= bit;
            } else if zoneless & bit == 0 {
                settled |= bit;
            } else if let Ok(time) = time::read(text, unit, zone) {
                record.set(field, Value::Number(time.ms));
                settled |= bit;
            }
        }
    }

    /// The log's time, and the member that has it. The first of the members that may have it is
    /// kept where it does not, or says more.
    #[inline(never)]
    fn log_time(
        &self,
        first: usize,
        zone: Option<&Zone>,
        kept: &mut Vec<usize>,
    ) -> (Option<Time>, Option<usize>) {
        let (around, own) = (self.around.log_time, self.plan.log_time_in(self.source, zone));
        let used = own.filter(|o| time::better(Some(o.1), around) == Some(o.1));
        let said = used.is_some_and(|o| o.0 == first && o.1.other_unit.is_none());
        if !said && !missing::is_missing(self.source.raw(first)) {
            kept.push(first);
        }
        let all_of_it = used.filter(|o| o.1.other_unit.is_none()).map(|o| o.0);
        (used.map(|o| o.1).or(around), all_of_it.filter(|i| *i != first))
    }

    /// A fault of a flat record's field, with the key and the value of that.
    #[cold]
    #[inline(never)]
    fn odd(&self, field: Field, fault: Fault<'static>) -> Fault<'a> {
        let is_its = |s: &&(usize, usize)| self.product.entries[s.1].to.field() == Some(field);
        let member = self.plan.steps.iter().find(is_its).map(|s| s.0);
        let (field, found) = member.map_or(("", ""), |i| (self.source.key(i), self.source.raw(i).text));
        let column = member.map_or(0, |i| self.source.column(i));
        Fault { field, column, found, ..fault }
    }
}

/// Whether a value is nested so deep that it could not be read back from a flat record.
#[inline]
pub(crate) fn is_too_deep(raw: Raw<'_>) -> bool {
    raw.kind == RawKind::Nested && json::is_deeper(raw.text, limits::EXTRA_DEPTH)
}

#[cold]
#[inline(never)]
fn too_deep<'a>(product: &Product, key: &'a str) -> Fault<'a> {
    let text = format!(
        "arrays and objects are nested in it deeper than {}, and it could not be read back from extra",
        limits::EXTRA_DEPTH
    );
    Fault { format: product.id, field: key, ..Fault::of_record(RejectCode::Nesting, text) }
}

/// Of members with the same key only the last counts, as everywhere.
fn last_of_each_key(extra: &mut Vec<(&str, Raw<'_>)>) {
    if sort::few_and_each_once(extra.len(), &|i| extra[i].0) {
        return;
    }
    let last = sort::last_of_each(extra.len(), &|i| extra[i].0);
    for (to, &from) in last.iter().enumerate() {
        extra[to] = extra[from];
    }
    extra.truncate(last.len());
}

#[cold]
#[inline(never)]
fn too_much_output(product: &Product, most: usize) -> Fault<'static> {
    let text = format!(
        "it would become more than {most} bytes, the most that a record of its length may; its keys are too many or too long, so take out with --drop what is not needed"
    );
    Fault { format: product.id, ..Fault::of_record(RejectCode::TooMuchOutput, text) }
}

/// What became of a value.
pub(crate) enum Applied {
    /// Nothing of it is left to keep.
    Done,
    /// The value must be kept as it came.
    Keep,
}

/// The field and value of what is written the way it nearly always is.
#[inline]
fn plainly<'a>(entry: &Entry, raw: Raw<'a>) -> Option<(Field, Value<'a>)> {
    let bytes = raw.text.as_bytes();
    match entry.to {
        To::Number(field) => {
            let most = match field.field_type() {
                FieldType::Integer(most) => most,
                _ => return None,
            };
            let n = digits::read(bytes).filter(|n| *n <= most)?;
            Some((field, Value::Number(n)))
        }
        To::Time(field, unit) => Some((field, Value::Number(time::plain(bytes, unit)?))),
        To::Address(field) => Some((field, Value::Address(addresses::read_ipv4(bytes)?.into()))),
        // Longer than anything that stands for none.
        To::Text(field) if bytes.len() > 4 && raw.kind == RawKind::Text && entry.absent.is_empty() => {
            Some((field, Value::Text(raw.text)))
        }
        _ => None,
    }
}

/// What a value is read as.
// As one parameter: a sandbox passes the first four in registers, and those behind are waited for.
struct Wanted<'p> {
    entry: &'p Entry,
    field: Field,
    zone: Option<&'p Zone>,
}

/// Reads a value and sets its field; fast where it is written as it nearly always is.
#[inline(always)]
pub(crate) fn quickly<'r, 'a: 'r>(
    record: &mut Record<'r>,
    entry: &Entry,
    raw: Raw<'a>,
    zone: Option<&Zone>,
) -> Result<Applied, Fault<'a>> {
    if let Some((field, value)) = plainly(entry, raw)
        && !record.has(field)
    {
        record.set(field, value);
        return Ok(Applied::Done);
    }
    apply(record, entry, raw, zone)
}

/// Reads a value and sets its field.
pub(crate) fn apply<'r, 'a: 'r>(
    record: &mut Record<'r>,
    entry: &Entry,
    raw: Raw<'a>,
    zone: Option<&Zone>,
) -> Result<Applied, Fault<'a>> {
    let field = match entry.to {
        To::Version(v) => return Ok(if raw.text == v { Applied::Done } else { Applied::Keep }),
        To::Extra if entry.is_absent(raw.text.as_bytes()) => return Ok(Applied::Done),
        To::Extra | To::Envelope => return Ok(Applied::Keep),
        To::Silences(word, field) => {
            if raw.text == word {
                record.remove(field);
            }
            return Ok(Applied::Keep);
        }
        // An object is read apart.
        To::FlatExtra => return Ok(if missing::is_missing(raw) { Applied::Done } else { Applied::Keep }),
        To::Protocol => Field::Protocol,
        To::Counter(ingress, egress) => match record.get(Field::Direction) {
            Some(Value::Text("ingress")) => ingress,
            Some(_) => egress,
            None => return Ok(Applied::Keep),
        },
        To::Text(f)
        | To::Number(f)
        | To::Address(f)
        | To::AddressOrName(f)
        | To::Time(f, _)
        | To::Word(f, _)
        | To::Flat(f) => f,
    };
    // An id may be `-1`.
    let is_id = matches!(entry.to, To::Text(_) | To::Flat(_)) && raw.text == "-1";
    if !is_id && missing::is_missing(raw) {
        // `-1` stands for any protocol, which is not quite the same as none.
        let any = matches!(entry.to, To::Protocol) && raw.text.trim_ascii() == "-1";
        return Ok(if any { Applied::Keep } else { Applied::Done });
    }
    if raw.kind == RawKind::Nested {
        return Ok(Applied::Keep);
    }
    if entry.is_absent(raw.text.as_bytes()) {
        return Ok(Applied::Done);
    }
    let wanted = Wanted { entry, field, zone };
    if let Some(value) = record.get(field) {
        // Another key has given the field its value; this one is kept if it says something else.
        let same = read(record, &wanted, raw).is_ok_and(|r| r == Some((value, true)));
        return Ok(if same { Applied::Done } else { Applied::Keep });
    }
    Ok(match read(record, &wanted, raw)? {
        None => Applied::Keep,
        Some((value, exact)) => {
            record.set(field, value);
            if exact { Applied::Done } else { Applied::Keep }
        }
    })
}

/// Reads a value; says whether that loses nothing. `None` is a value that has no place in the field.
#[inline]
fn read<'r, 'a: 'r>(
    record: &mut Record<'r>,
    wanted: &Wanted<'_>,
    raw: Raw<'a>,
) -> Result<Option<(Value<'a>, bool)>, Fault<'a>> {
    let Wanted { entry, field, zone } = *wanted;
    let text = raw.text.trim_ascii();
    let bad = |code, message: &'static str| Err(Fault { found: raw.text, ..Fault::of_record(code, message) });
    Ok(Some(match entry.to {
        To::Flat(_) => flat_value(field, raw, zone)?,
        To::Number(_) | To::Counter(..) => number(field, raw)?,
        To::Address(_) | To::AddressOrName(_) => match addresses::read(text) {
            Some(a) => (Value::Address(a), true),
            None if matches!(entry.to, To::AddressOrName(_)) && is_host_name(text) => {
                return Ok(None);
            }
            None => return bad(RejectCode::Address, "is not an IPv4 or IPv6 address"),
        },
        To::Protocol => match protocols::read(text) {
            Protocol::Number(n, more) => {
                let word = protocols::transport(n);
                if !word.is_empty() {
                    record.set(Field::Transport, Value::Text(word));
                }
                (Value::Number(u64::from(n)), !more)
            }
            Protocol::OutOfRange => {
                return bad(RejectCode::Protocol, "is no protocol number; they go from 0 to 255");
            }
            // It is kept as it came.
            Protocol::Name => return Ok(None),
        },
        To::Time(_, unit) => match time::read(text, unit, zone) {
            Ok(time) => (Value::Number(time.ms), time.exact),
            Err(message) => return bad(RejectCode::Time, message),
        },
        To::Word(_, words) => match words::find(words, text) {
            Some((word, more)) => (Value::Text(word), !more),
            None => {
                let code = if field == Field::Action { RejectCode::Action } else { RejectCode::Word };
                return Err(Fault { found: raw.text, ..Fault::of_record(code, Message::NoneOf(words)) });
            }
        },
        _ => (Value::Text(raw.text), true),
    }))
}

/// Whether a text may be the name of a host.
fn is_host_name(text: &str) -> bool {
    text.len() <= 253
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
        && text.bytes().any(|b| b.is_ascii_alphabetic())
}

fn number<'a>(field: Field, raw: Raw<'a>) -> Result<(Value<'a>, bool), Fault<'a>> {
    let most = match field.field_type() {
        FieldType::Integer(most) => most,
        FieldType::Millis => limits::LATEST_MS,
        _ => u64::MAX,
    };
    let (code, message): (_, Message) = match numbers::unsigned(raw.text.trim_ascii()) {
        Ok((n, exact)) if n <= most => return Ok((Value::Number(n), exact)),
        Err(NumberFault::NotANumber) if field.field_type() == FieldType::Millis => {
            let text = "is not a time; expected epoch milliseconds, or a date and a time of day";
            (RejectCode::Time, text.into())
        }
        Err(NumberFault::NotANumber) => (RejectCode::Number, "is not a number".into()),
        Err(NumberFault::Negative) => (RejectCode::Number, "is negative; expected a number from 0".into()),
        Ok(_) | Err(NumberFault::TooLarge) => (RejectCode::Number, Message::Above(most)),
    };
    Err(Fault { found: raw.text, ..Fault::of_record(code, message) })
}

/// Reads a field of a flat record, which is there exactly as it goes out, but for times: other programs
/// that copy a table of records write them out.
fn flat_value<'a>(field: Field, raw: Raw<'a>, zone: Option<&Zone>) -> Result<(Value<'a>, bool), Fault<'a>> {
    let fault = |code, message: String| Err(Fault { found: raw.text, ..Fault::of_record(code, message) });
    Ok(match field.field_type() {
        FieldType::Text => (Value::Text(raw.text), true),
        FieldType::Word(words) => match words.iter().find(|w| **w == raw.text) {
            Some(word) => (Value::Text(word), true),
            None => return fault(RejectCode::Word, format!("is none of {}", words.join(", "))),
        },
        FieldType::Address => match addresses::read(raw.text) {
            Some(a) => (Value::Address(a), true),
            None => return fault(RejectCode::Address, "is not an IPv4 or IPv6 address".into()),
        },
        FieldType::Integer(_) | FieldType::Millis => match number(field, raw) {
            Ok((value, true)) => (value, true),
            Ok((_, false)) => return fault(RejectCode::Number, "is not an integer".into()),
            Err(no_number) => match time::written(raw.text, zone) {
                Some((ms, exact)) if field.field_type() == FieldType::Millis => {
                    if ms > limits::LATEST_MS {
                        return fault(RejectCode::Time, "is later than a schema can tell".into());
                    }
                    (Value::Number(ms), exact)
                }
                _ => return Err(no_number),
            },
        },
    })
}
