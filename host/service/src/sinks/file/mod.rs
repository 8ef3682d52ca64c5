//! Files: JSON lines, with rotation, partitions and compression.
//!
//! Records are durable when their file is synced, which is once a second or when somebody waits.
//! A compressed file is a row of whole frames or members then, so that it can be read at any time,
//! and what a crash tears is only what was not answered for. A file that somebody moves or deletes
//! meanwhile is followed by a new one, so that no record is answered for that only a deleted file has. One
//! that somebody cuts, as logrotate's `copytruncate` does, goes on at its new end. What is not answered for is
//! kept in memory, and written again there.

mod output;
mod template;

use std::{collections::HashMap, io, path::Path, time::Duration};

use schemars::JsonSchema;
use serde::Deserialize;
use weir_normalizer::schemas::Schema;

pub(crate) use self::{output::number_place, template::Said};
use self::{
    output::{Compression, Fate, Most, Output},
    template::Template,
};
use super::{Context, Delivery, Sink};
use crate::{
    config::{
        fault::Fault,
        values::{ByteSize, Span},
    },
    error::Error,
    receipt::Receipt,
};

/// `type = "file"`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Options {
    /// The path; `{provider}`, `{product}`, `{date}` and `{hour}` are those of each record, in UTC. A relative
    /// one is of the folder that the process is started in
    pub path: String,
    /// `zstd`, `gzip` or `none`; what the path ends in without it
    pub compression: Option<String>,
    /// A file that has grown to so many bytes is followed by another one, `out.1.ndjson` behind `out.ndjson`.
    /// No file is renamed
    pub max_size: ByteSize,
    /// A file that was begun so long ago is followed by another one, also where it was begun before a restart, if
    /// the file system tells when
    pub max_age: Option<Span>,
    /// How many files of a path are kept that another one has followed; the older ones, those with lower numbers,
    /// are deleted when another file follows. It counts for each path by itself: of `{date}` or `{hour}` the files
    /// of days and hours that are over stay. Without it none is deleted
    pub keep: Option<u32>,
}

/// The files that are open at a time; the one that was not used for the longest time is closed.
const MOST_OPEN: usize = 32;

/// How much is written, in bytes, before it is synced and answered for, whenever that would be due: it is kept
/// until then. A sink has not more of the memory than an eighth, either.
const MOST_KEPT: u64 = 8 << 20;

/// Endings of names that promise something else than lines of JSON.
const OTHERS: [&str; 11] =
    ["csv", "tsv", "xlsx", "parquet", "arrow", "arrows", "feather", "orc", "avro", "sqlite", "duckdb"];

/// The first and the longest pause before something is tried again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(5));

impl Default for Options {
    fn default() -> Self {
        Self {
            path: String::new(),
            compression: None,
            max_size: ByteSize(256 << 20),
            max_age: None,
            keep: None,
        }
    }
}

impl Options {
    /// A file at this path, as it is.
    #[allow(dead_code)]
    pub(crate) fn at(path: &Path) -> Self {
        Self { path: path.to_string_lossy().into_owned(), ..Self::default() }
    }

