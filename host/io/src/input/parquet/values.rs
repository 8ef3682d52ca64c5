//! Values of columns as JSON.

use std::io::{self, Write as _};

use arrow_array::{
    Array,
    cast::AsArray,
    types::{
        Date32Type, Decimal128Type, Decimal256Type, Float16Type, Float32Type, Float64Type, Int8Type,
        Int16Type, Int32Type, Int64Type, TimestampMicrosecondType, TimestampMillisecondType,
        TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
    },
};
use arrow_schema::{DataType, TimeUnit};
use jiff::{Timestamp, civil::Date, tz::Offset};

/// What the values of a column are taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// What the type says. Times are written as RFC 3339 has them.
    Value,
    /// Of a flat record of Weir's: times are milliseconds, and sixteen bytes an address.
    Flat,
    /// Of a flat record of Weir's: text that is JSON.
    Json,
}

/// The type that a column is read as, where that may be: texts in place, without a copy of each.
pub(super) fn read_as(data_type: &DataType) -> Option<DataType> {
    use DataType::{
        Binary, Boolean, Date32, Decimal128, Decimal256, FixedSizeBinary, Float16, Float32, Float64, Int8,
        Int16, Int32, Int64, LargeBinary, LargeUtf8, Timestamp, UInt8, UInt16, UInt32, UInt64, Utf8,
        Utf8View,
    };
    match data_type {
        Utf8 | LargeUtf8 | Utf8View => Some(Utf8View),
        Binary | LargeBinary | DataType::BinaryView => Some(DataType::BinaryView),
        Boolean | Int8 | Int16 | Int32 | Int64 | UInt8 | UInt16 | UInt32 | UInt64 | Float16 | Float32
        | Float64 | FixedSizeBinary(_) | Timestamp(..) | Date32 | Decimal128(..) | Decimal256(..) => {
            Some(data_type.clone())
        }
        _ => None,
    }
}

/// Appends the value of a row, which there must be.
pub(super) fn write(array: &dyn Array, row: usize, meaning: Meaning, to: &mut Vec<u8>) -> io::Result<()> {
    macro_rules! number {
        ($type:ty) => {
            write!(to, "{}", array.as_primitive::<$type>().value(row))
        };
    }
    match array.data_type() {
        DataType::Boolean => write!(to, "{}", array.as_boolean().value(row)),
        DataType::Int8 => number!(Int8Type),
        DataType::Int16 => number!(Int16Type),
        DataType::Int32 => number!(Int32Type),
        DataType::Int64 => number!(Int64Type),
        DataType::UInt8 => number!(UInt8Type),
        DataType::UInt16 => number!(UInt16Type),
        DataType::UInt32 => number!(UInt32Type),
        DataType::UInt64 => number!(UInt64Type),
        DataType::Float16 => float(f64::from(array.as_primitive::<Float16Type>().value(row)), to),
        DataType::Float32 => float(f64::from(array.as_primitive::<Float32Type>().value(row)), to),
        DataType::Float64 => float(array.as_primitive::<Float64Type>().value(row), to),
        DataType::Decimal128(..) => {
            write!(to, "{}", array.as_primitive::<Decimal128Type>().value_as_string(row))
        }
        DataType::Decimal256(..) => {
            write!(to, "{}", array.as_primitive::<Decimal256Type>().value_as_string(row))
        }
        DataType::Utf8View => text(array.as_string_view().value(row), meaning, to),
        DataType::BinaryView => binary(array.as_binary_view().value(row), meaning, to),
        DataType::FixedSizeBinary(_) => binary(array.as_fixed_size_binary().value(row), meaning, to),
        DataType::Date32 => {
            // Days before and behind what a calendar has stay numbers.
            let days = array.as_primitive::<Date32Type>().value(row);
            let epoch = Date::constant(1970, 1, 1);
            match epoch.checked_add(jiff::Span::new().try_days(days).unwrap_or_default()) {
                Ok(date) if days == 0 || date != epoch => write!(to, "\"{date}\""),
                _ => write!(to, "{days}"),
            }
        }
        DataType::Timestamp(unit, zone) => {
            let (value, second) = match unit {
                TimeUnit::Second => (array.as_primitive::<TimestampSecondType>().value(row), 1),
                TimeUnit::Millisecond => (array.as_primitive::<TimestampMillisecondType>().value(row), 1000),
                TimeUnit::Microsecond => {
                    (array.as_primitive::<TimestampMicrosecondType>().value(row), 1_000_000)
                }
                TimeUnit::Nanosecond => {
                    (array.as_primitive::<TimestampNanosecondType>().value(row), 1_000_000_000)
                }
            };
            time(i128::from(value) * (1_000_000_000 / second), zone.is_some(), meaning, to)
        }
        // Such columns are refused.
        _ => write!(to, "null"),
    }
}

fn float(value: f64, to: &mut Vec<u8>) -> io::Result<()> {
    match value.is_finite() {
        true => Ok(serde_json::to_writer(to, &value)?),
        false => write!(to, "\"{value}\""),
    }
}

fn text(text: &str, meaning: Meaning, to: &mut Vec<u8>) -> io::Result<()> {
    if meaning == Meaning::Json && serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok() {
        // It is one line.
        to.extend(text.bytes().map(|byte| if byte == b'\n' || byte == b'\r' { b' ' } else { byte }));
        return Ok(());
    }
    Ok(serde_json::to_writer(to, text)?)
}

/// Older writers have texts so, too. What is no text is written in hexadecimal digits.
fn binary(bytes: &[u8], meaning: Meaning, to: &mut Vec<u8>) -> io::Result<()> {
    if let (Meaning::Flat, Ok(address)) = (meaning, <[u8; 16]>::try_from(bytes)) {
        return write!(to, "\"{}\"", std::net::Ipv6Addr::from(address).to_canonical());
    }
    if let Ok(found) = str::from_utf8(bytes) {
        return text(found, meaning, to);
    }
    to.push(b'"');
    bytes.iter().try_for_each(|byte| write!(to, "{byte:02x}"))?;
    to.push(b'"');
    Ok(())
}

/// A time, by nanoseconds since 1970; one that no calendar has stays a number.
fn time(nanos: i128, is_utc: bool, meaning: Meaning, to: &mut Vec<u8>) -> io::Result<()> {
    if meaning != Meaning::Value {
        return write!(to, "{}", nanos.div_euclid(1_000_000));
    }
    match Timestamp::from_nanosecond(nanos) {
        Ok(time) if is_utc => write!(to, "\"{time}\""),
        Ok(time) => write!(to, "\"{}\"", Offset::UTC.to_datetime(time)),
        Err(_) => write!(to, "{nanos}"),
    }
}
