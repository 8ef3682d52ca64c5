//! The first bytes of a value as one block: what they are, and how they are copied.

use crate::{
    bytes::{
        digits,
        put::{self, Written},
        scan::{self, Block, Mask, below},
    },
    value::{addresses, protocols::TRANSPORTS, words::Word},
};

/// A word of the source, of at most eight bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KnownWord {
    /// The bit of the case, in each letter.
    case: u64,
    word: u64,
    /// What goes out, with its closing quote and a comma.
    text: [u8; 16],
    len: u8,
}

impl KnownWord {
    /// Stands for no word.
    pub(crate) const NONE: Self = Self { case: 0, word: 0, text: [0; 16], len: 0 };

    pub(crate) const fn new((word, means, more): &Word) -> Option<Self> {
        // What loses something is kept beside its field.
        if *more || word.len() > 8 || means.len() > 14 {
            return None;
        }
        let mut known = Self { len: means.len() as u8 + 2, ..Self::NONE };
        let mut i = 0;
        while i < word.len() {
            let byte = word.as_bytes()[i];
            known.word |= (byte as u64) << (8 * i);
            known.case |= (if byte.is_ascii_lowercase() { 0x20 } else { 0 }) << (8 * i);
            i += 1;
        }
        i = 0;
        while i < means.len() {
            known.text[i] = means.as_bytes()[i];
            i += 1;
        }
        (known.text[i], known.text[i + 1]) = (b'"', b',');
        Some(known)
    }

    /// Whether a text of at most eight bytes is this.
    #[inline(always)]
    pub(crate) fn is(&self, text: u64) -> bool {
        text | self.case == self.word
    }

    /// What goes out, with its closing quote and a comma, and what may stand behind it.
    #[inline(always)]
    pub(crate) fn text(&self) -> &[u8; 16] {
        &self.text
    }

    /// How much of that goes out.
    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        usize::from(self.len & 31)
    }
}

