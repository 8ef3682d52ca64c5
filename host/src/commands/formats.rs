//! `weir formats`.

use std::{fmt::Write as _, process::ExitCode};

use weir_normalizer::products;

use crate::error::Error;

pub(super) fn run() -> Result<ExitCode, Error> {
    let mut text = format!("{:<20}{:<12}{:<12}{}\n", "--from", "provider", "product", "kind");
    for p in products::all() {
        let line = format!("{:<20}{:<12}{:<12}{}", p.id, p.provider, p.product, p.kind);
        let _ = writeln!(text, "{}", line.trim_end());
    }
    super::print(&text)
}
