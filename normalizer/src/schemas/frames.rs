//! What is the same in all records that have the same fields and the same words.
//!
//! Most of a record in a rich schema follows from which fields it has and from few words: its
//! provider, its action. So the first such record is kept as a frame: its text, and the places of
//! those values that may differ. Others are that text with their own values.
//!
//! Nearly all of these values are what the flat record has, as it is written there. So each record
//! is written flat first, where its parts are noted, and a frame is a list of texts of its own and
//! of fields of the flat record, which are copied one after the other in blocks. What has to be made
//! anew, such as a hash, is made by the schema's table: of all fields, where the record is there; or
//! only of those that are needed, where a fast path wrote the flat record and nothing else.
//!
//! What is copied is found out, not written down: the table's functions are given records whose
//! values can be told apart, and what comes out tells which value it was. Where a value is there
//! that was not, or is not that was, the record is written from the table.

use std::net::IpAddr;

use crate::{
    base::limits,
    bytes::{
        digits,
        put::{self, Written},
        scan,
    },
    catalog::meaning::Meaning,
    json::output::Output,
    record::fields::{Field, FieldType, Record, RecordMemory, Value},
    schemas::{
        event::{self, Event, Item, Uses},
        extra::{is_as_in_flat, write_extra},
        flat::{self, FlatPlaces},
        table::{Cell, How, Known, PICKS, PLAIN_DIGITS, WORDS},
    },
    value::{
        addresses,
        community_id::{self, CommunityId},
        raw::Raw,
    },
};

/// How a value is written.
pub(super) type Write = fn(&Cell, &Event<'_>, Option<Item<'_>>, &mut Output);

/// The frames that were needed lately.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    frames: Vec<Frame>,
    /// The one that was needed last.
    latest: usize,
    /// The one that makes room for the next, when so many records were without one.
    oldest: usize,
    waited: u32,
    /// The key of the record under way, if it may have a frame.
    key: Option<FrameKey>,
    /// The values of a record that a frame is made of.
    noted: Vec<NotedValue>,
    /// The record under way as a flat one, without an end.
    pub(crate) flat: Output,
    /// Where its parts are.
    pub(crate) places: FlatPlaces,
}

/// What tells a record's frame: its fields, the meanings that were found in it, and its words.
type FrameKey = [u64; 3 + 2 * WORD_COUNT];

/// The words that frames have in common, and the source's own word for the action.
const WORD_COUNT: usize = WORDS.len() + 1;

/// A member of `extra`, and what it means in records of its product.
pub(crate) type Extra<'a> = (&'a str, Raw<'a>, Option<Meaning>);

#[derive(Debug)]
struct Frame {
    key: FrameKey,
    words: [Box<str>; WORDS.len()],
    /// The texts of the parts.
    text: Vec<u8>,
    parts: Vec<Part>,
    made: Vec<Made>,
    /// The fields that values are made of by the table, if some are.
    reads: Option<u64>,
    /// Times that must not be 0, a bit for each.
    not_zero: u64,
}

/// A text, and a value as it stands in the flat record behind it.
#[derive(Clone, Copy, Debug)]
struct Part {
    start: u32,
    len: u16,
    /// The number of the field, or [`NO_FIELD`].
    field: u16,
}

const NO_FIELD: u16 = u16::MAX;

/// A value that is made.
#[derive(Clone, Copy, Debug)]
struct Made {
    /// How many parts stand before it.
    parts: usize,
    act: Making,
}

