//! The flat record: its fields, once, as a table that drives the type, the encoder, the
//! schema and the reader of flat records.

use std::net::IpAddr;

/// What values a field takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// One of a few words.
    Word(&'static [&'static str]),
    /// Any string.
    Text,
    /// An unsigned 64-bit integer, at most this.
    Integer(u64),
    /// Milliseconds since 1970-01-01T00:00:00Z.
    Millis,
    /// An IPv4 or IPv6 address.
    Address,
}

const fn padded(text: &str) -> ([u8; 16], u8) {
    let bytes = text.as_bytes();
    assert!(bytes.len() <= 16, "a field's key must be shorter, or the padding longer");
    let mut all = [0; 16];
    let mut i = 0;
    while i < bytes.len() {
        all[i] = bytes[i];
        i += 1;
    }
    (all, bytes.len() as u8)
}

macro_rules! fields {
    ($($name:ident $key:literal $ty:expr, $doc:literal;)*) => {
        /// A field of the flat record, in the order of its output.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Field {
            $(#[doc = $doc] $name),*
        }

        impl Field {
            /// Every field, in the order of its output; `extra` follows them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The key in the flat record.
            pub const fn key(self) -> &'static str {
                const KEYS: &[&str] = &[$($key),*];
                KEYS[self as usize]
            }

            /// What it holds, as a sentence.
            pub const fn doc(self) -> &'static str {
                const DOCS: &[&str] = &[$($doc),*];
                DOCS[self as usize]
            }

            /// What values it takes.
            pub const fn field_type(self) -> FieldType {
                use FieldType::*;
                const TYPES: &[FieldType] = &[$($ty),*];
                TYPES[self as usize]
            }

            /// `,"key":` ready for output, padded to 16 bytes, and its length.
            #[inline]
            pub(crate) fn json_key(self) -> (&'static [u8; 16], u8) {
                static KEYS: &[([u8; 16], u8)] = &[$(padded(concat!(",\"", $key, "\":"))),*];
                let (key, len) = &KEYS[self as usize];
                (key, *len)
            }
        }
    };
}

fields! {
    Provider "provider" Word(&["huawei", "alibaba", "baidu", "aws"]), "The cloud that wrote the record.";
    Product "product" Text, "The product of that cloud.";
    Kind "kind" Word(&["flow", "access", "attack", "session"]), "What kind of event it is.";
    StartMs "start_ms" Millis, "Start of the window, or the one instant of the event.";
    EndMs "end_ms" Millis, "End of the window.";
    LogTimeMs "log_time_ms" Millis, "The time of the innermost envelope that has one.";
    SrcIp "src_ip" Address, "Source address.";
    SrcPort "src_port" Integer(65535), "Source port.";
    DstIp "dst_ip" Address, "Destination address.";
    DstPort "dst_port" Integer(65535), "Destination port.";
    Protocol "protocol" Integer(255), "IANA protocol number.";
    Transport "transport" Text, "IANA protocol keyword, in lower case.";
    Direction "direction" Word(&["ingress", "egress"]), "Direction, as the source sees it.";
    Action "action" Word(&["accept", "reject", "log", "challenge"]), "What was done: `log` is seen and let through.";
    LogStatus "log_status" Word(&["ok", "nodata", "skipdata"]), "Whether the window had traffic, and all of it was recorded.";
    Packets "packets" Integer(u64::MAX), "Packets in the window.";
    Bytes "bytes" Integer(u64::MAX), "Bytes in the window.";
    PacketsOut "packets_out" Integer(u64::MAX), "Packets from source to destination.";
    BytesOut "bytes_out" Integer(u64::MAX), "Bytes from source to destination.";
    PacketsIn "packets_in" Integer(u64::MAX), "Packets from destination to source.";
    BytesIn "bytes_in" Integer(u64::MAX), "Bytes from destination to source.";
    TcpFlags "tcp_flags" Integer(65535), "TCP flags of the window, OR-ed.";
    AccountId "account_id" Text, "Account or project.";
    Region "region" Text, "Cloud region, never geography.";
    VpcId "vpc_id" Text, "VPC.";
    SubnetId "subnet_id" Text, "Subnet.";
    InterfaceId "interface_id" Text, "Network interface.";
    InstanceId "instance_id" Text, "Instance: a virtual machine, a router, a gateway.";
    ResourceId "resource_id" Text, "The resource that the log was made for.";
    TrafficPath "traffic_path" Text, "Which way the traffic took.";
    SrcRegion "src_region" Text, "Cloud region of the source.";
    DstRegion "dst_region" Text, "Cloud region of the destination.";
    SrcVpcId "src_vpc_id" Text, "VPC of the source.";
    DstVpcId "dst_vpc_id" Text, "VPC of the destination.";
    App "app" Text, "Application protocol.";
    Host "host" Text, "The destination's name.";
    Url "url" Text, "Path, or the whole URL, as the source writes it.";
    Method "method" Text, "HTTP method.";
    RuleId "rule_id" Text, "The rule that matched.";
    RuleName "rule_name" Text, "Its name.";
    Attack "attack" Text, "Kind of attack.";
    Severity "severity" Text, "Severity, in the source's words.";
    HttpStatus "http_status" Integer(999), "HTTP status of the response.";
    RecordId "record_id" Text, "The record's id.";
}

