//! OpenTelemetry: log records as OTLP/JSON.
//!
//! There are no conventions for flow logs. What the semantic conventions have a name for has
//! that name; all else is named after the provider, the product and the kind of record, as in
//! `huawei.vpc.flow.bytes`, and the source's own keys as in `huawei.vpc.flow.extra.<key>`.
//! The time is the window's end, as in the collector's reader of AWS flow logs.
//!
//! Each record is a line, a whole `LogsData` with one record. [`Joiner`] puts many records
//! into a line, as the collector's file exporter writes them.

use std::ops::Range;

use memchr::{memchr, memmem};

use crate::{
    catalog::meaning::Meaning as M,
    json::output::Output,
    record::fields::Field as F,
    schemas::{
        event::{Event, Item, SeverityLevel, Uses},
        frames::Notes,
        nested,
        table::{
            Cell, How, Known, Row, address, copy, covers_every_field, either, extra, known, made, meant,
            number, original, picked, text, tls_name, tls_version, uses,
        },
        tree::{name, write_item},
    },
    value::{
        double,
        raw::{Raw, RawKind},
    },
};

/// How many records the [`Joiner`] puts into a line.
pub const RECORDS_PER_LINE: usize = 512;

/// A line of the [`Joiner`] ends behind the record that makes it this long, in bytes.
pub const BYTES_PER_LINE: usize = 4 << 20;

/// Where in a `LogsData` a value goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    /// An attribute of the resource.
    Resource,
    /// A member of the log record.
    Record,
    /// An attribute of the log record.
    Attribute,
}

impl Section {
    /// What stands before the name, for people.
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::Resource => "resource.attributes: ",
            Self::Record => "",
            Self::Attribute => "attributes: ",
        }
    }
}

use Section::{Attribute, Record, Resource};

/// The rows without their places.
const PLAIN: [Row; ROWS.len()] = {
    let (mut rows, mut i) = ([ROWS[0].1; ROWS.len()], 0);
    while i < ROWS.len() {
        rows[i] = ROWS[i].1;
        i += 1;
    }
    rows
};

pub(super) static USES: Uses = uses(&PLAIN);

/// What the encoder needs of the rows.
static CELLS: [(Section, Cell); ROWS.len()] = {
    let mut cells = [(Resource, ROWS[0].1.cell); ROWS.len()];
    let mut i = 0;
    while i < ROWS.len() {
        cells[i] = (ROWS[i].0, ROWS[i].1.cell);
        // They are written in one pass.
        assert!(i == 0 || ROWS[i].0 as usize >= ROWS[i - 1].0 as usize, "the rows of a place are apart");
        i += 1;
    }
    assert!(covers_every_field(&PLAIN), "a field is not in the table");
    cells
};

