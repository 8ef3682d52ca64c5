//! `weir schema`.

use std::process::ExitCode;

use crate::error::Error;

pub(super) fn run() -> Result<ExitCode, Error> {
    super::print(&(weir_normalizer::schema::flat() + "\n"))
}
