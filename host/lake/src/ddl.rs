//! What engines are told of a table of Parquet files, in each one's own SQL.
//!
//! Files lie in folders `provider=NAME/product=NAME/date=YYYY-MM-DD/`, and have no columns for these.

use std::fmt::Write as _;

use weir_columns::{Addresses, ColumnType, Layout};

use crate::Key;

/// What the folders tell, from outside to inside.
const KEYS: [Key; 3] = [Key::Provider, Key::Product, Key::Date];

/// An engine that reads tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Engine {
    /// DuckDB.
    DuckDb,
    /// Apache Spark, and what speaks its SQL.
    Spark,
    /// Trino with its Hive connector.
    Trino,
    /// Amazon Athena.
    Athena,
    /// ClickHouse, whose table is filled from the files.
    ClickHouse,
    /// Apache Iceberg through Spark: the table adopts the files.
    Iceberg,
}

impl Engine {
    /// All of them.
    pub const ALL: &'static [Self] =
        &[Self::DuckDb, Self::Spark, Self::Trino, Self::Athena, Self::ClickHouse, Self::Iceberg];

    /// Its name, in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DuckDb => "duckdb",
            Self::Spark => "spark",
            Self::Trino => "trino",
            Self::Athena => "athena",
            Self::ClickHouse => "clickhouse",
            Self::Iceberg => "iceberg",
        }
    }

    /// The engine with that name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|engine| engine.name() == name)
    }

    /// How it calls a type.
    const fn type_name(self, column_type: ColumnType) -> &'static str {
        use ColumnType::{Address, Int16, Int32, Int64, Json, Text, Timestamp, Word};
        match (self, column_type) {
            (Self::ClickHouse, Word) => "LowCardinality(Nullable(String))",
            (Self::ClickHouse, Text | Json) => "Nullable(String)",
            (Self::ClickHouse, Address) => "Nullable(FixedString(16))",
            (Self::ClickHouse, Int16) => "Nullable(Int16)",
            (Self::ClickHouse, Int32) => "Nullable(Int32)",
            (Self::ClickHouse, Int64) => "Nullable(Int64)",
            (Self::ClickHouse, Timestamp) => "Nullable(DateTime64(6, 'UTC'))",
            (Self::DuckDb | Self::Trino, Word | Text | Json) => "VARCHAR",
            (Self::DuckDb, Address) => "BLOB",
            (Self::DuckDb, Timestamp) => "TIMESTAMP WITH TIME ZONE",
            (Self::Trino, Address) => "VARBINARY",
            (Self::Trino, Timestamp) => "TIMESTAMP(6)",
            (_, Word | Text | Json) => "STRING",
            (_, Address) => "BINARY",
            (_, Int16) => "SMALLINT",
            // Athena's statements call it so, and no other way.
            (Self::Athena, Int32) => "INT",
            (_, Int32) => "INTEGER",
            (_, Int64) => "BIGINT",
            (_, Timestamp) => "TIMESTAMP",
        }
    }

    /// The statements that make the table `flows` of the files below `LAKE`, which whoever uses them
    /// replaces by an address.
    pub fn statements(self, addresses: Addresses) -> String {
        let layout = layout(addresses);
        let columns = || {
            let columns = layout.columns().map(|(name, column_type, doc)| {
                // Twice, as the standard has it, is not understood by older Sparks.
                let quote = match self {
                    Self::Spark | Self::Athena | Self::Iceberg => "\\'",
                    _ => "''",
                };
                let comment = doc.replace('\'', quote);
                let name = self.quoted(name);
                format!("  {name} {} COMMENT '{comment}'", self.type_name(column_type))
            });
            columns.collect::<Vec<_>>().join(",\n")
        };
        let text = |name: &str| format!("{name} {}", self.type_name(ColumnType::Text));
        let [provider, product, date] = &KEYS.map(|key| key.name().to_owned());
        let mut sql = String::new();
        // Writing to a string can't fail.
        let _ = match self {
            Self::DuckDb => writeln!(
                sql,
                "CREATE VIEW flows AS SELECT * FROM read_parquet('LAKE/**/*.parquet', hive_partitioning = true);"
            ),
            Self::Spark => writeln!(
                sql,
                "CREATE TABLE flows (\n{},\n  {},\n  {},\n  {date} DATE\n)\nUSING PARQUET\n\
                 PARTITIONED BY ({provider}, {product}, {date})\nLOCATION 'LAKE';\nMSCK REPAIR TABLE flows;",
                columns(),
                text(provider),
                text(product)
            ),
            Self::Trino => writeln!(
                sql,
                "CREATE TABLE flows (\n{},\n  {},\n  {},\n  {date} DATE\n)\nWITH (\n  external_location = 'LAKE',\n  \
                 format = 'PARQUET',\n  partitioned_by = ARRAY['{provider}', '{product}', '{date}']\n);\n\
                 CALL system.sync_partition_metadata(CURRENT_SCHEMA, 'flows', 'ADD');",
                columns(),
                text(provider),
                text(product)
            ),
            Self::Athena => writeln!(
                sql,
                "CREATE EXTERNAL TABLE flows (\n{}\n)\nPARTITIONED BY ({}, {}, {} DATE)\nSTORED AS PARQUET\n\
                 LOCATION 'LAKE';\nMSCK REPAIR TABLE flows;",
                columns(),
                text(&self.quoted(provider)),
                text(&self.quoted(product)),
                self.quoted(date)
            ),
            Self::ClickHouse => writeln!(
                sql,
                "CREATE TABLE flows (\n{},\n  {provider} LowCardinality(String),\n  {product} LowCardinality(String),\n  \
                 {date} Date\n)\nENGINE = MergeTree PARTITION BY toYYYYMM({date}) ORDER BY ({provider}, {product}, \
                 {date});\n-- Files of a machine are read by file('LAKE/**/*.parquet') instead.\n\
                 INSERT INTO flows ({}, {provider}, {product}, {date})\nSELECT {}, {provider}, {product}, {date}\n\
                 FROM s3('LAKE/**/*.parquet') SETTINGS use_hive_partitioning = 1;",
                columns(),
                names(&layout),
                names(&layout)
            ),
            Self::Iceberg => writeln!(
                sql,
                "CREATE TABLE flows (\n{},\n  {},\n  {},\n  {date} DATE\n)\nUSING ICEBERG\n\
                 PARTITIONED BY ({provider}, {product}, {date});\n\
                 CALL system.add_files(table => 'flows', source_table => '`parquet`.`LAKE`');",
                columns(),
                text(provider),
                text(product)
            ),
        };
        sql
    }

    /// A name that may be a word of the language.
    fn quoted(self, name: &str) -> String {
        match self {
            Self::DuckDb | Self::Trino => format!("\"{name}\""),
            _ => format!("`{name}`"),
        }
    }
}

/// The columns of the files; the others are told by folders.
fn layout(addresses: Addresses) -> Layout {
    let said: Vec<_> = KEYS.iter().filter_map(Key::field).collect();
    Layout::new(addresses, &said)
}

fn names(layout: &Layout) -> String {
    layout.columns().map(|(name, ..)| name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_engine_is_told_of_each_column_once() {
        for engine in Engine::ALL {
            assert_eq!(Engine::by_name(engine.name()), Some(*engine));
            let sql = engine.statements(Addresses::Text);
            if *engine == Engine::DuckDb {
                // It reads them in the files.
                assert!(sql.contains("hive_partitioning"), "{sql}");
                continue;
            }
            let table = sql.split_once(';').unwrap().0;
            for (name, ..) in layout(Addresses::Text).columns() {
                assert_eq!(table.matches(&format!("  {} ", engine.quoted(name))).count(), 1, "{name}: {sql}");
            }
            for partition in KEYS.map(|key| key.name().to_owned()) {
                assert!(table.contains(&partition), "{partition}: {sql}");
            }
        }
    }
}
