//! Batches as they cross to whoever normalizes them, and what comes back.
//!
//! **Not stable**: this is what hosts and guests of one version say to each other, and it changes with
//! them. [`Normalizer::records`](crate::Normalizer::records) has the same for programs.
//!
//! A batch is *head* then *bytes*. All integers are little-endian `u32`.
//!
//! ```text
//! head     := elements contexts context_len element* context* context_bytes
//! element  := start len context fault      (start counts from the first of the bytes)
//! context  := start len                    (start counts from the first of context_bytes)
//! ```
//!
//! An element's `context` is 0 for none, else the index of a context plus one.
//! Its `fault` is 0, or the code of a [`crate::wire::framing_fault::FramingFault`].
//!
//! Where records are to say where they come from, the last context is no element's:
//!
//! ```text
//! source   := offset name                  (64 bits: where in the input the first of the bytes is)
//! ```
//!
//! A reply has rejects and tallies, both length-prefixed:
//!
//! ```text
//! reject := element string(format) string(field) string(code) string(reason)
//! tally  := count string(product)
//! string := len byte*
//! ```

use std::{ops::Range, sync::Arc};

use crate::json::output::Output;

pub use crate::base::place::Place;

/// A piece of the input that holds one record, or several where an envelope is a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element {
    /// Where it starts in [`Batch::bytes`].
    pub start: u32,
    /// How many bytes of it [`Batch::bytes`] holds.
    pub len: u32,
    /// 0, or one more than an index into [`Batch::contexts`].
    pub context: u32,
    /// 0, or the code of a [`crate::wire::framing_fault::FramingFault`].
    pub fault: u32,
}

/// A self-contained run of elements of one input.
///
/// `bytes` is a contiguous window of the input, so that an element's offset
/// and line follow from the window's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// The window of the input that holds the elements.
    pub bytes: Vec<u8>,
    /// In the order of the input; they do not overlap.
    pub elements: Vec<Element>,
    /// What the envelopes say about their records.
    pub contexts: Vec<Vec<u8>>,
    /// The offset of `bytes[0]` in the input.
    pub offset: u64,
    /// The line of `bytes[0]`, from 1.
    pub line: u64,
    /// Bytes of the input that this batch accounts for.
    pub consumed: u64,
    /// Those of them in blank lines.
    pub blank: u64,
    /// The true length of the last element, where [`Element::len`] is only a kept prefix.
    pub last_len: Option<u64>,
    /// What the input is called, where its records are to say where they come from.
    pub source: Option<Arc<str>>,
}

impl Batch {
    /// The bytes that were kept of an element.
    pub fn raw(&self, index: usize) -> &[u8] {
        let e = &self.elements[index];
        &self.bytes[e.start as usize..(e.start + e.len) as usize]
    }

    /// The length of an element in the input.
    pub fn length(&self, index: usize) -> u64 {
        match self.last_len {
            Some(n) if index + 1 == self.elements.len() => n,
            _ => u64::from(self.elements[index].len),
        }
    }

    /// The length of some elements in the input.
    pub fn length_of(&self, range: Range<usize>) -> u64 {
        let kept: u64 = self.elements[range.clone()].iter().map(|e| u64::from(e.len)).sum();
        match (self.elements.last(), self.last_len) {
            (Some(last), Some(n)) if range.contains(&(self.elements.len() - 1)) => {
                kept - u64::from(last.len) + n
            }
            _ => kept,
        }
    }

    /// Where an element lies. It counts line breaks, so its cost grows with the offset;
    /// `from` is an earlier place of the same batch to count on from.
    pub fn place(&self, index: usize, from: Option<Place>) -> Place {
        let start = self.elements[index].start as usize;
        let (line, done) = match from {
            Some(p) => (p.line, (p.offset - self.offset) as usize),
            None => (self.line, 0),
        };
        Place {
            line: line + memchr::memchr_iter(b'\n', &self.bytes[done..start]).count() as u64,
            offset: self.offset + start as u64,
            length: self.length(index),
        }
    }