    /// What is wrong with the end of the path, which somebody may believe.
    fn wrong_ending(&self) -> Option<String> {
        let name = self.path.to_ascii_lowercase();
        let name = [".zst", ".gz"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
        let end = name.rsplit('/').next()?.rsplit_once('.')?.1;
        OTHERS.contains(&end).then(|| {
            format!(
                "this sink writes lines of JSON, and .{end} promises something else; choose a name such as \
                 \"flows.ndjson\", or type = \"object_store\", which writes CSV and Parquet with `format`"
            )
        })
    }

    fn compression(&self) -> Result<Compression, String> {
        match self.compression.as_deref() {
            // As the names of files end, too.
            Some("zstd" | "zst") => Ok(Compression::Zstd),
            Some("gzip" | "gz") => Ok(Compression::Gzip),
            Some("none") => Ok(Compression::None),
            Some(other) => Err(format!("{other:?} is not known; expected \"zstd\", \"gzip\" or \"none\"")),
            None if self.path.ends_with(".zst") => Ok(Compression::Zstd),
            None if self.path.ends_with(".gz") => Ok(Compression::Gzip),
            None => Ok(Compression::None),
        }
    }
}

impl super::Options for Options {
    fn check(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        if let Err(message) = Template::parse(&self.path) {
            faults.push(Fault::at(["path"], message));
        }
        faults.extend(self.wrong_ending().map(|message| Fault::at(["path"], message)));
        if let Err(message) = self.compression() {
            faults.push(Fault::at(["compression"], message));
        }
        if self.max_size.0 < 4096 {
            faults.push(Fault::at(["max_size"], "expected at least \"4KiB\""));
        }
        if self.max_age.is_some_and(|age| age.0 < Duration::from_secs(1)) {
            faults.push(Fault::at(["max_age"], "expected at least \"1s\""));
        }
        faults
    }

    fn refuses(&self, schema: Schema) -> Option<String> {
        let is_constant = Template::parse(&self.path).is_ok_and(|template| template.constant().is_some());
        (schema == Schema::Otel && !is_constant)
            .then(|| "records of `otel` do not say what is in the braces of its path".to_owned())
    }

    fn open(&self, context: Context) -> Result<Box<dyn Sink>, Error> {
        let template = Template::parse(&self.path).map_err(Error::usage)?;
        let compression = self.compression().map_err(Error::usage)?;
        Ok(Box::new(Files {
            options: self.clone(),
            template,
            compression,
            context,
            open: HashMap::new(),
            numbers: HashMap::new(),
            waiting: Vec::new(),
            spare: Vec::new(),
            hopeless: None,
            is_failed: false,
        }))
    }
}

struct Files {
    options: Options,
    template: Template,
    compression: Compression,
    context: Context,
    /// By the paths that records chose.
    open: HashMap<String, Output>,
    /// How many files of that path there were before, where there were some.
    numbers: HashMap<String, u32>,
    /// What is written and not synced, with how many records and bytes.
    waiting: Vec<(Receipt, u64, u64)>,
    /// Buffers for what is kept next, no more than were needed for as much as is kept at most.
    spare: Vec<Vec<u8>>,
    /// What is in the way of a file and is not waited for.
    hopeless: Option<String>,
    /// A file could not be synced or written to its end: nothing that waits is answered for any more.
    is_failed: bool,
}

impl Files {
    /// Opens the file of a path, if it is not open. `false` where that failed for good.
    fn open(&mut self, path: &str, patience: &mut Patience) -> bool {
        while !self.open.contains_key(path) {
            // Where older files are deleted, the first one may not be there any more.
            let keep = self.options.keep;
            let first = || keep.and_then(|_| output::newest(path.as_ref())).unwrap_or_default();
            let number = self.numbers.entry(path.to_owned()).or_insert_with(first);
            let most = Most { bytes: self.options.max_size.0, age: self.options.max_age.map(|age| age.0) };
            match Output::open(path.as_ref(), number, self.compression, most) {
                Ok(output) => {
                    self.open.insert(path.to_owned(), output);
                }
                Err(e) if self.context.once && output::stays(&e) => {
                    self.hopeless =
                        Some(format!("{path}: can't write: {e}; with --once that is not waited for"));
                    return false;
                }
                Err(e) if patience.again(path.as_ref(), &e) => {}
                Err(_) => return false,
            }
        }
        true
    }

    /// Writes records to the file of a path. `false` where that failed for good.
    fn write(&mut self, path: &str, bytes: &[u8]) -> bool {
        let mut patience = Patience::new(&self.context);
        if !self.make_room(path) || !self.open(path, &mut patience) {
            return false;
        }
        let Some(output) = self.open.get_mut(path) else { return false };
        let name = output.path.clone();
        if !output.write(bytes, &mut self.spare, &mut |e| patience.again(&name, e)) {
            return false;
        }
        patience.works();
        let is_old = self.options.max_age.is_some_and(|age| output.age() >= age.0);
        if is_old || output.len() >= self.options.max_size.0 {
            return self.shut(path, true);
        }
        true
    }

