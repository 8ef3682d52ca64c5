//! The thread of a source: a member of a group that reads, and commits what is delivered.
//!
//! It polls as long as it is a member, whatever it waits for: the group takes who does not for dead.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use rdkafka::{
    Message as _, Offset, TopicPartitionList,
    consumer::{CommitMode, Consumer as _},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode as Code},
    message::BorrowedMessage,
};
use weir_normalizer::framing::Framer;

use super::{
    Options,
    group::{Change, Group, Member},
    partition::{Epoch, Known, Partition, Start, committed, mark},
};
use crate::{
    error::Error,
    feed::{Ending, Feed, Message, Shelved},
    health::Trouble,
    kafka::client::{self, Password},
    sinks::pauses,
    state,
    stop::Stop,
    tracker::Tracker,
};

/// How long a poll waits for messages; what else is to be done is done in between.
const POLL: Duration = Duration::from_millis(50);
/// How long messages are gathered from the first on, and how many, and how many bytes of them.
const GATHER: Duration = Duration::from_millis(20);
const MOST: usize = 4096;
const MOST_BYTES: usize = 1 << 20;
/// How long is waited for room without a poll; from then on nothing is fetched.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often it is committed how far everything is.
const COMMIT: Duration = Duration::from_secs(1);
/// How long the cluster may take to say where a partition begins and ends, and where the group is.
const ANSWER: Duration = Duration::from_secs(10);
/// How long others of the group are kept waiting for what is on its way.
const REVOKE: Duration = Duration::from_secs(5);
/// How often the group is told that it is there.
const HEARTBEAT: Duration = Duration::from_secs(3);
/// What is fetched before it is read: KiB in all, and the bytes of one answer.
const AHEAD_KIB: &str = "16384";
const FETCH: &str = "8388608";

/// Reads until it is told to stop, or once; then it waits for what is on its way, and commits that.
pub(crate) fn run(options: &Options, feed: Feed, ending: &mut Ending) {
    let framer = match Framer::new(&feed.config) {
        Ok(framer) => framer,
        Err(e) => return feed.alarm.ring(&e.to_string()),
    };
    let mut reader = Reader {
        options,
        feed,
        framer,
        partitions: Vec::new(),
        retired: Vec::new(),
        ends: BTreeMap::new(),
        password: None,
        is_assigned: false,
        is_to_join_again: false,
        committed_at: Instant::now(),
    };
    if reader.options.access().is_open() {
        tracing::warn!(source = %reader.feed.source, "a login goes to the cluster without encryption; add `tls`");
    }
    let mut pauses = pauses();
    let mut is_first = true;
    let member = loop {
        match reader.join() {
            Ok(member) => {
                if reader.read(&member) {
                    break member;
                }
                // It has what the old one did not deliver.
                reader.retire();
                leave(member);
            }
            Err(error) if is_first => {
                return reader.feed.alarm.ring(&format!("source {}: {error}", reader.feed.source));
            }
            Err(error) => reader.feed.health.fails(error.to_string()),
        }
        is_first = false;
        if reader.feed.stop.wait(pauses.next().unwrap_or(ANSWER)) {
            return ending.is_read();
        }
    };
    ending.is_read();
    reader.settle(&member, ending.close());
    leave(member);
}

/// Leaves the group, so that others have the partitions at once.
fn leave(member: Member) {
    member.context().leave();
    if let Err(error) = member.unassign() {
        tracing::debug!("{}", client::told(&error));
    }
    drop(member);
}

struct Reader<'a> {
    options: &'a Options,
    feed: Feed,
    framer: Framer,
    partitions: Vec<Partition>,
    /// What is on its way of partitions that others have now.
    retired: Vec<Shelved>,
    /// How often a partition of this number was said to have no more: it is not said of which topic.
    ends: BTreeMap<i32, usize>,
    password: Password,
    /// The group has said what is to be read.
    is_assigned: bool,
    /// The member is of no use any more.
    is_to_join_again: bool,
    committed_at: Instant,
}

