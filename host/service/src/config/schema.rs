//! The JSON Schema of the configuration, for editors.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::{Process, pipeline::Pipeline};
use crate::{
    sinks::{BufferOptions, SinkOptions},
    sources::SourceOptions,
};

/// The schema, as JSON with a line break at its end.
pub fn config() -> String {
    let mut generator = SchemaGenerator::default();
    let mut root = Process::json_schema(&mut generator).to_value();
    let pipeline = Pipeline::json_schema(&mut generator).to_value();
    let buffer =
        json!({"anyOf": [BufferOptions::json_schema(&mut generator).to_value(), {"type": "boolean"}]});
    let sources = types(SourceOptions::schemas(&mut generator), &[]);
    let sinks = types(SinkOptions::schemas(&mut generator), &[("buffer", buffer)]);
    let named = |section: Value| json!({"type": "object", "additionalProperties": section});
    if let Some(properties) = root.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert("sources".into(), named(json!({ "oneOf": sources })));
        properties.insert("pipelines".into(), named(pipeline));
        properties.insert("sinks".into(), named(json!({ "oneOf": sinks })));
    }
    if let Some(root) = root.as_object_mut() {
        root.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
        root.insert("title".into(), json!("weir.toml"));
        root.insert("$defs".into(), Value::Object(generator.take_definitions(true)));
    }
    close(&mut root);
    let mut text = serde_json::to_string_pretty(&root).expect("a schema can be written");
    text.push('\n');
    text
}

/// A schema for each type, which its `type` tells from the others.
fn types(schemas: Vec<(&'static str, Schema)>, more: &[(&str, Value)]) -> Vec<Value> {
    let one = |(name, schema): (&'static str, Schema)| {
        let mut schema = schema.to_value();
        if let Some(object) = schema.as_object_mut() {
            let properties = object.entry("properties").or_insert_with(|| json!({}));
            if let Some(properties) = properties.as_object_mut() {
                properties.insert("type".into(), json!({ "const": name }));
                properties.extend(more.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())));
            }
            object.insert("required".into(), json!(["type"]));
        }
        schema
    };
    schemas.into_iter().map(one).collect()
}

/// No object has other members than those that are named.
fn close(schema: &mut Value) {
    let each = |object: &mut Map<String, Value>| object.values_mut().for_each(close);
    match schema {
        Value::Array(items) => items.iter_mut().for_each(close),
        Value::Object(object) => {
            if object.get("properties").is_some_and(Value::is_object)
                && object.get("type").is_some_and(|t| t == "object")
            {
                object.entry("additionalProperties").or_insert(Value::Bool(false));
            }
            each(object);
        }
        _ => {}
    }
}
