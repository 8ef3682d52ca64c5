//! Looks at sixteen bytes at once: with vectors where the target has them, else in two words.

/// Whether the target looks at them with vectors.
pub(crate) const VECTORS: bool =
    cfg!(any(target_feature = "sse2", target_feature = "simd128", target_feature = "neon"));

/// Sixteen bytes of a text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block(Bytes);

/// A bit for each byte, the first lowest.
pub(crate) type Mask = u32;

impl Block {
    /// How many bytes it has.
    pub(crate) const LEN: usize = 16;

    /// These.
    #[inline(always)]
    pub(crate) fn new(bytes: &[u8; 16]) -> Self {
        Self(Bytes::new(bytes))
    }

    /// The sixteen bytes from an offset on; `None` where there are fewer.
    #[inline(always)]
    pub(crate) fn at(bytes: &[u8], offset: usize) -> Option<Self> {
        let (_, rest) = bytes.split_at_checked(offset)?;
        rest.first_chunk().map(|chunk| Self(Bytes::new(chunk)))
    }

    /// Which are this byte.
    #[inline(always)]
    pub(crate) fn equal(self, byte: u8) -> Marks {
        Marks(self.0.equal(byte))
    }

    /// Which are the same as in another.
    #[inline(always)]
    pub(crate) fn same(self, other: Self) -> Marks {
        Marks(self.0.same(other.0))
    }

    /// Which are blanks or control characters.
    #[inline(always)]
    pub(crate) fn blanks(self) -> Marks {
        Marks(self.0.up_to(b' '))
    }

    /// Which can't stand in a JSON string as they are: quotes, backslashes and control characters.
    #[inline(always)]
    pub(crate) fn escaped(self) -> Marks {
        self.equal(b'"').or(self.equal(b'\\')).or(Marks(self.0.up_to(0x1f)))
    }

    /// Which lie between these, inclusive.
    #[inline(always)]
    pub(crate) fn within(self, first: u8, last: u8) -> Marks {
        Marks(self.0.within(first, last))
    }

    /// Which lie above this, as far as they are ASCII.
    #[inline(always)]
    pub(crate) fn above(self, byte: u8) -> Marks {
        Marks(self.0.above(byte))
    }

    /// Which lie between those at the same places in two others, inclusive.
    #[inline(always)]
    pub(crate) fn lies_in(self, least: Self, greatest: Self) -> Marks {
        Marks(self.0.lies_in(least.0, greatest.0))
    }

    /// Which are brackets, braces or backslashes, or a few others.
    #[inline(always)]
    pub(crate) fn may_be_structure(self) -> Marks {
        // The bit tells `[\]` from `{|}`.
        Marks(self.0.with(0x20).within(b'{', b'}'))
    }

    /// Which may stand in a number or a word: letters, digits, signs and dots.
    #[inline(always)]
    pub(crate) fn scalars(self) -> Marks {
        let letters = Marks(self.0.with(0x20).within(b'a', b'z'));
        letters.or(self.within(b'0', b'9')).or(self.within(b'-', b'.')).or(self.equal(b'+'))
    }

    /// Which are hexadecimal digits.
    #[inline(always)]
    pub(crate) fn hexadecimal(self) -> Marks {
        // The bit is that of the case.
        self.within(b'0', b'9').or(Marks(self.0.with(0x20).within(b'a', b'f')))
    }
}

/// Copies bytes sixteen at a time. Compilers copy an array in words where these are no slower on
/// some machine.
#[inline(always)]
pub(crate) fn copy<const N: usize>(from: &[u8; N], to: &mut [u8; N]) {
    for (from, to) in from.as_chunks().0.iter().zip(to.as_chunks_mut().0) {
        *to = Bytes::new(from).bytes();
    }
    const { assert!(N.is_multiple_of(Block::LEN)) };
}

/// Some of sixteen bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Marks(Bytes);

impl Marks {
    /// None of them.
    pub(crate) const NONE: Self = Self(Bytes::NONE);

    /// Those, and the others.
    #[inline(always)]
    pub(crate) fn or(self, others: Self) -> Self {
        Self(self.0.or(others.0))
    }

    /// Those that are either these or others, not both.
    #[inline(always)]
    pub(crate) fn xor(self, others: Self) -> Self {
        Self(self.0.xor(others.0))
    }

    /// Those that are others, too.
    #[inline(always)]
    pub(crate) fn and(self, others: Self) -> Self {
        Self(self.0.and(others.0))
    }

