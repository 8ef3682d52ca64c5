//! The flat record: its fields, once, as a table that drives the type, the encoder, the
//! schema and the reader of flat records.

use std::{mem, net::IpAddr};

use crate::value::raw::Raw;

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
    assert!(bytes.len() < 16, "a key with its quotes and colon must be shorter");
    // The quote of a string follows the key.
    let mut all = [b'"'; 16];
    let mut i = 0;
    while i < bytes.len() {
        all[i] = bytes[i];
        i += 1;
    }
    (all, bytes.len() as u8)
}

macro_rules! fields {
    ($($name:ident $key:ident $ty:ident $(($($of:tt)*))?, $doc:literal;)*) => {
        /// A field of the flat record, in the order of its output.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Field {
            $(#[doc = $doc] $name),*
        }

        impl Field {
            /// Every field, in the order of its output; `extra` follows them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The key in the flat record.
            pub const fn key(self) -> &'static str {
                const KEYS: &[&str] = &[$(stringify!($key)),*];
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
                const TYPES: &[FieldType] = &[$($ty $(($($of)*))?),*];
                TYPES[self as usize]
            }

            /// `"key":"` ready for output, and its length without the last quote.
            #[inline]
            pub(crate) const fn json_key(self) -> (&'static [u8; 16], u8) {
                const KEYS: &[([u8; 16], u8)] = &[$(padded(concat!("\"", stringify!($key), "\":"))),*];
                let (key, len) = &KEYS[self as usize];
                (key, *len)
            }
        }
    };
}

/// The table of fields, for whoever makes something of each: the name, the key, the type, and what
/// it holds.
macro_rules! table {
    ($then:ident) => {
        $then! {
            Provider provider Word(&["huawei", "alibaba", "baidu", "aws"]), "The cloud that wrote the record.";
            Product product Text, "The product of that cloud.";
            Kind kind Word(&["flow", "access", "attack", "session"]), "What kind of event it is.";
            StartMs start_ms Millis, "Start of the window, or the one instant of the event.";
            EndMs end_ms Millis, "End of the window.";
            LogTimeMs log_time_ms Millis, "The time of the innermost envelope that has one.";
            SrcIp src_ip Address, "Source address.";
            SrcPort src_port Integer(65535), "Source port.";
            DstIp dst_ip Address, "Destination address.";
            DstPort dst_port Integer(65535), "Destination port.";
            Protocol protocol Integer(255), "IANA protocol number.";
            Transport transport Text, "IANA protocol keyword, in lower case.";
            Direction direction Word(&["ingress", "egress"]), "Direction, as the source sees it.";
            Action action Word(&["accept", "reject", "log", "challenge"]), "What was done: `log` is seen and let through.";
            LogStatus log_status Word(&["ok", "nodata", "skipdata"]), "Whether the window had traffic, and all of it was recorded.";
            Packets packets Integer(u64::MAX), "Packets in the window.";
            Bytes bytes Integer(u64::MAX), "Bytes in the window.";
            PacketsOut packets_out Integer(u64::MAX), "Packets from source to destination.";
            BytesOut bytes_out Integer(u64::MAX), "Bytes from source to destination.";
            PacketsIn packets_in Integer(u64::MAX), "Packets from destination to source.";
            BytesIn bytes_in Integer(u64::MAX), "Bytes from destination to source.";
            TcpFlags tcp_flags Integer(65535), "TCP flags of the window, OR-ed.";
            AccountId account_id Text, "Account or project.";
            Region region Text, "Cloud region, never geography.";
            VpcId vpc_id Text, "VPC.";
            SubnetId subnet_id Text, "Subnet.";
            InterfaceId interface_id Text, "Network interface.";
            InstanceId instance_id Text, "Instance: a virtual machine, a router, a gateway.";
            ResourceId resource_id Text, "The resource that the log was made for.";
            TrafficPath traffic_path Text, "Which way the traffic took.";
            SrcRegion src_region Text, "Cloud region of the source.";
            DstRegion dst_region Text, "Cloud region of the destination.";
            SrcVpcId src_vpc_id Text, "VPC of the source.";
            DstVpcId dst_vpc_id Text, "VPC of the destination.";
            App app Text, "Application protocol.";
            Host host Text, "The destination's name.";
            Url url Text, "Path, or the whole URL, as the source writes it.";
            Method method Text, "HTTP method.";
            RuleId rule_id Text, "The rule that matched.";
            RuleName rule_name Text, "Its name.";
            Attack attack Text, "Kind of attack.";
            Severity severity Text, "Severity, in the source's words.";
            HttpStatus http_status Integer(999), "HTTP status of the response.";
            RecordId record_id Text, "The record's id.";
            LogFile log_file Text, "The input that the record is from, only where that is asked for.";
            LogOffset log_offset Integer(i64::MAX as u64), "The offset of the record's text in that input, decompressed, in bytes.";
        }
    };
}
pub(crate) use table;

