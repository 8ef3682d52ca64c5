//! The words of an expression, each with what is left behind it.

/// What of a text is like that, if anything, and what is left.
pub(super) fn run(text: &str, allowed: fn(char) -> bool) -> Option<(&str, &str)> {
    let end = text.find(|c| !allowed(c)).unwrap_or(text.len());
    (end > 0).then(|| (&text[end..], &text[..end]))
}

/// A field's name or a keyword.
pub(super) fn name(text: &str) -> Option<(&str, &str)> {
    run(text, |c| c.is_ascii_alphanumeric() || c == '_')
}

/// A value without quotes: a word, a number, an address, a network. `..` ends it.
pub(super) fn bare(text: &str) -> Option<(&str, &str)> {
    let (_, all) = run(text, |c| c.is_alphanumeric() || "_.:/+-%*".contains(c))?;
    let end = all.find("..").unwrap_or(all.len());
    (end > 0).then(|| (&text[end..], &text[..end]))
}

/// A string in double quotes; a backslash keeps a quote or a backslash from ending it, and
/// stands for itself before anything else, as regular expressions have it.
pub(super) fn string(text: &str) -> Option<(&str, String)> {
    let mut out = String::new();
    let mut chars = text.strip_prefix('"')?.chars();
    loop {
        match chars.next()? {
            '"' => return Some((chars.as_str(), out)),
            '\\' => match chars.next()? {
                '"' => out.push('"'),
                c => out.extend(['\\', c]),
            },
            c => out.push(c),
        }
    }
}

/// `@name`, `@"path"` or `@/path`; whether it is a path.
pub(super) fn list_name(text: &str) -> Option<(&str, (String, bool))> {
    let text = text.strip_prefix('@')?;
    if text.starts_with('"') {
        return string(text).map(|(rest, path)| (rest, (path, true)));
    }
    let is_path = text.starts_with('/');
    let (rest, name) = match is_path {
        true => run(text, |c| !c.is_whitespace() && !"\"){},".contains(c)),
        false => run(text, |c| c.is_alphanumeric() || c == '_' || c == '-'),
    }?;
    Some((rest, (name.to_owned(), is_path)))
}

/// What is a path without quotes, and no list's name: `@nets/a.txt`, `@./a`, `@a.txt`.
pub(super) fn meant_path<'t>(text: &'t str, behind_name: Option<&str>) -> Option<&'t str> {
    let text = text.strip_prefix('@')?;
    let goes_on = match behind_name {
        Some(behind) => !text.starts_with(['"', '/']) && behind.starts_with(['/', '.']),
        None => text.starts_with(['.', '~']),
    };
    let (_, path) = run(text, |c| !c.is_whitespace() && !"\"){},".contains(c))?;
    goes_on.then_some(path)
}

/// A number with an optional unit: `k M G` in thousands, `Ki Mi Gi` in 1024s, and `B`.
pub(super) fn size(text: &str) -> Option<u64> {
    let end = text.find(|c: char| c != '.' && !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let factor = match unit.strip_suffix('B').unwrap_or(unit) {
        "" => 1,
        "k" | "K" => 1000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if whole.is_empty() || fraction.is_empty() {
        return None;
    }
    // A second point is no digit.
    let digits = whole.bytes().chain(fraction.bytes());
    let number = digits.clone().try_fold(0u128, |n, b| {
        let digit = b.is_ascii_digit().then(|| u128::from(b - b'0'))?;
        n.checked_mul(10)?.checked_add(digit)
    })?;
    // A fraction must come out even.
    let scale = 10u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let number = number.checked_mul(factor)?;
    let size = number / scale;
    (size * scale == number).then_some(size).and_then(|n| u64::try_from(n).ok())
}
