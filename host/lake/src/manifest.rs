//! Manifests: what a shard has done, and all of them.
//!
//! They are written when everything they name is there, so that what they say holds. They have no times in
//! them, and are the same bytes whenever a job is repeated.

use std::{
    collections::BTreeMap,
    io::{Read, Write as _},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use weir_pipeline::summary::{Bytes, Records};
use weir_printable::line;
use weir_store::{Kind, Store};

use crate::{
    Error, Input, Plan, Written,
    limits::MANIFEST,
    objects::{Sum, Summing},
    paths,
    plan::{LAYOUT, Options},
};

/// What became of an input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputAccount {
    /// What it is.
    #[serde(flatten)]
    pub input: Input,
    /// Its records.
    pub records: Records,
    /// Its bytes, after decompression.
    pub bytes: Bytes,
    /// Why it could not be read, or not to its end; what came before is in the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Sums of what became of inputs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Records.
    pub records: Records,
    /// Bytes after decompression.
    pub bytes: Bytes,
    /// Normalized records of each product.
    pub by_product: BTreeMap<String, u64>,
    /// Rejected records by the kind of fault.
    pub rejects_by_reason: BTreeMap<String, u64>,
}

impl Account {
    fn add(&mut self, other: &Self) {
        self.records.add(&other.records);
        self.bytes.add(&other.bytes);
        for (sums, counts) in [
            (&mut self.by_product, &other.by_product),
            (&mut self.rejects_by_reason, &other.rejects_by_reason),
        ] {
            for (key, n) in counts {
                *sums.entry(key.clone()).or_default() += n;
            }
        }
    }
}

/// What a shard has done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardManifest {
    /// The version of manifests.
    pub layout: u32,
    /// The version of Weir that did it.
    pub weir: String,
    /// The plan.
    pub plan: String,
    /// The shard's number in it, from 0.
    pub shard: usize,
    /// How many shards there are.
    pub of: usize,
    /// What became of each input.
    pub inputs: Vec<InputAccount>,
    /// The files of the table, in the order of their paths.
    pub outputs: Vec<Written>,
    /// The file of rejects, if there are any.
    pub rejects: Option<Written>,
    /// The sums.
    #[serde(flatten)]
    pub account: Account,
}

/// All that a plan has done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of manifests.
    pub layout: u32,
    /// The version of Weir that did it.
    pub weir: String,
    /// The plan.
    pub plan: String,
    /// What objects depend on besides the inputs.
    pub options: Options,
    /// How many inputs there were.
    pub inputs: Inputs,
    /// The sums.
    #[serde(flatten)]
    pub account: Account,
    /// The files of the table, in the order of shards and paths.
    pub outputs: Vec<Written>,
    /// The files of rejects.
    pub rejects: Vec<Written>,
    /// The manifests of the shards, in their order.
    pub shards: Vec<Listed>,
}

/// How many inputs a plan has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inputs {
    /// All of them.
    pub r#in: u64,
    /// Those that could not be read, or not to their end.
    pub failed: u64,
    /// Their bytes, as they are stored.
    pub size: u64,
}

/// An object that is known by its path and its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Its path below the table's folder.
    pub path: String,
    /// Its length and checksum.
    #[serde(flatten)]
    pub sum: Sum,
}

impl ShardManifest {
    /// What a shard has done. `accounts` are of its inputs, in their order.
    pub fn new(
        plan: &Plan,
        shard: usize,
        inputs: Vec<InputAccount>,
        outputs: Vec<Written>,
        rejects: Option<Written>,
        account: Account,
    ) -> Self {
        Self {
            layout: LAYOUT,
            weir: plan.weir().to_owned(),
            plan: plan.id().to_owned(),
            shard,
            of: plan.shards().len(),
            inputs,
            outputs,
            rejects,
            account,
        }
    }

    /// How many inputs could not be read, or not to their end.
    pub fn failed(&self) -> u64 {
        self.inputs.iter().filter(|input| input.error.is_some()).count() as u64
    }

