//! Pages: what came of a piece of a source, unchanging, and the same for every sink.

use std::sync::Arc;

use weir_normalizer::schemas::Schema;

use crate::budget::{Budget, Permit};

/// Some records of one stream, in the order of the stream.
#[derive(Debug)]
pub struct Page {
    /// The records, a JSON line each.
    bytes: Vec<u8>,
    /// Where each record ends in `bytes`, behind its line break.
    ends: Vec<u32>,
    /// Where the records come from.
    origin: Origin,
    /// Somebody waits for the answer, so that sinks don't wait for more records.
    is_awaited: bool,
    /// What of the process's memory it takes.
    _permit: Option<Permit>,
}

/// Where the records of a page come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The source's name in the configuration.
    pub source: Arc<str>,
    /// The pipeline's name in the configuration.
    pub pipeline: Arc<str>,
    /// What the records are written in.
    pub schema: Schema,
    /// What the stream is called: a path, or who sent it.
    pub stream: Arc<str>,
    /// Tells the stream from all others; the same after a restart, where the stream is.
    pub identity: u64,
    /// Whether the stream can be read again from a place in it, as the same one.
    pub can_replay: bool,
    /// Where the records lie in the stream.
    pub places: Places,
}

/// Where records lie in their stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Places {
    /// The offset of each.
    Each(Vec<u64>),
    /// Only the offset of the piece is known that they come from, as some of it made no record, or
    /// several; and how many records came of the piece before these.
    Piece(u64, u32),
    /// The same for each piece of the stream that the page has records of, in their order.
    Pieces(Vec<Piece>),
}

/// A piece of a stream, and what a page has of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The index in the page of the first record of the piece.
    pub first: u32,
    /// Where the piece lies.
    pub offset: u64,
    /// How many records came of it before that one.
    pub before: u32,
}

impl Places {
    /// Gives back room that nothing is in.
    fn shrink(&mut self) {
        match self {
            Self::Each(offsets) => offsets.shrink_to_fit(),
            Self::Piece(..) => {}
            Self::Pieces(pieces) => pieces.shrink_to_fit(),
        }
    }

    /// How much memory they take besides their own, in bytes.
    fn memory(&self) -> usize {
        match self {
            Self::Each(offsets) => size_of_val(&offsets[..]),
            Self::Piece(..) => 0,
            Self::Pieces(pieces) => size_of_val(&pieces[..]),
        }
    }

    /// The place of a record: an offset, and how many records came of what is there before it; none where the
    /// offset is its own.
    fn of(&self, index: usize) -> (u64, Option<u32>) {
        let index32 = index as u32;
        match self {
            Self::Each(offsets) => (offsets.get(index).copied().unwrap_or_default(), None),
            Self::Piece(offset, before) => (*offset, Some(before + index32)),
            Self::Pieces(pieces) => {
                let behind = pieces.partition_point(|piece| piece.first <= index32);
                match behind.checked_sub(1).map(|at| pieces[at]) {
                    Some(Piece { first, offset, before }) => (offset, Some(before + (index32 - first))),
                    None => (0, Some(index32)),
                }
            }
        }
    }
}

impl Page {
    /// A page of lines.
    ///
    /// # Panics
    ///
    /// Where `bytes` has 4 GiB or more.
    pub fn new(mut bytes: Vec<u8>, mut origin: Origin) -> Self {
        assert!(u32::try_from(bytes.len()).is_ok(), "a page is shorter than 4 GiB");
        let mut ends: Vec<u32> = memchr::memchr_iter(b'\n', &bytes).map(|i| i as u32 + 1).collect();
        if bytes.last().is_some_and(|b| *b != b'\n') {
            ends.push(bytes.len() as u32);
        }
        // It may wait for long, and room that nothing is in would wait with it.
        bytes.shrink_to_fit();
        ends.shrink_to_fit();
        origin.places.shrink();
        Self { bytes, ends, origin, is_awaited: false, _permit: None }
    }