/// The mapping.
#[rustfmt::skip]
pub(super) const ROWS: [(Section, Row); 66] = [
    (Resource, made(&[F::Provider], "cloud.provider", |e| Some(Item::Text(match e.text(F::Provider)? {
        "huawei" => "huawei_cloud",
        "alibaba" => "alibaba_cloud",
        "baidu" => "baidu_cloud",
        other => other,
    })), "huawei_cloud, alibaba_cloud, baidu_cloud or aws")),
    (Resource, copy(&[F::AccountId], "cloud.account.id")),
    (Resource, copy(&[F::Region], "cloud.region")),
    (Resource, meant(M::Zone, "cloud.availability_zone", text, "")),
    (Resource, meant(M::ClusterArn, "aws.ecs.cluster.arn", text, "")),
    (Resource, meant(M::TaskArn, "aws.ecs.task.arn", text, "")),
    (Resource, meant(M::Task, "aws.ecs.task.id", text, "")),
    (Resource, meant(M::Container, "container.id", text, "")),

    (Record, picked(&[F::EndMs, F::StartMs, F::LogTimeMs], "timeUnixNano", |e| {
        e.first_time(&[F::EndMs, F::StartMs, F::LogTimeMs]).map(Item::Nanos)
    }, "end, else start, else log time")),
    (Record, picked(&[F::LogTimeMs], "observedTimeUnixNano", |e| {
        let observed = e.choices.observed_at.filter(|_| e.time_source().is_some());
        e.number(F::LogTimeMs).or(observed).map(Item::Nanos)
    }, "log time; the time of observation where the record has no time")),
    (Record, made(&[F::Severity], "severityNumber", |e| Some(Item::Number(match SeverityLevel::of(e.text(F::Severity)?)? {
        SeverityLevel::Informational | SeverityLevel::Low => 9,
        SeverityLevel::Medium => 13,
        SeverityLevel::High => 17,
        SeverityLevel::Critical | SeverityLevel::Fatal => 21,
    })), "info and low 9, medium 13, high 17, critical and fatal 21")),
    (Record, copy(&[F::Severity], "severityText")),
    (Record, made(&[F::Provider, F::Product, F::Kind], "eventName", |e| Some(Item::Dotted([F::Provider, F::Product, F::Kind].map(|f| e.text(f).unwrap_or("unknown")))),
        "provider, product and kind, with dots between them")),
    (Record, original("body")),

    (Attribute, copy(&[F::SrcIp], "source.address")),
    (Attribute, copy(&[F::SrcPort], "source.port")),
    (Attribute, copy(&[F::DstIp], "destination.address")),
    (Attribute, copy(&[F::DstPort], "destination.port")),
    (Attribute, copy(&[F::Transport], "network.transport")),
    (Attribute, meant(M::Client, "client.address", address, "")),
    (Attribute, meant(M::Proxy, "network.peer.address", address, "")),
    (Attribute, known(&[F::SrcIp, F::DstIp], "network.type", Known::NetworkType, "ipv4 or ipv6")),
    (Attribute, made(&[F::App], "network.protocol.name", |e| e.text(F::App).map(Item::Lower), "in lower case")),
    (Attribute, made(&[F::Direction], "network.io.direction", |e| Some(Item::Text(match e.text(F::Direction)? {
        "ingress" => "receive",
        _ => "transmit",
    })), "receive for ingress, transmit for egress")),
    (Attribute, known(&[F::SrcIp, F::DstIp, F::Protocol, F::SrcPort, F::DstPort], "network.community_id",
        Known::CommunityId, "Community ID version 1, seed 0")),
    (Attribute, copy(&[F::Host], "server.address")),
    (Attribute, copy(&[F::Method], "http.request.method")),
    (Attribute, meant(M::ForwardedFor, "http.request.header.x-forwarded-for", |e, raw| match text(e, raw) {
        Some(Item::Text(t)) => Some(Item::Texts(t)),
        _ => None,
    }, "an array with the header as it is")),
    (Attribute, copy(&[F::HttpStatus], "http.response.status_code")),
    (Attribute, meant(M::ResponseBodySize, "http.response.body.size", number, "")),
    (Attribute, meant(M::UserAgent, "user_agent.original", text, "")),
    (Attribute, meant(M::TlsVersion, "tls.protocol.version", tls_version, "the number")),
    (Attribute, meant(M::TlsVersion, "tls.protocol.name", tls_name, "its name, in lower case")),
    (Attribute, copy(&[F::Url], "url.original")),
    (Attribute, made(&[F::Url], "url.path", |e| e.path_and_query().map(|p| Item::Text(p.0)), "unless it is a whole URL, with ://")),
    (Attribute, either(&[F::Url], |e| e.path_and_query()?.1.map(Item::Text), M::Arguments, "url.query", text,
        "of a URL without ://; else the arguments")),
    (Attribute, meant(M::Scheme, "url.scheme", text, "")),
    (Attribute, copy(&[F::RuleName], "security_rule.name")),
    (Attribute, copy(&[F::RuleId], "security_rule.uuid")),
    (Attribute, copy(&[F::Attack], "security_rule.category")),
    (Attribute, copy(&[F::RecordId], "log.record.uid")),
    (Attribute, copy(&[F::LogFile], "log.file.path")),
    (Attribute, picked(&[F::LogOffset], "log.file.record_offset", |e| e.item(F::LogOffset), "as the collector's file receiver has it")),
    (Attribute, copy(&[F::StartMs], "{provider}.{product}.{kind}.start_ms")),
    (Attribute, copy(&[F::EndMs], "{provider}.{product}.{kind}.end_ms")),
    (Attribute, copy(&[F::Protocol], "{provider}.{product}.{kind}.protocol")),
    (Attribute, copy(&[F::Action], "{provider}.{product}.{kind}.action")),
    (Attribute, copy(&[F::LogStatus], "{provider}.{product}.{kind}.log_status")),
    (Attribute, copy(&[F::Packets], "{provider}.{product}.{kind}.packets")),
    (Attribute, copy(&[F::Bytes], "{provider}.{product}.{kind}.bytes")),
    (Attribute, copy(&[F::PacketsOut], "{provider}.{product}.{kind}.packets_out")),
    (Attribute, copy(&[F::BytesOut], "{provider}.{product}.{kind}.bytes_out")),
    (Attribute, copy(&[F::PacketsIn], "{provider}.{product}.{kind}.packets_in")),
    (Attribute, copy(&[F::BytesIn], "{provider}.{product}.{kind}.bytes_in")),
    (Attribute, copy(&[F::TcpFlags], "{provider}.{product}.{kind}.tcp_flags")),
    (Attribute, copy(&[F::VpcId], "{provider}.{product}.{kind}.vpc_id")),
    (Attribute, copy(&[F::SubnetId], "{provider}.{product}.{kind}.subnet_id")),
    (Attribute, copy(&[F::InterfaceId], "{provider}.{product}.{kind}.interface_id")),
    (Attribute, copy(&[F::InstanceId], "{provider}.{product}.{kind}.instance_id")),
    (Attribute, copy(&[F::ResourceId], "{provider}.{product}.{kind}.resource_id")),
    (Attribute, copy(&[F::TrafficPath], "{provider}.{product}.{kind}.traffic_path")),
    (Attribute, copy(&[F::SrcRegion], "{provider}.{product}.{kind}.src_region")),
    (Attribute, copy(&[F::DstRegion], "{provider}.{product}.{kind}.dst_region")),
    (Attribute, copy(&[F::SrcVpcId], "{provider}.{product}.{kind}.src_vpc_id")),
    (Attribute, copy(&[F::DstVpcId], "{provider}.{product}.{kind}.dst_vpc_id")),
    (Attribute, extra("{provider}.{product}.{kind}.extra.*", "the source's keys; arrays and objects as JSON text")),
];

