//! Which keys of a product have a meaning.

use crate::catalog::{keys::same_key, meaning::Meaning, product::Entry};

/// The keys of a product's records that have a meaning.
#[derive(Debug)]
pub(crate) struct Meanings {
    pub(crate) provider: &'static str,
    pub(crate) product: &'static str,
    /// The marks of the keys. Most keys have none of them, and are not looked for.
    pub(crate) marks: u64,
    pub(crate) keys: &'static [(&'static str, Meaning)],
}

impl Meanings {
    /// What a key means.
    pub(crate) fn find(&self, key: &str) -> Option<Meaning> {
        if self.marks & mark(key) == 0 {
            return None;
        }
        self.keys.iter().find(|k| k.0 == key || same_key(k.0, key)).map(|k| k.1)
    }
}

/// A bit that is the same for all spellings of a key: of its first and its last letter.
const fn mark(key: &str) -> u64 {
    let key = key.as_bytes();
    let (mut start, mut end) = (0, key.len());
    while start < end && matches!(key[start], b'-' | b'_') {
        start += 1;
    }
    while start < end && matches!(key[end - 1], b'-' | b'_') {
        end -= 1;
    }
    if start == end {
        return 1;
    }
    let [first, last] = [key[start].to_ascii_lowercase(), key[end - 1].to_ascii_lowercase()];
    1 << ((first.wrapping_mul(5) ^ last) % 64)
}

/// The marks of keys.
pub(crate) const fn marks(keys: &[(&str, Meaning)]) -> u64 {
    let (mut all, mut i) = (0, 0);
    while i < keys.len() {
        all |= mark(keys[i].0);
        i += 1;
    }
    all
}

/// How many spellings of keys have a meaning.
pub(crate) const fn count(entries: &[Entry]) -> usize {
    let (mut all, mut i) = (0, 0);
    while i < entries.len() {
        all += if entries[i].means.is_some() { entries[i].keys.len() } else { 0 };
        i += 1;
    }
    all
}

/// The spellings that have a meaning.
pub(crate) const fn keys<const N: usize>(entries: &[Entry]) -> [(&'static str, Meaning); N] {
    let (mut all, mut n, mut i) = ([("", Meaning::Zone); N], 0, 0);
    while i < entries.len() {
        let mut k = 0;
        while k < entries[i].keys.len() {
            if let Some(meaning) = entries[i].means {
                all[n] = (entries[i].keys[k], meaning);
                n += 1;
            }
            k += 1;
        }
        i += 1;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::products;

    #[test]
    fn keys_are_found_in_every_spelling() {
        let aws = products::meanings("aws", "vpc").unwrap();
        for key in ["pkt-srcaddr", "pkt_srcaddr", "PktSrcAddr", "_pkt-srcaddr-"] {
            assert_eq!(aws.find(key), Some(Meaning::PacketSource), "{key}");
        }
        for key in ["", "-", "type", "pkt", "pkt-srcaddr2", "srcaddr", "nat_ip", "é"] {
            assert_eq!(aws.find(key), None, "{key}");
        }
        assert!(products::meanings("huawei", "nat").is_none());
    }

    #[test]
    fn words_tell_one_product() {
        for product in products::all() {
            let found = products::meanings(product.provider, product.product).unwrap();
            let means = product.entries.iter().flat_map(|e| e.keys.iter().map(|k| (*k, e.means)));
            for (key, meaning) in means {
                assert_eq!(found.find(key), meaning, "{} {key}", product.id);
            }
        }
    }

    /// What no product says is not in the list.
    #[test]
    fn every_meaning_is_of_use() {
        for meaning in Meaning::ALL {
            let says = |e: &Entry| e.means == Some(*meaning);
            assert!(products::all().iter().any(|p| p.entries.iter().any(says)), "{meaning:?}");
        }
    }
}
