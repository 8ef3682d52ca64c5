//! What a user chooses, as it travels to a guest: one JSON object, given once.
//!
//! Hosts write and read it with serde. A guest has a reader of JSON for its records, which is enough
//! for this, too.

use crate::{
    base::error::{Error, ErrorKind},
    bytes::nearest,
    json::read as json,
    record::fault::{Quoted, clipped},
    rules::{filter::Lists, schema::Schema},
    value::{
        raw::{Raw, RawKind},
        zone::Zone,
    },
};

/// Makes a struct that is an object in JSON, its reading in guests, and its builder, from one list
/// of its fields. `as` is a field's key where that is not its name.
macro_rules! choices {
    ($(#[doc = $about:literal])* pub struct $name:ident built by $builder:ident {
        $(
            $(#[doc = $what:literal])*
            $(#[doc($hidden:ident)])?
            $(#[serde($skip:meta)])?
            pub $field:ident $(as $key:literal)?: $type:ident $(<$of:ident>)?,
        )*
    }) => {
        $(#[doc = $about])*
        ///
        /// More may come: begin with a `default()`, or with a builder.
        #[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            $(
                $(#[doc = $what])*
                $(#[doc($hidden)])?
                $(#[serde($skip)])?
                $(#[serde(rename = $key)])?
                pub $field: $type $(<$of>)?,
            )*
            /// Stands for what may come.
            #[doc(hidden)]
            #[serde(skip)]
            pub more: (),
        }

        impl $name {
            /// Begins with the defaults.
            pub fn builder() -> $builder {
                $builder::default()
            }

            /// Reads it as a guest does.
            pub fn from_json(json: &[u8]) -> Result<Self, Error> {
                let mut made = Self::default();
                read(json, &mut made)?;
                Ok(made)
            }
        }

        impl Choice for $name {
            fn read(&mut self, value: Raw<'_>) -> Result<(), String> {
                read_object(value, &mut [$(Slot {
                    key: [$($key,)? stringify!($field)][0],
                    needed: false,
                    choice: &mut self.$field,
                }),*])
            }
        }

        #[doc = concat!("Makes a [`", stringify!($name), "`], choice by choice.")]
        #[derive(Clone, Debug, Default)]
        #[must_use]
        pub struct $builder($name);

        impl $builder {
            /// What was chosen. It is checked where it is first used.
            pub fn build(self) -> $name {
                self.0
            }

            $(choice! { $field $type $($of)?; $(#[doc = $what])* $(#[doc($hidden)])? })*
        }
    };
}

/// The method of a builder for one choice.
macro_rules! choice {
    ($field:ident Option String; $(#[$what:meta])*) => {
        $(#[$what])*
        pub fn $field(mut self, $field: impl Into<String>) -> Self {
            self.0.$field = Some($field.into());
            self
        }
    };
    ($field:ident Option $type:ident; $(#[$what:meta])*) => {
        $(#[$what])*
        pub fn $field(mut self, $field: $type) -> Self {
            self.0.$field = Some($field);
            self
        }
    };
    ($field:ident Vec String; $(#[$what:meta])*) => {
        $(#[$what])*
        pub fn $field(mut self, $field: impl IntoIterator<Item = impl Into<String>>) -> Self {
            self.0.$field = $field.into_iter().map(Into::into).collect();
            self
        }
    };
    ($field:ident $type:ident; $(#[$what:meta])*) => {
        $(#[$what])*
        pub fn $field(mut self, $field: $type) -> Self {
            self.0.$field = $field;
            self
        }
    };
}

choices! {
    /// The choices that alter what comes out.
    ///
    /// ```
    /// use weir_normalizer::{Config, schemas::Schema};
    ///
    /// let config = Config::builder()
    ///     .from("huawei-vpc")
    ///     .filter("action == \"reject\" and dst_port in {22, 3389}")
    ///     .mask(["src_ip/24"])
    ///     .to(Schema::Ecs)
    ///     .build();
    /// assert_eq!(config.drop, Vec::<String>::new());
    /// ```
    pub struct Config built by ConfigBuilder {
        /// The product that every record is of (`huawei-vpc`); without it, each record is detected.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub from: Option<String>,
        /// The columns of text lines: `${srcaddr} ${dstaddr}`, or just their names. Without any
        /// separator it is the set of keys that keyed records must have.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub layout: Option<String>,
        /// What stands between the columns of the layout, if the layout does not say it.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub separator: Option<String>,
        /// The quotes of values that hold separators: `"`, `'` or `none`.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub quote: Option<String>,
        /// A text that stands for a missing value in columns, besides the usual ones.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub missing: Option<String>,
        /// The zone of times that name none; without it, UTC.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub zone: Option<Zone>,
        /// The expression that records must meet to come out; see [`crate::rules::filter`].
        #[serde(skip_serializing_if = "Option::is_none")]
        pub filter as "where": Option<String>,
        /// The lists of networks that expressions may name, a network a line.
        #[serde(skip_serializing_if = "Lists::is_empty")]
        pub lists: Lists,
        /// Fields that must not come out: `host`, `extra.cookie`, `extra.*`.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        pub drop: Vec<String>,
        /// Addresses to be cut to their network: `src_ip/24`, `extra.nat_ip/24`, or `src_ip/24/64` with
        /// a prefix for IPv6.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        pub mask: Vec<String>,
        /// One's own networks, as CIDR or `@list`: where a product has no direction, it follows from
        /// which side is one's own.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        pub own: Vec<String>,
        /// Keep the envelope's own fields under `extra.envelope`.
        pub keep_envelope: bool,
        /// Keep the record's text under `extra.raw`.
        pub keep_raw: bool,
        /// Tell in `log_file` and `log_offset` which input a record is from and where its text begins
        /// in that. Where one text holds several records they have the same offset, and where the input
        /// has no name ([`Framer::set_source`](crate::framing::Framer::set_source)), or one that stands
        /// for none as `-` and `null` do, the offset alone is told. What a flat record says itself gives
        /// way.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        pub source_name: bool,
        /// The schema that records are written in.
        #[serde(skip_serializing_if = "Schema::is_flat")]
        pub to: Schema,
        /// The time of records that have none, in epoch milliseconds, for schemas that need one.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub observed_at_ms: Option<u64>,
        /// Leave the Community ID out of schemas that have one.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        pub no_community_id: bool,
        /// The fast paths that are not used, by name. For tests: what comes out is the same.
        #[doc(hidden)]
        #[serde(skip_serializing_if = "Vec::is_empty")]
        pub without: Vec<String>,
    }
}

impl Config {
    /// Whether something is to be taken out of records.
    pub(crate) fn redacts(&self) -> bool {
        !(self.drop.is_empty() && self.mask.is_empty())
    }
}

choices! {
    /// What a user chooses for events.
    pub struct EventConfig built by EventConfigBuilder {
        /// What is done with records.
        pub records: Config,
        /// Keep the payload beside what it became.
        pub keep_original: bool,
        /// Leave out the event's other members where a record came out.
        pub drop_others: bool,
    }
}

impl Choice for Zone {
    fn read(&mut self, value: Raw<'_>) -> Result<(), String> {
        let Self { offset, changes } = self;
        read_object(
            value,
            &mut [
                Slot { key: "offset", needed: true, choice: offset },
                Slot { key: "changes", needed: false, choice: changes },
            ],
        )
    }
}

/// Reads the whole of a configuration.
pub(crate) fn read(json: &[u8], into: &mut dyn Choice) -> Result<(), Error> {
    let fault = |what: String| Error::new(ErrorKind::Configuration, format!("configuration: {what}"));
    let text = std::str::from_utf8(json);
    let text = text.map_err(|e| fault(format!("it is no UTF-8 at offset {}", e.valid_up_to())).because(e))?;
    into.read(Raw { kind: RawKind::Nested, text }).map_err(fault)
}

/// Something that is read from JSON.
pub(crate) trait Choice {
    /// Takes the value over what is there. The error says what is wrong with it.
    fn read(&mut self, value: Raw<'_>) -> Result<(), String>;
}

/// Where a member's value goes.
pub(crate) struct Slot<'c> {
    pub(crate) key: &'static str,
    pub(crate) needed: bool,
    pub(crate) choice: &'c mut dyn Choice,
}

/// Reads an object whose keys are known.
pub(crate) fn read_object(value: Raw<'_>, places: &mut [Slot<'_>]) -> Result<(), String> {
    let mut given = 0u32;
    each_member(value, "{", &mut |key, value| {
        let Some(i) = places.iter().position(|p| p.key == key) else {
            let near = nearest::nearest(key, &mut places.iter().map(|p| p.key));
            let key = Quoted(key);
            return Err(match near {
                Some(near) => format!("no key is called {key}; did you mean {near}?"),
                None => {
                    let known: Vec<_> = places.iter().map(|p| p.key).collect();
                    format!("no key is called {key}; known are {}", known.join(", "))
                }
            });
        };
        if given & 1 << i != 0 {
            return Err(format!("{key} is given twice"));
        }
        given |= 1 << i;
        places[i].choice.read(value).map_err(|what| format!("{key}: {what}"))
    })?;
    match places.iter().enumerate().find(|(i, p)| p.needed && given & 1 << i == 0) {
        Some((_, lacks)) => Err(format!("{} is missing", lacks.key)),
        None => Ok(()),
    }
}

/// Reads the members of an object, or the items of an array, with what it begins with.
fn each_member(
    value: Raw<'_>,
    begins: &str,
    take: &mut dyn FnMut(&str, Raw<'_>) -> Result<(), String>,
) -> Result<(), String> {
    let (mut members, mut unescaped) = (Vec::new(), String::new());
    if value.kind != RawKind::Nested || !value.text.trim_ascii_start().starts_with(begins) {
        return Err(expected(if begins == "{" { "an object" } else { "an array" }, value));
    }
    json::read_members(value.text, &mut members, &mut unescaped)
        .map_err(|fault| format!("no valid JSON at offset {}: {}", fault.offset, fault.what))?;
    members.iter().try_for_each(|member| {
        take(member.key.of(value.text, &unescaped), member.value.raw(value.text, &unescaped))
    })
}

fn expected(what: &str, found: Raw<'_>) -> String {
    match found.kind {
        RawKind::Text => format!("expected {what}, found {}", Quoted(found.text)),
        _ => format!("expected {what}, found {}", clipped(found.text, 60)),
    }
}

impl<T: Choice + Default> Choice for Option<T> {
    fn read(&mut self, value: Raw<'_>) -> Result<(), String> {
        if value.kind == RawKind::Literal && value.text == "null" {
            return Ok(());
        }
        self.get_or_insert_default().read(value)
    }
}

impl<T: Choice + Default> Choice for Vec<T> {
    fn read(&mut self, value: Raw<'_>) -> Result<(), String> {
        each_member(value, "[", &mut |_, item| {
            let mut made = T::default();
            made.read(item)?;
            self.push(made);
            Ok(())
        })
    }
}

impl Choice for Lists {
    fn read(&mut self, value: Raw<'_>) -> Result<(), String> {
        each_member(value, "{", &mut |key, value| {
            let mut text = String::new();
            text.read(value).map_err(|what| format!("{}: {what}", Quoted(key)))?;
            self.insert(key.to_owned(), text);
            Ok(())
        })
    }
}

/// A change of a zone.
impl Choice for (i64, i32) {
    fn read(&mut self, value: Raw<'_>) -> Result<(), String> {
        let mut parts: [&mut dyn Choice; 2] = [&mut self.0, &mut self.1];
        let mut count = 0;
        each_member(value, "[", &mut |_, item| {
            count += 1;
            parts.get_mut(count - 1).map_or(Ok(()), |part| part.read(item))
        })?;
        if count == parts.len() { Ok(()) } else { Err(expected("a moment and an offset", value)) }
    }
}

impl Choice for String {
    fn read(&mut self, value: Raw<'_>) -> Result<(), String> {
        if value.kind != RawKind::Text {
            return Err(expected("a string", value));
        }
        value.text.clone_into(self);
        Ok(())
    }
}

impl Choice for bool {
    fn read(&mut self, value: Raw<'_>) -> Result<(), String> {
        *self = match (value.kind, value.text) {
            (RawKind::Literal, "true") => true,
            (RawKind::Literal, "false") => false,
            _ => return Err(expected("true or false", value)),
        };
        Ok(())
    }
}

impl Choice for Schema {
    fn read(&mut self, value: Raw<'_>) -> Result<(), String> {
        let known = || Self::ALL.iter().map(|s| s.name()).collect::<Vec<_>>().join(", ");
        let found = Self::by_name(value.text).filter(|_| value.kind == RawKind::Text);
        *self = found.ok_or_else(|| expected(&format!("one of {}", known()), value))?;
        Ok(())
    }
}

macro_rules! numbers {
    ($($number:ty, $what:literal;)*) => {$(
        impl Choice for $number {
            fn read(&mut self, value: Raw<'_>) -> Result<(), String> {
                let number = value.text.parse().ok().filter(|_| value.kind == RawKind::Number);
                *self = number.ok_or_else(|| expected($what, value))?;
                Ok(())
            }
        }
    )*};
}

numbers! {
    i32, "a whole number of seconds";
    i64, "a whole number of seconds";
    u64, "a whole number of milliseconds";
}

#[cfg(test)]
mod tests {
    use super::{Config, Zone};
    use crate::rules::{config::EventConfig, filter::Lists, schema::Schema};

    /// Every field, and none with its default.
    fn full() -> Config {
        let some = |text: &str| Some(text.to_owned());
        Config {
            from: some("huawei-vpc"),
            layout: some("${a}\t${b}"),
            separator: some("\u{1}\u{2028}"),
            quote: some("\""),
            missing: some(""),
            zone: Some(Zone { offset: -3600, changes: vec![(-1, i32::MIN), (i64::MAX, 0)] }),
            filter: some("host contains \"\\d\""),
            lists: Lists::from([("office".to_owned(), "10.0.0.0/8\n# ours\n".to_owned())]),
            drop: vec!["host".to_owned(), "extra.\u{fc}".to_owned()],
            mask: vec!["src_ip/24".to_owned()],
            own: vec!["@office".to_owned()],
            keep_envelope: true,
            keep_raw: true,
            source_name: true,
            to: Schema::Ecs,
            observed_at_ms: Some(u64::MAX),
            no_community_id: true,
            without: vec!["outline".to_owned()],
            more: (),
        }
    }

    #[test]
    fn guests_read_what_hosts_write() {
        for config in [full(), Config::default()] {
            let json = serde_json::to_vec(&config).unwrap();
            assert_eq!(Config::from_json(&json).unwrap(), config);
            assert_eq!(serde_json::from_slice::<Config>(&json).unwrap(), config);
            let json = serde_json::to_vec_pretty(&config).unwrap();
            assert_eq!(Config::from_json(&json).unwrap(), config);
            let events = EventConfig { records: config, keep_original: true, drop_others: true, more: () };
            let json = serde_json::to_vec(&events).unwrap();
            assert_eq!(EventConfig::from_json(&json).unwrap(), events);
        }
        assert_eq!(Config::from_json(br#" {"from":null,"zone":null} "#).unwrap(), Config::default());
    }

    /// What serde refuses is refused, and with what is wrong, and where.
    #[test]
    fn what_a_guest_can_not_honour_is_refused() {
        let cases = [
            ("", "expected an object, found "),
            ("\"x\"", "expected an object, found \"x\""),
            ("{\"keep_raw\":true", "no valid JSON at offset 16: expected ',' or '}'"),
            ("{\"keep-raw\":true}", "no key is called \"keep-raw\"; did you mean keep_raw?"),
            ("{\"filter\":\"\"}", "no key is called \"filter\"; known are from, layout, separator, quote, "),
            ("{\"keep_raw\":1}", "keep_raw: expected true or false, found 1"),
            ("{\"keep_raw\":\"true\"}", "keep_raw: expected true or false, found \"true\""),
            ("{\"keep_raw\":null}", "keep_raw: expected true or false, found null"),
            ("{\"keep_raw\":true,\"keep_raw\":true}", "keep_raw is given twice"),
            ("{\"where\":[\"a\"]}", "where: expected a string, found [\"a\"]"),
            ("{\"drop\":\"host\"}", "drop: expected an array, found \"host\""),
            ("{\"drop\":[1]}", "drop: expected a string, found 1"),
            ("{\"lists\":{\"a\":1}}", "lists: \"a\": expected a string, found 1"),
            ("{\"lists\":[]}", "lists: expected an object, found []"),
            ("{\"to\":\"OCSF\"}", "to: expected one of flat, ocsf, ecs, otel, found \"OCSF\""),
            ("{\"observed_at_ms\":-1}", "observed_at_ms: expected a whole number of milliseconds, found -1"),
            (
                "{\"observed_at_ms\":1.0}",
                "observed_at_ms: expected a whole number of milliseconds, found 1.0",
            ),
            ("{\"zone\":{}}", "zone: offset is missing"),
            ("{\"zone\":{\"offset\":2147483648}}", "zone: offset: expected a whole number of seconds"),
            ("{\"zone\":{\"offset\":0,\"changes\":[[1]]}}", "zone: changes: expected a moment and an offset"),
            ("{\"zone\":{\"offset\":0,\"changes\":[[1,2,3]]}}", "zone: changes: expected a moment and"),
        ];
        for (json, message) in cases {
            let error = Config::from_json(json.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with(&format!("configuration: {message}")), "{json}: {error}");
            assert!(serde_json::from_str::<Config>(json).is_err(), "{json}");
        }
        let error = Config::from_json(b"{\"from\":\"\xff\"}").unwrap_err().to_string();
        assert_eq!(error, "configuration: it is no UTF-8 at offset 9");
    }

    #[test]
    fn local_times_around_changes() {
        // Berlin in 2023: forward at 1679792400 (01:00 UTC), back at 1698541200 (01:00 UTC).
        let zone = Zone { offset: 3600, changes: vec![(1_679_792_400, 7200), (1_698_541_200, 3600)] };
        let cases = [
            (1_679_792_400 + 3600 - 1, 3600),
            // 02:30 is skipped.
            (1_679_792_400 + 3600 + 1800, 3600),
            (1_679_792_400 + 7200, 7200),
            (1_698_541_200 + 3600 - 1, 7200),
            // 02:30 occurs twice.
            (1_698_541_200 + 3600 + 1800, 7200),
            (1_698_541_200 + 7200, 3600),
        ];
        for (local, offset) in cases {
            assert_eq!(zone.offset_at(local), offset, "{local}");
        }
        assert_eq!(Zone { offset: 28_800, changes: vec![] }.offset_at(0), 28_800);
    }
}