impl Reader<'_> {
    fn join(&mut self) -> Result<Member, Error> {
        let (mut config, password) = client::client(&self.options.access())?;
        config.set("group.id", &self.options.group);
        // What is done is known here alone.
        config.set("enable.auto.commit", "false");
        config.set("enable.auto.offset.store", "false");
        // Where a partition is begun is said when it comes; this is where that is gone meanwhile.
        config.set("auto.offset.reset", "earliest");
        config.set("enable.partition.eof", if self.feed.once { "true" } else { "false" });
        let session = self.options.session.0;
        config.set("session.timeout.ms", session.as_millis().to_string());
        config.set("heartbeat.interval.ms", (session / 3).min(HEARTBEAT).as_millis().to_string());
        config.set("queued.max.messages.kbytes", AHEAD_KIB);
        config.set("fetch.max.bytes", FETCH);
        config.set("socket.keepalive.enable", "true");
        let trouble = Trouble::new(self.feed.health.clone());
        let group = Group::new(&self.feed.source, self.feed.metrics.clone(), trouble);
        let failed = |error: &KafkaError| Error::failed(client::told(error));
        let member: Member = config.create_with_context(group).map_err(|e| failed(&e))?;
        let topics: Vec<&str> = self.options.topics.iter().map(String::as_str).collect();
        member.subscribe(&topics).map_err(|e| failed(&e))?;
        self.password = password;
        (self.is_assigned, self.is_to_join_again) = (false, false);
        Ok(member)
    }

    /// Reads until the end, or until it is told to stop; `false` where another member is to go on.
    fn read(&mut self, member: &Member) -> bool {
        while !self.feed.stop.is_told() {
            self.keep_up(member);
            if self.is_to_join_again {
                return false;
            }
            if self.feed.once && self.is_assigned && self.partitions.iter().all(Partition::is_read) {
                return true;
            }
            if self.has_room(member) && !self.is_to_join_again {
                let messages = self.gather(member);
                if !self.take(messages) {
                    return true;
                }
            }
        }
        true
    }

    /// Takes what comes within a short time, each with the index of its partition.
    fn gather<'m>(&mut self, member: &'m Member) -> Vec<(usize, BorrowedMessage<'m>)> {
        let (mut messages, mut bytes, mut until) = (Vec::new(), 0, None);
        while messages.len() < MOST && bytes < MOST_BYTES {
            let now = Instant::now();
            let wait = until.map_or(POLL, |until: Instant| until.saturating_duration_since(now));
            match member.poll(wait) {
                Some(Ok(message)) => {
                    until.get_or_insert(now + GATHER);
                    bytes += message.payload_len();
                    let last = messages.last().map(|(index, _)| *index);
                    // Another member has it, where it is not there.
                    if let Some(index) = self.find(&message, last) {
                        messages.push((index, message));
                    }
                }
                Some(Err(KafkaError::PartitionEOF(number))) => self.ends(number),
                Some(Err(error)) => self.is_to_join_again |= Group::is_fatal(&error),
                // Also where the group said something.
                None => break,
            }
        }
        messages.sort_by_key(|(index, _)| *index);
        messages
    }

    fn find(&self, message: &BorrowedMessage<'_>, last: Option<usize>) -> Option<usize> {
        let (topic, number) = (message.topic(), message.partition());
        let is_of = |partition: &Partition| partition.number == number && partition.topic == topic;
        last.filter(|index| is_of(&self.partitions[*index]))
            .or_else(|| self.partitions.iter().position(is_of))
    }

    /// A partition of this number, of any topic, has no more.
    fn ends(&mut self, number: i32) {
        let ends = self.ends.entry(number).or_default();
        *ends += 1;
        let ends = *ends;
        let of_number = || self.partitions.iter().filter(|partition| partition.number == number);
        if ends >= of_number().count() {
            self.partitions.iter_mut().filter(|p| p.number == number).for_each(|p| p.is_at_end = true);
        }
    }

    /// Normalizes messages and sends what comes of them; `false` where nothing more can be normalized.
    fn take(&mut self, messages: Vec<(usize, BorrowedMessage<'_>)>) -> bool {
        for group in messages.chunk_by(|a, b| a.0 == b.0 && a.1.offset() < b.1.offset()) {
            let [(index, first), ..] = group else { continue };
            if first.offset() < self.partitions[*index].next {
                self.begin_anew(*index, first.offset());
            }
            let next = group.last().map_or(0, |(_, last)| last.offset() + 1);
            let partition = &mut self.partitions[*index];
            let mut messages = group.iter().filter_map(|(_, message)| {
                Some(Message { offset: message.offset().cast_unsigned(), payload: message.payload()? })
            });
            if !self.feed.take_messages(
                &mut self.framer,
                &partition.stream,
                &partition.tracker,
                mark(next),
                &mut messages,
            ) {
                return false;
            }
            partition.next = next;
            partition.is_at_end = false;
        }
        true
    }

    /// A partition has other messages now at offsets that were read: the topic was made anew, or a broker lost
    /// what it had.
    fn begin_anew(&mut self, index: usize, offset: i64) {
        let old = &self.partitions[index];
        tracing::warn!(
            source = %self.feed.source,
            "{} begins anew at {offset}, where {} came next; it is read as another one",
            old.stream.name,
            old.next
        );
        self.feed.metrics.error("anew");
        let known = Known { low: offset, high: old.high, committed: None };
        let start = Start { offset, epoch: None, gone: 0 };
        let new = Partition {
            // It is committed, though that goes back.
            committed: -1,
            pinned: -1,
            ..Partition::new(&self.feed.source, &old.topic, old.number, &start, &known)
        };
        let old = std::mem::replace(&mut self.partitions[index], new);
        self.retire_one(&old);
        self.show();
    }

    /// Does what the group says, commits, and looks whether the member is of any use; whether something else is
    /// read now.
    fn keep_up(&mut self, member: &Member) -> bool {
        let mut is_other = false;
        for change in member.context().changes() {
            is_other = true;
            match change {
                Change::Assigned(list) => self.assigned(member, &list),
                Change::Revoked => self.revoked(member),
            }
        }
        self.look_at_login(member);
        if self.retired.iter().any(|shelved| is_over(&shelved.tracker)) {
            self.show();
        }
        if self.committed_at.elapsed() >= COMMIT {
            self.commit(member);
            // Where nothing comes, nothing else says that the cluster is there again.
            let topic = self.options.topics.first().map(String::as_str);
            if member.context().is_away() && member.fetch_metadata(topic, PATIENCE).is_ok() {
                member.context().works();
            }
            self.committed_at = Instant::now();
        }
        is_other
    }

    /// A client keeps its password, so that one that is corrected needs another client.
    fn look_at_login(&mut self, member: &Member) {
        if member.context().was_denied() && self.options.access().has_changed(&self.password) {
            self.is_to_join_again = true;
        }
    }

    /// These partitions are read from now on, each from where the group is in it.
    fn assigned(&mut self, member: &Member, list: &[(String, i32)]) {
        // Those of before, if any, come with a place, too.
        self.retire();
        let mut pauses = pauses();
        let partitions = loop {
            match self.begin(member, list) {
                Ok(partitions) => break partitions,
                Err(error) => {
                    let what = client::told(&error);
                    member
                        .context()
                        .fails(client::code(&error), &format!("where to begin is not known: {what}"));
                }
            }
            self.look_at_login(member);
            if self.is_to_join_again || self.feed.stop.wait(pauses.next().unwrap_or(ANSWER)) {
                return self.unassign(member);
            }
        };
        let mut assignment = TopicPartitionList::new();
        for partition in &partitions {
            let mut place = assignment.add_partition(&partition.topic, partition.number);
            if let Err(error) = place.set_offset(Offset::Offset(partition.next)) {
                tracing::error!(source = %self.feed.source, "{}", client::told(&error));
            }
        }
        if let Err(error) = member.assign(&assignment) {
            member.context().fails(client::code(&error), &client::told(&error));
            self.is_to_join_again = true;
            return;
        }
        tracing::info!(source = %self.feed.source, partitions = partitions.len(), "the group shares partitions out");
        member.context().works();
        self.partitions = partitions;
        self.is_assigned = true;
        self.show();
    }

    /// Asks where partitions begin and end and where the group is in them, and commits where it was nowhere: what
    /// comes from now on is read, also where this ends before something is delivered.
    fn begin(&self, member: &Member, list: &[(String, i32)]) -> KafkaResult<Vec<Partition>> {
        if list.is_empty() {
            return Ok(Vec::new());
        }
        let all = |offset: Offset| {
            let mut all = TopicPartitionList::new();
            for (topic, number) in list {
                all.add_partition(topic, *number);
            }
            all.set_all_offsets(offset).map(|()| all)
        };
        // A cluster takes these two for times that mean the first and the last.
        let low = member.offsets_for_times(all(Offset::Beginning)?, ANSWER)?;
        let high = member.offsets_for_times(all(Offset::End)?, ANSWER)?;
        let known = member.committed_offsets(all(Offset::Invalid)?, ANSWER)?;
        let (mut partitions, mut to_commit) = (Vec::new(), TopicPartitionList::new());
        for (topic, number) in list {
            let of = |list: &TopicPartitionList| -> KafkaResult<i64> {
                let found = list.find_partition(topic, *number);
                let found = found.ok_or(KafkaError::OffsetFetch(Code::UnknownPartition))?;
                found.error()?;
                Ok(found.offset().to_raw().unwrap_or_default().max(0))
            };
            let committed =
                known.find_partition(topic, *number).map(|found| committed(&found)).transpose()?;
            let known = Known { low: of(&low)?, high: of(&high)?, committed: committed.flatten() };
            let start = known.start(self.options.start == "latest");
            self.tell(topic, *number, &start);
            let partition = Partition::new(&self.feed.source, topic, *number, &start, &known);
            if start.epoch.is_none() {
                place(&mut to_commit, &partition, start.offset)?;
            }
            partitions.push(partition);
        }
        if to_commit.count() > 0 {
            member.commit(&to_commit, CommitMode::Sync)?;
        }
        Ok(partitions)
    }

    /// Tells what was missed.
    fn tell(&self, topic: &str, number: i32, start: &Start) {
        let Start { offset, gone, .. } = start;
        if *gone > 0 {
            self.feed.metrics.error("gone");
            tracing::error!(
                source = %self.feed.source,
                "{topic}/{number}: {gone} messages from {offset} on are gone before they were read; let the topic keep \
                 them for longer"
            );
        }
    }

    /// Others read the partitions from where this says now.
    fn revoked(&mut self, member: &Member) {
        if !member.assignment_lost() {
            let until = Instant::now() + REVOKE;
            for partition in &self.partitions {
                partition.tracker.wait(until);
            }
            self.commit(member);
        }
        self.unassign(member);
    }

    fn unassign(&mut self, member: &Member) {
        self.retire();
        self.is_assigned = false;
        if let Err(error) = member.unassign() {
            member.context().fails(client::code(&error), &client::told(&error));
            self.is_to_join_again = true;
        }
    }

    /// What is on its way of all partitions goes on, and comes again to who reads them now.
    fn retire(&mut self) {
        for partition in std::mem::take(&mut self.partitions) {
            self.retire_one(&partition);
        }
        self.ends.clear();
        self.show();
    }

    fn retire_one(&mut self, partition: &Partition) {
        let batches = partition.tracker.under_way();
        partition.tracker.abandon(&self.feed.balance);
        if batches > 0 {
            let done = partition.tracker.done().map_or(partition.pinned, |m| m.restart.offset.cast_signed());
            tracing::warn!(
                source = %self.feed.source,
                "{}: {} messages from {done} on are on their way, and come again to who reads it now",
                partition.stream.name,
                partition.next.saturating_sub(done)
            );
            self.retired.push(shelved(partition));
        }
    }

    /// Shows how far everything is.
    fn show(&mut self) {
        self.retired.retain(|shelved| !is_over(&shelved.tracker));
        self.feed
            .shelf
            .put(self.partitions.iter().map(shelved).chain(self.retired.iter().cloned()).collect());
    }

    /// Commits what is delivered, of the partitions that are read now; what can't be committed now can be later.
    fn commit(&mut self, member: &Member) {
        let mut list = TopicPartitionList::new();
        let mut done = Vec::new();
        for (index, partition) in self.partitions.iter().enumerate() {
            let Some(offset) = partition.to_commit() else { continue };
            if place(&mut list, partition, offset).is_ok() {
                done.push((index, offset));
            }
        }
        if done.is_empty() {
            return;
        }
        match member.commit(&list, CommitMode::Sync) {
            Ok(()) => {
                done.into_iter().for_each(|(index, offset)| self.partitions[index].committed = offset);
                member.context().works();
            }
            // Who has the partitions then goes on from what was committed before.
            Err(error) if is_shared_out(client::code(&error)) => {
                tracing::debug!(source = %self.feed.source, "{}", client::told(&error));
            }
            Err(error) => {
                let what = format!("how far it is can't be committed: {}", client::told(&error));
                member.context().fails(client::code(&error), &what);
            }
        }
    }

    /// Waits until there is room for more; `false` where it is time for something else.
    fn has_room(&mut self, member: &Member) -> bool {
        let budget = self.feed.budget.clone();
        let is_full = || budget.used() >= budget.limit();
        let begun = Instant::now();
        let mut is_paused = false;
        while is_full() && !self.feed.stop.is_told() && !self.is_to_join_again {
            if !is_paused && begun.elapsed() < PATIENCE {
                budget.wait(POLL);
                continue;
            }
            if !is_paused {
                self.pause(member);
                is_paused = true;
            }
            // Nothing should come, but what does is taken: it would not come a second time.
            let messages = self.gather(member);
            if !self.take(messages) {
                return false;
            }
            if self.keep_up(member) {
                self.pause(member);
            }
        }
        self.feed.metrics.paused.inc_by(begun.elapsed().as_secs_f64());
        if is_paused && let Err(error) = member.resume(&self.list()) {
            member.context().fails(client::code(&error), &client::told(&error));
            self.is_to_join_again = true;
        }
        !is_full()
    }

    fn list(&self) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        for partition in &self.partitions {
            list.add_partition(&partition.topic, partition.number);
        }
        list
    }

    /// Lets nothing more be fetched.
    fn pause(&self, member: &Member) {
        if let Err(error) = member.pause(&self.list()) {
            tracing::debug!(source = %self.feed.source, "{}", client::told(&error));
        }
    }

    /// Stays in the group until it is told that nothing more is delivered, and commits what is.
    fn settle(&mut self, member: &Member, close: &Stop) {
        self.pause(member);
        while !close.is_told() {
            // What comes nevertheless is not begun, so that nobody takes it for done.
            drop(member.poll(POLL));
            if self.keep_up(member) {
                self.pause(member);
            }
            if self.is_to_join_again {
                break;
            }
        }
        self.commit(member);
    }
}

/// Whether an error says that the group is being shared out anew.
fn is_shared_out(code: Code) -> bool {
    matches!(
        code,
        Code::IllegalGeneration
            | Code::UnknownMemberId
            | Code::RebalanceInProgress
            | Code::AssignmentLost
            | Code::NoOffset
    )
}

/// Whether nothing of it is on its way that anybody waits for.
fn is_over(tracker: &Arc<Tracker>) -> bool {
    tracker.under_way() == 0
}

fn shelved(partition: &Partition) -> Shelved {
    let stream = state::Stream { path: (&*partition.stream.name).into(), ..state::Stream::default() };
    Shelved { stream, tracker: Arc::clone(&partition.tracker) }
}

/// Adds a place with what tells its messages from others.
fn place(list: &mut TopicPartitionList, partition: &Partition, offset: i64) -> KafkaResult<()> {
    let Partition { topic, number, epoch: Epoch(_), .. } = partition;
    let mut place = list.add_partition(topic, *number);
    place.set_metadata(partition.epoch.text());
    place.set_offset(Offset::Offset(offset))
}
