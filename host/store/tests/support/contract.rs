//! What every store promises.

use std::io::{Read as _, Write as _};

use weir_store::{Kind, Object, Store};

/// Bytes that say where they are.
pub(crate) fn bytes(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        bytes.extend((state >> 24).to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

pub(crate) fn put(store: &Store, key: &str, bytes: &[u8]) {
    let mut writer = store.write(key).unwrap();
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap();
}

pub(crate) fn got(store: &Store, key: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    store.read(key, ..).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

pub(crate) fn listed(store: &Store, prefix: &str, after: Option<&str>) -> Vec<String> {
    store.list(prefix, after).unwrap().map(|object| object.unwrap().key).collect()
}

/// All of it, in a folder where nothing is.
pub(crate) fn holds(store: &Store) {
    keys(store);
    ranges(store);
    unfinished(store);
    missing(store);
    replaced(store);
}

/// In the order of their bytes.
const KEYS: [&str; 12] = [
    "k/a b.gz",
    "k/a+b%20c&d=e?f#g.gz",
    "k/a-b",
    "k/a.b",
    "k/a/.hidden",
    "k/a/b",
    "k/a/b.c/d",
    "k/a0",
    "k/provider=huawei/date=2026-01-31/part-0.parquet",
    "k/~",
    "k/\u{e9}",
    "k/\u{65e5}\u{5fd7}/1.gz",
];

fn keys(store: &Store) {
    for key in KEYS.iter().rev() {
        put(store, key, key.as_bytes());
    }
    assert_eq!(listed(store, "", None), KEYS);
    assert_eq!(listed(store, "k/", None), KEYS);
    for key in KEYS {
        assert_eq!(got(store, key), key.as_bytes(), "{key}");
        let object = store.stat(key).unwrap().unwrap();
        assert_eq!((object.key.as_str(), object.size), (key, key.len() as u64));
        assert!(object.etag.is_some() && object.modified.is_some(), "{object:?}");
    }
    for object in store.list("", None).unwrap() {
        let object = object.unwrap();
        assert_eq!(object.size, object.key.len() as u64);
        assert_eq!(object.etag, store.stat(&object.key).unwrap().unwrap().etag, "{}", object.key);
        assert!(object.modified.is_some(), "{object:?}");
    }
    // A prefix is a text and no folder; what is behind a key need not be there.
    for prefix in
        ["", "k", "k/a", "k/a/", "k/a/b", "k/a/b.", "k/a/b.c/", "k/p", "k/z", "kk", "../", "./", "k//"]
    {
        for after in [None, Some("k/"), Some("k/a"), Some("k/a/"), Some("k/a/b"), Some("k/a/zz"), Some("k/b")]
        {
            let is_meant = |key: &&str| key.starts_with(prefix) && after.is_none_or(|after| **key > *after);
            let expected: Vec<_> = KEYS.into_iter().filter(|key| is_meant(key)).collect();
            assert_eq!(listed(store, prefix, after), expected, "{prefix:?} behind {after:?}");
        }
    }
    for key in KEYS {
        store.delete(key).unwrap();
        assert_eq!(store.stat(key).unwrap(), None);
    }
    store.delete("k/a-b").unwrap();
    assert_eq!(listed(store, "", None), [""; 0]);
}

fn ranges(store: &Store) {
    // More than one part of an upload.
    let all = bytes(17 << 20, 7);
    let mut writer = store.write("r/big").unwrap();
    for piece in all.chunks(1_000_003) {
        writer.write_all(piece).unwrap();
    }
    writer.finish().unwrap();
    put(store, "r/empty", b"");
    assert!(got(store, "r/big") == all);
    assert_eq!(got(store, "r/empty"), b"");
    assert_eq!(store.stat("r/empty").unwrap().unwrap().size, 0);
    let len = all.len() as u64;
    for (start, end) in
        [(0, 0), (0, 1), (1, 1000), (len - 5, len), (len - 5, len + 100), (len, len + 1), (8 << 20, 9 << 20)]
    {
        let mut part = Vec::new();
        store.read("r/big", start..end).unwrap().read_to_end(&mut part).unwrap();
        let expected = &all[start as usize..end.min(len) as usize];
        assert!(part == expected, "{start}..{end}: {} bytes and not {}", part.len(), expected.len());
    }
    let mut rest = Vec::new();
    store.read("r/big", len - 10..).unwrap().read_to_end(&mut rest).unwrap();
    assert_eq!(rest, all[all.len() - 10..]);
    // Nobody has to read to the end.
    drop(store.read("r/big", ..).unwrap());
    store.delete("r/big").unwrap();
    store.delete("r/empty").unwrap();
}

fn unfinished(store: &Store) {
    for len in [10, 9 << 20] {
        put(store, "u/a", b"before");
        let mut writer = store.write("u/a").unwrap();
        writer.write_all(&bytes(len, 1)).unwrap();
        assert_eq!(got(store, "u/a"), b"before");
        assert_eq!(listed(store, "", None), ["u/a"]);
        drop(writer);
        assert_eq!(got(store, "u/a"), b"before");
        // Two at a time don't mix.
        let (mut one, mut two) = (store.write("u/a").unwrap(), store.write("u/a").unwrap());
        one.write_all(&bytes(len, 2)).unwrap();
        two.write_all(&bytes(len, 3)).unwrap();
        one.finish().unwrap();
        assert!(got(store, "u/a") == bytes(len, 2));
        two.finish().unwrap();
        assert!(got(store, "u/a") == bytes(len, 3));
        drop(store.write("u/b").unwrap());
        assert_eq!(listed(store, "", None), ["u/a"]);
    }
    store.delete("u/a").unwrap();
}

fn missing(store: &Store) {
    let error = store.read("m/no", ..).err().unwrap();
    assert_eq!(error.kind(), Kind::NotFound, "{error}");
    assert!(error.to_string().starts_with(&format!("{}: can't read: ", store.name("m/no"))), "{error}");
    assert!(error.to_string().contains("check the"), "{error}");
    assert_eq!(store.read("m/no", 0..0).err().unwrap().kind(), Kind::NotFound);
    for key in ["", "m/", "/m", "../m", "m/./n"] {
        // Others may have written a key that begins with a slash.
        if key != "/m" {
            assert_eq!(store.read(key, ..).err().unwrap().kind(), Kind::Usage, "{key}");
            assert_eq!(store.stat(key).unwrap_err().kind(), Kind::Usage, "{key}");
        }
        assert_eq!(store.write(key).err().unwrap().kind(), Kind::Usage, "{key}");
        assert_eq!(store.delete(key).unwrap_err().kind(), Kind::Usage, "{key}");
    }
}

fn replaced(store: &Store) {
    put(store, "c/a", b"one");
    let object: Object = store.list("c/", None).unwrap().next().unwrap().unwrap();
    let mut text = String::new();
    let mut reader = store.read_listed(&object, 1..).unwrap();
    assert_eq!(reader.etag(), object.etag.as_deref());
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(text, "ne");
    put(store, "c/a", b"two");
    let error = store.read_listed(&object, ..).err().unwrap();
    assert_eq!(error.kind(), Kind::Changed, "{error}");
    assert!(error.to_string().contains("replaced meanwhile; read it again"), "{error}");
    store.delete("c/a").unwrap();
}
