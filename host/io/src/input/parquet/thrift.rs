//! Looks through what Thrift's compact protocol holds before anybody allocates memory for what it says.
//!
//! Nothing is kept but the few numbers that are asked for: lists must have as many elements as there are
//! bytes for, and texts as many bytes.

/// Structs in structs, at most: Parquet has some ten.
const DEPTH: usize = 24;

/// Fields in fields that are told, at most.
const PATH: usize = 2;

/// Types, as they are numbered in the protocol.
const TRUE: u8 = 1;
const FALSE: u8 = 2;
const BYTE: u8 = 3;
const I16: u8 = 4;
const I32: u8 = 5;
const I64: u8 = 6;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const SET: u8 = 10;
const MAP: u8 = 11;
const STRUCT: u8 = 12;

/// Bytes that are no struct of Thrift.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoStruct;

/// Looks through the struct that begins the bytes, and gives its length. `told` has each number of it, with
/// the numbers of the fields that lead there, of which at most two count; those in lists are not told.
pub(super) fn look(bytes: &[u8], told: &mut dyn FnMut(&[i16], i64)) -> Result<usize, NoStruct> {
    let mut look = Look { bytes, at: 0, path: Vec::new(), told };
    look.fields(DEPTH, true)?;
    Ok(look.at)
}

struct Look<'a> {
    bytes: &'a [u8],
    at: usize,
    path: Vec<i16>,
    told: &'a mut dyn FnMut(&[i16], i64),
}

impl Look<'_> {
    fn byte(&mut self) -> Result<u8, NoStruct> {
        let byte = *self.bytes.get(self.at).ok_or(NoStruct)?;
        self.at += 1;
        Ok(byte)
    }

    fn skip(&mut self, bytes: u64) -> Result<(), NoStruct> {
        let left = (self.bytes.len() - self.at) as u64;
        if bytes > left {
            return Err(NoStruct);
        }
        // No more than there are.
        self.at += bytes as usize;
        Ok(())
    }

    fn varint(&mut self) -> Result<u64, NoStruct> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(NoStruct)
    }

    fn zigzag(&mut self) -> Result<i64, NoStruct> {
        let value = self.varint()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// A length that has at least a byte behind it for each of so many.
    fn length(&mut self) -> Result<u64, NoStruct> {
        let length = self.varint()?;
        if length > (self.bytes.len() - self.at) as u64 {
            return Err(NoStruct);
        }
        Ok(length)
    }

    fn fields(&mut self, depth: usize, is_told: bool) -> Result<(), NoStruct> {
        if depth == 0 {
            return Err(NoStruct);
        }
        let mut id = 0_i16;
        loop {
            let head = self.byte()?;
            let kind = head & 0x0f;
            if kind == 0 {
                return Ok(());
            }
            id = match head >> 4 {
                0 => i16::try_from(self.zigzag()?).map_err(|_| NoStruct)?,
                by => id.checked_add(i16::from(by)).ok_or(NoStruct)?,
            };
            let is_told = is_told && self.path.len() < PATH;
            self.path.push(id);
            match kind {
                // The value is the type.
                TRUE | FALSE => {}
                _ => self.value(kind, depth, is_told)?,
            }
            self.path.pop();
        }
    }

    fn value(&mut self, kind: u8, depth: usize, is_told: bool) -> Result<(), NoStruct> {
        match kind {
            // As elements of lists they have a byte.
            TRUE | FALSE | BYTE => self.skip(1),
            I16 | I32 | I64 => {
                let value = self.zigzag()?;
                if is_told {
                    (self.told)(&self.path, value);
                }
                Ok(())
            }
            DOUBLE => self.skip(8),
            BINARY => {
                let length = self.length()?;
                self.skip(length)
            }
            LIST | SET => {
                let head = self.byte()?;
                let length = match head >> 4 {
                    15 => self.length()?,
                    few => u64::from(few),
                };
                (0..length).try_for_each(|_| self.value(head & 0x0f, depth - 1, false))
            }
            MAP => {
                let length = self.length()?;
                if length == 0 {
                    return Ok(());
                }
                let kinds = self.byte()?;
                (0..length).try_for_each(|_| {
                    self.value(kinds >> 4, depth - 1, false)?;
                    self.value(kinds & 0x0f, depth - 1, false)
                })
            }
            STRUCT => self.fields(depth - 1, is_told),
            _ => Err(NoStruct),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A number with the fields that lead there.
    type Told = (Vec<i16>, i64);

    fn told(bytes: &[u8]) -> Result<(usize, Vec<Told>), NoStruct> {
        let mut all = Vec::new();
        let length = look(bytes, &mut |path, value| all.push((path.to_vec(), value)))?;
        Ok((length, all))
    }

    #[test]
    fn numbers_are_told_with_their_fields() {
        // 1: i32 3; 2: true; 5: struct { 1: i32 -1 }; 6: list of two i32; then something else.
        let bytes = [0x15, 0x06, 0x11, 0x3c, 0x15, 0x01, 0x00, 0x19, 0x25, 0x02, 0x04, 0x00, 0xff];
        assert_eq!(told(&bytes), Ok((12, vec![(vec![1], 3), (vec![5, 1], -1)])));
        assert_eq!(told(&[0]), Ok((1, Vec::new())));
    }

    #[test]
    fn what_there_is_no_room_for_is_no_struct() {
        for bytes in [
            &b""[..],
            &[0x15],
            // A text, a list and a map longer than the rest.
            &[0x18, 0x05, b'a', 0],
            &[0x19, 0xf5, 0xff, 0xff, 0xff, 0xff, 0x07, 0, 0],
            &[0x1b, 0xff, 0xff, 0x03, 0x55, 0, 0],
            // A number of eleven bytes, and a type that is none.
            &[0x16, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0],
            &[0x1d, 0],
        ] {
            assert_eq!(told(bytes), Err(NoStruct), "{bytes:x?}");
        }
        // Deeper than anything is.
        assert_eq!(told(&[0x1c; 10_000]), Err(NoStruct));
        assert_eq!(told(&[0x19; 10_000]), Err(NoStruct));
    }
}
