//! Reads the JSON of one record into its members, without a tree and without allocating
//! for each record. Everything is checked as RFC 8259 asks, so that a nested value can be
//! copied as it is.

use std::borrow::Cow;

use crate::{
    base::limits,
    bytes::{
        put::{self, Written},
        scan::{self, Block, Marks},
    },
    json::members::Member,
    value::raw::Span,
};

/// What is wrong with a text that should be JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct JsonFault {
    /// In bytes, from 0.
    pub(crate) offset: usize,
    pub(crate) what: &'static str,
}

struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    pos: usize,
}

type Result<T> = std::result::Result<T, JsonFault>;

/// Reads the object or array that `text` is, and nothing else but blanks around it.
/// What was read before a fault stays in `members`.
pub(crate) fn read_members(text: &str, members: &mut Vec<Member>, unescaped: &mut String) -> Result<()> {
    members.clear();
    unescaped.clear();
    let mut r = Reader { text, bytes: text.as_bytes(), pos: 0 };
    r.blanks();
    let object = match r.next() {
        Some(b'{') => true,
        Some(b'[') => false,
        _ => return Err(r.fault_before("expected '{' or '['")),
    };
    let end = if object { b'}' } else { b']' };
    r.blanks();
    if r.peek() == Some(end) {
        r.pos += 1;
    } else {
        loop {
            r.blanks();
            let mut key = Span::default();
            if object {
                if r.next() != Some(b'"') {
                    return Err(r.fault_before("expected a key in double quotes"));
                }
                key = r.string(unescaped)?;
                r.blanks();
                if r.next() != Some(b':') {
                    return Err(r.fault_before("expected ':'"));
                }
                r.blanks();
            }
            let value = r.value(unescaped)?;
            members.push(Member { key, value });
            r.blanks();
            match r.next() {
                Some(b',') => {}
                Some(b) if b == end => break,
                _ if object => return Err(r.fault_before("expected ',' or '}'")),
                _ => return Err(r.fault_before("expected ',' or ']'")),
            }
        }
    }
    r.blanks();
    if r.pos < r.bytes.len() {
        return Err(r.fault("expected the end"));
    }
    Ok(())
}

/// Whether a text is an object, and nothing else but blanks around it.
pub(crate) fn is_object(text: &[u8]) -> bool {
    let object = |text: &str| read_members(text, &mut Vec::new(), &mut String::new()).is_ok();
    text.trim_ascii_start().starts_with(b"{") && std::str::from_utf8(text).is_ok_and(object)
}

/// What is whole of a text that may break off, with the brackets closed that are open there. A last
/// member is left out unless a comma or a bracket behind it tells that it is whole.
pub(crate) fn closed(text: &str) -> Cow<'_, str> {
    let (mut open, mut whole) = (Vec::new(), 0);
    let mut bytes = text.bytes().enumerate();
    while let Some((i, b)) = bytes.next() {
        match b {
            b'"' => {
                while bytes.next().is_some_and(|(_, b)| b != b'"' && (b != b'\\' || bytes.next().is_some())) {
                }
            }
            b'{' | b'[' => {
                // `}` and `]` are two behind them.
                open.push(char::from(b + 2));
                whole = i + 1;
            }
            b'}' | b']' => {
                open.pop();
                whole = i + 1;
            }
            b',' => whole = i,
            _ => {}
        }
    }
    if open.is_empty() {
        return text.into();
    }
    text[..whole].chars().chain(open.into_iter().rev()).collect()
}

/// Reads the value at a place, and says where it ends.
pub(crate) fn value(text: &str, pos: usize, unescaped: &mut String) -> Option<(Span, usize)> {
    // A place may lie behind the text, where that breaks off and others follow.
    text.as_bytes().get(pos)?;
    let mut reader = Reader { text, bytes: text.as_bytes(), pos };
    let value = reader.value(unescaped).ok()?;
    Some((value, reader.pos))
}

