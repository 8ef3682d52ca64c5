//! Fast path from a source to a flat record, for values that are written the way they go
//! out: digits, dotted addresses, known words, strings without escapes.
//!
//! A program is made of a plan, once. It checks each value where it stands and copies it to
//! its place in the output, in blocks of fixed size. A value of another form is read as the
//! reference path reads it. Where something is to be kept beside a field, or can't be read, nothing
//! is written, and the record takes the reference path, which gives the same bytes for every record
//! that both can read.

use crate::{
    bytes::{
        digits,
        put::{self, Written},
        scan::{self, Block},
        sort,
    },
    catalog::{
        meaning::Meaning,
        product::{Entry, To},
        products,
    },
    fast::chunk::{
        Chunk, KnownWord, TEXT, TRANSPORT_KEY, are_digits, begins_plainly, block, is_ipv4, is_ipv6, is_known,
        named_protocol, other_address, put, put_keyword, up_to_eight_digits, without_fraction, word,
    },
    json::{encode, members::Object, output::Output},
    reading::{
        fill::{self, Applied},
        plan::{Plan, Verdict},
    },
    record::fields::{Field, FieldType, Record, RecordMemory},
    schemas::{
        flat::{self, FlatPlace, FlatPlaces},
        frames::Frames,
    },
    value::{
        missing,
        raw::{Raw, Span},
        time::Unit,
        zone::Zone,
    },
};

/// What is done with each value, in the order of the output.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// The brace, and what is the same in all records of the product. Each member has its comma
    /// behind it.
    pub(super) head: [u8; 64],
    pub(super) head_len: u8,
    /// Where the words in it are.
    head_words: Vec<(Field, usize, usize)>,
    steps: Vec<FieldStep>,
    /// Where among the steps the time of the envelopes around the record has its place, and its
    /// key; `None` where the record has its own.
    around: usize,
    log_time: Option<(&'static [u8; 16], u8)>,
    /// Members without a field, in the order of the source.
    extra: Vec<(Vec<u8>, usize)>,
    /// What they mean.
    meanings: Vec<Option<Meaning>>,
    /// What a record takes at most beside its texts.
    room: usize,
}

#[derive(Clone, Debug)]
struct FieldStep {
    field: Field,
    /// The key, up to where the value begins.
    key: [u8; 16],
    /// What stands behind the value, with the comma.
    behind: [u8; 4],
    key_len: u8,
    behind_len: u8,
    member: u32,
    act: Act,
    /// One of these, where that is asked for.
    words: Vec<KnownWord>,
    /// None for the time of the log service.
    entry: Option<&'static Entry>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Text,
    /// A text that may be a word of the product for none.
    TextOrAbsent,
    /// A number that is at most `most`; one of at most `digits` digits always is.
    Number {
        digits: u32,
        most: u64,
    },
    Time(Unit),
    Address,
    /// A protocol's number, and its keyword.
    Protocol,
    /// One of the step's words.
    Word,
    /// Not written, where it is this.
    Version(u64),
}

