//! What a configuration names by paths: where that is, and whether it can be written.

use std::{
    fmt, fs, io,
    path::{self, Path, PathBuf},
};

use rustix::fs::{Access, access};
use weir_store::Service;

use super::{buffers_path, dead_letters_path, rejects_path};
use crate::{
    config::{Config, places::Finding},
    sinks::{SinkOptions, file::number_place},
    sources::SourceOptions,
    store::StoreAccess,
};

/// A relative path is of the folder that the process is started in.
fn absolute(path: &Path) -> PathBuf {
    path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// What a path is to the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// The folder of progress, which has other files, too.
    State,
    /// Nothing is written there by this process itself: it is read, or it is in a store.
    NotWritten,
    /// Files are made in it.
    Folder,
    /// One file, or with braces many.
    File,
}

/// Where objects are: a folder, or an address as it is.
fn of_objects(access: &StoreAccess) -> Option<(What, PathBuf)> {
    let address = access.address().ok()?;
    Some(match address.service() {
        Service::Local => (What::Folder, absolute(address.folder().as_ref())),
        _ => (What::NotWritten, address.to_string().into()),
    })
}

/// The key of a sink's buffer, which may be there without it.
const BUFFER: &str = "buffer";

/// What names a path: a key of a section.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Who {
    /// The empty name is that of the keys at the top.
    section: String,
    key: &'static str,
}

impl Who {
    fn finding(&self, config: &Config, message: &str) -> Finding {
        config.places.finding(&self.section, self.key, message)
    }
}

/// A pipeline has several paths, and a sink may have a buffer beside its own.
impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { section, key } = self;
        match section.split('.').next() {
            Some("") | None => f.write_str(key),
            Some("pipelines") => write!(f, "`{key}` of [{section}]"),
            Some(_) if *key == BUFFER => write!(f, "`{key}` of [{section}]"),
            Some(_) => write!(f, "[{section}]"),
        }
    }
}

/// What names a path, what that is, and where it is in this process. Empty paths are left out, as what is
/// wrong with them was told.
fn named(config: &Config) -> Vec<(Who, What, PathBuf)> {
    let top = Who { section: String::new(), key: "state_dir" };
    let mut all = vec![(top, What::State, absolute(&config.process.state_dir))];
    for (name, options) in &config.sources {
        let who = |key| Who { section: format!("sources.{name}"), key };
        match options {
            SourceOptions::File(options) => {
                let each = options
                    .paths
                    .iter()
                    .map(|path| (who("paths"), What::NotWritten, absolute(path.as_ref())));
                all.extend(each);
            }
            SourceOptions::ObjectStore(options) => {
                all.extend(
                    of_objects(&options.access()).map(|(_, path)| (who("url"), What::NotWritten, path)),
                );
            }
            _ => {}
        }
    }
    for (name, options) in &config.sinks {
        let who = |key| Who { section: format!("sinks.{name}"), key };
        match options {
            SinkOptions::File(options) if !options.path.is_empty() => {
                all.push((who("path"), What::File, absolute(options.path.as_ref())));
            }
            SinkOptions::ObjectStore(options) => {
                all.extend(of_objects(&options.access()).map(|(what, path)| (who("url"), what, path)));
            }
            _ => {}
        }
    }
    for name in config.buffers.keys() {
        let who = Who { section: format!("sinks.{name}"), key: BUFFER };
        all.push((who, What::Folder, absolute(&buffers_path(config).join(name))));
    }
    for (name, pipeline) in &config.pipelines {
        let who = |key| Who { section: format!("pipelines.{name}"), key };
        let path = rejects_path(config, name, pipeline.rejects.as_deref());
        all.push((who("rejects"), What::File, absolute(&path)));
        let path = dead_letters_path(config, name, pipeline.dead_letters.as_deref());
        all.push((who("dead_letters"), What::File, absolute(&path)));
    }
    all
}