/// Steps over a key in quotes with what stands before it, a colon and blanks between; says
/// where the key lies, and where its value begins.
#[inline(never)]
pub(crate) fn key_among_blanks(text: &str, pos: usize, before: u8, quoted: &[u8]) -> Option<(Span, usize)> {
    let mut reader = Reader { text, bytes: text.as_bytes(), pos };
    reader.blanks();
    if reader.next()? != before {
        return None;
    }
    reader.blanks();
    if !reader.bytes.get(reader.pos..)?.starts_with(quoted) {
        return None;
    }
    let start = reader.pos + 1;
    reader.pos += quoted.len();
    let key = Span::plain(start, reader.pos - 1);
    reader.blanks();
    if reader.next()? != b':' {
        return None;
    }
    reader.blanks();
    Some((key, reader.pos))
}

impl Reader<'_> {
    #[inline]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.pos).copied()
    }

    #[inline]
    fn next(&mut self) -> Option<u8> {
        let b = self.peek();
        self.pos += 1;
        b
    }

    fn fault(&self, what: &'static str) -> JsonFault {
        JsonFault { offset: self.pos.min(self.bytes.len()), what }
    }

    /// A fault at the byte that was taken last.
    fn fault_before(&self, what: &'static str) -> JsonFault {
        JsonFault { offset: (self.pos - 1).min(self.bytes.len()), what }
    }

    #[inline(always)]
    fn blanks(&mut self) {
        self.pos = behind_blanks(self.bytes, self.pos);
    }

    fn value(&mut self, unescaped: &mut String) -> Result<Span> {
        let start = self.pos;
        match self.peek() {
            Some(b'"') => {
                self.pos += 1;
                self.string(unescaped)
            }
            Some(b'{' | b'[') => {
                self.nested()?;
                Ok(Span::nested(start, self.pos))
            }
            _ => {
                self.scalar()?;
                Ok(Span::bare(start, self.pos))
            }
        }
    }

    fn scalar(&mut self) -> Result<()> {
        match self.peek() {
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => {
                for word in ["null", "true", "false"] {
                    if self.bytes[self.pos..].starts_with(word.as_bytes()) {
                        self.pos += word.len();
                        return Ok(());
                    }
                }
                Err(self.fault("expected a value"))
            }
        }
    }

    fn number(&mut self) -> Result<()> {
        if self.peek() == Some(b'-') {
            self.pos += 1;
        }
        if self.peek() == Some(b'0') {
            self.pos += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.pos += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.pos += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.pos += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    #[inline]
    fn digits(&mut self) -> Result<()> {
        let start = self.pos;
        while let Some(b'0'..=b'9') = self.peek() {
            self.pos += 1;
        }
        if self.pos == start { Err(self.fault("expected a digit")) } else { Ok(()) }
    }

    /// Steps over text without escapes; gives the byte that ended it.
    #[inline]
    fn plain(&mut self) -> Result<u8> {
        while let Some(block) = Block::at(self.bytes, self.pos) {
            let mask = block.escaped().mask();
            self.pos += (mask | 1 << Block::LEN).trailing_zeros() as usize;
            if mask != 0 {
                break;
            }
        }
        while let Some(&b) = self.bytes.get(self.pos) {
            if b == b'"' || b == b'\\' {
                return Ok(b);
            }
            if b < 0x20 {
                return Err(self.fault("a control character in a string; it must be escaped"));
            }
            self.pos += 1;
        }
        Err(self.fault("a string does not end"))
    }

    /// Reads a string behind its opening quote.
    #[inline]
    fn string(&mut self, unescaped: &mut String) -> Result<Span> {
        let start = self.pos;
        if self.plain()? == b'"' {
            self.pos += 1;
            return Ok(Span::plain(start, self.pos - 1));
        }
        let from = unescaped.len();
        let mut copied = start;
        loop {
            let b = self.plain()?;
            unescaped.push_str(&self.text[copied..self.pos]);
            self.pos += 1;
            if b == b'"' {
                return Ok(Span::unescaped(from, unescaped.len()));
            }
            unescaped.push(self.escape()?);
            copied = self.pos;
        }
    }

    /// Reads an escape behind its backslash.
    fn escape(&mut self) -> Result<char> {
        Ok(match self.next() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let start = self.pos;
                let fault = JsonFault { offset: start - 2, what: "half of a surrogate pair" };
                let first = self.hex4()?;
                if !(0xd800..0xe000).contains(&first) {
                    return char::from_u32(first).ok_or(fault);
                }
                if first >= 0xdc00 || !self.bytes[self.pos..].starts_with(b"\\u") {
                    return Err(fault);
                }
                self.pos += 2;
                let second = self.hex4()?;
                if !(0xdc00..0xe000).contains(&second) {
                    return Err(fault);
                }
                char::from_u32(0x10000 + ((first - 0xd800) << 10 | (second - 0xdc00))).ok_or(fault)?
            }
            _ => return Err(self.fault_before("an unknown escape")),
        })
    }

    fn hex4(&mut self) -> Result<u32> {
        let mut n = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|b| (b as char).to_digit(16));
            n = n << 4 | digit.ok_or_else(|| self.fault("expected four hexadecimal digits"))?;
            self.pos += 1;
        }
        Ok(n)
    }

    /// Steps over an array or object, checking it.
    fn nested(&mut self) -> Result<()> {
        // One bit for each open container: 1 for an object.
        let mut stack = 0u64;
        let mut depth = 0;
        'value: loop {
            match self.peek() {
                Some(open @ (b'{' | b'[')) => {
                    if depth == limits::DEPTH {
                        return Err(self.fault("nested too deep"));
                    }
                    self.pos += 1;
                    depth += 1;
                    stack = stack << 1 | u64::from(open == b'{');
                    self.blanks();
                    if self.peek() != Some(if open == b'{' { b'}' } else { b']' }) {
                        if open == b'{' {
                            self.key()?;
                        }
                        continue 'value;
                    }
                }
                Some(b'"') => {
                    self.pos += 1;
                    self.skip_string()?;
                }
                _ => {
                    self.scalar()?;
                }
            }
            // Behind a value, or at the end of an empty container.
            loop {
                self.blanks();
                let object = stack & 1 == 1;
                match self.next() {
                    Some(b',') => {
                        self.blanks();
                        if object {
                            self.key()?;
                        }
                        continue 'value;
                    }
                    Some(b'}') if object => {}
                    Some(b']') if !object => {}
                    _ if object => return Err(self.fault_before("expected ',' or '}'")),
                    _ => return Err(self.fault_before("expected ',' or ']'")),
                }
                depth -= 1;
                stack >>= 1;
                if depth == 0 {
                    return Ok(());
                }
            }
        }
    }

    fn key(&mut self) -> Result<()> {
        if self.next() != Some(b'"') {
            return Err(self.fault_before("expected a key in double quotes"));
        }
        self.skip_string()?;
        self.blanks();
        if self.next() != Some(b':') {
            return Err(self.fault_before("expected ':'"));
        }
        self.blanks();
        Ok(())
    }

    fn skip_string(&mut self) -> Result<()> {
        while self.plain()? == b'\\' {
            self.pos += 1;
            self.escape()?;
        }
        self.pos += 1;
        Ok(())
    }
}