table!(fields);

impl Field {
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

/// A record on its way out; it borrows from the input.
#[derive(Debug)]
pub struct Record<'a> {
    present: u64,
    /// Where the value of a field is, if the field is present.
    places: [u8; 64],
    values: Vec<Value<'a>>,
    /// What has no field: key and value, in the order of the source.
    pub extra: Vec<(&'a str, Raw<'a>)>,
    /// A value of `extra` that each reader of JSON can read, or not, where one is known.
    pub(crate) readable: Option<(&'a str, bool)>,
}

// A bit for each field.
const _: () = assert!(Field::ALL.len() <= 64);

/// The memory of a record that is done, for the next.
#[derive(Debug, Default)]
pub(crate) struct RecordMemory {
    values: Vec<Value<'static>>,
    extra: Vec<(&'static str, Raw<'static>)>,
}

impl Default for Record<'_> {
    fn default() -> Self {
        Self::new(&mut RecordMemory::default())
    }
}

impl<'a> Record<'a> {
    /// An empty record.
    pub(crate) fn new(memory: &mut RecordMemory) -> Self {
        Self {
            present: 0,
            places: [0; 64],
            values: recycled(mem::take(&mut memory.values)),
            extra: recycled(mem::take(&mut memory.extra)),
            readable: None,
        }
    }

    /// A record with these fields, none of which has its value yet.
    pub(crate) fn of_fields(present: u64, memory: &mut RecordMemory) -> Self {
        Self { present, places: [u8::MAX; 64], ..Self::new(memory) }
    }

    /// Gives the memory back.
    #[inline(always)]
    pub(crate) fn recycle(self, memory: &mut RecordMemory) {
        memory.values = recycled(self.values);
        memory.extra = recycled(self.extra);
    }

    /// Sets a field.
    #[inline(always)]
    pub fn set(&mut self, field: Field, value: Value<'a>) {
        if self.has(field)
            && let Some(old) = self.values.get_mut(usize::from(self.places[field as usize]))
        {
            *old = value;
            return;
        }
        // Fields are taken away when all are set, so there are never many more values than fields.
        self.places[field as usize] = self.values.len() as u8;
        self.values.push(value);
        self.present |= 1 << field as usize;
    }

    /// Takes a field away.
    #[inline]
    pub fn remove(&mut self, field: Field) {
        self.present &= !(1 << field as usize);
    }

    /// Which fields are set, a bit for each.
    pub(crate) fn present(&self) -> u64 {
        self.present
    }

    /// Whether a field is set.
    #[inline]
    pub fn has(&self, field: Field) -> bool {
        self.present & 1 << field as usize != 0
    }

    /// The value of a field.
    #[inline]
    pub fn get(&self, field: Field) -> Option<Value<'a>> {
        let value = || self.values.get(usize::from(self.places[field as usize]));
        if self.has(field) { value().copied() } else { None }
    }

    /// The fields that are set, in the order of their output.
    #[inline]
    pub fn fields(&self) -> impl Iterator<Item = (Field, Value<'a>)> {
        let mut left = self.present;
        std::iter::from_fn(move || {
            if left == 0 {
                return None;
            }
            let i = left.trailing_zeros() as usize;
            left &= left - 1;
            Some((Field::ALL[i], self.values[usize::from(self.places[i])]))
        })
    }
}

/// Empties a vector of borrowed things and keeps its memory for things of another lifetime.
fn recycled<A, B>(mut used: Vec<A>) -> Vec<B> {
    used.clear();
    // Nothing is left to convert; collecting in place keeps the allocation.
    used.into_iter().map(|_| unreachable!()).collect()
}