/// The sections and keys of a configuration that name paths, and where these are in this process.
pub fn paths(config: &Config) -> Vec<(String, PathBuf)> {
    named(config).into_iter().map(|(who, _, path)| (who.to_string(), path)).collect()
}

/// What can't be written as things are, with what to do. Nothing is made or changed.
pub fn unwritable(config: &Config) -> Vec<Finding> {
    let state = absolute(&config.process.state_dir);
    let has_state = folder(&state).is_ok();
    let mut findings = Vec::new();
    for (who, what, path) in named(config) {
        let checked = match what {
            What::NotWritten => Ok(()),
            What::State => folder(&path),
            // It was told of the folder around it.
            What::File | What::Folder if !has_state && path.starts_with(&state) => Ok(()),
            What::Folder => folder(&path),
            // Behind the first brace it is what records say, all of it below the folder before that.
            What::File => match path.to_string_lossy().split_once('{') {
                Some((before, _)) => {
                    folder(before.rsplit_once('/').map_or(".", |(folder, _)| folder).as_ref())
                }
                None => file(&path),
            },
        };
        if let Err(why) = checked {
            findings.push(who.finding(config, &format!("{who}: {} can't be written: {why}", path.display())));
        }
    }
    findings.sort();
    findings
}

/// Stores that can't be listed as things are, a line each. Who may write to one may not be allowed to list
/// it, so that this is nothing that keeps the service from starting.
pub fn silent_stores(config: &Config) -> Vec<String> {
    let sources = config.sources.iter().filter_map(|(name, options)| match options {
        SourceOptions::ObjectStore(options) => Some((format!("[sources.{name}]"), options.access(), "")),
        _ => None,
    });
    let sinks = config.sinks.iter().filter_map(|(name, options)| match options {
        SinkOptions::ObjectStore(options) => {
            let but = "; what may only be written may be right nevertheless";
            Some((format!("[sinks.{name}]"), options.access(), but))
        }
        _ => None,
    });
    let remote = sources.chain(sinks).filter(|(_, access, _)| access.local().is_none());
    remote.filter_map(|(who, access, but)| Some(format!("{who}: {}{but}", access.try_out().err()?))).collect()
}

/// What is wrong with the files that are written and read.
pub(super) fn conflicts(config: &Config) -> Vec<Finding> {
    let mut findings = irregular(config);
    // Nothing is written by two, nor to what is read.
    let mut written = written_paths(config);
    written.sort();
    let names: Vec<_> = written.iter().map(|(path, who)| Names::of(config, path, who)).collect();
    for (i, (path, who)) in written.iter().enumerate() {
        if let Some(j) = (0..i).find(|&j| names[i].may_meet(&names[j])) {
            let (other, by) = &written[j];
            let message = match other == path {
                true => format!("{} is written by {by} and by {who}; choose two", path.display()),
                false => format!(
                    "{} may become a file of {by}, which writes {}; choose names that differ in more than a number, or two folders",
                    path.display(),
                    other.display()
                ),
            };
            findings.push(who.finding(config, &message));
        }
    }
    // An object that is written would be read.
    for (name, options) in &config.sources {
        let SourceOptions::ObjectStore(options) = options else { continue };
        let Ok(from) = options.access().address() else { continue };
        for (sink, options) in &config.sinks {
            let SinkOptions::ObjectStore(options) = options else { continue };
            let is_below = options.access().address().is_ok_and(|to| {
                (to.service(), to.bucket()) == (from.service(), from.bucket())
                    && to.folder().starts_with(from.folder())
            });
            if is_below {
                let message = format!(
                    "{} is written by [sinks.{sink}] and read by [sources.{name}]; choose a folder that is not below it",
                    options.url
                );
                findings.push(config.places.finding(&format!("sinks.{sink}"), "url", &message));
            }
        }
    }
    for (name, options) in &config.sources {
        let SourceOptions::File(options) = options else { continue };
        let patterns: Vec<_> = options.paths.iter().filter_map(|p| glob::Pattern::new(p).ok()).collect();
        let excluded: Vec<_> = options.exclude.iter().filter_map(|p| glob::Pattern::new(p).ok()).collect();
        for (path, who) in &written {
            if patterns.iter().any(|p| p.matches_path(path)) && !excluded.iter().any(|p| p.matches_path(path))
            {
                let message = format!(
                    "{} is written by {who} and read by [sources.{name}]; name it in `exclude`, or choose another",
                    path.display()
                );
                findings.push(who.finding(config, &message));
            }
        }
    }
    findings
}

