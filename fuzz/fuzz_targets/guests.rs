//! Guests that nobody wrote: whatever a module does, it is refused, or each of its calls ends in time,
//! with no more memory than it may have, whichever way it is stopped. This is the gate of another version
//! of wasmtime: `poll_stopper.rs` says what may no longer hold with it.
#![no_main]

#[path = "../../host/sandbox/tests/random_guests/made.rs"]
mod made;
#[path = "../../host/sandbox/tests/random_guests/tried.rs"]
mod tried;

use std::sync::Mutex;

use libfuzzer_sys::fuzz_target;
use tried::Count;

/// What came of all guests so far, to see that most of them get to run.
static COUNT: Mutex<Count> = Mutex::new(Count::NONE);

fuzz_target!(|bytes: &[u8]| {
    let Ok(guest) = made::guest(bytes) else { return };
    let mut count = COUNT.lock().unwrap();
    count.add(&guest, &tried::tried(&guest));
    if count.all().is_power_of_two() {
        eprintln!("{count}");
    }
});