#[derive(Clone, Copy, Debug)]
enum Making {
    /// By the table; whether there is one.
    Cell(&'static Cell, Write, bool),
    /// Of a few fields; whether there is one.
    Known(Known, bool),
    /// A field's time as a date.
    Date(Field),
    /// Addresses of these fields, each once.
    Addresses(&'static [Field]),
    /// Members of `extra`.
    Members,
}

/// A value of a record that a frame is made of.
#[derive(Clone, Copy, Debug)]
struct NotedValue {
    cell: &'static Cell,
    write: Write,
    /// Where it lies in the record.
    start: u32,
    end: u32,
    /// Whether it was there.
    some: bool,
}

/// So much is read behind what is copied.
const BLOCK: usize = 32;

impl Frames {
    /// More are not kept.
    const KEPT: usize = 32;
    /// So many records without a frame come before one takes the place of another.
    const PATIENCE: u32 = 64;

    /// Writes a record whose frame is known; false, and nothing written, where it is not, or does
    /// not fit. Apart from what writes one from the table: runtimes for small places have little stack.
    #[inline(never)]
    pub(super) fn write(&mut self, event: &Event<'_>, out: &mut Output) -> bool {
        let Self { flat, places, .. } = self;
        flat.begin(limits::FRAME);
        flat::write_noting(event.record, places, flat);
        let whole = flat.end(0, limits::FRAME);
        let has = [event.extra().next().is_some(), event.original.is_some()];
        self.key = None;
        if !whole {
            return false;
        }
        let flat = self.flat.padded(BLOCK);
        self.key = key(flat, &self.places, event.meant.found, has, event.source_action());
        let Some(key) = &self.key else { return false };
        let written = write_any(&self.frames, self.latest, key, event, flat, &self.places, out);
        self.latest = written.unwrap_or(self.latest);
        written.is_some()
    }

    /// Writes the record that a fast path has written flat, and noted; false, and nothing written,
    /// where its frame is not known or does not fit. `uses` and `observed_at` are always the same for
    /// the frames; `member` tells the members of `extra` by their numbers.
    pub(crate) fn put<'a>(
        &mut self,
        mapped: &Mapped,
        member: &dyn Fn(usize) -> Option<Extra<'a>>,
        memory: &mut RecordMemory,
        out: &mut Output,
    ) -> bool {
        let flat = self.flat.padded(BLOCK);
        let mut record = Record::of_fields(self.places.present, memory);
        let around = Lookup { frames: &self.frames, latest: self.latest, flat, places: &self.places };
        let written = around.put(mapped, member, &mut record, out);
        record.recycle(memory);
        self.latest = written.unwrap_or(self.latest);
        written.is_some()
    }

    /// Begins to note the values of a record that is written from the table, from here on.
    pub(super) fn note(&mut self, start: usize) -> Notes<'_> {
        self.noted.clear();
        Notes { noted: Some(&mut self.noted), start }
    }

    /// Keeps the record that was just written, and noted, as a frame.
    #[cold]
    #[inline(never)]
    pub(super) fn keep(&mut self, event: &Event<'_>, text: &[u8]) {
        let Some(key) = self.key.take().filter(|_| text.len() <= limits::FRAME) else { return };
        if self.frames.len() == Self::KEPT {
            // Records that have nothing in common must not be slower than without frames.
            self.waited += 1;
            if self.waited < Self::PATIENCE {
                return;
            }
            self.waited = 0;
        }
        let made = Maker::new(event, self.flat.padded(BLOCK), &self.places).frame(key, text, &self.noted);
        match self.frames.get_mut(self.oldest) {
            Some(oldest) => *oldest = made,
            None => self.frames.push(made),
        }
        self.oldest = (self.oldest + 1) % Self::KEPT;
    }
}

/// A schema, as a fast path needs it.
#[derive(Clone, Copy)]
pub(crate) struct Mapped {
    pub(super) uses: &'static Uses,
    pub(super) observed_at: Option<u64>,
}

/// The next frame with this key from a place on, where the one that was needed last stands before all
/// others.
#[inline(never)]
fn next_candidate(frames: &[Frame], latest: usize, key: &FrameKey, from: usize) -> Option<usize> {
    (from..frames.len()).find(|place| {
        let frame = &frames[at_place(*place, latest)];
        frame.key.iter().zip(key).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
    })
}

/// The number of the frame that is tried so late.
fn at_place(place: usize, latest: usize) -> usize {
    match place {
        0 => latest,
        other if other <= latest => other - 1,
        other => other,
    }
}

/// Writes a record by one of the frames with its key; says by which.
#[inline(never)]
fn write_any(
    frames: &[Frame],
    latest: usize,
    key: &FrameKey,
    event: &Event<'_>,
    flat: &[u8],
    places: &FlatPlaces,
    out: &mut Output,
) -> Option<usize> {
    let mut from = 0;
    while let Some(place) = next_candidate(frames, latest, key, from) {
        let number = at_place(place, latest);
        if frames[number].write(event, flat, places, out) {
            return Some(number);
        }
        from = place + 1;
    }
    None
}

