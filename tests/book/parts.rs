//! What stands between `<!-- part: NAME ARGUMENT -->` and `<!-- /part -->`.

use std::{
    collections::BTreeMap,
    fs,
    process::{Command, Stdio},
};

use weir_normalizer::{
    products::{self, Product},
    record::Field,
    schemas::{self, Schema},
};

use super::{configuration, top};

const BEGIN: &str = "<!-- part: ";
const END: &str = "<!-- /part -->";

/// The page with its parts made anew, and how many there are.
pub(crate) fn renew(text: &str) -> Result<(String, usize), String> {
    let (mut fresh, mut rest, mut parts) = (String::new(), text, 0);
    while let Some(at) = rest.find(BEGIN) {
        let (before, part) = rest.split_at(at);
        let (what, behind) = part[BEGIN.len()..].split_once(" -->\n").ok_or("a part has no `-->`")?;
        let end = behind.find(END).ok_or_else(|| format!("the part {what} has no {END}"))?;
        fresh.push_str(&format!("{before}{BEGIN}{what} -->\n\n{}\n{END}", make(what)?));
        rest = &behind[end + END.len()..];
        parts += 1;
    }
    Ok((fresh + rest, parts))
}

fn make(what: &str) -> Result<String, String> {
    let (name, argument) = what.split_once(' ').unwrap_or((what, ""));
    let product = || products::by_id(argument).ok_or_else(|| format!("there is no product {argument}"));
    Ok(match name {
        "products" => all_products(),
        "sample" => sample(product()?),
        "product" => keys(product()?),
        "places" => places(product()?),
        "fields" => fields(),
        "schema" => weir(&["schema", "--to", argument]),
        "ddl" => format!("```sql\n{}```\n", weir(&["schema", "--to", "parquet", "--ddl", argument])),
        "help" => format!("```text\n{}```\n", weir(&[argument, "--help"])),
        "environment" => environment(),
        "metrics" => metrics(),
        "configuration" => configuration::section(argument)?,
        _ => return Err(format!("nothing makes the part {name}")),
    })
}

