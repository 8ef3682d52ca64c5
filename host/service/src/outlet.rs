//! The way out of a pipeline: each page to every sink, rejects to their file, and what a sink
//! refuses to the dead letters.

use std::sync::{Arc, Weak};

use crossbeam_channel::Sender;
use serde::Serialize;
use serde_json::value::RawValue;
use weir_normalizer::{batch::Reject, schemas::Schema};

use crate::{
    budget::Budget,
    metrics::{PipelineMetrics, SinkMetrics},
    page::{Origin, Page, Places},
    receipt::{Answer, Answered, Receipt, Refusal},
    seldom::Seldom,
    sinks::Delivery,
    tracker::{Balance, Turn},
};

/// What a sink's thread is told.
#[derive(Debug)]
pub(crate) enum Job {
    Take(Delivery),
    /// Nothing more is read: what is gathered need not wait for more.
    Flush,
    /// No more pages come.
    Close,
}

/// The way to one sink. What waits in it is bounded by the process's memory.
#[derive(Clone, Debug)]
pub(crate) struct Lane {
    pub(crate) name: Arc<str>,
    pub(crate) queue: Sender<Job>,
    pub(crate) metrics: SinkMetrics,
    /// Tells how many have the lane.
    pub(crate) users: Arc<()>,
}

impl Lane {
    pub(crate) fn new(name: &str, queue: Sender<Job>, metrics: SinkMetrics) -> Self {
        Self { name: name.into(), queue, metrics, users: Arc::default() }
    }

    /// Whether nobody else has it, so that nothing more can be sent.
    pub(crate) fn is_only_one(&self) -> bool {
        Arc::strong_count(&self.users) == 1
    }

    pub(crate) fn send(&self, page: Arc<Page>, to: Arc<dyn Answered>) {
        let receipt = Receipt::new(Arc::clone(&self.name), to);
        // Where the sink has ended, the receipt is dropped, which gives the page back.
        let _ = self.queue.send(Job::Take(Delivery { page, receipt }));
    }
}

/// The way out of a pipeline.
#[derive(Debug)]
pub(crate) struct Outlet {
    pub(crate) pipeline: Arc<str>,
    pub(crate) schema: Schema,
    pub(crate) sinks: Vec<Lane>,
    pub(crate) rejects: Lane,
    pub(crate) dead_letters: Lane,
    pub(crate) budget: Budget,
    pub(crate) balance: Balance,
    pub(crate) metrics: PipelineMetrics,
    /// When its rejects were told.
    pub(crate) told: Seldom,
}

/// The longest reason that is told, in characters.
const REASON: usize = 256;

/// A reason on one line that is not too long.
fn short(reason: &str) -> String {
    let reason: String = reason.chars().take(REASON).collect();
    weir_printable::line(&reason).into_owned()
}

impl Outlet {
    /// A record of a stream was rejected, which is told now and then.
    pub(crate) fn rejects(&self, stream: &str, line: u64, reject: &Reject<'_>) {
        if let Some(records) = self.told.happens(1) {
            tracing::warn!(
                pipeline = %self.pipeline,
                records,
                stream = %short(stream),
                line,
                code = %short(reject.code),
                reason = %short(reject.reason),
                "records can't be read, such as this one; they are kept in the rejects of the pipeline"
            );
        }
    }

    /// Sends records to all sinks. The turn is done when they all have them for good.
    pub(crate) fn send(&self, page: Page, turn: &Arc<Turn>) {
        let page = Arc::new(page.within(&self.budget));
        for sink in &self.sinks {
            turn.expect();
            sink.send(
                Arc::clone(&page),
                Arc::new(OfSink {
                    dead_letters: self.dead_letters.clone(),
                    budget: self.budget.clone(),
                    turn: Arc::clone(turn),
                    page: Arc::downgrade(&page),
                    metrics: sink.metrics.clone(),
                }),
            );
        }
    }

    /// Sends rejects, as lines, to where they are kept.
    pub(crate) fn reject(&self, page: Page, turn: &Arc<Turn>) {
        turn.expect();
        self.rejects.send(Arc::new(page.within(&self.budget)), Arc::clone(turn) as Arc<dyn Answered>);
    }
}

/// Takes one sink's answer about one page.
struct OfSink {
    dead_letters: Lane,
    budget: Budget,
    turn: Arc<Turn>,
    /// The sinks have it; who refuses records has it still.
    page: Weak<Page>,
    metrics: SinkMetrics,
}

/// A line of the dead letters. `record` can be fed back as it is.
#[derive(Serialize)]
struct DeadLetter<'a> {
    pipeline: &'a str,
    sink: &'a str,
    source: &'a str,
    stream: &'a str,
    code: &'a str,
    reason: &'a str,
    record: &'a RawValue,
}