impl Program {
    /// The program of a plan, if its records can be written so.
    pub(crate) fn new(plan: &Plan) -> Option<Self> {
        let Verdict::Product(product) = plan.verdict else { return None };
        let product = products::all()[product];
        let (mut head, mut head_words) = (vec![b'{'], Vec::new());
        for (field, word) in product.words() {
            let (key, len) = field.json_key();
            head.extend_from_slice(&key[..usize::from(len)]);
            head.extend_from_slice(format!("\"{word}\",").as_bytes());
            head_words.push((field, head.len() - 2 - word.len(), head.len() - 2));
        }
        let mut steps = Vec::new();
        for &(member, entry) in &plan.steps {
            let entry = &product.entries[entry];
            let (field, act) = match entry.to {
                To::Text(f) if entry.absent.is_empty() => (f, Act::Text),
                To::Text(f) if entry.absent.iter().all(|w| w.len() <= 8) => (f, Act::TextOrAbsent),
                To::Text(_) => return None,
                To::Number(f) => match f.field_type() {
                    FieldType::Integer(most) => {
                        // Sixteen are read at once.
                        let digits = most.ilog10().min(Block::LEN as u32);
                        (f, Act::Number { most, digits })
                    }
                    _ => return None,
                },
                To::Time(f, unit) => (f, Act::Time(unit)),
                To::Address(f) | To::AddressOrName(f) => (f, Act::Address),
                To::Protocol => (Field::Protocol, Act::Protocol),
                To::Word(f, _) => (f, Act::Word),
                To::Version(v) => {
                    (Field::Provider, Act::Version(word(&scan::padded(v.as_bytes()), v.len())?))
                }
                To::Counter(..)
                | To::Flat(_)
                | To::FlatExtra
                | To::Extra
                | To::Silences(..)
                | To::Envelope => return None,
            };
            steps.push((field, member, act, Some(entry)));
        }
        if let Some((member, unit)) = plan.log_time {
            steps.push((Field::LogTimeMs, member, Act::Time(unit), None));
        }
        sort::sort_by(&mut steps, |a, b| a.0 < b.0);
        let around = steps.iter().filter(|s| s.0 < Field::LogTimeMs).count();
        // Every product has fields behind it.
        if around == steps.len() {
            return None;
        }
        let writes = |s: &&(Field, usize, Act, Option<&Entry>)| !matches!(s.2, Act::Version(_));
        let mut fields = steps.iter().filter(writes).map(|s| s.0);
        // With two values for a field, the second is compared with the first.
        let mut last = fields.next()?;
        for field in fields {
            if field == last || last == Field::Protocol && field == Field::Transport {
                return None;
            }
            last = field;
        }
        let mut key = Output::default();
        let extra = plan.extra.iter().map(|&member| {
            key.clear();
            key.string(plan.key(member));
            key.push(b':');
            (key.to_vec(), member)
        });
        let extra: Vec<(Vec<u8>, usize)> = extra.collect();
        let known = products::meanings(product.provider, product.product);
        let meanings = plan.extra.iter().map(|&i| known.and_then(|m| m.find(plan.key(i)))).collect();
        let keys: usize = extra.iter().map(|(key, _)| key.len()).sum();
        let mut padded = [0; 64];
        padded.get_mut(..head.len())?.copy_from_slice(&head);
        let head_len = head.len() as u8;
        let log_time = plan.log_time.is_none().then(|| Field::LogTimeMs.json_key());
        Some(Self {
            head: padded,
            head_len,
            head_words,
            around,
            log_time,
            room: (steps.len() + extra.len() + 2) * STEP + keys,
            steps: steps
                .into_iter()
                .map(|(f, member, act, entry)| FieldStep::new(f, member, act, entry))
                .collect(),
            extra,
            meanings,
        })
    }

    /// The member without a field that was noted with this number, and what it means.
    pub(crate) fn extra(&self, number: usize) -> Option<(usize, Option<Meaning>)> {
        Some((self.extra.get(number)?.1, *self.meanings.get(number)?))
    }

