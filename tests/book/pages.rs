//! The pages of the book.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The top of the checkout.
pub(crate) fn top() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().find(|folder| folder.join("ARCHITECTURE.md").exists()).unwrap().to_owned()
}

/// The folder of the pages.
pub(crate) fn source() -> PathBuf {
    top().join("book/src")
}

/// The paths of the pages below that folder, sorted.
pub(crate) fn names() -> Vec<String> {
    let (mut names, mut folders) = (Vec::new(), vec![source()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "md") {
                names.push(path.strip_prefix(source()).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    names.sort();
    names
}
