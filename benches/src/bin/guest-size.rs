//! What the bytes of a guest are spent on, from a build that still has the names of functions.
//!
//! A function counts for the first of the normalizer's modules in its name, wherever that stands,
//! so that `Vec<filter::Node>::push` is the filter's; else for the first crate that is known. What the
//! compiler put inline counts for the function it went into.

use std::{collections::BTreeMap, fs, path::PathBuf, process::ExitCode};

use clap::Parser;
use wasmparser::{KnownCustom, Name, Payload};

/// Tell what the bytes of a guest are spent on
#[derive(Debug, Parser)]
#[command(name = "cargo xtask size")]
struct Args {
    /// The guest with the names of its functions
    #[arg(value_name = "FILE.wasm")]
    named: PathBuf,

    /// The guest as it is shipped
    #[arg(value_name = "FILE.wasm")]
    shipped: PathBuf,

    /// List so many functions too, the largest first
    #[arg(long, value_name = "N", default_value = "0")]
    functions: usize,
}

/// A part of the guest: what people call it, and the modules and crates whose functions are its.
struct Part {
    what: &'static str,
    modules: &'static [&'static str],
    crates: &'static [&'static str],
}

const PARTS: &[Part] = &[
    Part { what: "framing and envelopes", modules: &["framing", "catalog::envelopes", "wire"], crates: &[] },
    Part {
        what: "records in base64 and gzip",
        modules: &["engine::encoded"],
        crates: &["miniz_oxide", "adler2"],
    },
    Part { what: "JSON", modules: &["json"], crates: &[] },
    Part {
        what: "layouts, header rows and CSV",
        modules: &["framing::layout", "framing::columns", "engine::own_lines", "engine::named_lines"],
        crates: &["csv_core"],
    },
    Part {
        what: "products and detection",
        modules: &["catalog", "reading::plan", "reading::planner", "engine"],
        crates: &[],
    },
    Part { what: "fast paths", modules: &["fast"], crates: &[] },
    Part {
        what: "values: numbers, times, addresses, words",
        modules: &["value", "reading", "record", "bytes"],
        crates: &[],
    },
    Part { what: "rejects", modules: &["record::fault", "base", "bytes::nearest"], crates: &[] },
    Part { what: "explanations", modules: &["engine::explain", "engine::observer"], crates: &[] },
    Part {
        what: "filters and lists of networks",
        modules: &["rules", "value::networks"],
        crates: &["regex_lite", "ipnet"],
    },
    Part { what: "redaction", modules: &["rules::redaction", "rules::spellings"], crates: &[] },
    Part { what: "OCSF", modules: &["schemas::ocsf"], crates: &[] },
    Part { what: "ECS", modules: &["schemas::ecs"], crates: &[] },
    Part { what: "OTLP", modules: &["schemas::otel"], crates: &[] },
    Part {
        what: "what these schemas share",
        modules: &["schemas", "record::schema", "catalog::meaning", "catalog::meanings"],
        crates: &[],
    },
    Part { what: "Community ID", modules: &["value::community_id"], crates: &["base64"] },
    Part {
        what: "configuration",
        modules: &["rules::config"],
        crates: &["serde_json", "serde", "serde_core"],
    },
    Part { what: "grammars' combinators", modules: &[], crates: &["nom"] },
    Part { what: "the ABI", modules: &[], crates: &["weir_batch"] },
    Part { what: "search for bytes", modules: &[], crates: &["memchr"] },
];

/// Rust's own library and what it brings.
const LIBRARY: &[&str] = &["core", "alloc", "std", "dlmalloc", "compiler_builtins", "hashbrown"];
/// Its parts, each with what is in the names of its functions; the last takes what is left.
const LIBRARY_PARTS: &[(&str, &[&str])] = &[
    ("the library's sorting", &["::sort::"]),
    ("the library's numbers as text, and texts as numbers", &["::num::", "f64", "flt2dec", "dec2flt"]),
    ("the library's formatting and panics", &["fmt", "panic"]),
    ("the library's memory", &["dlmalloc", "::raw_vec", "alloc::vec", "realloc", "mem", "drop_in_place"]),
    ("the library's rest", &[""]),
];

const OTHER: &str = "functions of other names";
const DATA: &str = "tables and texts";
const REST: &str = "what WebAssembly needs around them";