    /// Closes a file for another one, if there are too many.
    fn make_room(&mut self, path: &str) -> bool {
        if self.open.len() < MOST_OPEN || self.open.contains_key(path) {
            return true;
        }
        let oldest = self.open.iter().min_by_key(|(_, output)| output.used).map(|(path, _)| path.clone());
        oldest.is_none_or(|oldest| self.shut(&oldest, false))
    }

    /// Brings what was written to the file of a path to the disk. `false` where that failed for good.
    ///
    /// Somebody else may have moved the file, deleted it, or cut it. Then it is opened anew at the same path, and
    /// gets what was never answered for once more, unless a moved file has that.
    fn bring(&mut self, path: &str, patience: &mut Patience) -> bool {
        let mut is_again = false;
        loop {
            let Some(output) = self.open.get_mut(path).filter(|output| output.is_dirty()) else {
                return true;
            };
            let name = output.path.clone();
            if !output.sync(&mut |e| patience.again(&name, e)) {
                return false;
            }
            let fate = output.fate();
            let (what, then) = match fate {
                Fate::Stays => return true,
                Fate::Moved => ("moved", "a new one follows it"),
                Fate::Deleted => ("deleted", "a new one follows it"),
                Fate::Changed => ("cut", "it goes on at its new end"),
            };
            tracing::warn!(sink = %self.context.name, path = %name.display(), "the file was {what} by somebody else; {then}");
            let Some(old) = self.open.remove(path) else { return true };
            if fate == Fate::Moved {
                return true;
            }
            let kept = old.into_kept();
            // Whoever does so all the time is not raced with.
            let too_often =
                || io::Error::other(format!("the file is {what} by somebody else again and again"));
            if is_again && !patience.again(&name, &too_often()) || !self.open(path, patience) {
                return false;
            }
            is_again = true;
            let Some(output) = self.open.get_mut(path) else { return false };
            if !output.write_again(kept, &mut |e| patience.again(&name, e)) {
                return false;
            }
        }
    }

    /// Brings a file to the disk and closes it; `for_good` tells that another one follows it.
    fn shut(&mut self, path: &str, for_good: bool) -> bool {
        if !self.bring(path, &mut Patience::new(&self.context)) {
            return false;
        }
        let was_open = self.open.remove(path).is_some();
        if for_good && was_open {
            let number = self.numbers.entry(path.to_owned()).or_default();
            *number += 1;
            if let Some(keep) = self.options.keep {
                output::delete_before(path.as_ref(), number.saturating_sub(keep));
            }
        }
        true
    }

    /// Gives back what waits: nobody knows whether the disk has it.
    fn fail(&mut self) {
        if !self.context.stop.is_told() {
            let why = self.hopeless.take().unwrap_or_else(|| {
                "a file could not be synced, so that nobody knows what the disk has of it".to_owned()
            });
            self.context.alarm.ring(&format!("sink {}: {why}", self.context.name));
            self.context.health.fails(why);
        }
        self.is_failed = true;
        self.waiting.clear();
    }
}

impl Sink for Files {
    fn take(&mut self, delivery: Delivery) {
        if self.is_failed {
            return;
        }
        let Delivery { page, receipt } = delivery;
        let (records, bytes) = (page.len() as u64, page.bytes().len() as u64);
        let is_written = match self.template.constant() {
            Some(path) => {
                let path = path.to_owned();
                self.write(&path, page.bytes())
            }
            None => {
                let schema = page.origin().schema;
                let (mut said, mut path, mut last) = (Said::default(), String::new(), String::new());
                // Neighbours mostly go to the same file.
                let (mut start, mut end) = (0, 0);
                let mut is_written = true;
                for index in 0..page.len() {
                    said.read(page.record(index), schema);
                    self.template.fill(&said, &mut path);
                    if path != last {
                        is_written = start == end || self.write(&last, &page.bytes()[start..end]);
                        if !is_written {
                            break;
                        }
                        start = end;
                        last.clone_from(&path);
                    }
                    end = page.end(index);
                }
                is_written && (start == end || self.write(&last, &page.bytes()[start..end]))
            }
        };
        drop(page);
        if is_written {
            self.waiting.push((receipt, records, bytes));
            let kept: u64 = self.open.values().map(Output::kept).sum();
            if kept >= MOST_KEPT.min(self.context.budget.limit() / 8) {
                self.sync();
            }
        } else {
            drop(receipt);
            self.fail();
        }
    }

