//! What is told now and then, as it may happen to each record.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How long it is between two times that something is told.
const BETWEEN: Duration = Duration::from_secs(60);

/// Counts what happens, and tells of the first at once, and of others once a minute.
#[derive(Debug, Default)]
pub(crate) struct Seldom(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    told: Option<Instant>,
    since: u64,
}

impl Seldom {
    /// It happened so many times more; how many there were since it was told, where it is to be told now.
    pub(crate) fn happens(&self, times: u64) -> Option<u64> {
        self.happens_at(times, Instant::now())
    }

    fn happens_at(&self, times: u64, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.since += times;
        let is_due = state.told.is_none_or(|told| now.saturating_duration_since(told) >= BETWEEN);
        is_due.then(|| {
            state.told = Some(now);
            std::mem::take(&mut state.since)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_told_and_then_how_many_there_were_in_a_minute() {
        let (seldom, begun) = (Seldom::default(), Instant::now());
        let at = |seconds| begun + Duration::from_secs(seconds);
        assert_eq!(seldom.happens_at(1, at(0)), Some(1));
        assert_eq!(seldom.happens_at(5, at(1)), None);
        assert_eq!(seldom.happens_at(1, at(59)), None);
        assert_eq!(seldom.happens_at(1, at(60)), Some(7));
        assert_eq!(seldom.happens_at(2, at(119)), None);
        assert_eq!(seldom.happens_at(1, at(500)), Some(3));
    }
}
