//! `weir schema`.

use std::process::ExitCode;

use weir_normalizer::schemas::{self, Schema};

use crate::Error;

use super::formats::markdown;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print how the flat record's fields are mapped to this schema instead: ocsf, ecs, otel
    #[arg(long, value_name = "SCHEMA", value_parser = super::choices::schema)]
    to: Option<Schema>,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, Error> {
    let text = match args.to {
        None | Some(Schema::Flat) => weir_normalizer::schema::flat() + "\n",
        Some(schema) => {
            let rows = schemas::describe(schema).into_iter().map(|m| [m.from, m.path, m.note.to_owned()]);
            markdown(["flat", "path", "note"], rows)
        }
    };
    super::print(&text)
}
