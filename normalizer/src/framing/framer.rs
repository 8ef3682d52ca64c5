//! Finds where one record ends and the next begins, inside lines and inside JSON envelopes,
//! and carries what an envelope says about its records.
//!
//! An input is a sequence of text lines and JSON documents in any mixture. A document that
//! holds an array of records (`envelopes.rs` has the list) is an *envelope*: each item
//! of the array is an element, and so is each object in an array of the envelope's that comes behind it
//! under a key that no envelope is known to have. So is what else stands beside the array, in front or
//! behind, in whatever values, and has the keys of a record, or one in a payload. Any other document, and
//! any line, is one element.
//!
//! What is in no element is *framing*, and must not hold data. It is separators, brackets, header
//! rows, an envelope's own members around the records that it holds, and an envelope without
//! records if its members are on the closed list of those that say nothing else. An object with an
//! array that holds nothing, and a member that is not on the list, is an element. So is an object
//! whose own members tell a record, whatever its arrays hold, as far as it is at hand.
//!
//! The scan follows the structure of JSON only as far as it must to find ends; what lies
//! inside an element is checked by whoever reads it. A document that breaks off is given
//! up at the end of its line, or in front of the first line that can't be a part of it, so
//! that the damage stays small.

use std::{
    collections::VecDeque,
    ops::{Deref, Range},
    sync::Arc,
};

use csv_core::Reader;
use memchr::memchr;

use crate::{
    base::{error::Error, limits},
    bytes::scan::{self, Block, Places},
    catalog::{
        detection::KeyIndex,
        envelopes::{self, KeyRole},
    },
    framing::{
        columns::{self, RowEnd},
        layout::{self, Layout},
    },
    json::read as json,
    record::fault::clipped,
    rules::config::Config,
    wire::{
        batch::{Batch, Element},
        framing_fault::FramingFault,
    },
};

use crate::framing::keys::{Beside, Keys};

/// Where an input can be read again from, so that the same comes out of what follows: between two
/// lines or documents, with what is in force there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restart {
    /// The offset in the input, in bytes.
    pub offset: u64,
    /// The line there, from 1; 0 where nothing was read yet.
    pub line: u64,
    /// Whether it lies behind a document on the same line.
    pub behind_document: bool,
    /// The header row that is in force, as its rows have it for their context.
    pub header: Option<Vec<u8>>,
}

/// Cuts one input into batches of elements. Any cut of the input gives the same
/// records and the same rejects.
#[derive(Debug)]
pub struct Framer {
    /// The input from `offset` on that no batch has taken yet.
    window: Window,
    offset: u64,
    /// The line that the window begins in.
    line: u64,
    /// Line breaks of the window that are counted, and up to where.
    breaks: u64,
    counted: usize,
    /// How far the window is scanned.
    pos: usize,
    /// Where the element that is being scanned began.
    mark: usize,
    mode: Mode,
    doc: Doc,
    keys: Keys,
    /// The layout that was configured.
    layout: Option<Layout>,
    /// The header row that is in force.
    header: Option<Header>,
    quote: Option<u8>,
    /// Follows rows whose values may hold line breaks.
    rows: Option<Box<Reader>>,
    /// The latest place of the input between two lines or documents, whether it is behind a
    /// document, and its line.
    between: (u64, bool),
    /// Where what is in no sealed batch begins, or an envelope that some of it belongs to.
    restart: Restart,
    /// Up to this offset lines are lines: a quote before it never ended, and looking for its
    /// end again and again would take time without bound.
    lines_until: u64,
    /// Up to this offset documents are given up at the end of their line: one before it did not
    /// end, and to follow what is inside of it again and again would take time without bound.
    short_until: u64,
    elements: Vec<Element>,
    contexts: Vec<Vec<u8>>,
    blank: u64,
    /// A sealed batch that ends in an over-long element whose end is not reached yet.
    long: Option<Batch>,
    ready: VecDeque<Batch>,
    spare: Vec<Batch>,
    /// What the input is called, where its records are to say so.
    source: Option<Arc<str>>,
    finished: bool,
}

/// What of the input is at hand, in memory that is used again.
#[derive(Debug, Default)]
struct Window {
    /// More than there is of the input: the rest is room.
    bytes: Vec<u8>,
    len: usize,
}

impl Window {
    /// Room for `len` bytes behind what there is.
    fn room(&mut self, n: usize) -> &mut [u8] {
        let end = self.len + n;
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        &mut self.bytes[self.len..end]
    }

    fn drop_front(&mut self, n: usize) {
        self.bytes.copy_within(n..self.len, 0);
        self.len -= n;
    }

    /// Swaps the first bytes for other memory, in which the window goes on.
    fn take_front(&mut self, n: usize, other: &mut Vec<u8>) {
        std::mem::swap(&mut self.bytes, other);
        let rest = self.len - n;
        self.len = 0;
        self.room(rest).copy_from_slice(&other[n..n + rest]);
        self.len = rest;
        other.truncate(n);
    }
}

