//! What is told while a run goes on: its account, and rejects that are not shown one by one.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use clap::ValueEnum;
use weir_pipeline::summary::{Summary, grouped};

use super::reader::Reading;

/// How often rejects are told of which are not shown.
const REJECTS: Duration = Duration::from_secs(60);

/// How the account of a run is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// Some lines for people
    Human,
    /// One line of JSON
    Json,
    /// Nothing
    None,
}

impl Form {
    /// The account in this form, without a line break at its end.
    pub fn tell(self, summary: &Summary) -> String {
        match self {
            Self::Human => summary.human().trim_end().to_owned(),
            Self::Json => summary.json(),
            Self::None => String::new(),
        }
    }
}

/// What a run has done so far.
pub(super) struct Account {
    /// What was written.
    pub(super) summary: Summary,
    pub(super) reading: Arc<Reading>,
    pub(super) begun: Instant,
}

impl Account {
    /// All of it.
    pub(super) fn so_far(&self) -> Summary {
        let mut summary = self.summary.clone();
        summary.inputs = self.reading.inputs();
        summary.seconds = (self.begun.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
        summary
    }
}

/// Knows when something is to be told.
pub(super) struct Clock {
    every: Option<Duration>,
    account: Option<Instant>,
    rejects: Option<Instant>,
    /// The rejects that were told of, by their reason.
    told: BTreeMap<String, u64>,
}

/// What is to be told.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due {
    Account,
    Rejects(String),
}

impl Clock {
    /// The account is told every so often, if at all.
    pub(super) fn new(every: Option<Duration>, now: Instant) -> Self {
        Self { every, account: every.map(|every| now + every), rejects: None, told: BTreeMap::new() }
    }

    /// From now on rejects are not shown one by one.
    pub(super) fn enough_shown(&mut self, summary: &Summary, now: Instant) {
        if self.rejects.is_none() {
            self.told.clone_from(&summary.rejects_by_reason);
            self.rejects = Some(now + REJECTS);
        }
    }

    /// When to look again.
    pub(super) fn next(&self) -> Option<Instant> {
        self.account.into_iter().chain(self.rejects).min()
    }

    /// What is due.
    pub(super) fn due(&mut self, summary: &Summary, now: Instant) -> Vec<Due> {
        let mut due = Vec::new();
        if let Some(at) = self.rejects
            && now >= at
        {
            self.rejects = Some(now + REJECTS);
            due.extend(self.more_rejects(summary).map(Due::Rejects));
        }
        if let (Some(at), Some(every)) = (self.account, self.every)
            && now >= at
        {
            self.account = Some(now + every);
            due.push(Due::Account);
        }
        due
    }

    fn more_rejects(&mut self, summary: &Summary) -> Option<String> {
        let now = &summary.rejects_by_reason;
        let before = |reason: &str| self.told.get(reason).copied().unwrap_or(0);
        let more = now.iter().map(|(reason, n)| (reason, n - before(reason))).filter(|(_, n)| *n > 0);
        let more: Vec<_> = more.collect();
        let sum: u64 = more.iter().map(|(_, n)| n).sum();
        let reasons: Vec<_> = more.iter().map(|(reason, n)| format!("{reason} {}", grouped(*n))).collect();
        let text = format!("rejected in the last minute: {} ({})", grouped(sum), reasons.join(", "));
        self.told.clone_from(now);
        (sum > 0).then_some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejected(counts: &[(&str, u64)]) -> Summary {
        let rejects_by_reason = counts.iter().map(|(reason, n)| ((*reason).to_owned(), *n)).collect();
        Summary { rejects_by_reason, ..Summary::default() }
    }

    #[test]
    fn rejects_are_counted_once_a_minute() {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let mut clock = Clock::new(None, begin);
        assert_eq!(clock.next(), None);
        clock.enough_shown(&rejected(&[("a", 12)]), at(5));
        clock.enough_shown(&rejected(&[("a", 15)]), at(6));
        assert_eq!(clock.next(), Some(at(65)));
        let summary = rejected(&[("a", 2012), ("b", 1)]);
        assert_eq!(clock.due(&summary, at(64)), []);
        let told = "rejected in the last minute: 2,001 (a 2,000, b 1)".to_owned();
        assert_eq!(clock.due(&summary, at(65)), [Due::Rejects(told)]);
        assert_eq!(clock.due(&rejected(&[("a", 2012), ("b", 2)]), at(124)), []);
        // Nothing came in between.
        assert_eq!(clock.due(&summary, at(125)), []);
        assert_eq!(clock.next(), Some(at(185)));
    }

    #[test]
    fn accounts_are_told_as_often_as_asked() {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let mut clock = Clock::new(Some(Duration::from_secs(10)), begin);
        let summary = Summary::default();
        assert_eq!(clock.next(), Some(at(10)));
        assert_eq!(clock.due(&summary, at(9)), []);
        assert_eq!(clock.due(&summary, at(25)), [Due::Account]);
        assert_eq!(clock.next(), Some(at(35)));
    }
}