    /// Gives where a record is written flat and its values are noted, with what is in all records of
    /// the product noted already.
    #[inline(always)]
    pub(crate) fn noting<'f>(&self, frames: &'f mut Frames) -> (&'f mut Output, &'f mut FlatPlaces) {
        let Frames { flat, places, .. } = frames;
        flat.clear();
        places.clear();
        for (field, start, end) in &self.head_words {
            places.note(*field, *start, *end);
        }
        places.base = u32::from(self.head_len);
        (flat, places)
    }

    /// Writes a record, or nothing where something in it is not as expected. The tail begins
    /// with the record's text, and may go on behind it.
    // Apart from what goes on with the record where this can't: its variables are many, and
    // runtimes for small places have little stack.
    #[inline(never)]
    #[expect(clippy::too_many_arguments, reason = "a record, what is around it, and where it goes")]
    pub(crate) fn run(
        &self,
        values: Object<'_>,
        tail: &[u8],
        log_time: Option<u64>,
        zone: Option<&Zone>,
        memory: &mut RecordMemory,
        places: Option<&mut FlatPlaces>,
        out: &mut Output,
    ) -> bool {
        let len = values.text.len();
        if len > LONGEST {
            return false;
        }
        // Twice the text is enough for all but the oddest strings.
        let room = self.room + 2 * len;
        out.try_write(room, |buffer, at| self.write(values, tail, log_time, zone, memory, places, buffer, at))
    }

    #[expect(clippy::too_many_arguments, reason = "a record, what is around it, and where it goes")]
    fn write(
        &self,
        values: Object<'_>,
        tail: &[u8],
        log_time: Option<u64>,
        zone: Option<&Zone>,
        memory: &mut RecordMemory,
        mut places: Option<&mut FlatPlaces>,
        buffer: &mut [u8],
        at: usize,
    ) -> Written {
        put::block(buffer, at, &self.head)?;
        let mut at = at + usize::from(self.head_len);
        let (mut steps, mut after) = match (self.log_time, log_time) {
            // The time of the envelopes around the record has its place among the fields.
            (Some(_), Some(_)) => self.steps.split_at_checked(self.around)?,
            _ => (&self.steps[..], &[][..]),
        };
        loop {
            loop {
                let rest = buffer.get_mut(at..)?;
                let (room, mut done) = (rest.len(), Done { steps: 0, left: 0, used: [0; MOST_STEPS] });
                quickly(steps, values, tail, rest, &mut done);
                if let Some(places) = &mut places {
                    note(steps, &done, at, buffer, places);
                }
                at += room - done.left;
                steps = steps.get(done.steps..)?;
                let Some((step, others)) = steps.split_first() else { break };
                let begin = at;
                at = self.carefully(step, values, tail, zone, memory, buffer, at)?;
                if let Some(places) = &mut places {
                    places.note_members(buffer, begin, at, step.field);
                }
                steps = others;
            }
            if after.is_empty() {
                break;
            }
            if let (Some((key, len)), Some(time)) = (self.log_time, log_time) {
                put::block(buffer, at, key)?;
                let start = at + usize::from(len);
                at = digits::write(buffer, start, time)?;
                if let Some(places) = &mut places {
                    places.note(Field::LogTimeMs, start, at);
                }
                at = put::byte(buffer, at, b',')?;
            }
            steps = std::mem::take(&mut after);
        }
        if !self.extra.is_empty() {
            at = self.write_extra(values, tail, places, buffer, at)?;
        }
        // No comma stands behind the last member.
        put::bytes(buffer, at - 1, b"}\n")
    }

    /// Writes the members without a field, and a comma; nothing where none of them has a value.
    #[inline(never)]
    fn write_extra(
        &self,
        values: Object<'_>,
        tail: &[u8],
        mut places: Option<&mut FlatPlaces>,
        buffer: &mut [u8],
        begin: usize,
    ) -> Written {
        let first = put::bytes(buffer, begin, b"\"extra\":{")?;
        let mut at = first;
        for (i, (key, member)) in self.extra.iter().enumerate() {
            let begin = at;
            let span = values.members.get(*member)?.value;
            let (start, len) = (span.start(), (span.form() & !Span::BARE) as usize);
            if len == 1 && tail.get(start) == Some(&b'-') {
                continue;
            }
            let odd = len >= Span::BARE as usize;
            if odd && missing::is_dash(values.raw(*member)) {
                continue;
            }
            at = put::bytes(buffer, at, key)?;
            if odd {
                let raw = values.raw(*member);
                if fill::is_too_deep(raw) {
                    return None;
                }
                at = encode::raw(buffer, at, raw)?;
                at = put::byte(buffer, at, b',')?;
                if let Some(places) = &mut places {
                    places.extra.push((FlatPlace::between(begin, at - 1), i as u16));
                }
                continue;
            }
            let quotes = usize::from(span.form() < Span::BARE);
            put::byte(buffer, at, b'"')?;
            at += quotes;
            match tail.get(start..).and_then(<[u8]>::first_chunk::<TEXT>) {
                Some(chunk) if len <= TEXT => put::block(buffer, at, chunk)?,
                _ => {
                    put::bytes(buffer, at, tail.get(start..start + len)?)?;
                }
            }
            put::block(buffer, at + len, if quotes == 1 { b"\"," } else { b", " })?;
            at += len + quotes + 1;
            if let Some(places) = &mut places {
                places.extra.push((FlatPlace::between(begin, at - 1), i as u16));
            }
        }
        // No comma stands behind the last member.
        if at == first { Some(begin) } else { put::bytes(buffer, at - 1, b"},") }
    }

    /// Writes the field of a value that is not as it nearly always is; nothing where the record
    /// must take the reference path.
    #[inline(never)]
    #[expect(clippy::too_many_arguments, reason = "a value, what is around it, and where it goes")]
    fn carefully(
        &self,
        step: &FieldStep,
        values: Object<'_>,
        tail: &[u8],
        zone: Option<&Zone>,
        memory: &mut RecordMemory,
        buffer: &mut [u8],
        at: usize,
    ) -> Written {
        let span = values.members.get(step.member as usize)?.value;
        let (start, len) = (span.start(), (span.form() & !Span::BARE) as usize);
        let inside = tail.get(start..).unwrap_or_default();
        // Too little may have stood behind it.
        if inside.len() < TEXT {
            let window = buffer.get_mut(at..)?.first_chunk_mut()?;
            if let Some(used) = step.write(&scan::padded(inside), span.form(), window) {
                return Some(at + used);
            }
        }
        let value = at + usize::from(step.key_len);
        put::block(buffer, at, &step.key)?;
        match step.act {
            Act::Text if span.form() > TEXT as u32 && span.form() < Span::BARE => {
                let end = put::bytes(buffer, value, inside.get(..len)?)?;
                return put::bytes(buffer, end, b"\",");
            }
            Act::Address if len <= TEXT => {
                if let Some(end) = other_address(buffer, value, inside, len) {
                    return Some(end);
                }
            }
            _ => {}
        }
        other_form(step.entry?, values.raw(step.member as usize), zone, memory, buffer, at)
    }
}

