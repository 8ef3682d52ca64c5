//! How records were read, for JavaScript: names of its habit, and places in UTF-16 code units.

use serde::Serialize;
use weir_normalizer::{
    Config, Error,
    explain::{self, ExplainedValue, Explanation},
    products,
};

#[derive(Debug, Serialize)]
pub(crate) struct Explained {
    offset: u64,
    text: String,
    under: Vec<String>,
    product: &'static str,
    title: &'static str,
    why: String,
    values: Vec<Value>,
    #[serde(flatten)]
    result: Result,
}

#[derive(Debug, Serialize)]
struct Value {
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
    key: String,
    found: String,
    field: String,
    value: String,
    how: String,
}

#[derive(Debug, Serialize)]
#[serde(tag = "result", rename_all = "lowercase")]
enum Result {
    Normalized {
        record: String,
    },
    Filtered,
    Rejected {
        code: &'static str,
        reason: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        place: Option<[usize; 2]>,
    },
}

impl From<ExplainedValue> for Value {
    fn from(value: ExplainedValue) -> Self {
        let ExplainedValue { column, key, found, field, value, how, .. } = value;
        Self { column: (column > 0).then_some(column), key, found, field, value, how }
    }
}

/// Explains every record of a text.
pub(crate) fn explain(
    text: &[u8],
    name: &str,
    config: &Config,
) -> std::result::Result<Vec<Explained>, Error> {
    // What a line break ends is rejected with its text, which shows the place of the fault.
    let ended = [text, b"\n"].concat();
    let records = explain::explain(&ended, name, config)?.into_iter().map(|e| {
        let units = |at: usize| e.text.get(..at).unwrap_or(&e.text).encode_utf16().count();
        let result = match e.result {
            Explanation::Record(record) => Result::Normalized { record },
            Explanation::Filtered => Result::Filtered,
            Explanation::Rejected { code, reason, place } => Result::Rejected {
                code: code.as_str(),
                reason,
                place: place.map(|p| [units(p.start), units(p.end)]),
            },
        };
        Explained {
            offset: e.offset,
            under: e.under,
            product: e.product,
            title: products::by_id(e.product).map_or("", |p| p.title),
            why: e.why,
            values: e.values.into_iter().map(Value::from).collect(),
            result,
            text: e.text,
        }
    });
    Ok(records.collect())
}
