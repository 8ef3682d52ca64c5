//! Reads numbers of any size as doubles, for filters. The library does so faster where a number
//! is long, from tables of 12 KB; what filters see is short, and then this is as fast.

use std::cmp::Ordering;

/// So many digits are read at once.
const CHUNK: usize = 9;
/// Of more digits than these it only counts whether all are zeros: what lies in the middle between
/// two doubles has fewer.
const DIGITS: usize = 86 * CHUNK;
/// What is smaller than a double that is not zero, or larger than any, as the exponent of ten.
const EXPONENTS: (i64, i64) = (-330, 310);

/// A finite number as the library reads it: the nearest double, of two the even one.
pub(crate) fn finite(text: &str) -> Option<f64> {
    let (negative, text) = unsigned(text.as_bytes());
    let number = Decimal::read(text)?;
    let made = number.quickly().or_else(|| number.slowly())?;
    Some(if negative { -made } else { made })
}

/// A number as text, to be compared with integers: exactly, unless it has an exponent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Number {
    /// Below zero.
    Negative,
    /// So much, and whether there is a fraction behind it.
    Plain(u64, bool),
    /// More than any integer here.
    Large,
    /// The nearest double.
    Double(f64),
}

impl Number {
    /// Reads one, as [`finite`] does.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (negative, digits) = unsigned(text.as_bytes());
        let point = digits.iter().position(|b| *b == b'.').unwrap_or(digits.len());
        let (whole, fraction) = (&digits[..point], digits.get(point + 1..).unwrap_or_default());
        if !whole.iter().chain(fraction).all(u8::is_ascii_digit) {
            return finite(text).map(Self::Double);
        }
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let fraction = fraction.iter().any(|b| *b != b'0');
        let digit = |n: u64, b: &u8| n.checked_mul(10)?.checked_add(u64::from(*b - b'0'));
        let number = whole.iter().try_fold(0, digit);
        Some(match number {
            Some(0) if !fraction => Self::Plain(0, false),
            _ if negative => Self::Negative,
            Some(n) => Self::Plain(n, fraction),
            None => Self::Large,
        })
    }

    /// How it compares with an integer.
    pub(crate) fn order(self, n: u64) -> Option<Ordering> {
        match self {
            Self::Negative => Some(Ordering::Less),
            Self::Plain(whole, fraction) => Some(whole.cmp(&n).then(fraction.cmp(&false))),
            Self::Large => Some(Ordering::Greater),
            Self::Double(v) => v.partial_cmp(&(n as f64)),
        }
    }
}

fn unsigned(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [sign @ (b'-' | b'+'), text @ ..] => (*sign == b'-', text),
        text => (false, text),
    }
}

/// Digits, and the power of ten of the last of them.
struct Decimal<'t> {
    /// Digits and perhaps a point.
    text: &'t [u8],
    /// How many digits there are from the first that is no zero.
    count: usize,
    /// What they are, if they are 19 at most.
    number: u64,
    exponent: i64,
}

impl<'t> Decimal<'t> {
    fn read(text: &'t [u8]) -> Option<Self> {
        let mut made = Self { text, count: 0, number: 0, exponent: 0 };
        let (mut digits, mut point) = (false, false);
        for (at, b) in text.iter().enumerate() {
            match b {
                b'0'..=b'9' => {
                    made.number = made.number.wrapping_mul(10).wrapping_add(u64::from(*b - b'0'));
                    made.count += usize::from(made.count > 0 || *b != b'0');
                    made.exponent -= i64::from(point);
                    digits = true;
                }
                b'.' if !point => point = true,
                b'e' | b'E' => {
                    made.text = &text[..at];
                    made.exponent += exponent(&text[at + 1..])?;
                    break;
                }
                _ => return None,
            }
        }
        digits.then_some(made)
    }

    fn digits(&self) -> impl Iterator<Item = u32> {
        let digits = self.text.iter().filter(|b| **b != b'.').map(|b| u32::from(*b - b'0'));
        digits.skip_while(|d| *d == 0)
    }

