//! Which partition a record is in, told by how its line begins.

use std::{borrow::Cow, collections::HashMap, ops::Range, str};

use serde::Deserialize;
use serde_json::value::RawValue;
use weir_normalizer::{record::Field, schemas::Schema};

use crate::hive::{self, Key, Partitioning};

const DAY: i64 = 86_400_000;

/// A partition of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// Its folder, with a slash behind it; empty where there are no partitions.
    pub folder: String,
    /// The fields that its path says.
    pub said: Vec<Field>,
}

/// Tells records' partitions, and numbers them as they come.
pub struct Looker {
    /// What records are written as.
    schema: Schema,
    keys: Partitioning,
    /// Whether the beginnings of lines may tell all.
    is_plain: bool,
    /// Whether a partition has one day.
    has_day: bool,
    known: Vec<Partition>,
    numbers: HashMap<String, usize>,
    /// How the last record began, up to its time, if its line is one whose beginning tells all.
    start: Vec<u8>,
    /// What times behind that beginning are of the same partition.
    times: Range<i64>,
    last: usize,
}

impl Looker {
    /// One that has met no partition of records of this schema yet.
    pub fn new(schema: Schema, keys: Partitioning) -> Self {
        let has_day = keys.keys().iter().any(|key| matches!(key, Key::Date | Key::EventDay));
        let is_behind = |key: &Key| matches!(key, Key::Region | Key::AccountId | Key::ClassUid);
        let mut looker = Self {
            schema,
            is_plain: schema == Schema::Flat && !keys.keys().iter().any(is_behind),
            has_day,
            keys,
            known: Vec::new(),
            numbers: HashMap::new(),
            start: Vec::new(),
            times: 0..0,
            last: 0,
        };
        if looker.keys.keys().is_empty() {
            looker.number(&Said::default());
        }
        looker
    }

    /// Those that were told, by their numbers.
    pub fn partitions(&self) -> &[Partition] {
        &self.known
    }

    /// The number of the partition of a line.
    pub fn look(&mut self, line: &[u8]) -> usize {
        if self.keys.keys().is_empty() {
            return 0;
        }
        if !self.start.is_empty()
            && let Some(behind) = line.strip_prefix(&self.start[..])
            && time(behind).is_some_and(|(time, _)| self.times.contains(&time))
        {
            return self.last;
        }
        self.start.clear();
        match beginning(line).filter(|_| self.is_plain) {
            Some((said, start)) => {
                self.last = self.number(&said);
                self.start.extend_from_slice(&line[..start]);
                self.times = match said.millis {
                    Some(millis) if self.has_day => {
                        let day = millis.div_euclid(DAY) * DAY;
                        day..day + DAY
                    }
                    _ => 0..i64::MAX,
                };
            }
            None => self.last = self.number(&Said::read(self.schema, line)),
        }
        self.last
    }

    fn number(&mut self, said: &Said<'_>) -> usize {
        let mut folder = String::new();
        let mut fields = Vec::new();
        for key in self.keys.keys() {
            let value: Option<Cow<'_, str>> = match key {
                Key::Provider => said.provider.as_deref().map(Cow::Borrowed),
                Key::Product => said.product.as_deref().map(Cow::Borrowed),
                Key::Region => said.region.as_deref().map(Cow::Borrowed),
                Key::AccountId => said.account.as_deref().map(Cow::Borrowed),
                Key::ClassUid => said.class.as_deref().map(Cow::Borrowed),
                Key::Date => said.day().map(|day| day.to_string().into()),
                Key::EventDay => said.day().map(|day| day.strftime("%Y%m%d").to_string().into()),
                Key::Fixed(_, value) => Some(value.as_str().into()),
            };
            fields.extend(key.field().filter(|_| value.as_deref().is_some_and(hive::is_said)));
            hive::push(&mut folder, key, value.as_deref());
        }
        if let Some(number) = self.numbers.get(&folder) {
            return *number;
        }
        let number = self.known.len();
        self.known.push(Partition { folder: folder.clone(), said: fields });
        self.numbers.insert(folder, number);
        number
    }
}

