//! Huawei Cloud Firewall flow logs.
//!
//! Specification: Cloud Firewall "API Reference", "Querying Flow Logs"; "User Guide", "Log
//! Field Description" (LTS).
//!
//! ```text
//! {"bytes":0,"direction":"out2in","dst_ip":"124.71.130.22","dst_port":9595,"end_time":1640771819436,"log_id":"9vefBX4BeIApTBuIJ5Z7","packets":1,"protocol":"TCP","src_ip":"89.248.172.16","src_port":17340,"start_time":1640771819436}
//! ```
//!
//! Times are epoch milliseconds. Counters were integers once and are doubles now; ports were
//! strings, and are so in LTS. The API has no action, LTS has one. Countries, provinces and
//! cities have no field. `to_s` counts from the client to the server, which is the destination;
//! `to_c` back. `vsys` is 1 between the Internet and a VPC, 2 between VPCs. `log_type` is `internet`, `nat`, `vpc` or `vgw`. A newer call of the API has all
//! types of log, and adds what quality of service and SCTP say.
//!
//! Known gaps: the unit of times in LTS is not documented; milliseconds are taken.

use crate::{catalog::{meaning::Meaning, product::{A, B, C, Entry, Lines, Product, Shape, To, entry, join}}, record::fields::Field, value::{time::Unit, words::{DIRECTION, NUMBERED_ACTION}}};

/// Which way a connection goes; a set of telling keys has it for flows alone.
pub(super) const DIRECTION_KEY: Entry =
    entry(&["direction"], To::Word(Field::Direction, DIRECTION));

/// What all of the firewall's logs have.
pub(super) const SHARED: &[Entry] = &[
    entry(&["src_ip"], To::Address(Field::SrcIp)),
    entry(&["src_port"], To::Number(Field::SrcPort)),
    entry(&["dst_ip"], To::Address(Field::DstIp)),
    entry(&["dst_port"], To::Number(Field::DstPort)),
    entry(&["protocol"], To::Protocol),
    entry(&["action"], To::Word(Field::Action, NUMBERED_ACTION)),
    entry(&["app"], To::Text(Field::App)).with(C),
    entry(&["dst_host"], To::Text(Field::Host)),
    entry(&["log_id"], To::Text(Field::RecordId)).with(A),
    entry(&["src_vpc"], To::Text(Field::SrcVpcId)),
    entry(&["dst_vpc"], To::Text(Field::DstVpcId)),
    entry(&["vsys"], To::Extra).shape(Shape::Digits(1)).with(B),
    entry(&["log_type"], To::Extra),
    entry(&["vgw_id"], To::Extra),
    entry(&["qos_rule_id"], To::Extra),
    entry(&["qos_rule_name"], To::Extra),
    entry(&["qos_rule_type"], To::Extra),
    entry(&["src_region_id"], To::Extra).means(Meaning::SourceCountry),
    entry(&["src_region_name"], To::Extra),
    entry(&["src_province_id"], To::Extra),
    entry(&["src_province_name"], To::Extra).means(Meaning::SourceProvinceName),
    entry(&["src_city_id"], To::Extra),
    entry(&["src_city_name"], To::Extra).means(Meaning::SourceCityName),
    entry(&["dst_region_id"], To::Extra).means(Meaning::DestinationCountry),
    entry(&["dst_region_name"], To::Extra),
    entry(&["dst_province_id"], To::Extra),
    entry(&["dst_province_name"], To::Extra).means(Meaning::DestinationProvinceName),
    entry(&["dst_city_id"], To::Extra),
    entry(&["dst_city_name"], To::Extra).means(Meaning::DestinationCityName),
];

const OWN: &[Entry] = &[
    entry(&["start_time"], To::Time(Field::StartMs, Unit::Millis)).with(A | B),
    entry(&["end_time"], To::Time(Field::EndMs, Unit::Millis)).with(B),
    DIRECTION_KEY.with(A | B),
    // When a rule matched; the start where there is no other.
    entry(&["hit_time"], To::Time(Field::StartMs, Unit::Millis)),
    entry(&["packets"], To::Number(Field::Packets)).with(A | B),
    entry(&["bytes"], To::Number(Field::Bytes)).with(A | B),
    entry(&["to_s_pkts"], To::Number(Field::PacketsOut)).telling(),
    entry(&["to_s_bytes"], To::Number(Field::BytesOut)).telling().with(C),
    entry(&["to_c_pkts"], To::Number(Field::PacketsIn)).telling(),
    entry(&["to_c_bytes"], To::Number(Field::BytesIn)).telling(),
    entry(&["qos_channel_id"], To::Extra),
    entry(&["qos_channel_name"], To::Extra),
    entry(&["qos_channel_type"], To::Extra),
    entry(&["qos_drop_packets"], To::Extra),
    entry(&["qos_drop_bytes"], To::Extra),
    entry(&["sctp_verification_tag"], To::Extra),
    entry(&["sctp_is_handshake_flow"], To::Extra),
];

const ENTRIES: &[Entry] = &join::<{ SHARED.len() + OWN.len() }>(SHARED, OWN);

pub(crate) const PRODUCT: Product = Product {
    id: "huawei-cfw",
    provider: "huawei",
    product: "cfw",
    kind: "flow",
    title: "Cloud Firewall: flow logs",
    lines: Lines::None,
    topics: &[],
    layout_begins: &[],
    entries: ENTRIES,
};
