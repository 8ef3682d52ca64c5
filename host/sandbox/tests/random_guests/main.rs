//! Guests that nobody wrote: whatever a module does, it is refused, or each of its calls ends in time,
//! with no more memory than it may have. This is the short form of the fuzz target `guests`.

mod made;
mod tried;

use std::{
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use tried::Count;

const GUESTS: u64 = 200;

/// How long a guest may keep a host until it is one that nobody stops: a thousand times as long as
/// all of its deadlines.
const STUCK: Duration = Duration::from_secs(120);

#[test]
fn whatever_does_not_end_is_stopped() {
    let (to, from) = mpsc::channel();
    let tries = thread::spawn(move || {
        let mut count = Count::NONE;
        for seed in 0..GUESTS {
            to.send(seed).unwrap();
            let Ok(guest) = made::guest(&seed.to_le_bytes()) else { continue };
            count.add(&guest, &tried::tried(&guest));
        }
        count
    });
    let mut seed = 0;
    loop {
        match from.recv_timeout(STUCK) {
            Ok(next) => seed = next,
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => panic!("the guest of seed {seed} is not stopped"),
        }
    }
    let Ok(count) = tries.join() else { panic!("the guest of seed {seed} is at fault") };
    println!("{count}");
    // Enough of them get far enough to show something, among them those that end by themselves.
    assert!(count.all() > 150 && count.unused == 0, "{count}");
    assert!(count.good >= 20 && count.late >= 30 && count.trapped >= 20 && count.lied >= 5, "{count}");
}
