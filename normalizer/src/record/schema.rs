//! The JSON Schema of the flat record, made from its table of fields.

use serde_json::{Map, Value, json};

use crate::{
    base::limits,
    record::fields::{Field, FieldType},
};

/// The version of the flat record. It rises when a field changes its meaning or its type.
pub const VERSION: u32 = 1;

/// The schema as pretty-printed JSON, without a line break at its end.
pub fn flat() -> String {
    let mut properties: Map<String, Value> =
        Field::ALL.iter().map(|f| (f.key().into(), property(*f))).collect();
    properties.insert(
        "extra".into(),
        json!({
            "description": "What has no field above, by the source's keys, and values that lost meaning on the way to their field.",
            "type": "object",
            "minProperties": 1
        }),
    );
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": format!("urn:weir:flat:{VERSION}"),
        "title": "Weir flat record",
        "description": "One record of a flow log. A field that the source does not have is absent.",
        "type": "object",
        "properties": properties,
        "required": [Field::Provider.key(), Field::Product.key(), Field::Kind.key()],
        "additionalProperties": false
    });
    // Maps of strings to plain values can always be written.
    serde_json::to_string_pretty(&schema).unwrap_or_default()
}

fn property(field: Field) -> Value {
    let mut property = match field.field_type() {
        FieldType::Word(words) => json!({"type": "string", "enum": words}),
        FieldType::Text => json!({"type": "string", "minLength": 1}),
        FieldType::Integer(most) => json!({"type": "integer", "minimum": 0, "maximum": most}),
        FieldType::Millis => json!({"type": "integer", "minimum": 0, "maximum": limits::LATEST_MS}),
        FieldType::Address => json!({"type": "string", "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]}),
    };
    property["description"] = field.doc().into();
    property
}