impl Deref for Window {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Only blanks since the line began.
    LineStart,
    /// Inside a text line, or in what is left of a line behind a broken document.
    Line(Option<FramingFault>),
    /// Inside a row of a layout with quotes.
    Row,
    /// Inside a JSON document.
    Doc,
    /// Behind a document, on the same line.
    AfterDoc,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    Colon,
    CommaOrEnd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inside {
    Nothing,
    Text { key: bool },
    Scalar,
}

/// How many kinds of containers one number tells.
const KINDS: usize = u64::BITS as usize;

/// The state of a scan through a document.
#[derive(Debug)]
struct Doc {
    expect: Expect,
    inside: Inside,
    /// One bit for each open container, the innermost lowest: 1 for an object. Of those that are no
    /// longer here the bits are in `outer`, the innermost lowest in the last.
    stack: u64,
    outer: Vec<u64>,
    depth: usize,
    too_deep: bool,
    /// It is given up where its line ends.
    short: bool,
    /// Whether a line break came since the last token.
    fresh_line: bool,
    /// Where the current key or string began in the window.
    text_start: usize,
    /// The current key is longer than any that matters, and need not be kept.
    long_key: bool,
    /// Whether the latest key of an envelope is one that no envelope is known to have.
    unknown_key: bool,
    /// Whether it is a payload's.
    payload_key: bool,
    /// Whether the latest key at depth 1 is that of what is told of a query.
    meta_key: bool,
    /// Where the latest object at depth 1 began in the window.
    section: usize,
    /// The role of the latest key at depth 1 and at depth 2.
    roles: [KeyRole; 2],
    /// An array that may turn out to hold records has just opened.
    pending: bool,
    /// An array that would hold records held nothing.
    empty: bool,
    /// Its members before some array told a product: it is a record, whatever follows. To find
    /// that out again for each array would take time without bound.
    record: bool,
    /// From its first record on.
    envelope: Option<Envelope>,
}

#[derive(Debug)]
struct Header {
    context: Vec<u8>,
    /// Its number in the batch under way; 0 before its first row there.
    number: u32,
}

#[derive(Debug)]
struct Envelope {
    /// The depth inside its array of records; 0 once that array has closed.
    items: usize,
    /// Its text without the records, as far as seen and kept.
    context: Vec<u8>,
    /// The number of its context in the batch under way; 0 before its first record there.
    number: u32,
    /// Where it began in the window, if that is still there.
    start: Option<usize>,
    /// What of the window went into the context, or is not meant to.
    copied: usize,
    /// The offset of its first record.
    first: u64,
    /// `items` is for the value of a member beside the arrays: when it has ended, it is looked into.
    beside: bool,
}

impl Doc {
    fn new() -> Self {
        Self {
            expect: Expect::Value,
            inside: Inside::Nothing,
            stack: 0,
            outer: Vec::new(),
            depth: 0,
            too_deep: false,
            short: false,
            fresh_line: false,
            text_start: 0,
            long_key: false,
            unknown_key: false,
            meta_key: false,
            payload_key: false,
            section: 0,
            roles: [KeyRole::Other; 2],
            pending: false,
            empty: false,
            record: false,
            envelope: None,
        }
    }

    fn in_object(&self) -> bool {
        self.depth > 0 && self.stack & 1 == 1
    }

    /// False where it would be deeper than can be followed.
    fn open(&mut self, object: bool) -> bool {
        if self.depth >= KINDS {
            let outer = self.depth - KINDS;
            if outer == limits::FOLLOWED_DEPTH {
                return false;
            }
            if outer.is_multiple_of(KINDS) {
                self.outer.push(0);
            }
            if let Some(last) = self.outer.last_mut() {
                *last = *last << 1 | self.stack >> (KINDS - 1);
            }
        }
        self.depth += 1;
        self.stack = self.stack << 1 | u64::from(object);
        self.too_deep |= self.depth > limits::DEPTH;
        self.expect = if object { Expect::KeyOrEnd } else { Expect::ValueOrEnd };
        true
    }

    /// Whether a bracket closes what is open.
    fn close(&mut self, object: bool) -> bool {
        if self.depth == 0 || self.in_object() != object {
            return false;
        }
        self.depth -= 1;
        self.stack >>= 1;
        if self.depth >= KINDS
            && let Some(last) = self.outer.last_mut()
        {
            self.stack |= *last << (KINDS - 1);
            *last >>= 1;
            if (self.depth - KINDS).is_multiple_of(KINDS) {
                self.outer.pop();
            }
        }
        self.expect = Expect::CommaOrEnd;
        true
    }

    /// Whether the array that opens here is where an envelope keeps its records.
    fn may_hold_records(&self) -> bool {
        match self.depth {
            0 => true,
            1 => self.in_object() && matches!(self.roles[0], KeyRole::Records | KeyRole::RecordsOrSection),
            2 => {
                self.stack & 0b11 == 0b11
                    && self.roles[0].is_section()
                    && matches!(self.roles[1], KeyRole::Records | KeyRole::Rows)
            }
            _ => false,
        }
    }

    /// Whether this is in a member of the document, or of a section in it.
    fn at_member(&self) -> bool {
        match self.depth {
            1 => true,
            2 => self.stack & 0b11 == 0b11 && self.roles[0].is_section(),
            _ => false,
        }
    }

    /// Whether the value that begins here stands beside the arrays of an envelope's records, and may be a
    /// record, or have some, that nothing else looks into.
    fn may_be_beside_records(&self, first: u8) -> bool {
        self.at_member()
            && self.envelope.as_ref().is_some_and(|e| e.items == 0)
            && match first {
                // An array only until it is told whether it holds records.
                b'{' | b'[' => true,
                // A payload beside the arrays makes the document a record, which is told at its end.
                b'"' => !(self.depth == 1 && self.payload_key),
                _ => false,
            }
    }

    /// Whether a member of an object begins here that only matters for where its record ends.
    fn at_inner_member(&self) -> bool {
        matches!(self.expect, Expect::Key | Expect::KeyOrEnd)
            && !self.short
            && self.envelope.as_ref().is_some_and(|e| e.items != 0 && e.items < self.depth)
            // The roles of other keys are asked for later.
            && (self.depth > 2 || self.stack & 0b10 == 0)
    }

    /// Steps over members whose values are plain strings or scalars, as far as they are at hand.
    /// `pos` is where the first one begins; gives where it came to, the same if to none.
    #[inline(always)]
    fn inner_members(&mut self, w: &[u8], mut pos: usize) -> usize {
        let plain_string = |start: usize| {
            let end = scan::first_of_three(w, start, *b"\"\\\n")?;
            (w[end] == b'"').then_some(end + 1)
        };
        let blanks = |mut pos: usize| {
            let mut fresh_line = false;
            while let Some(&b @ (b' ' | b'\t' | b'\r' | b'\n')) = w.get(pos) {
                fresh_line |= b == b'\n';
                pos += 1;
            }
            (pos, fresh_line)
        };
        let member = |pos: usize| {
            let colon = blanks(plain_string(pos + 1)?).0;
            if w.get(colon) != Some(&b':') {
                return None;
            }
            let value = blanks(colon + 1).0;
            let end = match *w.get(value)? {
                b'"' => plain_string(value + 1)?,
                _ => first_behind_scalar(w, value).filter(|end| *end > value)?,
            };
            Some(blanks(end))
        };
        while w.get(pos) == Some(&b'"')
            && let Some((end, fresh_line)) = member(pos)
        {
            match w.get(end) {
                Some(b',') => {
                    (pos, self.fresh_line) = blanks(end + 1);
                    self.expect = Expect::Key;
                }
                Some(b'}') => {
                    (pos, self.fresh_line) = (end, fresh_line);
                    self.expect = Expect::CommaOrEnd;
                }
                _ => break,
            }
        }
        pos
    }

