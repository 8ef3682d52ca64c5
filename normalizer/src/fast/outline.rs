//! Objects whose keys are known from a record before. Records of one stream repeat their keys,
//! and what is known is faster compared than read.
//!
//! Most values keep their lengths, too. Members that did so for a while, and stand beside each
//! other, make a stretch: their keys and values are compared with a pattern in large blocks, and
//! the member behind them need not wait until the ends of their values are found. Where a record
//! does not fit, its members are read one by one. Nothing that is learned changes what comes out.

use std::ops::Range;

use crate::{
    base::limits,
    bytes::scan::{self, Block, Marks, Mask, below},
    json::{members::Member, read as json},
    value::raw::Span,
};

/// The keys of an object as they are written, and the lengths of its values.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outline {
    keys: Vec<Key>,
    stretches: Vec<Stretch>,
    /// What all stretches' bytes may be.
    patterns: Vec<BytePattern>,
    /// The members of the record that the stretches were made of.
    members: Vec<Member>,
    learning: bool,
    /// How many records come until something else is done.
    left: u32,
    /// A member is in a stretch no longer.
    outdated: bool,
}

/// A key as it was written lately: `,"key":`, the first with a brace, and perhaps with blanks.
#[derive(Clone, Debug)]
struct Key {
    /// How it begins, and which of these bytes are its own.
    first: [u8; Block::LEN],
    own: Mask,
    /// What comes then.
    second: [u8; Block::LEN],
    more: Mask,
    /// How long all of it is, and where in it the key begins.
    len: u32,
    lead: u32,
    /// Its value had this form lately.
    form: u32,
    /// Whether it always had.
    steady: bool,
    /// How often it had not, when a stretch was expected.
    misses: u16,
    /// The stretch that begins here.
    stretch: u16,
    /// All of it.
    whole: Vec<u8>,
    /// What stands in front of it, and itself in quotes.
    before: u8,
    quoted: Box<[u8]>,
}

/// Members that stand beside each other and keep their lengths.
#[derive(Clone, Debug)]
struct Stretch {
    patterns: Range<usize>,
    /// The member behind it.
    end: usize,
    /// Where it began in the record that it was made of.
    start: usize,
    /// In bytes.
    len: usize,
}

/// How many bytes a pattern is for.
const WIDTH: usize = 4 * Block::LEN;

/// What some bytes of an object may be.
#[derive(Clone, Debug)]
struct BytePattern {
    /// The least and the greatest.
    least: [u8; WIDTH],
    greatest: [u8; WIDTH],
    /// Set where a string's characters are.
    inside: [u8; WIDTH],
}

impl BytePattern {
    const ANYTHING: Self = Self { least: [0; WIDTH], greatest: [0xff; WIDTH], inside: [0; WIDTH] };

    fn set(&mut self, at: usize, (least, greatest, inside): (u8, u8, bool)) {
        (self.least[at], self.greatest[at]) = (least, greatest);
        self.inside[at] = if inside { 0xff } else { 0 };
    }

    #[inline(always)]
    fn fits(&self, bytes: &[u8; WIDTH]) -> bool {
        self.fit(0, bytes).and(self.fit(1, bytes)).and(self.fit(2, bytes).and(self.fit(3, bytes))).mask()
            == 0xffff
    }

    /// Which bytes of a block are as they may be.
    #[inline(always)]
    fn fit(&self, i: usize, bytes: &[u8; WIDTH]) -> Marks {
        let block = |bytes: &[u8; WIDTH]| Block::new(&bytes.as_chunks().0[i]);
        let (bytes, inside) = (block(bytes), block(&self.inside));
        let odd = bytes.equal(b'"').or(bytes.equal(b'\\')).among(inside);
        bytes.lies_in(block(&self.least), block(&self.greatest)).without(odd)
    }
}

/// How far an object was read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Progress {
    /// How many members.
    pub(crate) members: usize,
    pos: usize,
    /// Whether there are arrays or objects among them.
    pub(crate) nested: bool,
}

/// What came of reading an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    Done,
    /// It has another key at this place, or the end.
    OtherKey,
    /// It is not read here.
    NotSo,
}

/// The number of no stretch.
const NONE: u16 = u16::MAX;

/// How many records are looked at, and for how many the stretches made of them serve.
const LOOKED_AT: u32 = 16;
const SERVED: u32 = 4096;

