//! The short way from a source to a flat record, for values that are written the way they go
//! out: digits, dotted addresses, known words, strings without escapes.
//!
//! A program is made of a plan, once. It checks each value where it stands and copies it to
//! its place in the output, in blocks of fixed size. A value of another form is read as the
//! long way reads it. Where something is to be kept beside a field, or can't be read, nothing
//! is written, and the record takes the long way, which gives the same bytes for every record
//! that both can read.

use crate::{
    Zone, convert,
    encode::{self, Written},
    fill::{self, Applied},
    output::Output,
    plan::{Plan, Verdict},
    products::{self, Entry, To, Unit},
    record::{Field, FieldType, Raw, Record, RecordMemory},
    scan::{self, Block, Mask, below},
    sort,
    source::{Form, Piece, Source},
    vocabulary::{TRANSPORTS, Word},
};

/// What is done with each value, in the order of the output.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// The brace, and what is the same in all records of the product. Each member has its comma
    /// behind it.
    head: [u8; 64],
    head_len: u8,
    steps: Vec<Step>,
    /// Where among the steps the time of the envelopes around the record has its place, and its
    /// key, if there is none in the record.
    around: usize,
    log_time: Option<(&'static [u8; 16], u8)>,
    /// Members without a field, in the order of the source.
    extra: Vec<(Vec<u8>, usize)>,
    /// What a record takes at most beside its texts.
    room: usize,
}

#[derive(Clone, Debug)]
struct Step {
    act: Act,
    key: &'static [u8; 16],
    key_len: u8,
    member: usize,
    /// None for the time of the log service.
    entry: Option<&'static Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Act {
    Text,
    /// A number that is at most this; with so many digits it surely is.
    Number {
        most: u64,
        digits: usize,
    },
    Time(Unit),
    Address,
    /// A protocol's number, and its keyword.
    Protocol,
    /// One of these.
    Word(Vec<Known>),
    /// Not written, where it is this.
    Version(u64),
}

/// A word of the source, of at most eight bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    /// The bit of the case, in each letter.
    case: u64,
    word: u64,
    /// What goes out, with its closing quote and a comma.
    text: [u8; 16],
    len: u8,
}

impl Known {
    pub(crate) fn new((word, means, more): &Word) -> Option<Self> {
        let (mut key, mut case, mut text) = ([0; 8], [0; 8], [0; 16]);
        key.get_mut(..word.len())?.copy_from_slice(word.as_bytes());
        for (case, byte) in case.iter_mut().zip(key) {
            *case = if byte.is_ascii_lowercase() { 0x20 } else { 0 };
        }
        text.get_mut(..means.len())?.copy_from_slice(means.as_bytes());
        text.get_mut(means.len()..means.len() + 2)?.copy_from_slice(b"\",");
        let (word, case) = (u64::from_le_bytes(key), u64::from_le_bytes(case));
        // What loses something is kept beside its field.
        (!more).then_some(Self { case, word, text, len: means.len() as u8 + 2 })
    }
}

/// The number of a protocol that is written as a word, and its digits; only of the commonest.
#[inline(never)]
fn named_protocol(bytes: &[u8; 16], len: usize) -> Option<(u64, &'static [u8; 2])> {
    let bytes = bytes.get(..len)?;
    let is = |word: &[u8]| bytes.eq_ignore_ascii_case(word);
    match len {
        3 if is(b"tcp") => Some((6, b"6 ")),
        3 if is(b"udp") => Some((17, b"17")),
        4 if is(b"icmp") => Some((1, b"1 ")),
        _ => None,
    }
}

/// Whether a text is one of these.
#[inline]
pub(crate) fn is_known(words: &[Known], tail: &[u8], len: usize) -> bool {
    word(&chunk(tail), len).is_some_and(|text| words.iter().any(|w| text | w.case == w.word))
}

/// Each protocol's keyword with its closing quote, and how long that is.
static KEYWORDS: [([u8; 16], u8); TRANSPORTS.len()] = {
    let mut all = [([b'"'; 16], 0); TRANSPORTS.len()];
    let mut n = 0;
    while n < all.len() {
        let keyword = TRANSPORTS[n].as_bytes();
        let mut i = 0;
        while i < keyword.len() {
            all[n].0[i] = keyword[i];
            i += 1;
        }
        all[n].1 = keyword.len() as u8 + 1;
        n += 1;
    }
    all
};