    /// Those that are not others.
    #[inline(always)]
    pub(crate) fn without(self, others: Self) -> Self {
        Self(self.0.without(others.0))
    }

    /// Those where a block has set all bits, not where it has set none.
    #[inline(always)]
    pub(crate) fn among(self, set: Block) -> Self {
        Self(self.0.and(set.0))
    }

    /// A bit for each byte, the first lowest.
    #[inline(always)]
    pub(crate) fn mask(self) -> Mask {
        self.0.mask()
    }

    /// Whether there are any. Without vectors this costs less than a mask.
    #[inline(always)]
    pub(crate) fn any(self) -> bool {
        self.0.any()
    }
}

/// Whether a byte is among others.
#[inline]
pub(crate) fn has(bytes: &[u8], byte: u8) -> bool {
    let mut at = 0;
    while let Some(block) = Block::at(bytes, at) {
        if block.equal(byte).any() {
            return true;
        }
        at += Block::LEN;
    }
    // What is left, in the last sixteen bytes.
    match bytes.last_chunk() {
        Some(last) => at < bytes.len() && Block::new(last).equal(byte).any(),
        None => bytes.contains(&byte),
    }
}

/// Whether two texts are the same. What the library compiles to for WebAssembly compares byte by
/// byte.
#[inline]
pub(crate) fn equal(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let same = |a: &[u8; Block::LEN], b| Block::new(a).same(Block::new(b)).mask() == 0xffff;
    let (Some(last_of_a), Some(last_of_b)) = (a.last_chunk(), b.last_chunk()) else {
        // Two halves that overlap, or very few bytes.
        return match (a.first_chunk::<8>(), b.first_chunk::<8>()) {
            (Some(x), Some(y)) => x == y && a.last_chunk::<8>() == b.last_chunk::<8>(),
            _ => a.iter().eq(b),
        };
    };
    let mut blocks = a.as_chunks().0.iter().zip(b.as_chunks().0);
    blocks.all(|(a, b)| same(a, b)) && same(last_of_a, last_of_b)
}

/// A mask for the bytes below an index of at most [`Block::LEN`].
#[inline(always)]
pub(crate) fn below(index: usize) -> Mask {
    (1 << (index & 31)) - 1
}

/// The first byte that can't stand in a JSON string as it is.
#[inline(always)]
pub(crate) fn first_escaped(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(block) = Block::at(bytes, at) {
        let mask = block.escaped().mask();
        if mask != 0 {
            return Some(at + mask.trailing_zeros() as usize);
        }
        at += Block::LEN;
    }
    // What is left, in a block with others that are looked at once more.
    let last = match (bytes.last_chunk(), bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        (Some(last), ..) => Some(Block::new(last)),
        (_, Some(first), Some(last)) => Some(Block::new([*first, *last].as_flattened().first_chunk()?)),
        _ => None,
    };
    if last.is_some_and(|block| !block.escaped().any()) {
        return None;
    }
    let plain = |b: u8| b >= 0x20 && b != b'"' && b != b'\\';
    bytes[at..].iter().position(|b| !plain(*b)).map(|i| at + i)
}

/// The first byte from a place on that is one of three. Strings are short: a call would cost
/// more than the search.
#[inline(always)]
pub(crate) fn first_of_three(bytes: &[u8], from: usize, [a, b, c]: [u8; 3]) -> Option<usize> {
    let mut at = from;
    while let Some(block) = Block::at(bytes, at) {
        let mask = block.equal(a).or(block.equal(b)).or(block.equal(c)).mask();
        if mask != 0 {
            return Some(at + mask.trailing_zeros() as usize);
        }
        at += Block::LEN;
    }
    bytes.get(at..)?.iter().position(|byte| [a, b, c].contains(byte)).map(|i| at + i)
}

/// The places of a byte from a place on, in order. Where they are close to each other, this
/// costs less than a search for each.
pub(crate) struct Places<'a> {
    bytes: &'a [u8],
    byte: u8,
    /// Those in the latest group that are still to come.
    mask: u64,
    /// Where the latest group begins.
    group: usize,
    /// Where the next one begins.
    next: usize,
}

impl<'a> Places<'a> {
    pub(crate) fn new(byte: u8, bytes: &'a [u8], from: usize) -> Self {
        Self { bytes, byte, mask: 0, group: from, next: from }
    }
}

