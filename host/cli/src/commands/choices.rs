//! The choices that alter what comes of a record, shared by the commands that make records.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use weir_normalizer::{
    Config, Zone,
    filter::{self, Lists},
    products,
    schemas::Schema,
};

use crate::{Error, error::shown};

#[derive(Debug, clap::Args)]
pub(super) struct Choices {
    /// The format of every record (see `weir formats`); without it, each record's is detected
    #[arg(long, value_name = "PRODUCT", value_parser = product(), hide_possible_values = true)]
    from: Option<String>,

    /// The columns of text lines: `${srcaddr} ${dstaddr} ${bytes}`, or their names alone
    ///
    /// Without separators it is the set of keys that keyed records must have.
    #[arg(long, value_name = "LAYOUT")]
    layout: Option<String>,

    /// What stands between the columns of the layout; also `tab`, `blank`, `comma`, `pipe`
    #[arg(long, value_name = "TEXT")]
    separator: Option<String>,

    /// The quotes of CSV values: `"` (without this option), `'` or `none`
    #[arg(long, value_name = "QUOTE")]
    quote: Option<String>,

    /// A text that stands for a missing value in columns, besides `-`, `null` and the like
    #[arg(long, value_name = "TEXT")]
    missing: Option<String>,

    /// The zone of times that name none: an IANA name or an offset; UTC without it
    #[arg(long, value_name = "ZONE", env = "WEIR_TIMEZONE", allow_hyphen_values = true, value_parser = weir_io::zone)]
    timezone: Option<Zone>,

    /// Let only records through that meet this expression, such as `bytes >= 1MB and not dst_ip in @private`
    #[arg(long = "where", value_name = "EXPR")]
    filter: Option<String>,

    /// A list of networks, one a line, that expressions call @NAME
    #[arg(long, value_name = "NAME=FILE")]
    list: Vec<String>,

    /// Take these fields out of the records, such as `extra.cookie` or `extra.*`
    #[arg(long, value_name = "FIELD,..", value_delimiter = ',')]
    drop: Vec<String>,

    /// Cut addresses to their network: `src_ip/24/64`, of which the second is for IPv6; without it IPv6 is cut to
    /// the first, as in `src_ip/24` or `extra.nat_ip/24`
    #[arg(long, value_name = "FIELD/PREFIX,..", value_delimiter = ',')]
    mask: Vec<String>,

    /// One's own networks; they give a direction to records that have none
    #[arg(long, value_name = "CIDR,..|@LIST", value_delimiter = ',')]
    own: Vec<String>,

    /// The schema to write (`weir schema --to` shows the mapping); `normalize` has csv, parquet and arrow
    /// (IPC stream) as well, flat records as a table, and ocsf-parquet. Without it flat, or what --output says
    /// by its end: .csv, .csv.gz, .csv.zst, .parquet, .arrows; with ocsf .parquet says ocsf-parquet
    #[arg(long, value_name = "SCHEMA", value_parser = to())]
    to: Option<To>,

    /// The time of records that have none, for schemas that need one; now without it
    #[arg(long, value_name = "TIME", value_parser = instant)]
    observed_at: Option<u64>,

    /// Keep the fields of envelopes under `extra.envelope`
    #[arg(long)]
    keep_envelope: bool,

    /// Keep the text of each record under `extra.raw`
    #[arg(long)]
    keep_raw: bool,

    /// Leave the Community ID out of schemas that have one
    #[arg(long)]
    no_community_id: bool,

    /// The fast paths that are not used; for tests, as what comes out is the same
    #[arg(long, value_delimiter = ',', hide = true)]
    without: Vec<String>,
}

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum To {
    Schema(Schema),
    /// Records as a table.
    Table(Table),
}

/// The forms of a table: of flat records, or of OCSF events where the name says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Table {
    Csv,
    Parquet,
    Arrow,
    OcsfParquet,
}

