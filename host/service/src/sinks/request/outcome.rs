//! What an answer means for the records of its request.

use std::time::Duration;

use jiff::{Timestamp, fmt::rfc2822::DateTimeParser};

/// The longest time that a server may ask for; its clock, or ours, may be wrong.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(15 * 60);

/// What a status means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The body tells, if anything does.
    Taken,
    /// It may go well later.
    Again,
    /// It goes well when somebody corrects the login, the URL or the server.
    Wrong,
    /// Fewer records may go through.
    TooLarge,
    /// One of the records will never go through.
    Bad,
}

/// The table of statuses.
pub(super) fn meaning(status: u16) -> Meaning {
    match status {
        200..=299 => Meaning::Taken,
        408 | 425 | 429 | 500..=599 => Meaning::Again,
        413 => Meaning::TooLarge,
        400 | 422 => Meaning::Bad,
        // 401, 403, 404, redirects, and what says that this is no destination for records at all.
        _ => Meaning::Wrong,
    }
}

/// What became of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sinks) enum Fate {
    Delivered,
    /// It may go well later; the status.
    Again(u16),
    /// It goes well when somebody corrects what the text says; the status.
    Wrong(u16, String),
    /// It never will; the code and what the server said.
    Refused(String, String),
}

/// What the body of an answer that took the request says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sinks) enum Taken {
    /// Every record is there for good.
    All,
    /// Of each record, in their order.
    Each(Vec<Fate>),
    /// It is not what such a server says, so nobody knows; what is wrong with it.
    Garbage(String),
}

/// How long a server asks to be left alone, from now on.
pub(super) fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    let asked = match value.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let until = DateTimeParser::new().parse_timestamp(value).ok()?;
            Duration::try_from(until.duration_since(now)).unwrap_or_default()
        }
    };
    Some(asked.min(LONGEST_RETRY_AFTER))
}

/// What a server said, short enough for people, on one line.
pub(in crate::sinks) fn said(body: &[u8]) -> String {
    const LONGEST: usize = 300;
    let text = String::from_utf8_lossy(&body[..body.len().min(4 * LONGEST)]);
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut short: String = words.join(" ").chars().take(LONGEST).collect();
    if short.is_empty() {
        short.push_str("nothing");
    }
    weir_printable::line(&short).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_has_one_meaning() {
        for (status, expected) in [
            (200, Meaning::Taken),
            (204, Meaning::Taken),
            (301, Meaning::Wrong),
            (400, Meaning::Bad),
            (401, Meaning::Wrong),
            (403, Meaning::Wrong),
            (404, Meaning::Wrong),
            (405, Meaning::Wrong),
            (408, Meaning::Again),
            (413, Meaning::TooLarge),
            (415, Meaning::Wrong),
            (422, Meaning::Bad),
            (429, Meaning::Again),
            (500, Meaning::Again),
            (503, Meaning::Again),
            (507, Meaning::Again),
        ] {
            assert_eq!(meaning(status), expected, "{status}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_never_for_ever() {
        let now: Timestamp = "2026-11-29T01:00:00Z".parse().unwrap();
        for (value, expected) in [
            ("7", Some(7)),
            (" 0 ", Some(0)),
            ("Sun, 29 Nov 2026 01:00:30 GMT", Some(30)),
            ("Sun, 29 Nov 2026 00:00:00 GMT", Some(0)),
            ("Mon, 30 Nov 2026 01:00:00 GMT", Some(900)),
            ("18446744073709551615", Some(900)),
            ("soon", None),
            ("-3", None),
            ("", None),
        ] {
            assert_eq!(retry_after(value, now), expected.map(Duration::from_secs), "{value}");
        }
    }

    #[test]
    fn what_a_server_said_is_one_short_line() {
        assert_eq!(said(b"  a\n\tb\x1b[2J "), "a b\\u{1b}[2J");
        assert_eq!(said(b""), "nothing");
        assert!(said(&[b'x'; 100_000]).len() <= 300);
    }
}
