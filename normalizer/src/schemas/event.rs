//! A record on its way into a rich schema, and the values that come of it.

use std::net::IpAddr;

use crate::{
    base::limits,
    bytes::{digits, put},
    catalog::{meaning::Meaning, products},
    json::output::Output,
    record::fields::{Field, Record, Value},
    rules::compiled::SchemaChoices,
    value::{
        addresses,
        community_id::{self, CommunityId},
        raw::{Raw, RawKind},
    },
};

/// A record on its way into a schema, with what the rows ask about it.
pub(crate) struct Event<'e> {
    pub(super) record: &'e Record<'e>,
    pub(super) choices: SchemaChoices,
    /// Whether it is about an HTTP request.
    pub(super) web: bool,
    /// The member of `extra` that has the record's own text.
    pub(super) original: Option<usize>,
    pub(super) meant: Meant,
}

/// The members of `extra` that mean something the schema has a place for.
#[derive(Clone)]
pub(super) struct Meant {
    /// The meanings that there are, a bit for each.
    pub(super) found: u64,
    /// Where in `extra` each is.
    pub(super) places: [u8; Meaning::COUNT],
    /// The members that have left `extra` for their places, a bit for each.
    pub(super) moved: u64,
}

impl<'e> Event<'e> {
    #[inline(never)]
    pub(super) fn new(uses: Option<&Uses>, record: &'e Record<'e>, choices: SchemaChoices) -> Self {
        let mut event = Self::without_meanings(record, choices);
        if let Some(uses) = uses.filter(|_| !record.extra.is_empty()) {
            event.find_meanings(uses);
        }
        event
    }

    /// Leaves what members of `extra` mean to whoever knows it.
    #[inline(always)]
    pub(super) fn without_meanings(record: &'e Record<'e>, choices: SchemaChoices) -> Self {
        let is_original = |m: &(&str, Raw<'_>)| m.0 == "raw" && m.1.kind == RawKind::Text;
        let original = record.extra.iter().rposition(is_original);
        let meant = Meant { found: 0, places: [0; Meaning::COUNT], moved: 0 };
        let mut event = Self { record, choices, web: false, original, meant };
        event.web = matches!(event.text(Field::Product), Some("alb" | "elb" | "waf" | "waf_access"));
        event
    }

    /// Finds the members of `extra` that the schema has a place for.
    #[inline(never)]
    pub(super) fn find_meanings(&mut self, uses: &Uses) {
        let words = (self.text(Field::Provider), self.text(Field::Product));
        let (Some(provider), Some(product)) = words else { return };
        let Some(meanings) = products::meanings(provider, product) else { return };
        for (i, (key, _)) in self.record.extra.iter().take(limits::MEANT).enumerate() {
            if let Some(meaning) = meanings.find(key) {
                self.find_meaning(uses, i, meaning);
            }
        }
    }

    /// Finds whether the schema has a place for a member of `extra` that has a meaning.
    pub(super) fn find_meaning(&mut self, uses: &Uses, i: usize, meaning: Meaning) {
        let place = uses[meaning as usize];
        let Some(&(_, raw)) = self.record.extra.get(i).filter(|_| i < limits::MEANT) else { return };
        let is_free = place.unless.is_none_or(|make| make(self).is_none());
        if !is_free || place.take.is_none_or(|take| take(self, raw).is_none()) {
            return;
        }
        let meant = &mut self.meant;
        // Of several the last has the place.
        if meant.found & meaning.bit() != 0 {
            meant.moved &= !(1 << meant.places[meaning as usize]);
        }
        meant.found |= meaning.bit();
        meant.places[meaning as usize] = i as u8;
        meant.moved |= u64::from(place.moves) << i;
    }

    /// The value that means this, if there is one and the schema has a place for it.
    pub(super) fn meant(&self, meaning: Meaning) -> Option<Raw<'e>> {
        if self.meant.found & meaning.bit() == 0 {
            return None;
        }
        self.record.extra.get(usize::from(self.meant.places[meaning as usize])).map(|m| m.1)
    }

    pub(super) fn has(&self, field: Field) -> bool {
        self.record.has(field)
    }

    pub(super) fn number(&self, field: Field) -> Option<u64> {
        match self.record.get(field) {
            Some(Value::Number(n)) => Some(n),
            _ => None,
        }
    }

