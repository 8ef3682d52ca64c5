//! The schemas that records are written in.
//!
//! Each mapping is one table in its file. The table drives the encoder and the
//! documentation; a row says from which fields of the flat record a value is made, where it
//! goes, and how. A table that forgets a field does not compile.

use std::net::IpAddr;

use self::frames::{Frames, Notes};
use crate::{
    base::limits,
    bytes::{digits, put},
    catalog::{meaning::Meaning, products},
    json::output::Output,
    record::fields::{Field, Record, Value},
    value::{
        addresses,
        community_id::{self, CommunityId},
        double, missing, numbers,
        raw::{Raw, RawKind},
    },
};

pub use crate::rules::schema::Schema;

mod ecs;
pub(crate) mod flat;
pub(crate) mod frames;
mod ocsf;
pub mod otel;

/// A row of a mapping, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// The fields of the flat record that the value is made from; `=` and the value if it is
    /// always the same.
    pub from: String,
    /// Where it goes; `{provider}`, `{product}` and `{kind}` stand for the record's, `*` for
    /// the source's keys.
    pub path: String,
    /// How it is made, or when; empty if it is the value as it is.
    pub note: &'static str,
}

/// The mapping to a schema, in the order of its output.
pub fn describe(schema: Schema) -> Vec<Mapping> {
    match schema {
        Schema::Flat => {
            let row = |f: &Field| Mapping { from: f.key().into(), path: f.key().into(), note: "" };
            let extra = Mapping { from: EXTRA.into(), path: "extra.*".into(), note: "" };
            Field::ALL.iter().map(row).chain([extra]).collect()
        }
        Schema::Ocsf => ocsf::ROWS.iter().map(|r| r.describe("")).collect(),
        Schema::Ecs => ecs::ROWS.iter().map(|r| r.describe("")).collect(),
        Schema::Otel => otel::ROWS.iter().map(|(place, r)| r.describe(place.prefix())).collect(),
    }
}

/// Appends the record in a schema, and a line break; false, and nothing, where that takes more
/// than so many bytes. `observed_at` is the time of records that have none, in epoch milliseconds;
/// it and the schema are always the same for the frames.
#[inline(never)]
pub(crate) fn encode(
    schema: Schema,
    record: &Record<'_>,
    observed_at: Option<u64>,
    frames: Option<&mut Frames>,
    most: usize,
    out: &mut Output,
) -> bool {
    let start = out.len();
    out.begin(most);
    if schema == Schema::Flat {
        flat::write(record, out);
        return out.end(start, most);
    }
    let event = Event::new(schema, record, observed_at);
    match frames {
        None => at_length(schema, &event, &mut Notes::none(), out),
        Some(frames) => {
            if !frames.write(&event, out) {
                at_length(schema, &event, &mut frames.note(start), out);
                if out.is_whole() {
                    frames.keep(&out[start..]);
                }
            }
        }
    }
    out.end(start, most)
}

/// Appends an event from the schema's table.
#[inline(never)]
fn at_length(schema: Schema, event: &Event<'_>, notes: &mut Notes<'_>, out: &mut Output) {
    match schema {
        Schema::Flat => {}
        Schema::Ocsf => tree(&ocsf::STEPS, event, notes, out),
        Schema::Ecs => tree(&ecs::STEPS, event, notes, out),
        Schema::Otel => otel::encode(event, notes, out),
    }
}

/// A record on its way into a schema, with what the rows ask about it.
pub(crate) struct Event<'e> {
    record: &'e Record<'e>,
    observed_at: Option<u64>,
    /// Whether it is about an HTTP request.
    web: bool,
    /// The member of `extra` that has the record's own text.
    original: Option<usize>,
    meant: Meant,
}

/// The members of `extra` that mean something the schema has a place for.
struct Meant {
    /// The meanings that there are, a bit for each.
    found: u64,
    /// Where in `extra` each is.
    places: [u8; Meaning::COUNT],
    /// The members that have left `extra` for their places, a bit for each.
    moved: u64,
}