const HEAD: &[u8] = br#"{"resourceLogs":[{"resource":"#;
/// In place of the head, for the second resource of a line and those behind it.
const NEXT: &[u8] = br#",{"resource":"#;
const MIDDLE: &[u8] = br#","scopeLogs":[{"scope":{"name":"weir"},"logRecords":["#;
const TAIL: &[u8] = b"]}]}";
const END: &[u8] = b"]}\n";

/// Appends an event as a `LogsData` with one record, and a line break.
#[inline(never)]
pub(super) fn encode(event: &Event<'_>, notes: &mut Notes<'_>, out: &mut Output) {
    out.extend_from_slice(HEAD);
    out.extend_from_slice(b"{\"attributes\":[");
    let mut place = Resource;
    for (at, cell) in &CELLS {
        if *at != place {
            place = *at;
            if place == Record {
                out.extend_from_slice(b"]}");
                out.extend_from_slice(MIDDLE);
                out.push(b'{');
            } else {
                out.separate();
                out.extend_from_slice(b"\"attributes\":[");
            }
        }
        let item = cell.item(event);
        if matches!(cell.how, How::Extra) {
            notes.write(cell, event, None, event.extra().next().is_some(), write_attributes, out);
            continue;
        }
        if item.is_none() {
            notes.write(cell, event, None, false, write_item, out);
        } else if place == Record {
            out.separate();
            out.push(b'"');
            out.extend_from_slice(cell.path.as_bytes());
            out.extend_from_slice(b"\":");
            // The body may hold anything; the other members have a type.
            let write = if matches!(cell.how, How::Original) { write_any } else { write_item };
            notes.write(cell, event, item, true, write, out);
        } else {
            attribute(cell.path, "", event, out);
            notes.write(cell, event, item, true, write_any, out);
            out.push(b'}');
        }
    }
    out.extend_from_slice(b"]}");
    out.extend_from_slice(TAIL);
    out.extend_from_slice(END);
}

