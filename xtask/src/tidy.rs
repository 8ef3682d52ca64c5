//! The order of the normalizer's house, checked from its source: what a folder imports, that its files
//! form no circle, that the map names each file, and that no type has the name of another.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

/// Only this folder may import the fast paths.
const ONLY_ENGINE: (&str, &str) = ("fast", "engine");

/// Type names that stand in several files, each with why.
const SAME_NAMES: &[(&str, &str)] = &[];

/// A source file of the normalizer.
struct File {
    /// `reading/plan.rs`.
    path: String,
    /// Without its unit tests.
    text: String,
}

impl File {
    /// `reading/plan`, and `reading` of a `mod.rs`.
    fn module(&self) -> &str {
        let module = self.path.strip_suffix(".rs").unwrap_or(&self.path);
        module.strip_suffix("/mod").unwrap_or(module)
    }

    fn folder(&self) -> &str {
        self.path.split_once('/').map_or("", |(folder, _)| folder)
    }
}

/// Checks the checkout, and says what is wrong, a sentence each.
pub(crate) fn check(top: &Path) -> io::Result<Vec<String>> {
    let source = top.join("normalizer/src");
    let mut paths = Vec::new();
    list(&source, &mut paths)?;
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        let text = fs::read_to_string(&path)?;
        let path = path.strip_prefix(&source).unwrap_or(&path).to_string_lossy().replace('\\', "/");
        files.push(File { path, text: without_tests(&text).to_owned() });
    }
    Ok(problems(&files, &fs::read_to_string(top.join("ARCHITECTURE.md"))?))
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            list(&path, files)?;
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

fn without_tests(text: &str) -> &str {
    text.find("\n#[cfg(test)]\nmod tests").map_or(text, |at| &text[..at])
}

fn problems(files: &[File], map: &str) -> Vec<String> {
    let ranks = ranks(map);
    if ranks.is_empty() {
        return vec!["ARCHITECTURE.md: the table of the normalizer's folders is not there".into()];
    }
    let rank = |folder: &str| ranks.iter().position(|r| *r == folder);
    let mut problems = Vec::new();
    let mut edges: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for file in files.iter().filter(|f| !f.folder().is_empty()) {
        let (path, own) = (&file.path, file.folder());
        let Some(own_rank) = rank(own) else {
            problems.push(format!(
                "{path}: ARCHITECTURE.md's table has no folder {own}; give it its place there"
            ));
            continue;
        };
        for import in imports(&file.text, file.module()) {
            let folder = import.split('/').next().unwrap_or_default();
            match rank(folder) {
                Some(other) if other > own_rank => problems.push(format!(
                    "{path} imports {import}, but {own} stands before {folder}: move what both need to {own} or before it"
                )),
                Some(_) => {
                    if folder == ONLY_ENGINE.0 && own != ONLY_ENGINE.0 && own != ONLY_ENGINE.1 {
                        problems.push(format!("{path} imports {import}: only {} may", ONLY_ENGINE.1));
                    }
                    let is = |f: &&File| import == f.module() || import.starts_with(&format!("{}/", f.module()));
                    // The file itself, and not the folder that it is in.
                    let to = files.iter().filter(is).max_by_key(|f| f.module().len());
                    if let Some(to) = to.filter(|to| to.module() != file.module()) {
                        edges.entry(file.module()).or_default().insert(to.module());
                    }
                }
                None => problems.push(format!(
                    "{path} imports crate::{}: name the folder that it is in",
                    import.replace('/', "::")
                )),
            }
        }
    }
    problems.extend(circles(&edges));
    for file in files.iter().filter(|f| !f.path.ends_with("mod.rs") && f.folder() != "") {
        // A folder inside of a folder is named for its files.
        let inside: Vec<&str> = file.path.split('/').skip(1).collect();
        let name = if inside.len() > 1 { format!("{}/", inside[0]) } else { inside[0].to_owned() };
        if !map.contains(&format!("`{name}`")) {
            problems.push(format!("{}: ARCHITECTURE.md does not say what it is for", file.path));
        }
    }
    problems.extend(same_names(files));
    problems
}

/// The folders in the order of the map's table.
fn ranks(map: &str) -> Vec<&str> {
    let rows = map.lines().skip_while(|l| !l.starts_with("| `normalizer/src/`")).skip(2);
    let rows = rows.take_while(|l| l.starts_with('|'));
    rows.filter_map(|row| row.strip_prefix("| `")?.split_once("/`").map(|(folder, _)| folder)).collect()
}

/// The modules that a file names, as `reading/plan`, with what stands behind them.
fn imports(text: &str, module: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let code: String =
        text.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let parent = module.rsplit_once('/').map_or("", |(parent, _)| parent);
    for (root, base) in [("crate::", ""), ("super::", parent), ("self::", module)] {
        let mut rest = code.as_str();
        while let Some(at) = rest.find(root) {
            let before = rest[..at].chars().next_back();
            rest = &rest[at + root.len()..];
            // `$crate::` is another crate's too, and `a::super::` is no path's root.
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            expand(rest, base, &mut found);
        }
    }
    found
}

