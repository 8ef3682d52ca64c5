//! Why something is no record.

use crate::{
    base::limits,
    catalog::{detection::KeyIndex, envelopes, product::To, products},
    engine::line_refusals::{Evidence, counted, evidence},
    framing::layout,
    json::{read as json, read::JsonFault},
    reading::{
        plan::{Plan, Verdict},
        source::Source,
    },
    record::fault::{Fault, RejectCode, clipped},
    value::raw::Raw,
    wire::framing_fault::FramingFault,
};

/// The fault of a line that is known to be no record, though it stands where one should. Nobody
/// can say that the lines behind it are about the columns that a header row in a payload names.
#[cold]
#[inline(never)]
pub(super) fn other_line(text: &str) -> Option<Fault<'static>> {
    if text.starts_with(envelopes::CONTROL_MESSAGE) {
        let text = "this is no record but a message by which CloudWatch Logs tries its subscription";
        return Some(Fault::of_record(RejectCode::ControlMessage, text));
    }
    let is_header = layout::header(text.trim_ascii().as_bytes(), None, KeyIndex::get()).is_some();
    let text = "this is a header row and no record; here it names the columns of no other line, so give them with --layout";
    is_header.then(|| Fault::of_record(RejectCode::Header, text))
}

pub(super) const NO_RECORDS: &str = "the envelope in it holds no records";

/// Whether a record may be of a product: it has the key of an address, and nothing among its
/// values speaks against it.
#[cold]
#[inline(never)]
pub(super) fn may_be<'a>(product: usize, plan: &Plan, source: &dyn Source<'a>) -> bool {
    let index = KeyIndex::get();
    let entry = |i: usize| index.entry(product, source.key(i));
    let is_address =
        |i: usize| entry(i).is_some_and(|e| matches!(e.to, To::Address(_) | To::AddressOrName(_)));
    let against = |i: usize| entry(i).is_some_and(|e| evidence(e, source.value(i)) == Evidence::Against);
    (0..plan.len()).any(is_address) && !(0..plan.len()).any(against)
}

#[cold]
#[inline(never)]
pub(super) fn not_utf8(bytes: &[u8], at: usize) -> Fault<'static> {
    let byte = bytes.get(at).copied().unwrap_or_default();
    let text = format!("byte 0x{byte:02x} at offset {at} is not UTF-8; convert the input to UTF-8");
    Fault { offset: Some(at), ..Fault::of_record(RejectCode::Utf8, text) }
}

#[cold]
#[inline(never)]
pub(super) fn no_payload<'a>(field: &'a str, payload: Raw<'a>) -> Fault<'a> {
    let text = "is no record; a string or an object is expected";
    Fault { field, found: payload.text, ..Fault::of_record(RejectCode::UnknownFormat, text) }
}

/// An array whose values the envelope does not name.
#[cold]
#[inline(never)]
pub(super) fn not_the_columns(values: usize, columns: usize) -> Fault<'static> {
    if columns == 0 {
        let text = "an array, and the envelope does not name its columns";
        return Fault::of_record(RejectCode::UnknownFormat, text);
    }
    let text = format!("{values} values, but the envelope names {}", counted(columns));
    Fault::of_record(RejectCode::ColumnCount, text)
}

#[cold]
#[inline(never)]
pub(super) fn too_long() -> Fault<'static> {
    let text = format!("the record is longer than {} bytes, the most that a record may have", limits::RECORD);
    Fault::of_record(RejectCode::TooLong, text)
}

#[cold]
#[inline(never)]
pub(super) fn too_many_records() -> Fault<'static> {
    let text = format!("the records in it make more than {} bytes; split it before", limits::ELEMENT_OUTPUT);
    Fault::of_record(RejectCode::TooManyRecords, text)
}

#[cold]
#[inline(never)]
pub(super) fn nested_too_deep() -> Fault<'static> {
    let text = format!("arrays and objects are nested deeper than {}", limits::DEPTH);
    Fault::of_record(RejectCode::Nesting, text)
}

#[cold]
#[inline(never)]
pub(super) fn records_twice(keys: [&str; 2]) -> Fault<'static> {
    let [one, other] = keys.map(|key| clipped(key, 40));
    let text = format!(
        "it has records under {one} and under {other}, and each would hide the other; write them as documents of their own"
    );
    Fault::of_record(RejectCode::Ambiguous, text)
}