    /// Writes the head for some of the elements; [`Self::window`] gives the bytes to follow it.
    pub fn encode_head(&self, range: Range<usize>, out: &mut Vec<u8>) {
        out.clear();
        let base = self.window_range(&range).start as u32;
        let source = self.source.as_ref().map(|name| (self.offset + u64::from(base), name.as_bytes()));
        let source_len = source.map(|(_, name)| OFFSET + name.len());
        let count = self.contexts.len() + usize::from(source.is_some());
        let contexts = self.contexts.iter().map(Vec::len).sum::<usize>() + source_len.unwrap_or_default();
        out.reserve(12 + 16 * range.len() + 8 * count + contexts);
        put_words(out, [range.len() as u32, count as u32, contexts as u32]);
        for e in &self.elements[range] {
            put_words(out, [e.start - base, e.len, e.context, e.fault]);
        }
        let mut at = 0;
        for len in self.contexts.iter().map(Vec::len).chain(source_len) {
            put_words(out, [at, len as u32]);
            at += len as u32;
        }
        for c in &self.contexts {
            out.extend_from_slice(c);
        }
        if let Some((offset, name)) = source {
            out.extend_from_slice(&offset.to_le_bytes());
            out.extend_from_slice(name);
        }
    }

    /// The bytes that hold some of the elements.
    pub fn window(&self, range: Range<usize>) -> &[u8] {
        &self.bytes[self.window_range(&range)]
    }

    fn window_range(&self, range: &Range<usize>) -> Range<usize> {
        if range.is_empty() {
            return 0..0;
        }
        let last = &self.elements[range.end - 1];
        self.elements[range.start].start as usize..(last.start + last.len) as usize
    }
}

/// How many bytes the offset of a source has.
const OFFSET: usize = size_of::<u64>();

/// A batch as the normalizer sees it.
#[derive(Clone, Copy, Debug)]
pub struct BatchView<'a> {
    elements: &'a [u8],
    contexts: &'a [u8],
    context_bytes: &'a [u8],
    bytes: &'a [u8],
}

/// A batch that is not well-formed; only a faulty host makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl<'a> BatchView<'a> {
    /// Reads a batch whose head and bytes lie one after the other.
    pub fn joined(all: &'a [u8]) -> Result<Self, Malformed> {
        let (view, rest) = Self::head(all)?;
        Ok(Self { bytes: rest, ..view })
    }

    /// Reads a batch whose bytes lie apart from its head.
    pub fn split(head: &'a [u8], bytes: &'a [u8]) -> Result<Self, Malformed> {
        let (view, _) = Self::head(head)?;
        Ok(Self { bytes, ..view })
    }

    fn head(all: &'a [u8]) -> Result<(Self, &'a [u8]), Malformed> {
        fn cut<'a>(rest: &mut &'a [u8], n: usize) -> Result<&'a [u8], Malformed> {
            let (a, b) = rest.split_at_checked(n).ok_or(Malformed)?;
            *rest = b;
            Ok(a)
        }
        let mut rest = all;
        let counts = cut(&mut rest, 12)?;
        let elements = (word(counts, 0) as usize).checked_mul(16).ok_or(Malformed)?;
        let elements = cut(&mut rest, elements)?;
        let contexts = (word(counts, 1) as usize).checked_mul(8).ok_or(Malformed)?;
        let contexts = cut(&mut rest, contexts)?;
        let context_bytes = cut(&mut rest, word(counts, 2) as usize)?;
        Ok((Self { elements, contexts, context_bytes, bytes: &[] }, rest))
    }

    /// How many elements it has.
    pub fn len(&self) -> usize {
        self.elements.len() / 16
    }

    /// Whether it has no elements.
    pub fn is_empty(&self) -> bool {
        self.elements.is_empty()
    }

    /// An element and its bytes; what lies outside the batch is empty.
    #[inline]
    pub fn element(&self, index: usize) -> (Element, &'a [u8]) {
        let e = &self.elements[index * 16..index * 16 + 16];
        let e = Element { start: word(e, 0), len: word(e, 1), context: word(e, 2), fault: word(e, 3) };
        let end = (e.start as usize).saturating_add(e.len as usize);
        (e, self.bytes.get(e.start as usize..end).unwrap_or_default())
    }

    /// The bytes as text.
    pub(crate) fn texts(&self) -> Texts<'a> {
        Texts { bytes: self.bytes, start: 0, text: "", broken: None }
    }

    /// How many contexts it has.
    pub(crate) fn contexts(&self) -> usize {
        self.contexts.len() / 8
    }

    /// The context of an element, by its number there.
    pub fn context(&self, number: u32) -> &'a [u8] {
        let Some(i) = (number as usize).checked_sub(1) else { return &[] };
        let Some(c) = self.contexts.get(i * 8..i * 8 + 8) else { return &[] };
        let start = word(c, 0) as usize;
        self.context_bytes.get(start..start.saturating_add(word(c, 1) as usize)).unwrap_or_default()
    }

    /// The offset in the input of the first of the bytes, and what the input is called, if the last
    /// context says so; ask where the host was asked for it.
    pub(crate) fn source(&self) -> Option<(u64, &'a str)> {
        let (offset, name) = self.context(self.contexts() as u32).split_first_chunk()?;
        Some((u64::from_le_bytes(*offset), std::str::from_utf8(name).ok()?))
    }
}