/// Whether a line without line breaks is one object, as far as its braces tell, and has no
/// array in it. What else is wrong with it is not looked at. The line begins the tail.
pub(crate) fn is_one_object(line: &[u8], tail: &[u8]) -> bool {
    let Some(inside) = line.strip_prefix(b"{").and_then(|rest| rest.strip_suffix(b"}")) else { return false };
    let mut braces = Braces { depth: 1, quotes: Marks::NONE, strings: Strings::default() };
    let (groups, rest) = inside.as_chunks();
    let last = scan::padded_group(rest, tail.get(line.len() - 1 - rest.len()..).unwrap_or_default());
    groups.iter().all(|group| braces.take(group))
        && (rest.is_empty() || braces.take(&last))
        && braces.depth == 1
        && !braces.is_inside()
}

/// A scan of what is between an object's braces for others, sixty-four bytes at a time.
struct Braces {
    depth: usize,
    /// The quotes since strings were looked at closely: odd ones of each sixteenth byte.
    quotes: Marks,
    /// Those before.
    strings: Strings,
}

impl Braces {
    /// False where the object ends, or something is not as simple as it should be.
    #[inline(always)]
    fn take(&mut self, group: &[u8; 64]) -> bool {
        let (mut quotes, mut structure) = (self.quotes, Marks::NONE);
        for block in group.as_chunks::<{ Block::LEN }>().0.iter().map(Block::new) {
            quotes = quotes.xor(block.equal(b'"'));
            structure = structure.or(block.may_be_structure());
        }
        if structure.any() || self.strings.escape {
            return self.look_closely(group);
        }
        self.quotes = quotes;
        true
    }

