//! Decimal digits, read and written eight at a time.

use crate::bytes::put::{self, Written};

/// The number that the first bytes are, of which it is known that they are one as it goes out.
#[inline(always)]
pub(crate) fn known(text: &[u8], len: usize) -> Option<u64> {
    let first: u64 = u64::from_le_bytes(*text.first_chunk()?) & 0x0f0f_0f0f_0f0f_0f0f;
    match len {
        1..=8 => Some(number_of_digits(first << (64 - 8 * len))),
        9..=16 => {
            let [_, last @ ..] = text.get(len - 9..)? else { return None };
            let last = u64::from_le_bytes(*last.first_chunk()?) & 0x0f0f_0f0f_0f0f_0f0f;
            let high = number_of_digits(first << (64 - 8 * (len - 8)));
            Some(high * 100_000_000 + number_of_digits(last))
        }
        _ => read(text.get(..len)?),
    }
}

/// Reads up to 19 digits and nothing else.
#[inline]
pub(crate) fn read(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 19 {
        return None;
    }
    let (eights, rest) = text.as_chunks();
    let mut n = 0u64;
    for eight in eights {
        n = n * 100_000_000 + read_eight_digits(u64::from_le_bytes(*eight))?;
    }
    if let (Some(first), Some(last)) = (rest.first_chunk(), rest.last_chunk()) {
        // Four and four that overlap, behind zeros.
        let (behind, len) = (8 * (rest.len() as u32 - 4), rest.len() as u32);
        let word = u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << behind;
        let word = (word << (64 - 8 * len)) | (ZEROS >> (8 * len));
        return Some(n * 10u64.pow(len) + read_eight_digits(word)?);
    }
    for &b in rest {
        let d = b.wrapping_sub(b'0');
        if d > 9 {
            return None;
        }
        n = n * 10 + u64::from(d);
    }
    Some(n)
}

/// The digit 0, eight times.
pub(crate) const ZEROS: u64 = 0x3030_3030_3030_3030;

/// The number that eight characters make, the first in the lowest byte, if they are digits.
#[inline]
fn read_eight_digits(word: u64) -> Option<u64> {
    let digits = word ^ ZEROS;
    // No byte is above 9: its high half is empty, and stays so with 6 more.
    let more = (digits & 0x7f7f_7f7f_7f7f_7f7f) + 0x0606_0606_0606_0606;
    if (digits | more) & 0xf0f0_f0f0_f0f0_f0f0 != 0 {
        return None;
    }
    Some(number_of_digits(digits))
}

/// The number that eight digits make, the first in the lowest byte.
#[inline(always)]
pub(crate) fn number_of_digits(digits: u64) -> u64 {
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let high = (pairs & 0xff_0000_00ff).wrapping_mul(0x000f_4240_0000_0064);
    let low = (pairs >> 16 & 0xff_0000_00ff).wrapping_mul(0x0000_2710_0000_0001);
    high.wrapping_add(low) >> 32
}

/// The number times `BY`. Unlike `checked_mul` it is not a multiplication of 128 bits, for which
/// a sandbox calls a function.
#[inline(always)]
pub(crate) fn times<const BY: u64>(n: u64) -> Option<u64> {
    (n <= u64::MAX / BY).then(|| n * BY)
}

/// Eight decimal digits of a number below 10^8, a byte each, the first lowest.
#[inline(always)]
fn eight_digits(n: u64) -> u64 {
    let fours = (n / 10_000) | ((n % 10_000) << 32);
    let hundreds = ((fours * 10_486) >> 20) & 0x7f_0000_007f;
    let pairs = hundreds | (fours - hundreds * 100) << 16;
    let tens = ((pairs * 103) >> 10) & 0x000f_000f_000f_000f;
    tens | (pairs - tens * 10) << 8
}

/// Writes a number in decimal.
#[inline(always)]
pub(crate) fn write(buffer: &mut [u8], at: usize, n: u64) -> Written {
    const EIGHT: u64 = 100_000_000;
    if n >= EIGHT {
        let end = large(buffer, at, n / EIGHT)?;
        put::block(buffer, end, &(eight_digits(n % EIGHT) | ZEROS).to_le_bytes())?;
        return Some(end + 8);
    }
    let digits = eight_digits(n);
    // The last digit is there, even if it is 0.
    let skipped = (digits | 1 << 56).trailing_zeros() / 8;
    put::block(buffer, at, &((digits | ZEROS) >> (8 * skipped)).to_le_bytes())?;
    Some(at + 8 - skipped as usize)
}

/// The digits in front of the last eight.
#[inline(never)]
fn large(buffer: &mut [u8], at: usize, n: u64) -> Written {
    write(buffer, at, n)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(n: u64) -> String {
        let mut buffer = [0; 64];
        let end = super::write(&mut buffer, 0, n).unwrap();
        str::from_utf8(&buffer[..end]).unwrap().to_owned()
    }

    #[test]
    fn numbers() {
        let powers = (0..20).map(|e| 10u64.pow(e));
        let near = powers.flat_map(|p| [p - 1, p, p + 1, p / 3]);
        for n in near.chain([65535, 1_548_752_136_000, 12_345_678, u64::MAX]) {
            assert_eq!(written(n), n.to_string());
        }
    }

    #[test]
    fn known_numbers() {
        let powers = (0..19).map(|e| 10u64.pow(e));
        for n in powers.flat_map(|p| [p - 1, p, p + 1, p / 3, 7 * p]) {
            let text = n.to_string();
            for behind in ["                ", ",\"x\":123456789012", "9999999999999999"] {
                assert_eq!(known(format!("{text}{behind}").as_bytes(), text.len()), Some(n));
            }
        }
        assert_eq!((known(b"12", 2), known(&[b'1'; 40], 0), known(&[b'1'; 40], 20)), (None, None, None));
    }

    #[test]
    fn products_that_are_too_large_are_none() {
        let most = u64::MAX / 1000;
        assert_eq!([0, 1, most, most + 1].map(times::<1000>), [Some(0), Some(1000), Some(most * 1000), None]);
        assert_eq!(times::<1>(u64::MAX), Some(u64::MAX));
    }

    #[test]
    fn digits_of_any_number() {
        for text in ["0", "7", "42", "999", "1234", "65535", "000001", "9999999", "12345678", "1548752136"] {
            assert_eq!(read(text.as_bytes()), text.parse().ok(), "{text}");
        }
        let longest = "9876543210123456789";
        for len in 0..longest.len() + 1 {
            let text = &longest[..len];
            assert_eq!(read(text.as_bytes()), text.parse().ok(), "{text}");
            // Anything else at any place.
            for at in 0..len {
                for byte in (0..=255u8).filter(|b| !b.is_ascii_digit()) {
                    let mut text = text.as_bytes().to_vec();
                    text[at] = byte;
                    assert_eq!(read(&text), None, "{text:?}");
                }
            }
        }
        assert_eq!(read(b"00000000000000000001"), None, "twenty digits");
    }
}
