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
    rules::compiled::SchemaChoices,
    schemas::{
        event::{self, Event, Item, Minutes, Uses},
        extra::{is_as_in_flat, write_extra},
        flat::{self, FlatPlace, FlatPlaces},
        table::{Cell, How, Known, PICKS, PLAIN_DIGITS, WORDS},
    },
    value::{
        addresses,
        community_id::{self, FlowMessage},
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
    minutes: Minutes,
}

/// What tells a record's frame: all of what follows, mixed, so that keys that differ are mostly told
/// by it; its fields, the meanings that were found in it, what its addresses are, and its words.
type FrameKey = [u64; 4 + 2 * WORD_COUNT];

/// The fields of which a key tells whether they are IPv6 addresses, and whether they are the same.
const ENDS: [Field; 2] = [Field::SrcIp, Field::DstIp];

/// The words that frames have in common, and the source's own word for the action.
const WORD_COUNT: usize = WORDS.len() + 1;

/// A member of `extra`, and what it means in records of its product.
pub(crate) type Extra<'a> = (&'a str, Raw<'a>, Option<Meaning>);

#[derive(Debug)]
struct Frame {
    key: FrameKey,
    words: [Box<str>; WORDS.len()],
    /// The texts of the parts, each padded to an odd number of blocks.
    text: Vec<FrameBlock>,
    parts: Vec<Part>,
    /// How long the texts are, all together.
    text_len: usize,
    /// The most parts that have the same field.
    repeats: usize,
    made: Vec<Made>,
    /// The fields that values are made of by the table, if some are.
    reads: Option<u64>,
    /// Times that must not be 0, a bit for each.
    not_zero: u64,
}

/// A text, and a value as it stands in the flat record behind it.
#[derive(Clone, Copy, Debug)]
struct Part {
    /// The first block of the text, and how many there are.
    start: u16,
    blocks: u16,
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

/// So much is copied at once.
const BLOCK: usize = 32;
type FrameBlock = [u8; BLOCK];

/// Records that are shorter than this, flat and in the schema, are copied without a look at where
/// texts end: all places are below it.
const SHORT: usize = 4096;
type FrameWindow = [u8; SHORT + BLOCK];

/// A record that was written flat.
#[derive(Clone, Copy)]
struct Flat<'f> {
    /// It, and at least a window behind its beginning.
    text: &'f [u8],
    len: usize,
    places: &'f FlatPlaces,
}

impl<'f> Flat<'f> {
    #[inline(always)]
    fn new(text: &'f mut Output, places: &'f FlatPlaces) -> Self {
        let len = text.len();
        Self { text: text.padded(size_of::<FrameWindow>()), len, places }
    }

    /// The text of a field that is there.
    #[inline(always)]
    fn of(&self, field: usize) -> Option<&'f [u8]> {
        self.places.of(field).of(self.text)
    }
}

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
        let flat = Flat::new(&mut self.flat, &self.places);
        self.key = key(flat, event.meant.found, has, event.source_action());
        let Some(key) = &self.key else { return false };
        let written = write_any(&self.frames, self.latest, key, event, flat, &mut self.minutes, out);
        self.latest = written.unwrap_or(self.latest);
        written.is_some()
    }

    /// Writes the record that a fast path has written flat, and noted; false, and nothing written,
    /// where its frame is not known or does not fit. `uses` and `choices` are always the same for
    /// the frames; `member` tells the members of `extra` by their numbers.
    pub(crate) fn put<'a>(
        &mut self,
        mapped: &Mapped,
        member: &dyn Fn(usize) -> Option<Extra<'a>>,
        memory: &mut RecordMemory,
        out: &mut Output,
    ) -> bool {
        let flat = Flat::new(&mut self.flat, &self.places);
        let mut record = Record::of_fields(flat.places.present, memory);
        let around = Lookup { frames: &self.frames, latest: self.latest, flat };
        let written = around.put(mapped, member, &mut record, &mut self.minutes, out);
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
        let made = Maker::new(event, Flat::new(&mut self.flat, &self.places)).frame(key, text, &self.noted);
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
    pub(super) choices: SchemaChoices,
}