/// What `weir` prints.
fn weir(args: &[&str]) -> String {
    let mut weir = Command::new(env!("CARGO_BIN_EXE_weir"));
    // As wide as where nobody says how wide, and without anybody's own defaults.
    weir.args(args).current_dir(top()).stdin(Stdio::null()).env_remove("COLUMNS");
    for name in environment_names() {
        weir.env_remove(name);
    }
    let output = weir.output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    // Pages end no line with a blank.
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn all_products() -> String {
    let mut text = String::from("| product | records | kind |\n|---|---|---|\n");
    for product in products::all() {
        text.push_str(&format!("| [`{0}`]({0}.md) | {1} | {2} |\n", product.id, product.title, product.kind));
    }
    text
}

/// The first record of a product's sample, and what comes of it.
fn sample(product: &Product) -> String {
    let name = ["log", "json"].map(|end| format!("samples/{}.{end}", product.id));
    // Of two, the lines are what the product's page is about.
    let name = name.iter().rfind(|name| top().join(name).exists()).expect(product.id);
    let text = fs::read_to_string(top().join(name)).unwrap();
    let record = text.lines().next().unwrap();
    let mut args = vec!["normalize", "--native", "--summary", "none", "--limit", "1", "--pretty"];
    if let products::Lines::Named(_) = product.lines {
        args.extend(["--from", product.id]);
    }
    args.push(name);
    let flat = weir(&args);
    format!("```text\n{record}\n```\n\nbecomes\n\n```json\n{flat}```\n")
}

/// How a product is read.
fn keys(product: &Product) -> String {
    let text = weir(&["formats", product.id]);
    let (_, rest) = text.split_once('\n').unwrap();
    // A kind is not known of what may be of any product.
    let kind = if product.kind.is_empty() { "that of each record" } else { product.kind };
    format!("`--from {}`; `kind`: {kind}. {rest}", product.id)
}

/// What a key is, in any spelling.
fn plain(key: &str) -> String {
    key.chars().filter(|c| !matches!(c, '-' | '_')).collect::<String>().to_lowercase()
}

/// Where a product's fields are in the other schemas.
fn places(product: &Product) -> String {
    let schemas = Schema::ALL.iter().copied().filter(|schema| *schema != Schema::Flat);
    let mut wanted: Vec<String> = Vec::new();
    for entry in product.entries {
        let names: Vec<String> = match (entry.to.field(), entry.to) {
            (Some(field), _) => vec![field.key().to_owned()],
            (None, products::To::Extra | products::To::Silences(..)) => {
                entry.keys.iter().map(|key| format!("extra.{key}")).collect()
            }
            _ => continue,
        };
        wanted.extend(names);
    }
    let mut rows: BTreeMap<usize, (String, Vec<Vec<String>>)> = BTreeMap::new();
    for (column, schema) in schemas.enumerate() {
        for mapping in schemas::describe(schema) {
            // What is made of several fields is on the schema's page; keys that mean the same in other
            // products are none of these.
            let from: Vec<&str> = mapping.from.split(", ").collect();
            if from.len() > 1 && !from.iter().all(|name| name.starts_with("extra.")) {
                continue;
            }
            let found = from.iter().find_map(|name| {
                let at = wanted.iter().position(|wanted| plain(wanted) == plain(name))?;
                Some((at, (*name).to_owned()))
            });
            let Some((at, name)) = found else { continue };
            let (_, cells) = rows.entry(at).or_insert_with(|| (name, vec![Vec::new(); 3]));
            if !cells[column].contains(&mapping.path) {
                cells[column].push(mapping.path);
            }
        }
    }
    let mut text = String::from("| flat | OCSF | ECS | OpenTelemetry |\n|---|---|---|---|\n");
    for (name, cells) in rows.values() {
        let cells: Vec<_> = cells
            .iter()
            .map(|paths| paths.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>().join("<br>"))
            .collect();
        text.push_str(&format!("| `{name}` | {} |\n", cells.join(" | ")));
    }
    text
}

/// The flat record's fields, in the order in which they are written.
fn fields() -> String {
    let schema: serde_json::Value = serde_json::from_str(&weir_normalizer::schema::flat()).unwrap();
    let properties = schema["properties"].as_object().unwrap();
    let mut names: Vec<&str> = Field::ALL.iter().map(|field| field.key()).collect();
    names.extend(properties.keys().map(String::as_str).filter(|name| Field::by_key(name).is_none()));
    let mut text = String::from("| field | type | |\n|---|---|---|\n");
    for name in names {
        let property = &properties[name];
        let kind = configuration::kind(&schema, property);
        text.push_str(&format!("| `{name}` | {kind} | {} |\n", configuration::said(property)));
    }
    text
}

/// The variables of the environment that stand for options: the help tells them.
fn environment_names() -> Vec<String> {
    ["WEIR_JOBS", "WEIR_SUMMARY", "WEIR_TIMEZONE"].map(str::to_owned).to_vec()
}

fn environment() -> String {
    let mut found: BTreeMap<String, (String, Vec<String>)> = BTreeMap::new();
    for command in ["normalize", "explain", "bake", "run", "check", "reload"] {
        let help = weir(&[command, "--help"]);
        let mut option = "";
        for line in help.lines() {
            if line.trim_start().starts_with('-')
                && let Some(found) = line.split_whitespace().find(|word| word.starts_with("--"))
            {
                option = found;
            }
            if let Some((_, rest)) = line.split_once("[env: ") {
                let name = rest.split('=').next().unwrap().to_owned();
                let (_, of) = found.entry(name).or_insert_with(|| (option.to_owned(), Vec::new()));
                of.push(format!("`weir {command}`"));
            }
        }
    }
    let names: Vec<_> = found.keys().cloned().collect();
    assert_eq!(names, environment_names(), "these are taken out of the environment where the book is made");
    let mut text = String::from("| variable | stands for | of |\n|---|---|---|\n");
    for (name, (option, of)) in found {
        text.push_str(&format!("| `{name}` | `{option}` | {} |\n", of.join(", ")));
    }
    text
}

/// What `/metrics` has.
fn metrics() -> String {
    let mut text = String::from("| metric | kind | |\n|---|---|---|\n");
    for (name, kind, help) in weir_service::metrics::Metrics::table() {
        text.push_str(&format!("| `{name}` | {kind} | {help} |\n"));
    }
    text
}