impl<'e> Event<'e> {
    fn new(schema: Schema, record: &'e Record<'e>, observed_at: Option<u64>) -> Self {
        let is_original = |m: &(&str, Raw<'_>)| m.0 == "raw" && m.1.kind == RawKind::Text;
        let original = record.extra.iter().rposition(is_original);
        let meant = Meant { found: 0, places: [0; Meaning::COUNT], moved: 0 };
        let mut event = Self { record, observed_at, web: false, original, meant };
        event.web = matches!(event.text(Field::Product), Some("waf" | "waf_access"));
        if !record.extra.is_empty() {
            event.find_meanings(match schema {
                Schema::Flat => return event,
                Schema::Ocsf => &ocsf::USES,
                Schema::Ecs => &ecs::USES,
                Schema::Otel => &otel::USES,
            });
        }
        event
    }

    /// Finds the members of `extra` that the schema has a place for.
    #[inline(never)]
    fn find_meanings(&mut self, uses: &Uses) {
        let words = (self.text(Field::Provider), self.text(Field::Product));
        let (Some(provider), Some(product)) = words else { return };
        let Some(meanings) = products::meanings(provider, product) else { return };
        for (i, (key, raw)) in self.record.extra.iter().take(limits::MEANT).enumerate() {
            let Some(meaning) = meanings.find(key) else { continue };
            let place = uses[meaning as usize];
            let is_free = place.unless.is_none_or(|make| make(self).is_none());
            if !is_free || place.take.is_none_or(|take| take(self, *raw).is_none()) {
                continue;
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
    }

    /// The value that means this, if there is one and the schema has a place for it.
    fn meant(&self, meaning: Meaning) -> Option<Raw<'e>> {
        if self.meant.found & meaning.bit() == 0 {
            return None;
        }
        self.record.extra.get(usize::from(self.meant.places[meaning as usize])).map(|m| m.1)
    }

    fn has(&self, field: Field) -> bool {
        self.record.has(field)
    }

    fn number(&self, field: Field) -> Option<u64> {
        match self.record.get(field) {
            Some(Value::Number(n)) => Some(n),
            _ => None,
        }
    }

    fn text(&self, field: Field) -> Option<&'e str> {
        match self.record.get(field) {
            Some(Value::Text(t)) => Some(t),
            _ => None,
        }
    }

    fn address(&self, field: Field) -> Option<IpAddr> {
        match self.record.get(field) {
            Some(Value::Address(a)) => Some(a),
            _ => None,
        }
    }

    #[inline(always)]
    fn item(&self, field: Field) -> Option<Item<'e>> {
        Some(match self.record.get(field)? {
            Value::Number(n) => Item::Number(n),
            Value::Text(t) => Item::Text(t),
            Value::Address(a) => Item::Address(a),
        })
    }

    /// The members of `extra`, without the record's own text and without what has another place.
    fn extra(&self) -> impl Iterator<Item = (&'e str, Raw<'e>)> {
        let (original, moved) = (self.original, self.meant.moved);
        let stays = move |i: usize| Some(i) != original && (i >= limits::MEANT || moved >> i & 1 == 0);
        let members = self.record.extra.iter().enumerate();
        members.filter(move |(i, _)| stays(*i)).map(|(_, m)| *m)
    }