/// What a record says of its partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Said<'a> {
    provider: Option<Cow<'a, str>>,
    product: Option<Cow<'a, str>>,
    region: Option<Cow<'a, str>>,
    account: Option<Cow<'a, str>>,
    class: Option<Cow<'a, str>>,
    millis: Option<i64>,
}

/// What of a flat record is looked at.
#[derive(Deserialize)]
struct Flat<'a> {
    #[serde(borrow)]
    provider: Member<'a>,
    #[serde(borrow)]
    product: Member<'a>,
    #[serde(borrow)]
    region: Member<'a>,
    #[serde(borrow)]
    account_id: Member<'a>,
    #[serde(borrow)]
    start_ms: Member<'a>,
    #[serde(borrow)]
    end_ms: Member<'a>,
    #[serde(borrow)]
    log_time_ms: Member<'a>,
}

/// What of an OCSF event is looked at; `Metadata` and `Cloud` are its objects of these names.
#[derive(Deserialize)]
struct Ocsf<'a> {
    #[serde(borrow)]
    time: Member<'a>,
    #[serde(borrow)]
    class_uid: Member<'a>,
    #[serde(borrow)]
    metadata: Member<'a>,
    #[serde(borrow)]
    cloud: Member<'a>,
}

#[derive(Default, Deserialize)]
struct Metadata<'a> {
    #[serde(borrow)]
    product: Member<'a>,
}

#[derive(Default, Deserialize)]
struct Product<'a> {
    #[serde(borrow)]
    name: Member<'a>,
}

#[derive(Default, Deserialize)]
struct Cloud<'a> {
    #[serde(borrow)]
    provider: Member<'a>,
    #[serde(borrow)]
    region: Member<'a>,
    #[serde(borrow)]
    account: Member<'a>,
}

#[derive(Default, Deserialize)]
struct Account<'a> {
    #[serde(borrow)]
    uid: Member<'a>,
}

type Member<'a> = Option<&'a RawValue>;

/// The members of an object; what is none has none.
fn inside<'a, T: Default + Deserialize<'a>>(object: Member<'a>) -> T {
    object.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}