/// Appends a value with its type.
fn write_any(_: &Cell, _: &Event<'_>, item: Option<Item<'_>>, out: &mut Output) {
    if let Some(item) = item {
        any(item, out);
    }
}

/// Appends the members of `extra` as attributes.
fn write_attributes(cell: &Cell, event: &Event<'_>, _: Option<Item<'_>>, out: &mut Output) {
    let prefix = cell.path.trim_end_matches('*');
    for (key, value) in event.extra() {
        attribute(prefix, key, event, out);
        raw(value, out);
        out.push(b'}');
    }
}

/// Opens an attribute; its value and a brace follow.
fn attribute(path: &str, key: &str, event: &Event<'_>, out: &mut Output) {
    out.separate();
    out.extend_from_slice(b"{\"key\":\"");
    name(path, event, out);
    out.characters(key);
    out.extend_from_slice(b"\",\"value\":");
}

/// Appends a value with its type. Integers have 64 bits and a sign; larger ones are strings.
fn any(item: Item<'_>, out: &mut Output) {
    if let Item::Texts(text) = item {
        out.extend_from_slice(b"{\"arrayValue\":{\"values\":[");
        any(Item::Text(text), out);
        return out.extend_from_slice(b"]}}");
    }
    let (kind, item): (&[u8], _) = match item {
        Item::Number(n) if i64::try_from(n).is_ok() => (b"{\"intValue\":", Item::Digits(n)),
        Item::Number(n) => (b"{\"stringValue\":", Item::Digits(n)),
        other => (b"{\"stringValue\":", other),
    };
    out.extend_from_slice(kind);
    item.write(out);
    out.push(b'}');
}

/// Appends a value as the source wrote it, with its type.
fn raw(value: Raw<'_>, out: &mut Output) {
    match value.kind {
        RawKind::Text => any(Item::Text(value.text), out),
        RawKind::Literal if value.text == "null" => out.extend_from_slice(b"{}"),
        RawKind::Literal => {
            out.extend_from_slice(b"{\"boolValue\":");
            out.extend_from_slice(value.text.as_bytes());
            out.push(b'}');
        }
        RawKind::Number if value.text.parse::<i64>().is_ok() => {
            out.extend_from_slice(b"{\"intValue\":\"");
            out.extend_from_slice(value.text.as_bytes());
            out.extend_from_slice(b"\"}");
        }
        // What a double can't hold as it is remains text.
        RawKind::Number if value.text.len() > DOUBLE_DIGITS || !is_double(value.text) => {
            any(Item::Text(value.text), out);
        }
        RawKind::Number => {
            out.extend_from_slice(b"{\"doubleValue\":");
            out.extend_from_slice(value.text.as_bytes());
            out.push(b'}');
        }
        RawKind::Nested => {
            out.extend_from_slice(b"{\"stringValue\":");
            nested::write_as_text(value, out);
            out.push(b'}');
        }
    }
}

/// Whether a number has a point, and is no double without end, and none that is zero for want of
/// digits.
fn is_double(text: &str) -> bool {
    let Some((digits, _)) = text.split_once(['e', 'E']) else { return text.contains('.') };
    let is_zero = !digits.bytes().any(|b| matches!(b, b'1'..=b'9'));
    digits.contains('.') && double::finite(text).is_some_and(|n| is_zero || n != 0.0)
}

/// So many characters of a number with a point are told apart by a double.
const DOUBLE_DIGITS: usize = 15;

