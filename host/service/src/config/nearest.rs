//! Finds the name that somebody meant.

/// The name that is nearest to what was written, if one is near enough.
pub(crate) fn nearest<'a>(written: &str, names: &mut dyn Iterator<Item = &'a str>) -> Option<&'a str> {
    let written = written.to_lowercase();
    // Names of options are short; what is not looks like none of them.
    let short: String = written.chars().take(64).collect();
    names
        .map(|name| (strsim::damerau_levenshtein(&short, &name.to_lowercase()), name))
        .min_by_key(|scored| scored.0)
        .filter(|(distance, _)| *distance <= 1 + short.len() / 4)
        .map(|(_, name)| name)
}
