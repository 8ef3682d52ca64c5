//! The keys of a configuration, out of its JSON Schema.

use serde_json::{Map, Value};

fn schema() -> Value {
    serde_json::from_str(&weir_service::config::schema::config()).unwrap()
}

/// The keys of `process` or `pipelines`, or of each type of `sources` or `sinks`.
pub(crate) fn section(name: &str) -> Result<String, String> {
    let schema = schema();
    let section = &schema["properties"][name]["additionalProperties"];
    match name {
        "process" => Ok(table(&schema, &schema)),
        "pipelines" => Ok(table(&schema, section)),
        "sources" | "sinks" => {
            let types = section["oneOf"].as_array().expect("a schema for each type");
            let one = |one: &Value| {
                let name = one["properties"]["type"]["const"].as_str().unwrap();
                format!("### `type = \"{name}\"`\n\n{}", table(&schema, one))
            };
            Ok(types.iter().map(one).collect::<Vec<_>>().join("\n"))
        }
        _ => Err(format!("a configuration has no {name}")),
    }
}

fn table(root: &Value, section: &Value) -> String {
    let mut text = String::from("| key | type | default | |\n|---|---|---|---|\n");
    rows(root, "", section["properties"].as_object().unwrap(), &mut text);
    text
}

fn rows(root: &Value, before: &str, properties: &Map<String, Value>, text: &mut String) {
    for (name, property) in properties {
        // What these hold has parts of its own.
        if before.is_empty()
            && ["type", "sources", "pipelines", "sinks"].contains(&&**name)
            && property["type"] != "array"
        {
            continue;
        }
        let default = match &property["default"] {
            Value::Null => String::new(),
            Value::String(text) if text.is_empty() => "needed".to_owned(),
            default => format!("`{default}`"),
        };
        let inner = object(root, property);
        let kind = kind(root, property);
        text.push_str(&format!("| `{before}{name}` | {kind} | {default} | {} |\n", said(property)));
        if let Some(inner) = inner {
            rows(root, &format!("{before}{name}."), inner, text);
        }
    }
}

/// The members of a value that is a table, with keys of their own.
fn object<'a>(root: &'a Value, property: &'a Value) -> Option<&'a Map<String, Value>> {
    each(root, property).into_iter().find_map(|one| one["properties"].as_object())
}

/// A schema, or those that it stands for.
fn each<'a>(root: &'a Value, property: &'a Value) -> Vec<&'a Value> {
    if let Some(target) = property["$ref"].as_str().and_then(|target| target.strip_prefix('#')) {
        return each(root, root.pointer(target).unwrap());
    }
    match property["anyOf"].as_array() {
        Some(all)
            if property["type"].is_null()
                && property["description"].as_str().is_none_or(|d| !is_value(d)) =>
        {
            all.iter().flat_map(|one| each(root, one)).collect()
        }
        _ => vec![property],
    }
}

/// Whether that describes a value with a unit, and no key.
fn is_value(description: &str) -> bool {
    description.starts_with("a number of bytes") || description.starts_with("a time span")
}

/// What a value is, in a word or two.
pub(crate) fn kind(root: &Value, property: &Value) -> String {
    let mut kinds = Vec::new();
    for one in each(root, property) {
        let description = one["description"].as_str().unwrap_or_default();
        if description.starts_with("a number of bytes") {
            kinds.push("size".to_owned());
            continue;
        }
        if description.starts_with("a time span") {
            kinds.push("time span".to_owned());
            continue;
        }
        if one["anyOf"][0]["format"] == "ipv4" {
            kinds.push("address".to_owned());
            continue;
        }
        if let Some(words) = one["enum"].as_array() {
            kinds.push(
                words
                    .iter()
                    .filter_map(Value::as_str)
                    .map(|w| format!("`{w}`"))
                    .collect::<Vec<_>>()
                    .join(", "),
            );
            continue;
        }
        let types: Vec<&str> = match &one["type"] {
            Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
            Value::String(one) => vec![one],
            _ => Vec::new(),
        };
        for name in types.into_iter().filter(|name| *name != "null") {
            kinds.push(match name {
                "array" => format!("list of {}", kind(root, &one["items"])),
                "object" if one["properties"].is_object() => "table".to_owned(),
                "object" if one["additionalProperties"].is_object() => {
                    format!("table of {}", kind(root, &one["additionalProperties"]))
                }
                "object" => "object".to_owned(),
                "boolean" => "true or false".to_owned(),
                "integer" | "number" => "number".to_owned(),
                other => other.to_owned(),
            });
        }
    }
    kinds.dedup();
    kinds.join(" or ")
}

/// What a key is for, on one line of a table.
pub(crate) fn said(property: &Value) -> String {
    let text = property["description"].as_str().unwrap_or_default();
    text.trim_end_matches('.').replace('\n', " ").replace('|', "\\|")
}
