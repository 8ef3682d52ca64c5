//! Where a job's objects are, below the folder of its table. Names that begin with `_` are no part of a
//! table for Hive, Spark, Trino and Athena.

pub use weir_io::table::{PLANS, REJECTS};

use crate::plan::Plan;

/// What a plan is written to.
pub fn plan(id: &str) -> String {
    format!("{PLANS}{id}/plan.json")
}

/// What is written when all of a plan is done.
pub fn manifest(id: &str) -> String {
    format!("{PLANS}{id}/manifest.json")
}

/// What is written when a shard of a plan is done.
pub fn shard(plan: &Plan, shard: usize) -> String {
    format!("{PLANS}{}/shard-{shard:05}-of-{:05}.json", plan.id(), plan.shards().len())
}

/// The plan that has a file of this name, if it is one of a job, and its shard.
pub(crate) fn maker(path: &str) -> Option<(&str, usize)> {
    let name = path.rsplit('/').next()?.strip_prefix("part-")?;
    let (plan, rest) = name.split_once('-')?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let is_id = plan.len() == 12 && plan.bytes().all(|b| b.is_ascii_hexdigit());
    (is_id && digits >= 5).then_some((plan, rest[..digits].parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_who_made_a_file() {
        for (path, made) in [
            ("date=1/part-0123456789ab-00003-001.jsonl.zst", Some(("0123456789ab", 3))),
            ("_rejects/part-0123456789ab-00012.jsonl", Some(("0123456789ab", 12))),
            ("part-0123456789ab-123456-000.csv", Some(("0123456789ab", 123_456))),
            ("part-00000-0123456789ab.snappy.parquet", None),
            ("part-0123456789ab.jsonl", None),
            ("a.jsonl", None),
        ] {
            assert_eq!(maker(path), made, "{path}");
        }
    }
}
