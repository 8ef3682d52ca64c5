//! Text as terminals may see it. Names of files, records and guests' messages come from others,
//! and may hold what moves the cursor, hides text or turns the direction of reading around.

use std::borrow::Cow;

/// Whether a character steers a terminal, or the direction in which it is read.
pub fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A text of one line, with such characters as `\n` or `\u{202e}`.
pub fn line(text: &str) -> Cow<'_, str> {
    escaped(text, steers)
}

/// A text that may have several lines.
pub fn lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| c != '\n' && steers(c))
}

fn escaped(text: &str, is_escaped: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(&is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_escaped(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// JSON with such characters as JSON escapes them; there they stand in strings alone.
pub fn json(text: &str) -> Cow<'_, str> {
    if !text.chars().any(steers) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if steers(c) {
            // None of them needs two units.
            out.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_escaped() {
        let text = "\u{4f60}\u{e9} \x1b[2J\u{9b}1m\r\n\u{202e}gol.exe\u{2066}\u{200f}\x7f";
        assert_eq!(
            line(text),
            "\u{4f60}\u{e9} \\u{1b}[2J\\u{9b}1m\\r\\n\\u{202e}gol.exe\\u{2066}\\u{200f}\\u{7f}"
        );
        assert_eq!(lines("a\nb\rc"), "a\nb\\rc");
        let value: serde_json::Value = serde_json::from_str(&json("\"a\u{202e}\u{9b}\x7fb\"")).unwrap();
        assert_eq!(value, "a\u{202e}\u{9b}\x7fb");
        assert!(!json("\"\u{202e}\u{9b}\"").chars().any(steers));
        for plain in ["", "a b/\u{4f60}.log"] {
            assert!(matches!(line(plain), Cow::Borrowed(p) if p == plain));
        }
    }
}