fn string(raw: Member<'_>) -> Option<Cow<'static, str>> {
    serde_json::from_str::<String>(raw?.get()).ok().map(Cow::Owned)
}

fn number(raw: Member<'_>) -> Option<i64> {
    raw?.get().parse().ok()
}

impl Said<'_> {
    /// Reads any line; what can't be read says nothing.
    fn read(schema: Schema, line: &[u8]) -> Self {
        if schema == Schema::Ocsf {
            return Self::of_event(line);
        }
        let Ok(members) = serde_json::from_slice::<Flat<'_>>(line) else { return Self::default() };
        Self {
            provider: string(members.provider),
            product: string(members.product),
            region: string(members.region),
            account: string(members.account_id),
            class: None,
            millis: [members.start_ms, members.end_ms, members.log_time_ms].into_iter().find_map(number),
        }
    }

    fn of_event(line: &[u8]) -> Self {
        let Ok(event) = serde_json::from_slice::<Ocsf<'_>>(line) else { return Self::default() };
        let cloud: Cloud<'_> = inside(event.cloud);
        let metadata: Metadata<'_> = inside(event.metadata);
        Self {
            provider: string(cloud.provider),
            product: string(inside::<Product<'_>>(metadata.product).name),
            region: string(cloud.region),
            account: string(inside::<Account<'_>>(cloud.account).uid),
            class: number(event.class_uid).map(|class| class.to_string().into()),
            millis: number(event.time),
        }
    }

    fn day(&self) -> Option<jiff::civil::Date> {
        let time = jiff::Timestamp::from_millisecond(self.millis?).ok()?;
        let day = jiff::tz::Offset::UTC.to_datetime(time).date();
        // Years of other lengths are no dates for others.
        (0..=9999).contains(&day.year()).then_some(day)
    }
}

/// Reads a line that begins as Weir's guests begin it: the provider, the product, perhaps the kind, and
/// the time. Gives also where the digits of the time begin. What is in another order may say something else
/// behind that, and is read as a whole.
fn beginning(line: &[u8]) -> Option<(Said<'_>, usize)> {
    let (provider, rest) = text(line.strip_prefix(br#"{"provider":""#)?)?;
    let (product, mut rest) = text(rest.strip_prefix(br#","product":""#)?)?;
    if let Some(kind) = rest.strip_prefix(br#","kind":""#) {
        rest = text(kind)?.1;
    }
    let digits = rest.strip_prefix(br#","start_ms":"#)?;
    let (millis, _) = time(digits)?;
    let said = Said {
        provider: Some(Cow::Borrowed(provider)),
        product: Some(Cow::Borrowed(product)),
        millis: Some(millis),
        ..Said::default()
    };
    Some((said, line.len() - digits.len()))
}

/// A string without escapes, and what is behind its quote.
fn text(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.iter().position(|b| matches!(b, b'"' | b'\\'))?;
    (bytes[end] == b'"').then_some(())?;
    Some((str::from_utf8(&bytes[..end]).ok()?, &bytes[end + 1..]))
}

/// A whole number, and what is behind it.
fn time(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let end = bytes.iter().position(|b| !b.is_ascii_digit())?;
    // No more than fits, and nothing that JSON does not have.
    let is_number = (1..=18).contains(&end) && (bytes[0] != b'0' || end == 1);
    (is_number && matches!(bytes[end], b',' | b'}')).then_some(())?;
    let number = bytes[..end].iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    Some((number, &bytes[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders(keys: &str, lines: &[&str]) -> Vec<String> {
        let mut looker = Looker::new(Schema::Flat, keys.parse().unwrap());
        let numbers: Vec<_> = lines.iter().map(|line| looker.look(line.as_bytes())).collect();
        numbers.into_iter().map(|number| looker.partitions()[number].folder.clone()).collect()
    }

    #[test]
    fn a_record_is_in_the_partition_of_its_values() {
        let cases = [
            (
                r#"{"provider":"aws","product":"vpc","kind":"flow","start_ms":1548752136000,"end_ms":1}"#,
                "aws",
                "vpc",
                "2019-01-29",
            ),
            (r#"{"provider":"aws","product":"vpc","start_ms":86399999}"#, "aws", "vpc", "1970-01-01"),
            (r#"{"provider":"aws","product":"vpc","start_ms":86400000}"#, "aws", "vpc", "1970-01-02"),
            (r#"{"provider":"aws","product":"vpc","end_ms":86400000}"#, "aws", "vpc", "1970-01-02"),
            (r#"{"provider":"aws","product":"vpc","log_time_ms":0}"#, "aws", "vpc", "1970-01-01"),
            (
                r#"{"provider":"aws","product":"vpc","end_ms":0,"start_ms":86400000}"#,
                "aws",
                "vpc",
                "1970-01-02",
            ),
            (r#"{"product":"\u0061/b","provider":"aws","start_ms":-1}"#, "aws", "a%2Fb", "1969-12-31"),
            (r#"{"provider":"a\"b","product":7,"start_ms":1.5}"#, "a%22b", hive::DEFAULT, hive::DEFAULT),
            (r#"{"provider":"aws"}"#, "aws", hive::DEFAULT, hive::DEFAULT),
            ("{}", hive::DEFAULT, hive::DEFAULT, hive::DEFAULT),
            ("no json", hive::DEFAULT, hive::DEFAULT, hive::DEFAULT),
            (
                r#"{"provider":"aws","product":"vpc","start_ms":999999999999999999}"#,
                "aws",
                "vpc",
                hive::DEFAULT,
            ),
        ];
        let lines: Vec<_> = cases.iter().map(|(line, ..)| *line).collect();
        let expected: Vec<_> = cases
            .iter()
            .map(|(_, provider, product, date)| format!("provider={provider}/product={product}/date={date}/"))
            .collect();
        assert_eq!(folders("provider,product,date", &lines), expected);
        let expected: Vec<_> = cases.iter().map(|(_, _, product, _)| format!("product={product}/")).collect();
        assert_eq!(folders("product", &lines), expected);
    }

    #[test]
    fn the_beginning_of_a_line_tells_what_all_of_it_tells() {
        for line in [
            r#"{"provider":"aws","product":"vpc","kind":"flow","start_ms":1548752136000,"end_ms":1}"#,
            r#"{"provider":"a","product":"","start_ms":0}"#,
            r#"{"provider":"a\u0041","product":"vpc","start_ms":5}"#,
            r#"{"provider":"a","product":"vpc","start_ms":05}"#,
            r#"{"provider":"a","product":"vpc","start_ms":5e3}"#,
            r#"{"provider":"a","product":"vpc","start_ms":"5"}"#,
            r#"{"provider":"a","product":"vpc","start_ms":"#,
            r#"{"provider":"#,
        ] {
            if let Some((said, start)) = beginning(line.as_bytes()) {
                assert_eq!(said, Said::read(Schema::Flat, line.as_bytes()), "{line}");
                assert!(line[..start].ends_with(r#""start_ms":"#), "{line}");
            }
        }
    }

    #[test]
    fn what_stands_behind_the_beginning_counts_too() {
        let line = r#"{"provider":"aws","product":"vpc","start_ms":1,"account_id":"1","region":"a/b"}"#;
        let other = r#"{"provider":"aws","product":"vpc","start_ms":1,"account_id":"2"}"#;
        assert_eq!(
            folders("region,accountId,eventDay,a=b", &[line, other]),
            [
                "region=a%2Fb/accountId=1/eventDay=19700101/a=b/".to_owned(),
                format!("region={}/accountId=2/eventDay=19700101/a=b/", hive::DEFAULT),
            ]
        );
    }

    #[test]
    fn events_tell_their_partition_too() {
        let mut looker =
            Looker::new(Schema::Ocsf, "class_uid,provider,product,region,accountId,date".parse().unwrap());
        let mut folder = |line: &str| {
            let number = looker.look(line.as_bytes());
            looker.partitions()[number].folder.clone()
        };
        let line = r#"{"time":86400000,"class_uid":4001,"metadata":{"product":{"name":"vpc"}},"cloud":{"provider":"aws","region":"r","account":{"uid":"7"}}}"#;
        assert_eq!(
            folder(line),
            "class_uid=4001/provider=aws/product=vpc/region=r/accountId=7/date=1970-01-02/"
        );
        let none = hive::DEFAULT;
        for line in ["no json", "{}", r#"{"cloud":7,"metadata":{"product":[]},"time":"1"}"#] {
            assert_eq!(
                folder(line),
                format!(
                    "class_uid={none}/provider={none}/product={none}/region={none}/accountId={none}/date={none}/"
                )
            );
        }
    }

    #[test]
    fn what_the_path_does_not_say_stays_in_the_file() {
        let mut looker = Looker::new(Schema::Flat, "provider,product,date".parse().unwrap());
        let said = |looker: &mut Looker, line: &str| {
            let number = looker.look(line.as_bytes());
            looker.partitions()[number].said.clone()
        };
        let line = r#"{"provider":"aws","product":"vpc","start_ms":1}"#;
        assert_eq!(said(&mut looker, line), [Field::Provider, Field::Product]);
        assert_eq!(said(&mut looker, r#"{"provider":"aws","start_ms":1}"#), [Field::Provider]);
        let long = format!(r#"{{"provider":"{}","product":"vpc","start_ms":1}}"#, "x".repeat(1000));
        assert_eq!(said(&mut looker, &long), [Field::Product]);
        assert_eq!(looker.partitions().len(), 3);
    }
}
