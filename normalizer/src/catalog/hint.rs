//! What the topic of a log says.

use crate::catalog::products;

/// What the topic of a log says about the product of its records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Hint {
    /// Nothing.
    #[default]
    Nothing,
    /// They are of this product.
    Product(usize),
    /// They are of a product of the cloud whose log service it is, if of any.
    Provider(&'static str),
    /// They are of something that no product is.
    Other,
}

impl Hint {
    /// This one, or another where it says nothing.
    #[inline]
    pub(crate) fn or(self, other: Self) -> Self {
        if self == Self::Nothing { other } else { self }
    }

    pub(crate) fn allows(self, product: usize) -> bool {
        let provider = products::all()[product].provider;
        match self {
            Self::Nothing => true,
            // A flat record says itself what it is, wherever it is kept.
            _ if provider.is_empty() => true,
            // Somebody may have changed the topic; the keys of a neighbour are still its own.
            Self::Product(p) => products::all()[p].provider == provider,
            Self::Provider(p) => p == provider,
            Self::Other => false,
        }
    }
}