fn main() -> ExitCode {
    let args = Args::parse();
    let read = |path: &PathBuf| fs::read(path).map_err(|error| format!("{}: {error}", path.display()));
    let made = read(&args.named).and_then(|named| Ok((named, read(&args.shipped)?)));
    let told = made.and_then(|(named, shipped)| tell(&named, shipped.len(), args.functions));
    match told {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("weir: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn tell(named: &[u8], shipped: usize, functions: usize) -> Result<String, String> {
    let module = Module::read(named).map_err(|error| error.to_string())?;
    let mut parts: BTreeMap<String, usize> = BTreeMap::new();
    for (name, size) in &module.functions {
        *parts.entry(part(name)).or_default() += size;
    }
    parts.insert(DATA.to_owned(), module.data);
    let known: usize = parts.values().sum();
    // Both are the same guest, but for the names.
    parts.insert(
        REST.to_owned(),
        shipped.checked_sub(known).ok_or("the guest that is shipped is another one")?,
    );

    let mut sorted: Vec<_> = parts.into_iter().filter(|(_, size)| *size > 0).collect();
    sorted.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
    let mut text = "| part of the guest | bytes | share |\n|---|--:|--:|\n".to_owned();
    for (what, size) in sorted.into_iter().chain([("all".to_owned(), shipped)]) {
        text += &format!("| {what} | {size} | {:.1} % |\n", size as f64 * 100.0 / shipped as f64);
    }
    let mut largest: Vec<_> = module.functions.iter().collect();
    largest.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
    for (name, size) in largest.into_iter().take(functions) {
        text += &format!("{size:>8}  {name}  ({})\n", part(name));
    }
    Ok(text)
}

/// What counts.
struct Module {
    /// Names, and how many bytes their code is.
    functions: Vec<(String, usize)>,
    data: usize,
}

impl Module {
    fn read(wasm: &[u8]) -> wasmparser::Result<Self> {
        let (mut imported, mut bodies, mut names) = (0, Vec::new(), BTreeMap::new());
        let mut data = 0;
        for payload in wasmparser::Parser::new(0).parse_all(wasm) {
            match payload? {
                Payload::ImportSection(section) => imported = section.count(),
                Payload::CodeSectionEntry(body) => bodies.push(body.range().len()),
                Payload::DataSection(section) => data = section.range().len(),
                Payload::CustomSection(section) => {
                    let KnownCustom::Name(section) = section.as_known() else { continue };
                    for subsection in section {
                        let Name::Function(map) = subsection? else { continue };
                        for naming in map {
                            let naming = naming?;
                            names
                                .insert(naming.index, format!("{:#}", rustc_demangle::demangle(naming.name)));
                        }
                    }
                }
                _ => {}
            }
        }
        let name = |i: usize| names.remove(&(imported + i as u32)).unwrap_or_default();
        let functions = (0..bodies.len()).map(name);
        let functions = functions.collect::<Vec<_>>().into_iter().zip(bodies).collect();
        Ok(Self { functions, data })
    }
}

/// The part that a function of this name is of. A module that no part has is one by itself.
fn part(name: &str) -> String {
    if let Some((_, path)) = name.split_once("weir_normalizer::") {
        // `schemas::ocsf` counts before `schemas`.
        let fits = |p: &&Part| p.modules.iter().filter(|m| begins_with(path, m)).map(|m| m.len()).max();
        let of = PARTS.iter().filter(|p| fits(p).is_some()).max_by_key(fits);
        let module = || path.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
        return of.map_or_else(|| format!("the module `{}`", module()), |part| part.what.to_owned());
    }
    part_of_crates(name).to_owned()
}

fn part_of_crates(name: &str) -> &'static str {
    // Every word that a path may begin with, in their order.
    let mut words = name.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|w| !w.is_empty());
    // Rust's own library has generics of everything, so another crate in the name goes first.
    if let Some(part) = words.clone().find_map(|word| PARTS.iter().find(|p| p.crates.contains(&word))) {
        return part.what;
    }
    if name.starts_with("weir_") {
        return "the ABI";
    }
    // Methods of `str` and the like, and the C library's names.
    let bare = ["<", "mem", "_", "rust_"].iter().any(|begin| name.starts_with(begin));
    if !bare && !words.any(|word| LIBRARY.contains(&word)) {
        return OTHER;
    }
    let is_of = |part: &&(&str, &[&str])| part.1.iter().any(|of| name.contains(of));
    LIBRARY_PARTS.iter().find(is_of).map_or(OTHER, |part| part.0)
}

/// Whether a path begins with this one, at the end of a word.
fn begins_with(path: &str, module: &str) -> bool {
    path.strip_prefix(module).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_count_for_the_module_in_their_name() {
        for (name, what) in [
            ("weir_normalizer::schemas::ocsf::encode", "OCSF"),
            ("weir_normalizer::schemas::Values::next", "what these schemas share"),
            ("weir_normalizer::record::schema::flat", "what these schemas share"),
            (
                "<alloc::vec::Vec<weir_normalizer::rules::filter::Node>>::push",
                "filters and lists of networks",
            ),
            ("<weir_normalizer::engine::normalizer::Normalizer>::run", "products and detection"),
            ("<weir_normalizer::engine::named_lines::NamedLines>::new", "layouts, header rows and CSV"),
            ("<nom::bytes::Tag as nom::Parser<&str>>::parse", "grammars' combinators"),
            ("core::ptr::drop_in_place::<serde_json::error::Error>", "configuration"),
            ("<core::net::IpAddr as core::str::FromStr>::from_str", "the library's rest"),
            ("core::slice::sort::stable::quicksort::quicksort", "the library's sorting"),
            ("weir_run", "the ABI"),
            ("<weir_normalizer::novelty::Thing>::new", "the module `novelty`"),
            ("memcpy", "the library's memory"),
            ("something", OTHER),
        ] {
            assert_eq!(part(name), what, "{name}");
        }
    }

    #[test]
    fn parts_have_modules_that_there_are() {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../normalizer/src");
        for module in PARTS.iter().flat_map(|part| part.modules) {
            let path = format!("{source}/{}", module.replace("::", "/"));
            let there = [format!("{path}.rs"), format!("{path}/mod.rs")];
            assert!(there.iter().any(|file| fs::exists(file).unwrap()), "{module}");
        }
    }
}