/// Writes the field of a value that is not written in the form that it nearly always has, if
/// all that it says goes there.
fn other_form(
    entry: &Entry,
    raw: Raw<'_>,
    zone: Option<&Zone>,
    memory: &mut RecordMemory,
    buffer: &mut [u8],
    at: usize,
) -> Written {
    let mut record = Record::new(memory);
    let applied = fill::apply(&mut record, entry, raw, zone);
    let mut written = None;
    if let Ok(Applied::Done) = applied {
        written = record.fields().try_fold(at, |at, (field, value)| flat::member(buffer, at, field, value));
    }
    record.recycle(memory);
    written
}

/// What one step writes at most, unless a text is longer than [`TEXT`].
const STEP: usize = 128;

/// Longer records take the reference path, which needs no room beforehand.
const LONGEST: usize = 64 << 10;

/// No record has more fields.
const MOST_STEPS: usize = 64;

/// How far some steps came.
struct Done {
    steps: usize,
    /// How much each wrote.
    used: [u8; MOST_STEPS],
    /// How much of the room is left.
    left: usize,
}

/// Writes the fields of values as they nearly always are, up to the first that is another one.
// Apart from all else, so that it has few variables: they stay in registers.
#[inline(never)]
fn quickly(steps: &[FieldStep], values: Object<'_>, tail: &[u8], mut rest: &mut [u8], done: &mut Done) {
    let mut count = 0;
    for (step, noted) in steps.iter().zip(&mut done.used) {
        let Some(member) = values.members.get(step.member as usize) else { break };
        let Some(chunk) = tail.get(member.value.start()..).and_then(<[u8]>::first_chunk) else { break };
        let Some(window) = rest.first_chunk_mut() else { break };
        let Some(used) = step.write(chunk, member.value.form(), window) else { break };
        rest = std::mem::take(&mut rest).get_mut(used..).unwrap_or_default();
        *noted = used as u8;
        count += 1;
    }
    (done.steps, done.left) = (count, rest.len());
}

