//! Folders are a store like any other.

#[path = "support/contract.rs"]
mod contract;

use std::{
    fs,
    io::{Read as _, Write as _},
    os::unix::fs::symlink,
};

use contract::{got, listed, put};
use weir_store::{Address, Kind, Options, Store};

fn store(folder: &std::path::Path) -> Store {
    let address = Address::parse(folder.to_str().unwrap()).unwrap().into_folder();
    Store::open(&address, &Options::default()).unwrap()
}

#[test]
fn a_folder_promises_what_every_store_does() {
    let folder = tempfile::tempdir().unwrap();
    contract::holds(&store(folder.path()));
    // A folder that is not there yet, too.
    contract::holds(&store(&folder.path().join("not/yet")));
}

#[test]
fn what_a_killed_writer_left_is_taken_over_and_never_seen() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let left = folder.path().join(".a.weir-unfinished");
    fs::write(&left, b"left by who was killed").unwrap();
    assert_eq!(listed(&store, "", None), [""; 0]);
    put(&store, "a", b"new");
    assert_eq!(got(&store, "a"), b"new");
    assert!(!left.exists());
    // One that is still written is left alone.
    let mut slow = store.write("a").unwrap();
    slow.write_all(b"slow").unwrap();
    put(&store, "a", b"fast");
    slow.finish().unwrap();
    assert_eq!(got(&store, "a"), b"slow");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn links_are_not_listed_and_folders_are_no_objects() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    put(&store, "a/b", b"b");
    symlink(folder.path().join("a"), folder.path().join("to-folder")).unwrap();
    symlink(folder.path().join("a/b"), folder.path().join("to-file")).unwrap();
    assert_eq!(listed(&store, "", None), ["a/b"]);
    assert_eq!(store.stat("a").unwrap(), None);
    for error in [store.read("a", ..).err().unwrap(), store.write("a").err().unwrap()] {
        assert!(error.to_string().ends_with("it is a folder, name a file in it"), "{error}");
    }
    // A file can't be a folder.
    let error = store.write("a/b/c").err().unwrap();
    assert!(error.to_string().contains("/a/b/c: can't write: "), "{error}");
    assert_eq!(store.stat("a/b/c").unwrap(), None);
}

#[test]
fn a_folder_that_is_not_there_has_nothing_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let gone = store(&folder.path().join("gone"));
    assert_eq!(gone.read("a", ..).err().unwrap().kind(), Kind::NotFound);
    let error = gone.list("", None).unwrap().next().unwrap().unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound);
    assert!(error.to_string().ends_with("check the path"), "{error}");
}

#[test]
fn keys_are_below_the_folder_of_an_address() {
    let folder = tempfile::tempdir().unwrap();
    put(&store(folder.path()), "x/y.log", b"y");
    let address = Address::parse(folder.path().join("x/y.log").to_str().unwrap()).unwrap();
    let store = Store::open(&address, &Options::default()).unwrap();
    assert_eq!(listed(&store, address.name(), None), ["y.log"]);
    let mut text = String::new();
    store.read(address.name(), ..).unwrap().read_to_string(&mut text).unwrap();
    assert_eq!((text.as_str(), store.name("y.log")), ("y", address.to_string()));
}
