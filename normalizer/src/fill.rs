//! Fills a record by its plan, value by value, and writes it.

use std::mem;

use crate::{
    Config, Zone,
    batch::Outcome,
    convert::{self, NumberFault},
    encode,
    fault::{Fault, code},
    plan::Plan,
    products::{self, Entry, To},
    record::{Field, FieldType, Raw, RawKind, Record, Value, recycle},
    source::{Object, Source},
    vocabulary,
};

/// The memory for one record.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    extra: Vec<(&'static str, Raw<'static>)>,
    /// Members that have a field, but whose value must be kept beside it.
    kept: Vec<usize>,
}

/// What the envelopes around a record say.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Around<'a> {
    pub(crate) log_time: Option<u64>,
    /// The product that a topic tells.
    pub(crate) hint: Option<usize>,
    /// Their fields, from the outermost to the innermost; only if they are to be kept.
    pub(crate) fields: &'a [(&'a str, Raw<'a>)],
}

/// Fills a record by its plan and writes it.
#[expect(clippy::too_many_arguments, reason = "borrows parts of the normalizer apart")]
pub(crate) fn build<'a>(
    plan: &Plan,
    product: usize,
    source: &impl Source<'a>,
    flat_extra: &Object<'a>,
    around: Around<'_>,
    config: &Config,
    memory: &mut Memory,
    text: &'a str,
    out: &mut Outcome,
) -> Result<(), Fault<'a>> {
    let product = products::all()[product];
    let zone = config.zone.as_ref();
    let mut record = Record::with_memory(recycle(mem::take(&mut memory.extra)));
    for (field, word) in
        [(Field::Provider, product.provider), (Field::Product, product.product), (Field::Kind, product.kind)]
    {
        if !word.is_empty() {
            record.set(field, Value::Text(word));
        }
    }
    let kept = &mut memory.kept;
    kept.clear();
    let mut fault = None;
    for &(member, entry) in &plan.steps {
        let entry = &product.entries[entry];
        match apply(&mut record, entry, source.raw(member), zone) {
            Ok(Applied::Done) => {}
            Ok(Applied::Keep) => kept.push(member),
            Err(f) => {
                let (field, column) = (source.key(member), source.column(member));
                fault = Some(Fault { format: product.id, field, column, ..f });
                break;
            }
        }
    }
    let made = match fault {
        Some(fault) => Err(fault),
        None => {
            if kept.is_empty() {
                record.extra.extend(plan.extra.iter().map(|&i| (source.key(i), source.raw(i))));
            } else {
                kept.extend_from_slice(&plan.extra);
                kept.sort_unstable();
                record.extra.extend(kept.iter().map(|&i| (source.key(i), source.raw(i))));
            }
            record
                .extra
                .extend((0..flat_extra.members.len()).map(|i| (flat_extra.key(i), flat_extra.raw(i))));
            let mut log_time = around.log_time;
            if let Some((i, unit)) = plan.log_time
                && let raw = source.raw(i)
                && !convert::is_missing(raw)
            {
                match convert::time(raw.text, unit, zone) {
                    Some((time, _)) => log_time = Some(time),
                    None => record.extra.push((source.key(i), raw)),
                }
            }
            if let Some(time) = log_time {
                record.set(Field::LogTimeMs, Value::Number(time));
            }
            finish(record, plan, source, around, config, text, out, memory);
            return Ok(());
        }
    };
    memory.extra = recycle(record.extra);
    made
}

/// Adds what was asked to be kept, and writes the record.
#[expect(clippy::too_many_arguments, reason = "borrows parts of the normalizer apart")]
fn finish<'a>(
    mut record: Record<'a>,
    plan: &Plan,
    source: &impl Source<'a>,
    around: Around<'_>,
    config: &Config,
    text: &'a str,
    out: &mut Outcome,
    memory: &mut Memory,
) {
    if config.keep_raw {
        record.extra.push(("raw", Raw::text(text)));
    }
    let mut envelope = String::new();
    if config.keep_envelope {
        let mut fields: Vec<(&str, Raw<'_>)> = around.fields.to_vec();
        fields.extend(plan.envelope.iter().map(|&i| (source.key(i), source.raw(i))));
        // The innermost of a name wins.
        let last = |i: usize| fields[i + 1..].iter().all(|f| f.0 != fields[i].0);
        let kept: Vec<_> = (0..fields.len()).filter(|&i| last(i)).map(|i| fields[i]).collect();
        if !kept.is_empty() {
            let mut json = Vec::new();
            encode::object(kept.into_iter(), &mut json);
            envelope = String::from_utf8(json).unwrap_or_default();
        }
    }
    let mut record: Record<'_> = record;
    if !envelope.is_empty() {
        record.extra.push(("envelope", Raw { kind: RawKind::Nested, text: &envelope }));
    }
    encode::flat(&record, &mut out.output);
    out.normalized += 1;
    memory.extra = recycle(record.extra);
}

/// What became of a value.
pub(crate) enum Applied {
    /// Nothing of it is left to keep.
    Done,
    /// The value must be kept as it came.
    Keep,
}

/// Reads a value and sets its field.
#[inline]
pub(crate) fn apply<'a>(
    record: &mut Record<'a>,
    entry: &Entry,
    raw: Raw<'a>,
    zone: Option<&Zone>,
) -> Result<Applied, Fault<'a>> {
    let field = match entry.to {
        To::Version(v) => return Ok(if raw.text == v { Applied::Done } else { Applied::Keep }),
        To::Extra | To::Envelope => return Ok(Applied::Keep),
        To::FlatExtra => {
            return Ok(if raw.kind == RawKind::Nested && raw.text.starts_with('{') {
                Applied::Done
            } else {
                Applied::Keep
            });
        }
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
    if convert::is_missing(raw) {
        // `-1` stands for any protocol, which is not quite the same as none.
        let any = matches!(entry.to, To::Protocol) && raw.text == "-1";
        return Ok(if any { Applied::Keep } else { Applied::Done });
    }
    if raw.kind == RawKind::Nested {
        return Ok(Applied::Keep);
    }
    if let Some(value) = record.get(field) {
        // Another key has given the field its value; this one is kept if it says something else.
        let same = read(record, entry, field, raw, zone).is_ok_and(|r| r == Some((value, true)));
        return Ok(if same { Applied::Done } else { Applied::Keep });
    }
    Ok(match read(record, entry, field, raw, zone)? {
        None => Applied::Keep,
        Some((value, exact)) => {
            record.set(field, value);
            if exact { Applied::Done } else { Applied::Keep }
        }
    })
}