impl Iterator for Places<'_> {
    type Item = usize;

    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        while self.mask == 0 {
            let rest = self.bytes.get(self.next..)?;
            self.group = self.next;
            let Some(group) = rest.first_chunk::<GROUP>() else {
                // The last ones, which are fewer.
                let bits = rest.iter().enumerate().map(|(i, b)| u64::from(*b == self.byte) << i);
                self.mask = bits.fold(0, |all, bit| all | bit);
                self.next = usize::MAX;
                continue;
            };
            self.mask = equal_in_group(group, self.byte);
            self.next += GROUP;
        }
        let place = self.group + self.mask.trailing_zeros() as usize;
        self.mask &= self.mask - 1;
        Some(place)
    }
}

/// How many bytes a word has bits for.
pub(crate) const GROUP: usize = 64;

/// The first bytes, and zeros behind them if there are fewer.
#[cold]
#[inline(never)]
pub(crate) fn padded<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut all = [0; N];
    let len = bytes.len().min(N);
    all[..len].copy_from_slice(&bytes[..len]);
    all
}

/// Less than a group, and zeros behind it. The tail begins with it.
#[inline(always)]
pub(crate) fn padded_group(bytes: &[u8], tail: &[u8]) -> [u8; GROUP] {
    const KEPT: [[u8; GROUP]; 2] = [[0xff; GROUP], [0; GROUP]];
    let kept = KEPT.as_flattened().get(GROUP.saturating_sub(bytes.len())..);
    match (tail.first_chunk::<GROUP>(), kept.and_then(<[u8]>::first_chunk::<GROUP>)) {
        (Some(group), Some(kept)) => std::array::from_fn(|i| group[i] & kept[i]),
        _ => padded(bytes),
    }
}

/// A bit for each byte that is this one, the first lowest.
#[inline(always)]
pub(crate) fn equal_in_group(group: &[u8; GROUP], byte: u8) -> u64 {
    mask_of(group, |block| block.equal(byte))
}

/// A bit for each byte that is marked, the first lowest, of whole blocks of at most a group.
#[inline(always)]
pub(crate) fn mask_of<const N: usize>(bytes: &[u8; N], marked: impl Fn(Block) -> Marks) -> u64 {
    let blocks = bytes.as_chunks().0.iter().map(Block::new).enumerate();
    blocks.fold(0, |all, (i, block)| all | u64::from(marked(block).mask()) << (i * Block::LEN))
}

/// Whether a text is hexadecimal digits and nothing else.
#[inline(always)]
pub(crate) fn is_hexadecimal(bytes: &[u8]) -> bool {
    // The commonest length without a loop.
    if let Ok([first, second]) = <&[[u8; Block::LEN]; 2]>::try_from(bytes.as_chunks().0)
        && bytes.len() == 32
    {
        return Block::new(first).hexadecimal().mask() & Block::new(second).hexadecimal().mask() == 0xffff;
    }
    let mut at = 0;
    while let Some(block) = Block::at(bytes, at) {
        if block.hexadecimal().mask() != 0xffff {
            return false;
        }
        at += Block::LEN;
    }
    bytes[at..].iter().all(u8::is_ascii_hexdigit)
}

/// Whether a text is a UUID.
#[inline(always)]
pub(crate) fn is_uuid(bytes: &[u8]) -> bool {
    const DASHES: u64 = 1 << 8 | 1 << 13 | 1 << 18 | 1 << 23;
    let (Ok(bytes), Some(last)) = (<&[u8; 36]>::try_from(bytes), Block::at(bytes, 20)) else { return false };
    let (Some(first), Some(middle)) = (Block::at(bytes, 0), Block::at(bytes, 16)) else { return false };
    let join = |a: Marks, b: Marks, c: Marks| {
        u64::from(a.mask()) | (u64::from(b.mask()) << 16) | (u64::from(c.mask()) << 20)
    };
    join(first.hexadecimal(), middle.hexadecimal(), last.hexadecimal()) == (1 << 36) - 1 - DASHES
        && join(first.equal(b'-'), middle.equal(b'-'), last.equal(b'-')) == DASHES
}

use self::target::Bytes;

#[cfg(any(target_feature = "sse2", target_feature = "simd128", target_feature = "neon"))]
mod target {
    use wide::{i8x16, u8x16};

    #[derive(Clone, Copy, Debug)]
    pub(super) struct Bytes(u8x16);

    impl Bytes {
        pub(super) const NONE: Self = Self(u8x16::ZERO);