/// The records that a sink refused, as lines of dead letters; `None` where they are none of the
/// page's.
pub(crate) fn letters(page: &Page, sink: &str, refusals: &[Refusal], metrics: &SinkMetrics) -> Option<Page> {
    let origin = page.origin();
    let mut lines = Vec::new();
    for refusal in refusals {
        let record = (refusal.record < page.len()).then(|| page.record(refusal.record))?;
        let letter = DeadLetter {
            pipeline: &origin.pipeline,
            sink,
            source: &origin.source,
            stream: &origin.stream,
            code: &refusal.code,
            reason: &refusal.reason,
            record: serde_json::from_slice(record).ok()?,
        };
        serde_json::to_writer(&mut lines, &letter).ok()?;
        lines.push(b'\n');
    }
    for refusal in refusals {
        metrics.dead_letter(&origin.pipeline, &refusal.code);
    }
    if let Some((first, records)) = refusals.first().zip(metrics.tells_dead_letters(refusals.len() as u64)) {
        tracing::warn!(
            pipeline = %origin.pipeline,
            sink,
            records,
            stream = %short(&origin.stream),
            code = %short(&first.code),
            reason = %short(&first.reason),
            "the destination will never take some records, such as this one; they are kept in the dead letters of \
             the pipeline"
        );
    }
    Some(Page::new(lines, Origin { places: Places::Piece(0, 0), ..origin.clone() }))
}

impl OfSink {
    /// Keeps what a sink refused; `None` where that can't be, as the page is gone.
    fn bury(&self, sink: &str, refusals: &[Refusal]) -> Option<()> {
        let page = letters(&*self.page.upgrade()?, sink, refusals, &self.metrics)?;
        self.turn.expect();
        self.dead_letters
            .send(Arc::new(page.within(&self.budget)), Arc::clone(&self.turn) as Arc<dyn Answered>);
        Some(())
    }
}

impl Answered for OfSink {
    fn answered(&self, sink: &str, answer: Answer) {
        match answer {
            Answer::Delivered => {}
            Answer::Refused(refusals) => {
                if self.bury(sink, &refusals).is_none() {
                    tracing::error!(
                        sink,
                        "refused records could not be kept; they are read again after the next start"
                    );
                    self.turn.fail();
                }
            }
            Answer::Returned => self.turn.fail(),
        }
        self.turn.release();
    }
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::{Receiver, unbounded};

    use super::*;
    use crate::{
        metrics::Metrics,
        tracker::{Mark, Tracker},
    };

    fn lane(name: &str) -> (Lane, Receiver<Job>) {
        let (queue, jobs) = unbounded();
        (Lane::new(name, queue, Metrics::new().sink(name)), jobs)
    }

    fn next(jobs: &Receiver<Job>) -> Delivery {
        match jobs.try_recv() {
            Ok(Job::Take(delivery)) => delivery,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_a_sink_refuses_is_kept_before_the_page_is_done() {
        let (sink, jobs) = lane("es");
        let (other, other_jobs) = lane("archive");
        let (rejects, _rejects) = lane("rejects p");
        let (dead_letters, dead) = lane("dead_letters p");
        let outlet = Arc::new(Outlet {
            pipeline: "p".into(),
            schema: Schema::Flat,
            sinks: vec![sink, other],
            rejects,
            dead_letters,
            budget: Budget::new(1 << 20),
            balance: Balance::default(),
            metrics: Metrics::new().pipeline("p"),
            told: Seldom::default(),
        });
        let page = || {
            let origin = Origin {
                source: "s".into(),
                pipeline: "p".into(),
                schema: Schema::Flat,
                stream: "a.log".into(),
                identity: 1,
                can_replay: true,
                places: Places::Piece(0, 0),
            };
            Page::new(b"{\"bytes\":0}\n{\"bytes\":1}\n{\"bytes\":2}\n".to_vec(), origin)
        };
        let refusal = |record| Refusal { record, code: "400".into(), reason: "no \"such\" field".into() };
        let tracker = Arc::new(Tracker::default());
        let turn = tracker.begin(Some(Mark::default()), &outlet.balance);
        outlet.send(page(), &turn);
        turn.release();
        let delivery = next(&jobs);
        delivery.receipt.refused(vec![refusal(0), refusal(2)]);
        next(&other_jobs).receipt.delivered();
        let letters = next(&dead);
        assert!(tracker.done().is_none() && tracker.under_way() == 1);
        let text = std::str::from_utf8(letters.page.bytes()).unwrap().to_owned();
        assert_eq!(
            text.lines().next(),
            Some(
                r#"{"pipeline":"p","sink":"es","source":"s","stream":"a.log","code":"400","reason":"no \"such\" field","record":{"bytes":0}}"#
            )
        );
        assert_eq!(text.lines().count(), 2);
        letters.receipt.delivered();
        assert!(tracker.done().is_some() && tracker.under_way() == 0);
        drop((delivery.page, letters.page));
        assert_eq!(outlet.budget.used(), 0);
        // What can't be kept is not done: a record that is not there, or a page that is gone.
        for is_gone in [false, true] {
            let tracker = Arc::new(Tracker::default());
            let turn = tracker.begin(Some(Mark::default()), &outlet.balance);
            outlet.send(page(), &turn);
            turn.release();
            let delivery = next(&jobs);
            next(&other_jobs).receipt.delivered();
            if is_gone {
                drop(delivery.page);
                delivery.receipt.refused(vec![refusal(0)]);
            } else {
                delivery.receipt.refused(vec![refusal(3)]);
            }
            assert!(tracker.done().is_none() && tracker.has_failed());
        }
    }
}
