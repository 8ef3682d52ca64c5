//! A Debian package. Source: deb(5), deb-control(5).

use std::fmt::Write as _;

use anyhow::{Result, bail};

use crate::{
    Release,
    archives::{self, Packed, TIME},
    contents::Contents,
};

/// What Debian calls the processors of a target.
pub(crate) fn architecture(target: &str) -> Result<&'static str> {
    Ok(match target.split('-').next() {
        Some("x86_64") => "amd64",
        Some("aarch64") => "arm64",
        _ => bail!("{target}: Debian's name of its processors is not known here; add it"),
    })
}

/// The package as a whole.
pub(crate) fn package(release: &Release, contents: &Contents) -> Result<Vec<u8>> {
    let mut files = contents.for_debian()?;
    files.push(Packed {
        path: "usr/share/doc/weir/copyright".into(),
        mode: 0o644,
        bytes: copyright(contents),
    });
    let size: usize = files.iter().map(|file| file.bytes.len().div_ceil(1024)).sum();
    let control = control(release, size)?;
    let control = Packed { path: "control".into(), mode: 0o644, bytes: control.into_bytes() };
    let mut archive = ar::Builder::new(Vec::new());
    for (name, bytes) in [
        ("debian-binary", b"2.0\n".to_vec()),
        ("control.tar.gz", archives::tar_gz(".", &[control])?),
        ("data.tar.gz", archives::tar_gz(".", &files)?),
    ] {
        let mut header = ar::Header::new(name.into(), bytes.len() as u64);
        header.set_mode(0o100_644);
        header.set_mtime(TIME);
        archive.append(&header, &bytes[..])?;
    }
    Ok(archive.into_inner()?)
}

/// The binary is static or needs the libc of the machine that it was built on: a package of the
/// latter kind is only made to try packing.
fn control(release: &Release, kilobytes: usize) -> Result<String> {
    let mut control = String::new();
    for (field, value) in [
        ("Package", "weir"),
        ("Version", &format!("{}-1", release.version)),
        ("Architecture", architecture(&release.target)?),
        ("Maintainer", "The Weir project <weir@localhost>"),
        ("Installed-Size", &kilobytes.to_string()),
        ("Section", "admin"),
        ("Priority", "optional"),
        ("Description", "normalizes flow logs of clouds in a sandbox"),
    ] {
        writeln!(control, "{field}: {value}")?;
    }
    control.push_str(
        " Reads the network flow logs of Huawei Cloud, Alibaba Cloud, Baidu AI Cloud and AWS, and\n \
         writes one schema: flat records, OCSF, ECS or OTLP. The parser runs in a sandbox.\n",
    );
    Ok(control)
}

/// All licences in one file, where Debian's tools look for it.
fn copyright(contents: &Contents) -> Vec<u8> {
    let [(_, own), (_, others)] = &contents.licences;
    [&own[..], b"\n\n", others].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_control_file_has_what_every_package_needs() {
        let release = Release::new("aarch64-unknown-linux-musl");
        let control = control(&release, 12).expect("a control file");
        for field in ["Package: weir\n", "Architecture: arm64\n", "Installed-Size: 12\n", "Version: "] {
            assert!(control.contains(field), "{control}");
        }
        // The long description's lines are indented by one blank.
        assert!(control.lines().rev().take(2).all(|line| line.starts_with(' ')), "{control}");
        architecture("riscv64gc-unknown-linux-gnu").expect_err("not known");
    }
}
