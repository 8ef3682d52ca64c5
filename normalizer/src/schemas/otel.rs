//! OpenTelemetry: log records as OTLP/JSON.
//!
//! There are no conventions for flow logs. What the semantic conventions have a name for has
//! that name; all else is named after the provider, the product and the kind of record, as in
//! `huawei.vpc.flow.bytes`, and the source's own keys as in `huawei.vpc.flow.extra.<key>`.
//! The time is the window's end, as in the collector's reader of AWS flow logs.
//!
//! Each record is a line, a whole `LogsData` with one record. [`Joiner`] puts many records
//! into a line, as the collector's file exporter writes them.

use std::collections::HashMap;

use memchr::{memchr, memmem};

use crate::{
    catalog::meaning::Meaning as M,
    json::output::Output,
    record::fields::Field as F,
    schemas::{
        event::{Event, Item, SeverityLevel, Uses},
        frames::Notes,
        table::{
            Cell, How, Row, address, copy, covers_every_field, either, extra, made, meant, number, original,
            text, tls_name, tls_version, uses,
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
pub(super) const ROWS: [(Section, Row); 64] = [
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

    (Record, made(&[F::EndMs, F::StartMs, F::LogTimeMs], "timeUnixNano", |e| {
        e.first_time(&[F::EndMs, F::StartMs, F::LogTimeMs]).map(Item::Nanos)
    }, "end, else start, else log time")),
    (Record, made(&[F::LogTimeMs], "observedTimeUnixNano", |e| {
        let observed = e.observed_at.filter(|_| e.time_source().is_some());
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
    (Attribute, made(&[F::SrcIp, F::DstIp], "network.type", |e| e.network_type(), "ipv4 or ipv6")),
    (Attribute, made(&[F::App], "network.protocol.name", |e| e.text(F::App).map(Item::Lower), "in lower case")),
    (Attribute, made(&[F::Direction], "network.io.direction", |e| Some(Item::Text(match e.text(F::Direction)? {
        "ingress" => "receive",
        _ => "transmit",
    })), "receive for ingress, transmit for egress")),
    (Attribute, made(&[F::SrcIp, F::DstIp, F::Protocol, F::SrcPort, F::DstPort], "network.community_id",
        |e| e.community_id(), "Community ID version 1, seed 0")),
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
            out.extend_from_slice(b"{\"stringValue\":\"");
            let start = out.len();
            out.raw(value);
            quote_in_place(start, out);
            out.extend_from_slice(b"\"}");
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

/// Escapes JSON text from `start` on, so that it can stand in a string. It has no control
/// characters: blanks between its tokens are gone, and those in strings are escaped.
fn quote_in_place(start: usize, out: &mut Output) {
    let is_escaped = |b: u8| b == b'"' || b == b'\\';
    let (mut from, more) = (out.len() - start, out[start..].iter().filter(|b| is_escaped(**b)).count());
    for _ in 0..more {
        out.push(0);
    }
    let out = out.written_from(start);
    let mut to = out.len();
    // From behind, so that nothing is overwritten before it was moved.
    while from < to {
        from -= 1;
        to -= 1;
        out[to] = out[from];
        if is_escaped(out[from]) {
            to -= 1;
            out[to] = b'\\';
        }
    }
}

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
#[derive(Debug, Default)]
pub struct Joiner {
    /// The beginning of a line that has not come to its end yet.
    begun: Vec<u8>,
    /// The records of each resource, in the order of the resources' first records.
    groups: Vec<Group>,
    /// Where a resource stands in the groups.
    places: HashMap<Vec<u8>, usize>,
    /// The group of the last record; most have the same resource.
    last: usize,
    records: usize,
    bytes: usize,
}

#[derive(Debug)]
struct Group {
    resource: Vec<u8>,
    /// Their log records, with commas between them.
    records: Vec<u8>,
}

impl Joiner {
    /// Takes the next bytes of the normalizer's output; appends the lines that are complete.
    pub fn push(&mut self, lines: &[u8], out: &mut Vec<u8>) {
        let mut rest = lines;
        while let Some(end) = memchr(b'\n', rest) {
            let line = &rest[..end];
            rest = &rest[end + 1..];
            if self.begun.is_empty() {
                self.line(line, out);
            } else {
                let mut begun = std::mem::take(&mut self.begun);
                begun.extend_from_slice(line);
                self.line(&begun, out);
                begun.clear();
                self.begun = begun;
            }
        }
        self.begun.extend_from_slice(rest);
    }

    /// Ends the input; appends what is left.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        let begun = std::mem::take(&mut self.begun);
        if !begun.is_empty() {
            self.line(&begun, out);
        }
        self.write(out);
    }

    fn line(&mut self, line: &[u8], out: &mut Vec<u8>) {
        let Some((resource, record)) = parts(line) else {
            // Not a document of ours; it is passed on as it is.
            self.write(out);
            out.extend_from_slice(line);
            out.push(b'\n');
            return;
        };
        let place = match self.groups.get(self.last) {
            Some(group) if group.resource == resource => self.last,
            _ => match self.places.get(resource) {
                Some(place) => *place,
                None => {
                    self.groups.push(Group { resource: resource.to_vec(), records: Vec::new() });
                    self.places.insert(resource.to_vec(), self.groups.len() - 1);
                    self.groups.len() - 1
                }
            },
        };
        self.last = place;
        let records = &mut self.groups[place].records;
        if !records.is_empty() {
            records.push(b',');
        }
        records.extend_from_slice(record);
        self.records += 1;
        self.bytes += line.len();
        if self.records == RECORDS_PER_LINE || self.bytes >= BYTES_PER_LINE {
            self.write(out);
        }
    }

    /// Appends the records so far as a line.
    fn write(&mut self, out: &mut Vec<u8>) {
        for (i, group) in self.groups.drain(..).enumerate() {
            out.extend_from_slice(if i == 0 { HEAD } else { NEXT });
            out.extend_from_slice(&group.resource);
            out.extend_from_slice(MIDDLE);
            out.extend_from_slice(&group.records);
            out.extend_from_slice(TAIL);
        }
        if self.records > 0 {
            out.extend_from_slice(END);
        }
        self.places.clear();
        (self.last, self.records, self.bytes) = (0, 0, 0);
    }
}

/// The resource and the log record of a line with one record.
fn parts(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let line = line.strip_prefix(HEAD)?.strip_suffix(&END[..END.len() - 1])?.strip_suffix(TAIL)?;
    // Quotes within strings are escaped, so this is found nowhere inside of one.
    let middle = memmem::find(line, MIDDLE)?;
    Some((&line[..middle], &line[middle + MIDDLE.len()..]))
}