    pub(super) fn text(&self, field: Field) -> Option<&'e str> {
        match self.record.get(field) {
            Some(Value::Text(t)) => Some(t),
            _ => None,
        }
    }

    pub(super) fn address(&self, field: Field) -> Option<IpAddr> {
        match self.record.get(field) {
            Some(Value::Address(a)) => Some(a),
            _ => None,
        }
    }

    #[inline(always)]
    pub(super) fn item(&self, field: Field) -> Option<Item<'e>> {
        Some(match self.record.get(field)? {
            Value::Number(n) => Item::Number(n),
            Value::Text(t) => Item::Text(t),
            Value::Address(a) => Item::Address(a),
        })
    }

    /// The members of `extra`, without the record's own text and without what has another place.
    pub(super) fn extra(&self) -> impl Iterator<Item = (&'e str, Raw<'e>)> {
        let members = self.record.extra.iter().enumerate();
        members.filter(|(i, _)| self.stays(*i)).map(|(_, m)| *m)
    }

    /// Whether a member of `extra` stays where it is.
    pub(super) fn stays(&self, i: usize) -> bool {
        Some(i) != self.original && (i >= limits::MEANT || self.meant.moved >> i & 1 == 0)
    }

    /// The record's own text, if it was kept.
    pub(super) fn original(&self) -> Option<Item<'e>> {
        self.original.map(|i| Item::Text(self.record.extra[i].1.text))
    }

    /// The source's own word for the action, where ours says less.
    pub(super) fn source_action(&self) -> &'e str {
        let named = |m: &&(&str, Raw<'_>)| m.0 == "action" || m.0 == "rule_result";
        self.record.extra.iter().find(named).map_or("", |m| m.1.text)
    }

    pub(super) fn provider(&self) -> &'e str {
        self.text(Field::Provider).unwrap_or("unknown")
    }

    /// The vendor's name for its cloud.
    pub(super) fn vendor(&self) -> &'static str {
        match self.provider() {
            "huawei" => "Huawei Cloud",
            "alibaba" => "Alibaba Cloud",
            "baidu" => "Baidu AI Cloud",
            "aws" => "AWS",
            _ => "unknown",
        }
    }

    /// The first of these times that the record has.
    pub(super) fn first_time(&self, fields: &[Field]) -> Option<u64> {
        fields.iter().find_map(|f| self.number(*f))
    }

    /// Where the time of an event comes from, if the record has none.
    pub(super) fn time_source(&self) -> Option<Item<'e>> {
        let own = [Field::StartMs, Field::EndMs, Field::LogTimeMs].into_iter().any(|f| self.has(f));
        let word = if self.choices.observed_at.is_some() { "observed" } else { "unknown" };
        (!own).then_some(Item::Text(word))
    }

    /// The length of the window, in milliseconds.
    pub(super) fn duration(&self) -> Option<u64> {
        self.number(Field::EndMs)?.checked_sub(self.number(Field::StartMs)?)
    }

    /// A total, or the sum of both directions, if it is a `long`.
    pub(super) fn total(&self, total: Field, out: Field, back: Field) -> Option<Item<'e>> {
        let sum = || self.number(out)?.checked_add(self.number(back)?);
        self.number(total).or_else(sum).filter(|n| *n <= LONG).map(Item::Number)
    }

    /// A number, if it is a `long`.
    pub(super) fn long(&self, field: Field) -> Option<Item<'e>> {
        self.number(field).filter(|n| *n <= LONG).map(Item::Number)
    }

    /// A number that is too large for a `long`.
    pub(super) fn beyond_long(&self, field: Field) -> Option<Item<'e>> {
        self.number(field).filter(|n| *n > LONG).map(Item::Digits)
    }

    /// 4 or 6.
    pub(super) fn ip_version(&self) -> Option<u64> {
        let address = self.address(Field::SrcIp).or_else(|| self.address(Field::DstIp))?;
        Some(if address.is_ipv4() { 4 } else { 6 })
    }

    /// `ipv4` or `ipv6`.
    pub(super) fn network_type(&self) -> Option<Item<'e>> {
        self.ip_version().map(|v| Item::Text(if v == 4 { "ipv4" } else { "ipv6" }))
    }

    /// The Community ID, where it is wanted and the record has what it is made of.
    pub(super) fn community_id(&self) -> Option<Item<'e>> {
        if !self.choices.community_id {
            return None;
        }
        let protocol = u8::try_from(self.number(Field::Protocol)?).ok()?;
        let (source, destination) = (self.address(Field::SrcIp)?, self.address(Field::DstIp)?);
        let [from, to] = [Field::SrcPort, Field::DstPort].map(|f| self.number(f));
        let message = community_id::of_flow(source, destination, protocol, from, to)?;
        Some(Item::CommunityId(community_id::id(&message)))
    }

    /// Whether the event went well: its action, or else the status of the response.
    pub(super) fn success(&self) -> Option<bool> {
        match self.text(Field::Action) {
            Some("accept" | "log") => Some(true),
            Some("reject") => Some(false),
            Some(_) => None,
            None => self.number(Field::HttpStatus).map(|s| s < 400),
        }
    }

    /// Whether the window had no records, or lost some.
    pub(super) fn is_incomplete(&self) -> bool {
        matches!(self.text(Field::LogStatus), Some("nodata" | "skipdata"))
    }

    /// Path and query where the source writes no whole URL.
    pub(super) fn path_and_query(&self) -> Option<(&'e str, Option<&'e str>)> {
        let url = self.text(Field::Url).filter(|u| !u.contains("://"))?;
        Some(match url.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (url, None),
        })
    }
}

