//! What the table of a schema is made of: rows, and how each makes its value.

use crate::{
    bytes::digits,
    catalog::{meaning::Meaning, products},
    record::fields::Field,
    schemas::event::{Event, Item, LONG, Make, Take, Use, Uses},
    value::{
        addresses, missing, numbers,
        raw::{Raw, RawKind},
    },
};

/// A row of a mapping, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
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

/// What is written as a string.
pub(super) fn text<'e>(_: &Event<'e>, raw: Raw<'e>) -> Option<Item<'e>> {
    (is_value(raw) && !missing::is_missing(raw)).then_some(Item::Text(raw.text))
}

/// What is written as an integer that every reader can hold.
pub(super) fn number<'e>(_: &Event<'e>, raw: Raw<'e>) -> Option<Item<'e>> {
    match numbers::unsigned(raw.text.trim_ascii()) {
        Ok((n, true)) if is_value(raw) && n <= LONG => Some(Item::Number(n)),
        _ => None,
    }
}

pub(super) fn port<'e>(e: &Event<'e>, raw: Raw<'e>) -> Option<Item<'e>> {
    number(e, raw).filter(|n| matches!(n, Item::Number(..=0xffff)))
}

pub(super) fn address<'e>(_: &Event<'e>, raw: Raw<'e>) -> Option<Item<'e>> {
    addresses::read(raw.text.trim_ascii()).filter(|_| raw.kind == RawKind::Text).map(Item::Address)
}

/// A country's code of two letters.
pub(super) fn country<'e>(e: &Event<'e>, raw: Raw<'e>) -> Option<Item<'e>> {
    let is_code = raw.text.len() == 2 && raw.text.bytes().all(|b| b.is_ascii_uppercase());
    if is_code { text(e, raw) } else { None }
}

/// The name and the number of a protocol's version, as in `TLSv1.2`.
pub(super) fn tls(raw: Raw<'_>) -> Option<(&str, &str)> {
    let (name, version) = raw.text.split_once('v').filter(|_| raw.kind == RawKind::Text)?;
    let fits = matches!(name, "TLS" | "SSL") && version.starts_with(|c: char| c.is_ascii_digit());
    fits.then_some((name, version))
}

pub(super) fn tls_name<'e>(_: &Event<'e>, raw: Raw<'e>) -> Option<Item<'e>> {
    tls(raw).map(|t| Item::Lower(t.0))
}

pub(super) fn tls_version<'e>(_: &Event<'e>, raw: Raw<'e>) -> Option<Item<'e>> {
    tls(raw).map(|t| Item::Text(t.1))
}

pub(super) fn is_value(raw: Raw<'_>) -> bool {
    matches!(raw.kind, RawKind::Text | RawKind::Number)
}

#[derive(Clone, Copy, Debug)]
pub(super) enum How {
    /// The field's value, as it is.
    Copy(Field),
    /// Something made; none where it does not apply.
    Made(Make),
    /// What follows from times, addresses and ports alone.
    Known(Known),
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

/// Values that nearly all records have, and that frames make without the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// The length of the window, in milliseconds.
    Duration,
    /// In nanoseconds.
    Nanoseconds,
    /// 4 or 6.
    IpVersion,
    /// `ipv4` or `ipv6`.
    NetworkType,
    CommunityId,
}

impl Known {
    fn item<'e>(self, e: &Event<'e>) -> Option<Item<'e>> {
        match self {
            Self::Duration => e.duration().map(Item::Number),
            Self::Nanoseconds => digits::times::<1_000_000>(e.duration()?).map(Item::Number),
            Self::IpVersion => e.ip_version().map(Item::Number),
            Self::NetworkType => e.network_type(),
            Self::CommunityId => e.community_id(),
        }
    }
}

/// Addresses that fields have, and such that members of `extra` mean.
#[derive(Debug)]
pub(super) struct AddressList {
    pub(super) fields: &'static [Field],
    pub(super) meanings: &'static [Meaning],
    pub(super) take: Take,
}

/// What has no field, in the documentation.
pub(super) const EXTRA: &str = "extra";

/// A row of a mapping. Tables of rows are constants: encoders have a table of the cells that is
/// made from them, and what only people read does not get into the guests.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) from: &'static [Field],
    pub(super) cell: Cell,
    pub(super) note: &'static str,
}

/// What of a row the encoder needs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell {
    pub(super) path: &'static str,
    pub(super) how: How,
    /// Where one of these fields is, the value may differ from that of a record with the same
    /// fields and words.
    pub(super) values: u64,
}

/// In [`Cell::values`]: whether there is a value, and of which fields it is made, follows from which
/// fields there are and from the words, as long as no number has more than [`PLAIN_DIGITS`] digits.
pub(super) const PICKS: u64 = 1 << 63;

const _: () = assert!(Field::ALL.len() < 63);

/// Numbers with so many digits are a `long`, and the sum of two is.
pub(super) const PLAIN_DIGITS: u32 = 18;

/// The fields whose values are the same in all records of a frame. A value that is made of others
/// than these, and of which fields there are, says so in its row.
pub(super) const WORDS: [Field; 7] = [
    Field::Provider,
    Field::Product,
    Field::Kind,
    Field::Transport,
    Field::Direction,
    Field::Action,
    Field::LogStatus,
];

/// Those of these fields that may differ within a frame, a bit for each.
pub(super) const fn values(fields: &[Field]) -> u64 {
    let (mut all, mut i) = (0, 0);
    while i < fields.len() {
        all |= 1 << fields[i] as usize;
        i += 1;
    }
    i = 0;
    while i < WORDS.len() {
        all &= !(1 << WORDS[i] as usize);
        i += 1;
    }
    all
}

