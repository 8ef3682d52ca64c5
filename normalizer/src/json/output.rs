//! The bytes that come out.

use std::{net::IpAddr, ops::Deref};

use crate::{
    bytes::{
        digits,
        put::{self, Written},
    },
    json::encode,
    value::{
        addresses,
        community_id::{CommunityId, FlowMessage, LateIds},
        raw::Raw,
    },
};

/// Bytes that come out, in memory that is made once and used again.
#[derive(Clone, Debug)]
pub struct Output {
    /// More than was written: the rest is room.
    bytes: Vec<u8>,
    len: usize,
    /// The memory does not grow beyond this.
    most: usize,
    /// Whether something was not written, as it would have.
    lost: bool,
    /// What has its place, and is not there yet.
    late: Option<Box<LateIds>>,
}

impl Default for Output {
    fn default() -> Self {
        Vec::new().into()
    }
}

impl Output {
    /// The least that the memory grows by, in bytes: more than a number or an address takes.
    const STEP: usize = 256;

    /// Forgets what was written, and keeps the memory.
    pub fn clear(&mut self) {
        self.cut(0);
    }

    /// Forgets all but the first bytes.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.cut(self.len.min(len));
    }

    /// Goes back to a place.
    fn cut(&mut self, len: usize) {
        self.len = len;
        if let Some(late) = &mut self.late {
            late.truncate(len);
        }
    }

    /// Begins something that may take `most` bytes. What goes far beyond that is not written, so
    /// that it takes no memory.
    pub(crate) fn begin(&mut self, most: usize) {
        // Who writes asks for more room than a value takes.
        self.most = self.len + most + 4 * Self::STEP;
    }

    /// Whether all has been written since it began, but for what [`Self::end`] may still refuse.
    pub(crate) fn is_whole(&self) -> bool {
        !self.lost
    }

    /// Ends what began at `start` and may take `most` bytes; if it takes more, removes it again.
    pub(crate) fn end(&mut self, start: usize, most: usize) -> bool {
        let fits = !self.lost && self.len - start <= most;
        if !fits {
            self.cut(start);
        }
        (self.most, self.lost) = (usize::MAX, false);
        fits
    }

    /// Writes with a function that is called anew with more room until it has enough.
    #[inline]
    pub(crate) fn write(&mut self, write: impl Fn(&mut [u8], usize) -> Written) {
        loop {
            if let Some(end) = write(&mut self.bytes, self.len) {
                self.len = end;
                return;
            }
            if !self.grow() {
                return;
            }
        }
    }

    /// Whether there may be so much room, behind which nothing is lost for want of it.
    #[inline(always)]
    pub(crate) fn may_have(&self, room: usize) -> bool {
        self.bytes.len().max(self.most) - self.len >= room
    }

    /// Writes with a function that has so much room, if it can.
    #[inline(always)]
    pub(crate) fn try_write(&mut self, room: usize, write: impl FnOnce(&mut [u8], usize) -> Written) -> bool {
        let (buffer, at) = self.room(room);
        let end = write(buffer, at);
        self.end_at(end)
    }

    /// Writes with a function that needs no more room than this.
    #[inline(always)]
    fn write_within(&mut self, room: usize, write: impl FnOnce(&mut [u8], usize) -> Written) {
        let written = self.try_write(room, write);
        debug_assert!(written || self.lost, "{room} bytes are too few");
    }

    /// The memory, in which so much room comes behind this place.
    #[inline(always)]
    pub(crate) fn room(&mut self, room: usize) -> (&mut [u8], usize) {
        if self.bytes.len() - self.len < room {
            self.make_room(room);
        }
        (&mut self.bytes, self.len)
    }

    /// Takes what was written into the room, if something was.
    #[inline(always)]
    pub(crate) fn end_at(&mut self, end: Written) -> bool {
        self.len = end.unwrap_or(self.len);
        end.is_some()
    }

    #[cold]
    #[inline(never)]
    fn make_room(&mut self, room: usize) {
        while self.bytes.len() - self.len < room && self.grow() {}
    }

    /// Makes the memory longer, if it may be.
    #[cold]
    #[inline(never)]
    fn grow(&mut self) -> bool {
        let len = self.bytes.len();
        let longer = (len + len.max(Self::STEP)).min(self.most);
        self.lost |= longer <= len;
        self.bytes.resize(longer.max(len), 0);
        longer > len
    }

    /// Adds a byte.
    #[inline]
    pub fn push(&mut self, byte: u8) {
        if self.len == self.bytes.len() {
            self.grow();
        }
        if let Some(place) = self.bytes.get_mut(self.len) {
            *place = byte;
            self.len += 1;
        }
    }

    /// Adds bytes.
    #[inline(never)]
    pub fn extend_from_slice(&mut self, bytes: &[u8]) {
        self.write_within(bytes.len(), |buffer, at| put::bytes(buffer, at, bytes));
    }

    pub(crate) fn number(&mut self, n: u64) {
        self.write_within(Self::STEP, |buffer, at| digits::write(buffer, at, n));
    }

    pub(crate) fn address(&mut self, address: IpAddr) {
        self.write_within(Self::STEP, |buffer, at| addresses::write(buffer, at, address));
    }

    /// Adds the Community ID of a flow, which comes to its place with others: [`Self::settle`] before
    /// that is read.
    pub(crate) fn community_id(&mut self, message: &FlowMessage) {
        let (len, place) = (size_of::<CommunityId>(), self.len);
        self.write_within(len, |buffer, at| (buffer.len() - at >= len).then_some(at + len));
        if self.len > place && self.late.get_or_insert_default().add(place, message) {
            self.settle();
        }
    }

    /// Writes what comes late to its place.
    pub(crate) fn settle(&mut self) {
        let Some(late) = self.late.as_mut().filter(|late| !late.is_empty()) else { return };
        for (place, id) in late.take() {
            put::bytes(&mut self.bytes, place, &id);
        }
    }

    pub(crate) fn string(&mut self, text: &str) {
        self.write(|buffer, at| encode::string(buffer, at, text));
    }

    pub(crate) fn characters(&mut self, text: &str) {
        self.write(|buffer, at| encode::characters(buffer, at, text));
    }

    pub(crate) fn raw(&mut self, value: Raw<'_>) {
        self.write(|buffer, at| encode::raw(buffer, at, value));
    }

    /// Adds a comma, unless an object or array was just opened.
    pub(crate) fn separate(&mut self) {
        if !matches!(self.last(), Some(b'{' | b'[')) {
            self.push(b',');
        }
    }

    /// What was written, with so many bytes behind it.
    pub(crate) fn padded(&mut self, behind: usize) -> &[u8] {
        self.room(behind);
        &self.bytes
    }

    /// What was written from a place on.
    pub(crate) fn written_from(&mut self, start: usize) -> &mut [u8] {
        &mut self.bytes[start..self.len]
    }
}

