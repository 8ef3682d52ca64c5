//! Times as sources write them, as epoch milliseconds.
//!
//! A time is believed where it is of the years 2000 to 2099: what is not was written in another
//! unit than the product's, or is no time at all. A number has such a time in one unit at most,
//! so that it tells which it counts.

use std::ops::Range;

use nom::{
    IResult, Parser,
    branch::alt,
    bytes::complete::take_while_m_n,
    character::complete::{char, digit1, multispace1, one_of},
    combinator::{all_consuming, map_opt, opt, value},
    sequence::{pair, preceded, separated_pair, terminated},
};

use crate::{
    bytes::digits,
    value::{
        numbers::{self, NumberFault},
        zone::Zone,
    },
};

/// What a time counts, where it is a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Seconds since 1970.
    Seconds,
    /// Milliseconds since 1970.
    Millis,
    /// Seconds, or milliseconds where the number is too large for seconds.
    Guess,
}

/// 2000-01-01 to 2100-01-01, in seconds.
pub(crate) const SECONDS: Range<u64> = 946_684_800..4_102_444_800;

/// The same in milliseconds.
pub(crate) const MILLIS: Range<u64> = SECONDS.start * 1000..SECONDS.end * 1000;

/// A time that could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Time {
    pub(crate) ms: u64,
    /// Whether that is all of it: it is no finer, and counts what was expected.
    pub(crate) exact: bool,
    /// Whether it states its zone, as each number does.
    pub(crate) zoned: bool,
    /// What it counts, if that is not what was expected.
    pub(crate) other_unit: Option<&'static str>,
}

/// Of two times for one thing the first, unless only the second states its zone.
pub(crate) fn better(first: Option<Time>, second: Option<Time>) -> Option<Time> {
    match (first, second) {
        (Some(a), Some(b)) if b.zoned && !a.zoned => second,
        _ => first.or(second),
    }
}

/// Whether a time that is written like this states its zone: it is a number, or says it behind
/// the time of day.
pub(crate) fn states_zone(text: &str) -> bool {
    text.split_once(':').is_none_or(|(_, clock)| clock.contains(['+', '-', 'Z', 'z']))
}

/// Reads a time; the fault is the rest of a sentence. One that states no zone is of this one, or
/// of UTC.
#[inline]
pub(crate) fn read(text: &str, unit: Unit, zone: Option<&Zone>) -> Result<Time, &'static str> {
    match plain(text.as_bytes(), unit) {
        Some(ms) => Ok(Time { ms, exact: true, zoned: true, other_unit: None }),
        None => read_other(text, unit, zone),
    }
}

/// Reads digits that count what is expected.
#[inline]
pub(crate) fn plain(text: &[u8], unit: Unit) -> Option<u64> {
    let n = digits::read(text)?;
    match unit {
        Unit::Seconds | Unit::Guess if SECONDS.contains(&n) => Some(n * 1000),
        Unit::Millis | Unit::Guess if MILLIS.contains(&n) => Some(n),
        _ => None,
    }
}

#[inline(never)]
fn read_other(text: &str, unit: Unit, zone: Option<&Zone>) -> Result<Time, &'static str> {
    // Each with the power of ten that makes milliseconds of it.
    const UNITS: [(i32, &str); 4] =
        [(3, "seconds"), (0, "milliseconds"), (-3, "microseconds"), (-6, "nanoseconds")];
    let mut is_number = false;
    for (power, name) in UNITS {
        match numbers::decimal(text, power) {
            Err(NumberFault::NotANumber) => break,
            Ok((ms, exact)) if MILLIS.contains(&ms) => {
                let expected = match unit {
                    Unit::Seconds => power == 3,
                    Unit::Millis => power == 0,
                    Unit::Guess => power >= 0,
                };
                let other_unit = if expected { None } else { Some(name) };
                return Ok(Time { ms, exact: exact && expected, zoned: true, other_unit });
            }
            _ => is_number = true,
        }
    }
    if is_number {
        return Err(match unit {
            Unit::Seconds => {
                "is not of the years 2000 to 2099 in epoch seconds, nor in milliseconds, microseconds or nanoseconds"
            }
            Unit::Millis => {
                "is not of the years 2000 to 2099 in epoch milliseconds, nor in seconds, microseconds or nanoseconds"
            }
            Unit::Guess => {
                "is not of the years 2000 to 2099 in epoch seconds, milliseconds, microseconds or nanoseconds"
            }
        });
    }
    let written = written_time(text)
        .ok_or("is not a time; expected epoch seconds or milliseconds, or a date and a time of day")?;
    match u64::try_from(written.utc(zone)) {
        Ok(ms) if MILLIS.contains(&ms) => {
            let zoned = written.offset.is_some();
            Ok(Time { ms, exact: written.exact, zoned, other_unit: None })
        }
        _ => Err("is not of the years 2000 to 2099"),
    }
}

