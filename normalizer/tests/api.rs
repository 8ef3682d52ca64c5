//! What the crate offers to others, as a list that changes only on purpose.
//!
//! `public-api.txt` has each public item with its declaration, the methods of types, and the traits
//! that they have, as rustdoc shows them: macros are expanded and hidden items left out. A line that
//! goes or changes breaks somebody; a new one is a promise. `BLESS=1` rewrites the list.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The modules that say that they are not stable.
const NOT_STABLE: [&str; 2] = ["batch", "framing"];

/// Builds the documentation, and says where it is.
fn documentation() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["doc", "--locked", "--quiet", "--no-deps", "--package", env!("CARGO_PKG_NAME")])
        .arg("--target-dir")
        .arg(target)
        // As the linting of the documentation has it, which is not to be made anew.
        .env("RUSTDOCFLAGS", "--deny warnings")
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    assert!(cargo.status().unwrap().success(), "rustdoc names what is wrong above");
    target.join("doc/weir_normalizer")
}

/// The pages of all items, and of the modules that they are in, by their paths. There may be others
/// in the folder, of items that are gone.
fn pages(documentation: &Path) -> BTreeMap<String, String> {
    let read = |page: &str| fs::read_to_string(documentation.join(format!("{page}.html"))).unwrap();
    let all = read("all");
    let items = all.split("<a href=\"").filter_map(|rest| rest.split_once(".html\"")).map(|(item, _)| item);
    let items: Vec<_> = items.filter(|item| item.contains('.') && !item.contains("..")).collect();
    let mut pages: BTreeMap<_, _> = items.iter().map(|item| ((*item).to_owned(), read(item))).collect();
    for item in items {
        let index = item.rsplit_once('/').map_or("index".to_owned(), |(folder, _)| format!("{folder}/index"));
        pages.entry(index).or_insert_with_key(|index| read(index));
    }
    pages
}

/// What stands between each of two marks.
fn between<'h>(html: &'h str, start: &'h str, end: &'h str) -> impl Iterator<Item = &'h str> {
    html.split(start).skip(1).map(move |rest| rest.split(end).next().unwrap())
}

/// HTML as one line of text.
fn text(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some((before, tag)) = rest.split_once('<') {
        text.push_str(before);
        // A summary is for who opens what is folded.
        let (tag, after) = match tag.starts_with("summary") {
            true => tag.split_once("</summary>").unwrap(),
            false => tag.split_once('>').unwrap(),
        };
        if tag.starts_with("br") || tag.starts_with("div") {
            text.push(' ');
        }
        rest = after;
    }
    text.push_str(rest);
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'");
    let text = text.replace("&nbsp;", " ").replace('\u{a0}', " ").replace("&amp;", "&");
    // The sign of a note is none of the declaration.
    let text = text.replace('\u{24d8}', "").replace("]pub", "] pub");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What an item's page says, a line each.
fn lines(html: &str) -> Vec<String> {
    let mut lines: Vec<_> =
        between(html, "<pre class=\"rust item-decl\"><code>", "</code></pre>").map(text).collect();
    // First what the type has itself, then the traits that somebody wrote or derived for it.
    let (own, traits) = html.split_once("id=\"trait-implementations-list\"").unwrap_or((html, ""));
    let traits = traits.split("id=\"synthetic-implementations\"").next().unwrap();
    let own = own.split("id=\"deref-methods-").next().unwrap();
    let mut more: Vec<_> = between(own, "<h4 class=\"code-header\">", "</h4>").map(text).collect();
    let is_said = |text: &String| !text.contains("StructuralPartialEq");
    more.extend(between(traits, "<h3 class=\"code-header\">", "</h3>").map(text).filter(is_said));
    more.sort();
    lines.extend(more);
    lines
}

fn list(documentation: &Path) -> String {
    let mut list = String::new();
    for (page, html) in &pages(documentation) {
        let (folder, name) = page.rsplit_once('/').map_or(("", page.as_str()), |(f, n)| (f, n));
        if NOT_STABLE.contains(&folder) {
            continue;
        }
        let lines = match name.split_once('.') {
            // Its value is no promise.
            Some(("constant", _)) => {
                lines(html).iter().map(|line| line.split(" = ").next().unwrap().to_owned()).collect()
            }
            Some(_) => lines(html),
            // A module, and what it has from elsewhere.
            None if name == "index" => between(html, "<code>pub use ", "</code>")
                .map(|import| format!("pub use {}", text(import)))
                .collect(),
            None => continue,
        };
        let path = folder.replace('/', "::");
        let name = name.split_once('.').map_or("", |(_, name)| name);
        let path = [path.as_str(), name].into_iter().filter(|p| !p.is_empty()).collect::<Vec<_>>().join("::");
        if !lines.is_empty() {
            list.push_str(&format!("{}\n", if path.is_empty() { "weir_normalizer" } else { &path }));
            lines.iter().for_each(|line| list.push_str(&format!("    {line}\n")));
        }
    }
    list
}

#[test]
fn the_public_items_are_those_that_are_listed() {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/public-api.txt");
    let list = list(&documentation());
    assert!(list.lines().count() > 300 && list.contains("pub fn src_ip(&self) -> Option<IpAddr>"), "{list}");
    if env::var_os("BLESS").is_some() {
        return fs::write(kept, list).unwrap();
    }
    let want = fs::read_to_string(kept).unwrap_or_default();
    let (gone, new): (Vec<_>, Vec<_>) = (
        want.lines().filter(|line| !list.lines().any(|l| l == *line)).collect(),
        list.lines().filter(|line| !want.lines().any(|l| l == *line)).collect(),
    );
    assert!(
        list == want,
        "the public items are others: a version is to be chosen by that, and the changelog to say it; \
         BLESS=1 keeps the list\ngone:\n{}\nnew:\n{}",
        gone.join("\n"),
        new.join("\n")
    );
}