impl Field {
    /// A bit for each field whose values are words, which need no escapes.
    const WORDS: u64 = {
        let (mut words, mut i) = (0, 0);
        while i < Self::ALL.len() {
            if matches!(Self::ALL[i].field_type(), FieldType::Word(_)) {
                words |= 1 << i;
            }
            i += 1;
        }
        words
    };

    /// Whether its values are words.
    #[inline]
    pub(crate) fn is_word(self) -> bool {
        Self::WORDS & 1 << self as usize != 0
    }

    /// The field with this key.
    pub fn by_key(key: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|f| f.key() == key)
    }
}

/// A value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// An integer or a time.
    Number(u64),
    /// An address.
    Address(IpAddr),
    /// A string or a word.
    Text(&'a str),
}

/// How a raw value was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RawKind {
    /// A column of a text line, or a JSON string without its quotes and escapes.
    Text,
    /// A JSON number.
    Number,
    /// `true`, `false` or `null`.
    Literal,
    /// An array or an object, as JSON text.
    Nested,
}

/// A value as the source wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raw<'a> {
    /// How it was written.
    pub kind: RawKind,
    /// Its text.
    pub text: &'a str,
}

impl<'a> Raw<'a> {
    /// A column or a string.
    pub fn text(text: &'a str) -> Self {
        Self { kind: RawKind::Text, text }
    }
}

/// A record on its way out; it borrows from the input.
#[derive(Debug)]
pub struct Record<'a> {
    present: u64,
    values: [Value<'a>; Field::ALL.len()],
    /// What has no field: key and value, in the order of the source.
    pub extra: Vec<(&'a str, Raw<'a>)>,
}

// A bit for each field.
const _: () = assert!(Field::ALL.len() <= 64);

impl<'a> Record<'a> {
    /// An empty record that uses this memory for what has no field.
    pub(crate) fn with_memory(memory: Vec<(&'a str, Raw<'a>)>) -> Self {
        Self { present: 0, values: [Value::Number(0); Field::ALL.len()], extra: memory }
    }

    /// Sets a field.
    #[inline]
    pub fn set(&mut self, field: Field, value: Value<'a>) {
        self.values[field as usize] = value;
        self.present |= 1 << field as usize;
    }

    /// Takes a field away.
    #[inline]
    pub fn remove(&mut self, field: Field) {
        self.present &= !(1 << field as usize);
    }

    /// Whether a field is set.
    #[inline]
    pub fn has(&self, field: Field) -> bool {
        self.present & 1 << field as usize != 0
    }

    /// The value of a field.
    #[inline]
    pub fn get(&self, field: Field) -> Option<Value<'a>> {
        self.has(field).then(|| self.values[field as usize])
    }

    /// The fields that are set, in the order of their output.
    #[inline]
    pub fn fields(&self) -> impl Iterator<Item = (Field, Value<'a>)> + '_ {
        let mut left = self.present;
        std::iter::from_fn(move || {
            if left == 0 {
                return None;
            }
            let i = left.trailing_zeros() as usize;
            left &= left - 1;
            Some((Field::ALL[i], self.values[i]))
        })
    }
}

/// Empties a vector of borrowed things and keeps its memory for things of another lifetime.
pub(crate) fn recycle<'b>(mut used: Vec<(&str, Raw<'_>)>) -> Vec<(&'b str, Raw<'b>)> {
    used.clear();
    // Nothing is left to convert; collecting in place keeps the allocation.
    used.into_iter().map(|_| ("", Raw::text(""))).collect()
}