/// Notes where the values are that some steps wrote, from a place on.
#[inline(never)]
fn note(steps: &[FieldStep], done: &Done, mut at: usize, text: &[u8], places: &mut FlatPlaces) {
    for (step, used) in steps.iter().zip(&done.used).take(done.steps) {
        let (start, end) = (at + step.start(), at + usize::from(*used));
        at = end;
        if *used == 0 {
            continue;
        }
        match step.act {
            Act::Text | Act::TextOrAbsent | Act::Address | Act::Word => {
                places.note(step.field, start, end - 2);
            }
            Act::Number { .. } | Act::Time(_) => places.note(step.field, start, end - 1),
            Act::Protocol => {
                let digits =
                    1 + text.iter().skip(start + 1).take(2).take_while(|b| b.is_ascii_digit()).count();
                places.note(step.field, start, start + digits);
                let keyword = start + digits + TRANSPORT_KEY;
                if keyword < end {
                    places.note(Field::Transport, keyword, end - 2);
                }
            }
            Act::Version(_) => {}
        }
    }
}

/// What a step answers that wrote nothing.
const NOT_SO: usize = usize::MAX;

impl FieldStep {
    fn new(field: Field, member: usize, act: Act, entry: Option<&'static Entry>) -> Self {
        let (key, len) = field.json_key();
        let (quote, behind, behind_len) = match act {
            Act::Text | Act::TextOrAbsent | Act::Address => (1, *b"\",  ", 2),
            // These bring it with them.
            Act::Word => (1, *b"    ", 0),
            Act::Version(_) => (0, *b"    ", 0),
            // The zeros are those of seconds.
            Act::Time(_) => (0, *b"000,", 4),
            Act::Number { .. } | Act::Protocol => (0, *b",   ", 1),
        };
        let absent = entry.map_or(&[][..], |e| e.absent);
        let words = match entry.map(|e| e.to) {
            Some(To::Word(_, words)) => words.iter().filter_map(KnownWord::new).collect(),
            _ => absent.iter().filter_map(|w| KnownWord::new(&(w, "", false))).collect(),
        };
        Self {
            field,
            key: *key,
            behind,
            key_len: len + quote,
            behind_len,
            member: member as u32,
            act,
            words,
            entry,
        }
    }

    /// Writes a field, and says how much that is; nothing where its value is not as expected.
    /// What lies in the window behind it is overwritten.
    #[inline(always)]
    fn write(&self, chunk: &Chunk, form: u32, window: &mut [u8; STEP]) -> Option<usize> {
        // The commonest forms of what stands for none.
        if form <= 1 && (form == 0 || chunk[0] == b'-') {
            let none = !matches!(self.act, Act::Version(_)) && self.entry.is_some();
            return none.then_some(0);
        }
        *window.first_chunk_mut()? = self.key;
        let used = match self.act {
            Act::Text => self.text(chunk, form, window),
            Act::TextOrAbsent if is_known(&self.words, chunk, form as usize) => NOT_SO,
            Act::TextOrAbsent => self.text(chunk, form, window),
            Act::Number { digits, most } => self.number(chunk, form, digits, most, window),
            Act::Time(unit) => self.time(chunk, form, unit, window),
            Act::Address => self.address(chunk, form, window),
            Act::Protocol => self.protocol(chunk, form, window),
            Act::Word => self.word(chunk, form, &self.words, window),
            // The key is overwritten.
            Act::Version(v) if word(chunk, form as usize) == Some(v) => 0,
            Act::Version(_) => NOT_SO,
        };
        (used != NOT_SO).then_some(used)
    }

    /// Where the value begins. The mask lets the compiler see that it is inside of the window.
    #[inline(always)]
    fn start(&self) -> usize {
        usize::from(self.key_len) & 31
    }

