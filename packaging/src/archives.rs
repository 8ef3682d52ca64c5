//! Tar archives that depend on nothing but what is in them: no owner, no time, one order.

use std::{collections::BTreeSet, io::Write as _, path::Path};

use anyhow::Result;
use flate2::{Compression, GzBuilder};

/// A file in an archive.
#[derive(Clone)]
pub(crate) struct Packed {
    /// Where, below the archive's top.
    pub(crate) path: String,
    pub(crate) mode: u32,
    pub(crate) bytes: Vec<u8>,
}

/// The time of every file, in seconds: the start of 2020. Zero is taken for a mistake by some.
pub(crate) const TIME: u64 = 1_577_836_800;

/// Gzip without a name and a time.
pub(crate) fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut out = GzBuilder::new().write(Vec::new(), Compression::best());
    out.write_all(bytes)?;
    Ok(out.finish()?)
}

/// A compressed tar archive of files below a folder, with the folders that they are in.
pub(crate) fn tar_gz(folder: &str, files: &[Packed]) -> Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut files: Vec<_> = files.iter().map(|file| (format!("{folder}/{}", file.path), file)).collect();
    files.sort_by(|(a, _), (b, _)| a.cmp(b));
    let folders: BTreeSet<String> = files
        .iter()
        .flat_map(|(path, _)| Path::new(path).ancestors().skip(1))
        .map(|path| path.to_string_lossy().into_owned())
        .filter(|path| !path.is_empty() && path != ".")
        .collect();
    for path in folders {
        let mut header = header(0o755, 0);
        header.set_entry_type(tar::EntryType::Directory);
        archive.append_data(&mut header, format!("{path}/"), &[][..])?;
    }
    for (path, file) in files {
        archive.append_data(&mut header(file.mode, file.bytes.len() as u64), path, &file.bytes[..])?;
    }
    gzip(&archive.into_inner()?)
}

fn header(mode: u32, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(TIME);
    header.set_uid(0);
    header.set_gid(0);
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_has_folders_before_files_and_is_the_same_in_any_order() {
        let file = |path: &str, mode| Packed { path: path.into(), mode, bytes: path.as_bytes().to_vec() };
        let files = [file("share/man/a.1", 0o644), file("bin/a", 0o755)];
        let packed = tar_gz("top", &files).expect("an archive");
        let [a, b] = files;
        assert!(packed == tar_gz("top", &[b, a]).expect("an archive"));
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(&packed[..]));
        let found: Vec<_> = archive
            .entries()
            .expect("entries")
            .map(|entry| {
                let entry = entry.expect("an entry");
                let path = entry.path().expect("a path").to_string_lossy().into_owned();
                (path, entry.header().mode().expect("a mode"))
            })
            .collect();
        let expected = [
            ("top/", 0o755),
            ("top/bin/", 0o755),
            ("top/share/", 0o755),
            ("top/share/man/", 0o755),
            ("top/bin/a", 0o755),
            ("top/share/man/a.1", 0o644),
        ];
        assert_eq!(found, expected.map(|(path, mode)| (path.to_owned(), mode)));
    }
}