/// The key of a record, if it may have a frame.
fn key(
    flat: &[u8],
    places: &FlatPlaces,
    found: u64,
    has: [bool; 2],
    source_action: &str,
) -> Option<FrameKey> {
    let mut key = [0; 3 + 2 * WORD_COUNT];
    let flags = u64::from(has[0]) | u64::from(has[1]) << 1 | (source_action.len() as u64) << 8;
    (key[0], key[1], key[2]) = (places.present, found, flags);
    let (words, _) = key[3..].as_chunks_mut();
    for (field, word) in WORDS.iter().zip(words.iter_mut()) {
        if places.present >> *field as usize & 1 != 0 {
            let place = places.of(*field as usize);
            let bytes = flat.get(place.start as usize..)?.first_chunk::<{ limits::FRAME_WORD }>()?;
            let [low, high] = MASKS.get(place.len as usize)?;
            let [a, b] = bytes.as_chunks().0 else { return None };
            *word = [u64::from_le_bytes(*a) & low, u64::from_le_bytes(*b) & high];
        }
    }
    if !source_action.is_empty() {
        let mut bytes = [0; limits::FRAME_WORD];
        bytes.get_mut(..source_action.len())?.copy_from_slice(source_action.as_bytes());
        let [a, b] = bytes.as_chunks().0 else { return None };
        *words.last_mut()? = [u64::from_le_bytes(*a), u64::from_le_bytes(*b)];
    }
    Some(key)
}

/// For each length of a word its bytes in two numbers.
static MASKS: [[u64; 2]; limits::FRAME_WORD + 1] = {
    let mut masks = [[0; 2]; limits::FRAME_WORD + 1];
    let mut len = 1;
    while len <= limits::FRAME_WORD {
        masks[len] = masks[len - 1];
        masks[len][(len - 1) / 8] |= 0xff << (8 * ((len - 1) % 8));
        len += 1;
    }
    masks
};

/// The fields whose numbers may have more than [`PLAIN_DIGITS`] digits.
const COUNTERS: u64 = {
    let (mut all, mut i) = (0, 0);
    while i < Field::ALL.len() {
        if let FieldType::Integer(most) = Field::ALL[i].field_type()
            && most >= 10_u64.pow(PLAIN_DIGITS)
        {
            all |= 1 << i;
        }
        i += 1;
    }
    all
};

const WORD_FIELDS: u64 = {
    let (mut all, mut i) = (0, 0);
    while i < WORDS.len() {
        all |= 1 << WORDS[i] as usize;
        i += 1;
    }
    all
};

/// The numbers of the bits that are set.
fn bits(mut set: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let next = (set != 0).then(|| set.trailing_zeros() as usize)?;
        set &= set - 1;
        Some(next)
    })
}

/// A record that is there as flat text, and what is looked through for its frame.
struct Lookup<'r> {
    frames: &'r [Frame],
    latest: usize,
    flat: &'r [u8],
    places: &'r FlatPlaces,
}

impl<'r> Lookup<'r> {
    /// Writes the record, of which there is nothing yet but which fields it has; says by which frame.
    fn put<'a: 'r>(
        &self,
        mapped: &Mapped,
        member: &dyn Fn(usize) -> Option<Extra<'a>>,
        record: &mut Record<'r>,
        out: &mut Output,
    ) -> Option<usize> {
        let Self { frames, latest, flat, places } = *self;
        let mut means = false;
        for (_, i) in &places.extra {
            let (key, raw, meaning) = member(usize::from(*i))?;
            record.extra.push((key, raw));
            means |= meaning.is_some_and(|m| mapped.uses[m as usize].take.is_some());
        }
        if means {
            self.fill(record, places.present)?;
        }
        let mut event = Event::without_meanings(record, mapped.observed_at);
        if means {
            for (i, (_, number)) in places.extra.iter().enumerate() {
                if let Some(meaning) = member(usize::from(*number))?.2 {
                    event.find_meaning(mapped.uses, i, meaning);
                }
            }
        }
        let has = [event.extra().next().is_some(), event.original.is_some()];
        let key = key(flat, places, event.meant.found, has, event.source_action())?;
        if means {
            return write_any(frames, latest, &key, &event, flat, places, out);
        }
        let found = at_place(next_candidate(frames, latest, &key, 0)?, latest);
        let Some(reads) = frames[found].reads else {
            return frames[found].write(&event, flat, places, out).then_some(found);
        };
        for (field, word) in WORDS.iter().zip(&frames[found].words) {
            if places.present >> *field as usize & 1 != 0 {
                record.set(*field, Value::Text(word));
            }
        }
        self.fill(record, reads & !WORD_FIELDS)?;
        let event = Event::without_meanings(record, mapped.observed_at);
        frames[found].write(&event, flat, places, out).then_some(found)
    }

