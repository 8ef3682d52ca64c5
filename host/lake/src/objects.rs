//! Where objects are written, and what is known of one that was.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use weir_io::Finish;

/// Makes objects.
pub trait Objects: Send + Sync {
    /// Begins an object. It is there when it is finished, and whole then; what was there before is
    /// replaced. Dropped before that, it is never there.
    fn create(&self, path: &str) -> io::Result<Box<dyn Finish>>;

    /// Deletes an object, if it is there.
    fn delete(&self, path: &str) -> io::Result<()>;
}

/// What is known of an object that was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    /// Its length in bytes.
    pub size: u64,
    /// Its SHA-256, as `sha256sum` prints it.
    pub sha256: String,
}

/// Sums up what is read or written.
#[derive(Clone, Default)]
pub(crate) struct Summing {
    size: u64,
    sha256: Sha256,
}

impl Summing {
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.size += bytes.len() as u64;
        self.sha256.update(bytes);
    }

    pub(crate) fn sum(self) -> Sum {
        Sum { size: self.size, sha256: hex(&self.sha256.finalize()) }
    }
}

/// The SHA-256 of some bytes, as `sha256sum` prints it.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An object that is summed up while it is written.
pub(crate) struct Summed {
    object: Box<dyn Finish>,
    summing: Summing,
}

impl Summed {
    pub(crate) fn new(object: Box<dyn Finish>) -> Self {
        Self { object, summing: Summing::default() }
    }

    pub(crate) fn finish(self) -> io::Result<Sum> {
        self.object.finish()?;
        Ok(self.summing.sum())
    }
}

impl Write for Summed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.object.write(bytes)?;
        self.summing.add(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.object.flush()
    }
}

/// Hands on pieces of one size, whatever it is given: what becomes of them may depend on that.
pub(crate) struct Even<W> {
    pub(crate) out: W,
    piece: Vec<u8>,
    size: usize,
}

impl<W: Write> Even<W> {
    pub(crate) fn new(out: W, size: usize) -> Self {
        Self { out, piece: Vec::new(), size }
    }

    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.out.write_all(&self.piece)?;
        Ok(self.out)
    }
}

impl<W: Write> Write for Even<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.piece.is_empty() && bytes.len() >= self.size {
            self.out.write_all(&bytes[..self.size])?;
            return Ok(self.size);
        }
        let n = bytes.len().min(self.size - self.piece.len());
        self.piece.extend_from_slice(&bytes[..n]);
        if self.piece.len() == self.size {
            self.out.write_all(&self.piece)?;
            self.piece.clear();
        }
        Ok(n)
    }

    /// What waits for more goes on waiting.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Objects in memory, for tests.
#[cfg(test)]
#[derive(Clone, Default)]
pub(crate) struct Memory(
    pub(crate) std::sync::Arc<std::sync::Mutex<std::collections::BTreeMap<String, Vec<u8>>>>,
);

#[cfg(test)]
mod memory {
    use super::*;

    struct Written {
        memory: Memory,
        path: String,
        bytes: Vec<u8>,
    }

    impl Objects for Memory {
        fn create(&self, path: &str) -> io::Result<Box<dyn Finish>> {
            Ok(Box::new(Written { memory: self.clone(), path: path.into(), bytes: Vec::new() }))
        }

        fn delete(&self, path: &str) -> io::Result<()> {
            self.0.lock().unwrap().remove(path);
            Ok(())
        }
    }

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.bytes.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Finish for Written {
        fn finish(self: Box<Self>) -> io::Result<()> {
            self.memory.0.lock().unwrap().insert(self.path, self.bytes);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_of_one_size() {
        struct Sizes(Vec<usize>);
        impl Write for Sizes {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.push(bytes.len());
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        for cut in [1, 3, 4, 5, 9, 100] {
            let mut even = Even::new(Sizes(Vec::new()), 4);
            for piece in [0; 18].chunks(cut) {
                even.write_all(piece).unwrap();
            }
            assert_eq!(even.finish().unwrap().0, [4, 4, 4, 4, 2]);
        }
    }

    #[test]
    fn a_sum_is_what_others_compute() {
        let memory = Memory::default();
        let mut object = Summed::new(memory.create("a").unwrap());
        object.write_all(b"ab").unwrap();
        object.write_all(b"c").unwrap();
        assert!(memory.0.lock().unwrap().is_empty());
        let sum = object.finish().unwrap();
        assert_eq!(sum.size, 3);
        assert_eq!(sum.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(memory.0.lock().unwrap()["a"], b"abc");
    }
}
