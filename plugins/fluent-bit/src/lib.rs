//! The guest for Fluent Bit's `filter_wasm`; `README.md` beside it is for users. It only
//! translates the ABI, and imports nothing.
//!
//! Fluent Bit copies tag and record into memory that it gets from [`malloc`], calls
//! [`weir_filter`], copies the text that the answer points at, and gives the memory back with
//! [`free`]. A trap costs the record, so nothing here may trap.

// The exported names, and the memory that the agent writes to. The names `malloc` and `free` are
// the agent's. They are exported for wasm32 only: a native build has a C library with such names.
#![allow(unsafe_code)]

pub mod memory;

use std::cell::{Cell, RefCell};

use weir_normalizer::{EventConfig, Events, Output};

/// The standard library's own is larger.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

/// What stays in place between two calls.
#[derive(Default)]
struct Guest {
    events: Option<Events>,
    /// The answer, with a zero byte behind it.
    answer: Output,
}

/// What [`weir_configure`] takes and answers with.
#[derive(Default)]
struct Setup {
    input: Vec<u8>,
    config: EventConfig,
    message: String,
    reply: [u32; 2],
}

thread_local! {
    /// Empty while a call is under way, and after one that trapped: then the next one begins anew.
    static GUEST: Cell<Option<Box<Guest>>> = const { Cell::new(None) };
    static SETUP: RefCell<Setup> = RefCell::default();
}

/// What an agent gets back when it had no memory left for the record itself.
const NO_MEMORY: &[u8] = b"{\"weir_error\":{\"reason\":\"the agent had no memory for this event, so it is lost\",\"code\":\"no-memory\"}}\0";

fn address(bytes: &[u8]) -> u32 {
    bytes.as_ptr() as usize as u32
}

/// A guest as it is configured.
fn fresh() -> Box<Guest> {
    // What is configured was checked when it was taken, and the default is good.
    let events = SETUP.with(|s| s.try_borrow().ok().and_then(|s| Events::new(&s.config).ok()));
    Box::new(Guest { events, ..Guest::default() })
}

/// Normalizes one event: `record` is a JSON object of `len` bytes. The answer is the address of
/// a text that ends with a zero byte: the object that takes its place, or nothing if the event
/// is to be dropped. It is good until the next call.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn weir_filter(
    _tag: u32,
    _tag_len: u32,
    seconds: u32,
    nanoseconds: u32,
    record: u32,
    len: u32,
) -> u32 {
    let Some(event) = memory::bytes(record, len) else { return address(NO_MEMORY) };
    let mut guest = GUEST.take().unwrap_or_else(fresh);
    let time = u64::from(seconds) * 1000 + u64::from(nanoseconds) / 1_000_000;
    match &mut guest.events {
        Some(events) => events.normalize(event, time, &mut guest.answer),
        None => {
            guest.answer.clear();
            guest.answer.extend_from_slice(event);
        }
    }
    guest.answer.push(0);
    let answer = address(&guest.answer);
    GUEST.set(Some(guest));
    answer
}

/// Makes room for a configuration and says where it lies.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn weir_input(len: u32) -> u32 {
    SETUP.with_borrow_mut(|s| {
        s.input = vec![0; len as usize];
        address(&s.input)
    })
}

/// Reads the configuration that was put where [`weir_input`] said, and makes everything ready.
/// 0 if it is good, else the address of `message_address message_len`.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn weir_configure() -> u32 {
    let answer = SETUP.with_borrow_mut(|s| {
        let input = std::mem::take(&mut s.input);
        let made = EventConfig::from_json(&input).and_then(|c| Events::new(&c).map(|_| c));
        match made {
            Ok(config) => {
                s.config = config;
                0
            }
            Err(error) => {
                s.message = error.to_string();
                s.reply = [address(s.message.as_bytes()), s.message.len() as u32];
                s.reply.as_ptr() as usize as u32
            }
        }
    });
    GUEST.set((answer == 0).then(fresh));
    answer
}
