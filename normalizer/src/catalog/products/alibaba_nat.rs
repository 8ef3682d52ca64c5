//! Alibaba Cloud NAT gateway session logs.
//!
//! Specification: "Simple Log Service User Guide", NAT gateway session log fields.
//!
//! ```text
//! {"instance":"ngw-bp1d0000000000000000","vpc_id":"vpc-bp1c0000000000000000","protocol":"6","pri_ip":"10.0.0.1","pri_port":"53870","pub_ip":"203.0.113.9","pub_port":"443","nat_ip":"198.51.100.4","nat_port":"1033","bytes_from_pub":"4096","pkts_from_pub":"12","bytes_from_vpc":"512","pkts_from_vpc":"9","start_time":"1718000340","end_time":"1718000400"}
//! ```
//! (made from the list of fields)
//!
//! One record has both directions of a session. The private side is the source; what comes
//! from the VPC goes out. The address and port that the source is translated to have no field; richer
//! schemas have a place for them.
//!
//! Known gaps: the unit of the times is not documented; their magnitude decides.

use crate::{catalog::{meaning::Meaning, product::{A, Entry, Lines, Product, To, entry}}, record::fields::Field, value::time::Unit};

const ENTRIES: &[Entry] = &[
    entry(&["instance", "intstance"], To::Text(Field::InstanceId)),
    entry(&["vpc_id"], To::Text(Field::VpcId)),
    entry(&["protocol", "portocol"], To::Protocol),
    entry(&["pri_ip"], To::Address(Field::SrcIp)).with(A),
    entry(&["pri_port"], To::Number(Field::SrcPort)),
    entry(&["pub_ip"], To::Address(Field::DstIp)).with(A),
    entry(&["pub_port"], To::Number(Field::DstPort)),
    entry(&["nat_ip"], To::Extra).means(Meaning::NatIp).with(A),
    entry(&["nat_port"], To::Extra).means(Meaning::NatPort),
    entry(&["pkts_from_vpc"], To::Number(Field::PacketsOut)).telling(),
    entry(&["bytes_from_vpc"], To::Number(Field::BytesOut)).telling(),
    entry(&["pkts_from_pub"], To::Number(Field::PacketsIn)).telling(),
    entry(&["bytes_from_pub"], To::Number(Field::BytesIn)).telling(),
    entry(&["start_time"], To::Time(Field::StartMs, Unit::Guess)),
    entry(&["end_time"], To::Time(Field::EndMs, Unit::Guess)),
];

pub(crate) const PRODUCT: Product = Product {
    id: "alibaba-nat",
    provider: "alibaba",
    product: "nat",
    kind: "session",
    title: "NAT Gateway: session logs",
    lines: Lines::None,
    topics: &[],
    layout_begins: &[],
    entries: ENTRIES,
};