/// Files to write that are something else already, such as a folder.
fn irregular(config: &Config) -> Vec<Finding> {
    let files = named(config).into_iter().filter(|(_, what, _)| *what == What::File);
    let irregular = files.filter(|(_, _, path)| fs::metadata(path).is_ok_and(|found| !found.is_file()));
    let told = irregular.map(|(who, _, path)| {
        let why = "this is no regular file; name one, or what is not there yet";
        who.finding(config, &format!("{who}: {} can't be written: {why}", path.display()))
    });
    told.collect()
}

/// The names that files of a path may have: characters, and what may be any. Those with a number, of files
/// that follow another one, come second.
struct Names(Vec<Vec<Piece>>);

#[derive(Clone, Copy, Debug)]
enum Piece {
    One(char),
    /// Any characters, or none, as far as each of them may be one.
    Any(fn(char) -> bool),
}

impl Names {
    fn of(config: &Config, path: &Path, who: &Who) -> Self {
        // Only what a sink writes is numbered, and has braces.
        let sink = who.section.strip_prefix("sinks.").and_then(|name| config.sinks.get(name));
        let is_sink = matches!(sink, Some(SinkOptions::File(_)));
        let path = straight(&absolute(path));
        let path = path.to_string_lossy();
        let start = path.rfind('/').map_or(0, |at| at + 1);
        let number_at = start + number_place(&path[start..]);
        let mut pieces = Vec::new();
        let mut in_braces = false;
        let mut number = 0;
        for (at, c) in path.char_indices() {
            if at <= number_at {
                number = pieces.len();
            }
            match c {
                '{' if is_sink => {
                    in_braces = true;
                    pieces.push(Piece::Any(|c| c != '/'));
                }
                '}' if in_braces => in_braces = false,
                _ if in_braces => {}
                c => pieces.push(Piece::One(c)),
            }
        }
        if number_at == path.len() {
            number = pieces.len();
        }
        let mut numbered = pieces.clone();
        numbered.splice(number..number, [Piece::One('.'), Piece::Any(|c| c.is_ascii_digit())]);
        Self(if is_sink { vec![pieces, numbered] } else { vec![pieces] })
    }

    /// Whether some name is one of both.
    fn may_meet(&self, other: &Self) -> bool {
        self.0.iter().any(|one| other.0.iter().any(|other| may_be_equal(one, other)))
    }
}

/// Whether some text is made of both.
fn may_be_equal(one: &[Piece], other: &[Piece]) -> bool {
    // The places in the other's pieces that a beginning of these pieces may come to.
    let reach = |mut places: Vec<bool>| {
        for (at, piece) in other.iter().enumerate() {
            places[at + 1] |= places[at] && matches!(piece, Piece::Any(_));
        }
        places
    };
    let mut places = vec![false; other.len() + 1];
    places[0] = true;
    places = reach(places);
    for piece in one {
        let mut next = vec![false; places.len()];
        for at in (0..places.len()).filter(|at| places[*at]) {
            match (piece, other.get(at)) {
                (Piece::One(a), Some(Piece::One(b))) => next[at + 1] |= a == b,
                (Piece::One(a), Some(Piece::Any(may_be))) => next[at] |= may_be(*a),
                (Piece::One(_), None) => {}
                (Piece::Any(may_be), _) => {
                    next[at] = true;
                    let taken = other[at..].iter().take_while(|piece| match piece {
                        Piece::One(b) => may_be(*b),
                        Piece::Any(_) => true,
                    });
                    next[at..][..=taken.count()].fill(true);
                }
            }
        }
        places = reach(next);
    }
    places.last() == Some(&true)
}