/// The bytes of a batch as text. They are checked in long stretches, which end before a byte
/// that is not UTF-8, so that such a byte costs its own element and no others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Texts<'a> {
    bytes: &'a [u8],
    /// Where the stretch that was checked last begins.
    start: usize,
    /// What it holds.
    text: &'a str,
    /// Where the byte behind it is, if that is in no text.
    broken: Option<usize>,
}

impl<'a> Texts<'a> {
    /// How long a stretch is, in bytes.
    const STRETCH: usize = 8 << 10;

    /// A piece, if it is text; pieces are asked for in the order of the batch.
    #[inline]
    pub(crate) fn piece(&mut self, start: usize, len: usize) -> Option<&'a str> {
        if start < self.start || start + len > self.start + self.text.len() {
            if self.broken.is_some_and(|at| (start..start + len).contains(&at)) {
                return None;
            }
            self.check_from(start, len);
        }
        let at = start - self.start;
        self.text.get(at..at + len)
    }

    /// The bytes from a place on.
    #[inline]
    pub(crate) fn tail(&self, start: usize) -> &'a [u8] {
        self.bytes.get(start..).unwrap_or_default()
    }

    #[cold]
    fn check_from(&mut self, start: usize, least: usize) {
        let rest = self.bytes.get(start..).unwrap_or_default();
        let mut len = rest.len().min(Self::STRETCH.max(least));
        // A character that goes on behind the end belongs to the next stretch.
        while len > least && rest.get(len).is_some_and(|b| b & 0xc0 == 0x80) {
            len -= 1;
        }
        let text = |len| simdutf8::basic::from_utf8(&rest[..len]);
        (self.start, self.broken) = (start, None);
        self.text = text(len).unwrap_or_else(|_| {
            // This way tells where the byte is, but is slower.
            let Err(fault) = std::str::from_utf8(&rest[..len]) else { return "" };
            // What the end cuts off may be no fault of another piece.
            self.broken = fault.error_len().map(|_| start + fault.valid_up_to());
            text(fault.valid_up_to()).unwrap_or_default()
        });
    }
}

#[inline]
fn put_words<const N: usize>(out: &mut Vec<u8>, words: [u32; N]) {
    out.extend_from_slice(words.map(u32::to_le_bytes).as_flattened());
}

#[inline]
fn word(bytes: &[u8], index: usize) -> u32 {
    let b = &bytes[index * 4..index * 4 + 4];
    u32::from_le_bytes([b[0], b[1], b[2], b[3]])
}

/// What a run over a batch made.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Outcome {
    /// The index of the first element that was not yet reached.
    pub next: u32,
    /// Records that came out.
    pub normalized: u32,
    /// Records that the filter dropped.
    pub filtered: u32,
    /// Records that were rejected.
    pub rejected: u32,
    /// Bytes of the elements all of whose records were filtered.
    pub filtered_bytes: u32,
    /// The records, a JSON line each.
    pub output: Output,
    /// See [`rejects`].
    pub rejects: Vec<u8>,
    /// See [`tallies`].
    pub tallies: Vec<u8>,
}

