//! Columns hold what the records say, whatever wrote those.

use std::sync::Arc;

use arrow_array::{
    Array, RecordBatch, StringArray,
    cast::AsArray,
    types::{Int16Type, Int32Type, Int64Type, TimestampMicrosecondType},
};
use arrow_schema::{DataType, Field as ArrowField, Schema};
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Map, Value, json};
use weir_columns::{Addresses, BATCH_ROWS, ColumnType, Layout, Rows};
use weir_normalizer::record::{Field, FieldType};

/// Columns of some lines, cut into pieces of that size.
fn read(layout: &Layout, lines: &[u8], size: usize) -> std::io::Result<Vec<RecordBatch>> {
    let (mut rows, mut batches) = (Rows::new(layout), Vec::new());
    for piece in lines.chunks(size.max(1)) {
        rows.push(piece, &mut |batch| {
            batches.push(batch);
            Ok(())
        })?;
    }
    batches.extend(rows.take()?);
    Ok(batches)
}

/// What a column has in a row.
fn value(batch: &RecordBatch, column: &str, row: usize) -> Value {
    let array = batch.column_by_name(column).unwrap();
    if array.is_null(row) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Dictionary(..) => {
            let words = array.as_dictionary::<Int32Type>();
            words.downcast_dict::<StringArray>().unwrap().into_iter().nth(row).flatten().unwrap().into()
        }
        DataType::Utf8 => array.as_string::<i32>().value(row).into(),
        DataType::Int16 => array.as_primitive::<Int16Type>().value(row).into(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(row).into(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).into(),
        DataType::Timestamp(..) => {
            let micros = array.as_primitive::<TimestampMicrosecondType>().value(row);
            assert_eq!(micros % 1000, 0);
            (micros / 1000).into()
        }
        other => panic!("{other}"),
    }
}

/// What the table says of a record.
fn expected(layout: &Layout, record: &Map<String, Value>) -> Map<String, Value> {
    let mut columns = Map::new();
    let mut extra = Map::new();
    for (key, value) in record {
        match Field::by_key(key) {
            _ if key == "extra" && value.is_object() => {
                extra.extend(value.as_object().unwrap().clone());
            }
            Some(field) if fits(layout.column_type(field), value) => {
                columns.insert(key.clone(), value.clone());
            }
            Some(_) if value.is_null() => {}
            _ => {
                extra.insert(key.clone(), value.clone());
            }
        }
    }
    if !extra.is_empty() || record.get("extra").is_some_and(Value::is_object) {
        columns.insert("extra".into(), Value::Object(extra));
    }
    columns
}

fn fits(column: ColumnType, value: &Value) -> bool {
    let most = match column {
        ColumnType::Word | ColumnType::Text => return value.is_string(),
        ColumnType::Int16 => i16::MAX as u64,
        ColumnType::Int32 => i32::MAX as u64,
        ColumnType::Timestamp => i64::MAX as u64 / 1000,
        _ => i64::MAX as u64,
    };
    value.as_u64().is_some_and(|value| value <= most)
}

fn assert_same(layout: &Layout, records: &[Map<String, Value>], batches: &[RecordBatch]) {
    let mut rows = batches.iter().flat_map(|batch| (0..batch.num_rows()).map(move |row| (batch, row)));
    for record in records {
        let (batch, row) = rows.next().expect("a row for each record");
        let expected = expected(layout, record);
        for (name, _, _) in layout.columns() {
            let mut found = value(batch, name, row);
            if name == "extra"
                && let Value::String(text) = found
            {
                found = serde_json::from_str(&text).expect("an object");
            }
            assert_eq!(found, expected.get(name).cloned().unwrap_or_default(), "{name} of {record:?}");
        }
    }
    assert!(rows.next().is_none());
}

fn typed(field: Field) -> BoxedStrategy<Value> {
    match field.field_type() {
        FieldType::Word(words) => select(words).prop_map(Value::from).boxed(),
        FieldType::Text => "[a-z\"\\\\\u{1}é世\u{1f600} ]{1,20}".prop_map(Value::from).boxed(),
        FieldType::Integer(most) => {
            let most = most.min(i64::MAX as u64);
            prop_oneof![0..=most, Just(0), Just(most)].prop_map(Value::from).boxed()
        }
        FieldType::Millis => (0..4_102_444_800_000_u64).prop_map(Value::from).boxed(),
        FieldType::Address => {
            prop_oneof!["10\\.[0-9]\\.1\\.2", Just("2001:db8::1".to_owned())].prop_map(Value::from).boxed()
        }
    }
}

fn anything() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i16>().prop_map(|quarters| (f64::from(quarters) / 4.0).into()),
        ".{0,9}".prop_map(Value::from),
        Just(json!([1, {"a": "]}\"\\"}])),
        Just(json!({"extra": {"b": null}})),
    ]
}

