//! Raw blocks of snappy, as log services write them into object stores: a block is a whole file,
//! without the frames that files of snappy's own tools have. It begins with its length, in up to
//! five bytes; elements follow, each a literal or a copy of what came before.
//!
//! A block has no mark to be known by, and it may be of any length. So it is known by what comes
//! out of its beginning, and decoded piece by piece. All compressors look back over no more than
//! 64 KiB, so more is not kept.

use std::io::{self, BufRead, Read};

/// How far back copies may reach, in bytes.
const WINDOW: usize = 64 << 10;

/// How much of a beginning is decoded, in bytes.
const MOST_TEXT: u64 = 1 << 20;

/// How much text has to come out of a block's beginning, unless the block is shorter.
const ENOUGH_TEXT: usize = 32;

/// Whether a file that begins so is a raw block with text in it; nothing where more has to be
/// seen. Without more, it is one.
pub(super) fn is_block(start: &[u8]) -> Option<bool> {
    // Text in itself is no block, whatever its bytes would say.
    if is_text(start) {
        return Some(false);
    }
    let mut decoder = Decoder::new(start);
    let mut text = Vec::new();
    let result = decoder.by_ref().take(MOST_TEXT).read_to_end(&mut text);
    if !is_text(&text) {
        return Some(false);
    }
    match result {
        Ok(_) => Some(!text.is_empty()),
        Err(e) if e.kind() != io::ErrorKind::UnexpectedEof => Some(false),
        Err(_) if text.len() >= ENOUGH_TEXT => None,
        Err(_) => Some(false),
    }
}

/// Whether it is UTF-8, which may be cut off at its end, without what only binary files have.
pub(super) fn is_text(bytes: &[u8]) -> bool {
    let whole = match std::str::from_utf8(bytes) {
        Ok(_) => true,
        Err(e) => e.error_len().is_none(),
    };
    whole && !bytes.iter().any(|b| is_binary(*b))
}

/// Whether text has no such byte.
pub(super) fn is_binary(byte: u8) -> bool {
    byte < b' ' && !matches!(byte, b'\t' | b'\n' | 0x0b | 0x0c | b'\r' | 0x1b)
}

/// Decodes raw blocks, one behind the other.
pub(super) struct Decoder<R> {
    raw: R,
    /// What is still to come of this block, in bytes.
    left: u64,
    /// What came of this block.
    made: u64,
    /// What is still to come of a literal.
    literal: usize,
    /// The last of what was decoded.
    window: Vec<u8>,
    /// How much of it was given.
    given: usize,
    /// Comes once all before it was given.
    failed: Option<io::Error>,
}

impl<R: BufRead> Decoder<R> {
    pub(super) fn new(raw: R) -> Self {
        Self { raw, left: 0, made: 0, literal: 0, window: Vec::new(), given: 0, failed: None }
    }

    /// Decodes some more; false at the end.
    fn more(&mut self) -> io::Result<bool> {
        if self.given >= 4 * WINDOW {
            let old = self.given - WINDOW;
            self.window.drain(..old);
            self.given = WINDOW;
        }
        if self.literal > 0 {
            self.copy_literal()?;
        } else if self.left > 0 {
            self.element()?;
        } else if self.raw.fill_buf()?.is_empty() {
            return Ok(false);
        } else {
            self.begin()?;
        }
        Ok(true)
    }

    /// Reads the length of a block.
    fn begin(&mut self) -> io::Result<()> {
        let mut length = 0_u64;
        for shift in (0..).step_by(7) {
            let byte = self.byte()?;
            length |= u64::from(byte & 0x7f) << shift;
            if shift == 28 && byte > 0x0f {
                return Err(damaged("its length is none"));
            }
            if byte < 0x80 {
                break;
            }
        }
        (self.left, self.made) = (length, 0);
        Ok(())
    }

    fn element(&mut self) -> io::Result<()> {
        let tag = self.byte()?;
        let high = usize::from(tag >> 2);
        match tag & 3 {
            0 => {
                let length = match high {
                    0..60 => high,
                    _ => self.number(high - 59)?,
                };
                self.literal = length + 1;
                self.account(self.literal)
            }
            1 => {
                let offset = (high >> 3) << 8 | usize::from(self.byte()?);
                self.copy(offset, (high & 7) + 4)
            }
            2 => {
                let offset = self.number(2)?;
                self.copy(offset, high + 1)
            }
            _ => {
                let offset = self.number(4)?;
                self.copy(offset, high + 1)
            }
        }
    }

    /// Accounts for bytes that an element makes.
    fn account(&mut self, length: usize) -> io::Result<()> {
        self.left = self.left.checked_sub(length as u64).ok_or_else(|| damaged("it is too long"))?;
        Ok(())
    }

    fn copy(&mut self, offset: usize, length: usize) -> io::Result<()> {
        if offset == 0 || offset as u64 > self.made || offset > WINDOW {
            return Err(damaged("a copy reaches too far back"));
        }
        self.account(length)?;
        let start = self.window.len() - offset;
        if length <= offset {
            self.window.extend_from_within(start..start + length);
        } else {
            // It goes on with what it makes itself.
            for i in start..start + length {
                self.window.push(self.window[i]);
            }
        }
        self.made += length as u64;
        Ok(())
    }

    fn copy_literal(&mut self) -> io::Result<()> {
        let found = self.raw.fill_buf()?;
        if found.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let n = found.len().min(self.literal).min(WINDOW);
        self.window.extend_from_slice(&found[..n]);
        self.raw.consume(n);
        self.literal -= n;
        self.made += n as u64;
        Ok(())
    }

    fn byte(&mut self) -> io::Result<u8> {
        let mut byte = [0];
        self.raw.read_exact(&mut byte)?;
        Ok(byte[0])
    }