/// The next frame with this key from a place on, where the one that was needed last stands before all
/// others.
#[inline(never)]
fn next_candidate(frames: &[Frame], latest: usize, key: &FrameKey, from: usize) -> Option<usize> {
    (from..frames.len()).find(|place| {
        let frame = &frames[at_place(*place, latest)];
        frame.key[0] == key[0] && frame.key.iter().zip(key).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
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
    flat: Flat<'_>,
    minutes: &mut Minutes,
    out: &mut Output,
) -> Option<usize> {
    let mut from = 0;
    while let Some(place) = next_candidate(frames, latest, key, from) {
        let number = at_place(place, latest);
        if frames[number].write(event, flat, minutes, out) {
            return Some(number);
        }
        from = place + 1;
    }
    None
}

/// The key of a record, if it may have a frame.
fn key(flat: Flat<'_>, found: u64, has: [bool; 2], source_action: &str) -> Option<FrameKey> {
    let mut key = [0; 4 + 2 * WORD_COUNT];
    let ends = ENDS.map(|field| flat.places.of_present(field));
    let [source, destination] = ends.map(|end| end.map_or(Some(false), |end| is_ipv6(flat.text, end)));
    let is_same = match ends {
        [Some(source), Some(destination)] if source.len == destination.len => {
            source.of(flat.text) == destination.of(flat.text)
        }
        _ => false,
    };
    let flags = [has[0], has[1], source?, destination?, is_same];
    let flags = flags.iter().rev().fold(source_action.len() as u64, |all, flag| all << 1 | u64::from(*flag));
    (key[1], key[2], key[3]) = (flat.places.present, found, flags);
    let (words, _) = key[4..].as_chunks_mut();
    for (field, word) in WORDS.iter().zip(words.iter_mut()) {
        if flat.places.present >> *field as usize & 1 != 0 {
            let place = flat.places.of(*field as usize);
            let bytes = flat.text.get(place.start as usize..)?.first_chunk::<{ limits::FRAME_WORD }>()?;
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
    key[0] = key.iter().fold(0, |mixed: u64, word| mixed.rotate_left(5) ^ word);
    Some(key)
}

/// Whether an address is an IPv6 address, which has a colon behind four digits at most.
#[inline(always)]
fn is_ipv6(text: &[u8], place: FlatPlace) -> Option<bool> {
    const FIVE: u64 = 0xff_ffff_ffff;
    let first = u64::from_le_bytes(*text.get(place.start as usize..)?.first_chunk()?);
    // A byte is zero where a colon is.
    let colons = (first ^ 0x3a_3a3a_3a3a) & FIVE;
    Some(colons.wrapping_sub(0x01_0101_0101) & !colons & 0x80_8080_8080 != 0)
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
    flat: Flat<'r>,
}

impl<'r> Lookup<'r> {
    /// Writes the record, of which there is nothing yet but which fields it has; says by which frame.
    fn put<'a: 'r>(
        &self,
        mapped: &Mapped,
        member: &dyn Fn(usize) -> Option<Extra<'a>>,
        record: &mut Record<'r>,
        minutes: &mut Minutes,
        out: &mut Output,
    ) -> Option<usize> {
        let Self { frames, latest, flat } = *self;
        let places = flat.places;
        let mut means = false;
        for (_, i) in &places.extra {
            let (key, raw, meaning) = member(usize::from(*i))?;
            record.extra.push((key, raw));
            means |= meaning.is_some_and(|m| mapped.uses[m as usize].take.is_some());
        }
        if means {
            self.fill(record, places.present)?;
        }
        let mut event = Event::without_meanings(record, mapped.choices);
        if means {
            for (i, (_, number)) in places.extra.iter().enumerate() {
                if let Some(meaning) = member(usize::from(*number))?.2 {
                    event.find_meaning(mapped.uses, i, meaning);
                }
            }
        }
        let has = [event.extra().next().is_some(), event.original.is_some()];
        let key = key(flat, event.meant.found, has, event.source_action())?;
        if means {
            return write_any(frames, latest, &key, &event, flat, minutes, out);
        }
        let found = at_place(next_candidate(frames, latest, &key, 0)?, latest);
        let Some(reads) = frames[found].reads else {
            return frames[found].write(&event, flat, minutes, out).then_some(found);
        };
        for (field, word) in WORDS.iter().zip(&frames[found].words) {
            if places.present >> *field as usize & 1 != 0 {
                record.set(*field, Value::Text(word));
            }
        }
        self.fill(record, reads & !WORD_FIELDS)?;
        let event = Event::without_meanings(record, mapped.choices);
        frames[found].write(&event, flat, minutes, out).then_some(found)
    }

    /// Gives fields their values; nothing where one can't be told from the flat text alone.
    fn fill(&self, record: &mut Record<'r>, fields: u64) -> Option<()> {
        for i in bits(fields) {
            let field = Field::ALL[i];
            let value = match field.field_type() {
                FieldType::Integer(_) | FieldType::Millis => {
                    record.set(field, Value::Number(number(field, self.flat)?));
                    continue;
                }
                FieldType::Address => {
                    record.set(field, Value::Address(address(field, self.flat)?));
                    continue;
                }
                FieldType::Word(_) | FieldType::Text => self.flat.of(i)?,
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
    /// Adds a part.
    fn push(&mut self, text: &[u8], field: u16) {
        let start = self.text.len();
        self.text.resize(start + (text.len().div_ceil(BLOCK) | 1), [0; BLOCK]);
        self.text[start..].as_flattened_mut()[..text.len()].copy_from_slice(text);
        let blocks = (self.text.len() - start) as u16;
        self.parts.push(Part { start: start as u16, blocks, len: text.len() as u16, field });
        self.text_len += text.len();
        let same = self.parts.iter().filter(|part| part.field == field && field != NO_FIELD).count();
        self.repeats = self.repeats.max(same);
    }

    /// Writes a record; false, and nothing written, where it does not fit.
    fn write(&self, event: &Event<'_>, flat: Flat<'_>, minutes: &mut Minutes, out: &mut Output) -> bool {
        let is_long = |i: usize| flat.places.of(i).len > PLAIN_DIGITS;
        let is_zero = |i: usize| flat.of(i) == Some(b"0");
        if bits(flat.places.present & COUNTERS).any(is_long) || bits(self.not_zero).any(is_zero) {
            return false;
        }
        let (start, mut done) = (out.len(), 0);
        // The last text may be padded by more than a block.
        let most = self.text_len + self.repeats * flat.len + 2 * BLOCK;
        let is_short = flat.len < SHORT && most < SHORT;
        for made in &self.made {
            self.copy(done, made.parts, is_short, flat, out);
            done = made.parts;
            if !made.act.write(event, flat, minutes, out) {
                out.truncate(start);
                return false;
            }
        }
        self.copy(done, self.parts.len(), is_short, flat, out);
        true
    }

    /// Copies some parts.
    #[inline(always)]
    fn copy(&self, from: usize, to: usize, is_short: bool, flat: Flat<'_>, out: &mut Output) {
        let parts = self.parts.get(from..to).unwrap_or_default();
        if is_short
            && out.may_have(size_of::<FrameWindow>())
            && let Some(window) = flat.text.first_chunk()
            && out.try_write(size_of::<FrameWindow>(), |buffer, at| {
                let room = buffer.get_mut(at..)?.first_chunk_mut()?;
                Some(at + copy_short(parts, &self.text, window, flat.places, room)?)
            })
        {
            return;
        }
        out.write(|buffer, at| copy(parts, &self.text, flat, buffer, at));
    }
}

/// Copies parts of a short record.
#[inline(never)]
fn copy_short(
    parts: &[Part],
    text: &[FrameBlock],
    flat: &FrameWindow,
    places: &FlatPlaces,
    out: &mut FrameWindow,
) -> Written {
    let mut at = 0;
    for part in parts {
        let blocks = text.get(usize::from(part.start)..)?.get(..usize::from(part.blocks))?;
        let (first, others) = blocks.split_first()?;
        put_block(out, at, first);
        let mut to = at + BLOCK;
        for [first, second] in others.as_chunks().0 {
            put_block(out, to, first);
            put_block(out, to + BLOCK, second);
            to += 2 * BLOCK;
        }
        at += usize::from(part.len);
        if part.field != NO_FIELD {
            let place = places.of(usize::from(part.field));
            let (start, len) = (place.start as usize, place.len as usize);
            let mut done = 0;
            loop {
                put_block(out, at + done, block(flat, start + done));
                done += BLOCK;
                if done >= len {
                    break;
                }
            }
            at += len;
        }
    }
    Some(at)
}

/// A block of a short text. The mask lets the compiler see that all of it is inside.
#[inline(always)]
fn block(text: &FrameWindow, at: usize) -> &FrameBlock {
    let at = at & (SHORT - 1);
    text[at..].first_chunk().unwrap_or(&[0; BLOCK])
}

/// Puts a block, in vectors: as an array it would be copied in words.
#[inline(always)]
fn put_block(window: &mut FrameWindow, at: usize, block: &FrameBlock) {
    let at = at & (SHORT - 1);
    if let Some(place) = window[at..].first_chunk_mut::<BLOCK>() {
        scan::copy(block, place);
    }
}

/// Copies parts.
#[inline(never)]
fn copy(parts: &[Part], text: &[FrameBlock], flat: Flat<'_>, buffer: &mut [u8], mut at: usize) -> Written {
    for part in parts {
        let text = text.get(usize::from(part.start)..)?.as_flattened();
        at = put::bytes(buffer, at, text.get(..usize::from(part.len))?)?;
        if part.field != NO_FIELD {
            at = put::bytes(buffer, at, flat.of(usize::from(part.field))?)?;
        }
    }
    Some(at)
}

impl Making {
    /// Appends the value, if there is one, as there was in the first record; else says false.
    fn write(&self, event: &Event<'_>, flat: Flat<'_>, minutes: &mut Minutes, out: &mut Output) -> bool {
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
            Self::Known(known, some) => return write_known(known, flat, out) == some,
            Self::Date(field) => {
                let Some(ms) = number(field, flat) else { return false };
                minutes.date(ms, out);
            }
            Self::Members => {
                for (i, (place, _)) in flat.places.extra.iter().enumerate() {
                    let Some(&(key, raw)) = event.record.extra.get(i).filter(|_| event.stays(i)) else {
                        continue;
                    };
                    match place.of(flat.text) {
                        Some(member) if is_as_in_flat(key, raw, event) => {
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
fn number(field: Field, flat: Flat<'_>) -> Option<u64> {
    let place = flat.places.of_present(field)?;
    digits::known(flat.text.get(place.start as usize..)?, place.len as usize)
}

/// The address of a field, if it is there.
#[inline(never)]
fn address(field: Field, flat: Flat<'_>) -> Option<IpAddr> {
    let place = flat.places.of_present(field)?;
    addresses::known(flat.text.get(place.start as usize..)?, place.len as usize)
}

/// Appends a value without quotes, if there is one.
#[inline(never)]
fn write_known(known: Known, flat: Flat<'_>, out: &mut Output) -> bool {
    let number = |field| number(field, flat);
    let duration = || number(Field::EndMs)?.checked_sub(number(Field::StartMs)?);
    match known {
        Known::Duration => duration().map(|n| out.number(n)),
        Known::Nanoseconds => duration().and_then(digits::times::<1_000_000>).map(|n| out.number(n)),
        // A frame's text has them.
        Known::IpVersion | Known::NetworkType => None,
        Known::CommunityId => community_id(flat).map(|message| out.community_id(&message)),
    }
    .is_some()
}

#[inline(always)]
fn community_id(flat: Flat<'_>) -> Option<FlowMessage> {
    let number = |field| number(field, flat);
    let protocol = u8::try_from(number(Field::Protocol)?).ok()?;
    let (source, destination) = (address(Field::SrcIp, flat)?, address(Field::DstIp, flat)?);
    community_id::of_flow(source, destination, protocol, number(Field::SrcPort), number(Field::DstPort))
}

/// Makes a frame of a record, once.
struct Maker<'m, 'e> {
    event: &'m Event<'e>,
    flat: Flat<'m>,
    /// For two other records the text of each field, which is found nowhere else.
    probes: [Vec<Output>; 2],
}

impl<'m, 'e> Maker<'m, 'e> {
    fn new(event: &'m Event<'e>, flat: Flat<'m>) -> Self {
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
        Self { event, flat, probes: [probe(0), probe(1)] }
    }

    fn frame(&self, key: FrameKey, text: &[u8], noted: &[NotedValue]) -> Frame {
        let mut frame = Frame {
            key,
            words: WORDS.map(|f| self.event.text(f).unwrap_or_default().into()),
            text: Vec::new(),
            parts: Vec::new(),
            text_len: 0,
            repeats: 0,
            made: Vec::new(),
            reads: None,
            not_zero: 0,
        };
        let mut from = 0;
        let probes = self.probes.each_ref().map(|texts| self.probe(texts));
        let events =
            probes.each_ref().map(|record| Event { record, meant: self.event.meant.clone(), ..*self.event });
        for noted in noted {
            let (start, end) = (noted.start as usize, noted.end as usize);
            let old = &text[start..end];
            match self.found_out(noted, old, &events) {
                Finding::Same => {}
                Finding::Ends => {
                    for field in ENDS {
                        let Some(address) = self.flat.places.of_present(field) else { continue };
                        let address = address.of(self.flat.text).unwrap_or_default();
                        // The second is not there again if it is the first.
                        if let Some(before) = find(&text[from.max(start)..end], address) {
                            let place = from.max(start) + before;
                            frame.push(&text[from..place], field as u16);
                            from = place + address.len();
                        }
                    }
                }
                Finding::Field { field, before, behind } => {
                    if old[old.len() - behind..].starts_with(b"000000") {
                        frame.not_zero |= 1 << field as usize;
                    }
                    frame.push(&text[from..start + before], field as u16);
                    from = end - behind;
                }
                Finding::Making { act, before, behind } => {
                    // Where there is no value, nothing is cut.
                    if start < end {
                        frame.push(&text[from..start + before], NO_FIELD);
                        from = end - behind;
                    }
                    if let Making::Cell(cell, ..) = act {
                        frame.reads = Some(frame.reads.unwrap_or(0) | cell.values & self.flat.places.present);
                    }
                    frame.made.push(Made { parts: frame.parts.len(), act });
                }
            }
        }
        frame.push(&text[from..], NO_FIELD);
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
            act.write(self.event, self.flat, &mut Minutes::default(), &mut out);
            *out == *old
        };
        let has_meaning = self.event.meant.found & cell.how.meanings() != 0;
        match cell.how {
            How::Known(Known::IpVersion | Known::NetworkType) => return Finding::Same,
            How::Known(Known::CommunityId) if !self.event.choices.community_id => return Finding::Same,
            How::Extra if gives(&Making::Members) => {
                return Finding::Making { act: Making::Members, before: 0, behind: 0 };
            }
            How::Addresses(list) if !has_meaning && list.fields == ENDS => return Finding::Ends,
            How::Extra | How::Addresses(_) => return otherwise,
            _ => {}
        }
        if let How::Known(known) = cell.how {
            let mut out = Output::default();
            let made = write_known(known, self.flat, &mut out);
            out.settle();
            let act = Making::Known(known, some);
            return match find(old, &out) {
                Some(before) if made == some => {
                    Finding::Making { act, before, behind: old.len() - before - out.len() }
                }
                _ => otherwise,
            };
        }
        let is_its_make = !has_meaning || !matches!(cell.how, How::Either(..));
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
        for i in bits(cell.values & self.flat.places.present) {
            let field = Field::ALL[i];
            let now = self.flat.of(i).unwrap_or_default();
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
    /// An array of the addresses of both ends, each once.
    Ends,
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
    const PRODUCTS: [&str; 6] = ["vpc", "waf", "waf_access", "elb", "cfw", "nat"];

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
            for (observed_at, community_id) in [(None, true), (Some(1_700_000_000_000), true), (None, false)]
            {
                let choices = SchemaChoices { observed_at, community_id };
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
                        let fits = encode(schema, &record, choices, Some(&mut frames), most, from_frame);
                        from_frame.settle();
                        assert_eq!(fits, encode(schema, &record, choices, None, most, from_table));
                        refused += u32::from(!fits);
                        if !fits {
                            assert!(from_table.is_empty() && **from_frame == *b"before\n");
                            continue;
                        }
                        let [from_frame, from_table] =
                            written.map(|out| String::from_utf8(out.to_vec()).unwrap());
                        assert_eq!(from_frame.strip_prefix("before\n"), Some(&*from_table));
                        let mut again = Output::default();
                        let event = Event::new(uses(schema), &record, choices);
                        by_frame += u32::from(frames.write(&event, &mut again));
                        again.settle();
                        assert!(again.is_empty() || *again == *from_table.as_bytes());
                        again.clear();
                        let meanings =
                            products::meanings(event.provider(), event.text(Field::Product).unwrap_or(""));
                        let member = |i: usize| {
                            let (key, raw) = record.extra[i];
                            Some((key, raw, meanings.and_then(|m| m.find(key))))
                        };
                        flat::write_noting(&record, &mut frames.places, &mut frames.flat);
                        let mapped = mapped(schema, choices).unwrap();
                        lean +=
                            u32::from(frames.put(&mapped, &member, &mut RecordMemory::default(), &mut again));
                        again.settle();
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

    /// Records of any length are the same, copied as short ones or not.
    #[test]
    fn lengths_change_nothing() {
        let long = "x".repeat(SHORT + 500);
        let choices = SchemaChoices::observed_at(None);
        for schema in [Schema::Ocsf, Schema::Ecs, Schema::Otel] {
            let mut frames = Frames::default();
            for len in (1..200).chain(SHORT / 2 - 1000..long.len()) {
                let mut record = Record::new(&mut RecordMemory::default());
                record.set(Field::Provider, Value::Text("huawei"));
                record.set(Field::Product, Value::Text("vpc"));
                record.set(Field::StartMs, Value::Number(1_718_000_000_000));
                record.set(Field::SrcIp, Value::Address([10, 0, 0, 1].into()));
                record.set(Field::VpcId, Value::Text(&long[..len]));
                record.set(Field::InterfaceId, Value::Text("eni-1"));
                let [mut from_frame, mut from_table] = [const { Vec::new() }; 2].map(Output::from);
                assert!(encode(schema, &record, choices, Some(&mut frames), 1 << 20, &mut from_frame));
                assert!(encode(schema, &record, choices, None, 1 << 20, &mut from_table));
                assert_eq!(*from_frame, *from_table, "{len}");
            }
        }
    }
}
