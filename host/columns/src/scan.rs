//! Where JSON values end, for text that is mostly short.

/// The first quote or backslash from there on.
#[inline]
pub(crate) fn quote_or_escape(text: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    // Eight at once: a byte that equals one of the two becomes zero, and the lowest zero is found.
    while let Some(chunk) = text.get(at..at + 8) {
        let mut word = [0; 8];
        word.copy_from_slice(chunk);
        let word = u64::from_le_bytes(word);
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
    while let Some(digit) = text.get(at).map(|b| b.wrapping_sub(b'0')).filter(|d| *d <= 9) {
        value = match at - from {
            // 18 digits always fit.
            0..18 => value * 10 + u64::from(digit),
            _ => value.checked_mul(10)?.checked_add(u64::from(digit))?,
        };
        at += 1;
    }
    // A leading zero is the whole number, and what goes on is a fraction or an exponent.
    let is_whole = at > from && (text[from] != b'0' || at == from + 1);
    (is_whole && !matches!(text.get(at), Some(b'.' | b'e' | b'E'))).then_some((value, at))
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
    fn integers_are_whole_and_of_64_bits() {
        for (text, value) in [
            ("0,", Some((0, 1))),
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