impl Program {
    /// The program of a plan, if its records can be written so.
    pub(crate) fn new(plan: &Plan) -> Option<Self> {
        let Verdict::Product(product) = plan.verdict else { return None };
        let product = products::all()[product];
        let mut head = vec![b'{'];
        for (field, word) in product.words() {
            let (key, len) = field.json_key();
            head.extend_from_slice(&key[..usize::from(len)]);
            head.extend_from_slice(format!("\"{word}\",").as_bytes());
        }
        let mut steps = Vec::new();
        for &(member, entry) in &plan.steps {
            let entry = &product.entries[entry];
            let (field, act) = match entry.to {
                To::Text(f) => (f, Act::Text),
                To::Number(f) => match f.field_type() {
                    FieldType::Integer(most) => {
                        // Sixteen are read at once.
                        let digits = (most.ilog10() as usize).min(Block::LEN);
                        (f, Act::Number { most, digits })
                    }
                    _ => return None,
                },
                To::Time(f, unit) => (f, Act::Time(unit)),
                To::Address(f) | To::AddressOrName(f) => (f, Act::Address),
                To::Protocol => (Field::Protocol, Act::Protocol),
                To::Word(f, words) => (f, Act::Word(words.iter().filter_map(Known::new).collect())),
                To::Version(v) => (Field::Provider, Act::Version(word(&padded(v.as_bytes()), v.len())?)),
                To::Counter(..) | To::Flat(_) | To::FlatExtra | To::Extra | To::Envelope => return None,
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
        let step = |(field, member, act, entry): (Field, usize, Act, Option<&'static Entry>)| {
            let quoted = matches!(act, Act::Text | Act::Address | Act::Word(_));
            let (key, len) = field.json_key();
            Step { act, key, key_len: len + u8::from(quoted), member, entry }
        };
        let mut key = Output::default();
        let extra = plan.extra.iter().map(|&member| {
            key.clear();
            key.string(plan.key(member));
            key.push(b':');
            (key.to_vec(), member)
        });
        let extra: Vec<(Vec<u8>, usize)> = extra.collect();
        let keys: usize = extra.iter().map(|(key, _)| key.len()).sum();
        let mut padded = [0; 64];
        padded.get_mut(..head.len())?.copy_from_slice(&head);
        let head_len = head.len() as u8;
        let log_time = plan.log_time.is_none().then(|| Field::LogTimeMs.json_key());
        Some(Self {
            head: padded,
            head_len,
            around,
            log_time,
            room: (steps.len() + extra.len() + 2) * STEP + keys,
            steps: steps.into_iter().map(step).collect(),
            extra,
        })
    }

    /// Writes a record, or nothing where something in it is not as expected.
    // Apart from what goes on with the record where this can't: its variables are many, and
    // runtimes for small places have little stack.
    #[inline(never)]
    pub(crate) fn run<'a>(
        &self,
        source: &impl Source<'a>,
        log_time: Option<u64>,
        zone: Option<&Zone>,
        text_len: usize,
        memory: &mut RecordMemory,
        out: &mut Output,
    ) -> bool {
        if !source.has_pieces() || text_len > LONGEST {
            return false;
        }
        // Twice the text is enough for all but the oddest strings.
        let room = self.room + 2 * text_len;
        out.try_write(room, |buffer, at| self.write(source, log_time, zone, memory, buffer, at))
    }

    #[inline(never)]
    fn write<'a>(
        &self,
        source: &impl Source<'a>,
        log_time: Option<u64>,
        zone: Option<&Zone>,
        memory: &mut RecordMemory,
        buffer: &mut [u8],
        at: usize,
    ) -> Written {
        encode::block(buffer, at, &self.head)?;
        let mut at = at + usize::from(self.head_len);
        // The time of the envelopes around the record has its place among the fields.
        let (mut steps, mut after) = self.steps.split_at_checked(self.around)?;
        loop {
            for step in steps {
                at = match step.write(source, buffer, at)? {
                    Some(end) => end,
                    None => other_form(step.entry?, source.value(step.member), zone, memory, buffer, at)?,
                };
            }
            if after.is_empty() {
                break;
            }
            if let (Some((key, len)), Some(time)) = (self.log_time, log_time) {
                encode::block(buffer, at, key)?;
                at = encode::number(buffer, at + usize::from(len), time)?;
                at = encode::byte(buffer, at, b',')?;
            }
            steps = std::mem::take(&mut after);
        }
        for (i, (key, member)) in self.extra.iter().enumerate() {
            if i == 0 {
                at = encode::bytes(buffer, at, b"\"extra\":{")?;
            }
            at = encode::bytes(buffer, at, key)?;
            let Piece { tail, len, form } = source.piece(*member)?;
            at = match form {
                Form::Plain => {
                    let start = encode::byte(buffer, at, b'"')?;
                    let end = copy(buffer, start, tail, len)?;
                    encode::block(buffer, end, b"\",")?;
                    end + 2
                }
                Form::Bare => {
                    let end = copy(buffer, at, tail, len)?;
                    encode::byte(buffer, end, b',')?
                }
                Form::Other => {
                    let end = encode::raw(buffer, at, source.raw(*member))?;
                    encode::byte(buffer, end, b',')?
                }
            };
        }
        // The last comma is none.
        encode::bytes(buffer, at - 1, if self.extra.is_empty() { b"}\n" } else { b"}}\n" })
    }
}

