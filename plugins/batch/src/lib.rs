//! The guest for hosts; `plugins/ABI.md` is its contract. It only translates the ABI,
//! and imports nothing: that is its sandbox.

// The exported names are this file's whole use of `unsafe`: `no_mangle` could clash with
// another symbol, and the `weir_` prefix is this guest's own.
#![allow(unsafe_code)]

use std::cell::RefCell;

use weir_normalizer::{
    Config, Normalizer,
    batch::{BatchView, Outcome},
};

/// The standard library's own is larger.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

/// The ABI that this guest speaks.
const ABI_VERSION: i32 = 1;

#[derive(Default)]
struct Guest {
    input: Vec<u8>,
    normalizer: Option<Normalizer>,
    outcome: Outcome,
    /// What [`weir_run`] and [`weir_configure`] answer with.
    reply: [u32; 11],
}

thread_local! {
    static GUEST: RefCell<Guest> = RefCell::default();
}

fn with<T>(f: impl FnOnce(&mut Guest) -> T) -> T {
    GUEST.with_borrow_mut(f)
}

fn address(bytes: &[u8]) -> u32 {
    bytes.as_ptr() as usize as u32
}

/// The version of the ABI.
#[unsafe(no_mangle)]
pub extern "C" fn weir_abi_version() -> i32 {
    ABI_VERSION
}

/// Makes room for input and says where it lies; 0 where there is no room.
#[unsafe(no_mangle)]
pub extern "C" fn weir_input(len: u32) -> u32 {
    with(|g| {
        let len = len as usize;
        if g.input.len() < len {
            let more = len - g.input.len();
            if g.input.try_reserve_exact(more).is_err() {
                return 0;
            }
            g.input.resize(len, 0);
        }
        address(&g.input)
    })
}

/// Reads the configuration, the first `len` bytes of the input.
/// 0 if it is good, else the address of `message_address message_len`.
#[unsafe(no_mangle)]
pub extern "C" fn weir_configure(len: u32) -> u32 {
    with(|g| {
        let bytes = g.input.get(..len as usize).unwrap_or_default();
        let made = Config::from_json(bytes).and_then(|c| Normalizer::new(&c));
        match made {
            Ok(n) => {
                g.normalizer = Some(n);
                0
            }
            Err(error) => {
                g.outcome.output = error.to_string().into_bytes().into();
                g.reply[0] = address(&g.outcome.output);
                g.reply[1] = g.outcome.output.len() as u32;
                g.reply.as_ptr() as usize as u32
            }
        }
    })
}

/// Normalizes the batch in the first `len` bytes of the input from element `first` on, and
/// says where the reply lies; 0 if the batch is malformed or no configuration was given.
#[unsafe(no_mangle)]
pub extern "C" fn weir_run(len: u32, first: u32) -> u32 {
    with(|g| {
        let bytes = g.input.get(..len as usize).unwrap_or_default();
        let (Ok(batch), Some(normalizer)) = (BatchView::joined(bytes), &mut g.normalizer) else {
            return 0;
        };
        let out = &mut g.outcome;
        normalizer.run(&batch, first as usize, out);
        g.reply = [
            out.next,
            out.normalized,
            out.filtered,
            out.rejected,
            out.filtered_bytes,
            address(&out.output),
            out.output.len() as u32,
            address(&out.rejects),
            out.rejects.len() as u32,
            address(&out.tallies),
            out.tallies.len() as u32,
        ];
        g.reply.as_ptr() as usize as u32
    })
}
