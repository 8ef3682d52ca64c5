//! Names in a table that a job writes, which whoever reads it again knows as well.

use weir_normalizer::record::Field;

/// The folder of plans and manifests.
pub const PLANS: &str = "_weir/";

/// The folder of rejects, unless it is another.
pub const REJECTS: &str = "_rejects/";

/// The fields of records that folders may say, as Hive's partitions do.
pub const SAID_BY_FOLDERS: [Field; 3] = [Field::Provider, Field::Product, Field::Region];

/// What stands in a folder's name where a record does not say the value.
pub const NOT_SAID: &str = "__HIVE_DEFAULT_PARTITION__";