    /// The record's own text, if it was kept.
    fn original(&self) -> Option<Item<'e>> {
        self.original.map(|i| Item::Text(self.record.extra[i].1.text))
    }

    /// The source's own word for the action, where ours says less.
    fn source_action(&self) -> &'e str {
        let named = |m: &&(&str, Raw<'_>)| m.0 == "action" || m.0 == "rule_result";
        self.record.extra.iter().find(named).map_or("", |m| m.1.text)
    }

    fn provider(&self) -> &'e str {
        self.text(Field::Provider).unwrap_or("unknown")
    }

    /// The vendor's name for its cloud.
    fn vendor(&self) -> &'static str {
        match self.provider() {
            "huawei" => "Huawei Cloud",
            "alibaba" => "Alibaba Cloud",
            "baidu" => "Baidu AI Cloud",
            "aws" => "AWS",
            _ => "unknown",
        }
    }

    /// The first of these times that the record has.
    fn first_time(&self, fields: &[Field]) -> Option<u64> {
        fields.iter().find_map(|f| self.number(*f))
    }

    /// Where the time of an event comes from, if it is none of its own.
    fn time_source(&self) -> Option<Item<'e>> {
        let own = [Field::StartMs, Field::EndMs, Field::LogTimeMs].into_iter().any(|f| self.has(f));
        let word = if self.observed_at.is_some() { "observed" } else { "unknown" };
        (!own).then_some(Item::Text(word))
    }

    /// The length of the window, in milliseconds.
    fn duration(&self) -> Option<u64> {
        self.number(Field::EndMs)?.checked_sub(self.number(Field::StartMs)?)
    }

    /// A total, or the sum of both directions, if it is a `long`.
    fn total(&self, total: Field, out: Field, back: Field) -> Option<Item<'e>> {
        let sum = || self.number(out)?.checked_add(self.number(back)?);
        self.number(total).or_else(sum).filter(|n| *n <= LONG).map(Item::Number)
    }

    /// A number, if it is a `long`.
    fn long(&self, field: Field) -> Option<Item<'e>> {
        self.number(field).filter(|n| *n <= LONG).map(Item::Number)
    }

    /// A number that is too large for a `long`.
    fn beyond_long(&self, field: Field) -> Option<Item<'e>> {
        self.number(field).filter(|n| *n > LONG).map(Item::Digits)
    }

    /// 4 or 6.
    fn ip_version(&self) -> Option<u64> {
        let address = self.address(Field::SrcIp).or_else(|| self.address(Field::DstIp))?;
        Some(if address.is_ipv4() { 4 } else { 6 })
    }

    /// `ipv4` or `ipv6`.
    fn network_type(&self) -> Option<Item<'e>> {
        self.ip_version().map(|v| Item::Text(if v == 4 { "ipv4" } else { "ipv6" }))
    }

    fn community_id(&self) -> Option<Item<'e>> {
        let port = |f| u16::try_from(self.number(f)?).ok();
        let ports = port(Field::SrcPort).zip(port(Field::DstPort));
        let protocol = u8::try_from(self.number(Field::Protocol)?).ok()?;
        let (source, destination) = (self.address(Field::SrcIp)?, self.address(Field::DstIp)?);
        community_id::v1(source, destination, protocol, ports).map(Item::CommunityId)
    }

    /// Whether the event went well: its action, or else the status of the response.
    fn success(&self) -> Option<bool> {
        match self.text(Field::Action) {
            Some("accept" | "log") => Some(true),
            Some("reject") => Some(false),
            Some(_) => None,
            None => self.number(Field::HttpStatus).map(|s| s < 400),
        }
    }

    /// Whether the window had no records, or lost some.
    fn is_incomplete(&self) -> bool {
        matches!(self.text(Field::LogStatus), Some("nodata" | "skipdata"))
    }

    /// Path and query where the source writes no whole URL.
    fn path_and_query(&self) -> Option<(&'e str, Option<&'e str>)> {
        let url = self.text(Field::Url).filter(|u| !u.contains("://"))?;
        Some(match url.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (url, None),
        })
    }
}

/// How severe, as far as the source's word is a usual one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SeverityLevel {
    Informational,
    Low,
    Medium,
    High,
    Critical,
    Fatal,
}