    fn at_item(&self) -> bool {
        self.envelope.as_ref().is_some_and(|e| e.items != 0 && e.items == self.depth)
    }
}

/// What the scan of a document came to.
enum Scanned {
    /// Everything there is has been scanned.
    Starved,
    /// At `pos` an array goes on that may make the document an envelope.
    Opens,
    /// A value that is an element has ended at `pos`.
    Item,
    /// The document has ended at `pos`.
    End,
    /// It is no JSON from `pos` on.
    Broken,
}

impl Framer {
    /// A framer for one input.
    #[inline(never)]
    pub fn new(config: &Config) -> Result<Self, Error> {
        let layout = Layout::configured(config)?;
        let quote = match config.quote.as_deref() {
            None => Some(b'"'),
            Some("none") => None,
            Some(q) => q.bytes().next(),
        };
        Ok(Self {
            rows: layout.as_ref().and_then(Layout::row_reader),
            layout,
            header: None,
            between: (0, false),
            restart: Restart::default(),
            lines_until: 0,
            short_until: 0,
            quote,
            window: Window::default(),
            offset: 0,
            line: 1,
            breaks: 0,
            counted: 0,
            pos: 0,
            mark: 0,
            mode: Mode::LineStart,
            doc: Doc::new(),
            keys: Keys::new(config)?,
            elements: Vec::new(),
            contexts: Vec::new(),
            blank: 0,
            long: None,
            ready: VecDeque::new(),
            spare: Vec::new(),
            source: config.source_name.then(Arc::default),
            finished: false,
        })
    }

    /// Says what the input is called from the next batch on, also behind a [`reset`](Self::reset). Its
    /// records tell it where [`Config::source_name`] asks for that; of a long name they tell the first
    /// [`limits::SOURCE_NAME`] bytes.
    pub fn set_source(&mut self, name: &Arc<str>) {
        if let Some(source) = &mut self.source {
            *source = match clipped(name, limits::SOURCE_NAME) {
                all if all.len() == name.len() => Arc::clone(name),
                cut => cut.into(),
            };
        }
    }

    /// Takes the next bytes of the input. Call [`Self::next_batch`] until it is empty after each.
    #[inline(never)]
    pub fn push(&mut self, bytes: &[u8]) {
        // In pieces, because what is left of the window is copied for each batch.
        for piece in bytes.chunks(limits::PIECE) {
            self.window.room(piece.len()).copy_from_slice(piece);
            self.window.len += piece.len();
            self.scan();
        }
    }

    /// Takes the next bytes of the input without a copy: `read` gets room to put them, and gives
    /// how many they are. As for [`Self::push`], then call [`Self::next_batch`].
    #[inline]
    pub fn read<E>(&mut self, read: impl FnOnce(&mut [u8]) -> Result<usize, E>) -> Result<usize, E> {
        let room = self.window.room(limits::PIECE);
        let n = read(room)?.min(limits::PIECE);
        self.window.len += n;
        self.scan();
        Ok(n)
    }

    /// Tells that the input has ended. [`Self::next_batch`] then gives all that is left.
    #[inline(never)]
    pub fn finish(&mut self) {
        self.end(None);
    }

    /// Ends an input of which the rest can't be read: a line that is not whole is no record then, as its last
    /// column may go on.
    pub fn break_off(&mut self) {
        self.end(Some(FramingFault::CutShort));
    }

    /// Ends the input; what a line is at fault for that has no end.
    fn end(&mut self, of_line: Option<FramingFault>) {
        self.finished = true;
        self.scan();
        self.end_input(of_line);
        if !self.window.is_empty() {
            self.seal(self.window.len());
        }
        let header = self.header.as_ref().map(|h| h.context.clone());
        self.restart = Restart { offset: self.offset, line: self.line, behind_document: false, header };
    }

    /// Makes a batch of what is complete, for an input that pauses. What comes out stays the same.
    pub fn flush(&mut self) {
        if self.long.is_some() {
            return;
        }
        if !self.looking_ahead() {
            let done = self.settled();
            if done > 0 {
                self.seal(done);
            }
        } else if let Some(start @ 1..) = self.doc.envelope.as_ref().and_then(|e| e.start) {
            self.seal_in_front(start);
        }
    }

    /// How many elements end in front of a place, or at it: one that tells of what breaks off there
    /// is empty.
    fn ended_by(&self, place: usize) -> usize {
        self.elements.partition_point(|e| (e.start + e.len) as usize <= place)
    }

    /// Makes a batch of what lies in front of the envelope that is open, and begins there.
    fn seal_in_front(&mut self, start: usize) {
        let first = self.ended_by(start);
        let mut elements = self.elements.split_off(first);
        let number = self.doc.envelope.as_mut().map_or(0, |e| std::mem::take(&mut e.number));
        // Its context is the latest.
        let context = (number > 0).then(|| self.contexts.pop()).flatten();
        self.seal(start);
        for element in &mut elements {
            element.start -= start as u32;
            element.context = 1;
        }
        self.elements = elements;
        self.contexts.extend(context);
        if let Some(e) = &mut self.doc.envelope {
            e.number = self.contexts.len() as u32;
        }
    }

    /// The next batch that is complete.
    #[inline(never)]
    pub fn next_batch(&mut self) -> Option<Batch> {
        self.ready.pop_front()
    }

    /// Where to read the input again from when all batches that were given so far are done with, and
    /// what comes behind them is not. Ask when [`Self::next_batch`] has no more.
    pub fn restart(&self) -> &Restart {
        &self.restart
    }

    /// Goes on in an input that another framer with the same configuration read before; the next
    /// bytes are those at the offset. Only for a framer that has read nothing.
    pub fn resume(&mut self, from: Restart) {
        self.reset();
        self.offset = from.offset;
        self.line = from.line.max(1);
        self.between = (from.offset, from.behind_document);
        if from.behind_document {
            self.mode = Mode::AfterDoc;
        }
        if let Some(context) = &from.header {
            self.rows = Layout::from_header(context).as_ref().and_then(Layout::row_reader);
            self.header = Some(Header { context: context.clone(), number: 0 });
        }
        self.restart = from;
    }

    /// Gives a batch's memory back for later ones.
    #[inline(never)]
    pub fn recycle(&mut self, mut batch: Batch) {
        if self.spare.len() < 4 {
            // Its bytes stay: they are room that need not be made anew.
            batch.elements.clear();
            batch.contexts.clear();
            self.spare.push(batch);
        }
    }