impl Table {
    pub(super) const ALL: [Self; 4] = [Self::Csv, Self::Parquet, Self::Arrow, Self::OcsfParquet];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
            Self::OcsfParquet => "ocsf-parquet",
        }
    }

    /// The schema of its records.
    const fn schema(self) -> Schema {
        match self {
            Self::Csv | Self::Parquet | Self::Arrow => Schema::Flat,
            Self::OcsfParquet => Schema::Ocsf,
        }
    }

    /// Whether it is a file of Parquet.
    pub(super) const fn is_parquet(self) -> bool {
        matches!(self, Self::Parquet | Self::OcsfParquet)
    }

    pub(super) fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.name() == name)
    }
}

/// The products' names, which shells complete.
pub(super) fn product() -> PossibleValuesParser {
    PossibleValuesParser::new(products::all().iter().map(|p| PossibleValue::new(p.id).help(p.title)))
}

/// What records may be written as, which shells complete.
fn to() -> impl TypedValueParser<Value = To> {
    let names = Schema::ALL.iter().map(|schema| schema.name()).chain(Table::ALL.map(Table::name));
    PossibleValuesParser::new(names).map(|name| to_of(&name))
}

fn to_of(name: &str) -> To {
    match Table::by_name(name) {
        Some(table) => To::Table(table),
        None => To::Schema(Schema::by_name(name).unwrap_or_default()),
    }
}

/// `--to` of a command that writes no tables: they are known, to be refused with a sentence, and not shown.
pub(super) fn without_tables(arg: clap::Arg) -> clap::Arg {
    let table = |name: &'static str| PossibleValue::new(name).hide(true);
    let names = Schema::ALL.iter().map(|schema| PossibleValue::new(schema.name()));
    let names = PossibleValuesParser::new(names.chain(Table::ALL.map(|known| table(known.name()))));
    arg.value_parser(names.map(|name| to_of(&name)))
        .help("The schema to write (`weir schema --to` shows the mapping); flat without it")
}

/// What the end of a file's name says is in it, without an ending of compression.
fn ending(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?.to_ascii_lowercase();
    let name = [".gz", ".zst", ".zstd"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
    Some(name.rsplit_once('.')?.1.to_owned())
}

/// The table that a file's name says is in it.
fn table_of_file(path: &Path) -> Option<Table> {
    match &*ending(path)? {
        "arrows" => Some(Table::Arrow),
        "arrow" => None,
        end => Table::by_name(end),
    }
}

/// Endings of files that are not written, and what may be meant.
const NOT_WRITTEN: [(&[&str], &str); 5] = [
    // That is Arrow's form for files.
    (
        &["arrow", "feather", "ipc"],
        "a file of Arrow's is not written; name a stream of it, which ends in .arrows, or a .parquet",
    ),
    (&["tsv", "tab", "psv"], "rows are written as CSV; name a .csv"),
    (&["xlsx", "xls", "ods"], "a spreadsheet is not written, but opens CSV; name a .csv"),
    (&["orc", "avro", "db", "duckdb", "sqlite"], "the same programs read Parquet; name a .parquet"),
    (
        &["xml", "yaml", "yml", "html", "pdf", "tar", "tgz"],
        "records are JSON lines or a table; name a .jsonl or a .csv",
    ),
];

/// Reads a time as epoch milliseconds.
fn instant(text: &str) -> Result<u64, String> {
    if let Ok(millis) = text.parse() {
        return Ok(millis);
    }
    let time: jiff::Timestamp = text
        .parse()
        .map_err(|_| "give epoch milliseconds, or a time such as 2026-01-31T12:00:00Z".to_owned())?;
    u64::try_from(time.as_millisecond()).map_err(|_| "the time is before 1970".to_owned())
}

fn now() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or_default()
}

impl Choices {
    /// Whether a time was given for records that have none.
    pub(super) fn observed_at(&self) -> Option<u64> {
        self.observed_at
    }

