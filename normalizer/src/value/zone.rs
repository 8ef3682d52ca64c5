//! Time zones.

use serde::{Deserialize, Serialize};

/// A time zone as its changes of offset, so that no zone database is needed to use it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Zone {
    /// The offset before the first change, in seconds east of UTC.
    pub offset: i32,
    /// Changes in the order of time: the moment in epoch seconds, and the offset from then on.
    #[serde(default)]
    pub changes: Vec<(i64, i32)>,
}

impl Zone {
    /// The offset that holds at a local time, in seconds. A time that occurs twice is the
    /// first of them; one that is skipped is read with the offset before the change.
    pub(crate) fn offset_at(&self, local: i64) -> i32 {
        // The last change that lies behind this time, read with the offset before it.
        let next = self.changes.partition_point(|c| c.0 <= local.saturating_sub(i64::from(c.1)));
        let before = |i: usize| i.checked_sub(1).map_or(self.offset, |i| self.changes[i].1);
        match next.checked_sub(1) {
            // Within the repeated hour the earlier offset still fits.
            Some(i) if local - i64::from(before(i)) < self.changes[i].0 => before(i),
            _ => before(next),
        }
    }
}