/// Puts the records of many lines into one, those of a resource together.
///
/// What comes out does not depend on how the input was cut: a line ends behind
/// [`RECORDS_PER_LINE`] records, or [`BYTES_PER_LINE`].
///
/// ```
/// use weir_normalizer::{Config, Stream, schemas::{Schema, otel::Joiner}};
///
/// let config = Config { to: Schema::Otel, ..Config::default() };
/// let line = b"1 5f67944957444bd6bb4fe3b367de8f3d 1d515d18-1b36-47dc-a983-bd6512aed4bd \
///     192.168.0.154 192.168.3.25 38929 53 17 1 96 1548752136 1548752736 ACCEPT OK\n";
/// let (mut stream, mut joiner) = (Stream::new(&config)?, Joiner::default());
/// let mut output = Vec::new();
/// stream.push(&line.repeat(3), |_, made| joiner.push(&made.output, &mut output));
/// stream.finish(|_, made| joiner.push(&made.output, &mut output));
/// joiner.finish(&mut output);
/// assert_eq!(output.iter().filter(|b| **b == b'\n').count(), 1);
/// # Ok::<(), weir_normalizer::Error>(())
/// ```
#[derive(Debug)]
pub struct Joiner {
    /// The beginning of a line that has not come to its end yet.
    begun: Vec<u8>,
    /// The records that are not written yet, in their order.
    records: Vec<HeldRecord>,
    /// Those of them that are not in the bytes that were pushed last.
    kept: Vec<u8>,
    /// Their resources, in the order of the resources' first records.
    groups: Vec<Group>,
    /// The resources' texts, one behind the other.
    resources: Vec<u8>,
    /// Where a resource stands in the groups, by its hash.
    places: Box<[u16; Joiner::PLACES]>,
    /// The group of the last record; most have the same resource.
    last: usize,
    bytes: usize,
    middle: memmem::Finder<'static>,
}

/// A record that is not written yet.
#[derive(Clone, Copy, Debug)]
struct HeldRecord {
    kept: bool,
    start: usize,
    end: usize,
    /// The next one with the same resource, if there is one.
    next: Option<usize>,
}

/// The records of a resource.
#[derive(Debug)]
struct Group {
    hash: u64,
    /// Its text.
    start: usize,
    end: usize,
    first: usize,
    last: usize,
}

