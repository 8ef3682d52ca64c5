//! One object as an input.

use std::{
    io::{self, Read},
    sync::{Mutex, PoisonError},
};

use weir_io::{Again, Error, Fetch, Fetched};
use weir_store::{Kind, Object, Reader, Store};

use crate::store::told;

/// One object, as it was listed.
#[derive(Debug)]
pub(super) struct One {
    store: Store,
    object: Object,
    /// What the store could not do.
    failure: Mutex<Option<(Kind, String)>>,
}

impl One {
    pub(super) fn new(store: Store, object: Object) -> Self {
        Self { store, object, failure: Mutex::default() }
    }

    /// Why it could not be read, where that is because of the store.
    pub(super) fn failure(&self) -> Option<(Kind, String)> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn failed(&self, error: &weir_store::Error) -> Error {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some((error.kind(), told(error)));
        Error::told(told(error))
    }

    fn open(&self, from: u64) -> Result<OfOne<'_>, Error> {
        let reader = self.store.read_listed(&self.object, from..).map_err(|e| self.failed(&e))?;
        Ok(OfOne { one: self, reader })
    }
}

impl Fetch for One {
    fn name(&self) -> String {
        self.store.name(&self.object.key)
    }

    fn size(&self) -> Option<u64> {
        Some(self.object.size)
    }

    fn has(&self, name: &str) -> bool {
        self.name() == name
    }

    fn fetch(&self) -> Box<dyn Iterator<Item = Result<Fetched<'_>, Error>> + '_> {
        let opened = self.open(0).map(|reader| {
            let again: Again<'_> = Box::new(|from| Ok(Box::new(self.open(from)?)));
            Fetched { name: self.name(), size: self.object.size, reader: Box::new(reader), again }
        });
        Box::new(std::iter::once(opened))
    }
}

/// It is read, and what the store can't do is noted.
struct OfOne<'a> {
    one: &'a One,
    reader: Reader,
}

impl Read for OfOne<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buffer).map_err(|error| {
            match error.get_ref().and_then(|inside| inside.downcast_ref::<weir_store::Error>()) {
                Some(inside) => self.one.failed(inside).into(),
                None => error,
            }
        })
    }
}