/// A path without steps that lead nowhere.
fn straight(path: &Path) -> PathBuf {
    let mut straight = PathBuf::new();
    for step in path.components() {
        match step {
            path::Component::ParentDir => _ = straight.pop(),
            path::Component::CurDir => {}
            step => straight.push(step),
        }
    }
    straight
}

/// The files that have one name each, and who writes them.
fn written_paths(config: &Config) -> Vec<(PathBuf, Who)> {
    let mut written = Vec::new();
    for (name, pipeline) in &config.pipelines {
        let who = |key| Who { section: format!("pipelines.{name}"), key };
        written.push((rejects_path(config, name, pipeline.rejects.as_deref()), who("rejects")));
        let path = dead_letters_path(config, name, pipeline.dead_letters.as_deref());
        written.push((path, who("dead_letters")));
    }
    for (name, options) in &config.sinks {
        let who = |key| Who { section: format!("sinks.{name}"), key };
        match options {
            SinkOptions::File(options) if !options.path.is_empty() => {
                written.push((options.path.clone().into(), who("path")));
            }
            SinkOptions::ObjectStore(options) => {
                let folder = options.access().local();
                let one = |folder: &str| PathBuf::from(format!("{folder}weir-{name}-0.jsonl"));
                written.extend(folder.map(|address| (one(address.folder()), who("url"))));
            }
            _ => {}
        }
    }
    written
}

/// Whether a file can be written, or made.
fn file(path: &Path) -> Result<(), String> {
    match fs::metadata(path) {
        // It was told as a fault of the configuration.
        Ok(found) if !found.is_file() => Ok(()),
        Ok(_) => may(path, Access::READ_OK | Access::WRITE_OK),
        Err(_) => folder(path.parent().unwrap_or(path)),
    }
}

/// Whether files can be made in a folder, or in one that can be made.
fn folder(path: &Path) -> Result<(), String> {
    // The first that is there is the one that counts.
    for here in path.ancestors() {
        match fs::metadata(here) {
            Ok(found) if found.is_dir() => return may(here, Access::WRITE_OK | Access::EXEC_OK),
            Ok(_) => return Err(format!("{} is no folder; choose another path", here.display())),
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
            Err(e) => return Err(format!("{}: {e}; check the permissions", here.display())),
        }
    }
    Ok(())
}