    /// What does not add up in it, or is not of the plan.
    pub(crate) fn problems(&self, plan: &Plan) -> Vec<String> {
        let mut problems = Vec::new();
        let is_of = self.layout == LAYOUT
            && self.plan == plan.id()
            && self.of == plan.shards().len()
            && self.shard < self.of;
        if !is_of {
            problems.push(format!("it is of shard {} of the plan {}", self.shard, line(&self.plan)));
            return problems;
        }
        let inputs = plan.inputs_of(self.shard);
        if !self.inputs.iter().map(|account| &account.input).eq(inputs) {
            problems.push("its inputs are not those of the plan".into());
        }
        let mut sums = Account::default();
        for account in &self.inputs {
            sums.records.add(&account.records);
            sums.bytes.add(&account.bytes);
            let name = line(&account.input.name);
            if !account.records.is_closed() || !account.bytes.is_closed() {
                problems.push(format!("{name}: in is not normalized + filtered + rejected"));
            }
            if let Some(error) = &account.error {
                problems.push(format!("this input was not read to its end: {}", line(error)));
            }
        }
        if sums.records != self.account.records || sums.bytes != self.account.bytes {
            problems.push("what became of its inputs does not add up to what it sums up".into());
        }
        let records = &self.account.records;
        let by = |counts: &BTreeMap<String, u64>| counts.values().sum::<u64>();
        let written: u64 = self.outputs.iter().map(|file| file.records).sum();
        let rejected = self.rejects.as_ref().map_or(0, |file| file.records);
        for (what, found, expected) in [
            ("records in its files", written, records.normalized),
            ("rejects in its file of rejects", rejected, records.rejected),
            ("records by their products", by(&self.account.by_product), records.normalized),
            ("rejects by their reasons", by(&self.account.rejects_by_reason), records.rejected),
        ] {
            if found != expected {
                problems.push(format!("there are {found} {what}, and {expected} in the account"));
            }
        }
        problems
    }
}

/// Reads a document of JSON, if it is there.
///
/// # Errors
///
/// Where it can't be read.
pub(crate) fn read(store: &Store, path: &str) -> Result<Option<Vec<u8>>, Error> {
    let reader = match store.read(path, ..) {
        Ok(reader) => reader,
        Err(e) if e.kind() == Kind::NotFound => return Ok(None),
        Err(e) => return Err(e.into()),
    };
    let mut bytes = Vec::new();
    let failed = |e| Error::object(&store.name(path), "read", e);
    reader.take(MANIFEST + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MANIFEST {
        return Err(failed(std::io::Error::other("it is too long for what Weir writes there")));
    }
    Ok(Some(bytes))
}

/// What is in a document of JSON.
pub(crate) fn parse<T: DeserializeOwned>(store: &Store, path: &str, json: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(json)
        .map_err(|e| Error::failed(format!("{}: this is no manifest of Weir: {e}", line(&store.name(path)))))
}

/// Writes an object at once.
pub(crate) fn write(store: &Store, path: &str, bytes: &[u8]) -> Result<(), Error> {
    let mut writer = store.write(path)?;
    writer.write_all(bytes).map_err(|e| Error::object(&store.name(path), "write", e))?;
    Ok(writer.finish()?)
}

pub(crate) fn json<T: Serialize>(value: &T) -> Vec<u8> {
    let mut json = serde_json::to_vec(value).expect("a manifest can be written");
    json.push(b'\n');
    json
}

pub(crate) fn sum(bytes: &[u8]) -> Sum {
    let mut summing = Summing::default();
    summing.add(bytes);
    summing.sum()
}

/// Puts the manifests of all shards together.
pub(crate) struct Gathering {
    manifest: Manifest,
}

impl Gathering {
    pub(crate) fn new(plan: &Plan) -> Self {
        let inputs = Inputs { r#in: plan.inputs().len() as u64, failed: 0, size: plan.size() };
        Self {
            manifest: Manifest {
                layout: LAYOUT,
                weir: plan.weir().to_owned(),
                plan: plan.id().to_owned(),
                options: plan.options().clone(),
                inputs,
                account: Account::default(),
                outputs: Vec::new(),
                rejects: Vec::new(),
                shards: Vec::new(),
            },
        }
    }

    /// Adds the next shard.
    pub(crate) fn add(&mut self, plan: &Plan, shard: ShardManifest, json: &[u8]) {
        let all = &mut self.manifest;
        all.inputs.failed += shard.failed();
        all.account.add(&shard.account);
        all.shards.push(Listed { path: paths::shard(plan, shard.shard), sum: sum(json) });
        all.outputs.extend(shard.outputs);
        all.rejects.extend(shard.rejects);
    }

    pub(crate) fn manifest(self) -> Manifest {
        self.manifest
    }
}