impl Deref for Output {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl From<Vec<u8>> for Output {
    fn from(bytes: Vec<u8>) -> Self {
        Self { len: bytes.len(), bytes, most: usize::MAX, lost: false, late: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::community_id;

    /// What goes far beyond what it may is neither written nor given room.
    #[test]
    fn memory_is_bounded_by_what_may_be_written() {
        let long = "\u{1}".repeat(100_000);
        let mut out = Output::default();
        for most in [0, 1, 1000] {
            for len in [0, 1, most, most + 1, most + Output::STEP] {
                out.extend_from_slice(b"before");
                let start = out.len();
                out.begin(most);
                (0..len).for_each(|_| out.number(7));
                assert_eq!(out.end(start, most), len <= most, "{len} of {most}");
                assert_eq!(out.len(), if len <= most { start + len } else { start });
                out.clear();
            }
            out.begin(most);
            out.string(&long);
            out.extend_from_slice(long.as_bytes());
            (0..100_000).for_each(|_| out.push(b'x'));
            assert!(!out.is_whole() && out.bytes.len() < 8 * (most + Output::STEP));
            assert!(!out.end(0, most) && out.is_whole() && out.is_empty());
        }
        out.string(&long);
        assert_eq!(out.len(), 600_002);
    }

    /// Whatever room is left, all of it is written.
    #[test]
    fn nothing_is_lost_at_the_end_of_the_memory() {
        let longest: IpAddr = "1111:2222:3333:4444:5555:6666:7777:8888".parse().unwrap();
        let text = "x".repeat(Output::STEP * 3);
        for filled in 0..Output::STEP * 3 {
            let begun = || {
                let mut out = Output::default();
                out.extend_from_slice(&text.as_bytes()[..filled]);
                out
            };
            let written = |write: &dyn Fn(&mut Output)| {
                let mut out = begun();
                write(&mut out);
                String::from_utf8(out[filled..].to_vec()).unwrap()
            };
            assert_eq!(written(&|out| out.push(b'1')), "1");
            assert_eq!(written(&|out| out.number(u64::MAX)), u64::MAX.to_string());
            assert_eq!(written(&|out| out.address(longest)), longest.to_string());
            assert_eq!(written(&|out| out.address([255; 4].into())), "255.255.255.255");
            for len in [0, 1, 3, 7, 15, 31, 33, text.len()] {
                assert_eq!(written(&|out| out.extend_from_slice(&text.as_bytes()[..len])), text[..len]);
            }
        }
    }

    /// IDs that come late are where they would have been, also where some before or behind them were
    /// taken back.
    #[test]
    fn late_ids_find_their_places() {
        let message = |i: u32| std::array::from_fn(|word| i.wrapping_mul(2_654_435_769) ^ word as u32);
        let (mut late, mut at_once) = (Output::default(), Output::default());
        for i in 0..400u32 {
            let start = late.len();
            let keeps = i % 7 != 3 && i % 11 != 5;
            late.begin(if i % 5 == 1 { 20 } else { 64 });
            for _ in 0..i % 3 {
                late.community_id(&message(i));
                late.push(b'\n');
                if keeps && i % 5 != 1 {
                    at_once.extend_from_slice(&community_id::id(&message(i)));
                    at_once.push(b'\n');
                }
            }
            late.end(start, if i % 5 == 1 { 20 } else { 64 });
            if !keeps {
                late.truncate(start);
            }
            if i % 13 == 7 {
                late.settle();
                assert_eq!(*late, *at_once, "{i}");
            }
            if i % 50 == 49 {
                late.clear();
                at_once.clear();
            }
        }
        late.settle();
        assert_eq!(*late, *at_once);
    }
}