/// Writes the field of a value that is not written in the form that it nearly always has, if
/// all that it says goes there.
#[inline(never)]
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
        written = record.fields().try_fold(at, |at, (field, value)| encode::member(buffer, at, field, value));
    }
    record.recycle(memory);
    written
}

/// What one step writes at most, unless a text is longer than [`TEXT`].
const STEP: usize = 128;

/// Longer records take the long way, which needs no room beforehand.
const LONGEST: usize = 64 << 10;

/// Texts up to this length are copied as one block.
const TEXT: usize = 48;

impl Step {
    /// Writes a field; nothing inside where its value is not as expected.
    #[inline(always)]
    fn write<'a>(&self, source: &impl Source<'a>, buffer: &mut [u8], at: usize) -> Option<Written> {
        let Piece { tail, len, form } = source.piece(self.member)?;
        if form == Form::Other {
            return Some(None);
        }
        // The commonest forms of what stands for none.
        if len <= 1 && (len == 0 || tail.first() == Some(&b'-')) {
            let none = !matches!(self.act, Act::Version(_)) && self.entry.is_some();
            return Some(none.then_some(at));
        }
        let window: &mut [u8; STEP] = buffer.get_mut(at..)?.first_chunk_mut()?;
        *window.first_chunk_mut()? = *self.key;
        // The masks let the compiler see that all of this is inside of the window.
        let start = usize::from(self.key_len) & 31;
        let end = match &self.act {
            Act::Text => {
                // A shorter one may stand for none.
                if len <= 4 && !begins_plainly(tail) || form != Form::Plain {
                    return Some(None);
                }
                match tail.first_chunk::<TEXT>() {
                    Some(chunk) if len <= TEXT => {
                        put(window, start, chunk)?;
                        let end = start + (len & 63);
                        put(window, end, b"\",")?;
                        end + 2
                    }
                    _ => {
                        let end = copy(buffer, at + start, tail, len)?;
                        return Some(encode::bytes(buffer, end, b"\","));
                    }
                }
            }
            Act::Number { most, digits } => {
                let chunk = chunk(tail);
                let len = if are_digits(&chunk, len) { len } else { without_fraction(&chunk, len) };
                if len == 0 {
                    return Some(None);
                }
                if len > *digits {
                    match up_to_eight_digits(&chunk, len) {
                        Some(n) if n <= *most => {}
                        _ => return Some(None),
                    }
                }
                put(window, start, &chunk)?;
                let end = start + (len & 31);
                put(window, end, b",")?;
                end + 1
            }
            Act::Time(unit) => {
                let chunk = chunk(tail);
                // Seconds of our time have ten digits, milliseconds thirteen.
                let (zeros, more): (&[u8; 4], _) = match (unit, len) {
                    (Unit::Seconds | Unit::Guess, 10) => (b"000,", 4),
                    (Unit::Millis | Unit::Guess, 13) => (b",   ", 1),
                    _ => return Some(None),
                };
                if !are_digits(&chunk, len) {
                    return Some(None);
                }
                put(window, start, &chunk)?;
                let end = start + (len & 31);
                put(window, end, zeros)?;
                end + more
            }
            Act::Address => {
                let chunk = chunk(tail);
                if !is_ipv4(&chunk, len) {
                    return Some(other_address(buffer, at + start, tail, len));
                }
                put(window, start, &chunk)?;
                let end = start + (len & 31);
                put(window, end, b"\",")?;
                end + 2
            }
            Act::Protocol => {
                let chunk = chunk(tail);
                let (number, mut end) = match are_digits(&chunk, len) {
                    true => {
                        put(window, start, &chunk)?;
                        (up_to_eight_digits(&chunk, len).filter(|n| *n <= 255), start + (len & 31))
                    }
                    false => {
                        let Some((number, digits)) = named_protocol(&chunk, len) else { return Some(None) };
                        put(window, start, digits)?;
                        (Some(number), start + if number < 10 { 1 } else { 2 })
                    }
                };
                let Some(number) = number else { return Some(None) };
                if let Some((keyword, len)) = KEYWORDS.get(number as usize)
                    && *len > 1
                {
                    put(window, end, b",\"transport\":\"")?;
                    put(window, end + 14, keyword)?;
                    end += 14 + (usize::from(*len) & 31);
                }
                put(window, end, b",")?;
                end + 1
            }
            Act::Word(words) => {
                let Some(text) = word(&chunk(tail), len) else { return Some(None) };
                let Some(known) = words.iter().find(|w| text | w.case == w.word) else { return Some(None) };
                put(window, start, &known.text)?;
                start + usize::from(known.len)
            }
            // The key is overwritten.
            Act::Version(v) if word(&chunk(tail), len) == Some(*v) => 0,
            Act::Version(_) => return Some(None),
        };
        Some(Some(at + end))
    }
}