pub(super) const fn row(from: &'static [Field], path: &'static str, how: How, note: &'static str) -> Row {
    Row { from, cell: Cell { path, how, values: values(from) }, note }
}

/// Says of a row that only which fields there are, and the words, decide what its value is made of.
const fn picking(mut row: Row) -> Row {
    row.cell.values |= PICKS;
    row
}

pub(super) const fn copy(from: &'static [Field], path: &'static str) -> Row {
    row(from, path, How::Copy(from[0]), "")
}

/// A number that is left out where it is too large for a `long`.
macro_rules! long {
    ($field:path, $path:literal) => {
        $crate::schemas::table::picked(&[$field], $path, |e| e.long($field), "up to 2^63-1")
    };
}

/// The place of such a number that is larger.
macro_rules! beyond_long {
    ($field:path, $path:literal) => {
        $crate::schemas::table::picked(
            &[$field],
            $path,
            |e| e.beyond_long($field),
            $crate::schemas::event::BEYOND_LONG,
        )
    };
}

pub(super) use {beyond_long, long};

/// The value may depend on which fields there are, on the words that frames have in common, and
/// on the values of these fields.
pub(super) const fn made(from: &'static [Field], path: &'static str, make: Make, note: &'static str) -> Row {
    row(from, path, How::Made(make), note)
}

/// As `made`, where only which fields there are, and the words, decide what the value is made of.
pub(super) const fn picked(
    from: &'static [Field],
    path: &'static str,
    make: Make,
    note: &'static str,
) -> Row {
    picking(made(from, path, make, note))
}

pub(super) const fn known(
    from: &'static [Field],
    path: &'static str,
    known: Known,
    note: &'static str,
) -> Row {
    row(from, path, How::Known(known), note)
}

/// The first row of a meaning takes the value out of `extra`, if it fits there.
pub(super) const fn meant(meaning: Meaning, path: &'static str, take: Take, note: &'static str) -> Row {
    row(&[], path, How::Meant(meaning, take), note)
}

/// As `made`; else as `meant`.
pub(super) const fn either(
    from: &'static [Field],
    make: Make,
    meaning: Meaning,
    path: &'static str,
    take: Take,
    note: &'static str,
) -> Row {
    row(from, path, How::Either(make, meaning, take), note)
}

/// As `picked`; else as `meant`.
pub(super) const fn picked_or(
    from: &'static [Field],
    make: Make,
    meaning: Meaning,
    path: &'static str,
    take: Take,
    note: &'static str,
) -> Row {
    picking(either(from, make, meaning, path, take, note))
}

/// An array of addresses. Without fields it takes those out of `extra` that it has.
pub(super) const fn all_addresses(list: &'static AddressList, path: &'static str, note: &'static str) -> Row {
    assert!(list.fields.len() + list.meanings.len() <= MOST_ADDRESSES, "the array is too short");
    row(list.fields, path, How::Addresses(list), note)
}

pub(super) const fn fixed(path: &'static str, json: &'static str) -> Row {
    row(&[], path, How::Fixed(json), "")
}

pub(super) const fn extra(path: &'static str, note: &'static str) -> Row {
    row(&[], path, How::Extra, note)
}

/// The record's own text.
pub(super) const fn original(path: &'static str) -> Row {
    row(&[], path, How::Original, "the record's text, if it was kept")
}

/// What the rows of a schema do with members of `extra`.
pub(super) const fn uses(rows: &[Row]) -> Uses {
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
    pub(super) const fn meanings(self) -> u64 {
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
    pub(super) fn may_differ(&self, event: &Event<'_>) -> bool {
        match self.how {
            How::Fixed(_) => false,
            How::Extra => event.extra().next().is_some(),
            How::Original => event.original.is_some(),
            _ => self.values & event.record.present() != 0 || self.how.meanings() & event.meant.found != 0,
        }
    }

    #[inline(always)]
    pub(super) fn item<'e>(&self, event: &Event<'e>) -> Option<Item<'e>> {
        match self.how {
            How::Copy(field) => event.item(field),
            How::Made(make) => make(event),
            How::Known(known) => known.item(event),
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
    pub(super) fn describe(&self, prefix: &str) -> Mapping {
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
pub(super) const fn covers_every_field(rows: &[Row]) -> bool {
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
pub(super) const DEPTH: usize = 4;

/// A cell, and how to get there from the one before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) cell: Cell,
    /// How many objects around both are the same.
    pub(super) shared: u8,
    /// How many objects are around the value.
    pub(super) depth: u8,
    /// Where each part of the path ends.
    pub(super) ends: [u8; DEPTH],
}

/// The steps through a table; the rows of an object must stand together.
pub(super) const fn steps<const N: usize>(rows: &[Row; N]) -> [Step; N] {
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
pub(super) const fn shared(a: &str, b: &str) -> usize {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let (mut i, mut same) = (0, 0);
    while i < a.len() && i < b.len() && a[i] == b[i] {
        same += (a[i] == b'.') as usize;
        i += 1;
    }
    same
}

/// No array of a cell's addresses has more.
pub(super) const MOST_ADDRESSES: usize = 8;

impl Step {
    /// A part of the path.
    #[inline(always)]
    pub(super) fn part(&self, index: u8) -> &'static str {
        let index = usize::from(index);
        let start = index.checked_sub(1).map_or(0, |before| usize::from(self.ends[before]) + 1);
        &self.cell.path[start..usize::from(self.ends[index])]
    }
}