        #[inline(always)]
        pub(super) fn new(bytes: &[u8; 16]) -> Self {
            Self(u8x16::new(*bytes))
        }

        #[inline(always)]
        pub(super) fn bytes(self) -> [u8; 16] {
            self.0.to_array()
        }

        #[inline(always)]
        pub(super) fn equal(self, byte: u8) -> Self {
            Self(self.0.simd_eq(u8x16::splat(byte)))
        }

        #[inline(always)]
        pub(super) fn same(self, other: Self) -> Self {
            Self(self.0.simd_eq(other.0))
        }

        #[inline(always)]
        pub(super) fn with(self, bit: u8) -> Self {
            Self(self.0 | u8x16::splat(bit))
        }

        #[inline(always)]
        pub(super) fn up_to(self, byte: u8) -> Self {
            Self(self.0.min(u8x16::splat(byte)).simd_eq(self.0))
        }

        #[inline(always)]
        pub(super) fn within(self, first: u8, last: u8) -> Self {
            Self(self.0 - u8x16::splat(first)).up_to(last - first)
        }

        #[inline(always)]
        pub(super) fn above(self, byte: u8) -> Self {
            let signed = |bytes: u8x16| i8x16::new(bytes.to_array().map(u8::cast_signed));
            let above = signed(self.0).simd_gt(i8x16::splat(byte.cast_signed()));
            Self(u8x16::new(above.to_array().map(i8::cast_unsigned)))
        }

        #[inline(always)]
        pub(super) fn lies_in(self, least: Self, greatest: Self) -> Self {
            Self(self.0.max(least.0).min(greatest.0).simd_eq(self.0))
        }

        #[inline(always)]
        pub(super) fn xor(self, other: Self) -> Self {
            Self(self.0 ^ other.0)
        }

        #[inline(always)]
        pub(super) fn and(self, other: Self) -> Self {
            Self(self.0 & other.0)
        }

        #[inline(always)]
        pub(super) fn without(self, other: Self) -> Self {
            Self(self.0 & !other.0)
        }

        #[inline(always)]
        pub(super) fn or(self, other: Self) -> Self {
            Self(self.0 | other.0)
        }

        #[inline(always)]
        pub(super) fn mask(self) -> u32 {
            self.0.to_bitmask()
        }

        #[inline(always)]
        pub(super) fn any(self) -> bool {
            self.mask() != 0
        }
    }
}

#[cfg(any(test, not(any(target_feature = "sse2", target_feature = "simd128", target_feature = "neon"))))]
#[cfg_attr(test, allow(dead_code))]
mod words {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;

    /// Two words. What says something about bytes says it in their highest bits.
    #[derive(Clone, Copy, Debug)]
    pub(super) struct Bytes([u64; 2]);

    impl Bytes {
        pub(super) const NONE: Self = Self([0; 2]);

        #[inline(always)]
        pub(super) fn new(bytes: &[u8; 16]) -> Self {
            let all = u128::from_le_bytes(*bytes);
            Self([all as u64, (all >> 64) as u64])
        }

        #[inline(always)]
        pub(super) fn bytes(self) -> [u8; 16] {
            (u128::from(self.0[0]) | u128::from(self.0[1]) << 64).to_le_bytes()
        }

        #[inline(always)]
        pub(super) fn with(self, bit: u8) -> Self {
            Self(self.0.map(|w| w | (ONES * u64::from(bit))))
        }

        #[inline(always)]
        pub(super) fn same(self, other: Self) -> Self {
            Self([self.0[0] ^ other.0[0], self.0[1] ^ other.0[1]]).equal(0)
        }

        #[inline(always)]
        pub(super) fn equal(self, byte: u8) -> Self {
            Self(self.0.map(|w| {
                let w = w ^ (ONES * u64::from(byte));
                !(((w & !HIGHS) + !HIGHS) | w) & HIGHS
            }))
        }

        #[inline(always)]
        pub(super) fn up_to(self, byte: u8) -> Self {
            // Adding this to a byte below 0x80 sets its highest bit only if it is greater.
            Self(self.0.map(|w| !(((w & !HIGHS) + ONES * u64::from(0x7f - byte)) | w) & HIGHS))
        }

        #[inline(always)]
        pub(super) fn within(self, first: u8, last: u8) -> Self {
            let (below, [a, b]) = (self.up_to(first - 1).0, self.up_to(last).0);
            Self([a & !below[0], b & !below[1]])
        }

