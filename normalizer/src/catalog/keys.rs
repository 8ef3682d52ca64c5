//! Spellings of keys.

/// A key without what spellings differ in: case, `-` and `_`. Case is that of ASCII, as every
/// known key is, and bytes of other letters stay; the tables for those would be a twentieth of the guest.
pub(crate) fn folded(key: &str) -> impl Iterator<Item = u8> {
    key.bytes().filter(|b| !matches!(b, b'-' | b'_')).map(|b| b.to_ascii_lowercase())
}

pub(crate) fn fold(key: &str) -> String {
    // Letters are whole: of them only those of ASCII are left out, or others.
    String::from_utf8(folded(key).collect()).unwrap_or_default()
}

/// Whether two keys differ in spelling at most.
pub(crate) fn same_key(a: &str, b: &str) -> bool {
    folded(a).eq(folded(b))
}