    /// A little-endian number of up to four bytes.
    fn number(&mut self, bytes: usize) -> io::Result<usize> {
        let mut number = [0; 4];
        self.raw.read_exact(&mut number[..bytes])?;
        Ok(u32::from_le_bytes(number) as usize)
    }
}

impl<R: BufRead> Read for Decoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // Elements are short, so many of them fill a buffer.
        while self.window.len() - self.given < buffer.len().min(WINDOW) {
            if self.failed.is_some() {
                break;
            }
            match self.more() {
                Ok(true) => {}
                Ok(false) => break,
                Err(e) => self.failed = Some(e),
            }
        }
        let ready = &self.window[self.given..];
        if ready.is_empty()
            && let Some(error) = self.failed.take()
        {
            return Err(error);
        }
        let n = ready.len().min(buffer.len());
        buffer[..n].copy_from_slice(&ready[..n]);
        self.given += n;
        Ok(n)
    }
}

fn damaged(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    fn lines(bytes: usize) -> Vec<u8> {
        let lines = (0..)
            .flat_map(|i| format!("{{\"__time__\": {i}, \"bytes\": {}}}\n", i * 7919 % 1009).into_bytes());
        lines.take(bytes).collect()
    }

    fn block(text: &[u8]) -> Vec<u8> {
        snap::raw::Encoder::new().compress_vec(text).unwrap()
    }

    fn decoded(raw: &[u8], buffer: usize) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        Decoder::new(BufReader::with_capacity(buffer, raw)).read_to_end(&mut text).map(|_| text)
    }

    #[test]
    fn blocks_of_all_lengths_are_decoded_and_known() {
        for bytes in [1, 20, 40, 100, 5000, WINDOW - 1, WINDOW + 1, 10 * WINDOW + 77] {
            let text = lines(bytes);
            let raw = block(&text);
            for buffer in [1, 7, 8192] {
                assert!(decoded(&raw, buffer).unwrap() == text, "{bytes}, {buffer}");
            }
            let start = &raw[..raw.len().min(4096)];
            // A block of a few letters may be text itself.
            assert!(is_block(start) != Some(false) || is_text(start), "{bytes}");
            // One behind the other, as when files are joined.
            assert!(decoded(&raw.repeat(3), 8192).unwrap() == text.repeat(3));
        }
        let repeated = b"ab".repeat(WINDOW);
        assert!(decoded(&block(&repeated), 8192).unwrap() == repeated);
    }

    #[test]
    fn what_was_decoded_before_a_fault_is_kept() {
        let text = lines(3 * WINDOW);
        let raw = block(&text);
        for end in [1, 2, 3, 100, raw.len() / 2, raw.len() - 1] {
            let mut got = Vec::new();
            let error = Decoder::new(&raw[..end]).read_to_end(&mut got).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
            assert!(text.starts_with(&got) && got.len() * 5 / 4 + 100 > end, "{end}, {}", got.len());
        }
    }

    #[test]
    fn faults_are_found() {
        for raw in [
            // A length of more than 32 bits.
            &b"\xff\xff\xff\xff\x10a"[..],
            b"\xff\xff\xff\xff\xff\x01a",
            // A literal, and a copy, that are longer than the block.
            b"\x01\x04ab",
            b"\x05\x00a\x05\x01",
            // A copy before there is anything, of nothing, and from before the block.
            b"\x04\x01\x01",
            b"\x05\x00a\x01\x00",
            b"\x05\x00a\x01\x02",
            b"\x01\x00a\x04\x01\x01",
            b"\x05\x00a\x0f\x01\x00\x01\x00",
        ] {
            let error = decoded(raw, 8192).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{raw:?}");
        }
    }

    /// Whatever the bytes are, decoding comes to an end, and says what the crate says that
    /// decodes blocks in memory.
    #[test]
    fn other_bytes_are_decoded_as_others_decode_them() {
        let good = block(&lines(300));
        let mut state = 1_u32;
        let mut random = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as usize
        };
        for _ in 0..20_000 {
            let mut raw = good.clone();
            for _ in 0..1 + random() % 3 {
                let at = random() % raw.len();
                raw[at] = random() as u8;
            }
            if raw.len() > 2 && raw[..5].iter().all(|b| *b >= 0x80) {
                continue;
            }
            let got = decoded(&raw, 64);
            // That crate makes room for the length that a block claims.
            if snap::raw::decompress_len(&raw).is_ok_and(|n| n < 1 << 20) {
                match snap::raw::Decoder::new().decompress_vec(&raw) {
                    Ok(text) => assert!(got.is_ok_and(|got| got == text), "{raw:?}"),
                    // It knows no second block behind the first.
                    Err(snap::Error::HeaderMismatch { .. }) => {}
                    Err(_) => assert!(got.is_err() || raw[1] < 0x80 || got.is_ok_and(|got| got.len() != 300)),
                }
            }
        }
    }

    #[test]
    fn text_and_other_files_are_no_blocks() {
        for start in [
            &b""[..],
            b"1 5f67944957444bd6bb4fe3b367de8f3d 1d515d18-1b36-47dc-a983-bd6512aed4bd",
            b"{\"a\":1}\n",
            "\u{feff}version,account".as_bytes(),
            "\u{4f60}\u{597d} 1 2 3".as_bytes(),
            // Text of another encoding; a control character in a line; noise.
            b"\xc4\xe3\xba\xc3 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0",
            b"\x01 1 5f67944957444bd6bb4fe3b367de8f3d 1d515d18-1b36-47dc-a983-bd6512aed4bd",
            b"\x00\x01\x02\x03",
        ] {
            assert_eq!(is_block(start), Some(false), "{start:?}");
        }
    }
}