        #[inline(always)]
        pub(super) fn above(self, byte: u8) -> Self {
            let up_to = self.up_to(byte).0;
            Self([0, 1].map(|i| !(up_to[i] | self.0[i]) & HIGHS))
        }

        // Nobody who has no vectors asks for it.
        pub(super) fn lies_in(self, least: Self, greatest: Self) -> Self {
            Self([0, 1].map(|i| {
                let [bytes, least, greatest] = [self, least, greatest].map(|b| b.0[i].to_le_bytes());
                let lies_in = |j: usize| (least[j]..=greatest[j]).contains(&bytes[j]);
                u64::from_le_bytes(std::array::from_fn(|j| u8::from(lies_in(j)) << 7))
            }))
        }

        #[inline(always)]
        pub(super) fn xor(self, other: Self) -> Self {
            Self([self.0[0] ^ other.0[0], self.0[1] ^ other.0[1]])
        }

        #[inline(always)]
        pub(super) fn and(self, other: Self) -> Self {
            Self([self.0[0] & other.0[0], self.0[1] & other.0[1]])
        }

        #[inline(always)]
        pub(super) fn without(self, other: Self) -> Self {
            Self([self.0[0] & !other.0[0], self.0[1] & !other.0[1]])
        }

        #[inline(always)]
        pub(super) fn or(self, other: Self) -> Self {
            Self([self.0[0] | other.0[0], self.0[1] | other.0[1]])
        }

        #[inline(always)]
        pub(super) fn mask(self) -> u32 {
            // To gather them costs more than to see that there are none.
            if !self.any() {
                return 0;
            }
            // Gathers the highest bits in the highest byte.
            let [a, b] = self.0.map(|w| ((w >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) as u32);
            a | b << 8
        }

        #[inline(always)]
        pub(super) fn any(self) -> bool {
            self.0[0] | self.0[1] != 0
        }
    }
}

#[cfg(not(any(target_feature = "sse2", target_feature = "simd128", target_feature = "neon")))]
use words as target;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_behind_a_group_is_left_out() {
        let text: Vec<u8> = (1..=2 * GROUP as u8).collect();
        for len in 0..GROUP {
            let mut want = [0; GROUP];
            want[..len].copy_from_slice(&text[..len]);
            for tail in [&text[..len], &text[..GROUP - 1], &text[..GROUP], &text] {
                assert_eq!(padded_group(&text[..len], tail), want, "{len} of {}", tail.len());
            }
        }
    }

    #[test]
    fn equal_texts_and_others() {
        for len in 0..70 {
            let a: Vec<u8> = (0..len).collect();
            assert!(equal(&a, &a.clone()), "{len}");
            assert!(!equal(&a, &[&a[..], b"x"].concat()), "{len}");
            for at in 0..a.len() {
                let mut b = a.clone();
                b[at] ^= 0x80;
                assert!(!equal(&a, &b), "{at} of {len}");
            }
        }
    }

