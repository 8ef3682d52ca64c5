//! The inputs of the corpus, with the choices that stand beside them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use weir_normalizer::{Config, Zone};

/// The choices that the corpus writes beside an input as arguments of the command.
pub(crate) fn config(input: &Path) -> Config {
    let mut name = input.as_os_str().to_owned();
    name.push(".args");
    let text = fs::read_to_string(PathBuf::from(name)).unwrap_or_default();
    let mut arguments = Vec::new();
    for (i, part) in text.trim_end().split('"').enumerate() {
        if i % 2 == 1 {
            arguments.push(part.to_owned());
        } else {
            arguments.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    let mut config = Config::default();
    let mut rest = arguments.into_iter();
    while let Some(argument) = rest.next() {
        let mut value = || Some(rest.next().unwrap());
        match argument.as_str() {
            "--from" => config.from = value(),
            "--layout" => config.layout = value(),
            "--separator" => config.separator = value(),
            "--missing" => config.missing = value(),
            "--quote" => config.quote = value(),
            "--where" => config.filter = value(),
            "--own" => config.own = value().into_iter().collect(),
            "--mask" => config.mask = value().unwrap().split(',').map(Into::into).collect(),
            "--drop" => config.drop = value().unwrap().split(',').map(Into::into).collect(),
            "--keep-envelope" => config.keep_envelope = true,
            "--keep-raw" => config.keep_raw = true,
            "--no-community-id" => config.no_community_id = true,
            "--timezone" => {
                // China has had no other offset since 1991.
                assert!(["+08:00", "Asia/Shanghai"].contains(&value().unwrap().as_str()));
                config.zone = Some(Zone { offset: 8 * 3600, changes: Vec::new() });
            }
            other => panic!("{input:?}: this test does not know {other}"),
        }
    }
    config
}

/// Every input of the corpus in a folder of each product: `ok` or `err`.
pub(crate) fn inputs(folder: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus");
    let mut inputs = Vec::new();
    for product in fs::read_dir(root).unwrap() {
        let Ok(files) = fs::read_dir(product.unwrap().path().join(folder)) else { continue };
        let is_input =
            |p: &PathBuf| p.extension().is_none_or(|e| e != "ndjson" && e != "rejects" && e != "args");
        inputs.extend(files.map(|f| f.unwrap().path()).filter(is_input));
    }
    inputs.sort();
    assert!(inputs.len() > 10, "no corpus");
    inputs
}