/// Reads a moment to compare times with, which may be any: epoch milliseconds, or a written time, of which the
/// seconds or all of the clock may be missing.
pub(crate) fn bound(text: &str, zone: Option<&Zone>) -> Option<u64> {
    match numbers::unsigned(text) {
        Ok((ms, _)) => Some(ms),
        Err(_) => {
            let written = written_time(text).or_else(|| short_time(text))?;
            u64::try_from(written.utc(zone)).ok()
        }
    }
}

/// Reads a written time, which may be any from 1970 on, as epoch milliseconds; says too whether it is no finer.
pub(crate) fn written(text: &str, zone: Option<&Zone>) -> Option<(u64, bool)> {
    let written = written_time(text)?;
    Some((u64::try_from(written.utc(zone)).ok()?, written.exact))
}

/// A moment without a zone, in milliseconds as if it were UTC, and its offset from UTC in
/// seconds where it says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct WrittenTime {
    local_ms: i64,
    offset: Option<i32>,
    /// Whether it is no finer than a millisecond.
    exact: bool,
}

impl WrittenTime {
    /// In epoch milliseconds.
    fn utc(&self, zone: Option<&Zone>) -> i64 {
        let local = || zone.map_or(0, |z| z.offset_at(self.local_ms.div_euclid(1000)));
        self.local_ms - i64::from(self.offset.unwrap_or_else(local)) * 1000
    }
}

/// Reads `2022-04-21T15:26:01.5+08:00`, `2020/11/21 0:20:44` or `28/Apr/2020:08:42:53 +0800`.
///
/// Its parts are functions that do not go inline: an interpreter keeps a place on its stack for each local
/// and constant of a function, and what reads times is called where that stack is deepest.
fn written_time(text: &str) -> Option<WrittenTime> {
    let date = alt((year_first, day_first));
    let zone = opt(preceded(opt(multispace1), offset));
    let grammar = (date, alt((value((), one_of("T:")), value((), multispace1))), clock, zone);
    let (_, (days, (), (clock, exact), offset)) = all_consuming(grammar).parse(text).ok()?;
    Some(WrittenTime { local_ms: days * 86_400_000 + clock, offset, exact })
}

/// Reads a date, which is its midnight, or one with hours and minutes: `2022-04-21`, `2022-04-21 15:26`. No
/// record is read so.
fn short_time(text: &str) -> Option<WrittenTime> {
    let minutes = separated_pair(number(1, 2, 23), char(':'), number(2, 2, 59));
    let zone = opt(preceded(opt(multispace1), offset));
    let clock = (alt((value((), one_of("Tt")), value((), multispace1))), minutes, zone);
    let grammar = (alt((year_first, day_first)), opt(clock));
    let (_, (days, clock)) = all_consuming(grammar).parse(text).ok()?;
    let (minutes, offset) = clock.map_or((0, None), |((), (h, m), offset)| (h * 60 + m, offset));
    Some(WrittenTime { local_ms: days * 86_400_000 + i64::from(minutes) * 60_000, offset, exact: true })
}

fn number<'a>(
    min: usize,
    max: usize,
    highest: u32,
) -> impl Parser<&'a str, Output = u32, Error = nom::error::Error<&'a str>> {
    map_opt(take_while_m_n(min, max, |c: char| c.is_ascii_digit()), move |d: &str| {
        d.parse().ok().filter(|n| *n <= highest)
    })
}

#[inline(never)]
fn year_first(text: &str) -> IResult<&str, i64> {
    let date = (number(4, 4, 9999), one_of("-/"), number(1, 2, 12), one_of("-/"), number(1, 2, 31));
    map_opt(date, |(y, _, m, _, d)| days(y, m, d)).parse(text)
}