    /// Whether this place is inside a string: only the number of quotes counts, if it is odd.
    fn is_inside(&self) -> bool {
        self.strings.inside ^ (self.quotes.mask().count_ones() % 2 == 1)
    }

    fn look_closely(&mut self, group: &[u8; 64]) -> bool {
        let marks = |byte: u8| scan::equal_in_group(group, byte);
        let (quotes, backslashes) = (marks(b'"'), marks(b'\\'));
        (self.strings.inside, self.quotes) = (self.is_inside(), Marks::NONE);
        let strings = self.strings.take(quotes, backslashes);
        if (backslashes | marks(b'[') | marks(b']')) & !strings != 0 {
            return false;
        }
        let opening = marks(b'{') & !strings;
        let mut braces = opening | marks(b'}') & !strings;
        while braces != 0 {
            let at = braces.trailing_zeros() as usize;
            if opening >> at & 1 == 1 {
                self.depth += 1;
                if self.depth > limits::DEPTH {
                    return false;
                }
            } else {
                self.depth -= 1;
                if self.depth == 0 {
                    return false;
                }
            }
            braces &= braces - 1;
        }
        true
    }
}

/// A scan for strings, sixty-four bytes at a time.
#[derive(Default)]
struct Strings {
    /// Inside a string.
    inside: bool,
    /// The next byte is escaped.
    escape: bool,
}

impl Strings {
    /// Which of the next bytes are inside of strings, with the quotes that begin them, where these are
    /// quotes and backslashes; a bit for each, the first lowest.
    #[inline(always)]
    fn take(&mut self, mut quotes: u64, backslashes: u64) -> u64 {
        let mut escaped = u64::from(self.escape);
        self.escape = false;
        let mut left = backslashes & !escaped;
        while left != 0 {
            // The byte behind it is escaped, even if it is a backslash.
            let behind = (left & left.wrapping_neg()) << 1;
            self.escape = behind == 0;
            escaped |= behind;
            left &= left - 1;
            left &= !behind;
        }
        quotes &= !escaped;
        let mut strings = quotes;
        for shift in [1, 2, 4, 8, 16, 32] {
            strings ^= strings << shift;
        }
        if self.inside {
            strings = !strings;
        }
        self.inside ^= quotes.count_ones() % 2 == 1;
        strings
    }
}

/// Whether arrays and objects are nested deeper than this in a value, which was checked.
#[inline]
pub(crate) fn is_deeper(value: &str, most: usize) -> bool {
    // Each takes two brackets.
    value.len() > 2 * most && depth(value.as_bytes()) > most
}

#[inline(never)]
fn depth(value: &[u8]) -> usize {
    let (mut depth, mut deepest, mut pos) = (0_usize, 0, 0);
    while let Some(byte) = value.get(pos) {
        pos += 1;
        match byte {
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'"' => {
                while let Some(byte) = value.get(pos)
                    && *byte != b'"'
                {
                    pos += 1 + usize::from(*byte == b'\\');
                }
                pos += 1;
            }
            _ => {}
        }
    }
    deepest
}

/// The first place from one on where no blank is.
#[inline]
pub(crate) fn behind_blanks(bytes: &[u8], pos: usize) -> usize {
    if bytes.get(pos).is_some_and(|b| *b <= b' ') { behind_these_blanks(bytes, pos) } else { pos }
}

#[inline(never)]
fn behind_these_blanks(bytes: &[u8], mut pos: usize) -> usize {
    while let Some(b' ' | b'\t' | b'\n' | b'\r') = bytes.get(pos) {
        pos += 1;
    }
    pos
}