    /// Up to 19 digits with a small power of ten.
    fn quickly(&self) -> Option<f64> {
        const EXACT: u64 = 1 << f64::MANTISSA_DIGITS;
        const TENS: [f64; 23] = [
            1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
            1e18, 1e19, 1e20, 1e21, 1e22,
        ];
        if self.count > 19 {
            return None;
        }
        let number = self.number;
        let tens = usize::try_from(self.exponent.unsigned_abs()).ok()?;
        // Where both are doubles, one operation rounds the result.
        if number <= EXACT {
            let (number, power) = (number as f64, TENS.get(tens)?);
            return Some(if self.exponent < 0 { number / power } else { number * power });
        }
        if tens > 18 {
            return None;
        }
        let (number, power) = (u128::from(number), 10u128.pow(tens as u32));
        if self.exponent >= 0 {
            return Some((number * power) as f64);
        }
        // So many bits of the quotient, 57 and more, that the last stands for all behind it.
        let quotient = (number << 64) / power;
        let more = quotient * power != number << 64;
        Some((quotient | u128::from(more)) as f64 / 2f64.powi(64))
    }

    /// All others: divides digit by digit, with as many digits as it takes.
    fn slowly(&self) -> Option<f64> {
        // The value lies between this power of ten and the one below.
        let magnitude = self.exponent + self.count as i64;
        if self.count == 0 || magnitude < EXPONENTS.0 {
            return Some(0.0);
        }
        if magnitude > EXPONENTS.1 {
            return None;
        }
        let (mut value, mut unit) = (Big::ONE, Big::ONE);
        value.limbs[0] = 0;
        let (mut chunk, mut scale) = (0, 1);
        for digit in self.digits().take(DIGITS) {
            (chunk, scale) = (chunk * 10 + digit, scale * 10);
            if scale == 10u32.pow(CHUNK as u32) {
                value.multiply(scale, chunk);
                (chunk, scale) = (0, 1);
            }
        }
        value.multiply(scale, chunk);
        let mut exponent = self.exponent + self.count.saturating_sub(DIGITS) as i64;
        if self.digits().skip(DIGITS).any(|d| d != 0) {
            value.multiply(10, 1);
            exponent -= 1;
        }
        let tens = if exponent < 0 { &mut unit } else { &mut value };
        tens.multiply_by_tens(exponent.unsigned_abs() as usize);
        // Now the value is as many units as it has of two to this power, and less than two of them.
        let mut power = value.bits() - unit.bits();
        let smaller = if power < 0 { &mut value } else { &mut unit };
        smaller.shift(power.unsigned_abs() as usize);
        if value.cmp(&unit).is_lt() {
            value.multiply(2, 0);
            power -= 1;
        }
        if power > 1023 {
            return None;
        }
        // Below the smallest normal exponent there are fewer bits.
        let bits = i32::min(53, 53 + 1022 + power);
        let mut mantissa = 0u64;
        for _ in 0..bits {
            mantissa *= 2;
            if value.cmp(&unit).is_ge() {
                value.subtract(&unit);
                mantissa += 1;
            }
            value.multiply(2, 0);
        }
        let up = match value.cmp(&unit) {
            _ if bits < 0 => false,
            Ordering::Less => false,
            Ordering::Equal => mantissa % 2 == 1,
            Ordering::Greater => true,
        };
        // What is carried out of the mantissa goes on in the exponent.
        let exponent = u64::try_from(power + 1022).unwrap_or(0) << 52;
        Some(f64::from_bits(exponent + mantissa + u64::from(up))).filter(|n| n.is_finite())
    }
}

