//! Puts the host's binary where programs are looked for.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

/// Where `cargo install` puts programs. Source: "The Cargo Book", `cargo install`.
pub(crate) fn folder() -> Option<PathBuf> {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = || set("HOME").or_else(|| set("USERPROFILE")).map(|home| home.join(".cargo"));
    set("CARGO_INSTALL_ROOT").or_else(|| set("CARGO_HOME")).or_else(home).map(|root| root.join("bin"))
}

/// Copies a program into a folder; what is there under its name goes on running.
pub(crate) fn place(program: &Path, folder: &Path) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let target = folder.join(program.file_name().unwrap_or_default());
    let part = target.with_extension("part");
    // A copy has the program's permissions.
    let placed = fs::copy(program, &part).and_then(|_| fs::rename(&part, &target));
    if placed.is_err() {
        // It may not be there at all.
        let _ = fs::remove_file(&part);
    }
    placed.map(|()| target)
}

/// Whether programs in a folder are found by their name.
pub(crate) fn is_on_path(folder: &Path) -> bool {
    env::var_os("PATH").is_some_and(|path| env::split_paths(&path).any(|p| p == folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_placed_whole_and_replaces_the_one_before() {
        let top = env::temp_dir().join(format!("weir-xtask-place-{}", std::process::id()));
        let (program, folder) = (top.join("weir"), top.join("new").join("bin"));
        fs::create_dir_all(&top).expect("a folder for the test");
        for content in ["one", "two"] {
            fs::write(&program, content).expect("a program");
            let placed = place(&program, &folder).expect("a folder that can be made");
            assert_eq!(placed, folder.join("weir"));
            assert_eq!(fs::read_to_string(&placed).expect("the program"), content);
            assert_eq!(fs::read_dir(&folder).expect("the folder").count(), 1, "nothing else is left");
        }
        place(&top.join("none"), &folder).expect_err("no such program");
        assert_eq!(fs::read_dir(&folder).expect("the folder").count(), 1, "nothing else is left");
        fs::remove_dir_all(&top).expect("the test's own folder");
    }
}