/// A member as a normalizer writes it, or, seldom, anything.
fn member(is_wild: bool) -> BoxedStrategy<(String, Value)> {
    let of_field = || {
        select(Field::ALL)
            .prop_flat_map(|field| typed(field).prop_map(move |value| (field.key().to_owned(), value)))
    };
    let extra = vec(("[a-z-]{1,5}", anything()), 0..4)
        .prop_map(|members| ("extra".to_owned(), members.into_iter().collect::<Value>()));
    match is_wild {
        false => prop_oneof![9 => of_field(), 1 => extra].boxed(),
        true => {
            let wild = (select(Field::ALL), anything()).prop_map(|(field, v)| (field.key().to_owned(), v));
            let unknown = ("[A-Z\"é]{1,4}", anything());
            prop_oneof![6 => of_field(), 1 => extra, 2 => wild, 1 => unknown].boxed()
        }
    }
}

/// Records in whose text members stand in any order.
fn records(is_wild: bool) -> impl Strategy<Value = Vec<Vec<(String, Value)>>> {
    let shape = vec(member(is_wild), 0..12).prop_map(|mut members| {
        let mut seen = std::collections::HashSet::new();
        members.retain(|(key, _)| seen.insert(key.clone()));
        members
    });
    // Records of few shapes, as they come.
    vec(shape, 1..5).prop_flat_map(|shapes| vec(select(shapes), 1..40))
}

/// The text of a record, with blanks between its tokens where they are asked for.
fn line(members: &[(String, Value)], blank: &str) -> String {
    let members: Vec<_> = members
        .iter()
        .map(|(key, value)| format!("{blank}{}{blank}:{blank}{value}{blank}", Value::from(key.as_str())))
        .collect();
    format!("{{{}}}\n", members.join(","))
}

proptest! {
    #[test]
    fn columns_say_what_the_records_say(
        records in records(true), blank in select(&["", "", " ", "\t "][..]), size in 1..400_usize,
    ) {
        let layout = Layout::default();
        let text: String = records.iter().map(|record| line(record, blank)).collect();
        let maps: Vec<Map<_, _>> = records.into_iter().map(|record| record.into_iter().collect()).collect();
        assert_same(&layout, &maps, &read(&layout, text.as_bytes(), size).unwrap());
    }

    /// Another reader of JSON makes the same columns, as far as it has such types.
    #[test]
    fn another_reader_of_json_makes_the_same_columns(records in records(false)) {
        let layout = Layout::new(Addresses::Text, &[]);
        let fields: Vec<_> = layout
            .fields()
            .map(|field| {
                let theirs = match layout.column_type(field) {
                    ColumnType::Word | ColumnType::Text => DataType::Utf8,
                    ColumnType::Int16 => DataType::Int16,
                    ColumnType::Int32 => DataType::Int32,
                    _ => DataType::Int64,
                };
                ArrowField::new(field.key(), theirs, true)
            })
            .collect();
        let schema = Arc::new(Schema::new(fields));
        let text: String = records.iter().map(|record| line(record, "")).collect();
        let mut theirs = arrow_json::ReaderBuilder::new(schema).build(text.as_bytes()).unwrap();
        let theirs = theirs.next().unwrap().unwrap();
        let ours = read(&layout, text.as_bytes(), 100).unwrap().remove(0);
        prop_assert_eq!(ours.num_rows(), theirs.num_rows());
        for field in layout.fields() {
            for row in 0..ours.num_rows() {
                prop_assert_eq!(value(&ours, field.key(), row), value(&theirs, field.key(), row));
            }
        }
    }

    /// Whatever comes is read or refused, and no row is made of nothing.
    #[test]
    fn nothing_that_comes_does_harm(mut text in vec(any::<u8>(), 0..200), seed in records(true), at in 0..999_usize) {
        let mut lines: Vec<u8> = seed.iter().flat_map(|record| line(record, "").into_bytes()).collect();
        if !lines.is_empty() {
            let at = at % lines.len();
            lines[at] = text.first().copied().unwrap_or(b'}');
            lines.push(b'\n');
        }
        text.push(b'\n');
        for bytes in [lines, text] {
            if let Ok(batches) = read(&Layout::default(), &bytes, 50) {
                let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
                let lines = bytes.split(|b| *b == b'\n').filter(|line| !line.is_empty()).count();
                prop_assert_eq!(rows, lines);
            }
        }
    }
}