    /// What each byte is, at each place, by vectors and by words.
    #[test]
    fn every_byte_at_every_place() {
        for byte in 0..=255u8 {
            for place in 0..16 {
                for around in [b' ', b'x', 0x80] {
                    let mut text = [around; 16];
                    text[place] = byte;
                    let want =
                        |is: fn(u8) -> bool| (0..16).filter(|&i| is(text[i])).map(|i| 1 << i).sum::<Mask>();
                    let block = Block::new(&text);
                    let words = words::Bytes::new(&text);
                    assert_eq!(block.equal(b'-').mask(), want(|b| b == b'-'));
                    assert_eq!(words.equal(b'-').mask(), want(|b| b == b'-'));
                    assert_eq!(words.equal(b'-').any(), text.contains(&b'-'));
                    assert_eq!(block.equal(b'-').any(), text.contains(&b'-'));
                    assert_eq!(block.blanks().mask(), want(|b| b <= b' '));
                    assert_eq!(words.up_to(b' ').mask(), want(|b| b <= b' '));
                    assert_eq!(block.above(b'5').mask(), want(|b| b > b'5' && b < 0x80));
                    assert_eq!(words.above(b'5').mask(), want(|b| b > b'5' && b < 0x80));
                    assert_eq!(block.escaped().mask(), want(|b| b < 0x20 || b == b'"' || b == b'\\'));
                    let scalar = |b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b);
                    assert_eq!(block.scalars().mask(), want(scalar));
                    let least = [b'0'; 16];
                    let mut greatest = [0xff; 16];
                    greatest[place] = b'9';
                    let digits = block.lies_in(Block::new(&least), Block::new(&greatest));
                    let by_words = words.lies_in(words::Bytes::new(&least), words::Bytes::new(&greatest));
                    let lies_in = |i: usize| (least[i]..=greatest[i]).contains(&text[i]);
                    let lie_in = (0..16).filter(|&i| lies_in(i)).map(|i| 1 << i).sum::<Mask>();
                    assert_eq!((digits.mask(), by_words.mask()), (lie_in, lie_in));
                    let (lows, dashes) = (block.within(b'!', b'/'), block.equal(b'-'));
                    let (low, dash) = (words.within(b'!', b'/'), words.equal(b'-'));
                    let is_low = |b: u8| (b'!'..=b'/').contains(&b);
                    assert_eq!(lows.and(dashes).mask(), want(|b| b == b'-'));
                    assert_eq!(low.and(dash).mask(), want(|b| b == b'-'));
                    let others = (0..16).filter(|&i| is_low(text[i]) && text[i] != b'-');
                    let others = others.map(|i| 1 << i).sum::<Mask>();
                    assert_eq!((lows.without(dashes).mask(), low.without(dash).mask()), (others, others));
                    assert_eq!((lows.xor(dashes).mask(), low.xor(dash).mask()), (others, others));
                    assert_eq!(lows.among(Block::new(&[0xff; 16])).mask(), lows.mask());
                    assert_eq!(lows.among(Block::new(&[0; 16])).mask(), 0);
                    assert_eq!(block.hexadecimal().mask(), want(|b| b.is_ascii_hexdigit()));
                    assert_eq!(words.within(b'a', b'f').mask(), want(|b| (b'a'..=b'f').contains(&b)));
                }
            }
        }
    }

    #[test]
    fn a_byte_among_others() {
        for len in 0..50 {
            let mut text = vec![b'x'; len];
            assert!(!has(&text, b'<'));
            for at in 0..len {
                text[at] = b'<';
                assert!(has(&text, b'<'), "{at} of {len}");
                text[at] = b'x';
            }
        }
    }

    #[test]
    fn uuids() {
        let good = "1d515d18-1b36-47DC-a983-bd6512aed4bd";
        assert!(is_uuid(good.as_bytes()));
        for i in 0..good.len() {
            let mut bad = good.as_bytes().to_vec();
            bad[i] = if bad[i] == b'-' { b'a' } else { b'-' };
            assert!(!is_uuid(&bad), "{i}");
        }
        assert!(!is_uuid(&good.as_bytes()[1..]));
    }

    #[test]
    fn all_places_of_a_byte() {
        let mut text = b"x".repeat(200);
        for at in [0, 1, 63, 64, 65, 100, 127, 128, 190, 199] {
            text[at] = b'\n';
        }
        for end in 0..=text.len() {
            for from in [0, 1, 2, 64, 66, 150, end, end + 1] {
                let want: Vec<_> = (from..end).filter(|i| text[*i] == b'\n').collect();
                assert_eq!(Places::new(b'\n', &text[..end], from).collect::<Vec<_>>(), want, "{from}..{end}");
            }
        }
    }

    #[test]
    fn the_first_of_three() {
        let text = "x".repeat(50);
        for at in 0..50 {
            for byte in *b"abc" {
                let mut text = text.clone().into_bytes();
                text[at] = byte;
                for from in 0..=50 {
                    let want = (from <= at).then_some(at);
                    assert_eq!(first_of_three(&text, from, *b"abc"), want);
                }
            }
        }
        assert_eq!(first_of_three(b"abc", 4, *b"abc"), None);
    }

    #[test]
    fn the_first_that_is_escaped() {
        for len in 0..40 {
            let plain = "é".repeat(len);
            assert_eq!(first_escaped(plain.as_bytes()), None);
            let text = format!("{plain}\"\u{1}\\");
            assert_eq!(first_escaped(text.as_bytes()), Some(2 * len));
            for place in 0..len {
                let mut text = vec![b'x'; len];
                text[place] = b'"';
                assert_eq!(first_escaped(&text), Some(place), "of {len}");
            }
        }
        assert!(is_hexadecimal(b"0123456789abcdefABCDEF") && !is_hexadecimal(b"0123456789abcdefg"));
    }
}