    /// Puts what stands behind a value there.
    #[inline(always)]
    fn end(&self, window: &mut [u8; STEP], end: usize) -> usize {
        put(window, end, &self.behind);
        end + usize::from(self.behind_len & 7)
    }

    #[inline(always)]
    fn text(&self, chunk: &Chunk, form: u32, window: &mut [u8; STEP]) -> usize {
        // A shorter one may stand for none.
        if form > TEXT as u32 || form <= 4 && !begins_plainly(chunk) {
            return NOT_SO;
        }
        put(window, self.start(), chunk);
        self.end(window, self.start() + (form & 63) as usize)
    }

    // Numbers may stand in quotes or not. Other forms have a length that nothing fits.
    #[inline(always)]
    fn number(&self, chunk: &Chunk, form: u32, digits: u32, most: u64, window: &mut [u8; STEP]) -> usize {
        let mut len = (form & !Span::BARE) as usize;
        if !are_digits(chunk, len) {
            len = without_fraction(chunk, len);
        }
        if len == 0 || len > digits as usize && up_to_eight_digits(chunk, len).is_none_or(|n| n > most) {
            return NOT_SO;
        }
        put(window, self.start(), block(chunk));
        self.end(window, self.start() + (len & 31))
    }

    #[inline(always)]
    fn time(&self, chunk: &Chunk, form: u32, unit: Unit, window: &mut [u8; STEP]) -> usize {
        let len = (form & !Span::BARE) as usize;
        // Seconds of our time have ten digits, milliseconds thirteen.
        let seconds = len == 10 && unit != Unit::Millis;
        let millis = len == 13 && unit != Unit::Seconds;
        // From a `4` on they may be behind the years that are believed.
        if !(seconds || millis) || chunk[0] >= b'4' || !are_digits(chunk, len) {
            return NOT_SO;
        }
        put(window, self.start(), block(chunk));
        let end = self.start() + (len & 31);
        if millis {
            put(window, end, b",");
            return end + 1;
        }
        self.end(window, end)
    }

    #[inline(always)]
    fn address(&self, chunk: &Chunk, form: u32, window: &mut [u8; STEP]) -> usize {
        let len = form as usize;
        if is_ipv4(chunk, len) {
            put(window, self.start(), block(chunk));
        } else if is_ipv6(chunk, len) {
            put(window, self.start(), chunk);
        } else {
            return NOT_SO;
        }
        self.end(window, self.start() + (len & 63))
    }

    #[inline(always)]
    fn protocol(&self, chunk: &Chunk, form: u32, window: &mut [u8; STEP]) -> usize {
        let len = (form & !Span::BARE) as usize;
        let (number, end) = match are_digits(chunk, len) {
            true => {
                put(window, self.start(), block(chunk));
                (up_to_eight_digits(chunk, len).filter(|n| *n <= 255), self.start() + (len & 31))
            }
            false => {
                let (number, digits) = named_protocol(chunk, len).unzip();
                put(window, self.start(), digits.unwrap_or(b"  "));
                (number, self.start() + if number < Some(10) { 1 } else { 2 })
            }
        };
        let Some(number) = number else { return NOT_SO };
        let end = put_keyword(window, end, number);
        self.end(window, end)
    }