#[inline(never)]
fn day_first(text: &str) -> IResult<&str, i64> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = map_opt(take_while_m_n(3, 3, |c: char| c.is_ascii_alphabetic()), |m: &str| {
        MONTHS.iter().position(|n| n.eq_ignore_ascii_case(m)).map(|i| i as u32 + 1)
    });
    let date = (number(1, 2, 31), char('/'), month, char('/'), number(4, 4, 9999));
    map_opt(date, |(d, _, m, _, y)| days(y, m, d)).parse(text)
}

/// Milliseconds since midnight, and whether that is exact.
#[inline(never)]
fn clock(text: &str) -> IResult<&str, (i64, bool)> {
    let (text, (h, _, m, _, s)) =
        (number(1, 2, 23), char(':'), number(2, 2, 59), char(':'), number(2, 2, 60)).parse(text)?;
    let (text, fraction) = opt(preceded(one_of(".,"), digit1)).parse(text)?;
    let fraction = fraction.unwrap_or_default();
    let millis = fraction.bytes().chain([b'0'; 3]).take(3).fold(0, |n, b| n * 10 + i64::from(b - b'0'));
    let exact = fraction.bytes().skip(3).all(|b| b == b'0');
    Ok((text, ((i64::from(h) * 3600 + i64::from(m) * 60 + i64::from(s)) * 1000 + millis, exact)))
}

