//! Records in base64, with gzip inside or not, as Firehose hands them on.
//!
//! The checksum behind what is compressed is not looked at: that is for files.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use miniz_oxide::inflate::{
    TINFLStatus,
    core::{DecompressorOxide, decompress, inflate_flags},
};

use crate::{
    base::limits,
    record::fault::{Fault, RejectCode},
    value::raw::{Raw, RawKind},
};

/// The text that a value has in base64, and whether it was compressed; `None` where it has none. The
/// fault is of what is compressed in it; in what was compressed already nothing may be.
#[cold]
#[inline(never)]
pub(super) fn text(raw: Raw<'_>, in_compressed: bool) -> Option<Result<(String, bool), Fault<'static>>> {
    if raw.kind != RawKind::Text {
        return None;
    }
    match decode(raw.text.as_bytes(), in_compressed) {
        Decoded::Text(text) => Some(Ok((text, false))),
        Decoded::Twice => {
            let text = "it is compressed, and compressed again with what is around it; no logs are, and what grows twice has no bound, so it is not read";
            Some(Err(Fault::of_record(RejectCode::TooLong, text)))
        }
        Decoded::Inflated(text) => Some(Ok((text, true))),
        Decoded::TooMuch => Some(Err(too_much())),
        Decoded::Broken => {
            let text = "what is compressed in it breaks off or is damaged; fetch it again";
            Some(Err(Fault::of_record(RejectCode::CutShort, text)))
        }
        Decoded::Other => None,
    }
}

/// What a text in base64 holds.
enum Decoded {
    Text(String),
    /// A text that was compressed.
    Inflated(String),
    /// Something compressed in what was compressed already.
    Twice,
    /// More than is read, or than its length lets expect.
    TooMuch,
    /// Something compressed that can't be read.
    Broken,
    /// No text.
    Other,
}

fn too_much() -> Fault<'static> {
    let text = format!(
        "the text that is compressed in it is longer than {} bytes, or than {} times what it is compressed to",
        limits::INFLATED,
        limits::INFLATED_RATIO
    );
    Fault::of_record(RejectCode::TooLong, text)
}

fn decode(base64: &[u8], in_compressed: bool) -> Decoded {
    let mut bytes = vec![0; base64.len() / 4 * 3 + 3];
    let Ok(len) = STANDARD.decode_slice(base64, &mut bytes) else { return Decoded::Other };
    bytes.truncate(len);
    if bytes.starts_with(&GZIP) {
        if in_compressed {
            return Decoded::Twice;
        }
        let most = limits::INFLATED.min(bytes.len() * limits::INFLATED_RATIO);
        return match inflate(&bytes, most) {
            Ok(text) => String::from_utf8(text).map_or(Decoded::Other, Decoded::Inflated),
            Err(TINFLStatus::HasMoreOutput) => Decoded::TooMuch,
            Err(_) => Decoded::Broken,
        };
    }
    String::from_utf8(bytes).map_or(Decoded::Other, Decoded::Text)
}

/// What is compressed in the members of a gzip stream, at most so many bytes.
fn inflate(mut gzip: &[u8], most: usize) -> Result<Vec<u8>, TINFLStatus> {
    // What was made room for stays for the next member: there may be many.
    let (mut text, mut len) = (Vec::new(), 0);
    let mut state = Box::<DecompressorOxide>::default();
    loop {
        let mut deflated = behind_header(gzip).ok_or(TINFLStatus::Failed)?;
        state.init();
        let begun = len;
        loop {
            if len == text.len() {
                if len == most {
                    return Err(TINFLStatus::HasMoreOutput);
                }
                text.resize((2 * len + 4 * deflated.len() + MEMBER_END).min(most), 0);
            }
            let (status, read, written) =
                decompress(&mut state, deflated, &mut text[begun..], len - begun, NO_WINDOW);
            len += written;
            deflated = &deflated[read..];
            match status {
                TINFLStatus::Done => break,
                TINFLStatus::HasMoreOutput => {}
                broken => return Err(broken),
            }
        }
        // What is behind the last member pads it.
        gzip = deflated.get(MEMBER_END..).unwrap_or_default();
        match gzip.iter().all(|byte| *byte == 0) {
            true => {
                text.truncate(len);
                return Ok(text);
            }
            false if gzip.starts_with(&GZIP) => {}
            false => return Err(TINFLStatus::Failed),
        }
    }
}