/// Reads the exponent; what is beyond any use is some large number.
fn exponent(text: &[u8]) -> Option<i64> {
    let (sign, digits) = match text {
        [b'-', digits @ ..] => (-1, digits),
        [b'+', digits @ ..] => (1, digits),
        digits => (1, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let number = digits.iter().try_fold(0, |n: i64, b| {
        b.is_ascii_digit().then(|| i64::min(n * 10 + i64::from(*b - b'0'), 1 << 40))
    })?;
    Some(sign * number)
}

/// A large number: its last 32 bits first, and no zeros behind its first ones. It has room for the
/// digits that are read, and for the power of ten of the smallest double with as many.
struct Big {
    limbs: [u32; 120],
    len: usize,
}

const _: () = assert!(120 * 32 * 3 > (330 + DIGITS + 1) * 10, "ten has less than 10/3 bits");

impl Big {
    const ONE: Self = Self {
        limbs: {
            let mut one = [0; 120];
            one[0] = 1;
            one
        },
        len: 1,
    };

    /// Multiplies, and adds.
    fn multiply(&mut self, by: u32, plus: u32) {
        let mut carry = u64::from(plus);
        for limb in self.limbs.iter_mut().take(self.len) {
            carry += u64::from(*limb) * u64::from(by);
            *limb = carry as u32;
            carry >>= 32;
        }
        if carry > 0
            && let Some(limb) = self.limbs.get_mut(self.len)
        {
            *limb = carry as u32;
            self.len += 1;
        }
    }

    fn multiply_by_tens(&mut self, mut tens: usize) {
        while tens > 0 {
            let some = tens.min(CHUNK);
            self.multiply(10u32.pow(some as u32), 0);
            tens -= some;
        }
    }

    fn shift(&mut self, mut bits: usize) {
        while bits > 0 {
            let some = bits.min(31);
            self.multiply(1 << some, 0);
            bits -= some;
        }
    }

    fn bits(&self) -> i32 {
        let first = self.limbs.get(self.len - 1).map_or(0, |limb| limb.leading_zeros());
        (self.len * 32) as i32 - first as i32
    }

    fn cmp(&self, other: &Self) -> Ordering {
        let pairs = self.limbs.iter().zip(&other.limbs).take(self.len.max(other.len));
        pairs.fold(Ordering::Equal, |below, (a, b)| a.cmp(b).then(below))
    }

    /// Takes away what is not larger.
    fn subtract(&mut self, other: &Self) {
        let mut borrow = false;
        for (limb, other) in self.limbs.iter_mut().zip(&other.limbs).take(self.len) {
            (*limb, borrow) = limb.borrowing_sub(*other, borrow);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Numbers without an exponent are compared as they stand there, and the others as doubles.
        #[test]
        fn numbers_compare_with_integers(
            near in 0u64..=u64::MAX,
            by in 0u64..3,
            tail in "(\\.[0-9]{0,3})?(e[0-2])?",
            sign in "[-+]?",
        ) {
            let (number, n) = (near.saturating_add(by), near.saturating_add(1));
            let text = format!("{sign}{number}{tail}");
            let order = Number::read(&text).and_then(|v| v.order(n));
            let fraction = tail.bytes().any(|b| matches!(b, b'1'..=b'9'));
            let want = match (tail.contains('e'), sign == "-" && (number > 0 || fraction)) {
                (true, _) => text.parse::<f64>().unwrap().partial_cmp(&(n as f64)),
                (_, true) => Some(Ordering::Less),
                _ => Some(number.cmp(&n).then(fraction.cmp(&false))),
            };
            prop_assert_eq!(order, want, "{} {}", text, n);
            prop_assert_eq!(Number::read(&text).is_some(), finite(&text).is_some());
        }
    }

    fn agrees(text: &str) -> Result<(), TestCaseError> {
        let want = text.parse::<f64>().ok().filter(|n| n.is_finite());
        prop_assert_eq!(finite(text).map(f64::to_bits), want.map(f64::to_bits), "{}", text);
        Ok(())
    }

    #[test]
    fn edges_agree_with_std() {
        let texts = [
            "",
            "+",
            "-",
            ".",
            "e",
            "1e",
            "1e+",
            ".e1",
            "e1",
            "1.",
            ".5",
            "-.5",
            "+1.5",
            "1..2",
            "1.2.3",
            "--1",
            "0x1",
            "1_0",
            " 1",
            "1 ",
            "inf",
            "-Infinity",
            "nan",
            "0",
            "-0",
            "-0.0e5",
            "000.000",
            "00012.50",
            "1e5",
            "1E-5",
            "1e+05",
            "9007199254740992",
            "9007199254740993",
            "9007199254740993.0000000000000000000000000000000001",
            "18446744073709551615",
            "18446744073709551616",
            "1e22",
            "1e23",
            "123456789e-22",
            "4.9e-324",
            "5e-324",
            "2.4703282292062327e-324",
            "2.4703282292062328e-324",
            "2e-324",
            "2.2250738585072011e-308",
            "2.2250738585072014e-308",
            "1.7976931348623157e308",
            "1.7976931348623158e308",
            "1.7976931348623159e308",
            "1e309",
            "1e-400",
            "0e999999999999999999999",
            "1e999999999999999999999",
            "1e-999999999999999999999",
            "0.1",
            "0.30000000000000004",
            "1.00000000000000011102230246251565404236316680908203125",
            "1.00000000000000011102230246251565404236316680908203124",
            "1.00000000000000011102230246251565404236316680908203126",
        ];
        for text in texts {
            agrees(text).unwrap();
        }
        for digits in [700, 764, 766, 767, 768, 772, 773, 774, 775, 800, 5000] {
            for end in ["", "0", "1", "5", "e-300", "1e-400", "0e-1000", "e-6000"] {
                agrees(&format!("1{}{end}", "0".repeat(digits))).unwrap();
                agrees(&format!("0.{}1{end}", "0".repeat(digits))).unwrap();
                agrees(&format!("{}{end}", "9".repeat(digits))).unwrap();
                agrees(&format!("0.{}{end}", "3".repeat(digits))).unwrap();
            }
        }
    }

    /// A double, and the middle between it and the next one, written out.
    fn halves(number: f64) -> [String; 2] {
        let next = f64::from_bits(number.to_bits() + 1);
        let (low, high) = (format!("{number:.1100}"), format!("{next:.1100}"));
        // The sum, digit by digit, and then a half of it.
        let (mut carry, mut sum) = (0, Vec::new());
        let width = low.len().max(high.len());
        let digits = |text: &str| format!("{text:0>width$}").into_bytes();
        for (a, b) in digits(&low).into_iter().zip(digits(&high)).rev() {
            if a == b'.' {
                sum.push(b'.');
                continue;
            }
            let s = a - b'0' + b - b'0' + carry;
            carry = s / 10;
            sum.push(b'0' + s % 10);
        }
        sum.push(b'0' + carry);
        let mut rest = 0;
        for digit in sum.iter_mut().rev().filter(|b| **b != b'.') {
            let whole = rest * 10 + *digit - b'0';
            (*digit, rest) = (b'0' + whole / 2, whole % 2);
        }
        sum.reverse();
        [low, String::from_utf8(sum).unwrap()]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn numbers_agree_with_std(text in "[+-]?[0-9]{0,25}(\\.[0-9]{0,25})?([eE][+-]?[0-9]{1,3})?") {
            agrees(&text)?;
        }

        #[test]
        fn short_numbers_agree_with_std(digits in any::<u64>(), exponent in -25..25) {
            agrees(&format!("{digits}e{exponent}"))?;
        }

        /// Numbers of 17 and more digits that lie near the middle between two doubles.
        #[test]
        fn near_middles_agree_with_std(odd in (1u64 << 53)..(1 << 54), shift in 0u32..9, near in -2i64..3, tens in 0u32..18) {
            let middle = ((odd | 1) << shift).saturating_add_signed(near);
            agrees(&format!("{middle}"))?;
            agrees(&format!("{middle}e-{tens}"))?;
            agrees(&format!("{middle}e{tens}"))?;
            let exact = u128::from(odd | 1) * 5u128.pow(18 - tens.min(18));
            agrees(&format!("{exact}e-18"))?;
        }

        #[test]
        fn long_numbers_agree_with_std(text in "[0-9]{0,900}(\\.[0-9]{0,900})?(e-?[0-9]{1,3})?") {
            agrees(&text)?;
        }

        #[test]
        fn doubles_agree_with_std(bits in any::<u64>()) {
            let number = f64::from_bits(bits);
            agrees(&format!("{number:e}"))?;
            agrees(&format!("{number}"))?;
        }

        #[test]
        fn middles_agree_with_std(bits in 0u64..(0x7fe << 52), last in 0u8..3) {
            for exact in halves(f64::from_bits(bits)) {
                agrees(&exact)?;
                // A little more.
                agrees(&format!("{exact}{last}"))?;
                // And a little less.
                let mut less = exact.into_bytes();
                if let Some(digit) = less.iter_mut().rev().find(|b| **b > b'0') {
                    *digit -= 1;
                }
                agrees(std::str::from_utf8(&less).unwrap())?;
            }
        }

        #[test]
        fn any_text_agrees_with_std(text in "[-+.eE0-9a]{0,12}") {
            agrees(&text)?;
        }
    }
}
