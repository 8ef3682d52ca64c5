//! The licences of what is inside a release, with their texts.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

use anyhow::{Context as _, Result, bail};

use crate::dependencies::Dependencies;

/// What is inside and comes from no crate.
const OTHERS: [(&str, &str); 2] = [
    ("Rust's standard library (MIT OR Apache-2.0)", "Copyright (c) The Rust Project Contributors"),
    ("musl, in the static binary (MIT)", "Copyright (c) 2005-2020 Rich Felker, et al."),
];

const RULE: &str = "================================================================================";

/// One text with every licence, the same one only once.
pub(crate) fn notice(dependencies: &Dependencies) -> Result<String> {
    let mut whose: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let others = dependencies.crates.iter().filter(|(_, found)| !found.own);
    for ((name, version), found) in others {
        let texts = texts(&found.folder, &found.licence)
            .with_context(|| format!("the licence of {name} {version}"))?;
        for text in texts {
            whose.entry(text).or_default().push(format!("{name} {version} ({})", found.licence));
        }
    }
    let mit = spdx::license_id("MIT").map_or("", |id| id.text());
    for (what, copyright) in OTHERS {
        let text = mit.replace("Copyright (c) <year> <copyright holders>", copyright);
        whose.entry(tidy(&text)).or_default().push(what.to_owned());
    }
    let mut notice = String::from(
        "Weir is built with the following, each under the licence whose text stands behind it.\n",
    );
    let mut groups: Vec<_> = whose.into_iter().map(|(text, names)| (names, text)).collect();
    groups.sort();
    for (names, text) in groups {
        write!(notice, "\n{RULE}\n\n{}\n\n{text}\n", names.join("\n"))?;
    }
    Ok(notice)
}

/// The texts that a crate brings, or else those of the licences that it names.
fn texts(folder: &Path, licence: &str) -> Result<Vec<String>> {
    let mut files: Vec<_> = fs::read_dir(folder)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_file() && is_licence(&path.file_name().unwrap_or_default().to_string_lossy()))
        .collect();
    files.sort();
    if !files.is_empty() {
        return files.iter().map(|path| Ok(tidy(&String::from_utf8_lossy(&fs::read(path)?)))).collect();
    }
    let expression = spdx::Expression::parse_mode(licence, spdx::ParseMode::LAX)
        .map_err(|error| anyhow::anyhow!("`{licence}`: {error}"))?;
    let texts: Vec<_> =
        expression.requirements().filter_map(|needed| Some(tidy(needed.req.license.id()?.text()))).collect();
    if texts.is_empty() {
        bail!("it brings no text, and names no licence that has one");
    }
    Ok(texts)
}

fn is_licence(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE"]
        .iter()
        .any(|start| name.starts_with(start))
}

/// Without differences that nobody sees.
fn tidy(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(str::trim_end).collect();
    lines.join("\n").trim_matches('\n').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_without_a_text_gets_that_of_its_licences() {
        let folder = std::env::temp_dir().join(format!("weir-licences-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder for the test");
        let named = texts(&folder, "MIT OR Apache-2.0").expect("known licences");
        assert_eq!(named.len(), 2);
        assert!(named.iter().any(|text| text.contains("Apache License")));
        texts(&folder, "").expect_err("no licence at all");
        fs::write(folder.join("LICENSE-MIT"), "Do as you like.  \r\n\n").expect("a file for the test");
        assert_eq!(texts(&folder, "MIT OR Apache-2.0").expect("its own"), ["Do as you like."]);
        fs::remove_dir_all(&folder).expect("the test's own folder");
    }
}