/// What the patterns of an outline are made for at most, in bytes.
const MOST: usize = limits::STRETCHES / WIDTH;

impl Key {
    fn new(key: &str, before: u8) -> Self {
        let mut new = Self {
            first: [0; Block::LEN],
            own: 0,
            second: [0; Block::LEN],
            more: 0,
            len: 0,
            lead: 0,
            form: 0,
            steady: false,
            misses: 0,
            stretch: NONE,
            whole: Vec::new(),
            before,
            quoted: format!("\"{key}\"").into_bytes().into(),
        };
        let whole = [&[before], &*new.quoted, b":"].concat();
        new.spell(&whole, 2);
        new
    }

    /// Expects it as it is written here.
    fn spell(&mut self, whole: &[u8], lead: usize) {
        let start = |from: usize| {
            let (mut bytes, rest) = ([0; Block::LEN], whole.get(from..).unwrap_or_default());
            let len = rest.len().min(Block::LEN);
            bytes[..len].copy_from_slice(&rest[..len]);
            (bytes, below(len))
        };
        (self.first, self.own) = start(0);
        (self.second, self.more) = start(Block::LEN);
        (self.len, self.lead) = (whole.len() as u32, lead as u32);
        self.whole.clear();
        self.whole.extend_from_slice(whole);
    }

    /// Whether it stands at a place.
    #[inline(always)]
    fn is_at(&self, bytes: &[u8], pos: usize) -> bool {
        Block::at(bytes, pos).is_some_and(|here| !here.same(Block::new(&self.first)).mask() & self.own == 0)
            && (self.len <= Block::LEN as u32 || self.ends_at(bytes, pos))
    }

    #[inline(never)]
    fn ends_at(&self, bytes: &[u8], pos: usize) -> bool {
        let second =
            Block::at(bytes, pos + Block::LEN).map(|here| here.same(Block::new(&self.second)).mask());
        second.is_some_and(|same| !same & self.more == 0)
            && (self.len <= 2 * Block::LEN as u32
                || bytes.get(pos..).is_some_and(|here| here.starts_with(&self.whole)))
    }

    /// Itself, in a member that begins at a place.
    #[inline(always)]
    fn span(&self, pos: usize) -> Span {
        let start = pos + self.lead as usize;
        Span::plain(start, start + self.quoted.len() - 2)
    }

    /// Where a member with this key begins and ends, and its value's characters, if it can be in
    /// a stretch.
    fn extent(&self, text: &[u8], member: Member) -> Option<(Range<usize>, Range<usize>)> {
        let start = member.key.start().checked_sub(self.lead as usize)?;
        if !self.steady || !text.get(start..)?.starts_with(&self.whole) {
            return None;
        }
        let form = member.value.form();
        let (quote, len) = (usize::from(form < Span::BARE), form & !Span::BARE);
        let value = start + self.whole.len() + quote;
        let inside = value..value + usize::try_from(len).ok()?;
        let characters = text.get(inside.clone())?;
        let plain = quote == 1 || characters.iter().all(|b| b.is_ascii_digit() || *b == b'.');
        // What lies elsewhere has blanks in front of it, or had escapes.
        let here = member.value.start() == value && form < 2 * Span::BARE;
        (plain && here).then(|| (start..inside.end + quote, inside))
    }
}

