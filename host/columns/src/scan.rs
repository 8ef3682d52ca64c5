//! Where JSON values end, for text that is mostly short.

/// The first quote or backslash from there on.
#[inline]
pub(crate) fn quote_or_escape(text: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    // Eight at once: a byte that equals one of the two becomes zero, and the lowest zero is found.
    while let Some(word) = eight(text, at) {
        let found = zeros(word ^ QUOTES) | zeros(word ^ ESCAPES);
        if found != 0 {
            return Some(at + (found.trailing_zeros() / 8) as usize);
        }
        at += 8;
    }
    text[at.min(text.len())..].iter().position(|b| matches!(b, b'"' | b'\\')).map(|i| at + i)
}

const ONES: u64 = 0x0101_0101_0101_0101;
const QUOTES: u64 = ONES * b'"' as u64;
const ESCAPES: u64 = ONES * b'\\' as u64;

/// The high bit of each byte that is zero. Those behind the first one may be set wrongly.
#[inline]
fn zeros(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & (ONES << 7)
}

/// An unsigned integer, and where it ends. `None` where there is another number, or one that 64 bits
/// don't hold.
#[inline]
pub(crate) fn integer(text: &[u8], from: usize) -> Option<(u64, usize)> {
    let mut at = from;
    let mut value: u64 = 0;
    // Two blocks of digits always fit.
    for _ in 0..2 {
        let Some(block) = eight(text, at) else { break };
        let digits = block ^ (ONES * u64::from(b'0'));
        // A byte above 9 gets its high bit.
        let others = (((digits & (ONES * 0x7f)) + ONES * 0x76) | digits) & (ONES << 7);
        let count = others.trailing_zeros() / 8;
        if count == 0 {
            break;
        }
        // The digits go to the end, behind zeros.
        value = value * TENS[count as usize & 15] + of_eight(digits << (64 - 8 * count));
        at += count as usize;
        if count < 8 {
            return whole(text, from, at, value);
        }
    }
    while let Some(digit) = text.get(at).map(|b| b.wrapping_sub(b'0')).filter(|d| *d <= 9) {
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
        at += 1;
    }
    whole(text, from, at, value)
}

/// The powers of ten up to that of a block, and more that are never used.
const TENS: [u64; 16] = {
    let mut tens = [1; 16];
    let mut i = 1;
    while i < 16 {
        tens[i] = tens[i - 1] * 10;
        i += 1;
    }
    tens
};

/// Whether the digits between are a whole number: a leading zero is all of one, and what goes on is a
/// fraction or an exponent.
#[inline]
fn whole(text: &[u8], from: usize, to: usize, value: u64) -> Option<(u64, usize)> {
    let is_whole = to > from && (text[from] != b'0' || to == from + 1);
    (is_whole && !matches!(text.get(to), Some(b'.' | b'e' | b'E'))).then_some((value, to))
}

#[inline]
fn eight(text: &[u8], at: usize) -> Option<u64> {
    let mut word = [0; 8];
    word.copy_from_slice(text.get(at..at + 8)?);
    Some(u64::from_le_bytes(word))
}

/// The number of eight digits, the first one lowest in memory: pairs, then fours, then all.
#[inline]
fn of_eight(digits: u64) -> u64 {
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_ffff_0000_ffff;
    fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xffff_ffff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_escapes_are_found_wherever_they_are() {
        for len in 0..40 {
            let mut text = vec![b'!'; len];
            assert_eq!(quote_or_escape(&text, 0), None, "{len}");
            for at in 0..len {
                for byte in [b'"', b'\\'] {
                    text[at] = byte;
                    for from in 0..=at {
                        assert_eq!(quote_or_escape(&text, from), Some(at));
                    }
                    assert_eq!(quote_or_escape(&text, at + 1), None);
                    text[at] = b'!';
                }
            }
        }
    }

    #[test]
    fn blocks_of_digits_are_read_as_digits_are() {
        for number in (0..64).map(|i| 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(i) >> i) {
            for behind in ["", ",", "}", ",\"next\":12345678", "/", ":", "\u{ff}aaaaaaaa"] {
                let text = format!("{number}{behind}");
                let len = number.to_string().len();
                assert_eq!(integer(text.as_bytes(), 0), Some((number, len)), "{text}");
            }
        }
    }

    #[test]
    fn integers_are_whole_and_of_64_bits() {
        for (text, value) in [
            ("0,", Some((0, 1))),
            ("0,123456789", Some((0, 1))),
            ("7}        ", Some((7, 1))),
            ("12345678,        ", Some((12_345_678, 8))),
            ("1700000000123,\"e\":1", Some((1_700_000_000_123, 13))),
            ("1234567890123456,      ", Some((1_234_567_890_123_456, 16))),
            ("18446744073709551615,      ", Some((u64::MAX, 20))),
            ("18446744073709551616,      ", None),
            ("12345678.5      ", None),
            ("00000000        ", None),
            ("12}", Some((12, 2))),
            ("18446744073709551615", Some((u64::MAX, 20))),
            ("18446744073709551616", None),
            ("99999999999999999999999", None),
            ("007", None),
            ("-1", None),
            ("1.5", None),
            ("1e3", None),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(integer(text.as_bytes(), 0), value, "{text}");
        }
    }
}
