//! Gzip's members, one behind the other. Behind the last one there may be zeros, as tapes and
//! block devices leave them; like gzip itself, they are passed over.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

/// Decompresses all members.
pub(super) struct Members<R> {
    /// Nothing after the last one.
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> Members<R> {
    pub(super) fn new(raw: R) -> Self {
        Self { member: Some(GzDecoder::new(raw)) }
    }
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let n = member.read(buffer)?;
            if n > 0 || buffer.is_empty() {
                return Ok(n);
            }
            // The member has ended; while zeros are passed over, it stays where it is.
            let raw = member.get_mut();
            loop {
                let found = raw.fill_buf()?;
                let zeros = found.iter().take_while(|b| **b == 0).count();
                let (is_end, is_other) = (found.is_empty(), zeros < found.len());
                raw.consume(zeros);
                if is_end {
                    self.member = None;
                    break;
                }
                if is_other {
                    self.member = self.member.take().map(|ended| GzDecoder::new(ended.into_inner()));
                    break;
                }
            }
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Write as _};

    use super::*;

    #[test]
    fn members_are_joined_and_zeros_passed_over() {
        let member = |text: &[u8]| {
            let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            out.write_all(text).unwrap();
            out.finish().unwrap()
        };
        let read = |raw: &[u8], buffer| {
            let mut text = Vec::new();
            let result = Members::new(BufReader::with_capacity(buffer, raw)).read_to_end(&mut text);
            (text, result.map(drop))
        };
        let (one, two) = (member(b"one"), member(b"two"));
        for buffer in [1, 8192] {
            for zeros in [0, 1, 10_000] {
                let padding = vec![0; zeros];
                for raw in [[&one[..], &two, &padding].concat(), [&one[..], &padding, &two].concat()] {
                    let (text, result) = read(&raw, buffer);
                    result.unwrap();
                    assert_eq!(text, b"onetwo");
                }
            }
            let (text, result) = read(&[&one[..], b"\0\0garbage"].concat(), buffer);
            assert_eq!(text, b"one");
            assert!(result.is_err());
            let (text, result) = read(&[&one[..], &two[..two.len() - 3]].concat(), buffer);
            assert!(text.starts_with(b"one"));
            assert_eq!(result.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        }
    }
}
