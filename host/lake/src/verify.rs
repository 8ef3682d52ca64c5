//! Whether a table is what its manifests say.

use std::{
    collections::{BTreeMap, HashSet},
    io::Read as _,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use weir_pipeline::summary::{Records, counted, grouped};
use weir_printable::line;
use weir_store::Store;

use crate::{
    Error, Plan, Written,
    lake::Lake,
    limits::PIECE,
    manifest::{self, Gathering},
    objects::{Sum, Summing},
    paths,
};

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// How many plans there are.
    pub plans: u64,
    /// How many files their manifests name.
    pub files: u64,
    /// The bytes of these.
    pub size: u64,
    /// What became of all records.
    pub records: Records,
    /// What is wrong, a sentence each.
    pub problems: Vec<String>,
}

impl Found {
    /// All of it in one line.
    pub fn told(&self) -> String {
        let Records { r#in, normalized, filtered, rejected } = &self.records;
        format!(
            "{}, {}, {}; records: {} in = {} normalized + {} filtered + {} rejected",
            counted(self.plans, "plan"),
            counted(self.files, "file"),
            counted(self.size, "byte"),
            grouped(*r#in),
            grouped(*normalized),
            grouped(*filtered),
            grouped(*rejected)
        )
    }
}

impl Lake {
    /// Reads all that manifests name, with so many threads, and what else is there of a plan. `tell` is
    /// told of each problem as it is found.
    pub fn verify(&self, threads: usize, tell: &mut dyn FnMut(&str)) -> Result<Found, Error> {
        let mut found = Found::default();
        let mut known = BTreeMap::new();
        for id in self.plans()? {
            found.plans += 1;
            let mut problems = Vec::new();
            let files = self.verify_plan(&id, threads, &mut found, &mut problems)?;
            known.insert(id.clone(), files);
            for problem in problems {
                let problem = format!("plan {}: {problem}", line(&id));
                tell(&problem);
                found.problems.push(problem);
            }
        }
        if known.is_empty() {
            let name = self.store.name("");
            let what = format!(
                "{}: there is no plan of a job here; give the folder of its --output. What the service writes has \
                 no plan: each of its objects is whole when it is there",
                line(&name)
            );
            return Err(Error::failed(what));
        }
        self.verify_rest(&known, &mut |problem| {
            tell(&problem);
            found.problems.push(problem);
        })?;
        Ok(found)
    }

    /// Gives the paths of its files.
    fn verify_plan(
        &self,
        id: &str,
        threads: usize,
        found: &mut Found,
        problems: &mut Vec<String>,
    ) -> Result<HashSet<String>, Error> {
        let mut files = HashSet::new();
        let plan = match self.plan(id) {
            Ok(Some(plan)) => plan,
            Ok(None) => {
                problems.push(format!("{} is missing; begin the job again", paths::plan(id)));
                return Ok(files);
            }
            Err(e) => {
                problems.push(e.to_string());
                return Ok(files);
            }
        };
        let mut gathering = Gathering::new(&plan);
        let mut missing = Vec::new();
        for shard in 0..plan.shards().len() {
            let (manifest, json) = match self.shard(&plan, shard) {
                Ok(Some(read)) => read,
                Ok(None) => {
                    missing.push(shard);
                    continue;
                }
                Err(e) => {
                    problems.push(format!("{e}; do it again with --resume"));
                    continue;
                }
            };
            let path = paths::shard(&plan, shard);
            problems.extend(manifest.problems(&plan).into_iter().map(|problem| format!("{path}: {problem}")));
            let named: Vec<_> = manifest.outputs.iter().chain(&manifest.rejects).cloned().collect();
            problems.extend(verify_files(&self.store, &named, threads));
            found.files += named.len() as u64;
            found.size += named.iter().map(|file| file.sum.size).sum::<u64>();
            found.records.add(&manifest.account.records);
            files.extend(named.into_iter().map(|file| file.path));
            gathering.add(&plan, manifest, &json);
        }
        if missing.is_empty() {
            self.verify_whole(&plan, gathering, problems)?;
        } else {
            let first: Vec<_> = missing.iter().take(8).map(ToString::to_string).collect();
            let more = if missing.len() > first.len() { ", ..." } else { "" };
            problems.push(format!(
                "{} of {} shards are not done ({}{more}); go on with --resume",
                missing.len(),
                plan.shards().len(),
                first.join(", ")
            ));
        }
        Ok(files)
    }

    fn verify_whole(
        &self,
        plan: &Plan,
        gathering: Gathering,
        problems: &mut Vec<String>,
    ) -> Result<(), Error> {
        let path = paths::manifest(plan.id());
        let expected = manifest::json(&gathering.manifest());
        match manifest::read(&self.store, &path)? {
            Some(json) if json == expected => {}
            Some(_) => problems.push(format!(
                "{path}: this is not what the manifests of its shards make; write it again with --resume"
            )),
            None => problems.push(format!("{path}: it is missing; write it with --resume")),
        }
        Ok(())
    }

    /// Files of jobs that no manifest names.
    fn verify_rest(
        &self,
        known: &BTreeMap<String, HashSet<String>>,
        tell: &mut dyn FnMut(String),
    ) -> Result<(), Error> {
        for object in self.store.list("", None)? {
            let path = object?.key;
            if path.starts_with(paths::PLANS) {
                continue;
            }
            let Some((plan, shard)) = paths::maker(&path) else { continue };
            let is_known = known.get(plan).is_some_and(|files| files.contains(&path));
            if !is_known {
                let path = line(&path);
                tell(format!(
                    "{path}: no manifest has this file, which shard {shard} of the plan {plan} began; its \
                     records may be elsewhere, too. Go on with --resume, or delete it if that plan is done"
                ));
            }
        }
        Ok(())
    }
}

/// Reads files, and tells of those that are not what they should be.
fn verify_files(store: &Store, files: &[Written], threads: usize) -> Vec<String> {
    let (next, problems) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..threads.clamp(1, files.len().max(1)) {
            scope.spawn(|| {
                while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Some(problem) = verify_file(store, file) {
                        problems.lock().unwrap_or_else(PoisonError::into_inner).push(problem);
                    }
                }
            });
        }
    });
    let mut problems = problems.into_inner().unwrap_or_else(PoisonError::into_inner);
    problems.sort();
    problems
}

fn verify_file(store: &Store, file: &Written) -> Option<String> {
    let path = line(&file.path);
    match sum_of(store, &file.path) {
        Ok(Some(sum)) if sum == file.sum => None,
        Ok(Some(sum)) if sum.size != file.sum.size => Some(format!(
            "{path}: it has {} bytes, and should have {}; run the job again with --resume",
            sum.size, file.sum.size
        )),
        Ok(Some(_)) => Some(format!(
            "{path}: its bytes are not those that were written; delete it and run the job again with --resume"
        )),
        Ok(None) => Some(format!("{path}: it is missing; run the job again with --resume")),
        Err(e) => Some(e.to_string()),
    }
}

fn sum_of(store: &Store, path: &str) -> Result<Option<Sum>, Error> {
    let mut reader = match store.read(path, ..) {
        Ok(reader) => reader,
        Err(e) if e.kind() == weir_store::Kind::NotFound => return Ok(None),
        Err(e) => return Err(e.into()),
    };
    let mut summing = Summing::default();
    let mut piece = vec![0; PIECE];
    loop {
        match reader.read(&mut piece) {
            Ok(0) => return Ok(Some(summing.sum())),
            Ok(n) => summing.add(&piece[..n]),
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(Error::object(&store.name(path), "read", e)),
        }
    }
}
