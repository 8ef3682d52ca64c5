//! Numbers as sources write them.

use crate::bytes::digits;

/// Why a number can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NumberFault {
    NotANumber,
    Negative,
    TooLarge,
}

/// Reads an unsigned integer; says whether it is exact, or a fraction was rounded half up.
#[inline]
pub(crate) fn unsigned(text: &str) -> Result<(u64, bool), NumberFault> {
    let bytes = text.as_bytes();
    // Floating-point numbers of some clouds are whole ones.
    match digits::read(bytes.strip_suffix(b".0").unwrap_or(bytes)) {
        Some(n) => Ok((n, true)),
        None => decimal(text, 0),
    }
}

/// Reads a decimal number times a power of ten, as an integer; exact, or rounded half up.
pub(crate) fn decimal(text: &str, shift: i32) -> Result<(u64, bool), NumberFault> {
    // Sign, digits, a fraction, an exponent. Without combinators, because many numbers come here.
    let (negative, rest) = signed(text.as_bytes());
    let (whole, mut rest) = leading_digits(rest);
    if whole.is_empty() {
        return Err(NumberFault::NotANumber);
    }
    let mut fraction: &[u8] = &[];
    if let [b'.', after @ ..] = rest {
        (fraction, rest) = leading_digits(after);
        if fraction.is_empty() {
            return Err(NumberFault::NotANumber);
        }
    }
    let mut exponent = 0;
    if let [b'e' | b'E', after @ ..] = rest {
        let (below, after) = signed(after);
        let (power, after) = leading_digits(after);
        if power.is_empty() || !after.is_empty() {
            return Err(NumberFault::NotANumber);
        }
        rest = after;
        // No number of interest has an exponent of more digits.
        if power.len() > 4 {
            return Err(NumberFault::TooLarge);
        }
        exponent = power.iter().fold(0, |n, b| n * 10 + i64::from(b - b'0'));
        if below {
            exponent = -exponent;
        }
    }
    if !rest.is_empty() {
        return Err(NumberFault::NotANumber);
    }
    // Behind the last digit there are zeros.
    let count = whole.len() + fraction.len();
    let digit = |i: usize| {
        let digit = if i < whole.len() { whole.get(i) } else { fraction.get(i - whole.len()) };
        digit.map_or(0, |b| b - b'0')
    };
    let leading = (0..count).take_while(|i| digit(*i) == 0).count();
    if leading == count {
        return Ok((0, true));
    }
    if negative {
        return Err(NumberFault::Negative);
    }
    // How many of the significant digits stand before the point.
    let before = whole.len() as i64 + exponent + i64::from(shift) - leading as i64;
    if before > 20 {
        return Err(NumberFault::TooLarge);
    }
    let mut n = 0u64;
    let next = leading + before.max(0) as usize;
    for i in leading..next {
        n = digits::times::<10>(n)
            .and_then(|n| n.checked_add(digit(i).into()))
            .ok_or(NumberFault::TooLarge)?;
    }
    if before >= 0 && digit(next) >= 5 {
        n = n.checked_add(1).ok_or(NumberFault::TooLarge)?;
    }
    Ok((n, (next..count).all(|i| digit(i) == 0)))
}

/// Takes a sign off; whether it is a minus.
fn signed(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [sign @ (b'+' | b'-'), rest @ ..] => (*sign == b'-', rest),
        _ => (false, text),
    }
}

/// Splits behind the digits that a text begins with.
fn leading_digits(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(text.iter().take_while(|b| b.is_ascii_digit()).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsigned_numbers() {
        use NumberFault::{Negative, NotANumber, TooLarge};
        let cases = [
            ("0", Ok((0, true))),
            ("007", Ok((7, true))),
            ("18446744073709551615", Ok((u64::MAX, true))),
            ("18446744073709551616", Err(TooLarge)),
            ("87.0", Ok((87, true))),
            ("34.5", Ok((35, false))),
            ("34.4999", Ok((34, false))),
            ("0.5", Ok((1, false))),
            ("0.05", Ok((0, false))),
            ("0.049", Ok((0, false))),
            ("9.5", Ok((10, false))),
            ("1.5E3", Ok((1500, true))),
            ("15e-1", Ok((2, false))),
            ("1e-9999", Ok((0, false))),
            ("1e20", Err(TooLarge)),
            ("1e99999", Err(TooLarge)),
            ("0e99999", Err(TooLarge)),
            ("0e99", Ok((0, true))),
            ("-0", Ok((0, true))),
            ("-5", Err(Negative)),
            ("+5", Ok((5, true))),
            ("", Err(NotANumber)),
            ("1.", Err(NotANumber)),
            (".5", Err(NotANumber)),
            ("1,5", Err(NotANumber)),
            ("0x10", Err(NotANumber)),
            ("1e", Err(NotANumber)),
            ("1e+", Err(NotANumber)),
            ("1.e5", Err(NotANumber)),
            ("1E+2", Ok((100, true))),
            ("-1e2", Err(Negative)),
            ("1-", Err(NotANumber)),
            ("--1", Err(NotANumber)),
            ("1 ", Err(NotANumber)),
            ("1é", Err(NotANumber)),
            ("-", Err(NotANumber)),
            ("1e00002", Err(TooLarge)),
            ("1e99999999999999999999", Err(TooLarge)),
            ("٣", Err(NotANumber)),
        ];
        for (text, want) in cases {
            assert_eq!(unsigned(text), want, "{text:?}");
        }
    }

    #[test]
    fn whole_numbers_with_a_point_are_read_as_others_are() {
        for text in [
            "0.0",
            "7.0",
            "007.0",
            ".0",
            "-.0",
            "-5.0",
            "+3.0",
            "1.0.0",
            "1.00",
            "9999999999999999999.0",
            "18446744073709551615.0",
            "18446744073709551616.0",
        ] {
            assert_eq!(unsigned(text), decimal(text, 0), "{text}");
        }
    }

    /// Wherever the point stands, and whatever the exponent makes of that.
    #[test]
    fn points_and_exponents() {
        for n in [1_u64, 5, 49, 50, 405, 499, 1_718_000_388, 9_999_999_995, u64::MAX] {
            let digits = n.to_string();
            for point in 0..=digits.len() {
                for (exponent, shift) in (-22..=22).flat_map(|e| [(e, 0), (e, 3)]) {
                    let (whole, fraction) = digits.split_at(point);
                    let text = match (whole, fraction) {
                        ("", fraction) => format!("00.{fraction}e{exponent}"),
                        (whole, "") => format!("{whole}e{exponent}"),
                        (whole, fraction) => format!("{whole}.{fraction}e{exponent}"),
                    };
                    let power = exponent + shift - fraction.len() as i32;
                    let tens = |n: i32| 10_u128.checked_pow(n.unsigned_abs()).unwrap_or(u128::MAX);
                    let want = match power {
                        0.. => (u128::from(n).saturating_mul(tens(power)), true),
                        _ => {
                            let (whole, rest) = (u128::from(n) / tens(power), u128::from(n) % tens(power));
                            (whole + u128::from(rest >= tens(power).div_ceil(2)), rest == 0)
                        }
                    };
                    let want = u64::try_from(want.0).map(|n| (n, want.1)).map_err(|_| NumberFault::TooLarge);
                    assert_eq!(decimal(&text, shift), want, "{text} {shift}");
                }
            }
        }
    }
}
