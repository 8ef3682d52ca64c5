//! The names and words that somebody may have meant.

use crate::{
    bytes::nearest,
    catalog::products,
    record::fields::Field,
    value::{protocols, words},
};

/// The field that may be meant: what a source's key becomes, or what is called nearly so.
pub(crate) fn field(name: &str) -> Option<&'static str> {
    let becomes = products::field_of(name).map(Field::key);
    becomes.or_else(|| nearest::nearest(name, &mut Field::ALL.iter().map(|f| f.key())))
}

/// The text that is meant where a field never has the one that somebody wrote: a product's word for its
/// id, or a protocol's keyword in the case that it goes out in.
pub(crate) fn text(field: Field, text: &str) -> Option<String> {
    match field {
        Field::Product => {
            let product = products::by_id(text).filter(|p| !p.product.is_empty() && p.product != text)?;
            Some(format!("{} beside provider == {}", product.product, product.provider))
        }
        Field::Transport => {
            let word = text.to_ascii_lowercase();
            (word != text && is_transport(&word)).then_some(word)
        }
        _ => None,
    }
}

/// Whether this is a protocol's keyword, as it goes out.
pub(crate) fn is_transport(word: &str) -> bool {
    (0..=u8::MAX).any(|n| protocols::transport(n) == word)
}

/// The word that may be meant: what a source's own word becomes, or what is spelled nearly so.
pub(crate) fn word(known: &[&'static str], text: &str) -> Option<&'static str> {
    let sources = [words::WAF_ACTION, words::DIRECTION, words::LOG_STATUS];
    let becomes = sources.into_iter().filter_map(|list| Some(words::find(list, text)?.0));
    let mut becomes = becomes.filter(|word| known.contains(word));
    becomes.next().or_else(|| nearest::nearest(text, &mut known.iter().copied()))
}