impl Outline {
    /// Of keys that need no escapes.
    pub(crate) fn new<'a>(keys: impl Iterator<Item = &'a str>) -> Option<Self> {
        let mut outline = Self::default();
        for key in keys {
            if scan::first_escaped(key.as_bytes()).is_some() {
                return None;
            }
            outline.keys.push(Key::new(key, if outline.keys.is_empty() { b'{' } else { b',' }));
        }
        outline.look();
        (!outline.keys.is_empty()).then_some(outline)
    }

    /// Reads an object on from a place, if it has just these keys. The object is all of the
    /// text, which begins the tail.
    pub(crate) fn read(
        &mut self,
        text: &str,
        tail: &[u8],
        members: &mut Vec<Member>,
        unescaped: &mut String,
        place: &mut Progress,
    ) -> Reading {
        if members.len() != self.keys.len() {
            members.resize(self.keys.len(), Member::default());
        }
        // The members up to here are looked at.
        let mut watched = if self.learning { self.keys.len() } else { 0 };
        loop {
            if place.members >= watched {
                self.quickly(tail, members, place);
            }
            let Progress { members: index, pos, .. } = *place;
            let (Some(key), Some(member)) = (self.keys.get(index), members.get_mut(index)) else { break };
            if let Some(stretch) = self.stretches.get(usize::from(key.stretch)) {
                watched = watched.max(stretch.end);
            }
            let start;
            if key.is_at(tail, pos) {
                member.key = key.span(pos);
                start = json::behind_blanks(tail, pos + key.len as usize);
            } else if let Some((name, end)) = json::key_among_blanks(text, pos, key.before, &key.quoted) {
                member.key = name;
                start = end;
            } else {
                return Reading::OtherKey;
            }
            if self.learning && start != pos + key.len as usize {
                self.spell(index, text, pos, member.key.start(), start);
            }
            let read = simple_value(tail, start).or_else(|| json::value(text, start, unescaped));
            let Some((value, end)) = read else { return Reading::NotSo };
            member.value = value;
            place.nested |= value.is_nested();
            (place.members, place.pos) = (index + 1, end);
            if scan::VECTORS && index < watched {
                self.watch(index, value);
            }
        }
        let bytes = text.as_bytes();
        let end = json::behind_blanks(bytes, place.pos);
        if bytes.get(end) != Some(&b'}') {
            return Reading::OtherKey;
        }
        if json::behind_blanks(bytes, end + 1) != bytes.len() {
            return Reading::NotSo;
        }
        if scan::VECTORS {
            self.left -= 1;
            if self.left == 0 || self.outdated {
                self.go_on(text, members);
            }
        }
        Reading::Done
    }

    /// Reads members as they nearly always are, up to the first that is another one.
    // Apart from all else, so that it has few variables: they stay in registers.
    #[inline(never)]
    fn quickly(&self, tail: &[u8], members: &mut [Member], place: &mut Progress) {
        let (mut index, mut pos) = (place.members, place.pos);
        while let (Some(key), Some(member)) = (self.keys.get(index), members.get_mut(index)) {
            if !key.is_at(tail, pos) {
                break;
            }
            if scan::VECTORS && key.stretch != NONE {
                let Some((end, behind)) = self.follow(key.stretch, tail, pos, index, members) else { break };
                (index, pos) = (end, behind);
                continue;
            }
            let start = pos + key.len as usize;
            let Some((value, end)) = simple_value(tail, start) else { break };
            *member = Member { key: key.span(pos), value };
            (index, pos) = (index + 1, end);
        }
        (place.members, place.pos) = (index, pos);
    }

    /// Reads the members of a stretch, if all is as its patterns say; says which member comes
    /// behind it, and where.
    #[inline(never)]
    fn follow(
        &self,
        number: u16,
        tail: &[u8],
        pos: usize,
        index: usize,
        members: &mut [Member],
    ) -> Option<(usize, usize)> {
        let stretch = self.stretches.get(usize::from(number))?;
        let patterns = self.patterns.get(stretch.patterns.clone())?;
        if !fit(patterns, tail, pos) {
            return None;
        }
        let by = pos.wrapping_sub(stretch.start);
        // Four at a time, since a guest's deadline is looked at each time around.
        let (known, last_known) = self.members.get(index..stretch.end)?.as_chunks::<4>();
        let (members, last) = members.get_mut(index..stretch.end)?.as_chunks_mut::<4>();
        for (members, known) in members.iter_mut().zip(known) {
            *members = known.map(|member| member.moved(by));
        }
        for (member, known) in last.iter_mut().zip(last_known) {
            *member = known.moved(by);
        }
        Some((stretch.end, pos + stretch.len))
    }

    /// Expects a key with the blanks that it has here, if they are few.
    #[cold]
    #[inline(never)]
    fn spell(&mut self, index: usize, text: &str, pos: usize, name: usize, value: usize) {
        let key = &mut self.keys[index];
        if value - pos <= key.quoted.len() + limits::BLANKS {
            key.spell(&text.as_bytes()[pos..value], name - pos);
        }
    }

    /// Begins to look which values keep their lengths.
    fn look(&mut self) {
        (self.learning, self.left) = (true, LOOKED_AT);
        self.stretches.clear();
        for key in &mut self.keys {
            (key.steady, key.misses, key.stretch) = (true, 0, NONE);
        }
    }

    /// Sees whether a value has the form that it had before.
    #[cold]
    #[inline(never)]
    fn watch(&mut self, index: usize, value: Span) {
        let key = &mut self.keys[index];
        if self.learning {
            key.steady &= self.left == LOOKED_AT || key.form == value.form();
            key.form = value.form();
        } else if key.form != value.form() {
            // Those that seldom differ may stay.
            key.misses = key.misses.saturating_add(1);
            if u32::from(key.misses) * 32 > SERVED - self.left + 64 {
                (key.steady, self.outdated) = (false, true);
            }
        }
    }

    /// Makes new stretches, or begins anew.
    #[cold]
    #[inline(never)]
    fn go_on(&mut self, text: &str, members: &[Member]) {
        if self.learning {
            (self.learning, self.left) = (false, SERVED);
        } else if self.left == 0 {
            return self.look();
        }
        self.outdated = false;
        self.stretches.clear();
        self.patterns.clear();
        self.members.clear();
        self.members.extend_from_slice(members);
        let mut first = 0;
        while first < members.len() {
            let stretch = self.stretch_from(text.as_bytes(), members, first);
            let next = stretch.end.max(first + 1);
            // A member alone is read as fast without.
            if next > first + 1 {
                self.keys[first].stretch = self.stretches.len() as u16;
                self.stretches.push(stretch);
            } else {
                self.patterns.truncate(stretch.patterns.start);
            }
            first = next;
        }
    }

    /// A stretch of a member and those behind it that can be in one with it, of none if it can't.
    fn stretch_from(&mut self, text: &[u8], members: &[Member], first: usize) -> Stretch {
        let from = self.patterns.len();
        let mut filled = WIDTH;
        let mut add = |bytes| {
            if filled == WIDTH {
                self.patterns.push(BytePattern::ANYTHING);
                filled = 0;
            }
            if let Some(pattern) = self.patterns.last_mut() {
                pattern.set(filled, bytes);
            }
            filled += 1;
        };
        let (mut end, mut bytes) = (first, 0..0);
        while let Some(key) = self.keys.get(end)
            && let Some((range, inside)) = key.extent(text, members[end])
            && (end == first || bytes.end == range.start)
            && from + (bytes.len() + range.len()) / WIDTH < MOST
        {
            range.clone().for_each(|at| add(may_be(text, at, &inside)));
            bytes = if end == first { range } else { bytes.start..range.end };
            end += 1;
        }
        // A number goes no further.
        if end > first
            && text[bytes.end - 1] != b'"'
            && let Some(&behind) = text.get(bytes.end)
        {
            add((behind, behind, false));
        }
        Stretch { patterns: from..self.patterns.len(), end, start: bytes.start, len: bytes.len() }
    }
}

