//! Time zones: what `--timezone` names, as the changes of offset that a guest is given.

use jiff::{Timestamp, tz::TimeZone};
use weir_normalizer::Zone;

/// Changes after this year are left out; the last offset goes on.
const LAST_YEAR: i16 = 2100;

/// Reads an IANA name (`Asia/Shanghai`) or an offset (`+08:00`).
pub fn zone(text: &str) -> Result<Zone, String> {
    if let Some(offset) = offset(text) {
        return Ok(Zone { offset, changes: Vec::new() });
    }
    let zone = TimeZone::get(text).map_err(|_| {
        format!(
            "{text:?} is no time zone; give an IANA name such as Asia/Shanghai, or an offset such as +08:00"
        )
    })?;
    let begin = Timestamp::UNIX_EPOCH;
    let changes = zone.following(begin).map(|t| (t.timestamp(), t.offset().seconds()));
    let end = |t: &Timestamp| t.to_zoned(TimeZone::UTC).year() <= LAST_YEAR;
    Ok(Zone {
        offset: zone.to_offset(begin).seconds(),
        changes: changes.take_while(|(t, _)| end(t)).map(|(t, offset)| (t.as_second(), offset)).collect(),
    })
}

/// Reads `Z`, `+08`, `+08:00` or `+0800` as seconds east of UTC.
fn offset(text: &str) -> Option<i32> {
    if text.eq_ignore_ascii_case("z") || text.eq_ignore_ascii_case("utc") {
        return Some(0);
    }
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let digits = digits.replace(':', "");
    let (hours, minutes) = match digits.len() {
        2 => (digits.as_str(), "0"),
        4 => digits.split_at(2),
        _ => return None,
    };
    let (hours, minutes): (u8, u8) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours < 24 && minutes < 60).then_some(sign * (i32::from(hours) * 3600 + i32::from(minutes) * 60))
}

#[cfg(test)]
mod tests {
    use super::zone;

    #[test]
    fn names_and_offsets() {
        for (text, seconds) in [("Z", 0), ("UTC", 0), ("+08:00", 28_800), ("-0330", -12_600), ("+08", 28_800)]
        {
            let zone = zone(text).unwrap();
            assert_eq!((zone.offset, zone.changes.len()), (seconds, 0), "{text}");
        }
        let shanghai = zone("Asia/Shanghai").unwrap();
        // There was summer time from 1986 to 1991.
        assert_eq!((shanghai.offset, shanghai.changes.len()), (28_800, 12));
        assert!(zone("Europe/Berlin").unwrap().changes.contains(&(1_679_792_400, 7200)));
        for text in ["", "Mars/Olympus", "+8", "+24:00", "8"] {
            assert!(zone(text).is_err(), "{text}");
        }
    }
}