#[cold]
#[inline(never)]
pub(super) fn wrapped_too_often(wraps: usize) -> Fault<'static> {
    Fault::of_record(RejectCode::Nesting, format!("envelopes are nested deeper than {wraps}"))
}

#[cold]
#[inline(never)]
pub(super) fn json_fault(text: &str, fault: JsonFault) -> Fault<'static> {
    if fault.what == "nested too deep" {
        return nested_too_deep();
    }
    let found = match text[fault.offset..].chars().next() {
        Some(c) => format!("found {c:?}"),
        None => "the text ends".into(),
    };
    let text = format!("no valid JSON at offset {}: {}, {found}", fault.offset, fault.what);
    Fault { offset: Some(fault.offset), ..Fault::of_record(RejectCode::Json, text) }
}

/// Why an element can't hold a record, as the framing found.
#[cold]
#[inline(never)]
pub(super) fn framing(fault: FramingFault, bytes: &[u8]) -> Fault<'static> {
    match fault {
        FramingFault::TooLong => too_long(),
        FramingFault::TooDeep => nested_too_deep(),
        FramingFault::CutShort if bytes.is_empty() => Fault::of_record(
            RejectCode::CutShort,
            "the input ends inside an envelope, between its records; fetch the rest of it",
        ),
        FramingFault::CutShort => {
            Fault::of_record(RejectCode::CutShort, "the input ends inside this record; fetch the rest of it")
        }
        FramingFault::BrokenJson if bytes.is_empty() => {
            Fault::of_record(RejectCode::Json, "a JSON envelope breaks off here, between its records")
        }
        FramingFault::BrokenJson => match std::str::from_utf8(bytes) {
            Err(e) => not_utf8(bytes, e.valid_up_to()),
            Ok(text) => match json::read_members(text, &mut Vec::new(), &mut String::new()) {
                Err(e) => json_fault(text, e),
                Ok(()) => Fault::of_record(RejectCode::Json, "it breaks the JSON envelope that it stands in"),
            },
        },
    }
}

/// Why an object is no record; `from` is the one product that it may be of.
#[cold]
#[inline(never)]
pub(super) fn no_record<'a>(
    plan: &Plan,
    source: &dyn Source<'a>,
    text: &str,
    from: Option<usize>,
) -> Fault<'static> {
    match plan.verdict {
        Verdict::ApiError { code, message } => {
            let (code, message) =
                (clipped(source.raw(code).text, 100), clipped(source.raw(message).text, 400));
            let text = format!("this is no record but an API's error: {code}: {message}");
            Fault::of_record(RejectCode::ApiError, text)
        }
        Verdict::Ambiguous(ref candidates) => {
            let candidates = candidates.iter().filter(|&&p| may_be(p, plan, source));
            let names: Vec<_> = candidates.map(|&p| products::all()[p].id).collect();
            let text = match names[..] {
                [] => return no_known_keys(plan, from),
                [one] => {
                    format!("the keys fit {one}, but others have them too; if it is, say --from {one}")
                }
                _ => {
                    format!("the keys fit {}, and nothing tells which it is; say --from", names.join(" or "))
                }
            };
            Fault::of_record(RejectCode::Ambiguous, text)
        }
        Verdict::OtherTopic(p) => {
            let id = products::all()[p].id;
            let text = format!(
                "the keys are those of {id}, but the topic of the log is of something else; if it is, say --from {id}"
            );
            Fault::of_record(RejectCode::Ambiguous, text)
        }
        _ if text.starts_with('{') && envelopes::is_empty(text) => {
            Fault::of_record(RejectCode::UnknownFormat, NO_RECORDS)
        }
        _ => no_known_keys(plan, from),
    }
}

/// Why what has the keys of no product is no record.
#[cold]
#[inline(never)]
fn no_known_keys(plan: &Plan, from: Option<usize>) -> Fault<'static> {
    let (mut keys, more) = plan.first_keys(8);
    keys.iter_mut().for_each(|k| *k = clipped(k, 40));
    let keys = format!("{}{}", keys.join(", "), if more { ", ..." } else { "" });
    let text = match from {
        _ if keys.is_empty() => "an object without keys".into(),
        Some(p) => format!("{} has none of these keys ({keys})", products::all()[p].id),
        None => format!(
            "no known record has these keys ({keys}); name the product with --from (`weir formats` lists them)"
        ),
    };
    Fault::of_record(RejectCode::UnknownFormat, text)
}