    #[inline(always)]
    fn word(&self, chunk: &Chunk, form: u32, words: &[KnownWord], window: &mut [u8; STEP]) -> usize {
        let text = word(chunk, (form & !Span::BARE) as usize);
        let known = text.and_then(|text| words.iter().find(|w| w.is(text)));
        let Some(known) = known else { return NOT_SO };
        put(window, self.start(), known.text());
        self.start() + known.len()
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    fn chunks(text: &str, check: impl Fn(&Chunk)) {
        for behind in
            ["", " ", ".1 2.3.4.5 6.7.8.9 10", "00000000000000000000", "2552552552552552", "é012345678901"]
        {
            let whole = format!("{text}{behind}");
            check(&scan::padded(whole.as_bytes()));
        }
    }

    #[test]
    fn digits_wherever_they_stand() {
        let mut texts = Vec::new();
        for len in 1..20 {
            for text in ["12345678901234567890", "90000000000000000000", "00000000000000000000"] {
                texts.push(text[..len].to_owned());
                for (at, odd) in (0..len).flat_map(|at| ['/', ':', '-', ' ', '\0', '.'].map(|odd| (at, odd)))
                {
                    texts.push(format!("{}{odd}{}", &text[..at], &text[at + 1..len]));
                }
            }
        }
        for text in &texts {
            let canonical = text.parse::<u64>().is_ok_and(|n| n.to_string() == *text);
            chunks(text, |chunk| {
                assert_eq!(are_digits(chunk, text.len()), canonical && text.len() <= 16, "{text:?}");
                if canonical && text.len() <= 8 {
                    assert_eq!(up_to_eight_digits(chunk, text.len()), text.parse().ok());
                }
            });
        }
    }

    #[test]
    fn addresses_wherever_they_stand() {
        let octets = [
            "", "0", "1", "10", "25", "100", "199", "249", "250", "255", "256", "260", "300", "999", "00",
            "01", "1a", "1234",
        ];
        let lasts = ["0", "7", "", "09", "255", "256", "1.", "."];
        for (a, b) in octets.into_iter().flat_map(|a| octets.map(|b| (a, b))) {
            for (c, d) in octets.into_iter().flat_map(|c| lasts.map(|d| (c, d))) {
                for text in [format!("{a}.{b}.{c}.{d}"), format!("{d}.{c}.{a}"), format!("{d}.{a}.{b}.{c}")] {
                    let good = text.parse::<Ipv4Addr>().is_ok();
                    chunks(&text, |chunk| {
                        assert_eq!(is_ipv4(chunk, text.len()), good, "{text:?}");
                    });
                }
            }
        }
    }

    /// Every choice of groups out of some, with gaps where they can be and where not.
    #[test]
    fn ipv6_addresses_wherever_they_stand() {
        let check = |text: &str| {
            let canonical = text.parse::<Ipv6Addr>().is_ok_and(|a| a.to_string() == text);
            chunks(text, |chunk| {
                let seen = is_ipv6(chunk, text.len());
                assert!(canonical || !seen, "{text:?}");
                let two_zeros = text.contains("0:0") && format!(":{text}:").contains(":0:0:");
                let may_be = text.starts_with("::") || two_zeros || text.len() > 39;
                assert!(!canonical || seen || may_be, "{text:?}");
            });
        };
        let groups = ["", "0", "1", "a0", "00", "fd00", "F", "12345", "1.2", "g"];
        for n in 0..groups.len().pow(4) {
            let group = |i: u32| groups[n / groups.len().pow(i) % groups.len()];
            let four = [0, 1, 2, 3].map(group).join(":");
            check(&four);
            if n % 7 == 0 {
                for others in ["1:2:3:4", "0:a:0:b", ":1", ":", "1::"] {
                    check(&format!("{four}:{others}"));
                    check(&format!("{others}:{four}"));
                }
            }
        }
        for text in ["::", "::1", "1::", "1::1::1", "1:2:3:4:5:6:7::", "1:2:3:4:5:6::", "1:2:3:4:5:6:7:8:9"] {
            check(text);
        }
        assert!(
            is_ipv6(&scan::padded(b"fd00:10:5fa:6e:5577:5f:3d95:177"), 31)
                && is_ipv6(&scan::padded(b"1::"), 3)
        );
    }

    #[test]
    fn words_wherever_they_stand() {
        for text in ["accept", "ok", "skipdata", "x"] {
            chunks(text, |chunk| {
                assert_eq!(word(chunk, text.len()), word(&scan::padded(text.as_bytes()), text.len()));
            });
        }
        assert_eq!((word(&[0; 48], 0), word(&[b'x'; 48], 9)), (None, None));
    }
}