/// Whether bytes are as patterns say. They may be fewer than those.
#[inline(always)]
fn fit(patterns: &[BytePattern], bytes: &[u8], pos: usize) -> bool {
    let mut rest = bytes.get(pos..).unwrap_or_default();
    for pattern in patterns {
        let Some((first, others)) = rest.split_first_chunk() else { return false };
        if !pattern.fits(first) {
            return false;
        }
        rest = others;
    }
    true
}

/// What may stand at a place of a member, whose value's characters lie in this range: the least
/// and the greatest byte, and whether it is a string's.
fn may_be(text: &[u8], at: usize, value: &Range<usize>) -> (u8, u8, bool) {
    let byte = text[at];
    if !value.contains(&at) {
        return (byte, byte, false);
    }
    if text[value.start - 1] == b'"' {
        return (b' ', 0xff, true);
    }
    let more = text.get(at + 1).is_some_and(u8::is_ascii_digit);
    match byte {
        // No zero stands in front of others.
        b'0'..=b'9' if at == value.start && more => (b'1', b'9', false),
        b'0'..=b'9' => (b'0', b'9', false),
        _ => (byte, byte, false),
    }
}

/// A string without escapes of sixteen bytes or more.
#[inline(never)]
fn long_string(bytes: &[u8], pos: usize) -> Option<(Span, usize)> {
    let mut end = pos + 1;
    loop {
        let mask = Block::at(bytes, end)?.escaped().mask();
        end += (mask | 1 << Block::LEN).trailing_zeros() as usize;
        if mask != 0 {
            break;
        }
    }
    (*bytes.get(end)? == b'"').then(|| (Span::plain(pos + 1, end), end + 1))
}