    /// The page as one that somebody waits for.
    #[must_use]
    pub fn awaited(mut self) -> Self {
        self.is_awaited = true;
        self
    }

    /// The page with its memory accounted for.
    #[must_use]
    pub fn within(mut self, budget: &Budget) -> Self {
        self._permit = Some(budget.take(self.memory()));
        self
    }

    /// How much memory it takes, in bytes.
    fn memory(&self) -> u64 {
        let places = self.origin.places.memory();
        (size_of::<Self>() + self.bytes.len() + size_of_val(&self.ends[..]) + places) as u64
    }

    /// All records, a JSON line each.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many records it has.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether it has no record.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// One record, without its line break.
    ///
    /// # Panics
    ///
    /// Where there are not so many.
    pub fn record(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        let line = &self.bytes[start..self.ends[index] as usize];
        line.strip_suffix(b"\n").unwrap_or(line)
    }

    /// Where a record ends in [`Self::bytes`], behind its line break.
    ///
    /// # Panics
    ///
    /// Where there are not so many.
    pub fn end(&self, index: usize) -> usize {
        self.ends[index] as usize
    }

    /// The records, each without its line break.
    pub fn records(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.len()).map(|index| self.record(index))
    }

    /// A name for a record that no other record has, of the letters, digits, `-` and `_`. Where its
    /// own offset is known it is the same again when the record is read again after a crash, so
    /// that who stores records by their names has it once.
    ///
    /// # Panics
    ///
    /// Where there are not so many records.
    pub fn id(&self, index: usize) -> String {
        assert!(index < self.len(), "there is such a record");
        let identity = self.origin.identity;
        match self.origin.places.of(index) {
            (offset, None) => format!("{identity:016x}-{offset:x}"),
            (offset, Some(before)) => format!("{identity:016x}-{offset:x}_{before:x}"),
        }
    }

    /// The place of its first record in the stream, and how many records of the same place are before it.
    /// What is read from there on is the same again after a crash, or more of it.
    pub fn place(&self) -> (u64, u32) {
        let (offset, before) = self.origin.places.of(0);
        (offset, before.unwrap_or_default())
    }

    /// Where its records come from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Whether somebody waits for the answer: a client of the HTTP source does. A sink that gathers
    /// records does not wait for more where it has such a page.
    pub fn is_awaited(&self) -> bool {
        self.is_awaited
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(places: Places) -> Origin {
        Origin {
            source: "s".into(),
            pipeline: "p".into(),
            schema: Schema::Flat,
            stream: "f".into(),
            identity: 0xab,
            can_replay: true,
            places,
        }
    }

    #[test]
    fn records_are_lines_and_have_names() {
        let page = Page::new(b"{}\n[1]\n{\"a\":1}".to_vec(), origin(Places::Each(vec![0, 17, 300])));
        let records: Vec<&[u8]> = page.records().collect();
        assert_eq!(records, [&b"{}"[..], b"[1]", b"{\"a\":1}"]);
        assert_eq!(page.id(2), "00000000000000ab-12c");
        let page = Page::new(b"{}\n{}\n".to_vec(), origin(Places::Piece(16, 2)));
        assert_eq!(
            (page.len(), page.id(0), page.id(1)),
            (2, "00000000000000ab-10_2".into(), "00000000000000ab-10_3".into())
        );
        assert!(Page::new(Vec::new(), origin(Places::Piece(0, 0))).is_empty());
        // The first piece began in another page, and the second made no record.
        let piece = |first, offset, before| Piece { first, offset, before };
        let pieces = vec![piece(0, 7, 4), piece(1, 8, 0), piece(1, 9, 0)];
        let page = Page::new(b"{}\n{}\n{}\n".to_vec(), origin(Places::Pieces(pieces)));
        let ids: Vec<String> = (0..3).map(|index| page.id(index)).collect();
        assert_eq!(ids, ["00000000000000ab-7_4", "00000000000000ab-9_0", "00000000000000ab-9_1"]);
        assert_eq!(page.place(), (7, 4));
    }
}
