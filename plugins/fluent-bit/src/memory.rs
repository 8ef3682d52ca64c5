//! The memory that the agent writes tags and records to.
//!
//! It asks for two pieces for each event and gives both back, so a piece that was given back is
//! kept for the next event: nothing goes through the allocator once the pieces are large enough.

use std::cell::RefCell;

/// A piece of memory.
struct Piece {
    bytes: Vec<u8>,
    taken: bool,
}

thread_local! {
    static PIECES: RefCell<Vec<Piece>> = const { RefCell::new(Vec::new()) };
}

/// Finds `size` bytes for the agent and says where they lie; 0 where there is no room.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn malloc(size: u32) -> u32 {
    let size = size.max(1) as usize;
    PIECES.with_borrow_mut(|pieces| {
        let fits = |p: &Piece| !p.taken && p.bytes.capacity() >= size;
        let found = pieces.iter().position(fits).or_else(|| pieces.iter().position(|p| !p.taken));
        let i = match found {
            Some(i) => i,
            None if pieces.try_reserve(1).is_err() => return 0,
            None => {
                pieces.push(Piece { bytes: Vec::new(), taken: false });
                pieces.len() - 1
            }
        };
        let piece = &mut pieces[i];
        // Nobody needs what was in it.
        piece.bytes.clear();
        if piece.bytes.try_reserve(size).is_err() {
            return 0;
        }
        piece.taken = true;
        piece.bytes.as_ptr() as usize as u32
    })
}

/// Takes a piece back; what is none is passed over.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn free(address: u32) {
    PIECES.with_borrow_mut(|pieces| {
        let is_it = |p: &&mut Piece| p.taken && p.bytes.as_ptr() as usize as u32 == address;
        if let Some(piece) = pieces.iter_mut().find(is_it) {
            piece.taken = false;
        }
    });
}

/// The bytes that the agent wrote. `None` where it got no memory for them, or where they lie
/// outside all memory.
pub(crate) fn bytes<'a>(address: u32, len: u32) -> Option<&'a [u8]> {
    #[cfg(target_arch = "wasm32")]
    let end = (core::arch::wasm32::memory_size(0) as u64) << 16;
    #[cfg(not(target_arch = "wasm32"))]
    let end = 0;
    if address == 0 || u64::from(address) + u64::from(len) > end {
        return None;
    }
    // SAFETY: the bytes lie in memory that no part of this program holds mutably: the agent got
    // them from `malloc`, keeps them until the call has returned, and does nothing meanwhile.
    Some(unsafe { core::slice::from_raw_parts(address as usize as *const u8, len as usize) })
}
