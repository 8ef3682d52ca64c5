//! Segments: their names, and how pages are found in them whatever happened to them.

use std::io;

use crate::{
    disk::DiskFile,
    frame::{self, Decoded, HEAD, Head},
};

/// Bytes that are looked at together behind damage.
const WINDOW: usize = 64 << 10;

/// What a segment's name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name {
    /// The sequence of its first page.
    pub(crate) first: u64,
    /// What its heads are sealed with.
    pub(crate) salt: u64,
}

impl Name {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let (first, salt) = name.strip_suffix(".zst")?.split_once('-')?;
        let is_number = |text: &str, len| text.len() == len && !text.starts_with('+');
        if !is_number(first, 20) || !is_number(salt, 16) {
            return None;
        }
        Some(Self { first: first.parse().ok()?, salt: u64::from_str_radix(salt, 16).ok()? })
    }

    /// Sorts as the sequences do.
    pub(crate) fn text(&self) -> String {
        format!("{:020}-{:016x}.zst", self.first, self.salt)
    }
}

/// Goes through a segment's pages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Walk {
    pub(crate) salt: u64,
    /// Where the next page begins.
    pub(crate) at: u64,
    /// The lowest sequence that the next page may have.
    pub(crate) expected: u64,
}

/// What stands at a place in a segment.
#[derive(Debug)]
pub(crate) enum Step {
    /// A page's head; what follows it is as long as it says, and was not looked at.
    Page(Head),
    /// A later version's page.
    Newer(u16),
    /// Bytes that are no page, up to where one begins or all ends.
    Damaged {
        from: u64,
        to: u64,
        /// A sound head whose page is cut off.
        is_cut: bool,
    },
    End,
}

impl Walk {
    pub(crate) fn new(name: Name) -> Self {
        Self { salt: name.salt, at: 0, expected: name.first }
    }

    /// What stands at the current place, for a segment that ends at `end`. A page is not left
    /// behind, see [`Walk::pass`]; damage is.
    pub(crate) fn step(&mut self, file: &impl DiskFile, end: u64) -> io::Result<Step> {
        if self.at >= end {
            return Ok(Step::End);
        }
        let from = self.at;
        let mut bytes = [0; HEAD];
        let read = file.read_full_at(&mut bytes[..HEAD.min((end - from) as usize)], from)?;
        if read == HEAD {
            match Head::decode(self.salt, &bytes) {
                Decoded::Newer(version) => return Ok(Step::Newer(version)),
                Decoded::Head(head) if head.sequence >= self.expected => {
                    if from + head.total() <= end {
                        return Ok(Step::Page(head));
                    }
                    self.at = end;
                    return Ok(Step::Damaged { from, to: end, is_cut: true });
                }
                _ => {}
            }
        }
        self.at = self.find(file, from + 1, end)?;
        Ok(Step::Damaged { from, to: self.at, is_cut: false })
    }

    /// Leaves a page behind.
    pub(crate) fn pass(&mut self, head: &Head) {
        self.at += head.total();
        self.expected = head.sequence + 1;
    }

    /// Where the next sound head begins, or the end.
    fn find(&self, file: &impl DiskFile, mut from: u64, end: u64) -> io::Result<u64> {
        let mut window = vec![0; WINDOW];
        while end.saturating_sub(from) >= HEAD as u64 {
            let len = WINDOW.min((end - from) as usize);
            let read = file.read_full_at(&mut window[..len], from)?;
            if read < HEAD {
                break;
            }
            let bytes = &window[..read];
            for at in frame::find(bytes) {
                let Some(candidate) = bytes.get(at..at + HEAD) else { break };
                let candidate = candidate.try_into().expect("the bytes of a head");
                match Head::decode(self.salt, candidate) {
                    Decoded::Head(head) if head.sequence >= self.expected => return Ok(from + at as u64),
                    Decoded::Newer(_) => return Ok(from + at as u64),
                    _ => {}
                }
            }
            // A head may begin in this window and end in the next one.
            from += (read - HEAD + 1) as u64;
        }
        Ok(end)
    }
}

/// Whether what follows a head is what was written; reads it in pieces.
pub(crate) fn is_body_sound(file: &impl DiskFile, at: u64, head: &Head) -> io::Result<bool> {
    let mut hasher = crc32fast::Hasher::new();
    let mut window = vec![0; WINDOW];
    let (mut from, end) = (at + HEAD as u64, at + head.total());
    while from < end {
        let len = WINDOW.min((end - from) as usize);
        let read = file.read_full_at(&mut window[..len], from)?;
        if read < len {
            return Ok(false);
        }
        hasher.update(&window[..read]);
        from += read as u64;
    }
    Ok(hasher.finalize() == head.checksum)
}