    /// Forgets the input, to begin with another one.
    #[inline(never)]
    pub fn reset(&mut self) {
        self.window.len = 0;
        self.elements.clear();
        self.contexts.clear();
        self.ready.clear();
        (self.offset, self.line, self.pos, self.mark, self.blank) = (0, 1, 0, 0, 0);
        (self.breaks, self.counted) = (0, 0);
        (self.mode, self.doc, self.long, self.finished) = (Mode::LineStart, Doc::new(), None, false);
        self.header = None;
        (self.between, self.restart) = ((0, false), Restart::default());
        (self.lines_until, self.short_until) = (0, 0);
        self.rows = self.layout.as_ref().and_then(Layout::row_reader);
    }

    /// Up to where everything in the window belongs to elements that are complete, or to framing.
    fn settled(&self) -> usize {
        match self.mode {
            Mode::Doc if self.doc.envelope.is_some() && !self.in_item() => match self.doc.inside {
                Inside::Text { key: true } if !self.doc.long_key => self.doc.text_start,
                _ => self.pos,
            },
            Mode::AfterDoc => self.pos,
            _ => self.mark,
        }
    }

    fn in_item(&self) -> bool {
        let d = &self.doc;
        match &d.envelope {
            Some(e) if e.items != 0 => d.depth > e.items || d.depth == e.items && d.inside != Inside::Nothing,
            Some(_) => false,
            None => true,
        }
    }

    /// Whether metadata may still follow that counts for records in the window.
    fn looking_ahead(&self) -> bool {
        let first = self.doc.envelope.as_ref().map(|e| e.first);
        first.is_some_and(|first| self.offset + self.pos as u64 - first < limits::LOOK_AHEAD as u64)
    }

    fn scan(&mut self) {
        while self.step() {}
        self.copy_context();
        self.bound_element();
        // Framing without end must not pile up. Nor should the next piece go over the bound, when
        // most of it would be copied to where the next batch is gathered.
        let done = self.settled();
        if done + limits::PIECE / 2 > limits::BATCH && !self.looking_ahead() && self.long.is_none() {
            self.seal(done);
        }
    }

    /// Scans on; false when there is nothing more to scan.
    fn step(&mut self) -> bool {
        match self.mode {
            Mode::LineStart => self.line_start(),
            Mode::Line(fault) => match memchr(b'\n', &self.window[self.pos..]) {
                Some(n) => {
                    self.pos += n;
                    self.end_line(fault);
                    self.pos += 1;
                    self.begin_line();
                    true
                }
                None => {
                    self.pos = self.window.len();
                    false
                }
            },
            Mode::Row => self.row(),
            Mode::Doc => match self.scan_doc() {
                Scanned::Starved => false,
                Scanned::Opens => {
                    self.open_envelope();
                    true
                }
                Scanned::Item if self.doc.envelope.as_ref().is_some_and(|e| e.beside) => {
                    self.beside_records();
                    true
                }
                Scanned::Item => {
                    let fault = self.doc.too_deep.then_some(FramingFault::TooDeep);
                    self.doc.too_deep = false;
                    self.emit(self.pos, fault);
                    true
                }
                Scanned::End => {
                    self.end_doc();
                    self.mode = Mode::AfterDoc;
                    self.is_between(true);
                    true
                }
                Scanned::Broken => {
                    self.broken();
                    true
                }
            },
            Mode::AfterDoc => {
                let Some(&b) = self.window.get(self.pos) else {
                    self.mark = self.pos;
                    return false;
                };
                self.mark = self.pos;
                match b {
                    // A comma is left over where somebody cut an array into lines.
                    b' ' | b'\t' | b'\r' | b',' => self.pos += 1,
                    b'\n' => {
                        self.pos += 1;
                        self.begin_line();
                    }
                    b'{' | b'[' => self.begin_doc(),
                    _ => self.begin_text(),
                }
                true
            }
        }
    }

    fn begin_line(&mut self) {
        self.mark = self.pos;
        self.mode = Mode::LineStart;
        self.is_between(false);
        self.seal_if_full();
    }

    /// The place that is reached is between two lines or documents. Where a fault makes lines and
    /// documents be read in another way for a while, it is not: nobody knows of that who begins there.
    fn is_between(&mut self, behind_document: bool) {
        let place = self.offset + self.pos as u64;
        if place >= self.short_until && place >= self.lines_until {
            self.between = (place, behind_document);
        }
    }

    fn begin_doc(&mut self) {
        self.mark = self.pos;
        self.mode = Mode::Doc;
        self.doc = Doc::new();
        self.doc.short = self.offset + (self.mark as u64) < self.short_until;
    }

    /// Takes a document that is an object alone on its line, with no array that could make it an
    /// envelope, as nearly all are. Its other structure is checked by whoever reads it.
    fn whole_object(&mut self) {
        let rest = &self.window[self.pos..];
        let Some(end) = memchr(b'\n', rest) else { return };
        let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
        if line.len() <= limits::RECORD && json::is_one_object(line, rest) {
            self.pos += line.len();
            self.emit(self.pos, None);
            self.mode = Mode::AfterDoc;
            self.is_between(true);
        }
    }

    /// Takes lines that can be told at a glance, as nearly all are: text that no layout and no
    /// header is in force for, and objects alone on their lines. Stops in front of any other.
    #[inline(never)]
    fn plain_lines(&mut self) {
        let none = self.layout.is_none() && self.header.is_none() && self.long.is_none();
        if !none || self.pos != self.mark || self.doc.envelope.is_some() {
            return;
        }
        self.breaks += line_breaks(&self.window[self.counted..self.pos]);
        let window = &self.window[..];
        let room = limits::BATCH_RECORDS.saturating_sub(self.elements.len());
        let mut ends = Places::new(b'\n', window, self.pos).take(room);
        let (mut mark, mut lines) = (self.pos, 0);
        while mark < limits::BATCH
            && let Some(&first) = window.get(mark)
            && !matches!(first, b' ' | b'\t' | b'\r' | b'\n' | b'[' | 0xef)
            && !layout::begins_header(first)
            && let Some(end) = ends.next()
        {
            let line = &window[mark..end];
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.len() > limits::RECORD || first == b'{' && !json::is_one_object(line, &window[mark..]) {
                break;
            }
            let element = Element { start: mark as u32, len: line.len() as u32, context: 0, fault: 0 };
            self.elements.push(element);
            lines += 1;
            mark = end + 1;
        }
        self.breaks += lines;
        (self.pos, self.mark, self.counted) = (mark, mark, mark);
        if lines > 0 {
            self.is_between(false);
        }
        self.seal_if_full();
    }