/// Why a record was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reject<'a> {
    /// The index of the element that held it.
    pub element: u32,
    /// The product's id, or empty where none was found.
    pub format: &'a str,
    /// The field's name in the record, or empty.
    pub field: &'a str,
    /// The kind of fault, for counting: `address`, `column-count`, ...
    pub code: &'a str,
    /// The sentence for people.
    pub reason: &'a str,
}

/// Reads the rejects of a reply.
pub fn rejects(bytes: &[u8]) -> impl Iterator<Item = Result<Reject<'_>, Malformed>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        (!rest.is_empty()).then(|| {
            let mut one = || {
                Ok(Reject {
                    element: take_word(&mut rest)?,
                    format: take_str(&mut rest)?,
                    field: take_str(&mut rest)?,
                    code: take_str(&mut rest)?,
                    reason: take_str(&mut rest)?,
                })
            };
            one().inspect_err(|_| rest = &[])
        })
    })
}

/// Reads how many records of each product a run made.
pub fn tallies(bytes: &[u8]) -> impl Iterator<Item = Result<(&str, u32), Malformed>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        (!rest.is_empty()).then(|| {
            let mut one = || {
                let count = take_word(&mut rest)?;
                Ok((take_str(&mut rest)?, count))
            };
            one().inspect_err(|_| rest = &[])
        })
    })
}

fn take_word(rest: &mut &[u8]) -> Result<u32, Malformed> {
    let (a, b) = rest.split_at_checked(4).ok_or(Malformed)?;
    *rest = b;
    Ok(word(a, 0))
}

fn take_str<'a>(rest: &mut &'a [u8]) -> Result<&'a str, Malformed> {
    let n = take_word(rest)? as usize;
    let (a, b) = rest.split_at_checked(n).ok_or(Malformed)?;
    *rest = b;
    std::str::from_utf8(a).map_err(|_| Malformed)
}

/// Appends a reject as [`rejects`] reads it.
pub fn put_reject(out: &mut Vec<u8>, reject: &Reject<'_>) {
    out.extend_from_slice(&reject.element.to_le_bytes());
    for s in [reject.format, reject.field, reject.code, reject.reason] {
        put_str(out, s);
    }
}

/// Appends a tally as [`tallies`] reads it.
pub fn put_tally(out: &mut Vec<u8>, product: &str, count: u32) {
    out.extend_from_slice(&count.to_le_bytes());
    put_str(out, product);
}

fn put_str(out: &mut Vec<u8>, s: &str) {
    out.extend_from_slice(&(s.len() as u32).to_le_bytes());
    out.extend_from_slice(s.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_no_text_is_none() {
        let line = "\u{fc}ber \u{20ac}\n".repeat(3000).into_bytes();
        let odd = b"\xff\nlast\xc3\nend\n\xff\xff\xff\n\n\xe2\x82\n\x82\n";
        let bytes = [&line[..], odd, &line[..], b"\xff\n", &line[..], b"\xe2\x82"].concat();
        let mut texts = Texts { bytes: &bytes, start: 0, text: "", broken: None };
        let (mut at, mut none) = (0, Vec::new());
        for piece in bytes.split(|b| *b == b'\n') {
            let found = texts.piece(at, piece.len());
            assert_eq!(found, std::str::from_utf8(piece).ok(), "{at}");
            none.extend(found.is_none().then_some(piece));
            at += piece.len() + 1;
        }
        let broken: [&[u8]; 7] =
            [b"\xff", b"last\xc3", b"\xff\xff\xff", b"\xe2\x82", b"\x82", b"\xff", b"\xe2\x82"];
        assert_eq!(none, broken);
        // Out of order, and outside.
        assert_eq!(texts.piece(0, 5), Some("\u{fc}ber"));
        assert_eq!((texts.piece(line.len(), 1), texts.piece(0, 5)), (None, Some("\u{fc}ber")));
        assert_eq!((texts.piece(bytes.len() + 5, 0), texts.piece(0, bytes.len())), (Some(""), None));
    }
}