/// Reads a value; says whether that loses nothing. `None` is a value that has no place in the field.
#[inline]
fn read<'a>(
    record: &mut Record<'a>,
    entry: &Entry,
    field: Field,
    raw: Raw<'a>,
    zone: Option<&Zone>,
) -> Result<Option<(Value<'a>, bool)>, Fault<'a>> {
    let text = raw.text.trim_ascii();
    let bad = |code, message: &'static str| Err(Fault { found: raw.text, ..Fault::of_record(code, message) });
    Ok(Some(match entry.to {
        To::Flat(_) => (flat_value(field, raw)?, true),
        To::Number(_) | To::Counter(..) => number(field, raw)?,
        To::Address(_) | To::AddressOrName(_) => match convert::address(text) {
            Some(a) => (Value::Address(a), true),
            None if matches!(entry.to, To::AddressOrName(_)) && is_host_name(text) => {
                return Ok(None);
            }
            None => return bad(code::ADDRESS, "is not an IPv4 or IPv6 address"),
        },
        To::Protocol => match convert::protocol(text) {
            Some((n, more)) => {
                let word = vocabulary::transport(n);
                if !word.is_empty() {
                    record.set(Field::Transport, Value::Text(word));
                }
                (Value::Number(u64::from(n)), !more)
            }
            None if text.bytes().all(|b| b.is_ascii_digit()) => {
                return bad(code::PROTOCOL, "is no protocol number; they end at 255");
            }
            // A name that IANA does not know is kept as it came.
            None => return Ok(None),
        },
        To::Time(_, unit) => match convert::time(text, unit, zone) {
            Some((t, exact)) => (Value::Number(t), exact),
            None => {
                return bad(
                    code::TIME,
                    "is not a time; expected epoch seconds or milliseconds, or a date and a time of day",
                );
            }
        },
        To::Word(_, words) => match vocabulary::find(words, text) {
            Some((word, more)) => (Value::Text(word), !more),
            None => {
                let mut known: Vec<_> = words.iter().map(|w| w.0).collect();
                known.dedup();
                let code = if field == Field::Action { code::ACTION } else { code::WORD };
                let message = format!("is not known; expected one of {}", known.join(", "));
                return Err(Fault { found: raw.text, ..Fault::of_record(code, message) });
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
        _ => u64::MAX,
    };
    let message = match convert::unsigned(raw.text.trim_ascii()) {
        Ok((n, exact)) if n <= most => return Ok((Value::Number(n), exact)),
        Err(NumberFault::NotANumber) => "is not a number".into(),
        Err(NumberFault::Negative) => "is negative; expected a number from 0".into(),
        Ok(_) | Err(NumberFault::TooLarge) => format!("is too large; the highest is {most}"),
    };
    Err(Fault { found: raw.text, ..Fault::of_record(code::NUMBER, message) })
}

/// Reads a field of a flat record, which is there exactly as it goes out.
fn flat_value<'a>(field: Field, raw: Raw<'a>) -> Result<Value<'a>, Fault<'a>> {
    let fault = |code, message: String| Err(Fault { found: raw.text, ..Fault::of_record(code, message) });
    match field.field_type() {
        FieldType::Text => Ok(Value::Text(raw.text)),
        FieldType::Word(words) => match words.iter().find(|w| **w == raw.text) {
            Some(word) => Ok(Value::Text(word)),
            None => fault(code::WORD, format!("is none of {}", words.join(", "))),
        },
        FieldType::Address => match convert::address(raw.text) {
            Some(a) => Ok(Value::Address(a)),
            None => fault(code::ADDRESS, "is not an IPv4 or IPv6 address".into()),
        },
        FieldType::Integer(_) | FieldType::Millis => match number(field, raw)? {
            (value, true) => Ok(value),
            (_, false) => fault(code::NUMBER, "is not an integer".into()),
        },
    }
}
