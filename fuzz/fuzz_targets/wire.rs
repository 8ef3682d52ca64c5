//! Bytes that are no batch, or no reply, are refused; a batch of any elements is normalized.
#![no_main]

use libfuzzer_sys::fuzz_target;
use weir_normalizer::{
    Config, Normalizer,
    batch::{self, BatchView, Outcome},
};

fuzz_target!(|data: &[u8]| {
    let _ = batch::rejects(data).map(|r| r.is_ok()).count();
    let _ = batch::tallies(data).map(|t| t.is_ok()).count();
    let Ok(view) = BatchView::joined(data) else { return };
    let mut normalizer = Normalizer::new(&Config { keep_envelope: true, ..Config::default() }).unwrap();
    let mut outcome = Outcome::default();
    let mut first = 0;
    while first < view.len() {
        normalizer.run(&view, first, &mut outcome);
        assert!(outcome.next as usize > first);
        first = outcome.next as usize;
        assert!(batch::rejects(&outcome.rejects).all(|r| r.is_ok()));
    }
});
