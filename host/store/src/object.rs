//! What a store says of an object, and how to go through many.

use std::time::SystemTime;

use crate::Error;

/// What a store says of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its key, from the store's folder on.
    pub key: String,
    /// Its length in bytes.
    pub size: u64,
    /// Changes with its bytes. Of a file it is made of its length, and when and where it was written.
    pub etag: Option<String>,
    /// When it was written.
    pub modified: Option<SystemTime>,
}

/// The objects of a listing, or why there are no more of them. It ends behind its first error, unless
/// that is about a single object.
pub struct Listing<'a>(pub(crate) Box<dyn Iterator<Item = Result<Object, Error>> + Send + 'a>);

impl Iterator for Listing<'_> {
    type Item = Result<Object, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}