/// Puts a block into the window.
#[inline(always)]
fn put<const N: usize>(window: &mut [u8; STEP], at: usize, block: &[u8; N]) -> Option<()> {
    *window.get_mut(at..)?.first_chunk_mut()? = *block;
    Some(())
}

/// The first sixteen bytes, with zeros where there are not so many.
#[inline(always)]
fn chunk(tail: &[u8]) -> [u8; 16] {
    tail.first_chunk().copied().unwrap_or_else(|| padded(tail))
}

#[cold]
fn padded(tail: &[u8]) -> [u8; 16] {
    let mut all = [0; 16];
    all.iter_mut().zip(tail).for_each(|(to, from)| *to = *from);
    all
}

/// Writes a text as it is.
#[inline(never)]
fn copy(buffer: &mut [u8], at: usize, tail: &[u8], len: usize) -> Written {
    encode::bytes(buffer, at, tail.get(..len)?)
}

/// Whether the first bytes are a number as it goes out.
#[inline(always)]
fn are_digits(bytes: &[u8; 16], len: usize) -> bool {
    let digits = Block::new(bytes).within(b'0', b'9').mask();
    len <= 16 && !digits & below(len) == 0 && (bytes[0] != b'0' || len == 1)
}

/// How many digits stand before `.0`, if the first bytes are a number as it goes out but for that.
#[inline(never)]
fn without_fraction(bytes: &[u8; 16], len: usize) -> usize {
    let digits = len.wrapping_sub(2);
    match bytes.get(digits..) {
        Some([b'.', b'0', ..]) if digits > 0 && are_digits(bytes, digits) => digits,
        _ => 0,
    }
}

/// The number in the first bytes, if there are at most eight digits.
#[inline(always)]
fn up_to_eight_digits(bytes: &[u8; 16], len: usize) -> Option<u64> {
    if len == 0 || len > 8 {
        return None;
    }
    // The last digit in the highest byte, and zeros in front of the first.
    let word = u64::from_le_bytes(*bytes.first_chunk()?) & 0x0f0f_0f0f_0f0f_0f0f;
    let word = word << (64 - 8 * len);
    let pairs = word.wrapping_mul(10).wrapping_add(word >> 8);
    let high = (pairs & 0xff_0000_00ff).wrapping_mul(0x000f_4240_0000_0064);
    let low = (pairs >> 16 & 0xff_0000_00ff).wrapping_mul(0x0000_2710_0000_0001);
    Some(high.wrapping_add(low) >> 32)
}