/// Takes the paths of a tree such as `a::{b::c, d}` apart.
fn expand(tree: &str, base: &str, found: &mut BTreeSet<String>) {
    let joined = |name: &str| if base.is_empty() { name.to_owned() } else { format!("{base}/{name}") };
    let tree = tree.trim_start();
    if let Some(inside) = tree.strip_prefix('{') {
        let (mut depth, mut start) = (0, 0);
        for (at, c) in inside.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth > 0 => depth -= 1,
                ',' | '}' if depth == 0 => {
                    if !inside[start..at].trim().is_empty() {
                        expand(&inside[start..at], base, found);
                    }
                    start = at + 1;
                    if c == '}' {
                        return;
                    }
                }
                _ => {}
            }
        }
        return;
    }
    let end = tree.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(tree.len());
    let (name, rest) = tree.split_at(end);
    match rest.strip_prefix("::") {
        Some(rest) if name != "self" => expand(rest, &joined(name), found),
        _ if name.is_empty() || name == "self" => {
            found.insert(base.to_owned());
        }
        _ => {
            found.insert(joined(name));
        }
    }
}

/// The circles among files, each once.
fn circles(edges: &BTreeMap<&str, BTreeSet<&str>>) -> Vec<String> {
    let reach = |from: &str| {
        let (mut seen, mut left) = (BTreeSet::new(), vec![from]);
        while let Some(at) = left.pop() {
            for &to in edges.get(at).into_iter().flatten() {
                if seen.insert(to) {
                    left.push(to);
                }
            }
        }
        seen
    };
    let mut told = BTreeSet::new();
    let mut problems = Vec::new();
    for &from in edges.keys() {
        let reached = reach(from);
        if reached.contains(from) && !told.contains(from) {
            let circle: Vec<&str> = reached.into_iter().filter(|&m| reach(m).contains(from)).collect();
            told.extend(circle.iter().copied());
            problems.push(format!(
                "these files import each other: {}; move what they share to a file of its own",
                circle.join(", ")
            ));
        }
    }
    problems
}

/// Types of the same name in several files.
fn same_names(files: &[File]) -> Vec<String> {
    let mut places: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for file in files {
        for line in file.text.lines() {
            let line = line.trim_start_matches("pub(crate) ").trim_start_matches("pub(super) ");
            let line = line.trim_start_matches("pub ");
            let kinds = ["struct ", "enum ", "trait ", "type "];
            let Some(rest) = kinds.iter().find_map(|kind| line.strip_prefix(kind)) else { continue };
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            places.entry(&rest[..end]).or_default().push(&file.path);
        }
    }
    let twice = places
        .iter()
        .filter(|(name, places)| places.len() > 1 && !SAME_NAMES.iter().any(|(known, _)| known == *name));
    twice
        .map(|(name, places)| {
            format!(
                "{name} is a type in {}: give each its own name, or say in `xtask/src/tidy.rs` why not",
                places.join(" and ")
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAP: &str = "\
| `normalizer/src/` | its job | files |
|---|---|---|
| `low/` | | `a.rs`, `b.rs` |
| `fast/` | | `f.rs` |
| `engine/` | | `e.rs` |

`mod.rs`
";

    fn told(files: &[(&str, &str)]) -> Vec<String> {
        let file = |(path, text): &(&str, &str)| File { path: (*path).into(), text: (*text).into() };
        problems(&files.iter().map(file).collect::<Vec<_>>(), MAP)
    }

    #[test]
    fn a_house_in_order_has_no_problems() {
        let files = [
            ("low/mod.rs", "mod a;\nmod b;"),
            ("low/a.rs", "/// See [`crate::engine::e`].\npub(crate) struct A;"),
            ("low/b.rs", "use crate::low::a::{self, A};\nuse super::a::A as _;"),
            ("fast/f.rs", "use crate::{\n    low::{a::A, b},\n};"),
            ("engine/e.rs", "use crate::{fast::f, low};\nstruct E;"),
        ];
        assert_eq!(told(&files), Vec::<String>::new());
    }

    #[test]
    fn what_is_not_in_order_is_told() {
        let cases: [(&[(&str, &str)], &str); 7] = [
            (
                &[("low/a.rs", "use crate::engine::e::E;")],
                "low/a.rs imports engine/e/E, but low stands before",
            ),
            (&[("low/a.rs", "fn f() { crate::fast::f::g() }")], "low stands before fast"),
            (&[("low/a.rs", "use crate::E;")], "name the folder"),
            (&[("other/a.rs", "")], "no folder other"),
            (
                &[("low/a.rs", "use super::b::B;"), ("low/b.rs", "use crate::low::{a};")],
                "import each other: low/a, low/b",
            ),
            (&[("low/c.rs", "")], "low/c.rs: ARCHITECTURE.md does not say"),
            (
                &[("low/a.rs", "struct S;"), ("fast/f.rs", "pub(crate) enum S {}")],
                "S is a type in low/a.rs and fast/f.rs",
            ),
        ];
        for (files, want) in cases {
            let told = told(files);
            assert!(told.iter().any(|t| t.contains(want)), "{want}: {told:?}");
        }
    }
}
