//! What the files of a table are.

use weir_columns::{Layout, parquet::Parquet};
use weir_io::Compression;
use weir_normalizer::{record::Field, schemas::Schema};
use weir_pipeline::{
    csv::Rows,
    packers::{self, Packer},
};

use crate::Key;

/// What the files of a table are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// How records stand in them.
    pub shape: Shape,
    /// What is done with that.
    pub compression: Compression,
}

/// How records stand in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A line of JSON each, or what the schema has instead.
    Lines(Schema),
    /// A row each, of flat records.
    Csv,
    /// Columns of flat records.
    Parquet(Layout),
    /// Columns of OCSF events, all of one class in a file.
    OcsfParquet,
}

impl Format {
    /// What names of files end with.
    pub fn ending(self) -> String {
        let shape = match self.shape {
            Shape::Lines(_) => ".jsonl",
            Shape::Csv => ".csv",
            Shape::Parquet(_) | Shape::OcsfParquet => ".parquet",
        };
        format!("{shape}{}", self.compression.ending())
    }

    /// Its name in plans.
    pub fn name(self) -> &'static str {
        match self.shape {
            Shape::Lines(schema) => schema.name(),
            Shape::Csv => "csv",
            Shape::Parquet(_) => "parquet",
            Shape::OcsfParquet => "ocsf-parquet",
        }
    }

    /// The schema of the records that it is made of.
    pub fn schema(self) -> Schema {
        match self.shape {
            Shape::Lines(schema) => schema,
            Shape::Csv | Shape::Parquet(_) => Schema::Flat,
            Shape::OcsfParquet => Schema::Ocsf,
        }
    }

    /// Why its files can't be put apart by a key, if they can't.
    pub fn refuses(self, key: &Key) -> Option<String> {
        let schema = self.schema();
        match key {
            _ if !matches!(schema, Schema::Flat | Schema::Ocsf) => Some(format!(
                "only flat records and OCSF events are put apart, and these are {}",
                self.name()
            )),
            Key::ClassUid if schema == Schema::Flat => {
                Some("only OCSF events have a class; choose `ocsf`".into())
            }
            Key::Fixed(name, _) if schema == Schema::Flat && Field::by_key(name).is_some() => Some(
                "the files have a column of this name, with the records' own values; choose another name"
                    .into(),
            ),
            _ => None,
        }
    }

    /// Whether it is Parquet, which is compressed inside.
    pub fn is_parquet(self) -> bool {
        matches!(self.shape, Shape::Parquet(_) | Shape::OcsfParquet)
    }

    /// How many files are written at a time, in a shard: each holds some memory back.
    pub(crate) fn open(self) -> usize {
        match self.shape {
            Shape::Lines(_) | Shape::Csv => 64,
            // Each holds a group of rows.
            Shape::Parquet(_) | Shape::OcsfParquet => 8,
        }
    }

    /// What packs the records of a file whose path says these fields.
    pub fn packer(self, said: &[Field]) -> Box<dyn Packer> {
        match self.shape {
            Shape::Lines(schema) => packers::of(schema),
            Shape::Csv => Box::new(Rows::default()),
            // Readers of tables take these from the path.
            Shape::Parquet(layout) => Box::new(Parquet::new(&layout.without(said))),
            Shape::OcsfParquet => Box::new(Parquet::ocsf()),
        }
    }
}