impl SeverityLevel {
    fn of(word: &str) -> Option<Self> {
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
enum Item<'e> {
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
    fn write(self, out: &mut Output) {
        match self {
            Self::Number(n) => out.number(n),
            Self::Text(t) => out.string(t),
            Self::Json(j) => out.extend_from_slice(j.as_bytes()),
            Self::Listed(list) => {
                out.push(b'[');
                for address in addresses(list).flatten() {
                    separate(out);
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
const LONG: u64 = i64::MAX as u64;

/// What is said of a number that has another place because it is greater.
const BEYOND_LONG: &str = "a string, where it is more than 2^63-1";

/// Appends `2023-11-14T22:13:20.000Z`.
fn date(ms: u64, out: &mut Output) {
    let (days, ms_of_day) = (ms / 86_400_000, ms % 86_400_000);
    // Years begin in March here, so that the leap day is the last. Eras have 400 years.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    let second = ms_of_day / 1000;
    // Without loops: a guest's deadline is looked at each time around.
    let mut text = *b"0000-00-00T00:00:00.000Z";
    let mut put = |at: usize, n: u64| {
        text[at] += (n / 10 % 10) as u8;
        text[at + 1] += (n % 10) as u8;
    };
    put(0, year / 100);
    put(2, year);
    put(5, month);
    put(8, day);
    put(11, second / 3600);
    put(14, second / 60 % 60);
    put(17, second % 60);
    put(20, ms_of_day % 1000 / 10);
    text[22] += (ms_of_day % 10) as u8;
    out.extend_from_slice(&text);
}

/// The addresses of a list with commas between them; none in place of what is no address.
fn addresses(list: &str) -> impl Iterator<Item = Option<IpAddr>> {
    list.split(',').map(|part| addresses::read(part.trim_ascii()))
}

/// What makes a value.
type Make = for<'e> fn(&Event<'e>) -> Option<Item<'e>>;

/// What makes a value of a member of `extra`; none where it does not fit, or where the record
/// lacks what the value is a part of. It looks at the fields, and at nothing else of `extra`.
type Take = for<'e> fn(&Event<'e>, Raw<'e>) -> Option<Item<'e>>;

/// What is written as a string.
fn text<'e>(_: &Event<'e>, raw: Raw<'e>) -> Option<Item<'e>> {
    (is_value(raw) && !missing::is_missing(raw)).then_some(Item::Text(raw.text))
}

/// What is written as an integer that every reader can hold.
fn number<'e>(_: &Event<'e>, raw: Raw<'e>) -> Option<Item<'e>> {
    match numbers::unsigned(raw.text.trim_ascii()) {
        Ok((n, true)) if is_value(raw) && n <= LONG => Some(Item::Number(n)),
        _ => None,
    }
}

fn port<'e>(e: &Event<'e>, raw: Raw<'e>) -> Option<Item<'e>> {
    number(e, raw).filter(|n| matches!(n, Item::Number(..=0xffff)))
}

fn address<'e>(_: &Event<'e>, raw: Raw<'e>) -> Option<Item<'e>> {
    addresses::read(raw.text.trim_ascii()).filter(|_| raw.kind == RawKind::Text).map(Item::Address)
}

/// A country's code of two letters.
fn country<'e>(e: &Event<'e>, raw: Raw<'e>) -> Option<Item<'e>> {
    let is_code = raw.text.len() == 2 && raw.text.bytes().all(|b| b.is_ascii_uppercase());
    if is_code { text(e, raw) } else { None }
}

/// The name and the number of a protocol's version, as in `TLSv1.2`.
fn tls(raw: Raw<'_>) -> Option<(&str, &str)> {
    let (name, version) = raw.text.split_once('v').filter(|_| raw.kind == RawKind::Text)?;
    let fits = matches!(name, "TLS" | "SSL") && version.starts_with(|c: char| c.is_ascii_digit());
    fits.then_some((name, version))
}

fn tls_name<'e>(_: &Event<'e>, raw: Raw<'e>) -> Option<Item<'e>> {
    tls(raw).map(|t| Item::Lower(t.0))
}

fn tls_version<'e>(_: &Event<'e>, raw: Raw<'e>) -> Option<Item<'e>> {
    tls(raw).map(|t| Item::Text(t.1))
}

fn is_value(raw: Raw<'_>) -> bool {
    matches!(raw.kind, RawKind::Text | RawKind::Number)
}

#[derive(Clone, Copy, Debug)]
enum How {
    /// The field's value, as it is.
    Copy(Field),
    /// Something made; none where it does not apply.
    Made(Make),
    /// What a member of `extra` means, if it fits.
    Meant(Meaning, Take),
    /// Something made; else what a member of `extra` means, if it fits.
    Either(Make, Meaning, Take),
    /// These addresses, each once.
    Addresses(&'static AddressList),
    /// Always the same JSON.
    Fixed(&'static str),
    /// The record's own text, if it was kept.
    Original,
    /// What has no field, by the source's keys.
    Extra,
}

/// Addresses that fields have, and such that members of `extra` mean.
#[derive(Debug)]
struct AddressList {
    fields: &'static [Field],
    meanings: &'static [Meaning],
    take: Take,
}

/// What has no field, in the documentation.
const EXTRA: &str = "extra";

/// A row of a mapping. Tables of rows are constants: encoders have a table of the cells that is
/// made from them, and what only people read does not get into the guests.
#[derive(Clone, Copy, Debug)]
struct Row {
    from: &'static [Field],
    cell: Cell,
    note: &'static str,
}

/// What of a row the encoder needs.
#[derive(Clone, Copy, Debug)]
struct Cell {
    path: &'static str,
    how: How,
    /// Where one of these fields is, the value may differ from that of a record with the same
    /// fields and words.
    values: u64,
}

const fn row(from: &'static [Field], path: &'static str, how: How, note: &'static str) -> Row {
    Row { from, cell: Cell { path, how, values: frames::values(from) }, note }
}

const fn copy(from: &'static [Field], path: &'static str) -> Row {
    row(from, path, How::Copy(from[0]), "")
}

/// A number that is left out where it is too large for a `long`.
macro_rules! long {
    ($field:path, $path:literal) => {
        $crate::schemas::made(&[$field], $path, |e| e.long($field), "up to 2^63-1")
    };
}

/// The place of such a number that is larger.
macro_rules! beyond_long {
    ($field:path, $path:literal) => {
        $crate::schemas::made(&[$field], $path, |e| e.beyond_long($field), $crate::schemas::BEYOND_LONG)
    };
}

use {beyond_long, long};

/// The value may depend on which fields there are, on the words that frames have in common, and
/// on the values of these fields.
const fn made(from: &'static [Field], path: &'static str, make: Make, note: &'static str) -> Row {
    row(from, path, How::Made(make), note)
}

/// The first row of a meaning takes the value out of `extra`, if it fits there.
const fn meant(meaning: Meaning, path: &'static str, take: Take, note: &'static str) -> Row {
    row(&[], path, How::Meant(meaning, take), note)
}

/// As `made`; else as `meant`.
const fn either(
    from: &'static [Field],
    make: Make,
    meaning: Meaning,
    path: &'static str,
    take: Take,
    note: &'static str,
) -> Row {
    row(from, path, How::Either(make, meaning, take), note)
}

/// An array of addresses. Without fields it takes those out of `extra` that it has.
const fn all_addresses(list: &'static AddressList, path: &'static str, note: &'static str) -> Row {
    assert!(list.fields.len() + list.meanings.len() <= MOST_ADDRESSES, "the array is too short");
    row(list.fields, path, How::Addresses(list), note)
}

const fn fixed(path: &'static str, json: &'static str) -> Row {
    row(&[], path, How::Fixed(json), "")
}

const fn extra(path: &'static str, note: &'static str) -> Row {
    row(&[], path, How::Extra, note)
}

/// The record's own text.
const fn original(path: &'static str) -> Row {
    row(&[], path, How::Original, "the record's text, if it was kept")
}

/// What a schema does with members of `extra`, for each meaning.
type Uses = [Use; Meaning::COUNT];

#[derive(Clone, Copy)]
struct Use {
    /// None where it has no place.
    take: Option<Take>,
    /// What has the place already, if it makes something.
    unless: Option<Make>,
    /// Whether the value leaves `extra`.
    moves: bool,
}

/// What the rows of a schema do with members of `extra`.
const fn uses(rows: &[Row]) -> Uses {
    let mut uses = [Use { take: None, unless: None, moves: false }; Meaning::COUNT];
    let mut i = 0;
    while i < rows.len() {
        match rows[i].cell.how {
            How::Meant(meaning, take) if !uses[meaning as usize].moves => {
                uses[meaning as usize] = Use { take: Some(take), unless: None, moves: true };
            }
            How::Either(make, meaning, take) => {
                uses[meaning as usize] = Use { take: Some(take), unless: Some(make), moves: true };
            }
            How::Addresses(&AddressList { fields, meanings, take }) => {
                let mut k = 0;
                while k < meanings.len() {
                    let one = &mut uses[meanings[k] as usize];
                    if one.take.is_none() {
                        *one = Use { take: Some(take), unless: None, moves: fields.is_empty() };
                    }
                    k += 1;
                }
            }
            _ => {}
        }
        i += 1;
    }
    uses
}

impl How {
    /// The meanings that a value is made of, a bit for each.
    const fn meanings(self) -> u64 {
        match self {
            Self::Meant(meaning, _) | Self::Either(_, meaning, _) => meaning.bit(),
            Self::Addresses(list) => {
                let (mut all, mut i) = (0, 0);
                while i < list.meanings.len() {
                    all |= list.meanings[i].bit();
                    i += 1;
                }
                all
            }
            _ => 0,
        }
    }
}

impl Cell {
    /// Whether another record with the same fields and words may have another value.
    fn may_differ(&self, event: &Event<'_>) -> bool {
        match self.how {
            How::Fixed(_) => false,
            How::Extra => event.extra().next().is_some(),
            How::Original => event.original.is_some(),
            _ => self.values & event.record.present() != 0 || self.how.meanings() & event.meant.found != 0,
        }
    }

    #[inline(always)]
    fn item<'e>(&self, event: &Event<'e>) -> Option<Item<'e>> {
        match self.how {
            How::Copy(field) => event.item(field),
            How::Made(make) => make(event),
            How::Meant(meaning, take) => take(event, event.meant(meaning)?),
            How::Either(make, meaning, take) => make(event).or_else(|| take(event, event.meant(meaning)?)),
            How::Addresses(list) => {
                let any = list.fields.iter().any(|f| event.has(*f))
                    || list.meanings.iter().any(|m| event.meant(*m).is_some());
                any.then_some(Item::Addresses)
            }
            How::Fixed(json) => Some(Item::Json(json)),
            How::Original => event.original(),
            How::Extra => None,
        }
    }
}

impl Row {
    fn describe(&self, prefix: &str) -> Mapping {
        let from = match self.cell.how {
            How::Fixed(json) => format!("= {json}"),
            How::Extra => EXTRA.into(),
            how => {
                let mut from: Vec<String> = self.from.iter().map(|f| f.key().into()).collect();
                let entries = products::all().iter().flat_map(|p| p.entries);
                for entry in entries.filter(|e| e.means.is_some_and(|m| m.bit() & how.meanings() != 0)) {
                    let name = format!("{EXTRA}.{}", entry.keys[0]);
                    if !from.contains(&name) {
                        from.push(name);
                    }
                }
                from.join(", ")
            }
        };
        Mapping { from, path: format!("{prefix}{}", self.cell.path), note: self.note }
    }
}

/// Whether the rows use each field; for checks when a table is compiled.
const fn covers_every_field(rows: &[Row]) -> bool {
    let mut f = 0;
    while f < Field::ALL.len() {
        let (mut i, mut found) = (0, false);
        while i < rows.len() {
            let mut k = 0;
            while k < rows[i].from.len() {
                found = found || rows[i].from[k] as usize == f;
                k += 1;
            }
            i += 1;
        }
        if !found {
            return false;
        }
        f += 1;
    }
    true
}

/// Objects may lie this deep in each other, and the value one deeper.
const DEPTH: usize = 4;

/// A cell, and how to get there from the one before.
#[derive(Clone, Copy, Debug)]
struct Step {
    cell: Cell,
    /// How many objects around both are the same.
    shared: u8,
    /// How many objects are around the value.
    depth: u8,
    /// Where each part of the path ends.
    ends: [u8; DEPTH],
}

/// The steps through a table; the rows of an object must stand together.
const fn steps<const N: usize>(rows: &[Row; N]) -> [Step; N] {
    assert!(covers_every_field(rows), "a field is not in the table");
    let mut steps = [Step { cell: rows[0].cell, shared: 0, depth: 0, ends: [0; DEPTH] }; N];
    let mut i = 0;
    while i < N {
        steps[i].cell = rows[i].cell;
        let path = rows[i].cell.path.as_bytes();
        assert!(path.len() <= u8::MAX as usize, "a path is too long");
        let (mut at, mut depth) = (0, 0);
        while at < path.len() {
            if path[at] == b'.' {
                steps[i].ends[depth] = at as u8;
                depth += 1;
            }
            at += 1;
        }
        steps[i].depth = depth as u8;
        steps[i].ends[depth] = at as u8;
        let (mut j, mut least) = (i, DEPTH);
        // Between two rows of an object there is no row outside of it.
        while j > 0 {
            j -= 1;
            let same = shared(rows[j].cell.path, rows[j + 1].cell.path);
            least = if same < least { same } else { least };
            if j + 1 == i {
                steps[i].shared = same as u8;
            }
            assert!(shared(rows[j].cell.path, rows[i].cell.path) <= least, "the rows of an object are apart");
        }
        i += 1;
    }
    steps
}

/// How many objects around two paths are the same.
const fn shared(a: &str, b: &str) -> usize {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let (mut i, mut same) = (0, 0);
    while i < a.len() && i < b.len() && a[i] == b[i] {
        same += (a[i] == b'.') as usize;
        i += 1;
    }
    same
}

/// Appends an event as an object of objects, and a line break.
fn tree(steps: &'static [Step], event: &Event<'_>, notes: &mut Notes<'_>, out: &mut Output) {
    out.push(b'{');
    let (mut open, mut keep) = (0, 0);
    for step in steps {
        keep = step.shared.min(keep);
        let item = step.cell.item(event);
        let members = matches!(step.cell.how, How::Extra) && event.extra().next().is_some();
        if item.is_none() && !members {
            notes.write(&step.cell, event, None, false, write_item, out);
            continue;
        }
        for _ in keep..open {
            out.push(b'}');
        }
        open = keep;
        while open < step.depth {
            member(step.part(open), event, out);
            out.push(b'{');
            open += 1;
        }
        keep = open;
        if item.is_some() {
            member(step.part(open), event, out);
        }
        let write = if members { write_members } else { write_item };
        notes.write(&step.cell, event, item, true, write, out);
    }
    for _ in 0..open {
        out.push(b'}');
    }
    out.extend_from_slice(b"}\n");
}

/// Appends a value as it is.
fn write_item(cell: &Cell, event: &Event<'_>, item: Option<Item<'_>>, out: &mut Output) {
    match item {
        None => {}
        Some(Item::Addresses) => write_addresses(cell, event, out),
        Some(item) => item.write(out),
    }
}

/// Appends the addresses of a cell, each once.
fn write_addresses(cell: &Cell, event: &Event<'_>, out: &mut Output) {
    let How::Addresses(&AddressList { fields, meanings, take }) = cell.how else { return };
    let (mut all, mut count) = ([None; MOST_ADDRESSES], 0);
    let fields = fields.iter().map(|f| event.address(*f));
    let extra = meanings.iter().map(|m| match take(event, event.meant(*m)?) {
        Some(Item::Address(address)) => Some(address),
        _ => None,
    });
    out.push(b'[');
    for address in fields.chain(extra).flatten() {
        if count < MOST_ADDRESSES && !all[..count].contains(&Some(address)) {
            separate(out);
            Item::Address(address).write(out);
            all[count] = Some(address);
            count += 1;
        }
    }
    out.push(b']');
}

/// No array of a cell's addresses has more.
const MOST_ADDRESSES: usize = 8;

/// Appends the members of `extra`.
fn write_members(_: &Cell, event: &Event<'_>, _: Option<Item<'_>>, out: &mut Output) {
    for (key, value) in event.extra() {
        separate(out);
        match key {
            OWN => own_key(event, out),
            _ => out.string(key),
        }
        out.push(b':');
        match value.kind {
            RawKind::Number if !is_typed(value.text) => out.string(value.text),
            _ => out.raw(value),
        }
    }
}

/// Appends the one key that would stand there twice as another, which none of the others is.
#[cold]
#[inline(never)]
fn own_key(event: &Event<'_>, out: &mut Output) {
    let mut key = format!("extra.{OWN}");
    while event.extra().any(|(other, _)| other == key) {
        key.insert_str(0, "extra.");
    }
    out.string(&key);
}

/// Whether a number is one that readers have a type for: an integer of 64 bits with a sign, or a
/// double. Others are written as strings.
#[inline]
fn is_typed(number: &str) -> bool {
    // Most are short and have no exponent.
    let plain = number.bytes().all(|b| b.is_ascii_digit());
    plain && number.len() <= 18 || is_typed_at_length(number, plain)
}

#[inline(never)]
fn is_typed_at_length(number: &str, plain: bool) -> bool {
    match plain || !number.contains(['.', 'e', 'E']) {
        true => number.parse::<i64>().is_ok(),
        false => double::finite(number).is_some(),
    }
}

/// The object with the fields that a schema has no place for.
const OWN: &str = "weir";

impl Step {
    /// A part of the path.
    #[inline(always)]
    fn part(&self, index: u8) -> &'static str {
        let index = usize::from(index);
        let start = index.checked_sub(1).map_or(0, |before| usize::from(self.ends[before]) + 1);
        &self.cell.path[start..usize::from(self.ends[index])]
    }
}

/// Appends a comma, unless an object or array was just opened.
fn separate(out: &mut Output) {
    if !matches!(out.last(), Some(b'{' | b'[')) {
        out.push(b',');
    }
}

/// Appends the key of a member.
#[inline(always)]
fn member(key: &str, event: &Event<'_>, out: &mut Output) {
    if key.starts_with('{') {
        separate(out);
        out.push(b'"');
        words(key, event, out);
        return out.extend_from_slice(b"\":");
    }
    // All at once, as nearly every key is.
    let comma = !matches!(out.last(), Some(b'{' | b'['));
    out.write(|buffer, at| {
        let at = if comma { put::byte(buffer, at, b',')? } else { at };
        let at = put::byte(buffer, at, b'"')?;
        let at = put::bytes(buffer, at, key.as_bytes())?;
        put::bytes(buffer, at, b"\":")
    });
}

/// Appends a name between quotes, with the record's own words in it.
#[inline(always)]
fn name(name: &str, event: &Event<'_>, out: &mut Output) {
    match name.starts_with('{') {
        true => words(name, event, out),
        false => out.extend_from_slice(name.as_bytes()),
    }
}

fn words(name: &str, event: &Event<'_>, out: &mut Output) {
    for (i, part) in name.as_bytes().split(|b| *b == b'.').enumerate() {
        if i > 0 {
            out.push(b'.');
        }
        let field = match part {
            b"{provider}" => Field::Provider,
            b"{product}" => Field::Product,
            b"{kind}" => Field::Kind,
            _ => {
                out.extend_from_slice(part);
                continue;
            }
        };
        out.characters(event.text(field).unwrap_or("unknown"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::limits,
        record::fields::{FieldType, RecordMemory},
    };

    fn dated(ms: u64) -> String {
        let mut out = Output::default();
        Item::Date(ms).write(&mut out);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn dates() {
        for (ms, want) in [
            (0, "\"1970-01-01T00:00:00.000Z\""),
            (951_782_399_999, "\"2000-02-28T23:59:59.999Z\""),
            (951_782_400_000, "\"2000-02-29T00:00:00.000Z\""),
            (951_868_800_000, "\"2000-03-01T00:00:00.000Z\""),
            (1_700_000_000_001, "\"2023-11-14T22:13:20.001Z\""),
            (4_107_542_400_000, "\"2100-03-01T00:00:00.000Z\""),
            (limits::LATEST_MS, "\"2554-07-21T23:34:33.709Z\""),
        ] {
            assert_eq!(dated(ms), want);
        }
    }

    #[test]
    fn names() {
        for schema in Schema::ALL {
            assert_eq!(Schema::by_name(schema.name()), Some(*schema));
            assert_eq!(serde_json::to_value(schema).unwrap(), schema.name());
        }
        assert_eq!(Schema::by_name("OCSF"), None);
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
        let event = Event::new(Schema::Ecs, &record, None);
        assert!(Field::ALL.iter().all(|f| event.item(*f).is_some()));
    }
}