    fn line_start(&mut self) -> bool {
        const BOM: &[u8] = b"\xef\xbb\xbf";
        self.plain_lines();
        let Some(&b) = self.window.get(self.pos) else { return false };
        match b {
            b' ' | b'\t' | b'\r' if self.pos - self.mark <= limits::RECORD => self.pos += 1,
            b'\n' => {
                self.pos += 1;
                self.blank += (self.pos - self.mark) as u64;
                self.begin_line();
            }
            b'{' | b'[' if self.layout.as_ref().is_none_or(|l| !l.begins_with(b)) => {
                self.begin_doc();
                self.whole_object();
            }
            0xef if self.pos == self.mark => {
                let rest = &self.window[self.pos..];
                if rest.starts_with(BOM) {
                    self.pos += BOM.len();
                    self.mark = self.pos;
                } else if !self.finished && BOM.starts_with(rest) {
                    return false;
                } else {
                    self.begin_text();
                }
            }
            _ => self.begin_text(),
        }
        true
    }

    fn begin_text(&mut self) {
        let lines = self.offset + (self.mark as u64) < self.lines_until;
        self.mode = match &mut self.rows {
            Some(reader) if !lines => {
                reader.reset();
                self.pos = self.mark;
                Mode::Row
            }
            _ => Mode::Line(None),
        };
    }

    /// Follows a row. One that does not end where a record must is taken for a line: its
    /// quote was none.
    fn row(&mut self) -> bool {
        let Some(reader) = &mut self.rows else { return false };
        let limit = self.window.len().min(self.mark + limits::RECORD + 1);
        match columns::follow_row(reader, &self.window[self.pos..limit]) {
            RowEnd::Ends(n) => {
                self.pos += n;
                self.end_line(None);
                self.pos += 1;
                self.begin_line();
                true
            }
            RowEnd::GoesOn => {
                let over = limit == self.mark + limits::RECORD + 1;
                self.pos = if over { self.mark } else { limit };
                if over {
                    self.lines_until = self.offset + limit as u64;
                    self.mode = Mode::Line(None);
                }
                over
            }
        }
    }

    /// A line has ended at `pos`.
    fn end_line(&mut self, fault: Option<FramingFault>) {
        let end = self.pos;
        let text = &self.window[self.mark..end];
        let end = if text.ends_with(b"\r") { end - 1 } else { end };
        if fault.is_none() && self.long.is_none() && self.is_header(self.mark..end) {
            self.mark = self.pos;
            return;
        }
        self.emit(end, fault);
    }

    /// Whether a line only names columns; then it is in force from here on.
    fn is_header(&mut self, line: std::ops::Range<usize>) -> bool {
        let line = &self.window[line];
        if let Some(layout) = &self.layout {
            return layout.is_header(line);
        }
        // The one that is in force, once more.
        if self.header.as_ref().is_some_and(|h| h.context.get(layout::HEADER_LEN..) == Some(line)) {
            return true;
        }
        let Some(context) = layout::header(line, self.quote, KeyIndex::get()) else { return false };
        self.rows = Layout::from_header(&context).as_ref().and_then(Layout::row_reader);
        self.header = Some(Header { context, number: 0 });
        true
    }

    fn end_doc(&mut self) {
        let fault = self.doc.too_deep.then_some(FramingFault::TooDeep);
        if self.doc.envelope.is_some() && !self.is_record_after_all() {
            self.copy_context();
            self.close_envelope();
        } else if self.doc.empty && fault.is_none() && self.is_empty_envelope() {
            self.mark = self.pos;
        } else {
            self.emit(self.pos, fault);
        }
    }

    /// Whether the document at `mark` is an envelope that holds no record.
    #[cold]
    #[inline(never)]
    fn is_empty_envelope(&mut self) -> bool {
        let short = self.long.is_none() && self.pos - self.mark <= limits::RECORD;
        short
            && std::str::from_utf8(&self.window[self.mark..self.pos])
                .is_ok_and(|text| envelopes::is_empty(text) && !self.keys.has_hidden_record(text))
    }

    /// Whether the members behind an array told that the document is no envelope but a record. It
    /// is the element then, in place of what is in the array, which nobody has taken yet.
    fn is_record_after_all(&mut self) -> bool {
        self.copy_context();
        let at_hand = self.looking_ahead() && self.long.is_none();
        let Some(e) = self.doc.envelope.as_ref().filter(|_| at_hand) else { return false };
        let Some(start) = e.start.filter(|start| self.pos - start <= limits::RECORD) else { return false };
        // Members may stand behind what is kept of the context.
        let members = match e.context.len() < limits::CONTEXT {
            true => &e.context,
            false => &self.window[start..self.pos],
        };
        if !self.keys.is_record(members) {
            return false;
        }
        self.elements.truncate(self.ended_by(start));
        if let Some(i) = (e.number as usize).checked_sub(1) {
            self.contexts.truncate(i);
        }
        self.doc.envelope = None;
        self.mark = start;
        true
    }

    /// The document is no JSON at `pos`. What has been read of it, or of the record that
    /// it broke in, is one element: up to a line that is no part of it, or up to here if this is the
    /// start of a line, else up to the end of the line.
    fn broken(&mut self) {
        self.break_envelope();
        let at_line_break = self.window[self.pos] == b'\n';
        if let Some(line) = self.line_of_another(!self.doc.fresh_line && !at_line_break) {
            self.give_up_in_front_of(line);
        } else if self.doc.fresh_line || at_line_break {
            let end = self.without_blanks(self.pos);
            self.mode = if at_line_break { Mode::AfterDoc } else { Mode::LineStart };
            self.emit(end, Some(FramingFault::BrokenJson));
            self.mark = self.pos;
        } else {
            self.mode = Mode::Line(Some(FramingFault::BrokenJson));
        }
    }

    /// The end of what there is of the element at `mark` in front of a place, without blanks.
    fn without_blanks(&self, end: usize) -> usize {
        if self.long.is_some() || end - self.mark > limits::RECORD {
            return end;
        }
        end - self.window[self.mark..end].iter().rev().take_while(|b| b.is_ascii_whitespace()).count()
    }

