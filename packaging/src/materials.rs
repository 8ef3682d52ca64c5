//! The bill of materials, in CycloneDX 1.5.

use anyhow::Result;
use serde_json::{Value, json};

use crate::{Release, dependencies::Dependencies};

/// Which crates are inside, where each comes from, and which needs which.
pub(crate) fn bill(release: &Release, dependencies: &Dependencies) -> Result<Vec<u8>> {
    let reference = |name: &str, version: &str| format!("pkg:cargo/{name}@{version}");
    let program = "weir-host";
    let mut components = Vec::new();
    let mut needs = Vec::new();
    for ((name, version), found) in &dependencies.crates {
        let own = reference(name, version);
        let needed: Vec<_> = found.needs.iter().map(|(name, version)| reference(name, version)).collect();
        needs.push(json!({"ref": own, "dependsOn": needed}));
        if name == program {
            continue;
        }
        let mut component = json!({
            "type": "library",
            "bom-ref": own,
            "name": name,
            "version": version,
            "description": found.description.split_whitespace().collect::<Vec<_>>().join(" "),
            "scope": "required",
            "purl": own,
        });
        if !found.licence.is_empty() {
            component["licenses"] = json!([{"expression": found.licence}]);
        }
        if let Some(checksum) = &found.checksum {
            component["hashes"] = json!([{"alg": "SHA-256", "content": checksum}]);
        }
        components.push(component);
    }
    let about = reference(program, release.version);
    let bill: Value = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": about,
                "name": "weir",
                "version": release.version,
                "purl": about,
                "licenses": [{"expression": "Apache-2.0"}],
            },
            "properties": [{"name": "cdx:rustc:sbom:target:triple", "value": release.target}],
        },
        "components": components,
        "dependencies": needs,
    });
    let mut bytes = serde_json::to_vec_pretty(&bill)?;
    bytes.push(b'\n');
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use cyclonedx_bom::prelude::{Bom, Validate as _};

    use super::*;

    #[test]
    fn the_bill_is_valid_and_has_all_that_is_inside() {
        let release = Release::new("x86_64-unknown-linux-gnu");
        let dependencies = Dependencies::find(&release).expect("cargo");
        let bytes = bill(&release, &dependencies).expect("a bill");
        let read = Bom::parse_from_json_v1_5(&bytes[..]).expect("a bill that can be read");
        let checked = read.validate_version(cyclonedx_bom::models::bom::SpecVersion::V1_5);
        assert!(checked.passed(), "{checked:?}");
        let names: Vec<_> = read.components.expect("components").0;
        for name in ["weir-normalizer", "wasmtime", "zstd-sys", "serde_json", "talc"] {
            assert!(names.iter().any(|found| found.name.to_string() == name), "{name}");
        }
        // What only builds and tests.
        for name in ["xtask", "proptest", "syn", "cc"] {
            assert!(names.iter().all(|found| found.name.to_string() != name), "{name}");
        }
    }
}
