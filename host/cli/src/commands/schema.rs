//! `weir schema`.

use std::process::ExitCode;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use weir_columns::{Addresses, Layout};
use weir_lake::ddl::Engine;
use weir_normalizer::schemas::{self, Schema};

use crate::Error;

use super::{choices::Table, formats::markdown, normalize::AddressForm};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// `config` prints the JSON Schema of the configuration of `weir run` instead
    #[arg(value_name = "WHAT", conflicts_with = "to")]
    what: Option<What>,

    /// Print how the flat record's fields are mapped to this schema instead, or the columns of its table
    #[arg(long, value_name = "SCHEMA", value_parser = of())]
    to: Option<Of>,

    /// Print the statements that make a table of such files in this engine
    #[arg(long, value_name = "ENGINE", requires = "to", value_parser = engine())]
    ddl: Option<Engine>,

    /// How addresses stand in the table
    #[arg(long, value_name = "FORM", requires = "to")]
    addresses: Option<AddressForm>,
}

/// What a mapping is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Schema(Schema),
    Csv,
    Table,
    OcsfTable,
}

fn of() -> impl TypedValueParser<Value = Of> {
    let schemas = Schema::ALL.iter().map(|schema| schema.name());
    let tables = Table::ALL.map(Table::name);
    PossibleValuesParser::new(schemas.chain(tables)).map(|name| match Table::by_name(&name) {
        Some(Table::OcsfParquet) => Of::OcsfTable,
        Some(Table::Csv) => Of::Csv,
        Some(Table::Parquet | Table::Arrow) => Of::Table,
        None => Of::Schema(Schema::by_name(&name).unwrap_or_default()),
    })
}

fn engine() -> impl TypedValueParser<Value = Engine> {
    let names = Engine::ALL.iter().map(|engine| engine.name());
    PossibleValuesParser::new(names)
        .try_map(|name| Engine::by_name(&name).ok_or_else(|| format!("no engine is called {name}")))
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
    let is_table = args.to == Some(Of::Table);
    if !is_table && (args.ddl.is_some() || args.addresses.is_some()) {
        return Err(Error::usage(
            "--ddl, --addresses: only a table of flat records has them; choose --to parquet",
        ));
    }
    let addresses = args.addresses.unwrap_or_default().into();
    let text = match args.to {
        Some(Of::Table) => args.ddl.map_or_else(|| table(addresses), |engine| engine.statements(addresses)),
        Some(Of::Csv) => csv(),
        Some(Of::OcsfTable) => {
            let columns = weir_columns::ocsf::columns().into_iter();
            markdown(["column", "type"], columns.map(|(path, of_type)| [path, of_type]))
        }
        None | Some(Of::Schema(Schema::Flat)) => weir_normalizer::schema::flat() + "\n",
        Some(Of::Schema(schema)) => {
            let rows = schemas::describe(schema).into_iter().map(|m| [m.from, m.path, m.note.to_owned()]);
            markdown(["flat", "path", "note"], rows)
        }
    };
    super::print(&text)
}

/// The columns of rows, which are those of a table without their types.
fn csv() -> String {
    let layout = Layout::new(Addresses::Text, &[]);
    let rows = layout.columns().map(|(name, _, doc)| [name.to_owned(), doc.to_owned()]);
    let columns = markdown(["column", "meaning"], rows);
    format!(
        "{columns}\nA row of these names comes first. A value that is absent is empty; `weir schema` has the form of \
         each, as in flat records.\n"
    )
}

/// The columns, and what makes a table of them.
fn table(addresses: Addresses) -> String {
    let layout = Layout::new(addresses, &[]);
    let rows = layout
        .columns()
        .map(|(name, column_type, doc)| [name.to_owned(), format!("{column_type:?}"), doc.to_owned()]);
    let columns = markdown(["column", "type", "meaning"], rows);
    let engines: Vec<_> = Engine::ALL.iter().map(|engine| engine.name()).collect();
    format!("{columns}\nThe statements for an engine: --ddl {}\n", engines.join(", --ddl "))
}
