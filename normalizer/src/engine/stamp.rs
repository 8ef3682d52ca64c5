//! The time that a log service, or an agent, put in front of a line.

use crate::value::{
    time::{self, Time, Unit},
    zone::Zone,
};

/// The time that a line begins with, and what stands behind it: `2024-02-07T11:25:40.000Z `, or
/// with a blank between date and time of day, and one in front of the zone.
#[cold]
#[inline(never)]
pub(super) fn stamped<'a>(
    text: &'a str,
    zone: Option<&Zone>,
    begins: fn(u8) -> bool,
) -> Option<(Time, &'a str)> {
    // A year, so that no number is taken for a time.
    let [year @ .., b'-' | b'/'] = text.as_bytes().first_chunk::<5>()? else { return None };
    if !year.iter().all(u8::is_ascii_digit) {
        return None;
    }
    // The parts of a time begin with a digit or a sign.
    let mut part = text.as_bytes().first();
    let blanks = text.bytes().enumerate().take(LONGEST_STAMP).filter(|(_, b)| *b == b' ').take(3);
    let ends = blanks.map(|(end, _)| end).take_while(|end| {
        let before = part;
        part = text.as_bytes().get(end + 1);
        before.is_some_and(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b' '))
    });
    ends.filter_map(|end| {
        let rest = text[end..].trim_ascii_start();
        begins(*rest.as_bytes().first()?).then_some(())?;
        Some((time::read(&text[..end], Unit::Guess, zone).ok()?, rest))
    })
    .last()
}

/// Whether what stands behind a time may be JSON, or a line of a product's own layout, which begins
/// with its version.
pub(super) fn begins_record(first: u8) -> bool {
    first == b'{' || first.is_ascii_digit()
}

/// No time in front of a line is longer: `2024-02-07 11:25:40.123456789 +08:00`.
const LONGEST_STAMP: usize = 40;