/// The number of a protocol that is written as a word, and its digits; only of the commonest.
#[inline(never)]
pub(super) fn named_protocol(bytes: &Chunk, len: usize) -> Option<(u64, &'static [u8; 2])> {
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
pub(crate) fn is_known(words: &[KnownWord], chunk: &Chunk, len: usize) -> bool {
    word(chunk, len).is_some_and(|text| words.iter().any(|w| w.is(text)))
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

/// Texts up to this length are copied as one block.
pub(crate) const TEXT: usize = 48;

/// The beginning of a value, and what stands behind it.
pub(crate) type Chunk = [u8; TEXT];

/// How far behind a protocol's number its keyword begins.
pub(crate) const TRANSPORT_KEY: usize = b",\"transport\":\"".len();

/// Puts a protocol's keyword behind its number, if it has one.
#[inline(always)]
pub(crate) fn put_keyword(window: &mut [u8], end: usize, number: u64) -> usize {
    match KEYWORDS.get(number as usize) {
        Some((keyword, len)) if *len > 1 => {
            put(window, end, b",\"transport\":\"");
            put(window, end + TRANSPORT_KEY, keyword);
            end + TRANSPORT_KEY + (usize::from(*len) & 31)
        }
        _ => end,
    }
}

/// Puts a block into the window, if it is inside.
#[inline(always)]
pub(crate) fn put<const N: usize>(window: &mut [u8], at: usize, block: &[u8; N]) {
    if let Some(place) = window.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
        *place = *block;
    }
}

/// The first sixteen bytes.
#[inline(always)]
pub(crate) fn block(chunk: &Chunk) -> &[u8; Block::LEN] {
    &chunk.as_chunks().0[0]
}

/// Whether the first bytes are a number as it goes out.
#[inline(always)]
pub(crate) fn are_digits(bytes: &Chunk, len: usize) -> bool {
    let digits = Block::new(block(bytes)).within(b'0', b'9').mask();
    len.wrapping_sub(1) < 16 && !digits & below(len) == 0 && (bytes[0] != b'0' || len == 1)
}

/// How many digits stand before `.0`, if the first bytes are a number as it goes out but for that.
#[inline(never)]
pub(super) fn without_fraction(bytes: &Chunk, len: usize) -> usize {
    let digits = len.wrapping_sub(2);
    match bytes.get(digits..) {
        Some([b'.', b'0', ..]) if digits > 0 && are_digits(bytes, digits) => digits,
        _ => 0,
    }
}

/// The number in the first bytes, if there are at most eight digits.
#[inline(always)]
pub(crate) fn up_to_eight_digits(bytes: &Chunk, len: usize) -> Option<u64> {
    if len == 0 || len > 8 {
        return None;
    }
    // The last digit in the highest byte, and zeros in front of the first.
    let word = u64::from_le_bytes(*bytes.first_chunk()?) & 0x0f0f_0f0f_0f0f_0f0f;
    Some(digits::number_of_digits(word << (64 - 8 * len)))
}

/// At most eight bytes, the first lowest, and zeros.
#[inline(always)]
pub(crate) fn word(bytes: &Chunk, len: usize) -> Option<u64> {
    if len == 0 || len > 8 {
        return None;
    }
    let shift = 64 - 8 * len;
    Some(u64::from_le_bytes(*bytes.first_chunk()?) << shift >> shift)
}

/// Writes an address that is no dotted one in its usual form, with the quote and the comma
/// behind it.
#[inline(never)]
pub(crate) fn other_address(buffer: &mut [u8], at: usize, tail: &[u8], len: usize) -> Written {
    if let Some(chunk) = tail.first_chunk()
        && is_ipv6(chunk, len)
    {
        put::block(buffer, at, chunk)?;
        return put::bytes(buffer, at + len, b"\",");
    }
    let text = std::str::from_utf8(tail.get(..len)?).ok()?;
    let end = addresses::write(buffer, at, addresses::read(text)?)?;
    put::bytes(buffer, end, b"\",")
}

/// Whether a text begins like nothing that stands for none: `-1`, `null`, `N/A`, blanks.
#[inline(always)]
pub(crate) fn begins_plainly(text: &Chunk) -> bool {
    text[0].is_ascii_alphanumeric() && !matches!(text[0], b'n' | b'N')
}

/// Whether the first bytes are an IPv4 address as it goes out. A bit stands for each byte.
#[inline(always)]
pub(crate) fn is_ipv4(bytes: &Chunk, len: usize) -> bool {
    if len > 15 {
        return false;
    }
    if !scan::VECTORS {
        return addresses::read_ipv4(&bytes[..len]).is_some();
    }
    let block = Block::new(block(bytes));
    let all: Mask = below(len);
    let dots = block.equal(b'.').mask() & all;
    let digits = block.within(b'0', b'9').mask() & all;
    let ends = dots | (all + 1);
    // Where octets begin, and where they have two more digits.
    let begins = dots << 1 | 1;
    let long = begins & digits >> 1 & digits >> 2;
    let (twos, fives) = (block.equal(b'2').mask(), block.equal(b'5').mask());
    let (over_two, over_five) = (block.above(b'2').mask(), block.above(b'5').mask());
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

/// Whether the first bytes are an IPv6 address as it goes out, by RFC 5952. A bit stands for each
/// byte. Some that are is not seen: those that begin with `::`, as IPv4 addresses among these do,
/// and those in which two groups of zeros are written out, so that the gap may not be the longest.
#[inline(never)]
pub(crate) fn is_ipv6(bytes: &Chunk, len: usize) -> bool {
    if len > 39 {
        return false;
    }
    let all = (1_u64 << len) - 1;
    let colons = scan::mask_of(bytes, |block| block.equal(b':')) & all;
    let zeros = scan::mask_of(bytes, |block| block.equal(b'0'));
    let digits = scan::mask_of(bytes, |block| block.within(b'0', b'9').or(block.within(b'a', b'f'))) & all;
    let begins = (colons << 1 | 1) & digits;
    let zero = begins & zeros & !(digits >> 1);
    let gap = colons & colons >> 1;
    // Behind the last group stands nothing, or the gap.
    let last = all & !(all >> 1);
    let groups = colons.count_ones() + u32::from(digits & last != 0);
    let count = if gap == 0 { groups == 8 } else { groups - 1 <= 6 };
    let five_digits = digits & digits >> 1 & digits >> 2 & digits >> 3 & digits >> 4;
    let leading_zero = begins & zeros & digits >> 1;
    let zeros_at_gap = zero & (gap << 2 | gap >> 1);
    let other = (colons | digits) ^ all;
    let one_colon_last = colons & last & !(gap << 1);
    count
        && digits & 1 == 1
        && gap & gap.wrapping_sub(1) == 0
        && five_digits | leading_zero | zero & zero >> 2 | zeros_at_gap | other | one_colon_last == 0
}