#[test]
fn addresses_may_be_bytes() {
    let layout = Layout::new(Addresses::Binary, &[]);
    let lines = "{\"src_ip\":\"10.0.0.1\"}\n{\"src_ip\":\"2001:db8::1\"}\n{\"src_ip\":\"no address\"}\n";
    let batch = read(&layout, lines.as_bytes(), 7).unwrap().remove(0);
    let column = batch.column_by_name("src_ip").unwrap().as_fixed_size_binary();
    assert_eq!(column.value(0), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1]);
    assert_eq!(column.value(1)[..4], [0x20, 1, 0xd, 0xb8]);
    assert!(column.is_null(2));
    assert_eq!(value(&batch, "extra", 2), r#"{"src_ip":"no address"}"#);
}

#[test]
fn a_batch_ends_by_rows_and_by_bytes() {
    let lines = "{\"src_port\":1}\n".repeat(BATCH_ROWS + 1);
    let rows: Vec<_> =
        read(&Layout::default(), lines.as_bytes(), 1000).unwrap().iter().map(RecordBatch::num_rows).collect();
    assert_eq!(rows, [BATCH_ROWS, 1]);
    let lines = format!("{{\"url\":\"{}\"}}\n", "u".repeat(5 << 20)).repeat(5);
    let rows: Vec<_> = read(&Layout::default(), lines.as_bytes(), 1 << 20)
        .unwrap()
        .iter()
        .map(RecordBatch::num_rows)
        .collect();
    assert_eq!(rows, [2, 2, 1]);
}

#[test]
fn what_is_no_record_is_told_with_its_place() {
    for (lines, message) in [
        ("{\"src_port\":1}\n[1]\n", "record 2 of the output, byte 0: an object is missing"),
        ("{\"src_port\":1,\"src_port\":2}\n", "record 1 of the output, byte 14: a second src_port"),
        ("{\"src_port\":1 \"a\":2}\n", "record 1 of the output, byte 13: a comma or"),
        ("{\"src_port\":1}}\n", "record 1 of the output, byte 14: something behind the record"),
        ("{\"url\":\"\\x\"}\n", "record 1 of the output, byte 9: no JSON: invalid escape; what"),
        ("{\"url\":\"\u{1}\\n\"}\n", "no JSON: control character"),
        ("{\"url\"\n", "a colon is missing"),
        ("{\n", "a value is missing"),
    ] {
        let error = read(&Layout::default(), lines.as_bytes(), 5).unwrap_err().to_string();
        assert!(error.contains(message), "{lines}: {error}");
    }
    let lines = b"{\"src_port\":1}\n{\"url\":\"\xff\"}\n";
    let error = read(&Layout::default(), lines, 50).unwrap_err().to_string();
    assert!(error.contains("record 2 of the output, byte 8: a byte that is not UTF-8"), "{error}");
}

#[test]
fn blanks_alter_nothing() {
    let lines = "{\"src_port\": 443,\"bytes\":1}\n".repeat(3) + "{ }\n{\t\"extra\": {\"a\": 1}}\n";
    let batch = read(&Layout::default(), lines.as_bytes(), 50).unwrap().remove(0);
    let ports: Vec<_> = (0..5).map(|row| value(&batch, "src_port", row)).collect();
    assert_eq!(ports, [json!(443), json!(443), json!(443), Value::Null, Value::Null]);
    assert_eq!(value(&batch, "extra", 2), Value::Null);
    assert_eq!(value(&batch, "extra", 4), "{\"a\": 1}");
}

#[test]
fn extra_has_no_key_twice() {
    let line =
        "{\"bytes\":18446744073709551615,\"packets\":18446744073709551615,\"extra\":{\"bytes\":\"x\"}}\n";
    let batch = read(&Layout::default(), line.as_bytes(), 50).unwrap().remove(0);
    let expected = r#"{"weir.bytes":18446744073709551615,"packets":18446744073709551615,"bytes":"x"}"#;
    assert_eq!(value(&batch, "extra", 0), expected);
}

/// What was read of a record that turned out to be none is in no row.
#[test]
fn rows_before_an_error_are_whole() {
    let mut rows = Rows::new(&Layout::default());
    let good = "{\"src_port\":1,\"url\":\"a\",\"action\":\"accept\"}\n";
    let bad =
        "{\"src_port\":2,\"url\":\"b\",\"dst_port\":3,\"action\":\"reject\",\"src_ip\":\"10.0.0.1\" x}\n";
    let lines = good.repeat(2) + bad;
    assert!(rows.push(lines.as_bytes(), &mut |_| Ok(())).is_err());
    let batch = rows.take().unwrap().unwrap();
    assert_eq!(batch.num_rows(), 2);
    for row in 0..2 {
        assert_eq!((value(&batch, "src_port", row), value(&batch, "url", row)), (json!(1), json!("a")));
        assert_eq!(
            (value(&batch, "action", row), value(&batch, "dst_port", row)),
            (json!("accept"), Value::Null)
        );
        assert_eq!(value(&batch, "src_ip", row), Value::Null);
    }
}