/// Seconds east of UTC.
#[inline(never)]
fn offset(text: &str) -> IResult<&str, i32> {
    let sign = alt((value(1, char('+')), value(-1, char('-'))));
    let hours = alt((
        separated_pair(number(2, 2, 23), char(':'), number(2, 2, 59)),
        pair(number(2, 2, 23), number(2, 2, 59)),
        terminated(number(2, 2, 23), nom::combinator::eof).map(|h| (h, 0)),
    ));
    let numeric = pair(sign, hours).map(|(sign, (h, m))| sign * (h * 3600 + m * 60) as i32);
    alt((value(0, one_of("Zz")), numeric)).parse(text)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar; `None` for a date that is not.
fn days(year: u32, month: u32, day: u32) -> Option<i64> {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let last = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=last).contains(&day) {
        return None;
    }
    // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
    let y = i64::from(year) - i64::from(month <= 2);
    let era = y.div_euclid(400);
    let year_of_era = y.rem_euclid(400);
    let day_of_year = (153 * ((i64::from(month) + 9) % 12) + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_utc(text: &str, unit: Unit) -> Option<(u64, bool)> {
        read(text, unit, None).ok().map(|t| (t.ms, t.exact))
    }

    #[test]
    fn times() {
        let cases = [
            ("1548752136", Unit::Seconds, Some((1_548_752_136_000, true))),
            ("1548752136.25", Unit::Seconds, Some((1_548_752_136_250, true))),
            ("1664155428000", Unit::Millis, Some((1_664_155_428_000, true))),
            ("1.664155428E12", Unit::Millis, Some((1_664_155_428_000, true))),
            ("2022-04-21T15:26:01Z", Unit::Seconds, Some((1_650_554_761_000, true))),
            ("2022-04-21T15:26:01.123456+08:00", Unit::Seconds, Some((1_650_525_961_123, false))),
            ("2022-04-21 15:26:01", Unit::Seconds, Some((1_650_554_761_000, true))),
            ("2022-04-21  15:26:01", Unit::Seconds, Some((1_650_554_761_000, true))),
            ("28/Apr/2020:08:42:53 +0800", Unit::Seconds, Some((1_588_034_573_000, true))),
            ("2020/11/21 0:20:44", Unit::Seconds, Some((1_605_918_044_000, true))),
            ("2000-02-29T00:00:00Z", Unit::Seconds, Some((951_782_400_000, true))),
            ("2023-02-29T00:00:00Z", Unit::Seconds, None),
            ("2023-13-01T00:00:00Z", Unit::Seconds, None),
            ("2023-01-01T00:00:00+25:00", Unit::Seconds, None),
            ("yesterday", Unit::Seconds, None),
            ("", Unit::Seconds, None),
            ("99999999999999999999", Unit::Seconds, None),
        ];
        for (text, unit, want) in cases {
            assert_eq!(read_utc(text, unit), want, "{text:?}");
        }
    }

    /// Wherever a number or a date lies, it is of the span or refused, in each unit.
    #[test]
    fn times_are_of_the_span() {
        let first = [946_684_800, 1_548_752_136, 4_102_444_799_u64];
        for unit in [Unit::Seconds, Unit::Millis, Unit::Guess] {
            for n in first {
                for (power, expected) in
                    [(0, unit != Unit::Millis), (3, unit != Unit::Seconds), (6, false), (9, false)]
                {
                    let text = format!("{n}{}", "0".repeat(power));
                    assert_eq!(read_utc(&text, unit), Some((n * 1000, expected)), "{text} {unit:?}");
                    let float = format!("{n}{}.0", "0".repeat(power));
                    assert_eq!(read_utc(&float, unit), Some((n * 1000, expected)), "{float} {unit:?}");
                }
            }
            for text in ["0", "1", "-5", "946684799", "4102444800", "946684799999", "4102444800000", "1e300"]
            {
                let fault = read(text, unit, None).unwrap_err();
                assert!(fault.starts_with("is not of the years 2000 to 2099 in"), "{text}: {fault}");
            }
            for (text, good) in [
                ("1999-12-31T23:59:59.999Z", false),
                ("1999-12-31T23:59:59-01:00", true),
                ("2000-01-01 00:00:00", true),
                ("2000-01-01T00:00:00+08:00", false),
                ("2099-12-31T23:59:59.999Z", true),
                ("2100-01-01T00:00:00Z", false),
                ("1970-01-01T00:00:00Z", false),
                ("0001-01-01T00:00:00Z", false),
            ] {
                assert_eq!(read(text, unit, None).is_ok(), good, "{text}");
            }
        }
        let other = read("1548752136250", Unit::Seconds, None).unwrap();
        assert_eq!((other.ms, other.other_unit), (1_548_752_136_250, Some("milliseconds")));
        // A bound of a filter may be any time.
        assert_eq!(bound("0", None), Some(0));
        assert_eq!(bound("1970-01-02T00:00:00Z", None), Some(86_400_000));
        assert_eq!(bound("soon", None), None);
        let east = Zone { offset: 3600, changes: vec![] };
        for (text, in_utc, in_east) in [
            ("1970-01-02", 86_400_000, 82_800_000),
            ("1970/1/2", 86_400_000, 82_800_000),
            ("02/Jan/1970", 86_400_000, 82_800_000),
            ("1970-01-01 02:30", 9_000_000, 5_400_000),
            ("1970-01-01T02:30", 9_000_000, 5_400_000),
            ("1970-01-01T02:30Z", 9_000_000, 9_000_000),
            ("1970-01-01 02:30 +0200", 1_800_000, 1_800_000),
            ("1970-01-01 02:30:01", 9_001_000, 5_401_000),
        ] {
            assert_eq!(
                (bound(text, None), bound(text, Some(&east))),
                (Some(in_utc), Some(in_east)),
                "{text}"
            );
            // What a record says is no moment without its seconds.
            assert!(text.len() > 18 || read(text, Unit::Seconds, None).is_err(), "{text}");
        }
        for text in
            ["1970-01", "1970-01-02T", "1970-01-02 3", "1970-13-01", "1970-01-02 24:00", "1970-01-02Z"]
        {
            assert_eq!(bound(text, None), None, "{text}");
        }
    }

    /// How a time looks says whether it states its zone.
    #[test]
    fn zones_are_seen() {
        for (text, zoned) in [
            ("1548752136", true),
            ("1548752136.25", true),
            ("2022-04-21T15:26:01Z", true),
            ("2022-04-21t15:26:01z", true),
            ("2022-04-21T15:26:01.5+08:00", true),
            ("2022-04-21 15:26:01 -0300", true),
            ("28/Apr/2020:08:42:53 +0800", true),
            ("28/Apr/2020:08:42:53", false),
            ("2022-04-21 15:26:01", false),
            ("2022-04-21T15:26:01.123", false),
            ("2020/11/21 0:20:44", false),
        ] {
            assert_eq!(states_zone(text), zoned, "{text}");
            if let Ok(time) = read(text, Unit::Guess, None) {
                assert_eq!(time.zoned, zoned, "{text}");
            }
        }
    }

    #[test]
    fn the_better_of_two_times() {
        let time = |ms, zoned| Some(Time { ms, exact: true, zoned, other_unit: None });
        for (a, b, want) in [
            (time(1, true), time(2, true), 1),
            (time(1, false), time(2, true), 2),
            (time(1, true), time(2, false), 1),
            (time(1, false), time(2, false), 1),
            (None, time(2, false), 2),
            (time(1, false), None, 1),
        ] {
            assert_eq!(better(a, b).unwrap().ms, want);
        }
    }
}