    /// In a document that is no JSON at `pos`, the start of the first line that can't be its
    /// own: one object, or text, if `in_line` says that it broke inside the line.
    #[cold]
    #[inline(never)]
    fn line_of_another(&self, in_line: bool) -> Option<usize> {
        if self.long.is_some() || self.pos - self.mark > limits::RECORD {
            return None;
        }
        let text = &self.window[self.mark..self.pos];
        let mut breaks = memchr::memchr_iter(b'\n', text).peekable();
        while let Some(at) = breaks.next() {
            let end = breaks.peek().copied();
            let line = &text[at + 1..end.unwrap_or(text.len())];
            let is_text = in_line && end.is_none() && line.first().is_some_and(|&b| is_scalar(b));
            if is_text || line.first() == Some(&b'{') && json::is_object(line) {
                return Some(self.mark + at + 1);
            }
        }
        None
    }

    /// The document ends in front of this line, at the latest.
    #[cold]
    #[inline(never)]
    fn give_up_in_front_of(&mut self, line: usize) {
        self.short_until = self.offset + self.pos as u64;
        self.mode = Mode::LineStart;
        self.pos = line;
        self.emit(self.without_blanks(line), Some(FramingFault::BrokenJson));
        self.mark = line;
    }

    /// An envelope breaks off here.
    fn break_envelope(&mut self) {
        if self.doc.envelope.is_some() && (self.in_item() || !self.is_record_after_all()) {
            if !self.in_item() {
                self.mark = self.pos;
            }
            self.copy_context();
            self.close_envelope();
        }
    }

    fn end_input(&mut self, of_line: Option<FramingFault>) {
        match self.mode {
            Mode::LineStart => {
                self.blank += (self.window.len() - self.mark) as u64;
            }
            Mode::Line(fault) => {
                self.pos = self.window.len();
                self.end_line(fault.or(of_line));
            }
            Mode::Row => {
                // The quote that never ends was none; its line is read anew.
                self.lines_until = u64::MAX;
                self.pos = self.mark;
                self.mode = Mode::Line(None);
                while self.step() {}
                self.end_input(of_line);
            }
            Mode::AfterDoc => {}
            Mode::Doc => {
                self.break_envelope();
                self.pos = self.window.len();
                match self.line_of_another(false) {
                    Some(line) => {
                        self.give_up_in_front_of(line);
                        while self.step() {}
                        // What is left is shorter than a line.
                        self.end_input(of_line);
                    }
                    None => self.emit(self.pos, Some(FramingFault::CutShort)),
                }
            }
        }
    }

    #[inline(never)]
    fn scan_doc(&mut self) -> Scanned {
        let d = &mut self.doc;
        let w = &self.window[..];
        let mut pos = self.pos;
        let step = loop {
            match d.inside {
                Inside::Text { key } => match scan::first_of_three(w, pos, *b"\"\\\n") {
                    None => {
                        pos = w.len();
                        d.long_key |= key && pos - d.text_start > envelopes::LONGEST_KEY;
                        break Scanned::Starved;
                    }
                    Some(found) => {
                        pos = found;
                        match w[pos] {
                            b'"' => {
                                let text = &w[d.text_start..pos];
                                pos += 1;
                                d.inside = Inside::Nothing;
                                if key {
                                    d.expect = Expect::Colon;
                                    if let 1 | 2 = d.depth {
                                        d.roles[d.depth - 1] = if d.long_key {
                                            KeyRole::Other
                                        } else {
                                            envelopes::key_role(text)
                                        };
                                        let key = || std::str::from_utf8(text);
                                        let is_own = |key| envelopes::is_own(key, true);
                                        d.unknown_key = d.envelope.is_some()
                                            && d.at_member()
                                            && (d.long_key || !key().is_ok_and(is_own));
                                        // Of a long key only the end may be at hand.
                                        let is = |of: fn(&str) -> bool| !d.long_key && key().is_ok_and(of);
                                        d.payload_key = d.unknown_key && is(envelopes::is_payload);
                                        if d.depth == 1 {
                                            d.meta_key = is(|key| key == envelopes::META);
                                        }
                                    }
                                } else {
                                    d.expect = Expect::CommaOrEnd;
                                    if d.at_item() {
                                        break Scanned::Item;
                                    }
                                }
                            }
                            b'\\' => match w.get(pos + 1) {
                                None => break Scanned::Starved,
                                Some(b'\n') => pos += 1,
                                Some(_) => pos += 2,
                            },
                            _ => break Scanned::Broken,
                        }
                    }
                },
                Inside::Scalar => {
                    let rest = &w[pos..];
                    let n = rest.iter().position(|&b| !is_scalar(b));
                    pos += n.unwrap_or(rest.len());
                    if n.is_none() {
                        break Scanned::Starved;
                    }
                    d.inside = Inside::Nothing;
                    d.expect = Expect::CommaOrEnd;
                    if d.at_item() {
                        break Scanned::Item;
                    }
                }
                Inside::Nothing => {
                    let Some(&b) = w.get(pos) else { break Scanned::Starved };
                    if let b' ' | b'\t' | b'\r' | b'\n' = b {
                        if b == b'\n' {
                            if d.short {
                                break Scanned::Broken;
                            }
                            d.fresh_line = true;
                        }
                        pos += 1;
                        continue;
                    }
                    if b == b'"' && d.at_inner_member() {
                        let behind = d.inner_members(w, pos);
                        if behind > pos {
                            pos = behind;
                            continue;
                        }
                    }
                    let value = matches!(d.expect, Expect::Value | Expect::ValueOrEnd);
                    if d.pending {
                        let records = match b {
                            b'{' => true,
                            b']' => false,
                            b'[' => d.depth == 1 || d.depth == 3 && d.roles[1] == KeyRole::Rows,
                            _ => d.depth == 1 && d.stack & 1 == 0,
                        };
                        // What is a record already keeps its array.
                        if records && d.envelope.is_none() && !d.record {
                            break Scanned::Opens;
                        }
                        d.pending = false;
                        d.empty |= b == b']';
                        if (records || b == b']')
                            && let Some(e) = &mut d.envelope
                        {
                            (e.items, e.beside) = (d.depth, false);
                            copy_context(e, w, pos, self.offset);
                        }
                    }
                    if value && matches!(b, b'{' | b'[' | b'"') && d.may_be_beside_records(b) {
                        let (depth, offset) = (d.depth, self.offset);
                        if let Some(e) = &mut d.envelope {
                            copy_context(e, w, pos + 1, offset);
                            (e.items, e.beside) = (depth, true);
                        }
                    }
                    if value && d.at_item() && b != b']' {
                        self.mark = pos;
                    }
                    match b {
                        b'"' if value || matches!(d.expect, Expect::Key | Expect::KeyOrEnd) => {
                            d.inside = Inside::Text { key: !value };
                            d.text_start = pos + 1;
                            d.long_key = false;
                        }
                        b'{' if value => {
                            if d.depth == 1 {
                                d.section = pos;
                            }
                            if !d.open(true) {
                                break Scanned::Broken;
                            }
                        }
                        b'[' if value => {
                            // What has outgrown a record is no envelope any more.
                            let short = self.long.is_none() && pos - self.mark <= limits::RECORD;
                            let records = match &d.envelope {
                                // It is in a value that is looked into as a whole.
                                Some(e) if e.items != 0 && e.items < d.depth => false,
                                Some(_) => d.may_hold_records() || d.depth == 1 && d.unknown_key,
                                None => d.may_hold_records() && short,
                            };
                            if !d.open(false) {
                                break Scanned::Broken;
                            }
                            d.pending = records;
                        }
                        b'}' | b']' => {
                            let allowed = match d.expect {
                                Expect::CommaOrEnd => true,
                                Expect::KeyOrEnd => b == b'}',
                                Expect::ValueOrEnd => b == b']',
                                _ => false,
                            };
                            let ends_items = d.at_item();
                            if !allowed || !d.close(b == b'}') {
                                break Scanned::Broken;
                            }
                            if ends_items && let Some(e) = &mut d.envelope {
                                e.items = 0;
                                e.copied = pos;
                            }
                            if d.depth == 0 {
                                pos += 1;
                                break Scanned::End;
                            }
                            if d.at_item() {
                                d.fresh_line = false;
                                pos += 1;
                                break Scanned::Item;
                            }
                        }
                        b',' if d.expect == Expect::CommaOrEnd => {
                            d.expect = if d.in_object() { Expect::Key } else { Expect::Value };
                        }
                        b':' if d.expect == Expect::Colon => d.expect = Expect::Value,
                        _ if value && is_scalar(b) => d.inside = Inside::Scalar,
                        _ => break Scanned::Broken,
                    }
                    d.fresh_line = false;
                    pos += 1;
                }
            }
        };
        self.pos = pos;
        step
    }

