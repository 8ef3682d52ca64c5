//! A table's folder with all that is known of its plans.

use std::{
    collections::BTreeSet,
    io::{self, Write},
};

use weir_io::Finish;
use weir_printable::line;
use weir_store::{Store, Writer};

use crate::{
    Error, Objects, Plan,
    manifest::{self, Gathering, Manifest, ShardManifest},
    paths,
};

/// The folder of a table.
#[derive(Clone)]
pub struct Lake {
    pub(crate) store: Store,
}

/// How a plan is found.
#[derive(Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing of it is known.
    New,
    /// It was begun, and may be done.
    Begun,
}

impl Lake {
    /// The table in the folder of a store.
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// The store of its objects.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The plans that were begun here, by their ids.
    pub fn plans(&self) -> Result<Vec<String>, Error> {
        let mut ids = Vec::new();
        let mut after = String::new();
        // The shards of a plan may be many: what follows is the next plan.
        while let Some(object) = self.store.list(paths::PLANS, Some(&after))?.next() {
            let key = object?.key;
            let id = key.strip_prefix(paths::PLANS).and_then(|rest| rest.split_once('/')).map(|(id, _)| id);
            match id {
                Some(id) => {
                    after = format!("{}{id}/\u{10ffff}", paths::PLANS);
                    ids.push(id.to_owned());
                }
                None => after = key,
            }
        }
        Ok(ids)
    }

    /// Reads a plan that was begun here. There is none where whoever began it was stopped before anything
    /// else was done.
    pub fn plan(&self, id: &str) -> Result<Option<Plan>, Error> {
        let path = paths::plan(id);
        let Some(json) = manifest::read(&self.store, &path)? else { return Ok(None) };
        let plan = Plan::from_json(&json).and_then(|plan| match plan.id() == id {
            true => Ok(plan),
            false => Err(format!("it is the plan {}", plan.id())),
        });
        plan.map(Some).map_err(|e| {
            let name = self.store.name(&path);
            Error::failed(format!("{}: this is not the plan that Weir wrote there: {e}", line(&name)))
        })
    }

    /// Looks whether a plan was begun, and that no other one has inputs of it, whose records would be in the
    /// table twice, or makes another table.
    pub fn check(&self, plan: &Plan) -> Result<State, Error> {
        let mut state = State::New;
        for id in self.plans()? {
            if id == plan.id() {
                state = State::Begun;
                continue;
            }
            let Some(other) = self.plan(&id)? else { continue };
            let shared = plan.shared(&other);
            if shared > 0 {
                let folder = self.store.name("");
                let folder = line(&folder);
                let inputs = if shared == 1 { "input".into() } else { format!("{shared} inputs") };
                return Err(Error::usage(format!(
                    "{folder}: the plan {id} has put the records of the same {inputs} there, and this one is \
                     another: {}. They would be there twice; give only the inputs that are new, or those \
                     and the options that it had, or another --output; or delete what it wrote: all part-{id}-*, and {folder}{}{id}/",
                    plan.differences(&other),
                    paths::PLANS
                )));
            }
            if let Some(other_table) = plan.other_table(&other) {
                let folder = self.store.name("");
                return Err(Error::usage(format!(
                    "{}: the plan {id} has put a table there with {other_table}; nothing reads files of both as \
                     one table. Give these options as they were, or another --output",
                    line(&folder)
                )));
            }
        }
        Ok(state)
    }

    /// Begins a plan: from now on others know of it.
    pub fn begin(&self, plan: &Plan) -> Result<(), Error> {
        manifest::write(&self.store, &paths::plan(plan.id()), &plan.json())
    }

    /// What a shard has done, if it was done before.
    pub fn shard(&self, plan: &Plan, shard: usize) -> Result<Option<(ShardManifest, Vec<u8>)>, Error> {
        let path = paths::shard(plan, shard);
        match manifest::read(&self.store, &path)? {
            Some(json) => Ok(Some((manifest::parse(&self.store, &path, &json)?, json))),
            None => Ok(None),
        }
    }

    /// What a shard has done, if it need not be done again: all that its manifest names is there, with its
    /// length, and each input was read to its end.
    pub fn done(&self, plan: &Plan, shard: usize) -> Result<Option<ShardManifest>, Error> {
        // What can't be read is made again.
        let Some((found, _)) = self.shard(plan, shard).unwrap_or_default() else { return Ok(None) };
        if !found.problems(plan).is_empty() || found.shard != shard {
            return Ok(None);
        }
        for file in found.outputs.iter().chain(&found.rejects) {
            let is_there = self.store.stat(&file.path)?.is_some_and(|object| object.size == file.sum.size);
            if !is_there {
                return Ok(None);
            }
        }
        Ok(Some(found))
    }

    /// A shard is done: what it made before and does not make any more is deleted, and its manifest is
    /// written.
    pub fn commit(&self, plan: &Plan, done: &ShardManifest) -> Result<(), Error> {
        if let Some((before, _)) = self.shard(plan, done.shard).unwrap_or_default() {
            let made: BTreeSet<_> = done.outputs.iter().chain(&done.rejects).map(|file| &file.path).collect();
            let is_own = |path: &str| paths::maker(path) == Some((plan.id(), done.shard));
            for file in before.outputs.iter().chain(&before.rejects) {
                if !made.contains(&file.path) && is_own(&file.path) {
                    self.store.delete(&file.path)?;
                }
            }
        }
        manifest::write(&self.store, &paths::shard(plan, done.shard), &manifest::json(done))
    }

    /// Writes the manifest of the whole plan, if all of its shards are done.
    pub fn finish(&self, plan: &Plan) -> Result<Option<Manifest>, Error> {
        let mut gathering = Gathering::new(plan);
        for shard in 0..plan.shards().len() {
            let Some((found, json)) = self.shard(plan, shard)? else { return Ok(None) };
            gathering.add(plan, found, &json);
        }
        let manifest = gathering.manifest();
        manifest::write(&self.store, &paths::manifest(plan.id()), &manifest::json(&manifest))?;
        Ok(Some(manifest))
    }
}

impl Objects for Store {
    fn create(&self, path: &str) -> io::Result<Box<dyn Finish>> {
        Ok(Box::new(Created(self.write(path)?)))
    }

    fn delete(&self, path: &str) -> io::Result<()> {
        Ok(Store::delete(self, path)?)
    }
}

struct Created(Writer);

impl Write for Created {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Finish for Created {
    fn finish(self: Box<Self>) -> io::Result<()> {
        Ok(self.0.finish()?)
    }
}