    fn sync(&mut self) {
        let mut patience = Patience::new(&self.context);
        let dirty = self.open.iter().filter(|(_, output)| output.is_dirty());
        for path in dirty.map(|(path, _)| path.clone()).collect::<Vec<_>>() {
            if !self.bring(&path, &mut patience) {
                self.fail();
                return;
            }
        }
        patience.works();
        self.open.values_mut().for_each(|output| output.is_answered_for(&mut self.spare));
        let mut room = MOST_KEPT as usize;
        self.spare.retain(|buffer| {
            let fits = buffer.capacity() <= room;
            room -= if fits { buffer.capacity() } else { 0 };
            fits
        });
        for (receipt, records, bytes) in self.waiting.drain(..) {
            self.context.metrics.delivered(records, bytes);
            receipt.delivered();
        }
        if let Some(age) = self.options.max_age {
            let old = self.open.iter().filter(|(_, output)| output.age() >= age.0);
            for path in old.map(|(path, _)| path.clone()).collect::<Vec<_>>() {
                // It is synced already.
                self.shut(&path, true);
            }
        }
    }

    fn close(mut self: Box<Self>) {
        self.sync();
    }
}

/// How something is tried again.
struct Patience {
    context: Context,
    pause: Duration,
    is_told: bool,
}

impl Patience {
    fn new(context: &Context) -> Self {
        Self { context: context.clone(), pause: PAUSES.0, is_told: false }
    }

    /// Waits a while after an error; `false` when it is time to stop.
    fn again(&mut self, path: &Path, error: &io::Error) -> bool {
        if !self.is_told {
            self.is_told = true;
            let message = format!("{}: can't write: {error}", path.display());
            tracing::error!(sink = %self.context.name, "{message}; it is tried again");
            self.context.health.fails(message);
        }
        self.context.metrics.retried("io");
        let is_told = self.context.stop.wait(self.pause);
        self.pause = (self.pause * 2).min(PAUSES.1);
        !is_told
    }

    fn works(&mut self) {
        if std::mem::take(&mut self.is_told) {
            tracing::info!(sink = %self.context.name, "files can be written again");
            self.context.health.works();
            self.pause = PAUSES.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, OpenOptions},
        io::Read as _,
        os::unix::fs::FileExt as _,
    };

    use super::*;
    use crate::{
        receipt::Answer,
        sinks::{Options as _, request::stand_in::Surroundings},
    };

    /// Records that hardly get smaller, so that pieces of a frame are written before it ends.
    fn records(seed: u64) -> Vec<String> {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        let mut text = || (0..10).map(|_| format!("{:016x}", next())).collect::<String>();
        (0..4000).map(|n| format!("{{\"n\":{n},\"a\":\"{}\"}}", text())).collect()
    }

