//! What a shard writes: the files of its records, and its rejects.

use std::{
    io::{self, Write},
    sync::Arc,
};

use memchr::memchr_iter;
use weir_io::Output;

use crate::{
    Format, Objects, Partitioning,
    files::{Bounds, Written},
    objects::Summed,
    router::Router,
};

/// Takes the records of a shard, as JSON lines. Nothing is there for good before [`Self::commit`].
pub struct ShardWriter {
    objects: Arc<dyn Objects>,
    router: Router,
}

impl ShardWriter {
    /// Names of files begin with `stem`.
    pub fn new(objects: Arc<dyn Objects>, format: Format, partitioning: Partitioning, stem: &str) -> Self {
        let bounds = Bounds::of(format);
        let router = Router::new(Arc::clone(&objects), format, partitioning, bounds, stem.to_owned());
        Self { objects, router }
    }

    /// Ends all files, and tells of them in the order of paths.
    pub fn commit(mut self) -> io::Result<Vec<Written>> {
        let written = self.router.finish();
        if written.is_err() {
            self.give_up();
        }
        written
    }

    /// Takes back what can be taken back: what the shard makes when it is repeated may have other names.
    pub fn give_up(self) {
        for path in self.router.written() {
            // Whoever repeats it writes over it, or `weir manifest verify` finds it.
            let _ = self.objects.delete(path);
        }
    }
}

impl Write for ShardWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.router.push(bytes).map(|()| bytes.len())
    }

    /// Files are seen when they are whole.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A run that ends says nothing about whether the shard is done.
impl Output for ShardWriter {
    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn reopen(&mut self) -> io::Result<bool> {
        Ok(false)
    }
}

/// Takes the rejects of a shard, as JSON lines: an object if there are any.
pub struct Rejects {
    objects: Arc<dyn Objects>,
    path: String,
    object: Option<Summed>,
    records: u64,
}

impl Rejects {
    /// They go to the object with this path.
    pub fn new(objects: Arc<dyn Objects>, path: String) -> Self {
        Self { objects, path, object: None, records: 0 }
    }

    /// Ends the object, if there is one.
    pub fn commit(&mut self) -> io::Result<Option<Written>> {
        let Some(object) = self.object.take() else { return Ok(None) };
        let sum = object.finish()?;
        Ok(Some(Written { path: self.path.clone(), records: self.records, sum }))
    }
}

impl Write for Rejects {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let object = match &mut self.object {
            Some(object) => object,
            none => none.insert(Summed::new(self.objects.create(&self.path)?)),
        };
        object.write_all(bytes)?;
        self.records += memchr_iter(b'\n', bytes).count() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Output for Rejects {
    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn reopen(&mut self) -> io::Result<bool> {
        Ok(false)
    }
}
