//! Baidu AI Cloud flow logs.
//!
//! Specification: none. The product's page names the five-tuple, statistics, a time and
//! whether the traffic was allowed; the list of fields is not public.
//!
//! ```text
//! 1 a1b2c3 nat nat-b1x2y3 192.168.0.4 203.0.113.9 53870 443 6 12 4096 1718000340 1718000400 allow OK
//! ```
//! (made; the order of columns is an assumption, the one that other clouds share)
//!
//! The list of fields comes from the user: a layout, or a CSV header. Without one, text lines
//! are read in the assumed order, and only where it is said that they are Baidu's. Keyed
//! records need no order. The words and spellings are those of neighbouring APIs of Baidu.
//! The magnitude of a number says whether a time is seconds or milliseconds.
//!
//! Known gaps: all of the above is unconfirmed.

use crate::{catalog::product::{Entry, Lines, Product, To, entry}, record::fields::Field, value::{time::Unit, words::{ACTION, DIRECTION, LOG_STATUS}}};

const ENTRIES: &[Entry] = &[
    entry(&["version"], To::Version("1")),
    entry(&["account-id"], To::Text(Field::AccountId)),
    entry(&["resource-type"], To::Extra),
    entry(&["resource-id"], To::Text(Field::ResourceId)),
    entry(&["srcaddr", "src_ip", "source_ip"], To::AddressOrName(Field::SrcIp)),
    entry(&["dstaddr", "dst_ip", "dest_ip", "destination_ip"], To::AddressOrName(Field::DstIp)),
    entry(&["srcport", "source_port"], To::Number(Field::SrcPort)),
    entry(&["dstport", "dest_port", "destination_port"], To::Number(Field::DstPort)),
    entry(&["protocol"], To::Protocol),
    entry(&["packets"], To::Number(Field::Packets)),
    entry(&["bytes"], To::Number(Field::Bytes)),
    entry(&["start", "start_time"], To::Time(Field::StartMs, Unit::Guess)),
    entry(&["end", "end_time"], To::Time(Field::EndMs, Unit::Guess)),
    entry(&["action"], To::Word(Field::Action, ACTION)),
    entry(&["log-status"], To::Word(Field::LogStatus, LOG_STATUS)),
    entry(&["direction"], To::Word(Field::Direction, DIRECTION)),
    entry(&["tcp_flags"], To::Number(Field::TcpFlags)),
    entry(&["region"], To::Text(Field::Region)),
    entry(&["vpc_id"], To::Text(Field::VpcId)),
    entry(&["subnet_id"], To::Text(Field::SubnetId)),
    entry(&["eni_id", "interface_id"], To::Text(Field::InterfaceId)),
    entry(&["instance_id"], To::Text(Field::InstanceId)),
    entry(&["ip_version"], To::Extra),
];

pub(crate) const PRODUCT: Product = Product {
    id: "baidu-flow",
    provider: "baidu",
    product: "flow",
    kind: "flow",
    title: "Flow logs (list of fields unconfirmed)",
    lines: Lines::Named(15),
    topics: &[],
    layout_begins: &[],
    entries: ENTRIES,
};
