//! Texts and regular expressions as VRL writes them.

/// A string. VRL takes two braces for a template, so that each is escaped.
pub(super) fn string(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' | '{' | '}' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\0' => quoted.push_str("\\0"),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// A regular expression that is one already. VRL ends it at a single quote.
pub(super) fn regex(pattern: &str) -> String {
    let mut quoted = String::from("r'");
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '\'' => quoted.push_str("\\x27"),
            '\\' => match chars.next() {
                Some('\'') => quoted.push_str("\\x27"),
                next => quoted.extend(['\\'].into_iter().chain(next)),
            },
            c => quoted.push(c),
        }
    }
    quoted.push('\'');
    quoted
}

/// A text as a regular expression that matches it and nothing else.
pub(super) fn literal(text: &str) -> String {
    let mut pattern = String::new();
    for c in text.chars() {
        match c {
            c if c.is_ascii_alphanumeric() || !c.is_ascii() => pattern.push(c),
            c => pattern.push_str(&format!("\\x{:02x}", u32::from(c))),
        }
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_a_literal_early_or_opens_a_template() {
        assert_eq!(string("a\"b\\{{c}}\n"), r#""a\"b\\\{\{c\}\}\n""#);
        assert_eq!(regex(r"it's \'a\' \\'"), r"r'it\x27s \x27a\x27 \\\x27'");
        assert_eq!(literal("a[ .é"), r"a\x5b\x20\x2eé");
    }
}