/// What a group has to be told from others by, quickly. All of it is compared then.
fn hash(resource: &[u8]) -> u64 {
    // What differs stands at the end, mostly.
    let end = &resource[resource.len().saturating_sub(96)..];
    let (eights, rest) = end.as_chunks();
    let mix = |hash: u64, word: u64| (hash.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let hash = eights.iter().fold(resource.len() as u64, |hash, e| mix(hash, u64::from_le_bytes(*e)));
    let hash = rest.iter().fold(hash, |hash, byte| mix(hash, u64::from(*byte)));
    hash ^ hash >> 32
}

impl Default for Joiner {
    fn default() -> Self {
        Self {
            begun: Vec::new(),
            records: Vec::new(),
            kept: Vec::new(),
            groups: Vec::new(),
            resources: Vec::new(),
            places: Box::new([Self::FREE; Self::PLACES]),
            last: 0,
            bytes: 0,
            middle: memmem::Finder::new(MIDDLE),
        }
    }
}

impl Joiner {
    /// More than there are groups.
    const PLACES: usize = 2 * RECORDS_PER_LINE;
    const FREE: u16 = u16::MAX;

    /// Takes the next bytes of the normalizer's output; appends the lines that are complete.
    pub fn push(&mut self, lines: &[u8], out: &mut Vec<u8>) {
        let mut at = 0;
        if !self.begun.is_empty() {
            let Some(end) = memchr(b'\n', lines) else { return self.begun.extend_from_slice(lines) };
            self.finish_begun(&lines[..end], out);
            at = end + 1;
        }
        while let Some(len) = memchr(b'\n', &lines[at..]) {
            self.line(at, at + len, lines, out);
            at += len + 1;
        }
        self.begun.extend_from_slice(&lines[at..]);
        self.keep(lines);
    }

    /// Keeps those records of the bytes that were pushed last that wait for others.
    fn keep(&mut self, pushed: &[u8]) {
        let all_kept = self.records.iter().rposition(|held| held.kept).map_or(0, |last| last + 1);
        for held in &mut self.records[all_kept..] {
            let start = self.kept.len();
            self.kept.extend_from_slice(&pushed[held.start..held.end]);
            *held = HeldRecord { kept: true, start, end: self.kept.len(), ..*held };
        }
    }

    /// Ends the input; appends what is left.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if !self.begun.is_empty() {
            self.finish_begun(&[], out);
        }
        self.write(&[], out);
    }

    /// Takes the line that has begun, and ends so.
    fn finish_begun(&mut self, end: &[u8], out: &mut Vec<u8>) {
        let mut line = std::mem::take(&mut self.begun);
        line.extend_from_slice(end);
        self.line(0, line.len(), &line, out);
        self.keep(&line);
        line.clear();
        self.begun = line;
    }

    /// Takes a line of the bytes that were pushed last.
    fn line(&mut self, start: usize, end: usize, pushed: &[u8], out: &mut Vec<u8>) {
        let line = &pushed[start..end];
        let Some((resource, record)) = parts(line, &self.middle) else {
            // Not a document of ours; it is passed on as it is.
            self.write(pushed, out);
            out.extend_from_slice(line);
            out.push(b'\n');
            return;
        };
        let number = self.records.len();
        let held =
            HeldRecord { kept: false, start: start + record.start, end: start + record.end, next: None };
        self.records.push(held);
        self.group(&line[resource], number);
        self.bytes += line.len();
        if self.records.len() == RECORDS_PER_LINE || self.bytes >= BYTES_PER_LINE {
            self.write(pushed, out);
        }
    }

    /// Puts a record into the group of its resource.
    fn group(&mut self, resource: &[u8], number: usize) {
        let is_its = |group: &Group, resources: &[u8]| resources[group.start..group.end] == *resource;
        let found = match self.groups.get(self.last) {
            Some(group) if is_its(group, &self.resources) => self.last,
            _ => {
                let hash = hash(resource);
                let mut place = hash as usize % Self::PLACES;
                loop {
                    let there = self.places[place];
                    match self.groups.get(usize::from(there)) {
                        Some(group) if group.hash == hash && is_its(group, &self.resources) => {
                            break usize::from(there);
                        }
                        Some(_) => place = (place + 1) % Self::PLACES,
                        None => {
                            let new = self.groups.len();
                            self.places[place] = new as u16;
                            let start = self.resources.len();
                            self.resources.extend_from_slice(resource);
                            let end = self.resources.len();
                            self.groups.push(Group { hash, start, end, first: number, last: number });
                            self.last = new;
                            return;
                        }
                    }
                }
            }
        };
        let group = &mut self.groups[found];
        self.records[group.last].next = Some(number);
        group.last = number;
        self.last = found;
    }

    /// Appends the records so far as a line.
    fn write(&mut self, pushed: &[u8], out: &mut Vec<u8>) {
        if self.records.is_empty() {
            return;
        }
        for (i, group) in self.groups.iter().enumerate() {
            out.extend_from_slice(if i == 0 { HEAD } else { NEXT });
            out.extend_from_slice(&self.resources[group.start..group.end]);
            out.extend_from_slice(MIDDLE);
            let mut next = Some(group.first);
            while let Some(held) = next.map(|number| self.records[number]) {
                let bytes = if held.kept { &self.kept } else { pushed };
                out.extend_from_slice(&bytes[held.start..held.end]);
                next = held.next;
                if next.is_some() {
                    out.push(b',');
                }
            }
            out.extend_from_slice(TAIL);
        }
        out.extend_from_slice(END);
        self.records.clear();
        self.kept.clear();
        self.groups.clear();
        self.resources.clear();
        self.places.fill(Self::FREE);
        (self.last, self.bytes) = (0, 0);
    }
}

/// Where in a line with one record the resource and the log record are.
fn parts(line: &[u8], middle: &memmem::Finder<'_>) -> Option<(Range<usize>, Range<usize>)> {
    let end = line.strip_suffix(&END[..END.len() - 1])?.strip_suffix(TAIL)?.len();
    let inside = line[..end].strip_prefix(HEAD)?;
    // Quotes within strings are escaped, so this is found nowhere inside of one.
    let at = HEAD.len() + middle.find(inside)?;
    Some((HEAD.len()..at, at + MIDDLE.len()..end))
}