    /// Gives fields their values; nothing where one can't be told from the flat text alone.
    fn fill(&self, record: &mut Record<'r>, fields: u64) -> Option<()> {
        for i in bits(fields) {
            let field = Field::ALL[i];
            let value = match field.field_type() {
                FieldType::Integer(_) | FieldType::Millis => {
                    record.set(field, Value::Number(number(field, self.flat, self.places)?));
                    continue;
                }
                FieldType::Address => {
                    record.set(field, Value::Address(address(field, self.flat, self.places)?));
                    continue;
                }
                FieldType::Word(_) | FieldType::Text => self.places.of(i).of(self.flat)?,
            };
            if scan::has(value, b'\\') {
                return None;
            }
            record.set(field, Value::Text(str::from_utf8(value).ok()?));
        }
        Some(())
    }
}

impl Frame {
    /// Writes a record; false, and nothing written, where it does not fit.
    fn write(&self, event: &Event<'_>, flat: &[u8], places: &FlatPlaces, out: &mut Output) -> bool {
        let is_long = |i: usize| places.of(i).len > PLAIN_DIGITS;
        let is_zero = |i: usize| places.of(i).of(flat) == Some(b"0");
        if bits(places.present & COUNTERS).any(is_long) || bits(self.not_zero).any(is_zero) {
            return false;
        }
        let (start, mut done) = (out.len(), 0);
        for made in &self.made {
            self.copy(done, made.parts, flat, places, out);
            done = made.parts;
            if !made.act.write(event, flat, places, out) {
                out.truncate(start);
                return false;
            }
        }
        self.copy(done, self.parts.len(), flat, places, out);
        true
    }

    /// Copies some parts.
    #[inline(always)]
    fn copy(&self, from: usize, to: usize, flat: &[u8], places: &FlatPlaces, out: &mut Output) {
        let parts = self.parts.get(from..to).unwrap_or_default();
        out.write(|buffer, at| copy(parts, &self.text, flat, places, buffer, at));
    }
}

/// Copies parts.
#[inline(never)]
fn copy(
    parts: &[Part],
    text: &[u8],
    flat: &[u8],
    places: &FlatPlaces,
    buffer: &mut [u8],
    mut at: usize,
) -> Written {
    for part in parts {
        at = blocks(buffer, at, text, part.start as usize, usize::from(part.len))?;
        if part.field != NO_FIELD {
            let place = places.of(usize::from(part.field));
            at = blocks(buffer, at, flat, place.start as usize, place.len as usize)?;
        }
    }
    Some(at)
}

/// Copies a piece of a text that goes on for [`BLOCK`] bytes behind it; what lies behind its end is
/// overwritten.
#[inline(always)]
fn blocks(buffer: &mut [u8], at: usize, text: &[u8], start: usize, len: usize) -> Written {
    let text = text.get(start..)?;
    let mut done = 0;
    loop {
        put::block::<BLOCK>(buffer, at + done, text.get(done..)?.first_chunk()?)?;
        done += BLOCK;
        if done >= len {
            return Some(at + len);
        }
    }
}

impl Making {
    /// Appends the value, if there is one, as there was in the first record; else says false.
    fn write(&self, event: &Event<'_>, flat: &[u8], places: &FlatPlaces, out: &mut Output) -> bool {
        match *self {
            Self::Cell(cell, write, some) => {
                let item = cell.item(event);
                let members = matches!(cell.how, How::Extra);
                if some != (item.is_some() || members) {
                    return false;
                }
                if some {
                    write(cell, event, item, out);
                }
            }
            Self::Known(known, some) => return write_known(known, flat, places, out) == some,
            Self::Date(field) => {
                let Some(ms) = number(field, flat, places) else { return false };
                event::date(ms, out);
            }
            Self::Addresses(fields) => write_addresses(fields, flat, places, out),
            Self::Members => {
                for (i, (place, _)) in places.extra.iter().enumerate() {
                    let Some(&(key, raw)) = event.record.extra.get(i).filter(|_| event.stays(i)) else {
                        continue;
                    };
                    match place.of(flat) {
                        Some(member) if is_as_in_flat(key, raw) => {
                            out.separate();
                            out.extend_from_slice(member);
                        }
                        _ => write_extra(key, raw, event, out),
                    }
                }
            }
        }
        true
    }
}

