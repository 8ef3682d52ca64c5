//! How VRL reads the values of a line.

use crate::{
    base::error::Error,
    catalog::product::{Entry, To},
    record::{
        fault::RejectCode,
        fields::{Field, FieldType},
    },
    value::{
        protocols::TRANSPORTS,
        time::{self, Unit},
    },
    vrl::{
        quoting::{literal, string},
        refusal::refused,
    },
};

/// ASCII's blanks at both ends of a value, which say nothing.
pub(super) const ENDS: &str = r"r'^[ \t\n\r\x0c]+|[ \t\n\r\x0c]+$'";

/// True for a trimmed value that stands for none.
const MISSING: &str =
    r#"(t == "" || t == "-" || t == "-1" || (length(t) < 5 && match(t, r'(?i-u)^(?:null|n/a)$')))"#;

/// A message and an end.
pub(super) fn abort(code: RejectCode, key: &str, what: &str) -> String {
    let key = if key.is_empty() { String::new() } else { format!("{key}: ") };
    format!("abort {}", string(&format!("{code}: {key}{what}")))
}

/// Whether blanks around the value of a column say nothing.
pub(super) fn is_trimmed(entry: &Entry) -> bool {
    !matches!(entry.to, To::Version(_) | To::Extra)
}

/// The code that reads a column, whose value is in `v` and without its blanks in `t`.
pub(super) fn column(entry: &Entry, key: &str) -> Result<String, Error> {
    let keep = format!("extra.{} = v", string(key));
    let keep_said = format!(r#"if v != "-" {{ {keep} }}"#);
    let absent = |then: &str, other: &str| match entry.absent {
        [] => other.to_owned(),
        words => {
            let words: Vec<String> = words.iter().map(|w| literal(w)).collect();
            format!("if match(v, r'(?i-u)^(?:{})$') {{ {then} }} else {{ {other} }}", words.join("|"))
        }
    };
    let unless_missing = |read: &str| format!("if !{MISSING} {{ {} }}", absent("null", read));
    let late = |field: Field, kind: &str, most: u64| {
        format!(
            "late = push(late, [{}, {}, {}, {most}, t, v])",
            string(key),
            string(field.key()),
            string(kind)
        )
    };
    Ok(match entry.to {
        To::Version(version) => format!(r#"if v != {} && v != "-" {{ {keep} }}"#, string(version)),
        To::Extra => absent("null", &keep_said),
        To::Text(field) => format!(
            r#"if v == "-1" || !{MISSING} {{ {} }}"#,
            absent("null", &format!("record.{} = v", field.key()))
        ),
        To::Number(field) => {
            let FieldType::Integer(most) = field.field_type() else { return Err(no_way(entry, key)) };
            let most = most.min(i64::MAX as u64);
            plain(&format!("1,{}", most.to_string().len().min(18)), 0, most)
                + &format!(
                    "if n >= 0 {{ record.{} = n }} else {}",
                    field.key(),
                    unless_missing(&late(field, "number", most))
                )
        }
        To::Protocol => {
            plain("1,3", 0, 255)
                + &format!(
                    "if n >= 0 {{ record.protocol = n }} else if t == \"-1\" {{ {keep} }} else {}",
                    unless_missing(&late(Field::Protocol, "protocol", 255))
                )
        }
        To::Time(field, unit) => {
            let (digits, factor, kind) = match unit {
                Unit::Seconds => ("10", " * 1000", "seconds"),
                Unit::Millis => ("12,13", "", "milliseconds"),
                Unit::Guess => ("10", " * 1000", "seconds or milliseconds"),
            };
            let span = if factor.is_empty() { time::MILLIS } else { time::SECONDS };
            plain(digits, span.start, span.end - 1)
                + &format!(
                    "if n >= 0 {{ record.{} = n{factor} }} else {}",
                    field.key(),
                    unless_missing(&late(field, kind, 0))
                )
        }
        To::Address(field) | To::AddressOrName(field) => {
            let name = field.key();
            let fault = abort(RejectCode::Address, key, "is not an IPv4 or IPv6 address");
            let other = match entry.to {
                To::AddressOrName(_) => format!(
                    "if length(t) <= 253 && match(t, r'^[A-Za-z0-9._-]+$') && match(t, r'[A-Za-z]') {{ {keep} }} else {{ {fault} }}"
                ),
                _ => fault,
            };
            let ipv6 = format!(
                "if is_ipv6(t) {{ a = ip_to_ipv6(t) ?? t; \
                 record.{name} = if starts_with(a, \"::ffff:\") && contains(a, \".\") {{ slice(a, 7) ?? a }} else {{ a }} \
                 }} else {{ {other} }}"
            );
            format!("if is_ipv4(t) {{ record.{name} = t }} else {}", unless_missing(&ipv6))
        }
        To::Word(field, words) => {
            let name = field.key();
            let mut read =
                String::from("w = downcase(t); if odd && contains(t, \"\u{212a}\") { w = \"\" }; ");
            for (i, (word, means, more)) in words.iter().enumerate() {
                // It is read without regard to case.
                let word = word.to_ascii_lowercase();
                read.push_str(if i == 0 { "" } else { " else " });
                read.push_str(&format!(
                    "if w == {} {{ record.{name} = {}{} }}",
                    string(&word),
                    string(means),
                    if *more { format!("; {keep}") } else { String::new() }
                ));
            }
            let code = if field == Field::Action { RejectCode::Action } else { RejectCode::Word };
            let known: Vec<&str> = words.iter().map(|w| w.0).collect();
            read.push_str(&format!(
                " else {{ {} }}",
                abort(code, key, &format!("is none of {}", known.join(", ")))
            ));
            unless_missing(&read)
        }
        To::Counter(..) | To::Flat(_) | To::FlatExtra | To::Silences(..) | To::Envelope => {
            return Err(no_way(entry, key));
        }
    })
}

/// Plain digits, so many and from the least to the most, as a number `n`; else -1.
fn plain(digits: &str, least: u64, most: u64) -> String {
    format!(
        "n = if match(t, r'^[0-9]{{{digits}}}$') {{ to_int(t) ?? -1 }} else {{ -1 }}; \
         if n < {least} || n > {most} {{ n = -1 }}; "
    )
}

fn no_way(entry: &Entry, key: &str) -> Error {
    refused(&format!("the column {key} ({}) has no reading there", entry.describe()))
}

/// Reads numbers that are not plain digits, and times in other units, from the list `late`.
pub(super) fn late() -> String {
    let words: Vec<String> = TRANSPORTS
        .iter()
        .enumerate()
        .filter(|(_, word)| !word.is_empty())
        .map(|(n, word)| format!("{}: {n}", string(word)))
        .chain(["icmpv6", "icmp6"].map(|word| format!("{}: 58", string(word))))
        .collect();
    LATE.replace("KELVIN", "\u{212a}").replace("PROTOCOLS", &format!("{{ {} }}", words.join(", ")))
}

/// The keyword of the protocol.
pub(super) fn transport() -> String {
    let words: Vec<String> = TRANSPORTS.iter().map(|word| string(word)).collect();
    TRANSPORT.replace("TRANSPORTS", &format!("[{}]", words.join(", ")))
}

const TRANSPORT: &str = r#"
protocol = int(record.protocol) ?? -1
if protocol == 6 {
  record.transport = "tcp"
} else if protocol == 17 {
  record.transport = "udp"
} else if protocol == 1 {
  record.transport = "icmp"
} else if protocol >= 0 {
  keyword = string(get(TRANSPORTS, [protocol]) ?? "") ?? ""
  if keyword != "" { record.transport = keyword }
}
"#;

const LATE: &str = r#"
# Numbers with a sign, a fraction or an exponent, times in other units, and names of protocols.
for_each(late) -> |_number, it| {
  key = string(it[0]) ?? ""
  field = string(it[1]) ?? ""
  kind = string(it[2]) ?? ""
  most = int(it[3]) ?? 0
  t = string(it[4]) ?? ""
  v = it[5]
  is_time = kind != "number" && kind != "protocol"
  shifts = if is_time { [3, 0, -3, -6] } else { [0] }
  # What became of it: a number from 0, or what is wrong.
  n = -1
  exact = true
  parts, err = parse_regex(t, r'^(?P<sign>[+-]?)(?P<whole>[0-9]+)(?P<point>\.[0-9]+)?(?P<power>[eE][+-]?[0-9]+)?$')
  if err == null {
    sign = string(parts.sign) ?? ""
    whole = string(parts.whole) ?? ""
    digits = whole + replace(string(parts.point) ?? "", ".", "")
    power_digits = replace(string(parts.power) ?? "", r'^[eE][+-]?', "")
    power = to_int(power_digits) ?? 0
    if contains(string(parts.power) ?? "", "-") { power = 0 - power }
    significant = replace(digits, r'^0+', "")
    leading = length(digits) - length(significant)
    if length(power_digits) <= 4 {
      for_each(shifts) -> |_place, shift| {
        shift = int(shift) ?? 0
        before = length(whole) + power + shift - leading
        value = -1
        whole_value = true
        if n >= 0 {
          # An earlier unit was it.
          null
        } else if significant == "" {
          value = 0
        } else if sign != "-" && before <= 20 {
          end = if before > 0 { before } else { 0 }
          padded = significant + "0000000000000000000000"
          head = if end > 0 { slice(padded, 0, end) ?? "" } else { "0" }
          value = parse_int(head, 10) ?? -1
          if value >= 0 && before >= 0 && match(slice(padded, end, end + 1) ?? "", r'^[5-9]') { value = value + 1 }
          whole_value = !match(slice(padded, end) ?? "", r'[1-9]')
        }
        if is_time {
          if value >= 946684800000 && value < 4102444800000 {
            n = value
            exact = whole_value && ((shift == 3 && kind != "milliseconds") || (shift == 0 && kind != "seconds"))
          }
        } else if value >= 0 {
          n = value
          exact = whole_value
        }
      }
    }
  }
  if kind == "protocol" && err == null && !exact { n = -1 }
  if n > most && !is_time { n = -1 }
  if kind == "protocol" && err != null {
    names = PROTOCOLS
    name = if contains(t, "KELVIN") { "" } else { downcase(t) }
    n = int(get(names, [name]) ?? null) ?? -1
    if n < 0 && contains(t, ":") {
      name = replace(replace(name, r':.*$', ""), r'[ \t\n\r\x0c]+$', "")
      n = int(get(names, [name]) ?? null) ?? -1
      exact = false
    }
    # A name that IANA does not know is kept as it came.
    if n < 0 { extra = set(extra, [key], v) ?? extra }
  } else if n < 0 {
    if is_time {
      abort "time: " + key + ": is not of the years 2000 to 2099 in epoch " + kind + ", or is written as a date, which this program does not read"
    } else if kind == "protocol" {
      abort "protocol: " + key + ": is no protocol number; they go from 0 to 255"
    } else {
      if err == null { abort "number: " + key + ": is out of range" }
      abort "number: " + key + ": is not a number"
    }
  }
  if n >= 0 {
    record = set(record, [field], n) ?? record
    if !exact { extra = set(extra, [key], v) ?? extra }
  }
}
"#;
