//! Alibaba Cloud Firewall traffic logs.
//!
//! Specification: "Cloud Firewall User Guide", log fields; topic `cloudfirewall_access_log`.
//!
//! ```text
//! {"__topic__":"cloudfirewall_access_log","aliuid":"1234567890123456","log_type":"internet_log","direction":"in","ip_protocol":"tcp","src_ip":"203.0.113.9","src_port":"53870","dst_ip":"10.1.0.2","dst_port":"443","in_packet_bytes":"4096","in_packet_count":"12","out_packet_bytes":"512","out_packet_count":"9","total_packet_bytes":"4608","total_packet_count":"21","start_time":"1718000340","end_time":"1718000400","rule_result":"pass","app_name":"HTTPS","domain":"www.example.com","url":"/","region_id":"cn-hangzhou","acl_rule_id":"00000000-0000-0000-0000-000000000000"}
//! ```
//! (made from the list of fields)
//!
//! Times are epoch seconds. The `in` and `out` counters are those of the protected side. With
//! direction `in` that is the destination, so `in` is from source to destination; with `out`
//! it is the reverse. Without a direction they stay as they are.
//!
//! Known gaps: types of log other than those samples are not documented.

use super::{A, B, C, Entry, Lines, Product, To, Unit, entry};
use crate::{
    record::Field,
    vocabulary::{ACTION, DIRECTION},
};

const ENTRIES: &[Entry] = &[
    entry(&["aliuid"], To::Text(Field::AccountId)).with(C),
    entry(&["log_type"], To::Extra),
    // Ahead of the counters, which depend on it.
    entry(&["direction"], To::Word(Field::Direction, DIRECTION)),
    entry(&["ip_protocol"], To::Protocol).with(B),
    entry(&["src_ip"], To::Address(Field::SrcIp)),
    entry(&["src_port"], To::Number(Field::SrcPort)),
    entry(&["dst_ip"], To::Address(Field::DstIp)),
    entry(&["dst_port"], To::Number(Field::DstPort)),
    entry(&["in_packet_bytes"], To::Counter(Field::BytesOut, Field::BytesIn)).telling(),
    entry(&["in_packet_count"], To::Counter(Field::PacketsOut, Field::PacketsIn)).telling(),
    entry(&["out_packet_bytes"], To::Counter(Field::BytesIn, Field::BytesOut)).telling(),
    entry(&["out_packet_count"], To::Counter(Field::PacketsIn, Field::PacketsOut)).telling(),
    entry(&["total_packet_bytes"], To::Number(Field::Bytes)).telling(),
    entry(&["total_packet_count"], To::Number(Field::Packets)).telling(),
    entry(&["start_time"], To::Time(Field::StartMs, Unit::Seconds)),
    entry(&["end_time"], To::Time(Field::EndMs, Unit::Seconds)),
    entry(&["rule_result"], To::Word(Field::Action, ACTION)).with(A | B | C),
    entry(&["app_name"], To::Text(Field::App)),
    entry(&["domain"], To::Text(Field::Host)),
    entry(&["url"], To::Text(Field::Url)),
    entry(&["region_id"], To::Text(Field::Region)),
    entry(&["acl_rule_id"], To::Text(Field::RuleId)).with(A),
];

pub(super) const PRODUCT: Product = Product {
    id: "alibaba-cfw",
    provider: "alibaba",
    product: "cfw",
    kind: "flow",
    title: "Cloud Firewall: traffic logs",
    lines: Lines::None,
    writer: None,
    topics: &["cloudfirewall_access_log"],
    layout_begins: &[],
    entries: ENTRIES,
};
