//! What each reader of JSON can read of `extra`: numbers with a type, and arrays and objects. The rest
//! becomes text.

use crate::{
    base::limits,
    bytes::sort,
    json::{
        output::Output,
        read::{self as json, behind_blanks},
    },
    value::{
        double,
        raw::{Raw, Span},
    },
};

/// So many keys, of all objects that are open, are compared without more memory.
const FEW: usize = 24;

/// Appends a value as a string that has its JSON text.
pub(super) fn write_as_text(value: Raw<'_>, out: &mut Output) {
    out.push(b'"');
    out.write(|buffer, at| json::compact_as_text(value.text, buffer, at));
    out.push(b'"');
}

/// Whether readers with a type for each number, and a place for each key, can read a value, which was
/// checked: no number in it is without a type, and no object has a key twice.
pub(crate) fn is_readable(value: &str) -> bool {
    is_simple(value).unwrap_or_else(|| is_each_key_once(value))
}

/// Whether it can be read, as far as that is told without more memory. `None` where many keys, or a
/// key with an escape, are to be compared; the numbers are good then.
fn is_simple(value: &str) -> Option<bool> {
    let bytes = value.as_bytes();
    let mut keys = [""; FEW];
    // How many keys stood before those of each object that is open.
    let mut open = [0_u8; limits::DEPTH];
    let (mut depth, mut count, mut many, mut pos) = (0, 0, false, 0);
    while let Some(byte) = bytes.get(pos) {
        let start = pos;
        pos += 1;
        match byte {
            b'{' => {
                many |= depth == open.len();
                if let Some(place) = open.get_mut(depth) {
                    *place = count as u8;
                }
                depth += 1;
            }
            b'}' => {
                depth = depth.saturating_sub(1);
                count = open.get(depth).map_or(0, |before| usize::from(*before));
            }
            b'"' => {
                while let Some(byte) = bytes.get(pos)
                    && *byte != b'"'
                {
                    pos += 1 + usize::from(*byte == b'\\');
                }
                let key = value.get(start + 1..pos).unwrap_or_default();
                pos = behind_blanks(bytes, pos + 1);
                if many || bytes.get(pos) != Some(&b':') {
                    continue;
                }
                let before = depth.checked_sub(1).and_then(|i| open.get(i)).map_or(0, |b| usize::from(*b));
                if keys.get(before..count).unwrap_or_default().contains(&key) {
                    return Some(false);
                }
                many |= key.contains('\\') || count == FEW;
                if let Some(place) = keys.get_mut(count) {
                    *place = key;
                    count += 1;
                }
            }
            b'-' | b'0'..=b'9' => {
                let number = value[start..].split([',', ']', '}', ' ', '\t', '\n', '\r']).next();
                let number = number.unwrap_or_default();
                if !is_typed(number) {
                    return Some(false);
                }
                pos = start + number.len();
            }
            _ => {}
        }
    }
    (!many).then_some(true)
}

/// Whether no object in a value has a key twice.
#[cold]
#[inline(never)]
fn is_each_key_once(value: &str) -> bool {
    let bytes = value.as_bytes();
    let (mut keys, mut unescaped) = (Vec::<Span>::new(), String::new());
    // Where the keys of each object begin that is open.
    let mut open = Vec::new();
    let mut pos = 0;
    while let Some(byte) = bytes.get(pos) {
        match byte {
            b'{' => open.push(keys.len()),
            b'}' => {
                let start = open.pop().unwrap_or_default();
                if !each_once(&mut keys[start..], value, &unescaped) {
                    return false;
                }
                keys.truncate(start);
            }
            b'"' => {
                let Some((text, end)) = json::value(value, pos, &mut unescaped) else { return false };
                pos = behind_blanks(bytes, end);
                if bytes.get(pos) == Some(&b':') {
                    keys.push(text);
                }
                continue;
            }
            _ => {}
        }
        pos += 1;
    }
    true
}

/// Whether a number is one that readers have a type for: an integer of 64 bits with a sign, or a
/// double. Others are written as strings.
#[inline]
pub(super) fn is_typed(number: &str) -> bool {
    // Most are short and have no exponent.
    let plain = number.bytes().all(|b| b.is_ascii_digit());
    plain && number.len() <= 18 || is_typed_at_length(number, plain)
}

#[inline(never)]
pub(super) fn is_typed_at_length(number: &str, plain: bool) -> bool {
    match plain || !number.contains(['.', 'e', 'E']) {
        true => number.parse::<i64>().is_ok(),
        false => double::finite(number).is_some(),
    }
}

/// Whether no two of these keys are the same.
fn each_once(keys: &mut [Span], text: &str, unescaped: &str) -> bool {
    let name = |key: &Span| key.of(text, unescaped);
    if sort::few_and_each_once(keys.len(), &|i| name(&keys[i])) {
        return true;
    }
    sort::sort_by(keys, |a, b| name(a) < name(b));
    keys.windows(2).all(|pair| name(&pair[0]) != name(&pair[1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_strict_reader_takes_is_readable() {
        let many: Vec<String> = (0..40).map(|i| format!("\"k{i}\":{i}")).collect();
        let many = many.join(",");
        for text in [
            "[]",
            "{}",
            r#"{"a":1,"b":{"a":2},"c":[{"a":3},{"a":4}]}"#,
            r#"{"\u0061":1,"b":{"a":1},"c\n":2}"#,
            &format!("{}1{}", "{\"a\":".repeat(62), "}".repeat(62)),
            r#"["a","a",{"a" : "a","b":"\"a\":"}]"#,
            r#"[9223372036854775807,-9223372036854775808,1.5e300,-0.0,true,null]"#,
            r#"{"a":"9223372036854775808","b":"1e999"}"#,
            &format!("{{{many}}}"),
        ] {
            assert!(is_readable(text), "{text}");
        }
        for text in [
            r#"{"a":1,"b":2,"a":1}"#,
            r#"{"\u0061":1,"b":9223372036854775808}"#,
            r#"[[{"x":{"a":1,"\u0061":2}}]]"#,
            r#"{"a":{"a":1},"a":2}"#,
            "[9223372036854775808]",
            "[ 1 , -9223372036854775809 ]",
            r#"{"a":1e400}"#,
            &format!("{{{many},\"k7\":0}}"),
            &format!("{{{many},\"n\":1e999}}"),
            &format!("{}1{}", "{\"b\":2,\"b\":".repeat(62), "}".repeat(62)),
        ] {
            assert!(!is_readable(text), "{text}");
        }
    }
}