fn may(path: &Path, access_to: Access) -> Result<(), String> {
    access(path, access_to).map_err(|e| {
        format!(
            "{}: {}; let the user that runs the service write there, or choose another path",
            path.display(),
            io::Error::from(e)
        )
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn files_of_two_sinks_never_have_one_name() {
        for (one, other, meet) in [
            ("out/flows.ndjson", "out/flows.{hour}.ndjson", true),
            ("out/f.ndjson", "out/f.1.ndjson", true),
            ("out/f.ndjson", "./out/x/../f.ndjson", true),
            ("out/f", "out/f.7", true),
            ("out/{date}.ndjson", "out/{product}.ndjson", true),
            ("out/{provider}/a.zst", "out/aws/{hour}.zst", true),
            ("out/f.ndjson", "out/f-waf.ndjson", false),
            ("out/f.ndjson", "out/f.ndjson.gz", false),
            ("out/f.ndjson", "out/f.x.ndjson", false),
            ("out/f1.ndjson", "out/f.ndjson", false),
            ("out/{date}/a.ndjson", "out/b.ndjson", false),
            ("out/{date}/a.ndjson", "out/{date}/b.ndjson", false),
            ("a/{hour}.ndjson", "b/{hour}.ndjson", false),
        ] {
            for (a, b) in [(one, other), (other, one)] {
                let text = format!(
                    "[sources.in]\ntype = \"stdin\"\n[pipelines.p]\nsources = [\"in\"]\nsinks = [\"a\", \"b\"]\n\
                     [sinks.a]\ntype = \"file\"\npath = \"{a}\"\n[sinks.b]\ntype = \"file\"\npath = \"{b}\"\n"
                );
                let found = conflicts(&Config::read("weir.toml", &text).unwrap());
                assert_eq!(found.len(), usize::from(meet), "{a} {b}: {found:?}");
            }
        }
    }

    #[test]
    fn what_can_not_be_written_is_told_with_what_is_in_the_way() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        fs::write(root.join("file"), "").unwrap();
        fs::create_dir(root.join("folder")).unwrap();
        let config = |state: &str, sink: &str, more: &str| {
            let root = root.display();
            let text = format!(
                "state_dir = \"{root}/{state}\"\n[sources.in]\ntype = \"stdin\"\n\
                 [pipelines.p]\nsources = [\"in\"]\nsinks = [\"out\"]\n{more}\n\
                 [sinks.out]\ntype = \"file\"\npath = \"{root}/{sink}\"\n"
            );
            Config::read("weir.toml", &text).unwrap()
        };
        let rejects = format!("rejects = {:?}", root.join("folder"));
        for (state, sink, more, wanted) in [
            ("new/state", "new/{provider}/{hour}.ndjson", "", &[][..]),
            ("folder", "file", "", &[]),
            ("folder", "folder/a{hour}", "", &[]),
            // What is in it is not told again.
            ("file/state", "out", "", &["state_dir: ", "/file is no folder"]),
            ("folder", "file/deep/er/out", "", &["[sinks.out]: ", "/file is no folder"]),
            ("folder", "file/{date}", "", &["[sinks.out]: ", "/file is no folder"]),
            ("folder", "folder", "", &["[sinks.out]: ", "this is no regular file"]),
            ("folder", "out", &rejects, &["`rejects` of [pipelines.p]: ", "this is no regular file"]),
        ] {
            let config = config(state, sink, more);
            // What is no file is a fault also where nothing is tried to be written.
            let is_irregular = wanted.iter().any(|part| part.contains("no regular file"));
            let faults = if is_irregular { conflicts(&config) } else { unwritable(&config) };
            assert_eq!(is_irregular, !conflicts(&config).is_empty());
            assert_eq!(faults.len(), usize::from(!wanted.is_empty()), "{faults:?}");
            assert!(wanted.iter().all(|part| faults[0].to_string().contains(part)), "{faults:?}");
        }
        assert!(fs::read_dir(root.join("folder")).unwrap().next().is_none() && !root.join("new").exists());
        // Who may do anything finds nothing in the way.
        if !rustix::process::geteuid().is_root() {
            fs::set_permissions(root.join("folder"), fs::Permissions::from_mode(0o555)).unwrap();
            let faults = unwritable(&config("folder/state", "out", ""));
            assert!(
                faults.len() == 1 && faults[0].to_string().contains("let the user that runs the service"),
                "{faults:?}"
            );
        }
    }

    #[test]
    fn buffers_are_among_the_paths_also_where_nobody_asked_for_them() {
        let text = "state_dir = \"/s\"\n[sources.in]\ntype = \"http\"\nlisten = \"127.0.0.1:1\"\n\
                    [pipelines.p]\nsources = [\"in\"]\nsinks = [\"out\"]\n[sinks.out]\ntype = \"stdout\"\n";
        let found = paths(&Config::read("weir.toml", text).unwrap());
        let buffer = ("`buffer` of [sinks.out]".to_owned(), PathBuf::from("/s/buffers/out"));
        assert!(found.contains(&buffer), "{found:?}");
    }
}
