//! `weir schema`.

use std::process::ExitCode;

use weir_normalizer::schemas::{self, Schema};

use crate::Error;

use super::formats::markdown;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// `config` prints the JSON Schema of the configuration of `weir run` instead
    #[arg(value_name = "WHAT", conflicts_with = "to")]
    what: Option<What>,

    /// Print how the flat record's fields are mapped to this schema instead: ocsf, ecs, otel
    #[arg(long, value_name = "SCHEMA", value_parser = super::choices::schema)]
    to: Option<Schema>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum What {
    /// The configuration of `weir run`
    Config,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, Error> {
    if args.what == Some(What::Config) {
        return super::print(&weir_service::config::schema::config());
    }
    let text = match args.to {
        None | Some(Schema::Flat) => weir_normalizer::schema::flat() + "\n",
        Some(schema) => {
            let rows = schemas::describe(schema).into_iter().map(|m| [m.from, m.path, m.note.to_owned()]);
            markdown(["flat", "path", "note"], rows)
        }
    };
    super::print(&text)
}
