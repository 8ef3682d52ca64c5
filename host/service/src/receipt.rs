//! The answers of sinks.

use std::sync::Arc;

/// A record that a sink's destination will never take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Its index in the page.
    pub record: usize,
    /// For counting, of few different ones: an HTTP status such as `400`, or a word.
    pub code: String,
    /// What the destination said, for people.
    pub reason: String,
}

/// What a sink answers about a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The destination has every record for good: a crash of this process or machine takes none away.
    Delivered,
    /// It will never take these records, and has all others for good.
    Refused(Vec<Refusal>),
    /// The sink was told to stop before it came to an answer. The page may be delivered or not; it is
    /// read again after the next start.
    Returned,
}

/// Who takes a sink's answer about a page.
pub trait Answered: Send + Sync {
    /// Takes it, once for each sink. It is quick and never waits for a sink.
    fn answered(&self, sink: &str, answer: Answer);
}

/// The right, and the duty, to answer once. Dropped without an answer it says
/// [`Answer::Returned`], so that a sink that fails never makes a page seem delivered.
pub struct Receipt {
    sink: Arc<str>,
    to: Option<Arc<dyn Answered>>,
}

impl Receipt {
    /// A receipt for the sink of this name.
    pub fn new(sink: Arc<str>, to: Arc<dyn Answered>) -> Self {
        Self { sink, to: Some(to) }
    }

    /// The destination has every record for good.
    pub fn delivered(self) {
        self.answer(Answer::Delivered);
    }

    /// The destination will never take these records, and has all others for good.
    pub fn refused(self, records: Vec<Refusal>) {
        self.answer(if records.is_empty() { Answer::Delivered } else { Answer::Refused(records) });
    }

    /// The sink was told to stop before it knew.
    pub fn returned(self) {
        self.answer(Answer::Returned);
    }

    fn answer(mut self, answer: Answer) {
        if let Some(to) = self.to.take() {
            to.answered(&self.sink, answer);
        }
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        if let Some(to) = self.to.take() {
            to.answered(&self.sink, Answer::Returned);
        }
    }
}

impl std::fmt::Debug for Receipt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Receipt({})", self.sink)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Default)]
    struct Kept(Mutex<Vec<Answer>>);

    impl Answered for Kept {
        fn answered(&self, sink: &str, answer: Answer) {
            assert_eq!(sink, "es");
            self.0.lock().unwrap().push(answer);
        }
    }

    #[test]
    fn a_receipt_answers_once_also_when_it_is_forgotten() {
        let kept = Arc::new(Kept::default());
        let receipt = || Receipt::new("es".into(), Arc::clone(&kept) as Arc<dyn Answered>);
        let refusal = Refusal { record: 3, code: "400".into(), reason: "no such field".into() };
        receipt().delivered();
        receipt().refused(Vec::new());
        receipt().refused(vec![refusal.clone()]);
        receipt().returned();
        drop(receipt());
        assert_eq!(
            *kept.0.lock().unwrap(),
            [
                Answer::Delivered,
                Answer::Delivered,
                Answer::Refused(vec![refusal]),
                Answer::Returned,
                Answer::Returned
            ]
        );
    }
}
