//! The names and words that somebody may have meant.

use crate::{bytes::nearest, catalog::products, record::fields::Field, value::words};

/// The field that may be meant: what a source's key becomes, or what is called nearly so.
pub(crate) fn field(name: &str) -> Option<&'static str> {
    let becomes = products::field_of(name).map(Field::key);
    becomes.or_else(|| nearest::nearest(name, &mut Field::ALL.iter().map(|f| f.key())))
}

/// The word that may be meant: what a source's own word becomes, or what is spelled nearly so.
pub(crate) fn word(known: &[&'static str], text: &str) -> Option<&'static str> {
    let sources = [words::WAF_ACTION, words::DIRECTION, words::LOG_STATUS];
    let becomes = sources.into_iter().filter_map(|list| Some(words::find(list, text)?.0));
    let mut becomes = becomes.filter(|word| known.contains(word));
    becomes.next().or_else(|| nearest::nearest(text, &mut known.iter().copied()))
}