/// How severe, as far as the source's word is a usual one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SeverityLevel {
    Informational,
    Low,
    Medium,
    High,
    Critical,
    Fatal,
}

impl SeverityLevel {
    pub(super) fn of(word: &str) -> Option<Self> {
        let words = [
            ("info", Self::Informational),
            ("informational", Self::Informational),
            ("low", Self::Low),
            ("medium", Self::Medium),
            ("middle", Self::Medium),
            ("high", Self::High),
            ("critical", Self::Critical),
            ("fatal", Self::Fatal),
        ];
        words.iter().find(|w| w.0.eq_ignore_ascii_case(word)).map(|w| w.1)
    }
}

/// A value on its way out.
#[derive(Clone, Copy, Debug)]
pub(super) enum Item<'e> {
    Number(u64),
    Text(&'e str),
    /// A text, in lower case.
    Lower(&'e str),
    Address(IpAddr),
    /// The addresses of the cell, as an array.
    Addresses,
    /// Addresses with commas between them, as an array.
    Listed(&'e str),
    /// A text, as an array.
    Texts(&'e str),
    /// A packet in base64, as an array.
    Packet(&'e str),
    /// Texts with dots between them.
    Dotted([&'e str; 3]),
    /// Finished JSON.
    Json(&'static str),
    /// A number as a string.
    Digits(u64),
    /// Epoch milliseconds as nanoseconds, as a string.
    Nanos(u64),
    /// Epoch milliseconds as a date and a time of day.
    Date(u64),
    CommunityId(CommunityId),
}

impl Item<'_> {
    pub(super) fn write(self, out: &mut Output) {
        match self {
            Self::Number(n) => out.number(n),
            Self::Text(t) => out.string(t),
            Self::Json(j) => out.extend_from_slice(j.as_bytes()),
            Self::Listed(list) => {
                out.push(b'[');
                for address in addresses(list).flatten() {
                    out.separate();
                    Self::Address(address).write(out);
                }
                out.push(b']');
            }
            Self::Packet(p) => {
                out.extend_from_slice(br#"[{"encoding_id":1,"encoding":"Base64","value":"#);
                out.string(p);
                out.extend_from_slice(b"}]");
            }
            Self::Texts(t) => {
                out.push(b'[');
                out.string(t);
                out.push(b']');
            }
            quoted => {
                out.push(b'"');
                match quoted {
                    Self::Lower(t) => {
                        let start = out.len();
                        out.characters(t);
                        // Escapes are in lower case already.
                        out.written_from(start).make_ascii_lowercase();
                    }
                    Self::Dotted([a, b, c]) => {
                        out.characters(a);
                        out.push(b'.');
                        out.characters(b);
                        out.push(b'.');
                        out.characters(c);
                    }
                    Self::Address(a) => out.address(a),
                    Self::Digits(n) => out.number(n),
                    // None is later than [`limits::LATEST_MS`]; 0 is a time that is not known.
                    Self::Nanos(ms) => out.number(digits::times::<1_000_000>(ms).unwrap_or(0)),
                    Self::Date(ms) => date(ms, out),
                    Self::CommunityId(id) => out.extend_from_slice(&id),
                    _ => {}
                }
                out.push(b'"');
            }
        }
    }
}

/// The greatest `long` of ECS and `long_t` of OCSF.
pub(super) const LONG: u64 = i64::MAX as u64;

/// What is said of a number that has another place because it is greater.
pub(super) const BEYOND_LONG: &str = "a string, where it is more than 2^63-1";

/// Appends `2023-11-14T22:13:20.000Z`.
pub(super) fn date(ms: u64, out: &mut Output) {
    let minute = ms / MINUTE;
    put_date(&minute_text(minute), ms % MINUTE, out);
}

const MINUTE: u64 = 60_000;

/// The minutes of dates that were written lately.
#[derive(Debug)]
pub(super) struct Minutes([(u64, [u8; 16]); 16]);

impl Default for Minutes {
    fn default() -> Self {
        Self([(u64::MAX, [0; 16]); 16])
    }
}

impl Minutes {
    /// Appends a date as [`date`] does.
    #[inline(always)]
    pub(super) fn date(&mut self, ms: u64, out: &mut Output) {
        let minute = ms / MINUTE;
        let (known, text) = &mut self.0[minute as usize & 15];
        if *known != minute {
            (*known, *text) = (minute, minute_text(minute));
        }
        put_date(text, ms % MINUTE, out);
    }
}

/// Appends a minute, and what comes behind it: without loops, at each turn of which a guest's deadline
/// is looked at.
#[inline(always)]
fn put_date(minute: &[u8; 16], ms: u64, out: &mut Output) {
    let ms = ms as u32;
    let (second, ms) = (ms / 1000, ms % 1000);
    let digits = [second / 10, second % 10, ms / 100, ms / 10 % 10, ms % 10].map(|digit| digit as u8);
    let [a, b, c, d, e] = digits.map(|digit| b'0' + digit);
    let behind = [b':', a, b, b'.', c, d, e, b'Z'];
    out.write(|buffer, at| {
        put::block(buffer, at, minute)?;
        put::block(buffer, at + minute.len(), &behind)?;
        Some(at + minute.len() + behind.len())
    });
}

/// `2023-11-14T22:13`, of minutes since 1970.
#[inline(never)]
fn minute_text(minute: u64) -> [u8; 16] {
    let (days, minute) = (minute / 1440, minute % 1440);
    // Years begin in March here, so that the leap day is the last. Eras have 400 years.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    let mut text = *b"0000-00-00T00:00";
    let mut put = |at: usize, n: u64| {
        text[at] += (n / 10 % 10) as u8;
        text[at + 1] += (n % 10) as u8;
    };
    put(0, year / 100);
    put(2, year);
    put(5, month);
    put(8, day);
    put(11, minute / 60);
    put(14, minute % 60);
    text
}

/// What makes a value.
pub(super) type Make = for<'e> fn(&Event<'e>) -> Option<Item<'e>>;

/// What makes a value of a member of `extra`; none where it does not fit, or where the record
/// lacks what the value is a part of. It looks at the fields, and at nothing else of `extra`.
pub(super) type Take = for<'e> fn(&Event<'e>, Raw<'e>) -> Option<Item<'e>>;

/// What a schema does with members of `extra`, for each meaning.
pub(super) type Uses = [Use; Meaning::COUNT];

#[derive(Clone, Copy)]
pub(super) struct Use {
    /// None where it has no place.
    pub(super) take: Option<Take>,
    /// What has the place already, if it makes something.
    pub(super) unless: Option<Make>,
    /// Whether the value leaves `extra`.
    pub(super) moves: bool,
}

/// The addresses of a list with commas between them; none in place of what is no address.
pub(super) fn addresses(list: &str) -> impl Iterator<Item = Option<IpAddr>> {
    list.split(',').map(|part| addresses::read(part.trim_ascii()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::fields::{FieldType, RecordMemory};

    /// A date, which is the same where its minute may be known.
    fn dated(ms: u64, minutes: &mut Minutes) -> String {
        let [mut out, mut again] = [const { Vec::new() }; 2].map(Output::from);
        Item::Date(ms).write(&mut out);
        again.push(b'"');
        minutes.date(ms, &mut again);
        again.push(b'"');
        assert_eq!(*out, *again);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn dates() {
        let minutes = &mut Minutes::default();
        for (ms, want) in [
            (0, "\"1970-01-01T00:00:00.000Z\""),
            (951_782_399_999, "\"2000-02-28T23:59:59.999Z\""),
            (951_782_400_000, "\"2000-02-29T00:00:00.000Z\""),
            (951_868_800_000, "\"2000-03-01T00:00:00.000Z\""),
            (1_700_000_000_001, "\"2023-11-14T22:13:20.001Z\""),
            (1_700_000_039_999, "\"2023-11-14T22:13:59.999Z\""),
            (1_700_000_040_000, "\"2023-11-14T22:14:00.000Z\""),
            // Its minute has the place of the first.
            (1_700_000_960_000, "\"2023-11-14T22:29:20.000Z\""),
            (1_700_000_020_340, "\"2023-11-14T22:13:40.340Z\""),
            (4_107_542_400_000, "\"2100-03-01T00:00:00.000Z\""),
            (limits::LATEST_MS, "\"2554-07-21T23:34:33.709Z\""),
        ] {
            assert_eq!(dated(ms, minutes), want);
        }
    }

    /// Every type of field has a way out.
    #[test]
    fn fields_keep_their_type() {
        let mut record = Record::new(&mut RecordMemory::default());
        for field in Field::ALL {
            let value = match field.field_type() {
                FieldType::Word(words) => Value::Text(words[0]),
                FieldType::Text => Value::Text("x"),
                FieldType::Integer(_) | FieldType::Millis => Value::Number(7),
                FieldType::Address => Value::Address([10, 0, 0, 1].into()),
            };
            record.set(*field, value);
        }
        let event = Event::new(None, &record, SchemaChoices::observed_at(None));
        assert!(Field::ALL.iter().all(|f| event.item(*f).is_some()));
    }
}