    /// Tells whether the document at `mark` is a record, whose array opens in front of `pos`, or else an
    /// envelope. Then it may have records in front of the array, too.
    #[inline(never)]
    fn open_envelope(&mut self) {
        let (start, pos) = (self.mark, self.pos);
        let text = self.window.get(start..pos).unwrap_or_default();
        // In a section, that has members in front of the array, too.
        let section = (self.doc.depth == 3).then(|| self.doc.section.max(start));
        let mut beside = Vec::new();
        let of_section = section.and_then(|section| self.window.get(section..pos)).unwrap_or_default();
        let mut is_record = self.keys.is_record(text) || self.keys.is_record(of_section);
        for level in [Some(start), section].into_iter().flatten() {
            let text = self.window.get(level..pos).unwrap_or_default();
            match self.keys.records_in_members(text) {
                Some(found) => beside.push((level, found)),
                None => is_record = true,
            }
        }
        self.doc.record = is_record;
        if is_record {
            return;
        }
        // What is too deep in front of the array was looked into.
        self.doc.too_deep = false;
        self.doc.envelope = Some(Envelope {
            items: self.doc.depth,
            context: Vec::new(),
            number: 0,
            start: Some(start),
            copied: start,
            first: self.offset + pos as u64,
            beside: false,
        });
        for (start, records) in beside {
            self.emit_beside(start, records);
        }
        self.mark = start;
    }

    /// The value of an envelope's member at `mark` is followed; if there are records in it, they are
    /// elements, and else it says something of the envelope.
    #[cold]
    #[inline(never)]
    fn beside_records(&mut self) {
        let too_deep = std::mem::take(&mut self.doc.too_deep);
        if let Some(e) = &mut self.doc.envelope {
            (e.items, e.beside) = (0, false);
        }
        if self.long.is_some() || self.pos - self.mark > limits::RECORD {
            // Nobody has looked into it.
            self.emit(self.pos, too_deep.then_some(FramingFault::TooDeep));
            if let Some(e) = &mut self.doc.envelope {
                e.copied = self.pos.saturating_sub(1);
            }
            return;
        }
        let beside = match self.doc.depth {
            1 if self.doc.roles[0].is_section() => Beside::Section,
            1 if self.doc.meta_key => Beside::Meta,
            _ => Beside::Other,
        };
        let records = self.keys.records_in(&self.window[self.mark..self.pos], beside);
        self.emit_beside(self.mark, records);
        self.mark = self.pos;
        self.seal_if_full();
    }

    /// Records in what begins at `start` are elements; the envelope has their brackets, or quotes.
    #[cold]
    #[inline(never)]
    fn emit_beside(&mut self, start: usize, records: Vec<Range<usize>>) {
        for place in records {
            let end = start + place.end;
            self.mark = start + place.start;
            if let Some(e) = &mut self.doc.envelope {
                copy_context(e, &self.window, self.mark + 1, self.offset);
                e.copied = end - 1;
            }
            self.push_element(end, None);
        }
    }

    /// Takes what of the envelope's own text has been scanned into its context.
    fn copy_context(&mut self) {
        let own = self.mode == Mode::Doc && !self.doc.at_item() && !self.in_item();
        if own && let Some(e) = &mut self.doc.envelope {
            copy_context(e, &self.window, self.pos, self.offset);
        }
    }

    /// The context of the envelope is complete: the records in the window get it.
    fn close_envelope(&mut self) {
        if let Some(e) = self.doc.envelope.take() {
            self.give_context(&e);
        }
    }

    fn give_context(&mut self, e: &Envelope) {
        if let Some(i) = (e.number as usize).checked_sub(1) {
            self.contexts[i].clone_from(&e.context);
        }
    }

