//! What a WebAssembly module asks of the machine that runs it. Only the outermost structure of
//! the binary format is read: a preamble, then sections of `id size content`.

use std::fmt;

/// `\0asm`, then version 1 of the core format.
const PREAMBLE: &[u8] = b"\0asm\x01\0\0\0";
const IMPORT_SECTION: u8 = 2;

/// The imports of a module that has any.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Imports {
    pub(crate) count: u32,
    /// The first one, as `module.name`.
    pub(crate) first: String,
}

/// Why the imports of a file can't be told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Malformed {
    NotACoreModule,
    CutShort,
    BadNumber,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotACoreModule => "not a core WebAssembly module of version 1",
            Self::CutShort => "a WebAssembly module that ends in the middle of a section",
            Self::BadNumber => "a WebAssembly module with a malformed number",
        })
    }
}

/// The imports of a module; `None` if it needs nothing from outside.
pub(crate) fn imports(module: &[u8]) -> Result<Option<Imports>, Malformed> {
    let mut rest = module.strip_prefix(PREAMBLE).ok_or(Malformed::NotACoreModule)?;
    while let Some((&id, after)) = rest.split_first() {
        rest = after;
        let mut content = sized(&mut rest)?;
        if id == IMPORT_SECTION {
            let count = number(&mut content)?;
            if count > 0 {
                let module = String::from_utf8_lossy(sized(&mut content)?);
                let name = String::from_utf8_lossy(sized(&mut content)?);
                return Ok(Some(Imports { count, first: format!("{module}.{name}") }));
            }
        }
    }
    Ok(None)
}

/// Takes a length and as many bytes.
fn sized<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], Malformed> {
    let len = number(rest)? as usize;
    let (taken, after) = rest.split_at_checked(len).ok_or(Malformed::CutShort)?;
    *rest = after;
    Ok(taken)
}

/// Takes an unsigned LEB128 number of 32 bits.
fn number(rest: &mut &[u8]) -> Result<u32, Malformed> {
    let mut value = 0_u64;
    for shift in (0..5).map(|i| i * 7) {
        let (&byte, after) = rest.split_first().ok_or(Malformed::CutShort)?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return u32::try_from(value).map_err(|_| Malformed::BadNumber);
        }
    }
    Err(Malformed::BadNumber)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(sections: &[(u8, &[u8])]) -> Vec<u8> {
        let mut bytes = PREAMBLE.to_vec();
        for (id, content) in sections {
            bytes.push(*id);
            bytes.push(u8::try_from(content.len()).expect("a short section"));
            bytes.extend_from_slice(content);
        }
        bytes
    }

    /// `(type (func))`.
    const TYPES: (u8, &[u8]) = (1, b"\x01\x60\0\0");
    /// `(import "env" "now" (func (type 0)))` and `(import "env" "memory" (memory 1))`.
    const TWO_IMPORTS: &[u8] = b"\x02\x03env\x03now\0\0\x03env\x06memory\x02\0\x01";

    #[test]
    fn a_module_without_imports() {
        assert_eq!(imports(&module(&[])), Ok(None));
        assert_eq!(imports(&module(&[TYPES, (3, b"\x01\0"), (0, b"\x04name")])), Ok(None));
        assert_eq!(imports(&module(&[TYPES, (IMPORT_SECTION, b"\0")])), Ok(None));
    }

    #[test]
    fn imports_are_counted_and_the_first_is_named() {
        let found = imports(&module(&[(0, b"\x04note"), TYPES, (IMPORT_SECTION, TWO_IMPORTS)]));
        assert_eq!(found, Ok(Some(Imports { count: 2, first: "env.now".into() })));
    }

    #[test]
    fn what_is_no_module_is_refused() {
        // The last one is the preamble of a component.
        for bytes in [&b""[..], b"\0asm", b"#!/bin/sh", b"\0asm\x0d\0\x01\0"] {
            assert_eq!(imports(bytes), Err(Malformed::NotACoreModule), "{bytes:?}");
        }
    }

    #[test]
    fn a_module_cut_anywhere_in_its_imports_is_never_called_free_of_them() {
        let whole = module(&[TYPES, (IMPORT_SECTION, TWO_IMPORTS)]);
        let start = whole.len() - TWO_IMPORTS.len() - 1;
        for end in start..whole.len() {
            assert_eq!(imports(&whole[..end]), Err(Malformed::CutShort), "cut at {end}");
        }
    }

    #[test]
    fn numbers_of_several_bytes() {
        let read = |mut bytes: &[u8]| number(&mut bytes).map(|n| (n, bytes.len()));
        assert_eq!(read(b"\x7f!"), Ok((127, 1)));
        assert_eq!(read(b"\x80\x01"), Ok((128, 0)));
        assert_eq!(read(b"\xff\xff\xff\xff\x0f"), Ok((u32::MAX, 0)));
        assert_eq!(read(b"\x80\x80\x80\x80\0"), Ok((0, 0)));
        assert_eq!(read(b"\xff\xff\xff\xff\x1f"), Err(Malformed::BadNumber));
        assert_eq!(read(b"\x80\x80\x80\x80\x80\0"), Err(Malformed::BadNumber));
        assert_eq!(read(b"\x80"), Err(Malformed::CutShort));
    }
}
