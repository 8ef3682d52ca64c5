//! Copies bytes into a buffer.
//!
//! Whoever writes takes a buffer and the place in it that comes next, and returns the place behind
//! what it wrote; or `None` where the buffer is too short. Short texts are copied in blocks of fixed
//! size, past their end.

/// The place behind what was written; none where there was no room.
pub(crate) type Written = Option<usize>;

/// Writes bytes of a fixed number.
#[inline(always)]
pub(crate) fn block<const N: usize>(buffer: &mut [u8], at: usize, block: &[u8; N]) -> Option<()> {
    *buffer.get_mut(at..)?.first_chunk_mut()? = *block;
    Some(())
}

/// Writes a byte.
#[inline(always)]
pub(crate) fn byte(buffer: &mut [u8], at: usize, byte: u8) -> Written {
    *buffer.get_mut(at)? = byte;
    Some(at + 1)
}

/// Writes bytes as they are.
#[inline(always)]
pub(crate) fn bytes(buffer: &mut [u8], at: usize, bytes: &[u8]) -> Written {
    // Two pieces of fixed size that may overlap, where a call would cost more than the copy.
    #[inline(always)]
    fn ends<const N: usize>(buffer: &mut [u8], at: usize, bytes: &[u8]) -> Option<()> {
        block::<N>(buffer, at, bytes.first_chunk()?)?;
        block::<N>(buffer, at + bytes.len() - N, bytes.last_chunk()?)
    }
    match bytes.len() {
        0 => {}
        1 => block::<1>(buffer, at, bytes.first_chunk()?)?,
        2..4 => ends::<2>(buffer, at, bytes)?,
        4..8 => ends::<4>(buffer, at, bytes)?,
        8..16 => ends::<8>(buffer, at, bytes)?,
        16..=32 => ends::<16>(buffer, at, bytes)?,
        _ => buffer.get_mut(at..at + bytes.len())?.copy_from_slice(bytes),
    }
    Some(at + bytes.len())
}