/// The number of a field, if it is there.
#[inline(never)]
fn number(field: Field, flat: &[u8], places: &FlatPlaces) -> Option<u64> {
    let place = places.of_present(field)?;
    digits::known(flat.get(place.start as usize..)?, place.len as usize)
}

/// The address of a field, if it is there.
#[inline(never)]
fn address(field: Field, flat: &[u8], places: &FlatPlaces) -> Option<IpAddr> {
    let place = places.of_present(field)?;
    addresses::known(flat.get(place.start as usize..)?, place.len as usize)
}

/// Appends a value without quotes, if there is one.
#[inline(never)]
fn write_known(known: Known, flat: &[u8], places: &FlatPlaces, out: &mut Output) -> bool {
    let number = |field| number(field, flat, places);
    let duration = || number(Field::EndMs)?.checked_sub(number(Field::StartMs)?);
    match known {
        Known::Duration => duration().map(|n| out.number(n)),
        Known::Nanoseconds => duration().and_then(digits::times::<1_000_000>).map(|n| out.number(n)),
        Known::IpVersion | Known::NetworkType => {
            let address = places.of_present(Field::SrcIp).or_else(|| places.of_present(Field::DstIp));
            address.and_then(|a| a.of(flat)).map(|text| {
                let is_ipv6 = text.contains(&b':');
                out.extend_from_slice(match (known, is_ipv6) {
                    (Known::IpVersion, false) => b"4",
                    (Known::IpVersion, true) => b"6",
                    (_, false) => b"ipv4",
                    (_, true) => b"ipv6",
                });
            })
        }
        Known::CommunityId => community_id(flat, places).map(|id| out.extend_from_slice(&id)),
    }
    .is_some()
}

#[inline(always)]
fn community_id(flat: &[u8], places: &FlatPlaces) -> Option<CommunityId> {
    let number = |field| number(field, flat, places);
    let protocol = u8::try_from(number(Field::Protocol)?).ok()?;
    let (source, destination) = (address(Field::SrcIp, flat, places)?, address(Field::DstIp, flat, places)?);
    community_id::of_flow(source, destination, protocol, number(Field::SrcPort), number(Field::DstPort))
}

/// Appends the addresses of fields as an array, each once.
fn write_addresses(fields: &[Field], flat: &[u8], places: &FlatPlaces, out: &mut Output) {
    let address = |field: &Field| places.of_present(*field)?.of(flat);
    out.push(b'[');
    for (i, field) in fields.iter().enumerate() {
        let Some(text) = address(field) else { continue };
        if !fields[..i].iter().any(|before| address(before) == Some(text)) {
            out.separate();
            out.push(b'"');
            out.extend_from_slice(text);
            out.push(b'"');
        }
    }
    out.push(b']');
}

/// Makes a frame of a record, once.
struct Maker<'m, 'e> {
    event: &'m Event<'e>,
    flat: &'m [u8],
    places: &'m FlatPlaces,
    /// For two other records the text of each field, which is found nowhere else.
    probes: [Vec<Output>; 2],
}

impl<'m, 'e> Maker<'m, 'e> {
    fn new(event: &'m Event<'e>, flat: &'m [u8], places: &'m FlatPlaces) -> Self {
        let probe = |n: u8| {
            let mut texts = Vec::new();
            for (i, field) in Field::ALL.iter().enumerate() {
                let mut text = Output::default();
                match field.field_type() {
                    FieldType::Integer(_) | FieldType::Millis => {
                        text.number((u64::from(n) + 4) * 1_000_000_000 + i as u64);
                    }
                    FieldType::Address => text.address([n + 240, 0, 0, i as u8].into()),
                    FieldType::Word(_) | FieldType::Text => {
                        text.extend_from_slice(field.key().as_bytes());
                        text.extend_from_slice(&[b'~', b'0' + n, b'~']);
                    }
                }
                texts.push(text);
            }
            texts
        };
        Self { event, flat, places, probes: [probe(0), probe(1)] }
    }