/// Writes JSON text, which was checked, without the blanks between its tokens.
pub(crate) fn compact(json: &str, buffer: &mut [u8], at: usize) -> Written {
    let (groups, rest) = json.as_bytes().as_chunks::<{ scan::GROUP }>();
    let blank = |group| scan::mask_of(group, Block::blanks) != 0;
    if !groups.iter().any(blank) && rest.iter().all(|b| *b > b' ') {
        return put::bytes(buffer, at, json.as_bytes());
    }
    tokens(json.as_bytes(), false, buffer, at)
}

/// Writes JSON text, which was checked, without the blanks between its tokens, as it stands in a string.
pub(crate) fn compact_as_text(json: &str, buffer: &mut [u8], at: usize) -> Written {
    tokens(json.as_bytes(), true, buffer, at)
}

#[inline(never)]
fn tokens(json: &[u8], as_text: bool, buffer: &mut [u8], mut at: usize) -> Written {
    let (mut strings, mut written) = (Strings::default(), 0);
    let (groups, rest) = json.as_chunks();
    let last = scan::padded(rest);
    for (i, group) in groups.iter().chain(Some(&last).filter(|_| !rest.is_empty())).enumerate() {
        let start = i * scan::GROUP;
        let (quotes, backslashes) = (scan::equal_in_group(group, b'"'), scan::equal_in_group(group, b'\\'));
        let blanks = scan::mask_of(group, Block::blanks) & !strings.take(quotes, backslashes);
        let mut left = if as_text { blanks | quotes | backslashes } else { blanks };
        while left != 0 {
            let place = start + left.trailing_zeros() as usize;
            // The padding is blanks, too.
            let Some(before) = json.get(written..place) else { break };
            at = put::bytes(buffer, at, before)?;
            written = place;
            if blanks & left & left.wrapping_neg() != 0 {
                written += 1;
            } else {
                at = put::byte(buffer, at, b'\\')?;
            }
            left &= left - 1;
        }
    }
    put::bytes(buffer, at, json.get(written..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::output::Output;
    use crate::value::raw::RawKind;

    fn read(text: &str) -> std::result::Result<Vec<(String, RawKind, String)>, JsonFault> {
        let (mut members, mut unescaped) = (Vec::new(), String::new());
        read_members(text, &mut members, &mut unescaped)?;
        let own = |s: &Span| s.of(text, &unescaped).to_owned();
        Ok(members.iter().map(|m| (own(&m.key), m.value.raw(text, &unescaped).kind, own(&m.value))).collect())
    }

    #[test]
    fn members_of_every_kind() {
        let got =
            read(r#" {"a": "x\ty\u00e9\ud83d\ude00", "b":-1.5e3,"c" :null, "d":{"e":[1, {}]}, "":[] } "#);
        let want = [
            ("a", RawKind::Text, "x\tyé😀"),
            ("b", RawKind::Number, "-1.5e3"),
            ("c", RawKind::Literal, "null"),
            ("d", RawKind::Nested, r#"{"e":[1, {}]}"#),
            ("", RawKind::Nested, "[]"),
        ];
        assert_eq!(got.unwrap(), want.map(|(k, t, v)| (k.to_owned(), t, v.to_owned())));
    }

    #[test]
    fn accepts_what_serde_json_accepts() {
        let cases = [
            "{}",
            "[]",
            "{",
            "}",
            "[1,]",
            "[,]",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{\"a\":01}",
            "[1.]",
            "[-]",
            "[.5]",
            "[1e]",
            "[1E+2]",
            "[tru]",
            "[true]",
            "[nullx]",
            "[\"\\x\"]",
            "[\"\\u12g4\"]",
            "[\"\\ud800\"]",
            "[\"\\udc00\"]",
            "[\"\\ud800\\u0041\"]",
            "[\"\\ud83d\\ude00\"]",
            "[\"a\nb\"]",
            "[\"\u{7f}\"]",
            "[\"\\u0000\"]",
            "[{\"a\":[{\"b\":\"\\\"\"}]}]",
            "[[1 2]]",
            "[{\"a\" 1}]",
            "[{1:2}]",
            "[{\"a\":1]]",
            "[{\"a\":\"\\q\"}]",
            "[] []",
            " [ ] ",
            "[[\"\\ud800\"]]",
            "[+1]",
            "[0x1]",
            "[--1]",
            "[1,2",
            "[\"a",
        ];
        for text in cases {
            let serde = serde_json::from_str::<serde_json::Value>(text).is_ok();
            assert_eq!(read(text).is_ok(), serde, "{text:?}: {:?}", read(text));
        }
    }

    #[test]
    fn what_breaks_off_is_closed_behind_what_is_whole() {
        for (text, want) in [
            ("", ""),
            ("{}", "{}"),
            (r#" {"a":[1]} "#, r#" {"a":[1]} "#),
            ("{", "{}"),
            (r#"{"a"#, "{}"),
            (r#"{"a\"#, "{}"),
            (r#"{"a":"b""#, "{}"),
            (r#"{"a":"b","#, r#"{"a":"b"}"#),
            (r#"{"a":"]\"{","b":{"c":[12,3"#, r#"{"a":"]\"{","b":{"c":[12]}}"#),
            (r#"{"a":{"b":["c","d"],"rows":["#, r#"{"a":{"b":["c","d"],"rows":[]}}"#),
            (r#"{"a":{"b":["c","d"],"rows":[],"e":"#, r#"{"a":{"b":["c","d"],"rows":[]}}"#),
            (r#"{"a":{"b":1}"#, r#"{"a":{"b":1}}"#),
            ("]}", "]}"),
        ] {
            assert_eq!(closed(text), want, "{text}");
        }
    }

    #[test]
    fn a_fault_has_its_place() {
        assert_eq!(
            read(r#"{"a":1 "b":2}"#).unwrap_err(),
            JsonFault { offset: 7, what: "expected ',' or '}'" }
        );
        assert_eq!(read(r#"{"a":"#).unwrap_err(), JsonFault { offset: 5, what: "expected a value" });
    }

    #[test]
    fn depth_counts_what_is_open_outside_of_strings() {
        for (value, want) in
            [("1", 0), ("[]", 1), ("[[],{}]", 2), (r#"["[[[",{"a\"[":"\\"},[["]"]]]"#, 3), (r#""[[[[""#, 0)]
        {
            assert_eq!(depth(value.as_bytes()), want, "{value}");
            assert!(!is_deeper(value, want.max(1)) && !is_deeper(value, value.len()));
        }
        let deep = |n: usize| "[".repeat(n) + &"]".repeat(n);
        assert!(is_deeper(&deep(63), 62) && !is_deeper(&deep(62), 62));
    }

    #[test]
    fn depth_is_bounded() {
        let deep = |n: usize| format!("[{}{}]", "[".repeat(n), "]".repeat(n));
        assert!(read(&deep(limits::DEPTH)).is_ok());
        assert_eq!(read(&deep(limits::DEPTH + 1)).unwrap_err().what, "nested too deep");
    }

    fn written(write: impl Fn(&mut [u8], usize) -> Written) -> String {
        let mut out = Output::default();
        out.write(write);
        String::from_utf8(out.to_vec()).unwrap()
    }

    proptest::proptest! {
        #[test]
        fn compacts_outside_of_strings_only(
            tokens in proptest::collection::vec(
                r#""([ -!#-\[\]-~é]|\\["\\/bn]){0,70}"| |\t|\r\n {0,80}|[\[\]{}:,]|-?[0-9.eE]{1,40}|null"#,
                0..40,
            ),
        ) {
            let is_blank = |token: &String| token.starts_with([' ', '\t', '\r']);
            let want = tokens.iter().filter(|t| !is_blank(t)).map(String::as_str).collect::<String>();
            let json = tokens.concat();
            let got = written(|buffer, at| compact(&json, buffer, at));
            proptest::prop_assert_eq!(&got, &want);
            let as_text = written(|buffer, at| compact_as_text(&json, buffer, at));
            let text = written(|buffer, at| crate::json::encode::characters(buffer, at, &want));
            proptest::prop_assert_eq!(as_text, text);
        }
    }
}