/// At most eight bytes, the first lowest, and zeros.
#[inline(always)]
fn word(bytes: &[u8; 16], len: usize) -> Option<u64> {
    if len == 0 || len > 8 {
        return None;
    }
    let shift = 64 - 8 * len;
    Some(u64::from_le_bytes(*bytes.first_chunk()?) << shift >> shift)
}

/// Writes an address that is written in another form, with the quote and the comma behind it.
#[inline(never)]
fn other_address(buffer: &mut [u8], at: usize, tail: &[u8], len: usize) -> Written {
    let text = std::str::from_utf8(tail.get(..len)?).ok()?;
    let end = encode::address(buffer, at, convert::address(text)?)?;
    encode::bytes(buffer, end, b"\",")
}

/// Whether a text begins like nothing that stands for none: `-1`, `null`, `N/A`, blanks.
#[inline(always)]
fn begins_plainly(text: &[u8]) -> bool {
    matches!(text.first(), Some(b) if b.is_ascii_alphanumeric() && !matches!(b, b'n' | b'N'))
}

/// Whether the first bytes are an IPv4 address as it goes out. A bit stands for each byte.
#[inline(always)]
fn is_ipv4(bytes: &[u8; 16], len: usize) -> bool {
    if len > 15 {
        return false;
    }
    if !scan::VECTORS {
        return convert::ipv4(&bytes[..len]).is_some();
    }
    let block = Block::new(bytes);
    let all: Mask = below(len);
    let dots = block.equal(b'.').mask() & all;
    let digits = block.within(b'0', b'9').mask() & all;
    let ends = dots | (all + 1);
    // Where octets begin, and where they have two more digits.
    let begins = dots << 1 | 1;
    let long = begins & digits >> 1 & digits >> 2;
    let (twos, fives) = (block.equal(b'2').mask(), block.equal(b'5').mask());
    let (over_two, over_five) = (block.within(b'3', b'9').mask(), block.within(b'6', b'9').mask());
    let over_255 = long & (over_two | twos & (over_five >> 1 | fives >> 1 & over_five >> 2));
    let empty = begins & ends;
    let leading_zero = begins & block.equal(b'0').mask() & !(ends >> 1);
    let four_digits = digits & digits >> 1 & digits >> 2 & digits >> 3;
    // Two dots are left without the first, one without the second, none without the third.
    let two = dots & dots.wrapping_sub(1);
    let one = two & two.wrapping_sub(1);
    let other = (dots | digits) ^ all;
    one != 0
        && one & (one - 1) == 0
        && (over_255 | empty | leading_zero | four_digits | other) & (all << 1 | 1) == 0
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn pieces(text: &str, check: impl Fn(Piece<'_>)) {
        for behind in
            ["", " ", ".1 2.3.4.5 6.7.8.9 10", "00000000000000000000", "2552552552552552", "é012345678901"]
        {
            let whole = format!("{text}{behind}");
            check(Piece { tail: whole.as_bytes(), len: text.len(), form: Form::Plain });
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
            pieces(text, |piece| {
                let chunk = chunk(piece.tail);
                assert_eq!(are_digits(&chunk, text.len()), canonical && text.len() <= 16, "{text:?}");
                if canonical && text.len() <= 8 {
                    assert_eq!(up_to_eight_digits(&chunk, text.len()), text.parse().ok());
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
                    pieces(&text, |piece| {
                        assert_eq!(is_ipv4(&chunk(piece.tail), piece.len), good, "{text:?}");
                    });
                }
            }
        }
    }

    #[test]
    fn words_wherever_they_stand() {
        for text in ["accept", "ok", "skipdata", "x"] {
            pieces(text, |piece| {
                assert_eq!(word(&chunk(piece.tail), piece.len), word(&padded(text.as_bytes()), text.len()));
            });
        }
        assert_eq!((word(&[0; 16], 0), word(&[b'x'; 16], 9)), (None, None));
    }
}