    fn frame(&self, key: FrameKey, text: &[u8], noted: &[NotedValue]) -> Frame {
        let mut frame = Frame {
            key,
            words: WORDS.map(|f| self.event.text(f).unwrap_or_default().into()),
            text: text.to_vec(),
            parts: Vec::new(),
            made: Vec::new(),
            reads: None,
            not_zero: 0,
        };
        // Copies go on behind their ends.
        frame.text.resize(text.len() + 2 * BLOCK, 0);
        let mut from = 0;
        let part =
            |from: usize, to: usize, field: u16| Part { start: from as u32, len: (to - from) as u16, field };
        let probes = self.probes.each_ref().map(|texts| self.probe(texts));
        let events =
            probes.each_ref().map(|record| Event { record, meant: self.event.meant.clone(), ..*self.event });
        for noted in noted {
            let (start, end) = (noted.start as usize, noted.end as usize);
            let old = &text[start..end];
            match self.found_out(noted, old, &events) {
                Finding::Same => {}
                Finding::Field { field, before, behind } => {
                    if old[old.len() - behind..].starts_with(b"000000") {
                        frame.not_zero |= 1 << field as usize;
                    }
                    frame.parts.push(part(from, start + before, field as u16));
                    from = end - behind;
                }
                Finding::Making { act, before, behind } => {
                    // Where there is no value, nothing is cut.
                    if start < end {
                        frame.parts.push(part(from, start + before, NO_FIELD));
                        from = end - behind;
                    }
                    if let Making::Cell(cell, ..) = act {
                        frame.reads = Some(frame.reads.unwrap_or(0) | cell.values & self.places.present);
                    }
                    frame.made.push(Made { parts: frame.parts.len(), act });
                }
            }
        }
        frame.parts.push(part(from, text.len(), NO_FIELD));
        frame
    }

    /// A record with the same fields and words, and other values.
    fn probe<'p>(&self, texts: &'p [Output]) -> Record<'p>
    where
        'e: 'p,
    {
        let mut record = Record::default();
        for (field, value) in self.event.record.fields() {
            let text = &texts[field as usize];
            record.set(
                field,
                match value {
                    _ if WORDS.contains(&field) => value,
                    Value::Number(_) => Value::Number(digits::read(text).unwrap_or_default()),
                    Value::Address(_) => {
                        addresses::read_ipv4(text).map_or(value, |a| Value::Address(a.into()))
                    }
                    Value::Text(_) => Value::Text(str::from_utf8(text).unwrap_or_default()),
                },
            );
        }
        record.extra.clone_from(&self.event.record.extra);
        record
    }

    /// What a value is, that was written as `old`.
    fn found_out(&self, noted: &NotedValue, old: &[u8], probes: &[Event<'_>; 2]) -> Finding {
        let NotedValue { cell, write, some, .. } = *noted;
        let otherwise = Finding::Making { act: Making::Cell(cell, write, some), before: 0, behind: 0 };
        let gives = |act: &Making| {
            let mut out = Output::default();
            act.write(self.event, self.flat, self.places, &mut out);
            *out == *old
        };
        let whole = match cell.how {
            How::Extra => Some(Making::Members),
            How::Addresses(list) if self.event.meant.found & cell.how.meanings() == 0 => {
                Some(Making::Addresses(list.fields))
            }
            _ => None,
        };
        if let How::Known(known) = cell.how {
            let mut out = Output::default();
            let made = write_known(known, self.flat, self.places, &mut out);
            let act = Making::Known(known, some);
            return match find(old, &out) {
                Some(before) if made == some => {
                    Finding::Making { act, before, behind: old.len() - before - out.len() }
                }
                _ => otherwise,
            };
        }
        if let Some(act) = whole {
            return if gives(&act) { Finding::Making { act, before: 0, behind: 0 } } else { otherwise };
        }
        let is_its_make = match cell.how {
            How::Either(_, meaning, _) => self.event.meant.found & meaning.bit() == 0,
            _ => true,
        };
        if !(matches!(cell.how, How::Copy(_)) || cell.values & PICKS != 0 && is_its_make) {
            return otherwise;
        }
        let written = probes.each_ref().map(|event| {
            let mut out = Output::default();
            cell.item(event).map(|item| {
                write(cell, event, Some(item), &mut out);
                out.to_vec()
            })
        });
        let [first, second] = match written {
            [None, None] if !some => return Finding::Same,
            [Some(first), Some(second)] if some => [first, second],
            _ => return otherwise,
        };
        if first == second {
            return if first == *old { Finding::Same } else { otherwise };
        }
        for i in bits(cell.values & self.places.present) {
            let field = Field::ALL[i];
            let now = self.places.of(i).of(self.flat).unwrap_or_default();
            let texts = self.probes.each_ref().map(|texts| &texts[i][..]);
            if let Some((before, behind)) = around([&first, &second, old], [texts[0], texts[1], now]) {
                return Finding::Field { field, before, behind };
            }
            let dates = [texts[0], texts[1], now].map(|ms| {
                let mut out = Output::default();
                event::date(digits::read(ms).unwrap_or_default(), &mut out);
                out
            });
            if let Some((before, behind)) = around([&first, &second, old], [&dates[0], &dates[1], &dates[2]])
            {
                return Finding::Making { act: Making::Date(field), before, behind };
            }
        }
        otherwise
    }
}

