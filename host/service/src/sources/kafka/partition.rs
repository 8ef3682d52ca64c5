//! A partition that is read: from where on, and how far it is done.

use std::sync::Arc;

use rdkafka::{Offset, error::KafkaResult, topic_partition_list::TopicPartitionListElem};
use weir_normalizer::framing::Restart;
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    state,
    tracker::{Mark, Tracker},
    worker::Stream,
};

/// What tells the messages of a partition from those of another of the same name, which was made when that was
/// deleted: both begin with the same offsets. It is committed with each place, which goes with the partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Epoch(pub(super) u64);

const EPOCH: &str = "weir ";

impl Epoch {
    pub(super) fn new() -> Self {
        Self(state::nonce())
    }

    /// What was committed with a place; none where somebody else did that.
    pub(super) fn read(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(EPOCH).filter(|digits| digits.len() == 16)?;
        u64::from_str_radix(digits, 16).ok().map(Self)
    }

    pub(super) fn text(self) -> String {
        format!("{EPOCH}{:016x}", self.0)
    }
}

/// What the cluster says of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    /// The offset of the first message that is there, and that of the next that comes.
    pub(super) low: i64,
    pub(super) high: i64,
    /// Where the group is.
    pub(super) committed: Option<(i64, Option<Epoch>)>,
}

/// Where a partition is gone on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Start {
    pub(super) offset: i64,
    /// None where another one begins.
    pub(super) epoch: Option<Epoch>,
    /// Messages from there on that were not read, and are gone.
    pub(super) gone: i64,
}

impl Known {
    /// Where to begin, where the group has no place at the latest message if this says so.
    pub(super) fn start(&self, is_latest: bool) -> Start {
        let Self { low, high, committed } = *self;
        match committed {
            None => Start { offset: if is_latest { high } else { low }, epoch: None, gone: 0 },
            // It is asked for there, wherever the partition is said to begin and end: a broker that has just
            // become its leader may say that it ends earlier than others have read. Where there is nothing, the
            // cluster says so, and all that is there is read.
            Some((offset, epoch)) => Start { offset, epoch, gone: low.saturating_sub(offset).max(0) },
        }
    }
}

/// What was committed with a place.
pub(super) fn committed(of: &TopicPartitionListElem<'_>) -> KafkaResult<Option<(i64, Option<Epoch>)>> {
    of.error()?;
    let Offset::Offset(offset) = of.offset() else { return Ok(None) };
    // Reading what is no UTF-8 panics, and anybody in the group may have written it.
    let text = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| of.metadata().to_owned()));
    Ok(Some((offset, text.ok().and_then(|text| Epoch::read(&text)))))
}

/// A partition that is read.
pub(super) struct Partition {
    pub(super) topic: String,
    pub(super) number: i32,
    pub(super) epoch: Epoch,
    pub(super) stream: Stream,
    /// A new one each time that the partition comes to this member.
    pub(super) tracker: Arc<Tracker>,
    /// The offset of the next message.
    pub(super) next: i64,
    /// What the cluster knows.
    pub(super) committed: i64,
    /// What that was when the partition came.
    pub(super) pinned: i64,
    /// The offset behind the latest message at that time.
    pub(super) high: i64,
    /// The cluster said that there is no more.
    pub(super) is_at_end: bool,
}

impl Partition {
    pub(super) fn new(source: &Arc<str>, topic: &str, number: i32, start: &Start, known: &Known) -> Self {
        let epoch = start.epoch.unwrap_or_else(Epoch::new);
        Self {
            topic: topic.to_owned(),
            number,
            epoch,
            stream: stream(source, topic, number, epoch),
            tracker: Arc::default(),
            next: start.offset,
            committed: start.offset,
            pinned: start.offset,
            high: known.high,
            is_at_end: false,
        }
    }

    /// Where it is done, where the cluster does not know that.
    pub(super) fn to_commit(&self) -> Option<i64> {
        let done = self.tracker.done()?.restart.offset.cast_signed();
        (done > self.committed).then_some(done)
    }

    /// Whether all has been read that was there when the partition came.
    pub(super) fn is_read(&self) -> bool {
        // Where the group was behind the end, something is to be read that is not known yet, or to be said.
        self.is_at_end || self.next >= self.high && self.pinned <= self.high
    }
}

fn stream(source: &Arc<str>, topic: &str, number: i32, epoch: Epoch) -> Stream {
    let key = [topic.as_bytes(), &[0], &number.to_le_bytes(), &epoch.0.to_le_bytes()].concat();
    Stream {
        source: Arc::clone(source),
        name: format!("{topic}/{number}").into(),
        identity: xxh3_64(&key),
        can_replay: true,
        is_awaited: false,
    }
}

/// Where to go on behind the message before this offset.
pub(super) fn mark(offset: i64) -> Mark {
    let restart = Restart { offset: offset.cast_unsigned(), ..Restart::default() };
    Mark { restart, ..Mark::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tracker::Balance;

    #[test]
    fn an_epoch_is_read_as_it_was_written() {
        let epoch = Epoch(0xab);
        assert_eq!((epoch.text(), Epoch::read(&epoch.text())), ("weir 00000000000000ab".into(), Some(epoch)));
        for text in ["", "weir ", "weir ab", "connect-1", "weir 00000000000000xy", "00000000000000ab"] {
            assert!(Epoch::read(text).is_none(), "{text}");
        }
        let identity =
            |topic: &str, number, epoch| stream(&"in".into(), topic, number, Epoch(epoch)).identity;
        let all = [identity("a", 0, 1), identity("a", 1, 1), identity("b", 0, 1), identity("a", 0, 2)];
        let distinct: std::collections::BTreeSet<_> = all.into_iter().collect();
        assert_eq!(distinct.len(), all.len());
    }

    #[test]
    fn a_partition_is_gone_on_with_where_the_group_is() {
        let epoch = Some(Epoch(7));
        for (low, high, committed, is_latest, offset, kept, gone) in [
            (0, 9, None, false, 0, None, 0),
            (4, 9, None, false, 4, None, 0),
            (4, 9, None, true, 9, None, 0),
            (0, 9, Some((5, epoch)), true, 5, epoch, 0),
            (0, 9, Some((9, epoch)), false, 9, epoch, 0),
            // Somebody else committed it.
            (0, 9, Some((5, None)), false, 5, None, 0),
            // It was away for longer than the topic keeps messages.
            (7, 9, Some((5, epoch)), true, 5, epoch, 2),
            // The topic was deleted and made anew, or its leader does not know of all of it yet.
            (0, 3, Some((5, epoch)), true, 5, epoch, 0),
        ] {
            let known = Known { low, high, committed };
            assert_eq!(known.start(is_latest), Start { offset, epoch: kept, gone }, "{known:?} {is_latest}");
        }
    }

    #[test]
    fn what_is_committed_is_what_is_done_and_never_goes_back() {
        let known = Known { low: 0, high: 9, committed: None };
        let mut partition = Partition::new(&"in".into(), "t", 0, &known.start(false), &known);
        let balance = Balance::default();
        let [first, second] = [5, 9].map(|offset| partition.tracker.begin(Some(mark(offset)), &balance));
        assert_eq!(partition.to_commit(), None);
        second.release();
        assert_eq!(partition.to_commit(), None);
        first.release();
        assert_eq!(partition.to_commit(), Some(9));
        partition.committed = 9;
        assert_eq!(partition.to_commit(), None);
        assert!(!partition.is_read());
        partition.next = 9;
        assert!(partition.is_read());
        partition.pinned = 10;
        assert!(!partition.is_read());
        partition.is_at_end = true;
        assert!(partition.is_read());
    }
}