/// A string without escapes or a number without sign and exponent, and where it ends, if enough
/// stands behind it.
#[inline(always)]
fn simple_value(bytes: &[u8], pos: usize) -> Option<(Span, usize)> {
    let first = *bytes.get(pos)?;
    if first == b'"' {
        let block = Block::at(bytes, pos + 1)?;
        // Where the next member begins waits for this and nothing else.
        let quotes = block.equal(b'"').mask();
        if quotes == 0 {
            return long_string(bytes, pos);
        }
        let (len, end) = (quotes.trailing_zeros() as usize, pos + 1 + quotes.trailing_zeros() as usize);
        return (block.escaped().mask() & below(len) == 0).then(|| (Span::plain(pos + 1, end), end + 1));
    }
    let block = Block::at(bytes, pos)?;
    let (digits, dots) = (block.within(b'0', b'9').mask(), block.equal(b'.').mask());
    let len = (!(digits | dots)).trailing_zeros() as usize;
    let dots = dots & below(len);
    // None, or one between digits.
    let fraction = dots == 0 || dots & (dots - 1) == 0 && digits >> 1 & digits << 1 & dots != 0;
    let ends = matches!(bytes.get(pos + len)?, b',' | b'}' | ..=b' ') && len < Block::LEN;
    // Neither none, nor a zero in front of others.
    let begins = len == 1 || len > 1 && (first != b'0' || dots == 2);
    (ends && fraction && begins).then(|| (Span::bare(pos, pos + len), pos + len))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::members::Object;

    /// An outline for an object's keys that knows many such objects.
    fn trained(texts: &[String]) -> Outline {
        let (mut members, mut unescaped) = (Vec::new(), String::new());
        json::read_members(&texts[0], &mut members, &mut unescaped).unwrap();
        let object = Object { text: &texts[0], unescaped: &unescaped, members: &members };
        let mut outline = Outline::new((0..members.len()).map(|i| object.key(i))).unwrap();
        for text in texts.iter().cycle().take(3 * LOOKED_AT as usize) {
            assert_eq!(read(&mut outline, text), Reading::Done, "{text}");
        }
        outline
    }

    /// Reads an object, and sees that all of it is as it is read otherwise.
    fn read(outline: &mut Outline, text: &str) -> Reading {
        let behind = [text, "\n{\"a\":\"", &"x\\\"9".repeat(100)].concat();
        let readings = [behind.as_bytes(), text.as_bytes()].map(|tail| {
            let (mut members, mut unescaped) = (Vec::new(), String::new());
            let mut place = Progress::default();
            let reading = outline.read(text, tail, &mut members, &mut unescaped, &mut place);
            if reading == Reading::Done {
                let (mut slow, mut slow_unescaped) = (Vec::new(), String::new());
                json::read_members(text, &mut slow, &mut slow_unescaped)
                    .unwrap_or_else(|e| panic!("{e:?} {text}"));
                let object = Object { text, unescaped: &unescaped, members: &members };
                let want = Object { text, unescaped: &slow_unescaped, members: &slow };
                assert_eq!(members.len(), slow.len());
                for i in 0..slow.len() {
                    assert_eq!((object.key(i), object.raw(i)), (want.key(i), want.raw(i)), "{text}");
                }
                assert_eq!(place.nested, slow.iter().any(|m| m.value.is_nested()));
            }
            reading
        });
        assert_eq!(readings[0], readings[1], "{text}");
        readings[0]
    }

    /// Records whose ids and times keep their lengths, as they are written by different programs.
    fn records(comma: &str, colon: &str) -> Vec<String> {
        let record = |n: usize| {
            let members = [
                ("__time__", format!("\"{}\"", 1_718_000_000 + n)),
                ("id", format!("\"eni-{:08x}\"", n * 77)),
                ("srcaddr", format!("\"10.0.{}.{}\"", n % 7, n * 13 % 256)),
                ("a-key-that-is-longer-than-two-blocks", format!("{}", 1000 + n)),
                ("start", format!("{}.5", 10 + n % 80)),
                ("zero", "0".into()),
                ("none", "null".into()),
                ("tags", format!("[{n}, \"é\"]")),
                ("name", ["\"tab\\tx\"", "\"é\""][n % 2].into()),
                ("packets", format!("{}", n * n)),
                ("status", "\"OK\"".into()),
                ("end", format!("{}", 1_718_000_060_000 + n)),
            ];
            let members = members.map(|(key, value)| format!("\"{key}\"{colon}{value}"));
            format!("{{{}}}", members.join(comma))
        };
        (0..40).map(record).collect()
    }

    #[test]
    fn values_that_keep_their_lengths_are_stretches() {
        for (comma, colon) in [(",", ":"), (", ", ": "), (",\n    ", " : ")] {
            let outline = trained(&records(comma, colon));
            let stretches: Vec<_> = outline
                .keys
                .iter()
                .enumerate()
                .filter_map(|(i, key)| Some((i, outline.stretches.get(usize::from(key.stretch))?.end)))
                .collect();
            let want: &[_] = if scan::VECTORS { &[(0, 2), (3, 6), (10, 12)] } else { &[] };
            assert_eq!(stretches, want, "{comma:?} {colon:?}");
        }
    }

    /// Every byte of a record is changed, taken out and doubled: what is read is what stands there,
    /// whatever was there before.
    #[test]
    fn no_change_is_overlooked() {
        const BYTES: &[u8] = b"\"\\{}[]:, \n\t\x01\x7f0159.-+eEanx";
        for (comma, colon) in [(",", ":"), (", ", ": ")] {
            let records = records(comma, colon);
            let outline = trained(&records);
            let text = &records[11];
            let mut done = 0;
            let mut try_it = |parts: [&str; 3]| {
                done += u32::from(read(&mut outline.clone(), &parts.concat()) == Reading::Done);
            };
            for at in (0..text.len()).filter(|&at| text.is_char_boundary(at)) {
                let (before, rest) = text.split_at(at);
                let len = rest.chars().next().map_or(0, char::len_utf8);
                let (byte, behind) = rest.split_at(len);
                try_it([before, "", behind]);
                try_it([before, byte, rest]);
                for new in BYTES {
                    let new = [*new];
                    let new = std::str::from_utf8(&new).unwrap();
                    try_it([before, new, behind]);
                    try_it([before, new, rest]);
                }
            }
            assert!(done > 2000, "only {done} were read");
        }
    }

    /// A value that no longer keeps its length leaves its stretch, and comes back to one later.
    #[test]
    fn what_changes_is_learned() {
        let records = records(",", ":");
        let mut outline = trained(&records);
        let in_stretch = |outline: &Outline| outline.keys[10].steady;
        assert!(in_stretch(&outline));
        for text in &records {
            assert_eq!(read(&mut outline, &text.replace("\"OK\"", "\"NODATA\"")), Reading::Done);
        }
        assert!(!scan::VECTORS || !in_stretch(&outline));
        for text in records.iter().cycle().take(SERVED as usize) {
            assert_eq!(read(&mut outline, text), Reading::Done);
        }
        assert!(in_stretch(&outline));
    }

    /// What stands behind a text is no part of it, even if it is the rest of the object.
    #[test]
    fn a_text_ends_where_it_ends() {
        for (comma, colon) in [(",", ":"), (", ", ": ")] {
            let records = records(comma, colon);
            let outline = trained(&records);
            let whole = &records[12];
            for text in (0..whole.len()).filter_map(|at| whole.get(..at)) {
                let (mut outline, mut members, mut unescaped) = (outline.clone(), Vec::new(), String::new());
                let place = &mut Progress::default();
                let reading = outline.read(text, whole.as_bytes(), &mut members, &mut unescaped, place);
                assert_ne!(reading, Reading::Done, "{text}");
            }
        }
    }

    #[test]
    fn other_keys_are_told_from_what_is_no_object() {
        let mut outline = trained(&["{\"a\":1,\"b\":\"x\"}".to_owned()]);
        for (text, want) in [
            ("{\"a\":2,\"b\":\"y\"}", Reading::Done),
            ("{ \"a\" : 2 , \"b\" : \"y\" } ", Reading::Done),
            ("{\"a\":2}", Reading::OtherKey),
            ("{\"a\":2,\"c\":\"y\"}", Reading::OtherKey),
            ("{\"a\":2,\"b\":\"y\",\"c\":1}", Reading::OtherKey),
            ("{\"a\":2,\"b\":y}", Reading::NotSo),
            ("{\"a\":2,\"b\":\"y\"}}", Reading::NotSo),
            ("{\"a\":02,\"b\":\"y\"}", Reading::OtherKey),
            ("{\"a\":2,\"b\":", Reading::NotSo),
            ("{\"a\":2,\"b", Reading::OtherKey),
            ("{\"a\":2,\"b\":\"", Reading::NotSo),
        ] {
            assert_eq!(read(&mut outline, text), want, "{text}");
        }
    }
}