/// What stands before and behind three texts, if it is the same for all.
fn around(written: [&[u8]; 3], texts: [&[u8]; 3]) -> Option<(usize, usize)> {
    let first = written[0];
    let before = find(first, texts[0])?;
    let behind = first.len() - before - texts[0].len();
    let same = written.iter().zip(texts).all(|(written, text)| {
        written.len() == before + text.len() + behind
            && written[before..].starts_with(text)
            && written.starts_with(&first[..before])
            && written.ends_with(&first[first.len() - behind..])
    });
    same.then_some((before, behind))
}

/// Where a text stands in another.
fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    (0..=text.len()).find(|at| text[*at..].starts_with(part))
}

/// What a value of a frame is.
enum Finding {
    /// The same in all records.
    Same,
    /// A field's value as it stands in the flat record, and so much of the old text around it.
    Field {
        field: Field,
        before: usize,
        behind: usize,
    },
    Making {
        act: Making,
        before: usize,
        behind: usize,
    },
}

/// Where the values of a record are noted, if a frame is to be made of it.
pub(super) struct Notes<'n> {
    noted: Option<&'n mut Vec<NotedValue>>,
    /// Where the record begins in the output.
    start: usize,
}

impl Notes<'_> {
    /// For a record that no frame is made of.
    pub(super) const fn none() -> Self {
        Self { noted: None, start: 0 }
    }

    /// Writes a value, if there is one.
    #[inline(always)]
    pub(super) fn write(
        &mut self,
        cell: &'static Cell,
        event: &Event<'_>,
        item: Option<Item<'_>>,
        some: bool,
        write: Write,
        out: &mut Output,
    ) {
        let start = out.len();
        if some {
            write(cell, event, item, out);
        }
        if let Some(noted) = &mut self.noted
            && cell.may_differ(event)
        {
            let [start, end] = [start, out.len()].map(|at| (at - self.start) as u32);
            noted.push(NotedValue { cell, write, start, end, some });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::{
        catalog::products,
        rules::schema::Schema,
        schemas::{encode, mapped, uses},
        value::raw::{Raw, RawKind},
    };

    /// Numbers that look random, the same each time.
    struct Dice(u64);

    impl Dice {
        fn roll(&mut self, sides: usize) -> usize {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) as usize % sides
        }

        fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
            all[self.roll(all.len())]
        }
    }

    /// Keys that mean something in some products, and others.
    const KEYS: [&str; 16] = [
        "raw",
        "action",
        "rule_result",
        "weir",
        "other",
        "nat_ip",
        "NatIp",
        "nat_port",
        "pkt-srcaddr",
        "az-id",
        "args",
        "x_forwarded_for",
        "tls_version",
        "payload",
        "policyid",
        "src_region_id",
    ];
    const TEXTS: [&str; 20] = [
        "x",
        "high",
        "odd",
        "GET",
        "get",
        "-",
        "/a?b=c",
        "/a",
        "https://h/a",
        "8",
        "1",
        "same",
        "a\"b",
        "é",
        "drop",
        "attack",
        "198.51.100.4",
        "198.51.100.4, fd00::1",
        "TLSv1.2",
        "CN",
    ];
    /// Few are too long to be copied.
    const NUMBERS: [u64; 20] = [
        0,
        1,
        6,
        17,
        58,
        200,
        404,
        65_535,
        7,
        8,
        9,
        10,
        11,
        12,
        13,
        14,
        15,
        1 << 40,
        999_999_999_999_999_999,
        u64::MAX,
    ];
    const PRODUCTS: [&str; 5] = ["vpc", "waf", "waf_access", "cfw", "nat"];

    fn set(record: &mut Record<'static>, field: Field, dice: &mut Dice) {
        let value = match field.field_type() {
            FieldType::Word(words) => Value::Text(dice.one_of(words)),
            FieldType::Text if field == Field::Product => Value::Text(dice.one_of(&PRODUCTS)),
            FieldType::Text if field == Field::Transport => Value::Text(dice.one_of(&["tcp", "udp"])),
            FieldType::Text => Value::Text(dice.one_of(&TEXTS)),
            FieldType::Integer(most) => Value::Number(dice.one_of(&NUMBERS).min(most)),
            FieldType::Millis => {
                Value::Number(dice.one_of(&[0, 5, 1_718_000_000_000, crate::base::limits::LATEST_MS]))
            }
            FieldType::Address => {
                let all =
                    ["10.0.0.1", "10.0.0.2", "fd00::1", "1.1.1.1"].map(|a| a.parse::<IpAddr>().unwrap());
                Value::Address(dice.one_of(&all))
            }
        };
        record.set(field, value);
    }

    /// Records with the same fields and the same words, and other values, are written from a
    /// frame as they are written from the table.
    #[test]
    fn frames_change_nothing() {
        let dice = &mut Dice(1);
        for schema in [Schema::Ocsf, Schema::Ecs, Schema::Otel] {
            for observed_at in [None, Some(1_700_000_000_000)] {
                let (mut frames, mut by_frame, mut lean, mut refused) = (Frames::default(), 0, 0, 0);
                for _ in 0..1000 {
                    // With all kinds of others, or alone.
                    if dice.roll(4) > 0 {
                        frames = Frames::default();
                    }
                    let rare = dice.one_of(&[2, 4, 30]);
                    let fields: Vec<_> = Field::ALL.iter().copied().filter(|_| dice.roll(rare) < 2).collect();
                    let extras = dice.roll(5);
                    let mut first = Record::new(&mut RecordMemory::default());
                    fields.iter().for_each(|f| set(&mut first, *f, dice));
                    for _ in 0..4 {
                        let mut record = Record::new(&mut RecordMemory::default());
                        for &field in &fields {
                            match first.get(field) {
                                Some(word) if WORDS.contains(&field) => record.set(field, word),
                                _ => set(&mut record, field, dice),
                            }
                        }
                        for _ in 0..extras {
                            let key = dice.one_of(&KEYS);
                            let kind = dice.one_of(&[RawKind::Text, RawKind::Number]);
                            let text = if kind == RawKind::Number { "12" } else { dice.one_of(&TEXTS) };
                            record.extra.push((key, Raw { kind, text }));
                        }
                        let mut written = [Output::default(), Output::default()];
                        let [from_frame, from_table] = &mut written;
                        from_frame.extend_from_slice(b"before\n");
                        let most = if dice.roll(8) == 0 { 500 + dice.roll(1000) } else { 1 << 20 };
                        let fits = encode(schema, &record, observed_at, Some(&mut frames), most, from_frame);
                        assert_eq!(fits, encode(schema, &record, observed_at, None, most, from_table));
                        refused += u32::from(!fits);
                        if !fits {
                            assert!(from_table.is_empty() && **from_frame == *b"before\n");
                            continue;
                        }
                        let [from_frame, from_table] =
                            written.map(|out| String::from_utf8(out.to_vec()).unwrap());
                        assert_eq!(from_frame.strip_prefix("before\n"), Some(&*from_table));
                        let mut again = Output::default();
                        let event = Event::new(uses(schema), &record, observed_at);
                        by_frame += u32::from(frames.write(&event, &mut again));
                        assert!(again.is_empty() || *again == *from_table.as_bytes());
                        again.clear();
                        let meanings =
                            products::meanings(event.provider(), event.text(Field::Product).unwrap_or(""));
                        let member = |i: usize| {
                            let (key, raw) = record.extra[i];
                            Some((key, raw, meanings.and_then(|m| m.find(key))))
                        };
                        flat::write_noting(&record, &mut frames.places, &mut frames.flat);
                        let mapped = mapped(schema, observed_at).unwrap();
                        lean +=
                            u32::from(frames.put(&mapped, &member, &mut RecordMemory::default(), &mut again));
                        assert!(again.is_empty() || *again == *from_table.as_bytes());
                    }
                }
                // Those whose words are too long, or that have too much, have none.
                assert!(
                    refused > 50 && by_frame > 2000 && lean > 1500,
                    "{refused}, {by_frame} and {lean} of {}",
                    1000 * 4
                );
            }
        }
    }
}