/// All that comes out stays in one place.
const NO_WINDOW: u32 = inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;

/// What stands behind what is compressed in a member: a checksum and a length.
const MEMBER_END: usize = 8;

/// How a gzip stream begins: its mark, and that it is deflated.
const GZIP: [u8; 3] = [0x1f, 0x8b, 8];

/// What stands behind the header of a gzip stream: ten bytes, and what its flags tell of.
fn behind_header(gzip: &[u8]) -> Option<&[u8]> {
    let flags = *gzip.get(3)?;
    let mut rest = gzip.get(10..)?;
    if flags & 4 != 0 {
        let len = usize::from(u16::from_le_bytes(*rest.first_chunk()?));
        rest = rest.get(2 + len..)?;
    }
    for name_or_comment in [8, 16] {
        if flags & name_or_comment != 0 {
            rest = rest.get(memchr::memchr(0, rest)? + 1..)?;
        }
    }
    rest.get(if flags & 2 != 0 { 2 } else { 0 }..)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(base64: &str) -> Option<String> {
        match decode(base64.as_bytes(), false) {
            Decoded::Text(text) | Decoded::Inflated(text) => Some(text),
            Decoded::TooMuch => Some("too much".into()),
            Decoded::Twice | Decoded::Broken | Decoded::Other => None,
        }
    }

    fn encode(bytes: &[u8]) -> String {
        let mut base64 = vec![0; bytes.len() / 3 * 4 + 4];
        let len = STANDARD.encode_slice(bytes, &mut base64).unwrap();
        base64.truncate(len);
        String::from_utf8(base64).unwrap()
    }

    /// A gzip stream of a text that is stored as it is.
    fn gzip(flags: u8, header: &[u8], text: &str) -> String {
        let len = (text.len() as u16).to_le_bytes();
        let not = (!(text.len() as u16)).to_le_bytes();
        let parts: [&[u8]; 7] =
            [&GZIP, &[flags, 0, 0, 0, 0, 0, 3], header, &[1, len[0], len[1]], &not, text.as_bytes(), &[0; 8]];
        encode(&parts.concat())
    }

    #[test]
    fn texts_are_found_behind_every_header() {
        assert_eq!(text("YQ==").as_deref(), Some("a"));
        for (flags, header) in [
            (0, &b""[..]),
            (4, b"\x02\0xy"),
            (8, b"name\0"),
            (16, b"comment\0"),
            (2, b"cc"),
            (30, b"\x01\0xname\0comment\0cc"),
        ] {
            assert_eq!(text(&gzip(flags, header, "a line")).as_deref(), Some("a line"), "{flags}");
        }
    }

    #[test]
    fn each_member_of_a_stream_is_read() {
        let member = |text: &str| {
            let mut bytes = vec![0; 200];
            let len = STANDARD.decode_slice(gzip(0, b"", text), &mut bytes).unwrap();
            bytes.truncate(len);
            bytes
        };
        let (one, other) = (member("one\n"), member("other"));
        for (stream, wanted) in [
            (vec![&one[..], &other], Some("one\nother")),
            (vec![&one, &[0; 20]], Some("one\n")),
            (vec![&one, &other, &one], Some("one\notherone\n")),
            (vec![&one, b"more"], None),
            (vec![&one, &other[..14]], None),
        ] {
            assert_eq!(text(&encode(&stream.concat())).as_deref(), wanted, "{stream:?}");
        }
    }

    #[test]
    fn what_is_no_text_is_none() {
        let whole = gzip(30, b"\x01\0xname\0comment\0cc", "a line");
        for len in (0..whole.len() - 16).step_by(4) {
            let found = text(&whole[..len]);
            assert!(found.as_deref().is_none_or(str::is_empty), "{len}: {found:?}");
        }
        for other in ["YQ", "Y Q=", "\u{e9}", "/w==", &gzip(0, b"", "x")[..12]] {
            assert_eq!(text(other), None, "{other}");
        }
    }

    #[test]
    fn what_grows_without_bound_is_too_much() {
        let mut bomb = GZIP.to_vec();
        bomb.extend([0; 7]);
        bomb.extend(miniz_oxide::deflate::compress_to_vec(&vec![b'a'; 1 << 20], 6));
        assert_eq!(text(&encode(&bomb)).as_deref(), Some("too much"));
    }
}