    /// All of the file, which has to be readable to its end.
    fn lines(path: &Path) -> Vec<String> {
        let raw = fs::read(path).unwrap();
        let mut text = String::new();
        match path.extension().unwrap().to_str() {
            Some("zst") => text = String::from_utf8(zstd::decode_all(&raw[..]).unwrap()).unwrap(),
            Some("gz") => {
                flate2::read::MultiGzDecoder::new(&raw[..]).read_to_string(&mut text).unwrap();
            }
            _ => text = String::from_utf8(raw).unwrap(),
        }
        assert!(text.is_empty() || text.ends_with('\n'));
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_file_that_is_cut_goes_on_at_its_end_with_all_that_is_not_answered_for() {
        let pages: Vec<Vec<String>> = (1..=4).map(records).collect();
        for name in ["a.ndjson", "a.ndjson.zst", "a.ndjson.gz"] {
            // When it is cut: before the first page that is not answered for, behind it, or behind the last one; and
            // what is left of it, of what was answered for or of what was not.
            for (when, left) in
                [(0, 0), (1, 0), (2, 0), (0, 1000), (1, 1000), (2, 1000), (1, u64::MAX), (2, u64::MAX)]
            {
                // Who cuts a frame to pieces has a file that nobody can read; the next one follows it.
                if left == 1000 && name != "a.ndjson" {
                    continue;
                }
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join(name);
                let around = Surroundings::new();
                let mut sink = Options::at(&path).open(around.context.clone()).unwrap();
                let deliver = |sink: &mut dyn Sink, page: &[String]| {
                    let records: Vec<&str> = page.iter().map(String::as_str).collect();
                    around.deliver(sink, around.page(Schema::Flat, &records));
                };
                deliver(&mut *sink, &pages[0]);
                sink.sync();
                assert_eq!((around.answered(), lines(&path)), (1, pages[0].clone()), "{name}");
                let at = fs::metadata(&path).unwrap().len();
                let mut is_cut = false;
                for (number, page) in pages[1..=2].iter().enumerate() {
                    if number == when {
                        is_cut = true;
                        cut(&path, left, at);
                    }
                    deliver(&mut *sink, page);
                }
                if !is_cut {
                    assert!(fs::metadata(&path).unwrap().len() > at, "{name}: some of it is written");
                    cut(&path, left, at);
                }
                assert_eq!(around.answered(), 1);
                sink.sync();
                let case = format!("{name} {when} {left}");
                assert_eq!(around.answers(3), vec![Answer::Delivered; 3], "{case}");
                let found = lines(&path);
                let all = pages[1..=2].concat();
                assert!(found.ends_with(&all), "{case}");
                // What is left of what was there before are whole lines.
                let before = &found[..found.len() - all.len()];
                assert!(pages[0].starts_with(before) || before.starts_with(&pages[0]), "{case}");
                assert!(left > 0 || before.is_empty(), "{case}");
                // It goes on as it did.
                deliver(&mut *sink, &pages[3]);
                sink.close();
                assert_eq!(lines(&path), [found, pages[3].clone()].concat(), "{case}");
                assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "{case}");
            }
        }
    }

    /// Cuts a file to so many bytes, or somewhere in what is not answered for.
    fn cut(path: &Path, left: u64, answered_for: u64) {
        let file = OpenOptions::new().write(true).read(true).open(path).unwrap();
        let len = file.metadata().unwrap().len();
        let left = if left == u64::MAX { answered_for.midpoint(len) } else { left };
        file.set_len(left).unwrap();
        // Nobody reads what is behind it.
        assert_eq!(file.read_at(&mut [0], left).unwrap(), 0);
    }

    #[test]
    fn no_more_is_kept_than_may_be() {
        let folder = tempfile::tempdir().unwrap();
        let around = Surroundings::new();
        around.context.budget.set_limit(8 << 20);
        let mut sink = Options::at(&folder.path().join("a.ndjson")).open(around.context.clone()).unwrap();
        let page = records(1);
        let records: Vec<&str> = page.iter().map(String::as_str).collect();
        let bytes: u64 = page.iter().map(|record| record.len() as u64 + 1).sum();
        let pages = (4 << 20) / bytes;
        (0..pages).for_each(|_| around.deliver(&mut *sink, around.page(Schema::Flat, &records)));
        assert!(around.answered() > 0 && around.answered() < pages as usize);
        sink.close();
        assert_eq!(around.answered(), pages as usize);
    }
}