    /// The table that is asked for, which not every command writes: by name, or by that of the file
    /// that it goes to.
    ///
    /// # Errors
    ///
    /// Where the file's name says a table that records of the schema have not.
    pub(super) fn table(&self, output: Option<&Path>) -> Result<Option<Table>, Error> {
        let of_file = output.and_then(table_of_file);
        // Who says what it is may give it any name.
        if let (None | Some(To::Schema(Schema::Ocsf | Schema::Ecs | Schema::Otel)), Some(output)) =
            (self.to, output)
            && let Some(end) = ending(output)
            && let Some((_, why)) = NOT_WRITTEN.iter().find(|(ends, _)| ends.contains(&&*end))
        {
            return Err(Error::usage(format!("{}: {why}, or say --to flat for JSON lines", shown(output))));
        }
        match (self.to, of_file, output) {
            (Some(To::Table(Table::OcsfParquet)), Some(Table::Parquet), _) => Ok(Some(Table::OcsfParquet)),
            (Some(To::Table(table)), Some(other), Some(output)) if table != other => {
                Err(Error::usage(format!(
                    "{}: this name says {}, and --to {}; leave out --to, or give the file another ending",
                    shown(output),
                    other.name(),
                    table.name()
                )))
            }
            (Some(To::Table(table)), ..) => Ok(Some(table)),
            (None, ..) => Ok(of_file),
            // They may have any name.
            (Some(To::Schema(Schema::Flat)), ..) => Ok(None),
            (Some(To::Schema(Schema::Ocsf)), Some(Table::Parquet), _) => Ok(Some(Table::OcsfParquet)),
            (Some(To::Schema(schema)), Some(table), Some(output)) => Err(Error::usage(format!(
                "{}: there is no table of {} in {}; leave out --to, or name a file that ends in .jsonl",
                shown(output),
                schema.name(),
                table.name()
            ))),
            (Some(To::Schema(_)), ..) => Ok(None),
        }
    }

    /// Refuses what only `normalize` writes.
    pub(super) fn refuse_table(&self) -> Result<(), Error> {
        match self.table(None)? {
            Some(table) => Err(Error::usage(format!(
                "--to {}: only `weir normalize` writes tables; choose a schema",
                table.name()
            ))),
            None => Ok(()),
        }
    }

    /// The lists that are named, and the files that they are in.
    fn lists(&self) -> Result<Vec<(String, String)>, Error> {
        let mut lists = Vec::new();
        for list in &self.list {
            let Some((name, file)) = list.split_once('=') else {
                return Err(Error::usage(format!("--list {list}: expected NAME=FILE")));
            };
            lists.push((name.into(), file.into()));
        }
        let expressions = self.filter.iter().chain(&self.own);
        lists.extend(expressions.flat_map(|e| filter::files(e)).map(|file| (file.clone(), file)));
        Ok(lists)
    }

    /// The files that [`Choices::config`] reads.
    pub(super) fn files(&self) -> Result<Vec<PathBuf>, Error> {
        Ok(self.lists()?.into_iter().map(|(_, file)| file.into()).collect())
    }

    /// The configuration, with the lists that it names read.
    pub(super) fn config(&self) -> Result<Config, Error> {
        let to = match self.to {
            Some(To::Schema(schema)) => schema,
            Some(To::Table(table)) => table.schema(),
            None => Schema::Flat,
        };
        let mut lists = Lists::new();
        for (name, file) in self.lists()? {
            lists.insert(name, read_list(&file)?);
        }
        Ok(Config {
            from: self.from.clone(),
            layout: self.layout.clone(),
            separator: self.separator.clone(),
            quote: self.quote.clone(),
            missing: self.missing.clone(),
            zone: self.timezone.clone(),
            filter: self.filter.clone(),
            lists,
            drop: self.drop.clone(),
            mask: self.mask.clone(),
            own: self.own.clone(),
            keep_envelope: self.keep_envelope,
            keep_raw: self.keep_raw,
            no_community_id: self.no_community_id,
            observed_at_ms: (to != Schema::Flat).then(|| self.observed_at.unwrap_or_else(now)),
            to,
            without: self.without.clone(),
            ..Config::default()
        })
    }
}

fn read_list(path: &str) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|e| Error::file(path, "read the list", e))
}
