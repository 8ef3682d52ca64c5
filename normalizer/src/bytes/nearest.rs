//! Finds the name that somebody meant.

/// The name that is nearest to what was written, if one is near enough.
pub(crate) fn nearest<'a>(written: &str, names: &mut dyn Iterator<Item = &'a str>) -> Option<&'a str> {
    let scored = names.map(|n| (distance(written, n), n));
    let (score, name) = scored.min_by_key(|s| s.0)?;
    (score <= 1 + written.len().min(64) / 4).then_some(name)
}

/// Levenshtein's distance, of texts that are cut at 64 characters, where case makes none.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(64).enumerate() {
        let mut corner = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let here = (corner + usize::from(!x.eq_ignore_ascii_case(y))).min(row[j] + 1).min(row[j + 1] + 1);
            corner = row[j + 1];
            row[j + 1] = here;
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn finds_what_was_meant() {
        let names = ["huawei-vpc", "huawei-er", "alibaba-vpc"];
        assert_eq!(nearest("huawei_vpc", &mut names.into_iter()), Some("huawei-vpc"));
        assert_eq!(nearest("HUAWEI-VCP", &mut names.into_iter()), Some("huawei-vpc"));
        assert_eq!(nearest("cisco", &mut names.into_iter()), None);
    }
}