    /// The element that began at `mark` ends at `end`.
    fn emit(&mut self, mut end: usize, fault: Option<FramingFault>) {
        if self.long.is_none() && end - self.mark > limits::RECORD {
            end -= self.begin_long();
        }
        if self.long.is_some() {
            self.end_long(end);
            return;
        }
        self.push_element(end, fault);
        self.mark = end;
        if self.mode == Mode::Doc {
            self.seal_if_full();
        }
    }

    fn push_element(&mut self, end: usize, fault: Option<FramingFault>) {
        let context = match &mut self.doc.envelope {
            Some(e) => {
                if e.number == 0 {
                    self.contexts.push(Vec::new());
                    e.number = self.contexts.len() as u32;
                }
                e.number
            }
            None => match &mut self.header {
                Some(h) if self.mode != Mode::Doc => {
                    if h.number == 0 {
                        self.contexts.push(h.context.clone());
                        h.number = self.contexts.len() as u32;
                    }
                    h.number
                }
                _ => 0,
            },
        };
        self.elements.push(Element {
            start: self.mark as u32,
            len: (end - self.mark) as u32,
            context,
            fault: fault.map_or(0, FramingFault::code),
        });
    }

    /// Stops keeping an element that has grown too long.
    fn bound_element(&mut self) {
        let keeps = match self.mode {
            Mode::Line(_) => true,
            // It becomes a line when it is too long.
            Mode::Row => false,
            Mode::Doc => self.in_item(),
            Mode::LineStart | Mode::AfterDoc => false,
        };
        // One more byte, for the `\r` that is no part of a line.
        if self.long.is_none() && keeps && self.pos - self.mark > limits::RECORD + 1 {
            self.begin_long();
        }
        if self.long.is_some() {
            // This may be a part of the line break.
            let in_line = matches!(self.mode, Mode::Line(_));
            let kept = usize::from(in_line && self.window[..self.pos].ends_with(b"\r"));
            self.drop_front(self.pos - kept);
        }
    }

    /// Emits the first part of the over-long element at `mark`; gives how far the window moved.
    fn begin_long(&mut self) -> usize {
        let cut = self.mark + limits::RAW_PREFIX;
        self.push_element(cut, Some(FramingFault::TooLong));
        self.seal(cut);
        self.long = self.ready.pop_back();
        cut
    }

    /// The over-long element has ended at `end`.
    fn end_long(&mut self, end: usize) {
        let Some(mut batch) = self.long.take() else { return };
        let end_offset = self.offset + end as u64;
        let start = batch.elements.last().map_or(0, |e| e.start);
        batch.last_len = Some(end_offset - (batch.offset + u64::from(start)));
        batch.consumed = end_offset - batch.offset;
        self.ready.push_back(batch);
        self.drop_front(end);
    }

    fn drop_front(&mut self, n: usize) {
        self.count_line_breaks(n);
        self.window.drop_front(n);
        self.offset += n as u64;
        self.shift(n);
    }

    /// Goes on to the line at this place of the window, before what lies in front of it is taken.
    fn count_line_breaks(&mut self, n: usize) {
        self.line += match self.window[..n].get(self.counted..) {
            Some(rest) => self.breaks + line_breaks(rest),
            None => line_breaks(&self.window[..n]),
        };
        // What was counted behind it is counted again.
        (self.breaks, self.counted) = (0, 0);
    }

    fn shift(&mut self, n: usize) {
        self.pos -= n;
        self.mark = self.mark.saturating_sub(n);
        self.doc.text_start = self.doc.text_start.saturating_sub(n);
        self.doc.section = self.doc.section.saturating_sub(n);
        if let Some(e) = &mut self.doc.envelope {
            e.copied = e.copied.saturating_sub(n);
            e.start = e.start.and_then(|start| start.checked_sub(n));
        }
    }

    fn seal_if_full(&mut self) {
        let full = self.pos >= limits::BATCH || self.elements.len() >= limits::BATCH_RECORDS;
        if full && !self.looking_ahead() && self.long.is_none() {
            self.seal(self.mark);
        }
    }

    /// What is sealed need not be read again, but for an envelope that is still open.
    fn move_restart(&mut self, sealed: &Batch) {
        let (offset, behind_document) = self.between;
        if !(sealed.offset..=self.offset).contains(&offset) {
            return;
        }
        let line = match offset == self.offset {
            true => self.line,
            false => sealed.line + line_breaks(&sealed.bytes[..(offset - sealed.offset) as usize]),
        };
        let header = self.header.as_ref().map(|h| h.context.clone());
        self.restart = Restart { offset, line, behind_document, header };
    }

    /// Makes a batch of the window up to `upto`.
    fn seal(&mut self, upto: usize) {
        if let Some(mut e) = self.doc.envelope.take() {
            self.give_context(&e);
            e.number = 0;
            self.doc.envelope = Some(e);
        }
        if let Some(h) = &mut self.header {
            h.number = 0;
        }
        let mut batch = self.spare.pop().unwrap_or_default();
        batch.line = self.line;
        self.count_line_breaks(upto);
        self.window.take_front(upto, &mut batch.bytes);
        std::mem::swap(&mut batch.elements, &mut self.elements);
        std::mem::swap(&mut batch.contexts, &mut self.contexts);
        batch.offset = self.offset;
        batch.consumed = upto as u64;
        batch.blank = std::mem::take(&mut self.blank);
        batch.last_len = None;
        batch.source.clone_from(&self.source);
        self.offset += upto as u64;
        self.move_restart(&batch);
        self.shift(upto);
        self.ready.push_back(batch);
    }
}

fn copy_context(e: &mut Envelope, window: &[u8], pos: usize, offset: u64) {
    let end = (e.first + limits::LOOK_AHEAD as u64).saturating_sub(offset) as usize;
    let end = end.min(pos);
    let new = window.get(e.copied..end).unwrap_or_default();
    let room = limits::CONTEXT - e.context.len();
    e.context.extend_from_slice(&new[..new.len().min(room)]);
    e.copied = pos;
}

fn line_breaks(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

/// The first byte that can't be a part of a scalar, if it is at hand.
#[inline(always)]
fn first_behind_scalar(w: &[u8], mut pos: usize) -> Option<usize> {
    while let Some(block) = Block::at(w, pos) {
        let others = !block.scalars().mask() & 0xffff;
        if others != 0 {
            return Some(pos + others.trailing_zeros() as usize);
        }
        pos += Block::LEN;
    }
    w.get(pos..)?.iter().position(|&b| !is_scalar(b)).map(|n| pos + n)
}

fn is_scalar(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.')
}
