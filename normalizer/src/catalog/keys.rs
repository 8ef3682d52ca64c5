//! Spellings of keys.

/// A key without what spellings differ in: case, `-` and `_`. Case is that of ASCII, as every
/// known key is; the tables for other letters would be a twentieth of the guest.
pub(crate) fn folded(key: &str) -> impl Iterator<Item = char> {
    key.chars().filter(|c| !matches!(c, '-' | '_')).map(|c| c.to_ascii_lowercase())
}

/// The same in bytes: those of other letters stay.
pub(crate) fn folded_bytes(key: &str) -> impl Iterator<Item = u8> {
    key.bytes().filter(|b| !matches!(b, b'-' | b'_')).map(|b| b.to_ascii_lowercase())
}

pub(crate) fn fold(key: &str) -> String {
    folded(key).collect()
}

/// Whether two keys differ in spelling at most.
pub(crate) fn same_key(a: &str, b: &str) -> bool {
    folded(a).eq(folded(b))
}
